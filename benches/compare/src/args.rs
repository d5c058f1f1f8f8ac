//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::Result;
use crate::family::{FAMILIES, Family, Subject};
use crate::rounds::Plan;
use crate::row::Row;

/// How to use it.
pub const USAGE: &str = "\
usage: cargo compare -- FAMILY [OPTIONS]

FAMILY is `hash`, `ordered` or `select`.

  --quick              all rows within two minutes: short windows, 1 and 2 threads
  --full               10 million objects as well
  --rows A,B           only these rows
  --subjects A,B       only these subjects
  --threads 1,2        these numbers of threads (1,2,8)
  --objects 10000,...  these numbers of objects (10000,1000000), at most 16777216
  --rounds N           median of so many rounds (5)
  --json FILE          the figures as JSON lines as well
  --help               this text";

/// What the user asked for.
#[derive(Debug)]
pub enum Request {
    /// To compare.
    Compare {
        /// What.
        plan: Plan,
        /// Subjects that would belong to it but cannot take part, and why.
        absent: Vec<(Subject, &'static str)>,
        /// Where the JSON lines go.
        json: Option<PathBuf>,
    },
    /// To be one of the subjects; what this program asks of itself.
    Serve {
        /// The family.
        family: &'static Family,
        /// The subject.
        subject: String,
        /// The size of its table.
        objects: u64,
    },
    /// To be told how.
    Help,
}

#[derive(Default)]
struct Options {
    quick: bool,
    full: bool,
    rows: Option<Vec<Row>>,
    subjects: Option<Vec<String>>,
    threads: Option<Vec<usize>>,
    objects: Option<Vec<u64>>,
    rounds: Option<usize>,
    json: Option<PathBuf>,
}

/// What was typed after the program's name; less the `--` that the alias brings with it.
pub fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--") {
        arguments.remove(0);
    }
    arguments
}

/// Reads the command line.
pub fn parse() -> Result<Request> {
    let mut parser = Parser::from_args(arguments());
    let mut words = Vec::new();
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            Arg::Long("quick") => options.quick = true,
            Arg::Long("full") => options.full = true,
            Arg::Long("rows") => options.rows = Some(list(&mut parser)?),
            Arg::Long("subjects") => options.subjects = Some(list(&mut parser)?),
            Arg::Long("threads") => options.threads = Some(list(&mut parser)?),
            Arg::Long("objects") => options.objects = Some(list(&mut parser)?),
            Arg::Long("rounds") => options.rounds = Some(parser.value()?.parse()?),
            Arg::Long("json") => options.json = Some(parser.value()?.into()),
            Arg::Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => Err("which family?".into()),
        ["serve", id, subject, objects] => Ok(Request::Serve {
            family: family(id)?,
            subject: subject.to_owned(),
            objects: objects.parse()?,
        }),
        [id] => compare(family(id)?, options),
        [_, extra, ..] => Err(format!("unexpected argument `{extra}`").into()),
    }
}

fn compare(family: &'static Family, options: Options) -> Result<Request> {
    let rows = options.rows.unwrap_or_else(|| family.rows.to_vec());
    if let Some(row) = rows.iter().find(|row| !family.rows.contains(row)) {
        return Err(format!("`{row}` is not a row of `{}`", family.id).into());
    }
    let (subjects, absent) = subjects(family, options.subjects)?;
    let sizes: &[u64] =
        if options.full { &[10_000, 1_000_000, 10_000_000] } else { &[10_000, 1_000_000] };
    let threads: &[usize] = if options.quick { &[1, 2] } else { &[1, 2, 8] };
    let plan = Plan {
        family,
        subjects,
        rows,
        threads: options.threads.unwrap_or_else(|| threads.to_vec()),
        objects: options.objects.unwrap_or_else(|| sizes.to_vec()),
        rounds: options.rounds.unwrap_or(if options.quick { 3 } else { 5 }),
        window: Duration::from_millis(if options.quick { 20 } else { 150 }),
    };
    check(&plan)?;
    Ok(Request::Compare { plan, absent, json: options.json })
}

/// Those who take part and those who cannot; asking for the latter by name is an error.
#[allow(clippy::type_complexity, reason = "two lists, named in the line above")]
fn subjects(
    family: &'static Family,
    wanted: Option<Vec<String>>,
) -> Result<(Vec<Subject>, Vec<(Subject, &'static str)>)> {
    if let Some(ids) = wanted {
        let mut subjects = Vec::new();
        for id in ids {
            let subject = family.subject(&id).ok_or(format!("no subject is called `{id}`"))?;
            if let Some(why) = subject.missing() {
                return Err(format!("{id}: {why}").into());
            }
            subjects.push(subject);
        }
        return Ok((subjects, Vec::new()));
    }
    let present = family.subjects.iter().copied().filter(|subject| subject.missing().is_none());
    let absent = family.subjects.iter().filter_map(|&subject| Some((subject, subject.missing()?)));
    Ok((present.collect(), absent.collect()))
}

fn check(plan: &Plan) -> Result<()> {
    if plan.rounds == 0 {
        return Err("--rounds: at least one".into());
    }
    if plan.threads.iter().any(|&threads| !(1..=64).contains(&threads)) {
        return Err("--threads: from 1 to 64".into());
    }
    if plan.objects.iter().any(|objects| !(1_000..=1 << 24).contains(objects)) {
        return Err("--objects: from 1000 to 16777216".into());
    }
    Ok(())
}

fn family(id: &str) -> Result<&'static Family> {
    let known = || FAMILIES.iter().map(|family| family.id).collect::<Vec<_>>().join(", ");
    Ok(Family::named(id)
        .ok_or_else(|| format!("no family is called `{id}`; there is {}", known()))?)
}

fn list<T>(parser: &mut Parser) -> Result<Vec<T>>
where
    T: std::str::FromStr,
    T::Err: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let value = parser.value()?.string()?;
    let mut items = Vec::new();
    for word in value.split(',') {
        items.push(word.parse().map_err(|error: T::Err| {
            let error = error.into();
            format!("`{word}`: {error}")
        })?);
    }
    Ok(items)
}
