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
