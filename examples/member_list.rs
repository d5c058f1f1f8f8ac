//! A member list: who stands where among a million, and what a viewer's window shows.
//!
//! `cargo run --release --example member_list`, with `-- --full` for lists of up to a million.
//!
//! The list at the side of a chat, in order of groups and names. Whoever comes, goes or changes his
//! status moves to another place, and each viewer whose window covers the old place or the new one
//! is told the position. This is what made Discord leave the BEAM for a list in Rust: in Erlang,
//! finding a position means to walk there, in a list or in a table.
//!
//! ```erlang
//! add(Member, Table) ->
//!     true = ets:insert(Table, {Member}),
//!     position(Member, Table).
//!
//! position(Member, Table) ->                     % O(n): all that come before are visited
//!     ets:select_count(Table, [{{'$1'}, [{'<', '$1', {const, Member}}], [true]}]).
//!
//! at(0, Key, _) -> Key;
//! at(N, Key, Table) -> at(N - 1, ets:next(Table, Key), Table).
//! ```
//!
//! Here the table is made with order statistics: an insert or a removal returns the position, and
//! `nth` and `slice` go straight to one, all in O(log n). Discord's published figures for its list
//! of 250,000 are 0.4 microseconds for an insert at best and 2.85 at worst; an ordered set in pure
//! Elixir took 4 to 640, and lists tens of thousands.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example measures time")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ferrets::{Access, Kind, Object, Owner, Store, Table, TableOptions};
use support::{Result, check, full_size, grouped, report};

/// How much of everything.
struct Size {
    /// Lists of integers, as in the published benchmark.
    lists: &'static [u64],
    /// Members of the list of people.
    members: u64,
    /// How often one of them changes his status.
    changes: u64,
}

const SMALL: Size = Size { lists: &[5_000, 50_000], members: 20_000, changes: 20_000 };
const FULL: Size = Size {
    lists: &[5_000, 50_000, 250_000, 500_000, 750_000, 1_000_000],
    members: 250_000,
    changes: 200_000,
};

/// What is added at each place.
const ADDED: u64 = 1_000;
/// What lies between two items of a list.
const STEP: u64 = 10_000;
/// How many members a viewer sees.
const WINDOW: usize = 100;

fn main() -> Result<()> {
    let full = full_size()?;
    let size = if full { FULL } else { SMALL };
    let store = Store::new();
    let owner = store.owner();
    println!("Integers: {ADDED} added at each place, microseconds each with its position");
    for items in size.lists {
        integers(&owner, *items)?;
    }
    people(&owner, &size)
}

fn list(owner: &Owner) -> ferrets::Result<Table> {
    let options = TableOptions::new(Kind::OrderedSet).access(Access::Public);
    owner.new_table("members", options.order_statistics(true))
}

/// The published benchmark: a list of multiples, to which items are added at the beginning, in the
/// middle and at the end.
fn integers(owner: &Owner, items: u64) -> Result<()> {
    let table = list(owner)?;
    let begin = Instant::now();
    table.insert_list((0..items).map(|n| (n * STEP,)))?;
    let built = begin.elapsed();
    let mut line = format!("  {:>9} items:", grouped(items));
    for (place, at) in [("beginning", 0), ("middle", items / 2), ("end", items - 1)] {
        let mut times = Vec::new();
        for n in 1..=ADDED {
            let begin = Instant::now();
            let placed = table.insert_ranked((at * STEP + n,))?;
            times.push(begin.elapsed());
            check(placed.position as u64 == at + n, "the position is that behind the last")?;
        }
        line += &format!("  {place} {:>5.2} (p99 {:>5.2})", mean(&times), p99(&mut times));
        for n in 1..=ADDED {
            let taken = table.take_ranked(at * STEP + n)?.map(|(position, _)| position as u64);
            check(taken == Some(at + 1), "those behind have moved up")?;
        }
    }
    check(table.len()? as u64 == items, "all that was added is gone")?;
    check(table.position(items / 2 * STEP)? == Some((items / 2) as usize), "nobody has moved")?;
    println!("{line}  built in {:.1} ms", built.as_secs_f64() * 1e3);
    table.delete_table()?;
    Ok(())
}

fn mean(times: &[Duration]) -> f64 {
    times.iter().sum::<Duration>().as_secs_f64() * 1e6 / times.len() as f64
}

