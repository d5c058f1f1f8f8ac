//! Batches: against a model that does the steps one after the other, and from several threads.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::atomic::{AtomicBool, Ordering};

use ferrets::{
    Access, Batch, Condition, CounterOp, ErrorKind, Integer, Kind, Object, Outcome, Result, Store,
    Table, TableOptions, Term, term, tuple,
};

const KINDS: [Kind; 4] = [Kind::Set, Kind::OrderedSet, Kind::Bag, Kind::DuplicateBag];

fn table(kind: Kind) -> (ferrets::Owner, Table) {
    let owner = Store::with_seed(7).owner();
    let options = TableOptions::new(kind).access(Access::Public);
    let table = owner.new_table("t", options).unwrap();
    (owner, table)
}

/// A small generator of numbers, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, range: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % range
    }

    /// One of so many keys.
    fn key(&mut self, keys: u64) -> Term {
        let n = self.below(keys) as i64;
        if self.below(4) == 0 { term!({ n, "long enough to be boxed" }) } else { term!(n) }
    }
}

/// One step, as the model and the table both do it.
#[derive(Clone, Debug)]
enum Step {
    Insert(Term, i64),
    Delete(Term),
    DeleteObject(Term, i64),
    Lookup(Term),
    Count(Term, i64),
    CountOr(Term, i64),
    Set(Term, i64),
    IfAbsent(Term),
    IfPresent(Term),
    IfObject(Term, i64),
}

impl Step {
    fn draw(dice: &mut Dice, kind: Kind, keys: u64) -> Self {
        let (key, value) = (dice.key(keys), dice.below(4) as i64);
        let is_set = matches!(kind, Kind::Set | Kind::OrderedSet);
        match dice.below(if is_set { 21 } else { 16 }) {
            0..=5 => Self::Insert(key, value),
            6..=8 => Self::Delete(key),
            9..=11 => Self::DeleteObject(key, value),
            12 => Self::Lookup(key),
            13 => Self::IfAbsent(key),
            14 => Self::IfPresent(key),
            15 => Self::IfObject(key, value),
            16 => Self::Count(key, value),
            17 | 18 => Self::CountOr(key, value),
            _ => Self::Set(key, value),
        }
    }

    fn add_to(&self, batch: &mut Batch) -> Result<()> {
        match self.clone() {
            Self::Insert(key, value) => batch.insert((key, value)),
            Self::Delete(key) => batch.delete(key),
            Self::DeleteObject(key, value) => batch.delete_object((key, value)),
            Self::Lookup(key) => batch.lookup(key),
            Self::Count(key, value) => batch.update_counter(key, (2, value)),
            Self::CountOr(key, value) => batch.update_counter_or(key, (2, value), ("", 100)),
            Self::Set(key, value) => batch.update_element(key, 2, value),
            Self::IfAbsent(key) => batch.if_absent(key),
            Self::IfPresent(key) => batch.if_present(key),
            Self::IfObject(key, value) => batch.if_object_is((key, value)),
        }
        .map(|_| ())
    }
}

/// A table as a list, and what one step gives: what was there, or a count.
#[derive(Clone)]
struct Model {
    kind: Kind,
    objects: Vec<(Term, i64)>,
}

/// What a step of the model gives.
#[derive(Debug, PartialEq)]
enum Given {
    Held,
    Objects(Vec<(Term, i64)>),
    Count(i64),
    Conflict(Vec<(Term, i64)>),
    NoSuchKey,
}

impl Model {
    fn is_set(&self) -> bool {
        matches!(self.kind, Kind::Set | Kind::OrderedSet)
    }

    fn of(&self, key: &Term) -> Vec<(Term, i64)> {
        self.objects.iter().filter(|(held, _)| held == key).cloned().collect()
    }

    fn remove(&mut self, gone: impl Fn(&(Term, i64)) -> bool) -> Given {
        let (removed, kept) = self.objects.drain(..).partition(gone);
        self.objects = kept;
        Given::Objects(removed)
    }

