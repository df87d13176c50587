//! HTTP/2, as real servers speak it, and as those do that speak something else.

use crate::peers::frames::{Fate, server};
use crate::peers::{self, Peer, scripted};
use crate::vajra::{Done, Vajra, one_line};
use std::io::{Read, Write};

/// A target that is known to speak HTTP/2 without TLS.
const PRIOR: &str = "--http2-prior-knowledge";

fn run(server: &Peer, path: &str, words: &[&str]) -> Done {
    let done = Vajra::run(&server.url(path), &[&[PRIOR], words].concat()).done();
    if done.report.is_object() {
        done.assert_accounted();
    }
    done
}

fn assert_all_ok(done: &Done, requests: u64) {
    let counts = (done.count("/requests/ok"), done.count("/requests/failed"));
    assert_eq!(counts, (requests, 0), "{}\n{}", done.stderr, done.report["requests"]);
}

#[test]
fn nginx_answers_many_streams_on_few_connections() {
    let nginx = peers::nginx_http2(1_000_000);
    for (path, body) in [("/index.html", 12), ("/64k", 64 << 10), ("/1m", 1 << 20)] {
        let done = run(&nginx, path, &["-n", "300", "-c", "3", "--streams", "16"]);
        assert_all_ok(&done, 300);
        assert_eq!(done.count("/connections/attempts/made"), 3);
        let each = done.count("/bytes/received") / 300;
        assert!((body..body + 2_000).contains(&each), "{each} bytes per response of {path}");
    }
}

#[test]
fn nghttpd_sends_bodies_back_that_are_larger_than_any_window() {
    let nghttpd = peers::nghttpd(&[]);
    let body = "x".repeat(300_000);
    let words = [PRIOR, "-n", "60", "-c", "2", "--streams", "4", "-X", "POST", "-b", "@body"];
    let done = Vajra::run(&nghttpd.url("/"), &words).file("body", &body).done();
    assert_all_ok(&done, 60);
    assert!(done.count("/bytes/received") > 60 * 300_000, "the bodies come back");
    assert!(done.count("/bytes/sent") > 60 * 300_000, "{}", done.report["bytes"]);
}

#[test]
fn nghttpd_without_a_table_of_header_fields_answers_too() {
    let nghttpd = peers::nghttpd(&["--header-table-size=0"]);
    let done = run(&nghttpd, "/index.html", &["-n", "200", "-c", "2", "--streams", "8"]);
    assert_all_ok(&done, 200);
}

#[test]
fn several_requests_with_holes_keep_apart_on_one_connection() {
    let server = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\n[run]\nrequests = 500\nconnections = 2\n[http]\nversion = '2-prior-knowledge'\nstreams = 10\n\
         [headers]\nX-Session = '{{{{uuid}}}}'\n\
         [[request]]\npath = '/bytes/10?n={{{{seq}}}}'\nweight = 3\n\
         [[request]]\npath = '/bytes/5000'\n\
         [[request]]\nmethod = 'POST'\npath = '/echo'\nbody = '{{{{seq}}}} and {{{{uuid}}}}'\n\
         [[request]]\nmethod = 'HEAD'\npath = '/bytes/70000'\n",
        server.url("/")
    );
    let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
    done.assert_accounted();
    assert_all_ok(&done, 500);
}

#[test]
fn tls_agrees_on_http_2_by_alpn() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem").display().to_string();
    let server = peers::testbed(&["--tls", "--tls-ca", &ca]);
    let url = server.url("/bytes/40000").replace("http:", "https:");
    let words = ["--cacert", &ca, "--http2", "--streams", "8"];
    let done = Vajra::run(&url, &[&words[..], &["-n", "400", "-c", "4"]].concat()).done();
    done.assert_accounted();
    assert_all_ok(&done, 400);
    let check = Vajra::new(&[&["check", url.as_str()], &words[..]].concat()).done();
    let said = one_line(&check.stdout);
    assert!(said.contains("h2 by ALPN") && said.contains("PASS http/2: 200 streams"), "{said}");
}

