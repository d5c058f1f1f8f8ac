//! The machine that runs programs.
//!
//! One machine is used for any number of subjects. A subject that is rejected costs no allocation:
//! registers and stack are there from the first, and what a guard calculates is a word as long as
//! it is a small integer, an atom or a part of the subject; floats and large integers go to an
//! arena that is emptied before the next subject.
//!
//! A value is a word together with the heap that it belongs to: the subject's, that of the
//! specification's literals, or the arena. What is put into a new tuple, list or map is copied into
//! the arena first, unless it lies there already.
//!
//! A step that fails ends the clause in a guard; in a body `'EXIT'` is its value.

use smallvec::SmallVec;

use super::guard::{Call, GUARDS, Outcome};
use super::number::Number;
use super::program::{Body, Check, Code, Op, Operand, Place, Program, Verdict};
use super::subject::Subject;
use crate::error::{Error, Result};
use crate::term::{Arena, Atom, Pid, Tag, Term, TermRef, View, Word, equal};

/// The heap that a word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heap {
    Subject,
    Literals,
    Arena,
}

/// A word and its heap.
#[derive(Clone, Copy, Debug)]
struct Value {
    word: Word,
    heap: Heap,
}

impl Value {
    /// A word that needs no heap.
    const fn of(word: Word) -> Self {
        Self { word, heap: Heap::Literals }
    }

    const fn arena(word: Word) -> Self {
        Self { word, heap: Heap::Arena }
    }
}

/// Why a step has no value.
enum Stop {
    /// What Erlang calls an exception.
    Fails,
    /// There is no room for the result.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

type Step<T> = std::result::Result<T, Stop>;

const TRUE: Word = Word::atom(Atom::TRUE.index());
const FALSE: Word = Word::atom(Atom::FALSE.index());
const EXIT: Word = Word::atom(Atom::EXIT.index());

/// Words that may be calculated and copied for one subject: a GiB. A body that takes a large object
/// to pieces a thousand times is refused before it takes all the memory there is.
const MAX_WORDS: usize = if cfg!(test) { 1 << 20 } else { 1 << 27 };

/// A machine for one program.
pub(crate) struct Machine<'p> {
    program: &'p Program,
    literals: &'p [u64],
    caller: Pid,
    registers: SmallVec<[Word; 8]>,
    stack: SmallVec<[Value; 8]>,
    arena: Option<Arena>,
}

/// What a match gave.
pub(crate) enum Found<'m> {
    /// The subject itself.
    Whole,
    /// A part of the subject.
    Part(Word),
    /// Something else.
    Other(TermRef<'m>),
}

impl<'p> Machine<'p> {
    /// `caller` is who `{self}` is.
    pub(crate) fn new(program: &'p Program, literals: &'p [u64], caller: Pid) -> Self {
        let registers = SmallVec::from_elem(Word::NIL, program.registers as usize);
        Self { program, literals, caller, registers, stack: SmallVec::new(), arena: None }
    }

