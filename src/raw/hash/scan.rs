//! Traversal in the order of hashes. The position is a hash; nothing is held between steps.

use smallvec::SmallVec;

use super::line::{Line, SLOTS, Slot};
use super::{Handle, Index, Pin, Refused, SlotWord, prefetch, visible};

/// How many buckets ahead the lines are loaded, and how many the entries.
const ENTRIES_AHEAD: usize = 2;

/// The entries of one bucket.
pub(crate) type Bucket<'p, H> = SmallVec<[<H as Handle>::Ref<'p>; 8]>;

impl<H: Handle> Index<H> {
    /// Shows the entries whose hashes are `from` or above, bucket by bucket, until at least
    /// `budget` were shown; returns the hash to go on from, `None` at the end. A bucket is shown
    /// whole.
    pub(crate) fn scan<'p>(
        &self,
        pin: &'p Pin,
        from: u64,
        budget: usize,
        mut visit: impl FnMut(H::Ref<'p>),
    ) -> Option<u64> {
        let mut shown = 0;
        let mut next = from;
        loop {
            let segment = self.root(pin).segment(next);
            // Buckets may have become wider meanwhile, so that the first begins before `start`.
            let (first, start) = (segment.bucket_of(next), next);
            for bucket in first..segment.buckets() {
                if bucket + ENTRIES_AHEAD < segment.buckets() {
                    prefetch_entries(segment.bucket(bucket + ENTRIES_AHEAD));
                }
                let whole = segment.first_hash(bucket) >= start;
                each::<H>(segment.bucket(bucket), |entry| {
                    if whole || H::hash(entry) >= start {
                        shown += 1;
                        visit(entry);
                    }
                });
                next = segment.end_hash(bucket)?;
                if shown >= budget {
                    return Some(next);
                }
            }
        }
    }

    /// The entries of the bucket that `hash` belongs to, as they are at one instant or with changes
    /// that happen meanwhile, and the hash at which the next bucket begins.
    pub(crate) fn bucket<'p>(&self, pin: &'p Pin, hash: u64) -> (Bucket<'p, H>, Option<u64>) {
        let segment = self.root(pin).segment(hash);
        let bucket = segment.bucket_of(hash);
        let mut entries = Bucket::<H>::new();
        each::<H>(segment.bucket(bucket), |entry| entries.push(entry));
        (entries, segment.end_hash(bucket))
    }
}

impl<H: Handle> Index<H> {
    /// Shows the entries of a bucket from a hash on, while no write to it goes on; returns what
    /// `at` makes of the life of the index then, and the hash at which the next bucket begins.
    /// Neither closure must block or call the index.
    pub(crate) fn at_rest<R>(
        &self,
        pin: &Pin,
        from: u64,
        mut visit: impl FnMut(H::Ref<'_>),
        at: impl FnOnce(u64) -> R,
    ) -> Result<(R, Option<u64>), Refused> {
        let (root, locked) = self.lock(pin, from)?;
        // It cannot be replaced while one of its buckets is locked.
        let segment = root.segment(from);
        each::<H>(locked.line(), |entry| {
            if H::hash(entry) >= from {
                visit(entry);
            }
        });
        Ok((at(root.totals.life), segment.end_hash(segment.bucket_of(from))))
    }
}

/// Shows the entries of a bucket.
///
/// Which slots of a line are taken cannot be foreseen, so they are sorted out without a branch for
/// each: that costs less than the entries themselves where these are in the cache.
#[inline]
fn each<'p, H: Handle>(first: &'p Line, mut visit: impl FnMut(H::Ref<'p>)) {
    let mut line = first;
    loop {
        let mut plain = [None; SLOTS];
        let mut words = [SlotWord::EMPTY; SLOTS];
        let (mut count, mut others) = (0, false);
        for (held, word) in words.iter_mut().zip(line.words()) {
            *held = word;
            let entry = word.entry_only();
            plain[count] = entry;
            count += usize::from(entry.is_some());
            others |= entry.is_none() & (word != SlotWord::EMPTY);
        }
        for raw in plain[..count].iter().flatten() {
            // SAFETY: R1: found in a slot under the pin whose lifetime this is.
            visit(unsafe { H::borrow(*raw) });
        }
        if !others {
            return;
        }
        let Some(next) = each_other::<H>(words, &mut visit) else { return };
        line = next;
    }
}

/// Shows those entries of a line that are to change with a batch, and returns the next line. The
/// words are those that were sorted out: looked at again, they may have become plain entries.
#[cold]
fn each_other<'p, H: Handle>(
    words: [SlotWord; SLOTS],
    visit: &mut impl FnMut(H::Ref<'p>),
) -> Option<&'p Line> {
    let mut link = None;
    for word in words {
        match word.get() {
            Slot::Empty | Slot::Entry(_) => {}
            Slot::Link(next) => link = Some(next),
            slot => {
                if let Some(raw) = visible(slot) {
                    // SAFETY: R1: found in a slot under the pin whose lifetime this is.
                    visit(unsafe { H::borrow(raw) });
                }
            }
        }
    }
    // SAFETY: R4: found under the pin.
    link.map(|next| unsafe { next.as_ref() })
}

fn prefetch_entries(line: &Line) {
    for word in line.words() {
        // For a slot that holds none, what is loaded already, but without a branch.
        let loaded = std::ptr::from_ref(line).cast();
        let entry = word.entry_only().map_or(loaded, |raw| raw.as_ptr().cast_const());
        prefetch(entry.cast());
        // The first elements of many objects lie on the next line.
        prefetch(entry.cast::<u8>().wrapping_add(32));
    }
}
