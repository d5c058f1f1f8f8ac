//! Owners: what stands where a process stands in Erlang.

mod message;
mod receive;

use std::sync::Arc;

pub use message::{Message, Monitor};
pub use receive::Receive;

#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::raw::reclaim::collect;
use crate::registry::{OwnerCore, Registry};
use crate::table::core::{OwnerId, TableCore, owner_pid};
use crate::table::{Table, TableOptions};
use crate::term::{Atom, Pid, Term, TermRef, ToTerm};

/// Stands where a process stands in Erlang: it owns tables, has leases and a mailbox, and ends.
///
/// The handles that it gives out act in its name: they may write to its protected tables and read
/// its private ones. `Send + Sync`; share it by reference or in an `Arc`, among threads and tasks.
///
/// It ends when it is dropped, by a panic too, on whatever thread, or by [`exit`](Self::exit). Then
/// its tables go to their [heirs](Table::set_heir) or are deleted and its [fixations](Table::fix)
/// are released, at one instant; then what is [leased](Table::lease) to it vanishes, and last who
/// [monitors](Self::monitor) it is told. This takes time in proportion to what concerns it, in the
/// thread that ends it. Reads and writes of tables wait for none of it; making and finding tables
/// and the ends of others wait for the instant, some microseconds for each table that it owned.
///
/// ```
/// use ferrets::{ErrorKind, Store, TableOptions};
/// let store = Store::new();
/// let (ann, bob) = (store.owner(), store.owner());
/// ann.new_table("notes", TableOptions::default().named(true))?.insert((1, "mine"))?;
/// let notes = bob.table("notes")?;
/// assert!(notes.member(1)?);
/// assert_eq!(notes.insert((2, "his")).unwrap_err().kind(), ErrorKind::AccessDenied);
/// drop(ann);
/// assert_eq!(notes.member(1).unwrap_err().kind(), ErrorKind::NoSuchTable);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "an owner that is dropped ends at once"]
pub struct Owner {
    home: Arc<Registry>,
    core: Arc<OwnerCore>,
}

impl Owner {
    pub(crate) fn new(home: Arc<Registry>) -> Self {
        let core = home.new_owner();
        Self { home, core }
    }

    pub(crate) fn number(&self) -> OwnerId {
        self.core.number
    }

    pub(crate) fn is_of(&self, home: &Arc<Registry>) -> bool {
        Arc::ptr_eq(&self.home, home)
    }

    /// Who it is: what `info` gives as a table's owner, what tables are given to and monitors are
    /// set on. No other owner, of this store or another, has the same, nor ever will have.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// assert_eq!(t.info().expect("it exists").owner, owner.pid());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[doc(alias = "self")]
    #[must_use]
    pub fn pid(&self) -> Pid {
        owner_pid(self.home.creation(), self.number())
    }

    /// Ends it, for all who share it; see [`Owner`]. If it has ended, nothing happens. What is left
    /// of it acts for somebody who has ended: it may do what anyone may, but own, lease, fix and
    /// monitor nothing.
    ///
    /// Dropping it is to exit with the reason `normal`, or `panic` while a panic unwinds.
    ///
    /// ```
    /// # use ferrets::{Message, Store, TableOptions, term};
    /// # let store = Store::new();
    /// let (worker, heir) = (store.owner(), store.owner());
    /// let options = TableOptions::default().heir(heir.pid(), term!(:inherited));
    /// worker.new_table("results", options)?.insert((1, "done"))?;
    /// worker.exit("no more to do")?;
    /// let Some(Message::Transfer { table, .. }) = heir.try_receive() else { panic!() };
    /// assert!(table.member(1)?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Conversion`](ErrorKind::Conversion) and its like for a reason that has no term; then it
    /// has not ended.
    #[doc(alias = "erlang:exit/1")]
    pub fn exit(&self, reason: impl ToTerm) -> Result<()> {
        self.end(&Term::new(reason)?);
        Ok(())
    }

    fn end(&self, reason: &Term) {
        if self.home.end_owner(&self.core, reason) {
            collect();
        }
    }

