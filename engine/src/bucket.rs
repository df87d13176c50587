//! A shard's token bucket: arrivals due, minus arrivals released.
//!
//! Shard i of S owns the arrivals n ≡ i (mod S) of one schedule, so the union over shards is exact for any rate, fewer
//! arrivals than shards included. A backlog takes no memory: an overdue intended time is computed when a connection is
//! free to take it, never before.

use crate::load::{Arrivals, Load, Overload};
use crate::phase::{Phase, Phases, Windowed};
use crate::random::Random;
use crate::schedule::{POSITION_BITS, Position, Schedule, position_of};

/// What a bucket answers when a connection is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// This arrival is to be sent now; it was to be sent at `intended_ns`.
    Due {
        /// From the start of the run.
        intended_ns: u64,
    },
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
    next_ns: Option<u64>,
    shed_ns: Option<u64>,
    dropped: Tally,
}

/// The positions of this shard's arrivals on the Λ axis.
#[derive(Clone, Debug)]
enum Stream {
    Uniform { arrival: u64, step: u64, limit: u64 },
    Poisson { position: Position, step: f64, random: Random, left: u64 },
}

/// Which shard of how many; the two numbers must not be confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    pub shard: u64,
    /// At least 1.
    pub shards: u64,
}

impl Share {
    /// This shard's part of `whole` things dealt out one by one.
    pub fn of(self, whole: u64) -> u64 {
        whole / self.shards + u64::from(self.shard < whole % self.shards)
    }
}

impl TokenBucket {
    /// The bucket of one shard; `None` for a closed load, which has no schedule. At most `arrivals_max` arrivals are
    /// released over all shards. The seed only matters for Poisson arrivals.
    pub fn new(
        (starts_ns, load): (u64, &Load),
        phases: Phases,
        share: Share,
        seed: u64,
        arrivals_max: Option<u64>,
    ) -> Option<TokenBucket> {
        let Load::Open { arrivals, overload, .. } = load else { return None };
        let limit = arrivals_max.unwrap_or(u64::MAX);
        let stream = match arrivals {
            Arrivals::Uniform => Stream::Uniform { arrival: share.shard, step: share.shards, limit },
            Arrivals::Poisson => Stream::poisson(share, seed, limit),
        };
        let shed_ns = match overload {
            Overload::Queue => None,
            Overload::Shed { deadline_ns } => Some(*deadline_ns),
        };
        let schedule = load.schedule(starts_ns)?;
        let mut bucket = TokenBucket {
            schedule,
            phases,
            stream,
            piece: 0,
            next_ns: None,
            shed_ns,
            dropped: Tally::default(),
        };
        bucket.next_ns = bucket.instant();
        Some(bucket)
    }

    /// Takes the next arrival if it is due. Call only when it can be sent at once: what is `Due` is released.
    #[inline]
    pub fn poll_due(&mut self, now_ns: u64) -> Poll {
        self.shed_overdue(now_ns);
        match self.next_ns {
            None => Poll::Finished,
            Some(intended_ns) if intended_ns <= now_ns => {
                self.advance();
                Poll::Due { intended_ns }
            }
            Some(until_ns) => Poll::Idle { until_ns },
        }
    }

    /// When the next arrival is intended, without taking it.
    #[inline]
    pub fn next_ns(&self) -> Option<u64> {
        self.next_ns
    }

    /// Moves the start of the measured window. Nothing intended after the new one may have been counted yet.
    pub fn measure_from(&mut self, from_ns: u64) {
        self.phases.measure_from_ns = from_ns;
    }

    /// Moves the end of the measured window forward. Nothing intended after the new one may have been released yet.
    pub fn measure_to(&mut self, to_ns: u64) {
        self.phases.measure_to_ns = to_ns;
        self.next_ns = self.next_ns.filter(|&next_ns| next_ns < to_ns);
    }

    /// Whether something has waited for longer than it may, and will be dropped.
    pub fn has_outdated(&self, now_ns: u64) -> bool {
        matches!((self.shed_ns, self.next_ns), (Some(deadline_ns), Some(next_ns)) if next_ns + deadline_ns < now_ns)
    }

    /// Drops what waited longer than the deadline, and returns what was dropped since the last call.
    pub fn take_dropped(&mut self, now_ns: u64) -> Tally {
        self.shed_overdue(now_ns);
        std::mem::take(&mut self.dropped)
    }

