//! The planner: which keys a specification can accept, read off its heads and guards.
//!
//! A plan is a promise of one direction: an object that is accepted has a key that is in the plan.
//! So a part that is not understood costs time, never an answer; and everything that is in the plan
//! is still put to the specification.
//!
//! **Where a bound comes from.** A literal in the head at the key position is the key. A variable
//! there is bounded by what guards say of it: `=:=` and `==` with a literal, and, for tables that
//! have an order, `<`, `=<`, `>`, `>=`. `and` and `andalso` take the best of what their parts say,
//! `or` and `orelse` all of it together, as do several clauses. A tuple or list with variables in
//! it is a key once the guards bind these, and in an ordered table a range as far as its first
//! elements are known. `{element,KeyPos,'$_'}` is the key as well, and in an ordered table a guard
//! that compares `{binary_part,Key,0,Size}` bounds binaries by how they begin.
//!
//! **`==` among hashes.** `1 == 1.0`, but a hash table has them in different places. A number has
//! at most three terms that are `==` to it, and all are looked up. A literal without numbers is
//! equal only to itself; of any other the planner makes nothing.
//!
//! A map in a pattern matches maps that have more, so it bounds nothing. Guards are followed to a
//! fixed depth, the only recursion in this layer.

use std::collections::HashMap;
use std::fmt;
use std::ops::Bound;

use num_bigint::BigInt;

use super::ast::{Ast, Clause, Expr, Node, Pattern};
use super::guard::{Call, Comparison, GUARDS};
use super::number::Number;
use super::range::{KeyRange, Shape, edges};
use crate::term::{Edge, Term, TermRef, View, Word};

/// Levels of `and`, `or` and their kin that are followed.
const MAX_DEPTH: u32 = 32;
/// Keys and ranges that are worth looking up one by one.
const MAX_KEYS: usize = 100_000;
/// Ranges of an element within a key; more count as one.
const MAX_SHAPES: usize = 1_000;
/// Words of literals that are put into a key where variables stand.
const MAX_WORDS: usize = 1 << 16;

/// Which keys are visited.
///
/// ```
/// use ferrets::{KeyPlan, Kind, Store, TableOptions, term};
/// let owner = Store::new().owner();
/// let hashed = owner.new_table("hashed", TableOptions::new(Kind::Set))?;
/// let ordered = owner.new_table("ordered", TableOptions::new(Kind::OrderedSet))?;
/// let spec = "[{{'$1'},[{'==','$1',1}],['$1']}]".parse()?;
/// assert_eq!(hashed.explain(&spec).keys(), &KeyPlan::Points(vec![term!(1), term!(1.0)]));
/// assert!(matches!(ordered.explain(&spec).keys(), KeyPlan::Ranges(ranges) if ranges.len() == 1));
/// let spec = "[{not_a_tuple,[],[true]}]".parse()?;
/// assert_eq!(hashed.explain(&spec).keys(), &KeyPlan::Nothing);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlan {
    /// No object can be accepted.
    Nothing,
    /// These keys, different from each other.
    Points(Vec<Term>),
    /// The keys in these ranges, in tables that have an order. They may overlap; what lies in
    /// several is visited once.
    Ranges(Vec<KeyRange>),
    /// All.
    Full,
}

