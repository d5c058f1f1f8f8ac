//! Figures that were measured, now or some time ago: what reports are made of.
//!
//! They are kept as JSON lines, and each line says where it comes from, so that the files of
//! several runs can be put together.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::family::Family;
use crate::rounds::{Figures, Place, Plan};
use crate::row::Row;
use crate::{Result, alloc, machine};

/// Where, when and with what a figure was made.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Facts {
    /// The processor.
    pub machine: String,
    /// The compiler.
    pub rustc: String,
    /// The Erlang.
    pub erlang: String,
    /// The allocator of the Rust subjects.
    pub allocator: String,
    /// The commit of the checkout.
    pub commit: String,
    /// The day and time.
    pub date: String,
    /// What was typed.
    pub command: String,
}

impl Facts {
    /// Those of this run.
    pub fn gather() -> Self {
        Facts {
            machine: machine::processor(),
            rustc: machine::rustc(),
            erlang: machine::erlang(),
            allocator: alloc::NAME.to_owned(),
            commit: machine::commit(),
            date: machine::date(),
            command: machine::command(),
        }
    }
}

/// A line of JSON.
#[derive(Debug, Deserialize, Serialize)]
struct Line {
    family: String,
    row: String,
    subject: String,
    threads: usize,
    objects: u64,
    value: f64,
    unit: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    remark: String,
    #[serde(flatten)]
    facts: Facts,
}

/// A figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its family.
    pub family: &'static Family,
    /// Where in the family it belongs.
    pub place: Place,
    /// The figure itself.
    pub value: f64,
    /// What the subject remarked, if it did.
    pub remark: String,
    /// Where it comes from.
    pub facts: Facts,
}

/// Many figures, at most one for each place.
#[derive(Clone, Debug, Default)]
pub struct Results {
    figures: Vec<Figure>,
}

impl Results {
    /// Adds what a plan gave.
    pub fn add(&mut self, plan: &Plan, figures: &Figures, facts: &Facts) {
        for (place, value) in figures.medians(plan) {
            let remark = figures.remark(place).to_owned();
            let facts = facts.clone();
            self.put(Figure { family: plan.family, place, value, remark, facts });
        }
    }

    /// Adds the lines of a file; they take the place of what is there.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        let at = |error| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| at(error.to_string()))?;
        for (number, line) in text.lines().enumerate() {
            let figure = figure(line);
            self.put(figure.map_err(|error| at(format!("line {}: {error}", number + 1)))?);
        }
        Ok(())
    }

    /// Writes one line per figure.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut text = String::new();
        for figure in &self.figures {
            let Figure { family, place, value, remark, facts } = figure.clone();
            text += &serde_json::to_string(&Line {
                family: family.id.to_owned(),
                row: place.row.to_string(),
                subject: place.subject.to_owned(),
                threads: place.threads,
                objects: place.objects,
                value: (value * 1e3).round() / 1e3,
                unit: place.row.unit().to_owned(),
                remark,
                facts,
            })?;
            text.push('\n');
        }
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn put(&mut self, figure: Figure) {
        let same =
            |old: &&mut Figure| old.family.id == figure.family.id && old.place == figure.place;
        match self.figures.iter_mut().find(same) {
            Some(old) => *old = figure,
            None => self.figures.push(figure),
        }
    }

    /// Only the figures that are wanted.
    pub fn filter(&self, wanted: impl Fn(&Figure) -> bool) -> Self {
        Results { figures: self.figures.iter().filter(|figure| wanted(figure)).cloned().collect() }
    }

    /// The figures of a family.
    pub fn of(&self, family: &Family) -> Self {
        self.filter(|figure| figure.family.id == family.id)
    }

    /// All figures.
    pub fn iter(&self) -> std::slice::Iter<'_, Figure> {
        self.figures.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.figures.is_empty()
    }

    /// The figure at `place`; of one family.
    pub fn get(&self, place: Place) -> Option<f64> {
        self.figures.iter().find(|figure| figure.place == place).map(|figure| figure.value)
    }

    /// What there is of something, in order.
    pub fn distinct<T: Ord>(&self, of: impl Fn(&Figure) -> T) -> Vec<T> {
        let all: BTreeSet<T> = self.figures.iter().map(of).collect();
        all.into_iter().collect()
    }

    /// The rows of `family` that have figures, in its order.
    pub fn rows(&self, family: &Family) -> Vec<Row> {
        let has = |row: &Row| self.figures.iter().any(|figure| figure.place.row == *row);
        family.rows.iter().copied().filter(has).collect()
    }

    /// The subjects of `family` that have figures, in its order.
    pub fn subjects(&self, family: &Family) -> Vec<&'static str> {
        let has = |id: &&str| self.figures.iter().any(|figure| figure.place.subject == *id);
        family.subjects.iter().map(|subject| subject.id).filter(has).collect()
    }

    /// Of the subjects whose id begins with `prefix`, the one with the least figure at a place.
    pub fn best(&self, prefix: &str, at: Place) -> Option<(&'static str, f64)> {
        let mut best: Option<(&'static str, f64)> = None;
        for Figure { place, value, .. } in &self.figures {
            let there = Place { subject: place.subject, ..at } == *place;
            let better = best.is_none_or(|(_, least)| *value < least);
            if there && better && place.subject.starts_with(prefix) {
                best = Some((place.subject, *value));
            }
        }
        best
    }
}

