//! Atomics, locks and waiting: the standard ones, or loom's while a model runs, or, for the stress
//! tests, those at which threads give way to each other.

#[cfg(not(any(ferrets_loom, ferrets_stress)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};
#[cfg(not(ferrets_loom))]
pub(crate) use std::sync::atomic::{Ordering, compiler_fence, fence};

#[cfg(all(ferrets_stress, not(ferrets_loom)))]
pub(crate) use super::pointed::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Mutex, RwLock,
};

#[cfg(ferrets_loom)]
pub(crate) use loom::sync::atomic::{
    AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

#[cfg(not(any(ferrets_loom, ferrets_stress, miri)))]
pub(crate) use parking_lot::{Mutex, RwLock};

/// One that a thread does not share, which no model need know of.
pub(crate) use std::sync::atomic::AtomicUsize as UnsharedUsize;

#[cfg(all(ferrets_stress, not(ferrets_loom)))]
pub(crate) use once_cell::sync::OnceCell as OnceLock;
#[cfg(ferrets_stress)]
pub(crate) use once_cell::sync::OnceCell as StaticOnceLock;
#[cfg(not(any(ferrets_loom, ferrets_stress)))]
pub(crate) use std::sync::OnceLock;
/// One for what no model has, as it can stand in statics.
#[cfg(not(ferrets_stress))]
pub(crate) use std::sync::OnceLock as StaticOnceLock;

#[cfg(ferrets_loom)]
pub(crate) use self::modelled::{Mutex, OnceLock, RwLock};

#[cfg(all(miri, not(any(ferrets_loom, ferrets_stress))))]
pub(crate) use self::plain::{Mutex, RwLock};

/// The standard locks with `parking_lot`'s signatures, for Miri: `parking_lot` makes pointers of
/// integers, and Miri does not know what such a pointer may be used for.
#[cfg(all(miri, not(any(ferrets_loom, ferrets_stress))))]
mod plain {
    use std::sync::{MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(std::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::sync::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

/// loom's locks with `parking_lot`'s signatures: no poisoning to unwrap. And a lock that is set
/// once, of which loom is told who sees that it was.
#[cfg(ferrets_loom)]
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

    #[derive(Debug)]
    pub(crate) struct OnceLock<T> {
        lock: std::sync::OnceLock<T>,
        is_set: loom::sync::atomic::AtomicBool,
    }

    impl<T> OnceLock<T> {
        pub(crate) fn new() -> Self {
            Self {
                lock: std::sync::OnceLock::new(),
                is_set: loom::sync::atomic::AtomicBool::new(false),
            }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            // Ordering: Acquire; pairs with the Release in `get_or_init`.
            self.is_set.load(super::Ordering::Acquire).then(|| self.lock.get()).flatten()
        }

        pub(crate) fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
            let value = self.lock.get_or_init(f);
            // Ordering: Release; pairs with the Acquire in `get`.
            self.is_set.store(true, super::Ordering::Release);
            value
        }
    }

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
    #[cfg(not(ferrets_loom))]
    #[allow(clippy::disallowed_methods, reason = "this is the waiting others are sent to")]
    pub(crate) fn wait(&mut self) {
        #[cfg(ferrets_stress)]
        if super::schedule::wait() {
            return;
        }
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

    #[cfg(ferrets_loom)]
    pub(crate) fn wait(&mut self) {
        let _ = (&mut self.round, Self::SPIN_ROUNDS, Self::YIELD_ROUNDS);
        loom::thread::yield_now();
    }
}

/// Waiting for what somebody else may do at any moment, before one sleeps until he has done it.
/// Putting a thread to sleep and waking it costs both sides microseconds, so who finds nothing
/// spends about as much on looking again, a few times only: when much happens, more of it is there
/// the next time.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    round: u32,
}

impl Patience {
    /// The first time in pauses of a processor, some tens of nanoseconds each, as a power of two:
    /// about as long as waking a thread takes. Who looks more often takes a few events at a time
    /// out of lines that come from the other processor one by one; of many, they come ahead.
    const SHORTEST: u32 = 9;
    const ROUNDS: u32 = 2;

    /// Waits a little, longer than the last time; `false` if it is time to sleep.
    pub(crate) fn wait(&mut self) -> bool {
        // Models and schedules of threads know nothing of time.
        if cfg!(any(ferrets_loom, ferrets_stress)) || self.round == Self::ROUNDS {
            return false;
        }
        for _ in 0..1_u32 << (Self::SHORTEST + self.round) {
            std::hint::spin_loop();
        }
        self.round += 1;
        true
    }
}

/// Waits until what a waker is made for has happened, or so long; may return before.
#[cfg(not(ferrets_loom))]
#[allow(clippy::disallowed_methods, reason = "this is the waiting others are sent to")]
pub(crate) fn park(time: Option<std::time::Duration>) {
    match time {
        None => std::thread::park(),
        Some(time) => std::thread::park_timeout(time),
    }
}

/// Models do not wait.
#[cfg(ferrets_loom)]
pub(crate) fn park(_: Option<std::time::Duration>) {
    loom::thread::yield_now();
}

/// A waker that ends this thread's [`park`].
pub(crate) fn unparker() -> std::task::Waker {
    struct Unpark(std::thread::Thread);

    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }

    std::task::Waker::from(std::sync::Arc::new(Unpark(std::thread::current())))
}

/// Keeps a value on cache lines of its own, so that its writers disturb nobody.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct CacheAligned<T>(pub(crate) T);
