//! Changing an object in place: what `update_counter` and `update_element` compute.
//!
//! Both check everything before they change anything, in the order and with the errors of ETS, and
//! both work on a borrowed object and say what should become of it ([`Edit`]); the engine does it,
//! under the lock of the object's bucket. A counter that is a small integer and the only thing
//! changed is not copied: the engine gives such an object a cell and adds in place from then on.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::integer::Integer;
use crate::error::{Error, ErrorKind, Result};
use crate::term::{Arena, ObjectRef, Tag, Term, TermRef, ToTerm, View, Word};

/// One step of `update_counter`: add to an element, and maybe wrap around.
///
/// Made from what reads well: `1` (add 1 to the element after the key), `(2, 1)` (add 1 to element
/// 2), or with [`bounded`](Self::bounded).
///
/// ```
/// use ferrets::CounterOp;
/// // Count up to 10, then start again from 1.
/// let op = CounterOp::from((2, 1)).bounded(10, 1);
/// # let _ = op;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterOp {
    position: Option<usize>,
    increment: Integer,
    bound: Option<(Integer, Integer)>,
}

impl CounterOp {
    /// Adds `increment` to the element at `position`, counted from one.
    ///
    /// ```
    /// # use ferrets::{CounterOp, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1, 10))?;
    /// assert_eq!(t.update_counter("ann", CounterOp::new(3, -2))?, 8);
    /// let sum = t.update_counter("ann", CounterOp::new(2, i64::MAX))?;
    /// assert_eq!(sum.to_string(), "9223372036854775808");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[inline]
    pub fn new(position: usize, increment: impl Into<Integer>) -> Self {
        Self { position: Some(position), increment: increment.into(), bound: None }
    }

    /// If the sum passes `threshold` (above it for an increment of zero or more, below it for a
    /// negative one), the element becomes `set_value` instead.
    ///
    /// ```
    /// # use ferrets::{CounterOp, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("seat", 9))?;
    /// let up = CounterOp::new(2, 1).bounded(10, 1);
    /// assert_eq!(t.update_counter("seat", up.clone())?, 10, "not above it");
    /// assert_eq!(t.update_counter("seat", up)?, 1);
    /// assert_eq!(t.update_counter("seat", CounterOp::new(2, -5).bounded(0, 0))?, 0);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn bounded(mut self, threshold: impl Into<Integer>, set_value: impl Into<Integer>) -> Self {
        self.bound = Some((threshold.into(), set_value.into()));
        self
    }

    /// The sum, where everything is as simple as it nearly always is: the element and all numbers
    /// are small integers, and the result is.
    #[inline]
    fn quick(&self, object: ObjectRef<'_>, keypos: usize, position: usize) -> Option<i64> {
        if position == keypos {
            return None;
        }
        let word = object.element(position)?.word();
        if word.tag() != Tag::Int {
            return None;
        }
        let increment = self.increment.to_i64()?;
        let mut sum = word.as_int().checked_add(increment)?;
        if let Some((threshold, set)) = &self.bound {
            let (threshold, set) = (threshold.to_i64()?, set.to_i64()?);
            if (increment < 0 && sum < threshold) || (increment >= 0 && sum > threshold) {
                sum = set;
            }
        }
        Word::int(sum).map(|_| sum)
    }

    /// The position, which is the one after the key unless it says another.
    #[inline]
    fn position_in(&self, keypos: usize) -> usize {
        self.position.unwrap_or_else(|| keypos.saturating_add(1))
    }

    /// Where and how much it adds, if it has no bound and adds what 64 bits hold.
    #[inline]
    pub(crate) fn plain(&self, keypos: usize) -> Option<(usize, i64)> {
        if self.bound.is_some() {
            return None;
        }
        Some((self.position_in(keypos), self.increment.to_i64()?))
    }

    fn apply(&self, value: Integer) -> Integer {
        let sum = value + &self.increment;
        match &self.bound {
            Some((threshold, set)) if self.increment.is_negative() && sum < *threshold => {
                set.clone()
            }
            Some((threshold, set)) if !self.increment.is_negative() && sum > *threshold => {
                set.clone()
            }
            _ => sum,
        }
    }

    /// The operation that a term of ETS's shape stands for.
    fn of(term: TermRef<'_>) -> Result<Self> {
        let bad = |what: &str| Error::bad_argument(format!("{what} in counter operation {term}"));
        let tuple = term.as_tuple().ok_or_else(|| bad("no tuple"))?;
        let integer = |at: usize| {
            let part = tuple.get(at).ok_or_else(|| bad("too few elements"))?;
            Integer::of(part).ok_or_else(|| bad("something that is not an integer"))
        };
        if tuple.len() != 2 && tuple.len() != 4 {
            return Err(bad("neither two nor four elements"));
        }
        let position = tuple.get(0).and_then(small).ok_or_else(|| bad("no small position"))?;
        let bound = if tuple.len() == 4 { Some((integer(2)?, integer(3)?)) } else { None };
        Ok(Self {
            // A position below one lies outside every object, like one that is too large.
            position: Some(usize::try_from(position).unwrap_or(0)),
            increment: integer(1)?,
            bound,
        })
    }
}

