//! A shard's token bucket: arrivals due, minus arrivals released.
//!
//! Shard i of S owns the arrivals n ≡ i (mod S) of one schedule, so the union over shards is exact for any rate, fewer
//! arrivals than shards included. A backlog takes no memory: an overdue intended time is computed when a connection is
//! free to take it, never before.

mod poisson;
mod share;

pub(crate) use poisson::last_position;
pub use share::Share;

use crate::load::{Arrivals, Load, Overload};
use crate::phase::{Phase, Phases, Windowed};
use crate::random::Draws;
use crate::schedule::{Position, Schedule, position_of};
use poisson::Poisson;

/// One arrival of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Its number, from 0: no other arrival of the run has it, and it is the same whatever the shards.
    pub number: u64,
    /// When it is to be sent, from the start of the run.
    pub intended_ns: u64,
}

/// What a bucket answers when a connection is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// This arrival is to be sent now.
    Due(Arrival),
    /// Nothing to send before `until_ns`.
    Idle {
        /// From the start of the run.
        until_ns: u64,
    },
    /// No arrival is left.
    Finished,
}

/// How many arrivals, split by whether they fall in the measured window.
pub type Tally = Windowed<u64>;

impl Tally {
    /// Adds another tally.
    pub fn add(&mut self, other: Tally) {
        self.measured += other.measured;
        self.outside += other.outside;
    }
}

/// One shard's share of the offered load.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    schedule: Schedule,
    phases: Phases,
    stream: Stream,
    piece: usize,
    next: Option<Arrival>,
    shed_ns: Option<u64>,
    dropped: Tally,
}

/// This shard's arrivals, and their positions on the Λ axis.
#[derive(Clone, Debug)]
enum Stream {
    Uniform { arrival: u64, step: u64, limit: u64 },
    Poisson(Poisson),
}

impl TokenBucket {
    /// The bucket of one shard; `None` for a closed load, which has no schedule. Over all shards, the arrivals with a number
    /// below `arrivals_max` are released. The draws only matter for Poisson arrivals.
    pub fn new(
        (starts_ns, load): (u64, &Load),
        phases: Phases,
        share: Share,
        draws: Draws,
        arrivals_max: Option<u64>,
    ) -> Option<TokenBucket> {
        let Load::Open { arrivals, overload, .. } = load else { return None };
        let limit = arrivals_max.unwrap_or(u64::MAX);
        let stream = match arrivals {
            Arrivals::Uniform => Stream::Uniform { arrival: share.shard, step: share.shards, limit },
            Arrivals::Poisson => Stream::Poisson(Poisson::new(share, draws, limit)),
        };
        let shed_ns = match overload {
            Overload::Queue | Overload::Degrade { .. } => None,
            Overload::Shed { deadline_ns } => Some(*deadline_ns),
        };
        let schedule = load.schedule(starts_ns)?;
        let mut bucket = TokenBucket {
            schedule,
            phases,
            stream,
            piece: 0,
            next: None,
            shed_ns,
            dropped: Tally::default(),
        };
        bucket.next = bucket.arrival();
        Some(bucket)
    }

    /// Takes the next arrival if it is due. Call only when it can be sent at once: what is `Due` is released.
    #[inline]
    pub fn poll_due(&mut self, now_ns: u64) -> Poll {
        self.shed_overdue(now_ns);
        match self.next {
            None => Poll::Finished,
            Some(arrival) if arrival.intended_ns <= now_ns => {
                self.advance();
                Poll::Due(arrival)
            }
            Some(Arrival { intended_ns, .. }) => Poll::Idle { until_ns: intended_ns },
        }
    }

    /// When the next arrival is intended, without taking it.
    #[inline]
    pub fn next_ns(&self) -> Option<u64> {
        self.next.map(|arrival| arrival.intended_ns)
    }

    /// The next arrival, without taking it.
    pub fn peek(&self) -> Option<Arrival> {
        self.next
    }

    /// Passes over the next arrival, which is not released. Returns it as it counts.
    #[inline(never)]
    pub fn pass_over(&mut self) -> Tally {
        let mut tally = Tally::default();
        if let Some(arrival) = self.next {
            *tally.part(self.phases.at(arrival.intended_ns) == Phase::Measure) += 1;
            self.advance();
        }
        tally
    }

