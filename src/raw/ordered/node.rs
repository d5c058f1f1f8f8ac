//! Nodes: sorted arrays that are read while they change, and the word that tells a reader so.
//!
//! ```text
//!  0         8      16          24         32      36      40            64
//!  | version | next | high head | high tie | count | level | era | depth | heads | words |
//!
//!  and of an inner node:  | children |  and, in a tree that counts (see `rank`):  | counts |
//! ```
//!
//! `heads` are in ascending order; those that are not in use are [`NONE`], so that a search needs
//! no count and takes the same steps in every node. In a leaf, `words` are the entries. In an inner
//! node, a head and its word are a *separator*, between the children to its left and right; the
//! word is the entry that tells keys with this head apart, or null if the head alone separates.
//! A node's *fence* is such a pair as well: all its keys lie below it, those from it on are found
//! through `next`. Its lower end has no fence and never changes.
//!
//! **Depth.** Where keys begin alike, their heads say nothing. But if the two ends of what belongs
//! to a node begin with the same bits, so do all keys that will ever be looked for in it: its heads
//! are those *at this depth*, behind these bits ([`Seek::head_at`]). So who searches a node must
//! know that the key belongs to it. Fences are what one sees that by, so their heads are those at
//! no depth; and a separator without an entry has one head at all depths, its bits shifted. A node
//! gets its depth when it splits and many of its heads tie (Bayer, Unterauer, *Prefix B-trees*,
//! TODS 1977; Graefe, *Write-optimized B-trees*, VLDB 2004, for fences that say what is common).
//!
//! **The version word** is `updates | structure | DEAD | CHANGING | LOCK`. The holder of LOCK is
//! the only writer. Readers do not look at it: entries are replaced by one store. Only while
//! heads, words and count are moved does the writer set CHANGING, count `structure` up first, and
//! clear CHANGING when they agree again; these are the few nanoseconds in which a reader has to
//! wait. A reader remembers the word, reads what it wants, and trusts none of it before it has seen
//! that the word's structure is still the same (Boehm, *Can seqlocks get along with programming
//! language memory models?*, MSPC 2012). `updates` counts what readers of one key need not notice:
//! with it, several leaves can be seen at one instant.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{NonNull, null_mut};

use crate::platform::sync::{AtomicPtr, AtomicU32, AtomicU64, Backoff, Ordering, fence};
use crate::raw::pending::Pending;
use crate::raw::{Handle, prefetch};

/// Entries of a leaf, separators of an inner node: one less than a power of two.
#[cfg(not(any(ferrets_loom, ferrets_stress, miri)))]
pub(super) const SLOTS: usize = 63;
#[cfg(all(any(ferrets_stress, miri), not(ferrets_loom)))]
pub(super) const SLOTS: usize = 7;
#[cfg(ferrets_loom)]
pub(super) const SLOTS: usize = 3;

/// Heads that a search compares at once, and how many such groups a node has.
const GROUP: usize = 1 << ((SLOTS + 1).ilog2() / 2);
const GROUPS: usize = (SLOTS + 1) / GROUP;

/// The head of no key.
pub(super) const NONE: u64 = u64::MAX;
/// The bit of a head that says that keys with the same head are the same.
pub(crate) const EXACT: u64 = 1;

const LOCK: u64 = 1;
const CHANGING: u64 = 2;
const DEAD: u64 = 4;
const STRUCTURE: u64 = 8;
const UPDATE: u64 = 1 << 36;
/// What must not have changed for a reader of one key.
const STABLE: u64 = (UPDATE - 1) & !LOCK;

/// As many bits two heads have in common, at least, that are the same.
pub(super) const SURE: u32 = 61;

/// A head at a depth of what has that head at none: of an exact one, or of what begins with its
/// bits and has none behind them.
#[inline]
pub(crate) fn shifted(head: u64, depth: u32) -> u64 {
    (head & !EXACT).checked_shl(depth).unwrap_or(0) | (head & EXACT)
}

/// What [`shifted`] has made `head` of, which began with the first bits of `inside`.
fn unshifted(head: u64, depth: u32, inside: u64) -> u64 {
    let first = !u64::MAX.checked_shr(depth).unwrap_or(0);
    inside & first & !EXACT | (head & !EXACT).checked_shr(depth).unwrap_or(0) | (head & EXACT)
}

/// How the keys of entries stand to one that is looked for.
pub(crate) trait Seek<H: Handle> {
    /// Whether no other key has the head of this one, so that it is all there is to compare.
    const IS_EXACT: bool = false;

