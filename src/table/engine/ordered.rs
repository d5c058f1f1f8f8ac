//! `ordered_set`: one object a key, in the order of keys; keys are the same if they are `==`.

use std::borrow::Borrow;
use std::cmp::Ordering;

use smallvec::SmallVec;

use super::batch::{After, Given, One, Plan, Step as BatchStep, Stop};
use super::set::{Before, NotAll, Updated, exchanged, updated};
use super::told::{self, Told};
use super::{Edit, Key, Mark, Objects, OwnerId, Position, Step, Stride, expired, key_of, push};
use crate::error::Result;
use crate::platform::wake::Wake;
use crate::raw::block::{Block, BlockRef};
use crate::raw::ordered::{
    Batch, EXACT, Heads, Limit, Pages, Seek, SeekAll, Snapshot, Spot, Tree, Walk, shifted,
};
use crate::raw::reclaim::Pin;
use crate::raw::watch::Hub;
use crate::raw::{Change, Refused};
use crate::term::{Edge, KeyHasher, Object, ObjectRef, TermRef, compare, head_at};

/// A tree with one block a key. The hash of a block in it is the head of its key.
#[derive(Debug)]
pub(crate) struct OrderedEngine {
    tree: Tree<Block>,
    keypos: usize,
    /// Whether the tree counts what lies where.
    counts: bool,
    hasher: KeyHasher,
    hub: Hub<Told>,
}

impl OrderedEngine {
    pub(super) fn new(keypos: usize, counts: bool, hasher: KeyHasher) -> Option<Self> {
        let heads = Heads::<Block> { at: head_of, which: keypos };
        let tree = Tree::new(counts, Some(heads))?;
        Some(Self { tree, keypos, counts, hasher, hub: Hub::new() })
    }

    pub(crate) fn counts(&self) -> bool {
        self.counts
    }

    pub(super) fn hub(&self) -> &Hub<Told> {
        &self.hub
    }

    pub(crate) fn keypos(&self) -> usize {
        self.keypos
    }

