//! Growing and shrinking, one segment at a time.
//!
//! All four steps (a segment splits in two, two merge into one, the only segment doubles or halves
//! its buckets) are the same: claim the old segments, lock all their buckets in the order of
//! hashes, distribute their entries over new segments that nobody knows of yet, point the directory
//! at these, and unlock the old buckets for good, *frozen*. Readers that are in an old segment
//! finish there: it shows the state at the moment of the exchange, which lies within their call.
//! Writers that waited for a bucket find it frozen and start from the root.
//!
//! Nobody who holds the directory's lock waits for a bucket, and whoever waits for a bucket while
//! he holds others waits for a higher one; so there is no deadlock.

use std::ptr::NonNull;
use std::sync::Arc;

use super::line::{LAST, Line, Locked, Slot, SlotWord};
use super::segment::{MAX_BITS, MAX_DEPTH, Root, Segment};
use super::{Delta, Handle, Index, Pin, Retired, free_line, limit, prefetch};
use crate::platform::sync::{Backoff, Ordering};

/// What to make of which segments.
struct Plan {
    old: [Option<Segment>; 2],
    new: [Option<Segment>; 2],
}

impl<H: Handle> Index<H> {
    /// Splits the segment of a hash, if it is over its limit and nobody else is at it.
    pub(super) fn grow(&self, pin: &Pin, hash: u64) {
        let root = self.root(pin);
        let segment = root.segment(hash);
        if segment.count() > limit(root.bits) && segment.claim() && !self.split(pin, root, segment)
        {
            segment.disclaim();
        }
    }

    /// Splits the segment of a hash, or waits a little for somebody else who does; `false` if it
    /// cannot grow further (then chains do).
    pub(super) fn reserve(&self, pin: &Pin, hash: u64, backoff: &mut Backoff) -> bool {
        let root = self.root(pin);
        let segment = root.segment(hash);
        if !segment.claim() {
            // Somebody else is at it, or was and this root is old: look again.
            backoff.wait();
            return true;
        }
        let done = self.split(pin, root, segment);
        if !done {
            segment.disclaim();
        }
        done
    }

    /// Replaces a claimed segment by one of twice as many buckets or by two.
    fn split(&self, pin: &Pin, root: &Root, old: Segment) -> bool {
        let (depth, prefix, bits) = (old.depth(), old.prefix(), old.bits());
        let new = if bits < MAX_BITS {
            [Segment::new(depth, prefix, bits + 1), None]
        } else if depth < MAX_DEPTH {
            let half = 1 << (u64::BITS - 1 - depth);
            let low = Segment::new(depth + 1, prefix, bits);
            let high = low.and_then(|_| Segment::new(depth + 1, prefix | half, bits));
            if let (Some(low), None) = (low, high) {
                free_unused(low);
                return false;
            }
            [low, high]
        } else {
            return false;
        };
        new[0].is_some() && self.replace(pin, root, &Plan { old: [Some(old), None], new })
    }

    /// Merges the segment of a hash with its neighbour, if both are sparse, or halves the buckets
    /// of the only segment; again and again, while it can.
    pub(super) fn shrink(&self, pin: &Pin, hash: u64) {
        while self.shrink_once(pin, hash) {}
    }

    fn shrink_once(&self, pin: &Pin, hash: u64) -> bool {
        let root = self.root(pin);
        let segment = root.segment(hash);
        if segment.count() >= limit(root.bits) / 4 {
            return false;
        }
        if segment.depth() > 0 {
            return self.merge(pin, root, segment);
        }
        if segment.bits() == 0 || !segment.claim() {
            return false;
        }
        let new = [Segment::new(0, 0, segment.bits() - 1), None];
        let plan = Plan { old: [Some(segment), None], new };
        let done = new[0].is_some() && self.replace(pin, root, &plan);
        if !done {
            segment.disclaim();
        }
        done
    }

    /// Merges a segment with its neighbour, if there is room for both in one.
    fn merge(&self, pin: &Pin, root: &Root, one: Segment) -> bool {
        let other = root.segment(one.prefix() ^ 1 << (u64::BITS - one.depth()));
        let (low, high) = if one.prefix() < other.prefix() { (one, other) } else { (other, one) };
        // The lower one first, whichever is ours: of two who meet here, one goes on.
        if other.depth() != one.depth() || !low.claim() {
            return false;
        }
        if !high.claim() {
            low.disclaim();
            return false;
        }
        let fits = low.count() + high.count() <= limit(root.bits) / 2;
        let done = fits && {
            let new = [Segment::new(low.depth() - 1, low.prefix(), low.bits()), None];
            let plan = Plan { old: [Some(low), Some(high)], new };
            new[0].is_some() && self.replace(pin, root, &plan)
        };
        if !done {
            high.disclaim();
            low.disclaim();
        }
        done
    }

