//! Questions to tables, where the oracle cannot look: changes between pieces, threads, and what is
//! shared instead of copied. Results and errors are compared with ETS in `tests/oracle`.

#[path = "support/specs.rs"]
mod specs;
#[path = "support/terms.rs"]
mod terms;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use ferrets::{
    Access, Chunk, Continuation, ErrorKind, KeyPlan, Kind, MatchSpec, Owner, Store, Table,
    TableOptions, Term, TermRef, term,
};

fn spec(text: &str) -> MatchSpec {
    text.parse().expect("it compiles")
}

fn table(owner: &Owner, kind: Kind) -> Table {
    owner.new_table("t", TableOptions::new(kind)).expect("it can be made")
}

fn few(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("not zero")
}

/// Ends a thread that looks at it when it is dropped, also because an assertion has failed: a scope
/// waits for its threads.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn integers(terms: &[Term]) -> Vec<i64> {
    terms.iter().filter_map(Term::as_i64).collect()
}

/// All pieces from one on; `between` is called after each.
fn all_pieces(
    table: &Table,
    mut next: Option<Chunk>,
    mut between: impl FnMut(&Continuation),
) -> Vec<Term> {
    let mut all = Vec::new();
    while let Some(chunk) = next {
        assert!(!chunk.results.is_empty());
        all.extend(chunk.results);
        next = chunk.rest.and_then(|rest| {
            between(&rest);
            table.resume(rest).expect("it stands")
        });
    }
    all
}

#[test]
fn pieces_survive_changes_and_a_new_name() {
    for kind in [Kind::Set, Kind::Bag, Kind::DuplicateBag] {
        let store = Store::new();
        let owner = store.owner();
        let table = table(&owner, kind);
        table.insert_list((0..2_000_i64).map(|key| (key, 0))).expect("it stands");
        let first = table.select_chunk(&spec("[{{'$1','_'},[],['$1']}]"), few(50));
        let mut round = 10_000;
        let found = all_pieces(&table, first.expect("it stands"), |_| {
            // Grow, shrink, rename: the even keys stay.
            table.insert_list((round..round + 50).map(|key| (key, 0))).expect("it stands");
            table.delete(round - 10_000 + 1).expect("it stands");
            table.rename(&format!("t{round}")).expect("it is free");
            round += 50;
        });
        let stayed: BTreeSet<i64> =
            integers(&found).into_iter().filter(|key| *key < 2_000 && key % 2 == 0).collect();
        assert_eq!(stayed.len(), 1_000, "{kind}");
        let all: BTreeSet<i64> = integers(&found).into_iter().collect();
        assert_eq!(all.len(), found.len(), "no object comes twice");
    }
}

/// As in OTP: an ordered table is looked at from where the last piece ended, whatever has become of
/// it.
#[test]
fn pieces_of_ordered_tables_hold_no_results() {
    let store = Store::new();
    let owner = store.owner();
    let t = table(&owner, Kind::OrderedSet);
    let even = spec("[{{'$1',0},[],['$1']}]");
    for back in [false, true] {
        for limit in [1, 3, 10, 40, 49] {
            t.insert_list((0..100_i64).map(|key| (key, key % 2))).expect("it stands");
            let first = match back {
                false => t.select_chunk(&even, few(limit)),
                true => t.select_reverse_chunk(&even, few(limit)),
            };
            let first = first.expect("it stands").expect("there are fifty");
            let last = *integers(&first.results).last().expect("at least one");
            assert_eq!(first.results.len(), limit);
            let rest = first.rest.expect("there are more");
            // All that was there goes; what comes next to where it stopped is found.
            t.delete_all_objects().expect("it stands");
            let next = if back { last - 1 } else { last + 1 };
            t.insert_list([(last, 0), (next, 0)]).expect("it stands");
            let rest = all_pieces(&t, t.resume(rest).expect("it stands"), |_| ());
            assert_eq!(integers(&rest), [next], "{limit} {back}");
        }
    }
}