    fn insert(&mut self, key: Term, value: i64) -> Given {
        let old = if self.is_set() {
            self.remove(|(held, _)| *held == key)
        } else {
            Given::Objects(Vec::new())
        };
        let object = (key, value);
        if self.kind != Kind::Bag || !self.objects.contains(&object) {
            self.objects.push(object);
        }
        old
    }

    fn condition(&self, holds: bool, key: &Term) -> Given {
        if holds { Given::Held } else { Given::Conflict(self.of(key)) }
    }

    fn step(&mut self, step: &Step) -> Given {
        match step.clone() {
            Step::Insert(key, value) => self.insert(key, value),
            Step::Delete(key) => self.remove(|(held, _)| *held == key),
            Step::DeleteObject(key, value) => self.remove(|held| *held == (key.clone(), value)),
            Step::Lookup(key) => Given::Objects(self.of(&key)),
            Step::Count(key, add) => match self.of(&key)[..] {
                [(_, value)] => {
                    self.insert(key, value + add);
                    Given::Count(value + add)
                }
                _ => Given::NoSuchKey,
            },
            Step::CountOr(key, add) => {
                let value = self.of(&key).first().map_or(100, |(_, value)| *value) + add;
                self.insert(key, value);
                Given::Count(value)
            }
            Step::Set(key, value) => {
                let old = self.of(&key);
                if !old.is_empty() {
                    self.insert(key, value);
                }
                Given::Objects(old)
            }
            Step::IfAbsent(key) => self.condition(self.of(&key).is_empty(), &key),
            Step::IfPresent(key) => self.condition(!self.of(&key).is_empty(), &key),
            Step::IfObject(key, value) => {
                self.condition(self.objects.contains(&(key.clone(), value)), &key)
            }
        }
    }
}

#[allow(single_use_lifetimes, reason = "it cannot be elided in a bound")]
fn plain<'o>(objects: impl IntoIterator<Item = &'o Object>) -> Vec<(Term, i64)> {
    objects.into_iter().map(|object| object.decode().unwrap()).collect()
}

/// All objects, those of one key in their order.
fn sorted(mut objects: Vec<(Term, i64)>) -> Vec<(Term, i64)> {
    objects.sort_by(|(a, _), (b, _)| a.cmp(b));
    objects
}

fn same(outcome: &Outcome, given: &Given) -> bool {
    match (outcome, given) {
        (Outcome::Held, Given::Held) => true,
        (Outcome::Objects(objects), Given::Objects(expected)) => plain(objects.iter()) == *expected,
        (Outcome::Count(count), Given::Count(expected)) => *count == *expected,
        _ => false,
    }
}

/// Does the steps on both, and compares all that there is to see.
fn compare(table: &Table, model: &mut Model, steps: &[Step]) {
    let mut batch = table.batch();
    steps.iter().for_each(|step| step.add_to(&mut batch).unwrap());
    assert_eq!(batch.len(), steps.len());
    let mut after = model.clone();
    let given: Vec<Given> = steps.iter().map(|step| after.step(step)).collect();
    let stop =
        given.iter().position(|given| matches!(given, Given::Conflict(_) | Given::NoSuchKey));
    match (batch.commit(), stop.map(|at| (at, &given[at]))) {
        (Ok(Ok(outcomes)), None) => {
            for (at, (outcome, given)) in outcomes.iter().zip(&given).enumerate() {
                assert!(same(outcome, given), "step {at} of {steps:?}: {outcome:?}, not {given:?}");
            }
            *model = after;
        }
        (Ok(Err(conflict)), Some((at, Given::Conflict(found)))) => {
            assert_eq!(conflict.step(), at, "{steps:?}");
            assert_eq!(plain(conflict.found().iter()), *found, "{steps:?}");
        }
        (Err(error), Some((at, Given::NoSuchKey))) => {
            assert_eq!(error.kind(), ErrorKind::NoSuchKey);
            assert!(error.to_string().starts_with(&format!("step {at}: ")), "{error}");
        }
        (answer, expected) => panic!("{steps:?}: {answer:?}, not {expected:?}"),
    }
    let all = plain(table.tab2list().unwrap().iter());
    assert_eq!(sorted(all), sorted(model.objects.clone()), "after {steps:?}");
    assert_eq!(table.len().unwrap(), model.objects.len());
}

