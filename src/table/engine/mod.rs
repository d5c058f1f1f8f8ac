//! Engines: an index plus the rules of a kind.
//!
//! Every engine has the same operations on keys and blocks; [`Engine`] chooses among them. The
//! compiler lists each place that a new kind touches.

mod bag;
mod set;

use bag::BagEngine;
use set::SetEngine;
pub(crate) use set::Updated;

use super::core::Key;
use super::kind::Kind;
use super::update::Edit;
use crate::error::{Error, ErrorKind, Result};
use crate::raw::Weight;
use crate::raw::block::{Block, BlockRef};
use crate::raw::hash::Refused;
use crate::raw::reclaim::Pin;
use crate::term::{Arena, KeyHasher, Object, ObjectRef, Objects, TermRef, Word, equal};

/// The engine of a table.
#[derive(Debug)]
pub(crate) enum Engine {
    Set(SetEngine),
    Bag(BagEngine),
}

macro_rules! each {
    ($engine:expr, $name:ident => $call:expr) => {
        match $engine {
            Engine::Set($name) => $call,
            Engine::Bag($name) => $call,
        }
    };
}

/// The key and its objects, as `first_lookup` and its kin return them.
pub(crate) type KeyAndObjects = (crate::term::Term, Objects);

impl Engine {
    pub(crate) fn new(kind: Kind, keypos: usize, hasher: &KeyHasher) -> Result<Self> {
        let engine = match kind {
            Kind::Set => SetEngine::new(keypos).map(Self::Set),
            Kind::Bag => BagEngine::new(keypos, true, hasher.clone()).map(Self::Bag),
            Kind::DuplicateBag => BagEngine::new(keypos, false, hasher.clone()).map(Self::Bag),
            Kind::OrderedSet => {
                let message = "ordered_set tables are not there yet";
                return Err(Error::new(ErrorKind::BadOption, message));
            }
        };
        engine.ok_or_else(|| Error::limit("no memory for a table"))
    }

    #[inline]
    pub(crate) fn insert(&self, pin: &Pin, block: Block) -> Result<(), Refused> {
        each!(self, engine => engine.insert(pin, block))
    }

    pub(crate) fn insert_new(&self, pin: &Pin, block: Block) -> Result<bool, Refused> {
        each!(self, engine => engine.insert_new(pin, block))
    }

    /// Inserts all or, if `new` and one of the keys exists, none.
    pub(crate) fn insert_all(
        &self,
        pin: &Pin,
        mut blocks: Vec<Block>,
        new: bool,
    ) -> Result<bool, Refused> {
        // Stable: of objects with the same key the order is that of the list.
        blocks.sort_by_key(|block| block.borrow().hash());
        each!(self, engine => engine.insert_all(pin, blocks, new))
    }

    /// Shows the objects of a key in order, all as they are at one instant; says whether there are
    /// any.
    pub(crate) fn each<'p>(
        &self,
        pin: &'p Pin,
        key: Key<'_>,
        visit: impl FnMut(ObjectRef<'p>),
    ) -> bool {
        each!(self, engine => engine.each(pin, key, visit))
    }