impl KeyPlan {
    /// Whether an object with that key is visited. Equality is `=:=` among points.
    ///
    /// ```
    /// # use ferrets::{KeyPlan, Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// let plan = t.explain(&"[{{'$1'},[{'>','$1',7}],['$1']}]".parse()?);
    /// assert!(plan.keys().contains(term!(8).as_ref()));
    /// assert!(!plan.keys().contains(term!(7.0).as_ref()));
    /// assert!(!KeyPlan::Points(vec![term!(7)]).contains(term!(7.0).as_ref()));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn contains(&self, key: TermRef<'_>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Points(points) => points.iter().any(|point| *point == key),
            Self::Ranges(ranges) => ranges.iter().any(|range| range.contains(key)),
            Self::Full => true,
        }
    }

    /// The key that it consists of, if that is only one, up to `==`.
    fn only_key(&self) -> Option<&Term> {
        match self {
            Self::Points(points) => points.first().filter(|_| points.len() == 1),
            Self::Ranges(ranges) => match &ranges[..] {
                [
                    KeyRange {
                        shape: None,
                        low: Bound::Included(low),
                        high: Bound::Included(high),
                    },
                ] if low.equals(high) => Some(low),
                _ => None,
            },
            _ => None,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, plan) | (plan, Self::Nothing) => plan,
            (Self::Points(mut a), Self::Points(b)) => {
                a.extend(b);
                if a.len() > MAX_KEYS { Self::Full } else { Self::Points(a) }
            }
            (Self::Ranges(mut a), Self::Ranges(b)) => {
                a.extend(b);
                if a.len() > MAX_KEYS { Self::Full } else { Self::Ranges(a) }
            }
            _ => Self::Full,
        }
    }

    /// Both hold; either may be taken, and a range with a range is one.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => Self::Nothing,
            (Self::Full, plan) | (plan, Self::Full) => plan,
            (Self::Points(a), Self::Points(b)) => {
                Self::Points(if b.len() < a.len() { b } else { a })
            }
            (Self::Points(points), _) | (_, Self::Points(points)) => Self::Points(points),
            (Self::Ranges(a), Self::Ranges(b)) => match (&a[..], &b[..]) {
                ([a], _) => Self::Ranges(b.into_iter().map(|b| a.clone().and(b)).collect()),
                (_, [b]) => Self::Ranges(a.into_iter().map(|a| a.and(b.clone())).collect()),
                _ => Self::Ranges(if b.len() < a.len() { b } else { a }),
            },
        }
    }

    /// Without what is there twice.
    fn settled(self) -> Self {
        match self {
            Self::Points(mut points) => {
                points.sort();
                points.dedup();
                if points.is_empty() { Self::Nothing } else { Self::Points(points) }
            }
            Self::Ranges(ranges) if ranges.iter().any(KeyRange::is_any) => Self::Full,
            Self::Ranges(ranges) if ranges.is_empty() => Self::Nothing,
            Self::Ranges(mut ranges) => {
                // Mostly of clauses that want the same key, one after the other.
                ranges.dedup();
                Self::Ranges(ranges)
            }
            Self::Full | Self::Nothing => self,
        }
    }
}

/// What a question to a table will visit, and why: see [`Table::explain`](crate::Table::explain).
///
/// ```
/// use ferrets::{Kind, Store, TableOptions};
/// let owner = Store::new().owner();
/// let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// let plan = t.explain(&"[{{7,'$1'},[],['$1']}]".parse()?);
/// assert_eq!((plan.is_full(), plan.to_string().as_str()), (false, "visits 1 key: 7"));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    keys: KeyPlan,
    clauses: Vec<KeyPlan>,
}

/// A plan, and what tables need to follow it.
#[derive(Debug)]
pub(crate) struct Planned {
    plan: Plan,
    /// The key that it consists of, if that is only one: where it is found at once.
    only: Option<Term>,
    /// In tables that have an order, if it is more than one key: disjoint ranges, ascending.
    ranges: Vec<(Edge, Edge)>,
}

