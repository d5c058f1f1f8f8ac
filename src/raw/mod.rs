//! Lock-free storage: the only unsafe code of the crate.
//!
//! Nothing here knows a term. Blocks are words; the index is generic over what it holds.
//!
//! # Invariants
//!
//! * **R1** An entry that a slot of a live structure points at outlives every pin that was taken
//!   before the entry was unlinked: unlinked entries go to [`reclaim`] and nowhere else.
//! * **R2** A [`block::Block`] owns one of the references that its header counts; the memory lives
//!   until the count falls to zero.
//! * **R3** A block's memory is laid out by `Shape::of` with the counts in its header, written
//!   completely before the block is shared, and afterwards touched only through atomics.
//! * **R4** The low two bits of a slot word say what it is: an entry, a pending change, or the next
//!   line of the bucket; the top bits of an entry's may be bits of its hash, and those between are
//!   its address. Such a pointer is reachable only while its pointee is alive: it is unlinked
//!   before it is retired. What a pending change points at lives as long as it.
//! * **R5** Slots and headers of a bucket are written only by the holder of its lock bit.
//! * **R6** A frozen bucket is never written again; its entries live on in the segments that
//!   replaced it, and its own memory goes to [`reclaim`].
//! * **R7** The root, its directory and its segments are reached only under a pin that was taken
//!   before the root was loaded; each is unlinked before it is retired.
//! * **R8** What lies in a list of spare memory belongs to the list's thread alone, came from the
//!   allocator with the size of the list, and begins with the pointer to the next.
//! * **M1** Fresh memory belongs to whoever asked for it, and has room and alignment for what its
//!   layout, which is not empty, was made of. It is written before it is read or shared.
//! * **M2** An instruction or system call that touches no memory of ours owes nothing.
//! * **M3** The value of a spinning lock is used by its holder alone, from the Acquire with which
//!   he takes it to the Release with which he gives it up.
//! * **M4** The words of a run below its length have been written.
//! * **E1** A thread's record of its pins is used by that thread alone, made when it first pins,
//!   and freed when it ends and holds no pin.
//!
//! Groups:
//!
//! * **G1** A slot below the length of a state that was stored, or that is about to be by the
//!   holder of the writers' lock, holds what `Block::into_raw` gave, and never anything else,
//!   unless the state was that of a batch which was cancelled: no reader takes such a state, and
//!   the holder of the lock empties the slots that it had more.
//! * **G2** A group owns one reference of the block of each filled slot, unless the slot is dead in
//!   the last state that was stored: those references went to [`reclaim`]. Only the holder of the
//!   writers' lock marks slots as dead, before the state is stored that makes them so.
//! * **G3** Readers take a state under a pin and follow only what is alive in it. A block is
//!   retired after the state was stored in which it is dead, so later than such a pin was taken.
//! * **G4** The record of a pending change is written before the state that refers to it, put out
//!   of use by the holder of the writers' lock after the state was stored that no longer does, and
//!   then retired.
//! * **G5** A [`group::Bagged`] with bit two leads to a boxed group, one without to a block; it
//!   owns what it leads to.
//! * **G6** A chunk is a boxed slice whose first place says how many slots follow. It is linked
//!   once, and freed only by who has the whole group to himself.
//!
//! The ordered index:
//!
//! * **O1** Each word of a node that is not dead, and its fence, owns its entry. A dead node owns
//!   none: they went to the node that it was merged into.
//! * **O2** What is found under a pin in a node, as an entry, a fence or a node, or in the root,
//!   is alive as long as the pin: it is taken out of all that leads to it before it is retired.
//!   Words and children that are not in use are null.
//! * **O3** Roots and nodes belong to their maker until they are published, and to whoever frees
//!   them once nobody can reach them. Nobody is led to a dead node who pins after it was killed.
//!   A published root counts its owners, the tree among them while it is current; the last one to
//!   give up his share frees it, in a grace period's time.
//! * **O4** A pending change stands in one slot, owns its new entry until the batch has ended, and
//!   goes to [`reclaim`] when it has been taken out.
//! * **O5** Only the holder of a node's lock writes the node, and no other node's pending changes
//!   are in it then.
//! * **O6** A node of a level above 0 is the first part of an inner node, and one that says that it
//!   counts, of an inner node with counts. Neither ever changes. A node knows the pointer to all of
//!   it, which a reference to its first part cannot be made into.
//! * **O7** A page is a leaf that was copied for snapshots. It is never written, owns its entries
//!   and both its fences, and stays as long as the last snapshot that it was kept for.
#![allow(unsafe_code, reason = "this is the one island; every block answers to a number above")]

