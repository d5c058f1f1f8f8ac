//! From a term to a specification taken apart, or to what is wrong with it.
//!
//! Parts that wait to be looked at stand on an explicit stack, so that depth costs heap. What is
//! wrong is found in the order in which ETS finds it: first whether all clauses have their shape,
//! then clause by clause up to the first with a fault; within it the head, then guards and body,
//! the arguments of a call from the last to the first. So `test_ms` can say what ETS says.

use std::collections::HashMap;

use super::ast::{Ast, Clause, Expr, Kids, Node, Pattern, is_variable};
use super::fault::{self, Fault, What};
use super::guard;
use crate::error::{Error, Result};
use crate::term::{Arena, Atom, TermRef, View, Word};

/// Nodes of a clause.
const MAX_NODES: usize = 1 << 24;
/// Variables that are looked for one by one.
const FEW: usize = 8;
/// Numbers of parts that a path has at most.
const MAX_PATH: usize = 12;
/// Faults that are kept.
const MAX_FAULTS: usize = 100;
/// Characters of a term that the text of a fault shows at most.
const MAX_SHOWN: usize = 200;

/// Why there is no specification.
pub(super) enum Refusal {
    Faults(Vec<Fault>),
    Limit(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Limit(error)
    }
}

impl Refusal {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Faults(faults) => fault::error(&faults),
            Self::Limit(error) => error,
        }
    }
}

fn refused(path: String, what: What) -> Refusal {
    Refusal::Faults(vec![Fault { path, what }])
}

/// Takes a specification apart. The empty list is one without clauses.
pub(super) fn parse(spec: TermRef<'_>) -> Result<Ast, Refusal> {
    let list = match spec.view() {
        View::Nil => return Ok(Ast::default()),
        View::List(list) => list,
        _ => return Err(refused(String::new(), What::NoList)),
    };
    if !list.is_proper() {
        return Err(refused(String::new(), What::NoProperList));
    }
    let is_clause = |term: TermRef<'_>| term.as_tuple().is_some_and(|tuple| tuple.len() == 3);
    if let Some(at) = list.elements().position(|clause| !is_clause(clause)) {
        return Err(refused(format!("clause {}", at + 1), What::NoClause));
    }
    let mut clauses = Vec::with_capacity(list.len());
    for (number, term) in (1..).zip(list.elements()) {
        clauses.push(clause(number, term)?);
    }
    Ok(Ast { clauses })
}

fn clause(number: usize, term: TermRef<'_>) -> Result<Clause, Refusal> {
    let mut parts = term.as_tuple().into_iter().flat_map(|tuple| tuple.elements());
    let mut part = || parts.next().unwrap_or(TermRef::atom(Atom::UNDEFINED));
    let (head, guards, body) = (part(), part(), part());
    let mut parser = Parser::new(number);
    parser.head(head)?;
    let guards = parser.expressions("guard", guards, What::GuardsNoList)?;
    let is_empty = body.as_list().is_some_and(|mut list| list.next().is_none());
    let body = if is_empty {
        parser.fault(format!("clause {number}, body"), What::NoBody);
        Vec::new()
    } else {
        parser.expressions("body", body, What::NoBody)?
    };
    if !parser.faults.is_empty() {
        return Err(Refusal::Faults(parser.faults));
    }
    Ok(Clause { guards, body, ..parser.clause })
}

struct Parser {
    number: usize,
    clause: Clause,
    /// Where the variables are, once there are more than a few.
    places: HashMap<Atom, u32>,
    /// What each expression is in the specification, its parent and its number there.
    words: Vec<(Word, Node, u32)>,
    faults: Vec<Fault>,
}

/// The parent of a root.
const ROOT: Node = Node::MAX;

impl Parser {
    fn new(number: usize) -> Self {
        let (places, faults) = (HashMap::new(), Vec::new());
        Self { number, clause: Clause::default(), places, words: Vec::new(), faults }
    }

    fn fault(&mut self, path: String, what: What) {
        self.faults.push(Fault { path, what });
    }

    fn place(&self, variable: Atom) -> Option<u32> {
        let known = &self.clause.variables;
        if known.len() > FEW {
            return self.places.get(&variable).copied();
        }
        known.iter().position(|known| *known == variable).and_then(|at| u32::try_from(at).ok())
    }

