//! Blocks of all shapes: what is put in comes out, and the memory goes back.

use crate::raw::block::{Block, BlockRef, Extra, Position};

fn check(block: BlockRef<'_>, arity: usize, words: &[u64], extra: Extra) {
    assert_eq!((block.hash(), block.arity(), block.words()), (9, arity, words));
    assert_eq!(block.lease(), extra.lease);
    assert_eq!(block.cell().map(|cell| (cell.position(), cell.get())), extra.cell);
    for position in 0..=arity + 1 {
        let word = position.checked_sub(1).filter(|at| *at < arity).map(|at| words[at]);
        assert_eq!(block.element(Position::new(position)), word, "{position} of {arity}");
    }
}

#[test]
fn all_shapes_keep_what_they_are_given() {
    for (arity, len) in [(0, 0), (1, 1), (3, 5), (0xff, 0xff), (0x100, 0x100), (2, 1 << 14)] {
        let words: Vec<u64> = (1..=len).collect();
        for (cell, lease) in [(false, false), (true, false), (false, true), (true, true)] {
            let extra = Extra { cell: cell.then_some((1, 77)), lease: lease.then_some(88) };
            let block = Block::with(9, arity, &words, extra).unwrap();
            check(block.borrow(), arity as usize, &words, extra);
            // There and back again, as an index does it; a clone outlives the first.
            let (clone, raw) = (block.clone(), block.into_raw());
            // SAFETY: from `into_raw`, and its reference is not given up yet.
            check(unsafe { BlockRef::from_raw(raw) }, arity as usize, &words, extra);
            // SAFETY: from `into_raw`, and not used again.
            drop(unsafe { Block::from_raw(raw) });
            if let Some(cell) = clone.borrow().cell() {
                std::thread::scope(|scope| {
                    scope.spawn(|| cell.set(78)).join().unwrap();
                });
                assert_eq!(cell.get(), 78);
            }
            assert_eq!((clone.borrow().refs(), clone.borrow().words()), (1, &words[..]));
        }
        check(
            Block::new(9, arity, &words).unwrap().borrow(),
            arity as usize,
            &words,
            Extra::default(),
        );
    }
}
