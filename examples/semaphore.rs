//! Counting semaphores by name: at most so many at a time, without a process to ask.
//!
//! `cargo run --release --example semaphore`, with `-- --full` for longer measurements.
//!
//! A semaphore is an object `{Name, Count}`. To acquire is one call: read the count and add one to
//! it, but never beyond the maximum, both in one instant. Who read the maximum did not get in. The
//! Erlang it replaces, which is how Discord limits its requests to a service:
//!
//! ```erlang
//! acquire(Name, Max) ->
//!     case ets:update_counter(counts, Name, [{2, 0}, {2, 1, Max, Max}], {Name, 0}) of
//!         [Max, _] -> false;
//!         [_, _] -> true
//!     end.
//!
//! release(Name) ->
//!     ets:update_counter(counts, Name, {2, -1, 0, 0}).
//! ```
//!
//! Who dies while he holds a semaphore does not release it. So there is a second set, of
//! `{{Name, Pid, Id}}`, and a sweeper that looks for the dead in it. `take` gives each entry to one
//! caller only: what two sweepers find, or a sweeper and a late release, is released once.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "an example measures time")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ferrets::{Access, CounterOp, Integer, Kind, Owner, Store, Table, TableOptions};
use support::{Result, check, full_size, grouped};

/// Stands for a process.
type Pid = u64;

fn main() -> Result<()> {
    let full = full_size()?;
    let store = Store::new();
    let owner = store.owner();
    never_too_many(&owner)?;
    speed(&owner, full)?;
    sweep(&owner, if full { 1_000_000 } else { 50_000 })
}

/// Semaphores that share a maximum.
struct Semaphores {
    /// `{Name, Count}`
    counts: Table,
    /// `{{Name, Pid, Id}}`
    holders: Table,
    max: i64,
    acquire: [CounterOp; 2],
    release: CounterOp,
}

impl Semaphores {
    fn new(owner: &Owner, max: i64) -> ferrets::Result<Self> {
        let options = TableOptions::new(Kind::Set).access(Access::Public);
        Ok(Self {
            counts: owner.new_table("counts", options.clone())?,
            holders: owner.new_table("holders", options)?,
            max,
            acquire: [CounterOp::new(2, 0), CounterOp::new(2, 1).bounded(max, max)],
            release: CounterOp::new(2, -1).bounded(0, 0),
        })
    }

    /// Whether there was room.
    fn acquire(&self, name: u32) -> ferrets::Result<bool> {
        let values = self.counts.update_counters_or(name, &self.acquire, (name, 0))?;
        Ok(values[0] != self.max)
    }

    fn release(&self, name: u32) -> ferrets::Result<Integer> {
        self.counts.update_counter(name, self.release.clone())
    }

    /// As `acquire`, for somebody who may die before he releases it.
    fn acquire_for(&self, name: u32, pid: Pid, id: u64) -> ferrets::Result<bool> {
        let got = self.acquire(name)?;
        if got && !self.holders.insert_new(((name, pid, id),))? {
            self.release(name)?; // he holds it already
        }
        Ok(got)
    }

    /// Releases what somebody holds, unless that was done.
    fn release_for(&self, name: u32, pid: Pid, id: u64) -> ferrets::Result<bool> {
        let held = !self.holders.take((name, pid, id))?.is_empty();
        if held {
            self.release(name)?;
        }
        Ok(held)
    }

    /// Releases what the dead hold; returns how much that was.
    fn sweep(&self, is_dead: impl Fn(Pid) -> bool) -> ferrets::Result<usize> {
        let dead = self.holders.foldl(Vec::new(), |object, mut dead| {
            let ((name, pid, id),) = object.decode::<((u32, Pid, u64),)>().expect("a holder");
            if is_dead(pid) {
                dead.push((name, pid, id));
            }
            dead
        })?;
        let mut released = 0;
        for (name, pid, id) in dead {
            released += usize::from(self.release_for(name, pid, id)?);
        }
        Ok(released)
    }

    /// The sum of all counts.
    fn held(&self) -> ferrets::Result<i64> {
        let count = |object: &ferrets::Object| object.element(2).and_then(|count| count.as_i64());
        self.counts.foldl(0, |object, sum| sum + count(object).expect("a count"))
    }

    fn close(self) -> ferrets::Result<()> {
        self.counts.delete_table()?;
        self.holders.delete_table()
    }
}

