//! Traversals: an object that is in the table from the beginning of a walk to its end is met
//! exactly once, however the table grows and shrinks meanwhile; one that comes or goes is met once
//! or not at all; one that is not there is not met. Of a set, also a *key* that is there throughout
//! is met exactly once, with one of the objects that it had.
//!
//! Each key has one writer, who notes when each of its objects came and went, so that for every
//! walk it is known which objects fall under which of the three.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrets::{
    Access, Chunk, FromTerm, Kind, MatchSpec, Object, ObjectRef, Owner, Result, Table,
    TableOptions, Term,
};

use crate::play::THREADS;
use crate::rng::Rng;

/// Keys of each writer; and the keys of nobody, whose objects stand.
const KEYS: i64 = 40;
const STANDING: i64 = 12;
/// Steps of a writer.
const STEPS: usize = 60;
/// Objects that a key of a bag has at most.
const MANY: usize = 6;

/// From before an operation to after it.
#[derive(Clone, Copy, Debug)]
struct Span {
    begun: u64,
    ended: u64,
}

impl Span {
    fn is_before(self, other: Self) -> bool {
        self.ended < other.begun
    }
}

/// An object, and when it came and went.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    key: i64,
    value: i64,
    born: Span,
    died: Option<Span>,
}

impl Life {
    fn is_throughout(&self, walk: Span) -> bool {
        self.born.is_before(walk) && self.died.is_none_or(|died| walk.is_before(died))
    }

    fn is_never(&self, walk: Span) -> bool {
        walk.is_before(self.born) || self.died.is_some_and(|died| died.is_before(walk))
    }
}

/// What a walk met.
#[derive(Debug)]
pub(crate) struct Walk {
    way: &'static str,
    span: Span,
    met: Vec<(i64, i64)>,
}

/// What a thread has done.
pub(crate) enum Part {
    Writer(Vec<Life>),
    Walker(Vec<Walk>),
}

/// A table that some write and one walks over.
pub(crate) struct Scene {
    kind: Kind,
    table: Table,
    clock: AtomicU64,
    everything: MatchSpec,
}

impl Scene {
    pub(crate) fn new(owner: &Owner, kind: Kind) -> Self {
        let options = TableOptions::new(kind).access(Access::Public);
        let table = owner.new_table("walks", options).expect("a table can be made");
        let standing = (-STANDING..0).map(|key| (key, 0));
        table.insert_list(standing).expect("the table stands");
        let everything = "[{'$1',[],['$1']}]".parse().expect("a specification");
        Self { kind, table, clock: AtomicU64::new(2), everything }
    }

    fn is_set(&self) -> bool {
        matches!(self.kind, Kind::Set | Kind::OrderedSet)
    }

    fn timed<R>(&self, f: impl FnOnce() -> R) -> (Span, R) {
        let begun = self.clock.fetch_add(1, Ordering::AcqRel);
        let result = f();
        (Span { begun, ended: self.clock.fetch_add(1, Ordering::AcqRel) }, result)
    }

    /// The part of a thread: the last one walks.
    pub(crate) fn play(&self, thread: usize, seed: u64) -> Part {
        let mut rng = Rng::new(seed, thread as u64);
        if thread == THREADS - 1 {
            let walks = (0..6).map(|_| self.walk(&mut rng));
            return Part::Walker(walks.collect());
        }
        let mut writer =
            Writer { scene: self, first: KEYS * thread as i64, lives: Vec::new(), fresh: 0 };
        (0..STEPS).for_each(|_| writer.step(&mut rng));
        Part::Writer(writer.lives)
    }

    fn walk(&self, rng: &mut Rng) -> Walk {
        let ways = if self.kind == Kind::OrderedSet { 11 } else { 8 };
        let (way, mut met) = (rng.below(ways), Vec::new());
        let (span, way) = self.timed(|| match way {
            0..8 => self.walk_some_way(way, &mut met),
            _ => self.walk_along_keys(way, &mut met),
        });
        Walk { way: way.expect("the table stands"), span, met }
    }

