//! Scans: a leaf at a time, each as it is at one instant, in either direction.
//!
//! The words of a leaf that lie within the bound are copied out, with the leaf's fences, and then
//! it is checked that the leaf did not change meanwhile. The next page begins where this one's
//! fence is: to the right there is a link, and behind a link lies a leaf whose lower end never
//! changes, so nothing is met twice; to the left, and where the neighbour has been merged away, the
//! fence is searched for from the root. A batch that is decided while a page is read is seen
//! decided for all of the page, or for none of it.

use std::cmp::Ordering as Order;
use std::ops::Range;
use std::ptr::{NonNull, null_mut};

use smallvec::SmallVec;

use super::node::{Fence, NONE, Node, Seek, Target, Version, shifted};
use super::snapshot::Kept;
use super::{Handle, Heads, Pin, Root, Share, Tree, prefetch};

/// So many entries are loaded ahead of the one that is looked at.
const AHEAD: usize = 8;

/// Where a walk begins or ends.
#[derive(Clone, Debug)]
pub(crate) enum Limit<O> {
    /// At the end of the tree.
    End,
    /// At a head, with what says how an entry's key stands to the limit, and whether the limit
    /// itself belongs to the walk. What is `Equal` may be many keys that follow each other.
    At(u64, O, bool),
}

impl<O> Limit<O> {
    /// The first place in a leaf that does not lie before the limit; `below` says on which side the
    /// keys of the walk lie.
    pub(super) fn position<H: Handle>(&self, leaf: &Node, below: bool) -> Option<usize>
    where
        O: Seek<H>,
    {
        let Self::At(head, order, included) = self else { return None };
        Some(leaf.position_of_any(*head, *included == below, order))
    }
}

/// Before or behind all keys.
pub(super) struct Edge(pub(super) u64);

impl<H: Handle> Target<H> for Edge {
    fn head(&self) -> u64 {
        self.0
    }

    /// Nodes at either end of the tree have no depth.
    fn head_at(&self, _: u32) -> u64 {
        self.0
    }

    fn is_behind(&self, _: H::Ref<'_>) -> bool {
        self.0 != 0
    }

    fn is_inside(&self) -> bool {
        self.0 != 0
    }
}

/// How entries stand to one of them.
pub(super) struct Same<'e, H: Handle, C> {
    pub(super) entry: H::Ref<'e>,
    pub(super) compare: C,
    pub(super) heads: Option<Heads<H>>,
}

impl<H: Handle, C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order> Seek<H> for Same<'_, H, C> {
    fn order(&self, entry: H::Ref<'_>) -> Order {
        (self.compare)(entry, self.entry)
    }

    fn head_at(&self, head: u64, depth: u32) -> u64 {
        self.heads.map_or(head, |heads| heads.head_at(self.entry, depth))
    }
}

/// How entries stand to a fence that was found under the pin that is held.
struct ToFence<H: Handle, C> {
    fence: Fence,
    compare: C,
    heads: Option<Heads<H>>,
}

impl<H: Handle, C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order> Seek<H> for ToFence<H, C> {
    fn order(&self, entry: H::Ref<'_>) -> Order {
        match self.fence.tie {
            // SAFETY: O2: found in a node under the pin of the walk.
            Some(tie) => (self.compare)(entry, unsafe { H::borrow(tie) }),
            None if H::hash(entry) < self.fence.head => Order::Less,
            None => Order::Greater,
        }
    }

    fn head_at(&self, head: u64, depth: u32) -> u64 {
        match (self.fence.tie, self.heads) {
            // SAFETY: O2: found in a node under the pin of the walk.
            (Some(tie), Some(heads)) => heads.head_at(unsafe { H::borrow(tie) }, depth),
            _ => shifted(head, depth),
        }
    }
}

