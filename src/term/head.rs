//! Heads: eight bytes that stand for a term in an ordered index.
//!
//! If `head(a) < head(b)` then `a < b` in Erlang's order, in which `1` and `1.0` tie; so terms that
//! tie have the same head. If the lowest bit of a head is set ([`EXACT`]), the converse holds as
//! well: all terms with that head tie. It is set for integers of up to 54 bits, texts of up to six
//! bytes, and tuples and lists of what is small enough.
//!
//! A head is the first 63 bits of a code of the whole term. The code is made of parts, none of
//! which is the beginning of another, so that codes compare from left to right as the terms do:
//!
//! | | code |
//! |---|---|
//! | number | `00`, sign, length (6), the bits behind the first, then `0`, or `1` and a fraction |
//! | atom | `010`, characters of 7 bits, end |
//! | reference, fun, port, pid | `011` and two bits; of a pid, the numbers |
//! | tuple | `10`, arity (3, or more), elements |
//! | map | `11000`, size (3, or more), keys, values |
//! | `[]` | `11001` |
//! | list | `1101`, first element, the rest as a term |
//! | bitstring | `111`, bytes with a bit before each, end |
//!
//! Negative numbers have the bits of their complement turned over. Where a part is left out, the
//! code ends there, for this term and for all that agree with it so far. So it is with a key of a
//! map that is a number or holds terms: among keys of maps, integers come before all floats.
//!
//! Among keys whose codes begin with the same bits, a head *at a depth* is what a head would be if
//! the code began behind these. Where keys have long beginnings in common, as paths and names do,
//! this is what tells them apart.

use smallvec::SmallVec;

use super::{Atom, BigRef, Tag, TermRef, View, Word};

/// The bit of a head with which only terms that tie have the head.
pub(crate) const EXACT: u64 = 1;

/// Bits of the code that a head has.
const BITS: u32 = 63;
/// The last head there is; what is above is kept for the ends of an index.
const LAST: u64 = u64::MAX - 3;
/// Bits of the length of a number.
const LENGTH: u32 = 6;
/// The length of all numbers that are longer.
const HUGE: u32 = 63;

/// The head of a term.
#[inline]
pub(crate) fn head(term: TermRef<'_>) -> u64 {
    let word = term.word();
    if word.tag() == Tag::Int {
        if let Some(head) = head_of_integer(word.as_int()) {
            return head;
        }
    }
    head_of_other(term)
}

/// What [`Code::integer`] makes of an integer of up to 54 bits, at once.
#[inline]
fn head_of_integer(value: i64) -> Option<u64> {
    const BEGINNING: u32 = 3 + LENGTH;
    let turned = (value >> 63) as u64;
    let positive = value as u64 ^ turned;
    let length = u64::BITS - positive.leading_zeros();
    let rest = length.saturating_sub(1);
    // With the bit behind it, which says that there is no fraction.
    if BEGINNING + rest >= BITS {
        return None;
    }
    let sign = u64::from(value >= 0) << LENGTH;
    let begins = (sign | (u64::from(length) ^ turned & 63)) << (u64::BITS - BEGINNING);
    let goes_on = (value as u64 & ((1 << rest) - 1)) << (u64::BITS - BEGINNING - rest);
    Some(begins | goes_on | EXACT)
}

#[inline(never)]
fn head_of_other(term: TermRef<'_>) -> u64 {
    head_at(term, 0)
}

/// The head of a term behind so many bits of its code, which the terms that it is compared with
/// have as well. O(depth).
pub(crate) fn head_at(term: TermRef<'_>, depth: u32) -> u64 {
    let mut code = Code::behind(depth);
    match term.view() {
        View::Binary(bytes) => code.bitstring(bytes, bytes.len() * 8),
        View::Atom(atom) => code.atom(atom),
        _ => code.terms(term),
    }
    code.head()
}

