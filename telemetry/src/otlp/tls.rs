//! TLS with collectors: whom to trust, and what to show, from the files that OpenTelemetry's variables name.

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The files of certificates and keys that variables name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TlsPaths<'a> {
    /// Whom to trust, in place of those that the system does.
    pub(super) authorities: Option<&'a str>,
    /// What to show, and the key to it.
    pub(super) identity: Option<(&'a str, &'a str)>,
}

/// How TLS is spoken with a collector.
#[derive(Clone)]
pub struct CollectorTls(Arc<ClientConfig>);

/// Why it cannot be.
#[derive(Debug)]
pub(super) enum CollectorTlsMistake {
    /// A file cannot be read.
    Unreadable { path: String, error: io::Error },
    /// A file has nothing of this kind, or not in PEM.
    NoPem { path: String, what: &'static str },
    /// The key is not the certificate's, or of no known kind.
    Identity(rustls::Error),
    /// Nobody is trusted: by this file, or by the system.
    NoAuthorities { path: Option<String> },
}

impl CollectorTlsMistake {
    /// The file that it is about, where it is one.
    pub(super) fn path(&self) -> Option<&str> {
        match self {
            CollectorTlsMistake::Unreadable { path, .. } | CollectorTlsMistake::NoPem { path, .. } => {
                Some(path)
            }
            CollectorTlsMistake::NoAuthorities { path } => path.as_deref(),
            CollectorTlsMistake::Identity(_) => None,
        }
    }
}

impl fmt::Display for CollectorTlsMistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CollectorTlsMistake::Unreadable { path, error } => {
                write!(formatter, "{path} cannot be read: {error}")
            }
            CollectorTlsMistake::NoPem { path, what } => write!(formatter, "{path} has no {what} in PEM"),
            CollectorTlsMistake::Identity(error) => {
                write!(formatter, "the client's certificate and key cannot be used: {error}")
            }
            CollectorTlsMistake::NoAuthorities { path: Some(path) } => {
                write!(formatter, "{path} has no certificate that can be used")
            }
            CollectorTlsMistake::NoAuthorities { path: None } => formatter
                .write_str("this system has no certificates of authorities to check the collector's with"),
        }
    }
}

impl Error for CollectorTlsMistake {}

impl CollectorTls {
    pub(super) fn new(paths: TlsPaths<'_>, is_http2: bool) -> Result<CollectorTls, CollectorTlsMistake> {
        let mut roots = RootCertStore::empty();
        match paths.authorities {
            Some(path) => roots.add_parsable_certificates(certificates(path)?),
            None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        };
        if roots.is_empty() {
            return Err(CollectorTlsMistake::NoAuthorities { path: paths.authorities.map(str::to_owned) });
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(CollectorTlsMistake::Identity)?
            .with_root_certificates(roots);
        let mut config = match paths.identity {
            Some((chain, key)) => builder
                .with_client_auth_cert(certificates(chain)?, private_key(key)?)
                .map_err(CollectorTlsMistake::Identity)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![if is_http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        Ok(CollectorTls(Arc::new(config)))
    }

    /// Shakes hands over a connection.
    pub(super) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(self.0.clone()).connect(name, stream).await
    }
}

/// Keys are shown nowhere.
impl fmt::Debug for CollectorTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CollectorTls")
    }
}

/// Two that were made of the same files at the same time are the same one.
impl PartialEq for CollectorTls {
    fn eq(&self, other: &CollectorTls) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CollectorTls {}

/// Whether the two could not agree, which another try does not change: a certificate, a name, a version.
pub(super) fn is_disagreement(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, CollectorTlsMistake> {
    let read: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&bytes(path)?).collect();
    let none = || CollectorTlsMistake::NoPem { path: path.to_owned(), what: "certificate" };
    read.ok().filter(|found| !found.is_empty()).ok_or_else(none)
}

fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, CollectorTlsMistake> {
    let none = |_| CollectorTlsMistake::NoPem { path: path.to_owned(), what: "private key" };
    PrivateKeyDer::from_pem_slice(&bytes(path)?).map_err(none)
}

fn bytes(path: &str) -> Result<Vec<u8>, CollectorTlsMistake> {
    fs::read(Path::new(path))
        .map_err(|error| CollectorTlsMistake::Unreadable { path: path.to_owned(), error })
}
