//! Conversions: terms to Rust values, and the small operators that make terms pleasant to handle.
//!
//! Nothing is guessed: `1` is not a float, a list of bytes is not a binary. `Option` is left out
//! because no atom means "nothing" everywhere. An error says where in the term it arose.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};

use num_bigint::BigInt;

use super::display::brief;
use super::{
    Atom, BitsRef, Elements, Export, FunRef, ListRef, MapRef, Object, ObjectRef, Pid, Port,
    ReferenceRef, Term, TermRef, TupleRef, View,
};
use crate::error::{Error, ErrorKind, Result};

/// A Rust type that terms convert to, with [`Term::get`], [`TermRef::get`] and [`Object::decode`]:
/// the other direction of [`ToTerm`](crate::ToTerm).
///
/// | Rust | from |
/// |---|---|
/// | integers, `BigInt` | an integer in range |
/// | `f64`, `f32` | a float; not an integer, and for `f32` only if nothing is lost |
/// | `bool` | the atoms `true` and `false` |
/// | [`Atom`] | an atom |
/// | `&str`, `String`, `Box<str>`, `Cow<str>` | a binary of UTF-8 |
/// | `&[u8]`, `Vec<u8>`, `[u8; N]`, `Cow<[u8]>` | a binary |
/// | `Vec<T>`, `[T; N]`, `Box<[T]>` | a proper list |
/// | `HashMap<K, V>`, `BTreeMap<K, V>` | a map |
/// | tuples | a tuple of that arity |
/// | [`Pid`], [`TupleRef`], [`MapRef`], ... | a term of that type |
/// | [`Term`], [`TermRef`] | anything |
///
/// What borrows (`&str`, `&[u8]`, [`TermRef`]) copies nothing. Nothing is guessed: `1` is not a
/// float, a list of bytes is not a binary. `Option` is left out, because no atom means "nothing"
/// everywhere: take a [`TermRef`] and look.
///
/// ```
/// use ferrets::{FromTerm, Result, TermRef, term};
///
/// struct Celsius(f64);
///
/// impl<'a> FromTerm<'a> for Celsius {
///     fn from_term(term: TermRef<'a>) -> Result<Self> {
///         term.get().map(Self)
///     }
/// }
///
/// let (city, Celsius(now)) = term!({"Oslo", -3.5}).get()?;
/// # let city: String = city;
/// assert_eq!((city.as_str(), now), ("Oslo", -3.5));
/// # Ok::<(), ferrets::Error>(())
/// ```
pub trait FromTerm<'a>: Sized {
    /// The value of `term`.
    ///
    /// ```
    /// use ferrets::{Error, ErrorKind, FromTerm, Result, TermRef, term};
    /// struct Even(i64);
    /// impl<'a> FromTerm<'a> for Even {
    ///     fn from_term(term: TermRef<'a>) -> Result<Self> {
    ///         let value: i64 = term.get()?;
    ///         let odd = || Error::new(ErrorKind::Conversion, format!("{value} is odd"));
    ///         if value % 2 == 0 { Ok(Self(value)) } else { Err(odd()) }
    ///     }
    /// }
    /// let error = term!([2, 4, 5]).get::<Vec<Even>>().err();
    /// assert_eq!(error.map(|error| error.to_string()), Some("element 3: 5 is odd".to_owned()));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Conversion`](crate::ErrorKind::Conversion) if the term is not of that type or does not
    /// fit.
    fn from_term(term: TermRef<'a>) -> Result<Self>;

    /// Several such values: from a list, but from a binary for bytes.
    ///
    /// # Errors
    /// When the term is no list, or an element does not convert.
    #[doc(hidden)]
    fn vec_from_term(term: TermRef<'a>) -> Result<Vec<Self>> {
        let elements = term.as_list().ok_or_else(|| mismatch(term, "a proper list"))?;
        elements.enumerate().map(|(at, element)| element_at(at + 1, element)).collect()
    }
}

