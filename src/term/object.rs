//! Objects: the tuples that tables store.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use super::arena::Arena;
use super::word::{Tag, Word};
use super::{Term, TermRef, order};
use crate::error::{Error, Result};
use crate::raw::block::{self, Block, BlockRef, Cell, Extra, Position};

/// A stored object, owned: a handle on an immutable tuple.
///
/// It never changes: whoever holds an object sees it as it was when he read it. A read copies small
/// objects and counts a reference on larger ones; a clone only ever counts. Positions count from
/// **one**, as in ETS.
///
/// ```
/// use ferrets::{Kind, Store, TableOptions, term};
/// let owner = Store::new().owner();
/// let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert((1, "old"))?;
/// let before = t.lookup(1)?;
/// t.insert((1, "new"))?;
/// assert_eq!(before[0], term!({1, "old"}));
/// assert_eq!(before[0].element(1).and_then(|key| key.as_i64()), Some(1));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone)]
pub struct Object(Block);

/// Words of an object from which it is better to copy an element than to keep the whole alive.
const SMALL_ELEMENT: usize = 64;

/// Words of an object up to which a reader who keeps it gets a copy. Counting references writes to
/// a line that all readers of the object share, which costs more than copying a few lines.
pub(crate) const SMALL_OBJECT: usize = block::SMALL;

/// A stored object, borrowed for the length of a closure: what
/// [`Table::read`](crate::Table::read) and [`Table::filter`](crate::Table::filter) show.
///
/// Shows one state of the object, also while others count in it.
///
/// ```
/// use ferrets::{Kind, ObjectRef, Store, TableOptions};
/// fn age(user: ObjectRef<'_>) -> Option<i64> {
///     user.element(2)?.as_i64()
/// }
/// let owner = Store::new().owner();
/// let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert_list([("ann", 36), ("bob", 25)])?;
/// assert_eq!(t.read(|view| Some(age(view.get("ann")?)? - age(view.get("bob")?)?))?, Some(11));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct ObjectRef<'a> {
    block: BlockRef<'a>,
    /// The value of the cell, an integer; `[]` if the object has none.
    counter: Word,
}

impl Object {
    /// The block must have no cell.
    #[inline]
    pub(crate) fn from_block(block: Block) -> Self {
        debug_assert!(block.borrow().cell().is_none(), "objects given out do not change");
        Self(block)
    }

    #[inline]
    pub(crate) fn block(&self) -> &Block {
        &self.0
    }

    #[inline]
    pub(crate) fn words(&self) -> &[u64] {
        self.0.borrow().words()
    }

    /// The word of the whole tuple.
    #[inline]
    pub(crate) fn root(&self) -> Word {
        Word::boxed(Tag::Tuple, 0, self.arity())
    }

    /// As a borrowed object.
    ///
    /// ```
    /// # use ferrets::{Kind, ObjectRef, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// # t.insert((1, "ann"))?;
    /// fn name(user: ObjectRef<'_>) -> Option<&str> {
    ///     user.element(2)?.as_str()
    /// }
    /// assert_eq!(name(t.lookup(1)?[0].as_ref()), Some("ann"));
    /// assert!(t.lookup_with(1, |user| user.and_then(name) == Some("ann"))?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn as_ref(&self) -> ObjectRef<'_> {
        ObjectRef { block: self.0.borrow(), counter: Word::NIL }
    }

    /// The whole object as a tuple term, without copying.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "ann"))?;
    /// assert_eq!(t.lookup(1)?[0].as_term(), term!({1, "ann"}));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn as_term(&self) -> TermRef<'_> {
        TermRef::new(self.words(), self.root())
    }

    /// How many elements.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "ann", [1, 2]))?;
    /// assert_eq!(t.lookup(1)?[0].arity(), 3);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn arity(&self) -> usize {
        self.0.borrow().arity()
    }

    /// The element at `position`, counted from one (`erlang:element/2`).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "ann"))?;
    /// let found = t.lookup(1)?;
    /// assert_eq!(found[0].element(2).and_then(|name| name.as_str()), Some("ann"));
    /// assert!(found[0].element(0).is_none() && found[0].element(3).is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn element(&self, position: usize) -> Option<TermRef<'_>> {
        self.as_ref().element(position)
    }

    /// The elements in order.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("primes", 2, 3, 5))?;
    /// let found = t.lookup("primes")?;
    /// assert_eq!(found[0].elements().skip(1).filter_map(|prime| prime.as_i64()).sum::<i64>(), 10);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn elements(&self) -> impl Iterator<Item = TermRef<'_>> {
        self.as_ref().elements()
    }
}

/// A block with words that begin with those of its `arity` elements.
#[inline]
pub(crate) fn new_block(hash: u64, arity: usize, words: &[u64]) -> Result<Block> {
    debug_assert!(arity <= Arena::MAX_ARITY, "checked where the tuple was opened");
    Block::new(hash, arity as u32, words).ok_or_else(|| no_memory(words.len()))
}

