//! Groups against a vector, alone and with threads.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail loudly, and one prints times"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;

use super::chunks::CHUNK;
use super::{BagRef, Bagged, Group, LARGE, SMALL};
use crate::raw::block::{Block, BlockRef, Extra};
use crate::raw::reclaim::{Reap, collect, pin};
use crate::raw::tests::many;
use crate::raw::{Commit, Handle, Weight};

const KEY: u64 = 77;

fn block(value: u64) -> Block {
    Block::new(KEY, 1, &[value]).unwrap()
}

/// The hash of an object; some values share one.
fn hash(value: u64) -> u64 {
    (value - value % 16 / 15).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn is(value: u64) -> impl Fn(BlockRef<'_>) -> bool {
    move |block: BlockRef<'_>| block.words()[0] == value
}

fn object(value: u64) -> (Block, u64) {
    (block(value), hash(value))
}

fn values(group: &Group) -> Vec<u64> {
    let pin = pin();
    let snapshot = group.snapshot(&pin);
    let values: Vec<u64> = snapshot.iter().map(|block| block.words()[0]).collect();
    assert_eq!(values.len(), snapshot.len());
    values
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % n
    }
}

/// Blocks whose references are counted at the end.
#[derive(Default)]
struct Census(Vec<Block>);

impl Census {
    fn object(&mut self, value: u64) -> (Block, u64) {
        let (block, hash) = object(value);
        self.0.push(block.clone());
        (block, hash)
    }

