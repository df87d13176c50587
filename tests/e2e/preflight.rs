//! What preflight asks the target, what it says of it, and how it is stopped.

use crate::peers::{self, scripted};
use crate::vajra::{Running, Vajra};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// A server that answers everything with 200 and three bytes, and hands over the head of each request.
fn recording() -> (u16, Receiver<String>) {
    let (came, heads) = channel();
    let port = scripted(move |mut stream| {
        loop {
            let head = read_head(&mut stream);
            if head.is_empty() || came.send(head).is_err() {
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
        }
    });
    (port, heads)
}

fn read_head(stream: &mut TcpStream) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with("\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => text.push(byte[0] as char),
            _ => return String::new(),
        }
    }
    text
}

#[test]
fn what_is_sent_before_a_run_is_what_the_run_sends() {
    let (port, heads) = recording();
    let plan = format!(
        "url = 'http://127.0.0.1:{port}/unused'\n[run]\nrequests = 1\nconnections = 1\n[headers]\nX-Two = 'two'\n\
         [[request]]\npath = '/items/{{{{seq}}}}?token=s3cret'\nheaders = {{ Accept = 'text/{{{{seq}}}}' }}\n"
    );
    let done = Vajra::run("plan.toml", &["-H", "Authorization: s3cret"]).file("plan.toml", &plan).done();
    assert_eq!(done.count("/requests/ok"), 1, "{}", done.stderr);
    let heads: Vec<String> = heads.try_iter().collect();
    assert_eq!(heads.len(), 2, "{heads:?}");
    assert_eq!(heads[0], heads[1]);
    for part in ["GET /items/0?token=s3cret HTTP/1.1\r\n", "X-Two: two\r\n", "Accept: text/0\r\n"] {
        assert!(heads[0].contains(part), "{part} is not in {}", heads[0]);
    }
    done.assert_says(&["PASS request: GET /items/0 → 200, 41 bytes, "]);
    assert!(!done.stderr.contains("s3cret"), "{}", done.stderr);
}

#[test]
fn a_method_that_may_change_something_is_sent_by_the_run_alone_unless_it_is_asked_for() {
    for (words, extra) in [(&[][..], 0), (&["--probe-all"], 1)] {
        let (port, heads) = recording();
        let url = format!("http://127.0.0.1:{port}/orders?key=s3cret");
        let done = Vajra::run(&url, &[&["-m", "PUT", "-n", "5", "-c", "1"], words].concat()).done();
        assert_eq!(done.count("/requests/ok"), 5, "{}", done.stderr);
        let heads: Vec<String> = heads.try_iter().collect();
        assert_eq!(heads.len(), 5 + extra, "{words:?}: {heads:?}");
        assert!(heads.iter().all(|head| head.starts_with("PUT /orders?key=s3cret ")), "{heads:?}");
        match extra {
            0 => done.assert_says(&["SKIP request: PUT /orders: not sent", "help:", "--probe-all"]),
            _ => done.assert_says(&["PASS request: PUT /orders → 200, 41 bytes, "]),
        }
    }
}

#[test]
fn the_paths_of_the_plan_are_asked_for_and_not_the_urls() {
    let nginx = peers::nginx(1_000_000);
    let socket = format!("unix:{}:", nginx.path("nginx.sock"));
    for target in [nginx.url(""), socket, "testbed:".into()] {
        let check = |url_path: &str, path: &str| {
            let plan = format!("url = '{target}{url_path}'\n[[request]]\npath = '{path}'\n");
            let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done();
            assert_eq!(done.code, 0, "{target}: {}{}", done.stdout, done.stderr);
            done.stdout
        };
        let said = check("/", "/status/404");
        assert!(said.contains("WARN request: GET /status/404 → 404, "), "{target}: {said}");
        let said = check("/status/404", "/");
        assert!(said.contains("PASS request: GET / → 200, ") && !said.contains("→ 404"), "{target}: {said}");
    }
}

