//! gRPC, spoken to in frames of HTTP/2 and in messages that are written and read byte by byte.

use std::time::{Duration, Instant};

use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request};
use hyper::body::Bytes;

use crate::client::{ask, server};
use crate::http2::connected;

const MS: fn(u64) -> Duration = Duration::from_millis;
const ECHO: &str = "/vajra.testbed.Echo";

/// A call under way.
struct Call {
    requests: SendStream<Bytes>,
    response: ResponseFuture,
}

/// What came of a call.
#[derive(Debug)]
struct Called {
    /// The bytes of each message.
    replies: Vec<Vec<u8>>,
    /// What ended the call: trailers, or the head of a response without anything else.
    end: HeaderMap,
    /// Whether the status stood in the head.
    is_head_alone: bool,
}

impl Called {
    fn status(&self) -> u32 {
        self.end["grpc-status"].to_str().expect("a text").parse().expect("a number")
    }

    fn message(&self) -> &str {
        self.end.get("grpc-message").map_or("", |message| message.to_str().expect("a text"))
    }
}

/// A message in its frame.
fn framed(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// An `EchoRequest`: field 1 is its text, 3 a count, 4 a status.
fn request(text: &str, count: u8, status: u8) -> Vec<u8> {
    assert!(text.len() < 128 && count < 128, "one byte each");
    let mut message = [&[0x0a, text.len() as u8], text.as_bytes()].concat();
    message.extend([0x18, count, 0x20, status]);
    framed(&message)
}

/// An `EchoReply`: field 1 is its text, 3 its number.
fn reply(text: &str, number: u8) -> Vec<u8> {
    [&[0x0a, text.len() as u8], text.as_bytes(), &[0x18, number]].concat()
}

async fn begin(client: &SendRequest<Bytes>, path: &str, headers: &[(&str, &str)]) -> Call {
    let mut client = client.clone().ready().await.expect("room for a call");
    let mut request = Request::post(format!("http://testbed{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (response, requests) =
        client.send_request(request.body(()).expect("a request"), false).expect("an open connection");
    Call { requests, response }
}

impl Call {
    fn send(&mut self, bytes: Vec<u8>) {
        self.requests.send_data(bytes.into(), false).expect("an open stream");
    }

    /// Ends the requests, and waits for all there is.
    async fn end(mut self) -> Result<Called, h2::Error> {
        // The server may have answered already, and given up the rest.
        let _ = self.requests.send_data(Bytes::new(), true);
        let (head, mut body) = self.response.await?.into_parts();
        assert_eq!(head.status, 200);
        assert_eq!(head.headers["content-type"], "application/grpc");
        let is_head_alone = head.headers.contains_key("grpc-status");
        let mut bytes = Vec::new();
        while let Some(data) = body.data().await {
            bytes.extend(received(&mut body, data?));
        }
        let end = if is_head_alone { head.headers } else { body.trailers().await?.expect("trailers") };
        Ok(Called { replies: messages(&bytes), end, is_head_alone })
    }
}

/// Gives back to the window what was received.
fn received(body: &mut RecvStream, data: Bytes) -> Bytes {
    body.flow_control().release_capacity(data.len()).expect("it was taken");
    data
}

fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<5>() {
        assert_eq!(head[0], 0, "not compressed");
        let (message, rest) =
            rest.split_at(u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize);
        messages.push(message.to_vec());
        bytes = rest;
    }
    assert_eq!(bytes, [0; 0], "messages are whole");
    messages
}

/// A call with these requests.
async fn call(
    client: &SendRequest<Bytes>,
    path: &str,
    headers: &[(&str, &str)],
    requests: Vec<u8>,
) -> Result<Called, h2::Error> {
    let mut call = begin(client, path, headers).await;
    call.send(requests);
    call.end().await
}

#[test]
fn a_unary_call_has_one_reply_and_its_status_behind_it() {
    let server = server("");
    connected(server.address(), |client| async move {
        let called =
            call(&client, &format!("{ECHO}/Unary"), &[], request("hello", 0, 0)).await.expect("a reply");
        assert_eq!(called.replies, [reply("hello", 1)]);
        assert_eq!((called.status(), called.message(), called.is_head_alone), (0, "", false));
    });
    let stats = ask(&server, "/stats");
    assert!(stats.text().contains(r#""grpc":1,"refused":0"#), "{}", stats.text());
    assert!(stats.text().contains(r#""calls":{"unary":1,"#), "{}", stats.text());
}

#[test]
fn a_payload_of_a_megabyte_comes_back_whole() {
    let server = server("");
    connected(server.address(), |client| async move {
        // Field 2, its length as a varint, and its bytes, in pieces that end inside messages and their heads.
        let length: usize = 1 << 20;
        let varint = [0x80 | (length & 0x7f) as u8, 0x80 | (length >> 7 & 0x7f) as u8, (length >> 14) as u8];
        let message = [&[0x12], &varint[..], &vec![0xa5; length]].concat();
        let bytes = framed(&message);
        let mut under_way = begin(&client, &format!("{ECHO}/Unary"), &[]).await;
        for piece in [&bytes[..3], &bytes[3..6], &bytes[6..70_000], &bytes[70_000..]] {
            under_way.send(piece.to_vec());
        }
        let called = under_way.end().await.expect("a reply");
        assert_eq!(called.replies.len(), 1);
        assert!(called.replies[0] == [message, vec![0x18, 1]].concat());
    });
}

#[test]
fn streams_of_replies_and_of_requests_are_counted_through() {
    let server = server("");
    connected(server.address(), |client| async move {
        let called =
            call(&client, &format!("{ECHO}/ServerStream"), &[], request("x", 100, 0)).await.expect("replies");
        assert!(called.replies.iter().cloned().eq((1..=100).map(|number| reply("x", number))), "{called:?}");
        assert_eq!((called.status(), called.is_head_alone), (0, false));
        let requests = [request("a", 0, 0), request("b", 0, 0), request("c", 0, 0)].concat();
        let called = call(&client, &format!("{ECHO}/ClientStream"), &[], requests).await.expect("a reply");
        assert_eq!((called.status(), called.replies), (0, vec![reply("c", 3)]));
        let called = call(&client, &format!("{ECHO}/ClientStream"), &[], Vec::new()).await.expect("a reply");
        // Fields that are empty are left out.
        assert_eq!((called.status(), called.replies), (0, vec![Vec::new()]));
    });
    let stats = ask(&server, "/stats");
    assert!(stats.text().contains(r#""grpc":102}"#), "{}", stats.text());
    let calls =
        r#""calls":{"unary":0,"server_stream":1,"client_stream":2,"bidi":0,"reflection":0,"failed":0}"#;
    assert!(stats.text().contains(calls), "{}", stats.text());
}

#[test]
fn both_sides_of_a_bidirectional_call_may_take_turns() {
    let server = server("");
    connected(server.address(), |client| async move {
        let mut call = begin(&client, &format!("{ECHO}/Bidi"), &[]).await;
        call.send(request("turn", 0, 0));
        let Call { mut requests, response } = call;
        let mut body = response.await.expect("a response").into_body();
        for number in 1..=5 {
            let data = body.data().await.expect("a reply").expect("an open stream");
            assert_eq!(messages(&received(&mut body, data)), [reply("turn", number)]);
            requests.send_data(request("turn", 0, 0).into(), number == 5).expect("an open stream");
        }
        let last = body.data().await.expect("a reply").expect("an open stream");
        assert_eq!(messages(&last), [reply("turn", 6)]);
        assert!(body.data().await.is_none());
        let trailers = body.trailers().await.expect("an open stream").expect("trailers");
        assert_eq!(trailers["grpc-status"], "0");
    });
}

#[test]
fn what_is_wrong_with_a_call_is_told_by_its_status() {
    let server = server("");
    connected(server.address(), |client| async move {
        let compressed = [&[1, 0, 0, 0, 1][..], b"x"].concat();
        let endless = [0, 0x7f, 0xff, 0xff, 0xff].to_vec();
        let cases = [
            ("Unary", vec![], request("x", 0, 7), 7, "as the request asks"),
            ("Unary", vec![], request("x", 0, 17), 3, "status is at most 16"),
            ("Other", vec![], request("x", 0, 0), 12, "no such method"),
            ("Unary", vec![], compressed, 12, "compressed"),
            ("Unary", vec![("grpc-encoding", "gzip")], request("x", 0, 0), 12, "compressed"),
            ("Unary", vec![], endless, 8, "at most 4 MiB"),
            ("Unary", vec![], Vec::new(), 13, "no message"),
            ("Unary", vec![], request("x", 0, 0).repeat(2), 13, "several messages"),
            ("Unary", vec![], request("x", 0, 0)[..4].to_vec(), 13, "ends inside a message"),
            ("Unary", vec![], framed(&[0x0a, 0x05, b'x']), 13, "not the message"),
            ("Unary", vec![("grpc-timeout", "soon")], request("x", 0, 0), 13, "eight digits"),
            ("Unary", vec![("behaviour", "error=2%25")], request("x", 0, 0), 0, ""),
            ("Unary", vec![("behaviour", "error=2")], request("x", 0, 0), 3, "error=2: `2` is not a rate"),
        ];
        for (method, headers, requests, status, message) in cases {
            let path = format!("{ECHO}/{method}");
            let called = call(&client, &path, &headers, requests).await.expect("a response");
            assert_eq!(called.status(), status, "{method} {headers:?}: {called:?}");
            assert!(called.message().contains(message), "{method} {headers:?}: {called:?}");
            assert_eq!(called.is_head_alone, status != 0, "without a reply nothing follows the head");
        }
        // A stream has begun by then, and its status comes behind it.
        let requests = [request("x", 0, 0), request("x", 0, 5)].concat();
        let called = call(&client, &format!("{ECHO}/Bidi"), &[], requests).await.expect("a reply");
        assert_eq!((called.replies.len(), called.status(), called.is_head_alone), (1, 5, false));
    });
    let stats = ask(&server, "/stats");
    assert!(stats.text().contains(r#""failed":13}"#), "{}", stats.text());
}

#[test]
fn a_call_ends_at_its_deadline() {
    let server = server("");
    connected(server.address(), |client| async move {
        let started = Instant::now();
        let terms = [("grpc-timeout", "50m"), ("behaviour", "service=fixed:1h")];
        let called =
            call(&client, &format!("{ECHO}/Unary"), &terms, request("x", 0, 0)).await.expect("a response");
        assert_eq!((called.status(), called.replies.len()), (4, 0));
        assert!(started.elapsed() >= MS(50), "{:?}", started.elapsed());
        let terms = [("grpc-timeout", "100000u"), ("behaviour", "service=fixed:1h")];
        let called =
            call(&client, &format!("{ECHO}/ServerStream"), &terms, request("x", 9, 0)).await.expect("an end");
        assert_eq!((called.status(), called.is_head_alone), (4, false));
    });
}

#[test]
fn replies_meet_the_behaviour_as_responses_do() {
    let server = server("");
    connected(server.address(), |client| async move {
        let started = Instant::now();
        let slow = [("behaviour", "service=fixed:20ms")];
        let called =
            call(&client, &format!("{ECHO}/ServerStream"), &slow, request("x", 5, 0)).await.expect("replies");
        assert_eq!(called.replies.len(), 5);
        assert!(started.elapsed() >= MS(100), "one after the other: {:?}", started.elapsed());
        let error = [("behaviour", "error=1")];
        let called =
            call(&client, &format!("{ECHO}/Unary"), &error, request("x", 0, 0)).await.expect("a response");
        assert_eq!(called.status(), 13);
        for method in ["Unary", "Bidi"] {
            let reset = [("behaviour", "reset=1")];
            let error = call(&client, &format!("{ECHO}/{method}"), &reset, request("x", 0, 0)).await;
            let error = error.expect_err("a reset");
            assert!(error.is_remote() && error.is_reset(), "{method}: {error}");
            assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR), "{method}");
        }
        let called = call(&client, &format!("{ECHO}/Unary"), &[], request("x", 0, 0)).await.expect("a reply");
        assert_eq!(called.status(), 0, "the connection is kept");
    });
}

#[test]
fn a_call_that_its_client_gives_up_ends_on_the_server_too() {
    let server = server("");
    let address = server.address();
    connected(address, |client| async move {
        let slow = [("behaviour", "service=fixed:10ms")];
        let mut call = begin(&client, &format!("{ECHO}/ServerStream"), &slow).await;
        // A hundred replies take a second.
        call.send(request("x", 100, 0));
        let Call { mut requests, response } = call;
        requests.send_data(Bytes::new(), true).expect("an open stream");
        let mut body = response.await.expect("a response").into_body();
        body.data().await.expect("a reply").expect("an open stream");
        requests.send_reset(Reason::CANCEL);
        drop(body);
        // What was asked for later on the connection is answered, so the reset has been read.
        call_once(&client).await;
    });
    let replies = || {
        let stats = ask(&server, "/stats");
        let (_, rest) = stats.text().split_once(r#""websocket":0,"grpc":"#).expect("a count");
        rest.split('}').next().expect("a number").parse::<u64>().expect("a number")
    };
    let seen = replies();
    std::thread::sleep(MS(1500));
    assert_eq!(replies(), seen, "replies that nobody waits for");
}

async fn call_once(client: &SendRequest<Bytes>) {
    let called = call(client, &format!("{ECHO}/Unary"), &[], request("x", 0, 0)).await.expect("a reply");
    assert_eq!(called.status(), 0);
}

#[test]
fn reflection_tells_the_service_and_its_file() {
    let server = server("error=1");
    connected(server.address(), |client| async move {
        for version in ["v1", "v1alpha"] {
            let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
            // Fields 7, 4 and 3 of the request: all services, what has a symbol, and a file by its name.
            let question = |field: u8, text: &str| {
                framed(&[&[field << 3 | 2, text.len() as u8], text.as_bytes()].concat())
            };
            let questions = [
                question(7, ""),
                question(4, "vajra.testbed.EchoReply"),
                question(3, "echo.proto"),
                question(4, "vajra.testbed.Other"),
            ];
            let called = call(&client, &path, &[], questions.concat()).await.expect("answers");
            assert_eq!((called.status(), called.replies.len()), (0, 4), "{version}");
            let has = |at: usize, text: &str| {
                let found = called.replies[at].windows(text.len()).any(|window| window == text.as_bytes());
                assert!(found, "{version}: `{text}` in {:?}", called.replies[at]);
            };
            // Field 6 of the response, field 1 of the list, field 1 of the service.
            let services = [&[0x32, 22, 0x0a, 20, 0x0a, 18][..], b"vajra.testbed.Echo"].concat();
            assert!(called.replies[0].ends_with(&services), "{version}: {:?}", called.replies[0]);
            for at in [1, 2] {
                ["echo.proto", "EchoRequest", "ServerStream"].iter().for_each(|name| has(at, name));
            }
            // Field 7, whose field 1 is NOT_FOUND.
            assert!(
                called.replies[3].windows(2).any(|window| window == [0x08, 5]),
                "{:?}",
                called.replies[3]
            );
        }
    });
}

#[test]
fn http_1_is_no_grpc() {
    let server = server("");
    let mut client = crate::client::Client::connect(&server);
    client.write(&format!(
        "POST {ECHO}/Unary HTTP/1.1\r\nhost: t\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n"
    ));
    assert_eq!(client.response().status, 404);
}
