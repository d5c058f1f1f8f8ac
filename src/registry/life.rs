//! The life of owners: how they begin and end, and who is told.
//!
//! An owner ends in three steps:
//!
//! 1. At one instant, under the lock, he is dead: nobody can give him a table any more, his tables
//!    are his heirs' or gone, his fixations are released.
//! 2. Without the lock, the indexes of his tables are closed and what he had leased is deleted,
//!    object by object.
//! 3. Under the lock again, those who watch him are told; by then, all of it has happened. Whoever
//!    took his monitor back before hears nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::lease::{Leases, NotLeased, kept};
use super::mailbox::{LeasesDown, Mail, Mailbox};
use super::{Gone, Registry, State, no_owner};
use crate::error::Result;
use crate::platform::sync::Mutex;
use crate::platform::wake::Wake;
use crate::raw::block::Block;
use crate::table::core::{NOBODY, Need, OwnerId, TableCore, owner_of_pid, owner_pid};
use crate::term::{Atom, Object, Pid, Term};

/// What an owner's handles share with the registry.
#[derive(Debug)]
pub(crate) struct OwnerCore {
    pub(crate) number: OwnerId,
    pub(crate) mailbox: Mailbox,
    pub(super) leases: Leases,
    /// Tables that he has fixed: of each that exists, and of no other.
    pub(super) fixed: Mutex<BTreeSet<u64>>,
}

/// What the registry knows of an owner.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) core: Arc<OwnerCore>,
    /// Why he is ending, if he is.
    ending: Option<Term>,
    pub(super) owned: BTreeSet<u64>,
    /// Monitors that are set on him, and whose they are.
    watchers: BTreeMap<u64, OwnerId>,
    /// Monitors that he has set.
    pub(super) watching: BTreeMap<u64, Target>,
}

/// What a monitor is set on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Owner(OwnerId),
    Table(u64),
    Leases(u64),
}

impl Record {
    fn new(number: OwnerId) -> Self {
        let core = OwnerCore {
            number,
            mailbox: Mailbox::default(),
            leases: Leases::new(),
            fixed: Mutex::new(BTreeSet::new()),
        };
        Self {
            core: Arc::new(core),
            ending: None,
            owned: BTreeSet::new(),
            watchers: BTreeMap::new(),
            watching: BTreeMap::new(),
        }
    }

    /// The store as an owner: nobody reads its messages.
    pub(super) fn of_store() -> Self {
        let store = Self::new(NOBODY);
        drop(store.core.mailbox.close(&mut Wake::default()));
        store
    }

    pub(super) fn is_alive(&self) -> bool {
        self.ending.is_none()
    }
}

impl Registry {
    pub(crate) fn new_owner(&self) -> Arc<OwnerCore> {
        let number = self.next_owner.fetch_add(1, Ordering::Relaxed);
        let record = Record::new(number);
        let core = Arc::clone(&record.core);
        self.state.write().owners.insert(number, record);
        core
    }

    pub(crate) fn is_alive(&self, pid: Pid) -> bool {
        let owner = owner_of_pid(self.creation(), pid);
        owner.is_some_and(|owner| self.state.read().is_alive(owner))
    }

    /// Ends an owner, unless somebody else has. O(what concerns him). Whether tables went with him,
    /// whose memory is to come back.
    pub(crate) fn end_owner(&self, owner: &OwnerCore, reason: &Term) -> bool {
        let mut wakes = Wake::default();
        let begun = self.state.write().begin_end(owner.number, reason, &mut wakes);
        let Some((gone, unread)) = begun else { return false };
        drop(unread);
        wakes.run();
        let any_gone = !gone.is_empty();
        gone.into_iter().for_each(Gone::close);
        let expired = expire(owner);
        let mut wakes = Wake::default();
        let record = self.state.write().finish_end(owner.number, reason, &expired, &mut wakes);
        drop((record, expired));
        wakes.run();
        any_gone
    }

