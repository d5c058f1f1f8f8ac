//! Atomics, locks and waiting: the standard ones, or loom's while a model runs.

#[cfg(not(crossbeam_loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence,
};

#[cfg(crossbeam_loom)]
pub(crate) use loom::sync::atomic::{
    AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

#[cfg(not(crossbeam_loom))]
pub(crate) use parking_lot::{Mutex, RwLock};

#[cfg(crossbeam_loom)]
pub(crate) use self::modelled::{Mutex, RwLock};

/// loom's locks with `parking_lot`'s signatures: no poisoning to unwrap.
#[cfg(crossbeam_loom)]
mod modelled {
    #[derive(Debug)]
    pub(crate) struct RwLock<T>(loom::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> loom::sync::RwLockReadGuard<'_, T> {
            self.0.read().expect("a model panicked while it held this lock")
        }

        pub(crate) fn write(&self) -> loom::sync::RwLockWriteGuard<'_, T> {
            self.0.write().expect("a model panicked while it held this lock")
        }
    }

    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("a model panicked while it held this lock")
        }

        pub(crate) fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }
}

/// Waiting for a lock bit: spin for about the length of a critical section, then give the
/// processor away, then sleep. Critical sections run no user code and no system call but an
/// allocation, so the later stages matter only when the holder was preempted.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    round: u32,
}

impl Backoff {
    const SPIN_ROUNDS: u32 = 6;
    const YIELD_ROUNDS: u32 = 60;

    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Waits a little longer than the last time.
    #[cfg(not(crossbeam_loom))]
    #[allow(clippy::disallowed_methods, reason = "this is the waiting others are sent to")]
    pub(crate) fn wait(&mut self) {
        self.round = self.round.saturating_add(1);
        if self.round <= Self::SPIN_ROUNDS {
            for _ in 0..1_u32 << self.round {
                std::hint::spin_loop();
            }
        } else if self.round <= Self::YIELD_ROUNDS {
            std::thread::yield_now();
        } else {
            std::thread::sleep(std::time::Duration::from_micros(50));
        }
    }

    #[cfg(crossbeam_loom)]
    pub(crate) fn wait(&mut self) {
        let _ = (&mut self.round, Self::SPIN_ROUNDS, Self::YIELD_ROUNDS);
        loom::thread::yield_now();
    }
}

/// Keeps a value on cache lines of its own, so that its writers disturb nobody.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct CacheAligned<T>(pub(crate) T);
