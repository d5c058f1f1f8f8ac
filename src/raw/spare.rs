//! Spare memory: what a thread has just freed and will soon need again.
//!
//! A table whose objects are replaced frees a block for each that it takes, but the allocator gives
//! out memory in an order of its own, which after a while is as random as the order of the keys:
//! each new block is a cache miss, and one that cannot be overlapped with anything. So each thread
//! keeps the last blocks that it freed, by size, and takes the newest first, which lies in its
//! cache. Copies that are given to a reader and dropped soon take turns in the same few lines.
//!
//! Segments of the hash index are kept, too: a table that grows frees one for every two that it
//! takes, and fresh memory is slow when it is touched first.
//!
//! Bounded by [`SPARE_BYTES`] a thread, given back when the thread ends or
//! [`collect`](super::reclaim::collect) is called. Builds that look for errors in the use of memory
//! keep nothing ([`KEEPS`]), so that a block that is freed is seen to be.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};

/// Whether threads keep anything.
const KEEPS: bool = !cfg!(any(ferrets_loom, ferrets_stress, fuzzing, miri));
/// Bytes that a thread keeps at most of blocks, and of segments.
const SPARE_BYTES: [usize; 2] = [32 << 10, 64 << 10];
/// The largest block that is kept, in words.
const MAX_WORDS: usize = 20;
/// The list of segments, behind those of blocks by their words.
const SEGMENTS: usize = MAX_WORDS + 1;

/// What a full segment takes.
pub(in crate::raw) const SEGMENT: Layout = match Layout::from_size_align(64 + (64 << 6), 64) {
    Ok(layout) => layout,
    Err(_) => panic!("a size and an alignment that fit"),
};

/// Lists of free memory, one a size; a free block begins with the pointer to the next.
struct Spares {
    heads: [Cell<*mut u8>; SEGMENTS + 1],
    /// Of blocks, and of segments.
    bytes: [Cell<usize>; 2],
}

thread_local! {
    static SPARES: Spares = const { Spares::new() };
}

/// The list for a layout.
#[inline]
const fn class(layout: Layout) -> Option<usize> {
    let (words, rest) = (layout.size() / 8, layout.size() % 8);
    if words > 0 && words <= MAX_WORDS && rest == 0 && layout.align() == 8 {
        return Some(words);
    }
    let is_segment = layout.size() == SEGMENT.size() && layout.align() == SEGMENT.align();
    if is_segment { Some(SEGMENTS) } else { None }
}

/// The layout of a list.
#[inline]
const fn layout(class: usize) -> Layout {
    if class == SEGMENTS {
        return SEGMENT;
    }
    match Layout::from_size_align(class * 8, 8) {
        Ok(layout) => layout,
        Err(_) => panic!("a few words"),
    }
}

/// Which budget a list belongs to.
#[inline]
const fn budget(class: usize) -> usize {
    if class == SEGMENTS { 1 } else { 0 }
}

/// As [`take`], for a number of words, at least one.
#[inline]
pub(super) fn take_words(words: usize) -> Option<NonNull<u8>> {
    take(Layout::from_size_align(words * 8, 8).ok()?)
}

/// As [`give`].
///
/// # Safety
/// 1. `memory` came from `take_words` with the same number, or from `take` with a layout of so many
///    words, and is not used again.
#[inline]
pub(super) unsafe fn give_words(memory: NonNull<u8>, words: usize) {
    let layout = Layout::from_size_align(words * 8, 8).expect("it was taken with this");
    // SAFETY: 1 of ours is 1 of it.
    unsafe { give(memory, layout) };
}

/// Memory of that layout, which is not empty; `None` if there is none.
#[inline]
pub(in crate::raw) fn take(layout: Layout) -> Option<NonNull<u8>> {
    #[cfg(ferrets_stress)]
    if crate::platform::famine::strikes() {
        return None;
    }
    let class = if KEEPS { class(layout) } else { None };
    let spare = class.and_then(|class| SPARES.try_with(|spares| spares.pop(class)).ok()?);
    // SAFETY: M1: the layout is not empty.
    spare.or_else(|| NonNull::new(unsafe { alloc(layout) }))
}

/// Gives back what [`take`] gave.
///
/// # Safety
/// 1. `memory` came from `take` with the same layout, and is not used again.
#[inline]
pub(in crate::raw) unsafe fn give(memory: NonNull<u8>, layout: Layout) {
    let class = if KEEPS { class(layout) } else { None };
    let kept = class
        // SAFETY: 1 of ours is 1 of it, and the class is that of the layout.
        .is_some_and(|class| SPARES.try_with(|s| unsafe { s.push(class, memory) }) == Ok(true));
    if !kept {
        // SAFETY: 1 of ours: `take` had it from the allocator, with this layout.
        unsafe { dealloc(memory.as_ptr(), layout) };
    }
}

