//! Sessions of a chat server: who is where, and what a message to somebody goes to.
//!
//! `cargo run --release --example sessions`, with `-- --full` for a million sessions.
//!
//! A session has an id, a user at a server with a resource, and a priority; a message to a user
//! goes to the session with the highest. The Erlang, as ejabberd and WhatsApp have it, is a Mnesia
//! table with two indices:
//!
//! ```erlang
//! -record(session, {sid, usr, us, priority, info}).
//!
//! open_session(SID, {U, S, R} = USR, Priority, Info) ->
//!     mnesia:dirty_write(#session{sid = SID, usr = USR, us = {U, S}, ...}).
//!
//! route({U, S}, Message) ->
//!     Sessions = mnesia:dirty_index_read(session, {U, S}, #session.us),
//!     #session{sid = {_, Pid}} = highest(Sessions),
//!     Pid ! Message.
//!
//! %% When a node goes down: all sessions, to find those of its processes.
//! node_down(Node) ->
//!     [mnesia:dirty_delete({session, SID})
//!      || SID <- mnesia:dirty_select(session, [{#session{sid = {'_', '$1'}, _ = '_'},
//!                                               [{'==', {node, '$1'}, Node}], ['$_']}])].
//! ```
//!
//! Here each session is an owner, and its three objects are leased to it: when the connection ends,
//! in whatever way, they vanish. A node that goes is its sessions that go.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example measures time")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ferrets::{Access, Kind, Owner, Pid, Store, Table, TableOptions, tuple};
use support::{Result, check, full_size};

/// How many sessions at once, and how many come and go then.
struct Size {
    sessions: usize,
    logins: usize,
}

const SMALL: Size = Size { sessions: 20_000, logins: 5_000 };
const FULL: Size = Size { sessions: 1_000_000, logins: 100_000 };
const NODES: usize = 8;
/// Messages to each contact of one who comes, and back: 18 contacts.
const ROUTES: usize = 36;
const SERVER: &str = "chat.example.org";

fn main() -> Result<()> {
    let full = full_size()?;
    let size = if full { FULL } else { SMALL };
    let store = Store::new();
    let sessions = Sessions::new(&store)?;
    let mut nodes = fill(&store, &sessions, size.sessions)?;
    live(&store, &sessions, &mut nodes, &size)?;
    node_down(&sessions, nodes, size.sessions)
}

/// The sessions, by three keys. No session is in one table and not in another, but for the moment
/// in which it comes or goes.
struct Sessions {
    /// `{session, Sid, {User, Server, Resource}, {User, Server}, Priority, Info}`, by `Sid`.
    by_id: Table,
    /// `{{User, Server, Resource}, Sid}`
    by_resource: Table,
    /// `{{User, Server}, Priority, Sid}`, a bag.
    by_user: Table,
}

/// A session, for as long as its connection stands.
struct Session {
    owner: Owner,
}

fn user(number: usize) -> String {
    format!("user{number}")
}

impl Sessions {
    /// The tables are the store's: they outlive whoever makes them.
    fn new(store: &Store) -> ferrets::Result<Self> {
        let options = TableOptions::default().access(Access::Public);
        Ok(Self {
            by_id: store.new_table("by_id", options.clone().keypos(2))?,
            by_resource: store.new_table("by_resource", options.clone())?,
            by_user: store.new_table("by_user", options.kind(Kind::Bag))?,
        })
    }

    fn open(
        &self,
        store: &Store,
        number: usize,
        resource: &str,
        priority: i64,
    ) -> ferrets::Result<Session> {
        let owner = store.owner();
        let (sid, user) = ((number, owner.pid()), user(number));
        let info = tuple!({:ip, {192, 168, 1, 17}}, {:conn, :c2s}, {:version, "4.2"});
        let usr = (user.as_str(), SERVER, resource);
        let us = (user.as_str(), SERVER);
        self.by_id.acting_as(&owner).lease(("session", sid, usr, us, priority, info))?;
        self.by_resource.acting_as(&owner).lease((usr, sid))?;
        self.by_user.acting_as(&owner).lease((us, priority, sid))?;
        Ok(Session { owner })
    }

