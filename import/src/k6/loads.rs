//! `options` of a k6 script: what each of its executors is in a plan.

use crate::planned::milliseconds;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use toml_edit::{Array, InlineTable};

/// How long iterations may take in all where a script does not say, as in k6.
const ITERATIONS_MS: u64 = 600_000;
/// The lowest rate and level that count as none: a plan has no part without any.
const NO_RATE: &str = "1/h";
const NO_USERS: f64 = 0.4;

/// A scenario of a script.
#[derive(Debug, Default)]
pub(super) struct ScriptScenario {
    pub(super) name: String,
    /// The function that is an iteration.
    pub(super) exec: String,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) load: InlineTable,
    pub(super) duration_ms: Option<u64>,
    pub(super) requests: Option<u64>,
    pub(super) graceful_ms: Option<u64>,
    pub(super) starts_ms: u64,
    pub(super) connections: Option<u64>,
}

/// All scenarios of `options`; what is none is told in notes.
pub(super) fn scenarios(options: &Value, order: &[String], notes: &mut Vec<String>) -> Vec<ScriptScenario> {
    let named = options.get("scenarios").and_then(Value::as_object).filter(|named| !named.is_empty());
    let Some(named) = named else {
        return vec![short(options, notes)];
    };
    let mut all = Vec::new();
    for (name, stated) in order.iter().filter_map(|name| named.get_key_value(name)) {
        let empty = Map::new();
        let stated = stated.as_object().unwrap_or(&empty);
        let executor = text(stated.get("executor")).unwrap_or_default();
        let Some((load, duration_ms, requests)) = load(&executor, stated, name, notes) else {
            notes.push(format!("the scenario `{name}` is left out: its executor is `{executor}`, which has no load of its own; `vajra control` changes the load of a run"));
            continue;
        };
        let environment = stated.get("env").and_then(Value::as_object).into_iter().flatten();
        all.push(ScriptScenario {
            name: name.clone(),
            exec: text(stated.get("exec")).unwrap_or_else(|| "default".to_owned()),
            environment: environment
                .filter_map(|(name, value)| Some((name.clone(), text(Some(value))?)))
                .collect(),
            load,
            duration_ms,
            requests,
            graceful_ms: stated.get("gracefulStop").and_then(duration_ms_of),
            starts_ms: stated.get("startTime").and_then(duration_ms_of).unwrap_or(0),
            connections: executor
                .contains("arrival")
                .then(|| count(stated.get("maxVUs")).or_else(|| count(stated.get("preAllocatedVUs"))))
                .flatten(),
        });
    }
    all
}

/// The scenario that `vus`, `duration`, `stages` and `iterations` are short for.
fn short(options: &Value, notes: &mut Vec<String>) -> ScriptScenario {
    let empty = Map::new();
    let stated = options.as_object().unwrap_or(&empty);
    let executor = match stated {
        stated if stated.contains_key("stages") => "ramping-vus",
        stated if stated.contains_key("duration") && !stated.contains_key("iterations") => "constant-vus",
        _ => "shared-iterations",
    };
    let mut stated = stated.clone();
    if let Some(vus) = stated.get("vus").cloned() {
        stated.insert("startVUs".to_owned(), vus);
    }
    if let Some(duration) = stated.get("duration").cloned() {
        stated.insert("maxDuration".to_owned(), duration);
    }
    let (load, duration_ms, requests) =
        load(executor, &stated, "default", notes).expect("these executors have a load of their own");
    ScriptScenario {
        name: "default".to_owned(),
        exec: "default".to_owned(),
        load,
        duration_ms,
        requests,
        ..ScriptScenario::default()
    }
}

type ScriptLoad = (InlineTable, Option<u64>, Option<u64>);

/// The load of an executor, how long it lasts, and how many iterations there are.
fn load(
    executor: &str,
    stated: &Map<String, Value>,
    name: &str,
    notes: &mut Vec<String>,
) -> Option<ScriptLoad> {
    let duration = stated.get("duration").and_then(duration_ms_of);
    let vus = count(stated.get("vus")).unwrap_or(1);
    let most = stated.get("maxDuration").and_then(duration_ms_of).unwrap_or(ITERATIONS_MS);
    let unit = stated.get("timeUnit").and_then(duration_ms_of).unwrap_or(1_000);
    let mut table = InlineTable::new();
    match executor {
        "constant-arrival-rate" => {
            set_rate(&mut table, "rate", number(stated.get("rate")).unwrap_or(1.0), unit);
            Some((table, duration, None))
        }
        "ramping-arrival-rate" => {
            let start = number(stated.get("startRate")).unwrap_or(0.0);
            Some((stages(stated, start, &StagesOf::Rates(unit), name, notes), None, None))
        }
        "constant-vus" => {
            table.insert("users", i64::try_from(vus).unwrap_or(i64::MAX).into());
            Some((table, duration, None))
        }
        "ramping-vus" => {
            let start = number(stated.get("startVUs")).unwrap_or(1.0);
            Some((stages(stated, start, &StagesOf::Users, name, notes), None, None))
        }
        "per-vu-iterations" => {
            table.insert("users", i64::try_from(vus).unwrap_or(i64::MAX).into());
            let loops = count(stated.get("iterations")).unwrap_or(1);
            table.insert("loops", i64::try_from(loops).unwrap_or(i64::MAX).into());
            Some((table, Some(most), None))
        }
        "shared-iterations" => {
            table.insert("users", i64::try_from(vus).unwrap_or(i64::MAX).into());
            Some((table, Some(most), Some(count(stated.get("iterations")).unwrap_or(1))))
        }
        _ => None,
    }
}

