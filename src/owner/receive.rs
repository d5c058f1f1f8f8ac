//! Receiving: at once, after a wait, or by a future.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Message, Monitor, Owner};
use crate::platform::clock::Deadline;
use crate::registry::{LeasesDown, Mail, Received};
use crate::table::core::{id_term, owner_pid};

impl Owner {
    /// The next message, if there is one.
    ///
    /// ```
    /// use ferrets::{Message, Store, TableOptions, term};
    /// let store = Store::new();
    /// let (ann, bob) = (store.owner(), store.owner());
    /// let notes = ann.new_table("notes", TableOptions::default())?;
    /// notes.give_away(bob.pid(), term!("keep them"))?;
    /// let Some(Message::Transfer { table, from, .. }) = bob.try_receive() else { panic!() };
    /// assert_eq!(from, ann.pid());
    /// table.insert((1, "mine now"))?;
    /// assert!(bob.try_receive().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn try_receive(&self) -> Option<Message> {
        self.message(self.core.mailbox.try_receive())
    }

    /// Waits for the next message; `None` when the owner has ended, which may be while this waits.
    ///
    /// ```
    /// # use ferrets::{Message, Store, TableOptions};
    /// # let store = Store::new();
    /// let (ann, bob) = (store.owner(), store.owner());
    /// let notes = ann.new_table("notes", TableOptions::default())?;
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| notes.give_away(bob.pid(), "keep them"));
    ///     assert!(matches!(bob.receive(), Some(Message::Transfer { .. })));
    ///     threads.spawn(|| bob.exit("enough"));
    ///     assert!(bob.receive().is_none());
    /// });
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn receive(&self) -> Option<Message> {
        self.message(self.core.mailbox.receive(Deadline::NEVER))
    }

    /// As [`receive`](Self::receive), but `None` also if none comes for so long.
    ///
    /// ```
    /// # use ferrets::{Store};
    /// # let store = Store::new();
    /// use std::time::Duration;
    /// assert!(store.owner().receive_timeout(Duration::from_millis(1)).is_none());
    /// ```
    #[doc(alias = "after")]
    #[must_use]
    pub fn receive_timeout(&self, timeout: Duration) -> Option<Message> {
        self.message(self.core.mailbox.receive(Deadline::after(timeout)))
    }

    /// The next message as a future, for whatever runtime; `None` when the owner has ended.
    ///
    /// ```
    /// # use ferrets::{Message, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let (ann, bob) = (store.owner(), store.owner());
    /// # let notes = ann.new_table("notes", TableOptions::default())?;
    /// # notes.give_away(bob.pid(), term!("keep them"))?;
    /// # ann.exit("done")?;
    /// # let main = async {
    /// while let Some(message) = bob.receive_async().await {
    ///     if let Message::Transfer { table, .. } = message {
    ///         table.insert((1, "mine now"))?;
    ///         bob.exit("enough")?;
    ///     }
    /// }
    /// # Ok::<(), ferrets::Error>(())
    /// # };
    /// # let mut main = std::pin::pin!(main);
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(main.as_mut().poll(&mut context).is_ready());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn receive_async(&self) -> Receive<'_> {
        Receive { owner: self, waiter: None }
    }

    fn message(&self, received: Received) -> Option<Message> {
        match received {
            Received::Mail(mail) => Some(self.open(mail)),
            Received::Empty | Received::Closed => None,
        }
    }

    fn open(&self, mail: Mail) -> Message {
        let store = self.home.creation();
        let monitor = |number| Monitor { store, number };
        match mail {
            Mail::Transfer { core, name, from, data } => {
                let from = owner_pid(store, from);
                Message::Transfer { table: self.handle(core), name, from, data }
            }
            Mail::OwnerDown { monitor: number, owner, reason } => {
                Message::OwnerDown { monitor: monitor(number), owner, reason }
            }
            Mail::TableDown { monitor: number, table, name, reason } => {
                let table = id_term(store, table);
                Message::TableDown { monitor: monitor(number), table, name, reason }
            }
            Mail::LeasesDown(LeasesDown { monitor: number, core, owner, reason, objects }) => {
                let (table, owner) = (self.handle(core), owner_pid(store, owner));
                Message::LeasesDown { monitor: monitor(number), table, owner, reason, objects }
            }
        }
    }
}

/// The next message of an owner: see [`Owner::receive_async`].
///
/// When it has given one it may be polled again, for the one after; so it is also a stream, without
/// the name: `poll_fn(move |cx| Pin::new(&mut receive).poll(cx))`. Any number of tasks may wait
/// for one owner; each message goes to one of them. Dropping it loses nothing.
///
/// ```
/// # use ferrets::{Message, Store};
/// # use std::pin::Pin;
/// # use std::task::{Context, Poll, Waker};
/// # let store = Store::new();
/// let (supervisor, worker) = (store.owner(), store.owner());
/// supervisor.monitor(worker.pid())?;
/// let mut receive = supervisor.receive_async();
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(Pin::new(&mut receive).poll(&mut context).is_pending());
/// drop(worker);
/// let down = Pin::new(&mut receive).poll(&mut context);
/// assert!(matches!(down, Poll::Ready(Some(Message::OwnerDown { .. }))));
/// supervisor.exit("done")?;
/// assert!(matches!(Pin::new(&mut receive).poll(&mut context), Poll::Ready(None)));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Receive<'o> {
    owner: &'o Owner,
    waiter: Option<u64>,
}

impl Future for Receive<'_> {
    type Output = Option<Message>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let owner = self.owner;
        match owner.core.mailbox.poll(&mut self.waiter, context.waker()) {
            Received::Mail(mail) => Poll::Ready(Some(owner.open(mail))),
            Received::Empty => Poll::Pending,
            Received::Closed => Poll::Ready(None),
        }
    }
}

impl Drop for Receive<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter {
            self.owner.core.mailbox.leave(waiter);
        }
    }
}
