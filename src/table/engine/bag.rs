//! `bag` and `duplicate_bag`: any number of objects a key.
//!
//! The index holds a key's only object itself, and from the second on a
//! [group](crate::raw::group), whose readers see one instant of it and whose insert does not slow
//! down with the number of objects that are there.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;

use smallvec::SmallVec;

use super::batch::{Given, Plan, Several, Step as BatchStep, Stop, end_with};
use super::set::{NotAll, by_hash, slot_hashes};
use super::told::{self, Changes, Told};
use super::{
    Expired, Key, KeyAndObjects, Objects, OwnerId, Position, Step, Stride, has_key, key_of, push,
};
use crate::error::Result;
use crate::raw::block::{Block, BlockRef};
use crate::raw::group::{BagRef, Bagged, Group, Snapshot};
use crate::raw::hash::{Batch, Change, Index, Refused};
use crate::raw::reclaim::Pin;
use crate::raw::watch::Hub;
use crate::term::{KeyHasher, Object, ObjectRef};

/// An index with one block or group a key.
#[derive(Debug)]
pub(crate) struct BagEngine {
    index: Index<Bagged>,
    keypos: usize,
    /// Whether equal objects are kept once (`bag`).
    unique: bool,
    hasher: KeyHasher,
    hub: Hub<Told>,
}

pub(super) fn equal(a: BlockRef<'_>, b: BlockRef<'_>) -> bool {
    ObjectRef::new(a).equal(ObjectRef::new(b))
}

/// What is to be told when a key is deleted.
fn all_deleted(pin: &Pin, old: Option<BagRef<'_>>) -> Changes {
    let objects = old.map(|entry| entry.snapshot(pin));
    objects.iter().flat_map(Snapshot::iter).map(told::Change::deleted).collect()
}

/// What is to be told when the objects of a key are exchanged for as many others.
fn replaced(pin: &Pin, old: Option<BagRef<'_>>, new: Option<BagRef<'_>>) -> Changes {
    let (Some(old), Some(new)) = (old, new) else { return all_deleted(pin, old) };
    let pairs = old.snapshot(pin).iter().zip(new.snapshot(pin).iter());
    let changed = pairs.filter(|(old, new)| !old.same(*new));
    changed.map(|(old, new)| told::Change::of(Some(old), Some(new))).collect()
}

/// What becomes of a group from which something may have been deleted.
fn deleted_from(group: &Group) -> Change<Bagged> {
    if group.weight().items == 0 {
        Change::Remove
    } else if group.needs_rebuild() {
        Change::Put(group.rebuild().into())
    } else {
        Change::Changed(group.weight())
    }
}

impl BagEngine {
    pub(super) fn new(keypos: usize, unique: bool, hasher: KeyHasher) -> Option<Self> {
        Some(Self { index: Index::new()?, keypos, unique, hasher, hub: Hub::new() })
    }

    pub(super) fn hub(&self) -> &Hub<Told> {
        &self.hub
    }

    pub(super) fn index(&self) -> &Index<Bagged> {
        &self.index
    }

