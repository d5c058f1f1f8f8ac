//! The shape of the public API: what may cross threads and panics, how errors read, which ETS
//! function leads where, and that memory comes back.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ferrets::{
    Access, Atom, Batch, BigRef, BitsRef, Bounds, Change, Changes, Chunk, Condition, Conflict,
    Continuation, CounterOp, Cursor, DecodeOptions, Elements, Error, ErrorKind, Event, Export,
    Filter, Fixation, FunOptions, FunRef, Info, Integer, KeyPlan, KeyRange, Kind, ListRef, MapRef,
    MatchSpec, Message, Monitor, Object, ObjectRef, Objects, Outcome, Owner, ParseOptions, Pid,
    Placed, Plan, Port, RangeIter, ReadView, Receive, Reclamation, ReferenceRef, Result, SafeFixed,
    Selection, Shape, Snapshot, SnapshotIter, SpecExpr, SpecVariable, Store, Table, TableOptions,
    Term, TermRef, TupleRef, View, Watch, WriteConcurrency, ets, term, tuple,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of all sources below a directory.
fn text_below(directory: &str) -> String {
    let mut text = String::new();
    let mut waiting = vec![root().join(directory)];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("it is there");
            waiting.extend(entries.map(|entry| entry.expect("it can be read").path()));
        } else {
            text += &fs::read_to_string(&path).expect("sources are text");
        }
    }
    text
}

// ---- Auto traits --------------------------------------------------------------------------------

fn crosses_threads<T: Send + Sync>() {}
fn survives_panics<T: UnwindSafe + RefUnwindSafe>() {}

macro_rules! each {
    ($check:ident: $($type:ty),+ $(,)?) => { $($check::<$type>();)+ };
}

/// The compiler checks this; the call is only for show.
#[test]
fn types_cross_threads() {
    each!(crosses_threads:
        Selection, Bounds, Cursor, RangeIter, Snapshot, SnapshotIter<'_>, Placed,
        Store, Owner, Table, TableOptions, Fixation, Info, SafeFixed, Reclamation, CounterOp,
        Integer, Access, Kind, WriteConcurrency, Error, ErrorKind, Object, ObjectRef<'_>, Objects,
        Term, TermRef<'_>, View<'_>, Atom, Pid, Port, Export, BigRef<'_>, BitsRef<'_>,
        Elements<'_>, FunRef<'_>, ListRef<'_>, MapRef<'_>, ReferenceRef<'_>, TupleRef<'_>,
        DecodeOptions, ParseOptions, FunOptions, MatchSpec, Continuation, Chunk, Plan, KeyPlan,
        KeyRange, Shape, SpecExpr, SpecVariable, Message, Monitor, Receive<'_>, Batch, Condition,
        Conflict, Outcome, Change, Changes, Event, Filter, Watch,
    );
    #[cfg(feature = "serde")]
    each!(crosses_threads: ferrets::Structs, ferrets::ToTermOptions, ferrets::Serde<u8>);
}

#[test]
fn types_survive_panics() {
    each!(survives_panics:
        TableOptions, Placed, Bounds, Info, SafeFixed, Reclamation, CounterOp,
        Integer, Access, Kind, WriteConcurrency, Error, ErrorKind, Object, ObjectRef<'_>, Objects,
        Term, TermRef<'_>, View<'_>, Atom, Pid, Port, Export, BigRef<'_>, BitsRef<'_>,
        Elements<'_>, FunRef<'_>, ListRef<'_>, MapRef<'_>, ReferenceRef<'_>, TupleRef<'_>,
        DecodeOptions, ParseOptions, FunOptions, MatchSpec, Continuation, Chunk, Plan, KeyPlan,
        KeyRange, Shape, SpecExpr, SpecVariable, Condition, Conflict, Outcome, Change, Changes,
    );
    #[cfg(feature = "serde")]
    each!(survives_panics: ferrets::Structs, ferrets::ToTermOptions, ferrets::Serde<u8>);
}

/// A view is pinned to its thread: it must not get out of it.
#[test]
fn views_stay_on_their_thread() {
    trait MaySend<Which> {
        fn check() {}
    }
    struct Yes;
    impl<T: ?Sized> MaySend<()> for T {}
    impl<T: ?Sized + Send> MaySend<Yes> for T {}
    // Were it `Send`, this would be ambiguous, and not compile.
    <ReadView<'_> as MaySend<_>>::check();
}

