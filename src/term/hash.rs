//! Hashes of terms: `a =:= b` implies the same hash.
//!
//! A term is *fed* to a hasher in the order in which one would write it down: what it is and how
//! many parts it has, then its parts, the first part first. Because every compound says its number
//! of parts before them, no feed of one term is the beginning of another's, so terms that hold the
//! same leaves in other shapes, as `{1,{2}}` and `{{1},2}` or `[1,2]` and `{1,2}`, are fed
//! differently. The number of a list's elements is that of the whole list, not of the piece that
//! lies here, so that the layout does not show.
//!
//! What `=:=` does not see must not be fed: the leading zeros of a reference's numbers, and all of
//! a fun but its identity and its environment. `0.0` and `-0.0` are different, as in OTP 27.
//!
//! Integers, atoms and binaries as whole keys are hashed straight through the keyed hasher. Nothing
//! recurses; parts that wait stand on an explicit stack.

use std::fmt;
use std::hash::{BuildHasher, Hasher};

use smallvec::SmallVec;

use super::order::is_compound;
use super::view::{FUN_RAW_WORDS, FUN_TERM_WORDS};
use super::{BigRef, FunRef, ObjectRef, Tag, TermRef, View, Word};

/// Hashes keys for the indexes, differently for each seed.
///
/// All 64 bits are good: the indexes take the top for the place and the bottom for a tag.
#[derive(Clone)]
pub(crate) struct KeyHasher {
    /// For terms of one word, which most keys are.
    keys: [u64; 2],
    boxed: ahash::RandomState,
}

/// Who knows the keys can choose terms that share a bucket.
impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyHasher").finish_non_exhaustive()
    }
}

/// Multiplies to 128 bits and adds the halves without carry: every bit of the result depends on
/// every bit of the operands.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl KeyHasher {
    /// A hasher with its own keys.
    pub(crate) fn new(seed: u64) -> Self {
        // Any constants do; the seed must reach all of the hasher's keys.
        let keys = [seed, !seed, seed.rotate_left(21), seed ^ 0x9e37_79b9_7f4a_7c15];
        let boxed = ahash::RandomState::with_seeds(keys[0], keys[1], keys[2], keys[3]);
        // Multipliers are odd and have about as many ones as zeros.
        let key = |salt: u64| boxed.hash_one(salt) | 1;
        Self { keys: [key(1), key(2)], boxed }
    }

    /// `a =:= b` implies the same hash.
    #[inline]
    pub(crate) fn hash(&self, term: TermRef<'_>) -> u64 {
        if term.word().is_immediate() {
            return self.hash_word(term.word());
        }
        self.hash_boxed(term)
    }

    /// The hash of a term that is this word, which is immediate.
    #[inline]
    pub(crate) fn hash_word(&self, word: Word) -> u64 {
        let [add, multiply] = self.keys;
        fold(fold(word.0 ^ add, 0x9e37_79b9_7f4a_7c15), multiply)
    }

    #[inline(never)]
    fn hash_boxed(&self, term: TermRef<'_>) -> u64 {
        let mut hasher = self.boxed.build_hasher();
        if let View::Binary(bytes) = term.view() {
            hasher.write(bytes);
        } else {
            feed_boxed::<_, false>(term, &mut hasher);
        }
        hasher.finish()
    }
}

impl KeyHasher {
    /// `a == b` implies the same hash. Some more terms have the same: maps that differ in numbers
    /// in their keys.
    pub(crate) fn hash_ties(&self, term: TermRef<'_>) -> u64 {
        let mut hasher = self.boxed.build_hasher();
        feed_boxed::<_, true>(term, &mut hasher);
        hasher.finish()
    }

    /// The hash of a whole object: `=:=` objects have the same.
    pub(crate) fn hash_object(&self, object: ObjectRef<'_>) -> u64 {
        let mut hasher = self.boxed.build_hasher();
        hasher.write_usize(object.arity());
        object.elements().for_each(|element| feed(element, &mut hasher));
        hasher.finish()
    }
}

/// Feeds what `=:=` compares.
pub(crate) fn feed<H: Hasher>(term: TermRef<'_>, hasher: &mut H) {
    let word = term.word();
    if word.is_immediate() {
        hasher.write_u64(word.0);
    } else {
        feed_boxed::<_, false>(term, hasher);
    }
}

/// What is left to feed: words that follow each other in the heap, or what follows a piece of a
/// list.
enum Todo {
    Run { at: usize, count: usize },
    Rest(Word),
}

type Stack = SmallVec<[Todo; 8]>;

