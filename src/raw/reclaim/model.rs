//! A stand-in for loom: frees an entry as soon as every pin that was live at its retirement is
//! gone, which is the earliest that any scheme may, and so exposes whoever reads too late.

use loom::sync::Mutex;

use super::{Reap, Retired};

loom::lazy_static! {
    static ref REGISTRY: Mutex<Registry> = Mutex::new(Registry::default());
}

#[derive(Default)]
struct Registry {
    next: u64,
    live: Vec<u64>,
    waiting: Vec<(Retired, Vec<u64>)>,
}

#[derive(Debug)]
pub(crate) struct Pin(u64);

pub(crate) fn pin() -> Pin {
    let mut registry = REGISTRY.lock().expect("no panic under this lock");
    registry.next += 1;
    let id = registry.next;
    registry.live.push(id);
    Pin(id)
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut free = Vec::new();
        {
            let mut registry = REGISTRY.lock().expect("no panic under this lock");
            let gone = self.0;
            registry.live.retain(|id| *id != gone);
            for (_, pins) in &mut registry.waiting {
                pins.retain(|id| *id != gone);
            }
            let all = std::mem::take(&mut registry.waiting);
            for (entry, pins) in all {
                if pins.is_empty() {
                    free.push(entry);
                } else {
                    registry.waiting.push((entry, pins));
                }
            }
        }
        for entry in free {
            entry.free();
        }
    }
}

impl Pin {
    pub(crate) fn retire(&self, entry: Retired) {
        let mut registry = REGISTRY.lock().expect("no panic under this lock");
        let live = registry.live.clone();
        registry.waiting.push((entry, live));
    }

    pub(crate) fn retire_large(&self, mut structure: Box<dyn Reap>) {
        // Models that clear a table free the old structure at their end.
        while !structure.reap(usize::MAX) {}
    }
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
