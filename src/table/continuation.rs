//! Where a selection in pieces goes on.

use super::engine::Mark;
use crate::error::{Error, Result};
use crate::matchspec::MatchSpec;
use crate::term::{Atom, Term, TermRef};

/// Where a selection in pieces goes on: see [`Table::select_chunk`](crate::Table::select_chunk).
///
/// A value: it holds nothing of the table; but in hash tables, which are looked through bucket by
/// bucket, the results of a bucket that are more than were asked for, and these come even if their
/// objects have gone meanwhile. It is good after any change of the table, also of its name, and can
/// be kept as a term. It is of the table that it was made for, as long as that is there.
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions, term};
/// # use std::num::NonZeroUsize;
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
/// t.insert_list([(1,), (2,)])?;
/// let keys = "[{{'$1'},[],['$1']}]".parse()?;
/// let first = t.select_chunk(&keys, NonZeroUsize::MIN)?.expect("there are two");
/// let rest = first.rest.expect("there is more");
/// t.rename("other")?;
/// assert_eq!(t.resume(rest.clone())?.expect("one is left").results, [term!(2)]);
/// assert_eq!(t.resume(rest)?.expect("as often as one likes").results, [term!(2)]);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "without it the rest of the results is not found"]
pub struct Continuation {
    /// The id of the table, as a term.
    pub(super) table: Term,
    pub(super) spec: MatchSpec,
    pub(super) limit: usize,
    /// Where to go on; none at the end of the table.
    pub(super) position: Option<Place>,
    /// Against the order of keys.
    pub(super) back: bool,
    /// Results that are found already, in a hash table.
    pub(super) pending: Vec<Term>,
}

/// A place in a table that outlasts all changes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A hash, from which on to look; zero at the beginning, also of an ordered table.
    Hash(u64),
    /// A key of an ordered table, behind which to look.
    Behind(Term),
}

impl Place {
    pub(super) fn of(mark: &Mark, keypos: usize) -> Result<Self> {
        match mark.key(keypos) {
            Some(key) => Ok(Self::Behind(key.to_term()?)),
            None => Ok(Self::Hash(mark.hash())),
        }
    }

    /// Whether such a table has such places.
    pub(super) fn is_of(&self, ordered: bool) -> bool {
        match self {
            Self::Hash(hash) => !ordered || *hash == 0,
            Self::Behind(_) => ordered,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Hash(0) => Mark::Start,
            Self::Hash(hash) => Mark::Hash(*hash),
            Self::Behind(key) => Mark::Behind(key.clone()),
        }
    }
}

/// Results, and where the next ones are: see [`Table::select_chunk`](crate::Table::select_chunk).
///
/// ```
/// # use ferrets::{Kind, Store, TableOptions};
/// # use std::num::NonZeroUsize;
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert_list([(1,), (2,)])?;
/// let keys = "[{{'$1'},[],['$1']}]".parse()?;
/// let both = t.select_chunk(&keys, NonZeroUsize::MAX)?.expect("there are two");
/// assert!(both.results.len() == 2 && both.rest.is_none());
/// // A full one does not know that it is the last.
/// let full = t.select_chunk(&keys, NonZeroUsize::new(2).unwrap())?.expect("there are two");
/// assert!(t.resume(full.rest.expect("there may be more"))?.is_none());
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// At least one, at most as many as the limit.
    pub results: Vec<Term>,
    /// What to call [`Table::resume`](crate::Table::resume) with, unless these were the last.
    pub rest: Option<Continuation>,
}

impl Continuation {
    /// As a term: `{Table, Position, Limit, Spec, Pending, Reverse}`.
    ///
    /// ```
    /// # use ferrets::{Continuation, Kind, Store, TableOptions};
    /// # use std::num::NonZeroUsize;
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::OrderedSet))?;
    /// t.insert_list([(1,), (2,)])?;
    /// let keys = "[{{'$1'},[],['$1']}]".parse()?;
    /// let first = t.select_chunk(&keys, NonZeroUsize::MIN)?.expect("there are two");
    /// let rest = first.rest.expect("there is more");
    /// assert_eq!(Continuation::from_term(&rest.to_term()?)?, rest);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) if there is no memory for it.
    pub fn to_term(&self) -> Result<Term> {
        let position = match &self.position {
            Some(Place::Hash(hash)) => Term::new(*hash)?,
            Some(Place::Behind(key)) => Term::tuple([key.clone()])?,
            None => Term::from(Atom::END_OF_TABLE),
        };
        Term::tuple([
            self.table.clone(),
            position,
            Term::new(self.limit)?,
            self.spec.source().clone(),
            Term::list(self.pending.iter().cloned())?,
            Term::new(self.back)?,
        ])
    }

    /// From the term that [`to_term`](Self::to_term) made.
    ///
    /// ```
    /// use ferrets::{Continuation, ErrorKind, term};
    /// let error = Continuation::from_term(&term!(:"$end_of_table")).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadArgument);
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](crate::ErrorKind::BadArgument) for any other.
    pub fn from_term(term: &Term) -> Result<Self> {
        let malformed = || Error::bad_argument(format!("{term} is no continuation"));
        Self::read(term.as_ref()).ok_or_else(malformed)
    }

    fn read(term: TermRef<'_>) -> Option<Self> {
        let tuple = term.as_tuple().filter(|tuple| tuple.len() == 6)?;
        let part = |at: usize| tuple.get(at);
        let own = |part: TermRef<'_>| part.to_term().ok();
        let position = match part(1)? {
            end if end.as_atom() == Some(Atom::END_OF_TABLE) => None,
            place => Some(match place.as_tuple() {
                Some(key) if key.len() == 1 => Place::Behind(own(key.get(0)?)?),
                Some(_) => return None,
                None => Place::Hash(u64::try_from(place.as_integer()?).ok()?),
            }),
        };
        Some(Self {
            table: own(part(0)?)?,
            position,
            limit: part(2)?.as_i64().and_then(|limit| usize::try_from(limit).ok())?,
            spec: MatchSpec::compile_any(&own(part(3)?)?).ok()?,
            pending: part(4)?.as_list()?.map(own).collect::<Option<Vec<_>>>()?,
            back: part(5)?.as_bool()?,
        })
        .filter(|read| read.limit > 0)
    }

    /// The id of the table that it belongs to.
    ///
    /// ```
    /// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
    /// # use std::num::NonZeroUsize;
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1,), (2,)])?;
    /// let keys = "[{{'$1'},[],['$1']}]".parse()?;
    /// let first = t.select_chunk(&keys, NonZeroUsize::MIN)?.expect("there are two");
    /// let rest = first.rest.expect("there is more");
    /// assert_eq!(*rest.table(), t.id());
    /// let other = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// assert_eq!(other.resume(rest).unwrap_err().kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn table(&self) -> &Term {
        &self.table
    }
}
