//! What a key of a bag has: any number of objects.
//!
//! A key with many objects has them in a [group](crate::raw::group) that the batch changes in
//! place, *prepared*, so that readers see nothing of it before the commit. All else is made anew.

use std::sync::Arc;

use super::super::bag::{BagEngine, equal};
use super::super::push;
use super::super::told::{Change, Changes};
use super::{Content, Edit, Objects};
use crate::error::{Error, Result};
use crate::raw::block::{Block, BlockRef};
use crate::raw::group::{BagRef, Bagged, Group, Snapshot};
use crate::raw::hash::{Batch, Found};
use crate::raw::reclaim::Pin;
use crate::raw::{Commit, Weight};
use crate::term::{Object, ObjectRef};

/// New objects up to which there is no group.
const FEW: usize = 16;

/// The objects of a key.
pub(in crate::table::engine) struct Several<'p> {
    engine: &'p BagEngine,
    pin: &'p Pin,
    commit: Arc<Commit>,
    held: Held<'p>,
    /// What is to be told, if somebody wants to hear of it.
    changes: Option<Changes>,
}

enum Held<'p> {
    /// What is in the index.
    Same(Option<BagRef<'p>>),
    /// The group that is in the index, with changes that are pending.
    Changed(Prepared<'p>),
    /// What is put in the place of what is in the index.
    Few(Vec<Block>),
    Many(Box<Group>),
}

/// A group with pending changes, which are taken back unless the batch gets it.
struct Prepared<'p> {
    group: &'p Group,
    pin: &'p Pin,
    before: Weight,
    is_ours: bool,
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        if self.is_ours {
            self.group.cancel(self.pin);
        }
    }
}

impl<'p> Prepared<'p> {
    /// Leaves it to the batch to finish the group.
    fn leave_to(mut self, batch: &mut Batch<'p, Bagged>) {
        self.is_ours = false;
        end_with(batch, self.group, self.before);
    }
}

/// Finishes a group with pending changes, which weighed so much before them, when the batch ends.
pub(in crate::table::engine) fn end_with<'p>(
    batch: &mut Batch<'p, Bagged>,
    group: &'p Group,
    before: Weight,
) {
    batch.on_end(before, |pin, committed| {
        if committed {
            group.finish(pin);
        } else {
            group.cancel(pin);
        }
        group.weight()
    });
}

impl<'p> Several<'p> {
    pub(in crate::table::engine) fn new(
        engine: &'p BagEngine,
        pin: &'p Pin,
        commit: &Arc<Commit>,
        entry: Option<BagRef<'p>>,
        is_watched: bool,
    ) -> Self {
        let changes = is_watched.then(Changes::new);
        Self { engine, pin, commit: Arc::clone(commit), held: Held::Same(entry), changes }
    }

    /// What is to be told of what was done.
    pub(in crate::table::engine) fn take_changes(&mut self) -> Changes {
        self.changes.take().unwrap_or_default()
    }

    fn inserted(&mut self, block: &Block) {
        if let Some(changes) = &mut self.changes {
            changes.push(Change::inserted(block.borrow()));
        }
    }

    fn deleted(&mut self, objects: &Objects) {
        if let Some(changes) = &mut self.changes {
            let blocks = objects.iter().map(|object| object.block().borrow());
            changes.extend(blocks.map(Change::deleted));
        }
    }

    /// Puts what has changed into the batch.
    pub(in crate::table::engine) fn finish(self, batch: &mut Batch<'p, Bagged>, found: Found<'p>) {
        match self.held {
            Held::Same(_) => {}
            Held::Changed(prepared) => {
                let group = prepared.group;
                if group.weight().items == 0 {
                    batch.remove_at(found);
                } else if group.needs_rebuild() {
                    // Nobody else might ever delete from it.
                    batch.put_at(found, group.rebuild().into());
                }
                prepared.leave_to(batch);
            }
            Held::Few(mut blocks) => match blocks.len() {
                0 => batch.remove_at(found),
                1 => batch.put_at(found, Bagged::one(blocks.remove(0))),
                _ => batch.put_at(found, self.engine.group(blocks)),
            },
            Held::Many(group) if group.weight().items == 0 => batch.remove_at(found),
            Held::Many(group) => batch.put_at(found, Bagged::from(*group)),
        }
    }

    /// Leaves it to the batch, which fails, to take back what has changed.
    pub(in crate::table::engine) fn give_up(self, batch: &mut Batch<'p, Bagged>) {
        if let Held::Changed(prepared) = self.held {
            prepared.leave_to(batch);
        }
    }

