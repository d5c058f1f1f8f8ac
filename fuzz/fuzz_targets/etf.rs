//! Whatever the bytes, decoding gives a term or an error; and a term that was decoded is the same
//! after another way out and back, compressed or not, by every relation there is.

#![no_main]

use ferrets::{Atom, DecodeOptions, Term};
use libfuzzer_sys::fuzz_target;

/// The atoms that the fuzzer may use; others would fill the table of atoms.
const NAMES: [&str; 8] = ["", "a", "b", "m", "a@b", "a@h", "ok", "\u{e9}"];

fuzz_target!(
    init: {
        for name in NAMES {
            Atom::new(name).expect("the table of atoms is nearly empty");
        }
    },
    |bytes: &[u8]| round_trip(bytes)
);

fn round_trip(bytes: &[u8]) {
    let options =
        DecodeOptions::new().max_inflated(1 << 20).max_words(1 << 20).existing_atoms_only(true);
    let Ok((term, used)) = options.decode_prefix(bytes) else { return };
    assert!(used <= bytes.len());

    let encoded = term.encode().expect("what was decoded fits");
    let again = Term::decode(&encoded).expect("what was encoded is well-formed");
    assert_eq!(again, term);
    assert!(again.equals(&term));
    assert!(again.cmp(&term).is_eq());
    assert_eq!(again.encode().expect("as before"), encoded);

    let packed = term.encode_compressed(1).expect("as before");
    assert_eq!(Term::decode_prefix(&packed).expect("as before"), (term, packed.len()));
}