    /// Whom a message to a user goes to: the session with the highest priority.
    fn route(&self, user: &str) -> ferrets::Result<Option<Pid>> {
        self.by_user.read(|view| {
            let mut best: Option<(i64, Pid)> = None;
            view.each((user, SERVER), |object| {
                let priority = object.element(2).and_then(|priority| priority.as_i64());
                let sid = object.element(3).and_then(|sid| sid.as_tuple());
                let pid = sid.and_then(|sid| sid.get(1)?.get::<Pid>().ok());
                if let (Some(priority), Some(pid)) = (priority, pid) {
                    // Of several with the same, the last to come.
                    if best.is_none_or(|(highest, _)| priority >= highest) {
                        best = Some((priority, pid));
                    }
                }
            });
            best.map(|(_, pid)| pid)
        })
    }
}

/// All log in, spread over the nodes.
fn fill(store: &Store, sessions: &Sessions, count: usize) -> Result<Vec<Vec<Session>>> {
    let mut nodes: Vec<Vec<Session>> = (0..NODES).map(|_| Vec::new()).collect();
    let begun = Instant::now();
    for number in 0..count {
        nodes[number % NODES].push(sessions.open(store, number, "phone", 5)?);
    }
    let time = begun.elapsed();
    let tables = [&sessions.by_id, &sessions.by_resource, &sessions.by_user];
    let bytes = |table: &&Table| table.info().map_or(0, |info| info.memory_bytes);
    let bytes: usize = tables.iter().map(bytes).sum();
    println!(
        "{count} sessions log in in {time:.1?}: {:.1} us and {} bytes in the tables each",
        time.as_secs_f64() * 1e6 / count as f64,
        bytes / count,
    );
    Ok(nodes)
}

/// Some come and go, each with messages to and from those he knows, while another thread routes as
/// fast as it can.
fn live(store: &Store, sessions: &Sessions, nodes: &mut [Vec<Session>], size: &Size) -> Result<()> {
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let (routed, missed) = std::thread::scope(|scope| -> Result<(usize, usize)> {
        let reader = scope.spawn(|| -> ferrets::Result<(usize, usize)> {
            let (mut routed, mut missed) = (0, 0);
            for number in (0..).map(|at: usize| at.wrapping_mul(7_919) % size.sessions) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                match sessions.route(&user(number))? {
                    Some(_) => routed += 1,
                    None => missed += 1,
                }
            }
            Ok((routed, missed))
        });
        for at in 0..size.logins {
            // A second session of somebody who is there: it is preferred while it stands.
            let number = at * 31 % size.sessions;
            let session = sessions.open(store, number, "desk", 9)?;
            let preferred = sessions.route(&user(number))? == Some(session.owner.pid());
            check(preferred, "the highest priority is preferred")?;
            for contact in 1..ROUTES {
                let there = sessions.route(&user((number + contact * 97) % size.sessions))?;
                check(there.is_some(), "who is there is reached")?;
            }
            drop(session);
            check(sessions.route(&user(number))?.is_some(), "the other one is there")?;
        }
        stop.store(true, Ordering::Relaxed);
        Ok(reader.join().map_err(|_| "the reader panicked")??)
    })?;
    let time = begun.elapsed().as_secs_f64();
    println!(
        "{} logins and logouts with {ROUTES} routes each, {:.0} a second; another thread routes \
         {:.1} million messages a second",
        size.logins,
        size.logins as f64 / time,
        routed as f64 / time / 1e6,
    );
    check(missed == 0, "nobody was missed who was there")?;
    let there: usize = nodes.iter().map(Vec::len).sum();
    check(sessions.by_id.len()? == there, "who came has gone")
}

/// A node goes, and then all of them.
fn node_down(sessions: &Sessions, mut nodes: Vec<Vec<Session>>, count: usize) -> Result<()> {
    let node = nodes.swap_remove(0);
    let (lost, begun) = (node.len(), Instant::now());
    drop(node);
    let time = begun.elapsed();
    println!(
        "a node with {lost} sessions goes down: {time:.1?}, {:.1} us a session",
        time.as_secs_f64() * 1e6 / lost as f64
    );
    check(sessions.by_id.len()? == count - lost, "its sessions are gone, and no others")?;
    check(sessions.route(&user(0))?.is_none(), "nobody is where nobody is")?;
    check(sessions.route(&user(1))?.is_some(), "but elsewhere")?;
    drop(nodes);
    let empty = [&sessions.by_id, &sessions.by_resource, &sessions.by_user]
        .map(|table| table.is_empty().unwrap_or(false));
    check(empty == [true; 3], "all three tables are empty")
}
