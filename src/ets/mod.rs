//! The calling convention of Erlang's `ets`: every function by its name, on terms.
//!
//! For those who know ETS by heart, for scripts and remote consoles, and for the test that puts
//! every call to Erlang as well. Arguments are checked as ETS checks them, in its order: first that
//! the table argument is an atom or a table id, then that the table exists, then that the owner may
//! do this, then the rest. Results have the shape that ETS gives them, and an
//! [`Error`] has the cause that ETS names.
//!
//! ```
//! use ferrets::{Store, Term, ets};
//! let store = Store::new();
//! let owner = store.owner();
//! let call = |function: &str, arguments: &str| {
//!     let arguments: Term = format!("[{arguments}]").parse()?;
//!     let list = arguments.as_ref().as_list().expect("it stands in brackets");
//!     let list = list.map(|argument| argument.to_term()).collect::<ferrets::Result<Vec<_>>>()?;
//!     ets::call(&owner, function, &list)
//! };
//! call("new", "users, [named_table, bag]")?;
//! call("insert", "users, [{ann,36}, {bob,25}, {ann,7}]")?;
//! assert_eq!(call("lookup", "users, ann")?.to_string(), "[{ann,36},{ann,7}]");
//! assert_eq!(call("lookup_element", "users, eve, 2").unwrap_err().cause(), Some("badkey"));
//! # Ok::<(), ferrets::Error>(())
//! ```
//!
//! What ETS sends to processes, the message of a table that changes hands, is in the mailbox of the
//! [owner](Owner::try_receive).
//!
//! [`functions`] says which functions there are. Those that take functions are not among them:
//! see [`Table::foldl`], [`Table::foldr`] and [`Table::init_table`].
//!
//! Differences from OTP 27:
//!
//! * A default object without a key element, for a key that is missing, is refused; OTP stores it
//!   in a hash table and crashes on it in an ordered one.
//! * `next` and its kin accept any key while the table is fixed, OTP only those that were deleted
//!   meanwhile.
//! * Folds go over the key `'$end_of_table'` as over any other; OTP's end there.
//! * Positions above 2^31 are what they are; OTP keeps 32 bits of those that `new` and
//!   `lookup_element` get.
//! * Some things that OTP does wrong are right: `take` from a fixed bag leaves the right size
//!   behind;
//!   a protection that was changed stays changed when a long list is inserted or all objects are
//!   deleted; asking for the item `binary` of a table that does not exist gives nobody rights to
//!   private tables; `slot` of an empty ordered table with `write_concurrency` says
//!   `'$end_of_table'`, as of one without.
//! * A map that a body makes may have been given one key twice; the last counts. OTP crashes, or
//!   goes on with a map that is none. And `select_replace` gives each key its own value, OTP only
//!   in the first object, if the keys that were calculated are in another order.
//! * A compiled match specification and a continuation are terms that hold all that they need: the
//!   latter needs no `repair_continuation`. Numbers of variables do not wrap around at 2^64.
//! * A full chunk of an ordered table is known to be the last if a guard leaves one key, too.
//! * Match specifications may be of any depth; OTP refuses some thousand levels. A clause has at
//!   most 16 million parts, a result at most a GiB that is made anew. What `test_ms` says is wrong
//!   has terms as `~p` prints them, and is not cut off after 99 characters; it lists the first
//!   hundred faults.
//! * What `const` quotes stays as it is. OTP numbers variables anew once the head of any clause has
//!   one from `'$25'` on, and takes quoted atoms that look like variables for such.
//! * A body may use a variable whose first use was left out, in `andalso` or `orelse` behind an
//!   argument that decided. OTP's result then points into the table, whose memory may be freed.
//! * `fun2ms` is [`MatchSpec::fun2ms`](crate::MatchSpec::fun2ms), of text. There `bindings()` is
//!   `'$$'`, where OTP puts an atom that means nothing; all functions that specifications have may
//!   be called, not only some; constants may be calculated in heads. A fun of which OTP makes
//!   something that says something else is refused: an atom `'_'` in a head, `_` in a body, a name
//!   of the whole object in itself. Records are not known.
//! * `info/2`: `stats` counts a lock for each slot, and no objects that are kept because the table
//!   is fixed, as there are none; it is `false` for every ordered table.
//!   `safe_fixed_monotonic_time` has the time of day, in nanoseconds. `write_concurrency` is
//!   reported as it was asked for, whatever the number of processors.
//! * [`Table::init_table`] takes a closure that returns objects until it returns `None`, not a
//!   function that returns its successor; and it does not tell it to close.

mod info;
mod options;
mod specs;

use crate::error::{Error, ErrorKind, Result};
use crate::owner::Owner;
use crate::table::core::Need;
use crate::table::{Kind, Table, TableOptions};
use crate::term::{Atom, Objects, Term, View};