/// Feeds a term that is not immediate; without a stack as far as it is a flat tuple.
fn feed_boxed<H: Hasher, const TIES: bool>(term: TermRef<'_>, hasher: &mut H) {
    let (word, mut stack) = (term.word(), Stack::new());
    if !is_compound(word.tag()) {
        return feed_leaf::<_, TIES>(term, hasher);
    }
    if word.tag() == Tag::Tuple {
        hasher.write_u64(header(Tag::Tuple, word.len()));
        let opened = feed_run::<_, TIES>(term, word.offset(), word.len(), hasher, &mut stack);
        let Some(word) = opened else { return };
        feed_compound::<_, TIES>(term.sibling(word), hasher, &mut stack);
    } else {
        feed_compound::<_, TIES>(term, hasher, &mut stack);
    }
    feed_rest::<_, TIES>(term, hasher, &mut stack);
}

/// Feeds all that is left to do. Any term of the heap will do as `heap`.
#[cold]
fn feed_rest<H: Hasher, const TIES: bool>(heap: TermRef<'_>, hasher: &mut H, stack: &mut Stack) {
    while let Some(todo) = stack.pop() {
        let opened = match todo {
            Todo::Run { at, count } => feed_run::<_, TIES>(heap, at, count, hasher, stack),
            Todo::Rest(word) if word.tag() == Tag::List => {
                push_list(heap, word, stack);
                None
            }
            Todo::Rest(word) if is_compound(word.tag()) => Some(word),
            Todo::Rest(word) => {
                feed_leaf::<_, TIES>(heap.sibling(word), hasher);
                None
            }
        };
        if let Some(word) = opened {
            feed_compound::<_, TIES>(heap.sibling(word), hasher, stack);
        }
    }
}

/// Feeds words up to the first that holds others, which it returns and which comes before the rest
/// of the run.
#[inline]
fn feed_run<H: Hasher, const TIES: bool>(
    heap: TermRef<'_>,
    at: usize,
    count: usize,
    hasher: &mut H,
    stack: &mut Stack,
) -> Option<Word> {
    for (done, raw) in (1..).zip(&heap.heap()[at..at + count]) {
        let word = Word(*raw);
        if is_compound(word.tag()) {
            push_run(at + done, count - done, stack);
            return Some(word);
        }
        feed_leaf::<_, TIES>(heap.sibling(word), hasher);
    }
    None
}

/// Tells boxed terms apart by type and size. An immediate's word never looks like one of these, for
/// its tag is another.
fn header(tag: Tag, count: usize) -> u64 {
    (count as u64) << 4 | tag as u64
}

/// Feeds a term that holds no others.
#[inline]
fn feed_leaf<H: Hasher, const TIES: bool>(term: TermRef<'_>, hasher: &mut H) {
    let word = term.word();
    let (tag, len) = (word.tag(), word.len());
    let raw = match tag {
        Tag::Int | Tag::Float | Tag::Big if TIES => return feed_value(term, hasher),
        Tag::Int | Tag::Atom | Tag::Nil => return hasher.write_u64(word.0),
        Tag::Binary => return feed_binary(term, hasher),
        Tag::Tuple | Tag::List | Tag::Map | Tag::Fun => unreachable!("holds other terms"),
        Tag::Reference => return feed_reference(term, hasher),
        Tag::Float => 1,
        Tag::Pid | Tag::Port => 2,
        Tag::Export => 3,
        Tag::Big => len / 2,
        Tag::Bits => len.div_ceil(64),
    };
    hasher.write_u64(header(tag, len));
    for raw in &term.heap()[word.offset()..word.offset() + raw] {
        hasher.write_u64(*raw);
    }
}

/// Feeds a number so that those of one value are fed alike: its sign, how often it can be halved,
/// and the odd number that is left then.
#[cold]
fn feed_value<H: Hasher>(term: TermRef<'_>, hasher: &mut H) {
    let (is_negative, power, magnitude) = match term.view() {
        View::Big(big) => return feed_big(big, hasher),
        View::Float(float) => {
            let raw = float.abs().to_bits();
            let (power, fraction) = ((raw >> 52) as i64, raw & ((1 << 52) - 1));
            // The smallest have no leading one.
            if power == 0 {
                (float < 0.0, -1_074, fraction)
            } else {
                (float < 0.0, power - 1_075, 1 << 52 | fraction)
            }
        }
        View::Int(integer) => (integer < 0, 0, integer.unsigned_abs()),
        _ => unreachable!("only numbers have a value"),
    };
    // Of zero nothing is left.
    let (odd, halved) = match magnitude.trailing_zeros() {
        64 => (0, 0),
        zeros => (magnitude >> zeros, power + i64::from(zeros)),
    };
    hasher.write_u64(number(is_negative, halved));
    hasher.write_u64(odd);
}

