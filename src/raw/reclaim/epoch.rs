//! The real thing, on crossbeam-epoch.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use crossbeam_epoch::{Collector, Guard, LocalHandle};
use parking_lot::Mutex;

use super::super::spare;
use super::{BAG_BYTES, BAG_ITEMS, CEILING_BYTES, REAP_BUDGET, Reap, Retired};

static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::new);
static GRAVEYARD: Mutex<VecDeque<Box<dyn Reap>>> = Mutex::new(VecDeque::new());
/// Whether the graveyard may hold something: spares writers its lock.
static GRAVES: AtomicBool = AtomicBool::new(false);
static PENDING: AtomicUsize = AtomicUsize::new(0);
static STALLS: AtomicUsize = AtomicUsize::new(0);
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// What a thread keeps.
struct Local {
    handle: LocalHandle,
    bag: RefCell<Vec<Retired>>,
    bytes: Cell<usize>,
    index: usize,
}

thread_local! {
    static LOCAL: Local = Local {
        handle: COLLECTOR.register(),
        bag: RefCell::new(Vec::new()),
        bytes: Cell::new(0),
        index: THREADS.fetch_add(1, Relaxed),
    };
}

impl Drop for Local {
    fn drop(&mut self) {
        let guard = self.handle.pin();
        hand_over(&guard, self.bag.take(), self.bytes.take());
        guard.flush();
    }
}

/// Proof that entries reachable now stay allocated until it is dropped. Not `Send`.
#[derive(Debug)]
pub(crate) struct Pin(Guard);

/// Pins the thread. About 10 ns; next to nothing if it is pinned already.
pub(crate) fn pin() -> Pin {
    // A thread whose locals are gone (it is in its last destructors) registers for this once.
    Pin(LOCAL.try_with(|local| local.handle.pin()).unwrap_or_else(|_| COLLECTOR.register().pin()))
}

/// A small number that is the thread's own, for choosing among striped counters.
pub(crate) fn thread_index() -> usize {
    LOCAL.try_with(|local| local.index).unwrap_or(0)
}

/// Bytes retired and handed over, but not freed yet. A thread's bag, not handed over, holds up to
/// [`BAG_BYTES`] more.
pub(crate) fn pending_bytes() -> usize {
    PENDING.load(Relaxed)
}

/// How often a writer found the ceiling passed and could not help.
pub(crate) fn stalls() -> usize {
    STALLS.load(Relaxed)
}

impl Pin {
    /// Frees an unlinked entry when nobody can see it any more.
    pub(crate) fn retire(&self, entry: Retired) {
        let bytes = entry.bytes;
        let mut entry = Some(entry);
        let full = LOCAL.try_with(|local| {
            let mut bag = local.bag.borrow_mut();
            bag.extend(entry.take());
            let held = local.bytes.get() + bytes;
            local.bytes.set(held);
            if bag.len() < BAG_ITEMS && held < BAG_BYTES {
                return None;
            }
            local.bytes.set(0);
            Some((std::mem::replace(&mut *bag, Vec::with_capacity(BAG_ITEMS)), held))
        });
        match full {
            Ok(None) => {}
            Ok(Some((bag, held))) => self.hand_over_and_help(bag, held),
            Err(_) => hand_over(&self.0, entry.into_iter().collect(), bytes),
        }
    }

    /// Frees an unlinked structure bit by bit, when nobody can see it any more.
    ///
    /// The caller promises what [`Retired::new`] asks: nobody who pins from now on can reach it.
    pub(crate) fn retire_large(&self, structure: Box<dyn Reap>) {
        self.0.defer(move || {
            GRAVEYARD.lock().push_back(structure);
            GRAVES.store(true, Relaxed);
        });
        self.0.flush();
    }

    fn hand_over_and_help(&self, bag: Vec<Retired>, bytes: usize) {
        hand_over(&self.0, bag, bytes);
        self.0.flush();
        reap(REAP_BUDGET);
        if pending_bytes() <= CEILING_BYTES {
            return;
        }
        for _ in 0..64 {
            let before = pending_bytes();
            self.0.flush();
            if pending_bytes() <= CEILING_BYTES || pending_bytes() >= before {
                break;
            }
        }
        if pending_bytes() > CEILING_BYTES {
            STALLS.fetch_add(1, Relaxed);
        }
    }
}

fn hand_over(guard: &Guard, bag: Vec<Retired>, bytes: usize) {
    if bag.is_empty() {
        return;
    }
    PENDING.fetch_add(bytes, Relaxed);
    guard.defer(move || {
        for entry in bag {
            entry.free();
        }
        PENDING.fetch_sub(bytes, Relaxed);
    });
}

/// Frees up to about `budget` entries of what lies in the graveyard; `true` if more is left.
fn reap(budget: usize) -> bool {
    if !GRAVES.load(Relaxed) {
        return false;
    }
    let next = {
        let mut graves = GRAVEYARD.lock();
        GRAVES.store(graves.len() > 1, Relaxed);
        graves.pop_front()
    };
    let Some(mut structure) = next else { return false };
    if !structure.reap(budget) {
        GRAVEYARD.lock().push_front(structure);
        GRAVES.store(true, Relaxed);
    }
    GRAVES.load(Relaxed)
}

/// Steps that [`collect`] takes at most, while others may be producing what it frees.
const MAX_STEPS: usize = 1 << 17;

/// Frees as much as can be freed now: hands this thread's bag over, moves the epoch on as far as
/// other threads' pins allow, and empties the graveyard. Must not be called pinned.
pub(crate) fn collect() {
    let taken = LOCAL.try_with(|local| (local.bag.take(), local.bytes.take()));
    if let Ok((bag, bytes)) = taken {
        hand_over(&pin().0, bag, bytes);
    }
    // Three advances of the epoch suffice for what is deferred now; more bags than one step frees
    // take more steps. Stop when nothing moves.
    let mut idle = 0;
    for _ in 0..MAX_STEPS {
        if idle == 4 {
            break;
        }
        let before = pending_bytes();
        pin().0.flush();
        let more = reap(REAP_BUDGET);
        idle = if more || pending_bytes() < before { 0 } else { idle + 1 };
    }
    spare::release();
}
