//! Models of the index: the shipping code, with lines of two slots and segments of two buckets.
//!
//! Buckets are chosen by the top bit while a segment has two (`A`, `B`), and so are segments once
//! there are two of them. Every model ends by looking at what is left, in all ways there are.

use std::sync::Arc;

use loom::thread;

use super::loom_support::{Body, Entry, Key, model};
use crate::platform::wake::Wake;
use crate::raw::hash::{Change, Index, Refused};
use crate::raw::reclaim::{Pin, pin};
use crate::raw::watch::Hub;

pub(super) type Shared = Arc<Index<Entry>>;

/// Keys of the lower half; the second goes to the slot that may become a link.
pub(super) const A: [Key; 3] = [Key::new(0x1, 0, 11), Key::new(0x2, 1, 12), Key::new(0x3, 0, 13)];
/// Keys of the upper half.
pub(super) const B: [Key; 3] = [Key::new(0x8, 0, 21), Key::new(0x9, 1, 22), Key::new(0xa, 0, 23)];

pub(super) fn is(key: Key) -> impl Fn(&Body) -> bool + Copy {
    move |entry| entry.key() == key
}

pub(super) fn get(index: &Index<Entry>, key: Key) -> Option<u32> {
    index.get(&pin(), key.hash(), is(key)).map(Body::value)
}

/// The old value.
pub(super) fn put(index: &Index<Entry>, key: Key, value: u32) -> Result<Option<u32>, Refused> {
    let change = |old: Option<&Body>| (Change::Put(Entry::new(key, value)), old.map(Body::value));
    index.write(&pin(), key.hash(), is(key), change, |_, _, _| Wake::default())
}

pub(super) fn add_one(index: &Index<Entry>, key: Key) {
    let change = |old: Option<&Body>| {
        (Change::Put(Entry::new(key, old.map_or(1, |old| old.value() + 1))), ())
    };
    index.write(&pin(), key.hash(), is(key), change, |_, _, _| Wake::default()).unwrap();
}

fn delete(index: &Index<Entry>, key: Key) -> Option<u32> {
    let change = |old: Option<&Body>| (Change::Remove, old.map(Body::value));
    index.write(&pin(), key.hash(), is(key), change, |_, _, _| Wake::default()).unwrap()
}

pub(super) fn put_all(index: &Index<Entry>, keys: &[Key], value: u32) -> Result<(), Refused> {
    let hashes: Vec<u64> = keys.iter().map(|key| key.hash()).collect();
    index.batch(
        &pin(),
        &hashes,
        |batch| {
            keys.iter().for_each(|key| batch.put(key.hash(), is(*key), Entry::new(*key, value)));
            Ok(())
        },
        |_, _| Wake::default(),
    )
}

