//! Erlang syntax in.
//!
//! Reads everything that `~p` and `~w` print for data, with any line breaks, and what people write
//! besides: comments, `$a`, `16#ff`, `1_000`, `"a" "b"`, every escape, the segments of bitstrings
//! (`<<16#ff:16/little, "text"/utf8>>`), a full stop at the end. What
//! [`Display`](std::fmt::Display) prints is read back as the very same term, but for funs made by
//! `fun ... end`, of which the text tells too little.
//!
//! Where Erlang is more lenient than is good for data, this is not: a character above 255 in a
//! binary without `/utf8` is an error instead of its low eight bits. Of the types of segments,
//! `integer`, `float` and `utf8` are read, with sizes, but without units.
//!
//! **How it goes.** One loop over two stacks: the containers that are open, and the words of their
//! elements so far. A container that closes takes its words from the stack, writes them into the
//! arena, and leaves one word of its own. Nothing recurses, so depth costs heap only; and since a
//! word takes a character at least, memory is bounded by a small multiple of the text. The
//! exception, the size of a segment, counts against [`ParseOptions::max_words`].

mod bits;
pub(crate) mod scan;

use std::str::FromStr;

use smallvec::SmallVec;

use self::scan::{Number, Scanner};
use super::word::{Tag, Word};
use super::{Arena, Atom, Pid, Port, ReferenceRef, Term};
use crate::error::{Error, Result};

impl Term {
    /// The term that `text` is, in Erlang syntax.
    ///
    /// ```
    /// use ferrets::{ErrorKind, Term, term};
    /// let user = Term::parse(
    ///     "{user, 16#2a,      % the answer
    ///      <<\"Ann\">>, [$a, 1.5e3 | 'Tail'], #{}}.",
    /// )?;
    /// assert_eq!(user, term!({:user, 42, "Ann", [97, 1500.0 | :Tail], #{}}));
    ///
    /// let error = Term::parse("{user, 1]").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadSyntax);
    /// assert_eq!(error.to_string(), "1:9: expected `,` or `}`, found `]`");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`ParseOptions::parse`].
    pub fn parse(text: &str) -> Result<Self> {
        ParseOptions::new().parse(text)
    }
}

impl FromStr for Term {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// What reading text may cost.
///
/// ```
/// use ferrets::{ParseOptions, term};
/// let options = ParseOptions::new().existing_atoms_only(true);
/// assert_eq!(options.parse("[ok, undefined]")?, term!([:ok, :undefined]));
/// let error = options.parse("[ok, 'never seen before']").unwrap_err();
/// assert_eq!(error.to_string(), "1:6: `never seen before` is not an atom yet");
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ParseOptions {
    max_words: usize,
    existing_atoms_only: bool,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ParseOptions {
    /// Results up to 2^27 words (1 GiB), new atoms allowed.
    ///
    /// ```
    /// use ferrets::{ParseOptions, term};
    /// assert_eq!(ParseOptions::new().parse("$a.")?, term!(97));
    /// let error = ParseOptions::new().parse("[1,2|X]").unwrap_err();
    /// assert_eq!(error.to_string(), "1:6: expected a term (variables are not), found `X`");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self { max_words: 1 << 27, existing_atoms_only: false }
    }

    /// How many words of eight bytes the term may take in memory.
    ///
    /// ```
    /// use ferrets::{ErrorKind, ParseOptions};
    /// let options = ParseOptions::new().max_words(4);
    /// assert!(options.parse("{1,2,3}").is_ok());
    /// assert_eq!(options.parse("{1,2,3,4,5}").unwrap_err().kind(), ErrorKind::LimitExceeded);
    /// ```
    pub const fn max_words(self, words: usize) -> Self {
        Self { max_words: words, ..self }
    }

    /// Whether a name that is no atom of this process yet is an error instead of a new atom, which
    /// would be there for ever.
    ///
    /// ```
    /// use ferrets::{ErrorKind, ParseOptions, term};
    /// let options = ParseOptions::new().existing_atoms_only(true);
    /// assert_eq!(options.parse("{ok,1}")?, term!({:ok, 1}));
    /// let error = options.parse("{'no atom so far',1}").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadSyntax);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn existing_atoms_only(self, only: bool) -> Self {
        Self { existing_atoms_only: only, ..self }
    }

    pub(crate) const fn words(&self) -> usize {
        self.max_words
    }

