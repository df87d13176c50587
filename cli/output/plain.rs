//! Reports and JSON that came from elsewhere, without what would steer a terminal: from bundles, archives, files.
//!
//! Names, reasons and limits of a report would be printed as its maker wrote them. What is left out of them, [`engine::plain`] says.

use engine::load::Load;
use engine::plain::is_steering;
pub(crate) use engine::plain::{lines, plain};
use engine::plan::Plan;
use engine::report::{Report, Requests, Timing};
use engine::target::Endpoint;
use engine::template::Piece;
use serde_json::Value;
use std::collections::BTreeMap;

/// A report whose every text is plain, whatever keys it has.
pub(crate) fn report(report: &Report) -> Report {
    let cleaned = serde_json::to_value(report).map(cleaned).and_then(serde_json::from_value);
    // A number that JSON has no word for does not come back: an infinite one, if one is ever computed.
    cleaned.unwrap_or_else(|_| one_by_one(report.clone()))
}

/// The same, text for text.
fn one_by_one(mut report: Report) -> Report {
    clean_plan(&mut report.plan);
    texts(&mut report).into_iter().for_each(clean);
    clean_counts(&mut report.requests);
    for step in report.scenarios.iter_mut().flat_map(|scenario| &mut scenario.steps) {
        clean_counts(&mut step.requests);
    }
    let versions = std::mem::take(&mut report.environment.versions);
    report.environment.versions =
        versions.into_iter().map(|(name, version)| (plain(&name), plain(&version))).collect();
    report
}

fn clean(text: &mut String) {
    *text = plain(text);
}

/// Every text of a report that is neither in its plan nor the key of a count.
fn texts(report: &mut Report) -> Vec<&mut String> {
    let environment = &mut report.environment;
    let mut texts = vec![&mut report.run_id, &mut report.started_at, &mut report.outcome.text];
    texts.extend([&mut environment.kernel, &mut environment.cpu, &mut environment.io_uring]);
    texts.extend(environment.calibration.as_mut().map(|calibration| &mut calibration.measured_at));
    texts.extend(report.trust.why.as_mut());
    texts.extend(
        report
            .until
            .as_mut()
            .into_iter()
            .flat_map(|until| [Some(&mut until.goal), until.obstacle.as_mut()].into_iter().flatten()),
    );
    texts.extend(report.verdict.reasons.iter_mut().flat_map(|reason| [&mut reason.rule, &mut reason.text]));
    texts.extend(report.thresholds.iter_mut().flat_map(|held| [&mut held.text, &mut held.shown]));
    texts.extend(report.limits.iter_mut());
    texts.extend(report.history.iter_mut().map(|slice| &mut slice.response_hdr));
    for slow in &mut report.slowest {
        texts.push(&mut slow.step);
        texts.extend(slow.error.as_mut());
    }
    for scenario in &mut report.scenarios {
        texts.push(&mut scenario.name);
        for step in &mut scenario.steps {
            texts.push(&mut step.name);
            let timings = [
                &mut step.response_ns,
                &mut step.service_ns,
                &mut step.slip_ns,
                &mut step.failed_response_ns,
            ];
            texts.extend(timings.map(|timing: &mut Timing| &mut timing.hdr));
        }
    }
    let timings = [
        &mut report.response_ns,
        &mut report.service_ns,
        &mut report.slip_ns,
        &mut report.failed_response_ns,
        &mut report.generator_lag_ns,
    ];
    texts.extend(timings.map(|timing: &mut Timing| &mut timing.hdr));
    texts
}

fn clean_plan(plan: &mut Plan) {
    let mut texts = vec![&mut plan.name, &mut plan.target.authority, &mut plan.target.path];
    match &mut plan.target.endpoint {
        Endpoint::Tcp { host, .. } => texts.push(host),
        Endpoint::Unix { socket } => texts.push(socket),
        Endpoint::Testbed => {}
    }
    if let Load::Open { name, .. } = &mut plan.load {
        texts.push(name);
    }
    texts.extend(plan.until.as_mut().map(|goal| &mut goal.text));
    texts.extend(plan.thresholds.iter_mut().map(|threshold| &mut threshold.text));
    for request in &mut plan.requests {
        texts.extend([&mut request.name, &mut request.method]);
        clean_pieces(&mut request.path);
        clean_pieces(request.body.as_deref_mut().unwrap_or_default());
        for (name, value) in &mut request.headers {
            texts.push(name);
            clean_pieces(value);
        }
    }
    texts.into_iter().for_each(clean);
}

fn clean_pieces(pieces: &mut [Piece]) {
    for piece in pieces {
        // What is no text is written in base64.
        if let Piece::Bytes(bytes) = piece
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            *bytes = plain(text).into_bytes();
        }
    }
}

