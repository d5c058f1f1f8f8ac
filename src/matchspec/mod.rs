//! Match specifications: questions to a table, as data.
//!
//! A [`MatchSpec`] is compiled once, from the term that ETS takes, and put to any number of tables
//! and terms. This layer knows no table: it answers for one term at a time, and says which keys a
//! question can concern (the planner), so that those above need not look at all.
//!
//! ```text
//!   term --parse--> Ast --compile--> Program --Machine--> result for a Subject
//!                    |
//!                    `--plan--> keys
//! ```
//!
//! Nothing here recurses over terms or specifications: nested a million deep they cost heap.

mod ast;
#[doc(hidden)]
pub mod build;
mod compile;
mod fault;
mod fun2ms;
pub(crate) mod guard;
mod number;
mod parse;
mod plan;
mod program;
mod range;
#[cfg(any(test, fuzzing))]
mod reference;
mod replace;
mod subject;
#[cfg(test)]
pub(crate) mod tests;
mod vm;

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use ast::{Ast, Expr, Pattern};
pub use build::{SpecExpr, SpecVariable};
pub use fun2ms::FunOptions;
use parse::Refusal;
use plan::Planned;
pub use plan::{KeyPlan, Plan};
pub(crate) use program::Code;
use program::{Listing, Program};
pub use range::{KeyRange, Shape};
pub(crate) use subject::Subject;
pub(crate) use vm::{Found, Machine};

use crate::error::{Error, ErrorKind, Result};
use crate::platform::sync::StaticOnceLock as OnceLock;
use crate::term::{Arena, Atom, Pid, Term, TermRef};

/// A compiled match specification: a question that is put to a table, or to any term.
///
/// It is made from the term that ETS takes, a list of clauses `{Head, Guards, Body}`. A clause
/// accepts an object if its head matches and all its guards are `true`; the first that accepts it
/// gives the result, which is the value of its body's last expression.
///
/// A value: `Send + Sync`, cheap to clone, for any table.
///
/// ```
/// use ferrets::{MatchSpec, Term, term};
/// // Names of those older than 30.
/// let spec: MatchSpec = "[{{'_', '$1', '$2'}, [{'>', '$2', 30}], ['$1']}]".parse()?;
/// assert_eq!(spec.test(&term!({1, "ann", 36}))?, Some(term!("ann")));
/// assert_eq!(spec.test(&term!({2, "bob", 25}))?, None);
///
/// let error = "[{{'$1'}, [{'>', '$2', 30}], ['$1']}]".parse::<MatchSpec>().unwrap_err();
/// let text = "clause 1, guard 1, part 1: variable $2 is not bound in the head";
/// assert_eq!(error.to_string(), text);
/// # Ok::<(), ferrets::Error>(())
/// ```
///
/// What heads, guards and bodies mean is what they mean in ETS of OTP 27, every function included:
/// numbers in heads match by type and bits, maps in heads match maps that have more, an exception
/// fails a guard and is `'EXIT'` in a body, `and` and `or` look at all their arguments.
#[derive(Clone)]
#[doc(alias = "ets:is_compiled_ms/1")]
pub struct MatchSpec(Arc<Compiled>);

struct Compiled {
    source: Term,
    ast: Ast,
    program: Program,
    /// The plan that was asked for first, which nearly always is the only one.
    /// For which key position, with an order or not, and the plan.
    /// Plans for the first tables that it was put to: without an order, and with one.
    plans: [OnceLock<(usize, Planned)>; 2],
}

/// A plan, of the specification or made on the spot.
pub(crate) enum PlanRef<'s> {
    Kept(&'s Planned),
    Made(Box<Planned>),
}

impl Deref for PlanRef<'_> {
    type Target = Planned;

    fn deref(&self) -> &Planned {
        match self {
            Self::Kept(plan) => plan,
            Self::Made(plan) => plan,
        }
    }
}

impl MatchSpec {
    /// Compiles a specification.
    ///
    /// O(size). A specification may be of any depth.
    ///
    /// ```
    /// use ferrets::{MatchSpec, term};
    /// let spec = MatchSpec::compile(&term!([{{:"$1", :_}, [], [:"$1"]}]))?;
    /// assert_eq!(spec.to_string(), "[{{'$1','_'},[],['$1']}]");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadMatchSpec`](ErrorKind::BadMatchSpec) for all that ETS refuses, with the place of the
    /// first fault; [`LimitExceeded`](ErrorKind::LimitExceeded) for a clause of more than 16
    /// million parts.
    #[doc(alias = "ets:match_spec_compile/1")]
    pub fn compile(spec: &Term) -> Result<Self> {
        let compiled = Self::compile_any(spec)?;
        if compiled.0.ast.clauses.is_empty() {
            return Err(Error::new(ErrorKind::BadMatchSpec, "there is no clause"));
        }
        Ok(compiled)
    }

