//! Tables: an engine plus ETS's rules of who may do what, and its errors.
//!
//! [`Table`] is the handle people hold. Its methods check first that the table exists, then that
//! the handle's owner may do this, then the other arguments, which is ETS's order; then they ask
//! the engine. User code (the closure of [`Table::update`], of a fold) runs outside every lock and
//! pin; only that of the read views runs pinned, and says so.

mod batch;
mod change;
mod continuation;
pub(crate) mod core;
mod engine;
mod fixation;
pub(crate) mod info;
mod integer;
mod kind;
mod options;
mod ownership;
mod query;
mod range;
mod rank;
mod read;
mod select;
mod snapshot;
#[cfg(test)]
#[cfg(not(ferrets_loom))]
mod tests;
mod traverse;
mod update;
mod walk;
mod watch;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use self::core::{Key, Need, OwnerId, STRANGER, TableCore, id_term};
use self::engine::Updated;
pub use batch::{Batch, Condition, Conflict, Outcome};
pub use continuation::{Chunk, Continuation};
pub use info::{Info, SafeFixed};
pub use integer::Integer;
pub use kind::{Access, Kind, WriteConcurrency};
pub use options::TableOptions;
pub use range::{Bounds, Cursor, RangeIter, ToBounds};
pub use rank::Placed;
pub use read::ReadView;
pub use select::Selection;
pub use snapshot::{Snapshot, SnapshotIter};
pub use update::CounterOp;
use update::{CounterOps, ElementOps};
pub use walk::Fixation;
pub use watch::{Change, Changes, Event, Filter, Watch};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::block::Block;
use crate::raw::hash::Refused;
use crate::raw::reclaim::{Pin, collect, pin};
use crate::registry::Registry;
use crate::term::{
    Arena, Atom, Object, ObjectRef, Objects, Term, TermRef, ToObject, ToTerm, new_block,
};

/// A handle on a table: cheap to clone, `Send + Sync`, and it carries who acts.
///
/// Made by [`Owner::new_table`](crate::Owner::new_table), found by
/// [`Owner::table`](crate::Owner::table). All operations take `&self` and may be called from any
/// number of threads. Reads never block and never wait for a writer. A handle does not keep its
/// table: once that is deleted, every operation says [`NoSuchTable`](ErrorKind::NoSuchTable).
///
/// ```
/// use ferrets::{Kind, Store, TableOptions, tuple};
/// let store = Store::new();
/// let owner = store.owner();
/// let users = owner.new_table("users", TableOptions::new(Kind::Set))?;
/// users.insert((1, "ann", 36))?;
/// users.insert(tuple!(2, "bob", 25))?;
/// assert_eq!(users.lookup(1)?[0].element(2).and_then(|name| name.as_str()), Some("ann"));
/// assert_eq!(users.update_counter(2, (3, 1))?, 26);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone)]
pub struct Table {
    core: Arc<TableCore>,
    home: Arc<Registry>,
    who: OwnerId,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

/// How often [`Table::update`] tries.
const UPDATE_ATTEMPTS: usize = 10_000;

impl Table {
    pub(crate) fn new(core: Arc<TableCore>, home: Arc<Registry>, who: OwnerId) -> Self {
        Self { core, home, who }
    }

    pub(crate) fn core(&self) -> &Arc<TableCore> {
        &self.core
    }

    /// The registry of the store that it is in.
    pub(crate) fn home(&self) -> &Arc<Registry> {
        &self.home
    }

    #[inline]
    pub(crate) fn check(&self, need: Need) -> Result<()> {
        self.core.check(self.who, need)
    }

    #[inline]
    fn done<R>(&self, result: Result<R, Refused>) -> Result<R> {
        result.map_err(|refused| self.core.refused(refused))
    }

    /// Inserts an object: a Rust tuple, a [`tuple!`](crate::tuple!), an [`Object`] or a [`Term`]
    /// that is a tuple.
    ///
    /// In a set the object replaces the one with the same key; in a bag it is added unless an equal
    /// one is there; in a duplicate_bag it is added. Atomic and isolated. O(1), also into a bag
    /// with many objects under the key.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 36))?;
    /// t.insert(tuple!("ann", 37, :admin))?;
    /// assert_eq!(t.lookup("ann")?[..], [tuple!("ann", 37, :admin)]);
    /// assert_eq!(t.insert(()).unwrap_err().kind(), ErrorKind::ObjectTooShort);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied);
    /// [`BadArgument`](ErrorKind::BadArgument) for what is not a tuple or has no term;
    /// [`ObjectTooShort`](ErrorKind::ObjectTooShort).
    #[doc(alias = "ets:insert/2")]
    pub fn insert(&self, object: impl ToObject) -> Result<()> {
        self.check(Need::Write)?;
        if object.as_object().is_some() {
            let block = self.core.block(&object)?;
            return self.done(self.core.engine.insert(&pin(), block));
        }
        let mut arena = Arena::new();
        let arity = object.put_object(&mut arena)?;
        self.insert_arena(&arena, arity)
    }

