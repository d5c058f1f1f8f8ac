//! The hash index: extendible hashing on the top hash bits, read without locks.
//!
//! ```text
//! Index -> Root { directory: [segment | depth; 2^g] } -> Segment { 64 buckets } -> entry
//! ```
//!
//! The top bits of a hash choose a segment in the directory, the next a bucket in the segment, the
//! low byte is the tag in the bucket's [line]. A lookup touches three things: a directory word, a
//! line, the entry. It takes no lock, writes nothing, waits for nobody and never starts again.
//!
//! A segment whose load passes [`limit`] splits on its own: its buckets are locked, the entries are
//! distributed over two new segments, the directory is pointed at these. Only writers to that
//! segment notice. Sparse neighbours merge the same way, so an index gives its memory back. Small
//! indexes consist of one segment of 1, 2, 4 ... 64 buckets.
//!
//! Because the *top* bits choose the bucket, splits and merges refine and coarsen intervals of
//! hashes and never reorder them. A traversal is therefore a walk over hashes: its position is a
//! hash, it holds nothing between steps, and it meets every entry that is present throughout
//! exactly once, whatever happens to the segments meanwhile.
//!
//! [`batch`] changes many entries in one instant; [`Index::clear`] empties the index in one.
//!
//! # Writers against clearing
//!
//! `clear` swaps the root and does not wait for writers. A writer that holds a bucket's lock checks
//! that the root is still the one it came through; if the root is swapped after that, the write
//! goes to the old root, as if it had come just before the clearing. It cannot get lost for anyone
//! who came after the clearing, because he should not see it, and the totals are the old root's.
//!
//! # What it is bad at
//!
//! It needs 64-bit hashes of which every part is good; equal hashes share a chain of lines for
//! ever. An entry costs about 17 bytes of index at a million entries (13 just before its segment
//! splits, 27 just after). A batch that touches a bucket keeps other writers off it to its end.
//!
//! Ideas: Fagin et al., *Extendible hashing* (TODS 1979); FASTER's index buckets (SIGMOD 2018);
//! CLHT's one line per update (ASPLOS 2015).

mod batch;
mod grow;
mod line;
mod scan;
mod segment;
mod step;

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

pub(crate) use batch::{Batch, Found};
use line::{LAST, Line, Locked, SLOTS, Slot, SlotWord};
use segment::{Root, Segment};

use super::pending::Pending;
use super::reclaim::{Pin, Reap, Retired};
use super::totals::{Delta, Totals};
use super::watch::{Hub, Interest};
pub(crate) use super::{Change, Refused};
use super::{Handle, Weight, prefetch};
use crate::platform::sync::{AtomicPtr, Mutex, Ordering};
use crate::platform::wake::Wake;

/// The number of entries at which a segment of `2^bits` buckets is split: 4.75 a bucket.
const fn limit(bits: u32) -> usize {
    let buckets = 1_usize << bits;
    // Models cannot afford chains: they split when all slots are taken.
    let limit = if cfg!(ferrets_loom) { buckets * SLOTS } else { buckets * 19 / 4 };
    if limit < SLOTS { SLOTS } else { limit }
}

/// Whether a segment from which an entry was just taken may be merged. Not at every count, so that
/// one which cannot be is not tried again at once.
fn is_sparse(count: usize, root: &Root) -> bool {
    count < limit(root.bits) / 4 && count % 16 == 0
}

/// A concurrent index of entries by the hash of their keys.
#[derive(Debug)]
pub(crate) struct Index<H: Handle> {
    root: AtomicPtr<Root>,
    /// Held to change the directory; counts the segments that are as deep as it allows.
    shape: Mutex<usize>,
    interest: Interest,
    handles: PhantomData<H>,
}

/// Where an entry was found.
struct Place<'p> {
    line: &'p Line,
    slot: usize,
    raw: NonNull<()>,
}

/// Where a hash belonged when it was asked for, under a pin that lasts. A segment that has been
/// replaced since shows the state at that moment, so what is read here is what was there at some
/// instant between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot<'p> {
    line: &'p Line,
    hash: u64,
}

