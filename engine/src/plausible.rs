//! What no run can say: figures of a report of other origin that sums of would overflow, or that would take memory without end.
//!
//! A report is JSON, and whoever writes it can write anything. This is no proof that a report is true; it is what reckoning with it
//! relies on.

use crate::distribution::COUNT_MAX;
use crate::flow::NAMED_FLOWS_MAX;
use crate::history::{SLICES_MAX, Slice};
use crate::pass_slice::PassSlice;
use crate::plan::{SCENARIOS_MAX, SERIES_MAX, SHARDS_MAX};
use crate::record::RedirectCounts;
use crate::report::{FlowReport, Iterations, Report, RequestAttempts, Requests};
use std::fmt;

/// Longer than any run, and than the time all its shards have worked, nanoseconds: half a year, or 52 days on 1,024 cores in 512
/// slices. As many as a history has slices can be added up.
const TIME_NS_MAX: u64 = 1 << 54;

/// A figure that no run can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Implausible {
    /// A history of so many slices.
    Slices(usize),
    /// More kinds of request, or more shards, than a plan can have.
    SeriesOrShards,
    /// The times of a slice.
    SliceTimes {
        /// Which slice, from 0.
        index: usize,
        /// Where it begins.
        from_ns: u64,
        /// Where it ends.
        to_ns: u64,
        /// The CPU time it took.
        cpu_ns: u64,
    },
    /// A slice of so many scenarios.
    SliceScenarios {
        /// Which slice, from 0.
        index: usize,
        /// How many.
        scenarios: usize,
    },
    /// A slice of so many named flows of a scenario.
    SliceFlows {
        /// Which slice, from 0.
        index: usize,
        /// How many.
        flows: usize,
    },
    /// More of something than any run has.
    Count {
        /// Of what.
        of: String,
        /// How many.
        count: u64,
    },
}

impl fmt::Display for Implausible {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Implausible::Slices(slices) => {
                write!(formatter, "a history of {slices} slices; none has more than {SLICES_MAX}")
            }
            Implausible::SeriesOrShards => {
                formatter.write_str("more kinds of request, or more shards, than a plan can have")
            }
            Implausible::SliceTimes { index, from_ns, to_ns, cpu_ns } => {
                write!(formatter, "slice {index} from {from_ns} to {to_ns} ns, with {cpu_ns} ns of CPU time")
            }
            Implausible::SliceScenarios { index, scenarios } => {
                write!(formatter, "slice {index} has {scenarios} scenarios")
            }
            Implausible::SliceFlows { index, flows } => {
                write!(formatter, "slice {index} has {flows} named flows")
            }
            Implausible::Count { of, count } => write!(formatter, "{of}: {count} is more than any run has"),
        }
    }
}

impl std::error::Error for Implausible {}

/// That no figure of a report is one that no run can have.
pub fn require_plausible(report: &Report) -> Result<(), Implausible> {
    if report.history.len() > SLICES_MAX {
        return Err(Implausible::Slices(report.history.len()));
    }
    report.history.iter().enumerate().try_for_each(|(index, slice)| require_slice(index, slice))?;
    require_requests("requests", &report.requests)?;
    report.iterations.iter().try_for_each(require_iterations)?;
    for scenario in &report.scenarios {
        require_requests("a scenario's requests", &scenario.requests)?;
        scenario.iterations.iter().try_for_each(require_iterations)?;
        scenario.flows.iter().try_for_each(require_flow)?;
        scenario.attempts.iter().try_for_each(require_attempts)?;
        for check in &scenario.checks {
            require_counts("checks", &[check.passed, check.failed])?;
        }
        if let Some(redirects) = &scenario.redirects {
            let RedirectCounts { followed, over_limit, elsewhere, unusable } = *redirects;
            require_counts("redirects", &[followed, over_limit, elsewhere, unusable])?;
        }
    }
    if let Some(setup) = &report.setup {
        require_counts("setup", &[setup.refreshes, setup.failed])?;
    }
    let steps = || report.scenarios.iter().flat_map(|scenario| &scenario.steps);
    if steps().count() > SERIES_MAX || report.cpu.shards.len() > SHARDS_MAX as usize {
        return Err(Implausible::SeriesOrShards);
    }
    steps().try_for_each(|step| require_requests("a step's requests", &step.requests))
}

