//! Where a group keeps its objects: slots in chunks that never move.
//!
//! ```text
//! Chunks { slot | slot | link } -> [ link | slot | slot ] -> [ link | 4 slots ] -> ...
//!     ... -> [ link | 1024 slots ] -> [ link | 1024 slots ] -> ...
//! ```
//!
//! The first two slots lie in the group itself. Each further chunk is as large as all before it, up
//! to [`CHUNK`]; so the memory of a group is at most twice what it needs, or [`CHUNK`] slots more.
//! A chunk is one allocation whose first place is the link to the next one, and says how many slots
//! follow. Readers walk along the links; the writer of a large group has a [`Directory`].

use std::ptr::NonNull;

use crate::platform::sync::{AtomicPtr, AtomicU32, Ordering};

/// Slots in the group itself.
pub(super) const FIRST: usize = 2;
/// Slots in the largest chunks, as a power of two.
#[cfg(not(any(ferrets_loom, miri)))]
const CHUNK_BITS: u32 = 10;
#[cfg(all(miri, not(ferrets_loom)))]
const CHUNK_BITS: u32 = 4;
#[cfg(ferrets_loom)]
const CHUNK_BITS: u32 = 1;
/// Slots in the largest chunks: what one step of reaping frees.
pub(super) const CHUNK: usize = 1 << CHUNK_BITS;

/// The place of one object.
#[derive(Debug)]
pub(super) struct Slot {
    /// G1: null until the slot is filled, then a block's pointer. The first place of a chunk: the
    /// next chunk.
    to: AtomicPtr<()>,
    /// G2: 0 while the object is alive, else the number of dead objects from which on it is dead.
    died: AtomicU32,
    /// 32 bits of the object's hash. The first place of a chunk: how many slots follow.
    digest: AtomicU32,
}

impl Slot {
    fn empty() -> Self {
        Self {
            to: AtomicPtr::new(std::ptr::null_mut()),
            died: AtomicU32::new(0),
            digest: AtomicU32::new(0),
        }
    }

    /// What it was filled with.
    pub(super) fn block(&self) -> Option<NonNull<()>> {
        NonNull::new(self.to.load(Ordering::Relaxed))
    }

    pub(super) fn digest(&self) -> u32 {
        self.digest.load(Ordering::Relaxed)
    }

    /// The number of dead objects from which on it is dead; 0 if nobody has killed it.
    pub(super) fn died(&self) -> u32 {
        self.died.load(Ordering::Relaxed)
    }

    /// Whether the object is alive in a state with that many dead objects.
    pub(super) fn lives_at(&self, dead: u32) -> bool {
        let died = self.died();
        died == 0 || died > dead
    }

    /// Gives a slot that no state shows its object. Takes over the reference.
    pub(super) fn fill(&self, block: NonNull<()>, digest: u32) {
        // Relaxed, both: the state that shows the slot publishes them.
        self.digest.store(digest, Ordering::Relaxed);
        self.to.store(block.as_ptr(), Ordering::Relaxed);
    }

    /// Marks the object as dead from that state on; 0 takes it back.
    pub(super) fn set_died(&self, dead: u32) {
        self.died.store(dead, Ordering::Relaxed);
    }

    /// Makes a slot that readers were never shown one that was never filled.
    pub(super) fn empty_again(&self) {
        // Relaxed, both: as in `fill`, the state that shows the slot publishes them.
        self.to.store(std::ptr::null_mut(), Ordering::Relaxed);
        self.died.store(0, Ordering::Relaxed);
    }

    /// Takes the object out. Only for who has the slot to himself.
    pub(super) fn take(&mut self) -> Option<NonNull<()>> {
        let block = self.block();
        self.to.store(std::ptr::null_mut(), Ordering::Relaxed);
        block
    }
}

/// In which chunk a slot lies, and where there.
pub(super) fn locate(at: u32) -> (usize, usize) {
    let at = at as usize;
    if at < FIRST {
        (0, at)
    } else if at < CHUNK {
        let chunk = at.ilog2();
        (chunk as usize, at - (1 << chunk))
    } else {
        (CHUNK_BITS as usize - 1 + (at >> CHUNK_BITS), at & (CHUNK - 1))
    }
}

/// How many slots a chunk has; chunk 0 is the one in the group.
fn size(chunk: usize) -> usize {
    if chunk == 0 { FIRST } else { 1 << chunk.min(CHUNK_BITS as usize) }
}

