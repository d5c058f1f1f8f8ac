//! The external term format: against what Erlang/OTP recorded, there and back, and against bytes
//! that mean harm.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds an error")]

#[path = "support/terms.rs"]
mod terms;

use ferrets::{Atom, DecodeOptions, ErrorKind, Term};
use terms::Terms;

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|two| (two[0] * 16 + two[1]) as u8).collect()
}

fn versioned(bytes: &[u8]) -> Vec<u8> {
    [&[131], bytes].concat()
}

/// The lines `left -> right` of a file that `tests/golden/record_etf.erl` has written.
fn recorded(file: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = file.lines().filter(|line| !line.starts_with('%'));
    lines.map(|line| line.rsplit_once(" -> ").unwrap())
}

#[test]
fn decodes_as_otp() {
    for (encoding, answer) in recorded(include_str!("golden/etf_decode.txt")) {
        let bytes = versioned(&from_hex(encoding));
        match (Term::decode_prefix(&bytes), answer) {
            (Err(error), "badarg") => {
                assert!(matches!(error.kind(), ErrorKind::BadEncoding | ErrorKind::LimitExceeded));
            }
            (Ok((term, used)), answer) if answer != "badarg" => {
                assert_eq!(term.encode().unwrap(), versioned(&from_hex(answer)), "{encoding}");
                assert_eq!(used, bytes.len(), "{encoding}");
            }
            (ours, answer) => panic!("{encoding}: {ours:?}, not {answer}"),
        }
    }
}

#[test]
fn encodes_as_otp() {
    for (text, encoding) in recorded(include_str!("golden/etf_encode.txt")) {
        let term: Term = text.parse().unwrap();
        assert_eq!(term.encode().unwrap(), versioned(&from_hex(encoding)), "{text}");
        assert_eq!(Term::decode(&versioned(&from_hex(encoding))).unwrap(), term, "{text}");
    }
}

/// Erlang: `term_to_binary/1` of long lists and tuples, OTP 27.
#[test]
fn long_lists_and_tuples() {
    let head = |term: Term, len: usize| term.encode().unwrap()[1..=len].to_vec();
    let bytes = |len: usize| Term::list((0..len).map(|_| Term::new(120).unwrap())).unwrap();
    assert_eq!(head(bytes(65_535), 4), [107, 255, 255, 120]);
    assert_eq!(head(bytes(65_536), 7), [108, 0, 1, 0, 0, 97, 120]);
    let tuple = |len: usize| Term::tuple((0..len).map(|_| Term::nil())).unwrap();
    assert_eq!(head(tuple(255), 3), [104, 255, 106]);
    assert_eq!(head(tuple(256), 6), [105, 0, 0, 1, 0, 106]);
    for term in [bytes(65_535), bytes(65_536), tuple(255), tuple(256)] {
        assert_eq!(Term::decode(&term.encode().unwrap()).unwrap(), term);
    }
}

#[test]
fn there_and_back() {
    for seed in 0..2000 {
        let mut random = Terms::new(seed);
        let term = random.term(5);
        let bytes = term.encode().unwrap();
        let again = Term::decode(&bytes).unwrap();
        assert_eq!(again, term, "seed {seed}");
        assert_eq!(again.encode().unwrap(), bytes, "seed {seed}");
        let packed = term.encode_compressed((seed % 10) as u8).unwrap();
        assert!(packed.len() <= bytes.len(), "seed {seed}");
        assert_eq!(Term::decode(&packed).unwrap(), term, "seed {seed}");
    }
}

#[test]
fn compression_is_used_where_it_helps() {
    let zeros = Term::binary(&[0; 1000]).unwrap();
    let plain = zeros.encode().unwrap();
    assert_eq!(zeros.encode_compressed(0).unwrap(), plain);
    for level in 1..=9 {
        let packed = zeros.encode_compressed(level).unwrap();
        assert_eq!(packed[..6], [131, 80, 0, 0, 3, 237]);
        assert!(packed.len() < 40);
        assert_eq!(Term::decode_prefix(&packed).unwrap(), (zeros.clone(), packed.len()));
    }
    let short = Term::new(7).unwrap();
    assert_eq!(short.encode_compressed(9).unwrap(), [131, 97, 7]);
    let error = zeros.encode_compressed(10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadArgument);
    assert_eq!(error.to_string(), "10 is not a level of compression: these go from 0 to 9");
}

