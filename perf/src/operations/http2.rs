//! One request of HTTP/2 and its response, in the machine alone: neither the loop nor a kernel.
//!
//! The request has been sent before on its connection, so that it is a few indices. The response is one as nginx sends it: a HEADERS
//! frame that says what the one before it said, and the body in DATA frames.

use super::operation::{CountedOperation, Work};
use engine::bucket::Arrival;
use engine::config::{Config, HttpConfig, RequestConfig, Text};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::Plan;
use engine::seams::Source;
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::protocol::{Place, Protocol, Readiness, Sending, Single};

/// As many bytes as arrive at a time.
const RECEIVE_BYTES: usize = 16 << 10;
/// As nginx cuts its bodies.
const DATA_BYTES: usize = 8 << 10;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const DATA: u8 = 0;
const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;
/// Of a request and of each response.
const FRAME_HEADER_BYTES: usize = 9;
const BATCH: u64 = 4_000;

/// By size of the response and by what the request is made of.
pub const OPERATIONS: [CountedOperation; 3] = [
    CountedOperation { noun: "http2", name: "small_response", batch: BATCH, make: small },
    CountedOperation { noun: "http2", name: "64_kib_response", batch: BATCH, make: large },
    CountedOperation { noun: "http2", name: "rendered_request", batch: BATCH, make: rendered },
];

fn small() -> Work {
    work(RequestConfig::default(), 12)
}

fn large() -> Work {
    work(RequestConfig::default(), 64 << 10)
}

fn rendered() -> Work {
    let path = Some(Text("/echo?item={{seq}}&pick={{rand 1 1000000}}".into()));
    work(RequestConfig { path, ..RequestConfig::default() }, 12)
}

fn work(request: RequestConfig, body_bytes: usize) -> Work {
    let mut connection = MemoryConnection::new(request, body_bytes);
    // The first is sent in full, and its response is not known.
    (0..2).for_each(|_| connection.exchange());
    Box::new(move |count| (0..count).for_each(|_| connection.exchange()))
}

/// A connection of ours in memory, to a server that is a list of frames.
struct MemoryConnection {
    mix: Mix,
    shared: AnyShared,
    protocol: AnyProtocol,
    memory: Vec<u8>,
    filled: usize,
    number: u64,
    response: Vec<u8>,
    /// Where in it the stream stands.
    streams_at: Vec<usize>,
}

impl MemoryConnection {
    /// Ready for its first request.
    fn new(request: RequestConfig, body_bytes: usize) -> MemoryConnection {
        let plan = plan(request);
        let mix = shards::mixes(&plan).expect("the request can be encoded").remove(0);
        let mut shared = shards::any_shared(&plan, 0).expect("no file is read");
        let mut protocol = AnyProtocol::new(&shared);
        let (mut memory, mut filled) =
            (vec![0; AnyProtocol::outbox_bytes(&shared, mix.steps()[0].bytes_max, 1)], 0);
        let mut out = Outbox::new(&mut memory, &mut filled);
        protocol.opened(&mut shared, &mut out).expect("a connection begins");
        let mut on = Single::new(&mix.steps()[0]);
        let mut greeting = frame(SETTINGS, 0, &[]);
        protocol.receive(&mut shared, &mut greeting, &mut out, &mut on).expect("settings are taken");
        assert!(matches!(protocol.readiness(), Readiness::Ready { .. }));
        let (response, streams_at) = response(body_bytes);
        MemoryConnection { mix, shared, protocol, memory, filled, number: 0, response, streams_at }
    }

    #[inline]
    fn exchange(&mut self) {
        self.filled = 0;
        let mut out = Outbox::new(&mut self.memory, &mut self.filled);
        let call = self.mix.begin(Arrival::default());
        let request = Sending { call, number: self.number, place: Place::FIRST };
        self.number += 1;
        let sent = self.protocol.send(&mut self.shared, &mut self.mix, request, &mut out);
        sent.expect("the connection is ready");
        let stream: [u8; 4] = out.bytes()[5..FRAME_HEADER_BYTES].try_into().expect("a frame has a stream");
        for &at in &self.streams_at {
            self.response[at..at + 4].copy_from_slice(&stream);
        }
        let mut on = Single::new(&self.mix.steps()[0]);
        for piece in self.response.chunks_mut(RECEIVE_BYTES) {
            let taken = self.protocol.receive(&mut self.shared, piece, &mut out, &mut on);
            taken.expect("the response is one");
        }
        assert_eq!(on.response.map(|response| response.code), Some(200));
    }
}

/// The frames of a response, and where the stream stands in each.
fn response(body_bytes: usize) -> (Vec<u8>, Vec<usize>) {
    let length = body_bytes.to_string();
    // Each field is inserted, as nginx does: by the index of its name in the static table.
    let mut block = vec![0x88];
    for (name, value) in [
        (54, "nginx/1.22.1"),
        (33, "Sat, 28 Nov 2026 14:00:00 GMT"),
        (31, "application/octet-stream"),
        (28, length.as_str()),
        (44, "Sat, 28 Nov 2026 13:00:00 GMT"),
    ] {
        block.extend([0x40 | name, value.len() as u8]);
        block.extend(value.as_bytes());
    }
    let (mut bytes, mut streams_at) = (Vec::new(), Vec::new());
    let mut push = |kind: u8, flags: u8, payload: &[u8]| {
        streams_at.push(bytes.len() + 5);
        bytes.extend(frame(kind, flags, payload));
    };
    push(HEADERS, END_HEADERS, &block);
    let body = vec![b'x'; body_bytes];
    let last = body_bytes.div_ceil(DATA_BYTES) - 1;
    for (index, piece) in body.chunks(DATA_BYTES).enumerate() {
        push(DATA, if index == last { END_STREAM } else { 0 }, piece);
    }
    (bytes, streams_at)
}

/// A frame of stream 0.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

fn plan(request: RequestConfig) -> Plan {
    let http = HttpConfig { version: Some(Text("2-prior-knowledge".into())), ..HttpConfig::default() };
    let url = Some(Text("http://localhost/".into()));
    let config = Config { url, http, request: vec![request], ..Config::default() };
    Plan::new(&config, &|name| Err(format!("no file {name} here"))).expect("the plan is valid")
}
