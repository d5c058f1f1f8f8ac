//! Waking those who wait, when no lock is held.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use smallvec::SmallVec;

macro_rules! kept {
    ($thread_local:ident) => {
        $thread_local! {
            /// Whom the thread would have woken while something [keeps them
            /// back](Wake::keep_back).
            static KEPT: RefCell<Option<Vec<Waker>>> = RefCell::new(None);
        }
    };
}

#[cfg(ferrets_loom)]
use loom::thread_local as thread_local_of_models;
#[cfg(not(ferrets_loom))]
use std::thread_local as thread_local_of_models;
kept!(thread_local_of_models);

/// Who is to be woken, when all locks are released: wakers are foreign code, which may well come
/// back to whatever was locked.
#[derive(Debug, Default)]
#[must_use = "somebody waits"]
pub(crate) struct Wake(SmallVec<[Waker; 1]>);

impl Wake {
    #[inline]
    pub(crate) fn add_one(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.0.push(waker);
        }
    }

    pub(crate) fn add(&mut self, wakers: impl IntoIterator<Item = Waker>) {
        self.0.extend(wakers);
    }

    /// Wakes them. One that panics is passed over: it is not the business of whoever changes
    /// something, or drops an owner while he unwinds, that somebody else waits in a strange way.
    #[inline]
    pub(crate) fn run(self) {
        if !self.0.is_empty() {
            self.run_all();
        }
    }

    fn run_all(mut self) {
        // A thread that has ended keeps nobody back any more.
        let _ = KEPT.try_with(|kept| {
            if let Some(kept) = &mut *kept.borrow_mut() {
                kept.extend(self.0.drain(..));
            }
        });
        for waker in self.0 {
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    /// Runs `f`, and hands over whom it would have woken: for who holds a lock around what wakes
    /// when its own locks are released.
    pub(crate) fn keep_back<R>(f: impl FnOnce() -> R) -> (R, Self) {
        /// Puts back what was there before, also while unwinding.
        struct Scope(Option<Vec<Waker>>);

        impl Scope {
            fn end(&mut self) -> Vec<Waker> {
                KEPT.with(|kept| kept.replace(self.0.take())).unwrap_or_default()
            }
        }

        impl Drop for Scope {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    drop(self.end());
                }
            }
        }

        let mut scope = Scope(KEPT.with(|kept| kept.replace(Some(Vec::new()))));
        let result = f();
        (result, Self(scope.end().into()))
    }
}
