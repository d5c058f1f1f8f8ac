//! What a key of a set has: at most one object.

use super::super::set::replacement;
use super::super::told::{Change, Changes};
use super::{Content, Edit, Objects};
use crate::error::Result;
use crate::raw::block::{Block, BlockRef};
use crate::term::{Object, ObjectRef};

/// The object of a key.
pub(in crate::table::engine) struct One<'p> {
    /// What is in the index.
    before: Option<BlockRef<'p>>,
    after: After,
}

/// What becomes of what is in the index.
pub(in crate::table::engine) enum After {
    Same,
    Gone,
    Put(Block),
}

impl<'p> One<'p> {
    pub(in crate::table::engine) fn new(before: Option<BlockRef<'p>>) -> Self {
        Self { before, after: After::Same }
    }

    pub(in crate::table::engine) fn into_after(self) -> After {
        self.after
    }

    /// What is to be told of what has become of several keys.
    pub(in crate::table::engine) fn changes(contents: &[Self]) -> Changes {
        let changed = contents.iter().filter(|content| match content.after {
            After::Same => false,
            After::Gone => content.before.is_some(),
            After::Put(_) => true,
        });
        changed.map(|content| Change::of(content.before, content.block())).collect()
    }

    fn block(&self) -> Option<BlockRef<'_>> {
        match &self.after {
            After::Same => self.before,
            After::Gone => None,
            After::Put(block) => Some(block.borrow()),
        }
    }

    /// The object that is about to leave the table: it need not be copied, as few will read it.
    fn leaving(&self) -> Result<Objects> {
        match self.block() {
            Some(block) if block.cell().is_none() => {
                Ok(Objects::one(Object::from_block(block.to_block())))
            }
            _ => self.objects(),
        }
    }
}

impl Content for One<'_> {
    fn is_present(&self) -> bool {
        self.block().is_some()
    }

    fn has(&self, block: &Block) -> bool {
        let expected = ObjectRef::new(block.borrow());
        self.block().is_some_and(|block| ObjectRef::new(block).equal(expected))
    }

    fn objects(&self) -> Result<Objects> {
        let object = self.block().map(|block| ObjectRef::new(block).to_object());
        Ok(Objects::from(object.transpose()?))
    }

    fn insert(&mut self, block: &Block) -> Result<Objects> {
        let old = self.leaving()?;
        self.after = After::Put(block.clone());
        Ok(old)
    }

    fn delete(&mut self) -> Result<Objects> {
        let old = self.leaving()?;
        self.after = After::Gone;
        Ok(old)
    }

    fn delete_object(&mut self, block: &Block) -> Result<Objects> {
        if self.has(block) { self.delete() } else { Ok(Objects::default()) }
    }

    fn edit<R>(
        &mut self,
        default: Option<&Block>,
        edit: impl FnOnce(ObjectRef<'_>) -> Result<(Edit, R)>,
    ) -> Result<Option<(R, Objects)>> {
        let old = self.objects()?;
        let present = self.block();
        let Some(block) = present.or(default.map(Block::borrow)) else { return Ok(None) };
        let object = ObjectRef::new(block);
        let (edit, result) = edit(object)?;
        let kept = if present.is_some() { None } else { Some(block.to_block()) };
        if let Some(new) = replacement(object, edit)?.or(kept) {
            self.after = After::Put(new);
        }
        Ok(Some((result, old)))
    }
}
