//! From a specification taken apart to a program.
//!
//! **Heads.** The parts of a pattern are visited level by level, so that the cheap checks of an
//! object come before those that open its elements: the arity, words that can be compared as they
//! are, longer literals, and then what lies deeper. The first occurrence of a variable only
//! remembers its place, each later one is a check.
//!
//! **Guards and bodies.** In post-order. An operand that is a literal or a variable is written into
//! the instruction that uses it. A guard that is an `and` or `andalso` becomes its parts, each a
//! guard of its own, which is the same there: whatever is not `true` fails the clause, and so does
//! what cannot be calculated. Of a body only the last expression is compiled, as no other can be
//! told to have been there. Nothing recurses.

use std::collections::VecDeque;

use super::ast::{Ast, Clause, Expr, Kids, Node, Pattern};
use super::guard::GUARDS;
use super::program::{Body, Check, Code, Glance, Op, Operand, Place, Program};
use crate::term::{Arena, Atom, TermRef, View};

/// Compiles a specification whose literals are words of `heap`.
pub(super) fn compile(ast: &Ast, heap: &[u64]) -> Program {
    let mut registers = 0;
    let clauses = ast.clauses.iter().map(|clause| {
        let head = Head::compile(clause, heap);
        registers = registers.max(head.registers);
        code(clause, head)
    });
    let clauses = clauses.collect();
    Program { clauses, registers }
}

fn code(clause: &Clause, head: Head) -> Code {
    let places = &head.places;
    let place = |variable: u32| places[variable as usize];
    let shape = match clause.result() {
        Expr::Object => Body::Whole,
        Expr::Variable(variable) => Body::Place(place(variable)),
        Expr::Const(word) => Body::Const(word),
        _ => Body::Calculated,
    };
    let mut guards = Emitter { clause, places, ops: Vec::new(), jumps: Vec::new() };
    guards.guards();
    let guards = guards.ops.into_boxed_slice();
    let mut body = Emitter { clause, places, ops: Vec::new(), jumps: Vec::new() };
    if let (Body::Calculated, Some(node)) = (shape, clause.body.last()) {
        body.expression(*node);
    }
    let uses_bindings = |ops: &[Op]| ops.iter().any(|op| matches!(op, Op::Bindings));
    let body = body.ops.into_boxed_slice();
    let bindings = if uses_bindings(&guards) || uses_bindings(&body) {
        clause.ascending().into_iter().map(place).collect()
    } else {
        Box::default()
    };
    let glance = Glance::new(&head.checks, &guards);
    Code { glance, head: head.checks.into_boxed_slice(), guards, shape, body, bindings }
}

/// The checks of a head under construction.
struct Head {
    checks: Vec<Check>,
    /// Of the variables.
    places: Vec<Place>,
    known: Vec<bool>,
    registers: u32,
}

impl Head {
    fn compile(clause: &Clause, heap: &[u64]) -> Self {
        let variables = clause.variables.len();
        let mut head = Self {
            checks: Vec::new(),
            places: vec![Place::Whole; variables],
            known: vec![false; variables],
            registers: 0,
        };
        let mut open = VecDeque::new();
        head.simple(clause, 0, Place::Whole, &mut open);
        while let Some((node, place)) = open.pop_front() {
            head.open(clause, heap, node, place, &mut open);
        }
        head
    }

    fn registers(&mut self, count: u32) -> u32 {
        let first = self.registers;
        self.registers += count;
        first
    }

    /// A pattern that is checked at once; others are put on the list.
    fn simple(
        &mut self,
        clause: &Clause,
        node: Node,
        place: Place,
        open: &mut VecDeque<(Node, Place)>,
    ) {
        match clause.pattern(node) {
            Pattern::Any => {}
            Pattern::Literal(word) if word.is_immediate() => {
                self.checks.push(Check::Word(place, word));
            }
            Pattern::Literal(word) => self.checks.push(Check::Literal(place, word)),
            Pattern::Variable(variable) => {
                let at = variable as usize;
                if std::mem::replace(&mut self.known[at], true) {
                    self.checks.push(Check::Same(self.places[at], place));
                } else {
                    self.places[at] = place;
                }
            }
            Pattern::Tuple(_) | Pattern::List(_) | Pattern::Map(_) => {
                open.push_back((node, place));
            }
        }
    }

