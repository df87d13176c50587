//! How a call ends: its status, as it stands in trailers.

use std::borrow::Cow;
use std::fmt::Write;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::BehaviourError;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// A status of gRPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RpcStatus {
    code: u32,
    message: Cow<'static, str>,
}

impl RpcStatus {
    pub(crate) const OK: RpcStatus = RpcStatus::new(0, "");

    pub(crate) const fn new(code: u32, message: &'static str) -> RpcStatus {
        RpcStatus { code, message: Cow::Borrowed(message) }
    }

    pub(crate) const fn invalid_argument(message: &'static str) -> RpcStatus {
        RpcStatus::new(3, message)
    }

    pub(crate) const fn deadline_exceeded() -> RpcStatus {
        RpcStatus::new(4, "the deadline has passed")
    }

    pub(crate) const fn resource_exhausted(message: &'static str) -> RpcStatus {
        RpcStatus::new(8, message)
    }

    pub(crate) const fn unimplemented(message: &'static str) -> RpcStatus {
        RpcStatus::new(12, message)
    }

    pub(crate) const fn internal(message: &'static str) -> RpcStatus {
        RpcStatus::new(13, message)
    }

    /// A call was told to behave in a way that is none.
    pub(crate) fn malformed_behaviour(error: &BehaviourError) -> RpcStatus {
        RpcStatus { message: Cow::Owned(error.to_string()), ..RpcStatus::invalid_argument("") }
    }

    pub(crate) fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(2);
        trailers.insert(GRPC_STATUS, HeaderValue::from(self.code));
        if !self.message.is_empty() {
            let message = HeaderValue::from_str(&escaped(&self.message));
            trailers.insert(GRPC_MESSAGE, message.expect("what is escaped is printable ASCII"));
        }
        trailers
    }
}

/// A message as gRPC has it in a header: printable ASCII as it is, and the rest by percent.
fn escaped(message: &str) -> String {
    let mut escaped = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b'%' | ..=0x1f | 0x7f.. => write!(escaped, "%{byte:02X}").expect("a string takes all text"),
            printable => escaped.push(char::from(printable)),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_printable_in_its_header() {
        assert_eq!(escaped("as the request asks"), "as the request asks");
        assert_eq!(escaped("error=1%\nü"), "error=1%25%0A%C3%BC");
    }
}
