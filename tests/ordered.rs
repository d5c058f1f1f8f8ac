//! What only ordered sets have: ranges, prefixes, cursors, taking from either end.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};

use ferrets::{
    Access, Bounds, ErrorKind, Kind, Object, Owner, RangeIter, Result, Store, Table, TableOptions,
    Term, ToBounds, term,
};

#[path = "support/terms.rs"]
mod terms;

use terms::Terms;

fn table(kind: Kind) -> (Store, Owner, Table) {
    let store = Store::new();
    let owner = store.owner();
    let table = owner.new_table("t", TableOptions::new(kind).access(Access::Public)).unwrap();
    (store, owner, table)
}

fn filled(keys: impl IntoIterator<Item = Term>) -> (Store, Owner, Table) {
    let all = table(Kind::OrderedSet);
    for key in keys {
        all.2.insert(Term::tuple([key]).unwrap()).unwrap();
    }
    all
}

fn keys(range: RangeIter) -> Vec<Term> {
    range.map(|object| object.unwrap().element(1).unwrap().to_term().unwrap()).collect()
}

/// All keys by a filter, which is what a range should be.
fn expected(t: &Table, holds: impl Fn(&Term) -> bool) -> Vec<Term> {
    keys(t.range(..).unwrap()).into_iter().filter(holds).collect()
}

/// As `assert_eq`, but says only what matters of long lists.
fn same(what: &str, found: &[Term], expected: &[Term]) {
    let at = found.iter().zip(expected).position(|(a, b)| a != b);
    let at = at.unwrap_or(found.len().min(expected.len()));
    let (a, b) = (found.get(at), expected.get(at));
    assert!(a == b, "{what}: at {at} of {}: {a:?}, not {b:?}", expected.len());
}

fn check_range(t: &Table, range: impl ToBounds + Clone, holds: impl Fn(&Term) -> bool) {
    let mut all = expected(t, holds);
    same("range", &keys(t.range(range.clone()).unwrap()), &all);
    assert_eq!(t.count(range.clone()).unwrap(), all.len());
    let whole = t.range(range.clone()).unwrap().linearizable().unwrap();
    assert_eq!(whole.len(), all.len());
    let viewed = t.read(|view| {
        let key = |object: ferrets::ObjectRef<'_>| object.element(1).unwrap().to_term().unwrap();
        let up: Vec<Term> = view.range(range.clone()).unwrap().map(key).collect();
        let down: Vec<Term> = view.range_rev(range.clone()).unwrap().map(key).collect();
        (up, down)
    });
    let (up, down) = viewed.unwrap();
    same("view", &up, &all);
    all.reverse();
    same("view back", &down, &all);
    same("range back", &keys(t.range_rev(range).unwrap()), &all);
}

#[test]
fn ranges_of_any_terms() {
    let mut random = Terms::new(11);
    let (_store, _owner, t) = filled((0..600).map(|_| random.term(2)));
    let mut ends: Vec<Term> = (0..40).map(|_| random.term(2)).collect();
    ends.extend(keys(t.range(..).unwrap()).into_iter().step_by(17));
    check_range(&t, .., |_| true);
    for low in &ends {
        check_range(&t, low.., |key| key.as_ref().compare(low.as_ref()).is_ge());
        check_range(&t, ..=low, |key| key.as_ref().compare(low.as_ref()).is_le());
        for high in ends.iter().step_by(3) {
            let above = |key: &Term| key.as_ref().compare(low.as_ref());
            let below = |key: &Term| key.as_ref().compare(high.as_ref());
            check_range(&t, low..high, |key| above(key).is_ge() && below(key).is_lt());
            let open = (Bound::Excluded(low), Bound::Included(high));
            check_range(&t, open, |key| above(key).is_gt() && below(key).is_le());
        }
    }
}

#[test]
fn ranges_of_many_numbers() {
    let (_store, _owner, t) = filled((0..5_000).map(|n| Term::from(n * 2)));
    for low in [-5, 0, 1, 2, 777, 4_998, 9_998, 20_000] {
        for high in [-1, 0, 1, 100, 1_000, 9_999, 30_000] {
            let number = |key: &Term| key.as_i64().unwrap();
            check_range(&t, low..high, |key| (low..high).contains(&number(key)));
            check_range(&t, low..=high, |key| (low..=high).contains(&number(key)));
        }
    }
    check_range(&t, 10.0..10.5, |key| key.as_i64() == Some(10));
}

