//! Runs of words in place: what is not in use has never been written.
//!
//! Filled with anything beforehand, a run of 32 words is 32 stores. All objects and many keys pass
//! through one, and most have a few words; a processor that waits for memory meanwhile can hold
//! only so many stores back, and then does not come to the next load.

use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::slice_from_raw_parts_mut;

/// Up to `ROOM` words.
pub(crate) struct Run<const ROOM: usize> {
    len: usize,
    words: [MaybeUninit<u64>; ROOM],
}

impl<const ROOM: usize> Default for Run<ROOM> {
    #[inline]
    fn default() -> Self {
        Self { len: 0, words: [const { MaybeUninit::uninit() }; ROOM] }
    }
}

impl<const ROOM: usize> std::fmt::Debug for Run<ROOM> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

impl<const ROOM: usize> Run<ROOM> {
    /// Adds so many words, all the same, and says where they begin; `None` if there is no room.
    #[inline]
    pub(crate) fn extend(&mut self, count: usize, word: u64) -> Option<usize> {
        let begin = self.len;
        let end = begin.checked_add(count)?;
        for room in self.words.get_mut(begin..end)? {
            room.write(word);
        }
        self.len = end;
        Some(begin)
    }

    /// Adds words made of bytes, the last one filled up with zeros, and says where they begin;
    /// `None` if there is no room.
    #[inline]
    pub(crate) fn extend_bytes(&mut self, bytes: &[u8]) -> Option<usize> {
        let begin = self.len;
        let end = begin.checked_add(bytes.len().div_ceil(8))?;
        let room = self.words.get_mut(begin..end)?;
        if let Some(last) = room.last_mut() {
            last.write(0);
        }
        let to = room.as_mut_ptr().cast::<u8>();
        // SAFETY: M4: these words are ours, have room for the bytes, and will have been written.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        self.len = end;
        Some(begin)
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }
}

impl<const ROOM: usize> Deref for Run<ROOM> {
    type Target = [u64];

    #[inline]
    fn deref(&self) -> &[u64] {
        let filled = std::ptr::slice_from_raw_parts(self.words.as_ptr().cast::<u64>(), self.len);
        // SAFETY: M4: these have been written.
        unsafe { &*filled }
    }
}

impl<const ROOM: usize> DerefMut for Run<ROOM> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u64] {
        let filled = slice_from_raw_parts_mut(self.words.as_mut_ptr().cast::<u64>(), self.len);
        // SAFETY: M4: these have been written.
        unsafe { &mut *filled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_end_with_zeros() {
        for len in 0..=33 {
            let bytes: Vec<u8> = (1..=len).collect();
            let mut run = Run::<5>::default();
            let begin = run.extend(1, u64::MAX).and_then(|_| run.extend_bytes(&bytes));
            assert_eq!(begin.is_some(), len <= 32, "{len} bytes");
            let mut added = bytes.clone();
            added.resize(bytes.len().next_multiple_of(8), 0);
            let held: &[u8] = bytemuck::cast_slice(&run[1..]);
            assert_eq!(held, if begin.is_some() { &added[..] } else { &[] }, "{len} bytes");
        }
    }

    #[test]
    fn what_is_added_is_filled() {
        let mut run = Run::<4>::default();
        assert_eq!(*run, []);
        assert_eq!(run.extend(3, 7), Some(0));
        run[1] = 8;
        assert_eq!((run.extend(2, 9), run.extend(usize::MAX, 9)), (None, None));
        assert_eq!(run.extend(1, 9), Some(3));
        assert_eq!(*run, [7, 8, 7, 9]);
        run.clear();
        assert_eq!(run.extend(2, 1), Some(0));
        assert_eq!(*run, [1, 1]);
    }
}
