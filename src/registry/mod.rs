//! The registry: which tables exist, under which names, and whose they are.
//!
//! All of it is behind one lock, and what must happen at once happens under it: that a table is
//! made and has a living owner, that it changes hands and the receiver is told, that an owner ends
//! and his tables are inherited or gone. So a table is never lost, never left with an owner who has
//! ended, and never handed over twice. No operation on objects takes the lock; who acts for whom is
//! in the handle, and whose a table is, in an atomic of the table's that is set under the lock.
//!
//! What takes time is done when the lock has been given up: closing the indexes of tables that are
//! gone, deleting what was leased, waking who waits.
//!
//! The store itself is an owner too, number zero: it owns what is to outlive all others, never
//! ends, and reads no messages.

mod lease;
mod life;
#[cfg(all(test, ferrets_loom))]
mod loom_life;
mod mailbox;
#[cfg(all(test, not(ferrets_loom)))]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::platform::wake::Wake;
pub(crate) use life::OwnerCore;
use life::Record;
pub(crate) use mailbox::{LeasesDown, Mail, Received};

use crate::error::{Error, ErrorKind, Result};
use crate::platform::sync::RwLock;
use crate::raw::reclaim::pin;
use crate::table::core::{NOBODY, Need, OwnerId, TableCore, id_of_term, owner_of_pid};
use crate::table::info::Belongs;
use crate::table::{Access, Kind, TableOptions};
use crate::term::{Atom, KeyHasher, Pid, Term, TermRef, View};

/// What all handles of a store share.
pub(crate) struct Registry {
    /// Tells the references and pids of this store from those of others.
    creation: u32,
    hasher: KeyHasher,
    next_owner: AtomicU64,
    next_table: AtomicU64,
    state: RwLock<State>,
}

/// Not all that is in it: each handle has one.
impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("creation", &self.creation).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct State {
    creation: u32,
    tables: HashMap<u64, Entry>,
    names: HashMap<Atom, u64>,
    /// Those who live, and those who are ending.
    owners: HashMap<OwnerId, Record>,
    last_monitor: u64,
}

/// A table and what concerns it.
#[derive(Debug)]
struct Entry {
    core: Arc<TableCore>,
    heir: Option<Heir>,
    /// Monitors of the table, and of its leases, and whose they are.
    watchers: BTreeMap<u64, OwnerId>,
    lease_watchers: BTreeMap<u64, OwnerId>,
    /// Who has a list of leases in it.
    lessees: BTreeSet<OwnerId>,
}

/// Who inherits a table, and what he is told then.
#[derive(Debug)]
struct Heir {
    owner: OwnerId,
    data: Term,
}

/// A table that was taken out of the registry: what is left to do without the lock.
#[derive(Debug)]
#[must_use = "its memory comes back only when it is closed"]
struct Gone {
    core: Arc<TableCore>,
    lessees: Vec<Arc<OwnerCore>>,
}

impl Gone {
    fn close(self) {
        // One that is closed already has nothing to give back. Without memory for an empty root,
        // all comes back when the last handle goes: nobody gets at it meanwhile.
        let _ = self.core.engine.close(&pin());
        for lessee in self.lessees {
            drop(lessee.leases.forget(self.core.id));
        }
    }
}

impl Registry {
    pub(crate) fn new(seed: u64, creation: u32) -> Self {
        let state = State {
            creation,
            tables: HashMap::new(),
            names: HashMap::new(),
            owners: HashMap::from([(NOBODY, Record::of_store())]),
            last_monitor: 0,
        };
        Self {
            creation,
            hasher: KeyHasher::new(seed),
            next_owner: AtomicU64::new(NOBODY + 1),
            next_table: AtomicU64::new(1),
            state: RwLock::new(state),
        }
    }

    pub(crate) fn creation(&self) -> u32 {
        self.creation
    }

    fn heir(&self, (heir, data): (Pid, Term)) -> Option<Heir> {
        Some(Heir { owner: owner_of_pid(self.creation, heir)?, data })
    }