impl<H: Handle, C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order> ToFence<H, C> {
    /// The first place in a leaf that does not lie below.
    fn position(&self, leaf: &Node) -> usize {
        // Mostly it is the one that the leaf ends at.
        let (high, fence) = (leaf.high(), self.fence);
        if (high.head, high.tie) == (fence.head, fence.tie) {
            return leaf.count();
        }
        leaf.position_of_any(fence.head, false, self)
    }
}

/// Just behind a fence, where the node begins that lies to the right of it, or just before it.
struct Beside<'f, H: Handle, C> {
    to: &'f ToFence<H, C>,
    behind: bool,
}

impl<H: Handle, C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order> Target<H> for Beside<'_, H, C> {
    fn head(&self) -> u64 {
        self.to.fence.head
    }

    fn head_at(&self, depth: u32) -> u64 {
        self.to.head_at(self.to.fence.head, depth)
    }

    fn is_behind(&self, entry: H::Ref<'_>) -> bool {
        match self.to.order(entry) {
            Order::Less => true,
            Order::Equal => self.behind,
            Order::Greater => false,
        }
    }

    fn is_inside(&self) -> bool {
        self.behind || self.to.fence.tie.is_some()
    }
}

/// A walk over leaves. What it shows lives as long as the pin that it was made with.
pub(crate) struct Pages<'p, H: Share, C, O> {
    pin: &'p Pin,
    root: &'p Root<H>,
    /// What is kept for the snapshot that this is a walk of.
    kept: Option<&'p Kept<H>>,
    /// How two entries stand to each other.
    compare: C,
    back: bool,
    far: Limit<O>,
    /// Whether the entries themselves are going to be looked at.
    load: bool,
    /// Whether a page has one entry at most.
    one: bool,
    /// The ends of the open leaf's keys. The lower one never changes.
    low: Option<Fence>,
    high: Fence,
    next: *mut Node,
    /// Whether what follows lies beyond the far limit.
    finished: bool,
    entries: SmallVec<[NonNull<()>; 64]>,
    /// The leaves that were open, as they were, if somebody wants to know.
    seen: Option<Vec<(&'p Node, Version)>>,
}

/// How a walk is made.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Walk {
    /// Towards lower keys.
    pub(crate) back: bool,
    /// Only to count entries, not to look at them.
    pub(crate) count: bool,
    /// Only to find the first entry: of each leaf no other is shown.
    pub(crate) one: bool,
    /// To know afterwards whether it saw one instant.
    pub(crate) instant: bool,
}

impl<H: Share> Tree<H> {
    /// Begins a walk from one limit to another, and opens its first page. `compare` says how the
    /// keys of two entries stand to each other.
    pub(crate) fn pages<'p, N, O, C>(
        &self,
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
        self.root(pin).pages(pin, None, near, far, walk, compare)
    }
}