    /// Where a key belongs, starting to load it; `None` if it takes objects to tell.
    #[inline]
    pub(crate) fn spot<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<Spot<'p>> {
        (key.hash & EXACT != 0).then(|| self.tree.spot(pin, key.hash, Exact))
    }

    /// Starts loading the object of a key, if there is one.
    #[inline]
    pub(crate) fn prefetch_at(&self, spot: Option<Spot<'_>>, key: Key<'_>) {
        if let Some(spot) = spot {
            spot.prefetch_entry::<Block>(key.hash, Exact);
        }
    }

    /// The object of a key, where it belongs.
    #[inline]
    pub(crate) fn get_at<'p>(
        &self,
        pin: &'p Pin,
        spot: Option<Spot<'p>>,
        key: Key<'_>,
    ) -> Option<ObjectRef<'p>> {
        let Some(spot) = spot else { return self.get_by_order(pin, key) };
        self.tree.get_at(pin, spot, key.hash, Exact).map(ObjectRef::new)
    }

    pub(super) fn index(&self) -> &Tree<Block> {
        &self.tree
    }

    /// The key of a block.
    pub(super) fn key<'b>(&self, block: BlockRef<'b>) -> Key<'b> {
        Key { term: key_of(block, self.keypos), hash: block.hash() }
    }

    /// How the keys of blocks stand to another.
    fn order<'k>(&self, key: TermRef<'k>) -> To<'k> {
        To { key, keypos: self.keypos }
    }

    /// How the keys of two blocks stand to each other.
    fn between(&self) -> impl Compare + use<> {
        between(self.keypos)
    }

    /// Pages from one edge of a range to the other.
    pub(crate) fn pages<'p, E: Borrow<Edge>>(
        &self,
        pin: &'p Pin,
        near: &Edge,
        far: E,
        walk: Walk,
    ) -> Pages<'p, Block, impl Compare + use<E>, ToEdge<E>> {
        let near = limit(near, self.keypos, !walk.back);
        let far = limit(far, self.keypos, walk.back);
        self.tree.pages(pin, &near, far, walk, self.between())
    }

    /// All as it is now.
    pub(crate) fn snapshot(&self, pin: &Pin) -> Result<OrderedSnapshot, Refused> {
        let snapshot = self.tree.snapshot(pin, self.between())?;
        Ok(OrderedSnapshot { snapshot, keypos: self.keypos })
    }

    /// How many objects lie before an edge that is the upper one of a range, or the lower one.
    /// O(log n), if the tree counts.
    pub(crate) fn rank(&self, pin: &Pin, edge: &Edge, upper: bool) -> u64 {
        self.tree.rank(pin, &limit(edge, self.keypos, !upper), upper)
    }

    /// How many objects lie before a key, and whether it has one.
    pub(crate) fn rank_of(&self, pin: &Pin, key: Key<'_>) -> (u64, bool) {
        self.tree.rank_of(pin, key.hash, self.order(key.term))
    }

    /// The object that has so many others before it.
    pub(crate) fn nth<'p>(&self, pin: &'p Pin, index: u64) -> Option<BlockRef<'p>> {
        self.tree.nth(pin, index)
    }

    /// As [`insert`](Self::insert); whether the object has taken the place of another, and how many
    /// lie before it.
    pub(crate) fn insert_ranked(&self, pin: &Pin, block: Block) -> Result<(bool, u64), Refused> {
        let (head, shared) = (block.borrow().hash(), block.clone());
        let order = self.order(key_of(shared.borrow(), self.keypos));
        let put = |old: Option<BlockRef<'_>>| (Change::Put(block), old.is_some());
        self.tree.write_ranked(pin, head, order, put, self.tell())
    }

    /// As [`take`](Self::take); how many objects lie before the one that was taken, too.
    pub(crate) fn take_ranked(
        &self,
        pin: &Pin,
        key: Key<'_>,
    ) -> Result<(Result<Option<Object>>, u64), Refused> {
        let take = |old: Option<BlockRef<'_>>| match old.map(|old| ObjectRef::new(old).to_object())
        {
            None => (Change::Keep, Ok(None)),
            Some(Err(error)) => (Change::Keep, Err(error)),
            Some(Ok(object)) => (Change::Remove, Ok(Some(object))),
        };
        self.tree.write_ranked(pin, key.hash, self.order(key.term), take, self.tell())
    }

    /// Takes the first object out, or the last one.
    pub(crate) fn pop(&self, pin: &Pin, back: bool) -> Result<Option<Block>, Refused> {
        let order = |a: BlockRef<'_>, b: BlockRef<'_>| self.compare_blocks(a, b);
        let tell = |life, block: BlockRef<'_>| self.tell_seen(life, told::Seen::deleted(block));
        self.tree.pop(pin, back, order, |block| block.to_block(), tell)
    }

    #[inline]
    pub(super) fn get<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<ObjectRef<'p>> {
        if key.hash & EXACT != 0 {
            // The head decides: a search that compares no terms.
            return self.tree.get(pin, key.hash, Exact).map(ObjectRef::new);
        }
        self.get_by_order(pin, key)
    }

    #[inline(never)]
    fn get_by_order<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<ObjectRef<'p>> {
        self.tree.get(pin, key.hash, self.order(key.term)).map(ObjectRef::new)
    }

    fn write<R>(
        &self,
        pin: &Pin,
        key: Key<'_>,
        change: impl FnOnce(Option<BlockRef<'_>>) -> (Change<Block>, R),
    ) -> Result<R, Refused> {
        let tell = self.tell();
        if key.hash & EXACT != 0 {
            return self.tree.write(pin, key.hash, Exact, change, tell);
        }
        self.tree.write(pin, key.hash, self.order(key.term), change, tell)
    }

    /// Tells that one block has taken the place of another.
    fn tell(&self) -> impl FnOnce(u64, Option<BlockRef<'_>>, Option<BlockRef<'_>>) -> Wake {
        move |life, old, new| self.tell_seen(life, told::Seen::of(old, new))
    }

    fn tell_seen(&self, life: u64, seen: told::Seen<'_>) -> Wake {
        told::tell(&self.hub, life, |block| self.digest_of(block), seen)
    }

    /// Tells the changes of one instant.
    fn tell_all(&self, life: u64, changes: &mut told::Changes, spent: &mut told::Spent) -> Wake {
        let changes = std::mem::take(changes);
        told::tell_all(&self.hub, life, |block| self.digest_of(block), changes, spent)
    }

    /// What those watch a key by who watch but one: the same for keys that are `==`, where heads
    /// are the same for all that begin alike.
    pub(super) fn digest(&self, key: Key<'_>) -> u64 {
        if key.hash & EXACT != 0 { key.hash } else { self.hasher.hash_ties(key.term) }
    }

    /// The digest of a block's key.
    fn digest_of(&self, block: BlockRef<'_>) -> u64 {
        self.digest(self.key(block))
    }

    /// Writes with a new block at hand.
    fn write_block<R>(
        &self,
        pin: &Pin,
        block: Block,
        change: impl FnOnce(Block, Option<BlockRef<'_>>) -> (Change<Block>, R),
    ) -> Result<R, Refused> {
        let head = block.borrow().hash();
        let tell = self.tell();
        if head & EXACT != 0 {
            let change = |old: Option<BlockRef<'_>>| change(block, old);
            return self.tree.write(pin, head, Exact, change, tell);
        }
        // Its key is compared with others until it stands among them.
        let shared = block.clone();
        let order = self.order(key_of(shared.borrow(), self.keypos));
        self.tree.write(pin, head, order, |old| change(block, old), tell)
    }

    pub(super) fn insert(&self, pin: &Pin, block: Block) -> Result<(), Refused> {
        self.write_block(pin, block, |block, _| (Change::Put(block), ()))
    }

    pub(super) fn insert_new(&self, pin: &Pin, block: Block) -> Result<bool, Refused> {
        self.write_block(pin, block, |block, old| match old {
            Some(_) => (Change::Keep, false),
            None => (Change::Put(block), true),
        })
    }

    /// Sorts blocks by their keys. Stable: those with the same key keep the order of the list.
    pub(super) fn sort(&self, blocks: &mut [Block]) {
        blocks.sort_by(|a, b| self.compare_blocks(a.borrow(), b.borrow()));
    }

    fn compare_blocks(&self, a: BlockRef<'_>, b: BlockRef<'_>) -> Ordering {
        let tie = || compare(key_of(a, self.keypos), key_of(b, self.keypos));
        a.hash().cmp(&b.hash()).then_with(tie)
    }

    /// `blocks` are in the order of their keys.
    pub(super) fn insert_all(
        &self,
        pin: &Pin,
        blocks: Vec<Block>,
        new: bool,
    ) -> Result<bool, Refused> {
        let head = |block: &Block| block.borrow().hash();
        let body = |batch: &mut Batch<'_, Block>| {
            let exists = |block| batch.get(head(block), self.to(block)).is_some();
            if new && blocks.iter().any(exists) {
                return Err(NotAll::Exists);
            }
            let same = |a: &Block, b: &Block| self.compare_blocks(a.borrow(), b.borrow()).is_eq();
            let mut changes = told::Changes::new();
            for objects in blocks.chunk_by(same) {
                // Of objects with the same key the last in the list counts.
                let Some(block) = objects.last() else { continue };
                if batch.is_watched() {
                    let old = batch.get(head(block), self.to(block));
                    changes.push(told::Change::of(old, Some(block.borrow())));
                }
                batch.put(head(block), self.to(block), block.clone())?;
            }
            Ok(changes)
        };
        let mut spent = told::Spent::default();
        let tell = |life, changes: &mut told::Changes| self.tell_all(life, changes, &mut spent);
        match self.tree.batch(pin, &blocks, self, body, tell) {
            Ok(_) => Ok(true),
            Err(NotAll::Exists) => Ok(false),
            Err(NotAll::Refused(refused)) => Err(refused),
        }
    }

    fn to<'b>(&self, block: &'b Block) -> To<'b> {
        self.order(key_of(block.borrow(), self.keypos))
    }

    /// Does the steps of a batch.
    pub(super) fn batch(&self, pin: &Pin, steps: &[BatchStep]) -> Result<Vec<Given>, Stop> {
        let plan = Plan::new(steps, self.keypos, true);
        let body = |batch: &mut Batch<'_, Block>| {
            let content = |key: &Key<'_>| One::new(batch.get(key.hash, self.order(key.term)));
            let mut contents: SmallVec<[_; 16]> = plan.keys.iter().map(content).collect();
            let given = plan.run(&mut contents)?;
            let changes =
                if batch.is_watched() { One::changes(&contents) } else { SmallVec::new() };
            for (content, key) in contents.into_iter().zip(&plan.keys) {
                let order = self.order(key.term);
                match content.into_after() {
                    After::Same => {}
                    After::Gone => batch.remove(key.hash, order)?,
                    After::Put(block) => batch.put(key.hash, order, block)?,
                }
            }
            Ok::<_, Stop>((given, changes))
        };
        let mut spent = told::Spent::default();
        let tell =
            |life, (_, changes): &mut (_, told::Changes)| self.tell_all(life, changes, &mut spent);
        Ok(self.tree.batch(pin, &plan.keys, self, body, tell)?.0)
    }

    pub(super) fn each<'p>(
        &self,
        pin: &'p Pin,
        key: Key<'_>,
        mut visit: impl FnMut(ObjectRef<'p>),
    ) -> bool {
        self.get(pin, key).map(&mut visit).is_some()
    }

    pub(super) fn take(&self, pin: &Pin, key: Key<'_>) -> Result<Result<Objects>, Refused> {
        self.write(pin, key, |old| match old.map(|block| ObjectRef::new(block).to_object()) {
            None => (Change::Keep, Ok(Objects::default())),
            Some(Err(error)) => (Change::Keep, Err(error)),
            Some(Ok(object)) => (Change::Remove, Ok(Objects::from(Some(object)))),
        })
    }

    pub(super) fn delete(&self, pin: &Pin, key: Key<'_>) -> Result<(), Refused> {
        self.write(pin, key, |_| (Change::Remove, ()))
    }

    /// Deletes the object with the key of a block; whether there was one.
    pub(crate) fn delete_block(&self, pin: &Pin, block: BlockRef<'_>) -> Result<bool, Refused> {
        self.write(pin, self.key(block), |old| (Change::Remove, old.is_some()))
    }

    pub(super) fn delete_object(&self, pin: &Pin, block: &Block) -> Result<(), Refused> {
        self.delete_exactly(pin, block).map(|_| ())
    }

    pub(super) fn delete_exactly(&self, pin: &Pin, block: &Block) -> Result<usize, Refused> {
        let object = ObjectRef::new(block.borrow());
        self.write(pin, self.key(block.borrow()), |old| {
            let equal = old.is_some_and(|old| ObjectRef::new(old).equal(object));
            (if equal { Change::Remove } else { Change::Keep }, usize::from(equal))
        })
    }

    pub(super) fn expire(
        &self,
        pin: &Pin,
        block: &Block,
        owner: OwnerId,
    ) -> Result<Option<Block>, Refused> {
        self.write(pin, self.key(block.borrow()), |old| expired(old, owner))
    }

    /// As for a set. The stored key stays, also where the one that is asked for is only `==`.
    pub(crate) fn update<R>(
        &self,
        pin: &Pin,
        key: Key<'_>,
        default: Option<Block>,
        edit: impl FnOnce(ObjectRef<'_>) -> Result<(Edit, R)>,
    ) -> Result<Result<Updated<R>>, Refused> {
        let before = Before::default();
        let change = |old: Option<BlockRef<'_>>, in_place| {
            updated(before.note(old), default.as_ref(), in_place, edit)
        };
        let tell = |life, old: Option<BlockRef<'_>>, new: Option<BlockRef<'_>>| {
            self.tell_seen(life, before.change(old, new))
        };
        if key.hash & EXACT != 0 {
            return self.tree.edit(pin, key.hash, Exact, change, tell);
        }
        self.tree.edit(pin, key.hash, self.order(key.term), change, tell)
    }

    /// As for a set.
    pub(crate) fn exchange(
        &self,
        pin: &Pin,
        key: Key<'_>,
        expected: Option<ObjectRef<'_>>,
        new: Option<Block>,
    ) -> Result<bool, Refused> {
        self.write(pin, key, |old| exchanged(old, expected, new))?
    }

    /// Shows objects in the order of their keys, or against it, until at least `budget` were shown.
    pub(super) fn scan<'p>(
        &self,
        pin: &'p Pin,
        from: Mark,
        back: bool,
        budget: usize,
        visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<Mark> {
        self.scan_range(pin, (&from.edge(self.keypos), &Edge::Open), back, budget, visit)
    }

    /// As [`scan`](Self::scan), from one edge of a range to the other.
    pub(crate) fn scan_range<'p>(
        &self,
        pin: &'p Pin,
        (near, far): (&Edge, &Edge),
        back: bool,
        budget: usize,
        mut visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<Mark> {
        let mut pages = self.pages(pin, near, far, Walk { back, ..Walk::default() });
        let mut left = budget;
        loop {
            let some = pages.len().min(left);
            if back {
                pages.entries().rev().take(some).map(ObjectRef::new).for_each(&mut visit);
            } else {
                pages.entries().take(some).map(ObjectRef::new).for_each(&mut visit);
            }
            left -= some;
            if left == 0 {
                let last = if back { pages.len() - some } else { some.wrapping_sub(1) };
                if let Some(last) = pages.entry(last) {
                    return Some(Mark::After(last.to_block()));
                }
            }
            if !pages.advance() {
                return None;
            }
        }
    }

    pub(super) fn step(
        &self,
        pin: &Pin,
        position: Position<'_>,
        Stride { back, objects: wanted }: Stride,
    ) -> Result<Step> {
        let next = match self.neighbour(pin, position, back) {
            None => None,
            Some(block) => {
                let mut objects = Ok(Objects::default());
                if wanted {
                    push(&mut objects, ObjectRef::new(block));
                }
                Some((key_of(block, self.keypos).to_term()?, objects?))
            }
        };
        // The way leads on from keys that are not there, too.
        Ok(Step { from_exists: true, next })
    }

    /// The first block behind a position.
    pub(crate) fn neighbour<'p>(
        &self,
        pin: &'p Pin,
        position: Position<'_>,
        back: bool,
    ) -> Option<BlockRef<'p>> {
        let beside = match position {
            Position::Start => None,
            Position::On(key) if key.hash & EXACT != 0 => {
                self.tree.beside(pin, key.hash, Exact, back)
            }
            Position::On(key) => self.tree.beside(pin, key.hash, self.order(key.term), back),
        };
        beside.or_else(|| self.first_behind(pin, position, back))
    }

    /// The first block behind a position, by a walk.
    #[inline(never)]
    fn first_behind<'p>(
        &self,
        pin: &'p Pin,
        position: Position<'_>,
        back: bool,
    ) -> Option<BlockRef<'p>> {
        let near = match position {
            Position::Start => Limit::End,
            Position::On(key) => Limit::At(key.hash, self.order(key.term), false),
        };
        let walk = Walk { back, one: true, ..Walk::default() };
        first_of(&mut self.tree.pages(pin, &near, END, walk, self.between()), back)
    }

    /// The object of which `slot` lie before. O(n), unless the tree counts.
    pub(super) fn slot(&self, pin: &Pin, slot: u64) -> Result<Objects> {
        if self.counts {
            let object = self.nth(pin, slot).map(|block| ObjectRef::new(block).to_object());
            return Ok(Objects::from(object.transpose()?));
        }
        let walk = Walk { count: true, ..Walk::default() };
        let mut pages = self.tree.pages(pin, &END, END, walk, self.between());
        let mut before = usize::try_from(slot).unwrap_or(usize::MAX);
        let mut objects = Ok(Objects::default());
        loop {
            if let Some(block) = pages.entry(before) {
                push(&mut objects, ObjectRef::new(block));
                return objects;
            }
            before -= pages.len();
            if !pages.advance() {
                return objects;
            }
        }
    }
}

