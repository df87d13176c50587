//! One request sealed and its response opened, by the protocol that the loop has for `https`.
//!
//! TLS 1.3 with AES-128-GCM, against a server of rustls in memory. The handshake, and the sealing of responses, are preparing.
//!
//! What sealing a byte costs is the cipher's, and the cipher looks at the processor: valgrind's has AES-NI and AVX2 and nothing newer.

use super::http1::{BODY, HEAD};
use super::operation::{CountedOperation, Work};
use engine::bucket::Arrival;
use engine::config::{Config, Text, Texts, TlsConfig};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::Plan;
use engine::seams::{Call, Source};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::protocol::{Place, Protocol, Readiness, Sending, Single};
use std::io::{Read, Write};
use std::sync::Arc;

/// As many bytes as arrive at a time.
const RECEIVE_BYTES: usize = 16 << 10;
const LARGE_BODY_BYTES: usize = 64 << 10;
/// Flights of a handshake, at the most.
const FLIGHTS_MAX: usize = 4;

/// One for each size of response.
pub const OPERATIONS: [CountedOperation; 2] = [
    CountedOperation { noun: "https", name: "small_response", batch: SMALL_BATCH, make: small },
    CountedOperation { noun: "https", name: "64_kib_response", batch: LARGE_BATCH, make: large },
];
/// What differs from one handshake to the next, the lengths of signatures, is nothing beside so many.
const SMALL_BATCH: u64 = 4_000;
const LARGE_BATCH: u64 = 200;

fn small() -> Work {
    work(format!("{HEAD}{BODY}").into_bytes(), SMALL_BATCH)
}

fn large() -> Work {
    let head = HEAD.replace("Content-Length: 12", &format!("Content-Length: {LARGE_BODY_BYTES}"));
    let mut response = head.into_bytes();
    response.resize(response.len() + LARGE_BODY_BYTES, b'x');
    work(response, LARGE_BATCH)
}

/// Exchanges. A record is opened where it lies, and never again: twice a batch of responses, as many as a count takes, is sealed
/// beforehand. Whoever wants more waits for more to be
/// sealed.
fn work(response: Vec<u8>, batch: u64) -> Work {
    let mut connection = SecuredConnection::new();
    connection.check(&response);
    connection.seal_responses(&response, 2 * batch);
    Box::new(move |count| {
        for _ in 0..count {
            if connection.opened == connection.sealed.len() {
                connection.seal_responses(&response, batch);
            }
            connection.exchange();
        }
    })
}

/// A connection of ours in memory, to a server of rustls.
struct SecuredConnection {
    mix: Mix,
    shared: AnyShared,
    protocol: AnyProtocol,
    memory: Vec<u8>,
    filled: usize,
    server: ServerConnection,
    /// Responses that the server has sealed, each in the pieces that it arrives in.
    sealed: Vec<Vec<Vec<u8>>>,
    /// So many of them have been opened.
    opened: usize,
}

impl SecuredConnection {
    /// The handshake is done, and what the server says after it is taken in.
    fn new() -> SecuredConnection {
        let plan = plan();
        let mix = shards::mixes(&plan).expect("the request can be encoded").remove(0);
        let shared = shards::any_shared(&plan, 0).expect("no file is read");
        let bytes = AnyProtocol::outbox_bytes(&shared, mix.steps()[0].bytes_max, 1);
        let protocol = AnyProtocol::new(&shared);
        let server = ServerConnection::new(Arc::new(server_config())).expect("the server is set up");
        let (memory, filled, sealed, opened) = (vec![0; bytes], 0, Vec::new(), 0);
        let mut connection =
            SecuredConnection { mix, shared, protocol, memory, filled, server, sealed, opened };
        connection.shake_hands();
        connection
    }

