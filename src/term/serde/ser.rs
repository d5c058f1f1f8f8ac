//! Values out of Rust types, into an arena.

use serde::ser::{self, Serialize};
use smallvec::SmallVec;

use super::{ATOM, MAX_DEPTH, Structs, TERM, ToTermOptions, deeper};
use crate::error::{Error, Result};
use crate::term::word::Word;
use crate::term::{Arena, Atom, Term, ToTerm};

/// Writes one value into an arena.
pub(super) struct Serializer<'s> {
    arena: &'s mut Arena,
    options: ToTermOptions,
    depth_left: usize,
    disguise: Disguise,
}

/// What bytes or text stand for, right inside a newtype struct of a name that is ours.
#[derive(Clone, Copy)]
enum Disguise {
    /// For themselves.
    None,
    /// Bytes for the term that they encode.
    Term,
    /// Text for the atom of that name.
    Atom,
}

impl<'s> Serializer<'s> {
    pub(super) fn new(arena: &'s mut Arena, options: ToTermOptions) -> Self {
        Self { arena, options, depth_left: MAX_DEPTH, disguise: Disguise::None }
    }

    /// For a value inside of this one.
    fn inner(&mut self) -> Result<Serializer<'_>> {
        let (options, depth_left) = (self.options, deeper(self.depth_left)?);
        Ok(Serializer { arena: self.arena, options, depth_left, disguise: Disguise::None })
    }

    fn put(self, value: impl ToTerm) -> Result<Word> {
        value.put(self.arena)
    }

    fn compound(self, shape: Shape, len: Option<usize>) -> Compound<'s> {
        // Lengths are hints from outside: they make room, but not much.
        let words = SmallVec::with_capacity(len.unwrap_or(0).min(1 << 10));
        Compound { serializer: self, shape, words }
    }

    fn tagged(self, name: &str, len: usize) -> Result<Compound<'s>> {
        let mut tuple = self.compound(Shape::Tuple, Some(len + 1));
        tuple.words.push(Arena::atom(Atom::new(name)?));
        Ok(tuple)
    }
}

/// What the words of a value become at its end.
enum Shape {
    List,
    Tuple,
    Map,
    /// `{variant, #{}}`.
    Variant(Atom),
}

/// A value that holds others, and the words of those so far; keys and values alternate.
pub(super) struct Compound<'s> {
    serializer: Serializer<'s>,
    shape: Shape,
    words: SmallVec<[Word; 8]>,
}

impl Compound<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let word = value.serialize(self.serializer.inner()?)?;
        self.words.push(word);
        Ok(())
    }

    /// A field: its name, too, where fields have names.
    fn add_field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        if !matches!(self.shape, Shape::Tuple) {
            self.words.push(Arena::atom(Atom::new(name)?));
        }
        self.add(value)
    }

    fn skip(&mut self) {
        if matches!(self.shape, Shape::Tuple) {
            self.words.push(Arena::atom(Atom::UNDEFINED));
        }
    }

    fn finish(self) -> Result<Word> {
        let arena = self.serializer.arena;
        let pairs = || self.words.chunks_exact(2).map(|two| (two[0], two[1])).collect();
        match self.shape {
            Shape::List => arena.list(&self.words, Word::NIL),
            Shape::Tuple => arena.tuple(&self.words),
            Shape::Map => arena.map(&mut pairs()),
            Shape::Variant(name) => {
                let map = arena.map(&mut pairs())?;
                arena.tuple(&[Arena::atom(name), map])
            }
        }
    }
}

macro_rules! plain {
    ($($method:ident $type:ty;)*) => {$(
        fn $method(self, value: $type) -> Result<Word> {
            self.put(value)
        }
    )*};
}

impl<'s> ser::Serializer for Serializer<'s> {
    type Ok = Word;
    type Error = Error;
    type SerializeSeq = Compound<'s>;
    type SerializeTuple = Compound<'s>;
    type SerializeTupleStruct = Compound<'s>;
    type SerializeTupleVariant = Compound<'s>;
    type SerializeMap = Compound<'s>;
    type SerializeStruct = Compound<'s>;
    type SerializeStructVariant = Compound<'s>;

    plain! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
        serialize_f32 f32;
        serialize_f64 f64;
    }

    fn serialize_str(self, value: &str) -> Result<Word> {
        match self.disguise {
            Disguise::Atom => self.put(Atom::new(value)?),
            Disguise::Term | Disguise::None => self.put(value),
        }
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Word> {
        match self.disguise {
            Disguise::Term => self.put(Term::decode(value)?),
            Disguise::Atom | Disguise::None => self.put(value),
        }
    }

    fn serialize_char(self, value: char) -> Result<Word> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_none(self) -> Result<Word> {
        self.put(Atom::UNDEFINED)
    }

    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Word> {
        value.serialize(self.inner()?)
    }

    fn serialize_unit(self) -> Result<Word> {
        self.put(Atom::UNDEFINED)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Word> {
        self.put(Atom::UNDEFINED)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Word> {
        self.put(Atom::new(variant)?)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Result<Word> {
        let mut inner = self.inner()?;
        inner.disguise = match name {
            TERM => Disguise::Term,
            ATOM => Disguise::Atom,
            _ => Disguise::None,
        };
        value.serialize(inner)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Word> {
        let mut tuple = self.tagged(variant, 1)?;
        tuple.add(value)?;
        tuple.finish()
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'s>> {
        Ok(self.compound(Shape::List, len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Compound<'s>> {
        Ok(self.compound(Shape::Tuple, Some(len)))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Compound<'s>> {
        Ok(self.compound(Shape::Tuple, Some(len)))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'s>> {
        self.tagged(variant, len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'s>> {
        Ok(self.compound(Shape::Map, len.map(|len| len.saturating_mul(2))))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Compound<'s>> {
        match self.options.structs {
            Structs::Map => Ok(self.compound(Shape::Map, Some(len * 2))),
            Structs::Record => self.tagged(name, len),
            Structs::Tuple => Ok(self.compound(Shape::Tuple, Some(len))),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'s>> {
        Ok(self.compound(Shape::Variant(Atom::new(variant)?), Some(len * 2)))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The traits of compounds that differ in the name of a method only.
macro_rules! elements {
    ($($trait:ident $method:ident;)*) => {$(
        impl ser::$trait for Compound<'_> {
            type Ok = Word;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.add(value)
            }

            fn end(self) -> Result<Word> {
                self.finish()
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = Word;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.add(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.add(value)
    }

    fn end(self) -> Result<Word> {
        self.finish()
    }
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl ser::$trait for Compound<'_> {
            type Ok = Word;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<()> {
                self.add_field(name, value)
            }

            fn skip_field(&mut self, _: &'static str) -> Result<()> {
                self.skip();
                Ok(())
            }

            fn end(self) -> Result<Word> {
                self.finish()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }
