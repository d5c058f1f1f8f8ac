//! What the benchmarks share: the objects, and where keys come from.
#![allow(dead_code, reason = "not every benchmark needs all of it")]

pub(crate) mod histogram;

use ferrets::{Kind, Owner, Table, TableOptions};

/// What `insert` is given: `{int, int, 32-byte binary}`, as in `benches/compare`.
pub(crate) type Record<'a> = (i64, i64, &'a [u8]);

/// The object of a key.
#[inline]
pub(crate) fn record(key: i64) -> Record<'static> {
    (key, key, b"a binary of thirty-two bytes, no")
}

/// A new table of that kind.
pub(crate) fn table(owner: &Owner, kind: Kind) -> Table {
    owner.new_table("bench", TableOptions::new(kind)).expect("a table can be made")
}

/// A set of the keys `0..objects`.
pub(crate) fn filled(owner: &Owner, objects: i64) -> Table {
    let table = table(owner, Kind::Set);
    for key in 0..objects {
        table.insert(record(key)).expect("the table stands");
    }
    table
}

/// Random keys, a few instructions each: a multiply-with-carry generator, mapped on a range.
pub(crate) struct Keys {
    state: u64,
    range: u64,
}

impl Keys {
    /// Keys `0..range`, which has at most 32 bits.
    pub(crate) fn below(range: i64) -> Self {
        Self { state: 0x1234_5678_9abc_def1, range: range.unsigned_abs() }
    }

    #[inline]
    pub(crate) fn draw(&mut self) -> i64 {
        self.state = 0x7fa_6502 * (self.state & 0xffff_ffff) + (self.state >> 32);
        (((self.state & 0xffff_ffff) * self.range) >> 32) as i64
    }
}

/// The number after `name` on the command line.
pub(crate) fn argument(name: &str, default: i64) -> i64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    let given = arguments.next().map(|number| number.replace('_', ""));
    given.map_or(default, |number| number.parse().expect("a number of objects"))
}
