//! Snapshots: an ordered set as it was at one instant.

use super::Table;
use super::core::Need;
use super::engine::OrderedSnapshot;
use super::range::{Bounds, ToBounds, take_chunk};
use crate::error::Result;
use crate::raw::ordered::Walk;
use crate::raw::reclaim::pin;
use crate::term::{Edge, Object, ObjectRef, Objects, Term, ToTerm};

/// An ordered set as it was when [`Table::snapshot`] was called.
///
/// It holds no lock, and does not notice what becomes of the table: others write to it, clear it or
/// delete it, and its access changes, without effect here. What was in the table stays in memory
/// as long as a snapshot needs it; so drop it when it has been read.
///
/// It can be read by many threads at once. Reading it takes a lock for an instant where the table
/// has changed since.
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
/// t.insert_list((1..=1_000).map(|n| (n, "old")))?;
/// let before = t.snapshot()?;
/// t.delete_range(..=500)?;
/// t.insert((501, "new"))?;
/// t.delete_table()?;
/// assert_eq!((before.len(), before.range(..)?.count()), (1_000, 1_000));
/// assert_eq!(before.lookup(501)?[0].decode::<(i64, &str)>()?, (501, "old"));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug)]
pub struct Snapshot {
    snapshot: OrderedSnapshot,
}

impl Table {
    /// All of an ordered set as it is at this instant, to be read later.
    ///
    /// Copies nothing, whatever the size of the table: O(1), and waits for the writes that are
    /// under way; writes that begin meanwhile wait as well. (A list of a million objects that is
    /// being inserted is one write.) As long as the snapshot lives, the first write to each leaf of
    /// up to 63 objects copies the leaf, some 1,100 bytes, and counts its objects, which takes some
    /// microseconds in a large table; objects that are replaced or deleted stay in memory; counters
    /// are copied, not added to in place, where the snapshot shows them.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert(("visits", 1))?;
    /// let before = t.snapshot()?;
    /// assert_eq!(t.update_counter("visits", 1)?, 2);
    /// assert_eq!(before.lookup("visits")?[..], [tuple!("visits", 1)]);
    /// let set = owner.new_table("set", TableOptions::new(Kind::Set))?;
    /// assert_eq!(set.snapshot().unwrap_err().kind(), ErrorKind::WrongKind);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](crate::ErrorKind::NoSuchTable),
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied);
    /// [`WrongKind`](crate::ErrorKind::WrongKind) if the table is no ordered set. What is read of a
    /// snapshot later has none of these.
    #[doc(alias = "ets:tab2list/1")]
    #[doc(alias = "ets:safe_fixtable/2")]
    pub fn snapshot(&self) -> Result<Snapshot> {
        let ordered = self.ordered(Need::Read, "snapshot")?;
        let snapshot = self.done(ordered.snapshot(&pin()))?;
        Ok(Snapshot { snapshot })
    }
}

