//! Blocks: what a stored object is made of. One allocation, counted, immutable.
//!
//! ```text
//!  0        8      12      16                          16 + 8 len
//!  | hash   | refs | meta  | word | word | ... | word  | cell | position |
//!                          `- words(): a plain &[u64]  `- only if CELL
//!  meta: arity (8 bits) | CELL | LARGE | len (22 bits)
//!  LARGE: one more word stands before the words, with 32 bits each for arity and len
//! ```
//!
//! A block knows nothing of what its words mean; the term layer writes them once, before the block
//! is shared, and from then on anyone may read them without any synchronisation but the one that
//! handed him the pointer. The single exception is the *cell*, an atomic word that stands outside
//! the words and in for one of them: a counter that is added to in place. Readers take the cell's
//! value once and see one state of the object (at most one cell exists per block, so there is no
//! second value that could be newer or older than the first).

use std::alloc::{Layout, alloc, dealloc};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::{Handle, Weight};
use crate::platform::sync::{AtomicU32, AtomicU64, Ordering};

const LEN_BITS: u32 = 22;
const LEN_MASK: u32 = (1 << LEN_BITS) - 1;
const LARGE: u32 = 1 << LEN_BITS;
const CELL: u32 = 1 << (LEN_BITS + 1);
const ARITY_SHIFT: u32 = 24;

#[repr(C)]
struct Header {
    hash: u64,
    refs: AtomicU32,
    meta: u32,
}

/// The atomic word of a block that has one, with the position that it stands in for.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Cell {
    value: AtomicU64,
    position: u64,
}

impl Cell {
    /// The word now.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // Ordering: Acquire; pairs with the Release in `set`: who sees a count sees what its
        // writer had done before.
        self.value.load(Ordering::Acquire)
    }

    /// Replaces the word. Only one thread may do so at a time; the index's lock sees to it.
    pub(crate) fn set(&self, word: u64) {
        // Ordering: Release; pairs with the Acquire in `get`.
        self.value.store(word, Ordering::Release);
    }

    /// The one-based element position that the cell stands in for.
    pub(crate) fn position(&self) -> usize {
        usize::try_from(self.position).expect("a position is at most an arity")
    }
}

/// An owned reference to a block: a clone counts up, a drop counts down.
pub(crate) struct Block {
    /// R2: this pointer owns one reference of a live block.
    ptr: NonNull<Header>,
}

/// A borrowed reference to a block: as `&'a Block`, without needing a place to point at.
#[derive(Clone, Copy)]
pub(crate) struct BlockRef<'a> {
    /// R2: somebody else's reference keeps the block alive for `'a`.
    ptr: NonNull<Header>,
    life: PhantomData<&'a Header>,
}

// SAFETY: R3: everything in a block is immutable or atomic, and the count is atomic.
unsafe impl Send for Block {}
// SAFETY: R3, as above.
unsafe impl Sync for Block {}
// SAFETY: R3, as above; a `BlockRef` is a shared reference.
unsafe impl Send for BlockRef<'_> {}
// SAFETY: R3, as above.
unsafe impl Sync for BlockRef<'_> {}

/// Where the parts of a block lie, from its two counts.
struct Shape {
    layout: Layout,
    large: bool,
    cell_at: usize,
    words_at: usize,
}

impl Shape {
    /// `None` if the block would be larger than the address space.
    #[inline]
    fn of(arity: u32, len: usize, cell: bool) -> Option<Self> {
        let large = arity > 0xff || len > LEN_MASK as usize;
        u32::try_from(len).ok()?;
        let words_at = size_of::<Header>() + if large { 8 } else { 0 };
        let cell_at = len.checked_mul(8)?.checked_add(words_at)?;
        let size = if cell { cell_at.checked_add(size_of::<Cell>())? } else { cell_at };
        let layout = Layout::from_size_align(size, align_of::<Header>()).ok()?;
        Some(Self { layout, large, cell_at, words_at })
    }
}

impl Block {
    /// A block of its own with these words; `None` if there is no memory for it.
    pub(crate) fn new(hash: u64, arity: u32, words: &[u64]) -> Option<Self> {
        Self::build(hash, arity, words, None)
    }

    /// As [`new`](Self::new), with a cell that stands in for the element at `position` (one-based)
    /// and begins as `word`.
    pub(crate) fn with_cell(
        hash: u64,
        arity: u32,
        words: &[u64],
        position: usize,
        word: u64,
    ) -> Option<Self> {
        Self::build(hash, arity, words, Some((position, word)))
    }

