//! The reference: a slow evaluator that walks the specification as a term, written from what ETS
//! says and without a look at the compiler. For tests and fuzzing only; it recurses.
//!
//! It shares with the machine nothing but the table of functions, which is held against OTP itself.

use super::ast::is_variable;
use super::guard::{self, Outcome};
use super::number::Number;
use crate::term::{Arena, Atom, Term, TermRef, View, equal};

/// Variables with their values, in the order of their numbers.
type Bindings = Vec<(Atom, Term)>;

/// What Erlang calls an exception.
struct Fails;

/// The result of a specification that compiles, for one term.
pub(crate) fn run(spec: &Term, subject: &Term) -> Option<Term> {
    let clauses = spec.as_ref().as_list()?;
    for clause in clauses {
        let parts: Vec<TermRef<'_>> = clause.as_tuple()?.elements().collect();
        let [head, guards, body] = parts.as_slice() else { return None };
        let mut bindings = Bindings::new();
        if !matches(*head, subject.as_ref(), &mut bindings) {
            continue;
        }
        bindings.sort_by_key(|(name, _)| (name.name().len(), name.name()));
        let guard = Evaluator { subject, bindings: &bindings, in_guard: true };
        let holds = |term| matches!(guard.eval(term), Ok(value) if is(&value, Atom::TRUE));
        if !guards.as_list()?.all(holds) {
            continue;
        }
        let body_evaluator = Evaluator { subject, bindings: &bindings, in_guard: false };
        let last = body.as_list()?.last()?;
        return body_evaluator.eval(last).ok();
    }
    None
}

fn is(term: &Term, atom: Atom) -> bool {
    term.as_atom() == Some(atom)
}

fn own(term: TermRef<'_>) -> Term {
    term.to_term().expect("a small term")
}

/// Head and tail of a list that is not empty.
fn cons<'t>(term: TermRef<'t>) -> Option<(TermRef<'t>, TermRef<'t>)> {
    match term.view() {
        View::List(list) => Some((list.head(), list.rest())),
        _ => None,
    }
}

fn matches(pattern: TermRef<'_>, term: TermRef<'_>, bindings: &mut Bindings) -> bool {
    match pattern.view() {
        View::Atom(atom) if atom.name() == "_" => true,
        View::Atom(atom) if is_variable(atom) => {
            if let Some((_, bound)) = bindings.iter().find(|(name, _)| *name == atom) {
                return equal(bound.as_ref(), term);
            }
            bindings.push((atom, own(term)));
            true
        }
        View::Tuple(parts) => match term.view() {
            View::Tuple(other) if other.len() == parts.len() => {
                let mut pairs = parts.elements().zip(other.elements());
                pairs.all(|(pattern, term)| matches(pattern, term, bindings))
            }
            _ => false,
        },
        View::List(_) => match (cons(pattern), cons(term)) {
            (Some((head, tail)), Some((other_head, other_tail))) => {
                matches(head, other_head, bindings) && matches(tail, other_tail, bindings)
            }
            _ => false,
        },
        View::Map(parts) => match term.view() {
            View::Map(map) => parts.pairs().all(|(key, value)| {
                map.get(key).is_some_and(|found| matches(value, found, bindings))
            }),
            _ => false,
        },
        _ => equal(pattern, term),
    }
}

struct Evaluator<'a> {
    subject: &'a Term,
    bindings: &'a Bindings,
    in_guard: bool,
}

