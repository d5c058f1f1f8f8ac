//! Watching: the changes of a table as a stream of events.
//!
//! A [`Watch`] takes from a queue of the table's [hub](crate::raw::watch), and judges what it
//! takes: filters run where events are received, never under a lock. What belongs to nobody who
//! watches is not even put into a queue, because those who watch one key are known by its hash.
//!
//! **Rights.** Whether the receiver may still read is asked whenever something was taken out of the
//! queue, and before any of it is shown. What the new owner of a table does comes into the queue
//! after he has become the owner; so who finds it there finds, too, that he has lost the right.
//!
//! **Turns.** A filter that accepts little can have much to judge. Who receives judges so many
//! changes at a time, and then looks at the clock, or lets other tasks run.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use smallvec::SmallVec;

use super::Table;
use super::core::Need;
use super::engine::told::{self, Image, Told};
use super::range::{Bounds, ToBounds};
use crate::error::{Error, Result};
use crate::matchspec::{MatchSpec, Subject};
use crate::platform::clock::Deadline;
use crate::platform::sync::{Patience, park, unparker};
use crate::raw::reclaim::pin;
use crate::raw::watch::{Events, Topic};
use crate::term::{Edge, Object, ObjectRef, Pid, Term, TermRef, ToTerm, View};

/// Changes that a [`Watch`] keeps for its receiver, unless it is told otherwise.
const LIMIT: usize = 4_096;

/// Changes that are judged in one turn: more than one event in the end, and less than a
/// millisecond, unless one event has more.
const TURN: usize = 1_024;

/// Which objects a [`Watch`] is about.
///
/// ```
/// # use ferrets::{Event, Filter, Kind, Store, TableOptions, spec};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// let mut minors = t.watch(Filter::spec(&spec!(|{_, age}| if age.lt(18) => age)?))?;
/// t.insert(("ann", 17))?;
/// t.insert(("ann", 18))?;
/// assert!(matches!(minors.try_recv(), Some(Event::Changed(_))));
/// let Some(Event::Changed(second)) = minors.try_recv() else { panic!() };
/// assert!(second[0].before().is_some() && second[0].after().is_none(), "as if deleted");
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Filter(What);

#[derive(Clone, Debug)]
enum What {
    All,
    Key(Term),
    Range(Edge, Edge),
    Spec(MatchSpec),
}

