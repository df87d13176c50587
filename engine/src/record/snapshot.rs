//! Recorders of all shards, merged: one interval for the sinks, or the whole run for the report.
//!
//! Merging is exact: counters are added and histograms are added bucket by bucket, so a percentile of the merged
//! snapshot is the percentile of all requests, never an average of percentiles.

use super::attempts::Attempts;
use super::layout::Layout;
use super::looked::LookRecord;
use super::machine_sample::MachineSample;
use super::reasons::FailureReasons;
use super::recorder::Recorder;
use super::requests::RequestRecord;
use super::series::Series;
use super::stats::{ShardStats, sum_of};
use crate::phase::{Phases, Windowed};
use crate::until::GoalProgress;
use serde::{Deserialize, Serialize};

/// One stretch of time, all shards together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "UncheckedSnapshot")]
pub struct Snapshot {
    /// Start, in nanoseconds from the start of the run.
    pub from_ns: u64,
    /// End.
    pub to_ns: u64,
    /// The bounds of the run's phases.
    pub phases: Phases,
    /// When the last shard stopped scheduling, once it has.
    pub ended_ns: Option<u64>,
    /// The requests of all shards.
    pub requests: RequestRecord,
    /// How each shard fared, in the measured window and outside it.
    pub shards: Vec<Windowed<ShardStats>>,
    /// Attempts to make connections, of all shards and phases.
    pub attempts: Attempts,
    /// Why requests of the measured window failed, where somebody said so.
    pub reasons: FailureReasons,
    /// What came of looking at responses to requests of the measured window.
    #[serde(skip_serializing_if = "LookRecord::is_empty")]
    pub looks: LookRecord,
    /// Snapshots that sinks were too slow to take, so far.
    pub lost: u64,
    /// How far the run has come on the way to the goal it is to end with, for sinks; of a whole run, [`crate::until::UntilOutcome`] says it.
    #[serde(skip)]
    pub goal: Option<GoalProgress>,
    /// How the machine fared, for sinks that want to know ([`crate::seams::Sink::wants_machine`]).
    #[serde(skip)]
    pub machine: Option<Box<MachineSample>>,
}

/// A snapshot as it was read.
#[derive(Deserialize)]
struct UncheckedSnapshot {
    from_ns: u64,
    to_ns: u64,
    phases: Phases,
    ended_ns: Option<u64>,
    requests: RequestRecord,
    shards: Vec<Windowed<ShardStats>>,
    #[serde(default)]
    attempts: Attempts,
    #[serde(default)]
    reasons: FailureReasons,
    #[serde(default)]
    looks: LookRecord,
    lost: u64,
}

impl TryFrom<UncheckedSnapshot> for Snapshot {
    type Error = &'static str;

    fn try_from(read: UncheckedSnapshot) -> Result<Snapshot, &'static str> {
        let UncheckedSnapshot {
            from_ns,
            to_ns,
            phases,
            ended_ns,
            requests,
            shards,
            attempts,
            reasons,
            looks,
            lost,
        } = read;
        if phases.measure_from_ns > phases.measure_to_ns {
            return Err("its window ends before it begins");
        }
        if !requests.fits(phases) {
            return Err("it has a warm-up and no record of it, or a record and no warm-up");
        }
        Ok(Snapshot {
            from_ns,
            to_ns,
            phases,
            ended_ns,
            requests,
            shards,
            attempts,
            reasons,
            looks,
            lost,
            goal: None,
            machine: None,
        })
    }
}

impl Snapshot {
    /// Nothing yet, for this many shards.
    pub fn new(shards: usize, layout: &Layout, phases: Phases) -> Snapshot {
        Snapshot {
            from_ns: u64::MAX,
            to_ns: 0,
            phases,
            ended_ns: None,
            requests: RequestRecord::new(layout, phases),
            shards: vec![Windowed::default(); shards],
            attempts: Attempts::default(),
            reasons: FailureReasons::default(),
            looks: LookRecord::default(),
            lost: 0,
            goal: None,
            machine: None,
        }
    }

