//! How a part of a run fared: one scenario, or all together.

use super::asked::{NeverMade, asked as counted_as_asked};
use super::figures::{
    Bytes, FlowReport, Iterations, RateBlock, RequestAttempts, Requests, ScenarioReport, StepReport,
};
use crate::distribution::Distribution;
use crate::history::Slice;
use crate::load::{Arrivals, Load};
use crate::outcome::Kind;
use crate::phase::Phases;
use crate::plan::{Plan, Scenario, Step};
use crate::record::{AttemptRecord, IterationRecord, MessageTimes, ScenarioRecord, Series, Snapshot};
use crate::revision::{Revision, schedule_of};
use crate::schedule::Schedule;
use crate::target_outcome::{Signs, TargetOutcome};
use crate::threshold::{Facts, IterationTimes};
use crate::timing::Timing;
use crate::trust::{Grounds, Trust};
use crate::verdict::Evidence;
use std::borrow::Cow;

/// What is known of one scenario, or of all, in the measured window.
pub(super) struct Part<'a> {
    /// Whose part it is; nothing for the whole.
    name: Option<&'a str>,
    /// It has no schedule.
    is_closed: bool,
    pub(super) series: Series,
    pub(super) arrivals: ScenarioRecord,
    /// Its part of the window, in nanoseconds from the start of the run.
    window_ns: (u64, u64),
    pub(super) requests: Requests,
    pub(super) iterations: Option<Iterations>,
    /// What was written down of them.
    recorded: Option<Cow<'a, IterationRecord>>,
    /// Arrivals that are counted as requests that have failed.
    never: NeverMade,
    /// Arrivals of the window: of requests, or of iterations where requests follow each other.
    pub(super) scheduled: u64,
    pub(super) rate: RateBlock,
    /// Arrivals by which its schedule and its counts differ.
    unaccounted: u64,
    /// Its part of the history.
    slices: Cow<'a, [Slice]>,
}

/// The run that parts are parts of.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) plan: &'a Plan,
    pub(super) snapshot: &'a Snapshot,
    pub(super) history: &'a [Slice],
    /// The window as it was, in nanoseconds from the start of the run.
    pub(super) window_ns: (u64, u64),
    /// It ended before what was asked for was done.
    pub(super) is_partial: bool,
    /// What was changed of the load while it went on.
    pub(super) revisions: &'a [Revision],
}