#[test]
fn errors_and_objects_are_one_word() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<Result<()>>(), word);
    assert_eq!(size_of::<Option<Object>>(), word);
}

/// Who adds a type to the API adds it to the lists above.
#[test]
fn every_public_type_is_listed() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("it is there");
    let used = lib.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let words = used.flat_map(|used| used.split(|c: char| !c.is_alphanumeric()));
    let types = words.filter(|word| word.starts_with(char::is_uppercase));
    let rest: BTreeSet<&str> =
        ["FromObject", "FromTerm", "ReadView", "Result", "ToBounds", "ToObject", "ToTerm"].into();
    let this = include_str!("api.rs");
    for name in types.filter(|name| !rest.contains(name)) {
        let times = this.split(|c: char| !c.is_alphanumeric()).filter(|word| *word == name).count();
        assert!(times >= 2, "{name} is missing in the lists of tests/api.rs");
    }
}

// ---- Errors -------------------------------------------------------------------------------------

/// A table that is protected, one by another owner, and a bag.
struct World {
    _store: Store,
    owner: Owner,
    stranger: Owner,
    set: Table,
    bag: Table,
}

impl World {
    fn new() -> Self {
        let store = Store::new();
        let (owner, stranger) = (store.owner(), store.owner());
        let options = TableOptions::new(Kind::Set).named(true);
        let set = owner.new_table("people", options.keypos(2)).expect("the name is free");
        set.insert(("Ann", 1, 36, "text")).expect("it fits");
        let bag = owner.new_table("things", TableOptions::new(Kind::Bag)).expect("it fits");
        Self { _store: store, owner, stranger, set, bag }
    }
}

