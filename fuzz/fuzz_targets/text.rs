//! Erlang syntax: no input panics, and what is read is printed as text that is read as the same.

#![no_main]

use ferrets::{ErrorKind, ParseOptions, Term};
use libfuzzer_sys::fuzz_target;

/// The first byte says what the rest is.
const IS_ENCODED: u8 = 0xff;

fn same(term: &Term) {
    for text in [term.to_string(), term.as_ref().plain().to_string()] {
        // Text inside of a binary may look like a fun, too.
        match Term::parse(&text) {
            Ok(read) => assert!(read == *term, "{text} is read as {read}"),
            Err(error) => assert!(text.contains("#Fun<"), "{text}: {error}"),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    // Small enough that a segment of a bitstring takes no time worth a report.
    let options = ParseOptions::new().max_words(1 << 16);
    let parsed = match data.split_first() {
        Some((&IS_ENCODED, encoded)) => Term::decode(encoded),
        _ => match std::str::from_utf8(data) {
            Ok(text) => options.parse(text),
            Err(_) => return,
        },
    };
    match parsed {
        Ok(term) => same(&term),
        Err(error) => assert!(
            matches!(
                error.kind(),
                ErrorKind::BadSyntax | ErrorKind::LimitExceeded | ErrorKind::BadEncoding
            ),
            "{error:?}"
        ),
    }
});
