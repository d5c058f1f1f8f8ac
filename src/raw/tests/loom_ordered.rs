//! Models of the tree: the shipping code, with nodes of three slots.
//!
//! Keys come in two forms: *exact* ones, with a head each, and *rough* ones, four to a head, for
//! which entries are compared. Every model ends by looking at what is left, in all ways there are.

use std::cmp::Ordering as Order;
use std::sync::Arc;

use loom::thread;

use super::loom_support::{Body, Entry, Key, model};
use crate::raw::ordered::{EXACT, Limit, Tree, Walk};
use crate::raw::reclaim::{Pin, pin};
use crate::raw::watch::{Hub, Wake};
use crate::raw::{Change, Refused};

type Shared = Arc<Tree<Entry>>;

/// Key number `n`, from 1 to 15, with a head of its own.
const fn exact(n: u64) -> Key {
    Key::new(n, 0, EXACT as u8)
}

/// The same, with a head that it shares with its neighbours.
const fn rough(n: u64) -> Key {
    Key::new(n, 0, 0)
}

const EXACT_KEYS: [Key; 7] = [exact(1), exact(2), exact(3), exact(4), exact(5), exact(6), exact(7)];
const ROUGH_KEYS: [Key; 7] = [rough(1), rough(2), rough(3), rough(4), rough(5), rough(6), rough(7)];

fn head(key: Key) -> u64 {
    if key.hash() & EXACT != 0 { key.hash() } else { key.hash() >> 62 << 62 }
}

fn order(key: Key) -> impl Fn(&Body) -> Order {
    move |entry| entry.key().cmp(&key)
}

fn compare(a: &Body, b: &Body) -> Order {
    a.key().cmp(&b.key())
}

fn get(tree: &Tree<Entry>, key: Key) -> Option<u32> {
    tree.get(&pin(), head(key), order(key)).map(Body::value)
}

/// The old value.
fn put(tree: &Tree<Entry>, key: Key, value: u32) -> Result<Option<u32>, Refused> {
    let change = |old: Option<&Body>| (Change::Put(Entry::new(key, value)), old.map(Body::value));
    tree.write(&pin(), head(key), order(key), change, |_, _, _| Wake::default())
}

fn delete(tree: &Tree<Entry>, key: Key) -> Option<u32> {
    let change = |old: Option<&Body>| (Change::Remove, old.map(Body::value));
    tree.write(&pin(), head(key), order(key), change, |_, _, _| Wake::default()).unwrap()
}

fn put_all(tree: &Tree<Entry>, keys: &[Key], value: u32, fail: bool) {
    let result: Result<(), Refused> = tree.batch(
        &pin(),
        keys,
        |key| head(*key),
        |key, entry| order(*key)(entry),
        |batch| {
            for key in keys {
                batch.put(head(*key), order(*key), Entry::new(*key, value))?;
            }
            if fail { Err(Refused::NoMemory) } else { Ok(()) }
        },
        |_, _| Wake::default(),
    );
    assert_eq!(result.is_err(), fail);
}

/// Puts a key and takes another out, in one batch; `keys` are in ascending order.
fn put_and_remove(tree: &Tree<Entry>, keys: &[Key], put: Key, gone: Key, fail: bool) {
    let result: Result<(), Refused> = tree.batch(
        &pin(),
        keys,
        |key| head(*key),
        |key, entry| order(*key)(entry),
        |batch| {
            batch.remove(head(gone), order(gone));
            batch.put(head(put), order(put), Entry::new(put, 1))?;
            if fail { Err(Refused::NoMemory) } else { Ok(()) }
        },
        |_, _| Wake::default(),
    );
    assert_eq!(result.is_err(), fail);
}

fn walk(tree: &Tree<Entry>, pin: &Pin, back: bool) -> Vec<(Key, u32)> {
    let end: Limit<fn(&Body) -> Order> = Limit::End;
    let walk = Walk { back, ..Walk::default() };
    let (mut pages, mut all) = (tree.pages(pin, &end, end.clone(), walk, compare), Vec::new());
    loop {
        let page = pages.entries().map(|entry| (entry.key(), entry.value()));
        if back {
            all.extend(page.rev());
        } else {
            all.extend(page);
        }
        if !pages.advance() {
            break;
        }
    }
    if back {
        all.reverse();
    }
    assert!(all.is_sorted_by(|a, b| a.0 < b.0), "in order, none twice: {all:?}");
    all
}