    fn shake_hands(&mut self) {
        let mut out = Outbox::new(&mut self.memory, &mut self.filled);
        self.protocol.opened(&mut self.shared, &mut out).expect("a handshake begins");
        for _ in 0..FLIGHTS_MAX {
            self.give_to_server();
            let mut flight = self.sent_by_server();
            let mut out = Outbox::new(&mut self.memory, &mut self.filled);
            let mut on = Single::new(&self.mix.steps()[0]);
            let taken = self.protocol.receive(&mut self.shared, &mut flight, &mut out, &mut on);
            taken.expect("the server is trusted whoever it is");
        }
        let readiness = self.protocol.readiness();
        assert!(matches!(readiness, Readiness::Ready { .. }) && !self.server.is_handshaking());
    }

    /// One exchange whose two ends are compared: the server has the very request, and we its response.
    fn check(&mut self, response: &[u8]) {
        self.seal_responses(response, 1);
        let call = self.request();
        let rendered = engine::outbox::collected(self.mix.steps()[0].bytes_max, |out| {
            self.mix.render(call, 0, out);
        });
        self.give_to_server();
        let mut heard = vec![0; rendered.len()];
        self.server.reader().read_exact(&mut heard).expect("the request has arrived");
        assert_eq!(heard, rendered);
        self.response();
    }

    /// A request is sealed, and a response opened. The request goes nowhere.
    #[inline]
    fn exchange(&mut self) {
        self.request();
        assert!(self.filled > 0, "there is something to send");
        self.filled = 0;
        self.response();
    }

    #[inline]
    fn request(&mut self) -> Call {
        let call = self.mix.begin(Arrival::default());
        let mut out = Outbox::new(&mut self.memory, &mut self.filled);
        let request = Sending { call, number: 0, place: Place::FIRST };
        let sent = self.protocol.send(&mut self.shared, &mut self.mix, request, &mut out);
        sent.expect("the connection is ready");
        call
    }

    #[inline]
    fn response(&mut self) {
        let pieces = &mut self.sealed[self.opened];
        self.opened += 1;
        let mut out = Outbox::new(&mut self.memory, &mut self.filled);
        let mut on = Single::new(&self.mix.steps()[0]);
        for piece in pieces {
            let taken = self.protocol.receive(&mut self.shared, piece, &mut out, &mut on);
            taken.expect("the record is the server's");
        }
        assert_eq!(on.response.map(|response| response.code), Some(200));
    }

    /// In the place of those that were sealed before, which are opened.
    fn seal_responses(&mut self, response: &[u8], count: u64) {
        (self.sealed, self.opened) = (Vec::new(), 0);
        for _ in 0..count {
            let (mut sealed, mut left) = (Vec::new(), response);
            while !left.is_empty() {
                let written = self.server.writer().write(left).expect("memory takes what is written");
                left = &left[written..];
                sealed.append(&mut self.sent_by_server());
            }
            self.sealed.push(sealed.chunks(RECEIVE_BYTES).map(<[u8]>::to_vec).collect());
        }
    }

    fn give_to_server(&mut self) {
        let mut sent = &self.memory[..self.filled];
        while !sent.is_empty() {
            self.server.read_tls(&mut sent).expect("memory is read");
            self.server.process_new_packets().expect("what we send is TLS");
        }
        self.filled = 0;
    }

    fn sent_by_server(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut bytes).expect("memory takes what is written");
        }
        bytes
    }
}

fn plan() -> Plan {
    let tls = TlsConfig {
        verify: Some(false),
        versions: Some(Text("1.3".into())),
        ciphers: Some(Texts(vec!["TLS_AES_128_GCM_SHA256".into()])),
        groups: Some(Texts(vec!["x25519".into()])),
        resumption: Some(false),
        ..TlsConfig::default()
    };
    let config = Config { url: Some(Text("https://localhost/".into())), tls, ..Config::default() };
    Plan::new(&config, &|name| Err(format!("no file {name} here"))).expect("the plan is valid")
}

fn server_config() -> ServerConfig {
    let made = generate_simple_self_signed(["localhost".to_owned()]);
    let CertifiedKey { cert, signing_key } = made.expect("there is randomness for a key");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("the versions are known");
    let config = builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
    config.expect("the key is the certificate's")
}
