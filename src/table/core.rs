//! What all handles of a table share, and the checks that every operation begins with.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::engine::Engine;
use super::fixation::Fixations;
use super::kind::{Access, Kind};
use super::options::TableOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::raw::block::{Block, Extra};
use crate::raw::hash::Refused;
use crate::raw::reclaim::Pin;
use crate::term::{
    Arena, Atom, KeyHasher, Object, ObjectRef, Pid, ReferenceRef, Term, TermRef, ToObject, ToTerm,
    Word, head, new_block, special_block,
};

/// Who acts: the number of an owner, or [`NOBODY`].
pub(crate) type OwnerId = u64;

/// The store: it owns what is to outlive all owners. Who acts for it may do what anyone may, and
/// everything with that.
pub(crate) const NOBODY: OwnerId = 0;

/// The number that no owner gets.
pub(crate) const STRANGER: OwnerId = OwnerId::MAX;

/// The last number of the references that are ids of tables, and of those that are monitors.
const TABLE_MARK: u32 = 0xe75;
const MONITOR_MARK: u32 = 0xd04;

/// The bit of the state of a table that has ended. The access that it had stays with it.
const GONE: u8 = 4;

/// The shared part of a table.
pub(crate) struct TableCore {
    pub(crate) id: u64,
    /// The owner and the state may change while others work; each operation looks once, at
    /// its beginning. The owner lives, or the table is gone: see the registry, which alone sets it.
    owner: AtomicU64,
    /// An [`Access`], with [`GONE`].
    state: AtomicU8,
    /// An atom's index.
    name: AtomicU32,
    pub(crate) options: TableOptions,
    pub(crate) hasher: KeyHasher,
    pub(crate) engine: Engine,
    pub(crate) fixations: Mutex<Fixations>,
    /// Whether any fixation exists, for those who need only that.
    pub(crate) fixed: AtomicBool,
    /// Whether somebody wants to see the leased objects that go with their owners.
    pub(crate) leases_watched: AtomicBool,
}

/// Not what it holds, nor what its hasher must keep to itself.
impl fmt::Debug for TableCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, kind) = (self.name(), self.options.kind);
        let mut debug = f.debug_struct("Table");
        debug.field("id", &self.id).field("name", &name.name()).field("kind", &kind);
        debug.finish_non_exhaustive()
    }
}

/// A key with its hash, or with its head in an ordered table.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) term: TermRef<'a>,
    pub(crate) hash: u64,
}

/// What an operation wants to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Read,
    Write,
    Own,
}

impl TableCore {
    pub(crate) fn new(
        id: u64,
        name: Atom,
        owner: OwnerId,
        options: TableOptions,
        hasher: KeyHasher,
    ) -> Result<Self> {
        let engine = Engine::new(&options, &hasher)?;
        Ok(Self {
            id,
            owner: AtomicU64::new(owner),
            state: AtomicU8::new(options.access as u8),
            name: AtomicU32::new(name.index()),
            options,
            hasher,
            engine,
            fixations: Mutex::new(Fixations::default()),
            fixed: AtomicBool::new(false),
            leases_watched: AtomicBool::new(false),
        })
    }

    pub(crate) fn name(&self) -> Atom {
        // Ordering: Relaxed; an atom's record was published when it was made.
        Atom::from_index(self.name.load(Ordering::Relaxed))
    }

