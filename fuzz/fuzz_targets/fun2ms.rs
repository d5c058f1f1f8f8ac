//! Whatever the text, there is a specification that compiles and is printed as text that is read as
//! the same, or an error of a few kinds.

#![no_main]

use ferrets::{Atom, ErrorKind, FunOptions, MatchSpec, ParseOptions, Term, term};
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        for (name, _) in MatchSpec::functions() {
            Atom::new(name).expect("the table of atoms is nearly empty");
        }
        for name in ["ets", "fun2ms", "erlang", "object", "bindings", "a", "b", "$x"] {
            Atom::new(name).expect("the table of atoms is nearly empty");
        }
    },
    |bytes: &[u8]| translate(bytes)
);

fn translate(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Small enough that a segment of a bitstring takes no time worth a report.
    let limits = ParseOptions::new().max_words(1 << 16).existing_atoms_only(true);
    let options = FunOptions::new().limits(limits).variable("Env", term!([1, {:a}]));
    match options.translate(text) {
        Ok(spec) => {
            let compiled = MatchSpec::compile(&spec).expect("what is translated compiles");
            assert_eq!(Term::parse(&compiled.to_string()).expect("it is a term"), spec);
        }
        Err(error) => assert!(
            matches!(
                error.kind(),
                ErrorKind::BadSyntax | ErrorKind::BadMatchSpec | ErrorKind::LimitExceeded
            ),
            "{error:?}"
        ),
    }
}
