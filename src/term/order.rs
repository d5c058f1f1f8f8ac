//! PLACEHOLDER
use super::TermRef;
use std::cmp::Ordering;

/// Erlang's `==`-order.
pub(crate) fn compare(a: TermRef<'_>, b: TermRef<'_>) -> Ordering {
    compare_exact(a, b)
}
/// The order of map keys: integers before floats; -0.0 and 0.0 told apart; Equal iff `=:=`.
pub(crate) fn compare_exact(a: TermRef<'_>, b: TermRef<'_>) -> Ordering {
    a.word().0.cmp(&b.word().0)
}
/// `compare` with its ties broken, so that it is Equal iff `=:=`.
pub(crate) fn compare_total(a: TermRef<'_>, b: TermRef<'_>) -> Ordering {
    compare_exact(a, b)
}
/// `=:=`.
pub(crate) fn equal(a: TermRef<'_>, b: TermRef<'_>) -> bool {
    compare_exact(a, b) == Ordering::Equal
}
