//! `thresholds` of a k6 script, as conditions of a plan.

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
    /// Scenarios, where the plan has any by name.
    pub(super) scenarios: &'s [&'s str],
    /// The one scenario that a plan without names is of.
    pub(super) only: Option<&'s str>,
}

/// What a metric of k6 is in a plan, and what its numbers are.
#[derive(Clone, Copy, PartialEq)]
enum Meaning {
    Times(&'static str),
    Failed,
    Checks,
    Iterations,
    Requests,
}

fn meaning(metric: &str) -> Option<Meaning> {
    Some(match metric {
        "http_req_duration" => Meaning::Times("response"),
        "iteration_duration" => Meaning::Times("duration"),
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
            match one(metric, text, scopes) {
                Some((key, limit)) if key == "duration" && scopes.scenarios.len() > 1 => {
                    // Iterations of several flows have nothing in common: each is judged by itself.
                    for scenario in scopes.scenarios {
                        insert(&mut table, &format!("{key}{{scenario={scenario}}}"), held(&limit, condition));
                    }
                }
                Some((key, limit)) if key != "iteration" || scopes.scenarios.len() < 2 => {
                    insert(&mut table, &key, held(&limit, condition));
                }
                _ => notes.push(format!(
                    "the threshold `{metric}: {text}` is left out: a plan has no condition on it"
                )),
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

/// A metric with its scope, and its condition.
fn one(metric: &str, text: &str, scopes: &Scopes<'_>) -> Option<(String, String)> {
    let (name, tags) = match metric.split_once('{') {
        Some((name, rest)) => (name, rest.trim_end_matches('}')),
        None => (metric, ""),
    };
    let meaning = meaning(name.trim())?;
    let scope = scope(tags, meaning, scopes)?;
    let ParsedLimit { figure, operator, number } = parsed(text)?;
    let (key, limit) = match meaning {
        Meaning::Times(key) => {
            let is_time = figure.starts_with("p(") || ["avg", "med", "min", "max"].contains(&figure);
            let ms = format!("{}ms", trimmed(number));
            (key, is_time.then(|| format!("{figure}{operator}{ms}"))?)
        }
        Meaning::Failed if figure == "rate" => ("failed", format!("rate{operator}{}", trimmed(number))),
        Meaning::Checks if figure == "rate" => ("checks", format!("rate{operator}{}", trimmed(number))),
        Meaning::Iterations if figure == "count" => {
            ("iteration", format!("count{operator}{}", trimmed(number)))
        }
        Meaning::Iterations if figure == "rate" && tags.is_empty() => {
            ("rate", format!("rate{operator}{}", trimmed(number)))
        }
        Meaning::Requests if figure == "count" => ("response", format!("count{operator}{}", trimmed(number))),
        _ => return None,
    };
    Some((format!("{key}{scope}"), limit))
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

/// The scope of a condition, as a plan writes it; `None` for tags that it does not have.
fn scope(tags: &str, meaning: Meaning, scopes: &Scopes<'_>) -> Option<String> {
    let mut parts = Vec::new();
    // A condition on checks of which there are none is none.
    let may_be_checked = |step: &str| {
        meaning != Meaning::Checks || scopes.checked.iter().any(|checked| step.is_empty() || checked == step)
    };
    if !may_be_checked("") {
        return None;
    }
    for tag in tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        let (name, value) = tag.split_once(':')?;
        match (name.trim(), value.trim()) {
            // Times are of requests that succeeded in any case.
            ("expected_response", "true") if matches!(meaning, Meaning::Times("response")) => {}
            ("scenario", only) if scopes.only == Some(only) => {}
            ("scenario", scenario) if scopes.scenarios.contains(&scenario) => {
                parts.push(format!("scenario={scenario}"))
            }
            ("name", step) if may_be_checked(step) && scopes.steps.iter().any(|(name, _)| name == step) => {
                parts.push(format!("step={}", word(step)))
            }
            ("group", group) => {
                let group = group.trim_start_matches(':').replace("::", " / ");
                let mut inside = scopes.steps.iter().filter(|(_, of)| *of == group);
                let (step, others) = (inside.next()?, inside.count());
                if others > 0 || !may_be_checked(&step.0) {
                    return None;
                }
                parts.push(format!("step={}", word(&step.0)));
            }
            _ => return None,
        }
    }
    Some(if parts.is_empty() { String::new() } else { format!("{{{}}}", parts.join(",")) })
}

fn word(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\\\"")) }
}
