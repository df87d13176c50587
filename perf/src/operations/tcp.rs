//! A message of bytes and the response to it, in the machine alone: neither the loop nor a kernel. The response is the message, as an echo's is.

use super::operation::{CountedOperation, Work};
use engine::bucket::Arrival;
use engine::config::{Config, RequestConfig, TcpConfig, Text};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::Plan;
use engine::seams::Source;
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::protocol::{Place, Protocol, Sending, Single};

const BATCH: u64 = 4_000;

/// By what ends a response, and what messages are made of.
pub const OPERATIONS: [CountedOperation; 3] = [
    CountedOperation { noun: "tcp", name: "delimiter", batch: BATCH, make: delimiter },
    CountedOperation { noun: "tcp", name: "length", batch: BATCH, make: length },
    CountedOperation { noun: "tcp", name: "rendered", batch: BATCH, make: rendered },
];

fn delimiter() -> Work {
    work("hello, this is a message of some bytes\r\n", "delimiter:\\r\\n")
}

fn length() -> Work {
    work("\0\0\0\u{26}hello, this is a message of some bytes", "length:be32")
}

fn rendered() -> Work {
    work("GET {{seq}} {{rand 1 1000000}}\n", "delimiter:\\n")
}

fn work(text: &str, ends: &str) -> Work {
    let mut connection = EchoedStream::new(text, ends);
    Box::new(move |count| (0..count).for_each(|_| connection.exchange()))
}

/// A connection of ours in memory, to whatever returns its bytes.
struct EchoedStream {
    mix: Mix,
    shared: AnyShared,
    protocol: AnyProtocol,
    memory: Vec<u8>,
    number: u64,
    response: Vec<u8>,
}

impl EchoedStream {
    fn new(text: &str, ends: &str) -> EchoedStream {
        let plan = plan(text, ends);
        let mix = shards::mixes(&plan).expect("the message can be encoded").remove(0);
        let mut shared = shards::any_shared(&plan, 0).expect("no file is read");
        let mut protocol = AnyProtocol::new(&shared);
        let mut memory = vec![0; AnyProtocol::outbox_bytes(&shared, mix.steps()[0].bytes_max, 1)];
        let opened = protocol.opened(&mut shared, &mut Outbox::new(&mut memory, &mut 0));
        opened.expect("a connection begins");
        EchoedStream { mix, shared, protocol, memory, number: 0, response: Vec::with_capacity(256) }
    }

    #[inline]
    fn exchange(&mut self) {
        let mut filled = 0;
        let mut out = Outbox::new(&mut self.memory, &mut filled);
        let call = self.mix.begin(Arrival::default());
        let request = Sending { call, number: self.number, place: Place::FIRST };
        self.number += 1;
        let sent = self.protocol.send(&mut self.shared, &mut self.mix, request, &mut out);
        sent.expect("the connection is open");
        self.response.clear();
        self.response.extend_from_slice(out.bytes());
        let mut on = Single::new(&self.mix.steps()[0]);
        let taken = self.protocol.receive(&mut self.shared, &mut self.response, &mut out, &mut on);
        taken.expect("the response is one");
        assert!(on.response.is_some_and(|response| response.is_ok), "it is the response to the message");
    }
}

fn plan(message: &str, ends: &str) -> Plan {
    let given = |text: &str| Some(Text(text.to_owned()));
    let request = vec![RequestConfig { text: given(message), ..RequestConfig::default() }];
    let tcp = TcpConfig { ends: given(ends), ..TcpConfig::default() };
    let config = Config { url: given("tcp://localhost:9"), tcp, request, ..Config::default() };
    Plan::new(&config, &|_| Err(String::new())).expect("the plan can run")
}
