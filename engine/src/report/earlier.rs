//! Reports of schema 1, made into those of schema 2.
//!
//! Schema 1 knew one target and one scenario: its plan had the fields of both side by side. Every other key kept its name and its
//! meaning; what schema 2 says of each scenario is what schema 1 said of the run.

use super::SCHEMA;
use crate::target_outcome::TargetOutcome;
use crate::trust::Trust;
use serde_json::{Map, Value, json};

/// The schemas that can be read.
pub const SCHEMAS: std::ops::RangeInclusive<u64> = 1..=SCHEMA as u64;

/// Makes the JSON of a report that of the present schema. What is no report of an earlier schema stays as it is.
pub fn lift(report: &mut Value) {
    let Some(keys) = report.as_object_mut().filter(|keys| keys.get("schema") == Some(&json!(1))) else {
        return;
    };
    keys.insert("schema".into(), json!(SCHEMA));
    if let Some(plan) = keys.get_mut("plan").and_then(Value::as_object_mut) {
        lift_plan(plan);
    }
    lift_scenarios(keys);
}

/// The one scenario fared as the run did.
fn lift_scenarios(report: &mut Map<String, Value>) {
    const SAME: [&str; 11] = [
        "window_s",
        "outcome",
        "trust",
        "rate",
        "requests",
        "bytes",
        "response_ns",
        "service_ns",
        "slip_ns",
        "failed_response_ns",
        "generator_lag_ns",
    ];
    // What reports of versions before 0.2 do not say, they say of no scenario either.
    for (key, nothing) in [
        ("outcome", serde_json::to_value(TargetOutcome::default())),
        ("trust", serde_json::to_value(Trust::default())),
    ] {
        report.entry(key).or_insert(nothing.unwrap_or_default());
    }
    let of_run: Vec<(String, Value)> =
        SAME.iter().filter_map(|key| Some(((*key).to_owned(), report.get(*key)?.clone()))).collect();
    if let Some([Value::Object(only)]) =
        report.get_mut("scenarios").and_then(Value::as_array_mut).map(Vec::as_mut_slice)
    {
        only.extend(of_run);
    }
}

fn lift_plan(plan: &mut Map<String, Value>) {
    let mut take = |key: &str| plan.remove(key).unwrap_or(Value::Null);
    let (url, load, timeout) = (take("target"), take("load"), take("timeout_ns"));
    let target = json!({
        "name": "",
        "url": url,
        "transport": "plain",
        "protocol": { "http1": { "pipeline": take("pipeline") } },
        "connect_timeout_ns": take("connect_timeout_ns"),
    });
    let steps: Vec<Value> = match take("requests") {
        Value::Array(requests) => requests.into_iter().map(|request| step(request, &timeout)).collect(),
        _ => Vec::new(),
    };
    let machine = json!({ "shards": take("shards"), "cores": take("cores"), "wait": take("wait") });
    let pool = json!({ "target": 0, "connections": { "shared": take("connections") } });
    let requests_max = take("requests_max");
    let length = plan.get("phases").and_then(|phases| phases.get("measure_to_ns")).cloned();
    // A plan could be called nothing; a scenario cannot.
    let name = plan.get("name").filter(|name| **name != json!("")).cloned().unwrap_or_else(|| json!("run"));
    let scenario = json!({
        "name": name,
        "starts_ns": 0,
        "length_ns": length,
        "load": load,
        "requests_max": requests_max,
        "script": { "mix": steps },
    });
    plan.entry("warmup").or_insert(json!("fixed"));
    plan.entry("until").or_insert(Value::Null);
    plan.insert("targets".into(), json!([target]));
    plan.insert("pools".into(), json!([pool]));
    plan.insert("scenarios".into(), json!([scenario]));
    plan.insert("machine".into(), machine);
}

/// A request of schema 1, which had its name and its weight among its parts.
fn step(mut request: Value, timeout: &Value) -> Value {
    let mut take = |key: &str| request.as_object_mut().and_then(|keys| keys.remove(key));
    let (name, weight) = (take("name"), take("weight"));
    json!({ "name": name, "weight": weight, "pool": 0, "timeout_ns": timeout, "request": { "http": request } })
}
