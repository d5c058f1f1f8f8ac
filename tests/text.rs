//! Erlang syntax, out and in: against what OTP 27 printed and read, and against garbage.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

#[path = "support/terms.rs"]
mod terms;

use ferrets::{Atom, ErrorKind, ParseOptions, Pid, Port, Term, TermRef, View, term};
use num_bigint::BigInt;
use terms::Terms;

/// One part of what `tests/golden/record_text.erl` has written.
fn golden(part: usize) -> Vec<Vec<Term>> {
    let file = Term::decode(include_bytes!("golden/text.etf")).unwrap();
    let file = file.as_tuple().unwrap();
    assert_eq!(file.get(0).unwrap(), "27");
    let rows = file.get(part).unwrap().as_list().unwrap();
    rows.map(|row| row.as_tuple().unwrap().elements().map(|e| e.to_term().unwrap()).collect())
        .collect()
}

fn decoded(encoding: &Term) -> Term {
    Term::decode(encoding.as_bytes().unwrap()).unwrap()
}

fn has_fun(term: &Term) -> bool {
    matches!(term.view(), View::Fun(_)) || term.to_string().contains("#Fun<")
}

#[test]
fn prints_what_otp_prints() {
    let rows = golden(1);
    assert!(rows.len() > 3000, "only {} cases", rows.len());
    for row in rows {
        let term = decoded(&row[0]);
        assert_eq!(term.to_string(), row[1].as_str().unwrap());
        assert_eq!(term.as_ref().plain().to_string(), row[2].as_str().unwrap());
    }
}

#[test]
fn reads_what_it_prints() {
    for row in golden(1) {
        let term = decoded(&row[0]);
        if !has_fun(&term) {
            assert_eq!(Term::parse(row[1].as_str().unwrap()).unwrap(), term);
            assert_eq!(Term::parse(row[2].as_str().unwrap()).unwrap(), term);
        }
    }
}

#[test]
fn reads_every_layout() {
    let rows = golden(2);
    assert!(rows.iter().any(|row| row[1].as_str().unwrap().contains('\n')));
    for row in rows {
        assert_eq!(Term::parse(row[1].as_str().unwrap()).unwrap(), decoded(&row[0]));
    }
}

/// Where text is not taken as OTP takes it, on purpose.
const DIFFERENT: &[(&str, Option<&str>)] = &[
    // A text is one term; in OTP, the first of several.
    ("a. b", None),
    ("1.", Some("1")),
    ("1. ", Some("1")),
    // Expressions are not data.
    ("-+1", None),
    ("fun a/1", None),
    ("<<(1 bsl 70):80>>", None),
    // Low bits of what does not fit are no data either.
    ("<<\"€\">>", None),
    ("# {a => 1}", None),
    // The recorder puts a line's end and a full stop behind each text.
    ("$", None),
];

