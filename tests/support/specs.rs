//! Random match specifications for given objects: well-formed ones that accept some of them, ones
//! that are nearly well-formed, and hostile ones.
#![allow(dead_code, reason = "every test that includes this uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what is made here fits every limit")]

use ferrets::{Elements, MatchSpec, Term, TermRef, View};

/// Makes specifications from someone else's random numbers and terms.
pub(crate) struct Specs<'a> {
    /// A number below another.
    pub(crate) below: &'a mut dyn FnMut(usize) -> usize,
    /// Any term.
    pub(crate) any: &'a mut dyn FnMut() -> Term,
    /// Objects that should have something to do with it.
    pub(crate) objects: &'a [Term],
    /// In how many of a thousand parts something is wrong.
    pub(crate) faults: usize,
    /// Variables of the clause that is being made.
    variables: Vec<Term>,
}

const VARIABLES: [&str; 6] = ["$1", "$2", "$3", "$0", "$30", "$7"];

const COMPARISONS: [&str; 8] = ["<", "=<", ">", ">=", "==", "/=", "=:=", "=/="];

fn atom(name: &str) -> Term {
    Term::atom(name).unwrap()
}

fn own(term: TermRef<'_>) -> Term {
    term.to_term().unwrap()
}

fn tuple(elements: impl IntoIterator<Item = Term>) -> Term {
    Term::tuple(elements).unwrap()
}

fn list(elements: impl IntoIterator<Item = Term>) -> Term {
    Term::list(elements).unwrap()
}

/// The term as an expression that gives it.
pub(crate) fn quoted(term: &Term) -> Term {
    tuple([atom("const"), term.clone()])
}

impl<'a> Specs<'a> {
    pub(crate) fn new(
        below: &'a mut dyn FnMut(usize) -> usize,
        any: &'a mut dyn FnMut() -> Term,
        objects: &'a [Term],
        faults: usize,
    ) -> Self {
        Self { below, any, objects, faults, variables: Vec::new() }
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.below)(bound)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn is_faulty(&mut self) -> bool {
        self.below(1_000) < self.faults
    }

    fn pick(&mut self, from: &[&str]) -> Term {
        let at = self.below(from.len());
        atom(from[at])
    }

    /// A whole specification.
    pub(crate) fn spec(&mut self) -> Term {
        loop {
            let spec = self.any_spec();
            if !breaks_otp(&spec) {
                return spec;
            }
        }
    }

    fn any_spec(&mut self) -> Term {
        if self.is_faulty() {
            return self.no_spec();
        }
        let count = [1, 1, 1, 1, 2, 2, 3][self.below(7)];
        list((0..count).map(|_| self.clause()).collect::<Vec<_>>())
    }

    fn no_spec(&mut self) -> Term {
        let clause = self.clause();
        match self.below(5) {
            0 => Term::nil(),
            1 => (self.any)(),
            2 => clause,
            3 => Term::list_with_tail([clause], (self.any)()).unwrap(),
            _ => list([clause, (self.any)()]),
        }
    }

    fn clause(&mut self) -> Term {
        let head = self.head();
        let guards = self.guards();
        let body = self.body();
        if self.is_faulty() {
            return match self.below(3) {
                0 => tuple([head, guards]),
                1 => tuple([head, guards, body, Term::nil()]),
                _ => list([head, guards, body]),
            };
        }
        tuple([head, guards, body])
    }

    fn guards(&mut self) -> Term {
        if self.is_faulty() {
            return (self.any)();
        }
        let count = [0, 0, 1, 1, 1, 2][self.below(6)];
        let guards: Vec<Term> = (0..count).map(|_| self.guard()).collect();
        let tail = if self.is_faulty() { (self.any)() } else { Term::nil() };
        Term::list_with_tail(guards, tail).unwrap()
    }

    fn body(&mut self) -> Term {
        if self.is_faulty() {
            return (self.any)();
        }
        let result = match self.below(6) {
            0 => atom("$_"),
            1 => atom("$$"),
            2 => atom("true"),
            _ => self.expression(3),
        };
        if self.chance(8) {
            let other = self.expression(2);
            return list([other, result]);
        }
        list([result])
    }

    // ---- Heads -----------------------------------------------------------------------------