/// Tells numbers from what else may be fed, by their sign and how often they can be halved.
fn number(is_negative: bool, halved: i64) -> u64 {
    header(Tag::Float, (halved as usize) << 1 | usize::from(is_negative))
}

fn feed_big<H: Hasher>(big: BigRef<'_>, hasher: &mut H) {
    let words = big.magnitude();
    let first = words.iter().position(|word| *word != 0).unwrap_or(0);
    let (words, zeros) = (&words[first..], words[first].trailing_zeros());
    hasher.write_u64(number(big.is_negative(), 64 * first as i64 + i64::from(zeros)));
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied();
        let odd = word >> zeros | next.unwrap_or(0).checked_shl(64 - zeros).unwrap_or(0);
        if odd != 0 || next.is_some() {
            hasher.write_u64(odd);
        }
    }
}

fn feed_binary<H: Hasher>(term: TermRef<'_>, hasher: &mut H) {
    hasher.write_u64(header(Tag::Binary, term.word().len()));
    hasher.write(term.as_bytes().unwrap_or_default());
}

/// References are as equal as their numbers, so zeros at the most significant end must not show.
#[cold]
fn feed_reference<H: Hasher>(term: TermRef<'_>, hasher: &mut H) {
    let View::Reference(reference) = term.view() else { return };
    let significant = reference.ids().rposition(|id| id != 0).map_or(0, |last| last + 1);
    hasher.write_u64(header(Tag::Reference, significant));
    hasher.write_u32(reference.node().index());
    hasher.write_u32(reference.creation());
    for id in reference.ids().take(significant) {
        hasher.write_u32(id);
    }
}

/// Feeds what a compound term is outside, and leaves the inside to do.
fn feed_compound<H: Hasher, const TIES: bool>(
    term: TermRef<'_>,
    hasher: &mut H,
    stack: &mut Stack,
) {
    let word = term.word();
    let (at, len) = (word.offset(), word.len());
    match term.view() {
        View::List(list) => {
            hasher.write_u64(header(Tag::List, list.len()));
            push_list(term, word, stack);
        }
        View::Fun(fun) => {
            feed_fun::<_, TIES>(fun, hasher, len);
            push_run(at + FUN_RAW_WORDS + FUN_TERM_WORDS, len, stack);
        }
        _ => {
            hasher.write_u64(header(word.tag(), len));
            let count = if word.tag() == Tag::Map { 2 * len } else { len };
            push_run(at, count, stack);
        }
    }
}

fn push_run(at: usize, count: usize, stack: &mut Stack) {
    if count > 0 {
        stack.push(Todo::Run { at, count });
    }
}

/// The elements that lie here, then what follows them.
fn push_list(heap: TermRef<'_>, piece: Word, stack: &mut Stack) {
    let (at, len) = (piece.offset(), piece.len());
    stack.push(Todo::Rest(Word(heap.heap()[at + len])));
    push_run(at, len, stack);
}

