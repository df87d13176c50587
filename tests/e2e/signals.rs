//! Ctrl-C and its kin: what is under way finishes, the report is written, the code says which signal it was.

use crate::peers;
use crate::vajra::Vajra;
use std::time::Duration;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

#[test]
fn a_signal_ends_the_run_with_a_partial_report() {
    let testbed = peers::testbed(&[]);
    for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] {
        let running = Vajra::run(&testbed.url("/"), &["-R", "200", "-d", "10m"]).start();
        std::thread::sleep(Duration::from_secs(2));
        running.signal(signal);
        let done = running.done();
        assert_eq!(done.code, code, "{}", done.stderr);
        done.assert_accounted();
        assert_eq!(done.report["window"]["is_partial"], true);
        let (sent, window_s) = (done.count("/requests/sent"), done.number("/window_s"));
        assert!(sent > 0 && window_s < 500.0, "{sent} in {window_s} s");
        assert!(done.stdout.contains("stopped early"), "{}", done.stdout);
    }
}

#[test]
fn the_second_signal_does_not_wait_for_what_is_under_way() {
    let testbed = peers::testbed(&["--service", "fixed:1m"]);
    // Preflight waits for no answer to a method that may change something.
    let words = ["-m", "POST", "-d", "10m", "-c", "4", "--timeout", "5m"];
    let running = Vajra::run(&testbed.url("/"), &words).start();
    std::thread::sleep(Duration::from_secs(2));
    running.signal(SIGINT);
    std::thread::sleep(Duration::from_millis(200));
    running.signal(SIGINT);
    let done = running.done();
    assert_eq!(done.code, 130, "{}", done.stderr);
    assert_eq!(done.errors("unfinished"), 4, "{}", done.report["requests"]);
}

#[test]
fn the_testbed_ends_cleanly() {
    let running = Vajra::new(&["testbed", "--port", "0"]).start();
    std::thread::sleep(Duration::from_secs(1));
    running.signal(SIGTERM);
    let done = running.done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("listens on http://127.0.0.1:"), "{}", done.stdout);
}
