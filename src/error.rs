//! One error type for the whole crate.
//!
//! ETS has a single exception, `badarg`, and a `cause` that tells a machine why. [`ErrorKind`] has
//! one value for each of those causes and precise ones for the cases in which ETS gives none; the
//! text of an [`Error`] names the table, the limit and the value that broke it.

use std::fmt;

/// What every fallible operation of the crate returns.
///
/// ```
/// use ferrets::{Kind, Result, Store, Table, TableOptions};
/// fn counts(store: &Store) -> Result<Table> {
///     let counts = store.new_table("counts", TableOptions::new(Kind::Set))?;
///     counts.insert(("visits", 1))?;
///     Ok(counts)
/// }
/// assert_eq!(counts(&Store::new())?.len()?, 1);
/// # Ok::<(), ferrets::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation was refused. One word wide, so that a `Result` stays small.
///
/// ```
/// use ferrets::{ErrorKind, Store};
/// let error = Store::new().table("users").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NoSuchTable);
/// assert_eq!(error.to_string(), "there is no table named `users`");
/// ```
#[derive(Clone)]
pub struct Error(Box<Repr>);

/// Bytes of a text: the values in it may be of any size.
const MAX_MESSAGE: usize = 1_000;

#[derive(Clone)]
struct Repr {
    kind: ErrorKind,
    message: String,
}

/// The machine-readable reason of an [`Error`].
///
/// ```
/// # use ferrets::{ErrorKind, Kind, Store, TableOptions};
/// # let store = Store::new();
/// # let owner = store.owner();
/// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// let kind = |key, position| t.lookup_element(key, position).map_err(|error| error.kind());
/// assert_eq!(kind("ann", 2), Err(ErrorKind::NoSuchKey));
/// assert_eq!(kind("ann", 0), Err(ErrorKind::BadArgument));
/// t.delete_table()?;
/// assert_eq!(kind("ann", 0), Err(ErrorKind::NoSuchTable), "what is checked first");
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The argument that should name a table is neither an atom nor a table id (ETS: `type`).
    /// Pass a table name or id.
    NotATable,
    /// There is no table of that name or id, or it was deleted (ETS: `id`). Create it, or look it
    /// up again.
    NoSuchTable,
    /// The table's protection forbids this to anyone but its owner (ETS: `access`). Act as the
    /// owner, or make the table public.
    AccessDenied,
    /// Tables of this kind do not have the operation (ETS: `table_type`). Use a set.
    WrongKind,
    /// The key is not in the table (ETS: `badkey`). Insert it first, or give a default.
    NoSuchKey,
    /// The operation would overwrite the key element (ETS: `keypos`). Insert a new object instead.
    KeyPosition,
    /// The position lies outside the object (ETS: `position`). Positions count from one.
    BadPosition,
    /// The receiver of a table owns it already (ETS: `owner`).
    AlreadyOwner,
    /// Only the owner may do this (ETS: `not_owner`).
    NotOwner,
    /// A table of that name exists (ETS: `already_exists`). Choose another name, or delete it.
    AlreadyExists,
    /// The handle acts for nobody who could have this: for an owner that has ended, or for the
    /// store. Get the handle from an owner that lives.
    NoOwner,
    /// An argument has the wrong type or shape; the text names it (ETS: `badarg` without cause).
    BadArgument,
    /// An object has no element at the table's key position (ETS: `badarg` without cause).
    ObjectTooShort,
    /// A table option is unknown or malformed (ETS: `badarg` without cause).
    BadOption,
    /// A match specification is malformed; the text says where (ETS: `badarg` without cause).
    BadMatchSpec,
    /// A counter operation met something that is not an integer (ETS: `badarg` without cause).
    NotAnInteger,
    /// A limit of the crate or of the store was reached; the text names it and the value
    /// (ETS: `system_limit`).
    LimitExceeded,
    /// Bytes that should be in external term format are not.
    BadEncoding,
    /// Text that should be an Erlang term is not.
    BadSyntax,
    /// A Rust value has no term, or a term does not fit the Rust type that was asked for.
    Conversion,
    /// A closure of the caller's panicked; the text says with what. Nothing was changed.
    Panicked,
    /// The object changed in every attempt that an optimistic update was allowed.
    Contention,
    /// A condition of a batch does not hold; the text says which. Look again, and decide anew.
    Conflict,
}

