//! Calls that take match specifications.

use std::cell::RefCell;

use ferrets::{Term, View};

use super::{Plan, Table};
use crate::funs::Funs;
use crate::specs::{Specs, breaks_otp};
use crate::terms::{atom, elements, improper, int, list, list_elements, name, own, tuple};

impl Plan<'_> {
    /// Lets `make` have what makes specifications for objects such as the table may have.
    fn with_specs<R>(&mut self, table: &Table, make: impl FnOnce(&mut Specs<'_>) -> R) -> R {
        let objects: Vec<Term> = (0..3).map(|_| self.good_object(table)).collect();
        let faults = self.random.weighted(&[(14, 0), (5, 15), (1, 80)]);
        let pool = self.pool;
        let random = RefCell::new(&mut *self.random);
        let mut below = |bound: usize| random.borrow_mut().range(0, bound - 1);
        let mut any = || pool.any(&mut random.borrow_mut());
        make(&mut Specs::new(&mut below, &mut any, &objects, faults))
    }

    fn spec(&mut self, table: &Table) -> Term {
        self.with_specs(table, |specs| specs.spec())
    }

    fn pattern(&mut self, table: &Table) -> Term {
        self.with_specs(table, |specs| specs.head())
    }

    pub(super) fn with_spec(&mut self, function: &str) {
        let table = self.any_table();
        let spec = self.spec(&table);
        self.push(&table, function, [spec]);
    }

    pub(super) fn with_pattern(&mut self, function: &str) {
        let table = self.any_table();
        let pattern = self.pattern(&table);
        self.push(&table, function, [pattern]);
    }

    /// A selection in pieces: all of them, one after the other, or the first.
    pub(super) fn pieces(&mut self) {
        let table = self.any_table();
        let function = self.word(&["select", "select_reverse", "match", "match_object"]);
        let is_spec = name(&function).is_some_and(|name| name.starts_with("select"));
        let question = if is_spec { self.spec(&table) } else { self.pattern(&table) };
        let limit = match self.random.range(0, 19) {
            0 => int(0),
            1 => int(-1),
            2 => self.value(),
            _ => int(*self.random.pick(&[1, 1, 2, 3, 7, 100])),
        };
        match name(&function) {
            Some(function) if self.random.chance(30) => {
                self.push(&table, function, [question, limit]);
            }
            _ => self.push(&table, "pieces", [function, question, limit]),
        }
    }

    pub(super) fn continuation(&mut self) {
        let function = self.word(&["select", "select_reverse", "match", "match_object"]);
        let function = name(&function).unwrap_or_default();
        let given = match self.random.range(0, 3) {
            0 => atom("$end_of_table"),
            1 => atom("nonsense"),
            2 => int(7),
            _ => list([]),
        };
        self.push_as(1, function, [given]);
    }

    /// A specification and terms to put to it.
    pub(super) fn without_table(&mut self, function: &str) {
        let table = self.any_table();
        let spec = self.spec(&table);
        let terms: Vec<Term> = (0..3).map(|_| self.object(&table)).collect();
        let given = match function {
            "test_ms" => terms[0].clone(),
            _ if self.random.chance(3) => self.value(),
            _ => list(terms),
        };
        if function == "match_spec_compile" {
            return self.push_as(1, function, [spec]);
        }
        self.push_as(1, function, [given, spec]);
    }

    /// The text of a fun, and what the variables around it are.
    pub(super) fn fun2ms(&mut self) {
        if self.old {
            return;
        }
        let (integer, term) = (int(42), self.value());
        let faults = self.random.weighted(&[(14, 0), (5, 15), (1, 80)]);
        let random = &mut *self.random;
        let mut below = |bound: usize| random.range(0, bound - 1);
        let text = Funs::new(&mut below, faults).fun();
        let text = Term::binary(text.as_bytes()).expect("a short text");
        let variables = [("Env", integer), ("Term", term)];
        let variables = variables.map(|(name, value)| tuple([atom(name), value]));
        self.push_as(1, "fun2ms", [text, list(variables)]);
    }

    pub(super) fn select_replace(&mut self) {
        let table = self.any_table();
        let spec =
            if self.random.chance(15) { self.spec(&table) } else { self.all_replacing(&table) };
        self.push(&table, "select_replace", [spec]);
    }

    fn all_replacing(&mut self, table: &Table) -> Term {
        loop {
            let count = self.random.weighted(&[(5, 1), (1, 2)]);
            let spec = list((0..count).map(|_| self.replacing(table)).collect::<Vec<_>>());
            if !breaks_otp(&spec) {
                return spec;
            }
        }
    }

    /// A clause that mostly keeps the key.
    fn replacing(&mut self, table: &Table) -> Term {
        let position = table.key_position;
        let keeps = self.random.chance(85);
        let (by_element, quoted) = (self.random.chance(10), self.random.chance(15));
        self.with_specs(table, |specs| {
            let head = specs.head();
            let parts = elements(&head);
            let key = match parts.get(position - 1) {
                Some(_) if by_element => {
                    let position = int(i64::try_from(position).expect("small"));
                    tuple([atom("element"), position, atom("$_")])
                }
                Some(pattern) if keeps => as_expression(pattern, quoted),
                _ => specs.expression(1),
            };
            let before: Vec<Term> = (1..position).map(|_| specs.expression(1)).collect();
            let after = specs.expression(2);
            let made = tuple([tuple(before.into_iter().chain([key, after]))]);
            let guards = list([specs.comparison(1)]);
            let guards = if keeps { guards } else { list([]) };
            tuple([head, guards, list([made])])
        })
    }
}

/// The expression that gives what a pattern matches, where there is one.
fn as_expression(pattern: &Term, quoted: bool) -> Term {
    match pattern.view() {
        View::Tuple(parts) => {
            let parts = parts.elements().map(|part| as_expression(&own(part), quoted));
            tuple([tuple(parts.collect::<Vec<_>>())])
        }
        View::List(parts) => {
            let tail = as_expression(&own(parts.tail()), false);
            let parts = parts.elements().map(|part| as_expression(&own(part), quoted));
            improper(parts.collect::<Vec<_>>(), tail)
        }
        View::Nil => pattern.clone(),
        View::Atom(name) if name.name().starts_with(['$', '_']) => pattern.clone(),
        _ if quoted => tuple([atom("const"), pattern.clone()]),
        _ => pattern.clone(),
    }
}

/// What `test_ms` says is wrong, without the parts of it that it prints.
pub(crate) fn settled_faults(value: &Term) -> Term {
    let parts = elements(value);
    let [word, faults] = parts.as_slice() else { return value.clone() };
    let Some(faults) = list_elements(faults).filter(|_| name(word) == Some("error")) else {
        return value.clone();
    };
    let settled = faults.iter().map(|fault| {
        let parts = elements(fault);
        let codes = parts.get(1).and_then(list_elements).unwrap_or_default();
        let codes = codes.iter().filter_map(|code| u32::try_from(code.as_i64()?).ok());
        let text: String = codes.filter_map(char::from_u32).collect();
        if text.starts_with('{') {
            return atom("no_call");
        }
        let end = text.find(" in {").unwrap_or(text.len());
        Term::binary(&text.as_bytes()[..end]).expect("a short text")
    });
    tuple([word.clone(), list(settled.collect::<Vec<_>>())])
}
