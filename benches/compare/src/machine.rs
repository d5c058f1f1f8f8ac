//! Facts about where and with what the figures were made.

use std::process::Command;
use std::time::SystemTime;
use std::{env, fs, thread};

use crate::{args, ets};

const UNKNOWN: &str = "unknown";

/// The processor's model and the number of cores to be had.
pub fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or(UNKNOWN, |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores")
}

/// The compiler.
pub fn rustc() -> String {
    let program = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    output(&program, &["--version"]).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// The Erlang.
pub fn erlang() -> String {
    ets::erlang().map_or_else(|| "none".to_owned(), |erlang| erlang.description.clone())
}

/// Today and now, in UTC.
pub fn date() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The commit of the checkout, and whether anything in it was changed since.
pub fn commit() -> String {
    let git = |arguments: &[&str]| {
        output("git", &[&["-C", env!("CARGO_MANIFEST_DIR")], arguments].concat())
    };
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        Some(commit) if git(&["status", "--porcelain"]).is_some_and(|files| files.is_empty()) => {
            commit
        }
        Some(commit) => commit + ", with changes",
        None => UNKNOWN.to_owned(),
    }
}

/// What was typed, as the alias has it.
pub fn command() -> String {
    let words = args::arguments();
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    format!("`cargo compare -- {}`", words.join(" "))
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
