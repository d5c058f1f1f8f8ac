//! Whether a history can be explained: whether there is an order of its operations, one after the
//! other, that agrees with every answer and in which nothing comes before what had ended when it
//! began.
//!
//! The search is that of Wing and Gong (*Testing and verifying concurrent objects*, 1993): of the
//! operations that may come next, those that began before any other of the rest had ended, try
//! each; with Lowe's addition (*Testing for linearizability*, 2017): what was done and the state
//! that it led to are remembered, so that no two orders with the same outcome are both followed.
//! With `t` threads at most `t` operations may come next, so short histories take microseconds.
//!
//! Linearizability is local: a history is right if it is right for each object. Here that is each
//! key; where operations take several keys in one instant, each group of keys that they connect.

use std::collections::HashSet;
use std::fmt;

use ferrets::Kind;

use crate::model::{Answer, Key, Op, State};

/// An operation, what it said, and when.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) thread: usize,
    /// Before it began, and after it had ended, on a clock that all threads share.
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) op: Op,
    pub(crate) answer: Answer,
}

/// A group of operations for which there is no order.
#[derive(Debug)]
pub(crate) struct Violation {
    kind: Kind,
    initial: State,
    events: Vec<Event>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no order explains this history of a {}, from {:?}:", self.kind, self.initial)?;
        for Event { thread, begun, ended, op, answer } in &self.events {
            writeln!(f, "  thread {thread}, {begun:>4} to {ended:>4}: {op:?} said {answer:?}")?;
        }
        Ok(())
    }
}

/// Checks a history of a table that was in a known state before.
pub(crate) fn check(kind: Kind, initial: &State, events: &[Event]) -> Result<(), Box<Violation>> {
    for mut events in groups(events) {
        events.sort_by_key(|event| event.begun);
        if !has_order(kind, initial.clone(), &events) {
            return Err(Box::new(Violation { kind, initial: initial.clone(), events }));
        }
    }
    Ok(())
}

/// The events by the keys that they have to do with, as far as those are connected.
fn groups(events: &[Event]) -> Vec<Vec<Event>> {
    let mut leader: [Key; 256] = std::array::from_fn(|key| key as Key);
    let mut connect = |keys: &[Key]| {
        for key in &keys[1..] {
            let (from, to) = (leader[keys[0] as usize], leader[*key as usize]);
            leader.iter_mut().filter(|leader| **leader == from).for_each(|leader| *leader = to);
        }
    };
    for event in events {
        match event.op.keys() {
            Some(keys) => connect(&keys),
            None => return vec![events.to_vec()],
        }
    }
    let mut groups = vec![Vec::new(); leader.len()];
    for event in events {
        let keys = event.op.keys().expect("looked at above");
        groups[leader[keys[0] as usize] as usize].push(event.clone());
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn has_order(kind: Kind, initial: State, events: &[Event]) -> bool {
    assert!(events.len() <= 128, "windows are small");
    let all = u128::MAX >> (128 - events.len());
    let mut seen = HashSet::new();
    let mut waiting = vec![(0_u128, initial)];
    while let Some((done, state)) = waiting.pop() {
        if done == all {
            return true;
        }
        let rest = || events.iter().enumerate().filter(|(at, _)| done & (1 << at) == 0);
        let first_end = rest().map(|(_, event)| event.ended).min().unwrap_or(u64::MAX);
        for (at, event) in rest().filter(|(_, event)| event.begun < first_end) {
            let mut next = state.clone();
            if next.apply(kind, &event.op) != event.answer {
                continue;
            }
            let reached = (done | 1 << at, next);
            if seen.insert(reached.clone()) {
                waiting.push(reached);
            }
        }
    }
    false
}