    /// Whether it has ended. What was [leased](Table::lease) to it may still be going; when a
    /// [monitor](Self::monitor) fires, it has gone.
    ///
    /// ```
    /// # use ferrets::{Store};
    /// # let store = Store::new();
    /// let owner = store.owner();
    /// owner.exit("enough")?;
    /// assert!(owner.has_ended() && !store.is_alive(owner.pid()));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !self.home.is_alive(self.pid())
    }

    /// Asks to be told when another owner ends, by [`Message::OwnerDown`]: when all that comes of
    /// its end has happened. If it has ended, or is none of this store's, the message is there at
    /// once. Monitoring oneself is allowed, and tells nothing.
    ///
    /// ```
    /// # use ferrets::{Message, Store};
    /// # let store = Store::new();
    /// let (supervisor, worker) = (store.owner(), store.owner());
    /// let monitor = supervisor.monitor(worker.pid())?;
    /// std::thread::spawn(move || worker.exit("bored")).join().unwrap()?;
    /// let Some(Message::OwnerDown { monitor: of, reason, .. }) = supervisor.receive() else {
    ///     panic!("nobody else sends anything");
    /// };
    /// assert_eq!((of, reason.as_str()), (monitor, Some("bored")));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoOwner`](ErrorKind::NoOwner) if the owner itself has ended.
    #[doc(alias = "erlang:monitor/2")]
    pub fn monitor(&self, owner: Pid) -> Result<Monitor> {
        self.home.monitor(self.number(), owner).map(|number| self.monitor_of(number))
    }

    /// Asks to be told when a table goes, by [`Message::TableDown`]; if it has gone, at once.
    ///
    /// ```
    /// # use ferrets::{Message, Store, TableOptions};
    /// # let store = Store::new();
    /// let (watcher, keeper) = (store.owner(), store.owner());
    /// let table = keeper.new_table("t", TableOptions::default())?;
    /// watcher.monitor_table(&table)?;
    /// drop(keeper);
    /// assert!(matches!(watcher.try_receive(), Some(Message::TableDown { .. })));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`monitor`](Self::monitor); [`BadArgument`](ErrorKind::BadArgument) for a table of
    /// another store.
    pub fn monitor_table(&self, table: &Table) -> Result<Monitor> {
        let number = self.home_of(table)?.monitor_table(self.number(), table.core(), false)?;
        Ok(self.monitor_of(number))
    }

    /// Asks to be shown what vanishes from a table because the owner ends whom it was
    /// [leased](Table::lease) to: a [`Message::LeasesDown`] for each such owner, with the objects.
    /// And to be told when the table goes, as by [`monitor_table`](Self::monitor_table).
    ///
    /// ```
    /// # use ferrets::{Access, Kind, Message, Store, TableOptions};
    /// # let store = Store::new();
    /// let (registry, session) = (store.owner(), store.owner());
    /// let options = TableOptions::new(Kind::Bag).access(Access::Public);
    /// let topics = registry.new_table("topics", options)?;
    /// registry.monitor_leases(&topics)?;
    /// topics.acting_as(&session).lease(("news", 7))?;
    /// drop(session);
    /// assert!(topics.is_empty()?);
    /// let Some(Message::LeasesDown { objects, .. }) = registry.try_receive() else { panic!() };
    /// assert_eq!(objects[0].element(2).and_then(|number| number.as_i64()), Some(7));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`monitor_table`](Self::monitor_table); [`AccessDenied`](ErrorKind::AccessDenied) for a
    /// table that this owner may not read.
    pub fn monitor_leases(&self, table: &Table) -> Result<Monitor> {
        let number = self.home_of(table)?.monitor_table(self.number(), table.core(), true)?;
        Ok(self.monitor_of(number))
    }

    /// Takes a monitor back; whether it was there still. No message comes of it from now on; one
    /// may have come before.
    ///
    /// ```
    /// # use ferrets::{Store};
    /// # let store = Store::new();
    /// let (supervisor, worker) = (store.owner(), store.owner());
    /// let monitor = supervisor.monitor(worker.pid())?;
    /// assert!(supervisor.demonitor(monitor));
    /// drop(worker);
    /// assert!(supervisor.try_receive().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[doc(alias = "erlang:demonitor/1")]
    pub fn demonitor(&self, monitor: Monitor) -> bool {
        let is_ours = monitor.store == self.home.creation();
        is_ours && self.home.demonitor(self.number(), monitor.number)
    }

    /// The store, if the table is in it too: numbers of tables and owners mean nothing elsewhere.
    fn home_of(&self, table: &Table) -> Result<&Registry> {
        if self.is_of(table.home()) {
            Ok(&self.home)
        } else {
            Err(Error::bad_argument("the table is in another store than the owner"))
        }
    }

    fn monitor_of(&self, number: u64) -> Monitor {
        Monitor { store: self.home.creation(), number }
    }

    /// Makes a table that it owns. Several tables may have the same name, unless they are
    /// [named](TableOptions::named).
    ///
    /// An empty table takes less than three kilobytes.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let named = TableOptions::default().named(true);
    /// owner.new_table("users", named.clone())?;
    /// owner.new_table("users", TableOptions::default())?; // by its handle and its id only
    /// let error = owner.new_table("users", named).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadOption`](ErrorKind::BadOption) for key position zero, and for an heir of another store;
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) for a named table whose name is taken;
    /// [`NoOwner`](ErrorKind::NoOwner) if the owner has ended;
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) as for [`Atom::new`].
    #[doc(alias = "ets:new/2")]
    pub fn new_table(&self, name: &str, options: TableOptions) -> Result<Table> {
        let core = self.home.create(Atom::new(name)?, self.number(), options)?;
        Ok(self.handle(core))
    }

    fn handle(&self, core: Arc<TableCore>) -> Table {
        Table::new(core, Arc::clone(&self.home), self.number())
    }

    /// The named table of that name, whoever owns it.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// owner.new_table("users", TableOptions::default().named(true))?;
    /// owner.new_table("draft", TableOptions::default())?;
    /// assert!(store.owner().table("users")?.is_empty()?);
    /// assert_eq!(owner.table("draft").unwrap_err().kind(), ErrorKind::NoSuchTable, "unnamed");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable).
    #[doc(alias = "ets:whereis/1")]
    pub fn table(&self, name: &str) -> Result<Table> {
        self.home.named(name).map(|core| self.handle(core))
    }

    /// The table with that id, which [`Table::id`] gives.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let id = t.id();
    /// assert_eq!(owner.table_by_id(id.as_ref())?.name().name(), "t");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NotATable`](ErrorKind::NotATable) for a term that is no id of a table;
    /// [`NoSuchTable`](ErrorKind::NoSuchTable) if the table is deleted, or of another store.
    pub fn table_by_id(&self, id: TermRef<'_>) -> Result<Table> {
        self.home.by_id(id).map(|core| self.handle(core))
    }

    /// Handles on all tables of the store that exist now.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// owner.new_table("another", TableOptions::default())?;
    /// assert_eq!(owner.all_tables().len(), 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[doc(alias = "ets:all/0")]
    #[must_use]
    pub fn all_tables(&self) -> Vec<Table> {
        self.home.all().into_iter().map(|core| self.handle(core)).collect()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let reason = if std::thread::panicking() { Atom::PANIC } else { Atom::NORMAL };
        self.end(&Term::from(reason));
    }
}
