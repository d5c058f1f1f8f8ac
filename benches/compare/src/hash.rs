//! The family `hash`: unordered tables of objects `{int, int, 32-byte binary}`.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Result;
use crate::alloc::count_live;
use crate::family::{Family, Home, SIZES, Subject};
use crate::keys::{Draw, Keys, Shuffled, partition};
use crate::peers::dashmap::Dashmap;
use crate::peers::papaya::Papaya;
use crate::peers::rwlock_hashbrown::RwLockHashbrown;
use crate::peers::scc_index::SccIndex;
use crate::peers::scc_map::SccMap;
use crate::pool::Pool;
use crate::remote::{Window, serve_lines};
use crate::row::{CUT_OFF, MANY, OPS_STEP, RANGE, Row, VIEW_BATCH};
use crate::subject::{HashSubject, Tally};

/// The family.
pub const FAMILY: Family = Family {
    id: "hash",
    about: "Tables of objects `{int, int, 32-byte binary}`; for the maps, an `Arc` of a struct of \
            these under an `i64`, hashed by ahash.",
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
        Row::Fold,
        Row::Bytes,
    ],
    subjects: &[
        Subject { id: "ferrets", home: Home::Rust },
        Subject { id: "ets", home: Home::Erlang },
        Subject { id: "ets_tuned", home: Home::Erlang },
        Subject { id: "papaya", home: Home::Rust },
        Subject { id: "dashmap", home: Home::Rust },
        Subject { id: "scc_hash_map", home: Home::Rust },
        Subject { id: "scc_hash_index", home: Home::Rust },
        Subject { id: "rwlock_hashbrown", home: Home::Rust },
    ],
    sizes: SIZES,
    size_is: "objects",
    takes_part: |_, _| true,
    serve,
};

/// Answers for one subject until standard input ends.
fn serve(subject: &str, objects: u64) -> Result<()> {
    match subject {
        #[cfg(feature = "ferrets")]
        "ferrets" => Server::<crate::ferrets::Ferrets<false>>::new(objects).serve(),
        "papaya" => Server::<Papaya>::new(objects).serve(),
        "dashmap" => Server::<Dashmap>::new(objects).serve(),
        "scc_hash_map" => Server::<SccMap>::new(objects).serve(),
        "scc_hash_index" => Server::<SccIndex>::new(objects).serve(),
        "rwlock_hashbrown" => Server::<RwLockHashbrown>::new(objects).serve(),
        other => Err(format!("no subject called `{other}` is built in").into()),
    }
}

/// One subject with its filled table and its threads.
pub struct Server<S> {
    objects: u64,
    table: Arc<S>,
    pool: Pool,
    /// Whether every object has been counted in once.
    counted: bool,
}

impl<S: HashSubject> Server<S> {
    /// One with an empty table.
    pub fn new(objects: u64) -> Self {
        Server { objects, table: Arc::new(S::new()), pool: Pool::new(), counted: false }
    }

    /// Answers until standard input ends.
    pub fn serve(mut self) -> Result<()> {
        serve_lines(|window| match window {
            None => Ok(self.build()),
            Some(window) => self.window(window),
        })
    }

    /// Fills the table and returns live bytes per object.
    pub fn build(&mut self) -> f64 {
        // What a subject sets up once for the process or the thread is not the table's.
        self.pool.run(1, |_| {
            let table = S::new();
            table.insert(1);
            drop(table.lookup(1));
        });
        let objects = self.objects;
        let (table, live) = count_live(|| {
            let table = Arc::new(S::new());
            let shared = Arc::clone(&table);
            self.pool.run(1, move |_| {
                Shuffled::new(0, objects as i64).for_each(|key| shared.insert(key));
                shared.settle();
            });
            table
        });
        self.table = table;
        live as f64 / objects as f64
    }

