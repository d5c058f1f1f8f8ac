//! papaya: lock-free, entries immutable, memory reclaimed by seize.

use std::sync::Arc;

use papaya::{Guard, HashMap};

use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Hasher, Obj, Tally};

/// The map; everything goes through a pin.
pub struct Papaya(HashMap<i64, Arc<Obj>, Hasher>);

impl HashSubject for Papaya {
    type Owned = Arc<Obj>;

    fn new() -> Self {
        Papaya(HashMap::with_hasher(Hasher::new()))
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Arc<Obj>> {
        self.0.pin().get(&key).cloned()
    }

    #[inline(always)]
    fn number(owned: &Arc<Obj>) -> i64 {
        owned.n
    }

    #[inline(always)]
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
        let map = self.0.pin();
        for _ in 0..count {
            tally.see(map.get(&keys.next_key()).map(|object| object.n));
        }
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        let map = self.0.pin();
        for key in keys {
            tally.see(map.get(key).map(|object| object.n));
        }
    }

    #[inline(always)]
    fn insert(&self, key: i64) {
        self.0.pin().insert(key, Obj::new(key));
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        self.0.pin().remove(&key);
    }

    /// Entries cannot be written in place: a new object, by compare-and-swap.
    #[inline(always)]
    fn increment(&self, key: i64) -> Option<i64> {
        self.0.pin().update(key, |object| object.incremented()).map(|object| object.n)
    }

    fn fold(&self, tally: &mut Tally) {
        for (_, object) in &self.0.pin() {
            tally.see(Some(object.n));
        }
    }

    fn settle(&self) {
        self.0.guard().flush();
    }
}
