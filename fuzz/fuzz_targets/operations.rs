//! Whatever the bytes say is done to a table and to a list of objects that is searched from end to
//! end; both say the same. All kinds, either key position, keys that are mean to each other, and
//! enough of them that tables grow and shrink.
//!
//! Which error an operation gives is for the oracle to know; here, what fails must fail in both,
//! and change nothing.

#![no_main]

use std::cmp::Ordering;
use std::sync::OnceLock;

use ferrets::{Error, Kind, MatchSpec, Object, Store, Table, TableOptions, Term, TermRef};
use libfuzzer_sys::fuzz_target;

/// Terms that some code may take for each other.
const TERMS: [&str; 32] = [
    "0",
    "1",
    "1.0",
    "-1",
    "2",
    "2.0",
    "0.0",
    "-0.0",
    "576460752303423487",
    "576460752303423488",
    "-576460752303423489",
    "9007199254740993",
    "9007199254740992.0",
    "a",
    "b",
    "[]",
    "<<>>",
    "<<\"a\">>",
    "<<\"a long beginning, 1\">>",
    "<<\"a long beginning, 2\">>",
    "<<1:3>>",
    "{}",
    "{1}",
    "{1.0}",
    "{1,a}",
    "[1]",
    "[1.0]",
    "[1|2]",
    "[1,2,3]",
    "#{}",
    "#{1=>2}",
    "#{1.0=>2}",
];

fn terms() -> &'static [Term] {
    static ALL: OnceLock<Vec<Term>> = OnceLock::new();
    ALL.get_or_init(|| TERMS.iter().map(|text| text.parse().expect("these are terms")).collect())
}

/// Choices, from the bytes of the fuzzer; zeros when they are used up.
struct Choices<'b>(&'b [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn term(&mut self) -> Term {
        let byte = self.byte();
        terms().get(usize::from(byte)).cloned().unwrap_or_else(|| Term::from(i64::from(byte)))
    }

    /// A tuple of up to four elements; most have enough for either key position.
    fn object(&mut self) -> Term {
        let size = [2, 3, 2, 4, 2, 3, 2, 1][usize::from(self.byte() % 8)];
        Term::tuple((0..size).map(|_| self.term())).expect("small tuples fit")
    }

    fn objects(&mut self) -> Vec<Term> {
        (0..self.byte() % 6).map(|_| self.object()).collect()
    }

    /// Some integers, one after the other.
    fn numbers(&mut self) -> Vec<Term> {
        let (first, many) = (i64::from(self.byte()) * 8, i64::from(self.byte()));
        (first..first + many).map(Term::from).collect()
    }
}

fn element(object: &Term, position: usize) -> Option<TermRef<'_>> {
    object.as_ref().as_tuple()?.get(position.checked_sub(1)?)
}

/// Erlang's order, in which `1` and `1.0` tie. That of Rust tells them apart.
fn erlang(a: TermRef<'_>, b: TermRef<'_>) -> Ordering {
    if a.equals(b) { Ordering::Equal } else { a.cmp(&b) }
}

/// A table as a list of objects, in the order of their insertion.
struct Model {
    kind: Kind,
    keypos: usize,
    objects: Vec<Term>,
}

