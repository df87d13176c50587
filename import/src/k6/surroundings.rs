//! What stands around the steps of a script: its loads, its conditions, and the other options that a plan has keys for.

use super::feeds::PlannedFeed;
use super::groups::{self, NamedFlows, ScriptFlow, ScriptItem};
use super::limits::{ScopeFlow, Scopes, thresholds};
use super::loads::ScriptScenario;
use super::setup::ScriptSetup;
use super::steps::{ScriptSteps, TIMEOUT_MS};
use crate::planned::{PlanText, PlannedRequest, milliseconds};
use crate::wrong::WrongImport;
use serde_json::Value;
use toml_edit::{InlineTable, Item, Table};

/// Options that are written elsewhere, or that mean nothing to a plan.
const SILENT: [&str; 22] = [
    "maxRedirects",
    "scenarios",
    "vus",
    "duration",
    "stages",
    "iterations",
    "thresholds",
    "summaryTrendStats",
    "summaryTimeUnit",
    "setupTimeout",
    "teardownTimeout",
    "systemTags",
    "ext",
    "cloud",
    "noUsageReport",
    "discardResponseBodies",
    "batch",
    "batchPerHost",
    "insecureSkipTLSVerify",
    "userAgent",
    "noConnectionReuse",
    "noSummary",
];

