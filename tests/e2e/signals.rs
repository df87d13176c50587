//! Ctrl-C and its kin: what is under way finishes, the report is written, the code says which signal it was.

use crate::peers::{self, scripted};
use crate::vajra::Vajra;
use std::io::{BufRead, BufReader, Write};
use std::sync::mpsc::{Receiver, channel};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// A server that tells of each request; it answers all of them, or none.
fn telling(answers: bool) -> (u16, Receiver<()>) {
    let (came, requests) = channel();
    let port = scripted(move |mut stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while let Some(Ok(line)) = lines.next() {
            // The head's end.
            if line.is_empty() {
                let _ = came.send(());
                if answers {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
                }
            }
        }
    });
    (port, requests)
}

#[test]
fn a_signal_ends_the_run_with_a_partial_report() {
    for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] {
        let (port, requests) = telling(true);
        let url = format!("http://127.0.0.1:{port}/");
        let running = Vajra::run(&url, &["-R", "200", "-d", "10m"]).start();
        // Preflight's, and some of the run's.
        (0..20).for_each(|_| requests.recv().unwrap());
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
    let (port, requests) = telling(false);
    let url = format!("http://127.0.0.1:{port}/");
    // Preflight waits for no response to a method that may change something.
    let words = ["-m", "POST", "-d", "10m", "-c", "4", "--timeout", "5m"];
    let running = Vajra::run(&url, &words).start();
    (0..4).for_each(|_| requests.recv().unwrap());
    // Two of a kind can become one before the process is given its turn; the last one is the code.
    running.signal(SIGINT);
    running.signal(SIGTERM);
    let done = running.done();
    assert_eq!(done.code, 143, "{}", done.stderr);
    assert_eq!(done.errors("unfinished"), 4, "{}", done.report["requests"]);
}

#[test]
fn the_testbed_ends_cleanly() {
    let port = peers::free_port();
    let running = Vajra::new(&["testbed", "--port", &port.to_string()]).start();
    peers::await_port(port);
    running.signal(SIGTERM);
    let done = running.done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("listens on http://127.0.0.1:"), "{}", done.stdout);
}
