//! A pair of barriers of which the one that readers pass costs nothing.
//!
//! A reader announces that it is pinned and then reads; a collector unlinks and then looks for
//! announcements. Each must see the other's store, or be seen, so each needs a full fence between
//! its store and its loads. A fence on every read is what hurts: it waits until all stores are in
//! the cache, and loads that follow wait for it, so that the cache misses of one read do not
//! overlap with those of the next.
//!
//! On Linux the collector can pay for both. `membarrier` makes every processor that runs a thread
//! of this process execute a full fence, at whatever instruction the thread is. Then the reader
//! only has to keep the compiler from reordering: if its store came before that fence, the
//! collector sees it; if not, its loads come after the fence and see what the collector unlinked.
//!
//! Where there is no `membarrier` (other systems, old kernels, sandboxes that forbid it) both sides
//! use a fence; also on processors where a store may be seen by some before it is seen by all, as
//! then it is not enough that one of the two sides has a fence. Which of the two it is, is settled
//! once. Should `membarrier` be taken away after
//! that (a sandbox that closes later), `heavy` fails from then on and nothing is freed any more:
//! the pending bytes grow and stalls are counted, which `Store::reclamation` shows. So a program
//! that confines itself does so before it makes its first table, or allows `membarrier`.

#[cfg(not(ferrets_loom))]
pub(super) use self::real::{heavy, light, prepare};

#[cfg(not(ferrets_loom))]
mod real {
    use crate::platform::sync::{AtomicBool, Ordering, compiler_fence, fence};

    /// Whether collectors pay for both; settled before the first thread pins.
    static ASYMMETRIC: AtomicBool = AtomicBool::new(false);

    /// Settles which barriers are used. Called at least once before any thread uses either, and not
    /// by two threads at once.
    pub(in super::super) fn prepare() {
        static DONE: AtomicBool = AtomicBool::new(false);
        if !DONE.swap(true, Ordering::Relaxed) {
            ASYMMETRIC.store(membarrier::register(), Ordering::Relaxed);
        }
    }

    /// The reader's: between announcing that it is pinned and what it reads.
    #[inline]
    pub(in super::super) fn light() {
        // Ordering: Relaxed; settled before this thread registered.
        if ASYMMETRIC.load(Ordering::Relaxed) {
            // Ordering: SeqCst, for the compiler only; the processor's part is in `heavy`.
            compiler_fence(Ordering::SeqCst);
        } else {
            // Ordering: SeqCst; pairs with the fence in `heavy`. Nothing less orders a store
            // before a load.
            fence(Ordering::SeqCst);
        }
    }

    /// The collector's: between what was unlinked and the look for announcements. `false` if it
    /// failed, and nothing may be concluded.
    pub(in super::super) fn heavy() -> bool {
        // Ordering: SeqCst; pairs with the fence in `light`, for the reason given there.
        fence(Ordering::SeqCst);
        let done = !ASYMMETRIC.load(Ordering::Relaxed) || membarrier::run();
        // Ordering: SeqCst; as above, for the loads that follow.
        fence(Ordering::SeqCst);
        done
    }

    // Miri knows no `membarrier`.
    #[cfg(all(
        target_os = "linux",
        any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    ))]
    mod membarrier {
        /// Asks for permission; `false` if the system does not give it.
        pub(super) fn register() -> bool {
            call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
        }

        /// Makes all running threads of the process pass a fence.
        pub(super) fn run() -> bool {
            let command = libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED;
            // A child of `fork` has to ask again.
            call(command) || (register() && call(command))
        }

        fn call(command: libc::c_int) -> bool {
            // SAFETY: M2: the system call takes three integers and touches no memory of ours.
            unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
        }
    }

    #[cfg(not(all(
        target_os = "linux",
        any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    )))]
    mod membarrier {
        pub(super) fn register() -> bool {
            false
        }

        pub(super) fn run() -> bool {
            false
        }
    }
}

#[cfg(ferrets_loom)]
pub(super) use self::modelled::{heavy, light};

/// Two fences, which is what the pair amounts to.
#[cfg(ferrets_loom)]
mod modelled {
    use crate::platform::sync::{Ordering, fence};

    pub(in super::super) fn light() {
        // Ordering: SeqCst; stands for the real pair.
        fence(Ordering::SeqCst);
    }

    pub(in super::super) fn heavy() -> bool {
        // Ordering: SeqCst; stands for the real pair.
        fence(Ordering::SeqCst);
        true
    }
}