pub(super) fn scan(index: &Index<Entry>, pin: &Pin) -> Vec<(Key, u32)> {
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
pub(super) fn index(keys: &[Key]) -> Shared {
    let index = Index::new().unwrap();
    for key in keys {
        put(&index, *key, 0).unwrap();
    }
    Arc::new(index)
}

/// An index of two buckets.
pub(super) fn two_buckets(keys: &[Key]) -> Shared {
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
pub(super) fn left(index: &Index<Entry>) -> Vec<(Key, u32)> {
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

pub(super) fn spawn(
    index: &Shared,
    run: impl FnOnce(&Index<Entry>) + 'static,
) -> thread::JoinHandle<()> {
    let index = Arc::clone(index);
    thread::spawn(move || run(&index))
}

/// Whether a value seen first and one seen later can be, if a key takes these in this order.
fn in_order(states: &[Option<u32>], seen: [Option<u32>; 2]) -> bool {
    let first = states.iter().position(|state| *state == seen[0]);
    let later = states.iter().rposition(|state| *state == seen[1]);
    first.is_some_and(|first| later.is_some_and(|later| first <= later))
}

// One bucket.

#[test]
fn loom_put_against_get() {
    model("put against get", || {
        let index = index(&[]);
        let writer = spawn(&index, |index| assert_eq!(put(index, A[0], 7), Ok(None)));
        let seen = [get(&index, A[0]), get(&index, A[0])];
        assert!(in_order(&[None, Some(7)], seen), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 7)]);
    });
}

/// Scans look at slots, gets at tags first: neither knows what the other has yet to learn.
#[test]
fn loom_put_against_scan_and_get() {
    model("put against scan and get", || {
        let index = index(&[]);
        let writer = spawn(&index, |index| assert_eq!(put(index, A[0], 7), Ok(None)));
        let seen = scan(&index, &pin());
        let later = get(&index, A[0]);
        assert!(seen.is_empty() || later == Some(7), "{seen:?}, then {later:?}");
        writer.join().unwrap();
    });
}

#[test]
fn loom_delete_against_get_and_scan() {
    model("delete against get and scan", || {
        let index = index(&[A[0]]);
        let writer = spawn(&index, |index| assert_eq!(delete(index, A[0]), Some(0)));
        let seen = get(&index, A[0]);
        let later = scan(&index, &pin());
        assert!(seen == Some(0) || later.is_empty(), "{seen:?}, then {later:?}");
        writer.join().unwrap();
    });
}

#[test]
fn loom_replace_against_get() {
    model("replace against get", || {
        let index = index(&[A[0]]);
        let writer = spawn(&index, |index| {
            assert_eq!(put(index, A[0], 1), Ok(Some(0)));
            assert_eq!(put(index, A[0], 2), Ok(Some(1)));
        });
        let seen = [get(&index, A[0]), get(&index, A[0])];
        assert!(in_order(&[Some(0), Some(1), Some(2)], seen), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 2)]);
    });
}

#[test]
fn loom_delete_against_get() {
    model("delete against get", || {
        let index = index(&[A[0], A[1]]);
        let writer = spawn(&index, |index| assert_eq!(delete(index, A[0]), Some(0)));
        let seen = [get(&index, A[0]), get(&index, A[0])];
        assert!(in_order(&[Some(0), None], seen), "{seen:?}");
        assert_eq!(get(&index, A[1]), Some(0));
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[1], 0)]);
    });
}

/// What a reader has found stays, whatever becomes of it, until he lets go of it.
#[test]
fn loom_writes_against_a_held_entry() {
    model("writes against a held entry", || {
        let index = index(&[A[0]]);
        let writer = spawn(&index, |index| {
            put(index, A[0], 1).unwrap();
            delete(index, A[0]);
        });
        {
            let pin = pin();
            let first = index.get(&pin, A[0].hash(), is(A[0]));
            let later = index.get(&pin, A[0].hash(), is(A[0]));
            let seen = [first.map(Body::value), later.map(Body::value)];
            assert!(in_order(&[Some(0), Some(1), None], seen), "{seen:?}");
        }
        writer.join().unwrap();
        assert_eq!(left(&index), []);
    });
}

/// The slot and the tag of a deleted entry are used again at once.
#[test]
fn loom_slot_reuse_against_get() {
    model("slot reuse against get", || {
        let (old, new) = (A[0], A[0].twin());
        let index = index(&[old]);
        let writer = spawn(&index, move |index| {
            delete(index, old);
            put(index, new, 1).unwrap();
        });
        let (of_new, of_old) = (get(&index, new), get(&index, old));
        assert!(of_new.is_none() || of_old.is_none(), "the old one went before the new one came");
        assert!(matches!((of_new, of_old), (None | Some(1), None | Some(0))));
        let again = get(&index, new);
        assert!(in_order(&[None, Some(1)], [of_new, again]), "{of_new:?}, then {again:?}");
        writer.join().unwrap();
        assert_eq!((get(&index, old), get(&index, new)), (None, Some(1)));
    });
}

