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
//! **Who is told.** A queue is for all entries, or for one key, which goes by a *digest*: a number
//! that is the same for what the table takes for the same key, and hardly ever for others. In a
//! hash index that is the hash; in a tree, whose hashes say little of long keys, the engine makes
//! one where the word says that somebody may want it. The queues of keys are found by their
//! digests, so an event costs as much as there are queues that it is for, however many others there
//! are; and a second word says of which classes their digests are, without the lock.
//!
//! **Bounds.** A queue has a limit: while so many changes wait in it, what comes is counted, and
//! left out; who reads the queue is told how many events he missed, at the place where they were.
//! An event of many changes counts with all of them. It is made once, before the hub is locked, and
//! all queues share it; but a queue of one key has only the changes of this key, so that it neither
//! is full of others nor keeps their memory.
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

use std::collections::{BTreeSet, VecDeque};
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
const EVERYTHING: u64 = u64::MAX;

/// The number of the class of a hash.
fn class_of(hash: u64) -> u32 {
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as u32
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
        classes != 0 && (classes == EVERYTHING || classes >> class_of(hash) & 1 != 0)
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

/// What a queue is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Topic {
    All,
    /// One key: its hash in the index, and its digest.
    Key {
        hash: u64,
        digest: u64,
    },
}

/// Where changes come together, and from where they are told.
#[derive(Debug)]
pub(crate) struct Hub<E> {
    /// Of which classes the digests are that any queue is for.
    wanted: Interest,
    /// The same of queues for one key.
    keys: Interest,
    inner: Spin<Inner<E>>,
}

#[derive(Debug)]
struct Inner<E> {
    /// The number of the last event.
    last: u64,
    /// How often the index was cleared.
    life: u64,
    /// Whether the index was closed: nothing will be published any more.
    is_closed: bool,
    /// `None` while nobody listens: most tables take no more than that.
    queues: Option<Box<Queues<E>>>,
}

/// All queues of a hub. One keeps its number as long as it is there.
#[derive(Debug)]
struct Queues<E> {
    by_number: Vec<Option<Queue<E>>>,
    free: Vec<usize>,
    /// The numbers of those for all entries.
    all: Vec<usize>,
    /// The digests of those for one key, each with the number.
    keys: BTreeSet<(u64, usize)>,
    hashes: Classes,
    digests: Classes,
}

/// How many queues for one key there are in each class.
#[derive(Debug)]
struct Classes([u32; 64]);

#[derive(Debug)]
struct Queue<E> {
    topic: Topic,
    /// Where its number stands among those for all entries, if it is one.
    place: usize,
    limit: usize,
    events: Events<E>,
    /// Events behind those in the queue that were left out.
    missed: u64,
    waker: Option<Waker>,
}