    /// Makes a table.
    pub(crate) fn create(
        &self,
        name: Atom,
        owner: OwnerId,
        mut options: TableOptions,
    ) -> Result<Arc<TableCore>> {
        if options.keypos == 0 {
            return Err(Error::new(ErrorKind::BadOption, "keypos 0: positions count from one"));
        }
        if options.order_statistics && options.kind != Kind::OrderedSet {
            let message =
                format!("a {} has no order_statistics: only an ordered_set", options.kind);
            return Err(Error::new(ErrorKind::BadOption, message));
        }
        let heir = options.heir.take().map(|heir| {
            let refused = Error::new(ErrorKind::BadOption, "the heir is no owner of this store");
            self.heir(heir).ok_or(refused)
        });
        let heir = heir.transpose()?;
        let named = options.named;
        let id = self.next_table.fetch_add(1, Ordering::Relaxed);
        let core = Arc::new(TableCore::new(id, name, owner, options, self.hasher.clone())?);
        let state = &mut *self.state.write();
        if named && state.names.contains_key(&name) {
            let message = format!("a table named `{}` exists", name.name());
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        }
        let heir = heir.filter(|heir| state.is_alive(heir.owner));
        state.living(owner)?.owned.insert(id);
        if named {
            state.names.insert(name, id);
        }
        let entry = Entry {
            core: Arc::clone(&core),
            heir,
            watchers: BTreeMap::new(),
            lease_watchers: BTreeMap::new(),
            lessees: BTreeSet::new(),
        };
        state.tables.insert(id, entry);
        Ok(core)
    }

    /// The table that can be found by a name.
    pub(crate) fn named(&self, name: &str) -> Result<Arc<TableCore>> {
        let found = Atom::existing(name).and_then(|name| {
            let state = self.state.read();
            let id = state.names.get(&name)?;
            state.tables.get(id).map(|entry| Arc::clone(&entry.core))
        });
        found.ok_or_else(|| {
            Error::new(ErrorKind::NoSuchTable, format!("there is no table named `{name}`"))
        })
    }

    /// The table with an id.
    pub(crate) fn by_id(&self, id: TermRef<'_>) -> Result<Arc<TableCore>> {
        let no_id = || Error::new(ErrorKind::NotATable, format!("{id} is no table id"));
        let View::Reference(reference) = id.view() else { return Err(no_id()) };
        let number = id_of_term(reference).ok_or_else(no_id)?;
        let is_ours = reference.creation() == self.creation;
        let state = self.state.read();
        let found = state.tables.get(&number).filter(|_| is_ours);
        found.map(|entry| Arc::clone(&entry.core)).ok_or_else(|| {
            Error::new(ErrorKind::NoSuchTable, format!("the table {id} has been deleted"))
        })
    }

    /// All tables that exist now.
    pub(crate) fn all(&self) -> Vec<Arc<TableCore>> {
        self.state.read().tables.values().map(|entry| Arc::clone(&entry.core)).collect()
    }

    /// Whose a table is, at one instant; `None` once it is gone.
    pub(crate) fn belongs(&self, core: &TableCore) -> Option<Belongs> {
        let state = self.state.read();
        let entry = state.tables.get(&core.id)?;
        let heir = entry.heir.as_ref().map(|heir| heir.owner);
        Some(Belongs { owner: core.owner(), heir })
    }

    /// Ends a table, if `who` may. The memory comes back later.
    pub(crate) fn delete(&self, core: &TableCore, who: OwnerId) -> Result<()> {
        let mut wakes = Wake::default();
        let gone = {
            let mut state = self.state.write();
            core.check(who, Need::Write)?;
            state.remove_table(core.id, &Term::from(Atom::DELETED), &mut wakes)
        };
        gone.into_iter().for_each(Gone::close);
        wakes.run();
        Ok(())
    }

    /// Gives a table another name, if `who` may.
    pub(crate) fn rename(&self, core: &TableCore, who: OwnerId, name: Atom) -> Result<()> {
        let state = &mut *self.state.write();
        core.check(who, Need::Write)?;
        if core.options.named {
            if state.names.contains_key(&name) {
                let message = format!("a table named `{}` exists", name.name());
                return Err(Error::bad_argument(message));
            }
            state.names.remove(&core.name());
            state.names.insert(name, core.id);
        }
        core.set_name(name);
        Ok(())
    }

    /// Changes what is given of heir (to somebody or nobody) and access, if `who` is the owner.
    pub(crate) fn set_options(
        &self,
        core: &TableCore,
        who: OwnerId,
        heir: Option<Option<(Pid, Term)>>,
        access: Option<Access>,
    ) -> Result<()> {
        let heir = heir.map(|heir| {
            let known = |heir| self.heir(heir).ok_or_else(|| not_living("the heir"));
            heir.map(known).transpose()
        });
        let heir = heir.transpose()?;
        let state = &mut *self.state.write();
        core.check(who, Need::Own)?;
        if let Some(heir) = heir {
            let heir = heir.filter(|heir| state.is_alive(heir.owner));
            if let Some(entry) = state.tables.get_mut(&core.id) {
                entry.heir = heir;
            }
        }
        if let Some(access) = access {
            core.set_access(access);
        }
        Ok(())
    }

