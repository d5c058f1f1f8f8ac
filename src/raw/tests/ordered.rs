//! The ordered index against a map, alone and with threads.

use std::cmp::Ordering as Order;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;

use crate::platform::wake::Wake;
use crate::raw::block::{Block, BlockRef};
use crate::raw::ordered::{self, EXACT, Limit, Seek, SeekAll, Snapshot, Tree, Walk};
use crate::raw::reclaim::pin;
use crate::raw::tests::many;
use crate::raw::watch::Hub;
use crate::raw::{Change, Refused};

/// Nobody hears of changes here.
fn told(_: u64, _: Option<BlockRef<'_>>, _: Option<BlockRef<'_>>) -> Wake {
    Wake::default()
}

/// How heads are made of keys.
#[derive(Clone, Copy, Debug)]
enum Heads {
    /// Each key has its own.
    Exact,
    /// Some have the same one.
    Rough(u64),
    /// Every third key has its own.
    Mixed,
    /// What tells keys apart comes late in their codes.
    Deep,
}

use Heads::{Deep, Exact, Mixed, Rough};

/// The head of a key of a deep tree: its code has 50 bits that are all the same, 10 of the key, 50
/// that are the same and 8 of the key.
fn deep_head(key: u64, depth: u32) -> u64 {
    const SAME: u128 = 0x2_4924_9249_2492;
    assert!(key < 1 << 18, "{key} has no code");
    let (first, last) = (u128::from(key >> 8), u128::from(key & 255));
    let code = SAME << 78 | first << 68 | SAME << 18 | last << 10;
    let bits = (code.checked_shl(depth).unwrap_or(0) >> 65) as u64;
    bits << 1 | u64::from(depth + 63 >= 118)
}

/// A tree of numbers.
struct Numbers {
    tree: Tree<Block>,
    heads: Heads,
}

fn key_of(entry: BlockRef<'_>) -> u64 {
    entry.words()[0]
}

fn compare(a: BlockRef<'_>, b: BlockRef<'_>) -> Order {
    key_of(a).cmp(&key_of(b))
}

/// What is looked for.
struct To(u64);

impl Seek<Block> for To {
    fn order(&self, entry: BlockRef<'_>) -> Order {
        key_of(entry).cmp(&self.0)
    }

    /// Only deep trees have nodes with a depth.
    fn head_at(&self, head: u64, depth: u32) -> u64 {
        if depth == 0 { head } else { deep_head(self.0, depth) }
    }
}

fn order(key: u64) -> To {
    To(key)
}

impl SeekAll<u64, Block> for Numbers {
    fn head(&self, key: &u64) -> u64 {
        Numbers::head(self, *key)
    }

    fn order(&self, key: &u64, entry: BlockRef<'_>) -> Order {
        key_of(entry).cmp(key)
    }

    fn head_at(&self, key: &u64, depth: u32) -> u64 {
        To(*key).head_at(self.head(*key), depth)
    }
}

impl Numbers {
    fn new(heads: Heads) -> Self {
        let at = |entry: BlockRef<'_>, _, depth| deep_head(key_of(entry), depth);
        let deeper = matches!(heads, Deep).then_some(ordered::Heads::<Block> { at, which: 0 });
        Self { tree: Tree::new(true, deeper).unwrap(), heads }
    }

    fn head(&self, key: u64) -> u64 {
        match self.heads {
            Exact => key << 1 | EXACT,
            Rough(by) => (key / by) << 1,
            Mixed if key % 3 == 0 => (key / 3) << 2 | EXACT,
            Mixed => (key / 3) << 2 | 2,
            Deep => deep_head(key, 0),
        }
    }

    fn block(&self, key: u64, value: u64) -> Block {
        Block::new(self.head(key), 2, &[key, value]).unwrap()
    }

    fn get(&self, key: u64) -> Option<u64> {
        self.tree.get(&pin(), self.head(key), order(key)).map(|entry| entry.words()[1])
    }

    fn put(&self, key: u64, value: u64) -> bool {
        let change =
            |old: Option<BlockRef<'_>>| (Change::Put(self.block(key, value)), old.is_none());
        self.tree.write(&pin(), self.head(key), order(key), change, told).unwrap()
    }

