//! What an earlier version wrote: its archive, bundle, report and plan are read, and say the same.
//!
//! `tests/fixtures/schema-1` was written by the last version with reports of schema 1: two runs that a baseline holds, one that is
//! tagged `first` and whose report and plan stand beside the archive, and one that is INVALID.

use crate::agreement::say_the_same;
use crate::vajra::{Done, Vajra};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-1").join(name)
}

/// A command whose archive is a copy of the one that was written then.
fn vajra(words: &[&str]) -> Done {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("vajra")).unwrap();
    fs::copy(fixture("archive.db"), home.path().join("vajra/archive.db")).unwrap();
    Vajra::new(words).variable("XDG_DATA_HOME", home.path().to_str().unwrap()).done()
}

fn said(words: &[&str]) -> String {
    let done = vajra(words);
    assert_eq!(done.code, 0, "{words:?}: {}", done.stderr);
    done.stdout
}

/// Every key of the earlier report is there and says the same, but for its schema and the shape of its plan.
fn assert_says_the_same(earlier: &Value, now: &Value, at: &str) {
    match (earlier, now) {
        (Value::Object(earlier), Value::Object(now)) => {
            for (key, value) in earlier {
                let place = format!("{at}/{key}");
                if !["/schema", "/plan"].contains(&place.as_str()) {
                    assert_says_the_same(value, now.get(key).unwrap_or(&Value::Null), &place);
                }
            }
        }
        (Value::Array(earlier), Value::Array(now)) => {
            assert_eq!(earlier.len(), now.len(), "{at}");
            let pairs = earlier.iter().zip(now).enumerate();
            pairs.for_each(|(n, (earlier, now))| assert_says_the_same(earlier, now, &format!("{at}/{n}")));
        }
        _ => assert!(say_the_same(earlier, now), "{at}: {earlier} and {now}"),
    }
}

#[test]
fn an_earlier_archive_is_listed_and_its_reports_say_the_same() {
    let listed: Value = serde_json::from_str(&said(&["archive", "list", "--json"])).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 4);
    let shown: Value = serde_json::from_str(&said(&["archive", "show", "first", "--json"])).unwrap();
    let written: Value = serde_json::from_str(&fs::read_to_string(fixture("report.json")).unwrap()).unwrap();
    assert_eq!((&written["schema"], &shown["schema"]), (&1.into(), &2.into()));
    assert_says_the_same(&written, &shown, "");
    let only = &shown["scenarios"][0];
    for key in ["rate", "requests", "response_ns", "generator_lag_ns", "outcome", "trust", "window_s"] {
        assert_eq!(only[key], shown[key], "the one scenario fared as the run did: {key}");
    }
    let plan = &shown["plan"]["scenarios"][0];
    assert_eq!(plan["script"]["mix"][1]["request"]["http"]["method"], "PUT");
    assert_eq!(plan["load"]["open"]["name"], "steps");
    let text = said(&["archive", "show", "first"]);
    assert!(text.contains("schema-1") && text.contains("read") && text.contains("write"), "{text}");
    assert!(said(&["archive", "baselines"]).contains("base1"));
}

#[test]
fn earlier_reports_bundles_and_baselines_are_compared() {
    let (report, bundle) = (fixture("report.json"), fixture("runs.vajra"));
    let report = report.to_str().unwrap();
    let allowed = ["--allow", "plan", "--allow", "invalid", "--allow", "slices"];
    for candidate in [report, "first"] {
        let done = vajra(&[&["compare", "base1", candidate][..], &allowed].concat());
        assert!([0, 98].contains(&done.code), "{candidate}: {}", done.stderr);
        assert!(done.stdout.contains("response p50"), "{candidate}: {}", done.stdout);
    }
    let imported = Vajra::new(&["archive", "import", bundle.to_str().unwrap()]).done();
    assert!(imported.code == 0 && imported.stdout.contains('3'), "{}{}", imported.stdout, imported.stderr);
}

#[test]
fn a_report_of_schema_2_that_calls_segments_stretches_is_read() {
    let today = said(&["archive", "show", "first", "--json"]);
    let earlier = today.replace("\"segments\"", "\"stretches\"");
    assert_ne!(earlier, today);
    // No run is compared with itself.
    let run_id = serde_json::from_str::<Value>(&today).unwrap()["run_id"].as_str().unwrap().to_owned();
    let today = today.replace(&run_id, "another");
    let words = ["compare", "earlier.json", "today.json", "--allow", "invalid", "--allow", "slices"];
    let done = Vajra::new(&words).file("earlier.json", &earlier).file("today.json", &today).done();
    assert!([0, 98].contains(&done.code), "{}", done.stderr);
    assert!(done.stdout.contains("response p50"), "{}", done.stdout);
}

#[test]
fn a_plan_of_today_is_held_against_an_earlier_baseline() {
    let words =
        "gate testbed:/?service=fixed:1ms -R 100 -d 2s -c 2 --wait park --runs 1 --force --no-archive";
    let words: Vec<&str> = words.split(' ').collect();
    let allowed = ["--baseline", "base1", "--allow", "environment", "--allow", "invalid"];
    let done = vajra(&[&words[..], &allowed].concat());
    assert!([0, 3, 98].contains(&done.code), "{}: {}{}", done.code, done.stdout, done.stderr);
    assert!(done.stdout.contains("response p50"), "{}{}", done.stdout, done.stderr);
    let other = [&words[..], &["--baseline", "base1", "-m", "HEAD"]].concat();
    let refused = vajra(&other);
    assert!(refused.stderr.contains("requests: GET /?service=fixed:1ms against HEAD"), "{}", refused.stderr);
}

#[test]
fn an_earlier_plan_is_read() {
    let done = Vajra::new(&["check", fixture("plan.toml").to_str().unwrap()]).done();
    assert!(done.stdout.contains("GET /bytes/100"), "{}{}", done.stdout, done.stderr);
}

#[test]
fn a_report_of_a_later_schema_is_refused_with_what_is_read() {
    let text =
        fs::read_to_string(fixture("report.json")).unwrap().replacen("\"schema\": 1", "\"schema\": 99", 1);
    let done = Vajra::new(&["compare", "later.json", "later.json"]).file("later.json", &text).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["schema 99", "reads schemas 1 to 2", "later.json"]);
}
