//! A growing run of words that begins on the stack: what an arena writes into.
//!
//! A plain small vector would do. This one is written for one thing: taking room for a few words,
//! already filled, costs a comparison and as many stores, because every key and object passes here.

use std::ops::{Deref, DerefMut};

use super::word::Word;
use crate::error::{Error, Result};
use crate::raw::run::Run;

/// Words, at first in place and then in one allocation.
#[derive(Debug, Default)]
pub(crate) struct Words {
    inline: Run<32>,
    /// All words, once they do not fit; empty before.
    heap: Vec<u64>,
}

impl Words {
    pub(crate) fn from_vec(heap: Vec<u64>) -> Self {
        Self { heap, ..Self::default() }
    }

    pub(crate) fn into_vec(self) -> Vec<u64> {
        if self.heap.is_empty() { self.inline.to_vec() } else { self.heap }
    }

    pub(crate) fn clear(&mut self) {
        self.inline.clear();
        self.heap.clear();
    }

    /// Room for `count` more words, filled with `[]`; returns where it begins.
    #[inline]
    pub(crate) fn extend(&mut self, count: usize) -> Result<usize> {
        if self.heap.is_empty() {
            if let Some(begin) = self.inline.extend(count, Word::NIL.0) {
                return Ok(begin);
            }
        }
        self.extend_heap(count)
    }

    /// Bytes as words, the last one filled up with zeros; returns where they begin.
    #[inline]
    pub(crate) fn extend_bytes(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.heap.is_empty() {
            if let Some(begin) = self.inline.extend_bytes(bytes) {
                return Ok(begin);
            }
        }
        let begin = self.extend_heap(bytes.len().div_ceil(8))?;
        if let Some(last) = self.heap[begin..].last_mut() {
            *last = 0;
        }
        let room = bytemuck::cast_slice_mut::<u64, u8>(&mut self.heap[begin..]);
        room[..bytes.len()].copy_from_slice(bytes);
        Ok(begin)
    }

    #[cold]
    fn extend_heap(&mut self, count: usize) -> Result<usize> {
        let begin = self.len();
        let end = begin.checked_add(count).filter(|end| *end <= Word::MAX_OFFSET);
        let Some(end) = end else {
            return Err(Error::limit(format!("a term of {count} more words exceeds 32 GiB")));
        };
        if self.heap.try_reserve(end - self.heap.len()).is_err() {
            return Err(Error::limit(format!("no memory for a term of {end} words")));
        }
        if self.heap.is_empty() {
            self.heap.extend_from_slice(&self.inline);
        }
        self.heap.resize(end, Word::NIL.0);
        Ok(begin)
    }
}

impl Deref for Words {
    type Target = [u64];

    #[inline]
    fn deref(&self) -> &[u64] {
        if self.heap.is_empty() { &self.inline } else { &self.heap }
    }
}

impl DerefMut for Words {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u64] {
        if self.heap.is_empty() { &mut self.inline } else { &mut self.heap }
    }
}