impl Plan {
    /// The keys that are visited.
    ///
    /// ```
    /// # use ferrets::{KeyPlan, Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let plan = t.explain(&"[{{b},[],[1]}, {{a},[],[2]}, {{b},[],[3]}]".parse()?);
    /// assert_eq!(plan.keys(), &KeyPlan::Points(vec![term!(:a), term!(:b)]));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn keys(&self) -> &KeyPlan {
        &self.keys
    }

    /// What each clause asks for by itself.
    ///
    /// ```
    /// # use ferrets::{KeyPlan, Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let plan = t.explain(&"[{{a,'_'},[],[1]}, {{'_',b},[],[2]}]".parse()?);
    /// assert!(plan.is_full()); // because of the second
    /// assert_eq!(plan.clauses(), [KeyPlan::Points(vec![term!(:a)]), KeyPlan::Full]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn clauses(&self) -> &[KeyPlan] {
        &self.clauses
    }

    /// Whether every object is visited.
    ///
    /// ```
    /// # use ferrets::{Kind, MatchSpec, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set).keypos(2))?;
    /// assert!(t.explain(&MatchSpec::objects(&term!({7, :_}))?).is_full());
    /// assert!(!t.explain(&MatchSpec::objects(&term!({:_, 7}))?).is_full()); // its key is known
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.keys == KeyPlan::Full
    }

    /// The plan for tables with their keys at that position. `ordered`: whether they have an order,
    /// in which `1` and `1.0` are one key.
    fn new(ast: &Ast, source: &Term, keypos: usize, ordered: bool) -> Self {
        let clause = |clause| {
            let planner = Planner { clause, source, index: keypos - 1, ordered };
            planner.plan().settled()
        };
        let clauses: Vec<KeyPlan> = ast.clauses.iter().map(clause).collect();
        let all = clauses.iter().cloned().fold(KeyPlan::Nothing, KeyPlan::or);
        let keys = all.settled();
        Self { keys, clauses }
    }
}

impl Planned {
    /// See [`Plan::new`].
    pub(super) fn new(ast: &Ast, source: &Term, keypos: usize, ordered: bool) -> Self {
        let plan = Plan::new(ast, source, keypos, ordered);
        let only = plan.keys.only_key().cloned();
        let ranges = if ordered && only.is_none() { edges(&plan.keys) } else { Vec::new() };
        Self { plan, only, ranges }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The key that is visited, if that is only one, up to `==`.
    #[inline]
    pub(crate) fn only_key(&self) -> Option<&Term> {
        self.only.as_ref()
    }

    /// In tables that have an order, the ranges that are visited if there is no
    /// [only key](Self::only_key): disjoint and in ascending order.
    #[inline]
    pub(crate) fn ranges(&self) -> &[(Edge, Edge)] {
        &self.ranges
    }
}

/// What is the key, as far as expressions can name it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Variable(u32),
    /// The whole object is this variable.
    Object(Option<u32>),
    /// Not the key itself, but this variable in it.
    Within(u32),
    /// Something that no single expression names.
    Other,
}

/// What variables are known to be.
struct Known {
    literals: HashMap<u32, Term>,
    /// Words that may still be copied: one variable can stand anywhere and as often as it likes.
    room: usize,
}

impl Known {
    fn take(&mut self, variable: u32) -> Option<Term> {
        let literal = self.literals.get(&variable)?;
        let mut todo = vec![literal.as_ref()];
        while let Some(part) = todo.pop() {
            let mut words = 1;
            match part.view() {
                View::Tuple(parts) => todo.extend(parts.elements()),
                View::List(parts) => {
                    todo.extend(parts.elements());
                    todo.push(parts.tail());
                }
                View::Map(parts) => todo.extend(parts.keys().chain(parts.values())),
                View::Binary(bytes) => words += bytes.len() / 8,
                View::Bits(bits) => words += bits.bytes().len() / 8,
                View::Big(big) => words += big.magnitude().len(),
                _ => {}
            }
            self.room = self.room.checked_sub(words)?;
        }
        Some(literal.clone())
    }
}

struct Planner<'a> {
    clause: &'a Clause,
    source: &'a Term,
    index: usize,
    ordered: bool,
}

