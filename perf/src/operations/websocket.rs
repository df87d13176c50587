//! A message of WebSocket and its reply, in the machine alone: neither the loop nor a kernel. The reply is the message, as an echo's is.

use super::operation::{CountedOperation, Work};
use engine::bucket::Arrival;
use engine::config::{Config, RequestConfig, Text, WebSocketConfig};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::Plan;
use engine::seams::Source;
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::protocol::{Place, Protocol, Readiness, Sending, Single};
use tungstenite::handshake::derive_accept_key;

const BATCH: u64 = 4_000;
/// Where the mask of a message with fewer than 126 bytes stands, and behind it the payload.
const MASK: usize = 2;
const PAYLOAD: usize = 6;
/// The bit of a length that says that there is a mask.
const MASKED: u8 = 0x80;

/// By what messages are made of, and how replies find them.
pub const OPERATIONS: [CountedOperation; 3] = [
    CountedOperation { noun: "websocket", name: "constant", batch: BATCH, make: constant },
    CountedOperation { noun: "websocket", name: "rendered", batch: BATCH, make: rendered },
    CountedOperation { noun: "websocket", name: "by_id", batch: BATCH, make: by_id },
];

fn constant() -> Work {
    work("hello, this is a message of some bytes", "order")
}

fn rendered() -> Work {
    work("{\"id\":{{seq}},\"pick\":{{rand 1 1000000}}}", "order")
}

fn by_id() -> Work {
    work("{\"pick\":{{rand 1 1000000}},\"id\":{{seq}}}", "json:/id")
}

fn work(text: &str, matching: &str) -> Work {
    let mut connection = EchoedConnection::new(text, matching);
    Box::new(move |count| (0..count).for_each(|_| connection.exchange()))
}

/// A connection of ours in memory, to whatever returns its messages.
struct EchoedConnection {
    mix: Mix,
    shared: AnyShared,
    protocol: AnyProtocol,
    memory: Vec<u8>,
    filled: usize,
    number: u64,
    reply: Vec<u8>,
}

impl EchoedConnection {
    /// Open, and ready for its first message.
    fn new(text: &str, matching: &str) -> EchoedConnection {
        let plan = plan(text, matching);
        let mix = shards::mixes(&plan).expect("the message can be encoded").remove(0);
        let mut shared = shards::any_shared(&plan, 0).expect("no file is read");
        let mut protocol = AnyProtocol::new(&shared);
        let (mut memory, mut filled) =
            (vec![0; AnyProtocol::outbox_bytes(&shared, mix.steps()[0].bytes_max, 1)], 0);
        let mut out = Outbox::new(&mut memory, &mut filled);
        protocol.opened(&mut shared, &mut out).expect("a connection begins");
        let mut response = opening(out.bytes());
        let mut on = Single::new(&mix.steps()[0]);
        protocol.receive(&mut shared, &mut response, &mut out, &mut on).expect("it is opened");
        assert!(matches!(protocol.readiness(), Readiness::Ready { .. }));
        EchoedConnection { mix, shared, protocol, memory, filled, number: 0, reply: Vec::with_capacity(256) }
    }

    #[inline]
    fn exchange(&mut self) {
        self.filled = 0;
        let mut out = Outbox::new(&mut self.memory, &mut self.filled);
        let call = self.mix.begin(Arrival::default());
        let request = Sending { call, number: self.number, place: Place::FIRST };
        self.number += 1;
        let sent = self.protocol.send(&mut self.shared, &mut self.mix, request, &mut out);
        sent.expect("the connection is open");
        let frame = out.bytes();
        let mask: [u8; PAYLOAD - MASK] = frame[MASK..PAYLOAD].try_into().expect("a message has a mask");
        self.reply.clear();
        self.reply.extend([frame[0], frame[1] & !MASKED]);
        self.reply.extend(frame[PAYLOAD..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        let mut on = Single::new(&self.mix.steps()[0]);
        let taken = self.protocol.receive(&mut self.shared, &mut self.reply, &mut out, &mut on);
        taken.expect("the reply is one");
        assert!(on.response.is_some_and(|response| response.is_ok), "it is the reply to the message");
    }
}

/// The response that opens a WebSocket for whoever sent this request.
fn opening(request: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(request).expect("a request is text");
    let key = text.split("Sec-WebSocket-Key: ").nth(1).and_then(|rest| rest.split('\r').next());
    let accept = derive_accept_key(key.expect("an opening has a key").as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

fn plan(message: &str, matching: &str) -> Plan {
    let given = |text: &str| Some(Text(text.to_owned()));
    let request = vec![RequestConfig { text: given(message), ..RequestConfig::default() }];
    let websocket = WebSocketConfig { matching: given(matching), ..WebSocketConfig::default() };
    let config = Config { url: given("ws://localhost/"), websocket, request, ..Config::default() };
    Plan::new(&config, &|_| Err(String::new())).expect("the plan can run")
}
