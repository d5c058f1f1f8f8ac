//! Threads that play a history on a table, all at once.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use ferrets::{Kind, Store};

use crate::checker::{Event, check};
use crate::model::{Answer, Op, State};
use crate::rng::Rng;
use crate::script::{Chooser, Family};
use crate::subject::{KEYS, Subject};

/// Threads of a history: more than there are processors on small machines, so that some wait in the
/// middle of things.
pub(crate) const THREADS: usize = 3;
/// Histories that one table has, each from what the last has left.
const ROUNDS: usize = 20;

pub(crate) fn number(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |text| text.parse().expect("the variable holds a number"))
}

/// What was checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) histories: u64,
    operations: usize,
    overlapping: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, events: &[Event]) {
        let overlaps = |event: &&Event| {
            events.iter().any(|other| {
                other.thread != event.thread
                    && other.begun < event.ended
                    && event.begun < other.ended
            })
        };
        self.histories += 1;
        self.operations += events.len();
        self.overlapping += events.iter().filter(overlaps).count();
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.operations += other.operations;
        self.overlapping += other.overlapping;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { histories, operations, overlapping } = self;
        let percent = 100 * overlapping / operations.max(&1);
        write!(f, "{histories} histories of {operations} operations, {percent} % at once")
    }
}

/// One thread's part of a history.
pub(crate) fn play(
    subject: &Subject,
    clock: &AtomicU64,
    chooser: &mut Chooser,
    thread: usize,
) -> Vec<Event> {
    let mut events = Vec::new();
    // Ordering: AcqRel; who began after another had ended has seen all that he did.
    let tick = || clock.fetch_add(1, Ordering::AcqRel);
    for _ in 0..chooser.family.steps() {
        // What takes all keys would take the fillers too.
        if chooser.family != Family::Whole && chooser.rng.one_in(6) {
            subject.churn(&mut chooser.rng);
        }
        let op = chooser.choose();
        let mut rng = chooser.rng.clone();
        chooser.rng.below(2);
        let begun = tick();
        let answer = subject.perform(&op, &mut rng);
        let ended = tick();
        let Some(answer) = answer else { continue };
        chooser.learn(&op, &answer);
        events.push(Event { thread, begun, ended, op, answer });
    }
    events
}

/// Adds what is in the table in the end, and checks the whole; the state in the end.
pub(crate) fn conclude(
    subject: &Subject,
    clock: &AtomicU64,
    initial: &State,
    events: &mut Vec<Event>,
) -> Result<State, String> {
    let last = subject.state();
    for key in 0..KEYS {
        let begun = clock.fetch_add(2, Ordering::AcqRel);
        let answer = Answer::Values(last.get(key).to_vec());
        let op = Op::Lookup(key);
        events.push(Event { thread: usize::MAX, begun, ended: begun + 1, op, answer });
    }
    check(subject.table.kind(), initial, events).map_err(|violation| violation.to_string())?;
    Ok(last)
}

/// Threads that wait for each other without giving their processors away for long: a history is
/// over in the time that it takes to wake a thread.
struct Gate {
    waiting: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
}

impl Gate {
    fn new() -> Self {
        let (waiting, round) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { waiting, round, broken: AtomicBool::new(false) }
    }

    /// Lets the others go, too: nobody will come.
    fn break_down(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Waits for all; `false` if one of them has panicked.
    fn pass(&self) -> bool {
        let round = self.round.load(Ordering::Acquire);
        if self.waiting.fetch_add(1, Ordering::AcqRel) == THREADS - 1 {
            self.waiting.store(0, Ordering::Relaxed);
            self.round.store(round + 1, Ordering::Release);
        }
        let mut spins = 0_u32;
        while self.round.load(Ordering::Acquire) == round {
            if self.broken.load(Ordering::Relaxed) {
                return false;
            }
            spins += 1;
            if spins % 64 == 0 {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        true
    }
}

/// Calls `play` with the number of a thread on all threads at once.
pub(crate) fn together<R: Send>(play: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let gate = Gate::new();
    std::thread::scope(|scope| {
        let (gate, play) = (&gate, &play);
        let begin = |thread| {
            scope.spawn(move || {
                gate.pass();
                play(thread)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(begin).collect();
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|played| played.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// Histories of one kind, played by threads that stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Race {
    pub(crate) kind: Kind,
    pub(crate) family: Family,
    pub(crate) seed: u64,
}

/// What is known of the histories of a table, between two of them.
#[derive(Default)]
struct Record {
    /// What was in the table when the next one began.
    initial: State,
    events: Vec<Event>,
    tally: Tally,
    failure: Option<String>,
}

/// A table with its players.
struct Stage {
    race: Race,
    subject: Subject,
    gate: Gate,
    clock: AtomicU64,
    record: Mutex<Record>,
}

impl Race {
    /// Plays and checks so many histories.
    pub(crate) fn run(self, histories: u64) -> Tally {
        let mut tally = Tally::default();
        let all: Vec<u64> = (0..histories).collect();
        for rounds in all.chunks(ROUNDS) {
            tally += self.on_one_table(rounds);
        }
        tally
    }

    /// Plays some histories on a table of their own.
    fn on_one_table(self, rounds: &[u64]) -> Tally {
        let store = Store::with_seed(self.seed);
        let owner = store.owner();
        let subject = Subject::new(&owner, self.kind);
        let (clock, record) = (AtomicU64::new(0), Mutex::default());
        let stage = Stage { race: self, subject, gate: Gate::new(), clock, record };
        std::thread::scope(|scope| {
            let stage = &stage;
            let play = |thread| {
                scope.spawn(move || {
                    let all = || rounds.iter().all(|round| stage.round(*round, thread));
                    catch_unwind(AssertUnwindSafe(all)).inspect_err(|_| stage.gate.break_down())
                })
            };
            let threads: Vec<_> = (0..THREADS).map(play).collect();
            for thread in threads {
                let played = thread.join().expect("it has caught its panic");
                played.unwrap_or_else(|panic| resume_unwind(panic));
            }
        });
        let record = stage.record.into_inner().expect("nobody has panicked");
        assert!(record.failure.is_none(), "{self:?}: {}", record.failure.unwrap_or_default());
        record.tally
    }
}

impl Stage {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("nobody panics with it")
    }

    /// One thread's part in one history; `false` if there is no point in another.
    fn round(&self, round: u64, thread: usize) -> bool {
        let Race { kind, family, seed } = self.race;
        let rng = Rng::new(seed ^ round << 20, thread as u64);
        let mut chooser = Chooser::new(kind, family, round, thread, rng);
        if !self.gate.pass() {
            return false;
        }
        let mut events = play(&self.subject, &self.clock, &mut chooser, thread);
        self.record().events.append(&mut events);
        if !self.gate.pass() {
            return false;
        }
        if thread == 0 {
            let record = &mut *self.record();
            let mut events = std::mem::take(&mut record.events);
            record.tally.add(&events);
            match conclude(&self.subject, &self.clock, &record.initial, &mut events) {
                Ok(last) => record.initial = last,
                Err(failure) => record.failure = Some(failure),
            }
        }
        self.gate.pass() && self.record().failure.is_none()
    }
}
