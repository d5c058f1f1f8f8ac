//! Models of batches in the hash index: see [`loom_hash`](super::loom_hash), whose keys and helpers
//! these are.

use super::loom_hash::{
    A, B, add_one, get, index, is, left, put, put_all, scan, spawn, two_buckets,
};
use super::loom_support::{Body, Entry, Key, model};
use crate::platform::wake::Wake;
use crate::raw::hash::{Index, Refused};
use crate::raw::reclaim::pin;

/// Puts some keys and takes others out, in one batch; takes it all back if `fail`.
fn put_and_remove(index: &Index<Entry>, put: &[Key], gone: &[Key], fail: bool) {
    let mut hashes: Vec<u64> = put.iter().chain(gone).map(|key| key.hash()).collect();
    hashes.sort_unstable();
    let result = index.batch(
        &pin(),
        &hashes,
        |batch| {
            for key in gone {
                let found = batch.find(key.hash(), is(*key));
                batch.remove_at(found);
            }
            for key in put {
                batch.put(key.hash(), is(*key), Entry::new(*key, 1));
            }
            if fail { Err(Refused::NoMemory) } else { Ok(()) }
        },
        |_, _| Wake::default(),
    );
    assert_eq!(result.is_err(), fail);
}

/// Adds one to two keys, in one batch.
fn add_one_to_both(index: &Index<Entry>, keys: [Key; 2]) {
    let hashes = keys.map(Key::hash);
    let result: Result<(), Refused> = index.batch(
        &pin(),
        &hashes,
        |batch| {
            for key in &keys {
                let old = batch.get(key.hash(), is(*key)).map_or(0, Body::value);
                batch.put(key.hash(), is(*key), Entry::new(*key, old + 1));
            }
            Ok(())
        },
        |_, _| Wake::default(),
    );
    assert_eq!(result, Ok(()));
}

fn put_all_and_fail(index: &Index<Entry>, keys: &[Key]) {
    let hashes: Vec<u64> = keys.iter().map(|key| key.hash()).collect();
    let result: Result<(), Refused> = index.batch(
        &pin(),
        &hashes,
        |batch| {
            for key in keys {
                batch.put(key.hash(), is(*key), Entry::new(*key, 99));
            }
            Err(Refused::NoMemory)
        },
        |_, _| Wake::default(),
    );
    assert_eq!(result, Err(Refused::NoMemory));
}

/// What a reader of two keys may see, if both change from 0 to 1 in one instant.
fn whole(first: Option<u32>, later: Option<u32>) -> bool {
    matches!((first, later), (Some(0), Some(0 | 1)) | (Some(1), Some(1)))
}

#[test]
fn loom_batch_against_two_gets() {
    model("batch against two gets", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| put_all(index, &[A[0], B[0]], 1).unwrap());
        let (b, a) = (get(&index, B[0]), get(&index, A[0]));
        assert!(whole(b, a), "the upper is {b:?}, then the lower {a:?}");
        let again = get(&index, B[0]);
        assert!(whole(a, again), "the lower is {a:?}, then the upper {again:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 1), (B[0], 1)]);
    });
}

/// One of the keys is new, and comes with a new line.
#[test]
fn loom_batch_with_a_new_key_against_two_gets() {
    model("batch with a new key against two gets", || {
        let index = two_buckets(&[A[0], A[1]]);
        let writer = spawn(&index, |index| put_all(index, &[A[1], A[2]], 1).unwrap());
        let (new, old) = (get(&index, A[2]), get(&index, A[1]));
        assert!(matches!((new, old), (None, Some(0 | 1)) | (Some(1), Some(1))), "{new:?}, {old:?}");
        let again = get(&index, A[2]);
        assert!(old == Some(0) || again == Some(1), "{old:?}, then {again:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (A[1], 1), (A[2], 1)]);
    });
}

#[test]
fn loom_batch_against_scan() {
    model("batch against scan", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| put_all(index, &[A[0], B[0]], 1).unwrap());
        let seen = scan(&index, &pin());
        let [(a, first), (b, later)] = seen[..] else { panic!("both are there: {seen:?}") };
        assert!((a, b) == (A[0], B[0]) && whole(Some(first), Some(later)), "{seen:?}");
        writer.join().unwrap();
        left(&index);
    });
}

#[test]
fn loom_batch_that_removes_against_two_gets() {
    model("batch that removes against two gets", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| put_and_remove(index, &[A[0]], &[B[0]], false));
        let (b, a) = (get(&index, B[0]), get(&index, A[0]));
        assert!(b.is_some() || a == Some(1), "the upper is {b:?}, then the lower {a:?}");
        let again = get(&index, B[0]);
        assert!(a == Some(0) || again.is_none(), "the lower is {a:?}, then the upper {again:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 1)]);
    });
}

