//! What a handshake of TLS came to, in words.

use super::check::Check;
use crate::tls::{Agreed, Tls};
use engine::plain::plain;
use engine::plan::TlsVersion;
use engine::quantity::counted;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// What a check of the handshake is called.
const TLS: &str = "tls";

/// What was agreed on.
pub(super) fn check(tls: &Tls) -> Check {
    Check::pass(TLS, tls.agreed().map_or_else(String::new, agreed))
}

fn agreed(agreed: &Agreed) -> String {
    let version = match agreed.version {
        TlsVersion::V1_2 => "TLS 1.2",
        TlsVersion::V1_3 => "TLS 1.3",
    };
    let mut words = vec![version, agreed.cipher];
    words.extend(agreed.group);
    let alpn = agreed.alpn.as_ref().map(|name| format!("{name} by ALPN"));
    words.extend(alpn.as_deref());
    let certificate = agreed.chain.first().and_then(|der| certificate(der, agreed.chain.len()));
    words.extend(certificate.as_deref());
    words.join(", ")
}

/// Whose a certificate is, who says so, and until when; of a chain with so many.
fn certificate(der: &[u8], chain: usize) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let (whose, by) = (common_name(certificate.subject()), common_name(certificate.issuer()));
    let until = certificate.validity().not_after.to_datetime().date();
    let behind = match chain {
        1 => String::new(),
        more => format!(", {} sent with it", counted(more as u64 - 1, "certificate")),
    };
    Some(format!("certificate of {whose} by {by}, valid until {until}{behind}"))
}

/// The common name, or all of the name where there is none; an empty one is that of a certificate whose names stand elsewhere.
fn common_name(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().find_map(|part| part.as_str().ok().map(str::to_owned));
    let shown = common.unwrap_or_else(|| name.to_string());
    if shown.is_empty() { "no name".into() } else { plain(&shown) }
}

/// Why there was no agreement, and what may help.
pub(super) fn failure(place: &str, why: &str, tls: Option<&Tls>) -> Check {
    let found = match tls.and_then(Tls::detail) {
        Some(detail) => format!("{place}: {why} ({detail})"),
        None => format!("{place}: {why}"),
    };
    let fix = match tls.is_some_and(Tls::has_refused_certificate) {
        _ if why.contains("ALPN") => {
            "speak what it speaks: --http1.1 or --http2 (`version` under `[http]`), or check the port"
        }
        true => {
            "trust its authority (--cacert FILE), ask for the name it has (`tls.server_name`), or check nothing (-k)"
        }
        false => {
            "check the scheme and the port, the versions and ciphers, and the certificates of both sides"
        }
    };
    Check::fail_of_target(TLS, found, fix)
}
