//! The collector of the process, and each thread's way to it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ptr::{NonNull, null_mut};

use super::super::spare;
use super::epoch::{Collector, Large, Participant};
use super::{CEILING_BYTES, REAP_BUDGET, Reap, Retired};
use crate::platform::sync::{AtomicBool, AtomicUsize, Mutex, Ordering::Relaxed};

static COLLECTOR: Collector = Collector::new();
static GRAVEYARD: Mutex<VecDeque<Large>> = Mutex::new(VecDeque::new());
/// Whether the graveyard may hold something: spares writers its lock.
static GRAVES: AtomicBool = AtomicBool::new(false);
/// Bytes of structures that were retired and are not reaped yet.
static GRAVE_BYTES: AtomicUsize = AtomicUsize::new(0);
static STALLS: AtomicUsize = AtomicUsize::new(0);
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Bags that are freed when one is handed over: more than one, so that what waits grows less, but
/// no lump that the thread would notice.
const BAGS: usize = 2;

/// What a thread keeps, in a box that belongs to [`OWNER`].
struct Local {
    participant: Participant,
    index: usize,
    /// Made after the thread's locals had gone: nobody will clean up later.
    late: bool,
}

thread_local! {
    /// The thread's [`Local`]; without a destructor, so that looking costs one load.
    static CURRENT: Cell<*mut Local> = const { Cell::new(null_mut()) };
    /// The thread's number, once somebody has asked.
    static INDEX: Cell<Option<usize>> = const { Cell::new(None) };
    /// Cleans up when the thread ends.
    static OWNER: Owner = const { Owner };
}

struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        let Some(local) = NonNull::new(CURRENT.get()) else { return };
        // SAFETY: E1: the thread's own.
        if unsafe { local.as_ref() }.participant.is_pinned() {
            return; // the process ends from within a view; the pin is still in use
        }
        // SAFETY: E1: the thread has ended, and it holds no pin.
        unsafe { forget(local) };
    }
}

/// Registers the thread.
#[cold]
fn register() -> NonNull<Local> {
    let late = OWNER.try_with(|_| ()).is_err();
    let index = THREADS.fetch_add(1, Relaxed);
    let local = Box::new(Local { participant: COLLECTOR.register(), index, late });
    let local = NonNull::from(Box::leak(local));
    CURRENT.set(local.as_ptr());
    local
}

/// Ends what [`register`] began.
///
/// # Safety
/// 1. `local` is the thread's, and the thread is not pinned.
unsafe fn forget(local: NonNull<Local>) {
    CURRENT.set(null_mut());
    // SAFETY: E1, 1 of ours: it came from a box, and no pin refers to it.
    let local = unsafe { Box::from_raw(local.as_ptr()) };
    COLLECTOR.unregister(&local.participant);
    // What threads leave is freed by those that end after them, if nobody else retires anything.
    COLLECTOR.collect(None, BAGS, pending_bags() > CEILING_BYTES, bury);
}

#[inline]
fn local() -> NonNull<Local> {
    NonNull::new(CURRENT.get()).unwrap_or_else(register)
}

/// Proof that entries reachable now stay allocated until it is dropped. Not `Send`.
#[derive(Debug)]
pub(crate) struct Pin(NonNull<Local>);

/// Pins the thread: two or three ns; less if it is pinned already.
#[inline]
pub(crate) fn pin() -> Pin {
    let pin = Pin(local());
    pin.local().participant.enter(&COLLECTOR);
    pin
}

/// A small number that is the thread's own, for choosing among striped counters.
#[inline]
pub(crate) fn thread_index() -> usize {
    #[cold]
    fn ask() -> usize {
        let index = pin().local().index;
        INDEX.set(Some(index));
        index
    }
    INDEX.get().unwrap_or_else(ask)
}

/// Bytes retired and handed over, but not freed yet. A thread's bag, not handed over, holds up to
/// [`BAG_BYTES`](super::BAG_BYTES) more.
pub(crate) fn pending_bytes() -> usize {
    pending_bags() + GRAVE_BYTES.load(Relaxed)
}

/// The part of them that waits in bags.
fn pending_bags() -> usize {
    COLLECTOR.pending_bytes()
}

