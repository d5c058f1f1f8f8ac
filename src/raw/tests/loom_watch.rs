//! Models of watching: who subscribes and then reads misses nothing, and what is told in its order
//! gives what is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use loom::thread;

use super::loom_hash::{A, B, get, index, is, left, two_buckets};
use super::loom_support::{Body, Entry, Key, model};
use crate::platform::wake::Wake;
use crate::raw::Refused;
use crate::raw::hash::{Change, Index};
use crate::raw::ordered::Tree;
use crate::raw::reclaim::pin;
use crate::raw::watch::{Events, Hub, News, Part, Topic};

/// A key and its new value, or that all keys are gone.
type Told = Option<(Key, Option<u32>)>;

/// An index and where its changes are told.
struct World {
    index: Arc<Index<Entry>>,
    hub: Hub<Told>,
}

impl World {
    fn new(index: Arc<Index<Entry>>) -> Arc<Self> {
        Arc::new(Self { index, hub: Hub::new() })
    }

    fn write(&self, key: Key, value: Option<u32>) {
        let hash = key.hash();
        let change = |_: Option<&Body>| match value {
            Some(value) => (Change::Put(Entry::new(key, value)), ()),
            None => (Change::Remove, ()),
        };
        let tell = |life, _: Option<&Body>, new: Option<&Body>| {
            let Some(digest) = self.hub.wanted(|| hash) else { return Wake::default() };
            self.hub.publish(life, digest, &Some((key, new.map(Body::value))))
        };
        self.index.write(&pin(), hash, is(key), change, tell).unwrap();
    }

    fn put_both(&self, keys: [Key; 2], value: u32) {
        let hashes = keys.map(Key::hash);
        let body = |batch: &mut crate::raw::hash::Batch<'_, Entry>| {
            let put = |key: &Key| batch.put(key.hash(), is(*key), Entry::new(*key, value));
            keys.iter().for_each(put);
            Ok(())
        };
        let tell = |life, (): &mut ()| {
            let told = |key: Key| Some((key, Some(value)));
            let part = |digest| {
                let key = keys.into_iter().find(|key| key.hash() == digest).unwrap();
                Part { digest, event: told(key), changes: 1 }
            };
            let parts: Vec<_> = self.hub.watched(&hashes).into_iter().map(part).collect();
            // For those who want all, an event of each.
            let wake = self.hub.publish_all(life, &told(keys[0]), 2, &[]);
            wake.run();
            self.hub.publish_all(life, &told(keys[1]), 2, &parts)
        };
        let done: Result<(), Refused> = self.index.batch(&pin(), &hashes, body, tell);
        done.unwrap();
    }

    fn subscribe(&self) -> usize {
        self.subscribe_to(Topic::All)
    }

    fn subscribe_to(&self, topic: Topic) -> usize {
        let (queue, _) = self.hub.subscribe(self.index.interest(), topic, 100).unwrap();
        self.index.settle(&pin());
        queue
    }

    fn told(&self, queue: usize) -> Vec<Told> {
        let mut events = Events::default();
        let drained = self.hub.drain(queue, &mut events, None);
        assert_eq!(drained.missed, 0);
        let (mut all, mut last) = (Vec::new(), 0);
        while let Some((number, News::Kept(told))) = events.next() {
            assert!(number > last, "numbers ascend");
            (last, _) = (number, all.push(told));
        }
        all
    }
}

/// What comes of events on top of what was read.
fn replay(mut read: BTreeMap<Key, u32>, told: &[Told]) -> Vec<(Key, u32)> {
    for told in told {
        match *told {
            Some((key, Some(value))) => drop(read.insert(key, value)),
            Some((key, None)) => drop(read.remove(&key)),
            None => read.clear(),
        }
    }
    read.into_iter().collect()
}

fn read(index: &Index<Entry>, keys: &[Key]) -> BTreeMap<Key, u32> {
    keys.iter().filter_map(|key| Some((*key, get(index, *key)?))).collect()
}

#[test]
fn loom_watch_against_writes() {
    model("watch against writes", || {
        let world = World::new(index(&[A[0]]));
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                world.write(A[0], Some(1));
                world.write(A[0], Some(2));
            })
        };
        let queue = world.subscribe();
        let seen = read(&world.index, &A[..1]);
        writer.join().unwrap();
        let told = world.told(queue);
        assert_eq!(replay(seen.clone(), &told), [(A[0], 2)], "read {seen:?}, told {told:?}");
        assert!(told.is_sorted(), "in the order of the changes: {told:?}");
    });
}

