//! How a run stands to the conditions of its plan.

use super::looks;
use super::part::Part;
use crate::plan::Plan;
use crate::quantity::show_ns;
use crate::record::{IterationRecord, Series, Snapshot};
use crate::redact;
use crate::threshold::{Facts, IterationTimes, Metric, Relation, Scope, Threshold, exact};
use crate::threshold_watch::{JudgedWindows, ReplacedCondition, WatchedRun, WorstWindow};
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
    /// How long the windows are in each of which it had to hold, nanoseconds; absent where it was held against the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_ns: Option<u64>,
    /// How many such windows were judged; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<u64>,
    /// In how many of them it did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows_broken: Option<u64>,
    /// The worst of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<WorstWindow>,
    /// When it was found broken and ended the run, nanoseconds from the start of sending; absent where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aborted_at_ns: Option<u64>,
    /// Until when it held, nanoseconds from the start of sending; absent where it holds at the end. Another came in its place while the run
    /// went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ns: Option<u64>,
}

/// Every condition of the plan, or of those that came in their place while the run went on, met or not, each on the part of the run it is
/// about. Behind them those that were judged on windows before that.
pub(super) fn judge(
    plan: &Plan,
    snapshot: &Snapshot,
    watched: &WatchedRun,
    run: &Part,
    parts: &[Part],
) -> Vec<ThresholdResult> {
    let judge_whole = |threshold: &Threshold| {
        let scenario = threshold.scope.scenario.as_deref().and_then(|name| plan.scenario_named(name));
        let part = scenario.map_or(run, |index| &parts[index]);
        let is_of_checks = threshold.metric == Metric::Checks;
        let checks = is_of_checks.then(|| looks::check_counts(plan, snapshot, &threshold.scope));
        if threshold.scope.part().is_none() {
            return judged(threshold, &Facts { checks, ..part.facts() });
        }
        let series = steps_in(plan, snapshot, &threshold.scope);
        let passes = passes_in(plan, snapshot, &threshold.scope);
        let iterations = passes.as_ref().map(IterationTimes::of_record);
        judged(threshold, &Facts { checks, iterations, ..Facts::of_series(&series) })
    };
    // Windows know nothing of checks that never ran in all the run.
    let doubted = |result: ThresholdResult, threshold: &Threshold| {
        if threshold.metric != Metric::Checks {
            return result;
        }
        let checks = Some(looks::check_counts(plan, snapshot, &threshold.scope));
        match threshold.doubt(&Facts { checks, ..run.facts() }) {
            Some(doubt) => {
                ThresholdResult { ok: false, shown: format!("{}, {doubt}", result.shown), ..result }
            }
            None => result,
        }
    };
    let judge = |(index, threshold): (usize, &Threshold)| {
        let windows = watched.windows.iter().find(|windows| windows.threshold == index);
        let result = match threshold.terms.over_ns {
            Some(over_ns) => doubted(of_windows(threshold, over_ns, windows), threshold),
            None => judge_whole(threshold),
        };
        match watched.abort.as_ref().filter(|abort| abort.threshold == index) {
            Some(abort) => aborting(result, threshold, abort.at_ns, abort.measured),
            None => result,
        }
    };
    let revised = watched.revised.as_ref();
    let revised: Option<Vec<Threshold>> =
        revised.map(|all| all.iter().map(|threshold| written(plan, threshold)).collect());
    let thresholds = revised.as_ref().unwrap_or(&plan.thresholds);
    let replaced = watched.replaced.iter().filter_map(|replaced| replaced_result(plan, replaced));
    thresholds.iter().enumerate().map(judge).chain(replaced).collect()
}

/// A condition that is none of the plan's, with the names that the plan has where it is written down.
fn written(plan: &Plan, threshold: &Threshold) -> Threshold {
    let mut threshold = threshold.clone();
    if !plan.keeps_secrets {
        redact::threshold(&mut threshold);
    }
    threshold
}

