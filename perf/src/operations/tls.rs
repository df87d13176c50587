//! Sealing a request and opening a response of 200 bytes each, as the wire's TLS does it, and as rustls alone would.
//!
//! The handshake is part of preparing. Its keys are random, and ciphers cost the same for all.

use super::operation::{CountedOperation, Work};
use engine::outbox::Outbox;
use engine::plan::TlsSettings;
use rustls::client::UnbufferedClientConnection;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite, default_provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection};
use shards::tls::{Tls, TlsClient, TlsFiles};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

const HOST: &str = "vajra.test";
/// Of a request and of a response.
const RECORD_BYTES: usize = 200;
/// Requests and responses of a measurement.
const BATCH: u64 = 2_000;
/// Responses that the server seals at once: enough for a measurement of twice the length, which costs are told from.
const RESPONSES: u64 = 2 * BATCH;
const OUTBOX_BYTES: usize = 8 << 10;

/// Ours, and what it is beside.
pub const OPERATIONS: [CountedOperation; 2] = [
    CountedOperation { noun: "tls", name: "seal_and_open", batch: BATCH, make: ours },
    CountedOperation { noun: "tls", name: "rustls_alone", batch: BATCH, make: of_rustls },
];

/// A server in memory, which has to be believed.
struct MemoryServer {
    connection: ServerConnection,
    certificate: CertificateDer<'static>,
    pem: String,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![cipher_suite::TLS13_AES_128_GCM_SHA256],
        ..default_provider()
    })
}

impl MemoryServer {
    fn new() -> MemoryServer {
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).expect("a certificate is made");
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("there is a cipher for TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .expect("the key is the certificate's");
        let mut connection = ServerConnection::new(Arc::new(config)).expect("a server begins");
        connection.set_buffer_limit(None);
        MemoryServer { connection, certificate, pem: made.cert.pem() }
    }

    /// What it answers to these bytes.
    fn answer(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        while !bytes.is_empty() {
            self.connection.read_tls(&mut bytes).expect("memory is read");
            self.connection.process_new_packets().expect("the client keeps the rules");
        }
        self.sent()
    }

    fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut sent).expect("memory is written");
        }
        sent
    }

    /// Responses, each a record.
    fn responses(&mut self) -> VecDeque<Vec<u8>> {
        let response = |_| {
            self.connection.writer().write_all(&[b'r'; RECORD_BYTES]).expect("memory is written");
            self.sent()
        };
        (0..RESPONSES).map(response).collect()
    }
}

/// Seals and opens in place.
fn ours() -> Work {
    let mut server = MemoryServer::new();
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, &server.pem).expect("the certificate is written");
    let settings = TlsSettings {
        ca: Some(path.to_string_lossy().into_owned()),
        resumption: false,
        ..Default::default()
    };
    let files = TlsFiles::read(&settings).expect("the certificate is there");
    let client = TlsClient::new(&settings, &files, HOST, &[]).expect("the settings are right");
    let (mut tls, mut memory, mut filled) = (Tls::new(), vec![0; OUTBOX_BYTES], 0);
    tls.start(&client, &mut Outbox::new(&mut memory, &mut filled)).expect("there is room");
    while !tls.is_ready() || filled > 0 {
        let mut answer = server.answer(&memory[..filled]);
        filled = 0;
        let mut out = Outbox::new(&mut memory, &mut filled);
        tls.open(&client, &mut answer, 0, &mut out, |_, _| Ok(())).expect("the server keeps the rules");
    }
    with_responses(server, move |response| {
        let mut filled = 0;
        let mut out = Outbox::new(&mut memory, &mut filled);
        let mark = tls.begin(RECORD_BYTES, &mut out);
        out.push(&[b'q'; RECORD_BYTES]);
        tls.seal(mark, &mut out).expect("keys last longer");
        let mut bytes = 0;
        let taken = tls.open(&client, response, 0, &mut out, |plaintext, _| {
            bytes += plaintext.len();
            Ok(())
        });
        taken.expect("the server keeps the rules");
        bytes
    })
}

/// The same by rustls's own record layer, which allocates for each record.
fn of_rustls() -> Work {
    let mut server = MemoryServer::new();
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate.clone()).expect("the certificate is one");
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("there is a cipher for TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(HOST).expect("a name");
    let mut client = UnbufferedClientConnection::new(Arc::new(config), name).expect("a client begins");
    let mut memory = vec![0; OUTBOX_BYTES];
    let mut incoming = Vec::new();
    loop {
        let (sent, is_ready) = advance(&mut client, &mut incoming, &mut memory);
        incoming.extend(server.answer(&memory[..sent]));
        if is_ready && incoming.is_empty() {
            break;
        }
    }
    with_responses(server, move |response| exchange(&mut client, response, &mut memory))
}

/// Goes on with a handshake: what was written, and whether it is done.
fn advance(
    client: &mut UnbufferedClientConnection,
    incoming: &mut Vec<u8>,
    memory: &mut [u8],
) -> (usize, bool) {
    let mut sent = 0;
    loop {
        let UnbufferedStatus { discard, state } = client.process_tls_records(incoming);
        let is_ready = match state.expect("the server keeps the rules") {
            ConnectionState::EncodeTlsData(mut data) => {
                sent += data.encode(&mut memory[sent..]).expect("there is room");
                None
            }
            ConnectionState::TransmitTlsData(data) => {
                data.done();
                None
            }
            ConnectionState::WriteTraffic(_) => Some(true),
            _ => Some(false),
        };
        incoming.drain(..discard);
        if let Some(is_ready) = is_ready {
            return (sent, is_ready);
        }
    }
}

/// One request and one response: how many bytes of plaintext came.
fn exchange(client: &mut UnbufferedClientConnection, response: &mut [u8], memory: &mut [u8]) -> usize {
    let status = client.process_tls_records(&mut []);
    let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state else { return 0 };
    traffic.encrypt(&[b'q'; RECORD_BYTES], memory).expect("there is room");
    let status = client.process_tls_records(response);
    let Ok(ConnectionState::ReadTraffic(mut traffic)) = status.state else { return 0 };
    let mut bytes = 0;
    while let Some(record) = traffic.next_record() {
        bytes += record.expect("the server keeps the rules").payload.len();
    }
    bytes
}

/// Does it with responses that the server has sealed before: as many as a measurement takes, and more once those are used up.
fn with_responses(mut server: MemoryServer, mut one: impl FnMut(&mut [u8]) -> usize + 'static) -> Work {
    let mut responses = server.responses();
    Box::new(move |count| {
        for _ in 0..count {
            if responses.is_empty() {
                responses = server.responses();
            }
            let mut response = responses.pop_front().expect("there are more than none");
            assert_eq!(one(&mut response), RECORD_BYTES, "a response has all its bytes");
        }
    })
}