/// A tree with these keys, all with the value 0.
fn tree(keys: &[Key]) -> Shared {
    let tree = Tree::new().unwrap();
    for key in keys {
        put(&tree, *key, 0).unwrap();
    }
    Arc::new(tree)
}

/// What is left when all threads are done; all ways of looking must agree on it.
fn left(tree: &Tree<Entry>) -> Vec<(Key, u32)> {
    let pin = pin();
    let all = walk(tree, &pin, false);
    assert_eq!(all, walk(tree, &pin, true), "both directions agree");
    for key in EXACT_KEYS.into_iter().chain(ROUGH_KEYS) {
        let found = all.iter().find(|(held, _)| *held == key).map(|(_, value)| *value);
        assert_eq!(get(tree, key), found, "walking and getting agree");
    }
    assert_eq!(tree.weight(&pin).items, all.len(), "the totals are right");
    all
}

fn pairs(keys: &[Key], value: u32) -> Vec<(Key, u32)> {
    keys.iter().map(|key| (*key, value)).collect()
}

/// All of these keys are met by a walk, with these values.
fn meets(all: &[(Key, u32)], stable: &[Key]) {
    for key in stable {
        assert!(all.contains(&(*key, 0)), "{key:?} is missed: {all:?}");
    }
}

/// Runs two things at once, on a tree that others have filled.
fn race(
    keys: &[Key],
    one: impl FnOnce(&Tree<Entry>) + Send + 'static,
    other: impl FnOnce(&Tree<Entry>),
) -> Shared {
    let tree = tree(keys);
    let shared = Arc::clone(&tree);
    let thread = thread::spawn(move || one(&shared));
    other(&tree);
    thread.join().unwrap();
    tree
}

#[test]
fn loom_an_insert_moves_what_a_reader_looks_for() {
    for keys in [EXACT_KEYS, ROUGH_KEYS] {
        model("ordered: insert, get", move || {
            let tree = race(
                &[keys[0], keys[2]],
                move |tree| assert_eq!(put(tree, keys[1], 7), Ok(None)),
                |tree| {
                    assert_eq!(get(tree, keys[2]), Some(0));
                    assert!(matches!(get(tree, keys[1]), None | Some(7)));
                },
            );
            assert_eq!(left(&tree), [(keys[0], 0), (keys[1], 7), (keys[2], 0)]);
        });
    }
}

#[test]
fn loom_a_replaced_or_deleted_entry_is_freed_late() {
    model("ordered: replace, delete, get", || {
        let keys = EXACT_KEYS;
        let tree = race(
            &keys[..3],
            move |tree| {
                assert_eq!(put(tree, keys[1], 1), Ok(Some(0)));
                assert_eq!(delete(tree, keys[0]), Some(0));
            },
            |tree| {
                assert!(matches!(get(tree, keys[1]), Some(0 | 1)));
                assert_eq!(get(tree, keys[2]), Some(0));
            },
        );
        assert_eq!(left(&tree), [(keys[1], 1), (keys[2], 0)]);
    });
}

#[test]
fn loom_a_leaf_splits_below_a_reader() {
    for keys in [EXACT_KEYS, ROUGH_KEYS] {
        for new in [0, 1, 3] {
            model("ordered: split, get", move || {
                let old: Vec<Key> = (0..4).filter(|at| *at != new).map(|at| keys[at]).collect();
                let last = old[2];
                let tree = race(
                    &old,
                    move |tree| assert_eq!(put(tree, keys[new], 0), Ok(None)),
                    |tree| assert_eq!(get(tree, last), Some(0)),
                );
                assert_eq!(left(&tree), pairs(&keys[..4], 0));
            });
        }
    }
}

