//! What all connections of a pool share: whom to trust, what to offer, and the sessions to take up.

use super::alert::{Alert, Breach};
use super::credentials::{Identity, TlsFiles, Trusted};
use super::key_log::SecretsFile;
use super::messages::TICKET_BYTES_MAX;
use super::names::{cipher_name, group_name};
use super::sessions::SessionStore;
use super::verifier::Verifier;
use engine::failure::{FailureKind, RunFailure};
use engine::outcome::Kind;
use engine::plan::{TlsSettings, TlsVersion};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, InconsistentKeys, SupportedProtocolVersion};
use std::sync::Arc;

/// The longest first message without server name, ALPN and ticket.
const HELLO_BYTES: usize = 640;
/// The longest last flight without the certificates in it: a signature by the longest key there is, and five records' heads and tags.
const FLIGHT_BYTES: usize = 2 << 10;
/// What a certificate has before it in the message with the chain.
const CERTIFICATE_HEAD_BYTES: usize = 5;

/// What all connections of a pool share: the configuration, and the sessions that later connections take up.
#[derive(Debug)]
pub struct TlsClient {
    resuming: Arc<ClientConfig>,
    /// The same, for a connection that takes no session up.
    fresh: Arc<ClientConfig>,
    resumes: bool,
    server_name: ServerName<'static>,
    handshake_bytes_max: usize,
    secrets_file: Option<Arc<SecretsFile>>,
    keeps_chains: bool,
    /// The choice of every connection by ALPN, once it is known what it has to be.
    alpn: Option<Option<Box<str>>>,
}

impl TlsClient {
    /// By settings, and what was read from the files that they name. `host` is that of the target's URL, and `alpn` what to offer where
    /// the settings say nothing of it. Errors name the key, the file, the cause and the fix.
    pub fn new(
        settings: &TlsSettings,
        files: &TlsFiles,
        host: &str,
        alpn: &[&str],
    ) -> Result<TlsClient, RunFailure> {
        let server_name = server_name(settings, host)?;
        let provider = Arc::new(provider(settings)?);
        let verifier = Arc::new(verifier(files.trusted.as_ref(), &provider)?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(settings)?)
            .map_err(no_usable_cipher)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let chain_bytes = files.identity.as_ref().map_or(0, chain_bytes);
        let mut config = match &files.identity {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| unusable_key(settings, &error))?,
            None => builder.with_no_client_auth(),
        };
        config.enable_secret_extraction = true;
        config.alpn_protocols = offered(settings, alpn)?;
        let secrets_file = secrets_file(settings)?;
        if let Some(file) = &secrets_file {
            config.key_log = Arc::clone(file) as _;
        }
        let alpn_bytes: usize = config.alpn_protocols.iter().map(|name| 1 + name.len()).sum();
        let hello_bytes = HELLO_BYTES + server_name.to_str().len() + alpn_bytes + TICKET_BYTES_MAX;
        let mut resuming = config.clone();
        resuming.resumption = Resumption::store(Arc::new(SessionStore::default()));
        config.resumption = Resumption::disabled();
        Ok(TlsClient {
            resuming: Arc::new(resuming),
            fresh: Arc::new(config),
            resumes: settings.resumption,
            server_name,
            handshake_bytes_max: hello_bytes.max(FLIGHT_BYTES + chain_bytes),
            secrets_file,
            keeps_chains: false,
            alpn: None,
        })
    }

    /// The most bytes that what a handshake sends in one go can have, or any other message of ours: for laying out send memory. A
    /// ticket that is too large for it is not offered.
    pub fn handshake_bytes_max(&self) -> usize {
        self.handshake_bytes_max
    }

    /// From here on a connection for which the target chooses another protocol by ALPN, or none where it chose one, fails.
    pub fn require_alpn(&mut self, chosen: Option<&str>) {
        self.alpn = Some(chosen.map(Into::into));
    }

    /// From here on each connection keeps the certificates of the target, for them to be shown.
    pub fn keep_chains(&mut self) {
        self.keeps_chains = true;
    }

    pub(super) fn keeps_chains(&self) -> bool {
        self.keeps_chains
    }

    /// Whether a choice by ALPN is the one that it has to be.
    pub(super) fn allows_alpn(&self, chosen: Option<&str>) -> bool {
        self.alpn.as_ref().is_none_or(|required| required.as_deref() == chosen)
    }

    /// Ways to begin a connection, the best first.
    pub(super) fn configurations(&self) -> impl Iterator<Item = &Arc<ClientConfig>> {
        let resuming = self.resumes.then_some(&self.resuming);
        resuming.into_iter().chain([&self.fresh])
    }

    /// Whether sessions are taken up.
    pub(super) fn resumes(&self) -> bool {
        self.resumes
    }

    /// What to ask for, and to check.
    pub(super) fn server_name(&self) -> &ServerName<'static> {
        &self.server_name
    }

    /// That the secrets of every session so far are in the file that was asked for.
    pub(super) fn check_secrets_file(&self) -> Result<(), Breach> {
        match &self.secrets_file {
            Some(file) if file.is_broken() => Err(Breach {
                alert: Alert::None,
                kind: Kind::Resources,
                why: "the secrets of a session cannot be written to the file of tls.keylog",
            }),
            _ => Ok(()),
        }
    }
}

