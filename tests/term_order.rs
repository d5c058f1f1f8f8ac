//! Order, equality and hash of terms: against what Erlang/OTP recorded, and against their laws.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds an error")]

#[path = "support/terms.rs"]
mod terms;

use std::cmp::Ordering;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use ferrets::{Term, View};
use num_bigint::BigInt;
use terms::Terms;

fn hash(term: &Term) -> u64 {
    let mut hasher = DefaultHasher::new();
    term.hash(&mut hasher);
    hasher.finish()
}

/// How two terms stand to each other as keys of a map.
fn key_order(a: &Term, b: &Term) -> Ordering {
    let pairs = [(a.clone(), Term::nil()), (b.clone(), Term::nil())];
    let map = Term::map(pairs).unwrap();
    let keys: Vec<_> = map.as_ref().as_map().unwrap().keys().collect();
    match keys[..] {
        [_] => Ordering::Equal,
        [first, _] if first == a.as_ref() => Ordering::Less,
        _ => Ordering::Greater,
    }
}

/// What `tests/golden/record_terms.erl` has written.
struct Golden {
    terms: Vec<Term>,
    encodings: Vec<Vec<u8>>,
    order: Vec<usize>,
    key_order: Vec<usize>,
    pairs: Vec<u8>,
}

impl Golden {
    fn load() -> Self {
        let file = Term::decode(include_bytes!("golden/terms.etf")).unwrap();
        let file = file.as_tuple().unwrap();
        let bytes = |at: usize| file.get(at).unwrap().as_bytes().unwrap();
        let indices = |at: usize| {
            let pairs = bytes(at).chunks(2);
            pairs.map(|two| usize::from(two[0]) << 8 | usize::from(two[1])).collect()
        };
        assert_eq!(bytes(0), b"27");
        let encodings = file.get(1).unwrap().as_list().unwrap();
        let encodings: Vec<Vec<u8>> =
            encodings.map(|term| term.as_bytes().unwrap().to_vec()).collect();
        let terms = encodings.iter().map(|bytes| Term::decode(bytes).unwrap()).collect();
        let (order, key_order) = (indices(2), indices(3));
        Self { terms, encodings, order, key_order, pairs: bytes(4).to_vec() }
    }
}

#[test]
fn every_pair_stands_as_in_otp() {
    let golden = Golden::load();
    let mut verdicts = golden.pairs.iter();
    for (at, a) in golden.terms.iter().enumerate() {
        for b in &golden.terms[at + 1..] {
            let verdict = verdicts.next().unwrap();
            let as_order = |bits: u8| (bits & 3).cmp(&1);
            assert_eq!(a.compare(b), as_order(*verdict), "{a} < {b}");
            assert_eq!(b.compare(a), as_order(*verdict).reverse(), "{b} < {a}");
            assert_eq!(a.equals(b), verdict & 4 != 0, "{a} == {b}");
            let same = verdict & 8 != 0;
            assert_eq!(a == b, same, "{a} =:= {b}");
            assert_eq!(a.cmp(b).is_eq(), same, "{a} =:= {b}");
            if same {
                assert_eq!(hash(a), hash(b), "{a} =:= {b}");
            }
            let keys = as_order(verdict >> 4);
            // OTP lets funs tie that are not the same; keys here never do.
            if keys.is_ne() || same {
                assert_eq!(key_order(a, b), keys, "{a} before {b}");
            } else {
                assert!(key_order(a, b).is_ne(), "{a} before {b}");
            }
        }
    }
    assert!(verdicts.next().is_none());
}

#[test]
fn sorts_as_otp() {
    let golden = Golden::load();
    let mut order: Vec<usize> = (0..golden.terms.len()).collect();
    order.sort_by(|a, b| golden.terms[*a].compare(&golden.terms[*b]));
    assert_eq!(order, golden.order);
}

#[test]
fn a_map_of_everything_has_the_key_order_of_otp() {
    let golden = Golden::load();
    let pairs =
        golden.terms.iter().enumerate().map(|(at, key)| (key.clone(), Term::new(at).unwrap()));
    let map = Term::map(pairs).unwrap();
    let values = map.as_ref().as_map().unwrap().values();
    // Of terms that are the same the last index is left; of funs that tie, any order is right.
    let is_fun = |at: &usize| matches!(golden.terms[*at].view(), View::Fun(_));
    let ours: Vec<usize> = values.map(|at| at.as_i64().unwrap() as usize).collect();
    let mut its: Vec<usize> = golden.key_order.clone();
    its.dedup_by(|later, first| golden.terms[*later] == golden.terms[*first]);
    assert_eq!(ours.len(), its.len());
    for (ours, its) in ours.iter().zip(&its) {
        let (a, b) = (&golden.terms[*ours], &golden.terms[*its]);
        assert!(a == b || is_fun(ours) && is_fun(its), "{a} where {b} should be");
    }
}

