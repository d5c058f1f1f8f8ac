//! The proof that a replacement keeps its key.
//!
//! `select_replace` may only put objects where they belong already, so each clause must show,
//! before any object is looked at, that the key of what its body gives *is* what stands at the key
//! position of its head. The proof is by form, and by ETS's rules: a variable is proved by the same
//! variable, a literal by the same literal, a tuple or list element by element, the whole by
//! `'$_'`, and any key by `{element,KeyPos,'$_'}`. Maps prove nothing, as a pattern matches maps
//! that have more.

use super::ast::{Ast, Clause, Expr, Node, Pattern};
use super::guard::GUARDS;
use crate::term::{Atom, TermRef, View, Word, equal};

/// The first clause, counted from one, that does not show that it keeps the key.
pub(super) fn first_unproved(ast: &Ast, heap: &[u64], keypos: usize) -> Option<usize> {
    let proof = |clause| Proof { clause, heap, keypos };
    (1..).zip(&ast.clauses).find(|(_, clause)| !proof(clause).holds()).map(|(number, _)| number)
}

struct Proof<'a> {
    clause: &'a Clause,
    heap: &'a [u64],
    keypos: usize,
}

/// What is to be the same: a part of the head and one of the body.
#[derive(Clone, Copy)]
enum Pair<'a> {
    Nodes(Node, Node),
    /// A literal in the head.
    Literal(TermRef<'a>, Node),
}

impl<'a> Proof<'a> {
    fn term(&self, word: Word) -> TermRef<'a> {
        TermRef::new(self.heap, word)
    }

    fn holds(&self) -> bool {
        let &[body] = self.clause.body.as_slice() else { return false };
        let index = self.keypos - 1;
        match self.clause.expr(body) {
            Expr::Object => true,
            Expr::Tuple(kids) => {
                let made = u32::try_from(index).ok().and_then(|index| kids.get(index));
                match (self.clause.element(index), made) {
                    (Some(key), Some(made)) => {
                        self.is_key_of_object(made) || self.is_same(Pair::Nodes(key, made))
                    }
                    _ => false,
                }
            }
            Expr::Const(word) => self.is_constant(self.term(word), index),
            _ => false,
        }
    }

    /// `{const,Tuple}`.
    fn is_constant(&self, object: TermRef<'_>, index: usize) -> bool {
        let key = object.as_tuple().and_then(|object| object.get(index));
        match (self.clause.element(index).map(|node| self.clause.pattern(node)), key) {
            (Some(Pattern::Literal(word)), Some(key)) => self.is_literal(self.term(word), key),
            _ => false,
        }
    }

    /// `{element,KeyPos,'$_'}`.
    fn is_key_of_object(&self, made: Node) -> bool {
        let Expr::Call(row, kids) = self.clause.expr(made) else { return false };
        if GUARDS[usize::from(row)].name != "element" {
            return false;
        }
        let mut arguments = kids.iter().map(|kid| self.clause.expr(kid));
        let position = match arguments.next() {
            Some(Expr::Const(word)) => self.term(word).as_i64(),
            _ => None,
        };
        let is_position = position.and_then(|at| usize::try_from(at).ok()) == Some(self.keypos);
        is_position && matches!(arguments.next(), Some(Expr::Object))
    }

    fn is_literal(&self, literal: TermRef<'_>, made: TermRef<'_>) -> bool {
        equal(literal, made) && !mentions_object(literal)
    }

    fn is_same(&self, pair: Pair<'a>) -> bool {
        let mut todo = vec![pair];
        while let Some(pair) = todo.pop() {
            let proved = match pair {
                Pair::Nodes(pattern, made) => self.nodes(pattern, made, &mut todo),
                Pair::Literal(literal, made) => self.literal(literal, made, &mut todo),
            };
            if !proved {
                return false;
            }
        }
        true
    }

    fn nodes(&self, pattern: Node, made: Node, todo: &mut Vec<Pair<'a>>) -> bool {
        match (self.clause.pattern(pattern), self.clause.expr(made)) {
            (Pattern::Literal(word), _) => {
                todo.push(Pair::Literal(self.term(word), made));
                true
            }
            (Pattern::Variable(a), Expr::Variable(b)) => a == b,
            (Pattern::Tuple(a), Expr::Tuple(b)) | (Pattern::List(a), Expr::List(b)) => {
                todo.extend(a.iter().zip(b.iter()).map(|(a, b)| Pair::Nodes(a, b)));
                a.len == b.len
            }
            _ => false,
        }
    }

    fn literal(&self, literal: TermRef<'a>, made: Node, todo: &mut Vec<Pair<'a>>) -> bool {
        match (literal.view(), self.clause.expr(made)) {
            (_, Expr::Const(word)) => self.is_literal(literal, self.term(word)),
            (View::Tuple(parts), Expr::Tuple(kids)) => {
                let pairs = parts.elements().zip(kids.iter());
                todo.extend(pairs.map(|(part, kid)| Pair::Literal(part, kid)));
                parts.len() == kids.len as usize
            }
            (View::List(parts), Expr::List(kids)) => {
                let all = parts.elements().chain(std::iter::once(parts.tail()));
                todo.extend(all.zip(kids.iter()).map(|(part, kid)| Pair::Literal(part, kid)));
                parts.len() + 1 == kids.len as usize
            }
            _ => false,
        }
    }
}

/// Whether `'$_'` or `'$$'` stands anywhere in a literal. ETS proves nothing by these.
fn mentions_object(literal: TermRef<'_>) -> bool {
    let is_special = |atom: Atom| matches!(atom.name(), "$_" | "$$");
    let mut todo = vec![literal];
    while let Some(term) = todo.pop() {
        match term.view() {
            View::Atom(atom) if is_special(atom) => return true,
            View::Tuple(parts) => todo.extend(parts.elements()),
            View::List(parts) => {
                todo.extend(parts.elements());
                todo.push(parts.tail());
            }
            _ => {}
        }
    }
    false
}
