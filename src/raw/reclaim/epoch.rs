//! Epochs: the scheme by which unlinked memory is freed behind its readers.
//!
//! There is a global *epoch*, a number that grows. Who pins announces the epoch that he has read;
//! who unpins withdraws it. What is retired is put into a bag, which is *sealed* with the epoch
//! read after everything in it was unlinked. The epoch moves from `e` to `e + 1` only when everyone
//! who is pinned has announced `e`. A bag that was sealed with `e` may be freed at `e + 2`.
//!
//! # Why two
//!
//! Take a reader that still holds an entry of a bag sealed with `e`: it has loaded a pointer to the
//! entry after it pinned and before the entry was unlinked. The second step, from `e + 1`, looked
//! for announcements after a heavy barrier, and the entry had been unlinked before that barrier:
//! the sealer read `e` afterwards, so before the first step was done. So if the look did not meet
//! the reader's announcement, the reader's loads came after the barrier, and did not find the
//! entry. If it did meet it, the announcement was `e + 1`. Then the reader had read `e + 1` before
//! it loaded any pointer (that load is Acquire), and the sealer, who read only `e` after its fence,
//! had unlinked the entry before. Either way the reader does not hold it.
//!
//! # Costs
//!
//! Pinning is a load, a store and the [light barrier](super::barrier), no fence and no locked
//! instruction; unpinning is a store. All else is done once for a bag. The heavy barrier interrupts
//! every running thread, which costs both sides more than freeing a bag does, so it is run only
//! when several bags wait, and more of them the more threads there are: then the interruptions that
//! a thread suffers do not grow with the number of threads.
//!
//! A thread keeps the last few small bags that it has sealed, and frees them itself: what it has
//! just unlinked it has just read, so that the memory is in its cache when it is used again. What
//! is more goes to a queue that all share, and so does all that a thread leaves when it ends.
//!
//! Fraser, *Practical lock-freedom* (2004), is where the epochs come from; the barriers are those
//! of user-space RCU (Desnoyers et al., 2012).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use super::{BAG_BYTES, BAG_ITEMS, Reap, Retired, barrier};
use crate::platform::sync::{AtomicUsize, CacheAligned, Mutex, Ordering, fence};

/// In an announcement: the thread is pinned. Epochs count in steps of two, so that there is room.
const PINNED: usize = 1;
const STEP: usize = 2;
/// Bags' worth of items that a thread may gather in one while it stays pinned.
const LONG_PIN: usize = 16;
/// Bags that a thread keeps for itself, if all together they hold no more than [`BAG_BYTES`].
const OWN_BAGS: usize = 8;
/// Bags that must wait, where there is more than one thread, to be worth a heavy barrier.
const DUE_BAGS: usize = if cfg!(any(ferrets_loom, ferrets_stress, miri)) { 1 } else { 8 };

/// What one thread announces: nothing (zero), or the epoch that it pinned in.
#[derive(Debug, Default)]
struct Record(CacheAligned<AtomicUsize>);

/// What became unreachable before the epoch it is labelled with was read.
struct Sealed {
    epoch: usize,
    bytes: usize,
    entries: Vec<Retired>,
    /// With its bytes, which are counted elsewhere.
    structure: Option<Large>,
}

/// A structure, and what it took when it was retired.
pub(crate) type Large = (Box<dyn Reap>, usize);

/// The epoch, those who pin, and what waits to be freed.
pub(crate) struct Collector {
    epoch: CacheAligned<AtomicUsize>,
    /// Held to move the epoch on.
    records: Mutex<Vec<Arc<Record>>>,
    /// How many records there are.
    threads: AtomicUsize,
    /// The oldest first.
    sealed: Mutex<VecDeque<Sealed>>,
    /// Bytes, and bags, sealed and not freed.
    pending: CacheAligned<AtomicUsize>,
    waiting: AtomicUsize,
}

/// One thread's part: what it announces, and what it has retired.
pub(crate) struct Participant {
    record: Arc<Record>,
    /// Pins within pins.
    depth: Cell<usize>,
    /// Whether the bag is to be sealed at the next opportunity.
    full: Cell<bool>,
    /// Whether its bags fill up, so that room for a whole one is worth making.
    busy: Cell<bool>,
    bag: RefCell<Bag>,
    /// Sealed ones, the oldest first.
    own: RefCell<VecDeque<Sealed>>,
}

#[derive(Default)]
struct Bag {
    bytes: usize,
    entries: Vec<Retired>,
}

