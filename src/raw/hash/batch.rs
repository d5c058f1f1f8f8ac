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

use smallvec::SmallVec;

use super::line::{Line, Locked, SlotWord};
use super::segment::Root;
use super::{Delta, Handle, Index, Place, Refused, Weight};
use super::{is_sparse, limit, line, locate, remove};
use crate::platform::sync::Backoff;
use crate::platform::wake::Wake;
use crate::raw::Commit;
use crate::raw::pending::{Pending, Pendings};
use crate::raw::reclaim::Pin;

/// What a key has before the batch, and where.
pub(crate) struct Found<'p> {
    lock: usize,
    hash: u64,
    place: Option<Place<'p>>,
}

impl<'p> Found<'p> {
    /// The entry, if there is one.
    pub(crate) fn entry<H: Handle>(&self) -> Option<H::Ref<'p>> {
        // SAFETY: R1, R5: in a slot of a bucket that the batch holds the lock of, so it was there
        // under the pin, which outlives it.
        self.place.as_ref().map(|place| unsafe { H::borrow(place.raw) })
    }
}

/// A change of a batch that is in a slot of its bucket; in which, may change until the commit.
struct Staged<'p> {
    lock: usize,
    hash: u64,
    pending: NonNull<Pending>,
    before: Weight,
    after: Weight,
    /// Where it was put, if in the place of another.
    at: Option<(&'p Line, usize)>,
}

impl Staged<'_> {
    fn word(&self) -> SlotWord {
        SlotWord::pending(self.pending.cast())
    }
}

/// Where a word of a locked bucket stands, which was last seen at `at`.
fn find<'p>(
    locked: &Locked<'p>,
    word: SlotWord,
    at: Option<(&'p Line, usize)>,
) -> (&'p Line, usize) {
    match at {
        Some((line, slot)) if line.slot(slot) == word => (line, slot),
        _ => locked.find_word(word).expect("it is in its bucket"),
    }
}

/// What is done when a batch is decided; it is told whether that was to commit, and says what the
/// entry weighs that it has finished.
type Finish<'p> = Box<dyn FnOnce(&Pin, bool) -> Weight + 'p>;