impl<H: Share> Root<H> {
    /// As [`Tree::pages`]; of the snapshot for which something is kept, if that is given.
    pub(super) fn pages<'p, N, O, C>(
        &'p self,
        pin: &'p Pin,
        kept: Option<&'p Kept<H>>,
        near: &Limit<N>,
        far: Limit<O>,
        Walk { back, count, one, instant }: Walk,
        compare: C,
    ) -> Pages<'p, H, C, O>
    where
        N: Seek<H>,
        O: Seek<H>,
        C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order + Copy,
    {
        let mut pages = Pages {
            pin,
            root: self,
            kept,
            compare,
            back,
            far,
            load: !count,
            one,
            low: None,
            high: Fence::END,
            next: null_mut(),
            finished: false,
            entries: SmallVec::new(),
            seen: instant.then(Vec::new),
        };
        let within = |leaf: &Node| match near.position(leaf, back) {
            None => 0..leaf.count(),
            Some(at) => {
                if back {
                    0..at
                } else {
                    at..leaf.count()
                }
            }
        };
        match near {
            Limit::End => pages.read(&Edge(if back { NONE - 1 } else { 0 }), within),
            Limit::At(head, order, included) => {
                // Nothing of what is not looked for may lie in the pages behind.
                let behind = back || !included;
                pages.read(&Near { head: *head, order, behind }, within);
            }
        }
        pages
    }

    /// The node of a level that the target belongs to, or did just now, and the lower end of its
    /// keys.
    pub(super) fn descend_between<'p>(
        &self,
        pin: &'p Pin,
        level: u32,
        target: &impl Target<H>,
    ) -> (&'p Node, Option<Fence>) {
        let (mut node, mut low, mut bound) = (self.top(pin), None, null_mut());
        loop {
            let version = node.begin();
            let (mut next, mut fence, mut below) = (null_mut(), None, bound);
            if node.is_before_below(target, bound) {
                (next, fence) = (node.next(), Some(node.high()));
            } else if node.level() > level {
                let at = node.child_of(target);
                (next, below) = (node.child(at), node.bound(at));
                Node::prefetch(next);
                fence = at.checked_sub(1).map(|at| node.fence_at::<H>(at, target.head()));
            }
            if version.is_dead() {
                (node, low, bound) = (self.top(pin), None, null_mut());
            } else if node.is_unchanged(version) {
                let Some(next) = NonNull::new(next) else { return (node, low) };
                low = fence.or(low);
                // SAFETY: O2: found in a node that was alive, under the pin.
                node = unsafe { next.as_ref() };
                bound = below;
            }
        }
    }
}

/// The place of a limit: before or behind all keys that it calls equal.
pub(super) struct Near<'k, O> {
    pub(super) head: u64,
    pub(super) order: &'k O,
    pub(super) behind: bool,
}

impl<H: Handle, O: Seek<H>> Target<H> for Near<'_, O> {
    fn head(&self) -> u64 {
        self.head
    }

    fn head_at(&self, depth: u32) -> u64 {
        self.order.head_at(self.head, depth)
    }

    fn is_behind(&self, entry: H::Ref<'_>) -> bool {
        match self.order.order(entry) {
            Order::Less => true,
            Order::Equal => self.behind,
            Order::Greater => false,
        }
    }
}

