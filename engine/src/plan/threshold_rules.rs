//! The rules of conditions: what one is about has to be there.

use super::fields::{Fields, Scenario};
use crate::config::hint;
use crate::flow::{FlowScript, NAMED_FLOWS_MAX};
use crate::threshold::{Metric, Scope, Threshold};

/// What a condition is about has to be there: what its scope names, and something that its metric is measured on.
pub(super) fn found(fields: &Fields, threshold: &Threshold) -> Result<(), (String, String)> {
    in_scope(fields, &threshold.scope)?;
    if let Some(missing) = unentered(fields, threshold) {
        return Err(missing);
    }
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
    let meant = || scenarios.iter().filter(|scenario| scope.is_about(&scenario.name));
    if let Some(name) = &scope.flow {
        let all =
            meant().filter_map(Scenario::flow).flat_map(FlowScript::all_named_flows).collect::<Vec<_>>();
        if all.is_empty() {
            let problem = format!("there is no named flow `{name}`: none is gone through here");
            return Err((problem, format!("write its steps as `[[flow.{name}]]`, and name it in `flow`")));
        }
        known(all, name, "named flow")?;
    }
    let Some(name) = &scope.step else { return Ok(()) };
    let steps = |scope: &Scope| {
        let of_scenario = |scenario: &'_ Scenario| -> Vec<String> {
            let steps = scenario.steps_in(scope).into_iter();
            steps.map(|step| scenario.steps()[step].name.clone()).collect()
        };
        meant().flat_map(of_scenario).collect::<Vec<_>>()
    };
    let steps = steps(&Scope { step: None, ..scope.clone() });
    known(steps.iter().map(String::as_str).collect(), name, "request")
}

/// Why a condition on a named flow has nothing to be held against, and what to do.
fn unentered(fields: &Fields, threshold: &Threshold) -> Option<(String, String)> {
    let (metric, scope) = (threshold.metric.name(), &threshold.scope);
    let name = scope.flow.as_ref()?;
    let meant = || fields.scenarios.iter().filter(|scenario| scope.is_about(&scenario.name));
    if threshold.metric.is_of_iterations() {
        let is_reported = meant().any(|scenario| scenario.named_flows().contains(&name.as_str()));
        let problem = format!("the times of the flow `{name}` are not recorded");
        let fix = format!("of a scenario the first {NAMED_FLOWS_MAX} named flows are: let it come earlier");
        return (!is_reported).then_some((problem, fix));
    }
    let is_nothing = meant().all(|scenario| scenario.steps_in(scope).is_empty());
    let problem = format!("the flow `{name}` sends no request itself");
    let fix =
        format!("name a flow that it runs, or put it on `iteration{{flow={name}}}` instead of `{metric}`");
    is_nothing.then_some((problem, fix))
}

/// Why a condition on iterations has none to be held against, and what to do.
fn uniterated(fields: &Fields, threshold: &Threshold) -> Option<(&'static str, String)> {
    // What a named flow is, it is in all scenarios.
    if !threshold.metric.is_of_iterations() || threshold.scope.flow.is_some() {
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
    let checks = |scenario: &Scenario| {
        scenario.steps_in(scope).into_iter().any(|step| !scenario.steps()[step].looks.checks.is_empty())
    };
    (threshold.metric == Metric::Checks && !fields.scenarios.iter().any(checks))
        .then(|| ("no request has a check", "add `check = \"status == 200\"` or the like to one".to_owned()))
}