    /// The place of a variable in a head; the first occurrence makes it.
    fn bind(&mut self, variable: Atom) -> u32 {
        if let Some(place) = self.place(variable) {
            return place;
        }
        let place = self.clause.variables.len() as u32;
        self.clause.variables.push(variable);
        if self.clause.variables.len() == FEW + 1 {
            self.places = self.clause.variables.iter().copied().zip(0..).collect();
        } else if place as usize > FEW {
            self.places.insert(variable, place);
        }
        place
    }

    // ---- Heads -----------------------------------------------------------------------------

    fn head(&mut self, head: TermRef<'_>) -> Result<(), Refusal> {
        let mut stack = vec![(0, head)];
        self.clause.patterns.push(Pattern::Any);
        self.clause.pattern_words.push(head.word());
        while let Some((node, term)) = stack.pop() {
            self.clause.patterns[node as usize] = self.pattern(term, &mut stack)?;
        }
        self.collapse();
        Ok(())
    }

    fn pattern<'t>(
        &mut self,
        term: TermRef<'t>,
        stack: &mut Vec<(Node, TermRef<'t>)>,
    ) -> Result<Pattern, Refusal> {
        let literal = Pattern::Literal(term.word());
        Ok(match term.view() {
            View::Atom(atom) if atom.name() == "_" => Pattern::Any,
            View::Atom(atom) if is_variable(atom) => Pattern::Variable(self.bind(atom)),
            View::Tuple(tuple) if tuple.is_empty() => literal,
            View::Tuple(tuple) => Pattern::Tuple(self.patterns(tuple.elements(), stack)?),
            View::List(list) => {
                let tail = std::iter::once(list.tail());
                Pattern::List(self.patterns(list.elements().chain(tail), stack)?)
            }
            View::Map(map) => {
                if let Some(what) = map.keys().filter_map(bad_key).last() {
                    return Err(refused(format!("clause {}, head", self.number), what));
                }
                Pattern::Map(self.patterns(map.values(), stack)?)
            }
            _ => literal,
        })
    }

    fn patterns<'t>(
        &mut self,
        terms: impl Iterator<Item = TermRef<'t>>,
        stack: &mut Vec<(Node, TermRef<'t>)>,
    ) -> Result<Kids> {
        let from = self.clause.patterns.len();
        for (node, term) in (from..).zip(terms) {
            stack.push((check_size(node)?, term));
            self.clause.patterns.push(Pattern::Any);
            self.clause.pattern_words.push(term.word());
        }
        Ok(Kids { from: from as Node, len: (self.clause.patterns.len() - from) as u32 })
    }

    /// Makes tuples and lists of nothing but literals into literals, from the inside out.
    fn collapse(&mut self) {
        let Clause { patterns, pattern_words, .. } = &mut self.clause;
        // But not the head itself, whose elements the planner wants to see.
        for node in (1..patterns.len()).rev() {
            if let Pattern::Tuple(kids) | Pattern::List(kids) = patterns[node] {
                let literal = |kid: Node| matches!(patterns[kid as usize], Pattern::Literal(_));
                if kids.iter().all(literal) {
                    patterns[node] = Pattern::Literal(pattern_words[node]);
                }
            }
        }
    }

    // ---- Guards and bodies ----------------------------------------------------------------------

    /// A list of expressions; `no_list` is what it is if it is none.
    fn expressions(
        &mut self,
        what: &'static str,
        list: TermRef<'_>,
        no_list: What,
    ) -> Result<Vec<Node>, Refusal> {
        let path = format!("clause {}, {what}", self.number);
        let list = match list.view() {
            View::Nil => return Ok(Vec::new()),
            View::List(list) => list,
            _ => {
                self.fault(path, no_list);
                return Ok(Vec::new());
            }
        };
        let mut roots = Vec::with_capacity(list.len());
        for (number, term) in (1..).zip(list.elements()) {
            roots.push(self.expression(&path, number, term)?);
        }
        if !list.is_proper() {
            self.fault(path, What::NoProperExpressions);
        }
        Ok(roots)
    }