#[test]
fn loom_a_walk_meets_all_while_leaves_split() {
    for keys in [EXACT_KEYS, ROUGH_KEYS] {
        for back in [false, true] {
            model("ordered: split, walk", move || {
                let tree = race(
                    &[keys[0], keys[1], keys[3]],
                    move |tree| assert_eq!(put(tree, keys[2], 0), Ok(None)),
                    |tree| meets(&walk(tree, &pin(), back), &[keys[0], keys[1], keys[3]]),
                );
                assert_eq!(left(&tree), pairs(&keys[..4], 0));
            });
        }
    }
}

/// A tree of two leaves, the first of which holds one key, the third of these.
fn sparse(keys: &[Key]) -> Shared {
    let tree = tree(keys);
    assert_eq!(delete(&tree, keys[0]), Some(0));
    assert_eq!(delete(&tree, keys[1]), Some(0));
    tree
}

#[test]
fn loom_leaves_merge_below_a_reader() {
    model("ordered: merge to the left, get", || {
        let keys = EXACT_KEYS;
        let tree = sparse(&keys[..4]);
        let shared = Arc::clone(&tree);
        let thread = thread::spawn(move || assert_eq!(delete(&shared, keys[2]), Some(0)));
        assert_eq!(get(&tree, keys[3]), Some(0));
        thread.join().unwrap();
        assert_eq!(left(&tree), pairs(&keys[3..4], 0));
    });
    model("ordered: merge an empty leaf, get", || {
        let keys = ROUGH_KEYS;
        let tree = race(
            &keys[..4],
            move |tree| assert_eq!(delete(tree, keys[3]), Some(0)),
            |tree| assert_eq!(get(tree, keys[2]), Some(0)),
        );
        assert_eq!(left(&tree), pairs(&keys[..3], 0));
    });
}

#[test]
fn loom_a_walk_meets_all_while_leaves_merge() {
    for back in [false, true] {
        model("ordered: merge an empty leaf, walk", move || {
            let keys = EXACT_KEYS;
            let tree = race(
                &keys[..4],
                move |tree| assert_eq!(delete(tree, keys[3]), Some(0)),
                |tree| meets(&walk(tree, &pin(), back), &keys[..3]),
            );
            assert_eq!(left(&tree), pairs(&keys[..3], 0));
        });
    }
}

#[test]
fn loom_two_splits_at_once() {
    model("ordered: split, split", || {
        let keys = EXACT_KEYS;
        let tree = race(
            &[keys[0], keys[2], keys[4]],
            move |tree| assert_eq!(put(tree, keys[1], 0), Ok(None)),
            |tree| assert_eq!(put(tree, keys[3], 0), Ok(None)),
        );
        assert_eq!(left(&tree), pairs(&keys[..5], 0));
    });
}

#[test]
fn loom_a_split_and_a_merge() {
    model("ordered: split, merge", || {
        let keys = EXACT_KEYS;
        let tree = sparse(&[keys[0], keys[1], keys[2], keys[3], keys[4], keys[6]]);
        let shared = Arc::clone(&tree);
        let thread = thread::spawn(move || assert_eq!(delete(&shared, keys[2]), Some(0)));
        assert_eq!(put(&tree, keys[5], 0), Ok(None));
        thread.join().unwrap();
        assert_eq!(left(&tree), pairs(&keys[3..7], 0));
    });
}

#[test]
fn loom_a_batch_is_seen_whole() {
    for keys in [EXACT_KEYS, ROUGH_KEYS] {
        model("ordered: batch, two gets", move || {
            let tree = race(
                &[keys[0]],
                move |tree| put_all(tree, &keys[..2], 1, false),
                |tree| {
                    let (second, first) = (get(tree, keys[1]), get(tree, keys[0]));
                    assert!(second.is_none() || first == Some(1), "{second:?}, then {first:?}");
                },
            );
            assert_eq!(left(&tree), pairs(&keys[..2], 1));
        });
    }
}

#[test]
fn loom_a_batch_splits_a_leaf() {
    model("ordered: batch that splits, two gets", || {
        let keys = EXACT_KEYS;
        let tree = race(
            &keys[..3],
            move |tree| put_all(tree, &[keys[2], keys[3]], 1, false),
            |tree| {
                let (second, first) = (get(tree, keys[3]), get(tree, keys[2]));
                assert!(second.is_none() || first == Some(1), "{second:?}, then {first:?}");
            },
        );
        assert_eq!(left(&tree), [(keys[0], 0), (keys[1], 0), (keys[2], 1), (keys[3], 1)]);
    });
}

