//! The rules of the house that no compiler checks: layers, sizes, the charter of unsafe code, and
//! that what the comments and documents point at exists.
//!
//! Each rule reads the sources as text, prints every breach as `file:line: what is wrong`, and
//! fails. The rules are in ARCHITECTURE.md and CONTRIBUTING.md in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules at the root of the crate, from the lowest. Each may import only from those before
/// it, so that every part can be read, tested and replaced knowing only what lies below.
const LAYERS: &[&str] = &[
    "error",
    "platform",
    "raw",
    "term",
    "matchspec",
    "table",
    "registry",
    "owner",
    "store",
    "ets",
];

/// Imports against that order, with the reason. One that is no longer there must go from here too.
const UPWARD: &[(&str, &str, &str)] = &[
    ("table", "registry", "a handle renames and deletes its table, which the registry knows of"),
    ("table", "owner", "a handle can be made to act as another owner"),
];

/// Lines of code, without blank lines, comments and tests, that a file may have.
const MAX_CODE_LINES: usize = 800;
/// Characters that a line may have.
const MAX_COLUMNS: usize = 100;
/// Lines above an ordering in which its comment is looked for.
const ORDERING_COMMENT_ABOVE: usize = 8;

// ---- The sources --------------------------------------------------------------------------------

/// A file, with its lines taken apart.
struct Source {
    /// Relative to the package, with slashes.
    path: String,
    lines: Vec<Line>,
}

#[derive(Default)]
struct Line {
    /// As it stands in the file.
    text: String,
    /// Without comments and without what strings and characters hold.
    code: String,
    /// What the comments say.
    comment: String,
    /// Within a `mod` that is compiled for tests only.
    in_tests: bool,
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let relative = path.strip_prefix(root()).expect("it was found there");
        let mut lines = Scanner::default().lines(&text);
        mark_tests(&mut lines);
        Self { path: relative.to_string_lossy().replace('\\', "/"), lines }
    }

    /// Whether the whole file is compiled for tests only.
    fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.contains(&"tests") || parts.contains(&"tests.rs")
    }

    /// Lines that are not in tests, with their numbers.
    fn shipped(&self) -> impl Iterator<Item = (usize, &Line)> {
        let lines = self.lines.iter().enumerate().map(|(at, line)| (at + 1, line));
        lines.filter(|(_, line)| !self.is_test() && !line.in_tests)
    }

    fn all(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().map(|(at, line)| (at + 1, line))
    }
}

/// Tells code from comments and from what literals hold.
#[derive(Default)]
struct Scanner {
    state: State,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Code,
    /// So many comments within each other.
    Comment(u32),
    /// A string; `Some` with the number of hashes that end a raw one.
    Text(Option<usize>),
}

impl Scanner {
    fn lines(mut self, text: &str) -> Vec<Line> {
        text.lines()
            .map(|text| {
                let mut line = Line { text: text.to_owned(), ..Line::default() };
                self.line(&text.chars().collect::<Vec<_>>(), &mut line);
                line
            })
            .collect()
    }

    fn line(&mut self, text: &[char], line: &mut Line) {
        let mut at = 0;
        while at < text.len() {
            at += match self.state {
                State::Code => self.code(&text[at..], line),
                State::Comment(depth) => self.comment(&text[at..], depth, line),
                State::Text(hashes) => self.text(&text[at..], hashes),
            };
        }
    }

    /// Takes some characters of code; returns how many.
    fn code(&mut self, rest: &[char], line: &mut Line) -> usize {
        match rest {
            ['/', '/', comment @ ..] => {
                line.comment.extend(comment);
                rest.len()
            }
            ['/', '*', ..] => {
                self.state = State::Comment(1);
                2
            }
            ['"', ..] => {
                line.code.push('"');
                self.state = State::Text(None);
                1
            }
            ['r', '"' | '#', ..] if !line.code.ends_with(is_word) => {
                let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
                if rest.get(hashes + 1) == Some(&'"') {
                    line.code.push('"');
                    self.state = State::Text(Some(hashes));
                    return hashes + 2;
                }
                line.code.push('r');
                1
            }
            // A character, not a lifetime.
            ['\'', '\\', escaped @ ..] => {
                let end = escaped.iter().skip(1).position(|c| *c == '\'');
                line.code.push_str("' '");
                end.map_or(rest.len(), |end| end + 4)
            }
            ['\'', _, '\'', ..] => {
                line.code.push_str("' '");
                3
            }
            _ => {
                line.code.extend(rest.first());
                1
            }
        }
    }

