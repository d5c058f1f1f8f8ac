//! Threads against each other, on the public API. Run with `cargo stress`.
//!
//! That builds with `--cfg ferrets_stress`, which makes rare paths common: small segments, so that
//! the index grows and shrinks all the time, and small bags, so that memory comes back at once.
//!
//! | variable | meaning |
//! |---|---|
//! | `FERRETS_STRESS_SECONDS` | for how long each test; 5 |
//! | `FERRETS_STRESS_SEED` | the seed of the choices (not of the schedule); else the clock |
//!
//! No test knows the order in which things happen; each knows something that holds in every order:
//! objects are whole, counts are exact, lists appear at once, what stands throughout is met once,
//! and in the end the memory is back.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the tests need a clock, and print the seed"
)]

#[path = "stress/life.rs"]
mod life;
#[path = "stress/tables.rs"]
mod tables;

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ferrets::{
    Access, CounterOp, ErrorKind, Kind, MatchSpec, Object, ObjectRef, Owner, Result, Store, Table,
    TableOptions, Term, TermRef, tuple,
};

/// Threads in every race, whatever the number of processors: more of them than there are makes
/// some wait in the middle of things.
const THREADS: usize = 8;

/// Whether a key has one object.
fn is_set(kind: Kind) -> bool {
    matches!(kind, Kind::Set | Kind::OrderedSet)
}

const KINDS: [Kind; 4] = [Kind::Set, Kind::OrderedSet, Kind::Bag, Kind::DuplicateBag];

fn number(variable: &str) -> Option<u64> {
    let given = std::env::var(variable).ok()?;
    Some(given.parse().unwrap_or_else(|_| panic!("{variable} should be a number, not {given}")))
}

