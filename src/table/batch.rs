//! Batches: many steps on many keys of one table, in one instant or not at all.
//!
//! A [`Batch`] gathers steps; nothing happens before [`Batch::commit`]. What runs under locks then
//! is only ours: all values have been made into terms when they were given.

use std::fmt;

use super::core::Need;
use super::engine::batch::{Given, KeyTerm, Step, Stop};
use super::{CounterOp, Integer, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::raw::reclaim::pin;
use crate::term::{Objects, Term, ToObject, ToTerm};

/// Steps on a table that are to be done in one instant: see [`Table::batch`].
///
/// The steps are done in the order in which they were given; those on the same key see what those
/// before them did. A condition, too, sees what the steps before it did, so put it first if it is
/// about what was there.
///
/// A batch may be committed again: that does the same steps once more.
///
/// ```
/// # use ferrets::{Conflict, Kind, Store, TableOptions, tuple};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// let mut visit = t.batch();
/// visit.update_counter_or("visits", 1, ("visits", 0))?.lookup("visits")?;
/// visit.commit()?.map_err(Conflict::into_error)?;
/// let outcomes = visit.commit()?.map_err(Conflict::into_error)?;
/// assert_eq!(outcomes[0].count(), Some(&2.into()));
/// assert_eq!(outcomes[1].objects(), [tuple!("visits", 2)]);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a batch does nothing until it is committed"]
pub struct Batch {
    table: Table,
    steps: Vec<Step>,
}

/// Steps that a batch has room for from the first one on.
const USUAL: usize = 10;

/// What one step of a [`Batch`] gave.
///
/// ```
/// # use ferrets::{Conflict, Kind, Outcome, Store, TableOptions, tuple};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert(("ann", 1))?;
/// let mut batch = t.batch();
/// batch.if_present("ann")?.update_counter("ann", 1)?.delete("ann")?;
/// let outcomes = batch.commit()?.map_err(Conflict::into_error)?;
/// let [Outcome::Held, Outcome::Count(sum), Outcome::Objects(deleted)] = &outcomes[..] else {
///     panic!("one for each step, in order")
/// };
/// assert!(*sum == 2 && deleted[0] == tuple!("ann", 2));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// A condition, which held.
    Held,
    /// The objects that were inserted over, changed, deleted or looked up: as they were before.
    Objects(Objects),
    /// What a counter came to.
    Count(Integer),
}

impl Outcome {
    /// The objects that were there before; none for a condition and a counter.
    ///
    /// ```
    /// # use ferrets::{Conflict, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1))?;
    /// let mut batch = t.batch();
    /// batch.insert(("ann", 2))?.insert(("bob", 3))?;
    /// let outcomes = batch.commit()?.map_err(Conflict::into_error)?;
    /// assert_eq!(outcomes[0].objects(), [tuple!("ann", 1)]);
    /// assert!(outcomes[1].objects().is_empty());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn objects(&self) -> &[crate::Object] {
        match self {
            Self::Objects(objects) => objects,
            Self::Held | Self::Count(_) => &[],
        }
    }

    /// What a counter came to.
    ///
    /// ```
    /// # use ferrets::{Conflict, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1))?;
    /// let mut batch = t.batch();
    /// batch.update_counter("ann", 5)?.delete("ann")?;
    /// let outcomes = batch.commit()?.map_err(Conflict::into_error)?;
    /// assert_eq!((outcomes[0].count(), outcomes[1].count()), (Some(&6.into()), None));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn count(&self) -> Option<&Integer> {
        match self {
            Self::Count(value) => Some(value),
            Self::Held | Self::Objects(_) => None,
        }
    }
}

/// What a condition of a [`Batch`] asks for.
///
/// ```
/// # use ferrets::{Condition, Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert(("ann", 1))?;
/// let mut batch = t.batch();
/// batch.if_present("ann")?.if_object_is(("ann", 2))?;
/// assert_eq!(batch.commit()?.unwrap_err().condition(), Condition::Object);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// [`Batch::if_absent`]
    Absent,
    /// [`Batch::if_present`]
    Present,
    /// [`Batch::if_object_is`]
    Object,
}