/// The first and the last head that there may be of tuples of `arity` elements that begin with the
/// elements of a tuple, or of lists that begin with the elements of a list. Keys that are less than
/// all of these have no head above the first, and those that are greater none below the second.
/// Where the code of the beginning is cut, they may have the same head. `depth` is as for
/// [`head_at`].
///
/// The last head may be [`EXACT`]: then one key at most has it, which begins so. A place behind all
/// these keys that had the next head would share it with greater keys, and among nothing but
/// those there is no head at a depth for it.
pub(crate) fn prefix_heads(first: TermRef<'_>, arity: Option<usize>, depth: u32) -> (u64, u64) {
    let mut code = Code::behind(depth);
    let mut todo: SmallVec<[Todo; 8]> = SmallVec::new();
    let word = first.word();
    match arity {
        Some(arity) => {
            code.tuple(arity);
            todo.push(Todo::Run(word.offset(), word.len()));
        }
        None => todo.push(Todo::Begin(word)),
    }
    code.all(first, &mut todo);
    let low = code.bits.min(LAST);
    if code.cut {
        // All keys that begin so have this head, and others may have it too.
        return (low, low);
    }
    if code.skip > 0 {
        // The beginning ends before that depth: all keys there have it.
        return (0, LAST);
    }
    let above = (1 << (BITS - code.used)) - 1;
    (low, (code.bits | above << 1 | EXACT).min(LAST))
}

/// The first bits of a code.
struct Code {
    /// From the top.
    bits: u64,
    used: u32,
    /// Bits that are still to be left out before those.
    skip: u32,
    /// Whether something is left out.
    cut: bool,
}

/// What is still to be written.
enum Todo {
    /// Words of the heap, one after the other.
    Run(usize, usize),
    /// The same, of keys of a map.
    Keys(usize, usize),
    /// So many elements of a list, and its tail behind them.
    List(usize, usize),
    /// The elements of a list, in any number of pieces, and no tail.
    Begin(Word),
}

impl Code {
    const fn behind(depth: u32) -> Self {
        Self { bits: 0, used: 0, skip: depth, cut: false }
    }

    const fn head(&self) -> u64 {
        if self.bits >= LAST {
            // All that would be more has the same.
            LAST
        } else if self.cut {
            self.bits
        } else {
            self.bits | EXACT
        }
    }

    /// Writes `width` bits, as far as there is room.
    #[inline]
    fn push(&mut self, mut value: u64, mut width: u32) {
        if self.skip > 0 {
            if width <= self.skip {
                self.skip -= width;
                return;
            }
            width -= self.skip;
            value &= u64::MAX >> (u64::BITS - width);
            self.skip = 0;
        }
        let room = BITS - self.used;
        if width <= room {
            self.bits |= value << 1 << (room - width);
            self.used += width;
        } else if !self.cut {
            // Nothing of a whole word fits if there is no room at all.
            self.bits |= value.checked_shr(width - room).unwrap_or(0) << 1;
            self.used = BITS;
            self.cut = true;
        }
    }

    /// Leaves the rest out.
    fn cut(&mut self) {
        (self.skip, self.used) = (0, BITS);
        self.cut = true;
    }

    /// A whole number.
    fn integer(&mut self, value: i64) {
        if self.whole_part(value) {
            self.push(0, 1);
        }
    }

    /// A number but for its fraction; `false` if it is too long to have one.
    fn whole_part(&mut self, value: i64) -> bool {
        // Of a negative number, all bits are turned over; so is what is written of it.
        let turned = (value >> 63) as u64;
        let length = u64::BITS - (value as u64 ^ turned).leading_zeros();
        if length >= HUGE {
            self.huge(value < 0, u64::from(length), value.unsigned_abs());
            return false;
        }
        let sign = u64::from(value >= 0);
        self.push(sign << LENGTH | (u64::from(length) ^ turned & 63), 3 + LENGTH);
        let rest = length.saturating_sub(1);
        self.push(value as u64 & ((1 << rest) - 1), rest);
        true
    }