#[test]
fn encodes_as_otp_but_for_the_order_of_pairs() {
    let golden = Golden::load();
    let mut same = 0;
    for (term, bytes) in golden.terms.iter().zip(&golden.encodings) {
        let ours = term.encode().unwrap();
        assert_eq!(&Term::decode(&ours).unwrap(), term);
        assert_eq!(ours.len(), bytes.len(), "{term}");
        let has_map = bytes.windows(5).any(|five| five[0] == 116 && five[1..4] == [0; 3]);
        if !has_map {
            assert_eq!(&ours, bytes, "{term}");
            same += 1;
        }
    }
    assert!(same > 300, "only {same} terms without maps");
}

/// Erlang: `[compare(A, B) || {A, B} <- Pairs]`, OTP 27; none of it rounds.
#[test]
fn integers_and_floats_by_exact_value() {
    let two = |bits: u32| BigInt::from(1) << bits;
    let cases: [(BigInt, f64, Ordering); 22] = [
        (two(53), 9_007_199_254_740_992.0, Ordering::Equal),
        (two(53) + 1, 9_007_199_254_740_992.0, Ordering::Greater),
        (two(53) - 1, 9_007_199_254_740_992.0, Ordering::Less),
        (two(53) + 1, 9_007_199_254_740_994.0, Ordering::Less),
        (two(60) + 1, 2_f64.powi(60), Ordering::Greater),
        (two(60), 2_f64.powi(60), Ordering::Equal),
        (two(63), 2_f64.powi(63), Ordering::Equal),
        (two(63) - 1, 2_f64.powi(63), Ordering::Less),
        (-two(63), -(2_f64.powi(63)), Ordering::Equal),
        (-two(63) - 1, -(2_f64.powi(63)), Ordering::Less),
        (two(64), 2_f64.powi(64), Ordering::Equal),
        (two(64) + 1, 2_f64.powi(64), Ordering::Greater),
        (two(128) - 1, 2_f64.powi(128), Ordering::Less),
        (two(1024), f64::MAX, Ordering::Greater),
        (two(1024) - two(971) - 1, f64::MAX, Ordering::Less),
        (two(1024) - two(971), f64::MAX, Ordering::Equal),
        (-two(1024), f64::MIN, Ordering::Less),
        (two(3000), -0.5, Ordering::Greater),
        (0.into(), -0.0, Ordering::Equal),
        (0.into(), 5e-324, Ordering::Less),
        ((-1).into(), -0.5, Ordering::Less),
        ((-1).into(), -1.5, Ordering::Greater),
    ];
    for (integer, float, order) in cases {
        let (a, b) = (Term::new(integer).unwrap(), Term::new(float).unwrap());
        assert_eq!(a.compare(&b), order, "{a} {b}");
        assert_eq!(b.compare(&a), order.reverse(), "{b} {a}");
        assert_eq!(key_order(&a, &b), Ordering::Less, "{a} {b}");
        assert_ne!(a, b);
        assert_eq!(a.cmp(&b), order.then(Ordering::Less), "{a} {b}");
    }
}

#[test]
fn orders_are_total_and_agree() {
    for seed in 0..400 {
        let mut random = Terms::new(seed);
        let a = random.term(4);
        let b = random.twisted(a.as_ref());
        let c = random.twisted(b.as_ref());
        let other = random.term(3);
        let all = [a, b, c, other];
        for x in &all {
            assert_eq!(x, &x.as_ref().to_term().unwrap(), "seed {seed}");
            for y in &all {
                assert_eq!(x.cmp(y), y.cmp(x).reverse(), "seed {seed}: {x} {y}");
                assert_eq!(x.compare(y), y.compare(x).reverse(), "seed {seed}: {x} {y}");
                assert_eq!(x == y, x.cmp(y).is_eq(), "seed {seed}: {x} {y}");
                assert_eq!(x == y, key_order(x, y).is_eq(), "seed {seed}: {x} {y}");
                assert_eq!(x.equals(y), x.compare(y).is_eq(), "seed {seed}: {x} {y}");
                assert!(x.compare(y).is_eq() || x.compare(y) == x.cmp(y), "seed {seed}: {x} {y}");
                assert!(x != y || hash(x) == hash(y), "seed {seed}: {x} {y}");
                for z in &all {
                    transitive(x.cmp(y), y.cmp(z), x.cmp(z), seed);
                    transitive(x.compare(y), y.compare(z), x.compare(z), seed);
                    transitive(key_order(x, y), key_order(y, z), key_order(x, z), seed);
                }
            }
        }
    }
}

