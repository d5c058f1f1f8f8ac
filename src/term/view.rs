//! Views: reading a term where it lies, without copying any of it.

use num_bigint::{BigInt, BigUint, Sign};

use super::word::{Tag, Word};
use super::{Atom, Term, order};
use crate::error::Result;

/// A borrowed term: a look into a stored object or into an owned [`Term`].
///
/// Two words and a pointer, `Copy`. Match on [`view`](Self::view) to take it apart:
///
/// ```
/// use ferrets::{View, term};
/// let t = term!({:user, 7, "ann"});
/// let View::Tuple(tuple) = t.view() else { unreachable!() };
/// assert_eq!(tuple.get(1).and_then(|id| id.as_i64()), Some(7));
/// ```
///
/// `==` is Erlang's `=:=`; see [`Term`] for the other equality and for order.
#[derive(Clone, Copy)]
pub struct TermRef<'a> {
    heap: &'a [u64],
    word: Word,
}

/// What a term is, one level deep.
///
/// ```
/// use ferrets::{TermRef, View, term};
/// fn atoms(term: TermRef<'_>) -> usize {
///     match term.view() {
///         View::Atom(_) => 1,
///         View::Tuple(tuple) => tuple.elements().map(atoms).sum(),
///         View::List(list) => list.elements().chain([list.tail()]).map(atoms).sum(),
///         View::Map(map) => map.keys().chain(map.values()).map(atoms).sum(),
///         _ => 0,
///     }
/// }
/// assert_eq!(atoms(term!({:a, [1, :b | :c], #{:d => true}}).as_ref()), 5);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum View<'a> {
    /// An integer of at most 64 bits.
    Int(i64),
    /// An integer that needs more than 64 bits.
    Big(BigRef<'a>),
    /// A float; never a NaN or an infinity.
    Float(f64),
    /// An atom.
    Atom(Atom),
    /// A reference: a unique token.
    Reference(ReferenceRef<'a>),
    /// A fun: opaque here, but kept whole.
    Fun(FunRef<'a>),
    /// `fun module:function/arity`.
    Export(Export),
    /// A port.
    Port(Port),
    /// A process identifier.
    Pid(Pid),
    /// A tuple.
    Tuple(TupleRef<'a>),
    /// A map.
    Map(MapRef<'a>),
    /// The empty list.
    Nil,
    /// A list that is not empty.
    List(ListRef<'a>),
    /// A binary: whole bytes.
    Binary(&'a [u8]),
    /// A bitstring that ends within a byte.
    Bits(BitsRef<'a>),
}

/// An integer that takes more than 60 bits.
#[cold]
#[inline(never)]
fn boxed_i64(heap: &[u64], word: Word) -> Option<i64> {
    match TermRef::new(heap, word).view() {
        View::Int(value) => Some(value),
        _ => None,
    }
}

impl<'a> TermRef<'a> {
    #[inline]
    pub(crate) const fn new(heap: &'a [u64], word: Word) -> Self {
        Self { heap, word }
    }

    /// An atom, from nowhere in particular.
    ///
    /// ```
    /// use ferrets::{Atom, TermRef, term};
    /// let map = term!(#{:ok => 7});
    /// let map = map.as_ref().as_map().expect("it is one");
    /// assert_eq!(map.get(TermRef::atom(Atom::OK)).and_then(|value| value.as_i64()), Some(7));
    /// assert!(map.get(TermRef::atom(Atom::ERROR)).is_none());
    /// ```
    #[must_use]
    #[inline]
    pub const fn atom(atom: Atom) -> Self {
        Self { heap: &[], word: Word::atom(atom.index()) }
    }

    #[inline]
    pub(crate) const fn word(self) -> Word {
        self.word
    }

    #[inline]
    pub(crate) const fn heap(self) -> &'a [u64] {
        self.heap
    }

    /// Another word of the same heap.
    #[inline]
    pub(crate) const fn sibling(self, word: Word) -> Self {
        Self { heap: self.heap, word }
    }

    /// The payload words from the term's offset on.
    #[inline]
    fn payload(self, count: usize) -> &'a [u64] {
        let at = self.word.offset();
        &self.heap[at..at + count]
    }

    fn bytes(self, count: usize) -> &'a [u8] {
        &bytemuck::cast_slice(self.payload(count.div_ceil(8)))[..count]
    }

    /// What it is.
    ///
    /// ```
    /// use ferrets::{View, term};
    /// let list = term!([1 << 20, "text", []]);
    /// let mut list = list.as_ref().as_list().expect("it is proper");
    /// assert!(matches!(list.next().map(|term| term.view()), Some(View::Int(1_048_576))));
    /// assert!(matches!(list.next().map(|term| term.view()), Some(View::Binary(b"text"))));
    /// assert!(matches!(list.next().map(|term| term.view()), Some(View::Nil)));
    /// ```
    #[must_use]
    #[inline]
    pub fn view(self) -> View<'a> {
        let word = self.word;
        match word.tag() {
            Tag::Int => View::Int(word.as_int()),
            Tag::Atom => View::Atom(Atom::from_index(word.atom_index())),
            Tag::Nil => View::Nil,
            Tag::Tuple => {
                View::Tuple(TupleRef { heap: self.heap, words: self.payload(word.len()) })
            }
            Tag::List => View::List(ListRef { term: self }),
            Tag::Map => View::Map(MapRef { heap: self.heap, words: self.payload(word.len() * 2) }),
            Tag::Binary => View::Binary(self.bytes(word.len())),
            Tag::Bits => {
                let bits = word.len();
                View::Bits(BitsRef { bytes: self.bytes(bits.div_ceil(8)), bits })
            }
            Tag::Float => View::Float(f64::from_bits(self.payload(1)[0])),
            Tag::Big => self.view_big(),
            Tag::Pid => View::Pid(Pid::unpack(self.payload(2))),
            Tag::Port => View::Port(Port::unpack(self.payload(2))),
            Tag::Reference => {
                let words = self.payload(1 + word.len().div_ceil(2));
                View::Reference(ReferenceRef { words, len: word.len() })
            }
            Tag::Export => View::Export(Export::unpack(self.payload(3))),
            Tag::Fun => View::Fun(FunRef { term: self }),
        }
    }

    fn view_big(self) -> View<'a> {
        let len = self.word.len();
        let (negative, magnitude) = (len & 1 == 1, self.payload(len / 2));
        let small = match magnitude {
            [one] if negative => 0_i64.checked_sub_unsigned(*one),
            [one] => i64::try_from(*one).ok(),
            _ => None,
        };
        small.map_or(View::Big(BigRef { negative, magnitude }), View::Int)
    }

    /// The integer, if it is one of at most 64 bits.
    ///
    /// ```
    /// use ferrets::term;
    /// assert_eq!(term!(-1).as_ref().as_i64(), Some(-1));
    /// assert_eq!(term!(1_u64 << 63).as_ref().as_i64(), None);
    /// assert_eq!(term!(-1.0).as_ref().as_i64(), None);
    /// ```
    #[must_use]
    #[inline]
    pub fn as_i64(self) -> Option<i64> {
        if self.word.tag() == Tag::Int {
            Some(self.word.as_int())
        } else {
            boxed_i64(self.heap, self.word)
        }
    }

    /// The integer, whatever its size.
    ///
    /// ```
    /// use ferrets::term;
    /// let large = term!(u128::MAX);
    /// assert_eq!(large.as_ref().as_integer(), Some(u128::MAX.into()));
    /// assert_eq!(term!(-1).as_ref().as_integer(), Some((-1).into()));
    /// assert_eq!(term!(1.0).as_ref().as_integer(), None);
    /// ```
    #[must_use]
    pub fn as_integer(self) -> Option<BigInt> {
        match self.view() {
            View::Int(value) => Some(BigInt::from(value)),
            View::Big(big) => Some(big.to_bigint()),
            _ => None,
        }
    }

    /// The float, if it is one.
    ///
    /// ```
    /// use ferrets::term;
    /// assert_eq!(term!(-1.5).as_ref().as_f64(), Some(-1.5));
    /// assert_eq!(term!(1).as_ref().as_f64(), None);
    /// ```
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self.view() {
            View::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The atom, if it is one.
    ///
    /// ```
    /// use ferrets::{Atom, term};
    /// assert_eq!(term!(:nil).as_ref().as_atom(), Some(Atom::NIL));
    /// assert_eq!(term!([]).as_ref().as_atom(), None);
    /// ```
    #[must_use]
    pub fn as_atom(self) -> Option<Atom> {
        match self.view() {
            View::Atom(atom) => Some(atom),
            _ => None,
        }
    }

    /// `true` or `false`, if it is one of these atoms.
    ///
    /// ```
    /// use ferrets::term;
    /// assert_eq!(term!(:false).as_ref().as_bool(), Some(false));
    /// assert_eq!(term!(:undefined).as_ref().as_bool(), None);
    /// ```
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.as_atom()? {
            Atom::TRUE => Some(true),
            Atom::FALSE => Some(false),
            _ => None,
        }
    }

    /// The bytes, if it is a binary.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(term!("").as_ref().as_bytes(), Some([].as_slice()));
    /// assert_eq!(Term::bitstring(&[0xff], 7)?.as_ref().as_bytes(), None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        match self.view() {
            View::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, if it is a binary that is valid UTF-8.
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// let user = term!({7, "ann"});
    /// let name = user.as_tuple().and_then(|user| user.get(1)?.as_str());
    /// assert_eq!(name, Some("ann")); // lies in `user`
    /// assert_eq!(Term::binary(&[0xff])?.as_ref().as_str(), None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The tuple, if it is one.
    ///
    /// ```
    /// use ferrets::term;
    /// assert!(term!({}).as_ref().as_tuple().is_some_and(|tuple| tuple.is_empty()));
    /// assert!(term!([]).as_ref().as_tuple().is_none());
    /// ```
    #[must_use]
    pub fn as_tuple(self) -> Option<TupleRef<'a>> {
        match self.view() {
            View::Tuple(tuple) => Some(tuple),
            _ => None,
        }
    }

    /// The elements of a proper list, the empty one included; `None` for anything else.
    ///
    /// ```
    /// use ferrets::term;
    /// let len = |term: ferrets::Term| term.as_ref().as_list().map(|elements| elements.count());
    /// assert_eq!(len(term!([1, 2])), Some(2));
    /// assert_eq!(len(term!([])), Some(0));
    /// assert_eq!(len(term!([1 | 2])), None);
    /// ```
    #[must_use]
    pub fn as_list(self) -> Option<Elements<'a>> {
        match self.view() {
            View::Nil => Some(Elements::empty()),
            View::List(list) if list.is_proper() => Some(list.elements()),
            _ => None,
        }
    }

    /// The map, if it is one.
    ///
    /// ```
    /// use ferrets::term;
    /// assert_eq!(term!(#{:a => 1}).as_ref().as_map().map(|map| map.len()), Some(1));
    /// assert!(term!([{:a, 1}]).as_ref().as_map().is_none());
    /// ```
    #[must_use]
    pub fn as_map(self) -> Option<MapRef<'a>> {
        match self.view() {
            View::Map(map) => Some(map),
            _ => None,
        }
    }

    /// A term of its own: a deep copy, compact. O(size).
    ///
    /// ```
    /// use ferrets::{Result, Term, term};
    /// fn city(user: &Term) -> Result<Option<Term>> {
    ///     user.as_tuple().and_then(|user| user.get(1)).map(|city| city.to_term()).transpose()
    /// }
    /// assert_eq!(city(&term!({"ann", "Oslo"}))?, Some(term!("Oslo"))); // the tuple is gone
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) when there is no memory for it.
    pub fn to_term(self) -> Result<Term> {
        if self.word.is_immediate() {
            return Ok(Term::immediate(self.word));
        }
        Term::build(|arena| arena.copy(self))
    }

    /// Erlang's `==`: `1 == 1.0`.
    ///
    /// ```
    /// use ferrets::term;
    /// let (int, float) = (term!([1]), term!([1.0]));
    /// assert!(int.as_ref().equals(float.as_ref()));
    /// assert!(int.as_ref() != float.as_ref());
    /// ```
    #[must_use]
    pub fn equals(self, other: TermRef<'_>) -> bool {
        order::compare(self, other) == std::cmp::Ordering::Equal
    }

    /// Erlang's term order, in which `1` and `1.0` tie.
    ///
    /// ```
    /// use ferrets::term;
    /// // Numbers, atoms, tuples, maps, lists, binaries: each before the next.
    /// let sorted = term!([1, :a, {}, #{}, [], ""]);
    /// let elements = sorted.as_ref().as_list().expect("it is proper");
    /// assert!(elements.is_sorted_by(|a, b| a.compare(*b).is_lt()));
    /// assert!(term!(2).as_ref().compare(term!(2.0).as_ref()).is_eq());
    /// ```
    #[must_use]
    pub fn compare(self, other: TermRef<'_>) -> std::cmp::Ordering {
        order::compare(self, other)
    }
}

