//! A registry: names that one owner has, topics that many listen to, and no clean-up to write.
//!
//! `cargo run --release --example registry`, with `-- --full` for 150,000 listeners of one topic
//! and 50,000 owners who leave ten topics each.
//!
//! What somebody registers goes when he goes. In Erlang that takes a process that monitors all of
//! them, and a table from pids to keys, which it goes through when one of them dies; this is the
//! heart of Elixir's Registry:
//!
//! ```erlang
//! register(Key, Pid, Value) ->
//!     link(Pid),
//!     true = ets:insert(pids, {Pid, Key}),
//!     true = ets:insert(keys, {Key, {Pid, Value}}).
//!
//! handle_info({'EXIT', Pid, _}, State) ->
//!     [ets:match_delete(keys, {Key, {Pid, '_'}}) || {_, Key} <- ets:take(pids, Pid)],
//!     {noreply, State}.
//!
//! dispatch(Key, Fun) -> Fun([Entry || {_, Entry} <- ets:lookup(keys, Key)]).
//! ```
//!
//! Here the objects are *leased*: the owner who leases them ends, and they vanish, in the thread
//! that ends him. `match_delete` compares its way through all who listen to the same topic; a lease
//! is found by its hash.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example measures time, and keeps to it")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ferrets::{Access, Kind, Message, Owner, Pid, Store, Table, TableOptions, Term};
use support::{Result, check, full_size};

/// How much of everything.
struct Size {
    /// Listeners of the one topic.
    hot: usize,
    /// For how long listeners come and go there.
    churn: Duration,
    /// Owners who leave [`TOPICS`] topics each.
    crowd: usize,
    /// Objects of one owner.
    alone: usize,
}

const SMALL: Size =
    Size { hot: 10_000, churn: Duration::from_millis(500), crowd: 5_000, alone: 100_000 };
const FULL: Size =
    Size { hot: 150_000, churn: Duration::from_secs(10), crowd: 50_000, alone: 100_000 };
const TOPICS: usize = 10;
/// Joins a second, and as many leaves.
const JOINS: u64 = 1_000;

fn main() -> Result<()> {
    let full = full_size()?;
    let size = if full { FULL } else { SMALL };
    let store = Store::new();
    names(&store)?;
    hot_topic(&store, &size)?;
    crowd(&store, size.crowd)?;
    alone(&store, size.alone)
}

/// A name has one owner, and is free when he ends.
fn names(store: &Store) -> Result<()> {
    let names = store.new_table("names", TableOptions::default().access(Access::Public))?;
    let (ann, bob) = (store.owner(), store.owner());
    let register = |owner: &Owner| names.acting_as(owner).lease_new(("printer", owner.pid()));
    check(register(&ann)?, "the name is free")?;
    check(!register(&bob)?, "the name is taken")?;
    let keeper: Pid = names.lookup_element("printer", 2)?.get()?;
    bob.monitor(keeper)?;
    drop(ann);
    check(matches!(bob.try_receive(), Some(Message::OwnerDown { .. })), "bob waits for it")?;
    check(register(&bob)?, "who hears that somebody has ended finds his names free")?;
    names.delete_table()?;
    Ok(())
}

/// `{Topic, {Pid, Value}}`: who listens to what.
fn topics(store: &Store) -> ferrets::Result<Table> {
    store.new_table("topics", TableOptions::new(Kind::DuplicateBag).access(Access::Public))
}

/// Somebody who listens.
struct Listener {
    owner: Owner,
    topics: Table,
}

impl Listener {
    fn new(store: &Store, topics: &Table) -> Self {
        let owner = store.owner();
        let topics = topics.acting_as(&owner);
        Self { owner, topics }
    }

    fn join(&self, topic: &str, value: u64) -> ferrets::Result<()> {
        self.topics.lease((topic, (self.owner.pid(), value)))
    }

    fn leave(&self, topic: &str, value: u64) -> ferrets::Result<()> {
        self.topics.delete_object((topic, (self.owner.pid(), value)))
    }
}

/// Visits all listeners of a topic at one instant; the sum of their values, and how many.
fn dispatch(topics: &Table, topic: &str) -> ferrets::Result<(u64, usize)> {
    topics.read(|view| {
        let (mut sum, mut count) = (0, 0);
        view.each(topic, |object| {
            let entry = object.element(2).and_then(|entry| entry.as_tuple());
            sum += entry.and_then(|entry| entry.get(1)?.as_i64()).unwrap_or(0) as u64;
            count += 1;
        });
        (sum, count)
    })
}

