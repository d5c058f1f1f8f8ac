//! What only ordered sets have: ranges, prefixes, cursors, and taking from either end.

use std::cmp::Ordering;
use std::ops::{
    Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive,
};

use super::Table;
use super::core::Need;
use super::engine::{OrderedEngine, Position};
use super::rank::place;
use super::read::ReadView;
use crate::error::{Error, ErrorKind, Result};
use crate::raw::block::{Block, BlockRef};
use crate::raw::ordered::{Pages, Seek, Walk};
use crate::raw::reclaim::pin;
use crate::term::{Edge, Object, ObjectRef, Prefix, Term, ToObject, ToTerm, View};

/// Objects that an owned range takes out of the table at a time.
const CHUNK: usize = 128;
/// How often a range that is to show one instant is read.
const ATTEMPTS: usize = 64;

/// A range of keys: every range of the standard library whose ends have terms, and what
/// [`Bounds`] says.
///
/// A range whose lower end lies above its upper one is empty.
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions};
/// # use std::ops::Bound;
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
/// t.insert_list((1..=9).map(|n| (n, n * n)))?;
/// assert_eq!((t.count(..)?, t.count(3..)?, t.count(3..5)?, t.count(3..=5)?), (9, 7, 2, 3));
/// assert_eq!(t.count((Bound::Excluded(3), Bound::Included(5)))?, 2);
/// assert_eq!(t.count(5..3)?, 0);
/// # Ok::<(), ferrets::Error>(())
/// ```
pub trait ToBounds {
    /// The two ends.
    #[doc(hidden)]
    fn bounds(self) -> Result<Bounds>;
}

/// The ends of a [`ToBounds`].
///
/// ```
/// use std::ops::Bound;
/// use ferrets::{Bounds, term};
/// // Ends of different types.
/// let numbers_above_seven = Bounds::new(Bound::Excluded(7), Bound::Excluded(term!(:"")))?;
/// // What begins with the same bytes.
/// let users = Bounds::bytes(b"user:")?;
/// // Pairs that begin with the same element.
/// let of_topic = Bounds::tuple(("weather",), 2)?;
/// # let _ = (numbers_above_seven, users, of_topic);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bounds {
    low: Edge,
    high: Edge,
}

impl Bounds {
    pub(super) fn into_edges(self) -> (Edge, Edge) {
        (self.low, self.high)
    }

    /// From one key to another, of any types.
    ///
    /// ```
    /// # use ferrets::{Bounds, Kind, Store, TableOptions, tuple};
    /// # use std::ops::Bound;
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([tuple!(5), tuple!(10), tuple!(:ok), tuple!("text")])?;
    /// let between = Bounds::new(Bound::Excluded(5), Bound::Excluded("text"))?;
    /// assert_eq!(t.range(between)?.count(), 2, "10 and ok");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](ErrorKind::BadArgument) for a key that has no term.
    pub fn new(low: Bound<impl ToTerm>, high: Bound<impl ToTerm>) -> Result<Self> {
        Ok(Self { low: Edge::of(low)?, high: Edge::of(high)? })
    }

    /// What begins as a binary or a list does.
    pub(super) fn prefix(first: &Term) -> Result<Self> {
        match first.view() {
            View::Binary(bytes) => Self::bytes(bytes),
            View::List(_) => Self::list(first),
            _ => {
                let message = format!("{first} is neither a binary nor a list to begin with");
                Err(Error::bad_argument(message))
            }
        }
    }

    /// The binaries and bitstrings that begin with these bytes.
    ///
    /// ```
    /// # use ferrets::{Bounds, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([("user",), ("user:",), ("user:1",), ("user;",)])?;
    /// assert_eq!(t.count(Bounds::bytes(b"user:")?)?, 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) for more bytes than a binary can have.
    pub fn bytes(first: &[u8]) -> Result<Self> {
        let low = Edge::key(Term::binary(first)?, true);
        // The least string that does not begin so ends with the last bit that can be one more. It
        // may be no whole number of bytes long: `<<25:7>>` lies between what begins with "1" and
        // "2".
        let high = match first.iter().rposition(|byte| *byte < 0xff) {
            None => Edge::Open,
            Some(at) => {
                let mut next = first[..=at].to_vec();
                next[at] += 1;
                let bits = next.len() * 8 - next[at].trailing_zeros() as usize;
                Edge::key(Term::bitstring(&next, bits)?, false)
            }
        };
        Ok(Self { low, high })
    }

