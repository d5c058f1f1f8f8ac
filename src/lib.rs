//! ferrets: Erlang's ETS for Rust programs.

mod error;
pub mod ets;
mod owner;
mod platform;
mod raw;
mod registry;
mod store;
mod table;
mod term;

pub use error::{Error, ErrorKind, Result};
pub use owner::Owner;
pub use store::{Reclamation, Store};
pub use table::{
    Access, CounterOp, Fixation, Info, Integer, Kind, ReadView, SafeFixed, Table, TableOptions,
    WriteConcurrency,
};
#[doc(hidden)]
pub use term::macros as __macros;
pub use term::{
    Atom, BigRef, BitsRef, DecodeOptions, Elements, Export, FromObject, FromTerm, FunRef, ListRef, MapRef,
    Object, ObjectRef, Objects, ParseOptions, Pid, Port, ReferenceRef, Term, TermRef, ToObject, ToTerm, TupleRef,
    View,
};
#[cfg(feature = "serde")]
pub use term::{Serde, Structs, ToTermOptions, from_term, to_record, to_term};
