//! Views: reading a term where it lies, without copying any of it.

use num_bigint::{BigInt, BigUint, Sign};

use super::word::{Tag, Word};
use super::{Atom, Term, order};
use crate::error::Result;

/// A borrowed term: a look into a stored object or into an owned [`Term`].
///
/// Two words and a pointer, `Copy`. Match on [`view`](Self::view) to take it apart:
///
/// ```
/// use ferrets::{View, term};
/// let t = term!({:user, 7, "ann"});
/// let View::Tuple(tuple) = t.view() else { unreachable!() };
/// assert_eq!(tuple.get(1).and_then(|id| id.as_i64()), Some(7));
/// ```
///
/// `==` is Erlang's `=:=`; see [`Term`] for the other equality and for order.
#[derive(Clone, Copy)]
pub struct TermRef<'a> {
    heap: &'a [u64],
    word: Word,
}

/// What a term is, one level deep.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum View<'a> {
    /// An integer of at most 64 bits.
    Int(i64),
    /// An integer that needs more than 64 bits.
    Big(BigRef<'a>),
    /// A float; never a NaN or an infinity.
    Float(f64),
    /// An atom.
    Atom(Atom),
    /// A reference: a unique token.
    Reference(ReferenceRef<'a>),
    /// A fun: opaque here, but kept whole.
    Fun(FunRef<'a>),
    /// `fun module:function/arity`.
    Export(Export),
    /// A port.
    Port(Port),
    /// A process identifier.
    Pid(Pid),
    /// A tuple.
    Tuple(TupleRef<'a>),
    /// A map.
    Map(MapRef<'a>),
    /// The empty list.
    Nil,
    /// A list that is not empty.
    List(ListRef<'a>),
    /// A binary: whole bytes.
    Binary(&'a [u8]),
    /// A bitstring that ends within a byte.
    Bits(BitsRef<'a>),
}

/// An integer that takes more than 60 bits.
#[cold]
#[inline(never)]
fn boxed_i64(heap: &[u64], word: Word) -> Option<i64> {
    match TermRef::new(heap, word).view() {
        View::Int(value) => Some(value),
        _ => None,
    }
}

impl<'a> TermRef<'a> {
    #[inline]
    pub(crate) const fn new(heap: &'a [u64], word: Word) -> Self {
        Self { heap, word }
    }

    /// An atom, from nowhere in particular.
    #[must_use]
    #[inline]
    pub const fn atom(atom: Atom) -> Self {
        Self { heap: &[], word: Word::atom(atom.index()) }
    }

    #[inline]
    pub(crate) const fn word(self) -> Word {
        self.word
    }

    #[inline]
    pub(crate) const fn heap(self) -> &'a [u64] {
        self.heap
    }

    /// Another word of the same heap.
    #[inline]
    pub(crate) const fn sibling(self, word: Word) -> Self {
        Self { heap: self.heap, word }
    }

    /// The payload words from the term's offset on.
    #[inline]
    fn payload(self, count: usize) -> &'a [u64] {
        let at = self.word.offset();
        &self.heap[at..at + count]
    }

    fn bytes(self, count: usize) -> &'a [u8] {
        &bytemuck::cast_slice(self.payload(count.div_ceil(8)))[..count]
    }

    /// What it is.
    #[must_use]
    #[inline]
    pub fn view(self) -> View<'a> {
        let word = self.word;
        match word.tag() {
            Tag::Int => View::Int(word.as_int()),
            Tag::Atom => View::Atom(Atom::from_index(word.atom_index())),
            Tag::Nil => View::Nil,
            Tag::Tuple => {
                View::Tuple(TupleRef { heap: self.heap, words: self.payload(word.len()) })
            }
            Tag::List => View::List(ListRef { term: self }),
            Tag::Map => View::Map(MapRef { heap: self.heap, words: self.payload(word.len() * 2) }),
            Tag::Binary => View::Binary(self.bytes(word.len())),
            Tag::Bits => {
                let bits = word.len();
                View::Bits(BitsRef { bytes: self.bytes(bits.div_ceil(8)), bits })
            }
            Tag::Float => View::Float(f64::from_bits(self.payload(1)[0])),
            Tag::Big => self.view_big(),
            Tag::Pid => View::Pid(Pid::unpack(self.payload(2))),
            Tag::Port => View::Port(Port::unpack(self.payload(2))),
            Tag::Reference => {
                let words = self.payload(1 + word.len().div_ceil(2));
                View::Reference(ReferenceRef { words, len: word.len() })
            }
            Tag::Export => View::Export(Export::unpack(self.payload(3))),
            Tag::Fun => View::Fun(FunRef { term: self }),
        }
    }

    fn view_big(self) -> View<'a> {
        let len = self.word.len();
        let (negative, magnitude) = (len & 1 == 1, self.payload(len / 2));
        let small = match magnitude {
            [one] if negative => 0_i64.checked_sub_unsigned(*one),
            [one] => i64::try_from(*one).ok(),
            _ => None,
        };
        small.map_or(View::Big(BigRef { negative, magnitude }), View::Int)
    }

    /// The integer, if it is one of at most 64 bits.
    #[must_use]
    #[inline]
    pub fn as_i64(self) -> Option<i64> {
        if self.word.tag() == Tag::Int {
            Some(self.word.as_int())
        } else {
            boxed_i64(self.heap, self.word)
        }
    }

    /// The integer, whatever its size.
    #[must_use]
    pub fn as_integer(self) -> Option<BigInt> {
        match self.view() {
            View::Int(value) => Some(BigInt::from(value)),
            View::Big(big) => Some(big.to_bigint()),
            _ => None,
        }
    }

    /// The float, if it is one.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self.view() {
            View::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The atom, if it is one.
    #[must_use]
    pub fn as_atom(self) -> Option<Atom> {
        match self.view() {
            View::Atom(atom) => Some(atom),
            _ => None,
        }
    }

    /// `true` or `false`, if it is one of these atoms.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.as_atom()? {
            Atom::TRUE => Some(true),
            Atom::FALSE => Some(false),
            _ => None,
        }
    }

    /// The bytes, if it is a binary.
    #[must_use]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        match self.view() {
            View::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, if it is a binary that is valid UTF-8.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The tuple, if it is one.
    #[must_use]
    pub fn as_tuple(self) -> Option<TupleRef<'a>> {
        match self.view() {
            View::Tuple(tuple) => Some(tuple),
            _ => None,
        }
    }

    /// The elements of a proper list, the empty one included; `None` for anything else.
    #[must_use]
    pub fn as_list(self) -> Option<Elements<'a>> {
        match self.view() {
            View::Nil => Some(Elements::empty()),
            View::List(list) if list.is_proper() => Some(list.elements()),
            _ => None,
        }
    }

    /// The map, if it is one.
    #[must_use]
    pub fn as_map(self) -> Option<MapRef<'a>> {
        match self.view() {
            View::Map(map) => Some(map),
            _ => None,
        }
    }

    /// A term of its own: a deep copy, compact. O(size).
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) when there is no memory for it.
    pub fn to_term(self) -> Result<Term> {
        if self.word.is_immediate() {
            return Ok(Term::immediate(self.word));
        }
        Term::build(|arena| arena.copy(self))
    }

    /// Erlang's `==`: `1 == 1.0`.
    #[must_use]
    pub fn equals(self, other: TermRef<'_>) -> bool {
        order::compare(self, other) == std::cmp::Ordering::Equal
    }

    /// Erlang's term order, in which `1` and `1.0` tie.
    #[must_use]
    pub fn compare(self, other: TermRef<'_>) -> std::cmp::Ordering {
        order::compare(self, other)
    }
}