    /// Moves the start of the measured window. Nothing intended after the new one may have been counted yet.
    pub fn measure_from(&mut self, from_ns: u64) {
        self.phases.measure_from_ns = from_ns;
    }

    /// Moves the end of the measured window forward. Nothing intended after the new one may have been released yet.
    pub fn measure_to(&mut self, to_ns: u64) {
        self.phases.measure_to_ns = to_ns;
        self.next = self.next.filter(|arrival| arrival.intended_ns < to_ns);
    }

    /// Goes on by another schedule, which has the same arrivals up to some instant: none that is intended then or later may have been
    /// released yet, and the bucket may not have been ended. All shards that are told the same own every arrival of the new schedule
    /// once, since who owns a number does not depend on when it is intended.
    pub fn revise(&mut self, schedule: Schedule) {
        self.schedule = schedule;
        self.piece = 0;
        self.next = self.arrival();
    }

    /// Nothing more is wanted of it, and nothing more is counted.
    pub fn forget_rest(&mut self) {
        self.next = None;
    }

    /// Whether something has waited for longer than it may, and will be dropped.
    pub fn has_outdated(&self, now_ns: u64) -> bool {
        matches!((self.shed_ns, self.next_ns()), (Some(deadline_ns), Some(next_ns)) if next_ns + deadline_ns < now_ns)
    }

    /// Drops what waited longer than the deadline, and returns what was dropped since the last call.
    pub fn take_dropped(&mut self, now_ns: u64) -> Tally {
        self.shed_overdue(now_ns);
        std::mem::take(&mut self.dropped)
    }

    /// Ends the bucket: counts the arrivals intended before an instant that were never released.
    pub fn abandon(&mut self, before_ns: u64) -> Tally {
        // Nothing is wanted of one that was forgotten.
        if self.next.is_none() {
            return Tally::default();
        }
        let tally = self.skip_before(before_ns.min(self.phases.measure_to_ns));
        self.next = None;
        tally
    }

    #[inline]
    fn shed_overdue(&mut self, now_ns: u64) {
        let Some(deadline_ns) = self.shed_ns else { return };
        if self.has_outdated(now_ns) {
            let skipped = self.skip_before(now_ns - deadline_ns);
            self.dropped.add(skipped);
        }
    }

    fn advance(&mut self) {
        self.stream.advance();
        self.next = self.arrival();
    }

    fn arrival(&mut self) -> Option<Arrival> {
        let (number, position) = self.stream.first()?;
        let intended_ns = self.schedule.instant_at(position, &mut self.piece)?;
        // A run that ends with a number of requests ends before its load does.
        (intended_ns < self.phases.measure_to_ns).then_some(Arrival { number, intended_ns })
    }

    /// Passes over all arrivals intended before an instant. Even spacing makes this a subtraction; random arrivals have
    /// to be drawn one by one.
    fn skip_before(&mut self, instant_ns: u64) -> Tally {
        let mut tally = Tally::default();
        if let Stream::Uniform { arrival, step, limit } = &mut self.stream {
            let before = |ns: u64| self.schedule.arrivals_before(ns).min(*limit);
            let own = |from: u64, to: u64| to.saturating_sub(from).div_ceil(*step);
            let stop = before(instant_ns).max(*arrival);
            let window_from = before(self.phases.measure_from_ns).clamp(*arrival, stop);
            // The first own arrival at or after the window's start: arrivals advance in whole steps.
            let window_first = *arrival + own(*arrival, window_from) * *step;
            tally.measured = own(window_first, stop);
            tally.outside = own(*arrival, stop) - tally.measured;
            *arrival += own(*arrival, stop) * *step;
            self.next = self.arrival();
            return tally;
        }
        while let Some(next_ns) = self.next_ns().filter(|&next_ns| next_ns < instant_ns) {
            *tally.part(self.phases.at(next_ns) == Phase::Measure) += 1;
            self.advance();
        }
        tally
    }
}

impl Stream {
    /// The number and the position of the arrival that comes next, if one does.
    fn first(&self) -> Option<(u64, Position)> {
        match self {
            Stream::Uniform { arrival, limit, .. } => {
                (arrival < limit).then(|| (*arrival, position_of(*arrival)))
            }
            Stream::Poisson(poisson) => poisson.first(),
        }
    }

