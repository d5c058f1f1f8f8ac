//! What many programs start with: one B-tree behind one reader-writer lock.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Key, Obj, Tally};

/// A tree behind a lock, and what only this one can do.
macro_rules! locked_tree {
    ($name:ident, $map:ident, { $($more:tt)* }) => {
        /// The lock and the map.
        pub struct $name<K: Key>(RwLock<$map<K, Arc<Obj>>>);

        impl<K: Key> HashSubject for $name<K> {
            type Owned = Arc<Obj>;

            fn new() -> Self {
                Self(RwLock::new($map::new()))
            }

            #[inline(always)]
            fn lookup(&self, key: i64) -> Option<Arc<Obj>> {
                self.0.read().get(&K::of(key)).cloned()
            }

            #[inline(always)]
            fn number(owned: &Arc<Obj>) -> i64 {
                owned.n
            }

            /// Under the lock one by one: held over a thousand lookups it would keep all writers
            /// out.
            #[inline(always)]
            fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
                for _ in 0..count {
                    tally.see(self.0.read().get(&K::of(keys.next_key())).map(|object| object.n));
                }
            }

            #[inline(always)]
            fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
                let map = self.0.read();
                for key in keys {
                    tally.see(map.get(&K::of(*key)).map(|object| object.n));
                }
            }

            /// The object is made before the lock is taken, and the old one dropped after.
            #[inline(always)]
            fn insert(&self, key: i64) {
                let object = Obj::new(key);
                let replaced = self.0.write().insert(K::of(key), object);
                drop(replaced);
            }

            #[inline(always)]
            fn delete(&self, key: i64) {
                let deleted = self.0.write().remove(&K::of(key));
                drop(deleted);
            }

            #[inline(always)]
            fn increment(&self, key: i64) -> Option<i64> {
                let mut map = self.0.write();
                let object = Arc::make_mut(map.get_mut(&K::of(key))?);
                object.n += 1;
                Some(object.n)
            }

            #[inline(always)]
            fn range(&self, from: i64, count: usize, tally: &mut Tally) {
                let map = self.0.read();
                let behind = map.range(K::of(from)..).take(count);
                tally.see(Some(behind.map(|(_, object)| object.n).sum()));
            }

            #[inline(always)]
            fn next(&self, key: i64) -> Option<i64> {
                let map = self.0.read();
                let mut behind = map.range((Bound::Excluded(K::of(key)), Bound::Unbounded));
                behind.next().map(|(key, _)| key.number())
            }

            fn fold(&self, tally: &mut Tally) {
                for object in self.0.read().values() {
                    tally.see(Some(object.n));
                }
            }

            $($more)*
        }
    };
}

pub(crate) use locked_tree;

locked_tree!(RwLockBTreeMap, BTreeMap, {
    /// A clone, for which readers may stay and writers wait.
    fn with_snapshot(&self, body: &mut dyn FnMut(Duration)) {
        let begun = Instant::now();
        let clone = self.0.read().clone();
        body(begun.elapsed());
        drop(clone);
    }
});
