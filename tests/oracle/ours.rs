//! Our side: the same sequences, run by `ferrets::ets`.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ferrets::{
    Error, ErrorKind, FunOptions, MatchSpec, Message, Object, Owner, Result, Store, Table, Term,
    View, ets,
};

use crate::answer::{Answer, Context, Names, Reply, settle};
use crate::operation::Operation;
use crate::terms::{atom, elements, int, list, list_elements, name, own, replace, tuple};

/// No walk is this long: one that is never ends.
const STEPS: usize = 20_000;

/// Runs a sequence in a store of its own and settles the answers. `seed` is that of the hashes.
pub(crate) fn run(sequence: &[Operation], seed: u64) -> Vec<Term> {
    let store = Store::with_seed(seed);
    let mut actors = [store.owner(), store.owner(), store.owner()];
    let mut pids: Vec<Term> = actors.iter().map(pid).collect();
    let mut tables = HashMap::new();
    let mut replies = Vec::with_capacity(sequence.len());
    for operation in sequence {
        let actor = &mut actors[usize::from(operation.actor) - 1];
        let known = |argument: &Term| tables.get(argument).unwrap_or(argument).clone();
        let arguments: Vec<Term> = operation.arguments.iter().map(known).collect();
        let arguments: Vec<Term> = arguments.iter().map(|term| stand_in(term, &pids)).collect();
        let reply = match (operation.function.as_str(), arguments.as_slice()) {
            ("exit", [reason]) => {
                actor.exit(reason).expect("a term is a term");
                *actor = store.owner();
                pids.push(pid(actor));
                Reply { answer: Answer::Ok(pid(actor)), bound: None, context: None }
            }
            _ => reply(actor, operation, &arguments),
        };
        if let (Some(handle), Some(id)) = (&operation.handle, &reply.bound) {
            tables.insert(handle.clone(), id.clone());
        }
        replies.push(reply);
    }
    settle(sequence, &replies, Names::new(pids))
}

fn pid(actor: &Owner) -> Term {
    Term::pid(actor.pid()).expect("a pid is a term")
}

/// The term with the pids of those of the actors that are named in it.
fn stand_in(term: &Term, pids: &[Term]) -> Term {
    replace(term.as_ref(), &|part| {
        let number = part.as_atom()?.name().strip_prefix("a@")?.parse::<usize>().ok()?;
        pids.get(number.checked_sub(1)?).cloned()
    })
}

/// What an actor was told, in the form in which the server puts it.
fn messages(actor: &Owner) -> Result<Term> {
    let message = |message: Message| match &message {
        Message::OwnerDown { owner, reason, .. } => {
            Ok(tuple([atom("DOWN"), atom("process"), Term::pid(*owner)?, reason.clone()]))
        }
        _ => message.to_term(),
    };
    let all = std::iter::from_fn(|| actor.try_receive()).map(message).collect::<Result<Vec<_>>>();
    Ok(list(all?))
}

fn reply(actor: &Owner, operation: &Operation, arguments: &[Term]) -> Reply {
    let function = operation.function.as_str();
    let context = context(actor, function, arguments);
    let answered = catch_unwind(AssertUnwindSafe(|| call(actor, function, arguments)));
    let answer = answered.map_or_else(
        |_| Answer::Error("panic".to_owned(), "none".to_owned()),
        |result| result.map_or_else(|error| refusal(&error), Answer::Ok),
    );
    let bound = operation.handle.as_ref().and_then(|_| bound(actor, &answer));
    Reply { answer, bound, context }
}

fn refusal(error: &Error) -> Answer {
    let cause = error.cause().unwrap_or("none");
    Answer::Error(error.kind().erlang_class().to_owned(), cause.to_owned())
}

fn bound(actor: &Owner, answer: &Answer) -> Option<Term> {
    match answer {
        Answer::Ok(table) if table.as_atom().is_some() => {
            ets::call(actor, "whereis", std::slice::from_ref(table)).ok()
        }
        Answer::Ok(table) => Some(table.clone()),
        _ => None,
    }
}

