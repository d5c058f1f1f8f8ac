//! The figures as pictures: bars for each row of a table, and curves of cost over size.
//!
//! A row has a panel and a scale of its own, because a lookup and a scan have nothing in common but
//! the unit. Bars begin at zero and are as long as their figures; where one is a hundred times as
//! long as another, the picture shows it.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Result;
use crate::family::{FAMILIES, Family};
use crate::report::{plural, short};
use crate::results::Results;
use crate::rounds::Place;
use crate::row::Row;

const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(40, 40, 40);
const PALE: RGBColor = RGBColor(225, 225, 225);
/// Of subjects, in the order of their family: ferrets, then the settings of ETS, then the rest.
const OURS: RGBColor = RGBColor(176, 58, 46);
const ETS: [RGBColor; 6] = [
    RGBColor(31, 78, 121),
    RGBColor(68, 114, 160),
    RGBColor(104, 148, 190),
    RGBColor(136, 176, 212),
    RGBColor(166, 199, 228),
    RGBColor(194, 219, 240),
];
const OTHERS: [RGBColor; 6] = [
    RGBColor(56, 118, 29),
    RGBColor(180, 130, 20),
    RGBColor(120, 80, 150),
    RGBColor(60, 140, 140),
    RGBColor(130, 130, 130),
    RGBColor(150, 90, 60),
];

const COLUMNS: usize = 3;
const PANEL: u32 = 350;
const TITLE: u32 = 34;
/// Room for one bar and its words.
const BAR: u32 = 16;
const LABELS: i32 = 122;
const VALUES: i32 = 58;
const CURVES: u32 = 230;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The name of the file with the bars of a table.
pub fn bars_name(family: &Family, objects: u64, threads: usize) -> String {
    format!("{}-{objects}-{threads}.svg", family.id)
}

/// The name of the file with the curves of a family.
pub fn growth_name(family: &Family, threads: usize) -> String {
    format!("{}-growth-{threads}.svg", family.id)
}

/// The numbers of threads with which two sizes or more were measured; of one family.
pub fn grown(results: &Results) -> Vec<usize> {
    let mut threads = results.distinct(|figure| figure.place.threads);
    threads.retain(|&threads| {
        let here =
            results.filter(|figure| figure.place.threads == threads && is_timed(figure.place));
        here.distinct(|figure| figure.place.objects).len() > 1
    });
    threads
}

fn is_timed(place: Place) -> bool {
    place.row != Row::Bytes
}

/// Draws all that there is to draw into a directory.
pub fn draw_all(directory: &Path, results: &Results) -> Result<()> {
    for &family in FAMILIES {
        let results = results.of(family);
        for (objects, threads) in
            results.distinct(|figure| (figure.place.objects, figure.place.threads))
        {
            let here = results.filter(|figure| {
                (figure.place.objects, figure.place.threads) == (objects, threads)
            });
            let title = format!("{}: {objects} {}, {}", family.id, family.size_is, plural(threads));
            bars(&directory.join(bars_name(family, objects, threads)), &title, family, &here)?;
        }
        for threads in grown(&results) {
            let here =
                results.filter(|figure| figure.place.threads == threads && is_timed(figure.place));
            let title = format!("{}: cost over {}, {}", family.id, family.size_is, plural(threads));
            growth(&directory.join(growth_name(family, threads)), &title, family, &here)?;
        }
    }
    Ok(())
}

/// A panel of bars for each row; of one table.
fn bars(path: &Path, title: &str, family: &Family, results: &Results) -> Result<()> {
    let rows = results.rows(family);
    let subjects = results.subjects(family);
    let height = TITLE + BAR * subjects.len() as u32;
    let panels = Panels { path, title, family, named: &[], height, count: rows.len() };
    panels.draw(|at, panel| {
        let row = rows[at];
        let of = |subject: &&str| {
            let is = |place: Place| place.row == row && place.subject == *subject;
            results.iter().find(|figure| is(figure.place))
        };
        let here: Vec<_> = subjects.iter().filter_map(of).collect();
        let longest = here.iter().map(|figure| figure.value).fold(0.0, f64::max);
        heading(panel, &format!("{row} ({})", row.unit()))?;
        let room = PANEL as i32 - LABELS - VALUES;
        for (line, figure) in here.iter().enumerate() {
            let subject = figure.place.subject;
            let top = (TITLE + BAR * line as u32) as i32 - 8;
            let middle = top + BAR as i32 / 2;
            words(panel, subject, (LABELS - 6, middle), HPos::Right, 11)?;
            let length = (figure.value.max(0.0) / longest.max(1e-9) * f64::from(room)) as i32;
            let bar = [(LABELS, top + 2), (LABELS + length.max(1), top + BAR as i32 - 2)];
            panel.draw(&Rectangle::new(bar, color(family, subject).filled()))?;
            let end = LABELS + length + 5;
            words(panel, &short(figure.value), (end, middle), HPos::Left, 11)?;
        }
        Ok(())
    })
}

