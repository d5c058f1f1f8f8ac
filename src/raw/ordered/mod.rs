//! The ordered index: a B-link tree whose nodes are read without locks.
//!
//! ```text
//! Tree -> Root -> inner: [head | child; 64] -> ... -> leaf: [head | entry; 63] -> entry
//! ```
//!
//! **Heads.** The tree knows no keys. Whoever searches brings a *head*, eight bytes that never
//! decrease as keys increase, and a closure that compares an entry's key with the one searched
//! for. Nodes hold the heads of their entries, so a search compares words that lie side by side
//! and looks at an entry only where heads tie. A head whose lowest bit is set ([`EXACT`]) belongs
//! to one key: a search for such a key looks at no entry at all before it has found it. Where keys
//! begin alike, nodes hold heads *at a depth*, from where on they differ: see [`node`].
//!
//! **Nodes** are large, [`SLOTS`](node) entries, because a search costs as many cache misses
//! *after one another* as the tree has levels, while all lines of one node load at the same time:
//! they are all asked for as soon as the node's address is known (Mao, Kohler, Morris, *Cache
//! craftiness for fast multicore key-value storage*, EuroSys 2012).
//!
//! **Readers** take no lock, write nothing that is shared, and hold no node. They read a node, see
//! that it was not moved about meanwhile, and go on; [`node`] says how. All fields are atomic, so
//! what is read too early is a wrong value at worst, never an undefined one; and every pointer that
//! is in a node leads to something that is alive.
//!
//! **Writers** lock the leaf, and, when it splits, its parent after it. A node and what was split
//! off it are linked before the parent knows, and a node has a fence: who comes through an old
//! parent goes on to the right (Lehman, Yao, *Efficient locking for concurrent operations on
//! B-trees*, TODS 1981). Locks are taken from low levels to high ones, and from left to right on a
//! level, so nobody waits in a circle.
//!
//! **Sparse neighbours** merge to the left (Lanin, Shasha, *A symmetric concurrent B-tree
//! algorithm*, FJCC 1986), if they have one parent. So the lower end of a node's keys never changes
//! as long as it lives, and only its upper end has a fence. A node that was merged away is marked
//! as dead; who finds himself in one begins again at the root, which does not lead there any more.
//!
//! **Order of visits.** A scan takes a leaf at a time, all of it at one instant, and goes on where
//! its fence was: what is there throughout is met once, whatever splits and merges.
//!
//! **Writers against clearing**: as in the hash index. `clear` swaps the root and does not wait.
//! A writer that holds a lock checks that the root is still the one it came through; if the root
//! is swapped after that, its write goes to the old tree, as if it had come just before.
//!
//! **Snapshots**: see [`snapshot`]. All writers go in through a gate of the root before they lock a
//! leaf, which is two steps on a line that they write to anyway, and copy leaves before they change
//! them while there is a snapshot that has not got them.
//!
//! **Order statistics**, in trees that are made so: see [`rank`].
//!
//! # What it is bad at
//!
//! Keys that all begin alike, at the root and on the way to the first and the last leaf: anything
//! may come there, so those nodes have no depth, their heads tie, and each step of a search looks
//! at an entry. Points only: a hash index needs one line where this needs one node a level. A
//! reader of a leaf that is just being moved about waits for it, some tens of nanoseconds, or until
//! the writer runs again if the system has stopped it just there. The leaf that all writers append
//! to is one lock.

mod batch;
mod node;
mod pages;
mod rank;
mod shape;
mod snapshot;

use std::cmp::Ordering as Order;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

pub(crate) use batch::Batch;
pub(crate) use batch::SeekAll;
pub(crate) use node::{EXACT, Seek, shifted};
use node::{Locked, Node, SLOTS, Target, Version, Word};
use pages::{Edge, Same};
pub(crate) use pages::{Limit, Pages, Walk};
pub(crate) use snapshot::Snapshot;
use snapshot::Snapshots;

use super::reclaim::{Pin, Reap, Retired};
use super::totals::{Delta, Inside, Totals};
use super::watch::{Hub, Interest};
use super::{Change, Handle, Refused, Weight, prefetch};
use crate::platform::sync::{AtomicPtr, AtomicUsize, Ordering};
use crate::platform::wake::Wake;

