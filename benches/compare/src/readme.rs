//! The table in the README of the whole project: made of recorded figures, between two markers.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::family::Family;
use crate::report::{Ahead, short};
use crate::results::{Facts, Figure, Results};
use crate::rounds::Place;
use crate::row::Row;
use crate::{hash, ordered, throughput};

const BEGIN: &str = "<!-- compare: written by `cargo compare -- readme`, not by hand -->\n";
const END: &str = "<!-- /compare -->";

/// How many objects there are in the tables that are shown, and how many threads.
const OBJECTS: u64 = 1_000_000;
const THREADS: usize = 1;
/// The same of the throughput benchmark.
const THROUGHPUT_THREADS: usize = 2;

/// What is shown, with a name that needs no legend.
const SHOWN: &[(&Family, Row, &str)] = &[
    (&hash::FAMILY, Row::LookupHit, "set: lookup, owned result"),
    (&hash::FAMILY, Row::View, "set: read of one element, borrowed"),
    (&hash::FAMILY, Row::LookupMany, "set: lookup of 16 keys together, each"),
    (&hash::FAMILY, Row::InsertFresh, "set: insert, from empty"),
    (&hash::FAMILY, Row::Overwrite, "set: replace"),
    (&hash::FAMILY, Row::CounterRandom, "set: `update_counter`"),
    (&hash::FAMILY, Row::Fold, "set: visit all, per object"),
    (&hash::FAMILY, Row::Bytes, "set: bytes an object, index included"),
    (&ordered::FAMILY, Row::LookupHit, "ordered set: lookup, owned result"),
    (&ordered::FAMILY, Row::DeleteInsert, "ordered set: delete and insert"),
    (&ordered::FAMILY, Row::Range100, "ordered set: range of 100"),
    (&ordered::FAMILY, Row::Bytes, "ordered set: bytes an object, index included"),
];

/// The figures that the README is made of.
fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded.jsonl")
}

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")
}

/// Records what the README shows of `results`, and writes its table anew.
pub fn update(results: &Results) -> Result<()> {
    let shown = results.filter(is_shown);
    shown.filter(|figure| is_named(&shown, figure)).save(&recorded())?;
    let text = fs::read_to_string(readme())?;
    fs::write(readme(), with_block(&text, &block(results)?)?)?;
    Ok(())
}

fn is_shown(figure: &Figure) -> bool {
    let Place { row, threads, objects, .. } = figure.place;
    if objects != OBJECTS {
        return false;
    }
    if figure.family.id == throughput::FAMILY.id {
        return threads == THROUGHPUT_THREADS;
    }
    threads == THREADS
        && SHOWN.iter().any(|&(family, shown, _)| family.id == figure.family.id && shown == row)
}

/// Whether a figure is that of ferrets, or the best of ETS or of the others.
fn is_named(results: &Results, figure: &Figure) -> bool {
    let here = results.of(figure.family);
    let best = match figure.place.subject {
        "ferrets" => return true,
        subject if subject.starts_with("ets") => here.best("ets", figure.place),
        _ => rivals(&here).best("", figure.place),
    };
    best.is_some_and(|(subject, _)| subject == figure.place.subject)
}

/// One lock around all is no concurrent map; the full report has it.
fn rivals(results: &Results) -> Results {
    results.filter(|figure| {
        let others = ["ferrets", "ets", "rwlock"];
        !others.iter().any(|other| figure.place.subject.starts_with(other))
    })
}

fn with_block(text: &str, block: &str) -> Result<String> {
    let missing = || format!("the README has no `{}`", BEGIN.trim_end());
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok([before, BEGIN, block, END, after].concat())
}

fn block(results: &Results) -> Result<String> {
    let results = results.filter(is_shown);
    let mut text = String::from(
        "| nanoseconds, 1 million objects, 1 thread | ferrets | ETS | best concurrent map |\n\
         |---|---:|---:|---:|\n",
    );
    for &(family, row, name) in SHOWN {
        let here = results.of(family);
        let place = Place { row, subject: "ferrets", threads: THREADS, objects: OBJECTS };
        // What was not measured is left out, but not one of two that are compared.
        let Some(ours) = here.get(place) else { continue };
        let missing = || format!("no figure for {} {row} of ETS, or of others", family.id);
        let (_, ets) = here.best("ets", place).ok_or_else(missing)?;
        let (peer, theirs) = rivals(&here).best("", place).ok_or_else(missing)?;
        let (ours, ets, theirs) = (short(ours), short(ets), short(theirs));
        _ = writeln!(text, "| {name} | {ours} | {ets} | {theirs} ({peer}) |");
    }
    let here = results.of(&throughput::FAMILY);
    let ahead = Ahead::of_ets(&throughput::FAMILY, &here, OBJECTS, THROUGHPUT_THREADS)
        .ok_or("no figures of the throughput benchmark")?;
    let (rows, all) = (ahead.rows(), throughput::FAMILY.rows.len());
    let which = if rows == all { format!("each of the {all}") } else { format!("{rows} of {all}") };
    _ = writeln!(
        text,
        "\nIn {which} scenarios of OTP's own throughput benchmark (`ets_SUITE`; a million keys,\n\
         two threads) an operation costs ETS, with the best of its settings each time, {:.1} times \
         what\nit costs ferrets at the median, and at least {:.1} times.\n",
        ahead.median(),
        ahead.least(),
    );
    let one =
        |of: fn(&Facts) -> &str| results.distinct(|figure| of(&figure.facts).to_owned()).join("; ");
    _ = writeln!(
        text,
        "(Measured on {}; {};\n{}; commit {}. `cargo compare -- all`\nmeasures it, and \
         more, on your machine.)",
        one(|facts| &facts.machine),
        one(|facts| &facts.erlang),
        one(|facts| &facts.rustc),
        one(|facts| &facts.commit),
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::made_up;

    #[test]
    fn the_readme_shows_what_is_recorded() {
        let text = fs::read_to_string(readme()).unwrap();
        if !recorded().exists() {
            assert!(!text.contains(BEGIN), "the README shows what is not recorded");
            return;
        }
        let mut results = Results::default();
        results.load(&recorded()).unwrap();
        let fresh = with_block(&text, &block(&results).unwrap()).unwrap();
        assert!(
            text == fresh,
            "run `cargo compare -- readme --from benches/compare/recorded.jsonl`"
        );
    }

    #[test]
    fn a_table_has_a_line_for_all_that_is_shown() {
        let block = block(&made_up(crate::family::FAMILIES)).unwrap();
        assert_eq!(block.lines().filter(|line| line.starts_with('|')).count(), SHOWN.len() + 2);
        let text = format!("a\n{BEGIN}old\n{END}\nb\n");
        assert_eq!(with_block(&text, &block).unwrap(), format!("a\n{BEGIN}{block}{END}\nb\n"));
        assert!(with_block("nothing", &block).is_err());
    }
}
