//! Ends: tables that go in the middle of every operation, owners that end while others give them
//! tables, lease for them and wait for them.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrets::{
    Access, CounterOp, ErrorKind, Filter, Kind, MatchSpec, Message, Owner, Result, Store, Table,
    TableOptions, Term, term,
};
use parking_lot::Mutex;

use super::{KINDS, Rng, public, race, settle};

// ---- Every operation on a table that goes -------------------------------------------------------

/// What an operation is called with.
struct Scene<'a> {
    table: &'a Table,
    owner: &'a Owner,
    other: &'a Owner,
    key: i64,
    spec: &'a MatchSpec,
    pattern: &'a Term,
}

type Operation = fn(&Scene<'_>) -> Result<()>;

macro_rules! operations {
    ($($name:ident: |$scene:ident| $call:expr;)*) => {
        &[$((stringify!($name), |$scene| $call.map(drop))),*]
    };
}

/// Every operation of a table, as `every_operation_is_listed` sees to it.
const OPERATIONS: &[(&str, Operation)] = operations! {
    insert: |s| s.table.insert((s.key, 1));
    insert_list: |s| s.table.insert_list((0..20).map(|at| (s.key + at, 1)));
    insert_new: |s| s.table.insert_new((s.key, 2));
    insert_new_list: |s| s.table.insert_new_list((0..5).map(|at| (s.key + at, 3)));
    lookup: |s| s.table.lookup(s.key);
    lookup_many: |s| s.table.lookup_many(&[s.key, s.key + 1, s.key + 2]);
    lookup_with: |s| s.table.lookup_with(s.key, |object| object.is_some());
    lookup_element: |s| s.table.lookup_element(s.key, 2);
    lookup_element_or: |s| s.table.lookup_element_or(s.key, 2, 0);
    member: |s| s.table.member(s.key);
    take: |s| s.table.take(s.key);
    delete: |s| s.table.delete(s.key);
    delete_object: |s| s.table.delete_object((s.key, 1));
    delete_all_objects: |s| s.table.delete_all_objects();
    delete_table: |s| s.table.delete_table();
    read: |s| s.table.read(|view| {
        view.for_each(|_| ());
        let _ = view.range(s.key..).map(|range| range.take(5).count());
        let _ = view.range_rev(..s.key).map(|range| range.take(5).count());
        let _ = view.get_many(&[s.key, s.key + 1], |_, _| ());
        view.get(s.key).is_some() == view.member(s.key) && view.each(s.key, |_| ())
    });
    update_counter: |s| s.table.update_counter(s.key, 1);
    update_counter_or: |s| s.table.update_counter_or(s.key, 1, (0, 0));
    update_counters: |s| s.table.update_counters(s.key, &[CounterOp::new(2, 1)]);
    update_counters_or: |s| s.table.update_counters_or(s.key, &[CounterOp::new(2, 1)], (0, 0));
    update_element: |s| s.table.update_element(s.key, 2, 7);
    update_elements: |s| s.table.update_elements(s.key, &[(2, term!(8))]);
    update_elements_or: |s| s.table.update_elements_or(s.key, &[(2, term!(8))], (0, 0));
    compare_and_swap: |s| s.table.compare_and_swap((s.key, 1), (s.key, 2));
    update: |s| s.table.update(s.key, |old| Ok(old.is_none().then_some((s.key, 1))));
    rename: |s| s.table.rename(if s.key % 2 == 0 { "even" } else { "odd" });
    info: |s| Ok::<_, ferrets::Error>(s.table.info());
    len: |s| s.table.len();
    is_empty: |s| s.table.is_empty();
    id: |s| s.owner.table_by_id(s.table.id().as_ref());
    name: |s| Ok::<_, ferrets::Error>(s.table.name());
    kind: |s| Ok::<_, ferrets::Error>(s.table.kind());
    keypos: |s| Ok::<_, ferrets::Error>(s.table.keypos());
    acting_as: |s| s.table.acting_as(s.other).member(s.key);
    set_access: |s| s.table.set_access(Access::Public);
    set_heir: |s| s.table.set_heir(s.other.pid(), s.key);
    remove_heir: |s| s.table.remove_heir();
    give_away: |s| {
        s.table.give_away(s.other.pid(), s.key)?;
        s.table.acting_as(s.other).give_away(s.owner.pid(), s.key)
    };
    lease: |s| s.table.lease((s.key, 9));
    lease_new: |s| s.table.lease_new((s.key, 9));
    lease_list: |s| s.table.lease_list((0..20).map(|at| (s.key + at, 9)));
    lease_new_list: |s| s.table.lease_new_list((0..20).map(|at| (s.key + at, 9)));
    filter: |s| s.table.filter(|object| object.arity() == 2);
    select: |s| s.table.select(s.spec);
    select_reverse: |s| s.table.select_reverse(s.spec);
    select_count: |s| s.table.select_count(s.spec);
    select_fold: |s| s.table.select_fold(s.spec, 0, |count, _| count + 1);
    select_chunk: |s| chunks(s);
    select_reverse_chunk: |s| s.table.select_reverse_chunk(s.spec, NonZeroUsize::MIN);
    resume: |s| chunks(s);
    select_iter: |s| s.table.select_iter(s.spec)?.collect::<Result<Vec<_>>>();
    select_least: |s| s.table.select_least(s.spec, 3);
    select_greatest: |s| s.table.select_greatest(s.spec, 3);
    select_groups: |s| s.table.select_groups(s.spec);
    select_sums: |s| s.table.select_sums(s.spec);
    select_delete: |s| s.table.select_delete(s.spec);
    select_replace: |s| s.table.select_replace(s.spec);
    explain: |s| Ok::<_, ferrets::Error>(s.table.explain(s.spec));
    match_bindings: |s| s.table.match_bindings(s.pattern);
    match_object: |s| s.table.match_object(s.pattern);
    match_delete: |s| s.table.match_delete(s.pattern);
    range: |s| s.table.range(s.key..)?.take(20).collect::<Result<Vec<_>>>();
    range_rev: |s| s.table.range_rev((Bound::Excluded(s.key), Bound::<i64>::Unbounded))?
        .linearizable();
    prefix: |s| s.table.prefix(s.key)?.take(20).collect::<Result<Vec<_>>>();
    count: |s| s.table.count(s.key..s.key + 20);
    delete_range: |s| s.table.delete_range(s.key..s.key + 20);
    insert_ranked: |s| s.table.insert_ranked((s.key, 4));
    take_ranked: |s| s.table.take_ranked(s.key);
    rank: |s| s.table.rank(s.key);
    position: |s| s.table.position(s.key);
    nth: |s| s.table.nth(s.key as usize);
    slice: |s| s.table.slice(s.key as usize, 5);
    snapshot: |s| s.table.snapshot()?.range(..)?.collect::<Result<Vec<_>>>();
    watch: |s| s.table.watch(Filter::all())?.resync();
    watch_within: |s| {
        let mut changes = s.table.watch_within(Filter::key(s.key)?, 1)?;
        s.table.insert((s.key, 5))?;
        let _ = changes.try_recv();
        s.table.insert((s.key, 6))
    };
    batch: |s| {
        let mut batch = s.table.batch();
        batch.insert((s.key, 1))?.delete(s.key + 1)?.lookup(s.key + 2)?;
        batch.commit()
    };
    pop_first: |s| s.table.pop_first();
    pop_last: |s| s.table.pop_last();
    seek: |s| {
        let mut cursor = s.table.seek(s.key)?;
        cursor.next()?;
        cursor.prev()?;
        cursor.seek(s.key + 1)
    };
    first: |s| s.table.first();
    first_lookup: |s| s.table.first_lookup();
    next: |s| s.table.next(s.key);
    next_lookup: |s| s.table.next_lookup(s.key);
    last: |s| s.table.last();
    last_lookup: |s| s.table.last_lookup();
    prev: |s| s.table.prev(s.key);
    prev_lookup: |s| s.table.prev_lookup(s.key);
    slot: |s| s.table.slot(s.key as usize);
    tab2list: |s| s.table.tab2list();
    foldl: |s| s.table.foldl(0, |_, count| count + 1);
    foldr: |s| s.table.foldr(0, |_, count| count + 1);
    init_table: |s| {
        let mut left = 3;
        s.table.init_table(|| {
            left -= 1;
            (left > 0).then(|| vec![(s.key + left, 1)])
        })
    };
    fix: |s| s.table.fix().and_then(|_fixed| s.table.next(s.key));
    safe_fixtable: |s| s.table.safe_fixtable(s.key % 2 == 0);
};

fn chunks(scene: &Scene<'_>) -> Result<()> {
    let limit = NonZeroUsize::new(7).expect("it is not zero");
    let mut chunk = scene.table.select_chunk(scene.spec, limit)?;
    for _ in 0..20 {
        let Some(continuation) = chunk.and_then(|chunk| chunk.rest) else { break };
        chunk = scene.table.resume(continuation)?;
    }
    Ok(())
}

#[test]
fn every_operation_is_listed() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/table");
    let mut methods = BTreeSet::new();
    for file in std::fs::read_dir(directory).expect("it is there") {
        let path = file.expect("it can be read").path();
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let mut of_table = false;
        for line in text.lines() {
            if line.starts_with("impl") {
                of_table = line == "impl Table {";
            }
            let method = line.strip_prefix("    pub fn ").filter(|_| of_table);
            let name = method.and_then(|method| method.split(['(', '<']).next());
            methods.extend(name.map(str::to_owned));
        }
    }
    let listed: BTreeSet<String> = OPERATIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed, methods, "OPERATIONS has all that a table can do");
}

