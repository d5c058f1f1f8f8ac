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
    ///
    /// ```
    /// use ferrets::{Kind, TableOptions};
    /// assert_eq!(TableOptions::new(Kind::Set), TableOptions::default());
    /// ```
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
    ///
    /// ```
    /// use ferrets::{Kind, TableOptions};
    /// assert_eq!(TableOptions::default().kind(Kind::Bag), TableOptions::new(Kind::Bag));
    /// ```
    pub const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Who may read and write.
    ///
    /// ```
    /// # use ferrets::{Access, ErrorKind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let secrets = owner.new_table("secrets", TableOptions::default().access(Access::Private))?;
    /// secrets.insert(("key", 42))?;
    /// let other = secrets.acting_as(&store.owner());
    /// assert_eq!(other.lookup("key").unwrap_err().kind(), ErrorKind::AccessDenied);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Whether the table can be found by its name (`named_table`).
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// owner.new_table("users", TableOptions::default().named(true))?;
    /// owner.new_table("draft", TableOptions::default())?;
    /// assert!(store.table("users").is_ok() && store.table("draft").is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[doc(alias = "named_table")]
    pub const fn named(mut self, named: bool) -> Self {
        self.named = named;
        self
    }

    /// The position of the key in each object, counted from one. Zero is refused when the table is
    /// made.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let users = owner.new_table("users", TableOptions::default().keypos(2))?;
    /// users.insert(("ann", 7))?;
    /// assert!(users.member(7)?);
    /// assert_eq!(users.insert(("ann",)).unwrap_err().kind(), ErrorKind::ObjectTooShort);
    /// let zero = owner.new_table("users", TableOptions::default().keypos(0));
    /// assert_eq!(zero.unwrap_err().kind(), ErrorKind::BadOption);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn keypos(mut self, position: usize) -> Self {
        self.keypos = position;
        self
    }

    /// Accepted and reported; objects are stored compactly anyway.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let t = owner.new_table("t", TableOptions::default().compressed(true))?;
    /// assert!(t.info().is_some_and(|info| info.compressed));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn compressed(mut self, compressed: bool) -> Self {
        self.compressed = compressed;
        self
    }

    /// Accepted and reported, without effect: reads take no lock.
    ///
    /// ```
    /// # use ferrets::{Access, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let t = owner.new_table("t", TableOptions::default().read_concurrency(true))?;
    /// assert!(t.info().is_some_and(|info| info.read_concurrency));
    /// let options = TableOptions::default().read_concurrency(true).access(Access::Private);
    /// let private = owner.new_table("private", options)?;
    /// assert!(private.info().is_some_and(|info| !info.read_concurrency), "as in ETS");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn read_concurrency(mut self, on: bool) -> Self {
        self.read_concurrency = on;
        self
    }

    /// Accepted and reported, without effect: writers lock a bucket.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions, WriteConcurrency};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let options = TableOptions::default().write_concurrency(WriteConcurrency::Auto);
    /// let info = owner.new_table("t", options)?.info().expect("it exists");
    /// assert_eq!(info.write_concurrency, WriteConcurrency::Auto);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn write_concurrency(mut self, hint: WriteConcurrency) -> Self {
        self.write_concurrency = hint;
        self
    }

    /// Accepted and reported, without effect: counters spread by themselves.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions, WriteConcurrency};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let reported = |options| {
    ///     let info = owner.new_table("t", options)?.info();
    ///     Ok::<_, ferrets::Error>(info.expect("it exists").decentralized_counters)
    /// };
    /// let options = TableOptions::default().decentralized_counters(true);
    /// assert!(!reported(options.clone())?, "ETS ignores it without write_concurrency");
    /// assert!(reported(options.write_concurrency(WriteConcurrency::True))?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
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
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let options = TableOptions::new(Kind::OrderedSet).order_statistics(true);
    /// let scores = owner.new_table("scores", options.clone())?;
    /// scores.insert_list([(10, "ann"), (20, "bob")])?;
    /// assert_eq!(scores.rank(15)?, 1);
    /// let error = owner.new_table("set", options.kind(Kind::Set)).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadOption);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn order_statistics(mut self, on: bool) -> Self {
        self.order_statistics = on;
        self
    }

    /// Who inherits the table when its owner ends, and what the message says that he gets then:
    /// see [`Table::set_heir`](crate::Table::set_heir). There is none unless you say so, nor if he
    /// has ended already; one of another store is refused when the table is made.
    ///
    /// ```
    /// # use ferrets::{Message, Store, TableOptions, term};
    /// # let store = Store::new();
    /// let (ann, bob) = (store.owner(), store.owner());
    /// ann.new_table("notes", TableOptions::default().heir(bob.pid(), term!("of ann")))?;
    /// drop(ann);
    /// let Some(Message::Transfer { table, data, .. }) = bob.try_receive() else { panic!() };
    /// assert_eq!(data, "of ann");
    /// table.insert((1, "mine now"))?;
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn heir(mut self, heir: Pid, data: Term) -> Self {
        self.heir = Some((heir, data));
        self
    }
}