/// A function, by the number of its arguments.
enum Function {
    Nullary(fn(&Owner) -> Result<Term>),
    Unary(fn(&Owner, &Term) -> Result<Term>),
    Binary(fn(&Owner, &Term, &Term) -> Result<Term>),
    Ternary(fn(&Owner, &Term, &Term, &Term) -> Result<Term>),
    Quaternary(fn(&Owner, &Term, &Term, &Term, &Term) -> Result<Term>),
}

use Function::{Binary, Nullary, Quaternary, Ternary, Unary};

/// Every function, in the order of names and arities.
const FUNCTIONS: &[(&str, Function)] = &[
    ("all", Nullary(all)),
    ("delete", Unary(delete_table)),
    ("delete", Binary(delete)),
    ("delete_all_objects", Unary(delete_all_objects)),
    ("delete_object", Binary(delete_object)),
    ("first", Unary(|owner, table| key(find(owner, table)?.first()?))),
    ("first_lookup", Unary(|owner, table| key_and_objects(find(owner, table)?.first_lookup()?))),
    ("give_away", Ternary(give_away)),
    ("info", Unary(info::info)),
    ("info", Binary(info::info_item)),
    ("insert", Binary(insert)),
    ("insert_new", Binary(insert_new)),
    ("is_compiled_ms", Unary(specs::is_compiled_ms)),
    ("last", Unary(|owner, table| key(find(owner, table)?.last()?))),
    ("last_lookup", Unary(|owner, table| key_and_objects(find(owner, table)?.last_lookup()?))),
    ("lookup", Binary(|owner, table, key| find(owner, table)?.lookup(key)?.to_term())),
    ("lookup_element", Ternary(lookup_element)),
    ("lookup_element", Quaternary(lookup_element_or)),
    ("match", Unary(specs::resume)),
    ("match", Binary(specs::bindings)),
    ("match", Ternary(specs::bindings_some)),
    ("match_delete", Binary(specs::match_delete)),
    ("match_object", Unary(specs::resume)),
    ("match_object", Binary(specs::objects)),
    ("match_object", Ternary(specs::objects_some)),
    ("match_spec_compile", Unary(specs::match_spec_compile)),
    ("match_spec_run", Binary(specs::match_spec_run)),
    ("member", Binary(|owner, table, key| Ok(truth(find(owner, table)?.member(key)?)))),
    ("new", Binary(new)),
    ("next", Binary(|owner, table, from| key(find_to_step(owner, table, from)?.next(from)?))),
    (
        "next_lookup",
        Binary(|owner, table, from| {
            key_and_objects(find_to_step(owner, table, from)?.next_lookup(from)?)
        }),
    ),
    ("prev", Binary(|owner, table, from| key(find_to_step(owner, table, from)?.prev(from)?))),
    (
        "prev_lookup",
        Binary(|owner, table, from| {
            key_and_objects(find_to_step(owner, table, from)?.prev_lookup(from)?)
        }),
    ),
    ("rename", Binary(rename)),
    ("repair_continuation", Binary(specs::repair_continuation)),
    ("safe_fixtable", Binary(safe_fixtable)),
    ("select", Unary(specs::resume)),
    ("select", Binary(specs::select)),
    ("select", Ternary(specs::select_some)),
    ("select_count", Binary(specs::select_count)),
    ("select_delete", Binary(specs::select_delete)),
    ("select_replace", Binary(specs::select_replace)),
    ("select_reverse", Unary(specs::resume)),
    ("select_reverse", Binary(specs::select_reverse)),
    ("select_reverse", Ternary(specs::select_reverse_some)),
    ("setopts", Binary(setopts)),
    ("slot", Binary(slot)),
    ("tab2list", Unary(tab2list)),
    ("take", Binary(|owner, table, key| find(owner, table)?.take(key)?.to_term())),
    ("test_ms", Binary(specs::test_ms)),
    ("update_counter", Ternary(update_counter)),
    ("update_counter", Quaternary(update_counter_or)),
    ("update_element", Ternary(update_element)),
    ("update_element", Quaternary(update_element_or)),
    ("whereis", Unary(whereis)),
];

impl Function {
    const fn arity(&self) -> usize {
        match self {
            Nullary(_) => 0,
            Unary(_) => 1,
            Binary(_) => 2,
            Ternary(_) => 3,
            Quaternary(_) => 4,
        }
    }

    /// Calls it, if it takes so many arguments.
    fn call(&self, owner: &Owner, arguments: &[Term]) -> Option<Result<Term>> {
        Some(match (self, arguments) {
            (Nullary(function), []) => function(owner),
            (Unary(function), [a]) => function(owner, a),
            (Binary(function), [a, b]) => function(owner, a, b),
            (Ternary(function), [a, b, c]) => function(owner, a, b, c),
            (Quaternary(function), [a, b, c, d]) => function(owner, a, b, c, d),
            _ => return None,
        })
    }
}

