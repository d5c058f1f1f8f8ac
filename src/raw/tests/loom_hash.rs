//! Models of the index: the shipping code, with lines of two slots and segments of two buckets.
//!
//! Buckets are chosen by the top bit while a segment has two (`A`, `B`), and so are segments once
//! there are two of them. Every model ends by looking at what is left, in all ways there are.

use std::sync::Arc;

use loom::thread;

use super::loom_support::{Body, Entry, Key, model};
use crate::raw::hash::{Change, Index, Refused};
use crate::raw::reclaim::{Pin, pin};

type Shared = Arc<Index<Entry>>;

/// Keys of the lower half; the second goes to the slot that may become a link.
const A: [Key; 3] = [Key::new(0x1, 0, 11), Key::new(0x2, 1, 12), Key::new(0x3, 0, 13)];
/// Keys of the upper half.
const B: [Key; 3] = [Key::new(0x8, 0, 21), Key::new(0x9, 1, 22), Key::new(0xa, 0, 23)];

fn is(key: Key) -> impl Fn(&Body) -> bool {
    move |entry| entry.key() == key
}

fn get(index: &Index<Entry>, key: Key) -> Option<u32> {
    index.get(&pin(), key.hash(), is(key)).map(Body::value)
}

/// The old value.
fn put(index: &Index<Entry>, key: Key, value: u32) -> Result<Option<u32>, Refused> {
    let change = |old: Option<&Body>| (Change::Put(Entry::new(key, value)), old.map(Body::value));
    index.write(&pin(), key.hash(), is(key), change)
}

fn add_one(index: &Index<Entry>, key: Key) {
    let change = |old: Option<&Body>| {
        (Change::Put(Entry::new(key, old.map_or(1, |old| old.value() + 1))), ())
    };
    index.write(&pin(), key.hash(), is(key), change).unwrap();
}

fn delete(index: &Index<Entry>, key: Key) -> Option<u32> {
    let change = |old: Option<&Body>| (Change::Remove, old.map(Body::value));
    index.write(&pin(), key.hash(), is(key), change).unwrap()
}

fn put_all(index: &Index<Entry>, keys: &[Key], value: u32) -> Result<(), Refused> {
    let hashes: Vec<u64> = keys.iter().map(|key| key.hash()).collect();
    index.batch(&pin(), &hashes, |batch| {
        keys.iter().try_for_each(|key| batch.put(key.hash(), is(*key), Entry::new(*key, value)))
    })
}

fn put_all_and_fail(index: &Index<Entry>, keys: &[Key]) {
    let hashes: Vec<u64> = keys.iter().map(|key| key.hash()).collect();
    let result: Result<(), Refused> = index.batch(&pin(), &hashes, |batch| {
        for key in keys {
            batch.put(key.hash(), is(*key), Entry::new(*key, 99))?;
        }
        Err(Refused::NoMemory)
    });
    assert_eq!(result, Err(Refused::NoMemory));
}

fn scan(index: &Index<Entry>, pin: &Pin) -> Vec<(Key, u32)> {
    let mut all = Vec::new();
    let end = index.scan(pin, 0, usize::MAX, |entry| all.push((entry.key(), entry.value())));
    assert_eq!(end, None);
    all
}

fn steps(index: &Index<Entry>) -> Vec<(Key, u32)> {
    let (mut all, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        let pin = pin();
        let (bucket, end) = index.bucket(&pin, from);
        let ahead = bucket.into_iter().filter(|entry| entry.key().hash() >= from);
        all.extend(ahead.map(|entry| (entry.key(), entry.value())));
        next = end;
    }
    all
}

/// An index with these keys, all with the value 0.
fn index(keys: &[Key]) -> Shared {
    let index = Index::new().unwrap();
    for key in keys {
        put(&index, *key, 0).unwrap();
    }
    Arc::new(index)
}

/// An index of two buckets.
fn two_buckets(keys: &[Key]) -> Shared {
    let index = index(&[A[0], A[1], A[2]]);
    for key in A {
        delete(&index, key);
    }
    for key in keys {
        put(&index, *key, 0).unwrap();
    }
    index
}

/// What is left when all threads are done; all ways of looking must agree on it.
fn left(index: &Index<Entry>) -> Vec<(Key, u32)> {
    let pin = pin();
    let mut all = scan(index, &pin);
    all.sort_unstable();
    let mut stepped = steps(index);
    stepped.sort_unstable();
    assert_eq!(all, stepped, "scanning and stepping agree");
    for key in A.into_iter().chain(B) {
        let found = all.iter().find(|(held, _)| *held == key).map(|(_, value)| *value);
        assert_eq!(get(index, key), found, "scanning and getting agree");
    }
    assert_eq!(index.weight(&pin).items, all.len(), "the totals are right");
    all
}

fn spawn(index: &Shared, run: impl FnOnce(&Index<Entry>) + 'static) -> thread::JoinHandle<()> {
    let index = Arc::clone(index);
    thread::spawn(move || run(&index))
}

#[test]
fn loom_put_against_get() {
    model("put against get", || {
        let index = index(&[]);
        let writer = spawn(&index, |index| assert_eq!(put(index, A[0], 7), Ok(None)));
        let seen = [get(&index, A[0]), get(&index, A[0])];
        assert!(matches!(seen, [None, None | Some(7)] | [Some(7), Some(7)]), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 7)]);
    });
}
