//! Order statistics: how many entries lie before a key, and which lies at a place.
//!
//! In a tree that counts, an inner node knows for each of its children how many items lie below it.
//! A search for a key adds up, on its way down, what lies to the left of it: the children before
//! the one that it goes to, and the whole of each node that it leaves by its link to the right. A
//! search for a place subtracts the same. Both read a few lines a level, take no lock and write
//! nothing.
//!
//! **Who writes counts.** Who has put an entry in or taken one out holds the leaf's lock. With it
//! he locks the parent and writes what the leaf has now, all of it and not a difference; then he
//! unlocks the leaf, and does the same one level up, and so to the top (`Tree::rise`, lock coupling
//! from below; Bayer, Schkolnick, *Concurrency of operations on B-trees*, Acta Informatica 1977).
//! Therefore:
//!
//! * What a parent says of a child that is not locked is true: nobody unlocks a child that he has
//!   changed before he has said so. Splits and merges hold all that they move between, and what
//!   a split has left is said in one step with what it has taken away. A new right half is said to
//!   have what it had when it was made; who changes it earlier than its parent knows of it waits
//!   with its lock, and says it then.
//! * When nobody writes, nothing is locked, so everything is true and every answer exact.
//! * Writers do not overtake each other on their way up. So all that count pass the top in one
//!   order, and each node that two of them pass, they pass in this order. What a writer finds to
//!   the left of his way is what those before him in this order have left there: the positions that
//!   inserts and removes return are those of a list to which they are applied in this order.
//!
//! **Under writers** the parts of a sum are read one after the other. They are numbers of keys in
//! intervals that do not overlap and do not move, because the lower end of a node never changes,
//! and who meets a node that was merged away begins again. So each is exact for its instant, but
//! for writers that are on their way up; and a rank is wrong by no more than the number of inserts
//! and removes of lower keys that were under way during the call. A list that is inserted at once
//! is counted leaf by leaf.
//!
//! # What it is bad at
//!
//! Writers that come and go take turns at the top: a few tens of nanoseconds each, but one after
//! the other, on all processors.

use std::ptr::NonNull;

use super::node::{NONE, Node, Seek, Target};
use super::pages::{Edge, Limit, Near};
use super::{At, Pin, Share, Tree};

impl<H: Share> Tree<H> {
    /// How many entries lie before a limit, which lies above or below a range. O(log n).
    pub(crate) fn rank<O>(&self, pin: &Pin, limit: &Limit<O>, above: bool) -> u64
    where
        O: Seek<H>,
    {
        match limit {
            Limit::End if !above => 0,
            Limit::End => self.sum_before(pin, &Edge(NONE - 1), |leaf| (leaf.count(), ())).0,
            Limit::At(head, order, included) => {
                let near = Near { head: *head, order, behind: *included == above };
                let position = |leaf: &Node| limit.position(leaf, above).unwrap_or(0);
                self.sum_before(pin, &near, |leaf| (position(leaf), ())).0
            }
        }
    }

    /// How many entries lie before a key, and whether it has one. O(log n).
    pub(crate) fn rank_of(&self, pin: &Pin, head: u64, order: impl Seek<H>) -> (u64, bool) {
        self.sum_before(pin, &At { head, order: &order }, |leaf| {
            let found = leaf.find(head, &order);
            let seen = found.is_ok_and(|at| leaf.word(at).visible().is_some());
            (found.unwrap_or_else(|at| at), seen)
        })
    }

    /// How many items lie to the left of the way to the target's leaf and, in the leaf, before the
    /// place that `position` finds.
    fn sum_before<R>(
        &self,
        pin: &Pin,
        target: &impl Target<H>,
        position: impl Fn(&Node) -> (usize, R),
    ) -> (u64, R) {
        let root = self.root(pin);
        let (mut node, mut before) = (root.top(pin), 0_u64);
        loop {
            let version = node.begin();
            if version.is_dead() {
                (node, before) = (root.top(pin), 0);
                continue;
            }
            let (next, more) = if node.is_before(target) {
                (node.next(), node.items())
            } else if node.level() > 0 {
                let at = node.child_of(target);
                Node::prefetch(node.child(at));
                (node.child(at), node.items_before(at))
            } else {
                let (at, result) = position(node);
                if node.is_unchanged(version) {
                    return (before.wrapping_add(at as u64), result);
                }
                continue;
            };
            if node.is_unchanged(version) {
                before = before.wrapping_add(more);
                // SAFETY: O2: found in a node that was alive, under the pin.
                node = unsafe { &*next };
            }
        }
    }

    /// The entry that has so many others before it. O(log n).
    pub(crate) fn nth<'p>(&self, pin: &'p Pin, index: u64) -> Option<H::Ref<'p>> {
        let root = self.root(pin);
        let (mut node, mut before) = (root.top(pin), index);
        loop {
            let version = node.begin();
            if version.is_dead() {
                (node, before) = (root.top(pin), index);
                continue;
            }
            let (mut found, mut next, mut left) = (None, node.next(), 0);
            if node.level() > 0 {
                match node.child_with(before) {
                    Ok((at, below)) => {
                        (next, left) = (node.child(at), below);
                        Node::prefetch(next);
                    }
                    Err(more) => left = more,
                }
            } else if let Some(more) = before.checked_sub(node.items()) {
                left = more;
            } else {
                // What a list that is being inserted has put is not there yet.
                found = (before as usize..node.count()).find_map(|at| node.word(at).visible());
            }
            if !node.is_unchanged(version) {
                continue;
            }
            if let Some(raw) = found {
                // SAFETY: O2: found in a leaf under the pin whose lifetime this is.
                return Some(unsafe { H::borrow(raw) });
            }
            // SAFETY: O2: found in a node that was alive, under the pin.
            node = unsafe { NonNull::new(next)?.as_ref() };
            before = left;
        }
    }
}
