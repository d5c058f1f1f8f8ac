//! Batches: many changes that become visible in one instant.
//!
//! The leaves of all keys are locked in the order of keys. Each changed slot gets a pointer to a
//! [`Pending`] change, which names the old and the new entry and the batch's [`Commit`] word. One
//! store to that word shows all new entries at once, to readers that take no lock: who meets a
//! pending change asks the word which entry to take. Then the pending changes are replaced by the
//! new entries, and the leaves unlocked.
//!
//! Readers of one key need not notice any of that. Those of a whole leaf must not mix what they
//! have read before and after the decision, so each of these steps counts as one that moves things.
//!
//! A leaf that becomes too full splits while it is locked, and what is split off it is locked from
//! the beginning. That takes locks of inner nodes besides, one at a time, and so in the order in
//! which everybody takes them: higher levels later.

use std::ptr::NonNull;
use std::sync::Arc;

use smallvec::SmallVec;

use super::node::{Locked, SLOTS, Seek, Target, Word};
use super::shape::is_sparse;
use super::{At, Delta, Entered, Handle, Order, Refused, Share, Tree, Weight, retire};
use crate::platform::wake::Wake;
use crate::raw::Commit;
use crate::raw::pending::Pendings;
use crate::raw::reclaim::Pin;

type Leaves<'p> = SmallVec<[Locked<'p>; 12]>;

/// What says of each key of a batch how entries stand to it.
pub(crate) trait SeekAll<K, H: Handle> {
    fn head(&self, key: &K) -> u64;
    fn order(&self, key: &K, entry: H::Ref<'_>) -> Order;
    /// As [`Seek::head_at`].
    fn head_at(&self, key: &K, depth: u32) -> u64;
}

/// One of them.
struct OneOf<'k, K, A>(&'k K, &'k A);

impl<K, H: Handle, A: SeekAll<K, H>> Seek<H> for OneOf<'_, K, A> {
    fn order(&self, entry: H::Ref<'_>) -> Order {
        self.1.order(self.0, entry)
    }

    fn head_at(&self, _: u64, depth: u32) -> u64 {
        self.1.head_at(self.0, depth)
    }
}

/// A batch under way: all its leaves are locked.
pub(crate) struct Batch<'p, H: Share> {
    pin: &'p Pin,
    /// In the order of keys.
    locks: Leaves<'p>,
    commit: Arc<Commit>,
    /// The pending changes, once there are some, of which there may be `most`.
    pendings: Option<Box<Pendings>>,
    most: usize,
    /// What the new entries weigh more than the old ones.
    delta: Delta,
    is_watched: bool,
    /// Whether a leaf has so little left that it may be merged with another.
    is_sparse: bool,
    /// Left last.
    root: Entered<'p, H>,
}

impl<H: Share> Tree<H> {
    /// Runs `body` while the leaves of all `keys`, which are in ascending order, are locked; `seek`
    /// says of a key what its head is, and how an entry's key stands to it. What `body` has put is
    /// visible to all readers at once when it returns `Ok`, and to none if it returns `Err`. It
    /// must not block and must not call the tree. If somebody wants to hear of changes, `tell` is
    /// called when they are visible, as in [`write`](Self::write).
    pub(crate) fn batch<'p, K, R, E: From<Refused>>(
        &self,
        pin: &'p Pin,
        keys: &[K],
        seek: &impl SeekAll<K, H>,
        body: impl FnOnce(&mut Batch<'p, H>) -> Result<R, E>,
        tell: impl FnOnce(u64, &mut R) -> Wake,
    ) -> Result<R, E> {
        let (root, locks) = self.lock_all(pin, keys, seek)?;
        let commit = Arc::new(Commit::new());
        let mut batch = Batch {
            pin,
            locks,
            commit,
            pendings: None,
            most: keys.len(),
            delta: Delta::default(),
            is_watched: self.interest.is_any(),
            is_sparse: false,
            root,
        };
        let mut result = body(&mut batch);
        let mut wake = Wake::default();
        if let Ok(result) = &mut result {
            batch.commit();
            if batch.is_watched {
                wake = tell(batch.root.totals.life, result);
            }
        } else {
            batch.take_back();
        }
        if batch.root.counts {
            batch.count(keys, seek);
        }
        batch.locks.clear();
        if batch.is_sparse {
            for key in keys {
                let target = At { head: seek.head(key), order: &OneOf(key, seek) };
                Self::merge_sparse(pin, &batch.root, &target);
            }
        }
        drop(batch);
        wake.run();
        result
    }

