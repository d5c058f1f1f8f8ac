//! Match specifications from the text of funs: what strangers may write, where faults are, and what
//! variables from around the fun are.
//!
//! What OTP makes of the same texts is in `tests/oracle`.
#![allow(clippy::unwrap_used, reason = "what is made here fits every limit")]

#[path = "support/funs.rs"]
mod funs;
#[path = "support/terms.rs"]
mod terms;

use ferrets::{ErrorKind, FunOptions, MatchSpec, ParseOptions, Term, term};
use funs::Funs;
use terms::Terms;

fn compiled(text: &str) -> MatchSpec {
    MatchSpec::fun2ms(text).unwrap_or_else(|error| panic!("{text:.100}: {error}"))
}

#[test]
fn what_history_has_works() {
    let spec = compiled(
        "ets:fun2ms(fun({_, Name, Age} = User)       % of users
                        when Age >= 18, Age < 65; Name =:= <<\"ann\">> ->
                            {Name, Age * 12, User}
                    end).",
    );
    let ann = term!({1, "ann", 5});
    assert_eq!(spec.test(&ann).unwrap(), Some(term!({"ann", 60, {1, "ann", 5}})));
    assert_eq!(spec.test(&term!({1, "bob", 5})).unwrap(), None);
    assert_eq!(spec.source().as_ref().as_list().unwrap().count(), 2);
}

#[test]
fn variables_come_from_around() {
    let options = FunOptions::new()
        .variable("Limit", 30)
        .variable("Colours", term!([:red, {:"$1", :_}]))
        .variable("Bad", f64::NAN);
    let spec = options.compile("fun({Age}) when Age > Limit -> {Age, Colours} end").unwrap();
    let expected = term!({31, [:red, {:"$1", :_}]});
    assert_eq!(spec.test(&term!({ 31 })).unwrap(), Some(expected));

    // The head's own variables go before those from around.
    let spec = options.compile("fun({Limit}) -> Limit end").unwrap();
    assert_eq!(spec.test(&term!({ 1 })).unwrap(), Some(term!(1)));
    assert!(options.compile("fun({X}) -> X end").is_ok());
    let error = options.compile("fun({X}) -> {X, Bad} end").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadArgument);
}

#[test]
fn faults_say_where() {
    let refused = [
        (
            "fun({X}) ->\n  {X,\n   case X of 1 -> 2 end} end",
            "3:4: `case` cannot be said in a match specification",
        ),
        (
            "fun({X}) -> lists:max(X) end",
            "1:13: lists:max/1 cannot be called in a match specification",
        ),
        ("fun({X}) -> hd(X, 1) end", "1:13: hd/2 cannot be called in a match specification"),
        ("fun({X}) -> {X, Other} end", "1:17: variable Other is unbound"),
        ("fun({X}) -> {X, _} end", "1:17: `_` is for heads only"),
        ("fun({X}) when X = 1 -> X end", "1:17: `=` is for heads only"),
        ("fun({X, Y = 1}) -> X end", "1:11: in a head only the whole object can have another name"),
        ("fun({X}, {Y}) -> X end", "1:4: the fun has one parameter: the object"),
        ("fun(\n[X]) -> X end", "2:1: an object is a tuple, or a variable stands for it"),
        ("fun({X, #{Y := 1}}) -> X end", "1:9: in a head there are no variables in keys of maps"),
        ("fun({X}) -> #{a := X} end", "1:17: `:=` is for heads only"),
        ("fun({X, '$1'}) -> X end", "1:9: in a head '$1' is a variable and cannot be an atom"),
        (
            "fun({X} = Y) -> {Y}; ({Y, X} = Y) -> X end",
            "1:24: Y is the whole object and cannot be a part of it",
        ),
        ("fun({X, hd(Y)}) -> X end", "1:9: nothing is called in a head"),
        ("fun({X + 1}) -> X end", "1:8: `+` cannot be matched"),
        ("fun({X ++ [1]}) -> X end", "1:8: on the left of `++` is a list with an end"),
        ("fun({X}) -> X ++ [1] end", "1:15: `++` cannot be said in a match specification"),
        ("fun({X}) -> <<X:8>> end", "1:15: there are no variables in binaries"),
        ("fun({X}) -> [Y || Y <- X] end", "1:16: there are no comprehensions"),
        (
            "fun({X}) -> X#r.a end",
            "1:14: records are not known here; write the tuple, or element/2",
        ),
        (
            "fun({X}) -> is_record(X, r) end",
            "1:13: records are not known here; say is_record/3, with the size",
        ),
        ("fun lists:max/1", "1:1: the fun is written out, and has no name"),
    ];
    for (text, expected) in refused {
        let error = MatchSpec::fun2ms(text).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::BadMatchSpec, expected));
    }
    let malformed = [
        ("", "1:1: expected `fun`, found the end of the text"),
        ("foo", "1:1: expected `fun`, found `foo`"),
        ("fun({X}) X end", "1:10: expected `->`, found `X`"),
        ("fun({X}) -> X", "1:14: expected `end`, found the end of the text"),
        ("fun({X}) -> X end X", "1:19: expected the end of the text, found `X`"),
        ("fun({X}) -> {X, end", "1:17: expected an expression, found `end`"),
        ("fun({X}) -> {X] end", "1:15: expected `,`, `}` or an operator, found `]`"),
        ("fun({X}) ->\n X == 1 == 2 end", "2:9: a comparison of a comparison needs parentheses"),
        ("fun({X}) -> \"abc end", "1:13: no \" ends what begins here"),
        ("fun({X}) -> #{X} end", "1:16: expected `=>`, found `}`"),
        ("fun({X}) -> ? end", "1:13: expected a fun, found `?`"),
    ];
    for (text, expected) in malformed {
        let error = MatchSpec::fun2ms(text).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::BadSyntax, expected));
    }
}

