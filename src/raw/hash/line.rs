//! Lines: the 64 bytes that a lookup touches before the entry itself.
//!
//! ```text
//!   0        8                                                       64
//!   | header | slot 0 | slot 1 | slot 2 | slot 3 | slot 4 | slot 5 | slot 6 |
//!     `- flags | tag 0 | tag 1 | ... | tag 6      (eight bytes)
//! ```
//!
//! A bucket is one line, and in one of ten at the highest load another one behind it: then the last
//! slot holds a link instead of an entry. A tag is a byte of the entry's hash, zero for an empty
//! slot, so that one load and a few arithmetic instructions find the candidates among seven. That
//! they are few matters: while an entry is on its way from memory, the instructions that wait for
//! it take the room in which the processor looks for other loads to start.
//!
//! The word of a slot is the pointer to the entry and, in the bits that no address uses, sixteen
//! more of its hash: those that say into which bucket it goes when its segment splits. So a split
//! moves words and reads no entry, up to some hundred million of them, where it would wait for the
//! memory of each.
//!
//! # Why readers need no validation
//!
//! Whatever a slot holds decides; the header only says where looking is worth while. So the order
//! of a writer's stores matters:
//!
//! * *insert*: tag, then slot. Who finds the entry, finds it after a time at which everyone could;
//!   a reader with an older header that happens to probe the slot cannot see what a later reader
//!   misses. The entry exists from the store of the slot on.
//! * *replace*: slot.
//! * *delete*: slot (to empty), then tag. The entry is gone from the store of the slot on.
//! * *extend*: the new line is complete, with the entry that gives up its slot, before the link
//!   replaces that entry. An entry moves only this way, from the last slot into the line behind it,
//!   which readers visit later: an entry that is present throughout is always found.

use std::ptr::{NonNull, without_provenance_mut};

use super::segment::MAX_BITS;
use crate::platform::sync::{AtomicPtr, AtomicU64, Backoff, Ordering};

/// Slots of a line.
#[cfg(not(ferrets_loom))]
pub(super) const SLOTS: usize = 7;
#[cfg(ferrets_loom)]
pub(super) const SLOTS: usize = 2;
/// The slot that may hold a link.
pub(super) const LAST: usize = SLOTS - 1;

/// Somebody writes to the bucket.
const LOCK: u64 = 1;
/// The bucket has been replaced: look it up again from the root.
const FROZEN: u64 = 2;
/// The last slot holds, or is about to hold, a link.
const LINKED: u64 = 4;

/// Bits of an entry's hash that the word of its slot carries, above the address: sixteen where
/// processor and system are known to give programs addresses of 48 bits and nothing above them.
const CARRIED: u32 = if cfg!(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    any(target_os = "linux", target_os = "macos", target_os = "windows")
)) {
    16
} else {
    0
};
/// Bits of the hash in front of those: a segment can be split without a look at its entries if it
/// is this much deeper than the root, and not [`CARRIED`] more.
const FIRST: u32 = MAX_BITS + if cfg!(ferrets_loom) { 0 } else { 4 };
/// Bits of a hash that a bucket and a slot's word tell together, where they join.
pub(super) const ROUGH: u32 = FIRST + CARRIED;
/// The bits that remain for the address.
const ADDRESS: usize = usize::MAX >> CARRIED;

/// A slot's word: a pointer with its kind in the low two bits; that to an entry has some bits of
/// its hash in the top ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SlotWord(*mut ());

/// What a slot holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Empty,
    Entry(NonNull<()>),
    Pending(NonNull<()>),
    Link(NonNull<Line>),
}

const KIND: usize = 3;
const PENDING: usize = 1;
const LINK: usize = 2;
/// A kind of its own, so that one test tells entries from all else.
const NOTHING: usize = 3;

/// That there is room in an address for what is put beside it.
#[inline]
pub(super) fn check(raw: NonNull<()>) {
    debug_assert_eq!(raw.addr().get() & KIND, 0, "1 of Handle");
    assert!(raw.addr().get() & !ADDRESS == 0, "an address of 48 bits");
}

impl SlotWord {
    pub(super) const EMPTY: Self = Self(without_provenance_mut(NOTHING));

    /// # Panics
    /// If the address has more bits than there are on the systems that carry hashes.
    #[inline]
    pub(super) fn entry(raw: NonNull<()>, hash: u64) -> Self {
        check(raw);
        Self(raw.as_ptr().map_addr(|addr| addr | (hash << FIRST) as usize & !ADDRESS))
    }

