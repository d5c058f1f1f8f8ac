//! A B-tree that knows ranks, behind one reader-writer lock.

use std::ops::Bound;
use std::sync::Arc;

use indexset::BTreeMap;
use parking_lot::RwLock;

use super::rwlock_btreemap::locked_tree;
use crate::keys::Keys;
use crate::row::MANY;
use crate::subject::{HashSubject, Key, Obj, Tally};

locked_tree!(RwLockIndexset, BTreeMap, {
    #[inline(always)]
    fn rank(&self, key: i64) -> Option<usize> {
        Some(self.0.read().rank(&K::of(key)))
    }
});
