//! What is told of changes: the objects before and after.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::Result;
use crate::platform::wake::Wake;
use crate::raw::block::{Block, BlockRef};
use crate::raw::watch::{Hub, News, Part};
use crate::term::{Object, ObjectRef, SMALL_OBJECT, Word, new_block};

/// A change, where it is made.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    old: Option<ObjectRef<'a>>,
    new: Option<ObjectRef<'a>>,
}

/// An object as it was at one instant: its block, and what its counter stood at.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    block: Block,
    counter: Word,
}

/// An object that came, went, or took the place of another.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) old: Option<Image>,
    pub(crate) new: Option<Image>,
}

/// The changes of one instant.
pub(crate) type Changes = SmallVec<[Change; 1]>;

/// An event.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    One(Change),
    /// Those of one instant, which all who hear of them share.
    Many(Arc<Changes>),
    Cleared,
}

/// What is kept of an event of many changes until nothing is locked any more: if nobody has room
/// for it, that is when it goes.
#[derive(Default)]
pub(super) struct Spent(Option<Arc<Changes>>);

/// What the counter of a block stands at; `[]` if it has none.
pub(super) fn counter_of(block: BlockRef<'_>) -> Word {
    block.cell().map_or(Word::NIL, |cell| Word(cell.get()))
}

impl<'a> Seen<'a> {
    #[inline]
    pub(super) fn of(old: Option<BlockRef<'a>>, new: Option<BlockRef<'a>>) -> Self {
        Self { old: old.map(ObjectRef::new), new: new.map(ObjectRef::new) }
    }

    pub(super) fn deleted(block: BlockRef<'a>) -> Self {
        Self::of(Some(block), None)
    }

    /// A count in place.
    pub(super) fn counted(block: BlockRef<'a>, before: Word) -> Self {
        Self { old: Some(ObjectRef::with_counter(block, before)), new: Some(ObjectRef::new(block)) }
    }
}

impl Change {
    pub(super) fn of(old: Option<BlockRef<'_>>, new: Option<BlockRef<'_>>) -> Self {
        Self::from(Seen::of(old, new))
    }

    pub(super) fn inserted(block: BlockRef<'_>) -> Self {
        Self::of(None, Some(block))
    }

    pub(super) fn deleted(block: BlockRef<'_>) -> Self {
        Self::of(Some(block), None)
    }

    /// One of the objects.
    fn block(&self) -> Option<BlockRef<'_>> {
        self.new.as_ref().or(self.old.as_ref()).map(|image| image.block.borrow())
    }

    /// The hash of their key.
    pub(crate) fn hash(&self) -> u64 {
        self.block().map_or(0, BlockRef::hash)
    }
}

impl From<Seen<'_>> for Change {
    fn from(seen: Seen<'_>) -> Self {
        Self { old: seen.old.map(Image::of), new: seen.new.map(Image::of) }
    }
}

impl Image {
    fn of(object: ObjectRef<'_>) -> Self {
        Self { block: object.block().to_block(), counter: object.counter().1 }
    }

    pub(crate) fn as_ref(&self) -> ObjectRef<'_> {
        ObjectRef::with_counter(self.block.borrow(), self.counter)
    }

    /// The object, to keep.
    pub(crate) fn into_object(self) -> Result<Object> {
        if self.counter == Word::NIL {
            return Ok(Object::from_block(self.block));
        }
        self.as_ref().to_object()
    }
}

/// How many elements the old and the new object have, none for one that is not there, and how many
/// words; and which words of the old one follow, if they do not all.
#[derive(Clone, Copy, Default)]
struct Shapes {
    old: (u8, u8),
    new: (u8, u8),
    differing: u16,
    is_patch: bool,
}

impl Shapes {
    fn to_word(self) -> u64 {
        let bytes = [self.old.0, self.old.1, self.new.0, self.new.1, self.is_patch.into(), 0];
        let low = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        low | u64::from(self.differing) << 48
    }

    fn from_word(word: u64) -> Self {
        let byte = |at: u32| (word >> (8 * at)) as u8;
        Self {
            old: (byte(0), byte(1)),
            new: (byte(2), byte(3)),
            is_patch: byte(4) != 0,
            differing: (word >> 48) as u16,
        }
    }
}

/// Room for what [`pack`] makes at most: `2 + 2 * SMALL_OBJECT` words.
type Packed = SmallVec<[u64; 36]>;

/// A change of small objects as words: the [shapes](Shapes) of both, the hash of the key, the words
/// of the new one, and of the old one those that differ, or all if it is built otherwise. Counters
/// stand among the words, as in any object that is given out. `None` if that takes more words than
/// are worth to be copied.
#[inline(always)]
fn pack(seen: Seen<'_>, packed: &mut Packed) -> Option<()> {
    let shape = |object: ObjectRef<'_>| {
        let len = object.words().len();
        (len <= SMALL_OBJECT).then_some((object.arity() as u8, len as u8))
    };
    let mut shapes = Shapes {
        old: seen.old.map_or(Some((0, 0)), shape)?,
        new: seen.new.map_or(Some((0, 0)), shape)?,
        ..Shapes::default()
    };
    let hash = seen.new.or(seen.old)?.block().hash();
    packed.extend_from_slice(&[0, hash]);
    if let Some(new) = seen.new {
        copy(new, packed);
    }
    if let Some(old) = seen.old {
        if old.block().hash() != hash {
            return None;
        }
        shapes.is_patch = shapes.old == shapes.new;
        if shapes.is_patch {
            shapes.differing = differing(old, &packed[2..]);
            copy_some(old, shapes.differing, packed);
        } else {
            copy(old, packed);
        }
    }
    packed[0] = shapes.to_word();
    Some(())
}