/// What an operation may say for other reasons than that the table is gone.
const OTHERWISE: &[ErrorKind] = &[
    ErrorKind::NoSuchTable,
    ErrorKind::NoSuchKey,
    ErrorKind::BadArgument,
    ErrorKind::WrongKind,
    ErrorKind::NotOwner,
    ErrorKind::AlreadyOwner,
    ErrorKind::AccessDenied,
    ErrorKind::Contention,
    ErrorKind::NoOwner,
];

/// Six threads do everything there is to one table, in all kinds, and all the time it is deleted,
/// by hand or with its owner, and another takes its place.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn tables_go_in_the_middle_of_every_operation() {
    let spec: MatchSpec = "[{{'$1','$2'},[{'>','$2',0}],[{{'$1','$2'}}]}]".parse().expect("good");
    let pattern: Term = "{'_','$1'}".parse().expect("good");
    let met: Vec<AtomicUsize> = OPERATIONS.iter().map(|_| AtomicUsize::new(0)).collect();
    for kind in KINDS {
        let store = Store::new();
        let (owner, other) = (store.owner(), store.owner());
        let current = Mutex::new(public(&owner, kind));
        race(|rng, worker| {
            if worker < 2 {
                return replace(&current, &store, kind, rng);
            }
            let table = current.lock().clone();
            for _ in 0..50 {
                let key = rng.below(100) as i64;
                let at = rng.below(OPERATIONS.len() as u64) as usize;
                let (name, operation) = OPERATIONS[at];
                if name == "delete_table" && !rng.one_in(50) {
                    continue;
                }
                let (owner, other) = (&owner, &other);
                let scene =
                    Scene { table: &table, owner, other, key, spec: &spec, pattern: &pattern };
                if let Err(error) = operation(&scene) {
                    assert!(OTHERWISE.contains(&error.kind()), "{name} in a {kind}: {error:?}");
                    let gone = error.kind() == ErrorKind::NoSuchTable;
                    met[at].fetch_add(usize::from(gone), Ordering::Relaxed);
                }
            }
            while other.try_receive().is_some() || owner.try_receive().is_some() {}
        });
        drop((owner, other));
        assert!(store.owner().all_tables().is_empty());
        drop(current);
        settle(&store);
    }
    let unmet = OPERATIONS.iter().zip(&met).filter(|(_, met)| met.load(Ordering::Relaxed) == 0);
    let unmet: Vec<_> = unmet.map(|((name, _), _)| name).collect();
    // These have nothing to say of it.
    let silent = ["info", "name", "kind", "keypos", "explain"];
    assert!(unmet.iter().all(|name| silent.contains(name)), "{unmet:?} met no end");
}