/// The elements of a tuple.
///
/// ```
/// use ferrets::{TupleRef, term};
/// let user = term!({:user, 7, "ann"});
/// let fields: TupleRef<'_> = user.get()?;
/// assert_eq!(fields.get(2).and_then(|name| name.as_str()), Some("ann"));
/// assert_eq!(fields.to_string(), user.to_string());
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct TupleRef<'a> {
    heap: &'a [u64],
    words: &'a [u64],
}

impl<'a> TupleRef<'a> {
    /// How many elements.
    ///
    /// ```
    /// use ferrets::term;
    /// assert_eq!(term!({1, {2, 3}}).as_tuple().map(|tuple| tuple.len()), Some(2));
    /// ```
    #[must_use]
    pub const fn len(self) -> usize {
        self.words.len()
    }

    /// Whether it is `{}`.
    ///
    /// ```
    /// use ferrets::term;
    /// assert_eq!(term!({}).as_tuple().map(|tuple| tuple.is_empty()), Some(true));
    /// ```
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.words.is_empty()
    }

    /// Element `index`, counted from **zero** as in Rust.
    ///
    /// ```
    /// use ferrets::term;
    /// let pair = term!({:ok, 7});
    /// let pair = pair.as_tuple().expect("it is one");
    /// assert_eq!(pair.get(1).and_then(|value| value.as_i64()), Some(7));
    /// assert!(pair.get(2).is_none());
    /// ```
    #[must_use]
    pub fn get(self, index: usize) -> Option<TermRef<'a>> {
        self.words.get(index).map(|word| TermRef::new(self.heap, Word(*word)))
    }

    /// The elements in order.
    ///
    /// ```
    /// use ferrets::term;
    /// let point = term!({1, 2, 3});
    /// let elements = point.as_tuple().expect("it is one").elements();
    /// assert_eq!(elements.filter_map(|element| element.as_i64()).max(), Some(3));
    /// ```
    #[must_use]
    pub fn elements(self) -> Elements<'a> {
        Elements { heap: self.heap, words: self.words, tail: Word::NIL }
    }
}