/// The write goes on in a bucket that has just taken the place of another.
#[test]
fn loom_watch_against_doubling() {
    model("watch against doubling", || {
        let world = World::new(index(&[A[0], B[0]]));
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.write(A[1], Some(1)))
        };
        let queue = world.subscribe();
        let seen = read(&world.index, &[A[0], A[1], B[0]]);
        writer.join().unwrap();
        assert_eq!(replay(seen, &world.told(queue)), left(&world.index));
    });
}

#[test]
fn loom_watch_against_batch() {
    model("watch against batch", || {
        let world = World::new(two_buckets(&[A[0], B[0]]));
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.put_both([A[0], B[0]], 1))
        };
        let queue = world.subscribe();
        let seen = read(&world.index, &[A[0], B[0]]);
        writer.join().unwrap();
        let told = world.told(queue);
        assert!(told.len() != 1, "all of a batch or nothing");
        assert_eq!(replay(seen, &told), [(A[0], 1), (B[0], 1)]);
    });
}

/// Who is told of which key is asked before it is told, and the lock is not held in between.
#[test]
fn loom_watch_of_a_key_against_batch() {
    model("watch of a key against batch", || {
        let world = World::new(two_buckets(&[A[0], B[0]]));
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                world.put_both([A[0], B[0]], 1);
                world.write(A[0], Some(2));
            })
        };
        let hash = A[0].hash();
        let queue = world.subscribe_to(Topic::Key { hash, digest: hash });
        let seen = read(&world.index, &[A[0]]);
        writer.join().unwrap();
        let told = world.told(queue);
        assert_eq!(replay(seen, &told), [(A[0], 2)], "{told:?}");
    });
}

/// Queues come and go while others are told.
#[test]
fn loom_watches_that_end_against_writes() {
    model("watches that end against writes", || {
        let world = World::new(index(&[A[0]]));
        let hash = A[0].hash();
        let first = world.subscribe_to(Topic::Key { hash, digest: hash });
        let other = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                world.hub.unsubscribe(world.index.interest(), first);
                world.subscribe()
            })
        };
        let queue = world.subscribe_to(Topic::Key { hash, digest: hash });
        world.write(A[0], Some(1));
        assert_eq!(world.told(queue), [Some((A[0], Some(1)))]);
        let all = other.join().unwrap();
        world.write(A[0], Some(2));
        assert!(world.told(all).ends_with(&[Some((A[0], Some(2)))]));
        assert_eq!(world.told(queue), [Some((A[0], Some(2)))]);
    });
}

/// A write that a clearing overtakes is not told behind it.
#[test]
fn loom_clear_against_a_told_write() {
    model("clear against a told write", || {
        let world = World::new(index(&[A[0]]));
        let queue = world.subscribe();
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                world.write(A[0], Some(1));
                world.write(A[1], Some(1));
            })
        };
        world.index.clear(&pin(), &world.hub, None).unwrap();
        writer.join().unwrap();
        let told = world.told(queue);
        let before = BTreeMap::from([(A[0], 0)]);
        assert_eq!(replay(before, &told), left(&world.index), "{told:?}");
    });
}

#[test]
fn loom_watch_of_a_tree_whose_leaf_splits() {
    model("watch of a tree whose leaf splits", || {
        let key = |n: u64| Key::new(n, 0, 1);
        let order = |key: Key| move |entry: &Body| entry.key().cmp(&key);
        let world = Arc::new((Tree::<Entry>::new(false, None).unwrap(), Hub::<Told>::new()));
        let write = move |(tree, hub): &(Tree<Entry>, Hub<Told>), key: Key| {
            let tell = |life, _: Option<&Body>, new: Option<&Body>| {
                hub.publish(life, key.hash(), &Some((key, new.map(Body::value))))
            };
            let change = |_: Option<&Body>| (Change::Put(Entry::new(key, 1)), ());
            tree.write(&pin(), key.hash(), order(key), change, tell).unwrap();
        };
        (1..4).for_each(|n| write(&world, key(n)));
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || write(&world, key(4)))
        };
        let (tree, hub) = &*world;
        let (queue, _) = hub.subscribe(tree.interest(), Topic::All, 100).unwrap();
        tree.settle(&pin());
        let found = tree.get(&pin(), key(4).hash(), order(key(4))).is_some();
        writer.join().unwrap();
        let mut events = Events::default();
        hub.drain(queue, &mut events, None);
        assert!(found || !events.is_empty(), "it is told, or is read");
    });
}