#[test]
fn an_open_loop_keeps_its_rate_on_one_connection() {
    let nginx = peers::nginx_http2(1_000_000);
    let done = run(&nginx, "/index.html", &["-R", "500", "-d", "2s", "-c", "1", "--streams", "50"]);
    assert_eq!((done.arrivals(), done.count("/requests/failed")), (1_000, 0), "{}", done.report["requests"]);
}

/// nginx ends a connection by GOAWAY after so many requests, and answers those it has.
#[test]
fn a_target_that_goes_away_fails_nothing() {
    let nginx = peers::nginx_http2(100);
    let done = run(&nginx, "/index.html", &["-n", "2000", "-c", "2", "--streams", "10"]);
    assert_all_ok(&done, 2_000);
    assert!(done.count("/connections/reconnects") >= 10, "{}", done.report["connections"]);
}

fn asked_of(port: u16, words: &[&str]) -> Done {
    let url = format!("http://127.0.0.1:{port}/");
    let done = Vajra::run(&url, &[&[PRIOR, "--force"], words].concat()).done();
    done.assert_accounted();
    done
}

#[test]
fn what_a_target_refuses_is_sent_once_more() {
    let port = server(&[], |number| if number % 20 == 19 { Fate::Refuse } else { Fate::Respond });
    let done = asked_of(port, &["-n", "600", "-c", "2", "--streams", "4"]);
    assert_all_ok(&done, 600);
    let replays = done.count("/connections/replays");
    assert!((30..=32).contains(&replays), "every twentieth try was refused: {replays}");
    assert_eq!(done.count("/connections/reconnects"), 0);
    assert!(one_line(&done.stdout).contains(&format!("{replays} replayed requests")), "{}", done.stdout);
}

#[test]
fn what_a_target_refuses_again_and_again_fails_after_three_tries() {
    let port = server(&[], |_| Fate::Refuse);
    let done = asked_of(port, &["-n", "20", "-c", "1", "--streams", "2"]);
    assert_eq!((done.count("/requests/ok"), done.count("/requests/failed")), (0, 20), "{}", done.stderr);
    assert_eq!(done.count("/connections/replays"), 40, "{}", done.report["connections"]);
}

#[test]
fn what_was_under_way_beyond_the_last_that_a_target_works_on_goes_to_another_connection() {
    let port = server(&[], |number| if number % 50 == 49 { Fate::GoAway } else { Fate::Respond });
    let done = asked_of(port, &["-n", "500", "-c", "2", "--streams", "4"]);
    assert_all_ok(&done, 500);
    let (replays, reconnects) = (done.count("/connections/replays"), done.count("/connections/reconnects"));
    assert!(replays >= 9 && reconnects >= 9, "{}", done.report["connections"]);
}

/// The run's last request is refused when nothing else is left to be sent, and its connection goes with it.
#[test]
fn a_run_does_not_end_before_its_replays() {
    let port = server(&[], |number| if number == 30 { Fate::GoAway } else { Fate::Respond });
    let done = asked_of(port, &["-n", "30", "-c", "1", "--streams", "1"]);
    assert_all_ok(&done, 30);
    assert_eq!(done.count("/connections/replays"), 1, "{}", done.report["connections"]);
}

#[test]
fn a_replay_that_finds_no_connection_is_given_up_when_its_time_is_over() {
    // The connection goes away with the third request, and works on the first two for ever.
    let port = server(&[], |number| match number {
        0 => Fate::Respond,
        3 => Fate::GoAway,
        _ => Fate::Ignore,
    });
    let done = asked_of(port, &["-n", "6", "-c", "1", "--streams", "3", "--timeout", "300ms"]);
    assert_eq!((done.count("/requests/ok"), done.errors("timeout")), (0, 6), "{}", done.report["requests"]);
    assert!(done.count("/connections/reconnects") >= 1, "one that has left is made again");
}

#[test]
fn a_target_takes_no_more_streams_at_a_time_than_it_says() {
    let port = server(&[(3, 2)], |_| Fate::Hold(2));
    let done =
        Vajra::run(&format!("http://127.0.0.1:{port}/"), &[PRIOR, "-n", "100", "-c", "1", "-s", "8"]).done();
    assert_all_ok(&done, 100);
    done.assert_says(&["2 streams at a time", "8 are asked for"]);
}

