//! The certificates of a server, made when it starts: its authority's, its own, and one for a client.
//!
//! They live as long as the server does, and their keys are written nowhere by this crate. What can be wrong with the server's own is a
//! [`TlsFault`].

use std::fmt;
use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::tls_options::{TlsFault, TlsOptions};

const AUTHORITY: &str = "Vajra testbed authority";
const OTHER_AUTHORITY: &str = "Vajra testbed authority nobody was told of";

/// What a client that is no testbed's would ask for. `invalid` is a name that never resolves (RFC 2606).
const OTHER_HOST: &str = "wrong-host.invalid";

/// Clocks of different machines differ; a certificate that is valid from yesterday on is valid on all of them.
const SKEW: Duration = Duration::days(1);
const LIFETIME: Duration = Duration::days(365);
const FAR: Duration = Duration::days(30);

/// What a server of TLS shows, and what its clients need.
pub(crate) struct Certificates {
    pub(crate) authority_pem: String,
    pub(crate) authority: CertificateDer<'static>,
    pub(crate) server: CertificateDer<'static>,
    pub(crate) server_key: PrivateKeyDer<'static>,
    /// There if clients are asked for one.
    pub(crate) client: Option<ClientIdentity>,
}

/// A certificate that a server's authority signed for a client, and its key, both as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate.
    pub certificate_pem: String,
    /// The key, as PKCS #8.
    pub key_pem: String,
}

/// Without the key: what is printed while looking for a mistake ends up in logs.
impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}

impl Certificates {
    /// Makes them for a server that listens on an address. Fails when the system has no randomness to give.
    pub(crate) fn issue(options: &TlsOptions, address: IpAddr) -> Result<Certificates, rcgen::Error> {
        let authority = authority(AUTHORITY)?;
        let key = key()?;
        let params = server_params(options.fault, address)?;
        let server = match options.fault {
            Some(TlsFault::SelfSigned) => params.self_signed(&key)?,
            Some(TlsFault::UnknownAuthority) => {
                params.signed_by(&key, &*self::authority(OTHER_AUTHORITY)?)?
            }
            _ => params.signed_by(&key, &authority)?,
        };
        let client = options.requires_client_certificate.then(|| client_identity(&authority)).transpose()?;
        Ok(Certificates {
            authority_pem: authority.pem(),
            authority: authority.der().clone(),
            server: server.der().clone(),
            server_key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            client,
        })
    }
}

fn key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Result<Authority, rcgen::Error> {
    let mut params = named(name, Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, key()?)
}

fn server_params(fault: Option<TlsFault>, address: IpAddr) -> Result<CertificateParams, rcgen::Error> {
    let names = match fault {
        Some(TlsFault::WrongHost) => vec![OTHER_HOST.to_owned()],
        _ => server_names(address),
    };
    let mut params = signed("Vajra testbed", names, ExtendedKeyUsagePurpose::ServerAuth)?;
    let now = OffsetDateTime::now_utc();
    match fault {
        Some(TlsFault::Expired) => (params.not_before, params.not_after) = (now - FAR, now - SKEW),
        Some(TlsFault::NotYetValid) => (params.not_before, params.not_after) = (now + FAR, now + LIFETIME),
        _ => {}
    }
    Ok(params)
}

/// Whom the server may be called: loopback by any name, and the address it listens on if that is a single one.
fn server_names(address: IpAddr) -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let listened_on = address.to_string();
    if !address.is_unspecified() && !names.contains(&listened_on) {
        names.push(listened_on);
    }
    names
}

fn client_identity(authority: &Authority) -> Result<ClientIdentity, rcgen::Error> {
    let key = key()?;
    let params = signed("Vajra testbed client", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)?;
    let certificate = params.signed_by(&key, authority)?;
    Ok(ClientIdentity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

/// A certificate that an authority is to sign, for one end of a connection.
fn signed(
    name: &str,
    names: Vec<String>,
    purpose: ExtendedKeyUsagePurpose,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = named(name, names)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    Ok(params)
}

fn named(name: &str, names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - SKEW, now + LIFETIME);
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_listened_on_is_a_name_unless_it_is_every_address() {
        let names = |address: &str| server_names(address.parse().expect("an address"));
        assert_eq!(names("10.1.2.3"), ["localhost", "127.0.0.1", "::1", "10.1.2.3"]);
        for address in ["0.0.0.0", "::", "127.0.0.1", "::1"] {
            assert_eq!(names(address), ["localhost", "127.0.0.1", "::1"], "{address}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let options = TlsOptions { requires_client_certificate: true, ..TlsOptions::default() };
        let issued = Certificates::issue(&options, IpAddr::from([127, 0, 0, 1])).expect("certificates");
        let identity = issued.client.expect("clients are asked for one");
        assert!(identity.key_pem.contains("PRIVATE KEY"));
        assert!(!format!("{identity:?}").contains("PRIVATE KEY"));
    }
}
