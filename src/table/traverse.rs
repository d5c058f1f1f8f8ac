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
use crate::matchspec::{Code, KeyPlan, Machine, MatchSpec, Subject};
use crate::raw::reclaim::{Pin, pin};
use crate::term::{ObjectRef, Pid, Term};

/// Objects that are looked at before memory is given back and rights are checked again.
pub(super) const STEP: usize = 1_000;

/// Which objects are looked at.
pub(super) enum Route {
    /// All of them.
    All,
    /// Those of these keys, which are in the order of their hashes and different.
    Keys(SmallVec<[(u64, Term); 1]>),
}

impl Route {
    /// The objects that a specification can accept.
    pub(super) fn of(core: &TableCore, spec: &MatchSpec) -> Self {
        let hashed = |key: &Term| (core.hasher.hash(key.as_ref()), key.clone());
        match spec.plan(core.options.keypos, false).keys() {
            KeyPlan::Full | KeyPlan::Ranges(_) => Self::All,
            KeyPlan::Nothing => Self::Keys(SmallVec::new()),
            KeyPlan::Points(points) => {
                let mut keys: SmallVec<_> = points.iter().map(hashed).collect();
                keys.sort_by_key(|(hash, _)| *hash);
                Self::Keys(keys)
            }
        }
    }

    /// Whether it leads to a few keys instead of through the table.
    pub(super) fn is_bound(&self) -> bool {
        matches!(self, Self::Keys(_))
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
        match self {
            Self::All => core.engine.scan(pin, from, budget, visit),
            Self::Keys(keys) => {
                let mut shown = 0;
                let mut last = None;
                for (hash, key) in keys.iter().skip_while(|(hash, _)| *hash < from) {
                    if shown >= budget && last != Some(*hash) {
                        return Some(*hash);
                    }
                    let key = Key { term: key.as_ref(), hash: *hash };
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
        route: &Route,
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