    /// The term that `text` is, in Erlang syntax.
    ///
    /// ```
    /// use ferrets::ParseOptions;
    /// let parse = |text| ParseOptions::new().parse(text);
    /// let map = parse("#{b => 1, % a comment\n a => <<1:2>>}")?;
    /// assert_eq!(map.to_string(), "#{a => <<1:2>>,b => 1}");
    /// let error = parse("{ok,\n 1 2}").unwrap_err();
    /// assert_eq!(error.to_string(), "2:4: expected `,` or `}`, found `2`");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadSyntax`](crate::ErrorKind::BadSyntax) if it is not one, with line and column;
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for an integer or a segment of more than
    /// 2^22 bits, for an atom that cannot be, and where [`max_words`](Self::max_words) do not
    /// suffice.
    pub fn parse(&self, text: &str) -> Result<Term> {
        let mut parser = Parser {
            scanner: Scanner::new(text, self),
            max_words: self.max_words,
            arena: Arena::new(),
            open: SmallVec::new(),
            words: SmallVec::new(),
        };
        let word = parser.term()?;
        if !parser.scanner.at_end() {
            return Err(parser.scanner.expected("the end of the text"));
        }
        Ok(Term::from_arena(parser.arena, word))
    }
}

/// What the next term is to the container it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Element,
    Item,
    Tail,
    Key,
    Value,
}

/// A container that is open.
#[derive(Debug)]
struct Open {
    place: Place,
    /// Where its words begin.
    first: usize,
}

#[derive(Debug)]
struct Parser<'t> {
    scanner: Scanner<'t>,
    max_words: usize,
    arena: Arena,
    open: SmallVec<[Open; 8]>,
    words: SmallVec<[Word; 32]>,
}

