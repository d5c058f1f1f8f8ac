//! Terms: the data model of Erlang, complete.
//!
//! A term is a number, an atom, a reference, a fun, a port, a pid, a tuple, a map, a list or a
//! bitstring. The set is closed: no foreign code decides what two terms' order or hash is, so none
//! can panic or lie inside an index.
//!
//! One representation serves owned terms, stored objects and keys: a run of 64-bit words and one
//! word that says where to begin ([`word`]). All algorithms (order, hash, encoding, printing) are
//! written once, over the borrowed view [`TermRef`], and none of them recurses: a term a million
//! levels deep costs heap, not stack.
//!
//! | | `=:=` (`==` in Rust) | Erlang's `==` ([`TermRef::equals`]) | order ([`TermRef::compare`]) |
//! |---|---|---|---|
//! | `1`, `1.0` | different | equal | tie |
//! | `0.0`, `-0.0` | different (as in OTP 27) | equal | tie |
//! | `#{1 => x}`, `#{1.0 => x}` | different | different | integers first |
//! | `#{a => 1}`, `#{a => 1.0}` | different | equal | tie |

pub(crate) mod arena;
mod atom;
mod convert;
mod display;
mod edge;
mod etf;
mod from_term;
mod hash;
mod head;
#[doc(hidden)]
pub mod macros;
mod object;
mod order;
mod parse;
#[cfg(feature = "serde")]
mod serde;
mod view;
mod word;
mod words;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub(crate) use arena::Arena;
pub use atom::Atom;
pub use convert::{ToObject, ToTerm};
pub(crate) use edge::{Edge, Prefix, disjoint};
pub use etf::DecodeOptions;
pub use from_term::{FromObject, FromTerm};
pub(crate) use hash::KeyHasher;
pub(crate) use head::{head, head_at, prefix_heads};
pub use object::{Object, ObjectRef, Objects};
pub(crate) use object::{SMALL_OBJECT, new_block, special_block};
pub(crate) use order::{compare, compare_exact, equal};
pub use parse::ParseOptions;
pub(crate) use parse::scan;
#[cfg(feature = "serde")]
pub use serde::{Serde, Structs, ToTermOptions, from_term, to_record, to_term};
pub use view::{
    BigRef, BitsRef, Elements, Export, FunRef, ListRef, MapRef, Pid, Port, ReferenceRef, TermRef,
    TupleRef, View,
};
pub(crate) use word::{Tag, Word};

use crate::error::Result;

/// An owned term: what people build and receive.
///
/// Cheap to clone (a reference count), immutable, `Send + Sync`. Build one with
/// [`term!`](crate::term!), with [`From`], from text (`"{user, 1}".parse()`), from external term
/// format or from any `Serialize` type; take it apart with [`view`](Self::view).
///
/// `==` is Erlang's `=:=`. [`Ord`] is Erlang's term order with the ties of `1` and `1.0` (and of
/// `-0.0` and `0.0`) broken, so that it agrees with `==`; the order with ties is
/// [`compare`](Self::compare).
///
/// ```
/// use ferrets::{Term, term};
/// let user = term!({:user, 7, #{"name" => "Ann"}});
/// assert_eq!(user.to_string(), "{user,7,#{<<\"name\">> => <<\"Ann\">>}}");
/// assert_eq!("{user,7,#{<<\"name\">> => <<\"Ann\">>}}".parse::<Term>()?, user);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone)]
pub struct Term {
    heap: Heap,
    word: Word,
}

/// Where the boxed parts of an owned term lie.
#[derive(Clone)]
enum Heap {
    Empty,
    Shared(Arc<Vec<u64>>),
    Object(Object),
}

impl Term {
    /// The empty list, `[]`.
    ///
    /// ```
    /// use ferrets::{Atom, Term, term};
    /// assert_eq!(Term::nil(), term!([]));
    /// assert_ne!(Term::nil(), Term::from(Atom::NIL));
    /// ```
    #[must_use]
    pub const fn nil() -> Self {
        Self { heap: Heap::Empty, word: Word::NIL }
    }

    /// The term of any value that has one.
    ///
    /// ```
    /// use ferrets::{ErrorKind, Term, term};
    /// assert_eq!(Term::new((7, "ann", [1.5, 2.0]))?, term!({7, "ann", [1.5, 2.0]}));
    /// assert_eq!(Term::new(f64::NAN).unwrap_err().kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](crate::ErrorKind::BadArgument) for a float that is not finite,
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for a part that is too large.
    pub fn new(value: impl ToTerm) -> Result<Self> {
        Self::build(|arena| value.put(arena))
    }

