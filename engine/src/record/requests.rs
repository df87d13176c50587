//! What is written down of a run's requests: by one shard between two hand-overs, or of all shards, merged.

use super::iterations::IterationRecord;
use super::layout::Layout;
use super::scenario::ScenarioRecord;
use super::series::Series;
use super::slowest::Slowest;
use crate::distribution::COUNT_MAX;
use crate::phase::{Phases, Windowed};
use serde::{Deserialize, Serialize};

/// The requests of some stretch of a run: what a recorder and a snapshot have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "UncheckedRecord")]
pub struct RequestRecord {
    layout: Layout,
    /// Of each series, the requests intended in the measured window and those intended outside it. The latter are empty when the
    /// run has no warm-up and no flow: what is intended in such a run is intended in the window.
    pub series: Windowed<Vec<Series>>,
    /// What became no request, for each scenario.
    pub scenarios: Vec<ScenarioRecord>,
    /// The iterations of each scenario that has some.
    pub iterations: Vec<Option<IterationRecord>>,
    /// What became of each named flow, each time that an iteration went through it: of all scenarios, one after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<IterationRecord>,
    /// The slowest requests of the measured window, in success or failure.
    pub slowest: Slowest,
}

/// A record as it was read: of which series there are so many is not sure yet.
#[derive(Deserialize)]
struct UncheckedRecord {
    layout: Layout,
    series: Windowed<Vec<Series>>,
    scenarios: Vec<ScenarioRecord>,
    iterations: Vec<Option<IterationRecord>>,
    #[serde(default)]
    flows: Vec<IterationRecord>,
    slowest: Slowest,
}

impl TryFrom<UncheckedRecord> for RequestRecord {
    type Error = &'static str;

    fn try_from(read: UncheckedRecord) -> Result<RequestRecord, &'static str> {
        let UncheckedRecord { layout, series, scenarios, iterations, flows, slowest } = read;
        let (measured, outside) = (series.measured.len(), series.outside.len());
        if !layout.is_in_order() || layout.scenarios() != scenarios.len() {
            return Err("its scenarios are not those of its layout");
        }
        let has_iterations =
            |(index, record): (usize, &Option<IterationRecord>)| record.is_some() == layout.is_flow(index);
        if iterations.len() != scenarios.len() || !iterations.iter().enumerate().all(has_iterations) {
            return Err("its iterations are not those of its layout");
        }
        if flows.len() != layout.named_flows() {
            return Err("its named flows are not those of its layout");
        }
        if measured != layout.series() || (outside != 0 && outside != measured) {
            return Err("its series are not those of its layout");
        }
        if slowest.iter().any(|finished| finished.series as usize >= measured) {
            return Err("one of its slowest requests is of no series");
        }
        let is_too_many = |series: &Series| {
            [series.sent, series.ok].iter().chain(&series.errors).any(|&count| count > COUNT_MAX)
        };
        if series.measured.iter().chain(&series.outside).any(is_too_many) {
            return Err("it counts more requests than any run has");
        }
        Ok(RequestRecord { layout, series, scenarios, iterations, flows, slowest })
    }
}

impl RequestRecord {
    /// Nothing yet. Takes memory as it is merged into.
    pub fn new(layout: &Layout, phases: Phases) -> RequestRecord {
        RequestRecord::with(layout, phases, Series::default, IterationRecord::default)
    }

    /// Nothing yet, and all the memory that writing requests down will need.
    pub fn preallocated(layout: &Layout, phases: Phases) -> RequestRecord {
        let mut record =
            RequestRecord::with(layout, phases, Series::preallocated, IterationRecord::preallocated);
        for series in layout.tried_series() {
            let Windowed { measured, outside } = &mut record.series;
            measured[series].expect_attempts();
            outside.get_mut(series).into_iter().for_each(Series::expect_attempts);
        }
        record
    }

    fn with(
        layout: &Layout,
        phases: Phases,
        make: fn() -> Series,
        iterations: fn() -> IterationRecord,
    ) -> RequestRecord {
        let series = |count: usize| std::iter::repeat_with(make).take(count).collect();
        let outside = if has_outside(layout, phases) { layout.series() } else { 0 };
        RequestRecord {
            layout: layout.clone(),
            series: Windowed { measured: series(layout.series()), outside: series(outside) },
            scenarios: vec![ScenarioRecord::default(); layout.scenarios()],
            iterations: (0..layout.scenarios())
                .map(|scenario| layout.is_flow(scenario).then(iterations))
                .collect(),
            flows: std::iter::repeat_with(iterations).take(layout.named_flows()).collect(),
            slowest: Slowest::default(),
        }
    }