/// Why a [`Batch`] was not done: the first of its conditions that does not hold. Nothing has
/// changed.
///
/// For those who expect none, `batch.commit()?.map_err(Conflict::into_error)?` makes an [`Error`]
/// of it.
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert(("ann", 1))?;
/// let mut batch = t.batch();
/// batch.insert(("bob", 2))?.if_absent("ann")?;
/// let conflict = batch.commit()?.unwrap_err();
/// assert_eq!(conflict.to_string(), "step 1: key <<\"ann\">> is there");
/// assert!(!t.member("bob")?);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Conflict {
    step: usize,
    condition: Condition,
    key: Term,
    found: Objects,
}

impl Conflict {
    /// The number of the step that is the condition, counted from zero.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut batch = t.batch();
    /// batch.if_absent("ann")?.if_present("bob")?;
    /// assert_eq!(batch.commit()?.unwrap_err().step(), 1, "the first holds");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn step(&self) -> usize {
        self.step
    }

    /// What it asks for.
    ///
    /// ```
    /// # use ferrets::{Condition, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut batch = t.batch();
    /// batch.if_present("ann")?.delete("ann")?;
    /// let conflict = batch.commit()?.unwrap_err();
    /// assert_eq!((conflict.step(), conflict.condition()), (0, Condition::Present));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// The key that it is about.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1))?;
    /// let mut batch = t.batch();
    /// batch.if_present("ann")?.if_object_is(("ann", 2))?;
    /// assert_eq!(*batch.commit()?.unwrap_err().key(), "ann");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> &Term {
        &self.key
    }

    /// What the key had instead, at the instant of the batch, after the steps before.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1))?;
    /// let mut batch = t.batch();
    /// batch.update_counter("ann", 5)?.if_object_is(("ann", 1))?;
    /// assert_eq!(batch.commit()?.unwrap_err().found()[0], tuple!("ann", 6));
    /// assert_eq!(t.lookup_element("ann", 2)?, 1, "nothing was done");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn found(&self) -> &Objects {
        &self.found
    }

    /// The same as an error, of the kind [`Conflict`](ErrorKind::Conflict).
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1))?;
    /// let mut batch = t.batch();
    /// batch.if_absent("ann")?;
    /// let error = batch.commit()?.unwrap_err().into_error();
    /// assert_eq!(error.kind(), ErrorKind::Conflict);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn into_error(self) -> Error {
        Error::new(ErrorKind::Conflict, self.to_string())
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, key) = (self.step, &self.key);
        match self.condition {
            Condition::Absent => write!(f, "step {step}: key {key} is there"),
            Condition::Present => write!(f, "step {step}: key {key} is not there"),
            Condition::Object => write!(f, "step {step}: key {key} does not have that object"),
        }
    }
}

impl std::error::Error for Conflict {}

impl Batch {
    pub(super) fn new(table: Table) -> Self {
        Self { table, steps: Vec::new() }
    }