    fn advance(&mut self) {
        match self {
            Stream::Uniform { arrival, step, .. } => *arrival += *step,
            Stream::Poisson(poisson) => poisson.advance(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{MILLISECOND_NS, Rate, SECOND_NS};
    use crate::schedule::{Segment, Shape, constant};
    use proptest::prelude::*;

    const DRAWS: Draws = Draws::new(1, 0);

    fn open(rate: Rate, length_ns: u64, arrivals: Arrivals, overload: Overload) -> Load {
        Load::Open { name: "constant".into(), segments: vec![constant(rate, length_ns)], arrivals, overload }
    }

    fn phases(from_ns: u64, to_ns: u64) -> Phases {
        Phases { measure_from_ns: from_ns, measure_to_ns: to_ns }
    }

    fn bucket(load: &Load, shard: u64, shards: u64) -> TokenBucket {
        TokenBucket::new((0, load), phases(0, 10 * SECOND_NS), Share { shard, shards }, DRAWS, None).unwrap()
    }

    fn all(mut bucket: TokenBucket) -> Vec<Arrival> {
        std::iter::from_fn(|| match bucket.poll_due(u64::MAX / 2) {
            Poll::Due(arrival) => Some(arrival),
            _ => None,
        })
        .collect()
    }

    /// When arrivals come, in order.
    fn instants(arrivals: impl Iterator<Item = Arrival>) -> Vec<u64> {
        let mut instants: Vec<u64> = arrivals.map(|arrival| arrival.intended_ns).collect();
        instants.sort_unstable();
        instants
    }

    #[test]
    fn a_rate_below_the_shard_count_is_still_exact() {
        let load = open(Rate::per_second(3), 10 * SECOND_NS, Arrivals::Uniform, Overload::Queue);
        let union = instants((0..8).flat_map(|shard| all(bucket(&load, shard, 8))));
        assert_eq!(union.len(), 30);
        assert!(union.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(SECOND_NS / 3) <= 1));
    }

    #[test]
    fn an_arrival_that_lands_on_the_end_is_neither_released_nor_left_over() {
        let load = open(Rate::per_second(3), 333_333_334, Arrivals::Uniform, Overload::Queue);
        let share = Share { shard: 0, shards: 1 };
        let mut bucket = TokenBucket::new((0, &load), phases(0, 333_333_334), share, DRAWS, None).unwrap();
        assert_eq!(bucket.poll_due(SECOND_NS), Poll::Due(Arrival { number: 0, intended_ns: 0 }));
        assert_eq!(bucket.poll_due(SECOND_NS), Poll::Finished);
        assert_eq!(bucket.abandon(333_333_334), Tally::default());
    }

    #[test]
    fn nothing_is_due_early() {
        let load = open(Rate::per_second(10), 10 * SECOND_NS, Arrivals::Uniform, Overload::Queue);
        let mut bucket = bucket(&load, 0, 1);
        assert_eq!(bucket.poll_due(0), Poll::Due(Arrival { number: 0, intended_ns: 0 }));
        assert_eq!(bucket.poll_due(99_999_999), Poll::Idle { until_ns: 100_000_000 });
        assert_eq!(bucket.poll_due(100_000_000), Poll::Due(Arrival { number: 1, intended_ns: 100_000_000 }));
    }

    #[test]
    fn shedding_drops_what_waited_past_the_deadline_and_counts_it() {
        let deadline_ns = 10 * MILLISECOND_NS;
        let load =
            open(Rate::per_second(1_000), SECOND_NS, Arrivals::Uniform, Overload::Shed { deadline_ns });
        let mut bucket = bucket(&load, 0, 1);
        // At 500 ms, arrivals before 490 ms are gone; the one at exactly 490 ms has waited no longer than allowed.
        let first = Arrival { number: 490, intended_ns: 490 * MILLISECOND_NS };
        assert_eq!(bucket.poll_due(500 * MILLISECOND_NS), Poll::Due(first));
        assert_eq!(bucket.take_dropped(500 * MILLISECOND_NS), Tally { measured: 490, outside: 0 });
        assert_eq!(bucket.abandon(u64::MAX), Tally { measured: 509, outside: 0 });
        assert_eq!(bucket.poll_due(SECOND_NS), Poll::Finished);
    }

    #[test]
    fn a_limit_on_arrivals_holds_over_all_shards() {
        let load = open(Rate::per_second(1_000), 10 * SECOND_NS, Arrivals::Poisson, Overload::Queue);
        for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
            let load = match &load {
                Load::Open { name, segments, overload, .. } => Load::Open {
                    name: name.clone(),
                    segments: segments.clone(),
                    arrivals,
                    overload: *overload,
                },
                Load::Closed | Load::Users(_) => unreachable!("made open above"),
            };
            let released = (0..3).flat_map(|shard| {
                let share = Share { shard, shards: 3 };
                all(TokenBucket::new((0, &load), phases(0, SECOND_NS), share, DRAWS, Some(100)).unwrap())
            });
            let mut numbers: Vec<u64> = released.map(|arrival| arrival.number).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (0..100).collect::<Vec<u64>>(), "{arrivals:?}");
        }
    }