    /// Puts new segments in the place of claimed old ones. `false` if that failed and the old ones
    /// are as they were.
    fn replace(&self, pin: &Pin, root: &Root, plan: &Plan) -> bool {
        let old = || plan.old.iter().flatten().copied();
        let new = || plan.new.iter().flatten().copied();
        let mut locks = Vec::with_capacity(old().map(Segment::buckets).sum());
        for segment in old() {
            for bucket in 0..segment.buckets() {
                let locked = segment.bucket(bucket).lock();
                let locked = locked.expect("only who has claimed a segment freezes its buckets");
                locks.push((segment.first_hash(bucket), locked));
            }
        }
        let extra = distribute::<H>(&locks, plan);
        if !self.publish(pin, root, plan) {
            // The index was cleared meanwhile: the entries belong to the old root's grave. Its
            // segments stay as they are, for that to find.
            new().for_each(free_unused);
            return false;
        }
        locks.into_iter().for_each(|(_, locked)| locked.freeze());
        let before: usize = old().map(Segment::bytes).sum();
        let after: usize = new().map(Segment::bytes).sum();
        let behind: usize = old().map(|segment| retire(segment, pin)).sum();
        let extra = extra - behind as i64;
        root.totals.add(Delta::bytes(after as i64 - before as i64 + extra));
        true
    }

    /// Points the directory at the new segments; `false` if the index was cleared meanwhile.
    fn publish(&self, pin: &Pin, seen: &Root, plan: &Plan) -> bool {
        let new = || plan.new.iter().flatten().copied();
        let depth_after = new().map(Segment::depth).max().unwrap_or(0);
        let mut deepest = self.shape.lock();
        let mut root = self.root(pin);
        if !Arc::ptr_eq(&root.totals, &seen.totals) || root.closed {
            return false;
        }
        if new().any(|segment| segment.bits() != root.bits) {
            let [Some(only), _] = plan.new else { return false };
            self.swap_shell(pin, root, Root::over(only, Arc::clone(&root.totals)));
            return true;
        }
        if depth_after > root.depth {
            root.totals.spread();
            root = self.swap_shell(pin, root, root.doubled());
            *deepest = 0;
        }
        let at_full_depth = |segment: &Segment| segment.depth() == root.depth;
        *deepest += new().filter(at_full_depth).count();
        *deepest -= plan.old.iter().flatten().filter(|segment| at_full_depth(segment)).count();
        new().for_each(|segment| root.set(segment));
        if *deepest == 0 && root.depth > 0 {
            root = self.swap_shell(pin, root, root.halved());
            *deepest = root.segments().filter(|segment| segment.depth() == root.depth).count();
        }
        true
    }

    /// Exchanges the root for one with the same segments. The directory's lock is held.
    fn swap_shell<'p>(&self, pin: &'p Pin, old: &Root, new: Root) -> &'p Root {
        old.totals.add(Delta::bytes(new.bytes() as i64 - old.bytes() as i64));
        // Ordering: Release; pairs with the Acquire in `root`. Only holders of the directory's
        // lock store roots, so it is `old` that comes out: as it came from `Box`.
        let raw = self.root.swap(Box::into_raw(Box::new(new)), Ordering::Release);
        let raw = NonNull::new(raw).expect("an index has a root").cast();
        // SAFETY: R7: unlinked just now; roots come from `Box`; the segments are the new root's.
        pin.retire(unsafe { Retired::new(raw, old.bytes(), free_shell) });
        self.root(pin)
    }
}

/// Frees a root, but not its segments.
///
/// # Safety
/// 1. `raw` is a root from `Box` that nobody can reach any more.
unsafe fn free_shell(raw: NonNull<()>) {
    // SAFETY: 1 of ours.
    drop(unsafe { Box::from_raw(raw.cast::<Root>().as_ptr()) });
}