    /// The tuples of `arity` elements that begin with those of `first`, which is a tuple itself;
    /// compared as keys are, by `==`.
    ///
    /// ```
    /// # use ferrets::{Bounds, ErrorKind, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// let keys = [tuple!("oslo", 1), tuple!("oslo", 2), tuple!("rome", 1), tuple!("oslo", 1, 1)];
    /// t.insert_list(keys.map(|key| (key,)))?;
    /// assert_eq!(t.count(Bounds::tuple(("oslo",), 2)?)?, 2, "not the triple");
    /// let error = Bounds::tuple(("oslo", 1, 1), 2).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](ErrorKind::BadArgument) for what is no tuple, and for one that is larger
    /// than `arity`.
    pub fn tuple(first: impl ToObject, arity: usize) -> Result<Self> {
        let prefix = Edge::Prefix(Prefix::tuple(first, arity)?);
        Ok(Self { low: prefix.clone(), high: prefix })
    }

    /// The lists that begin with the elements of `first`, with anything behind them.
    ///
    /// ```
    /// # use ferrets::Bounds;
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(vec!["a"],), (vec!["a", "b"],), (vec!["b"],)])?;
    /// assert_eq!(t.count(Bounds::list(vec!["a"])?)?, 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](ErrorKind::BadArgument) for what is no proper list, and for the empty one.
    pub fn list(first: impl ToTerm) -> Result<Self> {
        let first = Term::new(first)?;
        if !matches!(first.view(), View::List(list) if list.is_proper()) {
            let message = format!("{first} is no list with elements that others could begin with");
            return Err(Error::bad_argument(message));
        }
        let prefix = Edge::Prefix(Prefix::list(first));
        Ok(Self { low: prefix.clone(), high: prefix })
    }

    pub(super) fn into_walk(self, back: bool) -> (Edge, Edge) {
        if back { (self.high, self.low) } else { (self.low, self.high) }
    }
}

impl ToBounds for Bounds {
    fn bounds(self) -> Result<Bounds> {
        Ok(self)
    }
}

impl ToBounds for RangeFull {
    fn bounds(self) -> Result<Bounds> {
        Ok(Bounds { low: Edge::Open, high: Edge::Open })
    }
}

impl<K: ToTerm> ToBounds for Range<K> {
    fn bounds(self) -> Result<Bounds> {
        Bounds::new(Bound::Included(self.start), Bound::Excluded(self.end))
    }
}

impl<K: ToTerm> ToBounds for RangeInclusive<K> {
    fn bounds(self) -> Result<Bounds> {
        // One that was iterated to its end is empty, and says so of its end.
        let is_used_up = matches!(self.end_bound(), Bound::Excluded(_));
        let (low, high) = self.into_inner();
        let high = if is_used_up { Bound::Excluded(high) } else { Bound::Included(high) };
        Bounds::new(Bound::Included(low), high)
    }
}

impl<K: ToTerm> ToBounds for RangeFrom<K> {
    fn bounds(self) -> Result<Bounds> {
        Ok(Bounds { low: Edge::of(Bound::Included(self.start))?, high: Edge::Open })
    }
}

impl<K: ToTerm> ToBounds for RangeTo<K> {
    fn bounds(self) -> Result<Bounds> {
        Ok(Bounds { low: Edge::Open, high: Edge::of(Bound::Excluded(self.end))? })
    }
}

impl<K: ToTerm> ToBounds for RangeToInclusive<K> {
    fn bounds(self) -> Result<Bounds> {
        Ok(Bounds { low: Edge::Open, high: Edge::of(Bound::Included(self.end))? })
    }
}

impl<A: ToTerm, B: ToTerm> ToBounds for (Bound<A>, Bound<B>) {
    fn bounds(self) -> Result<Bounds> {
        Bounds::new(self.0, self.1)
    }
}