/// A Rust type that whole objects convert to: the other direction of [`ToObject`](crate::ToObject).
/// Tuples whose elements are [`FromTerm`], [`Object`] and [`Term`].
///
/// ```
/// use ferrets::{Kind, Store, TableOptions, Term};
/// let owner = Store::new().owner();
/// let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
/// t.insert((1, "ann", [7]))?;
/// let found = t.lookup(1)?;
/// let (id, name, scores): (u8, &str, Vec<i64>) = found[0].decode()?;
/// assert_eq!((id, name, scores), (1, "ann", vec![7]));
/// assert_eq!(found[0].decode::<Term>()?.to_string(), "{1,<<\"ann\">>,[7]}");
/// # Ok::<(), ferrets::Error>(())
/// ```
pub trait FromObject<'a>: Sized {
    /// The value of `object`.
    ///
    /// ```
    /// use ferrets::{FromObject, Kind, ObjectRef, Result, Store, TableOptions};
    /// struct User<'a> {
    ///     id: u64,
    ///     name: &'a str,
    /// }
    /// impl<'a> FromObject<'a> for User<'a> {
    ///     fn from_object(object: ObjectRef<'a>) -> Result<Self> {
    ///         object.decode().map(|(id, name)| Self { id, name })
    ///     }
    /// }
    /// # let owner = Store::new().owner();
    /// # let users = owner.new_table("users", TableOptions::new(Kind::Set))?;
    /// users.insert((7, "ann"))?;
    /// let found = users.lookup(7)?;
    /// let User { id, name } = found[0].decode()?;
    /// assert_eq!((id, name), (7, "ann"));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Conversion`](crate::ErrorKind::Conversion) if the object has another number of elements,
    /// or one of them does not convert.
    fn from_object(object: ObjectRef<'a>) -> Result<Self>;
}

fn mismatch(term: TermRef<'_>, wanted: &str) -> Error {
    Error::new(ErrorKind::Conversion, format!("`{}` is not {wanted}", brief(term)))
}

fn does_not_fit(term: TermRef<'_>, wanted: &str) -> Error {
    Error::new(ErrorKind::Conversion, format!("{} does not fit {wanted}", brief(term)))
}

/// Says in the error where in a term it arose.
fn within(place: impl fmt::Display, error: &Error) -> Error {
    Error::new(error.kind(), format!("{place}: {error}"))
}

/// Converts an element at a position that counts from one.
fn element_at<'a, T: FromTerm<'a>>(position: usize, element: TermRef<'a>) -> Result<T> {
    T::from_term(element).map_err(|error| within(format_args!("element {position}"), &error))
}

impl Term {
    /// The value as a Rust type, see [`FromTerm`] for which.
    ///
    /// ```
    /// use ferrets::term;
    /// let term = term!({:user, 7, "ann", [1, 2]});
    /// let (_, id, name, tags): (ferrets::Atom, u32, &str, Vec<i64>) = term.get()?;
    /// assert_eq!((id, name, tags), (7, "ann", vec![1, 2]));
    /// assert_eq!(term!(300).get::<u8>().unwrap_err().to_string(), "300 does not fit u8");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Conversion`](crate::ErrorKind::Conversion) if the term is not of that type or does not
    /// fit.
    pub fn get<'a, T: FromTerm<'a>>(&'a self) -> Result<T> {
        T::from_term(self.as_ref())
    }
}

impl<'a> TermRef<'a> {
    /// The value as a Rust type, see [`FromTerm`] for which; it may borrow from the term.
    ///
    /// ```
    /// use ferrets::term;
    /// let user = term!({"ann", #{:tags => ["a", "b"]}});
    /// let name: &str = user.as_ref().get::<(_, ferrets::MapRef)>()?.0;
    /// assert_eq!(name, "ann"); // lies in `user`
    /// assert_eq!(user.as_ref().get::<u8>().unwrap_err().kind(), ferrets::ErrorKind::Conversion);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Conversion`](crate::ErrorKind::Conversion) if the term is not of that type or does not
    /// fit.
    pub fn get<T: FromTerm<'a>>(self) -> Result<T> {
        T::from_term(self)
    }
}

