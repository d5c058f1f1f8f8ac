//! `set`: one object a key.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::batch::{After, Given, One, Plan, Step as BatchStep, Stop};
use super::told::{self, Told};
use super::{
    Edit, Key, KeyAndObjects, Objects, OwnerId, Position, Step, Stride, edited, expired, has_key,
    in_place_of, key_of, push, with_cell,
};
use crate::error::Result;
use crate::platform::wake::Wake;
use crate::raw::Handle;
use crate::raw::block::{self, Block, BlockRef, Cell};
use crate::raw::hash::{Batch, Change, Index, Refused, Spot};
use crate::raw::reclaim::Pin;
use crate::raw::watch::Hub;
use crate::term::{Arena, ObjectRef, Word, compare_exact, equal};

/// An index with one block a key.
#[derive(Debug)]
pub(crate) struct SetEngine {
    index: Index<Block>,
    keypos: usize,
    key_at: block::Position,
    hub: Hub<Told>,
}

/// What became of an update.
pub(crate) enum Updated<R> {
    /// It was done.
    Done(R),
    /// The key is not there.
    Missing,
}

impl SetEngine {
    pub(super) fn new(keypos: usize) -> Option<Self> {
        let key_at = block::Position::new(keypos);
        Some(Self { index: Index::new()?, keypos, key_at, hub: Hub::new() })
    }

    pub(super) fn hub(&self) -> &Hub<Told> {
        &self.hub
    }

    pub(crate) fn index(&self) -> &Index<Block> {
        &self.index
    }

