//! `info/1,2`: what a table says of itself, in the words of ETS.

use std::io::Write;
use std::time::Duration;

use super::find;
use crate::error::{Error, ErrorKind, Result};
use crate::owner::Owner;
use crate::table::{Info, Kind, SafeFixed, Table, WriteConcurrency};
use crate::term::{Atom, Term};

/// Makes the value of an item.
type Item = fn(&Info) -> Result<Term>;

/// The same, for one that looks at the objects.
type SlowItem = fn(&Table, &Info) -> Result<Term>;

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

/// The items that only `info/2` gives and that look at every object.
const SLOW_ITEMS: &[(&str, SlowItem)] = &[("binary", binary), ("data", data), ("stats", stats)];

/// The table with its answers, or `None` for a table that does not exist.
fn ask(owner: &Owner, table: &Term) -> Result<Option<(Table, Info)>> {
    match find(owner, table) {
        Ok(table) => Ok(table.info().map(|info| (table, info))),
        Err(error) if error.kind() == ErrorKind::NoSuchTable => Ok(None),
        Err(error) => Err(error),
    }
}

/// `info/1`.
pub(super) fn info(owner: &Owner, table: &Term) -> Result<Term> {
    let Some((_, info)) = ask(owner, table)? else { return Ok(Term::from(Atom::UNDEFINED)) };
    let items = ITEMS.iter().map(|(name, item)| Term::tuple([Term::atom(name)?, item(&info)?]));
    Term::list(items.collect::<Result<Vec<_>>>()?)
}

/// `info/2`. The table is asked for before the item is looked at.
pub(super) fn info_item(owner: &Owner, table: &Term, item: &Term) -> Result<Term> {
    let wanted = item.as_atom().map_or("", Atom::name);
    let Some((table, info)) = ask(owner, table)? else {
        // For this item alone, ETS wants the table to exist.
        let undefined = Term::from(Atom::UNDEFINED);
        return if wanted == "binary" {
            find(owner, table).and(Ok(undefined))
        } else {
            Ok(undefined)
        };
    };
    if let Some((_, item)) = ITEMS.iter().chain(MORE_ITEMS).find(|(name, _)| *name == wanted) {
        return item(&info);
    }
    match SLOW_ITEMS.iter().find(|(name, _)| *name == wanted) {
        Some((_, item)) => item(&table, &info),
        None => Err(Error::bad_argument(format!("info has no item {item}"))),
    }
}

/// The binaries that lie outside the objects: here, none does.
#[expect(clippy::unnecessary_wraps, reason = "an item like the others")]
fn binary(_: &Table, _: &Info) -> Result<Term> {
    Ok(Term::nil())
}

/// How evenly a hash table fills its slots: `{Slots, Average, Deviation, ExpectedDeviation, Least,
/// Most, Kept, Locks}`; of an ordered one nothing. No object is kept for being deleted while the
/// table is fixed, and there is a lock a slot.
fn stats(table: &Table, info: &Info) -> Result<Term> {
    if info.kind == Kind::OrderedSet {
        return flag(false);
    }
    let lengths = Lengths::of(table)?;
    let whole = |number: usize| Term::new(number);
    Term::tuple([
        whole(lengths.slots)?,
        Term::new(lengths.average())?,
        Term::new(lengths.deviation())?,
        Term::new(lengths.expected_deviation())?,
        whole(lengths.least)?,
        whole(lengths.most)?,
        whole(0)?,
        whole(lengths.slots)?,
    ])
}

/// How many objects the slots of a table have.
struct Lengths {
    slots: usize,
    objects: usize,
    squares: f64,
    least: usize,
    most: usize,
}

impl Lengths {
    fn of(table: &Table) -> Result<Self> {
        let mut all = Self { slots: 0, objects: 0, squares: 0.0, least: usize::MAX, most: 0 };
        for objects in table.slots() {
            let length = objects?.len();
            all.slots += 1;
            all.objects += length;
            all.squares += (length * length) as f64;
            (all.least, all.most) = (all.least.min(length), all.most.max(length));
        }
        Ok(all)
    }

