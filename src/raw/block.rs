//! Blocks: what a stored object is made of. One allocation, counted, immutable.
//!
//! ```text
//!                            0        8      12      16                          16 + 8 len
//!  | counts | lease | cell    | hash   | refs | meta  | word | word | ... | word  |
//!  `- LARGE `- LEASED         `- what pointers point at `- words(): a plain &[u64]
//!  meta: arity (8 bits) | position of the cell, or zero (8) | LARGE (1) | LEASED (1) | len (14)
//!  LARGE: arity and len need more room; they stand in a word in front, 32 bits each
//!  LEASED: the object is there for somebody, whose number stands in a word in front
//! ```
//!
//! What only some blocks have stands in front of where pointers point, so that the words of all
//! blocks begin at the same place, and close to the header, so that it mostly shares its line.
//!
//! A block knows nothing of what its words mean; the term layer writes them once, before the block
//! is shared, and from then on anyone may read them without any synchronisation but the one that
//! handed him the pointer. The single exception is the *cell*, an atomic word that stands outside
//! the words and in for one of them: a counter that is added to in place. Readers take the cell's
//! value once and see one state of the object (at most one cell exists per block, so there is no
//! second value that could be newer or older than the first).

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::{Handle, Weight, spare};
use crate::platform::sync::{AtomicU32, AtomicU64, Ordering};

const LEN_BITS: u32 = 14;
const LEN_MASK: u32 = (1 << LEN_BITS) - 1;
const LEASED: u32 = 1 << LEN_BITS;
const LARGE: u32 = LEASED << 1;
const CELL_SHIFT: u32 = 16;
const CELL: u32 = 0xff << CELL_SHIFT;
const ARITY_SHIFT: u32 = 24;
const HEADER_WORDS: usize = size_of::<Header>() / 8;
/// Words of a block up to which readers get copies, and threads keep its memory: a number of bits,
/// so that one test of `meta` tells such blocks from all others.
pub(crate) const SMALL: usize = 15;
/// Whether anything stands in front of the header.
const NOT_PLAIN: u32 = LARGE | CELL | LEASED;
const NOT_SMALL: u32 = LARGE | CELL | (LEN_MASK & !(SMALL as u32));
#[cfg(not(ferrets_loom))]
const _: () = assert!(HEADER_WORDS + SMALL == spare::MAX_WORDS, "small blocks are kept");
/// Fewer words are copied without a call.
const FEW_WORDS: usize = 32;

#[repr(C)]
struct Header {
    hash: u64,
    refs: AtomicU32,
    meta: u32,
}

/// The atomic word of a block that has one, with the position that it stands in for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell<'a> {
    value: &'a AtomicU64,
    position: usize,
}

impl Cell<'_> {
    /// The largest position that a cell can stand in for.
    pub(crate) const MAX_POSITION: usize = 0xff;

    /// The word now.
    #[inline]
    pub(crate) fn get(self) -> u64 {
        // Ordering: Acquire; pairs with the Release in `set`: who sees a count sees what its
        // writer had done before.
        self.value.load(Ordering::Acquire)
    }

    /// Replaces the word. Only one thread may do so at a time; the index's lock sees to it.
    #[inline]
    pub(crate) fn set(self, word: u64) {
        // Ordering: Release; pairs with the Acquire in `get`.
        self.value.store(word, Ordering::Release);
    }

    /// The one-based element position that the cell stands in for.
    #[inline]
    pub(crate) fn position(self) -> usize {
        self.position
    }
}

/// A position in blocks, prepared so that one comparison says whether a small block has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    at: usize,
    /// The least `meta` that says so: the arity stands in the top bits.
    least_meta: u32,
}