/// An entry that can be owned by more than one: by the tree, and by separators and fences that
/// tell its key from its neighbour's.
pub(crate) trait Share: Handle {
    /// One more owner.
    fn share(entry: Self::Ref<'_>) -> Self;

    /// Whether it has another owner than the one that the caller knows of.
    fn is_shared(entry: Self::Ref<'_>) -> bool;
}

/// How the tree comes to the head of an entry at a depth.
pub(crate) struct Heads<H: Handle> {
    /// Is given the entry, `which` and the depth. At none, it gives the entry's hash.
    pub(crate) at: fn(H::Ref<'_>, usize, u32) -> u64,
    /// Says to `at` what it needs to know of the tree.
    pub(crate) which: usize,
}

impl<H: Handle> Clone for Heads<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Handle> Copy for Heads<H> {}

impl<H: Handle> Heads<H> {
    fn head_at(&self, entry: H::Ref<'_>, depth: u32) -> u64 {
        (self.at)(entry, self.which, depth)
    }
}

impl<H: Handle> fmt::Debug for Heads<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heads").field("which", &self.which).finish_non_exhaustive()
    }
}

/// A concurrent index of entries in the order of their keys.
#[derive(Debug)]
pub(crate) struct Tree<H: Share> {
    root: AtomicPtr<Root<H>>,
    interest: Interest,
    handles: PhantomData<H>,
}

/// What a tree is between two clearings.
#[derive(Debug)]
struct Root<H: Share> {
    /// The node above all others.
    top: AtomicPtr<Node>,
    /// With the gate that all writers go through.
    totals: Totals,
    closed: bool,
    /// Whether inner nodes count what lies below them, see [`rank`].
    counts: bool,
    /// Without it, nodes have no depth.
    heads: Option<Heads<H>>,
    /// O3: the tree, as long as this is its root, and snapshots.
    owners: AtomicUsize,
    snapshots: Snapshots<H>,
}

/// Tells loom that the root is freed: whoever looked at it must have done so before.
#[cfg(ferrets_loom)]
impl<H: Share> Drop for Root<H> {
    fn drop(&mut self) {
        self.top.with_mut(|_| ());
        self.owners.with_mut(|_| ());
    }
}

impl<H: Share> Root<H> {
    fn new(closed: bool, counts: bool, heads: Option<Heads<H>>, life: u64) -> Option<Box<Self>> {
        let top = AtomicPtr::new(Node::alloc(0, counts)?.as_ptr());
        let totals = Totals::new(life);
        totals.add(Delta::bytes((Node::leaf_bytes() + size_of::<Self>()) as i64));
        let (owners, snapshots) = (AtomicUsize::new(1), Snapshots::new());
        Some(Box::new(Self { top, totals, closed, counts, heads, owners, snapshots }))
    }

    /// One more owner, if there is any.
    fn share(&self) -> bool {
        let more = |owners: usize| (owners > 0).then_some(owners + 1);
        // Ordering: Relaxed; a share is taken under a pin, and given up by a Release.
        self.owners.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Gives up the share of an owner; the last one gets all that there is to free.
    fn release(root: NonNull<Self>) -> Option<Grave<H>> {
        // SAFETY: O3: the caller has a share.
        let this = unsafe { root.as_ref() };
        // Ordering: AcqRel; Release for what this owner did, Acquire for what all others did.
        let last = this.owners.fetch_sub(1, Ordering::AcqRel) == 1;
        last.then(|| Grave::new(root.as_ptr()))
    }

    #[inline]
    fn top<'p>(&self, _: &'p Pin) -> &'p Node {
        // Ordering: Acquire; pairs with the Release of whoever stored it: the node is seen whole.
        let top = self.top.load(Ordering::Acquire);
        // SAFETY: O2: loaded under the pin.
        unsafe { &*top }
    }

    fn set_top(&self, top: *mut Node) {
        // Ordering: Release; pairs with the Acquire in `top`.
        self.top.store(top, Ordering::Release);
    }

