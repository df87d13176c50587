//! What whoever started a run can ask of it while it goes on, whoever carries it out.

use crate::revision::{Revised, Revision};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// More stops than this are not counted: two already abort.
const STOPS_MAX: u8 = 100;
/// Where the number of revisions begins in the word.
const COUNT_SHIFT: u32 = 8;
/// The most revisions of one run.
pub const REVISIONS_MAX: usize = 1_000;

/// A handle on a run, which any thread may hold. Copies speak of the same run.
#[derive(Clone, Debug, Default)]
pub struct Orders(Arc<OrderBook>);

#[derive(Debug)]
struct OrderBook {
    /// How often it was asked to stop, in the lowest byte, and above it how many of the revisions below there are: shards look at it in
    /// each of their turns.
    word: AtomicU64,
    /// The moment of the start by the clock of the shards; 0 before it is known.
    start_ns: AtomicU64,
    /// Written once each, in their order, and never changed: so whoever reads them waits for nobody.
    revisions: Box<[OnceLock<OrderedRevision>]>,
    /// Held by whoever adds one.
    adding: Mutex<()>,
}

/// A revision, and what has become by it of what it changes.
#[derive(Clone, Debug)]
pub struct OrderedRevision {
    /// Which scenario's; none where it is of the run as a whole.
    pub scenario: Option<usize>,
    /// As reports have it.
    pub revision: Revision,
    /// What holds from now on, and from which moment.
    pub revised: Revised,
}

/// There have been as many revisions as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRevisions;

/// What is asked of a run at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenOrders(u64);

impl GivenOrders {
    /// Whether to go on.
    #[inline]
    pub fn order(self) -> Order {
        match self.0 as u8 {
            0 => Order::Run,
            1 => Order::Drain,
            _ => Order::Abort,
        }
    }

    /// How many revisions there have been.
    #[inline]
    pub fn revision_count(self) -> usize {
        (self.0 >> COUNT_SHIFT) as usize
    }
}

/// What a run is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    Run,
    /// Send nothing new, let what is under way finish.
    Drain,
    /// Stop at once.
    Abort,
}

impl Default for OrderBook {
    fn default() -> OrderBook {
        OrderBook {
            word: AtomicU64::new(0),
            start_ns: AtomicU64::new(0),
            revisions: (0..REVISIONS_MAX).map(|_| OnceLock::new()).collect(),
            adding: Mutex::new(()),
        }
    }
}

impl Orders {
    /// Asks for a drain the first time, for an abort after that.
    pub fn stop(&self) {
        let count = |word: u64| ((word as u8) < STOPS_MAX).then_some(word + 1);
        // An error means that it was asked for often enough.
        let _ = self.0.word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
    }

    /// What is asked now.
    #[inline]
    pub fn order(&self) -> Order {
        self.given().order()
    }

    /// All that is asked now.
    #[inline]
    pub fn given(&self) -> GivenOrders {
        GivenOrders(self.0.word.load(Ordering::Acquire))
    }

    /// Sending begins at this moment of the shards' clock.
    pub fn start_at(&self, start_ns: u64) {
        self.0.start_ns.store(start_ns.max(1), Ordering::Release);
    }

    /// The moment at which sending begins, once it is known.
    #[inline]
    pub fn start_ns(&self) -> Option<u64> {
        Some(self.0.start_ns.load(Ordering::Acquire)).filter(|&ns| ns > 0)
    }

    /// Orders a revision, whose cut lies ahead of every shard.
    pub fn revise(&self, ordered: OrderedRevision) -> Result<(), TooManyRevisions> {
        let _adding = self.0.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.revision_count();
        let place = self.0.revisions.get(count).ok_or(TooManyRevisions)?;
        place.set(ordered).map_err(|_| TooManyRevisions)?;
        self.0.word.fetch_add(1 << COUNT_SHIFT, Ordering::Release);
        Ok(())
    }

    /// How many revisions there have been.
    pub fn revision_count(&self) -> usize {
        self.given().revision_count()
    }

    /// The revisions from one on, in the order in which they were asked for.
    pub fn revisions_from(&self, first: usize) -> impl Iterator<Item = &OrderedRevision> {
        let count = self.revision_count();
        self.0.revisions[..count].iter().skip(first).filter_map(OnceLock::get)
    }

    /// All of them, as reports have them.
    pub fn revisions(&self) -> Vec<Revision> {
        self.revisions_from(0).map(|ordered| ordered.revision.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Rate;
    use crate::revision::{Change, ChangeAsker};
    use crate::schedule::Schedule;

    #[test]
    fn the_second_stop_aborts_and_so_does_any_further_one() {
        let orders = Orders::default();
        assert_eq!(orders.order(), Order::Run);
        orders.clone().stop();
        assert_eq!(orders.order(), Order::Drain);
        orders.stop();
        assert_eq!(orders.order(), Order::Abort);
        (0..1_000).for_each(|_| orders.stop());
        assert_eq!((orders.order(), orders.revision_count()), (Order::Abort, 0));
    }

    #[test]
    fn revisions_are_read_in_their_order_and_are_no_more_than_there_may_be() {
        let orders = Orders::default();
        let ordered = |cut_ns| OrderedRevision {
            scenario: Some(0),
            revision: Revision {
                scenario: "s".into(),
                asked_ns: 0,
                cut_ns,
                change: Change::Rate(Rate::ZERO),
                by: ChangeAsker::Control,
            },
            revised: Revised::Schedule(Schedule::new(0, &[]).unwrap()),
        };
        let all = REVISIONS_MAX as u64;
        assert!((0..all).all(|cut_ns| orders.revise(ordered(cut_ns)).is_ok()));
        assert_eq!(orders.revise(ordered(all)), Err(TooManyRevisions));
        let last: Vec<u64> = orders.revisions_from(998).map(|ordered| ordered.revision.cut_ns).collect();
        assert_eq!((last, orders.revision_count()), (vec![998, 999], REVISIONS_MAX));
    }
}