impl Model {
    fn key<'o>(&self, object: &'o Term) -> Option<TermRef<'o>> {
        element(object, self.keypos)
    }

    fn same_key(&self, a: TermRef<'_>, b: TermRef<'_>) -> bool {
        if self.kind == Kind::OrderedSet { a.equals(b) } else { a == b }
    }

    fn is_set(&self) -> bool {
        matches!(self.kind, Kind::Set | Kind::OrderedSet)
    }

    fn has(&self, object: &Term, key: TermRef<'_>) -> bool {
        self.key(object).is_some_and(|other| self.same_key(other, key))
    }

    fn place(&self, key: TermRef<'_>) -> Option<usize> {
        self.objects.iter().position(|object| self.has(object, key))
    }

    fn lookup(&self, key: TermRef<'_>) -> Vec<Term> {
        self.objects.iter().filter(|object| self.has(object, key)).cloned().collect()
    }

    /// `None` if one of them has no key, and then nothing is inserted; else whether they were.
    fn insert(&mut self, objects: &[Term], new: bool) -> Option<bool> {
        let keys: Option<Vec<_>> = objects.iter().map(|object| self.key(object)).collect();
        if new && keys?.iter().any(|key| self.place(*key).is_some()) {
            return Some(false);
        }
        objects.iter().map(|object| self.key(object)).collect::<Option<Vec<_>>>()?;
        for object in objects {
            let at = self.key(object).and_then(|key| self.place(key));
            match at {
                Some(at) if self.is_set() => self.objects[at] = object.clone(),
                Some(_) if self.kind == Kind::Bag && self.objects.contains(object) => {}
                _ => self.objects.push(object.clone()),
            }
        }
        Some(true)
    }

    /// Which of some keys in ascending order an object has.
    fn which(&self, keys: &[Term], object: &Term) -> Option<usize> {
        let key = self.key(object)?;
        let at = keys.binary_search_by(|other| erlang(other.as_ref(), key)).ok()?;
        self.same_key(keys[at].as_ref(), key).then_some(at)
    }

    /// As [`insert`](Self::insert), for an object for each of these keys: through the list once,
    /// and not once for each of them.
    fn insert_numbers(&mut self, keys: &[Term], objects: &[Term]) {
        let mut there = vec![false; keys.len()];
        for place in 0..self.objects.len() {
            let Some(at) = self.which(keys, &self.objects[place]) else { continue };
            if self.is_set() {
                self.objects[place] = objects[at].clone();
            }
            there[at] |= self.kind != Kind::DuplicateBag && self.objects[place] == objects[at];
        }
        let new = objects.iter().zip(there).filter(|(_, there)| !there);
        self.objects.extend(new.map(|(object, _)| object.clone()));
    }

    fn remove(&mut self, doomed: impl Fn(&Self, &Term) -> bool) -> usize {
        let before = self.objects.len();
        let (_, stay) =
            std::mem::take(&mut self.objects).into_iter().partition(|object| doomed(self, object));
        self.objects = stay;
        before - self.objects.len()
    }

    /// Puts a value into the object of a key; `None` if that cannot be.
    fn set_element(
        &mut self,
        key: TermRef<'_>,
        position: usize,
        value: impl FnOnce(TermRef<'_>) -> Option<Term>,
    ) -> Option<bool> {
        let Some(at) = self.place(key) else { return Some(false) };
        let old = element(&self.objects[at], position)?;
        let value = if position == self.keypos { None } else { value(old) }?;
        let tuple = self.objects[at].as_ref().as_tuple()?;
        let mut elements: Vec<Term> =
            tuple.elements().map(|element| element.to_term().expect("it fits")).collect();
        elements[position - 1] = value;
        self.objects[at] = Term::tuple(elements).expect("it fits");
        Some(true)
    }

    /// In the order of keys, where there is one; else objects of one key in their order.
    fn sorted(&self) -> Vec<Term> {
        sorted(self.keypos, self.objects.clone())
    }
}

/// Keys that compare as equal, which only hash tables tell apart, by their text.
fn sorted(keypos: usize, mut objects: Vec<Term>) -> Vec<Term> {
    let text = |object: &Term| element(object, keypos).map(|key| key.to_string());
    objects.sort_by(|a, b| {
        let keys = element(a, keypos).cmp(&element(b, keypos));
        keys.then_with(|| text(a).cmp(&text(b)))
    });
    objects
}

fn owned(objects: &[Object]) -> Vec<Term> {
    objects.iter().map(|object| object.as_term().to_term().expect("it fits")).collect()
}

fn number(term: TermRef<'_>) -> Option<i128> {
    term.to_string().parse().ok()
}

/// A table and its model, to which the same is done.
struct Pair {
    table: Table,
    model: Model,
}

impl Pair {
    fn step(&mut self, choices: &mut Choices<'_>) -> Result<(), Error> {
        match choices.byte() % 24 {
            0..4 => self.insert(choices)?,
            4 => {
                let numbers = choices.numbers();
                let objects: Vec<Term> =
                    numbers.iter().map(|n| ferrets::term!({n.clone(), n.clone()})).collect();
                self.model.insert_numbers(&numbers, &objects);
                self.table.insert_list(&objects)?;
            }
            5 => {
                let numbers = choices.numbers();
                for key in &numbers {
                    self.table.delete(key)?;
                }
                self.model.remove(|model, object| model.which(&numbers, object).is_some());
            }
            6..12 => self.keyed(choices)?,
            12..17 => self.change(choices)?,
            17..19 => self.select(choices)?,
            19..22 if self.model.kind == Kind::OrderedSet => self.ordered(choices)?,
            22 if choices.byte() % 8 == 0 => {
                self.table.delete_all_objects()?;
                self.model.objects.clear();
            }
            _ => self.compare()?,
        }
        assert_eq!(self.table.len()?, self.model.objects.len());
        Ok(())
    }

