//! Walking a table: by key (`first`, `next`), by slot, whole (`tab2list`, folds), and fixation.
//!
//! The position of a walk over a hash table is a hash and a key, over an ordered one a key; nothing
//! is held between steps, and whatever others insert and delete, an object that is present
//! throughout is met exactly once.

use super::Table;
use super::core::Need;
use super::engine::{KeyAndObjects, Mark, Position, Stride};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::raw::reclaim::pin;
use crate::term::{Object, ObjectRef, Objects, Term, TermRef, ToObject, ToTerm};

/// Objects that a fold takes out of the table at a time.
const FOLD_CHUNK: usize = 1_000;

impl Table {
    /// The first key, in an ordered set the least, in others in no particular order; `None` in an
    /// empty table.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// assert_eq!(t.first()?, None);
    /// t.insert_list([(20, "b"), (10, "a")])?;
    /// assert_eq!(t.first()?, Some(term!(10)));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied).
    #[doc(alias = "ets:first/1")]
    pub fn first(&self) -> Result<Option<Term>> {
        Ok(self.end(false, false)?.map(|(key, _)| key))
    }

    /// The first key with its objects, at one instant.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 1), ("ann", 2)])?;
    /// let (key, objects) = t.first_lookup()?.expect("there is one key");
    /// assert_eq!(key, "ann");
    /// assert_eq!(objects[..], [tuple!("ann", 1), tuple!("ann", 2)]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`first`](Self::first).
    #[doc(alias = "ets:first_lookup/1")]
    pub fn first_lookup(&self) -> Result<Option<(Term, Objects)>> {
        self.end(false, true)
    }

    fn end(&self, back: bool, objects: bool) -> Result<Option<KeyAndObjects>> {
        self.check(Need::Read)?;
        Ok(self.core.engine.step(&pin(), Position::Start, Stride { back, objects })?.next)
    }

    /// The key after `key`; `None` after the last. In an ordered set the least that is greater,
    /// whether `key` is in the table or not.
    ///
    /// A walk of `first` and `next` meets each key that is in the table throughout exactly once,
    /// also while others insert and delete. The key must be in the table, or the table
    /// [fixed](Self::fix), unless it is ordered: then the walk goes on from where the key would be,
    /// whether it was deleted meanwhile or was never there.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, "a"), (2, "b"), (3, "c")])?;
    /// let (mut met, mut next) = (0, t.first()?);
    /// while let Some(key) = next {
    ///     met += 1;
    ///     next = t.next(key)?;
    /// }
    /// assert_eq!(met, 3);
    /// assert_eq!(t.next(4).unwrap_err().kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`first`](Self::first); [`BadArgument`](ErrorKind::BadArgument) for a key that is not in
    /// the table, unless it is fixed (ETS gives no cause here).
    #[doc(alias = "ets:next/2")]
    pub fn next(&self, key: impl ToTerm) -> Result<Option<Term>> {
        Ok(self.step(key, false, false)?.map(|(key, _)| key))
    }

    /// The key after `key` with its objects, at one instant. See [`next`](Self::next).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(10, "a"), (20, "b")])?;
    /// let (key, objects) = t.next_lookup(15)?.expect("one is greater");
    /// assert_eq!(key, 20);
    /// assert_eq!(objects[..], [tuple!(20, "b")]);
    /// assert!(t.next_lookup(20)?.is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[doc(alias = "ets:next_lookup/2")]
    pub fn next_lookup(&self, key: impl ToTerm) -> Result<Option<(Term, Objects)>> {
        self.step(key, false, true)
    }

    fn step(&self, key: impl ToTerm, back: bool, objects: bool) -> Result<Option<KeyAndObjects>> {
        self.check(Need::Read)?;
        key.with(|key| {
            let from = Position::On(self.core.key(key));
            let step = self.core.engine.step(&pin(), from, Stride { back, objects })?;
            if step.from_exists || self.core.is_fixed() {
                Ok(step.next)
            } else {
                Err(self.nothing_is_next(key))
            }
        })?
    }

    #[cold]
    fn nothing_is_next(&self, key: TermRef<'_>) -> Error {
        if self.core.is_gone() {
            return self.core.no_such_table();
        }
        let name = self.core.name();
        Error::bad_argument(format!("key {key} is not in table `{}`, nothing is next", name.name()))
    }

    /// The greatest key of an ordered set. Otherwise the same as [`first`](Self::first): hash
    /// tables have no order to reverse.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(10, "a"), (30, "c"), (20, "b")])?;
    /// assert_eq!(t.last()?, Some(term!(30)));
    /// t.delete_all_objects()?;
    /// assert_eq!(t.last()?, None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`first`](Self::first).
    #[doc(alias = "ets:last/1")]
    pub fn last(&self) -> Result<Option<Term>> {
        Ok(self.end(true, false)?.map(|(key, _)| key))
    }

