//! Reclamation: when the memory of an unlinked entry may be given back.
//!
//! Readers *pin* before they follow a pointer and unpin when they let go of it. A writer that has
//! unlinked an entry *retires* it; it is freed once every pin that was taken before is gone.
//! [`epoch`] has the scheme and why it is right, [`barrier`] why pinning costs next to nothing,
//! [`thread`] the process's one collector. It is our own and shared with nobody: a stranger that
//! stays pinned cannot stop us.
//!
//! * **Bytes, not objects.** Retired entries gather in a bag per thread that is handed over when it
//!   holds [`BAG_ITEMS`] entries or [`BAG_BYTES`] bytes, so a quiet thread holds back little. The
//!   bytes handed over and not yet freed are counted ([`pending_bytes`]).
//! * **Never under a lock.** Retiring only notes an entry down. Bags are handed over, and others
//!   freed, when the thread unpins, which is after it has unlocked what it locked.
//! * **A ceiling.** Collection may be slower than production. A thread that hands a bag over while
//!   more than [`CEILING_BYTES`] are pending helps to free some first; if that does not help,
//!   because somebody stays pinned, the event is counted ([`stalls`]) and the writer goes on.
//! * **No lumps.** A structure of millions of entries is not freed inside somebody's unpin: after
//!   its grace period it waits in the *graveyard*, from which threads that hand bags over, and the
//!   thread that dropped it, free [`REAP_BUDGET`] entries at a time.
//!
//! A [`Pin`] never leaves the crate's own calls: user code runs pinned only inside the read views,
//! which say so.

mod barrier;
pub(crate) mod epoch;
#[cfg(ferrets_loom)]
mod model;
#[cfg(not(ferrets_loom))]
mod thread;

use std::ptr::NonNull;

#[cfg(ferrets_loom)]
pub(crate) use model::{Pin, collect, pending_bytes, pin, stalls, thread_index};
#[cfg(not(ferrets_loom))]
pub(crate) use thread::{Pin, collect, pending_bytes, pin, stalls, thread_index};

/// Entries in a thread's bag before it is handed over.
pub(crate) const BAG_ITEMS: usize = if cfg!(ferrets_loom) {
    1
} else if cfg!(any(ferrets_stress, miri)) {
    4
} else {
    128
};
/// Bytes in a thread's bag before it is handed over.
pub(crate) const BAG_BYTES: usize = 64 << 10;
/// Bytes handed over and not yet freed above which writers help.
pub(crate) const CEILING_BYTES: usize = 16 << 20;
/// Entries that one step of reaping frees at most.
pub(crate) const REAP_BUDGET: usize = 512;

/// An unlinked entry.
#[derive(Debug)]
pub(crate) struct Retired {
    raw: NonNull<()>,
    bytes: usize,
    free: unsafe fn(NonNull<()>),
}

// SAFETY: R1: an unlinked entry belongs to whoever frees it, and all entries are Send.
unsafe impl Send for Retired {}

impl Retired {
    /// Describes an entry; `bytes` is what freeing it gives back.
    ///
    /// # Safety
    /// 1. Nobody who pins from now on can reach `raw`.
    /// 2. `free(raw)` is sound once on any thread, when nobody who could reach it is left.
    pub(crate) unsafe fn new(raw: NonNull<()>, bytes: usize, free: unsafe fn(NonNull<()>)) -> Self {
        Self { raw, bytes, free }
    }

    /// Starts loading what is going to be freed.
    fn prefetch(&self) {
        super::prefetch(self.raw.as_ptr().cast());
    }

    fn free(self) {
        // SAFETY: R1: the caller waited for the grace period; 2 of `new`.
        unsafe { (self.free)(self.raw) };
    }
}

/// A structure that is too large to be freed at once.
pub(crate) trait Reap: Send {
    /// What it takes, before anything is reaped.
    fn bytes(&self) -> usize;

    /// Frees up to about `budget` entries; `true` when nothing is left.
    fn reap(&mut self, budget: usize) -> bool;
}
