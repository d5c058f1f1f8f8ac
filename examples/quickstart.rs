//! The Unicode Character Database in four tables: a first look at ferrets.
//!
//! `cargo run --release --example quickstart`
//!
//! The Erlang it replaces:
//!
//! ```erlang
//! Chars = ets:new(chars, [set]),
//! Categories = ets:new(categories, [bag]),
//! true = ets:insert(Chars, {16#2603, <<"SNOWMAN">>, 'So', 16#2603}),
//! true = ets:insert(Categories, {'So', 16#2603}),
//! <<"SNOWMAN">> = ets:lookup_element(Chars, 16#2603, 2),
//! Symbols = ets:lookup(Categories, 'Sc'),
//! 1 = ets:update_counter(Words, <<"SNOWMAN">>, 1, {<<"SNOWMAN">>, 0}),
//! [{size, N}, {memory, M}] = [{I, ets:info(Chars, I)} || I <- [size, memory]].
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example may look at the clock")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use ferrets::{Atom, Kind, ObjectRef, Owner, Store, Table, TableOptions};
use support::{Result, check, grouped};

fn main() -> Result<()> {
    let begin = Instant::now();
    let store = Store::new();
    let owner = store.owner();

    let tables = Tables::load(&owner)?;
    tables.introduce(begin)?;
    tables.who_is_who()?;
    tables.relatives()?;
    tables.lower_case()?;
    tables.symbols()?;
    tables.largest()?;
    count_words(&owner, &tables.chars)?;
    mistakes(&tables.chars)?;

    // What a process exit is in Erlang: all that the owner had is gone.
    let chars = tables.chars;
    drop(owner);
    let error = chars.lookup(0x2603).err().ok_or("a table ends with its owner")?;
    println!("\nThe owner leaves: {error}.");
    println!("All of this took {:.2} s.", begin.elapsed().as_secs_f64());
    Ok(())
}

/// The database. What each table holds stands behind it.
struct Tables {
    /// A set of `{Code, Name, Category, LowerCase}`.
    chars: Table,
    /// A bag of `{Category, Code}`.
    categories: Table,
    /// A duplicate_bag of `{Script, Code}`: nothing comes twice in the file, so nothing has to be
    /// compared.
    scripts: Table,
    /// A set of `{Code div 16, Block}`: blocks begin and end at multiples of sixteen.
    blocks: Table,
}

impl Tables {
    fn load(owner: &Owner) -> Result<Self> {
        let tables = Self {
            chars: owner.new_table("chars", TableOptions::new(Kind::Set))?,
            categories: owner.new_table("categories", TableOptions::new(Kind::Bag))?,
            scripts: owner.new_table("scripts", TableOptions::new(Kind::DuplicateBag))?,
            blocks: owner.new_table("blocks", TableOptions::new(Kind::Set))?,
        };
        for entry in unicode_data(&read("UnicodeData.txt")?) {
            let entry = entry?;
            let category = Atom::new(&entry.category)?;
            for code in entry.first..=entry.last {
                let lower = entry.lower.unwrap_or(code);
                tables.chars.insert((code, name_of(&entry.name, code), category, lower))?;
                tables.categories.insert((category, code))?;
            }
        }
        for (first, last, script) in ranges(&read("Scripts.txt")?)? {
            let script = Atom::new(&script)?;
            for code in first..=last {
                tables.scripts.insert((script, code))?;
            }
        }
        for (first, last, block) in ranges(&read("Blocks.txt")?)? {
            // A list goes in as one: no reader ever sees half a block.
            tables.blocks.insert_list((first / 16..=last / 16).map(|row| (row, &block)))?;
        }
        Ok(tables)
    }

