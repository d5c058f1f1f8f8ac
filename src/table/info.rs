//! `info`: what a table says of itself.

use std::time::Duration;

use super::core::{OwnerId, TableCore, id_term, owner_pid};
use super::kind::{Access, Kind, WriteConcurrency};
use crate::term::{Atom, Pid, Term};

/// What a table says of itself (`ets:info/1`), at about one instant.
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
/// t.insert_list([("ann", 1), ("ann", 2)])?;
/// let info = t.info().expect("it exists");
/// assert_eq!((info.kind, info.keypos, info.size), (Kind::Bag, 1, 2));
/// assert_eq!((info.owner, info.heir), (owner.pid(), None));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Info {
    /// The id, a reference.
    pub id: Term,
    /// The name, whether the table can be found by it or not.
    pub name: Atom,
    /// Whether the table can be found by its name.
    pub named_table: bool,
    /// The kind (ETS: `type`).
    pub kind: Kind,
    /// The position of the key, counted from one.
    pub keypos: usize,
    /// Who may read and write (ETS: `protection`).
    pub access: Access,
    /// The owner; [`Store::pid`](crate::Store::pid) for a table of the store's.
    pub owner: Pid,
    /// Who inherits the table when its owner ends, if he lives then. As in ETS, one who has ended
    /// is reported all the same.
    pub heir: Option<Pid>,
    /// How many objects.
    pub size: usize,
    /// Bytes that the table takes: its index, its objects and itself. (ETS counts words;
    /// [`memory_words`](Self::memory_words) does too.) Objects that somebody still holds after they
    /// were deleted are not in it.
    pub memory_bytes: usize,
    /// As it was asked for.
    pub compressed: bool,
    /// As it was asked for; `false` for a private table.
    pub read_concurrency: bool,
    /// As it was asked for; `False` for a private table.
    pub write_concurrency: WriteConcurrency,
    /// As it was asked for; `false` where ETS would ignore it.
    pub decentralized_counters: bool,
    /// Whether it knows how many objects lie before a key
    /// ([`order_statistics`](crate::TableOptions::order_statistics)). `ets:info` does not say it.
    pub order_statistics: bool,
    /// Who has fixed the table, how often, and since when; `None` if nobody has.
    pub safe_fixed: Option<SafeFixed>,
}

/// Who has fixed a table, how often, and since when.
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// let _twice = (t.fix()?, t.fix()?);
/// let fixed = t.info().and_then(|info| info.safe_fixed).expect("it is fixed");
/// assert_eq!(fixed.holders, [(owner.pid(), 2)]);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SafeFixed {
    /// When the first of them did, since the Unix epoch.
    pub since: Duration,
    /// Each owner with how often he has.
    pub holders: Vec<(Pid, usize)>,
}

impl Info {
    /// Memory in words of eight bytes, the unit of ETS.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let empty = t.info().expect("it exists");
    /// assert_eq!(empty.memory_words(), empty.memory_bytes.div_ceil(8));
    /// t.insert((1, "a text that takes some words"))?;
    /// assert!(t.info().expect("it exists").memory_words() > empty.memory_words());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub const fn memory_words(&self) -> usize {
        self.memory_bytes.div_ceil(8)
    }
}

/// Whose a table is, and whose it will be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Belongs {
    pub(crate) owner: OwnerId,
    pub(crate) heir: Option<OwnerId>,
}

/// Collects what a table says of itself.
pub(crate) fn info(core: &TableCore, store: u32, belongs: Belongs) -> Info {
    let options = &core.options;
    let private = core.options.access == Access::Private;
    let write_concurrency =
        if private { WriteConcurrency::False } else { options.write_concurrency };
    let decentralized =
        options.decentralized_counters && write_concurrency != WriteConcurrency::False;
    let pid = |owner: OwnerId| owner_pid(store, owner);
    let safe_fixed = core.fixations.lock().state().map(|(since, holders)| SafeFixed {
        since,
        holders: holders.map(|(owner, count)| (pid(owner), count)).collect(),
    });
    Info {
        id: id_term(store, core.id),
        name: core.name(),
        named_table: options.named,
        kind: options.kind,
        keypos: options.keypos,
        access: core.access(),
        owner: pid(belongs.owner),
        heir: belongs.heir.map(pid),
        size: core.engine.weight().items,
        memory_bytes: core.bytes(),
        compressed: options.compressed,
        read_concurrency: options.read_concurrency && !private,
        write_concurrency,
        decentralized_counters: decentralized,
        order_statistics: options.order_statistics,
        safe_fixed,
    }
}