impl Object {
    /// All elements as a Rust tuple.
    ///
    /// ```
    /// use ferrets::{Kind, Store, TableOptions};
    /// let owner = Store::new().owner();
    /// let users = owner.new_table("users", TableOptions::new(Kind::Set))?;
    /// users.insert((7, "ann", 1.5))?;
    /// for object in users.lookup(7)? {
    ///     assert_eq!(object.decode::<(i64, &str, f64)>()?, (7, "ann", 1.5));
    ///     assert!(object.decode::<(i64, &str)>().is_err());
    /// }
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Conversion`](crate::ErrorKind::Conversion) if there are more or fewer elements, or one of
    /// them does not convert.
    pub fn decode<'a, T: FromObject<'a>>(&'a self) -> Result<T> {
        T::from_object(self.as_ref())
    }
}

impl<'a> ObjectRef<'a> {
    /// All elements as a Rust tuple, as [`Object::decode`].
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert((1, "ann", 36))?;
    /// let shout = t.lookup_with(1, |user| {
    ///     let user = user.expect("it is there").decode::<(u8, &str, u8)>();
    ///     user.map(|(_, name, _)| name.to_uppercase())
    /// })??;
    /// assert_eq!(shout, "ANN");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Conversion`](crate::ErrorKind::Conversion) if there are more or fewer elements, or one of
    /// them does not convert.
    pub fn decode<T: FromObject<'a>>(self) -> Result<T> {
        T::from_object(self)
    }
}

macro_rules! integers {
    ($($int:ident)*) => {$(
        impl FromTerm<'_> for $int {
            fn from_term(term: TermRef<'_>) -> Result<Self> {
                let value = match term.view() {
                    View::Int(value) => Self::try_from(value).ok(),
                    View::Big(big) => Self::try_from(big.to_bigint()).ok(),
                    _ => return Err(mismatch(term, "an integer")),
                };
                value.ok_or_else(|| does_not_fit(term, stringify!($int)))
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 i128 isize u16 u32 u64 u128 usize);

impl<'a> FromTerm<'a> for u8 {
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        let value = term.as_integer().ok_or_else(|| mismatch(term, "an integer"))?;
        Self::try_from(value).map_err(|_| does_not_fit(term, "u8"))
    }

    fn vec_from_term(term: TermRef<'a>) -> Result<Vec<Self>> {
        term.get::<&[u8]>().map(<[u8]>::to_vec)
    }
}

impl FromTerm<'_> for f32 {
    fn from_term(term: TermRef<'_>) -> Result<Self> {
        let wide: f64 = term.get()?;
        let narrow = wide as Self;
        let exact = f64::from(narrow).to_bits() == wide.to_bits();
        exact.then_some(narrow).ok_or_else(|| does_not_fit(term, "f32"))
    }
}

/// Types that a method of [`TermRef`] gives.
macro_rules! simple {
    ($($type:ty, $method:ident, $wanted:literal;)*) => {$(
        impl<'a> FromTerm<'a> for $type {
            fn from_term(term: TermRef<'a>) -> Result<Self> {
                term.$method().ok_or_else(|| mismatch(term, $wanted))
            }
        }
    )*};
}

simple! {
    BigInt, as_integer, "an integer";
    f64, as_f64, "a float";
    bool, as_bool, "true or false";
    Atom, as_atom, "an atom";
    &'a str, as_str, "a binary of UTF-8";
    &'a [u8], as_bytes, "a binary";
    TupleRef<'a>, as_tuple, "a tuple";
    MapRef<'a>, as_map, "a map";
    Elements<'a>, as_list, "a proper list";
}

/// Types that are variants of [`View`].
macro_rules! viewed {
    ($($variant:ident $type:ty, $wanted:literal;)*) => {$(
        impl<'a> FromTerm<'a> for $type {
            fn from_term(term: TermRef<'a>) -> Result<Self> {
                match term.view() {
                    View::$variant(value) => Ok(value),
                    _ => Err(mismatch(term, $wanted)),
                }
            }
        }
    )*};
}

viewed! {
    Pid Pid, "a pid";
    Port Port, "a port";
    Reference ReferenceRef<'a>, "a reference";
    Export Export, "a fun of the form `fun m:f/a`";
    Fun FunRef<'a>, "a fun";
    List ListRef<'a>, "a list with elements";
    Bits BitsRef<'a>, "a bitstring that ends within a byte";
}

impl FromTerm<'_> for String {
    fn from_term(term: TermRef<'_>) -> Result<Self> {
        term.get::<&str>().map(Self::from)
    }
}

