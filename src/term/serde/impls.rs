//! Terms and atoms as serde values, in this format and in others.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{self, Serialize, Serializer};

use super::{ATOM, TERM};
use crate::term::{Atom, Object, Term, TermRef};

/// Bytes as serde means them, not as a sequence of numbers.
struct Bytes<'b>(&'b [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Serialize for TermRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let encode = || self.encode().map_err(ser::Error::custom);
        if !serializer.is_human_readable() {
            return serializer.serialize_newtype_struct(TERM, &Bytes(&encode()?));
        }
        let text = self.to_string();
        // The text of a fun does not tell all of it. If it is another's text, bytes are right, too.
        if text.contains("#Fun<") {
            serializer.serialize_bytes(&encode()?)
        } else {
            serializer.serialize_str(&text)
        }
    }
}

impl Serialize for Term {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_term().serialize(serializer)
    }
}

struct TermVisitor;

impl<'de> Visitor<'de> for TermVisitor {
    type Value = Term;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a term, as Erlang text or in external term format")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Term, E> {
        Term::parse(text).map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Term, E> {
        Term::decode(bytes).map_err(E::custom)
    }

    /// Formats without bytes, such as JSON, write them as numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Term, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = numbers.next_element()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Term, D::Error> {
        inner.deserialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(TermVisitor)
        } else {
            deserializer.deserialize_newtype_struct(TERM, TermVisitor)
        }
    }
}

impl Serialize for Atom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(ATOM, self.name())
    }
}

struct AtomVisitor;

impl<'de> Visitor<'de> for AtomVisitor {
    type Value = Atom;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of an atom")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Atom, E> {
        Atom::new(name).map_err(E::custom)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Atom, D::Error> {
        inner.deserialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Atom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ATOM, AtomVisitor)
    }
}
