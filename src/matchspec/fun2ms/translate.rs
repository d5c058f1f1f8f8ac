//! From the clauses of a fun to the clauses of a specification.
//!
//! Expressions come in postfix order, so one stack of values is all that it takes. A value is a
//! word of the specification under construction; one that is known besides, without looking at any
//! object, is a constant, from which operators calculate at once as in Erlang's own translation.

use std::collections::HashMap;

use num_bigint::BigInt;

use super::FunOptions;
use super::read::{Code, FunClause, Step, What, operator};
use super::token::Tokens;
use crate::error::{Error, Result};
use crate::matchspec::guard::{self, Outcome};
use crate::matchspec::number::Number;
use crate::term::scan::{self, Bits};
use crate::term::{Arena, Atom, Term, TermRef, View, Word};

/// Bits of an integer that is calculated with here; larger ones are left to the machine.
const MAX_BITS: u64 = 16_384;

/// Tests of types by their old names, which are still good as a whole guard.
const OLD_TESTS: &[(&str, &str)] = &[
    ("atom", "is_atom"),
    ("binary", "is_binary"),
    ("float", "is_float"),
    ("function", "is_function"),
    ("integer", "is_integer"),
    ("list", "is_list"),
    ("number", "is_number"),
    ("pid", "is_pid"),
    ("port", "is_port"),
    ("reference", "is_reference"),
    ("tuple", "is_tuple"),
];

/// What has been translated.
#[derive(Clone, Copy)]
struct Value {
    /// As the specification says it.
    word: Word,
    /// What it is, if that is known.
    constant: Option<Word>,
}

impl Value {
    fn constant(word: Word) -> Self {
        Self { word, constant: Some(word) }
    }

    fn unknown(word: Word) -> Self {
        Self { word, constant: None }
    }
}

/// What a variable of the head stands for.
#[derive(Clone, Copy)]
enum Bound {
    Number(usize),
    Whole,
}

/// What is being translated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Guard,
    Body,
}

/// Translates the clauses of a fun.
pub(super) fn clauses(
    clauses: Vec<FunClause<'_>>,
    tokens: &Tokens<'_>,
    options: &FunOptions,
) -> Result<Term> {
    let mut translator = Translator {
        tokens,
        options,
        arena: Arena::new(),
        values: Vec::new(),
        names: HashMap::new(),
        variables: 0,
        part: Part::Head,
    };
    let mut all = Vec::new();
    for clause in clauses {
        translator.clause(clause, &mut all)?;
    }
    let word = translator.arena.list(&all, Word::NIL)?;
    Ok(Term::from_arena(translator.arena, word))
}

struct Translator<'a, 't> {
    tokens: &'a Tokens<'t>,
    options: &'a FunOptions,
    arena: Arena,
    values: Vec<Value>,
    names: HashMap<&'t str, Bound>,
    /// How many of the names have a number.
    variables: usize,
    part: Part,
}

fn atom(name: &str) -> Result<Word> {
    Ok(Arena::atom(Atom::new(name)?))
}