#[test]
fn continuations_are_values() {
    let store = Store::new();
    let owner = store.owner();
    let t = table(&owner, Kind::Set);
    t.insert_list((0..100).map(|key| (key,))).expect("it stands");
    let first = t.select_chunk(&spec("[{{'$1'},[],['$1']}]"), few(30)).expect("it stands");
    let rest = first.and_then(|chunk| chunk.rest).expect("there is more");
    let kept = rest.to_term().expect("it fits").encode().expect("it fits");
    let read = Continuation::from_term(&Term::decode(&kept).expect("just encoded"));
    assert_eq!(read.as_ref().ok(), Some(&rest));
    let again = |rest| t.resume(rest).expect("it stands").expect("there is more").results;
    assert_eq!(again(read.expect("just checked")), again(rest.clone()));

    let other = table(&owner, Kind::Set);
    assert_eq!(other.resume(rest.clone()).unwrap_err().kind(), ErrorKind::BadArgument);
    t.delete_table().expect("it stands");
    assert_eq!(t.resume(rest).unwrap_err().kind(), ErrorKind::NoSuchTable);
    let read = |text: &str| Continuation::from_term(&text.parse().expect("a term"));
    let good = "{a,1,1,[{'_',[],[x]}],[],false}";
    assert!(read(good).is_ok());
    for text in [
        "foo",
        "{}",
        "{1,2,3,4,5}",
        "{a,1,0,[{'_',[],[x]}],[],false}",
        "{a,-1,1,[{'_',[],[x]}],[],false}",
        "{a,{},1,[{'_',[],[x]}],[],false}",
        "{a,{k,k},1,[{'_',[],[x]}],[],false}",
        "{a,here,1,[{'_',[],[x]}],[],false}",
        "{a,1,many,[{'_',[],[x]}],[],false}",
        "{a,1,1,[{'_',[]}],[],false}",
        "{a,1,1,[{'_',[],[x]}],[x|y],false}",
        "{a,1,1,[{'_',[],[x]}],x,false}",
        "{a,1,1,[{'_',[],[x]}],[],maybe}",
        "{a,1,1,[{'_',[],[x]}],[],false,more}",
    ] {
        let refused = read(text).expect_err(text);
        assert_eq!(refused.kind(), ErrorKind::BadArgument, "{text}");
    }
    // A place of the other sort of table.
    for (kind, place) in [(Kind::Set, "{k}"), (Kind::OrderedSet, "7")] {
        let t = table(&owner, kind);
        let place: Term = place.parse().expect("a term");
        let spec: Term = "[{'_',[],[x]}]".parse().expect("a term");
        let forged = Term::new((t.id(), place, 1, spec, Term::nil(), false)).expect("a term");
        let forged = Continuation::from_term(&forged).expect("it looks like one");
        assert_eq!(t.resume(forged).unwrap_err().kind(), ErrorKind::BadArgument);
    }
}

/// What is found is given before more is looked for: of an endless table the first would come, too.
#[test]
fn the_iterator_does_not_look_ahead() {
    let store = Store::new();
    let owner = store.owner();
    let t = table(&owner, Kind::OrderedSet);
    t.insert_list((0..50_000_i64).map(|key| (key, key % 5_000))).expect("it stands");
    let mut selection = t.select_iter(&spec("[{{'$1',0},[],['$1']}]")).expect("it stands");
    for expected in [0, 5_000, 10_000] {
        let found = selection.next().expect("there are ten").expect("it stands");
        assert_eq!(found.as_i64(), Some(expected));
        // What comes a few thousand keys later is not known yet.
        t.insert((expected + 2_500, 0)).expect("it stands");
        let found = selection.next().expect("there are more").expect("it stands");
        assert_eq!(found.as_i64(), Some(expected + 2_500));
    }
}