impl Filter {
    /// All objects.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch(Filter::all())?;
    /// t.insert_list([("ann", 1), ("bob", 2)])?;
    /// let Some(Event::Changed(both)) = changes.try_recv() else { panic!() };
    /// assert_eq!(both.len(), 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn all() -> Self {
        Self(What::All)
    }

    /// Those of one key, as the table takes keys for the same: to an ordered set `1` is `1.0`.
    /// Changes of other keys take no room in the buffer, and cost their writers next to nothing:
    /// who writes a key whose hash is in the class of one that is watched, one of 64, looks it up.
    /// (In an ordered set a class is of keys that begin alike, which are hashed then.)
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut of_ann = t.watch(Filter::key("ann")?)?;
    /// t.insert_list([("ann", 1), ("bob", 2)])?;
    /// let Some(Event::Changed(changes)) = of_ann.try_recv() else { panic!() };
    /// assert_eq!(changes.len(), 1);
    /// assert_eq!(Filter::key(f64::NAN).unwrap_err().kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](crate::ErrorKind::BadArgument) for a key that has no term.
    pub fn key(key: impl ToTerm) -> Result<Self> {
        Ok(Self(What::Key(Term::new(key)?)))
    }

    /// Those whose keys lie in a range, by the order of terms; of tables without order, too.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch(Filter::range(10..20)?)?;
    /// t.insert_list([(5, "a"), (10, "b"), (20, "c")])?;
    /// let Some(Event::Changed(within)) = changes.try_recv() else { panic!() };
    /// assert_eq!(within.len(), 1);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`key`](Self::key), for the ends.
    pub fn range(range: impl ToBounds) -> Result<Self> {
        let (low, high) = range.bounds()?.into_edges();
        Ok(Self(What::Range(low, high)))
    }

    /// Those whose keys begin with these bytes, if it is a binary, or with these elements, if it is
    /// a list. For tuples, [`range`](Self::range) with [`Bounds::tuple`].
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut users = t.watch(Filter::prefix("user:")?)?;
    /// t.insert_list([("user:1", "ann"), ("zone:1", "eu")])?;
    /// let Some(Event::Changed(changes)) = users.try_recv() else { panic!() };
    /// assert_eq!(changes.len(), 1);
    /// assert_eq!(Filter::prefix(7).unwrap_err().kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](crate::ErrorKind::BadArgument) for anything else.
    pub fn prefix(first: impl ToTerm) -> Result<Self> {
        let first = Term::new(first)?;
        match first.view() {
            View::Binary(bytes) => Self::range(Bounds::bytes(bytes)?),
            View::List(_) => Self::range(Bounds::list(first)?),
            _ => {
                let message = format!("{first} is neither a binary nor a list to begin with");
                Err(Error::bad_argument(message))
            }
        }
    }

    /// Those that a specification accepts, by head and guards; its results do not matter.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions, spec};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut old = t.watch(Filter::spec(&spec!(|{_, age}| if age.ge(65) => age)?))?;
    /// t.insert_list([("ann", 20), ("bob", 70)])?;
    /// let Some(Event::Changed(changes)) = old.try_recv() else { panic!() };
    /// assert_eq!(changes.len(), 1);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn spec(spec: &MatchSpec) -> Self {
        Self(What::Spec(spec.clone()))
    }

    /// What it can accept, to whoever publishes changes.
    fn topic(&self, table: &Table) -> Topic {
        match &self.0 {
            What::Key(key) => table.core.engine.topic(table.core.key(key.as_ref())),
            What::All | What::Range(..) | What::Spec(_) => Topic::All,
        }
    }

    fn accepts(&self, table: &Table, asker: Pid, object: ObjectRef<'_>) -> bool {
        let key = |object: ObjectRef<'_>| -> Option<bool> {
            let key: TermRef<'_> = object.element(table.keypos())?;
            Some(match &self.0 {
                What::Key(expected) => table.core.same_key(key, expected.as_ref()),
                What::Range(low, high) => !low.excludes(key, true) && !high.excludes(key, false),
                What::All | What::Spec(_) => true,
            })
        };
        match &self.0 {
            What::All => true,
            What::Key(_) | What::Range(..) => key(object).unwrap_or(false),
            // A guard that fails does not accept.
            What::Spec(spec) => {
                matches!(spec.machine(asker).clause(&Subject::object(object)), Ok(Some(_)))
            }
        }
    }
}

/// What a [`Watch`] tells.
///
/// ```
/// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// let mut changes = t.watch(Filter::all())?;
/// t.insert((1, "ann"))?;
/// t.delete_all_objects()?;
/// t.delete_table()?;
/// assert!(matches!(changes.recv(), Some(Event::Changed(_))));
/// assert!(matches!(changes.recv(), Some(Event::Cleared(_))));
/// assert!(matches!(changes.recv(), Some(Event::Gone)));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Objects have changed, in one instant: one, or all those of a batch, of a list, or of a key.
    Changed(Changes),
    /// The table was emptied in one instant. The number is the event's.
    Cleared(u64),
    /// So many events were lost, because they were not received in time: read the table anew. (Of
    /// those, too, that the filter would not have shown.)
    Lagged(u64),
    /// The table is gone. Nothing comes behind it.
    Gone,
    /// Who watches may not read the table any more, which was given away, say, and is private: what
    /// a lookup would be refused with ([`AccessDenied`](crate::ErrorKind::AccessDenied)). Nothing
    /// comes behind it, and what was not received is not shown.
    Denied(Error),
}

/// What changed in one instant.
///
/// ```
/// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
/// t.insert_list([("ann", 1), ("ann", 2)])?;
/// let mut changes = t.watch(Filter::all())?;
/// t.delete("ann")?;
/// let Some(Event::Changed(gone)) = changes.try_recv() else { panic!() };
/// assert!(gone.len() == 2 && gone.iter().all(|change| change.after().is_none()));
/// assert!(changes.try_recv().is_none());
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone)]
pub struct Changes {
    sequence: u64,
    changes: SmallVec<[Change; 1]>,
}

