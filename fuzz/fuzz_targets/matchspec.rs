//! Whatever specification and term the bytes hold, in external term format: the specification
//! compiles or is refused, and the machine and the slow reference give the same.

#![no_main]

use ferrets::{Atom, DecodeOptions, MatchSpec, Term};
use libfuzzer_sys::fuzz_target;

/// The reference recurses.
const MAX_DEPTH: usize = 60;

fuzz_target!(
    init: {
        for (name, _) in MatchSpec::functions() {
            Atom::new(name).expect("the table of atoms is nearly empty");
        }
        for name in ["_", "$_", "$$", "$1", "$2", "and", "or", "andalso", "orelse", "const", "a"] {
            Atom::new(name).expect("the table of atoms is nearly empty");
        }
    },
    |bytes: &[u8]| compare(bytes)
);

fn compare(bytes: &[u8]) {
    let options =
        DecodeOptions::new().max_inflated(1 << 16).max_words(1 << 16).existing_atoms_only(true);
    let Ok((spec, used)) = options.decode_prefix(bytes) else { return };
    let Ok((subject, _)) = options.decode_prefix(&bytes[used..]) else { return };
    let faults = MatchSpec::faults(&spec);
    let Ok(compiled) = MatchSpec::compile(&spec) else {
        assert!(!faults.is_empty());
        return;
    };
    assert!(faults.is_empty());
    assert!(!compiled.listing().is_empty());
    if depth(&spec) < MAX_DEPTH && depth(&subject) < MAX_DEPTH {
        assert_eq!(compiled.test(&subject).expect("small results"), compiled.reference(&subject));
    }
}

/// The most brackets that are open at once in the text of a term.
fn depth(term: &Term) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for c in term.to_string().chars() {
        match c {
            '{' | '[' => open += 1,
            '}' | ']' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}