/// Calls `work` with the number of a thread on [`THREADS`] threads, again and again, until the time
/// is up or one of them panics.
fn race(work: impl Fn(&mut Rng, usize) + Sync) {
    if cfg!(not(ferrets_stress)) {
        panic!("built without its cfg, this proves little: `cargo stress`, with RUSTFLAGS unset");
    }
    let time = Duration::from_secs(number("FERRETS_STRESS_SECONDS").unwrap_or(5));
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let seed = number("FERRETS_STRESS_SEED").unwrap_or_else(clock);
    eprintln!("FERRETS_STRESS_SEED={seed}");
    let failed = AtomicBool::new(false);
    let begun = Instant::now();
    let (failed, work) = (&failed, &work);
    std::thread::scope(|scope| {
        let play = |worker| {
            scope.spawn(move || {
                let _alarm = Alarm(failed);
                let mut rng = Rng::new(seed, worker as u64);
                while begun.elapsed() < time && !failed.load(Ordering::Relaxed) {
                    work(&mut rng, worker);
                }
            })
        };
        let threads: Vec<_> = (0..THREADS).map(play).collect();
        // The scope would wait for them, but in a way that ThreadSanitizer does not see.
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

/// Tells the others when its thread panics.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// The splitmix64 generator.
struct Rng(u64);

impl Rng {
    fn new(seed: u64, worker: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ worker << 56)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % bound
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Ordered sets count, so that every race of theirs moves counts about too.
fn public(owner: &Owner, kind: Kind) -> Table {
    let options = TableOptions::new(kind).access(Access::Public);
    let options = options.order_statistics(kind == Kind::OrderedSet);
    owner.new_table("stress", options).expect("a table can be made")
}

fn bytes(table: &Table) -> usize {
    table.info().expect("the table stands").memory_bytes
}

/// Checks that an emptied table takes what it took when it was new, and the striped counters that
/// it got when threads met in it.
fn assert_small(table: &Table, new: usize) {
    let (now, kind) = (bytes(table), table.kind());
    assert!(now <= new + 1024, "an emptied {kind} takes {now} bytes, a new one {new}");
}

/// Waits until next to nothing is held back for readers: nobody reads any more.
fn settle(store: &Store) {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        store.collect();
        let pending = store.reclamation().pending_bytes;
        if pending == 0 {
            return;
        }
        assert!(Instant::now() < patience, "{pending} bytes are not given back");
        std::thread::yield_now();
    }
}

/// Counts the objects in all the ways there are, when nobody writes.
fn count(table: &Table, keys: impl Iterator<Item = Term>) -> usize {
    let len = table.len().expect("the table stands");
    assert_eq!(table.tab2list().expect("the table stands").len(), len);
    let slots = (0..).map_while(|slot| table.slot(slot).expect("slots end with None"));
    assert_eq!(slots.map(|objects| objects.len()).sum::<usize>(), len);
    let by_key = keys.map(|key| table.lookup(&key).expect("the table stands").len());
    assert_eq!(by_key.sum::<usize>(), len);
    len
}

// ---- Everything on everything -------------------------------------------------------------------

/// Keys in play: few, so that threads meet.
const KEYS: u64 = 150;
/// Values in play: few, so that bags meet equal objects.
const VALUES: u64 = 6;

/// Keys of all sizes: immediate, and in one or several parts behind the object's words.
fn key(n: u64) -> Term {
    let key = match n % 4 {
        0 | 1 => Term::new(n as i64),
        2 => Term::new(format!("key {n}")),
        _ => Term::new((n as i64, "a tuple", [n as i64; 3])),
    };
    key.expect("these have terms")
}

/// An object that says what it should be: its third element repeats the first two. The fourth is
/// for counting.
fn object(n: u64, value: u64) -> Term {
    tuple!(key(n), value as i64, seal(n, value), 0)
}

fn seal(n: u64, value: u64) -> String {
    format!("{n} has the value {value}; so many bytes do not fit a word")
}

/// Checks that an object is whole, and returns its key's number and its value.
fn unseal(object: ObjectRef<'_>) -> (u64, u64) {
    assert_eq!(object.arity(), 4);
    let text = object.element(3).and_then(|seal| seal.as_str()).expect("the seal is text");
    let value = object.element(2).and_then(|value| value.as_i64()).expect("a number") as u64;
    let n = text.split(' ').next().and_then(|n| n.parse().ok()).expect("it starts with a number");
    assert_eq!(text, seal(n, value), "the object is torn");
    assert_eq!(object.element(1), Some(key(n).as_ref()), "the object is torn");
    (n, value)
}

/// Checks that an object is whole.
fn intact(object: ObjectRef<'_>) {
    unseal(object);
}

/// One who plays with a table, and knows what can go wrong.
struct Player<'a> {
    table: &'a Table,
    rng: &'a mut Rng,
    /// Whether somebody may delete the table.
    may_go: bool,
}

impl Player<'_> {
    /// What came out; `None` for an error of one of these kinds, or for a table that has gone.
    fn allow<T: Debug>(&self, result: Result<T>, kinds: &[ErrorKind]) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) if kinds.contains(&error.kind()) => None,
            Err(error) if self.may_go && error.kind() == ErrorKind::NoSuchTable => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    fn sure<T: Debug>(&self, result: Result<T>) -> Option<T> {
        self.allow(result, &[])
    }

    /// As [`sure`](Self::sure), where what came out does not matter.
    fn does<T: Debug>(&self, result: Result<T>) {
        self.sure(result);
    }

    /// For operations that only sets have.
    fn on_sets<T: Debug>(&self, result: Result<T>, kinds: &[ErrorKind]) {
        let set = is_set(self.table.kind());
        let wrong: &[_] = &[ErrorKind::WrongKind, ErrorKind::BadArgument, ErrorKind::NoSuchTable];
        let done = self.allow(result, if set { kinds } else { wrong });
        assert!(set || done.is_none(), "bags do not have this operation");
    }

    /// What may be the objects of one key.
    fn check(&self, n: u64, objects: &[Object]) {
        let values: Vec<u64> = objects
            .iter()
            .map(|object| {
                let (key, value) = unseal(object.as_ref());
                assert_eq!(key, n, "the object of another key");
                value
            })
            .collect();
        let distinct: HashSet<_> = values.iter().collect();
        match self.table.kind() {
            kind if is_set(kind) => {
                assert!(values.len() <= 1, "a set has one object a key: {values:?}");
            }
            Kind::Bag => assert_eq!(distinct.len(), values.len(), "equal objects: {values:?}"),
            _ => {}
        }
    }

    fn objects(&mut self, count: u64) -> Vec<Term> {
        (0..count).map(|_| object(self.rng.below(KEYS), self.rng.below(VALUES))).collect()
    }

    fn play(&mut self) {
        match self.rng.below(32) {
            0..12 => self.write(),
            12..18 => self.remove(),
            18..24 => self.read(),
            24..29 => self.change(),
            29 => self.ask(),
            30 => self.along_keys(),
            _ => self.walk(),
        }
    }

    fn write(&mut self) {
        let (one, some) = (object(self.rng.below(KEYS), self.rng.below(VALUES)), self.objects(5));
        match self.rng.below(4) {
            0 => self.does(self.table.insert(one)),
            1 => self.does(self.table.insert_new(one)),
            2 => self.does(self.table.insert_list(some)),
            _ => self.does(self.table.insert_new_list(some)),
        }
    }

    fn remove(&mut self) {
        let n = self.rng.below(KEYS);
        match self.rng.below(8) {
            0..3 => {
                let taken = self.sure(self.table.take(key(n)));
                self.check(n, taken.as_deref().unwrap_or(&[]));
            }
            3..5 => self.does(self.table.delete(key(n))),
            5..7 => {
                let object = object(n, self.rng.below(VALUES));
                self.does(self.table.delete_object(object));
            }
            _ if self.rng.one_in(200) => self.does(self.table.delete_all_objects()),
            _ => {}
        }
    }

    fn read(&mut self) {
        let n = self.rng.below(KEYS);
        match self.rng.below(6) {
            0 => {
                let found = self.sure(self.table.lookup(key(n)));
                self.check(n, found.as_deref().unwrap_or(&[]));
            }
            1 => {
                let keys: Vec<u64> = (0..20).map(|_| self.rng.below(KEYS)).collect();
                let terms: Vec<Term> = keys.iter().map(|n| key(*n)).collect();
                let found = self.sure(self.table.lookup_many(&terms)).unwrap_or_default();
                found.iter().zip(keys).for_each(|(found, n)| self.check(n, found));
            }
            2 => {
                let seen = self.table.lookup_with(key(n), |object| object.map(unseal));
                assert!(self.sure(seen).flatten().is_none_or(|(key, _)| key == n));
            }
            3 => {
                let seen = self.table.read(|view| {
                    let mut all = Vec::new();
                    view.each(key(n), |object| all.push(object));
                    all.into_iter().map(|object| unseal(object).0).all(|key| key == n)
                });
                assert!(self.sure(seen).unwrap_or(true), "the object of another key");
            }
            4 => self.does(self.table.member(key(n))),
            _ => {
                let value = self.table.lookup_element(key(n), 2);
                let value = self.allow(value, &[ErrorKind::NoSuchKey]);
                let set = is_set(self.table.kind());
                assert!(value.is_none_or(|value| value.as_i64().is_some() == set));
            }
        }
    }

    fn change(&mut self) {
        let (n, value) = (self.rng.below(KEYS), self.rng.below(VALUES));
        let missing = &[ErrorKind::NoSuchKey];
        match self.rng.below(6) {
            0 => self.on_sets(self.table.update_counter(key(n), (4, 1)), missing),
            1 => {
                let counted = self.table.update_counter_or(key(n), (4, 1), object(n, value));
                self.on_sets(counted, &[]);
            }
            2 => {
                // Big integers, there and back: the counter leaves its cell.
                let ops = [CounterOp::new(4, i64::MAX), CounterOp::new(4, -i64::MAX)];
                self.on_sets(self.table.update_counters(key(n), &ops), missing);
            }
            3 => {
                let seal = Term::new(seal(n, value)).expect("text has a term");
                let values = [(2, Term::from(value as i64)), (3, seal)];
                self.on_sets(self.table.update_elements(key(n), &values), &[]);
            }
            4 => {
                let other = object(n, self.rng.below(VALUES));
                self.on_sets(self.table.compare_and_swap(object(n, value), other), &[]);
            }
            _ => {
                let panics = self.rng.one_in(20);
                let updated = self.table.update(key(n), |old| {
                    assert!(!panics, "on purpose");
                    Ok(old
                        .is_none_or(|old| unseal(old.as_ref()).1 != value)
                        .then(|| object(n, value)))
                });
                self.on_sets(updated, if panics { &[ErrorKind::Panicked] } else { &[] });
            }
        }
    }

    /// Questions to the whole table, and to one key.
    fn ask(&mut self) {
        let value = self.rng.below(VALUES);
        let spec = |text: String| text.parse::<MatchSpec>().expect("a specification");
        let of_value = spec(format!("[{{{{'_',{value},'_','_'}},[],['$_']}}]"));
        let key = key(self.rng.below(KEYS));
        let of_key = spec(format!("[{{{{{key},{value},'_','_'}},[],[true]}}]"));
        let whole = |term: &Term| {
            let (_, found, seal, _) =
                term.get::<(TermRef<'_>, u64, &str, TermRef<'_>)>().expect("four");
            let ours = (0..KEYS).any(|n| seal == self::seal(n, found));
            assert!(found == value && ours, "the object is torn: {term}");
        };
        match self.rng.below(6) {
            0 => {
                let found = self.sure(self.table.select(&of_value)).unwrap_or_default();
                found.iter().for_each(whole);
            }
            1 => {
                let three = NonZeroUsize::new(3).expect("not zero");
                let mut chunk = self.sure(self.table.select_chunk(&of_value, three)).flatten();
                while let Some(some) = chunk {
                    some.results.iter().for_each(whole);
                    let Some(rest) = some.rest else { break };
                    chunk = self.sure(self.table.resume(rest)).flatten();
                }
            }
            2 => self.does(self.table.select_count(&of_value)),
            3 => {
                let deleted = self.sure(self.table.select_delete(&of_key)).unwrap_or(0);
                assert!(deleted <= 1 || self.table.kind() == Kind::DuplicateBag);
            }
            4 => {
                let wanted = |object: ObjectRef<'_>| unseal(object).1 == value;
                let found = self.sure(self.table.filter(wanted)).unwrap_or_default();
                assert!(found.iter().all(|object| unseal(object.as_ref()).1 == value));
            }
            _ => {
                // With the seal that belongs to the new value.
                let (n, other) = (self.rng.below(KEYS), (value + 1) % VALUES);
                let (key, seal) = (self::key(n), Term::new(seal(n, other)).expect("it has a term"));
                let head = format!("{{{key},{value},'_','$1'}}");
                let body = format!("{{{{{{const,{key}}},{other},{seal},'$1'}}}}");
                let swap = format!("[{{{head},[],[{body}]}}]");
                let wrong = [ErrorKind::BadArgument, ErrorKind::WrongKind];
                let bag = self.table.kind() == Kind::Bag;
                let swapped = self.table.select_replace(&spec(swap));
                let swapped = self.allow(swapped, if bag { &wrong } else { &[] });
                assert!(!bag || swapped.is_none(), "bags do not have this operation");
            }
        }
    }

    /// What only ordered sets have.
    fn along_keys(&mut self) {
        if self.table.kind() != Kind::OrderedSet {
            let wrong = self.allow(self.table.pop_first(), &[ErrorKind::WrongKind]);
            return assert!(wrong.is_none(), "hash tables have no first object");
        }
        let (low, high) = (key(self.rng.below(KEYS)), key(self.rng.below(KEYS)));
        let ascending = |objects: &[Object]| {
            objects.iter().for_each(|object| intact(object.as_ref()));
            let keys: Vec<_> = objects.iter().filter_map(|object| object.element(1)).collect();
            assert!(keys.is_sorted(), "out of order");
            assert!(
                keys.iter().all(|key| low.as_ref() <= *key && *key < high.as_ref()),
                "out of the range"
            );
        };
        match self.rng.below(6) {
            0 => {
                let all = self.sure(self.table.range(&low..&high));
                let all = all.map(|all| all.collect::<Result<Vec<_>>>());
                ascending(&all.and_then(|all| self.sure(all)).unwrap_or_default());
            }
            1 => {
                let all = self.table.range(&low..&high).and_then(ferrets::RangeIter::linearizable);
                ascending(&self.allow(all, &[ErrorKind::Contention]).unwrap_or_default());
            }
            2 => self.does(self.table.count(&low..&high)),
            3 if self.rng.one_in(20) => self.does(self.table.delete_range(&low..&high)),
            4 => {
                let last = self.sure(self.table.pop_last()).flatten();
                last.iter().for_each(|object| intact(object.as_ref()));
            }
            _ => {
                let first = self.sure(self.table.pop_first()).flatten();
                first.iter().for_each(|object| intact(object.as_ref()));
            }
        }
    }

    fn walk(&mut self) {
        match self.rng.below(5) {
            0 => {
                let all = self.sure(self.table.tab2list()).unwrap_or_default();
                all.iter().for_each(|object| intact(object.as_ref()));
            }
            1 => self.does(self.table.foldr((), |object, ()| intact(object.as_ref()))),
            2 => self.does(self.table.read(|view| view.for_each(intact))),
            3 => {
                let slot = self.table.slot(self.rng.below(64) as usize);
                let objects = self.allow(slot, &[ErrorKind::BadArgument]).flatten();
                objects.unwrap_or_default().iter().for_each(|object| intact(object.as_ref()));
            }
            _ => {
                let Some(_fixation) = self.sure(self.table.fix()) else { return };
                let mut at = self.sure(self.table.first_lookup()).flatten();
                for _ in 0..30 {
                    let Some((key, objects)) = at else { break };
                    objects.iter().for_each(|object| intact(object.as_ref()));
                    at = self.sure(self.table.next_lookup(&key)).flatten();
                }
            }
        }
    }
}

