//! Schedules that a seed determines, for tests: threads of which one runs at a time, and which give
//! way to each other only where they touch an atomic or wait for a lock of [`sync`](super::sync).
//!
//! Compiled with `--cfg ferrets_stress` only. Each atomic then passes a *point* before each of its
//! operations. In a thread of [`run`] the scheduler decides there who goes on; all that happens
//! follows from its seed, so a failure can be had again. Any other thread gives its processor away
//! at a point now and then, so that the stress tests meet each other in the middle of things.
//!
//! Two strategies take turns. One switches at each point with a chance that differs from seed to
//! seed. The other gives threads priorities, runs the highest, and lowers it at a few points:
//! few switches, but anywhere, find what needs few switches (Burckhardt et al., *A randomized
//! scheduler with probabilistic guarantees of finding bugs*, ASPLOS 2010).
//!
//! What it cannot show: one thread at a time sees all that came before, so a missing ordering stays
//! unseen. The models under loom are for that.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Points after which threads that do not get done are given up.
const MAX_POINTS: u64 = 20_000_000;
/// A free thread gives its processor away at one of so many points.
const FREE_YIELDS: u64 = 128;
/// Priorities are lowered at up to so many points.
const CHANGES: u64 = 6;

thread_local! {
    /// Whether the thread is one of a schedule: what most points look at, without a destructor.
    static SCHEDULED: Cell<bool> = const { Cell::new(false) };
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
    /// The chances of a free thread.
    static FREE: Cell<u64> = const { Cell::new(0) };
}

/// A thread's part in a schedule.
#[derive(Clone)]
struct Turn {
    schedule: Arc<Schedule>,
    thread: usize,
}

struct Schedule {
    state: Mutex<State>,
    turns: Vec<Condvar>,
}

enum Strategy {
    /// Switches at one of so many points.
    Chance(u64),
    /// The thread with the highest priority runs. It gets the lowest at these points.
    Priorities { of: Vec<i64>, lowest: i64, changes: Vec<u64> },
}

struct State {
    rng: u64,
    strategy: Strategy,
    /// Who runs; nobody when all have ended.
    running: Option<usize>,
    ended: Vec<bool>,
    /// The thread that may end now: their destructors run one after the other too.
    leaving: usize,
    points: u64,
    /// A digest of who was at which point.
    trace: u64,
}

