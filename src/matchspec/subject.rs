//! What a specification is put to: a stored object or any term.

use crate::error::Result;
use crate::term::{Object, ObjectRef, SMALL_OBJECT, Tag, Term, TermRef, Word};

/// Something to match, and where its elements are if it is a tuple.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    heap: &'a [u64],
    root: Word,
    elements: &'a [u64],
    object: Option<ObjectRef<'a>>,
    /// The position, counted from one, of an element that lies outside of the heap; zero for none.
    counted: u32,
    counter: Word,
}

impl<'a> Subject<'a> {
    #[inline]
    pub(crate) fn object(object: ObjectRef<'a>) -> Self {
        let heap = object.words();
        let arity = object.arity();
        let (counted, counter) = object.counter();
        Self {
            heap,
            root: Word::boxed(Tag::Tuple, 0, arity),
            elements: &heap[..arity],
            object: Some(object),
            counted,
            counter,
        }
    }

    pub(crate) fn term(term: TermRef<'a>) -> Self {
        let (heap, root) = (term.heap(), term.word());
        let elements = match root.tag() {
            Tag::Tuple => &heap[root.offset()..root.offset() + root.len()],
            _ => &[],
        };
        Self { heap, root, elements, object: None, counted: 0, counter: Word::NIL }
    }

    #[inline]
    pub(super) fn heap(&self) -> &'a [u64] {
        self.heap
    }

    #[inline]
    pub(super) fn root(&self) -> Word {
        self.root
    }

    /// Whether the words of the heap are not all that there is to it.
    #[inline]
    pub(super) fn is_counted(&self) -> bool {
        self.counted != 0
    }

    /// Whether it is a tuple of so many elements.
    #[inline]
    pub(super) fn has_arity(&self, arity: u32) -> bool {
        self.root.tag() == Tag::Tuple && self.root.len() == arity as usize
    }

    /// The element at an index that the head has made sure of.
    #[inline]
    pub(super) fn element(&self, index: u32) -> Word {
        if self.counted == index + 1 { self.counter } else { Word(self.elements[index as usize]) }
    }

    /// All elements.
    pub(super) fn elements(&self) -> impl Iterator<Item = Word> {
        (0..self.elements.len() as u32).map(|at| self.element(at))
    }

    #[inline]
    pub(crate) fn part(&self, word: Word) -> TermRef<'a> {
        TermRef::new(self.heap, word)
    }

    /// The whole where it lies, if it lies in one place.
    pub(crate) fn whole(&self) -> Option<TermRef<'a>> {
        (!self.is_counted()).then(|| self.part(self.root))
    }

    /// A part where it lies, if its copy costs less than to keep the object: of a small one.
    pub(crate) fn small_part(&self, word: Word) -> Option<TermRef<'a>> {
        let is_small = self.heap.len() <= SMALL_OBJECT && !self.is_counted();
        (is_small && !word.is_immediate()).then(|| self.part(word))
    }

    /// The stored object that it is, to keep.
    pub(crate) fn to_object(self) -> Option<Result<Object>> {
        self.object.map(ObjectRef::to_object)
    }

    /// The whole, to keep. An object is not copied.
    pub(crate) fn to_term(self) -> Result<Term> {
        match self.object {
            Some(object) => object.to_term(),
            None => self.part(self.root).to_term(),
        }
    }

    /// A part, to keep. A part of an object keeps the object.
    #[inline]
    pub(crate) fn part_to_term(self, word: Word) -> Result<Term> {
        match self.object {
            _ if word.is_immediate() => Ok(Term::immediate(word)),
            Some(object) => Ok(Term::part_of(object.to_object()?, word)),
            None => self.part(word).to_term(),
        }
    }
}
