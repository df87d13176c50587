//! Rates, shapes, stalls, overload and recovery, end to end.

use crate::peers;
use crate::vajra::{Done, Vajra};
use std::process::Command;

/// More connections than the machine has cores for shards is refused; `--force` runs it anyway.
fn run(url: &str, words: &[&str]) -> Done {
    let done = Vajra::run(url, &[words, &["--force"]].concat()).done();
    done.assert_accounted();
    done
}

#[test]
fn any_rate_is_exact_to_the_request() {
    let testbed = peers::testbed(&[]);
    for (words, arrivals) in [
        (&["-R", "3", "-t", "2", "-c", "2", "-d", "1s"][..], 3),
        (&["-R", "7", "-c", "100", "-t", "2", "-d", "1s"], 7),
        (&["-R", "100:500", "-d", "1s"], 300),
        (&["-R", "90/m", "-d", "2s"], 3),
        (&["-R", "500", "-n", "250"], 250),
        (&["-R", "1000", "-d", "1s", "--pipeline", "4", "-c", "3"], 1_000),
    ] {
        let done = run(&testbed.url("/"), words);
        let scheduled = done.number("/rate/target") * done.number("/window_s");
        assert_eq!((done.arrivals(), scheduled.round() as u64), (arrivals, arrivals), "{words:?}");
        assert!(done.count("/requests/ok") > 0 && done.count("/requests/dropped") == 0, "{words:?}");
    }
}

#[test]
fn poisson_arrivals_follow_their_seed() {
    let testbed = peers::testbed(&[]);
    let sent = |seed| {
        let words = ["-R", "300", "-d", "2s", "--arrivals", "poisson", "--seed", seed];
        run(&testbed.url("/"), &words).arrivals()
    };
    let first = sent("1");
    assert_eq!(first, sent("1"));
    // Mean 600, deviation 24.5; six of them.
    assert!(first.abs_diff(600) < 150, "{first}");
}

#[test]
fn a_stall_is_seen_in_response_times_and_hidden_in_service_times() {
    let testbed = peers::testbed(&["--stall", "500ms/2s"]);
    let done = run(&testbed.url("/"), &["-R", "500", "-c", "20", "-d", "4s"]);
    assert!(done.count("/response_ns/p99") >= 400_000_000, "{}", done.stdout);
    assert!(done.count("/service_ns/p50") < 100_000_000, "{}", done.stdout);
    assert_eq!(done.count("/requests/dropped") + done.count("/requests/failed"), 0);
    // The wait was for a connection, which is the target's doing, not the generator's.
    assert!(done.count("/generator_lag_ns/p99") < done.count("/slip_ns/p99"), "{}", done.stdout);
}

#[test]
fn more_than_the_target_can_take_is_the_targets_doing_and_accounted_for() {
    let testbed = peers::testbed(&["--service", "fixed:20ms"]);
    let done = run(&testbed.url("/"), &["-R", "2000", "-c", "4", "-d", "3s"]);
    assert_eq!(done.report["outcome"]["status"], "fell_behind", "{}", done.stdout);
    let first = done.stdout.lines().find(|line| !line.is_empty()).unwrap_or_default();
    assert!(first.starts_with("TARGET fell behind"), "{first}");
    let reasons = done.report["verdict"]["reasons"].as_array().unwrap();
    let unsent = reasons.iter().find(|reason| reason["rule"] == "unsent").expect("some were never sent");
    assert_eq!(unsent["cause"], "target", "{unsent}");
    // 3 only where the machine was too busy to measure anything on.
    assert!(matches!(done.code, 99 | 3), "{}{}", done.code, done.stdout);
    let is_short = reasons.iter().any(|reason| reason["rule"] == "rate_shortfall");
    assert!(done.code == 3 || !is_short, "{reasons:?}");
    assert_eq!(done.count("/requests/ok") + done.count("/requests/unsent"), 6_000);
}