    /// Adds another of the same run.
    pub fn merge(&mut self, other: &RequestRecord) {
        let RequestRecord { layout, series, scenarios, iterations, flows, slowest } = other;
        debug_assert_eq!(self.layout, *layout, "series are found by their place");
        merge_each(&mut self.series.measured, &series.measured, Series::merge);
        merge_each(&mut self.series.outside, &series.outside, Series::merge);
        merge_each(&mut self.scenarios, scenarios, ScenarioRecord::merge);
        for (mine, theirs) in self.iterations.iter_mut().zip(iterations) {
            if let (Some(mine), Some(theirs)) = (mine, theirs) {
                mine.merge(theirs);
            }
        }
        merge_each(&mut self.flows, flows, IterationRecord::merge);
        self.slowest.merge(slowest);
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        let RequestRecord { layout: _, series, scenarios, iterations, flows, slowest } = self;
        series.measured.iter_mut().chain(&mut series.outside).for_each(Series::clear);
        scenarios.fill(ScenarioRecord::default());
        iterations.iter_mut().flatten().chain(flows).for_each(IterationRecord::clear);
        slowest.clear();
    }

    /// The measured window's series of a scenario.
    pub fn measured_of(&self, scenario: usize) -> &[Series] {
        &self.series.measured[self.layout.series_of(scenario)]
    }

    /// What became of the named flows of a scenario, in the order in which it comes to them.
    pub fn flows_of(&self, scenario: usize) -> &[IterationRecord] {
        &self.flows[self.layout.named_flows_of(scenario)]
    }

    /// What becomes of one of them; nothing where it is not recorded.
    pub(super) fn flow_at(&mut self, scenario: usize, flow: usize) -> Option<&mut IterationRecord> {
        self.flows[self.layout.named_flows_of(scenario)].get_mut(flow)
    }

    /// Whether it has records of what lies outside the window where there can be any, and none elsewhere.
    pub(super) fn fits(&self, phases: Phases) -> bool {
        self.series.outside.is_empty() != has_outside(&self.layout, phases)
    }

    /// Every series of a scenario, in the measured window and outside it.
    pub fn each_of(&self, scenario: usize) -> impl Iterator<Item = &Series> + Clone {
        let range = self.layout.series_of(scenario);
        let outside = self.series.outside.get(range.clone()).unwrap_or_default();
        self.series.measured[range].iter().chain(outside)
    }

    /// Each kind of request of a scenario, in the measured window and outside it together.
    pub fn steps_of(&self, scenario: usize) -> impl Iterator<Item = Series> {
        let of_step = |index: usize| {
            Series::total([&self.series.measured[index]].into_iter().chain(self.series.outside.get(index)))
        };
        self.layout.series_of(scenario).map(of_step)
    }

    /// Requests of a scenario that ended, in any way and any phase.
    pub fn ended_of(&self, scenario: usize) -> u64 {
        self.each_of(scenario).map(|series| series.ok + series.failed()).sum()
    }

    /// What rates of a scenario without a schedule are of, in any phase: requests that ended, or iterations that were gone through to
    /// their end.
    pub(super) fn finished_of(&self, scenario: usize) -> u64 {
        match &self.iterations[scenario] {
            None => self.ended_of(scenario),
            Some(record) => [record.ok, record.failed].iter().map(|all| all.measured + all.outside).sum(),
        }
    }

    /// Arrivals of a scenario that ended, in any way and any phase: requests, or iterations where they lead to several.
    pub fn arrivals_ended_of(&self, scenario: usize) -> u64 {
        match &self.iterations[scenario] {
            None => self.ended_of(scenario),
            Some(record) => [record.ok, record.failed, record.unfinished]
                .iter()
                .map(|all| all.measured + all.outside)
                .sum(),
        }
    }

    /// Every series, in the measured window and outside it.
    pub fn each_series(&self) -> impl Iterator<Item = &Series> {
        self.series.measured.iter().chain(&self.series.outside)
    }

    /// All series of the measured window as one.
    pub fn measured_total(&self) -> Series {
        Series::total(&self.series.measured)
    }

    /// All requests, whatever phase they belong to.
    pub fn total(&self) -> Series {
        Series::total(self.each_series())
    }

    /// What became no request, all scenarios as one.
    pub fn scenario_total(&self) -> ScenarioRecord {
        let mut all = ScenarioRecord::default();
        self.scenarios.iter().for_each(|scenario| all.merge(scenario));
        all
    }
}

