//! The oracle: the same calls put to Erlang's ETS and to `ferrets::ets`, the answers compared.
//!
//! `cargo test --release --test oracle`, with these variables to steer it:
//!
//! | variable | meaning |
//! |---|---|
//! | `FERRETS_ORACLE_SEQUENCES` | how many random sequences; 2000 |
//! | `FERRETS_ORACLE_SEED` | the seed that they come from; 1 |
//! | `FERRETS_ORACLE_RECORD` | set: records answers for machines without Erlang |
//! | `FERRETS_ERL` | the Erlang to ask |
//!
//! Without Erlang the written cases and the recorded answers are checked all the same.
//!
//! It is a program of its own, not one of Rust's tests, so that the checks come in order and the
//! last line sums up the last of them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the oracle reports on its standard output"
)]

mod answer;
mod cases;
mod erlang;
#[path = "../support/funs.rs"]
mod funs;
mod generate;
mod golden;
mod operation;
mod ours;
mod random;
mod shrink;
#[path = "../support/specs.rs"]
mod specs;
mod terms;

use std::collections::BTreeSet;
use std::process::ExitCode;

use ferrets::{MatchSpec, Term, TermRef, View};

use crate::answer::agree;
use crate::cases::Case;
use crate::erlang::Erlang;
use crate::generate::Generator;
use crate::golden::Recording;
use crate::operation::{Operation, to_erlang};

/// Says whether something holds.
type Check = fn() -> bool;

/// What is checked, in order.
const CHECKS: &[(&str, Check)] = &[
    ("written_cases", written_cases),
    ("written_cases_call_every_function", written_cases_call_every_function),
    ("written_cases_hold_in_erlang", written_cases_hold_in_erlang),
    ("recorded_answers", recorded_answers),
    ("random_sequences", random_sequences),
];

/// Runs the checks, or those with one of the arguments in their names.
fn main() -> ExitCode {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let mut status = ExitCode::SUCCESS;
    for (name, check) in CHECKS.iter().filter(|(name, _)| is_wanted(name)) {
        if !check() {
            eprintln!("oracle: {name} failed, see above");
            status = ExitCode::FAILURE;
        }
    }
    status
}

/// Sequences that travel together.
const BATCH: u64 = 50;
/// Differences that are shrunk and printed; more are only counted.
const SHOWN: usize = 12;
/// Sequences in the recording.
const RECORDED: u64 = 200;

fn number(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |text| text.parse().expect("the variable holds a number"))
}

fn seed() -> u64 {
    number("FERRETS_ORACLE_SEED", 1)
}

/// The first call on whose answer the two sides differ.
fn first_difference(
    operations: &[Operation],
    theirs: &[Term],
    ours: &[Term],
    old: bool,
) -> Option<usize> {
    (0..operations.len()).find(|at| !agree(&operations[*at], &theirs[*at], &ours[*at], old))
}

/// Prints a difference so that it can be pasted into a shell.
fn report(title: &str, operations: &[Operation], theirs: &[Term], ours: &[Term], at: usize) {
    println!("\n%% {title}");
    println!("{}", to_erlang(&operations[..=at]));
    println!("%% Erlang:  {}", cases::written(&theirs[at]));
    println!("%% ferrets: {}", cases::written(&ours[at]));
    if cases::written(&theirs[at]) == cases::written(&ours[at]) {
        println!("%% facts before the call: {} / {}", theirs[at], ours[at]);
    }
}

/// Shrinks a sequence on which the two sides differ, and prints it.
fn explain(erlang: &mut Erlang, title: &str, sequence: &[Operation], at: usize) {
    let old = erlang.is_old();
    let mut ask = |operations: &[Operation]| {
        let theirs = erlang.run(&[operations.to_vec()]).swap_remove(0);
        let ours = ours::run(operations, seed());
        let at = first_difference(operations, &theirs, &ours, old);
        (theirs, ours, at)
    };
    let shrunk =
        shrink::shrink(sequence[..=at].to_vec(), &mut |operations| ask(operations).2.is_some());
    let (theirs, ours, at) = ask(&shrunk);
    match at {
        Some(at) => report(title, &shrunk, &theirs, &ours, at),
        None => println!("\n%% {title}: the difference does not show again"),
    }
}

