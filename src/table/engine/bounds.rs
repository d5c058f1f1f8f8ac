//! The edges of ranges: keys, the beginnings of keys, or none.

use std::cmp::Ordering;

use crate::raw::block::Block;
use crate::term::{Object, Term, TermRef, View, Word, compare, head, prefix_heads};

/// An edge of a range.
#[derive(Clone, Debug)]
pub(crate) enum Edge {
    /// The range is open there.
    Open,
    /// At a key, which belongs to the range or not.
    Key { key: Term, head: u64, included: bool },
    /// Behind the key of an object.
    Behind { block: Block, keypos: usize },
    /// At the keys that begin so.
    Prefix(Prefix),
}

impl Edge {
    pub(crate) fn key(key: Term, included: bool) -> Self {
        let head = head(key.as_ref());
        Self::Key { key, head, included }
    }

    pub(crate) fn after(block: Block, keypos: usize) -> Self {
        Self::Behind { block, keypos }
    }

    /// The head at which it lies, as the lower edge of a range or as the upper one; `None` if the
    /// range is open.
    pub(super) fn head(&self, lower: bool) -> Option<u64> {
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
        })
    }

    pub(super) fn included(&self) -> bool {
        match self {
            Self::Open | Self::Prefix(_) => true,
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
        }
    }
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
    pub(crate) fn tuple(first: &Object, arity: usize) -> Self {
        let heads = prefix_heads(first.as_term(), Some(arity));
        Self { first: Term::from(first.clone()), arity: Some(arity), heads }
    }

    /// Lists that begin with the elements of one that is not empty.
    pub(crate) fn list(first: Term) -> Self {
        let heads = prefix_heads(first.as_ref(), None);
        Self { first, arity: None, heads }
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
