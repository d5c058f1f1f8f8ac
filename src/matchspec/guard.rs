//! The functions that guards and bodies may call: one row each.
//!
//! A row is all there is to a function: its name, how many arguments it takes, and what it
//! computes. The parser looks functions up here, the virtual machine calls them, the documentation
//! and the tests list them. The forms that decide themselves which of their arguments they look at
//! (`and`, `or`, `andalso`, `orelse`, `const`) are no functions; the parser knows them.
//!
//! A function is pure. It sees its arguments where they lie and says what the result is, without
//! writing it anywhere ([`Outcome`]): a part of an argument stays where it is, so that
//! `{element,2,'$_'}` and `{hd,'$1'}` copy nothing.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

use super::number::{self, Number};
use crate::term::{Atom, TermRef, View, Word, equal};

/// What a function computes.
pub(crate) enum Outcome {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// An atom.
    Atom(Atom),
    /// A part of the argument with that index: a word of the heap in which it lies.
    Part(usize, Word),
    /// Bytes of the first argument, a binary: from here, so many.
    Bytes(usize, usize),
    /// The function fails: in a guard the clause does, in a body `'EXIT'` takes its place.
    Fail,
}

/// A function.
pub(crate) struct Guard {
    pub(crate) name: &'static str,
    pub(crate) call: Call,
}

/// A function by the number of its arguments.
#[derive(Clone, Copy)]
pub(crate) enum Call {
    Unary(fn(TermRef<'_>) -> Outcome),
    Binary(fn(TermRef<'_>, TermRef<'_>) -> Outcome),
    Ternary(fn(TermRef<'_>, TermRef<'_>, TermRef<'_>) -> Outcome),
    /// A comparison, which the machine makes itself.
    Compare(Comparison),
}

/// How two terms are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    Unequal,
    Same,
    Different,
}

impl Comparison {
    /// Whether it holds of two terms.
    #[inline]
    pub(crate) fn holds(self, a: TermRef<'_>, b: TermRef<'_>) -> bool {
        match self {
            Self::Same => equal(a, b),
            Self::Different => !equal(a, b),
            _ => self.holds_of(a.compare(b)),
        }
    }

    /// Whether it holds of two terms in that order. Two that tie may still not be the same.
    #[inline]
    pub(crate) const fn holds_of(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            Self::Equal | Self::Same => order.is_eq(),
            Self::Unequal | Self::Different => order.is_ne(),
        }
    }

    /// The comparison that says the same with its sides exchanged.
    pub(crate) const fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            other => other,
        }
    }

    /// The name in Erlang.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "=<",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::Unequal => "/=",
            Self::Same => "=:=",
            Self::Different => "=/=",
        }
    }
}

impl Call {
    /// How many arguments it takes.
    pub(crate) const fn arity(self) -> usize {
        match self {
            Self::Unary(_) => 1,
            Self::Binary(_) | Self::Compare(_) => 2,
            Self::Ternary(_) => 3,
        }
    }

