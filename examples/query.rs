//! Questions to the Unicode Character Database, asked as in Erlang and as in Rust, with what each
//! visits and how long it takes.
//!
//! `cargo run --release --example query`
//!
//! The Erlang it replaces:
//!
//! ```erlang
//! ets:select(Chars, [{{'$1','_','_','$2'}, [{'>=','$1',16#370}, {'=<','$1',16#3ff},
//!                                           {'=/=','$1','$2'}], [{{'$1','$2'}}]}]),
//! ets:select_count(Chars, [{{'_','_','Lu','_'}, [], [true]}]),
//! ets:select(Chars, ets:fun2ms(fun({_, _, Category, _}) -> Category end)),
//! ets:select_replace(Chars, [{{'$1','$2','Co','$3'}, [], [{{'$1','$2',private,'$3'}}]}]),
//! ets:select_delete(Chars, [{{'_','_','Cn','_'}, [], [true]}]).
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example may look at the clock")]

mod support;

use std::path::Path;
use std::time::Instant;

use ferrets::{Atom, Kind, MatchSpec, Object, Store, Table, TableOptions, Term, spec, term};
use support::{Result, check};

fn main() -> Result<()> {
    let store = Store::new();
    let owner = store.owner();
    let chars = owner.new_table("chars", TableOptions::new(Kind::Set))?;
    load(&chars)?;
    println!("{} characters: {{Code, Name, Category, LowerCase}}\n", chars.len()?);

    snowman(&chars)?;
    greek_capitals(&chars)?;
    letters(&chars)?;
    by_category(&chars)?;
    longest_names(&chars)?;
    arrows(&chars)?;
    changes(&chars)
}

/// Asks in both languages, which must be the same, and says what it took.
fn ask<R>(
    table: &Table,
    question: &str,
    erlang: &str,
    rust: &MatchSpec,
    answer: impl FnOnce(&MatchSpec) -> ferrets::Result<R>,
) -> Result<R> {
    let erlang = match erlang.strip_prefix("ets:fun2ms") {
        Some(_) => MatchSpec::fun2ms(erlang)?,
        None => erlang.parse()?,
    };
    check(erlang == *rust, "both say the same")?;
    println!("{question}\n  {rust}\n  {}", table.explain(rust));
    let begin = Instant::now();
    let result = answer(rust)?;
    println!("  {:.1} us", begin.elapsed().as_secs_f64() * 1e6);
    Ok(result)
}

/// A key that a guard names is looked up, as one in the head is.
fn snowman(chars: &Table) -> Result<()> {
    let erlang = "[{{'$1','$2','_','_'}, [{'=:=','$1',16#2603}], ['$2']}]";
    let rust = spec!(|{code, name, _, _}| if code.is(0x2603) => name)?;
    let names = ask(chars, "What is U+2603?", erlang, &rust, |spec| chars.select(spec))?;
    check(names == [term!("SNOWMAN")], "there is one")?;
    println!("  {}\n", names[0]);
    Ok(())
}

/// All letters with a lower case in a block.
fn greek_capitals(chars: &Table) -> Result<()> {
    let erlang = "[{{'$1','_','_','$2'}, \
        [{'andalso',{'andalso',{'>=','$1',16#370},{'=<','$1',16#3ff}},{'=/=','$1','$2'}}], \
        [{{'$1','$2'}}]}]";
    let rust = spec!(|{code, _, _, lower}|
        if code.ge(0x370) & code.le(0x3ff) & code.is_not(lower) => (code, lower))?;
    let question = "Which Greek letters have a lower case?";
    let mut pairs = ask(chars, question, erlang, &rust, |spec| chars.select(spec))?;
    pairs.sort();
    check(pairs.contains(&term!({0x3a9, 0x3c9})), "Omega has one")?;
    let letters = pairs.iter().filter_map(|pair| pair.as_tuple()?.get(0)?.as_i64());
    let letters: String =
        letters.filter_map(|code| char::from_u32(u32::try_from(code).ok()?)).collect();
    println!("  {letters}\n");
    Ok(())
}