    /// As [`compile`](Self::compile), but the empty list, which selects nothing, is allowed, as it
    /// is in `select` and its kin.
    pub(crate) fn compile_any(spec: &Term) -> Result<Self> {
        let ast = parse::parse(spec.as_ref()).map_err(Refusal::into_error)?;
        let program = compile::compile(&ast, spec.as_ref().heap());
        Ok(Self(Arc::new(Compiled {
            source: spec.clone(),
            ast,
            program,
            plans: Default::default(),
        })))
    }

    /// What is wrong with a specification, in the words of `ets:test_ms/2`; nothing if it compiles.
    ///
    /// ```
    /// use ferrets::{MatchSpec, term};
    /// let faults = MatchSpec::faults(&term!([{:_, [{:old, :"$1"}], [:"$9"]}]));
    /// assert_eq!(faults, ["Function old/1 does_not_exist.", "Variable $9 is unbound."]);
    /// ```
    #[must_use]
    pub fn faults(spec: &Term) -> Vec<String> {
        match parse::parse(spec.as_ref()) {
            Ok(ast) if ast.clauses.is_empty() => vec![fault::What::NoList.in_erlang()],
            Ok(_) => Vec::new(),
            Err(Refusal::Faults(faults)) => {
                faults.iter().map(|fault| fault.what.in_erlang()).collect()
            }
            Err(Refusal::Limit(error)) => vec![error.to_string()],
        }
    }

