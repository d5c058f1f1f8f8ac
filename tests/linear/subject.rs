//! The operations of the model, done to a table. Where there are several ways to do one, each is
//! taken at times: they must come to the same.

use ferrets::{
    Access, CounterOp, Error, ErrorKind, Kind, MatchSpec, Object, ObjectRef, Objects, Owner,
    Result, Table, TableOptions, Term, TermRef, tuple,
};

use crate::model::{Answer, Key, Op, State, Value, changed};
use crate::rng::Rng;

/// Keys that there are terms for.
pub(crate) const KEYS: Key = 8;
/// Keys from this one on are texts, which an ordered set cannot tell apart by their beginnings.
const TEXTS: Key = 4;
/// The first of the numbers that are keys of objects that no history looks at.
const FILLERS: i64 = 1_000;

/// A table, and the parts that its objects are made of.
pub(crate) struct Subject {
    pub(crate) table: Table,
    keys: Vec<Term>,
    /// An object's third element follows from its key. The longest is too long for an object to be
    /// copied when it is read.
    pads: Vec<Term>,
}

impl Subject {
    pub(crate) fn new(owner: &Owner, kind: Kind) -> Self {
        let options = TableOptions::new(kind).access(Access::Public);
        let table = owner.new_table("history", options).expect("a table can be made");
        let key = |key: Key| match key {
            0..TEXTS => Term::new(i64::from(key) * 10),
            _ => Term::new(format!("what all of them begin with, {key}")),
        };
        let pad = |key: Key| Term::new("pad ".repeat([0, 5, 80][usize::from(key) % 3]));
        let all = |term: &dyn Fn(Key) -> Result<Term>| {
            (0..KEYS).map(|key| term(key).expect("these have terms")).collect()
        };
        Self { table, keys: all(&key), pads: all(&pad) }
    }

    fn kind(&self) -> Kind {
        self.table.kind()
    }

    fn is_set(&self) -> bool {
        matches!(self.kind(), Kind::Set | Kind::OrderedSet)
    }

    fn key(&self, key: Key) -> &Term {
        &self.keys[usize::from(key)]
    }

    fn object(&self, key: Key, value: Value) -> Term {
        tuple!(self.key(key).clone(), value, self.pads[usize::from(key)].clone())
    }

    fn objects(&self, all: &[(Key, Value)]) -> Vec<Term> {
        all.iter().map(|(key, value)| self.object(*key, *value)).collect()
    }

    /// Key and value of an object, which must be whole; `None` for a filler.
    pub(crate) fn read(&self, object: ObjectRef<'_>) -> Option<(Key, Value)> {
        let key = object.element(1).expect("objects have three elements");
        if key.as_i64().is_some_and(|number| number >= FILLERS) {
            return None;
        }
        let key = self.keys.iter().position(|own| own.as_ref() == key).expect("one of ours");
        assert_eq!(object.element(3), Some(self.pads[key].as_ref()), "a torn object: {object}");
        let value = object.element(2).and_then(TermRef::as_i64).expect("values are small");
        Some((key as Key, value))
    }

