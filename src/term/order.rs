//! Order and equality of terms, as Erlang/OTP 27 has them.
//!
//! Four relations, all over borrowed terms, none of which can fail:
//!
//! | | `1`, `1.0` | `-0.0`, `0.0` | what for |
//! |---|---|---|---|
//! | [`compare`] | tie | tie | Erlang's `<` and `==`; ordered tables |
//! | [`compare_exact`] | all integers first | in this order | the order of the keys of a map |
//! | [`compare_total`] | as `compare`, ties by `compare_exact` | the same | [`Ord`] of terms |
//! | [`equal`] | different | different | Erlang's `=:=`; hash tables |
//!
//! `number < atom < reference < fun < port < pid < tuple < map < [] < list < bitstring`.
//!
//! **Ties** are between numbers, and so between terms that differ only in such numbers; there is
//! one more, which OTP has as well: two funs of one module, index and old uniq that differ in their
//! arity or in their code's identity. A map's keys are always compared exactly, whatever encloses
//! the map, so `#{1 => a}` and `#{1.0 => a}` do not tie while `#{a => 1}` and `#{a => 1.0}` do. The
//! keys lie in exact order in the heap; two maps tie only if all their keys are `=:=` in pairs.
//!
//! **Numbers** compare by value, without rounding. A float of 2^53 and more is an integer, so it is
//! compared with one as an integer: the order stays transitive, on which every search tree relies.
//!
//! **Totality.** `compare` is a total preorder, `compare_exact` a total order. `compare_total`
//! takes the one and then the other, which makes it a total order too, and it is `Equal` exactly
//! where `compare_exact` is, which is exactly where `equal` holds.
//!
//! **Shape of the code.** A leaf (anything that holds no terms) is compared in place. Tuples, maps,
//! lists and funs become *runs*: pairs of words to compare one after the other. Runs that wait
//! stand
//! on an explicit stack, whose first entries need no allocation, so that terms a million levels
//! deep
//! cost heap, not native stack. A run of the last elements of a tuple or list is used up before
//! what
//! it holds is opened, so long lists built pair by pair need no stack at all. Lists are cut where
//! either of the two has the end of a segment: no result depends on how a list is laid out.

use std::cmp::Ordering;
use std::iter::repeat;

use smallvec::SmallVec;

use super::view::{FUN_RAW_WORDS, FUN_TERM_WORDS};
use super::{BigRef, FunRef, ReferenceRef, Tag, TermRef, View, Word};

/// Erlang's term order: `Equal` iff `==`.
#[inline]
pub(crate) fn compare(a: TermRef<'_>, b: TermRef<'_>) -> Ordering {
    if let Some(order) = small_integers(a.word(), b.word()) {
        return order;
    }
    compare_other::<Order>(a, b, false)
}

/// The order of map keys: all integers before all floats, at every depth; `Equal` iff `=:=`.
#[inline]
pub(crate) fn compare_exact(a: TermRef<'_>, b: TermRef<'_>) -> Ordering {
    if let Some(order) = small_integers(a.word(), b.word()) {
        return order;
    }
    compare_other::<Order>(a, b, true)
}

/// [`compare`] with its ties broken by [`compare_exact`]: `Equal` iff `=:=`.
pub(crate) fn compare_total(a: TermRef<'_>, b: TermRef<'_>) -> Ordering {
    compare(a, b).then_with(|| compare_exact(a, b))
}

/// Erlang's `=:=`.
#[inline]
pub(crate) fn equal(a: TermRef<'_>, b: TermRef<'_>) -> bool {
    let (x, y) = (a.word(), b.word());
    if x.is_immediate() || y.is_immediate() {
        return x == y;
    }
    if x.tag() == Tag::Binary {
        return y.tag() == Tag::Binary && x.len() == y.len() && same_payload(a, b, bytes_words(x));
    }
    compare_other::<Sameness>(a, b, true) == Ordering::Equal
}

/// The fast path of an index by integers.
#[inline]
fn small_integers(a: Word, b: Word) -> Option<Ordering> {
    let both = (a.0 | b.0) & 15 == Tag::Int as u64;
    // With equal tags the words are ordered as the integers above the tags.
    both.then(|| (a.0 as i64).cmp(&(b.0 as i64)))
}