#[test]
#[ignore = "stress: run with `cargo stress`"]
fn every_operation_on_every_kind() {
    for kind in KINDS {
        let store = Store::new();
        let owner = store.owner();
        let table = public(&owner, kind);
        let before = bytes(&table);
        race(|rng, _| Player { table: &table, rng, may_go: false }.play());
        count(&table, (0..KEYS).map(key));
        (0..KEYS).for_each(|n| table.delete(key(n)).expect("the table stands"));
        assert_eq!(count(&table, (0..KEYS).map(key)), 0);
        settle(&store);
        assert_small(&table, before);
    }
}

#[test]
#[ignore = "stress: run with `cargo stress`"]
fn tables_end_in_the_middle_of_things() {
    for kind in KINDS {
        let store = Store::new();
        race(|rng, worker| {
            if worker > 1 {
                let Ok(table) = store.table("stress") else { return };
                let mut player = Player { table: &table, rng, may_go: true };
                (0..100).for_each(|_| player.play());
                return;
            }
            // Two compete for the name; the tables end by hand or with their owner.
            let owner = store.owner();
            let options = TableOptions::new(kind).access(Access::Public).named(true);
            let table = match owner.new_table("stress", options) {
                Ok(table) => table,
                Err(error) => return assert_eq!(error.kind(), ErrorKind::AlreadyExists),
            };
            let mut player = Player { table: &table, rng, may_go: false };
            (0..200).for_each(|_| player.play());
            if rng.one_in(2) {
                table.delete_table().expect("nobody else deletes it");
                let again = table.delete_table().expect_err("it is deleted");
                assert_eq!(again.kind(), ErrorKind::NoSuchTable);
            }
            drop(owner);
            assert!(table.info().is_none());
        });
        assert!(store.owner().all_tables().is_empty());
        settle(&store);
    }
}