impl Planner<'_> {
    fn literal(&self, word: Word) -> Term {
        self.source.part(word)
    }

    fn plan(&self) -> KeyPlan {
        let key = match self.clause.pattern(0) {
            Pattern::Any => Key::Object(None),
            Pattern::Variable(variable) => Key::Object(Some(variable)),
            Pattern::Tuple(_) => match self.clause.element(self.index) {
                None => return KeyPlan::Nothing,
                Some(node) => match self.clause.pattern(node) {
                    Pattern::Literal(word) => return self.point(self.literal(word), true),
                    Pattern::Variable(variable) => Key::Variable(variable),
                    Pattern::Any => Key::Object(None),
                    Pattern::Tuple(_) | Pattern::List(_) => {
                        return self.guards(Key::Other).and(self.compound(node));
                    }
                    Pattern::Map(_) => Key::Object(None),
                },
            },
            // No object is a list, a map or anything else that is no tuple.
            _ => return KeyPlan::Nothing,
        };
        self.guards(key)
    }

    /// One key, known exactly or only up to `==`.
    fn point(&self, key: Term, exactly: bool) -> KeyPlan {
        if self.ordered {
            return KeyPlan::Ranges(vec![KeyRange::point(key)]);
        }
        if exactly {
            return KeyPlan::Points(vec![key]);
        }
        equals(&key).map_or(KeyPlan::Full, KeyPlan::Points)
    }

    /// What all guards together say of the key.
    fn guards(&self, key: Key) -> KeyPlan {
        let guards = self.clause.guards.iter().map(|guard| self.guard(*guard, key, MAX_DEPTH));
        guards.fold(KeyPlan::Full, KeyPlan::and)
    }

    /// What is true of the key if an expression is `true`.
    fn guard(&self, node: Node, key: Key, depth: u32) -> KeyPlan {
        let Some(depth) = depth.checked_sub(1) else { return KeyPlan::Full };
        match self.clause.expr(node) {
            Expr::And(_) | Expr::AndAlso(_) => {
                let parts = self.parts(node).into_iter().map(|kid| self.guard(kid, key, depth));
                parts.fold(KeyPlan::Full, KeyPlan::and)
            }
            Expr::Or(_) | Expr::OrElse(_) => {
                let parts = self.parts(node).into_iter().map(|kid| self.guard(kid, key, depth));
                parts.fold(KeyPlan::Nothing, KeyPlan::or)
            }
            Expr::Call(..) => match self.comparison(node) {
                Some((how, side, literal)) if self.is_key(side, key) => self.bound(how, literal),
                Some((Comparison::Same | Comparison::Equal, side, literal))
                    if self.ordered && self.is_front(side, key, &literal) =>
                {
                    begins_with(&literal)
                }
                _ => KeyPlan::Full,
            },
            _ => KeyPlan::Full,
        }
    }

    /// The parts of a conjunction or of an alternative, of which some may be the same again: they
    /// are nested where they are written with two at a time.
    fn parts(&self, node: Node) -> Vec<Node> {
        let kids_of = |node: Node| match self.clause.expr(node) {
            Expr::And(kids) | Expr::AndAlso(kids) => Some((true, kids)),
            Expr::Or(kids) | Expr::OrElse(kids) => Some((false, kids)),
            _ => None,
        };
        let whole = kids_of(node).map(|(all, _)| all);
        let (mut parts, mut todo) = (Vec::new(), vec![node]);
        while let Some(node) = todo.pop() {
            match kids_of(node) {
                Some((all, kids)) if Some(all) == whole => todo.extend(kids.iter().rev()),
                _ => parts.push(node),
            }
        }
        parts
    }

    /// A comparison of an expression with a literal, the expression first.
    fn comparison(&self, node: Node) -> Option<(Comparison, Node, Term)> {
        let Expr::Call(row, kids) = self.clause.expr(node) else { return None };
        let Call::Compare(how) = GUARDS[usize::from(row)].call else { return None };
        let (a, b) = (kids.get(0)?, kids.get(1)?);
        match (self.clause.expr(a), self.clause.expr(b)) {
            (_, Expr::Const(word)) => Some((how, a, self.literal(word))),
            (Expr::Const(word), _) => Some((how.mirrored(), b, self.literal(word))),
            _ => None,
        }
    }

    /// Whether an expression is the key.
    fn is_key(&self, node: Node, key: Key) -> bool {
        match self.clause.expr(node) {
            Expr::Variable(variable) => {
                key == Key::Variable(variable) || key == Key::Within(variable)
            }
            _ if matches!(key, Key::Within(_)) => false,
            Expr::Call(row, kids) if GUARDS[usize::from(row)].name == "element" => {
                let (Some(position), Some(of)) = (kids.get(0), kids.get(1)) else { return false };
                let position = match self.clause.expr(position) {
                    Expr::Const(word) => self.literal(word).as_i64(),
                    _ => None,
                };
                let at_key = position.and_then(|at| usize::try_from(at).ok());
                let of_object = match self.clause.expr(of) {
                    Expr::Object => true,
                    Expr::Variable(variable) => key == Key::Object(Some(variable)),
                    _ => false,
                };
                of_object && at_key == Some(self.index + 1)
            }
            _ => false,
        }
    }

    /// Whether an expression is the front of the key, a binary, as long as a literal.
    fn is_front(&self, node: Node, key: Key, literal: &Term) -> bool {
        let Expr::Call(row, kids) = self.clause.expr(node) else { return false };
        if GUARDS[usize::from(row)].name != "binary_part" {
            return false;
        }
        let number = |node: Option<Node>| match self.clause.expr(node?) {
            Expr::Const(word) => self.literal(word).as_i64(),
            _ => None,
        };
        let (from, len) = match kids.get(1).map(|pair| self.clause.expr(pair)) {
            Some(Expr::Tuple(pair)) if pair.len == 2 => (number(pair.get(0)), number(pair.get(1))),
            _ => (number(kids.get(1)), number(kids.get(2))),
        };
        let size = literal.as_bytes().and_then(|bytes| i64::try_from(bytes.len()).ok());
        let of_key = kids.get(0).is_some_and(|of| self.is_key(of, key));
        of_key && from == Some(0) && size.is_some() && len == size
    }

    fn bound(&self, how: Comparison, literal: Term) -> KeyPlan {
        let range = |low, high| KeyPlan::Ranges(vec![KeyRange { shape: None, low, high }]);
        match how {
            Comparison::Same => self.point(literal, true),
            Comparison::Equal => self.point(literal, false),
            Comparison::Unequal | Comparison::Different => KeyPlan::Full,
            _ if !self.ordered => KeyPlan::Full,
            Comparison::Less => range(Bound::Unbounded, Bound::Excluded(literal)),
            Comparison::AtMost => range(Bound::Unbounded, Bound::Included(literal)),
            Comparison::Greater => range(Bound::Excluded(literal), Bound::Unbounded),
            Comparison::AtLeast => range(Bound::Included(literal), Bound::Unbounded),
        }
    }

    // ---- Compound keys ---------------------------------------------------------------------

    /// A tuple or list that is not known whole.
    fn compound(&self, node: Node) -> KeyPlan {
        let known = &mut self.known();
        if let Some(key) = self.build(node, known, MAX_DEPTH) {
            return self.point(key, true);
        }
        if !self.ordered {
            return KeyPlan::Full;
        }
        let (kids, is_tuple) = match self.clause.pattern(node) {
            Pattern::Tuple(kids) => (kids, true),
            Pattern::List(kids) => (kids, false),
            _ => return KeyPlan::Full,
        };
        // A map anywhere makes nothing of the part it is in, but those before it stand.
        let elements = if is_tuple { kids.len } else { kids.len - 1 };
        let mut prefix = Vec::new();
        let mut next = None;
        for kid in kids.iter().take(elements as usize) {
            match self.build(kid, known, MAX_DEPTH) {
                Some(element) => prefix.push(element),
                None => {
                    next = Some(kid);
                    break;
                }
            }
        }
        let bounds = match next.map(|node| self.clause.pattern(node)) {
            Some(Pattern::Variable(variable)) => match self.guards(Key::Within(variable)) {
                KeyPlan::Ranges(ranges) if ranges.len() <= MAX_SHAPES => ranges,
                _ => vec![KeyRange::any()],
            },
            _ => vec![KeyRange::any()],
        };
        let shape =
            if is_tuple { Shape::Tuple(kids.len as usize, prefix) } else { Shape::List(prefix) };
        let shaped =
            |KeyRange { low, high, .. }| KeyRange { shape: Some(shape.clone()), low, high };
        KeyPlan::Ranges(bounds.into_iter().map(shaped).collect())
    }

    /// Variables that guards bind to one literal: by `=:=`, or by `==` where that is the same.
    fn known(&self) -> Known {
        let mut literals = HashMap::new();
        let mut todo: Vec<Node> = self.clause.guards.clone();
        while let Some(node) = todo.pop() {
            match self.clause.expr(node) {
                Expr::And(kids) | Expr::AndAlso(kids) => todo.extend(kids.iter()),
                _ => {
                    let Some((how, side, literal)) = self.comparison(node) else { continue };
                    let Expr::Variable(variable) = self.clause.expr(side) else { continue };
                    let is_only = match how {
                        Comparison::Same => true,
                        // In the order of keys, what is `==` is one key.
                        Comparison::Equal => {
                            self.ordered || equals(&literal).is_some_and(|all| all.len() == 1)
                        }
                        _ => false,
                    };
                    if is_only {
                        literals.insert(variable, literal);
                    }
                }
            }
        }
        Known { literals, room: MAX_WORDS }
    }

    /// The term that a pattern matches, if it is only one.
    fn build(&self, node: Node, known: &mut Known, depth: u32) -> Option<Term> {
        let depth = depth.checked_sub(1)?;
        let mut all = |nodes: std::ops::Range<Node>| {
            nodes.map(|kid| self.build(kid, known, depth)).collect::<Option<Vec<Term>>>()
        };
        match self.clause.pattern(node) {
            Pattern::Literal(word) => Some(self.literal(word)),
            Pattern::Variable(variable) => known.take(variable),
            Pattern::Tuple(kids) => Term::tuple(all(kids.iter())?).ok(),
            Pattern::List(kids) => {
                let mut parts = all(kids.iter())?;
                let tail = parts.pop()?;
                Term::list_with_tail(parts, tail).ok()
            }
            Pattern::Any | Pattern::Map(_) => None,
        }
    }
}

