//! Atoms: names that compare in one instruction.
//!
//! The table of atoms is the one thing that all stores of a process share, because an atom must
//! mean the same in every term. It only grows: an atom, once made, lives as long as the process,
//! as in Erlang; so there is a limit, [`Atom::LIMIT`], and reaching it is an error, not a crash.
//! Turn text from outside into binaries, not atoms, or use [`Atom::existing`].
//!
//! Readers never wait. Records stand in chunks that double in size and never move, each written
//! once; the hash chains grow only at their heads. A thread that makes a new atom holds a lock that
//! only other makers of new atoms meet.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::platform::sync::StaticOnceLock as OnceLock;

/// An interned name, as small as an integer: `ok`, `undefined`, `'hello world'`.
///
/// Equality is identity; order is that of the names' code points.
///
/// ```
/// use ferrets::Atom;
/// let ok = Atom::new("ok")?;
/// assert_eq!(ok, Atom::new("ok")?);
/// assert_eq!(ok.name(), "ok");
/// assert!(ok < Atom::new("okay")?);
/// # Ok::<(), ferrets::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Atom(u32);

struct Record {
    name: Box<str>,
    hash: u32,
    /// The next record of the chain, plus one.
    next: u32,
}

const CHUNKS: usize = 15;
const FIRST_CHUNK: usize = 64;
const HEADS: usize = 1 << 18;

/// Chunk `c` holds `FIRST_CHUNK << c` records; together they hold `LIMIT` and a few more.
static CHUNK: [OnceLock<Box<[OnceLock<Record>]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];
static HEAD: [AtomicU32; HEADS] = [const { AtomicU32::new(0) }; HEADS];
static KEYS: OnceLock<RandomState> = OnceLock::new();
static COUNT: Mutex<u32> = Mutex::new(0);