    pub(super) fn key<'a>(&self, block: BlockRef<'a>) -> Key<'a> {
        Key { term: key_of(block, self.keypos), hash: block.hash() }
    }

    #[inline]
    pub(super) fn get<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<ObjectRef<'p>> {
        if key.term.word().is_immediate() {
            return self.get_word(pin, key.term.word(), key.hash);
        }
        self.get_boxed(pin, key)
    }

    /// The object of a key that is one word, as most are: compared without making a term of the
    /// stored one.
    #[inline(always)]
    pub(crate) fn get_word<'p>(&self, pin: &'p Pin, key: Word, hash: u64) -> Option<ObjectRef<'p>> {
        let at = self.key_at;
        self.index.get(pin, hash, move |block| block.element(at) == Some(key.0)).map(ObjectRef::new)
    }

    /// Where a hash belongs, starting to load it.
    #[inline]
    pub(crate) fn spot<'p>(&self, pin: &'p Pin, hash: u64) -> Spot<'p> {
        self.index.spot(pin, hash)
    }

    /// As [`get_word`](Self::get_word), where the hash of the key belongs.
    #[inline]
    pub(crate) fn get_word_at<'p>(&self, spot: Spot<'p>, key: Word) -> Option<ObjectRef<'p>> {
        let at = self.key_at;
        let same = move |block: BlockRef<'_>| block.element(at) == Some(key.0);
        self.index.get_at(spot, same).map(ObjectRef::new)
    }

    #[inline(never)]
    fn get_boxed<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<ObjectRef<'p>> {
        self.index
            .get(pin, key.hash, |block| has_key(block, self.keypos, key.term))
            .map(ObjectRef::new)
    }

    fn write<R>(
        &self,
        pin: &Pin,
        key: Key<'_>,
        change: impl FnOnce(Option<BlockRef<'_>>) -> (Change<Block>, R),
    ) -> Result<R, Refused> {
        let tell = |life, old: Option<BlockRef<'_>>, new: Option<BlockRef<'_>>| {
            told::tell(&self.hub, life, told::by_hash, told::Seen::of(old, new))
        };
        self.write_told(pin, key, change, tell)
    }

    /// As [`write`](Self::write), where what is to be told of the change is not that one block
    /// takes the place of another.
    fn write_told<R>(
        &self,
        pin: &Pin,
        key: Key<'_>,
        change: impl FnOnce(Option<BlockRef<'_>>) -> (Change<Block>, R),
        tell: impl FnOnce(u64, Option<BlockRef<'_>>, Option<BlockRef<'_>>) -> Wake,
    ) -> Result<R, Refused> {
        let (word, at) = (key.term.word(), self.key_at);
        if word.is_immediate() {
            let same = move |block: BlockRef<'_>| block.element(at) == Some(word.0);
            return self.index.write(pin, key.hash, same, change, tell);
        }
        let same = |block: BlockRef<'_>| has_key(block, self.keypos, key.term);
        self.index.write(pin, key.hash, same, change, tell)
    }

    /// Writes with a new block at hand.
    fn write_block<R>(
        &self,
        pin: &Pin,
        block: Block,
        change: impl FnOnce(Block, Option<BlockRef<'_>>) -> (Change<Block>, R),
    ) -> Result<R, Refused> {
        let hash = block.borrow().hash();
        let at = self.key_at;
        let same = |block: &Block, old: BlockRef<'_>| {
            let (new, old_key) = (block.borrow(), old.element(at));
            let new_key = new.element(at);
            if new_key.is_some_and(|word| Word(word).is_immediate()) {
                return new_key == old_key;
            }
            equal(key_of(new, self.keypos), key_of(old, self.keypos))
        };
        let tell = |life, old: Option<BlockRef<'_>>, new: Option<BlockRef<'_>>| {
            told::tell(&self.hub, life, told::by_hash, told::Seen::of(old, new))
        };
        self.index.write_with(pin, hash, block, same, change, tell)
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

    /// `blocks` are in the order of their hashes.
    pub(super) fn insert_all(
        &self,
        pin: &Pin,
        blocks: Vec<Block>,
        new: bool,
    ) -> Result<bool, Refused> {
        let hashes: Vec<u64> = blocks.iter().map(|block| block.borrow().hash()).collect();
        let body = |batch: &mut Batch<'_, Block>| {
            let exists = |block: &Block| {
                let key = self.key(block.borrow());
                batch.get(key.hash, |old| has_key(old, self.keypos, key.term)).is_some()
            };
            if new && blocks.iter().any(exists) {
                return Err(NotAll::Exists);
            }
            let mut changes = told::Changes::new();
            for same_hash in blocks.chunk_by(|a, b| a.borrow().hash() == b.borrow().hash()) {
                // Of objects with the same key the last in the list counts.
                let mut kept: Vec<Key<'_>> = Vec::new();
                for block in same_hash.iter().rev() {
                    let key = self.key(block.borrow());
                    if kept.iter().any(|later| equal(later.term, key.term)) {
                        continue;
                    }
                    kept.push(key);
                    let found = batch.find(key.hash, self.is(key));
                    if batch.is_watched() {
                        let old = found.entry::<Block>();
                        changes.push(told::Change::of(old, Some(block.borrow())));
                    }
                    batch.put_at(found, block.clone());
                }
            }
            Ok(changes)
        };
        let mut spent = told::Spent::default();
        let tell = |life, changes: &mut told::Changes| {
            told::tell_all(&self.hub, life, told::by_hash, std::mem::take(changes), &mut spent)
        };
        match self.index.batch(pin, &hashes, body, tell) {
            Ok(_) => Ok(true),
            Err(NotAll::Exists) => Ok(false),
            Err(NotAll::Refused(refused)) => Err(refused),
        }
    }

    /// Whether a block has that key.
    fn is<'k>(&self, key: Key<'k>) -> impl Fn(BlockRef<'_>) -> bool + 'k {
        let keypos = self.keypos;
        move |block| has_key(block, keypos, key.term)
    }

    /// Does the steps of a batch.
    pub(super) fn batch(&self, pin: &Pin, steps: &[BatchStep]) -> Result<Vec<Given>, Stop> {
        let plan = Plan::new(steps, self.keypos, false);
        let hashes: SmallVec<[u64; 16]> = plan.keys.iter().map(|key| key.hash).collect();
        let body = |batch: &mut Batch<'_, Block>| {
            let mut contents: SmallVec<[One<'_>; 12]> = SmallVec::new();
            let mut places: SmallVec<[_; 12]> = SmallVec::new();
            for key in &plan.keys {
                let found = batch.find(key.hash, self.is(*key));
                contents.push(One::new(found.entry::<Block>()));
                places.push(found);
            }
            let given = plan.run(&mut contents)?;
            let changes =
                if batch.is_watched() { One::changes(&contents) } else { SmallVec::new() };
            for (content, found) in contents.into_iter().zip(places) {
                match content.into_after() {
                    After::Same => {}
                    After::Gone => batch.remove_at(found),
                    After::Put(block) => batch.put_at(found, block),
                }
            }
            Ok::<_, Stop>((given, changes))
        };
        let mut spent = told::Spent::default();
        let tell = |life, (_, changes): &mut (_, told::Changes)| {
            told::tell_all(&self.hub, life, told::by_hash, std::mem::take(changes), &mut spent)
        };
        Ok(self.index.batch(pin, &hashes, body, tell)?.0)
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

    /// Adds to the counter at a position, if the object has a cell for it and the sum is a small
    /// integer: what nearly all counting is.
    #[inline]
    pub(crate) fn add_to_cell(
        &self,
        pin: &Pin,
        key: Word,
        hash: u64,
        position: usize,
        increment: i64,
    ) -> Option<i64> {
        let at = self.key_at;
        let same = move |block: BlockRef<'_>| block.element(at) == Some(key.0);
        let add = |block: BlockRef<'_>| {
            let cell = block.cell().filter(|cell| cell.position() == position)?;
            let sum = Word(cell.get()).as_int().checked_add(increment)?;
            cell.set(Word::int(sum)?.0);
            Some(sum)
        };
        let tell = |life, block: BlockRef<'_>, sum: &Option<i64>| match sum {
            // What was counted to was in a word, and so was what it was counted from.
            Some(sum) => {
                let before = Word::int(sum - increment).unwrap_or(Word::NIL);
                told::tell(&self.hub, life, told::by_hash, told::Seen::counted(block, before))
            }
            None => Wake::default(),
        };
        self.index.change(pin, hash, same, add, tell).ok()??
    }

    /// Changes the object of a key as `edit` says of it; of `default` if there is none. If `edit`
    /// fails, nothing changes.
    pub(crate) fn update<R>(
        &self,
        pin: &Pin,
        key: Key<'_>,
        default: Option<Block>,
        edit: impl FnOnce(ObjectRef<'_>) -> Result<(Edit, R)>,
    ) -> Result<Result<Updated<R>>, Refused> {
        let before = Before::default();
        let change =
            |old: Option<BlockRef<'_>>| updated(before.note(old), default.as_ref(), true, edit);
        let tell = |life, old: Option<BlockRef<'_>>, new: Option<BlockRef<'_>>| {
            told::tell(&self.hub, life, told::by_hash, before.change(old, new))
        };
        self.write_told(pin, key, change, tell)
    }

    /// Puts `new` in the place of an object that is `=:=` to `expected`; `None` for absence, on
    /// both sides. Says whether it was so.
    pub(crate) fn exchange(
        &self,
        pin: &Pin,
        key: Key<'_>,
        expected: Option<ObjectRef<'_>>,
        new: Option<Block>,
    ) -> Result<bool, Refused> {
        self.write(pin, key, |old| exchanged(old, expected, new))?
    }

    pub(super) fn scan<'p>(
        &self,
        pin: &'p Pin,
        from: u64,
        budget: usize,
        mut visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<u64> {
        self.index.scan(pin, from, budget, |block| visit(ObjectRef::new(block)))
    }

    pub(super) fn step(&self, pin: &Pin, position: Position<'_>, stride: Stride) -> Result<Step> {
        if let Position::On(key) = position {
            if let Some((from_exists, next)) = self.step_by_hash(pin, key) {
                let next = next.map(|block| self.found(block, stride)).transpose()?;
                return Ok(Step { from_exists, next });
            }
        }
        self.step_by_key(pin, position, stride)
    }

    /// Whether the key is there, and the block behind it; `None` if hashes do not tell.
    #[inline]
    fn step_by_hash<'p>(&self, pin: &'p Pin, key: Key<'_>) -> Option<(bool, Option<BlockRef<'p>>)> {
        let mut within = key.hash;
        let mut from_exists = false;
        loop {
            let nearest = self.index.nearest(pin, key.hash, within)?;
            if let Some(block) = nearest.here {
                if !has_key(block, self.keypos, key.term) {
                    return None;
                }
                from_exists = true;
            }
            if nearest.next.is_some() {
                return Some((from_exists, nearest.next));
            }
            let Some(end) = nearest.end else { return Some((from_exists, None)) };
            within = end;
        }
    }

    #[inline(never)]
    fn step_by_key(&self, pin: &Pin, position: Position<'_>, stride: Stride) -> Result<Step> {
        let mut from = match position {
            Position::Start => Some(0),
            Position::On(key) => Some(key.hash),
        };
        let mut from_exists = false;
        while let Some(hash) = from {
            let (bucket, end) = self.index.bucket(pin, hash);
            let mut least: Option<BlockRef<'_>> = None;
            for block in bucket {
                let key = self.key(block);
                let relation = match position {
                    Position::Start => Ordering::Greater,
                    Position::On(start) => by_hash(key, start),
                };
                from_exists |= relation == Ordering::Equal;
                let is_less = least.is_none_or(|least| by_hash(key, self.key(least)).is_lt());
                if relation == Ordering::Greater && is_less {
                    least = Some(block);
                }
            }
            if let Some(block) = least {
                return Ok(Step { from_exists, next: Some(self.found(block, stride)?) });
            }
            from = end;
        }
        Ok(Step { from_exists, next: None })
    }

    fn found(&self, block: BlockRef<'_>, stride: Stride) -> Result<KeyAndObjects> {
        let object = match stride.objects {
            true => Some(ObjectRef::new(block).to_object()?),
            false => None,
        };
        Ok((key_of(block, self.keypos).to_term()?, Objects::from(object)))
    }

    pub(super) fn slot(&self, pin: &Pin, slot: u64) -> Result<Objects> {
        let (first, last) = slot_hashes(slot, self.index.buckets(pin));
        let mut objects = Ok(Objects::default());
        for block in self.index.bucket(pin, first).0 {
            if (first..=last).contains(&block.hash()) {
                push(&mut objects, ObjectRef::new(block));
            }
        }
        objects
    }
}