/// As [`new_block`], with a cell or a lease.
pub(crate) fn special_block(hash: u64, arity: usize, words: &[u64], extra: Extra) -> Result<Block> {
    Block::with(hash, arity as u32, words, extra).ok_or_else(|| no_memory(words.len()))
}

#[cold]
fn no_memory(words: usize) -> Error {
    Error::limit(format!("no memory for an object of {words} words"))
}

impl<'a> ObjectRef<'a> {
    #[inline]
    pub(crate) fn new(block: BlockRef<'a>) -> Self {
        let counter = block.cell().map_or(Word::NIL, |cell| Word(cell.get()));
        Self { block, counter }
    }

    /// As it was when its cell had that value; `[]` if it has none.
    pub(crate) fn with_counter(block: BlockRef<'a>, counter: Word) -> Self {
        debug_assert_eq!(block.cell().is_none(), counter == Word::NIL, "a value for a cell");
        Self { block, counter }
    }

    /// The position that the cell stands in for.
    #[inline]
    fn counted(self) -> Option<usize> {
        if self.counter == Word::NIL { None } else { self.block.cell().map(Cell::position) }
    }

    pub(crate) fn block(self) -> BlockRef<'a> {
        self.block
    }

    /// The heap that the elements lie in, first of all their own words.
    #[inline]
    pub(crate) fn words(self) -> &'a [u64] {
        self.block.words()
    }

    /// The position of the element that a counter stands in for, zero if none does, and its word.
    #[inline]
    pub(crate) fn counter(self) -> (u32, Word) {
        (self.counted().map_or(0, |position| position as u32), self.counter)
    }

    /// How many elements.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "ann"))?;
    /// assert_eq!(t.lookup_with(1, |object| object.map(|object| object.arity()))?, Some(2));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn arity(self) -> usize {
        self.block.arity()
    }

    /// The element at `position`, counted from one (`erlang:element/2`).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("visits", 1))?;
    /// t.update_counter("visits", 1)?;
    /// assert_eq!(t.lookup_with("visits", |object| object?.element(2)?.as_i64())?, Some(2));
    /// assert!(t.lookup_with("visits", |object| object?.element(0)?.as_i64())?.is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn element(self, position: usize) -> Option<TermRef<'a>> {
        let mut word = Word(self.block.element(Position::new(position))?);
        if self.counted() == Some(position) {
            word = self.counter;
        }
        let heap = if word.is_immediate() { &[] } else { self.block.words() };
        Some(TermRef::new(heap, word))
    }

    /// The elements in order.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("primes", 2, 3, 5))?;
    /// let texts = t.lookup_with("primes", |object| {
    ///     object.map(|object| object.elements().map(|element| element.to_string()).collect())
    /// })?;
    /// assert_eq!(texts, Some(["<<\"primes\">>", "2", "3", "5"].map(String::from).to_vec()));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn elements(self) -> impl Iterator<Item = TermRef<'a>> {
        (1..=self.arity()).filter_map(move |position| self.element(position))
    }

    /// The object as it is now, to keep: a copy of a small one and of one that somebody counts in,
    /// a reference count on a large one.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("visits", 1))?;
    /// let kept = t.lookup_with("visits", |object| object.map(|object| object.to_object()))?;
    /// t.update_counter("visits", 1)?;
    /// assert_eq!(kept.transpose()?.expect("it was there"), term!({"visits", 1}));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) if there is no memory for a copy.
    #[inline]
    pub fn to_object(self) -> Result<Object> {
        match self.block.copy_small() {
            Some(copy) => Ok(Object(copy)),
            None => self.to_object_slow(),
        }
    }

    #[inline(never)]
    fn to_object_slow(self) -> Result<Object> {
        let Some(counted) = self.counted() else { return Ok(Object(self.block.to_block())) };
        if let Some(copy) = self.block.copy_small_counted(self.counter.0) {
            return Ok(Object(copy));
        }
        let mut words = SmallVec::<[u64; SMALL_OBJECT]>::from_slice(self.block.words());
        words[counted - 1] = self.counter.0;
        Ok(Object(new_block(self.block.hash(), self.arity(), &words)?))
    }

    /// The whole object as a tuple term, to keep.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "ann"))?;
    /// let kept = t.lookup_with(1, |object| object.map(|object| object.to_term()))?;
    /// assert_eq!(kept.transpose()?, Some(term!({1, "ann"})));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`to_object`](Self::to_object).
    pub fn to_term(self) -> Result<Term> {
        Ok(Term::from(self.to_object()?))
    }

    /// The element at `position`, to keep: a copy of a small one, a count on the whole object
    /// instead of a copy of a large one.
    #[inline]
    pub(crate) fn element_term(self, position: usize) -> Option<Result<Term>> {
        let element = self.element(position)?;
        if element.word().is_immediate() || self.block.words().len() <= SMALL_ELEMENT {
            return Some(element.to_term());
        }
        Some(self.to_object().map(|object| Term::part_of(object, element.word())))
    }

    /// Whether both have the same elements (`=:=`).
    pub(crate) fn equal(self, other: ObjectRef<'_>) -> bool {
        if self.counter == Word::NIL && self.block.same(other.block) {
            return true;
        }
        self.arity() == other.arity()
            && self.elements().zip(other.elements()).all(|(mine, its)| order::equal(mine, its))
    }

    /// Copies the elements into an empty arena, so that they are its first words.
    pub(crate) fn copy_into(self, arena: &mut Arena) -> Result<()> {
        arena.open_tuple(self.arity())?;
        for (at, element) in self.elements().enumerate() {
            let word = arena.copy(element)?;
            arena.set(at, word);
        }
        Ok(())
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref().equal(other.as_ref())
    }
}