#[test]
fn batches_do_what_a_model_does() {
    for kind in KINDS {
        for seed in 0..40 {
            let mut dice = Dice(seed);
            let (_owner, table) = table(kind);
            let mut model = Model { kind, objects: Vec::new() };
            for _ in 0..60 {
                let most = [3, 8, 40][dice.below(3) as usize];
                let count = dice.below(most);
                let steps: Vec<Step> =
                    (0..count).map(|_| Step::draw(&mut dice, kind, 12)).collect();
                compare(&table, &mut model, &steps);
                // Some of what is there was not put there by a batch.
                let (key, value) = (dice.key(12), dice.below(4) as i64);
                table.insert((key.clone(), value)).unwrap();
                model.insert(key, value);
            }
        }
    }
}

/// What a key of a bag has is changed again and again, and seldom deleted as a whole: what was
/// deleted of it is tidied away meanwhile.
#[test]
fn batches_on_one_key_do_what_a_model_does() {
    for kind in [Kind::Bag, Kind::DuplicateBag] {
        for seed in 0..8 {
            let mut dice = Dice(seed);
            let (_owner, table) = table(kind);
            let mut model = Model { kind, objects: Vec::new() };
            let empty = table.info().unwrap().memory_bytes;
            for _ in 0..1_000 {
                let count = dice.below(8);
                let steps = (0..count).map(|_| Step::draw(&mut dice, kind, 1));
                let steps: Vec<Step> = steps.collect();
                let is_rare = |step: &Step| matches!(step, Step::Delete(_) | Step::IfAbsent(_));
                if !steps.iter().any(is_rare) || dice.below(100) == 0 {
                    compare(&table, &mut model, &steps);
                }
            }
            let bytes = table.info().unwrap().memory_bytes - empty;
            // Equal objects take the memory of their common digests besides.
            let most = 6_500 + 200 * model.objects.len();
            assert!(bytes < most, "{kind}, seed {seed}: {bytes} of {}", model.objects.len());
            model.objects.iter().for_each(|(key, _)| table.delete(key).unwrap());
            assert_eq!(table.info().unwrap().memory_bytes, empty, "all bytes were counted");
        }
    }
}

/// The memory of a key with a few objects does not grow with the batches that were done to it.
#[test]
fn batches_on_a_key_of_a_bag_leave_nothing_behind() {
    for kind in [Kind::Bag, Kind::DuplicateBag] {
        let (_owner, table) = table(kind);
        let empty = table.info().unwrap().memory_bytes;
        table.insert_list((0..3).map(|n| ("key", n))).unwrap();
        let fresh = table.info().unwrap().memory_bytes - empty;
        for n in 3..5_000 {
            let mut batch = table.batch();
            batch.delete_object(("key", n - 3)).unwrap().insert(("key", n)).unwrap();
            batch.commit().unwrap().unwrap();
            let expected = (n - 2..=n).map(|n| (term!("key"), n)).collect::<Vec<_>>();
            assert_eq!(plain(table.lookup("key").unwrap().iter()), expected);
        }
        let bytes = table.info().unwrap().memory_bytes - empty;
        assert!(bytes < 4 * fresh, "{kind}: {fresh} bytes, then {bytes}");
        assert_eq!(table.len().unwrap(), 3);
        table.delete("key").unwrap();
        assert_eq!(table.info().unwrap().memory_bytes, empty, "{kind}: all bytes were counted");
    }
}

