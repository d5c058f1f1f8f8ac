//! A topic router: which subscriptions with wildcards match a topic, without a trie.
//!
//! `cargo run --release --example topic_router`, with `-- --full` for a million subscriptions. The
//! same in Erlang: `data/topic_router.erl`.
//!
//! A filter is a list of words, of which `+` stands for any word and a last `#` for any number of
//! them. Filters are keys of an ordered set, so what begins alike lies together, and in each place
//! `#` comes before `+`, and `+` before all words: atoms come before binaries. A match steps from
//! key to key, and where the next one cannot match, it goes straight to the first that could. So it
//! takes as many steps as there are matches and levels, however many filters there are. This is how
//! EMQX routes, with `next/2`:
//!
//! ```erlang
//! match(Topic, Key, Acc) ->
//!     case ets:next(routes, Key) of
//!         {Filter, _} = Found ->
//!             case compare(Filter, Topic, 0) of
//!                 match -> match(Topic, Found, [Found | Acc]);
//!                 shorter -> match(Topic, Found, Acc);
//!                 {seek, Prefix} -> match(Topic, {Prefix, {}}, Acc);
//!                 stop -> Acc
//!             end;
//!         '$end_of_table' -> Acc
//!     end.
//! ```
//!
//! There, each step copies a key to the caller's heap. Here, filters are compared where they lie.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example measures time")]

mod support;

use std::time::Instant;

use ferrets::{
    Access, Atom, Kind, MatchSpec, ObjectRef, Owner, ReadView, Store, Table, TableOptions, Term,
    TermRef,
};
use support::{Result, check, full_size, grouped, report};

/// Who gets what matches.
type Dest = i64;

/// How much of everything.
struct Size {
    devices: i64,
    /// Filters of each device.
    filters: i64,
    /// Topics that are matched in a row.
    topics: i64,
    /// Filters and topics of few words, to be compared with matching one by one.
    random: (usize, usize),
}

const SMALL: Size = Size { devices: 80, filters: 1_000, topics: 200_000, random: (2_000, 300) };
const FULL: Size =
    Size { devices: 1_000, filters: 1_000, topics: 1_000_000, random: (20_000, 2_000) };

fn main() -> Result<()> {
    let full = full_size()?;
    let size = if full { FULL } else { SMALL };
    let store = Store::new();
    let owner = store.owner();
    agrees_with_matching_one_by_one(&owner, &size)?;
    devices(&owner, &size)
}

/// The words of a topic or a filter.
fn words(text: &str) -> Result<Vec<Term>> {
    let word = |word| match word {
        "#" | "+" => Ok(Term::from(Atom::new(word)?)),
        _ => Ok(Term::new(word)?),
    };
    text.split('/').map(word).collect()
}

/// The table, `{{Words, {Dest}}}`, and the two wildcards.
struct Router {
    routes: Table,
    any: Term,
    rest: Term,
}

impl Router {
    fn new(owner: &Owner) -> Result<Self> {
        let options = TableOptions::new(Kind::OrderedSet).access(Access::Public);
        let wildcard = |name| Ok::<_, ferrets::Error>(Term::from(Atom::new(name)?));
        let routes = owner.new_table("routes", options)?;
        Ok(Self { routes, any: wildcard("+")?, rest: wildcard("#")? })
    }

    fn subscribe(&self, filter: &str, dest: Dest) -> Result<()> {
        Ok(self.routes.insert(((words(filter)?, (dest,)),))?)
    }

    /// Forgets all subscriptions of one destination, in one call.
    fn forget(&self, dest: Dest) -> Result<usize> {
        let of_dest: MatchSpec = format!("[{{{{{{'_', {{{dest}}}}}}}, [], [true]}}]").parse()?;
        Ok(self.routes.select_delete(&of_dest)?)
    }

    /// Calls `visit` with each destination whose filter matches.
    fn route(&self, topic: &str, mut visit: impl FnMut(Dest)) -> Result<()> {
        let topic = Term::new(topic.split('/').collect::<Vec<_>>())?;
        let topic: Vec<TermRef<'_>> = topic.as_ref().as_list().into_iter().flatten().collect();
        self.routes.read(|view| self.scan(view, &topic, &mut visit))?
    }

