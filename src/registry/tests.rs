//! What the registry remembers, and that it forgets it.

use std::sync::Arc;

use super::{OwnerCore, Registry};
use crate::table::{Access, Kind, Table, TableOptions};
use crate::term::{Atom, Term};

struct World {
    home: Arc<Registry>,
    table: Table,
    owner: Arc<OwnerCore>,
}

impl World {
    fn new(kind: Kind) -> Self {
        let home = Arc::new(Registry::new(1, 1));
        let keeper = home.new_owner();
        let owner = home.new_owner();
        let options = TableOptions::new(kind).access(Access::Public);
        let core = home.create(Atom::OK, keeper.number, options).expect("it can be made");
        let table = Table::new(core, Arc::clone(&home), owner.number);
        Self { home, table, owner }
    }

    fn leases(&self) -> usize {
        crate::raw::reclaim::collect();
        self.owner.leases.len()
    }

    /// Goes on until the list is as short as it should be: what others may still be looking at
    /// counts as there, and tests that run meanwhile are pinned now and then.
    fn settles(&self, turn: impl Fn(&Table, i64)) -> bool {
        (0..2_000).any(|at| {
            (0..50).for_each(|next| turn(&self.table, 50 * at + next));
            std::thread::yield_now();
            self.leases() <= 400
        })
    }
}

const KINDS: [Kind; 4] = [Kind::Set, Kind::OrderedSet, Kind::Bag, Kind::DuplicateBag];

/// Whatever becomes of the objects, the list is about as long as there are any.
#[test]
fn lists_of_leases_do_not_grow() {
    type Turn = fn(&Table, i64);
    let turns: [Turn; 4] = [
        |table, _| table.lease(("beat", 1)).expect("it stands"),
        |table, turn| {
            table.lease((turn, 1)).expect("it stands");
            table.delete(turn).expect("it stands");
        },
        |table, turn| {
            table.lease((turn % 7, 1)).expect("it stands");
            table.take((turn + 1) % 7).expect("it stands");
        },
        |table, turn| {
            table.lease((turn, 1)).expect("it stands");
            table.delete_all_objects().expect("it stands");
        },
    ];
    for kind in KINDS {
        for (number, turn) in turns.iter().enumerate() {
            if number == 0 && kind == Kind::DuplicateBag {
                continue; // where they are all there
            }
            let world = World::new(kind);
            (0..20_000).for_each(|at| turn(&world.table, at));
            assert!(world.settles(turn), "turn {number} in a {kind}: {} leases", world.leases());
        }
    }
}

/// Each is leased once and updated again and again: one lease, not one for each state.
#[test]
fn what_is_updated_is_one_lease() {
    for kind in [Kind::Set, Kind::OrderedSet] {
        let world = World::new(kind);
        let turn = |table: &Table, at: i64| {
            let (key, round) = (at % 100, at / 100);
            if round % 3 == 0 {
                table.lease((key, round)).expect("it stands");
            } else {
                table.update_element(key, 2, round).expect("it stands");
            }
        };
        (0..10_000).for_each(|at| turn(&world.table, at));
        assert!(world.settles(turn), "{} leases of 100 objects", world.leases());
        world.home.end_owner(&world.owner, &Term::from(Atom::NORMAL));
        assert!(world.table.is_empty().expect("it stands"), "{kind}");
    }
}

/// When all have ended and all tables are gone, nothing is left.
#[test]
fn the_registry_forgets() {
    let world = World::new(Kind::Set);
    let other = world.home.new_owner();
    for _ in 0..10 {
        let table = world.table.clone();
        table.lease((1, 1)).expect("it stands");
        world.home.fix(table.core(), world.owner.number).expect("he lives");
        world.home.monitor_table(other.number, table.core(), true).expect("he lives");
        world.home.monitor_table(other.number, table.core(), false).expect("he lives");
    }
    assert_eq!(world.owner.fixed.lock().len(), 1);
    world.table.delete_table().expect("it is public");
    assert!(world.owner.fixed.lock().is_empty());
    assert_eq!(world.leases(), 0);
    let reason = Term::from(Atom::NORMAL);
    for owner in [&world.owner, &other] {
        world.home.end_owner(owner, &reason);
        world.home.end_owner(owner, &reason);
    }
    let state = world.home.state.read();
    // The store and the keeper are left.
    assert_eq!((state.owners.len(), state.tables.len(), state.names.len()), (2, 0, 0));
}
