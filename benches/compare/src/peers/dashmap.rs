//! dashmap: hashbrown tables, sharded, each behind a reader-writer lock.

use std::sync::Arc;

use dashmap::DashMap;

use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Hasher, Obj, Tally};

/// The map; a reference into it is a lock on its shard, so none is kept from one key to the next.
pub struct Dashmap(DashMap<i64, Arc<Obj>, Hasher>);

impl HashSubject for Dashmap {
    type Owned = Arc<Obj>;

    fn new() -> Self {
        Dashmap(DashMap::with_hasher(Hasher::new()))
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Arc<Obj>> {
        self.0.get(&key).map(|entry| Arc::clone(entry.value()))
    }

    #[inline(always)]
    fn number(owned: &Arc<Obj>) -> i64 {
        owned.n
    }

    #[inline(always)]
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
        for _ in 0..count {
            tally.see(self.0.get(&keys.next_key()).map(|entry| entry.n));
        }
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        for key in keys {
            tally.see(self.0.get(key).map(|entry| entry.n));
        }
    }

    #[inline(always)]
    fn insert(&self, key: i64) {
        self.0.insert(key, Obj::new(key));
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        self.0.remove(&key);
    }

    /// In place under the shard's lock; a copy only if somebody holds the object.
    #[inline(always)]
    fn increment(&self, key: i64) -> Option<i64> {
        let mut entry = self.0.get_mut(&key)?;
        let object = Arc::make_mut(entry.value_mut());
        object.n += 1;
        Some(object.n)
    }

    fn fold(&self, tally: &mut Tally) {
        for entry in &self.0 {
            tally.see(Some(entry.n));
        }
    }
}
