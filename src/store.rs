//! The store: a set of tables and their owners.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::owner::Owner;
use crate::raw::reclaim;
use crate::registry::Registry;
use crate::table::core::{NOBODY, TableCore, owner_pid};
use crate::table::{Table, TableOptions};
use crate::term::{Atom, Pid, TermRef};

/// A set of tables. A value, not a global: make as many as you like; a clone is a handle on the
/// same one.
///
/// ```
/// use ferrets::{Kind, Store, TableOptions};
/// let store = Store::new();
/// let owner = store.owner();
/// let table = owner.new_table("counts", TableOptions::new(Kind::Set))?;
/// table.insert(("visits", 1))?;
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    home: Arc<Registry>,
}

/// What is held back for readers that may still look at it, over all stores of the process.
///
/// ```
/// # use ferrets::{Error, Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert_list((0..10_000).map(|key| (key, "a text of some length")))?;
/// let held = t.read(|_| {
///     t.delete_all_objects()?;
///     Ok::<_, Error>(store.reclamation())
/// })??;
/// assert!(held.pending_bytes > 100_000, "the view might look at them");
/// assert_eq!(held.stalls, 0);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reclamation {
    /// Bytes of deleted objects that are not given back yet; each thread that writes may hold up
    /// to 64 KiB more, and as much that it is about to free itself.
    pub pending_bytes: usize,
    /// How often a writer found more than 16 MiB pending and could not help, because a reader
    /// stayed in a [read view](crate::Table::read) for long, or because the system call
    /// `membarrier`, which the process could use when it made its first table, is forbidden now.
    pub stalls: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// A store without tables.
    ///
    /// ```
    /// use ferrets::{Store, TableOptions};
    /// let (one, other) = (Store::new(), Store::new());
    /// one.new_table("users", TableOptions::default().named(true))?;
    /// assert!(one.table("users").is_ok() && other.table("users").is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_seed(RandomState::new().build_hasher().finish())
    }

    /// A store whose hashes, and so the order of its traversals, follow from `seed`: for tests.
    /// Who can choose the keys and knows the seed can make a table slow.
    ///
    /// ```
    /// use ferrets::{Kind, Store, TableOptions};
    /// let walk = || {
    ///     let store = Store::with_seed(7);
    ///     let owner = store.owner();
    ///     let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    ///     t.insert_list((0..100).map(|key| (key, key)))?;
    ///     t.tab2list()
    /// };
    /// assert_eq!(walk()?, walk()?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        static CREATION: AtomicU32 = AtomicU32::new(1);
        let creation = CREATION.fetch_add(1, Ordering::Relaxed);
        Self { home: Arc::new(Registry::new(seed, creation)) }
    }

    /// A new owner: what a process is in Erlang. O(1), some hundred bytes.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions};
    /// # let store = Store::new();
    /// let (ann, bob) = (store.owner(), store.owner());
    /// assert_ne!(ann.pid(), bob.pid());
    /// let notes = ann.new_table("notes", TableOptions::default())?;
    /// drop(ann);
    /// assert!(notes.info().is_none(), "it has ended with its owner");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn owner(&self) -> Owner {
        Owner::new(Arc::clone(&self.home))
    }

    /// The store as an owner: of the tables that [`new_table`](Self::new_table) makes, of those
    /// that are [given](Table::give_away) to it, and of those whose [heir](Table::set_heir) it is.
    /// It never ends, and reads no messages.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions};
    /// # let store = Store::new();
    /// let worker = store.owner();
    /// let state = worker.new_table("state", TableOptions::default())?;
    /// state.set_heir(store.pid(), "of the worker")?;
    /// drop(worker);
    /// assert_eq!(state.info().expect("it has been inherited").owner, store.pid());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn pid(&self) -> Pid {
        owner_pid(self.home.creation(), NOBODY)
    }

    /// Makes a table that belongs to the store, and so outlives all owners; only
    /// [`delete_table`](Table::delete_table) ends it. Whoever has the store may do everything with
    /// it, by the handles that the store gives.
    ///
    /// ```
    /// use ferrets::{Store, TableOptions};
    /// let store = Store::new();
    /// let config = store.new_table("config", TableOptions::default().named(true))?;
    /// config.insert(("port", 8080))?;
    /// let worker = store.owner();
    /// assert!(worker.table("config")?.insert(("port", 80)).is_err()); // it is protected
    /// store.table("config")?.give_away(worker.pid(), "yours")?;
    /// worker.table("config")?.insert(("port", 80))?;
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Owner::new_table`].
    #[doc(alias = "ets:new/2")]
    pub fn new_table(&self, name: &str, options: TableOptions) -> Result<Table> {
        self.home.create(Atom::new(name)?, NOBODY, options).map(|core| self.handle(core))
    }

    /// Whether a pid is that of an owner of this store who has not ended. What was leased to one
    /// who has may still be going; when a [monitor](Owner::monitor) fires, it has gone.
    ///
    /// ```
    /// # use ferrets::{Store};
    /// # let store = Store::new();
    /// let owner = store.owner();
    /// let pid = owner.pid();
    /// assert!(store.is_alive(pid));
    /// drop(owner);
    /// assert!(!store.is_alive(pid));
    /// ```
    #[doc(alias = "erlang:is_process_alive/1")]
    #[must_use]
    pub fn is_alive(&self, owner: Pid) -> bool {
        self.home.is_alive(owner)
    }

    /// The named table of that name. The handle acts for the store: it may do what anyone may, and
    /// everything with tables that belong to the store.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let named = TableOptions::default().named(true);
    /// owner.new_table("users", named)?.insert(("ann", 36))?;
    /// let users = store.table("users")?;
    /// assert!(users.member("ann")?);
    /// assert_eq!(users.delete("ann").unwrap_err().kind(), ErrorKind::AccessDenied, "the owner's");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable).
    #[doc(alias = "ets:whereis/1")]
    pub fn table(&self, name: &str) -> Result<Table> {
        self.home.named(name).map(|core| self.handle(core))
    }

    /// The table with that id, acting for the store.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// assert_eq!(store.table_by_id(t.id().as_ref())?.name(), t.name());
    /// let error = store.table_by_id(term!(:t).as_ref()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotATable, "a name is no id");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Owner::table_by_id`].
    pub fn table_by_id(&self, id: TermRef<'_>) -> Result<Table> {
        self.home.by_id(id).map(|core| self.handle(core))
    }

    /// Handles on all tables that exist now, acting for the store.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions, atom};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// store.new_table("config", TableOptions::default())?;
    /// owner.new_table("users", TableOptions::default())?;
    /// let mut names: Vec<_> = store.all_tables().iter().map(|table| table.name()).collect();
    /// names.sort();
    /// assert_eq!(names, [atom!("config"), atom!("users")]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[doc(alias = "ets:all/0")]
    #[must_use]
    pub fn all_tables(&self) -> Vec<Table> {
        self.home.all().into_iter().map(|core| self.handle(core)).collect()
    }

    fn handle(&self, core: Arc<TableCore>) -> Table {
        Table::new(core, Arc::clone(&self.home), NOBODY)
    }

    /// Gives back what memory can be given back now. Not needed in the normal course of things:
    /// writers do it as they go.
    ///
    /// ```
    /// # use ferrets::{Error, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list((0..10_000).map(|key| (key, "a text of some length")))?;
    /// let held = t.read(|_| {
    ///     t.delete_all_objects()?;
    ///     Ok::<_, Error>(store.reclamation().pending_bytes)
    /// })??;
    /// store.collect(); // now that nobody looks at them
    /// assert!(store.reclamation().pending_bytes < held);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn collect(&self) {
        reclaim::collect();
    }

    /// What is held back for readers.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list((0..1000).map(|key| (key, key)))?;
    /// t.delete_all_objects()?;
    /// store.collect();
    /// assert_eq!(store.reclamation().stalls, 0); // nobody holds it up
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn reclamation(&self) -> Reclamation {
        Reclamation { pending_bytes: reclaim::pending_bytes(), stalls: reclaim::stalls() }
    }
}
