//! Histories under schedules that a seed determines, see `src/platform/schedule.rs`: one thread
//! runs at a time, and gives way at an atomic or a lock of the shipping code, so that operations
//! meet in the middle. What fails, fails again with the same seed.
//!
//! | variable | meaning |
//! |---|---|
//! | `FERRETS_SCHEDULES` | how many of each kind of table and family; 150 |
//! | `FERRETS_SCHEDULE_SEED` | the seed of the first; the others count up; 1 |

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicU64;

use ferrets::{Kind, Store, schedule};

use crate::checker::Event;
use crate::model::State;
use crate::play::{THREADS, Tally, conclude, number, play};
use crate::rng::Rng;
use crate::script::{Chooser, Family};
use crate::subject::Subject;
use crate::walks::Scene;

fn seeds() -> std::ops::Range<u64> {
    let first = number("FERRETS_SCHEDULE_SEED", 1);
    first..first + number("FERRETS_SCHEDULES", 150)
}

/// Calls `run` with each seed; says which one it was that failed.
fn each_seed(title: &str, mut run: impl FnMut(u64) -> Result<(), String>) {
    for seed in seeds() {
        let run = catch_unwind(AssertUnwindSafe(|| run(seed)));
        let failed = !matches!(run, Ok(Ok(())));
        if failed {
            eprintln!(
                "{title} failed; again with FERRETS_SCHEDULE_SEED={seed} FERRETS_SCHEDULES=1"
            );
        }
        let result = run.unwrap_or_else(|panic| resume_unwind(panic));
        result.unwrap_or_else(|failure| panic!("{title}, seed {seed}: {failure}"));
    }
}

/// Brings the process's collector to where it was before: schedules depend on what waits.
fn settle(store: &Store) {
    while store.reclamation().pending_bytes > 0 {
        store.collect();
    }
    store.collect();
}

/// Plays one history; returns what happened, what came of it, and the digest of the schedule.
fn history(kind: Kind, family: Family, seed: u64) -> (Vec<Event>, Result<State, String>, u64) {
    let store = Store::with_seed(seed);
    settle(&store);
    let owner = store.owner();
    let subject = Subject::new(&owner, kind);
    let clock = AtomicU64::new(0);
    let (events, trace) = schedule::run(seed, THREADS, |thread| {
        let rng = Rng::new(seed, thread as u64);
        let mut chooser = Chooser::new(kind, family, seed, thread, rng);
        play(&subject, &clock, &mut chooser, thread)
    });
    let events: Vec<Event> = events.into_iter().flatten().collect();
    let mut all = events.clone();
    let end = conclude(&subject, &clock, &State::default(), &mut all);
    (events, end, trace)
}

fn schedules_have_orders(family: Family) {
    for kind in Kind::ALL {
        let mut tally = Tally::default();
        each_seed(&format!("{family:?} of a {kind}"), |seed| {
            let (events, end, _) = history(*kind, family, seed);
            tally.add(&events);
            end.map(|_| ())
        });
        eprintln!("{family:?} of a {kind}, scheduled: {tally}");
    }
}

#[test]
fn scheduled_operations_on_keys_have_an_order() {
    schedules_have_orders(Family::Keys);
}

#[test]
fn scheduled_lists_have_an_order() {
    schedules_have_orders(Family::Lists);
}

#[test]
fn scheduled_operations_on_all_keys_have_an_order() {
    schedules_have_orders(Family::Whole);
}

#[test]
fn scheduled_walks_meet_what_stands_once() {
    for kind in Kind::ALL {
        let mut walks = 0;
        each_seed(&format!("walks over a {kind}"), |seed| {
            let store = Store::with_seed(seed);
            settle(&store);
            let owner = store.owner();
            let scene = Scene::new(&owner, *kind);
            let (parts, _) = schedule::run(seed, THREADS, |thread| scene.play(thread, seed));
            walks += scene.check(parts)?;
            Ok(())
        });
        eprintln!("walks over a {kind}, scheduled: {walks}");
    }
}

/// A seed that fails is worth something only if it fails again.
#[test]
fn the_same_seed_gives_the_same_schedule() {
    for seed in 1..20 {
        for kind in Kind::ALL {
            let (first, second) =
                (history(*kind, Family::Lists, seed), history(*kind, Family::Lists, seed));
            let told = |events: &[Event]| format!("{events:?}");
            assert_eq!(told(&first.0), told(&second.0), "seed {seed}, {kind}");
            assert_eq!(first.2, second.2, "seed {seed}, {kind}");
        }
    }
}