    fn key<'a>(&self, block: BlockRef<'a>) -> Key<'a> {
        Key { term: key_of(block, self.keypos), hash: block.hash() }
    }

    /// The hash of a whole object.
    pub(super) fn object_hash(&self, block: BlockRef<'_>) -> u64 {
        self.hasher.hash_object(ObjectRef::new(block))
    }

    /// An object with the key of an entry, dead or alive.
    fn sample(entry: BagRef<'_>) -> Option<BlockRef<'_>> {
        match entry {
            BagRef::One(block) => Some(block),
            BagRef::Many(group) => group.sample(),
        }
    }

    fn is_of(&self, entry: BagRef<'_>, key: Key<'_>) -> bool {
        Self::sample(entry).is_some_and(|block| has_key(block, self.keypos, key.term))
    }

    /// The first object of a key.
    pub(super) fn first_of<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<ObjectRef<'p>> {
        let entry = self.index.get(pin, key.hash, |entry| self.is_of(entry, key))?;
        entry.snapshot(pin).iter().next().map(ObjectRef::new)
    }

    fn write<R>(
        &self,
        pin: &Pin,
        key: Key<'_>,
        change: impl FnOnce(Option<BagRef<'_>>) -> (Change<Bagged>, R),
        changes: impl FnOnce(Option<BagRef<'_>>, Option<BagRef<'_>>) -> Changes,
    ) -> Result<R, Refused> {
        let mut spent = told::Spent::default();
        let tell = |life, old: Option<BagRef<'_>>, new: Option<BagRef<'_>>| {
            told::tell_all(&self.hub, life, told::by_hash, changes(old, new), &mut spent)
        };
        self.index.write(pin, key.hash, |entry| self.is_of(entry, key), change, tell)
    }

    pub(super) fn insert(&self, pin: &Pin, block: Block) -> Result<(), Refused> {
        let shared = block.clone();
        let key = self.key(shared.borrow());
        let is_new = Cell::new(true);
        let change = |old: Option<BagRef<'_>>| {
            let change = match old {
                None => Change::Put(Bagged::one(block)),
                Some(BagRef::One(first)) => self.second(first, block),
                Some(BagRef::Many(group)) if group.room() == 0 => {
                    return (Change::Keep, Err(Refused::Full));
                }
                Some(BagRef::Many(group)) => {
                    let hash = self.object_hash(block.borrow());
                    if self.unique {
                        let same = |old: BlockRef<'_>| equal(old, shared.borrow());
                        is_new.set(group.append_new(pin, block, hash, same));
                    } else {
                        group.append(pin, block, hash);
                    }
                    Change::Changed(group.weight())
                }
            };
            (change, Ok(()))
        };
        self.write(pin, key, change, |_, _| {
            is_new.get().then(|| told::Change::inserted(shared.borrow())).into_iter().collect()
        })?
    }

    /// A second object beside a key's only one.
    fn second(&self, first: BlockRef<'_>, second: Block) -> Change<Bagged> {
        if self.unique && equal(first, second.borrow()) {
            return Change::Keep;
        }
        Change::Put(self.group(vec![first.to_block(), second]))
    }

    /// Objects as the index holds them; there must be one.
    pub(super) fn group(&self, blocks: Vec<Block>) -> Bagged {
        Bagged::group(self.hashed(blocks))
    }

    /// Objects of a key with that hash, as a group.
    pub(super) fn new_group(&self, hash: u64, blocks: Vec<Block>) -> Group {
        Group::new(hash, self.hashed(blocks))
    }

    fn hashed(&self, blocks: Vec<Block>) -> Vec<(Block, u64)> {
        let hashed = |block: Block| {
            let hash = self.object_hash(block.borrow());
            (block, hash)
        };
        blocks.into_iter().map(hashed).collect()
    }

    /// Whether equal objects are kept once.
    pub(super) fn is_unique(&self) -> bool {
        self.unique
    }

    pub(super) fn insert_new(&self, pin: &Pin, block: Block) -> Result<bool, Refused> {
        let shared = block.clone();
        let key = self.key(shared.borrow());
        let change = |old: Option<BagRef<'_>>| match old {
            Some(_) => (Change::Keep, false),
            None => (Change::Put(Bagged::one(block)), true),
        };
        self.write(pin, key, change, |_, _| {
            [told::Change::inserted(shared.borrow())].into_iter().collect()
        })
    }

    /// `blocks` are in the order of their hashes, and those of a key in the order of the list.
    pub(super) fn insert_all<'p>(
        &self,
        pin: &'p Pin,
        blocks: Vec<Block>,
        new: bool,
    ) -> Result<bool, Refused> {
        let hashes: Vec<u64> = blocks.iter().map(|block| block.borrow().hash()).collect();
        let body = |batch: &mut Batch<'p, Bagged>| {
            let exists = |block: &Block| {
                let key = self.key(block.borrow());
                batch.get(key.hash, |entry| self.is_of(entry, key)).is_some()
            };
            if new && blocks.iter().any(exists) {
                return Err(NotAll::Exists);
            }
            let mut changes = Changes::new();
            for same_hash in blocks.chunk_by(|a, b| a.borrow().hash() == b.borrow().hash()) {
                let mut rest: Vec<Block> = same_hash.to_vec();
                while let Some(first) = rest.first().cloned() {
                    let key = self.key(first.borrow());
                    let (mine, others) = rest
                        .into_iter()
                        .partition(|block| has_key(block.borrow(), self.keypos, key.term));
                    self.insert_many(pin, batch, key, mine, &mut changes)?;
                    rest = others;
                }
            }
            Ok(changes)
        };
        let mut spent = told::Spent::default();
        let tell = |life, changes: &mut Changes| {
            told::tell_all(&self.hub, life, told::by_hash, std::mem::take(changes), &mut spent)
        };
        match self.index.batch(pin, &hashes, body, tell) {
            Ok(_) => Ok(true),
            Err(NotAll::Exists) => Ok(false),
            Err(NotAll::Refused(refused)) => Err(refused),
        }
    }

    /// Does the steps of a batch.
    pub(super) fn batch<'p>(
        &'p self,
        pin: &'p Pin,
        steps: &[BatchStep],
    ) -> Result<Vec<Given>, Stop> {
        let plan = Plan::new(steps, self.keypos, false);
        let hashes: SmallVec<[u64; 16]> = plan.keys.iter().map(|key| key.hash).collect();
        let body = |batch: &mut Batch<'p, Bagged>| {
            let is_watched = batch.is_watched();
            let mut contents: SmallVec<[Several<'p>; 4]> = SmallVec::new();
            let mut places: SmallVec<[_; 4]> = SmallVec::new();
            for key in &plan.keys {
                let found = batch.find(key.hash, |entry| self.is_of(entry, *key));
                let (commit, entry) = (batch.commit_word(), found.entry::<Bagged>());
                contents.push(Several::new(self, pin, commit, entry, is_watched));
                places.push(found);
            }
            let given = match plan.run(&mut contents) {
                Ok(given) => given,
                Err(stop) => {
                    contents.into_iter().for_each(|content| content.give_up(batch));
                    return Err(stop);
                }
            };
            let changes: Changes = contents.iter_mut().flat_map(Several::take_changes).collect();
            for (content, found) in contents.into_iter().zip(places) {
                content.finish(batch, found);
            }
            Ok::<_, Stop>((given, changes))
        };
        let mut spent = told::Spent::default();
        let tell = |life, (_, changes): &mut (_, Changes)| {
            told::tell_all(&self.hub, life, told::by_hash, std::mem::take(changes), &mut spent)
        };
        Ok(self.index.batch(pin, &hashes, body, tell)?.0)
    }

    /// Inserts the objects of one key, as part of a batch.
    fn insert_many<'p>(
        &self,
        pin: &'p Pin,
        batch: &mut Batch<'p, Bagged>,
        key: Key<'_>,
        blocks: Vec<Block>,
        changes: &mut Changes,
    ) -> Result<(), Refused> {
        let is_of = |entry: BagRef<'_>| self.is_of(entry, key);
        let mut all = Vec::new();
        match batch.get(key.hash, is_of) {
            Some(BagRef::Many(group)) if group.room() < blocks.len() => return Err(Refused::Full),
            Some(BagRef::Many(group)) => {
                self.prepare(pin, batch, group, blocks, changes);
                return Ok(());
            }
            Some(BagRef::One(first)) => all.push(first.to_block()),
            None => {}
        }
        let before = all.len();
        all.extend(blocks);
        if self.unique {
            self.dedup(&mut all);
        }
        if batch.is_watched() {
            changes.extend(all[before..].iter().map(|new| told::Change::inserted(new.borrow())));
        }
        match all.len() {
            len if len == before => {}
            len if len > Group::MOST => return Err(Refused::Full),
            1 => batch.put(key.hash, is_of, Bagged::one(all.remove(0))),
            _ => batch.put(key.hash, is_of, self.group(all)),
        }
        Ok(())
    }

    /// Keeps the first of equal blocks.
    fn dedup(&self, blocks: &mut Vec<Block>) {
        let mut seen: std::collections::HashMap<u64, Vec<Block>> = std::collections::HashMap::new();
        blocks.retain(|block| {
            let same = seen.entry(self.object_hash(block.borrow())).or_default();
            let fresh = !same.iter().any(|held| equal(held.borrow(), block.borrow()));
            if fresh {
                same.push(block.clone());
            }
            fresh
        });
    }

    /// Appends objects to a group that show when the batch commits.
    fn prepare<'p>(
        &self,
        pin: &'p Pin,
        batch: &mut Batch<'p, Bagged>,
        group: &'p Group,
        blocks: Vec<Block>,
        changes: &mut Changes,
    ) {
        let is_watched = batch.is_watched();
        let before = group.weight();
        group.prepare(batch.commit_word());
        group.edit(pin, |edit| {
            for block in blocks {
                let hash = self.object_hash(block.borrow());
                let shared = block.clone();
                let is_new = if self.unique {
                    edit.append_new(block, hash, |old| equal(old, shared.borrow()))
                } else {
                    edit.append(block, hash);
                    true
                };
                if is_new && is_watched {
                    changes.push(told::Change::inserted(shared.borrow()));
                }
            }
        });
        end_with(batch, group, before);
    }

    pub(super) fn each<'p>(
        &self,
        pin: &'p Pin,
        key: Key<'_>,
        visit: impl FnMut(ObjectRef<'p>),
    ) -> bool {
        let Some(entry) = self.index.get(pin, key.hash, |entry| self.is_of(entry, key)) else {
            return false;
        };
        let snapshot = entry.snapshot(pin);
        snapshot.iter().map(ObjectRef::new).for_each(visit);
        !snapshot.is_empty()
    }

    pub(super) fn take(&self, pin: &Pin, key: Key<'_>) -> Result<Result<Objects>, Refused> {
        let change = |old: Option<BagRef<'_>>| {
            let mut objects = Ok(Objects::default());
            match old {
                None => {}
                Some(BagRef::One(block)) => push(&mut objects, ObjectRef::new(block)),
                Some(BagRef::Many(group)) => {
                    for block in group.snapshot(pin).iter() {
                        push(&mut objects, ObjectRef::new(block));
                    }
                }
            }
            (if objects.is_ok() { Change::Remove } else { Change::Keep }, objects)
        };
        self.write(pin, key, change, |old, _| all_deleted(pin, old))
    }

    pub(super) fn delete(&self, pin: &Pin, key: Key<'_>) -> Result<(), Refused> {
        self.write(pin, key, |_| (Change::Remove, ()), |old, _| all_deleted(pin, old))
    }

    pub(super) fn delete_object(&self, pin: &Pin, block: &Block) -> Result<(), Refused> {
        self.delete_exactly(pin, block).map(|_| ())
    }

    pub(super) fn delete_exactly(&self, pin: &Pin, block: &Block) -> Result<usize, Refused> {
        let count = Cell::new(1);
        let is_one = |old: BlockRef<'_>| equal(old, block.borrow());
        let change = |old: Option<BagRef<'_>>| match old {
            Some(BagRef::One(old)) if is_one(old) => (Change::Remove, 1),
            Some(BagRef::Many(group)) => {
                let hash = self.object_hash(block.borrow());
                count.set(group.delete(pin, hash, is_one));
                (deleted_from(group), count.get())
            }
            _ => (Change::Keep, 0),
        };
        self.write(pin, self.key(block.borrow()), change, |_, _| {
            (0..count.get()).map(|_| told::Change::deleted(block.borrow())).collect()
        })
    }

    /// The owner's objects that are equal to `block`: one walk for all of them, and none over
    /// equal ones of others.
    pub(super) fn expire(
        &self,
        pin: &Pin,
        block: &Block,
        owner: OwnerId,
    ) -> Result<Expired, Refused> {
        let expired = RefCell::new(Expired::new());
        let is_his = |old: BlockRef<'_>| {
            let is_his = old.lease() == Some(owner) && equal(old, block.borrow());
            if is_his {
                expired.borrow_mut().push(old.to_block());
            }
            is_his
        };
        let change = |old: Option<BagRef<'_>>| match old {
            Some(BagRef::One(old)) if is_his(old) => (Change::Remove, ()),
            Some(BagRef::Many(group)) => {
                let hash = self.object_hash(block.borrow());
                group.edit(pin, |edit| edit.delete_leased(hash, owner, is_his));
                (deleted_from(group), ())
            }
            _ => (Change::Keep, ()),
        };
        self.write(pin, self.key(block.borrow()), change, |_, _| {
            expired.borrow().iter().map(|block| told::Change::deleted(block.borrow())).collect()
        })?;
        Ok(expired.into_inner())
    }

    /// Puts new objects in the place of all that a key has, if these are still the `old` ones. A
    /// leased one stays where the new one is equal.
    pub(super) fn exchange_all(
        &self,
        pin: &Pin,
        key: Key<'_>,
        old: &[Object],
        mut new: Vec<Block>,
    ) -> Result<bool, Refused> {
        let is_old = |block: BlockRef<'_>, at: usize| {
            old.get(at).is_some_and(|old| equal(block, old.block().borrow()))
        };
        let change = |entry: Option<BagRef<'_>>| {
            let unchanged = entry.is_some_and(|entry| {
                let snapshot = entry.snapshot(pin);
                let same = snapshot.iter().enumerate().all(|(at, block)| is_old(block, at));
                let unchanged = same && snapshot.iter().count() == old.len();
                for (new, old) in new.iter_mut().zip(snapshot.iter()).filter(|_| unchanged) {
                    if old.is_leased() && equal(new.borrow(), old) {
                        *new = old.to_block();
                    }
                }
                unchanged
            });
            match new.len() {
                _ if !unchanged => (Change::Keep, false),
                0 => (Change::Remove, true),
                1 => (Change::Put(Bagged::one(new.remove(0))), true),
                _ => (Change::Put(self.group(new)), true),
            }
        };
        self.write(pin, key, change, |old, new| replaced(pin, old, new))
    }

    pub(super) fn scan<'p>(
        &self,
        pin: &'p Pin,
        from: u64,
        budget: usize,
        mut visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<u64> {
        self.index.scan(pin, from, budget, |entry| match entry {
            BagRef::One(block) => visit(ObjectRef::new(block)),
            BagRef::Many(_) => {
                entry.snapshot(pin).iter().map(ObjectRef::new).for_each(&mut visit);
            }
        })
    }

    pub(super) fn step(&self, pin: &Pin, position: Position<'_>, stride: Stride) -> Result<Step> {
        let mut from = match position {
            Position::Start => Some(0),
            Position::On(key) => Some(key.hash),
        };
        let mut from_exists = false;
        while let Some(hash) = from {
            let (bucket, end) = self.index.bucket(pin, hash);
            let mut least: Option<(Key<'_>, BagRef<'_>)> = None;
            for entry in bucket {
                let sample = Self::sample(entry).filter(|_| !entry.snapshot(pin).is_empty());
                let Some(key) = sample.map(|block| self.key(block)) else {
                    continue; // emptied just now
                };
                let relation = match position {
                    Position::Start => Ordering::Greater,
                    Position::On(start) => by_hash(key, start),
                };
                from_exists |= relation == Ordering::Equal;
                let is_less = least.is_none_or(|(least, _)| by_hash(key, least).is_lt());
                if relation == Ordering::Greater && is_less {
                    least = Some((key, entry));
                }
            }
            if let Some((key, entry)) = least {
                if let Some(next) = Self::found(pin, key, entry, stride)? {
                    return Ok(Step { from_exists, next: Some(next) });
                }
                continue; // emptied since we looked: look again
            }
            from = end;
        }
        Ok(Step { from_exists, next: None })
    }

    fn found(
        pin: &Pin,
        key: Key<'_>,
        entry: BagRef<'_>,
        stride: Stride,
    ) -> Result<Option<KeyAndObjects>> {
        let mut objects = Ok(Objects::default());
        if !stride.objects {
            // There were objects when its key was read.
            return Ok(Some((key.term.to_term()?, Objects::default())));
        }
        match entry {
            BagRef::One(block) => push(&mut objects, ObjectRef::new(block)),
            BagRef::Many(group) => {
                for block in group.snapshot(pin).iter() {
                    push(&mut objects, ObjectRef::new(block));
                }
            }
        }
        let objects = objects?;
        if objects.is_empty() { Ok(None) } else { Ok(Some((key.term.to_term()?, objects))) }
    }

    pub(super) fn slot(&self, pin: &Pin, slot: u64) -> Result<Objects> {
        let (first, last) = slot_hashes(slot, self.index.buckets(pin));
        let mut objects = Ok(Objects::default());
        for entry in self.index.bucket(pin, first).0 {
            for block in entry.snapshot(pin).iter() {
                if (first..=last).contains(&block.hash()) {
                    push(&mut objects, ObjectRef::new(block));
                }
            }
        }
        objects
    }
}
