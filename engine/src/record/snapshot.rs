//! Recorders of all shards, merged: one interval for the sinks, or the whole run for the report.
//!
//! Merging is exact: counters are added and histograms are added bucket by bucket, so a percentile of the merged
//! snapshot is the percentile of all requests, never an average of percentiles.

use super::recorder::{Overdue, Recorder};
use super::series::Series;
use super::slowest::Slowest;
use super::stats::{ShardStats, sum_of};
use crate::bucket::Tally;
use crate::distribution::Distribution;
use crate::phase::Phases;

/// One stretch of time, all shards together.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Start, in nanoseconds from the start of the run.
    pub from_ns: u64,
    /// End.
    pub to_ns: u64,
    /// The bounds of the run's phases.
    pub phases: Phases,
    /// Requests intended in the measured window, by series.
    pub measured: Vec<Series>,
    /// Requests intended outside it, by series; empty when the run has no warm-up.
    pub outside: Vec<Series>,
    /// Arrivals dropped by the overload policy.
    pub dropped: Tally,
    /// Arrivals that were due and never sent.
    pub unsent: Tally,
    /// How many of the window's dropped and unsent arrivals were not sent by the generator's doing.
    pub unreleased_own: u64,
    /// What was overdue when the measured window ended, and still sent: the sum over shards.
    pub overdue: Overdue,
    /// The run was stopped while it still had something overdue to send.
    pub was_stopped: bool,
    /// When the last request of the measured window was sent.
    pub last_sent_ns: u64,
    /// When the last shard stopped scheduling, once it has.
    pub ended_ns: Option<u64>,
    /// The part of response times that is the generator's own.
    pub lag: Distribution,
    /// The slowest requests of the measured window.
    pub slowest: Slowest,
    /// How each shard fared.
    pub shards: Vec<ShardStats>,
    /// Snapshots that sinks were too slow to take, so far.
    pub lost: u64,
}

impl Snapshot {
    /// Nothing yet, for this many shards and series.
    pub fn new(shards: usize, series: usize, phases: Phases) -> Snapshot {
        let outside = if phases.measure_from_ns > 0 { series } else { 0 };
        Snapshot {
            from_ns: u64::MAX,
            to_ns: 0,
            phases,
            measured: vec![Series::default(); series],
            outside: vec![Series::default(); outside],
            dropped: Tally::default(),
            unsent: Tally::default(),
            unreleased_own: 0,
            overdue: Overdue::default(),
            was_stopped: false,
            last_sent_ns: 0,
            ended_ns: None,
            lag: Distribution::new(),
            slowest: Slowest::default(),
            shards: vec![ShardStats::default(); shards],
            lost: 0,
        }
    }

    /// Adds what one shard wrote down.
    pub fn absorb(&mut self, recorder: &Recorder) {
        self.from_ns = self.from_ns.min(recorder.from_ns);
        self.to_ns = self.to_ns.max(recorder.to_ns);
        merge_series(&mut self.measured, &recorder.measured);
        merge_series(&mut self.outside, &recorder.outside);
        self.dropped.add(recorder.dropped);
        self.unsent.add(recorder.unsent);
        self.unreleased_own += recorder.unreleased_own;
        self.overdue.add(recorder.overdue);
        self.was_stopped |= recorder.was_stopped;
        self.last_sent_ns = self.last_sent_ns.max(recorder.last_sent_ns);
        self.ended_ns = self.ended_ns.max(recorder.ended_ns);
        self.lag.merge(&recorder.lag);
        self.slowest.merge(&recorder.slowest);
        self.shards[recorder.shard].merge(&recorder.all_stats());
    }

