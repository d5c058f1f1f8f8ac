//! The order of things: subjects take turns, round by round, so that what else the machine does
//! falls on all of them alike; each figure is the median of its rounds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use crate::Result;
use crate::family::{Family, Subject};
use crate::remote::{Remote, Window};
use crate::row::Row;

/// Tables of up to this many objects all stay in memory at once; larger ones come one by one.
const RESIDENT_OBJECTS: u64 = 2_000_000;
/// A fold that copies makes each thread hold this many objects at most, all threads together.
const FOLD_OBJECTS: u64 = 20_000_000;
/// Windows shorter than this say too little about how long the next will be.
const TRIAL: Duration = Duration::from_millis(4);
/// A figure gets no more rounds once it has taken so many times what they were planned to take;
/// filling and folding large tables does.
const PATIENCE: u32 = 8;

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// Whose rows and subjects.
    pub family: &'static Family,
    /// Who takes part.
    pub subjects: Vec<Subject>,
    /// What is measured.
    pub rows: Vec<Row>,
    /// On how many threads.
    pub threads: Vec<usize>,
    /// In tables of how many objects.
    pub objects: Vec<u64>,
    /// How many windows there are to a figure.
    pub rounds: usize,
    /// How long a window is meant to last.
    pub window: Duration,
}

/// Where a figure belongs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Place {
    /// The row.
    pub row: Row,
    /// The subject's id.
    pub subject: &'static str,
    /// How many threads; for bytes, the first number in the plan.
    pub threads: usize,
    /// How many objects.
    pub objects: u64,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Figures {
    samples: HashMap<Place, Vec<f64>>,
    remarks: HashMap<Place, String>,
}

impl Figures {
    /// The medians of all that was measured, in the order of the plan.
    pub fn medians(&self, plan: &Plan) -> Vec<(Place, f64)> {
        let mut medians = Vec::new();
        for &objects in &plan.objects {
            for &threads in &plan.threads {
                for &row in &plan.rows {
                    for subject in &plan.subjects {
                        let place = Place { row, subject: subject.id, threads, objects };
                        medians.extend(self.median(place).map(|median| (place, median)));
                    }
                }
            }
        }
        medians
    }

    /// What the subject remarked on its figure.
    pub fn remark(&self, place: Place) -> &str {
        self.remarks.get(&place).map_or("", String::as_str)
    }

    /// The median at `place`, if anything was measured there.
    fn median(&self, place: Place) -> Option<f64> {
        let mut samples = self.samples.get(&place)?.clone();
        samples.sort_by(f64::total_cmp);
        let middle = samples.len() / 2;
        Some(if samples.len() % 2 == 1 {
            samples[middle]
        } else {
            (samples[middle - 1] + samples[middle]) / 2.0
        })
    }

    fn add(&mut self, place: Place, sample: f64) {
        self.samples.entry(place).or_default().push(sample);
    }
}

/// Runs the plan, with a word on standard error about what is going on.
pub fn run(plan: &Plan) -> Result<Figures> {
    let mut run = Run { plan, figures: Figures::default(), pace: HashMap::new() };
    for &objects in &plan.objects {
        if objects <= RESIDENT_OBJECTS {
            run.all_resident(objects)?;
        } else {
            run.one_by_one(objects)?;
        }
    }
    progress("");
    Ok(run.figures)
}

struct Run<'a> {
    plan: &'a Plan,
    figures: Figures,
    pace: HashMap<Place, Pace>,
}

/// What was learned about windows at one place.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// How many operations fill one.
    ops: u64,
    /// How long all so far have taken, with all that goes with them.
    spent: Duration,
}

