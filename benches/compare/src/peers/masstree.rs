//! Masstree: a trie of B+-trees over bytes, read without locks, which its own figures put above
//! `TreeIndex` and the skip list.

use std::marker::PhantomData;
use std::sync::Arc;

use masstree::{MassTree15, RangeBound};

use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Key, Obj, Pair, Tally, Text};

/// The tree. Values are boxed; it frees them when their readers are gone.
pub struct Masstree<K>(MassTree15<Arc<Obj>>, PhantomData<fn() -> K>);

/// Keys as bytes in the same order.
pub trait Bytes: Key {
    /// So many bytes.
    type Bytes: AsRef<[u8]>;

    /// Those of the key of a number.
    fn bytes(number: i64) -> Self::Bytes;

    /// The number of the key that has these.
    fn number_of(bytes: &[u8]) -> Option<i64>;
}

impl Bytes for i64 {
    type Bytes = [u8; 8];

    #[inline(always)]
    fn bytes(number: i64) -> [u8; 8] {
        (number as u64 ^ 1 << 63).to_be_bytes()
    }

    #[inline(always)]
    fn number_of(bytes: &[u8]) -> Option<i64> {
        Some((u64::from_be_bytes(bytes.try_into().ok()?) ^ 1 << 63) as i64)
    }
}

impl Bytes for Text {
    type Bytes = Text;

    #[inline(always)]
    fn bytes(number: i64) -> Text {
        Text::of(number)
    }

    #[inline(always)]
    fn number_of(bytes: &[u8]) -> Option<i64> {
        Some(Text::try_from(bytes).ok()?.number())
    }
}

impl Bytes for Pair {
    type Bytes = [u8; 16];

    #[inline(always)]
    fn bytes(number: i64) -> [u8; 16] {
        let (group, member) = Pair::of(number);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&i64::bytes(group));
        bytes[8..].copy_from_slice(&i64::bytes(member));
        bytes
    }

    #[inline(always)]
    fn number_of(bytes: &[u8]) -> Option<i64> {
        let (group, member) = bytes.split_at_checked(8)?;
        Some((i64::number_of(group)?, i64::number_of(member)?).number())
    }
}

impl<K: Bytes> HashSubject for Masstree<K> {
    type Owned = Arc<Obj>;

    fn new() -> Self {
        Masstree(MassTree15::new(), PhantomData)
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Arc<Obj>> {
        let guard = self.0.guard();
        self.0.get_ref(K::bytes(key).as_ref(), &guard).map(|object| Arc::clone(&object))
    }

    #[inline(always)]
    fn number(owned: &Arc<Obj>) -> i64 {
        owned.n
    }

    #[inline(always)]
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
        let guard = self.0.guard();
        for _ in 0..count {
            tally.see(
                self.0.get_ref(K::bytes(keys.next_key()).as_ref(), &guard).map(|object| object.n),
            );
        }
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        let guard = self.0.guard();
        for key in keys {
            tally.see(self.0.get_ref(K::bytes(*key).as_ref(), &guard).map(|object| object.n));
        }
    }

    #[inline(always)]
    fn insert(&self, key: i64) {
        let guard = self.0.guard();
        self.0.insert_with_guard(K::bytes(key).as_ref(), Obj::new(key), &guard);
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        let guard = self.0.guard();
        self.0.remove_with_guard(K::bytes(key).as_ref(), &guard).expect("it removes");
    }

    /// Not in one step: the family has no row for it.
    fn increment(&self, key: i64) -> Option<i64> {
        let guard = self.0.guard();
        let object = self.0.get_ref(K::bytes(key).as_ref(), &guard)?.incremented();
        let n = object.n;
        self.0.insert_with_guard(K::bytes(key).as_ref(), object, &guard);
        Some(n)
    }

    #[inline(always)]
    fn range(&self, from: i64, count: usize, tally: &mut Tally) {
        let (guard, from) = (self.0.guard(), K::bytes(from));
        let (mut sum, mut left) = (0, count);
        let see = |_: &[u8], object: &Arc<Obj>| {
            sum += object.n;
            left -= 1;
            left > 0
        };
        self.0.scan_ref(RangeBound::Included(from.as_ref()), RangeBound::Unbounded, see, &guard);
        tally.see(Some(sum));
    }

    #[inline(always)]
    fn next(&self, key: i64) -> Option<i64> {
        let (guard, from, mut next) = (self.0.guard(), K::bytes(key), None);
        let see = |key: &[u8], _: &Arc<Obj>| {
            next = K::number_of(key);
            false
        };
        self.0.scan_ref(RangeBound::Excluded(from.as_ref()), RangeBound::Unbounded, see, &guard);
        next
    }

    fn fold(&self, tally: &mut Tally) {
        let guard = self.0.guard();
        let see = |_: &[u8], object: &Arc<Obj>| {
            tally.see(Some(object.n));
            true
        };
        self.0.scan_ref(RangeBound::Unbounded, RangeBound::Unbounded, see, &guard);
    }
}
