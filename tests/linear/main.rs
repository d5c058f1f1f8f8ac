//! Operations take effect in one instant: histories of real threads on the public API, checked
//! against what a table is when nothing happens at once.
//!
//! Threads do random operations on few keys of one table and note what each said, and when it began
//! and ended on a clock that they share. [`checker`] then looks for an order that explains all
//! answers; [`model`] says what the answers are in an order. That covers every operation that the
//! front page promises to be one instant, lists over several keys, clearing, and what ordered sets
//! do at their ends and in ranges. [`walks`] does the same for traversals, which promise less.
//!
//! The clock is a counter, so an operation that ended before another began *happened before* it:
//! what is checked is linearizability in the sense of Rust's memory model.
//!
//! `cargo test` runs a few; `cargo stress` more, on an index whose rare paths are common.
//!
//! | variable | meaning |
//! |---|---|
//! | `FERRETS_HISTORIES` | how many of each kind of table and family; 100, in `cargo stress` 400 |
//! | `FERRETS_HISTORY_SEED` | the seed of the choices (not of the schedule); else 1 |
#![allow(clippy::print_stderr, reason = "how much was checked is worth knowing")]

mod checker;
mod model;
mod play;
mod rng;
#[cfg(ferrets_stress)]
mod schedules;
mod script;
mod subject;
mod walks;
mod wrong;

use ferrets::{Kind, Store};

use crate::play::{Race, number, together};
use crate::script::Family;
use crate::walks::Scene;

fn histories() -> u64 {
    number("FERRETS_HISTORIES", if cfg!(ferrets_stress) { 400 } else { 100 })
}

fn seed() -> u64 {
    number("FERRETS_HISTORY_SEED", 1)
}

fn histories_have_orders(family: Family) {
    for kind in Kind::ALL {
        let tally = Race { kind: *kind, family, seed: seed() }.run(histories());
        eprintln!("{family:?} of a {kind}: {tally}");
        assert_eq!(tally.histories, histories());
    }
}

#[test]
fn operations_on_keys_have_an_order() {
    histories_have_orders(Family::Keys);
}

#[test]
fn lists_have_an_order() {
    histories_have_orders(Family::Lists);
}

#[test]
fn operations_on_all_keys_have_an_order() {
    histories_have_orders(Family::Whole);
}

#[test]
fn walks_meet_what_stands_once() {
    for kind in Kind::ALL {
        let mut walks = 0;
        for round in 0..histories() {
            let store = Store::with_seed(seed());
            let owner = store.owner();
            let scene = Scene::new(&owner, *kind);
            let parts = together(|thread| scene.play(thread, seed() ^ round << 20));
            let checked = scene.check(parts);
            walks += checked.unwrap_or_else(|wrong| panic!("a {kind}, round {round}: {wrong}"));
        }
        eprintln!("{walks} walks over a {kind}");
    }
}
