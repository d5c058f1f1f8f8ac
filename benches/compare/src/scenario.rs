//! The scenarios of OTP's throughput benchmark (`ets_SUITE:throughput_benchmark/0`, OTP 27): which
//! operations are mixed, and in which parts.

/// A drawn number that decides on an operation is below this.
pub const WHOLE: u64 = 1_000_000;

/// One scenario.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scenario {
    /// Half inserts, half deletes.
    WriteOnly,
    /// 80 % lookups, the rest as above; so in all that follow, unless they say otherwise.
    Lookup80,
    /// 98 % lookups.
    Lookup98,
    /// Lookups only.
    LookupOnly,
    /// 40 % lookups, 40 % walks of 10 keys.
    Next10,
    /// 40 % lookups, 40 % walks of 100 keys.
    Next100,
    /// 40 % lookups, 40 % walks of 1,000 keys.
    Next1000,
    /// Walks of 1,000 keys only.
    Next1000Only,
    /// One operation in a hundred counts all objects.
    SelectAll100,
    /// One operation in ten thousand counts all objects.
    SelectAll10k,
    /// One operation in a million counts all objects.
    SelectAll1m,
    /// One operation in a hundred counts the objects of 1,000 neighbouring keys.
    Partial100,
    /// One operation in ten thousand counts the objects of 1,000 neighbouring keys.
    Partial10k,
    /// One operation in a million counts the objects of 1,000 neighbouring keys.
    Partial1m,
}

/// What a scenario does beside inserts, deletes and lookups.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extra {
    /// Nothing.
    None,
    /// So many calls of `next`, wherever no other operation is drawn.
    Walk(u32),
    /// `select_count` of everything, once in so many operations.
    SelectAll {
        /// How many.
        every: u64,
    },
    /// `select_count` of 1,000 neighbouring keys by two guards, once in so many operations.
    Partial {
        /// How many.
        every: u64,
    },
}

/// The parts of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Of [`Mix::drawn`], those that insert; as many delete.
    pub insert: u64,
    /// Of [`Mix::drawn`], those that look up.
    pub lookup: u64,
    /// And what else it does.
    pub extra: Extra,
}

impl Mix {
    /// How many there are to draw from: what comes at regular intervals is not drawn.
    ///
    /// Drawn, a count of all objects would fall into one window and not into the next.
    pub const fn drawn(self) -> u64 {
        match self.extra {
            Extra::None | Extra::Walk(_) => WHOLE,
            Extra::SelectAll { .. } | Extra::Partial { .. } => 2 * self.insert + self.lookup,
        }
    }

    /// After how many operations something comes that is not drawn.
    pub const fn every(self) -> Option<u64> {
        match self.extra {
            Extra::None | Extra::Walk(_) => None,
            Extra::SelectAll { every } | Extra::Partial { every } => Some(every),
        }
    }
}

impl Scenario {
    /// The row's words on sets and on ordered sets.
    pub const fn ids(self) -> [&'static str; 2] {
        match self {
            Scenario::WriteOnly => ["write_only", "write_only_ordered"],
            Scenario::Lookup80 => ["lookup_80", "lookup_80_ordered"],
            Scenario::Lookup98 => ["lookup_98", "lookup_98_ordered"],
            Scenario::LookupOnly => ["lookup_only", "lookup_only_ordered"],
            Scenario::Next10 => ["next_10", "next_10_ordered"],
            Scenario::Next100 => ["next_100", "next_100_ordered"],
            Scenario::Next1000 => ["next_1000", "next_1000_ordered"],
            Scenario::Next1000Only => ["next_1000_only", "next_1000_only_ordered"],
            Scenario::SelectAll100 => ["select_all_1e2", "select_all_1e2_ordered"],
            Scenario::SelectAll10k => ["select_all_1e4", "select_all_1e4_ordered"],
            Scenario::SelectAll1m => ["select_all_1e6", "select_all_1e6_ordered"],
            Scenario::Partial100 => ["partial_select_1e2", "partial_select_1e2_ordered"],
            Scenario::Partial10k => ["partial_select_1e4", "partial_select_1e4_ordered"],
            Scenario::Partial1m => ["partial_select_1e6", "partial_select_1e6_ordered"],
        }
    }