#[test]
fn the_iterator_streams() {
    let store = Store::new();
    let owner = store.owner();
    let t = table(&owner, Kind::Set);
    t.insert_list((0..5_000_i64).map(|key| (key, key % 3))).expect("it stands");
    let selection = t.select_iter(&spec("[{{'$1',0},[],['$1']}]")).expect("it stands");
    let mut keys: Vec<i64> = selection.filter_map(|key| key.ok()?.as_i64()).collect();
    keys.sort_unstable();
    assert!(keys.into_iter().eq((0..5_000).step_by(3)));
    let mut ended = t.select_iter(&spec("[{'$1',[],['$1']}]")).expect("it stands");
    assert!(ended.next().is_some_and(|first| first.is_ok()));
    t.delete_table().expect("it stands");
    let error = ended.find_map(Result::err).expect("the table has gone");
    assert_eq!(error.kind(), ErrorKind::NoSuchTable);
    assert!(ended.next().is_none());
}

/// An object that is counted in shows one state, whatever a specification takes of it.
#[test]
fn counters_are_seen() {
    let store = Store::new();
    let owner = store.owner();
    let t = table(&owner, Kind::Set);
    t.insert((1, 5, "x")).expect("it stands");
    t.update_counter(1, (2, 1)).expect("it counts");
    let results = [
        ("[{{'_','$1','_'},[{'==','$1',6}],['$1']}]", term!(6)),
        ("[{{'_',6,'_'},[],['$_']}]", term!({1, 6, "x"})),
        ("[{'$1',[{'==',{element,2,'$1'},6}],[{{'$1'}}]}]", term!({{1, 6, "x"}})),
        ("[{'$1',[],['$$']}]", term!([{1, 6, "x"}])),
        ("[{{'_','$1','$2'},[],['$$']}]", term!([6, "x"])),
        ("[{{'_','_','$2'},[],['$2']}]", term!("x")),
    ];
    for (text, expected) in results {
        assert_eq!(t.select(&spec(text)).expect("it stands"), [expected], "{text}");
    }
    let sum = t.select_fold(&spec("[{'_',[],['$_']}]"), 0, |sum, object| {
        sum + object.as_tuple().and_then(|object| object.get(1)?.as_i64()).unwrap_or(0)
    });
    assert_eq!(sum.expect("it stands"), 6);
    let replaced = t.select_replace(&spec("[{{'$1',6,'_'},[],[{{'$1',7}}]}]"));
    assert_eq!(replaced.expect("it stands"), 1);
    assert_eq!(t.select_delete(&spec("[{{1,7},[],[true]}]")).expect("it stands"), 1);
}

#[test]
fn copies_are_replaced_in_place() {
    let store = Store::new();
    let owner = store.owner();
    let t = table(&owner, Kind::DuplicateBag);
    t.insert_list([(1, "a"), (1, "b"), (1, "a"), (2, "a"), (1, "c")]).expect("it stands");
    let replaced = t.select_replace(&spec("[{{'$1',<<\"a\">>},[],[{{'$1',<<\"z\">>,1}}]}]"));
    assert_eq!(replaced.expect("it stands"), 3);
    let of_one: Vec<String> =
        t.lookup(1).expect("it stands").iter().map(|object| object.as_term().to_string()).collect();
    let expected = ["{1,<<\"z\">>,1}", "{1,<<\"b\">>}", "{1,<<\"z\">>,1}", "{1,<<\"c\">>}"];
    assert_eq!(of_one, expected);
    assert_eq!(t.select_delete(&spec("[{{1,'_','_'},[],[true]}]")).expect("it stands"), 2);
    assert_eq!(t.len().expect("it stands"), 3);
}