/// A panel of curves for each row: its cost at each size, both on logarithmic scales.
fn growth(path: &Path, title: &str, family: &Family, results: &Results) -> Result<()> {
    let rows = results.rows(family);
    let subjects = results.subjects(family);
    let (named, height) = (&subjects[..], CURVES);
    let panels = Panels { path, title, family, named, height, count: rows.len() };
    panels.draw(|at, panel| {
        let row = rows[at];
        let here = results.filter(|figure| figure.place.row == row && figure.value > 0.0);
        heading(panel, &format!("{row} ({})", row.unit()))?;
        if here.is_empty() {
            return Ok(());
        }
        let sizes = here.distinct(|figure| figure.place.objects);
        let values = || here.iter().map(|figure| figure.value);
        let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
        let (first, last) = (sizes[0] as f64 / 1.3, sizes[sizes.len() - 1] as f64 * 1.3);
        let (_, below) = panel.split_vertically(TITLE as i32 - 6);
        let mut chart = ChartBuilder::on(&below)
            .margin_right(12)
            .x_label_area_size(22)
            .y_label_area_size(52)
            .build_cartesian_2d((first..last).log_scale(), (low / 1.5..high * 1.5).log_scale())?;
        let size = |size: &f64| format!("{:.0e}", size);
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(PALE)
            .axis_style(PALE)
            .x_labels(4)
            .y_labels(5)
            .x_label_formatter(&size)
            .y_label_formatter(&|value| short(*value))
            .label_style((FONT, 11).into_font().color(&INK))
            .draw()?;
        for subject in &subjects {
            let at = |objects: &u64| {
                let of = |place: Place| place.objects == *objects && place.subject == *subject;
                let figure = here.iter().find(|figure| of(figure.place))?;
                Some((*objects as f64, figure.value))
            };
            let points: Vec<(f64, f64)> = sizes.iter().filter_map(at).collect();
            let color = color(family, subject);
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
            chart.draw_series(points.iter().map(|&at| Circle::new(at, 3, color.filled())))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// A picture of panels, under a title.
struct Panels<'a> {
    path: &'a Path,
    title: &'a str,
    family: &'a Family,
    /// Subjects whose colours are shown below the title.
    named: &'a [&'static str],
    height: u32,
    count: usize,
}

impl Panels<'_> {
    fn draw(&self, mut one: impl FnMut(usize, &Area<'_>) -> Result<()>) -> Result<()> {
        let lines = self.count.div_ceil(COLUMNS).max(1);
        let head = if self.named.is_empty() { 44 } else { 68 };
        let width = PANEL * COLUMNS as u32 + 20;
        let height = head + (self.height + 14) * lines as u32;
        let root = SVGBackend::new(self.path, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        words(&root, self.title, (20, 22), HPos::Left, 18)?;
        for (nth, subject) in self.named.iter().enumerate() {
            let left = 20 + 130 * nth as i32;
            let spot = [(left, 43), (left + 10, 53)];
            root.draw(&Rectangle::new(spot, color(self.family, subject).filled()))?;
            words(&root, subject, (left + 15, 48), HPos::Left, 11)?;
        }
        let (_, below) = root.split_vertically(head as i32);
        for (at, panel) in below.split_evenly((lines, COLUMNS)).iter().take(self.count).enumerate()
        {
            one(at, panel)?;
        }
        root.present()?;
        Ok(())
    }
}

fn heading(panel: &Area<'_>, text: &str) -> Result<()> {
    words(panel, text, (20, 12), HPos::Left, 13)
}

fn words(area: &Area<'_>, text: &str, at: (i32, i32), side: HPos, size: i32) -> Result<()> {
    let style = (FONT, size).into_font().color(&INK).pos(Pos::new(side, VPos::Center));
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}

fn color(family: &Family, subject: &str) -> RGBColor {
    let is_ets = |id: &str| id.starts_with("ets");
    let nth = |alike: &dyn Fn(&str) -> bool| {
        let before = family.subjects.iter().take_while(|other| other.id != subject);
        before.filter(|other| alike(other.id)).count()
    };
    match subject {
        "ferrets" => OURS,
        id if is_ets(id) => ETS[nth(&is_ets) % ETS.len()],
        _ => OTHERS[nth(&|id| !is_ets(id) && id != "ferrets") % OTHERS.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report;
    use crate::results::tests::made_up;

    #[test]
    fn every_picture_that_the_report_shows_is_drawn() {
        let directory = std::env::temp_dir().join(format!("ferrets-report-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let results = made_up(FAMILIES);
        draw_all(&directory, &results).unwrap();
        let text = report::markdown(&results, &[], true);
        let shown: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("![](")).collect();
        assert_eq!(shown.len(), 4 * FAMILIES.len());
        for name in shown {
            let picture = directory.join(name.trim_end_matches(')'));
            let drawn = std::fs::read_to_string(&picture).unwrap();
            assert!(drawn.starts_with("<svg") && drawn.contains("ferrets"), "{name}");
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
