//! Models of groups: readers against a writer, in all interleavings.
//!
//! Freed blocks are found by counting: a model keeps one reference of each block to itself, so a
//! reader who is given a block with fewer than two has been given one that its group gave away.
//! Freed groups are found by a cell that is read with the group and written in place of freeing it.

use std::ptr::NonNull;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicPtr, Ordering};
use loom::thread;

use super::{BagRef, Group, SMALL, Snapshot, chunks};
use crate::raw::Commit;
use crate::raw::block::{Block, BlockRef};
use crate::raw::reclaim::{Pin, Retired, pin};
use crate::raw::tests::loom_support::model;

const KEY: u64 = 7;

const _: () = assert!(chunks::CHUNK < SMALL as usize && SMALL < 8, "the sizes are those of models");

/// A group of the numbers below `count`, and a second reference of each of its blocks and of the
/// blocks of `more` numbers to come.
struct World {
    group: Arc<Group>,
    blocks: Vec<Block>,
}

impl World {
    fn new(count: usize, more: usize) -> Self {
        let numbers = 0..(count + more) as u64;
        let blocks: Vec<_> = numbers.map(|n| Block::new(KEY, 1, &[n]).unwrap()).collect();
        let objects = blocks[..count].iter().cloned().zip(0..).collect();
        Self { group: Arc::new(Group::new(KEY, objects)), blocks }
    }

    fn append(&self, pin: &Pin, n: usize) {
        self.group.append(pin, self.blocks[n].clone(), n as u64);
    }

    fn delete(&self, pin: &Pin, n: u64) {
        assert_eq!(self.group.delete(pin, n, is(n)), 1);
    }

    /// Asserts that the group holds just these, and that nothing leaks with it.
    fn end(self, numbers: &[u64]) {
        self.group.check();
        assert_eq!(read(&self.group), numbers);
        let group = Arc::into_inner(self.group);
        drop(group.expect("the readers are gone"));
        for block in &self.blocks {
            assert_eq!(block.borrow().refs(), 1, "a block has leaked");
        }
    }
}

fn is(n: u64) -> impl Fn(BlockRef<'_>) -> bool + Copy {
    move |block| block.words()[0] == n
}

/// Reads a snapshot slowly.
fn numbers(snapshot: Snapshot<'_>) -> Vec<u64> {
    let numbers: Vec<u64> = snapshot
        .iter()
        .map(|block| {
            let is_sample = matches!(snapshot.entry, BagRef::Many(group)
                if group.sample().is_some_and(|sample| sample.same(block)));
            assert!(block.refs() >= 2 + u32::from(is_sample), "the block was freed");
            block.words()[0]
        })
        .collect();
    assert_eq!(numbers.len(), snapshot.len());
    numbers
}

fn read(group: &Group) -> Vec<u64> {
    let pin = pin();
    let snapshot = group.snapshot(&pin);
    let numbers_now = numbers(snapshot);
    assert_eq!(numbers(snapshot), numbers_now, "a snapshot stays as it is");
    numbers_now
}

/// Asserts that the reads are states from this list, later reads not earlier ones.
fn assert_in_order(reads: &[Vec<u64>], states: &[&[u64]]) {
    let mut least = 0;
    for read in reads {
        let place = states[least..].iter().position(|state| state == read);
        least += place.unwrap_or_else(|| panic!("{read:?} of {states:?} from {least} on"));
    }
}

/// Reads a group twice on another thread, while `write` runs on this one. What pins does so under
/// the model reclaimer's lock, which orders the threads; so the writer gets one pin for all he
/// does, and the reader has one too.
fn beside(world: &World, states: &'static [&'static [u64]], write: impl FnOnce(&Pin)) {
    let group = Arc::clone(&world.group);
    let reader = thread::spawn(move || {
        let pin = pin();
        let read = || numbers(group.snapshot(&pin));
        assert_in_order(&[read(), read()], states);
    });
    write(&pin());
    reader.join().unwrap();
}

