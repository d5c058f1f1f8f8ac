//! Programs: what a specification is compiled to, and how it reads.
//!
//! A clause is three runs of instructions. The head's are checks, each of which goes on or ends the
//! clause; they jump nowhere. A variable costs none: the compiler knows where in the object it is
//! (its *place*), and whoever needs it looks there. Guards and bodies calculate on a stack, but
//! take operands that need no calculation from where they are; a comparison that is a whole guard
//! is one instruction. What heads and guards ask of small integers and atoms among the elements is
//! noted once more, so that a scan rejects most objects, and accepts many, at a glance.

use std::cmp::Ordering;
use std::fmt;

use super::guard::{Call, Comparison, GUARDS};
use super::subject::Subject;
use crate::term::{Tag, TermRef, Word};

/// Where a part of the subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The subject itself.
    Whole,
    /// An element of the subject, counted from zero.
    Element(u32),
    /// An element of the tuple in a register.
    Within(u32, u32),
    /// A register.
    Register(u32),
}

/// A check of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// The subject is a tuple of so many elements.
    Arity(u32),
    /// This word is there.
    Word(Place, Word),
    /// A term is there that is `=:=` to the literal.
    Literal(Place, Word),
    /// Both places hold the same.
    Same(Place, Place),
    /// A tuple of so many elements is there; it goes into the register.
    Tuple(Place, u32, u32),
    /// A list that is not empty is there; its head goes into the register, its tail into the next.
    Cons(Place, u32),
    /// A map is there; it goes into the register.
    Map(Place, u32),
    /// The map in the first register has the key; its value goes into the second.
    Get(u32, Word, u32),
}

/// What an instruction works on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    /// What was pushed last.
    Pop,
    /// A literal.
    Const(Word),
    /// A part of the subject.
    Place(Place),
}

/// An instruction of a guard or body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Pushes the operand.
    Push(Operand),
    /// Pushes who asks.
    Caller,
    /// Pushes the list of all variables.
    Bindings,
    /// Goes on if the operand is `true`.
    Test(Operand),
    /// Goes on if the comparison holds.
    TestCompare(Comparison, Operand, Operand),
    /// Pushes whether the comparison holds.
    Compare(Comparison, Operand, Operand),
    /// Calls a function, by its row, and pushes the result.
    Unary(u16, Operand),
    /// The second operand is popped first.
    Binary(u16, Operand, Operand),
    /// Three popped operands.
    Ternary(u16),
    /// Of so many booleans.
    And(u32),
    /// Of so many booleans.
    Or(u32),
    /// Jumps if `false` was pushed last, drops `true`, fails for all else.
    AndAlso(u32),
    /// Jumps if `true` was pushed last, drops `false`, fails for all else.
    OrElse(u32),
    /// A tuple of so many.
    Tuple(u32),
    /// A list of so many elements and a tail.
    List(u32),
    /// A map of so many pairs: all keys were pushed, then all values.
    Map(u32),
}

/// What a clause gives, where that takes no calculation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The subject.
    Whole,
    /// A part of the subject.
    Place(Place),
    /// A literal.
    Const(Word),
    /// What is calculated.
    Calculated,
}

/// What can be said of most objects at a glance: all that a clause asks of elements that are one
/// word each.
#[derive(Debug, Default)]
pub(crate) struct Glance {
    /// The arity of the head, if it is a tuple.
    pub(crate) arity: Option<u32>,
    pub(crate) tests: Box<[Quick]>,
    /// Whether the clause asks nothing else.
    pub(crate) complete: bool,
}

/// A comparison of an element with a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quick {
    pub(crate) element: u32,
    pub(crate) word: Word,
    pub(crate) how: QuickTest,
}

/// How an element is compared at a glance.
#[derive(Clone, Copy, Debug)]
pub(crate) enum QuickTest {
    /// It is the word.
    Is,
    /// It is a small integer, as the word is, and less, equal or greater, where these are allowed.
    Order([bool; 3]),
}

/// What a glance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Reject,
    Accept,
    /// One has to look.
    Unclear,
}

impl Glance {
    /// What can be glanced at of checks and guards.
    pub(super) fn new(head: &[Check], guards: &[Op]) -> Self {
        let [Check::Arity(arity), rest @ ..] = head else { return Self::default() };
        let checks = rest.iter().map(|check| match *check {
            Check::Word(Place::Element(element), word) => {
                Some(Quick { element, word, how: QuickTest::Is })
            }
            _ => None,
        });
        let tests: Vec<_> = checks.chain(guards.iter().map(|op| Self::guard(*op))).collect();
        let complete = tests.iter().all(Option::is_some);
        Self { arity: Some(*arity), tests: tests.into_iter().flatten().collect(), complete }
    }

    fn guard(op: Op) -> Option<Quick> {
        let Op::TestCompare(how, a, b) = op else { return None };
        let (how, element, word) = match (a, b) {
            (Operand::Place(Place::Element(at)), Operand::Const(word)) => (how, at, word),
            (Operand::Const(word), Operand::Place(Place::Element(at))) => {
                (how.mirrored(), at, word)
            }
            _ => return None,
        };
        let orders = [Ordering::Less, Ordering::Equal, Ordering::Greater];
        let allowed = orders.map(|order| how.holds_of(order));
        let is_small = word.tag() == Tag::Int;
        is_small.then_some(Quick { element, word, how: QuickTest::Order(allowed) })
    }

