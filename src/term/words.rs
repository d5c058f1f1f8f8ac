//! A growing run of words that begins on the stack: what an arena writes into.
//!
//! A plain small vector would do. This one is written for one thing: taking room for a few words,
//! already filled, costs a comparison and a store, because every key and object passes here.

use std::ops::{Deref, DerefMut};

use super::word::Word;
use crate::error::{Error, Result};

const INLINE: usize = 32;

/// Words, at first in place and then in one allocation.
#[derive(Debug)]
pub(crate) struct Words {
    /// Words in use, while they are in place.
    len: usize,
    inline: [u64; INLINE],
    /// All words, once they do not fit; empty before.
    heap: Vec<u64>,
}

impl Default for Words {
    #[inline]
    fn default() -> Self {
        Self { len: 0, inline: [Word::NIL.0; INLINE], heap: Vec::new() }
    }
}

impl Words {
    pub(crate) fn from_vec(heap: Vec<u64>) -> Self {
        Self { heap, ..Self::default() }
    }

    pub(crate) fn into_vec(self) -> Vec<u64> {
        if self.heap.is_empty() { self.inline[..self.len].to_vec() } else { self.heap }
    }

    pub(crate) fn clear(&mut self) {
        self.inline[..self.len].fill(Word::NIL.0);
        self.len = 0;
        self.heap.clear();
    }

    /// Room for `count` more words, filled with `[]`; returns where it begins.
    #[inline]
    pub(crate) fn extend(&mut self, count: usize) -> Result<usize> {
        let end = self.len.saturating_add(count);
        if self.heap.is_empty() && end <= INLINE {
            let begin = self.len;
            self.len = end;
            return Ok(begin);
        }
        self.extend_heap(count)
    }

    #[cold]
    fn extend_heap(&mut self, count: usize) -> Result<usize> {
        let begin = self.deref().len();
        let end = begin.checked_add(count).filter(|end| *end <= Word::MAX_OFFSET);
        let Some(end) = end else {
            return Err(Error::limit(format!("a term of {count} more words exceeds 32 GiB")));
        };
        if self.heap.try_reserve(end - self.heap.len()).is_err() {
            return Err(Error::limit(format!("no memory for a term of {end} words")));
        }
        if self.heap.is_empty() {
            self.heap.extend_from_slice(&self.inline[..self.len]);
        }
        self.heap.resize(end, Word::NIL.0);
        Ok(begin)
    }
}

impl Deref for Words {
    type Target = [u64];

    #[inline]
    fn deref(&self) -> &[u64] {
        if self.heap.is_empty() { &self.inline[..self.len] } else { &self.heap }
    }
}

impl DerefMut for Words {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u64] {
        if self.heap.is_empty() { &mut self.inline[..self.len] } else { &mut self.heap }
    }
}
