//! Snapshots: a whole tree as it is at one instant, while others go on writing.
//!
//! **To take one** copies nothing. The gate of the root is closed ([`Totals`](super::Totals)), so
//! that no writer is inside; the snapshot gets the next number; the gate opens. That is its
//! instant: every write is finished before it or begins after it. Writers wait for the longest
//! write that was under way.
//!
//! **While it lives**, leaves are copied before they are changed, once for each snapshot. A leaf
//! has an *era*, the number of the youngest snapshot that it has been copied for. A writer that
//! holds the lock of a leaf whose era is below the youngest number first keeps a *page* of it: a
//! copy with its fences, which owns its entries as well as the leaf does; all snapshots from the
//! leaf's era on get the same page. Then it raises the era, then it writes. A leaf that splits
//! hands its era on. Leaves merge only if both have been copied, so what is never written to is
//! never copied. Entries that have another owner are not changed in place.
//!
//! **To read one**, search the tree as it is now. If the leaf's era, read *after* its words, is
//! below the snapshot's number, the leaf is as it was. If not, whichever leaf its keys stood in at
//! the instant has been copied before anything moved, and those pages, which are parts of one
//! division of all keys, are found by their upper fences. It is this that needs no links between
//! old and new nodes: pages know nothing of the tree, and the tree nothing of pages.
//!
//! **The root** belongs to the tree and to its snapshots. Who clears the tree takes the tree's
//! share; what it held stays for the snapshots that are left.
//!
//! The idea of copying what is written to while a version is being read is as old as shadow pages;
//! that numbers of epochs can stand for versions is from Nelson-Slivon, Hassan, Palmieri, *Bundling
//! linked data structures for linearizable range queries*, PPoPP 2022. They add a version to each
//! link; we know that a snapshot is rare, and charge those who write while there is one.
//!
//! # What it is bad at
//!
//! The first writes after a snapshot pay for a leaf each: up to 63 counts of references go up, each
//! on a line of its own, some microseconds where they are in no cache. In a large tree that is
//! written to at random, writers are several times as slow until most leaves are copied. (Pages
//! that count nothing, and unlinked entries that wait for the snapshots instead, would do away with
//! that.) A snapshot of which all has changed takes as much memory as the tree.

use std::cmp::Ordering as Order;
use std::collections::BTreeMap;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use super::node::{Fence, Locked, Node, Seek, Target};
use super::pages::Pages;
use super::{Grave, Limit, Refused, Root, Share, Tree, Walk, prefetch};
use crate::platform::sync::{AtomicU64, Backoff, Mutex, Ordering};
use crate::raw::reclaim::{Pin, Reap, pin};

/// How the keys of two entries stand to each other.
pub(crate) trait Compare<H: Share>:
    Fn(H::Ref<'_>, H::Ref<'_>) -> Order + Send + Sync + 'static
{
}

impl<H: Share, C> Compare<H> for C where
    C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order + Send + Sync + 'static
{
}

/// What a root knows of its snapshots.
pub(super) struct Snapshots<H: Share> {
    /// The number of the youngest that lives, or zero. It grows only while no writer is inside.
    youngest: AtomicU64,
    /// Whoever closes the gate, one after the other; the number of the last snapshot.
    turn: Mutex<u64>,
    live: Mutex<Vec<Arc<Kept<H>>>>,
}

impl<H: Share> fmt::Debug for Snapshots<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots").field("live", &self.live.lock().len()).finish_non_exhaustive()
    }
}

impl<H: Share> Snapshots<H> {
    pub(super) fn new() -> Self {
        let live = Mutex::new(Vec::new());
        Self { youngest: AtomicU64::new(0), turn: Mutex::new(0), live }
    }

    /// The number that a leaf's era must have reached before it is written to.
    #[inline]
    pub(super) fn youngest(&self) -> u64 {
        // Ordering: Acquire; pairs with the Release in `forget`: what was read of a snapshot was
        // read before anything that it would have kept changes in place.
        self.youngest.load(Ordering::Acquire)
    }

    /// Waits until nobody else closes the gate; until this is dropped, nobody else will.
    pub(super) fn turn(&self) -> impl std::ops::DerefMut<Target = u64> + '_ {
        self.turn.lock()
    }

    fn add(&self, kept: &Arc<Kept<H>>) {
        self.live.lock().push(Arc::clone(kept));
        self.youngest.store(kept.number, Ordering::Relaxed);
    }

    fn forget(&self, number: u64) {
        let mut live = self.live.lock();
        live.retain(|kept| kept.number != number);
        let youngest = live.iter().map(|kept| kept.number).max().unwrap_or(0);
        // Ordering: Release; pairs with the Acquire in `youngest`.
        self.youngest.store(youngest, Ordering::Release);
    }
}