fn p99(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() * 99 / 100].as_secs_f64() * 1e6
}

/// A member as he stands in the list: group 0 is online, 1 idle, 2 offline.
type Member = (u8, String, u64);

fn member(group: u64, id: u64) -> Member {
    // Names in no order, between 8 and 24 bytes.
    let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let long = if mixed % 3 == 0 { " of the long name" } else { "" };
    (group as u8, format!("{:07x}{long}", mixed >> 36), id)
}

fn decode(object: &Object) -> Result<Member> {
    Ok(object.decode::<((u8, String, u64),)>()?.0)
}

/// A list of people who change their status, while others scroll through it.
fn people(owner: &Owner, size: &Size) -> Result<()> {
    let (table, count) = (list(owner)?, size.members);
    println!("\nPeople: {} members, {} changes", grouped(count), grouped(size.changes));
    let mut groups: Vec<u64> = (0..count).map(|id| id % 3).collect();
    let begin = Instant::now();
    for id in 0..count {
        table.insert((member(groups[id as usize], id),))?;
    }
    report("join", count, begin.elapsed());

    // Viewers look at places all over the list.
    let windows: Vec<usize> = (0..200).map(|n| n * count as usize / 200).collect();
    let is_seen = |position: usize| {
        let behind = windows.partition_point(|start| *start <= position);
        behind > 0 && position < windows[behind - 1] + WINDOW
    };
    let stop = AtomicBool::new(false);
    let (mut told, mut changed) = (0, Duration::ZERO);
    let (scrolled, looking) = std::thread::scope(|scope| -> Result<(u64, Duration)> {
        let reader = scope.spawn(|| scroll(&table, &windows, &stop));
        let begin = Instant::now();
        let written = (0..size.changes).try_for_each(|n| -> Result<()> {
            let id = n.wrapping_mul(7_919) % count;
            let group = &mut groups[id as usize];
            let gone = table.take_ranked(member(*group, id))?;
            *group = (*group + 1 + n % 2) % 3;
            let come = table.insert_ranked((member(*group, id),))?;
            let gone = gone.ok_or("a member was where he is")?.0;
            told += u64::from(is_seen(gone)) + u64::from(is_seen(come.position));
            Ok(())
        });
        changed = begin.elapsed();
        stop.store(true, Ordering::Relaxed);
        written?;
        reader.join().map_err(|_| "the reader has panicked")?
    })?;
    report("change of status, both positions", size.changes, changed);
    report(&format!("window of {WINDOW}, meanwhile"), scrolled, looking);
    println!("  {:<34} {:>10}", "changes that a viewer was told of", grouped(told));
    compare(&table, &groups)
}

/// Reads windows until the others are done: each in order, whatever happens.
fn scroll(table: &Table, windows: &[usize], stop: &AtomicBool) -> Result<(u64, Duration)> {
    let (begin, mut read) = (Instant::now(), 0);
    for start in windows.iter().cycle() {
        let window = table.slice(*start, WINDOW)?;
        read += 1;
        let keys: Vec<_> = window.iter().filter_map(|object| object.element(1)).collect();
        check(keys.len() == window.len() && keys.is_sorted_by(|a, b| a < b), "it is in order")?;
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok((read, begin.elapsed()))
}

/// When all is quiet, the list is what it should be, at every position.
fn compare(table: &Table, groups: &[u64]) -> Result<()> {
    let mut all: Vec<Member> = (0..).zip(groups).map(|(id, group)| member(*group, id)).collect();
    all.sort();
    let begin = Instant::now();
    for (at, member) in all.iter().enumerate() {
        check(table.position(member)? == Some(at), "everyone is where he belongs")?;
    }
    report("position of a member", all.len() as u64, begin.elapsed());
    let begin = Instant::now();
    for (at, member) in all.iter().enumerate() {
        let found = table.nth(at)?.ok_or("there is somebody at each position")?;
        check(decode(&found)? == *member, "and nobody else")?;
    }
    report("member at a position", all.len() as u64, begin.elapsed());
    check(table.nth(all.len())?.is_none(), "nobody stands behind the last")?;
    let info = table.info().ok_or("the table exists")?;
    let each = info.memory_bytes as f64 / info.size as f64;
    println!("  {:<34} {each:>10.0} bytes", "a member, name and all");
    Ok(())
}