    /// A head, which says what variables there are.
    pub(crate) fn head(&mut self) -> Term {
        self.variables.clear();
        match self.below(20) {
            0 => atom("_"),
            1 => self.variable(),
            2 => (self.any)(),
            _ => {
                let object = self.object();
                match object.view() {
                    View::Tuple(parts) => {
                        let mut parts: Vec<Term> = self.patterns(parts.elements(), 2);
                        if self.chance(4) {
                            parts.push(atom("_"));
                        }
                        tuple(parts)
                    }
                    _ => self.pattern(object.as_ref(), 2),
                }
            }
        }
    }

    fn object(&mut self) -> Term {
        if self.objects.is_empty() || self.chance(5) {
            return (self.any)();
        }
        let at = self.below(self.objects.len());
        self.objects[at].clone()
    }

    fn variable(&mut self) -> Term {
        let variable = self.pick(&VARIABLES);
        if !self.variables.contains(&variable) {
            self.variables.push(variable.clone());
        }
        variable
    }

    /// A variable that the head has not used, if there is one.
    fn fresh(&mut self) -> Term {
        let free: Vec<&str> = VARIABLES
            .iter()
            .copied()
            .filter(|name| !self.variables.contains(&atom(name)))
            .collect();
        if free.is_empty() {
            return self.variable();
        }
        let variable = self.pick(&free);
        self.variables.push(variable.clone());
        variable
    }

    fn patterns(&mut self, parts: Elements<'_>, depth: usize) -> Vec<Term> {
        parts.map(|part| self.pattern(part, depth)).collect()
    }

    /// A pattern that mostly matches the term.
    fn pattern(&mut self, term: TermRef<'_>, depth: usize) -> Term {
        match self.below(20) {
            0..5 => atom("_"),
            5..11 => self.fresh(),
            11 => self.variable(),
            12 => (self.any)(),
            13..15 => own(term),
            _ if depth == 0 => own(term),
            _ => self.inside(term, depth - 1),
        }
    }

    fn inside(&mut self, term: TermRef<'_>, depth: usize) -> Term {
        match term.view() {
            View::Tuple(parts) => tuple(self.patterns(parts.elements(), depth)),
            View::List(parts) => {
                let mut all = self.patterns(parts.elements(), depth);
                if self.chance(40) {
                    let keep = 1 + self.below(all.len());
                    all.truncate(keep);
                    let tail = self.fresh();
                    return Term::list_with_tail(all, tail).unwrap();
                }
                let tail = self.pattern(parts.tail(), 0);
                let tail = if self.chance(80) { own(parts.tail()) } else { tail };
                Term::list_with_tail(all, tail).unwrap()
            }
            View::Map(parts) => {
                let mut pairs = Vec::new();
                for (key, value) in parts.pairs() {
                    if self.chance(60) {
                        pairs.push((own(key), self.pattern(value, depth)));
                    }
                }
                if self.is_faulty() {
                    pairs.push((self.variable(), atom("_")));
                }
                Term::map(pairs).unwrap()
            }
            _ => own(term),
        }
    }

    // ---- Guards and bodies -----------------------------------------------------------------

    fn guard(&mut self) -> Term {
        match self.below(10) {
            0..5 => self.comparison(2),
            5 => self.circuit(2),
            6 => atom("true"),
            _ => self.expression(2),
        }
    }

    /// A comparison of something bound with something that it might be.
    pub(crate) fn comparison(&mut self, depth: usize) -> Term {
        let how = self.pick(&COMPARISONS);
        let (one, other) = if depth > 0 && self.chance(25) {
            (self.expression(depth - 1), self.expression(depth - 1))
        } else {
            (self.bound(), self.literal())
        };
        if self.chance(30) { tuple([how, other, one]) } else { tuple([how, one, other]) }
    }

    fn circuit(&mut self, depth: usize) -> Term {
        let form = self.pick(&["and", "or", "andalso", "orelse", "andthen", "andalso", "orelse"]);
        let count = [1, 2, 2, 2, 3][self.below(5)];
        let arguments: Vec<Term> = (0..count)
            .map(|_| if self.chance(75) { self.comparison(1) } else { self.expression(depth - 1) })
            .collect();
        let arguments = if self.is_faulty() { Vec::new() } else { arguments };
        tuple(std::iter::once(form).chain(arguments))
    }

