//! Any `Serialize` type to a term and back; terms themselves as serde values.
//!
//! The mapping is a table at [`to_term`]. Three things behind it:
//!
//! **Depth.** Both ways recurse, because serde does; a value nested more than [`MAX_DEPTH`] levels
//! is refused before the stack can overflow. A newtype struct and a `Some` are levels, too: a type
//! that asks for itself through them would otherwise never end, whatever the term.
//!
//! **A term inside of a value** passes through serde's data model in disguise: a newtype struct of
//! a name that only this crate's serializer and deserializer know, around the term's encoding. It
//! is one level, however deep it is.
//!
//! **A term in another format** must come back as the same term, so it is not spread over that
//! format's numbers and maps, which cannot tell an atom from a string nor `1` from `1.0`. It is one
//! value: Erlang text in formats for people (`"{user,1,<<\"ann\">>}"` in JSON), the external term
//! format in the others. A term that holds a fun has no text that could be read back and is bytes
//! everywhere.

mod de;
mod impls;
mod ser;

use std::fmt;

use ::serde::{Deserialize, Serialize};

use super::word::Word;
use super::{Arena, FromTerm, Term, TermRef, ToTerm};
use crate::error::{Error, ErrorKind, Result};

/// How many levels a value may nest on its way through serde. What serde derives takes up to 4 KiB
/// of stack for a level where nothing is optimised: half of what a thread of Rust has.
pub(crate) const MAX_DEPTH: usize = 256;

/// The names by which [`Term`] and [`Atom`](super::Atom) make themselves known to the serializer
/// and deserializer of this crate; others see through newtype structs.
const TERM: &str = "$ferrets::Term";
const ATOM: &str = "$ferrets::Atom";

fn conversion(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Conversion, message)
}

impl ::serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        conversion(message.to_string())
    }
}

impl ::serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        conversion(message.to_string())
    }
}

/// One level less, if there is one.
fn deeper(depth_left: usize) -> Result<usize> {
    depth_left
        .checked_sub(1)
        .ok_or_else(|| Error::limit(format!("a value nests more than {MAX_DEPTH} levels")))
}

/// What structs become.
///
/// ```
/// use ferrets::{Structs, ToTermOptions};
/// #[derive(serde::Serialize)]
/// struct User {
///     id: u64,
///     #[serde(skip_serializing_if = "Option::is_none")]
///     email: Option<String>,
/// }
/// let user = User { id: 7, email: None };
/// let text = |structs| Ok(ToTermOptions::new().structs(structs).to_term(&user)?.to_string());
/// assert_eq!(text(Structs::Map)?, "#{id => 7}");
/// assert_eq!(text(Structs::Record)?, "{'User',7,undefined}");
/// assert_eq!(text(Structs::Tuple)?, "{7,undefined}");
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Structs {
    /// Maps with atoms as keys: `#{id => 7, name => <<"ann">>}`.
    #[default]
    Map,
    /// Tuples that begin with the name of the struct, as Erlang's records: `{'User',7,<<"ann">>}`.
    /// Fields that `skip_serializing_if` leaves out are `undefined`; those of `skip` are not there.
    /// The first field has position 2.
    Record,
    /// Tuples of the fields alone: `{7,<<"ann">>}`. Skipped fields are as in records.
    Tuple,
}

/// How values become terms.
///
/// ```
/// use ferrets::{Structs, ToTermOptions, from_term};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// #[serde(rename = "user")]
/// struct User<'a> {
///     id: u64,
///     name: &'a str,
/// }
///
/// let ann = User { id: 7, name: "ann" };
/// for (structs, text) in [
///     (Structs::Map, "#{id => 7,name => <<\"ann\">>}"),
///     (Structs::Record, "{user,7,<<\"ann\">>}"),
///     (Structs::Tuple, "{7,<<\"ann\">>}"),
/// ] {
///     let term = ToTermOptions::new().structs(structs).to_term(&ann)?;
///     assert_eq!(term.to_string(), text);
///     assert_eq!(from_term::<User>(term.as_ref())?, ann);
/// }
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct ToTermOptions {
    structs: Structs,
}

impl ToTermOptions {
    /// Structs as maps.
    ///
    /// ```
    /// use ferrets::{ToTermOptions, to_term};
    /// let value = Some(("ann", [1, 2]));
    /// assert_eq!(ToTermOptions::new().to_term(&value)?, to_term(&value)?);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self { structs: Structs::Map }
    }

    /// What structs become, also those inside of others.
    ///
    /// ```
    /// use ferrets::{Structs, ToTermOptions, term};
    /// #[derive(serde::Serialize)]
    /// struct Point {
    ///     x: i32,
    ///     y: i32,
    /// }
    /// let tuples = ToTermOptions::new().structs(Structs::Tuple);
    /// assert_eq!(tuples.to_term(&[Point { x: 1, y: 2 }])?, term!({{1, 2}}));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn structs(self, structs: Structs) -> Self {
        Self { structs }
    }

    /// The term of a value.
    ///
    /// ```
    /// use ferrets::{ErrorKind, ToTermOptions, term};
    /// assert_eq!(ToTermOptions::new().to_term(&(1, None::<u8>))?, term!({1, :undefined}));
    /// let error = ToTermOptions::new().to_term(&f64::NAN).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`to_term`].
    pub fn to_term<T: Serialize + ?Sized>(self, value: &T) -> Result<Term> {
        Term::build(|arena| self.put(value, arena))
    }

    fn put<T: Serialize + ?Sized>(self, value: &T, arena: &mut Arena) -> Result<Word> {
        value.serialize(ser::Serializer::new(arena, self))
    }
}