/// How the keys of two blocks stand to each other.
fn between(keypos: usize) -> impl Compare + use<> {
    move |a, b| compare(key_of(a, keypos), key_of(b, keypos))
}

/// The head of the key of a block, at a depth.
fn head_of(block: BlockRef<'_>, keypos: usize, depth: u32) -> u64 {
    if depth == 0 { block.hash() } else { head_at(key_of(block, keypos), depth) }
}

/// A key that no other has the head of.
struct Exact;

impl Seek<Block> for Exact {
    const IS_EXACT: bool = true;

    #[inline]
    fn order(&self, _: BlockRef<'_>) -> Ordering {
        Ordering::Equal // asked only of those with the same head
    }

    #[inline]
    fn head_at(&self, head: u64, depth: u32) -> u64 {
        shifted(head, depth)
    }
}

/// How the keys of blocks stand to a key.
struct To<'k> {
    key: TermRef<'k>,
    keypos: usize,
}

impl Seek<Block> for To<'_> {
    fn order(&self, block: BlockRef<'_>) -> Ordering {
        compare(key_of(block, self.keypos), self.key)
    }

    fn head_at(&self, _: u64, depth: u32) -> u64 {
        head_at(self.key, depth)
    }
}

impl SeekAll<Key<'_>, Block> for OrderedEngine {
    fn head(&self, key: &Key<'_>) -> u64 {
        key.hash
    }

    fn order(&self, key: &Key<'_>, block: BlockRef<'_>) -> Ordering {
        compare(key_of(block, self.keypos), key.term)
    }

    fn head_at(&self, key: &Key<'_>, depth: u32) -> u64 {
        head_at(key.term, depth)
    }
}

