//! Ferrets beside Erlang's ETS and the concurrent maps of Rust, measured in one run.
//!
//! `cargo compare -- hash` prints one report: the same operations on the same objects, by subjects
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
mod pool;
mod remote;
mod report;
mod rounds;
mod row;
mod select;
mod subject;

use std::process::ExitCode;

use args::Request;

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
        Request::Compare { plan, absent, json } => {
            for (subject, why) in &absent {
                eprintln!("left out: {}: {why}", subject.id);
            }
            let figures = rounds::run(&plan)?;
            print!("{}", report::markdown(&plan, &figures, &absent));
            if let Some(path) = json {
                report::write_json(&path, &plan, &figures)?;
            }
        }
    }
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
