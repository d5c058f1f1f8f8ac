//! Groups: the objects of one key of a bag or duplicate_bag.
//!
//! An index has one slot for each key. [`Bagged`] is what it holds there: a block, while the key
//! has one object, or a [`Group`] of several.
//!
//! # One instant
//!
//! A group appends objects to [slots](chunks) that are never used again and never move, and deletes
//! one by marking its slot. One word, the *state*, says what that means:
//!
//! ```text
//!  state | pending | dead | len |      slot | block | died | digest |
//!
//!  alive in a state:  slot number < len, and died is 0 or greater than dead
//! ```
//!
//! `dead` counts the objects deleted so far and so tells states apart. A change fills slots behind
//! `len`, marks slots with a `died` that is greater than `dead`, neither of which anybody can
//! notice,
//! and then stores the next state: that is the instant at which all of it happens. A reader loads
//! the state once, and whatever he reads of the slots afterwards, at whatever pace, gives the
//! group as it was in that state; `len - dead` is how many objects that are. States only grow, so
//! one that comes again, because a batch came to nothing, means what it meant before.
//!
//! # Why a reader may follow what he finds
//!
//! A block is retired after the state in which it is dead was stored. A reader who follows its
//! pointer found it alive in his state, which therefore is an earlier one, and he was pinned when
//! he loaded it: before the block was retired. What is retired outlives his pin (R1). Conversely he
//! follows no pointer whose slot is dead in his state: the mark was made before that state was
//! stored, so who has seen the state (Acquire) sees the mark (G2).
//!
//! # Batches
//!
//! [`Group::prepare`] sets the pending bit of the state and puts a [`Pending`] record beside it:
//! the
//! state before, the state after, and the [`Commit`] word that many groups and slots of the index
//! share. Changes then move only the state after. A reader who finds the bit asks the word, and
//! takes
//! one state or the other; both are complete, so it does not matter if the record is that of a
//! later
//! batch already. If there is none, the batch has ended meanwhile, and he loads the state again.
//! After the decision [`Group::finish`] (or [`Group::cancel`]) makes the record's verdict the
//! state, and only then retires the record and the blocks that have died. The slots that a
//! cancelled batch has filled were in no state that a reader took; they are emptied, to be filled
//! again.
//!
//! A group that has become sparse by what is pending is rebuilt before the decision, and the copy
//! takes its place in the index by the same commit word. The old group is finished or cancelled all
//! the same: who has found it before sees the state before, or the one that the copy begins with.
//!
//! # Writers
//!
//! Everything a writer needs besides the slots is behind a mutex, which is never contended where an
//! index locks the key's bucket anyway. Up to [`SMALL`] slots he looks through all digests (32 bits
//! of each object's hash); from there on he has an index of digests ([`seen`]), with which it takes
//! O(1) to tell whether a bag holds an object, and O(copies) to delete one. What is leased is in an
//! index of its own besides, by digest and owner, so that many who have leased equal objects do not
//! walk over each other's when they end.
//!
//! # What it is bad at
//!
//! A small group costs about 110 bytes besides its blocks, a large one 25 to 35 bytes an object.
//! Deleting leaves holes: [`Group::needs_rebuild`] asks for a compact copy when more than half of
//! the slots are dead. [`Group::rebuild`] costs O(n), some 100 ns an object in a large group, paid
//! once for as many deletions: mostly the count in each living block and the index of digests, both
//! cache misses. While it runs, other writers of the bucket wait; readers do not. A `delete` that
//! picks out single ones of many objects with equal hashes walks along all of these; to delete many
//! of them there is [`Group::retain`]. Objects have no order but that of their insertion, and no
//! number that outlives a rebuild.

mod chunks;
mod edit;
#[cfg(test)]
#[cfg(ferrets_loom)]
#[path = "../tests/loom_group.rs"]
mod loom_group;
mod seen;
#[cfg(test)]
#[cfg(not(ferrets_loom))]
mod tests;

use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use chunks::{Chunks, Directory, Slot, Walk};
use seen::Seen;

use super::block::{Block, BlockRef};
use super::reclaim::{Pin, Reap, Retired};
use super::{Commit, Handle, Weight};
use crate::platform::sync::{AtomicPtr, AtomicU64, AtomicUsize, Mutex, Ordering};