#[test]
fn appends_are_seen_in_their_order() {
    model("group: append", || {
        let world = World::new(1, 4);
        // The second fills the slots in the group, the third begins a chunk, the fourth an index
        // of digests, and the fifth another chunk.
        beside(&world, &[&[0], &[0, 1], &[0, 1, 2], &[0, 1, 2, 3], &[0, 1, 2, 3, 4]], |pin| {
            (1..5).for_each(|n| world.append(pin, n));
        });
        world.end(&[0, 1, 2, 3, 4]);
    });
}

#[test]
fn deleted_blocks_are_not_read() {
    model("group: delete", || {
        let world = World::new(3, 0);
        beside(&world, &[&[0, 1, 2], &[0, 2], &[2]], |pin| {
            world.delete(pin, 1);
            world.delete(pin, 0);
        });
        world.end(&[2]);
    });
}

#[test]
fn deleted_blocks_are_not_read_between_pins() {
    model("group: delete with pins", || {
        let world = World::new(3, 0);
        let group = Arc::clone(&world.group);
        let reader = thread::spawn(move || {
            let reads = [read(&group), read(&group)];
            assert_in_order(&reads, &[&[0, 1, 2], &[0, 2], &[2]]);
        });
        world.delete(&pin(), 1);
        world.delete(&pin(), 0);
        reader.join().unwrap();
        world.end(&[2]);
    });
}

#[test]
fn an_edit_is_seen_at_once() {
    model("group: edit", || {
        let world = World::new(3, 2);
        beside(&world, &[&[0, 1, 2], &[1, 3], &[1, 3, 4]], |pin| {
            let (group, blocks) = (&world.group, &world.blocks);
            group.edit(pin, |edit| {
                assert_eq!(edit.delete(0, is(0)), 1);
                edit.append(blocks[3].clone(), 3);
                assert_eq!(edit.retain(|block| block.words()[0] % 2 == 1), 1);
            });
            assert!(!group.append_new(pin, blocks[3].clone(), 3, is(3)));
            assert!(group.append_new(pin, blocks[4].clone(), 4, is(4)));
        });
        world.end(&[1, 3, 4]);
    });
}

#[test]
fn a_batch_is_seen_at_once() {
    model("group: batch", || {
        let (one, two) = (World::new(1, 1), World::new(2, 0));
        let groups = [Arc::clone(&one.group), Arc::clone(&two.group)];
        let reader = thread::spawn(move || {
            let first = read(&groups[0]);
            let second = read(&groups[1]);
            let old = (first == [0], second == [0, 1]);
            let new = (first == [0, 1], second == [1]);
            assert!(old.0 != new.0 && old.1 != new.1, "{first:?}, {second:?}");
            assert!(!new.0 || new.1, "the first is new, the second is old");
        });
        let (commit, pin) = (Arc::new(Commit::new()), pin());
        one.group.prepare(&commit);
        two.group.prepare(&commit);
        one.append(&pin, 1);
        two.delete(&pin, 0);
        commit.commit();
        drop(commit); // so that the records are its last owners
        one.group.finish(&pin);
        two.group.finish(&pin);
        drop(pin);
        reader.join().unwrap();
        one.end(&[0, 1]);
        two.end(&[1]);
    });
}

#[test]
fn a_batch_over_groups_is_seen_by_all_readers() {
    model("group: batch with two readers", || {
        let (one, two) = (World::new(1, 1), World::new(1, 1));
        let readers = [(&one, &two), (&two, &one)].map(|(first, second)| {
            let (first, second) = (Arc::clone(&first.group), Arc::clone(&second.group));
            thread::spawn(move || {
                let pin = pin();
                let len = |group: &Group| group.snapshot(&pin).len();
                assert!(len(&first) <= len(&second), "new first, then old");
            })
        });
        let (commit, pin) = (Arc::new(Commit::new()), pin());
        for world in [&one, &two] {
            world.group.prepare(&commit);
            world.append(&pin, 1);
        }
        commit.commit();
        drop(commit);
        for world in [&one, &two] {
            world.group.finish(&pin);
        }
        drop(pin);
        for reader in readers {
            reader.join().unwrap();
        }
        one.end(&[0, 1]);
        two.end(&[0, 1]);
    });
}