    /// Nanoseconds per operation as one thread sees it, net of an empty loop over the same keys.
    pub fn window(&mut self, window: Window) -> Result<f64> {
        match window.row {
            Row::InsertFresh => Ok(self.insert_fresh(window)),
            Row::Fold => Ok(self.fold(window)),
            Row::SnapshotTake => Ok(self.snapshot_take(window)),
            Row::SnapshotWrite => {
                let (table, mut result) = (Arc::clone(&self.table), Ok(0.0));
                let window = Window { row: Row::Overwrite, ..window };
                table.with_snapshot(&mut |_| result = self.random_access(window));
                result
            }
            Row::Bytes
            | Row::Binary(_)
            | Row::Tuple(_)
            | Row::Select(_)
            | Row::SelectOrdered(_)
            | Row::Scenario(_)
            | Row::ScenarioOrdered(_) => Err("there is no window for it here".into()),
            _ => self.random_access(window),
        }
    }

    fn random_access(&mut self, window: Window) -> Result<f64> {
        let Window { row, threads, ops, seed } = window;
        let objects = self.objects;
        if row == Row::Rank {
            self.table.prepare_ranks();
        }
        if row == Row::CounterRandom && !std::mem::replace(&mut self.counted, true) {
            // Counters are counted in again and again; the first time is not what is measured.
            let table = Arc::clone(&self.table);
            self.pool.run(1, move |_| {
                Shuffled::new(0, objects as i64).for_each(|key| _ = table.increment(key));
                table.settle();
            });
        }
        let keys = move |worker| match row {
            Row::LookupMiss => Keys::new(seed, worker, objects as i64, objects),
            Row::HotKey | Row::CounterHot => Keys::new(seed, worker, objects as i64 / 2, 1),
            Row::DeleteInsert => {
                let (low, high) = partition(objects, worker, threads);
                Keys::new(seed, worker, low, (high - low) as u64)
            }
            // There is something behind each of these.
            Row::Range100 => Keys::new(seed, worker, 0, objects - RANGE as u64),
            Row::Next => Keys::new(seed, worker, 0, objects - 1),
            // Groups, all of them full.
            Row::Prefix100 => Keys::new(seed, worker, 0, objects / RANGE as u64),
            _ => Keys::new(seed, worker, 0, objects),
        };
        let (empty, _) = self
            .pool
            .run(threads, move |worker| in_steps(keys(worker), ops, |keys| empty_loop(row, keys)));
        let table = Arc::clone(&self.table);
        let (full, shares) = self.pool.run(threads, move |worker| {
            in_steps(keys(worker), ops, |keys| work_loop(&*table, row, keys))
        });
        let done = shares.iter().map(|share| share.ops).sum::<u64>();
        let found = shares.iter().map(|share| share.found).sum::<u64>();
        let expected = if row == Row::LookupMiss { 0 } else { done };
        // Where writers take objects out to replace them, readers miss some.
        let may_miss = !S::REPLACES && row == Row::Mixed;
        if found != expected && !(may_miss && found <= expected) {
            return Err(format!("{row}: found {found} of {expected} objects").into());
        }
        Ok(per_op(full, done as f64 / threads as f64) - per_op(empty, ops as f64))
    }

    fn insert_fresh(&mut self, window: Window) -> f64 {
        let Window { threads, ops, .. } = window;
        let objects = self.objects;
        let order = move |worker| {
            let (low, high) = partition(objects, worker, threads);
            Shuffled::new(low, high)
        };
        let share = objects.div_ceil(threads as u64);
        let passes = (ops / share).max(1);
        let mut spent = Duration::ZERO;
        let mut empty = Duration::ZERO;
        for _ in 0..passes {
            let loop_only = move |worker| order(worker).for_each(|key| _ = black_box(key));
            empty += self.pool.run(threads, loop_only).0;
            let begun = Instant::now();
            let table = Arc::new(S::new());
            spent += begun.elapsed();
            let shared = Arc::clone(&table);
            let fill = self.pool.run(threads, move |worker| {
                order(worker).for_each(|key| shared.insert(key));
            });
            spent += fill.0;
            // The thread that made (most of) it takes it apart, so that its heap stays its own.
            let table = std::sync::Mutex::new(Some(table));
            self.pool.run(1, move |_| {
                drop(table.lock().map(|mut table| table.take()));
            });
        }
        per_op(spent, (passes * share) as f64) - per_op(empty, (passes * share) as f64)
    }

