//! Comparing, gating, searching, and runs that end by themselves.
//!
//! The machine may be busy while tests run, so runs may be INVALID: what is asked for here is allowed in spite of that, and what
//! is asserted holds all the same: differences by a factor, counts, codes, words. Service times that are told apart are long
//! beside what a busy machine adds to them.

use crate::peers::free_port;
use crate::vajra::{Done, Vajra, binary};
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// As long as two sides have to be at the least that are compared.
const LOAD: [&str; 8] = ["-R", "300", "-c", "200", "-d", "3s", "--allow", "invalid"];

/// The command of a built-in server.
fn server(port: u16, service: &str) -> String {
    format!("exec {} testbed --port {port} --service {service}", binary().display())
}

fn json(done: &Done, name: &str) -> Value {
    serde_json::from_str(&text(done, name)).unwrap()
}

fn text(done: &Done, name: &str) -> String {
    fs::read_to_string(done.folder.path().join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}; {}", done.stderr))
}

/// A finished run of the built-in server, and where its report is.
fn run(service: &str) -> (Done, String) {
    let words = ["-R", "300", "-c", "200", "-d", "3s"];
    let done = Vajra::run(&format!("testbed:/?service={service}"), &words).done();
    let path = done.folder.path().join("report.json").display().to_string();
    (done, path)
}

#[test]
fn a_target_that_is_much_slower_is_worse_and_the_other_way_round_better() {
    let ((_fast, base), (_slow, candidate)) = (run("fixed:40ms"), run("fixed:400ms"));
    let outputs = ["--json", "c.json", "--markdown", "c.md", "--svg", "c.svg", "--allow", "invalid,plan"];
    let compare = |base: &str, candidate: &str| {
        Vajra::new(&[&["compare", base, candidate][..], &outputs].concat()).done()
    };
    let done = compare(&base, &candidate);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(json(&done, "c.json")["verdict"], "worse", "{}", done.stdout);
    assert!(done.stdout.contains("worse: response mean"), "{}", done.stdout);
    assert!(text(&done, "c.md").contains("| response p50 |") && text(&done, "c.md").contains("**worse**"));
    assert!(text(&done, "c.svg").starts_with("<svg"));
    assert_eq!(json(&compare(&candidate, &base), "c.json")["verdict"], "better");
}

#[test]
fn what_cannot_be_compared_is_refused_with_its_reason() {
    let ((done, one), (_other, two)) = (run("fixed:1ms"), run("fixed:2ms"));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let whole = fs::read_to_string(&one).unwrap();
    let half = file("half.json", &whole[..whole.len() / 2]);
    let mut newer = done.report.clone();
    newer["schema"] = Value::from(99);
    let newer = file("newer.json", &newer.to_string());
    let foreign = file("foreign.json", "{\"hello\": 1}");
    let mut historyless = done.report.clone();
    historyless.as_object_mut().unwrap().remove("history");
    historyless["run_id"] = Value::from("without a history");
    let historyless = file("old.json", &historyless.to_string());
    let mut invalid = done.report.clone();
    invalid["verdict"]["status"] = Value::from("INVALID");
    invalid["run_id"] = Value::from("invalid");
    let invalid = file("invalid.json", &invalid.to_string());
    for (candidate, code, words) in [
        (two.as_str(), 2, vec!["requests: GET", "--allow plan"]),
        (&half, 2, vec!["half.json"]),
        (&newer, 2, vec!["newer.json", "99"]),
        (&foreign, 2, vec!["foreign.json"]),
        (&historyless, 2, vec!["history"]),
        ("missing.json", 2, vec!["missing.json"]),
        ("nobody", 2, vec!["`nobody`"]),
        (&one, 2, vec!["on both sides"]),
    ] {
        let done = Vajra::new(&["compare", &one, candidate, "--allow", "invalid"]).done();
        assert_eq!(done.code, code, "{candidate}: {}", done.stderr);
        done.assert_says(&words);
    }
    let done = Vajra::new(&["compare", &one, &invalid, "--allow", "slices"]).done();
    assert_eq!(done.code, 3, "{}", done.stderr);
    done.assert_says(&["INVALID", "--allow invalid"]);
}

