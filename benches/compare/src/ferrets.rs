//! Ferrets itself.

use std::marker::PhantomData;

use ::ferrets::{
    Access, Bounds, Kind, Objects, Owner, Store, Table, TableOptions, TermRef, ToTerm, View,
};

use crate::keys::{Key, Keys, Pair, Text};
use crate::row::MANY;
use crate::subject::{HashSubject, Tally, bin};

/// Where the integer field is.
const N: usize = 2;

#[inline(always)]
fn integer(element: Option<TermRef<'_>>) -> Option<i64> {
    element.and_then(TermRef::as_i64)
}

/// A key as ferrets takes it.
pub trait TermKey: Key {
    /// The term it becomes.
    type Term<'k>: ToTerm
    where
        Self: 'k;

    /// Makes that.
    fn term(&self) -> Self::Term<'_>;

    /// The number of a key that a table gave out.
    fn number_in(term: TermRef<'_>) -> Option<i64>;

    /// All keys that begin as this one does.
    fn alike(&self) -> Bounds;
}

impl TermKey for i64 {
    type Term<'k> = i64;

    #[inline(always)]
    fn term(&self) -> i64 {
        *self
    }

    #[inline(always)]
    fn number_in(term: TermRef<'_>) -> Option<i64> {
        term.as_i64()
    }

    fn alike(&self) -> Bounds {
        unreachable!("an integer has no beginning")
    }
}

impl TermKey for Text {
    type Term<'k> = &'k [u8];

    #[inline(always)]
    fn term(&self) -> &[u8] {
        &self.0
    }

    #[inline(always)]
    fn number_in(term: TermRef<'_>) -> Option<i64> {
        Some(Text(term.as_bytes()?.try_into().ok()?).number())
    }

    #[inline(always)]
    fn alike(&self) -> Bounds {
        Bounds::bytes(&self.0[..Text::COMMON]).expect("it is short")
    }
}

impl TermKey for Pair {
    type Term<'k> = Pair;

    #[inline(always)]
    fn term(&self) -> Pair {
        *self
    }

    #[inline(always)]
    fn number_in(term: TermRef<'_>) -> Option<i64> {
        let View::Tuple(pair) = term.view() else { return None };
        Some((pair.get(0)?.as_i64()?, pair.get(1)?.as_i64()?).number())
    }

    #[inline(always)]
    fn alike(&self) -> Bounds {
        Bounds::tuple((self.0,), 2).expect("it is a tuple")
    }
}

/// A public set, ordered or not, with the owner that keeps it alive.
pub struct Ferrets<const ORDERED: bool, K = i64> {
    table: Table,
    _owner: Owner,
    _store: Store,
    keys: PhantomData<fn(K)>,
}

impl<const ORDERED: bool, K: TermKey> HashSubject for Ferrets<ORDERED, K> {
    type Owned = Objects;

    fn new() -> Self {
        let store = Store::new();
        let owner = store.owner();
        let options = TableOptions::new(if ORDERED { Kind::OrderedSet } else { Kind::Set })
            .access(Access::Public);
        let table = owner.new_table("compare", options).expect("the name is free");
        Ferrets { table, _owner: owner, _store: store, keys: PhantomData }
    }

    #[inline(always)]
    fn lookup(&self, key: i64) -> Option<Objects> {
        let objects = self.table.lookup(K::of(key).term()).expect("the table stands");
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
                    let object = view.get(K::of(keys.next_key()).term());
                    tally.see(object.and_then(|object| integer(object.element(N))));
                }
            })
            .expect("the table stands");
    }

    #[inline(always)]
    fn lookup_many(&self, keys: &[i64; MANY], tally: &mut Tally) {
        self.table
            .read(|view| {
                view.get_many(&keys.map(K::of).each_ref().map(K::term), |_, object| {
                    tally.see(object.and_then(|object| integer(object.element(N))));
                })
            })
            .and_then(|done| done)
            .expect("the table stands");
    }

    #[inline(always)]
    fn insert(&self, key: i64) {
        self.table.insert((K::of(key).term(), key, &bin(key)[..])).expect("the table stands");
    }

    #[inline(always)]
    fn delete(&self, key: i64) {
        self.table.delete(K::of(key).term()).expect("the table stands");
    }

    #[inline(always)]
    fn increment(&self, key: i64) -> Option<i64> {
        self.table.update_counter(K::of(key).term(), (N, 1)).ok().and_then(|sum| sum.to_i64())
    }

    #[inline(always)]
    fn range(&self, from: i64, count: usize, tally: &mut Tally) {
        let from = K::of(from);
        self.table
            .read(|view| {
                let objects = view.range(from.term()..)?.take(count);
                let sum = objects.filter_map(|object| integer(object.element(N))).sum::<i64>();
                tally.see(Some(sum));
                Ok(())
            })
            .and_then(|done| done)
            .expect("the table stands");
    }

    #[inline(always)]
    fn next(&self, key: i64) -> Option<i64> {
        K::number_in(self.table.next(K::of(key).term()).expect("the table stands")?.as_ref())
    }

    #[inline(always)]
    fn prefix(&self, of: i64, tally: &mut Tally) {
        self.table
            .read(|view| {
                let objects = view.range(K::of(of).alike())?;
                let sum = objects.filter_map(|object| integer(object.element(N))).sum::<i64>();
                tally.see(Some(sum));
                Ok(())
            })
            .and_then(|done| done)
            .expect("the table stands");
    }

    fn fold(&self, tally: &mut Tally) {
        self.table
            .read(|view| view.for_each(|object| tally.see(integer(object.element(N)))))
            .expect("the table stands");
    }
}
