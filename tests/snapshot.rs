//! Snapshots of ordered sets: one instant, whatever happens meanwhile.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use ferrets::{
    Access, ErrorKind, Kind, Object, Owner, Result, Snapshot, Store, Table, TableOptions, term,
};

fn table(kind: Kind) -> (Store, Owner, Table) {
    let store = Store::new();
    let owner = store.owner();
    let table = owner.new_table("t", TableOptions::new(kind).access(Access::Public)).unwrap();
    (store, owner, table)
}

fn pair(object: &Object) -> (i64, i64) {
    object.decode().unwrap()
}

fn all(snapshot: &Snapshot) -> Vec<(i64, i64)> {
    snapshot.range(..).unwrap().map(|object| pair(&object.unwrap())).collect()
}

#[test]
fn reads_as_the_table_did() {
    let (_store, _owner, t) = table(Kind::OrderedSet);
    t.insert_list((0..5_000_i64).map(|n| (n * 2, n))).unwrap();
    let snapshot = t.snapshot().unwrap();
    let model: BTreeMap<i64, i64> = (0..5_000).map(|n| (n * 2, n)).collect();
    t.delete_range(1_000..3_000).unwrap();
    t.insert_list((4_000..5_000_i64).map(|n| (n, -1))).unwrap();
    while t.len().unwrap() > 100 {
        t.pop_first().unwrap();
        t.pop_last().unwrap();
    }
    assert_eq!(snapshot.len(), 5_000);
    assert!(!snapshot.is_empty());
    assert!(all(&snapshot).into_iter().eq(model.clone()));
    for (low, high) in [(0, 1), (999, 1_001), (990, 4_444), (9_990, 20_000), (7, 3)] {
        let within = if low < high { model.range(low..high).collect() } else { Vec::new() };
        let up = snapshot.range(low..high).unwrap().map(|object| pair(&object.unwrap()));
        assert!(up.eq(within.iter().map(|(a, b)| (**a, **b))), "{low}..{high}");
        let down = snapshot.range_rev(low..high).unwrap().map(|object| pair(&object.unwrap()));
        assert!(down.eq(within.iter().rev().map(|(a, b)| (**a, **b))), "{low}..{high}, back");
        assert_eq!(snapshot.count(low..high).unwrap(), within.len());
    }
    for key in [-1, 0, 1, 2, 1_000, 4_000, 4_001, 9_998, 10_000] {
        let found = snapshot.lookup(key).unwrap();
        assert_eq!(found.first().map(pair), model.get(&key).map(|value| (key, *value)));
    }
    assert_eq!(pair(&snapshot.lookup(2.0).unwrap()[0]), (2, 1), "keys are compared by ==");
}

#[test]
fn keys_of_all_kinds() {
    let (_store, _owner, t) = table(Kind::OrderedSet);
    for n in 0..2_000 {
        t.insert((format!("a long common beginning: {:04}", n % 1_000), n)).unwrap();
        t.insert((("a tuple", n % 50, n), n)).unwrap();
        t.insert((f64::from(n) / 3.0, n)).unwrap();
    }
    let before = t.range(..).unwrap().linearizable().unwrap();
    let snapshot = t.snapshot().unwrap();
    t.delete_range(..term!(("a tuple", 20, 0))).unwrap();
    t.delete_range("a long common beginning: 05"..).unwrap();
    let shown: Vec<Object> = snapshot.range(..).unwrap().collect::<Result<_>>().unwrap();
    assert!(shown == before, "the same objects in the same order");
    assert_eq!(snapshot.prefix("a long common beginning: 07").unwrap().count(), 100);
    assert_eq!(t.prefix("a long common beginning: 07").unwrap().count(), 0);
}

#[test]
fn what_is_no_snapshot() {
    let kind = |result: Result<Snapshot>| result.err().map(|error| error.kind());
    for other in [Kind::Set, Kind::Bag, Kind::DuplicateBag] {
        assert_eq!(kind(table(other).2.snapshot()), Some(ErrorKind::WrongKind));
    }
    let (_store, owner, t) = table(Kind::OrderedSet);
    let private =
        owner.new_table("p", TableOptions::new(Kind::OrderedSet).access(Access::Private)).unwrap();
    let stranger = _store.owner();
    assert_eq!(kind(private.acting_as(&stranger).snapshot()), Some(ErrorKind::AccessDenied));
    let empty = t.snapshot().unwrap();
    t.insert((1, 1)).unwrap();
    assert!(empty.is_empty() && all(&empty).is_empty());
    let bad = empty.range(f64::NAN..1.0).err().map(|error| error.kind());
    assert_eq!(bad, Some(ErrorKind::BadArgument));
    assert_eq!(empty.prefix(7).err().map(|error| error.kind()), Some(ErrorKind::BadArgument));
    let one = t.snapshot().unwrap();
    t.delete_table().unwrap();
    assert_eq!(kind(t.snapshot()), Some(ErrorKind::NoSuchTable));
    assert_eq!(all(&one), [(1, 1)]);
}

