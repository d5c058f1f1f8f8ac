//! What the examples share: how they are asked for their size, check what they claim and print what
//! they measured.
#![allow(dead_code, reason = "each example uses some of it")]
#![allow(clippy::print_stdout, reason = "examples print")]

use std::error::Error;
use std::time::Duration;

pub(crate) type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Whether the size of published systems is asked for.
pub(crate) fn full_size() -> Result<bool> {
    match std::env::args().nth(1).as_deref() {
        None => Ok(false),
        Some("--full") => Ok(true),
        Some(other) => Err(format!("{other} is not --full").into()),
    }
}

/// Ends the example, with an error, if something does not hold.
pub(crate) fn check(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(format!("this should hold: {what}").into()) }
}

pub(crate) fn report(what: &str, count: u64, time: Duration) {
    let seconds = time.as_secs_f64();
    let rate = grouped((count as f64 / seconds) as u64);
    let each = seconds * 1e9 / count as f64;
    println!("  {what:<34} {rate:>10} a second {each:>8.0} ns each {:>9.1} ms", seconds * 1e3);
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are text"))
        .collect();
    groups.join(",")
}
