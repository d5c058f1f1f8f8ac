//! The outside world, behind names that a model checker can take over.
//!
//! *Invariant:* nothing above this layer names `std::sync::atomic`, a lock of another crate or a
//! clock directly, so that building with `--cfg crossbeam_loom` swaps all of them at once.

pub(crate) mod clock;
pub(crate) mod sync;