#[test]
fn bytes_behind_the_term_are_left() {
    let seven = Term::new(7).unwrap();
    let mut out = b"before".to_vec();
    seven.encode_into(&mut out).unwrap();
    assert_eq!(out, b"before\x83a\x07");
    out.extend(b"behind");
    assert_eq!(Term::decode(&out[6..]).unwrap(), seven);
    assert_eq!(Term::decode_prefix(&out[6..]).unwrap(), (seven, 3));

    let zeros = Term::binary(&[0; 1000]).unwrap();
    let mut packed = zeros.encode_compressed(9).unwrap();
    let len = packed.len();
    packed.extend(&packed.clone());
    assert_eq!(Term::decode_prefix(&packed).unwrap(), (zeros, len));
}

/// The texts are what a caller sees, so they are fixed.
#[test]
fn errors_say_where_and_why() {
    let cases: [(&[u8], &str); 16] = [
        (b"", "an encoding of no bytes"),
        (b"a\x07", "byte 0: an encoding begins with 131, not 97"),
        (b"\x83", "byte 1: the encoding ends within a term"),
        (b"\x83b\0\0\0", "byte 2: the encoding ends within a term"),
        (b"\x83h\x02j\xff", "byte 4: tag 255 has no meaning here"),
        (b"\x83i\xff\xff\xff\xffjj", "byte 6: 4294967295 terms, but 2 bytes are left"),
        (b"\x83m\0\0\0\x09abc", "byte 6: a binary of 9 bytes, but 3 are left"),
        (
            b"\x83h\x01R\0",
            "byte 3: a reference to an atom cache means nothing outside of its connection",
        ),
        (b"\x83u\0\0\0\0", "byte 1: the encoding of funs that OTP 23 removed"),
        (
            b"\x83y\0",
            "byte 1: a term in a runtime's local encoding can be read by that runtime only",
        ),
        (b"\x83h\x01P\0", "byte 3: only a whole term can be compressed"),
        (b"\x83P\0\0", "byte 2: the size of a compressed term is cut off"),
        (b"\x83t\0\0\0\x02jjjj", "byte 10: a map of 2 pairs has a key twice"),
        (b"\x83w\x02a\xff", "byte 5: an atom's name is not UTF-8"),
        (b"\x83Z\0\0", "byte 4: a reference has one to five numbers, not 0"),
        (b"\x83F\x7f\xf8\0\0\0\0\0\0", "byte 10: NaN is not a term: floats are finite"),
    ];
    for (bytes, text) in cases {
        let error = Term::decode(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadEncoding, "{text}");
        assert_eq!(error.to_string(), text);
    }
    let packed = Term::new(vec!["x"; 1000]).unwrap().encode_compressed(9).unwrap();
    let inner = Term::decode(&[&packed[..packed.len() - 1], &[0]].concat()).unwrap_err();
    assert!(inner.to_string().starts_with("byte 6: a compressed term is damaged: "), "{inner}");
}

/// However it is cut or bent, an encoding gives a term or a typed error.
#[test]
fn damaged_encodings_are_refused() {
    for seed in 0..150 {
        let mut random = Terms::new(seed);
        let term = random.term(5);
        let level = random.pick(&[0, 9]);
        let bytes = term.encode_compressed(level).unwrap();
        for end in 0..bytes.len() {
            let error = Term::decode(&bytes[..end]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadEncoding, "seed {seed}, cut at {end}");
        }
        for _ in 0..200 {
            let mut bent = bytes.clone();
            let (at, any) = (random.below(bent.len()), random.bits() as u8);
            bent[at] = random.pick(&[0, 1, 2, 0x7f, 0x80, 0xff, bytes[at] ^ 1, any]);
            if let Ok(term) = safe().decode(&bent) {
                assert_eq!(Term::decode(&term.encode().unwrap()).unwrap(), term, "seed {seed}");
            }
        }
    }
}

/// Options under which no test fills the table of atoms.
fn safe() -> DecodeOptions {
    DecodeOptions::new().existing_atoms_only(true).max_inflated(1 << 20)
}

#[test]
fn lengths_that_lie_cost_nothing() {
    for tag in [105, 108, 109, 111, 116] {
        for rest in [&b""[..], b"j", b"\0\0\0\0\0\0\0\0\0\0"] {
            for len in [u32::MAX, 1 << 31, 1 << 28, 1 << 24] {
                let bytes = [&[131, tag], &len.to_be_bytes()[..], rest].concat();
                let error = Term::decode(&bytes).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BadEncoding, "{tag} {len}");
            }
        }
    }
    // A fun with an environment that is not there.
    let mut fun =
        [&[131, 112, 0, 0, 0, 0, 0][..], &[0; 20], &[255; 4], b"w\x01ma\0a\0Xw\x03a@h"].concat();
    fun.extend([0; 12]);
    assert_eq!(Term::decode(&fun).unwrap_err().kind(), ErrorKind::BadEncoding);
}

