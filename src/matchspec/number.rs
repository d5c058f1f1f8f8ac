//! Arithmetic of guards and bodies, as Erlang does it.
//!
//! Integers grow as they need to, up to ETS's own limit of 65,535 words; a number that would pass
//! it fails, and so does a float that would not be finite. Mixed operands become floats. Small
//! integers, which nearly all are, are added and subtracted without a detour.

use num_bigint::{BigInt, Sign};

use crate::term::{Tag, TermRef, View};

/// Words of the largest integer that calculations may give.
const MAX_WORDS: u64 = 65_535;

/// 2^64.
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

/// A number.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    Int(i64),
    Big(BigInt),
    Float(f64),
}

/// An integer of at most 60 bits, which Erlang calls small.
pub(crate) fn small(term: TermRef<'_>) -> Option<i64> {
    let word = term.word();
    (word.tag() == Tag::Int).then(|| word.as_int())
}

impl Number {
    pub(crate) fn of(term: TermRef<'_>) -> Option<Self> {
        match term.view() {
            View::Int(value) => Some(Self::Int(value)),
            View::Big(value) => Some(Self::Big(value.to_bigint())),
            View::Float(value) => Some(Self::Float(value)),
            _ => None,
        }
    }

    /// The integer, if it is not too large.
    fn integer(value: BigInt) -> Option<Self> {
        match i64::try_from(&value) {
            Ok(small) => Some(Self::Int(small)),
            Err(_) if value.bits().div_ceil(64) > MAX_WORDS => None,
            Err(_) => Some(Self::Big(value)),
        }
    }

    fn float(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Float(value))
    }

    /// As a float, if there is one that large. Rounds word by word from the top, as Erlang does.
    pub(crate) fn to_float(&self) -> Option<f64> {
        let float = match self {
            Self::Int(value) => *value as f64,
            Self::Float(value) => *value,
            Self::Big(value) => {
                let words = value.iter_u64_digits().rev();
                let all = words.fold(0.0, |all, word| all * TWO_64 + word as f64);
                if value.sign() == Sign::Minus { -all } else { all }
            }
        };
        float.is_finite().then_some(float)
    }

    fn to_big(&self) -> Option<BigInt> {
        match self {
            Self::Int(value) => Some(BigInt::from(*value)),
            Self::Big(value) => Some(value.clone()),
            Self::Float(_) => None,
        }
    }

    const fn is_float(&self) -> bool {
        matches!(self, Self::Float(_))
    }
}

/// An operation on two numbers of any type.
fn mixed(
    a: &Number,
    b: &Number,
    big: impl FnOnce(BigInt, BigInt) -> BigInt,
    float: impl FnOnce(f64, f64) -> f64,
) -> Option<Number> {
    if a.is_float() || b.is_float() {
        return Number::float(float(a.to_float()?, b.to_float()?));
    }
    Number::integer(big(a.to_big()?, b.to_big()?))
}

/// A sum or a difference.
pub(crate) fn sum(
    a: TermRef<'_>,
    b: TermRef<'_>,
    quick: impl FnOnce(i64, i64) -> Option<i64>,
    big: impl FnOnce(BigInt, BigInt) -> BigInt,
    float: impl FnOnce(f64, f64) -> f64,
) -> Option<Number> {
    let (a, b) = (Number::of(a)?, Number::of(b)?);
    if let (Number::Int(a), Number::Int(b)) = (&a, &b) {
        if let Some(result) = quick(*a, *b) {
            return Some(Number::Int(result));
        }
    }
    mixed(&a, &b, big, float)
}

pub(crate) fn multiply(a: Number, b: Number) -> Option<Number> {
    if let (Number::Int(a), Number::Int(b)) = (&a, &b) {
        if let Some(product) = a.checked_mul(*b) {
            return Some(Number::Int(product));
        }
    }
    if let (Number::Big(a), Number::Big(b)) = (&a, &b) {
        // Refused before it is computed: a product has nearly as many words as both together.
        if (a.bits() + b.bits()).div_ceil(64) > MAX_WORDS + 1 {
            return None;
        }
    }
    mixed(&a, &b, |a, b| a * b, |a, b| a * b)
}