// ---- Counting -----------------------------------------------------------------------------------

/// However one adds, and whatever happens around it, nothing is lost and nothing counted twice.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn counters_are_exact() {
    const COUNTERS: u64 = 12;
    let store = Store::new();
    let owner = store.owner();
    let table = public(&owner, Kind::Set);
    let sums: Vec<AtomicI64> = (0..COUNTERS).map(|_| AtomicI64::new(0)).collect();
    for n in 0..COUNTERS {
        table.insert((n as i64, 0, "beside the counter")).expect("the table stands");
    }
    race(|rng, worker| {
        let n = if rng.one_in(2) { 0 } else { rng.below(COUNTERS) };
        let (key, by) = (n as i64, rng.below(1000) as i64);
        match worker {
            // Neighbours come and go, so that the counters' buckets split and merge.
            0 => (100..400).for_each(|key| table.insert((key, 0, "neighbour")).expect("stands")),
            1 => (100..400).for_each(|key| table.delete(key).expect("the table stands")),
            // What was added before a read begins is in what it sees.
            2 => {
                let low = sums[n as usize].load(Ordering::Acquire);
                let seen = table.lookup_element(key, 2).expect("it stands").as_i64();
                assert!(seen >= Some(low), "{seen:?} is less than {low}");
            }
            _ => {
                add(&table, rng, key, by);
                sums[n as usize].fetch_add(by, Ordering::Release);
            }
        }
    });
    for (n, sum) in sums.iter().enumerate() {
        let value = table.lookup_element(n as i64, 2).expect("the table stands");
        assert_eq!(value.as_i64(), Some(sum.load(Ordering::Relaxed)), "counter {n}");
    }
}

