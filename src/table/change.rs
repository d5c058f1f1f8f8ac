//! Questions that change what they find: `select_delete`, `select_replace`, `match_delete`.
//!
//! What is to change is found without a lock, some objects at a time. Then each is changed if it is
//! still what was found; if not, the question is put to what is there now. So each object is
//! deleted or replaced as it is at that instant, and no lock is held while a specification runs.

use super::Table;
use super::core::{Key, Need};
use super::engine::Mark;
use super::traverse::{Route, STEP};
use crate::error::{Error, ErrorKind, Result};
use crate::matchspec::{Machine, MatchSpec, Subject};
use crate::raw::block::Block;
use crate::raw::reclaim::{collect, pin};
use crate::term::{Atom, Object, Term, TermRef};

impl Table {
    /// Deletes the objects that a specification gives exactly `true` for, and says how many.
    ///
    /// Each object in an instant of its own; all at once for `[{'_', [], [true]}]`.
    ///
    /// ```
    /// # use ferrets::{Kind, MatchSpec, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([(1, 10), (1, 20), (2, 30)])?;
    /// let old: MatchSpec = "[{{'_','$1'}, [{'<','$1',25}], [true]}]".parse()?;
    /// assert_eq!(t.select_delete(&old)?, 2);
    /// assert_eq!(t.len()?, 1);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select), for one who may not write.
    #[doc(alias = "ets:select_delete/2")]
    pub fn select_delete(&self, spec: &MatchSpec) -> Result<usize> {
        self.check(Need::Write)?;
        if spec.is_everything() {
            let cleared = self.core.engine.clear(&pin());
            let count = self.done(cleared)?;
            collect();
            return Ok(count);
        }
        let mut count = 0;
        self.changing(spec, |table, machine, object| {
            count += table.delete_found(machine, object)?;
            Ok(())
        })?;
        Ok(count)
    }

    /// Deletes the objects that match a pattern, and says how many.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, term, tuple};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Bag))?;
    /// t.insert_list([(1, "red"), (1, "blue"), (2, "red")])?;
    /// assert_eq!(t.match_delete(&term!({:_, "red"}))?, 2);
    /// assert_eq!(t.tab2list()?, [tuple!(1, "blue")]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select_delete`](Self::select_delete); [`BadMatchSpec`](ErrorKind::BadMatchSpec) for a
    /// variable as key of a map.
    #[doc(alias = "ets:match_delete/2")]
    pub fn match_delete(&self, pattern: &Term) -> Result<usize> {
        self.check(Need::Write)?;
        self.select_delete(&MatchSpec::of_pattern(pattern, Term::from(Atom::TRUE))?)
    }

    /// Puts what a specification gives in the place of each object that it accepts, and says how
    /// many were replaced. For sets and duplicate_bags, where the copies of a key keep their order.
    ///
    /// Every clause must show that the key stays: see ETS's rules. Each object is replaced in an
    /// instant of its own, if it is still accepted then; those of one key of a duplicate_bag
    /// together.
    ///
    /// ```
    /// # use ferrets::{Kind, MatchSpec, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, 10), (2, 20)])?;
    /// let spec: MatchSpec = "[{{'$1','$2'}, [{'>','$2',15}], [{{'$1',{'+','$2',1}}}]}]".parse()?;
    /// assert_eq!(t.select_replace(&spec)?, 1);
    /// assert_eq!(t.lookup_element(2, 2)?, 21);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select_delete`](Self::select_delete); [`WrongKind`](ErrorKind::WrongKind) for bags;
    /// [`BadMatchSpec`](ErrorKind::BadMatchSpec) where a key may change.
    #[doc(alias = "ets:select_replace/2")]
    pub fn select_replace(&self, spec: &MatchSpec) -> Result<usize> {
        self.check(Need::Write)?;
        self.check_replaceable()?;
        spec.keeps_key(self.keypos())?;
        let mut count = 0;
        let mut done: Option<Term> = None;
        self.changing(spec, |table, machine, object| {
            if table.core.engine.as_set().is_some() {
                count += usize::from(table.replace_found(machine, object)?);
                return Ok(());
            }
            // The objects of a key come together, and are replaced together.
            let Some(key) = object.element(table.keypos()) else { return Ok(()) };
            if done.as_ref().is_none_or(|done| *done != key) {
                count += table.replace_of_key(machine, key)?;
                done = Some(key.to_term()?);
            }
            Ok(())
        })?;
        Ok(count)
    }