/// `/`: of floats, whatever the operands are.
pub(crate) fn divide(a: &Number, b: &Number) -> Option<Number> {
    let (a, b) = (a.to_float()?, b.to_float()?);
    if b == 0.0 { None } else { Number::float(a / b) }
}

pub(crate) fn negate(a: Number) -> Option<Number> {
    match a {
        Number::Int(value) => Some(match value.checked_neg() {
            Some(negated) => Number::Int(negated),
            None => Number::Big(-BigInt::from(value)),
        }),
        Number::Big(value) => Number::integer(-value),
        Number::Float(value) => Some(Number::Float(-value)),
    }
}

pub(crate) fn absolute(a: Number) -> Option<Number> {
    let is_negative = match &a {
        Number::Int(value) => *value < 0,
        Number::Big(value) => value.sign() == Sign::Minus,
        Number::Float(value) => value.is_sign_negative(),
    };
    if is_negative { negate(a) } else { Some(a) }
}

/// `bnot`.
pub(crate) fn complement(a: Number) -> Option<Number> {
    match a {
        Number::Int(value) => Some(Number::Int(!value)),
        Number::Big(value) => Number::integer(!value),
        Number::Float(_) => None,
    }
}

/// `ceil`, `floor`, `round` and `trunc`: integers stay what they are.
pub(crate) fn rounded(a: Number, how: fn(f64) -> f64) -> Option<Number> {
    match a {
        Number::Float(value) => {
            let whole = how(value);
            if whole.abs() < 9.0e18 {
                return Some(Number::Int(whole as i64));
            }
            Some(Number::Big(from_whole(whole)))
        }
        integer => Some(integer),
    }
}

/// The integer that a large float without a fraction is.
fn from_whole(whole: f64) -> BigInt {
    let bits = whole.to_bits();
    let significand = bits & ((1 << 52) - 1) | 1 << 52;
    // Beyond 2^53 the exponent is that much above its bias and the fraction's width.
    let magnitude = BigInt::from(significand) << ((bits >> 52 & 0x7ff) as usize - 1075);
    if whole < 0.0 { -magnitude } else { magnitude }
}

/// An operation on two integers; `quick` may leave any two to `big`.
pub(crate) fn integers(
    a: TermRef<'_>,
    b: TermRef<'_>,
    quick: impl FnOnce(i64, i64) -> Option<i64>,
    big: impl FnOnce(&BigInt, &BigInt) -> Option<BigInt>,
) -> Option<Number> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        if let Some(result) = quick(a, b) {
            return Some(Number::Int(result));
        }
    }
    Number::integer(big(&a.as_integer()?, &b.as_integer()?)?)
}

/// `bsl` where nothing is lost.
pub(crate) fn quick_shift_left(value: i64, places: i64) -> Option<i64> {
    let places = u32::try_from(places).ok().filter(|places| *places < 63)?;
    Some(value << places).filter(|shifted| shifted >> places == value)
}

/// `bsr`.
pub(crate) fn quick_shift_right(value: i64, places: i64) -> Option<i64> {
    u32::try_from(places).ok().map(|places| value >> places.min(63))
}

/// `bsl`; to the right for a negative number of places.
pub(crate) fn shift_left(value: &BigInt, places: &BigInt) -> Option<BigInt> {
    if value.sign() == Sign::NoSign {
        return Some(BigInt::ZERO);
    }
    if places.sign() == Sign::Minus {
        // More places than bits leave nothing but the sign.
        let most = i64::try_from(value.bits()).ok()?;
        let places = i64::try_from(-places).map_or(most, |places| places.min(most));
        return Some(value >> places);
    }
    let places = u64::try_from(places).ok()?;
    (places <= MAX_WORDS * 64).then(|| value << places)
}