/// A key comes back in another slot, because its own was taken meanwhile.
#[test]
fn loom_return_in_another_slot_against_get() {
    model("return in another slot against get", || {
        let index = index(&[A[0]]);
        let writer = spawn(&index, |index| {
            delete(index, A[0]);
            put(index, A[2], 1).unwrap();
            put(index, A[0], 1).unwrap();
        });
        let seen = [get(&index, A[0]), get(&index, A[0])];
        assert!(in_order(&[Some(0), None, Some(1)], seen), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 1), (A[2], 1)]);
    });
}

#[test]
fn loom_two_writers_of_a_bucket() {
    model("two writers of a bucket", || {
        let index = index(&[]);
        let writer = spawn(&index, |index| {
            add_one(index, A[0]);
            put(index, A[1], 1).unwrap();
        });
        add_one(&index, A[0]);
        delete(&index, A[1]);
        writer.join().unwrap();
        assert_eq!(get(&index, A[0]), Some(2), "no update is lost");
        left(&index);
    });
}

// A bucket's further lines.

/// The entry of the last slot moves behind a link.
#[test]
fn loom_extend_against_get() {
    model("extend against get", || {
        let index = two_buckets(&[A[0], A[1]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, A[2], 1), Ok(None)));
        assert_eq!(get(&index, A[1]), Some(0), "it is there throughout");
        let seen = [get(&index, A[2]), get(&index, A[2])];
        assert!(in_order(&[None, Some(1)], seen), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (A[1], 0), (A[2], 1)]);
    });
}

#[test]
fn loom_extend_against_scan() {
    model("extend against scan", || {
        let index = two_buckets(&[A[0], A[1]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, A[2], 1), Ok(None)));
        let mut seen = scan(&index, &pin());
        seen.retain(|entry| *entry != (A[2], 1));
        seen.sort_unstable();
        assert_eq!(seen, [(A[0], 0), (A[1], 0)], "what stays is met once");
        writer.join().unwrap();
        left(&index);
    });
}

/// The last entry behind a link goes, and the line with it.
#[test]
fn loom_unlink_against_get() {
    model("unlink against get", || {
        let index = two_buckets(&A);
        delete(&index, A[1]);
        let writer = spawn(&index, |index| assert_eq!(delete(index, A[2]), Some(0)));
        let seen = [get(&index, A[2]), get(&index, A[2])];
        assert!(in_order(&[Some(0), None], seen), "{seen:?}");
        assert_eq!(get(&index, A[0]), Some(0), "it is there throughout");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0)]);
    });
}

/// The line goes, the slot of the link takes an entry, which moves behind a new link.
#[test]
fn loom_unlink_and_extend_against_get() {
    model("unlink and extend against get", || {
        let index = two_buckets(&A);
        delete(&index, A[1]);
        let writer = spawn(&index, |index| {
            delete(index, A[2]);
            put(index, A[1], 1).unwrap();
            put(index, A[2], 1).unwrap();
        });
        let seen = [get(&index, A[1]), get(&index, A[1])];
        assert!(in_order(&[None, Some(1)], seen), "{seen:?}");
        let seen = [get(&index, A[2]), get(&index, A[2])];
        assert!(in_order(&[Some(0), None, Some(1)], seen), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (A[1], 1), (A[2], 1)]);
    });
}

#[test]
fn loom_unlink_against_put() {
    model("unlink against put", || {
        let index = two_buckets(&A);
        delete(&index, A[1]);
        let writer = spawn(&index, |index| assert_eq!(delete(index, A[2]), Some(0)));
        assert_eq!(put(&index, A[1], 1), Ok(None));
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (A[1], 1)]);
    });
}

// Growing and shrinking.