    /// The specification as a term.
    ///
    /// ```
    /// use ferrets::{MatchSpec, term};
    /// let spec = MatchSpec::fun2ms("fun({_, Name}) -> Name end")?;
    /// assert_eq!(spec.source(), &term!([{{:_, :"$1"}, [], [:"$1"]}]));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn source(&self) -> &Term {
        &self.0.source
    }

    /// The result for one term, which need not be a tuple; `None` if no clause accepts it.
    ///
    /// ```
    /// use ferrets::{MatchSpec, term};
    /// let spec: MatchSpec = "[{['$1'|'_'], [], [{'+','$1',1}]}]".parse()?;
    /// assert_eq!(spec.test(&term!([1, 2]))?, Some(term!(2)));
    /// assert_eq!(spec.test(&term!([]))?, None);
    /// assert_eq!(spec.test(&term!([:one]))?, Some(term!(:EXIT))); // it cannot be added to
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if what a result has anew takes more than a GiB.
    #[doc(alias = "ets:test_ms/2")]
    pub fn test(&self, term: &Term) -> Result<Option<Term>> {
        self.machine(NOBODY).run(&Subject::term(term.as_ref()))
    }

    /// The results for the terms of a list that are accepted, in their order.
    ///
    /// ```
    /// use ferrets::{MatchSpec, term};
    /// let spec: MatchSpec = "[{{'$1',a}, [], ['$1']}, {x, [], [y]}]".parse()?;
    /// let terms = [term!({1, :a}), term!({2, :b}), term!(:x)];
    /// assert_eq!(spec.run(&terms)?, [term!(1), term!(:y)]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`test`](Self::test).
    #[doc(alias = "ets:match_spec_run/2")]
    pub fn run(&self, terms: &[Term]) -> Result<Vec<Term>> {
        self.run_as(NOBODY, terms.iter().map(Term::as_ref))
    }

    /// As [`run`](Self::run), for `caller`.
    pub(crate) fn run_as<'t, I>(&self, caller: Pid, terms: I) -> Result<Vec<Term>>
    where
        I: IntoIterator<Item = TermRef<'t>>,
    {
        let mut machine = self.machine(caller);
        let results = terms.into_iter().map(|term| machine.run(&Subject::term(term)));
        results.filter_map(Result::transpose).collect()
    }

    /// The functions that guards and bodies may call, by name and number of arguments, in order.
    /// (`and`, `or`, `andalso`, `orelse`, `const`, `self` and `node` are there besides.)
    ///
    /// ```
    /// assert!(ferrets::MatchSpec::functions().any(|function| function == ("map_get", 2)));
    /// ```
    pub fn functions() -> impl ExactSizeIterator<Item = (&'static str, usize)> {
        guard::GUARDS.iter().map(|guard| (guard.name, guard.call.arity()))
    }

    /// Which keys can be accepted, in tables with their keys at that position.
    #[inline]
    pub(crate) fn plan(&self, keypos: usize, ordered: bool) -> PlanRef<'_> {
        let new = || Planned::new(&self.0.ast, &self.0.source, keypos, ordered);
        let kept = &self.0.plans[usize::from(ordered)];
        let (position, plan) = kept.get_or_init(|| (keypos, new()));
        if *position == keypos { PlanRef::Kept(plan) } else { PlanRef::Made(Box::new(new())) }
    }

    /// What the slow evaluator says that the machine is held against.
    #[cfg(fuzzing)]
    #[must_use]
    pub fn reference(&self, term: &Term) -> Option<Term> {
        reference::run(&self.0.source, term)
    }

    /// The program, instruction by instruction, to read.
    ///
    /// ```
    /// use ferrets::MatchSpec;
    /// let spec: MatchSpec = "[{{a,'$1'}, [{'<','$1',7}], ['$_']}]".parse()?;
    /// assert_eq!(
    ///     spec.listing(),
    ///     "clause 1\n  \
    ///        head   object is a tuple of 2\n  \
    ///        head   element 1 =:= a\n  \
    ///        guard  0: test element 2 < 7\n  \
    ///        result object\n"
    /// );
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn listing(&self) -> String {
        Listing { program: &self.0.program, heap: self.literals() }.to_string()
    }

    /// The objects that match a pattern: `[{Pattern, [], ['$_']}]`.
    ///
    /// ```
    /// use ferrets::{MatchSpec, term};
    /// let spec = MatchSpec::objects(&term!({:_, :admin}))?;
    /// assert_eq!(spec.test(&term!({"ann", :admin}))?, Some(term!({"ann", :admin})));
    /// assert_eq!(spec.test(&term!({"bob", :guest}))?, None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn objects(pattern: &Term) -> Result<Self> {
        Self::of_pattern(pattern, Term::atom("$_")?)
    }

    /// The variables of a pattern where it matches: `[{Pattern, [], ['$$']}]`.
    ///
    /// ```
    /// use ferrets::{MatchSpec, term};
    /// let spec = MatchSpec::bindings(&term!({:"$2", :_, :"$1"}))?;
    /// assert_eq!(spec.test(&term!({"ann", 36, "Oslo"}))?, Some(term!(["Oslo", "ann"])));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn bindings(pattern: &Term) -> Result<Self> {
        Self::of_pattern(pattern, Term::atom("$$")?)
    }

    /// `[{Pattern, [], [Result]}]`.
    pub(crate) fn of_pattern(pattern: &Term, result: Term) -> Result<Self> {
        let clause = Term::tuple([pattern.clone(), Term::nil(), Term::list([result])?])?;
        Self::compile(&Term::list([clause])?)
    }

    /// Whether it is `[{'_', [], [true]}]`, as which every object is deleted in one instant.
    pub(crate) fn is_everything(&self) -> bool {
        let [clause] = self.0.ast.clauses.as_slice() else { return false };
        let is_true = |expr| matches!(expr, Expr::Const(word) if word == Arena::atom(Atom::TRUE));
        matches!(clause.pattern(0), Pattern::Any)
            && clause.guards.is_empty()
            && clause.body.len() == 1
            && is_true(clause.result())
    }

    /// Checks that what it gives has the key of what it was given.
    ///
    /// # Errors
    /// [`BadMatchSpec`](ErrorKind::BadMatchSpec) if that cannot be proved.
    pub(crate) fn keeps_key(&self, keypos: usize) -> Result<()> {
        match replace::first_unproved(&self.0.ast, self.literals(), keypos) {
            None => Ok(()),
            Some(number) => {
                let message = format!(
                    "clause {number}: the body does not show that the key at position {keypos} \
                     stays what it is"
                );
                Err(Error::new(ErrorKind::BadMatchSpec, message))
            }
        }
    }

    fn literals(&self) -> &[u64] {
        self.0.source.as_ref().heap()
    }

    /// A machine that runs the program for `caller`.
    #[inline]
    pub(crate) fn machine(&self, caller: Pid) -> Machine<'_> {
        Machine::new(&self.0.program, self.literals(), caller)
    }
}

/// Who asks where nobody is known.
pub(crate) const NOBODY: Pid = Pid { node: Atom::NO_NODE, id: 0, serial: 0, creation: 0 };

impl FromStr for MatchSpec {
    type Err = Error;

    /// From the text of the term.
    fn from_str(text: &str) -> Result<Self> {
        Self::compile(&Term::parse(text)?)
    }
}

/// The text of the term.
impl fmt::Display for MatchSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.fmt(f)
    }
}

impl fmt::Debug for MatchSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MatchSpec({self})")
    }
}

/// Two are equal if their terms are.
impl PartialEq for MatchSpec {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for MatchSpec {}
