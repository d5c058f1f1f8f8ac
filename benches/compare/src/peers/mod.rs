//! The concurrent maps of Rust that ferrets is held against, one file each.

pub mod concurrent_map;
pub mod dashmap;
pub mod masstree;
pub mod papaya;
pub mod rwlock_btreemap;
pub mod rwlock_hashbrown;
pub mod rwlock_indexset;
pub mod scc_index;
pub mod scc_map;
pub mod scc_tree;
pub mod skiplist;