    /// As `put`, with the position.
    fn place(&self, key: u64, value: u64) -> (bool, u64) {
        let change =
            |old: Option<BlockRef<'_>>| (Change::Put(self.block(key, value)), old.is_none());
        self.tree.write_ranked(&pin(), self.head(key), order(key), change, told).unwrap()
    }

    fn remove(&self, key: u64) -> bool {
        self.displace(key).is_some()
    }

    /// As `remove`, with the position if there was one.
    fn displace(&self, key: u64) -> Option<u64> {
        let change = |old: Option<BlockRef<'_>>| (Change::Remove, old.is_some());
        let written = self.tree.write_ranked(&pin(), self.head(key), order(key), change, told);
        let (found, before) = written.unwrap();
        found.then_some(before)
    }

    fn rank(&self, key: u64) -> (u64, bool) {
        self.tree.rank_of(&pin(), self.head(key), order(key))
    }

    /// Ranks and positions of all keys that there are, and of some beside them, are right.
    fn check_ranks(&self) {
        let (pin, all) = (pin(), self.walk(None, false));
        for (at, key) in all.iter().enumerate() {
            let at = at as u64;
            assert_eq!(self.rank(*key), (at, true), "{key} in {:?}", self.heads);
            assert_eq!(self.tree.nth(&pin, at).map(key_of), Some(*key), "{at} of {}", all.len());
            for (included, above) in [(true, true), (true, false), (false, true), (false, false)] {
                let limit = Limit::At(self.head(*key), order(*key), included);
                let with = u64::from(included == above);
                assert_eq!(self.tree.rank(&pin, &limit, above), at + with);
            }
            if all.get(at as usize + 1).is_none_or(|next| *next > key + 1) {
                assert_eq!(self.rank(key + 1), (at + 1, false));
            }
        }
        assert!(self.tree.nth(&pin, all.len() as u64).is_none());
        assert!(self.tree.nth(&pin, u64::MAX).is_none());
        let end: Limit<fn(BlockRef<'_>) -> Order> = Limit::End;
        assert_eq!(self.tree.rank(&pin, &end, true), all.len() as u64);
        assert_eq!(self.tree.rank(&pin, &end, false), 0);
    }

    fn put_all(&self, keys: &[u64], value: u64) {
        let result: Result<(), Refused> = self.tree.batch(
            &pin(),
            keys,
            self,
            |batch| {
                keys.iter().try_for_each(|key| {
                    batch.put(self.head(*key), order(*key), self.block(*key, value))
                })
            },
            |_, _| Wake::default(),
        );
        result.unwrap();
    }

    /// Keys from a bound on, in the order of a walk.
    fn walk(&self, bound: Option<(u64, bool)>, back: bool) -> Vec<u64> {
        let pin = pin();
        let from = match bound {
            None => Limit::End,
            Some((key, included)) => Limit::At(self.head(key), order(key), included),
        };
        let end: Limit<fn(BlockRef<'_>) -> Order> = Limit::End;
        let mut pages =
            self.tree.pages(&pin, &from, end, Walk { back, ..Walk::default() }, compare);
        let mut all = Vec::new();
        loop {
            if back {
                all.extend(pages.entries().rev().map(key_of));
            } else {
                all.extend(pages.entries().map(key_of));
            }
            if !pages.advance() {
                return all;
            }
        }
    }

    fn items(&self) -> usize {
        self.tree.weight(&pin()).items
    }
}

/// A good 64-bit hash of a number.
fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0) % n
    }
}