    fn order(&self, entry: H::Ref<'_>) -> std::cmp::Ordering;

    /// The head at a depth of what has `head` at none.
    fn head_at(&self, head: u64, depth: u32) -> u64;

    /// Whether it is one key, so that no other has its head if that is [exact](EXACT); not a place
    /// beside many.
    #[inline]
    fn is_key(&self) -> bool {
        true
    }
}

/// Enough where heads are exact, and in trees whose nodes have no depth.
impl<H: Handle, F: Fn(H::Ref<'_>) -> std::cmp::Ordering> Seek<H> for F {
    #[inline]
    fn order(&self, entry: H::Ref<'_>) -> std::cmp::Ordering {
        self(entry)
    }

    #[inline]
    fn head_at(&self, head: u64, depth: u32) -> u64 {
        shifted(head, depth)
    }
}

/// Whether a key has its head for itself.
#[inline]
fn is_exact<H: Handle, S: Seek<H>>(head: u64, _: &S) -> bool {
    S::IS_EXACT || head & EXACT != 0
}

/// A place between keys, which a search is for.
pub(crate) trait Target<H: Handle> {
    /// The head of the keys around it.
    fn head(&self) -> u64;
    /// The same at a depth, in a node that it belongs to.
    fn head_at(&self, depth: u32) -> u64;
    /// Whether an entry with that head lies before it, or is what it stands at.
    fn is_behind(&self, entry: H::Ref<'_>) -> bool;
    /// Whether it lies behind the beginning of all keys with that head.
    #[inline]
    fn is_inside(&self) -> bool {
        true
    }
    /// Whether it is known that it is a key which shares its head with no other.
    #[inline]
    fn is_exact(&self) -> bool {
        false
    }
}

/// What a node begins with, on a line of its own.
#[derive(Debug)]
#[repr(C, align(64))]
struct Header {
    version: AtomicU64,
    next: AtomicPtr<Node>,
    high_head: AtomicU64,
    /// Owns an entry.
    high_tie: AtomicPtr<()>,
    count: AtomicU32,
    /// Leaves are on level 0.
    level: u32,
    /// Of a leaf: the youngest snapshot that has a copy of what it was.
    era: AtomicU64,
    /// Whether it is an inner node with counts.
    counts: bool,
    /// So many bits are the same in all keys that belong to the node, and left out of its heads.
    depth: AtomicU32,
    /// The allocation: a reference to the node leads to its first part only.
    whole: NonNull<Node>,
}

/// A node: a leaf, or the first part of an inner node.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Node {
    header: Header,
    /// The last is always [`NONE`].
    heads: [AtomicU64; SLOTS + 1],
    words: [AtomicPtr<()>; SLOTS],
}

/// A node with children, one more than it has separators.
#[derive(Debug)]
#[repr(C)]
struct Inner {
    node: Node,
    children: [AtomicPtr<Node>; SLOTS + 1],
}

/// An inner node that knows how many items lie below each of its children.
#[derive(Debug)]
#[repr(C)]
struct Counted {
    inner: Inner,
    counts: [AtomicU64; SLOTS + 1],
}

/// A child, and how many items lie below it.
pub(super) type Child = (*mut Node, u64);

/// The end of what belongs to a node, or a separator: a head, and the entry that tells keys with
/// this head apart. Without one, all keys with this head lie behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fence {
    pub(super) head: u64,
    pub(super) tie: Option<NonNull<()>>,
}

impl Fence {
    /// Behind all keys.
    pub(super) const END: Self = Self { head: NONE, tie: None };

    /// Whether it lies before the target, or the target is what it stands at.
    #[inline]
    fn is_behind<H: Handle>(self, target: &impl Target<H>) -> bool {
        if self.head == target.head() {
            self.is_tie_behind(target)
        } else {
            self.head < target.head()
        }
    }

    #[inline(never)]
    fn is_tie_behind<H: Handle>(self, target: &impl Target<H>) -> bool {
        // SAFETY: O2: found in a node under a pin.
        self.tie.map_or(target.is_inside(), |tie| target.is_behind(unsafe { H::borrow(tie) }))
    }
}

impl Node {
    fn new(level: u32, counts: bool, whole: NonNull<Self>) -> Self {
        Self {
            header: Header {
                version: AtomicU64::new(0),
                next: AtomicPtr::new(null_mut()),
                high_head: AtomicU64::new(NONE),
                high_tie: AtomicPtr::new(null_mut()),
                count: AtomicU32::new(0),
                level,
                era: AtomicU64::new(0),
                counts,
                depth: AtomicU32::new(0),
                whole,
            },
            heads: std::array::from_fn(|_| AtomicU64::new(NONE)),
            words: std::array::from_fn(|_| AtomicPtr::new(null_mut())),
        }
    }