/// What makes a fun itself, as `=:=` sees it: neither the pid nor the old index. As `==` sees it,
/// neither the arity nor the identity of the code, either.
#[cold]
fn feed_fun<H: Hasher, const TIES: bool>(fun: FunRef<'_>, hasher: &mut H, environment: usize) {
    hasher.write_u64(header(Tag::Fun, environment));
    hasher.write_u32(fun.module().index());
    hasher.write_u32(fun.index());
    hasher.write_u32(fun.old_index_and_uniq().1);
    if TIES {
        return;
    }
    hasher.write_u8(fun.arity());
    for half in fun.uniq() {
        hasher.write_u64(half);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Arena, Atom, Term, ToTerm};
    use super::KeyHasher;

    const KEYS: u64 = 1 << 16;

    /// Pearson's sum for counts that should all be the same.
    fn chi_square(counts: &[u32]) -> f64 {
        let expected = KEYS as f64 / counts.len() as f64;
        counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
    }

    /// Checks that some bits of the hashes take all their values equally often: at most six
    /// standard deviations more uneven than chance would have it.
    fn assert_spread(what: &str, hashes: &[u64], shift: u32, bits: u32) {
        let mut counts = vec![0_u32; 1 << bits];
        for hash in hashes {
            counts[(hash >> shift) as usize & ((1 << bits) - 1)] += 1;
        }
        let freedom = f64::from((1_u32 << bits) - 1);
        let bound = freedom + 6.0 * (2.0 * freedom).sqrt();
        let sum = chi_square(&counts);
        assert!(sum < bound, "{what}: bits {shift}..{}: {sum} of {bound}", shift + bits);
    }

    fn assert_good<T: ToTerm>(what: &str, key: impl Fn(u64) -> T) {
        for seed in [0, 1, 0x1234_5678_9abc_def0] {
            let hasher = KeyHasher::new(seed);
            let hash = |at| key(at).with(|term| hasher.hash(term)).unwrap();
            let hashes: Vec<u64> = (0..KEYS).map(hash).collect();
            for (shift, bits) in [(52, 12), (56, 8), (48, 8), (0, 8), (8, 8), (0, 12), (4, 12)] {
                assert_spread(what, &hashes, shift, bits);
            }
            let mut distinct = hashes;
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len() as u64, KEYS, "{what}: 64 bits collide");
        }
    }

    #[test]
    fn integers_spread() {
        assert_good("from zero", |at| at);
        assert_good("below zero", |at| -1 - at as i64);
        for shift in [1, 3, 4, 8, 16, 32, 40] {
            assert_good("multiples", |at| at << shift);
        }
        assert_good("in the upper half", |at| at << 48 | 0xffff_ffff);
    }

    #[test]
    fn other_keys_spread() {
        let a = Atom::new("a").unwrap();
        assert_good("atoms", |at| Atom::new(&format!("atom{at}")).unwrap());
        assert_good("floats", |at| at as f64);
        assert_good("texts", |at| format!("user:{at}"));
        assert_good("two bytes", |at| (at as u16).to_le_bytes().to_vec());
        assert_good("eight bytes", |at| at.to_be_bytes().to_vec());
        assert_good("tagged integers", |at| (a, at));
        assert_good("pairs", |at| (at >> 8, at & 0xff));
        assert_good("lists", |at| vec![at & 0xf, at >> 4]);
        assert_good("nested", |at| ((at >> 8,), (a, (at & 0xff,))));
    }

    /// What is `==` has the same hash, and what is not has another, numbers of all sizes too.
    #[test]
    fn ties_share_a_hash() {
        let hasher = KeyHasher::new(5);
        let mut numbers: Vec<Term> = vec![Term::new(0.0).unwrap(), Term::new(-0.0).unwrap()];
        for power in (0..64).chain([100, 126]) {
            for more in [-1, 0, 1, 3] {
                let integer = (1_i128 << power) + more;
                for integer in [integer, -integer] {
                    numbers.push(Term::new(integer).unwrap());
                    numbers.push(Term::new(integer as f64).unwrap());
                    numbers.push(Term::new(integer as f64 / 1e10).unwrap());
                }
            }
        }
        numbers.push(Term::new(f64::MIN_POSITIVE / 4.0).unwrap());
        for a in &numbers {
            for b in &numbers {
                let is_tie = a.as_ref().equals(b.as_ref());
                let (x, y) = (Term::tuple([a.clone()]).unwrap(), Term::tuple([b.clone()]).unwrap());
                for (a, b) in [(a, b), (&x, &y)] {
                    let same = hasher.hash_ties(a.as_ref()) == hasher.hash_ties(b.as_ref());
                    assert_eq!(same, is_tie, "{a} {b}");
                }
            }
        }
        let texts = ["session:1", "session:2"].map(|text| Term::new(text).unwrap());
        assert_ne!(hasher.hash_ties(texts[0].as_ref()), hasher.hash_ties(texts[1].as_ref()));
    }

    #[test]
    fn seeds_matter() {
        let term = Term::new((Atom::OK, 7)).unwrap();
        let one = KeyHasher::new(1).hash(term.as_ref());
        assert_eq!(one, KeyHasher::new(1).hash(term.as_ref()));
        assert_ne!(one, KeyHasher::new(2).hash(term.as_ref()));
    }

    #[test]
    fn what_equality_does_not_see_does_not_count() {
        let hasher = KeyHasher::new(7);
        let reference = |ids: &[u32]| Term::reference(Atom::NO_NODE, 1, ids).unwrap();
        let (short, long) = (reference(&[1, 2]), reference(&[1, 2, 0]));
        assert_eq!(short, long);
        assert_eq!(hasher.hash(short.as_ref()), hasher.hash(long.as_ref()));

        let mut arena = Arena::new();
        let two = arena.list(&[Arena::atom(Atom::OK), Arena::atom(Atom::NIL)], super::Word::NIL);
        let two = two.unwrap();
        let pieces = arena.list(&[Arena::atom(Atom::TRUE)], two).unwrap();
        let whole = Term::new(vec![Atom::TRUE, Atom::OK, Atom::NIL]).unwrap();
        assert_eq!(hasher.hash(arena.view(pieces)), hasher.hash(whole.as_ref()));
    }
}
