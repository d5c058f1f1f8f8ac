//! An in-process store of Erlang terms: [ETS](https://www.erlang.org/doc/apps/stdlib/ets.html) for
//! Rust programs.
//!
//! A *table* holds tuples, each found by one of its elements, its *key*. Any number of threads read
//! and write; readers take no lock and wait for nobody. What a table holds are terms (numbers,
//! atoms, binaries, tuples, lists, maps and the rest of Erlang's data), so one table takes objects
//! of different shapes, and nothing has to be declared.
//!
//! # Quick start
//!
//! ```
//! use ferrets::{Kind, Store, TableOptions};
//!
//! let store = Store::new();
//! let owner = store.owner(); // owns tables; they go when it goes
//! let users = owner.new_table("users", TableOptions::new(Kind::Set))?;
//!
//! users.insert((1, "ann", 36))?; // any Rust tuple is an object, its first element the key
//! users.insert_list([(2, "bob", 25), (3, "eve", 41)])?; // all at once
//!
//! let found = users.lookup(1)?; // shared, not copied
//! assert_eq!(found[0].decode::<(u32, &str, u8)>()?, (1, "ann", 36));
//!
//! std::thread::scope(|scope| {
//!     scope.spawn(|| users.update_counter(3, (3, 1))); // element 3 of object 3, plus 1
//!     scope.spawn(|| users.update_counter(3, (3, 1)));
//! });
//! assert_eq!(users.lookup_element(3, 3)?, 43);
//!
//! let oldest = users.foldl(None, |user, oldest| oldest.max(user.element(3)?.as_i64()))?;
//! assert_eq!(oldest, Some(43));
//! # Ok::<(), ferrets::Error>(())
//! ```
//!
//! # Concepts
//!
//! * A [`Store`] is a set of tables and their owners. It is a value: make as many as you like.
//! * An [`Owner`] stands where a process stands in Erlang. It makes tables, and when it ends, by
//!   being dropped, by a panic too, they are deleted or inherited.
//! * A [`Table`] is a handle: cheap to clone, `Send + Sync`. It carries who acts, so it decides
//!   what its holder may do: a protected table is written through handles of its owner only,
//!   whatever the thread.
//! * An *object* is a tuple: a Rust tuple, a [`tuple!`], a [`Term`], the record of a struct
//!   (`to_record`). What comes out is an [`Object`], a handle on immutable memory, or an
//!   [`ObjectRef`], borrowed for the length of a closure.
//! * The *key* is the element at the table's [key position](TableOptions::keypos), the first unless
//!   you say otherwise. Positions count from one, as in Erlang. Keys are the same if they are
//!   `=:=`: `1` and `1.0` are different keys; in an ordered set, if they are `==`.
//!
//! Terms are built with [`term!`], which reads like Erlang, from Rust values ([`ToTerm`]), from any
//! `Serialize` type (`to_term`), from text ([`Term::parse`]) or from bytes in external term format
//! ([`Term::decode`]), and taken apart into Rust values ([`FromTerm`], [`Object::decode`]), serde
//! types, text and bytes. Rust strings are binaries; atoms are always explicit: `:ok` in [`term!`],
//! [`atom!`]`("ok")`, [`Atom::OK`].
//!
//! # The four kinds
//!
//! | [`Kind`] | objects of a key | `insert` of an object whose key exists |
//! |---|---|---|
//! | `Set` | one | replaces it |
//! | `OrderedSet` | one; `1` and `1.0` are the same key | replaces it, with its key |
//! | `Bag` | any number of different ones | adds it, unless an equal one is there |
//! | `DuplicateBag` | any number | adds it |
//!
//! Bags keep the objects of a key in the order of their insertion, and insertion does not slow down
//! with their number. Ordered sets keep their keys in Erlang's order of terms, and all traversals
//! go by it; [`Table::last`] and [`Table::prev`] against it. A step there may begin from any key,
//! also from one that is not in the table. Finding a key takes O(log n).
//!
//! # Consistency
//!
//! Operations on the objects of one key are linearizable: each takes effect in one instant between
//! its call and its return, completely or, if it returns an error, not at all.
//!
//! * [`insert`], [`insert_new`], [`delete`], [`delete_object`], [`take`]: one instant.
//! * [`lookup`], [`member`], [`lookup_element`], [`ReadView::each`]: one instant, for all the
//!   objects that a key of a bag has.
//! * [`update_counter`], [`update_element`] and their plurals, [`compare_and_swap`]: one instant,
//!   with all their steps. [`update`] too, after as many calls of its closure as it takes.
//! * [`insert_list`], [`insert_new_list`]: one instant for all keys. No read finds one of the
//!   objects and a later one misses another.
//! * A [batch](Table::batch): one instant for all its steps and conditions.
//! * [`delete_all_objects`], [`delete_table`], [`rename`](Table::rename): one instant.
//! * [`first`], [`next`], [`first_lookup`], [`next_lookup`]: each call for itself.
//! * [`pop_first`](Table::pop_first), [`pop_last`](Table::pop_last): one instant.
//! * [`range`](Table::range), [`prefix`](Table::prefix), [`count`](Table::count), [`Cursor`],
//!   [`delete_range`](Table::delete_range): each object for itself, as any traversal;
//!   [`RangeIter::linearizable`] shows all of a range at one instant, or says that it could not.
//! * [`lookup_many`], [`ReadView`]: each key for itself. A view is no snapshot.
//! * [`foldl`], [`foldr`], [`tab2list`], [`ReadView::for_each`]: each object for itself, see below.
//! * [`select`], `select_count`, `match_object` and their kin: each object for itself, see below.
//! * [`select_delete`], [`select_replace`]: each object in one instant, if it is still what is
//!   asked for then; deleting by `[{'_', [], [true]}]` all at once.
//! * [`init_table`](Table::init_table): object by object.
//! * [`give_away`](Table::give_away), [`set_heir`](Table::set_heir): one instant, with the message.
//!   The end of an [`Owner`]: one instant for his tables and fixations; [leased](Table::lease)
//!   objects go one by one.
//!
//! **Reads wait for nobody**: not for a writer, not for a table that grows, not for a list of a
//! million objects that is being inserted. Writers wait for writers to the same bucket, which is a
//! handful of keys; for a list that is being inserted, if one of its keys is in that bucket; and
//! now and then for the split of a segment, which is some 300 keys. (In an ordered set, a leaf of
//! up to 63 keys takes the place of both; and a read that meets a leaf in the few nanoseconds in
//! which its keys are moved about begins again.)
//!
//! **Traversals need no fixation.** They go in the order of hashes, or of keys in an ordered set,
//! and hold nothing between steps.
//! An object that is in the table from beginning to end is met exactly once, however the table
//! grows and shrinks meanwhile; one that comes or goes meanwhile is met once or not at all. (An
//! object that is deleted and inserted again counts as two.) They do not show the table at one
//! instant: of two objects that were inserted at once, a traversal under way may meet only the one
//! that is still before it; for that there is [`snapshot`](Table::snapshot) of an ordered set.
//! [`next`] needs a key that is in the table; in a [fixed](Table::fix)
//! table it takes any key and goes on from where that would be.
//!
//! **What you hold does not change.** An [`Object`] shows what it was when it was read, for ever.
//!
//! **Counts are O(1)**, and exact when nobody writes: [`len`](Table::len) and [`Info`] may miss
//! what is being written at the moment.
//!
//! # Three ways to read
//!
//! * [`lookup`] gives owned objects, to keep and to send: copies of small ones (up to some hundred
//!   bytes), so that no memory is written that other readers of the object share; a reference count
//!   for each that is larger.
//! * [`read`] and [`lookup_with`] show borrowed objects to a closure. They write nothing that
//!   others notice; and many reads in one view enter and leave the critical section once.
//! * [`lookup_many`] and [`ReadView::get_many`] take many keys and let their loads overlap: for
//!   tables that are larger than the caches.
//!
//! While a view lasts, memory that others free is not given back, so views should be short:
//! [`Store::reclamation`] tells whether one was not.
//!
//! # Questions
//!
//! ```
//! # use ferrets::{Kind, MatchSpec, Store, TableOptions, spec, term};
//! # let store = Store::new();
//! # let owner = store.owner();
//! # let users = owner.new_table("users", TableOptions::new(Kind::Set))?;
//! # users.insert_list([(1, "ann", 36), (2, "bob", 25), (3, "eve", 41)])?;
//! // As ETS takes it, and the same in Rust.
//! let spec: MatchSpec = "[{{'_','$1','$2'}, [{'<','$2',40}], [{{'$1','$2'}}]}]".parse()?;
//! assert_eq!(spec, spec!(|{_, name, age}| if age.lt(40) => (name, age))?);
//!
//! assert_eq!(users.select(&spec)?.len(), 2);
//! assert_eq!(users.select_greatest(&spec, 1)?, [term!({"bob", 25})]);
//! assert_eq!(users.select_delete(&spec!(|{2, _, _}| => true)?)?, 1);
//! # Ok::<(), ferrets::Error>(())
//! ```
//!
//! A [`MatchSpec`] is compiled once and put to any number of tables: [`Table::select`] and those
//! beside it; [`MatchSpec::fun2ms`] makes one of the text of an Erlang fun. A clause whose head or
//! guards bind the key is looked up, others visit all objects; [`Table::explain`] says which. What
//! no specification can say, [`Table::filter`] takes as a closure.
//!
//! # Changes
//!
//! ```
//! # use ferrets::{Event, Filter, Kind, Store, TableOptions};
//! # let store = Store::new();
//! # let owner = store.owner();
//! let stock = owner.new_table("stock", TableOptions::new(Kind::Set))?;
//! stock.insert_list([("apples", 10), ("pears", 2)])?;
//! let mut changes = stock.watch(Filter::key("pears")?)?;
//!
//! let mut order = stock.batch(); // all in one instant, or nothing
//! order.if_object_is(("apples", 10))?.update_counter("apples", -3)?;
//! order.update_counter("pears", -2)?.insert(("order 1", "open"))?;
//! assert!(order.commit()?.is_ok());
//! assert!(order.commit()?.is_err_and(|conflict| conflict.step() == 0));
//!
//! let Some(Event::Changed(event)) = changes.next() else { panic!() };
//! assert_eq!(event[0].after().unwrap().decode::<(&str, i64)>()?, ("pears", 0));
//! # Ok::<(), ferrets::Error>(())
//! ```
//!
//! A [batch](Table::batch) does many steps on many keys of one table in one instant, if its
//! conditions hold. A [`Watch`] tells the changes of a table, of a key, of a range or of what a
//! specification accepts, in their order, to threads and to tasks; who is too slow is told what he
//! missed, never left to guess. Writers never wait for those who watch, and spend nothing where
//! nobody does.
//!
//! # Life cycle
//!
//! ```
//! # use ferrets::{Access, ErrorKind, Kind, Store, TableOptions};
//! let store = Store::new();
//! let session = store.owner();
//! let options = TableOptions::new(Kind::Bag).access(Access::Public).named(true);
//! session.new_table("events", options)?.insert(("login", 1))?;
//!
//! let events = store.table("events")?; // by name; acts for nobody: what is public is allowed
//! let kept = events.lookup("login")?;
//! drop(session);
//!
//! assert_eq!(events.lookup("login").unwrap_err().kind(), ErrorKind::NoSuchTable);
//! assert_eq!(kept[0].element(2).unwrap(), 1); // objects outlive their table
//! # Ok::<(), ferrets::Error>(())
//! ```
//!
//! A table ends with its owner or with [`delete_table`]. Handles do not keep it: from then on all
//! they do is an error. Its name is free at once. The memory comes back in small steps, as does
//! that of objects that are deleted or replaced; [`Store::collect`] takes all steps that can be
//! taken. No threads are started, and no clock is read but when a table is [fixed](Table::fix) and
//! when somebody waits for a [message](Owner::receive_timeout) or a
//! [change](Watch::recv_timeout) for so long.
//!
//! A table need not end with its owner. It can be [given away](Table::give_away), have an
//! [heir](Table::set_heir), or belong to the [store](Store::new_table), which outlives all owners.
//! Whoever gets a table is told: an owner has a mailbox, to be [looked into](Owner::try_receive),
//! [waited for](Owner::receive) or [awaited](Owner::receive_async) on any runtime. Other owners and
//! tables can be [monitored](Owner::monitor).
//!
//! And an object need not live as long as its table: it can be [leased](Table::lease) to an owner,
//! with whom it vanishes. That makes a table a registry.
//!
//! ```
//! # use ferrets::{Access, Kind, Message, Store, TableOptions, term};
//! # let store = Store::new();
//! let (worker, standby) = (store.owner(), store.owner());
//! let names = store.new_table("names", TableOptions::default().access(Access::Public))?;
//! let options = TableOptions::default().heir(standby.pid(), term!(:work));
//! worker.new_table("work", options)?.insert((1, "half done"))?;
//! names.acting_as(&worker).lease_new(("worker", worker.pid()))?;
//! drop(worker);
//!
//! let Some(Message::Transfer { table, data, .. }) = standby.try_receive() else { panic!() };
//! assert_eq!((table.len()?, data), (1, term!(:work)));
//! assert!(names.acting_as(&standby).lease_new(("worker", standby.pid()))?); // free at once
//! # Ok::<(), ferrets::Error>(())
//! ```
//!
//! # Errors
//!
//! Everything that can fail returns an [`Error`], one word wide. Its [`kind`](ErrorKind) says to
//! programs why, with one value for each cause that ETS tells apart (and
//! [`cause`](ErrorKind::cause) for its name there); its text says to people which table and which
//! value. Nothing was changed then; but by what goes object by object
//! ([`init_table`](Table::init_table), [`delete_range`](Table::delete_range), [`select_delete`],
//! [`select_replace`]), which may end in the middle: without memory, or as the table is deleted or
//! the right to it lost meanwhile. Arguments are checked in ETS's order: that the table exists,
//! that the handle may do this, the rest. Bad input is an error, never a panic: terms nested a
//! million deep, truncated bytes, sizes that lie. (But [`term!`] and its kin, which are for
//! literals, panic on values that no term can hold.) A closure that panics is an error of
//! [`update`]; from other closures a panic passes on, and the table is
//! as it was.
//!
//! # Features
//!
//! * `serde` (on by default): `to_term`, `to_record`, `from_term`, `Serde`; [`Term`] and [`Atom`]
//!   as serde values. Costs the crate `serde`, without its derive macros.
//! * `loom`: models of the lock-free protocols, for this crate's own tests. Does nothing without
//!   its cfg.
//!
//! # Differences from ETS
//!
//! The contract is ETS of Erlang/OTP 27, results and error causes included; the module [`ets`] has
//! its functions on terms, by their names. On purpose it is different that
//!
//! * who acts is the handle, not the calling thread;
//! * objects are shared, not copied, on their way out; binaries are copied on their way in, large
//!   ones too;
//! * hash tables are traversed in an order that differs from store to store, unless they are made
//!   with the same [seed](Store::with_seed);
//! * [`next`] on a fixed table takes any key that is absent, not only one that was deleted;
//! * [fixing](Table::fix) a table freezes nothing: it goes on to grow and shrink, and deleted
//!   objects leave no zombies;
//! * a default object that has no element at the key position is always an error where it would be
//!   stored;
//! * inserting a list does not stop those who read, nor those who write elsewhere in the table;
//! * inserting into a bag takes the same time whatever the key has already;
//! * `compressed`, `read_concurrency`, `write_concurrency` and `decentralized_counters` are
//!   accepted and reported, and have no effect: there is one engine, and it needs no hints;
//! * memory is counted in bytes ([`Info::memory_words`] has ETS's unit), with everything in it;
//! * `info` has no items `data` and `stats`, and `binary` is empty: no binary is shared;
//! * a full table of atoms is an error, not the end of the process.
//!
//! Still to come: tables in files.
//!
//! What ETS does not have: [leases](Table::lease), monitors of [tables](Owner::monitor_table) and
//! tables of the [store](Store::new_table); [ranges](Table::range), [prefixes](Table::prefix),
//! [cursors](Cursor), [snapshots](Snapshot), [ranks and positions](TableOptions::order_statistics)
//! and [`pop_first`](Table::pop_first) of ordered sets; [`update`] by a closure,
//! [`compare_and_swap`], [`lookup_many`], borrowed reads; [batches](Table::batch) under conditions
//! and [changes watched](Table::watch); guards that narrow a search, [`spec!`], results that are
//! sorted, counted and summed.
//!
//! # Trade-offs
//!
//! * **An object is one block of memory.** Reading touches it once, and small objects are small.
//!   But changing an element copies the whole object: [`update_element`] beside a binary of a
//!   megabyte copies a megabyte. Keep what changes often apart from what is large.
//! * **Counters are the exception**: adding to the same element again and again is done in place.
//!   In exchange, an owned read of such an object copies it; read it in a [view](Table::read).
//! * **An element keeps its object.** A large one that [`lookup_element`] returned, and a part that
//!   [`select`] did, hold the whole object's memory. Small results of [`select`] share theirs, some
//!   hundred at a time.
//! * **Atoms are for ever, and for the process.** There are at most [`Atom::LIMIT`]; do not make
//!   them of what strangers send.
//! * **Limits**: a binary has less than 256 MiB, a tuple at most 16,777,215 elements, a list or map
//!   268,435,455, an object 32 GiB. Beyond is an error.
//! * **A long list holds up writers** to its keys from the first to the last, and so does a batch.
//!   If it need not appear at once, insert it in pieces.
//! * **All writers of a watched table take turns** for some tens of nanoseconds, where their events
//!   get their numbers.
//! * **Hashing needs a seed.** It is random for each store, so that nobody can choose keys that
//!   collide; in exchange, the order of a traversal tells nothing.
//! * **Nothing is on disk**, and no other process sees it.
//!
//! [`insert`]: Table::insert
//! [`insert_new`]: Table::insert_new
//! [`insert_list`]: Table::insert_list
//! [`insert_new_list`]: Table::insert_new_list
//! [`delete`]: Table::delete
//! [`delete_object`]: Table::delete_object
//! [`delete_all_objects`]: Table::delete_all_objects
//! [`delete_table`]: Table::delete_table
//! [`take`]: Table::take
//! [`lookup`]: Table::lookup
//! [`lookup_with`]: Table::lookup_with
//! [`lookup_many`]: Table::lookup_many
//! [`lookup_element`]: Table::lookup_element
//! [`member`]: Table::member
//! [`select`]: Table::select
//! [`select_delete`]: Table::select_delete
//! [`select_replace`]: Table::select_replace
//! [`read`]: Table::read
//! [`update`]: Table::update
//! [`update_counter`]: Table::update_counter
//! [`update_element`]: Table::update_element
//! [`compare_and_swap`]: Table::compare_and_swap
//! [`first`]: Table::first
//! [`first_lookup`]: Table::first_lookup
//! [`next`]: Table::next
//! [`next_lookup`]: Table::next_lookup
//! [`foldl`]: Table::foldl
//! [`foldr`]: Table::foldr
//! [`tab2list`]: Table::tab2list