/// Waits for threads; that a scope has waited for them, ThreadSanitizer does not see.
#[allow(single_use_lifetimes, reason = "there is no anonymous one in this place")]
fn join<'a>(threads: impl IntoIterator<Item = ScopedJoinHandle<'a, ()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn check_walks(tree: &Numbers, model: &BTreeMap<u64, u64>, rng: &mut Rng, space: u64) {
    let all: Vec<u64> = model.keys().copied().collect();
    assert_eq!(tree.walk(None, false), all);
    let mut reversed = all;
    reversed.reverse();
    assert_eq!(tree.walk(None, true), reversed);
    for _ in 0..many(20, 3) {
        let key = rng.below(space + 2);
        let up = |from: std::ops::Bound<u64>| {
            model.range((from, std::ops::Bound::Unbounded)).map(|(key, _)| *key).collect::<Vec<_>>()
        };
        let down = |to: std::ops::Bound<u64>| {
            let below = model.range((std::ops::Bound::Unbounded, to));
            below.rev().map(|(key, _)| *key).collect::<Vec<_>>()
        };
        use std::ops::Bound::{Excluded, Included};
        assert_eq!(tree.walk(Some((key, true)), false), up(Included(key)));
        assert_eq!(tree.walk(Some((key, false)), false), up(Excluded(key)));
        assert_eq!(tree.walk(Some((key, true)), true), down(Included(key)));
        assert_eq!(tree.walk(Some((key, false)), true), down(Excluded(key)));
        // Alone in its leaf a key has nothing beside it; then a walk is needed.
        let pin = pin();
        for (back, walk) in [(false, up(Excluded(key))), (true, down(Excluded(key)))] {
            let found = tree.tree.beside(&pin, tree.head(key), order(key), back).map(key_of);
            assert!(found.is_none() || found == walk.first().copied(), "{found:?} beside {key}");
            let one = Walk { back, one: true, ..Walk::default() };
            let near = Limit::At(tree.head(key), order(key), false);
            let end = Limit::<fn(BlockRef<'_>) -> Order>::End;
            let mut pages = tree.tree.pages(&pin, &near, end, one, compare);
            while pages.len() == 0 && pages.advance() {}
            assert!(pages.len() <= 1);
            assert_eq!(pages.entry(0).map(key_of), walk.first().copied(), "behind {key}");
        }
    }
}

#[test]
fn agrees_with_a_map() {
    let steps = many(40_000, 60);
    for heads in [Exact, Rough(3), Rough(1000), Rough(u64::MAX), Mixed, Deep] {
        for &(seed, space) in many(&[(1, 5), (2, 100), (3, 5_000), (4, 100_000)][..], &[(2, 40)]) {
            let (tree, mut model, mut rng) =
                (Numbers::new(heads), BTreeMap::new(), Rng(seed << 40));
            for step in 0..steps {
                let (key, grow) = (rng.below(space), step / (steps / 4) % 2 == 0);
                match rng.below(10) {
                    choice @ 3..10 if space <= 100 => {
                        let (before, there) = (model.range(..key).count() as u64, model.get(&key));
                        if (choice < 8) == grow {
                            assert_eq!(tree.place(key, step), (there.is_none(), before));
                            model.insert(key, step);
                        } else {
                            assert_eq!(tree.displace(key), there.map(|_| before));
                            model.remove(&key);
                        }
                    }
                    0..3 => assert_eq!(tree.get(key), model.get(&key).copied(), "{heads:?} {key}"),
                    choice if (choice < 8) == grow => {
                        assert_eq!(tree.put(key, step), model.insert(key, step).is_none());
                    }
                    _ => assert_eq!(tree.remove(key), model.remove(&key).is_some()),
                }
            }
            assert_eq!(tree.items(), model.len());
            check_walks(&tree, &model, &mut rng, space);
            tree.check_ranks();
            for key in model.keys() {
                assert!(tree.remove(*key));
            }
            assert_eq!(tree.items(), 0);
            assert!(tree.walk(None, false).is_empty());
            let weight = tree.tree.weight(&pin());
            assert!(weight.bytes < 8192, "an emptied tree gives its memory back: {weight:?}");
        }
    }
}

#[test]
fn what_is_beside_a_key_is_found_without_a_walk() {
    let (tree, count) = (Numbers::new(Exact), many(1_000, 50));
    (0..count).for_each(|key| assert!(tree.put(key * 2, key)));
    let (pin, mut found) = (pin(), 0);
    for key in 0..count * 2 {
        let before = (key.div_ceil(2) * 2).saturating_sub(2);
        for (back, expected) in [(false, key / 2 * 2 + 2), (true, before)] {
            let beside = tree.tree.beside(&pin, tree.head(key), order(key), back);
            found += u64::from(beside.is_some());
            assert!(beside.is_none_or(|entry| key_of(entry) == expected), "{key} {back}");
        }
    }
    // Leaves are small under `ferrets_stress`, and have more ends.
    let (all, small) = (count * 4, cfg!(any(ferrets_stress, miri)));
    let most = if small { all / 4 * 3 } else { all / 20 * 19 };
    assert!(found > most, "only at the ends of leaves it is not: {found} of {all}");
}

#[test]
fn ascending_and_descending_keys() {
    let count = many(50_000, 60);
    for heads in [Exact, Rough(50), Deep] {
        let tree = Numbers::new(heads);
        (0..count).for_each(|key| assert!(tree.put(key, key)));
        let full = tree.tree.weight(&pin()).bytes / count as usize;
        assert!(
            cfg!(any(ferrets_stress, miri)) || full < 56,
            "leaves are full: {full} bytes an object"
        );
        assert_eq!(tree.walk(None, false), (0..count).collect::<Vec<_>>());
        tree.check_ranks();
        (0..count).rev().for_each(|key| assert!(tree.remove(key)));
        (0..count).rev().for_each(|key| assert!(tree.put(key, key)));
        assert_eq!(tree.walk(None, true), (0..count).rev().collect::<Vec<_>>());
        (0..count).for_each(|key| assert!(tree.remove(key)));
        assert_eq!(tree.items(), 0);
    }
}

#[test]
fn readers_find_what_stays_while_others_come_and_go() {
    for heads in [Exact, Rough(700), Deep] {
        let (tree, stop) = (Numbers::new(heads), AtomicBool::new(false));
        let count = many(2_000, 6);
        let stable: Vec<u64> = (0..count).map(|at| at * 10).collect();
        for key in &stable {
            tree.put(*key, *key);
        }
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for worker in 0..2_u64 {
                let (tree, stop) = (&tree, &stop);
                threads.push(scope.spawn(move || {
                    let keys = || (0..count * 10).filter(move |key| key % 10 == worker * 3 + 2);
                    for _ in 0..many(8, 1) {
                        keys().for_each(|key| assert!(tree.put(key, key)));
                        keys().for_each(|key| assert!(tree.remove(key)));
                        let mut late: Vec<u64> = keys().collect();
                        late.sort_by_key(|key| mix(*key));
                        late.iter().for_each(|key| assert!(tree.put(*key, *key)));
                        late.iter().rev().for_each(|key| assert!(tree.remove(*key)));
                    }
                    stop.store(true, Ordering::Relaxed);
                }));
            }
            for back in [false, true] {
                let (tree, stop, stable) = (&tree, &stop, &stable);
                threads.push(scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        for key in stable {
                            assert_eq!(tree.get(*key), Some(*key));
                        }
                        let mut all = tree.walk(None, back);
                        if back {
                            all.reverse();
                        }
                        assert!(all.is_sorted_by(|a, b| a < b), "in order, no entry twice");
                        all.retain(|key| key % 10 == 0);
                        assert_eq!(all, *stable, "none missed");
                    }
                }));
            }
            join(threads);
        });
        assert_eq!(tree.items() as u64, count);
        assert_eq!(tree.walk(None, false), stable);
        tree.check_ranks();
    }
}

