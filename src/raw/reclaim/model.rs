//! A stand-in for loom: frees what was retired as soon as every pin that was live at its retirement
//! is gone, which is the earliest that any scheme may, and so exposes whoever reads too late.
//!
//! The registry's lock is taken on entry, on exit and at retirements, never in between: a reader
//! who pinned before a writer began is ordered against that writer by nothing but the structure's
//! own atomics.

use loom::sync::Mutex;

use super::{Reap, Retired};

loom::lazy_static! {
    static ref REGISTRY: Mutex<Registry> = Mutex::new(Registry::default());
}

#[derive(Default)]
struct Registry {
    /// The number of the last pin.
    last: u64,
    live: Vec<u64>,
    waiting: Vec<Waiting>,
}

/// What was retired, with the pins that it waits for.
struct Waiting {
    what: What,
    pins: Vec<u64>,
}

enum What {
    Entry(Retired),
    Structure(Box<dyn Reap>),
}

impl What {
    fn free(self) {
        match self {
            Self::Entry(entry) => entry.free(),
            Self::Structure(mut structure) => while !structure.reap(1) {},
        }
    }
}

#[derive(Debug)]
pub(crate) struct Pin(u64);

pub(crate) fn pin() -> Pin {
    let mut registry = REGISTRY.lock().expect("no panic under this lock");
    registry.last += 1;
    let pin = registry.last;
    registry.live.push(pin);
    Pin(pin)
}

impl Drop for Pin {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return; // the model has failed, and its locks may be held
        }
        let free = {
            let mut registry = REGISTRY.lock().expect("no panic under this lock");
            registry.live.retain(|pin| *pin != self.0);
            for waiting in &mut registry.waiting {
                waiting.pins.retain(|pin| *pin != self.0);
            }
            let all = std::mem::take(&mut registry.waiting);
            let (free, waiting) = all.into_iter().partition(|waiting| waiting.pins.is_empty());
            registry.waiting = waiting;
            free
        };
        free.into_iter().for_each(|Waiting { what, .. }| what.free());
    }
}

impl Pin {
    pub(crate) fn retire(&self, entry: Retired) {
        wait(What::Entry(entry));
    }

    pub(crate) fn retire_large(&self, structure: Box<dyn Reap>) {
        wait(What::Structure(structure));
    }
}

/// Keeps what was retired until the pins that are live now are gone; the caller has one of them.
fn wait(what: What) {
    let mut registry = REGISTRY.lock().expect("no panic under this lock");
    let pins = registry.live.clone();
    registry.waiting.push(Waiting { what, pins });
}

pub(crate) fn thread_index() -> usize {
    0
}

pub(crate) fn pending_bytes() -> usize {
    0
}

pub(crate) fn stalls() -> usize {
    0
}

pub(crate) fn collect() {}
