//! Pending changes: what a batch puts into slots before it is decided.

use std::ptr::NonNull;
use std::sync::Arc;

use super::Commit;
use super::reclaim::{Pin, Retired};

/// A change that is decided elsewhere.
#[derive(Debug)]
pub(super) struct Pending {
    /// Lives as long as the change: both belong to a [`Pendings`].
    commit: NonNull<Commit>,
    pub(super) old: Option<NonNull<()>>,
    pub(super) new: Option<NonNull<()>>,
}

impl Pending {
    /// What readers see, if they see the decision as `committed` says.
    pub(super) fn entry(&self, committed: bool) -> Option<NonNull<()>> {
        if committed { self.new } else { self.old }
    }

    /// What readers see.
    pub(super) fn visible(&self) -> Option<NonNull<()>> {
        self.entry(self.is_committed())
    }

    /// Whether it is decided. All changes of a batch say the same.
    pub(super) fn is_committed(&self) -> bool {
        // SAFETY: R4: the word is freed with the change, or later.
        unsafe { self.commit.as_ref() }.is_committed()
    }

    /// One of its entries; both have the same key.
    pub(super) fn any(&self) -> Option<NonNull<()>> {
        self.new.or(self.old)
    }
}

/// All pending changes of a batch: one allocation, one retirement.
#[derive(Debug)]
pub(super) struct Pendings {
    commit: Arc<Commit>,
    /// Never grows beyond what it was made for, so that nothing in it moves.
    changes: Vec<Pending>,
}

// SAFETY: R4: what the pointers lead to is read through atomics, or belongs to who has the batch.
unsafe impl Send for Pendings {}

impl Pendings {
    /// Room for so many changes that `commit` decides.
    pub(super) fn new(commit: &Arc<Commit>, count: usize) -> Box<Self> {
        Box::new(Self { commit: Arc::clone(commit), changes: Vec::with_capacity(count) })
    }

    /// Makes a change, to be put into a slot. The entries stay whose they are.
    ///
    /// # Panics
    /// If there is no room.
    pub(super) fn add(
        &mut self,
        old: Option<NonNull<()>>,
        new: Option<NonNull<()>>,
    ) -> NonNull<Pending> {
        let at = self.changes.len();
        assert!(at < self.changes.capacity(), "one change for each key of a batch");
        self.changes.push(Pending { commit: NonNull::from(&*self.commit), old, new });
        let change = self.changes.as_mut_ptr().wrapping_add(at);
        NonNull::new(change).expect("an element of a vector is somewhere")
    }

    /// Frees the changes when nobody can see them any more, but not their entries. None is in a
    /// slot any more.
    pub(super) fn retire(self: Box<Self>, pin: &Pin) {
        /// # Safety
        /// 1. `raw` is a `Pendings` from `Box` that nobody can reach any more.
        unsafe fn free(raw: NonNull<()>) {
            // SAFETY: 1 of ours.
            drop(unsafe { Box::from_raw(raw.cast::<Pendings>().as_ptr()) });
        }
        let bytes = size_of::<Self>() + self.changes.capacity() * size_of::<Pending>();
        let raw = NonNull::from(Box::leak(self)).cast();
        // SAFETY: R4: taken out of all slots, says the caller; it is Send.
        pin.retire(unsafe { Retired::new(raw, bytes, free) });
    }
}
