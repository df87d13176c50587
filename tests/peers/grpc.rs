//! Servers of gRPC: grpcio's, proxies before it, and one that does what none may.

use super::{PATIENCE, Peer, await_port, free_port, scripted, start};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

/// Python with the packages of `tests/peers/requirements.txt`.
pub(crate) const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/bin/python");
const GREETER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/greeter.py");
/// The file that says what grpcio's server takes.
pub(crate) const GREET: &str = "syntax = \"proto3\";\npackage greet;\n\
    message HelloRequest { string name = 1; uint32 times = 2; uint32 fails_with = 3; }\n\
    message HelloReply { string text = 1; uint32 number = 2; }\n\
    service Greeter {\n  rpc SayHello(HelloRequest) returns (HelloReply);\n\
    rpc SayOften(HelloRequest) returns (stream HelloReply);\n\
    rpc Gather(stream HelloRequest) returns (HelloReply);\n\
    rpc Chat(stream HelloRequest) returns (stream HelloReply);\n}\n";

const HEADERS: u8 = 1;
const DATA: u8 = 0;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// grpcio's server, with reflection or without.
pub(crate) fn greeter(reflects: bool) -> Peer {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let counts = folder.path().join("counts.json");
    let reflection = if reflects { "reflection" } else { "none" };
    let mut command = Command::new(PYTHON);
    start(command.arg(GREETER).arg(port.to_string()).arg(counts).arg(reflection), folder, port)
}

/// What grpcio's server has seen, once it has seen so many calls.
pub(crate) fn seen(greeter: &Peer, calls: u64) -> Value {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(greeter.path("counts.json")).unwrap_or_default();
        let seen: Value = serde_json::from_str(&text).unwrap_or_default();
        let count =
            seen["calls"].as_object().map_or(0, |calls| calls.values().filter_map(Value::as_u64).sum());
        if count >= calls {
            assert_eq!(count, calls, "{seen}");
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{count} calls of {calls}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// nginx before a server of gRPC.
pub(crate) fn nginx_before(port_behind: u16) -> Peer {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let root = folder.path().display();
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 1000000;\n\
         client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
         upstream behind {{ server 127.0.0.1:{port_behind}; keepalive 16; }}\n\
         server {{ listen 127.0.0.1:{port} http2; location / {{ grpc_pass grpc://behind; }} }} }}\n"
    );
    let path = folder.path().join("nginx.conf");
    fs::write(&path, config).unwrap();
    start(Command::new("nginx").arg("-c").arg(path).arg("-p").arg(folder.path()), folder, port)
}

/// HAProxy before a server of gRPC.
pub(crate) fn haproxy_before(port_behind: u16) -> Peer {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let config = format!(
        "defaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s\n\
         frontend front\n  bind 127.0.0.1:{port} proto h2\n  default_backend behind\n\
         backend behind\n  server one 127.0.0.1:{port_behind} proto h2\n"
    );
    let path = folder.path().join("haproxy.cfg");
    fs::write(&path, config).unwrap();
    start(Command::new("haproxy").arg("-f").arg(path), folder, port)
}

/// How a server that does what none may responds to a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// With a status in the first header alone.
    TrailersOnly,
    /// Without any status.
    NoStatus,
    /// With a message that says that it is compressed.
    Compressed,
    /// With a message that is longer than the body.
    LongerThanBody,
    /// As a server of pages does.
    Page,
}

impl Fault {
    /// The frames of a response, but for their streams: type, flags, payload.
    fn frames(self) -> Vec<(u8, u8, Vec<u8>)> {
        let literal = |name: &str, value: &str| {
            let text = |text: &str| [&[text.len() as u8][..], text.as_bytes()].concat();
            [vec![0], text(name), text(value)].concat()
        };
        let head = |fields: &[(&str, &str)]| {
            let fields = fields.iter().map(|(name, value)| literal(name, value));
            [vec![0x88], fields.collect::<Vec<_>>().concat()].concat()
        };
        let of_grpc = ("content-type", "application/grpc");
        let ok = (HEADERS, END_HEADERS | END_STREAM, literal("grpc-status", "0"));
        let begin = (HEADERS, END_HEADERS, head(&[of_grpc]));
        match self {
            Fault::TrailersOnly => {
                vec![(HEADERS, END_HEADERS | END_STREAM, head(&[of_grpc, ("grpc-status", "8")]))]
            }
            Fault::NoStatus => vec![begin, (DATA, END_STREAM, vec![0, 0, 0, 0, 0])],
            Fault::Compressed => vec![begin, (DATA, 0, vec![1, 0, 0, 0, 1, 7]), ok],
            Fault::LongerThanBody => vec![begin, (DATA, 0, vec![0, 0, 0, 0, 9, 7]), ok],
            Fault::Page => {
                let page = head(&[("content-type", "text/html")]);
                vec![(HEADERS, END_HEADERS, page), (DATA, END_STREAM, b"<html>".to_vec())]
            }
        }
    }
}

/// A server whose every call ends so.
pub(crate) fn faulty(fault: Fault) -> u16 {
    let port = scripted(move |mut stream| {
        // The end of a connection is an error of reading.
        let _ = serve(&mut stream, fault);
    });
    await_port(port);
    port
}

fn serve(stream: &mut TcpStream, fault: Fault) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 24])?;
    write(stream, (SETTINGS, 0, Vec::new()), 0)?;
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let number = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        stream.read_exact(&mut vec![0; length])?;
        match (header[3], header[4]) {
            (SETTINGS, 0) => write(stream, (SETTINGS, 1, Vec::new()), 0)?,
            (DATA, flags) if flags & END_STREAM != 0 => {
                fault.frames().into_iter().try_for_each(|frame| write(stream, frame, number))?;
            }
            _ => {}
        }
    }
}

fn write(
    stream: &mut TcpStream,
    (kind, flags, payload): (u8, u8, Vec<u8>),
    number: u32,
) -> std::io::Result<()> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(number.to_be_bytes());
    frame.extend(payload);
    stream.write_all(&frame)
}
