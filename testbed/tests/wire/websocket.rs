//! The WebSocket at `/ws`, spoken to in frames that are written and read byte by byte, as RFC 6455 has them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use vajra_testbed::{Server, TlsOptions};

use crate::client::{ask, server, tls_server, tls_stream};
use crate::curl::{curl, url};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// The key and the answer to it that the standard has as its example.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// The bit of a frame that is the last of its message.
const FINAL: u8 = 0x80;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// An end of a WebSocket, over whatever carries bytes.
struct Socket<S>(S);

fn tcp(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a valid timeout");
    stream
}

fn request(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nhost: t\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: {KEY}\r\n{more}\r\n"
    )
}

/// An open socket on a server.
fn open(server: &Server, target: &str) -> Socket<TcpStream> {
    let (socket, head) = Socket::open(tcp(server), target, "");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    socket
}

/// A frame as a client sends it: masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        medium @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
    frame
}

impl<S: Read + Write> Socket<S> {
    fn open(stream: S, target: &str, more: &str) -> (Socket<S>, String) {
        let mut socket = Socket(stream);
        socket.write(request(target, more).as_bytes());
        let head = socket.head();
        (socket, head)
    }

    /// Everything until the empty line of a response's head.
    fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.take(1));
        }
        String::from_utf8(head).expect("a text")
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("an open connection");
        self.0.flush().expect("an open connection");
    }

    fn send(&mut self, first: u8, payload: &[u8]) {
        self.write(&frame(first, payload));
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).expect("as many bytes");
        bytes
    }

    /// The next frame: its first byte and its payload. A server's are not masked.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.take(2);
        let length = match head[1] {
            126 => u16::from_be_bytes(self.take(2).try_into().expect("two bytes")).into(),
            127 => u64::from_be_bytes(self.take(8).try_into().expect("eight bytes")),
            short @ 0..=125 => short.into(),
            masked => panic!("a masked frame from a server: {masked}"),
        };
        (head[0], self.take(length as usize))
    }

    /// The code with which the server closes.
    fn close_code(&mut self) -> u16 {
        let (first, payload) = self.frame();
        assert_eq!(first, FINAL | CLOSE, "{payload:?}");
        u16::from_be_bytes([payload[0], payload[1]])
    }

    fn is_ended(&mut self) -> bool {
        self.0.read(&mut [0]).is_ok_and(|read_bytes| read_bytes == 0)
    }
}

#[test]
fn an_opening_is_answered_as_the_standard_says() {
    let server = server("");
    let (_, head) = Socket::open(tcp(&server), "/ws", "");
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines[0], "HTTP/1.1 101 Switching Protocols");
    for line in ["connection: upgrade", "upgrade: websocket", &format!("sec-websocket-accept: {ACCEPT}")] {
        assert!(lines.contains(&line), "{line} in {head}");
    }
    // A body has no place here, and a subprotocol was not asked for.
    for header in ["content-length", "transfer-encoding", "sec-websocket-protocol"] {
        assert!(!head.contains(header), "{head}");
    }
}

#[test]
fn the_first_subprotocol_that_is_offered_is_taken() {
    let server = server("");
    let (_, head) = Socket::open(tcp(&server), "/ws", "sec-websocket-protocol: chat, superchat\r\n");
    assert!(head.contains("sec-websocket-protocol: chat\r\n"), "{head}");
}

