//! Watching: every operation tells what it changes, and what is told gives the table again.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ferrets::{
    Access, Bounds, Changes, CounterOp, ErrorKind, Event, Filter, Kind, MatchSpec, Object, Owner,
    Store, Table, TableOptions, Term, Watch, term, tuple,
};

const KINDS: [Kind; 4] = [Kind::Set, Kind::OrderedSet, Kind::Bag, Kind::DuplicateBag];

fn table(kind: Kind) -> (Owner, Table) {
    let owner = Store::with_seed(3).owner();
    let options = TableOptions::new(kind).access(Access::Public);
    let table = owner.new_table("t", options).unwrap();
    (owner, table)
}

fn is_set(table: &Table) -> bool {
    matches!(table.kind(), Kind::Set | Kind::OrderedSet)
}

/// A table that is made of events alone: the objects, each as often as it is there.
#[derive(Default)]
struct Replay {
    objects: BTreeMap<Term, usize>,
    last: u64,
}

impl Replay {
    /// Applies an event, of which all that is old must be there.
    fn apply(&mut self, event: Event) {
        match event {
            Event::Changed(changes) => {
                self.number(changes.sequence());
                self.change(&changes);
            }
            Event::Cleared(sequence) => {
                self.number(sequence);
                self.objects.clear();
            }
            Event::Lagged(_) | Event::Gone => panic!("{event:?} is not expected"),
            other => panic!("{other:?} is unknown"),
        }
    }

    fn number(&mut self, sequence: u64) {
        assert!(sequence > self.last, "{sequence} comes after {}", self.last);
        self.last = sequence;
    }

    fn change(&mut self, changes: &Changes) {
        for change in changes {
            if let Some(old) = change.before() {
                let count = self.objects.get_mut(&Term::from(old.clone()));
                let count = count.unwrap_or_else(|| panic!("{changes:?}: there is no {old:?}"));
                *count -= 1;
            }
            if let Some(new) = change.after() {
                *self.objects.entry(Term::from(new.clone())).or_default() += 1;
            }
        }
        self.objects.retain(|_, count| *count > 0);
    }

    fn drain(&mut self, watch: &mut Watch) -> usize {
        let mut count = 0;
        while let Some(event) = watch.try_recv() {
            self.apply(event);
            count += 1;
        }
        count
    }
}

fn objects_of(table: &Table) -> BTreeMap<Term, usize> {
    let mut objects = BTreeMap::new();
    for object in table.tab2list().unwrap() {
        *objects.entry(Term::from(object)).or_default() += 1;
    }
    objects
}

