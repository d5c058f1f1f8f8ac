//! Segments: up to 64 buckets that split, merge and move together, and the root above them.
//!
//! A segment of depth `d` holds the entries whose hashes begin with its `d` prefix bits; the next
//! bits choose the bucket. The root's directory has `2^depth` words, so a segment of less depth
//! stands in several of them. A directory word is a pointer to the segment's first bucket; its low
//! six bits say by how much to shift a hash so that the number of its bucket is at the end. So a
//! reader goes from there to the bucket without reading anything else of the segment.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

use super::super::spare;
use super::line::{Line, Slot};
use crate::platform::sync::{AtomicPtr, AtomicU32, Ordering};
use crate::raw::totals::Totals;

/// The largest segment has `2^MAX_BITS` buckets.
#[cfg(not(any(ferrets_loom, ferrets_stress, miri)))]
pub(super) const MAX_BITS: u32 = 6;
#[cfg(any(ferrets_loom, ferrets_stress, miri))]
pub(super) const MAX_BITS: u32 = 1;

/// The bits of a directory word that are not part of the pointer.
const LOW_BITS: usize = 63;

/// What precedes the buckets of a segment.
#[derive(Debug)]
#[repr(C, align(64))]
struct Head {
    /// Prefix bits.
    depth: u32,
    /// Bucket bits.
    bits: u32,
    /// The prefix, in the top `depth` bits.
    prefix: u64,
    /// Entries, changed by holders of bucket locks.
    count: AtomicU32,
    /// Whether somebody is replacing the segment.
    busy: AtomicU32,
}

/// Tells loom that the segment is freed: whoever counted in it must have done so before.
#[cfg(ferrets_loom)]
impl Drop for Head {
    fn drop(&mut self) {
        self.count.with_mut(|_| ());
        self.busy.with_mut(|_| ());
    }
}

/// A pointer to a segment; owns nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segment {
    /// The head; the buckets follow it (R7: alive under the pin that it was loaded under).
    head: NonNull<Head>,
}

// SAFETY: R7: a segment is memory shared through atomics.
unsafe impl Send for Segment {}

/// Full segments are among the memory that threads keep for reuse.
#[cfg(not(any(ferrets_loom, ferrets_stress, miri)))]
const _: () = assert!(
    size_of::<Head>() + (size_of::<Line>() << MAX_BITS) == spare::SEGMENT.size(),
    "spare memory knows the size of a segment"
);

fn layout(bits: u32) -> Layout {
    let size = size_of::<Head>() + (size_of::<Line>() << bits);
    Layout::from_size_align(size, 64).expect("at most 64 buckets")
}

impl Segment {
    /// An empty segment that nobody knows of yet; `None` without memory.
    pub(super) fn new(depth: u32, prefix: u64, bits: u32) -> Option<Self> {
        let head = spare::take(layout(bits))?.cast::<Head>();
        let (count, busy) = (AtomicU32::new(0), AtomicU32::new(0));
        // SAFETY: M1: fresh memory, aligned to 64 bytes, begins with room for the head.
        unsafe { head.write(Head { depth, bits, prefix, count, busy }) };
        let segment = Self { head };
        for at in 0..1_usize << bits {
            // SAFETY: M1: `at` is below `2^bits`, for which the layout has room.
            let line = unsafe { segment.first().add(at) };
            // SAFETY: as above; fresh memory, aligned to 64 bytes.
            unsafe { line.write(Line::new()) };
        }
        Some(segment)
    }

    #[inline]
    fn head<'p>(self) -> &'p Head {
        // SAFETY: R7: the caller is pinned, or owns the segment.
        unsafe { self.head.as_ref() }
    }

    #[inline]
    fn first(self) -> NonNull<Line> {
        // SAFETY: M1: the head is followed by at least one line.
        unsafe { self.head.add(1) }.cast()
    }

