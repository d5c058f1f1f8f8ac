//! Engines: an index plus the rules of a kind.
//!
//! Every engine has the same operations on keys and blocks; [`Engine`] chooses among them. The
//! compiler lists each place that a new kind touches.

mod bag;
pub(crate) mod batch;
mod ordered;
mod set;
pub(crate) mod told;

use smallvec::SmallVec;

use bag::BagEngine;
pub(crate) use ordered::{OrderedEngine, OrderedSnapshot};
use set::SetEngine;
pub(crate) use set::Updated;
use told::Told;

use super::core::{Key, OwnerId};
use super::kind::Kind;
use super::options::TableOptions;
use super::update::Edit;
use crate::error::{Error, Result};
use crate::raw::block::{Block, BlockRef, Extra};
use crate::raw::group::BagRef;
use crate::raw::hash::Refused;
use crate::raw::reclaim::Pin;
use crate::raw::watch::{Hub, Interest, Topic};
use crate::raw::{Change, Weight};
use crate::term::{
    Arena, Edge, KeyHasher, Object, ObjectRef, Objects, Term, TermRef, Word, equal, new_block,
    special_block,
};

/// The engine of a table.
#[derive(Debug)]
pub(crate) enum Engine {
    Set(SetEngine),
    Bag(BagEngine),
    Ordered(OrderedEngine),
}

macro_rules! each {
    ($engine:expr, $name:ident => $call:expr) => {
        match $engine {
            Engine::Set($name) => $call,
            Engine::Bag($name) => $call,
            Engine::Ordered($name) => $call,
        }
    };
}

/// The key and its objects, as `first_lookup` and its kin return them.
pub(crate) type KeyAndObjects = (Term, Objects);

/// In which life of the table something was read, with the number of the last event that is in it,
/// if that life goes on; and the hash from which on there is more.
pub(crate) type AtRest = (Option<(u64, u64)>, Option<u64>);