/// What the counter of an object stood at before it was edited.
pub(super) struct Before(std::cell::Cell<Word>);

impl Default for Before {
    fn default() -> Self {
        Self(std::cell::Cell::new(Word::NIL))
    }
}

impl Before {
    pub(super) fn note<'a>(&self, old: Option<BlockRef<'a>>) -> Option<BlockRef<'a>> {
        self.0.set(old.map_or(Word::NIL, told::counter_of));
        old
    }

    /// What is to be told when the edit is done.
    pub(super) fn change<'a>(
        &self,
        old: Option<BlockRef<'a>>,
        new: Option<BlockRef<'a>>,
    ) -> told::Seen<'a> {
        match (old, new) {
            (Some(old), Some(new)) if old.same(new) => told::Seen::counted(new, self.0.get()),
            _ => told::Seen::of(old, new),
        }
    }
}

/// What becomes of an object that is edited, or of a default in its place; a counter is added to
/// in place only if that is allowed.
pub(super) fn updated<R>(
    old: Option<BlockRef<'_>>,
    default: Option<&Block>,
    in_place: bool,
    edit: impl FnOnce(ObjectRef<'_>) -> Result<(Edit, R)>,
) -> (Change<Block>, Result<Updated<R>>) {
    let Some(block) = old.or(default.map(Block::borrow)) else {
        return (Change::Keep, Ok(Updated::Missing));
    };
    let (object, place) = (ObjectRef::new(block), Place { fresh: old.is_none(), in_place });
    let done =
        edit(object).and_then(|(edit, result)| Ok((change(block, object, edit, place)?, result)));
    match done {
        Ok((change, result)) => (change, Ok(Updated::Done(result))),
        Err(error) => (Change::Keep, Err(error)),
    }
}

/// Where the block is that an edit is about.
#[derive(Clone, Copy)]
struct Place {
    /// Not in the index yet.
    fresh: bool,
    /// If it is in the index: whether its cell may change.
    in_place: bool,
}

/// What an edit does to a block.
fn change(
    block: BlockRef<'_>,
    object: ObjectRef<'_>,
    edit: Edit,
    Place { fresh, in_place }: Place,
) -> Result<Change<Block>> {
    Ok(match edit {
        Edit::Keep if fresh => Change::Put(block.to_block()),
        Edit::Keep => Change::Keep,
        Edit::Count(position, value) => match block.cell() {
            Some(cell) if in_place && cell.position() == position => {
                cell.set(Word::int(value).expect("Edit::Count holds what fits a word").0);
                Change::Changed(<Block as Handle>::weight(block))
            }
            _ => Change::Put(counted(object, position, value)?),
        },
        Edit::Set(new) => Change::Put(edited(object, &new.arena, &new.words)?),
    })
}

/// The block that takes the place of an object that is edited; `None` if that stays.
pub(super) fn replacement(object: ObjectRef<'_>, edit: Edit) -> Result<Option<Block>> {
    Ok(match edit {
        Edit::Keep => None,
        Edit::Count(position, value) => Some(counted(object, position, value)?),
        Edit::Set(new) => Some(edited(object, &new.arena, &new.words)?),
    })
}

/// A copy of an object with this integer, which fits a word, at a position.
fn counted(object: ObjectRef<'_>, position: usize, value: i64) -> Result<Block> {
    if position <= Cell::MAX_POSITION {
        return with_cell(object, position, value);
    }
    let word = Word::int(value).expect("Edit::Count holds what fits a word");
    edited(object, &Arena::new(), &[(position, word)])
}

/// What becomes of an object that is exchanged for another, and whether it is as expected.
pub(super) fn exchanged(
    old: Option<BlockRef<'_>>,
    expected: Option<ObjectRef<'_>>,
    new: Option<Block>,
) -> (Change<Block>, Result<bool, Refused>) {
    let as_expected = match (old.map(ObjectRef::new), expected) {
        (None, None) => true,
        (Some(old), Some(expected)) => old.equal(expected),
        _ => false,
    };
    match (as_expected, new) {
        (false, _) => (Change::Keep, Ok(false)),
        (true, Some(new)) => match in_place_of(old, new) {
            Ok(new) => (Change::Put(new), Ok(true)),
            Err(refused) => (Change::Keep, Err(refused)),
        },
        (true, None) => (Change::Remove, Ok(true)),
    }
}

/// Why a list was not inserted.
pub(super) enum NotAll {
    Exists,
    Refused(Refused),
}

impl From<Refused> for NotAll {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// The order of traversals: by hash, and by key among keys with the same hash.
pub(super) fn by_hash(a: Key<'_>, b: Key<'_>) -> Ordering {
    a.hash.cmp(&b.hash).then_with(|| compare_exact(a.term, b.term))
}

/// The first and the last hash of one of `slots` slots.
pub(super) fn slot_hashes(slot: u64, slots: u64) -> (u64, u64) {
    let width = u64::BITS - slots.trailing_zeros();
    if width == u64::BITS {
        return (0, u64::MAX);
    }
    let first = slot << width;
    (first, first | ((1 << width) - 1))
}