#[test]
fn prefixes() {
    let mut random = Terms::new(5);
    let mut all: Vec<Term> = (0..400).map(|_| random.term(2)).collect();
    for a in 0..12_i64 {
        for b in 0..12_i64 {
            all.push(Term::new((a, b)).unwrap());
            all.push(Term::new((a, b, a)).unwrap());
            all.push(Term::new(vec![a, b]).unwrap());
            all.push(Term::new(vec![a, b, b]).unwrap());
            all.push(Term::list_with_tail([Term::from(a)], Term::from(b)).unwrap());
            all.push(Term::new(format!("{a}:{b}")).unwrap());
            all.push(Term::binary(&[255, 255, a as u8]).unwrap());
            // Begins as a text does but for its last bit, and lies in front of the next text.
            let digit = [b'0' + a as u8, 255];
            all.push(Term::bitstring(&digit, 7).unwrap());
            all.push(Term::bitstring(&digit, 9 + b as usize % 7).unwrap());
        }
    }
    let (_store, _owner, t) = filled(all.iter().cloned());
    for text in [&b"1"[..], b"3", b"7", b"1:", b"11:1", b"", b"\xff\xff", b"\xff", b"zz"] {
        check_range(&t, Bounds::bytes(text).unwrap(), |key| match key.view() {
            ferrets::View::Binary(bytes) => bytes.starts_with(text),
            ferrets::View::Bits(bits) => {
                bits.bytes().starts_with(text) && bits.bit_len() >= text.len() * 8
            }
            _ => false,
        });
    }
    let equal = |a: ferrets::TermRef<'_>, b: &Term| a.equals(b.as_ref());
    for first in all.iter().step_by(7) {
        for arity in 1..4 {
            let bounds = Bounds::tuple((first,), arity).unwrap();
            check_range(&t, bounds, |key| {
                key.as_tuple().is_some_and(|tuple| {
                    tuple.len() == arity && equal(tuple.get(0).unwrap(), first)
                })
            });
        }
        check_range(&t, Bounds::list(vec![first]).unwrap(), |key| match key.view() {
            ferrets::View::List(list) => equal(list.head(), first),
            _ => false,
        });
    }
    check_range(&t, Bounds::tuple((), 2).unwrap(), |key| {
        key.as_tuple().is_some_and(|tuple| tuple.len() == 2)
    });
    check_range(&t, Bounds::tuple((3, 4), 3).unwrap(), |key| {
        key.as_tuple().is_some_and(|tuple| {
            tuple.len() == 3
                && tuple.get(0).unwrap().as_i64() == Some(3)
                && tuple.get(1).unwrap().as_i64() == Some(4)
        })
    });
    check_range(&t, Bounds::list(vec![3, 4, 4]).unwrap(), |key| {
        let list = key.as_ref().as_list().map(|list| list.filter_map(|n| n.as_i64()).collect());
        list.is_some_and(|list: Vec<i64>| list.starts_with(&[3, 4, 4]))
    });
    assert_eq!(
        keys(t.prefix("1:").unwrap()),
        keys(t.range(Bounds::bytes(b"1:").unwrap()).unwrap())
    );
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn what_is_no_range() {
    let (_store, _owner, t) = filled([term!(1)]);
    assert_eq!(kind(t.range(f64::NAN..1.0)), Some(ErrorKind::BadArgument));
    assert_eq!(kind(t.prefix(7)), Some(ErrorKind::BadArgument));
    assert_eq!(kind(t.prefix(term!([]))), Some(ErrorKind::BadArgument));
    assert_eq!(kind(Bounds::tuple((1, 2, 3), 2)), Some(ErrorKind::BadArgument));
    let (two, one) = (2, 1);
    assert_eq!(t.range(two..one).unwrap().count(), 0);
    let (_store, _owner, set) = table(Kind::Set);
    assert_eq!(kind(set.range(..)), Some(ErrorKind::WrongKind));
    assert_eq!(kind(set.pop_first()), Some(ErrorKind::WrongKind));
    assert_eq!(kind(set.seek(1)), Some(ErrorKind::WrongKind));
    assert_eq!(
        kind(set.read(|view| view.range(..).map(|_| ())).unwrap()),
        Some(ErrorKind::WrongKind)
    );
    let (mut cursor, mut range) = (t.seek(0).unwrap(), t.range(..).unwrap());
    t.delete_table().unwrap();
    assert_eq!(kind(cursor.next()), Some(ErrorKind::NoSuchTable));
    assert_eq!(range.next().and_then(kind), Some(ErrorKind::NoSuchTable));
    assert!(range.next().is_none());
    assert_eq!(kind(t.delete_range(..)), Some(ErrorKind::NoSuchTable));
}

#[test]
fn cursors_survive_what_happens() {
    let (_store, _owner, t) = filled((1..=5).map(|n| Term::from(n * 10)));
    let key =
        |object: Option<Object>| object.map(|object| object.element(1).unwrap().as_i64().unwrap());
    let mut at = t.seek(25).unwrap();
    assert_eq!(key(at.next().unwrap()), Some(30));
    assert_eq!(key(at.prev().unwrap()), Some(30));
    assert_eq!(key(at.prev().unwrap()), Some(20));
    t.delete(10).unwrap();
    assert_eq!(key(at.prev().unwrap()), None);
    t.insert((15,)).unwrap();
    assert_eq!(key(at.prev().unwrap()), Some(15));
    t.delete(15).unwrap();
    assert_eq!(key(at.next().unwrap()), Some(20));
    at.seek(50.0).unwrap();
    assert_eq!(key(at.next().unwrap()), Some(50));
    assert_eq!(key(at.next().unwrap()), None);
    t.insert((60,)).unwrap();
    assert_eq!(key(at.next().unwrap()), Some(60));
}

#[test]
fn taking_from_either_end_and_deleting_ranges() {
    let (_store, _owner, t) = table(Kind::OrderedSet);
    let mut model = BTreeMap::new();
    let mut random = Terms::new(3);
    for step in 0..4_000_i64 {
        let n = random.below(2_000) as i64;
        match random.below(if step < 2_000 { 12 } else { 4 }) {
            0 => {
                let first =
                    t.pop_first().unwrap().map(|first| first.decode::<(i64, i64)>().unwrap());
                assert_eq!(first, model.pop_first());
            }
            1 => {
                let last = t.pop_last().unwrap().map(|last| last.decode::<(i64, i64)>().unwrap());
                assert_eq!(last, model.pop_last());
            }
            2 => {
                let doomed: Vec<i64> = model.range(n..n + 5).map(|(key, _)| *key).collect();
                assert_eq!(t.delete_range(n..n + 5).unwrap(), doomed.len());
                doomed.iter().for_each(|key| assert!(model.remove(key).is_some()));
            }
            _ => {
                t.insert((n, step)).unwrap();
                model.insert(n, step);
            }
        }
        assert_eq!(t.len().unwrap(), model.len());
    }
    assert_eq!(t.delete_range(..).unwrap(), model.len());
    assert!(t.is_empty().unwrap() && t.pop_first().unwrap().is_none());
}

/// Beginnings beside others that differ from them only where heads of eight bytes do not reach,
/// with so many keys each that inner nodes, too, hold nothing but one of them. They come in order,
/// so that nodes are full, and a beginning begins with a node.
#[test]
fn prefixes_of_deep_nodes() {
    const EACH: i64 = 63 * 64;
    let firsts = [
        term!(1),
        term!(1.0000000001),
        term!(1.0000000002),
        term!("abcde"),
        term!("abcde\0"),
        term!("abcdefgh"),
        term!("abcdefgi"),
        term!([1]),
    ];
    for counts in [false, true] {
        let store = Store::new();
        let options = TableOptions::new(Kind::OrderedSet).order_statistics(counts);
        let t = store.new_table("t", options).unwrap();
        let mut all = Vec::new();
        for first in &firsts {
            all.extend((0..EACH).map(|n| term!({first, n})));
            all.extend((0..EACH).map(|n| term!([first, n])));
        }
        all.sort();
        all.iter().for_each(|key| assert!(t.insert((key, 0)).is_ok()));
        assert_eq!(t.len().unwrap() as i64, 2 * EACH * firsts.len() as i64);
        for first in &firsts {
            let is_of = |key: &Term| match key.view() {
                ferrets::View::Tuple(tuple) => {
                    tuple.get(0).is_some_and(|it| it.equals(first.as_ref()))
                }
                ferrets::View::List(list) => list.head().equals(first.as_ref()),
                _ => false,
            };
            let tuples = Bounds::tuple((first,), 2).unwrap();
            check_range(&t, tuples.clone(), |key| key.as_tuple().is_some() && is_of(key));
            let lists = Bounds::list(vec![first]).unwrap();
            check_range(&t, lists, |key| key.as_tuple().is_none() && is_of(key));
            for (operator, wanted) in [
                ("<", [true, false, false]),
                ("=<", [true, true, false]),
                (">=", [false, true, true]),
                (">", [false, false, true]),
            ] {
                let operator = Term::atom(operator).unwrap();
                let spec =
                    term!([{{{:"$1", :_}, :_}, [{operator, :"$1", {:const, first}}], [:"$1"]}]);
                let found = t.select(&ferrets::MatchSpec::compile(&spec).unwrap()).unwrap();
                let holds = |key: &&Term| {
                    let first_of = key.as_tuple().and_then(|tuple| tuple.get(0));
                    first_of
                        .is_some_and(|it| wanted[(it.compare(first.as_ref()) as i8 + 1) as usize])
                };
                assert_eq!(found.len(), all.iter().filter(holds).count(), "{operator} {first}");
            }
        }
        for first in &firsts {
            let tuples = Bounds::tuple((first,), 2).unwrap();
            assert_eq!(t.delete_range(tuples).unwrap() as i64, EACH, "{first}");
        }
        assert_eq!(t.len().unwrap() as i64, EACH * firsts.len() as i64);
    }
}

#[test]
fn the_rest_of_a_range_at_one_instant() {
    let (_store, _owner, t) = table(Kind::OrderedSet);
    t.insert_list((0..1_000).map(|n| (n,))).unwrap();
    for taken in [0, 1, 127, 128, 129, 999, 1_000] {
        let mut up = t.range(..).unwrap();
        up.by_ref().take(taken).for_each(drop);
        let rest = up.linearizable().unwrap();
        assert_eq!(rest.len(), 1_000 - taken);
        assert!(rest.first().is_none_or(|first| first.as_term() == term!({ taken })));
        let mut down = t.range_rev(..).unwrap();
        down.by_ref().take(taken).for_each(drop);
        assert_eq!(down.linearizable().unwrap().len(), 1_000 - taken);
    }
    let mut used_up = 1..=3;
    used_up.by_ref().for_each(drop);
    assert_eq!(t.count(used_up).unwrap(), 0);
}

/// Pairs that are always moved together: at one instant, their sum never changes.
#[test]
fn a_linearizable_range_is_one_instant() {
    let (_store, _owner, t) = table(Kind::OrderedSet);
    t.insert_list((0..200).map(|n| (n, 100))).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (t, stop) = (&t, &stop);
        let writer = scope.spawn(move || {
            let mut random = Terms::new(9);
            for _ in 0..4_000 {
                let (a, b) = (random.below(100) as i64, 100 + random.below(100) as i64);
                let value = |key: i64| t.lookup_element(key, 2).unwrap().as_i64().unwrap();
                t.insert_list([(a, value(a) - 1), (b, value(b) + 1)]).unwrap();
            }
            stop.store(true, Ordering::Relaxed);
        });
        let reader = scope.spawn(move || {
            let mut seen = 0;
            while seen == 0 || !stop.load(Ordering::Relaxed) {
                match t.range(..).unwrap().linearizable() {
                    Ok(all) => {
                        seen += 1;
                        let sum: i64 =
                            all.iter().map(|o| o.element(2).unwrap().as_i64().unwrap()).sum();
                        assert_eq!((all.len(), sum), (200, 20_000));
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Contention),
                }
            }
        });
        for thread in [writer, reader] {
            thread.join().unwrap();
        }
    });
}

