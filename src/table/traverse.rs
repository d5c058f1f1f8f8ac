//! The one loop over the objects of a table that questions run in.
//!
//! A traversal goes along a *route*: all objects, those of some keys, or, in an ordered table,
//! those in some ranges of keys; in the order of hashes, or of keys, either way. Its position is a
//! hash or a key. Nothing is held between the steps of some thousand objects: the table may grow,
//! shrink and change its name, and memory that others free is given back. Objects that are there
//! throughout are met once, others at most once.

use std::ops::Bound;

use smallvec::SmallVec;

use super::Table;
use super::core::{Key, Need, TableCore, owner_pid};
use super::engine::{Edge, Mark, OrderedEngine};
use super::range::{Bounds, ToBounds as _};
use crate::error::Result;
use crate::matchspec::{Code, KeyPlan, KeyRange, Machine, MatchSpec, PlanRef, Subject};
use crate::raw::reclaim::{Pin, pin};
use crate::term::{ObjectRef, Pid, Term};

/// Objects that are looked at before memory is given back and rights are checked again.
pub(super) const STEP: usize = 1_000;

/// Which objects are looked at.
pub(super) struct Route<'s> {
    plan: PlanRef<'s>,
    /// The hashes of the keys, in ascending order, and which key has it.
    keys: SmallVec<[(u64, u32); 2]>,
    /// In an ordered table: disjoint ranges in ascending order.
    ranges: Vec<(Edge, Edge)>,
    /// Against the order of keys.
    back: bool,
}

impl<'s> Route<'s> {
    /// The objects that a specification can accept.
    #[inline]
    pub(super) fn of(core: &TableCore, spec: &'s MatchSpec, back: bool) -> Self {
        let is_ordered = core.engine.as_ordered().is_some();
        let plan = spec.plan(core.options.keypos, is_ordered);
        if is_ordered {
            let ranges = ranges(plan.keys());
            return Self { plan, keys: SmallVec::new(), ranges, back };
        }
        let mut keys: SmallVec<[(u64, u32); 2]> = SmallVec::new();
        if let KeyPlan::Points(points) = plan.keys() {
            keys.extend(points.iter().map(|key| core.hasher.hash(key.as_ref())).zip(0..));
            if keys.len() > 1 {
                keys.sort_unstable();
            }
        }
        Self { plan, keys, ranges: Vec::new(), back }
    }

    /// Whether it leads to a few keys instead of through the table.
    pub(super) fn is_bound(&self) -> bool {
        matches!(self.plan.keys(), KeyPlan::Points(_) | KeyPlan::Nothing)
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
            if let KeyPlan::Points(points) = self.plan.keys() {
                if let [point] = &points[..] {
                    core.engine.each(pin, core.key(point.as_ref()), visit);
                    return None;
                }
            }
            return self.visit_ranges(ordered, pin, &from, budget, visit);
        }
        match self.plan.keys() {
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
                    let key = Key { term: points[*key as usize].as_ref(), hash: *hash };
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
        for at in 0..self.ranges.len() {
            let at = if self.back { self.ranges.len() - 1 - at } else { at };
            let (low, high) = &self.ranges[at];
            let (near, far) = if self.back { (high, low) } else { (low, high) };
            let near = match from.key(ordered.keypos()) {
                None => near.clone(),
                // How the position stands to the edges, in the direction of the walk.
                Some(key) => {
                    let towards = |edge: &Edge| match edge {
                        Edge::Open => None,
                        edge => Some(edge.order(key)),
                    };
                    let direct = |order: std::cmp::Ordering| {
                        if self.back { order.reverse() } else { order }
                    };
                    if towards(far).is_some_and(|order| direct(order).is_gt()) {
                        continue; // the range lies behind
                    }
                    if towards(near).is_some_and(|order| direct(order).is_lt()) {
                        near.clone()
                    } else {
                        from.clone().edge(ordered.keypos())
                    }
                }
            };
            let mut done = 0;
            let show = |object| done = counted(object);
            let next = ordered.scan_range(pin, (&near, far.clone()), self.back, left, show);
            if next.is_some() {
                return next;
            }
            // At least one, so that a step ends where something was shown.
            left = budget.saturating_sub(done).max(1);
        }
        None
    }
}

