//! Reports and JSON that came from elsewhere, without what would steer a terminal: from bundles, archives, files.
//!
//! Names, reasons and limits of a report would be printed as its maker wrote them. What is left out of them, [`engine::plain`] says.

use engine::plain::is_steering;
pub(crate) use engine::plain::{lines, plain, report};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::flags::PlanArgs;
    use crate::input::load;
    use engine::record::Snapshot;
    use engine::report::{Identity, Measured, Report};
    use serde_json::Value;

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
        let whole = Snapshot::new(1, &plan.layout(), plan.phases);
        let measured = Measured::of(whole, Vec::new());
        let identity = Identity { run_id: "r".into(), started_at: "t".into() };
        let report = Report::new(&plan, &measured, identity);
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
                "/revisions",
                r#"[{"scenario":"s","asked_ns":1,"cut_ns":2,"change":{"users":3},"by":"control"}]"#,
            ),
            ("/events", r#"[{"at_ns":1,"by":"watch","what":"w"}]"#),
            (
                "/slowest",
                r#"[{"step":"s","error":"e","intended_s":1.0,"response_ns":1,"service_ns":1,"slip_ns":1,"shard":0}]"#,
            ),
            (
                "/history",
                r#"[{"from_ns":0,"to_ns":1,"phase":"measure","ok":0,"failed":0,"dropped":0,"cpu_ns":0,"response_hdr":"h"}]"#,
            ),
            ("/connections/attempts/failures", r#"[{"phase":"tls","kind":"tls","why":"w","count":1}]"#),
            ("/requests/errors", "{\"k\\u001b\": 1}"),
            ("/scenarios/0/steps/0/requests/errors", "{\"k\\u001b\": 1}"),
            ("/environment/versions", "{\"k\\u001b\": \"v\"}"),
        ] {
            // Lists that are empty are not written.
            let (of, key) = pointer.rsplit_once('/').unwrap();
            json.pointer_mut(of).unwrap()[key] = serde_json::from_str(value).unwrap();
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
    fn every_text_of_a_report_is_plain() {
        let json = serde_json::to_value(full()).unwrap();
        let mut found = Vec::new();
        places(&json, "", &mut found);
        let (mut free, mut steered) = (0, json);
        for place in &found {
            let before = std::mem::replace(steered.pointer_mut(place).unwrap(), STEERING.into());
            match serde_json::from_value::<Report>(steered.clone()) {
                Ok(_) => free += 1,
                // A word of a fixed set, which can say nothing else.
                Err(_) => *steered.pointer_mut(place).unwrap() = before,
            }
        }
        assert!(free > 40, "{free} of {}", found.len());
        let evil: Report = serde_json::from_value(steered).unwrap();
        let text = format!("{:?}", serde_json::to_value(report(&evil)).unwrap());
        let text = text.replace(&format!("{:?}", '\u{fffd}'), "");
        assert!(!text.contains("\\u{1b}") && !text.contains("\\u{202e}") && !text.contains("\\n"), "{text}");
        assert!(text.contains('\u{fffd}'), "{text}");
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