/// While threads count in objects, each is deleted or replaced exactly when the question says so.
#[test]
fn changes_meet_the_object_as_it_is() {
    let store = Store::new();
    let owner = store.owner();
    let t = table(&owner, Kind::Set);
    t.insert_list((0..200_i64).map(|key| (key, 0_i64, 0_i64))).expect("it stands");
    let stop = AtomicBool::new(false);
    let moved = std::thread::scope(|scope| {
        let counter = scope.spawn(|| {
            let mut counted = 0_i64;
            for key in (0..200).cycle() {
                counted += i64::from(t.update_counter(key, (2, 1)).is_ok());
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            counted
        });
        let done = Done(&stop);
        // Moves what was counted into the third element: nothing may get lost.
        let text = "[{{'$1','$2','$3'},[{'>','$2',0}],[{{'$1',0,{'+','$2','$3'}}}]}]";
        let moving = spec(text);
        for _ in 0..50 {
            t.select_replace(&moving).expect("it stands");
        }
        drop(done);
        let counted = counter.join().expect("it ends");
        t.select_replace(&moving).expect("it stands");
        let sums = spec("[{{'_','$1','$2'},[],[{'+','$1','$2'}]}]");
        let sum = t.select_fold(&sums, 0, |sum, value| sum + value.as_i64().unwrap_or(0));
        assert_eq!(sum.expect("it stands"), counted);
        counted
    });
    assert!(moved > 0);
    assert_eq!(t.select_delete(&spec("[{{'_',0,'_'},[],[true]}]")).expect("it stands"), 200);
}

/// What the planner looks up is what a look at every object finds.
#[test]
fn plans_and_full_scans_agree() {
    let mut looked_up = 0;
    for seed in 0..3_000_u64 {
        let store = Store::with_seed(seed);
        let owner = store.owner();
        let kind = [Kind::Set, Kind::Bag, Kind::DuplicateBag][seed as usize % 3];
        let position = 1 + seed as usize % 2;
        let options = TableOptions::new(kind).keypos(position);
        let t = owner.new_table("t", options).expect("it can be made");
        let mut random = terms::Terms::new(seed);
        let keys: Vec<Term> = (0..3).map(|_| random.term(1)).collect();
        let objects: Vec<Term> = (0..12)
            .map(|_| {
                let parts = [random.pick(&keys), random.pick(&keys), random.term(1)];
                Term::tuple(parts).expect("it fits")
            })
            .collect();
        t.insert_list(objects.iter()).expect("it stands");
        let (mut numbers, mut more) = (terms::Terms::new(!seed), terms::Terms::new(seed << 20));
        let (mut below, mut any) = (|bound| numbers.below(bound), || more.term(1));
        let made = specs::Specs::new(&mut below, &mut any, &objects, 0).spec();
        let Ok(spec) = MatchSpec::compile(&made) else { continue };
        looked_up += usize::from(!t.explain(&spec).is_full());

        let all: Vec<Term> = t.tab2list().expect("it stands").into_iter().map(Term::from).collect();
        let (mut found, mut expected) =
            (t.select(&spec).expect("it stands"), spec.run(&all).expect("small results"));
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "seed {seed}: {spec}");
        let count = t.select_count(&spec).expect("it stands");
        assert_eq!(count, expected.iter().filter(|result| **result == term!(true)).count());
        assert_eq!(t.select_delete(&spec).expect("it stands"), count);
        assert_eq!(t.len().expect("it stands"), all.len() - count);
    }
    assert!(looked_up > 500, "only {looked_up} were looked up");
}

/// What is `==` to a number may be there in several forms, which hash differently.
#[test]
fn equal_numbers_are_found_in_each_form() {
    let store = Store::new();
    let owner = store.owner();
    let numbers = "[0, 0.0, -0.0, 1, 1.0, -7, -7.0, 1.5, a, 9007199254740993, 9007199254740992, \
                   9007199254740992.0, 36893488147419103232, 36893488147419103232.0]";
    let numbers: Term = numbers.parse().expect("a term");
    let numbers = || numbers.as_ref().as_list().expect("a list");
    for kind in [Kind::Set, Kind::OrderedSet, Kind::Bag, Kind::DuplicateBag] {
        let t = table(&owner, kind);
        t.insert_list(numbers().map(|number| (number, 1))).expect("it stands");
        let keys = t.select(&spec("[{{'$1','_'},[],['$1']}]")).expect("it stands");
        for number in numbers() {
            for guard in [format!("{{'==','$1',{number}}}"), format!("{{'==',{number},'$1'}}")] {
                let spec = spec(&format!("[{{{{'$1','_'}},[{guard}],['$1']}}]"));
                let plan = t.explain(&spec);
                assert!(!plan.is_full(), "{kind}: {spec}: {plan}");
                let mut found = t.select(&spec).expect("it stands");
                let mut expected: Vec<Term> =
                    keys.iter().filter(|key| key.as_ref().equals(number)).cloned().collect();
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "{kind}: {spec}: {plan}");
            }
        }
    }
}