/// An iterator over the elements of a tuple or a list.
///
/// ```
/// use ferrets::{Elements, term};
/// let list = term!([1, :a, "b"]);
/// let elements: Elements<'_> = list.get()?; // of proper lists only
/// assert_eq!(elements.map(|element| element.to_string()).collect::<String>(), "1a<<\"b\">>");
/// assert!(term!([1 | 2]).get::<Elements<'_>>().is_err());
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone)]
pub struct Elements<'a> {
    heap: &'a [u64],
    words: &'a [u64],
    tail: Word,
}

impl Elements<'_> {
    pub(crate) const fn empty() -> Self {
        Self { heap: &[], words: &[], tail: Word::NIL }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = TermRef<'a>;

    fn next(&mut self) -> Option<TermRef<'a>> {
        if self.words.is_empty() {
            if self.tail.tag() != Tag::List {
                return None;
            }
            (self.words, self.tail) = segment(self.heap, self.tail);
        }
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(TermRef::new(self.heap, Word(*first)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let more = self.tail.tag() == Tag::List;
        (self.words.len(), if more { None } else { Some(self.words.len()) })
    }
}

/// The elements that lie in one piece at a list word, and the word of what follows.
fn segment(heap: &[u64], list: Word) -> (&[u64], Word) {
    let (at, len) = (list.offset(), list.len());
    (&heap[at..at + len], Word(heap[at + len]))
}

/// A list that is not empty: elements, then a tail, which is `[]` in a proper list.
///
/// ```
/// use ferrets::{ListRef, term};
/// let list = term!([1, 2 | :rest]);
/// let list: ListRef<'_> = list.get()?;
/// assert_eq!((list.len(), list.is_proper()), (2, false));
/// assert_eq!(list.tail(), term!(:rest));
/// assert!(term!([]).get::<ListRef<'_>>().is_err());
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct ListRef<'a> {
    term: TermRef<'a>,
}

