//! What writers pay while a snapshot lives: `cargo bench --bench snapshot`.
//!
//! Two threads overwrite random objects of an ordered set all the time. Windows of the same length
//! alternate, without a snapshot and with one that is taken when its window begins and dropped when
//! it ends. The first write to a leaf pays for a copy of it, so the shorter a snapshot lives, the
//! more of the writes in its life are first ones.
//!
//! `--objects N` chooses another size.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it reads the clock, starts threads and prints what it measured"
)]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ferrets::{Kind, Store, Table};
use support::{Keys, argument, record, table};

const LIVES: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];
const WRITERS: usize = 2;
const ROUNDS: usize = 5;

/// What a window showed.
struct Window {
    writes_per_second: f64,
    taken_in: Duration,
    bytes: usize,
}

fn main() {
    let objects = argument("--objects", 1_000_000);
    let store = Store::new();
    let owner = store.owner();
    let table = table(&owner, Kind::OrderedSet);
    (0..objects).for_each(|key| table.insert(record(key)).expect("the table stands"));
    let (written, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (table, written, done) = (&table, &written, &done);
            scope.spawn(move || write(table, objects, writer, written, done));
        }
        println!("{objects} objects, {WRITERS} writers, medians of {ROUNDS} rounds");
        for life in LIVES {
            show(
                life,
                || window(&table, &written, life, false),
                || window(&table, &written, life, true),
            );
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Overwrites random objects until it is `done`, and counts them in steps.
fn write(table: &Table, objects: i64, writer: usize, written: &AtomicU64, done: &AtomicBool) {
    const STEP: u64 = 64;
    let mut keys = Keys::below(objects);
    (0..writer * 1_000).for_each(|_| _ = keys.draw());
    while !done.load(Ordering::Relaxed) {
        for _ in 0..STEP {
            table.insert(record(keys.draw())).expect("the table stands");
        }
        written.fetch_add(STEP, Ordering::Relaxed);
    }
}

/// Counts what is written in so long a time, while a snapshot lives, or without one.
fn window(table: &Table, written: &AtomicU64, life: Duration, snapshot: bool) -> Window {
    let (begun, before) = (Instant::now(), written.load(Ordering::Relaxed));
    let snapshot = snapshot.then(|| table.snapshot().expect("an ordered set"));
    let taken_in = begun.elapsed();
    std::thread::sleep(life.saturating_sub(begun.elapsed()));
    let (time, after) = (begun.elapsed(), written.load(Ordering::Relaxed));
    let writes_per_second = (after - before) as f64 / time.as_secs_f64();
    let bytes = snapshot.map_or(0, |snapshot| snapshot.memory_bytes());
    // What the snapshot has kept is freed before the next window begins.
    std::thread::sleep(Duration::from_millis(300));
    Window { writes_per_second, taken_in, bytes }
}

fn show(life: Duration, without: impl Fn() -> Window, with: impl Fn() -> Window) {
    let mut ratios = Vec::new();
    let (mut slowest, mut bytes) = (Duration::ZERO, 0);
    for _ in 0..ROUNDS {
        let (without, with) = (without(), with());
        ratios.push(without.writes_per_second / with.writes_per_second);
        (slowest, bytes) = (slowest.max(with.taken_in), bytes.max(with.bytes));
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "lives {life:>6.0?}: a write takes {:.2} times as long; taken in {slowest:.1?} at most; \
         keeps {:.1} MiB",
        ratios[ROUNDS / 2],
        bytes as f64 / (1 << 20) as f64,
    );
}