    /// Locks the leaves of all keys, in a root that is current when the last is locked.
    fn lock_all<'p, K>(
        &self,
        pin: &'p Pin,
        keys: &[K],
        seek: &impl SeekAll<K, H>,
    ) -> Result<(Entered<'p, H>, Leaves<'p>), Refused> {
        loop {
            let root = self.enter(pin)?;
            let mut locks = Leaves::new();
            for key in keys {
                let target = At { head: seek.head(key), order: &OneOf(key, seek) };
                let here = locks.last().is_some_and(|last| !last.node().is_before(&target));
                if !here {
                    locks.extend(Self::lock_at(pin, &root, 0, &target));
                }
            }
            if self.is_current(&root) {
                return Ok((root, locks));
            }
        }
    }
}

impl<'p, H: Share> Batch<'p, H> {
    /// Whether somebody wants to hear of changes.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Which of the locked leaves a key belongs to.
    fn lock_of(&self, target: &impl Target<H>) -> usize {
        self.locks.partition_point(|lock| lock.node().is_before(target))
    }

    /// The entry of a key, as it is before the batch.
    pub(crate) fn get(&self, head: u64, order: impl Seek<H>) -> Option<H::Ref<'p>> {
        let lock = self.lock_of(&At { head, order: &order });
        let leaf = self.locks[lock].node();
        let word = leaf.find(head, &order).ok().map(|at| leaf.word(at))?;
        // SAFETY: O2, O5: in a leaf that we hold the lock of, until the batch ends, and the pin
        // outlives it.
        word.raw().map(|raw| unsafe { H::borrow(raw) })
    }

    /// Puts an entry in, in the place of the one with its key. At most one put or removal for a
    /// key.
    pub(crate) fn put(&mut self, head: u64, order: impl Seek<H>, new: H) -> Result<(), Refused> {
        let target = At { head, order: &order };
        let lock = self.lock_of(&target);
        self.root.keep(self.pin, &self.locks[lock], &target)?;
        let leaf = self.locks[lock].node();
        let found = leaf.find(head, &order);
        let old = found.ok().and_then(|at| leaf.word(at).raw());
        let after = H::weight(new.borrowed());
        let raw = new.into_raw();
        let word = self.pending(old, Some(raw), after);
        match found {
            Ok(at) => self.locks[lock].change().replace(at, word),
            Err(at) if leaf.count() < SLOTS => {
                self.locks[lock].change().insert(at, leaf.head_here(&target), word);
            }
            Err(at) => self.split(lock, at, word, &target).inspect_err(|_| {
                // SAFETY: O1: it was not put anywhere, so it is ours again.
                drop(unsafe { H::from_raw(raw) });
            })?,
        }
        Ok(())
    }

    /// Takes the entry of a key out, if there is one. At most one put or removal for a key.
    pub(crate) fn remove(&mut self, head: u64, order: impl Seek<H>) -> Result<(), Refused> {
        let target = At { head, order: &order };
        let lock = self.lock_of(&target);
        let leaf = self.locks[lock].node();
        let Ok(at) = leaf.find(head, &order) else { return Ok(()) };
        self.root.keep(self.pin, &self.locks[lock], &target)?;
        let word = self.pending(leaf.word(at).raw(), None, Weight::default());
        self.locks[lock].change().replace(at, word);
        Ok(())
    }

    /// Makes a pending change, to be put into a slot.
    fn pending(
        &mut self,
        old: Option<NonNull<()>>,
        new: Option<NonNull<()>>,
        after: Weight,
    ) -> Word {
        // SAFETY: O2, O5: in a leaf that we hold the lock of.
        let before = old.map(|raw| H::weight(unsafe { H::borrow(raw) })).unwrap_or_default();
        let delta = Delta::between(before, after);
        self.delta.items += delta.items;
        self.delta.bytes += delta.bytes;
        let (commit, most) = (&self.commit, self.most);
        let pendings = self.pendings.get_or_insert_with(|| Pendings::new(commit, most));
        Word::pending(pendings.add(old, new))
    }

    /// Gives the pending changes up, when none is in a slot any more.
    fn retire_pendings(&mut self) {
        if let Some(pendings) = self.pendings.take() {
            pendings.retire(self.pin);
        }
    }

    /// Splits a locked leaf; the new one is locked as well.
    fn split(
        &mut self,
        lock: usize,
        at: usize,
        word: Word,
        target: &impl Target<H>,
    ) -> Result<(), Refused> {
        let locked = &mut self.locks[lock];
        let split = Tree::<H>::split_leaf(self.pin, &self.root, locked, at, word, target);
        let (split, right) = split?;
        Tree::<H>::rise(self.pin, &self.root, locked.node(), None, Some(split), false, target);
        self.locks.insert(lock + 1, right);
        Ok(())
    }

    /// Shows the new entries, then tidies up.
    fn commit(&mut self) {
        self.commit.commit();
        for locked in &mut self.locks {
            // Batches that meet take turns, so the pending changes in our leaves are ours.
            let (leaf, mut moving) = (locked.node(), locked.change());
            let count = leaf.count();
            for at in (0..count).rev() {
                let Some(pending) = leaf.word(at).as_pending() else { continue };
                match pending.new {
                    Some(new) => moving.replace(at, Word::entry(new)),
                    None => moving.remove(at),
                }
                if let Some(old) = pending.old {
                    retire::<H>(old, self.pin);
                }
            }
            self.is_sparse |= leaf.count() < count && is_sparse(leaf.count());
        }
        self.retire_pendings();
        self.root.totals.add(std::mem::take(&mut self.delta));
    }
}

