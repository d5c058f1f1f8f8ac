//! Bitstrings: `<<1, 2:3, "text"/utf8>>`.

use super::scan::{Number, Scanner};
use crate::error::{Error, Result};

/// The widest segment, in bits.
const MAX_SIZE: u64 = 1 << 22;

/// Bits under construction, filled from the top of each byte.
#[derive(Debug)]
pub(crate) struct Bits {
    pub(crate) bytes: Vec<u8>,
    pub(crate) len: usize,
    max: usize,
}

impl Bits {
    /// Those of a text.
    pub(crate) fn of_text(text: &str) -> Self {
        let bytes = text.as_bytes().to_vec();
        Self { len: bytes.len() * 8, max: bytes.len() * 8, bytes }
    }

    /// Fails if `count` more bits are too many.
    fn room(&self, count: usize) -> Result<()> {
        let max = self.max;
        if count > max.saturating_sub(self.len) {
            return Err(Error::limit(format!("a bitstring exceeds the limit of {max} bits")));
        }
        Ok(())
    }

    /// Appends the low `count` bits of `byte`, at most eight.
    fn push(&mut self, byte: u8, count: usize) {
        if count == 0 {
            return;
        }
        let used = self.len % 8;
        let wide = u16::from(byte) << (16 - count) >> used;
        let [high, low] = wide.to_be_bytes();
        match self.bytes.last_mut() {
            Some(last) if used > 0 => *last |= high,
            _ => self.bytes.push(high),
        }
        if used + count > 8 {
            self.bytes.push(low);
        }
        self.len += count;
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.len % 8 == 0 {
            self.bytes.extend_from_slice(bytes);
            self.len += bytes.len() * 8;
        } else {
            bytes.iter().for_each(|byte| self.push(*byte, 8));
        }
    }

    /// Appends the low bits of an integer of two's complement.
    fn integer(&mut self, mut bytes: Vec<u8>, spec: &Spec) -> Result<()> {
        let size = spec.size.unwrap_or(8);
        self.room(size)?;
        let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        bytes.resize(size.div_ceil(8), sign);
        let (whole, rest) = bytes.split_at(size / 8);
        let (part, part_size) = (rest.first().copied().unwrap_or(0), size % 8);
        if spec.little {
            self.extend(whole);
            self.push(part, part_size);
        } else {
            self.push(part, part_size);
            let whole: Vec<u8> = whole.iter().rev().copied().collect();
            self.extend(&whole);
        }
        Ok(())
    }
}

/// What is written before `:` and `/`.
enum Value {
    Text(String),
    Number(Number),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Integer,
    Float,
    Utf8,
}

/// What is written behind `:` and `/`.
struct Spec {
    size: Option<usize>,
    kind: Option<Type>,
    little: bool,
}

impl Spec {
    fn kind(&self) -> Type {
        self.kind.unwrap_or(Type::Integer)
    }

    /// Whether it says nothing, so that an integer is a byte.
    fn is_byte(&self) -> bool {
        self.kind() == Type::Integer && self.size.is_none()
    }
}

/// Reads a bitstring, behind the `<<`, of at most `max_bits` bits.
pub(crate) fn bitstring(scanner: &mut Scanner<'_>, max_bits: usize) -> Result<Bits> {
    let mut bits = Bits { bytes: Vec::new(), len: 0, max: max_bits };
    scanner.skip_space();
    if scanner.eat(">>") {
        return Ok(bits);
    }
    loop {
        scanner.skip_space();
        segment(scanner, &mut bits)?;
        scanner.skip_space();
        if scanner.eat(">>") {
            return Ok(bits);
        }
        if !scanner.eat(",") {
            return Err(scanner.expected("`,` or `>>`"));
        }
    }
}

fn segment(scanner: &mut Scanner<'_>, bits: &mut Bits) -> Result<()> {
    let from = scanner.position();
    let value = value(scanner)?;
    let spec = spec(scanner)?;
    let text = match value {
        Value::Number(value) => return number(scanner, from, value, &spec, bits),
        Value::Text(text) => text,
    };
    if spec.kind() == Type::Utf8 || text.is_ascii() && spec.is_byte() {
        bits.extend(text.as_bytes());
        return Ok(());
    }
    for character in text.chars() {
        if spec.is_byte() && u32::from(character) > 0xff {
            let message = format!("`{character}` takes more than 8 bits: add /utf8");
            return Err(scanner.bad(from, &message));
        }
        number(scanner, from, Number::Small(i64::from(u32::from(character))), &spec, bits)?;
    }
    Ok(())
}