    /// Ends the bucket: counts the arrivals intended before an instant that were never released.
    pub fn abandon(&mut self, before_ns: u64) -> Tally {
        let tally = self.skip_before(before_ns.min(self.phases.measure_to_ns));
        self.next_ns = None;
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
        self.next_ns = self.instant();
    }

    fn instant(&mut self) -> Option<u64> {
        let position = self.stream.position()?;
        let instant_ns = self.schedule.instant_at(position, &mut self.piece)?;
        // A run that ends with a number of requests ends before its load does.
        (instant_ns < self.phases.measure_to_ns).then_some(instant_ns)
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
            self.next_ns = self.instant();
            return tally;
        }
        while let Some(next_ns) = self.next_ns.filter(|&next_ns| next_ns < instant_ns) {
            *tally.part(self.phases.at(next_ns) == Phase::Measure) += 1;
            self.advance();
        }
        tally
    }
}

/// Where on the schedule the last of so many random arrivals lies, over all shards: drawn as they will draw it. Not drawn any
/// further than `enough`, and then something beyond it.
pub(crate) fn last_random_arrival(shards: u64, seed: u64, arrivals: u64, enough: Position) -> Position {
    let last_of = |shard| {
        let mut stream = Stream::poisson(Share { shard, shards }, seed, arrivals);
        let mut last = 0;
        while let Some(position) = stream.position() {
            last = position;
            if last > enough {
                break;
            }
            stream.advance();
        }
        last
    };
    (0..shards).map(last_of).max().unwrap_or(0)
}

impl Stream {
    /// The sum of S independent Poisson streams of rate λ/S is a Poisson stream of rate λ: no shard needs another. A
    /// limit on arrivals is dealt out beforehand.
    fn poisson(share: Share, seed: u64, limit: u64) -> Stream {
        let random = Random::new(seed, share.shard);
        let mut stream =
            Stream::Poisson { position: 0, step: share.shards as f64, random, left: share.of(limit) };
        stream.draw_gap();
        stream
    }

    fn position(&self) -> Option<Position> {
        match self {
            Stream::Uniform { arrival, limit, .. } => (arrival < limit).then(|| position_of(*arrival)),
            Stream::Poisson { position, left, .. } => (*left > 0).then_some(*position),
        }
    }

    fn advance(&mut self) {
        match self {
            Stream::Uniform { arrival, step, .. } => *arrival += *step,
            Stream::Poisson { left, .. } => {
                *left -= 1;
                self.draw_gap();
            }
        }
    }

