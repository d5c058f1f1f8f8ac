//! The family `ordered`: tables of objects `{int, int, 32-byte binary}` in the order of keys.

use crate::Result;
use crate::family::{Family, Home, SIZES, Subject};
use crate::hash::Server;
use crate::keys::{Pair, Text};
use crate::peers::concurrent_map::Concurrent;
use crate::peers::rwlock_btreemap::RwLockBTreeMap;
use crate::peers::scc_tree::SccTree;
use crate::peers::skiplist::Skiplist;
use crate::remote::{Window, serve_lines};
use crate::row::{Keyed, Row};
use crate::subject::HashSubject;

/// The family.
pub const FAMILY: Family = Family {
    id: "ordered",
    about: "The same objects, in the order of their keys.",
    rows: &[
        Row::LookupHit,
        Row::LookupMiss,
        Row::HotKey,
        Row::View,
        Row::LookupMany,
        Row::InsertFresh,
        Row::Overwrite,
        Row::DeleteInsert,
        Row::CounterRandom,
        Row::CounterHot,
        Row::Mixed,
        Row::Range100,
        Row::Next,
        Row::Fold,
        Row::Bytes,
        Row::Binary(Keyed::LookupHit),
        Row::Binary(Keyed::InsertFresh),
        Row::Binary(Keyed::DeleteInsert),
        Row::Binary(Keyed::Range100),
        Row::Binary(Keyed::Next),
        Row::Binary(Keyed::Prefix100),
        Row::Tuple(Keyed::LookupHit),
        Row::Tuple(Keyed::InsertFresh),
        Row::Tuple(Keyed::DeleteInsert),
        Row::Tuple(Keyed::Range100),
        Row::Tuple(Keyed::Next),
        Row::Tuple(Keyed::Prefix100),
    ],
    subjects: &[
        Subject { id: "ferrets", home: Home::Rust },
        Subject { id: "ets", home: Home::Erlang },
        Subject { id: "ets_tuned", home: Home::Erlang },
        Subject { id: "scc_tree_index", home: Home::Rust },
        Subject { id: "crossbeam_skiplist", home: Home::Rust },
        Subject { id: "concurrent_map", home: Home::Rust },
        Subject { id: "rwlock_btreemap", home: Home::Rust },
    ],
    sizes: SIZES,
    size_is: "objects",
    takes_part,
    serve,
};

/// The trees and lists whose entries are never written cannot add in one step.
fn takes_part(subject: &str, row: Row) -> bool {
    let counts = matches!(row, Row::CounterRandom | Row::CounterHot);
    !(counts && matches!(subject, "scc_tree_index" | "crossbeam_skiplist"))
}

/// Answers for one subject until standard input ends.
fn serve(subject: &str, objects: u64) -> Result<()> {
    match subject {
        #[cfg(feature = "ferrets")]
        "ferrets" => {
            use crate::ferrets::Ferrets;
            Servers::<Ferrets<true>, Ferrets<true, Text>, Ferrets<true, Pair>>::new(objects).serve()
        }
        "scc_tree_index" => Servers::<SccTree, SccTree<Text>, SccTree<Pair>>::new(objects).serve(),
        "crossbeam_skiplist" => {
            Servers::<Skiplist, Skiplist<Text>, Skiplist<Pair>>::new(objects).serve()
        }
        "concurrent_map" => {
            Servers::<Concurrent, Concurrent<Text>, Concurrent<Pair>>::new(objects).serve()
        }
        "rwlock_btreemap" => {
            type Locked<K> = RwLockBTreeMap<K>;
            Servers::<Locked<i64>, Locked<Text>, Locked<Pair>>::new(objects).serve()
        }
        other => Err(format!("no subject called `{other}` is built in").into()),
    }
}

/// One subject with tables for each kind of key; those that are not integers are filled when they
/// are asked for.
struct Servers<I, B, T> {
    objects: u64,
    integers: Server<I>,
    binaries: Option<Server<B>>,
    tuples: Option<Server<T>>,
}

