//! The one loop over the objects of a table that questions run in.
//!
//! A traversal goes along a *route*: all objects, those of some keys, or, in an ordered table,
//! those in some ranges of keys; in the order of hashes, or of keys, either way. Its position is a
//! hash or a key. Nothing is held between the steps of some thousand objects: the table may grow,
//! shrink and change its name, and memory that others free is given back. Objects that are there
//! throughout are met once, others at most once.

use smallvec::SmallVec;

use super::Table;
use super::core::{Key, Need, TableCore, owner_pid};
use super::engine::{Mark, OrderedEngine};
use crate::error::Result;
use crate::matchspec::{Code, KeyPlan, Machine, MatchSpec, PlanRef, Subject};
use crate::raw::reclaim::{Pin, pin};
use crate::term::{ObjectRef, Pid, Term, TermRef};

/// Objects that are looked at before memory is given back and rights are checked again.
pub(super) const STEP: usize = 1_000;

/// Which objects are looked at.
pub(super) struct Route<'s> {
    plan: PlanRef<'s>,
    /// The hashes of the keys, in ascending order, and which key has it.
    keys: SmallVec<[(u64, u32); 2]>,
    /// Against the order of keys.
    back: bool,
}

impl TableCore {
    /// How a question is answered here.
    pub(super) fn plan<'s>(&self, spec: &'s MatchSpec) -> PlanRef<'s> {
        spec.plan(self.options.keypos, self.engine.as_ordered().is_some())
    }
}

impl<'s> Route<'s> {
    /// The objects that a plan leaves.
    pub(super) fn of(core: &TableCore, plan: PlanRef<'s>, back: bool) -> Self {
        let mut keys: SmallVec<[(u64, u32); 2]> = SmallVec::new();
        if core.engine.as_ordered().is_some() {
            return Self { plan, keys, back };
        }
        if let Some(key) = plan.only_key() {
            keys.push((core.hasher.hash(key.as_ref()), 0));
        } else if let KeyPlan::Points(points) = plan.plan().keys() {
            keys.extend(points.iter().map(|key| core.hasher.hash(key.as_ref())).zip(0..));
            if keys.len() > 1 {
                keys.sort_unstable();
            }
        }
        Self { plan, keys, back }
    }

    /// Whether it leads to a few keys instead of through the table.
    pub(super) fn is_bound(&self) -> bool {
        let keys = self.plan.plan().keys();
        self.plan.only_key().is_some() || matches!(keys, KeyPlan::Points(_) | KeyPlan::Nothing)
    }

    /// Shows objects from a position on, until at least `budget` were shown; returns the position
    /// to go on from, `None` at the end.
    #[inline]
    pub(super) fn visit<'p>(
        &self,
        core: &TableCore,
        pin: &'p Pin,
        from: Mark,
        budget: usize,
        mut visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<Mark> {
        if let Some(ordered) = core.engine.as_ordered() {
            if let Some(key) = self.plan.only_key() {
                core.engine.each(pin, core.key(key.as_ref()), visit);
                return None;
            }
            return self.visit_ranges(ordered, pin, &from, budget, visit);
        }
        match self.plan.plan().keys() {
            KeyPlan::Full | KeyPlan::Ranges(_) => core.engine.scan(pin, from, false, budget, visit),
            KeyPlan::Nothing => None,
            KeyPlan::Points(points) => {
                let mut shown = 0;
                let mut last = None;
                let first = self.keys.partition_point(|(hash, _)| *hash < from.hash());
                for (hash, key) in &self.keys[first..] {
                    // Keys with the same hash are not parted, as that is the position.
                    if shown >= budget && last != Some(*hash) {
                        return Some(Mark::Hash(*hash));
                    }
                    let term = self.plan.only_key().unwrap_or_else(|| &points[*key as usize]);
                    let key = Key { term: term.as_ref(), hash: *hash };
                    core.engine.each(pin, key, |object| {
                        shown += 1;
                        visit(object);
                    });
                    last = Some(*hash);
                }
                None
            }
        }
    }

    /// The ranges that do not lie behind a position, in the direction of the walk.
    fn ahead(&self, from: Option<TermRef<'_>>) -> impl Iterator<Item = usize> + use<> {
        let (back, ranges) = (self.back, self.plan.ranges());
        let ahead = match from {
            None => 0..ranges.len(),
            Some(key) if back => 0..ranges.partition_point(|(low, _)| !low.excludes(key, true)),
            Some(key) => {
                ranges.partition_point(|(_, high)| high.excludes(key, false))..ranges.len()
            }
        };
        let (first, last) = (ahead.start, ahead.end);
        ahead.map(move |at| if back { first + last - 1 - at } else { at })
    }

