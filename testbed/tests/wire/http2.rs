//! HTTP/2 in clear, as a client speaks it that knows beforehand: curl, and h2 where requests have to be under way together.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use h2::client::SendRequest;
use http::Request;
use hyper::body::Bytes;
use vajra_testbed::Server;

use crate::client::{Client, server};
use crate::curl::{Fetched, curl, url};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// What asks curl for HTTP/2 without a question.
const KNOWN: &str = "--http2-prior-knowledge";

fn ask(server: &Server, path: &str) -> Fetched {
    curl(&[KNOWN, &url(server, path)])
}

/// Runs a test beside a connection of HTTP/2.
pub(crate) fn connected<F: Future<Output = ()>>(
    address: SocketAddr,
    test: impl FnOnce(SendRequest<Bytes>) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.expect("the server listens");
        let (client, connection) = h2::client::handshake(stream).await.expect("a connection of HTTP/2");
        tokio::spawn(connection);
        test(client).await;
    });
}

/// Sends a GET, and returns what will be its status.
async fn get(
    client: &SendRequest<Bytes>,
    path: &str,
) -> impl Future<Output = Result<u16, h2::Error>> + use<> {
    let mut client = client.clone().ready().await.expect("room for a request");
    let request = Request::get(format!("http://testbed{path}")).body(()).expect("a request");
    let (response, _) = client.send_request(request, true).expect("an open connection");
    async move { response.await.map(|response| response.status().as_u16()) }
}

#[test]
fn every_route_is_there() {
    let server = server("");
    assert_eq!(ask(&server, "/").text(), "ok\n");
    for path in ["/bytes/3000001", "/chunked/3000001"] {
        assert_eq!(ask(&server, path).body.len(), 3_000_001, "{path}");
    }
    assert_eq!(ask(&server, "/chunked/0").body.len(), 0);
    for status in ["204", "404", "418", "599"] {
        let path = format!("/status/{status}");
        let fetched =
            curl(&[KNOWN, "--output", "/dev/null", "--write-out", "%{http_code}", &url(&server, &path)]);
        assert_eq!(fetched.text(), status);
    }
    let echoed = curl(&[KNOWN, "--data", "a,b,c", "--include", &url(&server, "/echo")]);
    assert!(echoed.text().starts_with("HTTP/2 200"), "{}", echoed.text());
    assert!(
        echoed.text().contains("x-method: POST") && echoed.text().ends_with("\r\na,b,c"),
        "{}",
        echoed.text()
    );
}

#[test]
fn answers_are_counted_by_version() {
    let server = server("");
    for version in ["--http1.0", "--http1.1", KNOWN, KNOWN] {
        assert_eq!(curl(&[version, &url(&server, "/")]).text(), "ok\n", "{version}");
    }
    let stats = ask(&server, "/stats");
    let versions = r#""versions":{"HTTP/1.0":1,"HTTP/1.1":1,"HTTP/2":3}"#;
    assert!(stats.text().contains(versions), "{}", stats.text());
}

#[test]
fn requests_of_one_connection_are_served_beside_each_other() {
    let server = server("service=fixed:500ms");
    connected(server.address(), |client| async move {
        let started = Instant::now();
        let mut under_way = Vec::new();
        for _ in 0..40 {
            under_way.push(get(&client, "/").await);
        }
        for response in under_way {
            assert_eq!(response.await.expect("a response"), 200);
        }
        // One after the other they would take twenty seconds, however fast the machine is.
        assert!(started.elapsed() >= MS(500) && started.elapsed() < MS(20_000));
    });
}

#[test]
fn a_reset_ends_its_stream_and_no_other() {
    let server = server("");
    connected(server.address(), |client| async move {
        let slow = get(&client, "/?service=fixed:100ms").await;
        let reset = get(&client, "/?reset=1").await.await.expect_err("a reset");
        assert!(reset.is_reset() && reset.is_remote(), "{reset}");
        assert_eq!(slow.await.expect("a response"), 200);
        assert_eq!(get(&client, "/").await.await.expect("the connection is kept"), 200);
    });
    assert_eq!(server.served(), 2);
}

#[test]
fn behaviours_hold_for_streams_as_they_do_for_connections() {
    let server = server("");
    connected(server.address(), |client| async move {
        assert_eq!(get(&client, "/?error=1").await.await.expect("a response"), 500);
        assert_eq!(get(&client, "/?service=5ms").await.await.expect("a response"), 400);
        let started = Instant::now();
        let first = get(&client, "/?service=fixed:50ms&workers=1").await;
        let second = get(&client, "/?service=fixed:50ms&workers=1").await;
        assert_eq!((first.await.expect("one"), second.await.expect("two")), (200, 200));
        assert!(started.elapsed() >= MS(100), "one worker serves one at a time: {:?}", started.elapsed());
    });
    let started = Instant::now();
    assert_eq!(ask(&server, "/bytes/80?slow=20ms").body.len(), 80);
    assert!(started.elapsed() >= MS(20) * 7, "{:?}", started.elapsed());
}

#[test]
fn a_request_under_way_is_still_answered_when_the_server_stops() {
    let mut server = server("");
    connected(server.address(), |client| async move {
        let slow = get(&client, "/?service=fixed:200ms").await;
        // Its head was sent before this one's.
        assert_eq!(get(&client, "/").await.await.expect("a response"), 200);
        let stopped = tokio::task::spawn_blocking(move || server.stop());
        assert_eq!(slow.await.expect("a response"), 200);
        stopped.await.expect("the server stops");
    });
}

#[test]
fn a_preface_is_recognised_however_it_is_cut() {
    let server = server("");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for cut in [1, 3, 23] {
        let mut stream = TcpStream::connect(server.address()).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a valid timeout");
        stream.write_all(&preface[..cut]).expect("the connection is open");
        std::thread::sleep(MS(20));
        // The rest, and settings without any.
        stream
            .write_all(&[&preface[cut..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat())
            .expect("an open connection");
        let mut head = [0; 9];
        stream.read_exact(&mut head).expect("a frame");
        assert_eq!((head[3], &head[5..]), (4, &[0; 4][..]), "SETTINGS of stream 0, cut at {cut}");
    }
}

#[test]
fn what_only_begins_like_a_preface_is_http_1() {
    let server = server("");
    for (beginning, rest) in [
        ("P", "OST / HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\r\n"),
        ("PR", "OPFIND / HTTP/1.1\r\nhost: t\r\n\r\n"),
    ] {
        let mut client = Client::connect(&server);
        client.write(beginning);
        std::thread::sleep(MS(20));
        client.write(rest);
        assert_eq!(client.response().text(), "ok\n", "{beginning}{rest}");
    }
}