/// The elements of a tuple.
#[derive(Clone, Copy)]
pub struct TupleRef<'a> {
    heap: &'a [u64],
    words: &'a [u64],
}

impl<'a> TupleRef<'a> {
    /// How many elements.
    #[must_use]
    pub const fn len(self) -> usize {
        self.words.len()
    }

    /// Whether it is `{}`.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.words.is_empty()
    }

    /// Element `index`, counted from **zero** as in Rust.
    #[must_use]
    pub fn get(self, index: usize) -> Option<TermRef<'a>> {
        self.words.get(index).map(|word| TermRef::new(self.heap, Word(*word)))
    }

    /// The elements in order.
    #[must_use]
    pub fn elements(self) -> Elements<'a> {
        Elements { heap: self.heap, words: self.words, tail: Word::NIL }
    }
}

/// An iterator over the elements of a tuple or a list.
#[derive(Clone)]
pub struct Elements<'a> {
    heap: &'a [u64],
    words: &'a [u64],
    tail: Word,
}

impl Elements<'_> {
    pub(crate) const fn empty() -> Self {
        Self { heap: &[], words: &[], tail: Word::NIL }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = TermRef<'a>;

    fn next(&mut self) -> Option<TermRef<'a>> {
        if self.words.is_empty() {
            if self.tail.tag() != Tag::List {
                return None;
            }
            (self.words, self.tail) = segment(self.heap, self.tail);
        }
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(TermRef::new(self.heap, Word(*first)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let more = self.tail.tag() == Tag::List;
        (self.words.len(), if more { None } else { Some(self.words.len()) })
    }
}

/// The elements that lie in one piece at a list word, and the word of what follows.
fn segment(heap: &[u64], list: Word) -> (&[u64], Word) {
    let (at, len) = (list.offset(), list.len());
    (&heap[at..at + len], Word(heap[at + len]))
}

/// A list that is not empty: elements, then a tail, which is `[]` in a proper list.
#[derive(Clone, Copy)]
pub struct ListRef<'a> {
    term: TermRef<'a>,
}