pub(crate) mod block;
pub(crate) mod group;
pub(crate) mod hash;
pub(crate) mod ordered;
mod pending;
pub(crate) mod reclaim;
pub(crate) mod run;
mod spare;
#[cfg_attr(ferrets_loom, allow(dead_code, reason = "its own model uses it, others do not"))]
mod spin;
#[cfg(test)]
mod tests;
mod totals;
pub(crate) mod watch;

use std::ptr::NonNull;

/// What an index holds: an owning, pointer-sized handle on something immutable, or on something
/// that changes only through atomics.
///
/// # Safety
/// 1. `into_raw` gives a pointer whose low two bits are clear; bit two is the handle's own.
/// 2. `from_raw` and `borrow` accept exactly what `into_raw` gave.
/// 3. What `borrow` gives stays valid and unmoved until `from_raw` has taken the handle back and
///    dropped it, on whatever thread.
pub(crate) unsafe trait Handle: Sized + Send + Sync + 'static {
    /// The borrowed form.
    type Ref<'a>: Copy;

    /// Gives ownership away as a pointer.
    fn into_raw(self) -> NonNull<()>;

    /// Takes ownership back.
    ///
    /// # Safety
    /// 1. `raw` came from `into_raw`, and the ownership it carried is not used again.
    unsafe fn from_raw(raw: NonNull<()>) -> Self;

    /// Looks at what the pointer owns.
    ///
    /// # Safety
    /// 1. `raw` came from `into_raw`, and nobody takes it back for `'a`.
    unsafe fn borrow<'a>(raw: NonNull<()>) -> Self::Ref<'a>;

    /// Looks at what a handle owns.
    fn borrowed(&self) -> Self::Ref<'_>;

    /// The hash of its key, as given by whoever put it in.
    fn hash(entry: Self::Ref<'_>) -> u64;

    /// What it counts for.
    fn weight(entry: Self::Ref<'_>) -> Weight;

    /// Frees an unlinked entry when nobody can see it any more.
    ///
    /// # Safety
    /// 1. `raw` came from `into_raw`, and nobody who pins from now on can reach it.
    unsafe fn retire(raw: NonNull<()>, pin: &reclaim::Pin) {
        unsafe fn free<H: Handle>(raw: NonNull<()>) {
            // SAFETY: R1: called once, when nobody who could reach the entry is left.
            drop(unsafe { H::from_raw(raw) });
        }
        // SAFETY: 1 of ours; the entry is alive until it is freed below.
        let bytes = Self::weight(unsafe { Self::borrow(raw) }).bytes;
        // SAFETY: 1 of ours is 1; `Handle` is Send, which is 2.
        pin.retire(unsafe { reclaim::Retired::new(raw, bytes, free::<Self>) });
    }
}

/// What an entry adds to the totals of its index.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Weight {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

/// What a write does with the entry of its key.
#[derive(Debug)]
pub(crate) enum Change<H> {
    /// Leaves it, or its absence.
    Keep,
    /// Leaves it, after having changed it in place so that it weighs this now.
    Changed(Weight),
    /// Puts an entry in, in the place of the old one if there is one.
    Put(H),
    /// Takes it out.
    Remove,
}

/// Why an index takes no write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// It was closed.
    Closed,
    /// There is no memory.
    NoMemory,
    /// A key has as many objects as it can have.
    Full,
}

/// Asks the processor to load what a pointer points at.
#[inline]
fn prefetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: M2: a prefetch has no effect but on caches, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// The word that makes all changes of a batch visible at once.
#[derive(Debug)]
pub(crate) struct Commit(crate::platform::sync::AtomicU32);

/// Tells loom that the word is freed: whoever looked at it must have done so before.
#[cfg(ferrets_loom)]
impl Drop for Commit {
    fn drop(&mut self) {
        self.0.with_mut(|_| ());
    }
}

impl Commit {
    /// Not decided yet: readers see the old state.
    pub(crate) fn new() -> Self {
        Self(crate::platform::sync::AtomicU32::new(0))
    }

    /// Makes the new state visible: the linearization point of the whole batch.
    pub(crate) fn commit(&self) {
        // Ordering: Release; pairs with the Acquire in `is_committed`, so that who sees the
        // decision sees what was decided.
        self.0.store(1, crate::platform::sync::Ordering::Release);
    }

    /// Whether readers see the new state.
    pub(crate) fn is_committed(&self) -> bool {
        // Ordering: Acquire; pairs with the Release in `commit`.
        self.0.load(crate::platform::sync::Ordering::Acquire) == 1
    }
}