    /// How many steps there are.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut batch = t.batch();
    /// batch.if_absent("ann")?.insert(("ann", 1))?;
    /// assert_eq!(batch.len(), 2, "a condition is a step");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let nothing = t.batch();
    /// assert!(nothing.is_empty() && nothing.commit()?.is_ok());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn key(&self, key: impl ToTerm) -> Result<KeyTerm> {
        let term = Term::new(key)?;
        let hash = self.table.core.digest(term.as_ref());
        Ok(KeyTerm { term, hash })
    }

    fn push(&mut self, step: Result<Step>) -> Result<&mut Self> {
        self.table.check(Need::Write)?;
        if self.steps.capacity() == 0 {
            self.steps.reserve(USUAL);
        }
        self.steps.push(step?);
        Ok(self)
    }

    /// Inserts an object, as [`Table::insert`] does. Gives the object that it replaces.
    ///
    /// ```
    /// # use ferrets::{Conflict, ErrorKind, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert(("ann", 1))?;
    /// let mut batch = t.batch();
    /// batch.insert(("ann", 2))?.insert(("bob", 3))?;
    /// assert_eq!(batch.insert(()).unwrap_err().kind(), ErrorKind::ObjectTooShort);
    /// let outcomes = batch.commit()?.map_err(Conflict::into_error)?;
    /// assert!(outcomes[0].objects().is_empty(), "in a bag both stay");
    /// assert_eq!(t.lookup("ann")?[..], [tuple!("ann", 1), tuple!("ann", 2)]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::insert`]; the batch is as it was.
    pub fn insert(&mut self, object: impl ToObject) -> Result<&mut Self> {
        let step = self.table.core.block(&object).map(Step::Insert);
        self.push(step)
    }

    /// Removes the objects of a key, and gives them.
    ///
    /// ```
    /// # use ferrets::{Conflict, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 1), ("ann", 2)])?;
    /// let mut batch = t.batch();
    /// batch.delete("ann")?.delete("bob")?;
    /// let outcomes = batch.commit()?.map_err(Conflict::into_error)?;
    /// assert_eq!(outcomes[0].objects(), [tuple!("ann", 1), tuple!("ann", 2)]);
    /// assert!(outcomes[1].objects().is_empty());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::delete`].
    pub fn delete(&mut self, key: impl ToTerm) -> Result<&mut Self> {
        let step = self.key(key).map(Step::Delete);
        self.push(step)
    }

    /// Removes the objects that are `=:=` to this one, and gives them.
    ///
    /// ```
    /// # use ferrets::{Conflict, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::DuplicateBag))?;
    /// t.insert_list([("ann", 1), ("ann", 2), ("ann", 1)])?;
    /// let mut batch = t.batch();
    /// batch.delete_object(("ann", 1))?;
    /// assert_eq!(batch.commit()?.map_err(Conflict::into_error)?[0].objects().len(), 2);
    /// assert_eq!(t.lookup("ann")?[..], [tuple!("ann", 2)]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::delete_object`].
    pub fn delete_object(&mut self, object: impl ToObject) -> Result<&mut Self> {
        let step = self.table.core.block(&object).map(Step::DeleteObject);
        self.push(step)
    }

    /// Gives the objects of a key. With nothing but lookups a batch reads many keys at one instant;
    /// it holds up writers to these keys, unlike [`Table::lookup_many`].
    ///
    /// ```
    /// # use ferrets::{Conflict, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([("ann", 70), ("bob", 30)])?;
    /// let mut both = t.batch();
    /// both.lookup("ann")?.lookup("bob")?.lookup("eve")?;
    /// let outcomes = both.commit()?.map_err(Conflict::into_error)?;
    /// assert_eq!(outcomes[1].objects(), [tuple!("bob", 30)]);
    /// assert!(outcomes[2].objects().is_empty());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::insert`]: also for one who may read but not write.
    pub fn lookup(&mut self, key: impl ToTerm) -> Result<&mut Self> {
        let step = self.key(key).map(Step::Lookup);
        self.push(step)
    }

    /// Adds to an integer element, as [`Table::update_counter`] does, and gives its new value. If
    /// that fails, nothing of the batch is done.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1))?;
    /// let mut batch = t.batch();
    /// batch.update_counter("ann", 1)?.update_counter("bob", 1)?;
    /// assert_eq!(batch.commit().unwrap_err().kind(), ErrorKind::NoSuchKey);
    /// assert_eq!(t.lookup_element("ann", 2)?, 1);
    /// t.insert(("bob", 7))?;
    /// assert_eq!(batch.commit()?.unwrap()[1].count(), Some(&8.into()));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongKind`](ErrorKind::WrongKind) for bags; otherwise from [`commit`](Self::commit).
    pub fn update_counter(
        &mut self,
        key: impl ToTerm,
        op: impl Into<CounterOp>,
    ) -> Result<&mut Self> {
        self.table.check_set("update_counter")?;
        let step = self.key(key).map(|key| Step::Count(key, Box::new((op.into(), None))));
        self.push(step)
    }

    /// As [`update_counter`](Self::update_counter), but a key that is not there gets the object
    /// `default`, with the key in its place, to begin with.
    ///
    /// ```
    /// # use ferrets::{Conflict, ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut batch = t.batch();
    /// batch.update_counter_or("ann", 5, ("some", 10))?.update_counter_or("ann", 5, ("some", 10))?;
    /// let outcomes = batch.commit()?.map_err(Conflict::into_error)?;
    /// assert_eq!(outcomes[1].count(), Some(&20.into()));
    /// let too_short = batch.update_counter_or("ann", 5, ());
    /// assert_eq!(too_short.unwrap_err().kind(), ErrorKind::ObjectTooShort);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::update_counter_or`], but a default that is too short is always an error.
    pub fn update_counter_or(
        &mut self,
        key: impl ToTerm,
        op: impl Into<CounterOp>,
        default: impl ToObject,
    ) -> Result<&mut Self> {
        self.table.check_set("update_counter")?;
        let step = self.key(key).and_then(|key| {
            let place = super::core::Key { term: key.term.as_ref(), hash: key.hash };
            let default = self.table.core.block_with_key(&default, place)?;
            Ok(Step::Count(key, Box::new((op.into(), Some(default)))))
        });
        self.push(step)
    }

    /// Replaces one element of the object of a key, as [`Table::update_element`] does, if the key
    /// is there. Gives the object as it was before.
    ///
    /// ```
    /// # use ferrets::{Conflict, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", "oslo"))?;
    /// let mut batch = t.batch();
    /// batch.update_element("ann", 2, "rome")?.update_element("bob", 2, "rome")?;
    /// let outcomes = batch.commit()?.map_err(Conflict::into_error)?;
    /// assert_eq!(outcomes[0].objects(), [tuple!("ann", "oslo")]);
    /// assert!(outcomes[1].objects().is_empty() && !t.member("bob")?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`update_counter`](Self::update_counter), but `BadArgument` for bags.
    pub fn update_element(
        &mut self,
        key: impl ToTerm,
        position: usize,
        value: impl ToTerm,
    ) -> Result<&mut Self> {
        self.table.check_set("update_element")?;
        let step = self.key(key).and_then(|key| {
            let value = Term::new(value)?;
            Ok(Step::Set(key, Box::new((position, value))))
        });
        self.push(step)
    }

    /// Does nothing of the batch unless the key has no object.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut register = t.batch();
    /// register.if_absent("ann")?.insert(("ann", 1))?.update_counter_or("users", 1, ("users", 0))?;
    /// assert!(register.commit()?.is_ok());
    /// assert!(register.commit()?.is_err());
    /// assert_eq!(t.lookup_element("users", 2)?, 1);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::delete`].
    pub fn if_absent(&mut self, key: impl ToTerm) -> Result<&mut Self> {
        let step = self.key(key).map(Step::IfAbsent);
        self.push(step)
    }

    /// Does nothing of the batch unless the key has an object.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1))?;
    /// let mut batch = t.batch();
    /// batch.if_present("ann")?.update_counter("ann", 1)?;
    /// assert!(batch.commit()?.is_ok());
    /// t.delete("ann")?;
    /// assert!(batch.commit()?.is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::delete`].
    pub fn if_present(&mut self, key: impl ToTerm) -> Result<&mut Self> {
        let step = self.key(key).map(Step::IfPresent);
        self.push(step)
    }

    /// Does nothing of the batch unless this object is in the table: the key's only one in a set,
    /// one of the key's in a bag. Compared by `=:=`.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 1), ("ann", 2)])?;
    /// let mut batch = t.batch();
    /// batch.if_object_is(("ann", 2))?.delete("ann")?;
    /// t.delete_object(("ann", 2))?;
    /// assert!(batch.commit()?.is_err());
    /// t.insert(("ann", 2))?;
    /// assert!(batch.commit()?.is_ok() && t.is_empty()?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::insert`].
    pub fn if_object_is(&mut self, object: impl ToObject) -> Result<&mut Self> {
        let step = self.table.core.block(&object).map(Step::IfObject);
        self.push(step)
    }

    /// Does all steps in one instant, and gives the outcome of each, in order; or does nothing, if
    /// a condition does not hold.
    ///
    /// No reader of objects, lock-free ones included, finds one of the changes and later misses
    /// another, and no writer comes between. (Numbers are exact when nobody writes:
    /// [`len`](Table::len), and in ordered sets [`rank`](Table::rank), [`nth`](Table::nth) and what
    /// [`count`](Table::count) takes from ranks, may be those of a part of the changes.) Readers
    /// are not held up. Writers to the same buckets wait, and batches that share keys wait for each
    /// other, whatever the order of their keys: never in a circle. O(steps log steps), and
    /// O(objects) for those that are given.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 70))?;
    /// let mut batch = t.batch();
    /// batch.if_absent("bob")?.update_counter("ann", -30)?.insert(("bob", 30))?;
    /// match batch.commit()? {
    ///     Ok(outcomes) => assert_eq!(outcomes[1].count(), Some(&40.into())),
    ///     Err(conflict) => panic!("nobody else writes: {conflict}"),
    /// }
    /// assert!(batch.commit()?.is_err(), "bob is there by now");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied); what a
    /// counter or an element that cannot be changed says, with the number of its step:
    /// [`NoSuchKey`](ErrorKind::NoSuchKey), [`KeyPosition`](ErrorKind::KeyPosition),
    /// [`BadPosition`](ErrorKind::BadPosition), [`NotAnInteger`](ErrorKind::NotAnInteger). Nothing
    /// has changed then.
    #[doc(alias = "transaction")]
    pub fn commit(&self) -> Result<Result<Vec<Outcome>, Conflict>> {
        self.table.check(Need::Write)?;
        let core = &self.table.core;
        match core.engine.batch(&pin(), &self.steps) {
            Ok(given) => Ok(Ok(given.into_iter().map(outcome).collect())),
            Err(Stop::Conflict(step, found)) => Ok(Err(self.conflict(step, found)?)),
            Err(Stop::Refused(refused)) => Err(core.refused(refused)),
            Err(Stop::Missing(step)) => {
                let key = self.steps[step].key(self.table.keypos()).term;
                Err(core.no_such_key(key).of_step(step))
            }
            Err(Stop::Failed(step, error)) => Err(error.of_step(step)),
        }
    }

    fn conflict(&self, step: usize, found: Objects) -> Result<Conflict> {
        let condition = match &self.steps[step] {
            Step::IfAbsent(_) => Condition::Absent,
            Step::IfPresent(_) => Condition::Present,
            _ => Condition::Object,
        };
        let key = self.steps[step].key(self.table.keypos()).term.to_term()?;
        Ok(Conflict { step, condition, key, found })
    }
}