fn clean_counts(requests: &mut Requests) {
    let errors: BTreeMap<String, u64> = std::mem::take(&mut requests.errors);
    requests.errors = errors.into_iter().map(|(kind, count)| (plain(&kind), count)).collect();
}

/// JSON as it may be printed: what would steer a terminal is written as an escape, which means the same.
pub(crate) fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push(c),
            c if is_steering(c) => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

fn cleaned(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain(&text)),
        Value::Array(values) => values.into_iter().map(cleaned).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (plain(&key), cleaned(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::flags::PlanArgs;
    use crate::input::load;
    use engine::report::{Identity, MachineFacts, Observed};
    use engine::snapshot::Snapshot;

    const STEERING: &str = "x\u{1b}[2J\nVALID\u{202e}";

    /// A report with something in each of its lists.
    fn full() -> Report {
        let args = PlanArgs {
            target: "http://h/a{{seq}}".into(),
            rate: Some("100".into()),
            until: Some("p99 ± 2%".into()),
            headers: vec!["X-A: b".into()],
            body: Some("c".into()),
            thresholds: vec!["failed<1%".into()],
            ..PlanArgs::default()
        };
        let plan = load::plan(&args).unwrap();
        let whole = Snapshot::new(1, 1, plan.phases);
        let observed =
            Observed { whole: &whole, window: &whole.shards, history: &[], is_steady: None, until: None };
        let identity = Identity { run_id: "r".into(), started_at: "t".into() };
        let report = Report::new(&plan, observed, MachineFacts::default(), identity);
        let mut json = serde_json::to_value(report).unwrap();
        for (pointer, value) in [
            (
                "/until",
                r#"{"goal":"g","reached":false,"estimate":1.0,"low":1.0,"high":1.0,"half_width":1.0,"confidence":0.9,"checks":1,"obstacle":"o"}"#,
            ),
            ("/verdict/reasons", r#"[{"rule":"r","status":"VALID","limit":0.0,"measured":0.0,"text":"t"}]"#),
            ("/trust/why", r#""w""#),
            ("/limits", r#"["l"]"#),
            (
                "/slowest",
                r#"[{"step":"s","error":"e","intended_s":1.0,"response_ns":1,"service_ns":1,"slip_ns":1,"shard":0}]"#,
            ),
            (
                "/history",
                r#"[{"from_ns":0,"to_ns":1,"phase":"measure","ok":0,"failed":0,"dropped":0,"cpu_ns":0,"response_hdr":"h"}]"#,
            ),
            ("/requests/errors", "{\"k\\u001b\": 1}"),
            ("/scenarios/0/steps/0/requests/errors", "{\"k\\u001b\": 1}"),
            ("/environment/versions", "{\"k\\u001b\": \"v\"}"),
        ] {
            *json.pointer_mut(pointer).unwrap() = serde_json::from_str(value).unwrap();
        }
        json["environment"]["calibration"] =
            serde_json::to_value(engine::report::Calibrated::default()).unwrap();
        serde_json::from_value(json).unwrap()
    }

    /// Where the texts are.
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at.to_owned()),
            Value::Array(values) => {
                values.iter().enumerate().for_each(|(n, value)| places(value, &format!("{at}/{n}"), found));
            }
            Value::Object(members) => {
                members.iter().for_each(|(key, value)| places(value, &format!("{at}/{key}"), found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_text_of_a_report_is_plain_also_where_a_number_has_no_word_in_json() {
        let mut json = serde_json::to_value(full()).unwrap();
        let mut found = Vec::new();
        places(&json, "", &mut found);
        let (mut free, mut steered) = (0, json.clone());
        for place in &found {
            let before = std::mem::replace(steered.pointer_mut(place).unwrap(), STEERING.into());
            match serde_json::from_value::<Report>(steered.clone()) {
                Ok(_) => free += 1,
                // A word of a fixed set, which can say nothing else.
                Err(_) => *steered.pointer_mut(place).unwrap() = before,
            }
        }
        assert!(free > 40, "{free} of {}", found.len());
        let mut evil: Report = serde_json::from_value(steered).unwrap();
        for window_s in [1.0, f64::INFINITY] {
            evil.window_s = window_s;
            json = serde_json::to_value(report(&evil)).unwrap();
            let text = format!("{json:?}").replace(&format!("{:?}", '\u{fffd}'), "");
            assert!(
                !text.contains("\\u{1b}") && !text.contains("\\u{202e}") && !text.contains("\\n"),
                "{text}"
            );
            assert!(text.contains('\u{fffd}'), "{text}");
        }
    }

    #[test]
    fn json_means_the_same_and_does_not_steer_either() {
        let value = serde_json::json!({ "a": "\u{9b}31m\u{202e}\u{7f}\u{1b}ü" });
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.is_ascii() || text.contains('ü'), "{text}");
        assert!(!text.chars().any(|c| c != '\n' && is_steering(c)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
