//! The family `throughput`: OTP's own benchmark of ETS, `ets_SUITE:throughput_benchmark/0`, beside
//! ferrets: the same scenarios, mixes and tables.
//!
//! Objects are `{int}`. What the other families call the number of objects is the range of the keys
//! here, of which half are in the table when it begins, and remain so: as many inserts as deletes
//! are drawn, of keys from all of the range.

use crate::Result;
use crate::family::{Family, Home, Sizes, Subject};
use crate::row::Row;
use crate::scenario::Scenario;

/// The family.
pub const FAMILY: Family = Family {
    id: "throughput",
    about: "The scenarios of OTP's own benchmark, `ets_SUITE:throughput_benchmark/0`, with its \
            settings of ETS. Objects are `{int}`; of the range of keys, half are in the table. \
            Operations per second, all threads together, are a billion times the threads, divided \
            by the figure.",
    rows: &[
        Row::Scenario(Scenario::WriteOnly),
        Row::Scenario(Scenario::Lookup80),
        Row::Scenario(Scenario::Lookup98),
        Row::Scenario(Scenario::LookupOnly),
        Row::Scenario(Scenario::Next10),
        Row::Scenario(Scenario::Next100),
        Row::Scenario(Scenario::Next1000),
        Row::Scenario(Scenario::Next1000Only),
        Row::Scenario(Scenario::SelectAll100),
        Row::Scenario(Scenario::SelectAll10k),
        Row::Scenario(Scenario::SelectAll1m),
        Row::Scenario(Scenario::Partial100),
        Row::Scenario(Scenario::Partial10k),
        Row::Scenario(Scenario::Partial1m),
        Row::ScenarioOrdered(Scenario::WriteOnly),
        Row::ScenarioOrdered(Scenario::Lookup80),
        Row::ScenarioOrdered(Scenario::Lookup98),
        Row::ScenarioOrdered(Scenario::LookupOnly),
        Row::ScenarioOrdered(Scenario::Next10),
        Row::ScenarioOrdered(Scenario::Next100),
        Row::ScenarioOrdered(Scenario::Next1000),
        Row::ScenarioOrdered(Scenario::Next1000Only),
        Row::ScenarioOrdered(Scenario::SelectAll100),
        Row::ScenarioOrdered(Scenario::SelectAll10k),
        Row::ScenarioOrdered(Scenario::SelectAll1m),
        Row::ScenarioOrdered(Scenario::Partial100),
        Row::ScenarioOrdered(Scenario::Partial10k),
        Row::ScenarioOrdered(Scenario::Partial1m),
    ],
    subjects: &[
        Subject { id: "ferrets", home: Home::Rust },
        Subject { id: "ets", home: Home::Erlang },
        Subject { id: "ets_wc", home: Home::Erlang },
        Subject { id: "ets_rc", home: Home::Erlang },
        Subject { id: "ets_wc_rc", home: Home::Erlang },
        Subject { id: "ets_auto_rc", home: Home::Erlang },
        Subject { id: "ets_locks_16384", home: Home::Erlang },
    ],
    // OTP's `test_throughput_benchmark` has the first, `throughput_benchmark` the second.
    sizes: Sizes {
        quick: &[50_000],
        usual: &[50_000, 1_000_000],
        full: &[50_000, 1_000_000, 10_000_000],
    },
    size_is: "keys",
    takes_part,
    serve,
};

/// The last two are settings of sets only.
fn takes_part(subject: &str, row: Row) -> bool {
    !matches!((subject, row), ("ets_auto_rc" | "ets_locks_16384", Row::ScenarioOrdered(_)))
}

/// Answers for one subject until standard input ends.
fn serve(subject: &str, range: u64) -> Result<()> {
    match subject {
        #[cfg(feature = "ferrets")]
        "ferrets" => ours::Server::new(range)?.serve(),
        other => {
            let _ = range;
            Err(format!("no subject called `{other}` is built in").into())
        }
    }
}

#[cfg(feature = "ferrets")]
mod ours {
    use std::hint::black_box;
    use std::time::{Duration, Instant};

    use ::ferrets::{Access, Atom, Kind, MatchSpec, Owner, Store, Table, TableOptions, spec};

    use crate::Result;
    use crate::keys::{Keys, Shuffled};
    use crate::pool::Pool;
    use crate::remote::{Window, serve_lines};
    use crate::row::{CUT_OFF, Row};
    use crate::scenario::{Extra, Mix};

