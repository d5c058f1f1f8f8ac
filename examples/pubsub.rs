//! Publish and subscribe: who listens to which topic, for millions of subscriptions.
//!
//! `cargo run --release --example pubsub`, with `-- --full` for two million subscribers of a topic.
//!
//! A subscription is an object in each of two duplicate_bags: by topic, to know whom to send to,
//! and by subscriber, to know what to undo when he is gone. The Erlang it replaces, which is the
//! heart of Phoenix.PubSub:
//!
//! ```erlang
//! subscribe(Pid, Topic) ->
//!     true = ets:insert(topics, {Topic, {Pid, nil}}),
//!     true = ets:insert(pids, {Pid, Topic}).
//!
//! broadcast(Topic, Message) ->
//!     [Pid ! Message || {_, {Pid, _}} <- ets:lookup(topics, Topic)].
//!
//! down(Pid) ->
//!     [ets:delete_object(topics, {Topic, {Pid, nil}}) || {_, Topic} <- ets:take(pids, Pid)].
//! ```
//!
//! Two things are different here. `broadcast` reads the subscribers where they lie, while ETS
//! copies the whole list to the caller's heap. And `delete_object` does not search the topic: in
//! ETS it compares its way through all subscribers, so that a crowd that leaves takes much longer
//! than it took to come.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example measures time")]

mod support;

use std::time::{Duration, Instant};

use ferrets::{Access, Atom, Kind, Owner, Store, Table, TableOptions};
use support::{Result, check, full_size, grouped, report};

/// Stands for a process: an integer takes one word in an object, as a local pid does in ETS.
type Subscriber = u64;

/// How much of everything.
struct Size {
    /// Subscribers of one topic.
    lobby: u64,
    /// Subscribers that leave at once, from [`TOPICS`] topics each.
    leaving: u64,
    /// How often the leaving crowd comes and goes.
    rounds: usize,
}

const SMALL: Size = Size { lobby: 100_000, leaving: 5_000, rounds: 3 };
const FULL: Size = Size { lobby: 2_000_000, leaving: 50_000, rounds: 5 };
const TOPICS: u64 = 10;

fn main() -> Result<()> {
    let full = full_size()?;
    let size = if full { FULL } else { SMALL };
    let store = Store::new();
    let owner = store.owner();
    chat(&owner, &size)?;
    crowd(&owner, &size)
}

/// The two tables.
struct PubSub {
    /// `{Topic, {Subscriber, nil}}`
    topics: Table,
    /// `{Subscriber, Topic}`
    subscribers: Table,
}

impl PubSub {
    fn new(owner: &Owner) -> ferrets::Result<Self> {
        let options = TableOptions::new(Kind::DuplicateBag).access(Access::Public);
        Ok(Self {
            topics: owner.new_table("topics", options.clone())?,
            subscribers: owner.new_table("subscribers", options)?,
        })
    }

    fn subscribe(&self, subscriber: Subscriber, topic: &str) -> ferrets::Result<()> {
        self.topics.insert((topic, (subscriber, Atom::NIL)))?;
        self.subscribers.insert((subscriber, topic))
    }

    /// Calls `send` for each subscriber of a topic, all as they are at one instant. Nothing is
    /// copied; others come and go meanwhile without waiting.
    fn broadcast(&self, topic: &str, mut send: impl FnMut(Subscriber)) -> ferrets::Result<()> {
        self.topics.read(|view| {
            view.each(topic, |object| {
                let entry = object.element(2).and_then(|entry| entry.as_tuple());
                let subscriber = entry.and_then(|entry| entry.get(0)?.get().ok());
                send(subscriber.expect("`subscribe` puts it there"));
            });
        })
    }

    /// Forgets a subscriber; returns how many subscriptions he had. `take` gives each of them to
    /// one caller only, so it does no harm if two notice that he is gone.
    fn down(&self, subscriber: Subscriber) -> ferrets::Result<usize> {
        let subscriptions = self.subscribers.take(subscriber)?;
        for object in subscriptions.iter() {
            let (_, topic) = object.decode::<(Subscriber, &str)>()?;
            self.topics.delete_object((topic, (subscriber, Atom::NIL)))?;
        }
        Ok(subscriptions.len())
    }

