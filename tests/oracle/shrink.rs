//! Making a sequence that shows a difference as short as it can be.

use crate::operation::Operation;
use crate::terms::{list, list_elements};

/// The shortest sequence found for which `differs` still holds: parts are left out, larger ones
/// first, then elements of lists among the arguments; and as much as possible is left to actor 1.
pub(crate) fn shrink(
    mut sequence: Vec<Operation>,
    differs: &mut dyn FnMut(&[Operation]) -> bool,
) -> Vec<Operation> {
    loop {
        let before = size(&sequence);
        sequence = without_parts(sequence, differs);
        for at in 0..sequence.len() {
            shorten_lists(&mut sequence, at, differs);
            leave_to_the_first(&mut sequence, at, differs);
        }
        if size(&sequence) == before {
            return sequence;
        }
    }
}

/// Operations and list elements in all.
fn size(sequence: &[Operation]) -> usize {
    let elements = |operation: &Operation| {
        operation.arguments.iter().filter_map(list_elements).map(|all| all.len()).sum::<usize>()
    };
    sequence.iter().map(|operation| 1 + elements(operation)).sum()
}

fn without_parts<T: Clone>(mut whole: Vec<T>, differs: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
    let mut part = whole.len().div_ceil(2);
    while part > 0 {
        let mut at = 0;
        while at < whole.len() {
            let mut rest = whole.clone();
            rest.drain(at..(at + part).min(whole.len()));
            if differs(&rest) {
                whole = rest;
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    whole
}

fn leave_to_the_first(
    sequence: &mut [Operation],
    at: usize,
    differs: &mut dyn FnMut(&[Operation]) -> bool,
) {
    let actor = std::mem::replace(&mut sequence[at].actor, 1);
    if actor != 1 && !differs(sequence) {
        sequence[at].actor = actor;
    }
}

fn shorten_lists(
    sequence: &mut [Operation],
    at: usize,
    differs: &mut dyn FnMut(&[Operation]) -> bool,
) {
    for argument in 0..sequence[at].arguments.len() {
        let Some(elements) = list_elements(&sequence[at].arguments[argument]) else { continue };
        let mut attempt = sequence.to_vec();
        let shorter = without_parts(elements, &mut |rest| {
            attempt[at].arguments[argument] = list(rest.iter().cloned());
            differs(&attempt)
        });
        sequence[at].arguments[argument] = list(shorter);
    }
}