#[test]
fn a_gate_holds_a_server_against_what_was_saved() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let (url, data) = (format!("http://127.0.0.1:{port}/"), folder.path().to_str().unwrap());
    let bundle = folder.path().join("main.vajra").display().to_string();
    let gate = |service: &str, words: &[&str]| {
        let served = server(port, service);
        // One run a side: between two, a busy machine makes more of a difference than Student's t can tell from a server.
        let all = [&["gate", &url, "--with", &served, "--runs", "1", "-q"], &LOAD[..], words].concat();
        Vajra::new(&all).variable("XDG_DATA_HOME", data).done()
    };
    let done = gate("fixed:40ms", &["--baseline", "main"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["main", "--save-baseline"]);
    for name in ["main", bundle.as_str()] {
        let saved = gate("fixed:40ms", &["--baseline", name, "--save-baseline"]);
        assert_eq!((saved.code, saved.stderr.contains("1 run")), (0, true), "{}", saved.stderr);
        let slower = gate("fixed:400ms", &["--baseline", name, "--threshold", "20%", "--json", "g.json"]);
        assert_eq!(slower.code, 98, "{}{}", slower.stdout, slower.stderr);
        assert_eq!(json(&slower, "g.json")["regression"]["status"], "regressed");
    }
    // What fails altogether has no response times to compare, and is a regression all the same; and no baseline.
    let outputs = ["--json", "g.json", "--markdown", "g.md"];
    let failing = gate("fixed:40ms --error 1", &[&["--baseline", "main"], &outputs[..]].concat());
    assert_eq!(failing.code, 98, "{}", failing.stderr);
    failing.assert_says(&["not one request", "succeeded", "regression"]);
    assert_eq!(json(&failing, "g.json")["regression"]["status"], "regressed");
    assert!(text(&failing, "g.md").contains("REGRESSED"), "{}", text(&failing, "g.md"));
    // So is what does not answer once it is up; not so what could not be started where something else answers already.
    let hung = ["--baseline", "main", "--timeout", "300ms", "--allow", "plan", "--json", "g.json"];
    let hung = gate("fixed:10s", &hung);
    assert_eq!(hung.code, 98, "{}", hung.stderr);
    hung.assert_says(&["the candidate fails preflight", "does not answer within 300ms"]);
    assert_eq!(json(&hung, "g.json")["regression"]["status"], "regressed");
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let refused = gate("fixed:40ms", &["--baseline", "main"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    refused.assert_says(&["something else already answers"]);
    drop(taken);
    let save = ["--baseline", "main", "--save-baseline"];
    let failing = gate("fixed:40ms --error 1", &save);
    assert_eq!(failing.code, 99, "{}", failing.stderr);
    failing.assert_says(&["not one of", "succeeded", "is left as it was"]);
    let breaching = gate("fixed:40ms", &[&save[..], &["--threshold", "response p(50)<1ms"]].concat());
    assert_eq!(breaching.code, 99, "{}", breaching.stderr);
    breaching.assert_says(&["is left as it was"]);
    let other = gate("fixed:40ms", &["--baseline", "main", "--threshold", "2000%"]);
    assert_eq!(other.code, 2, "{}", other.stderr);
    // Before anything is sent: the server, which would not come up, is not even started.
    let other = gate("nonsense", &["--baseline", "main", "-H", "x: y"]);
    assert_eq!(other.code, 2, "{}", other.stderr);
    other.assert_says(&["what is to be run differ"]);
    let faster = gate("fixed:1ms", &["--baseline", "main", "--threshold", "90%"]);
    assert_eq!(faster.code, 0, "{}{}", faster.stdout, faster.stderr);
    let baselines = |words: &[&str]| {
        Vajra::new(&[&["archive", "baselines"], words].concat()).variable("XDG_DATA_HOME", data).done()
    };
    assert!(baselines(&[]).stdout.starts_with("main  saved 2"), "{}", baselines(&[]).stdout);
    assert_eq!(baselines(&["--remove", "main"]).code, 0);
    let gone = gate("fixed:1ms", &["--baseline", "main"]);
    assert_eq!((gone.code, baselines(&[]).stdout.as_str()), (2, ""), "{}", gone.stderr);
}

#[test]
fn a_gate_measures_two_servers_by_turns() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let (base, candidate) = (server(port, "fixed:40ms"), server(port, "fixed:400ms"));
    let words = ["--against", &base, "--with", &candidate, "--runs", "3", "--markdown", "gate.md"];
    let done = Vajra::new(&[&["gate", &url], &LOAD[..], &words].concat()).done();
    assert_eq!(done.code, 98, "{}{}", done.stdout, done.stderr);
    assert!(text(&done, "gate.md").contains("REGRESSED beyond 5 %"), "{}", text(&done, "gate.md"));
    let mut sides: Vec<&str> = done.stderr.lines().filter(|line| line.contains("run 2 of 3")).collect();
    // A run that the machine made INVALID is made again.
    sides.dedup();
    assert!(sides[0].starts_with("candidate") && sides[1].starts_with("base"), "by turns: {sides:?}");
    let urls = ["gate", "testbed:/?service=fixed:400ms", "--against", "testbed:/?service=fixed:40ms"];
    // One run a side, for the same reason.
    let done = Vajra::new(&[&urls[..], &LOAD, &["--runs", "1", "--allow", "plan", "-q"]].concat()).done();
    assert_eq!(done.code, 98, "{}{}", done.stdout, done.stderr);
}

#[test]
fn a_gate_reads_a_plan_on_standard_input_once_for_both_sides() {
    let plan = "url = 'testbed:/bytes/5'\n[run]\nrequests = 30\nconnections = 2\n[load]\nrate = 300\n";
    let words =
        ["gate", "-", "--against", "testbed:/bytes/5", "--runs", "1", "--force", "--allow", "invalid"];
    let gate = Vajra::new(&words).input(plan).variable("VAJRA_RUN_CONECTIONS", "9").done();
    // So short a run has no spread: all that stands in the way of a comparison is told, other plans among it.
    gate.assert_says(&[
        "base, run 1 of 1",
        "candidate, run 1 of 1",
        "cannot be compared",
        "has a history of 1 slice",
    ]);
    assert!(!gate.stderr.contains("the plans of runs"), "{}", gate.stderr);
    assert_eq!(gate.stderr.matches("VAJRA_RUN_CONECTIONS is ignored").count(), 1, "{}", gate.stderr);
}

#[test]
fn a_gate_that_cannot_work_says_so_before_anything_is_sent() {
    let ended = server(free_port(), "nonsense");
    let url = format!("http://127.0.0.1:{}/", free_port());
    for (words, code, parts) in [
        (vec!["--against", "serve"], 2, vec!["--with", "flag --against serve"]),
        (vec!["--baseline", "x", "--threshold", "5%", "--threshold", "6%"], 2, vec!["two limits"]),
        (vec!["--baseline", "x", "--allow", "anything"], 2, vec!["anything"]),
        (vec!["--baseline", "x/y z", "--save-baseline", "--confidence", "40%"], 2, vec!["coin"]),
        (
            vec!["--against", &ended, "--with", &ended, "--runs", "1"],
            1,
            vec!["before it accepted connections"],
        ),
    ] {
        let done = Vajra::new(&[vec!["gate", &url, "-R", "100", "-d", "3s"], words.clone()].concat()).done();
        assert_eq!(done.code, code, "{words:?}: {}", done.stderr);
        done.assert_says(&parts);
    }
}

#[test]
fn a_capacity_is_found_and_a_target_that_fails_has_none() {
    // Two workers of 4 ms each: 500 requests a second, and no more.
    let target = "testbed:/?service=fixed:4ms&workers=2";
    let slo = ["--slo", "p(50)<400ms, failed<0.1%", "--json", "max.json", "--svg", "max.svg"];
    let search =
        ["find-max", target, "-R", "200", "-d", "2s", "-c", "64", "--to", "1000", "--tolerance", "20%"];
    let done = Vajra::new(&[&search[..], &slo].concat()).done();
    let found = json(&done, "max.json");
    // A busy machine may leave the answer unknown, in part or altogether; it never names the target too low.
    let sustained = found["sustained_rps"].as_f64();
    let is_unknown = found["limited_by"] == "unknown";
    assert!(is_unknown || found["limited_by"] == "target", "{found}");
    assert_eq!(is_unknown, !found["unknown"].is_null(), "{found}");
    assert_eq!(done.code, if sustained.is_some() { 0 } else { 3 }, "{}{}", done.stdout, done.stderr);
    assert!(sustained.is_none_or(|rps| rps <= 520.0), "{}", done.stderr);
    assert!(is_unknown || sustained.is_some_and(|rps| rps >= 250.0), "{}", done.stderr);
    assert!(found["probes"].as_array().unwrap().len() >= 3);
    assert!(text(&done, "max.svg").starts_with("<svg"));
    let failing = ["find-max", "testbed:/?error=1", "-d", "500ms", "--from", "50", "--slo", "failed<1%"];
    let done = Vajra::new(&failing).done();
    assert_eq!(done.code, 99, "{}", done.stderr);
    assert!(done.stdout.contains("no rate that was tried"), "{}", done.stdout);
    // Nine of ten fail at once, and the successes are quick: no condition says so, and nothing is sustained.
    let quick =
        ["find-max", "testbed:/?error=90%", "-R", "200", "-d", "500ms", "--from", "100", "--to", "2000"];
    let done = Vajra::new(&[&quick[..], &["--slo", "p(99)<60s", "--json", "max.json"]].concat()).done();
    assert_eq!(done.code, 99, "{}{}", done.stdout, done.stderr);
    done.assert_says(&["failed <1%"]);
    assert!(done.stdout.contains("no rate that was tried"), "{}", done.stdout);
    assert!(done.stdout.contains("failed<1% was added"), "{}", done.stdout);
    assert_eq!(json(&done, "max.json")["slo"][1], "failed <1%");
}

#[test]
fn a_search_that_is_stopped_says_what_it_found() {
    let words = ["find-max", "testbed:", "-d", "1s", "--slo", "p(99)<60s", "--json", "max.json"];
    let running = Vajra::new(&words).start();
    // A probe has begun; how many there were does not matter.
    running.await_thread("collector");
    running.signal(2);
    let done = running.done();
    assert_eq!(done.code, 130, "{}", done.stderr);
    assert!(done.stdout.contains("stopped by a signal"), "{}", done.stdout);
    let notes = json(&done, "max.json")["notes"].to_string();
    assert!(notes.contains("is not confirmed"), "{notes}");
}

#[test]
fn a_search_without_sense_is_refused() {
    for (words, part) in [
        (vec![], "nothing to hold a rate against"),
        (vec!["--slo", "latency<5ms"], "`latency` is not a metric"),
        (vec!["--slo", "p(99)<5"], "no unit"),
        (vec!["--slo", "failed<1%", "--from", "10", "--to", "5"], "no rate between"),
        (vec!["--slo", "failed<1%", "--tolerance", "x"], "--tolerance x"),
    ] {
        let done = Vajra::new(&[vec!["find-max", "testbed:"], words.clone()].concat()).done();
        assert_eq!(done.code, 2, "{words:?}: {}", done.stderr);
        done.assert_says(&[part]);
    }
}

#[test]
fn a_run_ends_when_its_figure_is_known_and_not_before() {
    let run = |target: &str, goal: &str, length: &str| {
        Vajra::run(target, &["-R", "500", "-c", "32", "-d", length, "--until", goal]).done()
    };
    let done = run("testbed:/?service=fixed:20ms", "p50 ± 60%", "60s");
    assert_eq!(done.report["until"]["reached"], true, "{}", done.report["until"]);
    assert_eq!(done.report["window"]["is_partial"], false);
    assert!(done.number("/window_s") < 59.0, "{}", done.stdout);
    done.assert_accounted();
    let ended: f64 = ["ok", "failed", "dropped", "unsent"]
        .iter()
        .map(|key| done.number(&format!("/requests/{key}")))
        .sum();
    assert_eq!(ended, done.number("/window_s") * 500.0, "exact to the arrival");
    let done = run("testbed:/?service=pareto:1ms,1.5", "mean ± 1%", "3s");
    assert_eq!(done.report["until"]["reached"], false, "{}", done.report["until"]);
    assert_eq!(done.number("/window_s"), 3.0);
    let done = run("testbed:", "p99 within 2%", "5s");
    assert_eq!(done.code, 2);
    done.assert_says(&["flag --until", "p99 ± 2%"]);
}

#[test]
fn a_warm_up_that_ends_by_itself_leaves_exact_counts() {
    let words = ["-R", "500", "-c", "32", "-d", "16s", "--warmup", "auto", "--timeseries", "series.ndjson"];
    let done = Vajra::run("testbed:/?service=fixed:2ms&warm=4/2s", &words).done();
    let (from_s, window_s) = (done.number("/window/from_s"), done.number("/window_s"));
    assert!((2.0..=8.0).contains(&from_s) && (from_s + window_s - 16.0).abs() < 1e-6, "{from_s} {window_s}");
    assert_eq!(done.report["warmup"]["how"], "auto");
    let scheduled: f64 = ["ok", "failed", "dropped", "unsent"]
        .iter()
        .map(|key| done.number(&format!("/requests/{key}")))
        .sum();
    assert_eq!(scheduled, (window_s * 500.0).round(), "from {from_s} s on");
    let phases: Vec<String> =
        done.json_lines("series.ndjson").iter().map(|line| line["phase"].to_string()).collect();
    assert!(
        phases[0].contains("warmup") && phases.iter().any(|phase| phase.contains("measure")),
        "{phases:?}"
    );
    let short = Vajra::run("testbed:", &["-d", "5s", "--warmup", "auto"]).done();
    assert_eq!(short.code, 2);
    short.assert_says(&["flag --warmup auto", "at least 16"]);
}

/// The history of a run adds up to its report.
#[test]
fn slices_add_up() {
    let (done, _) = run("exp:3ms");
    let slices = done.report["history"].as_array().unwrap();
    let sum = |key: &str| slices.iter().map(|slice| slice[key].as_u64().unwrap()).sum::<u64>();
    assert!(slices.len() >= 20, "{}", slices.len());
    assert_eq!((sum("ok"), sum("failed")), (done.count("/requests/ok"), done.count("/requests/failed")));
}

fn example(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/ci").join(name);
    fs::read_to_string(path).unwrap()
}

/// The commands of a pipeline's file that call the program, as its shell would be given them.
fn gates_in(pipeline: &str) -> Vec<String> {
    let joined = pipeline.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).map(|line| line.strip_prefix("- ").unwrap_or(line));
    lines.filter(|line| line.starts_with("vajra ")).map(String::from).collect()
}

