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
//! Bounded by [`SPARE`] for a thread, given back when the thread ends or
//! [`collect`](super::reclaim::collect) is called. Builds that look for errors in the use of memory
//! keep nothing ([`KEEPS`]), so that a block that is freed is seen to be.
//!
//! # Sizes are guessed
//!
//! A reader copies an object that is on its way from memory. Its size is part of it, and if that
//! chose the list, then the address of every store into list and block would be known only when
//! the object is there; until then many processors start no load behind these stores, so that not
//! even the next lookup of a loop begins. Therefore the list is that of the size which the thread
//! asked for last, and the real one is only compared with it: a branch, which the processor
//! predicts while it goes on. For the same reason a block's few words are copied in a loop whose
//! end is predicted, and not by a call of `memcpy`, which computes addresses from the length.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};

use crate::platform::sync::{Ordering::Relaxed, UnsharedUsize};

/// Whether threads keep anything.
const KEEPS: bool = !cfg!(any(ferrets_loom, ferrets_stress, fuzzing, miri));
/// Blocks that a thread keeps at most, and segments.
const SPARE: [usize; 2] = [256, 15];
/// The largest block that is kept, in words.
pub(super) const MAX_WORDS: usize = 17;
/// Lists of blocks: a power of two, so that a number is made one of a list without a branch.
const LISTS: usize = (MAX_WORDS + 1).next_power_of_two();

/// What a full segment takes.
pub(in crate::raw) const SEGMENT: Layout = match Layout::from_size_align(64 + (64 << 6), 64) {
    Ok(layout) => layout,
    Err(_) => panic!("a size and an alignment that fit"),
};

/// A list of free memory of one layout; each piece begins with the pointer to the next.
struct List(Cell<*mut u8>);

/// What a thread keeps.
struct Spares {
    /// Blocks, by their words.
    blocks: [List; LISTS],
    segments: List,
    /// The size that was asked for last. Atomic, though the thread's own, so that two loads of it
    /// stay two: see [`guess`](Self::guess).
    last: UnsharedUsize,
    /// Blocks, and segments, that may still be kept.
    room: [Cell<usize>; 2],
    stage: Cell<Stage>,
}

/// What the thread has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// It keeps nothing yet, and has no room.
    New,
    /// It keeps, and will give back when it ends.
    Keeping,
    /// It has ended, but for what other locals of it do.
    Ended,
}

thread_local! {
    /// The thread's; without a destructor, so that looking costs no test.
    static SPARES: Spares = const { Spares::new() };
    /// Gives back what it keeps when the thread ends.
    static OWNER: Owner = const { Owner };
}

struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        SPARES.with(Spares::end);
    }
}

/// The layout of a block of so many words; `None` if that is more than there can be.
#[inline]
fn layout(words: usize) -> Option<Layout> {
    Layout::from_size_align(words.checked_mul(8)?, 8).ok()
}

/// Memory for a block of so many words, at least one.
#[inline]
pub(super) fn take_words(words: usize) -> Option<NonNull<u8>> {
    if KEEPS && words <= MAX_WORDS {
        let spare = SPARES.with(|spares| spares.pop_words(spares.guess(words)));
        if spare.is_some() {
            return spare;
        }
    }
    take_fresh(words)
}

#[inline(never)]
fn take_fresh(words: usize) -> Option<NonNull<u8>> {
    fresh(layout(words)?)
}

/// Gives back what [`take_words`] gave.
///
/// # Safety
/// 1. `memory` came from `take_words` with the same number, and is not used again.
#[inline]
pub(super) unsafe fn give_words(memory: NonNull<u8>, words: usize) {
    let kept = KEEPS
        && words <= MAX_WORDS
        // SAFETY: 1 of ours is 1 of it.
        && SPARES.with(|spares| unsafe { spares.push_words(spares.guess(words), memory) });
    if !kept {
        // SAFETY: as above.
        unsafe { give_full(memory, words) };
    }
}

/// As [`give_words`], where there was no room.
///
/// # Safety
/// 1. As there.
#[inline(never)]
unsafe fn give_full(memory: NonNull<u8>, words: usize) {
    let kept = KEEPS
        && words <= MAX_WORDS
        // SAFETY: 1 of ours is 1 of it.
        && SPARES.with(|s| s.begin() && unsafe { s.push_words(words, memory) });
    if !kept {
        let layout = layout(words).expect("it was taken with this");
        // SAFETY: 1 of ours: it had it from the allocator, with this layout.
        unsafe { dealloc(memory.as_ptr(), layout) };
    }
}