    /// Whether the kind of table has `select_replace`.
    pub(crate) fn check_replaceable(&self) -> Result<()> {
        if self.kind() == super::Kind::Bag {
            let message = format!("table `{}` is a bag: select_replace needs a set", self.name());
            return Err(Error::new(ErrorKind::WrongKind, message));
        }
        Ok(())
    }

    /// Shows the objects that a specification accepts, owned and under no pin.
    fn changing<'s>(
        &self,
        spec: &'s MatchSpec,
        mut change: impl FnMut(&Self, &mut Machine<'s>, &Object) -> Result<()>,
    ) -> Result<()> {
        let route = Route::of(&self.core, self.core.plan(spec), false);
        let mut machine = spec.machine(self.asker());
        let mut found = Vec::new();
        let mut next = Some(Mark::Start);
        while let Some(from) = next {
            next = self.step_along(&route, from, STEP, &mut machine, |_, _, subject| {
                found.extend(subject.to_object().transpose()?);
                Ok(())
            })?;
            for object in found.drain(..) {
                change(self, &mut machine, &object)?;
            }
            self.check(Need::Write)?;
        }
        Ok(())
    }

    fn key_of<'o>(&self, object: &'o Object) -> Key<'o> {
        let key = object.element(self.keypos());
        // Every object of a table has its key.
        self.core.key(key.unwrap_or(TermRef::atom(Atom::UNDEFINED)))
    }

    /// The only object of a key as it is now.
    fn present(&self, key: Key<'_>) -> Result<Option<Object>> {
        let pin = pin();
        self.core.engine.first_of(&pin, key).map(|object| object.to_object()).transpose()
    }

    /// Deletes an object if the specification says so of what is there now.
    fn delete_found(&self, machine: &mut Machine<'_>, found: &Object) -> Result<usize> {
        let mut object = found.clone();
        loop {
            let subject = Subject::object(object.as_ref());
            let Some(code) = machine.clause(&subject)? else { return Ok(0) };
            if !machine.is_true(code, &subject)? {
                return Ok(0);
            }
            let deleted = self.done(self.core.engine.delete_exactly(&pin(), object.block()))?;
            if deleted > 0 || self.core.engine.as_set().is_none() {
                return Ok(deleted);
            }
            let Some(present) = self.present(self.key_of(found))? else { return Ok(0) };
            object = present;
        }
    }

    /// Replaces an object of a set by what the specification gives for what is there now.
    fn replace_found(&self, machine: &mut Machine<'_>, found: &Object) -> Result<bool> {
        let Some(set) = self.core.engine.as_set() else { return Ok(false) };
        let mut object = found.clone();
        loop {
            let Some(new) = self.replacement(machine, &object)? else { return Ok(false) };
            let (key, old) = (self.key_of(found), Some(object.as_ref()));
            if self.done(set.exchange(&pin(), key, old, Some(new)))? {
                return Ok(true);
            }
            let Some(present) = self.present(self.key_of(found))? else { return Ok(false) };
            object = present;
        }
    }

    /// What takes the place of an object, if the specification accepts it.
    fn replacement(&self, machine: &mut Machine<'_>, object: &Object) -> Result<Option<Block>> {
        let subject = Subject::object(object.as_ref());
        let Some(code) = machine.clause(&subject)? else { return Ok(None) };
        let new = self.core.block(&machine.term(code, &subject)?)?;
        let kept = new.borrow().hash() == object.block().borrow().hash();
        assert!(kept, "the specification has proved that it keeps the key");
        Ok(Some(new))
    }

    /// Replaces those objects of a key in a duplicate_bag that the specification accepts.
    fn replace_of_key(&self, machine: &mut Machine<'_>, key: TermRef<'_>) -> Result<usize> {
        let key = self.core.key(key);
        loop {
            let old = self.core.engine.lookup(&pin(), key)?;
            let mut count = 0;
            let mut new = Vec::with_capacity(old.len());
            for object in old.iter() {
                let replacement = self.replacement(machine, object)?;
                count += usize::from(replacement.is_some());
                new.push(replacement.unwrap_or_else(|| object.block().clone()));
            }
            if count == 0 || self.done(self.core.engine.exchange_all(&pin(), key, &old, new))? {
                return Ok(count);
            }
        }
    }
}