/// Some thousand come and go a second under one key, while all are called ten times a second.
fn hot_topic(store: &Store, size: &Size) -> Result<()> {
    let topics = topics(store)?;
    let begun = Instant::now();
    let crowd: Vec<Listener> = (0..size.hot).map(|_| Listener::new(store, &topics)).collect();
    for listener in &crowd {
        listener.join("live", 1)?;
    }
    println!("{} owners join one topic in {:.1?}", size.hot, begun.elapsed());

    let (stop, latest) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut calls, mut longest) = (0, Duration::ZERO);
    let churned = std::thread::scope(|scope| -> Result<u64> {
        let (stop, latest, topics) = (&stop, &latest, &topics);
        let churn = scope.spawn(move || churn(store, topics, stop, latest));
        let begun = Instant::now();
        while begun.elapsed() < size.churn {
            let call = Instant::now();
            let (sum, count) = dispatch(topics, "live")?;
            longest = longest.max(call.elapsed());
            calls += 1;
            check(sum == count as u64 && count >= size.hot, "who stays is called each time")?;
            std::thread::sleep(Duration::from_millis(100).saturating_sub(call.elapsed()));
        }
        stop.store(true, Ordering::Relaxed);
        Ok(churn.join().map_err(|_| "the churn panicked")??)
    })?;
    println!(
        "{churned} come and go meanwhile, at the latest {:.1?} late; {calls} calls of all, the \
         longest {longest:.1?}",
        Duration::from_nanos(latest.load(Ordering::Relaxed)),
    );
    check(dispatch(&topics, "live")?.1 == size.hot, "the others have left")?;
    let begun = Instant::now();
    drop(crowd);
    println!("all end in {:.1?}", begun.elapsed());
    check(topics.is_empty()?, "nobody is left")?;
    topics.delete_table()?;
    Ok(())
}

/// Every other one leaves, every other one dies. Keeps to a schedule, and notes how late it was.
fn churn(
    store: &Store,
    topics: &Table,
    stop: &AtomicBool,
    latest: &AtomicU64,
) -> ferrets::Result<u64> {
    let (begun, step) = (Instant::now(), Duration::from_secs(1) / JOINS as u32);
    let mut churned = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = step * churned as u32;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        let listener = Listener::new(store, topics);
        listener.join("live", 1)?;
        if churned % 2 == 0 {
            listener.leave("live", 1)?;
        }
        drop(listener);
        churned += 1;
        let late = begun.elapsed().saturating_sub(due).as_nanos();
        latest.fetch_max(late as u64, Ordering::Relaxed);
    }
    Ok(churned)
}

/// Many join some topics each, and then all of them are gone.
fn crowd(store: &Store, owners: usize) -> Result<()> {
    let topics = topics(store)?;
    let names: Vec<String> = (0..1_000).map(|number| format!("topic:{number}")).collect();
    let begun = Instant::now();
    let mut crowd = Vec::with_capacity(owners);
    for number in 0..owners {
        let listener = Listener::new(store, &topics);
        for at in 0..TOPICS {
            listener.join(&names[(number * TOPICS + at * 7) % names.len()], at as u64)?;
        }
        crowd.push(listener);
    }
    let joined = begun.elapsed();
    let objects = topics.len()?;
    check(objects == owners * TOPICS, "all have joined")?;
    let begun = Instant::now();
    drop(crowd);
    let left = begun.elapsed();
    check(topics.is_empty()?, "all have left")?;
    let each = |time: Duration| time.as_nanos() / objects as u128;
    println!(
        "{owners} owners with {TOPICS} topics each: {joined:.1?} to come ({} ns an object), \
         {left:.1?} to go ({} ns)",
        each(joined),
        each(left),
    );
    topics.delete_table()?;
    Ok(())
}

/// One owner has very many; somebody who watches is shown all of them.
fn alone(store: &Store, objects: usize) -> Result<()> {
    let topics = topics(store)?;
    let watcher = store.owner();
    watcher.monitor_leases(&topics)?;
    let listener = Listener::new(store, &topics);
    for number in 0..objects {
        listener.join(&format!("topic:{number}"), number as u64)?;
    }
    let begun = Instant::now();
    listener.owner.exit("too much")?;
    println!("one owner of {objects} objects ends in {:.1?}", begun.elapsed());
    let Some(Message::LeasesDown { objects: gone, reason, .. }) = watcher.try_receive() else {
        return Err("the watcher was not told".into());
    };
    check(gone.len() == objects && topics.is_empty()?, "all are gone, and were shown")?;
    check(reason == Term::new("too much")?, "and why")?;
    topics.delete_table()?;
    Ok(())
}