fn figure(line: &str) -> Result<Figure> {
    let line: Line = serde_json::from_str(line)?;
    let family = Family::named(&line.family).ok_or("no such family")?;
    let row = family.rows.iter().find(|row| row.id() == line.row).ok_or("no such row")?;
    let subject = family.subject(&line.subject).ok_or("no such subject")?;
    let place =
        Place { row: *row, subject: subject.id, threads: line.threads, objects: line.objects };
    Ok(Figure { family, place, value: line.value, remark: line.remark, facts: line.facts })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Figures for all places of `families`, in two sizes, made up.
    pub(crate) fn made_up(families: &[&'static Family]) -> Results {
        let facts = Facts {
            machine: "a machine".to_owned(),
            rustc: "rustc".to_owned(),
            erlang: "OTP 27".to_owned(),
            allocator: "mimalloc".to_owned(),
            commit: "0123456789ab".to_owned(),
            date: "2026-01-01T00:00:00Z".to_owned(),
            command: "`cargo compare -- all`".to_owned(),
        };
        let mut results = Results::default();
        for &family in families {
            for (at, &row) in family.rows.iter().enumerate() {
                for (nth, subject) in family.subjects.iter().enumerate() {
                    for (threads, objects) in [(1, 50_000), (1, 1_000_000), (2, 1_000_000)] {
                        let place = Place { row, subject: subject.id, threads, objects };
                        let value = (at + 1) as f64 * 10.0 * (nth + 1) as f64;
                        let (remark, facts) = (String::new(), facts.clone());
                        results.put(Figure { family, place, value, remark, facts });
                    }
                }
            }
        }
        results
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let path = std::env::temp_dir().join(format!("ferrets-{}.jsonl", std::process::id()));
        let results = made_up(crate::family::FAMILIES);
        results.save(&path).unwrap();
        let mut again = Results::default();
        again.load(&path).unwrap();
        let of = |results: &Results| {
            let all = results.iter();
            all.map(|f| (f.family.id, f.place, f.value, f.facts.clone())).collect::<Vec<_>>()
        };
        assert_eq!(of(&again), of(&results));
        again.load(&path).unwrap();
        assert_eq!(again.figures.len(), results.figures.len(), "no place has two figures");
        fs::write(&path, "{\"family\":\"hash\"}\n").unwrap();
        assert!(again.load(&path).unwrap_err().to_string().contains("line 1"));
        fs::remove_file(&path).unwrap();
    }
}
