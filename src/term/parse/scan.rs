//! Tokens: where the reader stands in the text, and what one word of it means.

use std::borrow::Cow;

use num_bigint::{BigInt, BigUint, Sign};

use super::super::Atom;
pub(crate) use super::super::display::{is_atom_start, is_name_char, is_reserved};
use super::ParseOptions;
pub(crate) use super::bits::{Bits, bitstring};
use crate::error::{Error, ErrorKind, Result};

/// The largest integer, in bits: Erlang's limit too.
const MAX_BITS: u64 = 1 << 22;

/// How many digits are taken up one by one.
const CHUNK: usize = 1024;

/// A number as written.
#[derive(Debug)]
pub(crate) enum Number {
    Small(i64),
    Big(BigInt),
    Float(f64),
}

impl Number {
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::Small(value) => Self::Small(-value),
            Self::Big(value) => Self::Big(-value),
            Self::Float(value) => Self::Float(-value),
        }
    }
}

/// A position in a text.
#[derive(Debug)]
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    options: &'t ParseOptions,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str, options: &'t ParseOptions) -> Self {
        Self { text, at: 0, options }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The next character, which stays there.
    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    /// Goes past `token`, if it comes next.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    /// Goes past `word`, if it comes next and ends there.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let behind = self.rest().strip_prefix(word);
        behind.is_some_and(|behind| !behind.starts_with(is_name_char)) && self.eat(word)
    }

    /// Goes past `token`, which must come next.
    pub(crate) fn require(&mut self, token: &str) -> Result<()> {
        if self.eat(token) { Ok(()) } else { Err(self.expected(&format!("`{token}`"))) }
    }

    /// Goes past white space and comments.
    pub(crate) fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let token = rest.trim_start_matches(|character: char| {
                character <= ' ' || ('\u{80}'..='\u{a0}').contains(&character)
            });
            self.at += rest.len() - token.len();
            if !token.starts_with('%') {
                return;
            }
            self.at += token.find('\n').unwrap_or(token.len());
        }
    }

    /// Whether a full stop and then nothing is left.
    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_space();
        if self.eat(".") {
            self.skip_space();
        }
        self.rest().is_empty()
    }

    /// Goes past the characters that match and returns them.
    pub(crate) fn take_while(&mut self, matches: impl FnMut(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.len() - rest.trim_start_matches(matches).len()];
        self.at += taken.len();
        taken
    }

    /// That something else stands here than what was expected.
    pub(crate) fn expected(&self, what: &str) -> Error {
        self.expected_at(self.at, what)
    }

    /// As [`expected`](Self::expected), at an earlier position.
    pub(crate) fn expected_at(&self, at: usize, what: &str) -> Error {
        const SHOWN: usize = 20;
        let rest = &self.text[at..];
        let word: String =
            rest.chars().take_while(|next| is_name_char(*next)).take(SHOWN).collect();
        let found = match rest.chars().next() {
            None => "the end of the text".to_owned(),
            Some(_) if !word.is_empty() => format!("`{word}`"),
            Some(character) if character.is_control() => format!("{character:?}"),
            Some(character) => format!("`{character}`"),
        };
        self.bad(at, &format!("expected {what}, found {found}"))
    }

    /// An error at an earlier position.
    pub(crate) fn bad(&self, at: usize, message: &str) -> Error {
        let (line, column) = self.line_and_column(at);
        Error::new(ErrorKind::BadSyntax, format!("{line}:{column}: {message}"))
    }

    pub(crate) fn line_and_column(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// The position, for [`bad`](Self::bad).
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Whether an atom comes next, quoted or not.
    pub(crate) fn at_atom(&self) -> bool {
        self.peek().is_some_and(|first| first == '\'' || is_atom_start(first))
    }

    /// Goes past a word without quotes that `is` one of those asked for, if one comes next.
    pub(crate) fn reserved(&mut self, is: fn(&str) -> bool) -> Option<&'t str> {
        let from = self.at;
        let word = self.take_while(is_name_char);
        if is(word) {
            return Some(word);
        }
        self.at = from;
        None
    }

    /// An atom, quoted or not.
    pub(crate) fn atom(&mut self) -> Result<Atom> {
        let from = self.at;
        if self.eat("'") {
            let name = self.quoted('\'')?;
            return self.named(&name, from);
        }
        if !self.at_atom() {
            return Err(self.expected("an atom"));
        }
        let name = self.take_while(is_name_char);
        // OTP 25, of which these two are not words, does not quote them.
        if is_reserved(name) && !matches!(name, "maybe" | "else") {
            let message = format!("`{name}` is a reserved word; as an atom it is written '{name}'");
            return Err(self.bad(from, &message));
        }
        self.named(name, from)
    }

    fn named(&self, name: &str, from: usize) -> Result<Atom> {
        match Atom::existing(name) {
            Some(atom) => Ok(atom),
            None if self.options.existing_atoms_only && name.chars().count() <= Atom::MAX_CHARS => {
                Err(self.bad(from, &format!("`{name}` is not an atom yet")))
            }
            None => Atom::new(name),
        }
    }

    /// Strings next to each other, which are one string.
    pub(crate) fn strings(&mut self) -> Result<String> {
        let mut text = String::new();
        while self.peek() == Some('"') {
            if self.rest().starts_with("\"\"\"") {
                return Err(self.bad(self.at, "triple-quoted strings are not read"));
            }
            self.at += 1;
            text.push_str(&self.quoted('"')?);
            self.skip_space();
        }
        Ok(text)
    }

    /// The characters up to a quote, behind the opening one.
    fn quoted(&mut self, quote: char) -> Result<String> {
        let from = self.at - 1;
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|character| character != quote && character != '\\'));
            match self.next() {
                None => return Err(self.bad(from, &format!("no {quote} ends what begins here"))),
                Some('\\') => text.push(self.escape()?),
                Some(_) => return Ok(text),
            }
        }
    }

    /// `$a`, behind the dollar.
    pub(crate) fn character(&mut self) -> Result<char> {
        match self.next() {
            Some('\\') => self.escape(),
            Some(character) => Ok(character),
            None => Err(self.expected("a character")),
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char> {
        let from = self.at - 1;
        let Some(letter) = self.next() else { return Err(self.expected("an escape")) };
        Ok(match letter {
            'b' => '\u{8}',
            'd' => '\u{7f}',
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            's' => ' ',
            't' => '\t',
            'v' => '\u{b}',
            '0'..='7' => {
                let octal = |byte: &u8| (b'0'..=b'7').contains(byte);
                self.at += self.rest().bytes().take(2).take_while(octal).count();
                self.code_point(&self.text[from + 1..self.at], 8, from)?
            }
            'x' => self.hexadecimal(from)?,
            '^' => match self.next() {
                Some('?') => '\u{7f}',
                Some(letter @ ('@'..='_' | 'a'..='z')) => char::from(letter as u8 & 0x1f),
                _ => return Err(self.bad(from, "a control character is written \\^A to \\^Z")),
            },
            other => other,
        })
    }

    /// `\xHH` or `\x{H...}`, behind the x.
    fn hexadecimal(&mut self, from: usize) -> Result<char> {
        let braces = self.eat("{");
        let digits = self.take_while(|digit| digit.is_ascii_hexdigit());
        if braces {
            self.require("}")?;
            return self.code_point(digits, 16, from);
        }
        let Some(two) = digits.get(..2) else {
            return Err(self.bad(from, "\\x takes two hexadecimal digits, or any in braces"));
        };
        self.at -= digits.len() - 2;
        self.code_point(two, 16, from)
    }

    fn code_point(&self, digits: &str, base: u32, from: usize) -> Result<char> {
        u32::from_str_radix(digits, base)
            .ok()
            .and_then(char::from_u32)
            .ok_or_else(|| self.bad(from, "no character has that number"))
    }

    /// A number without sign: `1`, `1_000`, `16#ff`, `1.5e-3`.
    pub(crate) fn number(&mut self) -> Result<Number> {
        let from = self.at;
        let whole = self.digits(10);
        if self.peek() == Some('#') {
            return self.based(&whole, from);
        }
        let fraction = self.rest().strip_prefix('.');
        if !fraction.is_some_and(|digits| digits.starts_with(|first: char| first.is_ascii_digit()))
        {
            return self.integer(&whole, 10);
        }
        self.at += 1;
        let fraction = self.digits(10);
        let mut text = format!("{whole}.{fraction}");
        let behind = self.at;
        if self.eat("e") || self.eat("E") {
            text.push('e');
            text.push_str(if self.eat("-") { "-" } else { "" });
            self.eat("+");
            let exponent = self.digits(10);
            if exponent.is_empty() {
                self.at = behind;
                return Err(self.bad(from, "an exponent has digits"));
            }
            text.push_str(&exponent);
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Number::Float(value)),
            _ => Err(self.bad(from, "the float is too large")),
        }
    }

    /// A number of digits only, such as pids are made of.
    pub(crate) fn natural<T: TryFrom<u64>>(&mut self) -> Result<T> {
        let from = self.at;
        let digits = self.take_while(|digit| digit.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.expected("a number"));
        }
        let value = digits.parse().ok().and_then(|value: u64| T::try_from(value).ok());
        value.ok_or_else(|| self.bad(from, "the number is too large"))
    }

    /// An integer in another base, behind the base.
    fn based(&mut self, base: &str, from: usize) -> Result<Number> {
        let Ok(base @ 2..=36) = base.parse() else {
            return Err(self.bad(from, "a base is a number from 2 to 36"));
        };
        self.at += 1;
        let digits = self.digits(base);
        if digits.is_empty() {
            return Err(self.expected(&format!("a digit of base {base}")));
        }
        self.integer(&digits, base)
    }

    /// Digits, without the underscores that may stand between them.
    fn digits(&mut self, base: u32) -> Cow<'t, str> {
        let mut digits = Cow::Borrowed(self.take_while(|digit| digit.is_digit(base)));
        while let Some(more) = self.rest().strip_prefix('_') {
            if digits.is_empty() || !more.starts_with(|digit: char| digit.is_digit(base)) {
                break;
            }
            self.at += 1;
            digits += self.take_while(|digit| digit.is_digit(base));
        }
        digits
    }

    fn integer(&self, digits: &str, base: u32) -> Result<Number> {
        if let Ok(value) = i64::from_str_radix(digits, base) {
            return Ok(Number::Small(value));
        }
        let digits = digits.trim_start_matches('0');
        let bits = digits.len() as f64 * f64::from(base).log2();
        let value = if bits < MAX_BITS as f64 + 64.0 {
            BigInt::from_biguint(Sign::Plus, big(digits.as_bytes(), base))
        } else {
            return Err(too_large(digits));
        };
        if value.bits() > MAX_BITS { Err(too_large(digits)) } else { Ok(Number::Big(value)) }
    }
}

fn too_large(digits: &str) -> Error {
    let message = format!("an integer of {} digits exceeds the limit of 2^22 bits", digits.len());
    Error::limit(message)
}

/// The value of many digits, by halves: the multiplication of large numbers is much faster than
/// taking them up digit by digit.
fn big(digits: &[u8], base: u32) -> BigUint {
    let mut powers = vec![BigUint::from(base).pow(CHUNK as u32)];
    while CHUNK << powers.len() < digits.len() {
        let last = powers[powers.len() - 1].clone();
        powers.push(&last * &last);
    }
    halves(digits, base, &powers)
}

/// Goes as deep as there are powers, a dozen levels at most.
fn halves(digits: &[u8], base: u32, powers: &[BigUint]) -> BigUint {
    let Some((power, lower)) = powers.split_last() else {
        return BigUint::parse_bytes(digits, base).unwrap_or_default();
    };
    match digits.len().checked_sub(CHUNK << lower.len()) {
        None | Some(0) => halves(digits, base, lower),
        Some(split) => {
            let (high, low) = digits.split_at(split);
            halves(high, base, lower) * power + halves(low, base, lower)
        }
    }
}
