//! A match specification taken apart: what the compiler, the planner and the reference evaluator
//! work on.
//!
//! A clause is two flat lists of nodes, one for its head and one for its guards and body. A node's
//! children follow each other in the list and come after it, so that neither making nor reading nor
//! dropping a tree recurses, however deep it is. Literals are words of the specification's own
//! heap, which is never copied.

use crate::term::{Atom, Word};

/// The number of a node.
pub(crate) type Node = u32;

/// Nodes that follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kids {
    pub(crate) from: Node,
    pub(crate) len: u32,
}

impl Kids {
    pub(crate) fn iter(self) -> std::ops::Range<Node> {
        self.from..self.from + self.len
    }

    pub(crate) fn get(self, index: u32) -> Option<Node> {
        (index < self.len).then(|| self.from + index)
    }
}

/// What a part of a head accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pattern {
    /// `'_'`.
    Any,
    /// `'$N'`, by its place among the variables of the clause.
    Variable(u32),
    /// A term that is `=:=` to this one.
    Literal(Word),
    /// A tuple of these elements.
    Tuple(Kids),
    /// A list of these elements; the last node is its tail.
    List(Kids),
    /// A map that has the keys of the map in the specification, with these values.
    Map(Kids),
}

/// An expression of a guard or body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expr {
    /// `'$N'`.
    Variable(u32),
    /// `'$_'`.
    Object,
    /// `'$$'`.
    Bindings,
    /// A literal.
    Const(Word),
    /// `{self}`.
    Caller,
    /// `{{...}}`.
    Tuple(Kids),
    /// The last node is the tail.
    List(Kids),
    /// All keys, then all values.
    Map(Kids),
    /// A function, by its row in the table of guards.
    Call(u16, Kids),
    And(Kids),
    Or(Kids),
    AndAlso(Kids),
    OrElse(Kids),
}

/// One clause. Node 0 of `patterns` is the head.
#[derive(Debug, Default)]
pub(crate) struct Clause {
    pub(crate) patterns: Vec<Pattern>,
    /// What each pattern is in the specification.
    pub(crate) pattern_words: Vec<Word>,
    pub(crate) exprs: Vec<Expr>,
    /// Roots among `exprs`.
    pub(crate) guards: Vec<Node>,
    /// Roots among `exprs`; the value is that of the last.
    pub(crate) body: Vec<Node>,
    /// By their places, which is the order in which the parser met them.
    pub(crate) variables: Vec<Atom>,
}

impl Clause {
    pub(crate) fn pattern(&self, node: Node) -> Pattern {
        self.patterns[node as usize]
    }

    pub(crate) fn expr(&self, node: Node) -> Expr {
        self.exprs[node as usize]
    }

    /// The expression whose value is the result.
    pub(crate) fn result(&self) -> Expr {
        self.body.last().map_or(Expr::Const(Word::NIL), |node| self.expr(*node))
    }

    /// The places of the variables in ascending order of their numbers, as `'$$'` has them.
    pub(crate) fn ascending(&self) -> Vec<u32> {
        let mut places: Vec<u32> = (0..).take(self.variables.len()).collect();
        // Without leading zeros the longer number is the larger.
        places.sort_by_key(|place| {
            let name = self.variables[*place as usize].name();
            (name.len(), name)
        });
        places
    }

    /// The pattern at that position of the head, counted from zero, if the head is a tuple.
    pub(crate) fn element(&self, index: usize) -> Option<Node> {
        match self.pattern(0) {
            Pattern::Tuple(kids) => kids.get(u32::try_from(index).ok()?),
            _ => None,
        }
    }
}

/// A whole specification.
#[derive(Debug, Default)]
pub(crate) struct Ast {
    pub(crate) clauses: Vec<Clause>,
}

/// Whether an atom is `'$N'`: a decimal number without leading zeros.
pub(crate) fn is_variable(atom: Atom) -> bool {
    names_variable(atom.name())
}

/// The same of a name.
pub(super) fn names_variable(name: &str) -> bool {
    match name.as_bytes() {
        [b'$', b'0'] => true,
        [b'$', b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}