/// Finds the sequence of a batch on which Erlang stops, and prints it.
fn explain_crash(erlang: &mut Erlang, seed: u64, first: u64, batch: &[Vec<Operation>]) {
    for (number, sequence) in (first..).zip(batch) {
        if erlang.survives(sequence) {
            continue;
        }
        let survives = |erlang: &mut Erlang, operations: &[Operation]| {
            *erlang = Erlang::start().expect("there was one");
            erlang.survives(operations)
        };
        let shrunk =
            shrink::shrink(sequence.clone(), &mut |operations| !survives(erlang, operations));
        println!("\n%% seed {seed}, sequence {number}: Erlang stops");
        println!("{}", to_erlang(&shrunk));
        *erlang = Erlang::start().expect("there was one");
        return;
    }
    println!("\n%% seed {seed}, sequences from {first}: Erlang stopped, but does not do so again");
}

/// Runs random sequences on both sides at once; returns operations, questions among them, and
/// differences.
fn compare(erlang: &mut Erlang, seed: u64, count: u64) -> (usize, usize, usize) {
    let generator = Generator::new(erlang.is_old());
    let (mut operations, mut questions, mut differences) = (0, 0, 0);
    for first in (0..count).step_by(BATCH as usize) {
        let numbers = first..count.min(first + BATCH);
        let batch: Vec<_> = numbers.clone().map(|at| generator.sequence(seed, at)).collect();
        erlang.send(&batch).expect("Erlang listens");
        let ours: Vec<_> = batch.iter().map(|sequence| ours::run(sequence, seed)).collect();
        let Ok(theirs) = erlang.receive(&batch) else {
            differences += 1;
            *erlang = Erlang::start().expect("there was one");
            explain_crash(erlang, seed, first, &batch);
            continue;
        };
        for (index, sequence) in batch.iter().enumerate() {
            operations += sequence.len();
            questions += sequence.iter().filter(|operation| operation.is_question()).count();
            let old = erlang.is_old();
            let Some(at) = first_difference(sequence, &theirs[index], &ours[index], old) else {
                continue;
            };
            differences += 1;
            let title = format!("seed {seed}, sequence {}", first + index as u64);
            if differences <= SHOWN {
                explain(erlang, &title, sequence, at);
            } else {
                println!("%% {title}: differs too");
            }
        }
    }
    (operations, questions, differences)
}

/// Asks Erlang for answers to keep.
fn record(erlang: &mut Erlang) {
    assert!(!erlang.is_old(), "answers are recorded from OTP 27, not {}", erlang.release());
    let generator = Generator::new(false);
    let mut sequences = Vec::new();
    for number in 0..RECORDED {
        let sequence = generator.sequence(27, number);
        let answers = erlang.run(std::slice::from_ref(&sequence)).swap_remove(0);
        sequences.push((sequence, answers));
    }
    let recording = Recording { release: erlang.release().to_owned(), sequences };
    let size = recording.save().expect("the directory of recordings can be written");
    println!("oracle: recorded {RECORDED} sequences in {size} bytes");
}

fn random_sequences() -> bool {
    let Some(mut erlang) = Erlang::start() else {
        println!("oracle: no Erlang on this machine; that was all");
        return true;
    };
    if std::env::var_os("FERRETS_ORACLE_RECORD").is_some() {
        record(&mut erlang);
        return true;
    }
    if erlang.is_old() {
        println!("oracle: OTP {}: {}", erlang.release(), answer::OLD);
    }
    let count = number("FERRETS_ORACLE_SEQUENCES", 2000);
    let seed = seed();
    let (operations, questions, differences) = compare(&mut erlang, seed, count);
    println!("oracle: {questions} of the operations have match specifications");
    println!(
        "oracle: {count} sequences, {operations} operations, {differences} differences, OTP {}",
        erlang.release()
    );
    differences == 0
}