impl<'a> ListRef<'a> {
    /// The pieces that the list lies in; one, unless it was put together from others.
    pub(crate) fn segments(self) -> impl Iterator<Item = &'a [u64]> {
        let heap = self.term.heap;
        let mut next = self.term.word;
        std::iter::from_fn(move || {
            if next.tag() != Tag::List {
                return None;
            }
            let (words, tail) = segment(heap, next);
            next = tail;
            Some(words)
        })
    }

    /// How many elements stand before the tail. O(pieces), one as a rule.
    ///
    /// ```
    /// use ferrets::{ListRef, term};
    /// assert_eq!(term!([1, 2]).get::<ListRef<'_>>()?.len(), 2);
    /// assert_eq!(term!([1, 2 | 3]).get::<ListRef<'_>>()?.len(), 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn len(self) -> usize {
        self.segments().map(<[u64]>::len).sum()
    }

    /// Never: the empty list is [`View::Nil`].
    ///
    /// ```
    /// use ferrets::{ListRef, term};
    /// assert!(!term!([[]]).get::<ListRef<'_>>()?.is_empty());
    /// assert!(term!([]).get::<ListRef<'_>>().is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub const fn is_empty(self) -> bool {
        false
    }

    /// What stands after the last element: `[]` in a proper list.
    ///
    /// ```
    /// use ferrets::{ListRef, term};
    /// assert_eq!(term!([1, 2 | 3]).get::<ListRef<'_>>()?.tail(), term!(3));
    /// assert_eq!(term!([1 | [2]]).get::<ListRef<'_>>()?.tail(), term!([]));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn tail(self) -> TermRef<'a> {
        let mut next = self.term.word;
        while next.tag() == Tag::List {
            next = segment(self.term.heap, next).1;
        }
        self.term.sibling(next)
    }

    /// Whether its tail is `[]`.
    ///
    /// ```
    /// use ferrets::{ListRef, term};
    /// assert!(term!([1 | [2]]).get::<ListRef<'_>>()?.is_proper());
    /// assert!(!term!([1 | 2]).get::<ListRef<'_>>()?.is_proper());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn is_proper(self) -> bool {
        self.tail().word.tag() == Tag::Nil
    }

    /// The first element (`hd`).
    ///
    /// ```
    /// use ferrets::{ListRef, term};
    /// assert_eq!(term!([1, 2 | 3]).get::<ListRef<'_>>()?.head(), term!(1));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn head(self) -> TermRef<'a> {
        self.term.sibling(Word(self.term.heap[self.term.word.offset()]))
    }

    /// All but the first element (`tl`): a list, or the tail itself. O(1).
    ///
    /// ```
    /// use ferrets::{ListRef, term};
    /// assert_eq!(term!([1, 2 | 3]).get::<ListRef<'_>>()?.rest(), term!([2 | 3]));
    /// assert_eq!(term!([2 | 3]).get::<ListRef<'_>>()?.rest(), term!(3));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn rest(self) -> TermRef<'a> {
        let (at, len) = (self.term.word.offset(), self.term.word.len());
        let word = if len == 1 {
            Word(self.term.heap[at + 1])
        } else {
            Word::boxed(Tag::List, at + 1, len - 1)
        };
        self.term.sibling(word)
    }

    /// The elements before the tail.
    ///
    /// ```
    /// use ferrets::{ListRef, term};
    /// let list = term!([1, 2 | 3]);
    /// let elements = list.get::<ListRef<'_>>()?.elements();
    /// assert_eq!(elements.filter_map(|element| element.as_i64()).sum::<i64>(), 3);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn elements(self) -> Elements<'a> {
        Elements { heap: self.term.heap, words: &[], tail: self.term.word }
    }
}