    #[inline]
    fn build(hash: u64, arity: u32, words: &[u64], cell: Option<(usize, u64)>) -> Option<Self> {
        let shape = Shape::of(arity, words.len(), cell.is_some())?;
        // SAFETY: the layout holds at least a header, so its size is not zero.
        let start = unsafe { alloc(shape.layout) };
        let ptr = NonNull::new(start)?.cast::<Header>();
        let len = u32::try_from(words.len()).expect("Shape::of checked the length");
        let mut meta = if shape.large { LARGE } else { len | arity << ARITY_SHIFT };
        if cell.is_some() {
            meta |= CELL;
        }
        let header = Header { hash, refs: AtomicU32::new(1), meta };
        // SAFETY: the fresh allocation begins with room and alignment for a header.
        unsafe { ptr.write(header) };
        if shape.large {
            let ext = u64::from(arity) | u64::from(len) << 32;
            // SAFETY: one header behind the start lies inside a large shape.
            let behind = unsafe { ptr.add(1) }.cast::<u64>();
            // SAFETY: a large shape has this word there.
            unsafe { behind.write(ext) };
        }
        // SAFETY: `words_at` lies inside the allocation.
        let to = unsafe { ptr.cast::<u8>().add(shape.words_at) }.cast::<u64>();
        // SAFETY: the shape has `words.len()` words from `words_at` on; nothing else points there.
        unsafe { to.as_ptr().copy_from_nonoverlapping(words.as_ptr(), words.len()) };
        if let Some((position, word)) = cell {
            let cell = Cell { value: AtomicU64::new(word), position: position as u64 };
            // SAFETY: a shape with a cell has its room at `cell_at`.
            let at = unsafe { ptr.cast::<u8>().add(shape.cell_at) }.cast::<Cell>();
            // SAFETY: as above, and eight bytes are its alignment.
            unsafe { at.write(cell) };
        }
        Some(Self { ptr })
    }

    /// A borrowed reference.
    #[inline]
    pub(crate) fn borrow(&self) -> BlockRef<'_> {
        BlockRef { ptr: self.ptr, life: PhantomData }
    }

    /// Gives the reference away as a pointer, which is aligned to eight bytes.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<()> {
        ManuallyDrop::new(self).ptr.cast()
    }

    /// Takes back what [`into_raw`](Self::into_raw) gave.
    ///
    /// # Safety
    /// 1. `raw` came from `into_raw`, and the reference it carried is not used again.
    #[inline]
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self { ptr: raw.cast() }
    }
}

impl Clone for Block {
    #[inline]
    fn clone(&self) -> Self {
        self.borrow().to_block()
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        let header = self.borrow().header();
        // Ordering: Release; pairs with the load of whoever counts down to zero, so that all uses
        // of the block happen before its memory is given back.
        if header.refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Ordering: Acquire; pairs with the Release of all other drops. Not a fence, because
        // ThreadSanitizer understands none.
        header.refs.load(Ordering::Acquire);
        let block = self.borrow();
        let arity = u32::try_from(block.arity()).expect("made from a u32");
        let shape = Shape::of(arity, block.len(), block.has_cell())
            .expect("the block exists, so it had a shape");
        if let Some(cell) = block.cell_ptr() {
            // SAFETY: R2: this was the last reference, so nobody else reads the cell.
            unsafe { cell.drop_in_place() };
        }
        // SAFETY: R2: this was the last reference.
        unsafe { self.ptr.drop_in_place() };
        // SAFETY: R3: allocated with the same shape, and not used after this.
        unsafe { dealloc(self.ptr.as_ptr().cast(), shape.layout) };
    }
}