#[test]
fn a_load_that_is_lowered_counts_what_it_withholds_and_is_degraded_at_best() {
    let testbed = peers::testbed(&["--service", "fixed:20ms"]);
    let words = ["-R", "400", "-c", "4", "-d", "3s", "--overload", "degrade=100ms"];
    let done = run(&testbed.url("/"), &words);
    let count = |key: &str| done.count(&format!("/requests/{key}"));
    let all = ["ok", "failed", "dropped", "unsent", "withheld"].map(count).iter().sum::<u64>();
    assert_eq!(all, 1_200, "{}", done.stdout);
    // Half of what is asked for is all that four connections carry.
    assert!(count("withheld") > 200 && count("dropped") == 0, "{}", done.stdout);
    let reasons = done.report["verdict"]["reasons"].as_array().unwrap();
    assert!(reasons.iter().any(|reason| reason["rule"] == "withheld"), "{reasons:?}");
    assert_ne!(done.report["verdict"]["status"], "VALID", "{}", done.stdout);
    let refused = Vajra::new(&["find-max", &testbed.url("/"), "-R", "100", "--overload", "degrade"]).done();
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("degrade"), "{}", refused.stderr);
}

#[test]
fn of_a_flow_it_is_iterations_that_are_withheld_in_the_time_series_as_in_the_report() {
    let testbed = peers::testbed(&["--service", "fixed:20ms"]);
    let plan = format!(
        "url = '{}'\nrun = {{ duration = '2s', connections = 4 }}\n\
         load = {{ rate = 400, overload = 'degrade', slip = '50ms' }}\n[[step]]\nget = '/'\n",
        testbed.url("/")
    );
    let words = ["--force", "--timeseries", "series.ndjson"];
    let done = Vajra::run("plan.toml", &words).file("plan.toml", &plan).done();
    let withheld = done.count("/iterations/withheld");
    assert!(withheld > 50, "{}", done.stdout);
    let lines = done.json_lines("series.ndjson");
    let sum = |key: &str| -> u64 { lines.iter().filter_map(|line| line[key]["withheld"].as_u64()).sum() };
    assert_eq!(sum("requests"), 0, "{lines:?}");
    // On a machine that is busy, intervals may be lost.
    if lines.iter().all(|line| line["lost"].as_u64() == Some(0)) {
        assert_eq!(sum("iterations"), withheld, "{lines:?}");
    }
}

#[test]
fn what_is_wrong_with_a_policy_is_said_as_the_flag_is_typed() {
    for (policy, fix) in [("degrade=soon", "--overload degrade="), ("shed=soon", "--overload shed=")] {
        let done = Vajra::run("http://127.0.0.1:1/", &["-R", "5", "--overload", policy]).done();
        assert_eq!(done.code, 2, "{}", done.stderr);
        done.assert_says(&[&format!("flag --overload {policy}"), &format!("write `{fix}")]);
        assert!(done.stderr.matches("error:").count() == 1, "{}", done.stderr);
    }
}

#[test]
fn a_search_is_refused_conditions_that_nothing_can_be_held_against() {
    for (slo, told) in [
        ("iteration p(95)<2s", "no requests follow each other"),
        ("attempts ratio<1.1", "no request is tried again"),
        ("response{step=gone} p(95)<2s", "there is no request `gone`"),
    ] {
        let done = Vajra::new(&["find-max", "http://127.0.0.1:1/", "--slo", slo]).done();
        assert_eq!(done.code, 2, "{slo}: {}", done.stderr);
        done.assert_says(&["flag --slo", told]);
    }
}

#[test]
fn shedding_counts_what_it_drops_and_bounds_the_wait() {
    let testbed = peers::testbed(&["--service", "fixed:20ms"]);
    let done = run(&testbed.url("/"), &["-R", "1000", "-c", "4", "-d", "3s", "--overload", "shed=100ms"]);
    let (ok, dropped, unsent) =
        (done.count("/requests/ok"), done.count("/requests/dropped"), done.count("/requests/unsent"));
    assert_eq!(ok + dropped + unsent + done.count("/requests/failed"), 3_000, "{}", done.report["requests"]);
    assert!(dropped > 1_000, "{dropped}");
    // A request may wait the deadline, and be sent a turn later; a shared machine may hold that turn up.
    assert!(done.count("/slip_ns/p50") <= 200_000_000, "{}", done.stdout);
}

#[test]
fn warm_up_is_shown_and_not_measured() {
    let testbed = peers::testbed(&[]);
    let words = ["-R", "200", "-d", "3s", "--warmup", "1s", "--timeseries", "series.ndjson"];
    let done = run(&testbed.url("/"), &words);
    assert_eq!((done.arrivals(), done.number("/window_s")), (400, 2.0));
    let lines = done.json_lines("series.ndjson");
    assert_eq!(lines[0]["phase"], "warmup");
    let sent: u64 = lines.iter().filter_map(|line| line["requests"]["sent"].as_u64()).sum();
    let measured = done.count("/requests/sent");
    assert!(sent > measured && sent <= measured + 200, "the series has the warm-up too: {sent}, {measured}");
}

