//! Waking those who wait, when no lock is held.
#![allow(clippy::missing_const_for_thread_local, reason = "loom's macro knows no `const`")]

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

#[cfg(ferrets_loom)]
use loom::thread_local;

thread_local! {
    /// Whom the thread would have woken while something [keeps them back](Wake::keep_back). There
    /// is nothing to drop when the thread ends, so it can be used to the very end.
    static KEPT: RefCell<ManuallyDrop<Option<Vec<Waker>>>> = RefCell::new(ManuallyDrop::new(None));
}

/// Who is to be woken, when all locks are released: wakers are foreign code, which may well come
/// back to whatever was locked.
#[derive(Debug, Default)]
#[must_use = "somebody waits"]
pub(crate) struct Wake(Vec<Waker>);

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
        KEPT.with(|kept| {
            if let Some(kept) = &mut **kept.borrow_mut() {
                kept.append(&mut self.0);
            }
        });
        for waker in self.0 {
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    /// Runs `f`, and hands over whom it would have woken: for who holds a lock around what wakes
    /// when its own locks are released.
    pub(crate) fn keep_back<R>(f: impl FnOnce() -> R) -> (R, Self) {
        fn exchange(new: Option<Vec<Waker>>) -> Option<Vec<Waker>> {
            KEPT.with(|kept| std::mem::replace(&mut **kept.borrow_mut(), new))
        }

        /// Puts back what was there before, also while unwinding.
        struct Scope(Option<Vec<Waker>>);

        impl Scope {
            fn end(&mut self) -> Vec<Waker> {
                exchange(self.0.take()).unwrap_or_default()
            }
        }

        impl Drop for Scope {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    drop(self.end());
                }
            }
        }

        let mut scope = Scope(exchange(Some(Vec::new())));
        let result = f();
        (result, Self(scope.end()))
    }
}
