//! Random terms from a seed: the same seed gives the same terms, so a failure names its seed.
//!
//! The terms are small but mean: numbers that stand at the borders of representations and at 2^53,
//! both zeros, integers and floats of the same value, lists with tails and in pieces, bitstrings,
//! nested maps with numbers as keys, and everything that has a node. [`Terms::twisted`] gives a
//! term like another one, so that comparisons find something equal, tied or nearly so.
#![allow(dead_code, reason = "every test that includes this uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what is made here fits every limit")]

use ferrets::{Atom, Elements, Pid, Port, Term, TermRef, View};
use num_bigint::BigInt;

/// A source of terms.
pub(crate) struct Terms {
    state: u64,
}

impl Terms {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 64 random bits (SplitMix64).
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// A term at most `depth` levels deep.
    pub(crate) fn term(&mut self, depth: usize) -> Term {
        if depth == 0 || self.chance(25) {
            return self.leaf();
        }
        match self.below(7) {
            0..=1 => Term::tuple(self.some(depth)),
            2..=3 => Term::list(self.some(depth)),
            4 => {
                let tail = self.term(depth - 1);
                Term::list_with_tail(self.some(depth), tail)
            }
            5 => {
                let keys = self.some(depth);
                let pairs: Vec<_> =
                    keys.into_iter().map(|key| (key, self.term(depth - 1))).collect();
                Term::map(pairs)
            }
            _ => Ok(self.fun(depth)),
        }
        .unwrap()
    }

    fn some(&mut self, depth: usize) -> Vec<Term> {
        (0..self.below(4)).map(|_| self.term(depth - 1)).collect()
    }

    /// A term that holds no others.
    pub(crate) fn leaf(&mut self) -> Term {
        match self.below(12) {
            0..=3 => self.integer(),
            4..=5 => self.float(),
            6..=7 => self.atom(),
            8 => Term::nil(),
            9..=10 => self.bitstring(),
            _ => self.name(),
        }
    }

    pub(crate) fn integer(&mut self) -> Term {
        if self.chance(50) {
            return Term::new(self.below(5) as i64 - 2).unwrap();
        }
        let bits =
            self.pick(&[7, 8, 31, 32, 52, 53, 54, 58, 59, 60, 62, 63, 64, 65, 128, 1023, 2100]);
        let value: BigInt = (BigInt::from(1) << bits) + (self.below(5) as i64 - 2);
        Term::new(if self.chance(50) { -value } else { value }).unwrap()
    }

    pub(crate) fn float(&mut self) -> Term {
        if self.chance(60) {
            return Term::new(self.pick(&[0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5])).unwrap();
        }
        let two_to = self.pick(&[-1074, 7, 31, 52, 53, 54, 59, 60, 63, 64, 128, 1023]);
        let value = 2_f64.powi(two_to) * self.pick(&[1.0, 1.000_000_000_000_000_2, 0.75]);
        Term::new(if self.chance(50) { -value } else { value }).unwrap()
    }

    pub(crate) fn atom(&mut self) -> Term {
        let names = ["", "a", "aa", "b", "ok", "A", "é", "π", "𐐷", "hello world", "nonode@nohost"];
        Term::atom(self.pick(&names)).unwrap()
    }

    pub(crate) fn bitstring(&mut self) -> Term {
        let len = self.pick(&[0, 1, 2, 7, 8, 9, 16, 17]);
        let bytes: Vec<u8> = (0..len).map(|_| self.pick(&[0, 1, b'a', 0x80, 0xff])).collect();
        let spare = if bytes.is_empty() || self.chance(60) { 0 } else { self.below(8) };
        Term::bitstring(&bytes, bytes.len() * 8 - spare).unwrap()
    }

    /// A pid, a port, a reference or an external fun.
    fn name(&mut self) -> Term {
        let node = Atom::new(self.pick(&["a@h", "b@h", "c@h"])).unwrap();
        let (creation, id) = (self.below(2) as u32, self.pick(&[0, 1, 2, u32::MAX]));
        match self.below(4) {
            0 => Term::pid(Pid { node, id, serial: self.below(2) as u32, creation }),
            1 => Term::port(Port { node, id: u64::from(id) << self.pick(&[0, 32]), creation }),
            2 => {
                let ids: Vec<u32> = (0..=self.below(5)).map(|_| self.pick(&[0, 1, id])).collect();
                Term::reference(node, creation, &ids)
            }
            _ => {
                let mut bytes = vec![131, 113];
                bytes.extend(self.pick(&[b"w\x01a", b"w\x01m"]));
                bytes.extend(self.pick(&[b"w\x01f", b"w\x01g"]));
                bytes.extend([97, self.below(3) as u8]);
                Term::decode(&bytes)
            }
        }
        .unwrap()
    }

    /// A fun made by `fun ... end`, with an environment.
    fn fun(&mut self, depth: usize) -> Term {
        let environment = self.some(depth);
        let mut bytes = vec![131, 112, 0, 0, 0, 0, self.below(2) as u8];
        bytes.extend((0..16).map(|at| at ^ 5));
        bytes.extend([0, 0, 0, self.below(2) as u8, 0, 0, 0, environment.len() as u8]);
        bytes.extend(b"w\x01ma\x00a");
        bytes.push(self.below(2) as u8);
        bytes.extend(b"Xw\x03a@h\0\0\0\x01\0\0\0\0\0\0\0\x01");
        for value in &environment {
            bytes.extend(&value.encode().unwrap()[1..]);
        }
        let size = bytes.len() as u32 - 2;
        bytes[2..6].copy_from_slice(&size.to_be_bytes());
        Term::decode(&bytes).unwrap()
    }

    /// A term like `term`: some integers have become floats and the other way round, zeros have
    /// changed their sign, lists lie in other pieces, and now and then something is different.
    pub(crate) fn twisted(&mut self, term: TermRef<'_>) -> Term {
        if self.chance(3) {
            return self.leaf();
        }
        match term.view() {
            View::Int(value) if value.unsigned_abs() < 1 << 53 && self.chance(40) => {
                Term::new(value as f64)
            }
            View::Float(value) if value == 0.0 && self.chance(40) => {
                Term::new(self.pick(&[0.0, -0.0]))
            }
            View::Float(value) if value.trunc() == value && self.chance(40) => {
                Term::new(if value.abs() < 1e18 { BigInt::from(value as i64) } else { 0.into() })
            }
            View::Tuple(tuple) => Term::tuple(self.all_twisted(tuple.elements())),
            View::List(list) => {
                let tail = self.twisted(list.tail());
                let elements = self.all_twisted(list.elements());
                return self.in_pieces(elements, tail);
            }
            View::Map(map) => {
                let keys = self.all_twisted(map.keys());
                let values = self.all_twisted(map.values());
                Term::map(keys.into_iter().zip(values))
            }
            _ => term.to_term(),
        }
        .unwrap()
    }

    fn all_twisted(&mut self, terms: Elements<'_>) -> Vec<Term> {
        terms.map(|term| self.twisted(term)).collect()
    }

    /// A list that was put together from pieces of any length.
    pub(crate) fn in_pieces(&mut self, mut elements: Vec<Term>, tail: Term) -> Term {
        let mut list = tail;
        while !elements.is_empty() {
            let piece = elements.split_off(self.below(elements.len()));
            list = Term::list_with_tail(piece, list).unwrap();
        }
        list
    }
}