    /// Operations between two looks at the clock. Divides every number of operations asked for.
    const CHECK: u64 = 100;
    /// Neighbouring keys that a [`Extra::Partial`] counts.
    const PART: i64 = 1_000;

    /// The tables, and the threads that work on them.
    pub(super) struct Server {
        range: u64,
        /// A set and an ordered set.
        pub(super) tables: [Table; 2],
        pool: Pool,
        _owner: Owner,
        _store: Store,
    }

    impl Server {
        pub(super) fn new(range: u64) -> Result<Self> {
            let store = Store::new();
            let owner = store.owner();
            let table = |name: &str, kind| {
                owner.new_table(name, TableOptions::new(kind).access(Access::Public))
            };
            let tables = [table("set", Kind::Set)?, table("ordered", Kind::OrderedSet)?];
            Ok(Server { range, tables, pool: Pool::new(), _owner: owner, _store: store })
        }

        pub(super) fn serve(mut self) -> Result<()> {
            serve_lines(|window| match window {
                None => self.fill().map(|()| 0.0),
                Some(window) => self.window(window),
            })
        }

        /// Puts half of the keys into each table.
        pub(super) fn fill(&self) -> Result<()> {
            for table in &self.tables {
                for key in Shuffled::new(0, self.range as i64).take(self.range as usize / 2) {
                    table.insert((key,))?;
                }
            }
            Ok(())
        }

        /// Nanoseconds per operation as one thread sees it, net of the same loop around nothing.
        pub(super) fn window(&mut self, window: Window) -> Result<f64> {
            let Window { row, threads, ops, seed } = window;
            let (scenario, ordered) = match row {
                Row::Scenario(scenario) => (scenario, false),
                Row::ScenarioOrdered(scenario) => (scenario, true),
                _ => return Err("this is no row of the family".into()),
            };
            let (mix, range) = (scenario.mix(), self.range);
            let table = self.tables[usize::from(ordered)].clone();
            // As OTP has it: a walk over a set goes on from a key that was deleted meanwhile.
            let walks_set = matches!(mix.extra, Extra::Walk(_)) && !ordered;
            let fixation = if walks_set { Some(table.fix()?) } else { None };
            let share =
                move |worker| Share::new(mix, (worker, threads), Keys::new(seed, worker, 0, range));
            let (empty, _) = self.pool.run(threads, move |worker| {
                share(worker).run(ops, |op, keys| _ = black_box((op, keys.next_key())))
            });
            let (full, done) = self.pool.run(threads, move |worker| {
                let mut work = Work::new(&table, mix.extra, range);
                let done = share(worker).run(ops, |op, keys| work.step(op, keys));
                black_box(work.seen);
                done
            });
            drop(fixation);
            let done = done.iter().sum::<u64>() as f64 / threads as f64;
            let figure = |time: Duration, done: f64| time.as_nanos() as f64 / done;
            Ok(figure(full, done) - figure(empty, ops as f64))
        }
    }

    /// What was drawn.
    #[derive(Clone, Copy)]
    enum Op {
        Insert,
        Delete,
        Lookup,
        Extra,
    }

    /// One thread's draws.
    struct Share {
        mix: Mix,
        keys: Keys,
        /// When the next operation comes that is not drawn; threads have theirs at different times.
        extra: u64,
    }

    impl Share {
        fn new(mix: Mix, (worker, threads): (usize, usize), keys: Keys) -> Self {
            let every = mix.every().unwrap_or(u64::MAX);
            let extra = every / (2 * threads as u64) * (2 * worker as u64 + 1);
            Share { mix, keys, extra }
        }

        /// Hands so many operations to `op`, unless it takes too long; how many were.
        #[inline(always)]
        fn run(self, ops: u64, mut op: impl FnMut(Op, &mut Keys)) -> u64 {
            let Share { mix, mut keys, mut extra } = self;
            let begun = Instant::now();
            let mut done = 0;
            while done < ops && begun.elapsed() < CUT_OFF {
                for _ in 0..CHECK {
                    let drawn = keys.draw().below(mix.drawn());
                    let due = done == extra;
                    let next = if due {
                        extra += mix.every().unwrap_or(u64::MAX);
                        Op::Extra
                    } else if drawn < mix.insert {
                        Op::Insert
                    } else if drawn < 2 * mix.insert {
                        Op::Delete
                    } else if drawn < 2 * mix.insert + mix.lookup {
                        Op::Lookup
                    } else {
                        Op::Extra
                    };
                    op(next, &mut keys);
                    done += 1;
                }
            }
            done
        }
    }

