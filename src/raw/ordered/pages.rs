//! Scans: a leaf at a time, each as it is at one instant, in either direction.
//!
//! The words of a leaf that lie within the bound are copied out, with the leaf's fences, and then
//! it is checked that the leaf did not change meanwhile. The next page begins where this one's
//! fence is: to the right there is a link, and behind a link lies a leaf whose lower end never
//! changes, so nothing is met twice; to the left, and where the neighbour has been merged away, the
//! fence is searched for from the root. A batch that is decided while a page is read is seen
//! decided for all of the page, or for none of it.

use std::cmp::Ordering as Order;
use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::{NonNull, null_mut};

use smallvec::SmallVec;

use super::node::{Fence, NONE, Node, Target};
use super::{At, Handle, Pin, Root, Share, Tree, prefetch};

/// Where a walk begins.
#[derive(Debug)]
pub(crate) enum From<O> {
    /// At the end that it walks away from.
    End,
    /// At a head, with what says how an entry's key stands to the bound, and whether the bound
    /// itself belongs to the walk.
    Key(u64, O, bool),
}

/// Before or behind all keys.
struct Edge(u64);

impl<H: Handle> Target<H> for Edge {
    fn head(&self) -> u64 {
        self.0
    }

    fn is_behind(&self, _: H::Ref<'_>) -> bool {
        self.0 != 0
    }

    fn is_inside(&self) -> bool {
        self.0 != 0
    }
}

/// Just behind a fence, where the node begins that lies to the right of it, or just before it.
struct Beside<'c, C> {
    fence: Fence,
    compare: &'c C,
    behind: bool,
}

impl<H: Handle, C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order> Target<H> for Beside<'_, C> {
    fn head(&self) -> u64 {
        self.fence.head
    }

    fn is_behind(&self, entry: H::Ref<'_>) -> bool {
        let Some(tie) = self.fence.tie else { return false };
        // SAFETY: O2: found in a node under the pin of the walk.
        match (self.compare)(entry, unsafe { H::borrow(tie) }) {
            Order::Less => true,
            Order::Equal => self.behind,
            Order::Greater => false,
        }
    }

    fn is_inside(&self) -> bool {
        self.behind || self.fence.tie.is_some()
    }
}

impl Fence {
    /// The first place in a leaf that does not lie below.
    fn position<H: Handle>(
        self,
        leaf: &Node,
        compare: &impl Fn(H::Ref<'_>, H::Ref<'_>) -> Order,
    ) -> usize {
        leaf.position::<H>(self.head, |entry| {
            // SAFETY: O2: found in a node under the pin of the walk.
            self.tie.is_some_and(|tie| compare(entry, unsafe { H::borrow(tie) }).is_lt())
        })
    }
}

/// A walk over leaves. What it shows lives as long as the pin that it was made with.
pub(crate) struct Pages<'p, 'c, H: Share, C> {
    pin: &'p Pin,
    root: &'p Root,
    /// How two entries stand to each other.
    compare: &'c C,
    back: bool,
    /// The ends of the open leaf's keys. The lower one never changes.
    low: Option<Fence>,
    high: Fence,
    next: *mut Node,
    entries: SmallVec<[NonNull<()>; 64]>,
    handles: PhantomData<H>,
}

impl<H: Share> Tree<H> {
    /// Begins a walk, and opens its first page; `back` is towards lower keys. `compare` says how
    /// the keys of two entries stand to each other.
    pub(crate) fn pages<'p, 'c, O, C>(
        &self,
        pin: &'p Pin,
        from: &From<O>,
        back: bool,
        compare: &'c C,
    ) -> Pages<'p, 'c, H, C>
    where
        O: Fn(H::Ref<'_>) -> Order,
        C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order,
    {
        let (root, entries) = (self.root(pin), SmallVec::new());
        let (low, high, next, handles) = (None, Fence::END, null_mut(), PhantomData);
        let mut pages = Pages { pin, root, compare, back, low, high, next, entries, handles };
        match from {
            From::End => pages.read(&Edge(if back { NONE - 1 } else { 0 }), |leaf| 0..leaf.count()),
            From::Key(head, order, included) => {
                let at = At { head: *head, order };
                let is_behind = |entry: H::Ref<'_>| match order(entry) {
                    Order::Less => true,
                    Order::Equal => *included == back,
                    Order::Greater => false,
                };
                pages.read(&at, |leaf| {
                    let at = leaf.position::<H>(*head, is_behind);
                    if back { 0..at } else { at..leaf.count() }
                });
            }
        }
        pages
    }
}

