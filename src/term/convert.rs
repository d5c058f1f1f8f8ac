//! Conversions: Rust values to terms and objects. The way back is in
//! [`from_term`](super::from_term).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use num_bigint::BigInt;

use super::arena::Arena;
use super::word::{Tag, Word};
use super::{Atom, Export, Object, ObjectRef, Pid, Port, ReferenceRef, Term, TermRef};
use crate::error::{Error, Result};

/// A value that has a term: what keys and elements may be given as.
///
/// | Rust | term |
/// |---|---|
/// | integers, `BigInt` | integer |
/// | `f64`, `f32` | float; NaN and infinities are refused |
/// | `bool`, [`Atom`] | atom |
/// | `&str`, `String`, `&[u8]`, `Vec<u8>` | **binary** |
/// | `Vec<T>`, `&[T]`, `[T; N]` | list |
/// | `HashMap<K, V>`, `BTreeMap<K, V>` | map |
/// | tuples | tuple |
/// | `()` | `{}` |
/// | `Box<T>`, `Cow<T>`, `&T` | what `T` is |
///
/// Looking up by an integer, an atom, a string or a tuple of such allocates nothing.
///
/// `Option` and `char` have no term here, on purpose: what is missing may be `undefined`, `nil`,
/// `none` or `[]` by the custom of the data at hand, and `$a` is an integer to Erlang but text to
/// Rust. Say which: `value.map_or(Term::from(Atom::UNDEFINED), Term::from)`.
///
/// ```
/// use ferrets::{Term, ToTerm, term};
/// fn pair(left: impl ToTerm, right: impl ToTerm) -> ferrets::Result<Term> {
///     Term::new((left, right))
/// }
/// assert_eq!(pair("text", b"bytes".as_slice())?, term!({"text", "bytes"}));
/// assert_eq!(pair([1, 2], true)?.to_string(), "{[1,2],true}");
/// assert!(pair(f64::INFINITY, 0).is_err());
/// # Ok::<(), ferrets::Error>(())
/// ```
pub trait ToTerm {
    /// Writes the term into `arena` and returns its word.
    ///
    /// # Errors
    /// When the value has no term.
    #[doc(hidden)]
    fn put(&self, arena: &mut Arena) -> Result<Word>;

    /// The whole term, if it is known without looking far to be a single word, as that of most
    /// keys is.
    #[doc(hidden)]
    #[inline]
    fn immediate(&self) -> Option<Word> {
        None
    }