/// Writes all but the data files.
pub(super) fn write(
    plan: &mut PlanText,
    options: &Value,
    scenarios: &[(&ScriptScenario, &ScriptSteps)],
    setup: Option<ScriptSetup>,
    seed: Option<f64>,
    notes: &mut Vec<String>,
) -> Result<(), WrongImport> {
    let is_one = scenarios.len() == 1 && scenarios[0].0.starts_ms == 0;
    let url = is_one.then(|| scenarios[0].1.base.as_str());
    if let Some(url) = url {
        plan.set("url", url);
    }
    if let Some(setup) = setup {
        setup.write(plan, url, notes)?;
    }
    if is_one && keeps_cookies(scenarios[0].1) {
        plan.set("cookies", true);
    }
    let is_set = |key: &str| options.get(key).and_then(Value::as_bool) == Some(true);
    if let Some(agent) = options.get("userAgent").and_then(Value::as_str) {
        plan.set_in("headers", "User-Agent", agent);
    }
    let timeout = scenarios.iter().map(|(_, steps)| steps.timeout_ms).fold(0.0, f64::max);
    let timeout = if timeout > 0.0 { timeout } else { TIMEOUT_MS };
    plan.set_in("run", "timeout", milliseconds(timeout as u64));
    if let Some(seed) = seed.filter(|seed| *seed >= 0.0) {
        plan.set_in("run", "seed", seed as i64);
    }
    if is_one {
        let (scenario, steps) = scenarios[0];
        for (key, value) in own(scenario) {
            plan.set_in("run", key, value);
        }
        plan.put("load", Item::Table(load(&scenario.load)));
        plan.put("step", Item::ArrayOfTables(groups::tables(&steps.items, &steps.steps, &steps.flows)));
    } else {
        let mut tables = Table::new();
        tables.set_implicit(true);
        for (scenario, steps) in scenarios {
            tables.insert(&scenario.name, Item::Table(table(scenario, steps)));
        }
        plan.put("scenario", Item::Table(tables));
    }
    if is_set("insecureSkipTLSVerify") && scenarios.iter().any(|(_, steps)| steps.has_tls) {
        plan.set_in("tls", "verify", false);
    }
    if is_set("noConnectionReuse") {
        plan.set_in("http", "reuse", false);
    }
    conditions(plan, options, scenarios, is_one, notes);
    if let Some(options) = options.as_object() {
        let others: Vec<&str> =
            options.keys().map(String::as_str).filter(|key| !SILENT.contains(key)).collect();
        if !others.is_empty() {
            notes.push(format!("options that are left out: {}", others.join(", ")));
        }
    }
    let is_zero = options.get("maxRedirects").and_then(Value::as_f64) == Some(0.0);
    if !is_zero && scenarios.iter().any(|(_, steps)| steps.follows) {
        notes.push(
            "k6 follows redirects unasked, and the plan does not: where one is to be followed, give its step `redirects = 10`"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether some request of an iteration follows another, so that it may have cookies to send.
fn keeps_cookies(steps: &ScriptSteps) -> bool {
    let is_run_again = |item: &ScriptItem| matches!(item, ScriptItem::Run { repeat, .. } if *repeat > 1);
    let runs = || steps.items.iter().chain(steps.flows.iter().flat_map(|flow| &flow.items));
    steps.steps.len() > 1 || steps.steps.iter().any(|step| step.repeat.is_some()) || runs().any(is_run_again)
}

/// What a scenario says beside its load and its steps.
fn own(scenario: &ScriptScenario) -> Vec<(&'static str, toml_edit::Value)> {
    let whole = |number: u64| toml_edit::Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    let mut all = Vec::new();
    if let Some(ms) = scenario.duration_ms {
        all.push(("duration", milliseconds(ms).into()));
    }
    if let Some(requests) = scenario.requests {
        all.push(("requests", whole(requests)));
    }
    if let Some(connections) = scenario.connections {
        all.push(("connections", whole(connections)));
    }
    if let Some(ms) = scenario.graceful_ms {
        all.push(("graceful", milliseconds(ms).into()));
    }
    all
}

fn load(stated: &InlineTable) -> Table {
    stated.iter().map(|(key, value)| (key.to_owned(), Item::Value(value.clone()))).collect()
}

fn table(scenario: &ScriptScenario, steps: &ScriptSteps) -> Table {
    let mut table = Table::new();
    table.insert("url", Item::Value(steps.base.as_str().into()));
    if keeps_cookies(steps) {
        table.insert("cookies", Item::Value(true.into()));
    }
    if scenario.starts_ms > 0 {
        table.insert("starts", Item::Value(milliseconds(scenario.starts_ms).into()));
    }
    for (key, value) in own(scenario) {
        table.insert(key, Item::Value(value));
    }
    table.insert("load", Item::Table(load(&scenario.load)));
    let tables = groups::tables(&steps.items, &steps.steps, &steps.flows);
    table.insert("step", Item::ArrayOfTables(tables));
    table
}

fn conditions(
    plan: &mut PlanText,
    options: &Value,
    scenarios: &[(&ScriptScenario, &ScriptSteps)],
    is_one: bool,
    notes: &mut Vec<String>,
) {
    let named = |(_, steps): &(&ScriptScenario, &ScriptSteps)| {
        let names = steps.steps.iter().map(|step| step.name.clone().unwrap_or_default());
        names.zip(steps.groups.clone()).collect::<Vec<_>>()
    };
    let steps: Vec<(String, String)> = scenarios.iter().flat_map(named).collect();
    let names: Vec<&str> =
        if is_one { Vec::new() } else { scenarios.iter().map(|(one, _)| one.name.as_str()).collect() };
    let only = is_one.then(|| scenarios[0].0.name.as_str());
    let all = scenarios.iter().flat_map(|(_, steps)| &steps.steps);
    let is_checked = |step: &PlannedRequest| step.check.is_some() || !step.checks.is_empty();
    let checked: Vec<String> =
        all.filter(|step| is_checked(step)).map(|step| step.name.clone().unwrap_or_default()).collect();
    let flow = |scenario: &ScriptScenario, steps: &ScriptSteps, flow: &ScriptFlow| {
        let own = || {
            flow.items.iter().filter_map(|item| match item {
                ScriptItem::Step(step) => Some(&steps.steps[*step]),
                ScriptItem::Run { .. } => None,
            })
        };
        ScopeFlow {
            group: flow.group.clone(),
            name: flow.name.clone(),
            scenario: scenario.name.clone(),
            has_requests: own().next().is_some(),
            has_checks: own().any(is_checked),
        }
    };
    let of_scenario = |(scenario, steps): &(&ScriptScenario, &ScriptSteps)| {
        let named = steps.flows.iter().filter(|flow| !flow.name.is_empty());
        named.map(|one| flow(scenario, steps, one)).collect::<Vec<_>>()
    };
    let flows: Vec<ScopeFlow> = scenarios.iter().flat_map(of_scenario).collect();
    let scopes = Scopes { steps: &steps, checked: &checked, flows: &flows, scenarios: &names, only };
    let table = thresholds(options, &scopes, notes);
    if !table.is_empty() {
        plan.put("thresholds", Item::Table(table));
    }
}

/// Writes what became of groups.
pub(super) fn flows(plan: &mut PlanText, flows: NamedFlows) {
    let table = flows.table();
    if !table.is_empty() {
        plan.put("flow", Item::Table(table));
    }
}

/// Writes the data files.
pub(super) fn feeds(plan: &mut PlanText, feeds: &[PlannedFeed]) {
    for feed in feeds {
        let rows = if feed.is_random { "random" } else { "sequential" };
        plan.feed(&feed.name, &[("file", &feed.file), ("rows", rows)]);
    }
}
