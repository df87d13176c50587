//! The server's end of TLS: its settings from the options, and the handshake of one connection.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    HandshakeKind, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use tokio_rustls::server::TlsStream;

use crate::certificates::{Certificates, ClientIdentity};
use crate::start_error::{SetupError, StartError};
use crate::tally::{HandshakeEnd, ServerTally};
use crate::tls_options::{TlsOptions, TlsVersions};
use crate::turns::Turns;

/// Sessions of 1.2 that are remembered for clients without tickets. Beyond it the oldest are forgotten.
const SESSIONS_MAX: usize = 16 * 1024;

/// What is offered by ALPN, the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
const HTTP2: &[u8] = b"h2";

static VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// What a server of TLS consists of, for other servers than the testbed's own as well.
pub struct TlsSetup {
    /// Its settings.
    pub settings: Arc<ServerConfig>,
    /// Whom its clients are to trust, as PEM.
    pub authority_pem: String,
    /// What its clients show where it requires a certificate.
    pub client: Option<ClientIdentity>,
}

impl TlsSetup {
    /// Makes the certificates of a server that listens on an address.
    ///
    /// # Errors
    ///
    /// [`StartError::Tls`] when the system has no randomness to give.
    pub fn new(options: &TlsOptions, address: IpAddr) -> Result<TlsSetup, StartError> {
        TlsSetup::issue(options, address).map_err(StartError::Tls)
    }

    fn issue(options: &TlsOptions, address: IpAddr) -> Result<TlsSetup, SetupError> {
        let issued = Certificates::issue(options, address)?;
        let provider = Arc::new(ring::default_provider());
        let settings = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions(options.versions))?;
        let settings = match issued.client {
            Some(_) => settings.with_client_cert_verifier(verifier(&issued, provider)?),
            None => settings.with_no_client_auth(),
        };
        let mut settings = settings.with_single_cert(vec![issued.server], issued.server_key)?;
        settings.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        settings.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
        settings.ticketer = ring::Ticketer::new()?;
        Ok(TlsSetup {
            settings: Arc::new(settings),
            authority_pem: issued.authority_pem,
            client: issued.client,
        })
    }
}

fn versions(asked: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    match asked {
        TlsVersions::Only12 => &VERSIONS[1..],
        TlsVersions::Only13 => &VERSIONS[..1],
        TlsVersions::Both => &VERSIONS,
    }
}

/// Takes what the server's own authority signed.
fn verifier(
    issued: &Certificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, SetupError> {
    let mut roots = RootCertStore::empty();
    roots.add(issued.authority.clone())?;
    Ok(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?)
}

/// The handshakes of a thread: all with the same settings, and taking turns with what else there is to do.
#[derive(Clone)]
pub(crate) struct Handshakes {
    acceptor: TlsAcceptor,
    turns: Rc<Turns>,
}

impl Handshakes {
    pub(crate) fn new(acceptor: TlsAcceptor) -> Handshakes {
        Handshakes { acceptor, turns: Turns::new() }
    }

    /// Makes the handshake with a client, and counts how it went. `None` when it failed: the client was told why by an alert, or is
    /// gone.
    pub(crate) async fn shake(&self, stream: TcpStream, tally: &ServerTally) -> Option<TlsStream<TcpStream>> {
        match self.turns.take(self.acceptor.accept(stream)).await {
            Ok(stream) => {
                tally.count_handshake(kind(stream.get_ref().1));
                Some(stream)
            }
            Err(_) => {
                tally.count_handshake(HandshakeEnd::Failed);
                None
            }
        }
    }
}

fn kind(connection: &ServerConnection) -> HandshakeEnd {
    match connection.handshake_kind() {
        Some(HandshakeKind::Resumed) => HandshakeEnd::Resumed,
        _ => HandshakeEnd::Full,
    }
}

/// Whether client and server agreed on HTTP/2. A client that offers nothing by ALPN is taken for one of HTTP/1.1.
pub(crate) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}
