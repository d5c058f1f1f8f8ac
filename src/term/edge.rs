//! The edges of ranges: keys, the beginnings of keys, or none.
//!
//! **Ranges that overlap.** An edge lies at a set of keys that have no other key between them:
//! those that are `==` to one, or those that begin alike. Of two such sets one lies before the
//! other, or one holds the other; never do they overlap in part. So the two sides of all sets are
//! in one order: what is before or behind a set is so for both sides of what it holds. Ranges that
//! are sorted by their lower edges are then joined from left to right where one begins no further
//! than the last has reached. Of a key and a beginning that only this key has, the key counts as
//! what is held: ranges may be joined that only touch, but none that overlap stay apart.

use std::cmp::Ordering;
use std::ops::Bound;

use super::{
    Arena, Object, Term, TermRef, ToObject, ToTerm, View, Word, compare, head, head_at, new_block,
    prefix_heads,
};
use crate::error::{Error, Result};
use crate::raw::block::Block;

/// An edge of a range.
#[derive(Clone, Debug)]
pub(crate) enum Edge {
    /// The range is open there.
    Open,
    /// At a key, which belongs to the range or not.
    Key { key: Term, head: u64, included: bool },
    /// Behind the key of an object.
    Behind { block: Block, keypos: usize },
    /// At the keys that begin so, which belong to the range.
    Prefix(Prefix),
    /// Before or behind the keys that begin so, whichever side the range is on.
    Beside { prefix: Prefix, after: bool },
}

/// What an edge lies at.
enum Set<'e> {
    Key(TermRef<'e>),
    Prefix(&'e Prefix),
}

/// How two sets of keys stand to each other.
enum Stand {
    Apart(Ordering),
    Same,
    /// The first lies in the second.
    Within,
    /// The second lies in the first.
    Around,
}

/// A place between keys.
enum Place<'e> {
    First,
    /// Before a set, or behind it.
    Beside(Set<'e>, bool),
    Last,
}

impl Edge {
    pub(crate) fn key(key: Term, included: bool) -> Self {
        let head = head(key.as_ref());
        Self::Key { key, head, included }
    }

    /// Where a bound of a range lies.
    pub(crate) fn of(bound: Bound<impl ToTerm>) -> Result<Self> {
        Ok(match bound {
            Bound::Unbounded => Self::Open,
            Bound::Included(key) => Self::key(Term::new(key)?, true),
            Bound::Excluded(key) => Self::key(Term::new(key)?, false),
        })
    }

    pub(crate) fn after(block: Block, keypos: usize) -> Self {
        Self::Behind { block, keypos }
    }

    /// The head at which it lies, as the lower edge of a range or as the upper one; `None` if the
    /// range is open.
    pub(crate) fn head(&self, lower: bool) -> Option<u64> {
        Some(match self {
            Self::Open => return None,
            Self::Key { head, .. } => *head,
            Self::Behind { block, .. } => block.borrow().hash(),
            Self::Prefix(prefix) => {
                if lower {
                    prefix.heads.0
                } else {
                    prefix.heads.1
                }
            }
            Self::Beside { prefix, after: false } => prefix.heads.0,
            Self::Beside { prefix, after: true } => prefix.heads.1,
        })
    }

    /// The same at a depth; `head` is that at none.
    pub(crate) fn head_at(&self, head: u64, lower: bool, depth: u32) -> u64 {
        match self {
            Self::Open => head,
            Self::Key { key, .. } => head_at(key.as_ref(), depth),
            Self::Behind { block, keypos } => {
                let words = block.borrow().words();
                head_at(TermRef::new(words, Word(words[keypos - 1])), depth)
            }
            Self::Prefix(prefix) if lower => prefix.heads_at(depth).0,
            Self::Prefix(prefix) => prefix.heads_at(depth).1,
            Self::Beside { prefix, after: false } => prefix.heads_at(depth).0,
            Self::Beside { prefix, after: true } => prefix.heads_at(depth).1,
        }
    }

    /// Whether it lies at one key.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self, Self::Key { .. } | Self::Behind { .. })
    }

    pub(crate) fn included(&self) -> bool {
        match self {
            // No key is at the place beside others.
            Self::Open | Self::Prefix(_) | Self::Beside { .. } => true,
            Self::Key { included, .. } => *included,
            Self::Behind { .. } => false,
        }
    }

    /// How a key stands to it.
    pub(crate) fn order(&self, other: TermRef<'_>) -> Ordering {
        match self {
            Self::Open => Ordering::Equal,
            Self::Key { key, .. } => compare(other, key.as_ref()),
            Self::Behind { block, keypos } => {
                let words = block.borrow().words();
                compare(other, TermRef::new(words, Word(words[keypos - 1])))
            }
            Self::Prefix(prefix) => prefix.order(other),
            Self::Beside { prefix, after } => {
                let there = if *after { Ordering::Less } else { Ordering::Greater };
                prefix.order(other).then(there)
            }
        }
    }

    /// Whether a key lies beyond it: below the lower edge of a range, or above the upper one.
    pub(crate) fn excludes(&self, key: TermRef<'_>, lower: bool) -> bool {
        if matches!(self, Self::Open) {
            return false;
        }
        match self.order(key) {
            Ordering::Less => lower,
            Ordering::Equal => !self.included(),
            Ordering::Greater => !lower,
        }
    }

    /// Where it lies, as the lower edge of a range or as the upper one.
    fn place(&self, lower: bool) -> Place<'_> {
        match self {
            Self::Open if lower => Place::First,
            Self::Open => Place::Last,
            Self::Key { key, included, .. } => {
                Place::Beside(Set::Key(key.as_ref()), *included != lower)
            }
            Self::Behind { block, keypos } => {
                let words = block.borrow().words();
                let key = TermRef::new(words, Word(words[keypos - 1]));
                Place::Beside(Set::Key(key), lower)
            }
            Self::Prefix(prefix) => Place::Beside(Set::Prefix(prefix), !lower),
            Self::Beside { prefix, after } => Place::Beside(Set::Prefix(prefix), *after),
        }
    }
}

