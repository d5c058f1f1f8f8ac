//! The outside world, behind names that a model checker can take over.
//!
//! *Invariant:* what is modelled, which is all of `raw` but the real collector, names no atomics
//! and no locks but these, so that building with `--cfg crossbeam_loom` swaps all of them at once;
//! and nobody else reads a clock.

pub(crate) mod clock;
pub(crate) mod sync;
