//! Writing: a walk over the term, first part first, with what is left on an explicit stack.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use smallvec::SmallVec;

use super::super::{Atom, Export, FunRef, ListRef, Pid, Port, ReferenceRef, TermRef, View, Word};
use super::super::{Tag, order, view};
use super::{VERSION, tag};
use crate::error::{Error, Result};

pub(super) fn encode_into(term: TermRef<'_>, out: &mut Vec<u8>) -> Result<()> {
    let before = out.len();
    let result = Encoder { out, stack: SmallVec::new() }.encode(term);
    if result.is_err() {
        out.truncate(before);
    }
    result
}

pub(super) fn encode_compressed(term: TermRef<'_>, level: u8) -> Result<Vec<u8>> {
    if level > 9 {
        let message = format!("{level} is not a level of compression: these go from 0 to 9");
        return Err(Error::bad_argument(message));
    }
    let plain = term.encode()?;
    let body = &plain[1..];
    if level == 0 {
        return Ok(plain);
    }
    let Ok(size) = u32::try_from(body.len()) else {
        let message = format!("a term of {} bytes is too long to compress", body.len());
        return Err(Error::limit(message));
    };
    let mut packed = vec![VERSION, tag::COMPRESSED];
    packed.extend(size.to_be_bytes());
    let mut zlib = ZlibEncoder::new(packed, Compression::new(u32::from(level)));
    let packed = zlib.write_all(body).and_then(|()| zlib.finish());
    let packed = packed.map_err(|error| Error::limit(format!("cannot compress: {error}")))?;
    Ok(if packed.len() < plain.len() { packed } else { plain })
}

/// What is left to write.
enum Todo {
    /// Words that follow each other in the heap.
    Run { at: usize, count: usize },
    /// Of a map whose `count` keys begin at `at`: from the pair `done` on.
    Pairs { at: usize, count: usize, done: usize },
    /// What follows a piece of a list.
    Rest(Word),
    /// The size of a fun, at this place of the output: up to here.
    FunSize(usize),
}

struct Encoder<'o> {
    out: &'o mut Vec<u8>,
    stack: SmallVec<[Todo; 8]>,
}

