//! Why a handshake failed, in words that say what to look at.

use super::alert::Breach;
use super::verifier::SelfSigned;
use rustls::{CertificateError, Error, OtherError, PeerIncompatible, PeerMisbehaved};

/// What an error of rustls means.
pub(super) fn breach(error: &Error) -> Breach {
    match error {
        Error::AlertReceived(code) => Breach::received(u8::from(*code)),
        error => Breach::silent(of(error)),
    }
}

fn of(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::PeerIncompatible(incompatible) => of_incompatible(incompatible),
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol)
        | Error::NoApplicationProtocol => ALPN,
        Error::PeerMisbehaved(_) => "the target broke the rules of the TLS handshake",
        Error::InvalidMessage(_) => "the target sent a malformed message of the TLS handshake",
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            "the target sent a message that has no place at that point of the TLS handshake"
        }
        Error::DecryptError => "the target sent a record of the TLS handshake that its key does not open",
        Error::PeerSentOversizedRecord => "the target sent a TLS record that is longer than any may be",
        Error::NoCertificatesPresented => "the target has no certificate",
        Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes => {
            "this machine has no clock or no random numbers for TLS"
        }
        _ => "the TLS handshake failed",
    }
}

/// The target speaks another protocol on this connection than was expected.
pub(super) const ALPN: &str = "the target did not choose by ALPN what is to be spoken";

fn of_certificate(error: &CertificateError) -> &'static str {
    use CertificateError as Reason;
    match error {
        Reason::Expired | Reason::ExpiredContext { .. } => "the target's certificate has expired",
        Reason::NotValidYet | Reason::NotValidYetContext { .. } => {
            "the target's certificate is not valid yet"
        }
        Reason::NotValidForName | Reason::NotValidForNameContext { .. } => {
            "the target's certificate is for another host"
        }
        Reason::UnknownIssuer => "the target's certificate is from an authority that is not trusted here",
        Reason::Revoked => "the target's certificate is revoked",
        Reason::BadEncoding => "the target's certificate is malformed",
        Reason::BadSignature => "the target's certificate or handshake has a signature that is wrong",
        Reason::InvalidPurpose | Reason::InvalidPurposeContext { .. } => {
            "the target's certificate is not one for servers"
        }
        Reason::Other(OtherError(other)) => of_other(other.as_ref()),
        _ => "the target's certificate is not valid",
    }
}

fn of_other(other: &(dyn std::error::Error + Send + Sync + 'static)) -> &'static str {
    if other.is::<SelfSigned>() {
        return SelfSigned::TEXT;
    }
    match other.downcast_ref::<webpki::Error>() {
        Some(webpki::Error::CaUsedAsEndEntity) => {
            "the target's certificate is that of an authority (CA:TRUE), and not one for servers"
        }
        Some(webpki::Error::UnsupportedCertVersion) => "the target's certificate is not of X.509 version 3",
        _ => "the target's certificate is not valid",
    }
}

fn of_incompatible(incompatible: &PeerIncompatible) -> &'static str {
    use PeerIncompatible as Reason;
    match incompatible {
        Reason::ServerDoesNotSupportTls12Or13 => "the target speaks neither TLS 1.2 nor TLS 1.3",
        Reason::ServerTlsVersionIsDisabledByOurConfig => {
            "the target speaks no version of TLS that the plan allows"
        }
        Reason::NoCertificateRequestSignatureSchemesInCommon => {
            "the target wants a client certificate with another kind of key"
        }
        Reason::NoCipherSuitesInCommon => "the target has no cipher suite in common with the plan",
        Reason::NoKxGroupsInCommon => "the target has no group for exchanging keys in common with the plan",
        _ => "the target lacks something that TLS needs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::AlertDescription;

    #[test]
    fn errors_are_told_by_what_to_look_at() {
        let cases: [(Error, &str); 6] = [
            (CertificateError::Expired.into(), "expired"),
            (CertificateError::UnknownIssuer.into(), "not trusted here"),
            (PeerIncompatible::ServerDoesNotSupportTls12Or13.into(), "neither TLS 1.2"),
            (Error::AlertReceived(AlertDescription::UnrecognisedName), "alert unrecognized_name"),
            (Error::NoApplicationProtocol, "ALPN"),
            (Error::General(String::new()), "handshake failed"),
        ];
        for (error, expected) in cases {
            let why = breach(&error).why;
            assert!(why.contains(expected), "{error}: {why}");
        }
    }
}
