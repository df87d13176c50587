//! How a run went, slice by slice: what comparisons, confidence and steadiness are computed from.
//!
//! A slice is a short stretch of the run with its counts and its whole histogram of response times. The number of slices is
//! bounded, so memory is flat for any length of run: when there are too many, neighbours are merged, which is exact.

use crate::bucket::Tally;
use crate::distribution::{Distribution, UnreadableHistogram};
use crate::pass_slice::{PassSlice, merge_encoded};
use crate::phase::Phase;
use crate::record::{RequestRecord, ScenarioRecord, Series, Snapshot};
use serde::{Deserialize, Serialize};

/// The most slices that are kept.
pub const SLICES_MAX: usize = 512;

/// One stretch of a run, all shards together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Start, in nanoseconds from the start of sending.
    pub from_ns: u64,
    /// End.
    pub to_ns: u64,
    /// Where in the run it lies; a slice never spans two phases.
    pub phase: Phase,
    /// Requests that ended with success. Of warm-up slices: all; of the others: those that the report is about.
    pub ok: u64,
    /// Requests that ended any other way.
    pub failed: u64,
    /// Arrivals dropped by the overload policy.
    pub dropped: u64,
    /// Arrivals that were not sent because the load was lowered.
    #[serde(default, skip_serializing_if = "is_none")]
    pub withheld: u64,
    /// CPU time of the shards, without what they spent watching the clock, nanoseconds.
    pub cpu_ns: u64,
    /// Response times of successes: HdrHistogram V2, compressed, base64.
    pub response_hdr: String,
    /// Where there is one scenario, and requests follow each other in it: its iterations, then each of its named flows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<PassSlice>,
    /// The same of each scenario, in the order of the plan; empty where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<ScenarioSlice>,
}

/// One scenario's part of a slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioSlice {
    /// Requests that ended with success.
    pub ok: u64,
    /// Requests that ended any other way.
    pub failed: u64,
    /// Arrivals dropped by the overload policy.
    pub dropped: u64,
    /// Arrivals that were not sent because the load was lowered.
    #[serde(default, skip_serializing_if = "is_none")]
    pub withheld: u64,
    /// Response times of successes, encoded as those of all are.
    pub response_hdr: String,
    /// Where requests follow each other: its iterations, then each of its named flows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<PassSlice>,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl ScenarioSlice {
    /// What came of some series, and of arrivals that became no request.
    fn of<'a>(
        series: impl Iterator<Item = &'a Series> + Clone,
        [dropped, withheld]: [u64; 2],
    ) -> ScenarioSlice {
        let mut response = Distribution::new();
        series.clone().for_each(|series| response.merge(&series.response));
        ScenarioSlice {
            ok: series.clone().map(|series| series.ok).sum(),
            failed: series.map(Series::failed).sum(),
            dropped,
            withheld,
            response_hdr: response.encode(),
            passes: Vec::new(),
        }
    }

    fn absorb(&mut self, next: &ScenarioSlice) {
        self.ok += next.ok;
        self.failed += next.failed;
        self.dropped += next.dropped;
        self.withheld += next.withheld;
        merge_encoded(&mut self.response_hdr, &next.response_hdr);
        absorb_passes(&mut self.passes, &next.passes);
    }
}

/// How the iterations of a scenario were gone through, and its named flows; nothing of one without iterations.
fn passes(requests: &RequestRecord, scenario: usize, counts_all: bool) -> Vec<PassSlice> {
    let Some(iterations) = &requests.iterations[scenario] else { return Vec::new() };
    let all = [iterations].into_iter().chain(requests.flows_of(scenario));
    all.map(|record| PassSlice::of(record, counts_all)).collect()
}

fn absorb_passes(mine: &mut [PassSlice], next: &[PassSlice]) {
    mine.iter_mut().zip(next).for_each(|(mine, next)| mine.absorb(next));
}

impl Slice {
    /// A slice from a snapshot.
    pub fn new(snapshot: &Snapshot) -> Slice {
        let middle_ns = snapshot.from_ns / 2 + snapshot.to_ns / 2;
        let phase = snapshot.phases.at(middle_ns);
        let counts_all = phase == Phase::Warmup;
        let counted = |of: &Tally| if counts_all { of.outside } else { of.measured };
        let unsent = |of: &ScenarioRecord| [counted(&of.dropped), counted(&of.withheld)];
        let requests = &snapshot.requests;
        let outside = if counts_all { requests.series.outside.as_slice() } else { &[] };
        let all = requests.series.measured.iter().chain(outside);
        let ScenarioSlice { ok, failed, dropped, withheld, response_hdr, .. } =
            ScenarioSlice::of(all, unsent(&requests.scenario_total()));
        let of_scenario = |(index, record): (usize, &ScenarioRecord)| {
            let part = match counts_all {
                true => ScenarioSlice::of(requests.each_of(index), unsent(record)),
                false => ScenarioSlice::of(requests.measured_of(index).iter(), unsent(record)),
            };
            ScenarioSlice { passes: passes(requests, index, counts_all), ..part }
        };
        let is_one = requests.scenarios.len() == 1;
        let scenarios = requests.scenarios.iter().enumerate().filter(|_| !is_one).map(of_scenario);
        let stats = snapshot.stats();
        Slice {
            from_ns: snapshot.from_ns,
            to_ns: snapshot.to_ns,
            phase,
            ok,
            failed,
            dropped,
            withheld,
            cpu_ns: (stats.cpu_user_ns + stats.cpu_system_ns).saturating_sub(stats.spun_ns),
            response_hdr,
            passes: if is_one { passes(requests, 0, counts_all) } else { Vec::new() },
            scenarios: scenarios.collect(),
        }
    }