    fn insert(&mut self, choices: &mut Choices<'_>) -> Result<(), Error> {
        let (new, list) = (choices.byte() % 3 == 0, choices.byte() % 3 == 0);
        let objects = if list { choices.objects() } else { vec![choices.object()] };
        let inserted = match (list, new) {
            (false, false) => self.table.insert(&objects[0]).map(|()| true),
            (false, true) => self.table.insert_new(&objects[0]),
            (true, false) => self.table.insert_list(&objects).map(|()| true),
            (true, true) => self.table.insert_new_list(&objects),
        };
        assert_eq!(inserted.ok(), self.model.insert(&objects, new), "{objects:?}");
        Ok(())
    }

    fn keyed(&mut self, choices: &mut Choices<'_>) -> Result<(), Error> {
        let (table, model) = (&self.table, &mut self.model);
        let what = choices.byte();
        let key = choices.term();
        let found = model.lookup(key.as_ref());
        match what % 6 {
            0 => assert_eq!(owned(&table.lookup(&key)?), found),
            1 => assert_eq!(table.member(&key)?, !found.is_empty()),
            2 => {
                assert_eq!(owned(&table.take(&key)?), found);
                model.remove(|model, object| model.has(object, key.as_ref()));
            }
            3 => {
                table.delete(&key)?;
                model.remove(|model, object| model.has(object, key.as_ref()));
            }
            4 => {
                let object = found.last().cloned().unwrap_or_else(|| choices.object());
                let deleted = table.delete_object(&object);
                assert_eq!(deleted.is_ok(), model.key(&object).is_some());
                if deleted.is_ok() {
                    model.remove(|_, other| *other == object);
                }
            }
            _ => {
                let keys = [key, choices.term(), choices.term()];
                let all = table.lookup_many(&keys)?;
                for (key, objects) in keys.iter().zip(&all) {
                    assert_eq!(owned(objects), model.lookup(key.as_ref()));
                }
            }
        }
        Ok(())
    }

