//! Tables as a whole, on all threads at once: their sizes, lists, names, fixations and ends. The
//! tests that OTP has of this, with threads in the place of its processes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use ferrets::{
    Access, Batch, Cursor, ErrorKind, Event, Filter, Fixation, Kind, MatchSpec, Owner, Result,
    Selection, Snapshot, Store, Table, TableOptions, Watch, WriteConcurrency,
};
use parking_lot::Mutex;

use super::{KINDS, Rng, bytes, count, public, race, settle};

/// The value, or nothing if the table is gone.
fn unless_gone<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if error.kind() == ErrorKind::NoSuchTable => None,
        Err(error) => panic!("{error:?}"),
    }
}

// ---- Sizes --------------------------------------------------------------------------------------

/// While objects are inserted and nothing else happens, nobody sees the size or the memory of a
/// table go down.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn sizes_do_not_go_down_while_objects_come() {
    const MOST: i64 = 400_000;
    for kind in KINDS {
        for decentralized in [false, true] {
            let store = Store::new();
            let owner = store.owner();
            let options = TableOptions::new(kind).access(Access::Public);
            let options = options.write_concurrency(WriteConcurrency::Auto);
            let options = options.decentralized_counters(decentralized);
            let table = owner.new_table("t", options).expect("it can be made");
            let next = AtomicI64::new(0);
            race(|_, worker| match worker {
                0..3 => {
                    let key = next.fetch_add(100, Ordering::Relaxed);
                    if key < MOST {
                        for key in key..key + 100 {
                            table.insert((key, "of some size")).expect("it stands");
                        }
                    }
                }
                3 => {
                    let key = next.fetch_add(100, Ordering::Relaxed);
                    if key < MOST {
                        let list = (key..key + 100).map(|key| (key, "of some size"));
                        table.insert_list(list).expect("it stands");
                    }
                }
                _ => {
                    let (mut size, mut memory) = (0, 0);
                    for _ in 0..1_000 {
                        let now = if worker % 2 == 0 {
                            table.len().expect("it stands")
                        } else {
                            table.info().expect("it stands").size
                        };
                        assert!(now >= size, "{kind}: {now} objects after {size}");
                        size = now;
                        let now = bytes(&table);
                        assert!(now >= memory, "{kind}: {now} bytes after {memory}");
                        memory = now;
                    }
                }
            });
            let inserted = next.into_inner().min(MOST);
            assert_eq!(table.len().expect("it stands") as i64, inserted, "{kind}");
        }
    }
}

/// Puts a new table in the place of the old one.
fn renew(current: &Mutex<Table>, owner: &Owner, kind: Kind) -> Table {
    let table = public(owner, kind);
    *current.lock() = table.clone();
    table
}

/// A table ends by its owner and by others at once, while all ask how large it is: they are told
/// what may be, and from some time on that it is gone.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn tables_end_while_their_size_is_asked() {
    const OBJECTS: usize = 300;
    for kind in KINDS {
        let store = Store::new();
        let (keeper, ended) = (store.owner(), AtomicUsize::new(0));
        let current = Mutex::new(public(&keeper, kind));
        race(|rng, worker| {
            if worker == 0 {
                let owner = store.owner();
                let table = renew(&current, &owner, kind);
                for key in 0..OBJECTS as i64 {
                    let _ = table.insert((key, "of some size"));
                }
                (0..rng.below(40)).for_each(|_| std::thread::yield_now());
                drop(owner);
                return assert!(table.info().is_none() && table.len().is_err());
            }
            let table = current.lock().clone();
            if worker < 3 {
                // One of them deletes it, or neither, if the owner is faster.
                (0..rng.below(40)).for_each(|_| std::thread::yield_now());
                let deleted = unless_gone(table.delete_table()).is_some();
                ended.fetch_add(usize::from(deleted), Ordering::Relaxed);
                return assert!(table.info().is_none() && table.len().is_err());
            }
            let mut gone = false;
            for _ in 0..300 {
                let len = unless_gone(table.len());
                let info = table.info().map(|info| info.size);
                for size in [len, info] {
                    assert!(size.is_none_or(|size| size <= OBJECTS), "{kind}: {size:?}");
                    assert!(!(gone && size.is_some()), "{kind}: it is back");
                    gone |= size.is_none();
                }
            }
        });
        assert!(ended.into_inner() > 0);
        drop((keeper, current));
        assert!(store.all_tables().is_empty());
        settle(&store);
    }
}

// ---- Lists --------------------------------------------------------------------------------------

