//! What a report says of checks, of values that were to be taken, and of redirects.

use super::figures::{CheckReport, ScenarioReport};
use crate::extract::ResponseCheck;
use crate::outcome::Kind;
use crate::plan::{Plan, Scenario, Step};
use crate::quantity::group;
use crate::record::{
    CheckCounts, FailureReason, LookCounts, RedirectCounts, SeriesLooks, Snapshot, sort_reasons,
};
use crate::threshold::Scope;
use std::borrow::Cow;

/// Each step of a scenario, and what was looked at of its responses.
fn each_step<'a>(
    plan: &'a Plan,
    whole: &'a Snapshot,
    scenario: usize,
) -> impl Iterator<Item = (&'a Step, Option<&'a SeriesLooks>)> {
    let series = plan.layout().series_of(scenario);
    plan.scenarios[scenario].steps().iter().zip(series.map(|series| whole.looks.of(series)))
}

/// How the checks of a scenario went, in the order of the plan.
pub(super) fn checks(plan: &Plan, whole: &Snapshot, scenario: usize) -> Vec<CheckReport> {
    let of_step = |(step, looks): (&Step, Option<&SeriesLooks>)| {
        let one = |(index, check): (usize, &ResponseCheck)| {
            let counts = looks.and_then(|looks| looks.checks.get(index));
            CheckReport {
                step: step.name.clone(),
                text: check.to_string(),
                passed: counts.map_or(0, |counts| counts.passed),
                failed: counts.map_or(0, |counts| counts.failed),
            }
        };
        step.looks.checks.iter().enumerate().map(one).collect::<Vec<_>>()
    };
    each_step(plan, whole, scenario).flat_map(of_step).collect()
}

/// What became of redirects in a scenario in which they are followed.
pub(super) fn redirects(plan: &Plan, whole: &Snapshot, scenario: usize) -> Option<RedirectCounts> {
    let mut all = RedirectCounts::default();
    let mut is_any = false;
    for (step, looks) in each_step(plan, whole, scenario) {
        is_any |= step.looks.redirects > 0;
        looks.into_iter().for_each(|looks| all.add(looks.redirects));
    }
    is_any.then_some(all)
}

/// How the checks went that a scope is about.
pub(super) fn check_counts(plan: &Plan, whole: &Snapshot, scope: &Scope) -> CheckCounts {
    let is_meant = |scenario: &Scenario| scope.scenario.as_ref().is_none_or(|name| *name == scenario.name);
    let scenarios = (0..plan.scenarios.len()).filter(|&index| is_meant(&plan.scenarios[index]));
    let steps = scenarios.flat_map(|index| each_step(plan, whole, index));
    let steps = steps.filter(|(step, _)| scope.step.as_ref().is_none_or(|name| *name == step.name));
    steps
        .map(|(step, looks)| {
            let planned = step.looks.checks.len();
            let nothing = CheckCounts { never_ran: planned as u64, ..CheckCounts::default() };
            looks.map_or(nothing, |looks| looks.check_counts(planned))
        })
        .sum()
}

/// The same of a report that has been written.
pub fn checks_in(scenarios: &[ScenarioReport], scope: &Scope) -> CheckCounts {
    let is_meant =
        |scenario: &&ScenarioReport| scope.scenario.as_ref().is_none_or(|name| *name == scenario.name);
    let checks = scenarios.iter().filter(is_meant).flat_map(|scenario| &scenario.checks);
    checks
        .filter(|check| scope.step.as_ref().is_none_or(|name| *name == check.step))
        .map(|&CheckReport { passed, failed, .. }| CheckCounts {
            passed,
            failed,
            never_ran: u64::from(passed + failed == 0),
        })
        .sum()
}

/// Why requests failed: what others have said of it, and what was looked at. The most frequent reason comes first.
pub(super) fn reasons(plan: &Plan, whole: &Snapshot) -> Vec<FailureReason> {
    let mut reasons = whole.reasons.sorted();
    for (index, scenario) in plan.scenarios.iter().enumerate() {
        let of_scenario =
            if plan.scenarios.len() > 1 { format!("{}, ", scenario.name) } else { String::new() };
        for (step, looks) in each_step(plan, whole, index) {
            let Some(looks) = looks else { continue };
            let place = format!("{of_scenario}{}", step.name);
            for (check, counts) in step.looks.checks.iter().zip(&looks.checks) {
                let why = |of: &str| format!("{place}: check `{check}` failed in {of} responses");
                reasons.extend(reason(Kind::Check, why, counts));
            }
            for (extract, counts) in step.looks.extracts.iter().zip(&looks.extracts) {
                let (name, from) = (&extract.name, &extract.from);
                let why = |of: &str| format!("{place}: `{name}`, `{from}`, was not there in {of} responses");
                reasons.extend(reason(Kind::Extract, why, counts));
            }
            let why = |of: &str| format!("{place}: {}, {of} redirects", unfollowed(looks.redirects));
            reasons.extend(reason(Kind::Status, why, &looks.redirect));
        }
    }
    sort_reasons(&mut reasons);
    reasons
}

/// Why redirects were not followed, for the most frequent reason.
fn unfollowed(counts: RedirectCounts) -> &'static str {
    let RedirectCounts { followed: _, over_limit, elsewhere, unusable } = counts;
    let most = over_limit.max(elsewhere).max(unusable);
    match () {
        () if most == over_limit => "more redirects than `redirects` allows, or a circle",
        () if most == elsewhere => "redirected to another host or scheme, which is not followed",
        () => "redirected to what cannot be asked for",
    }
}

fn reason(kind: Kind, why: impl Fn(&str) -> String, counts: &LookCounts) -> Option<FailureReason> {
    let LookCounts { passed, failed, blamed, first, .. } = counts;
    let of = format!("{} of {}", group(*failed), group(passed + failed));
    (*blamed > 0).then(|| FailureReason {
        kind,
        why: Cow::Owned(why(&of)),
        count: *blamed,
        example: first.as_ref().map(|first| first.came.clone()),
    })
}