    /// An empty node that nobody knows of yet; `None` without memory. Leaves have no counts.
    pub(super) fn alloc(level: u32, counts: bool) -> Option<NonNull<Self>> {
        #[cfg(ferrets_stress)]
        if crate::platform::famine::strikes() {
            return None;
        }
        let (counts, form) = (counts && level > 0, layout(level, counts));
        // SAFETY: M1: the layout holds at least a node.
        let start = NonNull::new(unsafe { alloc(form) })?.cast::<Self>();
        let node = Self::new(level, counts, start);
        if level == 0 {
            // SAFETY: M1: fresh memory with the layout of a leaf.
            unsafe { start.write(node) };
            return Some(start);
        }
        let inner = Inner { node, children: std::array::from_fn(|_| AtomicPtr::new(null_mut())) };
        if counts {
            let counts = std::array::from_fn(|_| AtomicU64::new(0));
            // SAFETY: M1: fresh memory with the layout of an inner node that counts.
            unsafe { start.cast::<Counted>().write(Counted { inner, counts }) };
        } else {
            // SAFETY: M1: fresh memory with the layout of an inner node.
            unsafe { start.cast::<Inner>().write(inner) };
        }
        Some(start)
    }

    /// Gives the memory of a node back, but nothing that it holds.
    ///
    /// # Safety
    /// 1. `node` came from [`alloc`](Self::alloc), and nobody can reach it any more.
    pub(super) unsafe fn free(node: NonNull<Self>) {
        // SAFETY: 1 of ours.
        let Header { level, counts, whole: node, .. } = unsafe { node.as_ref() }.header;
        match (level, counts) {
            // SAFETY: 1 of ours; it is a leaf.
            (0, _) => unsafe { node.drop_in_place() },
            // SAFETY: 1 of ours, O6; it is an inner node.
            (_, false) => unsafe { node.cast::<Inner>().drop_in_place() },
            // SAFETY: 1 of ours, O6; it is an inner node that counts.
            (_, true) => unsafe { node.cast::<Counted>().drop_in_place() },
        }
        // SAFETY: 1 of ours; allocated with this layout.
        unsafe { dealloc(node.as_ptr().cast(), layout(level, counts)) };
    }

    pub(super) fn bytes(&self) -> usize {
        layout(self.header.level, self.header.counts).size()
    }

    pub(super) const fn leaf_bytes() -> usize {
        size_of::<Self>()
    }

    #[inline]
    pub(super) fn level(&self) -> u32 {
        self.header.level
    }

    /// The children of an inner node.
    #[inline]
    fn children(&self) -> &[AtomicPtr<Self>; SLOTS + 1] {
        debug_assert!(self.level() > 0, "leaves have no children");
        let inner = self.header.whole.cast::<Inner>().as_ptr();
        // SAFETY: O6: a node of a level above 0 is the first part of an inner node.
        unsafe { &(*inner).children }
    }

    /// How many items lie below each child, in a node that counts.
    #[inline]
    fn counts(&self) -> &[AtomicU64; SLOTS + 1] {
        debug_assert!(self.header.counts, "other nodes have no counts");
        let counted = self.header.whole.cast::<Counted>().as_ptr();
        // SAFETY: O6: a node that says that it counts is the first part of one.
        unsafe { &(*counted).counts }
    }

    /// Starts loading what a search looks through: all heads at once.
    #[inline]
    pub(super) fn prefetch(node: *const Self) {
        let start = node.cast::<u8>();
        for at in (0..std::mem::offset_of!(Self, words)).step_by(64) {
            prefetch(start.wrapping_add(at));
        }
    }

    /// Starts loading what a search needs of a child: of a leaf its words, too. Which one it will
    /// be is known when the heads are there, and so it would be waited for a second time.
    #[inline]
    pub(super) fn prefetch_below(&self, child: *const Self) {
        if self.level() == 1 { Self::prefetch_whole(child) } else { Self::prefetch(child) }
    }

    /// As [`prefetch`](Self::prefetch), with all words.
    #[inline]
    pub(super) fn prefetch_whole(node: *const Self) {
        let start = node.cast::<u8>();
        for at in (0..size_of::<Self>()).step_by(64) {
            prefetch(start.wrapping_add(at));
        }
    }

    // ---- Reading: nothing of it is to be trusted before `is_unchanged` ----

    /// The version at which to begin, once nothing is being moved.
    #[inline]
    pub(super) fn begin(&self) -> Version {
        // Ordering: Acquire; pairs with the Release in `Locked`: what was moved before is seen.
        let seen = self.header.version.load(Ordering::Acquire);
        if seen & CHANGING == 0 { Version(seen) } else { self.begin_later() }
    }

    #[cold]
    fn begin_later(&self) -> Version {
        let mut backoff = Backoff::new();
        loop {
            backoff.wait();
            // Ordering: Acquire; as in `begin`.
            let seen = self.header.version.load(Ordering::Acquire);
            if seen & CHANGING == 0 {
                return Version(seen);
            }
        }
    }

    #[inline]
    fn version_after(&self) -> u64 {
        // Ordering: an Acquire fence; pairs with the Release fence in `Locked::change`: if anything
        // was read that was moved since, the load below sees that it was.
        fence(Ordering::Acquire);
        self.header.version.load(Ordering::Relaxed)
    }