type Operation = (&'static str, usize, fn(&Table));

fn spec(text: &str) -> MatchSpec {
    text.parse().unwrap()
}

/// What all kinds have, with the number of events that it makes.
const ALL_KINDS: &[Operation] = &[
    ("insert", 1, |t| t.insert((1, 10)).unwrap()),
    ("insert over, or beside", 1, |t| t.insert((1, 11)).unwrap()),
    ("insert a prepared object", 1, |t| t.insert(&tuple!(2, 20)).unwrap()),
    ("insert_new", 1, |t| assert!(t.insert_new((3, 30)).unwrap())),
    ("insert_new in vain", 0, |t| assert!(!t.insert_new((3, 31)).unwrap())),
    ("insert_list", 1, |t| t.insert_list([(4, 40), (1, 12), (4, 41), (5, 50)]).unwrap()),
    ("insert_list of one", 1, |t| t.insert_list([(6, 60)]).unwrap()),
    ("insert_new_list", 1, |t| assert!(t.insert_new_list([(7, 70), (8, 80)]).unwrap())),
    ("insert_new_list in vain", 0, |t| assert!(!t.insert_new_list([(8, 1), (9, 1)]).unwrap())),
    ("take", 1, |t| drop(t.take(2).unwrap())),
    ("take nothing", 0, |t| drop(t.take(2).unwrap())),
    ("delete", 1, |t| t.delete(4).unwrap()),
    ("delete nothing", 0, |t| t.delete(4).unwrap()),
    ("delete_object", 1, |t| t.delete_object((1, 12)).unwrap()),
    ("delete_object nothing", 0, |t| t.delete_object((1, 12)).unwrap()),
    ("many", 1, |t| t.insert_list((100..400).map(|n| (n, n))).unwrap()),
    ("select_delete", 300, |t| {
        assert_eq!(
            t.select_delete(&spec("[{{'$1','_'}, [{'>=','$1',100}], [true]}]")).unwrap(),
            300
        );
    }),
    ("batch", 1, |t| {
        let mut batch = t.batch();
        batch.insert((1, 1)).unwrap().delete(5).unwrap().insert((5, 5)).unwrap();
        batch.delete_object((5, 5)).unwrap().insert((11, 0)).unwrap().delete(11).unwrap();
        batch.commit().unwrap().unwrap();
    }),
    ("batch in vain", 0, |t| {
        let mut batch = t.batch();
        batch.insert((1, 2)).unwrap().if_absent(1).unwrap();
        batch.commit().unwrap().unwrap_err();
    }),
    ("match_delete", 1, |t| assert_eq!(t.match_delete(&term!({6, :_})).unwrap(), 1)),
    ("delete_all_objects", 1, |t| t.delete_all_objects().unwrap()),
    ("insert after that", 1, |t| t.insert((1, 10)).unwrap()),
    ("select_delete of all", 1, |t| {
        assert_eq!(t.select_delete(&spec("[{'_', [], [true]}]")).unwrap(), 1);
    }),
    ("init_table", 3, |t| {
        let mut lists = vec![vec![(1, 1), (2, 2)]];
        t.init_table(|| lists.pop()).unwrap();
    }),
];

/// What sets have besides.
const SETS: &[Operation] = &[
    ("update_counter", 1, |t| drop(t.update_counter(1, (2, 5)).unwrap())),
    ("update_counter in place", 1, |t| drop(t.update_counter(1, (2, 5)).unwrap())),
    ("update_counter with a bound", 1, |t| {
        drop(t.update_counter(1, CounterOp::new(2, 1).bounded(3, 0)).unwrap());
    }),
    ("update_counter_or", 1, |t| drop(t.update_counter_or(50, (2, 1), (0, 1)).unwrap())),
    ("update_counter in vain", 0, |t| drop(t.update_counter(51, (2, 1)).unwrap_err())),
    ("update_counters", 1, |t| {
        t.insert((60, 1, 2)).unwrap();
        t.delete(60).unwrap();
        t.insert((60, 1, 2)).unwrap();
        t.delete_object((60, 1, 2)).unwrap();
        drop(t.update_counters(50, &[CounterOp::new(2, 1), CounterOp::new(2, 2)]).unwrap());
    }),
    ("a large count", 1, |t| drop(t.update_counter(1, (2, i64::MAX)).unwrap())),
    ("update_element", 1, |t| assert!(t.update_element(2, 2, "text").unwrap())),
    ("update_element in vain", 0, |t| assert!(!t.update_element(51, 2, "text").unwrap())),
    ("update", 1, |t| {
        t.update(2, |old| Ok(old.map(|_| (2, "more")))).unwrap();
    }),
    ("update that deletes", 1, |t| {
        t.update(2, |_| Ok(None::<(i64, i64)>)).unwrap();
    }),
    ("compare_and_swap", 2, |t| {
        t.insert((2, 1)).unwrap();
        assert!(t.compare_and_swap((2, 1), (2, 2)).unwrap());
        assert!(!t.compare_and_swap((2, 1), (2, 3)).unwrap());
    }),
    ("select_replace", 1, |t| {
        let next = spec("[{{2,'$1'}, [], [{{2,{'+','$1',1}}}]}]");
        assert_eq!(t.select_replace(&next).unwrap(), 1);
    }),
    ("batch of counters", 1, |t| {
        let mut batch = t.batch();
        batch.update_counter(2, (2, 1)).unwrap().update_counter(2, (2, 1)).unwrap();
        batch.update_counter_or(70, (2, 1), (0, 0)).unwrap().update_element(50, 2, 9).unwrap();
        batch.commit().unwrap().unwrap();
    }),
    ("a counter of a batch, in place", 1, |t| drop(t.update_counter(2, (2, 5)).unwrap())),
];

/// What ordered sets have besides.
const ORDERED: &[Operation] = &[
    ("pop_first", 1, |t| assert!(t.pop_first().unwrap().is_some())),
    ("pop_last", 1, |t| assert!(t.pop_last().unwrap().is_some())),
    ("delete_range", 2, |t| {
        t.insert_list((200..203).map(|n| (n, n))).unwrap();
        t.delete(202).unwrap();
        t.delete(201).unwrap();
        t.delete(200).unwrap();
        t.insert((200, 1)).unwrap();
        assert_eq!(t.delete_range(150..250).unwrap(), 1);
    }),
    ("a key that is only ==", 2, |t| {
        t.insert((1, "one")).unwrap();
        t.insert((1.0, "one")).unwrap();
    }),
];

const DUPLICATES: &[Operation] = &[
    ("an object twice", 1, |t| t.insert_list([(1, 7), (1, 7), (1, 8)]).unwrap()),
    ("delete_object of both", 1, |t| t.delete_object((1, 7)).unwrap()),
    ("select_replace", 1, |t| {
        let next = spec("[{{1,8}, [], [{{1,9}}]}]");
        assert_eq!(t.select_replace(&next).unwrap(), 1);
    }),
];

#[test]
fn every_operation_tells_what_it_changes() {
    for kind in KINDS {
        let (_owner, table) = table(kind);
        table.insert_list((0..10).map(|n| (-1 - n, n))).unwrap();
        let mut watch = table.watch(Filter::all()).unwrap();
        let mut replay = Replay { objects: objects_of(&table), last: watch.sequence() };
        let more: [&[Operation]; 2] = match kind {
            Kind::Set => [SETS, &[]],
            Kind::OrderedSet => [SETS, ORDERED],
            Kind::DuplicateBag => [DUPLICATES, &[]],
            _ => [&[], &[]],
        };
        for (name, _, run) in ALL_KINDS.iter().chain(more.into_iter().flatten()) {
            run(&table);
            replay.drain(&mut watch);
            assert_eq!(replay.objects, objects_of(&table), "{kind}: after {name}");
        }
        assert!(!is_set(&table) || replay.objects.values().all(|count| *count == 1));
        table.delete_table().unwrap();
        assert!(matches!(watch.try_recv(), Some(Event::Gone)));
        assert!(watch.try_recv().is_none() && watch.recv().is_none() && watch.is_over());
    }
}

#[test]
fn operations_are_one_event_each() {
    let (_owner, table) = table(Kind::OrderedSet);
    for (name, events, run) in ALL_KINDS.iter().chain(SETS) {
        if ["update_counters"].contains(name) {
            continue; // prepares something first
        }
        let mut watch = table.watch(Filter::all()).unwrap();
        run(&table);
        assert_eq!(std::iter::from_fn(|| watch.try_recv()).count(), *events, "{name}");
    }
}

/// The events of a watch, shortly.
fn texts(watch: &mut Watch) -> Vec<String> {
    let shown = |object: Option<&Object>| object.map_or("-".into(), |o| o.as_term().to_string());
    std::iter::from_fn(|| watch.try_recv())
        .map(|event| match event {
            Event::Changed(changes) => changes
                .iter()
                .map(|change| format!("{}>{}", shown(change.before()), shown(change.after())))
                .collect::<Vec<_>>()
                .join(" "),
            Event::Cleared(_) => "cleared".to_owned(),
            Event::Lagged(count) => format!("lagged {count}"),
            other => format!("{other:?}"),
        })
        .collect()
}

/// Small objects are copied, of old ones what differs; large ones are shared.
#[test]
fn objects_of_all_sizes_are_told_as_they_were() {
    for kind in [Kind::Set, Kind::OrderedSet] {
        let (_owner, table) = table(kind);
        let mut watch = table.watch(Filter::all()).unwrap();
        let object = |len: usize, last: i64| {
            let middle = std::iter::repeat_n(Term::from(7), len);
            Term::tuple(std::iter::once(Term::from(1)).chain(middle).chain([Term::from(last)]))
        };
        let mut before = "-".to_owned();
        for len in [1, 1, 3, 14, 14, 15, 40, 40, 2, 14, 15, 1] {
            for last in [5, 6, 6] {
                let object = object(len, last).unwrap();
                table.insert(&object).unwrap();
                let after = object.to_string();
                assert_eq!(texts(&mut watch), [format!("{before}>{after}")], "{len} {last}");
                before = after;
            }
        }
        table.insert((1, 0, "text")).unwrap();
        (0..6).for_each(|_| drop(table.update_counter(1, (2, 1)).unwrap()));
        texts(&mut watch);
        table.update_counter(1, (2, 1)).unwrap();
        table.update_element(1, 3, "other").unwrap();
        table.update_counter(1, (2, -3)).unwrap();
        table.delete(1).unwrap();
        let text = |n: i64, text: &str| Term::new((1, n, text)).unwrap().to_string();
        let expected = [
            format!("{}>{}", text(6, "text"), text(7, "text")),
            format!("{}>{}", text(7, "text"), text(7, "other")),
            format!("{}>{}", text(7, "other"), text(4, "other")),
            format!("{}>-", text(4, "other")),
        ];
        assert_eq!(texts(&mut watch), expected);
    }
}

#[test]
fn filters_show_a_part_of_the_table() {
    for kind in [Kind::Set, Kind::OrderedSet] {
        let (_owner, table) = table(kind);
        let grown_up = spec("[{{'_','$1'}, [{'>=','$1',18}], ['$1']}]");
        let filters = [
            Filter::key(7).unwrap(),
            Filter::range(5..9).unwrap(),
            Filter::prefix("user:").unwrap(),
            Filter::range(Bounds::tuple(("eu",), 2).unwrap()).unwrap(),
            Filter::spec(&grown_up),
        ];
        let mut watches = filters.map(|filter| table.watch(filter).unwrap());
        table.insert((7, 1)).unwrap();
        table.insert((8, 20)).unwrap();
        table.insert((8, 5)).unwrap();
        table.insert((9, "nine")).unwrap();
        table.insert(("user:1", 30)).unwrap();
        table.insert((("eu", 1), 1)).unwrap();
        table.insert_list([(7, 40), (9, 1)]).unwrap();
        table.delete(7).unwrap();
        let expected: [&[&str]; 5] = [
            &["->{7,1}", "{7,1}>{7,40}", "{7,40}>-"],
            &["->{7,1}", "->{8,20}", "{8,20}>{8,5}", "{7,1}>{7,40}", "{7,40}>-"],
            &["->{<<\"user:1\">>,30}"],
            &["->{{<<\"eu\">>,1},1}"],
            &["->{8,20}", "{8,20}>-", "->{9,<<\"nine\">>}", "->{<<\"user:1\">>,30}"],
        ];
        for (watch, expected) in watches.iter_mut().zip(expected).take(4) {
            assert_eq!(texts(watch), expected, "{watch:?}");
        }
        let mut seen = texts(&mut watches[4]);
        let last = seen.split_off(4);
        assert_eq!(seen, expected[4]);
        // Of the list, the new object of 7 is accepted; that of 9 is no longer.
        assert_eq!(last[0].split(' ').count(), 2);
        assert!(last[0].contains("->{7,40}") && last[0].contains("{9,<<\"nine\">>}>-"));
        assert_eq!(last[1..], ["{7,40}>-"]);
    }
    assert_eq!(Filter::prefix(7).unwrap_err().kind(), ErrorKind::BadArgument);
    assert_eq!(Filter::key(f64::NAN).unwrap_err().kind(), ErrorKind::BadArgument);
}

#[test]
fn batches_and_bags_come_whole() {
    let (_owner, table) = table(Kind::Bag);
    let mut watch = table.watch(Filter::key("a").unwrap()).unwrap();
    table.insert_list([("a", 1), ("b", 1), ("a", 2), ("a", 1)]).unwrap();
    table.insert(("a", 2)).unwrap();
    let mut batch = table.batch();
    batch.insert(("a", 3)).unwrap().delete_object(("a", 1)).unwrap();
    batch.commit().unwrap().unwrap();
    table.delete("a").unwrap();
    let a = |n| format!("{{<<\"a\">>,{n}}}");
    assert_eq!(
        texts(&mut watch),
        [
            format!("->{} ->{}", a(1), a(2)),
            format!("->{} {}>-", a(3), a(1)),
            format!("{}>- {}>-", a(2), a(3)),
        ]
    );
}

#[test]
fn what_is_not_received_in_time_is_counted() {
    let (_owner, table) = table(Kind::Set);
    let mut watch = table.watch_within(Filter::all(), 3).unwrap();
    for n in 0..10 {
        table.insert((n, n)).unwrap();
    }
    let seen = texts(&mut watch);
    assert_eq!(seen, ["->{0,0}", "->{1,1}", "->{2,2}", "lagged 7"]);
    table.insert((0, 1)).unwrap();
    assert_eq!(texts(&mut watch), ["{0,0}>{0,1}"]);
    assert_eq!(watch.sequence(), 11);

    // The end is told whatever was lost before.
    for n in 0..5 {
        table.insert((n, n)).unwrap();
    }
    table.delete_table().unwrap();
    let seen = texts(&mut watch);
    assert_eq!(seen[3..], ["lagged 2", "Gone"]);
    assert_eq!(table.watch(Filter::all()).unwrap_err().kind(), ErrorKind::NoSuchTable);
}

#[test]
fn who_may_not_read_may_not_watch() {
    let store = Store::new();
    let (owner, guest) = (store.owner(), store.owner());
    let options = TableOptions::new(Kind::Set).access(Access::Private);
    let table = owner.new_table("t", options).unwrap();
    let refused = table.acting_as(&guest).watch(Filter::all()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AccessDenied);
    let mut watch = table.watch(Filter::all()).unwrap();
    drop(owner);
    assert!(matches!(watch.recv(), Some(Event::Gone)), "tables end with their owners");
}

#[test]
fn receivers_wait_and_are_woken() {
    let (_owner, table) = table(Kind::Set);
    let mut watch = table.watch(Filter::key(1).unwrap()).unwrap();
    assert!(watch.recv_timeout(Duration::from_millis(1)).is_none());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..1_000 {
                table.insert((n % 3, n)).unwrap();
            }
            table.delete_table().unwrap();
        });
        let mut last = None;
        for event in watch.by_ref() {
            let Event::Changed(changes) = event else { continue };
            assert_eq!(changes[0].before().cloned(), last, "of one key in order");
            last = changes[0].after().cloned();
        }
        assert_eq!(last.unwrap(), tuple!(1, 997));
    });
    assert!(watch.recv_timeout(Duration::from_secs(1_000)).is_none(), "it is over");
}

