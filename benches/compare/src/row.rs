//! What is measured: the rows of the tables.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::scenario::Scenario;

/// Every timed row's operations come in multiples of this, so that batches come out whole.
pub const OPS_STEP: u64 = 2_000;
/// No thread begins another [`OPS_STEP`] operations after this long. Locks that queue threads up
/// can be a thousand times slower in a window than they were in the trial before it.
pub const CUT_OFF: Duration = Duration::from_secs(1);
/// Lookups under one pin in [`Row::View`]. Divides [`OPS_STEP`].
pub const VIEW_BATCH: u64 = 1_000;
/// Keys in one call in [`Row::LookupMany`]. Divides [`OPS_STEP`].
pub const MANY: usize = 16;
/// Objects in [`Row::Range100`].
pub const RANGE: usize = 100;

/// One row.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Row {
    /// An owned result for a random key that is there.
    LookupHit,
    /// The same for a random key that is not.
    LookupMiss,
    /// An owned result for one and the same key, from all threads.
    HotKey,
    /// The integer field of a random key's object, borrowed, [`VIEW_BATCH`] under one pin.
    View,
    /// The integer fields of [`MANY`] random keys' objects, asked for together; per key.
    LookupMany,
    /// Filling a new table from empty, keys in shuffled order, parted between the threads.
    InsertFresh,
    /// Making a new object and putting it in place of a random one.
    Overwrite,
    /// Deleting a random object and inserting it anew; per pair.
    DeleteInsert,
    /// Adding one to the integer field of a random object and returning the sum.
    CounterRandom,
    /// The same for one and the same object, from all threads.
    CounterHot,
    /// 95 % [`Row::LookupHit`], 5 % [`Row::Overwrite`].
    Mixed,
    /// Reading the integer field of all objects, every thread for itself; per object.
    Fold,
    /// The sum of the integer fields of the [`RANGE`] objects from a random key on; per range.
    Range100,
    /// The key after a random one.
    Next,
    /// Taking a snapshot while all threads overwrite.
    SnapshotTake,
    /// [`Row::Overwrite`] while a snapshot lives that was taken when the window began.
    SnapshotWrite,
    /// How many keys are less than a random one.
    Rank,
    /// Bytes the allocator was asked for, per object, after filling a table.
    Bytes,
    /// The sum of the integer fields of the [`RANGE`] objects whose keys begin alike; per prefix.
    Prefix100,
    /// An operation on a table whose keys are binaries.
    Binary(Keyed),
    /// An operation on a table whose keys are tuples.
    Tuple(Keyed),
    /// A match specification, put to a set.
    Select(Question),
    /// The same, put to an ordered set.
    SelectOrdered(Question),
    /// Operations mixed as in OTP's benchmark, on a set.
    Scenario(Scenario),
    /// The same on an ordered set.
    ScenarioOrdered(Scenario),
}

/// What is measured with other keys than integers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Keyed {
    /// [`Row::LookupHit`]
    LookupHit,
    /// [`Row::DeleteInsert`]
    DeleteInsert,
    /// [`Row::Mixed`]
    Mixed,
    /// [`Row::Range100`]
    Range100,
    /// [`Row::Next`]
    Next,
    /// [`Row::Prefix100`]
    Prefix100,
}

impl Keyed {
    /// The row's words on binaries and on tuples.
    const fn ids(self) -> [&'static str; 2] {
        match self {
            Keyed::LookupHit => ["lookup_hit_binary", "lookup_hit_tuple"],
            Keyed::DeleteInsert => ["delete_insert_binary", "delete_insert_tuple"],
            Keyed::Mixed => ["mixed_95_5_binary", "mixed_95_5_tuple"],
            Keyed::Range100 => ["range_100_binary", "range_100_tuple"],
            Keyed::Next => ["next_binary", "next_tuple"],
            Keyed::Prefix100 => ["prefix_100_binary", "prefix_100"],
        }
    }

    /// The same in a table with integers.
    pub const fn plain(self) -> Row {
        match self {
            Keyed::LookupHit => Row::LookupHit,
            Keyed::DeleteInsert => Row::DeleteInsert,
            Keyed::Mixed => Row::Mixed,
            Keyed::Range100 => Row::Range100,
            Keyed::Next => Row::Next,
            Keyed::Prefix100 => Row::Prefix100,
        }
    }
}