    fn change(&mut self, choices: &mut Choices<'_>) -> Result<(), Error> {
        let (table, model) = (&self.table, &mut self.model);
        let (what, key) = (choices.byte(), choices.term());
        let position = usize::from(choices.byte() % 5);
        if !model.is_set() {
            assert!(table.update_counter(&key, (position, 1)).is_err());
            assert!(table.update_element(&key, position, 1).is_err());
            return Ok(());
        }
        match what % 4 {
            0 => {
                let by = number(choices.term().as_ref()).unwrap_or(1);
                let sum = table.update_counter(&key, (position, by as i64));
                let mut expected = None;
                let add = |old: TermRef<'_>| {
                    expected = number(old).map(|old| old + by);
                    expected.map(|sum| sum.to_string().parse().expect("a number"))
                };
                model.set_element(key.as_ref(), position, add);
                assert_eq!(sum.ok().map(|sum| sum.to_string()), expected.map(|n| n.to_string()));
            }
            1 => {
                let value = choices.term();
                let set = table.update_element(&key, position, &value);
                // A bad position is an error whether the key is there or not; ask when it is.
                if model.place(key.as_ref()).is_some() {
                    let expected = model.set_element(key.as_ref(), position, |_| Some(value));
                    assert_eq!(set.ok(), expected);
                }
            }
            2 => {
                let old = model.lookup(key.as_ref()).pop().unwrap_or_else(|| choices.object());
                let new = choices.object();
                let swapped = table.compare_and_swap(&old, &new);
                let keys = model.key(&old).zip(model.key(&new));
                if !keys.is_some_and(|(old, new)| model.same_key(old, new)) {
                    assert!(swapped.is_err());
                    return Ok(());
                }
                let at = model.objects.iter().position(|object| *object == old);
                assert_eq!(swapped?, at.is_some());
                if let Some(at) = at {
                    model.objects[at] = new;
                }
            }
            _ => {
                let new = if choices.byte() % 4 == 0 { None } else { Some(choices.object()) };
                let before = model.lookup(key.as_ref());
                let updated = table.update(&key, |old| {
                    assert_eq!(owned(old.map_or(&[], std::slice::from_ref)), before);
                    Ok(new.clone())
                });
                if new.as_ref().is_some_and(|new| !model.has(new, key.as_ref())) {
                    assert!(updated.is_err());
                    return Ok(());
                }
                assert_eq!(owned(&updated?), new.clone().into_iter().collect::<Vec<_>>());
                match new {
                    Some(new) => drop(model.insert(&[new], false)),
                    None => drop(model.remove(|model, object| model.has(object, key.as_ref()))),
                }
            }
        }
        Ok(())
    }

    /// Objects of two elements, of which one stands to a bound as the guard says.
    fn select(&mut self, choices: &mut Choices<'_>) -> Result<(), Error> {
        let (what, bound) = (choices.byte(), choices.term());
        let (variable, position) = if what & 1 == 0 { ("'$1'", 1) } else { ("'$2'", 2) };
        let (guard, accepted): (_, fn(TermRef<'_>, TermRef<'_>) -> bool) = match what >> 1 & 3 {
            0 => (">", |a, b| erlang(a, b).is_gt()),
            1 => ("=<", |a, b| erlang(a, b).is_le()),
            2 => ("==", |a, b| a.equals(b)),
            _ => ("=:=", |a, b| a == b),
        };
        let matches = |object: &Term| {
            element(object, 3).is_none()
                && element(object, 2).is_some()
                && element(object, position).is_some_and(|value| accepted(value, bound.as_ref()))
        };
        let spec = |body: &str| -> Result<MatchSpec, Error> {
            format!("[{{{{'$1','$2'}},[{{'{guard}',{variable},{{const,{bound}}}}}],[{body}]}}]")
                .parse()
        };
        let keypos = self.model.keypos;
        let expected: Vec<Term> =
            self.model.objects.iter().filter(|object| matches(object)).cloned().collect();
        assert_eq!(self.table.select_count(&spec("true")?)?, expected.len());
        let selected = self.table.select(&spec("'$_'")?)?;
        assert_eq!(sorted(keypos, selected), sorted(keypos, expected.clone()));
        if what & 0x18 == 0 {
            assert_eq!(self.table.select_delete(&spec("true")?)?, expected.len());
            self.model.remove(|_, object| matches(object));
        }
        Ok(())
    }

    fn ordered(&mut self, choices: &mut Choices<'_>) -> Result<(), Error> {
        let (what, low, high) = (choices.byte(), choices.term(), choices.term());
        let all = self.model.sorted();
        let key = |object: &Term| self.model.key(object).expect("it has one").to_term();
        let within = |object: &&Term| {
            let key = key(object).expect("it fits");
            let order = |end: &Term| erlang(key.as_ref(), end.as_ref());
            order(&low).is_ge() && order(&high).is_lt()
        };
        let expected: Vec<Term> = all.iter().filter(within).cloned().collect();
        match what % 5 {
            0 => {
                let found = self.table.range(&low..&high)?.collect::<Result<Vec<_>, _>>()?;
                assert_eq!(owned(&found), expected);
                let found = self.table.range_rev(&low..&high)?.linearizable()?;
                assert!(owned(&found).iter().eq(expected.iter().rev()));
            }
            1 => assert_eq!(self.table.count(&low..&high)?, expected.len()),
            2 => {
                assert_eq!(self.table.delete_range(&low..&high)?, expected.len());
                self.model.remove(|_, object| expected.contains(object));
            }
            3 => {
                let popped = self.table.pop_first()?;
                assert_eq!(
                    owned(popped.as_slice()),
                    all.first().cloned().into_iter().collect::<Vec<_>>()
                );
                self.model.remove(|_, object| Some(object) == all.first());
            }
            _ => {
                let popped = self.table.pop_last()?;
                assert_eq!(
                    owned(popped.as_slice()),
                    all.last().cloned().into_iter().collect::<Vec<_>>()
                );
                self.model.remove(|_, object| Some(object) == all.last());
            }
        }
        Ok(())
    }

    /// All objects, in several ways.
    fn compare(&self) -> Result<(), Error> {
        let (table, model) = (&self.table, &self.model);
        let expected = model.sorted();
        assert_eq!(sorted(model.keypos, owned(&table.tab2list()?)), expected);
        let mut walked = Vec::new();
        let mut at = table.first_lookup()?;
        while let Some((key, objects)) = at {
            walked.extend(owned(&objects));
            at = table.next_lookup(&key)?;
        }
        if model.kind == Kind::OrderedSet {
            assert_eq!(walked, expected);
            let mut back = Vec::new();
            let mut at = table.last_lookup()?;
            while let Some((key, objects)) = at {
                back.extend(owned(&objects));
                at = table.prev_lookup(&key)?;
            }
            assert!(back.iter().eq(expected.iter().rev()));
        } else {
            assert_eq!(sorted(model.keypos, walked), expected);
        }
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices(bytes);
    let first = choices.byte();
    let kind = Kind::ALL[usize::from(first % 4)];
    let keypos = 1 + usize::from(first >> 2 & 1);
    let store = Store::with_seed(u64::from(first >> 3));
    let owner = store.owner();
    let table = owner.new_table("t", TableOptions::new(kind).keypos(keypos)).expect("it is made");
    let mut pair = Pair { table, model: Model { kind, keypos, objects: Vec::new() } };
    while !choices.0.is_empty() {
        pair.step(&mut choices).expect("what is left to fail is checked where it is done");
    }
    pair.compare().expect("the table stands");
});
