//! HTTP/1.1 over TLS, as real servers speak it, and as those do whose certificates are wrong.

use crate::peers::{self, Peer, scripted};
use crate::vajra::{Done, Vajra};
use std::io::{Read, Write};

/// The built-in server over TLS, with its authority's certificate in `ca.pem`.
fn secured(words: &[&str]) -> (Peer, String) {
    let folder = tempfile::tempdir().unwrap().keep();
    let ca = folder.join("ca.pem").display().to_string();
    let server = peers::testbed(&[&["--tls", "--tls-ca", &ca], words].concat());
    (server, ca)
}

fn run(server: &Peer, ca: &str, path: &str, words: &[&str]) -> Done {
    let url = server.url(path).replace("http:", "https:");
    let done = Vajra::run(&url, &[&["--cacert", ca], words].concat()).done();
    if done.report.is_object() {
        done.assert_accounted();
    }
    done
}

fn attempts(done: &Done, key: &str) -> u64 {
    done.count(&format!("/connections/attempts/{key}"))
}

#[test]
fn each_version_carries_requests_and_its_handshakes_are_counted() {
    for (versions, flags) in
        [("1.2", &[][..]), ("1.3", &[]), ("1.2-1.3", &["--tls-max", "1.2"]), ("1.2-1.3", &["--tlsv1.3"])]
    {
        let (server, ca) = secured(&["--tls-versions", versions]);
        let done = run(&server, &ca, "/bytes/100", &[&["-n", "400", "-c", "4"], flags].concat());
        done.assert_ended_with(0);
        assert_eq!((done.count("/requests/ok"), done.count("/requests/failed")), (400, 0), "{versions}");
        assert_eq!((attempts(&done, "made"), attempts(&done, "tls_ns/count")), (4, 4), "{versions}");
        assert!(done.stdout.contains("Handshakes"), "{}", done.stdout);
    }
}

#[test]
fn a_pipeline_over_tls_keeps_its_requests_apart() {
    let (server, ca) = secured(&[]);
    let done = run(&server, &ca, "/bytes/10", &["-n", "2000", "-c", "2", "--pipeline", "16"]);
    assert_eq!((done.count("/requests/ok"), done.count("/requests/failed")), (2_000, 0), "{}", done.stderr);
}

#[test]
fn bodies_of_all_sizes_come_whole() {
    let (server, ca) = secured(&[]);
    for (path, body) in [("/bytes/0", 0), ("/bytes/16384", 16_384), ("/bytes/1000000", 1_000_000)] {
        let done = run(&server, &ca, path, &["-n", "50", "-c", "2"]);
        assert_eq!(done.count("/requests/ok"), 50, "{path}: {}", done.report["requests"]);
        let each = done.count("/bytes/received") as f64 / 50.0;
        assert!(
            each >= f64::from(body) && each < f64::from(body) + 400.0,
            "{each} bytes per response of {path}"
        );
    }
}

#[test]
fn long_requests_go_out_in_several_records() {
    let (server, ca) = secured(&[]);
    let body = "x".repeat(100_000);
    let vajra = Vajra::run(
        &server.url("/echo").replace("http:", "https:"),
        &["--cacert", &ca, "-n", "40", "-c", "2", "-X", "POST", "-b", "@body"],
    );
    let done = vajra.file("body", &body).done();
    assert_eq!(done.count("/requests/ok"), 40, "{}\n{}", done.stderr, done.report["requests"]);
    assert!(done.count("/bytes/received") > 40 * 100_000, "the body comes back");
}

#[test]
fn an_open_loop_over_tls_keeps_its_rate_and_sees_a_stall() {
    let (server, ca) = secured(&["--stall", "300ms/1s"]);
    let done = run(&server, &ca, "/", &["-R", "200", "-d", "3s", "-c", "8", "--overload", "queue"]);
    assert_eq!(done.arrivals(), 600);
    // A stall of 300 ms in each second keeps about a third of the arrivals waiting, and takes the time of a few requests alone.
    let (response_ns, service_ns) = (done.count("/response_ns/p90"), done.count("/service_ns/p50"));
    assert!(response_ns > 100_000_000 && service_ns < 100_000_000, "{response_ns} and {service_ns}");
}

#[test]
fn a_connection_for_each_request_takes_up_the_session_of_an_earlier_one() {
    for flags in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let (server, ca) = secured(&[]);
        let words = ["-R", "100", "-d", "2s", "-c", "20", "--disable-keepalive"];
        let done = run(&server, &ca, "/", &[&words, flags].concat());
        // A busy machine leaves some of them unsent.
        let ok = done.count("/requests/ok");
        assert_eq!((done.arrivals(), done.count("/requests/failed")), (200, 0), "{}", done.stderr);
        assert_eq!((attempts(&done, "made"), attempts(&done, "tls_ns/count")), (ok, ok));
        let resumed = attempts(&done, "resumed");
        assert!(resumed > 0 && resumed + 50 >= ok, "{resumed} of {ok} with {flags:?}");
        assert_eq!(done.count("/connections/reconnects"), 0, "none was lost");
        // What the attempt took is a part of the response time, and not of the service time.
        assert!(done.count("/response_ns/p50") > done.count("/service_ns/p50"));
    }
    let (server, ca) = secured(&[]);
    let plan = format!(
        "url = '{}'\n[run]\nrequests = 40\nconnections = 4\n[tls]\nca = '{ca}'\nresumption = false\n[http]\nreuse = false\n",
        server.url("/").replace("http:", "https:")
    );
    let done = Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done();
    assert_eq!((attempts(&done, "made"), attempts(&done, "resumed")), (40, 0), "{}", done.stderr);
}

