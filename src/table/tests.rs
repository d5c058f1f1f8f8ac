//! Limits that are smaller in tests.

use std::sync::Arc;

use super::{Kind, Table, TableOptions};
use crate::error::ErrorKind;
use crate::raw::group::Group;
use crate::registry::Registry;
use crate::term::Atom;

/// What a key cannot take is refused, whichever way it comes, and changes nothing.
#[test]
fn a_key_with_all_objects_it_can_have_refuses_more() {
    let home = Arc::new(Registry::new(1, 1));
    let owner = home.new_owner();
    let options = TableOptions::new(Kind::DuplicateBag);
    let core = home.create(Atom::OK, owner.number, options).expect("it can be made");
    let table = Table::new(core, Arc::clone(&home), owner.number);
    let full = |error: crate::error::Error| {
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        assert!(error.to_string().contains("cannot have more than"), "{error}");
        assert_eq!(table.len().expect("it stands"), Group::MOST - 1);
    };
    let many = |count: usize| (0..count).map(|n| ("key", n));
    table.insert_list(many(Group::MOST - 1)).expect("there is room");
    full(table.insert_list(many(2)).expect_err("there is room for one"));
    let mut batch = table.batch();
    batch.insert(("key", "one")).expect("it can be a step");
    batch.insert(("key", "two")).expect("it can be a step");
    full(batch.commit().expect_err("there is room for one"));

    table.insert(("key", "last")).expect("there is room");
    let error = table.insert(("key", "more")).expect_err("there is no room");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    table.insert(("other", 1)).expect("another key has room");
    // A place comes back when a few more are gone, and the group is made anew.
    let gone = Group::MOST / 8 + 1;
    (0..gone).for_each(|n| table.delete_object(("key", n)).expect("it is there"));
    table.insert_list(many(gone)).expect("there is room again");
    assert_eq!(table.len().expect("it stands"), Group::MOST + 1);

    let error = table.insert_list((0..=Group::MOST).map(|n| ("new", n))).expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(!table.member("new").expect("it stands"));
}