/// How a condition stood in the windows that were judged before another came in its place.
fn replaced_result(plan: &Plan, replaced: &ReplacedCondition) -> Option<ThresholdResult> {
    let ReplacedCondition { threshold, until_ns, windows } = replaced;
    let threshold = written(plan, threshold);
    let result = of_windows(&threshold, threshold.terms.over_ns?, Some(windows));
    let shown = format!("{}, until it was changed at {}", result.shown, show_ns(*until_ns));
    Some(ThresholdResult { shown, until_ns: Some(*until_ns), ..result })
}

/// How a condition stood in the windows of a run. Where there was no full one to judge, it is not met.
fn of_windows(threshold: &Threshold, over_ns: u64, windows: Option<&JudgedWindows>) -> ThresholdResult {
    let (judged, broken) = windows.map_or((0, 0), |windows| (windows.judged, windows.broken));
    let worst = windows.and_then(|windows| windows.worst);
    let shown = match worst {
        None => format!("-, no full window of {} to judge", exact(over_ns)),
        Some(WorstWindow { from_ns, to_ns, measured }) => {
            let figure = figure(threshold, measured);
            let where_to = format!("from {} to {}", show_ns(from_ns), show_ns(to_ns));
            format!("{figure} in the worst window, {where_to}; {broken} of {judged} windows broke it")
        }
    };
    ThresholdResult {
        measured: worst.and_then(|worst| worst.measured),
        shown,
        ok: judged > 0 && broken == 0,
        over_ns: Some(over_ns),
        windows: Some(judged),
        windows_broken: Some(broken),
        worst,
        ..unjudged(threshold)
    }
}

/// The same of a condition that ended the run, which it broke then, whatever came of what was still under way.
fn aborting(
    result: ThresholdResult,
    threshold: &Threshold,
    at_ns: u64,
    measured: Option<f64>,
) -> ThresholdResult {
    let then = format!("{} after {}, which ended the run", figure(threshold, measured), show_ns(at_ns));
    let shown = format!("{then}; at its end {}", result.shown);
    ThresholdResult { ok: false, shown, aborted_at_ns: Some(at_ns), ..result }
}

fn figure(threshold: &Threshold, measured: Option<f64>) -> String {
    measured.map_or_else(|| "-".to_owned(), |figure| threshold.show(figure))
}

/// What is known of a condition before anything was measured.
fn unjudged(threshold: &Threshold) -> ThresholdResult {
    ThresholdResult {
        text: threshold.text.clone(),
        metric: threshold.metric,
        comparison: threshold.comparison,
        limit: threshold.limit,
        measured: None,
        shown: String::new(),
        ok: false,
        over_ns: None,
        windows: None,
        windows_broken: None,
        worst: None,
        aborted_at_ns: None,
        until_ns: None,
    }
}

/// All steps that a scope is about, in one scenario or in all, as one.
fn steps_in(plan: &Plan, snapshot: &Snapshot, scope: &Scope) -> Series {
    let mut all = Series::default();
    for (index, scenario) in plan.scenarios.iter().enumerate() {
        let series = snapshot.requests.measured_of(index);
        scenario.steps_in(scope).into_iter().for_each(|step| all.merge(&series[step]));
    }
    all
}

/// What became of the named flow that a scope is about, if it is about one.
fn passes_in(plan: &Plan, snapshot: &Snapshot, scope: &Scope) -> Option<IterationRecord> {
    scope.flow.as_ref()?;
    let mut all = IterationRecord::default();
    plan.flow_records(scope).into_iter().for_each(|flow| all.merge(&snapshot.requests.flows[flow]));
    Some(all)
}

fn judged(threshold: &Threshold, facts: &Facts) -> ThresholdResult {
    let measured = threshold.measure(facts);
    ThresholdResult {
        measured,
        shown: shown(threshold, measured, facts),
        ok: threshold.is_met(measured, facts),
        ..unjudged(threshold)
    }
}