/// Counts how often a task is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Panics when it is woken.
struct Trap;

impl Wake for Trap {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

/// Uses the table when it is woken, also in ways that wait for all who are writing.
struct Guest(Table);

impl Wake for Guest {
    fn wake(self: Arc<Self>) {
        drop(self.0.watch(Filter::all()).unwrap());
        if self.0.kind() == Kind::OrderedSet {
            drop(self.0.snapshot().unwrap());
        }
        self.0.insert((0, "a guest")).unwrap();
    }
}

/// How many events there are, and how many changes in them.
fn count(watch: &mut Watch) -> (usize, usize) {
    let (mut events, mut changes) = (0, 0);
    while let Some(Event::Changed(changed)) = watch.try_recv() {
        (events, changes) = (events + 1, changes + changed.len());
    }
    (events, changes)
}

/// An event counts with all its changes, however it came about, and one always has room.
#[test]
fn a_buffer_is_full_of_changes_not_of_events() {
    for kind in KINDS {
        let (_owner, table) = table(kind);
        let mut watch = table.watch_within(Filter::all(), 10).unwrap();
        for round in 0..5 {
            table.insert_list((0..100).map(|n| (round * 100 + n, n))).unwrap();
        }
        let Some(Event::Changed(first)) = watch.try_recv() else { panic!("one has room") };
        assert_eq!(first.len(), 100);
        assert!(matches!(watch.try_recv(), Some(Event::Lagged(4))), "{kind}");
        for n in 0..9 {
            table.insert((n, "one")).unwrap();
        }
        table.insert_list((0..100).map(|n| (1_000 + n, n))).unwrap();
        table.insert((-1, 0)).unwrap();
        table.delete_all_objects().unwrap();
        assert_eq!(count(&mut watch), (10, 109));
        assert!(watch.try_recv().is_none(), "the lag is told behind them, and was");
        assert_eq!(watch.sequence(), 15, "of what came later nothing is received");
    }
    // A crowded key, too.
    let (_owner, table) = table(Kind::Bag);
    table.insert_list((0..50).map(|n| ("a", n))).unwrap();
    let mut watch = table.watch_within(Filter::key("a").unwrap(), 20).unwrap();
    table.delete("a").unwrap();
    table.insert(("a", 1)).unwrap();
    assert_eq!(watch.try_recv().map(|event| matches!(event, Event::Changed(_))), Some(true));
    assert!(matches!(watch.try_recv(), Some(Event::Lagged(1))));
}

/// Of a list, who watches one key has no more in his buffer than is about that key.
#[test]
fn many_watches_of_one_key_each_do_not_keep_a_list() {
    let (_owner, table) = table(Kind::Set);
    let mut all = table.watch_within(Filter::all(), 10_000).unwrap();
    let filters = (0..50).map(|n| Filter::key(n).unwrap());
    let mut watches: Vec<Watch> =
        filters.map(|filter| table.watch_within(filter, 3).unwrap()).collect();
    for round in 0..3 {
        table.insert_list((0..1_000).map(|n| (n, round))).unwrap();
    }
    // Each has three changes of its own, which are no more than it has room for.
    for (n, watch) in watches.iter_mut().enumerate() {
        let seen = texts(watch);
        assert_eq!(
            seen,
            [
                format!("->{{{n},0}}"),
                format!("{{{n},0}}>{{{n},1}}"),
                format!("{{{n},1}}>{{{n},2}}"),
            ]
        );
    }
    assert_eq!(count(&mut all), (3, 3_000));
}

/// Keys that begin alike are one class in a tree, but they are not one key.
#[test]
fn other_keys_take_no_room() {
    for kind in KINDS {
        let (_owner, table) = table(kind);
        let mut watch = table.watch_within(Filter::key("session:mine").unwrap(), 2).unwrap();
        for n in 0..500 {
            table.insert((format!("session:{n}"), n)).unwrap();
        }
        table.insert_list((0..500).map(|n| (format!("session:{n}"), -n))).unwrap();
        assert_eq!(texts(&mut watch), Vec::<String>::new(), "{kind}");
        table.insert(("session:mine", 1)).unwrap();
        table.delete("session:mine").unwrap();
        assert_eq!(texts(&mut watch).len(), 2, "{kind}");
    }
}

/// To an ordered set keys are the same if they are `==`, inside of others as well.
#[test]
fn a_key_is_watched_by_what_it_is_equal_to() {
    let long = "a beginning that has more in common than a head can tell";
    let pairs: [(Term, Term); 5] = [
        (term!(1), term!(1.0)),
        (term!(1_i128 << 70), term!((1_i128 << 70) as f64)),
        (term!(0.0), term!(-0.0)),
        (Term::new((long, 7)).unwrap(), Term::new((long, 7.0)).unwrap()),
        (
            Term::new(vec![(long, 1_i64 << 60)]).unwrap(),
            Term::new(vec![(long, 2_f64.powi(60))]).unwrap(),
        ),
    ];
    for (one, other) in &pairs {
        for (one, other) in [(one, other), (other, one)] {
            let (_owner, ordered) = table(Kind::OrderedSet);
            let mut watch = ordered.watch(Filter::key(one.clone()).unwrap()).unwrap();
            ordered.insert((other.clone(), 1)).unwrap();
            ordered.update_counter(one.clone(), (2, 1)).unwrap();
            ordered.insert_list([(other.clone(), 3), (term!("unwatched"), 3)]).unwrap();
            ordered.delete(one.clone()).unwrap();
            assert_eq!(texts(&mut watch).len(), 4, "{one} {other}");
        }
        let (_owner, set) = table(Kind::Set);
        let mut watch = set.watch(Filter::key(one.clone()).unwrap()).unwrap();
        set.insert((other.clone(), 1)).unwrap();
        assert!(watch.try_recv().is_none(), "{one} is not {other}");
    }
}

/// Watches that come and go have no others' events and lose none of their own.
#[test]
fn watches_come_and_go_in_any_order() {
    for kind in KINDS {
        let (_owner, table) = table(kind);
        let mut watches: Vec<(i64, Watch)> = Vec::new();
        for step in 0..2_000_i64 {
            let key = step * 7 % 40;
            let filter = if key % 9 == 0 { Filter::all() } else { Filter::key(key).unwrap() };
            if step % 3 == 2 {
                drop(watches.swap_remove(step as usize * 31 % watches.len()));
            } else if watches.len() < 60 {
                watches.push((key, table.watch(filter).unwrap()));
            }
            let written = step * 13 % 40;
            table.insert((written, step)).unwrap();
            table.delete(written).unwrap();
            for (key, watch) in &mut watches {
                let expected = if *key == written || *key % 9 == 0 { (2, 2) } else { (0, 0) };
                assert_eq!(count(watch), expected, "{kind}: {key} at {step}");
            }
        }
        watches.clear();
        let mut last = table.watch(Filter::all()).unwrap();
        table.insert((1, 1)).unwrap();
        assert_eq!(count(&mut last), (1, 1));
    }
}

/// A task whose filter refuses everything does some of it, and lets others run.
#[test]
fn a_filter_that_refuses_much_takes_turns() {
    let (_owner, table) = table(Kind::Set);
    let mut watch = table.watch_within(Filter::range(10_000..).unwrap(), usize::MAX).unwrap();
    (0..5_000).for_each(|n| table.insert((n, n)).unwrap());
    table.insert((10_000, 1)).unwrap();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut polls = 0;
    loop {
        polls += 1;
        match watch.poll_next(&mut Context::from_waker(&waker)) {
            Poll::Pending => assert_eq!(count.0.load(Ordering::SeqCst), polls, "it is woken"),
            Poll::Ready(event) => break assert!(matches!(event, Some(Event::Changed(_)))),
        }
    }
    assert!((3..20).contains(&polls), "{polls} turns");
    assert!(watch.poll_next(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(count.0.load(Ordering::SeqCst), polls - 1, "there is nothing more");

    // Who has no time does one turn; who only wants to know whether there is one looks at all.
    (0..5_000).for_each(|n| table.insert((n, -n)).unwrap());
    table.insert((10_000, 2)).unwrap();
    let before = watch.sequence();
    assert!(watch.recv_timeout(Duration::ZERO).is_none());
    assert!((1..4_000).contains(&(watch.sequence() - before)));
    assert!(matches!(watch.try_recv(), Some(Event::Changed(_))));
    table.insert((1, 1)).unwrap();
    table.insert((10_000, 3)).unwrap();
    assert!(watch.recv_timeout(Duration::ZERO).is_some(), "what is there is found");
    (0..5_000).for_each(|n| table.insert((n, n)).unwrap());
    table.insert((10_000, 4)).unwrap();
    assert!(matches!(watch.recv(), Some(Event::Changed(_))));
}

/// Rights are what they are when something is received.
#[test]
fn who_may_not_read_any_more_is_told_nothing() {
    let denied = |event: Option<Event>| {
        let Some(Event::Denied(error)) = event else { panic!("{event:?}") };
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
    };
    for kind in KINDS {
        let store = Store::new();
        let (ann, bob) = (store.owner(), store.owner());
        let options = TableOptions::new(kind).access(Access::Private);
        let table = ann.new_table("t", options).unwrap();
        let mut watches = [(); 4].map(|()| table.watch(Filter::all()).unwrap());
        table.insert(("mine", 1)).unwrap();
        assert!(matches!(watches[0].try_recv(), Some(Event::Changed(_))));
        table.insert(("mine", 2)).unwrap();
        table.give_away(bob.pid(), 1).unwrap();
        let theirs = table.acting_as(&bob);
        let mut watch = theirs.watch(Filter::all()).unwrap();
        theirs.insert(("secret", 42)).unwrap();

        let [first, second, third, fourth] = &mut watches;
        let lookup = table.lookup("secret").unwrap_err();
        let Some(Event::Denied(error)) = first.recv() else { panic!("not the one before, either") };
        assert_eq!(error.to_string(), lookup.to_string());
        assert!(first.is_over() && first.recv().is_none() && first.try_recv().is_none());
        assert_eq!(first.resync().unwrap_err().kind(), ErrorKind::AccessDenied);
        denied(second.recv_timeout(Duration::from_secs(1_000)));
        let Poll::Ready(event) = third.poll_next(&mut Context::from_waker(Waker::noop())) else {
            panic!("it is there")
        };
        denied(event);
        // That the table has ended since does not give the right back.
        theirs.delete_table().unwrap();
        denied(fourth.try_recv());
        assert!(matches!(watch.try_recv(), Some(Event::Changed(_))), "to the owner it is shown");
        assert!(matches!(watch.try_recv(), Some(Event::Gone)));
    }
}

/// Tables change hands and rights in other ways, too.
#[test]
fn heirs_and_set_access_take_the_right_at_once() {
    let store = Store::new();
    let (ann, bob, eve) = (store.owner(), store.owner(), store.owner());
    let table = ann.new_table("t", TableOptions::new(Kind::Set)).unwrap();
    let guest = table.acting_as(&eve);
    let [mut first, mut second] = [(); 2].map(|()| guest.watch(Filter::key(1).unwrap()).unwrap());
    table.insert((1, 1)).unwrap();
    assert!(matches!(first.recv(), Some(Event::Changed(_))), "anyone may read");
    table.set_access(Access::Private).unwrap();
    assert!(matches!(first.try_recv(), Some(Event::Denied(_))), "there need be nothing to show");
    table.set_access(Access::Protected).unwrap();
    assert!(first.try_recv().is_none() && first.is_over(), "for good");
    assert!(matches!(second.try_recv(), Some(Event::Changed(_))), "who has not looked");

    table.set_access(Access::Private).unwrap();
    table.set_heir(bob.pid(), 0).unwrap();
    let mut of_ann = table.watch(Filter::all()).unwrap();
    drop(ann);
    let theirs = table.acting_as(&bob);
    theirs.insert((1, "secret")).unwrap();
    assert!(matches!(of_ann.recv(), Some(Event::Denied(_))));
    theirs.set_access(Access::Public).unwrap();
    assert!(of_ann.recv().is_none());
}

/// Whoever is woken may use the table at once, whatever it was that woke him.
#[test]
fn wakers_may_come_back() {
    for kind in KINDS {
        let (_owner, table) = table(kind);
        let steps: [fn(&Table); 5] = [
            |t| assert!(t.insert((1, 1)).is_ok()),
            |t| t.insert_list([(2, 2), (3, 3)]).unwrap(),
            |t| t.delete(2).unwrap(),
            |t| assert!(t.kind() != Kind::OrderedSet || t.pop_last().unwrap().is_some()),
            |t| t.delete_all_objects().unwrap(),
        ];
        for step in steps {
            let mut watch = table.watch(Filter::all()).unwrap();
            let guest = Waker::from(Arc::new(Guest(table.clone())));
            assert!(watch.poll_next(&mut Context::from_waker(&guest)).is_pending());
            step(&table);
        }
        assert_eq!(table.lookup(0).unwrap().len(), 1, "{kind}: he was there at the end");
    }
}

#[test]
fn tasks_wait_without_a_runtime() {
    let (_owner, table) = table(Kind::Set);
    let mut watch = table.watch(Filter::all()).unwrap();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    {
        let mut first = pin!(watch.recv_async());
        assert!(first.as_mut().poll(&mut context).is_pending());
        table.insert((1, 1)).unwrap();
        table.insert((2, 2)).unwrap();
        assert_eq!(count.0.load(Ordering::SeqCst), 1, "woken once, until it looks again");
        assert!(matches!(first.poll(&mut context), Poll::Ready(Some(Event::Changed(_)))));
    }
    assert_eq!(texts(&mut watch), ["->{2,2}"]);

    let trap = Waker::from(Arc::new(Trap));
    assert!(watch.poll_next(&mut Context::from_waker(&trap)).is_pending());
    table.insert((3, 3)).unwrap();
    assert_eq!(table.len().unwrap(), 3, "what a waker does is no matter of the writer's");
    assert_eq!(texts(&mut watch), ["->{3,3}"]);
}

#[test]
fn watches_end_when_they_are_dropped() {
    let (_owner, table) = table(Kind::Set);
    let object = tuple!(1, "an object that is long enough to be counted, and not copied", 1, 2, 3);
    for _ in 0..3 {
        let watch = table.watch(Filter::all()).unwrap();
        let other = table.watch(Filter::key(1).unwrap()).unwrap();
        table.insert(&object).unwrap();
        drop(watch);
        table.insert((2, 2)).unwrap();
        let mut other = other;
        assert_eq!(std::iter::from_fn(|| other.try_recv()).count(), 1);
        table.delete_all_objects().unwrap();
        assert_eq!(texts(&mut other), ["cleared"]);
    }
    table.insert((3, 3)).unwrap();
}

/// Subscribes while others write, then reads, then applies events by key: what comes of it is the
/// table.
#[test]
fn no_change_is_lost_between_reading_and_watching() {
    for kind in [Kind::Set, Kind::OrderedSet] {
        for round in 0..20 {
            let (_owner, table) = table(kind);
            table.insert_list((0..200).map(|n| (n, -1))).unwrap();
            std::thread::scope(|scope| {
                let writers = [0, 7].map(|writer| {
                    let table = &table;
                    scope.spawn(move || write_much(table, writer + round))
                });
                let mut watch = table.watch_within(Filter::all(), usize::MAX).unwrap();
                let pairs = |object: &Object| object.decode::<(i64, i64)>().unwrap();
                let mut copy: BTreeMap<i64, i64> =
                    table.tab2list().unwrap().iter().map(pairs).collect();
                let mut apply = |event: Event| match event {
                    Event::Changed(changes) => {
                        for change in &changes {
                            match (change.before(), change.after()) {
                                (_, Some(new)) => drop(copy.insert(pairs(new).0, pairs(new).1)),
                                (Some(old), None) => drop(copy.remove(&pairs(old).0)),
                                (None, None) => unreachable!("something has changed"),
                            }
                        }
                    }
                    Event::Cleared(_) => copy.clear(),
                    other => panic!("{other:?} is not expected"),
                };
                writers.into_iter().for_each(|writer| writer.join().unwrap());
                let now: BTreeMap<i64, i64> = table.tab2list().unwrap().iter().map(pairs).collect();
                std::iter::from_fn(|| watch.try_recv()).for_each(&mut apply);
                assert_eq!(copy, now, "{kind}");
            });
        }
    }
}

/// What is read by a watch, with the events behind it, gives the table exactly: also of bags, where
/// an event that is applied twice would show.
#[test]
fn a_resync_leaves_nothing_out_and_nothing_twice() {
    for kind in [Kind::Set, Kind::Bag, Kind::DuplicateBag] {
        for round in 0..20 {
            let (_owner, table) = table(kind);
            table.insert_list((0..300).map(|n| (n, -1))).unwrap();
            std::thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    for n in 0..4_000 {
                        let key = (n * 31 + round * 17) % 400;
                        match n % 7 {
                            0 => table.delete(key).unwrap(),
                            1 => table.delete_object((key, -1)).unwrap(),
                            2 => table.insert_list([(key, n), ((key + 9) % 400, n)]).unwrap(),
                            3 if n % 1_400 == 3 => table.delete_all_objects().unwrap(),
                            _ => table.insert((key, n % 5)).unwrap(),
                        }
                    }
                });
                let mut watch = table.watch_within(Filter::all(), usize::MAX).unwrap();
                let mut replay = Replay::default();
                for _ in 0..3 {
                    replay.objects.clear();
                    for object in watch.resync().unwrap() {
                        *replay.objects.entry(Term::from(object)).or_default() += 1;
                    }
                    replay.drain(&mut watch);
                }
                writer.join().unwrap();
                replay.drain(&mut watch);
                assert_eq!(replay.objects, objects_of(&table), "{kind}");
            });
        }
    }
}