    /// A number of many bits: how many, and the first of them. `top` is the magnitude, or as much
    /// of its upper end as 64 bits hold.
    fn huge(&mut self, negative: bool, bits: u64, top: u64) {
        let turned = if negative { u64::MAX } else { 0 };
        let known = u64::from(u64::BITS - top.leading_zeros());
        // A magnitude that fits has its own length, which is one more for -2^63 than for others.
        let bits = if bits <= 64 { known } else { bits };
        let (count, first) = match u32::try_from(bits) {
            Ok(count) => (u64::from(count), top << (64 - known) << 1 >> 40),
            Err(_) => (u64::from(u32::MAX), (1 << 24) - 1),
        };
        let mask = |width: u32| (1_u64 << width) - 1;
        self.push(u64::from(!negative) << LENGTH | (63 ^ turned & 63), 3 + LENGTH);
        self.push((count ^ turned) & mask(32), 32);
        self.push((first ^ turned) & mask(24), 24);
        self.cut();
    }

    fn big(&mut self, big: BigRef<'_>) {
        let magnitude = big.magnitude();
        let Some(last) = magnitude.last() else { return self.integer(0) };
        let zeros = last.leading_zeros();
        let below = magnitude.len().checked_sub(2).map_or(0, |at| magnitude[at]);
        let top = last << zeros | below.checked_shr(64 - zeros).unwrap_or(0);
        let bits = magnitude.len() as u64 * 64 - u64::from(zeros);
        // With 64 bits and more, all that counts is the upper end.
        self.huge(big.is_negative(), bits, if magnitude.len() == 1 { *last } else { top });
    }

    fn float(&mut self, value: f64) {
        const TWO_62: f64 = 4_611_686_018_427_387_904.0;
        if (-TWO_62..TWO_62).contains(&value) {
            let whole = value.floor();
            if self.whole_part(whole as i64) {
                let fraction = ((value - whole) * 4_294_967_296.0) as u64;
                if value == whole {
                    self.push(0, 1);
                } else {
                    self.push(1 << 32 | fraction.min((1 << 32) - 1), 33);
                    self.cut();
                }
            }
            return;
        }
        // An integer of 63 bits or more: the exponent counts its bits.
        let bits = value.to_bits();
        let length = ((bits >> 52) & 0x7ff) - 1022;
        let top = bits << 11 | 1 << 63;
        let top = if length <= 64 { top >> (64 - length) } else { top };
        self.huge(value < 0.0, length, top);
    }

    /// Characters of an atom: the end is below all of them.
    fn atom(&mut self, atom: Atom) {
        self.push(0b010, 3);
        let name = atom.name().as_bytes();
        let (skipped, rest) = name.split_at(self.skip_parts(7, name.len()));
        if skipped.iter().any(|byte| *byte >= 0x7e) {
            return self.cut();
        }
        for byte in rest.iter().copied().take(BITS as usize) {
            if byte >= 0x7e {
                self.push(0x7f, 7);
                return self.cut();
            }
            self.push(u64::from(byte) + 1, 7);
        }
        self.push(0, 7);
    }

    fn bitstring(&mut self, bytes: &[u8], bits: usize) {
        self.push(0b111, 3);
        let rest = &bytes[self.skip_parts(9, bytes.len())..];
        // As many as there is room for, and one of which a part was skipped.
        for seven in rest[..rest.len().min(8)].chunks(7) {
            let code = seven.iter().fold(0, |code, byte| code << 9 | 0x100 | u64::from(*byte));
            self.push(code, 9 * seven.len() as u32);
        }
        if bits % 8 != 0 {
            return self.cut();
        }
        self.push(0, 1);
    }

    /// Skips parts of `width` bits each, of which there are `count`, as long as all of one is to be
    /// skipped; how many that are.
    fn skip_parts(&mut self, width: u32, count: usize) -> usize {
        let parts = (self.skip / width).min(u32::try_from(count).unwrap_or(u32::MAX));
        self.skip -= parts * width;
        parts as usize
    }

    /// A term and all that it holds, without recursion. Each level that is opened writes bits, so
    /// there are few.
    fn terms(&mut self, term: TermRef<'_>) {
        let mut todo: SmallVec<[Todo; 8]> = SmallVec::new();
        self.term(term, &mut todo);
        self.all(term, &mut todo);
        self.cut |= todo.iter().any(|todo| !matches!(todo, Todo::Run(_, 0) | Todo::Keys(_, 0)));
    }

