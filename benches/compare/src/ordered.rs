//! The family `ordered`: tables of objects `{int, int, 32-byte binary}` in the order of keys.

use crate::Result;
use crate::family::{Family, Home, SIZES, Subject};
#[cfg(feature = "ferrets")]
use crate::ferrets::Ferrets;
use crate::hash::Server;
use crate::peers::concurrent_map::Concurrent;
use crate::peers::masstree::Masstree;
use crate::peers::rwlock_btreemap::RwLockBTreeMap;
use crate::peers::rwlock_indexset::RwLockIndexset;
use crate::peers::scc_tree::SccTree;
use crate::peers::skiplist::Skiplist;
use crate::remote::{Window, serve_lines};
use crate::row::{Keyed, Row};
use crate::subject::{HashSubject, Pair, Text};

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
        Row::Mixed,
        Row::CounterRandom,
        Row::CounterHot,
        Row::Range100,
        Row::Next,
        Row::SnapshotTake,
        Row::SnapshotWrite,
        Row::Rank,
        Row::Fold,
        Row::Tuple(Keyed::Prefix100),
        Row::Binary(Keyed::LookupHit),
        Row::Binary(Keyed::DeleteInsert),
        Row::Binary(Keyed::Mixed),
        Row::Binary(Keyed::Range100),
        Row::Binary(Keyed::Next),
        Row::Binary(Keyed::Prefix100),
        Row::Tuple(Keyed::LookupHit),
        Row::Tuple(Keyed::DeleteInsert),
        Row::Tuple(Keyed::Mixed),
        Row::Tuple(Keyed::Range100),
        Row::Tuple(Keyed::Next),
        Row::Bytes,
    ],
    subjects: &[
        Subject { id: "ferrets", home: Home::Rust },
        Subject { id: "ets", home: Home::Erlang },
        Subject { id: "ets_tuned", home: Home::Erlang },
        Subject { id: "scc_tree_index", home: Home::Rust },
        Subject { id: "masstree", home: Home::Rust },
        Subject { id: "crossbeam_skiplist", home: Home::Rust },
        Subject { id: "concurrent_map", home: Home::Rust },
        Subject { id: "rwlock_btreemap", home: Home::Rust },
        Subject { id: "rwlock_indexset", home: Home::Rust },
    ],
    sizes: SIZES,
    size_is: "objects",
    takes_part,
    serve,
};

/// Snapshots and ranks are for those that have them, beside one rival each. Trees and lists whose
/// entries are never written cannot add in one step.
fn takes_part(subject: &str, row: Row) -> bool {
    match row {
        Row::SnapshotTake | Row::SnapshotWrite => matches!(subject, "ferrets" | "rwlock_btreemap"),
        Row::Rank => matches!(subject, "ferrets" | "rwlock_indexset"),
        Row::Binary(_) | Row::Tuple(_) => subject != "rwlock_indexset",
        Row::CounterRandom | Row::CounterHot => {
            !matches!(subject, "scc_tree_index" | "masstree" | "crossbeam_skiplist")
        }
        _ => true,
    }
}

/// Answers for one subject until standard input ends.
fn serve(subject: &str, objects: u64) -> Result<()> {
    match subject {
        #[cfg(feature = "ferrets")]
        "ferrets" => three::<Ferrets<true>, Ferrets<true, Text>, Ferrets<true, Pair>>(objects),
        "scc_tree_index" => three::<SccTree<i64>, SccTree<Text>, SccTree<Pair>>(objects),
        "masstree" => three::<Masstree<i64>, Masstree<Text>, Masstree<Pair>>(objects),
        "crossbeam_skiplist" => three::<Skiplist<i64>, Skiplist<Text>, Skiplist<Pair>>(objects),
        "concurrent_map" => three::<Concurrent<i64>, Concurrent<Text>, Concurrent<Pair>>(objects),
        "rwlock_btreemap" => {
            three::<RwLockBTreeMap<i64>, RwLockBTreeMap<Text>, RwLockBTreeMap<Pair>>(objects)
        }
        "rwlock_indexset" => {
            three::<RwLockIndexset<i64>, RwLockIndexset<Text>, RwLockIndexset<Pair>>(objects)
        }
        other => Err(format!("no subject called `{other}` is built in").into()),
    }
}