/// The name to ask for and to check. Addresses are checked, and not asked for by SNI.
fn server_name(settings: &TlsSettings, host: &str) -> Result<ServerName<'static>, RunFailure> {
    let name = settings.server_name.as_deref().unwrap_or(host);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        let key = if settings.server_name.is_some() { "tls.server_name" } else { "the target's host" };
        FailureKind::Plan.with_fix(
            format!("{key}: `{name}` is neither a DNS name nor an IP address"),
            "write letters, digits, - and dots, and names in other scripts in their form with xn--",
        )
    })
}

/// The ciphers and groups that the settings name, in their order; all there are where they name none.
fn provider(settings: &TlsSettings) -> Result<CryptoProvider, RunFailure> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites =
        chosen("tls.ciphers", &settings.ciphers, provider.cipher_suites, |suite| cipher_name(*suite))?;
    provider.kx_groups =
        chosen("tls.groups", &settings.groups, provider.kx_groups, |group| group_name(group.name()))?;
    Ok(provider)
}

/// Those of `all` that are named.
fn chosen<T: Copy>(
    key: &str,
    names: &[String],
    all: Vec<T>,
    name_of: impl Fn(&T) -> &'static str,
) -> Result<Vec<T>, RunFailure> {
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        let found = all.iter().find(|item| name_of(item).eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| {
            let there_are: Vec<&str> = all.iter().map(&name_of).collect();
            let text = format!("{key}: there is no `{name}`");
            FailureKind::Plan.with_fix(text, format!("there are {}", there_are.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

fn versions(settings: &TlsSettings) -> Result<Vec<&'static SupportedProtocolVersion>, RunFailure> {
    if settings.oldest > settings.newest {
        return Err(FailureKind::Plan.with_fix(
            "tls.versions: the oldest version is newer than the newest",
            "write the older one first: 1.2-1.3",
        ));
    }
    let all = [(TlsVersion::V1_3, &TLS13), (TlsVersion::V1_2, &TLS12)];
    let is_wanted = |version| (settings.oldest..=settings.newest).contains(&version);
    Ok(all.into_iter().filter(|&(version, _)| is_wanted(version)).map(|(_, version)| version).collect())
}

fn verifier(trusted: Option<&Trusted>, provider: &Arc<CryptoProvider>) -> Result<Verifier, RunFailure> {
    let Some(Trusted { roots, named }) = trusted else {
        return Ok(Verifier::Unchecked(provider.signature_verification_algorithms));
    };
    let webpki = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider)).build();
    let webpki =
        webpki.map_err(|error| FailureKind::Plan.failure(format!("tls.ca cannot be used: {error}")))?;
    Ok(Verifier::Checked { webpki, trusted: named.clone() })
}

/// A protocol's name is sent with its length in one byte.
fn offered(settings: &TlsSettings, alpn: &[&str]) -> Result<Vec<Vec<u8>>, RunFailure> {
    let names = settings.alpn.iter().map(String::as_str);
    let names: Vec<&str> = if settings.alpn.is_empty() { alpn.to_vec() } else { names.collect() };
    if let Some(name) = names.iter().find(|name| name.is_empty() || name.len() > usize::from(u8::MAX)) {
        return Err(FailureKind::Plan
            .with_fix(format!("tls.alpn: `{name}` is no name of a protocol"), "a name has 1 to 255 bytes"));
    }
    Ok(names.into_iter().map(|name| name.as_bytes().to_vec()).collect())
}

fn secrets_file(settings: &TlsSettings) -> Result<Option<Arc<SecretsFile>>, RunFailure> {
    let Some(path) = &settings.keylog else { return Ok(None) };
    let opened = SecretsFile::open(path).map_err(|error| {
        FailureKind::Plan.with_fix(
            format!("tls.keylog: {path} cannot be written: {error}"),
            "name a file in a folder that may be written to",
        )
    })?;
    Ok(Some(Arc::new(opened)))
}

fn chain_bytes((chain, _): &Identity) -> usize {
    chain.iter().map(|certificate| certificate.len() + CERTIFICATE_HEAD_BYTES).sum()
}

fn no_usable_cipher(error: rustls::Error) -> RunFailure {
    FailureKind::Plan.with_fix(
        format!("tls.ciphers and tls.versions leave nothing to offer: {error}"),
        "ciphers that begin with TLS_ECDHE are for version 1.2, the others for 1.3",
    )
}

fn unusable_key(settings: &TlsSettings, error: &rustls::Error) -> RunFailure {
    let (cert, key) = (settings.cert.as_deref().unwrap_or(""), settings.key.as_deref().unwrap_or(""));
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => FailureKind::Plan.with_fix(
            format!("tls.key: {key} is not the key of the first certificate in {cert}"),
            "name the two that belong together; the client's own certificate stands first in its file",
        ),
        rustls::Error::InvalidCertificate(_) => FailureKind::Plan.with_fix(
            format!("tls.cert: {cert} holds a certificate that cannot be read: {error}"),
            format!("look at it by `openssl x509 -in {cert} -noout -text`"),
        ),
        _ => FailureKind::Plan.with_fix(
            format!("tls.key: {key} cannot be used: {error}"),
            "keys may be RSA from 2048 bits, ECDSA on P-256 or P-384, or Ed25519",
        ),
    }
}