impl<'p, H, C, O> Pages<'p, H, C, O>
where
    H: Share,
    C: Fn(H::Ref<'_>, H::Ref<'_>) -> Order + Copy,
    O: Seek<H>,
{
    /// The entries of the page that is open, in ascending order. Starts loading all of them, and
    /// the page behind.
    pub(crate) fn entries(
        &self,
    ) -> impl DoubleEndedIterator<Item = H::Ref<'p>> + ExactSizeIterator {
        if self.load {
            self.entries.iter().for_each(|raw| prefetch(raw.as_ptr().cast()));
        }
        self.prefetch_next();
        // SAFETY: O2: found in a leaf under the pin whose lifetime this is.
        self.entries.iter().map(|raw| unsafe { H::borrow(*raw) })
    }

    /// The entry at a place of the page that is open. Starts loading those that are a few places
    /// further on, and in the middle of the page the one behind: who asks for one may soon be done.
    #[inline]
    pub(crate) fn entry(&self, at: usize) -> Option<H::Ref<'p>> {
        let ahead = if self.back { at.wrapping_sub(AHEAD) } else { at + AHEAD };
        if let Some(raw) = self.entries.get(ahead) {
            prefetch(raw.as_ptr().cast());
        }
        if at == self.entries.len() / 2 {
            self.prefetch_next();
        }
        // SAFETY: O2: found in a leaf under the pin whose lifetime this is.
        self.entries.get(at).map(|raw| unsafe { H::borrow(*raw) })
    }

    fn prefetch_next(&self) {
        if !self.finished && !self.back && !self.one && self.kept.is_none() {
            Node::prefetch_whole(self.next);
        }
    }

    /// How many entries the page that is open has.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether all that was shown was there at one instant, after the last page was opened.
    pub(crate) fn saw_one_instant(&self) -> bool {
        let mut seen = self.seen.iter().flatten();
        seen.all(|(leaf, version)| leaf.is_untouched(*version))
    }

    /// Opens the page behind, which may be empty; `false` at the end.
    pub(crate) fn advance(&mut self) -> bool {
        if self.finished {
            return false;
        }
        let (compare, heads) = (self.compare, self.root.heads);
        if self.back {
            let Some(fence) = self.low else { return false };
            let to = ToFence { fence, compare, heads };
            // The leaf may have been merged with the one that was shown before.
            let below = |leaf: &Node| 0..to.position(leaf);
            self.read(&Beside { to: &to, behind: false }, below);
            return true;
        }
        let fence = self.high;
        if fence.head == NONE {
            return false;
        }
        if !self.open_next() {
            // It has been merged with the one that was shown before, or a page follows.
            let to = ToFence { fence, compare, heads };
            let above = |leaf: &Node| to.position(leaf)..leaf.count();
            self.read(&Beside { to: &to, behind: true }, above);
        }
        true
    }

    /// Opens the leaf that the open one leads to, unless that is dead now.
    fn open_next(&mut self) -> bool {
        let (low, Some(next)) = (self.high, NonNull::new(self.next)) else { return false };
        // SAFETY: O2: found in a leaf that was alive, under the pin.
        let next = unsafe { next.as_ref() };
        let opened = self.read_leaf(next, |_| true, |leaf| 0..leaf.count()) && self.is_right(next);
        if opened {
            self.low = Some(low);
        }
        opened
    }

    /// Whether a leaf that was read shows what is asked for: the present, or what has been so
    /// since the snapshot was taken.
    fn is_right(&self, leaf: &Node) -> bool {
        self.kept.is_none_or(|kept| kept.is_as_it_was(leaf))
    }

    /// Opens the leaf that the target belongs to, or belonged to.
    fn read(&mut self, target: &impl Target<H>, within: impl Fn(&Node) -> Range<usize>) {
        loop {
            let (leaf, low) = self.root.descend_between(self.pin, 0, target);
            if !self.read_leaf(leaf, |leaf| !leaf.is_before(target), &within) {
                continue;
            }
            self.low = low;
            if self.is_right(leaf) {
                return;
            }
            let page = self.kept.and_then(|kept| kept.find(target));
            let (page, low) = page.expect("what has changed was kept before");
            self.low = low;
            if self.read_leaf(page, |_| true, &within) {
                return;
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
            let (mut within, mut finished) = (within(leaf), false);
            if let Some(at) = self.far.position(leaf, !self.back) {
                if self.back {
                    finished = at > 0;
                    within.start = at;
                } else {
                    finished = at < leaf.count();
                    within.end = within.end.min(at);
                }
            }
            for nth in 0..within.len() {
                let from_end = self.one && self.back;
                let at = if from_end { within.end - 1 - nth } else { within.start + nth };
                let word = leaf.word(at);
                let entry = match word.as_pending() {
                    None => word.raw(),
                    Some(pending) => {
                        // One batch at a time has changes in a leaf.
                        pending.entry(*committed.get_or_insert_with(|| pending.is_committed()))
                    }
                };
                self.entries.extend(entry);
                if self.one && entry.is_some() {
                    break;
                }
            }
            (self.high, self.next) = (leaf.high(), leaf.next());
            if leaf.is_unchanged(version) {
                if right {
                    self.opened(leaf, version, finished);
                }
                return right;
            }
        }
    }

    /// Notes what is to be known of a leaf that was opened.
    fn opened(&mut self, leaf: &'p Node, version: Version, finished: bool) {
        self.finished = finished;
        if let Some(seen) = &mut self.seen {
            seen.push((leaf, version));
        }
        // The first few are asked for at once.
        let first = if self.back { self.entries.len().saturating_sub(AHEAD) } else { 0 };
        if self.load {
            let few = self.entries[first..].iter().take(AHEAD);
            few.for_each(|raw| prefetch(raw.as_ptr().cast()));
        }
    }
}