/// Whoever makes and deletes tables finds those that he has in the list of all, and none that he
/// has deleted, whatever the others do.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn lists_of_all_tables_have_what_one_knows() {
    const MOST: usize = 250;
    let store = Store::new();
    race(|rng, worker| {
        let owner = store.owner();
        let (mut mine, mut deleted) = (Vec::new(), HashSet::new());
        for _ in 0..40 {
            for _ in 0..rng.below(30) {
                if mine.len() < MOST {
                    let options = TableOptions::new(KINDS[worker % 4]);
                    let table = owner.new_table("many", options).expect("it can be made");
                    mine.push(table);
                }
            }
            for _ in 0..rng.below(20).min(mine.len() as u64) {
                let table = mine.swap_remove(rng.below(mine.len() as u64) as usize);
                table.delete_table().expect("it is his");
                deleted.insert(table.id());
            }
            let all: HashSet<_> = store.all_tables().iter().map(Table::id).collect();
            assert!(mine.iter().all(|table| all.contains(&table.id())), "one of his is left out");
            assert!(deleted.is_disjoint(&all), "one that he has deleted is there");
        }
        drop(owner);
        let all: HashSet<_> = store.all_tables().iter().map(Table::id).collect();
        assert!(mine.iter().all(|table| !all.contains(&table.id())), "they went with their owner");
    });
    assert!(store.all_tables().is_empty());
}

// ---- Names --------------------------------------------------------------------------------------

/// A table with a name is made and deleted all the time while others look the name up, read and
/// write by it: each finds one table or none, and nobody waits for ever.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn a_name_comes_and_goes_while_others_use_it() {
    for kind in KINDS {
        let store = Store::new();
        let found = AtomicUsize::new(0);
        race(|rng, worker| {
            if worker > 1 {
                for n in 0..100 {
                    let Some(table) = unless_gone(store.table("busy")) else { continue };
                    let _ = unless_gone(table.insert((n, worker)));
                    let seen = unless_gone(table.lookup(n)).is_some();
                    found.fetch_add(usize::from(seen), Ordering::Relaxed);
                    let _ = unless_gone(table.tab2list());
                }
                return;
            }
            let owner = store.owner();
            let options = TableOptions::new(kind).access(Access::Public).named(true);
            let options = options.write_concurrency(WriteConcurrency::True);
            for _ in 0..100 {
                match owner.new_table("busy", options.clone()) {
                    Ok(table) => {
                        (0..rng.below(3)).for_each(|_| std::thread::yield_now());
                        table.delete_table().expect("nobody else deletes it");
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
                }
            }
        });
        assert!(found.into_inner() > 0 && store.table("busy").is_err());
        settle(&store);
    }
}

/// Many fix one table, release it and end, while it is renamed, inherited, deleted, and another
/// takes its place. Who holds it fixed sees the keys of what was deleted accepted; who has ended
/// holds nothing.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn tables_that_many_fix_change_their_names_and_end() {
    for kind in KINDS {
        let store = Store::new();
        let keeper = store.owner();
        let current = Mutex::new(public(&keeper, kind));
        race(|rng, worker| {
            if worker == 0 {
                let owner = store.owner();
                let table = renew(&current, &owner, kind);
                for n in 0..200 {
                    let _ = unless_gone(table.insert((n % 20, n)));
                    let name = if n % 2 == 0 { "evil" } else { "good" };
                    let _ = unless_gone(table.rename(name));
                }
                if rng.one_in(2) {
                    let _ = unless_gone(table.set_heir(keeper.pid(), 1));
                }
                drop(owner);
                let _ = unless_gone(table.delete_table());
                return while keeper.try_receive().is_some() {};
            }
            let table = current.lock().clone();
            let owners: Vec<Owner> = (0..20).map(|_| store.owner()).collect();
            let handles: Vec<Table> = owners.iter().map(|owner| table.acting_as(owner)).collect();
            let fixed: Vec<Fixation> =
                handles.iter().filter_map(|handle| unless_gone(handle.fix())).collect();
            let key = rng.below(20) as i64;
            let _ = unless_gone(handles[0].delete(key));
            if fixed.len() == handles.len() && rng.one_in(2) {
                // By hand, or with the owner, or both.
                drop(fixed);
            }
            let pids: HashSet<_> = owners.iter().map(Owner::pid).collect();
            drop(owners);
            if let Some(fixed) = table.info().and_then(|info| info.safe_fixed) {
                assert!(fixed.holders.iter().all(|(pid, _)| !pids.contains(pid)), "{kind}");
            }
        });
        let last = current.into_inner();
        if let Some(info) = last.info() {
            assert!(info.safe_fixed.is_none(), "{kind}: all have ended");
        }
        drop(keeper);
        assert!(store.all_tables().is_empty());
        settle(&store);
    }
}