/// How often a writer found the ceiling passed and could not help.
pub(crate) fn stalls() -> usize {
    STALLS.load(Relaxed)
}

impl Pin {
    #[inline]
    fn local(&self) -> &Local {
        // SAFETY: E1: pins do not leave their thread, and its local stays while it has one.
        unsafe { self.0.as_ref() }
    }

    /// Frees an unlinked entry when nobody can see it any more; not before this pin is dropped, so
    /// it may be called under locks.
    pub(crate) fn retire(&self, entry: Retired) {
        self.local().participant.retire(&COLLECTOR, entry);
    }

    /// Frees an unlinked structure bit by bit, when nobody can see it any more.
    ///
    /// The caller promises what [`Retired::new`] asks: nobody who pins from now on can reach it.
    #[allow(clippy::unused_self, reason = "who unlinks is pinned; the models need to know")]
    pub(crate) fn retire_large(&self, structure: Box<dyn Reap>) {
        let bytes = structure.bytes();
        GRAVE_BYTES.fetch_add(bytes, Relaxed);
        COLLECTOR.seal_structure((structure, bytes));
    }
}

impl Drop for Pin {
    #[inline]
    fn drop(&mut self) {
        let local = self.local();
        if local.participant.leave() | local.late {
            attend(local);
            if local.late {
                // SAFETY: E1: the thread's own.
                unsafe { forget_late(self.0) };
            }
        }
    }
}

/// Does what a thread has put off until it is unpinned.
#[cold]
fn attend(local: &Local) {
    if local.participant.is_full() {
        hand_over(&local.participant);
    }
}

/// Lets a thread go that registered while it was ending, when it is unpinned.
///
/// # Safety
/// 1. `local` is the thread's.
#[cold]
unsafe fn forget_late(local: NonNull<Local>) {
    // SAFETY: E1, 1 of ours.
    if !unsafe { local.as_ref() }.participant.is_pinned() {
        // SAFETY: E1, 1 of ours; not pinned.
        unsafe { forget(local) };
    }
}

/// Seals a full bag, and frees in exchange what has become ripe.
#[cold]
fn hand_over(participant: &Participant) {
    COLLECTOR.seal(participant);
    COLLECTOR.collect(Some(participant), BAGS, false, bury);
    reap(REAP_BUDGET);
    // A bag that was sealed just now is two steps of the epoch away.
    let mut idle = 0;
    for _ in 0..64 {
        if pending_bags() <= CEILING_BYTES {
            return;
        }
        let progress = COLLECTOR.collect(Some(participant), BAGS, true, bury);
        if progress.held {
            STALLS.fetch_add(1, Relaxed);
            return;
        }
        idle = if progress.freed { 0 } else { idle + 1 };
        if idle > 2 {
            return;
        }
    }
}

fn bury(large: Large) {
    GRAVEYARD.lock().push_back(large);
    GRAVES.store(true, Relaxed);
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
    let Some((mut structure, bytes)) = next else { return false };
    if structure.reap(budget) {
        GRAVE_BYTES.fetch_sub(bytes, Relaxed);
    } else {
        GRAVEYARD.lock().push_front((structure, bytes));
        GRAVES.store(true, Relaxed);
    }
    GRAVES.load(Relaxed)
}

/// Steps that [`collect`] takes at most, while others may be producing what it frees.
const MAX_STEPS: usize = 1 << 17;

/// Frees as much as can be freed now: hands this thread's bag over, moves the epoch on as far as
/// other threads' pins allow, and empties the graveyard. Must not be called pinned.
pub(crate) fn collect() {
    let local = local();
    // SAFETY: E1: the thread's own; who is late goes at the end.
    let Local { participant, late, .. } = unsafe { local.as_ref() };
    COLLECTOR.seal(participant);
    // Two steps of the epoch suffice for what is sealed now; stop when nothing moves.
    let mut idle = 0;
    for _ in 0..MAX_STEPS {
        if idle == 4 {
            break;
        }
        let freed = COLLECTOR.collect(Some(participant), BAGS, true, bury).freed;
        idle = if reap(REAP_BUDGET) || freed { 0 } else { idle + 1 };
    }
    spare::release();
    if *late {
        // SAFETY: E1: the thread's own.
        unsafe { forget_late(local) };
    }
}