    fn objects_and_bytes(&self) -> Result<(usize, usize)> {
        let infos = [self.topics.info(), self.subscribers.info()];
        let infos: Vec<_> = infos.into_iter().flatten().collect();
        check(infos.len() == 2, "both tables exist")?;
        let objects = infos.iter().map(|info| info.size).sum();
        Ok((objects, infos.iter().map(|info| info.memory_bytes).sum()))
    }
}

/// The chat test: everyone listens to one topic.
fn chat(owner: &Owner, size: &Size) -> Result<()> {
    const LOBBY: &str = "rooms:lobby";
    let chat = PubSub::new(owner)?;
    let count = size.lobby;
    println!("Chat: {} subscribers of `{LOBBY}`", grouped(count));

    let begin = Instant::now();
    for subscriber in 0..count {
        chat.subscribe(subscriber, LOBBY)?;
    }
    report("subscribe", count, begin.elapsed());

    let (mut reached, mut sum) = (0, 0);
    let begin = Instant::now();
    chat.broadcast(LOBBY, |subscriber| {
        reached += 1;
        sum += subscriber;
    })?;
    report("broadcast, subscribers reached", count, begin.elapsed());
    check(reached == count && sum == count * (count - 1) / 2, "a broadcast reaches everyone")?;

    let (objects, bytes) = chat.objects_and_bytes()?;
    let each = bytes as f64 / count as f64;
    println!(
        "  {:<34} {each:>10.0} bytes (Phoenix: about 1,000 for a connection)",
        "a subscription"
    );
    check(objects as u64 == 2 * count, "a subscription is two objects")?;

    // Leaving one by one, from the one topic that all others are in, too.
    let leavers = count / 10;
    let begin = Instant::now();
    for subscriber in 0..leavers {
        chat.down(subscriber)?;
    }
    report("leave, one by one", leavers, begin.elapsed());
    let mut left = 0;
    chat.broadcast(LOBBY, |subscriber| left += u64::from(subscriber >= leavers))?;
    check(left == count - leavers, "who left is not reached, who stayed is")?;
    chat.topics.delete_table()?;
    chat.subscribers.delete_table()?;
    Ok(())
}

/// The mass disconnect: a crowd of which each listens to ten topics comes, and leaves at once.
fn crowd(owner: &Owner, size: &Size) -> Result<()> {
    let crowd = PubSub::new(owner)?;
    let topics: Vec<String> = (0..TOPICS).map(|at| format!("topic:{at}")).collect();
    let (people, count) = (size.leaving, size.leaving * TOPICS);
    println!("\nCrowd: {} subscribers of {TOPICS} topics each", grouped(people));

    let (mut coming, mut leaving, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let begin = Instant::now();
        for subscriber in 0..people {
            for topic in &topics {
                crowd.subscribe(subscriber, topic)?;
            }
        }
        let came = begin.elapsed();
        let begin = Instant::now();
        let mut removed = 0;
        for subscriber in 0..people {
            removed += crowd.down(subscriber)?;
        }
        let left = begin.elapsed();
        check(removed as u64 == count, "each subscription is removed once")?;
        check(crowd.topics.is_empty()? && crowd.subscribers.is_empty()?, "nothing is left over")?;
        ratios.push(left.as_secs_f64() / came.as_secs_f64());
        coming.push(came);
        leaving.push(left);
    }
    report("subscribe", count, median(&mut coming));
    report("mass disconnect, subscriptions", count, median(&mut leaving));
    ratios.sort_unstable_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    println!("  {:<34} {ratio:>10.2} times as long as subscribing", "the disconnect took");
    // Searching the topics, as ETS does, would take hundreds of times as long.
    check(ratio < 4.0, "leaving costs about what coming costs")
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