impl<'a> BlockRef<'a> {
    /// Borrows from a pointer that [`Block::into_raw`] gave.
    ///
    /// # Safety
    /// 1. `raw` came from `into_raw`, and its reference is held by somebody for `'a`.
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self { ptr: raw.cast(), life: PhantomData }
    }

    #[inline]
    fn header(self) -> &'a Header {
        // SAFETY: R2: the block is alive for `'a`, and nobody writes its header but atomically.
        unsafe { self.ptr.as_ref() }
    }

    #[inline]
    fn is_large(self) -> bool {
        self.header().meta & LARGE != 0
    }

    #[inline]
    fn ext(self) -> u64 {
        debug_assert!(self.is_large(), "only large blocks have the word");
        // SAFETY: R3: one header behind the start lies inside a large block.
        let behind = unsafe { self.ptr.add(1) }.cast::<u64>();
        // SAFETY: R3: a large block has this word there.
        unsafe { behind.read() }
    }

    #[inline]
    fn len(self) -> usize {
        if self.is_large() {
            (self.ext() >> 32) as usize
        } else {
            (self.header().meta & LEN_MASK) as usize
        }
    }

    #[inline]
    fn has_cell(self) -> bool {
        self.header().meta & CELL != 0
    }

    #[inline]
    fn words_ptr(self) -> NonNull<u64> {
        let ext = usize::from(self.is_large());
        // SAFETY: R3: one header behind the start lies inside the allocation or at its end.
        let behind = unsafe { self.ptr.add(1) }.cast::<u64>();
        // SAFETY: R3: so does the word after it, where the block is large and has that word.
        unsafe { behind.add(ext) }
    }

    #[inline]
    fn cell_ptr(self) -> Option<NonNull<Cell>> {
        if !self.has_cell() {
            return None;
        }
        // SAFETY: R3: a block with CELL has a cell right behind its `len` words.
        Some(unsafe { self.words_ptr().add(self.len()) }.cast())
    }

    /// The hash given at its making.
    #[inline]
    pub(crate) fn hash(self) -> u64 {
        self.header().hash
    }

    /// The element count given at its making.
    #[inline]
    pub(crate) fn arity(self) -> usize {
        if self.is_large() {
            (self.ext() & 0xffff_ffff) as usize
        } else {
            (self.header().meta >> ARITY_SHIFT) as usize
        }
    }

    /// The words.
    #[inline]
    pub(crate) fn words(self) -> &'a [u64] {
        // SAFETY: R3: `len` initialised words, never written again; R2 for the lifetime.
        unsafe { NonNull::slice_from_raw_parts(self.words_ptr(), self.len()).as_ref() }
    }

    /// The cell, if it has one.
    #[inline]
    pub(crate) fn cell(self) -> Option<&'a Cell> {
        // SAFETY: R3: written before the block was shared; from then on only atomically.
        self.cell_ptr().map(|cell| unsafe { cell.as_ref() })
    }

    /// Bytes asked of the allocator for this block.
    #[inline]
    pub(crate) fn bytes(self) -> usize {
        let words = self.len() + usize::from(self.is_large());
        size_of::<Header>() + words * 8 + if self.has_cell() { size_of::<Cell>() } else { 0 }
    }

    /// One more owned reference.
    #[inline]
    pub(crate) fn to_block(self) -> Block {
        // Ordering: Relaxed; a new reference is made from one that exists.
        let before = self.header().refs.fetch_add(1, Ordering::Relaxed);
        assert!(before < u32::MAX / 2, "two thousand million references to one object");
        Block { ptr: self.ptr }
    }

    /// How many own it.
    #[cfg(test)]
    pub(crate) fn refs(self) -> u32 {
        self.header().refs.load(Ordering::Relaxed)
    }

    /// Whether both are the same block.
    #[inline]
    pub(crate) fn same(self, other: BlockRef<'_>) -> bool {
        self.ptr == other.ptr
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrow().fmt(f)
    }
}

impl fmt::Debug for BlockRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (arity, hash) = (self.arity(), self.hash());
        f.debug_struct("Block").field("arity", &arity).field("hash", &hash).finish_non_exhaustive()
    }
}

// SAFETY: 1: a block is aligned to eight bytes; 2: both only wrap the pointer; 3: R2, R3.
unsafe impl Handle for Block {
    type Ref<'a> = BlockRef<'a>;

    fn into_raw(self) -> NonNull<()> {
        Self::into_raw(self)
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: 1 of ours is 1 of it.
        unsafe { Self::from_raw(raw) }
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> BlockRef<'a> {
        // SAFETY: 1 of ours is 1 of it.
        unsafe { BlockRef::from_raw(raw) }
    }

    fn borrowed(&self) -> BlockRef<'_> {
        Self::borrow(self)
    }

    fn hash(entry: BlockRef<'_>) -> u64 {
        entry.hash()
    }

    fn weight(entry: BlockRef<'_>) -> Weight {
        Weight { items: 1, bytes: entry.bytes() }
    }
}

impl super::ordered::Share for Block {
    fn share(entry: BlockRef<'_>) -> Self {
        entry.to_block()
    }
}