/// More threads than places: nobody gets in when all places are taken.
fn never_too_many(owner: &Owner) -> Result<()> {
    const THREADS: usize = 8;
    const TRIES: u64 = 5_000;
    let semaphores = Semaphores::new(owner, 3)?;
    let (inside, most, refused) = (AtomicI64::new(0), AtomicI64::new(0), AtomicU64::new(0));
    let visit = || -> ferrets::Result<()> {
        for _ in 0..TRIES {
            if semaphores.acquire(1)? {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now(); // let others try meanwhile
                inside.fetch_sub(1, Ordering::SeqCst);
                semaphores.release(1)?;
            } else {
                refused.fetch_add(1, Ordering::Relaxed);
                std::thread::yield_now();
            }
        }
        Ok(())
    };
    on_threads(THREADS, |_| visit())?;
    let (most, refused) = (most.into_inner(), refused.into_inner());
    print!("{THREADS} threads, {} places, {} tries each: ", semaphores.max, grouped(TRIES));
    println!("{most} were in at once, {} refused.", grouped(refused));
    check(most <= semaphores.max, "never more than there are places")?;
    check(semaphores.held()? == 0, "all places are free again")?;

    let mut tries = [false; 4];
    for got in &mut tries {
        *got = semaphores.acquire(1)?;
    }
    check(tries == [true, true, true, false], "three places are three places")?;
    check(semaphores.release(1)? == 2 && semaphores.acquire(1)?, "a place becomes free")?;
    Ok(semaphores.close()?)
}

/// Pairs of acquire and release, by number of names and of threads.
fn speed(owner: &Owner, full: bool) -> Result<()> {
    let threads: &[usize] = if full { &[1, 2, 4, 8, 16] } else { &[1, 2, 4] };
    let time = Duration::from_millis(if full { 2_000 } else { 80 });
    println!("\nAcquire and release, pairs a second of all threads together:\n");
    let heads: Vec<String> = threads.iter().map(|count| format!("{count:>12}")).collect();
    println!("  {:>10}  {}  threads", "names", heads.join(""));
    for names in [1, 16, 10_000] {
        let mut row = format!("  {:>10}  ", grouped(names));
        for count in threads {
            let rate = measure(owner, names, *count, time)?;
            row += &format!("{:>12}", grouped(rate as u64));
        }
        println!("{row}");
    }
    Ok(())
}

fn measure(owner: &Owner, names: u32, threads: usize, time: Duration) -> Result<f64> {
    let semaphores = Semaphores::new(owner, 100)?;
    for name in 0..names {
        check(semaphores.acquire(name)?, "there is room")?;
        semaphores.release(name)?;
    }
    let stop = AtomicBool::new(false);
    let begin = Instant::now();
    let pairs = on_threads(threads, |thread| {
        // The first thread looks at the clock for all.
        let mut random = 0x9e37_79b9 + thread as u64;
        let mut pairs = 0_u64;
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..64 {
                // Marsaglia's xorshift: any numbers will do.
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let name = (random % u64::from(names)) as u32;
                pairs += u64::from(semaphores.acquire(name)?);
                semaphores.release(name)?;
            }
            if thread == 0 && begin.elapsed() >= time {
                stop.store(true, Ordering::Relaxed);
            }
        }
        Ok(pairs)
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    let pairs: u64 = pairs.into_iter().sum();
    check(pairs % 64 == 0, "with a hundred places nobody is refused")?;
    check(semaphores.held()? == 0, "all places are free again")?;
    check(semaphores.counts.len()? == names as usize, "a name is one object")?;
    semaphores.close()?;
    Ok(pairs as f64 / seconds)
}

/// Half of the holders die. The sweeper finds exactly these.
fn sweep(owner: &Owner, holders: u64) -> Result<()> {
    const NAMES: u64 = 1_000;
    let semaphores = Semaphores::new(owner, i64::MAX >> 8)?;
    let begin = Instant::now();
    for pid in 0..holders {
        let got = semaphores.acquire_for((pid % NAMES) as u32, pid, 0)?;
        check(got, "there is room")?;
    }
    let acquired = begin.elapsed();
    let info = semaphores.holders.info().ok_or("the table exists")?;
    let bytes = info.memory_bytes as f64 / holders as f64;

    let is_dead = |pid: Pid| pid % 2 == 0;
    let begin = Instant::now();
    let released = semaphores.sweep(is_dead)?;
    let swept = begin.elapsed();
    println!("\n{} holders of {} names:\n", grouped(holders), grouped(NAMES));
    println!("  acquired for somebody in {:>8.0} ns each", nanos(acquired, holders));
    println!("  a holder takes           {bytes:>8.0} bytes");
    println!(
        "  swept and released in    {:>8.0} ns for each of the dead",
        nanos(swept, holders / 2)
    );
    check(released as u64 == holders / 2, "the dead are half of them")?;
    check(semaphores.held()?.unsigned_abs() == holders / 2, "the living still hold theirs")?;
    check(semaphores.sweep(is_dead)? == 0, "what was released is not released again")?;
    check(!semaphores.release_for(0, 0, 0)?, "nor by one who comes late")?;
    Ok(semaphores.close()?)
}

/// Runs `work` on so many threads, and returns what each returned.
fn on_threads<R: Send>(
    threads: usize,
    work: impl Fn(usize) -> ferrets::Result<R> + Sync,
) -> ferrets::Result<Vec<R>> {
    std::thread::scope(|scope| {
        let work = &work;
        let all: Vec<_> = (0..threads).map(|at| scope.spawn(move || work(at))).collect();
        all.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    })
}

fn nanos(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e9 / count as f64
}
