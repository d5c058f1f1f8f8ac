//! Owners: what stands where a process stands in Erlang.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::reclaim::collect;
use crate::registry::Registry;
use crate::table::core::{OwnerId, owner_pid};
use crate::table::{Table, TableOptions};
use crate::term::{Atom, Pid, TermRef, View};

/// Stands where a process stands in Erlang: it owns tables, and when it is dropped, by panic too,
/// they are deleted.
///
/// The handles that it gives out act in its name: they may write to its protected tables and read
/// its private ones. `Send + Sync`; share it by reference or in an `Arc`.
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
pub struct Owner {
    home: Arc<Registry>,
    number: OwnerId,
}

impl Owner {
    pub(crate) fn new(home: Arc<Registry>) -> Self {
        let number = home.new_owner();
        Self { home, number }
    }

    pub(crate) fn number(&self) -> OwnerId {
        self.number
    }

    /// Who it is, as a term: what `info` gives as a table's owner.
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
        owner_pid(self.number)
    }

    /// Makes a table that it owns. Several tables may have the same name, unless they are
    /// [named](TableOptions::named).
    ///
    /// An empty table takes less than a kilobyte.
    ///
    /// # Errors
    /// [`BadOption`](ErrorKind::BadOption) for key position zero;
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) for a named table whose name is taken;
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) as for [`Atom::new`].
    #[doc(alias = "ets:new/2")]
    pub fn new_table(&self, name: &str, options: TableOptions) -> Result<Table> {
        let core = self.home.create(Atom::new(name)?, self.number, options)?;
        Ok(self.handle(core))
    }

    fn handle(&self, core: Arc<crate::table::core::TableCore>) -> Table {
        Table::new(core, Arc::clone(&self.home), self.number)
    }

    /// The named table of that name, whoever owns it.
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable).
    #[doc(alias = "ets:whereis/1")]
    pub fn table(&self, name: &str) -> Result<Table> {
        let found = Atom::existing(name).and_then(|name| self.home.named(name));
        found.map(|core| self.handle(core)).ok_or_else(|| {
            Error::new(ErrorKind::NoSuchTable, format!("there is no table named `{name}`"))
        })
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
    /// [`NotATable`](ErrorKind::NotATable) for a term that is no table id of this store;
    /// [`NoSuchTable`](ErrorKind::NoSuchTable) if the table is deleted.
    pub fn table_by_id(&self, id: TermRef<'_>) -> Result<Table> {
        let View::Reference(reference) = id.view() else {
            return Err(Error::new(ErrorKind::NotATable, format!("{id} is no table id")));
        };
        let ids: Vec<u32> = reference.ids().collect();
        let ours = reference.creation() == self.home.creation();
        let [low, high, 0xe75] = ids[..] else {
            return Err(Error::new(ErrorKind::NotATable, format!("{id} is no table id")));
        };
        let number = u64::from(low) | u64::from(high) << 32;
        let found = if ours { self.home.by_id(number) } else { None };
        found.map(|core| self.handle(core)).ok_or_else(|| {
            Error::new(ErrorKind::NoSuchTable, format!("the table {id} has been deleted"))
        })
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
        self.home.end_owner(self.number);
        collect();
    }
}
