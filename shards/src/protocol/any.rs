//! Any protocol there is, where the loop is not compiled for one: a closed set, told apart by one match.

use super::http1::{HeadMemo, Http1};
use super::http2::{Http2, Http2Shared};
use super::secured::{Secured, SecuredShared};
use super::{Cancelled, Events, Place, Protocol, Readiness, Receive, Response, Sending, Unusable};
use crate::tls::Tls;
use engine::outbox::Outbox;
use engine::seams::Source;

/// One of the protocols there are, of one connection.
#[derive(Debug)]
pub enum AnyProtocol {
    /// HTTP/1.1.
    Http1(Http1),
    /// HTTP/1.1 inside TLS.
    Https1(Box<Secured<Http1>>),
    /// HTTP/2, as is known beforehand.
    Http2(Box<Http2>),
    /// HTTP/2 inside TLS.
    Https2(Box<Secured<Http2>>),
}

/// What connections of a protocol share, and with it which protocol they speak.
#[derive(Debug)]
pub enum AnyShared {
    /// HTTP/1.1.
    Http1(HeadMemo),
    /// HTTP/1.1 inside TLS.
    Https1(Box<SecuredShared<HeadMemo>>),
    /// HTTP/2, as is known beforehand.
    Http2(Box<Http2Shared>),
    /// HTTP/2 inside TLS.
    Https2(Box<SecuredShared<Http2Shared>>),
}

/// The same of each protocol; the two enums are of one pool, so their variants agree.
macro_rules! each {
    ($self:expr, $protocol:ident => $body:expr) => {
        match $self {
            AnyProtocol::Http1($protocol) => $body,
            AnyProtocol::Https1($protocol) => $body,
            AnyProtocol::Http2($protocol) => $body,
            AnyProtocol::Https2($protocol) => $body,
        }
    };
    ($self:expr, $shared:expr, ($protocol:ident, $of_protocol:ident) => $body:expr) => {
        match ($self, $shared) {
            (AnyProtocol::Http1($protocol), AnyShared::Http1($of_protocol)) => $body,
            (AnyProtocol::Https1($protocol), AnyShared::Https1($of_protocol)) => $body,
            (AnyProtocol::Http2($protocol), AnyShared::Http2($of_protocol)) => $body,
            (AnyProtocol::Https2($protocol), AnyShared::Https2($of_protocol)) => $body,
            _ => unreachable!("the connections of a pool speak what the pool does"),
        }
    };
}

impl AnyShared {
    /// From here on each connection keeps the certificates that the target shows, where there is TLS.
    pub fn keep_chains(&mut self) {
        match self {
            AnyShared::Http1(_) | AnyShared::Http2(_) => {}
            AnyShared::Https1(shared) => shared.client.keep_chains(),
            AnyShared::Https2(shared) => shared.client.keep_chains(),
        }
    }
}

impl AnyProtocol {
    /// The connection of HTTP/2, where it is one.
    pub fn http2(&self) -> Option<&Http2> {
        match self {
            AnyProtocol::Http1(_) | AnyProtocol::Https1(_) => None,
            AnyProtocol::Http2(http2) => Some(http2),
            AnyProtocol::Https2(secured) => Some(secured.inner()),
        }
    }

    /// The TLS of the connection, where there is any.
    pub fn tls(&self) -> Option<&Tls> {
        match self {
            AnyProtocol::Http1(_) | AnyProtocol::Http2(_) => None,
            AnyProtocol::Https1(secured) => Some(secured.tls()),
            AnyProtocol::Https2(secured) => Some(secured.tls()),
        }
    }
}

impl Protocol for AnyProtocol {
    type Shared = AnyShared;

    const IS_VERBATIM: bool = false;
    const IS_IN_ORDER: bool = false;
    const ANSWER_BYTES_MAX: usize = 0;

