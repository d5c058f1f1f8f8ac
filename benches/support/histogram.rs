//! How long single steps took: durations by their logarithm, and a row of a table of them.

use std::time::Duration;

/// The head of a table whose rows are of [`Histogram::row`].
pub(crate) const LEGEND: &str = "\
| | times | p50 | p99 | p99.9 | p99.99 | longest | over 1 ms |
|---|---|---|---|---|---|---|---|";
/// What no single step should exceed.
const LONG: Duration = Duration::from_millis(1);

/// Durations by their logarithm, in steps of 3 %.
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: Duration,
    /// Durations above [`LONG`].
    long: u64,
}

impl Histogram {
    /// Bits of a duration that count: two values in the same place differ by less than 1/32.
    const PRECISION: u32 = 5;

    pub(crate) fn new() -> Self {
        Self { counts: vec![0; 64 << Self::PRECISION], total: 0, max: Duration::ZERO, long: 0 }
    }

    #[inline]
    pub(crate) fn add(&mut self, time: Duration) {
        let ns = time.as_nanos() as u64;
        self.counts[Self::place(ns)] += 1;
        self.total += 1;
        self.max = self.max.max(time);
        self.long += u64::from(time > LONG);
    }

    /// Small values as they are; of others the highest bits, behind the number of the rest.
    #[inline]
    fn place(ns: u64) -> usize {
        let rest = (u64::BITS - ns.leading_zeros()).saturating_sub(Self::PRECISION + 1);
        ((u64::from(rest) << Self::PRECISION) + (ns >> rest)) as usize
    }

    /// The largest value that has this place.
    fn value(place: usize) -> Duration {
        let rest = (place >> Self::PRECISION).saturating_sub(1);
        let top = place - (rest << Self::PRECISION);
        Duration::from_nanos((((top + 1) << rest) - 1) as u64)
    }

    /// The duration that all but so many of a million do not exceed.
    pub(crate) fn all_but(&self, of_a_million: u64) -> Duration {
        let mut left = self.total - self.total * of_a_million / 1_000_000;
        let place = self.counts.iter().position(|count| {
            left = left.saturating_sub(*count);
            left == 0
        });
        place.map_or(self.max, |place| Self::value(place).min(self.max))
    }

    /// A row of a table whose head is [`LEGEND`].
    pub(crate) fn row(&self, name: &str) -> String {
        let [p50, p99, p999, p9999] = [500_000, 10_000, 1_000, 100].map(|n| self.all_but(n));
        let (max, long, total) = (self.max, self.long, self.total);
        format!(
            "| {name} | {total} | {p50:.1?} | {p99:.1?} | {p999:.1?} | {p9999:.1?} | {max:.1?} | \
             {long} |"
        )
    }
}