impl<'t> Translator<'_, 't> {
    /// A clause for each alternative of its guards.
    fn clause(&mut self, clause: FunClause<'t>, all: &mut Vec<Word>) -> Result<()> {
        self.names.clear();
        self.variables = 0;
        let mut parameters = clause.parameters;
        let Some(head) = parameters.pop().filter(|_| parameters.is_empty()) else {
            return Err(self.refused(clause.at, "the fun has one parameter: the object"));
        };
        self.part = Part::Head;
        let head = self.head(head)?;
        self.part = Part::Guard;
        let guards: Result<Vec<Word>> =
            clause.guards.into_iter().map(|guards| self.list(guards)).collect();
        let mut guards = guards?;
        if guards.is_empty() {
            guards.push(Word::NIL);
        }
        self.part = Part::Body;
        let body = self.list(clause.body)?;
        for guards in guards {
            all.push(self.arena.tuple(&[head, guards, body])?);
        }
        Ok(())
    }

    fn refused(&self, at: usize, message: &str) -> Error {
        self.tokens.refused(at, message)
    }

    // ---- Heads ----------------------------------------------------------------------------------

    /// A tuple or a variable, with another name for the whole.
    fn head(&mut self, mut code: Code<'t>) -> Result<Word> {
        if let Some(Step { at, what: What::Match(right) }) = code.last() {
            let (at, right) = (*at, *right);
            code.pop();
            let behind = code.split_off(right);
            let is_variable =
                |code: &Code<'_>| matches!(code[..], [Step { what: What::Variable(_), .. }]);
            let (name, pattern) = match (is_variable(&code), is_variable(&behind)) {
                (true, _) => (code, behind),
                (false, true) => (behind, code),
                _ => return Err(self.refused(at, "one side of `=` is a variable")),
            };
            if let [Step { what: What::Variable(name), .. }] = name[..] {
                if name != "_" {
                    self.names.insert(name, Bound::Whole);
                }
            }
            code = pattern;
        }
        match code.last() {
            Some(Step { what: What::Tuple(_) | What::Variable(_), .. }) => {}
            last => {
                let at = last.map_or(0, |step| step.at);
                return Err(self.refused(at, "an object is a tuple, or a variable stands for it"));
            }
        }
        self.value(code).map(|value| value.word)
    }

    fn head_variable(&mut self, at: usize, name: &'t str) -> Result<Value> {
        if name == "_" {
            return Ok(Value::unknown(atom("_")?));
        }
        let next = self.variables + 1;
        let bound = *self.names.entry(name).or_insert(Bound::Number(next));
        match bound {
            Bound::Number(number) => {
                self.variables = self.variables.max(number);
                Ok(Value::unknown(atom(&format!("${number}"))?))
            }
            Bound::Whole => {
                let message = format!("{name} is the whole object and cannot be a part of it");
                Err(self.refused(at, &message))
            }
        }
    }

    /// An atom in a head, where some atoms are no atoms.
    fn head_atom(&mut self, at: usize, name: Atom) -> Result<Value> {
        let text = name.name();
        let is_variable = text == "_" || text.strip_prefix('$').is_some_and(is_integer);
        if is_variable {
            let message = format!("in a head '{text}' is a variable and cannot be an atom");
            return Err(self.refused(at, &message));
        }
        Ok(Value::constant(Arena::atom(name)))
    }

    // ---- Expressions ----------------------------------------------------------------------------

    /// The values of expressions, as a list.
    fn list(&mut self, expressions: Vec<Code<'t>>) -> Result<Word> {
        let mut words = Vec::with_capacity(expressions.len());
        for mut code in expressions {
            if self.part == Part::Guard {
                old_test(&mut code)?;
            }
            words.push(self.value(code)?.word);
        }
        self.arena.list(&words, Word::NIL)
    }

    fn value(&mut self, code: Code<'t>) -> Result<Value> {
        self.values.clear();
        for step in code {
            let value = self.step(step)?;
            let most = self.options.parse.words();
            if self.arena.words().len() + self.values.len() > most {
                return Err(Error::limit(format!("the text exceeds the limit of {most} words")));
            }
            self.values.push(value);
        }
        Ok(self.values.pop().unwrap_or(Value::constant(Word::NIL)))
    }

    fn step(&mut self, step: Step<'t>) -> Result<Value> {
        let at = step.at;
        match step.what {
            What::Nil => Ok(Value::constant(Word::NIL)),
            What::Number(number) => self.number(&number),
            What::Text(text) => self.text(&text),
            What::Bits(bits) => self.bits(&bits),
            What::Atom(name) if self.part == Part::Head => self.head_atom(at, name),
            What::Atom(name) => self.atom(name),
            What::Variable(name) if self.part == Part::Head => self.head_variable(at, name),
            What::Variable(name) => self.variable(at, name),
            What::Tuple(count) => self.tuple(count),
            What::List(count) => self.cons(count),
            What::Map(count, exact) => self.map(at, count, exact),
            What::Operator(name, arity) => self.operator(at, name, arity),
            What::Call { module, name, arity } => self.call(at, module, name, arity),
            What::Match(_) if self.part == Part::Head => {
                Err(self.refused(at, "in a head only the whole object can have another name"))
            }
            What::Match(_) => Err(self.refused(at, "`=` is for heads only")),
        }
    }

    fn taken(&mut self, count: usize) -> Vec<Value> {
        self.values.split_off(self.values.len().saturating_sub(count))
    }

    fn number(&mut self, number: &scan::Number) -> Result<Value> {
        Ok(Value::constant(match number {
            scan::Number::Small(value) => self.arena.int(*value)?,
            scan::Number::Big(value) => self.arena.big(value)?,
            scan::Number::Float(value) => self.arena.float(*value)?,
        }))
    }

    /// Known, but no constant for Erlang's translation, which is no matter.
    fn text(&mut self, text: &str) -> Result<Value> {
        let mut codes = Vec::with_capacity(text.len());
        for code in text.chars() {
            codes.push(self.arena.int(i64::from(u32::from(code)))?);
        }
        let word = self.arena.list(&codes, Word::NIL)?;
        Ok(self.known_in_heads(word))
    }

    fn bits(&mut self, bits: &Bits) -> Result<Value> {
        let word = self.arena.bits(&bits.bytes, bits.len)?;
        Ok(self.known_in_heads(word))
    }

    fn known_in_heads(&self, word: Word) -> Value {
        if self.part == Part::Head { Value::constant(word) } else { Value::unknown(word) }
    }

    /// An atom, in quotes where it could be taken for something else.
    fn atom(&mut self, name: Atom) -> Result<Value> {
        let word = Arena::atom(name);
        if !name.name().starts_with('$') {
            return Ok(Value::constant(word));
        }
        Ok(Value { word: self.quoted(word)?, constant: Some(word) })
    }

    fn quoted(&mut self, word: Word) -> Result<Word> {
        let name = atom("const")?;
        self.arena.tuple(&[name, word])
    }

    fn variable(&mut self, at: usize, name: &str) -> Result<Value> {
        match self.names.get(name) {
            Some(Bound::Number(number)) => return Ok(Value::unknown(atom(&format!("${number}"))?)),
            Some(Bound::Whole) => return Ok(Value::unknown(atom("$_")?)),
            None => {}
        }
        if name == "_" {
            return Err(self.refused(at, "`_` is for heads only"));
        }
        let Some(value) = self.options.variables.get(name) else {
            return Err(self.refused(at, &format!("variable {name} is unbound")));
        };
        let value = value.as_ref().map_err(|error| Error::new(error.kind(), error.to_string()))?;
        let word = self.arena.copy(value.as_ref())?;
        Ok(Value::unknown(self.quoted(word)?))
    }

    fn tuple(&mut self, count: usize) -> Result<Value> {
        let values = self.taken(count);
        let words: Vec<Word> = values.iter().map(|value| value.word).collect();
        let constants: Option<Vec<Word>> = values.iter().map(|value| value.constant).collect();
        let constant = constants.map(|words| self.arena.tuple(&words)).transpose()?;
        if self.part == Part::Head {
            let word = constant.map_or_else(|| self.arena.tuple(&words), Ok)?;
            return Ok(Value { word, constant });
        }
        let inner = self.arena.tuple(&words)?;
        Ok(Value { word: self.arena.tuple(&[inner])?, constant })
    }

    fn cons(&mut self, count: usize) -> Result<Value> {
        let values = self.taken(count + 1);
        let list = |arena: &mut Arena, words: &[Word]| match words.split_last() {
            Some((tail, items)) => arena.list(items, *tail),
            None => Ok(Word::NIL),
        };
        let words: Vec<Word> = values.iter().map(|value| value.word).collect();
        let word = list(&mut self.arena, &words)?;
        let constants: Option<Vec<Word>> = values.iter().map(|value| value.constant).collect();
        let constant = match constants {
            Some(constants) if constants == words => Some(word),
            Some(constants) => Some(list(&mut self.arena, &constants)?),
            None => None,
        };
        Ok(Value { word, constant })
    }

    fn map(&mut self, at: usize, count: usize, exact: Option<usize>) -> Result<Value> {
        let values = self.taken(count * 2);
        let is_head = self.part == Part::Head;
        if is_head && values.iter().step_by(2).any(|key| key.constant.is_none()) {
            return Err(self.refused(at, "in a head there are no variables in keys of maps"));
        }
        if let Some(at) = exact.filter(|_| !is_head) {
            return Err(self.refused(at, "`:=` is for heads only"));
        }
        let is_known = values.iter().all(|value| value.constant.is_some());
        let mut pairs = values.chunks_exact(2).map(|pair| (pair[0].word, pair[1].word)).collect();
        let word = self.arena.map(&mut pairs)?;
        Ok(if is_known { self.known_in_heads(word) } else { Value::unknown(word) })
    }

    // ---- Operators and calls --------------------------------------------------------------------

    fn operator(&mut self, at: usize, name: &'static str, arity: usize) -> Result<Value> {
        let values = self.taken(arity);
        if self.part == Part::Head && name == "++" {
            return self.append(at, &values);
        }
        if let Some(word) = self.calculated(name, &values)? {
            return Ok(Value::constant(word));
        }
        if self.part == Part::Head {
            return Err(self.refused(at, &format!("`{name}` cannot be matched")));
        }
        if matches!(name, "!" | "++" | "--") {
            let message = format!("`{name}` cannot be said in a match specification");
            return Err(self.refused(at, &message));
        }
        self.called(name, &values)
    }

    /// `{Name, Argument, ...}`.
    fn called(&mut self, name: &str, arguments: &[Value]) -> Result<Value> {
        let name = atom(name)?;
        let words: Vec<Word> =
            std::iter::once(name).chain(arguments.iter().map(|value| value.word)).collect();
        Ok(Value::unknown(self.arena.tuple(&words)?))
    }

    /// `"text" ++ Pattern`.
    fn append(&mut self, at: usize, values: &[Value]) -> Result<Value> {
        let [front, back] = values else { return Ok(Value::constant(Word::NIL)) };
        let Some(items) = self.arena.view(front.word).as_list() else {
            return Err(self.refused(at, "on the left of `++` is a list with an end"));
        };
        let items: Vec<Word> = items.map(TermRef::word).collect();
        let word = self.arena.list(&items, back.word)?;
        let is_known = front.constant.is_some() && back.constant.is_some();
        Ok(if is_known { Value::constant(word) } else { Value::unknown(word) })
    }

    /// What an operator gives for constants.
    fn calculated(&mut self, name: &str, values: &[Value]) -> Result<Option<Word>> {
        let words: Option<Vec<Word>> = values.iter().map(|value| value.constant).collect();
        let Some(words) = words else { return Ok(None) };
        let terms: Vec<TermRef<'_>> = words.iter().map(|word| self.arena.view(*word)).collect();
        if terms.iter().any(|term| is_large(*term)) || is_long_shift(name, &terms) {
            return Ok(None);
        }
        let outcome = match (name, &terms[..]) {
            ("and" | "or", [a, b]) => match (a.as_bool(), b.as_bool()) {
                (Some(a), Some(b)) => Outcome::Bool(if name == "and" { a && b } else { a || b }),
                _ => Outcome::Fail,
            },
            _ => {
                let (_, rows) = guard::find(name);
                let row = rows.iter().find(|row| row.call.arity() == terms.len());
                row.map_or(Outcome::Fail, |row| row.call.apply(&terms))
            }
        };
        Ok(match outcome {
            Outcome::Bool(value) => Some(Arena::atom(Atom::from(value))),
            Outcome::Number(Number::Int(value)) => Some(self.arena.int(value)?),
            Outcome::Number(Number::Big(value)) => Some(self.arena.big(&value)?),
            Outcome::Number(Number::Float(value)) => Some(self.arena.float(value)?),
            // No operator gives any of these.
            Outcome::Atom(_) | Outcome::Part(..) | Outcome::Bytes(..) | Outcome::Fail => None,
        })
    }

    fn call(&mut self, at: usize, module: Option<Atom>, name: Atom, arity: usize) -> Result<Value> {
        let text = name.name();
        if self.part == Part::Head {
            return Err(self.refused(at, "nothing is called in a head"));
        }
        let is_operator = operator(text, arity);
        match (module.map(|module| module.name()), is_operator) {
            (Some("erlang"), Some(operator)) => {
                // Calculated, but no part of a larger constant: it is a call.
                return self.operator(at, operator, arity).map(|value| Value::unknown(value.word));
            }
            (None, None) if arity == 0 && text == "object" => {
                return Ok(Value::unknown(atom("$_")?));
            }
            (None, None) if arity == 0 && text == "bindings" => {
                return Ok(Value::unknown(atom("$$")?));
            }
            (None | Some("erlang"), None) if is_function(text, arity) => {
                let values = self.taken(arity);
                return self.called(text, &values);
            }
            _ => {}
        }
        if (text, arity) == ("is_record", 2) {
            let message = "records are not known here; say is_record/3, with the size";
            return Err(self.refused(at, message));
        }
        let module = module.map_or(String::new(), |module| format!("{module}:"));
        let message = format!("{module}{name}/{arity} cannot be called in a match specification");
        Err(self.refused(at, &message))
    }
}