/// What batches put in and do not commit takes no place, however often it is tried.
#[test]
fn batches_that_fail_leave_nothing_behind() {
    for (kind, objects) in [(Kind::Bag, 3), (Kind::DuplicateBag, 3), (Kind::DuplicateBag, 40)] {
        let (_owner, table) = table(kind);
        let empty = table.info().unwrap().memory_bytes;
        table.insert_list((0..objects).map(|n| ("key", n))).unwrap();
        let fresh = table.info().unwrap().memory_bytes - empty;
        let mut failing = table.batch();
        for n in 0..4 {
            failing.insert(("key", -n)).unwrap().delete_object(("key", n)).unwrap();
        }
        failing.insert(("key", -1)).unwrap().if_absent("key").unwrap();
        for _ in 0..5_000 {
            assert_eq!(failing.commit().unwrap().unwrap_err().condition(), Condition::Absent);
        }
        let bytes = table.info().unwrap().memory_bytes - empty;
        assert!(bytes < 4 * fresh, "{kind}: {fresh} bytes, then {bytes}");
        let expected = (0..objects).map(|n| (term!("key"), n)).collect::<Vec<_>>();
        assert_eq!(plain(table.lookup("key").unwrap().iter()), expected);
        assert_eq!(table.take("key").unwrap().len(), objects as usize);
        assert_eq!(table.info().unwrap().memory_bytes, empty, "{kind}: all bytes were counted");
    }
}

#[test]
fn large_batches_grow_and_shrink_a_table() {
    for kind in KINDS {
        let (_owner, table) = table(kind);
        let bytes = table.info().unwrap().memory_bytes;
        let (mut fill, mut drain) = (table.batch(), table.batch());
        for key in 0..20_000 {
            fill.insert((key, "value")).unwrap();
            drain.delete(key).unwrap();
        }
        for _ in 0..2 {
            fill.commit().unwrap().unwrap();
            assert_eq!(table.len().unwrap(), 20_000);
            let gone = drain.commit().unwrap().unwrap();
            assert!(gone.iter().all(|outcome| outcome.objects().len() == 1));
            assert_eq!(table.len().unwrap(), 0);
        }
        let left = table.info().unwrap().memory_bytes;
        assert!(left < bytes + 8_192, "{kind}: {bytes} bytes, then {left}");
    }
}

#[test]
fn crowded_keys_of_bags() {
    for kind in [Kind::Bag, Kind::DuplicateBag] {
        let (_owner, table) = table(kind);
        table.insert_list((0..1_000).map(|n| ("crowd", n))).unwrap();
        let mut batch = table.batch();
        for n in 0..500 {
            batch.delete_object(("crowd", n)).unwrap().insert(("other", n)).unwrap();
        }
        batch.insert(("crowd", 1_000)).unwrap().if_object_is(("crowd", 999)).unwrap();
        let mut failing = batch.clone();
        failing.if_object_is(("crowd", 0)).unwrap();
        let conflict = failing.commit().unwrap().unwrap_err();
        assert_eq!((conflict.condition(), conflict.found().len()), (Condition::Object, 501));
        assert_eq!(table.lookup("crowd").unwrap().len(), 1_000, "nothing was done");
        assert!(!table.member("other").unwrap());

        batch.commit().unwrap().unwrap();
        let left = table.lookup("crowd").unwrap();
        let left: Vec<i64> = left.iter().map(|o| o.element(2).unwrap().as_i64().unwrap()).collect();
        assert_eq!(left, (500..=1_000).collect::<Vec<_>>());
        assert_eq!(table.lookup("other").unwrap().len(), 500);

        let mut all = table.batch();
        all.insert(("crowd", -1)).unwrap().delete("crowd").unwrap();
        assert_eq!(all.commit().unwrap().unwrap()[1].objects().len(), 502);
        assert!(!table.member("crowd").unwrap());
        assert_eq!(table.len().unwrap(), 500);
    }
}

#[test]
fn what_is_wrong_with_a_step_undoes_all() {
    for kind in [Kind::Set, Kind::OrderedSet] {
        let (_owner, table) = table(kind);
        table.insert_list([tuple!(1, 10, "x"), tuple!(2, 20, "y")]).unwrap();
        type Add = fn(&mut Batch) -> Result<&mut Batch>;
        let wrong: [(Add, ErrorKind); 6] = [
            (|b| b.update_counter(1, (3, 1)), ErrorKind::NotAnInteger),
            (|b| b.update_counter(1, (4, 1)), ErrorKind::BadPosition),
            (|b| b.update_counter(1, (1, 1)), ErrorKind::KeyPosition),
            (|b| b.update_counter(9, (2, 1)), ErrorKind::NoSuchKey),
            (|b| b.update_element(1, 1, 7), ErrorKind::KeyPosition),
            (|b| b.update_element(1, 9, 7), ErrorKind::BadPosition),
        ];
        for (add, kind) in wrong {
            let mut batch = table.batch();
            batch.update_counter(2, (2, 5)).unwrap().delete(2).unwrap();
            batch.insert((3, 30)).unwrap().insert((2, 21)).unwrap();
            add(&mut batch).unwrap();
            let error = batch.commit().unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().starts_with("step 4: "), "{error}");
            assert_eq!(table.len().unwrap(), 2);
            assert_eq!(table.lookup(2).unwrap()[0], tuple!(2, 20, "y"));
        }
    }
}

