//! Splitting and merging: how the tree keeps its shape.

use std::ptr::NonNull;

use smallvec::SmallVec;

use super::node::{Child, Fence, Locked, Moving, NONE, Node, SLOTS, SURE, Target, Word, shifted};
use super::{Delta, Handle, Refused, Root, Share, Tree, retire, retire_node};
use crate::platform::sync::Backoff;
use crate::raw::reclaim::Pin;

/// Whether a node with so many words should be merged with a neighbour. Not at every number, so
/// that one which cannot be merged is not tried again at once.
pub(super) const fn is_sparse(count: usize) -> bool {
    count == 0 || (count < SLOTS / 4 && count % 4 == 0)
}

/// With so many separators between its leaves, a tree counts in stripes: its writers would meet in
/// the totals more often than in a leaf.
const SPREAD: usize = SLOTS.div_ceil(8) + 1;

/// Steps that one delete takes at most, up and down the tree, to merge nodes.
const STEPS: usize = 32;

/// Words that two nodes may have together when they are merged.
const MERGED: usize = SLOTS / 2;

/// Bits that heads leave out at most: to come to a head takes time for each of them.
const DEEPEST: u32 = 4_096;

/// A node that was split: what its parent has to be told.
#[must_use = "the parent has to be told"]
pub(super) struct Split<'p> {
    /// With its head at no depth.
    separator: Fence,
    right: NonNull<Node>,
    /// How many items the right half had when it was made.
    items: u64,
    way: Way<'p>,
}

/// What a split will need above: so that it fails for want of memory before it has begun, or not at
/// all. The nodes stay locked until they have been told, and what they need stays the same.
#[derive(Default)]
pub(super) struct Way<'p> {
    /// The parent, its parent if it is full, and so on, each with the place of the one before.
    locked: SmallVec<[(Locked<'p>, usize); 4]>,
    /// A node for each of these that is full, and one for a new root if there is none that is not.
    nodes: SmallVec<[NonNull<Node>; 4]>,
}

impl<'p> Way<'p> {
    fn lock(&mut self, parent: Locked<'p>, at: usize) -> Result<(), Refused> {
        self.locked.try_reserve(1).map_err(|_| Refused::NoMemory)?;
        self.locked.push((parent, at));
        Ok(())
    }

    fn alloc(&mut self, level: u32, counts: bool) -> Result<(), Refused> {
        self.nodes.try_reserve(1).map_err(|_| Refused::NoMemory)?;
        self.nodes.push(Node::alloc(level, counts).ok_or(Refused::NoMemory)?);
        Ok(())
    }

    /// The next node above.
    fn step(&mut self) -> Option<(Locked<'p>, usize)> {
        (!self.locked.is_empty()).then(|| self.locked.remove(0))
    }

    /// The node that was made for what is being split.
    fn node(&mut self, level: u32) -> NonNull<Node> {
        let node = self.nodes.remove(0);
        // SAFETY: O3: nobody else knows of it.
        debug_assert_eq!(unsafe { node.as_ref() }.level(), level, "one for each level");
        node
    }
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        for node in self.nodes.drain(..) {
            // SAFETY: 1: nobody has heard of it.
            unsafe { Node::free(node) };
        }
    }
}

impl Split<'_> {
    fn child(&self) -> Child {
        (self.right.as_ptr(), self.items)
    }
}

/// A fence just below an entry `right`, which stands behind an entry `left`.
fn separator<H: Share>(left: H::Ref<'_>, right: NonNull<()>) -> Fence {
    // SAFETY: O2, O5: in a node that the caller holds the lock of.
    let head = H::hash(unsafe { H::borrow(right) });
    let tie = (H::hash(left) == head).then(|| share::<H>(Some(right))).flatten();
    Fence { head, tie }
}

/// One more owner of an entry.
fn share<H: Share>(raw: Option<NonNull<()>>) -> Option<NonNull<()>> {
    // SAFETY: O2, O5: in a node that the caller holds the lock of.
    raw.map(|raw| H::share(unsafe { H::borrow(raw) }).into_raw())
}

fn retire_tie<H: Handle>(fence: Fence, pin: &Pin) {
    if let Some(tie) = fence.tie {
        retire::<H>(tie, pin);
    }
}