/// Puts a new table in the place of the old one, and ends it after a while.
fn replace(current: &Mutex<Table>, store: &Store, kind: Kind, rng: &mut Rng) {
    let owner = store.owner();
    let table = public(&owner, kind);
    table.insert_list((0..100).map(|key| (key, 1))).expect("nobody else has it yet");
    *current.lock() = table.clone();
    for _ in 0..rng.below(60) {
        std::thread::yield_now();
    }
    if rng.one_in(2) {
        // Unless it was given to somebody.
        let _ = table.delete_table();
    }
    drop(owner);
}

// ---- Tables that change hands -------------------------------------------------------------------

/// Owners end, tables are given and inherited, on all threads at once. At every rest: a table that
/// exists has an owner who lives; one whose heir is the store has not been lost.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn tables_change_hands_and_none_is_lost() {
    let store = Store::new();
    let options = || TableOptions::default().access(Access::Public).heir(store.pid(), Term::nil());
    let keeper = store.owner();
    let tables: Vec<Table> =
        (0..20).map(|_| keeper.new_table("t", options()).expect("it can be made")).collect();
    let owners: Vec<Mutex<Owner>> = (0..6).map(|_| Mutex::new(store.owner())).collect();
    let (given, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let count = |message: Message, owner: &Owner| {
        let Message::Transfer { table, .. } = message else { return };
        told.fetch_add(1, Ordering::Relaxed);
        let _ = table.insert((1, owner.pid()));
    };
    race(|rng, _| {
        let table = &tables[rng.below(20) as usize];
        let at = rng.below(6) as usize;
        let to = owners[rng.below(6) as usize].lock().pid();
        match rng.below(12) {
            0 => {
                let old = std::mem::replace(&mut *owners[at].lock(), store.owner());
                while let Some(message) = old.try_receive() {
                    count(message, &old);
                }
                drop(old);
            }
            // Whoever owns it: one of these is he.
            1..6 => {
                let giver = owners[at].lock();
                let done = table.acting_as(&giver).give_away(to, "yours");
                given.fetch_add(usize::from(done.is_ok()), Ordering::Relaxed);
            }
            6 => drop(table.acting_as(&owners[at].lock()).set_heir(store.pid(), 1)),
            7 => {
                // What the store has inherited goes on.
                let mine = store_handle(&store, table);
                given
                    .fetch_add(usize::from(mine.give_away(to, "go on").is_ok()), Ordering::Relaxed);
            }
            8 => {
                let owner = owners[at].lock();
                owner.monitor(to).expect("he lives");
            }
            _ => {
                let owner = owners[at].lock();
                while let Some(message) = owner.try_receive() {
                    count(message, &owner);
                }
            }
        }
        let info = table.info().expect("its last heir never ends");
        assert_eq!(info.heir, Some(store.pid()));
    });
    drop(keeper);
    for table in &tables {
        let owner = table.info().expect("none is lost").owner;
        assert!(store.is_alive(owner), "whoever has it lives");
    }
    for owner in &owners {
        let owner = owner.lock();
        while let Some(message) = owner.try_receive() {
            count(message, &owner);
        }
    }
    let (told, given) = (told.load(Ordering::Relaxed), given.load(Ordering::Relaxed));
    assert!(told <= given, "nobody is told twice: {told} of {given}");
}