fn merge_each<T>(mine: &mut [T], theirs: &[T], merge: impl Fn(&mut T, &T)) {
    mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| merge(mine, theirs));
}

/// Whether something may be intended outside the window: in a warm-up, or after it, as what follows in a flow.
fn has_outside(layout: &Layout, phases: Phases) -> bool {
    phases.measure_from_ns > 0 || (0..layout.scenarios()).any(|scenario| layout.is_flow(scenario))
}

#[cfg(test)]
mod tests {
    use super::super::flow_passes::FlowPass;
    use super::super::iterations::{IterationEnd, LeftFlow};
    use super::super::recorder::Recorder;
    use super::*;

    #[test]
    fn a_scenario_has_its_own_series_and_its_own_record() {
        let phases = Phases { measure_from_ns: 0, measure_to_ns: 1 };
        let mut one = RequestRecord::new(&Layout::new([1, 2]), phases);
        for (index, series) in one.series.measured.iter_mut().enumerate() {
            (series.ok, series.last_sent_ns) = (index as u64 + 1, 10 * index as u64);
            series.lag.record(index as u64);
        }
        (one.scenarios[0].unsent.measured, one.scenarios[1].unsent.measured) = (5, 7);
        let mut both = one.clone();
        both.merge(&one);
        let of = |scenario: usize| Series::total(both.measured_of(scenario));
        assert_eq!((of(0).ok, of(1).ok, both.measured_total().ok), (2, 10, 12));
        assert_eq!((of(0).lag.max_ns(), of(1).lag.max_ns(), of(1).lag.count()), (0, 2, 4));
        assert_eq!((of(0).last_sent_ns, of(1).last_sent_ns), (0, 20));
        assert_eq!((both.scenarios[0].unsent.measured, both.scenario_total().unsent.measured), (10, 24));
    }

    #[test]
    fn named_flows_are_recorded_by_scenario_merged_and_read_again_and_older_records_have_none() {
        let phases = Phases { measure_from_ns: 100, measure_to_ns: 900 };
        let layout = Layout::new([1, 1, 1]).with_flows([0, 2]).with_named_flows([2, 0, 1]);
        let mut recorder = Recorder::new(0, &layout, phases);
        let left = |end, waited_ns| Some(LeftFlow { end, waited_ns, lasted_ns: 2 * waited_ns });
        let mut pass = |scenario, flow, intended_ns, ended| {
            for left in [None, ended] {
                recorder.flow_passed(scenario, &FlowPass { flow, intended_ns, left });
            }
        };
        pass(0, 1, 100, left(IterationEnd::Ok, 7));
        pass(0, 1, 50, left(IterationEnd::Ok, 9));
        pass(2, 0, 899, left(IterationEnd::Failed, 5));
        pass(2, 0, 899, left(IterationEnd::Unfinished, 5));
        pass(1, 0, 500, left(IterationEnd::Ok, 1));
        let mut both = recorder.requests.clone();
        both.merge(&recorder.requests);
        let json = serde_json::to_string(&both).unwrap();
        let read: RequestRecord = serde_json::from_str(&json).unwrap();
        for record in [both, read] {
            let counts = |record: &IterationRecord| {
                [record.begun, record.ok, record.failed, record.unfinished].map(|tally| tally.measured)
            };
            let of = |scenario: usize| record.flows_of(scenario).iter().map(counts).collect::<Vec<_>>();
            let expected = [vec![[0; 4], [2, 2, 0, 0]], vec![], vec![[4, 0, 2, 2]]];
            assert_eq!([0, 1, 2].map(of), expected);
            let second = &record.flows_of(0)[1];
            assert_eq!((second.begun.outside, second.ok.outside, second.waited.count()), (2, 2, 2));
            assert_eq!((second.waited.max_ns(), second.lasted.max_ns()), (7, 14));
        }
        recorder.clear(0);
        assert_eq!(recorder.requests.flows_of(0)[1].begun.measured, 0);
        let torn = json.replacen("\"named\":[2,2,3]", "\"named\":[2,2,4]", 1);
        assert!(torn != json && serde_json::from_str::<RequestRecord>(&torn).is_err());
        let without = RequestRecord::new(&Layout::new([1]).with_flows([0]), phases);
        let json = serde_json::to_string(&without).unwrap();
        assert!(!json.contains("named") && !json.contains("flows\":[]"), "{json}");
        assert!(serde_json::from_str::<RequestRecord>(&json).unwrap().flows.is_empty());
    }
}
