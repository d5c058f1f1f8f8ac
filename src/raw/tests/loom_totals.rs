//! A model of the gate of writers: who has closed it is alone, and sees all that was done inside.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::loom_support::model;
use crate::raw::totals::{Delta, Totals};

struct Shared {
    totals: Totals,
    /// Written by the writer, and read by who has closed the gate.
    written: UnsafeCell<u64>,
}

// SAFETY: loom sees to it that nobody looks at the cell while another writes it.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    fn write(&self, spreads: bool) {
        let inside = self.totals.enter();
        if spreads {
            self.totals.spread();
        }
        // SAFETY: there is one writer, and nobody looks who has not closed the gate.
        self.written.with_mut(|written| unsafe { *written += 1 });
        self.totals.add(Delta { items: 1, bytes: 8 });
        drop(inside);
    }

    fn written(&self) -> u64 {
        // SAFETY: the caller has closed the gate.
        self.written.with(|written| unsafe { *written })
    }
}

#[test]
fn loom_a_closed_gate_keeps_writers_out() {
    for spreads in [false, true] {
        model("totals: the gate, two writes", move || {
            let shared = Shared { totals: Totals::new(0), written: UnsafeCell::new(0) };
            let shared = Arc::new(shared);
            let writer = Arc::clone(&shared);
            let writer = thread::spawn(move || {
                writer.write(spreads);
                writer.write(false);
            });
            let closed = shared.totals.close();
            let items = shared.totals.weight().items as u64;
            assert_eq!(shared.written(), items, "what was done inside was counted inside");
            drop(closed);
            writer.join().unwrap();
            drop(shared.totals.close());
            assert_eq!((shared.written(), shared.totals.weight().items), (2, 2));
        });
    }
}