fn require_slice(index: usize, slice: &Slice) -> Result<(), Implausible> {
    let Slice { from_ns, to_ns, ok, failed, dropped, withheld, cpu_ns, ref scenarios, .. } = *slice;
    if from_ns > to_ns || to_ns > TIME_NS_MAX || cpu_ns > TIME_NS_MAX {
        return Err(Implausible::SliceTimes { index, from_ns, to_ns, cpu_ns });
    }
    let what = format!("slice {index}");
    require_counts(&what, &[ok, failed, dropped, withheld])?;
    require_passes(index, &slice.passes)?;
    if scenarios.len() > SCENARIOS_MAX {
        return Err(Implausible::SliceScenarios { index, scenarios: scenarios.len() });
    }
    scenarios.iter().try_for_each(|part| {
        require_counts(&what, &[part.ok, part.failed, part.dropped, part.withheld])?;
        require_passes(index, &part.passes)
    })
}

/// The iterations of a scenario and its named flows, in a slice.
fn require_passes(index: usize, passes: &[PassSlice]) -> Result<(), Implausible> {
    if passes.len() > 1 + NAMED_FLOWS_MAX {
        return Err(Implausible::SliceFlows { index, flows: passes.len() - 1 });
    }
    let what = format!("slice {index}");
    passes.iter().try_for_each(|pass| require_counts(&what, &[pass.ok, pass.failed]))
}

fn require_requests(what: &str, requests: &Requests) -> Result<(), Implausible> {
    let Requests {
        sent,
        ok,
        failed,
        dropped,
        unsent,
        withheld,
        errors,
        status,
        messages,
        first_message_ns: _,
        message_ns: _,
    } = requests;
    require_counts(what, &[*sent, *ok, *failed, *dropped, *unsent, *withheld, *messages])?;
    errors.values().chain(status.values()).try_for_each(|count| require_counts(what, &[*count]))
}

fn require_iterations(iterations: &Iterations) -> Result<(), Implausible> {
    let Iterations { ok, failed, unfinished, dropped, unsent, withheld, session_waits, .. } = *iterations;
    require_counts("iterations", &[ok, failed, unfinished, dropped, unsent, withheld, session_waits])
}

fn require_flow(flow: &FlowReport) -> Result<(), Implausible> {
    let FlowReport { entered, ok, failed, unfinished, .. } = *flow;
    require_counts("a named flow", &[entered, ok, failed, unfinished])
}

fn require_attempts(attempts: &RequestAttempts) -> Result<(), Implausible> {
    let RequestAttempts { made, further, .. } = *attempts;
    require_counts("attempts", &[made])?;
    // Each request that was tried has a first one.
    if further > made {
        Err(Implausible::Count { of: "further attempts".to_owned(), count: further })
    } else {
        Ok(())
    }
}

fn require_counts(what: &str, counts: &[u64]) -> Result<(), Implausible> {
    match counts.iter().find(|count| **count > COUNT_MAX) {
        Some(&count) => Err(Implausible::Count { of: what.to_owned(), count }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{OPEN, report, slices};

    #[test]
    fn what_a_run_says_is_plausible_and_what_none_can_say_is_not() {
        let made = || report("a", OPEN, &slices(1, 20, 20, 1.0));
        assert_eq!(require_plausible(&made()), Ok(()));
        type Change = fn(&mut Report);
        let changes: [(&str, Change); 15] = [
            ("slices", |report| report.history = vec![report.history[0].clone(); SLICES_MAX + 1]),
            ("slice 3", |report| report.history[3].ok = u64::MAX),
            ("slice 3", |report| report.history[3].from_ns = report.history[3].to_ns + 1),
            ("slice 3", |report| report.history[3].to_ns = u64::MAX),
            ("slice 3", |report| report.history[3].cpu_ns = u64::MAX),
            ("slice 3", |report| report.history[3].withheld = u64::MAX),
            ("slice 3", |report| {
                report.history[3].passes = vec![PassSlice { failed: u64::MAX, ..PassSlice::default() }];
            }),
            ("slice 3 has 33 named flows", |report| {
                report.history[3].passes = vec![PassSlice::default(); NAMED_FLOWS_MAX + 2];
            }),
            ("requests", |report| report.requests.unsent = u64::MAX),
            ("requests", |report| report.requests.status = [(200, u64::MAX)].into()),
            ("iterations", |report| {
                report.iterations = Some(Iterations { unsent: u64::MAX, ..Iterations::default() });
            }),
            ("a named flow", |report| {
                report.scenarios[0].flows = vec![FlowReport { ok: u64::MAX, ..FlowReport::default() }];
            }),
            ("a scenario's requests", |report| report.scenarios[0].requests.dropped = u64::MAX),
            ("further attempts", |report| {
                let attempts = RequestAttempts { made: 1, further: 2, ..RequestAttempts::default() };
                report.scenarios[0].attempts = Some(attempts);
            }),
            ("shards", |report| report.scenarios = vec![report.scenarios[0].clone(); SERIES_MAX + 1]),
        ];
        for (said, change) in changes {
            let mut report = made();
            change(&mut report);
            let error = require_plausible(&report).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