/// As for the hash index.
#[test]
fn readers_do_not_wait_for_writers() {
    let tree = Arc::new(Numbers::new(Mixed));
    let all: Vec<u64> = (0..many(300, 20)).collect();
    tree.put_all(&all, 7);
    let read = || {
        let (tree, all) = (Arc::clone(&tree), all.clone());
        move || {
            assert!(all.iter().all(|key| tree.get(*key) == Some(7)));
            assert_eq!(tree.walk(None, false).len(), all.len());
        }
    };
    let (key, value) = (all[all.len() / 2], 7);
    let change = |_: Option<BlockRef<'_>>| {
        super::meanwhile(read());
        (Change::Put(tree.block(key, value)), ())
    };
    tree.tree.write(&pin(), tree.head(key), order(key), change, told).unwrap();
    let result: Result<(), Refused> = tree.tree.batch(
        &pin(),
        &all,
        &*tree,
        |batch| {
            for key in &all {
                batch.put(tree.head(*key), order(*key), tree.block(*key, 8))?;
            }
            super::meanwhile(read());
            Ok(())
        },
        |_, _| Wake::default(),
    );
    result.unwrap();
    assert!(all.iter().all(|key| tree.get(*key) == Some(8)));
}

#[test]
fn batches_are_seen_whole() {
    let (tree, stop) = (Numbers::new(Rough(100)), AtomicBool::new(false));
    let rounds = many(2_000, 10);
    let keys: Vec<u64> = (0..many(500, 80)).step_by(10).collect();
    tree.put_all(&keys, 0);
    std::thread::scope(|scope| {
        let (tree, stop, keys) = (&tree, &stop, &keys);
        let writer = scope.spawn(move || {
            for round in 1..rounds {
                tree.put_all(keys, round);
            }
            stop.store(true, Ordering::Relaxed);
        });
        let others = scope.spawn(move || {
            for key in (0..many(600, 100)).filter(|key| key % 10 != 0).cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                if !tree.remove(key) {
                    tree.put(key, 0);
                }
            }
        });
        let reader = scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let values: Vec<u64> = keys.iter().map(|key| tree.get(*key).unwrap()).collect();
                assert!(values.is_sorted(), "a later read sees no older batch: {values:?}");
            }
        });
        join([writer, others, reader]);
    });
    assert_eq!(tree.get(70), Some(rounds - 1));
    tree.check_ranks();
}

#[test]
fn large_batches_split_what_they_hold() {
    let count = many(30_000, 32);
    for heads in [Exact, Rough(40), Deep] {
        let tree = Numbers::new(heads);
        let keys: Vec<u64> = (0..count).map(|key| key * 2).collect();
        tree.put_all(&keys, 1);
        tree.put_all(&keys, 2);
        let between: Vec<u64> = (0..count).map(|key| key * 2 + 1).collect();
        tree.put_all(&between, 3);
        assert_eq!(tree.items() as u64, count * 2);
        assert!((0..count * 2).all(|key| tree.get(key) == Some(2 + key % 2)));
        assert_eq!(tree.walk(None, false), (0..count * 2).collect::<Vec<_>>());
        tree.check_ranks();
    }
}

#[test]
fn a_failed_batch_changes_nothing() {
    let (tree, count) = (Numbers::new(Exact), many(60, 12));
    (0..count).for_each(|key| assert!(tree.put(key * 10, 1)));
    let keys: Vec<u64> = (0..count * 10).collect();
    let result: Result<(), Refused> = tree.tree.batch(
        &pin(),
        &keys,
        &tree,
        |batch| {
            for key in &keys {
                batch.put(tree.head(*key), order(*key), tree.block(*key, 9))?;
            }
            Err(Refused::NoMemory)
        },
        |_, _| Wake::default(),
    );
    assert_eq!(result, Err(Refused::NoMemory));
    assert_eq!((tree.get(10), tree.get(11), tree.items()), (Some(1), None, count as usize));
    assert_eq!(tree.walk(None, false), (0..count).map(|key| key * 10).collect::<Vec<_>>());
    tree.check_ranks();
}

#[test]
fn clearing_and_closing() {
    let (tree, count) = (Numbers::new(Rough(7)), many(10_000, 100));
    (0..count).for_each(|key| assert!(tree.put(key, key)));
    assert_eq!(tree.tree.clear(&pin(), &Hub::new(), ()), Ok(count as usize));
    assert_eq!((tree.get(5), tree.items()), (None, 0));
    tree.put(5, 6);
    assert_eq!(tree.get(5), Some(6));
    assert_eq!(tree.tree.close(&pin(), &Hub::new(), ()), Ok(1));
    assert_eq!(tree.get(5), None);
    let change = |_: Option<BlockRef<'_>>| (Change::Put(tree.block(5, 5)), ());
    let refused = tree.tree.write(&pin(), tree.head(5), order(5), change, told);
    assert_eq!(refused, Err(Refused::Closed));
    assert_eq!(tree.tree.close(&pin(), &Hub::new(), ()), Err(Refused::Closed));
    crate::raw::reclaim::collect();
}