    fn expression(&mut self, path: &str, number: u32, term: TermRef<'_>) -> Result<Node> {
        let root = check_size(self.clause.exprs.len())?;
        self.clause.exprs.push(Expr::Object);
        self.words.push((term.word(), ROOT, number));
        let mut stack = vec![(root, term)];
        while let Some((node, term)) = stack.pop() {
            match self.expr(node, term, &mut stack)? {
                Ok(expr) => self.clause.exprs[node as usize] = expr,
                Err(what) if self.faults.len() < MAX_FAULTS => {
                    let path = format!("{path}{}", self.path(node));
                    self.fault(path, what);
                }
                Err(_) => {}
            }
        }
        self.collapse_exprs(root);
        Ok(root)
    }

    /// The way from a root to a node.
    fn path(&self, mut node: Node) -> String {
        let mut numbers = Vec::new();
        loop {
            let (_, parent, number) = self.words[node as usize];
            if parent == ROOT {
                break numbers.push(number);
            }
            if numbers.len() < MAX_PATH {
                numbers.push(number);
            }
            node = parent;
        }
        let mut numbers = numbers.iter().rev();
        let root = numbers.next().map_or_else(String::new, |root| format!(" {root}"));
        let rest: Vec<String> = numbers.map(u32::to_string).collect();
        if rest.is_empty() { root } else { format!("{root}, part {}", rest.join(".")) }
    }

    fn expr<'t>(
        &mut self,
        node: Node,
        term: TermRef<'t>,
        stack: &mut Vec<(Node, TermRef<'t>)>,
    ) -> Result<Result<Expr, What>> {
        Ok(Ok(match term.view() {
            View::Atom(atom) => return Ok(self.atom(atom)),
            View::Tuple(_) => return self.tuple(node, term, stack),
            View::List(list) => {
                let parts = list.elements().chain(std::iter::once(list.tail()));
                let kids = self.kids(node, parts, stack)?;
                forward(kids, stack);
                Expr::List(kids)
            }
            View::Map(map) => Expr::Map(self.kids(node, map.keys().chain(map.values()), stack)?),
            _ => Expr::Const(term.word()),
        }))
    }

    fn atom(&self, atom: Atom) -> Result<Expr, What> {
        match atom.name() {
            "$_" => Ok(Expr::Object),
            "$$" => Ok(Expr::Bindings),
            _ if is_variable(atom) => match self.place(atom) {
                Some(place) => Ok(Expr::Variable(place)),
                None => Err(What::Unbound(atom)),
            },
            _ => Ok(Expr::Const(Arena::atom(atom))),
        }
    }

    /// `{{...}}` or a call.
    fn tuple<'t>(
        &mut self,
        node: Node,
        term: TermRef<'t>,
        stack: &mut Vec<(Node, TermRef<'t>)>,
    ) -> Result<Result<Expr, What>> {
        let mut parts = term.as_tuple().into_iter().flat_map(|tuple| tuple.elements());
        let (first, arity) = (parts.next(), term.word().len());
        match first.map(TermRef::view) {
            Some(View::Tuple(inner)) if arity == 1 => {
                Ok(Ok(Expr::Tuple(self.kids(node, inner.elements(), stack)?)))
            }
            Some(View::Atom(name)) if !is_variable(name) => {
                self.call(node, name, term, parts, stack)
            }
            _ => Ok(Err(What::NoCall(shown(term)))),
        }
    }

    fn call<'t>(
        &mut self,
        node: Node,
        name: Atom,
        term: TermRef<'t>,
        mut arguments: impl Iterator<Item = TermRef<'t>>,
        stack: &mut Vec<(Node, TermRef<'t>)>,
    ) -> Result<Result<Expr, What>> {
        let count = term.word().len() - 1;
        let form: fn(Kids) -> Expr = match name.name() {
            "const" if count == 1 => {
                let word = arguments.next().map_or(Word::NIL, TermRef::word);
                return Ok(Ok(Expr::Const(word)));
            }
            "const" => return Ok(Err(What::ManyArguments(name, shown(term)))),
            "self" if count == 0 => return Ok(Ok(Expr::Caller)),
            "self" => return Ok(Err(What::AnyArguments(name, shown(term)))),
            "node" if count == 0 => return Ok(Ok(Expr::Const(Arena::atom(Atom::NO_NODE)))),
            "and" | "or" | "andalso" | "andthen" | "orelse" if count == 0 => {
                return Ok(Err(What::NoArguments(name)));
            }
            "and" => Expr::And,
            "or" => Expr::Or,
            "andalso" | "andthen" => Expr::AndAlso,
            "orelse" => Expr::OrElse,
            other => return self.function(node, name, other, arguments, count, stack),
        };
        let kids = self.kids(node, arguments, stack)?;
        let expr = form(kids);
        if matches!(expr, Expr::AndAlso(_) | Expr::OrElse(_)) {
            forward(kids, stack);
        }
        Ok(Ok(expr))
    }

