//! `vajra control`, SIGHUP and `--watch`: a run that goes on takes over other loads, and accounts for them to one arrival.

use super::flows::ledger;
use crate::peers;
use crate::vajra::{Running, Vajra};
use engine::report::Report;
use engine::revision::{Change, ChangeAsker, schedule_of};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

const SIGHUP: i32 = 1;
const PLAN: &str = "url = 'testbed:/'\n[run]\nduration = '10m'\nconnections = 4\n[load]\nrate = 200\n";

/// What `vajra control` says to the runs of a folder, as JSON or as it is.
fn ask(runtime: &Path, words: &[&str]) -> crate::vajra::Done {
    let words = [&["control"], words].concat();
    Vajra::new(&words).variable("XDG_RUNTIME_DIR", &runtime.display().to_string()).done()
}

fn asked(runtime: &Path, words: &[&str]) -> Value {
    let done = ask(runtime, &[words, &["--json"]].concat());
    assert_eq!(done.code, 0, "{words:?}: {}", done.stderr);
    serde_json::from_str(&done.stdout).expect("an answer is JSON")
}

/// A run of a plan that can be asked something, and that sends already.
fn sending(runtime: &Path, plan: &str, words: &[&str]) -> Running {
    let running = Vajra::run("plan.toml", words)
        .file("plan.toml", plan)
        .variable("XDG_RUNTIME_DIR", &runtime.display().to_string())
        .start();
    running.await_thread("collector");
    await_elapsed(runtime, &running, 0.1);
    running
}

