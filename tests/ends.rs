//! Large tables and many tables that end: they are gone at once, whoever has fixed them, and their
//! memory comes back.
//!
//! What is pending is counted for the process, so these tests take turns, and have a process of
//! their own: how much a writer frees at once depends on what others have left.

#[path = "support/pending.rs"]
mod pending;

use ferrets::{Access, Kind, Owner, TableOptions};
use pending::Fixture;

const KINDS: [Kind; 4] = [Kind::Set, Kind::OrderedSet, Kind::Bag, Kind::DuplicateBag];

fn public(kind: Kind) -> TableOptions {
    TableOptions::new(kind).access(Access::Public)
}

/// The name of a large table that is deleted can be given again at once, by anybody, while all of
/// its memory still waits for a reader.
#[test]
fn a_name_is_free_while_the_memory_is_not() {
    const OBJECTS: i64 = 100_000;
    for kind in KINDS {
        let fixture = Fixture::new();
        let (owner, other) = (fixture.store.owner(), fixture.store.owner());
        let large = owner.new_table("large", public(kind).named(true)).expect("it is made");
        large.insert_list((0..OBJECTS).map(|key| (key, key))).expect("it stands");
        fixture
            .table
            .read(|_| {
                for round in 0..2 {
                    std::thread::scope(|scope| {
                        scope.spawn(|| {
                            let large = fixture.store.table("large").expect("it is there");
                            large.delete_table().expect("it stands");
                        });
                    });
                    let waiting = fixture.pending();
                    assert!(waiting > OBJECTS as usize * 32, "{kind}: {waiting} bytes wait");
                    let again = other.new_table("large", public(kind).named(true));
                    let again = again.expect("the name is free");
                    assert!(again.is_empty().expect("it is new"));
                    again.insert((1, round)).expect("it stands");
                    assert_eq!(fixture.store.table("large").expect("there").id(), again.id());
                }
            })
            .expect("it stands");
        assert!(large.info().is_none());
        fixture.settle(kind.name());
    }
}

/// Who has fixed a table when it ends.
#[derive(Clone, Copy, Debug)]
enum Fixed {
    Nobody,
    Owner,
    Another,
    /// Somebody who ends at the same time.
    Dying,
    All,
}

/// A large table ends, by hand or with its owner, fixed by nobody, by its owner, by another, by one
/// who ends himself, with half of its objects or all of them deleted under the fixation: it is gone
/// at once, and its memory comes back.
#[test]
fn large_tables_that_end_while_they_are_fixed() {
    const OBJECTS: i64 = 10_000;
    let who = [Fixed::Nobody, Fixed::Owner, Fixed::Another, Fixed::Dying, Fixed::All];
    for kind in KINDS {
        for (fixed, by_hand) in who.iter().flat_map(|fixed| [(fixed, false), (fixed, true)]) {
            let fixture = Fixture::new();
            let [owner, another, dying] = [(); 3].map(|()| fixture.store.owner());
            let large = owner.new_table("large", public(kind)).expect("it is made");
            large.insert_list((0..OBJECTS).map(|key| (key, key))).expect("it stands");
            let fix = |owner: &Owner, wanted: bool| {
                wanted.then(|| large.acting_as(owner).fix().expect("it stands"))
            };
            let of_owner = fix(&owner, matches!(fixed, Fixed::Owner | Fixed::All));
            let of_another = fix(&another, matches!(fixed, Fixed::Another | Fixed::All));
            let of_dying = fix(&dying, matches!(fixed, Fixed::Dying | Fixed::All));
            let deleted = if by_hand { OBJECTS } else { OBJECTS / 2 };
            (0..deleted).for_each(|key| large.delete(key).expect("it stands"));
            assert_eq!(large.len().expect("it stands") as i64, OBJECTS - deleted);
            std::thread::scope(|scope| {
                let end = scope.spawn(|| drop(dying));
                if by_hand {
                    large.delete_table().expect("it stands");
                }
                drop(owner);
                end.join().expect("it does not panic");
                assert!(large.info().is_none(), "{kind}: {fixed:?}");
            });
            drop((of_owner, of_another, of_dying));
            assert_eq!(fixture.store.all_tables().len(), 1);
            fixture.settle(&format!("{kind}: {fixed:?}"));
            drop(another);
        }
    }
}

/// Several owners of many tables, some of them large, end at once on threads of their own, and each
/// has fixed tables of the others, which some of them inherit.
#[test]
fn owners_of_many_large_tables_that_end_at_once() {
    const OWNERS: usize = 5;
    const TABLES: usize = 200;
    for kind in KINDS {
        let fixture = Fixture::new();
        let store = &fixture.store;
        let owners: Vec<Owner> = (0..OWNERS).map(|_| store.owner()).collect();
        let mut tables = Vec::new();
        for (at, owner) in owners.iter().enumerate() {
            for number in 0..TABLES {
                let heir = owners[(at + 1) % OWNERS].pid();
                let options = public(kind);
                let inherited = number % 3 == 0;
                let options = if inherited { options.heir(heir, 0.into()) } else { options };
                let table = owner.new_table("many", options).expect("it is made");
                let many = if number == 0 { 20_000 } else { 20 };
                table.insert_list((0..many).map(|key| (key, key))).expect("it stands");
                tables.push(table);
            }
        }
        for (at, table) in tables.iter().enumerate() {
            table.acting_as(&owners[at % OWNERS]).safe_fixtable(true).expect("it stands");
            table.acting_as(&owners[(at + 2) % OWNERS]).lease((-1, at)).expect("it stands");
            table.delete(1).expect("it stands");
        }
        std::thread::scope(|scope| {
            let end = |owner| scope.spawn(move || drop(owner));
            let ends: Vec<_> = owners.into_iter().map(end).collect();
            // Not only to their last line: what they have retired is handed on behind it.
            ends.into_iter().for_each(|end| end.join().expect("it does not panic"));
        });
        assert!(tables.iter().all(|table| table.info().is_none()), "{kind}: the last heir ends");
        assert_eq!(store.all_tables().len(), 1);
        fixture.settle(kind.name());
    }
}

/// What the process has in memory, where that can be asked.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// Making and deleting tables leaves nothing behind: no table, no name, no memory.
#[test]
fn tables_that_are_made_and_deleted_leave_nothing() {
    let fixture = Fixture::new();
    let owner = fixture.store.owner();
    let rounds = |count: usize| {
        for number in 0..count {
            let options = public(KINDS[number % 4]).named(number % 2 == 0);
            let table = owner.new_table("again and again", options).expect("the name is free");
            table.insert((number, "an object")).expect("it stands");
            table.safe_fixtable(true).expect("it stands");
            table.delete_table().expect("it stands");
        }
        fixture.store.collect();
    };
    rounds(2_000);
    let before = resident();
    rounds(40_000);
    let grown = resident().zip(before).map(|(now, before)| now.saturating_sub(before));
    // No table takes less than some hundred bytes.
    assert!(grown.is_none_or(|grown| grown < 8 << 20), "{grown:?} bytes more than before");
    fixture.settle("all");
    assert_eq!(fixture.store.all_tables().len(), 1);
}
