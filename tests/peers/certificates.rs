//! Certificates for the servers of tests and for their clients, made when a test begins and gone when it ends.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

/// An authority, and a folder with what it signed.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

/// What a certificate's key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Ecdsa,
    Rsa,
}

/// A certificate and its key, in files and as they are sent.
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) certificate_der: Vec<u8>,
    pub(crate) key_der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::default();
        let key = KeyPair::generate().unwrap();
        // Each has a name of its own, so that none is taken for another whose signatures are wrong.
        params
            .distinguished_name
            .push(DnType::CommonName, format!("Authority {:x?}", &key.public_key_raw()[1..9]));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_pem = params.self_signed(&key).unwrap().pem();
        let authority = Authority {
            folder: tempfile::tempdir().unwrap(),
            issuer: Issuer::new(params, key),
            certificate_pem,
        };
        fs::write(authority.path("ca.pem"), &authority.certificate_pem).unwrap();
        super::open_to_all(&authority.folder);
        authority
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Its own certificate.
    pub(crate) fn ca(&self) -> String {
        self.path("ca.pem")
    }

    /// Signs a certificate for a server on this machine.
    pub(crate) fn server(&self, name: &str, kind: KeyKind) -> Signed {
        self.sign(name, &kind.make(), |_| ())
    }

    /// Signs one for a client.
    pub(crate) fn client(&self, name: &str, kind: KeyKind) -> Signed {
        self.sign(name, &kind.make(), |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// Signs one that is not valid any more.
    pub(crate) fn expired(&self, name: &str) -> Signed {
        self.sign(name, &KeyKind::Ecdsa.make(), |params| params.not_after = rcgen::date_time_ymd(2001, 1, 1))
    }

    fn sign(&self, name: &str, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let made = params.signed_by(key, &self.issuer).unwrap();
        let (certificate, key_path) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        fs::write(&certificate, made.pem()).unwrap();
        fs::write(&key_path, key.serialize_pem()).unwrap();
        Signed {
            certificate,
            key: key_path,
            certificate_der: made.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }

    /// Has OpenSSL make a file in the folder: `@NAME` stands for the path of NAME in it.
    pub(crate) fn openssl(&self, words: &[&str]) {
        let words = words.iter().map(|word| match word.strip_prefix('@') {
            Some(name) => self.path(name),
            None => (*word).to_owned(),
        });
        openssl(&words.collect::<Vec<String>>());
    }
}

impl KeyKind {
    /// ring makes no RSA keys; OpenSSL does.
    fn make(self) -> KeyPair {
        match self {
            KeyKind::Ecdsa => KeyPair::generate().unwrap(),
            KeyKind::Rsa => {
                let words = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
                let pem = openssl(&words.map(str::to_owned));
                KeyPair::from_pem(&String::from_utf8(pem).unwrap()).unwrap()
            }
        }
    }
}

fn openssl(words: &[String]) -> Vec<u8> {
    let output = Command::new("openssl").args(words).output();
    let output = output.unwrap_or_else(|error| panic!("openssl: {error}; .ci/run installs it"));
    assert!(output.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
