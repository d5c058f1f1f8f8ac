//! Batches: many changes that become visible in one instant.
//!
//! The buckets of all keys are locked in the order of hashes. Each changed slot gets a pointer to a
//! [`Pending`] change, which names the old and the new entry and the batch's [`Commit`] word. One
//! store to that word shows all new entries at once, to readers that take no lock: who meets a
//! pending change asks the word which entry to take. Then the pending changes are replaced by the
//! new entries, and the buckets unlocked.
//!
//! A batch splits no segment while it holds locks. Room is made before: segments that the batch
//! would overfill are split first.

use std::ptr::NonNull;
use std::sync::Arc;

use super::line::{Locked, SlotWord};
use super::segment::Root;
use super::{Delta, Handle, Index, Place, Refused, Retired, Weight, insert_word, limit, locate};
use crate::platform::sync::Backoff;
use crate::raw::Commit;
use crate::raw::reclaim::Pin;

/// A change that is decided elsewhere.
#[derive(Debug)]
pub(super) struct Pending {
    commit: Arc<Commit>,
    old: Option<NonNull<()>>,
    new: Option<NonNull<()>>,
}

impl Pending {
    /// What readers see.
    pub(super) fn visible(&self) -> Option<NonNull<()>> {
        if self.commit.is_committed() { self.new } else { self.old }
    }

    /// One of its entries; all have the same key.
    pub(super) fn any(&self) -> Option<NonNull<()>> {
        self.new.or(self.old)
    }
}

/// A change of a batch that is in a slot of its bucket; in which, may change until the commit.
struct Staged {
    lock: usize,
    hash: u64,
    pending: NonNull<Pending>,
    before: Weight,
    after: Weight,
}

impl Staged {
    fn word(&self) -> SlotWord {
        SlotWord::pending(self.pending.cast())
    }
}

/// What is done when a batch is decided; it is told whether that was to commit.
type Finish<'p> = Box<dyn FnOnce(&Pin, bool) + 'p>;

/// A batch under way: all its buckets are locked.
pub(crate) struct Batch<'p, H: Handle> {
    pin: &'p Pin,
    root: &'p Root,
    /// In the order of hashes, with the first hash behind each bucket.
    locks: Vec<(Option<u64>, Locked<'p>)>,
    staged: Vec<Staged>,
    commit: Arc<Commit>,
    finish: Vec<Finish<'p>>,
    /// What the slots hold more, lines included.
    delta: Delta,
    /// What the entries that were changed inside weigh more.
    grown: Delta,
    handles: std::marker::PhantomData<H>,
}

impl<H: Handle> Index<H> {
    /// Runs `body` while the buckets of all `hashes`, which are in ascending order, are locked.
    /// What it has put is visible to all readers at once when it returns `Ok`, and to none if it
    /// returns `Err`. It must not block and must not call the index.
    pub(crate) fn batch<'p, R, E: From<Refused>>(
        &self,
        pin: &'p Pin,
        hashes: &[u64],
        body: impl FnOnce(&mut Batch<'p, H>) -> Result<R, E>,
    ) -> Result<R, E> {
        debug_assert!(hashes.is_sorted(), "locks are taken in one order");
        self.make_room(pin, hashes);
        let (root, locks) = self.lock_all(pin, hashes)?;
        let mut batch = Batch {
            pin,
            root,
            locks,
            staged: Vec::new(),
            commit: Arc::new(Commit::new()),
            finish: Vec::new(),
            delta: Delta::default(),
            grown: Delta::default(),
            handles: std::marker::PhantomData,
        };
        let result = body(&mut batch);
        if result.is_ok() {
            batch.commit();
        }
        result
    }

    /// Splits the segments that the batch would overfill.
    fn make_room(&self, pin: &Pin, hashes: &[u64]) {
        let (mut rest, mut backoff) = (hashes, Backoff::new());
        while let Some(first) = rest.first() {
            let root = self.root(pin);
            let segment = root.segment(*first);
            let end = segment.end_hash(segment.buckets() - 1);
            let here = end.map_or(rest.len(), |end| rest.partition_point(|hash| *hash < end));
            // Equal hashes are not told apart by splitting, and are one key's for the most part.
            let distinct = rest[..here].chunk_by(|a, b| a == b).count();
            let fits = segment.count() + distinct <= limit(root.bits);
            if fits || root.closed || !self.reserve(pin, *first, &mut backoff) {
                rest = &rest[here..];
            }
        }
    }

