//! What is told of changes: the objects before and after.

use smallvec::SmallVec;

use crate::error::Result;
use crate::platform::wake::Wake;
use crate::raw::block::{Block, BlockRef};
use crate::raw::watch::{Hub, class_of};
use crate::term::{Object, ObjectRef, Word};

/// An object as it was at one instant: its block, and what its counter stood at.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    block: Block,
    counter: Word,
}

/// An object that came, went, or took the place of another.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) old: Option<Image>,
    pub(crate) new: Option<Image>,
}

/// The changes of one instant.
pub(crate) type Changes = SmallVec<[Change; 1]>;

/// An event.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Changed(Changes),
    Cleared,
}

impl Image {
    pub(super) fn of(block: BlockRef<'_>) -> Self {
        Self { block: block.to_block(), counter: counter_of(block) }
    }

    pub(crate) fn as_ref(&self) -> ObjectRef<'_> {
        ObjectRef::with_counter(self.block.borrow(), self.counter)
    }

    /// The hash of its key.
    pub(crate) fn hash(&self) -> u64 {
        self.block.borrow().hash()
    }

    /// The object, to keep.
    pub(crate) fn into_object(self) -> Result<Object> {
        if self.counter == Word::NIL {
            return Ok(Object::from_block(self.block));
        }
        self.as_ref().to_object()
    }
}

/// What the counter of a block stands at; `[]` if it has none.
pub(super) fn counter_of(block: BlockRef<'_>) -> Word {
    block.cell().map_or(Word::NIL, |cell| Word(cell.get()))
}

impl Change {
    pub(super) fn of(old: Option<BlockRef<'_>>, new: Option<BlockRef<'_>>) -> Self {
        Self { old: old.map(Image::of), new: new.map(Image::of) }
    }

    pub(super) fn inserted(block: BlockRef<'_>) -> Self {
        Self::of(None, Some(block))
    }

    pub(super) fn deleted(block: BlockRef<'_>) -> Self {
        Self::of(Some(block), None)
    }

    /// A count in place.
    pub(super) fn counted(block: BlockRef<'_>, before: Word) -> Self {
        let new = Image::of(block);
        Self { old: Some(Image { block: new.block.clone(), counter: before }), new: Some(new) }
    }
}

/// Tells a change of an object whose key has that hash.
pub(super) fn tell(hub: &Hub<Told>, life: u64, hash: u64, change: Change) -> Wake {
    hub.publish(life, class_of(hash), Told::Changed(SmallVec::from_buf([change])))
}

/// Tells the changes of one instant, of objects whose keys have these hashes.
pub(super) fn tell_all(
    hub: &Hub<Told>,
    life: u64,
    hashes: impl IntoIterator<Item = u64>,
    changes: Changes,
) -> Wake {
    if changes.is_empty() {
        return Wake::default();
    }
    let classes = hashes.into_iter().fold(0, |all, hash| all | class_of(hash));
    hub.publish(life, classes, Told::Changed(changes))
}