impl<'a> Part<'a> {
    /// The parts of all scenarios, in the order of the plan.
    pub(super) fn of_each(whole: Whole<'a>) -> Vec<Part<'a>> {
        (0..whole.plan.scenarios.len()).map(|index| Part::of_scenario(whole, index)).collect()
    }

    fn of_scenario(whole: Whole<'a>, index: usize) -> Part<'a> {
        let Whole { plan, snapshot, history, window_ns: (from_ns, to_ns), is_partial, revisions } = whole;
        let scenario = &plan.scenarios[index];
        let is_only = plan.scenarios.len() == 1;
        let series = Series::total(snapshot.requests.measured_of(index));
        let arrivals = snapshot.requests.scenarios[index];
        let record = snapshot.requests.iterations[index].as_ref();
        let iterations = record.map(|record| iterations(record, &arrivals));
        let never = NeverMade::of(scenario, iterations.as_ref());
        let requests =
            requests(&series, &if record.is_some() { ScenarioRecord::default() } else { arrivals });
        let scheduled = iterations.as_ref().map_or(requests.scheduled(), Iterations::scheduled);
        let starts_ns = scenario.starts_ns.clamp(from_ns, to_ns);
        let ends_ns = match arrivals.spent_ns {
            spent_ns if is_counted_out(scenario, snapshot, index) => spent_ns.min(scenario.ends_ns()),
            _ => scenario.ends_ns(),
        };
        let window_ns = (starts_ns, ends_ns.clamp(starts_ns, to_ns));
        let slices = match is_only {
            true => Cow::Borrowed(history),
            false => history.iter().map(|slice| slice.of_scenario(index)).collect(),
        };
        let finished = arrivals.finished.measured;
        let last_ns = record.map_or(series.last_sent_ns, |record| record.last_begun_ns);
        let overrun_ns = last_ns.saturating_sub(window_ns.1);
        let schedule = schedule_of(scenario, revisions);
        let asked = asked(scenario, schedule.as_ref(), window_ns);
        let unreleased = arrivals.unreleased();
        let rate = rate(asked, (scheduled - unreleased, scheduled), finished, window_ns, overrun_ns);
        let unaccounted = if is_partial || arrivals.is_fed_out {
            0
        } else {
            unaccounted(scenario, schedule.as_ref(), snapshot.phases, scheduled)
        };
        let (name, is_closed) = (Some(scenario.name.as_str()), scenario.load.is_closed());
        Part {
            name,
            is_closed,
            series,
            arrivals,
            window_ns,
            requests,
            iterations,
            recorded: record.map(Cow::Borrowed),
            never,
            scheduled,
            rate,
            unaccounted,
            slices,
        }
    }

    /// All parts together. A run with one scenario is that scenario.
    pub(super) fn whole(whole: Whole<'a>, parts: &[Part<'a>]) -> Part<'a> {
        let Whole { plan, snapshot, history, window_ns, .. } = whole;
        let series = snapshot.measured_total();
        let arrivals = snapshot.requests.scenario_total();
        let mut of_requests = ScenarioRecord::default();
        let mixes = parts.iter().filter(|part| part.iterations.is_none());
        mixes.for_each(|part| of_requests.merge(&part.arrivals));
        let requests = requests(&series, &of_requests);
        let flows: Vec<&Iterations> = parts.iter().filter_map(|part| part.iterations.as_ref()).collect();
        let iterations = together(&flows);
        let recorded = match parts.iter().filter_map(|part| part.recorded.as_deref()).collect::<Vec<_>>()[..]
        {
            [only] => Some(Cow::Owned(only.clone())),
            // Times of different flows have nothing in common.
            _ => None,
        };
        let mut never = NeverMade::default();
        parts.iter().for_each(|part| never.add(part.never));
        let scheduled = parts.iter().map(|part| part.scheduled).sum();
        let (window_ns, rate) = match parts {
            [only] => (only.window_ns, only.rate),
            several => (window_ns, sum(several, window_ns)),
        };
        let unaccounted = parts.iter().map(|part| part.unaccounted).sum();
        let slices = Cow::Borrowed(history);
        let is_closed = plan.is_closed();
        let name = None;
        Part {
            name,
            is_closed,
            series,
            arrivals,
            window_ns,
            requests,
            iterations,
            recorded,
            never,
            scheduled,
            rate,
            unaccounted,
            slices,
        }
    }

    /// What the verdict looks at of this part; the rest is the run's.
    pub(super) fn evidence<'e>(&'e self, run: &Evidence<'e>) -> Evidence<'e> {
        Evidence {
            scenario: self.name,
            series: &self.series,
            arrivals: self.arrivals,
            is_closed_loop: self.is_closed,
            scheduled: self.scheduled,
            target_rps: self.rate.target.unwrap_or(0.0),
            achieved_rps: self.rate.achieved,
            unaccounted: self.unaccounted,
            ..run.clone()
        }
    }

    pub(super) fn unaccounted(&self) -> u64 {
        self.unaccounted
    }

    pub(super) fn window_s(&self) -> f64 {
        seconds(self.window_ns)
    }

    pub(super) fn outcome(&self, evidence: &Evidence, is_invalid: bool) -> TargetOutcome {
        TargetOutcome::new(&Signs {
            series: &self.series,
            dropped: self.arrivals.dropped.measured,
            unsent: self.arrivals.unsent.measured,
            withheld: self.arrivals.withheld.measured,
            achieved_rps: self.rate.achieved,
            target_rps: self.rate.target,
            cause: evidence.cause_of_shortfall(),
            is_invalid,
            window_ns: self.window_ns,
            history: &self.slices,
        })
    }

    pub(super) fn trust(&self, is_invalid: bool) -> Trust {
        Trust::new(&Grounds {
            response: &self.series.response,
            lag: &self.series.lag,
            unsent: self.arrivals.unsent.measured,
            scheduled: self.scheduled - self.arrivals.withheld.measured,
            is_invalid,
        })
    }