fn letters(chars: &Table) -> Result<()> {
    let erlang = "[{{'_','_','Lu','_'}, [], [true]}]";
    let rust = spec!(|{_, _, :Lu, _}| => true)?;
    let question = "How many capital letters are there?";
    let count = ask(chars, question, erlang, &rust, |spec| chars.select_count(spec))?;
    check(count > 1_500, "there are many")?;
    println!("  {count}\n");
    Ok(())
}

/// What ETS leaves to a fold: counts by groups.
fn by_category(chars: &Table) -> Result<()> {
    let rust = spec!(|{_, _, category, _}| => category)?;
    let erlang = "ets:fun2ms(fun({_, _, Category, _}) -> Category end)";
    let question = "How many characters of each category?";
    let counts = ask(chars, question, erlang, &rust, |spec| chars.select_groups(spec))?;
    check(counts.values().sum::<usize>() == chars.len()?, "each is counted once")?;
    let mut counts: Vec<(Term, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (category, count) in counts.iter().take(4) {
        println!("  {category} {count}");
    }
    println!();
    Ok(())
}

/// `order by ... limit`, with no more in hand than the limit.
fn longest_names(chars: &Table) -> Result<()> {
    let rust = spec!(|{_, name, _, _}| => (name.byte_size(), name))?;
    let erlang = "[{{'_','$1','_','_'}, [], [{{{byte_size,'$1'},'$1'}}]}]";
    let question = "Which names are the longest?";
    let longest = ask(chars, question, erlang, &rust, |spec| chars.select_greatest(spec, 2))?;
    check(longest.is_sorted_by(|a, b| a >= b), "the longest first")?;
    longest.iter().for_each(|pair| println!("  {pair}"));
    println!();
    Ok(())
}

/// What no match specification can say, a closure can.
fn arrows(chars: &Table) -> Result<()> {
    println!("Whose name ends with ARROW?\n  chars.filter(|char| ...)");
    let begin = Instant::now();
    let found: Vec<Object> = chars.filter(|char| {
        char.element(2).and_then(|name| name.as_str()).is_some_and(|name| name.ends_with("ARROW"))
    })?;
    println!("  {:.1} us\n  {} of them\n", begin.elapsed().as_secs_f64() * 1e6, found.len());
    check(found.len() > 100, "there are many")
}

fn changes(chars: &Table) -> Result<()> {
    let rust = spec!(|{code, name, :Co, lower}| => (code, name, Atom::new("private")?, lower))?;
    let erlang = "[{{'$1','$2','Co','$3'}, [], [{{'$1','$2',{const,private},'$3'}}]}]";
    let question = "Private characters get a category of that name.";
    let replaced = ask(chars, question, erlang, &rust, |spec| chars.select_replace(spec))?;
    println!("  {replaced} replaced\n");

    let rust = spec!(|{_, _, :private, _}| => true)?;
    let erlang = "[{{'_','_',private,'_'}, [], [true]}]";
    let before = chars.len()?;
    let deleted = ask(chars, "They go.", erlang, &rust, |spec| chars.select_delete(spec))?;
    println!("  {deleted} deleted, {} are left", chars.len()?);
    check(deleted == replaced && chars.len()? == before - deleted, "all of them, nothing else")
}

/// Fills the table from the file that Unicode publishes.
fn load(chars: &Table) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/UnicodeData.txt");
    let text = std::fs::read_to_string(path)?;
    for line in text.lines() {
        let fields: Vec<&str> = line.split(';').collect();
        let [code, name, category, ..] = fields.as_slice() else { return Err(line.into()) };
        let code = u32::from_str_radix(code, 16)?;
        let lower = fields.get(13).filter(|lower| !lower.is_empty());
        let lower = lower.map_or(Ok(code), |lower| u32::from_str_radix(lower, 16))?;
        chars.insert((code, *name, Atom::new(category)?, lower))?;
    }
    Ok(())
}