    /// The part of one scenario, as if it had been alone; CPU time stays that of all.
    pub fn of_scenario(&self, scenario: usize) -> Slice {
        match self.scenarios.get(scenario).cloned() {
            None => self.clone(),
            Some(ScenarioSlice { ok, failed, dropped, withheld, response_hdr, passes }) => {
                Slice { ok, failed, dropped, withheld, response_hdr, passes, scenarios: Vec::new(), ..*self }
            }
        }
    }

    /// The response times. Errors name what is wrong with a histogram that this program did not write.
    pub fn response(&self) -> Result<Distribution, UnreadableHistogram> {
        Distribution::decode(&self.response_hdr)
    }

    /// Takes over the slice that follows.
    fn absorb(&mut self, next: &Slice) {
        self.to_ns = next.to_ns;
        self.ok += next.ok;
        self.failed += next.failed;
        self.dropped += next.dropped;
        self.withheld += next.withheld;
        self.cpu_ns += next.cpu_ns;
        merge_encoded(&mut self.response_hdr, &next.response_hdr);
        absorb_passes(&mut self.passes, &next.passes);
        self.scenarios.iter_mut().zip(&next.scenarios).for_each(|(mine, next)| mine.absorb(next));
    }
}

/// The slices of a run so far, all of one length but for those at the bounds of phases.
#[derive(Clone, Debug)]
pub struct History {
    slices: Vec<Slice>,
    /// So many of the stretches that come in make one slice.
    size: usize,
    /// So many of them the last slice holds.
    filled: usize,
}

impl Default for History {
    fn default() -> History {
        History { slices: Vec::new(), size: 1, filled: 0 }
    }
}

impl History {
    /// Adds the next stretch.
    pub fn push(&mut self, snapshot: &Snapshot) {
        let next = Slice::new(snapshot);
        if self.slices.len() == SLICES_MAX && !self.is_open_to(&next) {
            self.halve();
        }
        match self.slices.last_mut().filter(|last| self.filled < self.size && last.phase == next.phase) {
            Some(last) => {
                last.absorb(&next);
                self.filled += 1;
            }
            None => {
                self.slices.push(next);
                self.filled = 1;
            }
        }
    }

    fn is_open_to(&self, next: &Slice) -> bool {
        self.filled < self.size && self.slices.last().is_some_and(|last| last.phase == next.phase)
    }

    /// The slices, oldest first.
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// The slices, oldest first, without the history.
    pub fn into_slices(self) -> Vec<Slice> {
        self.slices
    }

    /// Merges neighbours of the same phase, two by two.
    fn halve(&mut self) {
        let mut merged: Vec<Slice> = Vec::with_capacity(SLICES_MAX);
        let mut is_open = false;
        for slice in self.slices.drain(..) {
            match merged.last_mut().filter(|last| is_open && last.phase == slice.phase) {
                Some(last) => {
                    last.absorb(&slice);
                    is_open = false;
                }
                None => {
                    merged.push(slice);
                    is_open = true;
                }
            }
        }
        self.slices = merged;
        // One that found no partner goes on being filled.
        self.filled += if is_open { 0 } else { self.size };
        self.size *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::phase::Phases;
    use crate::record::{Instants, Layout, Recorder};

    const PHASES: Phases = Phases { measure_from_ns: 1_000, measure_to_ns: 1 << 40 };

    /// A stretch of 100 ns with one request in it.
    fn snapshot(index: u64) -> Snapshot {
        let layout = Layout::new([1]);
        let mut recorder = Recorder::new(0, &layout, PHASES);
        (recorder.from_ns, recorder.to_ns) = (index * 100, index * 100 + 100);
        let intended = index * 100 + 50;
        recorder.sent(0, intended, intended, 1);
        let instants = Instants { intended, sent: intended, done: intended + index + 1 };
        recorder.done(0, Outcome::Ok(200), instants, 0, 1);
        let mut snapshot = Snapshot::new(1, &layout, PHASES);
        snapshot.absorb(&recorder);
        snapshot
    }

    #[test]
    fn a_long_history_stays_short_and_loses_nothing() {
        let mut history = History::default();
        let count = SLICES_MAX as u64 * 3;
        (0..count).for_each(|index| history.push(&snapshot(index)));
        let slices = history.slices();
        assert!(slices.len() <= SLICES_MAX, "{}", slices.len());
        assert_eq!(slices.iter().map(|slice| slice.ok).sum::<u64>(), count);
        assert!(slices.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns));
        let measured = slices.iter().filter(|slice| slice.phase == Phase::Measure);
        let lengths: Vec<u64> = measured.map(|slice| slice.to_ns - slice.from_ns).collect();
        let (first, inner) = (lengths[1], &lengths[1..lengths.len() - 1]);
        assert!(inner.iter().all(|length| *length == first), "witnesses of one weight: {lengths:?}");
        let mut whole = Distribution::new();
        slices.iter().for_each(|slice| whole.merge(&slice.response().unwrap()));
        let warmup = slices.iter().filter(|slice| slice.phase == Phase::Warmup);
        assert_eq!((whole.count(), warmup.map(|slice| slice.ok).sum::<u64>()), (count, 10));
    }
}