/// The only segment doubles its buckets.
#[test]
fn loom_doubling_against_get() {
    model("doubling against get", || {
        let index = index(&[A[0], B[0]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, A[1], 1), Ok(None)));
        assert_eq!(get(&index, B[0]), Some(0));
        let seen = [get(&index, A[1]), get(&index, A[1])];
        assert!(in_order(&[None, Some(1)], seen), "{seen:?}");
        assert_eq!(get(&index, A[0]), Some(0));
        writer.join().unwrap();
        assert_eq!(index.buckets(&pin()), 2);
        assert_eq!(left(&index), [(A[0], 0), (A[1], 1), (B[0], 0)]);
    });
}

/// Who sees a write to the new segment sees what was in the old one, and no less.
#[test]
fn loom_doubling_and_replace_against_get() {
    model("doubling and replace against get", || {
        let index = index(&[A[0], B[0]]);
        let writer = spawn(&index, |index| {
            put(index, A[1], 1).unwrap();
            put(index, B[0], 1).unwrap();
        });
        let (replaced, put) = (get(&index, B[0]), get(&index, A[1]));
        assert!(replaced == Some(0) || put == Some(1), "{replaced:?}, then {put:?}");
        writer.join().unwrap();
    });
}

/// Two writers and a reader.
#[test]
fn loom_doubling_against_put_and_get() {
    model("doubling against put and get", || {
        let index = index(&[A[0], B[0]]);
        let grower = spawn(&index, |index| assert_eq!(put(index, A[1], 1), Ok(None)));
        let writer = spawn(&index, |index| assert_eq!(put(index, B[0], 1), Ok(Some(0))));
        let seen = [get(&index, B[0]), get(&index, B[0])];
        assert!(in_order(&[Some(0), Some(1)], seen), "{seen:?}");
        grower.join().unwrap();
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (A[1], 1), (B[0], 1)]);
    });
}

#[test]
fn loom_doubling_against_put() {
    model("doubling against put", || {
        let index = index(&[A[0], B[0]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, A[1], 1), Ok(None)));
        assert_eq!(put(&index, B[0], 1), Ok(Some(0)));
        assert_eq!(put(&index, B[1], 1), Ok(None));
        assert_eq!(get(&index, B[1]), Some(1), "a thread sees what it has written");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (A[1], 1), (B[0], 1), (B[1], 1)]);
    });
}

#[test]
fn loom_doubling_against_delete() {
    model("doubling against delete", || {
        let index = index(&[A[0], B[0]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, A[1], 1), Ok(None)));
        assert_eq!(delete(&index, B[0]), Some(0));
        assert_eq!(get(&index, B[0]), None);
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (A[1], 1)]);
    });
}

#[test]
fn loom_doubling_against_scan() {
    model("doubling against scan", || {
        let index = index(&[A[0], B[0]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, A[1], 1), Ok(None)));
        let mut seen = scan(&index, &pin());
        seen.retain(|entry| *entry != (A[1], 1));
        seen.sort_unstable();
        assert_eq!(seen, [(A[0], 0), (B[0], 0)], "what stays is met once");
        writer.join().unwrap();
        left(&index);
    });
}

/// A segment splits in two, and the directory doubles.
#[test]
fn loom_split_against_get() {
    model("split against get", || {
        let index = two_buckets(&[A[0], A[1], B[0], B[1]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, B[2], 1), Ok(None)));
        assert_eq!(get(&index, B[1]), Some(0));
        let seen = [get(&index, B[2]), get(&index, B[2])];
        assert!(in_order(&[None, Some(1)], seen), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(index.buckets(&pin()), 4);
        assert_eq!(left(&index).len(), 5);
    });
}

#[test]
fn loom_split_against_put() {
    model("split against put", || {
        let index = two_buckets(&[A[0], A[1], B[0], B[1]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, B[2], 1), Ok(None)));
        assert_eq!(put(&index, A[0], 1), Ok(Some(0)));
        assert_eq!(get(&index, A[0]), Some(1));
        writer.join().unwrap();
        let expected = [(A[0], 1), (A[1], 0), (B[0], 0), (B[1], 0), (B[2], 1)];
        assert_eq!(left(&index), expected);
    });
}