    #[inline]
    pub(super) fn verdict(&self, subject: &Subject<'_>) -> Verdict {
        let Some(arity) = self.arity else { return Verdict::Unclear };
        if !subject.has_arity(arity) {
            return Verdict::Reject;
        }
        let mut verdict = if self.complete { Verdict::Accept } else { Verdict::Unclear };
        for test in &self.tests {
            let word = subject.element(test.element);
            match test.how {
                QuickTest::Is if word != test.word => return Verdict::Reject,
                QuickTest::Is => {}
                QuickTest::Order(allowed) => {
                    if word.tag() != Tag::Int {
                        verdict = Verdict::Unclear;
                    } else {
                        // With equal tags words are ordered as the integers above the tags.
                        let order = (word.0 as i64).cmp(&(test.word.0 as i64));
                        if !allowed[(order as i8 + 1) as usize] {
                            return Verdict::Reject;
                        }
                    }
                }
            }
        }
        verdict
    }
}

/// One clause.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) glance: Glance,
    pub(crate) head: Box<[Check]>,
    pub(crate) guards: Box<[Op]>,
    pub(crate) shape: Body,
    pub(crate) body: Box<[Op]>,
    /// Where the variables are, in ascending order of their numbers.
    pub(crate) bindings: Box<[Place]>,
}

/// A compiled specification; its literals are words of the specification.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) clauses: Box<[Code]>,
    pub(crate) registers: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("object"),
            Self::Element(at) => write!(f, "element {}", at + 1),
            Self::Within(register, at) => write!(f, "r{register} element {}", at + 1),
            Self::Register(register) => write!(f, "r{register}"),
        }
    }
}

/// A program with the heap of its literals, to be printed.
pub(crate) struct Listing<'a> {
    pub(crate) program: &'a Program,
    pub(crate) heap: &'a [u64],
}

impl Listing<'_> {
    fn literal(&self, word: Word) -> TermRef<'_> {
        TermRef::new(self.heap, word)
    }

    fn operand(&self, operand: Operand) -> String {
        match operand {
            Operand::Pop => "pop".to_owned(),
            Operand::Const(word) => self.literal(word).to_string(),
            Operand::Place(place) => place.to_string(),
        }
    }

    fn check(&self, check: Check) -> String {
        match check {
            Check::Arity(arity) => format!("object is a tuple of {arity}"),
            Check::Word(place, word) | Check::Literal(place, word) => {
                format!("{place} =:= {}", self.literal(word))
            }
            Check::Same(a, b) => format!("{a} =:= {b}"),
            Check::Tuple(place, arity, into) => {
                format!("r{into} := {place}, a tuple of {arity}")
            }
            Check::Cons(place, into) => {
                format!("r{into}, r{} := head, tail of {place}", into + 1)
            }
            Check::Map(place, into) => format!("r{into} := {place}, a map"),
            Check::Get(map, key, into) => {
                format!("r{into} := value of {} in r{map}", self.literal(key))
            }
        }
    }

    fn op(&self, op: Op) -> String {
        let name = |row: u16| GUARDS[usize::from(row)].name;
        match op {
            Op::Push(operand) => format!("push {}", self.operand(operand)),
            Op::Caller => "push self".to_owned(),
            Op::Bindings => "push variables".to_owned(),
            Op::Test(operand) => format!("test {}", self.operand(operand)),
            Op::TestCompare(how, a, b) => {
                format!("test {} {} {}", self.operand(a), how.name(), self.operand(b))
            }
            Op::Compare(how, a, b) => {
                format!("{} {} {}", self.operand(a), how.name(), self.operand(b))
            }
            Op::Unary(row, a) => format!("{} {}", name(row), self.operand(a)),
            Op::Binary(row, a, b) => {
                format!("{} {}, {}", name(row), self.operand(a), self.operand(b))
            }
            Op::Ternary(row) => format!("{} pop, pop, pop", name(row)),
            Op::And(count) => format!("and of {count}"),
            Op::Or(count) => format!("or of {count}"),
            Op::AndAlso(end) => format!("if false go to {end}"),
            Op::OrElse(end) => format!("if true go to {end}"),
            Op::Tuple(count) => format!("tuple of {count}"),
            Op::List(count) => format!("list of {count}"),
            Op::Map(count) => format!("map of {count}"),
        }
    }
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, code) in (1..).zip(&self.program.clauses) {
            writeln!(f, "clause {number}")?;
            for check in &code.head {
                writeln!(f, "  head   {}", self.check(*check))?;
            }
            for (at, op) in code.guards.iter().enumerate() {
                writeln!(f, "  guard  {at}: {}", self.op(*op))?;
            }
            match code.shape {
                Body::Whole => writeln!(f, "  result object")?,
                Body::Place(place) => writeln!(f, "  result {place}")?,
                Body::Const(word) => writeln!(f, "  result {}", self.literal(word))?,
                Body::Calculated => {
                    for (at, op) in code.body.iter().enumerate() {
                        writeln!(f, "  body   {at}: {}", self.op(*op))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Call {
    /// The instruction that calls the function in that row, its operands on the stack unless given.
    pub(super) fn op(self, row: u16, operands: [Operand; 2]) -> Op {
        let [a, b] = operands;
        match self {
            Self::Unary(_) => Op::Unary(row, a),
            Self::Binary(_) => Op::Binary(row, a, b),
            Self::Ternary(_) => Op::Ternary(row),
            Self::Compare(how) => Op::Compare(how, a, b),
        }
    }
}