impl Run<'_> {
    fn all_resident(&mut self, objects: u64) -> Result<()> {
        let mut remotes = Vec::new();
        for &subject in &self.plan.subjects {
            remotes.push(self.build(subject, objects)?);
        }
        let count = remotes.len();
        for (row, threads) in self.cells(objects) {
            progress(&format!("{objects} objects, {threads} threads, {row}"));
            for round in 0..self.plan.rounds {
                for turn in 0..count {
                    let remote = &mut remotes[(round + turn) % count];
                    if !(self.plan.family.takes_part)(remote.subject.id, row) {
                        continue;
                    }
                    let place = Place { row, subject: remote.subject.id, threads, objects };
                    self.turn(remote, place, round)?;
                }
            }
        }
        Ok(())
    }

    fn one_by_one(&mut self, objects: u64) -> Result<()> {
        for round in 0..self.plan.rounds {
            for &subject in &self.plan.subjects {
                let mut remote = self.build(subject, objects)?;
                for (row, threads) in self.cells(objects) {
                    let id = subject.id;
                    if !(self.plan.family.takes_part)(id, row) {
                        continue;
                    }
                    progress(&format!("{objects} objects, {threads} threads, {row}, {id}"));
                    self.turn(&mut remote, Place { row, subject: id, threads, objects }, round)?;
                }
            }
        }
        Ok(())
    }

    fn cells(&self, objects: u64) -> Vec<(Row, usize)> {
        let rows = self.plan.rows.iter().filter(|&&row| row != Row::Bytes);
        rows.flat_map(|&row| self.plan.threads.iter().map(move |&threads| (row, threads)))
            .filter(|&(row, threads)| row != Row::Fold || objects * threads as u64 <= FOLD_OBJECTS)
            .collect()
    }

    fn build(&mut self, subject: Subject, objects: u64) -> Result<Remote> {
        progress(&format!("{objects} objects, filling {}", subject.id));
        let mut remote = Remote::start(self.plan.family, subject, objects)?;
        let (bytes, remark) = remote.build()?;
        if self.plan.rows.contains(&Row::Bytes) {
            let threads = self.plan.threads[0];
            let place = Place { row: Row::Bytes, subject: subject.id, threads, objects };
            self.figures.add(place, bytes);
            self.figures.remarks.insert(place, remark);
        }
        Ok(remote)
    }

    /// One turn of one subject.
    fn turn(&mut self, remote: &mut Remote, place: Place, round: usize) -> Result<()> {
        let pace = match self.pace.entry(place) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let ops = calibrate(remote, place, self.plan.window)?;
                unknown.insert(Pace { ops, spent: Duration::ZERO })
            }
        };
        if pace.spent < self.plan.window * self.plan.rounds as u32 * PATIENCE {
            let begun = Instant::now();
            // All subjects of a round get the same keys.
            let sample = measure(remote, place, pace.ops, round as u64 + 1)?;
            pace.spent += begun.elapsed();
            self.figures.add(place, sample);
        }
        Ok(())
    }
}

/// Finds how many operations fill a window. The trials it takes to find out warm up what there is
/// to warm up, fresh memory among it, so none of them counts.
fn calibrate(remote: &mut Remote, place: Place, window: Duration) -> Result<u64> {
    let step = place.row.step(place.objects, place.threads);
    let mut ops = step;
    let mut fastest = f64::INFINITY;
    loop {
        let sample = measure(remote, place, ops, 0)?;
        // A trial that something else cut into must not make all windows short.
        let slowed = sample > fastest * 2.0;
        fastest = fastest.min(sample.max(1.0));
        let lasted = duration(sample, ops);
        if lasted >= window {
            return Ok(ops);
        }
        let enough = lasted >= TRIAL && ops > step && !slowed;
        let wanted = if enough { window } else { window.min(TRIAL.max(lasted) * 2) };
        let fitting = (wanted.as_nanos() as f64 / fastest) as u64;
        ops = (fitting / step).max(1) * step;
        if enough || ops == step {
            return Ok(ops);
        }
    }
}

fn measure(remote: &mut Remote, place: Place, ops: u64, seed: u64) -> Result<f64> {
    remote.window(Window { row: place.row, threads: place.threads, ops, seed })
}

fn duration(ns_per_op: f64, ops: u64) -> Duration {
    Duration::from_nanos((ns_per_op * ops as f64) as u64)
}

/// One line on standard error that overwrites itself; for a person, not for a log.
fn progress(what: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[2K{what}");
    }
}