    /// The only object of a key in a set, the first in a bag.
    #[inline]
    pub(crate) fn first_of<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<ObjectRef<'p>> {
        match self {
            Self::Set(set) => set.get(pin, key),
            Self::Bag(bag) => bag.first_of(pin, key),
        }
    }

    /// Whether a key has an object. O(1).
    pub(crate) fn exists(&self, pin: &Pin, key: Key<'_>) -> bool {
        each!(self, engine => engine.exists(pin, key))
    }

    #[inline]
    pub(crate) fn lookup(&self, pin: &Pin, key: Key<'_>) -> Result<Objects> {
        match self {
            Self::Set(set) => {
                let object = set.get(pin, key).map(ObjectRef::to_object).transpose()?;
                Ok(Objects::from(object))
            }
            Self::Bag(bag) => {
                let mut objects = Ok(Objects::default());
                bag.each(pin, key, |object| push(&mut objects, object));
                objects
            }
        }
    }

    pub(crate) fn take(&self, pin: &Pin, key: Key<'_>) -> Result<Result<Objects>, Refused> {
        each!(self, engine => engine.take(pin, key))
    }

    pub(crate) fn delete(&self, pin: &Pin, key: Key<'_>) -> Result<(), Refused> {
        each!(self, engine => engine.delete(pin, key))
    }

    pub(crate) fn delete_object(&self, pin: &Pin, block: &Block) -> Result<(), Refused> {
        each!(self, engine => engine.delete_object(pin, block))
    }

    /// As [`delete_object`](Self::delete_object); says how many were deleted.
    pub(crate) fn delete_exactly(&self, pin: &Pin, block: &Block) -> Result<usize, Refused> {
        each!(self, engine => engine.delete_exactly(pin, block))
    }

    /// Puts new objects in the place of all that a key of a bag has, if these are still the `old`
    /// ones, and says whether they were.
    pub(crate) fn exchange_all(
        &self,
        pin: &Pin,
        key: Key<'_>,
        old: &[Object],
        new: Vec<Block>,
    ) -> Result<bool, Refused> {
        match self {
            Self::Set(_) => Ok(false),
            Self::Bag(bag) => bag.exchange_all(pin, key, old, new),
        }
    }

    /// The set that it is, for operations that only sets have.
    pub(crate) fn as_set(&self) -> Option<&SetEngine> {
        match self {
            Self::Set(set) => Some(set),
            Self::Bag(_) => None,
        }
    }

    /// Shows objects from a hash on; see [`Index::scan`](crate::raw::hash::Index::scan).
    pub(crate) fn scan<'p>(
        &self,
        pin: &'p Pin,
        from: u64,
        budget: usize,
        visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<u64> {
        each!(self, engine => engine.scan(pin, from, budget, visit))
    }

    /// The first key at or behind a position, with its objects.
    pub(crate) fn step(&self, pin: &Pin, position: Position<'_>) -> Result<Step> {
        each!(self, engine => engine.step(pin, position))
    }

    /// The objects of slot `slot` of as many as [`slots`](Self::slots) says.
    pub(crate) fn slot(&self, pin: &Pin, slot: u64) -> Result<Objects> {
        each!(self, engine => engine.slot(pin, slot))
    }

    pub(crate) fn slots(&self, pin: &Pin) -> u64 {
        each!(self, engine => engine.index().buckets(pin))
    }

    pub(crate) fn prefetch_bucket(&self, pin: &Pin, hash: u64) {
        each!(self, engine => engine.index().prefetch_bucket(pin, hash));
    }

    pub(crate) fn prefetch_entry(&self, pin: &Pin, hash: u64) {
        each!(self, engine => engine.index().prefetch_entry(pin, hash));
    }

    pub(crate) fn weight(&self) -> Weight {
        let pin = crate::raw::reclaim::pin();
        each!(self, engine => engine.index().weight(&pin))
    }

    pub(crate) fn clear(&self, pin: &Pin) -> Result<usize, Refused> {
        each!(self, engine => engine.index().clear(pin))
    }

    pub(crate) fn close(&self, pin: &Pin) -> Result<usize, Refused> {
        each!(self, engine => engine.index().close(pin))
    }
}

/// Where a walk stands.
#[derive(Clone, Copy)]
pub(crate) enum Position<'a> {
    /// Before the first key.
    Start,
    /// On a key, whether it exists or not.
    On(Key<'a>),
}

/// Where a step leads.
pub(crate) struct Step {
    /// Whether the key that the step starts from is in the table.
    pub(crate) from_exists: bool,
    pub(crate) next: Option<KeyAndObjects>,
}

/// The key of a block.
#[inline]
fn key_of(block: BlockRef<'_>, keypos: usize) -> TermRef<'_> {
    let words = block.words();
    TermRef::new(words, Word(words[keypos - 1]))
}

/// Whether a block has that key (`=:=`).
#[inline]
fn has_key(block: BlockRef<'_>, keypos: usize, key: TermRef<'_>) -> bool {
    equal(key_of(block, keypos), key)
}

fn push(objects: &mut Result<Objects>, object: ObjectRef<'_>) {
    if let Ok(all) = objects {
        match object.to_object() {
            Ok(object) => all.push(object),
            Err(error) => *objects = Err(error),
        }
    }
}

/// What [`Edit::Set`] makes of an object.
fn edited(object: ObjectRef<'_>, arena: &Arena, words: &[(usize, Word)]) -> Result<Block> {
    let mut new = Arena::new();
    new.open_tuple(object.arity())?;
    for (at, element) in object.elements().enumerate() {
        let change = words.iter().find(|(position, _)| *position == at + 1);
        let word = new.copy(change.map_or(element, |(_, word)| arena.view(*word)))?;
        new.set(at, word);
    }
    let hash = object.block().hash();
    Ok(Object::from_words(hash, object.arity(), new.words())?.into_block())
}

/// What [`Edit::Count`] makes of an object without a cell at that position.
fn with_cell(object: ObjectRef<'_>, position: usize, value: i64) -> Result<Block> {
    let word = Word::int(value).expect("Edit::Count holds what fits a word");
    let whole = object.to_object()?;
    let arity = u32::try_from(whole.arity()).expect("an arity is at most Arena::MAX_ARITY");
    Block::with_cell(object.block().hash(), arity, whole.words(), position, word.0)
        .ok_or_else(|| Error::limit("no memory for a counter"))
}