/// Gives all that the thread keeps back to the allocator.
pub(super) fn release() {
    // A thread whose locals are gone keeps nothing.
    let _ = SPARES.try_with(Spares::release);
}

impl Spares {
    const fn new() -> Self {
        Self {
            heads: [const { Cell::new(null_mut()) }; SEGMENTS + 1],
            bytes: [const { Cell::new(0) }; 2],
        }
    }

    #[inline]
    fn pop(&self, class: usize) -> Option<NonNull<u8>> {
        let head = NonNull::new(self.heads[class].get())?;
        // SAFETY: R8: what is in a list begins with the pointer to the next.
        let next = unsafe { head.cast::<*mut u8>().read() };
        self.heads[class].set(next);
        let bytes = &self.bytes[budget(class)];
        bytes.set(bytes.get() - layout(class).size());
        Some(head)
    }

    /// Keeps memory, unless there is enough of it; says whether.
    ///
    /// # Safety
    /// 1. `memory` has the layout of the list and is not used by anyone else.
    #[inline]
    unsafe fn push(&self, class: usize, memory: NonNull<u8>) -> bool {
        let held = &self.bytes[budget(class)];
        let bytes = held.get() + layout(class).size();
        if bytes > SPARE_BYTES[budget(class)] {
            return false;
        }
        held.set(bytes);
        let head = self.heads[class].replace(memory.as_ptr());
        // SAFETY: R8, 1 of ours: at least one word, aligned, and ours.
        unsafe { memory.cast::<*mut u8>().write(head) };
        true
    }

    fn release(&self) {
        for class in 1..=SEGMENTS {
            while let Some(memory) = self.pop(class) {
                // SAFETY: R8: it came from the allocator with this layout.
                unsafe { dealloc(memory.as_ptr(), layout(class)) };
            }
        }
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory of a class, from the list or the allocator.
    fn take(spares: &Spares, class: usize) -> NonNull<u8> {
        // SAFETY: M1: the layout is not empty.
        let fresh = || NonNull::new(unsafe { alloc(layout(class)) }).unwrap();
        spares.pop(class).unwrap_or_else(fresh)
    }

    /// Gives it back, to the list if there is room; says whether.
    fn give(spares: &Spares, class: usize, memory: NonNull<u8>) -> bool {
        // SAFETY: 1: taken with the layout of the class, and nobody uses it any more.
        let kept = unsafe { spares.push(class, memory) };
        if !kept {
            // SAFETY: it came from the allocator with this layout.
            unsafe { dealloc(memory.as_ptr(), layout(class)) };
        }
        kept
    }

    #[test]
    fn layouts_have_classes() {
        for number in 1..=SEGMENTS {
            assert_eq!(class(layout(number)), Some(number));
        }
        let others = [(8 * MAX_WORDS + 8, 8), (12, 8), (16, 16), (SEGMENT.size(), 8)];
        for (size, align) in others {
            assert_eq!(class(Layout::from_size_align(size, align).unwrap()), None);
        }
    }

    #[test]
    fn the_newest_of_a_size_comes_first() {
        let spares = Spares::new();
        let [a, b, c] = [3, 3, 5].map(|class| take(&spares, class));
        for (memory, class) in [(a, 3), (b, 3), (c, 5)] {
            assert!(give(&spares, class, memory));
        }
        let again = [3, 3, 5].map(|class| take(&spares, class));
        assert_eq!(again, [b, a, c]);
        for (memory, class) in again.into_iter().zip([3, 3, 5]) {
            assert!(give(&spares, class, memory));
        }
        assert_eq!(spares.bytes[0].get(), (3 + 3 + 5) * 8);
        spares.release();
        assert_eq!(spares.bytes[0].get(), 0);
        assert!(spares.pop(3).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let spares = Spares::new();
        for (budget, class) in [MAX_WORDS, SEGMENTS].into_iter().enumerate() {
            let count = 2 * SPARE_BYTES[budget] / layout(class).size();
            let all: Vec<_> = (0..count).map(|_| take(&spares, class)).collect();
            let kept = all.into_iter().filter(|memory| give(&spares, class, *memory)).count();
            assert_eq!(kept, SPARE_BYTES[budget] / layout(class).size());
            assert_eq!(spares.bytes[budget].get(), kept * layout(class).size());
        }
        // What is left is given back with the thread: nothing leaks.
    }
}