impl Changes {
    /// The number of the event: greater than those of all before it, of this table, though not all
    /// numbers need come.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch(Filter::all())?;
    /// t.insert((1, "ann"))?;
    /// t.insert((2, "bob"))?;
    /// let mut next = || match changes.try_recv() {
    ///     Some(Event::Changed(changes)) => changes.sequence(),
    ///     _ => panic!("there are two"),
    /// };
    /// assert!(next() < next());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl std::ops::Deref for Changes {
    type Target = [Change];

    fn deref(&self) -> &[Change] {
        &self.changes
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} ", self.sequence)?;
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'c> IntoIterator for &'c Changes {
    type Item = &'c Change;
    type IntoIter = std::slice::Iter<'c, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One object that came, went, or took the place of another.
///
/// ```
/// # use ferrets::{Event, Filter, Kind, Store, TableOptions, tuple};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert(("ann", 1))?;
/// let mut changes = t.watch(Filter::all())?;
/// t.update_counter("ann", 1)?;
/// let Some(Event::Changed(changed)) = changes.try_recv() else { panic!() };
/// let (before, after) = (changed[0].before(), changed[0].after());
/// assert!(before.is_some_and(|object| *object == tuple!("ann", 1)));
/// assert!(after.is_some_and(|object| *object == tuple!("ann", 2)));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Change {
    before: Option<Object>,
    after: Option<Object>,
}

impl Change {
    /// The object as it was before; `None` if it was inserted.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch(Filter::all())?;
    /// t.insert(("ann", 1))?;
    /// let Some(Event::Changed(inserted)) = changes.try_recv() else { panic!() };
    /// assert!(inserted[0].before().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn before(&self) -> Option<&Object> {
        self.before.as_ref()
    }

    /// The object as it was afterwards; `None` if it was deleted.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert(("ann", 1))?;
    /// let mut changes = t.watch(Filter::all())?;
    /// t.delete("ann")?;
    /// let Some(Event::Changed(deleted)) = changes.try_recv() else { panic!() };
    /// assert!(deleted[0].after().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn after(&self) -> Option<&Object> {
        self.after.as_ref()
    }
}

/// The changes of a table, in their order: see [`Table::watch`].
///
/// An iterator, which waits; for those who do not, [`try_recv`](Self::try_recv),
/// [`recv_timeout`](Self::recv_timeout) and [`recv_async`](Self::recv_async). `Send`: it may be
/// received on any thread. Dropping it ends the watching.
///
/// ```
/// # use ferrets::{Filter, Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// let watch = t.watch(Filter::all())?;
/// let counting = std::thread::spawn(move || watch.count());
/// t.insert((1, "ann"))?;
/// t.delete_table()?;
/// assert_eq!(counting.join().unwrap(), 2, "with the one that it is gone");
/// # Ok::<(), ferrets::Error>(())
/// ```
pub struct Watch {
    table: Table,
    filter: Filter,
    /// `None` when it has ended before the table.
    queue: Option<usize>,
    /// Events that were taken out of the queue and not received yet.
    taken: Events<Told>,
    /// Events that were lost behind those.
    missed: u64,
    is_closed: bool,
    is_over: bool,
    /// Why it has ended, if that was before the table did.
    denied: Option<Error>,
    sequence: u64,
    /// What was read by [`resync`](Self::resync): up to which hash, and the number of the last
    /// event that is in it.
    marks: Vec<(Option<u64>, u64)>,
}

/// What came of looking for an event.
enum Found {
    Event(Event),
    Nothing,
    /// The turn is over, and there may be more.
    More,
}

