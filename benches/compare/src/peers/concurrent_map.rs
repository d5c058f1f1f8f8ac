//! concurrent-map: a lock-free B+ tree whose nodes are replaced whole; the strongest rival of its
//! kind that is general.

use std::ops::Bound;
use std::sync::Arc;

use concurrent_map::{ConcurrentMap, Minimum};
use parking_lot::Mutex;
use thread_local::ThreadLocal;

use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Key, Obj, Tally};

type Map<K> = ConcurrentMap<K, Arc<Obj>>;

/// The map. A handle is for one thread only, so that each has a clone.
pub struct Concurrent<K: Key + Minimum> {
    first: Mutex<Map<K>>,
    handles: ThreadLocal<Map<K>>,
}

impl<K: Key + Minimum> Concurrent<K> {
    #[inline(always)]
    fn map(&self) -> &Map<K> {
        self.handles.get_or(|| self.first.lock().clone())
    }
}

impl<K: Key + Minimum> HashSubject for Concurrent<K> {
    type Owned = Arc<Obj>;

    fn new() -> Self {
        Concurrent { first: Mutex::new(Map::new()), handles: ThreadLocal::new() }
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Arc<Obj>> {
        self.map().get(&K::of(key))
    }

    #[inline(always)]
    fn number(owned: &Arc<Obj>) -> i64 {
        owned.n
    }

    /// It has no borrowed reads.
    #[inline(always)]
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
        let map = self.map();
        for _ in 0..count {
            tally.see(map.get(&K::of(keys.next_key())).map(|object| object.n));
        }
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        let map = self.map();
        for key in keys {
            tally.see(map.get(&K::of(*key)).map(|object| object.n));
        }
    }

    #[inline(always)]
    fn insert(&self, key: i64) {
        self.map().insert(K::of(key), Obj::new(key));
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        self.map().remove(&K::of(key));
    }

    /// A new object, by compare-and-swap.
    #[inline(always)]
    fn increment(&self, key: i64) -> Option<i64> {
        let add = |object: Option<&Arc<Obj>>| object.map(|object| object.incremented());
        self.map().update_and_fetch(K::of(key), add).map(|object| object.n)
    }

    #[inline(always)]
    fn range(&self, from: i64, count: usize, tally: &mut Tally) {
        let objects = self.map().range(K::of(from)..).take(count);
        tally.see(Some(objects.map(|(_, object)| object.n).sum()));
    }

    #[inline(always)]
    fn next(&self, key: i64) -> Option<i64> {
        let behind = (Bound::Excluded(K::of(key)), Bound::Unbounded);
        self.map().range(behind).next().map(|(key, _)| key.number())
    }

    fn fold(&self, tally: &mut Tally) {
        for (_, object) in self.map().iter() {
            tally.see(Some(object.n));
        }
    }
}