    pub(crate) fn build(fill: impl FnOnce(&mut Arena) -> Result<Word>) -> Result<Self> {
        let mut arena = Arena::new();
        let word = fill(&mut arena)?;
        Ok(Self::from_arena(arena, word))
    }

    pub(crate) fn from_arena(arena: Arena, word: Word) -> Self {
        if word.is_immediate() {
            return Self { heap: Heap::Empty, word };
        }
        Self { heap: Heap::Shared(Arc::new(arena.into_vec())), word }
    }

    /// Several terms that lie in one arena, and keep it together.
    pub(crate) fn from_arena_all(
        arena: Arena,
        words: impl Iterator<Item = Word>,
    ) -> impl Iterator<Item = Self> {
        let heap = Heap::Shared(Arc::new(arena.into_vec()));
        words.map(move |word| Self { heap: heap.clone(), word })
    }

    pub(crate) const fn immediate(word: Word) -> Self {
        Self { heap: Heap::Empty, word }
    }

    /// A part of an object, which it keeps alive; the word is one of the object's.
    pub(crate) const fn part_of(object: Object, word: Word) -> Self {
        Self { heap: Heap::Object(object), word }
    }

    /// An atom.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(Term::atom("hello world")?, term!(:"hello world"));
    /// assert!(Term::atom(&"x".repeat(256)).is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Atom::new`].
    pub fn atom(name: &str) -> Result<Self> {
        Ok(Self::from(Atom::new(name)?))
    }

    /// A binary.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(Term::binary(b"ann")?, term!("ann"));
    /// assert_eq!(Term::binary(&[1, 255])?.to_string(), "<<1,255>>");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for more than 256 MiB.
    pub fn binary(bytes: &[u8]) -> Result<Self> {
        Self::build(|arena| arena.binary(bytes))
    }

    /// A tuple of terms.
    ///
    /// Takes the largest element's memory over, if nobody else holds it, so that wrapping a term
    /// again and again costs O(1) each time.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(Term::tuple((1..=3).map(Term::from))?, term!({1, 2, 3}));
    /// assert_eq!(Term::tuple([])?, term!({}));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for more than 16,777,215 elements.
    pub fn tuple(elements: impl IntoIterator<Item = Self>) -> Result<Self> {
        Self::gather(elements.into_iter().collect(), |arena, words| arena.tuple(words))
    }

    /// A proper list of terms. Memory as in [`tuple`](Self::tuple).
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(Term::list(["a", "b"].map(|tag| term!(tag)))?, term!(["a", "b"]));
    /// assert_eq!(Term::list([])?, Term::nil());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for more than 268,435,455 elements.
    pub fn list(elements: impl IntoIterator<Item = Self>) -> Result<Self> {
        Self::gather(elements.into_iter().collect(), |arena, words| arena.list(words, Word::NIL))
    }