impl<I: HashSubject, B: HashSubject, T: HashSubject> Servers<I, B, T> {
    fn new(objects: u64) -> Self {
        Servers { objects, integers: Server::new(objects), binaries: None, tuples: None }
    }

    fn serve(mut self) -> Result<()> {
        serve_lines(|window| match window {
            None => Ok(self.integers.build()),
            Some(window) => self.window(window),
        })
    }

    fn window(&mut self, window: Window) -> Result<f64> {
        match window.row {
            Row::Binary(keyed) => filled(&mut self.binaries, self.objects)
                .window(Window { row: keyed.plain(), ..window }),
            Row::Tuple(keyed) => filled(&mut self.tuples, self.objects)
                .window(Window { row: keyed.plain(), ..window }),
            _ => self.integers.window(window),
        }
    }
}

fn filled<S: HashSubject>(server: &mut Option<Server<S>>, objects: u64) -> &mut Server<S> {
    server.get_or_insert_with(|| {
        let mut server = Server::new(objects);
        server.build();
        server
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::tests::all_rows_hold;
    use crate::row::OPS_STEP;

    #[test]
    fn rows_hold() {
        all_rows_hold::<SccTree>(&FAMILY, "scc_tree_index");
        all_rows_hold::<Skiplist>(&FAMILY, "crossbeam_skiplist");
        all_rows_hold::<Concurrent>(&FAMILY, "concurrent_map");
        all_rows_hold::<RwLockBTreeMap>(&FAMILY, "rwlock_btreemap");
        #[cfg(feature = "ferrets")]
        all_rows_hold::<crate::ferrets::Ferrets<true>>(&FAMILY, "ferrets");
    }

    /// Every operation finds what it asks for; a window fails otherwise.
    fn other_keys_hold<I: HashSubject, B: HashSubject, T: HashSubject>() {
        let mut servers = Servers::<I, B, T>::new(2_000);
        let is_other = |row: &&Row| matches!(row, Row::Binary(_) | Row::Tuple(_));
        for &row in FAMILY.rows.iter().filter(is_other) {
            servers.window(Window { row, threads: 2, ops: OPS_STEP, seed: 9 }).unwrap();
        }
    }

    #[test]
    fn rows_hold_with_other_keys() {
        other_keys_hold::<SccTree, SccTree<Text>, SccTree<Pair>>();
        other_keys_hold::<Skiplist, Skiplist<Text>, Skiplist<Pair>>();
        other_keys_hold::<Concurrent, Concurrent<Text>, Concurrent<Pair>>();
        other_keys_hold::<RwLockBTreeMap, RwLockBTreeMap<Text>, RwLockBTreeMap<Pair>>();
    }

    /// A prefix has a hundred objects, and they are the right ones.
    fn prefixes_hold<S: HashSubject>() {
        let table = S::new();
        (0..1_000).for_each(|key| table.insert(key));
        let mut tally = crate::subject::Tally::default();
        table.prefix(250, &mut tally);
        assert_eq!((tally.found, tally.sum), (1, (200..300_i64).sum::<i64>()));
        let next = (0..999).all(|key| table.next(key) == Some(key + 1));
        assert!(next && table.next(999).is_none());
    }

    #[test]
    fn prefixes_are_whole() {
        prefixes_hold::<SccTree<Text>>();
        prefixes_hold::<Skiplist<Pair>>();
        prefixes_hold::<Concurrent<Text>>();
        prefixes_hold::<RwLockBTreeMap<Pair>>();
        #[cfg(feature = "ferrets")]
        {
            use crate::ferrets::Ferrets;
            other_keys_hold::<Ferrets<true>, Ferrets<true, Text>, Ferrets<true, Pair>>();
            prefixes_hold::<Ferrets<true, Text>>();
            prefixes_hold::<Ferrets<true, Pair>>();
        }
    }
}