impl<'a> ListRef<'a> {
    /// The pieces that the list lies in; one, unless it was put together from others.
    pub(crate) fn segments(self) -> impl Iterator<Item = &'a [u64]> {
        let heap = self.term.heap;
        let mut next = self.term.word;
        std::iter::from_fn(move || {
            if next.tag() != Tag::List {
                return None;
            }
            let (words, tail) = segment(heap, next);
            next = tail;
            Some(words)
        })
    }

    /// How many elements stand before the tail. O(pieces), one as a rule.
    #[must_use]
    pub fn len(self) -> usize {
        self.segments().map(<[u64]>::len).sum()
    }

    /// Never: the empty list is [`View::Nil`].
    #[must_use]
    pub const fn is_empty(self) -> bool {
        false
    }

    /// What stands after the last element: `[]` in a proper list.
    #[must_use]
    pub fn tail(self) -> TermRef<'a> {
        let mut next = self.term.word;
        while next.tag() == Tag::List {
            next = segment(self.term.heap, next).1;
        }
        self.term.sibling(next)
    }

    /// Whether its tail is `[]`.
    #[must_use]
    pub fn is_proper(self) -> bool {
        self.tail().word.tag() == Tag::Nil
    }

    /// The first element (`hd`).
    #[must_use]
    pub fn head(self) -> TermRef<'a> {
        self.term.sibling(Word(self.term.heap[self.term.word.offset()]))
    }

    /// All but the first element (`tl`): a list, or the tail itself. O(1).
    #[must_use]
    pub fn rest(self) -> TermRef<'a> {
        let (at, len) = (self.term.word.offset(), self.term.word.len());
        let word = if len == 1 {
            Word(self.term.heap[at + 1])
        } else {
            Word::boxed(Tag::List, at + 1, len - 1)
        };
        self.term.sibling(word)
    }

    /// The elements before the tail.
    #[must_use]
    pub fn elements(self) -> Elements<'a> {
        Elements { heap: self.term.heap, words: &[], tail: self.term.word }
    }
}

/// The pairs of a map, in the exact order of their keys.
#[derive(Clone, Copy)]
pub struct MapRef<'a> {
    heap: &'a [u64],
    words: &'a [u64],
}

impl<'a> MapRef<'a> {
    /// How many pairs.
    #[must_use]
    pub const fn len(self) -> usize {
        self.words.len() / 2
    }