    /// The part that does not depend on the type of the object, and so is compiled once.
    fn insert_arena(&self, arena: &Arena, arity: usize) -> Result<()> {
        let key = self.core.key_of_arena(arena, arity)?;
        let pin = pin();
        // While the bucket is on its way, there is a block to be made.
        self.core.engine.prefetch_bucket(&pin, key);
        let block = new_block(key.hash, arity, arena.words())?;
        self.done(self.core.engine.insert(&pin, block))
    }

    /// Inserts several objects in one instant: no reader sees some of them and not the others, and
    /// if one is refused none is inserted.
    ///
    /// Of objects with the same key the last counts in a set; in bags they keep the order of the
    /// list. Readers, lock-free ones too, are not held up; writers to the same buckets wait.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("accounts", TableOptions::new(Kind::Set))?;
    /// t.insert_list([("ann", 70), ("bob", 30)])?;
    /// assert_eq!(t.len()?, 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert), for the first object that is refused.
    #[doc(alias = "ets:insert/2")]
    pub fn insert_list<T: ToObject>(&self, objects: impl IntoIterator<Item = T>) -> Result<()> {
        self.check(Need::Write)?;
        let blocks = self.blocks(objects)?;
        self.insert_blocks(blocks, false).map(|_| ())
    }

    fn blocks<T: ToObject>(&self, objects: impl IntoIterator<Item = T>) -> Result<Vec<Block>> {
        objects.into_iter().map(|object| self.core.block(&object)).collect()
    }

    fn insert_blocks(&self, mut blocks: Vec<Block>, new: bool) -> Result<bool> {
        let engine = &self.core.engine;
        let pin = pin();
        let inserted = match (blocks.len(), new) {
            (0, _) => Ok(true),
            (1, false) => engine.insert(&pin, blocks.remove(0)).map(|()| true),
            (1, true) => engine.insert_new(&pin, blocks.remove(0)),
            _ => engine.insert_all(&pin, blocks, new),
        };
        self.done(inserted)
    }

    /// Inserts an object unless its key exists, and says whether it did. In a bag, too, any object
    /// with that key counts.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// assert!(t.insert_new(("ann", 1))?);
    /// assert!(!t.insert_new(("ann", 2))?);
    /// assert_eq!(t.len()?, 1);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    #[doc(alias = "ets:insert_new/2")]
    pub fn insert_new(&self, object: impl ToObject) -> Result<bool> {
        self.check(Need::Write)?;
        let block = self.core.block(&object)?;
        self.done(self.core.engine.insert_new(&pin(), block))
    }

    /// Inserts several objects in one instant unless one of their keys exists, and says whether it
    /// did. The same key twice in the list is no conflict.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// assert!(t.insert_new_list([("left", 1), ("right", 1)])?);
    /// assert!(!t.insert_new_list([("right", 2), ("middle", 2)])?);
    /// assert!(!t.member("middle")?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert), for the first object that is refused.
    #[doc(alias = "ets:insert_new/2")]
    pub fn insert_new_list<T: ToObject>(
        &self,
        objects: impl IntoIterator<Item = T>,
    ) -> Result<bool> {
        self.check(Need::Write)?;
        let blocks = self.blocks(objects)?;
        self.insert_blocks(blocks, true)
    }

    /// `insert/2` and `insert_new/2` on a term: an object or a proper list of them.
    pub(crate) fn insert_term(&self, objects: TermRef<'_>, new: bool) -> Result<bool> {
        self.check(Need::Write)?;
        let blocks = match objects.as_list() {
            Some(list) => self.blocks(list)?,
            None => vec![self.core.block(&objects)?],
        };
        self.insert_blocks(blocks, new)
    }

