//! The external term format: terms as bytes that any Erlang node understands.
//!
//! What is written is what Erlang/OTP 27's `term_to_binary/1` writes, byte for byte, but for the
//! order of a map's pairs, which OTP leaves to chance and which here is the exact order of the
//! keys. What is read is everything that `binary_to_term/1` of OTP 27 reads, the older encodings of
//! atoms, floats, pids, ports and references included. What only means something between two
//! connected nodes (atom cache references, fragments) or in the very runtime that wrote it
//! (`LOCAL_EXT`) is refused with a text that says so, as is the fun encoding that OTP 23 removed.
//!
//! **Foreign bytes are hostile bytes.** Every length is checked against the bytes that are left
//! before room is made for what it promises: each element takes a byte at least, and so does each
//! that was promised before and has not come yet, so the memory taken is bounded by a small
//! multiple of the input. Compressed input, for which that does not hold, is bounded by
//! [`DecodeOptions::max_inflated`]; what comes out of either by [`DecodeOptions::max_words`].
//! Nesting costs heap, not stack. A name that is new takes a place in the table of atoms for ever:
//! decode what strangers send with [`DecodeOptions::existing_atoms_only`].
//!
//! **How reading goes.** The word of a term is known as soon as its head is read, because the room
//! of its elements is reserved at once; so a parent's slot is filled before the children are read,
//! and what remains is a stack of slots to fill. Only maps need a second look, when their last
//! value is there: the pairs are sorted if they are not, and a key that stands there twice is an
//! error.

mod decode;
mod encode;

use super::{Term, TermRef};
use crate::error::{Error, ErrorKind, Result};

/// The first byte of every encoding.
const VERSION: u8 = 131;

/// The second byte of a term, which says how to read the rest. The names are those of the Erlang
/// documentation without `_EXT`.
mod tag {
    pub(super) const NEW_FLOAT: u8 = 70;
    pub(super) const BIT_BINARY: u8 = 77;
    pub(super) const COMPRESSED: u8 = 80;
    pub(super) const ATOM_CACHE_REF: u8 = 82;
    pub(super) const NEW_PID: u8 = 88;
    pub(super) const NEW_PORT: u8 = 89;
    pub(super) const NEWER_REFERENCE: u8 = 90;
    pub(super) const SMALL_INTEGER: u8 = 97;
    pub(super) const INTEGER: u8 = 98;
    pub(super) const FLOAT: u8 = 99;
    pub(super) const ATOM: u8 = 100;
    pub(super) const REFERENCE: u8 = 101;
    pub(super) const PORT: u8 = 102;
    pub(super) const PID: u8 = 103;
    pub(super) const SMALL_TUPLE: u8 = 104;
    pub(super) const LARGE_TUPLE: u8 = 105;
    pub(super) const NIL: u8 = 106;
    pub(super) const STRING: u8 = 107;
    pub(super) const LIST: u8 = 108;
    pub(super) const BINARY: u8 = 109;
    pub(super) const SMALL_BIG: u8 = 110;
    pub(super) const LARGE_BIG: u8 = 111;
    pub(super) const NEW_FUN: u8 = 112;
    pub(super) const EXPORT: u8 = 113;
    pub(super) const NEW_REFERENCE: u8 = 114;
    pub(super) const SMALL_ATOM: u8 = 115;
    pub(super) const MAP: u8 = 116;
    pub(super) const FUN: u8 = 117;
    pub(super) const ATOM_UTF8: u8 = 118;
    pub(super) const SMALL_ATOM_UTF8: u8 = 119;
    pub(super) const V4_PORT: u8 = 120;
    pub(super) const LOCAL: u8 = 121;
}