    fn introduce(&self, begin: Instant) -> Result<()> {
        let mut objects = 0;
        println!("The Unicode Character Database 15.0 in four tables:\n");
        for table in [&self.chars, &self.categories, &self.scripts, &self.blocks] {
            let info = table.info().ok_or("the table exists")?;
            let (size, kind) = (info.size, info.kind.name());
            let (name, text) = (info.name.name(), grouped(size));
            let megabytes = info.memory_bytes as f64 / 1e6;
            let each = info.memory_bytes as f64 / size as f64;
            print!("  {name:<10}  {kind:<13} {text:>9} objects {megabytes:6.1} MB");
            println!(" {each:6.1} bytes each");
            objects += size;
        }
        let seconds = begin.elapsed().as_secs_f64();
        let rate = objects as f64 / seconds / 1e6;
        println!(
            "\n  read, parsed and inserted in {seconds:.2} s, {rate:.1} million objects a second"
        );

        // What Unicode says it is: 149,186 graphic and format characters, 65 controls, and code
        // points that are surrogates or for private use.
        let size_of = |category: &str| -> Result<usize> {
            Ok(self.categories.lookup(Atom::new(category)?)?.len())
        };
        let special = size_of("Cc")? + size_of("Cs")? + size_of("Co")?;
        check(self.chars.len()? - special == 149_186, "Unicode 15.0 has 149,186 characters")?;
        check(self.categories.len()? == self.chars.len()?, "each code point has one category")
    }

    fn name(&self, code: u32) -> Result<String> {
        Ok(self.chars.lookup_element(code, 2)?.get()?)
    }

    fn block(&self, code: u32) -> Result<String> {
        Ok(self.blocks.lookup_element_or(code / 16, 2, "no block")?.get()?)
    }

    /// `lookup`, `lookup_element`: objects as owned values, decoded into Rust tuples.
    fn who_is_who(&self) -> Result<()> {
        println!("\nWho is who?\n");
        for code in ['☃', 'ß', 'Ω', 'И', '中', '한', '🦀'].map(u32::from) {
            let found = self.chars.lookup(code)?;
            let object = found.first().ok_or("all of these exist")?;
            let (_, name, category, _) = object.decode::<(u32, &str, Atom, u32)>()?;
            print_char(code, &format!("{name}  [{}, {}]", category.name(), self.block(code)?));
        }
        check(self.name(0x2603)? == "SNOWMAN", "the snowman is who he is")?;
        check(self.name('한'.into())? == "HANGUL SYLLABLE HAN", "Hangul has a rule for names")?;
        check(self.chars.lookup(0x378)?.is_empty(), "U+0378 is not assigned")
    }

    /// `read`: a scan over borrowed objects, which copies and counts nothing.
    fn relatives(&self) -> Result<()> {
        const FAMILY: [&str; 7] =
            ["FERRET", "WEASEL", "OTTER", "BADGER", "SKUNK", "RACCOON", "PAW"];
        let mut found = self.chars.read(|view| {
            let mut found = BTreeMap::new();
            view.for_each(|object| {
                let name = object.element(2).and_then(|name| name.as_str()).unwrap_or_default();
                if name.split(' ').any(|word| FAMILY.contains(&word)) {
                    found.insert(code_at(object, 1), name.to_owned());
                }
            });
            found
        })?;
        // Chinese characters have no names to search: weasel, snow, marten.
        for code in ['鼬', '雪', '貂'].map(u32::from) {
            found.insert(code, self.name(code)?);
        }
        println!("\nUnicode has no ferret. Its relatives, and the blocks they live in:\n");
        for (code, name) in &found {
            print_char(*code, &format!("{name}  [{}]", self.block(*code)?));
        }
        println!("\n  鼬 is a weasel, and 雪貂, snow marten, is Chinese for ferret.");
        check(found.values().any(|name| name == "OTTER"), "the otter is found")?;
        check(!found.values().any(|name| name == "FERRET"), "there is no ferret")
    }

    /// `read` again: many lookups that belong together.
    fn lower_case(&self) -> Result<()> {
        let text = "ÇA VA? ΌΛΑ ΚΑΛΆ! ХОРОШО! ԲԱՐԻ! ŽÁDNÝ FRETKA…";
        let lower: String = self.chars.read(|view| {
            let lower = |c: char| {
                let code = view.get(u32::from(c))?.element(4)?.get().ok()?;
                char::from_u32(code)
            };
            text.chars().filter_map(lower).collect()
        })?;
        println!("\nShouting:  {text}\nTalking:   {lower}");
        check(lower == text.to_lowercase(), "the table says what Rust says")
    }