    /// The node of a level that the target belongs to, at a version, which the caller has to
    /// compare when he has read what he wants of it; `None` if the tree is lower than that.
    #[inline]
    fn descend<'p>(
        &self,
        pin: &'p Pin,
        level: u32,
        target: &impl Target<H>,
    ) -> Option<(&'p Node, Version)> {
        let (mut node, mut bound) = (self.top(pin), std::ptr::null_mut());
        loop {
            if node.level() < level {
                return None;
            }
            let version = node.begin();
            let (mut next, mut below) = (std::ptr::null_mut(), bound);
            if node.is_before_below(target, bound) {
                next = node.next();
            } else if node.level() > level {
                let at = node.child_of(target);
                next = node.child(at);
                node.prefetch_below(next);
                if !target.is_exact() {
                    below = node.bound(at);
                }
            } else if !version.is_dead() {
                return Some((node, version));
            }
            if version.is_dead() {
                (node, bound) = (self.top(pin), std::ptr::null_mut());
            } else if node.is_unchanged(version) {
                // SAFETY: O2: found in a node that was alive, under the pin.
                node = unsafe { &*next };
                bound = below;
            }
        }
    }
}

/// A root, and the right to write to it.
struct Entered<'p, H: Share> {
    root: &'p Root<H>,
    _inside: Inside<'p>,
}

impl<H: Share> std::ops::Deref for Entered<'_, H> {
    type Target = Root<H>;

    fn deref(&self) -> &Root<H> {
        self.root
    }
}

/// Where a key belongs, found under a pin before anything of it was read.
///
/// If the tree is cleared later, it shows what was there just before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot<'p> {
    leaf: &'p Node,
}

impl Spot<'_> {
    /// Starts loading the entry with that head, if there is one.
    #[inline]
    pub(crate) fn prefetch_entry<H: Handle>(self, head: u64, order: impl Seek<H>) {
        let head = self.leaf.head_of(head, &order);
        let at = self.leaf.lower_bound(head);
        if at < SLOTS && self.leaf.head(at) == head {
            prefetch(self.leaf.word(at).address());
        }
    }
}

/// The place of a key.
struct At<'k, O> {
    head: u64,
    order: &'k O,
}

impl<H: Handle, O: Seek<H>> Target<H> for At<'_, O> {
    #[inline]
    fn head(&self) -> u64 {
        self.head
    }

    #[inline]
    fn head_at(&self, depth: u32) -> u64 {
        self.order.head_at(self.head, depth)
    }

    #[inline]
    fn is_behind(&self, entry: H::Ref<'_>) -> bool {
        self.order.order(entry) != Order::Greater
    }

    #[inline]
    fn is_exact(&self) -> bool {
        O::IS_EXACT
    }
}

impl<H: Share> Tree<H> {
    /// An empty tree, which counts what lies where if it is told to; `None` without memory. Without
    /// `heads`, keys that begin alike are compared with each other.
    pub(crate) fn new(counts: bool, heads: Option<Heads<H>>) -> Option<Self> {
        let root = AtomicPtr::new(Box::into_raw(Root::new(false, counts, heads, 0)?));
        Some(Self { root, interest: Interest::new(), handles: PhantomData })
    }

    /// Who wants to hear of changes.
    pub(crate) fn interest(&self) -> &Interest {
        &self.interest
    }

    #[inline]
    fn current(&self) -> *mut Root<H> {
        // Ordering: Acquire; pairs with the Release of whoever stored the root.
        self.root.load(Ordering::Acquire)
    }