    fn bound(&mut self) -> Term {
        if self.is_faulty() {
            return self.pick(&VARIABLES);
        }
        if self.variables.is_empty() {
            return if self.chance(50) {
                tuple([atom("element"), Term::new(1 + self.below(3)).unwrap(), atom("$_")])
            } else {
                atom("$_")
            };
        }
        let at = self.below(self.variables.len());
        self.variables[at].clone()
    }

    /// A literal, often one that occurs in the objects.
    fn literal(&mut self) -> Term {
        let term = if self.chance(60) {
            let object = self.object();
            let parts: Vec<Term> = match object.view() {
                View::Tuple(parts) => parts.elements().map(own).collect(),
                _ => vec![object.clone()],
            };
            if parts.is_empty() { object } else { parts[self.below(parts.len())].clone() }
        } else if self.chance(50) {
            Term::new(self.below(8) as i64 - 2).unwrap()
        } else {
            (self.any)()
        };
        if self.chance(90) { quoted(&term) } else { term }
    }

    /// Any expression.
    pub(crate) fn expression(&mut self, depth: usize) -> Term {
        if depth == 0 || self.chance(20) {
            return match self.below(10) {
                0..5 => self.bound(),
                5 => atom("$_"),
                6 => atom("$$"),
                _ => self.literal(),
            };
        }
        if self.is_faulty() {
            return self.no_call(depth);
        }
        match self.below(20) {
            0..9 => self.call(depth),
            9..11 => self.circuit(depth),
            11..13 => self.comparison(depth),
            13..16 => tuple([tuple(self.expressions(depth))]),
            16 => {
                // Not several keys that must be sorted anew: in select_replace OTP 27 gives them
                // each other's values from the second object on, and of three keys of which two
                // are the same it makes a map that is none.
                let one = self.expression(depth - 1);
                if self.chance(50) {
                    return Term::map([(one, atom("$_"))]).unwrap();
                }
                let two = self.expression(depth - 1);
                Term::map([(atom("k1"), one), (atom("k2"), two)]).unwrap()
            }
            17 => {
                let tail = self.expression(depth - 1);
                Term::list_with_tail(self.expressions(depth), tail).unwrap()
            }
            _ => list(self.expressions(depth)),
        }
    }

    fn expressions(&mut self, depth: usize) -> Vec<Term> {
        let count = self.below(4);
        (0..count).map(|_| self.expression(depth - 1)).collect()
    }

    fn call(&mut self, depth: usize) -> Term {
        let all: Vec<(&str, usize)> = MatchSpec::functions().collect();
        let (name, arity) = all[self.below(all.len())];
        let mut arguments: Vec<Term> = (0..arity).map(|_| self.expression(depth - 1)).collect();
        match name {
            "element" if self.chance(80) => {
                arguments = vec![Term::new(1 + self.below(3)).unwrap(), atom("$_")];
            }
            "bsl" | "bsr" => arguments[1] = Term::new(self.below(140) as i64 - 70).unwrap(),
            "is_record" if self.chance(70) => {
                arguments[1] = self.literal();
                arguments[2] = Term::new(self.below(4)).unwrap();
            }
            "is_function" if arity == 2 => arguments[1] = Term::new(self.below(4)).unwrap(),
            _ => {}
        }
        if self.is_faulty() {
            arguments.push(atom("true"));
        }
        tuple(std::iter::once(atom(name)).chain(arguments))
    }

    fn no_call(&mut self, depth: usize) -> Term {
        let inner = self.expression(depth - 1);
        match self.below(8) {
            0 => tuple([]),
            1 => tuple([(self.any)(), inner]),
            2 => tuple([atom("no_function"), inner]),
            3 => tuple([tuple([inner.clone()]), inner]),
            4 => tuple([atom("const")]),
            5 => tuple([atom("message"), inner]),
            6 => tuple([atom("self"), inner]),
            _ => atom("$77"),
        }
    }
}

// ---- What OTP 27 does wrong --------------------------------------------------------------------

