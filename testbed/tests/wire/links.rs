//! The links service: short links that lead somewhere, until they do not.

use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;
use vajra_testbed::{Server, ServerOptions, SettingsError, StartError};

use crate::client::{Client, Response, ask, server};

const TARGET: &str = "https://a.test/long?path=1";

fn send(server: &Server, method: &str, target: &str, headers: &str, body: &str) -> Response {
    let mut client = Client::connect(server);
    let length = body.len();
    client.write(&format!(
        "{method} {target} HTTP/1.1\r\nhost: t\r\n{headers}content-length: {length}\r\n\r\n{body}"
    ));
    client.response()
}

fn post(server: &Server, body: &str) -> Response {
    send(server, "POST", "/links", "", body)
}

/// The path of a new link.
fn create(server: &Server, more: &str) -> String {
    let response = post(server, &format!("{{\"url\": \"{TARGET}\"{more}}}"));
    assert_eq!(response.status, 201, "{}", response.text());
    response.header("location").expect("where it is").to_owned()
}

fn stats(server: &Server, path: &str) -> serde_json::Value {
    let response = ask(server, &format!("/links{path}/stats"));
    assert_eq!(response.status, 200, "{}", response.text());
    serde_json::from_slice(&response.body).expect("JSON")
}

/// A server with this file of settings.
fn configured(text: &str) -> (Server, NamedTempFile) {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("room for it");
    let links_file = Some(file.path().to_owned());
    (Server::start(ServerOptions { links_file, ..ServerOptions::default() }).expect("a server"), file)
}

fn rewrite(file: &NamedTempFile, text: &str) {
    std::fs::write(file.path(), text).expect("a file of our own");
}

#[test]
fn a_link_leads_to_its_url_and_counts_its_visits() {
    let server = server("");
    let path = create(&server, "");
    for _ in 0..3 {
        let response = ask(&server, &path);
        assert_eq!((response.status, response.header("location")), (302, Some(TARGET)));
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }
    let told = stats(&server, &path);
    assert_eq!(
        (&told["state"], &told["visits"], &told["url"]),
        (&"active".into(), &3.into(), &TARGET.into())
    );
    assert_eq!(told["left_s"], serde_json::Value::Null);
    assert_ne!(create(&server, ""), path, "the same URL has another link");
}

#[test]
fn a_link_expires_is_gone_for_a_while_and_then_unknown() {
    let (server, _file) = configured("gone_s = 1");
    let before = Instant::now();
    let path = create(&server, ", \"ttl_s\": 1");
    let status_until = |change: u16| loop {
        let status = ask(&server, &path).status;
        if status == change {
            return before.elapsed();
        }
        assert!(before.elapsed() < Duration::from_secs(30), "still {status}");
        sleep(Duration::from_millis(10));
    };
    assert!(status_until(410) >= Duration::from_secs(1));
    assert!(status_until(404) >= Duration::from_secs(2));
}

#[test]
fn a_deleted_link_is_gone() {
    let server = server("");
    let path = create(&server, ", \"ttl_s\": 1000");
    assert_eq!(send(&server, "DELETE", &format!("/links{path}"), "", "").status, 204);
    assert_eq!(ask(&server, &path).status, 410);
    assert_eq!(stats(&server, &path)["state"], "removed");
    assert_eq!(send(&server, "DELETE", &format!("/links{path}"), "", "").status, 410);
}