/// What stages are of: arrivals per so many milliseconds, or users.
enum StagesOf {
    Rates(u64),
    Users,
}

fn stages(
    stated: &Map<String, Value>,
    start: f64,
    of: &StagesOf,
    name: &str,
    notes: &mut Vec<String>,
) -> InlineTable {
    let mut table = InlineTable::new();
    match of {
        StagesOf::Rates(_) => table.insert("shape", "stages".into()),
        StagesOf::Users => table.insert("of", "users".into()),
    };
    let (mut level, mut parts) = (start, Array::new());
    for stage in stated.get("stages").and_then(Value::as_array).into_iter().flatten() {
        let target = number(stage.get("target")).unwrap_or(0.0);
        let ms = stage.get("duration").and_then(duration_ms_of).unwrap_or(0);
        // A stage without a length is a jump.
        if ms > 0 {
            parts.push(part(level, target, ms, of));
        }
        level = target;
    }
    if parts.is_empty() {
        notes.push(format!("the scenario `{name}` has no stages with a length: it is a second long"));
        parts.push(part(level, level, 1_000, of));
    }
    parts.iter_mut().for_each(|part| part.decor_mut().set_prefix("\n  "));
    parts.set_trailing("\n");
    parts.set_trailing_comma(true);
    table.insert("stages", parts.into());
    table
}

fn part(from: f64, to: f64, ms: u64, of: &StagesOf) -> InlineTable {
    let mut table = InlineTable::new();
    let set = |table: &mut InlineTable, key: &str, level: f64| match of {
        StagesOf::Rates(unit) => set_rate(table, key, level, *unit),
        StagesOf::Users => drop(table.insert(key, whole_or_decimal(level))),
    };
    match of {
        StagesOf::Rates(_) if from == to && from > 0.0 => set(&mut table, "rate", from),
        StagesOf::Rates(_) if from == to => drop(table.insert("rate", NO_RATE.into())),
        StagesOf::Users if from == to && from > 0.0 => set(&mut table, "users", from),
        of => {
            let to = if from == to && matches!(of, StagesOf::Users) { NO_USERS } else { to };
            table.insert("shape", "ramp".into());
            set(&mut table, "from", from);
            set(&mut table, "to", to);
        }
    }
    table.insert("duration", milliseconds(ms).into());
    table
}

fn whole_or_decimal(level: f64) -> toml_edit::Value {
    if level.fract() == 0.0 { (level as i64).into() } else { level.into() }
}

/// A rate, exactly where a plan can say it so: per second, minute or hour.
fn set_rate(table: &mut InlineTable, key: &str, rate: f64, unit_ms: u64) {
    let per_hour = rate * 3_600_000.0 / unit_ms as f64;
    let value: toml_edit::Value = match unit_ms {
        1_000 => whole_or_decimal(rate),
        60_000 => format!("{rate}/m").into(),
        _ if (per_hour / 3_600.0).fract() == 0.0 => whole_or_decimal(per_hour / 3_600.0),
        _ if per_hour.fract() == 0.0 => format!("{per_hour}/h").into(),
        _ => format!("{:.9}", per_hour / 3_600.0).into(),
    };
    table.insert(key, value);
}

/// A duration of k6, in milliseconds: `1m30s`, or a number of milliseconds.
pub(super) fn duration_ms_of(value: &Value) -> Option<u64> {
    if let Some(ms) = value.as_f64() {
        return Some(ms as u64);
    }
    let mut rest = value.as_str()?.trim();
    if let Ok(ms) = rest.parse::<f64>() {
        return Some(ms as u64);
    }
    let mut ms = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let units = [("ms", 1.0), ("h", 3_600_000.0), ("m", 60_000.0), ("s", 1_000.0), ("d", 86_400_000.0)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| rest[end..].starts_with(unit))?;
        ms += number * factor;
        rest = &rest[end + unit.len()..];
    }
    Some(ms as u64)
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    }
}

fn count(value: Option<&Value>) -> Option<u64> {
    number(value).filter(|number| *number >= 0.0).map(|number| number as u64)
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_read_as_k6_reads_them() {
        for (value, ms) in [
            (json!("1m30s"), Some(90_000)),
            (json!("500ms"), Some(500)),
            (json!("1.5h"), Some(5_400_000)),
            (json!(250), Some(250)),
            (json!("250"), Some(250)),
            (json!("ten"), None),
            (json!("10"), Some(10)),
            (json!("10x"), None),
        ] {
            assert_eq!(duration_ms_of(&value), ms, "{value}");
        }
    }

    #[test]
    fn a_rate_is_exact_in_the_unit_that_can_say_it() {
        for (rate, unit_ms, written) in [
            (30.0, 1_000, "30"),
            (30.0, 60_000, "\"30/m\""),
            (30.0, 10_000, "3"),
            (1.0, 7_000, "\"0.142857143\""),
            (1.0, 8_000, "\"450/h\""),
        ] {
            let mut table = InlineTable::new();
            set_rate(&mut table, "rate", rate, unit_ms);
            assert_eq!(table.to_string().trim(), format!("{{ rate = {written} }}"));
        }
    }
}
