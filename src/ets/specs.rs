//! The functions that take match specifications.

use crate::error::{Error, ErrorKind, Result};
use crate::matchspec::MatchSpec;
use crate::owner::Owner;
use crate::term::{Atom, Term};

/// What stands before a specification that was compiled. ETS has a reference here, which is good
/// for nothing but being passed on; so is this.
const COMPILED: &str = "$compiled_ms";

pub(super) fn match_spec_compile(_: &Owner, spec: &Term) -> Result<Term> {
    MatchSpec::compile(spec)?;
    Term::tuple([Term::atom(COMPILED)?, spec.clone()])
}

fn compiled(term: &Term) -> Option<MatchSpec> {
    let tuple = term.as_tuple().filter(|tuple| tuple.len() == 2)?;
    let (word, spec) = (tuple.get(0)?.as_atom()?, tuple.get(1)?);
    if word.name() != COMPILED {
        return None;
    }
    MatchSpec::compile(&spec.to_term().ok()?).ok()
}

pub(super) fn is_compiled_ms(_: &Owner, term: &Term) -> Result<Term> {
    Ok(super::truth(compiled(term).is_some()))
}

pub(super) fn match_spec_run(owner: &Owner, list: &Term, spec: &Term) -> Result<Term> {
    let no_list = || Error::bad_argument(format!("{list} is no list of terms"));
    let terms = list.as_ref().as_list().ok_or_else(no_list)?;
    let no_spec = || Error::bad_argument(format!("{spec} is no compiled match specification"));
    let spec = compiled(spec).ok_or_else(no_spec)?;
    Term::list(spec.run_as(owner.pid(), terms)?)
}

pub(super) fn test_ms(owner: &Owner, term: &Term, spec: &Term) -> Result<Term> {
    match MatchSpec::compile(spec) {
        Ok(spec) => {
            let result = spec.run_as(owner.pid(), [term.as_ref()])?.pop();
            let no = || Term::from(Atom::FALSE);
            Term::tuple([Term::from(Atom::OK), result.unwrap_or_else(no)])
        }
        Err(error) if error.kind() == ErrorKind::BadMatchSpec => {
            let faults = MatchSpec::faults(spec).into_iter().map(|text| {
                let text = text.chars().map(|c| Term::new(u32::from(c)));
                let text = Term::list(text.collect::<Result<Vec<_>>>()?)?;
                Term::tuple([Term::from(Atom::ERROR), text])
            });
            let faults = Term::list(faults.collect::<Result<Vec<_>>>()?)?;
            Term::tuple([Term::from(Atom::ERROR), faults])
        }
        Err(error) => Err(error),
    }
}