    #[allow(single_use_lifetimes, reason = "it cannot be left out in `impl` yet")]
    fn values<'o>(&self, key: Key, objects: impl IntoIterator<Item = ObjectRef<'o>>) -> Answer {
        let value = |object: ObjectRef<'_>| {
            let (other, value) = self.read(object).expect("no filler has this key");
            assert_eq!(other, key, "the object of another key: {object}");
            value
        };
        Answer::Values(objects.into_iter().map(value).collect())
    }

    fn values_of(&self, key: Key, objects: &Objects) -> Answer {
        self.values(key, objects.iter().map(Object::as_ref))
    }

    /// A specification with the key bound: `head` and `body` go on behind it.
    fn spec(&self, key: Key, head: &str, body: &str) -> MatchSpec {
        let key = self.key(key);
        let text = format!("[{{{{{key},{head}}},[],[{body}]}}]");
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Does it, and says what came out; `None` if the table could not say.
    pub(crate) fn perform(&self, op: &Op, rng: &mut Rng) -> Option<Answer> {
        let done = match op {
            Op::Insert(..) | Op::InsertNew(..) | Op::InsertList(_) | Op::InsertNewList(_) => {
                self.insert(op)
            }
            Op::Lookup(key) => self.lookup(*key, rng),
            Op::Member(key) if rng.one_in(2) => self.table.member(self.key(*key)).map(Answer::Flag),
            Op::Member(key) => {
                self.table.read(|view| view.member(self.key(*key))).map(Answer::Flag)
            }
            Op::Take(key) => {
                self.table.take(self.key(*key)).map(|taken| self.values_of(*key, &taken))
            }
            Op::Delete(key) => self.table.delete(self.key(*key)).map(|()| Answer::Done),
            Op::DeleteObject(key, value) => {
                self.table.delete_object(self.object(*key, *value)).map(|()| Answer::Done)
            }
            Op::Clear => self.table.delete_all_objects().map(|()| Answer::Done),
            Op::Batch { .. } => self.batch(op),
            Op::PopFirst | Op::PopLast | Op::Range(..) => self.along_keys(op, rng),
            _ => self.change(op, rng),
        };
        match done {
            Ok(answer) => Some(answer),
            Err(error) if error.kind() == ErrorKind::NoSuchKey => Some(Answer::Missing),
            // A range says so if it was never the same for as long as it takes to read it.
            Err(error) if error.kind() == ErrorKind::Contention && matches!(op, Op::Range(..)) => {
                None
            }
            Err(error) => panic!("{op:?} failed: {error:?}"),
        }
    }

    fn batch(&self, op: &Op) -> Result<Answer> {
        let Op::Batch { when, put, gone, shown } = op else { unreachable!("no batch") };
        let mut batch = self.table.batch();
        batch.if_object_is(self.object(when.0, when.1))?;
        for (key, value) in put {
            batch.insert(self.object(*key, *value))?;
        }
        batch.delete(self.key(*gone))?.lookup(self.key(*shown))?;
        Ok(match batch.commit()? {
            Ok(outcomes) => {
                let found = outcomes.last().expect("it has looked").objects();
                self.values(*shown, found.iter().map(Object::as_ref))
            }
            Err(_) => Answer::Flag(false),
        })
    }

    fn insert(&self, op: &Op) -> Result<Answer> {
        let table = &self.table;
        match op {
            Op::Insert(key, value) => {
                table.insert(self.object(*key, *value)).map(|()| Answer::Done)
            }
            Op::InsertNew(key, value) => {
                table.insert_new(self.object(*key, *value)).map(Answer::Flag)
            }
            Op::InsertList(all) => table.insert_list(self.objects(all)).map(|()| Answer::Done),
            Op::InsertNewList(all) => table.insert_new_list(self.objects(all)).map(Answer::Flag),
            _ => unreachable!("not an insert"),
        }
    }

    fn lookup(&self, key: Key, rng: &mut Rng) -> Result<Answer> {
        let (table, term) = (&self.table, self.key(key));
        let ways = if self.is_set() { 7 } else { 3 };
        match rng.below(ways) {
            0 => table.lookup(term).map(|found| self.values_of(key, &found)),
            1 => table.read(|view| {
                let mut found = Vec::new();
                view.each(term, |object| found.push(object));
                self.values(key, found)
            }),
            2 => table.lookup_many(&[term]).map(|found| self.values_of(key, &found[0])),
            3 => table.lookup_with(term, |object| self.values(key, object)),
            4 => {
                let value = table.lookup_element_or(term, 2, "none");
                value.map(|value| Answer::Values(value.as_i64().into_iter().collect()))
            }
            5 => {
                let found = table.select(&self.spec(key, "'$1','_'", "'$1'"))?;
                Ok(Answer::Values(found.iter().filter_map(Term::as_i64).collect()))
            }
            _ => {
                let pattern = tuple!(term.clone(), ferrets::atom!("_"), ferrets::atom!("_"));
                let found = table.match_object(&pattern)?;
                Ok(self.values(key, found.iter().map(Object::as_ref)))
            }
        }
    }

    fn change(&self, op: &Op, rng: &mut Rng) -> Result<Answer> {
        let number = |sum: Result<ferrets::Integer>| {
            sum.map(|sum| Answer::Number(sum.to_i64().expect("sums are small")))
        };
        let table = &self.table;
        match *op {
            Op::Count(key, by) if rng.one_in(4) => {
                let ops = [CounterOp::new(2, i64::MAX), CounterOp::new(2, by - i64::MAX)];
                number(table.update_counters(self.key(key), &ops).map(|mut sums| sums.remove(1)))
            }
            Op::Count(key, by) => number(table.update_counter(self.key(key), (2, by))),
            Op::CountOr(key, by, default) => {
                number(table.update_counter_or(self.key(key), (2, by), self.object(key, default)))
            }
            Op::Update(key, by) => {
                let value = |object: &Object| self.read(object.as_ref()).map(|(_, value)| value);
                let updated = table.update(self.key(key), |old| {
                    let new = changed(old.and_then(value), by);
                    Ok::<_, Error>(new.map(|value| self.object(key, value)))
                });
                updated.map(|updated| self.values_of(key, &updated))
            }
            Op::SetElement(key, value) => {
                table.update_element(self.key(key), 2, value).map(Answer::Flag)
            }
            Op::Swap(key, old, new) => {
                let (old, new) = (self.object(key, old), self.object(key, new));
                table.compare_and_swap(old, new).map(Answer::Flag)
            }
            Op::DeleteWhere(key, value) => {
                let spec = self.spec(key, &format!("{value},'_'"), "true");
                table.select_delete(&spec).map(|count| Answer::Flag(count > 0))
            }
            Op::ReplaceWhere(key, old, new) => {
                let body = format!("{{{{{},{new},'$1'}}}}", self.key(key));
                let spec = self.spec(key, &format!("{old},'$1'"), &body);
                table.select_replace(&spec).map(|count| Answer::Flag(count > 0))
            }
            _ => unreachable!("{op:?} is done elsewhere"),
        }
    }

    /// What only ordered sets have.
    fn along_keys(&self, op: &Op, rng: &mut Rng) -> Result<Answer> {
        let all = |objects: Vec<Object>| {
            Answer::Objects(
                objects.iter().filter_map(|object| self.read(object.as_ref())).collect(),
            )
        };
        let one = |object: Option<Object>| all(object.into_iter().collect());
        match *op {
            Op::PopFirst => self.table.pop_first().map(one),
            Op::PopLast => self.table.pop_last().map(one),
            Op::Range(low, high) if rng.one_in(2) => {
                let snapshot = self.table.snapshot()?;
                let objects = snapshot.range(self.key(low)..=self.key(high))?;
                objects.collect::<Result<_>>().map(all)
            }
            Op::Range(low, high) => {
                self.table.range(self.key(low)..=self.key(high))?.linearizable().map(all)
            }
            _ => unreachable!("{op:?} is done elsewhere"),
        }
    }

    /// Makes the table larger or smaller, with keys that no history looks at.
    pub(crate) fn churn(&self, rng: &mut Rng) {
        let first = FILLERS + 100 * rng.below(3) as i64;
        let some = first..first + 1 + rng.below(40) as i64;
        if rng.one_in(2) {
            let objects = some.map(|key| (key, 0, "beside"));
            self.table.insert_list(objects).expect("the table stands");
        } else {
            some.for_each(|key| self.table.delete(key).expect("the table stands"));
        }
    }

    /// What is in the table, when nobody writes.
    pub(crate) fn state(&self) -> State {
        let mut state = State::default();
        for key in 0..KEYS {
            let found = self.table.lookup(self.key(key)).expect("the table stands");
            let Answer::Values(values) = self.values_of(key, &found) else { unreachable!() };
            state.set(key, values);
        }
        state
    }
}