    /// Adds another snapshot of the same run.
    pub fn merge(&mut self, other: &Snapshot) {
        self.from_ns = self.from_ns.min(other.from_ns);
        self.to_ns = self.to_ns.max(other.to_ns);
        merge_series(&mut self.measured, &other.measured);
        merge_series(&mut self.outside, &other.outside);
        self.dropped.add(other.dropped);
        self.unsent.add(other.unsent);
        self.unreleased_own += other.unreleased_own;
        self.overdue.add(other.overdue);
        self.was_stopped |= other.was_stopped;
        self.last_sent_ns = self.last_sent_ns.max(other.last_sent_ns);
        self.ended_ns = self.ended_ns.max(other.ended_ns);
        self.lag.merge(&other.lag);
        self.slowest.merge(&other.slowest);
        self.shards.iter_mut().zip(&other.shards).for_each(|(mine, theirs)| mine.merge(theirs));
    }

    /// All series of the measured window as one.
    pub fn measured_total(&self) -> Series {
        total(&self.measured)
    }

    /// Everything that happened in this stretch, whatever phase it belongs to.
    pub fn total(&self) -> Series {
        let mut all = total(&self.measured);
        self.outside.iter().for_each(|series| all.merge(series));
        all
    }

    /// All shards' figures added up; levels are added too.
    pub fn stats(&self) -> ShardStats {
        sum_of(&self.shards)
    }
}

fn total(series: &[Series]) -> Series {
    let mut all = Series::default();
    series.iter().for_each(|series| all.merge(series));
    all
}

fn merge_series(mine: &mut [Series], theirs: &[Series]) {
    mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.merge(theirs));
}

#[cfg(test)]
mod tests {
    use super::super::series::Instants;
    use super::*;
    use crate::outcome::{Kind, Outcome};
    use crate::random::Random;
    use proptest::prelude::*;

    const PHASES: Phases = Phases { measure_from_ns: 1_000, measure_to_ns: 1 << 40 };

    /// Writes one made-up request.
    fn write(recorder: &mut Recorder, random: &mut Random) {
        let intended = random.between(0, 10_000);
        let sent = intended + random.between(0, 1 << 20);
        let done = sent + random.between(1, 1 << 30);
        let outcome = match random.between(0, 9) {
            0 => Outcome::Failed(Kind::Eof),
            1 => Outcome::Refused(500),
            _ => Outcome::Ok(200),
        };
        let series = random.between(0, 1) as usize;
        recorder.sent(series, intended, sent, 10);
        recorder.done(series, outcome, Instants { intended, sent, done }, sent - intended, 20);
    }

    proptest! {
        #[test]
        fn recorders_merged_equal_one_recorder(seed in any::<u64>(), requests in 0_usize..500, shards in 1_usize..5) {
            let mut random = Random::new(seed, 0);
            let mut one = Recorder::new(0, 2, PHASES);
            let mut several: Vec<Recorder> = (0..shards).map(|shard| Recorder::new(shard, 2, PHASES)).collect();
            for n in 0..requests {
                let mut same = random.clone();
                write(&mut one, &mut random);
                write(&mut several[n % shards], &mut same);
            }
            let (mut merged, mut whole) = (Snapshot::new(shards, 2, PHASES), Snapshot::new(1, 2, PHASES));
            several.iter().for_each(|recorder| merged.absorb(recorder));
            whole.absorb(&one);
            let times = |snapshot: &Snapshot| snapshot.slowest.iter().map(|slow| slow.instants).collect::<Vec<_>>();
            prop_assert_eq!(times(&merged), times(&whole));
            let (merged, whole) = (merged.total(), whole.total());
            prop_assert_eq!((merged.sent, merged.ok, merged.errors), (whole.sent, whole.ok, whole.errors));
            prop_assert_eq!(merged.sent, requests as u64);
            prop_assert_eq!(merged.response.summary(), whole.response.summary());
            prop_assert_eq!(merged.slip.summary(), whole.slip.summary());
            prop_assert_eq!(merged.statuses.iter().collect::<Vec<_>>(), whole.statuses.iter().collect::<Vec<_>>());
        }
    }
}
