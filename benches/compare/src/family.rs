//! Families of rows that are measured together, on the same subjects.
//!
//! A new family is a module with its subjects' trait and its windows, and an entry here.

use crate::row::Row;
use crate::{Result, ets};
use crate::{hash, ordered, select};

/// One family.
#[derive(Debug)]
pub struct Family {
    /// The word for it in arguments and figures.
    pub id: &'static str,
    /// Its rows, in the order they are run and shown.
    pub rows: &'static [Row],
    /// Its subjects, in the order they take turns and are shown.
    pub subjects: &'static [Subject],
    /// Serves one Rust subject on standard input and output.
    pub serve: fn(subject: &str, objects: u64) -> Result<()>,
}

/// One of the things compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Subject {
    /// The word for it in arguments, tables and figures.
    pub id: &'static str,
    /// Where it runs.
    pub home: Home,
}

/// Where a subject runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Home {
    /// In a process of this program.
    Rust,
    /// In an Erlang node.
    Erlang,
}

/// All families.
pub const FAMILIES: &[&Family] = &[&hash::FAMILY, &ordered::FAMILY, &select::FAMILY];

impl Family {
    /// The family called `id`.
    pub fn named(id: &str) -> Option<&'static Self> {
        FAMILIES.iter().copied().find(|family| family.id == id)
    }

    /// Whether a subject has a row.
    pub fn has(&self, subject: &str, row: Row) -> bool {
        match row {
            Row::SnapshotTake | Row::SnapshotWrite => {
                ["ferrets", "rwlock_btreemap"].contains(&subject)
            }
            Row::Rank => ["ferrets", "rwlock_indexset"].contains(&subject),
            Row::Binary(_) | Row::Tuple(_) => subject != "rwlock_indexset",
            _ => true,
        }
    }

    /// The subject called `id`.
    pub fn subject(&self, id: &str) -> Option<Subject> {
        self.subjects.iter().copied().find(|subject| subject.id == id)
    }
}

impl Subject {
    /// Why the subject cannot take part, if it cannot.
    pub fn missing(self) -> Option<&'static str> {
        match self.home {
            Home::Erlang if ets::erlang().is_none() => {
                Some("no Erlang found (set FERRETS_ERL, or put `erl` on the path)")
            }
            Home::Rust if self.id == "ferrets" && !cfg!(feature = "ferrets") => {
                Some("not built in (feature `ferrets`)")
            }
            _ => None,
        }
    }
}