    /// Adds what one shard wrote down.
    pub fn absorb(&mut self, recorder: &Recorder) {
        self.cover(recorder.from_ns, recorder.to_ns, recorder.ended_ns);
        self.requests.merge(&recorder.requests);
        self.shards[recorder.shard].merge(&recorder.settled);
        self.attempts.merge(&recorder.attempts);
        self.reasons.merge(&recorder.reasons);
        self.looks.merge(&recorder.looks);
    }

    /// Adds another snapshot of the same run.
    pub fn merge(&mut self, other: &Snapshot) {
        self.cover(other.from_ns, other.to_ns, other.ended_ns);
        self.requests.merge(&other.requests);
        self.attempts.merge(&other.attempts);
        self.reasons.merge(&other.reasons);
        self.looks.merge(&other.looks);
        self.shards.iter_mut().zip(&other.shards).for_each(|(mine, theirs)| mine.merge(theirs));
    }

    fn cover(&mut self, from_ns: u64, to_ns: u64, ended_ns: Option<u64>) {
        self.from_ns = self.from_ns.min(from_ns);
        self.to_ns = self.to_ns.max(to_ns);
        self.ended_ns = self.ended_ns.max(ended_ns);
    }

    /// All series of the measured window as one.
    pub fn measured_total(&self) -> Series {
        self.requests.measured_total()
    }

    /// Everything that happened in this stretch, whatever phase it belongs to.
    pub fn total(&self) -> Series {
        self.requests.total()
    }

    /// Bytes of memory that it takes, but for some hundreds.
    pub fn bytes(&self) -> usize {
        self.requests.each_series().map(Series::bytes).sum()
    }

    /// How each shard fared in the measured window.
    pub fn window_stats(&self) -> Vec<ShardStats> {
        self.shards.iter().map(|stats| stats.measured).collect()
    }

    /// All shards' figures of all phases added up; levels are added too.
    pub fn stats(&self) -> ShardStats {
        let shards: Vec<ShardStats> = self.shards.iter().map(Windowed::total).collect();
        sum_of(&shards)
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::Instants;
    use super::*;
    use crate::outcome::{Kind, Outcome};
    use crate::random::Random;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

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
            let (mut random, layout) = (Random::new(seed, 0), Layout::new([1, 1]));
            let mut one = Recorder::new(0, &layout, PHASES);
            let mut several: Vec<Recorder> = (0..shards).map(|shard| Recorder::new(shard, &layout, PHASES)).collect();
            for n in 0..requests {
                let mut same = random.clone();
                write(&mut one, &mut random);
                write(&mut several[n % shards], &mut same);
            }
            let (mut merged, mut whole) = (Snapshot::new(shards, &layout, PHASES), Snapshot::new(1, &layout, PHASES));
            several.iter().for_each(|recorder| merged.absorb(recorder));
            whole.absorb(&one);
            let times = |snapshot: &Snapshot| snapshot.requests.slowest.iter().map(|slow| slow.instants).collect::<Vec<_>>();
            prop_assert_eq!(times(&merged), times(&whole));
            let (merged, whole) = (merged.total(), whole.total());
            prop_assert_eq!((merged.sent, merged.ok, merged.errors), (whole.sent, whole.ok, whole.errors));
            prop_assert_eq!(merged.sent, requests as u64);
            prop_assert_eq!(merged.response.summary(), whole.response.summary());
            prop_assert_eq!(merged.slip.summary(), whole.slip.summary());
            prop_assert_eq!((merged.lag.summary(), merged.last_sent_ns), (whole.lag.summary(), whole.last_sent_ns));
            let statuses = |series: &Series| series.statuses.iter().collect::<BTreeMap<_, _>>();
            prop_assert_eq!(statuses(&merged), statuses(&whole));
        }
    }
}
