//! PLACEHOLDER: Erlang syntax out, as `io:format("~0p")` prints.
use super::*;
use std::fmt;

impl fmt::Display for TermRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.word())
    }
}

macro_rules! shown {
    ($($type:ty)*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )*};
}
shown!(TermRef<'_> Term Object ObjectRef<'_> BigRef<'_> ReferenceRef<'_> FunRef<'_> TupleRef<'_> ListRef<'_> MapRef<'_> BitsRef<'_> Elements<'_>);

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}
