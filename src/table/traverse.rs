//! The one loop over the objects of a table that questions run in.
//!
//! A traversal goes along a *route*: all objects, or those of some keys, in the order of hashes
//! either way. Its position is a hash. Nothing is held between the steps of some thousand objects:
//! the table may grow, shrink and change its name, and memory that others free is given back.
//! Objects that are there throughout are met once, others at most once.

use smallvec::SmallVec;

use super::Table;
use super::core::{Key, Need, TableCore, owner_pid};
use crate::error::Result;
use crate::matchspec::{Code, KeyPlan, Machine, MatchSpec, PlanRef, Subject};
use crate::raw::reclaim::{Pin, pin};
use crate::term::{ObjectRef, Pid};

/// Objects that are looked at before memory is given back and rights are checked again.
pub(super) const STEP: usize = 1_000;

/// Which objects are looked at.
pub(super) struct Route<'s> {
    plan: PlanRef<'s>,
    /// The hashes of the keys, in ascending order, and which key has it.
    keys: SmallVec<[(u64, u32); 2]>,
}

impl<'s> Route<'s> {
    /// The objects that a specification can accept.
    #[inline]
    pub(super) fn of(core: &TableCore, spec: &'s MatchSpec) -> Self {
        let plan = spec.plan(core.options.keypos, false);
        let mut keys: SmallVec<[(u64, u32); 2]> = SmallVec::new();
        if let KeyPlan::Points(points) = plan.keys() {
            keys.extend(points.iter().map(|key| core.hasher.hash(key.as_ref())).zip(0..));
            if keys.len() > 1 {
                keys.sort_unstable();
            }
        }
        Self { plan, keys }
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
        from: u64,
        budget: usize,
        mut visit: impl FnMut(ObjectRef<'p>),
    ) -> Option<u64> {
        match self.plan.keys() {
            KeyPlan::Full | KeyPlan::Ranges(_) => core.engine.scan(pin, from, budget, visit),
            KeyPlan::Nothing => None,
            KeyPlan::Points(points) => {
                let mut shown = 0;
                let mut last = None;
                let first = self.keys.partition_point(|(hash, _)| *hash < from);
                for (hash, key) in &self.keys[first..] {
                    // Keys with the same hash are not parted, as that is the position.
                    if shown >= budget && last != Some(*hash) {
                        return Some(*hash);
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
}

impl Table {
    /// Who asks, for `{self}`.
    pub(super) fn asker(&self) -> Pid {
        owner_pid(self.who)
    }

    /// Shows each object that a specification accepts, with the clause that did.
    pub(super) fn accepted<'s>(
        &self,
        spec: &'s MatchSpec,
        mut visit: impl FnMut(&mut Machine<'s>, &Code, &Subject<'_>) -> Result<()>,
    ) -> Result<()> {
        let route = Route::of(&self.core, spec);
        let mut machine = spec.machine(self.asker());
        let mut next = Some(0);
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
        from: u64,
        budget: usize,
        machine: &mut Machine<'s>,
        mut visit: impl FnMut(&mut Machine<'s>, &Code, &Subject<'_>) -> Result<()>,
    ) -> Result<Option<u64>> {
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