/// Retires a segment whose entries have moved, and the lines behind its buckets; returns the bytes
/// of those.
fn retire(segment: Segment, pin: &Pin) -> usize {
    /// Frees a segment's memory.
    ///
    /// # Safety
    /// 1. `raw` is the first bucket's directory word of a segment that nobody can reach any more.
    unsafe fn free(raw: NonNull<()>) {
        // SAFETY: 1 of ours.
        unsafe { Segment::from_word(raw.as_ptr().cast()).free_alone() };
    }
    let mut behind = 0;
    for bucket in 0..segment.buckets() {
        let mut line = segment.bucket(bucket);
        while let Slot::Link(next) = line.slot(LAST).get() {
            // SAFETY: R4, R7: reachable under the pin.
            line = unsafe { next.as_ref() };
            // SAFETY: R4, R6: unlinked with the frozen segment just now; lines come from `Box`.
            pin.retire(unsafe { Retired::new(next.cast(), size_of::<Line>(), free_line) });
            behind += size_of::<Line>();
        }
    }
    let raw = NonNull::new(segment.word()).expect("a segment is somewhere").cast();
    // SAFETY: R6, R7: frozen, and unlinked from the directory just now.
    pin.retire(unsafe { Retired::new(raw, segment.bytes(), free) });
    behind
}

fn free_unused(segment: Segment) {
    // SAFETY: R7: nobody was told of it.
    unsafe { segment.free() };
}

/// The lines of a bucket whose lock we hold.
struct Lines<'a>(Option<&'a Line>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a Line;

    fn next(&mut self) -> Option<&'a Line> {
        let line = self.0?;
        self.0 = match line.words().last().map(SlotWord::get) {
            // SAFETY: R4, R5: in a bucket that we hold the lock of.
            Some(Slot::Link(next)) => Some(unsafe { next.as_ref() }),
            _ => None,
        };
        Some(line)
    }
}

/// Puts the entries of locked buckets into new segments, and counts them there; returns the bytes
/// of additional lines. The buckets come with the first hash of each.
///
/// Where an entry goes is known from the bucket that it comes from and from the bits of its hash
/// that its slot carries, mostly. Otherwise it has to be read.
fn distribute<H: Handle>(locks: &[(u64, Locked<'_>)], plan: &Plan) -> i64 {
    let bits = |segments: &[Option<Segment>; 2]| segments[0].map_or(0, |s| s.depth() + s.bits());
    let (known, needed) = (bits(&plan.old), bits(&plan.new));
    let is_read = needed > known && !SlotWord::carries(known);
    let entries = || locks.iter().flat_map(|(first, locked)| entries(*first, locked));
    if is_read {
        // A cache miss for each: all are started before the first is waited for.
        entries().for_each(|entry| prefetch(entry.raw.as_ptr().cast()));
    }
    let [Some(low), high] = plan.new else { return 0 };
    let boundary = high.map(Segment::prefix);
    let mut extra = 0;
    let mut counts = [0, 0];
    for Entry { first, tag, word, raw } in entries() {
        // SAFETY: R1, R5: in a slot of a bucket that we hold the lock of.
        let read = || H::hash(unsafe { H::borrow(raw) });
        let hash = if is_read { read() } else { first | word.carried() };
        let upper = boundary.is_some_and(|boundary| hash >= boundary);
        let target = if upper { high.unwrap_or(low) } else { low };
        let bucket = target.bucket_of(hash);
        debug_assert_eq!(bucket, target.bucket_of(read()), "enough of the hash is known");
        counts[usize::from(upper)] += 1;
        extra += Locked::fresh(target.bucket(bucket)).insert(tag, word) as i64;
    }
    low.add_count(counts[0]);
    if let Some(high) = high {
        high.add_count(counts[1]);
    }
    extra
}

/// An entry on its way into another segment.
struct Entry {
    /// The first hash of the bucket that it comes from.
    first: u64,
    tag: u8,
    word: SlotWord,
    raw: NonNull<()>,
}

/// All entries of a locked bucket. (No batch has pending changes in it: that holds its lock.)
fn entries(first: u64, locked: &Locked<'_>) -> impl Iterator<Item = Entry> {
    Lines(Some(locked.line())).flat_map(move |line| {
        let header = line.header();
        line.words().enumerate().filter_map(move |(slot, word)| {
            let raw = word.entry_only()?;
            Some(Entry { first, tag: header.tag(slot), word, raw })
        })
    })
}