    /// Gives a table of `who`'s to somebody else, and tells him.
    pub(crate) fn give_away(
        &self,
        core: &TableCore,
        who: OwnerId,
        to: Pid,
        data: Term,
    ) -> Result<()> {
        let mut wakes = Wake::default();
        {
            let mut state = self.state.write();
            core.check(who, Need::Write)?;
            let receiver = owner_of_pid(self.creation, to).filter(|to| state.is_alive(*to));
            let receiver = receiver.ok_or_else(|| not_living("the receiver"))?;
            core.check(who, Need::Own)?;
            if receiver == who {
                let message = format!("table `{}` is owned by the receiver", core.name().name());
                return Err(Error::new(ErrorKind::AlreadyOwner, message));
            }
            if let Some(giver) = state.owners.get_mut(&who) {
                giver.owned.remove(&core.id);
            }
            state.hand_over(core.id, who, receiver, data, &mut wakes);
        }
        wakes.run();
        Ok(())
    }

    /// Fixes a table once more for an owner.
    pub(crate) fn fix(&self, core: &TableCore, who: OwnerId) -> Result<()> {
        let state = self.state.read();
        core.check(who, Need::Read)?;
        let owner = state.owners.get(&who).filter(|record| record.is_alive());
        let mut fixed = owner.ok_or_else(no_owner)?.core.fixed.lock();
        core.change_fixations(|fixations| fixations.fix(who));
        fixed.insert(core.id);
        Ok(())
    }

    /// Releases one of an owner's fixations, if he has any.
    pub(crate) fn unfix(&self, core: &TableCore, who: OwnerId) {
        let state = self.state.read();
        let Some(owner) = state.owners.get(&who) else { return };
        let mut fixed = owner.core.fixed.lock();
        if !core.change_fixations(|fixations| fixations.unfix(who)) {
            fixed.remove(&core.id);
        }
    }
}

impl State {
    fn is_alive(&self, owner: OwnerId) -> bool {
        self.owners.get(&owner).is_some_and(Record::is_alive)
    }

    fn living(&mut self, owner: OwnerId) -> Result<&mut Record> {
        self.owners.get_mut(&owner).filter(|record| record.is_alive()).ok_or_else(no_owner)
    }

    /// Makes a table the property of somebody who lives, and tells him. (That it was whose it was
    /// is no longer noted.)
    fn hand_over(&mut self, table: u64, from: OwnerId, to: OwnerId, data: Term, wakes: &mut Wake) {
        let (Some(entry), Some(receiver)) = (self.tables.get(&table), self.owners.get_mut(&to))
        else {
            return;
        };
        entry.core.set_owner(to);
        receiver.owned.insert(table);
        let (core, name) = (Arc::clone(&entry.core), entry.core.name());
        receiver.core.mailbox.push(Mail::Transfer { core, name, from, data }, wakes);
    }

    /// Takes a table out, whose end is set, and tells those who watch it.
    fn remove_table(&mut self, table: u64, reason: &Term, wakes: &mut Wake) -> Option<Gone> {
        let entry = self.tables.remove(&table)?;
        let core = entry.core;
        core.set_gone();
        if core.options.named {
            self.names.remove(&core.name());
        }
        if let Some(owner) = self.owners.get_mut(&core.owner()) {
            owner.owned.remove(&table);
        }
        for holder in core.change_fixations(|fixations| fixations.release_all()) {
            if let Some(holder) = self.owners.get(&holder) {
                holder.core.fixed.lock().remove(&table);
            }
        }
        for (monitor, watcher) in entry.watchers.into_iter().chain(entry.lease_watchers) {
            let Some(watcher) = self.owners.get_mut(&watcher) else { continue };
            watcher.watching.remove(&monitor);
            let (name, reason) = (core.name(), reason.clone());
            watcher.core.mailbox.push(Mail::TableDown { monitor, table, name, reason }, wakes);
        }
        let lessee = |owner| self.owners.get(&owner).map(|record| Arc::clone(&record.core));
        let lessees = entry.lessees.into_iter().filter_map(lessee).collect();
        Some(Gone { core, lessees })
    }
}

#[cold]
fn not_living(who: &str) -> Error {
    Error::bad_argument(format!("{who} is no living owner of this store"))
}

/// The error of who acts for nobody, where somebody is needed.
#[cold]
pub(crate) fn no_owner() -> Error {
    Error::new(ErrorKind::NoOwner, "the handle acts for nobody, or for an owner who has ended")
}