    fn scan(
        &self,
        view: &ReadView<'_>,
        topic: &[TermRef<'_>],
        visit: &mut impl FnMut(Dest),
    ) -> Result<()> {
        // `{}` comes before all destinations.
        let mut next = view.next_lookup((Term::nil(), ()))?;
        let mut filter = Vec::new();
        while let Some((key, words, dest)) = next.and_then(route_of) {
            filter.clear();
            filter.extend(words);
            let step = self.compare(&filter, topic);
            if matches!(step, Step::Match) {
                visit(dest);
            }
            next = match step {
                Step::Match | Step::Next => view.next_lookup(key)?,
                Step::Seek(at) => {
                    // What lies before that cannot match.
                    filter.truncate(at);
                    filter.push(topic[at]);
                    view.next_lookup((&filter[..], ()))?
                }
                Step::Stop => break,
            };
        }
        Ok(())
    }

    /// How a filter stands to a topic, and where to look next.
    fn compare(&self, filter: &[TermRef<'_>], topic: &[TermRef<'_>]) -> Step {
        // The last place where the filter has any word, and could have the topic's.
        let mut looser = None;
        for (at, word) in filter.iter().enumerate() {
            if *word == self.rest.as_ref() {
                return Step::Match;
            }
            let Some(wanted) = topic.get(at) else {
                return looser.map_or(Step::Stop, Step::Seek);
            };
            if *word == self.any.as_ref() {
                looser = Some(at);
            } else if word < wanted {
                return Step::Seek(at);
            } else if word > wanted {
                return looser.map_or(Step::Stop, Step::Seek);
            }
        }
        if filter.len() == topic.len() { Step::Match } else { Step::Next }
    }
}

/// What to do after a filter.
enum Step {
    Match,
    Next,
    /// Go to the first filter that has the same words before this place, and the topic's in it.
    Seek(usize),
    Stop,
}

/// The key of an object, its words, and the destination.
fn route_of<'v>(
    object: ObjectRef<'v>,
) -> Option<(TermRef<'v>, impl Iterator<Item = TermRef<'v>> + use<'v>, Dest)> {
    let key = object.element(1)?;
    let parts = key.as_tuple()?;
    let dest = parts.get(1)?.as_tuple()?.get(0)?.as_i64()?;
    Some((key, parts.get(0)?.as_list()?, dest))
}

/// Numbers in no order.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % n
    }

    /// Up to six words of a few; with wildcards, if it is a filter.
    fn words(&mut self, is_filter: bool) -> String {
        let length = 1 + self.below(6);
        let mut all = Vec::new();
        for at in 0..length {
            all.push(match self.below(6) {
                0 | 1 if is_filter => "+",
                2 if is_filter && at + 1 == length => "#",
                choice => ["a", "b", "cc", "a", "b", "d"][choice],
            });
        }
        all.join("/")
    }
}

/// Whether a filter matches, word by word.
fn matches(filter: &str, topic: &str) -> bool {
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

fn agrees_with_matching_one_by_one(owner: &Owner, size: &Size) -> Result<()> {
    let (router, mut random) = (Router::new(owner)?, Random(1));
    let (filters, topics) = size.random;
    let filters: Vec<String> = (0..filters).map(|_| random.words(true)).collect();
    for (dest, filter) in (0..).zip(&filters) {
        router.subscribe(filter, dest)?;
    }
    let mut found = 0;
    for topic in (0..topics).map(|_| random.words(false)) {
        let mut routed = Vec::new();
        router.route(&topic, |dest| routed.push(dest))?;
        routed.sort_unstable();
        let expected = (0..).zip(&filters).filter(|(_, filter)| matches(filter, &topic));
        let expected: Vec<Dest> = expected.map(|(dest, _)| dest).collect();
        found += routed.len();
        check(routed == expected, "what matches is found, once, and nothing else")?;
    }
    println!("Random filters: {} matches, as one by one", grouped(found as u64));
    router.routes.delete_table()?;
    Ok(())
}

/// EMQX's own benchmark: each device has many filters, of which one matches.
fn devices(owner: &Owner, size: &Size) -> Result<()> {
    let (router, count) = (Router::new(owner)?, size.devices * size.filters);
    println!("\nDevices: {} filters", grouped(count as u64));
    let begin = Instant::now();
    for device in 0..size.devices {
        for number in 0..size.filters {
            router.subscribe(&format!("device/{device}/+/{number}/#"), device)?;
        }
    }
    report("subscribe", count as u64, begin.elapsed());
    let info = router.routes.info().ok_or("the table exists")?;
    let each = info.memory_bytes as f64 / info.size as f64;
    println!("  {:<34} {each:>10.0} bytes (EMQX 4.3: 144)", "a subscription of five levels");

    let mut random = Random(2);
    let topics: Vec<(Dest, String)> = (0..10_000)
        .map(|_| {
            let device = random.below(size.devices as usize);
            let number = random.below(size.filters as usize);
            (device as Dest, format!("device/{device}/foo/{number}/bar/1/2/3/4/5"))
        })
        .collect();
    let (mut routed, mut right) = (0, 0);
    let begin = Instant::now();
    for (device, topic) in topics.iter().cycle().take(size.topics as usize) {
        router.route(topic, |dest| {
            routed += 1;
            right += u64::from(dest == *device);
        })?;
    }
    report("match", size.topics as u64, begin.elapsed());
    check(routed == size.topics as u64 && right == routed, "each topic goes to its device")?;

    let begin = Instant::now();
    check(router.forget(0)? as i64 == size.filters, "all filters of a device go")?;
    report("forget a device, filters visited", count as u64, begin.elapsed());
    router.route("device/0/foo/1/bar", |_| routed += 1)?;
    check(routed == size.topics as u64, "nobody is left there")
}