    pub(crate) fn set_name(&self, name: Atom) {
        self.name.store(name.index(), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn owner(&self) -> OwnerId {
        self.owner.load(Ordering::Relaxed)
    }

    /// Changes the owner. Only under the registry's lock, and to one who lives.
    pub(crate) fn set_owner(&self, owner: OwnerId) {
        self.owner.store(owner, Ordering::Relaxed);
    }

    pub(crate) fn access(&self) -> Access {
        match self.state() & !GONE {
            0 => Access::Public,
            1 => Access::Protected,
            _ => Access::Private,
        }
    }

    #[inline]
    fn state(&self) -> u8 {
        // Ordering: Acquire; pairs with the Release of whoever set it.
        self.state.load(Ordering::Acquire)
    }

    /// Changes who may do what, unless the table has ended.
    pub(crate) fn set_access(&self, access: Access) {
        // Ordering: Release, Acquire; pair with those of the other two that touch the state.
        let _ = self.state.fetch_update(Ordering::Release, Ordering::Acquire, |state| {
            (state & GONE == 0).then_some(access as u8)
        });
    }

    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        self.state() & GONE != 0
    }

    /// Ends the table: `false` if somebody else has done so.
    pub(crate) fn set_gone(&self) -> bool {
        // Ordering: AcqRel; Release pairs with the Acquire in `state`; Acquire with the Release
        // of whoever was first.
        self.state.fetch_or(GONE, Ordering::AcqRel) & GONE == 0
    }

    /// Checks that the table exists and that `who` may do what he wants, in this order.
    #[inline]
    pub(crate) fn check(&self, who: OwnerId, need: Need) -> Result<()> {
        let state = self.state();
        let anyone = match need {
            Need::Read => Access::Protected as u8,
            Need::Write => Access::Public as u8,
            Need::Own => return self.check_owner(who, need),
        };
        if state <= anyone { Ok(()) } else { self.check_owner(who, need) }
    }

    /// Checks that `who` may see what was told of the table, also when it has ended meanwhile.
    #[inline]
    pub(crate) fn check_told(&self, who: OwnerId) -> Result<()> {
        if self.access() != Access::Private || who == self.owner() {
            return Ok(());
        }
        Err(self.denied())
    }

    #[inline(never)]
    fn check_owner(&self, who: OwnerId, need: Need) -> Result<()> {
        if who == self.owner() && !self.is_gone() { Ok(()) } else { Err(self.refusal(need)) }
    }

    #[cold]
    fn refusal(&self, need: Need) -> Error {
        if self.is_gone() {
            return self.no_such_table();
        }
        let (name, owner) = (self.name(), self.owner());
        match need {
            Need::Own => Error::new(
                ErrorKind::NotOwner,
                format!("table `{}` is owned by owner {owner}, who alone may do this", name.name()),
            ),
            Need::Read | Need::Write => self.denied(),
        }
    }

    #[cold]
    fn denied(&self) -> Error {
        let (name, owner, access) = (self.name(), self.owner(), self.access());
        let message = format!("table `{}` is {access} and owned by owner {owner}", name.name());
        Error::new(ErrorKind::AccessDenied, message)
    }

    #[cold]
    pub(crate) fn no_such_table(&self) -> Error {
        let name = self.name();
        Error::new(ErrorKind::NoSuchTable, format!("table `{}` has been deleted", name.name()))
    }

    #[cold]
    pub(crate) fn no_such_key(&self, key: TermRef<'_>) -> Error {
        let name = self.name();
        Error::new(ErrorKind::NoSuchKey, format!("table `{}` has no key {key}", name.name()))
    }

    #[cold]
    pub(crate) fn wrong_kind(&self, what: &str) -> Error {
        let (name, kind) = (self.name(), self.options.kind);
        let message = format!("table `{}` is a {kind}: {what} needs a set", name.name());
        Error::new(ErrorKind::WrongKind, message)
    }

    #[cold]
    pub(crate) fn not_ordered(&self, what: &str) -> Error {
        let (name, kind) = (self.name(), self.options.kind);
        let message = format!("table `{}` is a {kind}: {what} needs an ordered_set", name.name());
        Error::new(ErrorKind::WrongKind, message)
    }

    /// The error of an operation that needs [order statistics](TableOptions::order_statistics).
    #[cold]
    pub(crate) fn not_counted(&self, what: &str) -> Error {
        let name = self.name();
        let message = format!(
            "table `{}` was made without order_statistics, which {what} needs",
            name.name()
        );
        Error::new(ErrorKind::WrongKind, message)
    }

    /// The error of an engine that did not do what it was told.
    #[cold]
    pub(crate) fn refused(&self, refused: Refused) -> Error {
        match refused {
            Refused::Closed => self.no_such_table(),
            Refused::NoMemory => {
                Error::limit(format!("no memory for table `{}` to grow", self.name().name()))
            }
            Refused::Full => {
                let most = crate::raw::group::Group::MOST;
                let name = self.name();
                let message = format!(
                    "a key of table `{}` cannot have more than {most} objects",
                    name.name()
                );
                Error::limit(message)
            }
        }
    }

    /// What the index finds a key by: its hash, or its head in an ordered table.
    #[inline]
    pub(crate) fn digest(&self, key: TermRef<'_>) -> u64 {
        match self.options.kind {
            Kind::OrderedSet => head(key),
            Kind::Set | Kind::Bag | Kind::DuplicateBag => self.hasher.hash(key),
        }
    }

    /// Whether two keys are the same to this table.
    pub(crate) fn same_key(&self, a: TermRef<'_>, b: TermRef<'_>) -> bool {
        match self.options.kind {
            Kind::OrderedSet => a.equals(b),
            Kind::Set | Kind::Bag | Kind::DuplicateBag => a == b,
        }
    }

    #[inline]
    pub(crate) fn key<'a>(&self, term: TermRef<'a>) -> Key<'a> {
        Key { term, hash: self.digest(term) }
    }

    /// The only object of a key in a set, the first in a bag.
    #[inline(always)]
    pub(crate) fn first<'p>(
        &self,
        pin: &'p Pin,
        key: &impl ToTerm,
    ) -> Result<Option<ObjectRef<'p>>> {
        match (key.immediate(), &self.engine) {
            (Some(word), Engine::Set(set)) => {
                Ok(set.get_word(pin, word, self.hasher.hash_word(word)))
            }
            _ => self.first_of_any(pin, key),
        }
    }

    #[inline(never)]
    fn first_of_any<'p>(&self, pin: &'p Pin, key: &impl ToTerm) -> Result<Option<ObjectRef<'p>>> {
        key.with(|key| self.engine.first_of(pin, self.key(key)))
    }

    /// Makes a block of an object, with the hash of its key.
    #[inline]
    pub(crate) fn block(&self, object: &impl ToObject) -> Result<Block> {
        if let Some(object) = object.as_object() {
            return self.block_of_object(object);
        }
        let mut arena = Arena::new();
        let arity = object.put_object(&mut arena)?;
        self.block_of_arena(&arena, arity)
    }

    fn block_of_object(&self, object: &Object) -> Result<Block> {
        self.check_arity(object.arity(), || object.as_term().to_string())?;
        let key = object.element(self.options.keypos).expect("checked just now");
        let hash = self.digest(key);
        if object.block().borrow().hash() == hash && !object.block().borrow().is_leased() {
            return Ok(object.block().clone());
        }
        new_block(hash, object.arity(), object.words())
    }

    /// Makes a block of an object that is leased to an owner.
    pub(crate) fn leased_block(&self, object: &impl ToObject, owner: OwnerId) -> Result<Block> {
        let mut arena = Arena::new();
        let arity = object.put_object(&mut arena)?;
        let key = self.key_of_arena(&arena, arity)?;
        special_block(key.hash, arity, arena.words(), Extra { cell: None, lease: Some(owner) })
    }

    /// Makes a block of the arena, whose first words are those of the `arity` elements.
    pub(crate) fn block_of_arena(&self, arena: &Arena, arity: usize) -> Result<Block> {
        let key = self.key_of_arena(arena, arity)?;
        new_block(key.hash, arity, arena.words())
    }

    /// The key of the object in an arena.
    #[inline(always)]
    pub(crate) fn key_of_arena<'a>(&self, arena: &'a Arena, arity: usize) -> Result<Key<'a>> {
        self.check_arity(arity, || arena.root_tuple(arity).to_string())?;
        Ok(self.key(arena.view(Word(arena.words()[self.options.keypos - 1]))))
    }

    #[inline]
    fn check_arity(&self, arity: usize, object: impl FnOnce() -> String) -> Result<()> {
        let keypos = self.options.keypos;
        if arity >= keypos { Ok(()) } else { Err(self.too_short(&object())) }
    }

    #[cold]
    fn too_short(&self, object: &str) -> Error {
        let (name, keypos) = (self.name(), self.options.keypos);
        Error::new(
            ErrorKind::ObjectTooShort,
            format!("table `{}` has its keys at position {keypos}, {object} has none", name.name()),
        )
    }

    /// Makes a block of an object whose key element is `key` instead of its own.
    pub(crate) fn block_with_key(&self, object: &impl ToObject, key: Key<'_>) -> Result<Block> {
        let mut arena = Arena::new();
        let arity = object.put_object(&mut arena)?;
        self.check_arity(arity, || arena.root_tuple(arity).to_string())?;
        let word = arena.copy(key.term)?;
        arena.set(self.options.keypos - 1, word);
        let mut compact = Arena::new();
        let arity = arena.root_tuple(arity).put_object(&mut compact)?;
        new_block(key.hash, arity, compact.words())
    }

    /// Whether anybody has fixed the table.
    pub(crate) fn is_fixed(&self) -> bool {
        // Ordering: Acquire; pairs with the Release in `change_fixations`.
        self.fixed.load(Ordering::Acquire)
    }

    /// Changes who has fixed the table. Only under the registry's lock, for reading at least: so
    /// nobody ends in between, nor the table.
    pub(crate) fn change_fixations<R>(&self, change: impl FnOnce(&mut Fixations) -> R) -> R {
        let mut fixations = self.fixations.lock();
        let result = change(&mut fixations);
        // Ordering: Release; pairs with the Acquire in `is_fixed`: a table that was released
        // because it is gone is seen to be gone.
        self.fixed.store(fixations.is_fixed(), Ordering::Release);
        result
    }

    /// Bytes that the table takes, all told.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.engine.weight().bytes
    }
}