    /// What conditions on it are judged on.
    pub(super) fn facts(&self) -> Facts<'_> {
        // What was withheld was asked of nobody, and is no failure: conditions on `rate` and `ratio` see it.
        let arrivals = self.scheduled - self.arrivals.withheld.measured;
        let arrivals = (arrivals, self.arrivals.unsent.measured);
        Facts {
            asked: counted_as_asked(&self.requests, self.never, arrivals),
            achieved_rps: self.rate.achieved,
            ratio: self.rate.ratio.unwrap_or(1.0),
            iterations: self.recorded.as_deref().map(IterationTimes::of_record),
            ..Facts::of_series(&self.series)
        }
    }

    /// The part as reports have it.
    pub(super) fn report(
        &self,
        scenario: &Scenario,
        steps: &[Series],
        outcome: TargetOutcome,
        trust: Trust,
    ) -> ScenarioReport {
        let step = |(step, series): (&Step, &Series)| StepReport {
            name: step.name.clone(),
            requests: requests(series, &ScenarioRecord::default()),
            bytes: Bytes { sent: series.bytes_sent, received: series.bytes_received },
            response_ns: Timing::new(&series.response),
            service_ns: Timing::new(&series.service),
            slip_ns: Timing::new(&series.slip),
            failed_response_ns: Timing::new(&series.failed_response),
            generator_lag_ns: Timing::new(&series.lag),
        };
        let series = &self.series;
        let breaker = scenario.flow().and_then(|flow| flow.resilience.breaker);
        ScenarioReport {
            name: scenario.name.clone(),
            window_s: self.window_s(),
            outcome,
            trust,
            rate: self.rate,
            requests: self.requests.clone(),
            iterations: self.iterations.clone(),
            flows: Vec::new(),
            attempts: series.attempts.as_deref().map(attempts),
            breaker: breaker.map(|_| self.arrivals.breaker),
            checks: Vec::new(),
            redirects: None,
            bytes: Bytes { sent: series.bytes_sent, received: series.bytes_received },
            response_ns: Timing::new(&series.response),
            service_ns: Timing::new(&series.service),
            slip_ns: Timing::new(&series.slip),
            failed_response_ns: Timing::new(&series.failed_response),
            generator_lag_ns: Timing::new(&series.lag),
            steps: scenario.steps().iter().zip(steps).map(step).collect(),
        }
    }
}

fn seconds((from_ns, to_ns): (u64, u64)) -> f64 {
    (to_ns - from_ns).max(1) as f64 / 1e9
}

fn attempts(record: &AttemptRecord) -> RequestAttempts {
    let errors = Kind::ALL.into_iter().map(|kind| (kind, record.errors[kind as usize]));
    RequestAttempts {
        made: record.made,
        further: record.further,
        sent: record.sent,
        ratio: record.made as f64 / record.requests().max(1) as f64,
        ok: record.ok,
        errors: errors
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| (kind.name().to_owned(), count))
            .collect(),
        status: record.statuses.iter().collect(),
        exhausted: record.exhausted,
        over_budget: record.over_budget,
        service_ns: Timing::new(&record.service),
    }
}

fn requests(series: &Series, arrivals: &ScenarioRecord) -> Requests {
    let errors = Kind::ALL.into_iter().filter(|kind| series.errors[*kind as usize] > 0);
    let times = |which: fn(&MessageTimes) -> &Distribution| {
        let times = which(series.message_times.as_ref()?);
        (times.count() > 0).then(|| Timing::new(times))
    };
    Requests {
        sent: series.sent,
        ok: series.ok,
        failed: series.failed(),
        dropped: arrivals.dropped.measured,
        unsent: arrivals.unsent.measured,
        withheld: arrivals.withheld.measured,
        errors: errors.map(|kind| (kind.name().to_owned(), series.errors[kind as usize])).collect(),
        status: series.statuses.iter().collect(),
        messages: series.messages,
        first_message_ns: times(|times| &times.first),
        message_ns: times(|times| &times.following),
    }
}

/// Whether a closed loop beside other scenarios has had the last of its requests answered.
fn is_counted_out(scenario: &Scenario, snapshot: &Snapshot, index: usize) -> bool {
    let is_noted = snapshot.requests.scenarios[index].spent_ns > 0;
    is_noted && scenario.requests_max.is_some_and(|asked| snapshot.requests.arrivals_ended_of(index) >= asked)
}

/// Arrivals per second that a schedule asks for in a window; none of a closed loop.
fn asked(scenario: &Scenario, schedule: Option<&Schedule>, window_ns: (u64, u64)) -> Option<f64> {
    let schedule = schedule?;
    let before = |ns: u64| schedule.arrivals_before(ns).min(scenario.requests_max.unwrap_or(u64::MAX));
    Some((before(window_ns.1) - before(window_ns.0)) as f64 / seconds(window_ns))
}