impl Spot<'_> {
    /// Starts loading the entry that the hash is most likely to belong to.
    #[inline]
    pub(crate) fn prefetch_entry(self) {
        let slot = self.line.header().candidates(line::tag(self.hash)).next();
        if let Some(raw) = slot.and_then(|slot| self.line.slot(slot).entry_only()) {
            prefetch(raw.as_ptr().cast());
        }
    }
}

/// What readers see in a slot that is not a link.
fn visible(slot: Slot) -> Option<NonNull<()>> {
    match slot {
        Slot::Entry(raw) => Some(raw),
        Slot::Empty | Slot::Link(_) => None,
        // SAFETY: R4: a pending change is alive while a pin that found it lasts.
        Slot::Pending(pending) => unsafe { pending.cast::<Pending>().as_ref() }.visible(),
    }
}

impl<H: Handle> Index<H> {
    /// An empty index; `None` without memory.
    pub(crate) fn new() -> Option<Self> {
        let root = AtomicPtr::new(Box::into_raw(empty_root(false, 0)?));
        let (shape, interest) = (Mutex::new(1), Interest::new());
        Some(Self { root, shape, interest, handles: PhantomData })
    }

    /// Who wants to hear of changes.
    pub(crate) fn interest(&self) -> &Interest {
        &self.interest
    }

