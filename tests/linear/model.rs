//! What a table is to a reader of the documentation: keys and the objects that they have, and what
//! each operation makes of them. One operation after the other; the checker asks for the order.

use std::collections::BTreeMap;

use ferrets::Kind;

/// A key by its number. Numbers stand to each other as the keys do in Erlang's order of terms.
pub(crate) type Key = u8;
/// The second element of an object. The others follow from its key.
pub(crate) type Value = i64;

/// An operation that takes effect in one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Insert(Key, Value),
    InsertNew(Key, Value),
    InsertList(Vec<(Key, Value)>),
    InsertNewList(Vec<(Key, Value)>),
    /// If an object is there: inserts some, deletes a key, and looks another one up.
    Batch {
        when: (Key, Value),
        put: Vec<(Key, Value)>,
        gone: Key,
        shown: Key,
    },
    Lookup(Key),
    Member(Key),
    Take(Key),
    Delete(Key),
    DeleteObject(Key, Value),
    /// Adds; the key must be there.
    Count(Key, Value),
    /// Adds, to the third if the key is not there.
    CountOr(Key, Value, Value),
    /// [`changed`], by a closure.
    Update(Key, Value),
    SetElement(Key, Value),
    /// Puts the third in the place of the second.
    Swap(Key, Value, Value),
    /// Deletes the object if it has this value, by a match specification.
    DeleteWhere(Key, Value),
    /// Puts the third in the place of the second, by a match specification.
    ReplaceWhere(Key, Value, Value),
    Clear,
    PopFirst,
    PopLast,
    /// All objects from one key to another, both included.
    Range(Key, Key),
}

/// What it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    /// The key was not there, and that is an error.
    Missing,
    Flag(bool),
    Number(Value),
    Values(Vec<Value>),
    Objects(Vec<(Key, Value)>),
}

/// What [`Op::Update`] makes of a value, or of none.
pub(crate) fn changed(old: Option<Value>, by: Value) -> Option<Value> {
    match old {
        Some(old) if old % 5 == 0 => None,
        old => Some(old.unwrap_or(0) + by),
    }
}

impl Op {
    /// The keys that it looks at or changes; `None` for all.
    pub(crate) fn keys(&self) -> Option<Vec<Key>> {
        Some(match self {
            Self::InsertList(objects) | Self::InsertNewList(objects) => {
                objects.iter().map(|(key, _)| *key).collect()
            }
            Self::Batch { when, put, gone, shown } => {
                let all = put.iter().chain([when]).map(|(key, _)| *key);
                all.chain([*gone, *shown]).collect()
            }
            Self::Insert(key, _)
            | Self::InsertNew(key, _)
            | Self::Lookup(key)
            | Self::Member(key)
            | Self::Take(key)
            | Self::Delete(key)
            | Self::DeleteObject(key, _)
            | Self::Count(key, _)
            | Self::CountOr(key, ..)
            | Self::Update(key, _)
            | Self::SetElement(key, _)
            | Self::Swap(key, ..)
            | Self::DeleteWhere(key, _)
            | Self::ReplaceWhere(key, ..) => vec![*key],
            Self::Clear | Self::PopFirst | Self::PopLast | Self::Range(..) => return None,
        })
    }
}

/// The objects of a table by their keys, in the order of their insertion. No key has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State(BTreeMap<Key, Vec<Value>>);

