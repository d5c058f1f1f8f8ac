//! Words: the 64 bits that stand for a term, or say where in the heap the rest of it lies.
//!
//! ```text
//!   63                    36 35                     4 3    0
//!  |        integer, signed 60 bits                  |  tag |  Int
//!  |        atom index                               |  tag |  Atom
//!  |   len, 28 bits        |   offset, 32 bits       |  tag |  everything boxed
//! ```
//!
//! An offset counts words from the start of the heap that the word belongs to (an object's block, a
//! term's arena); `len` is what the tag says. What lies at the offset:
//!
//! | tag | `len` counts | at the offset |
//! |---|---|---|
//! | `Tuple` | elements | their words |
//! | `List` | elements, at least one | their words, then the word of the tail |
//! | `Map` | pairs | the keys in exact order, then the values in the same order |
//! | `Binary`, `Bits` | bytes, bits | the bytes, zero-padded to whole words; a bitstring's last byte is filled from the top |
//! | `Float` | - | the IEEE bits |
//! | `Big` | words, doubled, plus one if negative | the magnitude, least word first, no leading zero |
//! | `Pid` | - | node atom index and creation; id and serial |
//! | `Port` | - | node atom index and creation; id |
//! | `Reference` | ids | node atom index and creation; the ids, two to a word |
//! | `Export` | - | word of the module, word of the function, arity |
//! | `Fun` | free variables | see [`FunRef`](super::FunRef) |

/// A tagged word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
#[doc(hidden)]
pub struct Word(pub(crate) u64);

/// What a word stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Tag {
    Int = 0,
    Atom = 1,
    Nil = 2,
    Tuple = 3,
    List = 4,
    Map = 5,
    Binary = 6,
    Bits = 7,
    Float = 8,
    Big = 9,
    Pid = 10,
    Port = 11,
    Reference = 12,
    Export = 13,
    Fun = 14,
}

const TAGS: [Tag; 16] = [
    Tag::Int,
    Tag::Atom,
    Tag::Nil,
    Tag::Tuple,
    Tag::List,
    Tag::Map,
    Tag::Binary,
    Tag::Bits,
    Tag::Float,
    Tag::Big,
    Tag::Pid,
    Tag::Port,
    Tag::Reference,
    Tag::Export,
    Tag::Fun,
    Tag::Nil, // never written
];

impl Word {
    /// The empty list.
    pub(crate) const NIL: Self = Self(Tag::Nil as u64);
    /// The largest `len` of a boxed word: 268,435,455 bytes, elements or pairs.
    pub(crate) const MAX_LEN: usize = (1 << 28) - 1;
    /// The largest offset: a heap holds at most 32 GiB.
    pub(crate) const MAX_OFFSET: usize = u32::MAX as usize;
    pub(crate) const MIN_INT: i64 = -(1 << 59);
    pub(crate) const MAX_INT: i64 = (1 << 59) - 1;

    #[inline]
    pub(crate) const fn tag(self) -> Tag {
        TAGS[(self.0 & 15) as usize]
    }

    /// An integer in place, if it fits.
    #[inline]
    pub(crate) const fn int(value: i64) -> Option<Self> {
        if value < Self::MIN_INT || value > Self::MAX_INT {
            return None;
        }
        Some(Self((value as u64) << 4))
    }

    /// An integer that surely fits.
    pub(crate) const fn from_byte(byte: u8) -> Self {
        Self((byte as u64) << 4)
    }

    #[inline]
    pub(crate) const fn as_int(self) -> i64 {
        (self.0 as i64) >> 4
    }

    #[inline]
    pub(crate) const fn atom(index: u32) -> Self {
        Self((index as u64) << 4 | Tag::Atom as u64)
    }

    #[inline]
    pub(crate) const fn atom_index(self) -> u32 {
        (self.0 >> 4) as u32
    }

    /// A boxed word. The caller has checked both numbers against their limits.
    #[inline]
    pub(crate) fn boxed(tag: Tag, offset: usize, len: usize) -> Self {
        debug_assert!(len <= Self::MAX_LEN && offset <= Self::MAX_OFFSET, "unchecked size");
        Self((len as u64) << 36 | (offset as u64) << 4 | tag as u64)
    }

    #[inline]
    pub(crate) const fn len(self) -> usize {
        (self.0 >> 36) as usize
    }

    #[inline]
    pub(crate) const fn offset(self) -> usize {
        (self.0 >> 4) as u32 as usize
    }

    /// Whether the word is the whole term: no heap belongs to it.
    #[inline]
    pub(crate) const fn is_immediate(self) -> bool {
        (self.0 & 15) <= Tag::Nil as u64
    }
}
