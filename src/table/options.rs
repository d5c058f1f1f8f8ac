//! What a table is made with.

use super::kind::{Access, Kind, WriteConcurrency};
use crate::term::{Pid, Term};

/// The options of a new table (the second argument of `ets:new/2`).
///
/// Starts from ETS's defaults: protected, unnamed, key in the first element, no heir.
///
/// ```
/// use ferrets::{Access, Kind, TableOptions};
/// let options = TableOptions::new(Kind::Bag).access(Access::Public).keypos(2).named(true);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until a table is made with them"]
pub struct TableOptions {
    pub(crate) kind: Kind,
    pub(crate) access: Access,
    pub(crate) named: bool,
    pub(crate) keypos: usize,
    pub(crate) compressed: bool,
    pub(crate) read_concurrency: bool,
    pub(crate) write_concurrency: WriteConcurrency,
    pub(crate) decentralized_counters: bool,
    pub(crate) order_statistics: bool,
    pub(crate) heir: Option<(Pid, Term)>,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self::new(Kind::Set)
    }
}

impl TableOptions {
    /// Options for a table of that kind.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            access: Access::Protected,
            named: false,
            keypos: 1,
            compressed: false,
            read_concurrency: false,
            write_concurrency: WriteConcurrency::False,
            decentralized_counters: false,
            order_statistics: false,
            heir: None,
        }
    }

    /// The kind.
    pub const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Who may read and write.
    pub const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Whether the table can be found by its name (`named_table`).
    #[doc(alias = "named_table")]
    pub const fn named(mut self, named: bool) -> Self {
        self.named = named;
        self
    }

    /// The position of the key in each object, counted from one. Zero is refused when the table is
    /// made.
    pub const fn keypos(mut self, position: usize) -> Self {
        self.keypos = position;
        self
    }

    /// Accepted and reported; objects are stored compactly anyway.
    pub const fn compressed(mut self, compressed: bool) -> Self {
        self.compressed = compressed;
        self
    }

    /// Accepted and reported, without effect: reads take no lock.
    pub const fn read_concurrency(mut self, on: bool) -> Self {
        self.read_concurrency = on;
        self
    }

    /// Accepted and reported, without effect: writers lock a bucket.
    pub const fn write_concurrency(mut self, hint: WriteConcurrency) -> Self {
        self.write_concurrency = hint;
        self
    }

    /// Accepted and reported, without effect: counters spread by themselves.
    pub const fn decentralized_counters(mut self, on: bool) -> Self {
        self.decentralized_counters = on;
        self
    }

    /// Whether an ordered set knows how many objects lie before a key: for
    /// [`rank`](crate::Table::rank), [`nth`](crate::Table::nth), [`slice`](crate::Table::slice),
    /// [`insert_ranked`](crate::Table::insert_ranked) and their kin. ETS has nothing of the kind.
    ///
    /// Costs writes that add or take objects some 100 ns, the last part of it one writer after the
    /// other, and a byte or less for each object. Refused for tables of other kinds when the table
    /// is made.
    pub const fn order_statistics(mut self, on: bool) -> Self {
        self.order_statistics = on;
        self
    }

    /// Who inherits the table when its owner ends, and what the message says that he gets then:
    /// see [`Table::set_heir`](crate::Table::set_heir). There is none unless you say so, nor if he
    /// has ended already; one of another store is refused when the table is made.
    pub fn heir(mut self, heir: Pid, data: Term) -> Self {
        self.heir = Some((heir, data));
        self
    }
}
