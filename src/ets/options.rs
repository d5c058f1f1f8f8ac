//! Option lists: the second arguments of `new/2` and `setopts/2`.

use crate::error::{Error, ErrorKind, Result};
use crate::table::{Access, Kind, TableOptions, WriteConcurrency};
use crate::term::{Atom, Pid, Term, TermRef, TupleRef, View, Word};

/// Heir and access, where they are to change.
type Settings = (Option<Option<(Pid, Term)>>, Option<Access>);

/// The largest number of locks that ETS can be told to use.
const MAX_LOCKS: i64 = 32_768;
/// The number of locks that it uses at least.
const MIN_LOCKS: u32 = 64;

/// Whether ETS calls an integer small, which is what it takes as a position: 60 bits hold it.
pub(super) fn is_small(value: i64) -> bool {
    Word::int(value).is_some()
}

impl TableOptions {
    /// The options of a list of terms, as `ets:new/2` takes them.
    ///
    /// Of options that exclude each other the last counts, but for `set` and `protected`: these are
    /// the defaults, and as in ETS they take nothing back that another option has said.
    ///
    /// ```
    /// use ferrets::{Access, Kind, TableOptions, Term, WriteConcurrency};
    /// let list: Term = "[bag, public, {keypos, 2}, {write_concurrency, auto}]".parse()?;
    /// let options = TableOptions::from_term(list.as_ref())?;
    /// let same = TableOptions::new(Kind::Bag)
    ///     .access(Access::Public)
    ///     .keypos(2)
    ///     .write_concurrency(WriteConcurrency::Auto)
    ///     .decentralized_counters(true); // which `auto` implies
    /// assert_eq!(options, same);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadOption`](ErrorKind::BadOption) for an option that ETS does not have, for one with a
    /// value that it does not take, and for anything but a proper list.
    pub fn from_term(options: TermRef<'_>) -> Result<Self> {
        let Some(list) = options.as_list() else {
            return Err(bad_option(format!("table options are a proper list, not {options}")));
        };
        let mut parsed = Parsed { options: Self::default(), decentralized: false, explicit: None };
        for option in list {
            parsed.take(option).ok_or_else(|| bad_option(format!("no table option: {option}")))?;
        }
        parsed.finish()
    }
}

fn bad_option(message: String) -> Error {
    Error::new(ErrorKind::BadOption, message)
}

/// What the options up to here say.
struct Parsed {
    options: TableOptions,
    /// What kind and hints imply for the counters. That depends on the order in which they come.
    decentralized: bool,
    /// What was said about the counters themselves, which goes before.
    explicit: Option<bool>,
}