impl<H: Share> Tree<H> {
    /// Splits a full leaf and puts a new word in at a place, which is the target's. Keys that come
    /// in ascending order leave full leaves behind, those that come in descending order as well.
    /// The new leaf is locked, and so is what is above, as far as it will change.
    pub(super) fn split_leaf<'p>(
        pin: &'p Pin,
        root: &Root<H>,
        locked: &mut Locked<'p>,
        at: usize,
        word: Word,
        target: &impl Target<H>,
    ) -> Result<(Split<'p>, Locked<'p>), Refused> {
        let (leaf, head) = (locked.node(), locked.node().head_here(target));
        let way = Self::reserve(pin, root, leaf, target)?;
        let keep = match at {
            0 => 0,
            SLOTS => SLOTS,
            _ => SLOTS.div_ceil(2),
        };
        let right = Node::alloc(0, false).ok_or(Refused::NoMemory)?;
        root.totals.add(Delta::bytes(Node::leaf_bytes() as i64));
        let lower = root.lower_of_tied(pin, leaf, target);
        // SAFETY: O3: nobody else knows of it.
        let new = unsafe { right.as_ref() };
        let goes_right = at > keep || keep == SLOTS;
        let mut fresh = new.fresh();
        fresh.set_era(leaf.era());
        let mut filling = fresh.change();
        filling.take_depth(leaf);
        filling.append(leaf, keep);
        if goes_right {
            filling.insert(at - keep, head, word);
        }
        filling.set_next(leaf.high(), leaf.next());
        let last = if !goes_right && at == keep { word } else { leaf.word(keep - 1) };
        let separator = Self::between(last, new.word(0));
        if lower.is_some() {
            root.deepen(&mut filling, Some(separator), new.high());
        }
        drop(filling);
        let fence = Fence { tie: share::<H>(separator.tie), ..separator };
        let mut moving = locked.change();
        moving.truncate(keep);
        if !goes_right {
            moving.insert(at, head, word);
        }
        moving.set_next(fence, right.as_ptr());
        if let Some(lower) = lower {
            root.deepen(&mut moving, lower, separator);
        }
        drop(moving);
        Ok((Split { separator, right, items: new.items(), way }, fresh))
    }

    /// The fence between two words that follow each other in a leaf.
    fn between(left: Word, right: Word) -> Fence {
        let (Some(left), Some(right)) = (left.any(), right.any()) else { return Fence::END };
        // SAFETY: O2, O5: in a leaf that the caller holds the lock of.
        separator::<H>(unsafe { H::borrow(left) }, right)
    }

    /// Gets all that a split of a leaf, which the caller holds the lock of, will need above.
    fn reserve<'p>(
        pin: &'p Pin,
        root: &Root<H>,
        leaf: &'p Node,
        target: &impl Target<H>,
    ) -> Result<Way<'p>, Refused> {
        let (mut way, mut node) = (Way::default(), leaf);
        while let Some((parent, at)) = Self::lock_parent(pin, root, node, target) {
            node = parent.node();
            way.lock(parent, at)?;
            if node.count() < SLOTS {
                return Ok(way);
            }
            way.alloc(node.level(), root.counts)?;
        }
        way.alloc(node.level() + 1, root.counts)?;
        Ok(way)
    }

    /// Splits a full inner node and puts in what one of its children was split into, as `post`. The
    /// target lies in the node.
    fn split_inner<'p>(
        pin: &Pin,
        root: &Root<H>,
        locked: &mut Locked<'_>,
        (at, items): (usize, u64),
        mut split: Split<'p>,
        target: &impl Target<H>,
    ) -> Split<'p> {
        let (node, child, given) = (locked.node(), split.child(), split.separator);
        let lower = root.lower_of_tied(pin, node, target);
        let separator = root.fence_within(node, given);
        let right = split.way.node(node.level());
        // SAFETY: O3: nobody else knows of it.
        let new = unsafe { right.as_ref() };
        root.totals.add(Delta::bytes(new.bytes() as i64));
        let mut fresh = new.fresh();
        let mut filling = fresh.change();
        filling.take_depth(node);
        filling.set_next(node.high(), node.next());
        // The separator that goes up, and what follows it goes to the right.
        let keep = if at == SLOTS { SLOTS } else { SLOTS / 2 };
        let up = if at == SLOTS {
            filling.set_first_child(child);
            given
        } else {
            filling.set_first_child(node.child_and_items(keep + 1));
            filling.append(node, keep + 1);
            if at > keep {
                filling.split_child((at - keep - 1, items), separator, child);
            }
            node.fence_at::<H>(keep, given.head)
        };
        if lower.is_some() {
            root.deepen(&mut filling, Some(up), new.high());
        }
        drop(filling);
        let moved = new.items();
        drop(fresh);
        let fence = Fence { tie: share::<H>(up.tie), ..up };
        let mut moving = locked.change();
        moving.truncate(keep);
        if at == SLOTS {
            moving.set_items(at, items);
        } else if at <= keep {
            moving.split_child((at, items), separator, child);
        }
        moving.set_next(fence, right.as_ptr());
        if let Some(lower) = lower {
            root.deepen(&mut moving, lower, up);
        }
        Split { separator: up, right, items: moved, way: split.way }
    }

    /// The parent of a node that we hold the lock of, locked, and the place of the node in it;
    /// `None` if the node is the root.
    fn lock_parent<'p>(
        pin: &'p Pin,
        root: &Root<H>,
        node: &Node,
        target: &impl Target<H>,
    ) -> Option<(Locked<'p>, usize)> {
        let mut backoff = Backoff::new();
        loop {
            if std::ptr::eq(root.top(pin), node) {
                return None; // only the holder of its lock puts another node above
            }
            if let Some(locked) = Self::lock_at(pin, root, node.level() + 1, target) {
                if let Some(at) = place_of(locked.node(), node, locked.node().child_of(target)) {
                    return Some((locked, at));
                }
            }
            // Whoever split the node off has not told its parent yet; he needs no lock of ours.
            backoff.wait();
        }
    }

    /// Tells the nodes above of what has become of `node`, which the caller holds the lock of, in
    /// `held` or elsewhere: that it was split, and, in a tree that counts, how many items it has
    /// now. Returns how many items lie before the node, if the tree counts, and if somebody asks or
    /// anything has changed.
    ///
    /// A node is unlocked when its parent knows; so on each level writers come by in one order.
    pub(super) fn rise<'p>(
        pin: &'p Pin,
        root: &Root<H>,
        mut node: &'p Node,
        held: Option<Locked<'p>>,
        mut split: Option<Split<'p>>,
        is_asked: bool,
        target: &impl Target<H>,
    ) -> u64 {
        let (mut before, mut _held) = (0, held);
        while split.is_some() || root.counts {
            let known = split.as_mut().and_then(|split| split.way.step());
            let parent = known.or_else(|| Self::lock_parent(pin, root, node, target));
            let Some((mut parent, at)) = parent else {
                split.into_iter().for_each(|split| Self::grow(root, node, split));
                break;
            };
            let above = parent.node();
            before += above.items_before(at);
            split = if let Some(split) = split {
                Self::post(pin, root, &mut parent, (at, node.items()), split, target)
            } else {
                let changed = root.counts && parent.set_items(at, node.items());
                if !(changed || is_asked) {
                    break;
                }
                None
            };
            _held = Some(parent);
            node = above;
        }
        before
    }

    /// Puts what a child was split into in its parent; what the parent is split into if it is full.
    /// `left` is where the child stands, and what it has kept: nobody may see it without the rest.
    fn post<'p>(
        pin: &Pin,
        root: &Root<H>,
        parent: &mut Locked<'_>,
        left: (usize, u64),
        split: Split<'p>,
        target: &impl Target<H>,
    ) -> Option<Split<'p>> {
        let node = parent.node();
        if node.count() == SLOTS {
            return Some(Self::split_inner(pin, root, parent, left, split, target));
        }
        let separator = root.fence_within(node, split.separator);
        parent.change().split_child(left, separator, split.child());
        if node.level() == 1 && node.count() == SPREAD {
            root.totals.spread();
        }
        None
    }

    /// Puts a new root above the two halves of the old one.
    fn grow(root: &Root<H>, left: &Node, mut split: Split<'_>) {
        let top = split.way.node(left.level() + 1);
        // SAFETY: O3: nobody else knows of it.
        let node = unsafe { top.as_ref() };
        root.totals.add(Delta::bytes(node.bytes() as i64));
        {
            let mut fresh = node.fresh();
            let mut filling = fresh.change();
            filling.set_first_child((std::ptr::from_ref(left).cast_mut(), left.items()));
            filling.insert_child(0, split.separator, split.child());
        }
        root.set_top(top.as_ptr());
    }

    /// Merges the leaf that the target belongs to with a neighbour, if that can be done now, and
    /// does the same above where that leaves few children. Nodes that become one have children that
    /// were kept apart until then, so it begins once more at the leaf.
    #[cold]
    pub(super) fn merge(pin: &Pin, root: &Root<H>, target: &impl Target<H>) {
        let (mut level, mut joined) = (0, false);
        for _ in 0..STEPS {
            let children = match Self::sparse_pair(pin, root, level, target) {
                None => None, // the top
                Some((children, None)) => Some(children),
                Some((_, Some((left, right)))) => {
                    let Some(children) = Self::merge_pair(pin, root, left, right, target) else {
                        continue; // somebody else has merged one of them; is what he left sparse?
                    };
                    joined |= level > 0;
                    Some(children)
                }
            };
            level = match children {
                Some(children) if is_sparse(children) => level + 1,
                _ if std::mem::take(&mut joined) => 0,
                _ => break,
            };
        }
        Self::collapse(pin, root);
    }

    /// Merges the leaf that the target belongs to, if it is sparse.
    pub(super) fn merge_sparse(pin: &Pin, root: &Root<H>, target: &impl Target<H>) {
        let leaf = root.descend(pin, 0, target);
        if leaf.is_some_and(|(leaf, _)| is_sparse(leaf.count())) {
            Self::merge(pin, root, target);
        }
    }

    /// The number of separators of the target's parent, and two of its children, one of which is
    /// the target's, that can be merged; `None` if there is no parent.
    fn sparse_pair<'p>(
        pin: &'p Pin,
        root: &Root<H>,
        level: u32,
        target: &impl Target<H>,
    ) -> Option<(usize, Option<(&'p Node, &'p Node)>)> {
        let (count, pairs) = loop {
            let (parent, version) = root.descend(pin, level + 1, target)?;
            let (at, count) = (parent.child_of(target), parent.count());
            let pairs = [at.checked_sub(1), (at < count).then_some(at)];
            let pairs = pairs.map(|left| left.map(|at| (parent.child(at), parent.child(at + 1))));
            if parent.is_unchanged(version) {
                break (count, pairs);
            }
        };
        let pair = pairs.into_iter().flatten().find_map(|(left, right)| {
            // SAFETY: O2: found in a node that was not being changed, under the pin.
            let left = unsafe { &*left };
            // SAFETY: O2, as above.
            let right = unsafe { &*right };
            (can_merge(left, right) && root.may_merge(left, right)).then_some((left, right))
        });
        Some((count, pair))
    }

    /// Moves all of the right node to the left one, and takes the right one out of the tree;
    /// returns how many separators are left in their parent, or `None` if things have changed.
    fn merge_pair(
        pin: &Pin,
        root: &Root<H>,
        left: &Node,
        right: &Node,
        target: &impl Target<H>,
    ) -> Option<usize> {
        let mut into = left.lock();
        if into.is_dead() || !std::ptr::eq(left.next(), right) {
            return None;
        }
        let mut from = right.lock();
        if from.is_dead() || !can_merge(left, right) || !root.may_merge(left, right) {
            return None;
        }
        let mut parent = Self::lock_at(pin, root, left.level() + 1, target)?;
        let at = place_of(parent.node(), left, 0)?;
        if at == parent.node().count() || !std::ptr::eq(parent.node().child(at + 1), right) {
            return None; // their parent was split between them
        }
        let separator = parent.node().fence_at::<H>(at, target.head());
        let lower = at.checked_sub(1);
        let lower = lower.map(|at| parent.node().fence_at::<H>(at, target.head()));
        parent.change().remove_child(at);
        let children = parent.node().count();
        let fence = left.high();
        {
            let mut moving = into.change();
            let depth = root.common(lower, right.high()).min(left.depth()).min(right.depth());
            root.set_depth(&mut moving, depth, separator.head);
            if left.level() > 0 {
                let between = root.fence_within(left, separator);
                moving.insert_child(left.count(), between, right.child_and_items(0));
            }
            if right.depth() != depth {
                root.set_depth(&mut from.change(), depth, separator.head);
            }
            moving.append(right, 0);
            moving.set_next(right.high(), right.next());
            // Before anybody can change what was moved: who is in there must not believe it.
            from.change().kill();
        }
        drop((into, from, parent));
        if left.level() == 0 {
            retire_tie::<H>(separator, pin);
        }
        retire_tie::<H>(fence, pin);
        root.totals.add(Delta::bytes(-(right.bytes() as i64)));
        retire_node(right, pin);
        Some(children)
    }

    /// Takes roots off that have one child.
    fn collapse(pin: &Pin, root: &Root<H>) {
        loop {
            let top = root.top(pin);
            if top.level() == 0 || top.count() > 0 {
                return;
            }
            // SAFETY: O2: the first child of a node never changes.
            let child = unsafe { &*top.child(0) };
            let below = child.lock();
            let mut locked = top.lock();
            let is_only = !locked.is_dead()
                && std::ptr::eq(root.top(pin), top)
                && top.count() == 0
                && std::ptr::eq(top.child(0), child)
                && !below.is_dead()
                && child.next().is_null();
            if !is_only {
                return;
            }
            root.set_top(std::ptr::from_ref(child).cast_mut());
            locked.change().kill();
            drop((below, locked));
            root.totals.add(Delta::bytes(-(top.bytes() as i64)));
            retire_node(top, pin);
        }
    }
}