    /// All objects of a key of a bag, in the order in which they were inserted.
    fn symbols(&self) -> Result<()> {
        let symbols = self.categories.lookup(Atom::new("Sc")?)?;
        let money: Vec<String> = symbols
            .iter()
            .filter_map(|object| char::from_u32(code_at(object.as_ref(), 2)))
            .map(String::from)
            .collect();
        println!("\nMoney, all {} kinds: {}", money.len(), money.join(" "));
        check(money.len() == 63 && money[0] == "$", "63 currency symbols, the dollar first")
    }

    /// `first` and `next`: a walk over keys.
    fn largest(&self) -> Result<()> {
        let mut sizes = Vec::new();
        let mut next = self.scripts.first_lookup()?;
        while let Some((script, objects)) = next {
            sizes.push((objects.len(), script.get::<Atom>()?.name()));
            next = self.scripts.next_lookup(&script)?;
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        println!("\n{} scripts. The largest, with a character of each:\n", sizes.len());
        for (size, script) in &sizes[..8] {
            let objects = self.scripts.lookup(Atom::new(script)?)?;
            let middle = code_at(objects[objects.len() / 2].as_ref(), 2);
            print_char(middle, &format!("{script:<9} {:>7}", grouped(*size)));
        }
        let sum: usize = sizes.iter().map(|(size, _)| size).sum();
        check(sum == self.scripts.len()?, "a walk meets every key once")?;
        check(sizes[0] == (98_408, "Han"), "most characters are Chinese")
    }
}

/// `update_counter`: threads that count in one table. They need no permission of their own, for
/// the handle that they share acts for its owner.
fn count_words(owner: &Owner, chars: &Table) -> Result<()> {
    const THREADS: u32 = 4;
    let words = owner.new_table("words", TableOptions::new(Kind::Set))?;
    let begin = Instant::now();
    let count = |codes: std::ops::Range<u32>| -> Result<i64, ferrets::Error> {
        let mut counted = 0;
        for code in codes {
            let Some(object) = chars.lookup(code)?.into_first() else { continue };
            let (_, name, _, _) = object.decode::<(u32, &str, Atom, u32)>()?;
            for word in given(name).split(' ').filter(|word| word.len() > 1) {
                words.update_counter_or(word, 1, (word, 0))?;
                counted += 1;
            }
        }
        Ok(counted)
    };
    let counted: Result<i64, ferrets::Error> = std::thread::scope(|scope| {
        let (count, part) = (&count, 0x2_0000 / THREADS);
        let threads = (0..THREADS).map(|at| scope.spawn(move || count(at * part..(at + 1) * part)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).sum()
    });
    let (counted, seconds) = (counted?, begin.elapsed().as_secs_f64());

    let mut all: Vec<(i64, String)> = words.foldl(Vec::new(), |object, mut all| {
        let (word, count) = object.decode::<(String, i64)>().expect("this is what was counted");
        all.push((count, word));
        all
    })?;
    all.sort_unstable_by(|a, b| b.cmp(a));
    let (words, different) = (grouped(counted), grouped(all.len()));
    println!(
        "\n{words} words in all names, {different} different ones, counted by {THREADS} threads"
    );
    println!("in {seconds:.2} s. The most frequent:\n");
    for (count, word) in &all[..5] {
        println!("  {:>9}  {word}", grouped(*count));
    }
    let sum: i64 = all.iter().map(|(count, _)| count).sum();
    check(sum == counted && counted > 100_000, "no count is lost")
}

/// A name, if somebody gave it: not one that follows from a rule.
fn given(name: &str) -> &str {
    let by_rule = ["<", "HANGUL SYLLABLE ", "CJK UNIFIED ", "TANGUT IDEOGRAPH-"];
    if by_rule.iter().any(|begin| name.starts_with(begin)) { "" } else { name }
}

/// Errors name the table and the value, and change nothing.
fn mistakes(chars: &Table) -> Result<()> {
    println!("\nMistakes are told with the value that was wrong:\n");
    let mistakes = [
        chars.update_counter(0x2603, (2, 1)).map(drop),
        chars.update_element(0x2603, 1, 0x2604).map(drop),
        chars.lookup_element(0x378, 2).map(drop),
        chars.insert(()),
    ];
    for mistake in mistakes {
        let error = mistake.err().ok_or("each of these is a mistake")?;
        println!("  {:?}: {error}", error.kind());
    }
    Ok(())
}

fn code_at(object: ObjectRef<'_>, position: usize) -> u32 {
    let code = object.element(position).and_then(|code| code.get().ok());
    code.expect("all objects here have a code")
}

fn print_char(code: u32, what: &str) {
    let glyph = char::from_u32(code).unwrap_or(' ');
    println!("  U+{code:04X}\t{glyph}\t{what}");
}

fn read(file: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(file);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// What a line of UnicodeData.txt says, or two lines that are the ends of a range.
struct Entry {
    first: u32,
    last: u32,
    name: String,
    category: String,
    lower: Option<u32>,
}

fn unicode_data(text: &str) -> impl Iterator<Item = Result<Entry>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut entry = match entry(lines.next()?) {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        if let Some(name) = entry.name.strip_suffix(", First>") {
            let name = format!("{name}>");
            let last = lines.next().ok_or("a range has an end".into()).and_then(self::entry);
            match last {
                Ok(last) if last.name == name.replace('>', ", Last>") => entry.last = last.last,
                Ok(last) => return Some(Err(format!("{} ends with {}", name, last.name).into())),
                Err(error) => return Some(Err(error)),
            }
            entry.name = name;
        }
        Some(Ok(entry))
    })
}

fn entry(line: &str) -> Result<Entry> {
    let fields: Vec<&str> = line.split(';').collect();
    let [code, name, category, .., lower, _] = fields[..] else {
        return Err(format!("too few fields: {line}").into());
    };
    let code = u32::from_str_radix(code, 16)?;
    let lower = if lower.is_empty() { None } else { Some(u32::from_str_radix(lower, 16)?) };
    let (name, category) = (name.to_owned(), category.to_owned());
    Ok(Entry { first: code, last: code, name, category, lower })
}

/// The lines `0000..007F; Basic Latin # comment` of the other two files.
fn ranges(text: &str) -> Result<Vec<(u32, u32, String)>> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let range = |line: &str| {
        let (range, value) = line.split_once(';').ok_or_else(|| format!("no value: {line}"))?;
        let (first, last) = range.trim().split_once("..").unwrap_or((range.trim(), range.trim()));
        let number = |text| u32::from_str_radix(text, 16);
        Ok((number(first)?, number(last)?, value.trim().to_owned()))
    };
    lines.filter(|line| !line.is_empty()).map(range).collect()
}

