//! What an owner is told: messages and monitors.

use std::sync::Arc;

use crate::error::Result;
use crate::table::Table;
use crate::table::core::monitor_term;
use crate::term::{Atom, Object, Pid, Term};

/// Names a monitor that an owner has set: what [`Owner::demonitor`](crate::Owner::demonitor) takes
/// and what messages that come of it carry.
///
/// ```
/// # use ferrets::{Message, Store};
/// # let store = Store::new();
/// let (supervisor, ann, bob) = (store.owner(), store.owner(), store.owner());
/// let (of_ann, of_bob) = (supervisor.monitor(ann.pid())?, supervisor.monitor(bob.pid())?);
/// drop(bob);
/// let Some(Message::OwnerDown { monitor, .. }) = supervisor.try_receive() else { panic!() };
/// assert!(monitor == of_bob && monitor != of_ann);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monitor {
    pub(super) store: u32,
    pub(super) number: u64,
}

impl Monitor {
    /// As a reference.
    ///
    /// ```
    /// # use ferrets::Store;
    /// # let store = Store::new();
    /// let (supervisor, worker) = (store.owner(), store.owner());
    /// let reference = supervisor.monitor(worker.pid())?.to_term();
    /// drop(worker);
    /// let down = supervisor.try_receive().expect("he has ended").to_term()?;
    /// assert_eq!(down.as_tuple().and_then(|down| down.get(1)), Some(reference.as_ref()));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn to_term(self) -> Term {
        monitor_term(self.store, self.number)
    }
}

/// A message in the mailbox of an [`Owner`](crate::Owner).
///
/// ```
/// # use ferrets::{Message, Store, TableOptions, term};
/// # let store = Store::new();
/// let (ann, bob) = (store.owner(), store.owner());
/// bob.monitor(ann.pid())?;
/// ann.new_table("notes", TableOptions::default().heir(bob.pid(), term!(:notes)))?;
/// ann.exit("bored")?;
/// let Some(Message::Transfer { from, data, .. }) = bob.try_receive() else { panic!() };
/// assert_eq!((from, data), (ann.pid(), term!(:notes)));
/// let Some(Message::OwnerDown { owner, reason, .. }) = bob.try_receive() else { panic!() };
/// assert_eq!((owner, reason), (ann.pid(), term!("bored")));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Message {
    /// A table is the receiver's from now on: somebody has given it away, or has ended whose heir
    /// the receiver is.
    #[doc(alias = "ETS-TRANSFER")]
    #[non_exhaustive]
    Transfer {
        /// The table; the handle acts for the receiver.
        table: Table,
        /// Its name then.
        name: Atom,
        /// Who owned it before.
        from: Pid,
        /// What the giver said with it, or what the heir was to be told.
        data: Term,
    },
    /// An owner has ended who was [monitored](crate::Owner::monitor), and all that comes of it has
    /// happened: his tables are inherited or gone, what he had leased is deleted.
    #[doc(alias = "DOWN")]
    #[non_exhaustive]
    OwnerDown {
        /// The monitor, which is used up.
        monitor: Monitor,
        /// Who has ended.
        owner: Pid,
        /// Why; `noproc` if he had ended already when the monitor was set.
        reason: Term,
    },
    /// A table is gone that was [monitored](crate::Owner::monitor_table), or whose
    /// [leases](crate::Owner::monitor_leases) were.
    #[non_exhaustive]
    TableDown {
        /// The monitor, which is used up.
        monitor: Monitor,
        /// The id that the table had.
        table: Term,
        /// Its name at the end.
        name: Atom,
        /// Why its owner has ended; `deleted` if somebody deleted it, `noproc` if it was gone
        /// already when the monitor was set.
        reason: Term,
    },
    /// Objects went from a table because the owner has ended whom they were
    /// [leased](crate::Table::lease) to. The monitor stays.
    #[non_exhaustive]
    LeasesDown {
        /// The monitor.
        monitor: Monitor,
        /// The table; the handle acts for the receiver.
        table: Table,
        /// Who has ended.
        owner: Pid,
        /// Why.
        reason: Term,
        /// The objects as they were in the end.
        objects: Arc<[Object]>,
    },
}

impl Message {
    /// As Erlang would have it: `{'ETS-TRANSFER', Table, From, Data}`,
    /// `{'DOWN', Monitor, process, Owner, Reason}`; for what has no like there,
    /// `{'DOWN', Monitor, table, Table, Reason}` and
    /// `{'DOWN', Monitor, leases, {Table, Owner, Objects}, Reason}`.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions, term};
    /// # let store = Store::new();
    /// let (ann, bob) = (store.owner(), store.owner());
    /// let notes = ann.new_table("notes", TableOptions::default().named(true))?;
    /// notes.give_away(bob.pid(), term!(:yours))?;
    /// let message = bob.try_receive().expect("he owns a table").to_term()?;
    /// assert_eq!(message, term!({:"ETS-TRANSFER", :notes, ann.pid(), :yours}));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) if there is no memory for it.
    pub fn to_term(&self) -> Result<Term> {
        let down = |monitor: Monitor, what: Atom, which: Term, reason: &Term| {
            let parts = [Atom::DOWN.into(), monitor.to_term(), what.into(), which, reason.clone()];
            Term::tuple(parts)
        };
        match self {
            Self::Transfer { table, name, from, data } => {
                let tag = Term::from(Atom::ETS_TRANSFER);
                let table = if table.is_named() { Term::from(*name) } else { table.id() };
                Term::tuple([tag, table, Term::pid(*from)?, data.clone()])
            }
            Self::OwnerDown { monitor, owner, reason } => {
                down(*monitor, Atom::PROCESS, Term::pid(*owner)?, reason)
            }
            Self::TableDown { monitor, table, reason, .. } => {
                down(*monitor, Atom::TABLE, table.clone(), reason)
            }
            Self::LeasesDown { monitor, table, owner, reason, objects } => {
                let objects = Term::list(objects.iter().cloned().map(Term::from))?;
                let which = [table.designation(), Term::pid(*owner)?, objects];
                down(*monitor, Atom::LEASES, Term::tuple(which)?, reason)
            }
        }
    }
}