/// The range of binaries that begin with one: up to the first that is greater and no longer.
fn begins_with(binary: &Term) -> KeyPlan {
    let bytes = binary.as_bytes().unwrap_or_default();
    // Behind bytes that are all 255 there is nothing but other bitstrings.
    let last = bytes.iter().rposition(|byte| *byte < u8::MAX);
    let next = last.and_then(|last| {
        let mut next = bytes[..=last].to_vec();
        next[last] += 1;
        Term::binary(&next).ok()
    });
    KeyPlan::Ranges(vec![KeyRange {
        shape: None,
        low: Bound::Included(binary.clone()),
        high: next.map_or(Bound::Unbounded, Bound::Excluded),
    }])
}

/// All terms that are `==` to one, if they can be told.
fn equals(term: &Term) -> Option<Vec<Term>> {
    if let Some(number) = Number::of(term.as_ref()) {
        return equal_numbers(&number, term);
    }
    let mut todo = vec![term.as_ref()];
    while let Some(part) = todo.pop() {
        match part.view() {
            View::Int(_) | View::Big(_) | View::Float(_) | View::Fun(_) => return None,
            View::Tuple(parts) => todo.extend(parts.elements()),
            View::List(parts) => {
                todo.extend(parts.elements());
                todo.push(parts.tail());
            }
            // The keys of maps are compared exactly.
            View::Map(parts) => todo.extend(parts.values()),
            _ => {}
        }
    }
    Some(vec![term.clone()])
}