    /// The group that can be changed, if there is one; of a group in the index the changes will be
    /// pending.
    fn group(&mut self) -> Option<&Group> {
        if let Held::Same(Some(BagRef::Many(group))) = self.held {
            let before = group.weight();
            group.prepare(&self.commit);
            self.held = Held::Changed(Prepared { group, pin: self.pin, before, is_ours: true });
        }
        match &self.held {
            Held::Changed(prepared) => Some(prepared.group),
            Held::Many(group) => Some(group),
            Held::Same(_) | Held::Few(_) => None,
        }
    }

    /// The objects of a key that has no group, as they are put in its place.
    fn few(&mut self) -> &mut Vec<Block> {
        let found = match &self.held {
            Held::Same(Some(BagRef::One(block))) => vec![block.to_block()],
            _ => Vec::new(),
        };
        if !matches!(self.held, Held::Few(_)) {
            self.held = Held::Few(found);
        }
        match &mut self.held {
            Held::Few(blocks) => blocks,
            _ => unreachable!("made just now"),
        }
    }

    /// The objects of a group, with what is pending; or none.
    fn snapshot(&self) -> Option<Snapshot<'_>> {
        match &self.held {
            Held::Same(entry) => entry.map(|entry| entry.snapshot(self.pin)),
            Held::Changed(prepared) => Some(prepared.group.latest(self.pin)),
            Held::Many(group) => Some(group.latest(self.pin)),
            Held::Few(_) => None,
        }
    }
}

impl Content for Several<'_> {
    fn is_present(&self) -> bool {
        match &self.held {
            Held::Few(blocks) => !blocks.is_empty(),
            _ => self.snapshot().is_some_and(|objects| !objects.is_empty()),
        }
    }

    fn has(&self, block: &Block) -> bool {
        let is_it = |held: BlockRef<'_>| equal(held, block.borrow());
        let group = match &self.held {
            Held::Few(blocks) => return blocks.iter().any(|held| is_it(held.borrow())),
            Held::Same(None) => return false,
            Held::Same(Some(BagRef::One(held))) => return is_it(*held),
            Held::Same(Some(BagRef::Many(group))) => group,
            Held::Changed(prepared) => prepared.group,
            Held::Many(group) => group,
        };
        let hash = self.engine.object_hash(block.borrow());
        group.edit(self.pin, |edit| edit.contains(hash, is_it))
    }

    fn objects(&self) -> Result<Objects> {
        let mut objects = Ok(Objects::default());
        if let Held::Few(blocks) = &self.held {
            blocks.iter().for_each(|block| push(&mut objects, ObjectRef::new(block.borrow())));
        }
        for block in self.snapshot().iter().flat_map(Snapshot::iter) {
            push(&mut objects, ObjectRef::new(block));
        }
        objects
    }

    fn insert(&mut self, block: &Block) -> Result<Objects> {
        if self.engine.is_unique() && self.has(block) {
            return Ok(Objects::default());
        }
        self.inserted(block);
        let (pin, engine) = (self.pin, self.engine);
        if let Some(group) = self.group() {
            if group.room() == 0 {
                let most = Group::MOST;
                return Err(Error::limit(format!("a key cannot have more than {most} objects")));
            }
            group.append(pin, block.clone(), engine.object_hash(block.borrow()));
            return Ok(Objects::default());
        }
        let blocks = self.few();
        blocks.push(block.clone());
        if blocks.len() > FEW {
            let group = engine.new_group(block.borrow().hash(), std::mem::take(blocks));
            self.held = Held::Many(Box::new(group));
        }
        Ok(Objects::default())
    }

    fn delete(&mut self) -> Result<Objects> {
        let old = self.objects()?;
        match &mut self.held {
            Held::Changed(prepared) => {
                // Who has found the group already must not see what was changed in it before.
                prepared.group.retain(self.pin, |_| false);
            }
            Held::Same(None) => {}
            held => *held = Held::Few(Vec::new()),
        }
        self.deleted(&old);
        Ok(old)
    }

    fn delete_object(&mut self, block: &Block) -> Result<Objects> {
        if !self.has(block) {
            return Ok(Objects::default());
        }
        let (pin, engine) = (self.pin, self.engine);
        let count = if let Some(group) = self.group() {
            let hash = engine.object_hash(block.borrow());
            group.delete(pin, hash, |old| equal(old, block.borrow()))
        } else {
            let blocks = self.few();
            let before = blocks.len();
            blocks.retain(|held| !equal(held.borrow(), block.borrow()));
            before - blocks.len()
        };
        let object = Object::from_block(block.clone());
        let old = Objects::from(vec![object; count]);
        self.deleted(&old);
        Ok(old)
    }

    fn edit<R>(
        &mut self,
        _: Option<&Block>,
        _: impl FnOnce(ObjectRef<'_>) -> Result<(Edit, R)>,
    ) -> Result<Option<(R, Objects)>> {
        Err(Error::bad_argument("objects of bags are not edited"))
    }
}