impl<'p, H: Share, C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order> Pages<'p, '_, H, C> {
    /// The entries of the page that is open, in ascending order.
    pub(crate) fn entries(
        &self,
    ) -> impl DoubleEndedIterator<Item = H::Ref<'p>> + ExactSizeIterator {
        // SAFETY: O2: found in a leaf under the pin whose lifetime this is.
        self.entries.iter().map(|raw| unsafe { H::borrow(*raw) })
    }

    /// Opens the page behind, which may be empty; `false` at the end.
    pub(crate) fn advance(&mut self) -> bool {
        let compare = self.compare;
        if self.back {
            let Some(fence) = self.low else { return false };
            // The leaf may have been merged with the one that was shown before.
            let below = |leaf: &Node| 0..fence.position::<H>(leaf, compare);
            self.read(&Beside { fence, compare, behind: false }, below);
            return true;
        }
        let (fence, Some(next)) = (self.high, NonNull::new(self.next)) else { return false };
        // SAFETY: O2: found in a leaf that was alive, under the pin.
        let next = unsafe { next.as_ref() };
        if self.read_leaf(next, |_| true, |leaf| 0..leaf.count()) {
            self.low = Some(fence);
        } else {
            // It has been merged with the one that was shown before.
            let above = |leaf: &Node| fence.position::<H>(leaf, compare)..leaf.count();
            self.read(&Beside { fence, compare, behind: true }, above);
        }
        true
    }

    /// Opens the leaf that the target belongs to.
    fn read(&mut self, target: &impl Target<H>, within: impl Fn(&Node) -> Range<usize>) {
        loop {
            let (leaf, low) = self.descend(target);
            if self.read_leaf(leaf, |leaf| !leaf.is_before(target), &within) {
                self.low = low;
                return;
            }
        }
    }

    /// The leaf that the target belongs to, or did just now, and the lower end of its keys.
    fn descend(&self, target: &impl Target<H>) -> (&'p Node, Option<Fence>) {
        let (mut node, mut low) = (self.root.top(self.pin), None);
        loop {
            let version = node.begin();
            let (next, fence) = if node.is_before(target) {
                (node.next(), Some(node.high()))
            } else if node.level() == 0 {
                (null_mut(), None)
            } else {
                let at = node.child_of(target);
                let child = node.child(at);
                Node::prefetch(child);
                (child, at.checked_sub(1).map(|at| node.separator(at)))
            };
            if version.is_dead() {
                (node, low) = (self.root.top(self.pin), None);
            } else if node.is_unchanged(version) {
                let Some(next) = NonNull::new(next) else { return (node, low) };
                low = fence.or(low);
                // SAFETY: O2: found in a node that was alive, under the pin.
                node = unsafe { next.as_ref() };
            }
        }
    }

    /// Opens a leaf, at one instant; `false` if it is dead or not the right one.
    fn read_leaf(
        &mut self,
        leaf: &'p Node,
        is_right: impl Fn(&Node) -> bool,
        within: impl Fn(&Node) -> Range<usize>,
    ) -> bool {
        loop {
            let version = leaf.begin();
            if version.is_dead() {
                return false;
            }
            let right = is_right(leaf);
            let mut committed = None;
            self.entries.clear();
            for at in within(leaf) {
                let word = leaf.word(at);
                let entry = match word.as_pending() {
                    None => word.raw(),
                    Some(pending) => {
                        // One batch at a time has changes in a leaf.
                        pending.entry(*committed.get_or_insert_with(|| pending.is_committed()))
                    }
                };
                if let Some(raw) = entry {
                    prefetch(raw.as_ptr().cast());
                    self.entries.push(raw);
                }
            }
            (self.high, self.next) = (leaf.high(), leaf.next());
            if leaf.is_unchanged(version) {
                if right && !self.back {
                    Node::prefetch_whole(self.next);
                }
                return right;
            }
        }
    }
}