impl Snapshot {
    /// How many objects it has. O(1), exact.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(1, "a"), (2, "b")])?;
    /// let before = t.snapshot()?;
    /// t.delete_all_objects()?;
    /// assert_eq!((before.len(), t.len()?), (2, 0));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[doc(alias = "ets:info/2")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.snapshot.len()
    }

    /// Whether it has no object.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// let before = t.snapshot()?;
    /// t.insert((1, "a"))?;
    /// assert!(before.is_empty() && !t.snapshot()?.is_empty());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the leaves that it keeps, which have changed in the table since. The objects that
    /// only it has come on top of them.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list((1..=1_000).map(|n| (n, 0)))?;
    /// let snapshot = t.snapshot()?;
    /// let before = snapshot.memory_bytes();
    /// t.insert((500, 1))?;
    /// assert!(snapshot.memory_bytes() > before);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.snapshot.bytes()
    }

    /// The object with that key, if there was one: as [`Table::lookup`]. O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert((1, "one"))?;
    /// let before = t.snapshot()?;
    /// t.delete(1)?;
    /// assert_eq!(before.lookup(1.0)?[..], [tuple!(1, "one")]);
    /// assert!(before.lookup(2)?.is_empty());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](crate::ErrorKind::BadArgument) for a key that has no term.
    #[doc(alias = "ets:lookup/2")]
    pub fn lookup(&self, key: impl ToTerm) -> Result<Objects> {
        let key = Edge::key(Term::new(key)?, true);
        let (pin, walk) = (pin(), Walk::default());
        let mut pages = self.snapshot.pages(&pin, &key, key.clone(), walk);
        while pages.len() == 0 && pages.advance() {}
        Ok(Objects::from(
            pages.entry(0).map(|block| ObjectRef::new(block).to_object()).transpose()?,
        ))
    }

    /// The objects whose keys lie in a range, in the order of keys: as [`Table::range`].
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list((1..=9).map(|n| (n, n * n)))?;
    /// let before = t.snapshot()?;
    /// t.delete_range(..5)?;
    /// assert_eq!((before.range(3..7)?.count(), t.range(3..7)?.count()), (4, 2));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](crate::ErrorKind::BadArgument) for an end that has no term. The iterator has
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) if there is no memory for an object.
    #[doc(alias = "ets:select/2")]
    pub fn range(&self, range: impl ToBounds) -> Result<SnapshotIter<'_>> {
        Ok(self.walk(range.bounds()?, false))
    }

    /// As [`range`](Self::range), from the greatest key to the least.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(1, "a"), (2, "b"), (3, "c")])?;
    /// let before = t.snapshot()?;
    /// t.insert((2, "new"))?;
    /// assert_eq!(before.range_rev(..3)?.next().expect("two are below")?, tuple!(2, "b"));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`range`](Self::range).
    #[doc(alias = "ets:select_reverse/2")]
    pub fn range_rev(&self, range: impl ToBounds) -> Result<SnapshotIter<'_>> {
        Ok(self.walk(range.bounds()?, true))
    }

    /// The objects whose keys begin so: as [`Table::prefix`].
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([("user:1", "ann"), ("user:2", "bob"), ("zone:1", "eu")])?;
    /// let before = t.snapshot()?;
    /// assert_eq!(before.prefix("user:")?.count(), 2);
    /// assert_eq!(before.prefix(1).unwrap_err().kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::prefix`], but none of the table.
    pub fn prefix(&self, first: impl ToTerm) -> Result<SnapshotIter<'_>> {
        Ok(self.walk(Bounds::prefix(&Term::new(first)?)?, false))
    }

    /// How many keys lie in a range: as [`Table::count`].
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list((1..=9).map(|n| (n,)))?;
    /// let before = t.snapshot()?;
    /// t.insert((2.5,))?;
    /// assert_eq!((before.count(..=3)?, t.count(..=3)?), (3, 4));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`range`](Self::range).
    #[doc(alias = "ets:select_count/2")]
    pub fn count(&self, range: impl ToBounds) -> Result<usize> {
        let (near, far) = range.bounds()?.into_walk(false);
        let (pin, walk) = (pin(), Walk { count: true, ..Walk::default() });
        let mut pages = self.snapshot.pages(&pin, &near, far, walk);
        let mut count = pages.len();
        while pages.advance() {
            count += pages.len();
        }
        Ok(count)
    }

    fn walk(&self, range: Bounds, back: bool) -> SnapshotIter<'_> {
        let (near, far) = range.into_walk(back);
        let (snapshot, chunk) = (&self.snapshot, Vec::new());
        SnapshotIter { snapshot, near, far, back, chunk, done: false }
    }
}

/// Objects of a range of a [`Snapshot`].
///
/// ```
/// # use ferrets::{Kind, SnapshotIter, Store, TableOptions, tuple};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
/// t.insert_list([(1, "a"), (2, "b")])?;
/// let snapshot = t.snapshot()?;
/// let mut objects: SnapshotIter<'_> = snapshot.range(..)?;
/// t.delete_table()?;
/// assert_eq!(objects.next().expect("there are two")?, tuple!(1, "a"));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is read until it is iterated"]
pub struct SnapshotIter<'s> {
    snapshot: &'s OrderedSnapshot,
    near: Edge,
    far: Edge,
    back: bool,
    /// In the reverse order, so that the next one is taken from the end.
    chunk: Vec<Object>,
    done: bool,
}

impl SnapshotIter<'_> {
    fn fill(&mut self) -> Result<()> {
        let (pin, walk) = (pin(), Walk { back: self.back, ..Walk::default() });
        let mut pages = self.snapshot.pages(&pin, &self.near, self.far.clone(), walk);
        let last;
        (last, self.done) = take_chunk(&mut pages, self.back, &mut self.chunk)?;
        if let Some(last) = last {
            self.near = Edge::after(last, self.snapshot.keypos());
        }
        Ok(())
    }
}

impl Iterator for SnapshotIter<'_> {
    type Item = Result<Object>;

    fn next(&mut self) -> Option<Result<Object>> {
        if self.chunk.is_empty() && !self.done {
            if let Err(error) = self.fill() {
                self.done = true;
                self.chunk.clear();
                return Some(Err(error));
            }
        }
        self.chunk.pop().map(Ok)
    }
}