#[test]
fn messages_of_every_length_come_back_as_they_were() {
    let server = server("");
    let mut socket = open(&server, "/ws");
    for length in [0, 1, 125, 126, 65_535, 65_536, 1_000_000] {
        for opcode in [TEXT, BINARY] {
            let message: Vec<u8> = (0..length).map(|at| b'a' + (at % 26) as u8).collect();
            socket.send(FINAL | opcode, &message);
            assert!(socket.frame() == (FINAL | opcode, message), "{length} bytes of opcode {opcode}");
        }
    }
    let stats = ask(&server, "/stats");
    assert!(stats.text().contains(r#""/ws":1,"#), "{}", stats.text());
    assert!(stats.text().contains(r#""messages":{"websocket":14"#), "{}", stats.text());
}

#[test]
fn a_message_sent_together_with_the_opening_is_not_lost() {
    let server = server("");
    let mut socket = Socket(tcp(&server));
    socket.write(&[request("/ws", "").as_bytes(), &frame(FINAL | TEXT, b"early")].concat());
    assert!(socket.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(socket.frame(), (FINAL | TEXT, b"early".to_vec()));
}

#[test]
fn fragments_are_one_message_and_a_ping_between_them_is_answered_at_once() {
    let server = server("");
    let mut socket = open(&server, "/ws");
    socket.send(TEXT, b"one ");
    socket.send(FINAL | PING, b"here?");
    assert_eq!(socket.frame(), (FINAL | PONG, b"here?".to_vec()));
    socket.send(CONTINUATION, b"mess");
    socket.send(FINAL | CONTINUATION, b"age");
    assert_eq!(socket.frame(), (FINAL | TEXT, b"one message".to_vec()));
}

#[test]
fn a_close_is_answered_with_the_same_code_and_the_connection_ends() {
    let server = server("");
    let mut socket = open(&server, "/ws");
    socket.send(FINAL | CLOSE, &4000u16.to_be_bytes());
    assert_eq!(socket.close_code(), 4000);
    assert!(socket.is_ended());
}

#[test]
fn who_breaks_the_rules_is_told_which_kind_of_rule() {
    let server = server("");
    let unmasked = [FINAL | TEXT, 2, b'h', b'i'].to_vec();
    let endless = [&[FINAL | BINARY, 0x80 | 127][..], &(1u64 << 40).to_be_bytes(), &MASK].concat();
    let cases = [
        ("an unmasked frame", unmasked, 1002),
        ("a reserved opcode", frame(FINAL | 3, b""), 1002),
        ("a continuation of nothing", frame(FINAL | CONTINUATION, b"x"), 1002),
        ("a ping in two parts", frame(PING, b"x"), 1002),
        ("text that is not UTF-8", frame(FINAL | TEXT, &[0xc3, 0x28]), 1007),
        ("a terabyte", endless, 1009),
    ];
    for (what, bytes, code) in cases {
        let mut socket = open(&server, "/ws");
        socket.write(&bytes);
        assert_eq!(socket.close_code(), code, "{what}");
        assert!(socket.is_ended(), "{what}");
    }
}

#[test]
fn each_message_takes_the_service_time() {
    let server = server("");
    let mut socket = open(&server, "/ws?service=fixed:30ms");
    let started = Instant::now();
    for number in 0..4u8 {
        socket.send(FINAL | BINARY, &[number]);
    }
    for number in 0..4u8 {
        assert_eq!(socket.frame(), (FINAL | BINARY, vec![number]));
    }
    assert!(started.elapsed() >= MS(120), "one after the other: {:?}", started.elapsed());
}

#[test]
fn messages_wait_for_the_end_of_a_silence() {
    let before_start = Instant::now();
    let server = server("");
    std::thread::sleep(MS(20));
    let mut socket = open(&server, "/ws?stall=399ms/400ms");
    // The opening waited for the end of the first silence, and this message meets the next.
    std::thread::sleep(MS(20));
    socket.send(FINAL | TEXT, b"hello");
    assert_eq!(socket.frame().1, b"hello");
    assert!(before_start.elapsed() >= MS(800), "{:?}", before_start.elapsed());
}

/// Sends messages until one is not returned; and opens sockets until one opens, since openings have the same fates.
fn until_a_fate(server: &Server, target: &str) -> Socket<TcpStream> {
    let opened = (0..100).map(|_| Socket::open(tcp(server), target, ""));
    let open = opened.map(|(socket, head)| (socket, head.starts_with("HTTP/1.1 101 ")));
    let (mut socket, _) = open.into_iter().find(|(_, is_open)| *is_open).expect("one in two opens");
    for _ in 0..100 {
        socket.send(FINAL | TEXT, b"x");
        let mut first = [0];
        match socket.0.peek(&mut first) {
            Ok(1) if first == [FINAL | TEXT] => assert_eq!(socket.frame().1, b"x"),
            _ => return socket,
        }
    }
    panic!("a hundred messages were returned, and one in two should not be");
}

#[test]
fn an_error_closes_with_its_own_code() {
    let server = server("");
    assert_eq!(until_a_fate(&server, "/ws?error=50%25").close_code(), 1011);
}

#[test]
fn a_reset_is_one_of_the_connection() {
    let server = server("");
    // The seed is fixed: this opening is not reset, and some message is.
    let mut socket = open(&server, "/ws?reset=5%25");
    let ended = (0..10_000).find_map(|_| {
        let written = socket.0.write_all(&frame(FINAL | TEXT, b"x"));
        written.and_then(|()| socket.0.read_exact(&mut [0; 3])).err()
    });
    let kind = ended.expect("one in twenty is reset").kind();
    assert!([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&kind), "{kind:?}");
}

#[test]
fn what_opens_no_websocket_is_told_how_one_is_opened() {
    let server = server("");
    let response = ask(&server, "/ws");
    assert_eq!((response.status, response.header("upgrade")), (426, Some("websocket")));
    assert_eq!(response.header("sec-websocket-version"), Some("13"));
    let over_http2 = curl(&["--http2-prior-knowledge", "--write-out", "%{http_code}", &url(&server, "/ws")]);
    assert!(over_http2.text().ends_with("400"), "{}", over_http2.text());
    let mut socket = Socket(tcp(&server));
    socket.write(request("/ws", "").replace(KEY, "short").as_bytes());
    assert!(socket.head().starts_with("HTTP/1.1 400 "));
}

#[test]
fn a_server_that_stops_says_so() {
    let mut server = server("");
    let mut socket = open(&server, "/ws");
    let stopped = std::thread::spawn(move || server.stop());
    assert_eq!(socket.close_code(), 1001);
    assert!(socket.is_ended());
    drop(socket);
    stopped.join().expect("the server stops");
}

#[test]
fn it_is_the_same_under_tls() {
    let server = tls_server("", TlsOptions::default());
    let (mut socket, head) = Socket::open(tls_stream(&server, tcp(&server)), "/ws", "");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    socket.send(FINAL | TEXT, b"hello");
    assert_eq!(socket.frame(), (FINAL | TEXT, b"hello".to_vec()));
}
