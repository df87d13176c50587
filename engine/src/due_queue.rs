//! What is due, earliest first. What comes in order, as nearly all does, is kept in that order and costs a few instructions; what does
//! not is kept in a heap beside it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Things that are due, by their order: the least of them is next.
#[derive(Clone, Debug)]
pub(crate) struct DueQueue<T> {
    /// None of these is less than the one before it.
    in_order: VecDeque<T>,
    others: BinaryHeap<Reverse<T>>,
}

impl<T: Ord + Copy> DueQueue<T> {
    /// An empty one.
    pub(crate) fn new() -> DueQueue<T> {
        DueQueue { in_order: VecDeque::new(), others: BinaryHeap::new() }
    }

    /// Adds one.
    #[inline]
    pub(crate) fn push(&mut self, due: T) {
        match self.in_order.back() {
            Some(last) if due < *last => self.others.push(Reverse(due)),
            _ => self.in_order.push_back(due),
        }
    }

    /// The least, which stays.
    #[inline]
    pub(crate) fn peek(&self) -> Option<T> {
        match (self.in_order.front(), self.others.peek()) {
            (Some(first), Some(Reverse(other))) => Some(*first.min(other)),
            (first, None) => first.copied(),
            (None, Some(Reverse(other))) => Some(*other),
        }
    }

    /// Takes the least.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        match (self.in_order.front(), self.others.peek()) {
            (Some(first), Some(Reverse(other))) if other < first => {}
            (None, _) => {}
            _ => return self.in_order.pop_front(),
        }
        self.others.pop().map(|Reverse(other)| other)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.in_order.is_empty() && self.others.is_empty()
    }

    /// Forgets all of them and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.in_order.clear();
        self.others.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_comes_out_is_what_comes_out_of_a_heap(
            // Pushes of a number that is a little more than the last, or anything; and pops.
            steps in proptest::collection::vec(
                prop_oneof![(0_u64..4).prop_map(|more| Some((true, more))), (0_u64..60).prop_map(|any| Some((false, any))), Just(None)],
                0..200,
            ),
        ) {
            let (mut ours, mut heap, mut last) = (DueQueue::new(), BinaryHeap::new(), 0);
            for (order, step) in (0_u64..).zip(steps) {
                match step {
                    Some((is_more, number)) => {
                        last = if is_more { last + number } else { number };
                        ours.push((last, order));
                        heap.push(Reverse((last, order)));
                    }
                    None => {
                        prop_assert_eq!(ours.peek(), heap.peek().map(|Reverse(least)| *least));
                        prop_assert_eq!(ours.pop(), heap.pop().map(|Reverse(least)| least));
                    }
                }
                prop_assert_eq!(ours.is_empty(), heap.is_empty());
            }
            ours.clear();
            prop_assert!(ours.is_empty() && ours.peek().is_none() && ours.pop().is_none());
        }
    }
}
