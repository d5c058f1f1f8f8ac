//! The checker is put to histories that are known to be right or wrong, and to a slower one.

use ferrets::Kind;

use crate::checker::{Event, check};
use crate::model::{Answer, Op, State};
use crate::rng::Rng;

/// An operation with its answer, from one time to another. The thread does not matter.
fn event(begun: u64, ended: u64, op: Op, answer: Answer) -> Event {
    Event { thread: 0, begun, ended, op, answer }
}

fn values(values: &[i64]) -> Answer {
    Answer::Values(values.to_vec())
}

fn verdict(kind: Kind, events: &[Event]) -> bool {
    check(kind, &State::default(), events).is_ok()
}

#[test]
fn overlapping_reads_may_see_either() {
    for seen in [&[][..], &[7]] {
        let history =
            [event(1, 4, Op::Insert(1, 7), Answer::Done), event(2, 3, Op::Lookup(1), values(seen))];
        assert!(verdict(Kind::Set, &history));
    }
}

#[test]
fn a_stale_read_is_refused() {
    let history = [
        event(1, 2, Op::Insert(1, 7), Answer::Done),
        event(3, 4, Op::Insert(1, 8), Answer::Done),
        event(5, 6, Op::Lookup(1), values(&[7])),
    ];
    assert!(!verdict(Kind::Set, &history));
    // Two reads that both overlap a write see it in the order of their own times.
    let reads = |first: &[i64], second: &[i64]| {
        [
            event(1, 10, Op::Insert(1, 7), Answer::Done),
            event(2, 3, Op::Lookup(1), values(first)),
            event(4, 5, Op::Lookup(1), values(second)),
        ]
    };
    assert!(verdict(Kind::Set, &reads(&[], &[7])));
    assert!(!verdict(Kind::Set, &reads(&[7], &[])));
}

#[test]
fn a_lost_update_is_refused() {
    let adds = |second: i64| {
        [
            event(1, 2, Op::Insert(1, 0), Answer::Done),
            event(3, 6, Op::Count(1, 1), Answer::Number(1)),
            event(4, 5, Op::Count(1, 1), Answer::Number(second)),
        ]
    };
    assert!(verdict(Kind::Set, &adds(2)));
    assert!(!verdict(Kind::Set, &adds(1)));
    // What was lost shows only later.
    let mut history = adds(2).to_vec();
    history.push(event(7, 8, Op::Lookup(1), values(&[1])));
    assert!(!verdict(Kind::Set, &history));
}

#[test]
fn half_a_list_is_refused() {
    let seen = |one: &[i64], two: &[i64]| {
        [
            event(1, 10, Op::InsertList(vec![(1, 7), (2, 7)]), Answer::Done),
            event(2, 3, Op::Lookup(1), values(one)),
            event(4, 5, Op::Lookup(2), values(two)),
        ]
    };
    assert!(verdict(Kind::Set, &seen(&[], &[])));
    assert!(verdict(Kind::Set, &seen(&[], &[7])));
    assert!(verdict(Kind::Set, &seen(&[7], &[7])));
    assert!(!verdict(Kind::Set, &seen(&[7], &[])), "half a list");
}

#[test]
fn two_winners_are_refused() {
    let list = |key| Op::InsertNewList(vec![(1, key), (2, key)]);
    let winners = |second| {
        [event(1, 4, list(7), Answer::Flag(true)), event(2, 3, list(8), Answer::Flag(second))]
    };
    assert!(verdict(Kind::Bag, &winners(false)));
    assert!(!verdict(Kind::Bag, &winners(true)));
    let taken = |second: &[i64]| {
        [
            event(1, 2, Op::Insert(1, 7), Answer::Done),
            event(3, 6, Op::Take(1), values(&[7])),
            event(4, 5, Op::Take(1), values(second)),
        ]
    };
    assert!(verdict(Kind::Bag, &taken(&[])));
    assert!(!verdict(Kind::Bag, &taken(&[7])), "taken twice");
}

