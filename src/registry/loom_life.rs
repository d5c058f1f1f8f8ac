//! Models of ownership: two things happen at once that concern one owner or one table, and in all
//! interleavings the registry is whole afterwards, and who was to be told was told once.
//!
//! The registry's lock makes most of it one step after the other; what is modelled is that nothing
//! is lost between the steps, and that a lease cannot slip in while its owner ends. Mailboxes and
//! fixations are not modelled: each has a lock under which nobody takes another.

use std::sync::Arc;

use loom::thread;

use super::{Mail, OwnerCore, Received, Registry};
use crate::table::core::{TableCore, owner_pid};
use crate::table::{Access, Kind, Table, TableOptions};
use crate::term::{Atom, Pid, Term};

const STORE: u32 = 1;

struct World {
    home: Arc<Registry>,
    one: Arc<OwnerCore>,
    two: Arc<OwnerCore>,
    table: Arc<TableCore>,
}

fn pid(owner: &OwnerCore) -> Pid {
    owner_pid(STORE, owner.number)
}

fn reason() -> Term {
    Term::from(Atom::NORMAL)
}

impl World {
    /// Two owners, and a table of the first, whose heir is the second if there is an heir.
    fn new(heir: bool) -> Arc<Self> {
        let home = Arc::new(Registry::new(1, STORE));
        let (one, two) = (home.new_owner(), home.new_owner());
        let mut options = TableOptions::new(Kind::Set).access(Access::Public);
        if heir {
            options = options.heir(pid(&two), Term::from(Atom::OK));
        }
        let table = home.create(Atom::OK, one.number, options).expect("it can be made");
        Arc::new(Self { home, one, two, table })
    }

    fn handle(&self, owner: &OwnerCore) -> Table {
        Table::new(Arc::clone(&self.table), Arc::clone(&self.home), owner.number)
    }

    fn give(&self) -> bool {
        let (one, two) = (self.one.number, pid(&self.two));
        self.home.give_away(&self.table, one, two, Term::from(Atom::OK)).is_ok()
    }

    fn end(&self, owner: &OwnerCore) {
        self.home.end_owner(owner, &reason());
    }

    /// Asserts that each table has an owner who lives, and knows of it, and no owner anything else.
    fn check(&self) {
        let state = self.home.state.read();
        for (id, entry) in &state.tables {
            assert!(!entry.core.is_gone(), "a table that is listed is there");
            let owner = state.owners.get(&entry.core.owner()).filter(|owner| owner.is_alive());
            assert!(owner.expect("its owner lives").owned.contains(id), "and knows that it is his");
            let lives = |owner| state.owners.contains_key(owner);
            assert!(entry.lessees.iter().all(lives), "and so do those who lease in it");
        }
        for record in state.owners.values() {
            assert!(record.is_alive(), "who has ended is forgotten");
            for id in &record.owned {
                let owner = state.tables[id].core.owner();
                assert_eq!(owner, record.core.number, "a table has one owner");
            }
        }
        assert!(state.tables.contains_key(&self.table.id) != self.table.is_gone());
    }
}

/// The messages of an owner.
fn mails(owner: &OwnerCore) -> Vec<Mail> {
    std::iter::from_fn(|| match owner.mailbox.try_receive() {
        Received::Mail(mail) => Some(mail),
        Received::Empty | Received::Closed => None,
    })
    .collect()
}

/// Runs two things at once, in all ways.
fn both(
    heir: bool,
    one: impl Fn(&World) + Send + Sync + Copy + 'static,
    two: impl Fn(&World) + Send + Sync + Copy + 'static,
    check: impl Fn(&World) + Send + Sync + 'static,
) {
    assert!(cfg!(ferrets_loom), "a model of the real locks would show nothing");
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.max_branches = 10_000;
    builder.check(move || {
        let world = World::new(heir);
        let other = {
            let world = Arc::clone(&world);
            thread::spawn(move || one(&world))
        };
        two(&world);
        other.join().expect("it does not panic");
        world.check();
        check(&world);
    });
}

#[test]
fn owner_and_heir_end_at_once() {
    both(
        true,
        |world| world.end(&world.one),
        |world| world.end(&world.two),
        |world| assert!(world.table.is_gone(), "nobody is left to own it"),
    );
}

#[test]
fn a_gift_to_one_who_ends() {
    both(
        false,
        |world| {
            let _ = world.give();
        },
        |world| world.end(&world.two),
        |world| {
            let kept = !world.table.is_gone();
            assert!(!kept || world.table.owner() == world.one.number, "it came or it did not");
        },
    );
}

#[test]
fn a_gift_of_one_who_ends() {
    both(
        true,
        |world| {
            let _ = world.give();
        },
        |world| world.end(&world.one),
        |world| {
            assert_eq!(world.table.owner(), world.two.number, "given or inherited");
            assert_eq!(mails(&world.two).len(), 1, "not both");
        },
    );
}

#[test]
fn an_inheritance_that_is_deleted() {
    both(
        true,
        |world| drop(world.handle(&world.two).delete_table()),
        |world| world.end(&world.one),
        |world| {
            assert!(world.table.is_gone());
            assert!(mails(&world.two).len() <= 1);
        },
    );
}

#[test]
fn a_lease_of_one_who_ends() {
    both(
        false,
        |world| drop(world.handle(&world.two).lease((1, 1))),
        |world| world.end(&world.two),
        |world| {
            let table = world.handle(&world.one);
            assert!(table.is_empty().expect("it stands"), "not leased, or gone with him");
        },
    );
}

#[test]
fn a_lease_in_a_table_that_goes() {
    both(
        false,
        |world| drop(world.handle(&world.two).lease((1, 1))),
        |world| world.end(&world.one),
        |world| {
            assert!(world.two.leases.forget(world.table.id).is_none(), "nothing is kept of it");
            world.end(&world.two);
        },
    );
}

#[test]
fn two_in_the_place_of_one_another() {
    both(
        false,
        |world| world.handle(&world.one).lease((1, 1)).expect("it stands"),
        |world| {
            world.handle(&world.two).lease((1, 2)).expect("it stands");
            world.end(&world.two);
        },
        |world| {
            let table = world.handle(&world.one);
            let found = table.lookup_element(1, 2).ok().and_then(|value| value.as_i64());
            assert!(found.is_none_or(|value| value == 1), "only what he had leased went with him");
        },
    );
}

#[test]
fn a_fixation_of_one_who_ends() {
    both(
        false,
        |world| drop(world.home.fix(&world.table, world.two.number)),
        |world| world.end(&world.two),
        |world| assert!(!world.table.fixations.lock().is_fixed(), "released, or refused"),
    );
}

#[test]
fn a_monitor_on_one_who_ends() {
    both(
        false,
        |world| {
            let _ = world.home.monitor(world.one.number, pid(&world.two)).expect("he lives");
        },
        |world| world.end(&world.two),
        |world| assert_eq!(mails(&world.one).len(), 1, "he hears of it once"),
    );
}
