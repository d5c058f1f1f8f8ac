//! Order statistics: ranks, positions and slices against a sorted vector.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use ferrets::{Access, ErrorKind, Kind, Object, Owner, Store, Table, TableOptions, Term, term};

fn table(counts: bool) -> (Owner, Table) {
    let owner = Store::new().owner();
    let options = TableOptions::new(Kind::OrderedSet).access(Access::Public);
    let table = owner.new_table("t", options.order_statistics(counts)).unwrap();
    (owner, table)
}

fn key(object: &Object) -> Term {
    object.element(1).unwrap().to_term().unwrap()
}

/// Keys of all types, many of which share a head.
fn some_key(n: i64) -> Term {
    match n % 5 {
        0 => term!(n),
        1 => Term::new(n as f64 + 0.25).unwrap(),
        2 => Term::new(format!("a long common beginning: {n:05}")).unwrap(),
        3 => Term::new(("group", n % 7, n)).unwrap(),
        _ => Term::new(vec![n % 11, n]).unwrap(),
    }
}

#[test]
fn agrees_with_a_sorted_vector() {
    let (_owner, t) = table(true);
    let mut model: Vec<Term> = Vec::new();
    let mut state = 1_u64;
    for step in 0..6_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        let (key, grow) = (some_key((state >> 33) as i64 % 3_000), step < 4_000);
        let found = model.binary_search(&key);
        if (state >> 20) % 4 == 0 || !grow {
            let taken = t.take_ranked(&key).unwrap();
            assert_eq!(taken.map(|(position, _)| position), found.ok());
            found.into_iter().for_each(|at| drop(model.remove(at)));
        } else {
            let placed = t.insert_ranked((&key, step)).unwrap();
            assert_eq!(
                (placed.position, placed.replaced),
                match found {
                    Ok(at) => (at, true),
                    Err(at) => (at, false),
                }
            );
            found.err().into_iter().for_each(|at| model.insert(at, key.clone()));
        }
        if step % 1_000 == 999 {
            check(&t, &model);
        }
    }
    t.insert_list((0..3_000).map(|n| (some_key(n), n))).unwrap();
    let mut all: Vec<Term> = (0..3_000).map(some_key).collect();
    all.sort();
    check(&t, &all);
    t.delete_range(..term!(("group", 3, 0))).unwrap();
    all.retain(|key| *key >= term!(("group", 3, 0)));
    check(&t, &all);
    assert_eq!(t.pop_first().unwrap().as_ref().map(key), all.first().cloned());
    assert_eq!(t.pop_last().unwrap().as_ref().map(key), all.last().cloned());
    check(&t, &all[1..all.len() - 1]);
    t.delete_all_objects().unwrap();
    check(&t, &[]);
}

/// All that can be asked.
fn check(t: &Table, model: &[Term]) {
    for (at, expected) in model.iter().enumerate() {
        assert_eq!(t.position(expected).unwrap(), Some(at));
        assert_eq!(t.nth(at).unwrap().as_ref().map(key).as_ref(), Some(expected));
    }
    for absent in [term!(-1), term!(1.5), term!("a long"), term!(:atom), term!([])] {
        let rank = model.partition_point(|key| *key < absent);
        assert_eq!(t.rank(&absent).unwrap(), rank);
        assert_eq!(t.position(&absent).unwrap(), None);
        assert_eq!(t.count(..&absent).unwrap(), rank);
        assert_eq!(t.count(&absent..).unwrap(), model.len() - rank);
    }
    for (at, count) in [(0, 10), (model.len() / 2, 100), (model.len().saturating_sub(3), 10)] {
        let slice: Vec<Term> = t.slice(at, count).unwrap().iter().map(key).collect();
        assert_eq!(slice, model[at..model.len().min(at + count)]);
    }
    for end in [model.len(), model.len() + 1, usize::MAX] {
        assert_eq!(t.nth(end).unwrap(), None);
        assert!(t.slice(end, 5).unwrap().is_empty());
    }
    assert!(t.slice(0, 0).unwrap().is_empty());
    assert_eq!(t.slice(0, usize::MAX).unwrap().len(), model.len());
    let between = model.get(model.len() / 4).zip(model.get(model.len() / 2));
    if let Some((low, high)) = between {
        let (a, b) = (model.len() / 4, model.len() / 2);
        assert_eq!(t.count(low..high).unwrap(), b - a);
        assert_eq!(t.count(low..=high).unwrap(), b - a + 1);
        assert_eq!(t.count(high..low).unwrap(), 0, "an inverted range is empty");
    }
    assert_eq!(t.count(..).unwrap(), model.len());
}