    /// Waits until nobody but the census owns the blocks: other tests of the process may be pinned
    /// for a while, and threads hand over what they have retired when they end.
    #[allow(clippy::disallowed_methods, reason = "a test may sleep")]
    fn assert_all_freed(&self) {
        for _ in 0..10_000 {
            collect();
            if self.0.iter().all(|block| block.borrow().refs() == 1) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("blocks have leaked");
    }
}

/// One random change of a group and its model.
fn change(group: &mut Group, model: &mut Vec<u64>, census: &mut Census, rng: &mut Rng, space: u64) {
    let pin = pin();
    let value = rng.below(space);
    match rng.below(16) {
        0..6 => {
            let (block, hash) = census.object(value);
            group.append(&pin, block, hash);
            model.push(value);
        }
        6..9 => {
            let (block, hash) = census.object(value);
            let is_new = group.append_new(&pin, block, hash, is(value));
            assert_eq!(is_new, !model.contains(&value));
            if is_new {
                model.push(value);
            }
        }
        9..13 => {
            let count = model.len();
            model.retain(|other| *other != value);
            assert_eq!(group.delete(&pin, hash(value), is(value)), count - model.len());
        }
        13 if rng.below(50) == 0 => {
            let count = model.len();
            model.retain(|other| other % 3 != value % 3);
            let deleted = group.retain(&pin, |block| block.words()[0] % 3 != value % 3);
            assert_eq!(deleted, count - model.len());
        }
        14 => batch(group, model, census, rng, space),
        _ if group.needs_rebuild() => {
            *group = group.rebuild();
            assert!(!group.needs_rebuild());
        }
        _ => {}
    }
}

/// Some changes at once, of which some are taken back.
fn batch(group: &Group, model: &mut Vec<u64>, census: &mut Census, rng: &mut Rng, space: u64) {
    let pin = pin();
    let commit = Arc::new(Commit::new());
    let mut next = model.clone();
    group.prepare(&commit);
    for _ in 0..rng.below(5) {
        let value = rng.below(space);
        group.edit(&pin, |edit| {
            assert_eq!(edit.len(), next.len());
            assert_eq!(edit.contains(hash(value), is(value)), next.contains(&value));
            let gone = next[next.len() / 2..].first().copied().unwrap_or_default();
            edit.delete(hash(gone), is(gone));
            next.retain(|other| *other != gone);
            let (block, hash) = census.object(value);
            edit.append(block, hash);
            next.push(value);
        });
        if rng.below(5) == 0 {
            assert_eq!(values(group), *model);
        }
    }
    if rng.below(3) == 0 {
        group.cancel(&pin);
    } else {
        commit.commit();
        assert_eq!(values(group), next);
        group.finish(&pin);
        *model = next;
    }
    if model.len() < 200 || rng.below(20) == 0 {
        group.check();
    }
    assert_eq!(values(group), *model);
}

#[test]
fn agrees_with_a_vector() {
    for (seed, space, steps) in [
        (1, 3, many(3_000, 30)),
        (2, 20, many(3_000, 30)),
        (3, 500, many(3_000, 30)),
        (4, 1 << 30, many(6_000, 60)),
    ] {
        let (mut census, mut rng) = (Census::default(), Rng(seed));
        let mut group = Group::new(KEY, vec![census.object(0), census.object(0)]);
        let mut model = vec![0, 0];
        for step in 0..steps {
            change(&mut group, &mut model, &mut census, &mut rng, space);
            if step < many(500, 10) || step % 97 == 0 {
                group.check();
                assert_eq!(values(&group), model);
                assert_eq!(group.weight().items, model.len());
            }
        }
        drop(group);
        census.assert_all_freed();
    }
}

#[test]
fn a_snapshot_stays_as_it_is() {
    let group = Group::new(KEY, (0..40).map(object).collect());
    let pin = pin();
    let before = group.snapshot(&pin);
    let mut iter = before.iter();
    assert_eq!(iter.by_ref().take(10).count(), 10);
    assert_eq!(group.retain(&pin, |block| block.words()[0] % 2 == 0), 20);
    group.append(&pin, block(99), hash(99));
    assert_eq!((before.len(), before.is_empty(), iter.len()), (40, false, 30));
    assert!(iter.map(|block| block.words()[0]).eq(10..40));
    assert_eq!(values(&group).len(), 21);
}

#[test]
fn the_empty_group_is_whole() {
    let group = Group::new(KEY, Vec::new());
    group.check();
    assert!(group.snapshot(&pin()).is_empty());
    assert_eq!(group.delete(&pin(), 1, |_| true), 0);
    assert_eq!(group.weight(), Weight { items: 0, bytes: size_of::<Group>() });
    group.rebuild().check();
}

#[test]
fn a_handle_owns_one_or_many() {
    let mut census = Census::default();
    let objects = |census: &mut Census, n| (0..n).map(|value| census.object(value)).collect();
    let one = Bagged::one(census.object(1).0);
    assert!(matches!(one.borrowed(), BagRef::One(_)));
    assert!(one.borrowed().snapshot(&pin()).iter().map(|block| block.words()[0]).eq([1]));
    let many = Bagged::group(objects(&mut census, 3));
    assert!(matches!(many.borrowed(), BagRef::Many(_)));
    assert!(many.borrowed().snapshot(&pin()).into_iter().map(|block| block.words()[0]).eq(0..3));
    let large = Bagged::group(objects(&mut census, u64::from(LARGE) * 5));
    for (handle, items) in [(one, 1), (many, 3), (large, LARGE as usize * 5)] {
        assert_eq!(Bagged::hash(handle.borrowed()), KEY);
        assert_eq!(Bagged::weight(handle.borrowed()).items, items);
        let raw = handle.into_raw();
        assert_eq!(raw.addr().get() & 3, 0);
        // SAFETY: from `into_raw`, and not used again.
        let handle = unsafe { Bagged::from_raw(raw) };
        assert_eq!(handle.borrowed().snapshot(&pin()).len(), items);
        // SAFETY: nobody else has seen it.
        unsafe { Bagged::retire(handle.into_raw(), &pin()) };
    }
    census.assert_all_freed();
}

#[test]
fn a_large_group_is_freed_in_steps() {
    let (count, step) = many((10_000, 1_000), (200, 16));
    let mut census = Census::default();
    let mut group = Group::new(KEY, (0..count).map(|value| census.object(value)).collect());
    group.retain(&pin(), |block| block.words()[0] % 2 == 0);
    collect();
    let (mut steps, mut before) = (1, census.0.iter().filter(|b| b.borrow().refs() > 1).count());
    while !group.reap(step) {
        let left = census.0.iter().filter(|block| block.borrow().refs() > 1).count();
        assert!(before - left <= step.next_multiple_of(CHUNK), "{} at once", before - left);
        (steps, before) = (steps + 1, left);
    }
    assert!(steps > 10, "{steps}");
    drop(group);
    census.assert_all_freed();
}

#[test]
fn a_pending_change_does_not_leak() {
    for is_committed in [false, true] {
        let mut census = Census::default();
        let group = Group::new(KEY, (0..50).map(|value| census.object(value)).collect());
        let commit = Arc::new(Commit::new());
        group.prepare(&commit);
        group.prepare(&commit);
        group.retain(&pin(), |block| block.words()[0] % 2 == 0);
        let (block, hash) = census.object(99);
        group.append(&pin(), block, hash);
        if is_committed {
            commit.commit();
        }
        assert_eq!(values(&group).len(), if is_committed { 26 } else { 50 });
        drop(group);
        census.assert_all_freed();
    }
}

/// What a batch fills and does not commit is filled again.
#[test]
fn cancelled_changes_take_no_slots() {
    for count in [2, 14, 40] {
        let mut census = Census::default();
        let group = Group::new(KEY, (0..count).map(|value| census.object(value)).collect());
        let pin = pin();
        let before = group.snapshot(&pin);
        let mut bytes = 0;
        for round in 0..many(1_000, 20) {
            group.prepare(&Arc::new(Commit::new()));
            group.edit(&pin, |edit| {
                for value in [1, 1, 100, 100, 101, 1] {
                    let (block, hash) = census.object(value);
                    edit.append(block, hash);
                }
                assert_eq!(edit.delete(hash(1), is(1)), 4);
                assert_eq!(edit.delete(hash(0), is(0)), 1);
                assert_eq!(edit.delete(hash(101), is(101)), 1);
            });
            group.cancel(&pin);
            group.check();
            assert_eq!(group.newest(), before.state, "as if nothing had been");
            bytes = if round == 0 { group.weight().bytes } else { bytes };
            assert_eq!(group.weight().bytes, bytes);
            assert_eq!(values(&group), (0..count).collect::<Vec<_>>());
        }
        assert_eq!(group.delete(&pin, hash(1), is(1)), 1, "it is remembered once");
        group.append(&pin, block(7), hash(7));
        group.check();
        assert!(before.iter().map(|block| block.words()[0]).eq(0..count));
        drop(group);
        drop(pin);
        census.assert_all_freed();
    }
}

/// A copy that is made within a batch has what is pending, and the old group ends with it.
#[test]
fn a_group_is_rebuilt_within_a_batch() {
    for is_committed in [false, true] {
        let mut census = Census::default();
        let group = Group::new(KEY, (0..20).map(|value| census.object(value)).collect());
        let commit = Arc::new(Commit::new());
        let pin = pin();
        group.prepare(&commit);
        assert_eq!(group.retain(&pin, |block| block.words()[0] >= 15), 15);
        let (new, hash) = census.object(20);
        group.append(&pin, new, hash);
        assert!(group.needs_rebuild());
        let rebuilt = group.rebuild();
        rebuilt.check();
        assert!(!rebuilt.needs_rebuild());
        assert_eq!(values(&rebuilt), (15..=20).collect::<Vec<_>>());
        assert_eq!(values(&group), (0..20).collect::<Vec<_>>());
        if is_committed {
            commit.commit();
            group.finish(&pin);
        } else {
            group.cancel(&pin);
        }
        let expected = if is_committed { 15..21 } else { 0..20 };
        assert_eq!(values(&group), expected.collect::<Vec<_>>());
        group.check();
        drop((group, rebuilt, pin));
        census.assert_all_freed();
    }
}

/// Many lease the same: who ends looks at what is his, and at nothing else.
#[test]
fn who_ends_looks_at_his_own_objects() {
    for (owners, each) in [(3, 2), (many(1_000, 30), 1), (many(50, 5), 20)] {
        let mut census = Census::default();
        let mut leased = |owner| {
            let extra = Extra { cell: None, lease: Some(owner) };
            let block = Block::with(KEY, 1, &[7], extra).unwrap();
            census.0.push(block.clone());
            (block, hash(7))
        };
        let mut group = Group::new(KEY, vec![object(7), leased(1)]);
        let pin = pin();
        for owner in (0..owners * each).map(|at| 1 + at % owners).skip(1) {
            let (block, hash) = leased(owner);
            group.append(&pin, block, hash);
        }
        let mut looks = 0;
        for owner in (1..=owners).rev() {
            let deleted = group.edit(&pin, |edit| {
                edit.delete_leased(hash(7), owner, |block| {
                    looks += 1;
                    block.lease() == Some(owner)
                })
            });
            assert_eq!(deleted as u64, each, "of owner {owner}");
            let again = group.edit(&pin, |edit| edit.delete_leased(hash(7), owner, |_| true));
            assert_eq!(again, 0);
            if owner % 10 == 0 {
                group.check();
            }
            if group.needs_rebuild() {
                group = group.rebuild();
            }
        }
        assert_eq!(looks, owners * each);
        assert_eq!(values(&group), [7], "nobody's stays");
        group.check();
        drop((group, pin));
        census.assert_all_freed();
    }
}

/// What is leased is found after all that happens to a group, and only while it is there.
#[test]
fn leases_agree_with_a_vector() {
    let mut rng = Rng(5);
    let mut group = Group::new(KEY, vec![object(0)]);
    let mut model = vec![(0, None)];
    for step in 0..many(3_000, 100) {
        let pin = pin();
        let (value, owner) = (rng.below(5), 1 + rng.below(4));
        let lease = (rng.below(3) > 0).then_some(owner);
        let new = Block::with(KEY, 1, &[value], Extra { cell: None, lease }).unwrap();
        match rng.below(10) {
            0..5 => {
                group.append(&pin, new, hash(value));
                model.push((value, lease));
            }
            5..7 => {
                let gone = (value, Some(owner));
                let expected = model.iter().filter(|object| **object == gone).count();
                model.retain(|object| *object != gone);
                let is_it = is(value);
                let count = group.edit(&pin, |edit| edit.delete_leased(hash(value), owner, is_it));
                assert_eq!(count, expected);
            }
            7 if rng.below(4) == 0 => {
                model.retain(|object| object.0 != value);
                group.delete(&pin, hash(value), is(value));
            }
            8 => {
                group.prepare(&Arc::new(Commit::new()));
                group.append(&pin, new, hash(value));
                group.delete(&pin, hash(value), is(value));
                group.append(&pin, block(9), hash(9));
                group.cancel(&pin);
            }
            _ if group.needs_rebuild() => group = group.rebuild(),
            _ => {}
        }
        if step % 7 == 0 {
            group.check();
            assert!(values(&group).into_iter().eq(model.iter().map(|object| object.0)));
        }
    }
}

#[test]
fn equal_objects_are_cheap() {
    let group = Group::new(KEY, vec![object(1); 2]);
    let pin = pin();
    let count = many(200_000, 100);
    for _ in 0..count {
        group.append(&pin, block(7), hash(7));
    }
    group.append(&pin, block(8), hash(8));
    assert!(!group.append_new(&pin, block(8), hash(8), is(8)));
    assert_eq!(group.delete(&pin, hash(7), is(7)), count);
    assert!(group.needs_rebuild());
    let group = group.rebuild();
    assert_eq!(values(&group), [1, 1, 8]);
    assert!(group.weight().bytes < 500, "{}", group.weight().bytes);
}

#[test]
fn churn_does_not_make_a_small_group_large() {
    let mut group = Group::new(KEY, vec![object(1), object(2)]);
    let mut most = 0;
    for value in 3..many(5_000, 80) {
        group.append(&pin(), block(value), hash(value));
        assert_eq!(group.delete(&pin(), hash(value - 1), is(value - 1)), 1);
        if group.needs_rebuild() {
            group = group.rebuild();
        }
        most = most.max(group.weight().bytes);
    }
    assert!(most < 1_200, "{most} bytes for two objects");
}

/// Counters for readers to check themselves against: `begun` before a step, `done` after it.
#[derive(Default)]
struct Clock {
    begun: AtomicU64,
    done: AtomicU64,
    stop: AtomicBool,
}

/// Stops the readers, also when the writer panics.
struct Stop<'a>(&'a Clock);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// Waits for threads; that a scope has waited for them, ThreadSanitizer does not see.
#[allow(single_use_lifetimes, reason = "there is no anonymous one in this place")]
fn join<'a>(threads: impl IntoIterator<Item = ScopedJoinHandle<'a, ()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Runs `step` for a while beside readers that call `look` with the bounds of what they may see.
fn race(
    steps: u64,
    mut step: impl FnMut(u64) + Send,
    look: impl Fn(std::ops::RangeInclusive<u64>, &dyn Fn() -> u64) + Sync,
) {
    let clock = Clock::default();
    std::thread::scope(|scope| {
        let read = || {
            while !clock.stop.load(Ordering::Relaxed) {
                let done = clock.done.load(Ordering::SeqCst);
                look(done..=u64::MAX, &|| clock.begun.load(Ordering::SeqCst));
            }
        };
        let readers = [0; 3].map(|_| scope.spawn(read));
        let stop = Stop(&clock);
        for now in 1..=steps {
            clock.begun.store(now, Ordering::SeqCst);
            step(now);
            clock.done.store(now, Ordering::SeqCst);
        }
        drop(stop);
        join(readers);
    });
}