/// The objects of a range, owned: see [`Table::range`].
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions, tuple};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
/// t.insert_list((0..1_000).map(|n| (n,)))?;
/// let mut range = t.range(..)?;
/// assert_eq!(range.next().expect("there are many")?, tuple!(0));
/// t.delete_table()?;
/// assert!(range.any(|object| object.is_err()), "it is not as it was, see snapshot");
/// assert!(range.next().is_none());
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a range does nothing until it is iterated"]
pub struct RangeIter {
    table: Table,
    near: Edge,
    far: Edge,
    back: bool,
    /// In the reverse order, so that the next one is taken from the end.
    chunk: Vec<Object>,
    done: bool,
}

impl RangeIter {
    /// All objects of the range, or those behind what the iterator has returned, as they are at
    /// one instant.
    ///
    /// Reads the range until nobody has changed anything in it meanwhile.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list((1..=9).map(|n| (n, n * n)))?;
    /// assert_eq!(t.range(3..6)?.linearizable()?.len(), 3);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As the iterator; [`Contention`](ErrorKind::Contention) if it changed each of 64 times.
    pub fn linearizable(mut self) -> Result<Vec<Object>> {
        if let Some(next) = self.chunk.last().and_then(|next| next.element(self.table.keypos())) {
            // Taken out of the table already, but not returned.
            self.near = Edge::key(next.to_term()?, true);
        }
        let walk = Walk { back: self.back, instant: true, ..Walk::default() };
        for _ in 0..ATTEMPTS {
            let pin = pin();
            let ordered = self.table.ordered(Need::Read, "range")?;
            let mut pages = ordered.pages(&pin, &self.near, self.far.clone(), walk);
            let mut all = Vec::new();
            loop {
                let mut entries = pages.entries();
                while let Some(entry) = if self.back { entries.next_back() } else { entries.next() }
                {
                    all.push(ObjectRef::new(entry).to_object()?);
                }
                drop(entries);
                if !pages.advance() {
                    break;
                }
            }
            if pages.saw_one_instant() {
                return Ok(all);
            }
        }
        let message = format!("the range changed while it was read, {ATTEMPTS} times");
        Err(Error::new(ErrorKind::Contention, message))
    }

    fn fill(&mut self) -> Result<()> {
        let (pin, walk) = (pin(), Walk { back: self.back, ..Walk::default() });
        let ordered = self.table.ordered(Need::Read, "range")?;
        let mut pages = ordered.pages(&pin, &self.near, self.far.clone(), walk);
        let last;
        (last, self.done) = take_chunk(&mut pages, self.back, &mut self.chunk)?;
        if let Some(last) = last {
            self.near = Edge::after(last, self.table.keypos());
        }
        Ok(())
    }
}

/// Takes the next objects out of pages, in the reverse order; returns the last of them, and whether
/// there are no more.
pub(super) fn take_chunk<C, O>(
    pages: &mut Pages<'_, Block, C, O>,
    back: bool,
    chunk: &mut Vec<Object>,
) -> Result<(Option<Block>, bool)>
where
    C: Fn(BlockRef<'_>, BlockRef<'_>) -> Ordering + Copy,
    O: Seek<Block>,
{
    let (mut last, mut done) = (None, false);
    'pages: loop {
        let mut entries = pages.entries();
        while let Some(entry) = if back { entries.next_back() } else { entries.next() } {
            chunk.push(ObjectRef::new(entry).to_object()?);
            last = Some(entry);
            if chunk.len() == CHUNK {
                break 'pages;
            }
        }
        drop(entries);
        if !pages.advance() {
            done = true;
            break;
        }
    }
    chunk.reverse();
    Ok((last.map(BlockRef::to_block), done))
}

impl Iterator for RangeIter {
    type Item = Result<Object>;

    fn next(&mut self) -> Option<Result<Object>> {
        if self.chunk.is_empty() && !self.done {
            if let Err(error) = self.fill() {
                (self.chunk, self.done) = (Vec::new(), true);
                return Some(Err(error));
            }
        }
        self.chunk.pop().map(Ok)
    }
}