/// Adds to the second element of an object in one of the ways there are.
fn add(table: &Table, rng: &mut Rng, key: i64, by: i64) {
    let sum = |old: &Object| old.element(2).and_then(|n| n.as_i64()).expect("a number") + by;
    match rng.below(8) {
        0..4 => drop(table.update_counter(key, (2, by)).expect("it stands")),
        4 => {
            let ops = [CounterOp::new(2, by - 7), CounterOp::new(2, 7)];
            let values = table.update_counters(key, &ops).expect("it stands");
            assert_eq!(values[0].to_i64().map(|n| n + 7), values[1].to_i64(), "in one instant");
        }
        5 => {
            // A list that passes through a big integer takes the slow way.
            let ops =
                [CounterOp::new(2, i64::MAX), CounterOp::new(2, by), CounterOp::new(2, -i64::MAX)];
            table.update_counters(key, &ops).expect("it stands");
        }
        6 => {
            let add = |old: Option<&Object>| Ok(old.map(|old| (key, sum(old), "by a closure")));
            table.update(key, add).expect("it stands");
        }
        _ => loop {
            let old = table.lookup(key).expect("it stands").into_first().expect("it is there");
            let new = (key, sum(&old), "by a swap");
            if table.compare_and_swap(&old, new).expect("it stands") {
                break;
            }
        },
    }
}

