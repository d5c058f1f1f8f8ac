//! The figures as Markdown, for people.

use std::fmt::Write as _;

use crate::family::{FAMILIES, Family};
use crate::picture;
use crate::results::{Facts, Results};
use crate::rounds::Place;
use crate::row::Row;

/// Ratios are against the first of these that took part.
const BASES: [&str; 2] = ["ferrets", "papaya"];

/// The whole report. `absent` says who was left out, and why; `pictures`, whether there are any
/// beside it.
pub fn markdown(results: &Results, absent: &[String], pictures: bool) -> String {
    let families: Vec<_> =
        FAMILIES.iter().copied().filter(|family| !results.of(family).is_empty()).collect();
    let mut text = String::new();
    let names: Vec<_> = families.iter().map(|family| family.id).collect();
    _ = writeln!(text, "# ferrets compared: {}\n", names.join(", "));
    facts(&mut text, results);
    for who in absent {
        _ = writeln!(text, "- left out: {who}");
    }
    how_to_read(&mut text);
    for family in families {
        section(&mut text, family, &results.of(family), pictures);
    }
    text
}

/// Where figures come from: each fact once, however many runs there were.
fn facts(text: &mut String, results: &Results) {
    type Fact = fn(&Facts) -> &str;
    let facts: [(&str, Fact); 7] = [
        ("machine", |facts| &facts.machine),
        ("rustc", |facts| &facts.rustc),
        ("erlang", |facts| &facts.erlang),
        ("allocator", |facts| &facts.allocator),
        ("commit", |facts| &facts.commit),
        ("date", |facts| &facts.date),
        ("command", |facts| &facts.command),
    ];
    for (name, fact) in facts {
        let values = results.distinct(|figure| fact(&figure.facts).to_owned());
        let tail = if name == "allocator" { " for all Rust subjects" } else { "" };
        _ = writeln!(text, "- {name}: {}{tail}", values.join("; "));
    }
}

fn how_to_read(text: &mut String) {
    text.push_str(
        "\nNanoseconds per operation as one thread sees it: time from the start of all threads to \
         the end of the last, divided by the operations of one thread (1000 / figure is millions \
         of operations per second and thread). Medians of rounds, in which the subjects take turns \
         with short windows. What the same loop costs around no operation at all is measured \
         before each window, by every subject for itself, and subtracted. Each subject runs in a \
         process of its own. A thread of ETS is an Erlang process, on as many schedulers as there \
         are cores. In brackets, the figure divided by that of ferrets (of papaya, where ferrets \
         did not take part).\n",
    );
}

fn section(text: &mut String, family: &Family, results: &Results, pictures: bool) {
    _ = writeln!(text, "\n## {}\n\n{}", family.id, family.about);
    for objects in results.distinct(|figure| figure.place.objects) {
        for threads in results.distinct(|figure| figure.place.threads) {
            let here = results.filter(|figure| {
                figure.place.objects == objects && figure.place.threads == threads
            });
            if !here.is_empty() {
                table(text, family, &here, (objects, threads), pictures);
            }
        }
    }
    if pictures {
        for threads in picture::grown(results) {
            let name = picture::growth_name(family, threads);
            _ = writeln!(text, "\n### Cost over size, {}\n\n![]({name})", plural(threads));
        }
    }
    _ = writeln!(text, "\n### The rows\n");
    for row in results.rows(family) {
        _ = writeln!(text, "- `{row}` ({}): {}", row.unit(), row.legend());
    }
    let remarks = results.filter(|figure| !figure.remark.is_empty());
    for figure in remarks.iter() {
        let Place { subject, objects, .. } = figure.place;
        _ = writeln!(
            text,
            "- {subject}, {objects} objects: {:.1} bytes {}",
            figure.value, figure.remark
        );
    }
}