fn transitive(xy: Ordering, yz: Ordering, xz: Ordering, seed: u64) {
    if xy == yz || yz.is_eq() {
        assert_eq!(xz, xy, "seed {seed}");
    } else if xy.is_eq() {
        assert_eq!(xz, yz, "seed {seed}");
    }
}

#[test]
fn the_pieces_of_a_list_do_not_show() {
    for seed in 0..300 {
        let mut random = Terms::new(seed);
        let elements: Vec<Term> = (0..random.below(12)).map(|_| random.term(2)).collect();
        let tail = if random.chance(50) { Term::nil() } else { random.term(1) };
        let whole = Term::list_with_tail(elements.clone(), tail.clone()).unwrap();
        let pieces = random.in_pieces(elements, tail);
        assert_eq!(whole, pieces, "seed {seed}");
        assert_eq!(whole.cmp(&pieces), Ordering::Equal, "seed {seed}");
        assert_eq!(hash(&whole), hash(&pieces), "seed {seed}");
        assert_eq!(whole.encode().unwrap(), pieces.encode().unwrap(), "seed {seed}");
        let more = random.twisted(pieces.as_ref());
        assert_eq!(whole.cmp(&more), pieces.cmp(&more), "seed {seed}");
        assert_eq!(whole.compare(&more), pieces.compare(&more), "seed {seed}");
    }
}

#[test]
fn shapes_hash_differently() {
    let texts: [&[u8]; 8] = [
        b"h\x02a\x01h\x01a\x02",              // {1,{2}}
        b"h\x02h\x01a\x01a\x02",              // {{1},2}
        b"h\x02a\x01a\x02",                   // {1,2}
        b"k\0\x02\x01\x02",                   // [1,2]
        b"l\0\0\0\x01a\x01a\x02",             // [1|2]
        b"m\0\0\0\x02\x01\x02",               // <<1,2>>
        b"t\0\0\0\x01a\x01a\x02",             // #{1 => 2}
        b"l\0\0\0\x01k\0\x01\x01k\0\x01\x02", // [[1],2]
    ];
    let terms: Vec<Term> =
        texts.iter().map(|text| Term::decode(&[&[131], *text].concat()).unwrap()).collect();
    for (at, a) in terms.iter().enumerate() {
        for b in &terms[at + 1..] {
            assert_ne!(hash(a), hash(b), "{a} {b}");
        }
    }
}

const DEEP: usize = 1_000_000;

/// `around` a core, a million times: what opens it and what closes it. A test's stack has 2 MiB,
/// which recursion over the levels would overflow.
fn deep(opening: &[u8], closing: &[u8]) {
    let build = |core: f64| {
        let core = [b"F", &core.to_be_bytes()[..]].concat();
        let bytes = [&[131], &opening.repeat(DEEP)[..], &core, &closing.repeat(DEEP)].concat();
        Term::decode(&bytes).unwrap()
    };
    walk_through(&build(1.0), &build(2.0));
}

fn walk_through(a: &Term, b: &Term) {
    assert_eq!(a.cmp(b), Ordering::Less);
    assert_eq!(a.compare(b), Ordering::Less);
    assert_ne!(a, b);
    let bytes = a.encode().unwrap();
    let copy = Term::decode(&bytes).unwrap();
    assert_eq!(a, &copy);
    assert!(a.equals(&copy));
    assert_eq!(hash(a), hash(&copy));
    assert_eq!(copy.encode().unwrap(), bytes);
    assert_eq!(a.as_ref().to_term().unwrap().cmp(&copy), Ordering::Equal);
    assert_eq!(key_order(a, b), Ordering::Less);
}

#[test]
fn a_million_tuples() {
    deep(b"h\x02j", b"");
    deep(b"h\x02", b"j");
}

#[test]
fn a_million_lists() {
    deep(b"l\0\0\0\x01", b"j");
    deep(b"l\0\0\0\x02", b"jj");
    deep(b"l\0\0\0\x01j", b"");
}

#[test]
fn a_million_maps() {
    deep(b"t\0\0\0\x01j", b"");
    deep(b"t\0\0\0\x01", b"j");
}

#[test]
fn a_million_funs() {
    let head = b"p\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01";
    deep(&[&head[..], b"w\x01ma\0a\0Xw\x03a@h\0\0\0\x01\0\0\0\0\0\0\0\x01"].concat(), b"");
}

#[test]
fn a_million_levels_built_one_by_one() {
    let wrap = |core: f64| {
        (0..DEEP).fold(Term::new(core).unwrap(), |term, level| match level % 4 {
            0 => Term::tuple([Term::nil(), term]).unwrap(),
            1 => Term::list_with_tail([Term::nil()], term).unwrap(),
            2 => Term::list([term, Term::nil()]).unwrap(),
            _ => Term::map([(Term::nil(), term)]).unwrap(),
        })
    };
    walk_through(&wrap(1.0), &wrap(2.0));
}