    #[test]
    fn poisson_gaps_are_exponential_over_all_shards_together() {
        let load = open(Rate::per_second(10_000), 10 * SECOND_NS, Arrivals::Poisson, Overload::Queue);
        let union = instants((0..4).flat_map(|shard| all(bucket(&load, shard, 4))));
        // The count is Poisson with mean 100,000, so 1,600 is five deviations.
        assert!(union.len().abs_diff(100_000) < 1_600, "{}", union.len());
        let gaps: Vec<f64> = union.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;
        assert!((variation - 1.0).abs() < 0.03, "an exponential's deviation is its mean; ratio {variation}");
    }

    proptest! {
        /// Who sends an arrival is all that the number of shards decides.
        #[test]
        fn any_number_of_shards_has_the_same_arrivals_and_each_its_own(
            seed in any::<u64>(), shards in 2_u64..200, rate in 1_u64..2_000, limit in prop::option::of(0_u64..1_000), is_random: bool,
        ) {
            let arrivals = if is_random { Arrivals::Poisson } else { Arrivals::Uniform };
            let load = open(Rate::per_second(rate), SECOND_NS, arrivals, Overload::Queue);
            let of = |shard, shards| {
                let share = Share { shard, shards };
                all(TokenBucket::new((0, &load), phases(0, SECOND_NS), share, Draws::new(seed, 0), limit).unwrap())
            };
            let mut whole = of(0, 1);
            whole.sort_unstable_by_key(|arrival| arrival.number);
            let mut union = Vec::new();
            for shard in 0..shards {
                let own = of(shard, shards);
                prop_assert!(own.iter().all(|arrival| arrival.number % shards == shard));
                prop_assert!(own.is_sorted_by_key(|arrival| arrival.intended_ns));
                union.extend(own);
            }
            union.sort_unstable_by_key(|arrival| arrival.number);
            prop_assert_eq!(union, whole);
        }

        /// Every arrival belongs to exactly one shard, and what is not released is counted.
        #[test]
        fn released_and_abandoned_are_all(count in 1_u64..3_000, shards in 1_u64..9, warmup_ms in 0_u64..900, taken in 0_usize..3_000) {
            let load = open(Rate::per_second(count), SECOND_NS, Arrivals::Uniform, Overload::Queue);
            let phases = phases(warmup_ms * MILLISECOND_NS, SECOND_NS);
            let (mut measured, mut outside) = (0, 0);
            for shard in 0..shards {
                let mut bucket = TokenBucket::new((0, &load), phases, Share { shard, shards }, DRAWS, None).unwrap();
                for _ in 0..taken {
                    match bucket.poll_due(u64::MAX / 2) {
                        Poll::Due(arrival) if phases.at(arrival.intended_ns) == Phase::Measure => measured += 1,
                        Poll::Due(_) => outside += 1,
                        _ => break,
                    }
                }
                let left = bucket.abandon(u64::MAX);
                measured += left.measured;
                outside += left.outside;
            }
            let before = (warmup_ms * count).div_ceil(1_000);
            prop_assert_eq!((measured, outside), (count - before, before));
        }
    }