    /// The objects of a key, owned (see [`Object`]): none or one in a set, any number in the
    /// order of their insertion in a bag, all as they are at one instant.
    ///
    /// O(1) in a set, O(objects) in a bag. To read without even counting references, see
    /// [`read`](Self::read).
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 1), ("bob", 2), ("ann", 3)])?;
    /// assert_eq!(t.lookup("ann")?[..], [tuple!("ann", 1), tuple!("ann", 3)]);
    /// assert!(t.lookup("eve")?.is_empty());
    /// assert_eq!(t.lookup(f64::NAN).unwrap_err().kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied);
    /// [`BadArgument`](ErrorKind::BadArgument) for a key that has no term (a NaN).
    #[doc(alias = "ets:lookup/2")]
    // Always: a call in between would keep processors from waiting for the memory of several
    // lookups at once.
    #[inline(always)]
    pub fn lookup(&self, key: impl ToTerm) -> Result<Objects> {
        self.check(Need::Read)?;
        let pin = pin();
        if self.core.engine.as_set().is_some() {
            return match self.core.first(&pin, &key)? {
                Some(object) => object.to_object().map(Objects::one),
                None => Ok(Objects::default()),
            };
        }
        key.with(|key| self.core.engine.lookup(&pin, self.core.key(key)))?
    }

    /// The objects of many keys, in the order of the keys. The loads of all of them overlap: on a
    /// table that is larger than the caches this is two to three times as fast as one by one. Each
    /// key is read at an instant of its own.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, "a"), (2, "b")])?;
    /// let found = t.lookup_many(&[2, 3, 1])?;
    /// assert!(found[0][0] == tuple!(2, "b") && found[2][0] == tuple!(1, "a"));
    /// assert!(found[1].is_empty());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup).
    pub fn lookup_many<K: ToTerm>(&self, keys: &[K]) -> Result<Vec<Objects>> {
        let mut all = Vec::with_capacity(keys.len());
        if self.core.engine.as_set().is_some() {
            let mut failed = Ok(());
            self.read(|view| {
                view.get_many(keys, |_, object| match object.map(ObjectRef::to_object) {
                    Some(Err(error)) => failed = Err(error),
                    object => all.push(Objects::from(object.and_then(Result::ok))),
                })
            })??;
            return failed.map(|()| all);
        }
        self.read(|view| {
            view.prefetching(keys, |view, key| {
                all.push(self.core.engine.lookup(view.pin(), key)?);
                Ok(())
            })
        })??;
        Ok(all)
    }

    /// Reads without copying or counting anything: `f` gets a view through which it can look up,
    /// scan and compare borrowed objects, and no cache line that others read is written.
    ///
    /// While `f` runs, objects that others delete stay allocated; so it should not take long, and
    /// not wait for other threads. It may use the table, this one and others.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// # t.insert_list([(1, 10), (2, 20)])?;
    /// let sum = t.read(|view| {
    ///     let value = |key| view.get(key)?.element(2)?.as_i64();
    ///     Some(value(1)? + value(2)?)
    /// })?;
    /// assert_eq!(sum, Some(30));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied).
    pub fn read<R>(&self, f: impl FnOnce(&ReadView<'_>) -> R) -> Result<R> {
        self.check(Need::Read)?;
        let pin = pin();
        Ok(f(&ReadView::new(&self.core, &pin)))
    }

    /// Shows the only object of a key in a set, the first in a bag, to `f`; the short form of
    /// [`read`](Self::read).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "a text that is read, not copied"))?;
    /// let length = t.lookup_with(1, |object| object?.element(2)?.as_str().map(str::len))?;
    /// assert_eq!(length, Some(31));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup).
    #[inline]
    pub fn lookup_with<R>(
        &self,
        key: impl ToTerm,
        f: impl FnOnce(Option<ObjectRef<'_>>) -> R,
    ) -> Result<R> {
        self.check(Need::Read)?;
        Ok(f(self.core.first(&pin(), &key)?))
    }

    /// One element of the object of a key; of all its objects, as a list, in a bag.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 36), ("ann", 37)])?;
    /// assert_eq!(t.lookup_element("ann", 2)?, term!([36, 37]), "a set would give 37");
    /// assert_eq!(t.lookup_element("ann", 3).unwrap_err().kind(), ErrorKind::BadArgument);
    /// assert_eq!(t.lookup_element("bob", 2).unwrap_err().kind(), ErrorKind::NoSuchKey);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup); [`BadArgument`](ErrorKind::BadArgument) for position zero and
    /// for one that lies outside the object, or outside one of the objects;
    /// [`NoSuchKey`](ErrorKind::NoSuchKey).
    #[doc(alias = "ets:lookup_element/3")]
    #[inline]
    pub fn lookup_element(&self, key: impl ToTerm, position: usize) -> Result<Term> {
        match self.element_of(&key, position)? {
            Some(element) => Ok(element),
            None => key.with(|key| Err(self.core.no_such_key(key)))?,
        }
    }

    /// As [`lookup_element`](Self::lookup_element), but `default` for a key that is not there.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 36))?;
    /// assert_eq!(t.lookup_element_or("ann", 2, 0)?, 36);
    /// assert_eq!(t.lookup_element_or("bob", 2, 0)?, 0);
    /// assert!(t.lookup_element_or("ann", 3, 0).is_err(), "the key is there");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lookup_element`](Self::lookup_element), without `NoSuchKey`.
    #[doc(alias = "ets:lookup_element/4")]
    pub fn lookup_element_or(
        &self,
        key: impl ToTerm,
        position: usize,
        default: impl ToTerm,
    ) -> Result<Term> {
        match self.element_of(&key, position)? {
            Some(element) => Ok(element),
            None => Term::new(default),
        }
    }

    #[inline]
    fn element_of(&self, key: &impl ToTerm, position: usize) -> Result<Option<Term>> {
        self.check(Need::Read)?;
        if position == 0 {
            return Err(Error::bad_argument("position 0: positions count from one"));
        }
        let pin = pin();
        if self.core.engine.as_set().is_none() {
            return key.with(|key| self.elements_of(&pin, key, position))?;
        }
        let object = self.core.first(&pin, key)?;
        object.map(|object| element_at(object, position)).transpose()
    }

    /// As [`element_of`](Self::element_of), in a bag: a list of elements.
    fn elements_of(&self, pin: &Pin, key: TermRef<'_>, position: usize) -> Result<Option<Term>> {
        let mut elements = Vec::new();
        let key = self.core.key(key);
        let found = self.core.engine.each(pin, key, |object| {
            elements.push(element_at(object, position));
        });
        if !found {
            return Ok(None);
        }
        Term::list(elements.into_iter().collect::<Result<Vec<Term>>>()?).map(Some)
    }

    /// Whether the key has an object. O(1).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "one"))?;
    /// assert!(t.member(1)? && !t.member(1.0)?);
    /// let ordered = owner.new_table("ordered", TableOptions::new(Kind::OrderedSet))?;
    /// ordered.insert((1, "one"))?;
    /// assert!(ordered.member(1.0)?, "compared by ==");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup).
    #[doc(alias = "ets:member/2")]
    #[doc(alias = "contains_key")]
    #[inline]
    pub fn member(&self, key: impl ToTerm) -> Result<bool> {
        self.check(Need::Read)?;
        let exists = self.core.first(&pin(), &key)?.is_some();
        Ok(exists)
    }

    /// Removes the objects of a key and returns them, in one instant.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 1), ("bob", 2), ("ann", 3)])?;
    /// assert_eq!(t.take("ann")?[..], [tuple!("ann", 1), tuple!("ann", 3)]);
    /// assert!(t.take("ann")?.is_empty());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    #[doc(alias = "ets:take/2")]
    #[doc(alias = "remove")]
    pub fn take(&self, key: impl ToTerm) -> Result<Objects> {
        self.check(Need::Write)?;
        key.with(|key| self.done(self.core.engine.take(&pin(), self.core.key(key)))?)?
    }

    /// Removes the objects of a key, if there are any.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 1), ("bob", 2), ("ann", 3)])?;
    /// t.delete("ann")?;
    /// t.delete("ann")?; // there is none: no error
    /// assert_eq!(t.tab2list()?, [tuple!("bob", 2)]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    #[doc(alias = "ets:delete/2")]
    pub fn delete(&self, key: impl ToTerm) -> Result<()> {
        self.check(Need::Write)?;
        key.with(|key| self.done(self.core.engine.delete(&pin(), self.core.key(key))))?
    }

    /// Removes the object that is `=:=` to this one; in a duplicate_bag all of them. O(1), also
    /// among many objects of the key.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::DuplicateBag))?;
    /// t.insert_list([("ann", 1), ("ann", 2), ("ann", 1)])?;
    /// t.delete_object(("ann", 1))?;
    /// assert_eq!(t.lookup("ann")?[..], [tuple!("ann", 2)]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    #[doc(alias = "ets:delete_object/2")]
    pub fn delete_object(&self, object: impl ToObject) -> Result<()> {
        self.check(Need::Write)?;
        let block = self.core.block(&object)?;
        self.done(self.core.engine.delete_object(&pin(), &block))
    }

    /// Removes all objects in one instant. O(1) for the other users; the caller then gives the
    /// memory back, in small steps.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, "a"), (2, "b")])?;
    /// t.delete_all_objects()?;
    /// assert!(t.is_empty()?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied).
    #[doc(alias = "ets:delete_all_objects/1")]
    #[doc(alias = "clear")]
    pub fn delete_all_objects(&self) -> Result<()> {
        self.check(Need::Write)?;
        let cleared = self.core.engine.clear(&pin());
        self.done(cleared)?;
        collect();
        Ok(())
    }

    /// Deletes the table. Its name is free at once, all handles on it are dead, and the caller
    /// gives the memory back, in small steps.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let options = TableOptions::default().named(true);
    /// let users = owner.new_table("users", options.clone())?;
    /// let same = owner.table("users")?;
    /// users.delete_table()?;
    /// assert_eq!(same.member(1).unwrap_err().kind(), ErrorKind::NoSuchTable);
    /// owner.new_table("users", options)?; // the name is free
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied).
    #[doc(alias = "ets:delete/1")]
    pub fn delete_table(&self) -> Result<()> {
        self.home.delete(&self.core, self.who)?;
        collect();
        Ok(())
    }

    /// Adds to an integer element and returns its new value, in one instant: see [`CounterOp`].
    ///
    /// O(1). A counter that stays within 60 bits and is the only one that changes in its object is
    /// added to in place.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 10, 20))?;
    /// assert_eq!(t.update_counter("ann", 1)?, 11, "the element after the key");
    /// assert_eq!(t.update_counter("ann", (3, -5))?, 15);
    /// assert_eq!(t.update_counter("bob", 1).unwrap_err().kind(), ErrorKind::NoSuchKey);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`WrongKind`](ErrorKind::WrongKind) for bags;
    /// [`NoSuchKey`](ErrorKind::NoSuchKey); [`KeyPosition`](ErrorKind::KeyPosition),
    /// [`BadPosition`](ErrorKind::BadPosition), [`NotAnInteger`](ErrorKind::NotAnInteger).
    #[doc(alias = "ets:update_counter/3")]
    pub fn update_counter(&self, key: impl ToTerm, op: impl Into<CounterOp>) -> Result<Integer> {
        let op = op.into();
        if let Some(sum) = self.add(&key, &op)? {
            return Ok(Integer::from(sum));
        }
        self.count_any(&key, &op)
    }

    #[inline(never)]
    fn count_any(&self, key: &impl ToTerm, op: &CounterOp) -> Result<Integer> {
        key.with(|key| self.count_one(key, op, None))?
    }

    /// The sum, if all is as simple as it nearly always is; else nothing has happened.
    #[inline]
    fn add(&self, key: &impl ToTerm, op: &CounterOp) -> Result<Option<i64>> {
        self.check(Need::Write)?;
        let keypos = self.core.options.keypos;
        let (Some(word), Some((position, increment)), Some(set)) =
            (key.immediate(), op.plain(keypos), self.core.engine.as_hash_set())
        else {
            return Ok(None);
        };
        let hash = self.core.hasher.hash_word(word);
        Ok(set.add_to_cell(&pin(), word, hash, position, increment))
    }

    fn count_one(
        &self,
        key: TermRef<'_>,
        op: &CounterOp,
        default: Option<Result<Block>>,
    ) -> Result<Integer> {
        let keypos = self.core.options.keypos;
        self.update_set(key, "update_counter", default, |object| {
            update::count_one(object, keypos, op)
        })?
        .ok_or_else(|| self.core.no_such_key(key))
    }

    /// As [`update_counter`](Self::update_counter), but a key that is not there gets the object
    /// `default`, with the key in its place, to begin with.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// assert_eq!(t.update_counter_or("ann", 1, ("default", 10, "new"))?, 11);
    /// assert_eq!(t.update_counter_or("ann", 1, ("default", 10, "new"))?, 12);
    /// assert_eq!(t.lookup("ann")?[..], [tuple!("ann", 12, "new")]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`update_counter`](Self::update_counter), without `NoSuchKey`;
    /// [`ObjectTooShort`](ErrorKind::ObjectTooShort) for a default without a key position.
    #[doc(alias = "ets:update_counter/4")]
    pub fn update_counter_or(
        &self,
        key: impl ToTerm,
        op: impl Into<CounterOp>,
        default: impl ToObject,
    ) -> Result<Integer> {
        let op = op.into();
        key.with(|key| {
            let default = self.default(key, &default, "update_counter")?;
            self.count_one(key, &op, Some(default))
        })?
    }

    /// Several counter operations on one object in one instant; the new values in order. All are
    /// checked before the first is done; later ones see what earlier ones did.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// use ferrets::CounterOp;
    /// t.insert(("visits", 1, 10))?;
    /// let ops = [CounterOp::new(2, 1), CounterOp::new(3, -2), CounterOp::new(3, 0)];
    /// assert_eq!(t.update_counters("visits", &ops)?, [2, 8, 8]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`update_counter`](Self::update_counter).
    #[doc(alias = "ets:update_counter/3")]
    pub fn update_counters(&self, key: impl ToTerm, ops: &[CounterOp]) -> Result<Vec<Integer>> {
        Ok(key.with(|key| self.count_in(key, CounterOps::Typed(ops), None))??.into_vec())
    }

    /// As [`update_counters`](Self::update_counters), with a default as in
    /// [`update_counter_or`](Self::update_counter_or).
    ///
    /// ```
    /// # use ferrets::{CounterOp, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let ops = [CounterOp::new(2, 1), CounterOp::new(3, -2)];
    /// assert_eq!(t.update_counters_or("ann", &ops, ("default", 0, 10))?, [1, 8]);
    /// assert_eq!(t.update_counters_or("ann", &ops, ("default", 0, 10))?, [2, 6]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`update_counter_or`](Self::update_counter_or).
    #[doc(alias = "ets:update_counter/4")]
    pub fn update_counters_or(
        &self,
        key: impl ToTerm,
        ops: &[CounterOp],
        default: impl ToObject,
    ) -> Result<Vec<Integer>> {
        Ok(key.with(|key| self.count_or(key, CounterOps::Typed(ops), &default))??.into_vec())
    }

    /// `update_counter/3,4` on terms.
    pub(crate) fn update_counter_term(
        &self,
        key: TermRef<'_>,
        ops: TermRef<'_>,
        default: Option<TermRef<'_>>,
    ) -> Result<Term> {
        let values = match default {
            None => self.count_in(key, CounterOps::Term(ops), None)?,
            Some(default) => self.count_or(key, CounterOps::Term(ops), &default)?,
        };
        if ops.as_list().is_some() {
            return Term::list(values.into_iter().map(Term::from));
        }
        Ok(values.into_iter().next().map_or_else(Term::nil, Term::from))
    }

    fn count_in(
        &self,
        key: TermRef<'_>,
        ops: CounterOps<'_>,
        default: Option<Result<Block>>,
    ) -> Result<smallvec::SmallVec<[Integer; 1]>> {
        let keypos = self.core.options.keypos;
        self.update_set(key, "update_counter", default, |object| {
            update::count(object, keypos, ops)
        })?
        .ok_or_else(|| self.core.no_such_key(key))
    }

    fn count_or(
        &self,
        key: TermRef<'_>,
        ops: CounterOps<'_>,
        default: &impl ToObject,
    ) -> Result<smallvec::SmallVec<[Integer; 1]>> {
        let default = self.default(key, default, "update_counter")?;
        self.count_in(key, ops, Some(default))
    }

    /// The object that a missing key begins with. One that is too short to be stored does not
    /// matter as long as the key is there: the error is for when it is not.
    fn default(
        &self,
        key: TermRef<'_>,
        default: &impl ToObject,
        what: &str,
    ) -> Result<Result<Block>> {
        self.check_set(what)?;
        match self.core.block_with_key(default, self.core.key(key)) {
            Err(error) if error.kind() != ErrorKind::ObjectTooShort => Err(error),
            block => Ok(block),
        }
    }

    fn wrong_kind(&self, what: &str) -> Error {
        if what == "update_element" {
            // ETS gives no cause here.
            return Error::bad_argument(self.core.wrong_kind(what).to_string());
        }
        self.core.wrong_kind(what)
    }

    /// Whether the operation is one that the table has.
    fn check_set(&self, what: &str) -> Result<()> {
        self.check(Need::Write)?;
        if self.core.engine.as_set().is_some() { Ok(()) } else { Err(self.wrong_kind(what)) }
    }

    /// Edits the object of a key in a set; `None` if there is none and no default.
    fn update_set<R>(
        &self,
        key: TermRef<'_>,
        what: &str,
        default: Option<Result<Block>>,
        edit: impl FnOnce(ObjectRef<'_>) -> Result<(update::Edit, R)>,
    ) -> Result<Option<R>> {
        self.check(Need::Write)?;
        let Some(set) = self.core.engine.as_set() else { return Err(self.wrong_kind(what)) };
        let (default, too_short) = match default {
            Some(Ok(block)) => (Some(block), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        match (self.done(set.update(&pin(), self.core.key(key), default, edit))??, too_short) {
            (Updated::Done(result), _) => Ok(Some(result)),
            (Updated::Missing, None) => Ok(None),
            (Updated::Missing, Some(error)) => Err(error),
        }
    }

    /// Replaces one element of the object of a key, in one instant; `false` if the key is not
    /// there.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", "oslo"))?;
    /// assert!(t.update_element("ann", 2, "rome")?);
    /// assert!(!t.update_element("bob", 2, "rome")?);
    /// let kind = |position| t.update_element("ann", position, "eve").unwrap_err().kind();
    /// assert_eq!((kind(1), kind(3)), (ErrorKind::KeyPosition, ErrorKind::BadPosition));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`BadArgument`](ErrorKind::BadArgument) for bags;
    /// [`KeyPosition`](ErrorKind::KeyPosition), [`BadPosition`](ErrorKind::BadPosition).
    #[doc(alias = "ets:update_element/3")]
    pub fn update_element(
        &self,
        key: impl ToTerm,
        position: usize,
        value: impl ToTerm,
    ) -> Result<bool> {
        self.update_elements(key, &[(position, Term::new(value)?)])
    }

    /// Replaces several elements of one object in one instant; `false` if the key is not there.
    /// Of values for the same position the last counts.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// use ferrets::Term;
    /// t.insert(("ann", 36, "oslo"))?;
    /// assert!(t.update_elements("ann", &[(2, Term::from(37)), (3, Term::new("rome")?)])?);
    /// assert!(!t.update_elements("bob", &[(2, Term::from(25))])?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`update_element`](Self::update_element).
    #[doc(alias = "ets:update_element/3")]
    pub fn update_elements(&self, key: impl ToTerm, values: &[(usize, Term)]) -> Result<bool> {
        key.with(|key| self.set_elements(key, ElementOps::Typed(values), None))?
    }

    /// As [`update_elements`](Self::update_elements), but a key that is not there gets the object
    /// `default`, with the key in its place, to begin with.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// use ferrets::Term;
    /// t.update_elements_or("ann", &[(3, Term::from(7))], ("somebody", 0, 0))?;
    /// assert_eq!(t.lookup("ann")?[0].decode::<(String, i64, i64)>()?, ("ann".to_owned(), 0, 7));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`update_element`](Self::update_element); [`ObjectTooShort`](ErrorKind::ObjectTooShort)
    /// for a default without a key position.
    #[doc(alias = "ets:update_element/4")]
    pub fn update_elements_or(
        &self,
        key: impl ToTerm,
        values: &[(usize, Term)],
        default: impl ToObject,
    ) -> Result<()> {
        key.with(|key| {
            let default = self.default(key, &default, "update_element")?;
            self.set_elements(key, ElementOps::Typed(values), Some(default)).map(|_| ())
        })?
    }

    /// `update_element/3,4` on terms.
    pub(crate) fn update_element_term(
        &self,
        key: TermRef<'_>,
        ops: TermRef<'_>,
        default: Option<TermRef<'_>>,
    ) -> Result<bool> {
        let default = match default {
            None => None,
            Some(default) => Some(self.default(key, &default, "update_element")?),
        };
        self.set_elements(key, ElementOps::Term(ops), default)
    }

    fn set_elements(
        &self,
        key: TermRef<'_>,
        ops: ElementOps<'_>,
        default: Option<Result<Block>>,
    ) -> Result<bool> {
        let keypos = self.core.options.keypos;
        let done = self.update_set(key, "update_element", default, |object| {
            Ok((update::set_elements(object, keypos, ops)?, ()))
        })?;
        Ok(done.is_some())
    }

    /// Puts `new` in the place of an object that is `=:=` to `expected`, in one instant, and says
    /// whether it was there. The two must have the same key. For sets.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1))?;
    /// assert!(t.compare_and_swap(("ann", 1), ("ann", 2))?);
    /// assert!(!t.compare_and_swap(("ann", 1), ("ann", 3))?);
    /// let error = t.compare_and_swap(("ann", 2), ("bob", 2)).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::KeyPosition);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`WrongKind`](ErrorKind::WrongKind) for bags;
    /// [`KeyPosition`](ErrorKind::KeyPosition) if the keys differ.
    #[doc(alias = "ets:select_replace/2")]
    pub fn compare_and_swap(&self, expected: impl ToObject, new: impl ToObject) -> Result<bool> {
        self.check(Need::Write)?;
        let Some(set) = self.core.engine.as_set() else {
            return Err(self.core.wrong_kind("compare_and_swap"));
        };
        let expected = self.core.block(&expected)?;
        let new = self.core.block(&new)?;
        let (old_object, new_object) =
            (ObjectRef::new(expected.borrow()), ObjectRef::new(new.borrow()));
        let keypos = self.core.options.keypos;
        let (old_key, new_key) = (old_object.element(keypos), new_object.element(keypos));
        // `block` has checked that both have one.
        let key = self.core.key(old_key.unwrap_or(TermRef::atom(Atom::UNDEFINED)));
        if !new_key.is_some_and(|new_key| self.core.same_key(new_key, key.term)) {
            let message = format!("the key {} would change", key.term);
            return Err(Error::new(ErrorKind::KeyPosition, message));
        }
        self.done(set.exchange(&pin(), key, Some(old_object), Some(new.clone())))
    }

    /// Replaces the object of a key by what `f` makes of it: `f` gets the object, or `None`, and
    /// returns the new one, or `None` to delete it. Returns what is there afterwards. For sets.
    ///
    /// `f` runs on a copy, outside every lock, and its result is put in only if the object is still
    /// the same; otherwise `f` is called again on the new one. So it may be called more than once,
    /// and should have no other effects.
    ///
    /// ```
    /// # use ferrets::{Kind, Object, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// // A token bucket: read, decide and write in one instant.
    /// let take_one = |old: Option<&Object>| {
    ///     let level = old.and_then(|o| o.element(2)?.as_i64()).unwrap_or(10);
    ///     Ok(Some(tuple!("bucket", level - 1)))
    /// };
    /// t.update("bucket", take_one)?;
    /// assert_eq!(t.lookup_element("bucket", 2)?.as_i64(), Some(9));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`WrongKind`](ErrorKind::WrongKind) for bags;
    /// [`KeyPosition`](ErrorKind::KeyPosition) if the new object has another key; what `f` returns;
    /// [`Panicked`](ErrorKind::Panicked) if `f` panics (nothing has changed then);
    /// [`Contention`](ErrorKind::Contention) if the object changed in each of 10,000 attempts.
    pub fn update<T: ToObject>(
        &self,
        key: impl ToTerm,
        mut f: impl FnMut(Option<&Object>) -> Result<Option<T>>,
    ) -> Result<Objects> {
        key.with(|key| self.update_key(self.core.key(key), &mut f))?
    }

    fn update_key<T: ToObject>(
        &self,
        key: Key<'_>,
        f: &mut impl FnMut(Option<&Object>) -> Result<Option<T>>,
    ) -> Result<Objects> {
        for _ in 0..UPDATE_ATTEMPTS {
            self.check(Need::Write)?;
            let Some(set) = self.core.engine.as_set() else {
                return Err(self.core.wrong_kind("update"));
            };
            let old = self.core.engine.lookup(&pin(), key)?.into_first();
            let new = call(|| f(old.as_ref()))?;
            let new = new.map(|object| self.core.block(&object)).transpose()?;
            let new_key = |block: &Block| {
                let new = ObjectRef::new(block.borrow()).element(self.core.options.keypos);
                new.is_some_and(|new| self.core.same_key(new, key.term))
            };
            if !new.as_ref().is_none_or(new_key) {
                let message = format!("the new object does not have the key {}", key.term);
                return Err(Error::new(ErrorKind::KeyPosition, message));
            }
            let expected = old.as_ref().map(Object::as_ref);
            if self.done(set.exchange(&pin(), key, expected, new.clone()))? {
                return Ok(Objects::from(new.map(Object::from_block)));
            }
        }
        let message = format!("key {} changed in each of {UPDATE_ATTEMPTS} attempts", key.term);
        Err(Error::new(ErrorKind::Contention, message))
    }

    /// Gives the table another name; for a table that can be found by its name, the old one is
    /// free at once. Anyone who may write may rename.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let options = TableOptions::new(Kind::Set).named(true);
    /// let draft = owner.new_table("draft", options)?;
    /// draft.rename("final")?;
    /// assert!(store.table("draft").is_err());
    /// assert_eq!(store.table("final")?.id(), draft.id());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied);
    /// [`BadArgument`](ErrorKind::BadArgument) if the name is taken, its present one included (ETS
    /// gives no cause here); [`LimitExceeded`](ErrorKind::LimitExceeded) as for [`Atom::new`].
    #[doc(alias = "ets:rename/2")]
    pub fn rename(&self, name: &str) -> Result<()> {
        self.check(Need::Write)?;
        self.home.rename(&self.core, self.who, Atom::new(name)?)
    }

    /// What the table says of itself; `None` once it is deleted. Anyone may ask.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "ann"))?;
    /// let stranger = t.acting_as(&store.owner());
    /// assert_eq!(stranger.info().expect("it exists").size, 1);
    /// t.delete_table()?;
    /// assert!(stranger.info().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[doc(alias = "ets:info/1")]
    #[must_use]
    pub fn info(&self) -> Option<Info> {
        let belongs = self.home.belongs(&self.core)?;
        Some(info::info(&self.core, self.home.creation(), belongs))
    }

    /// How many objects. O(1); exact when nobody writes.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 1), ("ann", 2), ("bob", 1)])?;
    /// assert_eq!(t.len()?, 3, "objects, not keys");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable).
    #[doc(alias = "ets:info/2")]
    #[doc(alias = "size")]
    pub fn len(&self) -> Result<usize> {
        if self.core.is_gone() {
            return Err(self.core.no_such_table());
        }
        Ok(self.core.engine.weight().items)
    }

    /// Whether there is no object.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// assert!(t.is_empty()?);
    /// t.delete_table()?;
    /// assert!(t.is_empty().is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable).
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// The id: a reference, by which [`Owner::table_by_id`](crate::Owner::table_by_id) finds the
    /// table, whatever it is called.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let one = owner.new_table("users", TableOptions::default())?;
    /// let other = owner.new_table("users", TableOptions::default())?;
    /// assert_ne!(one.id(), other.id());
    /// other.rename("members")?;
    /// assert_eq!(owner.table_by_id(other.id().as_ref())?.name().name(), "members");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[doc(alias = "tid")]
    #[must_use]
    pub fn id(&self) -> Term {
        id_term(self.home.creation(), self.core.id)
    }

    /// What ETS calls the table: its name if it can be found by it, its id otherwise.
    pub(crate) fn designation(&self) -> Term {
        if self.is_named() { Term::from(self.name()) } else { self.id() }
    }

    /// Whether it can be found by its name.
    pub(crate) fn is_named(&self) -> bool {
        self.core.options.named
    }

    /// The name.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// assert_eq!(t.name().name(), "t");
    /// t.rename("other")?;
    /// assert_eq!(t.name().name(), "other");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> Atom {
        self.core.name()
    }

    /// The kind.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// assert_eq!(t.kind(), Kind::Bag);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.core.options.kind
    }

    /// The position of the key, counted from one.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let users = owner.new_table("users", TableOptions::default().keypos(2))?;
    /// users.insert(("ann", 7))?;
    /// assert!(users.keypos() == 2 && users.member(7)?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn keypos(&self) -> usize {
        self.core.options.keypos
    }

    /// The same table, acting as another owner; as a stranger, who may do what anyone may, for one
    /// of another store.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "ann"))?;
    /// let (other, foreigner) = (t.acting_as(&store.owner()), t.acting_as(&Store::new().owner()));
    /// assert!(other.member(1)? && foreigner.member(1)?);
    /// assert_eq!(other.delete(1).unwrap_err().kind(), ErrorKind::AccessDenied);
    /// other.acting_as(&owner).delete(1)?;
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn acting_as(&self, owner: &crate::Owner) -> Self {
        let who = if owner.is_of(&self.home) { owner.number() } else { STRANGER };
        Self { who, ..self.clone() }
    }
}

/// An element of an object that was looked up.
#[inline]
fn element_at(object: ObjectRef<'_>, position: usize) -> Result<Term> {
    object.element_term(position).unwrap_or_else(|| {
        let arity = object.arity();
        let message = format!("position {position} is outside an object of {arity} elements");
        Err(Error::bad_argument(message))
    })
}

/// Calls user code and turns a panic into an error.
fn call<R>(f: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "with a value that is no text".to_owned());
        // A value that panics when it is dropped gets no second chance.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(panic))).map_err(std::mem::forget);
        Err(Error::new(ErrorKind::Panicked, format!("the closure panicked: {text}")))
    })
}
