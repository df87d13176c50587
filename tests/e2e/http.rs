//! HTTP/1.x as real servers speak it, and as broken ones do.

use crate::peers::{self, scripted};
use crate::vajra::{Done, Vajra};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

fn run(url: &str, words: &[&str]) -> Done {
    let done = Vajra::run(url, words).done();
    done.assert_accounted();
    done
}

fn assert_all_ok(done: &Done) {
    // A run of a few milliseconds on a busy machine may rightly be INVALID; its counts are what is looked at here.
    assert!([0, 3].contains(&done.code), "{}", done.stderr);
    assert_eq!(done.count("/requests/failed"), 0, "{}\n{}", done.stderr, done.report["requests"]);
    assert!(done.count("/requests/ok") > 0);
}

#[test]
fn nginx_small_bodies_are_counted_to_the_byte() {
    let nginx = peers::nginx(1_000_000);
    let done = run(&nginx.url("/"), &["-n", "2000", "-c", "16"]);
    assert_all_ok(&done);
    assert_eq!((done.count("/requests/ok"), done.count("/requests/sent")), (2_000, 2_000));
    // Every response is the same size: a head and twelve bytes.
    assert_eq!(done.count("/bytes/received") % 2_000, 0);
    assert!(done.count("/bytes/received") > 2_000 * 12);
}

#[test]
fn large_bodies_are_counted_whole_whether_copied_or_thrown_away() {
    let nginx = peers::nginx(1_000_000);
    for (path, body) in [("/64k", 64 << 10), ("/1m", 1 << 20)] {
        // One connection: the first response is copied, all others are thrown away in the kernel.
        for connections in ["1", "8"] {
            let done = run(&nginx.url(path), &["-n", "200", "-c", connections]);
            assert_all_ok(&done);
            let each = done.count("/bytes/received") as f64 / 200.0;
            assert!(each > body as f64 && each < body as f64 + 600.0, "{each} bytes per response of {path}");
        }
    }
}

#[test]
fn a_server_that_ends_connections_costs_reconnects_and_no_failures() {
    let nginx = peers::nginx(10);
    let done = run(&nginx.url("/"), &["-n", "1000", "-c", "4"]);
    assert_all_ok(&done);
    assert!(done.count("/connections/reconnects") >= 90, "{}", done.report["connections"]);
}

#[test]
fn apache_and_its_limit_on_requests_per_connection() {
    let apache = peers::apache();
    for path in ["/", "/64k"] {
        let done = run(&apache.url(path), &["-n", "500", "-c", "8"]);
        assert_all_ok(&done);
        assert_eq!(done.count("/requests/ok"), 500);
    }
}

#[test]
fn pythons_server_speaks_http_1_0() {
    let python = peers::python();
    let done = run(&python.url("/index.html"), &["-n", "200", "-c", "4"]);
    assert_all_ok(&done);
    assert_eq!(done.count("/requests/ok"), 200);
    assert!(done.count("/connections/reconnects") >= 190, "{}", done.report["connections"]);
}

#[test]
fn a_unix_socket_is_a_target() {
    let nginx = peers::nginx(1_000_000);
    let done = run(&format!("unix:{}:/64k", nginx.path("nginx.sock")), &["-n", "300", "-c", "4"]);
    assert_all_ok(&done);
}

#[test]
fn an_ipv6_address_is_a_target() {
    let port =
        peers::scripted_on("[::1]:0", |stream| answer_each(stream, b"HTTP/1.1 204 No Content\r\n\r\n"));
    let done = run(&format!("http://[::1]:{port}/"), &["-n", "50", "-c", "2"]);
    assert_all_ok(&done);
    assert_eq!(done.count("/requests/status/204"), 50);
}

#[test]
fn a_name_is_resolved() {
    let nginx = peers::nginx(1_000_000);
    let url = format!("http://localhost:{}/", nginx.port);
    let done = run(&url, &["-n", "20", "-c", "2"]);
    assert_all_ok(&done);
    let looked_up = done.report["connections"]["attempts"]["dns_ns"].as_object().unwrap();
    let took: Vec<u64> = looked_up.values().filter_map(serde_json::Value::as_u64).collect();
    assert!(took.len() == 1 && took[0] > 0, "{looked_up:?}");
    assert!(done.stdout.lines().any(|line| line.trim_start().starts_with("DNS")), "{}", done.stdout);
    let elsewhere = format!("localhost:{0}:127.0.0.1:{0}", nginx.port);
    for (url, words) in [(nginx.url("/"), &[][..]), (url, &["--connect-to", &elsewhere])] {
        let done = run(&url, &[&["-n", "20", "-c", "2"], words].concat());
        assert_all_ok(&done);
        assert_eq!(done.report.pointer("/connections/attempts/dns_ns"), None, "{url}: nothing is looked up");
        assert!(!done.stdout.contains("DNS"), "{}", done.stdout);
    }
}