macro_rules! well_known {
    ($($(#[$doc:meta])* $name:ident = $index:literal $text:literal;)*) => {
        impl Atom {
            $($(#[$doc])* pub const $name: Self = Self($index);)*
        }
        const WELL_KNOWN: &[&str] = &[$($text),*];
    };
}

well_known! {
    /// `true`
    TRUE = 0 "true";
    /// `false`
    FALSE = 1 "false";
    /// `undefined`
    UNDEFINED = 2 "undefined";
    /// `nil`, which is an atom like any other; the empty list is [`Term::nil`](crate::Term::nil)
    NIL = 3 "nil";
    /// `none`
    NONE = 4 "none";
    /// `'$end_of_table'`
    END_OF_TABLE = 5 "$end_of_table";
    /// `nonode@nohost`, the node of a process that is not distributed
    NO_NODE = 6 "nonode@nohost";
    /// `'EXIT'`
    EXIT = 7 "EXIT";
    /// `badarg`
    BADARG = 8 "badarg";
    /// `ok`
    OK = 9 "ok";
    /// `error`
    ERROR = 10 "error";
    /// `'ETS-TRANSFER'`, the tag of the message that comes with a table
    ETS_TRANSFER = 11 "ETS-TRANSFER";
    /// `'DOWN'`, the tag of the message of a monitor
    DOWN = 12 "DOWN";
    /// `process`, what an owner is in Erlang
    PROCESS = 13 "process";
    /// `table`
    TABLE = 14 "table";
    /// `leases`
    LEASES = 15 "leases";
    /// `normal`, why an owner ends that is dropped
    NORMAL = 16 "normal";
    /// `panic`, why an owner ends that a panic drops
    PANIC = 17 "panic";
    /// `noproc`, why a monitor fires that is set on what is not there
    NOPROC = 18 "noproc";
    /// `deleted`, why a table goes that somebody deletes
    DELETED = 19 "deleted";
}

fn place(index: u32) -> (usize, usize) {
    let shifted = index as usize + FIRST_CHUNK;
    let chunk = (shifted.ilog2() - FIRST_CHUNK.ilog2()) as usize;
    (chunk, shifted - (FIRST_CHUNK << chunk))
}

fn record(index: u32) -> &'static Record {
    let (chunk, at) = place(index);
    CHUNK[chunk]
        .get()
        .and_then(|records| records[at].get())
        .expect("an index exists only after its record")
}

/// Keyed, so that nobody can choose names that all lie in one chain.
fn hash_of(name: &str) -> u32 {
    let hash = KEYS.get_or_init(RandomState::new).hash_one(name);
    hash as u32
}

fn find(name: &str, hash: u32) -> Option<u32> {
    // Ordering: Acquire; pairs with the Release in `append`, so that the record is there.
    let mut next = HEAD[hash as usize % HEADS].load(Acquire);
    while next != 0 {
        let record = record(next - 1);
        if record.hash == hash && &*record.name == name {
            return Some(next - 1);
        }
        next = record.next;
    }
    None
}

/// Puts a new record at `index`, which is the count of records that exist.
fn append(index: u32, name: &str, hash: u32) {
    let (chunk, at) = place(index);
    let records =
        CHUNK[chunk].get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| OnceLock::new()).collect());
    let head = &HEAD[hash as usize % HEADS];
    // Ordering: Relaxed; only holders of the lock on COUNT write heads.
    let record = Record { name: name.into(), hash, next: head.load(Relaxed) };
    assert!(records[at].set(record).is_ok(), "records are written once");
    // Ordering: Release; pairs with the Acquire in `find`.
    head.store(index + 1, Release);
}

/// Makes sure that the well-known atoms have their indices, before any other atom is made.
fn seed(count: &mut u32) {
    if *count == 0 {
        for name in WELL_KNOWN {
            append(*count, name, hash_of(name));
            *count += 1;
        }
    }
}

impl Atom {
    /// How many atoms a process can have: 1,048,576, as many as an Erlang node by default.
    pub const LIMIT: usize = 1 << 20;

    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 255;

    /// The atom of that name, made if it does not exist.
    ///
    /// O(length). Never waits if the atom exists.
    ///
    /// ```
    /// use ferrets::{Atom, ErrorKind};
    /// assert_eq!(Atom::new("ok")?, Atom::OK);
    /// assert_eq!(Atom::new("")?.name(), "");
    /// assert_eq!(Atom::new(&"x".repeat(256)).unwrap_err().kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for a name of more than 255 characters,
    /// and when [`LIMIT`](Self::LIMIT) atoms exist.
    pub fn new(name: &str) -> Result<Self> {
        if let Some(atom) = Self::existing(name) {
            return Ok(atom);
        }
        if name.len() > Self::MAX_CHARS && name.chars().count() > Self::MAX_CHARS {
            let begin: String = name.chars().take(24).collect();
            let message = format!("an atom has at most 255 characters, `{begin}...` has more");
            return Err(Error::limit(message));
        }
        let hash = hash_of(name);
        let mut count = COUNT.lock();
        seed(&mut count);
        if let Some(index) = find(name, hash) {
            return Ok(Self(index));
        }
        if *count as usize >= Self::LIMIT {
            let message = format!("no room for atom `{name}`: {} atoms exist", Self::LIMIT);
            return Err(Error::limit(message));
        }
        append(*count, name, hash);
        *count += 1;
        Ok(Self(*count - 1))
    }

    /// The atom of that name, if somebody made it before (`binary_to_existing_atom`).
    ///
    /// ```
    /// use ferrets::Atom;
    /// assert_eq!(Atom::existing("ok"), Some(Atom::OK));
    /// assert_eq!(Atom::existing("a name that nobody has used"), None);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn existing(name: &str) -> Option<Self> {
        let hash = hash_of(name);
        find(name, hash).map(Self).or_else(|| {
            WELL_KNOWN.iter().position(|known| *known == name).map(|index| Self(index as u32))
        })
    }

    /// How many atoms exist (`erlang:system_info(atom_count)`).
    ///
    /// ```
    /// use ferrets::Atom;
    /// let before = Atom::count();
    /// Atom::new("one that was not there")?;
    /// assert!((before + 1..=Atom::LIMIT).contains(&Atom::count()));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn count() -> usize {
        let mut count = COUNT.lock();
        seed(&mut count);
        *count as usize
    }

    /// The name.
    ///
    /// ```
    /// use ferrets::Atom;
    /// assert_eq!(Atom::new("hello world")?.name(), "hello world");
    /// assert_eq!(Atom::END_OF_TABLE.name(), "$end_of_table"); // without quotes
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        if let Some(name) = WELL_KNOWN.get(self.0 as usize) {
            return name;
        }
        &record(self.0).name
    }

    pub(crate) const fn index(self) -> u32 {
        self.0
    }

    /// The atom of an index that [`index`](Self::index) gave.
    pub(crate) const fn from_index(index: u32) -> Self {
        Self(index)
    }
}

impl From<bool> for Atom {
    fn from(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }
}

impl Ord for Atom {
    fn cmp(&self, other: &Self) -> Ordering {
        if self == other { Ordering::Equal } else { self.name().cmp(other.name()) }
    }
}

impl PartialOrd for Atom {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Atom {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Atom({:?})", self.name())
    }
}