#[test]
fn loom_split_against_scan() {
    model("split against scan", || {
        let index = two_buckets(&[A[0], A[1], B[0], B[1]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, B[2], 1), Ok(None)));
        let mut seen = scan(&index, &pin());
        seen.retain(|entry| *entry != (B[2], 1));
        seen.sort_unstable();
        assert_eq!(seen, [(A[0], 0), (A[1], 0), (B[0], 0), (B[1], 0)], "what stays is met once");
        writer.join().unwrap();
        left(&index);
    });
}

#[test]
fn loom_split_against_steps() {
    model("split against steps", || {
        let index = two_buckets(&[A[0], A[1], B[0], B[1]]);
        let writer = spawn(&index, |index| assert_eq!(put(index, B[2], 1), Ok(None)));
        let mut seen = steps(&index);
        seen.retain(|entry| *entry != (B[2], 1));
        seen.sort_unstable();
        assert_eq!(seen, [(A[0], 0), (A[1], 0), (B[0], 0), (B[1], 0)], "what stays is met once");
        writer.join().unwrap();
        left(&index);
    });
}

/// Two segments, with one entry each.
fn two_segments() -> Shared {
    let index = two_buckets(&[A[0], A[1], B[0], B[1]]);
    put(&index, B[2], 0).unwrap();
    assert_eq!(index.buckets(&pin()), 4);
    for key in [A[1], B[1], B[2]] {
        delete(&index, key);
    }
    assert_eq!(index.buckets(&pin()), 4);
    index
}

/// Two segments become one, and the directory is halved.
#[test]
fn loom_merge_against_get() {
    model("merge against get", || {
        let index = two_segments();
        let writer = spawn(&index, |index| assert_eq!(delete(index, B[0]), Some(0)));
        assert_eq!(get(&index, A[0]), Some(0));
        let seen = [get(&index, B[0]), get(&index, B[0])];
        assert!(in_order(&[Some(0), None], seen), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(index.buckets(&pin()), 2);
        assert_eq!(left(&index), [(A[0], 0)]);
    });
}

#[test]
fn loom_merge_against_put() {
    model("merge against put", || {
        let index = two_segments();
        let writer = spawn(&index, |index| assert_eq!(delete(index, B[0]), Some(0)));
        assert_eq!(put(&index, A[0], 1), Ok(Some(0)));
        assert_eq!(put(&index, B[1], 1), Ok(None));
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 1), (B[1], 1)]);
    });
}

#[test]
fn loom_merge_against_scan() {
    model("merge against scan", || {
        let index = two_segments();
        let writer = spawn(&index, |index| assert_eq!(delete(index, B[0]), Some(0)));
        let mut seen = scan(&index, &pin());
        seen.retain(|entry| *entry != (B[0], 0));
        assert_eq!(seen, [(A[0], 0)], "what stays is met once");
        writer.join().unwrap();
        left(&index);
    });
}

/// Two neighbours become empty at once, and all that is left is one bucket.
#[test]
fn loom_merge_against_merge() {
    model("merge against merge", || {
        let index = two_segments();
        let writer = spawn(&index, |index| assert_eq!(delete(index, B[0]), Some(0)));
        assert_eq!(delete(&index, A[0]), Some(0));
        writer.join().unwrap();
        assert_eq!(left(&index), []);
        assert_eq!(index.buckets(&pin()), 1, "an emptied index gives its memory back");
    });
}

/// The only segment halves its buckets while one of them takes an entry.
#[test]
fn loom_halving_against_put() {
    model("halving against put", || {
        let index = two_buckets(&[A[0]]);
        let writer = spawn(&index, |index| assert_eq!(delete(index, A[0]), Some(0)));
        assert_eq!(put(&index, B[0], 1), Ok(None));
        assert_eq!(get(&index, B[0]), Some(1));
        writer.join().unwrap();
        assert_eq!(left(&index), [(B[0], 1)]);
    });
}

// Clearing and closing.

