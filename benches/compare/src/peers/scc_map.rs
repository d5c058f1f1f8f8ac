//! scc's HashMap: a lock in every bucket, readers included.

use std::sync::Arc;

use scc::HashMap;

use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Hasher, Obj, Tally};

/// The map; reads run a closure under the bucket's lock.
pub struct SccMap(HashMap<i64, Arc<Obj>, Hasher>);

impl HashSubject for SccMap {
    type Owned = Arc<Obj>;

    fn new() -> Self {
        SccMap(HashMap::with_hasher(Hasher::new()))
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Arc<Obj>> {
        self.0.read_sync(&key, |_, object| Arc::clone(object))
    }

    #[inline(always)]
    fn number(owned: &Arc<Obj>) -> i64 {
        owned.n
    }

    #[inline(always)]
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
        for _ in 0..count {
            tally.see(self.0.read_sync(&keys.next_key(), |_, object| object.n));
        }
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        for key in keys {
            tally.see(self.0.read_sync(key, |_, object| object.n));
        }
    }

    #[inline(always)]
    fn insert(&self, key: i64) {
        self.0.upsert_sync(key, Obj::new(key));
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        self.0.remove_sync(&key);
    }

    /// In place under the bucket's lock; a copy only if somebody holds the object.
    #[inline(always)]
    fn increment(&self, key: i64) -> Option<i64> {
        self.0.update_sync(&key, |_, object| {
            let object = Arc::make_mut(object);
            object.n += 1;
            object.n
        })
    }

    fn fold(&self, tally: &mut Tally) {
        self.0.iter_sync(|_, object| {
            tally.see(Some(object.n));
            true
        });
    }
}
