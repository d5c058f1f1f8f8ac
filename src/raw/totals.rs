//! How much an index holds: items and bytes, exact when quiet, O(1) to read.
//!
//! Small indexes count in one place. An index that outgrows one segment may be written by many
//! threads at once, so from then on each counts in a stripe of its own, and readers add them up.

use std::sync::OnceLock;

use super::Weight;
use super::reclaim::thread_index;
use crate::platform::sync::{AtomicU64, CacheAligned, Ordering};

const STRIPES: usize = 16;

#[derive(Debug)]
struct Pair {
    items: AtomicU64,
    bytes: AtomicU64,
}

impl Pair {
    fn new() -> Self {
        Self { items: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }
}

/// The totals of an index since it was last cleared.
#[derive(Debug)]
pub(super) struct Totals {
    /// How often the index was cleared before.
    pub(super) life: u64,
    single: Pair,
    stripes: OnceLock<Box<[CacheAligned<Pair>]>>,
}

/// A change of the totals; below zero for what goes.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Delta {
    pub(super) items: i64,
    pub(super) bytes: i64,
}

impl Delta {
    #[inline]
    pub(super) fn between(before: Weight, after: Weight) -> Self {
        let difference = |a: usize, b: usize| (b as i64).wrapping_sub(a as i64);
        Self {
            items: difference(before.items, after.items),
            bytes: difference(before.bytes, after.bytes),
        }
    }

    pub(super) fn bytes(bytes: i64) -> Self {
        Self { items: 0, bytes }
    }
}

impl Totals {
    pub(super) fn new(life: u64) -> Self {
        Self { life, single: Pair::new(), stripes: OnceLock::new() }
    }

    /// From now on every thread counts in a stripe.
    pub(super) fn spread(&self) {
        self.stripes.get_or_init(|| (0..STRIPES).map(|_| CacheAligned(Pair::new())).collect());
    }

    #[inline]
    pub(super) fn add(&self, delta: Delta) {
        if delta.items | delta.bytes != 0 {
            self.add_some(delta);
        }
    }

    fn add_some(&self, delta: Delta) {
        let pair = match self.stripes.get() {
            None => &self.single,
            Some(stripes) => &stripes[thread_index() % STRIPES].0,
        };
        // Ordering: Relaxed; totals publish nothing.
        if delta.items != 0 {
            pair.items.fetch_add(delta.items as u64, Ordering::Relaxed);
        }
        if delta.bytes != 0 {
            pair.bytes.fetch_add(delta.bytes as u64, Ordering::Relaxed);
        }
    }

    fn sum(&self, part: impl Fn(&Pair) -> &AtomicU64) -> usize {
        let load = |pair: &Pair| part(pair).load(Ordering::Relaxed);
        let stripes = self.stripes.get().into_iter().flatten();
        let sum = stripes.fold(load(&self.single), |sum, stripe| sum.wrapping_add(load(&stripe.0)));
        // Stripes may be read around a change that moved an item from one to another.
        usize::try_from(sum as i64).unwrap_or(0)
    }

    pub(super) fn weight(&self) -> Weight {
        Weight { items: self.sum(|pair| &pair.items), bytes: self.sum(|pair| &pair.bytes) }
    }

    /// Bytes of the totals themselves.
    pub(super) fn own_bytes(&self) -> usize {
        size_of::<Self>() + self.stripes.get().map_or(0, |all| size_of_val::<[_]>(all))
    }
}