    fn average(&self) -> f64 {
        self.objects as f64 / self.slots as f64
    }

    fn deviation(&self) -> f64 {
        (self.squares / self.slots as f64 - self.average().powi(2)).max(0.0).sqrt()
    }

    /// If every object were put into any slot.
    fn expected_deviation(&self) -> f64 {
        (self.average() * (1.0 - 1.0 / self.slots as f64)).sqrt()
    }
}

/// Prints the table to the standard output, as ETS does, and is `true`.
fn data(table: &Table, info: &Info) -> Result<Term> {
    print(&mut std::io::BufWriter::new(std::io::stdout().lock()), table, info)?;
    flag(true)
}

/// What cannot be written is lost.
fn print(out: &mut impl Write, table: &Table, info: &Info) -> Result<()> {
    let mut line = |text: String| drop(writeln!(out, "{text}"));
    line(format!("Table: {}\nName: {}", info.id, Term::from(info.name)));
    if info.kind == Kind::OrderedSet {
        line(format!("Ordered set, Elements: {}", info.size));
    } else {
        let lengths = Lengths::of(table)?;
        line(format!("Buckets: {}", lengths.slots));
        line(format!("Chain Length Avg: {:.6}", lengths.average()));
        line(format!("Chain Length Max: {}", lengths.most));
        line(format!("Chain Length Min: {}", lengths.least));
        line(format!("Chain Length Std Dev: {:.6}", lengths.deviation()));
        line(format!("Chain Length Expected Std Dev: {:.6}", lengths.expected_deviation()));
        line(format!("Fixed: {}", info.safe_fixed.is_some()));
        for (slot, objects) in table.slots().enumerate() {
            let objects = objects?;
            if !objects.is_empty() {
                line(format!("{slot}: {}", objects.to_term()?));
            }
        }
    }
    line(format!("Objects: {}\nWords: {}", info.size, info.memory_words()));
    line(format!("Type: {}\nProtection: {}", info.kind, info.access.name()));
    line(format!("Compressed: {}", info.compressed));
    line(format!("Write Concurrency: {}", write_concurrency(info.write_concurrency)?));
    line(format!("Read Concurrency: {}", info.read_concurrency));
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, TableOptions};

    #[test]
    fn a_table_is_printed_with_its_objects() {
        let store = Store::new();
        let table = store.new_table("blue", TableOptions::new(Kind::Bag)).expect("a new name");
        table.insert_list([(1, "a"), (1, "b")]).expect("two objects");
        let mut text = Vec::new();
        print(&mut text, &table, &table.info().expect("it is there")).expect("it is there");
        let text = String::from_utf8(text).expect("text");
        assert!(text.contains("Name: blue\nBuckets: "), "{text}");
        assert!(text.contains("Chain Length Max: 2\n"), "{text}");
        assert!(text.contains(": [{1,<<\"a\">>},{1,<<\"b\">>}]\nObjects: 2\n"), "{text}");
    }

    #[test]
    fn lengths_are_those_of_the_slots() {
        let store = Store::new();
        let table =
            store.new_table("t", TableOptions::new(Kind::DuplicateBag)).expect("a new name");
        table.insert_list((0..500).map(|key| (key, 0))).expect("they fit");
        table.insert_list((1..=10).map(|value| (1, value))).expect("they fit");
        let lengths = Lengths::of(&table).expect("it is there");
        assert_eq!(lengths.objects, 510);
        assert!(lengths.least <= 500 / lengths.slots && lengths.most >= 11);
        let squares: usize = table.slots().map(|slot| slot.map_or(0, |all| all.len().pow(2))).sum();
        // The variance is the mean of the squares less the square of the mean.
        let slots = lengths.slots as f64;
        let variance = squares as f64 / slots - (510.0 / slots).powi(2);
        assert!((lengths.deviation().powi(2) - variance).abs() < 1e-9);
    }
}
