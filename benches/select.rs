//! Match specifications: `cargo bench --bench select`, or with a part of a name behind it.
//!
//! Scans are per object; what is bound by a key is per question, beside a plain lookup.
#![allow(missing_docs, reason = "criterion makes functions without documentation")]

mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ferrets::{MatchSpec, ObjectRef, Store, Term, TermRef, tuple};
use support::{Keys, filled};

const OBJECTS: i64 = 1_000_000;

fn spec(text: &str) -> MatchSpec {
    text.parse().expect("it compiles")
}

fn scans(criterion: &mut Criterion) {
    let store = Store::new();
    let owner = store.owner();
    let table = filled(&owner, OBJECTS);
    let mut group = criterion.benchmark_group("scan");
    group.throughput(Throughput::Elements(OBJECTS as u64)).sample_size(10);
    let few = spec("[{{'$1','$2','_'},[{'<','$2',100}],['$1']}]");
    group.bench_function("guard", |b| b.iter(|| table.select(&few)));
    let float = spec("[{{'$1','$2','_'},[{'<',{'/','$2',2},50.0}],['$1']}]");
    group.bench_function("guard_float", |b| b.iter(|| table.select(&float)));
    let two = spec(
        "[{{'$1','$2','_'},[{'>=','$2',100},{'orelse',{'<','$2',200},{'==','$2',a}}],['$1']}]",
    );
    group.bench_function("guard_two", |b| b.iter(|| table.select(&two)));
    let half = spec("[{{'_','$2','_'},[{'<','$2',500000}],[true]}]");
    group.bench_function("count", |b| b.iter(|| table.select_count(&half)));
    let all = spec("[{'_',[],['$_']}]");
    group.bench_function("all", |b| b.iter(|| table.select(&all)));
    let made = spec("[{{'$1','$2','_'},[],[{{'$2','$1'}}]}]");
    group.bench_function("made", |b| b.iter(|| table.select(&made)));
    let is_small = |object: ObjectRef<'_>| object.element(2).and_then(TermRef::as_i64) < Some(100);
    group.bench_function("filter", |b| b.iter(|| table.filter(is_small)));
    group.finish();
}

fn bound(criterion: &mut Criterion) {
    let store = Store::new();
    let owner = store.owner();
    let table = filled(&owner, OBJECTS);
    let mut keys = Keys::below(OBJECTS);
    let some: Vec<i64> = (0..64).map(|_| keys.draw()).collect();
    let specs = |text: &dyn Fn(i64) -> String| -> Vec<MatchSpec> {
        some.iter().map(|key| spec(&text(*key))).collect()
    };
    let head = specs(&|key| format!("[{{{{{key},'$1','_'}},[],['$1']}}]"));
    let guard = specs(&|key| format!("[{{{{'$1','$2','_'}},[{{'=:=','$1',{key}}}],['$2']}}]"));
    let mut group = criterion.benchmark_group("bound");
    let mut turn = 0_usize;
    let mut next = move || {
        turn += 1;
        turn % 64
    };
    group.bench_function("lookup", |b| b.iter(|| table.lookup(some[next()])));
    group.bench_function("head", |b| b.iter(|| table.select(&head[next()])));
    group.bench_function("guard", |b| b.iter(|| table.select(&guard[next()])));
    let term: Term = head[0].source().clone();
    group.bench_function("compile", |b| b.iter(|| MatchSpec::compile(black_box(&term))));
    group.bench_function("compile_and_select", |b| {
        b.iter(|| table.select(&MatchSpec::compile(&term).expect("it compiles")));
    });
    let typical: Term = "[{{'$1','$2',#{a => '$3'}},[{'>','$2',30},{'orelse',{'=:=','$1',a},\
        {is_atom,'$1'}}],[{{'$1','$3',{'+','$2',1}}}]},{'_',[],['$_']}]"
        .parse()
        .expect("a term");
    group.bench_function("compile_typical", |b| b.iter(|| MatchSpec::compile(black_box(&typical))));
    group.finish();
}

fn machine(criterion: &mut Criterion) {
    let object = tuple!(7, "name", [1, 2, 3], { :a, 2.5 });
    let mut group = criterion.benchmark_group("test");
    for (name, text) in [
        ("head", "[{{'_','_','_',{b,'_'}},[],[true]}]"),
        ("arithmetic", "[{{'$1','_','_','_'},[{'==',{'rem',{'+','$1',3},2},1}],[true]}]"),
        ("list", "[{{'_','_',['_','_'|'$1'],'_'},[{'=:=','$1',[]}],[true]}]"),
    ] {
        let spec = spec(text);
        group.bench_function(name, |b| b.iter(|| spec.test(black_box(&object))));
    }
    group.finish();
}

criterion_group!(benches, scans, bound, machine);
criterion_main!(benches);
