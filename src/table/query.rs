//! What ETS leaves to the caller: filters by closures, sorted results, counts and sums by groups.

use std::collections::{BinaryHeap, HashMap};

use super::Table;
use super::integer::Integer;
use crate::error::{Error, ErrorKind, Result};
use crate::matchspec::MatchSpec;
use crate::term::{Object, ObjectRef, Term, TermRef};

/// A term, to keep; what is one word costs nothing.
fn own(term: TermRef<'_>) -> Result<Term> {
    let word = term.word();
    if word.is_immediate() { Ok(Term::immediate(word)) } else { term.to_term() }
}

impl Table {
    /// The objects for which a closure says `true`, owned, in the order of
    /// [`select`](Self::select).
    ///
    /// `f` gets them borrowed, and runs [pinned](Self::read). O(objects).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, "red"), (2, "blue"), (3, "green")])?;
    /// let found = t.filter(|object| {
    ///     object.element(2).and_then(|colour| colour.as_str()).is_some_and(|s| s.len() > 4)
    /// })?;
    /// assert_eq!(found[0].decode::<(u8, &str)>()?, (3, "green"));
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn filter(&self, mut f: impl FnMut(ObjectRef<'_>) -> bool) -> Result<Vec<Object>> {
        let (mut found, mut failed) = (Vec::new(), None);
        self.read(|view| {
            view.for_each(|object| {
                if f(object) {
                    match object.to_object() {
                        Ok(object) => found.push(object),
                        Err(error) => failed = Some(error),
                    }
                }
            });
        })?;
        failed.map_or(Ok(found), Err)
    }

    /// The first `limit` results of a specification in the order of terms, sorted. Keeps no more
    /// than that many at a time: O(objects log limit).
    ///
    /// To sort by something, let the results begin with it, as tuples of one size.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, spec, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([("ann", 36), ("bob", 25), ("eve", 41)])?;
    /// let by_age = spec!(|{name, age}| => (age, name))?;
    /// assert_eq!(t.select_least(&by_age, 2)?, [term!({25, "bob"}), term!({36, "ann"})]);
    /// assert_eq!(t.select_greatest(&by_age, 1)?, [term!({41, "eve"})]);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_least(&self, spec: &MatchSpec, limit: usize) -> Result<Vec<Term>> {
        // The greatest on top, which goes first.
        let heap = BinaryHeap::<Term>::new();
        let kept = self.select_fold(spec, Ok(heap), |heap: Result<_>, result| {
            let mut heap = heap?;
            let is_full = heap.len() >= limit;
            if is_full && heap.peek().is_none_or(|worst| result >= worst.as_ref()) {
                return Ok(heap);
            }
            heap.push(own(result)?);
            if is_full {
                heap.pop();
            }
            Ok(heap)
        })??;
        Ok(kept.into_sorted_vec())
    }

    /// The last `limit` results in the order of terms, the greatest first. As
    /// [`select_least`](Self::select_least).
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, spec, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([("ann", 36), ("bob", 25), ("eve", 41)])?;
    /// let ages = spec!(|{_, age}| => age)?;
    /// assert_eq!(t.select_greatest(&ages, 2)?, [term!(41), term!(36)]);
    /// assert_eq!(t.select_greatest(&ages, 9)?.len(), 3);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_greatest(&self, spec: &MatchSpec, limit: usize) -> Result<Vec<Term>> {
        use std::cmp::Reverse;
        let heap = BinaryHeap::<Reverse<Term>>::new();
        let kept = self.select_fold(spec, Ok(heap), |heap: Result<_>, result| {
            let mut heap = heap?;
            let is_full = heap.len() >= limit;
            if is_full && heap.peek().is_none_or(|Reverse(worst)| result <= worst.as_ref()) {
                return Ok(heap);
            }
            heap.push(Reverse(own(result)?));
            if is_full {
                heap.pop();
            }
            Ok(heap)
        })??;
        Ok(kept.into_sorted_vec().into_iter().map(|Reverse(term)| term).collect())
    }

    /// How often a specification gives each of its results.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, spec, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, "red"), (2, "blue"), (3, "red")])?;
    /// let counts = t.select_groups(&spec!(|{_, colour}| => colour)?)?;
    /// assert_eq!(counts[&term!("red")], 2);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_groups(&self, spec: &MatchSpec) -> Result<HashMap<Term, usize>> {
        self.select_fold(spec, Ok(HashMap::new()), |groups: Result<HashMap<_, _>>, result| {
            let mut groups = groups?;
            *groups.entry(own(result)?).or_insert(0) += 1;
            Ok(groups)
        })?
    }

    /// The sums by groups, for a specification whose results are pairs of group and integer.
    ///
    /// ```
    /// # use ferrets::{Kind, Store, TableOptions, spec, term};
    /// # let store = Store::new();
    /// # let owner = store.owner();
    /// # let t = owner.new_table("t", TableOptions::new(Kind::Set))?;
    /// t.insert_list([(1, "red", 10), (2, "blue", 5), (3, "red", 7)])?;
    /// let sums = t.select_sums(&spec!(|{_, colour, n}| => (colour, n))?)?;
    /// assert_eq!(sums[&term!("red")], 17);
    /// # Ok::<(), ferrets::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`select`](Self::select); [`NotAnInteger`](ErrorKind::NotAnInteger) for another result.
    pub fn select_sums(&self, spec: &MatchSpec) -> Result<HashMap<Term, Integer>> {
        self.select_fold(spec, Ok(HashMap::new()), |sums: Result<HashMap<_, _>>, result| {
            let mut sums = sums?;
            let pair = result.as_tuple().filter(|pair| pair.len() == 2);
            let group = pair.and_then(|pair| pair.get(0));
            let number = pair.and_then(|pair| pair.get(1)).and_then(Integer::of);
            let (Some(group), Some(number)) = (group, number) else {
                let message = format!("{result} is no pair of a group and an integer");
                return Err(Error::new(ErrorKind::NotAnInteger, message));
            };
            let sum = sums.entry(own(group)?).or_insert_with(|| Integer::from(0));
            *sum = std::mem::replace(sum, Integer::from(0)) + &number;
            Ok(sums)
        })?
    }
}
