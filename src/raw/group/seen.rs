//! Which slots hold objects with a given hash: the memory of a large group's writer.
//!
//! Extendible hashing, because no single insert may pay for the growth of the whole: the top bits
//! of a digest choose a *page* in the directory, an open-addressed table of at most [`PAGE`]
//! entries. A full page is split in two, which costs some microseconds; once in a while the
//! directory doubles, which copies four bytes a page. An entry is a digest and the slot that was
//! filled last with such an object; earlier slots with the same digest hang behind it, each slot
//! naming the one before. Those names are kept only for the stretches of slots that have any, so a
//! bag, where a digest comes twice only by accident, pays nothing for them, and a duplicate_bag of
//! 100,000 equal objects has one entry.
//!
//! 9.1 to 18.3 bytes a slot, 13 on average, and 4 more where digests repeat.

/// Entries of the largest pages.
const PAGE: usize = if cfg!(miri) { 64 } else { 1024 };
/// Entries of the smallest page.
const SMALL_PAGE: usize = 32;
/// Slots whose predecessors are kept together.
const STRETCH: usize = if cfg!(miri) { 64 } else { 1024 };
/// The directory has at most that many bits.
const MAX_BITS: u32 = 22;
/// No slot.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry {
    digest: u32,
    /// The slot filled last with that digest; [`NONE`] if the entry is free.
    slot: u32,
}

const FREE: Entry = Entry { digest: 0, slot: NONE };

/// An open-addressed table, linear probing, at most seven eighths full.
#[derive(Debug)]
struct Page {
    entries: Box<[Entry]>,
    used: usize,
    /// How many bits its digests have in common.
    depth: u32,
}

impl Page {
    fn new(entries: usize, depth: u32) -> Self {
        debug_assert!(entries.is_power_of_two(), "positions are taken by a mask");
        Self { entries: vec![FREE; entries].into_boxed_slice(), used: 0, depth }
    }

    fn is_full(&self) -> bool {
        self.used >= self.entries.len() / 8 * 7
    }

    fn home(&self, digest: u32) -> usize {
        digest as usize & (self.entries.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.entries.len() - 1)
    }

    /// The position of a digest, or the free one where it belongs.
    fn find(&self, digest: u32) -> usize {
        let mut at = self.home(digest);
        while self.entries[at].slot != NONE && self.entries[at].digest != digest {
            at = self.after(at);
        }
        at
    }

    /// Puts in an entry whose digest is not there yet.
    fn put(&mut self, entry: Entry) {
        let at = self.find(entry.digest);
        debug_assert!(self.entries[at].slot == NONE, "one entry a digest");
        self.entries[at] = entry;
        self.used += 1;
    }

