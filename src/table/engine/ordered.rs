//! `ordered_set`: one object a key, in the order of keys; keys are the same if they are `==`.

use std::cmp::Ordering;

use super::bounds::Edge;
use super::set::{NotAll, Updated, exchanged, updated};
use super::{Edit, Key, Mark, Objects, Position, Step, Stride, key_of, push};
use crate::error::Result;
use crate::raw::block::{Block, BlockRef};
use crate::raw::ordered::{EXACT, Limit, Pages, Tree, Walk};
use crate::raw::reclaim::Pin;
use crate::raw::{Change, Refused};
use crate::term::{ObjectRef, TermRef, compare};

/// A tree with one block a key. The hash of a block in it is the head of its key.
#[derive(Debug)]
pub(crate) struct OrderedEngine {
    tree: Tree<Block>,
    keypos: usize,
}

impl OrderedEngine {
    pub(super) fn new(keypos: usize) -> Option<Self> {
        Some(Self { tree: Tree::new()?, keypos })
    }

    pub(crate) fn keypos(&self) -> usize {
        self.keypos
    }

    pub(super) fn index(&self) -> &Tree<Block> {
        &self.tree
    }

    /// How the key of a block stands to another.
    fn order<'k>(&self, key: TermRef<'k>) -> impl Fn(BlockRef<'_>) -> Ordering + 'k {
        let keypos = self.keypos;
        move |block| compare(key_of(block, keypos), key)
    }

    /// How the keys of two blocks stand to each other.
    fn between(
        &self,
    ) -> impl Fn(BlockRef<'_>, BlockRef<'_>) -> Ordering + Copy + Send + Sync + use<> {
        let keypos = self.keypos;
        move |a, b| compare(key_of(a, keypos), key_of(b, keypos))
    }

    /// Pages from one edge of a range to the other.
    pub(crate) fn pages<'p>(
        &self,
        pin: &'p Pin,
        near: &Edge,
        far: Edge,
        walk: Walk,
    ) -> Pages<
        'p,
        Block,
        impl Fn(BlockRef<'_>, BlockRef<'_>) -> Ordering + Copy + use<>,
        impl Fn(BlockRef<'_>) -> Ordering + use<>,
    > {
        let keypos = self.keypos;
        let near = match near.head(!walk.back) {
            None => Limit::End,
            Some(head) => Limit::At(
                head,
                |block: BlockRef<'_>| near.order(key_of(block, keypos)),
                near.included(),
            ),
        };
        let far = match far.head(walk.back) {
            None => Limit::End,
            Some(head) => {
                let included = far.included();
                Limit::At(
                    head,
                    move |block: BlockRef<'_>| far.order(key_of(block, keypos)),
                    included,
                )
            }
        };
        self.tree.pages(pin, &near, far, walk, self.between())
    }

    /// Takes the first object out, or the last one.
    pub(crate) fn pop(&self, pin: &Pin, back: bool) -> Result<Option<Block>, Refused> {
        let order = |a: BlockRef<'_>, b: BlockRef<'_>| self.compare_blocks(a, b);
        self.tree.pop(pin, back, order, |block| block.to_block())
    }

    #[inline]
    pub(super) fn get<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<ObjectRef<'p>> {
        if key.hash & EXACT != 0 {
            // The head decides: a search that compares no terms.
            return self.tree.get(pin, key.hash, |_| Ordering::Equal).map(ObjectRef::new);
        }
        self.get_by_order(pin, key)
    }

    #[inline(never)]
    fn get_by_order<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<ObjectRef<'p>> {
        self.tree.get(pin, key.hash, self.order(key.term)).map(ObjectRef::new)
    }

    pub(crate) fn exists(&self, pin: &Pin, key: Key<'_>) -> bool {
        self.get(pin, key).is_some()
    }

    fn write<R>(
        &self,
        pin: &Pin,
        key: Key<'_>,
        change: impl FnOnce(Option<BlockRef<'_>>) -> (Change<Block>, R),
    ) -> Result<R, Refused> {
        if key.hash & EXACT != 0 {
            return self.tree.write(pin, key.hash, |_| Ordering::Equal, change);
        }
        self.tree.write(pin, key.hash, self.order(key.term), change)
    }

    /// Writes with a new block at hand.
    fn write_block<R>(
        &self,
        pin: &Pin,
        block: Block,
        change: impl FnOnce(Block, Option<BlockRef<'_>>) -> (Change<Block>, R),
    ) -> Result<R, Refused> {
        let head = block.borrow().hash();
        if head & EXACT != 0 {
            return self.tree.write(pin, head, |_| Ordering::Equal, |old| change(block, old));
        }
        // Its key is compared with others until it stands among them.
        let shared = block.clone();
        let order = self.order(key_of(shared.borrow(), self.keypos));
        self.tree.write(pin, head, order, |old| change(block, old))
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
        let order = |block: &Block, entry: BlockRef<'_>| {
            compare(key_of(entry, self.keypos), key_of(block.borrow(), self.keypos))
        };
        let inserted = self.tree.batch(pin, &blocks, head, order, |batch| {
            let exists = |block| batch.get(head(block), |entry| order(block, entry)).is_some();
            if new && blocks.iter().any(exists) {
                return Err(NotAll::Exists);
            }
            let same = |a: &Block, b: &Block| self.compare_blocks(a.borrow(), b.borrow()).is_eq();
            for objects in blocks.chunk_by(same) {
                // Of objects with the same key the last in the list counts.
                let Some(block) = objects.last() else { continue };
                batch.put(head(block), |entry| order(block, entry), block.clone())?;
            }
            Ok(())
        });
        match inserted {
            Ok(()) => Ok(true),
            Err(NotAll::Exists) => Ok(false),
            Err(NotAll::Refused(refused)) => Err(refused),
        }
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
        let key = Key { term: key_of(block, self.keypos), hash: block.hash() };
        self.write(pin, key, |old| (Change::Remove, old.is_some()))
    }

    pub(super) fn delete_object(&self, pin: &Pin, block: &Block) -> Result<(), Refused> {
        self.delete_exactly(pin, block).map(|_| ())
    }

    pub(super) fn delete_exactly(&self, pin: &Pin, block: &Block) -> Result<usize, Refused> {
        let object = ObjectRef::new(block.borrow());
        let key = Key { term: key_of(block.borrow(), self.keypos), hash: block.borrow().hash() };
        self.write(pin, key, |old| {
            let equal = old.is_some_and(|old| ObjectRef::new(old).equal(object));
            (if equal { Change::Remove } else { Change::Keep }, usize::from(equal))
        })
    }

    /// As for a set. The stored key stays, also where the one that is asked for is only `==`.
    pub(crate) fn update<R>(
        &self,
        pin: &Pin,
        key: Key<'_>,
        default: Option<Block>,
        edit: impl FnOnce(ObjectRef<'_>) -> Result<(Edit, R)>,
    ) -> Result<Result<Updated<R>>, Refused> {
        self.write(pin, key, |old| updated(old, default.as_ref(), edit))
    }

    /// As for a set.
    pub(crate) fn exchange(
        &self,
        pin: &Pin,
        key: Key<'_>,
        expected: Option<ObjectRef<'_>>,
        new: Option<Block>,
    ) -> Result<bool, Refused> {
        self.write(pin, key, |old| exchanged(old, expected, new))
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
        self.scan_range(pin, (&from.edge(self.keypos), Edge::Open), back, budget, visit)
    }

    /// As [`scan`](Self::scan), from one edge of a range to the other.
    pub(crate) fn scan_range<'p>(
        &self,
        pin: &'p Pin,
        (near, far): (&Edge, Edge),
        back: bool,
        budget: usize,
        mut visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<Mark> {
        let mut pages = self.pages(pin, near, far, Walk { back, ..Walk::default() });
        let mut shown = 0;
        loop {
            shown += pages.entries().len();
            if back {
                pages.entries().rev().map(ObjectRef::new).for_each(&mut visit);
            } else {
                pages.entries().map(ObjectRef::new).for_each(&mut visit);
            }
            let last = if back { pages.entries().next() } else { pages.entries().next_back() };
            if shown >= budget {
                if let Some(last) = last {
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
        let beside = match position {
            Position::Start => None,
            Position::On(key) if key.hash & EXACT != 0 => {
                self.tree.beside(pin, key.hash, |_| Ordering::Equal, back)
            }
            Position::On(key) => self.tree.beside(pin, key.hash, self.order(key.term), back),
        };
        let next = match beside.or_else(|| self.first_behind(pin, position, back)) {
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

    /// The object of which `slot` lie before. O(n).
    pub(super) fn slot(&self, pin: &Pin, slot: u64) -> Result<Objects> {
        let walk = Walk { count: true, ..Walk::default() };
        let mut pages = self.tree.pages(pin, &END, END, walk, self.between());
        let mut before = usize::try_from(slot).unwrap_or(usize::MAX);
        let mut objects = Ok(Objects::default());
        loop {
            if let Some(block) = pages.entries().nth(before) {
                push(&mut objects, ObjectRef::new(block));
                return objects;
            }
            before -= pages.entries().len();
            if !pages.advance() {
                return objects;
            }
        }
    }
}

/// The end of the table.
const END: Limit<fn(BlockRef<'_>) -> Ordering> = Limit::End;

/// The first block that a walk meets.
fn first_of<'p, C, O>(pages: &mut Pages<'p, Block, C, O>, back: bool) -> Option<BlockRef<'p>>
where
    C: Fn(BlockRef<'_>, BlockRef<'_>) -> Ordering + Copy,
    O: Fn(BlockRef<'_>) -> Ordering,
{
    loop {
        let mut entries = pages.entries();
        if let Some(block) = if back { entries.next_back() } else { entries.next() } {
            return Some(block);
        }
        drop(entries);
        if !pages.advance() {
            return None;
        }
    }
}
