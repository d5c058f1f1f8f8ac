//! Families of rows that are measured together, on the same subjects.
//!
//! A new family is a module with its subjects' trait and its windows, and an entry here.

use crate::row::Row;
use crate::{Result, ets};
use crate::{hash, ordered, select, throughput};

/// One family.
#[derive(Debug)]
pub struct Family {
    /// The word for it in arguments and figures.
    pub id: &'static str,
    /// What its tables hold and its rows do, in a sentence or two.
    pub about: &'static str,
    /// Its rows, in the order they are run and shown.
    pub rows: &'static [Row],
    /// Its subjects, in the order they take turns and are shown.
    pub subjects: &'static [Subject],
    /// The sizes of its tables.
    pub sizes: Sizes,
    /// What a size counts.
    pub size_is: &'static str,
    /// Whether a subject has a row.
    pub takes_part: fn(subject: &str, row: Row) -> bool,
    /// Serves one Rust subject on standard input and output.
    pub serve: fn(subject: &str, objects: u64) -> Result<()>,
}

/// The sizes of a family's tables.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// In a quick run.
    pub quick: &'static [u64],
    /// If nothing else is said.
    pub usual: &'static [u64],
    /// In a full run.
    pub full: &'static [u64],
}

/// The sizes of most families.
pub const SIZES: Sizes = Sizes {
    quick: &[10_000, 1_000_000],
    usual: &[10_000, 1_000_000],
    full: &[10_000, 1_000_000, 10_000_000],
};

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
pub const FAMILIES: &[&Family] =
    &[&hash::FAMILY, &ordered::FAMILY, &select::FAMILY, &throughput::FAMILY];

impl Family {
    /// The family called `id`.
    pub fn named(id: &str) -> Option<&'static Self> {
        FAMILIES.iter().copied().find(|family| family.id == id)
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