impl<H: Share> Root<H> {
    /// A fence with its head as it is in a node that it lies in.
    fn fence_within(&self, node: &Node, fence: Fence) -> Fence {
        let head = match (node.depth(), fence.tie, self.heads) {
            (0, ..) => fence.head,
            // SAFETY: O2, O5: in a node that the caller holds the lock of.
            (depth, Some(tie), Some(heads)) => heads.head_at(unsafe { H::borrow(tie) }, depth),
            (depth, ..) => shifted(fence.head, depth),
        };
        Fence { head, ..fence }
    }

    /// Where a node begins in which so many heads tie that it should have another depth when it
    /// has been split; `None` if it should not. It holds the target, and is locked.
    fn lower_of_tied(
        &self,
        pin: &Pin,
        node: &Node,
        target: &impl Target<H>,
    ) -> Option<Option<Fence>> {
        let is_tied = self.heads.is_some() && node.ties() > SLOTS / 4;
        is_tied.then(|| self.descend_between(pin, node.level(), target).1)
    }

    /// Gives a node the depth that its ends allow.
    fn deepen(&self, moving: &mut Moving<'_, '_>, lower: Option<Fence>, upper: Fence) {
        let depth = self.common(lower, upper);
        if depth > moving.node().depth() {
            // All of the node has the first bits of its upper end; `depth` are not too many.
            self.set_depth(moving, depth, upper.head);
        }
    }