    #[inline]
    pub(super) fn depth(self) -> u32 {
        self.head().depth
    }

    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.head().bits
    }

    pub(super) fn prefix(self) -> u64 {
        self.head().prefix
    }

    pub(super) fn buckets(self) -> usize {
        1 << self.bits()
    }

    pub(super) fn bytes(self) -> usize {
        layout(self.bits()).size()
    }

    #[inline]
    pub(super) fn count(self) -> usize {
        // Ordering: Relaxed; the count only says when to grow or shrink.
        self.head().count.load(Ordering::Relaxed) as usize
    }

    /// Notes that an entry came or went, and returns the count after it.
    pub(super) fn add_count(self, delta: i32) -> usize {
        let before = self.head().count.fetch_add(delta as u32, Ordering::Relaxed);
        before.wrapping_add(delta as u32) as usize
    }

    /// Claims the right to replace the segment; `false` if somebody else has it.
    pub(super) fn claim(self) -> bool {
        // Ordering: Acquire; pairs with the Release in `disclaim`.
        self.head().busy.swap(1, Ordering::Acquire) == 0
    }

    /// Gives the right back.
    pub(super) fn disclaim(self) {
        // Ordering: Release; pairs with the Acquire in `claim`.
        self.head().busy.store(0, Ordering::Release);
    }

    /// A bucket, for as long as the caller stays pinned.
    #[inline]
    pub(super) fn bucket<'p>(self, at: usize) -> &'p Line {
        debug_assert!(at < self.buckets(), "a bucket of this segment");
        // SAFETY: R7; `at` is below the number of lines behind the head.
        let line = unsafe { self.first().add(at) };
        // SAFETY: R7, as above.
        unsafe { line.as_ref() }
    }

    /// The bucket of a hash.
    pub(super) fn bucket_of(self, hash: u64) -> usize {
        // Two shifts, because neither may be by 64.
        ((hash << self.depth()) >> 1 >> (u64::BITS - 1 - self.bits())) as usize
    }

    /// The first hash of a bucket's interval.
    pub(super) fn first_hash(self, bucket: usize) -> u64 {
        let width = u64::BITS - self.depth() - self.bits();
        let low = if width == u64::BITS { 0 } else { (bucket as u64) << width };
        self.prefix() | low
    }

    /// The first hash behind a bucket's interval; `None` behind the last.
    pub(super) fn end_hash(self, bucket: usize) -> Option<u64> {
        let width = u64::BITS - self.depth() - self.bits();
        if width == u64::BITS {
            return None;
        }
        self.first_hash(bucket).checked_add(1 << width)
    }

    /// The directory word.
    #[inline]
    pub(super) fn word(self) -> *mut Line {
        let shift = (u64::BITS - self.depth() - self.bits()).min(LOW_BITS as u32);
        self.first().as_ptr().map_addr(|addr| addr | shift as usize)
    }

    #[inline]
    pub(super) fn from_word(word: *mut Line) -> Self {
        let first = word.map_addr(|addr| addr & !LOW_BITS).cast::<Head>();
        // SAFETY: R7: a directory word points one head behind the start of a segment.
        let head = unsafe { first.sub(1) };
        // SAFETY: as above, so it is not null.
        Self { head: unsafe { NonNull::new_unchecked(head) } }
    }

    /// Frees the segment's memory and that of the lines behind its buckets, not the entries.
    ///
    /// # Safety
    /// 1. The segment is unlinked, and nobody who could reach it is left.
    pub(super) unsafe fn free(self) {
        for at in 0..self.buckets() {
            let mut link = self.bucket(at).words().last();
            while let Some(Slot::Link(line)) = link.map(super::line::SlotWord::get) {
                // SAFETY: R4, R7: lines come from `Box`, and this was the only link to it.
                let line = unsafe { Box::from_raw(line.as_ptr()) };
                link = line.words().last();
            }
        }
        // SAFETY: 1 of ours is 1 of it.
        unsafe { self.free_alone() };
    }

    /// Frees the segment's memory only, without a look at it: it left the caches long ago.
    ///
    /// # Safety
    /// 1. As in [`free`](Self::free).
    pub(super) unsafe fn free_alone(self) {
        // SAFETY: 1 of ours: the segment is alive.
        let layout = layout(unsafe { self.head.as_ref() }.bits);
        if std::mem::needs_drop::<Line>() {
            for at in 0..self.buckets() {
                // SAFETY: M1: one of its lines.
                let line = unsafe { self.first().add(at) };
                // SAFETY: 1 of ours; each once.
                unsafe { line.drop_in_place() };
            }
        }
        // SAFETY: 1 of ours.
        unsafe { self.head.drop_in_place() };
        // SAFETY: 1 of ours; taken in `new` with the same layout.
        unsafe { spare::give(self.head.cast(), layout) };
    }
}