fn write_much(table: &Table, seed: i64) {
    for n in 0..1_500 {
        let key = (n * 31 + seed * 17) % 250;
        match (n + seed) % 9 {
            0 => table.delete(key).unwrap(),
            1 => drop(table.take(key).unwrap()),
            2 => table.insert_list([(key, n), ((key + 1) % 250, n)]).unwrap(),
            3 => drop(table.update_counter_or(key, (2, 1), (0, 0)).unwrap()),
            4 if n % 500 == 4 => table.delete_all_objects().unwrap(),
            5 => {
                let mut batch = table.batch();
                batch.delete(key).unwrap().insert(((key + 50) % 250, n)).unwrap();
                batch.commit().unwrap().unwrap();
            }
            _ => table.insert((key, n)).unwrap(),
        }
    }
}

/// A copy of a table, kept by a watch that has room for few events.
struct Follower {
    watch: Watch,
    replay: Replay,
    /// Of an ordered set, where an event may come that is in what was read, it is kept by key.
    by_key: BTreeMap<Term, Term>,
    lags: usize,
}

impl Follower {
    fn follow(&mut self, kind: Kind) {
        while let Some(event) = self.watch.try_recv() {
            match event {
                Event::Lagged(_) => {
                    self.lags += 1;
                    self.read(kind);
                }
                event if kind == Kind::OrderedSet => self.apply_by_key(event),
                event => self.replay.apply(event),
            }
        }
    }