    /// Sets a monitor of an owner's on another. One who is not there is reported at once.
    pub(crate) fn monitor(&self, watcher: OwnerId, target: Pid) -> Result<u64> {
        let mut wakes = Wake::default();
        let monitor = {
            let state = &mut *self.state.write();
            let monitor = state.new_monitor(watcher)?;
            match owner_of_pid(self.creation(), target) {
                // Nobody hears of his own end.
                Some(owner) if owner == watcher => {}
                Some(owner) if state.owners.contains_key(&owner) => {
                    state.living(watcher)?.watching.insert(monitor, Target::Owner(owner));
                    if let Some(record) = state.owners.get_mut(&owner) {
                        record.watchers.insert(monitor, watcher);
                    }
                }
                _ => {
                    let reason = Term::from(Atom::NOPROC);
                    let mail = Mail::OwnerDown { monitor, owner: target, reason };
                    state.living(watcher)?.core.mailbox.push(mail, &mut wakes);
                }
            }
            monitor
        };
        wakes.run();
        Ok(monitor)
    }

    /// Sets a monitor of an owner's on a table, or on what is leased in it. A table that is gone is
    /// reported at once.
    pub(crate) fn monitor_table(
        &self,
        watcher: OwnerId,
        core: &TableCore,
        leases: bool,
    ) -> Result<u64> {
        let mut wakes = Wake::default();
        let monitor = {
            let state = &mut *self.state.write();
            let monitor = state.new_monitor(watcher)?;
            match state.tables.get_mut(&core.id) {
                None => {
                    let (table, name, reason) = (core.id, core.name(), Term::from(Atom::NOPROC));
                    let mail = Mail::TableDown { monitor, table, name, reason };
                    state.living(watcher)?.core.mailbox.push(mail, &mut wakes);
                }
                Some(entry) => {
                    let target = if leases {
                        core.check(watcher, Need::Read)?;
                        entry.lease_watchers.insert(monitor, watcher);
                        core.leases_watched.store(true, Ordering::Relaxed);
                        Target::Leases(core.id)
                    } else {
                        entry.watchers.insert(monitor, watcher);
                        Target::Table(core.id)
                    };
                    state.living(watcher)?.watching.insert(monitor, target);
                }
            }
            monitor
        };
        wakes.run();
        Ok(monitor)
    }

    /// Takes a monitor back; whether there was one. Nothing comes of it from now on.
    pub(crate) fn demonitor(&self, watcher: OwnerId, monitor: u64) -> bool {
        let state = &mut *self.state.write();
        let Some(record) = state.owners.get_mut(&watcher) else { return false };
        let Some(target) = record.watching.remove(&monitor) else { return false };
        state.unwatch(monitor, target);
        true
    }

    /// Inserts objects that are leased to `who`, and notes them.
    pub(crate) fn lease(
        &self,
        core: &Arc<TableCore>,
        who: OwnerId,
        objects: &[Block],
        insert: impl Fn() -> Result<bool>,
    ) -> Result<bool> {
        loop {
            let owner = {
                let state = self.state.read();
                let record = state.owners.get(&who).filter(|record| record.is_alive());
                let record = record.filter(|_| who != NOBODY);
                Arc::clone(&record.ok_or_else(no_owner)?.core)
            };
            match owner.leases.add(who, core.id, objects, &insert) {
                Ok(inserted) => return Ok(inserted),
                Err(NotLeased::Ended) => return Err(no_owner()),
                Err(NotLeased::Refused(error)) => return Err(error),
                Err(NotLeased::NoList) => self.open_leases(core, who)?,
            }
        }
    }

    /// Begins an owner's list for a table, without the lock of the registry: he may just be adding
    /// many objects to another list.
    fn open_leases(&self, core: &Arc<TableCore>, who: OwnerId) -> Result<()> {
        let owner = {
            let state = &mut *self.state.write();
            let owner = Arc::clone(&state.living(who)?.core);
            let entry = state.tables.get_mut(&core.id).ok_or_else(|| core.no_such_table())?;
            entry.lessees.insert(who);
            owner
        };
        let is_open = owner.leases.open(core);
        if !self.state.read().tables.contains_key(&core.id) {
            // It may have gone before there was a list to be forgotten with it.
            drop(owner.leases.forget(core.id));
            return Err(core.no_such_table());
        }
        if !is_open {
            if let Some(entry) = self.state.write().tables.get_mut(&core.id) {
                entry.lessees.remove(&who);
            }
            return Err(no_owner());
        }
        Ok(())
    }
}

/// The objects that went with an owner from a table whose leases somebody watches.
type Expired = (Arc<TableCore>, Arc<[Object]>);

