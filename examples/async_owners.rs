//! Owners in asynchronous tasks: connections that come and go, and a supervisor who awaits their
//! ends.
//!
//! `cargo run --release --example async_owners`, with `-- --full` for 100,000 connections.
//!
//! Each connection is a task with an owner of its own; what it registers goes with it, however it
//! ends: by returning, by an error, by a panic, or because its task is aborted. In Erlang:
//!
//! ```erlang
//! supervise() ->
//!     receive
//!         {'DOWN', _, process, Pid, Reason} -> count(Pid, Reason), supervise();
//!         {'ETS-TRANSFER', Table, Pid, Data} -> keep(Table, Data), supervise()
//!     after 1000 -> done
//!     end.
//! ```
//!
//! The library knows no runtime. `receive_async` is a future by the standard library alone; this
//! example runs it on tokio.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example measures time")]

mod support;

use std::collections::HashMap;
use std::time::Instant;

use ferrets::{Access, Atom, Kind, Message, Owner, Store, Table, TableOptions, Term};
use support::{Result, check, full_size};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of a connection, by its number.
const FATES: usize = 4;

fn main() -> Result<()> {
    let full = full_size()?;
    // The panics are on purpose.
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    runtime.block_on(serve(if full { 100_000 } else { 4_000 }))
}

/// A connection: registers itself, waits, and meets its fate.
async fn connection(
    number: usize,
    owner: Owner,
    online: Table,
    log: Table,
    mut bell: watch::Receiver<bool>,
) -> Result<()> {
    online.acting_as(&owner).lease(("online", Term::pid(owner.pid())?))?;
    log.insert((number, "was here"))?;
    bell.wait_for(|rung| *rung).await?;
    match number % FATES {
        0 => Ok(()),
        1 => panic!("a bug in connection {number}"),
        2 => {
            owner.exit(Term::tuple([Term::from(Atom::ERROR), Term::new("timeout")?])?)?;
            Ok(())
        }
        _ => std::future::pending().await, // until somebody aborts it
    }
}

async fn serve(connections: usize) -> Result<()> {
    let store = Store::new();
    let supervisor = store.owner();
    let options = TableOptions::new(Kind::DuplicateBag).access(Access::Public);
    let online = supervisor.new_table("online", options)?;
    let (bell, rung) = watch::channel(false);
    let begun = Instant::now();
    let mut tasks: Vec<JoinHandle<Result<()>>> = Vec::with_capacity(connections);
    for number in 0..connections {
        let owner = store.owner();
        supervisor.monitor(owner.pid())?;
        // What a connection has noted is worth keeping: the supervisor inherits it.
        let heir = TableOptions::default().heir(supervisor.pid(), Term::new(number as u64)?);
        let log = owner.new_table("log", heir)?;
        let (online, rung) = (online.clone(), rung.clone());
        tasks.push(tokio::spawn(connection(number, owner, online, log, rung)));
    }
    while online.len()? < connections {
        tokio::task::yield_now().await;
    }
    println!("{connections} connections are there after {:.1?}", begun.elapsed());
    let begun = Instant::now();
    bell.send(true)?;
    for task in tasks.iter().skip(3).step_by(FATES) {
        task.abort();
    }
    let (reasons, kept) = supervise(&supervisor, connections).await?;
    println!("and all of them gone {:.1?} later: {reasons:?}", begun.elapsed());
    check(online.is_empty()?, "nobody is online when the last end was told")?;
    check(kept == connections, "each log was inherited")?;
    let quarter = connections / FATES;
    let of = |reason: &str| reasons.get(reason).copied().unwrap_or(0);
    check(of("normal") == 2 * quarter, "some returned, and some were aborted")?;
    check(of("panic") == quarter, "some panicked")?;
    check(of("{error,<<\"timeout\">>}") == quarter, "some said why")
}

/// Awaits the end of all; how many ended for which reason, and how many tables were inherited.
async fn supervise(supervisor: &Owner, ends: usize) -> Result<(HashMap<String, usize>, usize)> {
    let (mut reasons, mut kept) = (HashMap::new(), 0);
    let mut told = 0;
    while told < ends {
        match supervisor.receive_async().await {
            Some(Message::OwnerDown { reason, .. }) => {
                *reasons.entry(reason.to_string()).or_default() += 1;
                told += 1;
            }
            Some(Message::Transfer { table, .. }) => {
                check(table.len()? == 1, "with what was noted")?;
                table.delete_table()?;
                kept += 1;
            }
            other => return Err(format!("{other:?} was not expected").into()),
        }
    }
    Ok((reasons, kept))
}
