//! The family `ordered`: tables of objects `{int, int, 32-byte binary}` in the order of keys.

use crate::Result;
use crate::family::{Family, Home, Subject};
#[cfg(feature = "ferrets")]
use crate::ferrets::Ferrets;
use crate::hash::{Server, serve_lines};
use crate::peers::masstree::Masstree;
use crate::peers::rwlock_btreemap::RwLockBTreeMap;
use crate::peers::rwlock_indexset::RwLockIndexset;
use crate::peers::scc_tree::SccTree;
use crate::peers::skiplist::Skiplist;
use crate::remote::Window;
use crate::row::{Keyed, Row};
use crate::subject::{HashSubject, Pair, Text};

/// The family.
pub const FAMILY: Family = Family {
    id: "ordered",
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
        Subject { id: "rwlock_btreemap", home: Home::Rust },
        Subject { id: "rwlock_indexset", home: Home::Rust },
    ],
    serve,
};

/// Answers for one subject until standard input ends.
fn serve(subject: &str, objects: u64) -> Result<()> {
    match subject {
        #[cfg(feature = "ferrets")]
        "ferrets" => three::<Ferrets<true>, Ferrets<true, Text>, Ferrets<true, Pair>>(objects),
        "scc_tree_index" => three::<SccTree<i64>, SccTree<Text>, SccTree<Pair>>(objects),
        "masstree" => three::<Masstree<i64>, Masstree<Text>, Masstree<Pair>>(objects),
        "crossbeam_skiplist" => three::<Skiplist<i64>, Skiplist<Text>, Skiplist<Pair>>(objects),
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
}