#[test]
fn reads_what_otp_reads() {
    let rows = golden(3);
    assert!(rows.len() > 350, "only {} cases", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let source = row[0].as_str().unwrap();
        let wanted = match DIFFERENT.iter().find(|case| case.0 == source) {
            Some((_, wanted)) => wanted.map(|text| text.parse().unwrap()),
            None if row[1] == Atom::ERROR => None,
            None => Some(decoded(&row[1])),
        };
        let got = Term::parse(source);
        if got.as_ref().ok() != wanted.as_ref() {
            wrong.push(format!("{source:?}: wanted {wanted:?}, got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn random_terms_survive_text() {
    for seed in 0..3000 {
        let term = Terms::new(seed).term(4);
        if has_fun(&term) {
            continue;
        }
        for text in [term.to_string(), term.as_ref().plain().to_string()] {
            let read = Term::parse(&text).unwrap_or_else(|e| panic!("seed {seed}: {text}: {e}"));
            assert_eq!(read, term, "seed {seed}: {text}");
        }
    }
}

#[test]
fn other_nodes_keep_their_names() {
    let node = Atom::new("rabbit@host").unwrap();
    let far = Atom::new("a@b.example").unwrap();
    let cases = [
        (Term::pid(Pid { node, id: 84, serial: 1, creation: 7 }), "<rabbit@host/7.84.1>"),
        (Term::pid(Pid { node: far, id: 1, serial: 0, creation: 0 }), "<'a@b.example'/0.1.0>"),
        (
            Term::pid(Pid { node: Atom::NO_NODE, id: 1, serial: 0, creation: 2 }),
            "<nonode@nohost/2.1.0>",
        ),
        (
            Term::port(Port { node, id: u64::MAX, creation: 7 }),
            "#Port<rabbit@host/7.18446744073709551615>",
        ),
        (Term::reference(node, 7, &[1, 2, 3, 4, 5]), "#Ref<rabbit@host/7.5.4.3.2.1>"),
        (Term::reference(Atom::NO_NODE, 0, &[9]), "#Ref<0.0.0.9>"),
    ];
    for (term, text) in cases {
        let term = term.unwrap();
        assert_eq!(term.to_string(), text);
        assert_eq!(Term::parse(text).unwrap(), term);
    }
    assert_eq!(Term::parse("<rabbit@host.84.1>").unwrap().to_string(), "<rabbit@host/0.84.1>");
}

#[test]
fn long_lists_of_numbers_are_no_text() {
    assert_eq!(term!([8364]).to_string(), "[8364]");
    assert_eq!(Term::parse("\"€\"").unwrap(), term!([8364]));
    assert_eq!(term!("€").to_string(), "<<\"€\"/utf8>>");
}

#[test]
fn every_view_shows_its_term() {
    let text = "{1,[a,b|c],#{a => 1},<<1,2:3>>,1267650600228229401496703205376,#Ref<0.3.2.1>}";
    let term = Term::parse(text).unwrap();
    let tuple = term.as_tuple().unwrap();
    let shown: Vec<String> = tuple
        .elements()
        .map(|element| match element.view() {
            View::List(list) => format!("{list:?}"),
            View::Map(map) => format!("{map:?}"),
            View::Bits(bits) => format!("{bits:?}"),
            View::Big(big) => format!("{big:?}"),
            View::Reference(reference) => format!("{reference:?}"),
            _ => format!("{element:?}"),
        })
        .collect();
    assert_eq!(format!("{{{}}}", shown.join(",")), text);
    assert_eq!(format!("{term:?} {:?} {tuple:?}", term.as_ref()), format!("{text} {text} {text}"));
    assert_eq!(format!("{:?}", tuple.elements().take(2).collect::<Vec<_>>()), "[1, [a,b|c]]");
    assert_eq!(Atom::new("Hello world").unwrap().to_string(), "'Hello world'");
}

#[test]
fn depth_costs_no_stack() {
    const MILLION: usize = 1_000_000;
    let shells = [
        ("[", "", "]", MILLION),
        ("#{a => ", "1", "}", MILLION / 10),
        ("[x|{", "", "}]", MILLION / 10),
        ("{1,", "\"a\"", ",2}", MILLION / 10),
    ];
    for (open, middle, close, depth) in shells {
        let text = [&open.repeat(depth), middle, &close.repeat(depth)].concat();
        assert!(Term::parse(&text).unwrap().to_string() == text, "{open} comes back different");
    }
    let keys = format!("{}1{}", "#{".repeat(2000), " => 1}".repeat(2000));
    assert_eq!(Term::parse(&keys).unwrap().to_string(), keys);
    assert!(Term::parse(&"[".repeat(MILLION)).is_err());
}

#[test]
fn errors_say_where_and_what() {
    let cases = [
        ("", "1:1: expected a term, found the end of the text"),
        ("{user,\n  [1 2]}", "2:6: expected `,`, `|` or `]`, found `2`"),
        ("{a,b]", "1:5: expected `,` or `}`, found `]`"),
        ("#{a 1}", "1:5: expected `=>`, found `1`"),
        ("[a|b,c]", "1:5: expected `]`, found `,`"),
        ("ok ok", "1:4: expected the end of the text, found `ok`"),
        ("{é, \"ü\", Var}", "1:10: expected a term (variables are not), found `Var`"),
        ("\n\n 'abc", "3:2: no ' ends what begins here"),
        ("[\"abc]", "1:2: no \" ends what begins here"),
        ("[case]", "1:2: `case` is a reserved word; as an atom it is written 'case'"),
        ("\"\\x{d800}\"", "1:2: no character has that number"),
        ("\"\"\"\na\n\"\"\"", "1:1: triple-quoted strings are not read"),
        ("#Fun<a.1.2>", "1:1: the text of a fun does not tell all of it"),
        ("<9740.84.0>", "1:2: expected `0` or the name of a node, found `9740`"),
        ("<0.4294967296.0>", "1:4: the number is too large"),
        ("<<1:>>", "1:5: expected a size, found `>`"),
        ("<<a>>", "1:3: expected a number or string, found `a`"),
        ("<<\"€\">>", "1:3: `€` takes more than 8 bits: add /utf8"),
        ("[1,\u{7}]", "1:5: expected a term, found `]`"),
        ("- a", "1:3: expected a number, found `a`"),
        (
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "1:37: expected the end of the text, found `bbbbbbbbbbbbbbbbbbbb`",
        ),
    ];
    for (text, message) in cases {
        let error = Term::parse(text).unwrap_err();
        assert_eq!(error.to_string(), message, "{text:?}");
        assert_eq!(error.kind(), ErrorKind::BadSyntax, "{text:?}");
    }
}

fn limit(result: ferrets::Result<Term>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    error.to_string()
}

#[test]
fn integers_are_limited_as_in_erlang() {
    let digits = "7".repeat(1_262_611);
    let value = Term::parse(&digits).unwrap();
    let View::Big(big) = value.view() else { panic!("a large integer") };
    assert_eq!(big.to_bigint().bits(), 4_194_303);
    assert_eq!(
        limit(Term::parse(&format!("[{digits}{digits}]"))),
        "an integer of 2525222 digits exceeds the limit of 2^22 bits"
    );
    limit(Term::parse(&"9".repeat(10_000_000)));
    limit(Term::parse(&format!("16#{}", "f".repeat((1 << 20) + 1))));
    assert!(Term::parse(&format!("-16#{}", "f".repeat(1 << 20))).is_ok());
    assert_eq!(Term::parse(&"0".repeat(10_000_000)).unwrap(), 0);
}

#[test]
fn large_integers_are_exact() {
    for digits in [1, 18, 19, 20, 1023, 1024, 1025, 2048, 2049, 5000, 40_000] {
        for base in [2, 10, 16, 36] {
            let text: String = (0..digits)
                .map(|at: u32| char::from_digit((at * at + 1) % base, base).unwrap())
                .collect();
            let value = BigInt::parse_bytes(text.as_bytes(), base).unwrap();
            let term = Term::parse(&format!("-{base}#{text}")).unwrap();
            assert_eq!(term.as_ref().as_integer(), Some(-value), "{digits} digits of base {base}");
        }
    }
}

#[test]
fn segments_and_words_are_limited() {
    assert_eq!(
        limit(Term::parse("<<1:4194305>>")),
        "a segment of a bitstring exceeds the limit of 2^22 bits"
    );
    limit(Term::parse("<<1:99999999999999999999999>>"));
    let small = ParseOptions::new().max_words(100);
    assert!(small.parse(&format!("[{}1]", "1,".repeat(30))).is_ok());
    limit(small.parse(&format!("[{}1]", "1,".repeat(100))));
    limit(small.parse("<<0:6500>>"));
    limit(small.parse("<<\"aaaaaaaaaaaaaaaaaaaaaaa\":4194304>>"));
    limit(small.parse("[<<0:6000>>,<<0:1000>>]"));
    limit(ParseOptions::new().parse(&format!("'{}'", "a".repeat(256))));
}

#[test]
fn atoms_may_have_to_exist() {
    let options = ParseOptions::new().existing_atoms_only(true);
    assert_eq!(
        options.parse("\n {ok, nobody_has_ever_seen_this}").unwrap_err().to_string(),
        "2:7: `nobody_has_ever_seen_this` is not an atom yet"
    );
    assert!(Atom::existing("nobody_has_ever_seen_this").is_none());
    assert_eq!(options.parse("{ok,'EXIT'}").unwrap(), term!({:ok, :EXIT}));
}

/// Pieces of syntax in any order, and good texts with a few characters changed.
#[test]
fn garbage_is_an_error_not_a_panic() {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        "|",
        ",",
        "#{",
        "=>",
        "<<",
        ">>",
        ":",
        "/",
        "\"",
        "'",
        "\\",
        "$",
        "16#",
        "1",
        "9",
        "_",
        ".",
        "e",
        "-",
        "+",
        "#Ref<",
        "#Port<",
        "<",
        ">",
        "0",
        "a",
        "B",
        "fun ",
        "é",
        "€",
        "%",
        "\n",
        " ",
        "x{",
        "^",
        "utf8",
        "float",
        "little",
        "\u{10ffff}",
        "\0",
        "~",
        "#",
    ];
    let mut random = Terms::new(7);
    for _ in 0..100_000 {
        let text: String = (0..random.below(12)).map(|_| random.pick(&pieces)).collect();
        if let Ok(term) = Term::parse(&text) {
            assert_eq!(Term::parse(&term.to_string()).unwrap(), term, "{text:?}");
        }
    }
    for seed in 0..2000 {
        let mut random = Terms::new(seed);
        let mut text: Vec<char> = random.term(4).to_string().chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len());
            let piece: Vec<char> = random.pick(&pieces).chars().collect();
            text.splice(at..=at, piece);
        }
        let text: String = text.into_iter().collect();
        if let Ok(term) = Term::parse(&text) {
            assert_eq!(Term::parse(&term.to_string()).unwrap(), term, "{text:?}");
        }
    }
}

#[test]
fn messages_cut_long_terms() {
    let long = Term::list((0..10_000).map(Term::from)).unwrap();
    let message = long.get::<i64>().unwrap_err().to_string();
    assert!(
        message.starts_with("`[0,1,2,") && message.ends_with("...` is not an integer"),
        "{message}"
    );
    assert!(message.len() < 120, "{message}");
    let text = Term::try_from("é".repeat(100).as_str()).unwrap();
    assert!(text.get::<i64>().unwrap_err().to_string().contains("éé..."));
}

#[test]
fn lists_in_pieces_print_as_one() {
    let mut random = Terms::new(1);
    for tail in [term!([]), term!([98]), term!(:c), term!([:x | :y])] {
        let elements = vec![term!(97), term!(98), term!(99), term!(100)];
        let text = Term::list_with_tail(elements.clone(), tail.clone()).unwrap().to_string();
        for _ in 0..20 {
            assert_eq!(random.in_pieces(elements.clone(), tail.clone()).to_string(), text);
        }
    }
}

fn assert_display(_: impl std::fmt::Display) {}

#[test]
fn plain_outlives_the_view() {
    let term = term!([97]);
    let plain = {
        let view: TermRef<'_> = term.as_ref();
        view.plain()
    };
    assert_eq!(plain.to_string(), "[97]");
    assert_display(plain);
}