/// One way to provoke an error, and what its text must name.
type Provocation = (ErrorKind, &'static str, fn(&World) -> Option<Error>);

const PROVOCATIONS: &[Provocation] = &[
    (ErrorKind::NotATable, "17", |w| w.owner.table_by_id(term!(17).as_ref()).err()),
    (ErrorKind::NoSuchTable, "`nobody`", |w| w.owner.table("nobody").err()),
    (ErrorKind::NoSuchTable, "`gone`", |w| {
        let table = w.owner.new_table("gone", TableOptions::default()).ok()?;
        table.delete_table().ok()?;
        table.lookup(1).err()
    }),
    (ErrorKind::AccessDenied, "`people`", |w| w.set.acting_as(&w.stranger).insert(("", 2)).err()),
    (ErrorKind::NotOwner, "`people`", |w| {
        w.set.acting_as(&w.stranger).set_access(Access::Public).err()
    }),
    (ErrorKind::WrongKind, "`things`", |w| w.bag.update_counter(1, 1).err()),
    (ErrorKind::WrongKind, "`things`", |w| w.bag.compare_and_swap((1, 2), (1, 3)).err()),
    (ErrorKind::WrongKind, "`things`", |w| w.bag.snapshot().err()),
    (ErrorKind::WrongKind, "`ranks`", |w| {
        let options = TableOptions::new(Kind::OrderedSet);
        w.owner.new_table("ranks", options).ok()?.rank(1).err()
    }),
    (ErrorKind::NoSuchKey, "4711", |w| w.set.lookup_element(4711, 1).err()),
    (ErrorKind::NoSuchKey, "4711", |w| w.set.update_counter(4711, 3).err()),
    (ErrorKind::KeyPosition, "2", |w| w.set.update_counter(1, (2, 1)).err()),
    (ErrorKind::KeyPosition, "key 1", |w| w.set.update(1, |_| Ok(Some(("Ann", 4711)))).err()),
    (ErrorKind::BadPosition, "99", |w| w.set.update_counter(1, (99, 1)).err()),
    (ErrorKind::BadPosition, "99", |w| w.set.update_element(1, 99, 1).err()),
    (ErrorKind::AlreadyExists, "`people`", |w| {
        w.owner.new_table("people", TableOptions::default().named(true)).err()
    }),
    (ErrorKind::AlreadyOwner, "`people`", |w| w.set.give_away(w.owner.pid(), 1).err()),
    (ErrorKind::NotOwner, "`things`", |w| {
        w.bag.acting_as(&w.stranger).set_heir(w.owner.pid(), 1).err()
    }),
    (ErrorKind::BadArgument, "receiver", |w| w.set.give_away(Store::new().pid(), 1).err()),
    (ErrorKind::BadArgument, "heir", |w| w.set.set_heir(Store::new().pid(), 1).err()),
    (ErrorKind::NoOwner, "ended", |w| {
        let dead = w.bag.acting_as(&Store::new().owner());
        dead.fix().err()
    }),
    (ErrorKind::BadArgument, "atom", |w| w.set.insert(term!(:atom)).err()),
    (ErrorKind::BadArgument, "99", |w| w.set.lookup_element(1, 99).err()),
    (ErrorKind::BadArgument, "4711", |w| w.set.next(4711).err()),
    (ErrorKind::BadArgument, "4711", |w| w.set.slot(4711).err()),
    (ErrorKind::BadArgument, "NaN", |w| w.set.lookup(f64::NAN).err()),
    (ErrorKind::BadArgument, "nonsense/1", |w| ets::call(&w.owner, "nonsense", &[term!(1)]).err()),
    (ErrorKind::ObjectTooShort, "{<<\"short\">>}", |w| w.set.insert(("short",)).err()),
    (ErrorKind::BadOption, "0", |w| {
        w.owner.new_table("t", TableOptions::default().keypos(0)).err()
    }),
    (ErrorKind::BadOption, "bag", |w| {
        w.owner.new_table("t", TableOptions::new(Kind::Bag).order_statistics(true)).err()
    }),
    (ErrorKind::BadMatchSpec, "$9", |_| "[{'_',[],['$9']}]".parse::<MatchSpec>().err()),
    (ErrorKind::NotAnInteger, "<<\"text\">>", |w| w.set.update_counter(1, (4, 1)).err()),
    (ErrorKind::LimitExceeded, "255", |_| Atom::new(&"x".repeat(256)).err()),
    (ErrorKind::BadEncoding, " ", |_| Term::decode(&[131, 255]).err()),
    (ErrorKind::BadEncoding, " ", |_| Term::decode(b"").err()),
    (ErrorKind::BadSyntax, " ", |_| Term::parse("{1, ").err()),
    (ErrorKind::BadSyntax, " ", |_| Term::parse("1 2").err()),
    (ErrorKind::Conversion, "300", |_| term!(300).get::<u8>().err()),
    (ErrorKind::Conversion, "a", |_| term!(:a).get::<String>().err()),
    (ErrorKind::Panicked, "on purpose", |w| {
        w.set.update(1, |_| -> Result<Option<Object>> { panic!("on purpose") }).err()
    }),
    (ErrorKind::Conflict, "key 1", |w| {
        let mut batch = w.set.batch();
        batch.if_absent(1).ok()?;
        batch.commit().ok()?.err().map(Conflict::into_error)
    }),
    (ErrorKind::Panicked, "no text", |w| {
        struct Again;
        impl Drop for Again {
            fn drop(&mut self) {
                panic!("a panic's value may panic when it is dropped");
            }
        }
        w.set.update(1, |_| -> Result<Option<Object>> { std::panic::panic_any(Again) }).err()
    }),
];

/// What no call provokes on purpose: contention takes ten thousand defeats in a row.
const UNPROVOKED: &[ErrorKind] = &[ErrorKind::Contention];

#[test]
fn errors_read_alike_and_name_the_culprit() {
    let world = World::new();
    let (mut kinds, mut complaints) = (UNPROVOKED.to_vec(), Vec::new());
    for (kind, named, provoke) in PROVOCATIONS {
        let error = provoke(&world).unwrap_or_else(|| panic!("{kind:?} was not provoked"));
        let text = error.to_string();
        let rules = [
            (error.kind() == *kind, "is of another kind"),
            (text.contains(named), "does not name the culprit"),
            (
                !text.starts_with(char::is_uppercase) || text.starts_with(named),
                "does not begin in lower case",
            ),
            (!text.ends_with(['.', '!', ' ']), "ends like a sentence"),
            (!text.is_empty() && text.len() < 400 && !text.contains('\n'), "is not one line"),
        ];
        for (_, wrong) in rules.iter().filter(|(holds, _)| !holds) {
            complaints.push(format!("{kind:?} ({named:?}) {wrong}: {:?} {text:?}", error.kind()));
        }
        kinds.push(*kind);
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
    let forgotten: Vec<_> = ErrorKind::ALL.iter().filter(|kind| !kinds.contains(kind)).collect();
    assert!(forgotten.is_empty(), "provoke these too: {forgotten:?}");
    // Nothing of this has changed anything.
    assert_eq!(world.set.tab2list().expect("it stands"), [tuple!("Ann", 1, 36, "text")]);
    assert!(world.bag.is_empty().expect("it stands"));
}

// ---- Names --------------------------------------------------------------------------------------

/// Searching the documentation for an ETS function finds the method that does it.
#[test]
fn ets_functions_are_aliases() {
    let text = text_below("src");
    let with_closures = [("foldl", 3), ("foldr", 3), ("init_table", 2)];
    for (name, arity) in ets::functions().chain(with_closures) {
        let alias = format!("#[doc(alias = \"ets:{name}/{arity}\")]");
        assert!(text.contains(&alias), "no method has {alias}");
    }
}

// ---- Memory -------------------------------------------------------------------------------------

fn pending(store: &Store) -> usize {
    // Tests that run meanwhile may be pinned for a moment.
    for _ in 0..1_000 {
        store.collect();
        if store.reclamation().pending_bytes == 0 {
            break;
        }
        std::thread::yield_now();
    }
    store.reclamation().pending_bytes
}

/// Held by tests that free much or look at what is not freed: the collector is the process's.
static ALONE: Mutex<()> = Mutex::new(());

/// The same for every kind and every way of getting rid of objects.
#[test]
fn memory_comes_back() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    const OBJECTS: i64 = 20_000;
    /// What other tests of this process may hold back at the moment.
    const OTHERS: usize = 64 << 10;
    type Way = (&'static str, fn(&Table));
    let ways: [Way; 4] = [
        ("delete", |table| {
            for key in 0..OBJECTS {
                table.delete(key).expect("it stands");
            }
        }),
        ("take", |table| {
            for key in 0..OBJECTS {
                assert_eq!(table.take(key).expect("it stands").len(), 1);
            }
        }),
        ("delete_object", |table| {
            for object in table.tab2list().expect("it stands") {
                table.delete_object(&object).expect("it stands");
            }
        }),
        ("delete_all_objects", |table| table.delete_all_objects().expect("it stands")),
    ];
    let store = Store::new();
    let owner = store.owner();
    for kind in [Kind::Set, Kind::Bag, Kind::DuplicateBag] {
        let table = owner.new_table("t", TableOptions::new(kind)).expect("it can be made");
        let bytes = || table.info().expect("it stands").memory_bytes;
        let new = bytes();
        assert!(new <= 1024, "an empty {kind} takes {new} bytes");
        for (way, empty) in &ways {
            for key in 0..OBJECTS {
                table.insert((key, "some text that takes a few words")).expect("it stands");
            }
            assert_eq!(table.len().expect("it stands"), OBJECTS as usize);
            assert!(bytes() > OBJECTS as usize * 48, "the count is of all bytes");
            empty(&table);
            assert!(table.is_empty().expect("it stands"), "{way} empties a {kind}");
            // It keeps the striped counters that it got when it was large.
            assert!(bytes() <= new + 1024, "a {kind} emptied by {way} takes {} bytes", bytes());
            let pending = pending(&store);
            assert!(pending <= OTHERS, "{pending} bytes are held back after {way} in a {kind}");
        }
        table.insert((1, "to go with the table")).expect("it stands");
        table.delete_table().expect("it stands");
    }
    drop(owner);
    assert!(pending(&store) <= OTHERS);
}

/// A reader holds back what others delete, and it shows; when he goes, it comes back.
#[test]
fn what_a_reader_holds_back_is_reported() {
    let store = Store::new();
    let owner = store.owner();
    let table = owner.new_table("t", TableOptions::default()).expect("it can be made");
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let large = "x".repeat(1 << 20);
    table.insert((1, large.as_str())).expect("it stands");
    table
        .read(|view| {
            let seen = view.get(1).and_then(|object| object.element(2)?.as_str());
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    table.delete(1).expect("it stands");
                    store.collect();
                    assert!(store.reclamation().pending_bytes >= large.len());
                });
            });
            assert_eq!(seen, Some(large.as_str()), "what a view shows stays");
        })
        .expect("it stands");
    assert!(pending(&store) < large.len());
}