// ---- All or nothing -----------------------------------------------------------------------------

/// A writer inserts one round after the other under many keys at once. Who has seen a round under
/// one key sees none that is older under another.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn lists_are_seen_whole() {
    const SERIES: u64 = 2;
    const LENGTH: u64 = 24;
    for kind in KINDS {
        let store = Store::new();
        let owner = store.owner();
        let table = public(&owner, kind);
        let rounds: Vec<AtomicU64> = (0..SERIES).map(|_| AtomicU64::new(0)).collect();
        let keys = |series: u64| (0..LENGTH).map(move |n| (series * 1000 + n) as i64);
        race(|rng, worker| {
            let series = rng.below(SERIES);
            match worker as u64 {
                writer @ 0..SERIES => {
                    let round = rounds[writer as usize].fetch_add(1, Ordering::Relaxed) as i64 + 1;
                    let objects = keys(writer).map(|key| (key, round)).collect::<Vec<_>>();
                    table.insert_list(objects).expect("the table stands");
                    if !is_set(kind) {
                        // Keep the bags short: the newest stays.
                        keys(writer).for_each(|key| {
                            table.delete_object((key, round - 1)).expect("the table stands");
                        });
                    }
                }
                2 => {
                    let key = 10_000 + rng.below(500) as i64;
                    let _ = table.insert((key, 0)).and_then(|()| table.delete(key - 250));
                }
                _ => {
                    let newest = |object: ObjectRef<'_>| object.element(2).and_then(|n| n.as_i64());
                    let seen = table.read(|view| {
                        let newest = |key| {
                            let mut max = None;
                            view.each(key, |object| max = max.max(newest(object)));
                            max
                        };
                        keys(series).map(newest).collect::<Vec<_>>()
                    });
                    let seen = seen.expect("the table stands");
                    assert!(seen.is_sorted(), "a torn list in a {kind}: {seen:?}");
                }
            }
        });
    }
}

/// `insert_new_list` as a lock over two keys: whoever inserts both is alone until he removes the
/// second.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn one_of_many_inserts_a_new_list() {
    for kind in KINDS {
        let store = Store::new();
        let owner = store.owner();
        let table = public(&owner, kind);
        let (inside, entered) = (AtomicBool::new(false), AtomicU64::new(0));
        race(|rng, worker| {
            let me = worker as i64;
            let pair = if rng.one_in(2) { ["left", "right"] } else { ["right", "left"] };
            if !table.insert_new_list(pair.map(|key| (key, me))).expect("the table stands") {
                return;
            }
            assert!(!inside.swap(true, Ordering::Relaxed), "two have won");
            entered.fetch_add(1, Ordering::Relaxed);
            let take = |key: &str| {
                let taken = table.take(key).expect("the table stands");
                let who = taken.iter().map(|object| object.element(2).and_then(|who| who.as_i64()));
                assert!(who.eq([Some(me)]), "another has won too: {taken:?}");
            };
            take(pair[0]);
            assert!(inside.swap(false, Ordering::Relaxed));
            take(pair[1]);
        });
        assert!(entered.into_inner() > 0 && table.is_empty().expect("the table stands"));
    }
}

/// Pairs come under one key at once, and `delete_all_objects` takes all at once: nobody ever sees
/// half a pair.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn clearing_leaves_no_halves() {
    for kind in [Kind::Bag, Kind::DuplicateBag] {
        let store = Store::new();
        let owner = store.owner();
        let table = public(&owner, kind);
        let before = bytes(&table);
        let next = AtomicI64::new(0);
        race(|rng, worker| {
            let key = rng.below(40) as i64;
            match worker {
                0 => {
                    std::thread::sleep(Duration::from_micros(rng.below(2000)));
                    table.delete_all_objects().expect("the table stands");
                }
                1..5 => {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    table.insert_list([(key, n, 1), (key, n, 2)]).expect("the table stands");
                }
                5 => {
                    let taken = table.take(key).expect("the table stands");
                    assert!(are_pairs(&taken), "half a pair in a {kind}: {taken:?}");
                }
                _ => {
                    let found = table.lookup(key).expect("the table stands");
                    assert!(are_pairs(&found), "half a pair in a {kind}: {found:?}");
                }
            }
        });
        count(&table, (0..40_i64).map(Term::from));
        table.delete_all_objects().expect("the table stands");
        assert_eq!(count(&table, (0..40_i64).map(Term::from)), 0);
        settle(&store);
        assert_small(&table, before);
    }
}