impl Place<'_> {
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::First, Self::First) | (Self::Last, Self::Last) => Ordering::Equal,
            (Self::First, _) | (_, Self::Last) => Ordering::Less,
            (_, Self::First) | (Self::Last, _) => Ordering::Greater,
            (Self::Beside(a, after), Self::Beside(b, behind)) => match a.stand(b) {
                Stand::Apart(order) => order,
                Stand::Same => after.cmp(behind),
                Stand::Within if *behind => Ordering::Less,
                Stand::Within => Ordering::Greater,
                Stand::Around if *after => Ordering::Greater,
                Stand::Around => Ordering::Less,
            },
        }
    }
}

impl Set<'_> {
    fn stand(&self, other: &Self) -> Stand {
        let of_key = |order: Ordering, inside| match order {
            Ordering::Equal => inside,
            order => Stand::Apart(order),
        };
        match (self, other) {
            (Self::Key(a), Self::Key(b)) => of_key(compare(*a, *b), Stand::Same),
            (Self::Key(key), Self::Prefix(prefix)) => of_key(prefix.order(*key), Stand::Within),
            (Self::Prefix(prefix), Self::Key(key)) => {
                of_key(prefix.order(*key).reverse(), Stand::Around)
            }
            (Self::Prefix(a), Self::Prefix(b)) => a.stand(b),
        }
    }
}

/// The same keys in ranges that do not overlap, in ascending order. Pairs of a lower and an upper
/// edge; those that hold no key are left out. O(n log n).
pub(crate) fn disjoint(mut ranges: Vec<(Edge, Edge)>) -> Vec<(Edge, Edge)> {
    ranges.retain(|(low, high)| low.place(true).order(&high.place(false)).is_lt());
    ranges.sort_by(|(a, _), (b, _)| a.place(true).order(&b.place(true)));
    let mut joined: Vec<(Edge, Edge)> = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        match joined.last_mut() {
            Some((_, end)) if low.place(true).order(&end.place(false)).is_le() => {
                if end.place(false).order(&high.place(false)).is_lt() {
                    *end = high;
                }
            }
            _ => joined.push((low, high)),
        }
    }
    joined
}