/// The pairs of a map, in the exact order of their keys.
///
/// ```
/// use ferrets::{MapRef, term};
/// let ages = term!(#{"bob" => 25, "ann" => 36});
/// let ages: MapRef<'_> = ages.get()?;
/// assert_eq!(ages.get(term!("bob").as_ref()).and_then(|age| age.as_i64()), Some(25));
/// assert_eq!(ages.keys().next().and_then(|name| name.as_str()), Some("ann"));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct MapRef<'a> {
    heap: &'a [u64],
    words: &'a [u64],
}

impl<'a> MapRef<'a> {
    /// How many pairs.
    ///
    /// ```
    /// use ferrets::{MapRef, term};
    /// assert_eq!(term!(#{1 => :a, 1.0 => :b, 1 => :c}).get::<MapRef<'_>>()?.len(), 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub const fn len(self) -> usize {
        self.words.len() / 2
    }

    /// Whether it is `#{}`.
    ///
    /// ```
    /// use ferrets::{MapRef, term};
    /// assert!(term!(#{}).get::<MapRef<'_>>()?.is_empty());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.words.is_empty()
    }

    /// The value of the key that is `=:=` to `key`. O(log n) comparisons.
    ///
    /// ```
    /// use ferrets::{MapRef, term};
    /// let map = term!(#{1 => :int, [2, 3] => :list});
    /// let map: MapRef<'_> = map.get()?;
    /// assert!(map.get(term!([2, 3]).as_ref()).is_some_and(|value| value == term!(:list)));
    /// assert!(map.get(term!(1.0).as_ref()).is_none());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn get(self, key: TermRef<'_>) -> Option<TermRef<'a>> {
        let keys = &self.words[..self.len()];
        let at = keys
            .binary_search_by(|word| {
                order::compare_exact(TermRef::new(self.heap, Word(*word)), key)
            })
            .ok()?;
        Some(TermRef::new(self.heap, Word(self.words[self.len() + at])))
    }

    /// The keys in exact order: that of terms, but all integers before all floats.
    ///
    /// ```
    /// use ferrets::{MapRef, term};
    /// let map = term!(#{0.5 => 1, :a => 2, 7 => 3});
    /// let keys = map.get::<MapRef<'_>>()?.keys();
    /// assert_eq!(keys.map(|key| key.to_string()).collect::<Vec<_>>(), ["7", "0.5", "a"]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn keys(self) -> Elements<'a> {
        Elements { heap: self.heap, words: &self.words[..self.len()], tail: Word::NIL }
    }

    /// The values, in the order of their keys.
    ///
    /// ```
    /// use ferrets::{MapRef, term};
    /// let map = term!(#{:b => 1, :a => 2});
    /// let values = map.get::<MapRef<'_>>()?.values();
    /// assert_eq!(values.filter_map(|value| value.as_i64()).collect::<Vec<_>>(), [2, 1]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn values(self) -> Elements<'a> {
        Elements { heap: self.heap, words: &self.words[self.len()..], tail: Word::NIL }
    }

    /// The pairs, in the order of their keys.
    ///
    /// ```
    /// use ferrets::{MapRef, term};
    /// let stock = term!(#{:pears => 0, :apples => 7});
    /// let mut pairs = stock.get::<MapRef<'_>>()?.pairs();
    /// let missing = pairs.find(|(_, count)| *count == 0).expect("there are no pears");
    /// assert_eq!(missing.0, term!(:pears));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn pairs(self) -> impl Iterator<Item = (TermRef<'a>, TermRef<'a>)> {
        self.keys().zip(self.values())
    }
}