    /// The operations, on one thread.
    struct Work<'t> {
        table: &'t Table,
        extra: Extra,
        range: i64,
        all: MatchSpec,
        /// Results, so that they are not for nothing.
        seen: usize,
    }

    impl<'t> Work<'t> {
        fn new(table: &'t Table, extra: Extra, range: u64) -> Self {
            let all = "[{'_',[],[true]}]".parse().expect("it is a specification");
            Work { table, extra, range: range as i64, all, seen: 0 }
        }

        #[inline(always)]
        fn step(&mut self, op: Op, keys: &mut Keys) {
            let key = keys.next_key();
            match op {
                Op::Insert => self.table.insert((key,)).expect("the table stands"),
                Op::Delete => self.table.delete(key).expect("the table stands"),
                Op::Lookup => self.lookup(key),
                Op::Extra => self.extra(key, keys),
            }
        }

        #[inline(always)]
        fn lookup(&mut self, key: i64) {
            let objects = self.table.lookup(key).expect("the table stands");
            if let Some(object) = objects.first() {
                assert_eq!(object.element(1).and_then(|found| found.as_i64()), Some(key));
                self.seen += 1;
            }
        }

        #[inline(never)]
        fn extra(&mut self, key: i64, keys: &mut Keys) {
            match self.extra {
                Extra::None => unreachable!("the parts of the scenario are a whole"),
                Extra::Walk(steps) => self.walk(key, steps, keys),
                Extra::SelectAll { .. } => {
                    self.seen += self.table.select_count(&self.all).expect("the table stands");
                }
                Extra::Partial { .. } => {
                    let last = key + PART;
                    let spec = spec!(|{x}| if x.gt(key) & x.le(last) => true);
                    let spec = spec.expect("integers are terms");
                    let found = self.table.select_count(&spec).expect("the table stands");
                    assert!(found as i64 <= PART.min(self.range));
                    self.seen += found;
                }
            }
        }

        /// As OTP walks: behind the end comes the atom `ok`, which is no key of a set, and behind
        /// which an ordered set has nothing either.
        fn walk(&mut self, from: i64, steps: u32, keys: &mut Keys) {
            let mut at = Place::Key(from);
            for _ in 0..steps {
                let next = match at {
                    Place::Key(key) => self.table.next(key),
                    Place::Ok => self.table.next(Atom::OK),
                    Place::End => {
                        at = Place::Ok;
                        continue;
                    }
                };
                at = match next {
                    Ok(Some(key)) => Place::Key(key.as_i64().expect("keys are integers")),
                    Ok(None) => Place::End,
                    Err(_) => Place::Key(keys.next_key()),
                };
            }
            self.seen += usize::from(matches!(at, Place::Key(_)));
        }
    }

    /// Where a walk is.
    enum Place {
        Key(i64),
        End,
        Ok,
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn scenarios_hold_and_leave_half_of_the_keys() {
            let range = 4_000;
            let mut server = Server::new(range).unwrap();
            server.fill().unwrap();
            for &row in super::super::FAMILY.rows {
                for threads in [1, 3] {
                    server.window(Window { row, threads, ops: 1_000, seed: 9 }).unwrap();
                }
            }
            for table in &server.tables {
                let len = table.len().unwrap() as u64;
                assert!((range / 4..range * 3 / 4).contains(&len), "{len} of {range}");
            }
        }

        #[test]
        fn what_is_not_drawn_comes_at_regular_intervals() {
            let mix = crate::scenario::Scenario::SelectAll100.mix();
            for worker in 0..3 {
                let share = Share::new(mix, (worker, 3), Keys::new(1, worker, 0, 10));
                let mut at = 0;
                let mut extras = Vec::new();
                share.run(1_000, |op, _| {
                    if matches!(op, Op::Extra) {
                        extras.push(at);
                    }
                    at += 1;
                });
                assert_eq!(extras.len(), 10, "{extras:?}");
                assert!(extras.windows(2).all(|two| two[1] - two[0] == 100), "{extras:?}");
            }
        }
    }
}