#[test]
fn a_connection_for_each_request_without_tls() {
    let nginx = peers::nginx(1_000_000);
    for load in [&["-R", "200", "-d", "1s", "-c", "8"][..], &["-n", "200", "-c", "8"]] {
        let done = Vajra::run(&nginx.url("/"), &[load, &["--disable-keepalive"]].concat()).done();
        done.assert_accounted();
        let ok = done.count("/requests/ok");
        assert_eq!((done.arrivals(), done.count("/requests/failed")), (200, 0), "{}", done.stderr);
        assert_eq!(attempts(&done, "made"), ok, "{}", done.stderr);
        assert!(done.stdout.contains("one for each request"), "{}", done.stdout);
    }
    let port = peers::free_port();
    let words = ["-R", "50", "-d", "1s", "-c", "4", "--disable-keepalive", "--force", "--timeout", "1s"];
    let done = Vajra::run(&format!("http://127.0.0.1:{port}/"), &words).done();
    done.assert_accounted();
    assert_eq!(
        (done.count("/requests/ok"), done.arrivals() + done.errors("connect")),
        (0, 50),
        "{}",
        done.report
    );
    assert!(done.stdout.contains("no connection could be made"), "{}", done.stdout);
}

/// A slot whose handshake broke while something of it was being sent is used again.
#[test]
fn a_target_that_drops_each_handshake_is_tried_again_and_again() {
    let port = scripted(drop);
    let url = format!("https://127.0.0.1:{port}/");
    let words =
        ["-R", "40", "-d", "3s", "-c", "2", "--disable-keepalive", "--force", "-m", "POST", "-b", "@body"];
    let done = Vajra::run(&url, &words).file("body", &"x".repeat(9_000)).done();
    done.assert_accounted();
    assert_eq!(done.count("/requests/ok"), 0, "{}", done.report["requests"]);
    let failures = done.report["connections"]["attempts"]["failures"].to_string();
    assert!(attempts(&done, "begun") >= 6, "{} begun, {failures}", attempts(&done, "begun"));
}

#[test]
fn each_fault_of_a_certificate_is_told_before_anything_is_sent() {
    for (fault, words) in [
        ("expired", "expired"),
        ("not-yet-valid", "not valid yet"),
        ("wrong-host", "name"),
        ("self-signed", "authority"),
        ("unknown-ca", "authority"),
    ] {
        let (server, ca) = secured(&["--tls-fault", fault]);
        let done = run(&server, &ca, "/", &["-n", "1"]);
        assert_eq!(done.code, 4, "{fault}: {}", done.stderr);
        done.assert_says(&["FAIL tls", words, "no load was sent"]);
        let url = server.url("/").replace("http:", "https:");
        let done = Vajra::run(&url, &["-k", "-n", "10", "-c", "1"]).done();
        assert_eq!(done.count("/requests/ok"), 10, "{fault}: {}", done.stderr);
        done.assert_ended_with(0);
        assert!(done.report["limits"].to_string().contains("tls.verify"), "{}", done.report["limits"]);
    }
}

#[test]
fn faults_in_a_run_are_counted_by_their_reason() {
    let (server, ca) = secured(&["--tls-fault", "expired"]);
    let done = run(&server, &ca, "/", &["-R", "20", "-d", "1s", "-c", "2", "--force", "--timeout", "1s"]);
    assert_eq!(done.count("/requests/ok"), 0);
    assert_eq!(done.errors("tls"), done.count("/requests/failed"), "{}", done.report["requests"]);
    let failures = done.report["connections"]["attempts"]["failures"].to_string();
    assert!(failures.contains("expired") && failures.contains("\"tls\""), "{failures}");
    assert!(done.stdout.contains("expired"), "{}", done.stdout);
}

#[test]
fn what_speaks_no_tls_and_what_speaks_nothing_else_are_told() {
    let plain = peers::testbed(&[]);
    let done = Vajra::run(&plain.url("/").replace("http:", "https:"), &["-n", "1"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["FAIL tls", "http://"]);

    let (server, _) = secured(&[]);
    let done = Vajra::run(&server.url("/"), &["-n", "1"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["https://"]);

    let silent = scripted(|mut stream| {
        let _ = stream.read(&mut [0; 1_000]);
        std::thread::park();
    });
    let done =
        Vajra::run(&format!("https://127.0.0.1:{silent}/"), &["-n", "1", "--connect-timeout", "300ms"])
            .done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["FAIL tls", "handshake was not over"]);

    let closing = scripted(|mut stream| {
        let _ = stream.read(&mut [0; 1_000]);
        let _ = stream.flush();
    });
    let done = Vajra::run(&format!("https://127.0.0.1:{closing}/"), &["-n", "1"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["FAIL tls", "closed"]);
}

#[test]
fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (cert, key) = (file("client.pem"), file("client.key"));
    let (server, ca) = secured(&["--tls-client-ca", "--tls-client-cert", &cert, "--tls-client-key", &key]);
    let done = run(&server, &ca, "/", &["-n", "20", "-c", "2", "--cert", &cert, "--key", &key]);
    assert_eq!(done.count("/requests/ok"), 20, "{}", done.stderr);
    let report = done.report.to_string();
    assert!(!report.contains("PRIVATE KEY"), "a key is no part of a report");
    let done = run(&server, &ca, "/", &["-n", "1"]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["certificate"]);
}
