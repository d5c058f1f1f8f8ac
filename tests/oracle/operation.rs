//! Operations: calls of ETS functions, as they travel, are kept and are printed.

use ferrets::{Elements, Term, TermRef, View};

use crate::terms::{atom, elements, has, has_no_syntax, int, list, list_elements, name, tuple};

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// Who calls: 1, 2 or 3.
    pub(crate) actor: u8,
    /// The atom that stands for the table which the call makes.
    pub(crate) handle: Option<Term>,
    /// The function of `ets`, or one of those that [`source`] spells out: calls
    /// whose answers have a meaning only together, as the keys of a table by `first` and `next`.
    pub(crate) function: String,
    /// The arguments; an atom that is a handle stands for its table.
    pub(crate) arguments: Vec<Term>,
}

/// Functions that OTP 25 does not have, by name and arity.
pub(crate) const SINCE_26: &[(&str, usize)] = &[
    ("lookup_element", 4),
    ("update_element", 4),
    ("first_lookup", 1),
    ("last_lookup", 1),
    ("next_lookup", 2),
    ("prev_lookup", 2),
    ("walk_lookup", 1),
    ("walk_back_lookup", 1),
];

/// Functions that the match specifications of OTP 25 do not have.
const GUARDS_SINCE_26: &[&str] =
    &["is_function", "is_boolean", "is_bitstring", "min", "max", "floor", "ceil", "tuple_size"];

/// The atom that stands for the table number `number` of a sequence.
pub(crate) fn handle(number: usize) -> Term {
    atom(&format!("t@{number}"))
}

fn is_handle(term: TermRef<'_>) -> bool {
    term.as_atom().is_some_and(|atom| atom.name().starts_with("t@"))
}

impl Operation {
    /// A call by the first actor.
    pub(crate) fn new(function: &str, arguments: impl IntoIterator<Item = Term>) -> Self {
        let arguments = arguments.into_iter().collect();
        Self { actor: 1, handle: None, function: function.to_owned(), arguments }
    }

    /// Whether it takes a match specification, a pattern, or the text of a fun.
    pub(crate) fn is_question(&self) -> bool {
        let name = self.function.as_str();
        ["select", "match", "pieces", "test_ms", "run_ms", "fun2ms"]
            .iter()
            .any(|start| name.starts_with(start))
    }

