//! Ranges of keys, as a plan has them and as tables follow them.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Bound;

use super::plan::KeyPlan;
use crate::error::Result;
use crate::term::{Edge, Prefix, Term, TermRef, View, disjoint};

/// A range of keys, in Erlang's order of terms.
///
/// ```
/// use std::ops::Bound;
/// use ferrets::{KeyPlan, Kind, Store, TableOptions, term};
/// let owner = Store::new().owner();
/// let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
/// let plan = t.explain(&"[{{'$1'},[{'>=','$1',3},{'<','$1',9}],['$1']}]".parse()?);
/// let KeyPlan::Ranges(ranges) = plan.keys() else { unreachable!() };
/// assert_eq!(ranges[0].low, Bound::Included(term!(3)));
/// assert_eq!(ranges[0].high, Bound::Excluded(term!(9)));
/// assert_eq!(ranges[0].to_string(), "keys from 3 below 9");
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The keys are tuples or lists that begin with these elements; any terms if `None`.
    pub shape: Option<Shape>,
    /// What the key, or its first element that is not known, is bounded by.
    pub low: Bound<Term>,
    /// See `low`.
    pub high: Bound<Term>,
}

/// What is known of keys that are compound.
///
/// ```
/// use ferrets::{KeyPlan, Kind, Shape, Store, TableOptions, term};
/// let owner = Store::new().owner();
/// let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
/// let plan = t.explain(&"[{{{a,'$1','_'}},[{'>','$1',7}],[true]}]".parse()?);
/// let KeyPlan::Ranges(ranges) = plan.keys() else { unreachable!() };
/// assert_eq!(ranges[0].shape, Some(Shape::Tuple(3, vec![term!(:a)])));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Tuples of that many elements, which begin with these.
    Tuple(usize, Vec<Term>),
    /// Lists that begin with these elements.
    List(Vec<Term>),
}

impl KeyRange {
    /// The keys that are `==` to one.
    pub(super) fn point(key: Term) -> Self {
        Self { shape: None, low: Bound::Included(key.clone()), high: Bound::Included(key) }
    }

    pub(super) fn any() -> Self {
        Self { shape: None, low: Bound::Unbounded, high: Bound::Unbounded }
    }

    pub(super) fn is_any(&self) -> bool {
        self.shape.is_none() && !self.is_bounded()
    }

    /// Whether there is a bound, so that compound keys have an element behind those that are known.
    fn is_bounded(&self) -> bool {
        self.low != Bound::Unbounded || self.high != Bound::Unbounded
    }

    /// Whether a key is in the range. Equality is `==`.
    ///
    /// ```
    /// use std::ops::Bound;
    /// use ferrets::{KeyRange, Shape, term};
    /// let shape = Some(Shape::Tuple(2, vec![term!(:a)]));
    /// let range = KeyRange { shape, low: Bound::Included(term!(7)), high: Bound::Unbounded };
    /// assert!(range.contains(term!({:a, 7.0}).as_ref()));
    /// assert!(!range.contains(term!({:a, 6}).as_ref()));
    /// assert!(!range.contains(term!({:a, 7, 8}).as_ref()));
    /// ```
    #[must_use]
    pub fn contains(&self, key: TermRef<'_>) -> bool {
        let bounded = match &self.shape {
            None => Some(key),
            Some(Shape::Tuple(arity, prefix)) => {
                let Some(tuple) = key.as_tuple().filter(|tuple| tuple.len() == *arity) else {
                    return false;
                };
                if !begins(prefix, tuple.elements()) {
                    return false;
                }
                tuple.get(prefix.len())
            }
            Some(Shape::List(prefix)) => {
                let View::List(list) = key.view() else { return false };
                if !begins(prefix, list.elements()) {
                    return false;
                }
                list.elements().nth(prefix.len())
            }
        };
        let Some(bounded) = bounded else {
            return !self.is_bounded();
        };
        let above = match &self.low {
            Bound::Included(low) => bounded.compare(low.as_ref()).is_ge(),
            Bound::Excluded(low) => bounded.compare(low.as_ref()).is_gt(),
            Bound::Unbounded => true,
        };
        above
            && match &self.high {
                Bound::Included(high) => bounded.compare(high.as_ref()).is_le(),
                Bound::Excluded(high) => bounded.compare(high.as_ref()).is_lt(),
                Bound::Unbounded => true,
            }
    }

    /// Both at once, as far as one range can say so.
    pub(super) fn and(self, other: Self) -> Self {
        match (&self.shape, &other.shape) {
            (None, None) => Self {
                shape: None,
                low: tighter(self.low, other.low, Ordering::Greater),
                high: tighter(self.high, other.high, Ordering::Less),
            },
            (Some(_), _) => self,
            (None, Some(_)) => other,
        }
    }

