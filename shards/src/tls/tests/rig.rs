//! Both ends of a connection in memory: ours, and a server of rustls.

use crate::protocol::Unusable;
use crate::tls::keys::RecordKey;
use crate::tls::{Tls, TlsClient, TlsFiles, sealing_bytes_max};
use engine::failure::RunFailure;
use engine::outbox::Outbox;
use engine::plan::{TlsSettings, TlsVersion};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedCipherSuite};
use std::fs;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// The name in the server's certificate.
pub(super) const HOST: &str = "vajra.test";
/// The longest plaintext that tests send.
pub(super) const REQUEST_BYTES_MAX: usize = 100 << 10;

/// An authority, and the files of what it signed.
pub(super) struct Authority {
    pub(super) folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

/// A certificate, with its key.
pub(super) struct Signed {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) certificate_path: String,
    pub(super) key_path: String,
}

impl Authority {
    pub(super) fn new() -> Authority {
        let mut params = CertificateParams::default();
        let key = KeyPair::generate().unwrap();
        // Each has a name of its own, so that none is taken for another whose signatures are wrong.
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, format!("{:x?}", &key.public_key_raw()[..8]));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Authority { folder, issuer: Issuer::new(params, key), certificate }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Signs a certificate for a host, with an ECDSA key.
    pub(super) fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        self.sign_key(name, &KeyPair::generate().unwrap(), change)
    }

    /// The same, with an RSA key. ring makes none, OpenSSL does.
    pub(super) fn sign_rsa(&self, name: &str) -> Signed {
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
            .output()
            .expect("openssl is installed");
        assert!(made.status.success(), "{made:?}");
        self.sign_key(name, &KeyPair::from_pem(&String::from_utf8(made.stdout).unwrap()).unwrap(), |_| ())
    }

    fn sign_key(&self, name: &str, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let mut params = CertificateParams::new([HOST.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(key, &self.issuer).unwrap();
        let (certificate_path, key_path) =
            (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        fs::write(&certificate_path, certificate.pem()).unwrap();
        fs::write(&key_path, key.serialize_pem()).unwrap();
        Signed {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            certificate_path,
            key_path,
        }
    }

    /// Settings of a client that trusts it.
    pub(super) fn settings(&self) -> TlsSettings {
        TlsSettings { ca: Some(self.path("ca.pem")), ..TlsSettings::default() }
    }

    /// A server's configuration that has only these suites, and wants certificates of clients if asked to.
    pub(super) fn server(
        &self,
        signed: &Signed,
        suites: Option<Vec<SupportedCipherSuite>>,
        wants_client: bool,
    ) -> ServerConfig {
        let mut provider = rustls::crypto::ring::default_provider();
        provider.cipher_suites = suites.unwrap_or(provider.cipher_suites);
        let provider = Arc::new(provider);
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let builder = if wants_client {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let mut config =
            builder.with_single_cert(vec![signed.certificate.clone()], signed.key.clone_key()).unwrap();
        config.enable_secret_extraction = true;
        config
    }
}

/// What connections to a host share, by settings whose files are read for it.
pub(super) fn client_of(settings: &TlsSettings, host: &str, alpn: &[&str]) -> Result<TlsClient, RunFailure> {
    TlsClient::new(settings, &TlsFiles::read(settings)?, host, alpn)
}

/// Our end: its TLS, and the memory that it sends from.
pub(super) struct OurEnd {
    pub(super) client: TlsClient,
    pub(super) tls: Tls,
    memory: Vec<u8>,
    filled: usize,
    /// Plaintext that came, record by record.
    pub(super) taken: Vec<Vec<u8>>,
}

impl OurEnd {
    pub(super) fn new(settings: &TlsSettings) -> OurEnd {
        OurEnd::of(client_of(settings, HOST, &[]).unwrap())
    }

    pub(super) fn of(client: TlsClient) -> OurEnd {
        let bytes = client.handshake_bytes_max() + REQUEST_BYTES_MAX + sealing_bytes_max(REQUEST_BYTES_MAX);
        OurEnd { client, tls: Tls::new(), memory: vec![0; bytes], filled: 0, taken: Vec::new() }
    }

    pub(super) fn with<T>(&mut self, act: impl FnOnce(&mut Tls, &TlsClient, &mut Outbox<'_>) -> T) -> T {
        act(&mut self.tls, &self.client, &mut Outbox::new(&mut self.memory, &mut self.filled))
    }

    pub(super) fn start(&mut self) {
        let bytes_max = self.client.handshake_bytes_max();
        self.filled = 0;
        self.with(|tls, client, out| tls.start(client, out)).unwrap();
        assert!(self.filled <= bytes_max);
    }

    /// What is to be sent.
    pub(super) fn sent(&mut self) -> Vec<u8> {
        let sent = self.memory[..self.filled].to_vec();
        self.filled = 0;
        sent
    }

    /// Bytes arrive in pieces of this length.
    pub(super) fn arrive(&mut self, bytes: &[u8], piece_bytes: usize) -> Result<(), Unusable> {
        for piece in bytes.chunks(piece_bytes) {
            let (mut piece, mut taken) = (piece.to_vec(), Vec::new());
            let result = self.with(|tls, client, out| {
                tls.open(client, &mut piece, 0, out, |plaintext, _| {
                    taken.push(plaintext.to_vec());
                    Ok(())
                })
            });
            self.taken.append(&mut taken);
            result?;
        }
        Ok(())
    }

    /// Seals a request.
    pub(super) fn request(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, Unusable> {
        self.with(|tls, _, out| {
            let (before, mark) = (out.filled(), tls.begin(plaintext.len(), out));
            out.push(plaintext);
            tls.seal(mark, out)?;
            assert!(out.filled() - before <= plaintext.len() + sealing_bytes_max(plaintext.len()));
            Ok::<(), Unusable>(())
        })?;
        Ok(self.sent())
    }
}

/// Both ends.
pub(super) struct Ends {
    pub(super) ours: OurEnd,
    pub(super) server: ServerConnection,
}

impl Ends {
    /// A connection of a client to a server, the handshake done; what comes of it in pieces of this length.
    pub(super) fn connect(mut ours: OurEnd, server: &Arc<ServerConfig>, piece_bytes: usize) -> Ends {
        ours.start();
        let server = ServerConnection::new(server.clone()).unwrap();
        let mut ends = Ends { ours, server };
        for _ in 0..6 {
            ends.swap(piece_bytes).unwrap();
        }
        assert!(ends.ours.tls.is_ready() && !ends.server.is_handshaking());
        ends
    }

    /// What each has to send gets to the other.
    pub(super) fn swap(&mut self, piece_bytes: usize) -> Result<(), Unusable> {
        let sent = self.ours.sent();
        self.give(&sent).unwrap();
        let answer = self.sent_by_server();
        self.ours.arrive(&answer, piece_bytes)
    }

    /// The server takes bytes.
    pub(super) fn give(&mut self, mut bytes: &[u8]) -> Result<(), rustls::Error> {
        while !bytes.is_empty() {
            self.server.read_tls(&mut bytes).unwrap();
            self.server.process_new_packets()?;
        }
        Ok(())
    }

    pub(super) fn sent_by_server(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// What the server sends for this response.
    pub(super) fn response(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let (mut bytes, mut left) = (Vec::new(), plaintext);
        while !left.is_empty() {
            let written = self.server.writer().write(left).unwrap();
            left = &left[written..];
            bytes.extend(self.sent_by_server());
        }
        bytes
    }

    /// Plaintext that the server has.
    pub(super) fn heard(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        let _ = self.server.reader().read_to_end(&mut heard);
        heard
    }

    /// The server's keys, to seal by what no server would: ours, its sealing key, its opening key.
    pub(super) fn take_over(self) -> (OurEnd, RecordKey, RecordKey) {
        let version = self.ours.tls.agreed().unwrap().version;
        let secrets = self.server.dangerous_extract_secrets().unwrap();
        let key = |secrets| RecordKey::new(version, secrets, u64::MAX).unwrap();
        (self.ours, key(secrets.tx), key(secrets.rx))
    }
}

/// A client that speaks one version, and a server with an ECDSA certificate.
pub(super) fn ends(version: TlsVersion) -> Ends {
    let authority = Authority::new();
    let server = authority.server(&authority.sign("server", |_| ()), None, false);
    let settings = TlsSettings { oldest: version, newest: version, ..authority.settings() };
    Ends::connect(OurEnd::new(&settings), &Arc::new(server), usize::MAX)
}
