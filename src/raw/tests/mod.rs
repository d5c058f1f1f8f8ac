//! Tests of the raw structures, without terms.

#[cfg(not(crossbeam_loom))]
mod index;
#[cfg(crossbeam_loom)]
mod loom_batch;
#[cfg(crossbeam_loom)]
mod loom_hash;
#[cfg(crossbeam_loom)]
mod loom_ordered;
#[cfg(crossbeam_loom)]
mod loom_reclaim;
#[cfg(crossbeam_loom)]
pub(in crate::raw) mod loom_support;
#[cfg(crossbeam_loom)]
mod loom_totals;
#[cfg(crossbeam_loom)]
mod loom_watch;

#[cfg(not(crossbeam_loom))]
mod ordered;

/// Without the cfg there are no models, and nothing would fail.
#[cfg(all(feature = "loom", not(crossbeam_loom)))]
#[test]
fn loom_models_need_their_cfg() {
    panic!(
        "feature `loom` is on, but no model was built: it takes \
         RUSTFLAGS=\"--cfg crossbeam_loom --cfg crossbeam_sanitize\" too. `cargo loom` sets both, \
         unless an exported RUSTFLAGS takes their place."
    );
}