impl Encoder<'_> {
    fn encode(&mut self, term: TermRef<'_>) -> Result<()> {
        self.put(&[VERSION])?;
        self.term(term)?;
        while let Some(todo) = self.stack.pop() {
            match todo {
                Todo::Run { at, count } => self.run(term, at, count)?,
                Todo::Pairs { at, count, done } => {
                    let words = term.heap();
                    self.push_pairs(at, count, done + 1);
                    self.stack.push(Todo::Run { at: at + count + done, count: 1 });
                    self.term(term.sibling(Word(words[at + done])))?;
                }
                Todo::Rest(word) if word.tag() == Tag::List => self.push_piece(term, word),
                Todo::Rest(word) => self.term(term.sibling(word))?,
                Todo::FunSize(at) => {
                    let size = self.length("fun's size", self.out.len() - at)?;
                    self.out[at..at + 4].copy_from_slice(&size.to_be_bytes());
                }
            }
        }
        Ok(())
    }

    /// Writes words up to the first that holds others; these come before the rest of the run.
    fn run(&mut self, heap: TermRef<'_>, at: usize, count: usize) -> Result<()> {
        for (done, raw) in (1..).zip(&heap.heap()[at..at + count]) {
            let word = Word(*raw);
            if order::is_compound(word.tag()) {
                self.push_run(at + done, count - done);
                return self.term(heap.sibling(word));
            }
            self.term(heap.sibling(word))?;
        }
        Ok(())
    }

    /// Writes a term but for the terms in it, which are left to do.
    fn term(&mut self, term: TermRef<'_>) -> Result<()> {
        let (word, view) = (term.word(), term.view());
        match view {
            View::Int(value) => self.integer(value),
            View::Big(big) => self.big(big.is_negative(), big.magnitude()),
            View::Float(value) => self.parts(tag::NEW_FLOAT, &[&value.to_bits().to_be_bytes()]),
            View::Atom(atom) => self.atom(atom),
            View::Reference(reference) => self.reference(reference),
            View::Fun(fun) => self.fun(fun, word),
            View::Export(export) => self.export(export),
            View::Port(port) => self.port(port),
            View::Pid(pid) => self.pid(pid),
            View::Nil => self.put(&[tag::NIL]),
            View::Binary(bytes) => {
                let len = self.length("binary's size", bytes.len())?;
                self.parts(tag::BINARY, &[&len.to_be_bytes(), bytes])
            }
            View::Bits(bits) => {
                let len = self.length("bitstring's size", bits.bytes().len())?;
                let last = [(bits.bit_len() % 8) as u8];
                self.parts(tag::BIT_BINARY, &[&len.to_be_bytes(), &last, bits.bytes()])
            }
            View::Tuple(tuple) => {
                self.push_run(word.offset(), tuple.len());
                match u8::try_from(tuple.len()) {
                    Ok(len) => self.put(&[tag::SMALL_TUPLE, len]),
                    Err(_) => self.counted(tag::LARGE_TUPLE, tuple.len()),
                }
            }
            View::Map(map) => {
                self.push_pairs(word.offset(), map.len(), 0);
                self.counted(tag::MAP, map.len())
            }
            View::List(list) => self.list(list, term),
        }
    }

    fn list(&mut self, list: ListRef<'_>, term: TermRef<'_>) -> Result<()> {
        let len = list.len();
        let byte = |element: TermRef<'_>| element.as_i64().and_then(|int| u8::try_from(int).ok());
        if let (Ok(short), true) = (u16::try_from(len), list.is_proper()) {
            // Stops at the first element that is no byte.
            if list.elements().all(|element| byte(element).is_some()) {
                let bytes: Vec<u8> = list.elements().filter_map(byte).collect();
                return self.parts(tag::STRING, &[&short.to_be_bytes(), &bytes]);
            }
        }
        self.push_piece(term, term.word());
        self.counted(tag::LIST, len)
    }

    fn integer(&mut self, value: i64) -> Result<()> {
        if let Ok(byte) = u8::try_from(value) {
            return self.put(&[tag::SMALL_INTEGER, byte]);
        }
        match i32::try_from(value) {
            Ok(value) => self.parts(tag::INTEGER, &[&value.to_be_bytes()]),
            Err(_) => self.big(value < 0, &[value.unsigned_abs()]),
        }
    }

    fn big(&mut self, negative: bool, magnitude: &[u64]) -> Result<()> {
        let top = magnitude.last().map_or(0, |word| word.leading_zeros() as usize / 8);
        let len = magnitude.len() * 8 - top;
        let sign = u8::from(negative);
        match u8::try_from(len) {
            Ok(len) => self.put(&[tag::SMALL_BIG, len, sign])?,
            Err(_) => {
                self.counted(tag::LARGE_BIG, len)?;
                self.put(&[sign])?;
            }
        }
        let end = self.out.len() + len;
        for word in magnitude {
            self.put(&word.to_le_bytes())?;
        }
        self.out.truncate(end);
        Ok(())
    }

    fn atom(&mut self, atom: Atom) -> Result<()> {
        let name = atom.name().as_bytes();
        match u8::try_from(name.len()) {
            Ok(len) => self.parts(tag::SMALL_ATOM_UTF8, &[&[len], name]),
            Err(_) => {
                let len = u16::try_from(name.len()).expect("255 characters take 1020 bytes");
                self.parts(tag::ATOM_UTF8, &[&len.to_be_bytes(), name])
            }
        }
    }

    fn reference(&mut self, reference: ReferenceRef<'_>) -> Result<()> {
        let len = u16::try_from(reference.ids().len()).expect("at most five numbers");
        self.parts(tag::NEWER_REFERENCE, &[&len.to_be_bytes()])?;
        self.atom(reference.node())?;
        self.put(&reference.creation().to_be_bytes())?;
        reference.ids().try_for_each(|id| self.put(&id.to_be_bytes()))
    }

    fn pid(&mut self, pid: Pid) -> Result<()> {
        self.put(&[tag::NEW_PID])?;
        self.atom(pid.node)?;
        [pid.id, pid.serial, pid.creation].iter().try_for_each(|part| self.put(&part.to_be_bytes()))
    }

    fn port(&mut self, port: Port) -> Result<()> {
        self.put(&[tag::V4_PORT])?;
        self.atom(port.node)?;
        self.put(&port.id.to_be_bytes())?;
        self.put(&port.creation.to_be_bytes())
    }

    fn export(&mut self, export: Export) -> Result<()> {
        self.put(&[tag::EXPORT])?;
        self.atom(export.module)?;
        self.atom(export.function)?;
        self.integer(i64::from(export.arity))
    }

    fn fun(&mut self, fun: FunRef<'_>, word: Word) -> Result<()> {
        let environment = word.offset() + view::FUN_RAW_WORDS + view::FUN_TERM_WORDS;
        let (old_index, old_uniq) = fun.old_index_and_uniq();
        self.put(&[tag::NEW_FUN])?;
        self.stack.push(Todo::FunSize(self.out.len()));
        self.push_run(environment, word.len());
        self.put(&[0; 4])?;
        self.put(&[fun.arity()])?;
        fun.uniq().iter().try_for_each(|half| self.put(&half.to_be_bytes()))?;
        self.put(&fun.index().to_be_bytes())?;
        let count = self.length("fun's environment", word.len())?;
        self.put(&count.to_be_bytes())?;
        self.atom(fun.module())?;
        // OTP keeps both as signed numbers of 32 bits.
        self.integer(i64::from(old_index as i32))?;
        self.integer(i64::from(old_uniq as i32))?;
        self.term(fun.pid())
    }

    fn push_run(&mut self, at: usize, count: usize) {
        if count > 0 {
            self.stack.push(Todo::Run { at, count });
        }
    }

    fn push_pairs(&mut self, at: usize, count: usize, done: usize) {
        if done < count {
            self.stack.push(Todo::Pairs { at, count, done });
        }
    }

    fn push_piece(&mut self, heap: TermRef<'_>, piece: Word) {
        let (at, len) = (piece.offset(), piece.len());
        self.stack.push(Todo::Rest(Word(heap.heap()[at + len])));
        self.push_run(at, len);
    }

    /// A length that the format has 32 bits for.
    fn length(&self, what: &str, len: usize) -> Result<u32> {
        u32::try_from(len).map_err(|_| {
            Error::limit(format!("a {what} of {len} exceeds the 32 bits that the format has"))
        })
    }

    fn counted(&mut self, tag: u8, len: usize) -> Result<()> {
        let len = self.length("term's size", len)?;
        self.parts(tag, &[&len.to_be_bytes()])
    }

    fn parts(&mut self, tag: u8, parts: &[&[u8]]) -> Result<()> {
        self.put(&[tag])?;
        parts.iter().try_for_each(|part| self.put(part))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if self.out.try_reserve(bytes.len()).is_err() {
            let len = self.out.len();
            return Err(Error::limit(format!(
                "no memory for an encoding of more than {len} bytes"
            )));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}
