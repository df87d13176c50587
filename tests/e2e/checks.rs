//! Checks as they are counted, held against conditions, and told of with what came where they did not hold.

use crate::peers;
use crate::vajra::{Done, Vajra, one_line};
use serde_json::Value;

fn done(words: &[&str], plan: &str) -> Done {
    Vajra::run("plan.toml", &[&["--force"], words].concat()).file("plan.toml", plan).done()
}

/// A reason of the report whose text has this in it.
fn reason<'a>(done: &'a Done, part: &str) -> &'a Value {
    let reasons = done.report["reasons"].as_array().unwrap();
    let found = reasons.iter().find(|reason| reason["why"].as_str().unwrap().contains(part));
    found.unwrap_or_else(|| panic!("no `{part}` in {reasons:#?}"))
}

#[test]
fn a_value_that_is_never_there_is_told_with_what_came_first_and_without_secrets() {
    let testbed = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\nrun = {{ requests = 60, connections = 4, shards = 2 }}\nload = {{ rate = 120 }}\n[[step]]\nname = 'login'\n\
         post = '/echo'\njson = {{ error = 'no such user', session = 's3cret-4711' }}\nextract = {{ token = 'json /token' }}\n",
        testbed.url("/")
    );
    let done = done(&[], &plan);
    done.assert_accounted();
    let (reason, all) = (reason(&done, "`json /token`"), done.errors("extract"));
    let why = format!("login: `token`, `json /token`, was not there in {all} of {all} responses");
    assert_eq!(reason["why"], why.as_str());
    assert_eq!((reason["kind"].as_str(), reason["count"].as_u64()), (Some("extract"), Some(all)));
    let example = reason["example"].as_str().unwrap();
    assert!(example.starts_with("200 {") && example.contains("\"error\":\"no such user\""), "{example}");
    assert!(!done.report.to_string().contains("s3cret-4711"), "{example}");
    let told = format!("{all} × {why}; the first was 200 {{");
    assert!(one_line(&done.stdout).contains(&one_line(&told)), "{}", done.stdout);
}

#[test]
fn checks_are_counted_each_by_itself_and_conditions_are_held_against_them() {
    let testbed = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\nrun = {{ requests = 40, connections = 4 }}\nload = {{ rate = 100 }}\n\
         [[step]]\nname = 'good'\npost = '/echo'\nbody = 'welcome'\ncheck = ['status == 200', 'body contains welcome']\n\
         [[step]]\nname = 'bad'\nget = '/status/503'\ncheck = ['status == 200', 'status != 204']\non_failure = 'continue'\n\
         [[step]]\nname = 'rare'\nget = '/'\nchance = 0\ncheck = 'status == 200'\n\
         [thresholds]\n'checks{{step=good}}' = 'rate==100%'\n'checks{{step=bad}}' = 'rate>50%'\nchecks = 'rate>70%'\n\
         'checks{{step=rare}}' = 'rate>=0'\n",
        testbed.url("/")
    );
    let done = done(&[], &plan);
    done.assert_accounted();
    let checks = done.report["scenarios"][0]["checks"].as_array().unwrap();
    let told = |check: &Value| {
        let count = |key: &str| check[key].as_u64().unwrap();
        (check["step"].as_str().unwrap().to_owned(), count("passed"), count("failed"))
    };
    let counted: Vec<_> = checks.iter().map(told).collect();
    let all = done.errors("check");
    let expected = [("good", all, 0), ("good", all, 0), ("bad", 0, all), ("bad", all, 0), ("rare", 0, 0)];
    assert_eq!(counted, expected.map(|(step, passed, failed)| (step.to_owned(), passed, failed)));
    let bad = reason(&done, "bad: check");
    let why = format!("bad: check `status == 200` failed in {all} of {all} responses");
    assert_eq!(bad["why"], why.as_str());
    assert!(bad["example"].as_str().unwrap().starts_with("503"), "{bad}");
    let met: Vec<(bool, Option<f64>)> = done.report["thresholds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|threshold| (threshold["ok"].as_bool().unwrap(), threshold["measured"].as_f64()))
        .collect();
    // In the order of their names. What never ran meets nothing, by itself or among others.
    assert_eq!(met, [(false, Some(0.75)), (false, Some(0.5)), (true, Some(1.0)), (false, None)]);
    assert!(done.stdout.contains("and 1 of the checks never ran"), "{}", done.stdout);
    assert!(
        one_line(&done.stdout).contains(&format!("Checks {} of {} held (75", 3 * all, 4 * all)),
        "{}",
        done.stdout
    );
}

#[test]
fn a_condition_on_checks_is_refused_where_there_are_none() {
    let plan = "url = 'http://127.0.0.1:9/'\n[[request]]\nget = '/'\n[thresholds]\nchecks = 'rate>99%'\n";
    let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", plan).done();
    assert_eq!(done.code, 2, "{}", done.stdout);
    done.assert_says(&["no request has a check", "add `check = \"status == 200\"`"]);
    let plan =
        plan.replace("get = '/'", "get = '/'\ncheck = 'status == 200'").replace("rate>99%", "p(99)<1s");
    let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done();
    done.assert_says(&["not a figure of `checks`", "checks rate>99%"]);
}