    /// The first clause that accepts the subject.
    #[inline]
    pub(crate) fn clause(&mut self, subject: &Subject<'_>) -> Result<Option<&'p Code>> {
        for code in &self.program.clauses {
            let accepts = match code.glance.verdict(subject) {
                Verdict::Reject => false,
                Verdict::Unclear => self.accepts(code, subject)?,
                // What the head would have done for the body: nothing, as it opens nothing.
                Verdict::Accept => true,
            };
            if accepts {
                return Ok(Some(code));
            }
        }
        Ok(None)
    }

    #[inline(never)]
    fn accepts(&mut self, code: &Code, subject: &Subject<'_>) -> Result<bool> {
        Ok(self.head(&code.head, subject) && self.guards(code, subject)?)
    }

    /// The result of a clause that has accepted the subject.
    #[inline]
    pub(crate) fn result(&mut self, code: &Code, subject: &Subject<'_>) -> Result<Found<'_>> {
        match code.shape {
            Body::Whole | Body::Place(Place::Whole) => Ok(Found::Whole),
            Body::Place(place) => Ok(Found::Part(self.word(place, subject))),
            Body::Const(word) => Ok(Found::Other(TermRef::new(self.literals, word))),
            Body::Calculated => self.calculated(code, subject),
        }
    }

    fn calculated(&mut self, code: &Code, subject: &Subject<'_>) -> Result<Found<'_>> {
        let value = self.body(code, subject)?;
        Ok(match value.heap {
            Heap::Subject if value.word == subject.root() => Found::Whole,
            Heap::Subject => Found::Part(value.word),
            Heap::Literals => Found::Other(TermRef::new(self.literals, value.word)),
            Heap::Arena => Found::Other(
                self.arena
                    .as_ref()
                    .map_or_else(|| TermRef::atom(Atom::UNDEFINED), |arena| arena.view(value.word)),
            ),
        })
    }

    /// Whether the result of a clause that has accepted the subject is `true`.
    #[inline]
    pub(crate) fn is_true(&mut self, code: &Code, subject: &Subject<'_>) -> Result<bool> {
        if let Body::Const(word) = code.shape {
            return Ok(word == TRUE);
        }
        Ok(match self.result(code, subject)? {
            Found::Whole => subject.root() == TRUE,
            Found::Part(word) => word == TRUE,
            Found::Other(term) => term.word() == TRUE,
        })
    }

    /// The result for a subject, to keep; `None` if no clause accepts it.
    pub(crate) fn run(&mut self, subject: &Subject<'_>) -> Result<Option<Term>> {
        let Some(code) = self.clause(subject)? else { return Ok(None) };
        self.term(code, subject).map(Some)
    }

    /// The result of a clause that has accepted the subject, to keep.
    #[inline]
    pub(crate) fn term(&mut self, code: &Code, subject: &Subject<'_>) -> Result<Term> {
        match self.result(code, subject)? {
            Found::Whole => subject.to_term(),
            Found::Part(word) => subject.part_to_term(word),
            Found::Other(term) if term.word().is_immediate() => Ok(Term::immediate(term.word())),
            Found::Other(term) => term.to_term(),
        }
    }

    // ---- Heads ----------------------------------------------------------------------------------

    #[inline]
    fn word(&self, place: Place, subject: &Subject<'_>) -> Word {
        match place {
            Place::Element(at) => subject.element(at),
            Place::Whole => subject.root(),
            Place::Register(register) => self.registers[register as usize],
            Place::Within(register, at) => {
                let tuple = self.registers[register as usize];
                Word(subject.heap()[tuple.offset() + at as usize])
            }
        }
    }

    #[inline]
    fn head(&mut self, checks: &[Check], subject: &Subject<'_>) -> bool {
        checks.iter().all(|check| match *check {
            Check::Arity(arity) => subject.has_arity(arity),
            Check::Word(place, word) => self.word(place, subject) == word,
            _ => self.check(*check, subject),
        })
    }

    fn check(&mut self, check: Check, subject: &Subject<'_>) -> bool {
        match check {
            Check::Arity(arity) => subject.has_arity(arity),
            Check::Word(place, word) => self.word(place, subject) == word,
            Check::Literal(place, word) => {
                let here = subject.part(self.word(place, subject));
                equal(here, TermRef::new(self.literals, word))
            }
            Check::Same(a, b) => {
                let (a, b) = (self.word(a, subject), self.word(b, subject));
                equal(subject.part(a), subject.part(b))
            }
            Check::Tuple(place, arity, into) => {
                let word = self.word(place, subject);
                self.registers[into as usize] = word;
                word.tag() == Tag::Tuple && word.len() == arity as usize
            }
            Check::Cons(place, into) => {
                let View::List(list) = subject.part(self.word(place, subject)).view() else {
                    return false;
                };
                self.registers[into as usize] = list.head().word();
                self.registers[into as usize + 1] = list.rest().word();
                true
            }
            Check::Map(place, into) => {
                let word = self.word(place, subject);
                self.registers[into as usize] = word;
                word.tag() == Tag::Map
            }
            Check::Get(map, key, into) => {
                let map = subject.part(self.registers[map as usize]).as_map();
                let key = TermRef::new(self.literals, key);
                let Some(value) = map.and_then(|map| map.get(key)) else { return false };
                self.registers[into as usize] = value.word();
                true
            }
        }
    }

    // ---- Guards and bodies ----------------------------------------------------------------------

    /// Whether all guards hold.
    #[inline]
    fn guards(&mut self, code: &Code, subject: &Subject<'_>) -> Result<bool> {
        if code.guards.is_empty() {
            return Ok(true);
        }
        self.begin();
        let mut at = 0;
        while let Some(op) = code.guards.get(at) {
            at += 1;
            match self.step(*op, code, subject, &mut at) {
                Ok(true) => {}
                Ok(false) | Err(Stop::Fails) => return Ok(false),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        Ok(true)
    }

    fn body(&mut self, code: &Code, subject: &Subject<'_>) -> Result<Value> {
        self.begin();
        let mut at = 0;
        while let Some(op) = code.body.get(at) {
            at += 1;
            match self.step(*op, code, subject, &mut at) {
                Ok(_) => {}
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Fails) => {
                    if let Op::AndAlso(end) | Op::OrElse(end) = op {
                        at = *end as usize;
                    }
                    self.push(EXIT);
                }
            }
        }
        Ok(self.pop())
    }

    #[inline]
    fn begin(&mut self) {
        self.stack.clear();
        if let Some(arena) = &mut self.arena {
            arena.clear();
        }
    }

    #[inline]
    fn push(&mut self, word: Word) {
        self.stack.push(Value::of(word));
    }

    #[inline]
    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or(Value::of(EXIT))
    }

    fn arena(&mut self) -> &mut Arena {
        self.arena.get_or_insert_with(Arena::new)
    }

    #[inline]
    fn view<'v>(&'v self, value: Value, subject: &Subject<'v>) -> TermRef<'v> {
        match value.heap {
            Heap::Subject => subject.part(value.word),
            Heap::Literals => TermRef::new(self.literals, value.word),
            Heap::Arena => match &self.arena {
                Some(arena) => arena.view(value.word),
                None => TermRef::atom(Atom::UNDEFINED),
            },
        }
    }

    /// Fails if what has been calculated and copied so far is too large.
    fn room(&mut self) -> Step<&mut Arena> {
        let arena = self.arena();
        if arena.words().len() > MAX_WORDS {
            let message = format!("a result exceeds the limit of {MAX_WORDS} words");
            return Err(Stop::Error(Error::limit(message)));
        }
        Ok(arena)
    }

    /// The value of an operand.
    #[inline]
    fn load(&mut self, operand: Operand, subject: &Subject<'_>) -> Step<Value> {
        match operand {
            Operand::Pop => Ok(self.pop()),
            Operand::Const(word) => Ok(Value { word, heap: Heap::Literals }),
            Operand::Place(Place::Whole) if subject.is_counted() => self.whole(subject),
            Operand::Place(place) => {
                Ok(Value { word: self.word(place, subject), heap: Heap::Subject })
            }
        }
    }

    /// A copy of an object of which a part lies elsewhere.
    #[cold]
    fn whole(&mut self, subject: &Subject<'_>) -> Step<Value> {
        let tuple = self.arena().open_tuple(subject.root().len())?;
        for (at, word) in subject.elements().enumerate() {
            let copy = self.room()?.copy(subject.part(word))?;
            self.arena().set(tuple.offset() + at, copy);
        }
        Ok(Value::arena(tuple))
    }

    /// One instruction; `false` where a test does not hold.
    #[inline]
    fn step(&mut self, op: Op, code: &Code, subject: &Subject<'_>, at: &mut usize) -> Step<bool> {
        match op {
            Op::TestCompare(how, a, b) => {
                let (b, a) = (self.load(b, subject)?, self.load(a, subject)?);
                return Ok(self.compare(how, a, b, subject));
            }
            Op::Test(operand) => return Ok(self.load(operand, subject)?.word == TRUE),
            Op::Compare(how, a, b) => {
                let (b, a) = (self.load(b, subject)?, self.load(a, subject)?);
                let holds = self.compare(how, a, b, subject);
                self.push(truth(holds));
            }
            Op::Unary(row, a) => {
                let a = self.load(a, subject)?;
                self.call(row, &[a], subject)?;
            }
            Op::Binary(row, a, b) => {
                let (b, a) = (self.load(b, subject)?, self.load(a, subject)?);
                self.call(row, &[a, b], subject)?;
            }
            Op::Push(operand) => {
                let value = self.load(operand, subject)?;
                self.stack.push(value);
            }
            Op::AndAlso(end) => self.circuit(TRUE, FALSE, end, at)?,
            Op::OrElse(end) => self.circuit(FALSE, TRUE, end, at)?,
            other => self.rare(other, code, subject)?,
        }
        Ok(true)
    }

    #[inline]
    fn compare(
        &self,
        how: super::guard::Comparison,
        a: Value,
        b: Value,
        subject: &Subject<'_>,
    ) -> bool {
        if a.word.tag() == Tag::Int && b.word.tag() == Tag::Int {
            return how.holds_of(a.word.as_int().cmp(&b.word.as_int()));
        }
        how.holds(self.view(a, subject), self.view(b, subject))
    }

    /// Goes on behind `go_on`, to `end` with `stop`.
    #[inline]
    fn circuit(&mut self, go_on: Word, stop: Word, end: u32, at: &mut usize) -> Step<()> {
        match self.stack.last().map(|value| value.word) {
            Some(word) if word == stop => *at = end as usize,
            last => {
                self.stack.pop();
                if last != Some(go_on) {
                    return Err(Stop::Fails);
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, row: u16, arguments: &[Value], subject: &Subject<'_>) -> Step<()> {
        let outcome = {
            let view = |at: usize| self.view(arguments[at], subject);
            match GUARDS[usize::from(row)].call {
                Call::Unary(f) => f(view(0)),
                Call::Binary(f) => f(view(0), view(1)),
                Call::Ternary(f) => f(view(0), view(1), view(2)),
                Call::Compare(how) => Outcome::Bool(how.holds(view(0), view(1))),
            }
        };
        let value = match outcome {
            Outcome::Fail => return Err(Stop::Fails),
            Outcome::Bool(value) => Value::of(truth(value)),
            Outcome::Atom(atom) => Value::of(Arena::atom(atom)),
            Outcome::Part(at, word) => Value { word, heap: arguments[at].heap },
            Outcome::Number(number) => self.number(&number)?,
            Outcome::Bytes(from, len) => self.bytes(arguments[0], from, len, subject)?,
        };
        self.stack.push(value);
        Ok(())
    }

    fn number(&mut self, number: &Number) -> Step<Value> {
        if let Number::Int(value) = number {
            if let Some(word) = Word::int(*value) {
                return Ok(Value::of(word));
            }
        }
        let arena = self.room()?;
        Ok(Value::arena(match number {
            Number::Int(value) => arena.int(*value)?,
            Number::Big(value) => arena.big(value)?,
            Number::Float(value) => arena.float(*value)?,
        }))
    }

    fn bytes(
        &mut self,
        binary: Value,
        from: usize,
        len: usize,
        subject: &Subject<'_>,
    ) -> Step<Value> {
        let bytes = self.view(binary, subject).as_bytes().ok_or(Stop::Fails)?;
        let part = bytes.get(from..from + len).ok_or(Stop::Fails)?.to_vec();
        Ok(Value::arena(self.room()?.binary(&part)?))
    }

    #[inline(never)]
    fn rare(&mut self, op: Op, code: &Code, subject: &Subject<'_>) -> Step<()> {
        match op {
            Op::Caller => {
                let pid = self.caller.pack();
                let word = self.arena().payload(Tag::Pid, 0, &pid)?;
                self.stack.push(Value::arena(word));
            }
            Op::Bindings => {
                let words: Vec<Word> =
                    code.bindings.iter().map(|place| self.word(*place, subject)).collect();
                self.list_of_parts(&words, subject)?;
            }
            Op::Ternary(row) => {
                let (c, b, a) = (self.pop(), self.pop(), self.pop());
                self.call(row, &[a, b, c], subject)?;
            }
            Op::And(count) => self.booleans(count, |all| all.iter().all(|word| *word == TRUE))?,
            Op::Or(count) => self.booleans(count, |all| all.contains(&TRUE))?,
            Op::Tuple(count) => {
                let words = self.taken(count as usize, subject)?;
                let word = self.arena().tuple(&words)?;
                self.stack.push(Value::arena(word));
            }
            Op::List(count) => {
                let mut words = self.taken(count as usize + 1, subject)?;
                let tail = words.pop().unwrap_or(Word::NIL);
                let word = self.arena().list(&words, tail)?;
                self.stack.push(Value::arena(word));
            }
            Op::Map(count) => {
                let words = self.taken(count as usize * 2, subject)?;
                let (keys, values) = words.split_at(count as usize);
                let mut pairs = keys.iter().copied().zip(values.iter().copied()).collect();
                let word = self.arena().map(&mut pairs)?;
                self.stack.push(Value::arena(word));
            }
            _ => {}
        }
        Ok(())
    }

    /// `'$$'`, where the whole object among the variables may be counted in.
    fn list_of_parts(&mut self, words: &[Word], subject: &Subject<'_>) -> Step<()> {
        let mut copies: SmallVec<[Word; 8]> = SmallVec::with_capacity(words.len());
        for word in words {
            let copy = if subject.is_counted() && *word == subject.root() {
                self.whole(subject)?.word
            } else {
                self.room()?.copy(subject.part(*word))?
            };
            copies.push(copy);
        }
        let word = self.arena().list(&copies, Word::NIL)?;
        self.stack.push(Value::arena(word));
        Ok(())
    }

    fn booleans(&mut self, count: u32, decide: impl FnOnce(&[Word]) -> bool) -> Step<()> {
        let from = self.stack.len().saturating_sub(count as usize);
        let words: SmallVec<[Word; 8]> = self.stack.drain(from..).map(|value| value.word).collect();
        if words.iter().any(|word| *word != TRUE && *word != FALSE) {
            return Err(Stop::Fails);
        }
        let decided = decide(&words);
        self.push(truth(decided));
        Ok(())
    }

    /// The last values of the stack, as words of the arena.
    fn taken(&mut self, count: usize, subject: &Subject<'_>) -> Step<SmallVec<[Word; 8]>> {
        let from = self.stack.len().saturating_sub(count);
        let values: SmallVec<[Value; 8]> = self.stack.drain(from..).collect();
        let mut words = SmallVec::with_capacity(values.len());
        for value in values {
            words.push(self.adopt(value, subject)?);
        }
        Ok(words)
    }

    fn adopt(&mut self, value: Value, subject: &Subject<'_>) -> Step<Word> {
        if value.word.is_immediate() || value.heap == Heap::Arena {
            return Ok(value.word);
        }
        let term = match value.heap {
            Heap::Subject => subject.part(value.word),
            _ => TermRef::new(self.literals, value.word),
        };
        Ok(self.room()?.copy(term)?)
    }
}

const fn truth(value: bool) -> Word {
    if value { TRUE } else { FALSE }
}

#[cfg(test)]
mod tests {
    use crate::{ErrorKind, MatchSpec, term};

    /// What takes an object to pieces too often is refused, and one more object is not.
    #[test]
    fn results_have_a_limit() {
        let object = term!({(vec![7_u8; 4_096]), 1});
        for (result, times) in [
            ("'$1'", 3_000),
            ("'$_'", 3_000),
            ("{{'$1'}}", 3_000),
            ("{binary_part,'$1',1,4000}", 3_000),
            ("{'bsl','$2',1000000}", 100),
        ] {
            for (times, fits) in [(times, false), (times / 10, true)] {
                let results = vec![result; times].join(",");
                let spec = format!("[{{{{'$1','$2'}},[],[[{results}]]}}]");
                let spec: MatchSpec = spec.parse().expect("it compiles");
                match spec.test(&object) {
                    Ok(list) => {
                        let list = list.expect("it matches");
                        let list = list.as_ref().as_list().map(Iterator::count);
                        assert!(fits && list == Some(times), "{result}");
                    }
                    Err(error) => {
                        assert!(!fits && error.kind() == ErrorKind::LimitExceeded, "{error}");
                    }
                }
            }
        }
        let spec: MatchSpec = "[{{'$1','_'},[],['$1']}]".parse().expect("it compiles");
        let large = term!({(vec![7_u8; 16 << 20]), 1});
        let all = spec.test(&large).expect("it fits").expect("it matches");
        assert_eq!(all.as_bytes().map(<[u8]>::len), Some(16 << 20));
    }
}
