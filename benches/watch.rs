//! What watching costs those who write: `cargo bench --bench watch`.
//!
//! Writes to a table that nobody watches, that a thread watches and receives from all the time, one
//! that somebody watches who never receives, and one of which another key is watched.
#![allow(missing_docs, reason = "criterion makes functions without documentation")]
#![allow(clippy::disallowed_methods, reason = "a receiver needs a thread")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use ferrets::{Filter, Kind, Store, Table};
use support::{Keys, record, table};

const SIZES: [(&str, i64); 2] = [("10k", 10_000), ("1M", 1_000_000)];
const KINDS: [(&str, Kind); 2] = [("set", Kind::Set), ("ordered_set", Kind::OrderedSet)];

fn inserts(b: &mut Bencher<'_>, table: &Table, objects: i64) {
    let mut keys = Keys::below(objects);
    let (_, mut count, bytes) = record(0);
    b.iter(|| {
        // Of an object that takes the place of its equal there would be little to tell.
        count += 1;
        table.insert((keys.draw(), count, bytes))
    });
}

fn counts(b: &mut Bencher<'_>, table: &Table, objects: i64) {
    let mut keys = Keys::below(objects);
    b.iter(|| table.update_counter(keys.draw(), (2, 1)));
}

fn watched(criterion: &mut Criterion) {
    type Write = fn(&mut Bencher<'_>, &Table, i64);
    let (store, writes) = (Store::new(), [("insert", inserts as Write), ("count", counts)]);
    let owner = store.owner();
    for (kind_name, kind) in KINDS {
        for (size, objects) in SIZES {
            let table = table(&owner, kind);
            (0..objects).for_each(|key| table.insert(record(key)).expect("the table stands"));
            for (write_name, write) in writes {
                let mut group =
                    criterion.benchmark_group(format!("{write_name}/{kind_name}/{size}"));
                group.bench_function("unwatched", |b| write(b, &table, objects));
                receiving(&table, || {
                    group.bench_function("one receiver", |b| write(b, &table, objects));
                });
                let asleep = table.watch(Filter::all()).expect("the table stands");
                group.bench_function("nobody receives", |b| write(b, &table, objects));
                drop(asleep);
                let other = table.watch(Filter::key("another").expect("a key"));
                group.bench_function("another key is watched", |b| write(b, &table, objects));
                drop(other);
                group.finish();
            }
            table.delete_table().expect("it stands");
        }
    }
}

/// Runs `measure` while another thread receives all changes of the table.
fn receiving(table: &Table, measure: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = table.watch_within(Filter::all(), 1 << 16).expect("the table stands");
        let done = &done;
        scope.spawn(move || {
            let mut watch = watch;
            while !done.load(Ordering::Relaxed) {
                watch.recv_timeout(Duration::from_millis(10));
            }
        });
        measure();
        done.store(true, Ordering::Relaxed);
    });
}

criterion_group!(benches, watched);
criterion_main!(benches);