/// Deletes what an owner had leased, who has begun to end.
fn expire(owner: &OwnerCore) -> Vec<Expired> {
    let mut expired = Vec::new();
    for list in owner.leases.end() {
        let core = Arc::clone(&list.core);
        if core.leases_watched.load(Ordering::Relaxed) {
            expired.push((core, kept(list, owner.number).into()));
        } else {
            list.expire(owner.number, |_| {});
            expired.push((core, Arc::default()));
        }
    }
    expired
}

impl State {
    /// The instant at which an owner ends: what he owned is inherited or gone, what he had fixed is
    /// not any more. What is left to do and to drop without the lock; `None` if he has ended.
    fn begin_end(
        &mut self,
        owner: OwnerId,
        reason: &Term,
        wakes: &mut Wake,
    ) -> Option<(Vec<Gone>, VecDeque<Mail>)> {
        let record = self.owners.get_mut(&owner).filter(|record| record.is_alive())?;
        record.ending = Some(reason.clone());
        let unread = record.core.mailbox.close(wakes);
        let owned = std::mem::take(&mut record.owned);
        let fixed = std::mem::take(&mut *record.core.fixed.lock());
        let mut gone = Vec::new();
        for table in owned {
            let heir = self.tables.get(&table).and_then(|entry| entry.heir.as_ref());
            match heir.filter(|heir| self.is_alive(heir.owner)) {
                Some(heir) => {
                    let (heir, data) = (heir.owner, heir.data.clone());
                    self.hand_over(table, owner, heir, data, wakes);
                }
                None => gone.extend(self.remove_table(table, reason, wakes)),
            }
        }
        // Tables are gone before they are no longer fixed: who walks one is told so.
        for table in fixed.iter().filter_map(|table| self.tables.get(table)) {
            table.core.change_fixations(|fixations| fixations.release(owner));
        }
        Some((gone, unread))
    }

    /// Tells those who watch an owner that he has ended, and forgets him.
    fn finish_end(
        &mut self,
        owner: OwnerId,
        reason: &Term,
        expired: &[Expired],
        wakes: &mut Wake,
    ) -> Option<Record> {
        let mut record = self.owners.remove(&owner)?;
        for (monitor, target) in std::mem::take(&mut record.watching) {
            self.unwatch(monitor, target);
        }
        for (core, objects) in expired {
            let Some(entry) = self.tables.get_mut(&core.id) else { continue };
            entry.lessees.remove(&owner);
            if objects.is_empty() {
                continue;
            }
            for (monitor, watcher) in &entry.lease_watchers {
                let Some(watcher) = self.owners.get(watcher) else { continue };
                let (core, monitor) = (Arc::clone(core), *monitor);
                let (reason, objects) = (reason.clone(), Arc::clone(objects));
                let down = LeasesDown { monitor, core, owner, reason, objects };
                watcher.core.mailbox.push(Mail::LeasesDown(down), wakes);
            }
        }
        let pid = owner_pid(self.creation, owner);
        for (monitor, watcher) in std::mem::take(&mut record.watchers) {
            let Some(watcher) = self.owners.get_mut(&watcher) else { continue };
            watcher.watching.remove(&monitor);
            let mail = Mail::OwnerDown { monitor, owner: pid, reason: reason.clone() };
            watcher.core.mailbox.push(mail, wakes);
        }
        Some(record)
    }

    fn new_monitor(&mut self, watcher: OwnerId) -> Result<u64> {
        self.living(watcher)?;
        self.last_monitor += 1;
        Ok(self.last_monitor)
    }

    /// Takes a monitor from what it is set on.
    fn unwatch(&mut self, monitor: u64, target: Target) {
        match target {
            Target::Owner(owner) => {
                if let Some(record) = self.owners.get_mut(&owner) {
                    record.watchers.remove(&monitor);
                }
            }
            Target::Table(table) => {
                if let Some(entry) = self.tables.get_mut(&table) {
                    entry.watchers.remove(&monitor);
                }
            }
            Target::Leases(table) => {
                if let Some(entry) = self.tables.get_mut(&table) {
                    entry.lease_watchers.remove(&monitor);
                    let watched = !entry.lease_watchers.is_empty();
                    entry.core.leases_watched.store(watched, Ordering::Relaxed);
                }
            }
        }
    }
}