/// A bitstring that does not end at a byte.
///
/// ```
/// use ferrets::{BitsRef, Term, term};
/// let bits = Term::parse("<<1,5:3>>")?;
/// assert_eq!(bits.get::<BitsRef<'_>>()?.bit_len(), 11);
/// assert!(term!("bytes").get::<BitsRef<'_>>().is_err()); // View::Binary
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct BitsRef<'a> {
    bytes: &'a [u8],
    bits: usize,
}

impl<'a> BitsRef<'a> {
    /// The length in bits.
    ///
    /// ```
    /// use ferrets::{BitsRef, Term};
    /// assert_eq!(Term::bitstring(&[0xff, 0xff], 9)?.get::<BitsRef<'_>>()?.bit_len(), 9);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub const fn bit_len(self) -> usize {
        self.bits
    }

    /// The bytes; the last is filled from the top and has zeros below.
    ///
    /// ```
    /// use ferrets::{BitsRef, Term};
    /// let bits = Term::bitstring(&[0xff, 0xff], 9)?;
    /// assert_eq!(bits.get::<BitsRef<'_>>()?.bytes(), [0xff, 0x80]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }
}

/// An integer of more than 64 bits.
///
/// ```
/// use ferrets::{View, term};
/// let large = term!(1_i128 << 100);
/// let View::Big(big) = large.view() else { unreachable!() };
/// assert_eq!((big.to_string(), big.is_negative()), ((1_i128 << 100).to_string(), false));
/// assert!(matches!(term!(i64::MIN).view(), View::Int(i64::MIN)));
/// ```
#[derive(Clone, Copy)]
pub struct BigRef<'a> {
    negative: bool,
    magnitude: &'a [u64],
}

impl<'a> BigRef<'a> {
    /// Whether it is below zero.
    ///
    /// ```
    /// use ferrets::{View, term};
    /// assert!(matches!(term!(i128::MIN).view(), View::Big(big) if big.is_negative()));
    /// ```
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.negative
    }

    /// The magnitude, least significant word first, without leading zeros.
    ///
    /// ```
    /// use ferrets::{View, term};
    /// let large = term!(-(1_i128 << 64) - 5);
    /// let View::Big(big) = large.view() else { unreachable!() };
    /// assert_eq!(big.magnitude(), [5, 1]);
    /// ```
    #[must_use]
    pub const fn magnitude(self) -> &'a [u64] {
        self.magnitude
    }

    /// As a number to calculate with.
    ///
    /// ```
    /// use ferrets::{View, term};
    /// let large = term!(u64::MAX);
    /// let View::Big(big) = large.view() else { unreachable!() };
    /// assert_eq!(big.to_bigint() + 1, (u128::from(u64::MAX) + 1).into());
    /// ```
    #[must_use]
    pub fn to_bigint(self) -> BigInt {
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        let halves = self.magnitude.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32]);
        BigInt::from_biguint(sign, BigUint::new(halves.collect()))
    }
}

/// A process identifier, as in Erlang: it names an owner here, or came from elsewhere.
///
/// ```
/// use ferrets::{Pid, Store, Term};
/// let pid: Pid = Term::parse("<0.80.1>")?.get()?;
/// assert_eq!((pid.id, pid.serial), (80, 1));
/// let store = Store::new();
/// assert_ne!(store.owner().pid(), store.owner().pid());
/// assert!(!store.is_alive(pid));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pid {
    /// The node it belongs to.
    pub node: Atom,
    /// The middle number of its text.
    pub id: u32,
    /// The last number of its text.
    pub serial: u32,
    /// Which life of the node.
    pub creation: u32,
}

/// A port.
///
/// ```
/// use ferrets::{Port, Term};
/// let text = "#Port<0.6>";
/// let port: Port = Term::parse(text)?.get()?;
/// assert_eq!((port.id, port.to_string().as_str()), (6, text));
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Port {
    /// The node it belongs to.
    pub node: Atom,
    /// Its number.
    pub id: u64,
    /// Which life of the node.
    pub creation: u32,
}

fn node_word(node: Atom, creation: u32) -> u64 {
    u64::from(node.index()) | u64::from(creation) << 32
}

fn node_of(word: u64) -> (Atom, u32) {
    (Atom::from_index(word as u32), (word >> 32) as u32)
}

impl Pid {
    pub(crate) fn pack(self) -> [u64; 2] {
        let numbers = u64::from(self.id) | u64::from(self.serial) << 32;
        [node_word(self.node, self.creation), numbers]
    }

    fn unpack(words: &[u64]) -> Self {
        let (node, creation) = node_of(words[0]);
        Self { node, id: words[1] as u32, serial: (words[1] >> 32) as u32, creation }
    }
}

impl Port {
    pub(crate) fn pack(self) -> [u64; 2] {
        [node_word(self.node, self.creation), self.id]
    }

    fn unpack(words: &[u64]) -> Self {
        let (node, creation) = node_of(words[0]);
        Self { node, id: words[1], creation }
    }
}