    fn is_verbatim(shared: &AnyShared) -> bool {
        match shared {
            AnyShared::Http1(memo) => Http1::is_verbatim(memo),
            AnyShared::Https1(shared) => Secured::<Http1>::is_verbatim(shared),
            AnyShared::Http2(shared) => Http2::is_verbatim(shared),
            AnyShared::Https2(shared) => Secured::<Http2>::is_verbatim(shared),
        }
    }

    fn is_in_order(shared: &AnyShared) -> bool {
        match shared {
            AnyShared::Http1(memo) => Http1::is_in_order(memo),
            AnyShared::Https1(shared) => Secured::<Http1>::is_in_order(shared),
            AnyShared::Http2(shared) => Http2::is_in_order(shared),
            AnyShared::Https2(shared) => Secured::<Http2>::is_in_order(shared),
        }
    }

    fn outbox_bytes(shared: &AnyShared, request_bytes: usize, requests: usize) -> usize {
        match shared {
            AnyShared::Http1(memo) => Http1::outbox_bytes(memo, request_bytes, requests),
            AnyShared::Https1(shared) => Secured::<Http1>::outbox_bytes(shared, request_bytes, requests),
            AnyShared::Http2(shared) => Http2::outbox_bytes(shared, request_bytes, requests),
            AnyShared::Https2(shared) => Secured::<Http2>::outbox_bytes(shared, request_bytes, requests),
        }
    }

    fn new(shared: &AnyShared) -> AnyProtocol {
        match shared {
            AnyShared::Http1(memo) => AnyProtocol::Http1(Http1::new(memo)),
            AnyShared::Https1(shared) => AnyProtocol::Https1(Box::new(Secured::new(shared))),
            AnyShared::Http2(shared) => AnyProtocol::Http2(Box::new(Http2::new(shared))),
            AnyShared::Https2(shared) => AnyProtocol::Https2(Box::new(Secured::new(shared))),
        }
    }

    fn opened(&mut self, shared: &mut AnyShared, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        each!(self, shared, (protocol, shared) => protocol.opened(shared, out))
    }

    fn readiness(&self) -> Readiness {
        each!(self, protocol => protocol.readiness())
    }

    #[inline]
    fn send<S: Source>(
        &mut self,
        shared: &mut AnyShared,
        source: &mut S,
        request: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        each!(self, shared, (protocol, shared) => protocol.send(shared, source, request, out))
    }

    #[inline]
    fn room(&self, depth: u32, under_way: u32) -> u32 {
        each!(self, protocol => protocol.room(depth, under_way))
    }

    #[inline]
    fn has_unsent(&self) -> bool {
        each!(self, protocol => protocol.has_unsent())
    }

    fn pump<S: Source>(
        &mut self,
        shared: &mut AnyShared,
        source: &mut S,
        out: &mut Outbox<'_>,
    ) -> Result<(), Unusable> {
        each!(self, shared, (protocol, shared) => protocol.pump(shared, source, out))
    }

    fn cancel(
        &mut self,
        shared: &mut AnyShared,
        place: Place,
        now_ns: u64,
        out: &mut Outbox<'_>,
    ) -> Cancelled {
        each!(self, shared, (protocol, shared) => protocol.cancel(shared, place, now_ns, out))
    }

    // A part of the loop for what is inlined itself.
    #[inline(always)]
    fn receive(
        &mut self,
        shared: &mut AnyShared,
        bytes: &mut [u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        each!(self, shared, (protocol, shared) => protocol.receive(shared, bytes, out, on))
    }

    #[inline]
    fn wish(&self) -> Receive {
        each!(self, protocol => protocol.wish())
    }

    fn discarded(&mut self, bytes: u64, on: &mut impl Events) -> Result<(), Unusable> {
        each!(self, protocol => protocol.discarded(bytes, on))
    }

    fn ended(&mut self, on: &mut impl Events) -> Unusable {
        each!(self, protocol => protocol.ended(on))
    }

    fn begun(&self) -> Option<Response> {
        each!(self, protocol => protocol.begun())
    }
}
