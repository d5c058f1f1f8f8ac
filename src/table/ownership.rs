//! Whose a table is, and whose its objects are: giving away, heirs, leases.

use super::Table;
use super::core::Need;
use super::kind::Access;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::raw::block::Block;
use crate::raw::reclaim::pin;
use crate::term::{Pid, Term, ToObject, ToTerm};

impl Table {
    /// Changes who may read and write, for operations that begin from now on. Only the owner may.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// use ferrets::Access;
    /// let other = t.acting_as(&store.owner());
    /// assert!(other.insert((1, 1)).is_err());
    /// t.set_access(Access::Public)?;
    /// other.insert((1, 1))?;
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`NotOwner`](ErrorKind::NotOwner).
    #[doc(alias = "ets:setopts/2")]
    #[doc(alias = "protection")]
    pub fn set_access(&self, access: Access) -> Result<()> {
        self.home.set_options(&self.core, self.who, None, Some(access))
    }

    /// Says who inherits the table when its owner ends: he becomes its owner in the same instant,
    /// and gets [`Message::Transfer`](crate::Message::Transfer) with `data`. Only the owner may say
    /// so.
    ///
    /// An heir who has ended, or is the owner himself when he ends, inherits nothing: then the
    /// table is deleted. The heir stays the heir when he has inherited the table, and when it is
    /// given away. If the heir is [the store](crate::Store::pid), the table survives whatever
    /// happens, and whoever has the store can give it on.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions};
    /// # let store = Store::new();
    /// let (worker, keeper) = (store.owner(), store.owner());
    /// let state = worker.new_table("state", TableOptions::default())?;
    /// state.set_heir(keeper.pid(), "of the worker")?;
    /// drop(worker);
    /// let info = state.info().expect("it has been inherited");
    /// assert_eq!((info.owner, info.heir), (keeper.pid(), Some(keeper.pid())));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`NotOwner`](ErrorKind::NotOwner);
    /// [`BadArgument`](ErrorKind::BadArgument) for an heir of another store, and data without a
    /// term. One who has ended is as none.
    #[doc(alias = "ets:setopts/2")]
    #[doc(alias = "heir")]
    pub fn set_heir(&self, heir: Pid, data: impl ToTerm) -> Result<()> {
        self.check(Need::Own)?;
        let heir = Some((heir, Term::new(data)?));
        self.home.set_options(&self.core, self.who, Some(heir), None)
    }

    /// Says that nobody inherits the table. Only the owner may.
    ///
    /// ```
    /// # use ferrets::{Store, TableOptions, term};
    /// # let store = Store::new();
    /// let (ann, bob) = (store.owner(), store.owner());
    /// let options = TableOptions::default().heir(bob.pid(), term!(:work));
    /// let work = ann.new_table("work", options)?;
    /// work.remove_heir()?;
    /// drop(ann);
    /// assert!(work.info().is_none() && bob.try_receive().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`NotOwner`](ErrorKind::NotOwner).
    #[doc(alias = "ets:setopts/2")]
    pub fn remove_heir(&self) -> Result<()> {
        self.home.set_options(&self.core, self.who, Some(None), None)
    }

    /// `setopts/2`: both in one instant.
    pub(crate) fn set_options(
        &self,
        heir: Option<Option<(Pid, Term)>>,
        access: Option<Access>,
    ) -> Result<()> {
        self.home.set_options(&self.core, self.who, heir, access)
    }

    /// Gives the table to another owner, who becomes its owner in one instant and gets
    /// [`Message::Transfer`](crate::Message::Transfer) with `data`. Only the owner may.
    ///
    /// This handle and those like it have from then on the rights of strangers; an operation of the
    /// giver's that is under way in another thread may still finish. The heir stays, and so do
    /// fixations and leases.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Message, Store, TableOptions};
    /// # let store = Store::new();
    /// let (ann, bob) = (store.owner(), store.owner());
    /// let notes = ann.new_table("notes", TableOptions::default())?;
    /// notes.give_away(bob.pid(), "keep them")?;
    /// assert_eq!(notes.insert((1, "late")).unwrap_err().kind(), ErrorKind::AccessDenied);
    /// let Some(Message::Transfer { table, data, .. }) = bob.try_receive() else { panic!() };
    /// assert_eq!(data, "keep them");
    /// table.insert((1, "mine"))?;
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), [`AccessDenied`](ErrorKind::AccessDenied);
    /// [`BadArgument`](ErrorKind::BadArgument) for a receiver who has ended or is of another store,
    /// and data without a term; [`NotOwner`](ErrorKind::NotOwner),
    /// [`AlreadyOwner`](ErrorKind::AlreadyOwner); in this order.
    #[doc(alias = "ets:give_away/3")]
    pub fn give_away(&self, to: Pid, data: impl ToTerm) -> Result<()> {
        self.check(Need::Write)?;
        self.home.give_away(&self.core, self.who, to, Term::new(data)?)
    }

    /// Inserts an object, as [`insert`](Self::insert), that belongs to the owner for whom this
    /// handle acts and vanishes when he ends, whoever owns the table.
    ///
    /// It does so object by object, as if each were deleted by itself; equal ones of a
    /// duplicate_bag in one step. When a [monitor](crate::Owner::monitor) of the owner's fires, all
    /// are gone. What it costs then is what inserting them cost: neither is the table searched, nor
    /// are others' objects with the same key looked at, equal or not.
    ///
    /// * An object that somebody inserts in its place is not leased, or to him. Nor is an equal one
    ///   that is inserted after it was deleted or taken.
    /// * One that is changed in its place stays leased: by
    ///   [`update_counter`](Self::update_counter), [`update_element`](Self::update_element),
    ///   [`update`](Self::update), [`compare_and_swap`](Self::compare_and_swap) and
    ///   [`select_replace`](Self::select_replace), but for the last in duplicate_bags.
    /// * Into a bag that holds an equal object already nothing is inserted, and nothing is leased.
    ///
    /// A leased object takes 8 bytes more in the table (in bags some 20, if its key has many) and 8
    /// with its owner, who also keeps the
    /// memory of objects that are in the table no longer, until he leases more: about as many as he
    /// had at once, at the most. Tables without leases pay nothing.
    ///
    /// ```
    /// use ferrets::{Access, Kind, Store, TableOptions};
    /// let store = Store::new();
    /// let names = store.new_table("names", TableOptions::default().access(Access::Public))?;
    /// let (ann, bob) = (store.owner(), store.owner());
    /// assert!(names.acting_as(&ann).lease_new(("printer", "ann"))?);
    /// assert!(!names.acting_as(&bob).lease_new(("printer", "bob"))?); // taken
    /// drop(ann);
    /// assert!(names.acting_as(&bob).lease_new(("printer", "bob"))?); // free at once
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`NoOwner`](ErrorKind::NoOwner) if the handle acts for an owner
    /// who has ended, or for the store, which never does.
    pub fn lease(&self, object: impl ToObject) -> Result<()> {
        self.check(Need::Write)?;
        let block = self.core.leased_block(&object, self.who)?;
        self.lease_blocks(&[block], false).map(|_| ())
    }

    /// As [`lease`](Self::lease), unless the key exists, and says whether it did: registers a name
    /// that only one owner can have.
    ///
    /// ```
    /// # use ferrets::{Access, ErrorKind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let names = store.new_table("names", TableOptions::default().access(Access::Public))?;
    /// let (ann, bob) = (store.owner(), store.owner());
    /// assert!(names.acting_as(&ann).lease_new(("leader", ann.pid()))?);
    /// assert!(!names.acting_as(&bob).lease_new(("leader", bob.pid()))?);
    /// let error = names.lease_new(("other", "the store")).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NoOwner);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    pub fn lease_new(&self, object: impl ToObject) -> Result<bool> {
        self.check(Need::Write)?;
        let block = self.core.leased_block(&object, self.who)?;
        self.lease_blocks(&[block], true)
    }

    /// As [`lease`](Self::lease), several in one instant, as [`insert_list`](Self::insert_list).
    ///
    /// ```
    /// # use ferrets::{Access, Store, TableOptions};
    /// # let store = Store::new();
    /// # let names = store.new_table("names", TableOptions::default().access(Access::Public))?;
    /// let ann = store.owner();
    /// names.acting_as(&ann).lease_list([("printer", "ann"), ("scanner", "ann")])?;
    /// drop(ann);
    /// assert!(names.is_empty()?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lease`](Self::lease), for the first object that is refused.
    pub fn lease_list<T: ToObject>(&self, objects: impl IntoIterator<Item = T>) -> Result<()> {
        self.check(Need::Write)?;
        self.lease_blocks(&self.leased_blocks(objects)?, false).map(|_| ())
    }

    /// As [`lease_list`](Self::lease_list), unless one of the keys exists, and says whether it did.
    ///
    /// ```
    /// # use ferrets::{Access, Store, TableOptions};
    /// # let store = Store::new();
    /// # let names = store.new_table("names", TableOptions::default().access(Access::Public))?;
    /// let ann = store.owner();
    /// names.insert(("scanner", "nobody's"))?;
    /// let both = names.acting_as(&ann).lease_new_list([("printer", "ann"), ("scanner", "ann")])?;
    /// assert!(!both && !names.member("printer")?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lease`](Self::lease), for the first object that is refused.
    pub fn lease_new_list<T: ToObject>(
        &self,
        objects: impl IntoIterator<Item = T>,
    ) -> Result<bool> {
        self.check(Need::Write)?;
        self.lease_blocks(&self.leased_blocks(objects)?, true)
    }

    fn leased_blocks<T: ToObject>(
        &self,
        objects: impl IntoIterator<Item = T>,
    ) -> Result<Vec<Block>> {
        objects.into_iter().map(|object| self.core.leased_block(&object, self.who)).collect()
    }

    fn lease_blocks(&self, blocks: &[Block], new: bool) -> Result<bool> {
        self.home.lease(&self.core, self.who, blocks, || match (blocks, new) {
            ([block], false) => {
                let inserted = self.core.engine.insert(&pin(), block.clone());
                self.done(inserted.map(|()| true))
            }
            _ => self.insert_blocks(blocks.to_vec(), new),
        })
    }
}