#[test]
fn loom_a_page_shows_a_batch_whole() {
    model("ordered: batch, walk", || {
        let keys = EXACT_KEYS;
        let tree = race(
            &keys[..1],
            move |tree| put_all(tree, &keys[..2], 1, false),
            |tree| {
                let seen = walk(tree, &pin(), false);
                assert!(seen == pairs(&keys[..1], 0) || seen == pairs(&keys[..2], 1), "{seen:?}");
            },
        );
        assert_eq!(left(&tree), pairs(&keys[..2], 1));
    });
}

#[test]
fn loom_a_batch_that_removes_is_seen_whole() {
    for keys in [EXACT_KEYS, ROUGH_KEYS] {
        model("ordered: batch that removes, two gets", move || {
            let tree = race(
                &keys[..2],
                move |tree| put_and_remove(tree, &keys[..2], keys[1], keys[0], false),
                |tree| {
                    let (gone, put) = (get(tree, keys[0]), get(tree, keys[1]));
                    assert!(gone.is_some() || put == Some(1), "{gone:?}, then {put:?}");
                },
            );
            assert_eq!(left(&tree), pairs(&keys[1..2], 1));
        });
    }
}

#[test]
fn loom_a_page_shows_a_batch_that_removes_whole() {
    model("ordered: batch that removes, walk", || {
        let keys = EXACT_KEYS;
        let tree = race(
            &keys[..2],
            move |tree| put_and_remove(tree, &keys[..2], keys[1], keys[0], false),
            |tree| {
                let seen = walk(tree, &pin(), false);
                let after = pairs(&keys[1..2], 1);
                assert!(seen == pairs(&keys[..2], 0) || seen == after, "{seen:?}");
            },
        );
        assert_eq!(left(&tree), pairs(&keys[1..2], 1));
    });
}

/// The batch empties a leaf, which is merged with its neighbour.
#[test]
fn loom_a_batch_that_merges_leaves() {
    model("ordered: batch that merges, get", || {
        let keys = EXACT_KEYS;
        let tree = race(
            &keys[..4],
            move |tree| put_and_remove(tree, &[keys[1], keys[3]], keys[1], keys[3], false),
            move |tree| {
                let (gone, put) = (get(tree, keys[3]), get(tree, keys[1]));
                assert!(gone.is_some() || put == Some(1), "{gone:?}, then {put:?}");
                assert_eq!(get(tree, keys[2]), Some(0));
            },
        );
        assert_eq!(left(&tree), [(keys[0], 0), (keys[1], 1), (keys[2], 0)]);
    });
}

#[test]
fn loom_a_failed_batch_that_removes_is_not_seen() {
    model("ordered: failed batch that removes, get", || {
        let keys = EXACT_KEYS;
        let tree = race(
            &keys[..1],
            move |tree| put_and_remove(tree, &keys[..2], keys[1], keys[0], true),
            |tree| {
                assert_eq!(get(tree, keys[0]), Some(0));
                assert_eq!(get(tree, keys[1]), None);
            },
        );
        assert_eq!(left(&tree), pairs(&keys[..1], 0));
    });
}

#[test]
fn loom_a_failed_batch_is_not_seen() {
    model("ordered: failed batch, get", || {
        let keys = EXACT_KEYS;
        let tree = race(
            &keys[..1],
            move |tree| put_all(tree, &keys[..2], 9, true),
            |tree| {
                assert_eq!(get(tree, keys[0]), Some(0));
                assert_eq!(get(tree, keys[1]), None);
            },
        );
        assert_eq!(left(&tree), pairs(&keys[..1], 0));
    });
}

#[test]
fn loom_clearing_and_writing() {
    model("ordered: clear, put", || {
        let keys = EXACT_KEYS;
        let tree = race(
            &keys[..1],
            move |tree| assert!(matches!(tree.clear(&pin(), &Hub::new(), ()), Ok(1 | 2))),
            |tree| assert_eq!(put(tree, keys[1], 0), Ok(None)),
        );
        assert!(left(&tree).iter().all(|(key, _)| *key == keys[1]));
    });
}
