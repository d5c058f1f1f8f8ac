//! Hearing of changes: who wants to, in which order they are told, and what they missed.
//!
//! A [`Hub`] is where a table's changes come together. Who changes something *publishes* it while
//! he still holds the lock of what he has changed, and after it has become visible. So the events
//! of one key come in the order of its changes; the hub's lock, inside all others, gives all events
//! one order and each its number; and who hears of a change and looks, finds it or a later one.
//!
//! **Whether anybody listens**, an index knows by one word ([`Interest`]): a bit for each of 64
//! classes of hashes. A writer looks at it under the lock of what he changes, on the line that he
//! has read the root from. Nothing else is done while nobody listens.
//!
//! **No gap.** Who subscribes puts his queue into the hub, sets the word, and then takes and
//! releases each lock of the index once ([`settle`](super::hash::Index::settle)). A writer whose
//! lock comes after that sees the word, because the lock gives him all that was done before; one
//! whose lock came before has finished, and what he has done is seen by who reads from now on. So a
//! change is published, or is in what is read after subscribing; or both.
//!
//! **Clearing** does not wait for writers who hold locks, whose changes then go where nobody finds
//! them, as if they had come before. The hub exchanges the root while it holds its own lock, and
//! counts *lives* with the index: what is published for a life that is over is left out, as the
//! clearing has told it already.
//!
//! **Bounds.** A queue has a limit. What comes while it is full is counted, and left out; who reads
//! the queue is told how many he missed, at the place where they were.
//!
//! **What an event is made of.** A change of a small object is a few words, which are copied into
//! the queue one behind the other ([`publish_words`](Hub::publish_words)): the writer touches the
//! end of a log that he has written to a moment ago, counts no references, and goes on to use the
//! memory of what he has replaced, which is in his cache; who receives makes objects of the words,
//! of memory of his own. References would be counted by both sides in turn, and blocks taken on one
//! side and freed on the other, which costs several times what the copies do. Anything else is kept
//! as it is ([`publish`](Hub::publish)).
//!
//! What it is bad at: all who publish take turns at one lock, for some tens of nanoseconds.

use std::collections::VecDeque;
use std::task::Waker;

use super::Refused;
#[cfg(not(ferrets_loom))]
use super::spin::Spin;
#[cfg(ferrets_loom)]
use crate::platform::sync::Mutex as Spin;
use crate::platform::sync::{AtomicU64, Ordering};
use crate::platform::wake::Wake;

/// Which hashes somebody wants to hear of: none, or those of some classes.
#[derive(Debug)]
pub(crate) struct Interest(AtomicU64);

/// The classes of all hashes.
pub(crate) const EVERYTHING: u64 = u64::MAX;

/// The class of a hash, as a set.
pub(crate) fn class_of(hash: u64) -> u64 {
    1 << (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
}

impl Interest {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Whether changes of entries with that hash are to be told. To be asked under the lock of what
    /// is changed.
    #[inline]
    pub(crate) fn is_in(&self, hash: u64) -> bool {
        // Relaxed: it is the lock that orders this behind who has subscribed.
        let classes = self.0.load(Ordering::Relaxed);
        classes != 0 && (classes == EVERYTHING || classes & class_of(hash) != 0)
    }

    /// Whether any changes are to be told; as [`is_in`](Self::is_in).
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    fn set(&self, classes: u64) {
        // Relaxed: as in `is_in`; who has subscribed takes all locks afterwards.
        self.0.store(classes, Ordering::Relaxed);
    }
}

/// Where changes come together, and from where they are told.
#[derive(Debug)]
pub(crate) struct Hub<E>(Spin<Inner<E>>);

#[derive(Debug)]
struct Inner<E> {
    /// The number of the last event.
    last: u64,
    /// How often the index was cleared.
    life: u64,
    /// Whether the index was closed: nothing will be published any more.
    is_closed: bool,
    next_queue: u64,
    queues: Vec<Queue<E>>,
}

#[derive(Debug)]
struct Queue<E> {
    number: u64,
    classes: u64,
    limit: usize,
    events: Events<E>,
    /// Events behind those in the queue that were left out.
    missed: u64,
    waker: Option<Waker>,
}

/// Events in their order, from a queue.
#[derive(Debug)]
pub(crate) struct Events<E> {
    /// Of each event its number, of how many words it is, and these; of no words are those that are
    /// kept.
    log: Vec<u64>,
    /// Where in the log the next event begins.
    at: usize,
    kept: VecDeque<E>,
    /// How many have been put in.
    count: usize,
    /// The number of the last.
    last: Option<u64>,
}

/// One of them.
#[derive(Debug)]
pub(crate) enum News<'n, E> {
    Words(&'n [u64]),
    Kept(E),
}

/// What else a queue had.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    /// Events that were left out behind those that were drained.
    pub(crate) missed: u64,
    /// Whether nothing will come any more.
    pub(crate) is_closed: bool,
}

impl<E: Clone> Hub<E> {
    pub(crate) fn new() -> Self {
        Self(Spin::new(Inner {
            last: 0,
            life: 0,
            is_closed: false,
            next_queue: 0,
            queues: Vec::new(),
        }))
    }

    /// Tells an event of entries of these classes, in a life of the index. To be called under the
    /// lock of what has changed, after it became visible.
    pub(crate) fn publish(&self, life: u64, classes: u64, event: E) -> Wake {
        let mut inner = self.0.lock();
        if life == inner.life { inner.push(classes, event) } else { Wake::default() }
    }