/// The objects for an ordered table in which many keys begin alike.
fn alike(random: &mut terms::Terms, count: usize) -> Vec<Term> {
    let parts: Vec<Term> = (0..3).map(|_| random.term(1)).collect();
    let mut object = || {
        let of: Vec<Term> = (0..random.below(4)).map(|_| random.pick(&parts)).collect();
        let key = match random.below(6) {
            0..=2 => Term::tuple(of),
            3 => Term::list(of),
            4 => Term::list_with_tail(of, random.pick(&parts)),
            _ => Ok(random.term(1)),
        };
        Term::tuple([key.expect("it fits"), random.pick(&parts)]).expect("it fits")
    };
    (0..count).map(|_| object()).collect()
}

/// Some clauses that accept objects like these, all with the object itself as their result, and
/// mostly such as say something of the key.
fn whole_objects(t: &Table, seed: u64, objects: &[Term]) -> Option<MatchSpec> {
    let (mut numbers, mut more) = (terms::Terms::new(!seed), terms::Terms::new(seed << 20));
    let (mut below, mut any) = (|bound| numbers.below(bound), || more.term(1));
    let mut made = specs::Specs::new(&mut below, &mut any, objects, 0);
    let mut clauses = Vec::new();
    for _ in 0..6 {
        let made = made.spec();
        for clause in made.as_ref().as_list()? {
            let clause = clause.as_tuple()?;
            let part = |at: usize| clause.get(at)?.to_term().ok();
            let clause = Term::tuple([part(0)?, part(1)?, term!([:"$_"])]).ok()?;
            let alone = MatchSpec::compile(&Term::list([clause.clone()]).ok()?).ok()?;
            if seed % 8 == 0 || !t.explain(&alone).is_full() {
                clauses.push(clause);
            }
        }
    }
    clauses.truncate(4);
    MatchSpec::compile(&Term::list(clauses).ok()?).ok()
}

/// What goes along ranges is what a look at every object finds: in order, either way, in pieces.
#[test]
fn ranges_and_full_scans_agree() {
    let (mut looked_up, mut several) = (0, 0);
    for seed in 0..3_000_u64 {
        let store = Store::with_seed(seed);
        let owner = store.owner();
        let t = table(&owner, Kind::OrderedSet);
        let objects = alike(&mut terms::Terms::new(seed), 60);
        t.insert_list(objects.iter()).expect("it stands");
        let Some(spec) = whole_objects(&t, seed, &objects) else { continue };
        let plan = t.explain(&spec);
        looked_up += usize::from(!plan.is_full());
        several += usize::from(matches!(plan.keys(), KeyPlan::Ranges(all) if all.len() > 1));

        let all: Vec<Term> = t.tab2list().expect("it stands").into_iter().map(Term::from).collect();
        let mut expected = spec.run(&all).expect("small results");
        for back in [false, true] {
            let (whole, first) = if back {
                (t.select_reverse(&spec), t.select_reverse_chunk(&spec, few(3)))
            } else {
                (t.select(&spec), t.select_chunk(&spec, few(3)))
            };
            assert_eq!(whole.expect("it stands"), expected, "seed {seed}: {spec}\n{plan}");
            let pieces = all_pieces(&t, first.expect("it stands"), |_| {});
            assert_eq!(pieces, expected, "seed {seed}: {spec}\n{plan}");
            expected.reverse();
        }
        assert_eq!(t.select_replace(&spec).expect("it keeps all keys"), expected.len());
    }
    assert!(looked_up > 1_000 && several > 500, "{looked_up} were looked up, {several} in ranges");
}