impl Table {
    /// The ordered set that the table is.
    pub(super) fn ordered(&self, need: Need, what: &str) -> Result<&OrderedEngine> {
        self.check(need)?;
        self.core.engine.as_ordered().ok_or_else(|| self.core.not_ordered(what))
    }

    /// The objects whose keys lie in a range, in the order of keys, owned.
    ///
    /// Any range of the standard library: `range(3..7)`, `range("a"..)`, `range(..)`; see
    /// [`Bounds`] for ends of different types and for prefixes. A key that is `==` to an end counts
    /// as that end. Nothing is held between steps: objects that are in the range throughout are met
    /// once, others at most once. To read without counting references, see [`ReadView::range`]; for
    /// all of it at one instant, [`RangeIter::linearizable`]. O(log n), and O(1) for each object.
    ///
    /// ```
    /// # use ferrets::{Kind, Result, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list((1..=9).map(|n| (n, n * n)))?;
    /// let squares = t.range(3..=5)?.map(|object| Ok(object?.decode::<(i64, i64)>()?.1));
    /// assert_eq!(squares.collect::<Result<Vec<_>>>()?, [9, 16, 25]);
    /// assert_eq!(t.range(7..3)?.count(), 0);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied), from the
    /// iterator too; [`WrongKind`](ErrorKind::WrongKind) if the table is no ordered set;
    /// [`BadArgument`](ErrorKind::BadArgument) for an end that has no term.
    #[doc(alias = "ets:select/2")]
    pub fn range(&self, range: impl ToBounds) -> Result<RangeIter> {
        self.range_towards(range, false)
    }

    /// As [`range`](Self::range), from the greatest key to the least.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list((1..=9).map(|n| (n, n * n)))?;
    /// let greatest = t.range_rev(..)?.next().expect("it is not empty")?;
    /// assert_eq!(greatest.decode::<(i64, i64)>()?, (9, 81));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`range`](Self::range).
    #[doc(alias = "ets:select_reverse/2")]
    pub fn range_rev(&self, range: impl ToBounds) -> Result<RangeIter> {
        self.range_towards(range, true)
    }

    fn range_towards(&self, range: impl ToBounds, back: bool) -> Result<RangeIter> {
        self.ordered(Need::Read, "range")?;
        let (near, far) = range.bounds()?.into_walk(back);
        Ok(RangeIter { table: self.clone(), near, far, back, chunk: Vec::new(), done: false })
    }

    /// The objects whose keys begin so: with these bytes, if it is a binary, or with these
    /// elements, if it is a list. For tuples see [`Bounds::tuple`].
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([("user:1", "ann"), ("user:2", "bob"), ("zone:1", "eu")])?;
    /// assert_eq!(t.prefix("user:")?.count(), 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`range`](Self::range); [`BadArgument`](ErrorKind::BadArgument) for a prefix that is
    /// neither a binary nor a list with elements.
    pub fn prefix(&self, first: impl ToTerm) -> Result<RangeIter> {
        self.ordered(Need::Read, "prefix")?;
        self.range(Bounds::prefix(&Term::new(first)?)?)
    }

