//! The standard atomics and `parking_lot`'s lock, with a [point](super::schedule) before each
//! operation.

use std::sync::atomic;

use super::schedule;
use crate::platform::sync::Ordering;

macro_rules! atomics {
    ($($name:ident $(<$t:ident>)?: $of:ty { $($more:tt)* })+) => { $(
        #[derive(Debug)]
        #[repr(transparent)]
        pub(crate) struct $name$(<$t>)?(atomic::$name$(<$t>)?);

        impl$(<$t>)? Default for $name$(<$t>)? {
            fn default() -> Self {
                Self(atomic::$name::default())
            }
        }

        #[allow(dead_code, reason = "all atomics have the same operations")]
        impl$(<$t>)? $name$(<$t>)? {
            pub(crate) const fn new(value: $of) -> Self {
                Self(atomic::$name::new(value))
            }

            #[inline]
            pub(crate) fn load(&self, ordering: Ordering) -> $of {
                schedule::point();
                self.0.load(ordering)
            }

            #[inline]
            pub(crate) fn store(&self, value: $of, ordering: Ordering) {
                schedule::point();
                self.0.store(value, ordering);
            }

            #[inline]
            pub(crate) fn swap(&self, value: $of, ordering: Ordering) -> $of {
                schedule::point();
                self.0.swap(value, ordering)
            }

            #[inline]
            pub(crate) fn compare_exchange(
                &self,
                current: $of,
                new: $of,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$of, $of> {
                schedule::point();
                self.0.compare_exchange(current, new, success, failure)
            }

            #[inline]
            pub(crate) fn compare_exchange_weak(
                &self,
                current: $of,
                new: $of,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$of, $of> {
                schedule::point();
                self.0.compare_exchange_weak(current, new, success, failure)
            }

            pub(crate) fn get_mut(&mut self) -> &mut $of {
                self.0.get_mut()
            }

            pub(crate) fn into_inner(self) -> $of {
                self.0.into_inner()
            }

            $($more)*
        }
    )+ };
}

macro_rules! integers {
    ($($name:ident: $of:ty)+) => { atomics! { $($name: $of {
        #[inline]
        pub(crate) fn fetch_add(&self, value: $of, ordering: Ordering) -> $of {
            schedule::point();
            self.0.fetch_add(value, ordering)
        }

        #[inline]
        pub(crate) fn fetch_sub(&self, value: $of, ordering: Ordering) -> $of {
            schedule::point();
            self.0.fetch_sub(value, ordering)
        }

        #[inline]
        pub(crate) fn fetch_max(&self, value: $of, ordering: Ordering) -> $of {
            schedule::point();
            self.0.fetch_max(value, ordering)
        }

        #[inline]
        pub(crate) fn fetch_update(
            &self,
            set: Ordering,
            fetch: Ordering,
            f: impl FnMut($of) -> Option<$of>,
        ) -> Result<$of, $of> {
            schedule::point();
            self.0.fetch_update(set, fetch, f)
        }

        #[inline]
        pub(crate) fn fetch_or(&self, value: $of, ordering: Ordering) -> $of {
            schedule::point();
            self.0.fetch_or(value, ordering)
        }

        #[inline]
        pub(crate) fn fetch_and(&self, value: $of, ordering: Ordering) -> $of {
            schedule::point();
            self.0.fetch_and(value, ordering)
        }
    })+ } };
}

atomics! {
    AtomicBool: bool {}
    AtomicPtr<T>: *mut T {}
}

integers! {
    AtomicU32: u32
    AtomicU64: u64
    AtomicUsize: usize
}

/// Takes a lock. In a schedule nobody is put to sleep for it: others get their turn.
fn take<G>(attempt: impl Fn() -> Option<G>, wait: impl FnOnce() -> G) -> G {
    schedule::point();
    loop {
        if let Some(guard) = attempt() {
            return guard;
        }
        if !schedule::wait() {
            return wait();
        }
    }
}

/// `parking_lot`'s mutex.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> parking_lot::MutexGuard<'_, T> {
        take(|| self.0.try_lock(), || self.0.lock())
    }

    pub(crate) fn try_lock(&self) -> Option<parking_lot::MutexGuard<'_, T>> {
        schedule::point();
        self.0.try_lock()
    }
}

/// `parking_lot`'s lock for readers and a writer.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(parking_lot::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(parking_lot::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> parking_lot::RwLockReadGuard<'_, T> {
        take(|| self.0.try_read(), || self.0.read())
    }

    pub(crate) fn write(&self) -> parking_lot::RwLockWriteGuard<'_, T> {
        take(|| self.0.try_write(), || self.0.write())
    }
}
