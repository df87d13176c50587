//! How a run stands to the conditions of its plan.

use super::part::Part;
use crate::plan::Plan;
use crate::record::{Series, Snapshot};
use crate::threshold::{Facts, Metric, Relation, Threshold};
use serde::{Deserialize, Serialize};

/// One condition and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// As typed.
    pub text: String,
    /// What it is about.
    pub metric: Metric,
    /// How the figure has to stand to the limit.
    pub comparison: Relation,
    /// The limit: nanoseconds, a share, a count, or arrivals per second.
    pub limit: f64,
    /// The figure, in the same unit; `null` where there was nothing to measure it on.
    pub measured: Option<f64>,
    /// The figure for people.
    pub shown: String,
    /// Whether it is met.
    pub ok: bool,
}

/// Every condition of the plan, met or not, each on the part of the run it is about.
pub(super) fn judge(plan: &Plan, snapshot: &Snapshot, run: &Part, parts: &[Part]) -> Vec<ThresholdResult> {
    let judge = |threshold: &Threshold| {
        let scenario = threshold.scope.scenario.as_deref().and_then(|name| plan.scenario_named(name));
        let part = scenario.map_or(run, |index| &parts[index]);
        match &threshold.scope.step {
            None => judged(threshold, &part.facts()),
            Some(name) => {
                let series = steps_named(plan, snapshot, scenario, name);
                judged(threshold, &Facts::of_series(&series))
            }
        }
    };
    plan.thresholds.iter().map(judge).collect()
}

/// All steps of a name, in one scenario or in all, as one.
fn steps_named(plan: &Plan, snapshot: &Snapshot, scenario: Option<usize>, name: &str) -> Series {
    let mut all = Series::default();
    let scenarios = plan.scenarios.iter().enumerate();
    for (index, of_plan) in scenarios.filter(|(index, _)| scenario.is_none_or(|wanted| wanted == *index)) {
        let steps = of_plan.steps().iter().zip(snapshot.requests.measured_of(index));
        steps.filter(|(step, _)| step.name == name).for_each(|(_, series)| all.merge(series));
    }
    all
}

fn judged(threshold: &Threshold, facts: &Facts) -> ThresholdResult {
    let measured = threshold.measure(facts);
    ThresholdResult {
        text: threshold.text.clone(),
        metric: threshold.metric,
        comparison: threshold.comparison,
        limit: threshold.limit,
        measured,
        shown: shown(threshold, measured, facts),
        ok: threshold.is_met(measured, facts),
    }
}

/// A figure for people, and why it cannot be believed, if so.
fn shown(threshold: &Threshold, measured: Option<f64>, facts: &Facts) -> String {
    let figure = measured.map_or_else(|| "-".to_owned(), |figure| threshold.show(figure));
    match threshold.doubt(facts) {
        None => figure,
        Some(doubt) => format!("{figure}, {doubt}"),
    }
}
