//! Several scenarios and targets in one plan, none in the way of another. Each has its own rate, connections, start and conditions.

use crate::peers;
use crate::vajra::Vajra;
use serde_json::Value;
use std::net::TcpListener;

/// A run of a plan, and the report of each of its scenarios.
fn scenario<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["scenarios"].as_array().unwrap().iter().find(|scenario| scenario["name"] == name);
    found.unwrap_or_else(|| panic!("no scenario {name} in {report:#}"))
}

fn scheduled(scenario: &Value) -> u64 {
    ["ok", "failed", "dropped", "unsent"].iter().map(|key| scenario["requests"][key].as_u64().unwrap()).sum()
}

#[test]
fn two_scenarios_on_two_targets_send_each_their_own() {
    let (read, write) = (peers::testbed(&[]), peers::testbed(&["--error", "1"]));
    let plan = format!(
        "[target.api]\nurl = '{}'\n[target.store]\nurl = '{}'\n[run]\nduration = '2s'\nwarmup = '500ms'\n\
         [scenario.read]\ntarget = 'api'\nconnections = 4\nload = {{ rate = 200, arrivals = 'poisson' }}\n\
         thresholds = {{ failed = '<50%', response = 'p(50)<10s' }}\n\
         [[scenario.read.request]]\nget = '/bytes/10?n={{{{rand 1 9}}}}'\nweight = 3\n\
         [[scenario.read.request]]\nhead = '/'\n\
         [scenario.write]\ntarget = 'store'\nconnections = 2\nstarts = '1s'\nload = {{ rate = 50 }}\n\
         [[scenario.write.request]]\nput = '/echo'\nbody = '{{{{seq}}}}'\n\
         [thresholds]\n'failed{{scenario=write}}' = '<1%'\n'response{{step=\"HEAD /\"}}' = 'count>0'",
        read.url("/"),
        write.url("/")
    );
    let done =
        Vajra::run("plan.toml", &["--force", "--timeseries", "series.jsonl"]).file("plan.toml", &plan).done();
    let report = &done.report;
    let (read, write) = (scenario(report, "read"), scenario(report, "write"));
    assert_eq!((scheduled(write), write["window_s"].as_f64()), (50, Some(1.0)), "{write:#}");
    assert!(write["requests"]["failed"].as_u64() > Some(0) && read["requests"]["failed"] == 0, "{report:#}");
    assert_eq!(read["steps"].as_array().unwrap().len(), 2);
    let both = read["requests"]["ok"].as_u64().unwrap() + write["requests"]["ok"].as_u64().unwrap();
    assert_eq!(report["requests"]["ok"].as_u64(), Some(both));
    let held: Vec<(&str, bool)> = report["thresholds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|held| (held["text"].as_str().unwrap(), held["ok"].as_bool().unwrap()))
        .collect();
    assert!(held.contains(&("failed{scenario=write} <1%", false)), "{held:?}");
    assert!(held.contains(&("failed{scenario=read} <50%", true)), "{held:?}");
    assert!(held.contains(&("response{step=\"HEAD /\"} count>0", true)), "{held:?}");
    for part in ["read ", "write ", "  HEAD /", " 50.0 "] {
        assert!(done.stdout.contains(part), "{part} is not in\n{}", done.stdout);
    }
    let series = std::fs::read_to_string(done.folder.path().join("series.jsonl")).unwrap();
    let sent: u64 = series
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| line["scenarios"]["write"]["requests"]["sent"].as_u64().unwrap())
        .sum();
    assert_eq!(sent, 50, "{series}");
    let parts: u64 = report["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|slice| slice["phase"] != "warmup")
        .map(|slice| slice["scenarios"][1]["ok"].as_u64().unwrap())
        .sum();
    assert_eq!(Some(parts), write["requests"]["ok"].as_u64());
}

#[test]
fn a_closed_loop_whose_time_is_over_holds_no_other_scenario_up() {
    let target = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\n[run]\nduration = '3s'\n[scenario.closed]\nconnections = 64\nduration = '1s'\n\
         [scenario.paced]\nconnections = 4\nload = {{ rate = 200 }}\n",
        target.url("/")
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    let paced = scenario(&done.report, "paced");
    assert_eq!((paced["requests"]["ok"].as_u64(), scheduled(paced)), (Some(600), 600), "{paced:#}");
}

#[test]
fn a_run_ends_when_none_of_its_scenarios_has_more_to_send() {
    let target = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\n[scenario.counted]\nconnections = 2\nrequests = 20\n\
         [scenario.paced]\nduration = '1s'\nload = {{ rate = 50 }}\n",
        target.url("/")
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    let ok = |name: &str| scenario(&done.report, name)["requests"]["ok"].as_u64();
    assert_eq!((ok("counted"), ok("paced")), (Some(20), Some(50)), "{:#}", done.report);
    assert_eq!(done.report["window"]["is_partial"], false);
}

#[test]
fn a_target_that_hangs_holds_no_other_scenario_up() {
    let calm = peers::testbed(&[]);
    // Accepted by the kernel, and never read.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let plan = format!(
        "[run]\nduration = '2s'\ntimeout = '5s'\n\
         [scenario.calm]\nurl = '{}'\nconnections = 8\nload = {{ rate = 300 }}\n\
         [scenario.hung]\nurl = 'http://{}/'\nconnections = 2\nload = {{ rate = 50 }}",
        calm.url("/"),
        silent.local_addr().unwrap()
    );
    let done = Vajra::run("plan.toml", &["--force", "-q"]).file("plan.toml", &plan).done();
    let (calm, hung) = (scenario(&done.report, "calm"), scenario(&done.report, "hung"));
    assert_eq!((&calm["requests"]["ok"], &calm["requests"]["unsent"]), (&600.into(), &0.into()), "{calm:#}");
    assert_eq!((scheduled(hung), &hung["requests"]["ok"]), (100, &0.into()), "{hung:#}");
    assert_eq!((&calm["outcome"]["status"], &hung["outcome"]["status"]), (&"held".into(), &"failed".into()));
    let text = done.report["outcome"]["text"].as_str().unwrap();
    assert!(text.starts_with("of `hung`"), "{text}");
}