fn equal_numbers(number: &Number, term: &Term) -> Option<Vec<Term>> {
    let candidates: Vec<Term> = match number {
        Number::Int(0) => vec![Term::new(0).ok()?, Term::new(0.0).ok()?, Term::new(-0.0).ok()?],
        Number::Float(value) if *value == 0.0 => {
            vec![Term::new(0).ok()?, Term::new(0.0).ok()?, Term::new(-0.0).ok()?]
        }
        Number::Float(value) if value.fract() == 0.0 => {
            let whole = super::number::rounded(number.clone(), f64::trunc)?;
            vec![term.clone(), integer(&whole)?]
        }
        Number::Float(_) => vec![term.clone()],
        integer => match integer.to_float() {
            Some(float) => vec![term.clone(), Term::new(float).ok()?],
            None => vec![term.clone()],
        },
    };
    Some(candidates.into_iter().filter(|candidate| candidate.equals(term)).collect())
}

fn integer(number: &Number) -> Option<Term> {
    match number {
        Number::Int(value) => Term::new(*value).ok(),
        Number::Big(value) => Term::new(BigInt::clone(value)).ok(),
        Number::Float(_) => None,
    }
}

// ---- In words -----------------------------------------------------------------------------------

/// Keys that are shown.
const SHOWN: usize = 5;