/// A figure for people, and why it cannot be believed, if so.
fn shown(threshold: &Threshold, measured: Option<f64>, facts: &Facts) -> String {
    let figure = figure(threshold, measured);
    match threshold.doubt(facts) {
        None => figure,
        Some(doubt) => format!("{figure}, {doubt}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};
    use crate::quantity::SECOND_NS;
    use crate::report::{Identity, Measured, Report};
    use crate::threshold_watch::Abort;

    const WORST: WorstWindow =
        WorstWindow { from_ns: 3 * SECOND_NS, to_ns: 5 * SECOND_NS, measured: Some(0.25) };

    fn report(thresholds: &str, watched: WatchedRun, to_ns: u64) -> Report {
        let text = format!("url = 'http://h/'\nrun.duration = '10s'\n[thresholds]\n{thresholds}");
        let document = Document { name: "p".into(), text, format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        let mut whole = Snapshot::new(1, &plan.layout(), plan.phases);
        whole.ended_ns = Some(to_ns);
        let measured = Measured { watched, ..Measured::of(whole, Vec::new()) };
        Report::new(&plan, &measured, Identity { run_id: "r".into(), started_at: "t".into() })
    }

    fn windows(judged: u64, broken: u64) -> WatchedRun {
        let windows = JudgedWindows { threshold: 0, judged, broken, worst: (judged > 0).then_some(WORST) };
        WatchedRun { windows: vec![windows], ..WatchedRun::default() }
    }

    #[test]
    fn a_condition_over_windows_is_met_where_none_broke_it() {
        const OVER: &str = "failed = { limit = 'rate<30%', over = '2s' }";
        for (judged, broken, is_met) in [(9, 0, true), (9, 1, false), (0, 0, false)] {
            let report = report(OVER, windows(judged, broken), 10 * SECOND_NS);
            let [result] = &report.thresholds[..] else { panic!("one condition") };
            assert_eq!((result.ok, report.meets_thresholds()), (is_met, is_met));
            assert_eq!((result.windows, result.windows_broken), (Some(judged), Some(broken)));
            assert_eq!(result.over_ns, Some(2 * SECOND_NS));
            assert_eq!(result.measured, (judged > 0).then_some(0.25));
        }
        let shown = report(OVER, windows(9, 1), 10 * SECOND_NS).thresholds[0].shown.clone();
        assert_eq!(shown, "25.0000 % in the worst window, from 3.00 s to 5.00 s; 1 of 9 windows broke it");
        let shown = report(OVER, windows(0, 0), 10 * SECOND_NS).thresholds[0].shown.clone();
        assert_eq!(shown, "-, no full window of 2s to judge");
    }

    #[test]
    fn a_condition_that_ended_the_run_is_not_met_whatever_came_of_it() {
        const ABORT: &str = "failed = { limit = 'rate<30%', abort = true }\nrate = '>=0'";
        let abort = Some(Abort { threshold: 0, at_ns: 4 * SECOND_NS, measured: Some(0.5) });
        let watched = WatchedRun { abort, ..WatchedRun::default() };
        let early = report(ABORT, watched.clone(), 5 * SECOND_NS);
        let aborting = early.aborting().expect("one ended it");
        assert_eq!((aborting.text.as_str(), aborting.ok), ("failed rate<30%; abort", false));
        assert_eq!(aborting.aborted_at_ns, Some(4 * SECOND_NS));
        assert_eq!(aborting.shown, "50.0000 % after 4.00 s, which ended the run; at its end -");
        assert!(early.window.is_partial && early.thresholds[1].ok);
        let late = report(ABORT, watched, 10 * SECOND_NS);
        assert!(!late.window.is_partial, "it was over anyway");
        let json = serde_json::to_value(&late).unwrap();
        assert!(
            json["thresholds"][1].get("aborted_at_ns").is_none()
                && json["thresholds"][1].get("worst").is_none()
        );
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), late);
    }
}
