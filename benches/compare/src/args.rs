//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::Result;
use crate::family::{FAMILIES, Family};
use crate::rounds::Plan;
use crate::row::Row;

/// How to use it.
pub const USAGE: &str = "\
usage: cargo compare -- FAMILY|all [OPTIONS]
       cargo compare -- report --from FILE [--from FILE ...] [--json FILE] [--report DIR]
       cargo compare -- readme --from FILE [--from FILE ...]

FAMILY is `hash`, `ordered`, `select` or `throughput`. `report` makes a report of figures that were
measured before, `readme` the table in the README of the project.

  --quick              all rows of a family within two minutes: short windows, 1 and 2 threads
  --full               10 million objects as well
  --rows A,B           only these rows
  --subjects A,B       only these subjects
  --threads 1,2        these numbers of threads (1,2,8)
  --objects 10000,...  these numbers of objects (10000,1000000; `throughput`: 50000,1000000), at
                       most 16777216
  --rounds N           median of so many rounds (5)
  --json FILE          the figures as JSON lines as well
  --report DIR         the report with pictures, and the figures, into this directory
  --from FILE          figures that `--json` wrote; of two at one place the later counts
  --help               this text";

/// What the user asked for.
#[derive(Debug)]
pub enum Request {
    /// To compare.
    Compare {
        /// What, one family after the other.
        plans: Vec<Plan>,
        /// Who would belong to it but cannot take part, and why.
        absent: Vec<String>,
        /// Where the figures go.
        outputs: Outputs,
    },
    /// To make a report of old figures.
    Report {
        /// The files they are in.
        from: Vec<PathBuf>,
        /// Where they go.
        outputs: Outputs,
    },
    /// To write the table in the README anew.
    Readme {
        /// The files the figures are in.
        from: Vec<PathBuf>,
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

/// Where figures go, besides standard output.
#[derive(Debug, Default)]
pub struct Outputs {
    /// A file of JSON lines.
    pub json: Option<PathBuf>,
    /// A directory for the report with its pictures.
    pub report: Option<PathBuf>,
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
    from: Vec<PathBuf>,
    outputs: Outputs,
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
            Arg::Long("json") => options.outputs.json = Some(parser.value()?.into()),
            Arg::Long("report") => options.outputs.report = Some(parser.value()?.into()),
            Arg::Long("from") => options.from.push(parser.value()?.into()),
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
        ["report" | "readme"] if options.from.is_empty() => Err("--from: which figures?".into()),
        ["report"] => Ok(Request::Report { from: options.from, outputs: options.outputs }),
        ["readme"] => Ok(Request::Readme { from: options.from }),
        ["all"] => compare(FAMILIES, options),
        [id] => compare(&[family(id)?], options),
        [_, extra, ..] => Err(format!("unexpected argument `{extra}`").into()),
    }
}

fn compare(families: &[&'static Family], options: Options) -> Result<Request> {
    let mut plans = Vec::new();
    let mut absent = Vec::new();
    for &family in families {
        // Of all families, those that have what was named.
        let rows = named(&options.rows, |row| family.rows.contains(row), family.rows);
        let ids: Vec<_> = family.subjects.iter().map(|subject| subject.id.to_owned()).collect();
        let subjects = named(&options.subjects, |id| ids.contains(id), &ids);
        if families.len() > 1 && (rows.is_empty() || subjects.is_empty()) {
            continue;
        }
        plans.push(plan(family, rows, &subjects, &options, &mut absent)?);
    }
    complain(&options, &plans, families)?;
    Ok(Request::Compare { plans, absent, outputs: options.outputs })
}

/// What was asked for and there is; all that there is, if nothing was asked for.
fn named<T: Clone>(wanted: &Option<Vec<T>>, is_there: impl Fn(&T) -> bool, all: &[T]) -> Vec<T> {
    match wanted {
        Some(wanted) => wanted.iter().filter(|&one| is_there(one)).cloned().collect(),
        None => all.to_vec(),
    }
}

/// What was asked for must be in one of the plans.
fn complain(options: &Options, plans: &[Plan], families: &[&'static Family]) -> Result<()> {
    let known = families.iter().map(|family| family.id).collect::<Vec<_>>().join(", ");
    for row in options.rows.iter().flatten() {
        if !plans.iter().any(|plan| plan.rows.contains(row)) {
            return Err(format!("`{row}` is not a row of {known}").into());
        }
    }
    for id in options.subjects.iter().flatten() {
        let is_in = |plan: &Plan| plan.subjects.iter().any(|subject| subject.id == id);
        if !plans.iter().any(is_in) {
            return Err(format!("no subject of {known} is called `{id}`").into());
        }
    }
    Ok(())
}

fn plan(
    family: &'static Family,
    rows: Vec<Row>,
    ids: &[String],
    options: &Options,
    absent: &mut Vec<String>,
) -> Result<Plan> {
    let mut subjects = Vec::new();
    for subject in ids.iter().filter_map(|id| family.subject(id)) {
        match subject.missing() {
            None => subjects.push(subject),
            // Asking for it by name is an error.
            Some(why) if options.subjects.is_some() => {
                return Err(format!("{}: {why}", subject.id).into());
            }
            Some(why) => absent.push(format!("{}: {}: {why}", family.id, subject.id)),
        }
    }
    let sizes = match (options.full, options.quick) {
        (true, _) => family.sizes.full,
        (false, true) => family.sizes.quick,
        (false, false) => family.sizes.usual,
    };
    let threads: &[usize] = if options.quick { &[1, 2] } else { &[1, 2, 8] };
    let plan = Plan {
        family,
        subjects,
        rows,
        threads: options.threads.clone().unwrap_or_else(|| threads.to_vec()),
        objects: options.objects.clone().unwrap_or_else(|| sizes.to_vec()),
        rounds: options.rounds.unwrap_or(if options.quick { 3 } else { 5 }),
        window: Duration::from_millis(if options.quick { 20 } else { 150 }),
    };
    check(&plan)?;
    Ok(plan)
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
