//! The rules of conditions: what one is about has to be there.

use super::fields::{Fields, Scenario, Step};
use crate::config::hint;
use crate::threshold::{Metric, Scope, Threshold};

/// What a condition is about has to be there: what its scope names, and something that its metric is measured on.
pub(super) fn found(fields: &Fields, threshold: &Threshold) -> Result<(), (String, String)> {
    in_scope(fields, &threshold.scope)?;
    let missing = uniterated(fields, threshold)
        .or_else(|| untried(fields, threshold))
        .or_else(|| unchecked(fields, threshold));
    missing.map_or(Ok(()), |(problem, fix)| Err((problem.to_owned(), fix)))
}

/// What a scope names has to be there.
fn in_scope(fields: &Fields, scope: &Scope) -> Result<(), (String, String)> {
    let known = |names: Vec<&str>, wanted: &str, what: &str| match names.contains(&wanted) {
        true => Ok(()),
        false => {
            let fix = hint(wanted, &names);
            Err((format!("there is no {what} `{wanted}`"), fix))
        }
    };
    let scenarios = &fields.scenarios;
    if let Some(name) = &scope.scenario {
        known(scenarios.iter().map(|scenario| scenario.name.as_str()).collect(), name, "scenario")?;
    }
    let Some(name) = &scope.step else { return Ok(()) };
    let of_scope =
        |scenario: &&Scenario| scope.scenario.as_ref().is_none_or(|wanted| *wanted == scenario.name);
    let steps = scenarios.iter().filter(of_scope).flat_map(Scenario::steps);
    known(steps.map(|step| step.name.as_str()).collect(), name, "request")
}

/// Why a condition on iterations has none to be held against, and what to do.
fn uniterated(fields: &Fields, threshold: &Threshold) -> Option<(&'static str, String)> {
    if !threshold.metric.is_of_iterations() {
        return None;
    }
    let wanted = threshold.scope.scenario.as_ref();
    let meant = fields.scenarios.iter().filter(|scenario| wanted.is_none_or(|name| *name == scenario.name));
    match meant.filter(|scenario| scenario.flow().is_some()).count() {
        0 => Some((
            "no requests follow each other, so there are no iterations",
            "put it on `response`".to_owned(),
        )),
        1 => None,
        _ => Some((
            "iterations of several flows have nothing in common",
            format!("name the scenario: `{}{{scenario=NAME}}`", threshold.metric.name()),
        )),
    }
}

/// Why a condition on attempts has none to be held against, and what to do.
fn untried(fields: &Fields, threshold: &Threshold) -> Option<(&'static str, String)> {
    let wanted = threshold.scope.scenario.as_ref();
    let mut meant =
        fields.scenarios.iter().filter(|scenario| wanted.is_none_or(|name| *name == scenario.name));
    let counts = |scenario: &Scenario| scenario.flow().is_some_and(|flow| !flow.resilience.is_nothing());
    let problem = "no request is tried again, so no attempts are counted";
    (threshold.metric == Metric::Attempts && !meant.any(counts))
        .then(|| (problem, "add `retry` or `breaker`".to_owned()))
}

/// Why a condition on checks has none to be held against, and what to do.
fn unchecked(fields: &Fields, threshold: &Threshold) -> Option<(&'static str, String)> {
    let scope = &threshold.scope;
    let is_meant = |scenario: &&Scenario| scope.scenario.as_ref().is_none_or(|name| *name == scenario.name);
    let mut steps = fields.scenarios.iter().filter(is_meant).flat_map(Scenario::steps);
    let checks = |step: &Step| {
        scope.step.as_ref().is_none_or(|name| *name == step.name) && !step.looks.checks.is_empty()
    };
    (threshold.metric == Metric::Checks && !steps.any(checks))
        .then(|| ("no request has a check", "add `check = \"status == 200\"` or the like to one".to_owned()))
}
