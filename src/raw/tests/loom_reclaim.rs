//! Models of reclamation: the stand-in that all other models use, and the epochs, which stand in
//! its place in earnest.
//!
//! Some of them are wrong on purpose, and must fail: they show that the others would.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::thread;

use super::loom_support::{Body, Entry, Key, model};
use crate::platform::sync::{AtomicPtr, Ordering};
use crate::raw::Handle;
use crate::raw::reclaim::epoch::Collector;
use crate::raw::reclaim::{Reap, Retired, pin};

const KEY: Key = Key::new(0, 0, 1);

/// The smallest structure: one entry, which can be exchanged.
struct Place(AtomicPtr<()>);

impl Place {
    fn new(value: u32) -> Self {
        Self(AtomicPtr::new(Entry::new(KEY, value).into_raw().as_ptr()))
    }

    /// The entry that is there now. The caller promises to be pinned.
    fn get<'p>(&self) -> &'p Body {
        let raw = self.0.load(Ordering::Acquire);
        let raw = NonNull::new(raw).expect("there is always one");
        // SAFETY: R1: from a live structure; a body's memory stays until the execution is over.
        unsafe { Entry::borrow(raw) }
    }

    /// Puts an entry in and gives the old one out.
    fn swap(&self, value: u32) -> NonNull<()> {
        let new = Entry::new(KEY, value).into_raw().as_ptr();
        NonNull::new(self.0.swap(new, Ordering::AcqRel)).expect("there is always one")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let raw = NonNull::new(self.0.load(Ordering::Acquire)).expect("there is always one");
        free(raw);
    }
}

fn free(raw: NonNull<()>) {
    // SAFETY: R1: each caller has it to himself, or the model is to fail.
    drop(unsafe { Entry::from_raw(raw) });
}

/// Entries that are freed one by one.
struct Pile(Vec<NonNull<()>>);

// SAFETY: R1: unlinked entries belong to the pile, and entries are Send.
unsafe impl Send for Pile {}

impl Reap for Pile {
    fn bytes(&self) -> usize {
        0
    }

    fn reap(&mut self, budget: usize) -> bool {
        let rest = self.0.len().saturating_sub(budget);
        self.0.drain(rest..).for_each(free);
        self.0.is_empty()
    }
}

#[test]
fn loom_retire_against_pinned_reader() {
    model("retire against a pinned reader", || {
        let place = Arc::new(Place::new(0));
        let ours = Arc::clone(&place);
        let reader = thread::spawn(move || {
            let pin = pin();
            let entry = ours.get();
            let value = entry.value();
            assert_eq!(entry.value(), value);
            drop(pin);
        });
        for value in 1..3 {
            let pin = pin();
            // SAFETY: R1: unlinked just now.
            unsafe { Entry::retire(place.swap(value), &pin) };
        }
        reader.join().unwrap();
    });
}

#[test]
fn loom_retire_large_against_pinned_reader() {
    model("retire of a structure against a pinned reader", || {
        let place = Arc::new(Place::new(0));
        let ours = Arc::clone(&place);
        let reader = thread::spawn(move || {
            let pin = pin();
            let (first, later) = (ours.get(), ours.get());
            assert!(first.value() <= later.value());
            drop(pin);
        });
        {
            let pin = pin();
            let pile = Pile(vec![place.swap(1), place.swap(2)]);
            pin.retire_large(Box::new(pile));
        }
        reader.join().unwrap();
    });
}

#[test]
#[should_panic]
fn loom_a_look_after_the_pin_is_found() {
    model("a look after the pin", || {
        let place = Arc::new(Place::new(0));
        let ours = Arc::clone(&place);
        let reader = thread::spawn(move || {
            let entry = {
                let _pin = pin();
                ours.get()
            };
            entry.value();
        });
        {
            let pin = pin();
            // SAFETY: R1: unlinked just now.
            unsafe { Entry::retire(place.swap(1), &pin) };
        }
        reader.join().unwrap();
    });
}

#[test]
#[should_panic]
fn loom_a_free_without_retirement_is_found() {
    model("a free without retirement", || {
        let place = Arc::new(Place::new(0));
        let ours = Arc::clone(&place);
        let reader = thread::spawn(move || {
            let _pin = pin();
            ours.get().value();
        });
        free(place.swap(1));
        reader.join().unwrap();
    });
}

