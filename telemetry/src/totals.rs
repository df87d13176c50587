//! Snapshots added up: all of a run so far, or one interval of it.
//!
//! What is intended in the measured window is kept apart from the rest, as in the report, so that figures of the phase `measure` are those
//! of the report. What is intended outside it is told by when it was counted: before the end of the window it is of the warm-up, after
//! it of the drain.

use crate::status_endings::StatusEndings;
use engine::bucket::Tally;
use engine::distribution::Distribution;
use engine::phase::Phase;
use engine::record::{IterationRecord, MachineSample, Series, ShardStats, Snapshot};
use engine::run_facts::RunFacts;
use std::collections::BTreeMap;

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
    /// How often each check of each series held, and how often not, in the measured window.
    pub checks: Vec<Vec<[u64; 2]>>,
    /// How requests of each series ended, by status.
    pub endings: Vec<StatusEndings>,
    /// What each shard counted of itself.
    pub shards: Vec<ShardStats>,
    /// How the machine fared, as far as it was read.
    pub machine: MachineTotals,
    /// What had become of the run's plan and load before.
    pub changes_before: RunChanges,
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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunLevels {
    /// Connections open.
    pub open: u64,
    /// Threads of the machine that run or wait for a core.
    pub load: Option<f64>,
    /// Memory of the machine that is left, bytes.
    pub available_bytes: Option<u64>,
    /// Memory of the process, bytes.
    pub resident_bytes: Option<u64>,
    /// What became of the run's plan and load so far.
    pub changes: RunChanges,
    /// What became of points so far, where they are sent to a collector.
    pub exported: Option<ExportedPoints>,
    /// The run has ended.
    pub is_ended: bool,
    /// Snapshots that the output was too slow to take, of the run so far.
    lost: u64,
    sent: u64,
    ended: u64,
}

/// How the machine fared, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineTotals {
    /// Time that the hypervisor took from cores, by their numbers, nanoseconds.
    pub steal_ns: BTreeMap<usize, u64>,
    /// Time for which the process was stopped.
    pub throttled_ns: Option<u64>,
    /// CPU time of the collector, and of outputs.
    pub cpu_ns: Option<[u64; 2]>,
}

impl MachineTotals {
    fn add(&mut self, sample: &MachineSample) {
        for (core, steal_ns) in &sample.steal_ns {
            *self.steal_ns.entry(*core).or_default() += steal_ns;
        }
        self.throttled_ns =
            sample.throttled_ns.map(|ns| self.throttled_ns.unwrap_or(0) + ns).or(self.throttled_ns);
        let [collector_ns, outputs_ns] = self.cpu_ns.unwrap_or_default();
        self.cpu_ns = Some([collector_ns + sample.collector_cpu_ns, outputs_ns + sample.outputs_cpu_ns]);
    }
}

/// What became of a run's plan and load while it went on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunChanges {
    /// How often the plan was read and taken over, the first time included, and how often it was refused.
    pub plans: [u64; 2],
    /// The plan as it was read last was refused.
    pub is_last_plan_refused: bool,
    /// Changes of loads.
    pub revisions: u64,
}

/// What became of points that were to be sent to a collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportedPoints {
    /// It took them.
    pub sent: u64,
    /// It rejected them.
    pub rejected: u64,
    /// They did not reach it, or may not have.
    pub dropped: u64,
    /// They wait on disk at the moment.
    pub spooled: u64,
    /// How often the circuit breaker opened, after failures in a row.
    pub breaker_openings: u64,
}

impl std::ops::Add for ExportedPoints {
    type Output = ExportedPoints;

    fn add(self, other: ExportedPoints) -> ExportedPoints {
        ExportedPoints {
            sent: self.sent + other.sent,
            rejected: self.rejected + other.rejected,
            dropped: self.dropped + other.dropped,
            spooled: self.spooled + other.spooled,
            breaker_openings: self.breaker_openings + other.breaker_openings,
        }
    }
}

impl RunLevels {
    /// Takes over what has become of them by the end of a snapshot.
    pub fn pass(&mut self, snapshot: &Snapshot) {
        self.open = snapshot.stats().open;
        if let Some(machine) = &snapshot.machine {
            (self.load, self.available_bytes) = (machine.load, machine.available_bytes);
            self.resident_bytes = machine.resident_bytes;
        }
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
            checks: vec![Vec::new(); facts.series.len()],
            endings: vec![StatusEndings::default(); facts.series.len()],
            shards: Vec::new(),
            machine: MachineTotals::default(),
            changes_before: RunChanges::default(),
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
                    self.endings[index].add(series);
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
        self.add_checks(snapshot);
        self.shards.resize(snapshot.shards.len(), ShardStats::default());
        self.shards.iter_mut().zip(&snapshot.shards).for_each(|(mine, theirs)| mine.merge(&theirs.total()));
        snapshot.machine.iter().for_each(|sample| self.machine.add(sample));
        self.scheduled = scheduled.map(|count| self.scheduled.unwrap_or(0) + count).or(self.scheduled);
        self.to_ns = self.to_ns.max(snapshot.to_ns);
    }

    fn add_checks(&mut self, snapshot: &Snapshot) {
        for (index, totals) in self.checks.iter_mut().enumerate() {
            let Some(looks) = snapshot.looks.of(index) else { continue };
            totals.resize(looks.checks.len().max(totals.len()), [0; 2]);
            for (total, counts) in totals.iter_mut().zip(&looks.checks) {
                *total = [total[0] + counts.passed, total[1] + counts.failed];
            }
        }
    }

    /// Each series that has anything in a phase: its place among the facts' keys, the phase, and what it has.
    pub fn each_series(&self) -> impl Iterator<Item = (usize, Phase, &Series)> {
        (0..self.series.len())
            .flat_map(move |index| self.phases_of(index).map(move |(phase, series)| (index, phase, series)))
    }

    /// What the series at a place among the facts' keys has in each phase in which it has anything.
    pub fn phases_of(&self, index: usize) -> impl Iterator<Item = (Phase, &Series)> {
        let filled = PHASES.into_iter().zip(&self.series[index]);
        filled.filter_map(|(phase, series)| Some((phase, series.as_deref()?)))
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
