//! Tests of the raw structures, without terms.

mod index;
