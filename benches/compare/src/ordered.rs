//! The family `ordered`: tables of objects `{int, int, 32-byte binary}` in the order of keys.

use crate::Result;
use crate::family::{Family, Home, Subject};
use crate::hash::Server;
use crate::peers::masstree::Masstree;
use crate::peers::rwlock_btreemap::RwLockBTreeMap;
use crate::peers::rwlock_indexset::RwLockIndexset;
use crate::peers::scc_tree::SccTree;
use crate::peers::skiplist::Skiplist;
use crate::row::Row;

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
        "ferrets" => Server::<crate::ferrets::Ferrets<true>>::new(objects).serve(),
        "scc_tree_index" => Server::<SccTree>::new(objects).serve(),
        "masstree" => Server::<Masstree>::new(objects).serve(),
        "crossbeam_skiplist" => Server::<Skiplist>::new(objects).serve(),
        "rwlock_btreemap" => Server::<RwLockBTreeMap>::new(objects).serve(),
        "rwlock_indexset" => Server::<RwLockIndexset>::new(objects).serve(),
        other => Err(format!("no subject called `{other}` is built in").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::tests::all_rows_hold;

    #[test]
    fn rows_hold() {
        all_rows_hold::<SccTree>(&FAMILY, "scc_tree_index");
        all_rows_hold::<Masstree>(&FAMILY, "masstree");
        all_rows_hold::<Skiplist>(&FAMILY, "crossbeam_skiplist");
        all_rows_hold::<RwLockBTreeMap>(&FAMILY, "rwlock_btreemap");
        all_rows_hold::<RwLockIndexset>(&FAMILY, "rwlock_indexset");
        #[cfg(feature = "ferrets")]
        all_rows_hold::<crate::ferrets::Ferrets<true>>(&FAMILY, "ferrets");
    }
}
