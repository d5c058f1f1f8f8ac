//! Models of counters that are added to in place, against all that puts another entry there.
//!
//! Entries are blocks, with the cell that the shipping code counts in. Its orderings are put to the
//! test by a mark: whoever counts sets it just before, with `Relaxed` and behind all fences, and
//! whoever sees the count must see the mark.

use std::cmp::Ordering as Order;
use std::sync::Arc;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::loom_support::model;
use crate::platform::wake::Wake;
use crate::raw::Handle;
use crate::raw::block::{Block, BlockRef, Extra};
use crate::raw::hash::{Change, Index};
use crate::raw::ordered::{EXACT, Limit, Snapshot, Tree, Walk};
use crate::raw::reclaim::{Pin, pin};

const KEY: u64 = 1 << 60 | EXACT;
const END: Limit<fn(BlockRef<'_>) -> Order> = Limit::End;

/// An object whose second element is a counter.
fn counter(count: u64) -> Block {
    let cell = Extra { cell: Some((2, count)), lease: None };
    Block::with(KEY, 2, &[KEY, count], cell).expect("there is memory")
}

fn count(block: BlockRef<'_>) -> u64 {
    block.cell().expect("it has one").get()
}

fn is_there(_: BlockRef<'_>) -> bool {
    true
}

/// Adds one in place.
fn add(index: &Index<Block>, mark: &AtomicU64) {
    let add = |block: BlockRef<'_>| {
        mark.store(1, Ordering::Relaxed);
        let cell = block.cell().expect("it has one");
        cell.set(cell.get() + 1);
    };
    let added = index.change(&pin(), KEY, is_there, add, |_, _, ()| Wake::default());
    assert_eq!(added, Ok(Some(())));
}

/// Puts a counter that stands ten higher in the place of the one that is there.
fn replace(index: &Index<Block>) {
    let change = |old: Option<BlockRef<'_>>| (Change::Put(counter(old.map_or(0, count) + 10)), ());
    index.write(&pin(), KEY, is_there, change, |_, _, _| Wake::default()).expect("it is open");
}

fn read(index: &Index<Block>, pin: &Pin) -> u64 {
    index.get(pin, KEY, is_there).map(count).expect("it is there throughout")
}

#[test]
fn loom_a_count_against_replacing() {
    model("count, replace, two reads", || {
        let index = Arc::new(Index::<Block>::new().expect("there is memory"));
        replace(&index);
        let mark = Arc::new(AtomicU64::new(0));
        let counting = {
            let (index, mark) = (Arc::clone(&index), Arc::clone(&mark));
            thread::spawn(move || add(&index, &mark))
        };
        let replacing = {
            let index = Arc::clone(&index);
            thread::spawn(move || replace(&index))
        };
        let first = read(&index, &pin());
        if first % 10 == 1 {
            assert_eq!(mark.load(Ordering::Relaxed), 1, "seen with what came before");
        }
        let second = read(&index, &pin());
        assert!([10, 11, 20, 21].contains(&first) && first <= second, "{first}, then {second}");
        counting.join().unwrap();
        replacing.join().unwrap();
        assert_eq!(read(&index, &pin()), 21, "no count is lost");
    });
}

#[test]
fn loom_counts_against_each_other() {
    model("two counts, a read", || {
        let index = Arc::new(Index::<Block>::new().expect("there is memory"));
        replace(&index);
        let other = {
            let index = Arc::clone(&index);
            thread::spawn(move || add(&index, &AtomicU64::new(0)))
        };
        add(&index, &AtomicU64::new(0));
        assert!([11, 12].contains(&read(&index, &pin())), "one's own count is there");
        other.join().unwrap();
        assert_eq!(read(&index, &pin()), 12);
    });
}

/// Adds one, in place if that is allowed.
fn add_ordered(tree: &Tree<Block>, mark: &AtomicU64) {
    let change = |old: Option<BlockRef<'_>>, in_place: bool| {
        mark.store(1, Ordering::Relaxed);
        let old = old.expect("it is there");
        if !in_place {
            return (Change::Put(counter(count(old) + 1)), ());
        }
        let cell = old.cell().expect("it has one");
        cell.set(cell.get() + 1);
        (Change::Changed(Block::weight(old)), ())
    };
    let at = |_: BlockRef<'_>| Order::Equal;
    tree.edit(&pin(), KEY, at, change, |_, _, _| Wake::default()).expect("it is open");
}

fn put_ordered(tree: &Tree<Block>, change: impl FnOnce(Option<BlockRef<'_>>) -> u64) {
    let change = |old: Option<BlockRef<'_>>| (Change::Put(counter(change(old))), ());
    let at = |_: BlockRef<'_>| Order::Equal;
    tree.write(&pin(), KEY, at, change, |_, _, _| Wake::default()).expect("it is open");
}

fn tree() -> Arc<Tree<Block>> {
    let tree = Tree::<Block>::new(false, None).expect("there is memory");
    put_ordered(&tree, |_| 10);
    Arc::new(tree)
}

fn read_ordered(tree: &Tree<Block>) -> u64 {
    let pin = pin();
    tree.get(&pin, KEY, |_: BlockRef<'_>| Order::Equal).map(count).expect("it is there")
}

#[test]
fn loom_an_ordered_count_against_replacing() {
    model("ordered: count, replace, a read", || {
        let tree = tree();
        let mark = Arc::new(AtomicU64::new(0));
        let counting = {
            let (tree, mark) = (Arc::clone(&tree), Arc::clone(&mark));
            thread::spawn(move || add_ordered(&tree, &mark))
        };
        let replacing = {
            let tree = Arc::clone(&tree);
            thread::spawn(move || put_ordered(&tree, |old| old.map_or(0, count) + 10))
        };
        let seen = read_ordered(&tree);
        if seen % 10 == 1 {
            assert_eq!(mark.load(Ordering::Relaxed), 1, "seen with what came before");
        }
        counting.join().unwrap();
        replacing.join().unwrap();
        assert_eq!(read_ordered(&tree), 21, "no count is lost");
    });
}

/// What a snapshot shows is not counted in.
#[test]
fn loom_a_snapshot_against_counts() {
    model("ordered: snapshot, two counts", || {
        let tree = tree();
        let counting = {
            let tree = Arc::clone(&tree);
            thread::spawn(move || {
                let mark = AtomicU64::new(0);
                add_ordered(&tree, &mark);
                add_ordered(&tree, &mark);
            })
        };
        let compare = |_: BlockRef<'_>, _: BlockRef<'_>| Order::Equal;
        let snapshot = tree.snapshot(&pin(), compare).expect("it is open");
        let shown = |snapshot: &Snapshot<Block>| {
            let pin = pin();
            let pages = snapshot.pages(&pin, &END, END, Walk::default(), compare);
            pages.entry(0).map(count).expect("it is there")
        };
        let first = shown(&snapshot);
        counting.join().unwrap();
        assert!((10..=12).contains(&first) && shown(&snapshot) == first, "it stays as it was");
        assert_eq!(read_ordered(&tree), 12, "no count is lost");
    });
}