fn outcome(given: Given) -> Outcome {
    match given {
        Given::Nothing => Outcome::Held,
        Given::Objects(objects) => Outcome::Objects(objects),
        Given::Count(value) => Outcome::Count(value),
    }
}

impl Table {
    /// Steps that are to be done in one instant: inserts, deletes and counters on many keys, under
    /// conditions. Nothing happens before [`Batch::commit`].
    ///
    /// ```
    /// # use ferrets::{Conflict, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let accounts = owner.new_table("accounts", TableOptions::new(Kind::Set))?;
    /// accounts.insert_list([("ann", 70), ("bob", 30)])?;
    ///
    /// let mut transfer = accounts.batch();
    /// transfer.if_absent(("transfer", 17))?; // only once
    /// transfer.update_counter("ann", -25)?.update_counter("bob", 25)?;
    /// transfer.insert((("transfer", 17), "done"))?;
    ///
    /// let outcomes = transfer.commit()?.map_err(Conflict::into_error)?;
    /// assert_eq!(outcomes[2].count(), Some(&55.into()));
    ///
    /// let conflict = transfer.commit()?.unwrap_err(); // the same once more
    /// assert_eq!(conflict.step(), 0);
    /// assert_eq!(conflict.found()[0].element(2).unwrap(), "done");
    /// assert_eq!(accounts.lookup_element("bob", 2)?, 55);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn batch(&self) -> Batch {
        Batch::new(self.clone())
    }
}