/// Guards on how binaries begin make ranges, which leave nothing out.
#[test]
fn fronts_of_binaries_are_ranges() {
    let store = Store::new();
    let owner = store.owner();
    let t = table(&owner, Kind::OrderedSet);
    let bytes = [0, 1, 97, 254, 255];
    let mut keys: Vec<Vec<u8>> = vec![Vec::new()];
    for len in 0..4 {
        let longer = keys
            .iter()
            .filter(|key| key.len() == len)
            .flat_map(|key| bytes.iter().map(|byte| key.iter().copied().chain([*byte]).collect()));
        let longer: Vec<Vec<u8>> = longer.collect();
        keys.extend(longer);
    }
    let binary = |key: &Vec<u8>| Term::binary(key).expect("it fits");
    t.insert_list(keys.iter().map(|key| (binary(key), 1))).expect("it stands");
    let others =
        "[{1,2}, {a,2}, {[97],2}, {{97},2}, {<<97:7>>,2}, {<<97,1:1>>,2}, {<<255,1:1>>,2}]";
    let others: Term = others.parse().expect("a term");
    t.insert_list(others.as_ref().as_list().expect("a list")).expect("it stands");

    for front in &keys {
        let literal = Term::binary(front).expect("it fits");
        let len = front.len();
        for guard in [
            format!("{{'=:=',{{binary_part,'$1',0,{len}}},{literal}}}"),
            format!("{{'==',{literal},{{binary_part,{{element,1,'$_'}},{{{{0,{len}}}}}}}}}"),
        ] {
            let spec = spec(&format!("[{{{{'$1','_'}},[{guard}],['$1']}}]"));
            let found = t.select(&spec).expect("it stands");
            let expected = keys.iter().filter(|key| key.starts_with(front)).count();
            assert_eq!(found.len(), expected, "{spec}");
            let plan = t.explain(&spec);
            let KeyPlan::Ranges(ranges) = plan.keys() else { panic!("{spec}: {plan}") };
            let inside = t.tab2list().expect("it stands").into_iter().map(Term::from);
            let inside = inside.filter(|object| {
                let key = object.as_tuple().and_then(|object| object.get(0));
                ranges[0].contains(key.expect("it has a key"))
            });
            // Other bitstrings may lie between.
            assert!(inside.count() <= expected + 3, "{spec}: {plan}");
        }
    }
    for guard in [
        "{'=:=',{binary_part,'$1',1,1},<<97>>}",
        "{'=:=',{binary_part,'$1',0,2},<<97>>}",
        "{'=:=',{binary_part,<<97>>,0,1},<<97>>}",
        "{'=/=',{binary_part,'$1',0,1},<<97>>}",
    ] {
        let spec = spec(&format!("[{{{{'$1','_'}},[{guard}],['$1']}}]"));
        assert!(t.explain(&spec).is_full(), "{spec}");
    }
    let tuples = table(&owner, Kind::OrderedSet);
    tuples.insert_list(keys.iter().map(|key| (term!({:a, (binary(key))}), 1))).expect("ok");
    let spec = spec("[{{{a,'$1'},'_'},[{'=:=',{binary_part,'$1',0,1},<<97>>}],['$1']}]");
    let plan = tuples.explain(&spec).to_string();
    let text = "visits keys that are tuples of 2 that begin with a, the next element from \
                <<\"a\">> below <<\"b\">>";
    assert_eq!(plan, text);
    let expected = keys.iter().filter(|key| key.starts_with(b"a")).count();
    assert_eq!(tuples.select(&spec).expect("it stands").len(), expected);
}

