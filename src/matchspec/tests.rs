//! Random objects and specifications for the tests of this layer.

#[path = "../../tests/support/specs.rs"]
mod support_specs;
#[path = "../../tests/support/terms.rs"]
mod support_terms;

use support_specs::Specs;
pub(crate) use support_terms::Terms;

use crate::Term;

/// Small objects, with keys that occur more than once.
pub(crate) fn objects(terms: &mut Terms, count: usize) -> Vec<Term> {
    let keys: Vec<Term> = (0..2).map(|_| terms.term(1)).collect();
    let object = |_| {
        let key = if terms.chance(60) { terms.pick(&keys) } else { terms.term(1) };
        let rest: Vec<Term> = (0..terms.below(3)).map(|_| terms.term(2)).collect();
        Term::tuple(std::iter::once(key).chain(rest)).expect("a small tuple")
    };
    (0..count).map(object).collect()
}

/// A specification for these objects.
pub(crate) fn specs(seed: u64, objects: &[Term], faults: usize) -> Term {
    let (mut numbers, mut terms) = (Terms::new(!seed), Terms::new(seed ^ 0x5eed));
    let (mut below, mut any) = (|bound| numbers.below(bound), || terms.term(1));
    Specs::new(&mut below, &mut any, objects, faults).spec()
}
