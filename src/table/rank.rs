//! Order statistics: which place a key has, and which object a place has.

use super::Table;
use super::core::Need;
use super::engine::OrderedEngine;
use crate::error::Result;
use crate::raw::ordered::Walk;
use crate::raw::reclaim::pin;
use crate::term::{Edge, Object, ObjectRef, ToObject, ToTerm};

/// Where [`Table::insert_ranked`] has put an object.
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let options = TableOptions::new(Kind::OrderedSet).order_statistics(true);
/// # let members = owner.new_table("members", options)?;
/// members.insert_list([("ann", 1), ("eve", 2)])?;
/// let placed = members.insert_ranked(("eve", 3))?;
/// assert!(placed.position == 1 && placed.replaced);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Placed {
    /// How many objects lie before it.
    pub position: usize,
    /// Whether it has taken the place of another with the same key.
    pub replaced: bool,
}

/// A number of objects, of which no more fit into memory than a `usize` can count.
pub(super) fn place(before: u64) -> usize {
    usize::try_from(before).unwrap_or(usize::MAX)
}

/// Positions and ranks, counted from zero in the order of keys: for an ordered set that was made
/// with [`TableOptions::order_statistics`](super::TableOptions::order_statistics).
///
/// Those that [`insert_ranked`](Self::insert_ranked) and [`take_ranked`](Self::take_ranked) return
/// are exact, whoever else writes: inserts and removes take place in one order, and who applies the
/// positions to a list in this order has the table. Those that are read are exact while nobody
/// adds or takes objects. Otherwise they are wrong by no more than the number of objects before
/// them that came or went during the call.
impl Table {
    fn counted(&self, need: Need, what: &str) -> Result<&OrderedEngine> {
        let ordered = self.ordered(need, what)?;
        if ordered.counts() { Ok(ordered) } else { Err(self.core.not_counted(what)) }
    }

    /// How many objects have lesser keys, whether the key itself has an object or not. O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// let options = TableOptions::new(Kind::OrderedSet).order_statistics(true);
    /// let scores = owner.new_table("scores", options)?;
    /// scores.insert_list((0..1_000_000).map(|n| (n * 10, "somebody")))?;
    /// assert_eq!(scores.rank(5_000_000)?, 500_000);
    /// assert_eq!(scores.rank(5_000_001)?, 500_001);
    /// assert_eq!(scores.count(5_000_000..6_000_000)?, 100_000, "in O(log n)");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup); [`WrongKind`](crate::ErrorKind::WrongKind) if the table is no
    /// ordered set, or was made without order statistics.
    #[doc(alias = "ets:select_count/2")]
    #[doc(alias = "ZCOUNT")]
    pub fn rank(&self, key: impl ToTerm) -> Result<usize> {
        let ordered = self.counted(Need::Read, "rank")?;
        key.with(|key| place(ordered.rank_of(&pin(), self.core.key(key)).0))
    }

    /// The position of the object with that key; `None` if there is none. O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let options = TableOptions::new(Kind::OrderedSet).order_statistics(true);
    /// # let members = owner.new_table("members", options)?;
    /// members.insert_list([("ann", 1), ("bob", 2), ("eve", 3)])?;
    /// assert_eq!((members.position("eve")?, members.position("dan")?), (Some(2), None));
    /// assert_eq!(members.nth(1)?.expect("there are three").element(1).unwrap(), "bob");
    /// assert!(members.nth(3)?.is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`rank`](Self::rank).
    #[doc(alias = "ZRANK")]
    pub fn position(&self, key: impl ToTerm) -> Result<Option<usize>> {
        let ordered = self.counted(Need::Read, "position")?;
        key.with(|key| {
            let (before, exists) = ordered.rank_of(&pin(), self.core.key(key));
            exists.then(|| place(before))
        })
    }