fn call(actor: &Owner, function: &str, arguments: &[Term]) -> Result<Term> {
    match (function, arguments) {
        ("messages", []) => return messages(actor),
        ("monitor", [pid]) => {
            let View::Pid(pid) = pid.view() else { return ets::call(actor, function, arguments) };
            return actor.monitor(pid).map(|_| atom("monitored"));
        }
        _ => {}
    }
    let [table, ..] = arguments else { return ets::call(actor, function, arguments) };
    match function {
        "pieces" => pieces(actor, arguments),
        "rest" => rest(actor, arguments),
        "run_ms" => run_ms(actor, arguments),
        "fun2ms" => fun2ms(arguments),
        "walk" => walk(actor, table, "first", "next"),
        "walk_back" => walk(actor, table, "last", "prev"),
        "walk_lookup" => walk_lookup(actor, table, "first_lookup", "next_lookup"),
        "walk_back_lookup" => walk_lookup(actor, table, "last_lookup", "prev_lookup"),
        "slots" => slots(actor, table),
        "foldl" | "foldr" => fold(actor, table, function),
        "init_table" => init_table(actor, arguments),
        _ => ets::call(actor, function, arguments),
    }
}

fn is_end(term: &Term) -> bool {
    name(term) == Some("$end_of_table")
}

/// The end has the same name as one possible key: that key comes once, the end comes after it.
fn walk(actor: &Owner, table: &Term, first: &str, next: &str) -> Result<Term> {
    let mut key = ets::call(actor, first, std::slice::from_ref(table))?;
    let end = atom("$end_of_table");
    let member = ets::call(actor, "member", &[table.clone(), end])?;
    let mut end_is_key = name(&member) == Some("true");
    let mut keys = Vec::new();
    while !is_end(&key) || std::mem::take(&mut end_is_key) {
        keys.push(key.clone());
        if keys.len() == STEPS {
            keys.push(atom("endless"));
            break;
        }
        key = ets::call(actor, next, &[table.clone(), key])?;
    }
    Ok(list(keys))
}

fn walk_lookup(actor: &Owner, table: &Term, first: &str, next: &str) -> Result<Term> {
    let mut found = ets::call(actor, first, std::slice::from_ref(table))?;
    let mut all = Vec::new();
    while !is_end(&found) {
        all.push(found.clone());
        if all.len() == STEPS {
            all.push(atom("endless"));
            break;
        }
        let key = elements(&found).into_iter().next().unwrap_or_else(Term::nil);
        found = ets::call(actor, next, &[table.clone(), key])?;
    }
    Ok(list(all))
}

fn slots(actor: &Owner, table: &Term) -> Result<Term> {
    let mut objects = Vec::new();
    for slot in 0.. {
        let found = ets::call(actor, "slot", &[table.clone(), int(slot)])?;
        if is_end(&found) {
            let beyond = ets::call(actor, "slot", &[table.clone(), int(slot + 1)]);
            return Ok(tuple([list(objects), outcome(beyond)]));
        }
        objects.extend(list_elements(&found).unwrap_or_default());
    }
    Ok(Term::nil())
}

/// The table that an argument names; refused as `ets:info` refuses it.
fn find(actor: &Owner, table: &Term) -> Result<Table> {
    match table.view() {
        View::Atom(name) => actor.table(name.name()),
        View::Reference(_) => actor.table_by_id(table.as_ref()),
        _ => Err(Error::new(ErrorKind::NotATable, "neither a name nor an id")),
    }
}

/// All objects, the last that was met first.
fn fold(actor: &Owner, table: &Term, function: &str) -> Result<Term> {
    let table = find(actor, table)?;
    let met = |object: &Object, mut met: Vec<Term>| {
        met.push(Term::from(object.clone()));
        met
    };
    let met = if function == "foldl" { table.foldl(vec![], met) } else { table.foldr(vec![], met) };
    Ok(list(met?.into_iter().rev()))
}

/// Fills a table with a list of lists of objects.
fn init_table(actor: &Owner, arguments: &[Term]) -> Result<Term> {
    let [table, pages] = arguments else { return ets::call(actor, "init_table", arguments) };
    let mut pages = list_elements(pages).unwrap_or_default().into_iter();
    find(actor, table)?.init_table(|| list_elements(&pages.next()?))?;
    Ok(atom("true"))
}