    /// Takes snapshots while all threads of the window overwrite.
    fn snapshot_take(&mut self, window: Window) -> f64 {
        let (objects, table, stop) = (self.objects, &*self.table, AtomicBool::new(false));
        let mut times = Vec::new();
        std::thread::scope(|scope| {
            for worker in 0..window.threads {
                let (mut keys, stop) = (Keys::new(window.seed, worker, 0, objects), &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        (0..64).for_each(|_| table.insert(keys.next_key()));
                    }
                });
            }
            let begun = Instant::now();
            while times.len() < window.ops as usize && begun.elapsed() < CUT_OFF {
                table.with_snapshot(&mut |taken| times.push(taken));
                std::thread::sleep(SNAPSHOT_PAUSE);
            }
            stop.store(true, Ordering::Relaxed);
        });
        times.sort_unstable();
        times[times.len() / 2].as_nanos() as f64
    }

    fn fold(&mut self, window: Window) -> f64 {
        let passes = (window.ops / self.objects).max(1);
        let table = Arc::clone(&self.table);
        let (spent, _) = self.pool.run(window.threads, move |_| {
            let mut tally = Tally::default();
            for _ in 0..passes {
                table.fold(&mut tally);
            }
            black_box(tally.sum);
        });
        per_op(spent, (passes * self.objects) as f64)
    }
}

fn per_op(time: Duration, ops: f64) -> f64 {
    time.as_nanos() as f64 / ops
}

/// How long writers have it to themselves between two snapshots.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(1);

/// One thread's part in a window.
struct Share {
    ops: u64,
    found: u64,
}

/// Runs `step`, which does [`OPS_STEP`] operations, until `ops` are done or it takes too long.
#[inline(always)]
fn in_steps(mut keys: Keys, ops: u64, mut step: impl FnMut(&mut Keys) -> Tally) -> Share {
    let begun = Instant::now();
    let mut share = Share { ops: 0, found: 0 };
    while share.ops < ops && begun.elapsed() < CUT_OFF {
        let tally = step(&mut keys);
        black_box(tally.sum);
        share.ops += OPS_STEP;
        share.found += tally.found;
    }
    share
}

/// All that [`work_loop`] does besides the operation.
#[inline(never)]
fn empty_loop(row: Row, keys: &mut Keys) -> Tally {
    match row {
        Row::LookupMany => in_batches(keys, |batch, tally| {
            for &key in black_box(batch) {
                tally.see(Some(key));
            }
        }),
        _ => one_by_one(keys, |draw, tally| tally.see(Some(black_box(draw.key)))),
    }
}

