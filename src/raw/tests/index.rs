//! The index against a map, alone and with threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;

use crate::platform::wake::Wake;
use crate::raw::block::{Block, BlockRef};
use crate::raw::hash::{Change, Index, Refused};
use crate::raw::reclaim::pin;
use crate::raw::tests::many;
use crate::raw::watch::Hub;

/// A good 64-bit hash of a number.
fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn block(key: u64, value: u64) -> Block {
    Block::new(mix(key), 2, &[key, value]).unwrap()
}

fn is(key: u64) -> impl Fn(BlockRef<'_>) -> bool + Copy {
    move |entry: BlockRef<'_>| entry.words()[0] == key
}

fn get(index: &Index<Block>, key: u64) -> Option<u64> {
    index.get(&pin(), mix(key), is(key)).map(|entry| entry.words()[1])
}

fn put(index: &Index<Block>, key: u64, value: u64) -> bool {
    let change = |old: Option<BlockRef<'_>>| (Change::Put(block(key, value)), old.is_none());
    index.write(&pin(), mix(key), is(key), change, |_, _, _| Wake::default()).unwrap()
}

fn remove(index: &Index<Block>, key: u64) -> bool {
    index
        .write(
            &pin(),
            mix(key),
            is(key),
            |old| (Change::Remove, old.is_some()),
            |_, _, _| Wake::default(),
        )
        .unwrap()
}

fn keys(index: &Index<Block>, budget: usize) -> Vec<u64> {
    let (mut all, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        next = index.scan(&pin(), from, budget, |entry| all.push(entry.words()[0]));
    }
    all
}

/// Waits for threads; that a scope has waited for them, ThreadSanitizer does not see.
#[allow(single_use_lifetimes, reason = "there is no anonymous one in this place")]
fn join<'a>(threads: impl IntoIterator<Item = ScopedJoinHandle<'a, ()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0) % n
    }
}

#[test]
fn agrees_with_a_map() {
    let steps = many(200_000, 80);
    for (seed, space) in [(1, 5), (2, 100), (3, 5_000), (4, 100_000)] {
        let (index, mut model, mut rng) = (Index::new().unwrap(), HashMap::new(), Rng(seed << 40));
        for step in 0..steps {
            let (key, grow) = (rng.below(space), step / (steps / 4) % 2 == 0);
            match rng.below(10) {
                0..3 => assert_eq!(get(&index, key), model.get(&key).copied()),
                choice if (choice < 8) == grow => {
                    assert_eq!(put(&index, key, step), model.insert(key, step).is_none());
                }
                _ => assert_eq!(remove(&index, key), model.remove(&key).is_some()),
            }
        }
        assert_eq!(index.weight(&pin()).items, model.len());
        let mut all = keys(&index, 7);
        all.sort_unstable();
        let mut expected: Vec<u64> = model.keys().copied().collect();
        expected.sort_unstable();
        assert_eq!(all, expected);
        for key in expected {
            assert!(remove(&index, key));
        }
        assert_eq!(index.weight(&pin()).items, 0);
        assert!(index.buckets(&pin()) <= 2, "an emptied index gives its memory back");
        assert!(index.weight(&pin()).bytes < 2048, "{:?}", index.weight(&pin()));
    }
}

#[test]
fn a_step_finds_what_its_bucket_shows() {
    let space = many(20_000, 40);
    // Hashes that have nothing to do with each other; three and three the same; three and three
    // that differ in the last bits only, which no slot carries.
    let hashes: [fn(u64) -> u64; 3] =
        [mix, |key| mix(key / 3), |key| (mix(key / 3) & !3) | (key % 3)];
    for (kind, hash) in hashes.into_iter().enumerate() {
        let (index, mut rng) = (Index::<Block>::new().unwrap(), Rng(7 << 40));
        for _ in 0..space * 3 / 4 {
            let key = rng.below(space);
            let block = Block::new(hash(key), 2, &[key, 0]).unwrap();
            let put = |_: Option<BlockRef<'_>>| (Change::Put(block), ());
            index.write(&pin(), hash(key), is(key), put, |_, _, _| Wake::default()).unwrap();
        }
        let (pin, mut told) = (pin(), 0);
        for at in 0..space {
            let (bucket, end) = index.bucket(&pin, hash(at));
            let Some(nearest) = index.nearest(&pin, hash(at), hash(at)) else { continue };
            told += 1;
            let here = bucket.iter().filter(|entry| entry.hash() == hash(at));
            let above = bucket.iter().filter(|entry| entry.hash() > hash(at));
            let next = above.map(|entry| entry.hash()).min();
            assert_eq!(here.count(), usize::from(nearest.here.is_some()));
            assert_eq!(nearest.here.map(|entry| entry.hash()), nearest.here.map(|_| hash(at)));
            assert_eq!(nearest.next.map(|entry| entry.hash()), next);
            assert_eq!(nearest.end, end);
        }
        assert!(if kind == 1 { told < space } else { told == space }, "{told} of {space}");
    }
}

