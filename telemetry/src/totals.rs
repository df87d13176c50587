//! Snapshots added up: all of a run so far, or one interval of it.
//!
//! What is intended in the measured window is kept apart from the rest, as in the report, so that figures of the phase `measure` are those
//! of the report. What is intended outside it is told by when it was counted: before the end of the window it is of the warm-up, after
//! it of the drain.

use engine::bucket::Tally;
use engine::distribution::Distribution;
use engine::phase::Phase;
use engine::record::{IterationRecord, Series, Snapshot};
use engine::run_facts::RunFacts;

/// The phases, in the order in which [`RunTotals`] has them.
pub const PHASES: [Phase; 3] = [Phase::Warmup, Phase::Measure, Phase::Drain];

/// Snapshots added up.
#[derive(Debug)]
pub struct RunTotals {
    /// Of each series, by phase, where there was anything.
    series: Vec<[Option<Box<Series>>; 3]>,
    scenarios: Vec<ScenarioTotals>,
    /// Arrivals that were scheduled, where all scenarios have a schedule.
    pub scheduled: Option<u64>,
    /// Connections that were made again.
    pub reconnects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Times that a shard lost its core.
    pub hiccups: u64,
    /// Snapshots that the output was too slow to take.
    pub lost: u64,
    /// Where the last snapshot ended, nanoseconds from the start of the run.
    pub to_ns: u64,
}

/// What one scenario has of arrivals and iterations.
#[derive(Clone, Debug, Default)]
pub struct ScenarioTotals {
    phases: [ArrivalTotals; 3],
    /// The times of iterations, where there are some. They are of the measured window alone.
    pub times: Option<Box<IterationDistributions>>,
}

/// How long iterations took.
#[derive(Clone, Debug, Default)]
pub struct IterationDistributions {
    /// How long their users waited.
    pub waited: Distribution,
    /// How long they lasted.
    pub lasted: Distribution,
}

/// Arrivals and iterations of one phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrivalTotals {
    /// Dropped by the overload policy.
    pub dropped: u64,
    /// Due and never sent.
    pub unsent: u64,
    /// Withheld.
    pub withheld: u64,
    /// Iterations begun.
    pub begun: u64,
    /// Iterations that ended well.
    pub ok: u64,
    /// Iterations in which a request failed.
    pub failed: u64,
    /// Iterations that were cut off.
    pub unfinished: u64,
}

/// What is so at one moment, and not the sum of what was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunLevels {
    /// Connections open.
    pub open: u64,
    /// The run has ended.
    pub is_ended: bool,
    /// Snapshots that the output was too slow to take, of the run so far.
    lost: u64,
    sent: u64,
    ended: u64,
}

impl RunLevels {
    /// Takes over what has become of them by the end of a snapshot.
    pub fn pass(&mut self, snapshot: &Snapshot) {
        self.open = snapshot.stats().open;
        for series in snapshot.requests.each_series() {
            self.sent += series.sent;
            // Every request that was sent has a lag, however it ended.
            self.ended += series.lag.count();
        }
    }

    /// Takes over how many snapshots were lost so far; returns how many are new.
    pub fn lose(&mut self, lost: u64) -> u64 {
        lost.saturating_sub(std::mem::replace(&mut self.lost, lost))
    }

    /// Requests under way.
    pub fn under_way(&self) -> u64 {
        self.sent.saturating_sub(self.ended)
    }
}

impl RunTotals {
    /// Nothing yet.
    pub fn new(facts: &RunFacts) -> RunTotals {
        let series = std::iter::repeat_with(Default::default).take(facts.series.len());
        RunTotals {
            series: series.collect(),
            scenarios: vec![ScenarioTotals::default(); facts.plan.scenarios.len()],
            scheduled: None,
            reconnects: 0,
            connect_failures: 0,
            hiccups: 0,
            lost: 0,
            to_ns: 0,
        }
    }