#[test]
fn a_request_that_the_target_ends_with_a_code_fails_by_that_code() {
    let port = server(&[], |number| if number % 10 == 9 { Fate::Reset(2) } else { Fate::Respond });
    let done = asked_of(port, &["-n", "100", "-c", "1", "--streams", "2"]);
    assert_eq!((done.count("/requests/ok"), done.count("/requests/failed")), (90, 10));
    let reason = &done.report["reasons"][0];
    assert_eq!((&reason["kind"], &reason["count"]), (&"receive".into(), &10.into()));
    assert_eq!(reason["why"], "the target reset the stream with INTERNAL_ERROR");
    assert!(one_line(&done.stdout).contains("10 × the target reset"), "{}", done.stdout);
}

#[test]
fn a_server_that_ends_connections_before_all_requests_on_them_loses_none() {
    // With fewer requests for a connection than are under way on it, some are passed over again and again.
    let server = peers::nginx_http2(50);
    let words = [PRIOR, "-s", "64", "-c", "3", "-n", "3000"];
    let done = Vajra::run(&server.url("/"), &words).done();
    done.assert_accounted();
    assert_eq!((done.count("/requests/ok"), done.count("/requests/failed")), (3_000, 0), "{}", done.stdout);
    assert!(done.count("/connections/replays") > 0, "{}", done.report["connections"]);
}

#[test]
fn a_request_that_takes_too_long_is_given_up_and_its_connection_is_not() {
    let server = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\n[run]\nrequests = 60\nconnections = 1\ntimeout = '2s'\nseed = 1\n\
         [http]\nversion = '2-prior-knowledge'\nstreams = 4\n\
         [[request]]\npath = '/bytes/10'\nweight = 29\n[[request]]\npath = '/bytes/10?service=fixed:20s'\n",
        server.url("/")
    );
    // Preflight would wait for the slow one too.
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    done.assert_accounted();
    let (ok, timeouts) = (done.count("/requests/ok"), done.errors("timeout"));
    assert!(ok > 0 && timeouts > 0 && ok + timeouts == 60, "{}", done.report["requests"]);
    assert_eq!(done.count("/connections/reconnects"), 0, "{}", done.report["connections"]);
}

#[test]
fn flags_of_http_2_that_cannot_be_meant_are_answered_with_those_that_can() {
    for (words, parts) in [
        (&["--http2"][..], &["without TLS", "--http2-prior-knowledge"][..]),
        (&["-s", "30"], &["HTTP/1.1 is to be spoken", "what ab calls `-s` is `--timeout`"]),
        (&[PRIOR, "--pipeline", "4"], &["HTTP/2 has no pipeline", "--streams"]),
        (&[PRIOR, "--disable-keepalive"], &["not supported yet"]),
    ] {
        let done = Vajra::new(&[&["http://127.0.0.1:9/"], words].concat()).done();
        assert_eq!(done.code, 2, "{}", done.stderr);
        let said = one_line(&done.stderr);
        parts.iter().for_each(|part| assert!(said.contains(part), "{words:?}: {said}"));
    }
}

#[test]
fn a_target_that_speaks_http_1_is_told_of_before_the_run() {
    let nginx = peers::nginx(1_000_000);
    let done = Vajra::run(&nginx.url("/"), &[PRIOR, "-n", "10"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    let said = one_line(&done.stderr);
    assert!(said.contains("HTTP/1") && said.contains("PROTOCOL_ERROR"), "{said}");
}

#[test]
fn a_target_that_says_nothing_in_http_2_is_told_of_before_the_run() {
    let port = scripted(|mut stream| {
        let _ = stream.read(&mut [0; 1_000]);
        let _ = stream.write_all(b"\0\0\0\x06\0\0\0\0\0");
        let _ = stream.read(&mut [0; 1_000]);
    });
    let done = Vajra::run(&format!("http://127.0.0.1:{port}/"), &[PRIOR, "-n", "10"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    let said = one_line(&done.stderr);
    assert!(said.contains("does not begin with SETTINGS"), "{said}");
}