    /// One rate from a cut on.
    fn revised(schedule: &Schedule, cut_ns: u64, rate: Rate) -> Schedule {
        let other = Schedule::new(0, &[constant(rate, schedule.end_ns())]).unwrap();
        schedule.continued(cut_ns, &other, 1_000).unwrap()
    }

    /// What the shards release up to each cut, where they are told of the next rate; then up to the end.
    fn revised_union(load: &Load, shards: u64, revisions: &[(u64, u64)], limit: Option<u64>) -> Vec<Arrival> {
        let mut union = Vec::new();
        for shard in 0..shards {
            let share = Share { shard, shards };
            let mut bucket =
                TokenBucket::new((0, load), phases(0, 10 * SECOND_NS), share, DRAWS, limit).unwrap();
            for &(cut_ns, thousandths) in revisions {
                while let Poll::Due(arrival) = bucket.poll_due(cut_ns - 1) {
                    union.push(arrival);
                }
                let rate = Rate::new(thousandths, 1_000 * SECOND_NS);
                bucket.revise(revised(&bucket.schedule, cut_ns, rate));
            }
            union.extend(all(bucket));
        }
        union.sort_unstable_by_key(|arrival| arrival.number);
        union
    }

    proptest! {
        #[test]
        fn revised_shards_release_every_arrival_of_the_revised_schedule_once(
            (from, to) in (0_u64..200, 1_u64..200),
            is_poisson: bool,
            revisions in proptest::collection::vec((1..10 * SECOND_NS, 0_u64..200_000), 0..4),
            limit in proptest::option::of(0_u64..1_000),
        ) {
            let mut revisions = revisions;
            revisions.sort_unstable();
            let shape = Shape::Ramp { from: Rate::per_second(from), to: Rate::per_second(to) };
            let segments = vec![Segment { length_ns: 6 * SECOND_NS, shape }, constant(Rate::per_second(to), 4 * SECOND_NS)];
            let arrivals = if is_poisson { Arrivals::Poisson } else { Arrivals::Uniform };
            let load = Load::Open { name: "ramp".into(), segments, arrivals, overload: Overload::Queue };
            let mut schedule = load.schedule(0).unwrap();
            let one = revised_union(&load, 1, &revisions, limit);
            prop_assert_eq!(&one, &revised_union(&load, 7, &revisions, limit));
            prop_assert!(one.windows(2).all(|pair| pair[0].number < pair[1].number));
            // Random arrivals are numbered as they are drawn, which is not in their order in time.
            if !is_poisson {
                prop_assert!(one.iter().enumerate().all(|(index, arrival)| arrival.number == index as u64));
                prop_assert!(one.windows(2).all(|pair| pair[0].intended_ns <= pair[1].intended_ns));
            }
            for (index, &(cut_ns, thousandths)) in revisions.iter().enumerate() {
                // What is intended before a cut does not depend on what is decided there.
                let before = |union: &[Arrival]| -> Vec<Arrival> {
                    union.iter().copied().filter(|arrival| arrival.intended_ns < cut_ns).collect()
                };
                prop_assert_eq!(before(&one), before(&revised_union(&load, 1, &revisions[..index], limit)));
                let count_before = schedule.arrivals_before(cut_ns);
                schedule = revised(&schedule, cut_ns, Rate::new(thousandths, 1_000 * SECOND_NS));
                prop_assert_eq!(schedule.arrivals_before(cut_ns), count_before);
            }
            if !is_poisson {
                let due = schedule.arrivals_before(10 * SECOND_NS).min(limit.unwrap_or(u64::MAX));
                prop_assert_eq!(one.len() as u64, due);
            }
        }
    }

    #[test]
    fn a_silent_rate_releases_nothing_until_the_next_revision() {
        let load = open(Rate::per_second(10), 10 * SECOND_NS, Arrivals::Uniform, Overload::Queue);
        let paused = [(2 * SECOND_NS, 0), (5 * SECOND_NS, 20_000)];
        let intended = instants(revised_union(&load, 3, &paused, None).into_iter());
        assert_eq!(intended.iter().filter(|&&ns| ns < 2 * SECOND_NS).count(), 20);
        assert_eq!(intended.iter().filter(|&&ns| (2 * SECOND_NS..5 * SECOND_NS).contains(&ns)).count(), 0);
        assert_eq!(intended.len(), 20 + 100);
    }
}