#[test]
fn readers_find_what_stays_while_others_come_and_go() {
    let (index, stop) = (Index::new().unwrap(), AtomicBool::new(false));
    let stable = 0..many(2_000_u64, 20);
    for key in stable.clone() {
        put(&index, key, key);
    }
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for worker in 0..2_u64 {
            let (index, stop) = (&index, &stop);
            threads.push(scope.spawn(move || {
                let (low, high) = (10_000 * (worker + 1), 10_000 * (worker + 1) + many(8_000, 20));
                for _ in 0..many(6, 2) {
                    (low..high).for_each(|key| assert!(put(index, key, key)));
                    (low..high).for_each(|key| assert!(remove(index, key)));
                }
                stop.store(true, Ordering::Relaxed);
            }));
        }
        for _ in 0..2 {
            threads.push(scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for key in stable.clone() {
                        assert_eq!(get(&index, key), Some(key));
                    }
                    let mut all = keys(&index, 64);
                    // Of the others one may be met, go, come again and be met again.
                    all.retain(|key| stable.contains(key));
                    all.sort_unstable();
                    assert!(all.into_iter().eq(stable.clone()), "each once");
                }
            }));
        }
        join(threads);
    });
    assert_eq!(index.weight(&pin()).items as u64, stable.end);
}

fn put_all(index: &Index<Block>, keys: &[u64], value: u64) {
    let mut keys: Vec<u64> = keys.to_vec();
    keys.sort_unstable_by_key(|key| mix(*key));
    let hashes: Vec<u64> = keys.iter().map(|key| mix(*key)).collect();
    let result: Result<(), Refused> = index.batch(
        &pin(),
        &hashes,
        |batch| {
            keys.iter().for_each(|key| batch.put(mix(*key), is(*key), block(*key, value)));
            Ok(())
        },
        |_, _| Wake::default(),
    );
    result.unwrap();
}

/// A writer who stops where he holds locks, before his change or in the middle of a batch, is no
/// matter of readers.
#[test]
fn readers_do_not_wait_for_writers() {
    let index = Arc::new(Index::<Block>::new().unwrap());
    let all: Vec<u64> = (0..many(300, 20)).collect();
    put_all(&index, &all, 7);
    let read = || {
        let (index, all) = (Arc::clone(&index), all.clone());
        move || {
            assert!(all.iter().all(|key| get(&index, *key) == Some(7)));
            assert_eq!(keys(&index, usize::MAX).len(), all.len());
        }
    };
    let key = all[0];
    let change = |_: Option<BlockRef<'_>>| {
        super::meanwhile(read());
        (Change::Put(block(key, 7)), ())
    };
    index.write(&pin(), mix(key), is(key), change, |_, _, _| Wake::default()).unwrap();
    let hashes = {
        let mut hashes: Vec<u64> = all.iter().map(|key| mix(*key)).collect();
        hashes.sort_unstable();
        hashes
    };
    let result: Result<(), Refused> = index.batch(
        &pin(),
        &hashes,
        |batch| {
            all.iter().for_each(|key| batch.put(mix(*key), is(*key), block(*key, 8)));
            super::meanwhile(read());
            Ok(())
        },
        |_, _| Wake::default(),
    );
    result.unwrap();
    assert!(all.iter().all(|key| get(&index, *key) == Some(8)));
}

