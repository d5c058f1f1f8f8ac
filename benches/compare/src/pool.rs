//! Worker threads that live as long as the process, and the clock around what they do.
//!
//! Threads that came and went with each window would bring a fresh allocator heap and a fresh
//! registration with every reclamation scheme each time, which no real program does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

type Job = Box<dyn FnOnce() + Send>;

/// Worker threads, numbered from 0.
pub struct Pool {
    workers: Vec<Sender<Job>>,
}

impl Pool {
    /// A pool of no workers; they start when first needed.
    pub fn new() -> Self {
        Pool { workers: Vec::new() }
    }

    /// Runs `work` with the numbers `0 .. threads`, each on its own thread, all starting at once.
    ///
    /// Returns the time from the start until the last was done, and their results.
    pub fn run<R, F>(&mut self, threads: usize, work: F) -> (Duration, Vec<R>)
    where
        R: Send + 'static,
        F: Fn(usize) -> R + Send + Sync + 'static,
    {
        while self.workers.len() < threads {
            self.workers.push(start_worker());
        }
        let work = Arc::new(work);
        let arrived = Arc::new(AtomicUsize::new(0));
        let (sender, outcomes) = channel();
        for (index, worker) in self.workers.iter().take(threads).enumerate() {
            let (work, arrived, sender) = (work.clone(), arrived.clone(), sender.clone());
            let job = move || {
                let started = gate(&arrived, threads);
                let result = work(index);
                let ended = Instant::now();
                // What the work holds must be let go before anybody hears that it is done.
                drop(work);
                sender.send((started, ended, result)).ok();
            };
            worker.send(Box::new(job)).ok();
        }
        drop((work, sender));
        let outcomes: Vec<_> = outcomes.iter().collect();
        let started = outcomes.iter().map(|&(started, _, _)| started).min();
        let ended = outcomes.iter().map(|&(_, ended, _)| ended).max();
        let lasted = ended.zip(started).map_or(Duration::ZERO, |(ended, started)| ended - started);
        (lasted, outcomes.into_iter().map(|(_, _, result)| result).collect())
    }
}

fn start_worker() -> Sender<Job> {
    let (sender, jobs) = channel::<Job>();
    thread::spawn(move || jobs.iter().for_each(|job| job()));
    sender
}

/// Waits until all workers are here. The last to come sees it at once, so the earliest moment
/// that any of them returns is the start of all.
fn gate(arrived: &AtomicUsize, threads: usize) -> Instant {
    arrived.fetch_add(1, Ordering::AcqRel);
    while arrived.load(Ordering::Acquire) < threads {
        thread::yield_now();
    }
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_runs_once() {
        let mut pool = Pool::new();
        for threads in [1, 3, 2] {
            let (_, mut numbers) = pool.run(threads, |index| index);
            numbers.sort_unstable();
            assert_eq!(numbers, (0..threads).collect::<Vec<_>>());
        }
    }
}
