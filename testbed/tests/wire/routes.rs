//! What each route responds with.

use crate::client::{Client, ask, server};

#[test]
fn the_root_says_ok() {
    let server = server("");
    let response = ask(&server, "/");
    assert_eq!((response.status, response.text()), (200, "ok\n"));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("content-length"), Some("3"));
}

#[test]
fn bytes_come_in_the_asked_number_with_their_length() {
    let server = server("");
    for length in [0, 1, 100, 65_536, 3_000_001] {
        let response = ask(&server, &format!("/bytes/{length}"));
        assert_eq!((response.status, response.body.len()), (200, length));
        assert_eq!(response.header("content-length"), Some(length.to_string().as_str()));
        assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    }
}

#[test]
fn chunked_bytes_come_in_the_asked_number_without_a_length() {
    let server = server("");
    for length in [0, 1, 100, 3_000_001] {
        let response = ask(&server, &format!("/chunked/{length}"));
        assert_eq!((response.status, response.body.len()), (200, length));
        assert_eq!(response.header("content-length"), None);
        assert_eq!(response.header("transfer-encoding"), Some("chunked"));
    }
    assert_eq!(ask(&server, "/chunked/80").chunks, [10; 8]);
}

#[test]
fn a_status_is_answered_as_asked() {
    let server = server("");
    for status in [200, 201, 302, 404, 418, 503, 599] {
        let response = ask(&server, &format!("/status/{status}"));
        assert_eq!((response.status, response.text()), (status, format!("{status}\n").as_str()));
    }
}

#[test]
fn a_status_without_a_body_keeps_the_connection_in_step() {
    let server = server("");
    let mut client = Client::connect(&server);
    for status in [204, 205, 304] {
        client.send("GET", &format!("/status/{status}"));
        let response = client.response();
        assert_eq!((response.status, response.body.len()), (status, 0));
    }
    client.send("GET", "/");
    assert_eq!(client.response().text(), "ok\n");
}

#[test]
fn echo_returns_the_body_its_type_and_its_method() {
    let server = server("");
    let mut client = Client::connect(&server);
    client.write("PUT /echo HTTP/1.1\r\nhost: t\r\ncontent-type: text/csv\r\ncontent-length: 5\r\n\r\na,b,c");
    let response = client.response();
    assert_eq!((response.status, response.text()), (200, "a,b,c"));
    assert_eq!(response.header("content-type"), Some("text/csv"));
    assert_eq!(response.header("x-method"), Some("PUT"));
}

#[test]
fn echo_understands_a_chunked_request() {
    let server = server("");
    let mut client = Client::connect(&server);
    client.write("POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_eq!(client.response().text(), "abcde");
}

#[test]
fn echo_refuses_what_is_too_large_to_hold_whether_announced_or_not() {
    let server = server("");
    let mut announcing = Client::connect(&server);
    announcing.write("POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 16777217\r\n\r\n");
    assert_eq!(announcing.response().status, 413);
    let mut sending = Client::connect(&server);
    let chunk = "x".repeat(1 << 20);
    sending.write("POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n");
    for _ in 0..16 {
        sending.write(&format!("100000\r\n{chunk}\r\n"));
    }
    sending.write("1\r\nx\r\n");
    assert_eq!(sending.response().status, 413);
}

#[test]
fn stats_count_each_route_and_themselves() {
    let server = server("");
    for target in ["/", "/", "/bytes/1", "/nowhere", "/bytes/x"] {
        ask(&server, target);
    }
    let response = ask(&server, "/stats");
    let routes = r#""/":2,"/bytes":1,"/chunked":0,"/status":0,"/echo":0,"/ws":0,"/stats":1,"/links":0,"/session":0,"/private":0,"/ledger":0,"/redirect":0,"/openapi.json":0,"grpc":0,"refused":2"#;
    let versions = r#""versions":{"HTTP/1.0":0,"HTTP/1.1":6,"HTTP/2":0}"#;
    let handshakes = r#""handshakes":{"full":0,"resumed":0,"failed":0}"#;
    let messages = r#""messages":{"websocket":0,"grpc":0}"#;
    let echo =
        r#""echo":{"tcp_connections":0,"tcp_bytes":0,"udp_datagrams":0,"udp_duplicates":0,"udp_lost":0}"#;
    let calls =
        r#""calls":{"unary":0,"server_stream":0,"client_stream":0,"bidi":0,"reflection":0,"failed":0}"#;
    let told = format!(
        "{{\"served\":6,\"routes\":{{{routes}}},{versions},{handshakes},{messages},{echo},{calls}}}\n"
    );
    assert_eq!(response.text(), told);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(server.served(), 6);
}

#[test]
fn what_is_not_there_is_404_and_what_is_malformed_is_400() {
    let server = server("");
    assert_eq!(ask(&server, "/nowhere").status, 404);
    for target in ["/bytes/many", "/bytes/1073741825", "/chunked/", "/status/199", "/status/600"] {
        let response = ask(&server, target);
        assert_eq!(response.status, 400, "{target}");
        assert!(response.text().contains("write a number"), "{target}: {}", response.text());
    }
}