    /// The key that [`last`](Self::last) gives, with its objects.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(1, "one"), (2, "two"), (3, "three")])?;
    /// let (last, objects) = t.last_lookup()?.expect("it is not empty");
    /// assert_eq!((last.as_i64(), objects.len()), (Some(3), 1));
    /// let (before, _) = t.prev_lookup(&last)?.expect("two are left");
    /// assert_eq!(before.as_i64(), Some(2));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`first`](Self::first).
    #[doc(alias = "ets:last_lookup/1")]
    pub fn last_lookup(&self) -> Result<Option<(Term, Objects)>> {
        self.end(true, true)
    }

    /// The greatest key of an ordered set that is less than `key`. Otherwise the same as
    /// [`next`](Self::next): hash tables have no order to reverse.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(10, "a"), (20, "b")])?;
    /// assert_eq!(t.prev(15)?, Some(term!(10)), "whether the key is there or not");
    /// assert_eq!(t.prev(10)?, None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[doc(alias = "ets:prev/2")]
    pub fn prev(&self, key: impl ToTerm) -> Result<Option<Term>> {
        Ok(self.step(key, true, false)?.map(|(key, _)| key))
    }

    /// The key that [`prev`](Self::prev) gives, with its objects.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(10, "a"), (20, "b")])?;
    /// let (key, objects) = t.prev_lookup(20)?.expect("one is less");
    /// assert_eq!(key, 10);
    /// assert_eq!(objects[..], [tuple!(10, "a")]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[doc(alias = "ets:prev_lookup/2")]
    pub fn prev_lookup(&self, key: impl ToTerm) -> Result<Option<(Term, Objects)>> {
        self.step(key, true, true)
    }

    /// The objects of one slot of the index; `None` for the slot behind the last. All slots
    /// together hold all objects, while nobody writes; for debugging. A slot of an ordered set is
    /// an object's place in the order, counted from zero; O(slot), or O(log n) with [order
    /// statistics](super::TableOptions::order_statistics).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list((0..100).map(|n| (n,)))?;
    /// let (mut slot, mut met) = (0, 0);
    /// while let Some(objects) = t.slot(slot)? {
    ///     (slot, met) = (slot + 1, met + objects.len());
    /// }
    /// assert_eq!(met, 100);
    /// assert!(t.slot(slot + 1).is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`first`](Self::first); [`BadArgument`](ErrorKind::BadArgument) further behind.
    #[doc(alias = "ets:slot/2")]
    pub fn slot(&self, slot: usize) -> Result<Option<Objects>> {
        self.check(Need::Read)?;
        let pin = pin();
        let (slot, slots) = (slot as u64, self.core.engine.slots(&pin));
        match slot.cmp(&slots) {
            std::cmp::Ordering::Less => self.core.engine.slot(&pin, slot).map(Some),
            std::cmp::Ordering::Equal => Ok(None),
            std::cmp::Ordering::Greater => {
                Err(Error::bad_argument(format!("slot {slot}: the table has {slots}")))
            }
        }
    }