    /// As [`visit`](Self::visit), for an ordered table.
    fn visit_ranges<'p>(
        &self,
        ordered: &OrderedEngine,
        pin: &'p Pin,
        from: &Mark,
        budget: usize,
        mut visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<Mark> {
        let mut shown = 0;
        let mut counted = |object| {
            shown += 1;
            visit(object);
            shown
        };
        let mut left = budget;
        for at in self.ahead(from.key(ordered.keypos())) {
            let (low, high) = &self.plan.ranges()[at];
            let (near, far) = if self.back { (high, low) } else { (low, high) };
            let begun;
            let near = match from.key(ordered.keypos()) {
                Some(key) if !near.excludes(key, !self.back) => {
                    // The walk is inside the range already.
                    begun = from.clone().edge(ordered.keypos());
                    &begun
                }
                _ => near,
            };
            let mut done = 0;
            let show = |object| done = counted(object);
            let next = ordered.scan_range(pin, (near, far), self.back, left, show);
            if next.is_some() {
                return next;
            }
            // At least one, so that a step ends where something was shown.
            left = budget.saturating_sub(done).max(1);
        }
        None
    }
}

impl Table {
    /// Who asks, for `{self}`.
    pub(super) fn asker(&self) -> Pid {
        owner_pid(self.home.creation(), self.who)
    }

