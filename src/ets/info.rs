//! `info/1,2`: what a table says of itself, in the words of ETS.

use std::time::Duration;

use super::find;
use crate::error::{Error, ErrorKind, Result};
use crate::owner::Owner;
use crate::table::{Info, SafeFixed, WriteConcurrency};
use crate::term::{Atom, Term};

/// Makes the value of an item.
type Item = fn(&Info) -> Result<Term>;

/// The items of `info/1`, in its order.
const ITEMS: &[(&str, Item)] = &[
    ("id", |info| Ok(info.id.clone())),
    ("decentralized_counters", |info| flag(info.decentralized_counters)),
    ("read_concurrency", |info| flag(info.read_concurrency)),
    ("write_concurrency", |info| write_concurrency(info.write_concurrency)),
    ("compressed", |info| flag(info.compressed)),
    ("memory", |info| Term::new(info.memory_words())),
    ("owner", |info| Term::pid(info.owner)),
    ("heir", |info| info.heir.map_or(Ok(Term::from(Atom::NONE)), Term::pid)),
    ("name", |info| Ok(Term::from(info.name))),
    ("size", |info| Term::new(info.size)),
    ("node", |_| Ok(Term::from(Atom::NO_NODE))),
    ("named_table", |info| flag(info.named_table)),
    ("type", |info| Term::atom(info.kind.name())),
    ("keypos", |info| Term::new(info.keypos)),
    ("protection", |info| Term::atom(info.access.name())),
];

/// The items that only `info/2` gives.
const MORE_ITEMS: &[(&str, Item)] = &[
    ("fixed", |info| flag(info.safe_fixed.is_some())),
    ("safe_fixed", |info| safe_fixed(info, calendar_time)),
    ("safe_fixed_monotonic_time", |info| safe_fixed(info, monotonic_time)),
];

/// The table's answers, or `None` for a table that does not exist.
fn ask(owner: &Owner, table: &Term) -> Result<Option<Info>> {
    match find(owner, table) {
        Ok(table) => Ok(table.info()),
        Err(error) if error.kind() == ErrorKind::NoSuchTable => Ok(None),
        Err(error) => Err(error),
    }
}

/// `info/1`.
pub(super) fn info(owner: &Owner, table: &Term) -> Result<Term> {
    let Some(info) = ask(owner, table)? else { return Ok(Term::from(Atom::UNDEFINED)) };
    let items = ITEMS.iter().map(|(name, item)| Term::tuple([Term::atom(name)?, item(&info)?]));
    Term::list(items.collect::<Result<Vec<_>>>()?)
}

/// `info/2`. The table is asked for before the item is looked at.
pub(super) fn info_item(owner: &Owner, table: &Term, item: &Term) -> Result<Term> {
    let wanted = item.as_atom().map(Atom::name);
    if wanted == Some("binary") {
        // The binaries that lie outside the objects: here, none does. For this item alone, ETS
        // wants the table to exist.
        return find(owner, table).map(|_| Term::nil());
    }
    let Some(info) = ask(owner, table)? else { return Ok(Term::from(Atom::UNDEFINED)) };
    let known = ITEMS.iter().chain(MORE_ITEMS).find(|(name, _)| Some(*name) == wanted);
    let known = known.ok_or_else(|| Error::bad_argument(format!("info has no item {item}")))?;
    known.1(&info)
}

fn flag(value: bool) -> Result<Term> {
    Ok(Term::from(Atom::from(value)))
}

fn write_concurrency(value: WriteConcurrency) -> Result<Term> {
    match value {
        WriteConcurrency::False => flag(false),
        WriteConcurrency::True => flag(true),
        WriteConcurrency::Auto => Term::atom("auto"),
        WriteConcurrency::DebugLocks(count) => {
            let name = Term::atom("debug_hash_fixed_number_of_locks")?;
            Term::tuple([name, Term::new(count)?])
        }
    }
}

/// `false`, or the time and who has fixed the table how often.
fn safe_fixed(info: &Info, time: fn(Duration) -> Result<Term>) -> Result<Term> {
    let Some(SafeFixed { since, holders, .. }) = &info.safe_fixed else { return flag(false) };
    let holders = holders
        .iter()
        .map(|(owner, count)| Term::tuple([Term::pid(*owner)?, Term::new(*count)?]))
        .collect::<Result<Vec<_>>>()?;
    Term::tuple([time(*since)?, Term::list(holders)?])
}

/// `{MegaSeconds, Seconds, MicroSeconds}`, as `erlang:timestamp/0`.
fn calendar_time(since: Duration) -> Result<Term> {
    let seconds = since.as_secs();
    Term::new((seconds / 1_000_000, seconds % 1_000_000, since.subsec_micros()))
}

/// Nanoseconds. The store has one clock; it shows the time of day.
fn monotonic_time(since: Duration) -> Result<Term> {
    Term::new(since.as_nanos())
}