    fn read(&mut self, kind: Kind) {
        self.replay.objects.clear();
        self.by_key.clear();
        for object in self.watch.resync().unwrap() {
            if kind == Kind::OrderedSet {
                self.by_key.insert(key_of(&object), Term::from(object));
            } else {
                *self.replay.objects.entry(Term::from(object)).or_default() += 1;
            }
        }
    }

    fn apply_by_key(&mut self, event: Event) {
        match event {
            Event::Changed(changes) => {
                self.replay.number(changes.sequence());
                for change in &changes {
                    match (change.before(), change.after()) {
                        (_, Some(new)) => {
                            self.by_key.insert(key_of(new), Term::from(new.clone()));
                        }
                        (Some(old), None) => drop(self.by_key.remove(&key_of(old))),
                        (None, None) => unreachable!("something has changed"),
                    }
                }
            }
            Event::Cleared(sequence) => {
                self.replay.number(sequence);
                self.by_key.clear();
            }
            other => panic!("{other:?} is not expected"),
        }
    }

    fn objects(mut self) -> BTreeMap<Term, usize> {
        self.replay.objects.extend(self.by_key.into_values().map(|object| (object, 1)));
        self.replay.objects
    }
}

fn key_of(object: &Object) -> Term {
    object.element(1).unwrap().to_term().unwrap()
}