/// A batch under way: all its buckets are locked.
pub(crate) struct Batch<'p, H: Handle> {
    pin: &'p Pin,
    root: &'p Root,
    /// In the order of hashes, with the first hash behind each bucket.
    locks: Buckets<'p>,
    staged: SmallVec<[Staged<'p>; FEW]>,
    commit: Arc<Commit>,
    /// The pending changes, once there are some, of which there may be `most`.
    pendings: Option<Box<Pendings>>,
    most: usize,
    /// With what the entries weighed before that are changed inside.
    finish: Vec<(Weight, Finish<'p>)>,
    /// What the slots hold more, lines included.
    delta: Delta,
    is_watched: bool,
    /// Where there is so little left that it may shrink.
    sparse: Vec<u64>,
    handles: std::marker::PhantomData<H>,
}

impl<H: Handle> Index<H> {
    /// Runs `body` while the buckets of all `hashes`, which are in ascending order, are locked.
    /// What it has put is visible to all readers at once when it returns `Ok`, and to none if it
    /// returns `Err`. It must not block and must not call the index. If somebody wants to hear of
    /// changes, `tell` is called when they are visible, as in [`write`](Self::write).
    pub(crate) fn batch<'p, R, E: From<Refused>>(
        &self,
        pin: &'p Pin,
        hashes: &[u64],
        body: impl FnOnce(&mut Batch<'p, H>) -> Result<R, E>,
        tell: impl FnOnce(u64, &mut R) -> Wake,
    ) -> Result<R, E> {
        debug_assert!(hashes.is_sorted(), "locks are taken in one order");
        self.make_room(pin, hashes);
        let (root, locks) = self.lock_all(pin, hashes)?;
        let mut batch = Batch {
            pin,
            root,
            locks,
            staged: SmallVec::new(),
            commit: Arc::new(Commit::new()),
            pendings: None,
            most: hashes.len(),
            finish: Vec::new(),
            delta: Delta::default(),
            is_watched: self.interest.is_any(),
            sparse: Vec::new(),
            handles: std::marker::PhantomData,
        };
        let mut result = body(&mut batch);
        let mut wake = Wake::default();
        if let Ok(result) = &mut result {
            batch.commit();
            if batch.is_watched {
                wake = tell(root.totals.life, result);
            }
        }
        let sparse = std::mem::take(&mut batch.sparse);
        drop(batch);
        wake.run();
        sparse.into_iter().for_each(|hash| self.shrink(pin, hash));
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
            let mut locks = Buckets::new();
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
type Locks<'p> = (&'p Root, Buckets<'p>);
type Buckets<'p> = SmallVec<[(Option<u64>, Locked<'p>); FEW]>;

/// Keys up to which a batch needs no memory but for its pending changes.
const FEW: usize = 12;

impl<'p, H: Handle> Batch<'p, H> {
    fn lock_of(&self, hash: u64) -> usize {
        self.locks.partition_point(|(end, _)| end.is_some_and(|end| end <= hash))
    }

    /// What is there with that hash for which `same` holds, as it is before the batch.
    pub(crate) fn find(&self, hash: u64, same: impl Fn(H::Ref<'_>) -> bool) -> Found<'p> {
        let lock = self.lock_of(hash);
        let place = locate::<H>(self.locks[lock].1.line(), hash, &same);
        Found { lock, hash, place }
    }

    /// The entry with that hash for which `same` holds, as it is before the batch.
    pub(crate) fn get(&self, hash: u64, same: impl Fn(H::Ref<'_>) -> bool) -> Option<H::Ref<'p>> {
        self.find(hash, same).entry::<H>()
    }

    /// Puts an entry in, in the place of the one for which `same` holds. At most one put or removal
    /// for a key.
    pub(crate) fn put(&mut self, hash: u64, same: impl Fn(H::Ref<'_>) -> bool, new: H) {
        self.put_at(self.find(hash, same), new);
    }

    /// As [`put`](Self::put), where something was found, or nothing.
    pub(crate) fn put_at(&mut self, found: Found<'p>, new: H) {
        let after = H::weight(new.borrowed());
        self.stage(found, Some(new.into_raw()), after);
    }

    /// Takes out what was found, if anything was. At most one put or removal for a key.
    pub(crate) fn remove_at(&mut self, found: Found<'p>) {
        if found.place.is_some() {
            self.stage(found, None, Weight::default());
        }
    }

    /// Puts a pending change into its slot.
    fn stage(
        &mut self,
        Found { lock, hash, place }: Found<'p>,
        new: Option<NonNull<()>>,
        after: Weight,
    ) {
        let old = place.as_ref().map(|place| place.raw);
        // SAFETY: R1, R5: in a slot of a bucket that we hold the lock of.
        let before = old.map(|raw| H::weight(unsafe { H::borrow(raw) })).unwrap_or_default();
        let (commit, most) = (&self.commit, self.most);
        let pendings = self.pendings.get_or_insert_with(|| Pendings::new(commit, most));
        let pending = pendings.add(old, new);
        let word = SlotWord::pending(pending.cast());
        // Once the batch is decided, nothing may fail any more.
        new.inspect(|raw| line::check(*raw));
        let locked = &mut self.locks[lock].1;
        let at = match place {
            Some(Place { line, slot, raw }) => {
                // It may have moved since, if another change needed a new line.
                let (line, slot) = find(locked, SlotWord::entry(raw, hash), Some((line, slot)));
                locked.replace(line, slot, word);
                Some((line, slot))
            }
            None => {
                self.delta.bytes += locked.insert(line::tag(hash), word) as i64;
                None
            }
        };
        self.staged.push(Staged { lock, hash, pending, before, after, at });
    }

    /// Whether somebody wants to hear of changes.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// The word that decides, for changes inside entries that are to be part of the batch.
    pub(crate) fn commit_word(&self) -> &Arc<Commit> {
        &self.commit
    }

    /// Runs `finish` when the batch is decided, before the buckets are unlocked, and tells it
    /// whether it was committed. `before` is what the entry weighs that it finishes, and it returns
    /// what that weighs in the end.
    pub(crate) fn on_end(
        &mut self,
        before: Weight,
        finish: impl FnOnce(&Pin, bool) -> Weight + 'p,
    ) {
        self.finish.push((before, Box::new(finish)));
    }

    /// Shows the new entries, then tidies up.
    fn commit(&mut self) {
        self.commit.commit();
        for staged in std::mem::take(&mut self.staged) {
            // SAFETY: R4, R5: ours until it is retired below.
            let pending = unsafe { staged.pending.as_ref() };
            let locked = &mut self.locks[staged.lock].1;
            let (line, slot) = find(locked, staged.word(), staged.at);
            let delta = Delta::between(staged.before, staged.after);
            self.delta.items += delta.items;
            self.delta.bytes += delta.bytes;
            match pending.new {
                Some(new) => {
                    locked.replace(line, slot, SlotWord::entry(new, staged.hash));
                    if pending.old.is_none() {
                        self.root.segment(staged.hash).add_count(1);
                    }
                }
                None => {
                    self.delta.bytes -= remove(locked, line, slot, self.pin);
                    if is_sparse(self.root.segment(staged.hash).add_count(-1), self.root) {
                        self.sparse.push(staged.hash);
                    }
                }
            }
            if let Some(old) = pending.old {
                // SAFETY: R4: neither the slot nor the pending change show it any more.
                unsafe { H::retire(old, self.pin) };
            }
        }
        self.retire_pendings();
        self.finish_all(true);
        self.root.totals.add(self.delta);
    }
}

impl<H: Handle> Batch<'_, H> {
    /// Gives the pending changes up, when none is in a slot any more.
    fn retire_pendings(&mut self) {
        if let Some(pendings) = self.pendings.take() {
            pendings.retire(self.pin);
        }
    }

    /// Finishes the entries that were changed inside. What was taken back may still have left one
    /// with more memory than before.
    fn finish_all(&mut self, committed: bool) {
        for (before, finish) in std::mem::take(&mut self.finish) {
            let after = finish(self.pin, committed);
            self.root.totals.add(Delta::between(before, after));
        }
    }
}

impl<H: Handle> Drop for Batch<'_, H> {
    /// Takes back what was put and not committed; then the buckets are unlocked.
    fn drop(&mut self) {
        for staged in std::mem::take(&mut self.staged) {
            // SAFETY: R4, R5: ours until it is retired below.
            let pending = unsafe { staged.pending.as_ref() };
            let locked = &mut self.locks[staged.lock].1;
            let (line, slot) = find(locked, staged.word(), staged.at);
            match pending.old {
                Some(old) => locked.replace(line, slot, SlotWord::entry(old, staged.hash)),
                None => locked.clear(line, slot),
            }
            if let Some(new) = pending.new {
                // SAFETY: R4: no reader has taken it, because it was never committed; but one may
                // have the pending change, which is retired like everything else.
                unsafe { H::retire(new, self.pin) };
            }
        }
        self.retire_pendings();
        self.finish_all(false);
        if self.delta.bytes != 0 && !self.commit.is_committed() {
            self.root.totals.add(Delta::bytes(self.delta.bytes));
        }
    }
}
