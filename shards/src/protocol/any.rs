//! Any protocol there is, where the loop is not compiled for one: a closed set, told apart by one match.

use super::http1::{HeadMemo, Http1};
use super::{Events, Protocol, Readiness, Receive, Response, Unusable};
use engine::outbox::Outbox;
use engine::seams::{Call, Source};

/// One of the protocols there are, of one connection.
#[derive(Debug)]
pub enum AnyProtocol {
    /// HTTP/1.1.
    Http1(Http1),
}

/// What connections of a protocol share, and with it which protocol they speak.
#[derive(Debug)]
pub enum AnyShared {
    /// HTTP/1.1.
    Http1(HeadMemo),
}

impl Protocol for AnyProtocol {
    type Shared = AnyShared;

    const IS_VERBATIM: bool = false;

    fn is_verbatim(shared: &AnyShared) -> bool {
        match shared {
            AnyShared::Http1(memo) => Http1::is_verbatim(memo),
        }
    }

    fn outbox_bytes(shared: &AnyShared, request_bytes: usize) -> usize {
        match shared {
            AnyShared::Http1(memo) => Http1::outbox_bytes(memo, request_bytes),
        }
    }

    fn new(shared: &AnyShared) -> AnyProtocol {
        match shared {
            AnyShared::Http1(memo) => AnyProtocol::Http1(Http1::new(memo)),
        }
    }

    fn opened(&mut self, shared: &mut AnyShared, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        match (self, shared) {
            (AnyProtocol::Http1(http), AnyShared::Http1(memo)) => http.opened(memo, out),
        }
    }

    fn readiness(&self) -> Readiness {
        match self {
            AnyProtocol::Http1(http) => http.readiness(),
        }
    }

    #[inline]
    fn send<S: Source>(
        &mut self,
        shared: &mut AnyShared,
        source: &mut S,
        call: Call,
        number: u64,
        out: &mut Outbox<'_>,
    ) -> Result<(), Unusable> {
        match (self, shared) {
            (AnyProtocol::Http1(http), AnyShared::Http1(memo)) => http.send(memo, source, call, number, out),
        }
    }

    #[inline]
    fn receive(
        &mut self,
        shared: &mut AnyShared,
        bytes: &mut [u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        match (self, shared) {
            (AnyProtocol::Http1(http), AnyShared::Http1(memo)) => http.receive(memo, bytes, out, on),
        }
    }

    #[inline]
    fn wish(&self) -> Receive {
        match self {
            AnyProtocol::Http1(http) => http.wish(),
        }
    }

    fn discarded(&mut self, bytes: u64, on: &mut impl Events) -> Result<(), Unusable> {
        match self {
            AnyProtocol::Http1(http) => http.discarded(bytes, on),
        }
    }

    fn ended(&mut self, on: &mut impl Events) -> Unusable {
        match self {
            AnyProtocol::Http1(http) => http.ended(on),
        }
    }

    fn begun(&self) -> Option<Response> {
        match self {
            AnyProtocol::Http1(http) => http.begun(),
        }
    }
}