/// So many threads, in words.
pub fn plural(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

fn table(
    text: &mut String,
    family: &Family,
    results: &Results,
    (objects, threads): (u64, usize),
    pictures: bool,
) {
    let subjects = results.subjects(family);
    let base = BASES.into_iter().find(|base| subjects.contains(base));
    _ = writeln!(text, "\n### {objects} {}, {}\n", family.size_is, plural(threads));
    _ = writeln!(text, "| row | {} |", subjects.join(" | "));
    _ = writeln!(text, "|---|{}", "---:|".repeat(subjects.len()));
    for row in results.rows(family) {
        let at = |subject| results.get(Place { row, subject, threads, objects });
        let against = base.and_then(at);
        let cells: Vec<_> = subjects.iter().map(|subject| cell(at(subject), against)).collect();
        _ = writeln!(text, "| {row} | {} |", cells.join(" | "));
    }
    if let Some(ahead) = Ahead::of_ets(family, results, objects, threads) {
        _ = writeln!(text, "\nETS, the best of its settings each time: {ahead}");
    }
    if pictures {
        _ = writeln!(text, "\n![]({})", picture::bars_name(family, objects, threads));
    }
}

fn cell(value: Option<f64>, against: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    match against {
        Some(against) if against > 0.0 => format!("{} (x{:.2})", short(value), value / against),
        _ => short(value),
    }
}

/// A figure with as many digits as it has meaning.
pub fn short(value: f64) -> String {
    let decimals = usize::from(value.abs() < 100.0);
    format!("{value:.decimals$}")
}

/// How ferrets stands to the best setting of ETS, over all timed rows of one table.
#[derive(Debug)]
pub struct Ahead {
    /// The ratios, the least first, with their rows.
    ratios: Vec<(f64, Row)>,
}

impl Ahead {
    /// `None` if one of the two did not take part.
    pub fn of_ets(
        family: &Family,
        results: &Results,
        objects: u64,
        threads: usize,
    ) -> Option<Self> {
        let mut ratios = Vec::new();
        for row in results.rows(family) {
            let place = Place { row, subject: "ferrets", threads, objects };
            if row == Row::Bytes {
                continue;
            }
            if let (Some(ours), Some((_, theirs))) =
                (results.get(place), results.best("ets", place))
            {
                ratios.push((theirs / ours, row));
            }
        }
        ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
        (!ratios.is_empty()).then_some(Ahead { ratios })
    }

    /// The median ratio.
    pub fn median(&self) -> f64 {
        let middle = self.ratios.len() / 2;
        match self.ratios.len() % 2 {
            1 => self.ratios[middle].0,
            _ => (self.ratios[middle - 1].0 + self.ratios[middle].0) / 2.0,
        }
    }

    /// The least ratio.
    pub fn least(&self) -> f64 {
        self.ratios[0].0
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.ratios.len()
    }
}

impl std::fmt::Display for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (least, most) = (&self.ratios[0], &self.ratios[self.ratios.len() - 1]);
        write!(
            f,
            "x{:.2} (`{}`) to x{:.1} (`{}`), median x{:.1}, of ferrets' cost.",
            least.0,
            least.1,
            most.0,
            most.1,
            self.median()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::made_up;

    #[test]
    fn every_family_has_its_tables() {
        let text = markdown(&made_up(FAMILIES), &["nobody: for no reason".to_owned()], true);
        for family in FAMILIES {
            assert!(text.contains(&format!("\n## {}\n", family.id)));
            for row in family.rows {
                assert!(text.contains(&format!("\n| {row} | ")), "{row}");
            }
        }
        assert_eq!(text.matches("median x2.0").count(), 3 * FAMILIES.len(), "{text}");
        assert!(text.contains("- left out: nobody"));
    }

    #[test]
    fn medians_are_in_the_middle() {
        let family = FAMILIES[0];
        let ratios =
            |of: &[f64]| Ahead { ratios: of.iter().map(|&x| (x, family.rows[0])).collect() };
        assert_eq!(ratios(&[1.0, 2.0, 9.0]).median(), 2.0);
        assert_eq!(ratios(&[1.0, 2.0, 4.0, 9.0]).median(), 3.0);
    }
}
