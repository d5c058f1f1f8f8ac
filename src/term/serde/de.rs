//! Values into Rust types, out of a borrowed term.

use serde::de::value::{BorrowedStrDeserializer, BytesDeserializer, SeqDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{ATOM, MAX_DEPTH, TERM, conversion, deeper};
use crate::error::{Error, ErrorKind, Result};
use crate::term::display::brief;
use crate::term::{Atom, BigRef, Elements, MapRef, TermRef, TupleRef, View};

/// Shows a term to a visitor.
#[derive(Clone, Copy)]
pub(super) struct Deserializer<'de> {
    term: TermRef<'de>,
    depth_left: usize,
}

impl<'de> Deserializer<'de> {
    pub(super) fn new(term: TermRef<'de>) -> Self {
        Self { term, depth_left: MAX_DEPTH }
    }

    /// For a term inside of this one.
    fn inner(self, term: TermRef<'de>) -> Result<Self> {
        Ok(Self { term, depth_left: deeper(self.depth_left)? })
    }

    fn elements(self, elements: Elements<'de>, len: usize) -> Result<ElementAccess<'de>> {
        let parent = self.inner(self.term)?;
        Ok(ElementAccess { parent, elements, done: 0, len })
    }

    fn sequence<V: Visitor<'de>>(
        self,
        elements: Elements<'de>,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        let mut access = self.elements(elements, len)?;
        let value = visitor.visit_seq(&mut access)?;
        if access.done < access.len {
            let (done, term) = (access.done, brief(self.term));
            return Err(conversion(format!("`{term}` has {len} elements, not {done}")));
        }
        Ok(value)
    }

    fn tuple<V: Visitor<'de>>(
        self,
        tuple: TupleRef<'de>,
        skip: usize,
        visitor: V,
    ) -> Result<V::Value> {
        let mut elements = tuple.elements();
        let len = tuple.len() - elements.by_ref().take(skip).count();
        self.sequence(elements, len, visitor)
    }

    fn map<V: Visitor<'de>>(self, map: MapRef<'de>, visitor: V) -> Result<V::Value> {
        let parent = self.inner(self.term)?;
        let (keys, values) = (map.keys(), map.values());
        visitor.visit_map(PairAccess { parent, keys, values, key: None, left: map.len() })
    }

    /// A sequence where bytes may stand for their numbers.
    fn sequence_or_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.term.as_bytes() {
            Some(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            None => self.deserialize_any(visitor),
        }
    }

    fn big<V: Visitor<'de>>(self, big: BigRef<'de>, visitor: V) -> Result<V::Value> {
        let value = big.to_bigint();
        if let Ok(value) = u64::try_from(&value) {
            return visitor.visit_u64(value);
        }
        if let Ok(value) = i128::try_from(&value) {
            return visitor.visit_i128(value);
        }
        match u128::try_from(&value) {
            Ok(value) => visitor.visit_u128(value),
            Err(_) => Err(conversion(format!("{} takes more than 128 bits", brief(self.term)))),
        }
    }
}

/// The name that an atom or a binary is, as that of a field or of a variant.
fn name_of(term: TermRef<'_>) -> Option<&str> {
    term.as_atom().map(Atom::name).or_else(|| term.as_str())
}

