//! Requests that are tried again, and breakers of clients, against a server that counts what it sees.

use crate::vajra::Vajra;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A server that answers the requests whose numbers are chosen with 503, the others with 200. Returns its URL, and how many it has seen.
fn server(fails: fn(u64) -> bool) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, counted) = (stream.unwrap(), Arc::clone(&counted));
            std::thread::spawn(move || {
                let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
                while let Ok(length @ 1..) = stream.read(&mut chunk) {
                    bytes.extend_from_slice(&chunk[..length]);
                    while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                        bytes.drain(..end + 4);
                        let status = match fails(counted.fetch_add(1, Ordering::Relaxed)) {
                            true => "503 Service Unavailable\r\nRetry-After: 1",
                            false => "200 OK",
                        };
                        let response = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                        if stream.write_all(response.as_bytes()).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    (url, seen)
}

#[test]
fn attempts_that_the_server_sees_are_those_of_the_report() {
    let (url, seen) = server(|number| number % 3 == 0);
    let plan = format!(
        "url = '{url}'\nrun = {{ requests = 300, connections = 4 }}\nload = {{ rate = 300 }}\n\
         retry = {{ attempts = 4, on = [503], wait = '1ms' }}\n[[request]]\nget = '/x'\n"
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    assert!([0, 3].contains(&done.code), "{}{}", done.stdout, done.stderr);
    let attempts = |key: &str| done.count(&format!("/scenarios/0/attempts/{key}"));
    // One was asked for before the run.
    assert_eq!(
        attempts("sent"),
        seen.load(Ordering::Relaxed) - 1,
        "{}",
        done.report["scenarios"][0]["attempts"]
    );
    assert_eq!(done.count("/requests/sent"), attempts("sent"));
    assert_eq!(
        done.count("/requests/ok") + done.count("/requests/failed"),
        attempts("made") - attempts("further")
    );
    assert_eq!(attempts("ok") + attempts("errors/status"), attempts("made"));
    assert_eq!(attempts("ok"), done.count("/requests/ok"));
    assert!(attempts("further") >= 100, "a third of them fail");
}

#[test]
fn a_target_that_asks_to_be_left_alone_is_asked_again_when_it_said() {
    let (url, seen) = server(|number| number == 1);
    let plan = format!(
        "url = '{url}'\nrun = {{ requests = 5, connections = 1 }}\nload = {{ rate = 50 }}\n\
         retry = {{ on = [503], wait = '1ms,2s' }}\n[[request]]\nget = '/x'\n"
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    assert!([0, 3].contains(&done.code), "{}{}", done.stdout, done.stderr);
    // One was asked for before the run, and one twice.
    assert_eq!((seen.load(Ordering::Relaxed), done.count("/requests/ok")), (7, 5), "{}", done.stdout);
    assert!(done.count("/response_ns/max") >= 1_000_000_000, "{}", done.stdout);
    assert!(done.stdout.contains("Retries") && done.stdout.contains("1 of 6 attempts"), "{}", done.stdout);
}

#[test]
fn what_is_done_about_failures_belongs_to_a_scenario_and_is_not_dropped_in_silence() {
    for key in ["retry = { on = [503] }", "breaker = { opens = '50% of 20' }"] {
        let name = key.split(' ').next().unwrap();
        let plan = format!("url = 'http://127.0.0.1:1/'\n{key}\n[scenario.read]\nload = {{ rate = 1 }}\n");
        let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
        assert_eq!(done.code, 2, "{key}: {}", done.stderr);
        done.assert_says(&["plan.toml:2:1", &format!("scenario.NAME.{name}")]);
    }
}

#[test]
fn statuses_are_those_of_what_the_target_speaks() {
    for (url, on, told) in [
        ("grpc://127.0.0.1:1", "14", "write `UNAVAILABLE`"),
        ("grpc://127.0.0.1:1", "503", "no status of gRPC"),
        ("grpc://127.0.0.1:1", "'5xx'", "no class of statuses of gRPC"),
        ("grpc://127.0.0.1:1", "'unavailable'", "write `UNAVAILABLE`"),
        ("dns://127.0.0.1:1/a.example", "503", "such as `SERVFAIL`"),
        ("ws://127.0.0.1:1/", "503", "such as `1011`"),
        ("udp://127.0.0.1:1", "503", "such as `timeout`"),
        ("http://127.0.0.1:1/", "1011", "no status of HTTP"),
        ("http://127.0.0.1:1/", "'UNAVAILABLE'", "no status of HTTP"),
    ] {
        let call = if url.starts_with("grpc") { "call = 'a.B/C'" } else { "" };
        let message = if url.starts_with("udp") || url.starts_with("ws") { "text = 'x'" } else { "" };
        let plan = format!("url = '{url}'\nretry = {{ on = [{on}] }}\n[[request]]\n{call}{message}\n");
        let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
        assert_eq!(done.code, 2, "{url}, {on}: {}", done.stderr);
        done.assert_says(&["plan.toml:2", told]);
    }
}

#[test]
fn of_a_list_with_mistakes_it_is_not_said_as_well_that_it_is_empty() {
    let plan = "url = 'http://127.0.0.1:1/'\nretry = { on = ['tiemout', 'conect'] }\n";
    let done = Vajra::run("plan.toml", &[]).file("plan.toml", plan).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["`timeout`", "`connect`", "2 mistakes"]);
    assert!(!done.stderr.contains("nothing is tried again"), "{}", done.stderr);
}

#[test]
fn a_breaker_that_is_open_sends_nothing() {
    let (url, seen) = server(|_| true);
    let plan = format!(
        "url = '{url}'\nrun = {{ requests = 100, connections = 1 }}\nload = {{ rate = 200 }}\n\
         breaker = {{ opens = '50% of 10', stays_open = '1h' }}\n[[request]]\nget = '/x'\n"
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    // One was asked for before the run.
    let seen = seen.load(Ordering::Relaxed) - 1;
    assert!((10..100).contains(&seen), "{seen}");
    let breaker = &done.report["scenarios"][0]["breaker"];
    assert_eq!((breaker["openings"].as_u64(), breaker["closings"].as_u64()), (Some(1), Some(0)));
    assert_eq!(breaker["rejections"].as_u64(), Some(done.errors("breaker")));
    assert_eq!(seen + done.errors("breaker"), done.count("/requests/failed"), "each was sent or rejected");
}

#[test]
fn mistakes_in_retry_and_breaker_are_told_at_their_places() {
    for (line, place, told) in [
        ("retry = { attempts = 1, on = [503] }", "2:22", "give 2 to 100"),
        ("retry = { on = ['tiemout'] }", "2:16", "did you mean `timeout`?"),
        ("retry = { on = ['breaker'] }", "2:16", "leaves the target alone"),
        ("retry = { on = [503], wait = 'exp:50ms' }", "2:30", "exp:50ms,2s"),
        ("retry = { on = [503], budget = '200%' }", "2:32", "above 0 % and up to 100 %"),
        ("breaker = { clients = 20 }", "2:1", "`50% of 20`"),
        ("breaker = { opens = '50% of 40' }", "2:21", "1 to 32"),
        ("breaker = { opens = '50% of 20', probes = 0 }", "2:43", "1 to 255"),
        ("breaker = { opens = '50% of 20', clients = 0 }", "2:44", "0 clients"),
        ("breaker = { opens = '50% of 20', stays_open = '0s' }", "2:47", "longer than zero"),
    ] {
        let plan = format!("url = 'http://127.0.0.1:1/'\n{line}\n");
        let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
        assert_eq!(done.code, 2, "{line}: {}", done.stderr);
        done.assert_says(&[&format!("plan.toml:{place}"), told]);
    }
}
