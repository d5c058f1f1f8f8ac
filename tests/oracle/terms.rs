//! Short names for building terms, and the pool of terms that sequences are made of.

use ferrets::{Atom, Pid, Port, Term, TermRef, View};
use num_bigint::BigInt;

use crate::random::Random;

/// An atom.
pub(crate) fn atom(name: &str) -> Term {
    Term::atom(name).expect("a short name")
}

/// An integer.
pub(crate) fn int(value: i64) -> Term {
    Term::new(value).expect("integers are terms")
}

/// `2^exponent + offset`.
pub(crate) fn power(exponent: u32, offset: i64) -> Term {
    Term::new((BigInt::from(1) << exponent) + offset).expect("integers are terms")
}

/// `-(2^exponent) + offset`.
pub(crate) fn minus_power(exponent: u32, offset: i64) -> Term {
    Term::new(-(BigInt::from(1) << exponent) + offset).expect("integers are terms")
}

/// A finite float.
pub(crate) fn float(value: f64) -> Term {
    Term::new(value).expect("a finite float")
}

/// A binary.
pub(crate) fn binary(bytes: &[u8]) -> Term {
    Term::binary(bytes).expect("a short binary")
}

/// A tuple.
pub(crate) fn tuple(elements: impl IntoIterator<Item = Term>) -> Term {
    Term::tuple(elements).expect("a small tuple")
}

/// A proper list.
pub(crate) fn list(elements: impl IntoIterator<Item = Term>) -> Term {
    Term::list(elements).expect("a short list")
}

/// `[elements | tail]`.
pub(crate) fn improper(elements: impl IntoIterator<Item = Term>, tail: Term) -> Term {
    Term::list_with_tail(elements, tail).expect("a short list")
}

/// A map.
pub(crate) fn map(pairs: impl IntoIterator<Item = (Term, Term)>) -> Term {
    Term::map(pairs).expect("a small map")
}

/// An owned copy of a part of a term.
pub(crate) fn own(part: TermRef<'_>) -> Term {
    part.to_term().expect("there is memory for a small term")
}

/// The elements of a tuple, owned; nothing for other terms.
pub(crate) fn elements(term: &Term) -> Vec<Term> {
    term.as_tuple().map_or_else(Vec::new, |tuple| tuple.elements().map(own).collect())
}

/// The elements of a proper list, owned.
pub(crate) fn list_elements(term: &Term) -> Option<Vec<Term>> {
    Some(term.as_ref().as_list()?.map(own).collect())
}

/// The name of an atom.
pub(crate) fn name(term: &Term) -> Option<&'static str> {
    term.as_atom().map(Atom::name)
}

/// The term with every part for which `change` has something replaced, in tuples and lists only.
pub(crate) fn replace(term: TermRef<'_>, change: &impl Fn(TermRef<'_>) -> Option<Term>) -> Term {
    if let Some(new) = change(term) {
        return new;
    }
    match term.view() {
        View::Tuple(parts) => tuple(parts.elements().map(|part| replace(part, change))),
        View::List(parts) => improper(
            parts.elements().map(|part| replace(part, change)),
            replace(parts.tail(), change),
        ),
        _ => own(term),
    }
}

/// Whether `is` is so of the term or of a part of it.
pub(crate) fn has(term: TermRef<'_>, is: &impl Fn(TermRef<'_>) -> bool) -> bool {
    is(term)
        || match term.view() {
            View::Tuple(tuple) => tuple.elements().any(|part| has(part, is)),
            View::List(list) => list.elements().any(|part| has(part, is)) || has(list.tail(), is),
            View::Map(map) => map.pairs().any(|(key, value)| has(key, is) || has(value, is)),
            _ => false,
        }
}

/// Whether the text of the term cannot be read back, because something in it has no syntax.
pub(crate) fn has_no_syntax(term: TermRef<'_>) -> bool {
    has(term, &|part| {
        matches!(part.view(), View::Pid(_) | View::Port(_) | View::Reference(_) | View::Fun(_))
    })
}

const NODE: &str = "nonode@nohost";
const OTHER_NODE: &str = "a@elsewhere";