    fn comment(&mut self, rest: &[char], depth: u32, line: &mut Line) -> usize {
        match rest {
            ['*', '/', ..] => {
                self.state = if depth == 1 { State::Code } else { State::Comment(depth - 1) };
                2
            }
            ['/', '*', ..] => {
                self.state = State::Comment(depth + 1);
                2
            }
            _ => {
                line.comment.extend(rest.first());
                1
            }
        }
    }

    fn text(&mut self, rest: &[char], hashes: Option<usize>) -> usize {
        match (hashes, rest) {
            (None, ['\\', ..]) => 2,
            (None, ['"', ..]) => {
                self.state = State::Code;
                1
            }
            (Some(hashes), ['"', after @ ..])
                if after.iter().take_while(|c| **c == '#').count() >= hashes =>
            {
                self.state = State::Code;
                hashes + 1
            }
            _ => 1,
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Marks what stands in `#[cfg(test)] mod ... { }` and its kin.
fn mark_tests(lines: &mut [Line]) {
    let mut at = 0;
    while at < lines.len() {
        let code = lines[at].code.trim();
        let starts = code.starts_with("#[cfg(") && code.contains("test");
        let module = lines[at + 1..].iter().find(|line| !line.code.trim().starts_with('#'));
        if !starts || !module.is_some_and(|line| line.code.trim().starts_with("mod ")) {
            at += 1;
            continue;
        }
        let mut depth = 0;
        loop {
            let line = &mut lines[at];
            line.in_tests = true;
            depth += line.code.matches('{').count();
            depth -= line.code.matches('}').count();
            let ends = depth == 0 && line.code.trim().ends_with(['}', ';']);
            at += 1;
            if ends || at == lines.len() {
                break;
            }
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a directory of the package whose names end so, in order.
fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(directory)];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.map(|entry| entry.expect("it can be read").path()) {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if entry.is_dir() && name != "target" && !name.starts_with('.') {
                waiting.push(entry);
            } else if entry.is_file() && name.ends_with(ending) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

fn sources(directories: &[&str]) -> Vec<Source> {
    let found = directories.iter().flat_map(|directory| files(directory, ".rs"));
    let sources: Vec<Source> = found.map(|path| Source::read(&path)).collect();
    assert!(!sources.is_empty(), "no sources under {directories:?}");
    sources
}

/// What is wrong, and where.
#[derive(Default)]
struct Breaches(Vec<String>);

impl Breaches {
    fn add(&mut self, source: &Source, line: usize, what: impl std::fmt::Display) {
        self.0.push(format!("{}:{line}: {what}", source.path));
    }

    fn none(self) {
        let mut report = String::new();
        for breach in &self.0 {
            let _ = write!(report, "\n{breach}");
        }
        assert!(self.0.is_empty(), "{} breaches:{report}", self.0.len());
    }
}

/// What follows `before` in `text`, as far as it is a name; everywhere.
fn names_after<'t>(text: &'t str, before: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(before).filter_map(move |(at, _)| {
        let preceded = text[..at].ends_with(is_word);
        let rest = &text[at + before.len()..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        (!preceded && end > 0).then(|| &rest[..end])
    })
}

fn has_word(text: &str, word: &str) -> bool {
    names_after(text, "").any(|name| name == word)
}

// ---- The rules ----------------------------------------------------------------------------------

/// What lib.rs re-exports, and from which module: `crate::Table` means `table`.
fn exports() -> BTreeMap<String, String> {
    let lib = Source::read(&root().join("src/lib.rs"));
    let code: String = lib.lines.iter().map(|line| line.code.as_str()).collect();
    let mut exports = BTreeMap::new();
    for statement in code.split(';') {
        let Some((_, used)) = statement.split_once("pub use ") else { continue };
        let Some((module, names)) = used.split_once("::") else { continue };
        for name in names.split(|c| !is_word(c)).filter(|name| !name.is_empty()) {
            exports.insert(name.to_owned(), module.trim().to_owned());
        }
    }
    exports
}

/// Paths to other modules begin with `crate::`; macros of the crate lie in `term`.
#[test]
fn modules_import_from_lower_layers_only() {
    let exports = exports();
    let layer = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let (mut breaches, mut used) = (Breaches::default(), BTreeSet::new());
    for source in sources(&["src"]) {
        let module = source.path.trim_start_matches("src/").trim_end_matches(".rs");
        let module = module.split('/').next().expect("a path has a first part");
        if module == "lib" {
            continue;
        }
        let Some(own) = layer(module) else {
            breaches.add(&source, 1, format!("`{module}` is missing in LAYERS of tests/tidy.rs"));
            continue;
        };
        for (number, line) in source.all() {
            for name in names_after(&line.code, "crate::") {
                let target = exports.get(name).map_or(name, String::as_str);
                let upward = UPWARD.iter().position(|edge| (edge.0, edge.1) == (module, target));
                match layer(target) {
                    Some(other) if other <= own => {}
                    None if line.code.contains(&format!("crate::{name}!")) => {}
                    None if module == "term" => {}
                    _ if upward.is_some() => drop(used.insert(upward)),
                    _ => breaches.add(
                        &source,
                        number,
                        format!("`{module}` may not import from `{target}`, which is above it"),
                    ),
                }
            }
        }
    }
    let unused = UPWARD.iter().enumerate().filter(|(at, _)| !used.contains(&Some(*at)));
    for (_, (from, to, _)) in unused {
        breaches
            .0
            .push(format!("tests/tidy.rs: UPWARD has `{from}` to `{to}`, which nobody needs"));
    }
    breaches.none();
}

/// Models swap the atomics, locks and threads of `raw` for loom's: it may not name others.
#[test]
fn raw_takes_atomics_and_locks_from_platform() {
    const OTHERS: &[&str] = &[
        "std::sync::atomic",
        "std::sync::Mutex",
        "std::sync::RwLock",
        "parking_lot",
        "thread::spawn",
        "thread::scope",
        "thread::sleep",
        "thread::yield_now",
    ];
    let mut breaches = Breaches::default();
    for source in sources(&["src/raw"]) {
        for (number, line) in source.shipped() {
            for other in OTHERS.iter().filter(|other| line.code.contains(**other)) {
                breaches.add(&source, number, format!("`{other}` instead of `platform::sync`"));
            }
        }
    }
    breaches.none();
}

#[test]
fn unsafe_code_is_in_raw_only() {
    let mut breaches = Breaches::default();
    for source in sources(&["src", "tests", "benches", "examples"]) {
        // The comparison is a package of its own, with a counting allocator.
        if source.path.starts_with("src/raw/") || source.path.starts_with("benches/compare/") {
            continue;
        }
        for (number, line) in source.all() {
            if has_word(&line.code, "unsafe") || line.code.contains("allow(unsafe_code") {
                breaches.add(&source, number, "unsafe code outside src/raw");
            }
        }
    }
    breaches.none();
}

/// `R1` and the like.
fn numbers(comment: &str) -> impl Iterator<Item = &str> {
    names_after(comment, "").filter(|name| {
        let digits = name.strip_prefix(['R', 'M', 'E', 'G', 'O']).unwrap_or("");
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    })
}

/// Unsafe blocks answer to the invariants that src/raw/mod.rs lists.
#[test]
fn invariants_are_listed_and_cited() {
    let mut breaches = Breaches::default();
    let (mut listed, mut cited) = (BTreeMap::new(), BTreeSet::new());
    let sources = sources(&["src/raw"]);
    for source in &sources {
        for (number, line) in source.all() {
            let definition = line.comment.trim_start_matches('!').trim_start();
            if let Some((name, _)) =
                definition.strip_prefix("* **").and_then(|rest| rest.split_once("**"))
            {
                if source.path == "src/raw/mod.rs" && numbers(name).count() == 1 {
                    listed.insert(name.to_owned(), number);
                }
            }
        }
    }
    for source in &sources {
        for (number, line) in source.all() {
            for name in numbers(&line.comment) {
                match listed.get(name) {
                    Some(at) if source.path == "src/raw/mod.rs" && *at == number => {}
                    Some(_) => drop(cited.insert(name.to_owned())),
                    None => breaches.add(source, number, format!("there is no invariant {name}")),
                }
            }
        }
    }
    for (name, line) in listed.iter().filter(|(name, _)| !cited.contains(*name)) {
        breaches.0.push(format!("src/raw/mod.rs:{line}: no comment cites {name}"));
    }
    assert!(!listed.is_empty(), "src/raw/mod.rs lists invariants");
    breaches.none();
}

/// What a comment that begins in a line says, to its end.
fn whole_comment(source: &Source, number: usize) -> String {
    let lines = source.lines[number - 1..].iter();
    let lines = lines.take_while(|line| line.code.trim().is_empty());
    lines.map(|line| line.comment.trim()).collect::<Vec<_>>().join(" ")
}

/// An answer cites an invariant, or what its own function or another one asks for (`1 of ours`), or
/// the answer before it.
#[test]
fn unsafe_blocks_answer_by_number() {
    let mut breaches = Breaches::default();
    for source in sources(&["src/raw"]) {
        for (number, line) in source.shipped() {
            if !line.comment.trim_start().starts_with("SAFETY:") {
                continue;
            }
            let answer = whole_comment(&source, number);
            let owed = answer
                .match_indices(" of ")
                .any(|(at, _)| answer[..at].ends_with(|c: char| c.is_ascii_digit()));
            let contract = answer.starts_with("SAFETY: 1: "); // of an unsafe trait, point by point
            if numbers(&answer).next().is_none()
                && !owed
                && !contract
                && !answer.to_lowercase().contains("as above")
            {
                breaches.add(&source, number, "an answer without a number");
            }
        }
    }
    breaches.none();
}

/// ARCHITECTURE.md says how many unsafe blocks each file has and on which invariants they rest, so
/// that no change adds to them unseen.
#[test]
fn the_ledger_of_unsafe_code_is_true() {
    let (mut ledger, mut total) = (String::new(), 0);
    for source in sources(&["src/raw"]) {
        let blocks: usize =
            source.shipped().map(|(_, line)| line.code.matches("unsafe {").count()).sum();
        if blocks == 0 {
            continue;
        }
        let mut cited = BTreeSet::new();
        for (number, line) in source.shipped() {
            if line.comment.trim_start().starts_with("SAFETY:") {
                cited.extend(numbers(&whole_comment(&source, number)).map(str::to_owned));
            }
        }
        let cited = cited.into_iter().collect::<Vec<_>>().join(" ");
        total += blocks;
        let _ = writeln!(ledger, "| `{}` | {blocks} | {cited} |", source.path);
    }
    let _ = write!(ledger, "| in all | {total} | |");
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it can be read");
    assert!(document.contains(&ledger), "ARCHITECTURE.md should have this ledger:\n{ledger}");
}

/// Every ordering above `Relaxed` says what it pairs with, and every `SeqCst` why less is not
/// enough.
#[test]
fn strong_orderings_say_why() {
    const STRONG: &[&str] = &["Acquire", "Release", "AcqRel", "SeqCst"];
    let mut breaches = Breaches::default();
    for source in sources(&["src"]) {
        for (number, line) in source.shipped() {
            let code = &line.code;
            let imports = code.trim_start().starts_with("use ") || code.contains("pub(crate) use ");
            let strong = STRONG.iter().find(|ordering| has_word(code, ordering));
            let Some(ordering) = strong.filter(|_| !imports) else { continue };
            let above = number.saturating_sub(ORDERING_COMMENT_ABOVE + 1)..number;
            let said: String =
                source.lines[above].iter().map(|line| line.comment.as_str()).collect();
            if !said.contains("Ordering:") {
                breaches.add(&source, number, format!("{ordering} without an `// Ordering:` line"));
            } else if *ordering == "SeqCst" && !said.contains("SeqCst") {
                breaches.add(&source, number, "`// Ordering:` does not say why it takes SeqCst");
            }
        }
    }
    breaches.none();
}

#[test]
fn files_and_lines_are_short() {
    let mut breaches = Breaches::default();
    for source in sources(&["src", "tests", "benches", "examples", "fuzz"]) {
        let code = source.shipped().filter(|(_, line)| !line.code.trim().is_empty()).count();
        if source.path.starts_with("src/") && code > MAX_CODE_LINES {
            breaches.add(&source, 1, format!("{code} lines of code, {MAX_CODE_LINES} are allowed"));
        }
        for (number, line) in source.all() {
            let columns = line.text.chars().count();
            // Rows of Markdown tables cannot be broken.
            let is_row = line.comment.trim_start_matches(['/', '!']).trim_start().starts_with('|');
            if columns > MAX_COLUMNS && !is_row {
                breaches.add(&source, number, format!("{columns} columns"));
            }
        }
    }
    breaches.none();
}

#[test]
fn nothing_is_left_undone() {
    let mut breaches = Breaches::default();
    for source in sources(&["src", "tests", "benches", "examples", "fuzz"]) {
        for (number, line) in source.all() {
            for unfinished in ["todo!", "unimplemented!"] {
                if line.code.contains(unfinished) {
                    breaches.add(&source, number, format!("`{unfinished}`"));
                }
            }
            if line.code.replace(' ', "").contains("#[ignore]") {
                breaches.add(&source, number, "`#[ignore]` without a reason");
            }
            for mark in ["TODO", "FIXME", "XXX"] {
                if has_word(&line.comment, mark) {
                    breaches.add(&source, number, format!("`{mark}`"));
                }
            }
        }
    }
    breaches.none();
}

/// What only the crate and what its macros expand to can call.
const HIDDEN: &[&str] =
    &["src/raw/", "src/platform/", "src/matchspec/build.rs", "src/term/macros.rs"];

/// Each public function shows in its own documentation how it is used.
#[test]
fn public_functions_have_running_examples() {
    let mut breaches = Breaches::default();
    for source in sources(&["src"]) {
        if HIDDEN.iter().any(|hidden| source.path.starts_with(hidden)) {
            continue;
        }
        for (number, line) in source.shipped() {
            let public = line.code.trim_start().strip_prefix("pub ").unwrap_or("");
            // Attributes and documentation stand above it, without an empty line.
            let above = source.lines[..number - 1].iter().rev().map(|line| line.text.trim());
            let above: Vec<&str> = above.take_while(|text| !["", "}"].contains(text)).collect();
            let hides = ["#[doc(hidden)", "#[cfg(fuzzing)]"];
            let is_hidden = above.iter().any(|text| hides.iter().any(|h| text.starts_with(h)));
            let is_shown = above.iter().any(|text| text.starts_with("/// ```"));
            for name in names_after(public, "fn ").filter(|_| !is_hidden && !is_shown) {
                breaches.add(&source, number, format!("no running example with `{name}`"));
            }
        }
    }
    breaches.none();
}

/// Characters that look alike are told apart by their escapes. Tests and examples may quote the
/// world.
#[test]
fn sources_are_ascii() {
    let mut breaches = Breaches::default();
    for source in sources(&["src", "benches", "fuzz"]) {
        for (number, line) in source.all() {
            if let Some(c) = line.text.chars().find(|c| !c.is_ascii()) {
                breaches.add(&source, number, format!("{c:?}, write it as {}", c.escape_unicode()));
            }
        }
    }
    breaches.none();
}

/// Documents name files in backquotes, and link to others; all of them exist.
#[test]
fn documents_point_at_what_exists() {
    const PLACES: &[&str] =
        &["src/", "tests/", "benches/", "examples/", "fuzz/", ".ci/", ".cargo/"];
    let mut breaches = Breaches::default();
    let deeper = ["benches", "examples", "fuzz", "tests"].map(|place| files(place, ".md"));
    let top = fs::read_dir(root()).expect("the package can be read");
    let top = top.map(|entry| entry.expect("it can be read").path());
    let top = top.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    for path in top.chain(deeper.into_iter().flatten()) {
        let text = fs::read_to_string(&path).expect("it can be read");
        let home = path.parent().expect("it is a file");
        let shown = path.strip_prefix(root()).expect("it was found there").display();
        for (number, line) in text.lines().enumerate() {
            let quoted = line.split('`').skip(1).step_by(2);
            let quoted = quoted.filter(|path| PLACES.iter().any(|place| path.starts_with(place)));
            let plain = |path: &&str| !path.contains(['*', '{', '<', ' ', '$']);
            let linked = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let linked = linked.filter(|link| !link.contains("://") && !link.starts_with('#'));
            for target in quoted.filter(plain).chain(linked) {
                let file = target.split(['#', ':']).next().unwrap_or_default();
                if !home.join(file).exists() && !root().join(file).exists() {
                    breaches.0.push(format!("{shown}:{}: there is no {file}", number + 1));
                }
            }
        }
    }
    breaches.none();
}

/// The tests and the cases of the oracle that TESTING.md names in its tables are there. What has no
/// space in it is a function; `file: heading` is a case, of which `...` leaves out the end.
#[test]
fn tests_that_testing_names_exist() {
    let read = |path: &PathBuf| fs::read_to_string(path).expect("it can be read");
    let mut functions = BTreeSet::new();
    for path in files("tests", ".rs").iter().chain(&files("src", ".rs")) {
        let text = read(path);
        functions.extend(names_after(&text, "fn ").map(str::to_owned));
    }
    let mut cases = Vec::new();
    for path in files("tests/oracle/cases", ".ets") {
        let file = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let text = read(&path);
        let headings = text.lines().filter_map(|line| line.strip_prefix("== "));
        let name = |heading: &str| heading.split(" [").next().unwrap_or_default().to_owned();
        cases.extend(headings.map(|heading| format!("{file}: {}", name(heading))));
    }
    let mut breaches = Breaches::default();
    let text = read(&root().join("TESTING.md"));
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        for name in line.split('`').skip(1).step_by(2) {
            let is_there = if name.contains(": ") {
                match name.strip_suffix("...") {
                    Some(start) => cases.iter().any(|case| case.starts_with(start)),
                    None => cases.iter().any(|case| case == name),
                }
            } else {
                // Files are looked for elsewhere.
                let function = name.contains('_') && !name.contains(['/', '.', ' ']);
                !function || functions.contains(name)
            };
            if !is_there {
                breaches.0.push(format!("TESTING.md:{}: there is no {name}", number + 1));
            }
        }
    }
    breaches.none();
}

/// The rules above are only as good as the reading.
#[test]
fn the_scanner_tells_code_from_comments() {
    let text = r##"
let a = "no // comment"; // one
let b = r#"nor "this" // here"#; /* two /* nested */ */ let c = 'x';
let d: &'static str = '\''; /* three
four */ let e = 1;
#[cfg(test)]
mod tests {
    fn f() {}
}
let g = "two
lines // of text";
"##;
    let mut lines = Scanner::default().lines(text);
    mark_tests(&mut lines);
    let code: Vec<&str> = lines.iter().map(|line| line.code.trim()).collect();
    let comments: Vec<&str> = lines.iter().map(|line| line.comment.trim()).collect();
    assert_eq!(code[1], "let a = \";");
    assert_eq!(comments[1], "one");
    assert_eq!(code[2], "let b = \";  let c = ' ';");
    assert_eq!(comments[2], "two  nested");
    assert_eq!(code[3], "let d: &'static str = ' ';");
    assert_eq!((comments[3], comments[4], code[4]), ("three", "four", "let e = 1;"));
    let tests = lines.iter().map(|line| line.in_tests).collect::<Vec<_>>();
    assert_eq!(tests.iter().filter(|in_tests| **in_tests).count(), 4);
    assert!(tests[5] && tests[8] && !tests[9]);
    assert_eq!((code[10], comments[10]), (";", ""));
}
