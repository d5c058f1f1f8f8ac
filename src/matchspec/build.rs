//! `spec!`: match specifications written as Rust closures over patterns.

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Rem, Sub};

use super::MatchSpec;
use super::ast::names_variable;
use crate::error::{Error, Result};
use crate::term::{Arena, Atom, Term, ToTerm, View, Word};

/// A match specification, written as closures over patterns.
///
/// ```
/// use ferrets::{Kind, Store, TableOptions, spec, term};
/// let store = Store::new();
/// let owner = store.owner();
/// let users = owner.new_table("users", TableOptions::new(Kind::Set))?;
/// users.insert_list([(1, "ann", 36), (2, "bob", 25), (3, "eve", 41)])?;
///
/// let limit = 40;
/// let spec = spec!(|{_, name, age}| if age.gt(30) & age.lt(limit) => (name, age + 1))?;
/// let text = "[{{'_','$1','$2'},[{'andalso',{'>','$2',30},{'<','$2',40}}],\
///             [{{'$1',{'+','$2',1}}}]}]";
/// assert_eq!(spec.to_string(), text);
/// assert_eq!(users.select(&spec)?, [term!({"ann", 37})]);
/// # Ok::<(), ferrets::Error>(())
/// ```
///
/// Each closure is a clause; several are parted by commas. The pattern is written as in
/// [`term!`](crate::term!), but a name in it is a variable of the specification, the same name
/// twice the same value, `_` anything; a Rust value stands in parentheses, and is itself: one that
/// holds what a pattern takes for something else, `'_'`, `'$1'` or a map, is refused, and can be
/// compared in the guard. Guard and result are
/// Rust expressions over [`SpecVariable`]s, which the pattern's names are, so a name that is not in
/// the pattern is an error of the compiler. `&` and `|` are `andalso` and `orelse`. Comparisons are
/// methods, since Rust's own give nothing but `bool`, and so are Erlang's functions:
/// `name.byte_size()`, `pair.element(2)`, `user.map_get("age")`. The result is an expression, or a
/// tuple of such; [`SpecExpr::object`] is the whole object.
///
/// The value is a [`Result<MatchSpec>`](crate::Result): an expression may have no term.
#[macro_export]
macro_rules! spec {
    ($(|$pattern:tt| $(if $guard:expr)? => $result:expr),+ $(,)?) => {
        $crate::__specs::spec([$({
            #[allow(unused_mut, reason = "a pattern may have no variables")]
            let mut builder = $crate::__specs::SpecBuilder::new();
            $crate::__spec_bind!(builder; $pattern);
            #[allow(unused_mut, reason = "a clause may have no guard")]
            let mut guard = ::core::option::Option::None;
            $(guard = ::core::option::Option::Some($crate::SpecExpr::from($guard));)?
            builder.clause($crate::__spec_pattern!($pattern), guard, $result)
        }),+])
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __spec_pattern {
    ($pattern:tt) => {
        $crate::term!($pattern)
    };
}

/// Declares the variables of a pattern, token by token.
#[doc(hidden)]
#[macro_export]
macro_rules! __spec_bind {
    ($b:ident;) => {};
    ($b:ident; : $atom:tt $($rest:tt)*) => {
        $b.atom(::core::stringify!($atom));
        $crate::__spec_bind!($b; $($rest)*);
    };
    ($b:ident; _ $($rest:tt)*) => {
        $b.atom("_");
        $crate::__spec_bind!($b; $($rest)*);
    };
    ($b:ident; # $($rest:tt)*) => {
        $b.map();
        $crate::__spec_bind!($b; $($rest)*);
    };
    ($b:ident; true $($rest:tt)*) => { $crate::__spec_bind!($b; $($rest)*); };
    ($b:ident; false $($rest:tt)*) => { $crate::__spec_bind!($b; $($rest)*); };
    ($b:ident; ($($value:tt)*) $($rest:tt)*) => { $crate::__spec_bind!($b; $($rest)*); };
    ($b:ident; {$($inner:tt)*} $($rest:tt)*) => {
        $crate::__spec_bind!($b; $($inner)*);
        $crate::__spec_bind!($b; $($rest)*);
    };
    ($b:ident; [$($inner:tt)*] $($rest:tt)*) => {
        $crate::__spec_bind!($b; $($inner)*);
        $crate::__spec_bind!($b; $($rest)*);
    };
    ($b:ident; $name:ident $($rest:tt)*) => {
        #[allow(unused_variables, reason = "a name may be there only to be the same twice")]
        let $name = $b.occurrence(::core::stringify!($name));
        $crate::__spec_bind!($b; $($rest)*);
    };
    ($b:ident; $other:tt $($rest:tt)*) => { $crate::__spec_bind!($b; $($rest)*); };
}

/// An expression of a guard or a result: see [`spec!`](crate::spec!).
///
/// Made from what has a term, or a variable of the pattern; put together by operators and methods.
/// What cannot be made (a float that is not finite) is an error when the specification is compiled.
#[derive(Clone, Debug)]
pub struct SpecExpr(std::result::Result<Term, String>);

impl SpecExpr {
    fn of(term: Result<Term>) -> Self {
        Self(term.map_err(|error| error.to_string()))
    }

    fn term(self) -> Result<Term> {
        self.0.map_err(Error::bad_argument)
    }

    /// The whole object, `'$_'`.
    #[must_use]
    pub fn object() -> Self {
        Self::of(Term::atom("$_"))
    }

    /// A literal, whatever it is.
    #[must_use]
    pub fn value(value: impl ToTerm) -> Self {
        let quote = || Term::tuple([Term::atom("const")?, Term::new(value)?]);
        Self::of(quote())
    }

    /// A call of a function by its name, as in [`MatchSpec::functions`]. Most are methods as well.
    ///
    /// ```
    /// use ferrets::{SpecExpr, spec, term};
    /// let part = |of, from: i64| SpecExpr::call("binary_part", [of, from.into(), 2.into()]);
    /// let spec = spec!(|{name}| if name.byte_size().ge(3) => part(name.into(), 1))?;
    /// assert_eq!(spec.test(&term!({ "three" }))?, Some(term!("hr")));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn call(function: &str, arguments: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = vec![Term::atom(function)];
        parts.extend(arguments.into_iter().map(Self::term));
        Self::of(parts.into_iter().collect::<Result<Vec<_>>>().and_then(Term::tuple))
    }

    /// A tuple.
    #[must_use]
    pub fn tuple(elements: impl IntoIterator<Item = Self>) -> Self {
        let elements: Result<Vec<Term>> = elements.into_iter().map(Self::term).collect();
        Self::of(elements.and_then(Term::tuple).and_then(|inner| Term::tuple([inner])))
    }
}

/// A variable of a pattern in [`spec!`](crate::spec!): an expression that can be used any number of
/// times.
#[derive(Clone, Copy, Debug)]
pub struct SpecVariable(usize);

/// `'$N'`.
impl From<SpecVariable> for SpecExpr {
    fn from(variable: SpecVariable) -> Self {
        Self::of(Term::atom(&format!("${}", variable.0)))
    }
}

macro_rules! comparisons {
    ($type:ident: $($(#[$doc:meta])* $method:ident $function:literal;)*) => {
        impl $type {
            $($(#[$doc])*
            #[must_use]
            pub fn $method(self, other: impl Into<SpecExpr>) -> SpecExpr {
                SpecExpr::call($function, [self.into(), other.into()])
            })*
        }
    };
}

/// Methods for functions of Erlang: of the expression alone, with another behind it, and with
/// another before it.
macro_rules! functions {
    ($t:ident: alone $($one:ident)*; first $($two:ident)*; last $($last:ident $name:ident)*;) => {
        #[allow(
            clippy::wrong_self_convention,
            clippy::should_implement_trait,
            reason = "they make expressions, and have Erlang's names"
        )]
        impl $t {
            $(#[doc = concat!("`", stringify!($one), "(X)`")]
            #[must_use]
            pub fn $one(self) -> SpecExpr {
                SpecExpr::call(stringify!($one), [self.into()])
            })*

            $(#[doc = concat!("The `", stringify!($two), "` of two")]
            #[must_use]
            pub fn $two(self, other: impl Into<SpecExpr>) -> SpecExpr {
                SpecExpr::call(stringify!($two), [self.into(), other.into()])
            })*

            $(#[doc = concat!("`", stringify!($name), "(Other, X)`")]
            #[must_use]
            pub fn $last(self, other: impl Into<SpecExpr>) -> SpecExpr {
                SpecExpr::call(stringify!($name), [other.into(), self.into()])
            })*
        }
    };
}

macro_rules! operators {
    ($type:ident: $($trait:ident $method:ident $function:literal;)*) => {
        $(impl<T: Into<SpecExpr>> $trait<T> for $type {
            type Output = SpecExpr;

            fn $method(self, other: T) -> SpecExpr {
                SpecExpr::call($function, [self.into(), other.into()])
            }
        })*

        impl Not for $type {
            type Output = SpecExpr;

            fn not(self) -> SpecExpr {
                SpecExpr::call("not", [self.into()])
            }
        }

        impl Neg for $type {
            type Output = SpecExpr;

            fn neg(self) -> SpecExpr {
                SpecExpr::call("-", [self.into()])
            }
        }
    };
}

macro_rules! expressions {
    ($($type:ident)*) => {$(
        comparisons! { $type:
            /// `<`
            lt "<";
            /// `=<`
            le "=<";
            /// `>`
            gt ">";
            /// `>=`
            ge ">=";
            /// `==`: `1` equals `1.0`
            equals "==";
            /// `/=`
            unequal "/=";
            /// `=:=`: the same type too
            is "=:=";
            /// `=/=`
            is_not "=/=";
        }

        functions! { $type:
            alone
                abs bit_size byte_size ceil float floor hd is_atom is_binary is_bitstring is_boolean
                is_float is_function is_integer is_list is_map is_number is_pid is_port is_reference
                is_tuple length map_size node round size tl trunc tuple_size;
            first band bor bsl bsr bxor div max min xor;
            last element element has_key is_map_key map_get map_get;
        }

        operators! { $type:
            Add add "+";
            Sub sub "-";
            Mul mul "*";
            Div div "/";
            Rem rem "rem";
            BitAnd bitand "andalso";
            BitOr bitor "orelse";
        }
    )*};
}

expressions! { SpecExpr SpecVariable }

/// In a pattern it is `'$N'`.
impl ToTerm for SpecVariable {
    fn put(&self, _: &mut Arena) -> Result<Word> {
        Ok(Arena::atom(Atom::new(&format!("${}", self.0))?))
    }
}

macro_rules! plain {
    ($($type:ty)*) => {$(
        /// A literal.
        impl From<$type> for SpecExpr {
            fn from(value: $type) -> Self {
                Self::of(Term::new(value))
            }
        }
    )*};
}

plain!(i8 i16 i32 i64 u8 u16 u32 u64 usize isize f64 bool &str String);

/// A literal.
impl From<Atom> for SpecExpr {
    fn from(atom: Atom) -> Self {
        Self::value(atom)
    }
}

/// A literal.
impl From<Term> for SpecExpr {
    fn from(term: Term) -> Self {
        Self::value(term)
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => {$(
        /// A tuple of expressions.
        impl<$($name: Into<SpecExpr>),+> From<($($name,)+)> for SpecExpr {
            #[allow(non_snake_case, reason = "the names of types serve for values")]
            fn from(($($name,)+): ($($name,)+)) -> Self {
                Self::tuple([$($name.into()),+])
            }
        }
    )*};
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}

/// The variables of a clause that `spec!` is making.
#[derive(Debug, Default)]
#[doc(hidden)]
pub struct SpecBuilder {
    names: Vec<&'static str>,
    /// How many variables, `_` and maps are written in the pattern.
    written: usize,
}

impl SpecBuilder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The variable of a name, by first appearance.
    pub fn occurrence(&mut self, name: &'static str) -> SpecVariable {
        self.written += 1;
        let known = self.names.iter().position(|known| *known == name);
        let at = known.unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        SpecVariable(at + 1)
    }

    /// An atom, as it is written.
    pub fn atom(&mut self, name: &'static str) {
        self.written += usize::from(stands_for_others(name.trim_matches('"')));
    }

    pub fn map(&mut self) {
        self.written += 1;
    }

    /// That what a pattern takes for something else was written there, and did not come with a
    /// value.
    fn check(&self, pattern: &Term) -> Result<()> {
        let (mut found, mut todo) = (0, vec![pattern.as_ref()]);
        while let Some(part) = todo.pop() {
            match part.view() {
                View::Atom(atom) => found += usize::from(stands_for_others(atom.name())),
                View::Tuple(parts) => todo.extend(parts.elements()),
                View::List(parts) => {
                    todo.extend(parts.elements());
                    todo.push(parts.tail());
                }
                View::Map(parts) => {
                    found += 1;
                    todo.extend(parts.values());
                    todo.extend(parts.keys());
                }
                _ => {}
            }
        }
        if found == self.written {
            return Ok(());
        }
        Err(Error::bad_argument(format!(
            "a value in the pattern {pattern} holds '_', a variable or a map, which stand for \
             other things there: compare it in the guard"
        )))
    }

    /// The clause as a term.
    ///
    /// # Errors
    /// If an expression could not be made.
    pub fn clause(
        self,
        pattern: Term,
        guard: Option<SpecExpr>,
        result: impl Into<SpecExpr>,
    ) -> Result<Term> {
        self.check(&pattern)?;
        let guards = Term::list(guard.map(SpecExpr::term).transpose()?)?;
        Term::tuple([pattern, guards, Term::list([result.into().term()?])?])
    }
}

/// Whether a pattern takes it for anything, or for what a variable has.
fn stands_for_others(name: &str) -> bool {
    name == "_" || names_variable(name)
}

/// The specification of clauses that `spec!` has made.
///
/// # Errors
/// If a clause could not be made, or the specification does not compile.
#[doc(hidden)]
pub fn spec<const N: usize>(clauses: [Result<Term>; N]) -> Result<MatchSpec> {
    let clauses: Result<Vec<Term>> = clauses.into_iter().collect();
    MatchSpec::compile(&Term::list(clauses?)?)
}