/// The keys of blocks.
impl SeekAll<Block, Block> for OrderedEngine {
    fn head(&self, block: &Block) -> u64 {
        block.borrow().hash()
    }

    fn order(&self, block: &Block, other: BlockRef<'_>) -> Ordering {
        compare(key_of(other, self.keypos), key_of(block.borrow(), self.keypos))
    }

    fn head_at(&self, block: &Block, depth: u32) -> u64 {
        head_of(block.borrow(), self.keypos, depth)
    }
}

/// How the keys of blocks stand to each other.
pub(crate) trait Compare:
    Fn(BlockRef<'_>, BlockRef<'_>) -> Ordering + Copy + Send + Sync
{
}

impl<F: Fn(BlockRef<'_>, BlockRef<'_>) -> Ordering + Copy + Send + Sync> Compare for F {}

/// How the keys of blocks stand to an edge of a range.
pub(crate) struct ToEdge<E> {
    edge: E,
    keypos: usize,
    lower: bool,
}

impl<E: Borrow<Edge>> Seek<Block> for ToEdge<E> {
    fn order(&self, block: BlockRef<'_>) -> Ordering {
        self.edge.borrow().order(key_of(block, self.keypos))
    }

    fn head_at(&self, head: u64, depth: u32) -> u64 {
        self.edge.borrow().head_at(head, self.lower, depth)
    }

