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

use std::hash::{BuildHasher, Hasher};

use smallvec::SmallVec;

use super::order::is_compound;
use super::view::{FUN_RAW_WORDS, FUN_TERM_WORDS};
use super::{FunRef, ObjectRef, Tag, TermRef, View, Word};

/// Hashes keys for the indexes, differently for each seed.
///
/// All 64 bits are good: the indexes take the top for the place and the bottom for a tag.
#[derive(Clone, Debug)]
pub(crate) struct KeyHasher(ahash::RandomState);

impl KeyHasher {
    /// A hasher with its own keys.
    pub(crate) fn new(seed: u64) -> Self {
        // Any constants do; the seed must reach all of the hasher's keys.
        let keys = [seed, !seed, seed.rotate_left(21), seed ^ 0x9e37_79b9_7f4a_7c15];
        Self(ahash::RandomState::with_seeds(keys[0], keys[1], keys[2], keys[3]))
    }

    /// `a =:= b` implies the same hash.
    #[inline]
    pub(crate) fn hash(&self, term: TermRef<'_>) -> u64 {
        let mut hasher = self.0.build_hasher();
        let word = term.word();
        if word.is_immediate() {
            hasher.write_u64(word.0);
        } else if let View::Binary(bytes) = term.view() {
            hasher.write(bytes);
        } else {
            feed_boxed(term, &mut hasher);
        }
        hasher.finish()
    }
}

impl KeyHasher {
    /// The hash of a whole object: `=:=` objects have the same.
    pub(crate) fn hash_object(&self, object: ObjectRef<'_>) -> u64 {
        let mut hasher = self.0.build_hasher();
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
        feed_boxed(term, hasher);
    }
}

/// What is left to feed: words that follow each other in the heap, or what follows a piece of a
/// list.
enum Todo {
    Run { at: usize, count: usize },
    Rest(Word),
}

type Stack = SmallVec<[Todo; 8]>;

fn feed_boxed<H: Hasher>(term: TermRef<'_>, hasher: &mut H) {
    let mut stack = Stack::new();
    feed_one(term, hasher, &mut stack);
    while let Some(todo) = stack.pop() {
        match todo {
            Todo::Run { at, count } => feed_run(term, at, count, hasher, &mut stack),
            Todo::Rest(word) if word.tag() == Tag::List => push_list(term, word, &mut stack),
            Todo::Rest(word) => feed_one(term.sibling(word), hasher, &mut stack),
        }
    }
}

/// Feeds words up to the first that holds others; these come before the rest of the run.
#[inline]
fn feed_run<H: Hasher>(
    heap: TermRef<'_>,
    at: usize,
    count: usize,
    hasher: &mut H,
    stack: &mut Stack,
) {
    for (done, raw) in (1..).zip(&heap.heap()[at..at + count]) {
        let word = Word(*raw);
        if is_compound(word.tag()) {
            push_run(at + done, count - done, stack);
            return feed_one(heap.sibling(word), hasher, stack);
        }
        feed_one(heap.sibling(word), hasher, stack);
    }
}

/// Tells boxed terms apart by type and size. An immediate's word never looks like one of these, for
/// its tag is another.
fn header(tag: Tag, count: usize) -> u64 {
    (count as u64) << 4 | tag as u64
}

/// Feeds a term but for the terms in it, which are left to do.
#[inline]
fn feed_one<H: Hasher>(term: TermRef<'_>, hasher: &mut H, stack: &mut Stack) {
    let word = term.word();
    let (tag, len) = (word.tag(), word.len());
    let raw = match tag {
        Tag::Int | Tag::Atom | Tag::Nil => return hasher.write_u64(word.0),
        Tag::Binary => return feed_binary(term, hasher),
        Tag::Tuple | Tag::List | Tag::Map | Tag::Fun => return open(term, hasher, stack),
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

fn open<H: Hasher>(term: TermRef<'_>, hasher: &mut H, stack: &mut Stack) {
    let word = term.word();
    let (at, len) = (word.offset(), word.len());
    match term.view() {
        View::List(list) => {
            hasher.write_u64(header(Tag::List, list.len()));
            push_list(term, word, stack);
        }
        View::Fun(fun) => {
            feed_fun(fun, hasher, len);
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

/// What makes a fun itself, as `=:=` sees it: neither the pid nor the old index.
#[cold]
fn feed_fun<H: Hasher>(fun: FunRef<'_>, hasher: &mut H, environment: usize) {
    hasher.write_u64(header(Tag::Fun, environment));
    hasher.write_u32(fun.module().index());
    hasher.write_u32(fun.index());
    hasher.write_u32(fun.old_index_and_uniq().1);
    hasher.write_u8(fun.arity());
    for half in fun.uniq() {
        hasher.write_u64(half);
    }
}
