//! HTTP/1.1 as load generators use it: keep-alive, pipelining, HEAD, HTTP/1.0.

use crate::client::{Client, server};

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let server = server("");
    let mut client = Client::connect(&server);
    for _ in 0..10 {
        client.send("GET", "/");
        assert_eq!(client.response().text(), "ok\n");
    }
}

#[test]
fn a_connection_is_closed_where_the_client_asks_for_it() {
    let server = server("");
    let mut client = Client::connect(&server);
    client.write("GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
    assert_eq!(client.response().header("connection"), Some("close"));
    assert!(client.is_closed());
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = server("");
    let mut client = Client::connect(&server);
    client.write("GET /bytes/1 HTTP/1.1\r\nhost: t\r\n\r\nGET /bytes/2 HTTP/1.1\r\nhost: t\r\n\r\n");
    assert_eq!(client.response().body.len(), 1);
    assert_eq!(client.response().body.len(), 2);
}

#[test]
fn pipelined_bodies_larger_than_any_buffer_arrive_whole() {
    let server = server("");
    let mut client = Client::connect(&server);
    client.write(&"GET /bytes/5000000 HTTP/1.1\r\nhost: t\r\n\r\n".repeat(3));
    for _ in 0..3 {
        assert_eq!(client.response().body.len(), 5_000_000);
    }
}

#[test]
fn a_pipelined_response_does_not_wait_for_the_requests_behind_it() {
    let server = server("");
    let (first, slow) =
        ("GET / HTTP/1.1\r\nhost: t\r\n\r\n", "GET /?service=fixed:1h HTTP/1.1\r\nhost: t\r\n\r\n");
    for behind in [format!("{slow}{first}"), "GET / HT".to_owned()] {
        let mut client = Client::connect(&server);
        client.write(&format!("{first}{behind}"));
        assert_eq!(client.response().text(), "ok\n");
    }
}

#[test]
fn a_pipelined_response_is_not_lost_to_what_follows_its_request() {
    let server = server("");
    for (header, behind) in [("connection: close", "GET / HTTP/1.1\r\n\r\n"), ("host: t", "not http\r\n\r\n")]
    {
        let mut client = Client::connect(&server);
        client.write(&format!("GET / HTTP/1.1\r\n{header}\r\n\r\n{behind}"));
        assert_eq!(client.response().text(), "ok\n");
    }
}

#[test]
fn head_has_the_head_of_get_and_no_body() {
    let server = server("");
    let mut client = Client::connect(&server);
    for target in ["/bytes/100", "/", "/chunked/100"] {
        client.send("HEAD", target);
        let head = client.head().expect("a head");
        assert_eq!(head.status, 200, "{target}");
        client.send("GET", target);
        let response = client.response();
        assert_eq!(head.header("content-length"), response.header("content-length"), "{target}");
    }
}

#[test]
fn every_method_is_taken_and_a_body_nobody_wants_is_read() {
    let server = server("");
    let mut client = Client::connect(&server);
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let body = "x".repeat(100_000);
        client.write(&format!("{method} / HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\n{body}"));
        assert_eq!(client.response().text(), "ok\n", "{method}");
    }
}

#[test]
fn http_1_0_is_answered_and_closed_unless_kept_alive() {
    let server = server("");
    let mut client = Client::connect(&server);
    client.write("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    let response = client.response();
    assert_eq!((response.version.as_str(), response.text()), ("HTTP/1.0", "ok\n"));
    assert_eq!(response.header("connection"), Some("keep-alive"));
    client.write("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "ok\n");
    assert!(client.is_closed());
}

#[test]
fn what_is_not_http_is_refused() {
    let server = server("");
    let mut client = Client::connect(&server);
    client.write("GET / HTTP/1.1\r\nhow do you do\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert!(client.is_closed());
    assert_eq!(server.served(), 0);
}