    /// Whether it is `#{}`.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.words.is_empty()
    }

    /// The value of the key that is `=:=` to `key`. O(log n) comparisons.
    #[must_use]
    pub fn get(self, key: TermRef<'_>) -> Option<TermRef<'a>> {
        let keys = &self.words[..self.len()];
        let at = keys
            .binary_search_by(|word| {
                order::compare_exact(TermRef::new(self.heap, Word(*word)), key)
            })
            .ok()?;
        Some(TermRef::new(self.heap, Word(self.words[self.len() + at])))
    }

    /// The keys in exact order: that of terms, but all integers before all floats.
    #[must_use]
    pub fn keys(self) -> Elements<'a> {
        Elements { heap: self.heap, words: &self.words[..self.len()], tail: Word::NIL }
    }

    /// The values, in the order of their keys.
    #[must_use]
    pub fn values(self) -> Elements<'a> {
        Elements { heap: self.heap, words: &self.words[self.len()..], tail: Word::NIL }
    }

    /// The pairs, in the order of their keys.
    pub fn pairs(self) -> impl Iterator<Item = (TermRef<'a>, TermRef<'a>)> {
        self.keys().zip(self.values())
    }
}

/// A bitstring that does not end at a byte.
#[derive(Clone, Copy)]
pub struct BitsRef<'a> {
    bytes: &'a [u8],
    bits: usize,
}

impl<'a> BitsRef<'a> {
    /// The length in bits.
    #[must_use]
    pub const fn bit_len(self) -> usize {
        self.bits
    }

    /// The bytes; the last is filled from the top and has zeros below.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }
}

/// An integer of more than 64 bits.
#[derive(Clone, Copy)]
pub struct BigRef<'a> {
    negative: bool,
    magnitude: &'a [u64],
}

impl<'a> BigRef<'a> {
    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.negative
    }

    /// The magnitude, least significant word first, without leading zeros.
    #[must_use]
    pub const fn magnitude(self) -> &'a [u64] {
        self.magnitude
    }

    /// As a number to calculate with.
    #[must_use]
    pub fn to_bigint(self) -> BigInt {
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        let halves = self.magnitude.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32]);
        BigInt::from_biguint(sign, BigUint::new(halves.collect()))
    }
}

/// A process identifier, as in Erlang: it names an owner here, or came from elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pid {
    /// The node it belongs to.
    pub node: Atom,
    /// The middle number of its text.
    pub id: u32,
    /// The last number of its text.
    pub serial: u32,
    /// Which life of the node.
    pub creation: u32,
}

/// A port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Port {
    /// The node it belongs to.
    pub node: Atom,
    /// Its number.
    pub id: u64,
    /// Which life of the node.
    pub creation: u32,
}

fn node_word(node: Atom, creation: u32) -> u64 {
    u64::from(node.index()) | u64::from(creation) << 32
}

fn node_of(word: u64) -> (Atom, u32) {
    (Atom::from_index(word as u32), (word >> 32) as u32)
}

impl Pid {
    pub(crate) fn pack(self) -> [u64; 2] {
        let numbers = u64::from(self.id) | u64::from(self.serial) << 32;
        [node_word(self.node, self.creation), numbers]
    }

    fn unpack(words: &[u64]) -> Self {
        let (node, creation) = node_of(words[0]);
        Self { node, id: words[1] as u32, serial: (words[1] >> 32) as u32, creation }
    }
}

impl Port {
    pub(crate) fn pack(self) -> [u64; 2] {
        [node_word(self.node, self.creation), self.id]
    }

    fn unpack(words: &[u64]) -> Self {
        let (node, creation) = node_of(words[0]);
        Self { node, id: words[1], creation }
    }
}

/// A reference: a token that is unique to its node.
#[derive(Clone, Copy)]
pub struct ReferenceRef<'a> {
    words: &'a [u64],
    len: usize,
}

impl<'a> ReferenceRef<'a> {
    /// The node it belongs to.
    #[must_use]
    pub fn node(self) -> Atom {
        node_of(self.words[0]).0
    }

    /// Which life of the node.
    #[must_use]
    pub fn creation(self) -> u32 {
        node_of(self.words[0]).1
    }