/// A reference: a token that is unique to its node.
///
/// ```
/// use ferrets::{Kind, ReferenceRef, Store, TableOptions, term};
/// let owner = Store::new().owner();
/// let id = owner.new_table("t", TableOptions::new(Kind::Set))?.id();
/// let reference: ReferenceRef<'_> = id.get()?;
/// assert_eq!(term!(reference), id); // a copy
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct ReferenceRef<'a> {
    words: &'a [u64],
    len: usize,
}

impl<'a> ReferenceRef<'a> {
    /// The node it belongs to.
    ///
    /// ```
    /// use ferrets::{Atom, ReferenceRef, Term};
    /// let reference = Term::reference(Atom::new("n@host")?, 7, &[1])?;
    /// assert_eq!(reference.get::<ReferenceRef<'_>>()?.node().name(), "n@host");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn node(self) -> Atom {
        node_of(self.words[0]).0
    }

    /// Which life of the node.
    ///
    /// ```
    /// use ferrets::{Atom, ReferenceRef, Term};
    /// let reference = Term::reference(Atom::new("n@host")?, 7, &[1])?;
    /// assert_eq!(reference.get::<ReferenceRef<'_>>()?.creation(), 7);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn creation(self) -> u32 {
        node_of(self.words[0]).1
    }

    /// Its numbers, the least significant first.
    ///
    /// ```
    /// use ferrets::{ReferenceRef, Term};
    /// let reference = Term::parse("#Ref<0.3.2.1>")?;
    /// assert!(reference.get::<ReferenceRef<'_>>()?.ids().eq([1, 2, 3]));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub fn ids(self) -> impl DoubleEndedIterator<Item = u32> + ExactSizeIterator + 'a {
        let words = self.words;
        (0..self.len).map(move |at| (words[1 + at / 2] >> (at % 2 * 32)) as u32)
    }

    /// Packs the parts for [`Arena::payload`](super::arena::Arena::payload).
    pub(crate) fn pack(node: Atom, creation: u32, ids: &[u32]) -> Vec<u64> {
        let mut words = vec![node_word(node, creation)];
        words
            .extend(ids.chunks(2).map(|two| {
                u64::from(two[0]) | two.get(1).map_or(0, |high| u64::from(*high) << 32)
            }));
        words
    }
}

/// `fun module:function/arity`.
///
/// ```
/// use ferrets::{Export, Term, atom};
/// let export = Export { module: atom!("lists"), function: atom!("map"), arity: 2 };
/// assert_eq!(Term::from(export).to_string(), "fun lists:map/2");
/// assert_eq!(Term::parse("fun lists:map/2")?.get::<Export>()?, export);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Export {
    /// The module.
    pub module: Atom,
    /// The function.
    pub function: Atom,
    /// How many arguments.
    pub arity: u8,
}

impl Export {
    fn unpack(words: &[u64]) -> Self {
        Self {
            module: Atom::from_index(Word(words[0]).atom_index()),
            function: Atom::from_index(Word(words[1]).atom_index()),
            arity: words[2] as u8,
        }
    }
}

/// Words of a fun that are not words of terms: arity and index; old index and old uniq; uniq.
pub(crate) const FUN_RAW_WORDS: usize = 4;
/// Words of terms that every fun has: its module and its pid.
pub(crate) const FUN_TERM_WORDS: usize = 2;

/// The numbers of a fun, as [`Arena::open_fun`](super::arena::Arena::open_fun) takes them.
#[derive(Clone, Copy)]
pub(crate) struct FunHead {
    pub(crate) arity: u8,
    pub(crate) index: u32,
    pub(crate) old_index: u32,
    pub(crate) old_uniq: u32,
    /// The most significant half first.
    pub(crate) uniq: [u64; 2],
}

impl FunHead {
    pub(crate) fn pack(self) -> [u64; FUN_RAW_WORDS] {
        [
            u64::from(self.arity) | u64::from(self.index) << 32,
            u64::from(self.old_index) | u64::from(self.old_uniq) << 32,
            self.uniq[0],
            self.uniq[1],
        ]
    }
}

/// A fun made by `fun ... end`: kept whole, compared, written out again, but not called.
///
/// ```
/// use ferrets::{FunRef, Term};
/// // A fun of module `m` that has closed over 42.
/// let bytes = b"\x83p\0\0\0\x36\x010123456789abcdef\0\0\0\x03\0\0\0\x01w\x01ma\x02a\x05\
///               Xw\x01n\0\0\0\x07\0\0\0\0\0\0\0\0a\x2a";
/// let fun = Term::decode(bytes)?;
/// assert_eq!(fun.get::<FunRef<'_>>()?.arity(), 1);
/// assert_eq!(fun.encode()?, bytes);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct FunRef<'a> {
    term: TermRef<'a>,
}

impl<'a> FunRef<'a> {
    fn raw(self, at: usize) -> u64 {
        self.term.heap[self.term.word.offset() + at]
    }

