//! What a thread does in a history: operations by chance, some of which depend on what it has just
//! seen, so that those with a condition succeed often enough.

use ferrets::Kind;

use crate::model::{Answer, Key, Op, Value};
use crate::rng::Rng;
use crate::subject::KEYS;

/// What kinds of operations a history has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Those on one key: the histories of keys are checked each for itself.
    Keys,
    /// Lists over several keys too, and batches.
    Lists,
    /// What takes all keys at once too: clearing, and ranges, snapshots and ends of ordered sets.
    Whole,
}

impl Family {
    /// Operations of one thread: the more are connected, the fewer.
    pub(crate) fn steps(self) -> usize {
        match self {
            Self::Keys => 14,
            Self::Lists => 10,
            Self::Whole => 8,
        }
    }
}

/// One thread's choices.
pub(crate) struct Chooser {
    pub(crate) kind: Kind,
    pub(crate) family: Family,
    pub(crate) rng: Rng,
    /// The first of the keys in play, and how many there are.
    keys: (Key, Key),
    /// The last value seen of each key.
    seen: [Value; KEYS as usize],
    /// The last value that was made up.
    fresh: Value,
}

impl Chooser {
    /// `rng` chooses for the thread; the keys follow from what all threads of the history share.
    pub(crate) fn new(kind: Kind, family: Family, shared: u64, thread: usize, rng: Rng) -> Self {
        let many = if family == Family::Keys { 2 } else { 4 };
        let first = (shared % u64::from(KEYS - many + 1)) as Key;
        let fresh = 1_000 * (thread as Value + 1);
        Self { kind, family, rng, keys: (first, many), seen: [0; KEYS as usize], fresh }
    }

    fn key(&mut self) -> Key {
        self.keys.0 + self.rng.below(self.keys.1.into()) as Key
    }

    /// A value that tells who wrote it, or one of a few that are met often.
    fn value(&mut self) -> Value {
        if self.rng.one_in(3) {
            return self.rng.below(3) as Value;
        }
        self.fresh += 1;
        self.fresh
    }

    fn objects(&mut self) -> Vec<(Key, Value)> {
        (0..2 + self.rng.below(3)).map(|_| (self.key(), self.value())).collect()
    }

    /// The next operation.
    pub(crate) fn choose(&mut self) -> Op {
        let special = match self.family {
            Family::Keys => 0,
            Family::Lists => 3,
            Family::Whole => 4,
        };
        let key = self.key();
        if self.rng.below(10) < special {
            return self.connecting();
        }
        match self.rng.below(16) {
            0..3 => Op::Insert(key, self.value()),
            3 => Op::InsertNew(key, self.value()),
            4..8 => Op::Lookup(key),
            8 => Op::Member(key),
            9 => Op::Take(key),
            10 => Op::Delete(key),
            11 => Op::DeleteObject(key, self.seen[usize::from(key)]),
            _ => self.conditional(key),
        }
    }

    fn connecting(&mut self) -> Op {
        let lists = self.rng.one_in(3) || self.family == Family::Lists;
        if lists {
            let objects = self.objects();
            return match self.rng.below(6) {
                0..2 => Op::InsertNewList(objects),
                2..4 => Op::InsertList(objects),
                _ => {
                    let (when, gone, shown) = (self.key(), self.key(), self.key());
                    let when = (when, self.seen[usize::from(when)]);
                    Op::Batch { when, put: objects, gone, shown }
                }
            };
        }
        let ordered = self.kind == Kind::OrderedSet;
        match self.rng.below(if ordered { 8 } else { 1 }) {
            0 => Op::Clear,
            1..4 => Op::Range(self.keys.0, self.keys.0 + self.rng.below(4) as Key),
            4..6 => Op::PopFirst,
            _ => Op::PopLast,
        }
    }

    fn conditional(&mut self, key: Key) -> Op {
        let (seen, by) = (self.seen[usize::from(key)], 1 + self.rng.below(2) as Value);
        if self.kind == Kind::DuplicateBag {
            return Op::Insert(key, self.value());
        }
        if self.kind == Kind::Bag {
            return Op::DeleteWhere(key, seen);
        }
        match self.rng.below(8) {
            0..2 => Op::Count(key, by),
            2 => Op::CountOr(key, by, self.value()),
            3 => Op::Update(key, by),
            4 => Op::SetElement(key, self.value()),
            5 => Op::Swap(key, seen, self.value()),
            6 => Op::DeleteWhere(key, seen),
            _ => Op::ReplaceWhere(key, seen, self.value()),
        }
    }

    /// Remembers what an operation showed.
    pub(crate) fn learn(&mut self, op: &Op, answer: &Answer) {
        let mut note = |key: Key, value: Value| self.seen[usize::from(key)] = value;
        match (op, answer) {
            (Op::Insert(key, value) | Op::SetElement(key, value), _) => note(*key, *value),
            (Op::Lookup(key) | Op::Update(key, _), Answer::Values(values)) => {
                values.last().into_iter().for_each(|value| note(*key, *value));
            }
            (Op::Count(key, _) | Op::CountOr(key, ..), Answer::Number(value)) => note(*key, *value),
            (_, Answer::Objects(objects)) => {
                objects.iter().for_each(|(key, value)| note(*key, *value));
            }
            _ => {}
        }
    }
}
