//! The model of the lock that watches spin on; elsewhere models have loom's own lock in its place.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::loom_support::model;
use crate::raw::spin::Spin;

/// What the holder alone may look at; loom reports who does so at the same time as another.
struct Guarded(Spin<u32>, UnsafeCell<u32>);

// SAFETY: M3: the cell is used by the holder of the lock alone; loom sees whether that is so.
unsafe impl Sync for Guarded {}

fn add(guarded: &Guarded) -> u32 {
    let mut held = guarded.0.lock();
    *held += 1;
    guarded.1.with_mut(|count| {
        // SAFETY: M3: under the lock.
        let count = unsafe { &mut *count };
        *count += 1;
        assert_eq!(*count, *held, "one after the other");
        *count
    })
}

#[test]
fn loom_a_spinning_lock_has_one_holder() {
    model("spin: two holders in turn", || {
        let guarded = Arc::new(Guarded(Spin::new(0), UnsafeCell::new(0)));
        let shared = Arc::clone(&guarded);
        let thread = thread::spawn(move || add(&shared));
        let mine = add(&guarded);
        let other = thread.join().unwrap();
        assert_eq!((mine + other, *guarded.0.lock()), (3, 2));
    });
}
