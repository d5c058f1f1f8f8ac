//! Tests of the raw structures, without terms.

#[cfg(not(ferrets_loom))]
mod block;
#[cfg(not(ferrets_loom))]
mod index;
#[cfg(ferrets_loom)]
mod loom_batch;
#[cfg(ferrets_loom)]
mod loom_count;
#[cfg(ferrets_loom)]
mod loom_hash;
#[cfg(ferrets_loom)]
mod loom_ordered;
#[cfg(ferrets_loom)]
mod loom_reclaim;
#[cfg(ferrets_loom)]
mod loom_spin;
#[cfg(ferrets_loom)]
pub(in crate::raw) mod loom_support;
#[cfg(ferrets_loom)]
mod loom_totals;
#[cfg(ferrets_loom)]
mod loom_watch;

#[cfg(not(ferrets_loom))]
mod ordered;

/// How many of something a test takes: fewer under Miri, which needs some hundred times as long.
pub(in crate::raw) fn many<N>(usual: N, miri: N) -> N {
    if cfg!(miri) { miri } else { usual }
}

/// Without the cfg there are no models, and nothing would fail.
#[cfg(all(feature = "loom", not(ferrets_loom)))]
#[test]
fn loom_models_need_their_cfg() {
    panic!(
        "feature `loom` is on, but no model was built: it takes \
         RUSTFLAGS=\"--cfg ferrets_loom\" too. `cargo loom` sets it, unless an exported RUSTFLAGS \
         takes its place."
    );
}

/// Lets another thread read, and fails if that does not end while we are where we are.
#[cfg(not(ferrets_loom))]
#[allow(clippy::disallowed_methods, reason = "in a scope, its end would be waited for")]
fn meanwhile(read: impl FnOnce() + Send + 'static) {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        read();
        tell.send(()).expect("somebody listens");
    });
    let done = told.recv_timeout(std::time::Duration::from_secs(20));
    assert_eq!(done, Ok(()), "a reader waits for a writer");
}