/// The term of any value that serde can serialize.
///
/// | serde | term | [`from_term`] takes for it, too |
/// |---|---|---|
/// | `bool` | `true`, `false` | |
/// | integers, `i128`, `u128` | integer | |
/// | `f32`, `f64` | float | an integer |
/// | `char`, `str` | binary | an atom, but for `true`, `false` and `undefined` |
/// | bytes (`serde_bytes`) | binary | a list of integers |
/// | `()`, unit struct, `None` | `undefined` | |
/// | `Some(x)`, newtype struct | what `x` is | |
/// | sequence | list | a tuple; a binary as its bytes |
/// | tuple, tuple struct, `[T; N]` | tuple | a list; a binary as its bytes |
/// | map | map | |
/// | struct | map with atoms as keys; see [`Structs`] | binaries as keys; a tuple of the fields, with or without the struct's name in front |
/// | unit variant | atom | a binary |
/// | newtype variant, tuple variant | `{variant, value}`, `{variant, a, b}` | |
/// | struct variant | `{variant, #{a => 1}}` | `{variant, 1}` |
/// | [`Term`], [`Atom`](crate::Atom) | itself | |
///
/// As in JSON, `Some(())` and `Some(None)` come back as `None`. A `Vec<u8>` is a sequence to serde,
/// hence a list; wrap it with the crate `serde_bytes` to make it a binary. The format does not call
/// itself human-readable, so an `Ipv4Addr` is `{127,0,0,1}` and a UUID a binary of 16 bytes.
///
/// ```
/// use ferrets::{from_term, term, to_term};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Order {
///     id: u64,
///     lines: Vec<(String, f64)>,
///     #[serde(rename = "state")]
///     state: State,
/// }
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// #[serde(rename_all = "snake_case")]
/// enum State {
///     Open,
///     Paid { at: u64 },
/// }
///
/// let order = Order { id: 1, lines: vec![("tea".into(), 2.5)], state: State::Paid { at: 99 } };
/// let term = to_term(&order)?;
/// assert_eq!(
///     term,
///     term!(#{:id => 1, :lines => [{"tea", 2.5}], :state => {:paid, #{:at => 99}}})
/// );
/// assert_eq!(from_term::<Order>(term.as_ref())?, order);
/// # Ok::<(), ferrets::Error>(())
/// ```
///
/// # Errors
/// [`BadArgument`](crate::ErrorKind::BadArgument) for a float that is not finite;
/// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for a value nested more than 256 levels, a
/// part that is too large, or a name for which there is no room among the atoms;
/// [`Conversion`](crate::ErrorKind::Conversion) for what the value's own `Serialize` reports.
pub fn to_term<T: Serialize + ?Sized>(value: &T) -> Result<Term> {
    ToTermOptions::new().to_term(value)
}

/// The value as a record: a tuple of the struct's name and its fields, ready to be stored.
///
/// ```
/// use ferrets::{from_term, to_record};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct User {
///     id: u64,
///     email: Option<String>,
/// }
///
/// let object = to_record(&User { id: 7, email: None })?;
/// assert_eq!(object.to_string(), "{'User',7,undefined}");
/// let user: User = from_term(object.as_ref())?;
/// assert!(user.id == 7 && user.email.is_none());
/// # Ok::<(), ferrets::Error>(())
/// ```
///
/// # Errors
/// As [`to_term`].
pub fn to_record<T: Serialize + ?Sized>(value: &T) -> Result<Term> {
    ToTermOptions::new().structs(Structs::Record).to_term(value)
}

/// A value of any type that serde can deserialize; what it borrows (`&str`, `&[u8]`) lies in the
/// term and is not copied. Takes all that [`ToTermOptions`] can make, and a little more.
///
/// ```
/// use ferrets::{Term, from_term};
/// let term: Term = "#{name => <<\"ann\">>, <<\"tags\">> => [a, b]}".parse()?;
///
/// #[derive(serde::Deserialize)]
/// struct User<'a> {
///     name: &'a str,
///     tags: Vec<&'a str>,
/// }
///
/// let user: User = from_term(term.as_ref())?;
/// assert_eq!((user.name, user.tags), ("ann", vec!["a", "b"]));
/// # Ok::<(), ferrets::Error>(())
/// ```
///
/// # Errors
/// [`Conversion`](crate::ErrorKind::Conversion) if the term does not fit the type, with the place
/// in the term; [`LimitExceeded`](crate::ErrorKind::LimitExceeded) if it nests more than 256
/// levels.
pub fn from_term<'a, T: Deserialize<'a>>(term: TermRef<'a>) -> Result<T> {
    T::deserialize(de::Deserializer::new(term))
}

/// A serde value where a term is expected: as a key, as an element, in [`Term::get`].
///
/// ```
/// use ferrets::{Serde, Term, term};
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Point { x: i32, y: i32 }
///
/// let object = Term::new((7, Serde(Point { x: 1, y: 2 })))?;
/// assert_eq!(object, term!({7, #{:x => 1, :y => 2}}));
/// let (_, Serde(point)): (i32, Serde<Point>) = object.get()?;
/// assert_eq!(point, Point { x: 1, y: 2 });
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serde<T>(pub T);

impl<T: Serialize> ToTerm for Serde<T> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        ToTermOptions::new().put(&self.0, arena)
    }
}

impl<'a, T: Deserialize<'a>> FromTerm<'a> for Serde<T> {
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        from_term(term).map(Self)
    }
}
