//! The words of `ets:new/2`: kinds, access, concurrency hints.

use std::fmt;

/// What a table does with objects that have the same key.
///
/// | kind | objects a key | keys are the same if | objects are the same if |
/// |---|---|---|---|
/// | `Set` | one | `=:=` | `=:=` |
/// | `OrderedSet` | one | `==` | `=:=` |
/// | `Bag` | any number of different ones | `=:=` | `=:=` |
/// | `DuplicateBag` | any number | `=:=` | `=:=` |
///
/// ```
/// use ferrets::{Kind, Result, Store, TableOptions, tuple};
/// let owner = Store::new().owner();
/// let kept = |kind: &Kind| {
///     let t = owner.new_table("t", TableOptions::new(*kind))?;
///     t.insert_list([tuple!(1, "a"), tuple!(1, "a"), tuple!(1, "b"), tuple!(1.0, "c")])?;
///     t.len()
/// };
/// assert_eq!(Kind::ALL.iter().map(kept).collect::<Result<Vec<_>>>()?, [2, 1, 3, 4]);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// One object a key; `1` and `1.0` are different keys. The default.
    Set,
    /// One object a key, in the order of terms; `1` and `1.0` are the same key.
    OrderedSet,
    /// Any number of different objects a key, in the order of their insertion.
    Bag,
    /// Any number of objects a key, equal ones too, in the order of their insertion.
    DuplicateBag,
}

impl Kind {
    /// Every kind, for tables and tests.
    pub const ALL: &'static [Self] = &[Self::Set, Self::OrderedSet, Self::Bag, Self::DuplicateBag];

    /// The atom that ETS calls it by.
    ///
    /// ```
    /// use ferrets::Kind;
    /// assert_eq!(Kind::DuplicateBag.name(), "duplicate_bag");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::OrderedSet => "ordered_set",
            Self::Bag => "bag",
            Self::DuplicateBag => "duplicate_bag",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who may read and write a table (ETS calls it protection).
///
/// ```
/// # use ferrets::{Access, Result, Store, TableOptions};
/// # let store = Store::new();
/// let (ann, bob) = (store.owner(), store.owner());
/// let others_may = |access: &Access| {
///     let table = ann.new_table("t", TableOptions::default().access(*access))?.acting_as(&bob);
///     Ok((table.lookup(1).is_ok(), table.insert((1,)).is_ok()))
/// };
/// let rights = Access::ALL.iter().map(others_may).collect::<Result<Vec<_>>>()?;
/// assert_eq!(rights, [(true, true), (true, false), (false, false)]);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Access {
    /// Anyone may read and write.
    Public = 0,
    /// Anyone may read, the owner may write. The default.
    Protected = 1,
    /// Only the owner may read and write.
    Private = 2,
}

impl Access {
    /// Every value, for tables and tests.
    pub const ALL: &'static [Self] = &[Self::Public, Self::Protected, Self::Private];

    /// The atom that ETS calls it by.
    ///
    /// ```
    /// use ferrets::Access;
    /// assert_eq!(Access::Protected.name(), "protected");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Protected => "protected",
            Self::Private => "private",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A hint of ETS about concurrent writers. Accepted and reported, without effect: there is one
/// engine, and it needs no hint.
///
/// ```
/// # use ferrets::{Access, Store, TableOptions, WriteConcurrency};
/// # let store = Store::new();
/// let reported = |options| {
///     let info = store.new_table("t", options)?.info();
///     Ok::<_, ferrets::Error>(info.expect("it exists").write_concurrency)
/// };
/// let options = TableOptions::default().write_concurrency(WriteConcurrency::Auto);
/// assert_eq!(reported(options.clone())?, WriteConcurrency::Auto);
/// assert_eq!(reported(options.access(Access::Private))?, WriteConcurrency::False);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum WriteConcurrency {
    /// `{write_concurrency, false}`
    #[default]
    False,
    /// `{write_concurrency, true}`
    True,
    /// `{write_concurrency, auto}`
    Auto,
    /// `{write_concurrency, {debug_hash_fixed_number_of_locks, N}}`
    DebugLocks(u32),
}