    /// How many keys lie in a range. O(keys in it), without looking at one of them; O(log n) in a
    /// table with [order statistics](super::TableOptions::order_statistics), as exact as
    /// [`rank`](Self::rank).
    ///
    /// ```
    /// # use ferrets::Bounds;
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(("oslo", 1), 7), (("oslo", 2), 8), (("rome", 1), 9)])?;
    /// assert_eq!(t.count(Bounds::tuple(("oslo",), 2)?)?, 2);
    /// assert_eq!(t.count(("oslo", 2)..)?, 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`range`](Self::range).
    #[doc(alias = "ets:select_count/2")]
    pub fn count(&self, range: impl ToBounds) -> Result<usize> {
        let ordered = self.ordered(Need::Read, "count")?;
        let (near, far) = range.bounds()?.into_walk(false);
        if ordered.counts() {
            let pin = pin();
            let before = ordered.rank(&pin, &near, false);
            return Ok(place(ordered.rank(&pin, &far, true).saturating_sub(before)));
        }
        let (pin, walk) = (pin(), Walk { count: true, ..Walk::default() });
        let mut pages = ordered.pages(&pin, &near, far, walk);
        let mut count = pages.len();
        while pages.advance() {
            count += pages.len();
        }
        Ok(count)
    }

    /// Deletes the objects whose keys lie in a range, one after the other, and returns how many it
    /// has deleted. Objects that others insert meanwhile may stay; as long as they insert behind it
    /// as fast as it deletes, it goes on.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list((1..=9).map(|n| (n, n * n)))?;
    /// assert_eq!(t.delete_range(..4)?, 3);
    /// assert_eq!(t.count(..)?, 6);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`range`](Self::range), for writing; what was deleted before stays deleted.
    #[doc(alias = "ets:select_delete/2")]
    pub fn delete_range(&self, range: impl ToBounds) -> Result<usize> {
        let ordered = self.ordered(Need::Write, "delete_range")?;
        let (mut near, far) = range.bounds()?.into_walk(false);
        let (keypos, mut deleted) = (self.keypos(), 0);
        loop {
            self.check(Need::Write)?;
            let pin = pin();
            let mut pages = ordered.pages(&pin, &near, far.clone(), Walk::default());
            while pages.len() == 0 {
                if !pages.advance() {
                    return Ok(deleted);
                }
            }
            for block in pages.entries() {
                if self.done(ordered.delete_block(&pin, block))? {
                    deleted += 1;
                }
                near = Edge::after(block.to_block(), keypos);
            }
        }
    }

    /// Takes out the object with the least key, in one instant; `None` if there is none.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let queue = owner.new_table("queue", TableOptions::new(Kind::OrderedSet))?;
    /// queue.insert_list([(20, "later"), (10, "now")])?;
    /// assert_eq!(queue.pop_first()?.and_then(|first| first.decode().ok()), Some((10,
    /// "now".to_owned())));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`WrongKind`](ErrorKind::WrongKind) if the table is no ordered
    /// set.
    pub fn pop_first(&self) -> Result<Option<Object>> {
        self.pop(false)
    }

    /// As [`pop_first`](Self::pop_first), for the greatest key.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(1, "low"), (9, "high")])?;
    /// let popped = t.pop_last()?.expect("it is not empty");
    /// assert_eq!(popped.element(1).and_then(|key| key.as_i64()), Some(9));
    /// assert_eq!(t.len()?, 1);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`pop_first`](Self::pop_first).
    pub fn pop_last(&self) -> Result<Option<Object>> {
        self.pop(true)
    }

    fn pop(&self, back: bool) -> Result<Option<Object>> {
        let ordered = self.ordered(Need::Write, "pop")?;
        let popped = self.done(ordered.pop(&pin(), back))?;
        popped.map(|block| ObjectRef::new(block.borrow()).to_object()).transpose()
    }

    /// A cursor before the first key that is `key` or greater, whether it is in the table or not.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(10, "a"), (20, "b"), (30, "c")])?;
    /// let mut cursor = t.seek(15)?;
    /// let next = cursor.next()?.expect("two are ahead");
    /// assert_eq!(next.element(1).unwrap(), 20);
    /// t.delete(20)?; // the cursor stands where it stood
    /// assert_eq!(cursor.prev()?.expect("one is behind").element(1).unwrap(), 10);
    /// cursor.seek(30)?;
    /// assert_eq!(cursor.next()?.expect("the last").element(1).unwrap(), 30);
    /// assert!(cursor.next()?.is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`range`](Self::range).
    pub fn seek(&self, key: impl ToTerm) -> Result<Cursor> {
        self.ordered(Need::Read, "seek")?;
        Ok(Cursor { table: self.clone(), at: Place::Before(Term::new(key)?) })
    }
}

/// A place in an ordered set, from which one can step in both directions: see [`Table::seek`].
///
/// It holds nothing but a key, so whatever others insert and delete, a step leads to what is next
/// at that moment.
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions, tuple};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
/// t.insert_list([(10,), (20,)])?;
/// let mut cursor = t.seek(0)?;
/// while cursor.next()?.is_some() {}
/// t.insert((30,))?;
/// assert_eq!(cursor.next()?.expect("it has come meanwhile"), tuple!(30));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cursor {
    table: Table,
    at: Place,
}

