//! crossbeam's SkipMap: a lock-free skip list whose entries are counted.

use std::ops::Bound;
use std::sync::Arc;

use crossbeam_skiplist::SkipMap;

use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Key, Obj, Tally};

/// The list.
pub struct Skiplist<K: Key>(SkipMap<K, Arc<Obj>>);

impl<K: Key> HashSubject for Skiplist<K> {
    type Owned = Arc<Obj>;

    const REPLACES: bool = false;

    fn new() -> Self {
        Skiplist(SkipMap::new())
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Arc<Obj>> {
        self.0.get(&K::of(key)).map(|entry| Arc::clone(entry.value()))
    }

    #[inline(always)]
    fn number(owned: &Arc<Obj>) -> i64 {
        owned.n
    }

    #[inline(always)]
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
        for _ in 0..count {
            tally.see(self.0.get(&K::of(keys.next_key())).map(|entry| entry.value().n));
        }
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        for key in keys {
            tally.see(self.0.get(&K::of(*key)).map(|entry| entry.value().n));
        }
    }

    #[inline(always)]
    fn insert(&self, key: i64) {
        self.0.insert(K::of(key), Obj::new(key));
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        self.0.remove(&K::of(key));
    }

    /// Not in one step: the family has no row for it.
    fn increment(&self, key: i64) -> Option<i64> {
        let object = self.0.get(&K::of(key))?.value().incremented();
        let n = object.n;
        self.0.insert(K::of(key), object);
        Some(n)
    }

    #[inline(always)]
    fn range(&self, from: i64, count: usize, tally: &mut Tally) {
        let objects = self.0.range(K::of(from)..).take(count);
        tally.see(Some(objects.map(|entry| entry.value().n).sum()));
    }

    #[inline(always)]
    fn next(&self, key: i64) -> Option<i64> {
        self.0.lower_bound(Bound::Excluded(&K::of(key))).map(|entry| entry.key().number())
    }

    fn fold(&self, tally: &mut Tally) {
        for entry in self.0.iter() {
            tally.see(Some(entry.value().n));
        }
    }
}
