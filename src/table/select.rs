//! Questions to a table: `select`, `match` and their kin.
//!
//! All of them are visitors of one loop, [`traverse`](super::traverse).

use std::num::NonZeroUsize;

use super::Table;
use super::continuation::{Chunk, Continuation, Place};
use super::core::Need;
use super::engine::Mark;
use super::traverse::{Route, STEP};
use crate::error::{Error, ErrorKind, Result};
use crate::matchspec::{Code, Found, Machine, MatchSpec, Plan, Subject};
use crate::term::{Arena, Object, Term, TermRef, Word};

impl Table {
    /// The results of a [`MatchSpec`] for all objects that it accepts: of an ordered set in the
    /// order of keys; otherwise in no particular order, but those of one key in the order of their
    /// insertion.
    ///
    /// Results that are a large object or a part of one are not copied; small ones share memory,
    /// some hundred at a time, if they are many. Each object is looked at as it is at an instant
    /// of its own; those that are there throughout are looked at once.
    ///
    /// O(objects), but O(1) for each key where the specification says which keys it wants; see
    /// [`explain`](Self::explain).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let users = owner.new_table("users", TableOptions::new(Kind::Set))?;
    /// users.insert_list([(1, "ann", 36), (2, "bob", 25), (3, "eve", 41)])?;
    /// let thirties = "[{{'_','$1','$2'}, [{'<',30,'$2'}, {'<','$2',40}], ['$1']}]";
    /// assert_eq!(users.select(&thirties.parse()?)?, [term!("ann")]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuchTable`](ErrorKind::NoSuchTable), also if the table is deleted meanwhile;
    /// [`AccessDenied`](ErrorKind::AccessDenied);
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if what a result has anew takes more than a GiB.
    #[doc(alias = "ets:select/2")]
    pub fn select(&self, spec: &MatchSpec) -> Result<Vec<Term>> {
        let mut results = Results::default();
        self.accepted(spec, false, |machine, code, subject| results.push(machine, code, subject))?;
        Ok(results.into_vec())
    }

    /// What a specification will make this table visit, as a value and in words.
    ///
    /// A key that is bound in the head, or by `=:=` or `==` in a guard, is looked up; several
    /// clauses and alternatives are several keys. In an ordered set, comparisons with the key, or
    /// with the first element that is not known of a tuple or a list, make ranges, and so does
    /// `{'=:=',{binary_part,Key,0,Size},Front}`; of those that overlap, no object is visited twice.
    ///
    /// ```
    /// # use ferrets::{Kind, MatchSpec, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// let plan = |text: &str| Ok::<_, ferrets::Error>(t.explain(&text.parse()?).to_string());
    /// assert_eq!(plan("[{{7,'$1'},[],['$1']}]")?, "visits 1 key: 7");
    /// let either = "[{{'$1','_'},[{'orelse',{'=:=','$1',a},{'==','$1',1}}],['$_']}]";
    /// assert_eq!(plan(either)?, "visits 3 keys: 1, 1.0, a");
    /// let larger = "[{{'$1','_'},[{'>','$1',7}],['$_']}]";
    /// assert_eq!(plan(larger)?, "visits all objects: the key is not bounded");
    ///
    /// let ordered = owner.new_table("ordered", TableOptions::new(Kind::OrderedSet))?;
    /// let text = "[{{{a,'$1'},'_'},[{'>','$1',7}],['$_']}, {{{b,'_'},'_'},[],['$_']}]";
    /// let plan = ordered.explain(&text.parse()?).to_string();
    /// assert_eq!(
    ///     plan.lines().next(),
    ///     Some("visits keys that are tuples of 2 that begin with a, the next element above 7; \
    ///           keys that are tuples of 2 that begin with b")
    /// );
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn explain(&self, spec: &MatchSpec) -> Plan {
        self.core.plan(spec).plan().clone()
    }

    /// As [`select`](Self::select), against the order of keys in an ordered set: hash tables have
    /// no order to reverse.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(1, "a"), (2, "b")])?;
    /// let keys = t.select_reverse(&"[{{'$1','_'},[],['$1']}]".parse()?)?;
    /// assert_eq!(keys, [ferrets::Term::from(2), ferrets::Term::from(1)]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select).
    #[doc(alias = "ets:select_reverse/2")]
    pub fn select_reverse(&self, spec: &MatchSpec) -> Result<Vec<Term>> {
        let mut results = Results::default();
        self.accepted(spec, true, |machine, code, subject| results.push(machine, code, subject))?;
        Ok(results.into_vec())
    }

