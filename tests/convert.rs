//! Rust values to terms and back, the macros, and comparisons with plain values.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use ferrets::{
    Atom, BitsRef, Elements, ErrorKind, Export, FromTerm, FunRef, Kind, ListRef, MapRef, Object,
    Pid, Port, ReferenceRef, Store, TableOptions, Term, TermRef, ToTerm, TupleRef, atom, term,
    tuple,
};
use num_bigint::BigInt;

/// The value has that text as a term, and comes back from it.
fn both_ways<T>(value: T, text: &str)
where
    T: ToTerm + for<'a> FromTerm<'a> + PartialEq + Debug,
{
    let term = Term::new(&value).unwrap();
    assert_eq!(term.to_string(), text);
    assert_eq!(term.get::<T>().unwrap(), value);
    assert_eq!(term.as_ref().get::<T>().unwrap(), value);
}

fn refused<'a, T: FromTerm<'a> + Debug>(term: &'a Term, message: &str) {
    let error = term.get::<T>().unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(error.kind(), ErrorKind::Conversion);
}

#[test]
fn integers_at_their_borders() {
    macro_rules! borders {
        ($($int:ident)*) => {$(
            both_ways($int::MIN, &$int::MIN.to_string());
            both_ways($int::MAX, &$int::MAX.to_string());
            both_ways(0 as $int, "0");
            let below = Term::new(BigInt::from($int::MIN) - 1).unwrap();
            let above = Term::new(BigInt::from($int::MAX) + 1).unwrap();
            refused::<$int>(&below, &format!("{below} does not fit {}", stringify!($int)));
            refused::<$int>(&above, &format!("{above} does not fit {}", stringify!($int)));
            refused::<$int>(&term!(1.0), "`1.0` is not an integer");
            assert_eq!(Term::from($int::MAX), $int::MAX);
            assert_ne!(above, $int::MAX);
            assert_ne!(term!(1.0), 1 as $int);
            assert_eq!($int::try_from(&term!(1)).unwrap(), 1);
            assert_eq!($int::try_from(term!(1).as_ref()).unwrap(), 1);
            assert!($int::try_from(&term!(:a)).is_err());
        )*};
    }
    borders!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
    both_ways(BigInt::from(7) << 100, "8873554201597605810476922437632");
    both_ways(BigInt::from(-1) << 59, "-576460752303423488");
}

#[test]
fn floats_are_never_integers() {
    both_ways(1.5, "1.5");
    both_ways(-0.0, "-0.0");
    both_ways(1.5_f32, "1.5");
    refused::<f64>(&term!(1), "`1` is not a float");
    refused::<f32>(&term!(0.1), "0.1 does not fit f32");
    refused::<f32>(&term!(1e300), "1.0e300 does not fit f32");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Term::new(value).unwrap_err().kind(), ErrorKind::BadArgument);
        assert!(Term::try_from(value).is_err());
    }
    assert_eq!(Term::new(f32::NAN).unwrap_err().kind(), ErrorKind::BadArgument);
    assert_eq!(term!(0.0), 0.0);
    assert_ne!(term!(0.0), -0.0);
    assert_ne!(term!(1), 1.0);
}