    /// What it computes, given as many arguments as it takes; one that is given others fails.
    pub(crate) fn apply(self, arguments: &[TermRef<'_>]) -> Outcome {
        match (self, arguments) {
            (Self::Unary(f), [a]) => f(*a),
            (Self::Binary(f), [a, b]) => f(*a, *b),
            (Self::Ternary(f), [a, b, c]) => f(*a, *b, *c),
            (Self::Compare(how), [a, b]) => Bool(how.holds(*a, *b)),
            _ => Fail,
        }
    }
}

use Call::{Binary, Compare, Ternary, Unary};
use Outcome::{Bool, Fail, Part};

/// Shorthand for type tests.
macro_rules! is {
    ($pattern:pat) => {
        Unary(|term| Bool(matches!(term.view(), $pattern)))
    };
}

/// Shorthand for functions of two integers.
macro_rules! integers {
    ($quick:expr, $big:expr) => {
        Binary(|a, b| number::integers(a, b, $quick, $big).map_or(Fail, Outcome::Number))
    };
}

/// Shorthand for functions of numbers.
macro_rules! numbers {
    ($function:expr, 1) => {
        Unary(|a| Number::of(a).and_then($function).map_or(Fail, Outcome::Number))
    };
    ($function:expr, 2) => {
        Binary(|a, b| match (Number::of(a), Number::of(b)) {
            (Some(a), Some(b)) => $function(a, b).map_or(Fail, Outcome::Number),
            _ => Fail,
        })
    };
}

const fn row(name: &'static str, call: Call) -> Guard {
    Guard { name, call }
}

/// Every function, in the order of names and numbers of arguments.
pub(crate) const GUARDS: &[Guard] = &[
    row("*", numbers!(number::multiply, 2)),
    row("+", numbers!(Some, 1)),
    row("+", Binary(add)),
    row("-", numbers!(number::negate, 1)),
    row("-", Binary(subtract)),
    row("/", numbers!(|a, b| number::divide(&a, &b), 2)),
    row("/=", Compare(Comparison::Unequal)),
    row("<", Compare(Comparison::Less)),
    row("=/=", Compare(Comparison::Different)),
    row("=:=", Compare(Comparison::Same)),
    row("=<", Compare(Comparison::AtMost)),
    row("==", Compare(Comparison::Equal)),
    row(">", Compare(Comparison::Greater)),
    row(">=", Compare(Comparison::AtLeast)),
    row("abs", numbers!(number::absolute, 1)),
    row("band", integers!(|a, b| Some(a & b), |a, b| Some(a & b))),
    row("binary_part", Binary(binary_part_pair)),
    row("binary_part", Ternary(binary_part)),
    row("bit_size", Unary(|term| count(bits(term)))),
    row("bnot", numbers!(number::complement, 1)),
    row("bor", integers!(|a, b| Some(a | b), |a, b| Some(a | b))),
    row("bsl", integers!(number::quick_shift_left, number::shift_left)),
    row("bsr", integers!(number::quick_shift_right, |a, b| number::shift_left(a, &-b))),
    row("bxor", integers!(|a, b| Some(a ^ b), |a, b| Some(a ^ b))),
    row("byte_size", Unary(|term| count(bits(term).map(|bits| bits.div_ceil(8))))),
    row("ceil", numbers!(|a| number::rounded(a, f64::ceil), 1)),
    row("div", integers!(i64::checked_div, |a, b| divisor(b).map(|b| a / b))),
    row("element", Binary(element)),
    row("float", numbers!(|a: Number| a.to_float().map(Number::Float), 1)),
    row("floor", numbers!(|a| number::rounded(a, f64::floor), 1)),
    row("hd", Unary(head)),
    row("is_atom", is!(View::Atom(_))),
    row("is_binary", is!(View::Binary(_))),
    row("is_bitstring", is!(View::Binary(_) | View::Bits(_))),
    row("is_boolean", Unary(|term| Bool(term.as_bool().is_some()))),
    row("is_float", is!(View::Float(_))),
    row("is_function", is!(View::Fun(_) | View::Export(_))),
    row("is_function", Binary(is_function)),
    row("is_integer", is!(View::Int(_) | View::Big(_))),
    row("is_list", is!(View::Nil | View::List(_))),
    row("is_map", is!(View::Map(_))),
    row("is_map_key", Binary(is_map_key)),
    row("is_number", is!(View::Int(_) | View::Big(_) | View::Float(_))),
    row("is_pid", is!(View::Pid(_))),
    row("is_port", is!(View::Port(_))),
    row("is_record", Ternary(is_record)),
    row("is_reference", is!(View::Reference(_))),
    row("is_tuple", is!(View::Tuple(_))),
    row("length", Unary(length)),
    row("map_get", Binary(map_get)),
    row("map_size", Unary(|term| count(term.as_map().map(|map| map.len())))),
    row("max", Binary(|a, b| if a.compare(b).is_lt() { whole(1, b) } else { whole(0, a) })),
    row("min", Binary(|a, b| if a.compare(b).is_gt() { whole(1, b) } else { whole(0, a) })),
    row("node", Unary(node)),
    row("not", Unary(|term| term.as_bool().map_or(Fail, |value| Bool(!value)))),
    row("rem", integers!(i64::checked_rem, |a, b| divisor(b).map(|b| a % b))),
    row("round", numbers!(|a| number::rounded(a, f64::round), 1)),
    row("size", Unary(size)),
    row("tl", Unary(tail)),
    row("trunc", numbers!(|a| number::rounded(a, f64::trunc), 1)),
    row("tuple_size", Unary(|term| count(term.as_tuple().map(|tuple| tuple.len())))),
    row("xor", Binary(xor)),
];

/// The rows with that name, and the number of the first.
pub(crate) fn find(name: &str) -> (usize, &'static [Guard]) {
    let first = GUARDS.partition_point(|guard| guard.name < name);
    let count = GUARDS[first..].iter().take_while(|guard| guard.name == name).count();
    (first, &GUARDS[first..first + count])
}

fn divisor(value: &BigInt) -> Option<&BigInt> {
    (value.sign() != Sign::NoSign).then_some(value)
}

fn whole(argument: usize, term: TermRef<'_>) -> Outcome {
    Part(argument, term.word())
}

fn count(value: Option<usize>) -> Outcome {
    let number = value.and_then(|value| i64::try_from(value).ok());
    number.map_or(Fail, |number| Outcome::Number(Number::Int(number)))
}

fn add(a: TermRef<'_>, b: TermRef<'_>) -> Outcome {
    number::sum(a, b, i64::checked_add, |a, b| a + b, |a, b| a + b).map_or(Fail, Outcome::Number)
}

fn subtract(a: TermRef<'_>, b: TermRef<'_>) -> Outcome {
    number::sum(a, b, i64::checked_sub, |a, b| a - b, |a, b| a - b).map_or(Fail, Outcome::Number)
}

fn bits(term: TermRef<'_>) -> Option<usize> {
    match term.view() {
        View::Binary(bytes) => Some(bytes.len() * 8),
        View::Bits(bits) => Some(bits.bit_len()),
        _ => None,
    }
}

/// Of a bitstring, whole bytes only.
fn size(term: TermRef<'_>) -> Outcome {
    match term.view() {
        View::Tuple(tuple) => count(Some(tuple.len())),
        _ => count(bits(term).map(|bits| bits / 8)),
    }
}

fn binary_part_pair(binary: TermRef<'_>, pair: TermRef<'_>) -> Outcome {
    let Some(pair) = pair.as_tuple().filter(|pair| pair.len() == 2) else { return Fail };
    match (pair.get(0), pair.get(1)) {
        (Some(position), Some(length)) => binary_part(binary, position, length),
        _ => Fail,
    }
}

/// A negative length counts back from the position.
fn binary_part(binary: TermRef<'_>, position: TermRef<'_>, length: TermRef<'_>) -> Outcome {
    let part = || {
        let size = i64::try_from(binary.as_bytes()?.len()).ok()?;
        let (position, length) = (position.as_i64()?, length.as_i64()?);
        let end = position.checked_add(length)?;
        let (from, to) = (position.min(end), position.max(end));
        let inside = position >= 0 && from >= 0 && to <= size;
        inside.then(|| Outcome::Bytes(from as usize, (to - from) as usize))
    };
    part().unwrap_or(Fail)
}

fn element(position: TermRef<'_>, tuple: TermRef<'_>) -> Outcome {
    let found = || {
        let index = usize::try_from(position.as_i64()?).ok()?.checked_sub(1)?;
        tuple.as_tuple()?.get(index)
    };
    found().map_or(Fail, |found| whole(1, found))
}

fn head(list: TermRef<'_>) -> Outcome {
    match list.view() {
        View::List(list) => whole(0, list.head()),
        _ => Fail,
    }
}

fn tail(list: TermRef<'_>) -> Outcome {
    match list.view() {
        View::List(list) => whole(0, list.rest()),
        _ => Fail,
    }
}

fn length(list: TermRef<'_>) -> Outcome {
    match list.view() {
        View::Nil => count(Some(0)),
        View::List(list) if list.is_proper() => count(Some(list.len())),
        _ => Fail,
    }
}

/// A number of arguments may be of any size, but not below zero.
fn is_function(term: TermRef<'_>, arity: TermRef<'_>) -> Outcome {
    let Some(wanted) = arity.as_integer().filter(|arity| arity.sign() != Sign::Minus) else {
        return Fail;
    };
    Bool(match term.view() {
        View::Fun(fun) => BigInt::from(fun.arity()) == wanted,
        View::Export(export) => BigInt::from(export.arity) == wanted,
        _ => false,
    })
}

fn is_map_key(key: TermRef<'_>, map: TermRef<'_>) -> Outcome {
    map.as_map().map_or(Fail, |map| Bool(map.get(key).is_some()))
}

fn map_get(key: TermRef<'_>, map: TermRef<'_>) -> Outcome {
    map.as_map().and_then(|map| map.get(key)).map_or(Fail, |value| whole(1, value))
}

fn is_record(term: TermRef<'_>, tag: TermRef<'_>, size: TermRef<'_>) -> Outcome {
    let (Some(tag), Some(size)) = (tag.as_atom(), number::small(size)) else { return Fail };
    let Some(tuple) = term.as_tuple() else { return Bool(false) };
    let is_of_size = usize::try_from(size).is_ok_and(|size| size == tuple.len());
    Bool(is_of_size && tuple.get(0).and_then(TermRef::as_atom) == Some(tag))
}

fn node(term: TermRef<'_>) -> Outcome {
    match term.view() {
        View::Pid(pid) => Outcome::Atom(pid.node),
        View::Port(port) => Outcome::Atom(port.node),
        View::Reference(reference) => Outcome::Atom(reference.node()),
        _ => Fail,
    }
}

fn xor(a: TermRef<'_>, b: TermRef<'_>) -> Outcome {
    match (a.as_bool(), b.as_bool()) {
        (Some(a), Some(b)) => Bool(a != b),
        _ => Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::GUARDS;

    #[test]
    fn rows_are_in_order() {
        let keys: Vec<_> = GUARDS.iter().map(|row| (row.name, row.call.arity())).collect();
        assert!(keys.windows(2).all(|two| two[0] < two[1]), "{keys:?}");
    }
}