#[test]
fn depth_costs_no_stack() {
    const DEEP: usize = 1_000_000;
    let around = |open: &str, close: &str| {
        format!("fun({{X}}) -> {}X{} end", open.repeat(DEEP), close.repeat(DEEP))
    };
    let object = term!({ true });
    for (open, close) in [("(", ")"), ("{", "}"), ("[", "]"), ("not ", ""), ("- ", ""), ("{", "")] {
        match MatchSpec::fun2ms(&around(open, close)) {
            Ok(spec) => assert!(spec.test(&object).unwrap().is_some()),
            Err(error) => assert_eq!((error.kind(), open, close), (ErrorKind::BadSyntax, "{", "")),
        }
    }
    let deep = around("X andalso (", ")");
    assert_eq!(compiled(&deep).test(&object).unwrap(), Some(term!(true)));
    let head = format!("fun({{{}X{}}}) -> X end", "{".repeat(DEEP), "}".repeat(DEEP));
    assert_eq!(compiled(&head).test(&object).unwrap(), None);
}

#[test]
fn large_funs_and_limits() {
    let clauses: Vec<String> = (0..10_000).map(|at| format!("({{{at}, X}}) -> X")).collect();
    let spec = compiled(&format!("fun {} end", clauses.join(";\n")));
    assert_eq!(spec.test(&term!({9_999, :x})).unwrap(), Some(term!(:x)));

    let guards: Vec<String> = (0..10_000).map(|at| format!("X =:= {at}")).collect();
    let spec = compiled(&format!("fun({{X}}) when {} -> X end", guards.join("; ")));
    assert_eq!(spec.test(&term!({ 77 })).unwrap(), Some(term!(77)));

    let names: Vec<String> = (0..10_000).map(|at| format!("V{at}")).collect();
    let spec = compiled(&format!("fun({{{}}}) -> V9999 end", names.join(",")));
    let object = Term::tuple((0..10_000_i64).map(|at| term!((at)))).unwrap();
    assert_eq!(spec.test(&object).unwrap(), Some(term!(9_999)));

    let few = FunOptions::new().limits(ParseOptions::new().max_words(100));
    let items = vec!["1"; 200].join(",");
    let error = few.translate(&format!("fun({{X}}) -> [{items}] end")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    // What is constant is calculated, but nothing large: that is left to the machine.
    let square = |inner: String| format!("({inner}) * ({inner})");
    let text = (0..12).fold("1 bsl 4000".to_owned(), |inner, _| square(inner));
    assert!(compiled(&format!("fun({{X}}) -> {text} end")).source().to_string().contains("'*'"));
    assert!(compiled("fun({X}) -> 1 bsl 4000000 end").source().to_string().contains("'bsl'"));
}

/// Whatever the text, there is a specification or an error that says where.
#[test]
fn random_texts() {
    let (mut good, mut bad) = (0, 0);
    let options = FunOptions::new().variable("Env", 42).variable("Term", term!({:a, [1]}));
    for seed in 0..20_000 {
        let mut random = Terms::new(seed);
        let mut below = |bound| random.below(bound);
        let text = Funs::new(&mut below, [0, 15, 80][seed as usize % 3]).fun();
        match options.translate(&text) {
            Ok(spec) => {
                good += 1;
                MatchSpec::compile(&spec).unwrap_or_else(|error| panic!("{text}: {error}"));
            }
            Err(error) => {
                bad += 1;
                assert!(
                    matches!(error.kind(), ErrorKind::BadSyntax | ErrorKind::BadMatchSpec),
                    "{text}: {error:?}"
                );
                assert!(error.to_string().starts_with(|first: char| first.is_ascii_digit()));
            }
        }
    }
    assert!(good > 5_000 && bad > 5_000, "{good} good, {bad} bad");
}