    #[inline]
    fn root<'p>(&self, _: &'p Pin) -> &'p Root<H> {
        // SAFETY: O3: loaded under the pin, so alive as long as it.
        unsafe { &*self.current() }
    }

    #[inline]
    fn is_current(&self, root: &Root<H>) -> bool {
        std::ptr::eq(self.current(), root)
    }

    /// The entry with that head whose key `order` calls equal; `order` says how an entry's key
    /// stands to the one looked for.
    #[inline]
    pub(crate) fn get<'p>(
        &self,
        pin: &'p Pin,
        head: u64,
        order: impl Seek<H>,
    ) -> Option<H::Ref<'p>> {
        let root = self.root(pin);
        let target = At { head, order: &order };
        loop {
            let Some((leaf, version)) = root.descend(pin, 0, &target) else { continue };
            if let Some(found) = Self::find_in(leaf, version, head, &order) {
                return found;
            }
        }
    }

    /// The entry with that key in the leaf that it belongs to; `None` if things have been moved
    /// about there since `version`. The leaf is borrowed for a pin.
    #[inline(always)]
    fn find_in<'p>(
        leaf: &'p Node,
        version: Version,
        head: u64,
        order: &impl Seek<H>,
    ) -> Option<Option<H::Ref<'p>>> {
        let found = leaf.find(head, order).ok().map(|at| leaf.word(at));
        if !leaf.is_unchanged(version) {
            return None;
        }
        // SAFETY: O2: found in a leaf under the pin whose lifetime this is.
        Some(found.and_then(Word::visible).map(|raw| unsafe { H::borrow(raw) }))
    }

    /// The entry behind a key, or the last one before it, whether the key is there or not. `None`
    /// if it takes a walk to tell: where a leaf ends, or while a batch changes what is there.
    #[inline]
    pub(crate) fn beside<'p>(
        &self,
        pin: &'p Pin,
        head: u64,
        order: impl Seek<H>,
        back: bool,
    ) -> Option<H::Ref<'p>> {
        let target = At { head, order: &order };
        let (leaf, version) = self.root(pin).descend(pin, 0, &target)?;
        let at = leaf.position(head, !back, &order);
        let at = if back { at.checked_sub(1)? } else { at };
        if at >= leaf.count() {
            return None;
        }
        let word = leaf.word(at);
        // Who walks on comes to that one next.
        let further = if back { at.saturating_sub(1) } else { (at + 1).min(SLOTS - 1) };
        prefetch(leaf.word(further).address());
        if !leaf.is_unchanged(version) || word.as_pending().is_some() {
            return None;
        }
        // SAFETY: O2: found in a leaf under the pin whose lifetime this is.
        word.raw().map(|raw| unsafe { H::borrow(raw) })
    }

    /// Where a key belongs whose head no other has, starting to load it.
    #[inline]
    pub(crate) fn spot<'p>(&self, pin: &'p Pin, head: u64, order: impl Seek<H>) -> Spot<'p> {
        Spot { leaf: self.leaf_of(pin, head, &order) }
    }

    /// As [`get`](Self::get), where the key belongs.
    #[inline]
    pub(crate) fn get_at<'p>(
        &self,
        pin: &'p Pin,
        Spot { leaf }: Spot<'p>,
        head: u64,
        order: impl Seek<H>,
    ) -> Option<H::Ref<'p>> {
        let version = leaf.begin();
        // Its lower end is where it was.
        if !version.is_dead() && !leaf.is_before(&At { head, order: &order }) {
            if let Some(found) = Self::find_in(leaf, version, head, &order) {
                return found;
            }
        }
        self.get(pin, head, order)
    }

    /// The leaf that a key belongs to whose head no other has, starting to load it.
    fn leaf_of<'p>(&self, pin: &'p Pin, head: u64, order: &impl Seek<H>) -> &'p Node {
        let mut node = self.root(pin).top(pin);
        while node.level() > 0 {
            let version = node.begin();
            let head = node.head_of(head, order);
            let at = node.lower_bound(head);
            let child = node.child(at + usize::from(node.head(at) == head));
            if !node.is_unchanged(version) {
                continue;
            }
            Node::prefetch(child);
            // SAFETY: O2: found in a node that was not being changed, under the pin.
            node = unsafe { &*child };
        }
        node
    }

    /// Changes the entry of a key, as `change` says of it, while no other write to its leaf goes
    /// on. `order` is as in [`get`](Self::get). `change` is called once, must not block and must
    /// not call the tree.
    ///
    /// If somebody wants to hear of it, `tell` is called when the change is visible, under the same
    /// conditions, with the life of the tree and the entries before and after.
    pub(crate) fn write<R>(
        &self,
        pin: &Pin,
        head: u64,
        order: impl Seek<H>,
        change: impl FnOnce(Option<H::Ref<'_>>) -> (Change<H>, R),
        tell: impl FnOnce(u64, Option<H::Ref<'_>>, Option<H::Ref<'_>>) -> Wake,
    ) -> Result<R, Refused> {
        let (result, _) = self.change(pin, (head, false), order, |old, _| change(old), tell)?;
        Ok(result)
    }

    /// As [`write`](Self::write); says too how many entries lie before the key, if the tree counts
    /// and `change` does not keep what it finds.
    pub(crate) fn write_ranked<R>(
        &self,
        pin: &Pin,
        head: u64,
        order: impl Seek<H>,
        change: impl FnOnce(Option<H::Ref<'_>>) -> (Change<H>, R),
        tell: impl FnOnce(u64, Option<H::Ref<'_>>, Option<H::Ref<'_>>) -> Wake,
    ) -> Result<(R, u64), Refused> {
        self.change(pin, (head, true), order, |old, _| change(old), tell)
    }

    /// As [`write`](Self::write); `change` also hears whether it may change the entry in place.
    pub(crate) fn edit<R>(
        &self,
        pin: &Pin,
        head: u64,
        order: impl Seek<H>,
        change: impl FnOnce(Option<H::Ref<'_>>, bool) -> (Change<H>, R),
        tell: impl FnOnce(u64, Option<H::Ref<'_>>, Option<H::Ref<'_>>) -> Wake,
    ) -> Result<R, Refused> {
        let (result, _) = self.change(pin, (head, false), order, change, tell)?;
        Ok(result)
    }

    #[inline]
    fn change<R>(
        &self,
        pin: &Pin,
        (head, is_asked): (u64, bool),
        order: impl Seek<H>,
        change: impl FnOnce(Option<H::Ref<'_>>, bool) -> (Change<H>, R),
        tell: impl FnOnce(u64, Option<H::Ref<'_>>, Option<H::Ref<'_>>) -> Wake,
    ) -> Result<(R, u64), Refused> {
        let target = At { head, order: &order };
        let (root, mut locked) = self.lock(pin, &target)?;
        let leaf = locked.node();
        let found = leaf.find(head, &order);
        let old = found.ok().and_then(|at| leaf.word(at).raw());
        // SAFETY: O2, O5: in a leaf that we hold the lock of.
        let entry = |raw: NonNull<()>| unsafe { H::borrow(raw) };
        let before = old.map(entry);
        let weight = before.map(H::weight).unwrap_or_default();
        let (change, result) = change(before, before.is_some_and(|old| root.is_free(leaf, old)));
        let changes = !matches!((&change, found), (Change::Keep, _) | (Change::Remove, Err(_)));
        if !changes {
            return Ok((result, 0));
        }
        root.keep(pin, &locked, &target)?;
        let (mut split, mut after, mut now, mut unlinked) = (None, Weight::default(), None, old);
        match change {
            Change::Keep => {}
            Change::Changed(weight) => {
                locked.touch();
                (after, now, unlinked) = (weight, old, None);
            }
            Change::Put(new) => {
                after = H::weight(new.borrowed());
                let raw = new.into_raw();
                Self::put_at(pin, &root, &mut locked, (found, raw), &target, &mut split)?;
                now = Some(raw);
            }
            Change::Remove => found.into_iter().for_each(|at| locked.change().remove(at)),
        }
        let mut wake = Wake::default();
        if self.interest.is_in(head) {
            wake = tell(root.totals.life, before, now.map(entry));
        }
        let split = split.map(|(split, _right)| split);
        let (count, mut rank) = (leaf.count(), 0);
        if split.is_some() || (root.counts && (is_asked || weight.items != after.items)) {
            rank = found.unwrap_or_else(|at| at) as u64;
            rank += Self::rise(pin, &root, leaf, Some(locked), split, is_asked, &target);
        } else {
            drop(locked);
        }
        if after.items < weight.items && shape::is_sparse(count) {
            Self::merge(pin, &root, &target);
        }
        root.totals.add(Delta::between(weight, after));
        if let Some(old) = unlinked {
            retire::<H>(old, pin);
        }
        // Foreign code, which may come back, and wait for all who are inside.
        drop(root);
        wake.run();
        Ok((result, rank))
    }

    /// Takes the first entry out, or the last one, and returns what `keep` makes of it. `compare`
    /// says how the keys of two entries stand to each other; the hash of an entry must be its head.
    pub(crate) fn pop<R>(
        &self,
        pin: &Pin,
        back: bool,
        compare: impl Fn(H::Ref<'_>, H::Ref<'_>) -> Order + Copy,
        keep: impl FnOnce(H::Ref<'_>) -> R,
        tell: impl FnOnce(u64, H::Ref<'_>) -> Wake,
    ) -> Result<Option<R>, Refused> {
        loop {
            // The leaves beyond which there is nothing, locked so that nothing comes there.
            let (root, mut locks) = match back {
                false => {
                    let (root, leaf) = self.lock(pin, &Edge(0))?;
                    (root, vec![leaf])
                }
                true => match self.lock_last(pin, compare)? {
                    Some((root, leaf)) => (root, vec![leaf]),
                    None => return Ok(None),
                },
            };
            let Some(at) = Self::lock_outermost(&mut locks, back) else {
                if back {
                    continue; // something came behind what was the last leaf
                }
                return Ok(None);
            };
            let leaf = locks[at].node();
            let slot = if back { leaf.count() - 1 } else { 0 };
            let Some(raw) = leaf.word(slot).raw() else { return Ok(None) };
            // SAFETY: O2, O5: in a leaf that we hold the lock of.
            let entry = unsafe { H::borrow(raw) };
            let (weight, head) = (H::weight(entry), H::hash(entry));
            let order = Same { entry, compare, heads: root.heads };
            let target = At { head, order: &order };
            root.keep(pin, &locks[at], &target)?;
            let kept = keep(entry);
            let mut locked = locks.swap_remove(at);
            locked.change().remove(slot);
            let count = leaf.count();
            let is_told = self.interest.is_in(head);
            let wake = if is_told { tell(root.totals.life, entry) } else { Wake::default() };
            drop(locks);
            if root.counts {
                Self::rise(pin, &root, leaf, Some(locked), None, false, &target);
            } else {
                drop(locked);
            }
            if shape::is_sparse(count) {
                Self::merge(pin, &root, &target);
            }
            root.totals.add(Delta::between(weight, Weight::default()));
            retire::<H>(raw, pin);
            drop(root);
            wake.run();
            return Ok(Some(kept));
        }
    }

    /// Locks the leaf of what is the last entry just now; `None` if there is none.
    fn lock_last<'p>(
        &self,
        pin: &'p Pin,
        compare: impl Fn(H::Ref<'_>, H::Ref<'_>) -> Order + Copy,
    ) -> Result<Option<(Entered<'p, H>, Locked<'p>)>, Refused> {
        let end: Limit<fn(H::Ref<'_>) -> Order> = Limit::End;
        let walk = Walk { back: true, ..Walk::default() };
        let mut pages = self.pages(pin, &end, end.clone(), walk, compare);
        while pages.len() == 0 && pages.advance() {}
        let Some(entry) = pages.len().checked_sub(1).and_then(|last| pages.entry(last)) else {
            return if self.root(pin).closed { Err(Refused::Closed) } else { Ok(None) };
        };
        let order = Same { entry, compare, heads: self.root(pin).heads };
        self.lock(pin, &At { head: H::hash(entry), order: &order }).map(Some)
    }

    /// From a locked leaf on, locks those to its right: up to the first that is not empty, or, if
    /// `back`, all of them, of which all but the first must be empty. The leaf that is not.
    fn lock_outermost(locks: &mut Vec<Locked<'_>>, back: bool) -> Option<usize> {
        loop {
            let leaf = locks.last()?.node();
            if leaf.count() > 0 && (!back || locks.len() > 1) {
                return (!back).then_some(locks.len() - 1);
            }
            let Some(next) = NonNull::new(leaf.next()) else {
                return (back && locks[0].node().count() > 0).then_some(0);
            };
            // SAFETY: O2: found in a leaf that is locked, under the pin.
            locks.push(unsafe { next.as_ref() }.lock());
        }
    }

    /// Puts an entry into a locked leaf, in the place of the one with its key or where there is
    /// none; a leaf that is full splits, and the new one is locked. (That is seldom, and much to
    /// hand back.)
    #[inline]
    fn put_at<'p>(
        pin: &'p Pin,
        root: &Root<H>,
        locked: &mut Locked<'p>,
        (found, raw): (Result<usize, usize>, NonNull<()>),
        target: &impl Target<H>,
        split: &mut Option<(shape::Split<'p>, Locked<'p>)>,
    ) -> Result<(), Refused> {
        let (word, leaf) = (Word::entry(raw), locked.node());
        match found {
            Ok(at) => locked.replace(at, word),
            Err(at) if leaf.count() < SLOTS => {
                locked.change().insert(at, leaf.head_here(target), word);
            }
            Err(at) => match Self::split_leaf(pin, root, locked, at, word, target) {
                Ok(done) => *split = Some(done),
                Err(error) => {
                    // SAFETY: O1: it was not put anywhere, so it is ours again.
                    drop(unsafe { H::from_raw(raw) });
                    return Err(error);
                }
            },
        }
        Ok(())
    }

    /// Goes in through the gate of the root that is current.
    #[inline]
    fn enter<'p>(&self, pin: &'p Pin) -> Result<Entered<'p, H>, Refused> {
        let root = self.root(pin);
        if root.closed {
            return Err(Refused::Closed);
        }
        Ok(Entered { root, _inside: root.totals.enter() })
    }

    /// Waits for all writers who have begun; whoever begins later sees what was done before.
    pub(crate) fn settle(&self, pin: &Pin) {
        let root = self.root(pin);
        let _turn = root.snapshots.turn();
        drop(root.totals.close());
    }

    /// Locks the leaf that the target belongs to, in the root that is current.
    #[inline]
    fn lock<'p>(
        &self,
        pin: &'p Pin,
        target: &impl Target<H>,
    ) -> Result<(Entered<'p, H>, Locked<'p>), Refused> {
        loop {
            let root = self.enter(pin)?;
            let Some(locked) = Self::lock_at(pin, &root, 0, target) else { continue };
            if self.is_current(&root) {
                return Ok((root, locked));
            }
        }
    }

    /// Locks the node of a level that the target belongs to; `None` if the tree is lower.
    #[inline]
    fn lock_at<'p>(
        pin: &'p Pin,
        root: &Root<H>,
        level: u32,
        target: &impl Target<H>,
    ) -> Option<Locked<'p>> {
        loop {
            let (node, version) = root.descend(pin, level, target)?;
            let locked = node.lock();
            // Its lower end is where it was; the upper one may have come nearer.
            if locked.is_since(version) || !(locked.is_dead() || node.is_before(target)) {
                return Some(locked);
            }
        }
    }

    /// What it holds now. O(1); exact when nobody writes.
    pub(crate) fn weight(&self, pin: &Pin) -> Weight {
        let root = self.root(pin);
        let weight = root.totals.weight();
        Weight { items: weight.items, bytes: weight.bytes + root.totals.own_bytes() }
    }

    /// Empties the tree in one instant, which `hub` tells as `event`, and returns how many items it
    /// held. O(1); the memory comes back bit by bit.
    pub(crate) fn clear<E: Clone>(
        &self,
        pin: &Pin,
        hub: &Hub<E>,
        event: E,
    ) -> Result<usize, Refused> {
        self.swap_root(pin, hub, event, false)
    }

    /// Empties the tree and refuses all writes from now on; `hub` has nothing to tell any more.
    pub(crate) fn close<E: Clone>(
        &self,
        pin: &Pin,
        hub: &Hub<E>,
        event: E,
    ) -> Result<usize, Refused> {
        self.swap_root(pin, hub, event, true)
    }

    fn swap_root<E: Clone>(
        &self,
        pin: &Pin,
        hub: &Hub<E>,
        event: E,
        closed: bool,
    ) -> Result<usize, Refused> {
        // Whoever exchanges the root does so under the hub's lock.
        let (old, wake) = hub.end_life(&event, closed, || {
            let old = self.root(pin);
            if old.closed {
                return Err(Refused::Closed);
            }
            let new = Root::new(closed, old.counts, old.heads, old.totals.life + 1)
                .ok_or(Refused::NoMemory)?;
            // Ordering: AcqRel; Release pairs with the Acquire in `root`, Acquire with the Release
            // of whoever stored the root that we take out.
            Ok(self.root.swap(Box::into_raw(new), Ordering::AcqRel))
        })?;
        wake.run();
        let old = NonNull::new(old).expect("a tree has a root");
        // SAFETY: O3: unlinked, and freed only after the grace period below.
        let items = unsafe { old.as_ref() }.totals.weight().items;
        if let Some(grave) = Root::release(old) {
            pin.retire_large(Box::new(grave));
        }
        Ok(items)
    }
}

