//! Where keys come from: cheap random draws, and shuffled orders that need no memory.
//!
//! The Erlang twin uses the same two generators, so that both sides pay alike and read alike.

use std::hint::black_box;

/// How many bits of a draw decide whether [`Draw::one_in_twenty`].
const CHOICE_MASK: u64 = 0xffff;

/// A multiply-with-carry generator, the one behind Erlang's `rand:mwc59/1`, mapped on a range.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    state: u64,
    base: i64,
    range: u64,
}

/// One draw: the key, and the bits it was made from.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// The key.
    pub key: i64,
    bits: u64,
}

impl Draw {
    /// The same draw, mapped on `0 .. range` instead; whoever needs it and the key draws twice.
    #[inline(always)]
    pub fn below(self, range: u64) -> u64 {
        (self.bits * range) >> 32
    }

    /// True for exactly 5 % of draws.
    #[inline(always)]
    pub fn one_in_twenty(self) -> bool {
        (self.bits & CHOICE_MASK) * 20 <= CHOICE_MASK
    }
}

impl Keys {
    /// Keys `base .. base + range`, in an order that `seed` and `worker` decide.
    pub fn new(seed: u64, worker: usize, base: i64, range: u64) -> Self {
        assert!(range > 0 && range <= 1 << 24, "a draw has 32 bits; keep some to spare");
        let state = scramble(seed.wrapping_add(scramble(worker as u64 + 1))) >> 6;
        Keys { state, base, range: black_box(range) }
    }

    /// The next draw.
    #[inline(always)]
    pub fn draw(&mut self) -> Draw {
        self.state = 0x7fa_6502 * (self.state & 0xffff_ffff) + (self.state >> 32);
        let bits = self.state & 0xffff_ffff;
        Draw { key: self.base + ((bits * self.range) >> 32) as i64, bits }
    }

    /// The next key.
    #[inline(always)]
    pub fn next_key(&mut self) -> i64 {
        self.draw().key
    }
}

/// `low .. high` in a scattered order, each once.
///
/// A congruential generator of full period over the next power of two, whose output is mixed and
/// skipped where it falls outside.
#[derive(Clone, Debug)]
pub struct Shuffled {
    low: i64,
    len: u64,
    left: u64,
    mask: u64,
    shift: u32,
    state: u64,
}

impl Shuffled {
    /// All of `low .. high`.
    pub fn new(low: i64, high: i64) -> Self {
        let len = (high - low).unsigned_abs();
        let bits = len.next_power_of_two().trailing_zeros().max(2);
        Shuffled { low, len, left: len, mask: (1 << bits) - 1, shift: bits / 2, state: 1 }
    }
}

impl Iterator for Shuffled {
    type Item = i64;

    #[inline(always)]
    fn next(&mut self) -> Option<i64> {
        if self.left == 0 {
            return None;
        }
        loop {
            self.state = (self.state * 0x5_d635 + 0x3619) & self.mask;
            let mixed = self.state ^ (self.state >> self.shift);
            if mixed < self.len {
                self.left -= 1;
                return Some(self.low + mixed as i64);
            }
        }
    }
}

/// The part of `0 .. objects` that belongs to one of `workers`.
pub fn partition(objects: u64, worker: usize, workers: usize) -> (i64, i64) {
    let cut = |index: usize| (objects as usize * index / workers) as i64;
    (cut(worker), cut(worker + 1))
}

fn scramble(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffled_range_holds_every_key_once() {
        for (low, high) in [(0, 1), (0, 10_000), (5, 1_003), (1_250, 2_500), (0, 1 << 16)] {
            let mut keys: Vec<i64> = Shuffled::new(low, high).collect();
            if high - low > 1_000 {
                assert!(!keys.is_sorted());
            }
            keys.sort_unstable();
            assert_eq!(keys, (low..high).collect::<Vec<_>>());
        }
    }

    #[test]
    fn draws_stay_in_range_and_spread_over_it() {
        let mut keys = Keys::new(7, 1, 100, 1_000);
        let mut seen = vec![0u32; 1_000];
        let mut chosen = 0;
        for _ in 0..200_000 {
            let draw = keys.draw();
            seen[(draw.key - 100) as usize] += 1;
            chosen += u32::from(draw.one_in_twenty());
        }
        assert!(seen.iter().all(|&times| (100..320).contains(&times)));
        assert!((9_000..11_000).contains(&chosen), "{chosen} of 200000");
    }

    #[test]
    fn partitions_cover_all_objects() {
        let parts: Vec<_> = (0..3).map(|worker| partition(10, worker, 3)).collect();
        assert_eq!(parts, [(0, 3), (3, 6), (6, 10)]);
    }
}
