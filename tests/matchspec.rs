//! Match specifications by themselves: what strangers may send, and what a value of them promises.
//!
//! What every function computes, and what every fault is called, is in `tests/oracle/cases`, and
//! checked against OTP 27.
#![allow(clippy::unwrap_used, reason = "what is made here fits every limit")]

use ferrets::{Atom, ErrorKind, MatchSpec, SpecExpr, Term, spec, term};

fn atom(name: &str) -> Term {
    Term::atom(name).unwrap()
}

fn spec_of(head: Term, guards: Term, body: Term) -> Term {
    let clause = Term::tuple([head, guards, Term::list([body]).unwrap()]).unwrap();
    Term::list([clause]).unwrap()
}

/// `depth` times wrapped.
fn nested(depth: usize, core: Term, wrap: impl Fn(Term) -> Term) -> Term {
    (0..depth).fold(core, |inner, _| wrap(inner))
}

const DEEP: usize = 1_000_000;

#[test]
fn a_spec_is_a_value() {
    fn is_one<T: Send + Sync + Clone + Eq + std::fmt::Debug + std::fmt::Display>() {}
    is_one::<MatchSpec>();
    let spec: MatchSpec = "[{{'$1','_'},[],['$1']}]".parse().unwrap();
    assert_eq!(spec.clone(), spec);
    assert_eq!(format!("{spec:?}"), "MatchSpec([{{'$1','_'},[],['$1']}])");
    let results = std::thread::scope(|scope| {
        let thread = scope.spawn(|| spec.test(&term!({1, 2})));
        thread.join().unwrap()
    });
    assert_eq!(results.unwrap(), Some(term!(1)));
}

#[test]
fn depth_costs_no_stack() {
    let wraps: [fn(Term) -> Term; 3] = [
        |inner| Term::tuple([inner]).unwrap(),
        |inner| Term::list([inner]).unwrap(),
        |inner| Term::list_with_tail([Term::nil()], inner).unwrap(),
    ];
    for wrap in wraps {
        let head = Term::tuple([nested(DEEP, atom("$1"), wrap)]).unwrap();
        let spec = MatchSpec::compile(&spec_of(head, Term::nil(), atom("$1"))).unwrap();
        let object = Term::tuple([nested(DEEP, term!(7), wrap)]).unwrap();
        assert_eq!(spec.test(&object).unwrap(), Some(term!(7)));
        assert_eq!(spec.test(&term!({ { { 7 } } })).unwrap(), None);
    }
}

#[test]
fn deep_guards_and_bodies_cost_no_stack() {
    let not = |inner| Term::tuple([atom("not"), inner]).unwrap();
    let call = nested(DEEP, atom("$1"), not);
    let guards = Term::list([call.clone()]).unwrap();
    let spec = MatchSpec::compile(&spec_of(term!({:"$1"}), guards, call)).unwrap();
    assert_eq!(spec.test(&term!({ true })).unwrap(), Some(term!(true)));
    assert_eq!(spec.test(&term!({:x})).unwrap(), None);

    for form in ["and", "andalso", "or", "orelse"] {
        let wrap = |inner| Term::tuple([atom(form), atom("$1"), inner]).unwrap();
        let body = nested(DEEP / 10, atom("$1"), wrap);
        let guards = Term::list([body.clone()]).unwrap();
        let spec = MatchSpec::compile(&spec_of(term!({:"$1"}), guards, body)).unwrap();
        assert_eq!(spec.test(&term!({ true })).unwrap(), Some(term!(true)), "{form}");
    }
    let tuple = |inner| Term::tuple([Term::tuple([inner]).unwrap()]).unwrap();
    let spec = spec_of(term!({:"$1"}), Term::nil(), nested(DEEP, atom("$1"), tuple));
    let result = MatchSpec::compile(&spec).unwrap().test(&term!({:x})).unwrap();
    let wrapped = |inner| Term::tuple([inner]).unwrap();
    assert_eq!(result, Some(nested(DEEP, term!(:x), wrapped)));
}

#[test]
fn deep_faults_are_found_and_named() {
    let wrap = |inner| Term::list([inner]).unwrap();
    let spec = spec_of(term!(:_), Term::nil(), nested(DEEP, atom("$1"), wrap));
    let error = MatchSpec::compile(&spec).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadMatchSpec);
    assert!(error.to_string().ends_with("variable $1 is not bound in the head"), "{error}");
    assert!(error.to_string().len() < 200, "{error}");
}

#[test]
fn many_clauses_and_variables() {
    let clause = |at: i64| term!({{(at), :"$1"}, [], [{{:"$1", (at)}}]});
    let spec = MatchSpec::compile(&Term::list((0..10_000).map(clause)).unwrap()).unwrap();
    assert_eq!(spec.test(&term!({9_999, :x})).unwrap(), Some(term!({:x, 9_999})));
    assert_eq!(spec.test(&term!({10_000, :x})).unwrap(), None);

    let variables = (0..20_000).map(|at| atom(&format!("${}", 19_999 - at)));
    let head = Term::tuple(variables).unwrap();
    let spec = MatchSpec::compile(&spec_of(head, Term::nil(), atom("$$"))).unwrap();
    let object = Term::tuple((0..20_000_i64).map(|at| term!((at)))).unwrap();
    let all = spec.test(&object).unwrap().unwrap();
    let first = all.as_ref().as_list().unwrap().next().unwrap().as_i64();
    assert_eq!(first, Some(19_999));
}