impl<H: Share> Batch<'_, H> {
    /// Tells the nodes above the leaves how many items these have now. What no key belongs to has
    /// changed only by a split, which has told them.
    fn count<K>(&self, keys: &[K], seek: &impl SeekAll<K, H>) {
        let (mut at, mut counted) = (0, None);
        for key in keys {
            let target = At { head: seek.head(key), order: &OneOf(key, seek) };
            while self.locks[at].node().is_before(&target) {
                at += 1;
            }
            if counted.replace(at) != Some(at) {
                let leaf = self.locks[at].node();
                Tree::<H>::rise(self.pin, &self.root, leaf, None, None, false, &target);
            }
        }
    }

    /// Takes back what was put and not committed.
    fn take_back(&mut self) {
        for locked in &mut self.locks {
            let (leaf, mut moving) = (locked.node(), locked.change());
            for at in (0..leaf.count()).rev() {
                let Some(pending) = leaf.word(at).as_pending() else { continue };
                match pending.old {
                    Some(old) => moving.replace(at, Word::entry(old)),
                    None => moving.remove(at),
                }
                if let Some(new) = pending.new {
                    // Nobody saw it, but a reader may have found the pending change.
                    retire::<H>(new, self.pin);
                }
            }
        }
        self.retire_pendings();
    }
}

impl<H: Share> Drop for Batch<'_, H> {
    /// The leaves are unlocked, with nothing pending in them, also while unwinding.
    fn drop(&mut self) {
        if !self.commit.is_committed() {
            self.take_back();
        }
    }
}