    /// Locks the buckets of all hashes, in a root that is current when the last is locked.
    fn lock_all<'p>(&self, pin: &'p Pin, hashes: &[u64]) -> Result<Locks<'p>, Refused> {
        'again: loop {
            let first = self.root(pin);
            if first.closed {
                return Err(Refused::Closed);
            }
            let mut locks: Vec<(Option<u64>, Locked<'p>)> = Vec::new();
            for hash in hashes {
                if locks.last().is_some_and(|(end, _)| end.is_none_or(|end| *hash < end)) {
                    continue; // the bucket is locked already
                }
                match self.lock_one(pin, *hash, first) {
                    Some(lock) => locks.push(lock),
                    None => continue 'again,
                }
            }
            let root = self.root(pin);
            if Arc::ptr_eq(&root.totals, &first.totals) {
                return Ok((root, locks));
            }
        }
    }

    /// Locks the bucket of a hash; `None` if the index was cleared since `first` was its root.
    fn lock_one<'p>(
        &self,
        pin: &'p Pin,
        hash: u64,
        first: &Root,
    ) -> Option<(Option<u64>, Locked<'p>)> {
        loop {
            let root = self.root(pin);
            if !Arc::ptr_eq(&root.totals, &first.totals) {
                return None;
            }
            let segment = root.segment(hash);
            let bucket = segment.bucket_of(hash);
            if let Some(locked) = segment.bucket(bucket).lock() {
                return Some((segment.end_hash(bucket), locked));
            }
        }
    }
}