    fn walk_some_way(&self, way: u64, met: &mut Vec<(i64, i64)>) -> Result<&'static str> {
        let table = &self.table;
        let objects = |all: &[Object]| all.iter().map(|object| pair(object.as_ref())).collect();
        let terms = |all: &[Term]| {
            all.iter().map(|term| <(i64, i64)>::from_term(term.as_ref()).expect("a pair")).collect()
        };
        Ok(match way {
            0 => {
                *met = objects(&table.tab2list()?);
                "tab2list"
            }
            1 => {
                table.foldl((), |object, ()| met.push(pair(object.as_ref())))?;
                "foldl"
            }
            2 => {
                table.foldr((), |object, ()| met.push(pair(object.as_ref())))?;
                "foldr"
            }
            3 => {
                table.read(|view| view.for_each(|object| met.push(pair(object))))?;
                "for_each"
            }
            4 => {
                let filtered = table.filter(|object| pair(object).1 >= 0)?;
                *met = objects(&filtered);
                "filter"
            }
            5 => {
                *met = terms(&table.select(&self.everything)?);
                "select"
            }
            6 => {
                let three = NonZeroUsize::new(3).expect("not zero");
                let mut chunk = table.select_chunk(&self.everything, three)?;
                while let Some(Chunk { results, rest, .. }) = chunk {
                    met.extend::<Vec<_>>(terms(&results));
                    chunk = rest.map_or(Ok(None), |rest| table.resume(rest))?;
                }
                "select in pieces"
            }
            _ => {
                let _fixation = table.fix()?;
                let mut at = table.first_lookup()?;
                while let Some((key, some)) = at {
                    met.extend::<Vec<_>>(objects(&some));
                    at = table.next_lookup(&key)?;
                }
                "next"
            }
        })
    }

    /// Ways that only ordered sets have.
    fn walk_along_keys(&self, way: u64, met: &mut Vec<(i64, i64)>) -> Result<&'static str> {
        let table = &self.table;
        Ok(match way {
            8 => {
                let mut at = table.last_lookup()?;
                while let Some((key, some)) = at {
                    met.extend(some.iter().map(|object| pair(object.as_ref())));
                    at = table.prev_lookup(&key)?;
                }
                "prev"
            }
            9 => {
                for object in table.range(..)? {
                    met.push(pair(object?.as_ref()));
                }
                "range"
            }
            _ => {
                *met = table.read(|view| Ok(view.range_rev(..)?.map(pair).collect()))??;
                "range_rev"
            }
        })
    }

    /// Checks what the threads have done; says how many walks there were.
    pub(crate) fn check(&self, parts: Vec<Part>) -> std::result::Result<usize, String> {
        let since_ever = Span { begun: 0, ended: 1 };
        let standing = |key| Life { key, value: 0, born: since_ever, died: None };
        let mut lives: Vec<Life> = (-STANDING..0).map(standing).collect();
        let mut walks = Vec::new();
        for part in parts {
            match part {
                Part::Writer(more) => lives.extend(more),
                Part::Walker(more) => walks.extend(more),
            }
        }
        walks.iter().try_for_each(|walk| check_walk(self.is_set(), &lives, walk))?;
        Ok(walks.len())
    }
}

/// Key and value.
fn pair(object: ObjectRef<'_>) -> (i64, i64) {
    let number = |at| object.element(at).and_then(|number| number.as_i64()).expect("a number");
    (number(1), number(2))
}

/// The only one who writes to some keys.
struct Writer<'a> {
    scene: &'a Scene,
    first: i64,
    lives: Vec<Life>,
    /// The last value; none is used twice.
    fresh: i64,
}

impl Writer<'_> {
    fn alive(&self, key: i64) -> Vec<usize> {
        let lives = self.lives.iter().enumerate();
        let alive = lives.filter(|(_, life)| life.key == key && life.died.is_none());
        alive.map(|(at, _)| at).collect()
    }

    fn bear(&mut self, objects: Vec<(i64, i64)>, insert: impl FnOnce(&Table, &[(i64, i64)])) {
        let (born, ()) = self.scene.timed(|| insert(&self.scene.table, &objects));
        for (key, value) in objects {
            if self.scene.is_set() {
                self.alive(key).into_iter().for_each(|at| self.lives[at].died = Some(born));
            }
            self.lives.push(Life { key, value, born, died: None });
        }
    }

    fn kill(&mut self, all: &[usize], delete: impl FnOnce(&Table)) {
        let (died, ()) = self.scene.timed(|| delete(&self.scene.table));
        all.iter().for_each(|at| self.lives[*at].died = Some(died));
    }

    fn step(&mut self, rng: &mut Rng) {
        let key = self.first + rng.below(KEYS as u64) as i64;
        let value = self.fresh + 1;
        self.fresh += KEYS;
        let alive = self.alive(key);
        match rng.below(8) {
            0 => {
                let some: Vec<_> = (key..self.first + KEYS).zip(value..).collect();
                let some = some.into_iter().filter(|(key, _)| self.alive(*key).len() < MANY);
                self.bear(some.collect(), |table, all| {
                    table.insert_list(all.to_vec()).expect("the table stands");
                });
            }
            1 => {
                for key in self.first..key {
                    let alive = self.alive(key);
                    self.kill(&alive, |table| table.delete(key).expect("the table stands"));
                }
            }
            2 if !alive.is_empty() => {
                let one = *rng.pick(&alive);
                let object = (key, self.lives[one].value);
                self.kill(&[one], |table| table.delete_object(object).expect("it stands"));
            }
            3 if !alive.is_empty() => self.kill(&alive, |table| {
                let taken = table.take(key).expect("the table stands");
                assert_eq!(taken.len(), alive.len(), "nobody else writes to {key}");
            }),
            _ if alive.len() < MANY => self.bear(vec![(key, value)], |table, all| {
                table.insert(all[0]).expect("the table stands");
            }),
            _ => self.kill(&alive, |table| table.delete(key).expect("the table stands")),
        }
    }
}