/// The beginning of a tuple of a certain size, or of a list.
#[derive(Clone, Debug)]
pub(crate) struct Prefix {
    /// A tuple or a list that holds what keys begin with.
    first: Term,
    /// The size of the tuples; `None` for lists.
    arity: Option<usize>,
    /// Below and above the heads of all these keys.
    heads: (u64, u64),
}

impl Prefix {
    /// Tuples of `arity` elements that begin with those of an object.
    pub(crate) fn tuple(first: impl ToObject, arity: usize) -> Result<Self> {
        let mut arena = Arena::new();
        let size = first.put_object(&mut arena)?;
        let first = Object::from_block(new_block(0, size, arena.words())?);
        if first.arity() > arity {
            let message = format!("no tuple of {arity} elements begins with {}", first.as_term());
            return Err(Error::bad_argument(message));
        }
        let heads = prefix_heads(first.as_term(), Some(arity), 0);
        Ok(Self { first: Term::from(first), arity: Some(arity), heads })
    }

    /// Lists that begin with the elements of one that is not empty.
    pub(crate) fn list(first: Term) -> Self {
        let heads = prefix_heads(first.as_ref(), None, 0);
        Self { first, arity: None, heads }
    }

    /// As `heads`, at a depth.
    fn heads_at(&self, depth: u32) -> (u64, u64) {
        prefix_heads(self.first.as_ref(), self.arity, depth)
    }

    /// How the keys that begin so stand to those of another beginning.
    fn stand(&self, other: &Self) -> Stand {
        let (order, more) = match (self.arity, self.first.view(), other.arity, other.first.view()) {
            (Some(arity), View::Tuple(a), Some(size), View::Tuple(b)) => {
                let pairs = a.elements().zip(b.elements());
                let order = arity.cmp(&size).then_with(|| first_difference(pairs));
                (order, a.len().cmp(&b.len()))
            }
            (None, View::List(a), None, View::List(b)) => {
                (first_difference(a.elements().zip(b.elements())), a.len().cmp(&b.len()))
            }
            _ => (compare(self.first.as_ref(), other.first.as_ref()), Ordering::Equal),
        };
        match (order, more) {
            (Ordering::Equal, Ordering::Equal) => Stand::Same,
            (Ordering::Equal, Ordering::Greater) => Stand::Within,
            (Ordering::Equal, Ordering::Less) => Stand::Around,
            (order, _) => Stand::Apart(order),
        }
    }

    /// How a key stands to those that begin so.
    fn order(&self, key: TermRef<'_>) -> Ordering {
        match (self.arity, key.view(), self.first.view()) {
            (Some(arity), View::Tuple(tuple), View::Tuple(first)) => {
                let pairs = tuple.elements().zip(first.elements());
                tuple.len().cmp(&arity).then_with(|| first_difference(pairs))
            }
            (None, View::List(list), View::List(first)) => {
                let pairs = list.elements().zip(first.elements());
                let longer = || {
                    // Where the key ends before the prefix does, its tail decides.
                    let (long, wanted) = (list.elements().count(), first.len());
                    if long >= wanted {
                        Ordering::Equal
                    } else {
                        compare(list.tail(), self.first.as_ref())
                    }
                };
                first_difference(pairs).then_with(longer)
            }
            _ => compare(key, self.first.as_ref()),
        }
    }
}

#[allow(single_use_lifetimes, reason = "an impl has no anonymous ones within")]
fn first_difference<'a, 'b>(pairs: impl Iterator<Item = (TermRef<'a>, TermRef<'b>)>) -> Ordering {
    pairs.map(|(a, b)| compare(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
