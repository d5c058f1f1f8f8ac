//! `term!`, `tuple!`, `atom!`: terms as Erlang writes them, with Rust expressions inside.
//!
//! A macro cannot tell an atom from a variable, so atoms wear a colon. Everything else follows
//! Erlang where Rust's tokens allow it: braces are tuples, brackets lists, `#{}` maps.
//!
//! `term!` expands to calls that write one arena from front to back, in the order of the text: no
//! intermediate terms, no closures, so that `?`, `return` and `.await` mean inside what they mean
//! outside. `__term!` does the work, in these steps:
//!
//! | step | takes | gives |
//! |---|---|---|
//! | `@value` | the tokens of one term | an expression: its word |
//! | `@tuple`, `@map`, `@list` | what is between brackets, an element at a time | the elements, each in parentheses |
//! | `@key` | a map whose next key is read | the same with its value |
//! | `@item` | a list element that is not one token | its tokens up to the comma, the bar, or the end |
//! | `@write_...` | the elements in parentheses | the expression |
//!
//! The first rule of each container takes the most common forms in one go, since what is read an
//! element at a time counts against the recursion limit of the caller's crate.

use super::word::Word;
use super::{Arena, Atom, Term, ToTerm};
use crate::error::Result;

/// A term, written as in Erlang.
///
/// | written | is |
/// |---|---|
/// | `:ok`, `:"hello world"` | an atom |
/// | `_`, `:_` | the atom `'_'`, which patterns take for anything |
/// | `{a, b}` | a tuple |
/// | `[a, b]`, <code>[a, b \| tail]</code> | a list |
/// | `#{k => v}` | a map |
/// | anything else | a Rust expression of a type that is [`ToTerm`](crate::ToTerm); borrowed, not moved |
///
/// So `"text"` is a binary, `1` an integer (an `i32` as far as Rust is concerned: write
/// `5_000_000_000_i64` beyond), `id` a variable, `user.name()` a call. An expression in a list that
/// has a bar in it needs parentheses, `[(a | b)]`, and so does a block, `({ ... })`.
///
/// ```
/// use ferrets::{Term, term};
/// let id = 7;
/// let tags = ["a", "b"];
/// let user = term!({:user, id, "ann", [1, -2.5 | :tail], #{:tags => tags, id + 1 => {}}});
/// let text = "{user,7,<<\"ann\">>,[1,-2.5|tail],#{8 => {},tags => [<<\"a\">>,<<\"b\">>]}}";
/// assert_eq!(user.to_string(), text);
/// assert_eq!(text.parse::<Term>()?, user);
/// # Ok::<(), ferrets::Error>(())
/// ```
///
/// Very long literals, of a hundred elements that are not single tokens, may need
/// `#![recursion_limit = "256"]`.
///
/// # Panics
/// If a value has no term: a float that is not finite, a binary of more than 256 MiB, an atom when
/// 1,048,576 others exist. Where such a value may come from outside, build the term with
/// [`Term::new`](crate::Term::new), which returns an error.
#[macro_export]
macro_rules! term {
    ($($token:tt)+) => {{
        let mut builder = $crate::__macros::Builder::new();
        let word = $crate::__term!(@value builder $($token)+);
        builder.finish(word)
    }};
}

/// A tuple term, without the braces that [`term!`](crate::term!) needs.
///
/// ```
/// use ferrets::{term, tuple};
/// let name = String::from("ann");
/// assert_eq!(tuple!(:user, 7, name), term!({:user, 7, "ann"}));
/// assert_eq!(tuple!().to_string(), "{}");
/// ```
///
/// # Panics
/// As [`term!`](crate::term!).
#[macro_export]
macro_rules! tuple {
    ($($token:tt)*) => { $crate::term!({ $($token)* }) };
}