    /// A list with a tail: `[a, b | tail]`; proper if the tail is a proper list.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(Term::list_with_tail([term!(1)], term!([2, 3]))?, term!([1, 2, 3]));
    /// assert_eq!(Term::list_with_tail([term!(1)], term!(2))?.to_string(), "[1|2]");
    /// assert_eq!(Term::list_with_tail([], term!(:tail))?, term!(:tail));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn list_with_tail(elements: impl IntoIterator<Item = Self>, tail: Self) -> Result<Self> {
        let mut all: Vec<Self> = elements.into_iter().collect();
        all.push(tail);
        Self::gather(all, |arena, words| match words.split_last() {
            Some((tail, elements)) => arena.list(elements, *tail),
            None => Ok(Word::NIL),
        })
    }

    /// A map; of pairs with the same key the last counts.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// let pairs = [(1.into(), term!(:old)), (term!(1.0), term!(:float)), (1.into(), term!(:new))];
    /// assert_eq!(Term::map(pairs)?, term!(#{1 => :new, 1.0 => :float}));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for more than 268,435,455 pairs.
    pub fn map(pairs: impl IntoIterator<Item = (Self, Self)>) -> Result<Self> {
        let all: Vec<Self> = pairs.into_iter().flat_map(|(key, value)| [key, value]).collect();
        Self::gather(all, |arena, words| {
            let mut pairs = words.chunks_exact(2).map(|two| (two[0], two[1])).collect();
            arena.map(&mut pairs)
        })
    }

    /// A bitstring of `bits` bits, taken from the top of each byte.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(Term::bitstring(&[0b1010_0000], 3)?.to_string(), "<<5:3>>");
    /// assert_eq!(Term::bitstring(b"ann", 16)?, term!("an"));
    /// assert!(Term::bitstring(b"ann", 25).is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](crate::ErrorKind::BadArgument) if `bytes` holds fewer bits;
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for more than 268,435,455 bits, unless
    /// they are whole bytes.
    pub fn bitstring(bytes: &[u8], bits: usize) -> Result<Self> {
        if bits.div_ceil(8) > bytes.len() {
            let message = format!("{} bytes hold no {bits} bits", bytes.len());
            return Err(crate::error::Error::bad_argument(message));
        }
        Self::build(|arena| arena.bits(bytes, bits))
    }

    /// A pid.
    ///
    /// ```
    /// use ferrets::{Atom, Pid, Term};
    /// let pid = Pid { node: Atom::NO_NODE, id: 80, serial: 0, creation: 0 };
    /// assert_eq!(Term::pid(pid)?.to_string(), "<0.80.0>");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// None in practice: a pid takes two words.
    pub fn pid(pid: Pid) -> Result<Self> {
        Self::build(|arena| arena.payload(Tag::Pid, 0, &pid.pack()))
    }

    /// A port.
    ///
    /// ```
    /// use ferrets::{Atom, Port, Term};
    /// let port = Port { node: Atom::NO_NODE, id: 6, creation: 0 };
    /// assert_eq!(Term::port(port)?.to_string(), "#Port<0.6>");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// None in practice: a port takes two words.
    pub fn port(port: Port) -> Result<Self> {
        Self::build(|arena| arena.payload(Tag::Port, 0, &port.pack()))
    }

    /// A reference with these numbers, the least significant first.
    ///
    /// ```
    /// use ferrets::{Atom, Term};
    /// let reference = Term::reference(Atom::NO_NODE, 0, &[1, 2, 3])?;
    /// assert_eq!(reference.to_string(), "#Ref<0.3.2.1>"); // the most significant first
    /// assert!(Term::reference(Atom::NO_NODE, 0, &[]).is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](crate::ErrorKind::BadArgument) for no number or more than five.
    pub fn reference(node: Atom, creation: u32, ids: &[u32]) -> Result<Self> {
        if ids.is_empty() || ids.len() > 5 {
            let message = format!("a reference has one to five numbers, not {}", ids.len());
            return Err(crate::error::Error::bad_argument(message));
        }
        let words = ReferenceRef::pack(node, creation, ids);
        Self::build(|arena| arena.payload(Tag::Reference, ids.len(), &words))
    }

    /// Puts terms into one arena and makes a term of their words.
    fn gather(
        terms: Vec<Self>,
        make: impl FnOnce(&mut Arena, &[Word]) -> Result<Word>,
    ) -> Result<Self> {
        let largest = terms.iter().enumerate().max_by_key(|(_, term)| term.heap_words());
        let base = largest.map_or(0, |(at, _)| at);
        let mut arena = Arena::new();
        let mut words = vec![Word::NIL; terms.len()];
        let mut rest = Vec::with_capacity(terms.len());
        for (at, term) in terms.into_iter().enumerate() {
            if at == base {
                words[at] = term.take_into(&mut arena)?;
            } else {
                rest.push((at, term));
            }
        }
        for (at, term) in &rest {
            words[*at] = arena.copy(term.as_ref())?;
        }
        let word = make(&mut arena, &words)?;
        Ok(Self::from_arena(arena, word))
    }

    fn heap_words(&self) -> usize {
        match &self.heap {
            Heap::Shared(words) => words.len(),
            Heap::Empty | Heap::Object(_) => 0,
        }
    }

    /// Moves the term into an empty arena: its memory if nobody shares it, a copy otherwise.
    fn take_into(self, arena: &mut Arena) -> Result<Word> {
        match self.heap {
            Heap::Shared(words) => match Arc::try_unwrap(words) {
                Ok(words) => {
                    *arena = Arena::from_vec(words);
                    Ok(self.word)
                }
                Err(shared) => arena.copy(TermRef::new(&shared, self.word)),
            },
            Heap::Empty => Ok(self.word),
            Heap::Object(ref object) => arena.copy(TermRef::new(object.words(), self.word)),
        }
    }

    /// A part of the term, which keeps all of its memory; the word is one of its heap's.
    pub(crate) fn part(&self, word: Word) -> Self {
        let heap = if word.is_immediate() { Heap::Empty } else { self.heap.clone() };
        Self { heap, word }
    }

    /// The term as a borrowed view.
    ///
    /// ```
    /// use ferrets::term;
    /// let list = term!([1, 2, 3]);
    /// let elements = list.as_ref().as_list().expect("it is proper");
    /// assert_eq!(elements.filter_map(|element| element.as_i64()).sum::<i64>(), 6);
    /// ```
    #[must_use]
    pub fn as_ref(&self) -> TermRef<'_> {
        let heap: &[u64] = match &self.heap {
            Heap::Empty => &[],
            Heap::Shared(words) => words,
            Heap::Object(object) => object.words(),
        };
        TermRef::new(heap, self.word)
    }

    /// The stored object that this term is the whole of, if it is one.
    pub(crate) fn as_object(&self) -> Option<&Object> {
        match &self.heap {
            Heap::Object(object) if object.root() == self.word => Some(object),
            _ => None,
        }
    }

    /// What it is, one level deep. See [`View`].
    ///
    /// ```
    /// use ferrets::{View, term};
    /// assert!(matches!(term!(1 << 20).view(), View::Int(1_048_576)));
    /// assert!(matches!(term!([]).view(), View::Nil));
    /// assert!(matches!(term!([1 | 2]).view(), View::List(_)));
    /// ```
    #[must_use]
    pub fn view(&self) -> View<'_> {
        self.as_ref().view()
    }

    /// The integer, if it is one of at most 64 bits.
    ///
    /// ```
    /// use ferrets::term;
    /// assert_eq!(term!(i64::MIN).as_i64(), Some(i64::MIN));
    /// assert_eq!(term!(u64::MAX).as_i64(), None);
    /// assert_eq!(term!(1.0).as_i64(), None);
    /// ```
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.as_ref().as_i64()
    }

    /// The atom, if it is one.
    ///
    /// ```
    /// use ferrets::{Atom, term};
    /// assert_eq!(term!(:ok).as_atom(), Some(Atom::OK));
    /// assert_eq!(term!(true).as_atom(), Some(Atom::TRUE));
    /// assert_eq!(term!("ok").as_atom(), None);
    /// ```
    #[must_use]
    pub fn as_atom(&self) -> Option<Atom> {
        self.as_ref().as_atom()
    }

    /// The bytes, if it is a binary.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(term!("ann").as_bytes(), Some(b"ann".as_slice()));
    /// assert_eq!(Term::bitstring(b"ann", 23)?.as_bytes(), None);
    /// assert_eq!(term!([97, 110]).as_bytes(), None); // "an" in Erlang, but a list
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.as_ref().as_bytes()
    }

    /// The text, if it is a binary that is valid UTF-8.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(term!("ann").as_str(), Some("ann"));
    /// assert_eq!(Term::binary(&[0xff])?.as_str(), None);
    /// assert_eq!(term!(:ann).as_str(), None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_ref().as_str()
    }

    /// The tuple, if it is one.
    ///
    /// ```
    /// use ferrets::term;
    /// let user = term!({"ann", 36});
    /// assert_eq!(user.as_tuple().and_then(|user| user.get(1)?.as_i64()), Some(36));
    /// assert!(term!(["ann", 36]).as_tuple().is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn as_tuple(&self) -> Option<TupleRef<'_>> {
        self.as_ref().as_tuple()
    }

    /// Erlang's `==`: `1 == 1.0`.
    ///
    /// ```
    /// use ferrets::term;
    /// let (int, float) = (term!({1}), term!({1.0}));
    /// assert!(int.equals(&float) && int != float);
    /// assert!(!term!(#{1 => :x}).equals(&term!(#{1.0 => :x}))); // keys are compared by `=:=`
    /// ```
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.as_ref().equals(other.as_ref())
    }

    /// Erlang's term order, in which `1` and `1.0` tie.
    ///
    /// ```
    /// use std::cmp::Ordering;
    /// use ferrets::term;
    /// assert_eq!(term!(1).compare(&term!(1.0)), Ordering::Equal);
    /// assert_eq!(term!(1).cmp(&term!(1.0)), Ordering::Less);
    /// assert_eq!(term!(:a).compare(&term!(1_000)), Ordering::Greater); // numbers come first
    /// ```
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.as_ref().compare(other.as_ref())
    }
}

impl From<Atom> for Term {
    fn from(atom: Atom) -> Self {
        Self::immediate(Arena::atom(atom))
    }
}

impl From<Object> for Term {
    fn from(object: Object) -> Self {
        let word = object.root();
        Self { heap: Heap::Object(object), word }
    }
}

impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Term {}

impl PartialEq for TermRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        equal(*self, *other)
    }
}

impl Eq for TermRef<'_> {}

impl PartialEq<TermRef<'_>> for Term {
    fn eq(&self, other: &TermRef<'_>) -> bool {
        self.as_ref() == *other
    }
}

impl PartialEq<Term> for TermRef<'_> {
    fn eq(&self, other: &Term) -> bool {
        *self == other.as_ref()
    }
}

impl Ord for Term {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_ref().cmp(&other.as_ref())
    }
}

impl PartialOrd for Term {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TermRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        order::compare_total(*self, *other)
    }
}

impl PartialOrd for TermRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Term {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

impl Hash for TermRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash::feed(*self, state);
    }
}
