//! Leases: objects that go when an owner goes, whoever owns the table that they are in.
//!
//! A leased object carries the number of its owner, in front of its words, and the owner keeps a
//! list of the objects that he has leased, by table. When he ends, each of the list is deleted
//! from its table if what stands there under its key is still his: nothing is scanned, and what
//! somebody else has put there stays.
//!
//! Those who delete, replace or update leased objects know nothing of the list; so it costs nobody
//! anything, and holds some objects that are in no table any more. A list that has doubled since
//! it was last gone through is gone through: an object to which it holds the last reference has
//! been replaced by a newer state of itself, which takes its place in the list, or it is gone. That
//! is one look at each, so O(1) for each lease; and a list is never longer than twice what it was
//! when it was gone through last, or than [`SHORT`].
//!
//! An object of a set may be updated, so what counts there is the key and the number. One of a bag
//! is never updated; what counts is the object and the number, so that equal ones of an owner go at
//! once, and the table tells them apart from those of others without looking at these.

use std::collections::HashMap;
use std::sync::Arc;

use crate::platform::sync::Mutex;
use crate::platform::wake::Wake;
use crate::raw::block::Block;
use crate::raw::reclaim::pin;
use crate::table::core::{OwnerId, TableCore};
use crate::term::{Object, ObjectRef};

/// A list of this length is left as it is.
const SHORT: usize = 64;
/// Objects that are deleted under one pin.
const STEP: usize = 256;

/// What an owner has leased.
#[derive(Debug)]
pub(crate) struct Leases {
    /// By the number of the table; `None` when the owner has ended.
    lists: Mutex<Option<HashMap<u64, List>>>,
}

/// The objects in one table.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) core: Arc<TableCore>,
    objects: Vec<Block>,
    /// The length at which it is gone through.
    full: usize,
}

/// Why nothing could be leased.
#[derive(Debug)]
pub(crate) enum NotLeased<E> {
    /// The owner has ended.
    Ended,
    /// He has no list for that table yet.
    NoList,
    /// The table refuses.
    Refused(E),
}

impl List {
    fn new(core: Arc<TableCore>) -> Self {
        Self { core, objects: Vec::new(), full: SHORT }
    }

    fn add(&mut self, objects: impl ExactSizeIterator<Item = Block>, owner: OwnerId) {
        if self.objects.len() + objects.len() > self.full {
            self.tidy(owner);
            self.full = (2 * (self.objects.len() + objects.len())).max(SHORT);
        }
        self.objects.extend(objects);
    }

    /// Drops what is gone, and takes the newest state of what was updated.
    fn tidy(&mut self, owner: OwnerId) {
        let (engine, mut renewed) = (&self.core.engine, false);
        self.objects.retain_mut(|object| {
            if object.borrow().refs() > 1 {
                return true;
            }
            let newest = engine.leased(&pin(), object, owner);
            renewed |= newest.is_some();
            newest.is_some_and(|newest| {
                *object = newest;
                true
            })
        });
        if renewed {
            // One that was leased anew and one that was updated may be the same by now.
            self.objects.sort_unstable_by_key(|object| object.borrow().address());
            self.objects.dedup_by_key(|object| object.borrow().address());
        }
    }

    /// Deletes the objects that are still there; shows them to `gone`. O(objects).
    pub(crate) fn expire(self, owner: OwnerId, mut gone: impl FnMut(ObjectRef<'_>)) {
        for objects in self.objects.chunks(STEP) {
            let pin = pin();
            for object in objects {
                match self.core.engine.expire(&pin, object, owner) {
                    Ok(all) => all.iter().for_each(|one| gone(ObjectRef::new(one.borrow()))),
                    // The table is deleted, and all its objects with it.
                    Err(_) => return,
                }
            }
        }
    }
}

impl Leases {
    pub(super) fn new() -> Self {
        Self { lists: Mutex::new(Some(HashMap::new())) }
    }

    /// Notes the objects and inserts them, if the owner lives: he cannot end in between.
    ///
    /// `insert` says whether they are in the table now.
    pub(super) fn add<E>(
        &self,
        owner: OwnerId,
        table: u64,
        objects: &[Block],
        insert: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, NotLeased<E>> {
        let (inserted, wake) = {
            let mut lists = self.lists.lock();
            let lists = lists.as_mut().ok_or(NotLeased::Ended)?;
            let list = lists.get_mut(&table).ok_or(NotLeased::NoList)?;
            // Whoever hears of it may lease, or end this owner.
            let (inserted, wake) = Wake::keep_back(insert);
            if matches!(inserted, Ok(true)) {
                list.add(objects.iter().cloned(), owner);
            }
            (inserted, wake)
        };
        wake.run();
        inserted.map_err(NotLeased::Refused)
    }

    /// Begins a list, if the owner lives; whether he does.
    pub(super) fn open(&self, core: &Arc<TableCore>) -> bool {
        let mut lists = self.lists.lock();
        let Some(lists) = lists.as_mut() else { return false };
        lists.entry(core.id).or_insert_with(|| List::new(Arc::clone(core)));
        true
    }

    /// The list of a table that is gone.
    pub(super) fn forget(&self, table: u64) -> Option<List> {
        self.lists.lock().as_mut().and_then(|lists| lists.remove(&table))
    }

    /// Ends: nothing can be leased any more. The lists, in the order of the tables.
    pub(super) fn end(&self) -> Vec<List> {
        let lists = self.lists.lock().take();
        let mut lists: Vec<List> = lists.into_iter().flat_map(HashMap::into_values).collect();
        lists.sort_unstable_by_key(|list| list.core.id);
        lists
    }

    /// How many objects are in the lists.
    #[cfg(all(test, not(ferrets_loom)))]
    pub(crate) fn len(&self) -> usize {
        let lists = self.lists.lock();
        lists.iter().flat_map(|lists| lists.values()).map(|list| list.objects.len()).sum()
    }
}

/// The objects, to keep. One for which there is no memory is left out.
pub(super) fn kept(list: List, owner: OwnerId) -> Vec<Object> {
    let mut objects = Vec::new();
    list.expire(owner, |object| objects.extend(object.to_object().ok()));
    objects
}