    /// Shows each object that a specification accepts, with the clause that did; those of an
    /// ordered table in the order of their keys, or, if `back`, against it.
    pub(super) fn accepted<'s>(
        &self,
        spec: &'s MatchSpec,
        back: bool,
        mut visit: impl FnMut(&mut Machine<'s>, &Code, &Subject<'_>) -> Result<()>,
    ) -> Result<()> {
        let plan = self.core.plan(spec);
        if let (Some(key), Some(_)) = (plan.only_key(), self.core.engine.as_set()) {
            return self.accepted_at(spec, key, visit);
        }
        let route = Route::of(&self.core, plan, back);
        let mut machine = spec.machine(self.asker());
        let mut next = Some(Mark::Start);
        while let Some(from) = next {
            self.check(Need::Read)?;
            next = self.step_along(&route, from, STEP, &mut machine, &mut visit)?;
        }
        Ok(())
    }

    /// As [`accepted`](Self::accepted), where there can be one object only.
    #[inline]
    fn accepted_at<'s>(
        &self,
        spec: &'s MatchSpec,
        key: &Term,
        visit: impl FnOnce(&mut Machine<'s>, &Code, &Subject<'_>) -> Result<()>,
    ) -> Result<()> {
        self.check(Need::Read)?;
        let pin = pin();
        let Some(object) = self.core.first(&pin, key)? else { return Ok(()) };
        let mut machine = spec.machine(self.asker());
        let subject = Subject::object(object);
        match machine.clause(&subject)? {
            Some(code) => visit(&mut machine, code, &subject),
            None => Ok(()),
        }
    }

    /// One step of a traversal.
    pub(super) fn step_along<'s>(
        &self,
        route: &Route<'_>,
        from: Mark,
        budget: usize,
        machine: &mut Machine<'s>,
        mut visit: impl FnMut(&mut Machine<'s>, &Code, &Subject<'_>) -> Result<()>,
    ) -> Result<Option<Mark>> {
        let mut failed = None;
        let next = route.visit(&self.core, &pin(), from, budget, |object| {
            let subject = Subject::object(object);
            let done = match machine.clause(&subject) {
                Ok(None) => return,
                Ok(Some(code)) if failed.is_none() => visit(machine, code, &subject),
                Ok(Some(_)) => return,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                failed.get_or_insert(error);
            }
        });
        failed.map_or(Ok(next), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::{Mark, Route};
    use crate::matchspec::tests::{Terms, specs};
    use crate::raw::reclaim::pin;
    use crate::term::Term;
    use crate::{KeyPlan, Kind, MatchSpec, Store, Table, TableOptions};

    /// The keys that a route shows, in steps of so many objects.
    fn shown(table: &Table, spec: &MatchSpec, back: bool, budget: usize) -> Vec<Term> {
        let route = Route::of(&table.core, table.core.plan(spec), back);
        let (mut keys, mut next) = (Vec::new(), Some(Mark::Start));
        while let Some(from) = next {
            next = route.visit(&table.core, &pin(), from, budget, |object| {
                keys.extend(object.element(1).map(|key| key.to_term().expect("a small term")));
            });
        }
        keys
    }

    /// What is visited is what the plan says, once, in the order of keys, either way.
    #[test]
    fn plans_of_ordered_tables_are_kept() {
        let mut shaped = 0;
        for seed in 0..4_000_u64 {
            let store = Store::with_seed(seed);
            let owner = store.owner();
            let table = owner.new_table("t", TableOptions::new(Kind::OrderedSet));
            let table = table.expect("it can be made");
            let mut random = Terms::new(seed);
            let parts: Vec<Term> = (0..3).map(|_| random.term(1)).collect();
            let objects: Vec<Term> = (0..60).map(|_| object(&mut random, &parts)).collect();
            table.insert_list(objects.iter()).expect("it stands");
            // Mostly of clauses that say something of the key.
            let is_good = |clause: &Term| {
                let spec = Term::list([clause.clone()]).and_then(|spec| MatchSpec::compile(&spec));
                seed % 8 == 0 || spec.is_ok_and(|spec| !table.explain(&spec).is_full())
            };
            let made = [1, 2, 3, 4, 5, 6].map(|n| specs(seed ^ n << 32, &objects, 0));
            let clauses = made.iter().filter_map(|spec| spec.as_ref().as_list()).flatten();
            let clauses = clauses.map(|clause| clause.to_term().expect("a small term"));
            let clauses = Term::list(clauses.filter(is_good).take(4)).expect("a small term");
            let Ok(spec) = MatchSpec::compile(&clauses) else { continue };

            let plan = table.explain(&spec);
            if let KeyPlan::Ranges(ranges) = plan.keys() {
                let some = ranges.iter().any(|range| range.shape.is_some());
                shaped += usize::from(some && ranges.len() > 1);
            }
            let all = table.tab2list().expect("it stands");
            let keys = all.iter().filter_map(|object| object.element(1));
            let keys = keys.filter(|key| match plan.keys() {
                // Equality is `==` here.
                KeyPlan::Points(points) => points.iter().any(|point| key.equals(point.as_ref())),
                keys => keys.contains(*key),
            });
            let mut keys: Vec<Term> = keys.map(|key| key.to_term().expect("small")).collect();
            for budget in [1, 5, 1_000] {
                assert_eq!(shown(&table, &spec, false, budget), keys, "{seed}: {spec}\n{plan}");
            }
            keys.reverse();
            for budget in [1, 5, 1_000] {
                assert_eq!(shown(&table, &spec, true, budget), keys, "{seed}: {spec}\n{plan}");
            }
        }
        assert!(shaped > 1_000, "only {shaped} had several ranges with shapes");
    }

    /// The same without an order: each object of the keys of the plan is visited once, no other is.
    #[test]
    fn plans_of_hash_tables_are_kept() {
        let mut bounded = 0;
        for seed in 0..8_000_u64 {
            let store = Store::with_seed(seed);
            let owner = store.owner();
            let kind = [Kind::Set, Kind::Bag, Kind::DuplicateBag][seed as usize % 3];
            let table = owner.new_table("t", TableOptions::new(kind)).expect("it can be made");
            let mut random = Terms::new(seed);
            let parts: Vec<Term> = (0..3).map(|_| random.term(1)).collect();
            let objects: Vec<Term> = (0..30).map(|_| object(&mut random, &parts)).collect();
            table.insert_list(objects.iter()).expect("it stands");
            let Ok(spec) = MatchSpec::compile(&specs(seed, &objects, 0)) else { continue };

            let plan = table.explain(&spec);
            bounded += usize::from(!plan.is_full());
            let all = table.tab2list().expect("it stands");
            let keys = all.iter().filter_map(|object| object.element(1));
            let keys = keys.filter(|key| plan.keys().contains(*key));
            let mut keys: Vec<Term> = keys.map(|key| key.to_term().expect("small")).collect();
            keys.sort();
            for budget in [1, 5, 1_000] {
                let mut shown = shown(&table, &spec, false, budget);
                shown.sort();
                assert_eq!(shown, keys, "{seed}: {spec}\n{plan}");
            }
        }
        assert!(bounded > 1_000, "only {bounded} were bounded");
    }

    /// One whose key is often a tuple or a list of a few parts.
    fn object(random: &mut Terms, parts: &[Term]) -> Term {
        let len = random.below(4);
        let of: Vec<Term> = (0..len).map(|_| random.pick(parts)).collect();
        let key = match random.below(6) {
            0..=2 => Term::tuple(of),
            3 => Term::list(of),
            4 => Term::list_with_tail(of, random.pick(parts)),
            _ => Ok(random.term(1)),
        };
        let rest = [key.expect("a small term"), random.pick(parts)];
        Term::tuple(rest).expect("a small term")
    }
}
