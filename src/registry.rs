//! The registry: which tables exist, under which names, and whose they are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::reclaim::pin;
use crate::table::core::{OwnerId, TableCore};
use crate::table::{Kind, TableOptions};
use crate::term::{Atom, KeyHasher};

/// What all handles of a store share.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Tells the references of this store's tables from those of others.
    creation: u32,
    hasher: KeyHasher,
    next_owner: AtomicU64,
    next_table: AtomicU64,
    tables: RwLock<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    by_id: HashMap<u64, Arc<TableCore>>,
    by_name: HashMap<Atom, u64>,
    by_owner: HashMap<OwnerId, HashSet<u64>>,
    /// Tables that an owner has fixed; may name tables that are gone.
    fixed_by: HashMap<OwnerId, HashSet<u64>>,
}

impl Registry {
    pub(crate) fn new(seed: u64, creation: u32) -> Self {
        Self {
            creation,
            hasher: KeyHasher::new(seed),
            next_owner: AtomicU64::new(1),
            next_table: AtomicU64::new(1),
            tables: RwLock::default(),
        }
    }

    pub(crate) fn creation(&self) -> u32 {
        self.creation
    }

    pub(crate) fn new_owner(&self) -> OwnerId {
        self.next_owner.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a table.
    pub(crate) fn create(
        &self,
        name: Atom,
        owner: OwnerId,
        options: TableOptions,
    ) -> Result<Arc<TableCore>> {
        if options.keypos == 0 {
            return Err(Error::new(ErrorKind::BadOption, "keypos 0: positions count from one"));
        }
        if options.order_statistics && options.kind != Kind::OrderedSet {
            let message =
                format!("a {} has no order_statistics: only an ordered_set", options.kind);
            return Err(Error::new(ErrorKind::BadOption, message));
        }
        let named = options.named;
        let id = self.next_table.fetch_add(1, Ordering::Relaxed);
        let core = Arc::new(TableCore::new(id, name, owner, options, self.hasher.clone())?);
        let mut tables = self.tables.write();
        if named {
            if tables.by_name.contains_key(&name) {
                let message = format!("a table named `{}` exists", name.name());
                return Err(Error::new(ErrorKind::AlreadyExists, message));
            }
            tables.by_name.insert(name, id);
        }
        tables.by_id.insert(id, Arc::clone(&core));
        tables.by_owner.entry(owner).or_default().insert(id);
        Ok(core)
    }

    /// The table that can be found by a name.
    pub(crate) fn named(&self, name: Atom) -> Option<Arc<TableCore>> {
        let tables = self.tables.read();
        let id = tables.by_name.get(&name)?;
        tables.by_id.get(id).cloned()
    }

    /// The table with an id.
    pub(crate) fn by_id(&self, id: u64) -> Option<Arc<TableCore>> {
        self.tables.read().by_id.get(&id).cloned()
    }

    /// All tables that exist now.
    pub(crate) fn all(&self) -> Vec<Arc<TableCore>> {
        self.tables.read().by_id.values().cloned().collect()
    }

    /// Ends a table; `false` if it has ended already. The memory comes back later.
    pub(crate) fn delete(&self, core: &TableCore) -> bool {
        {
            let mut tables = self.tables.write();
            if !core.set_gone() {
                return false;
            }
            tables.by_id.remove(&core.id);
            if core.options.named {
                tables.by_name.remove(&core.name());
            }
            let owner = core.owner();
            if let Some(owned) = tables.by_owner.get_mut(&owner) {
                owned.remove(&core.id);
                if owned.is_empty() {
                    tables.by_owner.remove(&owner);
                }
            }
        }
        // Only a table that is closed already refuses, and it has nothing to give back.
        let _ = core.engine.close(&pin());
        true
    }

    /// Gives a table another name.
    pub(crate) fn rename(&self, core: &TableCore, name: Atom) -> Result<()> {
        let mut tables = self.tables.write();
        if core.is_gone() {
            return Err(core.no_such_table());
        }
        if core.options.named {
            if tables.by_name.contains_key(&name) {
                let message = format!("a table named `{}` exists", name.name());
                return Err(Error::bad_argument(message));
            }
            tables.by_name.remove(&core.name());
            tables.by_name.insert(name, core.id);
        }
        core.set_name(name);
        Ok(())
    }

    /// Notes whether an owner has fixed a table, to be released when he ends.
    pub(crate) fn note_fixation(&self, owner: OwnerId, core: &TableCore, fixed: bool) {
        let mut tables = self.tables.write();
        let noted = tables.fixed_by.entry(owner).or_default();
        if fixed && !core.is_gone() {
            noted.insert(core.id);
        } else {
            noted.remove(&core.id);
        }
        if noted.is_empty() {
            tables.fixed_by.remove(&owner);
        }
    }

    /// Ends an owner: his tables are deleted, his fixations released. O(tables that concern him).
    pub(crate) fn end_owner(&self, owner: OwnerId) {
        let (owned, fixed) = {
            let mut tables = self.tables.write();
            let owned = tables.by_owner.remove(&owner).unwrap_or_default();
            let fixed = tables.fixed_by.remove(&owner).unwrap_or_default();
            let cores = |ids: HashSet<u64>| -> Vec<Arc<TableCore>> {
                ids.iter().filter_map(|id| tables.by_id.get(id).cloned()).collect()
            };
            (cores(owned), cores(fixed))
        };
        for core in owned {
            self.delete(&core);
        }
        for core in fixed {
            core.change_fixations(|fixations| fixations.release(owner));
        }
    }
}