#[test]
fn batches_follow_each_other() {
    model("group: two batches", || {
        let world = World::new(2, 2);
        beside(&world, &[&[0, 1], &[1, 2], &[1, 2, 3]], |pin| {
            let first = Arc::new(Commit::new());
            world.group.prepare(&first);
            world.delete(pin, 0);
            world.append(pin, 2);
            first.commit();
            drop(first);
            world.group.finish(pin);
            let second = Arc::new(Commit::new());
            world.group.prepare(&second);
            world.append(pin, 3);
            second.commit();
            drop(second);
            world.group.finish(pin);
        });
        world.end(&[1, 2, 3]);
    });
}

#[test]
fn a_cancelled_batch_is_not_seen() {
    model("group: cancel", || {
        let world = World::new(2, 2);
        beside(&world, &[&[0, 1], &[0, 1, 3], &[1, 3]], |pin| {
            world.group.prepare(&Arc::new(Commit::new()));
            world.append(pin, 2);
            world.delete(pin, 0);
            world.group.cancel(pin);
            world.append(pin, 3);
            world.delete(pin, 0);
        });
        world.end(&[1, 3]);
    });
}

#[test]
fn writers_take_turns() {
    model("group: two writers", || {
        let world = World::new(1, 2);
        let (group, block) = (Arc::clone(&world.group), world.blocks[1].clone());
        let other = thread::spawn(move || {
            let is_new = group.append_new(&pin(), block, 1, is(1));
            (is_new, group.delete(&pin(), 0, is(0)))
        });
        let is_new = world.group.append_new(&pin(), world.blocks[1].clone(), 1, is(1));
        let deleted = world.group.delete(&pin(), 0, is(0));
        let (is_new_there, deleted_there) = other.join().unwrap();
        assert!(is_new != is_new_there, "one of them was the first");
        assert_eq!(deleted + deleted_there, 1);
        world.end(&[1]);
    });
}

/// What stands for a slot of an index: a group that says when it was freed.
struct Entry {
    group: Group,
    life: UnsafeCell<()>,
}

impl Entry {
    fn new(group: Group) -> NonNull<Self> {
        NonNull::from(Box::leak(Box::new(Self { group, life: UnsafeCell::new(()) })))
    }
}

/// Stands for freeing an entry.
///
/// # Safety
/// 1. `raw` is an entry.
unsafe fn bury(raw: NonNull<()>) {
    // SAFETY: 1 of ours, and entries live to the end of the model.
    unsafe { raw.cast::<Entry>().as_ref() }.life.with_mut(|_| ());
}

#[test]
fn a_rebuilt_group_takes_the_place_of_the_old() {
    model("group: rebuild", || {
        let world = World::new(0, 4);
        let objects = world.blocks[..3].iter().cloned().zip(0..).collect();
        let old = Entry::new(Group::new(KEY, objects));
        let slot = Arc::new(AtomicPtr::new(old.as_ptr()));
        let reader = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || {
                let look = || {
                    let pin = pin();
                    // SAFETY: entries live to the end of the model.
                    let entry = unsafe { &*slot.load(Ordering::Acquire) };
                    let numbers = numbers(entry.group.snapshot(&pin));
                    entry.life.with(|_| ());
                    numbers
                };
                assert_in_order(&[look(), look()], &[&[0, 1, 2], &[0, 2], &[0, 2, 3], &[2, 3]]);
            })
        };
        // SAFETY: entries live to the end of the model.
        let old_group = unsafe { &old.as_ref().group };
        assert_eq!(old_group.delete(&pin(), 1, is(1)), 1);
        let new = Entry::new(old_group.rebuild());
        {
            let pin = pin();
            slot.store(new.as_ptr(), Ordering::Release);
            // SAFETY: unlinked just now.
            pin.retire(unsafe { Retired::new(old.cast(), 0, bury) });
        }
        // SAFETY: entries live to the end of the model.
        let new_group = unsafe { &new.as_ref().group };
        new_group.append(&pin(), world.blocks[3].clone(), 3);
        assert_eq!(new_group.delete(&pin(), 0, is(0)), 1);
        reader.join().unwrap();
        assert_eq!(read(new_group), [2, 3]);
        for entry in [old, new] {
            // SAFETY: made by `new`, and the end of the model.
            let entry = unsafe { Box::from_raw(entry.as_ptr()) };
            entry.group.check();
        }
        world.end(&[]);
    });
}

