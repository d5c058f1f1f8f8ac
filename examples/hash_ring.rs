//! A consistent hash ring: which node has a key, read millions of times while the ring changes.
//!
//! `cargo run --release --example hash_ring`, with `-- --full` for a ring of 64 nodes.
//!
//! Each node stands on the ring in many places; a key belongs to the node at the first place at or
//! behind its hash. A new ring is a new *generation*, written beside the old one in one instant;
//! then readers are sent there, and the old one is deleted when nobody can be on it any more. The
//! Erlang it replaces, after Discord's `ex_hash_ring`:
//!
//! ```erlang
//! find_node(Key) ->
//!     Gen = ets:lookup_element(info, ring, 2),
//!     find(Gen, {Gen, hash(Key)}).
//!
//! find(Gen, Place) ->
//!     case ets:next(ring, Place) of
//!         {Gen, _} = Found -> ets:lookup_element(ring, Found, 2);
//!         _ -> find(Gen, {Gen, -1})                       % around to the beginning
//!     end.
//!
//! drop(Gen) -> ets:match_delete(ring, {{Gen, '_'}, '_'}).  % visits the whole table
//! ```
//!
//! Discord measured 7 microseconds for such a read, and 17.5 seconds for the 2.5 million of them
//! that one server makes when all sessions reconnect; so the ring left ETS. Here a view finds the
//! next place and its node in one step, copies nothing and allocates nothing, and deleting a
//! generation is deleting a range.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example measures time")]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ferrets::{Kind, ObjectRef, Owner, ReadView, Store, Table, TableOptions};
use support::{Result, check, full_size, grouped, report};

/// How much of everything.
struct Size {
    nodes: i64,
    /// Places of each node.
    replicas: i64,
    /// What one server reads when all its sessions reconnect.
    storm: i64,
    /// How often the ring changes while it is read.
    changes: i64,
}

const SMALL: Size = Size { nodes: 4, replicas: 512, storm: 500_000, changes: 20 };
const FULL: Size = Size { nodes: 64, replicas: 512, storm: 2_500_000, changes: 100 };

/// How many generations are kept, for readers who are on an old one.
const DEPTH: i64 = 4;

fn main() -> Result<()> {
    let full = full_size()?;
    let size = if full { FULL } else { SMALL };
    let store = Store::new();
    let owner = store.owner();
    let ring = Ring::new(&owner)?;
    ring.publish(1, &size)?;
    println!("Ring: {} nodes, {} places each", size.nodes, size.replicas);
    agrees_with_a_map(&ring, &size)?;
    storm(&ring, &size)?;
    changes(&ring, &size)
}

/// Where something stands on the ring: what a good hash of 64 bits makes of a number, as far as an
/// integer goes that takes one word.
fn hash(number: i64) -> i64 {
    let mut z = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ z >> 31) >> 5) as i64
}

/// The nodes of a generation: the oldest goes, a new one comes.
fn nodes_of(generation: i64, size: &Size) -> std::ops::Range<i64> {
    generation..generation + size.nodes
}

/// The two tables.
struct Ring {
    /// `{{Generation, Hash}, Node}`
    places: Table,
    /// `{<<"ring">>, Generation}`
    info: Table,
}

impl Ring {
    /// Protected: all read, the owner alone writes.
    fn new(owner: &Owner) -> ferrets::Result<Self> {
        Ok(Self {
            places: owner.new_table("ring", TableOptions::new(Kind::OrderedSet))?,
            info: owner.new_table("info", TableOptions::new(Kind::Set))?,
        })
    }

    /// Writes a generation, sends readers there, and drops the one that nobody is on.
    fn publish(&self, generation: i64, size: &Size) -> Result<()> {
        let places = nodes_of(generation, size).flat_map(|node| {
            let place = move |at| ((generation, hash(node << 20 | at)), format!("node{node}"));
            (0..size.replicas).map(place)
        });
        self.places.insert_list(places)?;
        self.info.insert(("ring", generation))?;
        let dropped =
            self.places.delete_range((generation - DEPTH, 0)..(generation - DEPTH + 1, 0));
        let expected = if generation > DEPTH { size.nodes * size.replicas } else { 0 };
        check(dropped? as i64 == expected, "an old generation goes as a whole")
    }

    fn generation(&self) -> Result<i64> {
        Ok(self.info.lookup_element("ring", 2)?.get()?)
    }
}

/// The node that has a key, in a generation: one step, or two around the end. `None` if the
/// generation was dropped.
fn find_node<'v>(view: &ReadView<'v>, generation: i64, key: i64) -> Option<&'v str> {
    nodes_from(view, generation, key).next()
}