fn iterations(record: &IterationRecord, arrivals: &ScenarioRecord) -> Iterations {
    Iterations {
        ok: record.ok.measured,
        failed: record.failed.measured,
        unfinished: record.unfinished.measured,
        dropped: arrivals.dropped.measured,
        unsent: arrivals.unsent.measured,
        withheld: arrivals.withheld.measured,
        session_waits: arrivals.session_waits.measured,
        iteration_ns: Timing::new(&record.waited),
        duration_ns: Timing::new(&record.lasted),
    }
}

/// How the named flows of a scenario were gone through.
pub(super) fn flows(scenario: &Scenario, records: &[IterationRecord]) -> Vec<FlowReport> {
    let of_flow = |(name, record): (&str, &IterationRecord)| {
        let steps = scenario.flow().map(|flow| flow.steps_of_flow(name)).unwrap_or_default();
        FlowReport {
            name: name.to_owned(),
            steps: steps.into_iter().map(|step| scenario.steps()[step].name.clone()).collect(),
            entered: record.begun.measured,
            ok: record.ok.measured,
            failed: record.failed.measured,
            unfinished: record.unfinished.measured,
            iteration_ns: Timing::new(&record.waited),
            duration_ns: Timing::new(&record.lasted),
        }
    };
    scenario.named_flows().into_iter().zip(records).map(of_flow).collect()
}

/// The iterations of several scenarios as one. Times of different flows have nothing in common: those of one alone are the whole's.
fn together(flows: &[&Iterations]) -> Option<Iterations> {
    let (first, others) = flows.split_first()?;
    let mut all = Iterations::clone(first);
    for other in others {
        all.ok += other.ok;
        all.failed += other.failed;
        all.unfinished += other.unfinished;
        all.dropped += other.dropped;
        all.unsent += other.unsent;
        all.withheld += other.withheld;
        all.session_waits += other.session_waits;
        (all.iteration_ns, all.duration_ns) = (Timing::default(), Timing::default());
    }
    Some(all)
}

/// Arrivals carried per second, of all that were scheduled. Those sent after the window's end, to catch up, stretch the time they are divided by.
fn rate(
    asked: Option<f64>,
    (carried, scheduled): (u64, u64),
    finished: u64,
    window_ns: (u64, u64),
    overrun_ns: u64,
) -> RateBlock {
    let window_s = seconds(window_ns);
    if asked.is_none() {
        // Only what ended inside the window: what was under way at its end would flatter slow targets.
        return RateBlock { asked, target: None, achieved: finished as f64 / window_s, ratio: None };
    }
    let target = scheduled as f64 / window_s;
    let achieved = carried as f64 / (window_s + overrun_ns as f64 / 1e9);
    let ratio = if target > 0.0 { achieved / target } else { 1.0 };
    RateBlock { asked, target: Some(target), achieved, ratio: Some(ratio) }
}

/// The rates of several scenarios as one, over the run's window. What was asked for is only known where each has a schedule.
fn sum(parts: &[Part], window_ns: (u64, u64)) -> RateBlock {
    let window_s = seconds(window_ns);
    let share = |part: &Part| part.window_s() / window_s;
    let together = |rate: fn(&RateBlock) -> Option<f64>| {
        parts.iter().map(|part| Some(rate(&part.rate)? * share(part))).sum::<Option<f64>>()
    };
    let achieved = parts.iter().map(|part| part.rate.achieved * share(part)).sum();
    let (asked, target) = (together(|rate| rate.asked), together(|rate| rate.target));
    let ratio = target.map(|target| if target > 0.0 { achieved / target } else { 1.0 });
    RateBlock { asked, target, achieved, ratio }
}

/// By how many arrivals the counts differ from the schedule itself, which no shard had a hand in. Random arrivals cannot be
/// counted without drawing them again.
fn unaccounted(scenario: &Scenario, schedule: Option<&Schedule>, phases: Phases, scheduled: u64) -> u64 {
    let (Load::Open { arrivals: Arrivals::Uniform, .. }, Some(schedule)) = (&scenario.load, schedule) else {
        return 0;
    };
    let before = |ns: u64| schedule.arrivals_before(ns).min(scenario.requests_max.unwrap_or(u64::MAX));
    (before(phases.measure_to_ns) - before(phases.measure_from_ns)).abs_diff(scheduled)
}
