//! Fixation: the bookkeeping of `safe_fixtable`.
//!
//! In ETS a fixed table does not rehash and keeps deleted objects as zombies, so that a traversal
//! stays possible. Here every traversal is safe without, so a fixation freezes nothing and costs
//! nothing; it is counted and reported, and while one exists `next` accepts keys that are not in
//! the table, as ETS does for keys that were deleted meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use super::core::OwnerId;

/// Who has fixed a table, how often, and since when.
#[derive(Debug, Default)]
pub(crate) struct Fixations {
    since: Duration,
    holders: BTreeMap<OwnerId, usize>,
}

impl Fixations {
    /// One more of an owner's. O(log holders).
    pub(crate) fn fix(&mut self, owner: OwnerId) {
        if self.holders.is_empty() {
            self.since = crate::platform::clock::wall();
        }
        *self.holders.entry(owner).or_default() += 1;
    }

    /// One less; nothing if the owner has none. Whether he has any left. O(log holders).
    pub(crate) fn unfix(&mut self, owner: OwnerId) -> bool {
        let Some(count) = self.holders.get_mut(&owner) else { return false };
        *count -= 1;
        if *count == 0 {
            self.holders.remove(&owner);
            return false;
        }
        true
    }

    /// None of an owner's any more.
    pub(crate) fn release(&mut self, owner: OwnerId) {
        self.holders.remove(&owner);
    }

    /// None of anybody's any more; who had any.
    pub(crate) fn release_all(&mut self) -> impl Iterator<Item = OwnerId> + use<> {
        std::mem::take(&mut self.holders).into_keys()
    }

    pub(crate) fn is_fixed(&self) -> bool {
        !self.holders.is_empty()
    }

    /// When the table was first fixed (time since the Unix epoch), and by whom how often.
    pub(crate) fn state(&self) -> Option<(Duration, impl Iterator<Item = (OwnerId, usize)>)> {
        let holders = self.holders.iter().map(|(owner, count)| (*owner, *count));
        self.is_fixed().then_some((self.since, holders))
    }
}