    /// Shows the term to `f`.
    ///
    /// # Errors
    /// When the value has no term.
    #[doc(hidden)]
    fn with<R>(&self, f: impl FnOnce(TermRef<'_>) -> R) -> Result<R>
    where
        Self: Sized,
    {
        with_arena(self, f)
    }

    /// What a slice of such values becomes: a list, but a binary for bytes.
    ///
    /// # Errors
    /// When an element has no term, or there are too many.
    #[doc(hidden)]
    fn put_slice(slice: &[Self], arena: &mut Arena) -> Result<Word>
    where
        Self: Sized,
    {
        let list = arena.open_list(slice.len())?;
        for (at, value) in slice.iter().enumerate() {
            let word = value.put(arena)?;
            arena.set(list.offset() + at, word);
        }
        Ok(list)
    }
}

/// Shows the term of a value that has to be written somewhere first.
#[cold]
fn with_arena<R>(value: &impl ToTerm, f: impl FnOnce(TermRef<'_>) -> R) -> Result<R> {
    let mut arena = Arena::new();
    let word = value.put(&mut arena)?;
    Ok(f(arena.view(word)))
}

/// A value that is a tuple, and so can be stored: a Rust tuple, an [`Object`], or a [`Term`] that
/// is a tuple.
///
/// ```
/// use ferrets::{ErrorKind, Store, TableOptions, Term, term};
/// let owner = Store::new().owner();
/// let users = owner.new_table("users", TableOptions::default())?;
/// users.insert((1, "ann"))?;
/// users.insert(term!({2, "bob", [:admin]}))?;
/// users.insert(&users.lookup(1)?[0])?;
/// assert_eq!(users.insert(Term::nil()).unwrap_err().kind(), ErrorKind::BadArgument);
/// # Ok::<(), ferrets::Error>(())
/// ```
pub trait ToObject {
    /// Writes the elements as the first words of an empty arena and returns how many there are.
    ///
    /// # Errors
    /// When the value is no tuple, or an element has no term.
    #[doc(hidden)]
    fn put_object(&self, arena: &mut Arena) -> Result<usize>;

    /// The object, if the value holds one already.
    #[doc(hidden)]
    fn as_object(&self) -> Option<&Object> {
        None
    }
}

impl<T: ToTerm> ToTerm for &T {
    #[inline]
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        (*self).put(arena)
    }

    #[inline]
    fn immediate(&self) -> Option<Word> {
        (*self).immediate()
    }

    fn with<R>(&self, f: impl FnOnce(TermRef<'_>) -> R) -> Result<R> {
        (*self).with(f)
    }
}

macro_rules! integers {
    ($($int:ty)*) => {$(
        impl ToTerm for $int {
            #[inline]
            fn put(&self, arena: &mut Arena) -> Result<Word> {
                match i64::try_from(*self) {
                    Ok(value) => arena.int(value),
                    Err(_) => arena.big(&BigInt::from(*self)),
                }
            }

            #[inline]
            fn immediate(&self) -> Option<Word> {
                i64::try_from(*self).ok().and_then(Word::int)
            }

            #[inline]
            fn with<R>(&self, f: impl FnOnce(TermRef<'_>) -> R) -> Result<R> {
                match self.immediate() {
                    Some(word) => Ok(f(TermRef::new(&[], word))),
                    None => with_arena(self, f),
                }
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 i128 isize u16 u32 u64 u128 usize);

impl ToTerm for u8 {
    #[inline]
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.int(i64::from(*self))
    }

    #[inline]
    fn put_slice(slice: &[Self], arena: &mut Arena) -> Result<Word> {
        arena.binary(slice)
    }
}

impl ToTerm for BigInt {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.big(self)
    }
}

impl ToTerm for f64 {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.float(*self)
    }
}

impl ToTerm for f32 {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.float(f64::from(*self))
    }
}

impl ToTerm for bool {
    #[inline]
    fn put(&self, _: &mut Arena) -> Result<Word> {
        Ok(Arena::atom(Atom::from(*self)))
    }
}

impl ToTerm for Atom {
    #[inline]
    fn put(&self, _: &mut Arena) -> Result<Word> {
        Ok(Arena::atom(*self))
    }

    #[inline]
    fn immediate(&self) -> Option<Word> {
        Some(Word::atom(self.index()))
    }

    #[inline]
    fn with<R>(&self, f: impl FnOnce(TermRef<'_>) -> R) -> Result<R> {
        Ok(f(TermRef::atom(*self)))
    }
}

impl ToTerm for &str {
    #[inline]
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.binary(self.as_bytes())
    }
}

impl ToTerm for String {
    #[inline]
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.binary(self.as_bytes())
    }
}

impl<T: ToTerm> ToTerm for Vec<T> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        T::put_slice(self, arena)
    }
}

impl<T: ToTerm> ToTerm for &[T] {
    #[inline]
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        T::put_slice(self, arena)
    }
}

impl<T: ToTerm, const N: usize> ToTerm for [T; N] {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        T::put_slice(self, arena)
    }
}

impl ToTerm for Box<str> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.binary(self.as_bytes())
    }
}

impl<T: ToTerm> ToTerm for Box<[T]> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        T::put_slice(self, arena)
    }
}

impl<T: ToTerm> ToTerm for Box<T> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        (**self).put(arena)
    }
}

impl ToTerm for Cow<'_, str> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.binary(self.as_bytes())
    }
}

impl<T: ToTerm + Clone> ToTerm for Cow<'_, [T]> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        T::put_slice(self, arena)
    }
}

fn put_pairs<'t, K: ToTerm + 't, V: ToTerm + 't>(
    pairs: impl ExactSizeIterator<Item = (&'t K, &'t V)>,
    arena: &mut Arena,
) -> Result<Word> {
    let mut words = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        words.push((key.put(arena)?, value.put(arena)?));
    }
    arena.map(&mut words)
}

impl<K: ToTerm, V: ToTerm, S> ToTerm for HashMap<K, V, S> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        put_pairs(self.iter(), arena)
    }
}

impl<K: ToTerm, V: ToTerm> ToTerm for BTreeMap<K, V> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        put_pairs(self.iter(), arena)
    }
}