/// The group holds the last `WINDOW` of all numbers so far: one state for each number.
#[test]
fn readers_see_states_that_existed() {
    const WINDOW: u64 = 40;
    let group = Group::new(KEY, (0..WINDOW).map(object).collect());
    let steps = many(30_000, 25);
    race(
        steps,
        |now| {
            let (old, new) = (now - 1, now + WINDOW - 1);
            group.edit(&pin(), |edit| {
                assert_eq!(edit.delete(hash(old), is(old)), 1);
                edit.append(block(new), hash(new));
            });
            if now % many(1_000, 20) == 0 {
                group.check();
            }
        },
        |done, begun| {
            let pin = pin();
            let snapshot = group.snapshot(&pin);
            let begun = begun();
            let mut values = snapshot.iter().map(|block| block.words()[0]);
            let first = values.next().unwrap();
            assert!(done.contains(&first) && first <= begun, "{first}: {done:?}, {begun}");
            assert!(values.eq(first + 1..first + WINDOW), "one after the other");
            assert_eq!(snapshot.len() as u64, WINDOW);
        },
    );
    group.check();
}

/// Deletes and appends apart, in an order in which each state is known from its contents; with
/// rebuilds, as an index would publish them.
#[test]
fn readers_see_states_that_existed_through_rebuilds() {
    use std::sync::atomic::AtomicPtr;

    let first = Bagged::group((0..3).map(object).collect()).into_raw();
    let slot = AtomicPtr::new(first.as_ptr());
    let borrow = |raw: *mut ()| {
        // SAFETY: from `into_raw`, and whoever calls us is pinned.
        unsafe { Bagged::borrow(std::ptr::NonNull::new(raw).unwrap()) }
    };
    race(
        many(60_000, 60),
        |now| {
            let pin = pin();
            let BagRef::Many(group) = borrow(slot.load(Ordering::Relaxed)) else { unreachable!() };
            // Even steps append, odd ones delete the oldest: [a, b, c] -> [b, c] -> [b, c, d] ...
            if now % 2 == 0 {
                let value = now / 2 + 2;
                assert!(group.append_new(&pin, block(value), hash(value), is(value)));
                return;
            }
            assert_eq!(group.delete(&pin, hash(now / 2), is(now / 2)), 1);
            if group.needs_rebuild() {
                let new = Bagged::from(group.rebuild()).into_raw();
                let old = slot.swap(new.as_ptr(), Ordering::AcqRel);
                // SAFETY: unlinked just now.
                unsafe { Bagged::retire(std::ptr::NonNull::new(old).unwrap(), &pin) };
            }
        },
        |done, begun| {
            let pin = pin();
            let snapshot = borrow(slot.load(Ordering::Acquire)).snapshot(&pin);
            let begun = begun();
            let values: Vec<u64> = snapshot.iter().map(|block| block.words()[0]).collect();
            let step = values[0] * 2 - u64::from(values.len() == 2);
            assert!(done.contains(&step) && step <= begun, "{values:?}: {done:?}, {begun}");
            assert!(values.iter().copied().eq(values[0]..values[0] + values.len() as u64));
            assert!([2, 3].contains(&values.len()));
        },
    );
    // SAFETY: nobody else has it any more.
    drop(unsafe { Bagged::from_raw(std::ptr::NonNull::new(slot.into_inner()).unwrap()) });
}