#[test]
fn silence_is_waited_for_as_long_as_a_request_may_take() {
    // The kernel makes the connections, and nobody takes them up.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/slow", listener.local_addr().unwrap());
    let done = Vajra::new(&["run", &url, "--timeout", "300ms", "--connect-timeout", "10m"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["FAIL request: GET /slow → ", "does not answer within 300ms", "no load was sent"]);
}

#[test]
fn a_candidate_that_does_not_answer_is_a_regression_and_a_base_is_not() {
    // The kernel makes the connections, and nobody takes them up.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hung = format!("http://{}/", listener.local_addr().unwrap());
    let gone = format!("http://127.0.0.1:{}/", peers::free_port());
    let words = ["--timeout", "300ms", "--allow", "plan", "--json", "g.json"];
    for (silent, said) in [(&hung, "does not answer within 300ms"), (&gone, "refuses connections")] {
        let gate = |candidate: &str, base: &str| {
            Vajra::new(&[&["gate", candidate, "--against", base][..], &words].concat()).done()
        };
        let done = gate(silent, "testbed:/");
        assert_eq!(done.code, 98, "{silent}: {}", done.stderr);
        done.assert_says(&["the candidate fails preflight: ", said, ": a regression"]);
        let json = std::fs::read_to_string(done.folder.path().join("g.json")).unwrap();
        assert!(json.contains("\"regressed\""), "{json}");
        let done = gate("testbed:/", silent);
        assert_eq!(done.code, 4, "{silent}: {}", done.stderr);
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_response() {
    for (command, more) in [
        ("run", &[][..]),
        ("check", &[]),
        ("gate", &["--baseline", "b", "--save-baseline"]),
        ("find-max", &["--slo", "failed<1%"]),
    ] {
        let (came, asked) = channel();
        let port = scripted(move |mut stream| {
            let head = read_head(&mut stream);
            let _ = came.send(head);
            // Says nothing until the other side is gone.
            let _ = stream.read(&mut [0]);
        });
        let url = format!("http://127.0.0.1:{port}/");
        let running = Vajra::new(&[&[command, &url, "--timeout", "10m"], more].concat()).start();
        assert!(asked.recv().unwrap().starts_with("GET / "), "{command}");
        running.signal(SIGINT);
        let done = running.done();
        assert_eq!(done.code, 130, "{command}: {}", done.stderr);
        done.assert_says(&["stopped by a signal"]);
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_connection() {
    // A full backlog: whoever comes next is not answered at all.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _filling: Vec<TcpStream> =
        (0..3).filter_map(|_| TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()).collect();
    for (command, more, signal, code) in [
        ("run", &[][..], SIGINT, 130),
        ("check", &[], SIGINT, 130),
        ("check", &[], SIGTERM, 143),
        ("gate", &["--against", "testbed:/"], SIGINT, 130),
    ] {
        let url = format!("http://{address}/");
        let running = Vajra::new(&[&[command, &url, "--connect-timeout", "10m"], more].concat()).start();
        running.await_thread("preflight");
        await_connecting(&running, address.port());
        running.signal(signal);
        let done = running.done();
        assert_eq!(done.code, code, "{command}: {}", done.stderr);
    }
}

/// Waits until somebody on this machine is connecting to a port and has no answer (proc_net_tcp(5)).
fn await_connecting(running: &Running, port: u16) {
    const SYN_SENT: &str = "02";
    let wanted = format!(":{port:04X}");
    let is_connecting = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(2).is_some_and(|remote| remote.ends_with(&wanted)) && words.get(3) == Some(&SYN_SENT)
    };
    while !std::fs::read_to_string("/proc/net/tcp").unwrap().lines().any(is_connecting) {
        running.assert_runs("it was connecting");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_was_asked_for_and_cannot_be_ends_with_the_code_of_a_mistake() {
    let args = ["-t", "1024", "-c", "1024", "--force", "-d", "1s"];
    let done = Vajra::run("testbed:", &args).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["1024 shards on as many cores were asked for", "ask for fewer (-t)"]);
    let done = Vajra::run("http://no-such-host.invalid/", &["--force", "-d", "1s"]).done();
    assert_eq!(done.code, 1, "{}", done.stderr);
    done.assert_says(&["error: `no-such-host.invalid` does not resolve", "check the host name"]);
}
