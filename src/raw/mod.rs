//! Lock-free storage: the only unsafe code of the crate.
//!
//! Nothing here knows a term. Blocks are words, the index is generic over what it holds.
//!
//! # Invariants
//!
//! * **R1** An entry that a slot of a live structure points at outlives every pin that was taken
//!   before the entry was unlinked: unlinked entries go to [`reclaim`] and nowhere else.
//! * **R2** A [`block::Block`] owns one of the references that its header counts; the memory lives
//!   until the count falls to zero.
//! * **R3** A block's memory is laid out by `Shape::of` with the counts in its header, written
//!   completely before the block is shared, and afterwards touched only through atomics.
#![allow(unsafe_code, reason = "this is the one island; every block answers to a number above")]

pub(crate) mod block;