    /// Its numbers, the least significant first.
    pub fn ids(self) -> impl DoubleEndedIterator<Item = u32> + ExactSizeIterator + 'a {
        let words = self.words;
        (0..self.len).map(move |at| (words[1 + at / 2] >> (at % 2 * 32)) as u32)
    }

    /// Packs the parts for [`Arena::payload`](super::arena::Arena::payload).
    pub(crate) fn pack(node: Atom, creation: u32, ids: &[u32]) -> Vec<u64> {
        let mut words = vec![node_word(node, creation)];
        words
            .extend(ids.chunks(2).map(|two| {
                u64::from(two[0]) | two.get(1).map_or(0, |high| u64::from(*high) << 32)
            }));
        words
    }
}

/// `fun module:function/arity`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Export {
    /// The module.
    pub module: Atom,
    /// The function.
    pub function: Atom,
    /// How many arguments.
    pub arity: u8,
}

impl Export {
    fn unpack(words: &[u64]) -> Self {
        Self {
            module: Atom::from_index(Word(words[0]).atom_index()),
            function: Atom::from_index(Word(words[1]).atom_index()),
            arity: words[2] as u8,
        }
    }
}

/// Words of a fun that are not words of terms: arity and index; old index and old uniq; uniq.
pub(crate) const FUN_RAW_WORDS: usize = 4;
/// Words of terms that every fun has: its module and its pid.
pub(crate) const FUN_TERM_WORDS: usize = 2;

/// The numbers of a fun, as [`Arena::open_fun`](super::arena::Arena::open_fun) takes them.
#[derive(Clone, Copy)]
pub(crate) struct FunHead {
    pub(crate) arity: u8,
    pub(crate) index: u32,
    pub(crate) old_index: u32,
    pub(crate) old_uniq: u32,
    /// The most significant half first.
    pub(crate) uniq: [u64; 2],
}

impl FunHead {
    pub(crate) fn pack(self) -> [u64; FUN_RAW_WORDS] {
        [
            u64::from(self.arity) | u64::from(self.index) << 32,
            u64::from(self.old_index) | u64::from(self.old_uniq) << 32,
            self.uniq[0],
            self.uniq[1],
        ]
    }
}

/// A fun made by `fun ... end`: kept whole, compared, written out again, but not called.
#[derive(Clone, Copy)]
pub struct FunRef<'a> {
    term: TermRef<'a>,
}

impl<'a> FunRef<'a> {
    fn raw(self, at: usize) -> u64 {
        self.term.heap[self.term.word.offset() + at]
    }

    fn part(self, at: usize) -> TermRef<'a> {
        self.term.sibling(Word(self.raw(FUN_RAW_WORDS + at)))
    }

    /// How many arguments it takes.
    #[must_use]
    pub fn arity(self) -> u8 {
        self.raw(0) as u8
    }

    /// Which fun of its module.
    #[must_use]
    pub fn index(self) -> u32 {
        (self.raw(0) >> 32) as u32
    }

    /// The index and the hash of older runtimes.
    #[must_use]
    pub fn old_index_and_uniq(self) -> (u32, u32) {
        (self.raw(1) as u32, (self.raw(1) >> 32) as u32)
    }

    /// The 16 bytes that identify the code, most significant half first.
    #[must_use]
    pub fn uniq(self) -> [u64; 2] {
        [self.raw(2), self.raw(3)]
    }

    /// The module that holds its code.
    #[must_use]
    pub fn module(self) -> Atom {
        Atom::from_index(self.part(0).word.atom_index())
    }

    /// The process that made it.
    #[must_use]
    pub fn pid(self) -> TermRef<'a> {
        self.part(1)
    }

    /// The values that it has closed over.
    #[must_use]
    pub fn environment(self) -> Elements<'a> {
        let at = self.term.word.offset() + FUN_RAW_WORDS + FUN_TERM_WORDS;
        let words = &self.term.heap[at..at + self.term.word.len()];
        Elements { heap: self.term.heap, words, tail: Word::NIL }
    }
}
