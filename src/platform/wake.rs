//! Waking those who wait, when no lock is held.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use smallvec::SmallVec;

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

    fn run_all(self) {
        for waker in self.0 {
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}
