//! Erlang syntax out.
//!
//! [`Display`](fmt::Display) prints on one line what `io:format("~0ktp", [T])` prints in OTP 27:
//! lists of printable Latin-1 characters as strings, binaries of text as text, atoms quoted where
//! Erlang quotes them, floats in the shortest form that reads back as the same float, maps in the
//! exact order of their keys (the `k`; without it Erlang shows the order of its memory). What goes
//! beyond, so that the text of every term but a fun reads back as that very term:
//!
//! * a binary is shown as text whenever it is UTF-8 and printable, as in an `erl +pc unicode`; a
//!   list never is for characters above 255, as in any other `erl`: more often than not, they are
//!   numbers;
//! * a pid, a port or a reference of another node (or of another life of a node without a name)
//!   shows the node and its creation, `<rabbit@host/7.84.0>`, where Erlang shows a number that
//!   means something to itself alone.
//!
//! [`TermRef::plain`] is `~kw` (with `t`, as to atoms): numbers stay numbers.
//!
//! The printer goes down by keeping the containers that are still open on a stack of its own, two
//! words for each; it never recurses.

use std::fmt::{self, Write as _};

use super::word::{Tag, Word};
use super::{
    Atom, BigRef, BitsRef, Elements, Export, FunRef, ListRef, MapRef, Object, ObjectRef, Pid, Port,
    ReferenceRef, Term, TermRef, TupleRef, View,
};

/// How lists and binaries of characters are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As text: `~p`.
    Text,
    /// As numbers: `~w`.
    Plain,
}

/// A container that is open, and how much of it is printed.
struct Open {
    /// The tuple, the map, or the piece of a list. `NIL` if only the bracket of a list is left.
    word: Word,
    /// How many of its words are printed; keys and values of a map alternate.
    done: u32,
}

struct Printer<'a, 'f, 'b> {
    heap: &'a [u64],
    style: Style,
    open: Vec<Open>,
    out: &'f mut fmt::Formatter<'b>,
}

fn print(term: TermRef<'_>, style: Style, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut printer = Printer { heap: term.heap(), style, open: Vec::new(), out };
    printer.enter(term.word())?;
    while let Some(mut open) = printer.open.pop() {
        if let Some(word) = printer.advance(&mut open)? {
            printer.open.push(open);
            printer.enter(word)?;
        }
    }
    Ok(())
}

impl<'a> Printer<'a, '_, '_> {
    /// Prints the term, or as much of it as stands before its first element.
    fn enter(&mut self, word: Word) -> fmt::Result {
        match TermRef::new(self.heap, word).view() {
            View::Int(value) => fmt::Display::fmt(&value, self.out),
            View::Big(big) => write!(self.out, "{}", big.to_bigint()),
            View::Float(value) => write_float(value, self.out),
            View::Atom(atom) => write_atom(atom, self.out),
            View::Reference(reference) => write_reference(reference, self.out),
            View::Fun(fun) => write_fun(fun, self.out),
            View::Export(export) => write_export(export, self.out),
            View::Port(port) => write_port(port, self.out),
            View::Pid(pid) => write_pid(pid, self.out),
            View::Tuple(_) => self.begin(word, "{"),
            View::Map(_) => self.begin(word, "#{"),
            View::Nil => self.out.write_str("[]"),
            View::List(list) => match self.string(list) {
                Some(text) => write_string(text, self.out),
                None => self.begin(word, "["),
            },
            View::Binary(bytes) if self.style == Style::Text => write_binary(bytes, self.out),
            View::Binary(bytes) => write_bytes(bytes, self.out),
            View::Bits(bits) => write_bits(bits, self.out),
        }
    }

    fn begin(&mut self, word: Word, text: &str) -> fmt::Result {
        self.open.push(Open { word, done: 0 });
        self.out.write_str(text)
    }

    /// Prints what stands before the next element and returns that element, or prints the end.
    fn advance(&mut self, open: &mut Open) -> Result<Option<Word>, fmt::Error> {
        let (at, done) = (open.word.offset(), open.done as usize);
        open.done += 1;
        match open.word.tag() {
            Tag::Tuple if done == open.word.len() => self.end("}"),
            Tag::Tuple => self.element(if done > 0 { "," } else { "" }, at + done),
            Tag::Map if done == open.word.len() * 2 => self.end("}"),
            Tag::Map if done % 2 == 1 => self.element(" => ", at + open.word.len() + done / 2),
            Tag::Map => self.element(if done > 0 { "," } else { "" }, at + done / 2),
            Tag::List if done < open.word.len() => {
                self.element(if done > 0 { "," } else { "" }, at + done)
            }
            Tag::List => self.after_piece(open),
            _ => self.end("]"),
        }
    }