/// The functions that [`call`] knows, by name and number of arguments, in order.
///
/// ```
/// use ferrets::ets;
/// assert!(ets::functions().any(|function| function == ("lookup_element", 4)));
/// assert!(ets::functions().all(|(name, _)| name != "foldl")); // takes a function
/// ```
pub fn functions() -> impl ExactSizeIterator<Item = (&'static str, usize)> {
    FUNCTIONS.iter().map(|(name, function)| (*name, function.arity()))
}

/// `ets:function(arguments...)`, called by `owner`.
///
/// ```
/// use ferrets::{Store, ets, term};
/// let owner = Store::new().owner();
/// let t = ets::call(&owner, "new", &[term!(:t), term!([:set])])?;
/// ets::call(&owner, "insert", &[t.clone(), term!({1, "ann"})])?;
/// assert_eq!(ets::call(&owner, "lookup", &[t.clone(), term!(1)])?, term!([{1, "ann"}]));
/// let error = ets::call(&owner, "lookup", &[t]).unwrap_err();
/// assert_eq!(error.to_string(), "there is no function ets:lookup/1");
/// # Ok::<(), ferrets::Error>(())
/// ```
///
/// # Errors
/// As ETS fails; see [`ErrorKind`] for the causes. [`BadArgument`](ErrorKind::BadArgument) for a
/// function that is not among [`functions`] (in Erlang, `undef`).
pub fn call(owner: &Owner, function: &str, arguments: &[Term]) -> Result<Term> {
    let first = FUNCTIONS.partition_point(|(name, _)| *name < function);
    FUNCTIONS[first..]
        .iter()
        .take_while(|(name, _)| *name == function)
        .find_map(|(_, known)| known.call(owner, arguments))
        .unwrap_or_else(|| {
            let arity = arguments.len();
            Err(Error::bad_argument(format!("there is no function ets:{function}/{arity}")))
        })
}

/// The table that an argument names.
fn find(owner: &Owner, table: &Term) -> Result<Table> {
    match table.view() {
        View::Atom(name) => owner.table(name.name()),
        View::Reference(_) => owner.table_by_id(table.as_ref()),
        _ => {
            let message = format!("{table} is neither the name nor the id of a table");
            Err(Error::new(ErrorKind::NotATable, message))
        }
    }
}

/// The table that an argument names, to step in from a key. In an ordered table ETS takes the atom
/// that says that a walk has ended for no key, even where it is one.
fn find_to_step(owner: &Owner, table: &Term, from: &Term) -> Result<Table> {
    let table = find(owner, table)?;
    table.check(Need::Read)?;
    if table.kind() == Kind::OrderedSet && from.as_atom() == Some(Atom::END_OF_TABLE) {
        return Err(Error::bad_argument(format!("{from} is where a walk ends")));
    }
    Ok(table)
}

fn truth(value: bool) -> Term {
    Term::from(Atom::from(value))
}

/// What functions return that have nothing to say.
fn done((): ()) -> Term {
    truth(true)
}

fn key(found: Option<Term>) -> Result<Term> {
    Ok(found.unwrap_or_else(|| Term::from(Atom::END_OF_TABLE)))
}

fn key_and_objects(found: Option<(Term, Objects)>) -> Result<Term> {
    match found {
        Some((key, objects)) => Term::tuple([key, objects.to_term()?]),
        None => key(None),
    }
}

/// An argument that should be an atom.
fn atom(argument: &Term, what: &str) -> Result<Atom> {
    argument.as_atom().ok_or_else(|| Error::bad_argument(format!("{argument} is no {what}")))
}

/// An argument that should be a position. One that no object can have is as good as any other.
fn position(argument: &Term) -> Result<usize> {
    let position = argument.as_i64().filter(|value| *value > 0 && options::is_small(*value));
    position.and_then(|position| usize::try_from(position).ok()).ok_or_else(|| {
        Error::bad_argument(format!("{argument} is no position: these count from one"))
    })
}

fn new(owner: &Owner, name: &Term, options: &Term) -> Result<Term> {
    let name = atom(name, "name of a table")?;
    let options = TableOptions::from_term(options.as_ref())?;
    let table = owner.new_table(name.name(), options)?;
    Ok(table.designation())
}

fn all(owner: &Owner) -> Result<Term> {
    Term::list(owner.all_tables().iter().map(Table::designation))
}

fn whereis(owner: &Owner, name: &Term) -> Result<Term> {
    let name = atom(name, "name of a table")?;
    match owner.table(name.name()) {
        Ok(table) => Ok(table.id()),
        Err(error) if error.kind() == ErrorKind::NoSuchTable => Ok(Term::from(Atom::UNDEFINED)),
        Err(error) => Err(error),
    }
}

