//! ferrets: Erlang's ETS for Rust programs.

mod error;
mod platform;
mod raw;
mod term;

pub use error::{Error, ErrorKind, Result};
pub use term::{
    Atom, BigRef, BitsRef, DecodeOptions, Elements, Export, FromTerm, FunRef, ListRef, MapRef,
    Object, ObjectRef, Objects, Pid, Port, ReferenceRef, Term, TermRef, ToObject, ToTerm, TupleRef,
    View,
};