/// Serves three tables of a subject, for three kinds of keys. Those of other keys than integers are
/// filled when they are first asked for.
fn three<I: HashSubject, B: HashSubject, T: HashSubject>(objects: u64) -> Result<()> {
    let (mut integers, mut binaries, mut tuples) = (Server::<I>::new(objects), None, None);
    serve_lines(|window| {
        let Some(window) = window else { return Ok(integers.build()) };
        match window.row {
            Row::Binary(keyed) => {
                filled::<B>(&mut binaries, objects).window(Window { row: keyed.plain(), ..window })
            }
            Row::Tuple(keyed) => {
                filled::<T>(&mut tuples, objects).window(Window { row: keyed.plain(), ..window })
            }
            _ => integers.window(window),
        }
    })
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
    use crate::subject::Tally;

    #[test]
    fn rows_hold() {
        all_rows_hold::<SccTree<i64>>(&FAMILY, "scc_tree_index");
        all_rows_hold::<SccTree<Text>>(&FAMILY, "scc_tree_index");
        all_rows_hold::<SccTree<Pair>>(&FAMILY, "scc_tree_index");
        all_rows_hold::<Masstree<i64>>(&FAMILY, "masstree");
        all_rows_hold::<Masstree<Text>>(&FAMILY, "masstree");
        all_rows_hold::<Masstree<Pair>>(&FAMILY, "masstree");
        all_rows_hold::<Skiplist<i64>>(&FAMILY, "crossbeam_skiplist");
        all_rows_hold::<Skiplist<Text>>(&FAMILY, "crossbeam_skiplist");
        all_rows_hold::<Skiplist<Pair>>(&FAMILY, "crossbeam_skiplist");
        all_rows_hold::<Concurrent<i64>>(&FAMILY, "concurrent_map");
        all_rows_hold::<Concurrent<Text>>(&FAMILY, "concurrent_map");
        all_rows_hold::<Concurrent<Pair>>(&FAMILY, "concurrent_map");
        all_rows_hold::<RwLockBTreeMap<i64>>(&FAMILY, "rwlock_btreemap");
        all_rows_hold::<RwLockBTreeMap<Text>>(&FAMILY, "rwlock_btreemap");
        all_rows_hold::<RwLockBTreeMap<Pair>>(&FAMILY, "rwlock_btreemap");
        all_rows_hold::<RwLockIndexset<i64>>(&FAMILY, "rwlock_indexset");
        all_rows_hold::<RwLockIndexset<Text>>(&FAMILY, "rwlock_indexset");
        all_rows_hold::<RwLockIndexset<Pair>>(&FAMILY, "rwlock_indexset");
        #[cfg(feature = "ferrets")]
        {
            all_rows_hold::<Ferrets<true>>(&FAMILY, "ferrets");
            all_rows_hold::<Ferrets<true, Text>>(&FAMILY, "ferrets");
            all_rows_hold::<Ferrets<true, Pair>>(&FAMILY, "ferrets");
        }
    }

    /// A prefix has a hundred objects, and they are the right ones.
    fn prefixes_hold<S: HashSubject>() {
        let table = S::new();
        (0..1_000).for_each(|key| table.insert(key));
        let mut tally = Tally::default();
        table.prefix(2, &mut tally);
        assert_eq!((tally.found, tally.sum), (1, (200..300_i64).sum::<i64>()));
        assert!((0..999).all(|key| table.next(key) == Some(key + 1)));
        assert_eq!(table.next(999), None);
    }

    #[test]
    fn prefixes_are_whole() {
        prefixes_hold::<SccTree<Text>>();
        prefixes_hold::<Masstree<Pair>>();
        prefixes_hold::<Skiplist<Pair>>();
        prefixes_hold::<Concurrent<Text>>();
        prefixes_hold::<RwLockBTreeMap<Pair>>();
        #[cfg(feature = "ferrets")]
        {
            prefixes_hold::<Ferrets<true, Text>>();
            prefixes_hold::<Ferrets<true, Pair>>();
        }
    }
}