fn compare_other<R: Relation>(a: TermRef<'_>, b: TermRef<'_>, exact: bool) -> Ordering {
    match leaf::<R>(a, b, exact) {
        Some(order) => order,
        None => compare_compound::<R>(a, b, exact),
    }
}

/// How leaves are compared. What it says of unequal leaves may be any order if only sameness is
/// asked for.
trait Relation {
    fn leaves(a: TermRef<'_>, b: TermRef<'_>, exact: bool) -> Ordering;
}

/// Erlang's order; exact or with ties.
struct Order;

/// Only whether `=:=`; faster, because atoms and numbers need not be looked up or calculated.
struct Sameness;

/// The place of each tag in the order of types, by the tag's number.
const RANK: [u8; 15] = [0, 1, 8, 6, 9, 7, 10, 10, 0, 0, 5, 4, 2, 3, 3];

fn rank(tag: Tag) -> u8 {
    RANK[tag as usize]
}

/// Whether it holds other terms.
pub(super) const fn is_compound(tag: Tag) -> bool {
    matches!(tag, Tag::Tuple | Tag::List | Tag::Map | Tag::Fun)
}

/// The order, unless both are compound and of one type, so that it depends on what they hold.
#[inline]
fn leaf<R: Relation>(a: TermRef<'_>, b: TermRef<'_>, exact: bool) -> Option<Ordering> {
    let (x, y) = (a.word(), b.word());
    if x == y && x.is_immediate() {
        return Some(Ordering::Equal);
    }
    if let Some(order) = small_integers(x, y) {
        return Some(order);
    }
    let (s, t) = (x.tag(), y.tag());
    if s == t && is_compound(s) {
        return None;
    }
    if rank(s) != rank(t) {
        return Some(rank(s).cmp(&rank(t)));
    }
    Some(R::leaves(a, b, exact))
}

impl Relation for Order {
    fn leaves(a: TermRef<'_>, b: TermRef<'_>, exact: bool) -> Ordering {
        match (a.word().tag(), b.word().tag()) {
            (Tag::Int | Tag::Float | Tag::Big, _) => numbers(a.view(), b.view(), exact),
            (Tag::Binary | Tag::Bits, _) => bitstrings(a, b),
            (Tag::Fun, Tag::Export) => Ordering::Less,
            (Tag::Export, Tag::Fun) => Ordering::Greater,
            _ => names(a.view(), b.view()),
        }
    }
}

impl Relation for Sameness {
    fn leaves(a: TermRef<'_>, b: TermRef<'_>, _: bool) -> Ordering {
        let (x, y) = (a.word(), b.word());
        if x.tag() != y.tag() {
            return Ordering::Less;
        }
        let words = match x.tag() {
            // Immediate and not the same word.
            Tag::Int | Tag::Atom | Tag::Nil => return Ordering::Less,
            Tag::Reference => return names(a.view(), b.view()),
            Tag::Binary => bytes_words(x),
            Tag::Bits => bits_words(x),
            Tag::Float => 1,
            Tag::Big => x.len() / 2,
            Tag::Pid | Tag::Port => 2,
            Tag::Export => 3,
            Tag::Tuple | Tag::List | Tag::Map | Tag::Fun => unreachable!("compound terms"),
        };
        if x.len() == y.len() && same_payload(a, b, words) {
            Ordering::Equal
        } else {
            Ordering::Less
        }
    }
}

fn payload(term: TermRef<'_>, count: usize) -> &[u64] {
    let at = term.word().offset();
    &term.heap()[at..at + count]
}

fn bytes_words(binary: Word) -> usize {
    binary.len().div_ceil(8)
}

fn bits_words(bits: Word) -> usize {
    bits.len().div_ceil(64)
}

#[inline]
fn same_payload(a: TermRef<'_>, b: TermRef<'_>, words: usize) -> bool {
    let (a, b) = (payload(a, words), payload(b, words));
    if words <= 4 { a.iter().zip(b).all(|(x, y)| x == y) } else { a == b }
}