    /// Frees a position and closes the gap.
    fn remove(&mut self, mut gap: usize) {
        self.used -= 1;
        let mut at = self.after(gap);
        while self.entries[at].slot != NONE {
            let home = self.home(self.entries[at].digest);
            let mask = self.entries.len() - 1;
            // It may move into the gap unless its home lies between the two.
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.entries[gap] = self.entries[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.entries[gap] = FREE;
    }
}

/// From digests to slots.
#[derive(Debug)]
pub(super) struct Seen {
    /// Page numbers, by the top `bits` bits of a digest.
    directory: Vec<u32>,
    bits: u32,
    pages: Vec<Page>,
    /// For each stretch of slots that has any: the slot filled before with the same digest.
    before: Vec<Option<Box<[u32; STRETCH]>>>,
    /// Entries of all pages, used or free.
    entries: usize,
    stretches: usize,
}

impl Seen {
    /// With room for about so many slots.
    pub(super) fn with_room(slots: usize) -> Self {
        let pages = slots.div_ceil(PAGE / 16 * 13).next_power_of_two();
        let bits = pages.ilog2().min(MAX_BITS);
        let pages = 1 << bits;
        let size = if bits > 0 { PAGE } else { (slots * 3 / 2).next_power_of_two() };
        let size = size.clamp(SMALL_PAGE, PAGE);
        Self {
            directory: (0..pages).collect(),
            bits,
            pages: (0..pages).map(|_| Page::new(size, bits)).collect(),
            before: Vec::new(),
            entries: pages as usize * size,
            stretches: 0,
        }
    }

    fn page_of(&self, digest: u32) -> usize {
        let at = u64::from(digest) >> (32 - self.bits);
        self.directory[at as usize] as usize
    }

    fn before(&self, slot: u32) -> u32 {
        let (stretch, offset) = (slot as usize / STRETCH, slot as usize % STRETCH);
        self.before.get(stretch).and_then(Option::as_ref).map_or(NONE, |all| all[offset])
    }

    fn set_before(&mut self, slot: u32, before: u32) {
        if self.before(slot) == before {
            return;
        }
        let (stretch, offset) = (slot as usize / STRETCH, slot as usize % STRETCH);
        if stretch >= self.before.len() {
            self.before.resize_with(stretch + 1, || None);
        }
        let stretches = &mut self.stretches;
        let all = self.before[stretch].get_or_insert_with(|| {
            *stretches += 1;
            Box::new([NONE; STRETCH])
        });
        all[offset] = before;
    }

    /// Remembers a slot that it does not know. O(1).
    pub(super) fn insert(&mut self, digest: u32, slot: u32) {
        let number = self.page_of(digest);
        let page = &mut self.pages[number];
        let at = page.find(digest);
        let before = page.entries[at].slot;
        if before != NONE {
            page.entries[at].slot = slot;
            self.set_before(slot, before);
            return;
        }
        if page.is_full() {
            self.grow(number);
            return self.insert(digest, slot);
        }
        page.entries[at] = Entry { digest, slot };
        page.used += 1;
    }

    /// Looks where a digest belongs, so that it is in the cache.
    pub(super) fn glance(&self, digest: u32) -> u32 {
        let page = &self.pages[self.page_of(digest)];
        page.entries[page.home(digest)].slot
    }

    /// The slots with that digest, newest first.
    pub(super) fn slots(&self, digest: u32) -> impl Iterator<Item = u32> {
        let page = &self.pages[self.page_of(digest)];
        let known = |slot: u32| (slot != NONE).then_some(slot);
        let newest = known(page.entries[page.find(digest)].slot);
        std::iter::successors(newest, move |slot| known(self.before(*slot)))
    }

    /// Forgets those slots with that digest that are to be forgotten.
    pub(super) fn forget(&mut self, digest: u32, gone: impl Fn(u32) -> bool) {
        let number = self.page_of(digest);
        let at = self.pages[number].find(digest);
        let (mut newest, mut last) = (NONE, NONE);
        let mut slot = self.pages[number].entries[at].slot;
        if slot == NONE {
            return;
        }
        while slot != NONE {
            let before = self.before(slot);
            if gone(slot) {
                self.set_before(slot, NONE); // it may be inserted again
            } else {
                if last == NONE {
                    newest = slot;
                } else {
                    self.set_before(last, slot);
                }
                last = slot;
            }
            slot = before;
        }
        if last == NONE {
            self.pages[number].remove(at);
        } else {
            self.set_before(last, NONE);
            self.pages[number].entries[at].slot = newest;
        }
    }

    /// Makes room in the page of a number: it becomes larger, or two.
    fn grow(&mut self, number: usize) {
        let page = &self.pages[number];
        let size = page.entries.len();
        // Digests that agree in more bits than so many pages should need are no reason to double
        // the directory.
        let crowded = page.depth == self.bits
            && (self.directory.len() > self.pages.len() * 16 || self.bits == MAX_BITS);
        if size < PAGE || crowded {
            self.enlarge(number);
        } else {
            self.split(number);
        }
    }

    fn enlarge(&mut self, number: usize) {
        let page = &mut self.pages[number];
        let size = page.entries.len();
        let old = std::mem::replace(page, Page::new(size * 2, page.depth));
        old.entries.iter().filter(|entry| entry.slot != NONE).for_each(|entry| page.put(*entry));
        self.entries += size;
    }

    fn split(&mut self, number: usize) {
        let (depth, size) = (self.pages[number].depth, self.pages[number].entries.len());
        if depth == self.bits {
            self.directory = self.directory.iter().flat_map(|page| [*page; 2]).collect();
            self.bits += 1;
        }
        let old = std::mem::replace(&mut self.pages[number], Page::new(size, depth + 1));
        let mut high = Page::new(size, depth + 1);
        let mut common = 0;
        for entry in old.entries.iter().filter(|entry| entry.slot != NONE) {
            common = entry.digest;
            let is_high = entry.digest >> (31 - depth) & 1 == 1;
            if is_high { &mut high } else { &mut self.pages[number] }.put(*entry);
        }
        let span = 1_usize << (self.bits - depth);
        let from = (u64::from(common) >> (32 - self.bits)) as usize & !(span - 1);
        self.directory[from + span / 2..from + span].fill(self.pages.len() as u32);
        self.pages.push(high);
        self.entries += size;
    }

    /// Bytes it has allocated. O(1).
    pub(super) fn bytes(&self) -> usize {
        self.directory.capacity() * size_of::<u32>()
            + self.pages.capacity() * size_of::<Page>()
            + self.entries * size_of::<Entry>()
            + self.before.capacity() * size_of::<Option<Box<[u32; STRETCH]>>>()
            + self.stretches * size_of::<[u32; STRETCH]>()
    }

    /// Frees so many entries' worth of its pages, for good; `true` when nothing is left.
    pub(super) fn shed(&mut self, entries: usize) -> bool {
        let pages = self.pages.len().saturating_sub(entries.div_ceil(PAGE).max(1));
        self.pages.truncate(pages);
        self.before.truncate(pages);
        pages == 0
    }

    /// Asserts that it is whole.
    #[cfg(test)]
    pub(super) fn check(&self) {
        assert_eq!(
            self.directory.len(),
            1 << self.bits,
            "the directory has a place for each digest"
        );
        assert_eq!(self.entries, self.pages.iter().map(|page| page.entries.len()).sum::<usize>());
        assert_eq!(self.stretches, self.before.iter().flatten().count());
        for (number, page) in self.pages.iter().enumerate() {
            let used = page.entries.iter().filter(|entry| entry.slot != NONE);
            assert_eq!(used.clone().count(), page.used, "the page knows how full it is");
            assert!(page.used < page.entries.len(), "a search meets a free entry");
            for entry in used {
                assert_eq!(self.page_of(entry.digest), number, "in the page of its digest");
                assert_eq!(page.entries[page.find(entry.digest)].slot, entry.slot, "can be found");
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(ferrets_loom))]
mod tests {
    use std::collections::HashMap;

    use super::Seen;
    use crate::raw::tests::many;

    fn digest(seed: u32) -> u32 {
        (u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    }

    fn agrees(seen: &Seen, model: &HashMap<u32, Vec<u32>>) {
        seen.check();
        for (digest, slots) in model {
            assert!(seen.slots(*digest).eq(slots.iter().rev().copied()), "{digest}: {slots:?}");
        }
    }

    /// Inserts and forgets with that many digests, made by `digest`.
    fn model(steps: u32, digests: u32, digest: impl Fn(u32) -> u32) {
        let (mut seen, mut model) = (Seen::with_room(17), HashMap::<u32, Vec<u32>>::new());
        let mut random = 1_u64;
        for slot in 0..steps {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let digest = digest((random >> 33) as u32 % digests);
            match random >> 29 & 7 {
                0 => {
                    model.remove(&digest);
                    seen.forget(digest, |_| true);
                }
                1 => {
                    let gone = |slot: u32| slot % 3 == 0;
                    model.entry(digest).or_default().retain(|slot| !gone(*slot));
                    seen.forget(digest, gone);
                }
                _ => {
                    model.entry(digest).or_default().push(slot);
                    seen.insert(digest, slot);
                }
            }
            if slot.is_power_of_two() {
                agrees(&seen, &model);
            }
        }
        agrees(&seen, &model);
        assert!(seen.bytes() > 0);
        while !seen.shed(5_000) {}
    }

    #[test]
    fn agrees_with_a_map() {
        model(many(20_000, 60), 50, digest);
        model(many(20_000, 60), 100_000, digest);
        model(many(200_000, 150), 1 << 30, digest);
    }

    #[test]
    fn bears_bad_digests() {
        let steps = many(20_000, 60);
        model(steps / 4, 1, |_| 0);
        model(steps, 100_000, |seed| seed);
        model(steps, 100_000, |seed| seed << 10);
        model(steps, 100_000, |seed| u32::MAX - seed);
    }

    #[test]
    fn room_made_before_is_enough() {
        for slots in [0, 17, 600, many(5_000, 1_500), many(100_000, 18)] {
            let mut seen = Seen::with_room(slots as usize);
            let bytes = seen.bytes();
            (0..slots).for_each(|slot| seen.insert(digest(slot), slot));
            seen.check();
            assert!(seen.bytes() <= bytes * 5 / 4, "{slots}: {bytes} became {}", seen.bytes());
        }
    }
}
