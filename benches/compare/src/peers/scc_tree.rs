//! scc's TreeIndex: a B-tree whose readers take no lock and whose entries are never written.

use std::ops::Bound;
use std::sync::Arc;

use scc::{Guard, TreeIndex};

use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Key, Obj, Tally};

/// The index; reads borrow under an epoch guard.
pub struct SccTree<K: Key>(TreeIndex<K, Arc<Obj>>);

impl<K: Key> HashSubject for SccTree<K> {
    type Owned = Arc<Obj>;

    const REPLACES: bool = false;

    fn new() -> Self {
        SccTree(TreeIndex::new())
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Arc<Obj>> {
        self.0.peek_with(&K::of(key), |_, object| Arc::clone(object))
    }

    #[inline(always)]
    fn number(owned: &Arc<Obj>) -> i64 {
        owned.n
    }

    #[inline(always)]
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
        let guard = Guard::new();
        for _ in 0..count {
            tally.see(self.0.peek(&K::of(keys.next_key()), &guard).map(|object| object.n));
        }
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        let guard = Guard::new();
        for key in keys {
            tally.see(self.0.peek(&K::of(*key), &guard).map(|object| object.n));
        }
    }

    /// It cannot replace: what is in the way is taken out first.
    #[inline(always)]
    fn insert(&self, key: i64) {
        let mut object = Obj::new(key);
        while let Err((_, again)) = self.0.insert_sync(K::of(key), object) {
            self.0.remove_sync(&K::of(key));
            object = again;
        }
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        self.0.remove_sync(&K::of(key));
    }

    /// Not in one step: the family has no row for it.
    fn increment(&self, key: i64) -> Option<i64> {
        let object = self.0.peek_with(&K::of(key), |_, object| object.incremented())?;
        let n = object.n;
        self.0.remove_sync(&K::of(key));
        self.0.insert_sync(K::of(key), object).ok().map(|()| n)
    }

    #[inline(always)]
    fn range(&self, from: i64, count: usize, tally: &mut Tally) {
        let guard = Guard::new();
        let objects = self.0.range(K::of(from).., &guard).take(count);
        tally.see(Some(objects.map(|(_, object)| object.n).sum()));
    }

    #[inline(always)]
    fn next(&self, key: i64) -> Option<i64> {
        let guard = Guard::new();
        let mut behind = self.0.range((Bound::Excluded(K::of(key)), Bound::Unbounded), &guard);
        behind.next().map(|(key, _)| key.number())
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