/// Memory of that layout, which is not empty; `None` if there is none.
pub(in crate::raw) fn take(layout: Layout) -> Option<NonNull<u8>> {
    let is_segment = KEEPS && layout == SEGMENT;
    let spare = if is_segment { SPARES.with(Spares::pop_segment) } else { None };
    spare.or_else(|| fresh(layout))
}

/// Memory from the allocator.
fn fresh(layout: Layout) -> Option<NonNull<u8>> {
    #[cfg(ferrets_stress)]
    if crate::platform::famine::strikes() {
        return None;
    }
    // SAFETY: M1: the layout is not empty.
    NonNull::new(unsafe { alloc(layout) })
}

/// Gives back what [`take`] gave.
///
/// # Safety
/// 1. `memory` came from `take` with the same layout, and is not used again.
pub(in crate::raw) unsafe fn give(memory: NonNull<u8>, layout: Layout) {
    let kept = KEEPS
        && layout == SEGMENT
        // SAFETY: 1 of ours is 1 of it.
        && SPARES.with(|s| s.begin() && unsafe { s.push_segment(memory) });
    if !kept {
        // SAFETY: 1 of ours: `take` had it from the allocator, with this layout.
        unsafe { dealloc(memory.as_ptr(), layout) };
    }
}

/// Gives all that the thread keeps back to the allocator.
pub(super) fn release() {
    SPARES.with(Spares::release);
}

impl List {
    const fn new() -> Self {
        Self(Cell::new(null_mut()))
    }

    #[inline]
    fn pop(&self) -> Option<NonNull<u8>> {
        let head = NonNull::new(self.0.get())?;
        // SAFETY: R8: what is in a list begins with the pointer to the next.
        self.0.set(unsafe { head.cast::<*mut u8>().read() });
        Some(head)
    }

    /// Keeps memory.
    ///
    /// # Safety
    /// 1. `memory` has the layout of the list and is not used by anyone else.
    #[inline]
    unsafe fn push(&self, memory: NonNull<u8>) {
        let next = self.0.replace(memory.as_ptr());
        // SAFETY: R8, 1 of ours: at least one word, aligned, and ours.
        unsafe { memory.cast::<*mut u8>().write(next) };
    }
}

impl Spares {
    const fn new() -> Self {
        Self {
            blocks: [const { List::new() }; LISTS],
            segments: List::new(),
            last: UnsharedUsize::new(0),
            room: [const { Cell::new(0) }; 2],
            stage: Cell::new(Stage::New),
        }
    }

    /// The same number, which is at most [`MAX_WORDS`], without depending on it if it is that of
    /// the last time.
    #[inline(always)]
    fn guess(&self, words: usize) -> usize {
        // The one that is compared is equal to `words`, and the compiler knows it: it may take
        // either for the other. Of the one that is returned it knows nothing.
        let [compared, guess] = [self.last.load(Relaxed), self.last.load(Relaxed)];
        if compared == words {
            return guess % LISTS;
        }
        self.last.store(words, Relaxed);
        words % LISTS
    }

    #[inline]
    fn pop_words(&self, words: usize) -> Option<NonNull<u8>> {
        let block = self.blocks[words].pop()?;
        self.room[0].set(self.room[0].get() + 1);
        Some(block)
    }

    /// Keeps a block, if there is room; says whether.
    ///
    /// # Safety
    /// 1. `memory` is for a block of so many words, at most [`MAX_WORDS`], and not used by anyone.
    #[inline]
    unsafe fn push_words(&self, words: usize, memory: NonNull<u8>) -> bool {
        let Some(room) = self.room[0].get().checked_sub(1) else { return false };
        self.room[0].set(room);
        // SAFETY: 1 of ours.
        unsafe { self.blocks[words].push(memory) };
        true
    }

    fn pop_segment(&self) -> Option<NonNull<u8>> {
        let segment = self.segments.pop()?;
        self.room[1].set(self.room[1].get() + 1);
        Some(segment)
    }

    /// Keeps a segment, if there is room; says whether.
    ///
    /// # Safety
    /// 1. `memory` is for a [`SEGMENT`], and not used by anyone.
    unsafe fn push_segment(&self, memory: NonNull<u8>) -> bool {
        let Some(room) = self.room[1].get().checked_sub(1) else { return false };
        self.room[1].set(room);
        // SAFETY: 1 of ours.
        unsafe { self.segments.push(memory) };
        true
    }

    /// Makes room, unless that has been done; `false` if the thread has ended.
    fn begin(&self) -> bool {
        if self.stage.get() == Stage::New && OWNER.try_with(|_| ()).is_ok() {
            self.make_room();
        }
        self.stage.get() == Stage::Keeping
    }