    /// Checks what a part is outside and goes through what it holds.
    fn open(
        &mut self,
        clause: &Clause,
        heap: &[u64],
        node: Node,
        place: Place,
        open: &mut VecDeque<(Node, Place)>,
    ) {
        match clause.pattern(node) {
            Pattern::Tuple(kids) if place == Place::Whole => {
                self.checks.push(Check::Arity(kids.len));
                self.elements(clause, kids, Place::Element, open);
            }
            Pattern::Tuple(kids) => {
                let register = self.registers(1);
                self.checks.push(Check::Tuple(place, kids.len, register));
                self.elements(clause, kids, |at| Place::Within(register, at), open);
            }
            Pattern::List(kids) => {
                let mut rest = place;
                for kid in kids.iter().take(kids.len as usize - 1) {
                    let register = self.registers(2);
                    self.checks.push(Check::Cons(rest, register));
                    self.simple(clause, kid, Place::Register(register), open);
                    rest = Place::Register(register + 1);
                }
                self.simple(clause, kids.from + kids.len - 1, rest, open);
            }
            Pattern::Map(kids) => {
                let map = self.registers(1);
                self.checks.push(Check::Map(place, map));
                let term = TermRef::new(heap, clause.pattern_words[node as usize]);
                let View::Map(pairs) = term.view() else { return };
                for (kid, key) in kids.iter().zip(pairs.keys()) {
                    let value = self.registers(1);
                    self.checks.push(Check::Get(map, key.word(), value));
                    self.simple(clause, kid, Place::Register(value), open);
                }
            }
            Pattern::Any | Pattern::Variable(_) | Pattern::Literal(_) => {}
        }
    }

    /// The elements of a tuple: first those that are compared as words.
    fn elements(
        &mut self,
        clause: &Clause,
        kids: Kids,
        place: impl Fn(u32) -> Place,
        open: &mut VecDeque<(Node, Place)>,
    ) {
        let is_word = |node: Node| match clause.pattern(node) {
            Pattern::Literal(word) => word.is_immediate(),
            _ => false,
        };
        for words in [true, false] {
            for (at, node) in (0..).zip(kids.iter()) {
                if is_word(node) == words {
                    self.simple(clause, node, place(at), open);
                }
            }
        }
    }
}

/// The instructions of guards or of a body under construction.
struct Emitter<'a> {
    clause: &'a Clause,
    places: &'a [Place],
    ops: Vec<Op>,
    /// Jumps whose end is not known yet.
    jumps: Vec<usize>,
}

/// What is left to do.
enum Todo {
    Visit(Node),
    Emit(Node),
    /// A jump of an `andalso`, or of an `orelse`.
    Jump(bool),
    /// The last so many jumps end here.
    Land(u32),
}