impl Table {
    /// The changes of this table from now on, as far as they concern the objects that the filter
    /// accepts.
    ///
    /// Each event is about one instant: an operation on one object, or all objects of a
    /// [batch](Self::batch), of [`insert_list`](Self::insert_list), of a deleted key. It is
    /// published when the change is visible, so who receives it and looks finds it, or something
    /// later. Events of one key come in the order of its changes. What the filter does not accept
    /// is as if it were not in the table: an object that is replaced by one that is not accepted
    /// shows as deleted.
    ///
    /// Events wait in a buffer with room for 4,096 changes: while there are fewer in it, the next
    /// event is put in, whatever its size; beyond, events are dropped and counted, and
    /// [`Lagged`](Event::Lagged) says so. Of an event of many objects, who watches one key has that
    /// key's changes in his buffer, and all others share one. Writers never wait for a receiver.
    ///
    /// Rights are what they are when an event is received: who may not read any more, because a
    /// private table has another owner or the table was made private, gets
    /// [`Denied`](Event::Denied) instead, and nothing further. Who waits then hears of it with the
    /// next change.
    ///
    /// **To follow a table from its present state**, subscribe first, then read, then apply events:
    /// no change is missed. Some events may tell what was read already, so apply them by key, as a
    /// set does: put the new object, or remove the key; the last event of a key decides. Or let
    /// [`Watch::resync`] read, which leaves such events out.
    ///
    /// **What it costs.** Nothing where nobody watches. A write tells each watch that is not for
    /// [one key](Filter::key), whatever its filter then accepts, and those that are for its key,
    /// which it finds in O(log watches): some tens of nanoseconds each, one writer after the other.
    /// Watches of other keys cost it next to nothing, however many they are. Subscribing is
    /// O(buckets): it takes and releases each bucket's lock once. Ending is O(log watches).
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let users = owner.new_table("users", TableOptions::new(Kind::Set))?;
    /// let mut changes = users.watch(Filter::all())?;
    /// users.insert((1, "ann"))?;
    /// users.insert((1, "bob"))?;
    /// users.delete_table()?;
    ///
    /// let Some(Event::Changed(first)) = changes.next() else { panic!() };
    /// assert!(first[0].before().is_none());
    /// let Some(Event::Changed(second)) = changes.next() else { panic!() };
    /// assert_eq!(second[0].before(), first[0].after());
    /// assert_eq!(second[0].after().unwrap().element(2).unwrap(), "bob");
    /// assert!(matches!(changes.next(), Some(Event::Gone)));
    /// assert!(changes.next().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](crate::ErrorKind::NoSuchTable),
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied) for who may not read now.
    #[doc(alias = "subscribe")]
    #[doc(alias = "mnesia:subscribe/1")]
    pub fn watch(&self, filter: Filter) -> Result<Watch> {
        self.watch_within(filter, LIMIT)
    }

    /// As [`watch`](Self::watch), with room for `limit` changes, at least for one event.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch_within(Filter::all(), 1)?;
    /// t.insert((1, "kept"))?;
    /// t.insert((2, "lost"))?;
    /// assert!(matches!(changes.try_recv(), Some(Event::Changed(_))));
    /// assert!(matches!(changes.try_recv(), Some(Event::Lagged(1))));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn watch_within(&self, filter: Filter, limit: usize) -> Result<Watch> {
        self.check(Need::Read)?;
        let engine = &self.core.engine;
        let topic = filter.topic(self);
        let subscribed = engine.hub().subscribe(engine.interest(), topic, limit.max(1));
        let (queue, sequence) = subscribed.ok_or_else(|| self.core.no_such_table())?;
        // From here on the queue ends with this.
        let watch = Watch {
            table: self.clone(),
            filter,
            queue: Some(queue),
            taken: Events::default(),
            missed: 0,
            is_closed: false,
            is_over: false,
            denied: None,
            sequence,
            marks: Vec::new(),
        };
        engine.settle(&pin());
        Ok(watch)
    }
}