impl<H: Share> Drop for Tree<H> {
    fn drop(&mut self) {
        // Ordering: Acquire; pairs as in `root`. Nobody else has the tree any more.
        let root = NonNull::new(self.root.load(Ordering::Acquire));
        drop(root.and_then(Root::<H>::release));
    }
}

/// A root that nobody can reach, whose nodes and entries are freed a few at a time: a level after
/// the other, from left to right.
struct Grave<H: Share> {
    root: *mut Root<H>,
    /// The node that is freed next.
    at: *mut Node,
    /// The first node of the level below that.
    below: *mut Node,
    handles: PhantomData<H>,
}

// SAFETY: O3: unlinked, so it belongs to whoever frees it; handles are Send.
unsafe impl<H: Share> Send for Grave<H> {}

impl<H: Share> Grave<H> {
    fn new(root: *mut Root<H>) -> Self {
        Self { root, at: std::ptr::null_mut(), below: std::ptr::null_mut(), handles: PhantomData }
    }

    /// Frees a node with all that it owns, and returns how many words it held.
    fn free(node: NonNull<Node>) -> usize {
        // SAFETY: O3: unreachable for others, and not freed yet.
        let this = unsafe { node.as_ref() };
        // All at once: each lies where nobody has been for long, and so does the next node.
        (0..this.count()).for_each(|at| prefetch(this.word(at).address()));
        Node::prefetch_whole(this.next());
        let words = (0..this.count()).filter_map(|at| this.word(at).raw());
        for raw in words.chain(this.high().tie) {
            // SAFETY: O1, O3: unreachable; each word and fence owns its entry.
            drop(unsafe { H::from_raw(raw) });
        }
        let count = this.count();
        // SAFETY: O3: as above.
        unsafe { Node::free(node) };
        count
    }
}