fn delete_table(owner: &Owner, table: &Term) -> Result<Term> {
    find(owner, table)?.delete_table().map(done)
}

fn rename(owner: &Owner, table: &Term, name: &Term) -> Result<Term> {
    let found = find(owner, table)?;
    found.check(Need::Write)?;
    let name = atom(name, "name for a table")?;
    found.rename(name.name())?;
    Ok(if found.is_named() { Term::from(name) } else { table.clone() })
}

fn setopts(owner: &Owner, table: &Term, settings: &Term) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Write)?;
    let (heir, access) = options::settings(settings.as_ref())?;
    // ETS gives no cause to a stranger who may write, though it has one.
    table.check(Need::Own).map_err(|error| match error.kind() {
        ErrorKind::NotOwner => Error::bad_argument(error.to_string()),
        _ => error,
    })?;
    table.set_options(heir, access).map(done)
}

fn give_away(owner: &Owner, table: &Term, to: &Term, gift: &Term) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Write)?;
    let View::Pid(to) = to.view() else {
        return Err(Error::bad_argument(format!("{to} is no owner")));
    };
    table.give_away(to, gift).map(done)
}

fn insert(owner: &Owner, table: &Term, objects: &Term) -> Result<Term> {
    find(owner, table)?.insert_term(objects.as_ref(), false).map(truth)
}

fn insert_new(owner: &Owner, table: &Term, objects: &Term) -> Result<Term> {
    find(owner, table)?.insert_term(objects.as_ref(), true).map(truth)
}

fn lookup_element(owner: &Owner, table: &Term, key: &Term, at: &Term) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Read)?;
    table.lookup_element(key, position(at)?)
}

fn lookup_element_or(
    owner: &Owner,
    table: &Term,
    key: &Term,
    at: &Term,
    default: &Term,
) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Read)?;
    table.lookup_element_or(key, position(at)?, default)
}

fn delete(owner: &Owner, table: &Term, key: &Term) -> Result<Term> {
    find(owner, table)?.delete(key).map(done)
}

fn delete_object(owner: &Owner, table: &Term, object: &Term) -> Result<Term> {
    find(owner, table)?.delete_object(object).map(done)
}

fn delete_all_objects(owner: &Owner, table: &Term) -> Result<Term> {
    find(owner, table)?.delete_all_objects().map(done)
}

fn update_counter(owner: &Owner, table: &Term, key: &Term, operations: &Term) -> Result<Term> {
    find(owner, table)?.update_counter_term(key.as_ref(), operations.as_ref(), None)
}

fn update_counter_or(
    owner: &Owner,
    table: &Term,
    key: &Term,
    operations: &Term,
    default: &Term,
) -> Result<Term> {
    let table = find(owner, table)?;
    check_default(&table, default)?;
    table.update_counter_term(key.as_ref(), operations.as_ref(), Some(default.as_ref()))
}

fn update_element(owner: &Owner, table: &Term, key: &Term, changes: &Term) -> Result<Term> {
    find(owner, table)?.update_element_term(key.as_ref(), changes.as_ref(), None).map(truth)
}

fn update_element_or(
    owner: &Owner,
    table: &Term,
    key: &Term,
    changes: &Term,
    default: &Term,
) -> Result<Term> {
    let table = find(owner, table)?;
    check_default(&table, default)?;
    let default = Some(default.as_ref());
    // With a default the key is always there.
    table.update_element_term(key.as_ref(), changes.as_ref(), default).map(|_| truth(true))
}

/// ETS looks at the default before it looks at what the table is.
fn check_default(table: &Table, default: &Term) -> Result<()> {
    table.check(Need::Write)?;
    match default.as_tuple() {
        Some(_) => Ok(()),
        None => Err(Error::bad_argument(format!("the default {default} is no object"))),
    }
}

fn slot(owner: &Owner, table: &Term, slot: &Term) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Read)?;
    let index = slot.as_i64().and_then(|slot| usize::try_from(slot).ok());
    let index = index.ok_or_else(|| Error::bad_argument(format!("{slot} is no slot")))?;
    table.slot(index)?.map_or_else(|| key(None), |objects| objects.to_term())
}

fn safe_fixtable(owner: &Owner, table: &Term, fix: &Term) -> Result<Term> {
    let table = find(owner, table)?;
    table.check(Need::Read)?;
    let fix = fix.as_ref().as_bool();
    let fix = fix.ok_or_else(|| Error::bad_argument("a table is fixed by true or false"))?;
    table.safe_fixtable(fix).map(done)
}

fn tab2list(owner: &Owner, table: &Term) -> Result<Term> {
    Term::list(find(owner, table)?.tab2list()?.into_iter().map(Term::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_in_order() {
        assert!(functions().is_sorted());
        assert!(functions().zip(functions().skip(1)).all(|(one, next)| one != next));
    }
}
