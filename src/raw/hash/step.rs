//! Steps in the order of hashes: from an entry to the next one.
//!
//! A step asks a bucket for the least hash above one. Its entries have their hashes in them, but to
//! read one is to wait for memory, and there are five in a bucket, of which one is wanted. Their
//! slots carry some bits of their hashes, the first that the bucket leaves open: so the words alone
//! say nearly always which entry it is. Those that have the same bits as another are read.

use std::ptr::NonNull;

use super::line::{Line, ROUGH, SLOTS, Slot};
use super::segment::Segment;
use super::{Handle, Index, Pin, SlotWord, prefetch};

/// What a step in the order of hashes finds in a bucket.
pub(crate) struct Nearest<R> {
    /// The entry with the hash that the step starts from.
    pub(crate) here: Option<R>,
    /// The one with the least hash above.
    pub(crate) next: Option<R>,
    /// The hash at which the next bucket begins.
    pub(crate) end: Option<u64>,
}

impl<H: Handle> Index<H> {
    /// Looks for what a step from `hash` finds in the bucket that `within` belongs to. `None` where
    /// hashes alone do not tell: two entries have the same, or a batch is changing the bucket.
    #[inline]
    pub(crate) fn nearest<'p>(
        &self,
        pin: &'p Pin,
        hash: u64,
        within: u64,
    ) -> Option<Nearest<H::Ref<'p>>> {
        let segment = self.root(pin).segment(within);
        let bucket = segment.bucket_of(within);
        let is_known = SlotWord::carries(segment.depth() + segment.bits());
        let mut found = Found { hash, here: None, next: None, least: u64::MAX, alike: false };
        if !(is_known && found.look_at_words::<H>(segment, bucket)?) {
            found.look_at_entries::<H>(segment, bucket)?;
        }
        // SAFETY: R1: found in a slot under the pin whose lifetime this is.
        let borrow = |raw| unsafe { H::borrow(raw) };
        let end = segment.end_hash(bucket);
        Some(Nearest { here: found.here.map(borrow), next: found.next.map(borrow), end })
    }
}

/// What has been found on the way.
struct Found {
    hash: u64,
    here: Option<NonNull<()>>,
    next: Option<NonNull<()>>,
    /// The hash of what is next.
    least: u64,
    /// Whether two entries have the same hash, where that matters.
    alike: bool,
}

/// A line's words as they are now.
fn words_of(line: &Line) -> [SlotWord; SLOTS] {
    std::array::from_fn(|slot| line.slot(slot))
}

impl Found {
    /// Goes by what slots carry of hashes; `Some(false)` if that does not tell
    /// what is next: then what was found so far stands.
    #[inline]
    fn look_at_words<H: Handle>(&mut self, segment: Segment, bucket: usize) -> Option<bool> {
        let rough = |hash: u64| hash >> (u64::BITS - ROUGH);
        let first = rough(segment.first_hash(bucket));
        let target = rough(self.hash);
        // The two least above the target, with the slot of each. Which slots are taken, and which
        // entry is next, nobody can foresee, so there is no branch for each.
        let (mut least, mut second, mut next) = (u64::MAX, u64::MAX, None);
        let mut line = segment.bucket(bucket);
        loop {
            let words = words_of(line);
            let (before, mut alike, mut others) = (least, 0_u32, false);
            for (slot, word) in words.into_iter().enumerate() {
                let is_entry = word.is_entry();
                others |= !is_entry & (word != SlotWord::EMPTY);
                let rough = first | rough(word.carried());
                alike |= u32::from(is_entry & (rough == target)) << slot;
                let is_above = is_entry & (rough > target);
                let this = if is_above { rough << 3 | slot as u64 } else { u64::MAX };
                second = second.min(this.max(least));
                least = least.min(this);
            }
            if least != before {
                next = words[(least & 7) as usize].entry_only();
            }
            if let (Some(next), true) = (next, first > target) {
                // Who comes into a bucket will want all of it soon.
                for word in words {
                    prefetch(word.entry_only().unwrap_or(next).as_ptr().cast());
                }
            }
            while alike != 0 {
                if let Some(raw) = words[alike.trailing_zeros() as usize].entry_only() {
                    // SAFETY: R1: found in a slot, and the caller is pinned.
                    self.look(raw, H::hash(unsafe { H::borrow(raw) }));
                }
                alike &= alike - 1;
            }
            if self.alike {
                return None;
            }
            if !others {
                break;
            }
            // SAFETY: R4: the caller is pinned.
            line = unsafe { link_only(words)?.as_ref() };
        }
        if self.next.is_none() {
            if next.is_some() && least >> 3 == second >> 3 {
                return Some(false);
            }
            self.next = next;
        }
        Some(true)
    }

    /// Reads all entries. `None` as in [`Index::nearest`].
    fn look_at_entries<H: Handle>(&mut self, segment: Segment, bucket: usize) -> Option<()> {
        let mut line = segment.bucket(bucket);
        loop {
            let words = words_of(line);
            let any = words.into_iter().fold(None, |any, word| word.entry_only().or(any));
            if let Some(any) = any {
                // In place of what is no entry, one that is: to look twice at it does no harm, but
                // a branch would, because nobody can foresee which slots are taken.
                for raw in words.map(|word| word.entry_only().unwrap_or(any)) {
                    // SAFETY: R1: found in a slot, and the caller is pinned.
                    self.look(raw, H::hash(unsafe { H::borrow(raw) }));
                }
            }
            if self.alike {
                return None;
            }
            let is_other = |word: SlotWord| !word.is_entry() & (word != SlotWord::EMPTY);
            if !words.into_iter().fold(false, |others, word| others | is_other(word)) {
                return Some(());
            }
            // SAFETY: R4: the caller is pinned.
            line = unsafe { link_only(words)?.as_ref() };
        }
    }

    #[inline(always)]
    fn look(&mut self, raw: NonNull<()>, hash: u64) {
        let is_other = |held: Option<NonNull<()>>| held.is_some() & (held != Some(raw));
        let (is_here, is_above) = (hash == self.hash, hash > self.hash);
        self.alike |= is_here & is_other(self.here);
        self.alike |= is_above & (hash == self.least) & is_other(self.next);
        self.here = if is_here { Some(raw) } else { self.here };
        let is_next = is_above & ((hash < self.least) | self.next.is_none());
        self.next = if is_next { Some(raw) } else { self.next };
        self.least = if is_next { hash } else { self.least };
    }
}

/// The line behind, if the words are nothing else but entries and the link to it.
#[cold]
fn link_only(words: [SlotWord; SLOTS]) -> Option<NonNull<Line>> {
    let mut link = None;
    for word in words {
        match word.get() {
            Slot::Empty | Slot::Entry(_) => {}
            Slot::Link(next) => link = Some(next),
            Slot::Pending(_) => return None,
        }
    }
    link
}