fn next(rng: &mut u64) -> u64 {
    *rng = rng.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *rng;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

impl State {
    fn new(seed: u64, threads: usize) -> Self {
        let mut rng = seed.wrapping_mul(0xd134_2543_de82_ef95);
        let strategy = if next(&mut rng) % 2 == 0 {
            Strategy::Chance(1 << (1 + next(&mut rng) % 8))
        } else {
            let mut of: Vec<i64> = (0..threads as i64).collect();
            for at in (1..threads).rev() {
                of.swap(at, (next(&mut rng) % (at as u64 + 1)) as usize);
            }
            // Nobody knows how long it will be, so the scale of the points is a matter of chance.
            let scale = 1 << (6 + next(&mut rng) % 7);
            let count = 1 + next(&mut rng) % CHANGES;
            let changes = (0..count).map(|_| next(&mut rng) % scale).collect();
            Strategy::Priorities { of, lowest: 0, changes }
        };
        let ended = vec![false; threads];
        Self { rng, strategy, running: None, ended, leaving: 0, points: 0, trace: seed }
    }

    /// Who runs after a point of `thread`, which must give way if it `waits`.
    fn decide(&mut self, thread: usize, waits: bool) -> Option<usize> {
        self.points += 1;
        assert!(self.points < MAX_POINTS, "the threads of a schedule do not get done");
        self.trace = (self.trace ^ thread as u64).wrapping_mul(0x0100_0000_01b3);
        let gives_way = waits || self.ended[thread];
        let others: Vec<usize> =
            (0..self.ended.len()).filter(|other| *other != thread && !self.ended[*other]).collect();
        if others.is_empty() {
            return (!self.ended[thread]).then_some(thread);
        }
        match &mut self.strategy {
            Strategy::Chance(times) => {
                if !gives_way && next(&mut self.rng) % *times != 0 {
                    return Some(thread);
                }
                Some(others[(next(&mut self.rng) % others.len() as u64) as usize])
            }
            Strategy::Priorities { of, lowest, changes } => {
                if gives_way || changes.contains(&self.points) {
                    *lowest -= 1;
                    of[thread] = *lowest;
                }
                let rivals = others.into_iter().chain((!self.ended[thread]).then_some(thread));
                rivals.max_by_key(|thread| of[*thread])
            }
        }
    }
}

impl Schedule {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the thread may run.
    fn await_turn(&self, mut state: MutexGuard<'_, State>, thread: usize) {
        while state.running != Some(thread) {
            state = self.turns[thread].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn hand_on(&self, state: &mut State, thread: usize, waits: bool) {
        state.running = state.decide(thread, waits);
        if let Some(next) = state.running.filter(|next| *next != thread) {
            self.turns[next].notify_all();
        }
    }
}

impl Turn {
    fn point(&self, waits: bool) {
        let mut state = self.schedule.state();
        self.schedule.hand_on(&mut state, self.thread, waits);
        self.schedule.await_turn(state, self.thread);
    }

    /// Runs a thread from its first turn to its last, and keeps it until it may end.
    fn through<R>(self, body: impl FnOnce() -> R) -> std::thread::Result<R> {
        let Self { schedule, thread } = &self;
        schedule.await_turn(schedule.state(), *thread);
        TURN.set(Some(self.clone()));
        SCHEDULED.set(true);
        let result = catch_unwind(AssertUnwindSafe(body));
        SCHEDULED.set(false);
        TURN.set(None);
        let mut state = schedule.state();
        state.ended[*thread] = true;
        schedule.hand_on(&mut state, *thread, true);
        if state.running.is_none() {
            // The last one wakes those who wait to leave.
            schedule.turns.iter().for_each(Condvar::notify_all);
        }
        while state.running.is_some() || state.leaving != *thread {
            state = schedule.turns[*thread].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        result
    }
}

/// Runs `body` with the number of each thread, as the seed says. Returns what the threads returned,
/// and a digest of the schedule: the same seed gives the same one.
///
/// # Panics
/// When a thread does, after the others have ended.
pub fn run<R: Send>(seed: u64, threads: usize, body: impl Fn(usize) -> R + Sync) -> (Vec<R>, u64) {
    let turns = (0..threads).map(|_| Condvar::new()).collect();
    let schedule = Arc::new(Schedule { state: Mutex::new(State::new(seed, threads)), turns });
    let results: Vec<_> = std::thread::scope(|scope| {
        let spawn = |thread| {
            let (turn, body) = (Turn { schedule: Arc::clone(&schedule), thread }, &body);
            scope.spawn(move || turn.through(|| body(thread)))
        };
        let running: Vec<_> = (0..threads).map(spawn).collect();
        schedule.state().running = Some(0);
        schedule.turns[0].notify_all();
        let join = |(thread, handle): (usize, std::thread::ScopedJoinHandle<'_, _>)| {
            schedule.state().leaving = thread;
            schedule.turns[thread].notify_all();
            handle.join().unwrap_or_else(Err)
        };
        running.into_iter().enumerate().map(join).collect()
    });
    let trace = schedule.state().trace;
    let results =
        results.into_iter().map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)));
    (results.collect(), trace)
}

/// What every atomic passes before each of its operations.
#[inline]
pub(crate) fn point() {
    if SCHEDULED.get() {
        pass(false);
    } else {
        free_point();
    }
}

/// Gives way in a schedule; `false` in any other thread, which has to wait by itself.
pub(crate) fn wait() -> bool {
    let scheduled = SCHEDULED.get();
    if scheduled {
        pass(true);
    }
    scheduled
}

fn pass(waits: bool) {
    // Gone, where the thread's locals are going.
    let turn = TURN.try_with(|turn| turn.borrow().clone()).ok().flatten();
    if let Some(turn) = turn {
        turn.point(waits);
    }
}

fn free_point() {
    let mut chances = FREE.get();
    let chance = next(&mut chances);
    FREE.set(chances);
    if chance % FREE_YIELDS == 0 {
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{point, run};

    /// Three threads that add without care; what comes out, and the digest.
    fn careless(seed: u64) -> (u64, u64) {
        let sum = AtomicU64::new(0);
        let add = |_| {
            for _ in 0..20 {
                point();
                let seen = sum.load(Ordering::Relaxed);
                point();
                sum.store(seen + 1, Ordering::Relaxed);
            }
        };
        let (_, trace) = run(seed, 3, add);
        (sum.into_inner(), trace)
    }

    #[test]
    fn lost_updates_are_found_and_found_again() {
        let mut lost = 0;
        for seed in 0..200 {
            let (sum, trace) = careless(seed);
            assert_eq!(careless(seed), (sum, trace), "seed {seed}");
            lost += u32::from(sum < 60);
        }
        assert!(lost > 50, "in {lost} of 200 schedules");
    }

    #[test]
    #[should_panic(expected = "on purpose")]
    fn a_panic_passes_on_when_all_have_ended() {
        run(1, 3, |thread| {
            point();
            assert!(thread != 1, "on purpose");
        });
    }
}