#[test]
fn statuses_of_400_and_above_are_failures_by_status() {
    let nginx = peers::nginx(1_000_000);
    let done = run(&nginx.url("/no-such-file"), &["-n", "100", "-c", "2"]);
    assert_eq!((done.count("/requests/failed"), done.errors("status")), (100, 100));
    assert_eq!(done.count("/requests/status/404"), 100);
    assert_eq!(done.count("/failed_response_ns/count"), 100);
}

#[test]
fn head_has_no_body_and_redirects_are_not_followed() {
    let nginx = peers::nginx(1_000_000);
    let done = run(&nginx.url("/1m"), &["-n", "100", "-c", "2", "-m", "HEAD"]);
    assert_all_ok(&done);
    assert!(done.count("/bytes/received") < 100 * 1_000);
}

#[test]
fn chunked_bodies_of_the_testbed_are_read_to_their_end() {
    let testbed = peers::testbed(&[]);
    for size in ["0", "1", "100000"] {
        let done = run(&testbed.url(&format!("/chunked/{size}")), &["-n", "100", "-c", "3"]);
        assert_all_ok(&done);
    }
}

#[test]
fn a_pipeline_is_answered_in_order_and_whole() {
    let testbed = peers::testbed(&[]);
    let done = run(&testbed.url("/"), &["-n", "4000", "-c", "4", "--pipeline", "16"]);
    assert_all_ok(&done);
    assert_eq!((done.count("/requests/ok"), done.count("/requests/sent")), (4_000, 4_000));
    let templated = Vajra::run("plan.toml", &[]).file(
        "plan.toml",
        &format!(
            "url = '{}'\n[run]\npipeline = 8\nrequests = 1000\nconnections = 2\n[[request]]\nmethod = 'POST'\nbody = '{{{{uuid}}}}'\n\
             [[request]]\npath = '/bytes/{{{{rand 1 5000}}}}'\n",
            testbed.url("/echo")
        ),
    );
    let done = templated.done();
    done.assert_accounted();
    assert_all_ok(&done);
    assert_eq!(done.report["scenarios"][0]["steps"].as_array().unwrap().len(), 2);
}

#[test]
fn bodies_and_headers_arrive_as_written() {
    let port = scripted(|mut stream| {
        let text = read_request(&mut stream);
        let is_right = text.contains("X-One: 1\r\n")
            && text.ends_with("\r\n\r\nhello body")
            && text.contains("Content-Length: 10\r\n");
        let status = if is_right { "200 OK" } else { "400 Bad Request" };
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    let words = ["-n", "5", "-c", "1", "-b", "@body.txt", "-H", "X-One: 1"];
    let done = Vajra::run(&format!("http://127.0.0.1:{port}/"), &words).file("body.txt", "hello body").done();
    assert_eq!(done.count("/requests/status/200"), 5, "{}", done.report["requests"]);
}

#[test]
fn interim_responses_trailers_and_bytes_that_come_one_by_one() {
    let response = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n";
    let port = scripted(move |mut stream| {
        let _ = stream.set_nodelay(true);
        while !read_request(&mut stream).is_empty() {
            for byte in response {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        }
    });
    let done = run(&format!("http://127.0.0.1:{port}/"), &["-n", "50", "-c", "2"]);
    assert_all_ok(&done);
    assert_eq!(done.count("/bytes/received"), 50 * response.len() as u64);
}

#[test]
fn a_response_that_is_cut_short_is_eof() {
    let port = scripted(|mut stream| {
        read_request(&mut stream);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012");
        let _ = stream.shutdown(Shutdown::Both);
    });
    let done = run(&format!("http://127.0.0.1:{port}/"), &["-n", "20", "-c", "2"]);
    assert_eq!((done.code, done.errors("eof")), (1, 20), "{}", done.report["requests"]);
}

#[test]
fn a_connection_whose_long_request_is_answered_and_never_read_is_made_again() {
    let port = scripted(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        // The rest of the request stays where it is, until the other side gives up.
        std::thread::sleep(Duration::from_secs(60));
    });
    // More than the buffers of both ends hold: the send cannot end.
    let body = "x".repeat(15 << 20);
    let words = ["-n", "2", "-c", "1", "-b", "@body.txt", "--timeout", "500ms"];
    let done = Vajra::run(&format!("http://127.0.0.1:{port}/"), &words).file("body.txt", &body).done();
    assert_eq!(done.count("/requests/ok"), 2, "{}\n{}", done.stderr, done.report["requests"]);
    assert_eq!(done.count("/connections/reconnects"), 1, "{}", done.report["connections"]);
}

#[test]
fn a_response_that_is_not_http_is_a_protocol_error() {
    let port = scripted(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n");
        std::thread::sleep(Duration::from_millis(50));
    });
    let done = run(&format!("http://127.0.0.1:{port}/"), &["-n", "20", "-c", "2", "--force"]);
    done.assert_says(&["FAIL request: GET / → ", "does not speak HTTP/1"]);
    assert_eq!((done.code, done.errors("protocol")), (1, 20), "{}", done.report["requests"]);
}

#[test]
fn a_response_that_closes_or_has_two_framings_ends_its_connection_even_where_the_server_goes_on() {
    for fields in [
        "Connection: close\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "Connection: foo,\r\n close\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}");
        let bytes = response.len() as u64;
        // It would answer for as long as it is asked.
        let port = scripted(move |stream| answer_each(stream, response.as_bytes()));
        let done = run(&format!("http://127.0.0.1:{port}/"), &["-n", "40", "-c", "2"]);
        assert_all_ok(&done);
        assert_eq!(done.count("/requests/ok"), 40, "{fields}: {}", done.report["requests"]);
        assert_eq!(done.count("/bytes/received"), 40 * bytes, "{fields}");
        // Each request had a connection of its own; after the last ones there may be more or not.
        assert!(done.count("/connections/reconnects") >= 38, "{fields}: {}", done.report["connections"]);
    }
}

