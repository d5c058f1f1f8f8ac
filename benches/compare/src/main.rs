//! Ferrets beside Erlang's ETS and the concurrent maps of Rust, measured in one run.
//!
//! `cargo compare -- all` makes one report: the same operations on the same objects, by subjects
//! that take turns. See `README.md` for what it measures and how.

mod alloc;
mod args;
mod ets;
mod family;
#[cfg(feature = "ferrets")]
mod ferrets;
mod hash;
mod keys;
mod machine;
mod ordered;
mod peers;
mod picture;
mod pool;
mod readme;
mod remote;
mod report;
mod results;
mod rounds;
mod row;
mod scenario;
mod select;
mod subject;
mod throughput;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use args::{Outputs, Request};
use results::{Facts, Results};

/// Errors end the program, so all they need is a text.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let request = match args::parse() {
        Ok(request) => request,
        Err(error) => {
            eprintln!("{error}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match answer(request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(request: Request) -> Result<()> {
    match request {
        Request::Help => println!("{}", args::USAGE),
        Request::Serve { family, subject, objects } => {
            end_on_panic();
            (family.serve)(&subject, objects)?;
        }
        Request::Compare { plans, absent, outputs } => {
            for who in &absent {
                eprintln!("left out: {who}");
            }
            let facts = Facts::gather();
            let mut results = Results::default();
            for plan in &plans {
                results.add(plan, &rounds::run(plan)?, &facts);
            }
            publish(&results, &absent, &outputs)?;
        }
        Request::Report { from, outputs } => publish(&load(&from)?, &[], &outputs)?,
        Request::Readme { from } => readme::update(&load(&from)?)?,
    }
    Ok(())
}

fn load(from: &[PathBuf]) -> Result<Results> {
    let mut results = Results::default();
    for path in from {
        results.load(path)?;
    }
    Ok(results)
}

/// Prints the report, and writes what else is wanted.
fn publish(results: &Results, absent: &[String], outputs: &Outputs) -> Result<()> {
    let Outputs { json, report } = outputs;
    if let Some(path) = json {
        results.save(path)?;
    }
    if let Some(directory) = report {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("report.md"), report::markdown(results, absent, true))?;
        results.save(&directory.join("results.jsonl"))?;
        picture::draw_all(directory, results)?;
    }
    print!("{}", report::markdown(results, absent, false));
    Ok(())
}

/// A worker that panicked would leave the others waiting for it.
fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::exit(101);
    }));
}
