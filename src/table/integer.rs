//! Integers without limits, quick when small: what counters count in.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::BigInt;

use crate::error::{Error, ErrorKind, Result};
use crate::term::{Arena, Term, TermRef, ToTerm, View, Word};

/// An integer of any size.
///
/// ```
/// use ferrets::Integer;
/// let big = Integer::from(i64::MAX) + &Integer::from(1);
/// assert_eq!(big.to_string(), "9223372036854775808");
/// assert_eq!(Integer::from(7), 7);
/// assert_eq!(Integer::from(7).to_i64(), Some(7));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Integer(Repr);

/// `Big` only for what does not fit 64 bits.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small(i64),
    Big(BigInt),
}

impl Integer {
    /// The value, if it fits 64 bits.
    ///
    /// ```
    /// use ferrets::Integer;
    /// assert_eq!(Integer::from(-7).to_i64(), Some(-7));
    /// assert_eq!((Integer::from(i64::MAX) + &Integer::from(1)).to_i64(), None);
    /// ```
    #[inline]
    #[must_use]
    pub const fn to_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Small(value) => Some(value),
            Repr::Big(_) => None,
        }
    }

    /// The value as a number to calculate with.
    ///
    /// ```
    /// use ferrets::Integer;
    /// use num_bigint::BigInt;
    /// let big = Integer::from(i64::MAX) + &Integer::from(1);
    /// assert_eq!(big.to_bigint(), BigInt::from(i64::MAX) + 1);
    /// ```
    #[must_use]
    pub fn to_bigint(&self) -> BigInt {
        match &self.0 {
            Repr::Small(value) => BigInt::from(*value),
            Repr::Big(value) => value.clone(),
        }
    }

    /// The integer that a term is.
    pub(crate) fn of(term: TermRef<'_>) -> Option<Self> {
        match term.view() {
            View::Int(value) => Some(Self::from(value)),
            View::Big(big) => Some(Self::from(big.to_bigint())),
            _ => None,
        }
    }

    pub(crate) fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small(value) => *value < 0,
            Repr::Big(value) => value.sign() == num_bigint::Sign::Minus,
        }
    }
}

impl From<i64> for Integer {
    #[inline]
    fn from(value: i64) -> Self {
        Self(Repr::Small(value))
    }
}

impl From<i32> for Integer {
    fn from(value: i32) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<BigInt> for Integer {
    fn from(value: BigInt) -> Self {
        i64::try_from(&value).map_or(Self(Repr::Big(value)), Self::from)
    }
}

impl TryFrom<Integer> for i64 {
    type Error = Error;

    fn try_from(value: Integer) -> Result<Self> {
        value.to_i64().ok_or_else(|| {
            Error::new(ErrorKind::Conversion, format!("{value} does not fit 64 bits"))
        })
    }
}

impl From<Integer> for Term {
    fn from(value: Integer) -> Self {
        Self::build(|arena| value.put(arena)).expect("an integer that exists fits a term")
    }
}

impl std::ops::Add<&Self> for Integer {
    type Output = Self;

    fn add(self, other: &Self) -> Self {
        if let (Repr::Small(a), Repr::Small(b)) = (&self.0, &other.0) {
            if let Some(sum) = a.checked_add(*b) {
                return Self::from(sum);
            }
        }
        Self::from(self.to_bigint() + other.to_bigint())
    }
}

impl PartialEq<i64> for Integer {
    fn eq(&self, other: &i64) -> bool {
        self.to_i64() == Some(*other)
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Small(a), Repr::Small(b)) => a.cmp(b),
            _ => self.to_bigint().cmp(&other.to_bigint()),
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl ToTerm for Integer {
    fn put(&self, arena: &mut Arena) -> Result<Word> {
        match &self.0 {
            Repr::Small(value) => arena.int(*value),
            Repr::Big(value) => arena.big(value),
        }
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(value) => value.fmt(f),
            Repr::Big(value) => value.fmt(f),
        }
    }
}

impl fmt::Debug for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