    /// The bits that it carries of the hash of its entry, where they stand in the hash.
    #[inline]
    pub(super) fn carried(self) -> u64 {
        (self.0.addr() & !ADDRESS) as u64 >> FIRST
    }

    #[inline]
    pub(super) fn is_entry(self) -> bool {
        self.0.addr() & KIND == 0
    }

    /// Whether the bit behind the first `known` is among them.
    pub(super) fn carries(known: u32) -> bool {
        (FIRST..ROUGH).contains(&known)
    }

    /// # Panics
    /// As [`entry`](Self::entry).
    pub(super) fn pending(raw: NonNull<()>) -> Self {
        check(raw);
        Self(raw.as_ptr().map_addr(|addr| addr | PENDING))
    }

    /// # Panics
    /// As [`entry`](Self::entry).
    pub(super) fn link(line: NonNull<Line>) -> Self {
        check(line.cast());
        Self(line.as_ptr().cast::<()>().map_addr(|addr| addr | LINK))
    }

    /// The entry, if it is one; what else it may be, [`get`](Self::get) tells.
    #[inline]
    pub(super) fn entry_only(self) -> Option<NonNull<()>> {
        if !self.is_entry() {
            return None;
        }
        // SAFETY: R4: a word of this kind is a pointer to an entry.
        Some(unsafe { NonNull::new_unchecked(self.0.map_addr(|addr| addr & ADDRESS)) })
    }

    #[inline]
    pub(super) fn is_link(self) -> bool {
        self.0.addr() & KIND == LINK
    }

    #[inline]
    pub(super) fn get(self) -> Slot {
        let Some(raw) = NonNull::new(self.0.map_addr(|addr| addr & ADDRESS & !KIND)) else {
            return Slot::Empty;
        };
        match self.0.addr() & KIND {
            0 => Slot::Entry(raw),
            PENDING => Slot::Pending(raw),
            LINK => Slot::Link(raw.cast()),
            _ => Slot::Empty,
        }
    }
}

/// One line; the first of a bucket carries its lock.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Line {
    header: AtomicU64,
    slots: [AtomicPtr<()>; SLOTS],
}

/// A loaded header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header(u64);

/// The tag of a hash: its lowest byte, but never zero.
#[inline]
pub(super) fn tag(hash: u64) -> u8 {
    let byte = hash as u8;
    byte + u8::from(byte == 0)
}

impl Header {
    #[inline]
    pub(super) fn is_linked(self) -> bool {
        self.0 & LINKED != 0
    }

    #[inline]
    fn with_tag(self, slot: usize, tag: u8) -> Self {
        let shift = slot * 8 + 8;
        Self(self.0 & !(0xff << shift) | u64::from(tag) << shift)
    }

    /// The tag of a slot.
    #[inline]
    pub(super) fn tag(self, slot: usize) -> u8 {
        (self.0 >> (slot * 8 + 8)) as u8
    }

    /// The slots whose tag is `tag`, which is not zero.
    #[inline]
    pub(super) fn candidates(self, tag: u8) -> Candidates {
        Candidates(equal_bytes(self.0, tag) & !1)
    }

    /// The slots that are free for entries.
    #[inline]
    fn free(self) -> Candidates {
        let slots = if self.is_linked() { LAST } else { SLOTS };
        Candidates(equal_bytes(self.0, 0) & ((2 << slots) - 2))
    }
}

/// Which of the eight bytes are `byte`, a bit for each, the least first.
#[inline]
fn equal_bytes(word: u64, byte: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{
            _mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_movemask_epi8, _mm_set1_epi8,
        };
        // SAFETY: M2: all of x86-64 has SSE2, and this touches no memory.
        let word = unsafe { _mm_cvtsi64_si128(word as i64) };
        // SAFETY: as above.
        let bytes = unsafe { _mm_set1_epi8(byte as i8) };
        // SAFETY: as above.
        let equal = unsafe { _mm_cmpeq_epi8(word, bytes) };
        // SAFETY: as above.
        let mask = unsafe { _mm_movemask_epi8(equal) };
        mask as u32 & 0xff
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        equal_bytes_anywhere(word, byte)
    }
}

