//! Worker threads that live as long as the process, and the clock around what they do.
//!
//! Threads that came and went with each window would bring a fresh allocator heap and a fresh
//! registration with every reclamation scheme each time, which no real program does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// One worker's account of a job: when all had arrived, when it was done, and what came out.
struct Outcome {
    started: Instant,
    ended: Instant,
    result: u64,
}

type Job = Box<dyn FnOnce() -> Outcome + Send>;

/// Worker threads, numbered from 0.
pub struct Pool {
    workers: Vec<Sender<Job>>,
    outcomes: (Sender<Outcome>, Receiver<Outcome>),
}

impl Pool {
    /// A pool of no workers; they start when first needed.
    pub fn new() -> Self {
        Pool { workers: Vec::new(), outcomes: channel() }
    }

    /// Runs `work` with the numbers `0 .. threads`, each on its own thread, all starting at once.
    ///
    /// Returns the time from the start until the last was done, and the sum of their results.
    pub fn run<F>(&mut self, threads: usize, work: F) -> (Duration, u64)
    where
        F: Fn(usize) -> u64 + Send + Sync + 'static,
    {
        while self.workers.len() < threads {
            let worker = start_worker(self.outcomes.0.clone());
            self.workers.push(worker);
        }
        let work = Arc::new(work);
        let arrived = Arc::new(AtomicUsize::new(0));
        for (index, worker) in self.workers.iter().take(threads).enumerate() {
            let work = Arc::clone(&work);
            let arrived = Arc::clone(&arrived);
            worker.send(Box::new(move || attend(&*work, index, &arrived, threads))).ok();
        }
        drop(work);
        let outcomes: Vec<Outcome> = (0..threads)
            .map(|_| self.outcomes.1.recv().expect("the pool keeps a sender itself"))
            .collect();
        // The workers leave the gate one after another; the last to see it open cannot have
        // begun before the others, so the earliest start is the moment it opened.
        let started = outcomes.iter().map(|o| o.started).min().expect("at least one thread");
        let ended = outcomes.iter().map(|o| o.ended).max().expect("at least one thread");
        (ended - started, outcomes.iter().map(|o| o.result).sum())
    }
}

fn start_worker(outcomes: Sender<Outcome>) -> Sender<Job> {
    let (sender, jobs) = channel::<Job>();
    thread::spawn(move || {
        for job in jobs {
            let outcome = job();
            if outcomes.send(outcome).is_err() {
                break;
            }
        }
    });
    sender
}

/// Waits until all workers are here, then works.
fn attend(
    work: &(impl Fn(usize) -> u64 + ?Sized),
    index: usize,
    arrived: &AtomicUsize,
    threads: usize,
) -> Outcome {
    arrived.fetch_add(1, Ordering::AcqRel);
    while arrived.load(Ordering::Acquire) < threads {
        thread::yield_now();
    }
    let started = Instant::now();
    let result = work(index);
    Outcome { started, ended: Instant::now(), result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_runs_once() {
        let mut pool = Pool::new();
        for threads in [1, 3, 2] {
            let (_, sum) = pool.run(threads, |index| 1 << index);
            assert_eq!(sum, (1 << threads) - 1);
        }
    }
}
