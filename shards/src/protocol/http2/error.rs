//! What can be wrong with a connection or a stream of HTTP/2, by the names of RFC 9113, section 7.

use crate::protocol::{RequestFailure, Touched, Unusable};
use engine::outcome::Kind;

/// A code of RST_STREAM and GOAWAY frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// Nothing is wrong.
    pub const NO_ERROR: ErrorCode = ErrorCode(0x0);
    /// The protocol was not kept to, and no other code says it better.
    pub const PROTOCOL_ERROR: ErrorCode = ErrorCode(0x1);
    /// Something went wrong inside the one who says it.
    pub const INTERNAL_ERROR: ErrorCode = ErrorCode(0x2);
    /// More was sent than the window allowed.
    pub const FLOW_CONTROL_ERROR: ErrorCode = ErrorCode(0x3);
    /// SETTINGS were not acknowledged in time.
    pub const SETTINGS_TIMEOUT: ErrorCode = ErrorCode(0x4);
    /// A frame came on a stream that had ended.
    pub const STREAM_CLOSED: ErrorCode = ErrorCode(0x5);
    /// A frame has a length that it cannot have.
    pub const FRAME_SIZE_ERROR: ErrorCode = ErrorCode(0x6);
    /// The stream was not worked on at all.
    pub const REFUSED_STREAM: ErrorCode = ErrorCode(0x7);
    /// The stream is not needed any more.
    pub const CANCEL: ErrorCode = ErrorCode(0x8);
    /// A header block cannot be decoded.
    pub const COMPRESSION_ERROR: ErrorCode = ErrorCode(0x9);
    /// The connection of a CONNECT request broke.
    pub const CONNECT_ERROR: ErrorCode = ErrorCode(0xa);
    /// The other side does what may be an attack.
    pub const ENHANCE_YOUR_CALM: ErrorCode = ErrorCode(0xb);
    /// TLS is not as safe as it has to be.
    pub const INADEQUATE_SECURITY: ErrorCode = ErrorCode(0xc);
    /// The request has to be made over HTTP/1.1.
    pub const HTTP_1_1_REQUIRED: ErrorCode = ErrorCode(0xd);

    /// The name that the standard has for it.
    pub fn name(self) -> &'static str {
        NAMES.get(self.0 as usize).map_or("an unknown code", |(name, _, _)| name)
    }

    /// What a GOAWAY with this code means to whoever waits for responses.
    pub(super) fn of_goaway(self) -> &'static str {
        NAMES
            .get(self.0 as usize)
            .map_or("the target ended the connection by GOAWAY", |(_, goaway, _)| goaway)
    }

    /// What a RST_STREAM with this code means to whoever waits for the response.
    pub(super) fn of_reset(self) -> &'static str {
        NAMES.get(self.0 as usize).map_or("the target reset the stream", |(_, _, reset)| reset)
    }
}

/// A code's name, and what is said of GOAWAY and RST_STREAM frames with it.
macro_rules! names {
    ($($name:literal),*) => {
        [$((
            $name,
            concat!("the target ended the connection by GOAWAY with ", $name),
            concat!("the target reset the stream with ", $name),
        )),*]
    };
}

/// In the order of the codes.
const NAMES: [(&str, &str, &str); 14] = names![
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED"
];

/// Why a connection has to be given up: the target is told by GOAWAY. It is handed on by reference: in a register beside what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionError {
    pub(super) code: ErrorCode,
    /// What is wrong, for people; begins with the code's name.
    pub(super) why: &'static str,
}

impl From<&ConnectionError> for Unusable {
    fn from(error: &ConnectionError) -> Unusable {
        Unusable { kind: Kind::Protocol, why: error.why }
    }
}

/// A connection error by the name of its code.
macro_rules! connection_error {
    ($code:ident, $why:literal) => {
        &$crate::protocol::http2::error::ConnectionError {
            code: $crate::protocol::http2::error::ErrorCode::$code,
            why: concat!(stringify!($code), ": ", $why),
        }
    };
}
pub(super) use connection_error;

/// Of a response that breaks the standard.
pub(super) fn malformed(why: &'static str) -> RequestFailure {
    RequestFailure { kind: Kind::Protocol, why, touched: Touched::Perhaps }
}

/// Of a request that the target gave up.
pub(super) fn reset(code: ErrorCode) -> RequestFailure {
    let touched = if code == ErrorCode::REFUSED_STREAM { Touched::No } else { Touched::Perhaps };
    RequestFailure { kind: Kind::Receive, why: code.of_reset(), touched }
}

/// Of a request that a target which is going away has not looked at, and on whose connection it has done others, or none.
pub(super) fn passed_over(code: ErrorCode, has_done_others: bool) -> RequestFailure {
    let is_in_order = code == ErrorCode::NO_ERROR && has_done_others;
    let touched = if is_in_order { Touched::Passed } else { Touched::No };
    RequestFailure { kind: Kind::Eof, why: code.of_goaway(), touched }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_its_name_wherever_it_comes() {
        assert_eq!(ErrorCode::HTTP_1_1_REQUIRED.name(), "HTTP_1_1_REQUIRED");
        assert_eq!(ErrorCode(0xff).name(), "an unknown code");
        for code in (0..14).map(ErrorCode) {
            assert!(code.of_goaway().ends_with(code.name()) && code.of_reset().ends_with(code.name()));
        }
        let error = connection_error!(ENHANCE_YOUR_CALM, "too much");
        assert_eq!((error.code, error.why), (ErrorCode::ENHANCE_YOUR_CALM, "ENHANCE_YOUR_CALM: too much"));
    }
}