    #[inline]
    fn root<'p>(&self, _: &'p Pin) -> &'p Root {
        // Ordering: Acquire; pairs with the Release of whoever stored the root.
        let root = self.root.load(Ordering::Acquire);
        // SAFETY: R7: loaded under the pin, so alive as long as it.
        unsafe { &*root }
    }

    #[inline]
    fn is_current(&self, root: &Root) -> bool {
        // Ordering: Acquire; pairs as in `root`.
        std::ptr::eq(self.root.load(Ordering::Acquire), root)
    }

    /// The entry with that hash for which `same` holds. Only the tag of the hash is compared, so
    /// `same` may be asked of entries with another one.
    #[inline(always)]
    pub(crate) fn get<'p>(
        &self,
        pin: &'p Pin,
        hash: u64,
        same: impl Fn(H::Ref<'p>) -> bool + Copy,
    ) -> Option<H::Ref<'p>> {
        self.get_at(Spot { line: self.root(pin).bucket(hash), hash }, same)
    }

    /// Where a hash belongs, starting to load it.
    #[inline]
    pub(crate) fn spot<'p>(&self, pin: &'p Pin, hash: u64) -> Spot<'p> {
        let line = self.root(pin).bucket(hash);
        line.prefetch();
        Spot { line, hash }
    }

    /// As [`get`](Self::get), where the hash belongs.
    #[inline(always)]
    #[allow(clippy::unused_self, reason = "a spot belongs to its index")]
    pub(crate) fn get_at<'p>(
        &self,
        Spot { line, hash }: Spot<'p>,
        same: impl Fn(H::Ref<'p>) -> bool + Copy,
    ) -> Option<H::Ref<'p>> {
        let header = line.header();
        // Which slot it is, is no branch: that would be mispredicted as often as not, and only
        // when the entry has been loaded.
        let Some(slot) = header.candidates(line::tag(hash)).next() else {
            let is_all = !header.is_linked() && !line.slot(LAST).is_link();
            return if is_all { None } else { search::<H>(line, header, hash, same) };
        };
        if let Some(raw) = line.slot(slot).entry_only() {
            // SAFETY: R1: found in a slot under the pin whose lifetime this is.
            let entry = unsafe { H::borrow(raw) };
            if same(entry) {
                return Some(entry);
            }
        }
        search::<H>(line, header, hash, same)
    }

    /// Starts loading the bucket of a hash.
    #[inline]
    pub(crate) fn prefetch_bucket(&self, pin: &Pin, hash: u64) {
        self.root(pin).bucket(hash).prefetch();
    }

    /// Starts loading the entry that a hash is most likely to belong to.
    #[inline]
    pub(crate) fn prefetch_entry(&self, pin: &Pin, hash: u64) {
        Spot { line: self.root(pin).bucket(hash), hash }.prefetch_entry();
    }

    /// Changes the entry with that hash for which `same` holds, as `change` says of it, while no
    /// other write to its bucket goes on. `change` is called once, must not block and must not
    /// call the index.
    ///
    /// If somebody wants to hear of it, `tell` is called when the change is visible, under the same
    /// conditions, with the life of the index and the entries before and after.
    pub(crate) fn write<R>(
        &self,
        pin: &Pin,
        hash: u64,
        same: impl Fn(H::Ref<'_>) -> bool,
        change: impl FnOnce(Option<H::Ref<'_>>) -> (Change<H>, R),
        tell: impl FnOnce(u64, Option<H::Ref<'_>>, Option<H::Ref<'_>>) -> Wake,
    ) -> Result<R, Refused> {
        self.write_with(pin, hash, (), |(), entry| same(entry), |(), entry| change(entry), tell)
    }

    /// As [`write`](Self::write), for a `subject` that both closures need, and the second consumes.
    pub(crate) fn write_with<S, R>(
        &self,
        pin: &Pin,
        hash: u64,
        subject: S,
        same: impl Fn(&S, H::Ref<'_>) -> bool,
        change: impl FnOnce(S, Option<H::Ref<'_>>) -> (Change<H>, R),
        tell: impl FnOnce(u64, Option<H::Ref<'_>>, Option<H::Ref<'_>>) -> Wake,
    ) -> Result<R, Refused> {
        let (root, mut locked) = self.lock(pin, hash)?;
        let place = locate::<H>(locked.line(), hash, &|entry: H::Ref<'_>| same(&subject, entry));
        // SAFETY: R1, R5: in a slot of a bucket that we hold the lock of.
        let before = place.as_ref().map(|place| unsafe { H::borrow(place.raw) });
        let weight = before.map(H::weight).unwrap_or_default();
        let (change, result) = change(subject, before);
        match (change, place) {
            (Change::Keep, _) | (Change::Remove, None) => {}
            (Change::Changed(after), _) => {
                self.unlock(locked, hash, || tell(root.totals.life, before, before));
                root.totals.add(Delta::between(weight, after));
            }
            (Change::Put(new), Some(place)) => {
                let delta = Delta::between(weight, H::weight(new.borrowed()));
                let raw = new.into_raw();
                locked.replace(place.line, place.slot, SlotWord::entry(raw, hash));
                self.unlock(locked, hash, || {
                    // SAFETY: R1, R5: put there just now, and we hold the lock.
                    tell(root.totals.life, before, Some(unsafe { H::borrow(raw) }))
                });
                root.totals.add(delta);
                // SAFETY: R4: the slot held it and no longer does.
                unsafe { H::retire(place.raw, pin) };
            }
            (Change::Put(new), None) => {
                let delta = Delta::between(weight, H::weight(new.borrowed()));
                let raw = new.into_raw();
                let extra = locked.insert(line::tag(hash), SlotWord::entry(raw, hash));
                let count = root.segment(hash).add_count(1);
                self.unlock(locked, hash, || {
                    // SAFETY: R1, R5: put there just now, and we hold the lock.
                    tell(root.totals.life, None, Some(unsafe { H::borrow(raw) }))
                });
                root.totals.add(Delta { bytes: delta.bytes + extra as i64, ..delta });
                if count > limit(root.bits) {
                    self.grow(pin, hash);
                }
            }
            (Change::Remove, Some(place)) => {
                let freed = remove(&mut locked, place.line, place.slot, pin);
                let count = root.segment(hash).add_count(-1);
                self.unlock(locked, hash, || tell(root.totals.life, before, None));
                let delta = Delta::between(weight, Weight::default());
                root.totals.add(Delta { bytes: delta.bytes - freed, ..delta });
                // SAFETY: R4: the slot held it and no longer does.
                unsafe { H::retire(place.raw, pin) };
                if is_sparse(count, root) {
                    self.shrink(pin, hash);
                }
            }
        }
        Ok(result)
    }

    /// Shows the entry with that hash for which `same` holds to `change`, which may change it in
    /// place, while no write to its bucket goes on; `None` if there is none. `change` must not
    /// block, must not call the index, and must leave the entry's weight as it is. `tell` is as in
    /// [`write`](Self::write), and also called where nothing was changed.
    #[inline]
    pub(crate) fn change<R>(
        &self,
        pin: &Pin,
        hash: u64,
        same: impl Fn(H::Ref<'_>) -> bool,
        change: impl FnOnce(H::Ref<'_>) -> R,
        tell: impl FnOnce(u64, H::Ref<'_>, &R) -> Wake,
    ) -> Result<Option<R>, Refused> {
        let (root, locked) = self.lock(pin, hash)?;
        let Some(place) = locate::<H>(locked.line(), hash, &same) else { return Ok(None) };
        // SAFETY: R1, R5: in a slot of a bucket that we hold the lock of.
        let entry = unsafe { H::borrow(place.raw) };
        let result = change(entry);
        self.unlock(locked, hash, || tell(root.totals.life, entry, &result));
        Ok(Some(result))
    }

    /// Unlocks a bucket in which a change has become visible; before that, tells those who want to
    /// hear of it.
    #[inline(always)]
    fn unlock(&self, locked: Locked<'_>, hash: u64, tell: impl FnOnce() -> Wake) {
        if self.interest.is_in(hash) {
            unlock_told(locked, tell);
        } else {
            drop(locked);
        }
    }

    /// Takes and releases the lock of each bucket: whoever holds one now has unlocked it when this
    /// returns, and whoever takes one later sees what was done before. O(buckets).
    pub(crate) fn settle(&self, pin: &Pin) {
        let mut next = Some(0);
        while let Some(hash) = next {
            let segment = self.root(pin).segment(hash);
            let bucket = segment.bucket_of(hash);
            // A frozen bucket has been replaced: the same hash is looked for again.
            if let Some(locked) = segment.bucket(bucket).lock() {
                drop(locked);
                next = segment.end_hash(bucket);
            }
        }
    }

    /// Locks the bucket of a hash, in the root that is current.
    #[inline]
    fn lock<'p>(&self, pin: &'p Pin, hash: u64) -> Result<(&'p Root, Locked<'p>), Refused> {
        loop {
            let root = self.root(pin);
            if root.closed {
                return Err(Refused::Closed);
            }
            let line = root.bucket(hash);
            // The entry is nearly always looked at under the lock; a locked instruction waits for
            // what comes before it, and holds up what comes after.
            Spot { line, hash }.prefetch_entry();
            let Some(locked) = line.lock() else {
                continue; // frozen: the root or its directory has changed
            };
            if self.is_current(root) {
                return Ok((root, locked));
            }
        }
    }

    /// What it holds now. O(1); exact when nobody writes.
    pub(crate) fn weight(&self, pin: &Pin) -> Weight {
        let root = self.root(pin);
        let weight = root.totals.weight();
        Weight { items: weight.items, bytes: weight.bytes + root.totals.own_bytes() }
    }

    /// How many buckets the present directory tells apart.
    pub(crate) fn buckets(&self, pin: &Pin) -> u64 {
        let root = self.root(pin);
        1 << (root.depth + root.bits)
    }

    /// Empties the index in one instant, which `hub` tells as `event`, and returns how many items
    /// it held. O(1); the memory comes back bit by bit.
    pub(crate) fn clear<E: Clone>(
        &self,
        pin: &Pin,
        hub: &Hub<E>,
        event: E,
    ) -> Result<usize, Refused> {
        self.swap_root(pin, hub, event, false)
    }

    /// Empties the index and refuses all writes from now on; `hub` has nothing to tell any more.
    pub(crate) fn close<E: Clone>(
        &self,
        pin: &Pin,
        hub: &Hub<E>,
        event: E,
    ) -> Result<usize, Refused> {
        self.swap_root(pin, hub, event, true)
    }

    fn swap_root<E: Clone>(
        &self,
        pin: &Pin,
        hub: &Hub<E>,
        event: E,
        closed: bool,
    ) -> Result<usize, Refused> {
        let (old, wake) = {
            let mut deepest = self.shape.lock();
            let root = self.root(pin);
            if root.closed {
                return Err(Refused::Closed);
            }
            let new = empty_root(closed, root.totals.life + 1).ok_or(Refused::NoMemory)?;
            *deepest = 1;
            hub.end_life(&event, closed, || {
                // Ordering: AcqRel; Release pairs with the Acquire in `root`, Acquire with the
                // Release of whoever stored the root that we take out.
                Ok(self.root.swap(Box::into_raw(new), Ordering::AcqRel))
            })?
        };
        wake.run();
        // SAFETY: R7: unlinked, and freed only after the grace period below.
        let items = unsafe { &*old }.totals.weight().items;
        let grave = Grave::<H> { root: old, at: 0, handles: PhantomData };
        pin.retire_large(Box::new(grave));
        Ok(items)
    }
}

impl<H: Handle> Drop for Index<H> {
    fn drop(&mut self) {
        // Ordering: Acquire; pairs as in `root`. Nobody else has the index any more.
        let root = self.root.load(Ordering::Acquire);
        let mut grave = Grave::<H> { root, at: 0, handles: PhantomData };
        while !grave.reap(usize::MAX) {}
    }
}

/// Tells what has changed in a bucket, and unlocks it.
#[cold]
#[inline(never)]
fn unlock_told(locked: Locked<'_>, tell: impl FnOnce() -> Wake) {
    let wake = tell();
    drop(locked);
    wake.run();
}

fn empty_root(closed: bool, life: u64) -> Option<Box<Root>> {
    let segment = Segment::new(0, 0, 0)?;
    let totals = Totals::new(life);
    let mut root = Root::over(segment, Arc::new(totals));
    root.closed = closed;
    root.totals.add(Delta::bytes((segment.bytes() + root.bytes()) as i64));
    Some(Box::new(root))
}

/// The entry of a slot word, if it is the one looked for.
fn probe<'p, H: Handle>(word: SlotWord, same: &impl Fn(H::Ref<'p>) -> bool) -> Option<H::Ref<'p>> {
    let raw = visible(word.get())?;
    // SAFETY: R1: found in a slot under the pin whose lifetime this is.
    let entry = unsafe { H::borrow(raw) };
    same(entry).then_some(entry)
}

/// Looks at the candidates of a bucket's first line, then at the lines behind it.
#[cold]
#[inline(never)]
fn search<'p, H: Handle>(
    first: &'p Line,
    header: line::Header,
    hash: u64,
    same: impl Fn(H::Ref<'p>) -> bool,
) -> Option<H::Ref<'p>> {
    let (mut line, mut header) = (first, header);
    loop {
        for slot in header.candidates(line::tag(hash)) {
            if let Some(found) = probe::<H>(line.slot(slot), &same) {
                return Some(found);
            }
        }
        // The word decides, not the header: an entry may just have moved behind a link.
        let last = line.slot(LAST);
        let Slot::Link(next) = last.get() else {
            // A link that is being hung in or taken off: this slot is all there is.
            return if header.is_linked() { probe::<H>(last, &same) } else { None };
        };
        // SAFETY: R4: found under the pin.
        line = unsafe { next.as_ref() };
        header = line.header();
    }
}

/// Finds an entry in a bucket whose lock we hold.
#[inline]
fn locate<'p, H: Handle>(
    first: &'p Line,
    hash: u64,
    same: &impl Fn(H::Ref<'_>) -> bool,
) -> Option<Place<'p>> {
    let mut line = first;
    loop {
        for slot in line.header().candidates(line::tag(hash)) {
            let Slot::Entry(raw) = line.slot(slot).get() else { continue };
            // SAFETY: R1, R5: in a slot of a bucket that we hold the lock of.
            let entry = unsafe { H::borrow(raw) };
            if same(entry) {
                return Some(Place { line, slot, raw });
            }
        }
        let Slot::Link(next) = line.slot(LAST).get() else { return None };
        // SAFETY: R4, R5: in a bucket that we hold the lock of.
        line = unsafe { next.as_ref() };
    }
}

/// Empties a slot of a locked bucket; returns the bytes of lines that are no longer needed.
fn remove(locked: &mut Locked<'_>, from: &Line, slot: usize, pin: &Pin) -> i64 {
    locked.clear(from, slot);
    if std::ptr::eq(from, locked.line()) || !locked.is_empty(from) {
        return 0;
    }
    let mut line = locked.line();
    while let Slot::Link(next) = line.slot(LAST).get() {
        // SAFETY: R4, R5: in a bucket that we hold the lock of.
        let behind = unsafe { next.as_ref() };
        if std::ptr::eq(behind, from) {
            locked.unlink(line);
            // SAFETY: R4: unlinked just now; lines come from `Box`.
            pin.retire(unsafe { Retired::new(next.cast(), size_of::<Line>(), free_line) });
            return size_of::<Line>() as i64;
        }
        line = behind;
    }
    0
}

/// Frees a line.
///
/// # Safety
/// 1. `raw` is a line from `Box` that nobody can reach any more.
unsafe fn free_line(raw: NonNull<()>) {
    // SAFETY: 1 of ours.
    drop(unsafe { Box::from_raw(raw.cast::<Line>().as_ptr()) });
}

/// An unlinked root, from which segments and entries are freed a few at a time.
struct Grave<H> {
    root: *mut Root,
    /// The first hash that is not freed yet, as a directory position.
    at: u64,
    handles: PhantomData<H>,
}

// SAFETY: R7: unlinked, so it belongs to whoever frees it; handles are Send.
unsafe impl<H: Handle> Send for Grave<H> {}

impl<H: Handle> Reap for Grave<H> {
    fn bytes(&self) -> usize {
        // SAFETY: R7: ours until it is reaped.
        unsafe { &*self.root }.totals.weight().bytes
    }

    fn reap(&mut self, budget: usize) -> bool {
        let mut freed = 0;
        while !self.root.is_null() {
            if freed >= budget {
                return false;
            }
            // SAFETY: R7: ours until it is freed below.
            let segment = unsafe { &*self.root }.segment(self.at);
            let end = segment.end_hash(segment.buckets() - 1);
            freed += free_entries::<H>(segment);
            // SAFETY: R7: the grave's segments are unlinked, and the grace period is over.
            unsafe { segment.free() };
            match end {
                Some(end) => self.at = end,
                None => {
                    // SAFETY: R7: the last segment is freed, nobody needs the root.
                    drop(unsafe { Box::from_raw(self.root) });
                    self.root = std::ptr::null_mut();
                }
            }
        }
        true
    }
}

impl<H> Drop for Grave<H> {
    fn drop(&mut self) {
        debug_assert!(self.root.is_null() || std::thread::panicking(), "reaped to the end");
    }
}

/// Frees the entries of a segment that nobody can reach any more; returns how many.
fn free_entries<H: Handle>(segment: Segment) -> usize {
    /// So many buckets ahead, entries are on their way: each lies where nobody has been for long.
    const AHEAD: usize = 4;
    let mut freed = 0;
    for bucket in 0..segment.buckets() {
        if bucket + AHEAD < segment.buckets() {
            segment.bucket(bucket + AHEAD).prefetch_entries();
        }
        let mut line = Some(segment.bucket(bucket));
        while let Some(this) = line.take() {
            for word in this.words() {
                match word.get() {
                    Slot::Entry(raw) => {
                        // SAFETY: R1: unreachable; each slot owns its entry.
                        drop(unsafe { H::from_raw(raw) });
                        freed += 1;
                    }
                    // SAFETY: R4: unreachable for others, freed with its segment.
                    Slot::Link(next) => line = Some(unsafe { next.as_ref() }),
                    Slot::Empty => {}
                    Slot::Pending(_) => unreachable!("a batch ends before its pin"),
                }
            }
        }
    }
    freed
}