impl FromTerm<'_> for Box<str> {
    fn from_term(term: TermRef<'_>) -> Result<Self> {
        term.get::<&str>().map(Self::from)
    }
}

impl<'a> FromTerm<'a> for Cow<'a, str> {
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        term.get().map(Cow::Borrowed)
    }
}

impl<'a> FromTerm<'a> for Cow<'a, [u8]> {
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        term.get().map(Cow::Borrowed)
    }
}

impl<'a, T: FromTerm<'a>> FromTerm<'a> for Vec<T> {
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        T::vec_from_term(term)
    }
}

impl<'a, T: FromTerm<'a>> FromTerm<'a> for Box<[T]> {
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        T::vec_from_term(term).map(Vec::into_boxed_slice)
    }
}

impl<'a, T: FromTerm<'a>> FromTerm<'a> for Box<T> {
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        T::from_term(term).map(Self::new)
    }
}

impl<'a, T: FromTerm<'a>, const N: usize> FromTerm<'a> for [T; N] {
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        let all = T::vec_from_term(term)?;
        let len = all.len();
        Self::try_from(all).map_err(|_| wrong_count(brief(term), len, N))
    }
}

fn wrong_count(what: impl fmt::Display, has: usize, wanted: usize) -> Error {
    let message = format!("`{what}` has {has} elements, not {wanted}");
    Error::new(ErrorKind::Conversion, message)
}

fn pairs_of<'a, K: FromTerm<'a>, V: FromTerm<'a>, M: FromIterator<(K, V)>>(
    term: TermRef<'a>,
) -> Result<M> {
    let pair = |(key, value): (TermRef<'a>, TermRef<'a>)| {
        let value_of = |error| within(format_args!("value of `{}`", brief(key)), &error);
        Ok((key.get()?, value.get().map_err(value_of)?))
    };
    term.get::<MapRef<'a>>()?.pairs().map(pair).collect()
}

impl<'a, K, V, S> FromTerm<'a> for HashMap<K, V, S>
where
    K: FromTerm<'a> + Eq + Hash,
    V: FromTerm<'a>,
    S: BuildHasher + Default,
{
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        pairs_of(term)
    }
}

impl<'a, K: FromTerm<'a> + Ord, V: FromTerm<'a>> FromTerm<'a> for BTreeMap<K, V> {
    fn from_term(term: TermRef<'a>) -> Result<Self> {
        pairs_of(term)
    }
}

impl<'a> FromTerm<'a> for TermRef<'a> {
    fn from_term(term: Self) -> Result<Self> {
        Ok(term)
    }
}

impl FromTerm<'_> for Term {
    fn from_term(term: TermRef<'_>) -> Result<Self> {
        term.to_term()
    }
}

impl FromObject<'_> for Term {
    fn from_object(object: ObjectRef<'_>) -> Result<Self> {
        object.to_term()
    }
}

impl FromObject<'_> for Object {
    fn from_object(object: ObjectRef<'_>) -> Result<Self> {
        object.to_object()
    }
}

macro_rules! tuples {
    ($(($len:literal $($name:ident)*))*) => {$(
        impl<'a, $($name: FromTerm<'a>),*> FromTerm<'a> for ($($name,)*) {
            fn from_term(term: TermRef<'a>) -> Result<Self> {
                let tuple: TupleRef<'a> = term.get()?;
                if tuple.len() != $len {
                    return Err(wrong_count(brief(term), tuple.len(), $len));
                }
                let mut elements = (1..).zip(tuple.elements());
                Ok(($(next::<$name>(&mut elements)?,)*))
            }
        }

        impl<'a, $($name: FromTerm<'a>),*> FromObject<'a> for ($($name,)*) {
            fn from_object(object: ObjectRef<'a>) -> Result<Self> {
                if object.arity() != $len {
                    return Err(wrong_count(object, object.arity(), $len));
                }
                let mut elements = (1..).zip(object.elements());
                Ok(($(next::<$name>(&mut elements)?,)*))
            }
        }
    )*};
}