#[test]
fn what_cannot_be_a_step_is_refused_at_once() {
    let store = Store::new();
    let (owner, guest) = (store.owner(), store.owner());
    let table = owner.new_table("t", TableOptions::new(Kind::Bag)).unwrap();
    let mut batch = table.batch();
    assert_eq!(batch.insert(term!(7)).unwrap_err().kind(), ErrorKind::BadArgument);
    assert_eq!(batch.delete(f64::NAN).unwrap_err().kind(), ErrorKind::BadArgument);
    assert_eq!(batch.update_counter(1, 1).unwrap_err().kind(), ErrorKind::WrongKind);
    assert_eq!(batch.update_element(1, 2, 1).unwrap_err().kind(), ErrorKind::BadArgument);
    assert!(batch.is_empty());
    assert_eq!(batch.commit().unwrap().unwrap().len(), 0);

    let options = TableOptions::new(Kind::Set).keypos(3).access(Access::Protected);
    let third = owner.new_table("third", options).unwrap();
    assert_eq!(third.batch().insert((1, 2)).unwrap_err().kind(), ErrorKind::ObjectTooShort);
    let mut count = third.batch();
    count.update_counter_or("k", CounterOp::new(1, 2), (40, 0, "any")).unwrap();
    count.update_counter_or("k", CounterOp::new(1, 2).bounded(43, 7), (0, 0, 0)).unwrap();
    let outcomes = count.commit().unwrap().unwrap();
    let counts = outcomes.iter().map(|outcome| outcome.count().unwrap().clone());
    assert_eq!(counts.collect::<Vec<_>>(), [Integer::from(42), Integer::from(7)]);
    assert_eq!(third.lookup("k").unwrap()[0], tuple!(7, 0, "k"));

    let guest = third.acting_as(&guest);
    assert_eq!(guest.batch().delete(1).unwrap_err().kind(), ErrorKind::AccessDenied);
    assert_eq!(guest.batch().commit().unwrap_err().kind(), ErrorKind::AccessDenied);
    third.delete_table().unwrap();
    assert_eq!(count.commit().unwrap_err().kind(), ErrorKind::NoSuchTable);
}

#[test]
fn counters_go_on_in_place_after_a_batch() {
    let (_owner, table) = table(Kind::Set);
    table.insert(("n", 1, 1)).unwrap();
    for _ in 0..3 {
        table.update_counter("n", (2, 1)).unwrap();
        let mut batch = table.batch();
        batch.update_counter("n", (2, 10)).unwrap().update_counter("n", (3, 1)).unwrap();
        batch.commit().unwrap().unwrap();
        table.update_counter("n", (2, 1)).unwrap();
    }
    assert_eq!(table.lookup("n").unwrap()[0], tuple!("n", 37, 4));
}

/// Threads move money about, in batches whose keys come in any order, and one that is read whole
/// always has the same sum.
#[test]
fn transfers_keep_the_sum() {
    const ACCOUNTS: u64 = 8;
    const SUM: i64 = 100 * ACCOUNTS as i64;
    for kind in KINDS {
        let (_owner, table) = table(kind);
        table.insert_list((0..ACCOUNTS).map(|n| (n, 100))).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers = [1, 2].map(|seed| {
                let table = &table;
                scope.spawn(move || transfer(table, &mut Dice(seed), ACCOUNTS))
            });
            scope.spawn(|| {
                let mut all = table.batch();
                for account in 0..ACCOUNTS {
                    all.lookup(account).unwrap();
                }
                while !done.load(Ordering::Relaxed) {
                    let outcomes = all.commit().unwrap().unwrap();
                    let found = outcomes.iter().flat_map(Outcome::objects);
                    assert_eq!(plain(found).iter().map(|(_, value)| value).sum::<i64>(), SUM);
                }
            });
            if kind == Kind::OrderedSet {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        let Ok(all) = table.range(..).unwrap().linearizable() else { continue };
                        let sum = plain(&all).iter().map(|(_, value)| value).sum::<i64>();
                        assert_eq!(sum, SUM);
                    }
                });
            }
            for writer in writers {
                writer.join().unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        let all = plain(table.tab2list().unwrap().iter());
        assert_eq!(all.iter().map(|(_, value)| value).sum::<i64>(), SUM);
    }
}

