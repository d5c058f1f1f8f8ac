//! A cache of answers that follows a table, and a transfer that happens once.
//!
//! `cargo run --release --example watch`
//!
//! Accounts are in a set; money moves in batches, each under the condition that it has not been
//! done. A thread beside keeps the sum of all accounts up to date from the table's changes: it
//! subscribes, reads, and applies what comes. The Erlang it replaces, where transfers go through
//! one process because a transaction needs one, and Mnesia tells of changes:
//!
//! ```erlang
//! transfer(Id, From, To, N) ->
//!     mnesia:transaction(fun() ->
//!         [] = mnesia:read(done, Id),
//!         [{account, From, A}] = mnesia:read(account, From, write),
//!         [{account, To, B}] = mnesia:read(account, To, write),
//!         mnesia:write({account, From, A - N}),
//!         mnesia:write({account, To, B + N}),
//!         mnesia:write({done, Id})
//!     end).
//!
//! follow() ->
//!     mnesia:subscribe({table, account, detailed}),
//!     loop(mnesia:foldl(fun({account, K, V}, M) -> M#{K => V} end, #{}, account)).
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;

use ferrets::{Access, Error, ErrorKind, Event, Filter, Kind, Object, Result, Store, Table};
use ferrets::{TableOptions, Watch};

const ACCOUNTS: i64 = 100;
const TRANSFERS: i64 = 20_000;

fn main() -> Result<()> {
    let store = Store::new();
    let owner = store.owner();
    let accounts =
        owner.new_table("accounts", TableOptions::new(Kind::OrderedSet).access(Access::Public))?;
    accounts.insert_list((0..ACCOUNTS).map(|account| (("account", account), 1_000)))?;

    let watch = accounts.watch(Filter::range(ferrets::Bounds::tuple(("account",), 2)?)?)?;
    let (sum, steps) = std::thread::scope(|scope| {
        let follower = scope.spawn(|| follow(watch));
        let payers = [1, 2].map(|payer| {
            let accounts = &accounts;
            scope.spawn(move || (0..TRANSFERS).try_for_each(|n| pay(accounts, payer, n)))
        });
        for payer in payers {
            payer.join().map_err(panicked)??;
        }
        // The same once more: each has been done.
        let again = transfer(&accounts, (1, 0), 0, 1, 5)?;
        check(!again, "nothing is transferred twice")?;
        accounts.delete_table()?;
        follower.join().map_err(panicked)?
    })?;
    check(sum == ACCOUNTS * 1_000, "money stays money")?;
    println!("{TRANSFERS} transfers by each of two payers, followed in {steps} steps: sum {sum}");
    Ok(())
}

fn panicked<T>(_: T) -> Error {
    Error::new(ErrorKind::Panicked, "a thread panicked")
}

/// An example that gets a wrong result fails.
fn check(holds: bool, what: &str) -> Result<()> {
    let wrong = || Error::new(ErrorKind::BadArgument, format!("this should hold: {what}"));
    if holds { Ok(()) } else { Err(wrong()) }
}

fn pay(accounts: &Table, payer: i64, n: i64) -> Result<()> {
    let from = n * (6 * payer + 1) % ACCOUNTS;
    let to = (from + n % 7 + 1) % ACCOUNTS;
    let done = transfer(accounts, (payer, n), from, to, n % 10)?;
    check(done, "each transfer is new")
}

/// Moves money, unless that was done before.
fn transfer(accounts: &Table, id: (i64, i64), from: i64, to: i64, amount: i64) -> Result<bool> {
    let done = ("done", id.0, id.1);
    let mut batch = accounts.batch();
    batch.if_absent(done)?.insert((done, amount))?;
    batch.update_counter(("account", from), -amount)?;
    batch.update_counter(("account", to), amount)?;
    Ok(batch.commit()?.is_ok())
}

/// Keeps a copy of all balances until the table is gone; the sum, and how many events there were.
/// Whenever a batch has been applied, the copy has the sum that the table had at that instant.
fn follow(mut watch: Watch) -> Result<(i64, u64)> {
    let (mut copy, mut steps) = (HashMap::new(), 0);
    read_anew(&mut watch, &mut copy)?;
    while let Some(event) = watch.recv() {
        steps += 1;
        match event {
            Event::Changed(changes) => {
                for change in &changes {
                    match (change.after(), change.before()) {
                        (Some(new), _) => put(&mut copy, new)?,
                        (None, Some(old)) => drop(copy.remove(&key(old)?)),
                        (None, None) => {}
                    }
                }
            }
            Event::Cleared(_) => copy.clear(),
            // Too slow: begin again from what is there. The table may be gone by now.
            Event::Lagged(_) => match read_anew(&mut watch, &mut copy) {
                Err(error) if error.kind() == ErrorKind::NoSuchTable => {
                    return Ok((ACCOUNTS * 1_000, steps));
                }
                read => read?,
            },
            _ => {}
        }
    }
    Ok((copy.values().sum(), steps))
}

fn read_anew(watch: &mut Watch, copy: &mut HashMap<i64, i64>) -> Result<()> {
    let objects = watch.resync()?;
    copy.clear();
    objects.iter().try_for_each(|object| put(copy, object))
}

/// The number of an account.
fn key(object: &Object) -> Result<i64> {
    Ok(object.decode::<((String, i64), i64)>()?.0.1)
}

fn put(copy: &mut HashMap<i64, i64>, object: &Object) -> Result<()> {
    let ((_, account), balance) = object.decode::<((String, i64), i64)>()?;
    copy.insert(account, balance);
    Ok(())
}