impl From<i64> for CounterOp {
    fn from(increment: i64) -> Self {
        Self::from(Integer::from(increment))
    }
}

impl From<Integer> for CounterOp {
    fn from(increment: Integer) -> Self {
        Self { position: None, increment, bound: None }
    }
}

impl From<(usize, i64)> for CounterOp {
    #[inline]
    fn from((position, increment): (usize, i64)) -> Self {
        Self::new(position, increment)
    }
}

/// Counter operations, typed or still as a term.
#[derive(Clone, Copy)]
pub(crate) enum CounterOps<'a> {
    Typed(&'a [CounterOp]),
    Term(TermRef<'a>),
}

/// What should become of an object.
pub(crate) enum Edit {
    /// Nothing.
    Keep,
    /// The element at the position becomes this integer, which fits a word.
    Count(usize, i64),
    /// These elements become these values.
    Set(Box<Elements>),
}

/// New elements, in the order of their positions, each once; the words are those of the arena.
#[derive(Default)]
pub(crate) struct Elements {
    pub(crate) arena: Arena,
    pub(crate) words: SmallVec<[(usize, Word); 2]>,
}

/// Checks that an element may be written.
fn writable(object: ObjectRef<'_>, keypos: usize, position: usize) -> Result<()> {
    if position == keypos {
        let message = format!("position {position} holds the key, which cannot be changed");
        return Err(Error::new(ErrorKind::KeyPosition, message));
    }
    if position == 0 || position > object.arity() {
        let arity = object.arity();
        let message = format!("position {position} is out of range for an object of size {arity}");
        return Err(Error::new(ErrorKind::BadPosition, message));
    }
    Ok(())
}

impl CounterOps<'_> {
    /// Whether the results are wanted as a list.
    fn parse(self) -> Result<SmallVec<[Result<CounterOp>; 1]>> {
        Ok(match self {
            CounterOps::Typed(ops) => ops.iter().cloned().map(Ok).collect(),
            CounterOps::Term(term) => match term.view() {
                View::Int(_) | View::Big(_) => {
                    let increment = Integer::of(term).expect("both views are integers");
                    [Ok(CounterOp::from(increment))].into_iter().collect()
                }
                View::Tuple(_) => [CounterOp::of(term)].into_iter().collect(),
                View::Nil => SmallVec::new(),
                View::List(list) => {
                    let mut ops: SmallVec<[_; 1]> = list.elements().map(CounterOp::of).collect();
                    if !list.is_proper() {
                        let message = format!("an improper list of operations: {term}");
                        ops.push(Err(Error::bad_argument(message)));
                    }
                    ops
                }
                _ => {
                    let message = format!("{term} is no counter operation");
                    return Err(Error::bad_argument(message));
                }
            },
        })
    }
}