    /// How many objects a specification gives exactly `true` for.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, spec};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, 10), (2, 20), (3, 30)])?;
    /// assert_eq!(t.select_count(&spec!(|{_, n}| if n.ge(20) => true)?)?, 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select).
    #[doc(alias = "ets:select_count/2")]
    pub fn select_count(&self, spec: &MatchSpec) -> Result<usize> {
        let mut count = 0;
        self.accepted(spec, false, |machine, code, subject| {
            count += usize::from(machine.is_true(code, subject)?);
            Ok(())
        })?;
        Ok(count)
    }

    /// Folds over the results of a specification without making a list of them. `f` gets them
    /// borrowed: of an object or a part of it nothing is copied or counted.
    ///
    /// `f` runs [pinned](Self::read): it should not take long. It may use the table.
    ///
    /// ```
    /// # use ferrets::{Kind, MatchSpec, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, 10), (2, 20), (3, 30)])?;
    /// let values: MatchSpec = "[{{'_','$1'}, [{'>=','$1',20}], ['$1']}]".parse()?;
    /// let sum = t.select_fold(&values, 0, |sum, value| sum + value.as_i64().unwrap_or(0))?;
    /// assert_eq!(sum, 50);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_fold<A>(
        &self,
        spec: &MatchSpec,
        initial: A,
        mut f: impl FnMut(A, TermRef<'_>) -> A,
    ) -> Result<A> {
        let mut folded = Some(initial);
        self.accepted(spec, false, |machine, code, subject| {
            let Some(acc) = folded.take() else { return Ok(()) };
            let kept: Term;
            let result = match machine.result(code, subject)? {
                Found::Other(result) => result,
                Found::Part(word) => subject.part(word),
                Found::Whole => match subject.whole() {
                    Some(whole) => whole,
                    None => {
                        kept = subject.to_term()?;
                        kept.as_ref()
                    }
                },
            };
            folded = Some(f(acc, result));
            Ok(())
        })?;
        // It is put back after each call.
        folded.ok_or_else(|| Error::new(ErrorKind::Panicked, "the closure panicked"))
    }

    /// At most `limit` results of a specification, and where to go on; `None` if there are none.
    ///
    /// ```
    /// # use std::num::NonZeroUsize;
    /// # use ferrets::{Kind, MatchSpec, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list((0..100).map(|key| (key,)))?;
    /// let keys = MatchSpec::compile(&term!([{{:"$1"}, [], [:"$1"]}]))?;
    /// let mut next = t.select_chunk(&keys, NonZeroUsize::new(30).unwrap())?;
    /// let mut found = 0;
    /// while let Some(chunk) = next {
    ///     found += chunk.results.len();
    ///     next = match chunk.rest {
    ///         Some(rest) => t.resume(rest)?,
    ///         None => None,
    ///     };
    /// }
    /// assert_eq!(found, 100);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select).
    #[doc(alias = "ets:select/3")]
    #[doc(alias = "ets:match/3")]
    #[doc(alias = "ets:match_object/3")]
    pub fn select_chunk(&self, spec: &MatchSpec, limit: NonZeroUsize) -> Result<Option<Chunk>> {
        self.chunk(spec, limit, false)
    }

    fn chunk(&self, spec: &MatchSpec, limit: NonZeroUsize, back: bool) -> Result<Option<Chunk>> {
        self.resume(Continuation {
            table: self.id(),
            spec: spec.clone(),
            limit: limit.get(),
            position: Some(Place::Hash(0)),
            back,
            pending: Vec::new(),
        })
    }

    /// As [`select_chunk`](Self::select_chunk), against the order of keys in an ordered set: hash
    /// tables have no order to reverse.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// use std::num::NonZeroUsize;
    /// t.insert_list([(1, "a"), (2, "b")])?;
    /// let one = NonZeroUsize::MIN;
    /// let chunk = t.select_reverse_chunk(&"[{{'$1','_'},[],['$1']}]".parse()?, one)?;
    /// assert_eq!(chunk.expect("there are two").results, [ferrets::Term::from(2)]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select).
    #[doc(alias = "ets:select_reverse/3")]
    pub fn select_reverse_chunk(
        &self,
        spec: &MatchSpec,
        limit: NonZeroUsize,
    ) -> Result<Option<Chunk>> {
        self.chunk(spec, limit, true)
    }