fn check_walk(set: bool, lives: &[Life], walk: &Walk) -> std::result::Result<(), String> {
    let wrong = |what: String| Err(format!("{} {:?}: {what}", walk.way, walk.span));
    let mut times: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    for pair in &walk.met {
        *times.entry(*pair).or_default() += 1;
    }
    let mut keys: BTreeMap<i64, (usize, Vec<&Life>)> = BTreeMap::new();
    for life in lives {
        let met = times.remove(&(life.key, life.value)).unwrap_or(0);
        let (low, high) =
            (usize::from(life.is_throughout(walk.span)), usize::from(!life.is_never(walk.span)));
        if !(low..=high).contains(&met) {
            return wrong(format!("met {met} times, not {low} to {high}: {life:?}"));
        }
        let of_key = keys.entry(life.key).or_default();
        of_key.0 += met;
        of_key.1.push(life);
    }
    if let Some((pair, _)) = times.first_key_value() {
        return wrong(format!("met {pair:?}, which nobody has inserted"));
    }
    for (met, lives) in keys.values().filter(|_| set) {
        if is_present(lives, walk.span) && *met != 1 {
            return wrong(format!("met a key {met} times that was there throughout: {lives:#?}"));
        }
    }
    Ok(())
}

/// Whether a key of a set, with these objects one after the other, was there throughout.
fn is_present(lives: &[&Life], walk: Span) -> bool {
    let mut since = None;
    for life in lives {
        let begins = since.is_none();
        if begins {
            since = Some(life.born);
        }
        let replaced =
            life.died.is_some_and(|died| lives.iter().any(|next| next.born.begun == died.begun));
        if replaced {
            continue;
        }
        let whole = Life { born: since.take().expect("set above"), ..(*life).clone() };
        if whole.is_throughout(walk) {
            return true;
        }
    }
    false
}

#[test]
fn the_oracle_of_walks_refuses_what_is_wrong() {
    let span = |begun, ended| Span { begun, ended };
    let life = |value, born, died| Life { key: 1, value, born, died };
    let verdict = |set, lives: &[Life], met: &[i64]| {
        let met = met.iter().map(|value| (1, *value)).collect();
        check_walk(set, lives, &Walk { way: "test", span: span(10, 20), met }).is_ok()
    };
    let standing = [life(7, span(1, 2), None)];
    assert!(verdict(true, &standing, &[7]));
    assert!(!verdict(true, &standing, &[]) && !verdict(true, &standing, &[7, 7]));
    assert!(!verdict(true, &standing, &[7, 8]), "8 is from nowhere");
    let comes = [life(7, span(11, 12), None)];
    assert!(verdict(true, &comes, &[]) && verdict(true, &comes, &[7]));
    assert!(!verdict(true, &comes, &[7, 7]));
    let gone = [life(7, span(1, 2), Some(span(3, 4)))];
    assert!(verdict(true, &gone, &[]) && !verdict(true, &gone, &[7]));
    let late = [life(7, span(21, 22), None)];
    assert!(verdict(true, &late, &[]) && !verdict(true, &late, &[7]));
    // Replaced meanwhile: the key is there throughout.
    let replaced = [life(7, span(1, 2), Some(span(12, 13))), life(8, span(12, 13), None)];
    assert!(verdict(true, &replaced, &[7]) && verdict(true, &replaced, &[8]));
    assert!(!verdict(true, &replaced, &[]) && !verdict(true, &replaced, &[7, 8]));
    assert!(verdict(false, &replaced, &[7, 8]), "in a bag these are two");
}
