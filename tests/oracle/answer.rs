//! Answers, and what two systems that both keep ETS's promises may differ in.
//!
//! The contract leaves open: the order of keys on hash tables, the number of slots, how much memory
//! a table takes, the time of a fixation and the identity of tables and owners. [`settle`] brings
//! each of these to one form, on both sides alike, and nothing else.

use ferrets::{Term, TermRef, View};

use crate::generate::questions::settled_faults;
use crate::operation::Operation;
use crate::terms::{atom, elements, int, list, list_elements, name, own, replace, tuple};

/// What a call gave.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It returned this.
    Ok(Term),
    /// It failed: the reason, and the cause that the runtime names.
    Error(String, String),
    /// The call was not made, because the runtime is known to break on it.
    Skipped,
}

/// What the comparison must know of the table, taken before the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// `set`, `bag`, ...
    pub(crate) kind: String,
    /// The key position.
    pub(crate) key_position: usize,
    /// Whether anybody holds a fixation.
    pub(crate) fixed: bool,
    /// How many objects.
    pub(crate) size: usize,
    /// Whether the second argument is a key of the table.
    pub(crate) key_present: bool,
    /// Whether the atom that means the end is also a key.
    pub(crate) end_is_key: bool,
}

/// An answer and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The answer.
    pub(crate) answer: Answer,
    /// The identifier of the table that the call made.
    pub(crate) bound: Option<Term>,
    /// Facts on the table.
    pub(crate) context: Option<Context>,
}

/// What belongs to a whole sequence: which identifiers and pids to give a common name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: Vec<(Term, Term)>,
}

impl Names {
    /// Pids are `a@1`, `a@2`, ...
    pub(crate) fn new(actors: impl IntoIterator<Item = Term>) -> Self {
        let known = actors.into_iter().zip(1..);
        Self { known: known.map(|(pid, at)| (pid, atom(&format!("a@{at}")))).collect() }
    }

    fn add(&mut self, operation: &Operation, reply: &Reply) {
        if let (Some(handle), Some(id)) = (&operation.handle, &reply.bound) {
            self.known.push((id.clone(), handle.clone()));
        }
    }

    fn find(&self, term: TermRef<'_>) -> Option<Term> {
        let known = self.known.iter().rev().find(|(id, _)| id.as_ref() == term);
        known.map(|(_, symbol)| symbol.clone())
    }

    fn apply(&self, term: &Term) -> Term {
        replace(term.as_ref(), &|part| self.find(part))
    }
}

/// The answers of a sequence in the form in which they are compared and kept.
pub(crate) fn settle(operations: &[Operation], replies: &[Reply], mut names: Names) -> Vec<Term> {
    operations
        .iter()
        .zip(replies)
        .map(|(operation, reply)| {
            names.add(operation, reply);
            settle_one(operation, reply, &names)
        })
        .collect()
}

/// What is passed over when OTP 25 is asked.
pub(crate) const OLD: &str = "functions that came later, questions with maps, -0.0, short \
     references, the order of lists inserted into bags and the cause with which update_element \
     refuses a position are left out";