impl Watch {
    /// Waits for an event; `None` once [`Gone`](Event::Gone) or [`Denied`](Event::Denied) has been
    /// received.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch(Filter::all())?;
    /// std::thread::spawn(move || t.insert((1, "ann")).and_then(|()| t.delete_table()));
    /// assert!(matches!(changes.recv(), Some(Event::Changed(_))));
    /// assert!(matches!(changes.recv(), Some(Event::Gone)));
    /// assert!(changes.recv().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn recv(&mut self) -> Option<Event> {
        self.wait(|| Some(None))
    }

    /// An event, if there is one. Looks through all that was told before the call, and through
    /// nothing that comes meanwhile: O(changes in the buffer), if the filter accepts none.
    ///
    /// ```
    /// # use ferrets::{Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch(Filter::all())?;
    /// assert!(changes.try_recv().is_none());
    /// t.insert((1, "ann"))?;
    /// assert!(changes.try_recv().is_some() && changes.try_recv().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn try_recv(&mut self) -> Option<Event> {
        let mut left = usize::MAX;
        for is_drained in [false, true] {
            if is_drained {
                self.drain(None);
            }
            if let Found::Event(event) = self.find(&mut left) {
                return Some(event);
            }
        }
        None
    }

    /// Waits for an event, but no longer than that. Where the filter has much to refuse, the time
    /// may be over before all that was told has been looked through.
    ///
    /// ```
    /// # use ferrets::{Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// use std::time::Duration;
    /// assert!(t.watch(Filter::all())?.recv_timeout(Duration::from_millis(1)).is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn recv_timeout(&mut self, time: Duration) -> Option<Event> {
        // Where there is something, the clock is not asked.
        if let Found::Event(event) = self.turn(&mut || None) {
            return Some(event);
        }
        let deadline = Deadline::after(time);
        deadline.left()?;
        self.wait(|| deadline.left().map(Some))
    }

    /// Waits until there is an event or nothing comes any more, or until `left` gives nothing.
    fn wait(&mut self, left: impl Fn() -> Option<Option<Duration>>) -> Option<Event> {
        let mut patience = Patience::default();
        loop {
            match self.turn(&mut || None) {
                Found::Event(event) => return Some(event),
                Found::More => drop(left()?),
                Found::Nothing if self.is_over || !patience.wait() => break,
                Found::Nothing => {}
            }
        }
        let waker = unparker();
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(event) = self.poll_next(&mut context) {
                return event;
            }
            park(left()?);
        }
    }

    /// For asynchronous receivers of all kinds: an event; `None` once nothing comes any more; or
    /// the task is woken when there may be something. Where the filter has much to refuse, it is
    /// woken at once after some of it, so that other tasks have their turn.
    ///
    /// ```
    /// # use ferrets::{Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// use std::task::{Context, Waker};
    /// let mut changes = t.watch(Filter::all())?;
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(changes.poll_next(&mut context).is_pending());
    /// t.insert((1, "ann"))?;
    /// assert!(changes.poll_next(&mut context).is_ready());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        match self.turn(&mut || Some(context.waker().clone())) {
            Found::Event(event) => return Poll::Ready(Some(event)),
            Found::More => context.waker().wake_by_ref(),
            Found::Nothing => {}
        }
        Poll::Pending
    }

    /// Waits for an event, as a task: needs no runtime, and takes to every one. May be dropped
    /// before it is done; nothing is lost then.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch(Filter::key("ann")?)?;
    /// t.insert(("ann", 1))?;
    /// let next = async { changes.recv_async().await };
    /// # use std::task::{Context, Poll, Waker};
    /// # let mut next = std::pin::pin!(next);
    /// # let next = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    /// assert!(matches!(next, Poll::Ready(Some(Event::Changed(_)))));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub async fn recv_async(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// Reads all objects that the filter accepts, to begin with or after
    /// [`Lagged`](Event::Lagged): the events from now on start from them.
    ///
    /// Of a set or a bag the events that are received afterwards are exactly those that are not in
    /// what was read: it is read bucket by bucket, each at an instant of its own, which holds up
    /// the writers to that bucket, and what has happened to a bucket before its instant is left
    /// out. Of an ordered set some events may come that are in it: apply them by key.
    /// O(objects).
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let log = owner.new_table("log", TableOptions::new(Kind::DuplicateBag))?;
    /// log.insert(("a", 1))?;
    /// let mut changes = log.watch(Filter::all())?;
    /// log.insert(("a", 1))?;
    /// assert_eq!(changes.resync()?.len(), 2);
    /// log.insert(("a", 1))?;
    /// assert!(matches!(changes.try_recv(), Some(Event::Changed(_))), "the third");
    /// assert!(changes.try_recv().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](crate::ErrorKind::NoSuchTable),
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied), also after [`Denied`](Event::Denied), for
    /// good: watch anew, if you may again.
    pub fn resync(&mut self) -> Result<Vec<Object>> {
        if let Some(error) = &self.denied {
            return Err(error.clone());
        }
        self.table.check(Need::Read)?;
        // What was published before is in what is read from now on.
        self.drain(None);
        self.sequence = self.taken.last().unwrap_or(self.sequence);
        self.taken.clear();
        self.missed = 0;
        loop {
            let mut objects = Vec::new();
            self.marks.clear();
            if self.read_at_rest(&mut objects)? {
                return Ok(objects);
            }
        }
    }

    /// Reads the table; `false` if it was emptied meanwhile.
    fn read_at_rest(&mut self, objects: &mut Vec<Object>) -> Result<bool> {
        let (table, filter, asker) = (&self.table, &self.filter, self.table.asker());
        let (mut next, mut lives) = (Some(0), None);
        while let Some(from) = next {
            let mut failed = None;
            let visit = |object: ObjectRef<'_>| {
                if filter.accepts(table, asker, object) {
                    match object.to_object() {
                        Ok(object) => objects.push(object),
                        Err(error) => failed = Some(error),
                    }
                }
            };
            let Some(read) = table.core.engine.at_rest(&pin(), from, visit) else {
                let all = table.tab2list()?.into_iter();
                objects.extend(all.filter(|object| filter.accepts(table, asker, object.as_ref())));
                return Ok(true);
            };
            let (last, end) = read.map_err(|refused| table.core.refused(refused))?;
            if let Some(error) = failed {
                return Err(error);
            }
            // Buckets of two lives would be read as one table, and the end of the first be told.
            let last = last.filter(|(life, _)| lives.get_or_insert(*life) == life);
            let Some((_, last)) = last else { return Ok(false) };
            match self.marks.last_mut() {
                Some(mark) if mark.1 == last => mark.0 = end,
                _ => self.marks.push((end, last)),
            }
            next = end;
        }
        Ok(true)
    }

    /// Whether an event, of an object whose key has that hash, is in what was read.
    fn is_known(&self, sequence: u64, hash: u64) -> bool {
        let at = self.marks.partition_point(|(end, _)| end.is_some_and(|end| end <= hash));
        self.marks.get(at).is_some_and(|(_, last)| sequence <= *last)
    }

    /// The number of the last event that was received, or of the last before watching began.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch(Filter::all())?;
    /// let begin = changes.sequence();
    /// t.insert((1, "ann"))?;
    /// assert_eq!(changes.sequence(), begin, "it is not received yet");
    /// let Some(Event::Changed(first)) = changes.try_recv() else { panic!() };
    /// assert_eq!(changes.sequence(), first.sequence());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether [`Gone`](Event::Gone) or [`Denied`](Event::Denied) has been received.
    ///
    /// ```
    /// # use ferrets::{Event, Filter, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let mut changes = t.watch(Filter::all())?;
    /// t.insert((1, "ann"))?;
    /// t.delete_table()?;
    /// let Some(Event::Changed(first)) = changes.recv() else { panic!() };
    /// assert_eq!((first.sequence(), changes.sequence(), changes.is_over()), (1, 1, false));
    /// assert!(matches!(changes.recv(), Some(Event::Gone)) && changes.is_over());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The next event that the filter shows, if it is found in one turn. `waker` says whom to wake
    /// when there is more than nothing.
    fn turn(&mut self, waker: &mut dyn FnMut() -> Option<Waker>) -> Found {
        let mut left = TURN;
        loop {
            match self.find(&mut left) {
                Found::Nothing if self.drain(waker()) => {}
                found => return found,
            }
        }
    }

    /// The next event that the filter shows, of what was taken out of the queue. `left` is how many
    /// changes may be judged.
    fn find(&mut self, left: &mut usize) -> Found {
        if self.is_over {
            return Found::Nothing;
        }
        if let Err(error) = self.table.core.check_told(self.table.who) {
            return Found::Event(self.deny(error));
        }
        while *left > 0 {
            let Some((sequence, news)) = self.taken.next() else { return self.end_of_taken() };
            self.sequence = sequence;
            let told = Told::from_news(news);
            *left = left.saturating_sub(told.as_ref().map_or(1, Told::changes));
            if let Some(event) = self.judge(sequence, told) {
                return Found::Event(event);
            }
        }
        Found::More
    }

    /// What comes behind all that was taken out of the queue.
    fn end_of_taken(&mut self) -> Found {
        if self.missed > 0 {
            return Found::Event(Event::Lagged(std::mem::take(&mut self.missed)));
        }
        if self.is_closed {
            self.is_over = true;
            return Found::Event(Event::Gone);
        }
        Found::Nothing
    }

    /// Takes all that there is out of the queue, where nothing is left of what was taken before;
    /// whether there was anything.
    fn drain(&mut self, waker: Option<Waker>) -> bool {
        let Some(queue) = self.queue.filter(|_| !self.is_over) else { return false };
        let drained = self.table.core.engine.hub().drain(queue, &mut self.taken, waker);
        (self.missed, self.is_closed) = (drained.missed, drained.is_closed);
        !self.taken.is_empty() || self.missed > 0 || self.is_closed
    }

    /// Ends it, for who may not read any more.
    fn deny(&mut self, error: Error) -> Event {
        self.unsubscribe();
        (self.taken, self.missed, self.is_over) = (Events::default(), 0, true);
        self.denied = Some(error.clone());
        Event::Denied(error)
    }

    fn unsubscribe(&mut self) {
        if let Some(queue) = self.queue.take() {
            let engine = &self.table.core.engine;
            engine.hub().unsubscribe(engine.interest(), queue);
        }
    }

    /// What the filter shows of an event.
    fn judge(&mut self, sequence: u64, told: Result<Told>) -> Option<Event> {
        if self.marks.last().is_some_and(|(_, last)| sequence > *last) {
            self.marks.clear();
        }
        let told = match told {
            // There is no memory for a copy.
            Err(_) => return Some(Event::Lagged(1)),
            Ok(Told::Cleared) => {
                let is_known = self.is_known(sequence, 0);
                return (!is_known).then_some(Event::Cleared(sequence));
            }
            Ok(told) => told,
        };
        let mut shown = SmallVec::<[Change; 1]>::new();
        let is_told = match told {
            Told::One(change) if self.is_read(sequence, &change) => Ok(()),
            Told::One(change) => {
                let accepted = |image: &Image| self.accepts(image);
                show(change.old.filter(accepted), change.new.filter(accepted), &mut shown)
            }
            Told::Many(changes) => changes.iter().try_for_each(|change| {
                if self.is_read(sequence, change) {
                    return Ok(());
                }
                let accepted = |image: &Option<Image>| {
                    image.as_ref().filter(|image| self.accepts(image)).cloned()
                };
                show(accepted(&change.old), accepted(&change.new), &mut shown)
            }),
            Told::Cleared => Ok(()),
        };
        if is_told.is_err() {
            // There is no memory for a copy of a counter.
            return Some(Event::Lagged(1));
        }
        (!shown.is_empty()).then_some(Event::Changed(Changes { sequence, changes: shown }))
    }

    /// Whether a change, told in an event, is in what was read.
    fn is_read(&self, sequence: u64, change: &told::Change) -> bool {
        !self.marks.is_empty() && self.is_known(sequence, change.hash())
    }

    fn accepts(&self, image: &Image) -> bool {
        self.filter.accepts(&self.table, self.table.asker(), image.as_ref())
    }
}

/// Shows a change of objects that were accepted, if any was.
fn show(old: Option<Image>, new: Option<Image>, shown: &mut SmallVec<[Change; 1]>) -> Result<()> {
    if old.is_some() || new.is_some() {
        let object = |image: Option<Image>| image.map(Image::into_object).transpose();
        shown.push(Change { before: object(old)?, after: object(new)? });
    }
    Ok(())
}

impl Iterator for Watch {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.recv()
    }
}

impl std::iter::FusedIterator for Watch {}

impl Drop for Watch {
    fn drop(&mut self) {
        self.unsubscribe();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, filter, sequence, .. } = self;
        let name = table.name();
        f.debug_struct("Watch")
            .field("table", &name.name())
            .field("filter", filter)
            .field("sequence", sequence)
            .finish_non_exhaustive()
    }
}
