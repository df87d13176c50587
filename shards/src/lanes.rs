//! What passes between a shard and the rest of the process: full recorders one way, empty ones back, and some words.
//!
//! The lanes are bounded and lock-free. A lane holds every recorder there is, so handing one over cannot fail for want of room,
//! only for want of an empty one to go on with; the shard then keeps writing into the one it has. At the bounds of the measured
//! window it must not: a slice that spans a bound cannot be told apart into what belongs to the window and what does not. So
//! there is a recorder in reserve for each.

use crate::clock::monotonic_ns;
use crossbeam::queue::ArrayQueue;
use engine::orders::{GivenOrders, Order, OrderedRevision, Orders, TooManyRevisions};
use engine::phase::Phases;
use engine::quantity::MILLISECOND_NS;
use engine::record::{Layout, Recorder};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How far ahead of now a bound of the window is set, in time and in slices.
const AHEAD_NS: u64 = 600 * MILLISECOND_NS;
const AHEAD_SLICES: u64 = 3;
/// Recorders per shard: one being written, one under way, one being merged.
const RECORDERS: usize = 3;
/// Recorders in reserve, for the beginning and the end of the window. They take memory as they need it: one is used only when the
/// collector is late by two slices, and then a slice that spans a bound would be worse than a loop that allocates.
const RESERVE: usize = 2;

/// A shard's end of its lanes.
pub struct ShardLane {
    full: Arc<ArrayQueue<Box<Recorder>>>,
    empty: Arc<ArrayQueue<Box<Recorder>>>,
    reserve: [Option<Box<Recorder>>; RESERVE],
}

/// The collector's end.
pub struct CollectorLane {
    full: Arc<ArrayQueue<Box<Recorder>>>,
    empty: Arc<ArrayQueue<Box<Recorder>>>,
}

/// The lanes of one shard, and its first recorder.
pub fn lane(shard: usize, layout: &Layout, phases: Phases) -> (ShardLane, CollectorLane, Box<Recorder>) {
    let queue = || Arc::new(ArrayQueue::new(RECORDERS + RESERVE));
    let (full, empty) = (queue(), queue());
    let recorder = || Box::new(Recorder::new(shard, layout, phases));
    for _ in 1..RECORDERS {
        assert!(empty.push(recorder()).is_ok(), "the lane holds every recorder there is");
    }
    let reserve = std::array::from_fn(|_| Some(Box::new(Recorder::growing(shard, layout, phases))));
    let shard_lane = ShardLane { full: full.clone(), empty: empty.clone(), reserve };
    (shard_lane, CollectorLane { full, empty }, recorder())
}

impl ShardLane {
    /// Hands a full recorder over and puts an empty one in its place. False, and nothing changes, without an empty one.
    pub fn swap(&self, recorder: &mut Box<Recorder>) -> bool {
        self.hand_over(recorder, self.empty.pop())
    }

    /// The same at a bound of the measured window, where one of the reserve is taken if there is no empty one.
    pub fn swap_at_bound(&mut self, recorder: &mut Box<Recorder>) -> bool {
        let empty = self.empty.pop().or_else(|| self.reserve.iter_mut().find_map(Option::take));
        self.hand_over(recorder, empty)
    }

    fn hand_over(&self, recorder: &mut Box<Recorder>, empty: Option<Box<Recorder>>) -> bool {
        let Some(empty) = empty else { return false };
        let full = std::mem::replace(recorder, empty);
        assert!(self.full.push(full).is_ok(), "the lane holds every recorder there is");
        true
    }
}

impl CollectorLane {
    /// The next full recorder, if one has come.
    pub fn pop(&self) -> Option<Box<Recorder>> {
        self.full.pop()
    }

    /// Empties a recorder and gives it back.
    pub fn give_back(&self, mut recorder: Box<Recorder>) {
        let to_ns = recorder.to_ns;
        recorder.clear(to_ns);
        assert!(self.empty.push(recorder).is_ok(), "the lane holds every recorder there is");
    }
}

/// The words a shard listens to. Written a handful of times in a run; reading them is a load of a line that stays in
/// the shard's cache.
#[derive(Debug, Default)]
pub struct Control {
    measure_from_ns: AtomicU64,
    measure_to_ns: AtomicU64,
    orders: Orders,
}

impl Control {
    /// The control of a run whose caller gives orders.
    pub fn new(orders: Orders) -> Control {
        Control { orders, ..Control::default() }
    }

    /// Lets all shards start at the same moment of CLOCK_MONOTONIC.
    pub fn start_at(&self, start_ns: u64) {
        self.orders.start_at(start_ns);
    }

    /// The moment to start, once it is known.
    pub fn start_ns(&self) -> Option<u64> {
        self.orders.start_ns()
    }