// ---- What is held of a table --------------------------------------------------------------------

/// What one may hold of a table while others end it.
struct Held {
    batch: Batch,
    selection: Selection,
    watch: Watch,
    fixed: Fixation,
    ordered: Option<(Cursor, Snapshot, usize)>,
}

impl Held {
    fn of(table: &Table, spec: &MatchSpec) -> Result<Self> {
        let mut batch = table.batch();
        batch.insert((1, 2))?.delete(2)?.lookup(3)?;
        let ordered = (table.kind() == Kind::OrderedSet).then(|| {
            let snapshot = table.snapshot()?;
            let len = snapshot.len();
            Ok((table.seek(0)?, snapshot, len))
        });
        Ok(Self {
            batch,
            selection: table.select_iter(spec)?,
            watch: table.watch_within(Filter::all(), 16)?,
            fixed: table.fix()?,
            ordered: ordered.transpose()?,
        })
    }

    /// Uses one of them; fails when the table is gone.
    fn step(&mut self, table: &Table, rng: &mut Rng) -> Result<()> {
        match rng.below(8) {
            0 => self.batch.commit().map(drop),
            1 => self.selection.next().transpose().map(drop),
            2 => table.lease((rng.below(50) as i64, "leased")),
            3 => match self.watch.try_recv() {
                Some(Event::Lagged(_)) => self.watch.resync().map(drop),
                _ => Ok(()),
            },
            4 => {
                self.fixed = table.fix()?;
                table.next(0).map(drop)
            }
            _ => match &mut self.ordered {
                Some((cursor, snapshot, len)) => {
                    if cursor.next()?.is_none() {
                        cursor.seek(0)?;
                    }
                    assert_eq!(snapshot.range(..)?.count(), *len, "a snapshot stays what it is");
                    let rank = table.rank(25)?;
                    assert!(rank <= 51, "{rank}");
                    table.nth(rank).map(drop)
                }
                None => table.insert((rng.below(50) as i64, 1)),
            },
        }
    }

    /// The last that is heard of the table, and that what stays does.
    fn over(mut self) {
        assert!(unless_gone(self.batch.commit()).is_none());
        // Who ends it may still be about to tell.
        let last = std::iter::from_fn(|| self.watch.recv()).last();
        assert!(matches!(last, None | Some(Event::Gone)) && self.watch.is_over(), "{last:?}");
        assert!(self.selection.filter_map(Result::err).count() <= 1);
        if let Some((mut cursor, snapshot, len)) = self.ordered {
            assert!(unless_gone(cursor.next()).is_none());
            assert_eq!(snapshot.range(..).expect("it stays").count(), len);
        }
    }
}

/// Batches, selections, watches, cursors, snapshots, fixations and leases are made and used while
/// the table ends: each says so in its way, and lets go of it.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn what_is_held_outlasts_its_table() {
    let spec: MatchSpec = "[{{'$1','_'},[],['$1']}]".parse().expect("a specification");
    for kind in KINDS {
        let store = Store::new();
        let keeper = store.owner();
        let current = Mutex::new(public(&keeper, kind));
        let over = AtomicUsize::new(0);
        race(|rng, worker| {
            if worker == 0 {
                let owner = store.owner();
                let table = renew(&current, &owner, kind);
                table.insert_list((0..50).map(|key| (key, 0))).expect("nobody else ends it");
                (0..rng.below(200)).for_each(|_| std::thread::yield_now());
                let by_hand = rng.one_in(2).then(|| table.delete_table());
                return assert!(by_hand.is_none_or(|deleted| deleted.is_ok()));
            }
            let owner = store.owner();
            let table = current.lock().acting_as(&owner);
            let Some(mut held) = unless_gone(Held::of(&table, &spec)) else { return };
            for _ in 0..500 {
                match held.step(&table, rng) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::NoSuchTable => {
                        over.fetch_add(1, Ordering::Relaxed);
                        return held.over();
                    }
                    // Other threads do what this one does: a key may be another's by now.
                    Err(error) => panic!("{kind}: {error:?}"),
                }
            }
        });
        assert!(over.into_inner() > 0, "{kind}: no table has ended under anybody");
        let last = current.into_inner();
        if last.info().is_some() {
            count(&last, (0..50_i64).map(Into::into));
        }
        drop((keeper, last));
        assert!(store.all_tables().is_empty());
        settle(&store);
    }
}