#[test]
fn numbers_of_variables_have_no_limit() {
    let text = "[{{'$100000000','$99999999999999999999999','$2'},[],['$$']}]";
    let spec: MatchSpec = text.parse().unwrap();
    assert_eq!(spec.test(&term!({1, 2, 3})).unwrap(), Some(term!([3, 1, 2])));
}

#[test]
fn huge_numbers_are_not_calculated() {
    // Squares of squares: 2^(2^40) if nobody stopped it.
    let square = |inner: Term| Term::tuple([atom("*"), inner.clone(), inner]).unwrap();
    let body = nested(16, term!(2), square);
    let spec = MatchSpec::compile(&spec_of(term!(:_), Term::nil(), body)).unwrap();
    assert!(spec.test(&term!({})).unwrap().is_some());

    let shift = |inner: Term| Term::tuple([atom("bsl"), inner, term!(1_000_000)]).unwrap();
    for (times, fails) in [(4, false), (5, true)] {
        let body = nested(times, term!(1), shift);
        let spec = MatchSpec::compile(&spec_of(term!(:_), Term::nil(), body)).unwrap();
        let result = spec.test(&term!({})).unwrap();
        assert_eq!(result == Some(Term::from(Atom::EXIT)), fails);
    }
}

#[test]
fn faults_say_where() {
    let texts = [
        ("x", "a match specification is a list of clauses"),
        ("[]", "there is no clause"),
        ("[{'_',[],[1]},{a}]", "clause 2: a clause is {Head, Guards, Body}"),
        ("[{'_',[],[]}]", "clause 1, body: a body is a list of one expression or more"),
        ("[{'_',[],[{{1,{f,2}}}]}]", "clause 1, body 1, part 2: there is no function f/1"),
        (
            "[{'_',[true,{'and',1,{hd,'$1'}}],[1]}]",
            "clause 1, guard 2, part 2.1: variable $1 is not bound in the head",
        ),
        (
            "[{'_',['$1','$2'],['$3']}]",
            "clause 1, guard 1: variable $1 is not bound in the head, \
         and 2 more",
        ),
        ("[{#{'$1' => 1},[],[1]}]", "clause 1, head: a variable as key of a map"),
    ];
    for (text, expected) in texts {
        let error = text.parse::<MatchSpec>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadMatchSpec);
        assert_eq!(error.to_string(), expected);
    }
}

/// What `spec!` makes, as ETS would be given it.
/// A value in a pattern is itself, or refused: it never matches what it is not.
#[test]
fn values_in_patterns_are_no_patterns() {
    let from_outside = |text: &str| text.parse::<Term>().unwrap();
    for text in ["'_'", "'$1'", "{a,'_'}", "[x,'$7'|y]", "#{a => 1}", "[#{}]", "#{k => '_'}"] {
        let key = from_outside(text);
        let refused = spec!(|{(key), _, name}| if name.gt(1) => name).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BadArgument, "{text}");
        let in_guard = spec!(|{k, _, _}| if k.is(SpecExpr::value(key.clone())) => true).unwrap();
        assert!(in_guard.test(&term!({key, 1, 2})).unwrap().is_some(), "{text}");
        assert!(in_guard.test(&term!({:other, 1, 2})).unwrap().is_none(), "{text}");
    }
    for text in ["'$_'", "'$$'", "a", "{a,[b]}", "<<\"_\">>"] {
        let key = from_outside(text);
        let spec = spec!(|{(key), _, #{:a => (key)}, :_, #{}}| => true).unwrap();
        let object = term!({key, 1, #{:a => key, :b => 1}, :x, #{1 => 2}});
        assert!(spec.test(&object).unwrap().is_some(), "{text}");
    }
}

#[test]
fn the_macro_writes_what_erlang_would() {
    let (key, colour) = (7, "red");
    let made = [
        (spec!(|{(key), x, x}| => x).unwrap(), "[{{7,'$1','$1'},[],['$1']}]"),
        (
            spec!(|{_, :ok, (colour), 1.5, -2}| => SpecExpr::object()).unwrap(),
            "[{{'_',ok,<<\"red\">>,1.5,-2},[],['$_']}]",
        ),
        (spec!(|whole| if whole.is_tuple() => whole).unwrap(), "[{'$1',[{is_tuple,'$1'}],['$1']}]"),
        (
            spec!(
                |{{a, _}, [b | r], #{:k => v}}| if a.is(Atom::OK) | !v.ge(b + 1) => (a, (b, r)),
                |_| => true,
            )
            .unwrap(),
            "[{{{'$1','_'},['$2'|'$3'],#{k => '$4'}},\
             [{'orelse',{'=:=','$1',{const,ok}},{'not',{'>=','$4',{'+','$2',1}}}}],\
             [{{'$1',{{'$2','$3'}}}}]},{'_',[],[true]}]",
        ),
    ];
    for (spec, text) in made {
        assert_eq!(spec, text.parse().unwrap(), "{spec}");
    }
    let functions = spec!(|{x, m}| if x.is_integer() & m.has_key(Atom::OK)
        => (x.div(2).max(3), m.map_get("k").byte_size(), SpecExpr::object().element(1)))
    .unwrap();
    let text = "[{{'$1','$2'},[{'andalso',{is_integer,'$1'},{is_map_key,{const,ok},'$2'}}],\
        [{{{max,{'div','$1',2},3},{byte_size,{map_get,<<\"k\">>,'$2'}},{element,1,'$_'}}}]}]";
    assert_eq!(functions, text.parse().unwrap(), "{functions}");
    assert_eq!(spec!(|{x}| => x + f64::NAN).unwrap_err().kind(), ErrorKind::BadArgument);
    let unknown = spec!(|{x}| => SpecExpr::call("nonsense", [x.into()])).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::BadMatchSpec);
}