/// One step of a row.
#[inline(never)]
fn work_loop<S: HashSubject>(table: &S, row: Row, keys: &mut Keys) -> Tally {
    let lookup = |key| table.lookup(key).map(|owned| S::number(&owned));
    let insert = |key| {
        table.insert(key);
        Some(key)
    };
    match row {
        Row::LookupHit | Row::LookupMiss | Row::HotKey => {
            one_by_one(keys, |draw, tally| tally.see(lookup(draw.key)))
        }
        Row::View => {
            let mut tally = Tally::default();
            for _ in 0..OPS_STEP / VIEW_BATCH {
                table.view(keys, VIEW_BATCH, &mut tally);
            }
            tally
        }
        Row::LookupMany => in_batches(keys, |batch, tally| table.lookup_many(batch, tally)),
        Row::Overwrite => one_by_one(keys, |draw, tally| tally.see(insert(draw.key))),
        Row::DeleteInsert => one_by_one(keys, |draw, tally| {
            table.delete(draw.key);
            tally.see(insert(draw.key));
        }),
        Row::CounterRandom | Row::CounterHot => {
            one_by_one(keys, |draw, tally| tally.see(table.increment(draw.key)))
        }
        Row::Mixed => one_by_one(keys, |draw, tally| {
            tally.see(if draw.one_in_twenty() { insert(draw.key) } else { lookup(draw.key) });
        }),
        Row::Range100 => one_by_one(keys, |draw, tally| table.range(draw.key, RANGE, tally)),
        Row::Next => one_by_one(keys, |draw, tally| tally.see(table.next(draw.key))),
        Row::Prefix100 => one_by_one(keys, |draw, tally| table.prefix(draw.key, tally)),
        Row::Rank => one_by_one(keys, |draw, tally| {
            tally.see(table.rank(draw.key).map(|rank| rank as i64));
        }),
        Row::InsertFresh
        | Row::Fold
        | Row::SnapshotTake
        | Row::SnapshotWrite
        | Row::Bytes
        | Row::Binary(_)
        | Row::Tuple(_)
        | Row::Select(_)
        | Row::SelectOrdered(_)
        | Row::Scenario(_)
        | Row::ScenarioOrdered(_) => {
            unreachable!("these have loops of their own")
        }
    }
}

#[inline(always)]
fn one_by_one(keys: &mut Keys, mut op: impl FnMut(Draw, &mut Tally)) -> Tally {
    // A copy of its own, which the compiler can keep in registers.
    let mut own = *keys;
    let mut tally = Tally::default();
    for _ in 0..OPS_STEP {
        op(own.draw(), &mut tally);
    }
    *keys = own;
    tally
}

#[inline(always)]
fn in_batches(keys: &mut Keys, mut op: impl FnMut(&[i64; MANY], &mut Tally)) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..OPS_STEP / MANY as u64 {
        let batch = std::array::from_fn(|_| keys.next_key());
        op(&batch, &mut tally);
    }
    tally
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Rows find what they should, and leave the table with the keys it had.
    pub(crate) fn all_rows_hold<S: HashSubject>(family: &Family, subject: &str) {
        let objects = 2_000;
        let mut server = Server::<S>::new(objects);
        server.build();
        let plain = |row| match row {
            Row::Binary(keyed) | Row::Tuple(keyed) => keyed.plain(),
            row => row,
        };
        // Numbers have no beginning.
        let has = |row: &Row| {
            !matches!(row, Row::Bytes | Row::Prefix100) && (family.takes_part)(subject, *row)
        };
        for row in family.rows.iter().map(|row| plain(*row)).filter(has) {
            for threads in [1, 3] {
                let ops = if row == Row::SnapshotTake { 5 } else { OPS_STEP };
                let window = Window { row, threads, ops, seed: 9 };
                server.window(window).unwrap();
                let mut tally = Tally::default();
                server.table.fold(&mut tally);
                assert_eq!(tally.found, objects, "{row} on {threads} threads");
            }
        }
        let key = objects as i64 / 3;
        let held = server.table.lookup(key).unwrap();
        let before = S::number(&held);
        assert_eq!(server.table.increment(key), Some(before + 1));
        assert_eq!(S::number(&held), before, "who holds an object never sees it change");
    }

    #[test]
    fn rows_hold_for_the_peers() {
        all_rows_hold::<Papaya>(&FAMILY, "papaya");
        all_rows_hold::<Dashmap>(&FAMILY, "dashmap");
        all_rows_hold::<SccMap>(&FAMILY, "scc_hash_map");
        all_rows_hold::<SccIndex>(&FAMILY, "scc_hash_index");
        all_rows_hold::<RwLockHashbrown>(&FAMILY, "rwlock_hashbrown");
    }

    #[cfg(feature = "ferrets")]
    #[test]
    fn rows_hold_for_ferrets() {
        all_rows_hold::<crate::ferrets::Ferrets<false>>(&FAMILY, "ferrets");
    }
}
