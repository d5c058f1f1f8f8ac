//! Rust types through serde to terms and back; terms inside other formats.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::net::Ipv4Addr;

#[path = "support/terms.rs"]
mod terms;

use ferrets::{
    Atom, ErrorKind, Serde, Structs, Term, ToTermOptions, from_term, term, to_record, to_term,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use terms::Terms;

/// The value has that text as a term, and comes back from it.
fn both_ways<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, text: &str) {
    let term = to_term(&value).unwrap();
    assert_eq!(term.to_string(), text);
    assert_eq!(from_term::<T>(term.as_ref()).unwrap(), value);
}

fn read<T: DeserializeOwned>(text: &str) -> ferrets::Result<T> {
    from_term(Term::parse(text).unwrap().as_ref())
}

fn refused<T: DeserializeOwned + Debug>(text: &str, message: &str) {
    let error = read::<T>(text).unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(error.kind(), ErrorKind::Conversion);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    email: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Meters(f64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point(i32, i32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Line(Point, Point),
    Box { low: Point, high: Point },
    Empty {},
}

fn ann() -> User {
    User { id: 7, name: "ann".into(), email: None }
}

#[test]
fn each_kind_of_value() {
    both_ways(true, "true");
    both_ways(i8::MIN, "-128");
    both_ways(u64::MAX, "18446744073709551615");
    both_ways(i128::MIN, "-170141183460469231731687303715884105728");
    both_ways(u128::MAX, "340282366920938463463374607431768211455");
    both_ways(1.5_f32, "1.5");
    both_ways(-0.0, "-0.0");
    both_ways('é', "<<\"é\"/utf8>>");
    both_ways(String::from("text"), "<<\"text\">>");
    both_ways((), "undefined");
    both_ways(Unit, "undefined");
    both_ways(None::<i32>, "undefined");
    both_ways(Some(1), "1");
    both_ways(Meters(1.5), "1.5");
    both_ways(vec![1, 2], "[1,2]");
    both_ways(vec![(1, 'a')], "[{1,<<\"a\">>}]");
    both_ways([1, 2, 3], "{1,2,3}");
    both_ways(Point(1, -2), "{1,-2}");
    both_ways(
        BTreeMap::from([(2, "b".to_owned()), (1, "a".to_owned())]),
        "#{1 => <<\"a\">>,2 => <<\"b\">>}",
    );
    both_ways(HashMap::from([(Some(1), ())]), "#{1 => undefined}");
    both_ways(ann(), "#{email => undefined,id => 7,name => <<\"ann\">>}");
    both_ways(Shape::Nothing, "'Nothing'");
    both_ways(Shape::Circle(2.0), "{'Circle',2.0}");
    both_ways(Shape::Line(Point(0, 0), Point(1, 1)), "{'Line',{0,0},{1,1}}");
    both_ways(
        Shape::Box { low: Point(0, 0), high: Point(1, 1) },
        "{'Box',#{high => {1,1},low => {0,0}}}",
    );
    both_ways(Shape::Empty {}, "{'Empty',#{}}");
    both_ways(Ok::<i32, String>(1), "{'Ok',1}");
    both_ways(Ipv4Addr::LOCALHOST, "{127,0,0,1}");
    both_ways(Vec::<Unit>::new(), "[]");
    both_ways(vec![Some(Unit)][..0].to_vec(), "[]");
}

#[test]
fn structs_in_every_style() {
    let styles = [
        (Structs::Map, "[#{email => undefined,id => 7,name => <<\"ann\">>}]"),
        (Structs::Record, "[{'User',7,<<\"ann\">>,undefined}]"),
        (Structs::Tuple, "[{7,<<\"ann\">>,undefined}]"),
    ];
    for (structs, text) in styles {
        let term = ToTermOptions::new().structs(structs).to_term(&[ann()][..]).unwrap();
        assert_eq!(term.to_string(), text);
        assert_eq!(from_term::<Vec<User>>(term.as_ref()).unwrap(), [ann()]);
    }
    assert_eq!(to_record(&ann()).unwrap(), term!({:User, 7, "ann", :undefined}));
}

#[test]
fn skipped_fields_keep_their_place_in_records() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sparse {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        a: Option<i32>,
        b: i32,
        #[serde(skip)]
        c: i32,
    }
    let sparse = Sparse { a: None, b: 2, c: 0 };
    assert_eq!(to_term(&sparse).unwrap(), term!(#{:b => 2}));
    assert_eq!(to_record(&sparse).unwrap(), term!({:Sparse, :undefined, 2}));
    for term in [to_term(&sparse), to_record(&sparse)] {
        assert_eq!(from_term::<Sparse>(term.unwrap().as_ref()).unwrap(), sparse);
    }
}

#[test]
fn erlang_data_is_read_leniently() {
    assert_eq!(read::<User>("#{<<\"id\">> => 7, name => ann, email => undefined}").unwrap(), ann());
    assert_eq!(read::<User>("#{id => 7, name => <<\"ann\">>, extra => [1 | 2]}").unwrap(), ann());
    assert_eq!(read::<f64>("3").unwrap(), 3.0);
    assert_eq!(read::<Vec<u8>>("<<1,255>>").unwrap(), [1, 255]);
    assert_eq!(read::<[u8; 2]>("<<1,255>>").unwrap(), [1, 255]);
    assert_eq!(read::<Vec<i32>>("{1,2}").unwrap(), [1, 2]);
    assert_eq!(read::<(i32, i32)>("[1,2]").unwrap(), (1, 2));
    assert_eq!(read::<Shape>("<<\"Nothing\">>").unwrap(), Shape::Nothing);
    assert_eq!(
        read::<Shape>("{'Box',{0,0},{1,1}}").unwrap(),
        Shape::Box { low: Point(0, 0), high: Point(1, 1) }
    );
    assert_eq!(read::<Option<Atom>>("ok").unwrap(), Some(Atom::OK));
    read::<IgnoredAny>("{#Ref<0.1.2.3>,[a|b]}").unwrap();
}

#[test]
fn what_does_not_fit_says_where() {
    refused::<i32>("a", "invalid type: string \"a\", expected i32");
    refused::<u8>("300", "invalid value: integer `300`, expected u8");
    refused::<String>("undefined", "invalid type: unit value, expected a string");
    refused::<String>("true", "invalid type: boolean `true`, expected a string");
    refused::<User>("#{id => x}", "value of `id`: invalid type: string \"x\", expected u64");
    refused::<User>("#{id => 1}", "missing field `name`");
    refused::<User>(
        "{'User',1,2,undefined}",
        "element 2: invalid type: integer `2`, expected a string",
    );
    refused::<User>("{user,1,<<>>,2}", "`{user,1,<<>>,2}` is not a record `User` of 3 fields");
    refused::<Vec<i32>>("[1,2|3]", "`[1,2|3]` has no counterpart in serde");
    refused::<Vec<i32>>("[1,[]]", "element 2: invalid type: sequence, expected i32");
    refused::<(i32, i32)>("{1,2,3}", "`{1,2,3}` has 3 elements, not 2");
    refused::<(i32, i32)>("{1}", "invalid length 1, expected a tuple of size 2");
    refused::<HashMap<i32, i32>>("#{a => 1}", "key `a`: invalid type: string \"a\", expected i32");
    refused::<Shape>("{'Circle'}", "`{'Circle'}` is not a variant with one value");
    refused::<Shape>("'Circle'", "`'Circle'` is not a variant with one value");
    refused::<Shape>("{'Nothing',1}", "`{'Nothing',1}` is not a variant without values");
    refused::<Shape>("{'Line',1}", "`{'Line',1}` is not a variant with 2 values");
    refused::<Shape>("{'Box',1}", "`{'Box',1}` is not a variant with 2 fields");
    refused::<Shape>("{1,2}", "`{1,2}` is not a variant of `Shape`");
    refused::<Shape>("{'Circle',a}", "variant `Circle`: invalid type: string \"a\", expected f64");
    refused::<Shape>("[]", "`[]` is not a variant of `Shape`");
    refused::<i128>(
        "340282366920938463463374607431768211456",
        "340282366920938463463374607431768211456 takes more than 128 bits",
    );
    refused::<i64>("#Port<0.1>", "`#Port<0.1>` has no counterpart in serde");
    refused::<Atom>("<<\"ok\">>", "`<<\"ok\">>` is not an atom");
    for value in [f64::NAN, f64::INFINITY] {
        assert_eq!(to_term(&[value]).unwrap_err().kind(), ErrorKind::BadArgument);
    }
}

#[test]
fn text_and_bytes_are_borrowed() {
    #[derive(Deserialize)]
    struct Borrowed<'a> {
        text: &'a str,
        #[serde(borrow)]
        bytes: Bytes<'a>,
        atom: &'a str,
    }
    #[derive(Deserialize)]
    struct Bytes<'a>(&'a [u8]);
    let term = term!(#{:text => "text", :bytes => vec![255_u8, 0], :atom => :ok});
    let borrowed: Borrowed<'_> = from_term(term.as_ref()).unwrap();
    assert_eq!((borrowed.text, borrowed.bytes.0, borrowed.atom), ("text", &[255, 0][..], "ok"));
    let inside = term.as_ref().as_map().unwrap().get(term!(:text).as_ref()).unwrap().as_str();
    assert!(std::ptr::eq(borrowed.text, inside.unwrap()));
}

#[test]
fn untagged_and_flattened() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
        Both { number: i64, text: String },
    }
    both_ways(Either::Number(1), "1");
    both_ways(Either::Text("a".into()), "<<\"a\">>");
    both_ways(Either::Both { number: 1, text: "a".into() }, "#{number => 1,text => <<\"a\">>}");

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        One { a: i32 },
        Two,
    }
    both_ways(Tagged::One { a: 1 }, "#{a => 1,type => <<\"One\">>}");
    both_ways(Tagged::Two, "#{type => <<\"Two\">>}");
    assert_eq!(read::<Tagged>("#{type => 'One', a => 1}").unwrap(), Tagged::One { a: 1 });

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        x: i32,
        #[serde(flatten)]
        user: User,
        #[serde(flatten)]
        rest: BTreeMap<String, i32>,
    }
    let outer = Outer { x: 1, user: ann(), rest: BTreeMap::from([("more".into(), 2)]) };
    let term = to_term(&outer).unwrap();
    assert_eq!(from_term::<Outer>(term.as_ref()).unwrap(), outer);
    let value: serde_json::Value =
        read("#{<<\"a\">> => [1,2.5,<<\"x\">>,null,undefined,true]}").unwrap();
    assert_eq!(value, serde_json::json!({"a": [1, 2.5, "x", "null", null, true]}));
}