/// While the table changes between pieces, and from another thread, what stays comes once.
#[test]
fn ranges_survive_changes() {
    for seed in 0..600_u64 {
        let store = Store::with_seed(seed);
        let owner = store.owner();
        let options = TableOptions::new(Kind::OrderedSet).access(Access::Public);
        let t = owner.new_table("t", options).expect("it can be made");
        let mut random = terms::Terms::new(seed ^ 0xfade);
        let objects = alike(&mut terms::Terms::new(seed), 120);
        t.insert_list(objects.iter()).expect("it stands");
        let Some(spec) = whole_objects(&t, seed, &objects) else { continue };
        let all: Vec<Term> = t.tab2list().expect("it stands").into_iter().map(Term::from).collect();
        let key = |object: &Term| own(object.as_tuple().and_then(|it| it.get(0)).expect("a key"));
        let (goes, stays): (Vec<Term>, Vec<Term>) =
            all.into_iter().partition(|_| random.below(3) == 0);
        let comes: Vec<Term> = alike(&mut terms::Terms::new(seed), 160).split_off(120);
        let comes: Vec<Term> = comes
            .into_iter()
            .filter(|new| !stays.iter().any(|old| key(old).equals(&key(new))))
            .collect();
        let mut expected = spec.run(&stays).expect("small results");
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _done = Done(&is_done);
            scope.spawn(|| {
                let mut random = terms::Terms::new(seed ^ 0xbeef);
                while !is_done.load(Ordering::Relaxed) {
                    shake(&t, &mut random, &goes, &comes);
                }
            });
            for back in [false, true] {
                let limit = few(1 + random.below(5));
                let first = if back {
                    t.select_reverse_chunk(&spec, limit)
                } else {
                    t.select_chunk(&spec, limit)
                };
                let found = all_pieces(&t, first.expect("it stands"), |_| {
                    shake(&t, &mut random, &goes, &comes);
                });
                let in_order = found.windows(2).all(|two| {
                    let order = key(&two[0]).compare(&key(&two[1]));
                    if back { order.is_gt() } else { order.is_lt() }
                });
                assert!(in_order, "seed {seed}: {spec}\n{found:?}");
                let stayed: Vec<Term> =
                    found.into_iter().filter(|found| stays.contains(found)).collect();
                assert_eq!(stayed, expected, "seed {seed}: {spec}");
                expected.reverse();
            }
        });
    }
}

fn own(term: TermRef<'_>) -> Term {
    term.to_term().expect("it fits")
}

/// Inserts an object that may come, or deletes one that may go.
fn shake(t: &Table, random: &mut terms::Terms, goes: &[Term], comes: &[Term]) {
    if random.below(2) == 0 && !comes.is_empty() {
        t.insert(random.pick(comes)).expect("it stands");
    } else if !goes.is_empty() {
        t.delete_object(random.pick(goes)).expect("it stands");
    }
}

/// Operators of two arguments nest as deep as one likes; what they say of the key counts all the
/// same.
#[test]
fn long_chains_are_followed() {
    let store = Store::new();
    let owner = store.owner();
    for kind in [Kind::Set, Kind::OrderedSet] {
        let t = table(&owner, kind);
        t.insert_list((0..1_000_i64).map(|key| (key, key))).expect("it stands");
        let either = |from: usize, to: usize| {
            (from..to).map(|key| format!("{{'=:=','$1',{key}}}")).collect::<Vec<_>>()
        };
        let nested = |parts: Vec<String>, operator: &str, left: bool| {
            let join = |a: String, b: String| format!("{{'{operator}',{a},{b}}}");
            let joined = if left {
                parts.into_iter().reduce(join)
            } else {
                parts.into_iter().rev().reduce(|all, part| join(part, all))
            };
            joined.expect("there are some")
        };
        for left in [false, true] {
            let any = nested(either(100, 160), "orelse", left);
            let found = spec(&format!("[{{{{'$1','_'}},[{any}],['$1']}}]"));
            assert!(!t.explain(&found).is_full(), "{}", t.explain(&found));
            assert_eq!(t.select(&found).expect("it stands").len(), 60);
            let mut all = vec!["{'=:=','$1',7}".to_owned()];
            all.extend((0..60).map(|n| format!("{{'<','$2',{}}}", 1_000 + n)));
            let all = nested(all, "andalso", left);
            let found = spec(&format!("[{{{{'$1','$2'}},[{all}],['$1']}}]"));
            assert!(!t.explain(&found).is_full(), "{}", t.explain(&found));
            assert_eq!(t.select(&found).expect("it stands").len(), 1);
        }
    }
}