impl Eq for Object {}

impl PartialEq<Term> for Object {
    fn eq(&self, other: &Term) -> bool {
        self.as_term() == other.as_ref()
    }
}

impl PartialEq<Object> for Term {
    fn eq(&self, other: &Object) -> bool {
        other == self
    }
}

/// The objects of one key, owned: none or one in a set, any number in a bag, in the order in which
/// they were inserted.
///
/// ```
/// use ferrets::{Kind, Store, TableOptions};
/// let owner = Store::new().owner();
/// let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
/// t.insert_list([("ann", 2), ("ann", 1)])?;
/// let found = t.lookup("ann")?; // a slice of them
/// assert_eq!((found.len(), found[0].decode()?), (2, ("ann", 2)));
/// assert!(t.lookup("bob")?.is_empty());
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Objects(Inner);

#[derive(Clone, Default)]
enum Inner {
    #[default]
    None,
    One(Object),
    #[allow(
        clippy::box_collection,
        reason = "so that a result is two words, and stays in registers"
    )]
    Many(Box<Vec<Object>>),
}

const _: () = assert!(size_of::<Result<Objects>>() <= 16, "a result is two words");

impl Objects {
    #[inline]
    pub(crate) fn one(object: Object) -> Self {
        Self(Inner::One(object))
    }

    #[inline]
    pub(crate) fn push(&mut self, object: Object) {
        self.0 = match std::mem::take(&mut self.0) {
            Inner::None => Inner::One(object),
            Inner::One(first) => Inner::Many(Box::new(vec![first, object])),
            Inner::Many(mut all) => {
                all.push(object);
                Inner::Many(all)
            }
        };
    }

    /// The first, which is the only one in a set.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "ann"))?;
    /// assert_eq!(t.lookup(1)?.into_first().expect("it is there"), term!({1, "ann"}));
    /// assert!(t.lookup(2)?.into_first().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn into_first(self) -> Option<Object> {
        match self.0 {
            Inner::None => None,
            Inner::One(object) => Some(object),
            Inner::Many(all) => all.into_iter().next(),
        }
    }

    /// As a list of tuples, the shape that `ets:lookup/2` returns.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([(1, "b"), (1, "a")])?;
    /// assert_eq!(t.lookup(1)?.to_term()?, term!([{1, "b"}, {1, "a"}]));
    /// assert_eq!(t.lookup(2)?.to_term()?, term!([]));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) if there is no memory for it.
    pub fn to_term(&self) -> Result<Term> {
        Term::list(self.iter().map(|object| Term::from(object.clone())))
    }
}

impl From<Option<Object>> for Objects {
    fn from(object: Option<Object>) -> Self {
        Self(object.map_or(Inner::None, Inner::One))
    }
}

impl From<Vec<Object>> for Objects {
    fn from(objects: Vec<Object>) -> Self {
        Self(Inner::Many(Box::new(objects)))
    }
}

impl Deref for Objects {
    type Target = [Object];

    #[inline]
    fn deref(&self) -> &[Object] {
        match &self.0 {
            Inner::None => &[],
            Inner::One(object) => std::slice::from_ref(object),
            Inner::Many(all) => all,
        }
    }
}

impl IntoIterator for Objects {
    type Item = Object;
    type IntoIter = ObjectsIter;

    fn into_iter(self) -> ObjectsIter {
        match self.0 {
            Inner::None => ObjectsIter { one: None, many: Vec::new().into_iter() },
            Inner::One(object) => ObjectsIter { one: Some(object), many: Vec::new().into_iter() },
            Inner::Many(all) => ObjectsIter { one: None, many: all.into_iter() },
        }
    }
}

/// The iterator of [`Objects`].
///
/// ```
/// use ferrets::{Kind, Store, TableOptions};
/// let owner = Store::new().owner();
/// let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
/// t.insert_list([("ann", 2), ("ann", 1)])?;
/// let mut found = t.lookup("ann")?.into_iter();
/// assert_eq!(found.next().expect("the first").decode::<(&str, u8)>()?, ("ann", 2));
/// assert_eq!(found.count(), 1);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug)]
pub struct ObjectsIter {
    one: Option<Object>,
    many: std::vec::IntoIter<Object>,
}

impl Iterator for ObjectsIter {
    type Item = Object;

    fn next(&mut self) -> Option<Object> {
        self.one.take().or_else(|| self.many.next())
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
