//! The outside world, behind names that a model checker can take over.
//!
//! *Invariant:* what is modelled, which is all of `raw` but the real collector, names no atomics
//! and no locks but these, so that building with `--cfg ferrets_loom` swaps all of them at once;
//! and nobody else reads a clock.

pub(crate) mod clock;
#[cfg(ferrets_stress)]
pub mod famine;
#[cfg(all(ferrets_stress, not(ferrets_loom)))]
mod pointed;
#[cfg(ferrets_stress)]
pub mod schedule;
pub(crate) mod sync;
pub(crate) mod wake;