/// Slots up to which a group has no index of digests.
#[cfg(not(ferrets_loom))]
const SMALL: u32 = 16;
#[cfg(ferrets_loom)]
const SMALL: u32 = 3;
/// Slots from which on a group is freed in steps.
const LARGE: u32 = if cfg!(miri) { 48 } else { 1024 };
/// Dead slots that are no reason to rebuild a group.
const FEW_DEAD: u32 = 8;
/// Slots that a state can tell apart.
const MAX_SLOTS: u32 = u32::MAX >> 1;
/// Slots of the largest group that an engine makes: few in tests, which reach them.
const MOST_SLOTS: u32 = if cfg!(test) { 1 << 13 } else { MAX_SLOTS };
const FULL: &str = "a key cannot have more than two thousand million objects";
/// The bit of a pointer that says that it leads to a group (G5).
const MANY: usize = 4;

/// What readers see of a group, in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct State(u64);

impl State {
    const PENDING: u64 = 1 << 63;

    fn new(dead: u32, len: u32) -> Self {
        debug_assert!(dead <= len && len <= MAX_SLOTS, "only what is there can die");
        Self(u64::from(dead) << 32 | u64::from(len))
    }

    /// Slots that were filled.
    fn len(self) -> u32 {
        (self.0 & 0xffff_ffff) as u32
    }

    /// Objects that were deleted.
    fn dead(self) -> u32 {
        (self.0 >> 32) as u32 & MAX_SLOTS
    }

    fn alive(self) -> u32 {
        self.len() - self.dead()
    }

    fn is_pending(self) -> bool {
        self.0 & Self::PENDING != 0
    }

    fn with_pending(self) -> Self {
        Self(self.0 | Self::PENDING)
    }
}

/// A change whose visibility is decided elsewhere.
#[derive(Debug)]
struct Pending {
    commit: Arc<Commit>,
    /// The state if the decision is not taken.
    before: State,
    /// The state if it is.
    after: AtomicU64,
    /// Slots that die with it.
    dying: Mutex<Vec<u32>>,
}

impl Pending {
    fn after(&self) -> State {
        // Ordering: Acquire; pairs with the Release of an edit's end, so that the slots are filled.
        State(self.after.load(Ordering::Acquire))
    }

    fn visible(&self) -> State {
        if self.commit.is_committed() { self.after() } else { self.before }
    }
}

/// What the writer of a large group knows besides.
#[derive(Debug)]
struct Memory {
    seen: Seen,
    /// Which slots hold what was leased, by [`leased_digest`]; once there are some. What has died
    /// is forgotten when somebody comes across it.
    leased: Option<Seen>,
    directory: Directory,
}

impl Memory {
    fn bytes(&self) -> usize {
        let leased = self.leased.as_ref().map_or(0, Seen::bytes);
        size_of::<Self>() + self.seen.bytes() + leased + self.directory.bytes()
    }

    /// Remembers a slot with that block.
    fn insert(&mut self, block: BlockRef<'_>, digest: u32, slot: u32) {
        self.seen.insert(digest, slot);
        if let Some(lease) = block.lease() {
            let leased = self.leased.get_or_insert_with(|| Seen::with_room(0));
            leased.insert(leased_digest(digest, lease), slot);
        }
    }

    /// Frees so many entries' worth of memory, for good; `true` when nothing is left.
    fn shed(&mut self, entries: usize) -> bool {
        self.leased.as_mut().is_none_or(|leased| leased.shed(entries)) && self.seen.shed(entries)
    }

    fn bytes_of(memory: &Option<Box<Self>>) -> usize {
        memory.as_ref().map_or(0, |memory| memory.bytes())
    }
}

/// Several objects of one key, in the order of their insertion.
#[derive(Debug)]
pub(crate) struct Group {
    /// G1, G2: what readers see.
    state: AtomicU64,
    /// G4: the record of the state's pending bit.
    pending: AtomicPtr<Pending>,
    chunks: Chunks,
    /// The state as writers see it: with what is pending.
    newest: AtomicU64,
    bytes: AtomicUsize,
    /// The hash of the key.
    hash: u64,
    /// One of its first objects, dead or alive: all have the same key, and whoever wants only that
    /// need not look for a living one.
    sample: Option<Block>,
    /// Held by writers.
    memory: Mutex<Option<Box<Memory>>>,
}