#[test]
fn terms_inside_of_values_stay_themselves() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        tag: Atom,
        payload: Term,
        more: Vec<Option<Term>>,
    }
    for seed in 0..500 {
        let mut random = Terms::new(seed);
        let holder = Holder {
            tag: random.atom().as_atom().unwrap(),
            payload: random.term(3),
            more: vec![Some(random.term(2)), None],
        };
        if holder.more[0].as_ref().unwrap().as_atom() == Some(Atom::UNDEFINED) {
            continue;
        }
        let term = to_term(&holder).unwrap();
        let map = term.as_ref().as_map().unwrap();
        assert_eq!(map.get(term!(:payload).as_ref()).unwrap(), holder.payload, "seed {seed}");
        assert_eq!(map.get(term!(:tag).as_ref()).unwrap(), holder.tag);
        assert_eq!(from_term::<Holder>(term.as_ref()).unwrap(), holder, "seed {seed}");
        let json = serde_json::to_string(&holder).unwrap();
        assert_eq!(serde_json::from_str::<Holder>(&json).unwrap(), holder, "seed {seed}: {json}");
    }
}

#[test]
fn terms_are_text_in_json() {
    let user = term!({:user, 7, "ann", [1.0]});
    let json = serde_json::to_string(&user).unwrap();
    assert_eq!(json, r#""{user,7,<<\"ann\">>,[1.0]}""#);
    assert_eq!(serde_json::from_str::<Term>(&json).unwrap(), user);
    assert_eq!(serde_json::to_string(&Atom::OK).unwrap(), r#""ok""#);
    assert_eq!(serde_json::from_str::<Atom>(r#""ok""#).unwrap(), Atom::OK);
    let error = serde_json::from_str::<Term>(r#""{user""#).unwrap_err().to_string();
    assert!(error.contains("expected `,` or `}`"), "{error}");
    assert!(serde_json::from_str::<Term>("[1,2,3]").is_err());
    assert!(serde_json::from_str::<Term>("1").is_err());
    let misleading = term!("#Fun<a.1.2>");
    let json = serde_json::to_string(&misleading).unwrap();
    assert_eq!(serde_json::from_str::<Term>(&json).unwrap(), misleading);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    children: Vec<Tree>,
}

fn limit<T: Debug>(result: ferrets::Result<T>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    assert_eq!(error.to_string(), "a value nests more than 256 levels");
}

#[test]
fn depth_is_limited_both_ways() {
    let tree = |depth: usize| {
        (0..depth).fold(Tree { children: vec![] }, |tree, _| Tree { children: vec![tree] })
    };
    let term = to_term(&tree(127)).unwrap();
    assert_eq!(from_term::<Tree>(term.as_ref()).unwrap(), tree(127));
    limit(to_term(&tree(128)));

    let deep =
        |depth: usize| Term::parse(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).unwrap();
    assert!(from_term::<serde_json::Value>(deep(256).as_ref()).is_ok());
    limit(from_term::<serde_json::Value>(deep(257).as_ref()));
    limit(from_term::<serde_json::Value>(deep(1_000_000).as_ref()));
    from_term::<IgnoredAny>(deep(1_000_000).as_ref()).unwrap();
    assert_eq!(from_term::<Term>(deep(1_000_000).as_ref()).unwrap(), deep(1_000_000));

    // A type that asks for itself again, at the same place of the term.
    limit(from_term::<Chain>(term!(1).as_ref()));
    let chain = (0..1000).fold(Chain(None), |chain, _| Chain(Some(Box::new(chain))));
    limit(to_term(&chain));
}

#[test]
fn atoms_are_limited_as_elsewhere() {
    let long: &'static str = Box::leak("x".repeat(256).into_boxed_str());
    struct Long(&'static str);
    impl Serialize for Long {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_unit_variant("Long", 0, self.0)
        }
    }
    assert_eq!(to_term(&Long(long)).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn serde_values_among_others() {
    let object = Term::new((1, Serde(ann()), "x")).unwrap();
    let (id, Serde(user), x): (i64, Serde<User>, &str) = object.get().unwrap();
    assert_eq!((id, user, x), (1, ann(), "x"));
    assert_eq!(term!([Serde(Point(1, 2))]), term!([{1, 2}]));
}