#[test]
fn outlives_table_owner_and_store() {
    let (store, owner, t) = table(Kind::OrderedSet);
    t.insert_list((0..10_000_i64).map(|n| (n, n))).unwrap();
    let (first, second) = (t.snapshot().unwrap(), t.snapshot().unwrap());
    t.delete(5).unwrap();
    t.delete_all_objects().unwrap();
    t.insert((1, 1)).unwrap();
    let third = t.snapshot().unwrap();
    drop((t, owner, store));
    assert_eq!(all(&first).len(), 10_000);
    drop(first);
    assert_eq!(all(&second).len(), 10_000);
    assert_eq!(all(&third), [(1, 1)]);
    std::thread::scope(|scope| scope.spawn(move || drop(second)).join()).unwrap();
}

#[test]
fn counters_do_not_change_in_a_snapshot() {
    let (_store, _owner, t) = table(Kind::OrderedSet);
    t.insert_list((0..1_000_i64).map(|n| (n, 0))).unwrap();
    let mut taken = Vec::new();
    for round in 0..5_i64 {
        taken.push(t.snapshot().unwrap());
        for key in 0..1_000 {
            t.update_counter(key, 1).unwrap();
            t.update_counter(key, 1).unwrap();
        }
        for (at, snapshot) in taken.iter().enumerate() {
            assert!(all(snapshot).iter().all(|(_, count)| *count == 2 * at as i64), "{round}");
        }
        if round == 3 {
            taken.remove(0);
            taken.insert(0, t.snapshot().unwrap());
            taken.truncate(1);
            assert!(all(&taken[0]).iter().all(|(_, count)| *count == 8));
            break;
        }
    }
}

/// Money moves between accounts, in two steps that leave a trace: the sum in a snapshot is never
/// more than there is, and never less than without what one mover has in his hand.
#[test]
fn one_instant_under_writers() {
    const ACCOUNTS: i64 = 3_000;
    let (_store, _owner, t) = table(Kind::OrderedSet);
    t.insert_list((0..ACCOUNTS).map(|n| (n, 100))).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for mover in 0..2_i64 {
            let (t, stop) = (&t, &stop);
            scope.spawn(move || {
                let mut at = mover;
                while !stop.load(Ordering::Relaxed) {
                    at = (at * 31 + 17) % ACCOUNTS;
                    t.update_counter(at, -1).unwrap();
                    t.update_counter((at + ACCOUNTS / 2) % ACCOUNTS, 1).unwrap();
                    // In one instant: a pair of accounts that are both there, or neither is.
                    t.insert_list([(ACCOUNTS + at, 7), (2 * ACCOUNTS + at, 7)]).unwrap();
                    t.delete_range(ACCOUNTS + at..=ACCOUNTS + at).unwrap();
                    t.delete(2 * ACCOUNTS + at).unwrap();
                }
            });
        }
        for _ in 0..60 {
            let snapshot = t.snapshot().unwrap();
            let shown = all(&snapshot);
            assert_eq!(shown.len(), snapshot.len());
            let sum: i64 = shown[..ACCOUNTS as usize].iter().map(|(_, value)| value).sum();
            assert!((ACCOUNTS * 100 - 2..=ACCOUNTS * 100).contains(&sum), "{sum}");
            let firsts = shown.iter().filter(|(n, _)| (ACCOUNTS..2 * ACCOUNTS).contains(n));
            for (first, _) in firsts {
                let second = first + ACCOUNTS;
                assert!(shown.binary_search(&(second, 7)).is_ok(), "half of a list: {first}");
            }
            let mut back: Vec<(i64, i64)> =
                snapshot.range_rev(..).unwrap().map(|object| pair(&object.unwrap())).collect();
            back.reverse();
            assert!(back == shown, "it shows the same again");
        }
        stop.store(true, Ordering::Relaxed);
    });
}
