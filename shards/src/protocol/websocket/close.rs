//! How a WebSocket ends: by a code and a reason from either side (RFC 6455, section 7.4).

use crate::protocol::Unusable;
use engine::outcome::Kind;

/// A code by which a WebSocket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// All is done.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The other side did not keep to the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// There was none: stands in no frame.
    pub const NONE_GIVEN: CloseCode = CloseCode(1005);
    /// A message is not what it says it is.
    pub const INVALID_DATA: CloseCode = CloseCode(1007);
    /// A message is longer than is taken.
    pub const TOO_BIG: CloseCode = CloseCode(1009);

    /// What it means, in words; nothing of a code that applications give a meaning.
    pub fn meaning(self) -> Option<&'static str> {
        Some(match self.0 {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "data of a kind that it does not take",
            1005 => "no code",
            1007 => "data that is not what it says it is",
            1008 => "against its policy",
            1009 => "message too big",
            1010 => "an extension was wanted",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            _ => return None,
        })
    }

    /// Whether it may stand in a frame: codes that are registered, and those of libraries (3000 on) and applications (4000 on).
    pub(super) fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// Why the connection is of no more use once the target has closed it by this code.
    pub(super) fn unusable(self) -> Unusable {
        let why = match self.0 {
            1000 => "the target closed the WebSocket: 1000, normal closure",
            1001 => "the target closed the WebSocket: 1001, going away",
            1002 => "the target closed the WebSocket: 1002, protocol error",
            1003 => "the target closed the WebSocket: 1003, data of a kind that it does not take",
            1005 => "the target closed the WebSocket without a code",
            1007 => "the target closed the WebSocket: 1007, data that is not what it says it is",
            1008 => "the target closed the WebSocket: 1008, against its policy",
            1009 => "the target closed the WebSocket: 1009, message too big",
            1010 => "the target closed the WebSocket: 1010, an extension was wanted",
            1011 => "the target closed the WebSocket: 1011, internal error",
            1012 => "the target closed the WebSocket: 1012, service restart",
            1013 => "the target closed the WebSocket: 1013, try again later",
            1014 => "the target closed the WebSocket: 1014, bad gateway",
            3000..=3999 => "the target closed the WebSocket by the code of a library",
            _ => "the target closed the WebSocket by a code of its application",
        };
        Unusable { kind: Kind::Eof, why }
    }
}

/// What a target did against the protocol: it is told by the code, and people in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketBreach {
    pub(super) code: CloseCode,
    pub(super) why: &'static str,
}

impl SocketBreach {
    /// Of frames and handshakes.
    pub(super) const fn of_protocol(why: &'static str) -> SocketBreach {
        SocketBreach { code: CloseCode::PROTOCOL_ERROR, why }
    }
}

impl From<SocketBreach> for Unusable {
    fn from(breach: SocketBreach) -> Unusable {
        Unusable { kind: Kind::Protocol, why: breach.why }
    }
}

/// Reads the payload of a close frame: its code, if it has one, and its reason.
pub(super) fn read(payload: &[u8]) -> Result<(CloseCode, &str), SocketBreach> {
    let (code, reason) = match payload {
        [] => return Ok((CloseCode::NONE_GIVEN, "")),
        [_] => return Err(SocketBreach::of_protocol("a close frame has half a code")),
        [high, low, reason @ ..] => (CloseCode(u16::from_be_bytes([*high, *low])), reason),
    };
    if !code.may_be_sent() {
        return Err(SocketBreach::of_protocol("a close frame has a code that none may have"));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok((code, reason)),
        Err(_) => Err(SocketBreach {
            code: CloseCode::INVALID_DATA,
            why: "the reason in a close frame is not UTF-8",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_has_a_meaning_says_it_when_it_closes() {
        for code in (0..=u16::MAX).map(CloseCode).filter(|code| code.may_be_sent()) {
            let why = code.unusable().why;
            match code.meaning() {
                Some(meaning) => assert!(why.ends_with(&format!("{}, {meaning}", code.0)), "{why}"),
                None => assert!(code.0 >= 3000, "{code:?}"),
            }
        }
        assert_eq!(CloseCode::NONE_GIVEN.meaning(), Some("no code"));
    }
}