    /// All that is to be written, as far as there is room.
    fn all(&mut self, term: TermRef<'_>, todo: &mut SmallVec<[Todo; 8]>) {
        while self.used < BITS {
            let word = match todo.pop() {
                None => return,
                Some(Todo::Run(_, 0) | Todo::Keys(_, 0)) => continue,
                Some(Todo::Run(at, count)) => {
                    todo.push(Todo::Run(at + 1, count - 1));
                    term.heap()[at]
                }
                Some(Todo::Keys(at, count)) => {
                    todo.push(Todo::Keys(at + 1, count - 1));
                    self.map_key(term.sibling(Word(term.heap()[at])), todo);
                    continue;
                }
                Some(Todo::List(at, 0)) => term.heap()[at],
                Some(Todo::List(at, count)) => {
                    self.push(0b1101, 4);
                    todo.push(Todo::List(at + 1, count - 1));
                    term.heap()[at]
                }
                Some(Todo::Begin(list)) => {
                    let View::List(list) = term.sibling(list).view() else { continue };
                    self.push(0b1101, 4);
                    todo.push(Todo::Begin(list.rest().word()));
                    list.head().word().0
                }
            };
            self.term(term.sibling(Word(word)), todo);
        }
    }

    /// What a tuple begins with.
    fn tuple(&mut self, arity: usize) {
        self.push(0b10, 2);
        self.size(arity);
    }

    fn size(&mut self, size: usize) {
        let size = size as u64;
        self.push(size.min(7), 3);
        if size >= 7 {
            self.push(size, 28);
        }
    }

    /// One term; what it holds is left to do.
    fn term(&mut self, term: TermRef<'_>, todo: &mut SmallVec<[Todo; 8]>) {
        let word = term.word();
        match term.view() {
            View::Int(value) => self.integer(value),
            View::Big(big) => self.big(big),
            View::Float(value) => self.float(value),
            View::Atom(atom) => self.atom(atom),
            View::Reference(_) => self.rank_only(0b01100),
            View::Fun(_) | View::Export(_) => self.rank_only(0b01101),
            View::Port(_) => self.rank_only(0b01110),
            View::Pid(pid) => {
                self.push(0b01111, 5);
                self.push(u64::from(pid.serial) << 32 | u64::from(pid.id), 64);
                self.cut();
            }
            View::Tuple(tuple) => {
                self.tuple(tuple.len());
                todo.push(Todo::Run(word.offset(), word.len()));
            }
            View::Map(map) => {
                self.push(0b11000, 5);
                self.size(map.len());
                todo.push(Todo::Run(word.offset() + map.len(), map.len()));
                todo.push(Todo::Keys(word.offset(), map.len()));
            }
            View::Nil => self.push(0b11001, 5),
            View::List(_) => todo.push(Todo::List(word.offset(), word.len())),
            View::Binary(bytes) => self.bitstring(bytes, bytes.len() * 8),
            View::Bits(bits) => self.bitstring(bits.bytes(), bits.bit_len()),
        }
    }

    /// A key of a map: of one that compares otherwise there, only its place among the types.
    fn map_key(&mut self, key: TermRef<'_>, todo: &mut SmallVec<[Todo; 8]>) {
        match key.view() {
            // Integers before all floats.
            View::Int(_) | View::Big(_) | View::Float(_) => self.rank_only(0b00000),
            View::Tuple(_) => self.rank_only(0b10000),
            View::Map(_) => self.rank_only(0b11000),
            View::List(_) => self.rank_only(0b11010),
            _ => self.term(key, todo),
        }
    }