/// A root and locked buckets in the order of hashes, each with the first hash behind it.
type Locks<'p> = (&'p Root, Vec<(Option<u64>, Locked<'p>)>);

impl<'p, H: Handle> Batch<'p, H> {
    fn lock_of(&self, hash: u64) -> usize {
        self.locks.partition_point(|(end, _)| end.is_some_and(|end| end <= hash))
    }

    fn place(&self, hash: u64, same: &impl Fn(H::Ref<'_>) -> bool) -> Option<Place<'p>> {
        locate::<H>(self.locks[self.lock_of(hash)].1.line(), hash, same)
    }

    /// The entry with that hash for which `same` holds, as it is before the batch.
    pub(crate) fn get(&self, hash: u64, same: impl Fn(H::Ref<'_>) -> bool) -> Option<H::Ref<'p>> {
        // SAFETY: R1, R5: in a slot of a bucket that we hold the lock of, until the batch ends,
        // and the pin outlives it.
        self.place(hash, &same).map(|place| unsafe { H::borrow(place.raw) })
    }

    /// Puts an entry in, in the place of the one for which `same` holds. At most once for a key.
    pub(crate) fn put(
        &mut self,
        hash: u64,
        same: impl Fn(H::Ref<'_>) -> bool,
        new: H,
    ) -> Result<(), Refused> {
        let lock = self.lock_of(hash);
        let place = self.place(hash, &same);
        let after = H::weight(new.borrowed());
        // SAFETY: R1, R5: as in `get`.
        let old = place.as_ref().map(|place| unsafe { H::borrow(place.raw) });
        let before = old.map(H::weight).unwrap_or_default();
        let commit = Arc::clone(&self.commit);
        let old = place.as_ref().map(|place| place.raw);
        let pending = Box::new(Pending { commit, old, new: Some(new.into_raw()) });
        let pending = NonNull::from(Box::leak(pending));
        let word = SlotWord::pending(pending.cast());
        let locked = &mut self.locks[lock].1;
        match place {
            Some(place) => locked.replace(place.line, place.slot, word),
            None => match insert_word::<H>(locked, hash, word) {
                Ok(extra) => self.delta.bytes += extra,
                Err(refused) => {
                    // SAFETY: 1 of `from_raw`: it was not put anywhere.
                    unsafe { discard::<H>(pending) };
                    return Err(refused);
                }
            },
        }
        self.staged.push(Staged { lock, hash, pending, before, after });
        Ok(())
    }

    /// The word that decides, for changes inside entries that are to be part of the batch.
    pub(crate) fn commit_word(&self) -> &Arc<Commit> {
        &self.commit
    }

    /// Runs `finish` when the batch is decided, before the buckets are unlocked, and tells it
    /// whether it was committed. `before` and `after` are what the entry weighs that it finishes.
    pub(crate) fn on_end(
        &mut self,
        before: Weight,
        after: Weight,
        finish: impl FnOnce(&Pin, bool) + 'p,
    ) {
        let delta = Delta::between(before, after);
        self.grown.items += delta.items;
        self.grown.bytes += delta.bytes;
        self.finish.push(Box::new(finish));
    }

    /// Shows the new entries, then tidies up.
    fn commit(&mut self) {
        self.commit.commit();
        for staged in std::mem::take(&mut self.staged) {
            // SAFETY: R4, R5: ours until it is retired below.
            let pending = unsafe { staged.pending.as_ref() };
            let new = pending.new.expect("only puts are staged");
            let locked = &mut self.locks[staged.lock].1;
            let (line, slot) = locked.find_word(staged.word()).expect("it is in its bucket");
            locked.replace(line, slot, SlotWord::entry(new));
            let delta = Delta::between(staged.before, staged.after);
            self.delta.items += delta.items;
            self.delta.bytes += delta.bytes;
            match pending.old {
                // SAFETY: R4: neither the slot nor the pending change show it any more.
                Some(old) => unsafe { H::retire(old, self.pin) },
                None => {
                    self.root.segment(staged.hash).add_count(1);
                }
            }
            let raw = staged.pending.cast();
            // SAFETY: R4: unlinked just now; pending changes come from `Box`.
            self.pin.retire(unsafe { Retired::new(raw, size_of::<Pending>(), free_pending) });
        }
        for finish in std::mem::take(&mut self.finish) {
            finish(self.pin, true);
        }
        self.root.totals.add(self.delta);
        self.root.totals.add(self.grown);
    }
}

impl<H: Handle> Drop for Batch<'_, H> {
    /// Takes back what was put and not committed; then the buckets are unlocked.
    fn drop(&mut self) {
        for staged in std::mem::take(&mut self.staged) {
            // SAFETY: R4, R5: ours until it is retired below.
            let pending = unsafe { staged.pending.as_ref() };
            let locked = &mut self.locks[staged.lock].1;
            let (line, slot) = locked.find_word(staged.word()).expect("it is in its bucket");
            match pending.old {
                Some(old) => locked.replace(line, slot, SlotWord::entry(old)),
                None => locked.clear(line, slot),
            }
            if let Some(new) = pending.new {
                // SAFETY: R4: no reader has taken it, because it was never committed; but one may
                // have the pending change, which is retired like everything else.
                unsafe { H::retire(new, self.pin) };
            }
            let raw = staged.pending.cast();
            // SAFETY: R4: unlinked just now; pending changes come from `Box`.
            self.pin.retire(unsafe { Retired::new(raw, size_of::<Pending>(), free_pending) });
        }
        for finish in std::mem::take(&mut self.finish) {
            finish(self.pin, false);
        }
        if self.delta.bytes != 0 && !self.commit.is_committed() {
            self.root.totals.add(Delta::bytes(self.delta.bytes));
        }
    }
}

/// Frees a pending change, but not its entries.
///
/// # Safety
/// 1. `raw` is a pending change from `Box` that nobody can reach any more.
unsafe fn free_pending(raw: NonNull<()>) {
    // SAFETY: 1 of ours.
    drop(unsafe { Box::from_raw(raw.cast::<Pending>().as_ptr()) });
}

/// Frees a pending change and its new entry.
///
/// # Safety
/// 1. Nobody was told of the pending change.
unsafe fn discard<H: Handle>(pending: NonNull<Pending>) {
    // SAFETY: 1 of ours.
    let pending = unsafe { Box::from_raw(pending.as_ptr()) };
    if let Some(new) = pending.new {
        // SAFETY: 1 of ours; the entry came with it.
        drop(unsafe { H::from_raw(new) });
    }
}