/// The name of a code point. Those of ranges follow from rules (chapter 4.8 of the standard).
fn name_of(name: &str, code: u32) -> String {
    let range = match name {
        "<Hangul Syllable>" => return hangul(code - 0xac00),
        "<control>" => "control",
        name if name.starts_with("<CJK") => return format!("CJK UNIFIED IDEOGRAPH-{code:X}"),
        name if name.starts_with("<Tangut") => return format!("TANGUT IDEOGRAPH-{code:X}"),
        name if name.contains("Surrogate") => "surrogate",
        name if name.contains("Private Use") => "private-use",
        name => return name.to_owned(),
    };
    format!("<{range}-{code:04X}>")
}

/// Syllables are numbered by their three letters; the last may be missing.
fn hangul(syllable: u32) -> String {
    const FIRST: [&str; 19] = [
        "G", "GG", "N", "D", "DD", "R", "M", "B", "BB", "S", "SS", "", "J", "JJ", "C", "K", "T",
        "P", "H",
    ];
    const VOWEL: [&str; 21] = [
        "A", "AE", "YA", "YAE", "EO", "E", "YEO", "YE", "O", "WA", "WAE", "OE", "YO", "U", "WEO",
        "WE", "WI", "YU", "EU", "YI", "I",
    ];
    const LAST: [&str; 28] = [
        "", "G", "GG", "GS", "N", "NJ", "NH", "D", "L", "LG", "LM", "LB", "LS", "LT", "LP", "LH",
        "M", "B", "BS", "S", "SS", "NG", "J", "C", "K", "T", "P", "H",
    ];
    let [first, vowel, last] = [syllable / 588, syllable / 28 % 21, syllable % 28];
    let letters = [FIRST[first as usize], VOWEL[vowel as usize], LAST[last as usize]];
    format!("HANGUL SYLLABLE {}", letters.concat())
}
