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
pub(super) fn failure(place: &str, why: &str, detail: Option<&str>) -> Check {
    let found = match detail {
        Some(detail) => format!("{place}: {why} ({detail})"),
        None => format!("{place}: {why}"),
    };
    Check::fail_of_target(TLS, found, fix(why))
}

/// By what was found.
fn fix(why: &str) -> &'static str {
    match why {
        _ if why.contains("authority") || why.contains("trusted") => {
            "trust it with --cacert FILE, or for a test without any security: -k"
        }
        _ if why.contains("name") => "ask for the name that it has with `tls.server_name`, or: -k",
        _ if why.contains("expired") || why.contains("valid yet") => "renew the certificate, or: -k",
        _ if why.contains("speak") || why.contains("HTTP") => "write http:// if the target speaks no TLS",
        _ => "check the port, the versions, the ciphers and the certificates of both sides",
    }
}
