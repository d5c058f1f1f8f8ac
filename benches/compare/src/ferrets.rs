//! Ferrets itself.

use std::marker::PhantomData;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ::ferrets::{
    Access, Bounds, Kind, Objects, Owner, Result, Store, Table, TableOptions, TermRef, ToTerm, View,
};

use crate::keys::Keys;
use crate::row::{MANY, RANGE};
use crate::subject::{HashSubject, Key, Pair, Tally, Text, bin};

/// Where the integer field is.
const N: usize = 2;

#[inline(always)]
fn integer(element: Option<TermRef<'_>>) -> Option<i64> {
    element.and_then(TermRef::as_i64)
}

/// A key that has a term, and what else begins as it does.
pub trait TermKey: Key + ToTerm {
    /// The keys of a group.
    fn prefix(group: i64) -> Result<Bounds>;

    /// The number of the key that is this term.
    fn number_of(term: TermRef<'_>) -> Option<i64>;
}

impl TermKey for i64 {
    /// No key of this kind has a beginning.
    fn prefix(_: i64) -> Result<Bounds> {
        unreachable!("numbers have no beginning")
    }

    #[inline(always)]
    fn number_of(term: TermRef<'_>) -> Option<i64> {
        term.as_i64()
    }
}

impl TermKey for Text {
    #[inline(always)]
    fn prefix(group: i64) -> Result<Bounds> {
        Bounds::bytes(&Text::of(group * RANGE as i64)[..14])
    }

    #[inline(always)]
    fn number_of(term: TermRef<'_>) -> Option<i64> {
        Some(Text::try_from(term.as_bytes()?).ok()?.number())
    }
}

impl TermKey for Pair {
    #[inline(always)]
    fn prefix(group: i64) -> Result<Bounds> {
        Bounds::tuple((group,), 2)
    }

    #[inline(always)]
    fn number_of(term: TermRef<'_>) -> Option<i64> {
        let View::Tuple(pair) = term.view() else { return None };
        Some((pair.get(0)?.as_i64()?, pair.get(1)?.as_i64()?).number())
    }
}

/// A public set, ordered or not, with the owner that keeps it alive.
pub struct Ferrets<const ORDERED: bool, K = i64> {
    table: Table,
    /// The same with order statistics.
    ranked: OnceLock<Table>,
    owner: Owner,
    _store: Store,
    keys: PhantomData<fn() -> K>,
}

impl<const ORDERED: bool, K: TermKey> HashSubject for Ferrets<ORDERED, K> {
    type Owned = Objects;

    fn new() -> Self {
        let store = Store::new();
        let owner = store.owner();
        let options = TableOptions::new(if ORDERED { Kind::OrderedSet } else { Kind::Set })
            .access(Access::Public);
        let table = owner.new_table("compare", options).expect("the name is free");
        Ferrets { table, ranked: OnceLock::new(), owner, _store: store, keys: PhantomData }
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Objects> {
        let objects = self.table.lookup(K::of(key)).expect("the table stands");
        (!objects.is_empty()).then_some(objects)
    }

    #[inline(always)]
    fn number(owned: &Objects) -> i64 {
        integer(owned[0].element(N)).expect("an integer was stored")
    }

    #[inline(always)]
    fn view(&self, keys: &mut Keys, count: u64, tally: &mut Tally) {
        self.table
            .read(|view| {
                for _ in 0..count {
                    let object = view.get(K::of(keys.next_key()));
                    tally.see(object.and_then(|object| integer(object.element(N))));
                }
            })
            .expect("the table stands");
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        self.table
            .read(|view| {
                view.get_many(&keys.map(K::of), |_, object| {
                    tally.see(object.and_then(|object| integer(object.element(N))));
                })
            })
            .and_then(|done| done)
            .expect("the table stands");
    }

    #[inline(always)]
    fn insert(&self, key: i64) {
        self.table.insert((K::of(key), key, &bin(key)[..])).expect("the table stands");
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        self.table.delete(K::of(key)).expect("the table stands");
    }

    #[inline(always)]
    fn increment(&self, key: i64) -> Option<i64> {
        self.table.update_counter(K::of(key), (N, 1)).ok().and_then(|sum| sum.to_i64())
    }

    #[inline(always)]
    fn range(&self, from: i64, count: usize, tally: &mut Tally) {
        self.table
            .read(|view| {
                let objects = view.range(K::of(from)..)?.take(count);
                let sum = objects.filter_map(|object| integer(object.element(N))).sum::<i64>();
                tally.see(Some(sum));
                Ok(())
            })
            .and_then(|done| done)
            .expect("the table stands");
    }

    #[inline(always)]
    fn prefix(&self, group: i64, tally: &mut Tally) {
        self.table
            .read(|view| {
                let objects = view.range(K::prefix(group)?)?;
                let sum = objects.filter_map(|object| integer(object.element(N))).sum::<i64>();
                tally.see(Some(sum));
                Ok(())
            })
            .and_then(|done| done)
            .expect("the table stands");
    }

    #[inline(always)]
    fn next(&self, key: i64) -> Option<i64> {
        K::number_of(self.table.next(K::of(key)).expect("the table stands")?.as_ref())
    }

    #[inline(always)]
    fn rank(&self, key: i64) -> Option<usize> {
        self.ranked.get()?.rank(K::of(key)).ok()
    }

    fn prepare_ranks(&self) {
        self.ranked.get_or_init(|| {
            let options = TableOptions::new(Kind::OrderedSet).access(Access::Public);
            let options = options.order_statistics(true);
            let table = self.owner.new_table("ranked", options).expect("the name is free");
            for object in self.table.range(..).expect("it is ordered") {
                table.insert(object.expect("the table stands")).expect("the table stands");
            }
            table
        });
    }

    fn with_snapshot(&self, body: &mut dyn FnMut(Duration)) {
        let begun = Instant::now();
        let snapshot = self.table.snapshot().expect("the table stands");
        body(begun.elapsed());
        drop(snapshot);
    }

    fn fold(&self, tally: &mut Tally) {
        self.table
            .read(|view| view.for_each(|object| tally.see(integer(object.element(N)))))
            .expect("the table stands");
    }
}