/// The nodes at or behind a key, around the ring, as often as they have places.
fn nodes_from<'r, 'v>(
    view: &'r ReadView<'v>,
    generation: i64,
    key: i64,
) -> impl Iterator<Item = &'v str> + use<'r, 'v> {
    let (first, place, end) = ((generation, -1), (generation, hash(key)), (generation + 1, -1));
    let behind = view.range(place..end).into_iter().flatten();
    // Looked for only when there is nothing behind.
    let around = std::iter::once_with(move || view.range(first..place).into_iter().flatten());
    behind.chain(around.flatten()).filter_map(|object: ObjectRef<'v>| object.element(2)?.as_str())
}

/// The first `count` different nodes, for what is kept several times.
fn find_nodes<'v>(view: &ReadView<'v>, generation: i64, key: i64, count: usize) -> Vec<&'v str> {
    let mut nodes: Vec<&str> = Vec::with_capacity(count);
    for node in nodes_from(view, generation, key) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
        if nodes.len() == count {
            break;
        }
    }
    nodes
}

/// The same ring in a map of the standard library.
fn agrees_with_a_map(ring: &Ring, size: &Size) -> Result<()> {
    let mut map = BTreeMap::new();
    for node in nodes_of(1, size) {
        map.extend((0..size.replicas).map(|at| (hash(node << 20 | at), format!("node{node}"))));
    }
    ring.places.read(|view| -> Result<()> {
        for key in 0..10_000 {
            let around = || map.range(hash(key)..).chain(&map).map(|(_, node)| node.as_str());
            check(find_node(view, 1, key) == around().next(), "the node is the first behind")?;
            let mut three: Vec<&str> = Vec::new();
            around().for_each(|node| {
                if three.len() < 3 && !three.contains(&node) {
                    three.push(node);
                }
            });
            check(find_nodes(view, 1, key, 3) == three, "and so are three different ones")?;
        }
        Ok(())
    })?
}

/// All sessions of a server reconnect: how long until all have found their nodes?
fn storm(ring: &Ring, size: &Size) -> Result<()> {
    let begin = Instant::now();
    let mut letters = 0;
    // A view holds memory back as long as it is open, so it is opened anew now and then.
    for first in (0..size.storm).step_by(1_000) {
        let generation = ring.generation()?;
        ring.places.read(|view| -> Result<()> {
            for session in first..first + 1_000 {
                let node = find_node(view, generation, session).ok_or("every key has a node")?;
                letters += node.len();
            }
            Ok(())
        })??;
    }
    let time = begin.elapsed();
    check(letters >= size.storm as usize * 5, "everyone has found a node")?;
    report("reconnect storm, one thread", size.storm as u64, time);
    println!("  {:<34} {:>10} (published: 17.5 s with ETS)", "that is", format!("{time:.2?}"));
    Ok(())
}

/// The ring changes under its readers: each sees nodes of the generation that he has asked for.
fn changes(ring: &Ring, size: &Size) -> Result<()> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| -> Result<()> {
        let reader = scope.spawn(|| read_on(ring, size, &stop));
        let begin = Instant::now();
        let written = (2..2 + size.changes).try_for_each(|generation| {
            std::thread::sleep(Duration::from_millis(2));
            ring.publish(generation, size)
        });
        let time = begin.elapsed().saturating_sub(Duration::from_millis(2) * size.changes as u32);
        stop.store(true, Ordering::Relaxed);
        written?;
        let (read, late, reading) = reader.join().map_err(|_| "the reader has panicked")??;
        report("a new ring, written and switched to", size.changes as u64, time);
        report("reads meanwhile", read, reading);
        println!("  {:<34} {:>10}", "of them from dropped generations", grouped(late));
        let left = DEPTH.min(1 + size.changes) * size.nodes * size.replicas;
        check(ring.places.len()? as i64 == left, "only the youngest generations are left")
    })
}

/// Reads until the others are done; how often, and how often the generation was gone.
fn read_on(ring: &Ring, size: &Size, stop: &AtomicBool) -> Result<(u64, u64, Duration)> {
    let (begin, mut read, mut late) = (Instant::now(), 0, 0);
    while !stop.load(Ordering::Relaxed) {
        let generation = ring.generation()?;
        ring.places.read(|view| -> Result<()> {
            for key in 0..200 {
                read += 1;
                let Some(node) = find_node(view, generation, read * 200 + key) else {
                    late += 1;
                    continue;
                };
                let number = node.strip_prefix("node").and_then(|number| number.parse().ok());
                let is_right =
                    number.is_some_and(|node| nodes_of(generation, size).contains(&node));
                check(is_right, "a node of this generation, and of no other")?;
            }
            Ok(())
        })??;
    }
    check(read > 0, "something was read")?;
    Ok((read as u64, late, begin.elapsed()))
}
