//! Locks and tokens that survive their keeper.
//!
//! `cargo run --release --example locks`, with `-- --full` for longer.
//!
//! A keeper refills tokens and answers for locks; those who take them do so in his tables, without
//! asking him. He dies now and then, and nothing may be lost by that: his standby is the heir of
//! his tables, gets them with a message, and goes on. In Erlang, as in Riak's background manager:
//!
//! ```erlang
//! init(Standby) ->
//!     ets:new(tokens, [named_table, public, {heir, Standby, tokens}]),
//!     ets:new(locks, [named_table, public, {heir, Standby, locks}]).
//!
//! get_token(Resource) ->
//!     ets:update_counter(tokens, Resource, {2, -1, 0, -1}) >= 0.
//!
//! get_lock(Resource, Pid) ->
//!     ets:insert_new(locks, {Resource, Pid}) andalso monitor(process, Pid).
//!
//! handle_info({'ETS-TRANSFER', Table, _, What}, State) ->
//!     {noreply, took_over(What, Table, State)};
//! handle_info({'DOWN', _, process, Pid, _}, State) ->
//!     ets:match_delete(locks, {'_', Pid}), {noreply, State}.
//! ```
//!
//! The last clause is not needed here: a lock is *leased*, and free when its holder ends.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example measures time")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use ferrets::{Access, CounterOp, Message, Owner, Store, Table, TableOptions, Term, term};
use support::{Result, check, full_size};

/// How many keepers die, and how many there are to serve meanwhile.
struct Size {
    keepers: usize,
    refills: usize,
    clients: usize,
}

const SMALL: Size = Size { keepers: 20, refills: 10, clients: 4 };
const FULL: Size = Size { keepers: 500, refills: 50, clients: 8 };
const RESOURCES: usize = 16;
/// Tokens that a resource has after a refill.
const TOKENS: i64 = 100;

fn main() -> Result<()> {
    let full = full_size()?;
    serve(&if full { FULL } else { SMALL })
}

/// What is counted besides, to see whether it was right.
#[derive(Default)]
struct Truth {
    /// Who is in each lock: never more than one.
    inside: [AtomicI64; RESOURCES],
    /// Tokens put in and taken out.
    given: AtomicI64,
    taken: AtomicI64,
    locked: AtomicU64,
    died_inside: AtomicU64,
    stop: AtomicBool,
}

/// The tables of the keeper, in the hands of whoever that is.
struct Keeper {
    owner: Owner,
    tokens: Table,
    locks: Table,
}

impl Keeper {
    fn first(store: &Store) -> Result<Self> {
        let owner = store.owner();
        let options = TableOptions::default().access(Access::Public).named(true);
        let tokens = owner.new_table("tokens", options.clone())?;
        let locks = owner.new_table("locks", options)?;
        for resource in 0..RESOURCES {
            tokens.insert((resource, 0))?;
        }
        Ok(Self { owner, tokens, locks })
    }

    /// Names the one who is to have the tables after him.
    fn prepare(&self, standby: &Owner) -> ferrets::Result<()> {
        self.tokens.set_heir(standby.pid(), term!(:tokens))?;
        self.locks.set_heir(standby.pid(), term!(:locks))
    }

    /// The standby takes over: the tables come as messages, in whatever order.
    fn inherit(standby: Owner) -> Result<Self> {
        let (mut tokens, mut locks) = (None, None);
        while tokens.is_none() || locks.is_none() {
            match standby.receive() {
                Some(Message::Transfer { table, data, .. }) if data == term!(:tokens) => {
                    tokens = Some(table);
                }
                Some(Message::Transfer { table, .. }) => locks = Some(table),
                other => return Err(format!("{other:?} is no table").into()),
            }
        }
        let missing = "both came";
        Ok(Self { owner: standby, tokens: tokens.ok_or(missing)?, locks: locks.ok_or(missing)? })
    }

