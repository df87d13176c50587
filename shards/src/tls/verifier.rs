//! Whether a target's certificate is good: as webpki has it, or not looked at.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature as verify_1_2, verify_tls13_signature as verify_1_3,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use std::fmt;
use std::sync::Arc;
use webpki::EndEntityCert;

/// A certificate that vouches for itself, and is not among those that are trusted.
#[derive(Debug)]
pub(super) struct SelfSigned;

impl SelfSigned {
    pub(super) const TEXT: &str =
        "the target's certificate is self-signed: trust it by tls.ca, or allow any by tls.verify = false";
}

impl fmt::Display for SelfSigned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(SelfSigned::TEXT)
    }
}

impl std::error::Error for SelfSigned {}

/// Which certificates are accepted. Signatures of the handshake are checked in any case.
#[derive(Debug)]
pub(super) enum Verifier {
    /// Those that webpki accepts, and those that are named themselves.
    Checked { webpki: Arc<WebPkiServerVerifier>, trusted: Vec<CertificateDer<'static>> },
    /// All.
    Unchecked(WebPkiSupportedAlgorithms),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Verifier::Checked { webpki, trusted } = self else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = webpki.verify_server_cert(certificate, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(error) if is_authority(&error) && trusted.iter().any(|trusted| trusted == certificate) => {
                verify_named(certificate, server_name)
            }
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
                if is_self_signed(certificate) =>
            {
                Err(CertificateError::Other(OtherError(Arc::new(SelfSigned))).into())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Verifier::Checked { webpki, .. } => {
                webpki.verify_tls12_signature(message, certificate, signature)
            }
            Verifier::Unchecked(algorithms) => verify_1_2(message, certificate, signature, algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Verifier::Checked { webpki, .. } => {
                webpki.verify_tls13_signature(message, certificate, signature)
            }
            Verifier::Unchecked(algorithms) => verify_1_3(message, certificate, signature, algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match self {
            Verifier::Checked { webpki, .. } => webpki.supported_verify_schemes(),
            Verifier::Unchecked(algorithms) => algorithms.supported_schemes(),
        }
    }
}

/// Whether a certificate was refused because it is an authority's. That is looked at after the times of its validity.
fn is_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(other))) = error else { return false };
    matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// A certificate that `openssl req -x509` makes is its own authority. Where it is named in `tls.ca`, it is trusted as what it is used
/// for, as other clients do; only the name is left to be checked.
fn verify_named(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
) -> Result<ServerCertVerified, Error> {
    rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, server_name)?;
    Ok(ServerCertVerified::assertion())
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(certificate).is_ok_and(|parsed| parsed.issuer() == parsed.subject())
}
