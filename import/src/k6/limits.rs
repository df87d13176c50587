//! `thresholds` of a k6 script, as conditions of a plan.

use super::groups::WITHIN;
use super::loads::duration_ms_of;
use crate::planned::milliseconds;
use serde_json::{Map, Value};
use toml_edit::{Array, InlineTable, Item, Table};

/// What scopes of thresholds may name.
pub(super) struct Scopes<'s> {
    /// What steps are called in the plan, with their groups.
    pub(super) steps: &'s [(String, String)],
    /// The steps of which something is checked.
    pub(super) checked: &'s [String],
    /// What became of groups.
    pub(super) flows: &'s [ScopeFlow],
    /// Scenarios, where the plan has any by name.
    pub(super) scenarios: &'s [&'s str],
    /// The one scenario that a plan without names is of.
    pub(super) only: Option<&'s str>,
}

/// A flow that a condition may be on.
pub(super) struct ScopeFlow {
    /// The group that it was, with those that it stands in before it.
    pub(super) group: String,
    pub(super) name: String,
    pub(super) scenario: String,
    /// It makes requests itself.
    pub(super) has_requests: bool,
    /// Something is checked of them.
    pub(super) has_checks: bool,
}

/// What a metric of k6 is in a plan, and what its numbers are.
#[derive(Clone, Copy, PartialEq)]
enum Meaning {
    Times(&'static str),
    GroupTimes,
    Failed,
    Checks,
    Iterations,
    Requests,
}

fn meaning(metric: &str) -> Option<Meaning> {
    Some(match metric {
        "http_req_duration" => Meaning::Times("response"),
        "iteration_duration" => Meaning::Times("duration"),
        "group_duration" => Meaning::GroupTimes,
        "http_req_failed" => Meaning::Failed,
        "checks" => Meaning::Checks,
        "iterations" => Meaning::Iterations,
        "http_reqs" => Meaning::Requests,
        _ => return None,
    })
}

/// The table of conditions; what has none is told in notes.
pub(super) fn thresholds(options: &Value, scopes: &Scopes<'_>, notes: &mut Vec<String>) -> Table {
    let empty = Map::new();
    let stated = options.get("thresholds").and_then(Value::as_object).unwrap_or(&empty);
    let mut table = Table::new();
    for (metric, conditions) in stated {
        let conditions: Vec<&Value> = match conditions {
            Value::Array(all) => all.iter().collect(),
            one => vec![one],
        };
        for condition in conditions {
            let text = condition
                .as_str()
                .or_else(|| condition.get("threshold").and_then(Value::as_str))
                .unwrap_or_default();
            let found = one(metric, text, scopes);
            if found.is_empty() {
                notes.push(format!(
                    "the threshold `{metric}: {text}` is left out: a plan has no condition on it"
                ));
            }
            for (key, limit) in &found {
                insert(&mut table, key, held(limit, condition));
            }
            if found.len() > 1 && metric.contains("group:") {
                notes.push(format!(
                    "the threshold `{metric}: {text}` is a condition on each of the flows that the group became: k6 takes them together"
                ));
            }
        }
    }
    table
}

/// A condition that may end the run.
fn held(limit: &str, condition: &Value) -> toml_edit::Value {
    if condition.get("abortOnFail").and_then(Value::as_bool) != Some(true) {
        return limit.into();
    }
    let mut table = InlineTable::new();
    table.insert("limit", limit.into());
    table.insert("abort", true.into());
    if let Some(ms) = condition.get("delayAbortEval").and_then(duration_ms_of).filter(|ms| *ms > 0) {
        table.insert("after", milliseconds(ms).into());
    }
    table.into()
}

/// Adds a condition to those of its metric. The same one is said once.
fn insert(table: &mut Table, key: &str, value: toml_edit::Value) {
    let is_same = |known: &toml_edit::Value| known.to_string().trim() == value.to_string().trim();
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(toml_edit::Value::Array(all)) if all.iter().any(is_same) => {}
        Some(toml_edit::Value::Array(all)) => all.push(value),
        Some(first) if is_same(first) => {}
        Some(first) => *first = toml_edit::Value::Array(Array::from_iter([first.clone(), value])),
        None => drop(table.insert(key, Item::Value(value))),
    }
}

/// A metric with each of its scopes, and its condition; nothing where a plan has none.
fn one(metric: &str, text: &str, scopes: &Scopes<'_>) -> Vec<(String, String)> {
    let (name, tags) = match metric.split_once('{') {
        Some((name, rest)) => (name, rest.trim_end_matches('}')),
        None => (metric, ""),
    };
    let Some(meaning) = meaning(name.trim()) else { return Vec::new() };
    let Some((key, limit)) = key_and_limit(meaning, text, tags) else { return Vec::new() };
    let Some(found) = scope(tags, meaning, scopes) else { return Vec::new() };
    if found.is_empty() && scopes.scenarios.len() > 1 && ["iteration", "duration"].contains(&key) {
        // Iterations of several flows have nothing in common: their times are judged each by itself, and nobody adds up their numbers.
        let each = scopes.scenarios.iter().filter(|_| key == "duration");
        return each.map(|scenario| (format!("{key}{{scenario={scenario}}}"), limit.clone())).collect();
    }
    match found.flows.as_slice() {
        [] => vec![(format!("{key}{}", found.written(None)), limit)],
        flows => {
            flows.iter().map(|flow| (format!("{key}{}", found.written(Some(flow))), limit.clone())).collect()
        }
    }
}

