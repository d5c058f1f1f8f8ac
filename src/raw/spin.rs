//! A lock that is held for tens of nanoseconds by writers one after the other.
//!
//! Taking it is one locked instruction, and releasing it a store. That matters where much is
//! written under it: a locked instruction waits until all stores before it are done, among them
//! those to lines that lie in another processor's cache, and a store does not. A lock that puts
//! those who wait to sleep needs a second one, to learn whether there are any.
//!
//! What it is bad at: whoever is preempted while he holds it holds up all others, who then
//! [give way](Backoff). It has a model of its own; other models, in which every turn of a loop is a
//! branch, have loom's lock in its place.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::platform::sync::{AtomicU32, Backoff, Ordering};

/// A value behind a lock, on a cache line of its own.
#[repr(align(64))]
pub(super) struct Spin<T> {
    is_locked: AtomicU32,
    /// M3: used by the holder of the lock alone.
    value: UnsafeCell<T>,
}

/// The lock, held. Releases it when dropped, also while unwinding.
pub(super) struct Held<'a, T> {
    spin: &'a Spin<T>,
    /// It is as a unique reference.
    value: PhantomData<&'a mut T>,
}

// SAFETY: M3: the value is only ever with one thread at a time, so it is as if it were sent around.
unsafe impl<T: Send> Sync for Spin<T> {}

impl<T> Spin<T> {
    pub(super) fn new(value: T) -> Self {
        Self { is_locked: AtomicU32::new(0), value: UnsafeCell::new(value) }
    }

    #[inline]
    pub(super) fn lock(&self) -> Held<'_, T> {
        if !self.try_take() {
            self.take_later();
        }
        Held { spin: self, value: PhantomData }
    }

    #[inline]
    fn try_take(&self) -> bool {
        // Ordering: Acquire; pairs with the Release of who held it before.
        self.is_locked.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn take_later(&self) {
        let mut backoff = Backoff::new();
        loop {
            backoff.wait();
            // Looked at first: who waits does not take the line from who holds the lock.
            if self.is_locked.load(Ordering::Relaxed) == 0 && self.try_take() {
                return;
            }
        }
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: M3: we hold the lock, and this borrows the only thing that says so.
        unsafe { &*self.spin.value.get() }
    }
}

impl<T> DerefMut for Held<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: M3: as above.
        unsafe { &mut *self.spin.value.get() }
    }
}

impl<T> Drop for Held<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Ordering: Release; pairs with the Acquire of who takes it next.
        self.spin.is_locked.store(0, Ordering::Release);
    }
}

impl<T> fmt::Debug for Spin<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spin").finish_non_exhaustive()
    }
}