#[test]
fn loom_clear_against_get() {
    model("clear against get", || {
        let index = index(&[A[0], A[1]]);
        let writer = spawn(&index, |index| assert_eq!(index.clear(&pin(), &Hub::new(), ()), Ok(2)));
        let seen = [get(&index, A[0]), get(&index, A[1])];
        assert!(in_order(&[Some(0), None], seen), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), []);
    });
}

#[test]
fn loom_clear_against_scan() {
    model("clear against scan", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| assert_eq!(index.clear(&pin(), &Hub::new(), ()), Ok(2)));
        let seen = scan(&index, &pin());
        assert!([(A[0], 0), (B[0], 0)].starts_with(&seen), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), []);
    });
}

#[test]
fn loom_clear_against_put() {
    model("clear against put", || {
        let index = index(&[A[0]]);
        let writer = spawn(&index, |index| index.clear(&pin(), &Hub::new(), ()).map(drop).unwrap());
        put(&index, A[1], 1).unwrap();
        let replaced = put(&index, A[0], 1).unwrap();
        let seen = get(&index, A[0]);
        assert!(matches!(seen, None | Some(1)), "the old value is gone, {seen:?}");
        writer.join().unwrap();
        let left = left(&index);
        match replaced {
            None => assert!(left.contains(&(A[0], 1)), "it came after the clearing"),
            Some(_) => assert!(left.is_empty() || left == [(A[0], 1)], "{left:?}"),
        }
    });
}

/// What is put after the clearing is seen by nobody who still sees what was cleared.
#[test]
fn loom_clear_and_put_against_gets() {
    model("clear and put against gets", || {
        let index = index(&[A[0]]);
        let writer = spawn(&index, |index| {
            index.clear(&pin(), &Hub::new(), ()).unwrap();
            put(index, A[1], 1).unwrap();
        });
        let (new, old) = (get(&index, A[1]), get(&index, A[0]));
        assert!(new.is_none() || old.is_none(), "{new:?}, then {old:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[1], 1)]);
    });
}

#[test]
fn loom_clear_against_doubling() {
    model("clear against doubling", || {
        let index = index(&[A[0], B[0]]);
        let writer = spawn(&index, |index| index.clear(&pin(), &Hub::new(), ()).map(drop).unwrap());
        put(&index, A[1], 1).unwrap();
        writer.join().unwrap();
        let left = left(&index);
        assert!(left.is_empty() || left == [(A[1], 1)], "{left:?}");
    });
}

#[test]
fn loom_clear_against_batch() {
    model("clear against batch", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| index.clear(&pin(), &Hub::new(), ()).map(drop).unwrap());
        put_all(&index, &[A[0], B[0]], 1).unwrap();
        writer.join().unwrap();
        let left = left(&index);
        assert!(left.is_empty() || left == [(A[0], 1), (B[0], 1)], "{left:?}");
    });
}

#[test]
fn loom_close_against_write() {
    model("close against write", || {
        let index = index(&[A[0]]);
        let writer = spawn(&index, |index| index.close(&pin(), &Hub::new(), ()).map(drop).unwrap());
        let first = put(&index, A[0], 1);
        let later = put(&index, A[1], 1);
        assert!(matches!(first, Ok(Some(0)) | Err(Refused::Closed)), "{first:?}");
        assert!(first.is_ok() || later.is_err(), "closed stays closed");
        writer.join().unwrap();
        assert_eq!(put(&index, A[2], 1), Err(Refused::Closed));
        assert_eq!(index.close(&pin(), &Hub::new(), ()), Err(Refused::Closed));
        assert_eq!(left(&index), []);
    });
}

#[test]
fn loom_close_against_batch() {
    model("close against batch", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| index.close(&pin(), &Hub::new(), ()).map(drop).unwrap());
        let done = put_all(&index, &[A[0], B[0]], 1);
        assert!(matches!(done, Ok(()) | Err(Refused::Closed)), "{done:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), []);
    });
}