/// All pieces of a selection, each of which holds something, but not too much.
fn pieces(actor: &Owner, arguments: &[Term]) -> Result<Term> {
    let [table, function, question, limit] = arguments else {
        return ets::call(actor, "pieces", arguments);
    };
    let function = name(function).unwrap_or_default();
    let first = [table.clone(), question.clone(), limit.clone()];
    let mut piece = ets::call(actor, function, &first)?;
    let mut all = Vec::new();
    while !is_end(&piece) {
        let parts = elements(&piece);
        let results = list_elements(&parts[0]).unwrap_or_default();
        let count = i64::try_from(results.len()).unwrap_or(i64::MAX);
        if count == 0 || limit.as_i64().is_none_or(|limit| count > limit) {
            return Ok(atom("bad_piece"));
        }
        all.extend(results);
        piece = ets::call(actor, function, std::slice::from_ref(&parts[1]))?;
    }
    Ok(list(all))
}

/// What a selection goes on from behind its first piece.
fn rest(actor: &Owner, arguments: &[Term]) -> Result<Term> {
    let [table, function, question, limit] = arguments else {
        return ets::call(actor, "rest", arguments);
    };
    let first = [table.clone(), question.clone(), limit.clone()];
    let piece = ets::call(actor, name(function).unwrap_or_default(), &first)?;
    Ok(elements(&piece).into_iter().nth(1).unwrap_or(piece))
}

/// Compiles a specification and puts a list to it.
fn run_ms(actor: &Owner, arguments: &[Term]) -> Result<Term> {
    let [terms, spec] = arguments else { return ets::call(actor, "run_ms", arguments) };
    let compiled = ets::call(actor, "match_spec_compile", std::slice::from_ref(spec))?;
    ets::call(actor, "match_spec_run", &[terms.clone(), compiled])
}

/// Translates the text of a fun, with variables from around it.
fn fun2ms(arguments: &[Term]) -> Result<Term> {
    let bad = || Error::new(ErrorKind::BadArgument, "a text and variables");
    let [text, variables] = arguments else { return Err(bad()) };
    let mut options = FunOptions::new();
    for variable in list_elements(variables).ok_or_else(bad)? {
        let [name, value] = &elements(&variable)[..] else { return Err(bad()) };
        options = options.variable(crate::terms::name(name).ok_or_else(bad)?, value);
    }
    let spec = options.translate(text.as_str().ok_or_else(bad)?)?;
    MatchSpec::compile(&spec).map(|_| spec)
}

/// A result as a term, in the form in which the server puts it.
fn outcome(result: Result<Term>) -> Term {
    match result.map_or_else(|error| refusal(&error), Answer::Ok) {
        Answer::Ok(value) => tuple([atom("ok"), value]),
        Answer::Error(reason, cause) => tuple([atom("error"), atom(&reason), atom(&cause)]),
        Answer::Skipped => atom("skipped"),
    }
}

const WITH_CONTEXT: &[&str] = &[
    "first",
    "last",
    "next",
    "prev",
    "first_lookup",
    "last_lookup",
    "next_lookup",
    "prev_lookup",
    "slot",
    "tab2list",
    "foldl",
    "foldr",
    "slots",
    "walk",
    "walk_back",
    "walk_lookup",
    "walk_back_lookup",
    "update_counter",
    "update_element",
    "select",
    "select_reverse",
    "match",
    "match_object",
    "pieces",
];

fn context(actor: &Owner, function: &str, arguments: &[Term]) -> Option<Context> {
    let table = arguments.first().filter(|_| WITH_CONTEXT.contains(&function))?;
    let info = |item: &str| ets::call(actor, "info", &[table.clone(), atom(item)]).ok();
    let member = |key: &Term| {
        let answer = ets::call(actor, "member", &[table.clone(), key.clone()]);
        answer.is_ok_and(|answer| name(&answer) == Some("true"))
    };
    let facts = tuple([
        info("type")?,
        info("keypos")?,
        info("fixed")?,
        info("size")?,
        atom(if arguments.get(1).is_some_and(member) { "true" } else { "false" }),
        atom(if member(&atom("$end_of_table")) { "true" } else { "false" }),
    ]);
    Context::from_term(own(facts.as_ref()).as_ref())
}