impl<H: Share> Root<H> {
    /// Makes a leaf that is about to be written to ready for it: snapshots keep what they need.
    /// The target lies in the leaf. The caller is inside the gate.
    #[inline]
    pub(super) fn keep(
        &self,
        pin: &Pin,
        locked: &Locked<'_>,
        target: &impl Target<H>,
    ) -> Result<(), Refused> {
        let youngest = self.snapshots.youngest();
        if youngest <= locked.node().era() {
            return Ok(());
        }
        self.keep_page(pin, locked, youngest, target)
    }

    #[cold]
    fn keep_page(
        &self,
        pin: &Pin,
        locked: &Locked<'_>,
        youngest: u64,
        target: &impl Target<H>,
    ) -> Result<(), Refused> {
        let leaf = locked.node();
        let (found, low) = self.descend_between(pin, 0, target);
        debug_assert!(std::ptr::eq(found, leaf), "one leaf at a time has a key");
        let page = Arc::new(Page::<H>::copy(leaf, low).ok_or(Refused::NoMemory)?);
        for kept in self.snapshots.live.lock().iter().filter(|kept| kept.number > leaf.era()) {
            kept.put(Arc::clone(&page));
        }
        locked.set_era(youngest);
        Ok(())
    }

    /// Whether an entry of a locked leaf may be changed in place.
    pub(super) fn is_free(&self, leaf: &Node, entry: H::Ref<'_>) -> bool {
        let youngest = self.snapshots.youngest();
        youngest == 0 || (leaf.era() >= youngest && !H::is_shared(entry))
    }

    /// Whether two leaves may become one: if no snapshot needs them as they are.
    pub(super) fn may_merge(&self, left: &Node, right: &Node) -> bool {
        left.level() > 0 || self.snapshots.youngest() <= left.era().min(right.era())
    }
}

/// A leaf as it was.
struct Page<H: Share> {
    /// O7: owned, with its entries, by this alone; nobody writes it.
    node: NonNull<Node>,
    low: Option<Fence>,
    handles: std::marker::PhantomData<H>,
}

// SAFETY: O7: it is not written any more, and entries are Send and Sync.
unsafe impl<H: Share> Send for Page<H> {}
// SAFETY: O7, as above.
unsafe impl<H: Share> Sync for Page<H> {}

impl<H: Share> Page<H> {
    /// A copy of a leaf that the caller holds the lock of; `None` without memory.
    fn copy(leaf: &Node, low: Option<Fence>) -> Option<Self> {
        let node = Node::alloc(0, false)?;
        // Each entry lies on a line of its own: all of them at once.
        for raw in (0..leaf.count()).filter_map(|at| leaf.word(at).raw()) {
            prefetch(raw.as_ptr().cast());
        }
        let share = |raw: NonNull<()>| {
            // SAFETY: O2, O5: in a leaf that is locked, or in a fence beside it, under the pin.
            H::share(unsafe { H::borrow(raw) }).into_raw()
        };
        // SAFETY: O3: nobody else knows of it.
        let copy = unsafe { node.as_ref() };
        {
            let mut fresh = copy.fresh();
            let mut filling = fresh.change();
            filling.take_depth(leaf);
            filling.append(leaf, 0);
            let high = leaf.high();
            let tie = high.tie.map(share);
            filling.set_next(Fence { tie, ..high }, std::ptr::null_mut());
        }
        for raw in (0..leaf.count()).filter_map(|at| leaf.word(at).raw()) {
            share(raw);
        }
        let low = low.map(|low| Fence { tie: low.tie.map(share), ..low });
        Some(Self { node, low, handles: std::marker::PhantomData })
    }

    fn node(&self) -> &Node {
        // SAFETY: O7: ours as long as we are.
        unsafe { self.node.as_ref() }
    }
}

impl<H: Share> Drop for Page<H> {
    fn drop(&mut self) {
        Grave::<H>::free(self.node);
        if let Some(tie) = self.low.and_then(|low| low.tie) {
            // SAFETY: O7: the page owned it.
            drop(unsafe { H::from_raw(tie) });
        }
    }
}

/// The pages of a snapshot, by their upper fences.
type Shelf<H> = BTreeMap<u64, Vec<Arc<Page<H>>>>;

/// What is kept for a snapshot.
pub(super) struct Kept<H: Share> {
    number: u64,
    compare: Box<dyn Compare<H>>,
    /// By the heads of fences; those with the same head are in order.
    pages: Mutex<Shelf<H>>,
}

impl<H: Share> Kept<H> {
    /// Whether a leaf with that era is as it was.
    #[inline]
    pub(super) fn is_as_it_was(&self, leaf: &Node) -> bool {
        leaf.era() < self.number
    }

    fn put(&self, page: Arc<Page<H>>) {
        let high = page.node().high();
        let mut pages = self.pages.lock();
        let same = pages.entry(high.head).or_default();
        let at = same.partition_point(|other| match (other.node().high().tie, high.tie) {
            (None, tie) => tie.is_some(),
            (_, None) => false,
            (Some(a), Some(b)) => {
                // SAFETY: O7: the page owns its fence.
                let a = unsafe { H::borrow(a) };
                // SAFETY: O7, as above.
                (self.compare)(a, unsafe { H::borrow(b) }).is_lt()
            }
        });
        same.insert(at, page);
    }

