//! Read views: many borrowed reads under one pin.

use smallvec::SmallVec;

use super::core::{Key, TableCore};
use super::engine::{Mark, OrderedEngine};
use crate::error::Result;
use crate::raw::hash::Spot;
use crate::raw::ordered;
use crate::raw::reclaim::Pin;
use crate::term::{Arena, ObjectRef, TermRef, ToTerm, Word};

/// A look into a table, for the length of a closure: see [`Table::read`](crate::Table::read).
///
/// Nothing is copied and no reference is counted. Each read is at an instant of its own.
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert_list([("ann", "oslo"), ("bob", "oslo"), ("eve", "rome")])?;
/// let together = t.read(|view| {
///     let town = |name| view.get(name).and_then(|object| object.element(2));
///     (town("ann") == town("bob"), town("ann") == town("eve"))
/// })?;
/// assert_eq!(together, (true, false));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug)]
pub struct ReadView<'v> {
    core: &'v TableCore,
    pin: &'v Pin,
}

/// Keys whose loads are started before the first is looked up.
const AHEAD: usize = 16;

impl<'v> ReadView<'v> {
    pub(super) fn new(core: &'v TableCore, pin: &'v Pin) -> Self {
        Self { core, pin }
    }

    pub(super) fn core(&self) -> &'v TableCore {
        self.core
    }

    pub(super) fn pin(&self) -> &'v Pin {
        self.pin
    }

    pub(super) fn ordered(&self, what: &str) -> Result<&'v OrderedEngine> {
        self.core.engine.as_ordered().ok_or_else(|| self.core.not_ordered(what))
    }

    /// The only object of a key in a set, the first in a bag. `None` also for a key that has no
    /// term.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 1), ("ann", 2)])?;
    /// let first = |key| t.read(|view| view.get(key)?.element(2)?.as_i64());
    /// assert_eq!((first("ann")?, first("bob")?), (Some(1), None));
    /// assert!(t.read(|view| view.get(f64::NAN).is_none())?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[inline(always)]
    pub fn get(&self, key: impl ToTerm) -> Option<ObjectRef<'v>> {
        self.core.first(self.pin, &key).unwrap_or(None)
    }

    /// Whether the key has an object.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, "a"), (2, "b")])?;
    /// assert_eq!(t.read(|view| [1, 2, 3].map(|key| view.member(key)))?, [true, true, false]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[inline]
    pub fn member(&self, key: impl ToTerm) -> bool {
        self.get(key).is_some()
    }

    /// Shows the objects of a key in order, all as they are at one instant; says whether there are
    /// any.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([("ann", 1), ("bob", 2), ("ann", 3)])?;
    /// let mut numbers = Vec::new();
    /// let found = t.read(|view| {
    ///     view.each("ann", |object| numbers.extend(object.element(2).and_then(|n| n.as_i64())))
    /// })?;
    /// assert!(found && numbers == [1, 3]);
    /// assert!(!t.read(|view| view.each("eve", |_| {}))?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn each(&self, key: impl ToTerm, visit: impl FnMut(ObjectRef<'v>)) -> bool {
        key.with(|key| self.core.engine.each(self.pin, self.core.key(key), visit)).unwrap_or(false)
    }

    /// Shows for each of the keys, in order, its place in `keys` and its only object in a set, the
    /// first in a bag. The loads of the keys overlap.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, 10), (2, 20)])?;
    /// let mut sum = 0;
    /// t.read(|view| {
    ///     view.get_many(&[1, 2, 3], |_, object| {
    ///         sum += object.and_then(|object| object.element(2)?.as_i64()).unwrap_or(0);
    ///     })
    /// })??;
    /// assert_eq!(sum, 30);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](crate::ErrorKind::BadArgument) for a key that has no term.
    pub fn get_many<K: ToTerm>(
        &self,
        keys: &[K],
        mut visit: impl FnMut(usize, Option<ObjectRef<'v>>),
    ) -> Result<()> {
        if let Some(ordered) = self.core.engine.as_ordered() {
            return self.get_ordered(ordered, keys, visit);
        }
        for (chunk, some) in keys.chunks(AHEAD).enumerate() {
            let first = chunk * AHEAD;
            if self.get_words(some, |at, object| visit(first + at, object)) {
                continue;
            }
            let mut at = first;
            self.prefetching(some, |view, key| {
                visit(at, view.core.engine.first_of(view.pin, key));
                at += 1;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// As [`get_many`](Self::get_many), for keys of one word each in a set; `false`, and nothing is
    /// shown, if it is not so.
    #[inline]
    fn get_words<K: ToTerm>(
        &self,
        keys: &[K],
        mut visit: impl FnMut(usize, Option<ObjectRef<'v>>),
    ) -> bool {
        let Some(set) = self.core.engine.as_hash_set() else { return false };
        let mut spots: SmallVec<[(Word, Spot<'v>); AHEAD]> = SmallVec::new();
        for key in keys {
            let Some(word) = key.immediate() else { return false };
            spots.push((word, set.spot(self.pin, self.core.hasher.hash_word(word))));
        }
        for (_, spot) in &spots {
            spot.prefetch_entry();
        }
        for (at, (word, spot)) in spots.iter().enumerate() {
            visit(at, set.get_word_at(*spot, *word));
        }
        true
    }

    /// As [`get_many`](Self::get_many), in an ordered set.
    fn get_ordered<K: ToTerm>(
        &self,
        ordered: &'v OrderedEngine,
        keys: &[K],
        mut visit: impl FnMut(usize, Option<ObjectRef<'v>>),
    ) -> Result<()> {
        let mut arena = Arena::new();
        for (chunk, some) in keys.chunks(AHEAD).enumerate() {
            arena.clear();
            let mut held: SmallVec<[(Word, u64, Option<ordered::Spot<'v>>); AHEAD]> =
                SmallVec::new();
            for key in some {
                let word = key.put(&mut arena)?;
                let key = self.core.key(arena.view(word));
                held.push((word, key.hash, ordered.spot(self.pin, key)));
            }
            for &(word, hash, spot) in &held {
                ordered.prefetch_at(spot, Key { term: arena.view(word), hash });
            }
            for (at, &(word, hash, spot)) in held.iter().enumerate() {
                let key = Key { term: arena.view(word), hash };
                visit(chunk * AHEAD + at, ordered.get_at(self.pin, spot, key));
            }
        }
        Ok(())
    }

    /// Shows each key with its hash, when the loads of the keys around it have been started.
    pub(super) fn prefetching<K: ToTerm>(
        &self,
        keys: &[K],
        mut look_up: impl FnMut(&Self, Key<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut arena = Arena::new();
        for some in keys.chunks(AHEAD) {
            arena.clear();
            let mut words = [(Word::NIL, 0_u64); AHEAD];
            for (key, held) in some.iter().zip(&mut words) {
                let word = key.put(&mut arena)?;
                let term: TermRef<'_> = arena.view(word);
                let hash = self.core.digest(term);
                self.core.engine.prefetch_bucket(self.pin, Key { term, hash });
                *held = (word, hash);
            }
            for (word, hash) in &words[..some.len()] {
                let term: TermRef<'_> = arena.view(*word);
                self.core.engine.prefetch_entry(self.pin, Key { term, hash: *hash });
            }
            for (word, hash) in &words[..some.len()] {
                let term: TermRef<'_> = arena.view(*word);
                look_up(self, Key { term, hash: *hash })?;
            }
        }
        Ok(())
    }

    /// Shows every object, in an ordered set in the order of keys. Those that are in the table
    /// throughout are shown once, others at most once. O(objects).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(2, 20), (1, 10), (3, 30)])?;
    /// let mut values = Vec::new();
    /// t.read(|view| {
    ///     view.for_each(|object| values.extend(object.element(2).and_then(|n| n.as_i64())));
    /// })?;
    /// assert_eq!(values, [10, 20, 30]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn for_each(&self, mut visit: impl FnMut(ObjectRef<'v>)) {
        let mut next = Some(Mark::Start);
        while let Some(from) = next {
            next = self.core.engine.scan(self.pin, from, false, usize::MAX, &mut visit);
        }
    }
}