    /// Adds a snapshot, in which so many arrivals were scheduled, if that is known.
    pub fn add(&mut self, snapshot: &Snapshot, scheduled: Option<u64>) {
        let outside = outside_phase(snapshot);
        let requests = &snapshot.requests;
        for (index, totals) in self.series.iter_mut().enumerate() {
            let measured = requests.series.measured.get(index);
            let parts = [(Phase::Measure, measured), (outside, requests.series.outside.get(index))];
            for (phase, series) in parts {
                if let Some(series) = series.filter(|series| !is_nothing(series)) {
                    totals[place(phase)].get_or_insert_default().merge(series);
                }
            }
        }
        for (index, totals) in self.scenarios.iter_mut().enumerate() {
            let record = &requests.scenarios[index];
            totals.count(outside, record.dropped, |arrivals| &mut arrivals.dropped);
            totals.count(outside, record.unsent, |arrivals| &mut arrivals.unsent);
            totals.count(outside, record.withheld, |arrivals| &mut arrivals.withheld);
            if let Some(iterations) = &requests.iterations[index] {
                totals.add_iterations(outside, iterations);
            }
        }
        let stats = snapshot.stats();
        self.reconnects += stats.reconnects;
        self.connect_failures += stats.connect_failures;
        self.hiccups += stats.hiccups;
        self.scheduled = scheduled.map(|count| self.scheduled.unwrap_or(0) + count).or(self.scheduled);
        self.to_ns = self.to_ns.max(snapshot.to_ns);
    }

    /// Each series that has anything in a phase: its place among the facts' keys, the phase, and what it has.
    pub fn each_series(&self) -> impl Iterator<Item = (usize, Phase, &Series)> {
        self.series.iter().enumerate().flat_map(|(index, phases)| {
            let filled = PHASES.into_iter().zip(phases);
            filled.filter_map(move |(phase, series)| Some((index, phase, series.as_deref()?)))
        })
    }

    /// Each scenario, by its place in the plan.
    pub fn scenarios(&self) -> &[ScenarioTotals] {
        &self.scenarios
    }
}

impl ScenarioTotals {
    /// What there was in each phase in which there was anything; the measured window has it in any case.
    pub fn each_phase(&self) -> impl Iterator<Item = (Phase, &ArrivalTotals)> {
        let phases = PHASES.into_iter().zip(&self.phases);
        phases.filter(|(phase, arrivals)| *phase == Phase::Measure || **arrivals != ArrivalTotals::default())
    }

    fn count(&mut self, outside: Phase, tally: Tally, of: impl Fn(&mut ArrivalTotals) -> &mut u64) {
        *of(&mut self.phases[place(Phase::Measure)]) += tally.measured;
        *of(&mut self.phases[place(outside)]) += tally.outside;
    }

    fn add_iterations(&mut self, outside: Phase, record: &IterationRecord) {
        self.count(outside, record.begun, |arrivals| &mut arrivals.begun);
        self.count(outside, record.ok, |arrivals| &mut arrivals.ok);
        self.count(outside, record.failed, |arrivals| &mut arrivals.failed);
        self.count(outside, record.unfinished, |arrivals| &mut arrivals.unfinished);
        let times = self.times.get_or_insert_default();
        times.waited.merge(&record.waited);
        times.lasted.merge(&record.lasted);
    }
}

/// The phase of what a snapshot counts that was not intended in the measured window.
fn outside_phase(snapshot: &Snapshot) -> Phase {
    match phase_of(snapshot) {
        Phase::Drain => Phase::Drain,
        Phase::Warmup | Phase::Measure => Phase::Warmup,
    }
}

/// The phase that a snapshot lies in.
pub fn phase_of(snapshot: &Snapshot) -> Phase {
    snapshot.phases.at(snapshot.from_ns / 2 + snapshot.to_ns / 2)
}

fn place(phase: Phase) -> usize {
    match phase {
        Phase::Warmup => 0,
        Phase::Measure => 1,
        Phase::Drain => 2,
    }
}

fn is_nothing(series: &Series) -> bool {
    series.sent + series.ok + series.failed() + series.bytes_received + series.lag.count() == 0
}
