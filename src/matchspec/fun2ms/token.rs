//! Words and signs of Erlang text, one ahead.

use crate::error::{Error, ErrorKind, Result};
use crate::term::scan::{Bits, Number, Scanner, bitstring, is_name_char, is_reserved};
use crate::term::{Atom, ParseOptions};

/// One word or sign.
#[derive(Debug)]
pub(super) enum Token<'t> {
    /// A number or a character, without a sign.
    Number(Number),
    Atom(Atom),
    Variable(&'t str),
    /// `"text"`.
    Text(String),
    /// `<<...>>` or `~"text"`.
    Bits(Bits),
    /// A reserved word.
    Word(&'t str),
    Sign(&'static str),
    End,
}

/// The longest first.
const SIGNS: [&str; 35] = [
    "=:=", "=/=", "->", "=>", ":=", "=<", ">=", "==", "/=", "++", "--", "||", "<-", "::", "..",
    "(", ")", "[", "]", "{", "}", ",", ";", "|", "=", "<", ">", "+", "-", "*", "/", "!", "#", ":",
    ".",
];

fn is_variable_start(first: char) -> bool {
    matches!(first, 'A'..='Z' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{de}')
}

/// The words of a text, of which the next one is known.
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    scanner: Scanner<'t>,
    max_bits: usize,
    token: Token<'t>,
    /// Where it begins.
    at: usize,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str, options: &'t ParseOptions) -> Result<Self> {
        let scanner = Scanner::new(text, options);
        let max_bits = options.words().saturating_mul(64);
        let mut tokens = Self { scanner, max_bits, token: Token::End, at: 0 };
        tokens.take()?;
        Ok(tokens)
    }

    pub(super) fn next(&self) -> &Token<'t> {
        &self.token
    }

    /// Where the next one begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes past the next one and returns it.
    pub(super) fn take(&mut self) -> Result<Token<'t>> {
        self.scanner.skip_space();
        self.at = self.scanner.position();
        let token = self.read()?;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn read(&mut self) -> Result<Token<'t>> {
        let scanner = &mut self.scanner;
        let Some(first) = scanner.peek() else { return Ok(Token::End) };
        match first {
            '0'..='9' => scanner.number().map(Token::Number),
            '$' => {
                scanner.require("$")?;
                let code = u32::from(scanner.character()?);
                Ok(Token::Number(Number::Small(i64::from(code))))
            }
            '"' => scanner.strings().map(Token::Text),
            '~' => {
                scanner.require("~")?;
                if scanner.peek() != Some('"') {
                    return Err(scanner.expected("`\"` (no other sigil is read)"));
                }
                Ok(Token::Bits(Bits::of_text(&scanner.strings()?)))
            }
            '<' if scanner.eat("<<") => match bitstring(scanner, self.max_bits) {
                Err(_) if scanner.peek().is_some_and(is_variable_start) => {
                    let at = scanner.position();
                    Err(self.refused(at, "there are no variables in binaries"))
                }
                bits => bits.map(Token::Bits),
            },
            first if is_variable_start(first) => {
                Ok(Token::Variable(scanner.take_while(is_name_char)))
            }
            _ if scanner.at_atom() => match scanner.reserved(is_reserved) {
                Some(word) => Ok(Token::Word(word)),
                None => scanner.atom().map(Token::Atom),
            },
            _ => match SIGNS.iter().find(|sign| sign.starts_with(first) && scanner.eat(sign)) {
                Some(sign) => Ok(Token::Sign(sign)),
                None => Err(scanner.expected("a fun")),
            },
        }
    }

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(&self.token, Token::Sign(next) if *next == sign)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(next) if *next == word)
    }

    /// Goes past a sign or word, if it comes next.
    pub(super) fn eat(&mut self, what: &str) -> Result<bool> {
        let found = self.is(what) || self.is_word(what);
        if found {
            self.take()?;
        }
        Ok(found)
    }

    /// Goes past a sign or word that must come next.
    pub(super) fn require(&mut self, what: &str) -> Result<()> {
        if self.eat(what)? { Ok(()) } else { Err(self.expected(&format!("`{what}`"))) }
    }

    /// That something else comes next than what was expected.
    pub(super) fn expected(&self, what: &str) -> Error {
        self.scanner.expected_at(self.at, what)
    }

    /// That what stands there is no text of Erlang.
    pub(super) fn bad(&self, at: usize, message: &str) -> Error {
        self.scanner.bad(at, message)
    }

    /// That what stands there is Erlang, but cannot be said by a match specification.
    pub(super) fn refused(&self, at: usize, message: &str) -> Error {
        let (line, column) = self.scanner.line_and_column(at);
        Error::new(ErrorKind::BadMatchSpec, format!("{line}:{column}: {message}"))
    }
}
