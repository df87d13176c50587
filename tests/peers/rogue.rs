//! A server of TLS written in the tests, which breaks the rules where a test says so. Its handshake and its keys are rustls's.

use super::certificates::Signed;
use super::scripted;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One connection of it.
pub(crate) struct Conversation {
    tls: ServerConnection,
    pub(crate) stream: TcpStream,
    /// How many connections there were before it.
    pub(crate) number: usize,
}

/// Shows one certificate to so many clients, and another one to all after them.
#[derive(Debug)]
struct ChangingCertificate {
    first: Arc<CertifiedKey>,
    then: Arc<CertifiedKey>,
    shown: AtomicUsize,
    first_max: usize,
}

impl ResolvesServerCert for ChangingCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_first = self.shown.fetch_add(1, Ordering::SeqCst) < self.first_max;
        Some(if is_first { &self.first } else { &self.then }.clone())
    }
}

/// A server with a certificate. It lets nobody take up a session, so that each handshake is a whole one.
pub(crate) fn config(signed: &Signed) -> ServerConfig {
    changing(signed, signed, usize::MAX)
}

/// One that changes its certificate after so many handshakes.
pub(crate) fn changing(first: &Signed, then: &Signed, first_max: usize) -> ServerConfig {
    let (first, then) = (certified(first), certified(then));
    let resolver = ChangingCertificate { first, then, shown: AtomicUsize::new(0), first_max };
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = builder.with_cert_resolver(Arc::new(resolver));
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config
}

fn certified(signed: &Signed) -> Arc<CertifiedKey> {
    let chain = vec![CertificateDer::from(signed.certificate_der.clone())];
    let key = PrivatePkcs8KeyDer::from(signed.key_der.clone()).into();
    Arc::new(CertifiedKey::from_der(chain, key, &default_provider()).unwrap())
}

/// Starts it; `serve` is called with each connection, on a thread, before the handshake.
pub(crate) fn secured(config: ServerConfig, serve: impl Fn(Conversation) + Send + Clone + 'static) -> u16 {
    let (config, count) = (Arc::new(config), Arc::new(AtomicUsize::new(0)));
    scripted(move |stream| {
        let tls = ServerConnection::new(config.clone()).unwrap();
        serve(Conversation { tls, stream, number: count.fetch_add(1, Ordering::SeqCst) });
    })
}

impl Conversation {
    /// The handshake, and a request to the end of its head; `None` when the client has gone.
    pub(crate) fn request(&mut self) -> Option<String> {
        let (mut text, mut byte) = (String::new(), [0]);
        let mut secured = rustls::Stream::new(&mut self.tls, &mut self.stream);
        while !text.ends_with("\r\n\r\n") {
            match secured.read(&mut byte) {
                Ok(1) => text.push(byte[0] as char),
                _ => return None,
            }
        }
        Some(text)
    }

    /// What these bytes are on the wire.
    pub(crate) fn sealed(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.tls.writer().write_all(plaintext).unwrap();
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// Sends bytes as they are. The client may not want them any more.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn answer(&mut self, plaintext: &[u8]) {
        let bytes = self.sealed(plaintext);
        self.send(&bytes);
    }

    /// Changes the server's key so often, and says so each time.
    pub(crate) fn update_keys(&mut self, times: usize) {
        for _ in 0..times {
            self.tls.refresh_traffic_keys().unwrap();
            self.answer(b"");
        }
    }

    /// Says that no more will be sent, as TLS has it.
    pub(crate) fn say_goodbye(&mut self) {
        self.tls.send_close_notify();
        let bytes = self.sealed(b"");
        self.send(&bytes);
    }

    /// Ends the connection, and waits until the client has too: what it sent last must not reset it.
    pub(crate) fn end(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.stream.read_to_end(&mut Vec::new());
    }
}
