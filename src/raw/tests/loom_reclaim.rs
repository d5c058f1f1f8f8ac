//! Models of reclamation: the stand-in that all other models use, and crossbeam's collector, which
//! stands in its place in earnest.
//!
//! Two of them are wrong on purpose, and must fail: they show that the others would.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crossbeam_epoch::Collector;
use loom::thread;

use super::loom_support::{Body, Entry, Key, model};
use crate::platform::sync::{AtomicPtr, Ordering};
use crate::raw::Handle;
use crate::raw::reclaim::{Reap, pin};

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

/// Retires the entry as the crate does, moves the epoch on, and says how many were freed.
fn unlink_and_collect(collector: &Collector, place: &Place) -> usize {
    let (handle, freed) = (collector.register(), Arc::new(AtomicUsize::new(0)));
    {
        let pin = handle.pin();
        let (mut pile, freed) = (Pile(vec![place.swap(1)]), Arc::clone(&freed));
        pin.defer(move || {
            freed.fetch_add(1, Relaxed);
            pile.reap(1);
        });
        pin.flush();
    }
    for _ in 0..2 {
        handle.pin().flush();
    }
    freed.load(Relaxed)
}

/// How the crate uses crossbeam: a collector of its own, deferred closures, flushes.
#[test]
fn loom_crossbeam_frees_behind_its_readers() {
    let early = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&early);
    model("crossbeam's collector", move || {
        let collector = Collector::new();
        let place = Arc::new(Place::new(0));
        let (ours, handle) = (Arc::clone(&place), collector.register());
        let reader = thread::spawn(move || {
            let pin = handle.pin();
            ours.get().value();
            drop(pin);
        });
        let freed = unlink_and_collect(&collector, &place);
        counter.fetch_add(freed, Relaxed);
        reader.join().unwrap();
    });
    let early = early.load(Relaxed);
    assert!(early > 0, "no execution has reached a free");
    eprintln!("crossbeam's collector: it freed the entry before the end in {early}");
}

#[test]
#[should_panic]
fn loom_crossbeam_a_look_after_the_pin_is_found() {
    model("a look after crossbeam's pin", || {
        let collector = Collector::new();
        let place = Arc::new(Place::new(0));
        let (ours, handle) = (Arc::clone(&place), collector.register());
        let reader = thread::spawn(move || {
            let entry = {
                let _pin = handle.pin();
                ours.get()
            };
            entry.value();
        });
        unlink_and_collect(&collector, &place);
        reader.join().unwrap();
    });
}
