//! A datagram and its reply, in the machine alone: neither the loop nor a kernel. The reply is the message, as an echo's is, or answers it.

use super::operation::{CountedOperation, Work};
use engine::bucket::Arrival;
use engine::config::{Config, RequestConfig, RunConfig, Text, UdpConfig};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::Plan;
use engine::seams::Source;
use engine::url::Scheme;
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::protocol::{Place, Protocol, Sending, Single};
use shards::wire::datagrams;

const BATCH: u64 = 4_000;
/// The bit that makes a query of DNS a response, and the byte it stands in.
const IS_RESPONSE: (usize, u8) = (2, 0x80);

/// By what messages are made of, and how replies find them.
pub const OPERATIONS: [CountedOperation; 3] = [
    CountedOperation { noun: "udp", name: "any", batch: BATCH, make: any },
    CountedOperation { noun: "udp", name: "numbered", batch: BATCH, make: numbered },
    CountedOperation { noun: "udp", name: "dns", batch: BATCH, make: dns },
];

fn any() -> Work {
    let request =
        RequestConfig { text: given("hello, this is a message of some bytes"), ..RequestConfig::default() };
    work("udp://localhost:9000", request, UdpConfig { matching: given("any"), ..UdpConfig::default() })
}

fn numbered() -> Work {
    let request =
        RequestConfig { text: given("....{{seq}}, {{rand 1 1000000}}"), ..RequestConfig::default() };
    work("udp://localhost:9000", request, UdpConfig { matching: given("be32@0"), ..UdpConfig::default() })
}

fn dns() -> Work {
    let request = RequestConfig { dns: given("u-{{seq}}.example.org AAAA"), ..RequestConfig::default() };
    work("dns://localhost", request, UdpConfig::default())
}

fn given(text: &str) -> Option<Text> {
    Some(Text(text.to_owned()))
}

fn work(url: &str, request: RequestConfig, udp: UdpConfig) -> Work {
    let run = RunConfig { pipeline: Some(16), ..RunConfig::default() };
    let config = Config { url: given(url), udp, run, request: vec![request], ..Config::default() };
    let plan = Plan::new(&config, &|_| Err(String::new())).expect("the plan can run");
    let mut socket = EchoedSocket::new(&plan);
    Box::new(move |count| (0..count).for_each(|_| socket.exchange()))
}

/// A socket of ours in memory, to whatever returns its datagrams.
struct EchoedSocket {
    mix: Mix,
    shared: AnyShared,
    protocol: AnyProtocol,
    memory: Vec<u8>,
    filled: usize,
    number: u64,
    reply: Vec<u8>,
    is_dns: bool,
}

impl EchoedSocket {
    fn new(plan: &Plan) -> EchoedSocket {
        let mix = shards::mixes(plan).expect("the message can be encoded").remove(0);
        let mut shared = shards::any_shared(plan, 0).expect("no file is read");
        let mut protocol = AnyProtocol::new(&shared);
        let (memory, filled) = (vec![0; AnyProtocol::outbox_bytes(&shared, mix.steps()[0].bytes_max, 1)], 0);
        protocol.opened(&mut shared, &mut Outbox::new(&mut [], &mut 0)).expect("a socket needs nothing");
        let is_dns = plan.targets[0].url.scheme == Scheme::Dns;
        EchoedSocket {
            mix,
            shared,
            protocol,
            memory,
            filled,
            number: 0,
            reply: Vec::with_capacity(256),
            is_dns,
        }
    }

    #[inline]
    fn exchange(&mut self) {
        self.filled = 0;
        let mut out = Outbox::new(&mut self.memory, &mut self.filled);
        let call = self.mix.begin(Arrival::default());
        let request = Sending { call, number: self.number, place: Place::FIRST };
        self.number += 1;
        let sent = self.protocol.send(&mut self.shared, &mut self.mix, request, &mut out);
        sent.expect("there is room");
        let range = datagrams(out.bytes()).next().expect("a datagram was appended");
        self.reply.clear();
        self.reply.extend_from_slice(&out.bytes()[range]);
        if self.is_dns {
            self.reply[IS_RESPONSE.0] |= IS_RESPONSE.1;
        }
        let mut on = Single::new(&self.mix.steps()[0]);
        let taken = self.protocol.receive(&mut self.shared, &mut self.reply, &mut out, &mut on);
        taken.expect("whatever comes is taken");
        assert!(on.response.is_some_and(|response| response.is_ok), "it is the reply to the message");
    }
}