/// Whether OTP 27 gives a wrong answer to a specification, or goes on with memory that it freed.
///
/// * Where a variable of any head has a number of 25 or more, all variables are numbered anew, and
///   so are atoms that look like variables in what `const` quotes.
/// * A value that a body takes from the object is copied where the variable first occurs. If that
///   is an argument of `andalso` or `orelse` that is not looked at, nobody does, and the result
///   points into the table.
pub(crate) fn breaks_otp(spec: &Term) -> bool {
    let View::List(clauses) = spec.view() else { return false };
    let parts = |clause: TermRef<'_>| -> Vec<Term> {
        clause.as_tuple().map_or_else(Vec::new, |parts| parts.elements().map(own).collect())
    };
    let clauses: Vec<Vec<Term>> = clauses.elements().map(parts).collect();
    let is_large = |atom: &str| number(atom).is_some_and(|number| number >= 25);
    let has_large =
        |parts: &Vec<Term>| parts.first().is_some_and(|head| has_atom(head.as_ref(), &is_large));
    let quotes =
        |parts: &Vec<Term>| parts.iter().skip(1).any(|part| quotes_variable(part.as_ref()));
    let is_renumbered = clauses.iter().any(has_large) && clauses.iter().any(quotes);
    is_renumbered || clauses.iter().filter_map(|parts| parts.get(2)).any(leaves_copy_out)
}

fn leaves_copy_out(body: &Term) -> bool {
    let View::List(expressions) = body.view() else { return false };
    let mut copies = Copies::default();
    expressions.elements().for_each(|expression| copies.walk(expression, false));
    copies.is_missing
}

/// The number of a variable.
fn number(atom: &str) -> Option<u64> {
    atom.strip_prefix('$')?.parse().ok()
}

/// Whether an atom like that is in a term.
fn has_atom(term: TermRef<'_>, is: &dyn Fn(&str) -> bool) -> bool {
    any_part(term, &|part| part.as_atom().is_some_and(|atom| is(atom.name())))
}

fn quotes_variable(term: TermRef<'_>) -> bool {
    any_part(term, &|part| match part.view() {
        View::Tuple(parts) => {
            parts.get(0).and_then(TermRef::as_atom).is_some_and(|atom| atom.name() == "const")
                && parts.elements().any(|part| has_atom(part, &|atom| number(atom).is_some()))
        }
        _ => false,
    })
}

/// Whether something holds of a term or of a part of it.
fn any_part(term: TermRef<'_>, is: &dyn Fn(TermRef<'_>) -> bool) -> bool {
    is(term)
        || match term.view() {
            View::Tuple(parts) => parts.elements().any(|part| any_part(part, is)),
            View::List(parts) => {
                parts.elements().any(|part| any_part(part, is)) || any_part(parts.tail(), is)
            }
            View::Map(parts) => {
                parts.pairs().any(|(key, value)| any_part(key, is) || any_part(value, is))
            }
            _ => false,
        }
}

/// Goes through a body as OTP's compiler does.
#[derive(Default)]
struct Copies {
    /// Variables that the compiler takes for copied.
    taken: Vec<String>,
    /// Those that may not be.
    doubtful: Vec<String>,
    is_missing: bool,
}

impl Copies {
    fn walk(&mut self, term: TermRef<'_>, may_be_left_out: bool) {
        match term.view() {
            View::Atom(atom) if number(atom.name()).is_some() || atom.name() == "$$" => {
                self.variable(atom.name(), may_be_left_out);
            }
            View::Tuple(parts) => {
                let mut parts: Vec<TermRef<'_>> = parts.elements().collect();
                let name = parts.first().and_then(|first| first.as_atom());
                match name.map_or("", |name| name.name()) {
                    "const" => return,
                    "andalso" | "andthen" | "orelse" => {
                        for (at, part) in parts[1..].iter().enumerate() {
                            self.walk(*part, may_be_left_out || at > 0);
                        }
                        return;
                    }
                    _ => parts.reverse(),
                }
                parts.into_iter().for_each(|part| self.walk(part, may_be_left_out));
            }
            View::List(parts) => {
                parts.elements().for_each(|part| self.walk(part, may_be_left_out));
                self.walk(parts.tail(), may_be_left_out);
            }
            View::Map(parts) => {
                let mut all: Vec<TermRef<'_>> = parts.keys().chain(parts.values()).collect();
                all.reverse();
                all.into_iter().for_each(|part| self.walk(part, may_be_left_out));
            }
            _ => {}
        }
    }

    fn variable(&mut self, name: &str, may_be_left_out: bool) {
        let is = |other: &String| other == name || other == "$$" || name == "$$";
        self.is_missing |= self.doubtful.iter().any(is);
        if may_be_left_out && !self.taken.iter().any(|other| other == name || other == "$$") {
            self.doubtful.push(name.to_owned());
        }
        self.taken.push(name.to_owned());
    }
}