/// An owner of a store as a pid.
pub(crate) fn owner_pid(store: u32, owner: OwnerId) -> Pid {
    Pid { node: Atom::NO_NODE, id: owner as u32, serial: (owner >> 32) as u32, creation: store }
}

/// The owner of a store that a pid names, whether there is one or not.
pub(crate) fn owner_of_pid(store: u32, pid: Pid) -> Option<OwnerId> {
    let is_ours = pid.node == Atom::NO_NODE && pid.creation == store;
    is_ours.then(|| OwnerId::from(pid.id) | OwnerId::from(pid.serial) << 32)
}

/// The number in a reference that is a table's id, of whatever store.
pub(crate) fn id_of_term(reference: ReferenceRef<'_>) -> Option<u64> {
    let mut ids = reference.ids();
    let number = u64::from(ids.next()?) | u64::from(ids.next()?) << 32;
    (ids.next() == Some(TABLE_MARK) && ids.next().is_none()).then_some(number)
}

/// A table's id as a reference.
pub(crate) fn id_term(store: u32, id: u64) -> Term {
    reference(store, id, TABLE_MARK)
}

/// A monitor as a reference.
pub(crate) fn monitor_term(store: u32, number: u64) -> Term {
    reference(store, number, MONITOR_MARK)
}

fn reference(store: u32, number: u64, mark: u32) -> Term {
    Term::reference(Atom::NO_NODE, store, &[number as u32, (number >> 32) as u32, mark])
        .expect("three numbers make a reference")
}