/// What is asked with match specifications.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Question {
    /// A hundred results, by a guard on a value; per object of the table.
    ScanGuard,
    /// The count of half of the objects, by a guard on a value; per object of the table.
    ScanCount,
    /// All objects, as a list; per object of the table.
    ScanAll,
    /// The value of a key that the head has.
    BoundKey,
    /// A plain lookup of the same keys, to compare with.
    BoundLookup,
    /// The values of a hundred neighbouring keys, by two guards on the key.
    RangeGuard,
    /// Compiling a typical specification.
    Compile,
    /// The value of a compound key in the head.
    TrapHead,
    /// The same key, by a guard.
    TrapGuard,
    /// The same key, its parts by guards.
    TrapPrefix,
    /// A key that is a map, by a guard.
    TrapMap,
}

impl Question {
    /// The row's words on sets and on ordered sets.
    const fn ids(self) -> [&'static str; 2] {
        match self {
            Question::ScanGuard => ["scan_guard", "scan_guard_ordered"],
            Question::ScanCount => ["scan_count", "scan_count_ordered"],
            Question::ScanAll => ["scan_all", "scan_all_ordered"],
            Question::BoundKey => ["bound_key", "bound_key_ordered"],
            Question::BoundLookup => ["bound_lookup", "bound_lookup_ordered"],
            Question::RangeGuard => ["range_guard_100", "range_guard_100_ordered"],
            Question::Compile => ["compile", "compile_ordered"],
            Question::TrapHead => ["trap_head", "trap_head_ordered"],
            Question::TrapGuard => ["trap_guard", "trap_guard_ordered"],
            Question::TrapPrefix => ["trap_prefix", "trap_prefix_ordered"],
            Question::TrapMap => ["trap_map", "trap_map_ordered"],
        }
    }

    /// Whether its figure is per object of the table.
    pub const fn is_scan(self) -> bool {
        matches!(self, Question::ScanGuard | Question::ScanCount | Question::ScanAll)
    }

    const fn legend(self) -> &'static str {
        match self {
            Question::ScanGuard => "`{{'$1','$2','_'},[{'<','$2',100}],['$1']}`, per object",
            Question::ScanCount => {
                "`select_count` of the half of the objects with `{'<','$2',N}`, per object"
            }
            Question::ScanAll => "`{'_',[],['$_']}`: all objects, as a list; per object",
            Question::BoundKey => {
                "`{{Key,'$1','_'},[],['$1']}`, of 1024 keys in turn (ferrets: compiled before, as \
                 in all rows but `compile`; ETS: the term, made before)"
            }
            Question::BoundLookup => "`lookup` of the same keys, to compare with",
            Question::RangeGuard => "100 values, `{'>=','$1',Key},{'<','$1',Key+100}`",
            Question::Compile => {
                "`match_spec_compile` of two clauses with a map in the head and three guards"
            }
            Question::TrapHead => "`{{{Key,a},'$1','_'},[],['$1']}`, a compound key",
            Question::TrapGuard => "`{{'$1','$2','_'},[{'=:=','$1',{const,{Key,a}}}],['$2']}`",
            Question::TrapPrefix => {
                "`{{{'$1','$2'},'$3','_'},[{'=:=','$1',Key},{'=:=','$2',a}],['$3']}`; on ordered \
                 sets with `{'=<','$2',a}`"
            }
            Question::TrapMap => "`{{'$1','$2','_'},[{'=:=','$1',{const,#{id => Key}}}],['$2']}`",
        }
    }
}