impl Position {
    /// A position counted from one; no block has position zero.
    #[inline]
    pub(crate) const fn new(position: usize) -> Self {
        let at = position.wrapping_sub(1);
        let least_meta = if at < 0xff { (at as u32 + 1) << ARITY_SHIFT } else { u32::MAX };
        Self { at, least_meta }
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

/// What a block has besides its words.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extra {
    /// A cell that stands in for the element at a position (from one to [`Cell::MAX_POSITION`]),
    /// and what it begins as.
    pub(crate) cell: Option<(usize, u64)>,
    /// For whom the object is there.
    pub(crate) lease: Option<u64>,
}

/// Copies words; few of them with branches on their number, and not addresses computed from it as
/// `memcpy` does: see "Sizes are guessed" in [`spare`].
///
/// # Safety
/// 1. There is room for the words at `to`, and nothing else points there.
#[inline(always)]
unsafe fn write_words(to: NonNull<u64>, words: &[u64]) {
    let (from, to, len) = (words.as_ptr(), to.as_ptr(), words.len());
    if len >= FEW_WORDS {
        // SAFETY: 1 of ours.
        return unsafe { to.copy_from_nonoverlapping(from, len) };
    }
    let mut at = 0;
    // Each power of two that the length is made of. (A loop would be unrolled, and then most
    // steps were its overhead.)
    macro_rules! some {
        ($($count:literal)*) => {$(
            if len & $count != 0 {
                // SAFETY: M1: so many words are still to be copied, from a slice.
                let some = unsafe { from.add(at).cast::<[u64; $count]>().read() };
                // SAFETY: M1, 1 of ours: as above.
                unsafe { to.add(at).cast::<[u64; $count]>().write(some) };
                at += $count;
            }
        )*};
    }
    some!(16 8 4 2 1);
    debug_assert_eq!(at, len, "all are copied");
}

/// Where the parts of a block lie, from its two counts.
struct Shape {
    /// What it takes in all.
    words: usize,
    large: bool,
    /// Bytes in front of the header.
    front: usize,
}

impl Shape {
    /// `None` if the block would be larger than the address space.
    #[inline]
    fn of(arity: u32, len: usize, cell: bool, lease: bool) -> Option<Self> {
        let large = arity > 0xff || len > LEN_MASK as usize;
        u32::try_from(len).ok()?;
        let words = 8 * (usize::from(large) + usize::from(lease));
        let front = words + if cell { size_of::<AtomicU64>() } else { 0 };
        let words = len.checked_add(front / 8 + HEADER_WORDS)?;
        Some(Self { words, large, front })
    }
}

impl Block {
    /// A block of its own with these words, of which the first `arity` are those of the elements;
    /// `None` if there is no memory for it.
    #[inline(always)]
    pub(crate) fn new(hash: u64, arity: u32, words: &[u64]) -> Option<Self> {
        let len = words.len();
        if arity > 0xff || len > LEN_MASK as usize {
            return Self::with(hash, arity, words, Extra::default());
        }
        assert!(arity as usize <= len, "each element has a word");
        Self::plain(hash, arity, words)
    }

    /// As [`new`](Self::new), for counts that fit the header.
    #[inline(always)]
    fn plain(hash: u64, arity: u32, words: &[u64]) -> Option<Self> {
        let len = words.len();
        debug_assert!(arity as usize <= len && arity <= 0xff && len <= LEN_MASK as usize);
        let meta = arity << ARITY_SHIFT | len as u32;
        let ptr = spare::take_words(HEADER_WORDS + len)?.cast::<Header>();
        let header = Header { hash, refs: AtomicU32::new(1), meta };
        // SAFETY: M1: fresh memory with room and alignment for a header.
        unsafe { ptr.write(header) };
        // SAFETY: M1: one header behind the start lies inside the allocation or at its end.
        let to = unsafe { ptr.add(1) }.cast::<u64>();
        // SAFETY: M1: `len` words there; nothing else points at them.
        unsafe { write_words(to, words) };
        Some(Self { ptr })
    }