impl ErrorKind {
    /// Every kind, for tables and tests.
    pub const ALL: &'static [Self] = &[
        Self::NotATable,
        Self::NoSuchTable,
        Self::AccessDenied,
        Self::WrongKind,
        Self::NoSuchKey,
        Self::KeyPosition,
        Self::BadPosition,
        Self::AlreadyOwner,
        Self::NotOwner,
        Self::AlreadyExists,
        Self::NoOwner,
        Self::BadArgument,
        Self::ObjectTooShort,
        Self::BadOption,
        Self::BadMatchSpec,
        Self::NotAnInteger,
        Self::LimitExceeded,
        Self::BadEncoding,
        Self::BadSyntax,
        Self::Conversion,
        Self::Panicked,
        Self::Contention,
        Self::Conflict,
    ];

    /// The `cause` that Erlang/OTP 27 puts into the stack trace of the corresponding `badarg`, or
    /// `None` where it gives none.
    ///
    /// ```
    /// use ferrets::ErrorKind;
    /// assert_eq!(ErrorKind::NoSuchTable.cause(), Some("id"));
    /// assert_eq!(ErrorKind::BadArgument.cause(), None);
    /// ```
    #[must_use]
    pub const fn cause(self) -> Option<&'static str> {
        Some(match self {
            Self::NotATable => "type",
            Self::NoSuchTable => "id",
            Self::AccessDenied => "access",
            Self::WrongKind => "table_type",
            Self::NoSuchKey => "badkey",
            Self::KeyPosition => "keypos",
            Self::BadPosition => "position",
            Self::AlreadyOwner => "owner",
            Self::NotOwner => "not_owner",
            Self::AlreadyExists => "already_exists",
            _ => return None,
        })
    }

    /// The class of the Erlang exception: `system_limit` for limits, `badarg` for all else.
    ///
    /// ```
    /// use ferrets::ErrorKind;
    /// assert_eq!(ErrorKind::LimitExceeded.erlang_class(), "system_limit");
    /// assert_eq!(ErrorKind::BadSyntax.erlang_class(), "badarg");
    /// ```
    #[must_use]
    pub const fn erlang_class(self) -> &'static str {
        match self {
            Self::LimitExceeded => "system_limit",
            _ => "badarg",
        }
    }
}

impl Error {
    /// An error of `kind` whose text is `message`: lower case, no full stop, the value in it.
    ///
    /// ```
    /// # use ferrets::{Error, ErrorKind, Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// // A closure of `update` gives up.
    /// let gave_up = t.update("seats", |seats| match seats {
    ///     Some(seats) => Ok(Some(seats.clone())),
    ///     None => Err(Error::new(ErrorKind::NoSuchKey, "there are no seats")),
    /// });
    /// assert_eq!(gave_up.unwrap_err().to_string(), "there are no seats");
    /// // What is very long is cut.
    /// let error = Error::new(ErrorKind::BadArgument, "x".repeat(1_000_000));
    /// assert!(error.to_string().len() < 1_100 && error.to_string().ends_with("..."));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE {
            let end = (0..=MAX_MESSAGE).rev().find(|at| message.is_char_boundary(*at));
            message.truncate(end.unwrap_or(0));
            message.push_str("...");
        }
        Self(Box::new(Repr { kind, message }))
    }

    /// The machine-readable reason.
    ///
    /// ```
    /// use ferrets::{ErrorKind, Term};
    /// let error = "{1,".parse::<Term>().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadSyntax);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The atom that Erlang/OTP 27 gives as `cause`, see [`ErrorKind::cause`].
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// assert_eq!(t.lookup_element("ann", 2).unwrap_err().cause(), Some("badkey"));
    /// assert_eq!(t.lookup_element("ann", 0).unwrap_err().cause(), None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn cause(&self) -> Option<&'static str> {
        self.0.kind.cause()
    }

    /// The same, of one step among many.
    pub(crate) fn of_step(self, step: usize) -> Self {
        Self::new(self.0.kind, format!("step {step}: {}", self.0.message))
    }

    pub(crate) fn bad_argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadArgument, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::LimitExceeded, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {})", self.0.kind, self.0.message)
    }
}

impl std::error::Error for Error {}