/// Where a cursor stands.
#[derive(Clone, Debug)]
enum Place {
    Before(Term),
    Behind(Term),
}

impl Cursor {
    /// Goes to just before the first key that is `key` or greater.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(10,), (20,), (30,)])?;
    /// let mut cursor = t.seek(30)?;
    /// cursor.seek(20)?;
    /// assert_eq!(cursor.prev()?.expect("one is before"), tuple!(10));
    /// cursor.seek(20)?;
    /// assert_eq!(cursor.next()?.expect("two are ahead"), tuple!(20));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](ErrorKind::BadArgument) for a key that has no term.
    pub fn seek(&mut self, key: impl ToTerm) -> Result<()> {
        self.at = Place::Before(Term::new(key)?);
        Ok(())
    }

    /// Steps over the next object and returns it; `None`, without a step, at the end. O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert((10, "a"))?;
    /// let mut cursor = t.seek(0)?;
    /// assert_eq!(cursor.next()?.expect("there is one"), tuple!(10, "a"));
    /// assert!(cursor.next()?.is_none() && cursor.next()?.is_none());
    /// assert_eq!(cursor.prev()?.expect("it stood behind it"), tuple!(10, "a"));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied).
    #[allow(
        clippy::should_implement_trait,
        reason = "it is no iterator: it may go on after `None`"
    )]
    pub fn next(&mut self) -> Result<Option<Object>> {
        self.step(false)
    }

    /// Steps back over the object before and returns it; `None`, without a step, at the beginning.
    /// O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(10,), (20,), (30,)])?;
    /// let mut cursor = t.seek(30)?;
    /// assert_eq!(cursor.prev()?.expect("two are before"), tuple!(20));
    /// assert_eq!(cursor.next()?.expect("it stands before it"), tuple!(20));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn prev(&mut self) -> Result<Option<Object>> {
        self.step(true)
    }

    fn step(&mut self, back: bool) -> Result<Option<Object>> {
        let ordered = self.table.ordered(Need::Read, "seek")?;
        let (pin, walk) = (pin(), Walk { back, ..Walk::default() });
        // What lies at the key itself is ahead of a cursor that stands before it.
        let (key, included) = match &self.at {
            Place::Before(key) => (key, !back),
            Place::Behind(key) => (key, back),
        };
        let block = if included {
            let near = Edge::key(key.clone(), true);
            let mut pages = ordered.pages(&pin, &near, Edge::Open, walk);
            loop {
                let at = if back { pages.len().wrapping_sub(1) } else { 0 };
                let block = pages.entry(at);
                if block.is_some() || !pages.advance() {
                    break block;
                }
            }
        } else {
            let key = self.table.core.key(key.as_ref());
            ordered.neighbour(&pin, Position::On(key), back)
        };
        let Some(block) = block else { return Ok(None) };
        let object = ObjectRef::new(block).to_object()?;
        let Some(key) = object.element(self.table.keypos()) else { return Ok(None) };
        let key = key.to_term()?;
        self.at = if back { Place::Before(key) } else { Place::Behind(key) };
        Ok(Some(object))
    }
}

