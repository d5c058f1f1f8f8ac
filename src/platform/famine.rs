//! Memory that runs out when a test says so. Compiled with `--cfg ferrets_stress` only.
//!
//! It concerns what `raw` asks the allocator for itself: blocks, segments, nodes. The standard
//! collections end the process when there is no memory, and go on here.

use std::cell::Cell;

thread_local! {
    /// Allocations of this thread until one fails.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Lets the allocation after the next `good` ones of this thread fail, and only that one. Returns
/// what `f` returns, and whether there was one that failed.
pub fn with_one_failure<R>(good: u64, f: impl FnOnce() -> R) -> (R, bool) {
    LEFT.set(Some(good));
    let result = f();
    (result, LEFT.take().is_none())
}

/// Whether this allocation is the one that fails.
pub(crate) fn strikes() -> bool {
    match LEFT.get() {
        None => false,
        Some(left) => {
            LEFT.set(left.checked_sub(1));
            left == 0
        }
    }
}
