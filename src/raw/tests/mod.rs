//! Tests of the raw structures, without terms.

#[cfg(not(ferrets_loom))]
mod index;
#[cfg(ferrets_loom)]
mod loom_batch;
#[cfg(ferrets_loom)]
mod loom_hash;
#[cfg(ferrets_loom)]
mod loom_ordered;
#[cfg(ferrets_loom)]
mod loom_reclaim;
#[cfg(ferrets_loom)]
pub(in crate::raw) mod loom_support;
#[cfg(ferrets_loom)]
mod loom_totals;
#[cfg(ferrets_loom)]
mod loom_watch;

#[cfg(not(ferrets_loom))]
mod ordered;

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
