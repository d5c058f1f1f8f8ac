//! Mailboxes: what an owner is told, until he looks.
//!
//! A mailbox is filled under the registry's lock, so that a message and what it tells of happen at
//! once; those who wait are woken when that lock has been given up, because a waker is foreign
//! code, which may well drop an owner. For the same reason no waker is called, cloned or dropped
//! under the mailbox's own lock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use parking_lot::{Condvar, Mutex};

use crate::platform::clock::Deadline;
use crate::platform::wake::Wake;
use crate::table::core::{OwnerId, TableCore};
use crate::term::{Atom, Object, Pid, Term};

/// A message, without the registry in it that the handles of a
/// [`Message`](crate::Message) hold: a mailbox belongs to the registry.
#[derive(Debug)]
pub(crate) enum Mail {
    Transfer { core: Arc<TableCore>, name: Atom, from: OwnerId, data: Term },
    OwnerDown { monitor: u64, owner: Pid, reason: Term },
    TableDown { monitor: u64, table: u64, name: Atom, reason: Term },
    LeasesDown(LeasesDown),
}

/// The objects in a table that went with an owner.
#[derive(Debug)]
pub(crate) struct LeasesDown {
    pub(crate) monitor: u64,
    pub(crate) core: Arc<TableCore>,
    pub(crate) owner: OwnerId,
    pub(crate) reason: Term,
    pub(crate) objects: Arc<[Object]>,
}

/// The messages of an owner, in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    mails: VecDeque<Mail>,
    /// Nothing arrives any more.
    closed: bool,
    /// Tasks that wait, each with its number.
    waiting: Vec<(u64, Waker)>,
    last_waiter: u64,
}

/// What there is for who looks.
#[derive(Debug)]
pub(crate) enum Received {
    Mail(Mail),
    /// Nothing now.
    Empty,
    /// Nothing ever again.
    Closed,
}

impl Queue {
    fn take(&mut self) -> Received {
        match self.mails.pop_front() {
            Some(mail) => Received::Mail(mail),
            None if self.closed => Received::Closed,
            None => Received::Empty,
        }
    }

    fn leave(&mut self, waiter: u64) -> Option<Waker> {
        let at = self.waiting.iter().position(|(number, _)| *number == waiter)?;
        Some(self.waiting.swap_remove(at).1)
    }
}

impl Mailbox {
    /// Puts a message in; a closed mailbox has no use for it.
    pub(super) fn push(&self, mail: Mail, wakes: &mut Wake) {
        let refused = {
            let mut queue = self.queue.lock();
            if queue.closed {
                Some(mail)
            } else {
                queue.mails.push_back(mail);
                wakes.add(queue.waiting.drain(..).map(|(_, waker)| waker));
                self.changed.notify_all();
                None
            }
        };
        drop(refused);
    }

    /// Ends it: who waits learns that nothing will come. What was in it, which may take a while to
    /// drop.
    #[must_use = "not to be dropped where others wait"]
    pub(super) fn close(&self, wakes: &mut Wake) -> VecDeque<Mail> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        wakes.add(queue.waiting.drain(..).map(|(_, waker)| waker));
        self.changed.notify_all();
        std::mem::take(&mut queue.mails)
    }

    pub(crate) fn try_receive(&self) -> Received {
        self.queue.lock().take()
    }

    /// Waits until there is something, or until `deadline`.
    pub(crate) fn receive(&self, deadline: Deadline) -> Received {
        let mut queue = self.queue.lock();
        loop {
            let received = queue.take();
            if !matches!(received, Received::Empty) {
                return received;
            }
            match deadline.end() {
                None => self.changed.wait(&mut queue),
                Some(end) => {
                    if self.changed.wait_until(&mut queue, end).timed_out() {
                        return queue.take();
                    }
                }
            }
        }
    }

    /// Takes a message or leaves a waker, under the number of the waiter or a new one.
    pub(crate) fn poll(&self, waiter: &mut Option<u64>, waker: &Waker) -> Received {
        let mut mine = Some(waker.clone());
        let (received, old) = {
            let mut queue = self.queue.lock();
            let old = waiter.take().and_then(|number| queue.leave(number));
            let received = queue.take();
            if matches!(received, Received::Empty) {
                queue.last_waiter += 1;
                let number = queue.last_waiter;
                queue.waiting.extend(mine.take().map(|mine| (number, mine)));
                *waiter = Some(number);
            }
            (received, old)
        };
        drop((old, mine));
        received
    }

    /// Takes a waker back.
    pub(crate) fn leave(&self, waiter: u64) {
        let waker = self.queue.lock().leave(waiter);
        drop(waker);
    }
}