#[test]
fn what_is_wrong_is_refused_with_the_reason() {
    let server = server("");
    let long = format!("{{\"url\": \"http://a.test/{}\"}}", "x".repeat(2048));
    let huge = "x".repeat(16 * 1024 + 1);
    let cases = [
        ("", 400, "the body is no link"),
        ("{\"url\": 5}", 400, "expected a string"),
        ("{\"url\": \"http://a.test/\", \"tll_s\": 5}", 400, "unknown field `tll_s`"),
        ("{\"url\": \"/a\"}", 400, "http:// or https://"),
        ("{\"url\": \"ftp://a.test/\"}", 400, "http:// or https://"),
        ("{\"url\": \"http://a.test/\\u0007\"}", 400, "http:// or https://"),
        ("{\"url\": \"http://a.test/\", \"ttl_s\": 0}", 400, "`ttl_s` is from 1 to 2592000"),
        (&long, 400, "`url` has at most 2048 bytes"),
        (&huge, 413, "at most 16384 bytes"),
    ];
    for (body, status, reason) in cases {
        let response = post(&server, body);
        assert_eq!(response.status, status, "{}: {}", &body[..body.len().min(60)], response.text());
        assert!(response.text().contains(reason), "{reason}: {}", response.text());
    }
    for (method, target, allowed) in [
        ("GET", "/links", "POST"),
        ("PUT", "/links/0aZ9bbbb", "DELETE"),
        ("DELETE", "/0aZ9bbbb", "GET, HEAD"),
    ] {
        let response = send(&server, method, target, "", "");
        assert_eq!((response.status, response.header("allow")), (405, Some(allowed)), "{method} {target}");
    }
    for target in ["/0aZ9bbbb", "/links/0aZ9bbbb/stats"] {
        assert_eq!(ask(&server, target).status, 404, "{target}");
    }
    let page = ask(&server, "/metrics");
    for line in [
        "links_created_total 0",
        "link_visits_total{outcome=\"unknown\"} 1",
        "link_requests_refused_total{reason=\"malformed\"} 8",
        "link_requests_refused_total{reason=\"too_large\"} 1",
        "link_requests_refused_total{reason=\"method\"} 3",
        "responses_total 15",
    ] {
        assert!(page.text().contains(&format!("\nvajra_testbed_{line}\n")), "{line} in {}", page.text());
    }
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}

#[test]
fn there_is_room_for_so_many_links_as_the_settings_say() {
    let (server, file) = configured("links_max = 2");
    create(&server, "");
    create(&server, "");
    let response = post(&server, &format!("{{\"url\": \"{TARGET}\"}}"));
    assert_eq!(response.status, 507);
    assert!(response.text().contains("there are 2 links"), "{}", response.text());
    rewrite(&file, "links_max = 3");
    assert_eq!(send(&server, "POST", "/admin/reload", "", "").status, 200);
    create(&server, "");
}

#[test]
fn settings_that_are_wrong_change_nothing() {
    let (server, file) = configured("ttl_max_s = 10");
    let too_long = format!("{{\"url\": \"{TARGET}\", \"ttl_s\": 11}}");
    assert_eq!(post(&server, &too_long).status, 400);
    rewrite(&file, "ttl_max_s = 0");
    let response = send(&server, "POST", "/admin/reload", "", "");
    assert_eq!(response.status, 422);
    assert!(response.text().contains("ttl_max_s = 0 is out of range: write 1 to"), "{}", response.text());
    assert!(matches!(server.reload(), Err(SettingsError::Malformed { .. })));
    assert_eq!(post(&server, &too_long).status, 400);
    rewrite(&file, "ttl_max_s = 11");
    server.reload().expect("valid settings");
    assert_eq!(post(&server, &too_long).status, 201);
    let page = ask(&server, "/metrics");
    assert!(page.text().contains("link_reloads_total{outcome=\"refused\"} 2\n"), "{}", page.text());
}

#[test]
fn a_server_does_not_start_with_settings_that_are_wrong() {
    let links_file = Some("/nonexistent/links.toml".into());
    let error = Server::start(ServerOptions { links_file, ..ServerOptions::default() }).expect_err("no file");
    assert!(matches!(error, StartError::Settings(SettingsError::Unreadable { .. })), "{error}");
}

#[test]
fn every_response_has_its_id_and_its_time() {
    let server = server("");
    let own = send(&server, "POST", "/links", "x-request-id: abc-1\r\n", "{}");
    assert_eq!((own.status, own.header("x-request-id")), (400, Some("abc-1")));
    let slow = ask(&server, "/0aZ9bbbb?service=fixed:20ms");
    assert_eq!(slow.header("x-request-id").map(str::len), Some(16));
    let timing = slow.header("server-timing").and_then(|timing| timing.strip_prefix("app;dur="));
    let took_ms: f64 = timing.expect("a time").parse().expect("a number");
    assert!(took_ms >= 20.0, "{took_ms}");
}

#[test]
fn links_meet_the_behaviour_and_those_who_look_after_them_do_not() {
    let server = server("error=1");
    assert_eq!(post(&server, &format!("{{\"url\": \"{TARGET}\"}}")).status, 500);
    assert_eq!(ask(&server, "/metrics").status, 200);
    assert_eq!(send(&server, "POST", "/admin/reload", "", "").status, 200);
}