    /// The moment to start in nanoseconds since 1970, once it is known; to what the two clocks are apart in reading them.
    pub fn started_unix_ns(&self) -> Option<u64> {
        let since_start_ns = monotonic_ns() as i128 - i128::from(self.start_ns()?);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_nanos() as i128 - since_start_ns).ok()
    }

    /// Lets the measured window begin at this instant from the start of the run, which must lie ahead of every shard.
    pub fn measure_from(&self, from_ns: u64) {
        self.measure_from_ns.store(from_ns.max(1), Ordering::Relaxed);
    }

    /// Where the measured window begins, once that was decided in the run.
    #[inline]
    pub fn measure_from_ns(&self) -> Option<u64> {
        Some(self.measure_from_ns.load(Ordering::Relaxed)).filter(|&ns| ns > 0)
    }

    /// Asks for a drain the first time, for an abort after that.
    pub fn stop(&self) {
        self.orders.stop();
    }

    /// Lets the measured window end at this instant from the start of the run, which must lie ahead of every shard.
    pub fn measure_to(&self, to_ns: u64) {
        self.measure_to_ns.store(to_ns.max(1), Ordering::Relaxed);
    }

    /// Where the measured window ends, once that was decided in the run.
    #[inline]
    pub fn measure_to_ns(&self) -> Option<u64> {
        Some(self.measure_to_ns.load(Ordering::Relaxed)).filter(|&ns| ns > 0)
    }

    /// An instant of the run that lies ahead of every shard, on a bound of slices, when the last slice seen ended at `seen_ns`.
    /// A shard listens each turn, and a turn lasts a slice at the most; but machines can be busy.
    pub fn ahead_ns(&self, seen_ns: u64, slice_ns: u64) -> u64 {
        let elapsed_ns = self.start_ns().map_or(0, |start_ns| monotonic_ns().saturating_sub(start_ns));
        let ahead_ns = AHEAD_NS.max(AHEAD_SLICES * slice_ns);
        (seen_ns.max(elapsed_ns) + ahead_ns).next_multiple_of(slice_ns)
    }

    /// What is asked now.
    #[inline]
    pub fn order(&self) -> Order {
        self.orders.order()
    }

    /// Orders a revision of the load, as whoever started the run would.
    pub(crate) fn revise(&self, ordered: OrderedRevision) -> Result<(), TooManyRevisions> {
        self.orders.revise(ordered)
    }

    /// All that is asked now.
    #[inline]
    pub fn given(&self) -> GivenOrders {
        self.orders.given()
    }

    /// The revisions from one on.
    pub fn revisions_from(&self, first: usize) -> impl Iterator<Item = &OrderedRevision> {
        self.orders.revisions_from(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_without_an_empty_recorder_keeps_its_own() {
        let phases = Phases { measure_from_ns: 0, measure_to_ns: 1 };
        let (shard, collector, mut recorder) = lane(0, &Layout::new([1]), phases);
        assert!(shard.swap(&mut recorder) && shard.swap(&mut recorder));
        recorder.stats.turns = 7;
        assert!(!shard.swap(&mut recorder));
        assert_eq!(recorder.stats.turns, 7);
        collector.give_back(collector.pop().unwrap());
        assert!(shard.swap(&mut recorder));
        assert_eq!(
            std::iter::from_fn(|| collector.pop()).map(|recorder| recorder.stats.turns).sum::<u64>(),
            7
        );
    }

    #[test]
    fn at_the_bounds_of_the_window_there_is_a_recorder_whatever_the_collector_does() {
        let phases = Phases { measure_from_ns: 1, measure_to_ns: 2 };
        let (mut shard, collector, mut recorder) = lane(0, &Layout::new([1]), phases);
        while shard.swap(&mut recorder) {}
        assert!(shard.swap_at_bound(&mut recorder) && !shard.swap(&mut recorder));
        assert!(shard.swap_at_bound(&mut recorder) && !shard.swap_at_bound(&mut recorder));
        let handed_over: Vec<_> = std::iter::from_fn(|| collector.pop()).collect();
        assert_eq!(handed_over.len(), RECORDERS - 1 + RESERVE);
        handed_over.into_iter().for_each(|full| collector.give_back(full));
        assert!(shard.swap(&mut recorder), "what was taken from the reserve goes round from then on");
    }

    #[test]
    fn a_bound_of_the_window_lies_ahead_of_now() {
        let control = Control::default();
        assert_eq!(control.ahead_ns(1_000 * MILLISECOND_NS, 100 * MILLISECOND_NS), 1_600 * MILLISECOND_NS);
        assert_eq!(control.ahead_ns(1, 1_000 * MILLISECOND_NS), 4_000 * MILLISECOND_NS);
        control.start_at(monotonic_ns() - 20_000 * MILLISECOND_NS);
        assert!(control.ahead_ns(1_000 * MILLISECOND_NS, 100 * MILLISECOND_NS) >= 20_600 * MILLISECOND_NS);
    }
}
