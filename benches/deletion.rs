//! Who waits when a large table is deleted? `cargo bench --bench deletion`.
//!
//! A table of 10 million objects is deleted while one thread reads another table, a small one, and
//! times each lookup. If nobody else is at work, the thread that deletes frees all there is. If
//! somebody looks at a view meanwhile, nothing can be freed; then the memory comes back when the
//! view has ended, a little with every bag of what writers retire: that is shown as well, with a
//! thread that replaces objects of the small table and times each insert. What the same steps take
//! before anything is deleted stands above.
//!
//! `--objects N` chooses another size.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it reads the clock, starts a thread and prints what it measured"
)]

mod support;

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ferrets::{Kind, Store, Table};
use support::histogram::{Histogram, LEGEND};
use support::{Keys, argument, filled, record, table};

/// Objects of the small table.
const SMALL: i64 = 1_000;
/// For so long everybody does the same before anything is deleted.
const QUIET: Duration = Duration::from_secs(2);
/// What may still wait when all has been freed that was deleted: what is being written meanwhile.
const REST: usize = 1 << 20;

/// What the threads are doing.
const BEFORE: u32 = 0;
const FREEING: u32 = 1;
const DONE: u32 = 2;

fn main() {
    let objects = argument("--objects", 10_000_000);
    for (kind, name) in [(Kind::Set, "set"), (Kind::OrderedSet, "ordered set")] {
        for viewed in [false, true] {
            show(kind, name, objects, viewed);
        }
    }
}

/// Deletes a table of that kind, while somebody looks at a view or not, and prints what others
/// noticed.
fn show(kind: Kind, name: &str, objects: i64, viewed: bool) {
    let store = Store::new();
    let owner = store.owner();
    let small = filled(&owner, SMALL);
    let large = table(&owner, kind);
    (0..objects).for_each(|key| large.insert(record(key)).expect("the table stands"));

    let (phase, view) = (AtomicU32::new(BEFORE), Barrier::new(2));
    // Beforehand: the first large piece that is asked of glibc's allocator after millions of small
    // ones were freed makes it sort these.
    let (mut before, mut meanwhile) = (Histogram::new(), Histogram::new());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(&small, &phase));
        let quiet = Instant::now();
        write(&small, &mut before, || quiet.elapsed() < QUIET);
        if viewed {
            let look = || small.read(|_| _ = (view.wait(), view.wait()));
            scope.spawn(move || look().expect("the table stands"));
            view.wait();
        }

        phase.store(FREEING, Ordering::Relaxed);
        let begun = Instant::now();
        large.delete_table().expect("the table stands");
        let (deleted, waiting) = (begun.elapsed(), store.reclamation().pending_bytes);
        if viewed {
            view.wait();
        }
        write(&small, &mut meanwhile, || store.reclamation().pending_bytes > REST);
        let freed = begun.elapsed();
        phase.store(DONE, Ordering::Relaxed);
        let [read_before, read_meanwhile] = reader.join().expect("lookups succeed");

        let when = if viewed { ", somebody looks at a view" } else { "" };
        println!(
            "A {name} of {objects} objects{when}: deleted in {deleted:.1?}; {} MiB wait then, and \
             are free after {freed:.1?}.\n",
            waiting >> 20
        );
        println!("{LEGEND}");
        println!("{}", read_before.row("lookup in another table, before"));
        println!("{}", read_meanwhile.row("the same until all is free"));
        println!("{}", before.row("insert into another table, before"));
        if viewed {
            println!("{}", meanwhile.row("the same until all is free"));
        }
        println!();
    });
}

/// Replaces objects and times each, as long as that is wanted, which is asked now and then.
fn write(small: &Table, times: &mut Histogram, mut go_on: impl FnMut() -> bool) {
    const STEP: usize = 64;
    let mut keys = Keys::below(SMALL);
    while go_on() {
        let mut before = Instant::now();
        for _ in 0..STEP {
            small.insert(record(keys.draw())).expect("the table stands");
            let now = Instant::now();
            times.add(now - before);
            before = now;
        }
    }
}

/// Looks objects up and times each, in both phases.
fn read(small: &Table, phase: &AtomicU32) -> [Histogram; 2] {
    let (mut times, mut keys) = ([Histogram::new(), Histogram::new()], Keys::below(SMALL));
    let mut before = Instant::now();
    loop {
        let now = phase.load(Ordering::Relaxed);
        let Some(times) = times.get_mut(now as usize) else { break };
        let found = small.lookup_with(keys.draw(), |object| object?.element(2)?.as_i64());
        assert!(black_box(found.expect("the table stands")).is_some(), "a key is missing");
        let now = Instant::now();
        times.add(now - before);
        before = now;
    }
    times
}
