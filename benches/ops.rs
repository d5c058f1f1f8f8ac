//! Operations, each alone: `cargo bench --bench ops`, or with a part of a name behind it.
//!
//! At two sizes: one that fits the caches, and one that does not. One thread; what several do to
//! each other, and what others make of the same work, is in `benches/compare`. Times include the
//! choice of a random key (about a nanosecond) and, where one is made, the object.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    reason = "criterion makes functions without documentation; benchmarks read the clock"
)]

mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use ferrets::{Kind, ObjectRef, Store, Table};
use support::{Keys, filled, record, table};

/// One table that fits the caches, and one that does not.
const SIZES: [(&str, i64); 2] = [("10k", 10_000), ("1M", 1_000_000)];
/// Keys that `lookup_many` is given at a time.
const MANY: usize = 16;
/// Lookups in one view.
const VIEW: u64 = 1_000;
/// Objects that the crowded key of a bag has.
const CROWD: i64 = 10_000;

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(1));
    group
}

/// The integer field, so that the object is looked at.
fn number(object: Option<ObjectRef<'_>>) -> i64 {
    object.and_then(|object| object.element(2)?.as_i64()).unwrap_or(-1)
}

fn reads(criterion: &mut Criterion) {
    let store = Store::new();
    let owner = store.owner();
    for (size, objects) in SIZES {
        let table = filled(&owner, objects);
        let mut keys = Keys::below(objects);
        let lookup = |key: i64| {
            let found = table.lookup(key).expect("the table stands");
            number(found.first().map(|object| object.as_ref()))
        };
        let mut group = group(criterion, "read");
        group.bench_function(format!("lookup_hit/{size}"), |b| b.iter(|| lookup(keys.draw())));
        group.bench_function(format!("lookup_miss/{size}"), |b| {
            b.iter(|| lookup(objects + keys.draw()));
        });
        group.bench_function(format!("lookup_with/{size}"), |b| {
            b.iter(|| table.lookup_with(keys.draw(), number));
        });
        group.bench_function(format!("view/{size}"), |b| {
            b.iter_custom(|count| in_views(&table, &mut keys, count));
        });
        group.throughput(Throughput::Elements(MANY as u64));
        group.bench_function(format!("lookup_many/{size}"), |b| {
            b.iter(|| {
                let some: [i64; MANY] = std::array::from_fn(|_| keys.draw());
                table.lookup_many(&some)
            });
        });
        group.finish();
        table.delete_table().expect("it stands");
    }
}

/// So many lookups, [`VIEW`] in a view.
fn in_views(table: &Table, keys: &mut Keys, count: u64) -> Duration {
    let begun = Instant::now();
    let mut left = count;
    while left > 0 {
        let now = left.min(VIEW);
        let sum = table.read(|view| (0..now).map(|_| number(view.get(keys.draw()))).sum::<i64>());
        black_box(sum.expect("the table stands"));
        left -= now;
    }
    begun.elapsed()
}

fn writes(criterion: &mut Criterion) {
    let store = Store::new();
    let owner = store.owner();
    for (size, objects) in SIZES {
        let mut keys = Keys::below(objects);
        let mut group = group(criterion, "write");
        group.bench_function(format!("insert_fresh/{size}"), |b| {
            b.iter_custom(|count| fill_again(&owner, objects, count));
        });
        let table = filled(&owner, objects);
        group.bench_function(format!("overwrite/{size}"), |b| {
            b.iter(|| table.insert(record(keys.draw())));
        });
        group.bench_function(format!("delete_insert/{size}"), |b| {
            b.iter(|| {
                let key = keys.draw();
                table.delete(key).and_then(|()| table.insert(record(key)))
            });
        });
        group.bench_function(format!("update_counter_random/{size}"), |b| {
            b.iter(|| table.update_counter(keys.draw(), (2, 1)));
        });
        group.bench_function(format!("update_counter_hot/{size}"), |b| {
            b.iter(|| table.update_counter(objects / 2, (2, 1)));
        });
        group.finish();
        table.delete_table().expect("it stands");
    }
}

/// So many inserts into tables that grow from nothing to `objects` each.
fn fill_again(owner: &ferrets::Owner, objects: i64, count: u64) -> Duration {
    let (mut spent, mut left) = (Duration::ZERO, count as i64);
    while left > 0 {
        let table = table(owner, Kind::Set);
        let begun = Instant::now();
        for key in 0..left.min(objects) {
            table.insert(record(key)).expect("the table stands");
        }
        spent += begun.elapsed();
        left -= objects;
        table.delete_table().expect("it stands");
    }
    spent
}

/// ETS looks through all objects of a key before it inserts into a bag; here the two must not
/// differ.
fn bags(criterion: &mut Criterion) {
    let store = Store::new();
    let owner = store.owner();
    for kind in [Kind::Bag, Kind::DuplicateBag] {
        let table = table(&owner, kind);
        for n in 0..CROWD {
            table.insert((-1, n)).expect("the table stands");
        }
        let mut group = group(criterion, kind.name());
        group.bench_function("insert_into_empty_key", |b| {
            b.iter_custom(|count| in_and_out(&table, count, |n| (n, 0)));
        });
        group.bench_function(format!("insert_beside_{CROWD}"), |b| {
            b.iter_custom(|count| in_and_out(&table, count, |n| (-1, CROWD + n)));
        });
        group.finish();
    }
}

/// Inserts so many objects, a hundred at a time; deletes them too, but that is not counted.
fn in_and_out(table: &Table, count: u64, object: impl Fn(i64) -> (i64, i64)) -> Duration {
    let (mut spent, mut left) = (Duration::ZERO, count as i64);
    while left > 0 {
        let now = left.min(100);
        let begun = Instant::now();
        (0..now).for_each(|n| table.insert(object(n)).expect("the table stands"));
        spent += begun.elapsed();
        (0..now).for_each(|n| table.delete_object(object(n)).expect("the table stands"));
        left -= now;
    }
    spent
}

fn scans(criterion: &mut Criterion) {
    let store = Store::new();
    let owner = store.owner();
    for (size, objects) in SIZES {
        let table = filled(&owner, objects);
        let mut group = group(criterion, "scan");
        group.throughput(Throughput::Elements(objects as u64));
        group.bench_function(format!("for_each/{size}"), |b| {
            b.iter(|| {
                let mut sum = 0;
                let add = |object: ObjectRef<'_>| sum += number(Some(object));
                table.read(|view| view.for_each(add)).map(|()| sum)
            });
        });
        group.bench_function(format!("foldl/{size}"), |b| {
            b.iter(|| table.foldl(0, |object, sum| sum + number(Some(object.as_ref()))));
        });
        group.bench_function(format!("tab2list/{size}"), |b| b.iter(|| table.tab2list()));
        group.finish();
        table.delete_table().expect("it stands");
    }
}

/// Enough to see a difference of a few percent, within two minutes for all.
fn settings() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = benches;
    config = settings();
    targets = reads, writes, bags, scans
}
criterion_main!(benches);