/// A receiver that falls behind, and reads the table anew whenever it is told so, has the table in
/// the end, whatever was written meanwhile, leased, and taken away with who had leased it.
#[test]
fn a_receiver_that_falls_behind_reads_anew_and_misses_nothing() {
    for kind in KINDS {
        for round in 0..6 {
            let store = Store::with_seed(3);
            let options = TableOptions::new(kind).access(Access::Public);
            let table = store.new_table("t", options).unwrap();
            let watch = table.watch_within(Filter::all(), 40).unwrap();
            let (replay, by_key) = (Replay::default(), BTreeMap::new());
            let mut follower = Follower { watch, replay, by_key, lags: 0 };
            // However slow the others are: this much is more than it has room for.
            (0..100).for_each(|n| table.insert((n, -1)).unwrap());
            std::thread::scope(|scope| {
                let (store, table) = (&store, &table);
                let writers = [1, 2].map(|writer| {
                    scope.spawn(move || write_and_lease(store, table, 2 * round + writer))
                });
                while !writers.iter().all(|writer| writer.is_finished()) {
                    follower.follow(kind);
                }
                writers.into_iter().for_each(|writer| writer.join().unwrap());
            });
            follower.follow(kind);
            assert!(follower.lags > 0, "{kind}: there was room for all");
            assert_eq!(follower.objects(), objects_of(&table), "{kind}");
        }
    }
}

