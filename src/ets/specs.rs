//! The functions that take match specifications.

use std::num::NonZeroUsize;

use super::{done, find, options};
use crate::error::{Error, ErrorKind, Result};
use crate::matchspec::MatchSpec;
use crate::owner::Owner;
use crate::table::core::Need;
use crate::table::{Chunk, Continuation, Table};
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
                // Bytes, as Erlang has it, whatever characters they stand for.
                let text = text.bytes().map(Term::new);
                let text = Term::list(text.collect::<Result<Vec<_>>>()?)?;
                Term::tuple([Term::from(Atom::ERROR), text])
            });
            let faults = Term::list(faults.collect::<Result<Vec<_>>>()?)?;
            Term::tuple([Term::from(Atom::ERROR), faults])
        }
        Err(error) => Err(error),
    }
}

fn number(count: usize) -> Result<Term> {
    Term::new(count)
}

/// The table that somebody may read, and the specification, checked in this order.
fn asked(owner: &Owner, table: &Term, spec: &Term) -> Result<(Table, MatchSpec)> {
    let table = find(owner, table)?;
    table.check(Need::Read)?;
    Ok((table, MatchSpec::compile_any(spec)?))
}

pub(super) fn select(owner: &Owner, table: &Term, spec: &Term) -> Result<Term> {
    let (table, spec) = asked(owner, table, spec)?;
    Term::list(table.select(&spec)?)
}

pub(super) fn select_reverse(owner: &Owner, table: &Term, spec: &Term) -> Result<Term> {
    let (table, spec) = asked(owner, table, spec)?;
    Term::list(table.select_reverse(&spec)?)
}

pub(super) fn select_count(owner: &Owner, table: &Term, spec: &Term) -> Result<Term> {
    let (table, spec) = asked(owner, table, spec)?;
    number(table.select_count(&spec)?)
}

pub(super) fn select_delete(owner: &Owner, table: &Term, spec: &Term) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Write)?;
    number(table.select_delete(&MatchSpec::compile_any(spec)?)?)
}

pub(super) fn select_replace(owner: &Owner, table: &Term, spec: &Term) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Write)?;
    table.check_replaceable()?;
    number(table.select_replace(&MatchSpec::compile_any(spec)?)?)
}

pub(super) fn bindings(owner: &Owner, table: &Term, pattern: &Term) -> Result<Term> {
    Term::list(find(owner, table)?.match_bindings(pattern)?)
}

pub(super) fn objects(owner: &Owner, table: &Term, pattern: &Term) -> Result<Term> {
    Term::list(find(owner, table)?.match_object(pattern)?.into_iter().map(Term::from))
}

pub(super) fn match_delete(owner: &Owner, table: &Term, pattern: &Term) -> Result<Term> {
    find(owner, table)?.match_delete(pattern).map(|_| done(()))
}

// ---- In pieces ----------------------------------------------------------------------------------

/// How many results at most: a small integer above zero.
fn limit(argument: &Term) -> Result<NonZeroUsize> {
    let limit = argument.as_i64().filter(|value| options::is_small(*value));
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).and_then(NonZeroUsize::new);
    limit.ok_or_else(|| Error::bad_argument(format!("{argument} is no number of results")))
}

/// A piece in the shape that ETS gives it.
fn piece(chunk: Option<Chunk>) -> Result<Term> {
    let end = Term::from(Atom::END_OF_TABLE);
    let Some(chunk) = chunk else { return Ok(end) };
    let rest = match chunk.rest {
        Some(rest) => rest.to_term()?,
        None => end,
    };
    Term::tuple([Term::list(chunk.results)?, rest])
}

fn first_piece(
    owner: &Owner,
    table: &Term,
    count: &Term,
    compile: impl FnOnce() -> Result<MatchSpec>,
) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Read)?;
    let spec = compile()?;
    piece(table.select_chunk(&spec, limit(count)?)?)
}

pub(super) fn select_some(owner: &Owner, table: &Term, spec: &Term, count: &Term) -> Result<Term> {
    first_piece(owner, table, count, || MatchSpec::compile_any(spec))
}

pub(super) fn select_reverse_some(
    owner: &Owner,
    table: &Term,
    spec: &Term,
    count: &Term,
) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Read)?;
    let spec = MatchSpec::compile_any(spec)?;
    piece(table.select_reverse_chunk(&spec, limit(count)?)?)
}

pub(super) fn bindings_some(
    owner: &Owner,
    table: &Term,
    pattern: &Term,
    count: &Term,
) -> Result<Term> {
    first_piece(owner, table, count, || MatchSpec::bindings(pattern))
}

pub(super) fn objects_some(
    owner: &Owner,
    table: &Term,
    pattern: &Term,
    count: &Term,
) -> Result<Term> {
    first_piece(owner, table, count, || MatchSpec::objects(pattern))
}

/// The next piece, whichever function gave the first.
pub(super) fn resume(owner: &Owner, continuation: &Term) -> Result<Term> {
    if continuation.as_atom() == Some(Atom::END_OF_TABLE) {
        return Ok(continuation.clone());
    }
    let first = continuation.as_tuple().and_then(|tuple| tuple.get(0));
    let malformed = || Error::bad_argument(format!("{continuation} is no continuation"));
    let table = find(owner, &first.ok_or_else(malformed)?.to_term()?)?;
    piece(table.resume(Continuation::from_term(continuation)?)?)
}

/// Ours need no repair: they hold the specification itself.
pub(super) fn repair_continuation(_: &Owner, continuation: &Term, _: &Term) -> Result<Term> {
    if continuation.as_atom() != Some(Atom::END_OF_TABLE) {
        let _ = Continuation::from_term(continuation)?;
    }
    Ok(continuation.clone())
}