    /// The page that the target belongs to, and the lower end of its keys. There is one if the
    /// leaf that the target belongs to now is not as it was.
    pub(super) fn find(&self, target: &impl Target<H>) -> Option<(&Node, Option<Fence>)> {
        let pages = self.pages.lock();
        let page = pages.range(target.head()..).find_map(|(_, same)| {
            same.get(same.partition_point(|page| page.node().is_before::<H>(target)))
        })?;
        // SAFETY: O7: a page stays as long as what it is kept for.
        Some((unsafe { page.node.as_ref() }, page.low))
    }

    fn bytes(&self) -> usize {
        bytes_of(&self.pages.lock())
    }
}

/// Bytes of the pages on a shelf, without their entries.
fn bytes_of<H: Share>(shelf: &Shelf<H>) -> usize {
    shelf.values().map(Vec::len).sum::<usize>() * (Node::leaf_bytes() + size_of::<Page<H>>())
}

/// Pages that nobody needs, which are freed a few at a time.
struct Leavings<H: Share>(Shelf<H>);

impl<H: Share> Reap for Leavings<H> {
    fn bytes(&self) -> usize {
        bytes_of(&self.0)
    }

    fn reap(&mut self, budget: usize) -> bool {
        let mut freed = 0;
        while freed < budget {
            let Some(mut same) = self.0.first_entry() else { return true };
            match same.get_mut().pop() {
                Some(page) => freed += page.node().count() + 1,
                None => drop(same.remove()),
            }
        }
        false
    }
}

/// A tree as it was at one instant. It may outlive the tree.
pub(crate) struct Snapshot<H: Share> {
    /// O3: one share of it is ours.
    root: NonNull<Root<H>>,
    kept: Arc<Kept<H>>,
    items: usize,
}

// SAFETY: O3: a share of a root, in which all is atomic, locked or immutable.
unsafe impl<H: Share> Send for Snapshot<H> {}
// SAFETY: O3, as above.
unsafe impl<H: Share> Sync for Snapshot<H> {}

impl<H: Share> fmt::Debug for Snapshot<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("items", &self.items).finish_non_exhaustive()
    }
}

impl<H: Share> Tree<H> {
    /// Takes a snapshot. O(1); writers wait meanwhile, for those of them that have begun.
    pub(crate) fn snapshot(
        &self,
        pin: &Pin,
        compare: impl Compare<H>,
    ) -> Result<Snapshot<H>, Refused> {
        let mut backoff = Backoff::new();
        loop {
            let root = self.root(pin);
            if root.closed {
                return Err(Refused::Closed);
            }
            let mut turn = root.snapshots.turn();
            let gate = root.totals.close();
            // Not made of the reference, with which nobody could free it.
            let shared = NonNull::new(self.current())
                .filter(|current| std::ptr::eq(current.as_ptr(), root) && root.share());
            let Some(shared) = shared else {
                // It was cleared; with a share of it, that could not matter any more.
                drop((gate, turn));
                backoff.wait();
                continue;
            };
            *turn += 1;
            let pages = Mutex::new(BTreeMap::new());
            let kept = Arc::new(Kept { number: *turn, compare: Box::new(compare), pages });
            root.snapshots.add(&kept);
            let items = root.totals.weight().items;
            drop(gate);
            return Ok(Snapshot { root: shared, kept, items });
        }
    }
}

impl<H: Share> Snapshot<H> {
    fn root(&self) -> &Root<H> {
        // SAFETY: O3: we have a share of it.
        unsafe { self.root.as_ref() }
    }

    /// How many items it has.
    pub(crate) fn items(&self) -> usize {
        self.items
    }

    /// Bytes that it keeps of what has changed since, but for entries.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of::<Kept<H>>() + self.kept.bytes()
    }

    /// As [`Tree::pages`].
    pub(crate) fn pages<'p, N, O, C>(
        &'p self,
        pin: &'p Pin,
        near: &Limit<N>,
        far: Limit<O>,
        walk: Walk,
        compare: C,
    ) -> Pages<'p, H, C, O>
    where
        N: Seek<H>,
        O: Seek<H>,
        C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order + Copy,
    {
        self.root().pages(pin, Some(&self.kept), near, far, walk, compare)
    }
}

impl<H: Share> Drop for Snapshot<H> {
    fn drop(&mut self) {
        let pin = pin();
        self.root().snapshots.forget(self.kept.number);
        let pages = std::mem::take(&mut *self.kept.pages.lock());
        pin.retire_large(Box::new(Leavings(pages)));
        if let Some(grave) = Root::release(self.root) {
            pin.retire_large(Box::new(grave));
        }
    }
}