    fn element(&mut self, before: &str, at: usize) -> Result<Option<Word>, fmt::Error> {
        self.out.write_str(before)?;
        Ok(Some(Word(self.heap[at])))
    }

    fn end(&mut self, text: &str) -> Result<Option<Word>, fmt::Error> {
        self.out.write_str(text)?;
        Ok(None)
    }

    /// Goes on behind the last element of a piece of a list: another piece, or the tail.
    fn after_piece(&mut self, open: &mut Open) -> Result<Option<Word>, fmt::Error> {
        let tail = Word(self.heap[open.word.offset() + open.word.len()]);
        match tail.tag() {
            Tag::Nil => self.end("]"),
            Tag::List => {
                *open = Open { word: tail, done: 1 };
                self.element(",", tail.offset())
            }
            _ => {
                *open = Open { word: Word::NIL, done: 0 };
                self.out.write_str("|")?;
                Ok(Some(tail))
            }
        }
    }

    /// The characters of a list that is to be shown as a string: proper, printable throughout.
    fn string(&self, list: ListRef<'a>) -> Option<impl Iterator<Item = char> + use<'a>> {
        let printable = |element: TermRef<'_>| character(element).is_some_and(is_printable);
        let text = self.style == Style::Text && list.elements().all(printable) && list.is_proper();
        text.then(|| list.elements().filter_map(character))
    }
}

/// The Latin-1 character that an integer stands for.
fn character(term: TermRef<'_>) -> Option<char> {
    Some(char::from(u8::try_from(term.as_i64()?).ok()?))
}

/// What `io_lib:printable_unicode_list/1` takes for printable.
fn is_printable(character: char) -> bool {
    match character {
        '\u{8}'..='\r' | '\u{1b}' | ' '..='~' => true,
        _ => character >= '\u{a0}' && !matches!(character, '\u{fffe}' | '\u{ffff}'),
    }
}

fn escape_of(character: char, quote: char) -> Option<char> {
    Some(match character {
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '\u{7f}' => 'd',
        '\\' => '\\',
        _ if character == quote => quote,
        _ => return None,
    })
}

/// A character between quotes.
fn write_char(character: char, quote: char, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(letter) = escape_of(character, quote) {
        out.write_char('\\')?;
        out.write_char(letter)
    } else if character.is_control() {
        write!(out, "\\{:03o}", u32::from(character))
    } else {
        out.write_char(character)
    }
}

fn write_quoted(text: &str, quote: char, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let special =
        |character: char| character == quote || character == '\\' || character.is_control();
    out.write_char(quote)?;
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        let (plain, from) = rest.split_at(at);
        let mut characters = from.chars();
        out.write_str(plain)?;
        characters.next().map_or(Ok(()), |character| write_char(character, quote, out))?;
        rest = characters.as_str();
    }
    out.write_str(rest)?;
    out.write_char(quote)
}

fn write_string(text: impl Iterator<Item = char>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("\"")?;
    for character in text {
        write_char(character, '"', out)?;
    }
    out.write_str("\"")
}

/// The shortest digits that read back as the same float, with an exponent where that is shorter,
/// and beyond 2^53, where the digits before the point would claim to be exact.
fn write_float(value: f64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = shortest(value.abs());
    let (mantissa, exponent) = text.split_once('e').expect("`{:e}` prints an exponent");
    let (first, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = first.len() + if fraction == "0" { 0 } else { fraction.len() };
    let scientific = first.len() + 1 + fraction.len() + 1 + exponent.len();
    let shift: i32 = exponent.parse().expect("an exponent is a small number");
    let decimal = match usize::try_from(shift) {
        Ok(shift) if shift + 1 >= digits => shift + 3,
        Ok(_) => digits + 1,
        Err(_) => digits + 1 + shift.unsigned_abs() as usize,
    };
    if value.is_sign_negative() {
        out.write_char('-')?;
    }
    if scientific < decimal || value.abs() >= TWO_TO_53 {
        write!(out, "{first}.{fraction}e{exponent}")
    } else {
        write_decimal(first, if digits > 1 { fraction } else { "" }, shift, out)
    }
}

/// The digits of a float with the point moved to where it belongs.
fn write_decimal(first: &str, rest: &str, shift: i32, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Ok(before) = usize::try_from(shift) else {
        let zeros = shift.unsigned_abs() as usize - 1;
        return write!(out, "0.{:0<zeros$}{first}{rest}", "");
    };
    match rest.split_at_checked(before) {
        Some((whole, fraction)) if !fraction.is_empty() => write!(out, "{first}{whole}.{fraction}"),
        _ => write!(out, "{first}{rest:0<before$}.0"),
    }
}

/// A float as `1.25e3`, with as few digits as bring it back, and of two such texts the nearer.
/// Where both are as near, Rust takes the larger and Erlang the one with the even last digit.
fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    let digits = text.find('e').unwrap_or(0);
    // Texts of fewer digits lie too far apart for two of them to be as near.
    if digits <= 16 || text.as_bytes()[digits - 1] % 2 == 0 {
        return text;
    }
    let exact = format!("{value:.40e}");
    let dropped = exact[digits..].split('e').next().unwrap_or("");
    let even = format!("{}{}", &exact[..digits], &text[digits..]);
    // Below a power of two the floats are denser, so the lower text may be that of a neighbour.
    if dropped.trim_end_matches('0') == "5" && even.parse() == Ok(value) { even } else { text }
}