    fn draw_gap(&mut self) {
        if let Stream::Poisson { position, step, random, .. } = self {
            *position += (random.exponential() * *step * (1_u64 << POSITION_BITS) as f64) as Position;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::constant;
    use crate::quantity::{MILLISECOND_NS, Rate, SECOND_NS};
    use proptest::prelude::*;

    fn open(rate: Rate, length_ns: u64, arrivals: Arrivals, overload: Overload) -> Load {
        Load::Open { name: "constant".into(), stretches: vec![constant(rate, length_ns)], arrivals, overload }
    }

    fn phases(from_ns: u64, to_ns: u64) -> Phases {
        Phases { measure_from_ns: from_ns, measure_to_ns: to_ns }
    }

    fn bucket(load: &Load, shard: u64, shards: u64) -> TokenBucket {
        TokenBucket::new((0, load), phases(0, 10 * SECOND_NS), Share { shard, shards }, 1, None).unwrap()
    }

    fn all(mut bucket: TokenBucket) -> Vec<u64> {
        std::iter::from_fn(|| match bucket.poll_due(u64::MAX / 2) {
            Poll::Due { intended_ns } => Some(intended_ns),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_rate_below_the_shard_count_is_still_exact() {
        let load = open(Rate::per_second(3), 10 * SECOND_NS, Arrivals::Uniform, Overload::Queue);
        let mut union: Vec<u64> = (0..8).flat_map(|shard| all(bucket(&load, shard, 8))).collect();
        union.sort_unstable();
        assert_eq!(union.len(), 30);
        assert!(union.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(SECOND_NS / 3) <= 1));
    }

    #[test]
    fn an_arrival_that_lands_on_the_end_is_neither_released_nor_left_over() {
        let load = open(Rate::per_second(3), 333_333_334, Arrivals::Uniform, Overload::Queue);
        let share = Share { shard: 0, shards: 1 };
        let mut bucket = TokenBucket::new((0, &load), phases(0, 333_333_334), share, 1, None).unwrap();
        assert_eq!(bucket.poll_due(SECOND_NS), Poll::Due { intended_ns: 0 });
        assert_eq!(bucket.poll_due(SECOND_NS), Poll::Finished);
        assert_eq!(bucket.abandon(333_333_334), Tally::default());
    }

    #[test]
    fn nothing_is_due_early() {
        let load = open(Rate::per_second(10), 10 * SECOND_NS, Arrivals::Uniform, Overload::Queue);
        let mut bucket = bucket(&load, 0, 1);
        assert_eq!(bucket.poll_due(0), Poll::Due { intended_ns: 0 });
        assert_eq!(bucket.poll_due(99_999_999), Poll::Idle { until_ns: 100_000_000 });
        assert_eq!(bucket.poll_due(100_000_000), Poll::Due { intended_ns: 100_000_000 });
    }

    #[test]
    fn shedding_drops_what_waited_past_the_deadline_and_counts_it() {
        let deadline_ns = 10 * MILLISECOND_NS;
        let load =
            open(Rate::per_second(1_000), SECOND_NS, Arrivals::Uniform, Overload::Shed { deadline_ns });
        let mut bucket = bucket(&load, 0, 1);
        // At 500 ms, arrivals before 490 ms are gone; the one at exactly 490 ms has waited no longer than allowed.
        assert_eq!(bucket.poll_due(500 * MILLISECOND_NS), Poll::Due { intended_ns: 490 * MILLISECOND_NS });
        assert_eq!(bucket.take_dropped(500 * MILLISECOND_NS), Tally { measured: 490, outside: 0 });
        assert_eq!(bucket.abandon(u64::MAX), Tally { measured: 509, outside: 0 });
        assert_eq!(bucket.poll_due(SECOND_NS), Poll::Finished);
    }

    #[test]
    fn a_limit_on_arrivals_holds_over_all_shards() {
        let load = open(Rate::per_second(1_000), 10 * SECOND_NS, Arrivals::Poisson, Overload::Queue);
        for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
            let load = match &load {
                Load::Open { name, stretches, overload, .. } => Load::Open {
                    name: name.clone(),
                    stretches: stretches.clone(),
                    arrivals,
                    overload: *overload,
                },
                Load::Closed => unreachable!("made open above"),
            };
            let released: usize = (0..3)
                .map(|shard| {
                    let share = Share { shard, shards: 3 };
                    all(TokenBucket::new((0, &load), phases(0, SECOND_NS), share, 9, Some(100)).unwrap())
                        .len()
                })
                .sum();
            assert_eq!(released, 100, "{arrivals:?}");
        }
    }

    #[test]
    fn poisson_gaps_are_exponential_over_all_shards_together() {
        let load = open(Rate::per_second(10_000), 10 * SECOND_NS, Arrivals::Poisson, Overload::Queue);
        let mut union: Vec<u64> = (0..4).flat_map(|shard| all(bucket(&load, shard, 4))).collect();
        union.sort_unstable();
        // The count is Poisson with mean 100,000, so 1,600 is five deviations.
        assert!(union.len().abs_diff(100_000) < 1_600, "{}", union.len());
        let gaps: Vec<f64> = union.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;
        assert!((variation - 1.0).abs() < 0.03, "an exponential's deviation is its mean; ratio {variation}");
    }

    proptest! {
        /// Every arrival belongs to exactly one shard, and what is not released is counted.
        #[test]
        fn released_and_abandoned_are_all(count in 1_u64..3_000, shards in 1_u64..9, warmup_ms in 0_u64..900, taken in 0_usize..3_000) {
            let load = open(Rate::per_second(count), SECOND_NS, Arrivals::Uniform, Overload::Queue);
            let phases = phases(warmup_ms * MILLISECOND_NS, SECOND_NS);
            let (mut measured, mut outside) = (0, 0);
            for shard in 0..shards {
                let mut bucket = TokenBucket::new((0, &load), phases, Share { shard, shards }, 0, None).unwrap();
                for _ in 0..taken {
                    match bucket.poll_due(u64::MAX / 2) {
                        Poll::Due { intended_ns } if phases.at(intended_ns) == Phase::Measure => measured += 1,
                        Poll::Due { .. } => outside += 1,
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
}
