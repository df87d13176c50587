//! What this machine can do, and how arrivals are recorded.

use crate::peers;
use crate::vajra::Vajra;
use serde_json::Value;
use std::net::TcpStream;
use std::time::Duration;

const SIGTERM: i32 = 15;

/// Waits until a server that was just started can be connected to.
fn await_port(port: u16) {
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_arrival_recorder_stamps_every_request_of_a_run() {
    let port = peers::free_port();
    let words = ["testbed", "--null", "--arrivals", "arrivals.json", "--port", &port.to_string()];
    let recorder = Vajra::new(&words).start();
    await_port(port);
    let done = Vajra::run(&format!("http://127.0.0.1:{port}/"), &["-R", "200", "-d", "2s", "-q"]).done();
    assert_eq!(done.count("/requests/ok"), 400, "{}", done.stderr);
    recorder.signal(SIGTERM);
    let recorder = recorder.done();
    assert_eq!(recorder.code, 0, "{}", recorder.stderr);
    let text = std::fs::read_to_string(recorder.folder.path().join("arrivals.json")).unwrap();
    let arrivals: Value = serde_json::from_str(&text).unwrap();
    // Preflight asks once.
    assert_eq!((arrivals["count"].as_u64(), arrivals["gap_ns"]["count"].as_u64()), (Some(401), Some(400)));
    for key in ["min", "p0_1", "p1", "p50", "mean", "p99", "p999", "max", "hdr"] {
        for block in ["gap_ns", "deviation_ns", "blind_ns"] {
            assert!(!arrivals[block][key].is_null(), "{block}.{key}");
        }
    }
    // 400 requests, the last of them 1.995 s after the first; whatever stands still makes it longer, not shorter.
    assert!(arrivals["span_s"].as_f64().unwrap() > 1.9, "{text}");
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
