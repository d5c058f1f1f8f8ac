//! The store: a set of tables and their owners.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::owner::Owner;
use crate::raw::reclaim;
use crate::registry::Registry;
use crate::table::Table;
use crate::table::core::NOBODY;
use crate::term::Atom;

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
    #[must_use]
    pub fn new() -> Self {
        Self::with_seed(RandomState::new().build_hasher().finish())
    }

    /// A store whose hashes, and so the order of its traversals, follow from `seed`: for tests.
    /// Who can choose the keys and knows the seed can make a table slow.
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        static CREATION: AtomicU32 = AtomicU32::new(1);
        let creation = CREATION.fetch_add(1, Ordering::Relaxed);
        Self { home: Arc::new(Registry::new(seed, creation)) }
    }

    /// A new owner: what a process is in Erlang.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::new(Arc::clone(&self.home))
    }

    /// The named table of that name. The handle acts for nobody: it may do what anyone may.
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable).
    #[doc(alias = "ets:whereis/1")]
    pub fn table(&self, name: &str) -> Result<Table> {
        let found = Atom::existing(name).and_then(|name| self.home.named(name));
        found.map(|core| Table::new(core, Arc::clone(&self.home), NOBODY)).ok_or_else(|| {
            Error::new(ErrorKind::NoSuchTable, format!("there is no table named `{name}`"))
        })
    }

    /// Gives back what memory can be given back now. Not needed in the normal course of things:
    /// writers do it as they go.
    pub fn collect(&self) {
        reclaim::collect();
    }

    /// What is held back for readers.
    #[must_use]
    pub fn reclamation(&self) -> Reclamation {
        Reclamation { pending_bytes: reclaim::pending_bytes(), stalls: reclaim::stalls() }
    }
}