    /// Where it begins and ends.
    fn edges(&self) -> Result<(Edge, Edge)> {
        Ok(match &self.shape {
            None => (Edge::of(self.low.clone())?, Edge::of(self.high.clone())?),
            Some(shape) => (beside(shape, self, true)?, beside(shape, self, false)?),
        })
    }
}

/// The ranges of a plan for tables that have an order, disjoint and in ascending order.
pub(super) fn edges(plan: &KeyPlan) -> Vec<(Edge, Edge)> {
    let all = || vec![(Edge::Open, Edge::Open)];
    match plan {
        KeyPlan::Nothing => Vec::new(),
        KeyPlan::Full => all(),
        KeyPlan::Points(points) => {
            let edge = |point: &Term| Edge::key(point.clone(), true);
            disjoint(points.iter().map(|point| (edge(point), edge(point))).collect())
        }
        KeyPlan::Ranges(ranges) => {
            let edges: Result<_> = ranges.iter().map(KeyRange::edges).collect();
            edges.map_or_else(|_| all(), disjoint)
        }
    }
}

/// An edge of a planned range of compound keys: beside what begins as is known and goes on with the
/// bound.
fn beside(shape: &Shape, range: &KeyRange, lower: bool) -> Result<Edge> {
    let (next, included) = match if lower { &range.low } else { &range.high } {
        Bound::Included(term) => (Some(term.clone()), true),
        Bound::Excluded(term) => (Some(term.clone()), false),
        Bound::Unbounded => (None, true),
    };
    let after = included != lower;
    let prefix = match shape {
        Shape::Tuple(arity, known) => {
            let first = Term::tuple(known.iter().cloned().chain(next))?;
            Prefix::tuple(first, *arity)?
        }
        // With an element behind the known ones: what goes on with a list lies between what goes
        // on with the empty one and what goes on with a bitstring.
        Shape::List(known) if next.is_none() && (known.is_empty() || range.is_bounded()) => {
            let tail = if lower { Term::nil() } else { Term::binary(b"")? };
            return Ok(Edge::key(Term::list_with_tail(known.iter().cloned(), tail)?, false));
        }
        Shape::List(known) => Prefix::list(Term::list(known.iter().cloned().chain(next))?),
    };
    Ok(Edge::Beside { prefix, after })
}

/// Whether the first of these are `==` to those of a prefix.
fn begins<'t, I: Iterator<Item = TermRef<'t>>>(prefix: &[Term], mut elements: I) -> bool {
    prefix.iter().all(|known| elements.next().is_some_and(|element| element.equals(known.as_ref())))
}

/// The one of two bounds that lets less through; `wins` is how the tighter compares to the other.
fn tighter(a: Bound<Term>, b: Bound<Term>, wins: Ordering) -> Bound<Term> {
    let order = match (&a, &b) {
        (Bound::Unbounded, _) => return b,
        (_, Bound::Unbounded) => return a,
        (Bound::Included(x) | Bound::Excluded(x), Bound::Included(y) | Bound::Excluded(y)) => {
            x.compare(y)
        }
    };
    match order {
        Ordering::Equal if matches!(a, Bound::Excluded(_)) => a,
        Ordering::Equal => b,
        order if order == wins => a,
        _ => b,
    }
}

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.shape {
            None => "keys".to_owned(),
            Some(Shape::Tuple(arity, prefix)) => {
                format!("keys that are tuples of {arity}{}", beginning(prefix))
            }
            Some(Shape::List(prefix)) => format!("keys that are lists{}", beginning(prefix)),
        };
        f.write_str(&what)?;
        let whose = if self.shape.is_some() { ", the next element" } else { "" };
        let low = match &self.low {
            Bound::Included(low) => format!(" from {low}"),
            Bound::Excluded(low) => format!(" above {low}"),
            Bound::Unbounded => String::new(),
        };
        let high = match &self.high {
            Bound::Included(high) => format!(" up to {high}"),
            Bound::Excluded(high) => format!(" below {high}"),
            Bound::Unbounded => String::new(),
        };
        if low.is_empty() && high.is_empty() { Ok(()) } else { write!(f, "{whose}{low}{high}") }
    }
}

fn beginning(prefix: &[Term]) -> String {
    let shown: Vec<String> = prefix.iter().map(Term::to_string).collect();
    if shown.is_empty() { String::new() } else { format!(" that begin with {}", shown.join(", ")) }
}
