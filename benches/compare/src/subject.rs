//! What a Rust subject must be able to do, and the object all rivals of ferrets keep.

use std::sync::Arc;
use std::time::Duration;

use crate::keys::Keys;
use crate::row::{MANY, RANGE};

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

/// What objects of the family `ordered` are kept under.
pub trait Key: Ord + Clone + Send + Sync + 'static {
    /// The key of a number. Keys are in the order of their numbers.
    fn of(number: i64) -> Self;

    /// Its number.
    fn number(&self) -> i64;
}

impl Key for i64 {
    #[inline(always)]
    fn of(number: i64) -> Self {
        number
    }

    #[inline(always)]
    fn number(&self) -> i64 {
        *self
    }
}

/// Text with a common beginning, as it is used for names: `user:00000012345`.
pub type Text = [u8; 16];

impl Key for Text {
    #[inline(always)]
    fn of(number: i64) -> Self {
        let mut text = *b"user:00000000000";
        let mut left = number as u64;
        for digit in text[5..].iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        text
    }

    #[inline(always)]
    fn number(&self) -> i64 {
        self[5..].iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
    }
}

/// A group of [`RANGE`] and a number in it.
pub type Pair = (i64, i64);

impl Key for Pair {
    #[inline(always)]
    fn of(number: i64) -> Self {
        (number.div_euclid(RANGE as i64), number.rem_euclid(RANGE as i64))
    }

    #[inline(always)]
    fn number(&self) -> i64 {
        self.0 * RANGE as i64 + self.1
    }
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

    /// Whether an object is there all the time while another one takes its place.
    const REPLACES: bool = true;

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

    /// The same of all objects whose keys begin as those of a group of [`RANGE`] do.
    fn prefix(&self, group: i64, tally: &mut Tally) {
        self.range(group * RANGE as i64, RANGE, tally);
    }

    /// The key after `key`; in the family `ordered` only.
    fn next(&self, key: i64) -> Option<i64> {
        let _ = key;
        unreachable!("hash tables have no order")
    }

    /// How many keys are less; in the row `rank` only.
    fn rank(&self, key: i64) -> Option<usize> {
        let _ = key;
        unreachable!("only some know ranks")
    }

    /// Makes ready for ranks what is not so from the beginning.
    fn prepare_ranks(&self) {}

    /// Takes a snapshot, and calls `body` while it lives with how long it took; in the rows of
    /// snapshots only.
    fn with_snapshot(&self, body: &mut dyn FnMut(Duration)) {
        let _ = body;
        unreachable!("only some have snapshots")
    }

    /// Visits all objects.
    fn fold(&self, tally: &mut Tally);

    /// Gives back memory that is only waiting for readers, before bytes are counted.
    fn settle(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_numbers() {
        fn check<K: Key>() {
            let keys: Vec<K> = (0..30_000).map(K::of).collect();
            assert!(keys.is_sorted());
            assert!(keys.iter().map(K::number).eq(0..30_000));
        }
        check::<i64>();
        check::<Text>();
        check::<Pair>();
    }
}
