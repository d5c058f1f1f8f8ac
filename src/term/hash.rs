//! PLACEHOLDER
use super::TermRef;
use std::hash::{BuildHasher, Hasher};

/// Hashes keys for the indexes.
#[derive(Clone, Debug)]
pub(crate) struct KeyHasher(ahash::RandomState);

impl KeyHasher {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ahash::RandomState::with_seeds(seed, !seed, seed.rotate_left(21), 0x9e37_79b9_7f4a_7c15))
    }

    /// `a =:= b` implies the same hash.
    pub(crate) fn hash(&self, term: TermRef<'_>) -> u64 {
        let mut hasher = self.0.build_hasher();
        feed(term, &mut hasher);
        hasher.finish()
    }
}

/// Feeds what `=:=` compares.
pub(crate) fn feed<H: Hasher>(term: TermRef<'_>, hasher: &mut H) {
    hasher.write_u64(term.word().0);
}