/// The slots of a group, as many as were asked for, in the order of their numbers.
#[derive(Debug)]
pub(super) struct Chunks {
    first: [Slot; FIRST],
    link: AtomicPtr<()>,
}

/// A chunk behind the first: its link, then its slots.
#[derive(Clone, Copy)]
struct Chunk<'a>(&'a [Slot]);

impl<'a> Chunk<'a> {
    /// # Safety
    /// 1. `raw` was made by [`Chunks::extend`] and is not freed for `'a`.
    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        let raw = raw.cast::<Slot>();
        // SAFETY: G6: a chunk begins with its link; 1 of ours.
        let slots = unsafe { raw.as_ref() }.digest() as usize;
        // SAFETY: G6: as many slots follow as the link says; 1 of ours.
        Self(unsafe { NonNull::slice_from_raw_parts(raw, slots + 1).as_ref() })
    }

    fn link(self) -> &'a AtomicPtr<()> {
        &self.0[0].to
    }

    fn slots(self) -> &'a [Slot] {
        &self.0[1..]
    }

    fn raw(self) -> NonNull<()> {
        NonNull::from(self.0).cast()
    }
}

impl Chunks {
    pub(super) fn new() -> Self {
        let first = std::array::from_fn(|_| Slot::empty());
        Self { first, link: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The chunk that a link of ours leads to.
    fn follow<'a>(&'a self, link: &AtomicPtr<()>) -> Option<Chunk<'a>> {
        // Ordering: Acquire; pairs with the Release in `extend`, so that the chunk is written.
        let next = NonNull::new(link.load(Ordering::Acquire))?;
        // SAFETY: G6: linked, and freed only by who has all chunks to himself.
        Some(unsafe { Chunk::from_raw(next) })
    }

    fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> {
        std::iter::successors(self.follow(&self.link), |chunk| self.follow(chunk.link()))
    }

    /// The slot with that number, if its chunk exists. Walks along the links.
    pub(super) fn slot(&self, at: u32) -> Option<&Slot> {
        match locate(at) {
            (0, offset) => Some(&self.first[offset]),
            (chunk, offset) => self.chunks().nth(chunk - 1).map(|chunk| &chunk.slots()[offset]),
        }
    }

    /// The first `count` slots, or as many as there are.
    pub(super) fn walk(&self, count: u32) -> Walk<'_> {
        Walk { chunks: self, here: self.first.iter(), link: &self.link, left: count }
    }

    /// Hangs in chunk number `chunk`, of which all before exist; returns its bytes. Only one thread
    /// may do so at a time.
    pub(super) fn extend(&self, chunk: usize, directory: Option<&mut Directory>) -> usize {
        let places: Box<[Slot]> = (0..=size(chunk)).map(|_| Slot::empty()).collect();
        let bytes = size_of_val(&*places);
        places[0].digest.store(size(chunk) as u32, Ordering::Relaxed);
        let raw = Box::into_raw(places).cast::<()>();
        let last = match &directory {
            // SAFETY: G6: the directory of our group, so of ours.
            Some(directory) => unsafe { directory.chunk(self, chunk - 1) },
            None => self.chunks().last(),
        };
        let link = last.map_or(&self.link, Chunk::link);
        debug_assert!(link.load(Ordering::Relaxed).is_null(), "the last chunk leads nowhere");
        // Ordering: Release; pairs with the Acquire in `follow`.
        link.store(raw, Ordering::Release);
        if let (Some(directory), Some(raw)) = (directory, NonNull::new(raw)) {
            directory.0.push(raw);
        }
        bytes
    }

    /// Takes the chunk after the first out.
    pub(super) fn pop(&mut self) -> Option<Box<[Slot]>> {
        let chunk = self.follow(&self.link)?;
        let raw = NonNull::new(self.link.load(Ordering::Relaxed))?;
        let places = NonNull::slice_from_raw_parts(raw.cast::<Slot>(), chunk.0.len());
        self.link.store(chunk.link().load(Ordering::Relaxed), Ordering::Relaxed);
        // SAFETY: G6: came from `Box`, we have all chunks to ourselves, and no link leads there.
        let mut places = unsafe { Box::from_raw(places.as_ptr()) };
        places[0].take();
        Some(places)
    }

    /// The slots in the group itself.
    pub(super) fn first_mut(&mut self) -> &mut [Slot] {
        &mut self.first
    }

    /// Bytes of all chunks but the first.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.chunks().map(|chunk| size_of_val(chunk.0)).sum()
    }
}