    /// Fills each resource up to what it may have.
    fn refill(&self, truth: &Truth) -> ferrets::Result<()> {
        for resource in 0..RESOURCES {
            // Both in one instant: what there was (-1 if somebody asked in vain), and that now
            // there is all there is to be.
            let more = CounterOp::new(2, TOKENS + 1).bounded(TOKENS, TOKENS);
            let values = self.tokens.update_counters(resource, &[CounterOp::new(2, 0), more])?;
            let before = values[0].to_i64().unwrap_or(0).max(0);
            truth.given.fetch_add(TOKENS - before, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Keepers come and go; clients notice nothing.
fn serve(size: &Size) -> Result<()> {
    let store = Store::new();
    let truth = Truth::default();
    let mut keeper = Keeper::first(&store)?;
    let begun = Instant::now();
    let keeper = std::thread::scope(|scope| -> Result<Keeper> {
        let (store, truth) = (&store, &truth);
        let play = |number| scope.spawn(move || client(store, truth, number));
        let clients: Vec<_> = (0..size.clients).map(play).collect();
        let kept = (0..size.keepers).try_for_each(|_| -> Result<()> {
            let standby = store.owner();
            keeper.prepare(&standby)?;
            for _ in 0..size.refills {
                keeper.refill(truth)?;
                std::thread::yield_now();
            }
            keeper.owner.exit(term!({:crash, "in the middle of it"}))?;
            keeper = Keeper::inherit(standby)?;
            Ok(())
        });
        truth.stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| "a client panicked")??;
        }
        kept.map(|()| keeper)
    })?;
    report(&truth, size, begun);
    let left: i64 = keeper.tokens.foldl(0, |object, sum| {
        sum + object.element(2).and_then(|count| count.as_i64()).unwrap_or(0).max(0)
    })?;
    let (given, taken) = (&truth.given, &truth.taken);
    let counted = given.load(Ordering::Relaxed) - taken.load(Ordering::Relaxed);
    check(left == counted, "no token is lost, and none is there twice")?;
    check(keeper.locks.is_empty()?, "all locks are free")?;
    check(keeper.tokens.info().is_some_and(|info| info.owner == keeper.owner.pid()), "it is his")
}

fn report(truth: &Truth, size: &Size, begun: Instant) {
    let taken = truth.taken.load(Ordering::Relaxed);
    println!(
        "{} keepers die in {:.1?}; {} clients take {taken} tokens and {} locks meanwhile, and {} \
         of them die with a lock in their hands",
        size.keepers,
        begun.elapsed(),
        size.clients,
        truth.locked.load(Ordering::Relaxed),
        truth.died_inside.load(Ordering::Relaxed),
    );
}

/// Takes tokens and locks by the names of the tables, whoever keeps them.
fn client(store: &Store, truth: &Truth, seed: usize) -> ferrets::Result<()> {
    // Below zero is -1, however many ask in vain.
    let take = CounterOp::new(2, -1).bounded(0, -1);
    let mut me = store.owner();
    for at in (0_usize..).map(|at| at * 7 + seed) {
        if truth.stop.load(Ordering::Relaxed) {
            break;
        }
        let resource = at % RESOURCES;
        let tokens = me.table("tokens")?;
        if tokens.update_counter(resource, take.clone())?.to_i64().unwrap_or(0) >= 0 {
            truth.taken.fetch_add(1, Ordering::Relaxed);
        }
        let locks = me.table("locks")?;
        if !locks.lease_new((resource, Term::pid(me.pid())?))? {
            continue;
        }
        let others = truth.inside[resource].fetch_add(1, Ordering::SeqCst);
        assert_eq!(others, 0, "nobody else is in the lock");
        truth.locked.fetch_add(1, Ordering::Relaxed);
        truth.inside[resource].fetch_sub(1, Ordering::SeqCst);
        if at % 11 == 0 {
            // He dies with the lock in his hands.
            truth.died_inside.fetch_add(1, Ordering::Relaxed);
            me = store.owner();
        } else {
            locks.delete(resource)?;
        }
    }
    Ok(())
}