fn shown(snapshot: &Snapshot<Block>, back: bool) -> Vec<(u64, u64)> {
    let end: Limit<fn(BlockRef<'_>) -> Order> = Limit::End;
    let (pin, walk) = (pin(), Walk { back, ..Walk::default() });
    let (mut pages, mut all) = (snapshot.pages(&pin, &end, end.clone(), walk, compare), Vec::new());
    loop {
        let pair = |entry: BlockRef<'_>| (entry.words()[0], entry.words()[1]);
        if back {
            all.extend(pages.entries().rev().map(pair));
        } else {
            all.extend(pages.entries().map(pair));
        }
        if !pages.advance() {
            break;
        }
    }
    if back {
        all.reverse();
    }
    all
}

#[test]
fn snapshots_agree_with_copies_of_a_map() {
    let steps = many(12_000, 80);
    for heads in [Exact, Rough(3), Rough(u64::MAX), Mixed, Deep] {
        for &(seed, space) in many(&[(1, 5), (2, 300), (3, 3_000)][..], &[(2, 50)]) {
            let (tree, mut model, mut rng) =
                (Numbers::new(heads), BTreeMap::new(), Rng(seed << 40));
            let mut taken: Vec<(Snapshot<Block>, BTreeMap<u64, u64>)> = Vec::new();
            for step in 0..steps {
                let (key, grow) = (rng.below(space), step / (steps / 4) % 2 == 0);
                match rng.below(10) {
                    0 if rng.below(many(20, 4)) == 0 => {
                        tree.put_all(&[key, key + 1, key + 2], step);
                    }
                    choice if (choice < 8) == grow => {
                        tree.put(key, step);
                        model.insert(key, step);
                        continue;
                    }
                    _ => {
                        tree.remove(key);
                        model.remove(&key);
                        continue;
                    }
                }
                model.extend((key..key + 3).map(|key| (key, step)));
                if rng.below(2) == 0 {
                    let snapshot = tree.tree.snapshot(&pin(), compare).unwrap();
                    taken.push((snapshot, model.clone()));
                }
                if taken.len() > 3 {
                    taken.swap_remove(rng.below(4) as usize);
                }
                for (at, (snapshot, model)) in taken.iter().enumerate() {
                    let all: Vec<(u64, u64)> = model.iter().map(|(a, b)| (*a, *b)).collect();
                    assert_eq!(snapshot.items(), all.len());
                    assert!(shown(snapshot, step % 2 == 0) == all, "{heads:?}, {at} at {step}");
                }
            }
            assert!(!taken.is_empty() || space < 10, "some were checked");
            tree.tree.clear(&pin(), &Hub::new(), ()).unwrap();
            drop(tree);
            for (snapshot, model) in &taken {
                assert!(shown(snapshot, false).into_iter().eq(model.clone()), "it outlives it");
            }
        }
    }
}

#[test]
fn what_is_not_written_to_is_not_copied() {
    let (tree, count) = (Numbers::new(Exact), many(10_000, 100));
    (0..count).for_each(|key| assert!(tree.put(key, key)));
    let snapshot = tree.tree.snapshot(&pin(), compare).unwrap();
    let empty = snapshot.bytes();
    tree.put(count / 2, 1);
    let one = snapshot.bytes() - empty;
    assert!(one > 0, "a leaf is kept");
    (0..100).for_each(|value| assert!(!tree.put(count / 2, value)));
    assert_eq!(snapshot.bytes() - empty, one, "once");
    // A key that is not there, and one that stays, change nothing.
    assert!(!tree.remove(count * 2));
    assert_eq!(snapshot.bytes() - empty, one);
}

/// Writers in two halves that each know what they have: positions are those of one order.
#[test]
fn positions_are_those_of_one_order() {
    for heads in [Exact, Rough(50), Deep] {
        let (tree, space) = (Numbers::new(heads), many(3_000_u64, 40));
        (0..space).for_each(|key| assert!(tree.put(key * 4, 0)));
        std::thread::scope(|scope| {
            join((1..4_u64).map(|worker| {
                let tree = &tree;
                scope.spawn(move || {
                    let mut rng = Rng(worker << 40);
                    for _ in 0..many(20_000, 8) {
                        let key = rng.below(space) * 4;
                        // Of those that stay, all that are less; of the others' keys, any number.
                        let range = key / 4 + 1..=key + worker;
                        let (new, before) = tree.place(key + worker, 1);
                        assert!(new && range.contains(&before), "{before} of {range:?}");
                        let before = tree.displace(key + worker).unwrap();
                        assert!(range.contains(&before), "{before} of {range:?}");
                        let (rank, found) = tree.rank(key);
                        assert!(found && rank + 3 >= key / 4, "{rank} of {key}");
                    }
                })
            }));
        });
        assert_eq!(tree.items(), space as usize);
        tree.check_ranks();
    }
}
