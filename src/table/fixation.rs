//! Fixation: the bookkeeping of `safe_fixtable`.
//!
//! In ETS a fixed table does not rehash and keeps deleted objects as zombies, so that a traversal
//! stays possible. Here every traversal is safe without, so a fixation freezes nothing and costs
//! nothing; it is counted and reported, and while one exists `next` accepts keys that are not in
//! the table, as ETS does for keys that were deleted meanwhile.

use std::time::Duration;

use super::core::OwnerId;

/// Who has fixed a table, how often, and since when.
#[derive(Debug, Default)]
pub(crate) struct Fixations {
    since: Option<Duration>,
    holders: Vec<(OwnerId, usize)>,
}

impl Fixations {
    /// How many are an owner's.
    pub(crate) fn count(&self, owner: OwnerId) -> usize {
        self.holders.iter().find(|(holder, _)| *holder == owner).map_or(0, |(_, count)| *count)
    }

    /// One more of an owner's.
    pub(crate) fn fix(&mut self, owner: OwnerId) {
        if self.holders.is_empty() {
            self.since = Some(crate::platform::clock::wall());
        }
        match self.holders.iter_mut().find(|(holder, _)| *holder == owner) {
            Some((_, count)) => *count += 1,
            None => self.holders.push((owner, 1)),
        }
    }

    /// One less; nothing if the owner has none.
    pub(crate) fn unfix(&mut self, owner: OwnerId) {
        for (holder, count) in &mut self.holders {
            if *holder == owner {
                *count -= 1;
            }
        }
        self.holders.retain(|(_, count)| *count > 0);
    }

    /// None of an owner's any more.
    pub(crate) fn release(&mut self, owner: OwnerId) {
        self.holders.retain(|(holder, _)| *holder != owner);
    }

    pub(crate) fn is_fixed(&self) -> bool {
        !self.holders.is_empty()
    }

    /// When the table was first fixed (time since the Unix epoch), and by whom how often.
    pub(crate) fn state(&self) -> Option<(Duration, &[(OwnerId, usize)])> {
        if self.is_fixed() { Some((self.since?, &self.holders)) } else { None }
    }
}