    fn make_room(&self) {
        self.room.iter().zip(SPARE).for_each(|(room, most)| room.set(most));
        self.stage.set(Stage::Keeping);
    }

    fn release(&self) {
        for (words, list) in self.blocks.iter().enumerate() {
            while let Some(block) = list.pop() {
                self.room[0].set(self.room[0].get() + 1);
                let layout = layout(words).expect("a few words");
                // SAFETY: R8: it came from the allocator with this layout.
                unsafe { dealloc(block.as_ptr(), layout) };
            }
        }
        while let Some(segment) = self.pop_segment() {
            // SAFETY: R8, as above.
            unsafe { dealloc(segment.as_ptr(), SEGMENT) };
        }
    }

    /// Gives back what there is, and keeps nothing any more.
    fn end(&self) {
        self.release();
        self.room.iter().for_each(|room| room.set(0));
        self.stage.set(Stage::Ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spares that keep, outside of a thread's locals.
    fn keeping() -> Spares {
        let spares = Spares::new();
        spares.make_room();
        spares
    }

    /// Memory for a block, from the list or the allocator.
    fn take(spares: &Spares, words: usize) -> NonNull<u8> {
        let spare = spares.pop_words(spares.guess(words));
        spare.or_else(|| fresh(layout(words)?)).unwrap()
    }

    /// Gives it back, to the list if there is room; says whether.
    fn give(spares: &Spares, words: usize, memory: NonNull<u8>) -> bool {
        // SAFETY: 1: taken with so many words, and nobody uses it any more.
        let kept = unsafe { spares.push_words(spares.guess(words), memory) };
        if !kept {
            // SAFETY: it came from the allocator with this layout.
            unsafe { dealloc(memory.as_ptr(), layout(words).unwrap()) };
        }
        kept
    }

    #[test]
    fn guesses_are_right() {
        let spares = Spares::new();
        for words in [3, 3, 5, 3, MAX_WORDS, MAX_WORDS, 1] {
            assert_eq!(spares.guess(words), words);
        }
    }

    #[test]
    fn the_newest_of_a_size_comes_first() {
        let spares = keeping();
        let [a, b, c] = [3, 3, 5].map(|words| take(&spares, words));
        for (memory, words) in [(a, 3), (b, 3), (c, 5)] {
            assert!(give(&spares, words, memory));
        }
        let again = [3, 3, 5].map(|words| take(&spares, words));
        assert_eq!(again, [b, a, c]);
        for (memory, words) in again.into_iter().zip([3, 3, 5]) {
            assert!(give(&spares, words, memory));
        }
        assert_eq!(spares.room[0].get(), SPARE[0] - 3);
        spares.release();
        assert_eq!(spares.room[0].get(), SPARE[0]);
        assert!(spares.pop_words(3).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let spares = keeping();
        let all: Vec<_> = (0..2 * SPARE[0]).map(|_| take(&spares, MAX_WORDS)).collect();
        let kept = all.into_iter().filter(|memory| give(&spares, MAX_WORDS, *memory)).count();
        assert_eq!(kept, SPARE[0]);
        for at in 0..2 * SPARE[1] {
            let segment = fresh(SEGMENT).unwrap();
            // SAFETY: 1: a segment that nobody uses.
            let kept = unsafe { spares.push_segment(segment) };
            assert_eq!(kept, at < SPARE[1]);
            if !kept {
                // SAFETY: it came from the allocator with this layout.
                unsafe { dealloc(segment.as_ptr(), SEGMENT) };
            }
        }
        spares.end();
        assert_eq!(spares.room, [const { Cell::new(0) }; 2]);
        let block = take(&spares, 2);
        assert!(!give(&spares, 2, block), "who has ended keeps nothing");
    }

    /// What is freed while the thread ends is not kept by anyone, and leaks in no order.
    #[test]
    fn a_thread_that_ends_gives_back() {
        struct Late(Cell<Option<NonNull<u8>>>);
        impl Drop for Late {
            fn drop(&mut self) {
                // SAFETY: taken with so many words below.
                self.0.take().into_iter().for_each(|block| unsafe { give_words(block, 4) });
            }
        }
        thread_local! { static LATE: Late = const { Late(Cell::new(None)) }; }
        for late_first in [false, true] {
            let life = || {
                let [a, b] = [(); 2].map(|()| take_words(4).unwrap());
                if late_first {
                    LATE.with(|late| late.0.set(Some(a)));
                }
                // SAFETY: taken with so many words.
                unsafe { give_words(b, 4) };
                LATE.with(|late| late.0.set(Some(a)));
            };
            std::thread::scope(|scope| scope.spawn(life).join()).unwrap();
        }
    }
}
