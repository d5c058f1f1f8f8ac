//! The allocator all Rust subjects share: mimalloc, wrapped so that live bytes can be counted.
//!
//! Counting is off unless [`count_live`] is running, and then costs every allocation one relaxed
//! load of a flag that nobody writes. No timed window counts.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

#[cfg(not(feature = "system-alloc"))]
#[global_allocator]
static ALLOCATOR: Counting<mimalloc::MiMalloc> = Counting(mimalloc::MiMalloc);

#[cfg(feature = "system-alloc")]
#[global_allocator]
static ALLOCATOR: Counting<std::alloc::System> = Counting(std::alloc::System);

/// The allocator's name, for the report.
pub const NAME: &str = if cfg!(feature = "system-alloc") { "the system's" } else { "mimalloc" };

static COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicI64 = AtomicI64::new(0);

/// Runs `work` and returns what it returned, with the bytes it asked for and has not given back.
pub fn count_live<R>(work: impl FnOnce() -> R) -> (R, i64) {
    LIVE.store(0, Ordering::Relaxed);
    COUNTING.store(true, Ordering::SeqCst);
    let result = work();
    COUNTING.store(false, Ordering::SeqCst);
    (result, LIVE.load(Ordering::Relaxed))
}

fn note(taken: usize, given_back: usize) {
    if COUNTING.load(Ordering::Relaxed) {
        LIVE.fetch_add(taken as i64 - given_back as i64, Ordering::Relaxed);
    }
}

struct Counting<A>(A);

// SAFETY: every method passes its arguments to the wrapped allocator unchanged and returns what
// that one returned; counting touches only two atomics and allocates nothing.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: the caller's promises are those the wrapped allocator asks for.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: as above.
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size, layout.size());
        // SAFETY: as above.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}