macro_rules! collector {
    () => {
        Self {
            epoch: CacheAligned(AtomicUsize::new(STEP)),
            records: Mutex::new(Vec::new()),
            threads: AtomicUsize::new(0),
            sealed: Mutex::new(VecDeque::new()),
            pending: CacheAligned(AtomicUsize::new(0)),
            waiting: AtomicUsize::new(0),
        }
    };
}

impl Collector {
    #[cfg(not(ferrets_loom))]
    pub(crate) const fn new() -> Self {
        collector!()
    }

    #[cfg(ferrets_loom)]
    pub(crate) fn new() -> Self {
        collector!()
    }

    /// Lets one more thread pin.
    pub(crate) fn register(&self) -> Participant {
        let mut records = self.records.lock();
        #[cfg(not(ferrets_loom))]
        barrier::prepare();
        let record = Arc::new(Record::default());
        records.push(Arc::clone(&record));
        self.threads.store(records.len(), Ordering::Relaxed);
        Participant {
            record,
            depth: Cell::new(0),
            full: Cell::new(false),
            busy: Cell::new(false),
            bag: RefCell::default(),
            own: RefCell::default(),
        }
    }

    /// Lets a thread go, which is not pinned.
    pub(crate) fn unregister(&self, participant: &Participant) {
        debug_assert_eq!(participant.depth.get(), 0, "not pinned");
        self.seal(participant);
        self.share(participant, 0);
        let mut records = self.records.lock();
        records.retain(|record| !Arc::ptr_eq(record, &participant.record));
        self.threads.store(records.len(), Ordering::Relaxed);
    }

    /// Bytes sealed and not freed yet.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending.0.load(Ordering::Relaxed)
    }

    /// Seals what a thread has retired so far.
    pub(crate) fn seal(&self, participant: &Participant) {
        participant.full.set(false);
        let mut bag = participant.bag.take();
        if bag.entries.is_empty() {
            return;
        }
        participant.busy.set(bag.entries.len() >= BAG_ITEMS);
        if bag.entries.len() < bag.entries.capacity() / 2 {
            bag.entries.shrink_to_fit();
        }
        let sealed = self.label(bag.bytes, bag.entries, None);
        participant.own.borrow_mut().push_back(sealed);
        self.share(participant, OWN_BAGS);
    }

    /// Leaves a thread so many of its sealed bags, and the others to all.
    pub(crate) fn share(&self, participant: &Participant, keep: usize) {
        let mut own = participant.own.borrow_mut();
        while own.len() > keep || own.iter().map(|bag| bag.bytes).sum::<usize>() > BAG_BYTES {
            self.sealed.lock().extend(own.pop_front());
        }
    }

    /// Seals a structure, which nobody who pins from now on can reach.
    pub(crate) fn seal_structure(&self, structure: Large) {
        let sealed = self.label(0, Vec::new(), Some(structure));
        self.sealed.lock().push_back(sealed);
    }

    fn label(&self, bytes: usize, entries: Vec<Retired>, structure: Option<Large>) -> Sealed {
        self.pending.0.fetch_add(bytes, Ordering::Relaxed);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Ordering: SeqCst; pairs with the barriers of pins and of `advance`: who does not see what
        // was unlinked has not read a later epoch than we do. Nothing less orders stores before a
        // load.
        fence(Ordering::SeqCst);
        let epoch = self.epoch.0.load(Ordering::Relaxed);
        Sealed { epoch, bytes, entries, structure }
    }

    /// Moves the epoch on, if all who are pinned have announced it; returns the one that is now,
    /// and whether somebody who is pinned held it back, or the system, which forbids the barrier.
    ///
    /// Where nobody but the caller has a record there is nobody to agree with, and no reason to
    /// interrupt the threads of a process that have nothing to do with us: who registers later does
    /// so behind the lock that is held here, so he finds nothing that was unlinked before.
    fn advance(&self, participant: Option<&Participant>) -> (usize, bool) {
        let Some(records) = self.records.try_lock() else { return (self.now(), false) };
        let epoch = self.now();
        let is_alone = match (&**records, participant) {
            ([record], Some(participant)) => Arc::ptr_eq(record, &participant.record),
            _ => false,
        };
        if !is_alone && !barrier::heavy() {
            return (epoch, true);
        }
        for record in &*records {
            // Ordering: Acquire; pairs with the Release of pins and unpins: all that the thread
            // did before happens before what is freed because of this look.
            let announced = record.0.0.load(Ordering::Acquire);
            if announced & PINNED != 0 && announced != epoch | PINNED {
                return (epoch, true);
            }
        }
        // Ordering: Release; pairs with the Acquire in `now`, for those who free.
        self.epoch.0.store(epoch + STEP, Ordering::Release);
        (epoch + STEP, false)
    }

    fn now(&self) -> usize {
        // Ordering: Acquire; pairs with the Release in `advance`.
        self.epoch.0.load(Ordering::Acquire)
    }

    /// Whether so much waits that it is worth interrupting all threads.
    fn is_due(&self) -> bool {
        let (threads, waiting) =
            (self.threads.load(Ordering::Relaxed), self.waiting.load(Ordering::Relaxed));
        threads <= 1 || waiting >= DUE_BAGS.max(threads / 2)
    }

    /// Frees up to `bags` bags of a thread's own, if there is one, and as many of those that are
    /// left to all, whose time has come; moves the epoch on before if that is due, or if `urgent`.
    /// Structures are handed to `large`. The caller holds no locks.
    pub(crate) fn collect(
        &self,
        participant: Option<&Participant>,
        bags: usize,
        urgent: bool,
        mut large: impl FnMut(Large),
    ) -> Progress {
        let (epoch, held) =
            if urgent || self.is_due() { self.advance(participant) } else { (self.now(), false) };
        let mut freed = false;
        for _ in 0..bags {
            let own = participant.and_then(|own| ripe(&mut own.own.borrow_mut(), epoch));
            let other = ripe(&mut self.sealed.lock(), epoch);
            for sealed in own.into_iter().chain(other) {
                freed = true;
                sealed.entries.iter().for_each(Retired::prefetch);
                sealed.entries.into_iter().for_each(Retired::free);
                sealed.structure.into_iter().for_each(&mut large);
                self.pending.0.fetch_sub(sealed.bytes, Ordering::Relaxed);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Progress { freed, held }
    }
}

/// What came of collecting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Whether anything was freed.
    pub(crate) freed: bool,
    /// Whether the epoch could not move on.
    pub(crate) held: bool,
}