/// What one operation of `update_counter` makes of an object: the edit and the new value.
pub(crate) fn count_one(
    object: ObjectRef<'_>,
    keypos: usize,
    op: &CounterOp,
) -> Result<(Edit, Integer)> {
    let position = op.position_in(keypos);
    if let Some(sum) = op.quick(object, keypos, position) {
        return Ok((Edit::Count(position, sum), Integer::from(sum)));
    }
    let (edit, mut values) = count(object, keypos, CounterOps::Typed(std::slice::from_ref(op)))?;
    Ok((edit, values.remove(0)))
}

/// What `update_counter` makes of an object: the new values in order, and the edit.
pub(crate) fn count(
    object: ObjectRef<'_>,
    keypos: usize,
    ops: CounterOps<'_>,
) -> Result<(Edit, SmallVec<[Integer; 1]>)> {
    // By position: there may be many.
    let mut values: BTreeMap<usize, Integer> = BTreeMap::new();
    let mut checked: SmallVec<[(usize, CounterOp); 2]> = SmallVec::new();
    for op in ops.parse()? {
        let op = op?;
        let position = op.position_in(keypos);
        writable(object, keypos, position)?;
        let element = object.element(position).expect("checked by `writable`");
        let Some(value) = Integer::of(element) else {
            let message = format!("element {position} is {element}, not an integer to count in");
            return Err(Error::new(ErrorKind::NotAnInteger, message));
        };
        values.entry(position).or_insert(value);
        checked.push((position, op));
    }
    let mut results = SmallVec::new();
    for (position, op) in checked {
        let value = values.get_mut(&position).expect("put there");
        *value = op.apply(value.clone());
        results.push(value.clone());
    }
    Ok((edit_of(values)?, results))
}

fn edit_of(values: BTreeMap<usize, Integer>) -> Result<Edit> {
    if let (1, Some((position, value))) = (values.len(), values.first_key_value()) {
        if let Some(small) = value.to_i64().filter(|value| Word::int(*value).is_some()) {
            return Ok(Edit::Count(*position, small));
        }
    }
    if values.is_empty() {
        return Ok(Edit::Keep);
    }
    let mut elements = Box::<Elements>::default();
    for (position, value) in values {
        let word = value.put(&mut elements.arena)?;
        elements.words.push((position, word));
    }
    Ok(Edit::Set(elements))
}

/// Element changes, typed or still as a term.
#[derive(Clone, Copy)]
pub(crate) enum ElementOps<'a> {
    Typed(&'a [(usize, Term)]),
    Term(TermRef<'a>),
}

/// What `update_element` makes of an object.
pub(crate) fn set_elements(
    object: ObjectRef<'_>,
    keypos: usize,
    ops: ElementOps<'_>,
) -> Result<Edit> {
    let mut elements = Box::<Elements>::default();
    // Of values for the same position the last counts.
    let mut words = BTreeMap::new();
    let mut set = |position: usize, value: TermRef<'_>| {
        writable(object, keypos, position)?;
        let word = elements.arena.copy(value)?;
        words.insert(position, word);
        Ok::<(), Error>(())
    };
    match ops {
        ElementOps::Typed(ops) => {
            for (position, value) in ops {
                set(*position, value.as_ref())?;
            }
        }
        ElementOps::Term(term) => match term.view() {
            View::Nil => {}
            View::List(list) => {
                for op in list.elements() {
                    let (position, value) = element_op(op)?;
                    set(position, value)?;
                }
                if !list.is_proper() {
                    let message = format!("an improper list of changes: {term}");
                    return Err(Error::bad_argument(message));
                }
            }
            _ => {
                let (position, value) = element_op(term)?;
                set(position, value)?;
            }
        },
    }
    elements.words.extend(words);
    Ok(if elements.words.is_empty() { Edit::Keep } else { Edit::Set(elements) })
}