    /// Whether all that was read since `version` belongs together.
    #[inline]
    pub(super) fn is_unchanged(&self, version: Version) -> bool {
        (self.version_after() ^ version.0) & STABLE == 0
    }

    /// Whether nothing at all has happened since `version`, and nothing was happening then.
    pub(super) fn is_untouched(&self, version: Version) -> bool {
        self.version_after() == version.0 && version.0 & LOCK == 0
    }

    /// The youngest snapshot that has a copy of what the leaf was. If it is read after a word, or
    /// after `is_unchanged`, that was written after the copy was made, it says so.
    #[inline]
    pub(super) fn era(&self) -> u64 {
        // Ordering: Acquire; pairs with the Release in `set_era`: the copy can be found.
        self.header.era.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        // A torn count is at most what some writer has stored.
        (self.header.count.load(Ordering::Relaxed) as usize).min(SLOTS)
    }

    #[inline]
    pub(super) fn head(&self, at: usize) -> u64 {
        self.heads[at & SLOTS].load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn word(&self, at: usize) -> Word {
        // Ordering: Acquire; pairs with the Release in `Locked`: an entry is seen whole.
        Word(self.words[at].load(Ordering::Acquire))
    }

    /// The child at a place of a locked node, with its items.
    pub(super) fn child_and_items(&self, at: usize) -> Child {
        (self.child(at), self.items_of(at))
    }

    #[inline]
    pub(super) fn child(&self, at: usize) -> *mut Self {
        // Ordering: Acquire; pairs with the Release in `Locked`: a node is seen whole.
        self.children()[at & SLOTS].load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn next(&self) -> *mut Self {
        // Ordering: Acquire; pairs with the Release in `Locked`: a node is seen whole.
        self.header.next.load(Ordering::Acquire)
    }

    /// How many items lie below the children before one. Zero if the node does not count.
    pub(super) fn items_before(&self, child: usize) -> u64 {
        if !self.header.counts {
            return 0;
        }
        let counts = &self.counts()[..child.min(SLOTS + 1)];
        // A node that is changing may hold any numbers.
        counts.iter().fold(0, |sum, items| sum.wrapping_add(items.load(Ordering::Relaxed)))
    }

    /// How many items lie in a leaf, or below an inner node that counts.
    pub(super) fn items(&self) -> u64 {
        let count = self.count();
        if self.level() == 0 { count as u64 } else { self.items_before(count + 1) }
    }

    /// The child below which the item lies that has so many others before it below this node, and
    /// how many of them lie below that child; what is left of them if they are too many.
    pub(super) fn child_with(&self, mut before: u64) -> Result<(usize, u64), u64> {
        for child in 0..=self.count() {
            let items = self.counts()[child].load(Ordering::Relaxed);
            if before < items {
                return Ok((child, before));
            }
            before -= items;
        }
        Err(before)
    }

    /// The separator at `at`, with its head at no depth; `inside` is such a head of a key or a
    /// fence that belongs to the node or that it ends at.
    pub(super) fn fence_at<H: Handle>(&self, at: usize, inside: u64) -> Fence {
        let (head, tie, depth) = (self.head(at), self.word(at).raw(), self.depth());
        let head = match tie {
            _ if depth == 0 => head,
            // SAFETY: O2: found in a node under a pin.
            Some(tie) => H::hash(unsafe { H::borrow(tie) }),
            None => unshifted(head, depth, inside),
        };
        Fence { head, tie }
    }

    #[inline]
    pub(super) fn high(&self) -> Fence {
        let head = self.header.high_head.load(Ordering::Relaxed);
        // Ordering: Acquire; pairs with the Release in `Locked`: an entry is seen whole.
        Fence { head, tie: NonNull::new(self.header.high_tie.load(Ordering::Acquire)) }
    }

    /// Whether the target belongs to a node further right.
    #[inline]
    pub(super) fn is_before<H: Handle>(&self, target: &impl Target<H>) -> bool {
        self.is_before_below(target, null_mut())
    }

    /// The same, where it is known that the target lies below an entry, if `bound` is one.
    #[inline]
    pub(super) fn is_before_below<H: Handle>(
        &self,
        target: &impl Target<H>,
        bound: *mut (),
    ) -> bool {
        let head = self.header.high_head.load(Ordering::Relaxed);
        if head != target.head() || target.is_exact() {
            return head <= target.head();
        }
        let high = self.high();
        // Mostly the entry that the parent has told them apart by as well.
        let is_known = high.tie.is_some_and(|tie| tie.as_ptr() == bound);
        !is_known && high.is_behind(target)
    }

    /// The entry that separates a child from what is right of it, for
    /// [`is_before_below`](Self::is_before_below).
    #[inline]
    pub(super) fn bound(&self, child: usize) -> *mut () {
        // Ordering: Acquire; as in `high` and `word`.
        let bound = if child < self.count() { &self.words[child] } else { &self.header.high_tie };
        bound.load(Ordering::Acquire)
    }

    /// So many bits are left out of its heads.
    #[inline]
    pub(super) fn depth(&self) -> u32 {
        self.header.depth.load(Ordering::Relaxed)
    }

    /// The head that what belongs to the node has here.
    #[inline]
    pub(super) fn head_of<H: Handle>(&self, head: u64, seek: &impl Seek<H>) -> u64 {
        // Out of line, so that what has no depth pays for a load and a branch.
        #[inline(never)]
        fn deep<H: Handle>(head: u64, seek: &impl Seek<H>, depth: u32) -> u64 {
            seek.head_at(head, depth)
        }
        if self.depth() == 0 { head } else { deep(head, seek, self.depth()) }
    }

    /// The head of a target that belongs to the node.
    #[inline]
    pub(super) fn head_here<H: Handle>(&self, target: &impl Target<H>) -> u64 {
        // Out of line, as above.
        #[inline(never)]
        fn deep<H: Handle>(target: &impl Target<H>, depth: u32) -> u64 {
            target.head_at(depth)
        }
        if self.depth() == 0 { target.head() } else { deep(target, self.depth()) }
    }

    /// How many heads are the same as the one before.
    pub(super) fn ties(&self) -> usize {
        (1..self.count()).filter(|at| self.head(at - 1) == self.head(*at)).count()
    }

    /// How many heads lie below `head`: first how many groups lie below it whole, by the last head
    /// of each, then how many heads of the next group. No comparison waits for another one but the
    /// second lot for the first, and no branch depends on what is found.
    #[inline]
    pub(super) fn lower_bound(&self, head: u64) -> usize {
        let below = |at: usize| usize::from(self.head(at) < head);
        let groups: usize = (1..GROUPS).map(|group| below(group * GROUP - 1)).sum();
        let first = groups * GROUP;
        first + (0..GROUP - 1).map(|at| below(first + at)).sum::<usize>()
    }

    /// The first place whose entry or separator is not behind; `is_behind` is asked only about
    /// those with the same head.
    #[inline]
    fn partition(&self, head: u64, is_behind: impl Fn(Word) -> bool) -> usize {
        let at = self.lower_bound(head);
        if self.head(at) == head { self.partition_ties(at, head, is_behind) } else { at }
    }

    #[inline(never)]
    fn partition_ties(&self, from: usize, head: u64, is_behind: impl Fn(Word) -> bool) -> usize {
        let (mut low, mut high) = (from, from + 1);
        if self.head(high) == head {
            high = self.lower_bound(head + 1);
        }
        while low < high {
            let middle = low.midpoint(high);
            if is_behind(self.word(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Which child the target belongs to.
    #[inline]
    pub(super) fn child_of<H: Handle>(&self, target: &impl Target<H>) -> usize {
        let head = self.head_here(target);
        if target.is_exact() {
            // No entry is needed to tell its keys apart.
            let at = self.lower_bound(head);
            return at + usize::from(self.head(at) == head);
        }
        self.partition(head, |word| Fence { head, tie: word.raw() }.is_tie_behind(target))
    }

    /// The first entry of a leaf that is not less than a key, or, if `equal`, that is greater. The
    /// key belongs to the leaf.
    pub(super) fn position<H: Handle>(&self, head: u64, equal: bool, seek: &impl Seek<H>) -> usize {
        let head = self.head_of(head, seek);
        if head & EXACT != 0 && seek.is_key() {
            let at = self.lower_bound(head);
            return at + usize::from(equal && self.head(at) == head);
        }
        self.partition(head, |word| {
            // SAFETY: O2: found in a node under a pin.
            let order = word.any().map(|raw| seek.order(unsafe { H::borrow(raw) }));
            order.is_some_and(|order| order.is_lt() || (equal && order.is_eq()))
        })
    }

    /// The same of a key that may belong to another leaf.
    #[inline]
    pub(super) fn position_of_any<H: Handle>(
        &self,
        head: u64,
        equal: bool,
        seek: &impl Seek<H>,
    ) -> usize {
        let outside = if self.depth() > 0 { self.outside(head, equal, seek) } else { None };
        outside.unwrap_or_else(|| self.position(head, equal, seek))
    }

    /// Before or behind all entries, if that is the key's position.
    #[inline(never)]
    fn outside<H: Handle>(&self, head: u64, equal: bool, seek: &impl Seek<H>) -> Option<usize> {
        let is_behind = |raw: NonNull<()>| {
            // SAFETY: O2: found in a node under a pin.
            let order = seek.order(unsafe { H::borrow(raw) });
            order.is_lt() || (equal && order.is_eq())
        };
        if !self.word(0).any().is_some_and(is_behind) {
            return Some(0);
        }
        let high = self.high();
        let is_beyond = high.head < head || high.head == head && high.tie.is_none_or(is_behind);
        is_beyond.then(|| self.count())
    }

    /// The entry of a leaf that has that key, or the place where one would stand. The key belongs
    /// to the leaf.
    #[inline]
    pub(super) fn find<H: Handle>(&self, head: u64, seek: &impl Seek<H>) -> Result<usize, usize> {
        let head = self.head_of(head, seek);
        let at = self.lower_bound(head);
        if self.head(at) != head {
            return Err(at);
        }
        if is_exact(head, seek) { Ok(at) } else { self.find_tie::<H>(at, head, seek) }
    }

    #[inline(never)]
    fn find_tie<H: Handle>(
        &self,
        from: usize,
        head: u64,
        seek: &impl Seek<H>,
    ) -> Result<usize, usize> {
        let (mut low, mut high) = (from, from + 1);
        if self.head(high) == head {
            high = self.lower_bound(head + 1);
        }
        while low < high {
            let middle = low.midpoint(high);
            // Null only if the node is changing.
            let Some(raw) = self.word(middle).any() else { return Err(middle) };
            // SAFETY: O2: found in a node under a pin.
            match seek.order(unsafe { H::borrow(raw) }) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    // ---- Locking ----

    /// Takes the node's lock, whatever has become of the node.
    #[inline]
    pub(super) fn lock(&self) -> Locked<'_> {
        let mut backoff = Backoff::new();
        loop {
            let seen = self.header.version.load(Ordering::Relaxed);
            // Ordering: Acquire; pairs with the Release of whoever unlocked: his changes are seen.
            let taken = seen & LOCK == 0
                && self
                    .header
                    .version
                    .compare_exchange_weak(seen, seen | LOCK, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok();
            if taken {
                return Locked { node: self, version: seen };
            }
            backoff.wait();
        }
    }

    /// The node as its maker changes it, before anybody knows of it.
    ///
    /// Dropping the result is what unlocks it, if it was published before.
    pub(super) fn fresh(&self) -> Locked<'_> {
        self.header.version.store(LOCK, Ordering::Relaxed);
        Locked { node: self, version: 0 }
    }
}

fn layout(level: u32, counts: bool) -> Layout {
    match (level, counts) {
        (0, _) => Layout::new::<Node>(),
        (_, false) => Layout::new::<Inner>(),
        (_, true) => Layout::new::<Counted>(),
    }
}

/// Tells loom that the node is freed: whoever looked at it must have done so before.
#[cfg(ferrets_loom)]
impl Drop for Node {
    fn drop(&mut self) {
        self.header.version.with_mut(|_| ());
        self.header.next.with_mut(|_| ());
        self.header.high_head.with_mut(|_| ());
        self.header.high_tie.with_mut(|_| ());
        self.header.count.with_mut(|_| ());
        self.header.era.with_mut(|_| ());
        self.header.depth.with_mut(|_| ());
        self.heads.iter_mut().for_each(|head| head.with_mut(|_| ()));
        self.words.iter_mut().for_each(|word| word.with_mut(|_| ()));
    }
}

/// What a node was when a reader began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Version(u64);

impl Version {
    /// Whether the node was taken out of the tree: what belonged to it is found elsewhere.
    #[inline]
    pub(super) fn is_dead(self) -> bool {
        self.0 & DEAD != 0
    }
}

/// A node that is locked by us; unlocks when dropped, also while unwinding.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    node: &'a Node,
    /// The version as it is to be when we unlock.
    version: u64,
}

impl<'a> Locked<'a> {
    #[inline]
    pub(super) fn node(&self) -> &'a Node {
        self.node
    }

    #[inline]
    pub(super) fn is_dead(&self) -> bool {
        self.version & DEAD != 0
    }

    /// Whether the node has the same keys and neighbours as it had at `version`.
    #[inline]
    pub(super) fn is_since(&self, version: Version) -> bool {
        (self.version ^ version.0) & STABLE == 0
    }

    /// Moves things about: readers wait, or begin again.
    #[inline]
    pub(super) fn change(&mut self) -> Moving<'_, 'a> {
        self.version = self.version.wrapping_add(STRUCTURE);
        self.node.header.version.store(self.version | LOCK | CHANGING, Ordering::Relaxed);
        // Ordering: a Release fence; pairs with the Acquire fence in `version_after`.
        fence(Ordering::Release);
        Moving { locked: self }
    }

    /// Notes a change that readers of one key need not notice.
    #[inline]
    pub(super) fn touch(&mut self) {
        self.version = self.version.wrapping_add(UPDATE);
    }

    /// Notes that snapshots up to this one have a copy.
    pub(super) fn set_era(&self, era: u64) {
        // Ordering: Release; pairs with the Acquire in `era`. What is written to the leaf later is
        // published by a Release, so who sees it sees this.
        self.node.header.era.store(era, Ordering::Release);
    }

    /// Notes how many items lie below a child; whether that is news.
    pub(super) fn set_items(&self, child: usize, items: u64) -> bool {
        self.node.set_items(child, items) != items
    }

    /// Puts another entry into a slot, for the same key.
    #[inline]
    pub(super) fn replace(&mut self, at: usize, word: Word) {
        self.touch();
        self.node.set_word(at, word);
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        // Ordering: Release; pairs with the Acquire in `begin` and `lock`.
        self.node.header.version.store(self.version, Ordering::Release);
    }
}

impl Node {
    #[inline]
    fn set_word(&self, at: usize, word: Word) {
        // Ordering: Release; pairs with the Acquire in `word`.
        self.words[at].store(word.0, Ordering::Release);
    }

    #[inline]
    fn set(&self, at: usize, head: u64, word: Word) {
        self.heads[at].store(head, Ordering::Relaxed);
        self.set_word(at, word);
    }

    fn set_count(&self, count: usize) {
        self.header.count.store(count as u32, Ordering::Relaxed);
    }

    fn set_child(&self, at: usize, child: *mut Self) {
        // Ordering: Release; pairs with the Acquire in `child`.
        self.children()[at].store(child, Ordering::Release);
    }

    /// How many items lie below a child, if the node counts.
    fn items_of(&self, child: usize) -> u64 {
        if self.header.counts { self.counts()[child].load(Ordering::Relaxed) } else { 0 }
    }

    /// Sets it, and returns what it was.
    fn set_items(&self, child: usize, items: u64) -> u64 {
        let before = self.items_of(child);
        if self.header.counts {
            self.counts()[child].store(items, Ordering::Relaxed);
        }
        before
    }

    /// Takes a child over from a place in another node, or in this one.
    fn take_child(&self, at: usize, from: &Self, place: usize) {
        self.set_child(at, from.child(place));
        self.set_items(at, from.items_of(place));
    }
}

/// A node in which things are moved about; ends when dropped.
#[derive(Debug)]
pub(super) struct Moving<'l, 'a> {
    locked: &'l mut Locked<'a>,
}

impl<'a> Moving<'_, 'a> {
    pub(super) fn node(&self) -> &'a Node {
        self.locked.node
    }

    /// Puts a word in at a place, before those that stand from there on. There must be room.
    #[inline]
    pub(super) fn insert(&mut self, at: usize, head: u64, word: Word) {
        let node = self.locked.node;
        let count = node.count();
        for slot in (at..count).rev() {
            node.set(slot + 1, node.head(slot), node.word(slot));
        }
        node.set(at, head, word);
        node.set_count(count + 1);
    }

    /// As [`insert`](Self::insert), with the child to the right of the separator.
    pub(super) fn insert_child(&mut self, at: usize, separator: Fence, (child, items): Child) {
        let node = self.locked.node;
        for slot in (at + 1..=node.count()).rev() {
            node.take_child(slot + 1, node, slot);
        }
        node.set_child(at + 1, child);
        node.set_items(at + 1, items);
        self.insert(at, separator.head, Word::of(separator.tie));
    }

    /// Sets how many items lie below a child, if the node counts.
    pub(super) fn set_items(&mut self, child: usize, items: u64) {
        self.locked.node.set_items(child, items);
    }

    /// The same, and puts in what was split off that child, so that who adds up sees both or none.
    pub(super) fn split_child(&mut self, (at, kept): (usize, u64), separator: Fence, right: Child) {
        self.set_items(at, kept);
        self.insert_child(at, separator, right);
    }

    /// Puts another word in the place of one, so that who reads the whole node notices.
    pub(super) fn replace(&mut self, at: usize, word: Word) {
        self.locked.node.set_word(at, word);
    }

    /// Takes a word out.
    #[inline]
    pub(super) fn remove(&mut self, at: usize) {
        let node = self.locked.node;
        let count = node.count();
        for slot in at + 1..count {
            node.set(slot - 1, node.head(slot), node.word(slot));
        }
        node.set(count - 1, NONE, Word::EMPTY);
        node.set_count(count - 1);
    }

    /// As [`remove`](Self::remove), with the child to the right of the separator, whose items the
    /// one to the left has got.
    pub(super) fn remove_child(&mut self, at: usize) {
        let node = self.locked.node;
        let count = node.count();
        node.set_items(at, node.items_of(at) + node.items_of(at + 1));
        for slot in at + 2..=count {
            node.take_child(slot - 1, node, slot);
        }
        node.set_child(count, null_mut());
        node.set_items(count, 0);
        self.remove(at);
    }

    /// Gives the node another depth, and what stands in it the heads at that depth, of which
    /// `head_at` knows those of entries; `inside` is as for [`fence_at`](Node::fence_at).
    pub(super) fn set_depth<H: Handle>(
        &mut self,
        depth: u32,
        inside: u64,
        head_at: impl Fn(H::Ref<'_>) -> u64,
    ) {
        let node = self.locked.node;
        let before = node.depth();
        let entries = (0..node.count()).filter_map(|at| node.word(at).any());
        // Each lies on a line of its own: all of them at once.
        entries.for_each(|raw| prefetch(raw.as_ptr().cast()));
        for at in 0..node.count() {
            let head = match node.word(at).any() {
                // SAFETY: O2, O5: in a node that is locked.
                Some(raw) => head_at(unsafe { H::borrow(raw) }),
                None => shifted(unshifted(node.head(at), before, inside), depth),
            };
            node.heads[at].store(head, Ordering::Relaxed);
        }
        node.header.depth.store(depth, Ordering::Relaxed);
    }

    /// Takes the depth over from another node, before anything stands in this one.
    pub(super) fn take_depth(&mut self, from: &Node) {
        self.locked.node.header.depth.store(from.depth(), Ordering::Relaxed);
    }

    /// Makes this the first child of a node without any.
    pub(super) fn set_first_child(&mut self, (child, items): Child) {
        self.locked.node.set_child(0, child);
        self.locked.node.set_items(0, items);
    }

    /// Appends the words of another node from a place on, and its children behind them.
    pub(super) fn append(&mut self, from: &Node, start: usize) {
        let node = self.locked.node;
        let (count, more) = (node.count(), from.count() - start);
        for at in 0..more {
            node.set(count + at, from.head(start + at), from.word(start + at));
            if from.level() > 0 {
                node.take_child(count + at + 1, from, start + at + 1);
            }
        }
        node.set_count(count + more);
    }

    /// Keeps the first `count` words, and the children between and around them.
    pub(super) fn truncate(&mut self, count: usize) {
        let node = self.locked.node;
        for at in count..node.count() {
            node.set(at, NONE, Word::EMPTY);
            if node.level() > 0 {
                node.set_child(at + 1, null_mut());
                node.set_items(at + 1, 0);
            }
        }
        node.set_count(count);
    }

    /// Sets what follows the node, and from where on. The fence's entry goes over to the node.
    pub(super) fn set_next(&mut self, high: Fence, next: *mut Node) {
        let header = &self.locked.node.header;
        header.high_head.store(high.head, Ordering::Relaxed);
        // Ordering: Release; pairs with the Acquire in `high`.
        header.high_tie.store(Word::of(high.tie).0, Ordering::Release);
        // Ordering: Release; pairs with the Acquire in `next`.
        header.next.store(next, Ordering::Release);
    }

    /// Marks the node as taken out of the tree.
    pub(super) fn kill(self) {
        self.locked.version |= DEAD;
    }
}

impl Drop for Moving<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        let version = self.locked.version | LOCK;
        // Ordering: Release; pairs with the Acquire in `begin`: what was moved is seen.
        self.locked.node.header.version.store(version, Ordering::Release);
    }
}

/// A word of a leaf: an entry, or, while a batch is under way, a pending change; of an inner node:
/// an entry or nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word(*mut ());

const PENDING: usize = 1;

impl Word {
    pub(super) const EMPTY: Self = Self(null_mut());

    pub(super) fn entry(raw: NonNull<()>) -> Self {
        Self(raw.as_ptr())
    }

    fn of(raw: Option<NonNull<()>>) -> Self {
        raw.map_or(Self::EMPTY, Self::entry)
    }

    pub(super) fn pending(pending: NonNull<Pending>) -> Self {
        Self(pending.as_ptr().cast::<()>().map_addr(|addr| addr | PENDING))
    }

    /// What to load if it is going to be looked at.
    #[inline]
    pub(super) fn address(self) -> *const u8 {
        self.0.cast_const().cast()
    }

    fn is_pending(self) -> bool {
        self.0.addr() & PENDING != 0
    }

    /// What stands there, if it is not a pending change.
    #[inline]
    pub(super) fn raw(self) -> Option<NonNull<()>> {
        NonNull::new(self.0)
    }

    /// The pending change that stands there.
    #[inline]
    pub(super) fn as_pending<'p>(self) -> Option<&'p Pending> {
        if !self.is_pending() {
            return None;
        }
        let pending = self.0.map_addr(|addr| addr & !PENDING).cast::<Pending>();
        // SAFETY: O4: a pending change is alive while a pin that found it lasts.
        Some(unsafe { &*pending })
    }

    /// An entry with the key.
    #[inline]
    pub(super) fn any(self) -> Option<NonNull<()>> {
        match self.as_pending() {
            Some(pending) => pending.any(),
            None => self.raw(),
        }
    }

    /// The entry that readers see.
    #[inline]
    pub(super) fn visible(self) -> Option<NonNull<()>> {
        match self.as_pending() {
            Some(pending) => pending.visible(),
            None => self.raw(),
        }
    }
}