    /// The object at a position; `None` behind the last. O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let options = TableOptions::new(Kind::OrderedSet).order_statistics(true);
    /// # let members = owner.new_table("members", options)?;
    /// members.insert_list([("eve", 1), ("ann", 2)])?;
    /// assert_eq!(members.nth(0)?.expect("there are two"), tuple!("ann", 2));
    /// assert!(members.nth(2)?.is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`rank`](Self::rank).
    #[doc(alias = "ets:slot/2")]
    #[doc(alias = "at")]
    pub fn nth(&self, position: usize) -> Result<Option<Object>> {
        let ordered = self.counted(Need::Read, "nth")?;
        let pin = pin();
        let object = ordered.nth(&pin, position as u64);
        object.map(|block| ObjectRef::new(block).to_object()).transpose()
    }

    /// Up to `count` objects from a position on, in the order of keys; fewer where the table ends,
    /// none behind the last. O(log n + count).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let options = TableOptions::new(Kind::OrderedSet).order_statistics(true);
    /// # let members = owner.new_table("members", options)?;
    /// members.insert_list((0..1_000).map(|n| (format!("member {n:03}"), n)))?;
    /// let page = members.slice(500, 100)?;
    /// assert_eq!((page.len(), page[0].decode::<(String, i64)>()?.1), (100, 500));
    /// assert_eq!(members.slice(990, 100)?.len(), 10);
    /// assert_eq!(members.slice(1_000, 100)?.len(), 0);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`rank`](Self::rank).
    #[doc(alias = "ZRANGE")]
    pub fn slice(&self, position: usize, count: usize) -> Result<Vec<Object>> {
        let ordered = self.counted(Need::Read, "slice")?;
        let (pin, mut objects) = (pin(), Vec::new());
        let Some(first) = ordered.nth(&pin, position as u64).filter(|_| count > 0) else {
            return Ok(objects);
        };
        objects.push(ObjectRef::new(first).to_object()?);
        let near = Edge::after(first.to_block(), self.keypos());
        let mut pages = ordered.pages(&pin, &near, Edge::Open, Walk::default());
        loop {
            for entry in pages.entries() {
                if objects.len() == count {
                    return Ok(objects);
                }
                objects.push(ObjectRef::new(entry).to_object()?);
            }
            if !pages.advance() {
                return Ok(objects);
            }
        }
    }

    /// As [`insert`](Self::insert), in one instant with learning where. O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let options = TableOptions::new(Kind::OrderedSet).order_statistics(true);
    /// # let members = owner.new_table("members", options)?;
    /// members.insert_list([("ann", 1), ("eve", 2)])?;
    /// let placed = members.insert_ranked(("bob", 3))?;
    /// assert_eq!((placed.position, placed.replaced), (1, false));
    /// let taken = members.take_ranked("eve")?.map(|(position, _)| position);
    /// assert_eq!(taken, Some(2));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`WrongKind`](crate::ErrorKind::WrongKind) as
    /// [`rank`](Self::rank).
    #[doc(alias = "ets:insert/2")]
    pub fn insert_ranked(&self, object: impl ToObject) -> Result<Placed> {
        let ordered = self.counted(Need::Write, "insert_ranked")?;
        let block = self.core.block(&object)?;
        let (replaced, before) = self.done(ordered.insert_ranked(&pin(), block))?;
        Ok(Placed { position: place(before), replaced })
    }

    /// As [`take`](Self::take), in one instant with learning where the object was; `None` if the
    /// key has none. O(log n).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let options = TableOptions::new(Kind::OrderedSet).order_statistics(true);
    /// # let members = owner.new_table("members", options)?;
    /// members.insert_list([("ann", 1), ("bob", 2), ("eve", 3)])?;
    /// let (position, object) = members.take_ranked("bob")?.expect("it is there");
    /// assert!(position == 1 && object == tuple!("bob", 2));
    /// assert!(members.take_ranked("bob")?.is_none());
    /// assert_eq!(members.position("eve")?, Some(1));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert_ranked`](Self::insert_ranked).
    #[doc(alias = "ets:take/2")]
    pub fn take_ranked(&self, key: impl ToTerm) -> Result<Option<(usize, Object)>> {
        let ordered = self.counted(Need::Write, "take_ranked")?;
        key.with(|key| {
            let (taken, before) = self.done(ordered.take_ranked(&pin(), self.core.key(key)))?;
            Ok(taken?.map(|object| (place(before), object)))
        })?
    }
}