/// What the slot of an index is while a batch puts a rebuilt group in: the old entry, the new one,
/// and the word that decides.
struct Staged {
    old: NonNull<Entry>,
    new: AtomicPtr<Entry>,
    commit: Arc<Commit>,
}

impl Staged {
    fn read(&self) -> Vec<u64> {
        let pin = pin();
        let new = NonNull::new(self.new.load(Ordering::Acquire));
        let new = new.filter(|_| self.commit.is_committed());
        // SAFETY: entries live to the end of the model.
        let entry = unsafe { new.unwrap_or(self.old).as_ref() };
        let numbers = numbers(entry.group.snapshot(&pin));
        if new.is_none() {
            entry.life.with(|_| ());
        }
        numbers
    }
}

// SAFETY: 1: entries are shared by reference, and live to the end of the model.
unsafe impl Send for Staged {}
// SAFETY: 1: as above.
unsafe impl Sync for Staged {}

/// Who has found the old group sees it before the batch or after it, and never less than what he
/// has seen before.
#[test]
fn a_group_rebuilt_by_a_batch_takes_the_place_of_the_old() {
    model("group: rebuild by a batch", || {
        let world = World::new(0, 4);
        let objects = world.blocks[..3].iter().cloned().zip(0..).collect();
        let old = Entry::new(Group::new(KEY, objects));
        let commit = Arc::new(Commit::new());
        let slot = AtomicPtr::new(std::ptr::null_mut());
        let staged = Arc::new(Staged { old, new: slot, commit: Arc::clone(&commit) });
        let reader = {
            let staged = Arc::clone(&staged);
            thread::spawn(move || {
                let reads = [staged.read(), staged.read()];
                assert_in_order(&reads, &[&[0, 1, 2], &[0, 2, 3], &[2, 3]]);
            })
        };
        // SAFETY: entries live to the end of the model.
        let old_group = unsafe { &old.as_ref().group };
        let new = {
            let pin = pin();
            old_group.prepare(&commit);
            assert_eq!(old_group.delete(&pin, 1, is(1)), 1);
            old_group.append(&pin, world.blocks[3].clone(), 3);
            let new = Entry::new(old_group.rebuild());
            staged.new.store(new.as_ptr(), Ordering::Release);
            commit.commit();
            // SAFETY: who pins from now on finds the new one.
            pin.retire(unsafe { Retired::new(old.cast(), 0, bury) });
            old_group.finish(&pin);
            new
        };
        // SAFETY: entries live to the end of the model.
        let new_group = unsafe { &new.as_ref().group };
        assert_eq!(new_group.delete(&pin(), 0, is(0)), 1);
        reader.join().unwrap();
        assert_eq!(read(new_group), [2, 3]);
        for entry in [old, new] {
            // SAFETY: made by `new`, and the end of the model.
            let entry = unsafe { Box::from_raw(entry.as_ptr()) };
            entry.group.check();
        }
        drop((staged, commit));
        world.end(&[]);
    });
}
