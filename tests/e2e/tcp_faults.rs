//! Targets of streams of bytes that fail: told before the run where they can be, and by their kind in the report.

use crate::peers::{self, free_port, scripted, streams};
use crate::vajra::{Done, Vajra, one_line};
use std::io::{Read, Write};
use std::net::Shutdown;

fn at(port: u16) -> String {
    format!("tcp://127.0.0.1:{port}")
}

/// Runs against a target; all its requests fail by this kind, for this reason.
#[track_caller]
fn fails(port: u16, words: &[&str], kind: &str, why: &str) -> Done {
    let done = Vajra::run(&at(port), &[&["-n", "6", "-c", "2"], words].concat()).done();
    let counts = (done.errors(kind), done.count("/requests/failed"), done.count("/requests/ok"));
    assert_eq!(counts, (6, 6, 0), "{}\n{}", done.stderr, done.report["requests"]);
    assert!(done.report.to_string().contains(why), "{}", done.report["reasons"]);
    done
}

#[test]
fn nobody_listens() {
    let done = Vajra::run(&at(free_port()), &["-n", "10"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["refuses connections"]);
}

#[test]
fn a_target_that_closes_in_the_middle_of_a_response() {
    let port = streams::lines(|_, stream| {
        let _ = stream.write_all(b"half of a li");
        let _ = stream.shutdown(Shutdown::Both);
    });
    fails(port, &[], "eof", "in the middle of a response");
    let found = one_line(&Vajra::new(&["check", &at(port), "--probe-all"]).done().stdout);
    assert!(
        found.contains(
            "message → 12 bytes, and then it was closed before its end: responses end by delimiter:\\n"
        ),
        "{found}"
    );
}

#[test]
fn a_target_that_closes_only_its_own_end_has_closed_the_connection() {
    let port = streams::lines(|_, stream| {
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read(&mut [0; 64]);
    });
    fails(port, &[], "eof", "the target closed the connection");
}

#[test]
fn a_target_that_resets_the_connection() {
    let port = streams::lines(|_, stream| {
        // What was not read makes a close a reset.
        let socket = socket2::SockRef::from(&*stream);
        let _ = socket.set_linger(Some(std::time::Duration::ZERO));
        let _ = stream.shutdown(Shutdown::Read);
    });
    let done = Vajra::run(&at(port), &["-n", "6", "-c", "2", "--timeout", "2s"]).done();
    assert_eq!(
        (done.count("/requests/failed"), done.count("/requests/ok")),
        (6, 0),
        "{}",
        done.report["requests"]
    );
}

#[test]
fn a_target_that_says_nothing_runs_out_of_time() {
    let port = scripted(|mut stream| drop(std::io::copy(&mut stream, &mut std::io::sink())));
    fails(port, &["--timeout", "300ms"], "timeout", "timeout");
}

#[test]
fn more_than_was_asked_for() {
    let port = streams::lines(|_, stream| drop(stream.write_all(b"one\ntwo\n")));
    let done = Vajra::run(&at(port), &["-n", "6", "-c", "1"]).done();
    assert_eq!(
        (done.count("/requests/ok"), done.count("/requests/failed")),
        (6, 0),
        "{}",
        done.report["requests"]
    );
    assert!(done.count("/connections/reconnects") >= 5, "{}", done.report["connections"]);
    assert!(done.count("/connections/unasked_bytes") >= 5 * 4, "{}", done.report["connections"]);
}

#[test]
fn a_response_that_does_not_end_is_refused_at_16_mib() {
    let port = streams::lines(|_, stream| {
        let piece = vec![b'x'; 1 << 20];
        while stream.write_all(&piece).is_ok() {}
    });
    fails(port, &[], "protocol", "16 MiB and no delimiter");
}

#[test]
fn a_length_that_is_none() {
    let port = streams::lines(|_, stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    fails(
        port,
        &["--ends", "length:be32", "-b", "hello\n"],
        "protocol",
        "the length before a response is more than 16 MiB",
    );
}

#[test]
fn tls_where_there_is_none_and_none_where_there_is() {
    let plain = streams::echo(false, &[]);
    let done = Vajra::run(&format!("tls://127.0.0.1:{}", plain.port), &["-n", "10", "-k"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["tls"]);
    let secured = streams::echo(true, &["--tls"]);
    let found = one_line(&Vajra::new(&["check", &at(secured.port), "--probe-all"]).done().stdout);
    assert!(found.contains("speaks TLS, and was asked without"), "{found}");
}

#[test]
fn a_certificate_that_nobody_trusts_is_told_before_anything_is_sent() {
    let server = streams::echo(true, &["--tls"]);
    let done = Vajra::run(&format!("tls://127.0.0.1:{}", server.port), &["-n", "10"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["certificate"]);
}

#[test]
fn a_target_that_hangs_up_at_once_is_told_before_the_run() {
    let port = scripted(drop);
    let done = Vajra::run(&at(port), &["-n", "10"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["closes them before anything is asked"]);
}

#[test]
fn a_greeting_that_does_not_come_is_told_before_the_run() {
    let server = streams::echo(false, &[]);
    let plan = format!(
        "url = '{}'\n[tcp]\ngreeting = true\n[run]\nrequests = 10\nconnect_timeout = '500ms'\n",
        at(server.port)
    );
    let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["does not greet within the connect timeout"]);
}

#[test]
fn what_cannot_be_meant_is_told_with_what_to_do() {
    let server = peers::testbed(&[]);
    for (url, words, says) in [
        (
            at(1),
            &["--ends", "crlf"][..],
            &["`crlf` does not say what ends a response", "--ends 'delimiter:\\r\\n'"][..],
        ),
        (at(1), &["--ends", "delimiter:"], &["a delimiter has at least one byte"]),
        (at(1), &["--ends", "bytes:0"], &["responses of 0 bytes cannot be received"]),
        (at(1), &["--ends", "close", "--pipeline", "4"], &["one request under way at a time"]),
        (at(1), &["-H", "A: b"], &["headers are asked for, and every target is a stream of bytes"]),
        (at(1), &["--http2"], &["HTTP is asked for, and no target is one of it"]),
        (at(1), &["-m", "PUT"], &["`method` is of a request of HTTP, and a message of bytes has none"]),
        (at(1), &["--cacert", "x"], &["TLS is asked for, and no target's URL begins with"]),
        ("tcp://127.0.0.1".into(), &[], &["there is no port in it"]),
        ("tcp://127.0.0.1:1/path".into(), &[], &["a stream of bytes has no path", "tcp://127.0.0.1:1"]),
        (server.url("/"), &["--ends", "close"], &["a stream of bytes is asked for, and no target's URL"]),
    ] {
        let done = Vajra::run(&url, &[&["-n", "1"], words].concat()).done();
        assert_eq!(done.code, 2, "{words:?}: {}", done.stderr);
        done.assert_says(says);
    }
}

#[test]
fn a_message_that_does_not_end_as_responses_do_is_told_of_and_sent() {
    let server = streams::echo(false, &[]);
    for (message, says) in [
        ("ping", "responses end with `\\n`, and the message does not"),
        ("ping\\n", "the message ends with a backslash and letters"),
    ] {
        let done =
            Vajra::run(&at(server.port), &["-n", "1", "-c", "1", "--timeout", "300ms", "-b", message]).done();
        done.assert_says(&[says]);
        assert_eq!(done.errors("timeout"), 1, "{}", done.report["requests"]);
    }
}