/// The way in: which segment holds which hashes. Replaced as a whole when the directory grows or
/// shrinks, or when the index is cleared.
#[derive(Debug)]
pub(super) struct Root {
    /// The directory has `2^depth` words.
    pub(super) depth: u32,
    /// Bucket bits of every segment.
    pub(super) bits: u32,
    /// Whether the index takes no writes any more.
    pub(super) closed: bool,
    /// Shared by all roots between two clearings.
    pub(super) totals: Arc<Totals>,
    /// Shifts a hash so that its place in the directory is left, after one shift by one.
    shift: u32,
    /// `2^bits - 1`.
    bucket_mask: usize,
    directory: Box<[AtomicPtr<Line>]>,
}

/// Tells loom that the root is freed: whoever looked at it must have done so before.
#[cfg(ferrets_loom)]
impl Drop for Root {
    fn drop(&mut self) {
        self.directory.iter_mut().for_each(|word| word.with_mut(|_| ()));
    }
}

/// The directory may not become larger than this, whatever the hashes are like.
pub(super) const MAX_DEPTH: u32 = 28;

impl Root {
    /// A root above one segment.
    pub(super) fn over(segment: Segment, totals: Arc<Totals>) -> Self {
        let directory = Box::new([AtomicPtr::new(segment.word())]);
        let (bits, shift) = (segment.bits(), u64::BITS - 1);
        let bucket_mask = (1 << bits) - 1;
        Self { depth: 0, bits, closed: false, totals, shift, bucket_mask, directory }
    }

    /// A root whose directory is twice as large, with the same segments.
    pub(super) fn doubled(&self) -> Self {
        let words = self.words().flat_map(|word| [word, word]);
        self.with(self.depth + 1, words.map(AtomicPtr::new).collect())
    }

    /// A root whose directory is half as large; all segments must be less deep than this root.
    pub(super) fn halved(&self) -> Self {
        self.with(self.depth - 1, self.words().step_by(2).map(AtomicPtr::new).collect())
    }

    /// The same with another directory.
    fn with(&self, depth: u32, directory: Box<[AtomicPtr<Line>]>) -> Self {
        let totals = Arc::clone(&self.totals);
        let shift = u64::BITS - 1 - depth;
        Self { depth, shift, totals, directory, ..*self }
    }

    fn words(&self) -> impl Iterator<Item = *mut Line> {
        // Ordering: Acquire; pairs with the Release in `set`.
        self.directory.iter().map(|word| word.load(Ordering::Acquire))
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        // Two shifts, because neither may be by 64.
        (hash >> 1 >> (self.shift & 63)) as usize
    }

    #[inline]
    fn word(&self, hash: u64) -> *mut Line {
        let at = self.index(hash);
        debug_assert!(at < self.directory.len(), "the directory has 2^depth words");
        // SAFETY: R7: the directory has `2^depth` words, and `at` has `depth` bits.
        let word = unsafe { self.directory.get_unchecked(at) };
        // Ordering: Acquire; pairs with the Release in `set`: the segment is seen whole.
        word.load(Ordering::Acquire)
    }

    /// The segment of a hash.
    #[inline]
    pub(super) fn segment(&self, hash: u64) -> Segment {
        Segment::from_word(self.word(hash))
    }

    /// The bucket of a hash, for as long as the caller stays pinned.
    #[inline]
    pub(super) fn bucket<'p>(&self, hash: u64) -> &'p Line {
        let word = self.word(hash);
        let at = (hash >> (word.addr() & LOW_BITS)) as usize & self.bucket_mask;
        let first = word.map_addr(|addr| addr & !LOW_BITS);
        // SAFETY: R7: the word points at the first of `2^bits` lines, and `at` is below that.
        let line = unsafe { first.add(at) };
        // SAFETY: R7, as above.
        unsafe { &*line }
    }

    /// Puts a segment into all the words that its prefix stands for.
    pub(super) fn set(&self, segment: Segment) {
        let span = 1_usize << (self.depth - segment.depth());
        let first = self.index(segment.prefix());
        for word in &self.directory[first..first + span] {
            // Ordering: Release; pairs with the Acquire in `word`.
            word.store(segment.word(), Ordering::Release);
        }
    }

    /// Each segment once, in the order of hashes.
    pub(super) fn segments(&self) -> impl Iterator<Item = Segment> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            // Ordering: Acquire; pairs with the Release in `set`.
            let word = self.directory.get(at)?.load(Ordering::Acquire);
            let segment = Segment::from_word(word);
            at += 1 << (self.depth - segment.depth());
            Some(segment)
        })
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val::<[_]>(&self.directory)
    }
}
