//! Reading: heads one after the other, with the slots that wait for their terms on a stack.

use std::io::{ErrorKind as IoErrorKind, Read};

use flate2::bufread::ZlibDecoder;
use smallvec::SmallVec;

use super::super::view::{FUN_RAW_WORDS, FUN_TERM_WORDS, FunHead};
use super::super::{Arena, Atom, Pid, Port, ReferenceRef, Tag, Term, Word, order};
use super::{DecodeOptions, VERSION, bad_encoding, tag};
use crate::error::{Error, ErrorKind, Result};

pub(super) fn decode_prefix(bytes: &[u8], options: &DecodeOptions) -> Result<(Term, usize)> {
    match bytes {
        [] => Err(bad_encoding("an encoding of no bytes")),
        [VERSION, tag::COMPRESSED, rest @ ..] => {
            let (inflated, used) = inflate(rest, options)?;
            let decoder = Decoder::new(&inflated, 0, "inflated byte", options);
            Ok((decoder.decode()?.0, used + 2))
        }
        [VERSION, ..] => Decoder::new(bytes, 1, "byte", options).decode(),
        [other, ..] => {
            Err(bad_encoding(format!("byte 0: an encoding begins with {VERSION}, not {other}")))
        }
    }
}

/// The bytes that were compressed, and how many bytes they take compressed, with their size.
fn inflate(bytes: &[u8], options: &DecodeOptions) -> Result<(Vec<u8>, usize)> {
    let Some((size, packed)) = bytes.split_first_chunk() else {
        return Err(bad_encoding("byte 2: the size of a compressed term is cut off"));
    };
    let size = u32::from_be_bytes(*size) as usize;
    if size > options.max_inflated {
        let max = options.max_inflated;
        let message = format!("a compressed term of {size} bytes exceeds the limit of {max}");
        return Err(Error::limit(message));
    }
    let mut inflated = Vec::new();
    let mut zlib = ZlibDecoder::new(packed);
    // One byte more than there should be, so that too much shows, and the checksum is read.
    zlib.by_ref().take(size as u64 + 1).read_to_end(&mut inflated).map_err(|error| {
        if error.kind() == IoErrorKind::OutOfMemory {
            return Error::limit(format!("no memory for a compressed term of {size} bytes"));
        }
        bad_encoding(format!("byte 6: a compressed term is damaged: {error}"))
    })?;
    if inflated.len() != size {
        let found = if inflated.len() > size { "more" } else { "fewer" };
        return Err(bad_encoding(format!("byte 2: {size} bytes are promised, {found} come out")));
    }
    Ok((inflated, 4 + zlib.total_in() as usize))
}

/// Slots whose terms are still to be read.
#[derive(Clone, Copy)]
enum Frame {
    /// Slots that follow each other.
    Slots { at: u32, left: u32 },
    /// A map of `len` pairs at `at`, of whose keys and values, in turn, `done` have been read.
    Map { at: u32, len: u32, done: u32 },
}

struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What a place in `bytes` is called.
    unit: &'static str,
    options: &'a DecodeOptions,
    arena: Arena,
    stack: Vec<Frame>,
    /// Slots on the stack, each of which takes a byte at least.
    owed: usize,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], at: usize, unit: &'static str, options: &'a DecodeOptions) -> Self {
        Self { bytes, at, unit, options, arena: Arena::new(), stack: Vec::new(), owed: 0 }
    }

    fn decode(mut self) -> Result<(Term, usize)> {
        let root = self.term()?;
        while let Some(frame) = self.stack.pop() {
            match frame {
                Frame::Slots { at, left } => {
                    // Pushed only while slots are left; the last leaves nothing behind.
                    self.push_slots(at as usize + 1, left as usize - 1)?;
                    self.owed -= 1;
                    let word = self.term()?;
                    self.arena.set(at as usize, word);
                }
                Frame::Map { at, len, done } if done == 2 * len => self.close_map(at, len)?,
                Frame::Map { at, len, done } => {
                    self.push(Frame::Map { at, len, done: done + 1 })?;
                    let value = if done % 2 == 1 { len } else { 0 };
                    self.owed -= 1;
                    let word = self.term()?;
                    self.arena.set((at + done / 2 + value) as usize, word);
                }
            }
        }
        Ok((Term::from_arena(self.arena, root), self.at))
    }

    fn push_slots(&mut self, at: usize, left: usize) -> Result<()> {
        if left == 0 {
            return Ok(());
        }
        self.push(Frame::Slots { at: at as u32, left: left as u32 })
    }

    fn push(&mut self, frame: Frame) -> Result<()> {
        let depth = self.stack.len();
        if self.stack.try_reserve(1).is_err() {
            return Err(Error::limit(format!(
                "no memory for a term more than {depth} levels deep"
            )));
        }
        self.stack.push(frame);
        Ok(())
    }

    /// Sorts the pairs of a map whose terms are all there, unless they are sorted.
    fn close_map(&mut self, at: u32, len: u32) -> Result<()> {
        let (at, len) = (at as usize, len as usize);
        let keys = &self.arena.words()[at..at + len];
        let ascends = |arena: &Arena, two: [Word; 2]| {
            order::compare_exact(arena.view(two[0]), arena.view(two[1])).is_lt()
        };
        if keys.windows(2).all(|two| ascends(&self.arena, [Word(two[0]), Word(two[1])])) {
            return Ok(());
        }
        let values = &self.arena.words()[at + len..at + 2 * len];
        let pairs = keys.iter().zip(values).map(|(key, value)| (Word(*key), Word(*value)));
        let mut pairs: Vec<(Word, Word)> = pairs.collect();
        self.arena.sort_pairs(&mut pairs);
        if !pairs.windows(2).all(|two| ascends(&self.arena, [two[0].0, two[1].0])) {
            return Err(self.bad(format!("a map of {len} pairs has a key twice")));
        }
        for (place, (key, value)) in pairs.into_iter().enumerate() {
            self.arena.set(at + place, key);
            self.arena.set(at + len + place, value);
        }
        Ok(())
    }

    /// Reads the head of a term and leaves what it holds on the stack.
    fn term(&mut self) -> Result<Word> {
        let from = self.at;
        match self.u8()? {
            tag::SMALL_INTEGER => Ok(Word::from_byte(self.u8()?)),
            tag::INTEGER => {
                let value = self.array().map(i32::from_be_bytes)?;
                self.arena.int(i64::from(value))
            }
            tag::SMALL_BIG => self.small_big(),
            tag::LARGE_BIG => self.large_big(),
            tag::NEW_FLOAT => {
                let bits = self.array().map(u64::from_be_bytes)?;
                self.float(f64::from_bits(bits))
            }
            tag::FLOAT => self.float_text(),
            tag::NIL => Ok(Word::NIL),
            tag::STRING => self.string(),
            tag::LIST => self.list(),
            tag::SMALL_TUPLE => {
                let arity = self.u8()?;
                self.tuple(usize::from(arity))
            }
            tag::LARGE_TUPLE => {
                let arity = self.u32()?;
                self.tuple(arity as usize)
            }
            tag::MAP => self.map(),
            tag::BINARY => self.binary(),
            tag::BIT_BINARY => self.bits(),
            tag::NEW_PID | tag::PID => self.pid(from),
            tag::V4_PORT | tag::NEW_PORT | tag::PORT => self.port(from),
            tag::NEWER_REFERENCE | tag::NEW_REFERENCE | tag::REFERENCE => self.reference(from),
            tag::EXPORT => self.export(),
            tag::NEW_FUN => self.fun(),
            _ => {
                self.at = from;
                self.atom().map(Arena::atom)
            }
        }
    }

    fn float(&mut self, value: f64) -> Result<Word> {
        if !value.is_finite() {
            return Err(self.bad(format!("{value} is not a term: floats are finite")));
        }
        self.room(1, 0)?;
        self.arena.float(value)
    }

    /// A float of the time before R11B: as C prints it, padded with zero bytes.
    fn float_text(&mut self) -> Result<Word> {
        let field: [u8; 31] = self.array()?;
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        let text = String::from_utf8_lossy(&field[..end]);
        let value = if is_float_text(&field[..end]) { text.parse().ok() } else { None };
        match value {
            Some(value) => self.float(value),
            None => Err(self.bad(format!("`{}` is not a float", text.escape_default()))),
        }
    }

    fn small_big(&mut self) -> Result<Word> {
        let len = self.u8()?;
        self.big(usize::from(len))
    }

    fn large_big(&mut self) -> Result<Word> {
        let len = self.u32()?;
        self.big(len as usize)
    }

    fn big(&mut self, len: usize) -> Result<Word> {
        // OTP takes any sign but zero for a minus.
        let negative = self.u8()? != 0;
        let bytes = self.take(len, "an integer")?;
        self.room(len.div_ceil(8), 0)?;
        let words = bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        let words: SmallVec<[u64; 8]> = words.collect();
        self.arena.big_words(negative, &words)
    }

    /// A list of bytes.
    fn string(&mut self) -> Result<Word> {
        let len = self.u16()?;
        let bytes = self.take(usize::from(len), "a list of small integers")?;
        self.room(bytes.len() + 1, 0)?;
        let list = self.arena.open_list(bytes.len())?;
        for (place, byte) in bytes.iter().enumerate() {
            self.arena.set(list.offset() + place, Word::from_byte(*byte));
        }
        Ok(list)
    }

    fn list(&mut self) -> Result<Word> {
        let mut len = self.u32()? as usize;
        while len == 0 {
            // No elements, so it is its tail, which may be another one of these.
            if self.bytes.get(self.at) != Some(&tag::LIST) {
                return self.term();
            }
            self.at += 1;
            len = self.u32()? as usize;
        }
        let terms = len.saturating_add(1);
        self.room(terms, terms)?;
        let list = self.arena.open_list(len)?;
        self.push_slots(list.offset(), len + 1)?;
        Ok(list)
    }

    fn tuple(&mut self, arity: usize) -> Result<Word> {
        self.room(arity, arity)?;
        let tuple = self.arena.open_tuple(arity)?;
        self.push_slots(tuple.offset(), arity)?;
        Ok(tuple)
    }

    fn map(&mut self) -> Result<Word> {
        let len = self.u32()?;
        let terms = (len as usize).saturating_mul(2);
        self.room(terms, terms)?;
        let map = self.arena.open_map(len as usize)?;
        if len > 0 {
            self.push(Frame::Map { at: map.offset() as u32, len, done: 0 })?;
        }
        Ok(map)
    }

    fn binary(&mut self) -> Result<Word> {
        let len = self.u32()?;
        let bytes = self.take(len as usize, "a binary")?;
        self.room(bytes.len().div_ceil(8), 0)?;
        self.arena.binary(bytes)
    }

    fn bits(&mut self) -> Result<Word> {
        let len = self.u32()? as usize;
        let last = self.u8()?;
        if len == 0 || last == 0 || last > 8 {
            return Err(self.bad(format!("{last} bits in the last of {len} bytes")));
        }
        let bytes = self.take(len, "a bitstring")?;
        self.room(len.div_ceil(8), 0)?;
        self.arena.bits(bytes, len * 8 - 8 + usize::from(last))
    }

    fn atom(&mut self) -> Result<Atom> {
        let from = self.at;
        let (len, utf8) = match self.u8()? {
            tag::SMALL_ATOM_UTF8 => (usize::from(self.u8()?), true),
            tag::ATOM_UTF8 => (usize::from(self.u16()?), true),
            tag::SMALL_ATOM => (usize::from(self.u8()?), false),
            tag::ATOM => (usize::from(self.u16()?), false),
            other => return Err(self.unexpected(from, other)),
        };
        let bytes = self.take(len, "an atom's name")?;
        if utf8 {
            let Ok(name) = std::str::from_utf8(bytes) else {
                return Err(self.bad("an atom's name is not UTF-8"));
            };
            return self.named(name);
        }
        let name: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        self.named(&name)
    }

    fn named(&mut self, name: &str) -> Result<Atom> {
        if let Some(atom) = Atom::existing(name) {
            return Ok(atom);
        }
        if name.chars().nth(Atom::MAX_CHARS).is_some() {
            return Err(self.bad("an atom has more than 255 characters"));
        }
        if self.options.existing_atoms_only {
            return Err(self.bad(format!("`{name}` is not an atom yet")));
        }
        Atom::new(name)
    }

    fn pid(&mut self, from: usize) -> Result<Word> {
        self.at = from;
        let pid = self.bare_pid()?;
        self.room(2, 0)?;
        self.arena.payload(Tag::Pid, 0, &pid.pack())
    }

    fn bare_pid(&mut self) -> Result<Pid> {
        let from = self.at;
        let kind = self.u8()?;
        if !matches!(kind, tag::NEW_PID | tag::PID) {
            return Err(self.unexpected(from, kind));
        }
        let node = self.atom()?;
        let (id, serial) = (self.u32()?, self.u32()?);
        let creation = if kind == tag::PID { self.old_creation()? } else { self.u32()? };
        Ok(Pid { node, id, serial, creation })
    }

    fn port(&mut self, from: usize) -> Result<Word> {
        let kind = self.bytes[from];
        let node = self.atom()?;
        let id = if kind == tag::V4_PORT {
            self.array().map(u64::from_be_bytes)?
        } else {
            u64::from(self.u32()?)
        };
        let creation = if kind == tag::PORT { self.old_creation()? } else { self.u32()? };
        self.room(2, 0)?;
        self.arena.payload(Tag::Port, 0, &Port { node, id, creation }.pack())
    }

    fn reference(&mut self, from: usize) -> Result<Word> {
        let kind = self.bytes[from];
        let count = if kind == tag::REFERENCE { 1 } else { self.u16()? };
        if !(1..=5).contains(&count) {
            return Err(self.bad(format!("a reference has one to five numbers, not {count}")));
        }
        let node = self.atom()?;
        let mut ids = SmallVec::<[u32; 5]>::new();
        let mut creation = 0;
        match kind {
            tag::NEWER_REFERENCE => creation = self.u32()?,
            tag::NEW_REFERENCE => creation = self.old_creation()?,
            _ => {}
        }
        for _ in 0..count {
            ids.push(self.u32()?);
        }
        if kind == tag::REFERENCE {
            creation = self.old_creation()?;
        }
        if kind != tag::NEWER_REFERENCE && ids[0] >= 1 << 18 {
            return Err(self.bad(format!("{} is more than an old reference's 18 bits", ids[0])));
        }
        self.room(4, 0)?;
        let words = ReferenceRef::pack(node, creation, &ids);
        self.arena.payload(Tag::Reference, ids.len(), &words)
    }

    /// The creation of the encodings that have two bits for it.
    fn old_creation(&mut self) -> Result<u32> {
        match self.u8()? {
            creation @ 0..=3 => Ok(u32::from(creation)),
            more => Err(self.bad(format!("{more} is more than an old creation's two bits"))),
        }
    }

    fn export(&mut self) -> Result<Word> {
        let (module, function) = (self.atom()?, self.atom()?);
        let arity = self.bare_integer()?;
        let Ok(arity) = u8::try_from(arity) else {
            return Err(self.bad(format!("a function has no {arity} arguments")));
        };
        self.room(3, 0)?;
        self.arena.export(module, function, arity)
    }

    fn fun(&mut self) -> Result<Word> {
        // The size, which OTP does not look at either: everything in it says its own.
        self.u32()?;
        let arity = self.u8()?;
        let uniq = [self.array().map(u64::from_be_bytes)?, self.array().map(u64::from_be_bytes)?];
        let index = self.u32()?;
        let environment = self.u32()? as usize;
        let module = self.atom()?;
        // OTP keeps the low 32 bits of these.
        let (old_index, old_uniq) = (self.bare_integer()? as u32, self.bare_integer()? as u32);
        let pid = self.bare_pid()?;
        let words = environment.saturating_add(FUN_RAW_WORDS + FUN_TERM_WORDS + 2);
        self.room(words, environment)?;
        let pid = self.arena.payload(Tag::Pid, 0, &pid.pack())?;
        let head = FunHead { arity, index, old_index, old_uniq, uniq };
        let fun = self.arena.open_fun(head, module, pid, environment)?;
        self.push_slots(fun.offset() + FUN_RAW_WORDS + FUN_TERM_WORDS, environment)?;
        Ok(fun)
    }

    /// An integer that is part of another term and has to be a small one.
    fn bare_integer(&mut self) -> Result<i64> {
        let from = self.at;
        let word = match self.u8()? {
            tag::SMALL_INTEGER => return Ok(i64::from(self.u8()?)),
            tag::INTEGER => return Ok(i64::from(self.array().map(i32::from_be_bytes)?)),
            tag::SMALL_BIG => self.small_big()?,
            other => return Err(self.unexpected(from, other)),
        };
        if word.tag() == Tag::Int {
            return Ok(word.as_int());
        }
        Err(self.bad("an integer of more than 60 bits where a small one has to be"))
    }

    /// Checks that `words` more words are allowed, and that a byte is left for each of `terms` that
    /// are to follow and of those that are owed already, before room for them is made.
    fn room(&mut self, words: usize, terms: usize) -> Result<()> {
        let left = self.bytes.len() - self.at;
        if terms > left.saturating_sub(self.owed) {
            let owed =
                if self.owed > 0 { format!(" and {} before", self.owed) } else { String::new() };
            return Err(self.bad(format!("{terms} terms{owed}, but {left} bytes are left")));
        }
        self.owed += terms;
        let max = self.options.max_words;
        if words > max.saturating_sub(self.arena.words().len()) {
            let place = self.place();
            let message = format!("{place}: the term exceeds the limit of {max} words");
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        Ok(())
    }

    fn take(&mut self, len: usize, what: &str) -> Result<&'a [u8]> {
        match self.bytes[self.at..].split_at_checked(len) {
            Some((bytes, _)) => {
                self.at += len;
                Ok(bytes)
            }
            None => {
                let left = self.bytes.len() - self.at;
                Err(self.bad(format!("{what} of {len} bytes, but {left} are left")))
            }
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.bytes[self.at..].first_chunk() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(self.bad("the encoding ends within a term")),
        }
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn place(&self) -> String {
        format!("{} {}", self.unit, self.at)
    }

    #[cold]
    fn bad(&self, what: impl AsRef<str>) -> Error {
        bad_encoding(format!("{}: {}", self.place(), what.as_ref()))
    }

    /// A tag that has no place here or nowhere.
    #[cold]
    fn unexpected(&mut self, from: usize, found: u8) -> Error {
        self.at = from;
        self.bad(match found {
            tag::ATOM_CACHE_REF => {
                "a reference to an atom cache means nothing outside of its connection".to_owned()
            }
            tag::FUN => "the encoding of funs that OTP 23 removed".to_owned(),
            tag::LOCAL => {
                "a term in a runtime's local encoding can be read by that runtime only".to_owned()
            }
            tag::COMPRESSED => "only a whole term can be compressed".to_owned(),
            _ => format!("tag {found} has no meaning here"),
        })
    }
}

/// `digits . digits`, with or without a sign and an exponent.
fn is_float_text(text: &[u8]) -> bool {
    let signless =
        |text: &[u8]| -> usize { usize::from(matches!(text.first(), Some(b'+' | b'-'))) };
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = &text[signless(text)..];
    let exponent = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (number, exponent) = match exponent {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &b"0"[..]),
    };
    let Some(point) = number.iter().position(|byte| *byte == b'.') else { return false };
    let exponent = &exponent[signless(exponent)..];
    digits(&number[..point]) && digits(&number[point + 1..]) && digits(exponent)
}