#[test]
fn each_object_is_popped_once() {
    let (_store, _owner, t) = table(Kind::OrderedSet);
    t.insert_list((0..4_000).map(|n| (n,))).unwrap();
    let popped: Vec<Vec<i64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|worker| {
                let t = &t;
                scope.spawn(move || {
                    let pop = || if worker % 2 == 0 { t.pop_first() } else { t.pop_last() };
                    let mut all = Vec::new();
                    while let Some(object) = pop().unwrap() {
                        all.push(object.element(1).unwrap().as_i64().unwrap());
                    }
                    all
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(popped[0].is_sorted() && popped[1].iter().rev().is_sorted());
    let mut all: Vec<i64> = popped.into_iter().flatten().collect();
    all.sort_unstable();
    assert_eq!(all, (0..4_000).collect::<Vec<_>>());
}

/// A step leads on from every key, wherever its leaf ends.
#[test]
fn steps_from_every_key() {
    let mut random = Terms::new(11);
    let mut all: Vec<Term> = (0..600).map(|_| random.term(2)).collect();
    all.extend((0..2_000).map(|n| Term::new(format!("a long common beginning {n}")).unwrap()));
    let (_store, _owner, t) = filled(all);
    let all = keys(t.range(..).unwrap());
    for pair in all.windows(2) {
        assert_eq!(t.next(&pair[0]).unwrap().as_ref(), Some(&pair[1]));
        assert_eq!(t.prev(&pair[1]).unwrap().as_ref(), Some(&pair[0]));
    }
    for from in (0..all.len()).step_by(29) {
        same("from", &keys(t.range(&all[from]..).unwrap()), &all[from..]);
        let below: Vec<Term> = all[..from].iter().rev().cloned().collect();
        same("below", &keys(t.range_rev(..&all[from]).unwrap()), &below);
    }
}