/// An event of one key's changes, as a part of one of many keys.
#[derive(Debug)]
pub(crate) struct Part<E> {
    pub(crate) digest: u64,
    pub(crate) event: E,
    pub(crate) changes: usize,
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
    /// How many changes have been put in.
    changes: usize,
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
        let inner = Inner { last: 0, life: 0, is_closed: false, queues: None };
        Self { wanted: Interest::new(), keys: Interest::new(), inner: Spin::new(inner) }
    }

    /// The digest of an entry, if there may be a queue that is for it. `digest` makes it, which is
    /// not asked for where nobody wants to hear of one key: then it is any. As
    /// [`Interest::is_in`], to be asked under the lock of what is changed.
    #[inline]
    pub(crate) fn wanted(&self, digest: impl FnOnce() -> u64) -> Option<u64> {
        if !self.wants_keys() {
            return self.wanted.is_any().then_some(0);
        }
        let digest = digest();
        self.wanted.is_in(digest).then_some(digest)
    }

    /// Whether there may be queues for one key alone.
    #[inline]
    pub(crate) fn wants_keys(&self) -> bool {
        self.keys.is_any()
    }

    /// Whether there may be a queue for that key alone.
    pub(crate) fn wants_key(&self, digest: u64) -> bool {
        self.keys.is_in(digest)
    }

    /// Those of some digests, which are in ascending order and distinct, that a queue is for.
    pub(crate) fn watched(&self, digests: &[u64]) -> Vec<u64> {
        let mut watched = Vec::with_capacity(digests.len());
        let inner = self.inner.lock();
        let Some(queues) = &inner.queues else { return watched };
        if queues.keys.len() < digests.len() {
            let keys = queues.keys.iter().map(|(digest, _)| *digest);
            watched.extend(keys.filter(|digest| digests.binary_search(digest).is_ok()));
            drop(inner);
            watched.dedup();
        } else {
            let is_watched = |digest: &u64| of_key(&queues.keys, *digest).next().is_some();
            watched.extend(digests.iter().copied().filter(is_watched));
        }
        watched
    }

    /// Tells an event of one entry with that [digest](Self::wanted), in a life of the index. To be
    /// called under the lock of what has changed, after it became visible.
    pub(crate) fn publish(&self, life: u64, digest: u64, event: &E) -> Wake {
        self.tell(life, |queues, number, wake| {
            queues.each_of(digest, wake, |queue| queue.put_kept(number, event, 1));
        })
    }

    /// As [`publish`](Self::publish), of an event that is these words, at least one.
    pub(crate) fn publish_words(&self, life: u64, digest: u64, words: &[u64]) -> Wake {
        self.tell(life, |queues, number, wake| {
            queues.each_of(digest, wake, |queue| {
                queue.put(|events| events.push_words(number, words));
            });
        })
    }

    /// As [`publish`](Self::publish), of an event of so many changes of several entries; those who
    /// want to hear of one key get the part that is about it. If there is no part for a key, nobody
    /// wanted to hear of it when the entries were locked: who has subscribed since then reads what
    /// they have become.
    pub(crate) fn publish_all(
        &self,
        life: u64,
        event: &E,
        changes: usize,
        parts: &[Part<E>],
    ) -> Wake {
        self.tell(life, |queues, number, wake| {
            queues.each_for_all(wake, |queue| queue.put_kept(number, event, changes));
            for part in parts {
                queues.each_of_key(part.digest, wake, |queue| {
                    queue.put_kept(number, &part.event, part.changes);
                });
            }
        })
    }

    /// Gives an event its number, and puts it into queues by `put`.
    #[inline]
    fn tell(&self, life: u64, put: impl FnOnce(&mut Queues<E>, u64, &mut Wake)) -> Wake {
        let mut wake = Wake::default();
        let mut inner = self.inner.lock();
        if life == inner.life {
            inner.last += 1;
            let number = inner.last;
            if let Some(queues) = &mut inner.queues {
                put(queues, number, &mut wake);
            }
        }
        wake
    }

    /// Exchanges a root by `swap`, which ends a life of the index, and tells `event`, or that
    /// nothing will come any more; what is published for the new life comes later.
    pub(crate) fn end_life<R>(
        &self,
        event: &E,
        is_closed: bool,
        swap: impl FnOnce() -> Result<R, Refused>,
    ) -> Result<(R, Wake), Refused> {
        let mut inner = self.inner.lock();
        let swapped = swap()?;
        inner.life += 1;
        inner.is_closed |= is_closed;
        inner.last += u64::from(!is_closed);
        let (number, mut wake) = (inner.last, Wake::default());
        let queues = inner.queues.iter_mut().flat_map(|queues| queues.by_number.iter_mut());
        for queue in queues.flatten() {
            if !is_closed {
                queue.put_kept(number, event, 1);
            }
            wake.add_one(queue.waker.take());
        }
        Ok((swapped, wake))
    }

    /// A new queue, and the number of the last event before it; `None` if the index is closed. The
    /// index must be settled before anything is read. O(log queues).
    pub(crate) fn subscribe(
        &self,
        interest: &Interest,
        topic: Topic,
        limit: usize,
    ) -> Option<(usize, u64)> {
        let mut inner = self.inner.lock();
        if inner.is_closed {
            return None;
        }
        let last = inner.last;
        let queues = inner.queues.get_or_insert_with(|| Box::new(Queues::new()));
        let number = queues.add(topic, limit);
        self.show(interest, queues);
        Some((number, last))
    }

    /// Ends a queue. O(log queues).
    pub(crate) fn unsubscribe(&self, interest: &Interest, number: usize) {
        let mut inner = self.inner.lock();
        let Some(queues) = &mut inner.queues else { return };
        let queue = queues.remove(number);
        self.show(interest, queues);
        let is_last = queues.all.is_empty() && queues.keys.is_empty();
        let queues = if is_last { inner.queues.take() } else { None };
        drop(inner);
        // Objects are given up under no lock.
        drop((queue, queues));
    }

    /// Shows what there are queues for to those who write.
    fn show(&self, interest: &Interest, queues: &Queues<E>) {
        let all = if queues.all.is_empty() { 0 } else { EVERYTHING };
        let digests = queues.digests.set();
        self.keys.set(digests);
        self.wanted.set(all | digests);
        interest.set(all | queues.hashes.set());
    }

    /// Exchanges what a queue has for `into`, of which nothing is wanted any more. If there was
    /// nothing, and more may come, notes whom to wake.
    pub(crate) fn drain(
        &self,
        number: usize,
        into: &mut Events<E>,
        mut waker: Option<Waker>,
    ) -> Drained {
        into.clear();
        let mut inner = self.inner.lock();
        let is_closed = inner.is_closed;
        let found = inner.queues.as_mut().and_then(|queues| queues.by_number[number].as_mut());
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
        let inner = self.inner.lock();
        (life == inner.life).then_some(inner.last)
    }
}

