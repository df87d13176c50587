//! What a handshake of TLS came to, in words.

use super::check::Check;
use crate::tls::{Agreed, Tls};
use engine::plan::TlsVersion;

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
    words.join(", ")
}

/// Why there was no agreement, and what may help.
pub(super) fn failure(place: &str, why: &str, tls: Option<&Tls>) -> Check {
    let found = match tls.and_then(Tls::detail) {
        Some(detail) => format!("{place}: {why} ({detail})"),
        None => format!("{place}: {why}"),
    };
    let fix = match tls.is_some_and(Tls::has_refused_certificate) {
        true => {
            "trust its authority (--cacert FILE), ask for the name it has (`tls.server_name`), or check nothing (-k)"
        }
        false => {
            "check the scheme and the port, the versions and ciphers, and the certificates of both sides"
        }
    };
    Check::fail_of_target(TLS, found, fix)
}