fn recorded_answers() -> bool {
    if std::env::var_os("FERRETS_ORACLE_RECORD").is_some() {
        return true;
    }
    let recording = Recording::load();
    let mut differences = 0;
    let mut operations = 0;
    for (number, (sequence, theirs)) in recording.sequences.iter().enumerate() {
        let ours = ours::run(sequence, seed());
        operations += sequence.len();
        if let Some(at) = first_difference(sequence, theirs, &ours, false) {
            differences += 1;
            report(&format!("recorded sequence {number}"), sequence, theirs, &ours, at);
        }
    }
    println!(
        "oracle: {} recorded sequences, {operations} operations, {differences} differences, OTP {}",
        recording.sequences.len(),
        recording.release
    );
    differences == 0
}

/// Checks the answers of one side against a written case; prints what is wrong.
fn check_case(case: &Case, answers: &[Term], side: &str) -> usize {
    let mut wrong = 0;
    for (at, (expected, answer)) in case.expected.iter().zip(answers).enumerate() {
        if !cases::is_expected(expected, answer) {
            wrong += 1;
            println!("\n%% {}\n{}", case.title, to_erlang(&case.operations[..=at]));
            println!("%% expected: {expected}\n%% {side}: {}", cases::written(answer));
        }
    }
    wrong
}

fn written_cases() -> bool {
    let wrong: usize = cases::all()
        .iter()
        .map(|case| check_case(case, &ours::run(&case.operations, seed()), "ferrets"))
        .sum();
    wrong == 0
}

/// Every function that guards and bodies may call is called in the written cases, whose answers are
/// Erlang's.
fn written_cases_call_every_function() -> bool {
    let mut called = BTreeSet::new();
    for case in cases::all().iter().filter(|case| case.title.starts_with("guards")) {
        for argument in case.operations.iter().flat_map(|operation| &operation.arguments) {
            calls(argument.as_ref(), &mut called);
        }
    }
    let others = [("andthen", 2), ("andalso", 2), ("orelse", 2), ("and", 2), ("or", 2)];
    let special = [("self", 0), ("node", 0), ("const", 1)];
    let mut all = MatchSpec::functions().chain(others).chain(special);
    all.all(|(name, arity)| {
        let is_called = called.contains(&(name.to_owned(), arity));
        if !is_called {
            println!("%% no case calls {name}/{arity}");
        }
        is_called
    })
}

/// The tuples in a term that begin with an atom, by it and the number of what comes behind.
fn calls(term: TermRef<'_>, called: &mut BTreeSet<(String, usize)>) {
    match term.view() {
        View::Tuple(parts) => {
            if let Some(name) = parts.get(0).and_then(TermRef::as_atom) {
                called.insert((name.name().to_owned(), parts.len() - 1));
            }
            parts.elements().for_each(|part| calls(part, called));
        }
        View::List(parts) => parts.elements().for_each(|part| calls(part, called)),
        View::Map(parts) => parts.values().for_each(|part| calls(part, called)),
        _ => {}
    }
}

fn written_cases_hold_in_erlang() -> bool {
    let Some(mut erlang) = Erlang::start() else {
        println!("oracle: no Erlang on this machine; written and recorded answers take its place");
        return true;
    };
    let old = erlang.is_old();
    let asked = |case: &Case| !(case.ours_only || old && case.since_27);
    let mut calls = 0;
    let mut wrong = 0;
    let all = cases::all();
    for case in all.iter().filter(|case| asked(case)) {
        let answers = erlang.run(std::slice::from_ref(&case.operations)).swap_remove(0);
        calls += answers.len();
        wrong += check_case(case, &answers, "Erlang");
    }
    println!("oracle: {calls} calls of written cases, {wrong} wrong, OTP {}", erlang.release());
    wrong == 0
}