#[test]
fn batches_are_seen_whole() {
    let rounds = many(4_000, 8);
    let (index, stop) = (Index::new().unwrap(), AtomicBool::new(false));
    let keys: Vec<u64> = (0..many(50, 8)).collect();
    put_all(&index, &keys, 0);
    std::thread::scope(|scope| {
        let (index, stop, keys) = (&index, &stop, &keys);
        let writer = scope.spawn(move || {
            for round in 1..rounds {
                put_all(index, keys, round);
            }
            stop.store(true, Ordering::Relaxed);
        });
        let grower = scope.spawn(move || {
            for key in (1_000..200_000).cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                put(index, key, 0);
            }
        });
        let reader = scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let values: Vec<u64> = keys.iter().map(|key| get(index, *key).unwrap()).collect();
                assert!(values.is_sorted(), "a later read sees no older batch: {values:?}");
            }
        });
        join([writer, grower, reader]);
    });
    assert_eq!(get(&index, 7), Some(rounds - 1));
}

#[test]
fn large_batches_make_room_first() {
    let index = Index::new().unwrap();
    let keys: Vec<u64> = (0..many(100_000, 80)).collect();
    put_all(&index, &keys, 1);
    put_all(&index, &keys, 2);
    assert_eq!(index.weight(&pin()).items, keys.len());
    assert!(keys.iter().all(|key| get(&index, *key) == Some(2)));
}

#[test]
fn a_failed_batch_changes_nothing() {
    let index = Index::new().unwrap();
    put(&index, 1, 1);
    let mut hashes = [mix(1), mix(2)];
    hashes.sort_unstable();
    let result: Result<(), Refused> = index.batch(
        &pin(),
        &hashes,
        |batch| {
            batch.put(mix(1), is(1), block(1, 9));
            batch.put(mix(2), is(2), block(2, 9));
            Err(Refused::NoMemory)
        },
        |_, _| Wake::default(),
    );
    assert_eq!(result, Err(Refused::NoMemory));
    assert_eq!((get(&index, 1), get(&index, 2)), (Some(1), None));
    assert_eq!(index.weight(&pin()).items, 1);
}

#[test]
fn clearing_and_closing() {
    let index = Index::new().unwrap();
    let count = many(10_000, 60);
    for key in 0..count {
        put(&index, key, key);
    }
    assert_eq!(index.clear(&pin(), &Hub::new(), ()), Ok(count as usize));
    assert_eq!((get(&index, 5), index.weight(&pin()).items), (None, 0));
    put(&index, 5, 6);
    assert_eq!(get(&index, 5), Some(6));
    assert_eq!(index.close(&pin(), &Hub::new(), ()), Ok(1));
    assert_eq!(get(&index, 5), None);
    let refused = index.write(
        &pin(),
        mix(5),
        is(5),
        |_| (Change::Put(block(5, 5)), ()),
        |_, _, _| Wake::default(),
    );
    assert_eq!(refused, Err(Refused::Closed));
    assert_eq!(index.close(&pin(), &Hub::new(), ()), Err(Refused::Closed));
    crate::raw::reclaim::collect();
}

/// An entry met twice: a scan that goes on in the middle of a bucket that has become wider.
#[test]
fn a_scan_meets_entries_once_while_the_index_shrinks() {
    let index = Index::new().unwrap();
    let mut all: Vec<u64> = (0..many(20_000, 80)).collect();
    all.sort_unstable_by_key(|key| mix(*key));
    for key in &all {
        put(&index, *key, 0);
    }
    let (stable, others) = all.split_at(10);
    let (mut seen, mut shrunk) = (Vec::new(), false);
    index.scan(&pin(), 0, usize::MAX, |entry| {
        if !std::mem::replace(&mut shrunk, true) {
            others.iter().for_each(|key| assert!(remove(&index, *key)));
        }
        seen.push(entry.words()[0]);
    });
    // Segments of two buckets merge only when they are empty.
    assert!(cfg!(any(ferrets_stress, miri)) || index.buckets(&pin()) < 64, "the index has shrunk");
    seen.retain(|key| stable.contains(key));
    assert_eq!(seen.len(), stable.len(), "{seen:?}");
}

/// Room for every object of a list, though most have the same key.
#[test]
fn a_batch_of_equal_hashes_makes_room_once() {
    let index: Index<Block> = Index::new().unwrap();
    let hashes = vec![mix(1); many(5_000, 50)];
    let result: Result<(), Refused> = index.batch(
        &pin(),
        &hashes,
        |batch| {
            batch.put(mix(1), is(1), block(1, 1));
            Ok(())
        },
        |_, _| Wake::default(),
    );
    assert_eq!((result, get(&index, 1)), (Ok(()), Some(1)));
    assert_eq!(index.buckets(&pin()), 1);
}