/// Counts what is freed early: while the model still runs.
static FREED: AtomicUsize = AtomicUsize::new(0);

/// Frees an entry, and counts it.
///
/// # Safety
/// 1. `raw` is an entry that nobody can reach any more.
unsafe fn free_and_count(raw: NonNull<()>) {
    FREED.fetch_add(1, Relaxed);
    free(raw);
}

/// Retires the entry of a place as a thread does, and frees what it can.
fn unlink_and_collect(collector: &Collector, place: &Place) {
    let participant = collector.register();
    participant.enter(collector);
    // SAFETY: R1: unlinked just now; entries are Send.
    participant.retire(collector, unsafe { Retired::new(place.swap(1), 0, free_and_count) });
    assert!(participant.leave(), "bags of one entry are full");
    collector.seal(&participant);
    for _ in 0..2 {
        collector.collect(Some(&participant), 1, true, |_| ());
    }
    // What could not be freed yet is left to all; the collector frees it in the end.
    collector.unregister(&participant);
}

/// The epochs, as threads use them: a reader that may hold the entry while it is retired.
#[test]
fn loom_epochs_free_behind_their_readers() {
    model("epochs", || {
        let collector = Arc::new(Collector::new());
        let place = Arc::new(Place::new(0));
        let (ours, theirs) = (Arc::clone(&place), Arc::clone(&collector));
        let reader = thread::spawn(move || {
            let participant = theirs.register();
            participant.enter(&theirs);
            ours.get().value();
            participant.leave();
            theirs.unregister(&participant);
        });
        unlink_and_collect(&collector, &place);
        reader.join().unwrap();
        collector.free_all();
    });
    assert!(FREED.load(Relaxed) > 0, "no execution has reached a free");
}

/// A reader that pins twice: what it announces the second time says nothing about the first.
#[test]
fn loom_epochs_with_a_reader_that_pins_again() {
    model("epochs, pinned again", || {
        let collector = Arc::new(Collector::new());
        let place = Arc::new(Place::new(0));
        let (ours, theirs) = (Arc::clone(&place), Arc::clone(&collector));
        let participant = collector.register();
        let reader = thread::spawn(move || {
            for _ in 0..2 {
                participant.enter(&theirs);
                ours.get().value();
                participant.leave();
            }
            theirs.unregister(&participant);
        });
        unlink_and_collect(&collector, &place);
        reader.join().unwrap();
        collector.free_all();
    });
}

/// It is another thread that moves the epoch on: who seals may have read it before what he unlinked
/// could be seen, unless he sees to the order.
#[test]
fn loom_epochs_that_another_moves_on() {
    model("epochs, moved on by another", || {
        let collector = Arc::new(Collector::new());
        let place = Arc::new(Place::new(0));
        let (ours, theirs) = (Arc::clone(&place), Arc::clone(&collector));
        let participant = collector.register();
        let reader = thread::spawn(move || {
            participant.enter(&theirs);
            ours.get().value();
            participant.leave();
            theirs.unregister(&participant);
        });
        let third = Arc::clone(&collector);
        let mover = thread::spawn(move || {
            for _ in 0..2 {
                third.collect(None, 0, true, |_| ());
            }
        });
        let participant = collector.register();
        participant.enter(&collector);
        // SAFETY: R1: unlinked just now; entries are Send.
        let entry = unsafe { Retired::new(place.swap(1), 0, free_and_count) };
        participant.retire(&collector, entry);
        participant.leave();
        collector.seal(&participant);
        collector.collect(Some(&participant), 1, false, |_| ());
        reader.join().unwrap();
        mover.join().unwrap();
        collector.unregister(&participant);
        collector.free_all();
    });
}

#[test]
#[should_panic]
fn loom_epochs_a_look_after_the_pin_is_found() {
    model("a look after the pin of an epoch", || {
        let collector = Arc::new(Collector::new());
        let place = Arc::new(Place::new(0));
        let (ours, theirs) = (Arc::clone(&place), Arc::clone(&collector));
        let reader = thread::spawn(move || {
            let participant = theirs.register();
            participant.enter(&theirs);
            let entry = ours.get();
            participant.leave();
            entry.value();
        });
        unlink_and_collect(&collector, &place);
        reader.join().unwrap();
    });
}