const TWO_TO_53: f64 = 9_007_199_254_740_992.0;

/// Words that are atoms only in quotes.
const RESERVED: [&str; 29] = [
    "after", "and", "andalso", "band", "begin", "bnot", "bor", "bsl", "bsr", "bxor", "case",
    "catch", "cond", "div", "else", "end", "fun", "if", "let", "maybe", "not", "of", "or",
    "orelse", "receive", "rem", "try", "when", "xor",
];

/// Whether a character may stand in an atom without quotes, after the first: letters are those of
/// Latin-1, where the signs of multiplication and division stand among them.
pub(crate) fn is_name_char(character: char) -> bool {
    match character {
        '\u{d7}' | '\u{f7}' => false,
        '0'..='9' | 'A'..='Z' | 'a'..='z' | '_' | '@' | '\u{c0}'..='\u{ff}' => true,
        _ => false,
    }
}

/// Whether an atom without quotes may begin with the character.
pub(crate) fn is_atom_start(character: char) -> bool {
    matches!(character, 'a'..='z' | '\u{df}'..='\u{ff}' if character != '\u{f7}')
}

pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

fn write_atom(atom: Atom, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = atom.name();
    let bare = name.starts_with(is_atom_start) && name.chars().all(is_name_char);
    if bare && !is_reserved(name) { out.write_str(name) } else { write_quoted(name, '\'', out) }
}

fn write_binary(bytes: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(is_printable) => {
            out.write_str("<<")?;
            write_quoted(text, '"', out)?;
            out.write_str(if text.is_ascii() { ">>" } else { "/utf8>>" })
        }
        Err(_) if bytes.iter().all(|byte| is_printable(char::from(*byte))) => {
            out.write_str("<<")?;
            write_string(bytes.iter().map(|byte| char::from(*byte)), out)?;
            out.write_str(">>")
        }
        _ => write_bytes(bytes, out),
    }
}

fn write_separated<T: fmt::Display>(
    items: impl IntoIterator<Item = T>,
    separator: &str,
    out: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (at, item) in items.into_iter().enumerate() {
        out.write_str(if at > 0 { separator } else { "" })?;
        write!(out, "{item}")?;
    }
    Ok(())
}

fn write_bytes(bytes: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("<<")?;
    write_separated(bytes, ",", out)?;
    out.write_str(">>")
}

fn write_bits(bits: BitsRef<'_>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some((last, whole)) = bits.bytes().split_last() else { return out.write_str("<<>>") };
    let spare = bits.bit_len() % 8;
    out.write_str("<<")?;
    write_separated(whole, ",", out)?;
    let separator = if whole.is_empty() { "" } else { "," };
    write!(out, "{separator}{}:{spare}>>", last >> (8 - spare))
}

/// Where a pid, port or reference comes from: `0` if from here.
fn write_node(node: Atom, creation: u32, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    if node == Atom::NO_NODE && creation == 0 {
        return out.write_str("0");
    }
    write_atom(node, out)?;
    write!(out, "/{creation}")
}

fn write_pid(pid: Pid, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("<")?;
    write_node(pid.node, pid.creation, out)?;
    write!(out, ".{}.{}>", pid.id, pid.serial)
}

fn write_port(port: Port, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("#Port<")?;
    write_node(port.node, port.creation, out)?;
    write!(out, ".{}>", port.id)
}