    /// The objects of each slot, whoever asks: `info/2` has no rights to respect.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Result<Objects>> {
        let engine = &self.core.engine;
        (0..engine.slots(&pin())).map(|slot| engine.slot(&pin(), slot))
    }

    /// All objects, without copying them, in the order of an ordered set's keys, otherwise in no
    /// particular order; those of one key in the order of their insertion. Not one instant, but
    /// each object that is there throughout.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(2, "b"), (1, "a")])?;
    /// assert_eq!(t.tab2list()?, [tuple!(1, "a"), tuple!(2, "b")]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`first`](Self::first).
    #[doc(alias = "ets:tab2list/1")]
    pub fn tab2list(&self) -> Result<Vec<Object>> {
        let all = Vec::with_capacity(self.len()?);
        self.chunks(all, false, |chunk, mut all| {
            all.append(chunk);
            Ok(all)
        })
    }

    /// Calls `f` on every object and what it returned for the one before, `acc` for the first. `f`
    /// runs outside every lock and may use the table.
    ///
    /// Objects that are there throughout are met once, others at most once; those of one key in
    /// the order of their insertion. To fold over borrowed objects, which is faster, see
    /// [`ReadView::for_each`](crate::ReadView::for_each).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(1, "a"), (2, "b"), (3, "c")])?;
    /// let texts = t.foldl(String::new(), |object, mut texts| {
    ///     texts.extend(object.element(2).and_then(|text| text.as_str()));
    ///     texts
    /// })?;
    /// assert_eq!(texts, "abc");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`first`](Self::first); also if the table is deleted meanwhile.
    #[doc(alias = "ets:foldl/3")]
    pub fn foldl<A>(&self, acc: A, mut f: impl FnMut(&Object, A) -> A) -> Result<A> {
        self.chunks(acc, false, |chunk, acc| {
            Ok(chunk.iter().fold(acc, |acc, object| f(object, acc)))
        })
    }

    /// As [`foldl`](Self::foldl), with the objects of one key in the reverse order; in an ordered
    /// set, with all objects in the reverse order.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(1, 10), (2, 20), (3, 30)])?;
    /// let backwards = t.foldr(Vec::new(), |object, mut keys| {
    ///     keys.extend(object.element(1).and_then(|key| key.as_i64()));
    ///     keys
    /// })?;
    /// assert_eq!(backwards, [3, 2, 1]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`foldl`](Self::foldl).
    #[doc(alias = "ets:foldr/3")]
    pub fn foldr<A>(&self, acc: A, mut f: impl FnMut(&Object, A) -> A) -> Result<A> {
        let keypos = self.keypos();
        let same = |a: &Object, b: &Object| a.element(keypos) == b.element(keypos);
        self.chunks(acc, true, |chunk, acc| {
            let objects = chunk.chunk_by(same).flat_map(|objects| objects.iter().rev());
            Ok(objects.fold(acc, |acc, object| f(object, acc)))
        })
    }

    /// Folds over all objects, some at a time; those of one key together; `back` as for a scan.
    fn chunks<A>(
        &self,
        mut acc: A,
        back: bool,
        mut visit: impl FnMut(&mut Vec<Object>, A) -> Result<A>,
    ) -> Result<A> {
        let mut chunk = Vec::with_capacity(FOLD_CHUNK);
        let mut next = Some(Mark::Start);
        while let Some(from) = next {
            self.check(Need::Read)?;
            let mut failed = None;
            next =
                self.core.engine.scan(&pin(), from, back, FOLD_CHUNK, |object: ObjectRef<'_>| {
                    match object.to_object() {
                        Ok(object) => chunk.push(object),
                        Err(error) => failed = Some(error),
                    }
                });
            if let Some(error) = failed {
                return Err(error);
            }
            acc = visit(&mut chunk, acc)?;
            chunk.clear();
        }
        Ok(acc)
    }

    /// Empties the table, then inserts what `next` returns, some objects at a time, until it
    /// returns `None`. Not in one instant: readers see the table fill.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut pages = vec![vec![(3, "c")], vec![(1, "a"), (2, "b")]];
    /// t.init_table(|| pages.pop())?;
    /// assert_eq!(t.len()?, 3);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert); what was inserted before stays.
    #[doc(alias = "ets:init_table/2")]
    pub fn init_table<T: ToObject>(&self, mut next: impl FnMut() -> Option<Vec<T>>) -> Result<()> {
        self.delete_all_objects()?;
        while let Some(objects) = next() {
            for object in objects {
                self.insert(object)?;
            }
        }
        Ok(())
    }

    /// Fixes the table for this handle's owner, until the result is dropped or the owner ends.
    ///
    /// Traversals need no fixation to be safe. What it does, as in ETS: [`next`](Self::next)
    /// accepts the keys of deleted objects, and [`info`](Self::info) reports it. Nothing is kept
    /// that would not be kept without it. O(log fixations).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1,), (2,)])?;
    /// let fixation = t.fix()?;
    /// let first = t.first()?.expect("there are two");
    /// t.delete(&first)?;
    /// assert!(t.next(&first)?.is_some(), "the walk goes on");
    /// drop(fixation);
    /// assert!(t.next(&first).is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied);
    /// [`NoOwner`](ErrorKind::NoOwner) if the handle acts for an owner who has ended. (The store,
    /// for which handles of [`Store::table`](crate::Store::table) act, never does.)
    #[doc(alias = "ets:safe_fixtable/2")]
    pub fn fix(&self) -> Result<Fixation> {
        self.safe_fixtable(true)?;
        Ok(Fixation { table: self.clone() })
    }

    /// Fixes the table once more for this handle's owner, or releases one of his fixations; nothing
    /// if he has none. See [`fix`](Self::fix), which cannot be forgotten.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.safe_fixtable(true)?;
    /// t.safe_fixtable(true)?;
    /// let count = || t.info()?.safe_fixed.map(|fixed| fixed.holders[0].1);
    /// assert_eq!(count(), Some(2));
    /// t.safe_fixtable(false)?;
    /// assert_eq!(count(), Some(1));
    /// t.safe_fixtable(false)?;
    /// t.safe_fixtable(false)?; // he has none: nothing happens
    /// assert_eq!(count(), None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`fix`](Self::fix); an owner who has ended has no fixation to release.
    #[doc(alias = "ets:safe_fixtable/2")]
    pub fn safe_fixtable(&self, fix: bool) -> Result<()> {
        self.check(Need::Read)?;
        if fix {
            return self.home.fix(&self.core, self.who);
        }
        self.home.unfix(&self.core, self.who);
        Ok(())
    }
}

/// A fixation, released when dropped: see [`Table::fix`].
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// let is_fixed = || t.info().is_some_and(|info| info.safe_fixed.is_some());
/// let (one, other) = (t.fix()?, t.fix()?);
/// drop(one);
/// assert!(is_fixed());
/// drop(other);
/// assert!(!is_fixed());
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a fixation is released when it is dropped"]
pub struct Fixation {
    table: Table,
}

impl Drop for Fixation {
    fn drop(&mut self) {
        self.table.home.unfix(&self.table.core, self.table.who);
    }
}