    /// As [`new`](Self::new), with what is not in all blocks.
    pub(crate) fn with(hash: u64, arity: u32, words: &[u64], extra: Extra) -> Option<Self> {
        assert!(arity as usize <= words.len(), "each element has a word");
        let Extra { cell, lease } = extra;
        let shape = Shape::of(arity, words.len(), cell.is_some(), lease.is_some())?;
        let start = spare::take_words(shape.words)?;
        // SAFETY: M1: the shape has `front` bytes in front of the header.
        let ptr = unsafe { start.add(shape.front) }.cast::<Header>();
        let len = u32::try_from(words.len()).expect("Shape::of checked the length");
        let mut meta = if shape.large { LARGE } else { len };
        // The arity of a large block may be 0xff and less than that: then it counts as none here.
        meta |= if arity > 0xff { 0 } else { arity << ARITY_SHIFT };
        if let Some((position, _)) = cell {
            assert!((1..=Cell::MAX_POSITION).contains(&position), "a position that fits");
            meta |= (position as u32) << CELL_SHIFT;
        }
        meta |= if lease.is_some() { LEASED } else { 0 };
        let header = Header { hash, refs: AtomicU32::new(1), meta };
        // SAFETY: M1: behind `front` there is room and alignment for a header.
        unsafe { ptr.write(header) };
        if shape.large {
            let ext = u64::from(arity) | u64::from(len) << 32;
            // SAFETY: M1: a large shape begins with this word.
            unsafe { start.cast::<u64>().write(ext) };
        }
        if let Some(lease) = lease {
            // SAFETY: M1: a shape with a lease has it in front of the header and the cell.
            let at = unsafe { ptr.cast::<u64>().sub(1 + usize::from(cell.is_some())) };
            // SAFETY: as above, and eight bytes are its alignment.
            unsafe { at.write(lease) };
        }
        if let Some((_, word)) = cell {
            // SAFETY: M1: a shape with a cell has it right in front of the header.
            let at = unsafe { ptr.cast::<AtomicU64>().sub(1) };
            // SAFETY: as above, and eight bytes are its alignment.
            unsafe { at.write(AtomicU64::new(word)) };
        }
        // SAFETY: M1: one header behind lies inside the allocation or at its end.
        let to = unsafe { ptr.add(1) }.cast::<u64>();
        // SAFETY: M1: the shape has `words.len()` words there; nothing else points at them.
        unsafe { write_words(to, words) };
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
        // Who has the only reference need not count down: nobody can make another one of it.
        // Ordering: Acquire; pairs with the Release of all other drops, so that all uses of the
        // block happen before its memory is given back.
        if header.refs.load(Ordering::Acquire) == 1 {
            self.free();
        } else {
            self.count_down();
        }
    }
}

impl Block {
    /// Gives up one reference of several.
    #[inline(never)]
    fn count_down(&mut self) {
        let header = self.borrow().header();
        // Ordering: Release; pairs with the loads below and in `drop` of whoever is last.
        if header.refs.fetch_sub(1, Ordering::Release) == 1 {
            // Ordering: Acquire; pairs as above. Not a fence: ThreadSanitizer understands none.
            header.refs.load(Ordering::Acquire);
            self.free();
        }
    }

    /// Gives the memory back; this was the last reference.
    #[inline]
    fn free(&mut self) {
        let meta = self.borrow().header().meta;
        if meta & (NOT_SMALL | LEASED) == 0 && !cfg!(ferrets_loom) {
            let words = HEADER_WORDS + (meta as usize & SMALL);
            // SAFETY: R2, R3: the last reference; a plain block takes so many words.
            unsafe { spare::give_words(self.ptr.cast(), words) };
        } else {
            self.free_any();
        }
    }

    #[cold]
    fn free_any(&mut self) {
        let block = self.borrow();
        let arity = u32::try_from(block.arity()).expect("made from a u32");
        let shape = Shape::of(arity, block.len(), block.has_cell(), block.is_leased())
            .expect("the block exists, so it had a shape");
        if let Some(cell) = block.cell_ptr() {
            // SAFETY: R2: this was the last reference, so nobody else reads the cell.
            unsafe { cell.drop_in_place() };
        }
        // SAFETY: R2: this was the last reference.
        unsafe { self.ptr.drop_in_place() };
        // SAFETY: R3: the allocation begins `front` bytes before the header.
        let start = unsafe { self.ptr.cast::<u8>().sub(shape.front) };
        // SAFETY: R3: taken with the same shape, and not used after this.
        unsafe { spare::give_words(start, shape.words) };
    }
}

impl<'a> BlockRef<'a> {
    /// Borrows from a pointer that [`Block::into_raw`] gave.
    ///
    /// # Safety
    /// 1. `raw` came from `into_raw`, and its reference is held by somebody for `'a`.
    #[inline]
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