impl Row {
    /// The word for the row in arguments, tables and the protocol.
    pub fn id(self) -> &'static str {
        match self {
            Row::LookupHit => "lookup_hit",
            Row::LookupMiss => "lookup_miss",
            Row::HotKey => "hot_key",
            Row::View => "view",
            Row::LookupMany => "lookup_many",
            Row::InsertFresh => "insert_fresh",
            Row::Overwrite => "overwrite",
            Row::DeleteInsert => "delete_insert",
            Row::CounterRandom => "counter_random",
            Row::CounterHot => "counter_hot",
            Row::Mixed => "mixed_95_5",
            Row::Fold => "fold",
            Row::Range100 => "range_100",
            Row::Next => "next",
            Row::SnapshotTake => "snapshot_take",
            Row::SnapshotWrite => "snapshot_write",
            Row::Rank => "rank",
            Row::Bytes => "bytes_per_object",
            Row::Prefix100 => "prefix_100_plain",
            Row::Binary(keyed) => keyed.ids()[0],
            Row::Tuple(keyed) => keyed.ids()[1],
            Row::Select(question) => question.ids()[0],
            Row::SelectOrdered(question) => question.ids()[1],
            Row::Scenario(scenario) => scenario.ids()[0],
            Row::ScenarioOrdered(scenario) => scenario.ids()[1],
        }
    }

    /// What the figures count.
    pub fn unit(self) -> &'static str {
        if self == Row::Bytes { "bytes" } else { "ns/op" }
    }

    /// One line for the legend.
    pub fn legend(self) -> &'static str {
        match self {
            Row::LookupHit => "random present key, owned result (ETS: `lookup`, which copies)",
            Row::LookupMiss => "random absent key",
            Row::HotKey => "as `lookup_hit`, all threads on one key",
            Row::View => {
                "integer field of a random key's object, borrowed, 1000 lookups under one pin \
                 where there is one (ETS: `lookup_element`)"
            }
            Row::LookupMany => {
                "integer fields of 16 random keys at a time, per key (ferrets: one call; others: \
                 a loop, under one pin or lock where there is one; ETS: `lookup` each)"
            }
            Row::InsertFresh => "filling a new table from empty, shuffled keys, no size hint",
            Row::Overwrite => "making a new object and putting it in place of a random one",
            Row::DeleteInsert => "deleting a random object and inserting it anew, per pair",
            Row::CounterRandom => {
                "adding 1 to the integer field of a random object, returning the sum; whoever \
                 holds the object never sees it change; every object has been counted in once \
                 before"
            }
            Row::CounterHot => "as `counter_random`, all threads on one object",
            Row::Mixed => "95 % `lookup_hit`, 5 % `overwrite`",
            Row::Fold => {
                "summing the integer field over the table, every thread for itself, per object \
                 (ETS: `tab2list` and a fold of the list)"
            }
            Row::Range100 => {
                "summing the integer fields of the 100 objects from a random key on, per range \
                 (ETS: `next_lookup`, 100 times; a `select` with guards would visit the whole \
                 table)"
            }
            Row::Next => "the key after a random one, owned",
            Row::SnapshotTake => {
                "taking a snapshot of the whole table while all threads overwrite; the median \
                 (`rwlock_btreemap`: a clone under the lock)"
            }
            Row::SnapshotWrite => {
                "`overwrite` while a snapshot lives that was taken when the window began"
            }
            Row::Rank => {
                "how many keys are less than a random one (ferrets: a table with order statistics)"
            }
            Row::Bytes => "live bytes asked for, per object, after a fill (ETS: `memory(ets)`)",
            Row::Prefix100 => "as `range_100`, of all objects whose keys begin alike",
            Row::Binary(_) => {
                "the same with keys like `<<\"user:00000012345\">>`; making the key counts (other \
                 maps: `[u8; 16]`; `prefix_100_binary`: all but the last two digits are given; \
                 others: the first key of them)"
            }
            Row::Tuple(Keyed::Prefix100) => {
                "summing the integer fields of the 100 objects with keys `{Group, _}`, per prefix \
                 (ETS: `select` with the first element bound; other maps: 100 objects from the \
                 first key on)"
            }
            Row::Tuple(_) => {
                "the same with keys `{Group, N}`, 100 to a group (others: `(i64, i64)`)"
            }
            Row::Select(question) => question.legend(),
            Row::Scenario(scenario) => scenario.legend(),
            Row::SelectOrdered(_) | Row::ScenarioOrdered(_) => "the same on an ordered set",
        }
    }

    /// What the operations of a window are a multiple of.
    pub fn step(self, objects: u64, threads: usize) -> u64 {
        match self {
            Row::InsertFresh => objects.div_ceil(threads as u64),
            Row::Fold => objects,
            Row::SnapshotTake => 1,
            Row::Select(question) | Row::SelectOrdered(question) if question.is_scan() => objects,
            Row::Select(_) | Row::SelectOrdered(_) => 1,
            Row::Scenario(scenario) | Row::ScenarioOrdered(scenario) => scenario.step(),
            _ => OPS_STEP,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Row {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        let families = crate::family::FAMILIES.iter();
        let mut rows = families.flat_map(|family| family.rows);
        rows.find(|row| row.id() == id).copied().ok_or_else(|| format!("no row is called `{id}`"))
    }
}