    /// The first bits of a code that is left out, none of which is the beginning of another.
    fn rank_only(&mut self, rank: u64) {
        self.push(rank, 5);
        self.cut();
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use num_bigint::BigInt;

    use super::super::order::compare;
    use super::*;

    /// Bits in which codes agree whose heads are the same.
    const SURE: u32 = BITS - 2;
    use crate::term::{Pid, Term};

    fn head_of(term: &Term) -> u64 {
        head(term.as_ref())
    }

    /// All that the head may say of two terms.
    fn check(a: &Term, b: &Term) {
        let (x, y) = (head_of(a), head_of(b));
        let order = compare(a.as_ref(), b.as_ref());
        match order {
            Ordering::Less => assert!(x <= y, "{a} < {b}: {x:064b} {y:064b}"),
            Ordering::Greater => assert!(x >= y, "{a} > {b}: {x:064b} {y:064b}"),
            Ordering::Equal => assert_eq!(x, y, "{a} == {b}"),
        }
        assert!(x != y || x & EXACT == 0 || order.is_eq(), "{a} and {b} have the exact {x:064b}");
        assert!(x < u64::MAX - 1, "{a}: kept for the ends of an index");
    }

    fn check_all(terms: &[Term]) {
        for a in terms {
            terms.iter().for_each(|b| check(a, b));
        }
    }

    fn leaves() -> Vec<Term> {
        let mut all = Vec::new();
        for bits in [0, 1, 2, 5, 31, 52, 53, 54, 55, 59, 60, 61, 62, 63, 64, 65, 127, 128, 1023] {
            for near in -2..=2 {
                let value: BigInt = (BigInt::from(1) << bits) + near;
                all.extend([Term::new(&value).unwrap(), Term::new(-value).unwrap()]);
            }
            for factor in [1.0, 1.5, 0.75, 1.000_000_000_000_000_2] {
                let value = 2_f64.powi(bits) * factor;
                all.extend([Term::new(value).unwrap(), Term::new(-value).unwrap()]);
            }
        }
        for value in [0.0, 0.5, 0.25, 1e-300, 5e-324, 2.5, 1e15 + 0.5, f64::MAX] {
            all.extend([Term::new(value).unwrap(), Term::new(-value).unwrap()]);
        }
        let texts = [
            "",
            "a",
            "b",
            "ab",
            "a\0",
            "abcdef",
            "abcdefg",
            "abcdefgh",
            "abcdefg\0",
            "~",
            "\u{e9}",
        ];
        for text in texts {
            all.extend([Term::atom(text).unwrap(), Term::new(text).unwrap()]);
            for bits in (1..8).filter(|_| !text.is_empty()) {
                all.push(Term::bitstring(text.as_bytes(), text.len() * 8 - bits).unwrap());
            }
        }
        all.extend(
            [[128].as_slice(), &[255, 255], &[255; 9], &[0; 9]]
                .map(|bytes| Term::bitstring(bytes, bytes.len() * 8).unwrap()),
        );
        all.extend((1..8).map(|bits| Term::bitstring(&[128], bits).unwrap()));
        all.push(Term::nil());
        all
    }

    #[test]
    fn integers_have_the_heads_of_their_codes() {
        let powers = (0..63).flat_map(|bits| [-2, -1, 0, 1].map(|by| (1_i64 << bits) + by));
        let values = powers.flat_map(|value| [value, !value, value ^ 0x2a]).chain([i64::MIN]);
        for value in values {
            let mut code = Code::behind(0);
            code.integer(value);
            let short = (value ^ value >> 63) >> 54 == 0;
            assert_eq!(head_of_integer(value), short.then(|| code.head()), "{value}");
        }
    }

    #[test]
    fn heads_of_leaves_are_in_order() {
        check_all(&leaves());
    }

    #[test]
    fn heads_of_what_holds_terms_are_in_order() {
        let leaves = leaves();
        let few: Vec<Term> = leaves.iter().step_by(7).cloned().collect();
        let (last, mut all) = (Term::new(5).unwrap(), few.clone());
        for a in &few {
            let (a, b) = (|| a.clone(), few[few.len() / 2].clone());
            all.push(Term::tuple([a()]).unwrap());
            all.push(Term::tuple([a(), last.clone()]).unwrap());
            all.push(Term::tuple([b.clone(), a()]).unwrap());
            all.push(Term::list([a()]).unwrap());
            all.push(Term::list([a(), b.clone()]).unwrap());
            all.push(Term::list_with_tail([last.clone()], a()).unwrap());
            all.push(Term::tuple([Term::list([a(), b.clone()]).unwrap(), b.clone()]).unwrap());
            all.push(Term::map([(a(), b.clone())]).unwrap());
            all.push(Term::map([(b.clone(), a())]).unwrap());
            all.push(Term::map([(a(), last.clone()), (last.clone(), a())]).unwrap());
            all.push(Term::tuple(std::iter::repeat_n(a(), 9)).unwrap());
        }
        all.extend([Term::tuple([]).unwrap(), Term::map([]).unwrap()]);
        check_all(&all);
    }

    /// Of terms whose codes begin alike, heads behind that say as much as heads at the beginning.
    #[test]
    fn heads_at_a_depth_are_in_order() {
        let (leaves, long) = (leaves(), "a rather long text, the same for all of these");
        let few: Vec<Term> = leaves.iter().step_by(23).cloned().collect();
        let mut all = leaves.clone();
        for end in ["", "a", "\0", "~", "\u{e9}a", "\u{e9}b", "abcdefghijkl"] {
            let text = format!("{long}{end}");
            let (binary, atom) = (Term::new(text.as_str()).unwrap(), Term::atom(&text).unwrap());
            let bits = Term::bitstring(text.as_bytes(), text.len() * 8 - 3).unwrap();
            for text in [binary, atom, bits] {
                all.push(text.clone());
                for leaf in few.iter().step_by(5) {
                    let (id, value) = (Term::atom("id").unwrap(), leaf.clone());
                    all.push(Term::map([(id, text.clone()), (text.clone(), value)]).unwrap());
                }
                for leaf in &few {
                    all.push(Term::tuple([text.clone(), leaf.clone()]).unwrap());
                    all.push(
                        Term::tuple([Term::list([text.clone(), leaf.clone()]).unwrap()]).unwrap(),
                    );
                }
            }
        }
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a.as_ref(), b.as_ref()))) {
            let (order, mut depth) = (compare(a, b), 0);
            for _ in 0..20 {
                let (x, y) = (head_at(a, depth), head_at(b, depth));
                match order {
                    Ordering::Less => assert!(x <= y, "{a} < {b} at {depth}: {x:064b} {y:064b}"),
                    Ordering::Greater => assert!(x >= y, "{a} > {b} at {depth}: {x:064b} {y:064b}"),
                    Ordering::Equal => assert_eq!(x, y, "{a} == {b} at {depth}"),
                }
                assert!(x != y || x & EXACT == 0 || order.is_eq(), "{a} and {b} at {depth}");
                assert!(x < u64::MAX - 1, "{a}: kept for the ends of an index");
                // As far as they agree, also where that is in the middle of a part.
                let same = (x ^ y).leading_zeros().min(SURE);
                if x != y {
                    (1..=same).for_each(|more| {
                        let (x, y) = (head_at(a, depth + more), head_at(b, depth + more));
                        assert_eq!(x.cmp(&y), order, "{a} and {b} at {depth} and {more}");
                    });
                    break;
                }
                depth += if a == b { 17 } else { same };
            }
        }
    }

    /// A pid has a word in the code, which may begin anywhere, also where there is no room left.
    #[test]
    fn heads_end_within_words() {
        let node = Atom::new("a@h").unwrap();
        let pid = |id, serial| Term::pid(Pid { node, id, serial, creation: 1 }).unwrap();
        let pids = [pid(0, 0), pid(1, 0), pid(u32::MAX, 1), pid(0, u32::MAX)];
        let mut all = Vec::new();
        for bits in 30..60 {
            for pid in &pids {
                let parts = [Term::from(1_i64 << bits), pid.clone(), Term::nil()];
                all.push(Term::tuple(parts[..2].iter().cloned()).unwrap());
                all.push(Term::tuple(parts.iter().cloned()).unwrap());
                all.push(Term::list(parts).unwrap());
            }
        }
        check_all(&all);
    }

    #[test]
    fn small_keys_have_heads_of_their_own() {
        let exact = |text: &str| head_of(&text.parse().unwrap()) & EXACT != 0;
        for text in ["0", "-1", "9007199254740992", "-18014398509481984", "1.0", "ok", "[]", "{}"] {
            assert!(exact(text), "{text}");
        }
        for text in ["{1000000,1000000}", "{a,{7}}", "[1,2]", "{3,\"\"}", "<<\"abcdef\">>", "#{}"] {
            assert!(exact(text), "{text}");
        }
        for text in ["1.5", "abcdefghi", "<<1:1>>", "#{1=>a}", "36028797018963968"] {
            assert!(!exact(text), "{text}");
        }
    }
}