    /// The results after those of an earlier [chunk](Self::select_chunk); `None` if there are none.
    ///
    /// Whatever happened to the table between the two, objects that were there throughout come
    /// once.
    ///
    /// ```
    /// # use ferrets::{Continuation, Kind, Store, TableOptions, Term};
    /// # use std::num::NonZeroUsize;
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(1,), (2,), (3,)])?;
    /// let two = NonZeroUsize::new(2).expect("not zero");
    /// let keys = "[{{'$1'},[],['$1']}]".parse()?;
    /// let first = t.select_chunk(&keys, two)?.expect("there are three");
    /// // What is left to do can be kept as a term, or as bytes.
    /// let rest = first.rest.expect("there is more").to_term()?;
    /// let rest = Continuation::from_term(&Term::decode(&rest.encode()?)?)?;
    /// assert_eq!(t.resume(rest)?.expect("one is left").results, [Term::from(3)]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select); [`BadArgument`](ErrorKind::BadArgument) for the continuation of
    /// another table.
    #[doc(alias = "ets:select/1")]
    #[doc(alias = "ets:select_reverse/1")]
    #[doc(alias = "ets:match/1")]
    #[doc(alias = "ets:match_object/1")]
    #[doc(alias = "ets:repair_continuation/2")]
    pub fn resume(&self, continuation: Continuation) -> Result<Option<Chunk>> {
        self.check(Need::Read)?;
        let Continuation { table, spec, limit, position, back, pending: mut results } =
            continuation;
        if table != self.id() {
            return Err(Error::bad_argument("the continuation is of another table"));
        }
        let is_ordered = self.core.engine.as_ordered().is_some();
        if position.as_ref().is_some_and(|place| !place.is_of(is_ordered)) {
            return Err(Error::bad_argument("the continuation has a place that the table has not"));
        }
        let route = Route::of(&self.core, self.core.plan(&spec), back);
        let mut machine = spec.machine(self.asker());
        let mut budget = limit.min(STEP);
        let mut next = position.map(|place| place.mark());
        while let Some(from) = next.take_if(|_| results.len() < limit) {
            let before = results.len();
            let (mut last, mut is_full) = (None, false);
            next = self.step_along(&route, from, budget, &mut machine, |machine, code, it| {
                is_full = is_ordered && results.len() == limit;
                if is_full {
                    return Ok(()); // for the next chunk
                }
                results.push(machine.term(code, it)?);
                if is_ordered && results.len() == limit {
                    last = it.to_object().transpose()?;
                }
                Ok(())
            })?;
            // From the last result on, even if more has been looked at in vain.
            if let Some(last) = last.filter(|_| is_full || !route.is_bound()) {
                next = Some(Mark::After(last.block().clone()));
            }
            // Where few are accepted, larger steps find no more than are wanted.
            if results.len() - before < budget / 4 {
                budget = (budget * 2).min(STEP);
            }
            self.check(Need::Read)?;
        }
        let pending = results.split_off(limit.min(results.len()));
        let position = next.map(|mark| Place::of(&mark, self.core.options.keypos)).transpose()?;
        let at_end = position.is_none() && pending.is_empty();
        // As in ETS: a full chunk does not know yet that it is the last, unless keys are few.
        let is_last = at_end && (results.len() < limit || route.is_bound());
        let rest = Continuation { table, spec, limit, position, back, pending };
        let rest = (!is_last).then_some(rest);
        Ok((!results.is_empty()).then_some(Chunk { results, rest }))
    }

    /// The results of a specification, one after the other, without a list of them all. Each step
    /// looks at some objects, until there is a result, and gives memory back in between.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list((0..10_000).map(|key| (key, key % 2)))?;
    /// let odd = t.select_iter(&"[{{'$1',1},[],['$1']}]".parse()?)?;
    /// assert!(odd.take(100).all(|key| key.is_ok_and(|key| key.as_i64().unwrap() % 2 == 1)));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select), here and from the iterator.
    pub fn select_iter(&self, spec: &MatchSpec) -> Result<Selection> {
        self.check(Need::Read)?;
        Ok(Selection {
            table: self.clone(),
            spec: spec.clone(),
            results: Vec::new().into_iter(),
            next: Some(Mark::Start),
        })
    }

    /// The variables of a pattern, as a list each, for all objects that match it.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, "red", "big"), (2, "blue", "small")])?;
    /// let found = t.match_bindings(&term!({:"$2", "red", :"$1"}))?;
    /// assert_eq!(found, [term!(["big", 1])]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select); [`BadMatchSpec`](ErrorKind::BadMatchSpec) for a variable as key
    /// of a map.
    #[doc(alias = "ets:match/2")]
    pub fn match_bindings(&self, pattern: &Term) -> Result<Vec<Term>> {
        self.check(Need::Read)?;
        self.select(&MatchSpec::bindings(pattern)?)
    }

    /// The objects that match a pattern.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, "red"), (2, "blue")])?;
    /// let blue = t.match_object(&term!({:_, "blue"}))?;
    /// assert_eq!(blue[0].decode::<(u8, &str)>()?, (2, "blue"));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`match_bindings`](Self::match_bindings).
    #[doc(alias = "ets:match_object/2")]
    pub fn match_object(&self, pattern: &Term) -> Result<Vec<Object>> {
        self.check(Need::Read)?;
        let spec = MatchSpec::objects(pattern)?;
        let mut all = Vec::new();
        self.accepted(&spec, false, |_, _, subject| {
            all.extend(subject.to_object().transpose()?);
            Ok(())
        })?;
        Ok(all)
    }
}

