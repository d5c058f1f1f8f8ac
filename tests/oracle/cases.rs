//! Written cases: sequences with the answers beside them, in files of Erlang syntax.
//!
//! ```text
//! == the key of an object stays when an element is updated
//! t@1 = new(red, [set]) -> t@1
//! insert(t@1, [{1,a}, {1.0,b}]) -> true
//! 2: insert(t@1, {2,a}) -> error badarg access
//! ```
//!
//! A line that begins with `==` begins a sequence, one with `%` is a comment. `2:` before a call
//! means that actor 2 makes it; `t@1` is whatever table the line `t@1 = ...` made, and `a@2` is
//! actor 2. `exit(Reason)` ends an actor, and another takes its place, who is the answer: `a@4` and
//! so on; `messages()` gives what an actor was told since it asked last, sorted. `rest(t@1, select,
//! Spec, 2)` is what `select/1` goes on from, and has a handle as a table has: `t@2`. Answers are
//! written in the form that [`settle`](crate::answer::settle) gives them. `[27]` at the end of a
//! name marks a sequence whose answers older releases give otherwise, `[ferrets]` one that is not
//! put to Erlang, because the contract deliberately says something else there.

use ferrets::Term;

use crate::operation::Operation;
use crate::terms::{elements, list_elements, name};

/// One sequence with its answers.
#[derive(Debug)]
pub(crate) struct Case {
    /// Where it stands: the file and the name.
    pub(crate) title: String,
    /// Whether OTP 25 answers otherwise.
    pub(crate) since_27: bool,
    /// Whether Erlang is not asked.
    pub(crate) ours_only: bool,
    /// The calls.
    pub(crate) operations: Vec<Operation>,
    /// The answer to each call: a term in Erlang syntax, or `error Reason [Cause]`.
    pub(crate) expected: Vec<String>,
}

const FILES: &[(&str, &str)] = &[
    ("checklist", include_str!("cases/checklist.ets")),
    ("access", include_str!("cases/access.ets")),
    ("strangers", include_str!("cases/strangers.ets")),
    ("errors", include_str!("cases/errors.ets")),
    ("options", include_str!("cases/options.ets")),
    ("tables", include_str!("cases/tables.ets")),
    ("objects", include_str!("cases/objects.ets")),
    ("updates", include_str!("cases/updates.ets")),
    ("traversal", include_str!("cases/traversal.ets")),
    ("fixation", include_str!("cases/fixation.ets")),
    ("lifecycle", include_str!("cases/lifecycle.ets")),
    ("ordered", include_str!("cases/ordered.ets")),
    ("guards", include_str!("cases/guards.ets")),
    ("faults", include_str!("cases/faults.ets")),
    ("select", include_str!("cases/select.ets")),
    ("funs", include_str!("cases/funs.ets")),
];

/// All written cases.
pub(crate) fn all() -> Vec<Case> {
    FILES.iter().flat_map(|(file, text)| parse(file, text)).collect()
}

fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('%') {
            continue;
        }
        if let Some(title) = line.strip_prefix("== ") {
            cases.push(Case {
                title: format!("{file}: {title}"),
                since_27: title.ends_with("[27]"),
                ours_only: title.ends_with("[ferrets]"),
                operations: Vec::new(),
                expected: Vec::new(),
            });
            continue;
        }
        let case = cases.last_mut().expect("a file begins with the name of a sequence");
        let (operation, expected) = parse_call(line)
            .unwrap_or_else(|| panic!("{file}.ets:{}: cannot read {line}", number + 1));
        case.operations.push(operation);
        case.expected.push(expected);
    }
    cases
}

fn parse_call(line: &str) -> Option<(Operation, String)> {
    let (call, expected) = line.rsplit_once(" -> ")?;
    let (actor, call) = match call.split_once(": ") {
        Some((actor, rest)) if actor.len() == 1 => (actor.parse().ok()?, rest),
        _ => (1, call),
    };
    let (handle, call) = match call.split_once(" = ") {
        Some((handle, rest)) if handle.starts_with("t@") => (Some(Term::atom(handle).ok()?), rest),
        _ => (None, call),
    };
    let (function, arguments) = call.split_once('(')?;
    let arguments: Term = format!("[{}]", arguments.strip_suffix(')')?).parse().ok()?;
    let arguments = list_elements(&arguments)?;
    let operation = Operation { actor, handle, function: function.to_owned(), arguments };
    Some((operation, expected.to_owned()))
}

/// Whether a settled answer is what the case says.
pub(crate) fn is_expected(expected: &str, settled: &Term) -> bool {
    let parts = elements(settled);
    match parts.first().and_then(name) {
        Some("ok") => expected.parse::<Term>().is_ok_and(|term| term == parts[1]),
        Some("error") => {
            let mut words = expected.split_whitespace();
            let matches = words.next() == Some("error")
                && words.next() == parts.get(1).and_then(name)
                && words.next().unwrap_or("none") == parts.get(2).and_then(name).unwrap_or("none");
            matches && words.next().is_none()
        }
        _ => false,
    }
}

/// A settled answer as a case would write it.
pub(crate) fn written(settled: &Term) -> String {
    let parts = elements(settled);
    match (parts.first().and_then(name), parts.as_slice()) {
        (Some("ok"), [_, value, ..]) => value.to_string(),
        (Some("error"), [_, reason, cause]) if name(cause) == Some("none") => {
            format!("error {reason}")
        }
        (Some("error"), [_, reason, cause]) => format!("error {reason} {cause}"),
        _ => settled.to_string(),
    }
}