fn node(name: &str) -> Atom {
    Atom::new(name).expect("a short name")
}

fn pid(on: &str, id: u32, serial: u32, creation: u32) -> Term {
    Term::pid(Pid { node: node(on), id, serial, creation }).expect("pids are terms")
}

fn port(on: &str, id: u64, creation: u32) -> Term {
    Term::port(Port { node: node(on), id, creation }).expect("ports are terms")
}

fn reference(on: &str, creation: u32, ids: &[u32]) -> Term {
    Term::reference(node(on), creation, ids).expect("one to five numbers")
}

fn bits(bytes: &[u8], count: usize) -> Term {
    Term::bitstring(bytes, count).expect("enough bytes")
}

/// External format of `fun lists:map/2`, or another arity.
fn export(arity: u8) -> Term {
    let mut bytes = vec![131, 113, 119, 5];
    bytes.extend(b"lists");
    bytes.extend([119, 3]);
    bytes.extend(b"map");
    bytes.extend([97, arity]);
    Term::decode(&bytes).expect("an external fun")
}

/// A fun of a module that nobody has, which a runtime keeps and compares all the same.
fn closure(index: u8, free: u8) -> Term {
    let mut body = vec![1];
    body.extend([7; 16]);
    body.extend([0, 0, 0, index, 0, 0, 0, 1]);
    body.extend([119, 7]);
    body.extend(b"nowhere");
    body.extend([97, index, 97, 9]);
    body.extend([88, 119, 13]);
    body.extend(NODE.as_bytes());
    body.extend([0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
    body.extend([97, free]);
    let size = u32::try_from(body.len() + 4).expect("a few bytes");
    let mut bytes = vec![131, 112];
    bytes.extend(size.to_be_bytes());
    bytes.extend(body);
    Term::decode(&bytes).expect("a fun")
}

fn a() -> Term {
    atom("a")
}

fn numbers() -> Vec<Vec<Term>> {
    vec![
        vec![int(0), float(0.0), float(-0.0), int(-1), float(-1.0)],
        vec![int(1), float(1.0), int(2), float(2.0), float(1.5)],
        vec![
            power(53, -1),
            power(53, 0),
            power(53, 1),
            power(53, 2),
            float(9_007_199_254_740_992.0),
            float(9_007_199_254_740_994.0),
            minus_power(53, -1),
        ],
        vec![
            power(59, -1),
            power(59, 0),
            power(59, 1),
            minus_power(59, 0),
            minus_power(59, -1),
            float(576_460_752_303_423_488.0),
        ],
        vec![
            power(60, -1),
            power(60, 0),
            power(60, 1),
            minus_power(60, 0),
            minus_power(60, -1),
            float(1_152_921_504_606_846_976.0),
        ],
        vec![
            power(63, -1),
            power(63, 0),
            minus_power(63, 0),
            minus_power(63, -1),
            float(9_223_372_036_854_775_808.0),
        ],
        vec![power(64, -1), power(64, 0), power(64, 1), float(18_446_744_073_709_551_616.0)],
        vec![power(1100, 0), power(1100, 1), power(1024, 0), float(f64::MAX), minus_power(200, 3)],
        vec![float(1e-300), float(5e-324), float(-5e-324), float(1e22), power(73, 7)],
    ]
}

fn atoms() -> Vec<Vec<Term>> {
    vec![
        vec![a(), atom("b"), atom("true"), atom("false"), atom("undefined"), atom("")],
        vec![atom("$end_of_table"), a(), atom("end_of_table")],
        vec![atom("A b"), atom("\u{e9}"), atom("\u{65e5}\u{672c}"), atom("$1"), atom("_")],
    ]
}

fn compounds() -> Vec<Vec<Term>> {
    let one = || int(1);
    let real = || float(1.0);
    vec![
        vec![tuple([]), tuple([one()]), tuple([real()]), tuple([one(), a()]), tuple([real(), a()])],
        vec![
            tuple([tuple([one()])]),
            tuple([tuple([real()])]),
            tuple([a(), improper([one()], int(2))]),
        ],
        vec![
            list([]),
            list([one()]),
            list([real()]),
            improper([one()], int(2)),
            improper([one()], float(2.0)),
        ],
        vec![
            list([list([])]),
            list([a(), atom("b")]),
            improper([a()], atom("b")),
            improper([a(), a()], a()),
        ],
        vec![list((97..107).map(int)), list((97..108).map(int)), list([int(256), int(-1)])],
        vec![
            map([]),
            map([(one(), a())]),
            map([(real(), a())]),
            map([(one(), a()), (real(), a())]),
            map([(a(), one())]),
            map([(a(), real())]),
        ],
        vec![
            map([(tuple([one()]), a())]),
            map([(tuple([real()]), a())]),
            map([(a(), map([(one(), float(2.0))]))]),
            map([(a(), map([(one(), int(2))]))]),
            map([(float(0.0), a())]),
            map([(float(-0.0), a())]),
        ],
        vec![
            map((0..40).map(|at| (int(at), int(at)))),
            map((0..40).map(|at| (int(at), float(at as f64)))),
            map((1..41).map(|at| (int(at), int(at)))),
        ],
    ]
}

fn opaque() -> Vec<Vec<Term>> {
    vec![
        vec![
            binary(b""),
            bits(&[128], 1),
            bits(&[0], 1),
            bits(&[2], 7),
            binary(&[1]),
            binary(&[128]),
        ],
        vec![binary(&[7; 64]), binary(&[7; 65]), binary(&[9; 300]), bits(&[255, 255], 15)],
        vec![
            pid(NODE, 5, 0, 0),
            pid(NODE, 5, 1, 0),
            pid(OTHER_NODE, 5, 0, 3),
            pid(OTHER_NODE, 5, 0, 4),
        ],
        vec![
            reference(NODE, 0, &[1, 2, 3]),
            reference(NODE, 0, &[1, 2, 4]),
            reference(OTHER_NODE, 3, &[1, 2, 3]),
            reference(OTHER_NODE, 3, &[1]),
            reference(OTHER_NODE, 4, &[1, 2, 3, 4, 5]),
        ],
        vec![port(NODE, 5, 0), port(NODE, 6, 0), port(OTHER_NODE, 1 << 40, 3)],
        vec![export(2), export(3), closure(1, 0), closure(2, 0)],
    ]
}

/// Terms in families: within one they are easily taken for one another.
#[derive(Debug)]
pub(crate) struct Pool {
    families: Vec<Vec<Term>>,
}

impl Pool {
    /// All families.
    pub(crate) fn new() -> Self {
        let families = [numbers(), atoms(), compounds(), opaque()];
        Self { families: families.into_iter().flatten().collect() }
    }

    /// Without what OTP 25 takes for something else: `-0.0`, and references of other nodes with
    /// fewer than three numbers, which it often does not find again.
    pub(crate) fn for_old(self) -> Self {
        self.without(|term| match term.view() {
            View::Float(value) => value == 0.0 && value.is_sign_negative(),
            View::Reference(reference) => reference.ids().len() < 3,
            View::Map(map) => map.keys().any(|key| key == float(-0.0).as_ref()),
            _ => false,
        })
    }

    /// Without `fun m:f/a`: OTP crashes when it reads one from a compressed table.
    pub(crate) fn without_exports(self) -> Self {
        self.without(|term| matches!(term.view(), View::Export(_)))
    }

    fn without(mut self, unwanted: impl Fn(TermRef<'_>) -> bool) -> Self {
        for family in &mut self.families {
            family.retain(|term| !unwanted(term.as_ref()));
        }
        self
    }

    /// Any term.
    pub(crate) fn any(&self, random: &mut Random) -> Term {
        let family = random.pick(&self.families);
        random.pick(family).clone()
    }

    /// A few terms that resemble each other, and a few others.
    pub(crate) fn keys(&self, random: &mut Random) -> Vec<Term> {
        let family = random.pick(&self.families);
        let mut keys: Vec<Term> =
            (0..random.range(1, 3)).map(|_| random.pick(family).clone()).collect();
        keys.extend((0..random.range(0, 2)).map(|_| self.any(random)));
        keys
    }
}
