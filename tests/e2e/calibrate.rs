//! What this machine can do, and how arrivals are recorded.

use crate::agreement::say_the_same;
use crate::peers;
use crate::vajra::Vajra;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// The one calibration in a folder of caches.
fn cached(caches: &Path) -> PathBuf {
    let files: Vec<PathBuf> =
        fs::read_dir(caches.join("vajra")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// Asserts that every one of these keys is there.
fn assert_has(value: &Value, pointers: &[&str]) {
    for pointer in pointers {
        assert!(value.pointer(pointer).is_some_and(|found| !found.is_null()), "no {pointer}: {value:#}");
    }
}

#[test]
fn a_calibration_is_kept_shown_in_reports_and_what_runs_are_judged_by() {
    let folder = tempfile::tempdir().unwrap();
    let caches = folder.path().to_str().unwrap();
    let done = Vajra::new(&["calibrate", "--quick", "--json", "-"]).variable("XDG_CACHE_HOME", caches).done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.assert_says(&["Capacity", "Pacing", "Hiccups", "Wake-up", "model", "kept in"]);
    let calibration: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_has(
        &calibration,
        &["/schema", "/host/name", "/host/kernel", "/host/build", "/measured_at", "/clock_ppm"],
    );
    assert_has(&calibration, &["/recording/per_request_ns", "/memory/bytes_per_connection", "/left_out"]);
    assert_has(&calibration, &["/hiccups/0/share", "/hiccups/0/hiccup_ns/hdr", "/wakeups/1/late_ns/p99"]);
    assert_has(&calibration, &["/capacity/1/rps_per_shard", "/capacity/0/runs/0/verdict/status"]);
    assert_has(
        &calibration,
        &["/pacing/5/slip_ns/p99", "/pacing/5/arrivals/gap_ns/hdr", "/pacing/5/verdict/status"],
    );
    let figure = |pointer: &str| calibration.pointer(pointer).and_then(Value::as_f64).unwrap();
    assert!(figure("/capacity/0/rps_per_shard") > 0.0 && figure("/memory/bytes_per_connection") > 0.0);
    assert!(
        figure("/capacity/1/rps_per_shard") > figure("/capacity/0/rps_per_shard"),
        "a pipeline carries more"
    );
    let pacing: Vec<(&str, u64)> = calibration["pacing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pacing| (pacing["wait"].as_str().unwrap(), pacing["rate_rps"].as_u64().unwrap()))
        .collect();
    let rates = [1_000, 10_000, 50_000];
    assert_eq!(pacing, ["spin", "park"].map(|wait| rates.map(|rate| (wait, rate))).concat());
    let kept = serde_json::from_str(&fs::read_to_string(cached(folder.path())).unwrap()).unwrap();
    assert!(say_the_same(&calibration, &kept), "{calibration}\n{kept}");

    let testbed = peers::testbed(&[]);
    let words = ["-R", "200", "-d", "2s", "-q"];
    let done = Vajra::run(&testbed.url("/"), &words).variable("XDG_CACHE_HOME", caches).done();
    let found = &done.report["environment"]["calibration"];
    assert_eq!(found["measured_at"], calibration["measured_at"], "{}", done.stderr);
    assert_eq!(found["capacity_rps_per_shard"], calibration["capacity"][0]["rps_per_shard"]);
    assert_eq!(found["slip_p99_spin_ns"], calibration["pacing"][1]["slip_ns"]["p99"]);
    assert_eq!(found["slip_p99_park_ns"], calibration["pacing"][4]["slip_ns"]["p99"]);

    let mut tiny = calibration.clone();
    tiny["capacity"][0]["rps_per_shard"] = 10.0.into();
    // Runs are not judged by what a disturbed calibration found.
    tiny["capacity"][0]["is_noisy"] = false.into();
    fs::write(cached(folder.path()), tiny.to_string()).unwrap();
    let done =
        Vajra::new(&["check", &testbed.url("/"), "-R", "200"]).variable("XDG_CACHE_HOME", caches).done();
    assert_eq!(done.code, 0, "a warning refuses nothing: {}", done.stdout);
    assert!(done.stdout.contains("WARN capacity: 200/s asked of each shard"), "{}", done.stdout);
    let done = Vajra::run(&testbed.url("/"), &words).variable("XDG_CACHE_HOME", caches).done();
    let reasons = done.report["verdict"]["reasons"].as_array().unwrap();
    let near = reasons.iter().find(|reason| reason["rule"] == "near_capacity").expect("the rule is broken");
    assert_eq!(near["status"], "DEGRADED");
    // 200 a second where 10 can be carried; what is answered after the window does not count.
    let measured = near["measured"].as_f64().unwrap();
    assert!(measured > 10.0 && measured <= 20.0, "{near}");
    assert_ne!(done.report["verdict"]["status"], "VALID");

    fs::write(cached(folder.path()), "half a calibra").unwrap();
    let done = Vajra::run(&testbed.url("/"), &words).variable("XDG_CACHE_HOME", caches).done();
    done.assert_says(&["warning:", cached(folder.path()).to_str().unwrap(), "vajra calibrate"]);
    assert!(done.count("/requests/ok") > 0 && done.arrivals() == 400, "{}", done.stderr);
    assert!(done.report["environment"]["calibration"].is_null());
}

#[test]
fn one_core_measures_what_it_can_and_says_what_it_left_out() {
    let words = ["calibrate", "--quick", "--json", "-"];
    let done = Vajra::under(&["taskset", "-c", "0"], &words).done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    let calibration: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_has(&calibration, &["/hiccups/0/share", "/wakeups/1/late_ns/p99", "/recording/per_request_ns"]);
    assert_eq!((&calibration["host"]["cores"], &calibration["memory"]), (&1.into(), &Value::Null));
    let left_out = calibration["left_out"].as_array().unwrap();
    for part in ["capacity", "pacing", "memory"] {
        let told = left_out.iter().filter_map(Value::as_str).find(|line| line.starts_with(part));
        assert!(told.is_some_and(|line| line.contains("a core each")), "{part}: {left_out:?}");
    }
    done.assert_says(&["Left out", "capacity, pipeline 1: responder and generator need a core each"]);
}

#[test]
fn a_signal_ends_a_calibration_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let caches = folder.path().to_str().unwrap();
    for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] {
        let running = Vajra::new(&["calibrate"]).variable("XDG_CACHE_HOME", caches).start();
        running.await_thread("signals");
        running.signal(signal);
        let done = running.done();
        assert_eq!(done.code, code, "{}", done.stderr);
        done.assert_says(&["stopped: nothing was kept"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn figures_that_cannot_be_written_are_told_before_anything_is_measured() {
    let done = Vajra::new(&["calibrate", "--json", "no/such/folder/c.json"]).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["cannot be written", "--json no/such/folder/c.json", "help:"]);
    assert!(!done.stderr.contains("calibrating"), "{}", done.stderr);
}

#[test]
fn the_arrival_recorder_stamps_requests_inside_tls() {
    let port = peers::free_port();
    let words = ["testbed", "--null", "--tls", "--arrivals", "arrivals.json", "--port", &port.to_string()];
    let recorder = Vajra::new(&words).start();
    peers::await_port(port);
    let words = ["-k", "-R", "200", "-d", "1s", "-q"];
    let done = Vajra::run(&format!("https://127.0.0.1:{port}/"), &words).done();
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (200, 0), "{}", done.stderr);
    recorder.signal(SIGTERM);
    let recorder = recorder.done();
    let text = std::fs::read_to_string(recorder.folder.path().join("arrivals.json")).unwrap();
    let arrivals: Value = serde_json::from_str(&text).unwrap();
    // Preflight asks once.
    assert_eq!(arrivals["count"].as_u64(), Some(done.count("/requests/sent") + 1), "{text}");
}

#[test]
fn the_arrival_recorder_stamps_every_request_of_a_run() {
    let port = peers::free_port();
    let words = ["testbed", "--null", "--arrivals", "arrivals.json", "--port", &port.to_string()];
    let recorder = Vajra::new(&words).start();
    peers::await_port(port);
    let done = Vajra::run(&format!("http://127.0.0.1:{port}/"), &["-R", "200", "-d", "2s", "-q"]).done();
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (400, 0), "{}", done.stderr);
    let sent = done.count("/requests/sent");
    recorder.signal(SIGTERM);
    let recorder = recorder.done();
    assert_eq!(recorder.code, 0, "{}", recorder.stderr);
    let text = std::fs::read_to_string(recorder.folder.path().join("arrivals.json")).unwrap();
    let arrivals: Value = serde_json::from_str(&text).unwrap();
    // Preflight asks once.
    assert_eq!(
        (arrivals["count"].as_u64(), arrivals["gap_ns"]["count"].as_u64()),
        (Some(sent + 1), Some(sent))
    );
    for key in ["min", "p0_1", "p1", "p50", "mean", "p99", "p999", "max", "hdr"] {
        for block in ["gap_ns", "deviation_ns", "blind_ns"] {
            assert!(!arrivals[block][key].is_null(), "{block}.{key}");
        }
    }
    // All sent, the last of them is 1.995 s after the first; whatever stands still makes it longer, not shorter.
    assert!(sent < 400 || arrivals["span_s"].as_f64().unwrap() > 1.9, "{text}");
}

#[test]
fn arrivals_are_recorded_on_one_core_and_by_the_null_responder_alone() {
    for (words, parts) in [
        (&["--null", "--arrivals", "a.json", "--cores", "0,0"][..], &["one core", "--cores"][..]),
        (&["--arrivals", "a.json"], &["--null"]),
        (&["--null", "--arrivals-after", "1s"], &["--arrivals"]),
        (&["--null", "--arrivals", "a.json", "--arrivals-after", "1"], &["no unit", "--arrivals-after 1"]),
        (&["--null", "--arrivals", "no/such/folder/a.json"], &["cannot be written", "--arrivals"]),
    ] {
        let done = Vajra::new(&[&["testbed", "--port", "0"], words].concat()).done();
        assert_eq!(done.code, 2, "{words:?}: {}", done.stderr);
        done.assert_says(parts);
    }
}
