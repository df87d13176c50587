//! One unary call of gRPC and its response, in the machine alone: neither the loop nor a kernel.
//!
//! The call has been made before on its connection. The response is one as servers send it: a header, a message in a DATA frame, and
//! trailers, the fields of both inserted into the table each time.

use super::operation::{CountedOperation, Work};
use engine::bucket::Arrival;
use engine::code;
use engine::config::{Config, RequestConfig, Text};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::{GrpcMethod, Plan, Request};
use engine::seams::Source;
use engine::template::{self, LengthForm, Piece};
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::protocol::{Place, Protocol, Readiness, Sending, Single};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const FRAME_HEADER_BYTES: usize = 9;
const BATCH: u64 = 4_000;

/// By what the message is made of.
pub const OPERATIONS: [CountedOperation; 2] = [
    CountedOperation { noun: "grpc", name: "constant_unary", batch: BATCH, make: constant },
    CountedOperation { noun: "grpc", name: "rendered_unary", batch: BATCH, make: rendered },
];

fn constant() -> Work {
    work(vec![Piece::Bytes(b"\x0a\x12a message of twenty".to_vec())])
}

/// `{"name": "u-{{seq}}"}` and a number, as they are encoded.
fn rendered() -> Work {
    let text = template::parse("u-{{seq}}").expect("the hole is one");
    let mut pieces = vec![
        Piece::Bytes(vec![0x0a]),
        Piece::Length { from: 2, to: 2 + text.len(), form: LengthForm::Varint },
    ];
    pieces.extend(text);
    work(pieces)
}

fn work(message: Vec<Piece>) -> Work {
    let mut connection = CallConnection::new(message);
    // The first is sent in full, and its response is not known.
    (0..2).for_each(|_| connection.exchange());
    Box::new(move |count| (0..count).for_each(|_| connection.exchange()))
}

/// A connection of ours in memory, to a server that is a list of frames.
struct CallConnection {
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

impl CallConnection {
    /// Ready for its first call.
    fn new(message: Vec<Piece>) -> CallConnection {
        let plan = plan(message);
        let mix = shards::mixes(&plan).expect("the call can be encoded").remove(0);
        let mut shared = shards::any_shared(&plan, 0).expect("no file is read");
        let mut protocol = AnyProtocol::new(&shared);
        let outbox_bytes = AnyProtocol::outbox_bytes(&shared, mix.steps()[0].bytes_max, 1);
        let (mut memory, mut filled) = (vec![0; outbox_bytes], 0);
        let mut out = Outbox::new(&mut memory, &mut filled);
        protocol.opened(&mut shared, &mut out).expect("a connection begins");
        let mut on = Single::new(&mix.steps()[0]);
        let mut greeting = frame(SETTINGS, 0, &[]);
        protocol.receive(&mut shared, &mut greeting, &mut out, &mut on).expect("settings are taken");
        assert!(matches!(protocol.readiness(), Readiness::Ready { .. }));
        let (response, streams_at) = response();
        CallConnection { mix, shared, protocol, memory, filled, number: 0, response, streams_at }
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
        let taken = self.protocol.receive(&mut self.shared, &mut self.response, &mut out, &mut on);
        taken.expect("the response is one");
        assert_eq!(on.response.map(|response| response.code), Some(code::of_grpc(0)));
    }
}

/// The frames of a response, and where the stream stands in each.
fn response() -> (Vec<u8>, Vec<usize>) {
    let text = |text: &str| [&[text.len() as u8][..], text.as_bytes()].concat();
    // Each field is inserted, by the index of its name in the static table where that has it.
    let head = [vec![0x88, 0x40 | 31], text("application/grpc")].concat();
    let trailers =
        [vec![0x40], text("grpc-status"), text("0"), vec![0x40], text("grpc-message"), text("")].concat();
    let (mut bytes, mut streams_at) = (Vec::new(), Vec::new());
    for (kind, flags, payload) in [
        (HEADERS, END_HEADERS, head),
        (DATA, 0, [&[0, 0, 0, 0, 20][..], &[b'x'; 20]].concat()),
        (HEADERS, END_HEADERS | END_STREAM, trailers),
    ] {
        streams_at.push(bytes.len() + 5);
        bytes.extend(frame(kind, flags, &payload));
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

/// A plan with one call, of which it is known what it takes.
fn plan(message: Vec<Piece>) -> Plan {
    let text = |text: &str| Some(Text(text.into()));
    let request = RequestConfig { call: text("greet.Greeter/SayHello"), ..RequestConfig::default() };
    let config = Config { url: text("grpc://localhost/"), request: vec![request], ..Config::default() };
    let plan = Plan::new(&config, &|name| Err(format!("no file {name} here"))).expect("the plan is valid");
    let method = GrpcMethod {
        input: "greet.HelloRequest".into(),
        output: "greet.HelloReply".into(),
        client_streams: false,
        server_streams: false,
        is_safe: false,
        told_by: "greet.proto".into(),
        encoded: vec![message],
        reply: None,
    };
    let described = plan.changed(|fields| {
        if let Request::Grpc(call) = &mut fields.scenarios[0].steps_mut()[0].request {
            call.described = Some(method);
        }
    });
    described.expect("the plan is valid")
}