#[test]
fn codings_in_two_fields_folded_lines_and_equal_lengths_keep_the_connection() {
    for fields in [
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "X: folded\r\n\tonce\r\nContent-Length:\r\n 2\r\n\r\nok",
        "Content-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}");
        let port = scripted(move |stream| answer_each(stream, response.as_bytes()));
        let done = run(&format!("http://127.0.0.1:{port}/"), &["-n", "40", "-c", "2"]);
        assert_all_ok(&done);
        assert_eq!(done.count("/connections/reconnects"), 0, "{fields}: {}", done.report["connections"]);
    }
}

#[test]
fn a_body_in_another_coding_than_chunked_lasts_until_the_connection_ends() {
    let port = scripted(|mut stream| {
        read_request(&mut stream);
        let _ =
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nhello");
        std::thread::sleep(Duration::from_millis(5));
        let _ = stream.write_all(b" world");
    });
    let done = run(&format!("http://127.0.0.1:{port}/"), &["-n", "20", "-c", "2"]);
    assert_all_ok(&done);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\n".len() as u64;
    assert_eq!(done.count("/bytes/received"), 20 * (head + 11));
}

#[test]
fn bytes_that_nobody_asked_for_are_counted_and_close_the_connection() {
    let port = scripted(|stream| answer_each(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore"));
    let done = run(&format!("http://127.0.0.1:{port}/"), &["-n", "40", "-c", "2"]);
    assert_all_ok(&done);
    assert_eq!(done.count("/connections/unasked_bytes"), 40 * 4, "{}", done.report["connections"]);
    assert!(done.count("/connections/reconnects") >= 38, "{}", done.report["connections"]);
    assert!(done.stdout.contains("160 unasked bytes"), "{}", done.stdout);
    let polite = scripted(|stream| answer_each(stream, b"HTTP/1.1 204 No Content\r\n\r\n"));
    let done = run(&format!("http://127.0.0.1:{polite}/"), &["-n", "40", "-c", "2"]);
    assert_eq!(done.count("/connections/unasked_bytes"), 0);
    assert!(!done.stdout.contains("unasked byte"), "{}", done.stdout);
}

#[test]
fn a_status_below_100_is_a_protocol_error() {
    let port = scripted(|mut stream| {
        read_request(&mut stream);
        let _ = write!(stream, "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n");
        std::thread::sleep(Duration::from_millis(50));
    });
    let done = run(&format!("http://127.0.0.1:{port}/"), &["-n", "20", "-c", "2", "--force"]);
    assert_eq!((done.code, done.errors("protocol")), (1, 20), "{}", done.report["requests"]);
}

#[test]
fn resets_and_errors_of_the_testbed_are_told_apart() {
    let testbed = peers::testbed(&["--reset", "0.1", "--error", "0.2"]);
    let done = run(&testbed.url("/"), &["-n", "1000", "-c", "8", "--force"]);
    let (resets, refused) = (done.errors("receive") + done.errors("eof"), done.errors("status"));
    assert!((30..300).contains(&resets) && (80..400).contains(&refused), "{}", done.report["requests"]);
    assert_eq!(done.count("/requests/status/500"), refused);
}

#[test]
fn a_request_that_takes_too_long_is_a_timeout() {
    let testbed = peers::testbed(&[]);
    let words = ["-n", "8", "-c", "4", "--timeout", "300ms"];
    let done = run(&testbed.url("/?service=fixed:1m"), &[&words[..], &["--force"]].concat());
    assert_eq!((done.code, done.errors("timeout")), (1, 8), "{}", done.report["requests"]);
    // Histograms keep three digits.
    assert!(done.count("/failed_response_ns/min") >= 299_700_000);
}

/// Answers every request on a connection with the same bytes.
fn answer_each(mut stream: TcpStream, response: &[u8]) {
    while !read_request(&mut stream).is_empty() {
        if stream.write_all(response).is_err() {
            return;
        }
    }
}

/// Reads the head of one request; empty at the end of the connection.
fn read_head(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => text.push(byte[0] as char),
            _ => return String::new(),
        }
    }
    text
}

/// Reads one request, its body included; empty at the end of the connection.
fn read_request(stream: &mut TcpStream) -> String {
    let mut text = read_head(stream);
    let length =
        text.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0_usize);
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).is_ok() {
        text.push_str(&String::from_utf8_lossy(&body));
    }
    text
}