#[test]
fn plans_that_put_together_what_guards_say() {
    let store = Store::new();
    let owner = store.owner();
    let (set, ordered) = (table(&owner, Kind::Set), table(&owner, Kind::OrderedSet));
    let plan = |t: &Table, text: &str| {
        let explained = t.explain(&spec(text)).to_string();
        explained.lines().next().expect("a line").to_owned()
    };
    let both = "[{{{'$1','$2'},'_'},[{'==','$1',a},{'==','$2',b}],['$_']}]";
    assert_eq!(plan(&set, both), "visits 1 key: {a,b}");
    let numbers = "[{{{'$1','$2'},'_'},[{'==','$1',7},{'==','$2',3}],['$_']}]";
    assert_eq!(plan(&ordered, numbers), "visits keys from {7,3} up to {7,3}");
    assert_eq!(plan(&set, numbers), "visits all objects: the key is not bounded");
    let parts = "[{{{a,'$1'},'_'},[{'orelse',{'==','$1',1},{'==','$1',5}}],['$_']}]";
    assert!(
        plan(&ordered, parts).matches("begin with a").count() == 2,
        "{}",
        plan(&ordered, parts)
    );
    let narrow = "[{{'$1','_'},[{'>=','$1',0},{'orelse',{'==','$1',7},{'==','$1',9}}],['$_']}]";
    assert!(!plan(&ordered, narrow).contains("from 0"), "{}", plan(&ordered, narrow));
    ordered.insert_list((0..20_i64).map(|key| (key, 0))).expect("it stands");
    let found = ordered.select(&spec(narrow)).expect("it stands");
    assert_eq!(found, [term!({7, 0}), term!({9, 0})]);
}

/// Each variable of a key stands for a large literal: the plan does not write it as often.
#[test]
fn plans_stay_small() {
    let store = Store::new();
    let owner = store.owner();
    let literal = Term::binary(&[b'x'; 1 << 19]).expect("a binary");
    let key = Term::tuple((0..65_000).map(|_| term!(:"$1"))).expect("a tuple");
    let spec = term!([{{key, :_}, [{:"=:=", :"$1", literal}], [true]}]);
    let spec = MatchSpec::compile(&spec).expect("it compiles");
    for kind in [Kind::Set, Kind::OrderedSet] {
        let t = table(&owner, kind);
        t.insert((1, 1)).expect("it stands");
        assert!(t.select(&spec).expect("it stands").is_empty());
        assert_eq!(t.select_delete(&spec).expect("it stands"), 0);
    }
}

/// Specifications of a million levels or clauses, put to tables of every kind.
#[test]
fn hostile_specifications_reach_tables() {
    let store = Store::new();
    let owner = store.owner();
    let deep = |open: &str, middle: &str, close: &str| {
        let levels = 50_000;
        format!("{}{middle}{}", open.repeat(levels), close.repeat(levels))
    };
    let texts = [
        format!("[{{{{{},'_'}},[],['$_']}}]", deep("{a,", "'$1'", "}")),
        format!("[{{{{{},'_'}},[],['$_']}}]", deep("[", "'_'", "]")),
        format!("[{{{{'$1','_'}},[{}],['$_']}}]", deep("{'not',", "true", "}")),
        format!("[{{{{'$1','_'}},[{}],['$_']}}]", deep("{'orelse',{'==','$1',1},", "false", "}")),
        format!("[{{{{'$1','_'}},[{{'==','$1',{}}}],['$_']}}]", deep("{{", "a", "}}")),
        format!("[{}]", vec!["{{1,'_'},[],['$_']}"; 50_000].join(",")),
    ];
    for text in texts {
        let spec: Term = text.parse().expect("a term");
        let Ok(spec) = MatchSpec::compile(&spec) else { continue };
        for kind in Kind::ALL {
            let t = table(&owner, *kind);
            t.insert_list((0..20_i64).map(|key| (key, 0))).expect("it stands");
            let found = t.select(&spec).expect("it stands").len();
            let _ = t.explain(&spec).to_string();
            let chunk = t.select_chunk(&spec, few(1)).expect("it stands");
            if let Some(rest) = chunk.and_then(|chunk| chunk.rest) {
                let read = Continuation::from_term(&rest.to_term().expect("a term"));
                assert_eq!(read.expect("it was one"), rest);
            }
            let _ = t.select_replace(&spec);
            assert!(t.select_delete(&spec).expect("it stands") <= found);
        }
    }
}