    fn function<'t>(
        &mut self,
        node: Node,
        atom: Atom,
        name: &str,
        arguments: impl Iterator<Item = TermRef<'t>>,
        count: usize,
        stack: &mut Vec<(Node, TermRef<'t>)>,
    ) -> Result<Result<Expr, What>> {
        let (first, rows) = guard::find(name);
        match rows.iter().position(|row| row.call.arity() == count) {
            Some(at) => {
                let kids = self.kids(node, arguments, stack)?;
                Ok(Ok(Expr::Call((first + at) as u16, kids)))
            }
            None if matches!((name, count), ("set_tcw", 1) | ("get_tcw", 0)) => {
                Ok(Err(What::WrongContext(atom, count)))
            }
            None => match TRACING.iter().find(|(form, _)| *form == name) {
                Some((_, shown)) => Ok(Err(What::WrongDialect(shown))),
                None => Ok(Err(What::NoFunction(atom, count))),
            },
        }
    }

    fn kids<'t>(
        &mut self,
        parent: Node,
        terms: impl Iterator<Item = TermRef<'t>>,
        stack: &mut Vec<(Node, TermRef<'t>)>,
    ) -> Result<Kids> {
        let from = self.clause.exprs.len();
        for (number, term) in (1..).zip(terms) {
            stack.push((check_size(self.clause.exprs.len())?, term));
            self.clause.exprs.push(Expr::Object);
            self.words.push((term.word(), parent, number));
        }
        Ok(Kids { from: from as Node, len: (self.clause.exprs.len() - from) as u32 })
    }

    /// Makes lists and maps of nothing but literals into literals, from the inside out.
    fn collapse_exprs(&mut self, root: Node) {
        let Self { clause: Clause { exprs, .. }, words, .. } = self;
        for node in (root as usize..exprs.len()).rev() {
            if let Expr::List(kids) | Expr::Map(kids) = exprs[node] {
                let itself = |kid: Node| match exprs[kid as usize] {
                    Expr::Const(word) => word == words[kid as usize].0,
                    _ => false,
                };
                if kids.iter().all(itself) {
                    exprs[node] = Expr::Const(words[node].0);
                }
            }
        }
    }
}

/// Lets the nodes that were put on the stack last be looked at from the first to the last.
fn forward(kids: Kids, stack: &mut [(Node, TermRef<'_>)]) {
    let from = stack.len() - kids.len as usize;
    stack[from..].reverse();
}

fn check_size(nodes: usize) -> Result<Node> {
    if nodes < MAX_NODES {
        return Ok(nodes as Node);
    }
    Err(Error::limit(format!("a clause of a match specification has at most {MAX_NODES} parts")))
}

fn bad_key(key: TermRef<'_>) -> Option<What> {
    match key.as_atom()? {
        atom if atom.name() == "_" => Some(What::AnyKey),
        atom if is_variable(atom) => Some(What::VariableKey),
        _ => None,
    }
}

/// The text of a term, if it is not long.
fn shown(term: TermRef<'_>) -> String {
    let text = term.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Forms that only the tracing of calls knows, and the names that ETS gives them.
const TRACING: &[(&str, &str)] = &[
    ("caller", "caller"),
    ("caller_line", "caller_line"),
    ("current_stacktrace", "current_stacktrace"),
    ("disable_trace", "disable_trace"),
    ("display", "display"),
    ("enable_trace", "enable_trace"),
    ("exception_trace", "exception_trace"),
    ("get_seq_token", "get_seq_token"),
    ("is_seq_trace", "is_seq_trace"),
    ("message", "message"),
    ("process_dump", "process_dump"),
    ("return_trace", "return_trace"),
    ("set_seq_token", "set_seq_trace"),
    ("silent", "silent"),
    ("trace", "trace"),
];
