//! The clocks: when a table was first fixed, which `info` reports, and how long to wait.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time since the Unix epoch; zero for a machine whose clock stands before it.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub(crate) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// The moment so far from now; `None` if it is too far for the clock.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn deadline(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
