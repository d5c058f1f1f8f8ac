//! Clocks: for `info`, which reports when a table was first fixed, and for waiting with an end.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time since the Unix epoch; zero for a machine whose clock stands before it.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub(crate) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// A moment until which somebody waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) const NEVER: Self = Self(None);

    /// So far away from now; never, if that is too far.
    #[allow(clippy::disallowed_methods, reason = "waiting with an end needs a clock")]
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now().checked_add(time))
    }

    /// When that is; `None` for never.
    pub(crate) fn end(self) -> Option<Instant> {
        self.0
    }

    /// How long it is until then; `None` if it has passed.
    #[allow(clippy::disallowed_methods, reason = "waiting with an end needs a clock")]
    pub(crate) fn left(self) -> Option<Duration> {
        let Some(end) = self.0 else { return Some(Duration::MAX) };
        end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}