// Support of tests that unit tests include names the crate as others do.
#[cfg(test)]
extern crate self as ferrets;

mod error;
pub mod ets;
mod matchspec;
mod owner;
mod platform;
mod raw;
mod registry;
mod store;
mod table;
mod term;

pub use error::{Error, ErrorKind, Result};
#[doc(hidden)]
pub use matchspec::build as __specs;
pub use matchspec::{
    FunOptions, KeyPlan, KeyRange, MatchSpec, Plan, Shape, SpecExpr, SpecVariable,
};
pub use owner::{Message, Monitor, Owner, Receive};
/// For the tests only.
#[cfg(ferrets_stress)]
#[doc(hidden)]
pub use platform::{famine, schedule};
pub use store::{Reclamation, Store};
pub use table::{
    Access, Batch, Bounds, Change, Changes, Chunk, Condition, Conflict, Continuation, CounterOp,
    Cursor, Event, Filter, Fixation, Info, Integer, Kind, Outcome, Placed, RangeIter, ReadView,
    SafeFixed, Selection, Snapshot, SnapshotIter, Table, TableOptions, ToBounds, Watch,
    WriteConcurrency,
};
#[doc(hidden)]
pub use term::macros as __macros;
pub use term::{
    Atom, BigRef, BitsRef, DecodeOptions, Elements, Export, FromObject, FromTerm, FunRef, ListRef,
    MapRef, Object, ObjectRef, Objects, ParseOptions, Pid, Port, ReferenceRef, Term, TermRef,
    ToObject, ToTerm, TupleRef, View,
};
#[cfg(feature = "serde")]
pub use term::{Serde, Structs, ToTermOptions, from_term, to_record, to_term};

/// The code of README.md, run with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