impl Parser<'_> {
    /// Reads one term, whole.
    fn term(&mut self) -> Result<Word> {
        loop {
            self.scanner.skip_space();
            let mut ended = self.begin()?;
            while ended {
                let Some(mut open) = self.open.pop() else {
                    return Ok(self.words.pop().unwrap_or(Word::NIL));
                };
                ended = self.after(&mut open)?;
                if !ended {
                    self.open.push(open);
                }
            }
        }
    }

    /// Reads a term, or the beginning of one that holds others. Returns whether it has ended.
    fn begin(&mut self) -> Result<bool> {
        if self.scanner.eat("{") {
            return self.enter(Place::Element, "}");
        }
        if self.scanner.eat("[") {
            return self.enter(Place::Item, "]");
        }
        if self.scanner.eat("#{") {
            return self.enter(Place::Key, "}");
        }
        let word = self.leaf()?;
        self.push(word)?;
        Ok(true)
    }

    fn push(&mut self, word: Word) -> Result<()> {
        if self.arena.words().len() + self.words.len() > self.max_words {
            let max = self.max_words;
            return Err(Error::limit(format!("the text exceeds the limit of {max} words")));
        }
        self.words.push(word);
        Ok(())
    }

    /// Goes into a container, and out of it again if it is empty.
    fn enter(&mut self, place: Place, end: &str) -> Result<bool> {
        self.scanner.skip_space();
        let open = Open { place, first: self.words.len() };
        if self.scanner.eat(end) {
            self.close(&open)?;
            return Ok(true);
        }
        self.open.push(open);
        Ok(false)
    }

    /// Reads what stands behind an element. Returns whether that was the end of the container.
    fn after(&mut self, open: &mut Open) -> Result<bool> {
        self.scanner.skip_space();
        let scanner = &mut self.scanner;
        let next = match open.place {
            Place::Key => {
                scanner.require("=>")?;
                Some(Place::Value)
            }
            Place::Value => scanner.eat(",").then_some(Place::Key),
            Place::Item if scanner.eat("|") => Some(Place::Tail),
            Place::Item | Place::Element => scanner.eat(",").then_some(open.place),
            Place::Tail => None,
        };
        if let Some(next) = next {
            open.place = next;
            return Ok(false);
        }
        let (end, wanted) = match open.place {
            Place::Element | Place::Key | Place::Value => ("}", "`,` or `}`"),
            Place::Item => ("]", "`,`, `|` or `]`"),
            Place::Tail => ("]", "`]`"),
        };
        if !scanner.eat(end) {
            return Err(scanner.expected(wanted));
        }
        self.close(open)?;
        Ok(true)
    }

    /// Makes a container of its words.
    fn close(&mut self, open: &Open) -> Result<()> {
        let words = &self.words[open.first..];
        let word = match (open.place, words.split_last()) {
            (Place::Element, _) => self.arena.tuple(words)?,
            (Place::Tail, Some((tail, items))) => self.arena.list(items, *tail)?,
            (Place::Item | Place::Tail, _) => self.arena.list(words, Word::NIL)?,
            (Place::Key | Place::Value, _) => {
                let mut pairs = words.chunks_exact(2).map(|two| (two[0], two[1])).collect();
                self.arena.map(&mut pairs)?
            }
        };
        self.words.truncate(open.first);
        self.push(word)
    }

    /// Reads a term that holds no others.
    fn leaf(&mut self) -> Result<Word> {
        let scanner = &mut self.scanner;
        if let Some(number) = signed(scanner)? {
            return self.number(&number);
        }
        match scanner.peek() {
            Some('"') => self.string(),
            Some('~') => self.sigil(),
            Some('<') => self.binary_or_pid(),
            Some('#') => self.hash(),
            Some('A'..='Z' | '_') => Err(scanner.expected("a term (variables are not)")),
            Some(_) if scanner.at_atom() => self.atom_or_fun(),
            _ => Err(scanner.expected("a term")),
        }
    }

    fn number(&mut self, number: &Number) -> Result<Word> {
        match number {
            Number::Small(value) => self.arena.int(*value),
            Number::Big(value) => self.arena.big(value),
            Number::Float(value) => self.arena.float(*value),
        }
    }

    fn string(&mut self) -> Result<Word> {
        let text = self.scanner.strings()?;
        let mut codes = Vec::with_capacity(text.len());
        for character in text.chars() {
            codes.push(self.arena.int(i64::from(u32::from(character)))?);
        }
        self.arena.list(&codes, Word::NIL)
    }

    /// `~"text"`, the binary of OTP 27.
    fn sigil(&mut self) -> Result<Word> {
        self.scanner.require("~")?;
        if self.scanner.peek() != Some('"') {
            return Err(self.scanner.expected("`\"` (no other sigil is read)"));
        }
        let text = self.scanner.strings()?;
        self.arena.binary(text.as_bytes())
    }

    fn binary_or_pid(&mut self) -> Result<Word> {
        if self.scanner.eat("<<") {
            let words_left = self.max_words.saturating_sub(self.arena.words().len());
            let max_bits = words_left.min(Word::MAX_LEN).saturating_mul(64);
            let bits = bits::bitstring(&mut self.scanner, max_bits)?;
            return self.arena.bits(&bits.bytes, bits.len);
        }
        self.scanner.require("<")?;
        let (node, creation) = self.node()?;
        let (id, serial) = (self.part()?, self.part()?);
        self.scanner.require(">")?;
        let pid = Pid { node, id, serial, creation };
        self.arena.payload(Tag::Pid, 0, &pid.pack())
    }

    /// What begins with `#` and is no map.
    fn hash(&mut self) -> Result<Word> {
        if self.scanner.eat("#Port<") {
            let (node, creation) = self.node()?;
            let id = self.part()?;
            self.scanner.require(">")?;
            return self.arena.payload(Tag::Port, 0, &Port { node, id, creation }.pack());
        }
        let from = self.scanner.position();
        if !self.scanner.eat("#Ref<") {
            return Err(if self.scanner.eat("#Fun<") {
                self.scanner.bad(from, "the text of a fun does not tell all of it")
            } else {
                self.scanner.expected("`#{`, `#Ref<` or `#Port<`")
            });
        }
        let (node, creation) = self.node()?;
        let mut ids = Vec::new();
        while !self.scanner.eat(">") {
            ids.insert(0, self.part()?);
            if ids.len() > 5 {
                return Err(self.scanner.bad(from, "a reference has five numbers at most"));
            }
        }
        if ids.is_empty() {
            return Err(self.scanner.bad(from, "a reference has one number at least"));
        }
        let words = ReferenceRef::pack(node, creation, &ids);
        self.arena.payload(Tag::Reference, ids.len(), &words)
    }

    /// Where a pid, port or reference comes from: `0`, `node` or `node/creation`.
    fn node(&mut self) -> Result<(Atom, u32)> {
        if self.scanner.eat("0") {
            return Ok((Atom::NO_NODE, 0));
        }
        if !self.scanner.at_atom() {
            // Erlang prints the place of the node in a table that only it has.
            return Err(self.scanner.expected("`0` or the name of a node"));
        }
        let node = self.scanner.atom()?;
        let creation = if self.scanner.eat("/") { self.scanner.natural()? } else { 0 };
        Ok((node, creation))
    }

    /// A number behind a dot.
    fn part<T: TryFrom<u64>>(&mut self) -> Result<T> {
        self.scanner.require(".")?;
        self.scanner.natural()
    }

    fn atom_or_fun(&mut self) -> Result<Word> {
        let scanner = &mut self.scanner;
        if !scanner.eat_word("fun") {
            return Ok(Arena::atom(scanner.atom()?));
        }
        scanner.skip_space();
        let module = scanner.atom()?;
        scanner.skip_space();
        scanner.require(":")?;
        scanner.skip_space();
        let function = scanner.atom()?;
        scanner.skip_space();
        scanner.require("/")?;
        scanner.skip_space();
        let arity = scanner.natural()?;
        self.arena.export(module, function, arity)
    }
}

/// A number or a character, with or without a sign; `None` if neither comes next.
fn signed(scanner: &mut Scanner<'_>) -> Result<Option<Number>> {
    let negative = scanner.eat("-");
    let sign = negative || scanner.eat("+");
    if sign {
        scanner.skip_space();
    }
    let number = match scanner.peek() {
        Some('0'..='9') => scanner.number()?,
        Some('$') => {
            scanner.require("$")?;
            Number::Small(i64::from(u32::from(scanner.character()?)))
        }
        _ if sign => return Err(scanner.expected("a number")),
        _ => return Ok(None),
    };
    Ok(Some(if negative { number.negated() } else { number }))
}
