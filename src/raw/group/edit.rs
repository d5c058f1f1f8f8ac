//! Changing a group.

use std::hint::black_box;
use std::ptr::NonNull;
use std::sync::Arc;

use smallvec::SmallVec;

use super::chunks::{Chunks, Directory, Slot, locate};
use super::seen::Seen;
use super::{
    FULL, Group, MAX_SLOTS, Memory, Pending, SMALL, State, digest, free_block, leased_digest,
};
use crate::platform::sync::{AtomicU64, Mutex, Ordering};
use crate::raw::Commit;
use crate::raw::block::{Block, BlockRef};
use crate::raw::reclaim::{Pin, Retired, pin};

/// Numbers of slots.
type Numbers = SmallVec<[u32; 4]>;

/// Objects whose memory is loaded at the same time where many are gone through.
const AHEAD: usize = 16;

/// A group whose writers' lock is held. Everything that is done to it becomes visible at once.
#[derive(Debug)]
pub(crate) struct Edit<'a> {
    group: &'a Group,
    pin: &'a Pin,
    memory: &'a mut Option<Box<Memory>>,
    /// The state to be.
    next: State,
    /// Slots that are dead in it and were not before.
    dying: Numbers,
    /// Bytes of everything but `memory`.
    bytes: usize,
}