impl<'v> ReadView<'v> {
    /// The first object whose key lies behind `key`, whether that is in the table or not: as
    /// [`Table::next_lookup`], borrowed, in an ordered set. For walks that skip. O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(("ann", 1), 70), (("ann", 2), 30), (("bob", 1), 10)])?;
    /// let names = t.read(|view| {
    ///     let (mut names, mut key) = (0, ferrets::Term::new(0)?);
    ///     while let Some(object) = view.next_lookup(&key)? {
    ///         names += 1;
    ///         let pair = object.element(1).and_then(|key| key.as_tuple()?.get(0));
    ///         // A list lies behind all numbers.
    ///         key = ferrets::Term::new((pair.expect("a pair"), ferrets::Term::nil()))?;
    ///     }
    ///     Ok::<_, ferrets::Error>(names)
    /// })??;
    /// assert_eq!(names, 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongKind`](ErrorKind::WrongKind) for a table without order,
    /// [`BadArgument`](ErrorKind::BadArgument) for a key that has no term.
    #[doc(alias = "ets:next_lookup/2")]
    pub fn next_lookup(&self, key: impl ToTerm) -> Result<Option<ObjectRef<'v>>> {
        self.neighbour("next_lookup", &key, false)
    }

    /// The last object whose key lies before `key`, whether that is in the table or not: as
    /// [`Table::prev_lookup`], borrowed. O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(10, "a"), (20, "b")])?;
    /// let before = t.read(|view| {
    ///     let object = view.prev_lookup(15)?;
    ///     Ok::<_, ferrets::Error>(object.and_then(|object| object.element(1)?.as_i64()))
    /// })??;
    /// assert_eq!(before, Some(10));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next_lookup`](Self::next_lookup).
    #[doc(alias = "ets:prev_lookup/2")]
    pub fn prev_lookup(&self, key: impl ToTerm) -> Result<Option<ObjectRef<'v>>> {
        self.neighbour("prev_lookup", &key, true)
    }

    fn neighbour(
        &self,
        what: &str,
        key: &impl ToTerm,
        back: bool,
    ) -> Result<Option<ObjectRef<'v>>> {
        let ordered = self.ordered(what)?;
        let pin = self.pin();
        let block = key.with(|key| {
            let position = Position::On(self.core().key(key));
            ordered.neighbour(pin, position, back)
        })?;
        Ok(block.map(ObjectRef::new))
    }

    /// The objects whose keys lie in a range, borrowed, in the order of keys: as
    /// [`Table::range`], without counting anything. Leaf by leaf, each as it is at one instant.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list((1..=9).map(|n| (n, n * n)))?;
    /// let sum = t.read(|view| {
    ///     let squares = view.range(3..)?.take(2).map(|object| object.element(2)?.as_i64());
    ///     Ok::<_, ferrets::Error>(squares.flatten().sum::<i64>())
    /// })??;
    /// assert_eq!(sum, 9 + 16);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongKind`](ErrorKind::WrongKind), [`BadArgument`](ErrorKind::BadArgument).
    pub fn range<R: ToBounds>(
        &self,
        range: R,
    ) -> Result<impl Iterator<Item = ObjectRef<'v>> + use<'v, R>> {
        let (ordered, (low, high)) = (self.ordered("range")?, range.bounds()?.into_walk(false));
        let mut pages = ordered.pages(self.pin(), &low, high, Walk::default());
        let mut at = 0;
        Ok(std::iter::from_fn(move || {
            loop {
                if let Some(block) = pages.entry(at) {
                    at += 1;
                    return Some(ObjectRef::new(block));
                }
                if !pages.advance() {
                    return None;
                }
                at = 0;
            }
        }))
    }

    /// As [`range`](Self::range), from the greatest key to the least.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list((1..=9).map(|n| (n, n * n)))?;
    /// let greatest = t.read(|view| {
    ///     let mut squares = view.range_rev(..5)?.map(|object| object.element(2)?.as_i64());
    ///     Ok::<_, ferrets::Error>(squares.next().flatten())
    /// })??;
    /// assert_eq!(greatest, Some(16));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`range`](Self::range).
    pub fn range_rev<R: ToBounds>(
        &self,
        range: R,
    ) -> Result<impl Iterator<Item = ObjectRef<'v>> + use<'v, R>> {
        let (ordered, (high, low)) = (self.ordered("range")?, range.bounds()?.into_walk(true));
        let walk = Walk { back: true, ..Walk::default() };
        let mut pages = ordered.pages(self.pin(), &high, low, walk);
        let mut left = pages.len();
        Ok(std::iter::from_fn(move || {
            loop {
                if left > 0 {
                    left -= 1;
                    return pages.entry(left).map(ObjectRef::new);
                }
                if !pages.advance() {
                    return None;
                }
                left = pages.len();
            }
        }))
    }
}