impl<E: Clone> Queues<E> {
    fn new() -> Self {
        Self {
            by_number: Vec::new(),
            free: Vec::new(),
            all: Vec::new(),
            keys: BTreeSet::new(),
            hashes: Classes([0; 64]),
            digests: Classes([0; 64]),
        }
    }

    fn add(&mut self, topic: Topic, limit: usize) -> usize {
        let number = self.free.pop().unwrap_or(self.by_number.len());
        let place = self.all.len();
        match topic {
            Topic::All => self.all.push(number),
            Topic::Key { hash, digest } => {
                self.keys.insert((digest, number));
                self.hashes.add(hash);
                self.digests.add(digest);
            }
        }
        let events = Events::default();
        let queue = Some(Queue { topic, place, limit, events, missed: 0, waker: None });
        match self.by_number.get_mut(number) {
            Some(free) => *free = queue,
            None => self.by_number.push(queue),
        }
        number
    }

    fn remove(&mut self, number: usize) -> Option<Queue<E>> {
        let queue = self.by_number.get_mut(number)?.take()?;
        self.free.push(number);
        match queue.topic {
            Topic::All => {
                self.all.swap_remove(queue.place);
                let moved = self.all.get(queue.place).copied();
                let moved = moved.and_then(|moved| self.by_number[moved].as_mut());
                moved.into_iter().for_each(|moved| moved.place = queue.place);
            }
            Topic::Key { hash, digest } => {
                self.keys.remove(&(digest, number));
                self.hashes.remove(hash);
                self.digests.remove(digest);
            }
        }
        Some(queue)
    }

    /// Puts something into the queues that are for entries with that digest.
    #[inline]
    fn each_of(&mut self, digest: u64, wake: &mut Wake, mut put: impl FnMut(&mut Queue<E>)) {
        self.each_for_all(wake, &mut put);
        if !self.keys.is_empty() {
            self.each_of_key(digest, wake, put);
        }
    }

    #[inline]
    fn each_for_all(&mut self, wake: &mut Wake, put: impl FnMut(&mut Queue<E>)) {
        put_into(&mut self.by_number, self.all.iter().copied(), wake, put);
    }

    fn each_of_key(&mut self, digest: u64, wake: &mut Wake, put: impl FnMut(&mut Queue<E>)) {
        put_into(&mut self.by_number, of_key(&self.keys, digest), wake, put);
    }
}

/// The queues for one key.
fn of_key(keys: &BTreeSet<(u64, usize)>, digest: u64) -> impl Iterator<Item = usize> + '_ {
    keys.range((digest, 0)..=(digest, usize::MAX)).map(|(_, number)| *number)
}

/// Puts something into queues, and notes whom to wake.
#[inline]
fn put_into<E>(
    queues: &mut [Option<Queue<E>>],
    numbers: impl Iterator<Item = usize>,
    wake: &mut Wake,
    mut put: impl FnMut(&mut Queue<E>),
) {
    for number in numbers {
        if let Some(queue) = &mut queues[number] {
            put(queue);
            wake.add_one(queue.waker.take());
        }
    }
}

impl Classes {
    fn add(&mut self, hash: u64) {
        self.0[class_of(hash) as usize] += 1;
    }

    fn remove(&mut self, hash: u64) {
        self.0[class_of(hash) as usize] -= 1;
    }

    /// Those in which there is a queue.
    fn set(&self) -> u64 {
        let is_used = |set, (class, count): (usize, &u32)| set | u64::from(*count > 0) << class;
        self.0.iter().enumerate().fold(0, is_used)
    }
}

impl<E: Clone> Queue<E> {
    /// Puts an event of so many changes in, if there is room for it.
    fn put_kept(&mut self, number: u64, event: &E, changes: usize) {
        self.put(|events| events.push_kept(number, event.clone(), changes));
    }

    #[inline]
    fn put(&mut self, put: impl FnOnce(&mut Events<E>)) {
        if self.events.changes >= self.limit {
            self.missed += 1;
        } else {
            put(&mut self.events);
        }
    }
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self { log: Vec::new(), at: 0, kept: VecDeque::new(), changes: 0, last: None }
    }
}

impl<E> Events<E> {
    fn push_words(&mut self, number: u64, words: &[u64]) {
        debug_assert!(!words.is_empty(), "an event of no words is one that is kept");
        self.begin(number, words.len(), 1);
        self.log.extend_from_slice(words);
    }

    fn push_kept(&mut self, number: u64, event: E, changes: usize) {
        self.begin(number, 0, changes);
        self.kept.push_back(event);
    }

    fn begin(&mut self, number: u64, len: usize, changes: usize) {
        self.log.reserve(2 + len);
        self.log.extend_from_slice(&[number, len as u64]);
        self.changes += changes;
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
        self.last.is_none()
    }

    /// The number of the last that was put in.
    pub(crate) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Drops all, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.log.clear();
        self.kept.clear();
        (self.at, self.changes, self.last) = (0, 0, None);
    }
}
