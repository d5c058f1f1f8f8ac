//! The limit of atoms, which a process reaches once: so this test has a process of its own.

use ferrets::{Atom, ErrorKind, Kind, Store, TableOptions, Term};

/// Whoever needs one atom more is told so, and all else goes on.
#[test]
fn more_atoms_than_there_is_room_for() {
    let before = Atom::count();
    for number in 0..Atom::LIMIT - before {
        Atom::new(&format!("atom {number}")).expect("there is room");
    }
    assert_eq!(Atom::count(), Atom::LIMIT);

    let refused = Atom::new("one too many").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
    assert!(refused.to_string().contains("one too many"), "{refused}");
    assert_eq!(Atom::existing("one too many"), None);
    assert_eq!(Term::atom("one too many").unwrap_err().kind(), ErrorKind::LimitExceeded);

    // From outside: external terms, text, values that serialize as atoms.
    let encoded = b"\x83\x68\x02\x77\x02ok\x77\x07another";
    assert_eq!(Term::decode(encoded).unwrap_err().kind(), ErrorKind::LimitExceeded);
    let parsed = "{ok,another}".parse::<Term>();
    assert_eq!(parsed.unwrap_err().kind(), ErrorKind::LimitExceeded);

    let store = Store::new();
    let options = || TableOptions::new(Kind::Set);
    let new_name = store.new_table("a new name", options());
    assert_eq!(new_name.unwrap_err().kind(), ErrorKind::LimitExceeded);
    let table = store.new_table("atom 7", options()).expect("the name exists");
    table.insert((Atom::OK, "{ok,fine}")).expect("no new atom");
    assert_eq!(Atom::new("atom 7").expect("it exists").name(), "atom 7");
    assert_eq!(table.lookup_element(Atom::OK, 2).expect("it stands"), "{ok,fine}");
    assert_eq!(Atom::count(), Atom::LIMIT);
}