/// Everything there is to write, in an order that the seed determines; each in its turn as whoever
/// leases ends and another takes his place.
fn write_and_lease(store: &Store, table: &Table, seed: u64) {
    let low = spec("[{{'$1','$2'},[{'<','$1',9}],[true]}]");
    let more = spec("[{{'$1','$2'},[{'<','$1',30}],[{{'$1',{'+','$2',1}}}]}]");
    let mut state = seed;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
        (state >> 33) % bound
    };
    let mut owner = store.owner();
    for _ in 0..6_000 {
        let (key, value) = (below(60) as i64, below(5) as i64);
        match below(16) {
            0 => table.delete(key).unwrap(),
            1 => drop(table.take(key).unwrap()),
            2 => table.delete_object((key, value)).unwrap(),
            3 => table.insert_list((key..key + 5).map(|key| (key, value))).unwrap(),
            4 => {
                let mut batch = table.batch();
                batch.delete(key).unwrap().insert((key + 7, value)).unwrap();
                batch.delete_object((key + 3, value)).unwrap();
                batch.commit().unwrap().unwrap();
            }
            5 => table.acting_as(&owner).lease((key, value)).unwrap(),
            6 => {
                let objects = (key..key + 4).map(|key| (key, value));
                table.acting_as(&owner).lease_list(objects).unwrap();
            }
            7 if below(8) == 0 => owner = store.owner(),
            // Bags do not have these.
            8 => drop(table.update_counter(key, (2, 1))),
            9 => drop(table.update_element(key, 2, value)),
            10 if below(300) == 0 => table.delete_all_objects().unwrap(),
            11 => drop(table.insert_new((key, value)).unwrap()),
            12 if below(50) == 0 => drop(table.select_delete(&low).unwrap()),
            13 if below(50) == 0 => drop(table.select_replace(&more)),
            _ => table.insert((key, value)).unwrap(),
        }
    }
}