/// A value: a string, a character, or a number with or without a sign.
fn value(scanner: &mut Scanner<'_>) -> Result<Value> {
    if scanner.peek() == Some('"') {
        return Ok(Value::Text(scanner.strings()?));
    }
    super::signed(scanner)?.map(Value::Number).ok_or_else(|| scanner.expected("a number or string"))
}

fn number(
    scanner: &Scanner<'_>,
    from: usize,
    value: Number,
    spec: &Spec,
    bits: &mut Bits,
) -> Result<()> {
    match (spec.kind(), value) {
        (Type::Integer, Number::Small(value)) if spec.is_byte() => bits.push(value as u8, 8),
        (Type::Integer, Number::Small(value)) => {
            bits.integer(value.to_le_bytes().to_vec(), spec)?;
        }
        (Type::Integer, Number::Big(value)) => bits.integer(value.to_signed_bytes_le(), spec)?,
        (Type::Float, Number::Float(value)) => return float(scanner, from, value, spec, bits),
        (Type::Float, Number::Small(value)) => {
            return float(scanner, from, value as f64, spec, bits);
        }
        (Type::Utf8, Number::Small(value)) => {
            let character = u32::try_from(value).ok().and_then(char::from_u32);
            let message = "no character has that number";
            let character = character.ok_or_else(|| scanner.bad(from, message))?;
            bits.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        (Type::Integer | Type::Utf8, Number::Float(_)) => {
            return Err(scanner.bad(from, "a float in a bitstring needs /float"));
        }
        (Type::Float | Type::Utf8, Number::Big(_)) => {
            return Err(scanner.bad(from, "the number is too large for its type"));
        }
    }
    Ok(())
}

fn float(
    scanner: &Scanner<'_>,
    from: usize,
    value: f64,
    spec: &Spec,
    bits: &mut Bits,
) -> Result<()> {
    let mut bytes = match spec.size.unwrap_or(64) {
        64 => value.to_bits().to_be_bytes().to_vec(),
        32 => (value as f32).to_bits().to_be_bytes().to_vec(),
        _ => return Err(scanner.bad(from, "a float has 32 or 64 bits")),
    };
    if spec.little {
        bytes.reverse();
    }
    bits.extend(&bytes);
    Ok(())
}

/// `:size`, `/type`, or both.
fn spec(scanner: &mut Scanner<'_>) -> Result<Spec> {
    let mut spec = Spec { size: None, kind: None, little: false };
    scanner.skip_space();
    let from = scanner.position();
    if scanner.eat(":") {
        scanner.skip_space();
        if !scanner.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            return Err(scanner.expected("a size"));
        }
        spec.size = match scanner.number()? {
            Number::Small(size) => usize::try_from(size).ok().filter(|_| size as u64 <= MAX_SIZE),
            Number::Float(_) => return Err(scanner.bad(from, "a size is an integer")),
            Number::Big(_) => None,
        };
        if spec.size.is_none() {
            return Err(Error::limit("a segment of a bitstring exceeds the limit of 2^22 bits"));
        }
        scanner.skip_space();
    }
    if scanner.eat("/") {
        scanner.skip_space();
        specifier(scanner, &mut spec)?;
        while scanner.eat("-") {
            specifier(scanner, &mut spec)?;
        }
    }
    if spec.kind() == Type::Utf8 && spec.size.is_some() {
        return Err(scanner.bad(from, "utf8 takes no size"));
    }
    Ok(spec)
}

fn specifier(scanner: &mut Scanner<'_>, spec: &mut Spec) -> Result<()> {
    const TYPES: [(&str, Type); 3] =
        [("integer", Type::Integer), ("float", Type::Float), ("utf8", Type::Utf8)];
    let from = scanner.position();
    for (name, kind) in TYPES {
        if scanner.eat_word(name) {
            return match spec.kind.replace(kind) {
                Some(other) if other != kind => Err(scanner.bad(from, "a segment has one type")),
                _ => Ok(()),
            };
        }
    }
    spec.little |= scanner.eat_word("little");
    let known = ["big", "signed", "unsigned"].iter().any(|name| scanner.eat_word(name));
    if known || scanner.position() > from {
        return Ok(());
    }
    Err(scanner.expected("integer, float, utf8, little, big, signed or unsigned"))
}