/// Objects wander from one group to another and back, so their number is always the same.
#[test]
fn a_batch_is_seen_in_both_groups_or_in_none() {
    let groups =
        [0, 1].map(|from| Group::new(KEY, (from * 10..from * 10 + 10).map(object).collect()));
    race(
        many(20_000, 20),
        |now| {
            let pin = pin();
            let (from, to) = (&groups[now as usize % 2], &groups[(now as usize + 1) % 2]);
            let commit = Arc::new(Commit::new());
            to.prepare(&commit);
            from.prepare(&commit);
            let value = from.snapshot(&pin).iter().next().unwrap().words()[0];
            from.edit(&pin, |edit| assert_eq!(edit.delete(hash(value), is(value)), 1));
            to.edit(&pin, |edit| edit.append(block(now + 100), hash(now + 100)));
            if now % 7 == 0 {
                to.cancel(&pin);
                from.cancel(&pin);
                to.append(&pin, block(now + 100), hash(now + 100));
                from.delete(&pin, hash(value), is(value));
            } else {
                commit.commit();
                from.finish(&pin);
                to.finish(&pin);
            }
        },
        |done, begun| {
            let pin = pin();
            // The newest in either group is from the last step, or the one before.
            let newest = || {
                let all = groups.iter().map(|group| group.snapshot(&pin));
                all.flat_map(|all| all.iter().last()).map(|block| block.words()[0]).max().unwrap()
            };
            let one = newest().max(100) - 100;
            let two = newest().max(100) - 100;
            assert!(one >= *done.start() || one + 1 >= *done.start(), "{one}: {done:?}");
            assert!(two >= one && two <= begun(), "{one}, {two}");
        },
    );
    groups.iter().for_each(Group::check);
}

