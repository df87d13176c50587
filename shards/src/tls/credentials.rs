//! Certificates and keys from the files that a plan names.

use engine::failure::{FailureKind, RunFailure};
use engine::plan::TlsSettings;
use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// How every section of a PEM file begins.
const PEM_BEGIN: &[u8] = b"-----BEGIN ";
/// How DER, which certificates and keys are written in, begins: as a sequence.
const DER_SEQUENCE: u8 = 0x30;
/// The version that stands first in PKCS#12.
const PKCS12_VERSION: [u8; 3] = [2, 1, 3];

/// A file that a plan names, and what is in it.
struct NamedFile<'a> {
    /// The plan's key.
    key: &'static str,
    path: &'a str,
    bytes: Vec<u8>,
    /// What `openssl` calls what should be in it.
    command: &'static str,
}

/// What a client shows of itself: its certificate, those that lead to its authority, and its key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Whom to trust: authorities, and certificates that are named one by one.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) roots: Arc<RootCertStore>,
    pub(super) named: Vec<CertificateDer<'static>>,
}

/// What the files hold that the settings of a target name, and the system's authorities where they name none: read once, for all
/// connections to the target.
#[derive(Debug)]
pub struct TlsFiles {
    /// Nothing where no certificate is checked.
    pub(super) trusted: Option<Trusted>,
    pub(super) identity: Option<Identity>,
}

impl TlsFiles {
    /// Reads them. Errors name the key, the file, the cause and the fix.
    pub fn read(settings: &TlsSettings) -> Result<TlsFiles, RunFailure> {
        let trusted = settings.verify.then(|| trusted(settings)).transpose()?;
        Ok(TlsFiles { trusted, identity: identity(settings)? })
    }
}

/// The client's certificate and key, where the plan names them.
fn identity(settings: &TlsSettings) -> Result<Option<Identity>, RunFailure> {
    match (&settings.cert, &settings.key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => {
            Ok(Some((NamedFile::read("tls.cert", cert, "x509")?.certificates()?, private_key(key)?)))
        }
        (Some(cert), None) => Err(FailureKind::Plan.with_fix(
            format!("tls.cert: {cert} has no key: tls.key is missing"),
            "name the key's file in tls.key; the same one if it holds both",
        )),
        (None, Some(key)) => Err(FailureKind::Plan.with_fix(
            format!("tls.key: {key} has no certificate: tls.cert is missing"),
            "name the certificate's file in tls.cert; the same one if it holds both",
        )),
    }
}

/// The file's authorities in the place of the system's.
fn trusted(settings: &TlsSettings) -> Result<Trusted, RunFailure> {
    let Some(path) = &settings.ca else {
        return Ok(Trusted { roots: Arc::new(system_roots()?), named: Vec::new() });
    };
    let certificates = NamedFile::read("tls.ca", path, "x509")?.certificates()?;
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| {
            FailureKind::Plan.with_fix(
                format!("tls.ca: {path} holds a certificate that cannot be read: {error}"),
                format!("look at it by `openssl x509 -in {path} -noout -text`"),
            )
        })?;
    }
    Ok(Trusted { roots: Arc::new(roots), named: certificates })
}

/// Those that the system trusts; single ones that cannot be read are left out.
fn system_roots() -> Result<RootCertStore, RunFailure> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        return Err(FailureKind::System.with_fix(
            format!("this system has no certificates of authorities to check the target's with{cause}"),
            "install them (Debian: ca-certificates), name a file of them in tls.ca, or set tls.verify = false",
        ));
    }
    Ok(roots)
}

fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, RunFailure> {
    let file = NamedFile::read("tls.key", path, "pkey")?;
    if file.has(b"ENCRYPTED") {
        return Err(file.failure(
            "is encrypted, and there is nobody to ask for its password",
            format!("decrypt it: `openssl pkey -in {path} -out decrypted.pem`"),
        ));
    }
    PrivateKeyDer::from_pem_slice(&file.bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => file
            .failure("holds no private key", "name the file with -----BEGIN PRIVATE KEY----- in it".into()),
        error => file.damaged(&error),
    })
}

impl<'a> NamedFile<'a> {
    /// A file that has to be PEM.
    fn read(key: &'static str, path: &'a str, command: &'static str) -> Result<NamedFile<'a>, RunFailure> {
        let bytes = std::fs::read(path).map_err(|error| {
            let fix = "paths are taken from the folder that vajra was started in";
            FailureKind::Plan.with_fix(format!("{key}: {path} cannot be read: {error}"), fix)
        })?;
        let file = NamedFile { key, path, bytes, command };
        if file.has(PEM_BEGIN) { Ok(file) } else { Err(file.not_pem()) }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, RunFailure> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let found = found.map_err(|error| self.damaged(&error))?;
        if found.is_empty() {
            return Err(self.failure(
                "holds no certificate",
                "name the file with -----BEGIN CERTIFICATE----- in it".to_owned(),
            ));
        }
        Ok(found)
    }

    fn has(&self, part: &[u8]) -> bool {
        self.bytes.windows(part.len()).any(|window| window == part)
    }

    fn not_pem(&self) -> RunFailure {
        let (path, command) = (self.path, self.command);
        let is_pkcs12 =
            self.bytes.windows(PKCS12_VERSION.len()).take(6).any(|window| window == PKCS12_VERSION);
        match self.bytes.first() {
            None => self.failure("is empty", "write the PEM file anew".to_owned()),
            Some(&DER_SEQUENCE) if is_pkcs12 => self.failure(
                "is PKCS#12, and has to be PEM",
                format!("convert it: `openssl pkcs12 -in {path} -out converted.pem -nodes`"),
            ),
            Some(&DER_SEQUENCE) => self.failure(
                "is DER, and has to be PEM",
                format!("convert it: `openssl {command} -inform der -in {path} -out converted.pem`"),
            ),
            Some(_) => self.failure(
                "is not PEM",
                "a PEM file is text, and has a line that begins with -----BEGIN".to_owned(),
            ),
        }
    }

    fn damaged(&self, error: &pem::Error) -> RunFailure {
        self.failure(&format!("is damaged: {error}"), "write the PEM file anew".to_owned())
    }

    fn failure(&self, what: &str, fix: String) -> RunFailure {
        FailureKind::Plan.with_fix(format!("{}: {} {what}", self.key, self.path), fix)
    }
}
