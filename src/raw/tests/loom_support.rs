//! What all models share: the entries that they keep, and how they are run.
//!
//! An entry notices when it is read too late. Its *poison* is a cell of loom's: who looks at the
//! entry reads it, and who makes or frees the entry writes it, so loom reports every look that is
//! not ordered behind the making and before the freeing. For looks that are ordered, but behind the
//! freeing, there is a flag; to be asked for it, an entry keeps its memory until the execution is
//! over. Then all must have been freed, each once.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loom::cell::UnsafeCell;

use crate::raw::{Handle, Weight};

/// A key, by its number, and its hash, which is the number if nothing else is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::raw) struct Key(u64, u64);

impl Key {
    /// A key whose hash begins with the four bits `top`, and which goes to slot `home` if it can.
    pub(in crate::raw) const fn new(top: u64, home: u64, tag: u8) -> Self {
        let number = top << 60 | home << 15 | tag as u64;
        Self(number, number)
    }

    /// The same key with another hash.
    pub(in crate::raw) const fn hashed(self, hash: u64) -> Self {
        Self(self.0, hash)
    }

    /// Another key that differs neither in the bucket nor in the slot nor in the tag.
    pub(in crate::raw) const fn twin(self) -> Self {
        Self(self.0 | 1 << 32, self.1 | 1 << 32)
    }

    pub(in crate::raw) const fn number(self) -> u64 {
        self.0
    }

    pub(in crate::raw) fn hash(self) -> u64 {
        self.1
    }
}

#[derive(Debug)]
pub(in crate::raw) struct Body {
    key: Key,
    value: u32,
    /// How many own it; changes where nothing is modelled, so it is exact.
    owners: Cell<u32>,
    poison: UnsafeCell<()>,
    freed: Cell<bool>,
}

impl Body {
    /// Reads the poison.
    fn look(&self) -> &Self {
        self.poison.with(|_| ());
        assert!(!self.freed.get(), "{:?} is read after it was freed", self.key);
        self
    }

    pub(in crate::raw) fn key(&self) -> Key {
        self.look().key
    }

    pub(in crate::raw) fn value(&self) -> u32 {
        self.look().value
    }
}

thread_local! {
    /// The entries of this execution: all threads of a model run on one thread of the machine.
    static BODIES: RefCell<Vec<NonNull<Body>>> = const { RefCell::new(Vec::new()) };
}

/// An owned entry.
#[derive(Debug)]
pub(in crate::raw) struct Entry(NonNull<Body>);

// SAFETY: R1: loom sees to it that threads look at bodies one after the other.
unsafe impl Send for Entry {}
// SAFETY: R1, as above.
unsafe impl Sync for Entry {}

impl Entry {
    pub(in crate::raw) fn new(key: Key, value: u32) -> Self {
        let (poison, freed) = (UnsafeCell::new(()), Cell::new(false));
        let body = Box::leak(Box::new(Body { key, value, owners: Cell::new(1), poison, freed }));
        body.poison.with_mut(|_| ());
        let body = NonNull::from(body);
        BODIES.with_borrow_mut(|bodies| bodies.push(body));
        Self(body)
    }

    pub(in crate::raw) fn body(&self) -> &Body {
        // SAFETY: R1: its memory stays until the execution is over.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let body = self.body();
        body.owners.set(body.owners.get() - 1);
        if body.owners.get() > 0 {
            return;
        }
        body.poison.with_mut(|_| ());
        assert!(!body.freed.replace(true), "{:?} is freed twice", body.key);
    }
}

// SAFETY: 1: a body is aligned to eight bytes; 2: both only wrap the pointer; 3: bodies stay where
// they are until the execution is over.
unsafe impl Handle for Entry {
    type Ref<'a> = &'a Body;

    fn into_raw(self) -> NonNull<()> {
        std::mem::ManuallyDrop::new(self).0.cast()
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(raw.cast())
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> &'a Body {
        // SAFETY: R1: it came from `into_raw`, and its memory stays.
        unsafe { raw.cast().as_ref() }
    }

    fn borrowed(&self) -> &Body {
        self.body()
    }

    fn hash(entry: &Body) -> u64 {
        entry.key().hash()
    }

    fn weight(_: &Body) -> Weight {
        Weight { items: 1, bytes: size_of::<Body>() }
    }
}

impl crate::raw::ordered::Share for Entry {
    fn share(entry: &Body) -> Self {
        let body = entry.look();
        body.owners.set(body.owners.get() + 1);
        Self(NonNull::from(body))
    }

    fn is_shared(entry: &Body) -> bool {
        entry.look().owners.get() > 1
    }
}

/// Gives the memory of an execution back; all entries must have been freed.
fn end_execution(whole: bool) {
    for body in BODIES.take() {
        // SAFETY: R1: the execution is over, so nobody else has it; it came from `Box`.
        let body = unsafe { Box::from_raw(body.as_ptr()) };
        assert!(!whole || body.freed.get(), "{:?} has leaked", body.key);
    }
}

/// Executions up to which one more preemption is tried.
const FEW: u64 = 2_000;

/// Runs a model in all its interleavings up to a number of preemptions, and says how many there
/// were. That is two, or what `LOOM_MAX_PREEMPTIONS` says, and one more where that makes [`FEW`].
/// If `FERRETS_LOOM_EXECUTIONS` is a number above zero, a model is cut off there.
pub(in crate::raw) fn model(name: &str, body: impl Fn() + Send + Sync + 'static) {
    assert!(cfg!(ferrets_loom), "a model of the real atomics would show nothing");
    let body = Arc::new(body);
    let preemptions = loom::model::Builder::new().preemption_bound.unwrap_or(2);
    if explore(name, preemptions, &body) < FEW {
        explore(name, preemptions + 1, &body);
    }
}

/// How many executions there were.
#[allow(clippy::disallowed_methods, reason = "how long a model takes is worth knowing")]
fn explore(name: &str, preemptions: usize, body: &Arc<impl Fn() + Send + Sync + 'static>) -> u64 {
    let most = std::env::var("FERRETS_LOOM_EXECUTIONS").ok().and_then(|most| most.parse().ok());
    let most = most.filter(|most| *most > 0);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    builder.max_permutations = most;
    let executions = Arc::new(AtomicU64::new(0));
    let (counter, body) = (Arc::clone(&executions), Arc::clone(body));
    let start = std::time::Instant::now();
    builder.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        end_execution(false);
        body();
        end_execution(true);
    });
    let (executions, time) = (executions.load(Ordering::Relaxed), start.elapsed());
    assert!(executions > 1, "{name} has no two threads that meet");
    let cut = if most.is_some_and(|most| executions >= most as u64) { ", cut off" } else { "" };
    eprintln!("{name}: {executions} executions, {preemptions} preemptions, in {time:.1?}{cut}");
    executions
}