fn are_pairs(objects: &[Object]) -> bool {
    let half = |object: &Object, n| object.element(n).and_then(|n| n.as_i64());
    let mut halves: HashMap<_, i64> = HashMap::new();
    for object in objects {
        *halves.entry(half(object, 2)).or_default() += half(object, 3).unwrap_or(0);
    }
    halves.values().all(|sum| *sum == 3)
}

// ---- Walks --------------------------------------------------------------------------------------

/// While others make the table grow and shrink, every kind of walk meets what stands throughout
/// exactly once. (What is deleted and inserted again may be met again: it is another object.)
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn walks_meet_what_stands_once() {
    const STANDING: i64 = 300;
    for kind in KINDS {
        let store = Store::new();
        let owner = store.owner();
        let table = public(&owner, kind);
        table.insert_list((0..STANDING).map(|n| (n, 0)).collect::<Vec<_>>()).expect("it stands");
        race(|rng, worker| {
            if worker < 4 {
                let mine = 10_000 * (worker as i64 + 1)..10_000 * (worker as i64 + 1) + 1500;
                mine.clone().for_each(|n| table.insert((n, 0)).expect("the table stands"));
                mine.for_each(|n| table.delete(n).expect("the table stands"));
                return;
            }
            let (walk, met) = walk(&table, rng);
            let mut times = [0; STANDING as usize];
            for n in met.into_iter().filter(|n| *n < STANDING) {
                times[n as usize] += 1;
            }
            let wrong = times.iter().position(|times| *times != 1);
            let times = wrong.map(|n| times[n]);
            assert_eq!(times, None, "{walk} in a {kind} met {wrong:?} so often");
        });
    }
}

/// Walks over a table in one of the ways there are; returns its name and the keys it met.
fn walk(table: &Table, rng: &mut Rng) -> (&'static str, Vec<i64>) {
    let number = |key: Option<TermRef<'_>>| key.and_then(TermRef::as_i64).expect("a number");
    let mut met = Vec::new();
    let name = match rng.below(4) {
        0 => {
            let all = table.tab2list().expect("the table stands");
            met.extend(all.iter().map(|object| number(object.element(1))));
            "tab2list"
        }
        1 => {
            let meet = |object: &Object, ()| met.push(number(object.element(1)));
            table.foldl((), meet).expect("the table stands");
            "foldl"
        }
        2 => {
            let mut meet = |object: ObjectRef<'_>| met.push(number(object.element(1)));
            table.read(|view| view.for_each(&mut meet)).expect("the table stands");
            "for_each"
        }
        _ => {
            let _fixation = table.fix().expect("the table stands");
            let mut at = table.first().expect("the table stands");
            while let Some(key) = at {
                met.push(number(Some(key.as_ref())));
                at = table.next(&key).expect("the table is fixed");
            }
            "next"
        }
    };
    (name, met)
}

// ---- Order statistics and snapshots -------------------------------------------------------------

/// Every object of an ordered set is where it says, and there is nothing else.
fn assert_counted(table: &Table) {
    let all: Vec<Object> =
        table.range(..).expect("the table stands").map(|object| object.expect("it fits")).collect();
    for (at, object) in all.iter().enumerate() {
        let key = object.element(1).expect("it has a key");
        assert_eq!(table.position(key).expect("the table stands"), Some(at), "{key}");
        assert_eq!(table.nth(at).expect("the table stands").as_ref(), Some(object));
    }
    assert_eq!(table.nth(all.len()).expect("the table stands"), None);
}