#[test]
fn bags_keep_the_order_of_insertion() {
    let seen = |kind, seen: &[i64]| {
        let insert = |at, value| event(at, at + 1, Op::Insert(1, value), Answer::Done);
        verdict(
            kind,
            &[insert(1, 7), insert(3, 8), insert(5, 7), event(7, 8, Op::Lookup(1), values(seen))],
        )
    };
    assert!(seen(Kind::Bag, &[7, 8]) && seen(Kind::DuplicateBag, &[7, 8, 7]));
    assert!(!seen(Kind::Bag, &[8, 7]) && !seen(Kind::DuplicateBag, &[7, 7, 8]));
    assert!(!seen(Kind::DuplicateBag, &[7, 8]), "one is lost");
}

#[test]
fn a_torn_clearing_and_a_torn_range_are_refused() {
    let cleared = |one: &[i64], two: &[i64]| {
        [
            event(1, 2, Op::InsertList(vec![(1, 7), (2, 7)]), Answer::Done),
            event(3, 10, Op::Clear, Answer::Done),
            event(4, 5, Op::Lookup(1), values(one)),
            event(6, 7, Op::Lookup(2), values(two)),
        ]
    };
    assert!(verdict(Kind::Set, &cleared(&[7], &[])));
    assert!(!verdict(Kind::Set, &cleared(&[], &[7])));
    let ranged = |objects: &[(u8, i64)]| {
        [
            event(1, 2, Op::InsertList(vec![(1, 7), (2, 7)]), Answer::Done),
            event(3, 4, Op::Insert(1, 8), Answer::Done),
            event(5, 6, Op::Insert(2, 8), Answer::Done),
            event(2, 7, Op::Range(0, 9), Answer::Objects(objects.to_vec())),
        ]
    };
    assert!(verdict(Kind::OrderedSet, &ranged(&[(1, 8), (2, 7)])));
    assert!(!verdict(Kind::OrderedSet, &ranged(&[(1, 7), (2, 8)])), "of two instants");
}

#[test]
fn the_wrong_end_is_refused() {
    let popped = |key| {
        [
            event(1, 2, Op::InsertList(vec![(1, 7), (2, 7)]), Answer::Done),
            event(3, 4, Op::PopFirst, Answer::Objects(vec![(key, 7)])),
        ]
    };
    assert!(verdict(Kind::OrderedSet, &popped(1)));
    assert!(!verdict(Kind::OrderedSet, &popped(2)));
}

/// Tries all orders, without a thought.
fn slow_verdict(kind: Kind, state: &State, rest: &[Event]) -> bool {
    rest.is_empty()
        || (0..rest.len()).any(|at| {
            let mut others = rest.to_vec();
            let event = others.remove(at);
            let mut next = state.clone();
            others.iter().all(|other| other.ended > event.begun)
                && next.apply(kind, &event.op) == event.answer
                && slow_verdict(kind, &next, &others)
        })
}

/// On small histories with answers that are right, or nearly, both checkers say the same; both
/// verdicts occur.
#[test]
fn the_checker_agrees_with_a_slower_one() {
    let mut verdicts = [0_u32; 2];
    for seed in 0..4_000 {
        let mut rng = Rng::new(seed, 0);
        let kind = *rng.pick(&[Kind::Set, Kind::DuplicateBag]);
        let mut state = State::default();
        let mut events = Vec::new();
        // Answers from an order, times that let the others overlap it.
        for at in 0..6_u64 {
            let (key, value) = (rng.below(2) as u8, rng.below(2) as i64);
            let op = match rng.below(5) {
                0 => Op::Insert(key, value),
                1 => Op::InsertList(vec![(0, value), (1, value)]),
                2 => Op::Lookup(key),
                3 => Op::Take(key),
                _ => Op::InsertNew(key, value),
            };
            let answer = state.apply(kind, &op);
            let (begun, ended) =
                (20 * at - rng.below(20 * at + 1).min(40), 20 * at + rng.below(60));
            events.push(event(begun, ended + 1, op, answer));
        }
        if rng.one_in(2) {
            let (from, to) = (rng.below(6) as usize, rng.below(6) as usize);
            events[to].answer = events[from].answer.clone();
        }
        let right = verdict(kind, &events);
        assert_eq!(right, slow_verdict(kind, &State::default(), &events), "{events:#?}");
        verdicts[usize::from(right)] += 1;
    }
    assert!(verdicts.iter().all(|times| *times > 200), "{verdicts:?}");
}