    /// As [`publish`](Self::publish), of an event that is these words, at least one.
    pub(crate) fn publish_words(&self, life: u64, classes: u64, words: &[u64]) -> Wake {
        let mut inner = self.0.lock();
        let mut wake = Wake::default();
        if life == inner.life {
            inner.last += 1;
            let number = inner.last;
            for queue in inner.queues.iter_mut().filter(|queue| queue.classes & classes != 0) {
                wake.add_one(queue.push(|events| events.push_words(number, words)));
            }
        }
        wake
    }

    /// Exchanges a root by `swap`, which ends a life of the index, and tells `event`, or that
    /// nothing will come any more; what is published for the new life comes later.
    pub(crate) fn end_life<R>(
        &self,
        event: E,
        is_closed: bool,
        swap: impl FnOnce() -> Result<R, Refused>,
    ) -> Result<(R, Wake), Refused> {
        let mut inner = self.0.lock();
        let swapped = swap()?;
        inner.life += 1;
        if is_closed {
            inner.is_closed = true;
            let mut wake = Wake::default();
            wake.add(inner.queues.iter_mut().filter_map(|queue| queue.waker.take()));
            return Ok((swapped, wake));
        }
        Ok((swapped, inner.push(EVERYTHING, event)))
    }

    /// A new queue for events of these classes, and the number of the last event before it; `None`
    /// if the index is closed. The index must be settled before anything is read.
    pub(crate) fn subscribe(
        &self,
        interest: &Interest,
        classes: u64,
        limit: usize,
    ) -> Option<(u64, u64)> {
        let mut inner = self.0.lock();
        if inner.is_closed {
            return None;
        }
        let number = inner.next_queue;
        inner.next_queue += 1;
        let events = Events::default();
        inner.queues.push(Queue { number, classes, limit, events, missed: 0, waker: None });
        interest.set(inner.classes());
        Some((number, inner.last))
    }

    /// Ends a queue.
    pub(crate) fn unsubscribe(&self, interest: &Interest, number: u64) {
        let mut inner = self.0.lock();
        let at = inner.queues.iter().position(|queue| queue.number == number);
        let queue = at.map(|at| inner.queues.swap_remove(at));
        interest.set(inner.classes());
        drop(inner);
        // Objects are given up under no lock.
        drop(queue);
    }

    /// Exchanges what a queue has for `into`, of which nothing is wanted any more. If there was
    /// nothing, and more may come, notes whom to wake.
    pub(crate) fn drain(
        &self,
        number: u64,
        into: &mut Events<E>,
        mut waker: Option<Waker>,
    ) -> Drained {
        into.clear();
        let mut inner = self.0.lock();
        let is_closed = inner.is_closed;
        let found = inner.queues.iter_mut().find(|queue| queue.number == number);
        let Some(queue) = found else { return Drained { missed: 0, is_closed } };
        std::mem::swap(&mut queue.events, into);
        let missed = std::mem::take(&mut queue.missed);
        if into.is_empty() && missed == 0 && !is_closed {
            std::mem::swap(&mut queue.waker, &mut waker);
        }
        drop(inner);
        // Wakers are foreign code: the old one, too, is dropped under no lock.
        drop(waker);
        Drained { missed, is_closed }
    }

    /// The number of the last event, if this is the present life of the index. Asked under a lock
    /// of the index, all events of what is locked have numbers up to that, or will have greater
    /// ones.
    pub(crate) fn last_in(&self, life: u64) -> Option<u64> {
        let inner = self.0.lock();
        (life == inner.life).then_some(inner.last)
    }
}

impl<E: Clone> Inner<E> {
    fn classes(&self) -> u64 {
        self.queues.iter().fold(0, |all, queue| all | queue.classes)
    }

    /// Gives an event its number and puts it into the queues that are for it.
    fn push(&mut self, classes: u64, event: E) -> Wake {
        self.last += 1;
        let mut wake = Wake::default();
        let number = self.last;
        let mut told = self.queues.iter_mut().filter(|queue| queue.classes & classes != 0);
        let first = told.next();
        for queue in told {
            wake.add_one(queue.push(|events| events.push_kept(number, event.clone())));
        }
        if let Some(queue) = first {
            wake.add_one(queue.push(|events| events.push_kept(number, event)));
        }
        wake
    }
}

impl<E> Queue<E> {
    /// Puts an event in by `put`, if there is room for it; whom to wake.
    fn push(&mut self, put: impl FnOnce(&mut Events<E>)) -> Option<Waker> {
        if self.events.count >= self.limit {
            self.missed += 1;
        } else {
            put(&mut self.events);
        }
        self.waker.take()
    }
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self { log: Vec::new(), at: 0, kept: VecDeque::new(), count: 0, last: None }
    }
}

impl<E> Events<E> {
    fn push_words(&mut self, number: u64, words: &[u64]) {
        debug_assert!(!words.is_empty(), "an event of no words is one that is kept");
        self.begin(number, words.len());
        self.log.extend_from_slice(words);
    }

    fn push_kept(&mut self, number: u64, event: E) {
        self.begin(number, 0);
        self.kept.push_back(event);
    }

    fn begin(&mut self, number: u64, len: usize) {
        self.log.reserve(2 + len);
        self.log.extend_from_slice(&[number, len as u64]);
        self.count += 1;
        self.last = Some(number);
    }

    /// Takes the next one out, with its number.
    pub(crate) fn next(&mut self) -> Option<(u64, News<'_, E>)> {
        let [number, len, rest @ ..] = self.log.get(self.at..)? else { return None };
        let len = *len as usize;
        self.at += 2 + len;
        Some((
            *number,
            if len > 0 { News::Words(&rest[..len]) } else { News::Kept(self.kept.pop_front()?) },
        ))
    }

    /// Whether none was put in.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of the last that was put in.
    pub(crate) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Drops all, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.log.clear();
        self.kept.clear();
        (self.at, self.count, self.last) = (0, 0, None);
    }
}