/// The same without instructions made for it.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn equal_bytes_anywhere(word: u64, byte: u8) -> u32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW_SEVEN: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differing = word ^ (u64::from(byte) * ONES);
    // The top bit of each byte: whether any bit of it is set.
    let any = ((differing & LOW_SEVEN) + LOW_SEVEN) | differing;
    let equal = (!any >> 7) & ONES;
    // Gathers the eight bits in the top byte.
    (equal.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// A set of slots: the bit above a slot's number is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidates(u32);

impl Iterator for Candidates {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize - 1;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            header: AtomicU64::new(0),
            slots: std::array::from_fn(|_| AtomicPtr::new(SlotWord::EMPTY.0)),
        }
    }

    /// A line that is not shared yet and holds these words, each with its tag.
    fn with(words: [(u8, SlotWord); 2]) -> Self {
        let line = Self::new();
        for (at, (tag, word)) in words.into_iter().enumerate() {
            let header = line.header().with_tag(at, tag);
            // Ordering: Relaxed, twice; the link that publishes the line is stored with Release.
            line.header.store(header.0, Ordering::Relaxed);
            line.slots[at].store(word.0, Ordering::Relaxed);
        }
        line
    }

    /// The header now.
    #[inline]
    pub(super) fn header(&self) -> Header {
        // Ordering: Acquire; pairs with the Release stores of headers, so that a slot whose tag is
        // seen is seen no older than that.
        Header(self.header.load(Ordering::Acquire))
    }

    /// The slot now.
    #[inline]
    pub(super) fn slot(&self, slot: usize) -> SlotWord {
        // Ordering: Acquire; pairs with the Release in `set_slot`: an entry is seen whole.
        SlotWord(self.slots[slot].load(Ordering::Acquire))
    }

    #[inline]
    fn set_slot(&self, slot: usize, word: SlotWord) {
        // Ordering: Release; pairs with the Acquire in `slot`.
        self.slots[slot].store(word.0, Ordering::Release);
    }

    #[inline]
    fn set_header(&self, header: Header) {
        // Ordering: Release; pairs with the Acquire in `header` and in `lock`.
        self.header.store(header.0, Ordering::Release);
    }

    /// Takes the bucket's lock; `None` if the bucket is frozen.
    #[inline]
    pub(super) fn lock(&self) -> Option<Locked<'_>> {
        let mut backoff = Backoff::new();
        loop {
            // Ordering: Acquire; pairs with the Release of whoever froze the bucket: who finds it
            // frozen finds what has replaced it at his next look, and need not wait.
            let seen = self.header.load(Ordering::Acquire);
            if seen & FROZEN != 0 {
                return None;
            }
            // Ordering: Acquire; pairs with the Release of whoever unlocked: his changes are seen.
            let taken = seen & LOCK == 0
                && self
                    .header
                    .compare_exchange_weak(seen, seen | LOCK, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok();
            if taken {
                return Some(Locked { line: self, header: Header(seen) });
            }
            backoff.wait();
        }
    }

    /// Starts loading the line.
    #[inline]
    pub(super) fn prefetch(&self) {
        super::prefetch(std::ptr::from_ref(self).cast());
    }

    /// Starts loading all entries.
    pub(super) fn prefetch_entries(&self) {
        for word in self.words() {
            if let Slot::Entry(raw) = word.get() {
                super::prefetch(raw.as_ptr().cast());
            }
        }
    }

    /// All that the slots hold, in the order in which readers must look: links last.
    #[inline]
    pub(super) fn words(&self) -> impl Iterator<Item = SlotWord> {
        (0..SLOTS).map(|slot| self.slot(slot))
    }
}

/// Tells loom that the line is freed: whoever looked at it must have done so before.
#[cfg(ferrets_loom)]
impl Drop for Line {
    fn drop(&mut self) {
        self.header.with_mut(|_| ());
        self.slots.iter_mut().for_each(|slot| slot.with_mut(|_| ()));
    }
}

/// A bucket that is locked by us; unlocks when dropped, also while unwinding.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    line: &'a Line,
    /// The header as it is to be when we unlock.
    header: Header,
}