/// Runs a pipeline's command with a short plan. The code: of a machine that is too busy, 3.
fn run_gate(command: &str, folder: &Path, port: u16) -> i32 {
    // What a busy machine adds to 20 ms does not double it.
    let command = command.replace("--runs 4", "--runs 2").replace("--threshold 5%", "--threshold 99%");
    let shell = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &command])
        .current_dir(folder)
        .env("PATH", format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap()))
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("SERVER", server(port, "fixed:20ms"))
        .env("BASE_SERVER", server(port, "fixed:20ms"))
        .env("CANDIDATE_SERVER", server(port, "fixed:20ms"))
        .status();
    shell.unwrap().code().unwrap_or(-1)
}

#[test]
fn the_pipelines_among_the_examples_work() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let plan = example("plan.toml").replace("8080", &port.to_string());
    let plan = plan
        .replace("\"15s\"", "\"3500ms\"")
        .replace("\"3s\"", "\"500ms\"")
        .replace("rate = 1000", "rate = 300");
    // Where the checkouts of either pipeline put it.
    fs::create_dir(folder.path().join("candidate")).unwrap();
    fs::write(folder.path().join("candidate/plan.toml"), &plan).unwrap();
    fs::write(folder.path().join("plan.toml"), plan).unwrap();
    let (github, gitlab) = (gates_in(&example("github-actions.yml")), gates_in(&example("gitlab-ci.yml")));
    assert_eq!((github.len(), gitlab.len()), (1, 2), "{github:?} {gitlab:?}");
    // Identical servers: never a regression, never a mistake of the command's; a busy machine may refuse its own runs.
    let code = run_gate(&github[0], folder.path(), port);
    assert!([0, 3].contains(&code), "{code}");
    assert!(code == 3 || folder.path().join("gate.md").is_file());
    let code = run_gate(&gitlab[0], folder.path(), port);
    assert!([0, 3].contains(&code), "{code}");
    if code == 0 {
        let code = run_gate(&gitlab[1], folder.path(), port);
        assert!([0, 3].contains(&code), "{code}");
    }
}

#[test]
fn a_gate_of_calls_asks_each_server_what_they_take_once_it_is_up() {
    let port = free_port();
    let url = format!("grpc://127.0.0.1:{port}/vajra.testbed.Echo/Unary");
    let (base, candidate) = (server(port, "fixed:40ms"), server(port, "fixed:400ms"));
    let words = ["--against", &base, "--with", &candidate, "--runs", "1", "-q"];
    let done = Vajra::new(&[&["gate", &url], &LOAD[..], &words].concat()).done();
    assert_eq!(done.code, 98, "{}{}", done.stdout, done.stderr);
    // One that does not have the method any more is worse than one that has.
    let plain = format!("exec {} testbed --null --port {port}", binary().display());
    let words = ["--against", &base, "--with", &plain, "--runs", "1", "-q"];
    let done = Vajra::new(&[&["gate", &url], &LOAD[..], &words].concat()).done();
    assert_eq!(done.code, 98, "{}{}", done.stdout, done.stderr);
    done.assert_says(&["does not say what it can be called with"]);
}
