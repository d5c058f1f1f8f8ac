//! Batches beside single operations, and what readers notice of them: `cargo bench --bench batch`.
//!
//! Keys are random, in a table that fits the caches and in one that does not; all objects are
//! overwritten. Each number is the time for ten objects. The readers' are for one lookup.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    reason = "criterion makes functions without documentation; a writer needs a thread"
)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ferrets::{Kind, Table};
use support::{Keys, record, table};

const SIZES: [(&str, i64); 2] = [("10k", 10_000), ("1M", 1_000_000)];
const KINDS: [(&str, Kind); 2] = [("set", Kind::Set), ("ordered_set", Kind::OrderedSet)];
/// Keys of a batch.
const TEN: usize = 10;

fn filled(owner: &ferrets::Owner, kind: Kind, objects: i64) -> Table {
    let table = table(owner, kind);
    (0..objects).for_each(|key| table.insert(record(key)).expect("the table stands"));
    table
}

fn batch_of_inserts(table: &Table, keys: &mut Keys) {
    let mut batch = table.batch();
    for _ in 0..TEN {
        batch.insert(record(keys.draw())).expect("an object");
    }
    batch.commit().expect("the table stands").expect("no conditions");
}

fn ten(criterion: &mut Criterion) {
    let store = ferrets::Store::new();
    let owner = store.owner();
    for (kind_name, kind) in KINDS {
        for (size, objects) in SIZES {
            let table = filled(&owner, kind, objects);
            let mut keys = Keys::below(objects);
            let mut group = criterion.benchmark_group(format!("ten/{kind_name}/{size}"));
            group.throughput(Throughput::Elements(TEN as u64));
            group.bench_function("single inserts", |b| {
                b.iter(|| {
                    for _ in 0..TEN {
                        table.insert(record(keys.draw())).expect("the table stands");
                    }
                });
            });
            group.bench_function("insert_list", |b| {
                b.iter(|| table.insert_list((0..TEN).map(|_| record(keys.draw()))));
            });
            group.bench_function("batch", |b| b.iter(|| batch_of_inserts(&table, &mut keys)));
            group.bench_function("single counts", |b| {
                b.iter(|| {
                    for _ in 0..TEN {
                        table.update_counter(keys.draw(), (2, 1)).expect("a counter");
                    }
                });
            });
            group.bench_function("batch of counts", |b| {
                b.iter(|| {
                    let mut batch = table.batch();
                    for _ in 0..TEN {
                        batch.update_counter(keys.draw(), (2, 1)).expect("an integer");
                    }
                    batch.commit()
                });
            });
            group.finish();
            table.delete_table().expect("it stands");
        }
    }
}

/// Lookups while another thread writes, or does not.
fn readers(criterion: &mut Criterion) {
    let store = ferrets::Store::new();
    let owner = store.owner();
    for (kind_name, kind) in KINDS {
        for (size, objects) in SIZES {
            let table = filled(&owner, kind, objects);
            let mut group = criterion.benchmark_group(format!("read/{kind_name}/{size}"));
            let mut keys = Keys::below(objects);
            let mut look = |b: &mut criterion::Bencher<'_>| {
                b.iter(|| table.lookup_with(keys.draw(), |object| object.is_some()));
            };
            let single = |keys: &mut Keys| {
                table.insert(record(keys.draw())).expect("the table stands");
            };
            group.bench_function("beside nothing", &mut look);
            // The other table's writer takes the same share of the caches and of the memory.
            let other = filled(&owner, kind, objects);
            beside(
                |keys| batch_of_inserts(&other, keys),
                objects,
                || group.bench_function("beside batches elsewhere", &mut look),
            );
            other.delete_table().expect("it stands");
            beside(single, objects, || group.bench_function("beside inserts", &mut look));
            beside(
                |keys| batch_of_inserts(&table, keys),
                objects,
                || group.bench_function("beside batches", &mut look),
            );
            group.finish();
            table.delete_table().expect("it stands");
        }
    }
}

/// Runs `measure` while another thread does `write` all the time.
fn beside<R>(write: impl Fn(&mut Keys) + Sync, objects: i64, measure: impl FnOnce() -> R) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut keys = Keys::below(objects);
            while !done.load(Ordering::Relaxed) {
                write(&mut keys);
            }
        });
        measure();
        done.store(true, Ordering::Relaxed);
    });
}

criterion_group!(benches, ten, readers);
criterion_main!(benches);
