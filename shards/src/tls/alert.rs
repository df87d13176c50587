//! Alerts of TLS (RFC 8446 section 6), by number and in words; and what in a connection calls for one.

use crate::protocol::Unusable;
use engine::outcome::Kind;

/// The other side sends no more. Not a failure.
pub(super) const CLOSE_NOTIFY: u8 = 0;
/// A message that has no place where it came.
pub(super) const UNEXPECTED_MESSAGE: u8 = 10;
/// A record that its key does not open.
pub(super) const BAD_RECORD_MAC: u8 = 20;
/// A record that is longer than any may be.
pub(super) const RECORD_OVERFLOW: u8 = 22;
/// A field with a value that it cannot have.
pub(super) const ILLEGAL_PARAMETER: u8 = 47;
/// A message whose parts do not fit its length.
pub(super) const DECODE_ERROR: u8 = 50;
/// Something that is neither side's doing.
pub(super) const INTERNAL_ERROR: u8 = 80;
/// The other side gave a handshake up. A close_notify follows.
pub(super) const USER_CANCELED: u8 = 90;
/// We do not renegotiate.
pub(super) const NO_RENEGOTIATION: u8 = 100;

/// The level of an alert that does not end the connection.
pub(super) const LEVEL_WARNING: u8 = 1;
/// The level of one that does.
pub(super) const LEVEL_FATAL: u8 = 2;

/// The alert that an unusable connection ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alert {
    /// None that is known of: there is no key for one, or rustls sends it.
    None,
    /// We are to send it.
    Ours(u8),
    /// It came.
    Theirs(u8),
}

/// What makes a connection of TLS unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Breach {
    pub(super) alert: Alert,
    pub(super) kind: Kind,
    pub(super) why: &'static str,
}

impl Alert {
    /// What it is called.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Alert::None => None,
            Alert::Ours(code) | Alert::Theirs(code) => Some(name(code)),
        }
    }
}

impl Breach {
    /// Of the other side; it is told by an alert.
    pub(super) const fn new(alert: u8, why: &'static str) -> Breach {
        Breach { alert: Alert::Ours(alert), kind: Kind::Tls, why }
    }

    /// The other side knows, or is told by rustls, or cannot be told.
    pub(super) const fn silent(why: &'static str) -> Breach {
        Breach { alert: Alert::None, kind: Kind::Tls, why }
    }

    /// The other side sent an alert.
    pub(super) fn received(code: u8) -> Breach {
        Breach { alert: Alert::Theirs(code), kind: Kind::Tls, why: received(code) }
    }
}

impl From<Breach> for Unusable {
    fn from(breach: Breach) -> Unusable {
        Unusable { kind: breach.kind, why: breach.why }
    }
}

/// Numbers, names, and for those that are told to an operator what to look at.
macro_rules! alerts {
    ($($code:literal $name:literal $hint:literal)*) => {
        /// What an alert is called.
        fn name(code: u8) -> &'static str {
            match code {
                $($code => $name,)*
                _ => "an unknown alert",
            }
        }

        /// An alert that came, in words.
        fn received(code: u8) -> &'static str {
            match code {
                $($code => concat!("the target sent the alert ", $name, $hint),)*
                _ => "the target sent an unknown alert",
            }
        }
    };
}

alerts! {
    0 "close_notify" ""
    10 "unexpected_message" ""
    20 "bad_record_mac" ""
    21 "decryption_failed" ""
    22 "record_overflow" ""
    30 "decompression_failure" ""
    40 "handshake_failure" ": no version, cipher, group or signature in common, or it wants a client certificate"
    41 "no_certificate" ""
    42 "bad_certificate" ": it refuses the client certificate"
    43 "unsupported_certificate" ": it refuses this kind of client certificate"
    44 "certificate_revoked" ": the client certificate is revoked"
    45 "certificate_expired" ": the client certificate is no longer valid, or not yet"
    46 "certificate_unknown" ": it refuses the client certificate"
    47 "illegal_parameter" ""
    48 "unknown_ca" ": it does not trust the authority of the client certificate"
    49 "access_denied" ": the client certificate is valid and not let in"
    50 "decode_error" ""
    51 "decrypt_error" ""
    60 "export_restriction" ""
    70 "protocol_version" ": it speaks none of the versions of TLS that were offered"
    71 "insufficient_security" ": it wants stronger ciphers than were offered"
    80 "internal_error" ""
    86 "inappropriate_fallback" ""
    90 "user_canceled" ""
    100 "no_renegotiation" ""
    109 "missing_extension" ""
    110 "unsupported_extension" ""
    111 "certificate_unobtainable" ""
    112 "unrecognized_name" ": it serves no site of this name"
    113 "bad_certificate_status_response" ""
    114 "bad_certificate_hash_value" ""
    115 "unknown_psk_identity" ""
    116 "certificate_required" ": it wants a client certificate, and there is none in the plan"
    120 "no_application_protocol" ": it speaks none of the protocols that were offered by ALPN"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_their_names_of_the_registry() {
        let names = [CLOSE_NOTIFY, BAD_RECORD_MAC, RECORD_OVERFLOW, DECODE_ERROR, 112].map(name);
        assert_eq!(
            names,
            ["close_notify", "bad_record_mac", "record_overflow", "decode_error", "unrecognized_name"]
        );
        assert_eq!(received(116).split(':').next(), Some("the target sent the alert certificate_required"));
        assert_eq!(received(7), "the target sent an unknown alert");
    }
}
