//! Memory that runs out: an operation is done again and again, each time with the next allocation
//! of a block or of a node failing, until none of them does. Each time it has done what it says, or
//! says that it has done nothing, which then is true.
//!
//! Needs the cfg of the stress tests, and runs with them: `cargo stress`.
#![cfg(ferrets_stress)]

use std::collections::BTreeMap;

use ferrets::{Access, ErrorKind, Kind, Object, Result, Store, Table, TableOptions, famine};

/// What is in a table: key and value, as often as it is there.
type Content = BTreeMap<(i64, i64), usize>;

fn content(table: &Table) -> Content {
    let mut content = Content::new();
    for object in table.tab2list().expect("the table stands") {
        let (key, value, _) = object.decode::<(i64, i64, String)>().expect("it is one of ours");
        *content.entry((key, value)).or_default() += 1;
    }
    let len = table.len().expect("the table stands");
    assert_eq!(content.values().sum::<usize>(), len, "it is counted wrong");
    content
}

fn object(key: i64, value: i64) -> (i64, i64, String) {
    (key, value, "of some size ".repeat(3 + key as usize % 20))
}

/// Does `operation` with the first allocation failing, the second, and so on, from the same
/// `content` each time. When it fails, the content is what it was. Returns how often it failed.
fn endure<R>(
    title: &str,
    fill: impl Fn() -> Table,
    operation: impl Fn(&Table) -> Result<R>,
) -> usize {
    let mut failures = 0;
    for good in 0.. {
        let table = fill();
        let before = content(&table);
        let (result, struck) = famine::with_one_failure(good, || operation(&table));
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{title}: {error}");
            assert!(struck, "{title}: {error}");
            assert_eq!(
                content(&table),
                before,
                "{title}, allocation {good}: it has done something"
            );
            failures += 1;
            // And it can be done when there is memory again.
            operation(&table).unwrap_or_else(|error| panic!("{title}: {error}"));
        }
        if !struck {
            let kind = table.kind();
            eprintln!("{title} in a {kind}: {good} allocations, {failures} failures");
            return failures;
        }
    }
    unreachable!("some time there is memory enough")
}

fn every_kind(test: impl Fn(Kind, &dyn Fn() -> Table)) {
    let store = Store::with_seed(7);
    let owner = store.owner();
    for kind in Kind::ALL {
        let fill = || {
            let options = TableOptions::new(*kind).access(Access::Public);
            let table = owner.new_table("famine", options).expect("a table can be made");
            for key in 0..30 {
                table.insert(object(key, 0)).expect("there is memory");
                if key % 5 == 0 && matches!(kind, Kind::Bag | Kind::DuplicateBag) {
                    (1..4).for_each(|value| table.insert(object(key, value)).expect("as before"));
                }
            }
            table
        };
        test(*kind, &fill);
        for table in owner.all_tables() {
            table.delete_table().expect("it is ours");
        }
    }
    store.collect();
    assert_eq!(store.reclamation().pending_bytes, 0, "what failed has been given back");
}

#[test]
fn inserts_do_all_or_nothing() {
    every_kind(|_, fill| {
        for key in [5, 7, 1_000] {
            let failures = endure("insert", fill, |table| table.insert(object(key, 9)));
            assert!(failures > 0, "at least the block can be refused");
            endure("insert_new", fill, |table| table.insert_new(object(key, 9)));
        }
    });
}

/// Lists that make the table several times as large, and find some of their keys there.
#[test]
fn lists_do_all_or_nothing() {
    every_kind(|_, fill| {
        for first in [20, 100] {
            let list = || (first..first + 60).map(|key| object(key % 130, 9));
            let failures = endure("insert_list", fill, |table| table.insert_list(list()));
            assert!(failures >= 60, "each block can be refused");
            endure("insert_new_list", fill, |table| table.insert_new_list(list()));
        }
    });
}

/// A key behind full nodes on all levels: they split up to the root, or none of them does.
#[test]
fn splits_do_all_or_nothing() {
    let store = Store::with_seed(7);
    let owner = store.owner();
    let most = (50..64).map(|keys| {
        let fill = || {
            let options = TableOptions::new(Kind::OrderedSet).access(Access::Public);
            let table = owner.new_table("famine", options).expect("a table can be made");
            (0..keys).for_each(|key| table.insert(object(key, 0)).expect("there is memory"));
            table
        };
        let failures = endure("insert", fill, |table| table.insert(object(1_000, 9)));
        for table in owner.all_tables() {
            for key in (0..keys).chain([1_000]) {
                assert_eq!(table.lookup(key).expect("it stands").len(), 1, "{key} can be found");
            }
            table.delete_table().expect("it is ours");
        }
        failures
    });
    assert_eq!(most.max(), Some(4), "a block, a leaf, its parent's half and a root");
    store.collect();
    assert_eq!(store.reclamation().pending_bytes, 0, "what failed has been given back");
}

#[test]
fn changes_do_all_or_nothing() {
    every_kind(|kind, fill| {
        if matches!(kind, Kind::Bag | Kind::DuplicateBag) {
            return;
        }
        endure("update_counter", fill, |table| table.update_counter(5, (2, 1)));
        endure("update_element", fill, |table| table.update_element(5, 2, 9));
        endure("compare_and_swap", fill, |table| {
            table.compare_and_swap(object(5, 0), object(5, 9))
        });
        endure("update", fill, |table| table.update(5, |old| Ok(old.map(|_| object(5, 9)))));
    });
}

#[test]
fn removals_do_all_or_nothing() {
    every_kind(|_, fill| {
        endure("delete", fill, |table| table.delete(5));
        endure("delete_object", fill, |table| table.delete_object(object(5, 0)));
        endure("delete_all_objects", fill, Table::delete_all_objects);
    });
}

/// Small objects are copied when they are read, and shared where there is no memory for that.
#[test]
fn reads_need_no_memory() {
    every_kind(|kind, fill| {
        let mut failures = endure("lookup", fill, |table| table.lookup(5));
        failures += endure("lookup_many", fill, |table| table.lookup_many(&[5, 6, 7]));
        failures += endure("tab2list", fill, Table::tab2list);
        if kind == Kind::OrderedSet {
            let all = |table: &Table| table.range(3..9)?.collect::<Result<Vec<Object>>>();
            failures += endure("range", fill, all);
        }
        assert_eq!(failures, 0);
    });
}