impl Parsed {
    /// Takes one option; `None` if it is none.
    fn take(&mut self, option: TermRef<'_>) -> Option<()> {
        match option.view() {
            View::Atom(flag) => self.take_flag(flag),
            View::Tuple(tuple) => match tuple.len() {
                2 => self.take_pair(tuple.get(0)?.as_atom()?, tuple.get(1)?),
                3 => {
                    self.options.heir = Some(heir(tuple)?);
                    Some(())
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn take_flag(&mut self, flag: Atom) -> Option<()> {
        let options = &mut self.options;
        match flag.name() {
            "set" | "protected" => {}
            "bag" => options.kind = Kind::Bag,
            "duplicate_bag" => options.kind = Kind::DuplicateBag,
            "ordered_set" => {
                options.kind = Kind::OrderedSet;
                self.decentralized = true;
            }
            "public" => options.access = Access::Public,
            "private" => options.access = Access::Private,
            "named_table" => options.named = true,
            "compressed" => options.compressed = true,
            _ => return None,
        }
        Some(())
    }

    fn take_pair(&mut self, name: Atom, value: TermRef<'_>) -> Option<()> {
        match name.name() {
            "keypos" => {
                let position = value.as_i64().filter(|position| is_small(*position))?;
                self.options.keypos = usize::try_from(position).ok().filter(|at| *at > 0)?;
            }
            "read_concurrency" => self.options.read_concurrency = value.as_bool()?,
            "write_concurrency" => self.take_write_concurrency(value)?,
            "decentralized_counters" => self.explicit = Some(value.as_bool()?),
            "heir" => {
                value.as_atom().filter(|heir| *heir == Atom::NONE)?;
                self.options.heir = None;
            }
            _ => return None,
        }
        Some(())
    }

    fn take_write_concurrency(&mut self, value: TermRef<'_>) -> Option<()> {
        self.options.write_concurrency = match value.view() {
            View::Atom(Atom::FALSE) => WriteConcurrency::False,
            View::Atom(Atom::TRUE) => {
                if self.options.kind != Kind::OrderedSet {
                    self.decentralized = false;
                }
                WriteConcurrency::True
            }
            View::Atom(how) if how.name() == "auto" => {
                self.decentralized = true;
                WriteConcurrency::Auto
            }
            View::Tuple(tuple) => {
                self.decentralized = true;
                WriteConcurrency::DebugLocks(lock_count(tuple)?)
            }
            _ => return None,
        };
        Some(())
    }

    fn finish(self) -> Result<TableOptions> {
        let locks = matches!(self.options.write_concurrency, WriteConcurrency::DebugLocks(_));
        if locks && self.options.kind == Kind::OrderedSet {
            let message = "an ordered_set has no fixed number of locks".to_owned();
            return Err(bad_option(message));
        }
        Ok(self.options.decentralized_counters(self.explicit.unwrap_or(self.decentralized)))
    }
}

fn lock_count(tuple: TupleRef<'_>) -> Option<u32> {
    let is_pair = tuple.len() == 2;
    let name = tuple.get(0)?.as_atom()?.name();
    let count = tuple.get(1)?.as_i64().filter(|count| (1..=MAX_LOCKS).contains(count))?;
    if !is_pair || name != "debug_hash_fixed_number_of_locks" {
        return None;
    }
    // As ETS rounds it: down to a power of two, but to no less than 64.
    Some(1 << u32::try_from(count).ok()?.max(MIN_LOCKS).ilog2())
}

/// The heir and his data in `{heir, Pid, Data}`.
fn heir(tuple: TupleRef<'_>) -> Option<(Pid, Term)> {
    match (tuple.get(0)?.as_atom()?.name(), tuple.get(1)?.view(), tuple.get(2)?) {
        ("heir", View::Pid(heir), data) => Some((heir, data.to_term().ok()?)),
        _ => None,
    }
}

/// What `setopts/2` is to change: the heir, to somebody or nobody, and the protection, as far as it
/// says so.
///
/// One option may stand alone, more are a proper list; none may come twice.
pub(super) fn settings(options: TermRef<'_>) -> Result<Settings> {
    let bad = || bad_option(format!("no settings of a table: {options}"));
    let mut new_heir = None;
    let mut access = None;
    let mut set = |option: TermRef<'_>| {
        let tuple = option.as_tuple()?;
        if tuple.len() == 3 {
            return new_heir.replace(Some(heir(tuple)?)).is_none().then_some(());
        }
        let pair = Some(tuple).filter(|tuple| tuple.len() == 2)?;
        let (name, value) = (pair.get(0)?.as_atom()?, pair.get(1)?.as_atom()?);
        match name.name() {
            "heir" if value == Atom::NONE => new_heir.replace(None).is_none().then_some(()),
            "protection" => {
                let named = Access::ALL.iter().find(|access| access.name() == value.name())?;
                access.replace(*named).is_none().then_some(())
            }
            _ => None,
        }
    };
    if options.as_tuple().is_some() {
        set(options).ok_or_else(bad)?;
    } else {
        for option in options.as_list().ok_or_else(bad)? {
            set(option).ok_or_else(bad)?;
        }
    }
    Ok((new_heir, access))
}
