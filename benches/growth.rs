//! How long does somebody wait when a table grows? `cargo bench --bench growth`.
//!
//! A table grows from 1 to 10 million objects while each insert is timed for itself, and a second
//! thread times each of its lookups in the same table. A hash table that grows in one go shows up
//! here with a pause that grows with it; this one moves some 300 objects at a time.
//!
//! What a thread waits is not only the table's doing: the machine takes the processor away now and
//! then, here and in any program. So both threads alternate: a slice of work, then as long a slice
//! of nothing, timed in steps of the same length. What the *idle* rows show is the machine's;
//! what the rows above them show in excess of that is the table's.
//!
//! `--from N` and `--to N` choose other sizes.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it reads the clock, starts a thread and prints what it measured"
)]

mod support;

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use ferrets::{Store, Table};
use support::histogram::{Histogram, LEGEND};
use support::{Keys, argument, filled, record};

/// Operations in a slice.
const SLICE: usize = 10_000;
/// What the reader reads when nobody grows the table any more.
const DONE: i64 = -1;

/// A thread that times its work, and the same loop with nothing in it.
struct Timed {
    work: Histogram,
    idle: Histogram,
}

impl Timed {
    fn new() -> Self {
        Self { work: Histogram::new(), idle: Histogram::new() }
    }

    /// Times each of `count` steps of work, then as many steps of idling that take as long as the
    /// work's median.
    fn slice(&mut self, count: usize, mut work: impl FnMut()) {
        let mut before = Instant::now();
        for _ in 0..count {
            work();
            let now = Instant::now();
            self.work.add(now - before);
            before = now;
        }
        let step = self.work.all_but(500_000);
        before = Instant::now();
        for _ in 0..count {
            let mut now = Instant::now();
            while now - before < step {
                spin_loop();
                now = Instant::now();
            }
            self.idle.add(now - before);
            before = now;
        }
    }
}

/// Inserts the keys `from..to`, and tells the reader how far it is.
fn grow(table: &Table, from: i64, to: i64, size: &AtomicI64) -> Timed {
    let mut timed = Timed::new();
    let mut next = from;
    while next < to {
        let count = SLICE.min((to - next) as usize);
        timed.slice(count, || {
            table.insert(record(next)).expect("the table stands");
            next += 1;
        });
        size.store(next, Ordering::Relaxed);
    }
    size.store(DONE, Ordering::Relaxed);
    timed
}

/// Looks random keys up that are there.
fn read(table: &Table, size: &AtomicI64) -> Timed {
    let mut timed = Timed::new();
    loop {
        let now = size.load(Ordering::Relaxed);
        if now == DONE {
            return timed;
        }
        let mut keys = Keys::below(now);
        timed.slice(SLICE, || {
            let found = table.lookup_with(keys.draw(), |object| object?.element(2)?.as_i64());
            assert!(black_box(found.expect("the table stands")).is_some(), "a key is missing");
        });
    }
}

fn main() {
    let (from, to) = (argument("--from", 1_000_000), argument("--to", 10_000_000));
    assert!((1..to).contains(&from), "a table grows from at least one object, upwards");
    let store = Store::new();
    let owner = store.owner();
    let table = filled(&owner, from);
    let size = AtomicI64::new(from);
    let (writer, reader) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(&table, &size));
        (grow(&table, from, to, &size), reader.join().expect("lookups succeed"))
    });
    assert_eq!(table.len().expect("the table stands"), to as usize);

    println!("A set grows from {from} to {to} objects.\n");
    println!("{LEGEND}");
    println!("{}", writer.work.row("insert"));
    println!("{}", writer.idle.row("the inserting thread, idle"));
    println!("{}", reader.work.row("lookup meanwhile"));
    println!("{}", reader.idle.row("the reading thread, idle"));
    println!("\nEach thread alternates between work and idling, {SLICE} steps at a time.");
}