/// A handle on a table that acts for the store.
fn store_handle(store: &Store, table: &Table) -> Table {
    store.table_by_id(table.id().as_ref()).expect("it stands")
}

// ---- Leases -------------------------------------------------------------------------------------

/// Owners lease, and end while they do; others replace, delete and change what they have leased. In
/// the end nothing is there that was leased to one who has ended, and everything else.
#[test]
#[ignore = "stress: run with `cargo stress`"]
fn leases_end_with_their_owners() {
    for kind in KINDS {
        let store = Store::new();
        let table = store
            .new_table("t", TableOptions::new(kind).access(Access::Public))
            .expect("it can be made");
        let owners: Vec<Mutex<Owner>> = (0..4).map(|_| Mutex::new(store.owner())).collect();
        // What no one leases or deletes stays.
        table.insert_list((1_000..1_100).map(|key| (key, 0))).expect("it stands");
        race(|rng, _| {
            let at = rng.below(4) as usize;
            let key = rng.below(60) as i64;
            match rng.below(16) {
                0 => {
                    let old = std::mem::replace(&mut *owners[at].lock(), store.owner());
                    drop(old);
                }
                1 => {
                    // The lock is not held while he leases: he may end in the middle.
                    let handle = table.acting_as(&owners[at].lock());
                    let objects = (key..key + 30).map(|key| (key % 60, 1));
                    expect_owner(handle.lease_list(objects));
                }
                2..7 => {
                    let handle = table.acting_as(&owners[at].lock());
                    expect_owner(handle.lease((key, 1)));
                }
                7 => {
                    let handle = table.acting_as(&owners[at].lock());
                    expect_owner(handle.lease_new((key, 1)));
                }
                8 => table.insert((key, 2)).expect("it stands"),
                9 => drop(table.insert_new((key, 2)).expect("it stands")),
                10 => table.delete(key).expect("it stands"),
                11 => drop(table.take(key).expect("it stands")),
                12 => table.delete_object((key, 1)).expect("it stands"),
                13 => drop(table.update_element(key, 2, 3)),
                14 => drop(table.update_counter(key, (2, 10))),
                _ => drop(table.lookup(key).expect("it stands")),
            }
        });
        drop(owners);
        table.select_delete(&"[{{'_',2},[],[true]}]".parse().expect("good")).expect("it stands");
        let left = table.tab2list().expect("it stands");
        let of_the_dead = left.iter().filter(|object| {
            let key = object.element(1).and_then(|key| key.as_i64()).unwrap_or(0);
            let value = object.element(2).and_then(|value| value.as_i64()).unwrap_or(0);
            // Leased as 1, and counted in tens; what was inserted was 2 at first.
            key < 1_000 && value % 10 == 1
        });
        assert_eq!(of_the_dead.count(), 0, "{kind}");
        let stayed = left.iter().filter(|object| object.element(2) == Some(term!(0).as_ref()));
        assert_eq!(stayed.count(), 100, "{kind}");
        if matches!(kind, Kind::Bag | Kind::DuplicateBag) {
            assert_eq!(left.len(), 100, "{kind}: nothing changes there");
        }
        table.delete_all_objects().expect("it stands");
        settle(&store);
    }
}

fn expect_owner<T>(result: Result<T>) {
    if let Err(error) = result {
        assert_eq!(error.kind(), ErrorKind::NoOwner);
    }
}