impl<'de> de::Deserializer<'de> for Deserializer<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.term.view() {
            View::Int(value) => visitor.visit_i64(value),
            View::Big(big) => self.big(big, visitor),
            View::Float(value) => visitor.visit_f64(value),
            View::Atom(Atom::TRUE) => visitor.visit_bool(true),
            View::Atom(Atom::FALSE) => visitor.visit_bool(false),
            View::Atom(Atom::UNDEFINED) => visitor.visit_unit(),
            View::Atom(atom) => visitor.visit_borrowed_str(atom.name()),
            View::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(bytes),
            },
            View::Nil => self.sequence(Elements::empty(), 0, visitor),
            View::List(list) if list.is_proper() => {
                self.sequence(list.elements(), list.len(), visitor)
            }
            View::Tuple(tuple) => self.tuple(tuple, 0, visitor),
            View::Map(map) => self.map(map, visitor),
            _ => Err(conversion(format!("`{}` has no counterpart in serde", brief(self.term)))),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.term.as_bytes() {
            Some(bytes) => visitor.visit_borrowed_bytes(bytes),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.term.as_atom() {
            Some(Atom::UNDEFINED) => visitor.visit_none(),
            _ => visitor.visit_some(self.inner(self.term)?),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match (name, self.term.as_atom()) {
            (TERM, _) => {
                let encoding = self.term.encode()?;
                visitor.visit_newtype_struct(BytesDeserializer::new(&encoding))
            }
            (ATOM, Some(atom)) => {
                visitor.visit_newtype_struct(BorrowedStrDeserializer::new(atom.name()))
            }
            (ATOM, None) => Err(conversion(format!("`{}` is not an atom", brief(self.term)))),
            _ => visitor.visit_newtype_struct(self.inner(self.term)?),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.sequence_or_bytes(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.sequence_or_bytes(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.sequence_or_bytes(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let Some(tuple) = self.term.as_tuple() else { return self.deserialize_any(visitor) };
        let tagged = tuple.get(0).and_then(TermRef::as_atom).is_some_and(|tag| tag.name() == name);
        if tagged && tuple.len() == fields.len() + 1 {
            return self.tuple(tuple, 1, visitor);
        }
        if tuple.len() == fields.len() {
            return self.tuple(tuple, 0, visitor);
        }
        let (term, fields) = (brief(self.term), fields.len());
        Err(conversion(format!("`{term}` is not a record `{name}` of {fields} fields")))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let tuple = self.term.as_tuple();
        let tag = tuple.map_or(Some(self.term), |tuple| tuple.get(0));
        let Some(variant) = tag.and_then(name_of) else {
            let term = brief(self.term);
            return Err(conversion(format!("`{term}` is not a variant of `{name}`")));
        };
        visitor.visit_enum(EnumAccess { parent: self.inner(self.term)?, variant, tuple })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match name_of(self.term) {
            Some(name) => visitor.visit_borrowed_str(name),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit unit_struct map
    }
}

/// Says in the error where in a term it arose, unless it is about the whole.
fn within(place: &str, error: Error) -> Error {
    match error.kind() {
        ErrorKind::LimitExceeded => error,
        kind => Error::new(kind, format!("{place}: {error}")),
    }
}

/// The elements of a list or a tuple.
struct ElementAccess<'de> {
    /// One level below the list or tuple.
    parent: Deserializer<'de>,
    elements: Elements<'de>,
    done: usize,
    len: usize,
}

impl<'de> SeqAccess<'de> for ElementAccess<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(term) = self.elements.next() else { return Ok(None) };
        self.done += 1;
        let value = seed.deserialize(Deserializer { term, ..self.parent });
        value.map(Some).map_err(|error| within(&format!("element {}", self.done), error))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.done)
    }
}

/// The pairs of a map.
struct PairAccess<'de> {
    /// One level below the map.
    parent: Deserializer<'de>,
    keys: Elements<'de>,
    values: Elements<'de>,
    key: Option<TermRef<'de>>,
    left: usize,
}

impl<'de> MapAccess<'de> for PairAccess<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some(term) = self.keys.next() else { return Ok(None) };
        self.key = Some(term);
        self.left -= 1;
        let key = seed.deserialize(Deserializer { term, ..self.parent });
        key.map(Some).map_err(|error| within(&format!("key `{}`", brief(term)), error))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let (Some(term), Some(key)) = (self.values.next(), self.key.take()) else {
            return Err(conversion("a value was asked for before its key"));
        };
        let value = seed.deserialize(Deserializer { term, ..self.parent });
        value.map_err(|error| within(&format!("value of `{}`", brief(key)), error))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant: an atom, or a tuple that begins with one.
struct EnumAccess<'de> {
    /// One level below the variant.
    parent: Deserializer<'de>,
    variant: &'de str,
    tuple: Option<TupleRef<'de>>,
}

impl<'de> de::EnumAccess<'de> for EnumAccess<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let name: BorrowedStrDeserializer<'de, Error> = BorrowedStrDeserializer::new(self.variant);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> EnumAccess<'de> {
    fn wrong(&self, wanted: &str) -> Error {
        conversion(format!("`{}` is not {wanted}", brief(self.parent.term)))
    }

    /// The tuple, if it holds `len` values behind the name.
    fn values(&self, len: usize) -> Option<TupleRef<'de>> {
        self.tuple.filter(|tuple| tuple.len() == len + 1)
    }

    fn only_value(&self) -> Option<TermRef<'de>> {
        self.values(1)?.get(1)
    }
}

impl<'de> VariantAccess<'de> for EnumAccess<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        match self.tuple {
            None => Ok(()),
            Some(_) => Err(self.wrong("a variant without values")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        let Some(term) = self.only_value() else {
            return Err(self.wrong("a variant with one value"));
        };
        let value = seed.deserialize(Deserializer { term, ..self.parent });
        value.map_err(|error| within(&format!("variant `{}`", self.variant), error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        match self.values(len) {
            Some(tuple) => self.parent.tuple(tuple, 1, visitor),
            None => Err(self.wrong(&format!("a variant with {len} values"))),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if let Some(map) = self.only_value().and_then(TermRef::as_map) {
            return self.parent.map(map, visitor);
        }
        match self.values(fields.len()) {
            Some(tuple) => self.parent.tuple(tuple, 1, visitor),
            None => Err(self.wrong(&format!("a variant with {} fields", fields.len()))),
        }
    }
}
