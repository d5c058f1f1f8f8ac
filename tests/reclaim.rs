//! Memory that is unlinked comes back, in all the ways in which a program may unlink it: in large
//! pieces, in many at once, on threads that end soon after, under a reader.
//!
//! What is pending is counted for the process, so these tests take turns.

#![allow(clippy::disallowed_methods, reason = "the tests start threads")]

#[path = "support/pending.rs"]
mod pending;

use ferrets::{Kind, Table, TableOptions};
use pending::Fixture;

/// Above what may be pending while everything is well: the ceiling, and some.
const BOUND: usize = 32 << 20;

#[test]
fn large_objects_that_are_replaced() {
    let fixture = Fixture::new();
    let stalls = fixture.store.reclamation().stalls;
    for size in [900_000, 1_100_000, 4_000_000] {
        let text = "x".repeat(size);
        for _ in 0..100 {
            fixture.table.insert((1, text.as_str())).expect("it stands");
            assert!(fixture.pending() < BOUND, "{} bytes of {size} each", fixture.pending());
        }
    }
    assert_eq!(fixture.store.reclamation().stalls, stalls, "nobody reads");
}

#[test]
fn long_lists_that_are_inserted_again_and_again() {
    let fixture = Fixture::new();
    let text = "x".repeat(600);
    for _ in 0..100 {
        let list = (0..2_048).map(|key| (key, text.as_str()));
        fixture.table.insert_list(list).expect("it stands");
        assert!(fixture.pending() < BOUND, "{} bytes", fixture.pending());
    }
}

#[test]
fn threads_that_end_with_a_bag_that_is_not_full() {
    let fixture = Fixture::new();
    let text = "x".repeat(5_000);
    for _ in 0..2_000 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for key in 0..10 {
                    fixture.table.insert((key, text.as_str())).expect("it stands");
                }
            });
        });
    }
    assert!(fixture.pending() < BOUND, "{} bytes", fixture.pending());
}

/// Uses a table when its thread's locals go, after those that ferrets keeps there.
struct Late(Option<Table>);

impl Drop for Late {
    fn drop(&mut self) {
        let Some(table) = &self.0 else { return };
        for value in 0..100 {
            table.insert((value % 7, value)).expect("it stands");
        }
    }
}

thread_local! {
    static LATE: std::cell::RefCell<Late> = const { std::cell::RefCell::new(Late(None)) };
}

#[test]
fn threads_that_use_a_table_while_they_end() {
    let fixture = Fixture::new();
    for _ in 0..300 {
        let table = fixture.table.clone();
        std::thread::spawn(move || {
            // First of all, so that it goes last of all.
            LATE.with(|late| late.borrow_mut().0 = Some(table.clone()));
            table.insert((1, 2)).expect("it stands");
        })
        .join()
        .expect("it does not panic");
    }
    assert_eq!(fixture.table.len().expect("it stands"), 7);
    fixture.store.collect();
    assert!(fixture.pending() < 1 << 20, "{} bytes", fixture.pending());
}

#[test]
fn tables_that_are_cleared_under_a_reader_are_reported() {
    let fixture = Fixture::new();
    let table = &fixture.table;
    let text = "x".repeat(1_000);
    let list = || (0..10_000).map(|key| (key, text.as_str()));
    table.insert_list(list()).expect("it stands");
    table
        .read(|view| {
            assert!(view.member(1));
            std::thread::scope(|scope| {
                scope.spawn(|| table.delete_all_objects().expect("it stands"));
            });
            assert!(fixture.pending() > 10_000_000, "{} bytes", fixture.pending());
        })
        .expect("it stands");
    fixture.store.collect();
    assert!(fixture.pending() < 1 << 20, "{} bytes", fixture.pending());
}

/// A reader that stays for long is reported; writers go on; and when it has gone, all comes back.
#[test]
fn a_reader_that_stays_is_reported_and_stops_nobody() {
    let fixture = Fixture::new();
    let table = &fixture.table;
    let text = "x".repeat(100_000);
    table.insert((1, text.as_str())).expect("it stands");
    let before = fixture.store.reclamation().stalls;
    table
        .read(|view| {
            let held = view.get(1).expect("it is there");
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for value in 0..1_000 {
                        table.insert((1, text.as_str(), value)).expect("writers go on");
                    }
                });
            });
            assert!(fixture.store.reclamation().stalls > before, "nobody has noticed");
            // No more is held back than was replaced, and what the reader holds is whole.
            let most = 1_001 * (text.len() + 200);
            assert!(fixture.pending() <= most, "{} bytes of {most}", fixture.pending());
            assert_eq!(held.element(2).and_then(|held| held.as_str()), Some(text.as_str()));
        })
        .expect("it stands");
    assert_eq!(table.lookup_element(1, 3).expect("it is there").as_i64(), Some(999));
    fixture.store.collect();
    assert!(fixture.pending() < 1 << 20, "{} bytes", fixture.pending());
}

/// A large table that is deleted waits for those who write, or for `collect`. Whoever only reads
/// frees none of it, however much he reads.
#[test]
fn readers_do_not_pay_for_a_table_that_was_deleted() {
    const OBJECTS: i64 = 200_000;
    let fixture = Fixture::new();
    let owner = fixture.store.owner();
    let large = owner.new_table("large", TableOptions::new(Kind::Set)).expect("it can be made");
    large.insert_list((0..OBJECTS).map(|key| (key, key))).expect("it stands");
    fixture.table.insert((1, 2)).expect("it stands");
    fixture
        .table
        .read(|_| {
            // The one who deletes it cannot free it yet, because of this view.
            std::thread::scope(|scope| {
                scope.spawn(|| large.delete_table().expect("it stands"));
            });
        })
        .expect("it stands");
    let waiting = fixture.pending();
    assert!(waiting > OBJECTS as usize * 32, "{waiting} bytes wait");
    for _ in 0..100_000 {
        assert!(fixture.table.member(1).expect("it stands"));
    }
    let all = fixture.table.tab2list().expect("it stands");
    assert_eq!(all.len(), 1);
    assert_eq!(fixture.pending(), waiting, "a reader has freed something");
    fixture.store.collect();
    assert!(fixture.pending() < 1 << 20, "{} bytes", fixture.pending());
}

/// The memory of a large table comes back in steps: no write frees more than a bag's worth of it.
#[test]
fn writers_free_a_large_table_bit_by_bit() {
    const OBJECTS: i64 = 100_000;
    let fixture = Fixture::new();
    let owner = fixture.store.owner();
    let large = owner.new_table("large", TableOptions::new(Kind::OrderedSet)).expect("it is made");
    large.insert_list((0..OBJECTS).map(|key| (key, key))).expect("it stands");
    fixture
        .table
        .read(|_| {
            std::thread::scope(|scope| {
                scope.spawn(|| large.delete_table().expect("it stands"));
            });
        })
        .expect("it stands");
    let waiting = fixture.pending();
    let mut writes = 0_u64;
    while fixture.pending() + (1 << 20) > waiting {
        fixture.table.insert((1, writes as i64)).expect("it stands");
        writes += 1;
        assert!(writes < 10_000_000, "nobody frees it");
    }
    // Some hundred entries are freed for each bag of 128 that a writer hands over.
    assert!(writes > OBJECTS as u64 / 100, "{writes} writes have freed all of it");
}