impl Emitter<'_> {
    fn guards(&mut self) {
        let mut todo: Vec<Node> = self.clause.guards.iter().rev().copied().collect();
        while let Some(node) = todo.pop() {
            match self.clause.expr(node) {
                Expr::And(kids) | Expr::AndAlso(kids) => todo.extend(kids.iter().rev()),
                Expr::Const(word) if word == Arena::atom(Atom::TRUE) => {}
                _ => self.guard(node),
            }
        }
    }

    fn guard(&mut self, node: Node) {
        if let Some(operand) = self.direct(node) {
            return self.ops.push(Op::Test(operand));
        }
        self.expression(node);
        let is_call = matches!(self.clause.expr(node), Expr::Call(..));
        match self.ops.last().copied() {
            Some(Op::Compare(how, a, b)) if is_call => {
                self.ops.pop();
                self.ops.push(Op::TestCompare(how, a, b));
            }
            _ => self.ops.push(Op::Test(Operand::Pop)),
        }
    }

    /// What needs no calculation.
    fn direct(&self, node: Node) -> Option<Operand> {
        match self.clause.expr(node) {
            Expr::Const(word) => Some(Operand::Const(word)),
            Expr::Variable(variable) => Some(Operand::Place(self.places[variable as usize])),
            Expr::Object => Some(Operand::Place(Place::Whole)),
            _ => None,
        }
    }

    fn expression(&mut self, root: Node) {
        let mut todo = vec![Todo::Visit(root)];
        while let Some(next) = todo.pop() {
            match next {
                Todo::Visit(node) => self.visit(node, &mut todo),
                Todo::Emit(node) => self.emit(node),
                Todo::Jump(and) => {
                    self.jumps.push(self.ops.len());
                    self.ops.push(if and { Op::AndAlso(0) } else { Op::OrElse(0) });
                }
                Todo::Land(count) => self.land(count),
            }
        }
    }

    fn land(&mut self, count: u32) {
        let here = self.ops.len() as u32;
        for _ in 0..count {
            let Some(jump) = self.jumps.pop() else { return };
            if let Op::AndAlso(end) | Op::OrElse(end) = &mut self.ops[jump] {
                *end = here;
            }
        }
    }

    fn visit(&mut self, node: Node, todo: &mut Vec<Todo>) {
        if let Some(operand) = self.direct(node) {
            return self.ops.push(Op::Push(operand));
        }
        match self.clause.expr(node) {
            Expr::Bindings => self.ops.push(Op::Bindings),
            Expr::Caller => self.ops.push(Op::Caller),
            Expr::AndAlso(kids) => Self::circuit(kids, true, todo),
            Expr::OrElse(kids) => Self::circuit(kids, false, todo),
            Expr::Call(row, kids) => {
                todo.push(Todo::Emit(node));
                let pushed = self.pushed(row, kids);
                todo.extend(kids.iter().rev().filter(|kid| pushed(*kid)).map(Todo::Visit));
            }
            Expr::And(kids)
            | Expr::Or(kids)
            | Expr::Tuple(kids)
            | Expr::List(kids)
            | Expr::Map(kids) => {
                todo.push(Todo::Emit(node));
                todo.extend(kids.iter().rev().map(Todo::Visit));
            }
            Expr::Const(_) | Expr::Variable(_) | Expr::Object => {}
        }
    }

    /// Which arguments of a call go over the stack.
    fn pushed(&self, row: u16, kids: Kids) -> impl Fn(Node) -> bool + '_ {
        let all = GUARDS[usize::from(row)].call.arity() > 2 || kids.len > 2;
        move |node| all || self.direct(node).is_none()
    }

    fn circuit(kids: Kids, and: bool, todo: &mut Vec<Todo>) {
        todo.push(Todo::Land(kids.len - 1));
        for (at, kid) in kids.iter().enumerate().rev() {
            todo.push(Todo::Visit(kid));
            if at > 0 {
                todo.push(Todo::Jump(and));
            }
        }
    }

    fn emit(&mut self, node: Node) {
        let op = match self.clause.expr(node) {
            Expr::And(kids) => Op::And(kids.len),
            Expr::Or(kids) => Op::Or(kids.len),
            Expr::Tuple(kids) => Op::Tuple(kids.len),
            Expr::List(kids) => Op::List(kids.len - 1),
            Expr::Map(kids) => Op::Map(kids.len / 2),
            Expr::Call(row, kids) => {
                let operand = |at: u32| kids.get(at).and_then(|kid| self.direct(kid));
                let operands = [0, 1].map(|at| operand(at).unwrap_or(Operand::Pop));
                GUARDS[usize::from(row)].call.op(row, operands)
            }
            _ => return,
        };
        self.ops.push(op);
    }
}