    #[cold]
    fn ext(self) -> u64 {
        debug_assert!(self.is_large(), "only large blocks have the word");
        let before = 1 + usize::from(self.has_cell()) + usize::from(self.is_leased());
        // SAFETY: R3: a large block has this word in front of its header, cell and lease.
        let at = unsafe { self.ptr.cast::<u64>().sub(before) };
        // SAFETY: R3, as above.
        unsafe { at.read() }
    }

    #[inline]
    fn len(self) -> usize {
        let meta = self.header().meta;
        if meta & LARGE != 0 { (self.ext() >> 32) as usize } else { (meta & LEN_MASK) as usize }
    }

    #[inline]
    fn has_cell(self) -> bool {
        self.header().meta & CELL != 0
    }

    /// Whether the object is there for somebody.
    #[inline]
    pub(crate) fn is_leased(self) -> bool {
        self.header().meta & LEASED != 0
    }

    /// For whom the object is there, as given at its making.
    #[inline]
    pub(crate) fn lease(self) -> Option<u64> {
        if !self.is_leased() {
            return None;
        }
        let before = 1 + usize::from(self.has_cell());
        // SAFETY: R3: a leased block has this word in front of its header and cell.
        let at = unsafe { self.ptr.cast::<u64>().sub(before) };
        // SAFETY: R3, as above.
        Some(unsafe { at.read() })
    }

    #[inline]
    fn words_ptr(self) -> NonNull<u64> {
        // SAFETY: R3: one header behind the start lies inside the allocation or at its end.
        unsafe { self.ptr.add(1) }.cast::<u64>()
    }

    #[inline]
    fn cell_ptr(self) -> Option<NonNull<AtomicU64>> {
        if !self.has_cell() {
            return None;
        }
        // SAFETY: R3: a block with a cell has it right in front of its header.
        Some(unsafe { self.ptr.cast::<AtomicU64>().sub(1) })
    }

    /// The hash given at its making.
    #[inline]
    pub(crate) fn hash(self) -> u64 {
        self.header().hash
    }

    /// The element count given at its making.
    #[inline]
    pub(crate) fn arity(self) -> usize {
        let meta = self.header().meta;
        if meta & LARGE != 0 {
            (self.ext() & 0xffff_ffff) as usize
        } else {
            (meta >> ARITY_SHIFT) as usize
        }
    }

    /// The word of the element at a position. (A cell does not show.)
    #[inline]
    pub(crate) fn element(self, position: Position) -> Option<u64> {
        if self.header().meta < position.least_meta && position.at >= self.arity() {
            return None;
        }
        // SAFETY: R3: a block has as many words as elements, at least, and `at` is below either.
        let word = unsafe { self.words_ptr().add(position.at) };
        // SAFETY: R3: initialised, and never written again.
        Some(unsafe { word.read() })
    }

    /// The words.
    #[inline]
    pub(crate) fn words(self) -> &'a [u64] {
        // SAFETY: R3: `len` initialised words, never written again; R2 for the lifetime.
        unsafe { NonNull::slice_from_raw_parts(self.words_ptr(), self.len()).as_ref() }
    }