#[test]
fn a_target_that_dies_and_comes_back_is_counted_by_kind_and_recovered_from() {
    let first = peers::testbed(&[]);
    let port = first.port;
    let words = ["-R", "200", "-c", "5", "-d", "6s", "--timeseries", "series.ndjson", "-q"];
    let running = Vajra::run(&first.url("/"), &words).start();
    running.await_thread("collector");
    std::thread::sleep(std::time::Duration::from_secs(1));
    drop(first);
    std::thread::sleep(std::time::Duration::from_secs(1));
    let second = peers::testbed_on(port, &[]);
    let done = running.done();
    drop(second);
    done.assert_accounted();
    assert!(done.errors("connect") > 0, "{}", done.report["requests"]);
    assert!(done.count("/connections/reconnects") >= 5, "{}", done.report["connections"]);
    let last_ok: u64 = done
        .json_lines("series.ndjson")
        .iter()
        .rev()
        .take(3)
        .filter_map(|line| line["requests"]["ok"].as_u64())
        .sum();
    assert!(last_ok > 100, "it recovered");
}

#[test]
fn weights_and_templates_of_a_plan_reach_the_wire() {
    let testbed = peers::testbed(&[]);
    let plan = format!(
        "{{\"url\": \"{}\", \"run\": {{\"requests\": 2000, \"connections\": 4}}, \"request\": [\n\
         {{\"name\": \"small\", \"path\": \"/bytes/{{{{rand 1 9}}}}\", \"weight\": 3}},\n\
         {{\"name\": \"gone\", \"path\": \"/status/404?n={{{{seq}}}}\", \"weight\": 1}}]}}",
        testbed.url("/")
    );
    let done = Vajra::run("plan.json", &[]).file("plan.json", &plan).done();
    done.assert_accounted();
    let gone = done.count("/requests/status/404");
    // A quarter of 2,000, give or take six deviations.
    assert!(gone.abs_diff(500) < 120, "{gone}");
    assert_eq!(done.report["scenarios"][0]["steps"][1]["requests"]["failed"], gone);
}

#[test]
fn the_built_in_target_needs_no_server() {
    let done = run("testbed:/bytes/100", &["-n", "500", "-c", "4"]);
    assert_eq!(done.count("/requests/ok"), 500, "{}", done.stderr);
}

#[test]
fn the_null_responder_answers_everything() {
    let null = peers::testbed(&["--null"]);
    let done = run(&null.url("/"), &["-n", "20000", "-c", "8", "--pipeline", "8"]);
    assert_eq!(done.count("/requests/ok"), 20_000, "{}", done.stderr);
}

#[test]
fn the_null_responder_answers_inside_tls_in_either_version_of_http_and_tells_who_does_not_speak_it() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem").display().to_string();
    let null = peers::testbed(&["--null", "--tls", "--tls-ca", &ca]);
    let url = null.url("/").replace("http:", "https:");
    for (words, curl_word, version) in [
        (&["--pipeline", "8"][..], "--http1.1", "1.1"),
        (&["--http2", "--streams", "8"], "--http2", "2"),
        (&["--http2", "--streams", "100", "--tlsv1.2", "--tls-max", "1.2"], "--http2", "2"),
    ] {
        let done = run(&url, &[&["-n", "20000", "-c", "8", "--cacert", &ca], words].concat());
        done.assert_accounted();
        assert_eq!(done.count("/requests/ok"), 20_000, "{words:?}: {}", done.stderr);
        let mut curl = Command::new("curl");
        curl.args(["--disable", "--silent", "--noproxy", "*", "--cacert", &ca, curl_word, &url]);
        let fetched = curl.args(["--write-out", " %{http_version}"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&fetched.stdout), format!("ok {version}"), "{fetched:?}");
    }
    let done = run(&null.url("/"), &["-n", "1"]);
    assert_ne!(done.code, 0, "{}", done.stderr);
    done.assert_says(&["speaks TLS, and was asked without"]);
}