impl Drop for Chunks {
    /// Frees the chunks, but not the objects.
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

/// Walks over the slots of a group in their order.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    chunks: &'a Chunks,
    here: std::slice::Iter<'a, Slot>,
    link: &'a AtomicPtr<()>,
    left: u32,
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a Slot;

    #[inline]
    fn next(&mut self) -> Option<&'a Slot> {
        self.left = self.left.checked_sub(1)?;
        if let Some(slot) = self.here.next() {
            return Some(slot);
        }
        let chunk = self.chunks.follow(self.link)?;
        (self.link, self.here) = (chunk.link(), chunk.slots().iter());
        self.here.next()
    }
}

/// The addresses of the chunks behind the first, for who looks for a slot by its number.
#[derive(Debug, Default)]
pub(super) struct Directory(Vec<NonNull<()>>);

// SAFETY: G6: these only lead to slots, which all threads may use.
unsafe impl Send for Directory {}

impl Directory {
    pub(super) fn of(chunks: &Chunks) -> Self {
        Self(chunks.chunks().map(Chunk::raw).collect())
    }

    /// The slot with that number.
    ///
    /// # Safety
    /// 1. The directory was made of these chunks.
    pub(super) unsafe fn slot<'a>(&self, chunks: &'a Chunks, at: u32) -> Option<&'a Slot> {
        let (chunk, offset) = locate(at);
        if chunk == 0 {
            return Some(&chunks.first[offset]);
        }
        // SAFETY: 1 of ours.
        unsafe { self.chunk(chunks, chunk) }.map(|chunk| &chunk.slots()[offset])
    }

    /// # Safety
    /// 1. The directory was made of these chunks.
    unsafe fn chunk<'a>(&self, _: &'a Chunks, chunk: usize) -> Option<Chunk<'a>> {
        let raw = *self.0.get(chunk.checked_sub(1)?)?;
        // SAFETY: G6: one of the chunks, 1 of ours, and those live as long as they are borrowed.
        Some(unsafe { Chunk::from_raw(raw) })
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<NonNull<()>>()
    }

    /// Asserts that it leads to all chunks, in their order.
    #[cfg(test)]
    pub(super) fn check(&self, chunks: &Chunks) {
        assert!(chunks.chunks().map(Chunk::raw).eq(self.0.iter().copied()), "a chunk is missing");
    }
}

#[cfg(test)]
#[cfg(not(ferrets_loom))]
mod tests {
    use super::{CHUNK, Chunks, Directory, FIRST, locate, size};
    use crate::raw::tests::many;

    #[test]
    fn slots_follow_each_other() {
        let (mut chunk, mut offset) = (0, 0);
        for at in 0..5 * CHUNK as u32 {
            if offset == size(chunk) {
                (chunk, offset) = (chunk + 1, 0);
            }
            assert_eq!(locate(at), (chunk, offset));
            offset += 1;
        }
        assert_eq!(locate(u32::MAX).1, CHUNK - 1);
    }

    #[test]
    fn slots_stay_where_they_are() {
        let chunks = Chunks::new();
        let mut bytes = 0;
        let mut before = Vec::new();
        let count = many(14, 7);
        for chunk in 1..count {
            bytes += chunks.extend(chunk, None);
            let now: Vec<_> = chunks.walk(u32::MAX).map(std::ptr::from_ref).collect();
            assert_eq!(now[..before.len()], before);
            assert_eq!(now.len(), (0..=chunk).map(size).sum::<usize>());
            before = now;
        }
        assert_eq!(chunks.bytes(), bytes);
        let mut directory = Directory::of(&chunks);
        assert!(chunks.extend(count, Some(&mut directory)) > 0);
        directory.check(&chunks);
        for (at, slot) in chunks.walk(u32::MAX).enumerate() {
            assert!(std::ptr::eq(chunks.slot(at as u32).unwrap(), slot));
            // SAFETY: G6: made of these.
            assert!(std::ptr::eq(unsafe { directory.slot(&chunks, at as u32) }.unwrap(), slot));
        }
        assert_eq!(chunks.walk(FIRST as u32 + 1).count(), FIRST + 1);
        assert!(chunks.slot(1 << 20).is_none());
    }
}