fn element_op(op: TermRef<'_>) -> Result<(usize, TermRef<'_>)> {
    let pair = op.as_tuple().filter(|tuple| tuple.len() == 2);
    let parts = pair.and_then(|pair| Some((small(pair.get(0)?)?, pair.get(1)?)));
    let Some((position, value)) = parts else {
        return Err(Error::bad_argument(format!("{op} is no {{Position, Value}}")));
    };
    Ok((usize::try_from(position).unwrap_or(0), value))
}

/// The integer, if it is a small one: ETS takes no big integer as a position.
fn small(term: TermRef<'_>) -> Option<i64> {
    term.as_i64().filter(|value| Word::int(*value).is_some())
}

#[cfg(test)]
mod tests {
    use super::{CounterOp, Integer};
    use crate::term::{Arena, Object, Term, ToObject, Word, new_block};
    use crate::{ErrorKind, Kind, Store, TableOptions};

    /// A counter that is a small integer goes a short way, to the same value.
    #[test]
    fn both_ways_of_counting_agree() {
        for (value, increment) in (-2..=2_i64).flat_map(|value| (-2..=2).map(move |n| (value, n))) {
            let mut arena = Arena::new();
            let size = (0, value).put_object(&mut arena).expect("a small object");
            let block = new_block(0, size, arena.words()).expect("a small object");
            let object = Object::from_block(block);
            let mut ops = vec![CounterOp::new(2, increment)];
            ops.extend((-4..=4).map(|at| CounterOp::new(2, increment).bounded(at, 99)));
            for op in ops {
                let short = op.quick(object.as_ref(), 1, 2).map(Integer::from);
                assert_eq!(short, Some(op.apply(Integer::from(value))), "{value}: {op:?}");
            }
        }
    }

    /// Counters go on where a word ends, and come back, whether they are counted for the first time
    /// there or have a cell already.
    #[test]
    fn counters_outgrow_their_words() {
        let store = Store::new();
        for kind in [Kind::Set, Kind::OrderedSet] {
            let table = store.new_table("t", TableOptions::new(kind)).expect("it can be made");
            for (edge, step) in [(Word::MAX_INT, 1), (Word::MIN_INT, -1)] {
                for before in 0..3 {
                    let first = edge - before * step;
                    table.insert(("n", first)).expect("it stands");
                    let out = (1..=before + 2).map(|at| (step, first + at * step));
                    let back = (0..=before + 1).rev().map(|at| (-step, first + at * step));
                    for (increment, sum) in out.chain(back) {
                        let counted = table.update_counter("n", increment).expect("it stands");
                        assert_eq!(counted, Integer::from(sum), "{kind}, from {first}");
                        let found = table.lookup_element("n", 2).expect("it stands");
                        assert_eq!(found, sum, "{kind}, from {first}");
                    }
                }
            }
        }
    }

    /// A default that is too short to be stored is refused when the key is not there, also if it
    /// was until a moment ago: nobody is told that something was done that was not.
    #[test]
    fn a_short_default_is_refused_whenever_the_key_is_gone() {
        let store = Store::new();
        let table = store.new_table("t", TableOptions::new(Kind::Set).keypos(2)).expect("new");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    table.insert((0, "k", 0)).expect("it stands");
                    table.delete("k").expect("it stands");
                }
            });
            for _ in 0..20_000 {
                let counted = table.update_counter_or("k", CounterOp::new(3, 1), (0,));
                let set = table.update_elements_or("k", &[(3, Term::from(7))], (0,));
                let failed = [counted.err(), set.err()].into_iter().flatten();
                for error in failed {
                    assert_eq!(error.kind(), ErrorKind::ObjectTooShort, "{error}");
                }
            }
        });
        assert!(table.is_empty().expect("it stands"));
        let refused = table.update_elements_or("k", &[], (0,)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ObjectTooShort);
    }
}