/// Whether guards and bodies may call it by its name.
fn is_function(name: &str, arity: usize) -> bool {
    let (_, rows) = guard::find(name);
    let is_word = name.starts_with(|first: char| first.is_ascii_lowercase());
    matches!((name, arity), ("self" | "node", 0))
        || is_word && rows.iter().any(|row| row.call.arity() == arity)
}

/// Calls a whole guard by its new name.
fn old_test(code: &mut Code<'_>) -> Result<()> {
    if let Some(Step { what: What::Call { module: None, name, arity: 1 }, .. }) = code.last_mut() {
        if let Some((_, new)) = OLD_TESTS.iter().find(|(old, _)| *old == name.name()) {
            *name = Atom::new(new)?;
        }
    }
    Ok(())
}

/// Whether what follows a dollar makes a variable of it, as Erlang's translation sees it.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_large(term: TermRef<'_>) -> bool {
    match term.view() {
        View::Big(value) => value.to_bigint().bits() > MAX_BITS,
        _ => false,
    }
}

/// Whether a shift makes something large.
fn is_long_shift(name: &str, terms: &[TermRef<'_>]) -> bool {
    let places = terms.get(1).and_then(|term| term.as_integer()).unwrap_or_default();
    let is_zero = terms.first().and_then(|term| term.as_i64()) == Some(0);
    let most = BigInt::from(MAX_BITS);
    match name {
        "bsl" => !is_zero && places > most,
        "bsr" => !is_zero && places < -most,
        _ => false,
    }
}