impl Group {
    /// Changes the group. What `change` does becomes visible at once: when it returns, or, after
    /// [`prepare`](Self::prepare), with the batch. It must not come back to the group.
    pub(crate) fn edit<R>(&self, pin: &Pin, change: impl FnOnce(&mut Edit<'_>) -> R) -> R {
        let mut memory = self.memory.lock();
        change(&mut Edit::of(self, pin, &mut memory))
    }

    /// Appends an object. O(1).
    pub(crate) fn append(&self, pin: &Pin, block: Block, hash: u64) {
        self.edit(pin, |edit| edit.append(block, hash));
    }

    /// Appends an object unless there is one with that hash for which `eq` holds; `false` then.
    /// O(1) expected.
    pub(crate) fn append_new(
        &self,
        pin: &Pin,
        block: Block,
        hash: u64,
        eq: impl Fn(BlockRef<'_>) -> bool,
    ) -> bool {
        self.edit(pin, |edit| edit.append_new(block, hash, eq))
    }

    /// Deletes all objects with that hash for which `eq` holds; returns how many. O(1) expected
    /// and O(1) for each.
    pub(crate) fn delete(&self, pin: &Pin, hash: u64, eq: impl Fn(BlockRef<'_>) -> bool) -> usize {
        self.edit(pin, |edit| edit.delete(hash, eq))
    }

    /// Deletes all objects for which `keep` does not hold; returns how many. O(n).
    pub(crate) fn retain(&self, pin: &Pin, keep: impl FnMut(BlockRef<'_>) -> bool) -> usize {
        self.edit(pin, |edit| edit.retain(keep))
    }

    /// Fills a group that nobody else has yet with about `count` objects.
    pub(super) fn fill(&self, count: usize, mut objects: impl Iterator<Item = (Block, u32)>) {
        self.edit(&pin(), |edit| {
            if count > SMALL as usize {
                edit.remember(count);
            }
            loop {
                let some: SmallVec<[_; AHEAD]> = objects.by_ref().take(AHEAD).collect();
                if some.is_empty() {
                    return;
                }
                edit.look_up(some.iter().map(|(_, digest)| *digest));
                some.into_iter().for_each(|(block, digest)| edit.push(block, digest));
            }
        });
    }

    /// A compact copy of the group, with the same objects; made to take its place in the index.
    /// What is pending has happened to the copy: it takes the group's place with the same batch.
    /// O(n): one allocation for each 1024 objects, and a count in each block.
    pub(crate) fn rebuild(&self) -> Self {
        let _memory = self.memory.lock();
        let newest = self.newest();
        let alive = self.chunks.walk(newest.len()).filter(|slot| slot.died() == 0);
        // SAFETY: G1, G2: filled and alive, and we hold the lock of those who could kill it.
        let mut alive = alive.map(|slot| (unsafe { block_of(slot) }, slot.digest()));
        let first = alive.next();
        let sample = first.map(|(block, _)| block.to_block());
        let mut alive = first.into_iter().chain(alive);
        let objects = std::iter::from_fn(|| {
            let some: SmallVec<[_; AHEAD]> = alive.by_ref().take(AHEAD).collect();
            // To count in a block waits for its cache line, to read from one does not.
            black_box(some.iter().fold(0, |all, (block, _)| all ^ block.hash()));
            (!some.is_empty()).then_some(some)
        });
        let objects = objects.flatten().map(|(block, digest)| (block.to_block(), digest));
        Self::with_digests(self.hash, sample, newest.alive() as usize, objects)
    }

    /// Lets all changes from now on become visible with a batch: until [`finish`](Self::finish) or
    /// [`cancel`](Self::cancel), readers see the group as it is now, or, if `commit` is committed,
    /// as changed.
    ///
    /// # Panics
    /// If a change is pending with another commit word.
    pub(crate) fn prepare(&self, commit: &Arc<Commit>) {
        let memory = self.memory.lock();
        if let Some(record) = self.record(&memory) {
            assert!(Arc::ptr_eq(&record.commit, commit), "one batch at a time");
            return;
        }
        let before = self.newest();
        let record = Box::new(Pending {
            commit: Arc::clone(commit),
            before,
            after: AtomicU64::new(before.0),
            dying: Mutex::new(Vec::new()),
        });
        // Ordering: Release, both; they pair with the Acquire loads in `visible`: who sees the bit
        // finds this record or a later one, and finds it written.
        self.pending.store(Box::into_raw(record), Ordering::Release);
        self.state.store(before.with_pending().0, Ordering::Release);
    }

    /// Makes the changes of a committed batch the group's state. Does nothing if none is pending.
    ///
    /// # Panics
    /// If the batch is not committed.
    pub(crate) fn finish(&self, pin: &Pin) {
        let mut memory = self.memory.lock();
        let Some(record) = self.record(&memory) else { return };
        assert!(record.commit.is_committed(), "only what was committed can be finished");
        let killed = std::mem::take(&mut *record.dying.lock());
        let mut edit = Edit::of(self, pin, &mut memory);
        edit.dying = killed.into();
        edit.settle();
    }

    /// Takes the changes of a batch back that will never be committed. Does nothing if none is
    /// pending. O(changes).
    ///
    /// # Panics
    /// If the batch is committed.
    pub(crate) fn cancel(&self, pin: &Pin) {
        let mut memory = self.memory.lock();
        let Some(record) = self.record(&memory) else { return };
        assert!(!record.commit.is_committed(), "what was committed is there to stay");
        let (before, killed) = (record.before, std::mem::take(&mut *record.dying.lock()));
        let mut edit = Edit::of(self, pin, &mut memory);
        edit.take_back(before, &killed);
        edit.settle();
    }

    /// What is pending, for who holds the writers' lock and so can show what it guards.
    fn record<'a>(&'a self, _: &'a Option<Box<Memory>>) -> Option<&'a Pending> {
        let record = self.pending.load(Ordering::Relaxed);
        // SAFETY: G4: only the holder of the lock puts it out of use, and not while it is borrowed.
        unsafe { record.as_ref() }
    }

    /// Asserts that the group is whole. O(n).
    #[cfg(test)]
    pub(crate) fn check(&self) {
        let memory = self.memory.lock();
        let newest = self.newest();
        // Relaxed: the lock's last holder stored it.
        let state = State(self.state.load(Ordering::Relaxed));
        match self.record(&memory) {
            Some(record) => {
                assert_eq!(state, record.before.with_pending(), "the record is the state's");
                assert_eq!(newest, record.after(), "the record leads to the newest state");
            }
            None => assert_eq!(state, newest, "all is visible"),
        }
        let mut bytes = size_of::<Self>() + self.chunks.bytes();
        let mut deaths = Vec::new();
        let mut reached = vec![false; newest.len() as usize];
        for (at, slot) in (0..).zip(self.chunks.walk(newest.len())) {
            assert!(slot.block().is_some(), "slot {at} is filled");
            if slot.died() != 0 {
                deaths.push(slot.died());
                continue;
            }
            // SAFETY: G1, G2: filled and alive, and we hold the lock of those who could kill it.
            let block = unsafe { block_of(slot) };
            bytes += block.bytes();
            if let Some(memory) = &*memory {
                if !reached[at as usize] {
                    memory.seen.slots(slot.digest()).for_each(|at| reached[at as usize] = true);
                }
                assert!(reached[at as usize], "slot {at} is remembered");
                if let Some(lease) = block.lease() {
                    let leased = memory.leased.as_ref().expect("there are leases");
                    let mut slots = leased.slots(leased_digest(slot.digest(), lease));
                    assert!(slots.any(|other| other == at), "slot {at} is remembered as leased");
                }
            }
        }
        deaths.sort_unstable();
        assert_eq!(deaths.len(), newest.dead() as usize, "each of the dead was counted");
        for (before, died) in (0..).zip(&deaths) {
            let is_last_with_it = deaths.get(before as usize + 1) != Some(died);
            assert!(!is_last_with_it || *died == before + 1, "as many have died as {died} says");
        }
        match &*memory {
            Some(memory) => {
                memory.seen.check();
                memory.leased.iter().for_each(Seen::check);
                memory.directory.check(&self.chunks);
                bytes += memory.bytes();
            }
            None => assert!(newest.len() <= SMALL, "a large group remembers"),
        }
        for slot in self.chunks.walk(u32::MAX).skip(newest.len() as usize) {
            assert!(slot.block().is_none() && slot.died() == 0, "what is behind is empty");
        }
        assert_eq!(self.weight().bytes, bytes, "all bytes are counted");
    }
}

/// The block of a slot.
///
/// # Safety
/// 1. The slot is filled, and its block is not freed for `'a`.
unsafe fn block_of<'a>(slot: &Slot) -> BlockRef<'a> {
    let raw = slot.block().expect("a filled slot has a block");
    // SAFETY: G1: filled with what `Block::into_raw` gave; 1 of ours.
    unsafe { BlockRef::from_raw(raw) }
}

/// Whether a slot that is filled is dead to writers.
fn is_dead(directory: &Directory, chunks: &Chunks, at: u32) -> bool {
    // SAFETY: G6: whoever calls us has the directory that was made of these chunks.
    let slot = unsafe { directory.slot(chunks, at) };
    slot.expect("a filled slot exists").died() != 0
}

impl<'a> Edit<'a> {
    fn of(group: &'a Group, pin: &'a Pin, memory: &'a mut Option<Box<Memory>>) -> Self {
        let bytes = group.bytes.load(Ordering::Relaxed) - Memory::bytes_of(memory);
        Self { group, pin, memory, next: group.newest(), dying: Numbers::new(), bytes }
    }

    /// Appends an object. O(1).
    pub(crate) fn append(&mut self, block: Block, hash: u64) {
        self.push(block, digest(hash));
    }

    /// Appends an object unless there is one with that hash for which `eq` holds; `false` then.
    /// O(1) expected.
    pub(crate) fn append_new(
        &mut self,
        block: Block,
        hash: u64,
        eq: impl Fn(BlockRef<'_>) -> bool,
    ) -> bool {
        let is_new = !self.contains(hash, eq);
        if is_new {
            self.append(block, hash);
        }
        is_new
    }

    /// Whether there is an object with that hash for which `eq` holds. O(1) expected.
    pub(crate) fn contains(&mut self, hash: u64, eq: impl Fn(BlockRef<'_>) -> bool) -> bool {
        !self.find(digest(hash), 1, eq).is_empty()
    }

    /// Deletes all objects with that hash for which `eq` holds; returns how many. O(1) expected
    /// and O(1) for each.
    pub(crate) fn delete(&mut self, hash: u64, eq: impl Fn(BlockRef<'_>) -> bool) -> usize {
        let found = self.find(digest(hash), usize::MAX, eq);
        if !found.is_empty() {
            self.kill(&found);
            self.forget_dead(digest(hash));
        }
        found.len()
    }

    /// Deletes all objects with that hash that are leased to that owner and for which `eq` holds;
    /// returns how many. O(1) expected and O(1) for each: nobody else's are looked at.
    pub(crate) fn delete_leased(
        &mut self,
        hash: u64,
        lease: u64,
        mut eq: impl FnMut(BlockRef<'_>) -> bool,
    ) -> usize {
        let digest = digest(hash);
        let mut is_it = |slot: &Slot| {
            if slot.died() != 0 || slot.digest() != digest {
                return false;
            }
            // SAFETY: G1, G2: filled and alive; we hold the lock of those who could kill it.
            let block = unsafe { block_of(slot) };
            block.lease() == Some(lease) && eq(block)
        };
        let by_owner = leased_digest(digest, lease);
        let found: Numbers = match self.memory.as_deref() {
            None => {
                let slots = (0..).zip(self.group.chunks.walk(self.next.len()));
                slots.filter(|(_, slot)| is_it(slot)).map(|(at, _)| at).collect()
            }
            Some(memory) => {
                let slots = memory.leased.iter().flat_map(|leased| leased.slots(by_owner));
                slots.filter(|at| is_it(self.filled(*at))).collect()
            }
        };
        // The digests of the objects alone are forgotten when somebody comes across them.
        self.kill(&found);
        self.forget_leased(by_owner);
        found.len()
    }

    /// Deletes all objects for which `keep` does not hold; returns how many. O(n).
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(BlockRef<'_>) -> bool) -> usize {
        let slots = (0..).zip(self.group.chunks.walk(self.next.len()));
        let alive = slots.filter(|(_, slot)| slot.died() == 0);
        let gone: Numbers = alive
            // SAFETY: G1, G2: filled and alive, and we hold the lock of those who could kill it.
            .filter(|(_, slot)| !keep(unsafe { block_of(slot) }))
            .map(|(at, _)| at)
            .collect();
        // Their digests are forgotten when somebody comes across them.
        self.kill(&gone);
        gone.len()
    }

    /// How many objects there are. O(1).
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.next.alive() as usize
    }

    fn slot(&self, at: u32) -> Option<&'a Slot> {
        let chunks = &self.group.chunks;
        match &*self.memory {
            // SAFETY: G6: the directory of this group was made of its chunks.
            Some(memory) => unsafe { memory.directory.slot(chunks, at) },
            None => chunks.slot(at),
        }
    }

    /// A slot that is filled.
    fn filled(&self, at: u32) -> &'a Slot {
        self.slot(at).expect("a filled slot exists")
    }

    /// Fills the next slot.
    fn push(&mut self, block: Block, digest: u32) {
        let at = self.next.len();
        assert!(at < MAX_SLOTS, "{FULL}");
        if at >= SMALL && self.memory.is_none() {
            self.remember(at as usize + 1);
        }
        let slot = self.slot(at).unwrap_or_else(|| {
            let directory = self.memory.as_mut().map(|memory| &mut memory.directory);
            self.bytes += self.group.chunks.extend(locate(at).0, directory);
            self.filled(at)
        });
        self.bytes += block.borrow().bytes();
        if let Some(memory) = &mut *self.memory {
            memory.insert(block.borrow(), digest, at);
        }
        slot.fill(block.into_raw(), digest);
        self.next = State::new(self.next.dead(), at + 1);
    }

    /// Loads what pushing objects with these digests will need, all at the same time.
    fn look_up(&self, digests: impl Iterator<Item = u32>) {
        if let Some(memory) = &*self.memory {
            black_box(digests.fold(0, |all, digest| all ^ memory.seen.glance(digest)));
        }
    }

    /// Begins to keep an index of digests.
    fn remember(&mut self, count: usize) {
        let directory = Directory::of(&self.group.chunks);
        let mut memory = Memory { seen: Seen::with_room(count), leased: None, directory };
        for (at, slot) in (0..).zip(self.group.chunks.walk(self.next.len())) {
            if slot.died() == 0 {
                // SAFETY: G1, G2: filled and alive, and we hold the lock.
                memory.insert(unsafe { block_of(slot) }, slot.digest(), at);
            }
        }
        *self.memory = Some(Box::new(memory));
    }

    /// Up to `most` slots of living objects with that digest for which `eq` holds.
    fn find(&mut self, digest: u32, most: usize, eq: impl Fn(BlockRef<'_>) -> bool) -> Numbers {
        let is_it = |slot: &Slot| {
            slot.died() == 0
                && slot.digest() == digest
                // SAFETY: G1, G2: filled and alive; we hold the lock of those who could kill it.
                && eq(unsafe { block_of(slot) })
        };
        let Some(memory) = &*self.memory else {
            let slots = (0..).zip(self.group.chunks.walk(self.next.len()));
            return slots.filter(|(_, slot)| is_it(slot)).map(|(at, _)| at).take(most).collect();
        };
        let mut dead = 0;
        let found = memory
            .seen
            .slots(digest)
            .filter(|at| {
                let slot = self.filled(*at);
                dead += usize::from(slot.died() != 0);
                is_it(slot)
            })
            .take(most)
            .collect();
        if dead > 0 {
            self.forget_dead(digest);
        }
        found
    }

    /// Marks living objects as dead from the next state on.
    fn kill(&mut self, slots: &[u32]) {
        let dead = self.next.dead() + slots.len() as u32;
        for at in slots {
            let slot = self.filled(*at);
            // SAFETY: G1, G2: filled and alive, and we hold the lock of those who could kill it.
            self.bytes -= unsafe { block_of(slot) }.bytes();
            slot.set_died(dead);
        }
        self.dying.extend_from_slice(slots);
        self.next = State::new(dead, self.next.len());
    }

    /// Takes the dead with that digest out of the index.
    fn forget_dead(&mut self, digest: u32) {
        let chunks = &self.group.chunks;
        if let Some(Memory { seen, directory, .. }) = self.memory.as_deref_mut() {
            seen.forget(digest, |at| is_dead(directory, chunks, at));
        }
    }

    /// Takes the dead with that digest out of the index of what is leased.
    fn forget_leased(&mut self, digest: u32) {
        let chunks = &self.group.chunks;
        if let Some(Memory { leased: Some(leased), directory, .. }) = self.memory.as_deref_mut() {
            leased.forget(digest, |at| is_dead(directory, chunks, at));
        }
    }

    /// Takes dead slots, which are filled, out of all indexes.
    fn forget_all(&mut self, slots: impl Iterator<Item = u32>) {
        let (mut digests, mut leased) = (Numbers::new(), Numbers::new());
        for at in slots {
            let slot = self.filled(at);
            digests.push(slot.digest());
            // SAFETY: G1: filled, and we hold the lock of those who could empty or retire it.
            if let Some(lease) = unsafe { block_of(slot) }.lease() {
                leased.push(leased_digest(slot.digest(), lease));
            }
        }
        for all in [&mut digests, &mut leased] {
            all.sort_unstable();
            all.dedup();
        }
        digests.into_iter().for_each(|digest| self.forget_dead(digest));
        leased.into_iter().for_each(|digest| self.forget_leased(digest));
    }

    /// Revives those of the `killed` that were there `before`, and takes out what was appended
    /// since, which no reader was shown: its slots are filled again, or a batch that is tried again
    /// and again would use them up.
    fn take_back(&mut self, before: State, killed: &[u32]) {
        let appended = before.len()..self.next.len();
        let revived = || killed.iter().copied().filter(|at| *at < before.len());
        for at in appended.clone() {
            let slot = self.filled(at);
            if slot.died() == 0 {
                // SAFETY: G1, G2: filled and alive, and we hold the lock.
                self.bytes -= unsafe { block_of(slot) }.bytes();
            }
            slot.set_died(before.dead() + 1);
        }
        self.forget_all(revived().chain(appended.clone()));
        for at in appended {
            let slot = self.filled(at);
            // SAFETY: G1: filled, and not freed before it is retired.
            let bytes = unsafe { block_of(slot) }.bytes();
            let raw = slot.block().expect("a filled slot has a block");
            slot.empty_again();
            // SAFETY: G1, G3: no reader was shown it, and the slot has given its reference away;
            // blocks are Send.
            self.pin.retire(unsafe { Retired::new(raw, bytes, free_block) });
        }
        for at in revived() {
            let slot = self.filled(at);
            slot.set_died(0);
            // SAFETY: G1, G2: filled and alive in all states that were visible.
            let block = unsafe { block_of(slot) };
            self.bytes += block.bytes();
            if let Some(memory) = &mut *self.memory {
                memory.insert(block, slot.digest(), at);
            }
        }
        self.next = before;
    }

    /// Ends what is pending: the next state is the state.
    fn settle(self) {
        let (group, pin) = (self.group, self.pin);
        let Some(record) = NonNull::new(group.pending.load(Ordering::Relaxed)) else { return };
        // Ordering: Release, both; they pair with the Acquire loads in `visible`: who sees the
        // state sees its slots, and who does not find the record any more finds the state.
        group.state.store(self.next.0, Ordering::Release);
        group.pending.store(std::ptr::null_mut(), Ordering::Release);
        drop(self);
        // SAFETY: G4: out of use as of the last line; who pins from now on finds the state.
        let record =
            unsafe { Retired::new(record.cast(), size_of::<Pending>(), super::free_pending) };
        pin.retire(record);
    }
}

impl Drop for Edit<'_> {
    /// Makes the next state visible, and retires what has died with it.
    fn drop(&mut self) {
        let group = self.group;
        if self.next == group.newest() && self.dying.is_empty() {
            return;
        }
        let bytes = self.bytes + Memory::bytes_of(self.memory);
        group.bytes.store(bytes, Ordering::Relaxed);
        group.newest.store(self.next.0, Ordering::Relaxed);
        if let Some(record) = group.record(self.memory) {
            // Ordering: Release; pairs with the Acquire in `Pending::after`.
            record.after.store(self.next.0, Ordering::Release);
            record.dying.lock().extend_from_slice(&self.dying);
            return;
        }
        // Ordering: Release; pairs with the Acquire in `visible`.
        group.state.store(self.next.0, Ordering::Release);
        for at in &self.dying {
            let slot = self.filled(*at);
            // SAFETY: G1, G2: filled, and not freed before it is retired.
            let bytes = unsafe { block_of(slot) }.bytes();
            let raw = slot.block().expect("a filled slot has a block");
            // SAFETY: G3: dead in the state that was stored above; blocks are Send, and nobody
            // else uses the slot's reference (G2).
            self.pin.retire(unsafe { Retired::new(raw, bytes, free_block) });
        }
    }
}