/// Waits until the run has sent for so long, by its own words.
fn await_elapsed(runtime: &Path, running: &Running, seconds: f64) {
    loop {
        running.assert_runs("it had sent for long enough");
        let done = ask(runtime, &["last", "status", "--json"]);
        let status: Value = serde_json::from_str(&done.stdout).unwrap_or(Value::Null);
        if status["status"]["elapsed_s"].as_f64().is_some_and(|elapsed_s| elapsed_s > seconds) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Asserts that all that the revised schedules asked for is accounted for, to one arrival.
fn assert_closes(report: &Value) {
    let read: Report = serde_json::from_value(report.clone()).expect("a report can be read again");
    let scheduled: u64 = read
        .plan
        .scenarios
        .iter()
        .filter_map(|scenario| schedule_of(scenario, &read.revisions))
        .map(|schedule| schedule.arrivals_before((read.window.to_s * 1e9).round() as u64))
        .sum();
    let requests = &read.requests;
    assert_eq!(requests.sent + requests.dropped + requests.unsent, scheduled);
}

/// Stops a run that is to account for all to one arrival. Each shard stops in a turn of its own, and nothing is scheduled between the first of
/// them and the last: it pauses by then.
fn stop_paused(runtime: &Path, running: Running) -> crate::vajra::Done {
    let paused = asked(runtime, &["pause"]);
    let cut_s = paused["revisions"][0]["cut_ns"].as_f64().unwrap() / 1e9;
    await_elapsed(runtime, &running, cut_s + 0.2);
    asked(runtime, &["stop"]);
    running.done()
}

/// Asserts that the target was asked as often as the report says, and never twice by one arrival.
fn assert_came(target: &str, report: &Value) {
    let (ledger, sent) = (ledger(target), report["requests"]["sent"].as_u64());
    let counts = ["entries", "distinct", "repeated"].map(|key| ledger[key].as_u64());
    assert_eq!(counts, [sent, sent, Some(0)], "{ledger}");
}

#[test]
fn a_rate_changes_at_a_cut_and_all_is_accounted_for() {
    let (runtime, testbed) = (TempDir::new().unwrap(), peers::testbed(&[]));
    let target = testbed.url("/");
    let plan = PLAN.replace("testbed:/", &target) + "[[request]]\npost = '/ledger?id={{seq}}'\n";
    let running = sending(runtime.path(), &plan, &["-t", "2"]);
    let answer = asked(runtime.path(), &["last", "rate", "1k"]);
    let cut_s = answer["revisions"][0]["cut_ns"].as_f64().unwrap() / 1e9;
    await_elapsed(runtime.path(), &running, cut_s + 0.5);
    asked(runtime.path(), &["pause"]);
    asked(runtime.path(), &["scale", "3"]);
    let status = asked(runtime.path(), &["status"]);
    assert_eq!(status["status"]["scenarios"][0]["load"], "3 times what was planned");
    let resumed = asked(runtime.path(), &["resume"]);
    let last_s = resumed["revisions"][0]["cut_ns"].as_f64().unwrap() / 1e9;
    await_elapsed(runtime.path(), &running, last_s + 0.3);
    let done = stop_paused(runtime.path(), running);
    assert_closes(&done.report);
    assert_came(&target, &done.report);
    let read: Report = serde_json::from_value(done.report.clone()).unwrap();
    let changes: Vec<&Change> = read.revisions.iter().map(|revision| &revision.change).collect();
    assert_eq!(changes.len(), 5);
    assert_eq!(
        changes[2..4],
        [&Change::Thousandths(3_000), &Change::Thousandths(3_000)],
        "as it was before the pause"
    );
    assert!(read.revisions.iter().all(|revision| revision.by == ChangeAsker::Control));
    assert!(done.stdout.contains("Changed while it went on"), "{}", done.stdout);
}

#[test]
fn a_plan_is_read_again_and_what_a_run_cannot_take_over_changes_nothing() {
    let runtime = TempDir::new().unwrap();
    let running = sending(runtime.path(), PLAN, &[]);
    let plan = running.folder().join("plan.toml");
    std::fs::write(&plan, PLAN.replace("rate = 200", "rte = 200")).unwrap();
    let refused = ask(runtime.path(), &["reload"]);
    assert_eq!(refused.code, 2, "{}", refused.stdout);
    refused.assert_says(&["the plan cannot be read", "`rte`", "plan.toml:6"]);
    let other = PLAN.replace("testbed:/", "testbed:/other").replace("200", "300");
    std::fs::write(&plan, other + "[thresholds]\nfailed = 'rate<1%'\n").unwrap();
    let refused = ask(runtime.path(), &["reload"]);
    refused.assert_says(&[
        "in what a run cannot take over",
        "requests",
        "not taken over with it: load, thresholds",
    ]);
    std::fs::write(&plan, PLAN.replace("rate = 200", "rate = 400")).unwrap();
    running.signal(SIGHUP);
    while asked(runtime.path(), &["status"])["status"]["scenarios"][0]["load"] != "400/s" {
        running.assert_runs("it read its plan again");
    }
    let done = stop_paused(runtime.path(), running);
    assert_closes(&done.report);
    let read: Report = serde_json::from_value(done.report.clone()).unwrap();
    assert_eq!(read.revisions.len(), 2, "{:?}", read.revisions);
    assert_eq!((read.revisions[0].by, read.events.len()), (ChangeAsker::Signal, 2), "{:?}", read.events);
}

#[test]
fn a_plan_that_is_watched_is_taken_over_when_it_changes() {
    let runtime = TempDir::new().unwrap();
    let plan = PLAN.replace("rate = 200", "users = 3\nof = 'users'\npacing = '20ms'");
    let running = sending(runtime.path(), &plan, &["--watch"]);
    std::fs::write(running.folder().join("plan.toml"), plan.replace("users = 3", "users = 1")).unwrap();
    while asked(runtime.path(), &["status"])["status"]["scenarios"][0]["load"] != "1 users" {
        running.assert_runs("it read its plan again");
    }
    let refused = ask(runtime.path(), &["users", "4"]);
    refused.assert_says(&["the plan has 3 users at the most"]);
    asked(runtime.path(), &["users", "2"]);
    asked(runtime.path(), &["stop"]);
    let done = running.done();
    let read: Report = serde_json::from_value(done.report.clone()).unwrap();
    let changes: Vec<&Change> = read.revisions.iter().map(|revision| &revision.change).collect();
    assert_eq!(changes, [&Change::Users(1), &Change::Users(2)]);
}

#[test]
fn think_times_change_by_a_factor_and_with_the_plan() {
    let (runtime, testbed) = (TempDir::new().unwrap(), peers::testbed(&[]));
    let target = testbed.url("/");
    let plan = format!(
        "url = '{target}'\nrun = {{ duration = '10m', shards = 2, graceful = '0s' }}\n\
         [scenario.agents]\nload = {{ of = 'users', users = 4, pacing = '15ms' }}\n\
         [[scenario.agents.step]]\nname = 'note'\npost = '/ledger?id={{{{user}}}}-{{{{iteration}}}}'\nthink = '10ms'\n\
         [scenario.read]\nload.rate = 20\n[[scenario.read.request]]\nget = '/'\n"
    );
    let running = sending(runtime.path(), &plan, &[]);
    let twice = asked(runtime.path(), &["think", "2"]);
    assert_eq!(twice["revisions"].as_array().map(Vec::len), Some(1), "the other thinks never: {twice}");
    let told = ask(runtime.path(), &["status"]);
    assert!(told.stdout.contains("as planned, think times 2 times what was planned;"), "{}", told.stdout);
    let refused = ask(runtime.path(), &["think", "read=2"]);
    assert_eq!(refused.code, 2);
    refused.assert_says(&["`read` cannot be changed: it has no think times"]);
    let slow = plan.replace("'10ms'", "'exp:1h'").replace("'15ms'", "'16ms'");
    std::fs::write(running.folder().join("plan.toml"), slow.replace("get = '/'", "get = '/a'")).unwrap();
    ask(runtime.path(), &["reload"])
        .assert_says(&["not taken over with it: pacing of `agents`, think times of `agents`"]);
    std::fs::write(running.folder().join("plan.toml"), slow).unwrap();
    let reloaded = asked(runtime.path(), &["reload"]);
    assert_eq!(reloaded["revisions"].as_array().map(Vec::len), Some(2), "{reloaded}");
    // Once each user thinks for an hour, none of them comes.
    while asked(runtime.path(), &["status"])["status"]["scenarios"][0]["achieved"] != 0.0 {
        running.assert_runs("all its users thought");
    }
    asked(runtime.path(), &["stop"]);
    let done = running.done();
    let read: Report = serde_json::from_value(done.report.clone()).unwrap();
    let changes: Vec<String> = read.revisions.iter().map(ToString::to_string).collect();
    let expected = [
        "agents: think times 2 times what was planned",
        "agents: pacing 16.0 ms",
        "agents: think times note exp:3600s",
    ];
    assert_eq!(changes, expected);
    let sent = read.scenarios[0].requests.sent;
    assert_eq!(ledger(&target)["entries"].as_u64(), Some(sent), "{}", done.stdout);
    assert!(done.stdout.contains("think times note exp:3600s"), "{}", done.stdout);
}

#[test]
fn thresholds_that_are_changed_are_those_that_the_run_is_judged_by() {
    let (runtime, testbed) = (TempDir::new().unwrap(), peers::testbed(&["--error", "0.5"]));
    let conditions = "[thresholds]\nfailed = [{ limit = 'rate<100%', over = '1s' }, 'rate<1%']\n";
    let plan = PLAN.replace("testbed:/", &testbed.url("/")) + conditions;
    let running = sending(runtime.path(), &plan, &[]);
    await_elapsed(runtime.path(), &running, 1.5);
    let relaxed = plan.replace("rate<100%", "rate<=100%").replace("'rate<1%'", "'rate<=100%', 'count>0'");
    std::fs::write(running.folder().join("plan.toml"), relaxed).unwrap();
    running.signal(SIGHUP);
    while asked(runtime.path(), &["reload"]).get("revisions").is_some() {
        running.assert_runs("it had taken over what its plan says");
    }
    await_elapsed(runtime.path(), &running, 4.5);
    asked(runtime.path(), &["stop"]);
    let done = running.done();
    let read: Report = serde_json::from_value(done.report.clone()).unwrap();
    let [revision] = &read.revisions[..] else { panic!("one: {:?}", read.revisions) };
    assert_eq!(revision.scenario, "");
    let told: Vec<(&str, bool)> =
        read.thresholds.iter().map(|result| (result.text.as_str(), result.until_ns.is_some())).collect();
    let now = ["failed rate<=100%; over=1s", "failed rate<=100%", "failed count>0"].map(|text| (text, false));
    // Where no window had been judged by then, nothing is told of it.
    assert_eq!(told[..3], now);
    assert!(told[3..].iter().all(|replaced| *replaced == ("failed rate<100%; over=1s", true)), "{told:?}");
    assert!(read.thresholds[..3].iter().all(|result| result.ok), "{:?}", read.thresholds);
    assert!(done.stdout.contains("thresholds failed rate<=100%; over=1s, failed"), "{}", done.stdout);
}

#[test]
fn what_cannot_be_asked_is_told() {
    let runtime = TempDir::new().unwrap();
    ask(runtime.path(), &["status"]).assert_says(&["no run goes on here"]);
    let two = "url = 'testbed:/'\nrun.duration = '10m'\n[scenario.read]\nload.rate = 50\nrequest = [{ get = '/' }]\n\
               [scenario.loop]\nrequest = [{ get = '/', think = '50ms' }]\n";
    let two = two.replace(", think = '50ms'", "");
    let running = sending(runtime.path(), &two, &[]);
    for (words, told) in [
        (&["rate", "5"][..], "say which: `rate read=…`"),
        (&["rate", "raed=5"], "did you mean `read`?"),
        (&["rate", "loop=5"], "it is a closed loop, and has no rate"),
        (&["rate", "read=fast"], "`fast`"),
        (&["users", "read=5"], "it has a rate, and no users"),
        (&["scale", "0"], "no factor"),
        (&["think", "2"], "no scenario has think times"),
        (&["think", "read=-1"], "no factor"),
        (&["nobody", "status"], "no run `nobody` goes on here"),
        (&["explode"], "nothing that can be asked"),
    ] {
        let done = ask(runtime.path(), words);
        assert_eq!(done.code, 2, "{words:?}: {}", done.stderr);
        done.assert_says(&[told]);
    }
    let paused = asked(runtime.path(), &["pause"]);
    assert_eq!(paused["revisions"].as_array().map(Vec::len), Some(1), "the loop has no schedule to pause");
    let other = sending(runtime.path(), PLAN, &[]);
    ask(runtime.path(), &["status"]).assert_says(&["several runs go on"]);
    asked(runtime.path(), &["last", "stop"]);
    other.done();
    asked(runtime.path(), &["stop"]);
    running.done();
    ask(runtime.path(), &["status"]).assert_says(&["no run goes on here"]);
}
