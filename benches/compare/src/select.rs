//! The family `select`: match specifications, on sets and ordered sets of objects
//! `{int, int, 32-byte binary}`.
//!
//! For the traps there are tables besides, of as many objects, whose keys are `{int, a}` and
//! `#{id => int}` in turn.

use crate::Result;
use crate::family::{Family, Home, SIZES, Subject};
use crate::row::{Question, Row};

/// The family.
pub const FAMILY: Family = Family {
    id: "select",
    about: "Match specifications, put to sets and ordered sets of the same objects; the traps ask \
            for one key in four ways. Scans are per object of the table, all else is per question.",
    rows: &[
        Row::Select(Question::ScanGuard),
        Row::SelectOrdered(Question::ScanGuard),
        Row::Select(Question::ScanCount),
        Row::SelectOrdered(Question::ScanCount),
        Row::Select(Question::ScanAll),
        Row::SelectOrdered(Question::ScanAll),
        Row::Select(Question::BoundKey),
        Row::SelectOrdered(Question::BoundKey),
        Row::Select(Question::BoundLookup),
        Row::SelectOrdered(Question::BoundLookup),
        Row::Select(Question::RangeGuard),
        Row::SelectOrdered(Question::RangeGuard),
        Row::Select(Question::Compile),
        Row::Select(Question::TrapHead),
        Row::Select(Question::TrapGuard),
        Row::Select(Question::TrapPrefix),
        Row::Select(Question::TrapMap),
        Row::SelectOrdered(Question::TrapHead),
        Row::SelectOrdered(Question::TrapGuard),
        Row::SelectOrdered(Question::TrapPrefix),
        Row::SelectOrdered(Question::TrapMap),
    ],
    subjects: &[
        Subject { id: "ferrets", home: Home::Rust },
        Subject { id: "ets", home: Home::Erlang },
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
        "ferrets" => ours::Server::new(objects)?.serve(),
        other => {
            let _ = objects;
            Err(format!("no subject called `{other}` is built in").into())
        }
    }
}

#[cfg(feature = "ferrets")]
mod ours {
    use std::hint::black_box;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use ::ferrets::{Access, Kind, MatchSpec, Owner, Store, Table, TableOptions, Term, term};

    use crate::Result;
    use crate::keys::{Keys, Shuffled};
    use crate::pool::Pool;
    use crate::remote::{Window, serve_lines};
    use crate::row::{CUT_OFF, Question, Row};
    use crate::subject::bin;

    /// Questions of a kind that are asked in turn.
    const SPECS: u64 = 1_024;
    /// Objects that a range has.
    const RANGE: u64 = 100;
    const TYPICAL: &str = "[{{'$1','$2',#{a => '$3'}},[{'>','$2',30},{'orelse',{'=:=','$1',a},\
        {is_atom,'$1'}}],[{{'$1','$3',{'+','$2',1}}}]},{'_',[],['$_']}]";

    /// The tables, and the threads that ask.
    pub(super) struct Server {
        objects: u64,
        /// Of sets and ordered sets: the plain table, and that of the traps.
        tables: [[Table; 2]; 2],
        pool: Pool,
        _owner: Owner,
        _store: Store,
    }

    /// One thread's questions, to one table.
    struct Asked {
        question: Question,
        table: Table,
        specs: Vec<MatchSpec>,
        keys: Vec<i64>,
        typical: Term,
        objects: u64,
    }

    impl Server {
        pub(super) fn new(objects: u64) -> Result<Self> {
            let store = Store::new();
            let owner = store.owner();
            let table = |name: &str, kind| {
                owner.new_table(name, TableOptions::new(kind).access(Access::Public))
            };
            let tables = [
                [table("set", Kind::Set)?, table("set_traps", Kind::Set)?],
                [table("ordered", Kind::OrderedSet)?, table("ordered_traps", Kind::OrderedSet)?],
            ];
            Ok(Server { objects, tables, pool: Pool::new(), _owner: owner, _store: store })
        }

        pub(super) fn serve(mut self) -> Result<()> {
            serve_lines(|window| match window {
                None => self.fill().map(|()| 0.0),
                Some(window) => self.window(window),
            })
        }

