//! A table whose test has the process to itself, as what is pending is counted for the process.
#![allow(dead_code, reason = "every test that includes this uses a part of it")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use ferrets::{Access, Kind, Owner, Store, Table, TableOptions};

static TURN: Mutex<()> = Mutex::new(());

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) table: Table,
    _owner: Owner,
    _turn: MutexGuard<'static, ()>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let store = Store::new();
        let owner = store.owner();
        let options = TableOptions::new(Kind::Set).access(Access::Public);
        let table = owner.new_table("t", options).expect("the name is free");
        store.collect();
        Self { store, table, _owner: owner, _turn: turn }
    }

    pub(crate) fn pending(&self) -> usize {
        self.store.reclamation().pending_bytes
    }

    /// All memory comes back. What a thread has retired is handed on when it ends, which for those
    /// of the tests before may be a moment from now.
    pub(crate) fn settle(&self, what: &str) {
        for _ in 0..1_000_000 {
            self.store.collect();
            if self.pending() < 1 << 20 {
                return;
            }
            std::thread::yield_now();
        }
        panic!("{what}: {} bytes are left", self.pending());
    }
}
