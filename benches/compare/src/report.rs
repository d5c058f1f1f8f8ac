//! The figures as Markdown for people and as JSON lines for programs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::family::Subject;
use crate::machine;
use crate::rounds::{Figures, Place, Plan};
use crate::row::Row;
use crate::{Result, alloc};

/// Ratios are against the first of these that took part.
const BASES: [&str; 2] = ["ferrets", "papaya"];

/// The whole report. `absent` are subjects left out, and why.
pub fn markdown(plan: &Plan, figures: &Figures, absent: &[(Subject, &str)]) -> String {
    let mut text = String::new();
    let base = base(plan);
    header(&mut text, plan, absent);
    for &objects in &plan.objects {
        for &threads in &plan.threads {
            table(&mut text, plan, figures, base, (objects, threads));
        }
    }
    legend(&mut text, plan, figures, base);
    text
}

/// Writes one line per figure.
pub fn write_json(path: &Path, plan: &Plan, figures: &Figures) -> Result<()> {
    let mut text = String::new();
    for &objects in &plan.objects {
        for &threads in &plan.threads {
            for &row in &plan.rows {
                for subject in &plan.subjects {
                    let place = Place { row, subject: subject.id, threads, objects };
                    let Some(value) = figures.median(place) else { continue };
                    writeln!(
                        text,
                        "{{\"family\":\"{}\",\"row\":\"{row}\",\"subject\":\"{}\",\
                         \"threads\":{threads},\"objects\":{objects},\"value\":{value:.3},\
                         \"unit\":\"{}\"}}",
                        plan.family.id,
                        subject.id,
                        row.unit()
                    )?;
                }
            }
        }
    }
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn base(plan: &Plan) -> Option<&'static str> {
    BASES.into_iter().find(|base| plan.subjects.iter().any(|subject| subject.id == *base))
}

fn header(text: &mut String, plan: &Plan, absent: &[(Subject, &str)]) {
    let facts = [
        ("machine", machine::processor()),
        ("rustc", machine::rustc()),
        ("erlang", machine::erlang()),
        ("allocator", format!("{} for all Rust subjects", alloc::NAME)),
        ("date", machine::date()),
        ("commit", machine::commit()),
        ("command", machine::command()),
    ];
    _ = writeln!(text, "# ferrets compared: {}\n", plan.family.id);
    for (name, fact) in facts {
        _ = writeln!(text, "- {name}: {fact}");
    }
    for (subject, why) in absent {
        _ = writeln!(text, "- left out: {}: {why}", subject.id);
    }
}

fn table(
    text: &mut String,
    plan: &Plan,
    figures: &Figures,
    base: Option<&'static str>,
    (objects, threads): (u64, usize),
) {
    let plural = if threads == 1 { "" } else { "s" };
    _ = writeln!(text, "\n## {objects} objects, {threads} thread{plural}\n");
    _ = write!(text, "| row |");
    for subject in &plan.subjects {
        _ = write!(text, " {} |", subject.id);
    }
    _ = writeln!(text, "\n|---|{}", "---:|".repeat(plan.subjects.len()));
    for &row in &plan.rows {
        let at = |subject| figures.median(Place { row, subject, threads, objects });
        let values: Vec<_> = plan.subjects.iter().map(|subject| at(subject.id)).collect();
        if values.iter().all(Option::is_none) {
            continue;
        }
        let against = base.and_then(at);
        _ = write!(text, "| {row} |");
        for value in values {
            _ = write!(text, " {} |", cell(value, against));
        }
        _ = writeln!(text);
    }
}

fn cell(value: Option<f64>, against: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let decimals = usize::from(value.abs() < 100.0);
    match against {
        Some(against) if against > 0.0 => format!("{value:.decimals$} (x{:.2})", value / against),
        _ => format!("{value:.decimals$}"),
    }
}

fn legend(text: &mut String, plan: &Plan, figures: &Figures, base: Option<&'static str>) {
    let Plan { rounds, window, .. } = plan;
    _ = writeln!(
        text,
        "\n## How to read this\n\n\
         Nanoseconds per operation as one thread sees it: time from the start of all threads to \
         the end of the last, divided by the operations of one thread (1000 / figure is \
         millions of operations per second and thread). Medians of {rounds} rounds, in which \
         the subjects take turns with windows of about {} ms; fewer rounds where one fill or \
         fold takes much longer. What the same loop costs around no operation at all is \
         measured before each window, by every subject for itself, and subtracted. Each subject \
         runs in a process of its own. A thread of ETS is an Erlang process, on as many \
         schedulers as there are cores. Objects are `{{int, int, 32-byte binary}}`; for the \
         maps, an `Arc` of a struct of these under an `i64`, hashed by ahash.\n",
        window.as_millis()
    );
    if let Some(base) = base {
        _ = writeln!(text, "In brackets, the figure divided by that of {base}.\n");
    }
    for &row in &plan.rows {
        _ = writeln!(text, "- `{row}` ({}): {}", row.unit(), row.legend());
    }
    if plan.rows.contains(&Row::Bytes) {
        _ = writeln!(text);
        for remark in &figures.remarks {
            _ = writeln!(text, "- {remark}");
        }
    }
}