/// 32 bits of an object's hash, as good at their upper end as at their lower.
fn digest(hash: u64) -> u32 {
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// A digest of what is leased that differs with whom it is there for: equal objects of others do
/// not stand in the way of those of an owner.
fn leased_digest(object: u32, lease: u64) -> u32 {
    digest(lease.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ u64::from(object))
}

/// Frees a block.
///
/// # Safety
/// 1. `raw` came from [`Block::into_raw`], and its reference is not used again.
unsafe fn free_block(raw: NonNull<()>) {
    // SAFETY: 1 of ours.
    drop(unsafe { Block::from_raw(raw) });
}

/// Frees a record.
///
/// # Safety
/// 1. `raw` is a [`Pending`] from `Box` that nobody uses again.
unsafe fn free_pending(raw: NonNull<()>) {
    // SAFETY: 1 of ours.
    drop(unsafe { Box::from_raw(raw.cast::<Pending>().as_ptr()) });
}

impl Group {
    /// Objects of the largest group.
    pub(crate) const MOST: usize = MOST_SLOTS as usize;

    /// A group of objects with their hashes, for a key with that hash. The hash of an object must
    /// be a good one of its whole contents.
    pub(crate) fn new(hash: u64, objects: Vec<(Block, u64)>) -> Self {
        let sample = objects.first().map(|(block, _)| block.clone());
        let count = objects.len();
        let objects = objects.into_iter().map(|(block, hash)| (block, digest(hash)));
        Self::with_digests(hash, sample, count, objects)
    }

    /// As [`new`](Self::new), of about `count` objects with their digests.
    fn with_digests(
        hash: u64,
        sample: Option<Block>,
        count: usize,
        objects: impl Iterator<Item = (Block, u32)>,
    ) -> Self {
        let group = Self {
            state: AtomicU64::new(0),
            pending: AtomicPtr::new(std::ptr::null_mut()),
            chunks: Chunks::new(),
            newest: AtomicU64::new(0),
            bytes: AtomicUsize::new(size_of::<Self>()),
            hash,
            sample,
            memory: Mutex::new(None),
        };
        group.fill(count, objects);
        group
    }

    /// An object that has the group's key, dead or alive. O(1).
    pub(crate) fn sample(&self) -> Option<BlockRef<'_>> {
        self.sample.as_ref().map(Block::borrow)
    }

    /// The hash of the key.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// Objects and bytes, with what is pending: for who changes the group. O(1).
    pub(crate) fn weight(&self) -> Weight {
        let items = self.newest().alive() as usize;
        Weight { items, bytes: self.bytes.load(Ordering::Relaxed) }
    }

    /// Whether so many slots are dead that [`rebuild`](Self::rebuild) pays. O(1).
    pub(crate) fn needs_rebuild(&self) -> bool {
        let newest = self.newest();
        let is_sparse = newest.dead() > FEW_DEAD && newest.dead() > newest.alive();
        let is_near_end = newest.len() > MOST_SLOTS / 8 * 7 && newest.dead() > newest.len() / 8;
        is_sparse || is_near_end
    }

    /// How many objects can be appended, for who keeps others from doing so. O(1).
    pub(crate) fn room(&self) -> usize {
        MOST_SLOTS.saturating_sub(self.newest().len()) as usize
    }

    /// The state as writers see it.
    fn newest(&self) -> State {
        State(self.newest.load(Ordering::Relaxed))
    }

    /// The state as readers see it.
    fn visible(&self, _: &Pin) -> State {
        loop {
            // Ordering: Acquire; pairs with the Release of an edit's end, of `prepare` or of
            // `settle`, so that the state's slots are filled and its dead are marked.
            let state = State(self.state.load(Ordering::Acquire));
            if !state.is_pending() {
                return state;
            }
            // Ordering: Acquire; pairs with the Release in `prepare`, so that the record is
            // written, and in `settle`, so that who finds it gone finds the new state.
            let pending = self.pending.load(Ordering::Acquire);
            // SAFETY: G4: found under a pin.
            if let Some(pending) = unsafe { pending.as_ref() } {
                return pending.visible();
            }
        }
    }

    /// The group as it is now, and will be as long as it is looked at.
    pub(crate) fn snapshot<'a>(&'a self, pin: &'a Pin) -> Snapshot<'a> {
        Snapshot { entry: BagRef::Many(self), state: self.visible(pin) }
    }

    /// The group with what is pending, for who holds the bucket's lock and so keeps others from
    /// changing it.
    pub(crate) fn latest<'a>(&'a self, _: &'a Pin) -> Snapshot<'a> {
        Snapshot { entry: BagRef::Many(self), state: self.newest() }
    }
}