impl TermRef<'_> {
    /// The term in external term format (`erlang:term_to_binary/1`). O(size).
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(term!({:ok, 256}).encode()?, b"\x83h\x02w\x02okb\0\0\x01\0");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if there is no memory for it.
    pub fn encode(self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.encode_into(&mut out)?;
        Ok(out)
    }

    /// As [`encode`](Self::encode), behind what `out` holds already. After an error `out` is as it
    /// was.
    ///
    /// ```
    /// use ferrets::term;
    /// let (user, mut out) = (term!({7, "ann"}), vec![0xff]);
    /// user.as_tuple().and_then(|user| user.get(1)).expect("the name").encode_into(&mut out)?;
    /// assert_eq!(out, b"\xff\x83m\0\0\0\x03ann");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_into(self, out: &mut Vec<u8>) -> Result<()> {
        encode::encode_into(self, out)
    }

    /// As [`encode`](Self::encode), compressed by zlib at a `level` from 0 (not at all) to 9
    /// (slowly), unless that makes it longer (`term_to_binary(T, [{compressed, Level}])`).
    ///
    /// ```
    /// use ferrets::{ErrorKind, Term, term};
    /// let (zeros, short) = (Term::binary(&[0; 1000])?, term!([]));
    /// assert!(zeros.as_ref().encode_compressed(6)?.len() < 50);
    /// assert_eq!(short.as_ref().encode_compressed(6)?, short.encode()?);
    /// let error = short.as_ref().encode_compressed(10).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadArgument);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`BadArgument`](ErrorKind::BadArgument) for a higher level;
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if there is no memory for it, or the term takes
    /// more than 4 GiB.
    pub fn encode_compressed(self, level: u8) -> Result<Vec<u8>> {
        encode::encode_compressed(self, level)
    }
}

impl Term {
    /// The term in external term format; see [`TermRef::encode`].
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// let bytes = term!([1, :a, "b"]).encode()?;
    /// assert_eq!(bytes, b"\x83l\0\0\0\x03a\x01w\x01am\0\0\0\x01bj");
    /// assert_eq!(Term::decode(&bytes)?, term!([1, :a, "b"]));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`TermRef::encode`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.as_ref().encode()
    }

    /// Appends the term in external term format; see [`TermRef::encode_into`].
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// let mut out = Vec::new();
    /// term!(1).encode_into(&mut out)?;
    /// term!(:two).encode_into(&mut out)?;
    /// assert_eq!(out, b"\x83a\x01\x83w\x03two");
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`TermRef::encode`].
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<()> {
        self.as_ref().encode_into(out)
    }

    /// The term in external term format, compressed; see [`TermRef::encode_compressed`].
    ///
    /// ```
    /// use ferrets::Term;
    /// let zeros = Term::binary(&[0; 1000])?;
    /// assert_eq!(zeros.encode_compressed(0)?, zeros.encode()?);
    /// assert_eq!(Term::decode(&zeros.encode_compressed(9)?)?, zeros);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`TermRef::encode_compressed`].
    pub fn encode_compressed(&self, level: u8) -> Result<Vec<u8>> {
        self.as_ref().encode_compressed(level)
    }

    /// The term that `bytes` begin with (`erlang:binary_to_term/1`).
    ///
    /// Bytes behind the term are ignored, as OTP does; use [`decode_prefix`](Self::decode_prefix)
    /// to learn whether there are any. For limits see [`DecodeOptions`].
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// assert_eq!(Term::decode(b"\x83h\x02w\x02oka\x07")?, term!({:ok, 7}));
    /// assert!(Term::decode(b"\x83h\x02w\x02ok").is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`DecodeOptions::decode`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        DecodeOptions::new().decode(bytes)
    }

    /// The term that `bytes` begin with, and how many of them it takes
    /// (`binary_to_term(Bytes, [used])`).
    ///
    /// ```
    /// use ferrets::{Term, term};
    /// let bytes = b"\x83a\x01\x83w\x03two";
    /// let (first, used) = Term::decode_prefix(bytes)?;
    /// assert_eq!((first, used), (term!(1), 3));
    /// assert_eq!(Term::decode_prefix(&bytes[used..])?, (term!(:two), 6));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`DecodeOptions::decode`].
    pub fn decode_prefix(bytes: &[u8]) -> Result<(Self, usize)> {
        DecodeOptions::new().decode_prefix(bytes)
    }
}