/// Whether two settled answers agree.
///
/// Where they need not be the same: a call that was skipped agrees with any refusal; from a key
/// that was never in a fixed table ETS does not step and ferrets does; an empty ordered table
/// with `write_concurrency` has no end of its slots in ETS; the key that ETS has for the end ends
/// its folds; the first of several pieces of what a hash table has may be any, and ferrets may know
/// earlier that it is the last; terms within what is wrong with a match specification are printed
/// each in its own way; and the causes that OTP 25 lacks.
pub(crate) fn agree(operation: &Operation, theirs: &Term, ours: &Term, old: bool) -> bool {
    if theirs == ours {
        return true;
    }
    let (they, we) = (elements(theirs), elements(ours));
    let refused = |parts: &[Term], cause: &str| {
        parts.first().and_then(name) == Some("error") && parts.get(2).and_then(name) == Some(cause)
    };
    let context = we.get(2).and_then(|context| Context::from_term(context.as_ref()));
    match operation.function.as_str() {
        "slot" | "slots" => {
            let empty = |facts: Context| !facts.is_hash() && facts.size == 0;
            refused(&they, "none") && context.is_some_and(empty)
        }
        "select" | "select_reverse" | "match" | "match_object"
            if operation.arguments.len() == 3 =>
        {
            agree_on_piece(&they, &we, context.as_ref())
        }
        "foldl" | "foldr" => context.is_some_and(|facts| facts.end_is_key),
        "next" | "prev" | "next_lookup" | "prev_lookup" => {
            let absent = |facts: Context| facts.is_hash() && facts.fixed && !facts.key_present;
            refused(&they, "none") && context.is_some_and(absent)
        }
        "test_ms" => match (they.get(1), we.get(1)) {
            (Some(they), Some(we)) => settled_faults(they) == settled_faults(we),
            _ => false,
        },
        "update_element" if old && refused(&they, "none") => refused(&we, "position"),
        "update_element" | "update_counter" => {
            name(theirs) == Some("skipped") && we.first().and_then(name) == Some("error")
        }
        _ => false,
    }
}

/// Which results of a hash table come first is open; and ferrets may know before ETS that there are
/// no more.
fn agree_on_piece(theirs: &[Term], ours: &[Term], context: Option<&Context>) -> bool {
    let (Some([ok, they, ..]), Some([we_ok, we, ..])) = (theirs.get(..), ours.get(..)) else {
        return false;
    };
    if name(ok) != Some("ok") || ok != we_ok {
        return false;
    }
    let (they, we) = (elements(they), elements(we));
    let is_hash = context.is_some_and(Context::is_hash);
    is_hash || they.first() == we.first() && they.get(1).and_then(name) == Some("more")
}

fn settle_one(operation: &Operation, reply: &Reply, names: &Names) -> Term {
    let value = match &reply.answer {
        Answer::Skipped => return atom("skipped"),
        Answer::Error(reason, cause) => {
            let open = settled_error(operation, reply.context.as_ref()).filter(|_| cause == "none");
            match open {
                Some(open) => open,
                None => return tuple([atom("error"), atom(reason), atom(cause)]),
            }
        }
        Answer::Ok(value) => settled_value(operation, value, reply.context.as_ref(), names),
    };
    match &reply.context {
        Some(context) => tuple([atom("ok"), value, context.to_term()]),
        None => tuple([atom("ok"), value]),
    }
}

/// A slot that one table has another may lack.
fn settled_error(operation: &Operation, context: Option<&Context>) -> Option<Term> {
    let is_slot = context?.is_hash() && operation.function == "slot";
    let slot = operation.arguments.get(1).filter(|_| is_slot)?.as_i64()?;
    (slot > 0).then(|| atom("slot"))
}

fn settled_value(
    operation: &Operation,
    value: &Term,
    context: Option<&Context>,
    names: &Names,
) -> Term {
    match operation.function.as_str() {
        "new" | "rename" | "whereis" | "exit" | "rest" => names.apply(value),
        // The tables of one who exits are inherited in any order.
        "all" | "messages" => sorted(&names.apply(value), None),
        "info" => settled_info(operation, &names.apply(value)),
        "test_ms" => names.apply(value),
        "match_spec_compile" => atom("compiled"),
        "select" | "select_reverse" | "match" | "match_object"
            if operation.arguments.len() == 3 =>
        {
            settled_piece(value)
        }
        _ => match context {
            Some(context) if context.is_hash() => settled_traversal(operation, value, context),
            _ => value.clone(),
        },
    }
}

/// Some results with what to go on from, if there are more.
fn settled_piece(value: &Term) -> Term {
    match elements(value).as_slice() {
        [results, rest] if name(rest) != Some("$end_of_table") => {
            tuple([results.clone(), atom("more")])
        }
        _ => value.clone(),
    }
}