#[test]
fn loom_batch_that_removes_against_scan() {
    model("batch that removes against scan", || {
        let index = two_buckets(&[A[0], A[1]]);
        let writer = spawn(&index, |index| put_and_remove(index, &[B[0]], &[A[1]], false));
        let seen = scan(&index, &pin());
        let before = seen.contains(&(A[1], 0));
        assert!(seen.contains(&(A[0], 0)), "{seen:?}");
        assert!(before || seen.contains(&(B[0], 1)), "the later is there at last: {seen:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (B[0], 1)]);
    });
}

/// The bucket has two lines, of which the batch empties the second.
#[test]
fn loom_batch_that_unlinks_against_get() {
    model("batch that unlinks against get", || {
        let index = index(&[]);
        put_all(&index, &[A[0], A[0].twin(), A[1], A[1].twin()], 0).unwrap();
        let gone = [A[1], A[1].twin()];
        let writer = spawn(&index, move |index| put_and_remove(index, &[A[0]], &gone, false));
        let (one, other) = (get(&index, A[1]), get(&index, A[1].twin()));
        assert!(one.is_some() || other.is_none(), "{one:?}, then {other:?}");
        let kept = get(&index, A[0]);
        assert!(other.is_some() || kept == Some(1), "{other:?}, then {kept:?}");
        writer.join().unwrap();
        assert_eq!(get(&index, A[0].twin()), Some(0));
        assert_eq!(index.weight(&pin()).items, 2);
    });
}

#[test]
fn loom_batch_that_removes_against_write() {
    model("batch that removes against write", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| put_and_remove(index, &[A[0]], &[B[0]], false));
        let before = put(&index, B[0], 2).unwrap();
        let a = get(&index, A[0]);
        assert!(before.is_some() || a == Some(1), "the write saw the batch, so does the read");
        writer.join().unwrap();
        let both: &[(Key, u32)] = &[(A[0], 1), (B[0], 2)];
        assert_eq!(left(&index), if before.is_some() { &both[..1] } else { both });
    });
}

#[test]
fn loom_failed_batch_that_removes_against_get() {
    model("failed batch that removes against get", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| put_and_remove(index, &[A[0], A[1]], &[B[0]], true));
        assert_eq!(get(&index, B[0]), Some(0));
        assert_eq!(get(&index, A[0]), Some(0));
        assert_eq!(get(&index, A[1]), None);
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (B[0], 0)]);
    });
}

/// What is read and written in a batch is not changed by others between.
#[test]
fn loom_batches_that_count() {
    model("batches that count against a count", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| add_one_to_both(index, [A[0], B[0]]));
        add_one(&index, B[0]);
        let (a, b) = (get(&index, A[0]), get(&index, B[0]));
        assert!(a == Some(0) || b == Some(2), "{a:?}, then {b:?}");
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 1), (B[0], 2)]);
    });
}

#[test]
fn loom_failed_batch_against_get() {
    model("failed batch against get", || {
        let index = two_buckets(&[A[0], A[1]]);
        let writer = spawn(&index, |index| put_all_and_fail(index, &[A[1], A[2], B[0]]));
        assert_eq!(get(&index, A[1]), Some(0));
        assert_eq!(get(&index, A[2]), None);
        assert_eq!(get(&index, B[0]), None);
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 0), (A[1], 0)]);
    });
}

#[test]
fn loom_batch_against_write() {
    model("batch against write", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| put_all(index, &[A[0], B[0]], 1).unwrap());
        let before = put(&index, B[0], 2).unwrap();
        let a = get(&index, A[0]);
        assert!(before == Some(0) || a == Some(1), "the write saw the batch, so does the read");
        writer.join().unwrap();
        let b = if before == Some(0) { 1 } else { 2 };
        assert_eq!(left(&index), [(A[0], 1), (B[0], b)]);
    });
}

#[test]
fn loom_batch_against_batch() {
    model("batch against batch", || {
        let index = two_buckets(&[A[0], B[0]]);
        let writer = spawn(&index, |index| put_all(index, &[A[0], B[0]], 1).unwrap());
        put_all(&index, &[A[0], B[0]], 2).unwrap();
        writer.join().unwrap();
        let left = left(&index);
        assert!(left == [(A[0], 1), (B[0], 1)] || left == [(A[0], 2), (B[0], 2)], "{left:?}");
    });
}

/// The batch needs a bucket while its segment is replaced.
#[test]
fn loom_batch_against_doubling() {
    model("batch against doubling", || {
        let index = index(&[A[0], B[0]]);
        let writer = spawn(&index, |index| put_all(index, &[A[0], B[0]], 1).unwrap());
        assert_eq!(put(&index, A[1], 1), Ok(None));
        writer.join().unwrap();
        assert_eq!(left(&index), [(A[0], 1), (A[1], 1), (B[0], 1)]);
    });
}

/// Both make room in the same segment.
#[test]
fn loom_batches_that_make_room() {
    model("batches that make room", || {
        let index = index(&[A[0]]);
        let writer = spawn(&index, |index| put_all(index, &[A[1], B[0]], 1).unwrap());
        put_all(&index, &[A[2], B[0]], 2).unwrap();
        writer.join().unwrap();
        assert_eq!(left(&index).len(), 4);
    });
}