#[test]
fn text_and_bytes_are_binaries() {
    both_ways(String::from("hé"), "<<\"hé\"/utf8>>");
    both_ways(Box::<str>::from("a"), "<<\"a\">>");
    both_ways(vec![1_u8, 255], "<<1,255>>");
    both_ways([1_u8, 2, 3], "<<1,2,3>>");
    both_ways(Vec::<u8>::new(), "<<>>");
    let term = term!("text");
    assert_eq!(term.get::<&str>().unwrap(), "text");
    assert_eq!(term.get::<&[u8]>().unwrap(), b"text");
    assert!(matches!(term.get::<Cow<'_, str>>().unwrap(), Cow::Borrowed("text")));
    assert!(matches!(term.get::<Cow<'_, [u8]>>().unwrap(), Cow::Borrowed(b"text")));
    assert_eq!(Term::new(Cow::Borrowed("text")).unwrap(), term);
    assert_eq!(Term::new(Cow::Borrowed(&b"text"[..])).unwrap(), term);
    assert_eq!(term, "text");
    assert_eq!(term, *"text");
    assert_eq!(term, &b"text"[..]);
    assert_ne!(term, "Text");
    assert_eq!(<&str>::try_from(&term).unwrap(), "text");
    assert_eq!(<&[u8]>::try_from(term.as_ref()).unwrap(), b"text");
    assert_eq!(String::try_from(&term).unwrap(), "text");
    assert_eq!(Vec::<u8>::try_from(&term).unwrap(), b"text");
    assert_eq!(Term::try_from("text").unwrap(), term);
    assert_eq!(Term::try_from(String::from("text")).unwrap(), term);
    assert_eq!(Term::try_from(&b"text"[..]).unwrap(), term);
    assert_eq!(Term::try_from(b"text".to_vec()).unwrap(), term);
    refused::<&str>(&Term::binary(&[255]).unwrap(), "`<<\"ÿ\">>` is not a binary of UTF-8");
    refused::<String>(&term!(:text), "`text` is not a binary of UTF-8");
    refused::<Vec<u8>>(&term!([1, 2]), "`[1,2]` is not a binary");
    refused::<[u8; 2]>(&term, "`<<\"text\">>` has 4 elements, not 2");
}

#[test]
fn lists_maps_and_tuples() {
    both_ways(vec![1, 2, 3], "[1,2,3]");
    both_ways(Vec::<i32>::new(), "[]");
    both_ways(vec![vec![1.5], vec![]], "[[1.5],[]]");
    both_ways([(1, true), (2, false)], "[{1,true},{2,false}]");
    both_ways(vec![1, 2].into_boxed_slice(), "[1,2]");
    both_ways(Box::new(7), "7");
    both_ways((), "{}");
    both_ways((1,), "{1}");
    both_ways((1, (2, (3, ()))), "{1,{2,{3,{}}}}");
    both_ways((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), "{1,2,3,4,5,6,7,8,9,10,11,12}");
    both_ways(
        BTreeMap::from([(1, "a".to_owned()), (-1, "b".to_owned())]),
        "#{-1 => <<\"b\">>,1 => <<\"a\">>}",
    );
    both_ways(HashMap::from([((1, 2), vec![1]), ((0, 2), vec![])]), "#{{0,2} => [],{1,2} => [1]}");
    both_ways(Term::nil(), "[]");
    assert_eq!(Term::new(&[1, 2][..]).unwrap(), term!([1, 2]));
    assert_eq!(Term::new(Cow::Borrowed(&[1, 2][..])).unwrap(), term!([1, 2]));
    refused::<Vec<i64>>(&term!([1 | 2]), "`[1|2]` is not a proper list");
    refused::<Vec<i64>>(&term!({1, 2}), "`{1,2}` is not a proper list");
    refused::<Vec<i64>>(&term!([1, :b]), "element 2: `b` is not an integer");
    refused::<[i64; 3]>(&term!([1, 2]), "`[1,2]` has 2 elements, not 3");
    refused::<(i64, i64)>(&term!({1, 2, 3}), "`{1,2,3}` has 3 elements, not 2");
    refused::<(i64, i64)>(&term!([1, 2]), "`[1,2]` is not a tuple");
    refused::<(i64, (i64, bool))>(
        &term!({1, {2, :x}}),
        "element 2: element 2: `x` is not true or false",
    );
    refused::<BTreeMap<i64, i64>>(&term!(#{1 => :x}), "value of `1`: `x` is not an integer");
    refused::<BTreeMap<i64, i64>>(&term!([]), "`[]` is not a map");
    refused::<()>(&term!([]), "`[]` is not {}");
}

#[test]
fn atoms_names_and_views() {
    both_ways(true, "true");
    both_ways(Atom::OK, "ok");
    let node = Atom::NO_NODE;
    both_ways(Pid { node, id: 1, serial: 2, creation: 0 }, "<0.1.2>");
    both_ways(Port { node, id: 1, creation: 0 }, "#Port<0.1>");
    both_ways(Export { module: atom!("m"), function: atom!("f"), arity: 3 }, "fun m:f/3");
    let term = Term::parse("{[1,2],[a|b],#{x => 1},{y},<<1:3>>,#Ref<0.3.2.1>}").unwrap();
    type All<'a> =
        (Elements<'a>, ListRef<'a>, MapRef<'a>, TupleRef<'a>, BitsRef<'a>, ReferenceRef<'a>);
    let (mut elements, list, map, tuple, bits, reference): All<'_> = term.get().unwrap();
    assert_eq!(elements.next().unwrap(), 1);
    assert_eq!(list.tail(), atom!("b"));
    assert_eq!(map.get(TermRef::atom(atom!("x"))).unwrap(), 1);
    assert_eq!(tuple.get(0).unwrap(), atom!("y"));
    assert_eq!(bits.bit_len(), 3);
    assert_eq!(Term::new(reference).unwrap().to_string(), "#Ref<0.3.2.1>");
    refused::<bool>(&term!(:yes), "`yes` is not true or false");
    refused::<Atom>(&term!("ok"), "`<<\"ok\">>` is not an atom");
    refused::<Pid>(&term!(1), "`1` is not a pid");
    refused::<FunRef<'_>>(&term!(1), "`1` is not a fun");
    assert_eq!(term!(:true), true);
    assert_ne!(term!("true"), true);
    assert_eq!(term!(:ok), Atom::OK);
    assert!(!bool::try_from(&term!(:false)).unwrap());
    assert_eq!(Atom::try_from(term!(:ok).as_ref()).unwrap(), Atom::OK);
    assert_eq!(Term::from(true), term!(:true));
    assert_eq!(Term::from(()), term!({}));
}

#[test]
fn objects_become_tuples() {
    let owner = Store::new().owner();
    let table = owner.new_table("t", TableOptions::new(Kind::Set)).unwrap();
    table.insert((1, "ann", 2.5)).unwrap();
    let objects = table.lookup(1).unwrap();
    let object = &objects[0];
    assert_eq!(object.decode::<(i64, &str, f64)>().unwrap(), (1, "ann", 2.5));
    assert_eq!(object.as_ref().decode::<(u8, String, TermRef<'_>)>().unwrap().1, "ann");
    assert_eq!(object.decode::<Term>().unwrap(), term!({1, "ann", 2.5}));
    assert_eq!(&object.decode::<Object>().unwrap(), object);
    assert_eq!(object.to_string(), "{1,<<\"ann\">>,2.5}");
    assert_eq!(format!("{object:?} {:?}", object.as_ref()), format!("{object} {object}"));
    let error = object.decode::<(i64, &str)>().unwrap_err();
    assert_eq!(error.to_string(), "`{1,<<\"ann\">>,2.5}` has 3 elements, not 2");
    let error = object.decode::<(i64, i64, f64)>().unwrap_err();
    assert_eq!(error.to_string(), "element 2: `<<\"ann\">>` is not an integer");
}

#[test]
fn borrowed_values_outlive_the_view() {
    let term = term!({"name", {"deep"}});
    let (name, inner): (&str, TermRef<'_>) = term.as_ref().get().unwrap();
    let (deep,): (&str,) = inner.get().unwrap();
    assert_eq!((name, deep), ("name", "deep"));
}

#[test]
fn macros_write_what_erlang_writes() {
    let id = 7_u64;
    let name = String::from("ann");
    let tail = term!([:x]);
    let cases = [
        (term!(:ok), "ok"),
        (term!(:_), "'_'"),
        (term!(:true), "true"),
        (term!(:fn), "'fn'".trim_matches('\'')),
        (term!(:"hello world"), "'hello world'"),
        (term!(1), "1"),
        (term!(-5), "-5"),
        (term!(2.5), "2.5"),
        (term!("text"), "<<\"text\">>"),
        (term!(id + 1), "8"),
        (term!(name.as_str().len()), "3"),
        (term!({}), "{}"),
        (term!([]), "[]"),
        (term!(#{}), "#{}"),
        (term!({ { {} } }), "{{{}}}"),
        (term!({:user, id, "ann", [1, 2], #{:a => 1}}), "{user,7,<<\"ann\">>,[1,2],#{a => 1}}"),
        (term!({:a, :b}), "{a,b}"),
        (term!({-1, -2,}), "{-1,-2}"),
        (term!({#{}, [], {}}), "{#{},[],{}}"),
        (term!({name.len(), [1, 2].len(), (1 | 2)}), "{3,2,3}"),
        (
            term!({if id > 1 { 1 } else { 2 }, match id { 7 => "seven", _ => "?" }}),
            "{1,<<\"seven\">>}",
        ),
        (term!([1, 2, 3,]), "[1,2,3]"),
        (term!([:a, :b,]), "[a,b]"),
        (term!([1 | 2]), "[1|2]"),
        (term!([:a, :b | :c]), "[a,b|c]"),
        (term!([-1, name.len() | [:z]]), "[-1,3,z]"),
        (term!([#{}, {} | #{}]), "[#{},{}|#{}]"),
        (term!([tail, tail | tail]), "[[x],[x],x]"),
        (term!([if id > 1 { 1 } else { 2 }, (1 | 2)]), "[1,3]"),
        (term!([name.len() + 1, -id.cast_signed() | :end_of]), "[4,-7|end_of]"),
        (
            term!([{:user, :_, :"$1"}, [{:">", :"$1", 3}], [:"$_"]]),
            "[{user,'_','$1'},[{'>','$1',3}],['$_']]",
        ),
        (term!(#{1 => 2, "k" => [3], id => name}), "#{1 => 2,7 => <<\"ann\">>,<<\"k\">> => [3]}"),
        (
            term!(#{:a => :b, :c => -1, {1} => #{}, id + 1 => {}, -2 => id * 2,}),
            "#{-2 => 14,8 => {},a => b,c => -1,{1} => #{}}",
        ),
        (term!(#{#{} => :x, [] => #{1 => 2}}), "#{#{} => x,[] => #{1 => 2}}"),
        (term!(#{:a => 1, :a => 2}), "#{a => 2}"),
        (tuple!(), "{}"),
        (tuple!(:user, id, name), "{user,7,<<\"ann\">>}"),
        (tuple!([1 | 2], #{:a => 1},), "{[1|2],#{a => 1}}"),
        (term!({term!(1), tuple!(2)}), "{1,{2}}"),
    ];
    for (term, text) in cases {
        assert_eq!(term.to_string(), text);
        assert_eq!(Term::parse(text).unwrap(), term);
    }
    assert_eq!((id, name.as_str(), tail), (7, "ann", term!([:x])), "nothing was moved");
}

#[test]
fn macros_leave_control_flow_alone() {
    fn parsed(text: &str) -> Result<Term, std::num::ParseIntError> {
        Ok(term!({:number, text.parse::<i64>()?, [text.parse::<u8>()?]}))
    }
    assert_eq!(parsed("12").unwrap(), term!({:number, 12, [12]}));
    assert!(parsed("x").is_err());
    let mut order = Vec::new();
    let mut next = |at: i32| {
        order.push(at);
        at
    };
    let term = term!({next(1), [next(2) | next(3)], #{next(4) => next(5), next(6) => 0}, next(7)});
    assert_eq!(term.to_string(), "{1,[2|3],#{4 => 5,6 => 0},7}");
    assert_eq!(order, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
#[should_panic = "not a term: NaN is not a term"]
fn macros_panic_where_there_is_no_term() {
    let value = f64::NAN;
    let _ = term!([1, value]);
}

#[test]
fn long_literals_need_no_recursion_limit() {
    let list = term!([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    assert_eq!(list.as_ref().as_list().unwrap().count(), 130);
    let atoms = term!([
        :a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o, :p, :q, :r, :s, :t, :u, :v,
        :w, :x, :y, :z, -1, -2, -3, -4, -5, #{}, #{:a => :b} | :tail
    ]);
    assert!(atoms.to_string().ends_with("#{},#{a => b}|tail]"));
}

#[test]
fn elements_of_a_conversion_error_say_where() {
    let rows = term!([{1, "a"}, {2, :b}]);
    refused::<Vec<(i64, String)>>(&rows, "element 2: element 2: `b` is not a binary of UTF-8");
}