#[test]
fn a_bomb_does_not_go_off() {
    let zeros = Term::binary(&vec![0; 4 << 20]).unwrap();
    let bomb = zeros.encode_compressed(9).unwrap();
    assert!(bomb.len() < 5000);
    let options = DecodeOptions::new().max_inflated(1 << 20);
    let error = options.decode(&bomb).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(
        error.to_string(),
        "a compressed term of 4194309 bytes exceeds the limit of 1048576"
    );
    // The promise does not help: what comes out is counted.
    let mut liar = bomb.clone();
    liar[2..6].copy_from_slice(&1000_u32.to_be_bytes());
    let error = options.decode(&liar).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadEncoding);
    assert_eq!(error.to_string(), "byte 2: 1000 bytes are promised, more come out");
    // Nor does all of it come out first: what is damaged at its end is not met.
    let mut damaged = liar.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(Term::decode(&damaged).unwrap_err().to_string(), error.to_string());
    damaged[2..6].copy_from_slice(&bomb[2..6]);
    let error = Term::decode(&damaged).unwrap_err();
    assert!(error.to_string().contains("is damaged"), "{error}");
    liar[2..6].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(Term::decode(&liar).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!(Term::decode(&bomb).unwrap(), zeros);
}

#[test]
fn words_are_limited() {
    // A tuple of three, a float, a binary of nine bytes: 3 + 1 + 2 words.
    let bytes = Term::new((1, 1.5, "ninebytes")).unwrap().encode().unwrap();
    assert!(DecodeOptions::new().max_words(6).decode(&bytes).is_ok());
    for max in 0..6 {
        let error = DecodeOptions::new().max_words(max).decode(&bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(
            error.to_string().ends_with(&format!("exceeds the limit of {max} words")),
            "{error}"
        );
    }
    let big = Term::decode(&[&b"\x83o\0\0\x01\0\0"[..], &[255; 256]].concat()).unwrap();
    let big = big.encode().unwrap();
    assert!(DecodeOptions::new().max_words(32).decode(&big).is_ok());
    assert!(DecodeOptions::new().max_words(31).decode(&big).is_err());
}

#[test]
fn strangers_make_no_atoms() {
    let known = Atom::new("known before").unwrap();
    let decode = |name: &str| {
        let bytes = [&[131, 119, name.len() as u8], name.as_bytes()].concat();
        DecodeOptions::new().existing_atoms_only(true).decode(&bytes)
    };
    assert_eq!(decode("known before").unwrap().as_atom(), Some(known));
    assert_eq!(decode("true").unwrap().as_atom(), Some(Atom::TRUE));
    let error = decode("never heard of").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadEncoding);
    assert_eq!(error.to_string(), "byte 17: `never heard of` is not an atom yet");
    assert_eq!(Atom::existing("never heard of"), None);
}

/// Two maps in which what is written first stands last.
#[test]
fn maps_in_any_order_are_the_same() {
    for seed in 0..200 {
        let mut random = Terms::new(seed);
        let keys: Vec<Term> = (0..random.below(70)).map(|_| random.term(2)).collect();
        let map = Term::map(keys.into_iter().map(|key| (key.clone(), key))).unwrap();
        let pairs: Vec<_> = map.as_ref().as_map().unwrap().pairs().collect();
        let mut bytes = [&[131, 116][..], &(pairs.len() as u32).to_be_bytes()].concat();
        let start = random.below(pairs.len().max(1));
        for (key, value) in pairs[start..].iter().chain(&pairs[..start]).rev() {
            bytes.extend(&key.encode().unwrap()[1..]);
            bytes.extend(&value.encode().unwrap()[1..]);
        }
        assert_eq!(Term::decode(&bytes).unwrap(), map, "seed {seed}");
    }
}

/// Heads within heads that each promise all that follows: together they promise more than there is.
#[test]
fn promises_add_up() {
    let mut bytes = vec![131];
    for left in (0..2_000_u32).rev() {
        bytes.push(105); // a tuple with room for every byte that follows
        bytes.extend((left * 5).to_be_bytes());
    }
    let error = Term::decode(&bytes).expect_err("not all of it can come");
    assert!(error.to_string().contains("bytes are left"), "{error}");
}