impl fmt::Display for KeyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing: no object can be accepted"),
            Self::Full => f.write_str("all objects: the key is not bounded"),
            Self::Points(points) => {
                let shown: Vec<String> = points.iter().take(SHOWN).map(Term::to_string).collect();
                let (count, more) = (points.len(), if points.len() > SHOWN { ", ..." } else { "" });
                let keys = if count == 1 { "key" } else { "keys" };
                write!(f, "{count} {keys}: {}{more}", shown.join(", "))
            }
            Self::Ranges(ranges) => {
                for (at, range) in ranges.iter().take(SHOWN).enumerate() {
                    write!(f, "{}{range}", if at > 0 { "; " } else { "" })?;
                }
                if ranges.len() > SHOWN { f.write_str("; ...") } else { Ok(()) }
            }
        }
    }
}

/// One line for all, and one for each of several clauses.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "visits {}", self.keys)?;
        if self.clauses.len() > 1 {
            for (number, clause) in (1..).zip(&self.clauses).take(SHOWN) {
                write!(f, "\n  clause {number}: {clause}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Terms, objects, specs};
    use crate::{MatchSpec, Term};

    /// Whatever is accepted has a key that is in the plan.
    #[test]
    fn plans_hold_what_is_accepted() {
        let (mut accepted, mut bounded) = (0, 0);
        for seed in 0..30_000 {
            let mut terms = Terms::new(seed ^ 0xb1a5);
            let objects: Vec<Term> = objects(&mut terms, 5);
            let Ok(spec) = MatchSpec::compile(&specs(seed, &objects, 0)) else { continue };
            for (keypos, ordered) in [(1, false), (1, true), (2, false), (2, true)] {
                let planned = spec.plan(keypos, ordered);
                let plan = planned.plan();
                bounded += usize::from(!plan.is_full());
                for object in &objects {
                    let key = object.as_tuple().and_then(|tuple| tuple.get(keypos - 1));
                    let Some(key) = key else { continue };
                    if spec.test(object).expect("small results").is_some() {
                        accepted += 1;
                        assert!(
                            plan.keys().contains(key),
                            "{seed}: {spec}\n{}\n{object}",
                            plan.keys()
                        );
                    }
                }
            }
        }
        assert!(accepted > 10_000 && bounded > 10_000, "{accepted} accepted, {bounded} bounded");
    }
}