impl State {
    pub(crate) fn get(&self, key: Key) -> &[Value] {
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Puts the objects of a key, if there are any.
    pub(crate) fn set(&mut self, key: Key, values: Vec<Value>) {
        if values.is_empty() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, values);
        }
    }

    /// The only object of a key.
    fn one(&self, key: Key) -> Option<Value> {
        self.get(key).first().copied()
    }

    fn take(&mut self, key: Key) -> Vec<Value> {
        self.0.remove(&key).unwrap_or_default()
    }

    fn insert(&mut self, kind: Kind, key: Key, value: Value) {
        let values = self.0.entry(key).or_default();
        match kind {
            Kind::DuplicateBag => values.push(value),
            Kind::Bag if values.contains(&value) => {}
            Kind::Bag => values.push(value),
            _ => *values = vec![value],
        }
    }

    fn insert_new(&mut self, kind: Kind, objects: &[(Key, Value)]) -> Answer {
        let new = !objects.iter().any(|(key, _)| self.0.contains_key(key));
        if new {
            objects.iter().for_each(|(key, value)| self.insert(kind, *key, *value));
        }
        Answer::Flag(new)
    }

    /// Puts `new` in the place of `old`, if that is there.
    fn swap(&mut self, key: Key, old: Value, new: Option<Value>) -> Answer {
        let same = self.one(key) == Some(old);
        if same {
            self.set(key, new.into_iter().collect());
        }
        Answer::Flag(same)
    }

    fn count(&mut self, key: Key, by: Value, default: Option<Value>) -> Answer {
        let Some(old) = self.one(key).or(default) else { return Answer::Missing };
        self.set(key, vec![old + by]);
        Answer::Number(old + by)
    }

    fn delete_object(&mut self, key: Key, value: Value) -> bool {
        let mut values = self.take(key);
        let before = values.len();
        values.retain(|other| *other != value);
        let deleted = values.len() < before;
        self.set(key, values);
        deleted
    }

    fn pop(&mut self, key: Option<Key>) -> Answer {
        let popped = key.map(|key| self.take(key).into_iter().map(move |value| (key, value)));
        Answer::Objects(popped.into_iter().flatten().collect())
    }

    fn range(&self, low: Key, high: Key) -> Answer {
        let within = self.0.iter().filter(|(key, _)| (low..=high).contains(*key));
        let all = within.flat_map(|(key, values)| values.iter().map(|value| (*key, *value)));
        Answer::Objects(all.collect())
    }

    /// Does what the operation does, and says what it says.
    pub(crate) fn apply(&mut self, kind: Kind, op: &Op) -> Answer {
        match *op {
            Op::Insert(key, value) => self.insert(kind, key, value),
            Op::InsertNew(key, value) => return self.insert_new(kind, &[(key, value)]),
            Op::InsertList(ref all) => {
                all.iter().for_each(|(key, value)| self.insert(kind, *key, *value));
            }
            Op::InsertNewList(ref objects) => return self.insert_new(kind, objects),
            Op::Batch { when: (key, value), ref put, gone, shown } => {
                if !self.get(key).contains(&value) {
                    return Answer::Flag(false);
                }
                put.iter().for_each(|(key, value)| self.insert(kind, *key, *value));
                self.take(gone);
                return Answer::Values(self.get(shown).to_vec());
            }
            Op::Lookup(key) => return Answer::Values(self.get(key).to_vec()),
            Op::Member(key) => return Answer::Flag(self.one(key).is_some()),
            Op::Take(key) => return Answer::Values(self.take(key)),
            Op::Delete(key) => drop(self.take(key)),
            Op::DeleteObject(key, value) => drop(self.delete_object(key, value)),
            Op::Count(key, by) => return self.count(key, by, None),
            Op::CountOr(key, by, default) => return self.count(key, by, Some(default)),
            Op::Update(key, by) => {
                let new = changed(self.one(key), by);
                self.set(key, new.into_iter().collect());
                return Answer::Values(new.into_iter().collect());
            }
            Op::SetElement(key, value) => {
                let exists = self.one(key).is_some();
                if exists {
                    self.set(key, vec![value]);
                }
                return Answer::Flag(exists);
            }
            Op::Swap(key, old, new) | Op::ReplaceWhere(key, old, new) => {
                return self.swap(key, old, Some(new));
            }
            Op::DeleteWhere(key, value) => return Answer::Flag(self.delete_object(key, value)),
            Op::Clear => self.0.clear(),
            Op::PopFirst => return self.pop(self.0.keys().next().copied()),
            Op::PopLast => return self.pop(self.0.keys().next_back().copied()),
            Op::Range(low, high) => return self.range(low, high),
        }
        Answer::Done
    }
}