/// What decoding may cost.
///
/// ```
/// use ferrets::{DecodeOptions, ErrorKind, Term, term};
/// let options = DecodeOptions::new().max_inflated(1 << 16).existing_atoms_only(true);
/// let bomb = Term::binary(&[0; 1 << 20])?.encode_compressed(9)?;
/// assert!(bomb.len() < 2000);
/// assert_eq!(options.decode(&bomb).unwrap_err().kind(), ErrorKind::LimitExceeded);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DecodeOptions {
    max_inflated: usize,
    max_words: usize,
    existing_atoms_only: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl DecodeOptions {
    /// Compressed terms up to 256 MiB uncompressed, results up to 2^27 words (1 GiB), new atoms
    /// allowed.
    ///
    /// ```
    /// use ferrets::{DecodeOptions, term};
    /// assert_eq!(DecodeOptions::new().decode(b"\x83a\x07")?, term!(7));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self { max_inflated: 256 << 20, max_words: 1 << 27, existing_atoms_only: false }
    }

    /// How many bytes compressed input may inflate to.
    ///
    /// ```
    /// use ferrets::{DecodeOptions, Term};
    /// let bytes = Term::binary(&[0; 1000])?.encode_compressed(9)?;
    /// assert!(DecodeOptions::new().max_inflated(1005).decode(&bytes).is_ok());
    /// assert!(DecodeOptions::new().max_inflated(1004).decode(&bytes).is_err());
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn max_inflated(self, bytes: usize) -> Self {
        Self { max_inflated: bytes, ..self }
    }

    /// How many words of eight bytes the term may take in memory. An element of a tuple or a list
    /// takes one, the tail of a list another; a float, binary or other value that holds data takes
    /// the words of its data besides.
    ///
    /// ```
    /// use ferrets::{DecodeOptions, ErrorKind, term};
    /// let bytes = term!({1, 2.5}).encode()?; // two elements, and the data of one
    /// assert!(DecodeOptions::new().max_words(3).decode(&bytes).is_ok());
    /// let error = DecodeOptions::new().max_words(2).decode(&bytes).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn max_words(self, words: usize) -> Self {
        Self { max_words: words, ..self }
    }

    /// Whether a name that is no atom of this process yet is an error instead of a new atom, as
    /// with the option `safe` of `binary_to_term/2`. Atoms are never freed.
    ///
    /// ```
    /// use ferrets::{Atom, DecodeOptions, ErrorKind, term};
    /// let safe = DecodeOptions::new().existing_atoms_only(true);
    /// assert_eq!(safe.decode(b"\x83w\x02ok")?, term!(:ok));
    /// let error = safe.decode(b"\x83w\x08unheard!").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadEncoding);
    /// assert_eq!(Atom::existing("unheard!"), None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    pub const fn existing_atoms_only(self, only: bool) -> Self {
        Self { existing_atoms_only: only, ..self }
    }

    /// The term that `bytes` begin with; bytes behind it are ignored.
    ///
    /// ```
    /// use ferrets::{DecodeOptions, ErrorKind};
    /// let error = DecodeOptions::new().decode(b"\x83h\x02a\x01").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::BadEncoding);
    /// assert_eq!(error.to_string(), "byte 5: the encoding ends within a term");
    /// ```
    ///
    /// # Errors
    /// [`BadEncoding`](ErrorKind::BadEncoding) for anything that OTP 27 refuses as `badarg`, and
    /// for references without numbers; the text says where and why.
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if a limit of these options, of [`Term`]s or of
    /// the table of atoms is reached.
    pub fn decode(&self, bytes: &[u8]) -> Result<Term> {
        Ok(self.decode_prefix(bytes)?.0)
    }

    /// The term that `bytes` begin with, and how many of them it takes.
    ///
    /// ```
    /// use ferrets::{DecodeOptions, term};
    /// assert_eq!(DecodeOptions::new().decode_prefix(b"\x83jrest")?, (term!([]), 2));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_prefix(&self, bytes: &[u8]) -> Result<(Term, usize)> {
        decode::decode_prefix(bytes, self)
    }
}

fn bad_encoding(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadEncoding, message)
}
