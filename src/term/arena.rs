//! The arena: where the words of a term are written before it becomes a `Term` or an object.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};
use smallvec::SmallVec;

use super::view::{FUN_TERM_WORDS, FunHead};
use super::word::{Tag, Word};
use super::words::Words;
use super::{Atom, TermRef, View, order};
use crate::error::{Error, Result};

/// Words under construction. Small terms stay on the stack.
///
/// Every method appends what does not fit one word and returns the word that stands for it; words
/// of one arena mean nothing in another.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Arena {
    words: Words,
}

#[cold]
fn too_long(what: &str, len: usize, max: usize) -> Error {
    Error::limit(format!("a {what} of {len} exceeds the limit of {max}"))
}

impl Arena {
    #[inline]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Goes on from words that exist; their offsets stay what they are.
    pub(crate) fn from_vec(words: Vec<u64>) -> Self {
        Self { words: Words::from_vec(words) }
    }

    #[inline]
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn into_vec(self) -> Vec<u64> {
        self.words.into_vec()
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
    }

    /// What `word` stands for.
    #[inline]
    pub(crate) fn view(&self, word: Word) -> TermRef<'_> {
        TermRef::new(&self.words, word)
    }

    /// The first words as a tuple, where an object is under construction.
    pub(crate) fn root_tuple(&self, arity: usize) -> TermRef<'_> {
        self.view(Word::boxed(Tag::Tuple, 0, arity))
    }

    /// Room for `count` words to be filled by [`set`](Self::set); returns the offset.
    #[inline]
    pub(crate) fn reserve(&mut self, count: usize) -> Result<usize> {
        self.words.extend(count)
    }

    #[inline]
    pub(crate) fn set(&mut self, offset: usize, word: Word) {
        self.words[offset] = word.0;
    }

    /// Writes a raw word (part of a payload, not a tagged word).
    #[inline]
    pub(crate) fn set_raw(&mut self, offset: usize, raw: u64) {
        self.words[offset] = raw;
    }

    #[inline]
    fn checked_len(what: &str, len: usize) -> Result<usize> {
        if len > Word::MAX_LEN { Err(too_long(what, len, Word::MAX_LEN)) } else { Ok(len) }
    }

    /// An integer.
    #[inline]
    pub(crate) fn int(&mut self, value: i64) -> Result<Word> {
        if let Some(word) = Word::int(value) {
            return Ok(word);
        }
        let offset = self.reserve(1)?;
        self.set_raw(offset, value.unsigned_abs());
        Ok(Word::boxed(Tag::Big, offset, 2 | usize::from(value < 0)))
    }

    /// An integer of any size from its sign and magnitude words, least first; leading zeros are
    /// dropped and small values end up in place.
    pub(crate) fn big_words(&mut self, negative: bool, magnitude: &[u64]) -> Result<Word> {
        let used = magnitude.iter().rposition(|word| *word != 0).map_or(0, |at| at + 1);
        let magnitude = &magnitude[..used];
        let small = match magnitude {
            [] => Some(0),
            [one] if negative => 0_i64.checked_sub_unsigned(*one),
            [one] => i64::try_from(*one).ok(),
            _ => None,
        };
        if let Some(word) = small.and_then(Word::int) {
            return Ok(word);
        }
        let len = Self::checked_len("big integer's size", used * 2 + 1)? & !1;
        let offset = self.reserve(used)?;
        self.words[offset..].copy_from_slice(magnitude);
        Ok(Word::boxed(Tag::Big, offset, len | usize::from(negative)))
    }

    /// An integer of any size.
    pub(crate) fn big(&mut self, value: &BigInt) -> Result<Word> {
        let digits: SmallVec<[u64; 8]> = value.iter_u64_digits().collect();
        self.big_words(value.sign() == Sign::Minus, &digits)
    }

    /// A float; not a NaN or an infinity, which are not terms.
    pub(crate) fn float(&mut self, value: f64) -> Result<Word> {
        if !value.is_finite() {
            return Err(Error::bad_argument(format!("{value} is not a term: floats are finite")));
        }
        let offset = self.reserve(1)?;
        self.set_raw(offset, value.to_bits());
        Ok(Word::boxed(Tag::Float, offset, 0))
    }

    #[inline]
    pub(crate) fn atom(atom: Atom) -> Word {
        Word::atom(atom.index())
    }

    /// A binary.
    #[inline]
    pub(crate) fn binary(&mut self, bytes: &[u8]) -> Result<Word> {
        let len = Self::checked_len("binary's size", bytes.len())?;
        let offset = self.words.extend_bytes(bytes)?;
        Ok(Word::boxed(Tag::Binary, offset, len))
    }

    /// A bitstring of `bits` bits, filled from the top of each byte; spare low bits are cleared.
    /// A whole number of bytes makes a binary.
    pub(crate) fn bits(&mut self, bytes: &[u8], bits: usize) -> Result<Word> {
        if bits % 8 == 0 {
            return self.binary(&bytes[..bits / 8]);
        }
        let len = Self::checked_len("bitstring's size in bits", bits)?;
        let mut last = [bytes[bits / 8] & !(0xff >> (bits % 8))];
        let offset = self.words.extend_bytes(&bytes[..bits.div_ceil(8)])?;
        let room: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words[offset..]);
        std::mem::swap(&mut room[bits / 8], &mut last[0]);
        Ok(Word::boxed(Tag::Bits, offset, len))
    }

    /// The longest tuple, as in Erlang: 16,777,215 elements.
    pub(crate) const MAX_ARITY: usize = (1 << 24) - 1;

    /// Room for a tuple whose elements are set later.
    #[inline]
    pub(crate) fn open_tuple(&mut self, arity: usize) -> Result<Word> {
        if arity > Self::MAX_ARITY {
            return Err(too_long("tuple", arity, Self::MAX_ARITY));
        }
        let offset = self.reserve(arity)?;
        Ok(Word::boxed(Tag::Tuple, offset, arity))
    }

    /// A tuple.
    pub(crate) fn tuple(&mut self, elements: &[Word]) -> Result<Word> {
        let tuple = self.open_tuple(elements.len())?;
        for (at, word) in elements.iter().enumerate() {
            self.set(tuple.offset() + at, *word);
        }
        Ok(tuple)
    }

    /// Room for a list of `len` elements with the empty list as its tail; `NIL` if `len` is zero.
    /// Element `i` is at the offset plus `i`, the tail behind the last.
    pub(crate) fn open_list(&mut self, len: usize) -> Result<Word> {
        if len == 0 {
            return Ok(Word::NIL);
        }
        let len = Self::checked_len("list", len)?;
        let offset = self.reserve(len + 1)?;
        Ok(Word::boxed(Tag::List, offset, len))
    }

    /// A list, improper unless `tail` is a list; `tail` itself if there are no elements.
    pub(crate) fn list(&mut self, elements: &[Word], tail: Word) -> Result<Word> {
        if elements.is_empty() {
            return Ok(tail);
        }
        let list = self.open_list(elements.len())?;
        for (at, word) in elements.iter().enumerate() {
            self.set(list.offset() + at, *word);
        }
        self.set(list.offset() + elements.len(), tail);
        Ok(list)
    }

    /// A map from pairs in any order; of pairs with equal keys the last counts.
    pub(crate) fn map(&mut self, pairs: &mut Vec<(Word, Word)>) -> Result<Word> {
        self.sort_pairs(pairs);
        let same = |arena: &Self, a: Word, b: Word| {
            order::compare_exact(arena.view(a), arena.view(b)) == Ordering::Equal
        };
        // Stable sorting kept equal keys in the order given: keep the last of each run.
        let mut kept = 0;
        for at in 0..pairs.len() {
            if kept > 0 && same(self, pairs[kept - 1].0, pairs[at].0) {
                pairs[kept - 1] = pairs[at];
            } else {
                pairs[kept] = pairs[at];
                kept += 1;
            }
        }
        pairs.truncate(kept);
        self.sorted_map(pairs)
    }

    /// Sorts pairs by the exact order of their keys, stably.
    pub(crate) fn sort_pairs(&self, pairs: &mut [(Word, Word)]) {
        pairs.sort_by(|a, b| order::compare_exact(self.view(a.0), self.view(b.0)));
    }

    /// A map from pairs that are in exact order already and have no key twice.
    pub(crate) fn sorted_map(&mut self, pairs: &[(Word, Word)]) -> Result<Word> {
        let len = Self::checked_len("map", pairs.len())?;
        let offset = self.reserve(len * 2)?;
        for (at, (key, value)) in pairs.iter().enumerate() {
            self.set(offset + at, *key);
            self.set(offset + len + at, *value);
        }
        Ok(Word::boxed(Tag::Map, offset, len))
    }

    /// Room for a map of `len` pairs: keys from the offset on, then the values. Whoever fills it
    /// leaves the keys in exact order, and no key twice.
    pub(crate) fn open_map(&mut self, len: usize) -> Result<Word> {
        let len = Self::checked_len("map", len)?;
        let offset = self.reserve(len * 2)?;
        Ok(Word::boxed(Tag::Map, offset, len))
    }

    /// A fun with room for an environment, which begins behind its
    /// [`FUN_RAW_WORDS`](super::view::FUN_RAW_WORDS) and
    /// [`FUN_TERM_WORDS`](super::view::FUN_TERM_WORDS).
    pub(crate) fn open_fun(
        &mut self,
        head: FunHead,
        module: Atom,
        pid: Word,
        environment: usize,
    ) -> Result<Word> {
        let len = Self::checked_len("fun's environment", environment)?;
        let raw = head.pack();
        let offset = self.reserve(raw.len() + FUN_TERM_WORDS + len)?;
        self.words[offset..offset + raw.len()].copy_from_slice(&raw);
        self.set(offset + raw.len(), Self::atom(module));
        self.set(offset + raw.len() + 1, pid);
        Ok(Word::boxed(Tag::Fun, offset, len))
    }

    /// Raw payload words under a boxed word; for the types whose payload is not words of terms.
    pub(crate) fn payload(&mut self, tag: Tag, len: usize, payload: &[u64]) -> Result<Word> {
        let len = Self::checked_len("term part", len)?;
        let offset = self.reserve(payload.len())?;
        self.words[offset..].copy_from_slice(payload);
        Ok(Word::boxed(tag, offset, len))
    }

    /// `module:function/arity`.
    pub(crate) fn export(&mut self, module: Atom, function: Atom, arity: u8) -> Result<Word> {
        let payload = [Self::atom(module).0, Self::atom(function).0, u64::from(arity)];
        self.payload(Tag::Export, 0, &payload)
    }

    /// A copy of a term from anywhere, compact and with its lists in one piece.
    ///
    /// Works through a list of what is left to copy instead of recursing, so that depth costs heap,
    /// not stack.
    pub(crate) fn copy(&mut self, term: TermRef<'_>) -> Result<Word> {
        if term.word().is_immediate() {
            return Ok(term.word());
        }
        let mut todo: SmallVec<[(usize, Word); 16]> = SmallVec::new();
        let root = self.copy_node(term, &mut todo)?;
        while let Some((offset, from)) = todo.pop() {
            let word = self.copy_node(term.sibling(from), &mut todo)?;
            self.set(offset, word);
        }
        Ok(root)
    }

    /// Copies one node; what it holds is put on `todo` as (where it belongs, what it was).
    fn copy_node(
        &mut self,
        term: TermRef<'_>,
        todo: &mut SmallVec<[(usize, Word); 16]>,
    ) -> Result<Word> {
        let (from, word) = (term.heap(), term.word());
        let at = word.offset();
        let whole = match word.tag() {
            Tag::Int | Tag::Atom | Tag::Nil => return Ok(word),
            Tag::List => return self.copy_list(term, todo),
            Tag::Tuple => return self.copy_words(from, word, word.len(), todo),
            Tag::Map => return self.copy_words(from, word, word.len() * 2, todo),
            Tag::Fun => return self.copy_fun(from, word, todo),
            Tag::Binary => word.len().div_ceil(8),
            Tag::Bits => word.len().div_ceil(64),
            Tag::Float => 1,
            Tag::Big => word.len() / 2,
            Tag::Pid | Tag::Port => 2,
            Tag::Reference => 1 + word.len().div_ceil(2),
            Tag::Export => 3,
        };
        self.payload(word.tag(), word.len(), &from[at..at + whole])
    }

    fn copy_words(
        &mut self,
        from: &[u64],
        word: Word,
        count: usize,
        todo: &mut SmallVec<[(usize, Word); 16]>,
    ) -> Result<Word> {
        let offset = self.reserve(count)?;
        self.place(offset, &from[word.offset()..word.offset() + count], todo);
        Ok(Word::boxed(word.tag(), offset, word.len()))
    }

    /// Writes words that need no copying, and puts the others on `todo`.
    fn place(&mut self, to: usize, from: &[u64], todo: &mut SmallVec<[(usize, Word); 16]>) {
        for (at, raw) in from.iter().enumerate() {
            let word = Word(*raw);
            if word.is_immediate() {
                self.set(to + at, word);
            } else {
                todo.push((to + at, word));
            }
        }
    }

    fn copy_list(
        &mut self,
        term: TermRef<'_>,
        todo: &mut SmallVec<[(usize, Word); 16]>,
    ) -> Result<Word> {
        let View::List(list) = term.view() else { return Ok(Word::NIL) };
        let total = list.segments().map(<[u64]>::len).sum();
        let len = Self::checked_len("list", total)?;
        let offset = self.reserve(len + 1)?;
        let mut to = offset;
        for segment in list.segments() {
            self.place(to, segment, todo);
            to += segment.len();
        }
        self.place(to, &[list.tail().word().0], todo);
        Ok(Word::boxed(Tag::List, offset, len))
    }

    fn copy_fun(
        &mut self,
        from: &[u64],
        word: Word,
        todo: &mut SmallVec<[(usize, Word); 16]>,
    ) -> Result<Word> {
        let fixed = super::view::FUN_RAW_WORDS;
        let at = word.offset();
        let terms = FUN_TERM_WORDS + word.len();
        let offset = self.reserve(fixed + terms)?;
        self.words[offset..offset + fixed].copy_from_slice(&from[at..at + fixed]);
        self.place(offset + fixed, &from[at + fixed..at + fixed + terms], todo);
        Ok(Word::boxed(Tag::Fun, offset, word.len()))
    }
}
