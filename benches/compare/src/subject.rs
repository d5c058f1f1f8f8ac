//! What a Rust subject must be able to do, and the object all rivals of ferrets keep.

use std::sync::Arc;

use crate::keys::Keys;
use crate::row::MANY;

/// The hasher of every map that lets one choose.
pub type Hasher = ahash::RandomState;

/// `{Key, N, Bin}`, as a Rust program would keep it.
///
/// It sits in an `Arc`, since a lookup has to hand out something that outlives the entry.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(dead_code, reason = "an object is kept whole, though only its integer field is read")]
pub struct Obj {
    /// The key.
    pub key: i64,
    /// The integer field.
    pub n: i64,
    /// The 32-byte binary.
    pub bin: [u8; 32],
}

impl Obj {
    /// The object of `key`.
    #[inline(always)]
    pub fn new(key: i64) -> Arc<Self> {
        Arc::new(Obj { key, n: key, bin: bin(key) })
    }

    /// The same with one more in the integer field.
    #[inline(always)]
    pub fn incremented(&self) -> Arc<Self> {
        Arc::new(Obj { n: self.n + 1, ..*self })
    }
}

/// The binary in the object of `key`.
#[inline(always)]
pub fn bin(key: i64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&key.to_be_bytes());
    bytes[23] = 1;
    bytes[31] = 2;
    bytes
}

/// What came out of many operations; keeps the compiler from dropping them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// How many found an object.
    pub found: u64,
    /// The sum of the integer fields seen.
    pub sum: i64,
}

impl Tally {
    /// Notes what one operation found.
    #[inline(always)]
    pub fn see(&mut self, n: Option<i64>) {
        if let Some(n) = n {
            self.found += 1;
            self.sum = self.sum.wrapping_add(n);
        }
    }
}

/// A table of objects `{int, int, 32-byte binary}`, used by all threads at once.
///
/// Implementations do each operation the way somebody who knows the crate would, under one rule,
/// which is ETS's: who holds an object never sees it change.
pub trait HashSubject: Send + Sync + Sized + 'static {
    /// What a lookup hands out: usable after the object was replaced or deleted.
    type Owned;

    /// An empty table, without a size hint.
    fn new() -> Self;

    /// The object under `key`.
    fn lookup(&self, key: i64) -> Option<Self::Owned>;

    /// The integer field of what a lookup handed out.
    fn number(owned: &Self::Owned) -> i64;

    /// Reads `count` integer fields without owning the objects, under one pin if there is such.
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally);

    /// Reads the integer fields of all `keys`.
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally);

    /// Puts a newly made object under `key`, whether or not there is one.
    fn insert(&self, key: i64);

    /// Deletes what is under `key`.
    fn delete(&self, key: i64);

    /// Adds one to the integer field of the object under `key` and returns the sum.
    fn increment(&self, key: i64) -> Option<i64>;

    /// Reads the integer fields of the first `count` objects from a key on, and shows their sum; in
    /// the family `ordered` only.
    fn range(&self, from: i64, count: usize, tally: &mut Tally) {
        let _ = (from, count, tally);
        unreachable!("hash tables have no ranges")
    }

    /// The key after `key`; in the family `ordered` only.
    fn next(&self, key: i64) -> Option<i64> {
        let _ = key;
        unreachable!("hash tables have no order")
    }

    /// Reads the integer fields of the objects whose keys begin as that of a number does, and shows
    /// their sum; in the family `ordered` only.
    fn prefix(&self, of: i64, tally: &mut Tally) {
        let _ = (of, tally);
        unreachable!("hash tables have no order")
    }

    /// Visits all objects.
    fn fold(&self, tally: &mut Tally);

    /// Gives back memory that is only waiting for readers, before bytes are counted.
    fn settle(&self) {}
}