    fn set_depth(&self, moving: &mut Moving<'_, '_>, depth: u32, inside: u64) {
        if let Some(heads) = self.heads.filter(|_| moving.node().depth() != depth) {
            moving.set_depth::<H>(depth, inside, |entry| heads.head_at(entry, depth));
        }
    }

    /// How many bits all codes begin with that lie between two fences.
    fn common(&self, lower: Option<Fence>, upper: Fence) -> u32 {
        let (Some(lower), Some(heads)) = (lower, self.heads) else { return 0 };
        let same = |a: u64, b: u64| (a ^ b).leading_zeros().min(SURE);
        let (Some(low), Some(high)) = (lower.tie, upper.tie) else {
            return if upper.head == NONE { 0 } else { same(lower.head, upper.head) };
        };
        // SAFETY: O2: a fence of a node that the caller holds the lock of, under a pin.
        let low = unsafe { H::borrow(low) };
        // SAFETY: O2, as above.
        let high = unsafe { H::borrow(high) };
        let mut depth = 0;
        while depth < DEEPEST {
            let (a, b) = (heads.head_at(low, depth), heads.head_at(high, depth));
            if a != b {
                return depth + same(a, b);
            }
            if a == 0 {
                break; // nothing is left of either
            }
            depth += SURE;
        }
        depth
    }
}

/// Where a node stands in its parent, most likely at `first`.
fn place_of(parent: &Node, node: &Node, first: usize) -> Option<usize> {
    let is_there = |at: &usize| std::ptr::eq(parent.child(*at), node);
    std::iter::once(first).chain(0..=parent.count()).find(is_there)
}

/// Whether two neighbours should become one.
fn can_merge(left: &Node, right: &Node) -> bool {
    let (a, b) = (left.count(), right.count());
    let separator = usize::from(left.level() > 0);
    let together = a + b + separator;
    together <= MERGED || ((a == 0 || b == 0) && together <= SLOTS)
}