impl Evaluator<'_> {
    fn eval(&self, term: TermRef<'_>) -> Result<Term, Fails> {
        match term.view() {
            View::Atom(atom) => Ok(self.atom(atom)),
            View::Tuple(_) => match self.tuple(term) {
                Err(Fails) if !self.in_guard => Ok(Term::from(Atom::EXIT)),
                result => result,
            },
            View::List(list) => {
                let elements = self.all(list.elements())?;
                let tail = self.eval(list.tail())?;
                Term::list_with_tail(elements, tail).map_err(|_| Fails)
            }
            View::Map(map) => {
                let (keys, values) = (self.all(map.keys())?, self.all(map.values())?);
                Term::map(keys.into_iter().zip(values)).map_err(|_| Fails)
            }
            _ => Ok(own(term)),
        }
    }

    fn all<'t, I: Iterator<Item = TermRef<'t>>>(&self, terms: I) -> Result<Vec<Term>, Fails> {
        terms.map(|term| self.eval(term)).collect()
    }

    fn atom(&self, atom: Atom) -> Term {
        match atom.name() {
            "$_" => self.subject.clone(),
            "$$" => {
                let values = self.bindings.iter().map(|(_, value)| value.clone());
                Term::list(values).expect("as many as there are")
            }
            _ => {
                let bound = self.bindings.iter().find(|(name, _)| *name == atom);
                bound.map_or_else(|| Term::from(atom), |(_, value)| value.clone())
            }
        }
    }

    fn tuple(&self, term: TermRef<'_>) -> Result<Term, Fails> {
        let parts: Vec<TermRef<'_>> = term.as_tuple().ok_or(Fails)?.elements().collect();
        let (first, rest) = parts.split_first().ok_or(Fails)?;
        let Some(name) = first.as_atom() else {
            let inner = first.as_tuple().ok_or(Fails)?;
            return Term::tuple(self.all(inner.elements())?).map_err(|_| Fails);
        };
        match name.name() {
            "const" => rest.first().map(|term| own(*term)).ok_or(Fails),
            "self" => Term::pid(super::NOBODY).map_err(|_| Fails),
            "node" if rest.is_empty() => Ok(Term::from(Atom::NO_NODE)),
            "and" | "or" => {
                let values: Option<Vec<bool>> =
                    rest.iter().map(|term| self.eval(*term).ok()?.as_ref().as_bool()).collect();
                let values = values.ok_or(Fails)?;
                let all = name.name() == "and";
                let value = if all { values.iter().all(|v| *v) } else { values.contains(&true) };
                Ok(Term::from(Atom::from(value)))
            }
            "andalso" | "andthen" => self.circuit(rest, true),
            "orelse" => self.circuit(rest, false),
            _ => self.call(name, rest),
        }
    }

    fn circuit(&self, arguments: &[TermRef<'_>], go_on: bool) -> Result<Term, Fails> {
        let (last, others) = arguments.split_last().ok_or(Fails)?;
        for term in others {
            let value = self.eval(*term)?;
            match value.as_ref().as_bool() {
                Some(value) if value == go_on => {}
                Some(_) => return Ok(value),
                None => return Err(Fails),
            }
        }
        self.eval(*last)
    }

    fn call(&self, name: Atom, arguments: &[TermRef<'_>]) -> Result<Term, Fails> {
        let (_, rows) = guard::find(name.name());
        let row = rows.iter().find(|row| row.call.arity() == arguments.len()).ok_or(Fails)?;
        let values = self.all(arguments.iter().copied())?;
        let views: Vec<TermRef<'_>> = values.iter().map(Term::as_ref).collect();
        match row.call.apply(&views) {
            Outcome::Fail => Err(Fails),
            Outcome::Bool(value) => Ok(Term::from(Atom::from(value))),
            Outcome::Atom(atom) => Ok(Term::from(atom)),
            Outcome::Part(at, word) => Ok(own(views[at].sibling(word))),
            Outcome::Bytes(from, len) => {
                let bytes = views[0].as_bytes().ok_or(Fails)?;
                Term::binary(&bytes[from..from + len]).map_err(|_| Fails)
            }
            Outcome::Number(number) => Term::build(|arena: &mut Arena| match number {
                Number::Int(value) => arena.int(value),
                Number::Big(value) => arena.big(&value),
                Number::Float(value) => arena.float(value),
            })
            .map_err(|_| Fails),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Terms, objects, specs};
    use crate::{MatchSpec, Term};

    /// The machine and the reference say the same, of objects and of other terms.
    #[test]
    fn machine_and_reference_agree() {
        let mut accepted = 0;
        for seed in 0..20_000 {
            let mut terms = Terms::new(seed);
            let objects: Vec<Term> = objects(&mut terms, 4);
            let spec = specs(seed, &objects, 0);
            let Ok(compiled) = MatchSpec::compile(&spec) else { continue };
            for subject in objects.iter().chain([&terms.term(2)]) {
                let ours = compiled.test(subject).expect("small results");
                let reference = super::run(&spec, subject);
                assert_eq!(ours, reference, "seed {seed}: {spec} of {subject}");
                accepted += usize::from(ours.is_some());
            }
        }
        assert!(accepted > 20_000, "only {accepted} were accepted");
    }
}