#[test]
fn keys_are_the_same_if_they_are_equal() {
    let (_owner, t) = table(true);
    t.insert_list([(1, "a"), (2, "b"), (3, "c")]).unwrap();
    let placed = t.insert_ranked((2.0, "d")).unwrap();
    assert_eq!((placed.position, placed.replaced), (1, true));
    assert_eq!((t.position(2).unwrap(), t.len().unwrap()), (Some(1), 3));
}

#[test]
fn what_has_no_order_statistics() {
    let owner = Store::new().owner();
    for kind in [Kind::Set, Kind::Bag, Kind::DuplicateBag] {
        let options = TableOptions::new(kind).order_statistics(true);
        assert_eq!(owner.new_table("t", options).unwrap_err().kind(), ErrorKind::BadOption);
        let t = owner.new_table("t", TableOptions::new(kind)).unwrap();
        assert_eq!(t.rank(1).unwrap_err().kind(), ErrorKind::WrongKind);
    }
    let (_owner, t) = table(false);
    assert!(!t.info().unwrap().order_statistics);
    t.insert((1, 1)).unwrap();
    let errors = [
        t.rank(1).err(),
        t.position(1).err(),
        t.nth(0).err(),
        t.slice(0, 1).err(),
        t.insert_ranked((2, 2)).err(),
        t.take_ranked(1).err(),
    ];
    for error in errors {
        let error = error.expect("the table does not count");
        assert_eq!(error.kind(), ErrorKind::WrongKind);
        assert!(error.to_string().contains("order_statistics"), "{error}");
    }
    assert_eq!(t.tab2list().unwrap().len(), 1, "nothing was changed");
    let (owner, t) = table(true);
    assert!(t.info().unwrap().order_statistics);
    assert_eq!(t.rank(f64::NAN).unwrap_err().kind(), ErrorKind::BadArgument);
    assert_eq!(t.insert_ranked(term!(:atom)).unwrap_err().kind(), ErrorKind::BadArgument);
    assert_eq!(t.nth(0).unwrap(), None);
    drop(owner);
    assert_eq!(t.nth(0).unwrap_err().kind(), ErrorKind::NoSuchTable);
}

/// Several writers move objects of their own among others that stay. What lies before one is never
/// less than what stays there, and never more than all that may be; in the end all is exact.
#[test]
fn exact_again_when_all_is_quiet() {
    let (_owner, t) = table(true);
    t.insert_list((0..5_000_i64).map(|n| (n * 10, 0))).unwrap();
    std::thread::scope(|scope| {
        for worker in 1..4_i64 {
            let t = &t;
            scope.spawn(move || {
                for round in 0..2_000_i64 {
                    let n = (round * 7_919) % 5_000;
                    let position = t.insert_ranked((n * 10 + worker, 1)).unwrap().position as i64;
                    assert!((n + 1..=4 * (n + 1)).contains(&position), "{n}: {position}");
                    if round % 3 == 0 {
                        t.insert_list((0..20).map(|k| (100_000 + worker * 100 + k, 1))).unwrap();
                        t.delete_range(100_000 + worker * 100..100_100 + worker * 100).unwrap();
                    }
                    if round % 2 == 0 {
                        assert!(t.take_ranked(n * 10 + worker).unwrap().is_some());
                    }
                }
            });
        }
    });
    let all: Vec<Term> = t.range(..).unwrap().map(|object| key(&object.unwrap())).collect();
    check(&t, &all);
}