    /// The cell, if it has one.
    #[inline]
    pub(crate) fn cell(self) -> Option<Cell<'a>> {
        let position = ((self.header().meta & CELL) >> CELL_SHIFT) as usize;
        // SAFETY: R3: written before the block was shared; from then on only atomically.
        self.cell_ptr().map(|cell| Cell { value: unsafe { cell.as_ref() }, position })
    }

    /// Bytes asked of the allocator for this block.
    #[inline]
    pub(crate) fn bytes(self) -> usize {
        let meta = self.header().meta;
        if meta & NOT_PLAIN == 0 {
            return size_of::<Header>() + (meta & LEN_MASK) as usize * 8;
        }
        self.bytes_of_all()
    }

    #[inline(never)]
    fn bytes_of_all(self) -> usize {
        let words = self.len() + usize::from(self.is_large()) + usize::from(self.is_leased());
        size_of::<Header>() + words * 8 + if self.has_cell() { size_of::<AtomicU64>() } else { 0 }
    }

    /// Whether both are the same block.
    #[inline]
    pub(crate) fn same(self, other: BlockRef<'_>) -> bool {
        self.ptr == other.ptr
    }

    /// A block of its own with the same words and no lease, if this is a [`SMALL`] one without a
    /// cell.
    #[inline]
    pub(crate) fn copy_small(self) -> Option<Block> {
        let meta = self.header().meta;
        if meta & NOT_SMALL == 0 { self.copy_words() } else { None }
    }

    /// The same of one with a cell, which has had that value.
    pub(crate) fn copy_small_counted(self, value: u64) -> Option<Block> {
        let meta = self.header().meta;
        if meta & NOT_SMALL & !CELL != 0 {
            return None;
        }
        let position = self.cell()?.position();
        let copy = self.copy_words()?;
        // SAFETY: R3: the cell stands in for one of the words.
        let word = unsafe { copy.borrow().words_ptr().add(position - 1) };
        // SAFETY: R2: nobody else has the copy yet.
        unsafe { word.write(value) };
        Some(copy)
    }

    /// A block of its own with the words of this one, which is at most [`SMALL`].
    #[inline(always)]
    fn copy_words(self) -> Option<Block> {
        let meta = self.header().meta;
        let len = meta as usize & SMALL;
        // SAFETY: R3: `len` initialised words, never written again.
        let words = unsafe { NonNull::slice_from_raw_parts(self.words_ptr(), len).as_ref() };
        // A block's arity is at most its length.
        Block::plain(self.hash(), meta >> ARITY_SHIFT, words)
    }

    /// One more owned reference.
    #[inline]
    pub(crate) fn to_block(self) -> Block {
        // Ordering: Relaxed; a new reference is made from one that exists.
        let before = self.header().refs.fetch_add(1, Ordering::Relaxed);
        assert!(before < u32::MAX / 2, "two thousand million references to one object");
        Block { ptr: self.ptr }
    }

    /// A block of its own with the same words, there for `lease`. The cell does not come with it.
    pub(crate) fn with_lease(self, lease: Option<u64>) -> Option<Block> {
        let arity = u32::try_from(self.arity()).expect("made from a u32");
        Block::with(self.hash(), arity, self.words(), Extra { cell: None, lease })
    }

    /// Where it lies: tells blocks apart that somebody owns.
    pub(crate) fn address(self) -> usize {
        self.ptr.addr().get()
    }

    /// How many own it, at about this moment.
    pub(crate) fn refs(self) -> u32 {
        self.header().refs.load(Ordering::Relaxed)
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

    #[inline]
    fn into_raw(self) -> NonNull<()> {
        Self::into_raw(self)
    }

    #[inline]
    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: 1 of ours is 1 of it.
        unsafe { Self::from_raw(raw) }
    }

    #[inline]
    unsafe fn borrow<'a>(raw: NonNull<()>) -> BlockRef<'a> {
        // SAFETY: 1 of ours is 1 of it.
        unsafe { BlockRef::from_raw(raw) }
    }

    #[inline]
    fn borrowed(&self) -> BlockRef<'_> {
        Self::borrow(self)
    }

    #[inline]
    fn hash(entry: BlockRef<'_>) -> u64 {
        entry.hash()
    }

    #[inline]
    fn weight(entry: BlockRef<'_>) -> Weight {
        Weight { items: 1, bytes: entry.bytes() }
    }
}

impl super::ordered::Share for Block {
    fn share(entry: BlockRef<'_>) -> Self {
        entry.to_block()
    }

    fn is_shared(entry: BlockRef<'_>) -> bool {
        // Ordering: Acquire; pairs with the Release of all drops, so that what other owners have
        // read was read before the entry is changed.
        entry.header().refs.load(Ordering::Acquire) > 1
    }
}