    fn part(self, at: usize) -> TermRef<'a> {
        self.term.sibling(Word(self.raw(FUN_RAW_WORDS + at)))
    }

    /// How many arguments it takes.
    ///
    /// ```
    /// # use ferrets::{FunRef, Term};
    /// # let bytes = b"\x83p\0\0\0\x36\x010123456789abcdef\0\0\0\x03\0\0\0\x01w\x01ma\x02a\x05\
    /// #               Xw\x01n\0\0\0\x07\0\0\0\0\0\0\0\0a\x2a";
    /// let fun = Term::decode(bytes)?;
    /// let fun: FunRef<'_> = fun.get()?;
    /// assert_eq!(fun.arity(), 1);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn arity(self) -> u8 {
        self.raw(0) as u8
    }

    /// Which fun of its module.
    ///
    /// ```
    /// # use ferrets::{FunRef, Term};
    /// # let bytes = b"\x83p\0\0\0\x36\x010123456789abcdef\0\0\0\x03\0\0\0\x01w\x01ma\x02a\x05\
    /// #               Xw\x01n\0\0\0\x07\0\0\0\0\0\0\0\0a\x2a";
    /// let fun = Term::decode(bytes)?;
    /// let fun: FunRef<'_> = fun.get()?;
    /// assert_eq!(fun.index(), 3);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn index(self) -> u32 {
        (self.raw(0) >> 32) as u32
    }

    /// The index and the hash of older runtimes.
    ///
    /// ```
    /// # use ferrets::{FunRef, Term};
    /// # let bytes = b"\x83p\0\0\0\x36\x010123456789abcdef\0\0\0\x03\0\0\0\x01w\x01ma\x02a\x05\
    /// #               Xw\x01n\0\0\0\x07\0\0\0\0\0\0\0\0a\x2a";
    /// let fun = Term::decode(bytes)?;
    /// let fun: FunRef<'_> = fun.get()?;
    /// assert_eq!(fun.old_index_and_uniq(), (2, 5));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn old_index_and_uniq(self) -> (u32, u32) {
        (self.raw(1) as u32, (self.raw(1) >> 32) as u32)
    }

    /// The 16 bytes that identify the code, most significant half first.
    ///
    /// ```
    /// # use ferrets::{FunRef, Term};
    /// # let bytes = b"\x83p\0\0\0\x36\x010123456789abcdef\0\0\0\x03\0\0\0\x01w\x01ma\x02a\x05\
    /// #               Xw\x01n\0\0\0\x07\0\0\0\0\0\0\0\0a\x2a";
    /// let fun = Term::decode(bytes)?;
    /// let fun: FunRef<'_> = fun.get()?;
    /// assert_eq!(fun.uniq().map(u64::to_be_bytes).concat(), b"0123456789abcdef");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn uniq(self) -> [u64; 2] {
        [self.raw(2), self.raw(3)]
    }

    /// The module that holds its code.
    ///
    /// ```
    /// # use ferrets::{FunRef, Term};
    /// # let bytes = b"\x83p\0\0\0\x36\x010123456789abcdef\0\0\0\x03\0\0\0\x01w\x01ma\x02a\x05\
    /// #               Xw\x01n\0\0\0\x07\0\0\0\0\0\0\0\0a\x2a";
    /// let fun = Term::decode(bytes)?;
    /// let fun: FunRef<'_> = fun.get()?;
    /// assert_eq!(fun.module().name(), "m");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn module(self) -> Atom {
        Atom::from_index(self.part(0).word.atom_index())
    }

    /// The process that made it.
    ///
    /// ```
    /// # use ferrets::{FunRef, Term};
    /// # let bytes = b"\x83p\0\0\0\x36\x010123456789abcdef\0\0\0\x03\0\0\0\x01w\x01ma\x02a\x05\
    /// #               Xw\x01n\0\0\0\x07\0\0\0\0\0\0\0\0a\x2a";
    /// let fun = Term::decode(bytes)?;
    /// let fun: FunRef<'_> = fun.get()?;
    /// assert_eq!(fun.pid().get::<ferrets::Pid>()?.id, 7);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn pid(self) -> TermRef<'a> {
        self.part(1)
    }

    /// The values that it has closed over.
    ///
    /// ```
    /// # use ferrets::{FunRef, Term};
    /// # let bytes = b"\x83p\0\0\0\x36\x010123456789abcdef\0\0\0\x03\0\0\0\x01w\x01ma\x02a\x05\
    /// #               Xw\x01n\0\0\0\x07\0\0\0\0\0\0\0\0a\x2a";
    /// let fun = Term::decode(bytes)?;
    /// let fun: FunRef<'_> = fun.get()?;
    /// assert!(fun.environment().map(|value| value.as_i64()).eq([Some(42)]));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn environment(self) -> Elements<'a> {
        let at = self.term.word.offset() + FUN_RAW_WORDS + FUN_TERM_WORDS;
        let words = &self.term.heap[at..at + self.term.word.len()];
        Elements { heap: self.term.heap, words, tail: Word::NIL }
    }
}