/// Words of results that share their memory.
const SHARED_WORDS: usize = 4_096;

/// Results that are found before others share their memory.
const FEW: usize = 16;

/// Results on their way into a list. Once there are more than a few, those that are made anew are
/// written one behind the other, as two allocations for each would cost more than making them; and
/// so are copies of small objects.
#[derive(Default)]
struct Results {
    all: Vec<Term>,
    made: Option<Box<Made>>,
}

/// Results that were made anew.
#[derive(Default)]
struct Made {
    arena: Arena,
    /// Places in the list, and the words that belong there.
    open: Vec<(usize, Word)>,
}

impl Made {
    /// Gives the results that were made anew so far their memory, and puts them into their places.
    fn close(&mut self, all: &mut [Term]) {
        let arena = std::mem::take(&mut self.arena);
        let words = self.open.iter().map(|(_, word)| *word);
        for ((place, _), term) in self.open.iter().zip(Term::from_arena_all(arena, words)) {
            all[*place] = term;
        }
        self.open.clear();
    }
}

impl Results {
    #[inline]
    fn push(
        &mut self,
        machine: &mut Machine<'_>,
        code: &Code,
        subject: &Subject<'_>,
    ) -> Result<()> {
        if self.all.len() >= FEW {
            return self.push_small(machine, code, subject);
        }
        let term = machine.term(code, subject)?;
        if self.all.capacity() == 0 {
            // Mostly there is no other: where one key is asked for.
            self.all = Vec::with_capacity(1);
        }
        self.all.push(term);
        Ok(())
    }

    /// As [`push`](Self::push), where results are many.
    fn push_small(
        &mut self,
        machine: &mut Machine<'_>,
        code: &Code,
        subject: &Subject<'_>,
    ) -> Result<()> {
        let term = match machine.result(code, subject)? {
            Found::Whole => {
                match subject.whole().and_then(|whole| subject.small_part(whole.word())) {
                    Some(object) => return self.make(object),
                    None => subject.to_term()?,
                }
            }
            Found::Part(word) => match subject.small_part(word) {
                Some(part) => return self.make(part),
                None => subject.part_to_term(word)?,
            },
            Found::Other(term) if term.word().is_immediate() => Term::immediate(term.word()),
            Found::Other(term) => return self.make(term),
        };
        self.all.push(term);
        Ok(())
    }

    /// Adds a copy.
    fn make(&mut self, term: TermRef<'_>) -> Result<()> {
        let made = self.made.get_or_insert_default();
        made.open.push((self.all.len(), made.arena.copy(term)?));
        self.all.push(Term::nil());
        if made.arena.words().len() >= SHARED_WORDS {
            made.close(&mut self.all);
        }
        Ok(())
    }

    #[inline]
    fn into_vec(mut self) -> Vec<Term> {
        if let Some(made) = &mut self.made {
            made.close(&mut self.all);
        }
        self.all
    }
}

/// The iterator of [`Table::select_iter`].
///
/// ```
/// # use ferrets::{Kind, Result, Selection, Store, TableOptions, spec, term};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
/// t.insert_list([(1, "a"), (2, "b"), (3, "c")])?;
/// let keys: Selection = t.select_iter(&spec!(|{key, _}| if key.ge(2) => key)?)?;
/// assert_eq!(keys.collect::<Result<Vec<_>>>()?, [term!(2), term!(3)]);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug)]
pub struct Selection {
    table: Table,
    spec: MatchSpec,
    results: std::vec::IntoIter<Term>,
    /// Where to go on; none at the end.
    next: Option<Mark>,
}

impl Selection {
    /// Looks at some more objects.
    fn fill(&mut self, from: Mark) -> Result<()> {
        let table = &self.table;
        table.check(Need::Read)?;
        let route = Route::of(&table.core, table.core.plan(&self.spec), false);
        let mut machine = self.spec.machine(table.asker());
        let mut results = Vec::new();
        self.next = table.step_along(&route, from, STEP, &mut machine, |machine, code, it| {
            results.push(machine.term(code, it)?);
            Ok(())
        })?;
        table.check(Need::Read)?;
        self.results = results.into_iter();
        Ok(())
    }
}

impl Iterator for Selection {
    type Item = Result<Term>;

    fn next(&mut self) -> Option<Result<Term>> {
        loop {
            if let Some(result) = self.results.next() {
                return Some(Ok(result));
            }
            let from = self.next.take()?;
            if let Err(error) = self.fill(from) {
                self.next = None;
                return Some(Err(error));
            }
        }
    }
}