/// The ranges of a plan, disjoint and in ascending order.
fn ranges(plan: &KeyPlan) -> Vec<(Edge, Edge)> {
    let all = || vec![(Edge::Open, Edge::Open)];
    match plan {
        KeyPlan::Nothing => Vec::new(),
        KeyPlan::Full => all(),
        KeyPlan::Points(points) => {
            let mut points: Vec<&Term> = points.iter().collect();
            points.sort_by(|a, b| a.compare(b));
            points.dedup_by(|a, b| a.equals(b));
            let edge = |point: &Term| Edge::key(point.clone(), true);
            points.into_iter().map(|point| (edge(point), edge(point))).collect()
        }
        KeyPlan::Ranges(ranges) => match &ranges[..] {
            [one] => {
                Bounds::of_plan(one).map_or_else(|_| all(), |bounds| vec![bounds.into_edges()])
            }
            _ => disjoint(ranges).unwrap_or_else(all),
        },
    }
}

/// Ranges of plain terms, those that overlap or touch joined; `None` where that is not known.
fn disjoint(ranges: &[KeyRange]) -> Option<Vec<(Edge, Edge)>> {
    if ranges.iter().any(|range| range.shape.is_some()) {
        return None;
    }
    let mut sorted: Vec<&KeyRange> = ranges.iter().collect();
    sorted.sort_by(|a, b| low_order(&a.low, &b.low));
    let mut joined: Vec<(Bound<Term>, Bound<Term>)> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some((_, high)) if reaches(high, &range.low) => {
                if high_order(high, &range.high).is_lt() {
                    *high = range.high.clone();
                }
            }
            _ => joined.push((range.low.clone(), range.high.clone())),
        }
    }
    let edges = |bounds: (Bound<Term>, Bound<Term>)| Some(bounds.bounds().ok()?.into_edges());
    joined.into_iter().map(edges).collect()
}

/// The order of lower bounds, as far as terms decide.
fn low_order(a: &Bound<Term>, b: &Bound<Term>) -> std::cmp::Ordering {
    match (value(a), value(b)) {
        (None, None) => std::cmp::Ordering::Equal,
        (None, _) => std::cmp::Ordering::Less,
        (_, None) => std::cmp::Ordering::Greater,
        (Some(a), Some(b)) => a.compare(b),
    }
}

/// The order of upper bounds: of two at the same term, the one that includes it is the higher.
fn high_order(a: &Bound<Term>, b: &Bound<Term>) -> std::cmp::Ordering {
    match (value(a), value(b)) {
        (None, None) => std::cmp::Ordering::Equal,
        (None, _) => std::cmp::Ordering::Greater,
        (_, None) => std::cmp::Ordering::Less,
        (Some(x), Some(y)) => {
            let included = |bound: &Bound<Term>| matches!(bound, Bound::Included(_));
            x.compare(y).then(included(a).cmp(&included(b)))
        }
    }
}

/// Whether nothing lies between an upper bound and a lower one.
fn reaches(high: &Bound<Term>, low: &Bound<Term>) -> bool {
    match (value(high), value(low)) {
        (Some(high), Some(low)) => high.compare(low).is_ge(),
        _ => true,
    }
}

const fn value(bound: &Bound<Term>) -> Option<&Term> {
    match bound {
        Bound::Included(term) | Bound::Excluded(term) => Some(term),
        Bound::Unbounded => None,
    }
}

impl Table {
    /// Who asks, for `{self}`.
    pub(super) fn asker(&self) -> Pid {
        owner_pid(self.who)
    }

    /// Shows each object that a specification accepts, with the clause that did; those of an
    /// ordered table in the order of their keys, or, if `back`, against it.
    pub(super) fn accepted<'s>(
        &self,
        spec: &'s MatchSpec,
        back: bool,
        mut visit: impl FnMut(&mut Machine<'s>, &Code, &Subject<'_>) -> Result<()>,
    ) -> Result<()> {
        let route = Route::of(&self.core, spec, back);
        let mut machine = spec.machine(self.asker());
        let mut next = Some(Mark::Start);
        while let Some(from) = next {
            self.check(Need::Read)?;
            next = self.step_along(&route, from, STEP, &mut machine, &mut visit)?;
        }
        Ok(())
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
