//! Batches: many steps on many keys in one instant.
//!
//! The keys of all steps are sorted and told apart, and the index locks what they belong to. Then
//! the steps are done in their order on the *content* of each key: what it is going to have.
//! Nothing of the table changes meanwhile, or nothing that shows, so a step that fails leaves
//! nothing to be undone. When all are done, what has changed goes into the index as pending
//! changes, which one store makes visible.

mod one;
mod several;

use std::cmp::Ordering;

use smallvec::SmallVec;

pub(super) use one::{After, One};
pub(super) use several::{Several, end_with};

use super::Key;
use super::set::by_hash;
use crate::error::{Error, Result};
use crate::raw::block::Block;
use crate::raw::hash::Refused;
use crate::table::CounterOp;
use crate::table::integer::Integer;
use crate::table::update::{Edit, ElementOps, count_one, set_elements};
use crate::term::{ObjectRef, Objects, Term, compare};

/// A key that belongs to a step.
#[derive(Clone, Debug)]
pub(crate) struct KeyTerm {
    pub(crate) term: Term,
    pub(crate) hash: u64,
}

/// One step of a batch.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Insert(Block),
    Delete(KeyTerm),
    DeleteObject(Block),
    Lookup(KeyTerm),
    /// With the object that a missing key begins with.
    Count(KeyTerm, Box<(CounterOp, Option<Block>)>),
    Set(KeyTerm, Box<(usize, Term)>),
    IfAbsent(KeyTerm),
    IfPresent(KeyTerm),
    IfObject(Block),
}

/// What a step gives.
#[derive(Debug)]
pub(crate) enum Given {
    Nothing,
    Objects(Objects),
    Count(Integer),
}

/// Why a batch was not done.
#[derive(Debug)]
pub(crate) enum Stop {
    Refused(Refused),
    /// A condition does not hold: the number of its step, and what its key has.
    Conflict(usize, Objects),
    /// A step has nothing to count in.
    Missing(usize),
    /// A step cannot be done.
    Failed(usize, Error),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Step {
    /// The key that it is about.
    pub(crate) fn key(&self, keypos: usize) -> Key<'_> {
        match self {
            Self::Insert(block) | Self::DeleteObject(block) | Self::IfObject(block) => {
                let block = block.borrow();
                Key { term: super::key_of(block, keypos), hash: block.hash() }
            }
            Self::Delete(key)
            | Self::Lookup(key)
            | Self::Count(key, ..)
            | Self::Set(key, _)
            | Self::IfAbsent(key)
            | Self::IfPresent(key) => Key { term: key.term.as_ref(), hash: key.hash },
        }
    }
}

/// What a key has, as it is going to be after the steps that were done.
pub(super) trait Content {
    fn is_present(&self) -> bool;

    /// Whether one of the objects is this.
    fn has(&self, block: &Block) -> bool;

    fn objects(&self) -> Result<Objects>;

    /// Puts an object in, and gives what it replaces.
    fn insert(&mut self, block: &Block) -> Result<Objects>;

    /// Takes all objects out.
    fn delete(&mut self) -> Result<Objects>;

    /// Takes all objects out that are this.
    fn delete_object(&mut self, block: &Block) -> Result<Objects>;

    /// Changes the only object as `edit` says, or `default` in its place; `None` if there is
    /// neither. Gives what was there besides.
    fn edit<R>(
        &mut self,
        default: Option<&Block>,
        edit: impl FnOnce(ObjectRef<'_>) -> Result<(Edit, R)>,
    ) -> Result<Option<(R, Objects)>>;
}

/// The steps of a batch, and which keys they are about.
pub(super) struct Plan<'s> {
    steps: &'s [Step],
    keypos: usize,
    /// Each key once, in the order of hashes, or of keys in an ordered table.
    pub(super) keys: SmallVec<[Key<'s>; 16]>,
    /// The place of each step's key among them.
    places: SmallVec<[u32; 16]>,
}

/// The order of keys in an ordered table.
fn by_order(a: Key<'_>, b: Key<'_>) -> Ordering {
    a.hash.cmp(&b.hash).then_with(|| compare(a.term, b.term))
}

impl<'s> Plan<'s> {
    pub(super) fn new(steps: &'s [Step], keypos: usize, is_ordered: bool) -> Self {
        let order = if is_ordered { by_order } else { by_hash };
        let keys = steps.iter().map(|step| step.key(keypos));
        let mut all: SmallVec<[(Key<'s>, u32); 16]> = keys.zip(0..).collect();
        all.sort_by(|(a, _), (b, _)| order(*a, *b));
        let mut places = SmallVec::from_elem(0, steps.len());
        let mut keys: SmallVec<[Key<'s>; 16]> = SmallVec::new();
        for (key, step) in all {
            if keys.last().is_none_or(|last| order(*last, key).is_ne()) {
                keys.push(key);
            }
            places[step as usize] = keys.len() as u32 - 1;
        }
        Self { steps, keypos, keys, places }
    }

    /// Does all steps in order; `contents` are those of the keys.
    pub(super) fn run(&self, contents: &mut [impl Content]) -> Result<Vec<Given>, Stop> {
        let mut given = Vec::with_capacity(self.steps.len());
        for (at, step) in self.steps.iter().enumerate() {
            let content = &mut contents[self.places[at] as usize];
            given.push(self.step(at, step, content)?);
        }
        Ok(given)
    }

    fn step(&self, at: usize, step: &Step, content: &mut impl Content) -> Result<Given, Stop> {
        let failed = |error| Stop::Failed(at, error);
        let holds = match step {
            Step::IfAbsent(_) => !content.is_present(),
            Step::IfPresent(_) => content.is_present(),
            Step::IfObject(block) => content.has(block),
            _ => return self.change(step, content).map_err(failed)?.ok_or(Stop::Missing(at)),
        };
        if holds {
            return Ok(Given::Nothing);
        }
        Err(Stop::Conflict(at, content.objects().map_err(failed)?))
    }

    /// Does a step that is no condition; `None` if there is nothing to count in.
    fn change(&self, step: &Step, content: &mut impl Content) -> Result<Option<Given>> {
        let objects = match step {
            Step::Insert(block) => content.insert(block)?,
            Step::Delete(_) => content.delete()?,
            Step::DeleteObject(block) => content.delete_object(block)?,
            Step::Set(_, value) => {
                let values = std::slice::from_ref(&**value);
                let set = content.edit(None, |object| {
                    let edit = set_elements(object, self.keypos, ElementOps::Typed(values))?;
                    Ok((edit, ()))
                })?;
                set.map(|(_, old)| old).unwrap_or_default()
            }
            Step::Count(_, counter) => {
                let (op, default) = &**counter;
                let count = |object: ObjectRef<'_>| count_one(object, self.keypos, op);
                let counted = content.edit(default.as_ref(), count)?;
                return Ok(counted.map(|(value, _)| Given::Count(value)));
            }
            Step::Lookup(_) | Step::IfAbsent(_) | Step::IfPresent(_) | Step::IfObject(_) => {
                content.objects()?
            }
        };
        Ok(Some(Given::Objects(objects)))
    }
}
