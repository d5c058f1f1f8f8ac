//! `fun2ms`: match specifications from the text of Erlang funs.
//!
//! ```text
//!   text --token--> words --read--> clauses, in postfix order --translate--> term
//! ```
//!
//! The rules are those of OTP's `ms_transform`. Where they lead to a specification that says
//! something else than the fun, the fun is refused instead.

mod read;
mod token;
mod translate;

use std::collections::HashMap;

use super::MatchSpec;
use crate::error::Result;
use crate::term::{ParseOptions, Term, ToTerm};

impl MatchSpec {
    /// From the text of an Erlang fun, as `ets:fun2ms` makes it of the fun.
    ///
    /// ```
    /// use ferrets::{ErrorKind, MatchSpec};
    /// let spec = MatchSpec::fun2ms("fun({_, Name, Age}) when Age > 30 -> {Name, Age + 1} end")?;
    /// assert_eq!(spec.to_string(), "[{{'_','$1','$2'},[{'>','$2',30}],[{{'$1',{'+','$2',1}}}]}]");
    ///
    /// let error = MatchSpec::fun2ms("fun({X}) when lists:member(X, [1]) -> X end").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadMatchSpec);
    /// let text = "1:15: lists:member/2 cannot be called in a match specification";
    /// assert_eq!(error.to_string(), text);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// [`FunOptions`] says what can stand in the fun, and gives values to variables that it takes
    /// from around it.
    ///
    /// O(size). Parentheses may be of any depth.
    ///
    /// # Errors
    /// As [`FunOptions::compile`].
    #[doc(alias = "ets:fun2ms/1")]
    pub fn fun2ms(text: &str) -> Result<Self> {
        FunOptions::new().compile(text)
    }
}

/// How funs are read as match specifications.
///
/// A fun has one parameter, the object: a tuple or a variable, or both with `=` between them. Each
/// of its clauses is one of the specification, or several, if alternatives (`;`) are in its guard.
/// Variables of the head become `'$1'`, `'$2'` and so on, in the order in which they appear;
/// `object()` is the whole object and `bindings()` the list of all variables. Guards and bodies may
/// use operators, all functions that match specifications have
/// ([`MatchSpec::functions`], also as `erlang:hd(X)`), tuples, lists, maps, and literals of any
/// kind. What is constant is calculated at once.
///
/// What a fun may do elsewhere but a specification cannot is refused: `case`, `if`, `begin` and
/// their kin, funs, comprehensions, calls of other functions, `=` within, variables in binaries,
/// records (of which the text does not tell the fields; write the tuple).
///
/// ```
/// use ferrets::{FunOptions, term};
/// let options = FunOptions::new().variable("Limit", 40).variable("Tags", term!([:a, :b]));
/// let spec = options.compile(
///     "ets:fun2ms(fun({K, Age} = User) when Age < Limit, K =/= Tags -> User;
///                    ({K, \"abc\" ++ _, _}) -> {K, bindings()}
///                end).",
/// )?;
/// let text = "[{{'$1','$2'},[{'<','$2',{const,40}},{'=/=','$1',{const,[a,b]}}],['$_']},\
///              {{'$1',[97,98,99|'_'],'_'},[],[{{'$1','$$'}}]}]";
/// assert_eq!(spec.to_string(), text);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct FunOptions {
    parse: ParseOptions,
    variables: HashMap<String, Result<Term>>,
}

impl FunOptions {
    /// No variables from around the fun; the limits of [`ParseOptions::new`].
    ///
    /// ```
    /// use ferrets::FunOptions;
    /// let error = FunOptions::new().compile("fun({X}) when X < Limit -> X end").unwrap_err();
    /// assert_eq!(error.to_string(), "1:19: variable Limit is unbound");
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// A variable from around the fun: where the head does not bind it, it is `{const, Value}`.
    ///
    /// A value that has no term is an error where the variable is used.
    ///
    /// ```
    /// use ferrets::{FunOptions, term};
    /// let options = FunOptions::new().variable("X", 7).variable("Y", f64::NAN);
    /// assert_eq!(options.translate("fun(_) -> X end")?, term!([{:_, [], [{:const, 7}]}]));
    /// assert_eq!(options.translate("fun({X}) -> X end")?, term!([{{:"$1"}, [], [:"$1"]}]));
    /// assert!(options.translate("fun(_) -> Y end").is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn variable(mut self, name: &str, value: impl ToTerm) -> Self {
        self.variables.insert(name.to_owned(), Term::new(value));
        self
    }

    /// What reading the text may cost, and whether it may make new atoms.
    ///
    /// ```
    /// use ferrets::{FunOptions, ParseOptions};
    /// let options = FunOptions::new().limits(ParseOptions::new().existing_atoms_only(true));
    /// let error = options.translate("fun({X}) -> {'never heard of', X} end").unwrap_err();
    /// assert_eq!(error.to_string(), "1:14: `never heard of` is not an atom yet");
    /// ```
    pub fn limits(self, parse: ParseOptions) -> Self {
        Self { parse, ..self }
    }

    /// The specification that a fun stands for, as a term.
    ///
    /// ```
    /// use ferrets::{ErrorKind, FunOptions};
    /// let translate = |text| FunOptions::new().translate(text);
    /// let spec = translate("fun({X, _}) when X < 0; X > 9 -> X end")?;
    /// let text = "[{{'$1','_'},[{'<','$1',0}],['$1']},{{'$1','_'},[{'>','$1',9}],['$1']}]";
    /// assert_eq!(spec.to_string(), text);
    /// assert_eq!(translate("fun({X}) -> ").unwrap_err().kind(), ErrorKind::BadSyntax);
    /// assert_eq!(translate("fun(X, Y) -> X end").unwrap_err().kind(), ErrorKind::BadMatchSpec);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadSyntax`](crate::ErrorKind::BadSyntax) for what is no Erlang, and
    /// [`BadMatchSpec`](crate::ErrorKind::BadMatchSpec) for what no match specification can say,
    /// both with line and column; [`LimitExceeded`](crate::ErrorKind::LimitExceeded) as
    /// [`ParseOptions::parse`]; any error of a variable's value.
    pub fn translate(&self, text: &str) -> Result<Term> {
        let (clauses, tokens) = read::fun(text, &self.parse)?;
        translate::clauses(clauses, &tokens, self)
    }

    /// The specification that a fun stands for.
    ///
    /// ```
    /// use ferrets::{FunOptions, term};
    /// let spec = FunOptions::new().compile("fun({Name, Age}) when Age >= 18 -> Name end")?;
    /// assert_eq!(spec.run(&[term!({"ann", 36}), term!({"tim", 7})])?, [term!("ann")]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`translate`](Self::translate) and [`MatchSpec::compile`].
    pub fn compile(&self, text: &str) -> Result<MatchSpec> {
        MatchSpec::compile(&self.translate(text)?)
    }
}