    fn is_key(&self) -> bool {
        self.edge.borrow().is_key()
    }
}

/// An edge as the tree wants it: the lower one of a range, or the upper one.
fn limit<E: Borrow<Edge>>(edge: E, keypos: usize, lower: bool) -> Limit<ToEdge<E>> {
    let (head, included) = (edge.borrow().head(lower), edge.borrow().included());
    match head {
        None => Limit::End,
        Some(head) => Limit::At(head, ToEdge { edge, keypos, lower }, included),
    }
}

/// An ordered set as it was at one instant.
#[derive(Debug)]
pub(crate) struct OrderedSnapshot {
    snapshot: Snapshot<Block>,
    keypos: usize,
}

impl OrderedSnapshot {
    pub(crate) fn len(&self) -> usize {
        self.snapshot.items()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.snapshot.bytes()
    }

    pub(crate) fn keypos(&self) -> usize {
        self.keypos
    }

    /// As [`OrderedEngine::pages`].
    pub(crate) fn pages<'p>(
        &'p self,
        pin: &'p Pin,
        near: &Edge,
        far: Edge,
        walk: Walk,
    ) -> Pages<'p, Block, impl Compare + use<>, ToEdge<Edge>> {
        let near = limit(near, self.keypos, !walk.back);
        let far = limit(far, self.keypos, walk.back);
        self.snapshot.pages(pin, &near, far, walk, between(self.keypos))
    }
}

/// The end of the table.
const END: Limit<fn(BlockRef<'_>) -> Ordering> = Limit::End;

/// The first block that a walk meets.
fn first_of<'p, C, O>(pages: &mut Pages<'p, Block, C, O>, back: bool) -> Option<BlockRef<'p>>
where
    C: Fn(BlockRef<'_>, BlockRef<'_>) -> Ordering + Copy,
    O: Seek<Block>,
{
    loop {
        let first = if back { pages.len().wrapping_sub(1) } else { 0 };
        if let Some(block) = pages.entry(first) {
            return Some(block);
        }
        if !pages.advance() {
            return None;
        }
    }
}