impl ToTerm for Export {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.export(self.module, self.function, self.arity)
    }
}

impl ToTerm for ReferenceRef<'_> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        let ids: Vec<u32> = self.ids().collect();
        let words = ReferenceRef::pack(self.node(), self.creation(), &ids);
        arena.payload(Tag::Reference, ids.len(), &words)
    }
}

impl ToTerm for Pid {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.payload(Tag::Pid, 0, &self.pack())
    }
}

impl ToTerm for Port {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.payload(Tag::Port, 0, &self.pack())
    }
}

impl ToTerm for TermRef<'_> {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.copy(*self)
    }

    #[inline]
    fn immediate(&self) -> Option<Word> {
        Some(self.word()).filter(|word| word.is_immediate())
    }

    fn with<R>(&self, f: impl FnOnce(TermRef<'_>) -> R) -> Result<R> {
        Ok(f(*self))
    }
}

impl ToTerm for Term {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.copy(self.as_ref())
    }

    #[inline]
    fn immediate(&self) -> Option<Word> {
        Some(self.word).filter(|word| word.is_immediate())
    }

    fn with<R>(&self, f: impl FnOnce(TermRef<'_>) -> R) -> Result<R> {
        Ok(f(self.as_ref()))
    }
}

impl ToTerm for Object {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        arena.copy(self.as_term())
    }

    fn with<R>(&self, f: impl FnOnce(TermRef<'_>) -> R) -> Result<R> {
        Ok(f(self.as_term()))
    }
}

fn put_tuple_object(term: TermRef<'_>, arena: &mut Arena) -> Result<usize> {
    let Some(tuple) = term.as_tuple() else {
        return Err(Error::bad_argument(format!("{term} is not a tuple, so it is no object")));
    };
    arena.open_tuple(tuple.len())?;
    for (at, element) in tuple.elements().enumerate() {
        let word = arena.copy(element)?;
        arena.set(at, word);
    }
    Ok(tuple.len())
}

impl ToObject for TermRef<'_> {
    fn put_object(&self, arena: &mut Arena) -> Result<usize> {
        put_tuple_object(*self, arena)
    }
}

impl ToObject for Term {
    fn put_object(&self, arena: &mut Arena) -> Result<usize> {
        put_tuple_object(self.as_ref(), arena)
    }

    fn as_object(&self) -> Option<&Object> {
        Self::as_object(self)
    }
}

impl ToObject for Object {
    fn put_object(&self, arena: &mut Arena) -> Result<usize> {
        put_tuple_object(self.as_term(), arena)
    }

    fn as_object(&self) -> Option<&Object> {
        Some(self)
    }
}

impl ToObject for ObjectRef<'_> {
    fn put_object(&self, arena: &mut Arena) -> Result<usize> {
        self.copy_into(arena)?;
        Ok(self.arity())
    }
}

impl<T: ToObject> ToObject for &T {
    fn put_object(&self, arena: &mut Arena) -> Result<usize> {
        (*self).put_object(arena)
    }

    fn as_object(&self) -> Option<&Object> {
        (*self).as_object()
    }
}

macro_rules! tuples {
    ($(($len:literal $($name:ident $at:tt)*))*) => {$(
        impl<$($name: ToTerm),*> ToTerm for ($($name,)*) {
            #[inline]
            fn put(&self, arena: &mut Arena) -> Result<Word> {
                let tuple = arena.open_tuple($len)?;
                $(
                    let word = self.$at.put(arena)?;
                    arena.set(tuple.offset() + $at, word);
                )*
                Ok(tuple)
            }
        }

        impl<$($name: ToTerm),*> ToObject for ($($name,)*) {
            #[inline]
            fn put_object(&self, arena: &mut Arena) -> Result<usize> {
                self.put(arena)?;
                Ok($len)
            }
        }
    )*};
}

tuples! {
    (0)
    (1 A 0)
    (2 A 0 B 1)
    (3 A 0 B 1 C 2)
    (4 A 0 B 1 C 2 D 3)
    (5 A 0 B 1 C 2 D 3 E 4)
    (6 A 0 B 1 C 2 D 3 E 4 F 5)
    (7 A 0 B 1 C 2 D 3 E 4 F 5 G 6)
    (8 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7)
    (9 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8)
    (10 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9)
    (11 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10)
    (12 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11)
}