/// Moves something between two accounts many times: by counters where there are any, else by
/// exchanging the objects, if they are still what was read.
fn transfer(table: &Table, dice: &mut Dice, accounts: u64) {
    for _ in 0..2_000 {
        let from = dice.below(accounts);
        let to = (from + 1 + dice.below(accounts - 1)) % accounts;
        let mut batch = table.batch();
        if matches!(table.kind(), Kind::Set | Kind::OrderedSet) {
            batch.update_counter(from, -1).unwrap().update_counter(to, 1).unwrap();
            batch.commit().unwrap().unwrap();
            continue;
        }
        let balance = |account| {
            let found = table.lookup(account).unwrap();
            assert_eq!(found.len(), 1, "an account has one balance");
            found[0].element(2).unwrap().as_i64().unwrap()
        };
        for (account, change) in [(from, -1), (to, 1)] {
            let before = balance(account);
            batch.if_object_is((account, before)).unwrap();
            batch.delete_object((account, before)).unwrap();
            batch.insert((account, before + change)).unwrap();
        }
        if let Err(conflict) = batch.commit().unwrap() {
            assert_eq!(conflict.condition(), Condition::Object);
        }
    }
}

/// Readers without locks see a batch whole: of two keys that change together, one that is read
/// later is never older.
#[test]
fn readers_see_batches_whole() {
    for kind in KINDS {
        let (_owner, table) = table(kind);
        table.insert_list([("a", 0), ("b", 0)]).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1..3_000 {
                    let mut batch = table.batch();
                    for key in ["b", "a"] {
                        batch.delete(key).unwrap().insert((key, n)).unwrap();
                    }
                    batch.commit().unwrap().unwrap();
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                let value = |key| table.lookup_element(key, 2).unwrap();
                let (a, b, again) = (value("a"), value("b"), value("a"));
                assert!(a <= b && b <= again, "{kind}: {a}, {b}, {again}");
            }
        });
    }
}

/// The same of keys of bags with many objects, of which the oldest goes when a new one comes.
#[test]
fn readers_see_batches_on_crowded_keys_whole() {
    const WINDOW: i64 = 9;
    for kind in [Kind::Bag, Kind::DuplicateBag] {
        let (_owner, table) = table(kind);
        let both = |n| [("a", n), ("b", n)];
        table.insert_list((0..WINDOW).flat_map(both)).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in WINDOW..5_000 {
                    let mut batch = table.batch();
                    for key in ["b", "a"] {
                        batch.insert((key, n)).unwrap();
                        batch.delete_object((key, n - WINDOW)).unwrap();
                    }
                    batch.commit().unwrap().unwrap();
                    let mut failing = table.batch();
                    failing.delete_object(("a", n)).unwrap().insert(("a", -1)).unwrap();
                    failing.if_absent("b").unwrap().commit().unwrap().unwrap_err();
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                let first = |key| {
                    let found = plain(table.lookup(key).unwrap().iter());
                    let values: Vec<i64> = found.into_iter().map(|(_, value)| value).collect();
                    let all = values[0]..values[0] + WINDOW;
                    assert_eq!(values, all.collect::<Vec<_>>(), "{kind} {key}");
                    values[0]
                };
                let (a, b, again) = (first("a"), first("b"), first("a"));
                assert!(a <= b && b <= again, "{kind}: {a}, {b}, {again}");
            }
        });
    }
}