impl<'a> Locked<'a> {
    #[inline]
    pub(super) fn line(&self) -> &'a Line {
        self.line
    }

    /// The bucket of a segment that nobody knows of yet.
    pub(super) fn fresh(line: &'a Line) -> Self {
        Self { line, header: line.header() }
    }

    /// Where a word stands in this bucket.
    pub(super) fn find_word(&self, word: SlotWord) -> Option<(&'a Line, usize)> {
        let mut line = self.line;
        loop {
            if let Some(slot) = line.words().position(|held| held == word) {
                return Some((line, slot));
            }
            let Slot::Link(next) = line.slot(LAST).get() else { return None };
            // SAFETY: R4, R5: we hold the bucket's lock.
            line = unsafe { next.as_ref() };
        }
    }

    #[inline]
    fn header_of(&self, line: &Line) -> Header {
        if std::ptr::eq(line, self.line) { self.header } else { line.header() }
    }

    /// Puts a word into a free slot of the bucket, which gets one more line if it is full; returns
    /// the bytes of that.
    pub(super) fn insert(&mut self, tag: u8, word: SlotWord) -> usize {
        let mut line = self.line;
        loop {
            if let Some(slot) = self.header_of(line).free().next() {
                self.fill(line, slot, tag, word);
                return 0;
            }
            let Slot::Link(next) = line.slot(LAST).get() else { break };
            // SAFETY: R4, R5: we hold the bucket's lock.
            line = unsafe { next.as_ref() };
        }
        let moved = (self.header_of(line).tag(LAST), line.slot(LAST));
        self.link(line, NonNull::from(Box::leak(Box::new(Line::with([moved, (tag, word)])))));
        size_of::<Line>()
    }

    #[inline]
    fn store_header(&mut self, line: &Line, header: Header) {
        if std::ptr::eq(line, self.line) {
            self.header = header;
            line.set_header(Header(header.0 | LOCK));
        } else {
            line.set_header(header);
        }
    }

    /// Puts a word into a free slot.
    #[inline]
    fn fill(&mut self, line: &Line, slot: usize, tag: u8, word: SlotWord) {
        let header = self.header_of(line).with_tag(slot, tag);
        self.store_header(line, header);
        line.set_slot(slot, word);
    }

    /// Puts another word into a slot; its tag stays.
    #[inline]
    pub(super) fn replace(&mut self, line: &Line, slot: usize, word: SlotWord) {
        line.set_slot(slot, word);
    }

    /// Empties a slot.
    pub(super) fn clear(&mut self, line: &Line, slot: usize) {
        line.set_slot(slot, SlotWord::EMPTY);
        let header = self.header_of(line).with_tag(slot, 0);
        self.store_header(line, header);
    }

    /// Hangs a new line behind `line`; it must hold the entry of `line`'s last slot.
    fn link(&mut self, line: &Line, next: NonNull<Line>) {
        let linked = Header(self.header_of(line).0 | LINKED);
        self.store_header(line, linked);
        line.set_slot(LAST, SlotWord::link(next));
        self.store_header(line, linked.with_tag(LAST, 0));
    }

    /// Takes the (empty) line behind `line` off.
    pub(super) fn unlink(&mut self, line: &Line) {
        line.set_slot(LAST, SlotWord::EMPTY);
        let header = Header(self.header_of(line).0 & !LINKED);
        self.store_header(line, header);
    }

    /// Whether no slot of a line behind the first is in use.
    pub(super) fn is_empty(&self, line: &Line) -> bool {
        line.words().all(|word| word == SlotWord::EMPTY)
    }

    /// Unlocks for good: nobody will lock this bucket again.
    pub(super) fn freeze(mut self) {
        self.header = Header(self.header.0 | FROZEN);
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        self.line.set_header(self.header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::tests::many;

    /// What a word carries of a hash stands where it stands in the hash, and the address is whole.
    #[test]
    fn words_carry_bits_of_hashes() {
        let mut place = 0_u64;
        let raw = NonNull::from(&mut place).cast::<()>();
        for hash in [0, u64::MAX, 0x0123_4567_89ab_cdef, 1 << (63 - FIRST)] {
            let word = SlotWord::entry(raw, hash);
            assert_eq!(word.entry_only(), Some(raw));
            assert!(matches!(word.get(), Slot::Entry(entry) if entry == raw));
            for known in 0..u64::BITS {
                let bit = 1 << (63 - known);
                let carried = if SlotWord::carries(known) { hash & bit } else { 0 };
                assert_eq!(word.carried() & bit, carried, "bit {known} of {hash:x}");
            }
        }
    }

    #[test]
    fn equal_bytes_are_found() {
        let mut word = 0x0123_4567_89ab_cdef_u64;
        for _ in 0..many(1_000, 10) {
            let own = [0, 24, 56].map(|shift| (word >> shift) as u8);
            for byte in [0, 1, 0x7f, 0x80, 0xff].into_iter().chain(own) {
                let slow = (0..8).filter(|at| (word >> (at * 8)) as u8 == byte);
                let expected = slow.fold(0, |mask, at| mask | 1 << at);
                assert_eq!(equal_bytes(word, byte), expected, "{byte:#x} in {word:#x}");
                assert_eq!(equal_bytes_anywhere(word, byte), expected, "{byte:#x} in {word:#x}");
            }
            word = (word ^ word << 13 ^ word >> 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) & !0xff00;
        }
    }
}