    /// What it consists of.
    pub const fn mix(self) -> Mix {
        let (insert, lookup, extra) = match self {
            Scenario::WriteOnly => (500_000, 0, Extra::None),
            Scenario::Lookup80 => (100_000, 800_000, Extra::None),
            Scenario::Lookup98 => (10_000, 980_000, Extra::None),
            Scenario::LookupOnly => (0, WHOLE, Extra::None),
            Scenario::Next10 => (100_000, 400_000, Extra::Walk(10)),
            Scenario::Next100 => (100_000, 400_000, Extra::Walk(100)),
            Scenario::Next1000 => (100_000, 400_000, Extra::Walk(1_000)),
            Scenario::Next1000Only => (0, 0, Extra::Walk(1_000)),
            Scenario::SelectAll100 => (100_000, 790_000, Extra::SelectAll { every: 100 }),
            Scenario::SelectAll10k => (100_000, 799_900, Extra::SelectAll { every: 10_000 }),
            Scenario::SelectAll1m => (100_000, 799_999, Extra::SelectAll { every: WHOLE }),
            Scenario::Partial100 => (100_000, 790_000, Extra::Partial { every: 100 }),
            Scenario::Partial10k => (100_000, 799_900, Extra::Partial { every: 10_000 }),
            Scenario::Partial1m => (100_000, 799_999, Extra::Partial { every: WHOLE }),
        };
        Mix { insert, lookup, extra }
    }

    /// What the operations of a window are a multiple of: few where they are slow.
    pub fn step(self) -> u64 {
        match self.mix().extra {
            Extra::None => crate::row::OPS_STEP,
            Extra::Walk(_) => 100,
            Extra::SelectAll { every } | Extra::Partial { every } => every,
        }
    }

    /// One line for the legend.
    pub const fn legend(self) -> &'static str {
        match self {
            Scenario::WriteOnly => "50 % insert, 50 % delete",
            Scenario::Lookup80 => "10 % insert, 10 % delete, 80 % lookup",
            Scenario::Lookup98 => "1 % insert, 1 % delete, 98 % lookup",
            Scenario::LookupOnly => "lookup",
            Scenario::Next10 => {
                "10 % insert, 10 % delete, 40 % lookup, 40 % `next` 10 times from a random number \
                 on (on a set, anew from another one where it is no key; the set is fixed)"
            }
            Scenario::Next100 => "the same with 100 times `next`",
            Scenario::Next1000 => "the same with 1000 times `next`",
            Scenario::Next1000Only => "1000 times `next` as above, and nothing else",
            Scenario::SelectAll100 => {
                "10 % insert, 10 % delete, 79 % lookup; each hundredth operation is \
                 `select_count` of all objects"
            }
            Scenario::SelectAll10k => "the same, each ten thousandth; 79.99 % lookup",
            Scenario::SelectAll1m => "the same, each millionth; 79.9999 % lookup",
            Scenario::Partial100 => {
                "10 % insert, 10 % delete, 79 % lookup; each hundredth operation is \
                 `select_count` with \
                 `{'andalso',{'>','$1',{const,N}},{'=<','$1',{const,N+1000}}}`, compiled then and \
                 there"
            }
            Scenario::Partial10k => "the same, each ten thousandth; 79.99 % lookup",
            Scenario::Partial1m => "the same, each millionth; 79.9999 % lookup",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;

    #[test]
    fn parts_make_a_whole() {
        for row in crate::throughput::FAMILY.rows {
            let (Row::Scenario(scenario) | Row::ScenarioOrdered(scenario)) = row else {
                panic!("{row} is no scenario")
            };
            let mix = scenario.mix();
            let rest = match mix.extra {
                Extra::None => 0,
                Extra::Walk(_) => WHOLE - 2 * mix.insert - mix.lookup,
                Extra::SelectAll { every } | Extra::Partial { every } => WHOLE / every,
            };
            assert_eq!(2 * mix.insert + mix.lookup + rest, WHOLE, "{row}");
        }
    }
}