impl<H: Share> Reap for Grave<H> {
    fn bytes(&self) -> usize {
        // SAFETY: O3: ours until it is reaped.
        unsafe { &*self.root }.totals.weight().bytes
    }

    fn reap(&mut self, budget: usize) -> bool {
        let mut freed = 0;
        if self.root.is_null() {
            return true;
        }
        if self.at.is_null() {
            // SAFETY: O3: ours until it is freed below.
            self.at = unsafe { &*self.root }.top.load(Ordering::Relaxed);
            self.below = self.at;
        }
        while let Some(node) = NonNull::new(self.at) {
            if freed >= budget {
                return false;
            }
            // SAFETY: O3: not freed yet.
            let this = unsafe { node.as_ref() };
            if self.at == self.below {
                // The first of its level.
                self.below = if this.level() > 0 { this.child(0) } else { std::ptr::null_mut() };
            }
            self.at = this.next();
            freed += Self::free(node);
            if self.at.is_null() {
                self.at = self.below;
            }
        }
        // SAFETY: O3: all nodes are freed, nobody needs the root.
        drop(unsafe { Box::from_raw(self.root) });
        self.root = std::ptr::null_mut();
        true
    }
}

impl<H: Share> Drop for Grave<H> {
    /// What was never handed over is freed at once.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            while !self.reap(usize::MAX) {}
        }
    }
}

/// Gives up an entry that nobody can find from now on.
fn retire<H: Handle>(raw: NonNull<()>, pin: &Pin) {
    // SAFETY: O2: the caller has taken it out of the only place that owned it.
    unsafe { H::retire(raw, pin) };
}

/// Gives up a node that nobody can find from now on; what it held lies elsewhere.
fn retire_node(node: &Node, pin: &Pin) {
    unsafe fn free(raw: NonNull<()>) {
        // SAFETY: O3: unlinked, and the grace period is over.
        unsafe { Node::free(raw.cast()) };
    }
    let bytes = node.bytes();
    // SAFETY: O3: the node is dead, so nobody is led to it; nodes are Send.
    pin.retire(unsafe { Retired::new(NonNull::from(node).cast(), bytes, free) });
}
