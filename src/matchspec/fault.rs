//! What can be wrong with a match specification, where, and in whose words.

use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::term::Atom;
use crate::term::scan::{is_atom_start, is_name_char};

/// What is wrong.
#[derive(Debug)]
pub(crate) enum What {
    NoList,
    NoProperList,
    NoClause,
    GuardsNoList,
    NoProperExpressions,
    NoBody,
    Unbound(Atom),
    NoFunction(Atom, usize),
    WrongContext(Atom, usize),
    WrongDialect(&'static str),
    /// A special form without arguments that needs some.
    NoArguments(Atom),
    /// `const` with none or several.
    ManyArguments(Atom, String),
    /// `self` with some.
    AnyArguments(Atom, String),
    NoCall(String),
    VariableKey,
    AnyKey,
}

/// Something that is wrong, and where.
#[derive(Debug)]
pub(crate) struct Fault {
    /// As `clause 1, guard 2, part 1.3`; empty for the whole.
    pub(crate) path: String,
    pub(crate) what: What,
}

impl What {
    /// As `ets:test_ms/2` says it.
    pub(crate) fn in_erlang(&self) -> String {
        match self {
            Self::NoList => "Match programs are not in a list.".to_owned(),
            Self::NoProperList => "Match programs are not in a proper list.".to_owned(),
            Self::NoClause => "Match program part is not a tuple of arity 3.".to_owned(),
            Self::GuardsNoList => "Match expression is not a list.".to_owned(),
            Self::NoProperExpressions => "Match expression is not a proper list.".to_owned(),
            Self::NoBody => "Body clause does not return anything.".to_owned(),
            Self::Unbound(name) => format!("Variable {} is unbound.", name.name()),
            Self::NoFunction(name, arity) => {
                format!("Function {}/{arity} does_not_exist.", written(*name))
            }
            Self::WrongContext(name, arity) => {
                format!("Function {}/{arity} cannot be called in this context.", written(*name))
            }
            Self::WrongDialect(name) => {
                format!("Special form '{name}' used in wrong dialect.")
            }
            Self::NoArguments(name) => {
                // An old name of `andalso`.
                let form = if name.name() == "andthen" { "andalso" } else { name.name() };
                format!("Special form '{form}' called without arguments in {{{}}}.", name.name())
            }
            Self::ManyArguments(name, call) => format!(
                "Special form '{}' called with more than one argument in {call}.",
                name.name()
            ),
            Self::AnyArguments(name, call) => {
                format!("Special form '{}' called with arguments in {call}.", name.name())
            }
            Self::NoCall(term) => format!(
                "{term} is neither a function call, nor a tuple (tuples are written {{{{ ... }}}})."
            ),
            Self::VariableKey => "Variable found in map key.".to_owned(),
            Self::AnyKey => "Underscore found in map key.".to_owned(),
        }
    }
}

/// As Erlang's runtime writes names: quoted if they are not plain, whether reserved or not.
fn written(atom: Atom) -> String {
    let name = atom.name();
    if name.starts_with(is_atom_start) && name.chars().all(|c| is_name_char(c) && c != '@') {
        return name.to_owned();
    }
    let mut text = String::from("'");
    for c in name.chars() {
        match c {
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{b}' => text.push_str("\\v"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            '\'' | '\\' => text.extend(['\\', c]),
            '\0'..' ' | '\u{80}'..'\u{a0}' => text.push_str(&format!("\\{:03o}", u32::from(c))),
            _ => text.push(c),
        }
    }
    text + "'"
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoList => f.write_str("a match specification is a list of clauses"),
            Self::NoProperList => f.write_str("the list of clauses has a tail"),
            Self::NoClause => f.write_str("a clause is {Head, Guards, Body}"),
            Self::GuardsNoList => f.write_str("guards are a list"),
            Self::NoProperExpressions => f.write_str("the list of expressions has a tail"),
            Self::NoBody => f.write_str("a body is a list of one expression or more"),
            Self::Unbound(name) => write!(f, "variable {} is not bound in the head", name.name()),
            Self::NoFunction(name, arity) => {
                write!(f, "there is no function {}/{arity}", written(*name))
            }
            Self::WrongContext(name, arity) => {
                write!(f, "{}/{arity} is for tracing", written(*name))
            }
            Self::WrongDialect(name) => write!(f, "{name} is for tracing"),
            Self::NoArguments(name) => write!(f, "{} needs an argument", name.name()),
            Self::ManyArguments(_, call) => write!(f, "{call} needs exactly one argument"),
            Self::AnyArguments(_, call) => write!(f, "{call} takes no arguments"),
            Self::NoCall(term) => {
                write!(f, "{term} is neither a call nor a tuple, which is written {{{{ ... }}}}")
            }
            Self::VariableKey => f.write_str("a variable as key of a map"),
            Self::AnyKey => f.write_str("`_` as key of a map"),
        }
    }
}

/// One error for all that is wrong; its text is of the first.
pub(crate) fn error(faults: &[Fault]) -> Error {
    let text = match faults {
        [] => "nothing is wrong".to_owned(),
        [first, rest @ ..] => {
            let place = if first.path.is_empty() { "" } else { ": " };
            let more = match rest.len() {
                0 => String::new(),
                count => format!(", and {count} more"),
            };
            format!("{}{place}{}{more}", first.path, first.what)
        }
    };
    Error::new(ErrorKind::BadMatchSpec, text)
}