fn write_reference(reference: ReferenceRef<'_>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("#Ref<")?;
    write_node(reference.node(), reference.creation(), out)?;
    // References are as long as three numbers; shorter ones, of old nodes, are filled up.
    for _ in reference.ids().len()..3 {
        out.write_str(".0")?;
    }
    for id in reference.ids().rev() {
        write!(out, ".{id}")?;
    }
    out.write_str(">")
}

fn write_export(export: Export, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("fun ")?;
    write_atom(export.module, out)?;
    out.write_str(":")?;
    write_atom(export.function, out)?;
    write!(out, "/{}", export.arity)
}

fn write_fun(fun: FunRef<'_>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (index, uniq) = fun.old_index_and_uniq();
    write!(out, "#Fun<{}.{index}.{uniq}>", fun.module().name())
}

/// The text of a term, for messages: cut off where it gets long, and not even made beyond that.
pub(crate) fn brief(term: TermRef<'_>) -> String {
    let mut brief = Brief { text: String::new() };
    match write!(brief, "{term}") {
        Ok(()) => brief.text,
        Err(fmt::Error) => brief.text + "...",
    }
}

struct Brief {
    text: String,
}

impl fmt::Write for Brief {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        const MAX: usize = 80;
        let room = MAX - self.text.len();
        if more.len() <= room {
            self.text.push_str(more);
            return Ok(());
        }
        let cut = (0..=room).rev().find(|at| more.is_char_boundary(*at)).unwrap_or(0);
        self.text.push_str(&more[..cut]);
        Err(fmt::Error)
    }
}

/// The adapter behind [`TermRef::plain`].
struct Plain<'a>(TermRef<'a>);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, Style::Plain, out)
    }
}

impl<'a> TermRef<'a> {
    /// The term as `~w` prints it: lists and binaries of characters as the numbers that they are.
    ///
    /// ```
    /// use ferrets::Term;
    /// let term: Term = r#"{"abc", <<"abc">>}"#.parse()?;
    /// assert_eq!(term.to_string(), r#"{"abc",<<"abc">>}"#);
    /// assert_eq!(term.as_ref().plain().to_string(), "{[97,98,99],<<97,98,99>>}");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn plain(self) -> impl fmt::Display + 'a {
        Plain(self)
    }
}

/// Erlang syntax on one line, as `io:format("~0ktp", [T])` of OTP 27 prints it: lists of printable
/// Latin-1 characters as strings, binaries of printable UTF-8 as text, maps in the order of their
/// keys. Text that [`Term::parse`] reads back as the same term, unless it holds a fun. What comes
/// from another node shows the node's name and creation, `<rabbit@host/7.84.0>`.
impl fmt::Display for TermRef<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(*self, Style::Text, out)
    }
}

/// As that of [`TermRef`].
impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.as_ref(), Style::Text, out)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.as_term(), Style::Text, out)
    }
}

impl fmt::Display for ObjectRef<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("{")?;
        write_separated(self.elements(), ",", out)?;
        out.write_str("}")
    }
}

impl fmt::Display for TupleRef<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("{")?;
        write_separated(self.elements(), ",", out)?;
        out.write_str("}")
    }
}

impl fmt::Display for ListRef<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[")?;
        write_separated(self.elements(), ",", out)?;
        if !self.is_proper() {
            write!(out, "|{}", self.tail())?;
        }
        out.write_str("]")
    }
}

impl fmt::Display for MapRef<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("#{")?;
        for (at, (key, value)) in self.pairs().enumerate() {
            write!(out, "{}{key} => {value}", if at > 0 { "," } else { "" })?;
        }
        out.write_str("}")
    }
}

macro_rules! shown_by {
    ($($type:ty: $write:expr;)*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                $write(*self, out)
            }
        }
    )*};
}

shown_by! {
    BigRef<'_>: |big: BigRef<'_>, out: &mut fmt::Formatter<'_>| write!(out, "{}", big.to_bigint());
    BitsRef<'_>: write_bits;
    FunRef<'_>: write_fun;
    ReferenceRef<'_>: write_reference;
    Atom: write_atom;
    Export: write_export;
    Pid: write_pid;
    Port: write_port;
}

/// In assertions and logs, the text of a term says more than its parts.
macro_rules! debug_is_display {
    ($($type:ty)*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }
    )*};
}

debug_is_display! {
    TermRef<'_> Term Object ObjectRef<'_> TupleRef<'_> ListRef<'_> MapRef<'_>
    BigRef<'_> BitsRef<'_> FunRef<'_> ReferenceRef<'_>
}

impl fmt::Debug for Elements<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.clone()).finish()
    }
}