/// Positions under all kinds of writers stay between what they may be, snapshots show one instant
/// again and again, and all is exact when it is quiet.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn positions_and_snapshots_hold() {
    const STAY: i64 = 200;
    let store = Store::new();
    let owner = store.owner();
    let table = public(&owner, Kind::OrderedSet);
    table.insert_list((0..STAY).map(|n| (n * 1_000, -1))).expect("the table stands");
    // Others, at most: each thread has up to forty objects of its own.
    let others = 40 * THREADS as i64;
    race(|rng, worker| {
        let mine = |n: i64| n * 1_000 + 1 + worker as i64 * 40;
        let (n, many) = (rng.below(STAY as u64) as i64, 1 + rng.below(40) as i64);
        let may = n + 1..=n + 1 + others;
        match rng.below(4) {
            0 => {
                let placed = table.insert_ranked((mine(n), worker)).expect("the table stands");
                assert!(may.contains(&(placed.position as i64)) && !placed.replaced);
                let taken = table.take_ranked(mine(n)).expect("the table stands");
                assert!(taken.is_some_and(|(position, _)| may.contains(&(position as i64))));
            }
            1 => {
                let list = (0..many).map(|k| (mine(n) + k, worker));
                table.insert_list(list).expect("the table stands");
                let range = mine(n)..mine(n) + many;
                assert_eq!(table.delete_range(range).expect("the table stands") as i64, many);
            }
            2 => {
                let rank = table.rank(n * 1_000).expect("the table stands") as i64;
                // Summed up over a few parts, in each of which the others may be met.
                assert!((n..=n + 16 * others).contains(&rank), "{rank} of {n}");
                let slice = table.slice(n as usize, 20).expect("the table stands");
                let keys: Vec<_> = slice.iter().filter_map(|object| object.element(1)).collect();
                assert!(keys.is_sorted_by(|a, b| a < b), "a slice is in order");
            }
            _ => {
                let snapshot = table.snapshot().expect("the table stands");
                let read = || -> Vec<Object> {
                    let all = snapshot.range(..).expect("it is a range");
                    all.map(|object| object.expect("it fits")).collect()
                };
                let first = read();
                assert_eq!(first.len(), snapshot.len());
                let value = |object: &Object| object.element(2).and_then(TermRef::as_i64);
                let staying = first.iter().filter(|object| value(object) == Some(-1));
                assert_eq!(staying.count() as i64, STAY, "what stays is there");
                assert!(read() == first, "it shows the same again");
            }
        }
    });
    assert_eq!(table.len().expect("the table stands") as i64, STAY);
    assert_counted(&table);
}

// ---- Names --------------------------------------------------------------------------------------

/// Names are unique, and lead to the table that has them.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn names_lead_to_their_tables() {
    const NAMES: [&str; 5] = ["stress a", "stress b", "stress c", "stress d", "stress e"];
    let store = Store::new();
    race(|rng, _| {
        let owner = store.owner();
        let name = |rng: &mut Rng| NAMES[rng.below(5) as usize];
        let options = TableOptions::new(Kind::Set).named(true);
        let mut mine = name(rng);
        let Ok(table) = owner.new_table(mine, options) else { return };
        for _ in 0..10 {
            assert_eq!(store.table(mine).expect("it has the name").id(), table.id());
            let wanted = name(rng);
            match table.rename(wanted) {
                Ok(()) => mine = wanted,
                Err(error) => assert_eq!(error.kind(), ErrorKind::BadArgument, "the name is taken"),
            }
            let named = owner.all_tables().iter().filter(|other| other.id() == table.id()).count();
            assert_eq!((named, table.name().name()), (1, mine));
        }
    });
    assert!(NAMES.iter().all(|name| store.table(name).is_err()), "the names are free again");
    assert!(store.owner().all_tables().is_empty());
}

// ---- Memory -------------------------------------------------------------------------------------

/// Memory of deleted objects comes back while readers come and go, and a table that has been large
/// is small again.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn memory_comes_back() {
    for kind in KINDS {
        let store = Store::new();
        let owner = store.owner();
        let table = public(&owner, kind);
        let before = bytes(&table);
        let most = AtomicU64::new(0);
        race(|rng, worker| {
            let payload = "of some size ".repeat(1 + rng.below(50) as usize);
            let mine = 10_000 * worker as i64..10_000 * worker as i64 + 400;
            for n in mine.clone() {
                table.insert((n, payload.as_str())).expect("the table stands");
            }
            let objects: Vec<_> = mine.map(|n| table.take(n).expect("the table stands")).collect();
            assert!(objects.iter().all(|taken| taken.len() == 1));
            most.fetch_max(store.reclamation().pending_bytes as u64, Ordering::Relaxed);
        });
        assert!(table.is_empty().expect("the table stands"));
        settle(&store);
        assert_small(&table, before);
        // The ceiling at which writers help is 16 MiB; a preempted reader may hold up some more.
        let most = most.into_inner();
        assert!(most < 256 << 20, "{most} bytes were held back at some time");
    }
}