/// The [`Atom`](crate::Atom) of a literal, looked up once and then remembered by the call.
///
/// That the name is not too long is checked when the program is compiled:
///
/// ```
/// use ferrets::{Atom, atom};
/// assert_eq!(atom!("hello world"), Atom::new("hello world")?);
/// # Ok::<(), ferrets::Error>(())
/// ```
///
/// # Panics
/// When 1,048,576 other atoms exist; [`Atom::new`](crate::Atom::new) returns an error then.
#[macro_export]
macro_rules! atom {
    ($name:expr) => {{
        const NAME: &str = $crate::__macros::checked_name($name);
        static ATOM: $crate::__macros::KnownAtom = $crate::__macros::KnownAtom::new(NAME);
        ATOM.get()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __term {
    (@value $b:ident : $name:ident) => { $b.atom($crate::atom!(::core::stringify!($name))) };
    (@value $b:ident _) => { $b.atom($crate::atom!("_")) };
    (@value $b:ident : _) => { $b.atom($crate::atom!("_")) };
    (@value $b:ident : $name:literal) => { $b.atom($crate::atom!($name)) };
    (@value $b:ident { $($t:tt)* }) => { $crate::__term!(@tuple $b [] $($t)*) };
    (@value $b:ident [ $($t:tt)* ]) => { $crate::__term!(@list $b [] $($t)*) };
    (@value $b:ident # { $($t:tt)* }) => { $crate::__term!(@map $b [] $($t)*) };
    (@value $b:ident $value:expr) => { $b.put(&$value) };

    (@tuple $b:ident [] $($x:tt),* $(,)?) => { $crate::__term!(@write_tuple $b $(($x))*) };
    (@tuple $b:ident [$($done:tt)*]) => { $crate::__term!(@write_tuple $b $($done)*) };
    (@tuple $b:ident [$($done:tt)*] : $x:tt $(, $($rest:tt)*)?) => {
        $crate::__term!(@tuple $b [$($done)* (: $x)] $($($rest)*)?)
    };
    (@tuple $b:ident [$($done:tt)*] # $x:tt $(, $($rest:tt)*)?) => {
        $crate::__term!(@tuple $b [$($done)* (# $x)] $($($rest)*)?)
    };
    (@tuple $b:ident [$($done:tt)*] $x:tt $(, $($rest:tt)*)?) => {
        $crate::__term!(@tuple $b [$($done)* ($x)] $($($rest)*)?)
    };
    (@tuple $b:ident [$($done:tt)*] $x:expr $(, $($rest:tt)*)?) => {
        $crate::__term!(@tuple $b [$($done)* ($x)] $($($rest)*)?)
    };

    (@map $b:ident [] $($k:tt => $v:tt),* $(,)?) => {
        $crate::__term!(@write_map $b $(($k) ($v))*)
    };
    (@map $b:ident [] $(: $k:tt => $v:tt),+ $(,)?) => {
        $crate::__term!(@write_map $b $((: $k) ($v))+)
    };
    (@map $b:ident [$($done:tt)*]) => { $crate::__term!(@write_map $b $($done)*) };
    (@map $b:ident [$($done:tt)*] : $k:tt => $($rest:tt)+) => {
        $crate::__term!(@key $b [$($done)* (: $k)] $($rest)+)
    };
    (@map $b:ident [$($done:tt)*] # $k:tt => $($rest:tt)+) => {
        $crate::__term!(@key $b [$($done)* (# $k)] $($rest)+)
    };
    (@map $b:ident [$($done:tt)*] $k:tt => $($rest:tt)+) => {
        $crate::__term!(@key $b [$($done)* ($k)] $($rest)+)
    };
    (@map $b:ident [$($done:tt)*] $k:expr => $($rest:tt)+) => {
        $crate::__term!(@key $b [$($done)* ($k)] $($rest)+)
    };
    (@key $b:ident [$($done:tt)*] : $v:tt $(, $($rest:tt)*)?) => {
        $crate::__term!(@map $b [$($done)* (: $v)] $($($rest)*)?)
    };
    (@key $b:ident [$($done:tt)*] # $v:tt $(, $($rest:tt)*)?) => {
        $crate::__term!(@map $b [$($done)* (# $v)] $($($rest)*)?)
    };
    (@key $b:ident [$($done:tt)*] $v:tt $(, $($rest:tt)*)?) => {
        $crate::__term!(@map $b [$($done)* ($v)] $($($rest)*)?)
    };
    (@key $b:ident [$($done:tt)*] $v:expr $(, $($rest:tt)*)?) => {
        $crate::__term!(@map $b [$($done)* ($v)] $($($rest)*)?)
    };

    (@list $b:ident []) => { $b.nil() };
    (@list $b:ident [] $($x:tt),+ $(,)?) => { $crate::__term!(@write_list $b [$(($x))+] ([])) };
    (@list $b:ident [$($done:tt)*]) => { $crate::__term!(@write_list $b [$($done)*] ([])) };
    (@list $b:ident [$($done:tt)*] : $x:tt, $($rest:tt)*) => {
        $crate::__term!(@list $b [$($done)* (: $x)] $($rest)*)
    };
    (@list $b:ident [$($done:tt)*] $x:tt, $($rest:tt)*) => {
        $crate::__term!(@list $b [$($done)* ($x)] $($rest)*)
    };
    (@list $b:ident [$($done:tt)*] $($rest:tt)+) => {
        $crate::__term!(@item $b [$($done)*] () $($rest)+)
    };
    (@item $b:ident [$($done:tt)*] $item:tt , $($rest:tt)*) => {
        $crate::__term!(@list $b [$($done)* $item] $($rest)*)
    };
    (@item $b:ident [$($done:tt)*] $item:tt | $($tail:tt)+) => {
        $crate::__term!(@write_list $b [$($done)* $item] ($($tail)+))
    };
    (@item $b:ident [$($done:tt)*] $item:tt) => {
        $crate::__term!(@write_list $b [$($done)* $item] ([]))
    };
    (@item $b:ident [$($done:tt)*] ($($item:tt)*) $next:tt $($rest:tt)*) => {
        $crate::__term!(@item $b [$($done)*] ($($item)* $next) $($rest)*)
    };

    (@write_tuple $b:ident $(($($x:tt)+))*) => {{
        let mut tuple = $b.tuple(<[&str]>::len(&[$(::core::stringify!($($x)+)),*]));
        $(
            let word = $crate::__term!(@value $b $($x)+);
            $b.push(&mut tuple, word);
        )*
        tuple.word()
    }};
    (@write_list $b:ident [$(($($x:tt)+))+] ($($tail:tt)+)) => {{
        let mut list = $b.list(<[&str]>::len(&[$(::core::stringify!($($x)+)),+]));
        $(
            let word = $crate::__term!(@value $b $($x)+);
            $b.push(&mut list, word);
        )+
        let tail = $crate::__term!(@value $b $($tail)+);
        $b.push(&mut list, tail);
        list.word()
    }};
    (@write_map $b:ident $(($($k:tt)+) ($($v:tt)+))*) => {{
        let mut pairs = $b.pairs(<[&str]>::len(&[$(::core::stringify!($($k)+)),*]));
        $(
            let key = $crate::__term!(@value $b $($k)+);
            let value = $crate::__term!(@value $b $($v)+);
            pairs.push((key, value));
        )*
        $b.map(pairs)
    }};
}

/// What `term!` expands to calls of.
#[derive(Debug)]
pub struct Builder {
    arena: Arena,
}

/// A tuple or list with words to come.
#[derive(Debug)]
pub struct Open {
    word: Word,
    next: usize,
}

impl Open {
    /// The word of the whole.
    #[must_use]
    pub fn word(self) -> Word {
        self.word
    }
}

#[track_caller]
fn must<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("not a term: {error}"),
    }
}

#[allow(clippy::new_without_default, reason = "only the macro makes one")]
#[allow(clippy::missing_panics_doc, reason = "`term!` documents its panics, and only it calls")]
impl Builder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { arena: Arena::new() }
    }

    /// Writes the term of a value.
    #[track_caller]
    pub fn put(&mut self, value: &impl ToTerm) -> Word {
        must(value.put(&mut self.arena))
    }

    /// The word of an atom.
    pub fn atom(&mut self, atom: Atom) -> Word {
        Arena::atom(atom)
    }

    /// The empty list.
    pub fn nil(&mut self) -> Word {
        Word::NIL
    }

    /// Begins a tuple.
    #[track_caller]
    pub fn tuple(&mut self, arity: usize) -> Open {
        let word = must(self.arena.open_tuple(arity));
        Open { word, next: word.offset() }
    }

    /// Begins a list of `len` elements, at least one, and a tail.
    #[track_caller]
    pub fn list(&mut self, len: usize) -> Open {
        let word = must(self.arena.open_list(len));
        Open { word, next: word.offset() }
    }

    /// Adds the next word of a tuple or list.
    pub fn push(&mut self, open: &mut Open, word: Word) {
        self.arena.set(open.next, word);
        open.next += 1;
    }

    /// Room for the pairs of a map.
    #[must_use]
    pub fn pairs(&self, len: usize) -> Vec<(Word, Word)> {
        Vec::with_capacity(len)
    }

    /// A map of pairs.
    #[track_caller]
    pub fn map(&mut self, mut pairs: Vec<(Word, Word)>) -> Word {
        must(self.arena.map(&mut pairs))
    }

    /// The term.
    #[must_use]
    pub fn finish(self, word: Word) -> Term {
        Term::from_arena(self.arena, word)
    }
}

/// An atom that is looked up when it is first asked for.
#[derive(Debug)]
pub struct KnownAtom {
    name: &'static str,
    atom: crate::platform::sync::StaticOnceLock<Atom>,
}

impl KnownAtom {
    /// Of that name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, atom: crate::platform::sync::StaticOnceLock::new() }
    }

    /// The atom.
    ///
    /// # Panics
    /// When there is no room for it.
    #[track_caller]
    pub fn get(&'static self) -> Atom {
        *self.atom.get_or_init(|| must(Atom::new(self.name)))
    }
}

/// The name, if an atom may have it; otherwise the constant that it is meant for fails to compile.
///
/// # Panics
/// If it has more than [`Atom::MAX_CHARS`] characters.
#[must_use]
pub const fn checked_name(name: &str) -> &str {
    let (bytes, mut at, mut characters) = (name.as_bytes(), 0, 0);
    while at < bytes.len() {
        // Every character has one byte that is not a continuation, 0b10xx_xxxx.
        characters += (bytes[at] & 0xc0 != 0x80) as usize;
        at += 1;
    }
    assert!(characters <= Atom::MAX_CHARS, "an atom has at most 255 characters");
    name
}