#[cfg(ferrets_loom)]
impl Collector {
    /// Frees what is left to all, at the end of a model, when nobody is pinned.
    pub(crate) fn free_all(&self) {
        let sealed = std::mem::take(&mut *self.sealed.lock());
        sealed.into_iter().flat_map(|bag| bag.entries).for_each(Retired::free);
    }
}

/// The oldest bag, if it may be freed.
fn ripe(sealed: &mut VecDeque<Sealed>, epoch: usize) -> Option<Sealed> {
    let is_ripe = sealed.front().is_some_and(|oldest| epoch >= oldest.epoch + 2 * STEP);
    if is_ripe { sealed.pop_front() } else { None }
}

impl Participant {
    #[cfg(not(ferrets_loom))]
    pub(crate) fn is_pinned(&self) -> bool {
        self.depth.get() > 0
    }

    /// Pins the thread, if it is not pinned already.
    #[inline]
    pub(crate) fn enter(&self, collector: &Collector) {
        let depth = self.depth.get();
        self.depth.set(depth + 1);
        if depth > 0 {
            return;
        }
        // Ordering: Acquire; keeps what is read under the pin behind it, see "Why two".
        let epoch = collector.epoch.0.load(Ordering::Acquire);
        // Ordering: Release; pairs with the Acquire in `advance`: what was read under earlier pins
        // was read before.
        self.record.0.0.store(epoch | PINNED, Ordering::Release);
        barrier::light();
    }

    /// Unpins it, if this was the outermost pin; then says whether the bag should be sealed.
    #[inline]
    pub(crate) fn leave(&self) -> bool {
        let depth = self.depth.get() - 1;
        self.depth.set(depth);
        if depth > 0 {
            return false;
        }
        // Ordering: Release; pairs with the Acquire in `advance`: what was read under the pin was
        // read before.
        self.record.0.0.store(0, Ordering::Release);
        self.full.get()
    }

    /// Whether the bag should be sealed.
    pub(crate) fn is_full(&self) -> bool {
        self.full.get()
    }

    /// Keeps an unlinked entry until it can be freed. Frees nothing, so it may be called under
    /// locks.
    pub(crate) fn retire(&self, collector: &Collector, entry: Retired) {
        let mut bag = self.bag.borrow_mut();
        if bag.entries.is_empty() && self.busy.get() {
            bag.entries.reserve(BAG_ITEMS);
        }
        bag.bytes += entry.bytes;
        bag.entries.push(entry);
        if bag.entries.len() < BAG_ITEMS && bag.bytes < BAG_BYTES {
            return;
        }
        let long = bag.entries.len() >= LONG_PIN * BAG_ITEMS || bag.bytes >= LONG_PIN * BAG_BYTES;
        drop(bag);
        if long {
            collector.seal(self);
        }
        self.full.set(true);
    }
}
