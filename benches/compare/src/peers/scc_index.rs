//! scc's HashIndex: like its HashMap, but readers take no lock and entries are never written.

use std::sync::Arc;

use scc::hash_index::Entry;
use scc::{Guard, HashIndex};

use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Hasher, Obj, Tally};

/// The index; reads borrow under an epoch guard.
pub struct SccIndex(HashIndex<i64, Arc<Obj>, Hasher>);

impl HashSubject for SccIndex {
    type Owned = Arc<Obj>;
    /// `update` may put the new object elsewhere in the bucket, where a reader has been already.
    const REPLACES: bool = false;

    fn new() -> Self {
        SccIndex(HashIndex::with_hasher(Hasher::new()))
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Arc<Obj>> {
        self.0.peek_with(&key, |_, object| Arc::clone(object))
    }

    #[inline(always)]
    fn number(owned: &Arc<Obj>) -> i64 {
        owned.n
    }

    #[inline(always)]
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
        let guard = Guard::new();
        for _ in 0..count {
            tally.see(self.0.peek(&keys.next_key(), &guard).map(|object| object.n));
        }
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        let guard = Guard::new();
        for key in keys {
            tally.see(self.0.peek(key, &guard).map(|object| object.n));
        }
    }

    #[inline(always)]
    fn insert(&self, key: i64) {
        match self.0.entry_sync(key) {
            Entry::Occupied(mut entry) => entry.update(Obj::new(key)),
            Entry::Vacant(entry) => {
                entry.insert_entry(Obj::new(key));
            }
        }
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        self.0.remove_sync(&key);
    }

    /// Entries cannot be written in place: a new object, under the bucket's writer lock.
    #[inline(always)]
    fn increment(&self, key: i64) -> Option<i64> {
        let mut entry = self.0.get_sync(&key)?;
        let object = entry.get().incremented();
        let n = object.n;
        entry.update(object);
        Some(n)
    }

    fn fold(&self, tally: &mut Tally) {
        for (_, object) in self.0.iter(&Guard::new()) {
            tally.see(Some(object.n));
        }
    }

    fn settle(&self) {
        for _ in 0..64 {
            Guard::new().accelerate();
        }
    }
}