#[test]
fn writers_may_race() {
    let count = many(4_000, 80);
    let group = Group::new(KEY, Vec::new());
    let mut census = Census::default();
    let blocks: Vec<_> = (0..count).map(|value| census.object(value)).collect();
    std::thread::scope(|scope| {
        let threads = blocks.chunks(count as usize / 4).map(|part| {
            let group = &group;
            scope.spawn(move || {
                for (block, hash) in part {
                    let value = block.borrow().words()[0];
                    assert!(group.append_new(&pin(), block.clone(), *hash, is(value)));
                    if value % 3 == 0 {
                        assert_eq!(group.delete(&pin(), *hash, is(value)), 1);
                    }
                }
            })
        });
        join(threads.collect::<Vec<_>>());
    });
    group.check();
    let mut values = values(&group);
    values.sort_unstable();
    assert!(values.iter().copied().eq((0..count).filter(|value| value % 3 != 0)));
    drop((group, blocks));
    census.assert_all_freed();
}

#[test]
fn a_small_group_has_no_index() {
    let group = Group::new(KEY, (0..u64::from(SMALL)).map(object).collect());
    let before = group.weight().bytes;
    group.append(&pin(), block(99), hash(99));
    group.check();
    assert!(group.weight().bytes > before + 32 * 8);
    assert!(before < 120 + 36 * 16 + 16 * 32, "{before}");
}