/// Bit by bit, a prefix first.
///
/// Both are padded with zeros to whole words. Where the padded words differ, either both strings
/// have that bit, or one has ended and the other has a one there: the order of the words is that of
/// the strings. Where the shorter has no more words it is a prefix.
fn bitstrings(a: TermRef<'_>, b: TermRef<'_>) -> Ordering {
    let bits = |word: Word| if word.tag() == Tag::Bits { word.len() } else { word.len() * 8 };
    let (x, y) = (bits(a.word()), bits(b.word()));
    let words = x.min(y).div_ceil(64);
    let (left, right) = (payload(a, words), payload(b, words));
    let here = words.min(2);
    for (p, q) in left[..here].iter().zip(&right[..here]) {
        if p != q {
            return p.to_be().cmp(&q.to_be());
        }
    }
    let rest: [&[u8]; 2] = [left, right].map(|words| bytemuck::cast_slice(&words[here..]));
    rest[0].cmp(rest[1]).then(x.cmp(&y))
}

/// The order of two atoms, references, ports, pids or exports.
fn names(a: View<'_>, b: View<'_>) -> Ordering {
    match (a, b) {
        (View::Atom(x), View::Atom(y)) => x.cmp(&y),
        (View::Reference(x), View::Reference(y)) => references(x, y),
        (View::Port(x), View::Port(y)) => {
            x.node.cmp(&y.node).then((x.creation, x.id).cmp(&(y.creation, y.id)))
        }
        (View::Pid(x), View::Pid(y)) => (x.serial, x.id)
            .cmp(&(y.serial, y.id))
            .then_with(|| x.node.cmp(&y.node))
            .then(x.creation.cmp(&y.creation)),
        (View::Export(x), View::Export(y)) => x
            .module
            .cmp(&y.module)
            .then_with(|| x.function.cmp(&y.function))
            .then(x.arity.cmp(&y.arity)),
        _ => unreachable!("leaves of one rank that are no numbers, bitstrings or nil are these"),
    }
}

/// By node, then by the numbers, the most significant first, as if padded with zeros.
fn references(a: ReferenceRef<'_>, b: ReferenceRef<'_>) -> Ordering {
    let padded = a.ids().len().max(b.ids().len());
    let pairs = a.ids().chain(repeat(0)).zip(b.ids().chain(repeat(0))).take(padded);
    // The last difference is the most significant.
    let numbers = pairs.fold(Ordering::Equal, |below, (x, y)| x.cmp(&y).then(below));
    a.node().cmp(&b.node()).then(a.creation().cmp(&b.creation())).then(numbers)
}

/// By value; the exact order puts all integers before all floats, and `-0.0` before `0.0`.
fn numbers(a: View<'_>, b: View<'_>, exact: bool) -> Ordering {
    match (a, b) {
        (View::Int(x), View::Int(y)) => x.cmp(&y),
        (View::Float(x), View::Float(y)) if exact => x.total_cmp(&y),
        (View::Float(x), View::Float(y)) => x.partial_cmp(&y).unwrap_or(Ordering::Equal),
        (_, View::Float(_)) if exact => Ordering::Less,
        (View::Float(_), _) if exact => Ordering::Greater,
        (View::Int(x), View::Float(y)) => integer_to_float(x, y),
        (View::Float(x), View::Int(y)) => integer_to_float(y, x).reverse(),
        (View::Big(x), View::Float(y)) => big_to_float(x, y),
        (View::Float(x), View::Big(y)) => big_to_float(y, x).reverse(),
        (View::Big(x), View::Big(y)) => bigs(x, y),
        // A big lies outside of what 64 bits hold.
        (View::Big(x), _) => sign(x.is_negative()),
        (_, View::Big(y)) => sign(y.is_negative()).reverse(),
        _ => unreachable!("only numbers have their rank"),
    }
}

/// How a number of that sign and great magnitude stands to a smaller one.
const fn sign(negative: bool) -> Ordering {
    if negative { Ordering::Less } else { Ordering::Greater }
}

/// 2^63, where the range of [`i64`] ends.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

fn integer_to_float(integer: i64, float: f64) -> Ordering {
    if float >= TWO_63 {
        return Ordering::Less;
    }
    if float < -TWO_63 {
        return Ordering::Greater;
    }
    // Rounds towards zero and loses nothing but the fraction, which then decides.
    let whole = float as i64;
    integer.cmp(&whole).then_with(|| (whole as f64).partial_cmp(&float).unwrap_or(Ordering::Equal))
}

fn bigs(a: BigRef<'_>, b: BigRef<'_>) -> Ordering {
    if a.is_negative() != b.is_negative() {
        return sign(a.is_negative());
    }
    let (x, y) = (a.magnitude(), b.magnitude());
    let order = x.len().cmp(&y.len()).then_with(|| x.iter().rev().cmp(y.iter().rev()));
    if a.is_negative() { order.reverse() } else { order }
}