fn key_and_limit(meaning: Meaning, text: &str, tags: &str) -> Option<(&'static str, String)> {
    let ParsedLimit { figure, operator, number } = parsed(text)?;
    let times = |key: &'static str| {
        let is_time = figure.starts_with("p(") || ["avg", "med", "min", "max"].contains(&figure);
        is_time.then(|| (key, format!("{figure}{operator}{}ms", trimmed(number))))
    };
    match meaning {
        Meaning::Times(key) => times(key),
        Meaning::GroupTimes => times("duration"),
        Meaning::Failed if figure == "rate" => Some(("failed", format!("rate{operator}{}", trimmed(number)))),
        Meaning::Checks if figure == "rate" => Some(("checks", format!("rate{operator}{}", trimmed(number)))),
        Meaning::Iterations if figure == "count" => {
            Some(("iteration", format!("count{operator}{}", trimmed(number))))
        }
        Meaning::Iterations if figure == "rate" && tags.is_empty() => {
            Some(("rate", format!("rate{operator}{}", trimmed(number))))
        }
        Meaning::Requests if figure == "count" => {
            Some(("response", format!("count{operator}{}", trimmed(number))))
        }
        _ => None,
    }
}

struct ParsedLimit<'t> {
    figure: &'t str,
    operator: &'static str,
    number: f64,
}

fn parsed(text: &str) -> Option<ParsedLimit<'_>> {
    let text = text.trim();
    let at = text.find(['<', '>', '=', '!'])?;
    let (figure, rest) = text.split_at(at);
    let (operator, behind) =
        [("<=", "<="), (">=", ">="), ("===", "=="), ("==", "=="), ("<", "<"), (">", ">")]
            .into_iter()
            .find_map(|(theirs, ours)| Some((ours, rest.strip_prefix(theirs)?)))?;
    Some(ParsedLimit { figure: figure.trim(), operator, number: behind.trim().parse().ok()? })
}

/// A number without the digits that arithmetic left behind it.
fn trimmed(number: f64) -> String {
    let text = format!("{number:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What a condition is about.
#[derive(Default)]
struct FoundScope<'s> {
    scenario: Option<&'s str>,
    step: Option<&'s str>,
    /// The flows that a group became, on each of which it is a condition.
    flows: Vec<&'s str>,
}

impl FoundScope<'_> {
    fn is_empty(&self) -> bool {
        self.scenario.is_none() && self.step.is_none() && self.flows.is_empty()
    }

    /// As a plan writes it.
    fn written(&self, flow: Option<&str>) -> String {
        let scenario = self.scenario.map(|name| format!("scenario={name}"));
        let step = self.step.map(|name| format!("step={}", word(name)));
        let flow = flow.map(|name| format!("flow={name}"));
        let parts: Vec<String> = [scenario, step, flow].into_iter().flatten().collect();
        if parts.is_empty() { String::new() } else { format!("{{{}}}", parts.join(",")) }
    }
}

/// The scope of a condition; `None` for tags that a plan does not have.
fn scope<'s>(tags: &'s str, meaning: Meaning, scopes: &Scopes<'s>) -> Option<FoundScope<'s>> {
    let mut found = FoundScope::default();
    let mut group = None;
    for tag in tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        let (name, value) = tag.split_once(':')?;
        match (name.trim(), value.trim()) {
            // Times are of requests that succeeded in any case.
            ("expected_response", "true") if matches!(meaning, Meaning::Times("response")) => {}
            ("scenario", only) if scopes.only == Some(only) => {}
            ("scenario", scenario) if scopes.scenarios.contains(&scenario) => found.scenario = Some(scenario),
            ("name", step) => found.step = Some(step),
            ("group", path) => group = Some(path.trim_start_matches(WITHIN)),
            _ => return None,
        }
    }
    match (found.step, group) {
        // An iteration, and what a group lasts, is of all steps.
        (Some(_), _) if matches!(meaning, Meaning::GroupTimes | Meaning::Iterations) => return None,
        (None, None) if meaning == Meaning::GroupTimes => return None,
        (Some(step), group) => {
            let is_it =
                |(name, of): &&(String, String)| name == step && group.is_none_or(|group| of == group);
            scopes.steps.iter().find(is_it)?;
        }
        (None, Some(group)) => {
            found.flows = flows_of(group, meaning, found.scenario, scopes);
            if found.flows.is_empty() {
                return None;
            }
        }
        (None, None) => {}
    }
    // A condition on checks of which there are none is none.
    let is_checked = |checked: &String| found.step.is_none_or(|step| checked == step);
    let may_be_checked = meaning != Meaning::Checks || scopes.checked.iter().any(is_checked);
    may_be_checked.then_some(found)
}

/// The flows that a group became, of those of which something is known.
fn flows_of<'s>(group: &str, meaning: Meaning, scenario: Option<&str>, scopes: &Scopes<'s>) -> Vec<&'s str> {
    let is_known = |flow: &ScopeFlow| match meaning {
        Meaning::GroupTimes => true,
        Meaning::Checks => flow.has_checks,
        Meaning::Times("response") | Meaning::Failed | Meaning::Requests => flow.has_requests,
        Meaning::Times(_) | Meaning::Iterations => false,
    };
    let is_meant = |flow: &&ScopeFlow| {
        flow.group == group && scenario.is_none_or(|name| flow.scenario == name) && is_known(flow)
    };
    let mut names: Vec<&str> = Vec::new();
    for flow in scopes.flows.iter().filter(is_meant) {
        if !names.contains(&flow.name.as_str()) {
            names.push(&flow.name);
        }
    }
    names
}

fn word(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\\\"")) }
}