impl Engine {
    pub(crate) fn new(options: &TableOptions, hasher: &KeyHasher) -> Result<Self> {
        let keypos = options.keypos;
        let engine = match options.kind {
            Kind::Set => SetEngine::new(keypos).map(Self::Set),
            Kind::Bag => BagEngine::new(keypos, true, hasher.clone()).map(Self::Bag),
            Kind::DuplicateBag => BagEngine::new(keypos, false, hasher.clone()).map(Self::Bag),
            Kind::OrderedSet => {
                OrderedEngine::new(keypos, options.order_statistics, hasher.clone())
                    .map(Self::Ordered)
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
        match self {
            Self::Ordered(ordered) => ordered.sort(&mut blocks),
            Self::Set(_) | Self::Bag(_) => blocks.sort_by_key(|block| block.borrow().hash()),
        }
        each!(self, engine => engine.insert_all(pin, blocks, new))
    }

    /// Does all steps in one instant, or none.
    pub(crate) fn batch(
        &self,
        pin: &Pin,
        steps: &[batch::Step],
    ) -> Result<Vec<batch::Given>, batch::Stop> {
        each!(self, engine => engine.batch(pin, steps))
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
            Self::Ordered(ordered) => ordered.get(pin, key),
        }
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
            Self::Ordered(ordered) => {
                let object = ordered.get(pin, key).map(ObjectRef::to_object).transpose()?;
                Ok(Objects::from(object))
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

    /// Deletes an object that was leased to an owner, if it is still there and his, and returns it
    /// as it is: in a set it may have been updated. In a duplicate_bag those go with it that are
    /// equal and his, too.
    pub(crate) fn expire(
        &self,
        pin: &Pin,
        block: &Block,
        owner: OwnerId,
    ) -> Result<Expired, Refused> {
        match self {
            Self::Set(set) => Ok(set.expire(pin, block, owner)?.into_iter().collect()),
            Self::Ordered(ordered) => Ok(ordered.expire(pin, block, owner)?.into_iter().collect()),
            Self::Bag(bag) => bag.expire(pin, block, owner),
        }
    }

    /// What a leased object of a set has become, if it is still there and the owner's; nothing in
    /// bags, where objects do not change.
    pub(crate) fn leased(&self, pin: &Pin, block: &Block, owner: OwnerId) -> Option<Block> {
        let block = block.borrow();
        let object = match self {
            Self::Set(set) => set.get(pin, set.key(block)),
            Self::Ordered(ordered) => ordered.get(pin, ordered.key(block)),
            Self::Bag(_) => None,
        };
        let block = object?.block();
        (block.lease() == Some(owner)).then(|| block.to_block())
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
            Self::Set(_) | Self::Ordered(_) => Ok(false),
            Self::Bag(bag) => bag.exchange_all(pin, key, old, new),
        }
    }

    /// The set that it is, for operations that only sets have.
    pub(crate) fn as_set(&self) -> Option<AnySet<'_>> {
        match self {
            Self::Set(set) => Some(AnySet::Set(set)),
            Self::Ordered(ordered) => Some(AnySet::Ordered(ordered)),
            Self::Bag(_) => None,
        }
    }

    /// The set that it is, if it is one by hashes: where keys of one word take a short way.
    #[inline]
    pub(crate) fn as_hash_set(&self) -> Option<&SetEngine> {
        match self {
            Self::Set(set) => Some(set),
            Self::Ordered(_) | Self::Bag(_) => None,
        }
    }

    /// The ordered set that it is.
    pub(crate) fn as_ordered(&self) -> Option<&OrderedEngine> {
        match self {
            Self::Ordered(ordered) => Some(ordered),
            Self::Set(_) | Self::Bag(_) => None,
        }
    }

    /// Shows objects from a mark on, until at least `budget` were shown, and returns the mark to go
    /// on from; `None` at the end. Each object that is there throughout is shown once; those of an
    /// ordered set in the order of keys, or, if `back`, against it.
    pub(crate) fn scan<'p>(
        &self,
        pin: &'p Pin,
        from: Mark,
        back: bool,
        budget: usize,
        visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<Mark> {
        let hash = from.hash();
        match self {
            Self::Set(set) => set.scan(pin, hash, budget, visit).map(Mark::Hash),
            Self::Bag(bag) => bag.scan(pin, hash, budget, visit).map(Mark::Hash),
            Self::Ordered(ordered) => ordered.scan(pin, from, back, budget, visit),
        }
    }

    /// The first key at or behind a position, with its objects; in an ordered set, if `back`, the
    /// first before it.
    pub(crate) fn step(&self, pin: &Pin, position: Position<'_>, stride: Stride) -> Result<Step> {
        match self {
            Self::Set(set) => set.step(pin, position, stride),
            Self::Bag(bag) => bag.step(pin, position, stride),
            Self::Ordered(ordered) => ordered.step(pin, position, stride),
        }
    }

    /// The objects of slot `slot` of as many as [`slots`](Self::slots) says.
    pub(crate) fn slot(&self, pin: &Pin, slot: u64) -> Result<Objects> {
        each!(self, engine => engine.slot(pin, slot))
    }

    pub(crate) fn slots(&self, pin: &Pin) -> u64 {
        match self {
            Self::Set(set) => set.index().buckets(pin),
            Self::Bag(bag) => bag.index().buckets(pin),
            Self::Ordered(ordered) => ordered.index().weight(pin).items as u64,
        }
    }

    /// Starts loading the part of the index that a key leads to; not in ordered sets, where much
    /// has to be read to find it.
    pub(crate) fn prefetch_bucket(&self, pin: &Pin, key: Key<'_>) {
        match self {
            Self::Set(set) => set.index().prefetch_bucket(pin, key.hash),
            Self::Bag(bag) => bag.index().prefetch_bucket(pin, key.hash),
            Self::Ordered(_) => {}
        }
    }

    /// Starts loading what the key may have; not in ordered sets.
    pub(crate) fn prefetch_entry(&self, pin: &Pin, key: Key<'_>) {
        match self {
            Self::Set(set) => set.index().prefetch_entry(pin, key.hash),
            Self::Bag(bag) => bag.index().prefetch_entry(pin, key.hash),
            Self::Ordered(_) => {}
        }
    }

    pub(crate) fn weight(&self) -> Weight {
        let pin = crate::raw::reclaim::pin();
        each!(self, engine => engine.index().weight(&pin))
    }

    pub(crate) fn clear(&self, pin: &Pin) -> Result<usize, Refused> {
        each!(self, engine => engine.index().clear(pin, engine.hub(), Told::Cleared))
    }

    pub(crate) fn close(&self, pin: &Pin) -> Result<usize, Refused> {
        each!(self, engine => engine.index().close(pin, engine.hub(), Told::Cleared))
    }

    /// Where changes are told.
    pub(crate) fn hub(&self) -> &Hub<Told> {
        each!(self, engine => engine.hub())
    }

    /// What a queue is for that is to have the changes of one key.
    pub(crate) fn topic(&self, key: Key<'_>) -> Topic {
        let digest = match self {
            Self::Ordered(ordered) => ordered.digest(key),
            Self::Set(_) | Self::Bag(_) => key.hash,
        };
        Topic::Key { hash: key.hash, digest }
    }

    /// Who wants to hear of them.
    pub(crate) fn interest(&self) -> &Interest {
        each!(self, engine => engine.index().interest())
    }

    /// Shows the objects of a bucket, those from a hash on, while nobody writes to it; returns how
    /// often the table was emptied before and the number of the last event that is in them (`None`
    /// if it was emptied meanwhile), and the hash at which the next bucket begins. `None` for an
    /// ordered table.
    pub(crate) fn at_rest(
        &self,
        pin: &Pin,
        from: u64,
        mut visit: impl FnMut(ObjectRef<'_>),
    ) -> Option<Result<AtRest, Refused>> {
        let at = |life| self.hub().last_in(life).map(|last| (life, last));
        Some(match self {
            Self::Set(set) => {
                set.index().at_rest(pin, from, |block| visit(ObjectRef::new(block)), at)
            }
            Self::Bag(bag) => {
                let visit = |entry: BagRef<'_>| {
                    entry.snapshot(pin).iter().map(ObjectRef::new).for_each(&mut visit);
                };
                bag.index().at_rest(pin, from, visit, at)
            }
            Self::Ordered(_) => return None,
        })
    }

    /// Waits for all writers that may not know yet who wants to hear of changes. O(buckets).
    pub(crate) fn settle(&self, pin: &Pin) {
        each!(self, engine => engine.index().settle(pin));
    }
}

/// A table with one object a key.
#[derive(Clone, Copy)]
pub(crate) enum AnySet<'e> {
    Set(&'e SetEngine),
    Ordered(&'e OrderedEngine),
}

impl AnySet<'_> {
    /// Changes the object of a key as `edit` says of it; of `default` if there is none. If `edit`
    /// fails, nothing changes.
    pub(crate) fn update<R>(
        self,
        pin: &Pin,
        key: Key<'_>,
        default: Option<Block>,
        edit: impl FnOnce(ObjectRef<'_>) -> Result<(Edit, R)>,
    ) -> Result<Result<Updated<R>>, Refused> {
        match self {
            Self::Set(set) => set.update(pin, key, default, edit),
            Self::Ordered(ordered) => ordered.update(pin, key, default, edit),
        }
    }

    /// Puts `new` in the place of an object that is `=:=` to `expected`; `None` for absence, on
    /// both sides. Says whether it was so.
    pub(crate) fn exchange(
        self,
        pin: &Pin,
        key: Key<'_>,
        expected: Option<ObjectRef<'_>>,
        new: Option<Block>,
    ) -> Result<bool, Refused> {
        match self {
            Self::Set(set) => set.exchange(pin, key, expected, new),
            Self::Ordered(ordered) => ordered.exchange(pin, key, expected, new),
        }
    }
}

/// Where a scan goes on.
#[derive(Clone, Debug)]
pub(crate) enum Mark {
    /// At the beginning.
    Start,
    /// From a hash on.
    Hash(u64),
    /// Behind the key of an object.
    After(Block),
    /// Behind a key.
    Behind(Term),
}

impl Mark {
    /// The hash to go on from.
    pub(crate) fn hash(&self) -> u64 {
        match self {
            Self::Hash(hash) => *hash,
            Self::Start | Self::After(_) | Self::Behind(_) => 0,
        }
    }

    /// The key that it lies behind.
    pub(crate) fn key(&self, keypos: usize) -> Option<TermRef<'_>> {
        match self {
            Self::Start | Self::Hash(_) => None,
            Self::After(block) => Some(key_of(block.borrow(), keypos)),
            Self::Behind(key) => Some(key.as_ref()),
        }
    }

    /// The edge of a range that goes on from there.
    pub(crate) fn edge(self, keypos: usize) -> Edge {
        match self {
            Self::Start | Self::Hash(_) => Edge::Open,
            Self::After(block) => Edge::after(block, keypos),
            Self::Behind(key) => Edge::key(key, false),
        }
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

/// How a step is made.
#[derive(Clone, Copy)]
pub(crate) struct Stride {
    /// Towards lower keys, where there are such.
    pub(crate) back: bool,
    /// Whether the objects are wanted, besides the key.
    pub(crate) objects: bool,
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

/// Objects that have gone with an owner.
pub(crate) type Expired = SmallVec<[Block; 1]>;

/// What becomes of an object that was leased to an owner who ends.
fn expired(old: Option<BlockRef<'_>>, owner: OwnerId) -> (Change<Block>, Option<Block>) {
    match old.filter(|old| old.lease() == Some(owner)) {
        Some(old) => (Change::Remove, Some(old.to_block())),
        None => (Change::Keep, None),
    }
}

/// What [`Edit::Set`] makes of an object. Whoever it is leased to, it stays leased to.
fn edited(object: ObjectRef<'_>, arena: &Arena, words: &[(usize, Word)]) -> Result<Block> {
    let mut new = Arena::new();
    new.open_tuple(object.arity())?;
    for (at, element) in object.elements().enumerate() {
        let change = words.binary_search_by_key(&(at + 1), |(position, _)| *position).ok();
        let word = new.copy(change.map_or(element, |change| arena.view(words[change].1)))?;
        new.set(at, word);
    }
    let hash = object.block().hash();
    match object.block().lease() {
        None => new_block(hash, object.arity(), new.words()),
        lease => special_block(hash, object.arity(), new.words(), Extra { cell: None, lease }),
    }
}

/// What [`Edit::Count`] makes of an object without a cell at that position.
fn with_cell(object: ObjectRef<'_>, position: usize, value: i64) -> Result<Block> {
    let word = Word::int(value).expect("Edit::Count holds what fits a word").0;
    let block = object.block();
    let extra = Extra { cell: Some((position, word)), lease: block.lease() };
    let (hash, arity) = (block.hash(), object.arity());
    if block.cell().is_none() {
        special_block(hash, arity, block.words(), extra)
    } else {
        special_block(hash, arity, object.to_object()?.words(), extra)
    }
}

/// A new object that takes the place of an old one that it was made of: leased to whom that is
/// leased to.
fn in_place_of(old: Option<BlockRef<'_>>, new: Block) -> Result<Block, Refused> {
    match old.and_then(BlockRef::lease) {
        None => Ok(new),
        lease => new.borrow().with_lease(lease).ok_or(Refused::NoMemory),
    }
}
