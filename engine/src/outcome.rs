//! How a request can end, and whose doing it was.

use serde::{Deserialize, Serialize};

/// Who has to act on a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The system under test, or the network before it.
    Target,
    /// Vajra or the machine it runs on: such failures count against the run's validity.
    Generator,
    /// Whoever wrote the plan or stopped the run.
    Operator,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// The connection was refused, reset or timed out while being made.
    Connect,
    /// This machine has no local port left for a new connection.
    Ports,
    /// This machine is out of descriptors, memory or buffers.
    Resources,
    /// The request could not be written.
    Send,
    /// The response could not be read: connection reset.
    Receive,
    /// The target closed the connection before the response was complete.
    Eof,
    /// No complete response in time.
    Timeout,
    /// What came is not as the standard of its protocol has it.
    Protocol,
    /// A complete response with a status of 400 or above, of gRPC with another than OK; a redirect that is to be followed and cannot be; or
    /// a WebSocket was closed in its place, by a code.
    Status,
    /// Still under way when the run had to end.
    Unfinished,
    /// TLS could not be agreed on, or what came was not TLS as the standard has it.
    Tls,
    /// A complete response of which a check of the plan does not hold.
    Check,
    /// A complete response without a value that the plan takes from it.
    Extract,
    /// The request could not be filled in: a value was not there, or may not stand in its place. Nothing was sent.
    Template,
    /// There was no row left for it in a data file. Nothing was sent.
    Feed,
    /// The breaker of its client was open. Nothing was sent.
    Breaker,
}

impl Kind {
    /// How many kinds there are.
    pub const COUNT: usize = Kind::ALL.len();

    /// Every kind, in the order of the enum.
    pub const ALL: [Kind; 16] = [
        Kind::Connect,
        Kind::Ports,
        Kind::Resources,
        Kind::Send,
        Kind::Receive,
        Kind::Eof,
        Kind::Timeout,
        Kind::Protocol,
        Kind::Status,
        Kind::Unfinished,
        Kind::Tls,
        Kind::Check,
        Kind::Extract,
        Kind::Template,
        Kind::Feed,
        Kind::Breaker,
    ];

    /// The word used in reports.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Whose doing it is.
    pub fn fault(self) -> Fault {
        self.row().1
    }

    /// What it means, for people.
    pub fn meaning(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, Fault, &'static str) {
        use Fault::{Generator, Operator, Target};
        match self {
            Kind::Connect => ("connect", Target, "no connection could be made"),
            Kind::Ports => ("ports", Generator, "no local port left on this machine"),
            Kind::Resources => ("resources", Generator, "this machine ran out of descriptors or memory"),
            Kind::Send => ("send", Target, "the connection broke while sending"),
            Kind::Receive => ("receive", Target, "the connection was reset before the response"),
            Kind::Eof => ("eof", Target, "the connection was closed before the response was complete"),
            Kind::Timeout => ("timeout", Target, "no complete response within the timeout"),
            Kind::Protocol => ("protocol", Target, "what came was against the protocol"),
            Kind::Status => ("status", Target, "the response's status was 400 or above"),
            Kind::Unfinished => ("unfinished", Operator, "still under way when the run ended"),
            Kind::Tls => ("tls", Target, "TLS failed: a handshake, or what came after it"),
            Kind::Check => ("check", Target, "a check of the plan did not hold of the response"),
            Kind::Extract => ("extract", Target, "the response had not a value that the plan takes from it"),
            Kind::Template => ("template", Operator, "the request could not be filled in, and was not sent"),
            Kind::Feed => ("feed", Operator, "no row was left for it in a data file, and it was not sent"),
            Kind::Breaker => ("breaker", Target, "the breaker of its client was open, and it was not sent"),
        }
    }
}

/// How one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A complete response, whose code is a success by its protocol's rule.
    Ok(u16),
    /// A complete response, whose code is none.
    Refused(u16),
    /// No complete response.
    Failed(Kind),
    /// A complete response with this code, of which a check of the plan does not hold.
    CheckFailed(u16),
    /// The same without a value that the plan takes from it.
    ValueMissing(u16),
}

impl Outcome {
    /// Of a complete response.
    #[inline]
    pub fn of_response(code: u16, is_ok: bool) -> Outcome {
        if is_ok { Outcome::Ok(code) } else { Outcome::Refused(code) }
    }

    /// What kind of failure it is, if it is one.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Outcome::Ok(_) => None,
            Outcome::Refused(_) => Some(Kind::Status),
            Outcome::CheckFailed(_) => Some(Kind::Check),
            Outcome::ValueMissing(_) => Some(Kind::Extract),
            Outcome::Failed(kind) => Some(kind),
        }
    }

    /// The code of a complete response.
    pub fn status(self) -> Option<u16> {
        match self {
            Outcome::Ok(code)
            | Outcome::Refused(code)
            | Outcome::CheckFailed(code)
            | Outcome::ValueMissing(code) => Some(code),
            Outcome::Failed(_) => None,
        }
    }

    /// A number that tells outcomes apart: the response's code, or for failures the kind, below any code.
    pub(crate) fn code(self) -> u32 {
        match self {
            Outcome::Ok(code)
            | Outcome::Refused(code)
            | Outcome::CheckFailed(code)
            | Outcome::ValueMissing(code) => Kind::COUNT as u32 + u32::from(code),
            Outcome::Failed(kind) => kind as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_at_its_own_index_under_its_own_name() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
