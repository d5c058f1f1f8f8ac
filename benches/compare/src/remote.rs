//! Subjects run in processes of their own, and are told over a pipe what to do.
//!
//! So they share no heap, no reclamation scheme and no garbage, and the Erlang node is one among
//! equals. Requests and answers are lines:
//!
//! ```text
//! build                          ->  bytes per object, and perhaps a remark
//! <row> <threads> <ops> <seed>   ->  nanoseconds per operation
//! ```
//!
//! A subject that ends its output has failed, and has said why on standard error.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use crate::family::{Family, Home, Subject};
use crate::row::Row;
use crate::{Result, ets};

/// The request to fill the table.
const BUILD: &str = "build";

/// How long the next subject's turn is put off while Erlang's schedulers go to sleep.
const SPIN_DOWN: Duration = Duration::from_millis(1);

/// A request to measure.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// What.
    pub row: Row,
    /// On how many threads at once.
    pub threads: usize,
    /// How many operations each does, if it does not take too long.
    pub ops: u64,
    /// Decides the keys.
    pub seed: u64,
}

impl FromStr for Window {
    type Err = Box<dyn std::error::Error>;

    fn from_str(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [row, threads, ops, seed] = words[..] else {
            return Err(format!("not a request: `{line}`").into());
        };
        Ok(Window {
            row: row.parse()?,
            threads: threads.parse()?,
            ops: ops.parse()?,
            seed: seed.parse()?,
        })
    }
}

/// Answers on standard output what is asked on standard input: to build (`None`) or to measure.
pub fn serve_lines(mut answer: impl FnMut(Option<Window>) -> Result<f64>) -> Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let window = if line == BUILD { None } else { Some(line.parse()?) };
        writeln!(io::stdout(), "{}", answer(window)?)?;
    }
    Ok(())
}

/// A subject at work. Dropping it ends its process.
pub struct Remote {
    /// Which one.
    pub subject: Subject,
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Remote {
    /// Starts the subject's process; its table is still empty.
    pub fn start(family: &Family, subject: Subject, objects: u64) -> Result<Self> {
        let mut command = match subject.home {
            Home::Rust => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["serve", family.id, subject.id]);
                command
            }
            Home::Erlang => ets::twin(family.id, subject.id)?,
        };
        command.arg(objects.to_string());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = process.stdin.take().ok_or("no pipe to the subject")?;
        let answers = process.stdout.take().ok_or("no pipe from the subject")?;
        Ok(Remote { subject, process, requests, answers: BufReader::new(answers) })
    }

    /// Fills the table; bytes per object, and what the subject remarks on them.
    pub fn build(&mut self) -> Result<(f64, String)> {
        let answer = self.ask(BUILD)?;
        let (bytes, remark) = answer.split_once(' ').unwrap_or((&answer, ""));
        Ok((self.figure(BUILD, bytes)?, remark.to_owned()))
    }

    /// Measures; nanoseconds per operation.
    pub fn window(&mut self, window: Window) -> Result<f64> {
        let Window { row, threads, ops, seed } = window;
        let request = format!("{row} {threads} {ops} {seed}");
        let answer = self.ask(&request)?;
        if self.subject.home == Home::Erlang {
            thread::sleep(SPIN_DOWN);
        }
        self.figure(&request, &answer)
    }

    fn ask(&mut self, request: &str) -> Result<String> {
        writeln!(self.requests, "{request}")
            .map_err(|error| format!("{} takes no requests: {error}", self.subject.id))?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }

    fn figure(&self, request: &str, answer: &str) -> Result<f64> {
        let failed = |_| format!("{} answered `{answer}` to `{request}`", self.subject.id);
        Ok(answer.parse().map_err(failed)?)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