/// What a traversal of a hash table shows, without its order.
fn settled_traversal(operation: &Operation, value: &Term, context: &Context) -> Term {
    match operation.function.as_str() {
        "tab2list" | "foldl" | "foldr" | "match_object" => {
            sorted(value, Some(context.key_position))
        }
        "select" | "select_reverse" | "match" => sorted(value, None),
        // The pieces of one key may come in any order.
        "pieces" => sorted(value, None),
        "slots" => {
            let parts = elements(value);
            let objects = sorted(&parts[0], Some(context.key_position));
            tuple([objects, parts[1].clone()])
        }
        "walk" | "walk_back" => sorted(value, None),
        "walk_lookup" | "walk_back_lookup" => sorted(value, Some(1)),
        "first" | "last" | "first_lookup" | "last_lookup" => {
            let ended = name(value) == Some("$end_of_table") && !context.end_is_key;
            if ended || context.size <= 1 { value.clone() } else { atom("some_key") }
        }
        "next" | "prev" | "next_lookup" | "prev_lookup" => {
            let others = context.size - usize::from(context.key_present);
            if others == 0 { value.clone() } else { atom("some_key") }
        }
        "slot" => atom("slot"),
        _ => value.clone(),
    }
}

/// Sorts a list, of tuples by one element: equal ones keep their order, which in bags counts.
fn sorted(value: &Term, position: Option<usize>) -> Term {
    let Some(mut parts) = list_elements(value) else { return value.clone() };
    match position {
        None => parts.sort(),
        Some(position) => parts.sort_by_key(|part| elements(part).get(position - 1).cloned()),
    }
    list(parts)
}

fn settled_info(operation: &Operation, value: &Term) -> Term {
    if let Some(item) = operation.arguments.get(1) {
        return settled_item(name(item).unwrap_or_default(), value);
    }
    let Some(items) = list_elements(value) else { return value.clone() };
    list(items.iter().map(|item| match elements(item).as_slice() {
        [key, value] => tuple([key.clone(), settled_item(name(key).unwrap_or_default(), value)]),
        _ => item.clone(),
    }))
}

fn settled_item(item: &str, value: &Term) -> Term {
    match item {
        "memory" if value.as_i64().is_some_and(|words| words > 0) => atom("words"),
        "safe_fixed" | "safe_fixed_monotonic_time" => match elements(value).as_slice() {
            [_, holders] => tuple([atom("time"), sorted(holders, None)]),
            _ => value.clone(),
        },
        "stats" => match elements(value).as_slice() {
            [slots, _, _, _, _, _, _, locks]
                if slots.as_i64() > Some(0) && locks.as_i64() > Some(0) =>
            {
                atom("stats")
            }
            // Ordered tables: what Erlang says of those with `write_concurrency`.
            [_, _, _] => atom("false"),
            _ => value.clone(),
        },
        "binary" if matches!(value.view(), View::Nil | View::List(_)) => atom("binaries"),
        _ => value.clone(),
    }
}

impl Context {
    /// Whether the table hashes its keys, so that it has no order of its own.
    pub(crate) fn is_hash(&self) -> bool {
        self.kind != "ordered_set"
    }

    fn to_term(&self) -> Term {
        let number = |value: usize| int(i64::try_from(value).unwrap_or(i64::MAX));
        let flag = |value: bool| atom(if value { "true" } else { "false" });
        tuple([
            atom(&self.kind),
            number(self.key_position),
            flag(self.fixed),
            number(self.size),
            flag(self.key_present),
            flag(self.end_is_key),
        ])
    }

    /// From the tuple that the Erlang side sends; `none` is none.
    pub(crate) fn from_term(term: TermRef<'_>) -> Option<Self> {
        let parts = elements(&own(term));
        let [kind, key_position, fixed, size, key_present, end_is_key] = parts.as_slice() else {
            return None;
        };
        let number = |term: &Term| term.as_i64().and_then(|value| usize::try_from(value).ok());
        Some(Self {
            kind: name(kind)?.to_owned(),
            key_position: number(key_position)?,
            fixed: name(fixed)? == "true",
            size: number(size)?,
            key_present: name(key_present)? == "true",
            end_is_key: name(end_is_key)? == "true",
        })
    }
}