fn big_to_float(big: BigRef<'_>, float: f64) -> Ordering {
    if float.abs() < TWO_63 || big.is_negative() != float.is_sign_negative() {
        return sign(big.is_negative());
    }
    let order = magnitude_to_float(big.magnitude(), float.abs());
    if big.is_negative() { order.reverse() } else { order }
}

/// Compares with a float of at least 2^63, which is an integer: 53 bits and zeros below.
fn magnitude_to_float(magnitude: &[u64], float: f64) -> Ordering {
    const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
    let bits = float.to_bits();
    let significand = bits & ((1 << FRACTION) - 1) | 1 << FRACTION;
    // The exponent is biased by 1023 and counts from behind the point.
    let zeros = (bits >> FRACTION) as usize - 1023 - FRACTION as usize;
    let top = magnitude.last().map_or(0, |word| word.leading_zeros() as usize);
    let length = magnitude.len() * 64 - top;
    let (word, shift) = (zeros / 64, zeros % 64);
    let low = significand << shift;
    let high = if shift == 0 { 0 } else { significand >> (64 - shift) };
    let float_word = |at: usize| match at.checked_sub(word) {
        Some(0) => low,
        Some(1) => high,
        _ => 0,
    };
    length.cmp(&(zeros + f64::MANTISSA_DIGITS as usize)).then_with(|| {
        let float_words = (0..magnitude.len()).rev().map(float_word);
        magnitude.iter().rev().copied().cmp(float_words)
    })
}

/// What is left to compare: pairs of words that follow each other in the two heaps, one pair that
/// stands in neither, or what decides if all that comes before it is equal.
#[derive(Clone, Copy)]
enum Todo {
    Run { a: u32, b: u32, count: u32, exact: bool },
    Pair { a: Word, b: Word, exact: bool },
    Tie(Ordering),
}

/// A walk through two compound terms side by side.
struct Walk<'a, 'b> {
    a: &'a [u64],
    b: &'b [u64],
    todo: SmallVec<[Todo; 8]>,
}

/// Compares two compound terms of one type; without a stack as far as they are flat tuples.
fn compare_compound<R: Relation>(a: TermRef<'_>, b: TermRef<'_>, exact: bool) -> Ordering {
    let (x, y) = (a.word(), b.word());
    if x.tag() != Tag::Tuple || x.len() != y.len() {
        return Walk::new(a, b).start::<R>(x, y, exact);
    }
    match scan::<R>((a, payload(a, x.len())), (b, payload(b, y.len())), exact) {
        Ok(order) => order,
        Err(at) => {
            let mut walk = Walk::new(a, b);
            let (from, to) = (x.offset() + at + 1, y.offset() + at + 1);
            walk.push_run(from as u32, to as u32, (x.len() - at - 1) as u32, exact);
            let (x, y) = (payload(a, x.len())[at], payload(b, y.len())[at]);
            walk.start::<R>(Word(x), Word(y), exact)
        }
    }
}

