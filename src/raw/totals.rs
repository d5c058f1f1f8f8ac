//! How much an index holds: items and bytes, exact when quiet, O(1) to read.
//!
//! Small indexes count in one place. An index that outgrows some 300 items may be written by many
//! threads at once, so from then on each counts in a stripe of its own, and readers add them up.
//!
//! **The gate** stands in the same stripes, because who writes counts there anyway. Writers that
//! want to be waited for count themselves in before they lock anything, and out when they are done.
//! Who closes the gate sets a bit in each of these counts and waits until the count beside it is
//! zero: a writer's counting says in the same step whether the gate was open, so from then on
//! nobody is inside, and all that was written is seen. Stripes are added by who is inside; so they
//! are looked for when nobody is left who is counted in the single place.

use super::Weight;
use super::reclaim::thread_index;
use crate::platform::sync::{AtomicU64, Backoff, CacheAligned, OnceLock, Ordering};

#[cfg(not(ferrets_loom))]
const STRIPES: usize = 16;
#[cfg(ferrets_loom)]
const STRIPES: usize = 2;

/// Of a count of writers: the gate is closed.
const CLOSED: u64 = 1 << 63;

#[derive(Debug)]
struct Pair {
    items: AtomicU64,
    bytes: AtomicU64,
    writers: AtomicU64,
}

impl Pair {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { items: zero(), bytes: zero(), writers: zero() }
    }

    fn close(&self) {
        // Ordering: Relaxed; what was written is seen by `wait`.
        self.writers.fetch_or(CLOSED, Ordering::Relaxed);
    }

    /// Waits until no writer is inside.
    fn wait(&self) {
        let mut backoff = Backoff::new();
        // Ordering: Acquire; pairs with the Release of writers that leave: what they wrote is seen.
        while self.writers.load(Ordering::Acquire) != CLOSED {
            backoff.wait();
        }
    }

    fn open(&self) {
        // Ordering: Release; pairs with the Acquire in `Totals::enter`: who comes in sees what was
        // done while the gate was closed.
        self.writers.fetch_and(!CLOSED, Ordering::Release);
    }
}

/// A writer that is inside the gate; leaves when dropped.
#[derive(Debug)]
pub(super) struct Inside<'t>(&'t AtomicU64);

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        // Ordering: Release; pairs with the Acquire in `Pair::wait`.
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// A closed gate: no writer is inside. Opens when dropped.
#[derive(Debug)]
pub(super) struct Closed<'t>(&'t Totals);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.single.open();
        self.0.stripes.get().into_iter().flatten().for_each(|stripe| stripe.0.open());
    }
}

/// The totals of an index since it was last cleared. On lines of their own: who counts must not
/// disturb those who read what lies beside them.
#[derive(Debug)]
#[repr(align(64))]
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

    /// Where this thread counts.
    #[inline]
    fn pair(&self) -> &Pair {
        match self.stripes.get() {
            None => &self.single,
            Some(stripes) => &stripes[thread_index() % STRIPES].0,
        }
    }

    /// Goes in through the gate, as soon as it is open. Who is inside must not wait for one who
    /// closes it.
    #[inline]
    pub(super) fn enter(&self) -> Inside<'_> {
        let writers = &self.pair().writers;
        // Ordering: Acquire; pairs with the Release in `Pair::open`.
        let open = writers.fetch_add(1, Ordering::Acquire) & CLOSED == 0;
        let inside = Inside(writers);
        if open {
            return inside;
        }
        drop(inside);
        self.enter_later()
    }

    #[cold]
    fn enter_later(&self) -> Inside<'_> {
        let mut backoff = Backoff::new();
        loop {
            let writers = &self.pair().writers;
            // Who waits does not count, or the one he waits for might never see that nobody does.
            if writers.load(Ordering::Relaxed) & CLOSED == 0 {
                // Ordering: Acquire; as in `enter`.
                let open = writers.fetch_add(1, Ordering::Acquire) & CLOSED == 0;
                let inside = Inside(writers);
                if open {
                    return inside;
                }
            }
            backoff.wait();
        }
    }

    /// Closes the gate and waits until no writer is inside. One at a time may do so.
    pub(super) fn close(&self) -> Closed<'_> {
        let closed = Closed(self);
        self.single.close();
        self.single.wait();
        for stripe in self.stripes.get().into_iter().flatten() {
            stripe.0.close();
        }
        for stripe in self.stripes.get().into_iter().flatten() {
            stripe.0.wait();
        }
        closed
    }

    fn add_some(&self, delta: Delta) {
        let pair = self.pair();
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