        pub(super) fn fill(&self) -> Result<()> {
            for [plain, traps] in &self.tables {
                for key in Shuffled::new(0, self.objects as i64) {
                    plain.insert((key, key, &bin(key)[..]))?;
                    let compound =
                        if key % 2 == 0 { term!({(key), :a}) } else { term!(#{:id => (key)}) };
                    traps.insert((compound, key, &bin(key)[..]))?;
                }
            }
            Ok(())
        }

        /// Nanoseconds per question, or per object where all are looked at, as one thread sees it.
        pub(super) fn window(&mut self, Window { row, threads, ops, seed }: Window) -> Result<f64> {
            let (question, order) = match row {
                Row::Select(question) => (question, 0),
                Row::SelectOrdered(question) => (question, 1),
                _ => return Err("this is no row of the family".into()),
            };
            let per_op = if question.is_scan() { self.objects } else { 1 };
            let asked = Arc::new(self.asked(question, order, seed)?);
            let questions = (ops / per_op).max(1);
            let also = Arc::clone(&asked);
            let (empty, _) =
                self.pool.run(threads, move |_| in_turn(questions, |at| also.none(at)));
            let (full, done) =
                self.pool.run(threads, move |_| in_turn(questions, |at| asked.ask(at)));
            let done = done.iter().sum::<u64>() as f64 / threads as f64;
            let figure = |time: Duration, done: f64| time.as_nanos() as f64 / done;
            Ok((figure(full, done) - figure(empty, questions as f64)) / per_op as f64)
        }

        fn asked(&self, question: Question, order: usize, seed: u64) -> Result<Asked> {
            let is_trap = matches!(
                question,
                Question::TrapHead | Question::TrapGuard | Question::TrapPrefix | Question::TrapMap
            );
            // There is something behind each of these keys.
            let mut keys = Keys::new(seed, 0, 0, self.objects - RANGE);
            let keys: Vec<i64> = (0..SPECS).map(|_| keys.next_key()).collect();
            let text = |key: &i64| text(question, *key, order == 1, self.objects);
            let specs = keys.iter().map(text).map(|text| text.parse());
            Ok(Asked {
                question,
                table: self.tables[order][usize::from(is_trap)].clone(),
                specs: specs.collect::<::ferrets::Result<Vec<MatchSpec>>>()?,
                keys,
                typical: TYPICAL.parse()?,
                objects: self.objects,
            })
        }
    }

    fn text(question: Question, key: i64, ordered: bool, objects: u64) -> String {
        let (even, odd) = (key & !1, key | 1);
        match question {
            Question::ScanGuard => "[{{'$1','$2','_'},[{'<','$2',100}],['$1']}]".to_owned(),
            Question::ScanCount => {
                format!("[{{{{'_','$1','_'}},[{{'<','$1',{}}}],[true]}}]", objects / 2)
            }
            Question::ScanAll => "[{'_',[],['$_']}]".to_owned(),
            Question::BoundKey | Question::BoundLookup | Question::Compile => {
                format!("[{{{{{key},'$1','_'}},[],['$1']}}]")
            }
            Question::RangeGuard => format!(
                "[{{{{'$1','$2','_'}},[{{'>=','$1',{key}}},{{'<','$1',{}}}],['$2']}}]",
                key + RANGE as i64
            ),
            Question::TrapHead => format!("[{{{{{{{even},a}},'$1','_'}},[],['$1']}}]"),
            Question::TrapGuard => {
                format!("[{{{{'$1','$2','_'}},[{{'=:=','$1',{{const,{{{even},a}}}}}}],['$2']}}]")
            }
            Question::TrapPrefix => format!(
                "[{{{{{{'$1','$2'}},'$3','_'}},[{{'=:=','$1',{even}}},{{'{}','$2',a}}],['$3']}}]",
                if ordered { "=<" } else { "=:=" }
            ),
            Question::TrapMap => format!(
                "[{{{{'$1','$2','_'}},[{{'=:=','$1',{{const,#{{id => {odd}}}}}}}],['$2']}}]"
            ),
        }
    }

    impl Asked {
        /// Asks one question, and checks how many results there are.
        fn ask(&self, at: usize) {
            let found = match self.question {
                Question::ScanCount => {
                    let count = self.table.select_count(&self.specs[at]).expect("it stands");
                    return assert_eq!(count as u64, self.objects / 2);
                }
                Question::BoundLookup => self.table.lookup(self.keys[at]).expect("it stands").len(),
                Question::Compile => {
                    let spec = MatchSpec::compile(black_box(&self.typical)).expect("it compiles");
                    drop(black_box(spec));
                    1
                }
                _ => black_box(self.table.select(&self.specs[at]).expect("it stands")).len(),
            };
            let expected = match self.question {
                Question::ScanGuard | Question::RangeGuard => 100,
                Question::ScanAll => self.objects as usize,
                _ => 1,
            };
            assert_eq!(found, expected, "{:?} {}", self.question, self.specs[at]);
        }

        /// All that [`ask`](Self::ask) does besides asking.
        fn none(&self, at: usize) {
            let _ = black_box((&self.specs[at], self.keys[at]));
        }
    }

    /// Asks so many questions, unless it takes too long; how many were.
    fn in_turn(questions: u64, mut ask: impl FnMut(usize)) -> u64 {
        let begun = Instant::now();
        let mut done = 0;
        while done < questions {
            // Looking at the clock costs as much as a short question; the first ones may be long.
            if (done < 16 || done % 16 == 0) && begun.elapsed() >= CUT_OFF {
                break;
            }
            ask((done % SPECS) as usize);
            done += 1;
        }
        done.max(1)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn rows_hold() {
            let mut server = Server::new(2_000).unwrap();
            server.fill().unwrap();
            for &row in super::super::FAMILY.rows {
                for threads in [1, 3] {
                    server.window(Window { row, threads, ops: 2_000, seed: 9 }).unwrap();
                }
            }
        }
    }
}