/// Converts the next of elements that were counted before.
fn next<'a, T: FromTerm<'a>>(
    elements: &mut impl Iterator<Item = (usize, TermRef<'a>)>,
) -> Result<T> {
    let (position, element) = elements.next().expect("there are as many as there should be");
    element_at(position, element)
}

tuples! {
    (1 A)
    (2 A B)
    (3 A B C)
    (4 A B C D)
    (5 A B C D E)
    (6 A B C D E F)
    (7 A B C D E F G)
    (8 A B C D E F G H)
    (9 A B C D E F G H I)
    (10 A B C D E F G H I J)
    (11 A B C D E F G H I J K)
    (12 A B C D E F G H I J K L)
}

impl FromTerm<'_> for () {
    fn from_term(term: TermRef<'_>) -> Result<Self> {
        match term.as_tuple() {
            Some(tuple) if tuple.is_empty() => Ok(()),
            _ => Err(mismatch(term, "{}")),
        }
    }
}

/// Values of a few words at most, whose terms cannot fail to be made.
macro_rules! infallible {
    ($($type:ty)*) => {$(
        impl From<$type> for Term {
            fn from(value: $type) -> Self {
                Self::new(value).expect("a few words are always a term")
            }
        }
    )*};
}

infallible! { () i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize bool Pid Port Export }

/// Values that may be too large, or not finite.
macro_rules! fallible {
    ($($type:ty)*) => {$(
        impl TryFrom<$type> for Term {
            type Error = Error;

            fn try_from(value: $type) -> Result<Self> {
                Self::new(value)
            }
        }
    )*};
}

fallible! { f64 f32 BigInt &str String &[u8] Vec<u8> }

/// The standard's way to ask for what [`Term::get`] gives.
macro_rules! try_from_term {
    ($($type:ty)*) => {$(
        impl<'a> TryFrom<&'a Term> for $type {
            type Error = Error;

            fn try_from(term: &'a Term) -> Result<Self> {
                term.get()
            }
        }

        impl<'a> TryFrom<TermRef<'a>> for $type {
            type Error = Error;

            fn try_from(term: TermRef<'a>) -> Result<Self> {
                term.get()
            }
        }
    )*};
}

try_from_term! {
    i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize BigInt f64 f32 bool Atom Pid Port
    &'a str String &'a [u8] Vec<u8>
}

/// Comparisons with plain values, by `=:=`: `term == 1`, but not if it is `1.0`.
macro_rules! equal_to {
    ($($type:ty: $term:ident, $value:ident => $equal:expr;)*) => {$(
        impl PartialEq<$type> for TermRef<'_> {
            fn eq(&self, $value: &$type) -> bool {
                let $term = *self;
                $equal
            }
        }

        impl PartialEq<$type> for Term {
            fn eq(&self, other: &$type) -> bool {
                self.as_ref() == *other
            }
        }
    )*};
}

macro_rules! equal_to_integers {
    ($($int:ty)*) => {
        equal_to! {$(
            $int: term, value => match i64::try_from(*value) {
                Ok(value) => term.as_i64() == Some(value),
                Err(_) => term.as_integer() == Some(BigInt::from(*value)),
            };
        )*}
    };
}

equal_to_integers! { i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }

equal_to! {
    f64: term, value => term.as_f64().is_some_and(|float| float.to_bits() == value.to_bits());
    bool: term, value => term.as_bool() == Some(*value);
    Atom: term, value => term.as_atom() == Some(*value);
    &str: term, value => term.as_bytes() == Some(value.as_bytes());
    &[u8]: term, value => term.as_bytes() == Some(*value);
}

impl PartialEq<str> for TermRef<'_> {
    fn eq(&self, value: &str) -> bool {
        self.as_bytes() == Some(value.as_bytes())
    }
}

impl PartialEq<str> for Term {
    fn eq(&self, value: &str) -> bool {
        self.as_ref() == *value
    }
}