#[test]
fn a_scenario_may_follow_another_and_a_closed_loop_stand_beside_a_rate() {
    let testbed = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\n[run]\nseed = 5\nshards = 1\n\
         [scenario.first]\nrequests = 20\nload = {{ rate = 40 }}\n\
         [scenario.then]\nafter = 'first'\nduration = '1s'\nconnections = 3\nrequests = 30\n\
         [scenario.last]\nafter = 'then'\nrequests = 7\nload = {{ rate = 70 }}",
        testbed.url("/")
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    let counts = ["first", "then", "last"].map(|name| scheduled(scenario(&done.report, name)));
    assert_eq!(counts, [20, 30, 7], "{:#}", done.report);
    let starts: Vec<f64> = done.report["plan"]["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scenario| scenario["starts_ns"].as_f64().unwrap() / 1e9)
        .collect();
    assert_eq!(starts, [0.0, 0.5, 1.5]);
    assert!(scenario(&done.report, "then")["rate"]["target"].is_null());
    assert!(scenario(&done.report, "last")["rate"]["target"].as_f64().is_some());
}

#[test]
fn mistakes_in_scenarios_send_nothing_and_say_where() {
    let refused = |plan: &str, words: &[&str], parts: &[&str]| {
        let done = Vajra::run("plan.toml", words).file("plan.toml", plan).done();
        assert_eq!(done.code, 2, "{}", done.stderr);
        done.assert_says(parts);
    };
    let two = "url = 'http://127.0.0.1:9/'\n[scenario.read]\nload = { rate = 5 }\n[scenario.write]\n";
    refused(
        &format!("{two}[scenario.read]\n"),
        &[],
        &["plan.toml:5", "there is a table `[scenario.read]` already"],
    );
    refused(
        two,
        &["--threshold", "response{scenario=raed} p(99)<1s"],
        &["no scenario `raed`", "did you mean `read`"],
    );
    refused(two, &["-R", "5"], &["`load` belongs to no scenario", "-R 5"]);
    refused(two, &["-n", "5"], &["`run.requests` belongs to no scenario"]);
    refused(&format!("{two}after = 'read'\n[scenario.x]\nafter = 'x'"), &[], &["plan.toml:7", "x after x"]);
    refused(
        &format!("{two}[target.spare]\nurl = 'http://h/'"),
        &[],
        &["no scenario uses the target `spare`"],
    );
    refused(two, &["-t", "2", "-c", "1"], &["1 connection cannot be shared by 2 shards", "-c 1"]);
    let until = format!("{two}starts = '2s'");
    refused(
        &until,
        &["--until", "p99 ± 2%", "-d", "5s"],
        &["plan.toml:5", "`write` begins after 2.00 s", "within the warm-up"],
    );
    let late = "url = 'http://127.0.0.1:9/'\n[scenario.a]\nrequests = 5\n[scenario.b]\nafter = 'a'\n";
    refused(late, &[], &["plan.toml:5", "`a`"]);
    let search = ["find-max", "plan.toml", "--slo", "response{scenario=raed} p(99)<1s", "--scenario", "read"];
    let done = Vajra::new(&search).file("plan.toml", two).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["no scenario `raed`", "did you mean `read`"]);
    let secret = "url = 'http://127.0.0.1:9/x?token=s3cret'\n";
    let search = ["find-max", "plan.toml", "--slo", "response{step=\"GET /?token=s3cret\"} p(99)<1s"];
    let done = Vajra::new(&search).file("plan.toml", secret).done();
    assert_eq!((done.code, done.stderr.contains("s3cret")), (2, false), "{}", done.stderr);
    let json = r#"{"url": "http://127.0.0.1:9/", "scenario": {"a": {}, "a": {}}}"#;
    let done = Vajra::run("plan.json", &[]).file("plan.json", json).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["plan.json", "`a` stands here twice"]);
}