/// The least time that each step took in several rounds, sorted: without what the scheduler and
/// other processes add, because that falls on other steps each time.
#[derive(Default)]
struct Times(Vec<std::time::Duration>);

impl Times {
    #[allow(clippy::disallowed_methods, reason = "it measures")]
    fn step<R>(&mut self, at: usize, run: impl FnOnce() -> R) -> R {
        let begin = std::time::Instant::now();
        let result = run();
        let elapsed = begin.elapsed();
        match self.0.get_mut(at) {
            Some(least) => *least = elapsed.min(*least),
            None => self.0.push(elapsed),
        }
        result
    }

    fn print(mut self, name: &str, each: usize) {
        self.0.sort_unstable();
        let count = self.0.len();
        let at = |per_mille: usize| self.0[(count - 1) * per_mille / 1_000] / each as u32;
        let mean = self.0.iter().sum::<std::time::Duration>() / (count * each) as u32;
        let (p50, p99, max) = (at(500), at(990), at(1_000));
        println!("{name}: mean {mean:?}, p50 {p50:?}, p99 {p99:?}, max {max:?}");
    }
}

#[test]
#[ignore = "prints times: run by hand, optimised"]
fn times() {
    const COUNT: u64 = 1_000_000;
    for is_bag in [false, true] {
        let (mut append, mut delete) = (Times::default(), Times::default());
        let (mut rest, mut bytes) = ([(); 4].map(|()| Times::default()), 0);
        for _ in 0..5 {
            let blocks: Vec<_> = (0..COUNT).map(object).collect();
            let group = Group::new(KEY, Vec::new());
            let pin = pin();
            for (at, (block, hash)) in blocks.into_iter().enumerate() {
                let value = at as u64;
                append.step(at, || match is_bag {
                    true => assert!(group.append_new(&pin, block, hash, is(value))),
                    false => group.append(&pin, block, hash),
                });
            }
            bytes = group.weight().bytes;
            let all = || group.snapshot(&pin).iter().map(|block| block.words()[0]).sum::<u64>();
            assert_eq!(rest[0].step(0, all), COUNT * (COUNT - 1) / 2);
            for at in 0..COUNT / 2 {
                let value = at * 2;
                let deleted =
                    delete.step(at as usize, || group.delete(&pin, hash(value), is(value)));
                assert_eq!(deleted, 1);
            }
            let new = rest[1].step(0, || group.rebuild());
            rest[2].step(0, || drop(group));
            rest[3].step(0, || drop(new));
        }
        println!("bag: {is_bag}; {} bytes an object, block included", bytes / COUNT as usize);
        append.print("  append", 1);
        delete.print("  delete", 1);
        let [read, rebuild, drop_old, drop_new] = rest;
        read.print("  read all, an object", COUNT as usize);
        rebuild.print("  rebuild, a living object", COUNT as usize / 2);
        drop_old.print("  drop the old group, a living object", COUNT as usize / 2);
        drop_new.print("  drop the new group, an object", COUNT as usize / 2);
    }
}