    /// Whether a match specification in it may call a function that OTP 25 does not have, or has a
    /// map, which OTP 25 takes for a whole key where it stands for all maps that have as much.
    pub(crate) fn asks_since_26(&self) -> bool {
        let is_later = |term: TermRef<'_>| match term.view() {
            View::Atom(atom) => GUARDS_SINCE_26.contains(&atom.name()),
            View::Map(_) => true,
            _ => false,
        };
        self.is_question() && self.arguments.iter().any(|term| has(term.as_ref(), &is_later))
    }

    /// As it travels: `{Actor, Handle, Function, Arguments}`.
    pub(crate) fn to_term(&self) -> Term {
        tuple([
            int(i64::from(self.actor)),
            self.handle.clone().unwrap_or_else(|| atom("none")),
            atom(&self.function),
            list(self.arguments.iter().cloned()),
        ])
    }

    /// The other direction.
    pub(crate) fn from_term(term: &Term) -> Option<Self> {
        let parts = elements(term);
        let [actor, handle, function, arguments] = parts.as_slice() else { return None };
        Some(Self {
            actor: u8::try_from(actor.as_i64()?).ok()?,
            handle: Some(handle.clone()).filter(|handle| is_handle(handle.as_ref())),
            function: name(function)?.to_owned(),
            arguments: list_elements(arguments)?,
        })
    }

    /// The call as something to type into an Erlang shell.
    pub(crate) fn to_erlang(&self) -> String {
        let call = format!("catch {}", self.call());
        let call = match self.actor {
            1 => call,
            other => format!("Act(A{other}, fun() -> {call} end)"),
        };
        match &self.handle {
            Some(handle) => format!("{} = ({call}).", variable(handle.as_ref())),
            None => format!("{call}."),
        }
    }

    fn call(&self) -> String {
        let arguments: Vec<String> =
            self.arguments.iter().map(|argument| source(argument.as_ref())).collect();
        let table = arguments.first().map_or("", String::as_str);
        let walk = |first: &str, next: &str| {
            format!(
                "(fun W('$end_of_table') -> []; W(K) -> [K | W(ets:{next}({table}, K))] end)\
                 (ets:{first}({table}))"
            )
        };
        let walk_lookup = |first: &str, next: &str| {
            format!(
                "(fun W('$end_of_table') -> []; W({{K, _}} = F) -> [F | W(ets:{next}({table}, K))] \
                 end)(ets:{first}({table}))"
            )
        };
        match self.function.as_str() {
            "walk" => walk("first", "next"),
            "walk_back" => walk("last", "prev"),
            "walk_lookup" => walk_lookup("first_lookup", "next_lookup"),
            "walk_back_lookup" => walk_lookup("last_lookup", "prev_lookup"),
            "slots" => format!(
                "(fun S(I) -> case ets:slot({table}, I) of '$end_of_table' -> []; \
                 L -> L ++ S(I + 1) end end)(0)"
            ),
            "foldl" | "foldr" => {
                format!("ets:{}(fun(X, L) -> [X | L] end, [], {table})", self.function)
            }
            "init_table" if arguments.len() == 2 => format!(
                "ets:init_table({table}, (fun P([]) -> fun(_) -> end_of_input end; \
                 P([L | Ls]) -> fun(_) -> {{L, P(Ls)}} end end)({}))",
                arguments[1]
            ),
            "pieces" if arguments.len() == 4 => format!(
                "(fun P('$end_of_table') -> []; P({{L, C}}) -> L ++ P(ets:{0}(C)) end)\
                 (ets:{0}({table}, {1}, {2}))",
                arguments[1], arguments[2], arguments[3]
            ),
            "rest" if arguments.len() == 4 => {
                let [_, function, question, limit] = &arguments[..] else { unreachable!() };
                format!("element(2, ets:{function}({table}, {question}, {limit}))")
            }
            "fun2ms" if arguments.len() == 2 => {
                let text = self.arguments[0].as_str().unwrap_or_default();
                format!("ets:fun2ms({text})")
            }
            "exit" => format!("exit({})", arguments.join(", ")),
            "monitor" => format!("erlang:monitor(process, {table})"),
            "messages" => "(fun M() -> receive X -> [X | M()] after 0 -> [] end end)()".to_owned(),
            "run_ms" if arguments.len() == 2 => {
                format!("ets:match_spec_run({table}, ets:match_spec_compile({}))", arguments[1])
            }
            function => format!("ets:{function}({})", arguments.join(", ")),
        }
    }
}

fn variable(handle: TermRef<'_>) -> String {
    let name = handle.as_atom().map_or("", |atom| atom.name());
    format!("T{}", name.trim_start_matches("t@"))
}

/// Erlang source of an argument; parts that have no syntax are in external format.
fn source(argument: TermRef<'_>) -> String {
    if is_handle(argument) {
        return variable(argument);
    }
    if let Some(number) = argument.as_atom().and_then(|atom| atom.name().strip_prefix("a@")) {
        return format!("A{number}");
    }
    if !has_no_syntax(argument) {
        return argument.to_string();
    }
    let all = |parts: Elements<'_>| parts.map(source).collect::<Vec<_>>().join(",");
    match argument.view() {
        View::Tuple(tuple) => format!("{{{}}}", all(tuple.elements())),
        View::List(list) if list.is_proper() => format!("[{}]", all(list.elements())),
        View::List(list) => format!("[{}|{}]", all(list.elements()), source(list.tail())),
        _ => {
            let bytes = argument.encode().expect("a small term");
            let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
            format!("binary_to_term(<<{}>>)", bytes.join(","))
        }
    }
}

/// A whole sequence to paste into a shell.
pub(crate) fn to_erlang(operations: &[Operation]) -> String {
    let mut lines = Vec::new();
    for actor in [2, 3] {
        if operations.iter().any(|operation| operation.actor == actor) {
            lines.push(format!(
                "A{actor} = spawn(fun L() -> receive {{F, P}} -> P ! {{self(), F()}}, L() end end)."
            ));
        }
    }
    if !lines.is_empty() {
        lines.push("Act = fun(A, F) -> A ! {F, self()}, receive {A, R} -> R end end.".to_owned());
    }
    lines.extend(operations.iter().map(Operation::to_erlang));
    lines.join("\n")
}