/// Copies an object's words.
#[inline]
fn copy(object: ObjectRef<'_>, to: &mut Packed) {
    let start = to.len();
    to.extend_from_slice(object.words());
    let (position, counter) = object.counter();
    if position > 0 {
        to[start + position as usize - 1] = counter.0;
    }
}

/// Which of an object's words differ from those.
#[inline]
fn differing(object: ObjectRef<'_>, words: &[u64]) -> u16 {
    let mut differing = 0;
    for (at, (old, new)) in object.words().iter().zip(words).enumerate() {
        differing |= u16::from(old != new) << at;
    }
    let (position, counter) = object.counter();
    if let Some(at) = (position as usize).checked_sub(1) {
        differing &= !(1 << at);
        differing |= u16::from(words[at] != counter.0) << at;
    }
    differing
}

/// Copies those of an object's words.
#[inline]
fn copy_some(object: ObjectRef<'_>, mut which: u16, to: &mut Packed) {
    let (words, (position, counter)) = (object.words(), object.counter());
    while which != 0 {
        let at = which.trailing_zeros() as usize;
        to.push(if at + 1 == position as usize { counter.0 } else { words[at] });
        which &= which - 1;
    }
}

impl Told {
    /// How many changes it is made of.
    pub(crate) fn changes(&self) -> usize {
        match self {
            Self::One(_) | Self::Cleared => 1,
            Self::Many(changes) => changes.len(),
        }
    }

    /// What was told; an error if there is no memory for it.
    pub(crate) fn from_news(news: News<'_, Self>) -> Result<Self> {
        let words = match news {
            News::Kept(told) => return Ok(told),
            News::Words(words) => words,
        };
        let (shapes, hash) = (Shapes::from_word(words[0]), words[1]);
        let image = |(arity, _): (u8, u8), words: &[u64]| match arity {
            0 => Ok(None),
            _ => {
                let block = new_block(hash, arity.into(), words)?;
                Ok(Some(Image { block, counter: Word::NIL }))
            }
        };
        let (new_words, rest) = words[2..].split_at(shapes.new.1.into());
        let new = image(shapes.new, new_words)?;
        let old = if shapes.is_patch {
            let mut words = SmallVec::<[u64; SMALL_OBJECT]>::from_slice(new_words);
            let differing = (0..words.len()).filter(|at| shapes.differing >> at & 1 != 0);
            differing.zip(rest).for_each(|(at, word)| words[at] = *word);
            image(shapes.old, &words)?
        } else {
            image(shapes.old, rest)?
        };
        Ok(Self::One(Change { old, new }))
    }
}

/// Tells a change of an object, of whose key `digest` makes a digest.
pub(super) fn tell(
    hub: &Hub<Told>,
    life: u64,
    digest: impl Fn(BlockRef<'_>) -> u64,
    seen: Seen<'_>,
) -> Wake {
    let digest = || seen.new.or(seen.old).map_or(0, |object| digest(object.block()));
    let Some(digest) = hub.wanted(digest) else { return Wake::default() };
    let mut packed = Packed::new();
    match pack(seen, &mut packed) {
        Some(()) => hub.publish_words(life, digest, &packed),
        None => hub.publish(life, digest, &Told::One(seen.into())),
    }
}

/// The digest of a block's key in a hash index.
pub(super) fn by_hash(block: BlockRef<'_>) -> u64 {
    block.hash()
}

/// Tells the changes of one instant. What must not be dropped under the locks that are held is left
/// in `spent`.
pub(super) fn tell_all(
    hub: &Hub<Told>,
    life: u64,
    digest: impl Fn(BlockRef<'_>) -> u64,
    mut changes: Changes,
    spent: &mut Spent,
) -> Wake {
    let digest = |change: &Change| change.block().map_or(0, &digest);
    if changes.len() < 2 {
        let Some(change) = changes.pop() else { return Wake::default() };
        let Some(digest) = hub.wanted(|| digest(&change)) else { return Wake::default() };
        return hub.publish(life, digest, &Told::One(change));
    }
    let changes = spent.0.insert(Arc::new(changes));
    let parts = parts(hub, changes, digest);
    hub.publish_all(life, &Told::Many(Arc::clone(changes)), changes.len(), &parts)
}

/// What those hear of changes who want to hear of one key.
fn parts(hub: &Hub<Told>, all: &[Change], digest: impl Fn(&Change) -> u64) -> Vec<Part<Told>> {
    if !hub.wants_keys() {
        return Vec::new();
    }
    let digests = all.iter().map(digest).enumerate().map(|(at, digest)| (digest, at));
    let mut digests: Vec<_> = digests.filter(|(digest, _)| hub.wants_key(*digest)).collect();
    // By their places, those of one key stay in their order.
    digests.sort_unstable();
    let mut distinct: Vec<u64> = digests.iter().map(|(digest, _)| *digest).collect();
    distinct.dedup();
    let part = |digest: u64| {
        let from = digests.partition_point(|(other, _)| *other < digest);
        let mine = digests[from..].iter().take_while(|(other, _)| *other == digest);
        let mut mine: Changes = mine.map(|(_, at)| all[*at].clone()).collect();
        let changes = mine.len();
        let event = match mine.pop() {
            Some(change) if mine.is_empty() => Told::One(change),
            last => {
                mine.extend(last);
                Told::Many(Arc::new(mine))
            }
        };
        Part { digest, event, changes }
    };
    hub.watched(&distinct).into_iter().map(part).collect()
}