impl Reap for Group {
    fn bytes(&self) -> usize {
        self.weight().bytes
    }

    fn reap(&mut self, budget: usize) -> bool {
        {
            let mut memory = self.memory.lock();
            if memory.as_mut().is_some_and(|memory| !memory.shed(budget)) {
                return false;
            }
            *memory = None;
        }
        let dead = State(self.state.load(Ordering::Relaxed)).dead();
        let mut freed = 0;
        while freed < budget {
            let Some(mut slots) = self.chunks.pop() else {
                release(self.chunks.first_mut(), dead);
                let pending = std::mem::take(&mut self.pending);
                if let Some(pending) = NonNull::new(pending.load(Ordering::Relaxed)) {
                    // SAFETY: G4: in use until now, and we have the group to ourselves.
                    unsafe { free_pending(pending.cast()) };
                }
                return true;
            };
            release(&mut slots, dead);
            freed += slots.len();
        }
        false
    }
}

/// Frees the objects of slots that nobody reads any more, except those that were retired.
fn release(slots: &mut [Slot], dead: u32) {
    for slot in slots {
        let is_ours = slot.lives_at(dead);
        if let Some(raw) = slot.take().filter(|_| is_ours) {
            // SAFETY: G2: not dead in the last state that was stored, so the group's.
            unsafe { free_block(raw) };
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        while !self.reap(usize::MAX) {}
    }
}

/// What an index of a bag or duplicate_bag holds for a key.
pub(crate) struct Bagged {
    /// G5: owns a block, or a boxed group.
    raw: NonNull<()>,
}

/// A borrowed [`Bagged`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum BagRef<'a> {
    One(BlockRef<'a>),
    Many(&'a Group),
}

// SAFETY: G5: it owns what it points at, and that is Send.
unsafe impl Send for Bagged {}
// SAFETY: G5: as above, and Sync.
unsafe impl Sync for Bagged {}

/// The group that a handle's pointer leads to, if it is one.
fn as_group(raw: NonNull<()>) -> Option<NonNull<Group>> {
    if raw.addr().get() & MANY == 0 {
        return None;
    }
    NonNull::new(raw.as_ptr().map_addr(|addr| addr & !MANY)).map(NonNull::cast)
}

impl Bagged {
    /// A key's only object.
    pub(crate) fn one(block: Block) -> Self {
        Self { raw: block.into_raw() }
    }

    /// A key's objects with their hashes; the blocks themselves have the hash of the key.
    ///
    /// # Panics
    /// If there are none.
    pub(crate) fn group(objects: Vec<(Block, u64)>) -> Self {
        let hash = objects.first().expect("a group begins with an object").0.borrow().hash();
        Group::new(hash, objects).into()
    }
}

impl From<Group> for Bagged {
    fn from(group: Group) -> Self {
        const { assert!(align_of::<Group>() > MANY, "its address leaves the bit free") };
        let raw = NonNull::from(Box::leak(Box::new(group))).cast::<()>();
        Self { raw: raw.map_addr(|addr| addr | MANY) }
    }
}

impl Drop for Bagged {
    fn drop(&mut self) {
        match as_group(self.raw) {
            // SAFETY: G5: it has the bit, so it came from `Box` in `from`; ours alone.
            Some(group) => drop(unsafe { Box::from_raw(group.as_ptr()) }),
            // SAFETY: G5: it came from `Block::into_raw`; ours alone.
            None => unsafe { free_block(self.raw) },
        }
    }
}

impl Reap for Bagged {
    fn bytes(&self) -> usize {
        <Self as Handle>::weight(self.borrowed()).bytes
    }

    fn reap(&mut self, budget: usize) -> bool {
        // SAFETY: G5: ours alone.
        as_group(self.raw).is_none_or(|mut group| unsafe { group.as_mut() }.reap(budget))
    }
}

// SAFETY: 1: blocks and groups are aligned to eight bytes, and G5 uses bit two; 2: both wrap the
// pointer; 3: G5, and neither moves nor is freed before its `Bagged` is dropped.
unsafe impl Handle for Bagged {
    type Ref<'a> = BagRef<'a>;

    fn into_raw(self) -> NonNull<()> {
        ManuallyDrop::new(self).raw
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self { raw }
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> BagRef<'a> {
        match as_group(raw) {
            // SAFETY: G5: it has the bit, so it leads to a group; 1 of ours for the lifetime.
            Some(group) => BagRef::Many(unsafe { group.as_ref() }),
            // SAFETY: G5: it came from `Block::into_raw`; 1 of ours for the lifetime.
            None => BagRef::One(unsafe { BlockRef::from_raw(raw) }),
        }
    }

    fn borrowed(&self) -> BagRef<'_> {
        // SAFETY: G5: it came from us and is not taken back while we are borrowed.
        unsafe { Self::borrow(self.raw) }
    }

    fn hash(entry: BagRef<'_>) -> u64 {
        match entry {
            BagRef::One(block) => block.hash(),
            BagRef::Many(group) => group.hash(),
        }
    }

    fn weight(entry: BagRef<'_>) -> Weight {
        match entry {
            BagRef::One(block) => Weight { items: 1, bytes: block.bytes() },
            BagRef::Many(group) => group.weight(),
        }
    }

    unsafe fn retire(raw: NonNull<()>, pin: &Pin) {
        unsafe fn free(raw: NonNull<()>) {
            // SAFETY: R1: called once, when nobody who could reach the entry is left.
            drop(unsafe { Bagged::from_raw(raw) });
        }
        // SAFETY: 1 of ours; the entry is alive until it is freed.
        let entry = unsafe { Self::borrow(raw) };
        if matches!(entry, BagRef::Many(group) if group.newest().len() > LARGE) {
            // SAFETY: 1 of ours; nobody else takes it back.
            return pin.retire_large(Box::new(unsafe { Self::from_raw(raw) }));
        }
        // SAFETY: 1 of ours is 1, and 2, because a `Bagged` is Send.
        pin.retire(unsafe { Retired::new(raw, Self::weight(entry).bytes, free) });
    }
}

impl fmt::Debug for Bagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

impl<'a> BagRef<'a> {
    /// The objects as they are now, and will be as long as they are looked at.
    pub(crate) fn snapshot(self, pin: &'a Pin) -> Snapshot<'a> {
        match self {
            BagRef::One(_) => Snapshot { entry: self, state: State::new(0, 1) },
            BagRef::Many(group) => group.snapshot(pin),
        }
    }
}

/// The objects of a key at one instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot<'a> {
    /// G3: of a group, what is alive in `state` outlives the pin whose lifetime this is.
    entry: BagRef<'a>,
    state: State,
}

impl<'a> Snapshot<'a> {
    /// How many objects. O(1).
    pub(crate) fn len(&self) -> usize {
        self.state.alive() as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The objects, in the order of their insertion.
    pub(crate) fn iter(&self) -> Iter<'a> {
        let source = match self.entry {
            BagRef::One(block) => Source::One(block),
            BagRef::Many(group) => Source::Many(group.chunks.walk(self.state.len())),
        };
        Iter { source, dead: self.state.dead(), left: self.len() }
    }
}

impl<'a> IntoIterator for Snapshot<'a> {
    type Item = BlockRef<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The objects of a [`Snapshot`], in the order of their insertion.
#[derive(Debug)]
pub(crate) struct Iter<'a> {
    source: Source<'a>,
    dead: u32,
    left: usize,
}

#[derive(Debug)]
enum Source<'a> {
    One(BlockRef<'a>),
    Many(Walk<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = BlockRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<BlockRef<'a>> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.source {
            Source::One(block) => Some(*block),
            Source::Many(walk) => {
                let slot = walk.find(|slot| slot.lives_at(self.dead))?;
                let raw = slot.block().expect("a slot within the state is filled");
                // SAFETY: G1, G3: filled, alive in the state of the snapshot, which is pinned.
                Some(unsafe { BlockRef::from_raw(raw) })
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