/// Compares pairs up to the first difference; `Err` says where the first pair is that has to be
/// opened. Each side is any term of its heap, and the words to compare.
#[inline]
fn scan<R: Relation>(
    (a, left): (TermRef<'_>, &[u64]),
    (b, right): (TermRef<'_>, &[u64]),
    exact: bool,
) -> Result<Ordering, usize> {
    for (at, (x, y)) in left.iter().zip(right).enumerate() {
        match leaf::<R>(a.sibling(Word(*x)), b.sibling(Word(*y)), exact) {
            Some(Ordering::Equal) => {}
            Some(order) => return Ok(order),
            None => return Err(at),
        }
    }
    Ok(Ordering::Equal)
}

impl<'a, 'b> Walk<'a, 'b> {
    fn new(a: TermRef<'a>, b: TermRef<'b>) -> Self {
        Self { a: a.heap(), b: b.heap(), todo: SmallVec::new() }
    }

    /// Compares two compound terms of one type, and then all that is to do.
    #[cold]
    fn start<R: Relation>(&mut self, a: Word, b: Word, exact: bool) -> Ordering {
        let mut order = self.open(a, b, exact);
        while order.is_eq() {
            order = match self.todo.pop() {
                None => break,
                Some(Todo::Run { a, b, count, exact }) => self.run::<R>(a, b, count, exact),
                Some(Todo::Pair { a, b, exact }) => self.pair::<R>(a, b, exact),
                Some(Todo::Tie(order)) => order,
            };
        }
        order
    }

    fn views(&self, a: Word, b: Word) -> (TermRef<'a>, TermRef<'b>) {
        (TermRef::new(self.a, a), TermRef::new(self.b, b))
    }

    fn pair<R: Relation>(&mut self, a: Word, b: Word, exact: bool) -> Ordering {
        let (x, y) = self.views(a, b);
        leaf::<R>(x, y, exact).unwrap_or_else(|| self.open(a, b, exact))
    }

    fn run<R: Relation>(&mut self, a: u32, b: u32, count: u32, exact: bool) -> Ordering {
        let (from, to, len) = (a as usize, b as usize, count as usize);
        let (left, right) = (&self.a[from..from + len], &self.b[to..to + len]);
        let (x, y) = self.views(Word::NIL, Word::NIL);
        match scan::<R>((x, left), (y, right), exact) {
            Ok(order) => order,
            Err(at) => {
                let done = at as u32 + 1;
                self.push_run(a + done, b + done, count - done, exact);
                self.open(Word(left[at]), Word(right[at]), exact)
            }
        }
    }

    fn push_run(&mut self, a: u32, b: u32, count: u32, exact: bool) {
        if count > 0 {
            self.todo.push(Todo::Run { a, b, count, exact });
        }
    }

    /// Compares what two compound terms of one type are outside, and leaves the inside to do.
    fn open(&mut self, a: Word, b: Word, exact: bool) -> Ordering {
        if a == b && std::ptr::eq(self.a, self.b) {
            return Ordering::Equal;
        }
        let (from_a, from_b, count) = (a.offset() as u32, b.offset() as u32, a.len() as u32);
        match a.tag() {
            Tag::List => {
                self.open_lists(a, b, exact);
                return Ordering::Equal;
            }
            Tag::Fun => return self.open_funs(a, b, exact),
            _ if a.len() != b.len() => return a.len().cmp(&b.len()),
            Tag::Map if exact => self.push_run(from_a, from_b, 2 * count, true),
            Tag::Map => {
                self.push_run(from_a + count, from_b + count, count, false);
                self.push_run(from_a, from_b, count, true);
            }
            _ => self.push_run(from_a, from_b, count, exact),
        }
        Ordering::Equal
    }

    /// As many elements as both have in one piece, then what follows in either.
    fn open_lists(&mut self, a: Word, b: Word, exact: bool) {
        let count = a.len().min(b.len());
        let (rest_a, rest_b) = (rest(self.a, a, count), rest(self.b, b, count));
        if rest_a != Word::NIL || rest_b != Word::NIL {
            self.todo.push(Todo::Pair { a: rest_a, b: rest_b, exact });
        }
        self.push_run(a.offset() as u32, b.offset() as u32, count as u32, exact);
    }

    /// What OTP compares, the environments last, then what else tells funs apart.
    fn open_funs(&mut self, a: Word, b: Word, exact: bool) -> Ordering {
        let (x, y) = self.views(a, b);
        let (View::Fun(f), View::Fun(g)) = (x.view(), y.view()) else {
            unreachable!("both are funs")
        };
        // OTP keeps these numbers as signed ones.
        let numbers = |fun: FunRef<'_>| (fun.index() as i32, fun.old_index_and_uniq().1 as i32);
        let order = f
            .module()
            .cmp(&g.module())
            .then_with(|| numbers(f).cmp(&numbers(g)))
            .then(a.len().cmp(&b.len()));
        if order.is_eq() {
            if exact {
                self.todo.push(Todo::Tie((f.uniq(), f.arity()).cmp(&(g.uniq(), g.arity()))));
            }
            let inside = |fun: Word| (fun.offset() + FUN_RAW_WORDS + FUN_TERM_WORDS) as u32;
            self.push_run(inside(a), inside(b), a.len() as u32, exact);
        }
        order
    }
}

/// What follows the first `count` elements of a piece of a list.
fn rest(heap: &[u64], list: Word, count: usize) -> Word {
    let (at, len) = (list.offset(), list.len());
    if count < len { Word::boxed(Tag::List, at + count, len - count) } else { Word(heap[at + len]) }
}
