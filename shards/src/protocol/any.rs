//! Any protocol there is, where the loop is not compiled for one: a closed set, told apart by one match.

use super::http1::{HeadMemo, Http1};
use super::http2::{Http2, Http2Shared};
use super::secured::{Secured, SecuredShared};
use super::tcp::{TcpShared, TcpStream};
use super::udp::{Udp, UdpShared};
use super::websocket::{WebSocket, WebSocketGreeting, WebSocketShared};
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
    /// WebSocket.
    WebSocket(Box<WebSocket>),
    /// WebSocket inside TLS.
    SecureWebSocket(Box<Secured<WebSocket>>),
    /// A stream of bytes.
    Tcp(TcpStream),
    /// A stream of bytes inside TLS.
    SecureTcp(Box<Secured<TcpStream>>),
    /// Datagrams of UDP.
    Udp(Box<Udp>),
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
    /// WebSocket.
    WebSocket(Box<WebSocketShared>),
    /// WebSocket inside TLS.
    SecureWebSocket(Box<SecuredShared<WebSocketShared>>),
    /// A stream of bytes.
    Tcp(Box<TcpShared>),
    /// A stream of bytes inside TLS.
    SecureTcp(Box<SecuredShared<TcpShared>>),
    /// Datagrams of UDP.
    Udp(Box<UdpShared>),
}

/// The same of each protocol; the two enums are of one pool, so their variants agree.
macro_rules! each {
    ($self:expr, $protocol:ident => $body:expr) => {
        match $self {
            AnyProtocol::Http1($protocol) => $body,
            AnyProtocol::Https1($protocol) => $body,
            AnyProtocol::Http2($protocol) => $body,
            AnyProtocol::Https2($protocol) => $body,
            AnyProtocol::WebSocket($protocol) => $body,
            AnyProtocol::SecureWebSocket($protocol) => $body,
            AnyProtocol::Tcp($protocol) => $body,
            AnyProtocol::SecureTcp($protocol) => $body,
            AnyProtocol::Udp($protocol) => $body,
        }
    };
    ($self:expr, $shared:expr, ($protocol:ident, $of_protocol:ident) => $body:expr) => {
        match ($self, $shared) {
            (AnyProtocol::Http1($protocol), AnyShared::Http1($of_protocol)) => $body,
            (AnyProtocol::Https1($protocol), AnyShared::Https1($of_protocol)) => $body,
            (AnyProtocol::Http2($protocol), AnyShared::Http2($of_protocol)) => $body,
            (AnyProtocol::Https2($protocol), AnyShared::Https2($of_protocol)) => $body,
            (AnyProtocol::WebSocket($protocol), AnyShared::WebSocket($of_protocol)) => $body,
            (AnyProtocol::SecureWebSocket($protocol), AnyShared::SecureWebSocket($of_protocol)) => $body,
            (AnyProtocol::Tcp($protocol), AnyShared::Tcp($of_protocol)) => $body,
            (AnyProtocol::SecureTcp($protocol), AnyShared::SecureTcp($of_protocol)) => $body,
            (AnyProtocol::Udp($protocol), AnyShared::Udp($of_protocol)) => $body,
            _ => unreachable!("the connections of a pool speak what the pool does"),
        }
    };
}

impl AnyShared {
    /// From here on each connection keeps what the target shows and says of it: certificates where there is TLS, and words.
    pub fn keep_words(&mut self) {
        match self {
            AnyShared::Http1(_) | AnyShared::Http2(_) | AnyShared::Tcp(_) | AnyShared::Udp(_) => {}
            AnyShared::SecureTcp(shared) => shared.client.keep_chains(),
            AnyShared::Https1(shared) => shared.client.keep_chains(),
            AnyShared::Https2(shared) => shared.client.keep_chains(),
            AnyShared::WebSocket(shared) => shared.keep_greetings(),
            AnyShared::SecureWebSocket(shared) => {
                shared.client.keep_chains();
                shared.inner.keep_greetings();
            }
        }
    }

    /// Of one shard of so many: what is drawn for connections differs from what the others draw.
    pub fn of_shard(&mut self, shard: u64, shards: u64) {
        match self {
            AnyShared::WebSocket(shared) => shared.of_shard(shard, shards),
            AnyShared::SecureWebSocket(shared) => shared.inner.of_shard(shard, shards),
            _ => {}
        }
    }
}

impl AnyProtocol {
    /// The connection of HTTP/2, where it is one.
    pub fn http2(&self) -> Option<&Http2> {
        match self {
            AnyProtocol::Http2(http2) => Some(http2),
            AnyProtocol::Https2(secured) => Some(secured.inner()),
            _ => None,
        }
    }

    /// The TLS of the connection, where there is any.
    pub fn tls(&self) -> Option<&Tls> {
        match self {
            AnyProtocol::Http1(_)
            | AnyProtocol::Http2(_)
            | AnyProtocol::WebSocket(_)
            | AnyProtocol::Tcp(_)
            | AnyProtocol::Udp(_) => None,
            AnyProtocol::SecureTcp(secured) => Some(secured.tls()),
            AnyProtocol::Https1(secured) => Some(secured.tls()),
            AnyProtocol::Https2(secured) => Some(secured.tls()),
            AnyProtocol::SecureWebSocket(secured) => Some(secured.tls()),
        }
    }

    /// What the target said when it opened a WebSocket, and when it closed it, where that is kept.
    pub fn greeting(&self) -> Option<&WebSocketGreeting> {
        match self {
            AnyProtocol::WebSocket(socket) => socket.greeting(),
            AnyProtocol::SecureWebSocket(secured) => secured.inner().greeting(),
            _ => None,
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
            AnyShared::WebSocket(shared) => WebSocket::is_verbatim(shared),
            AnyShared::SecureWebSocket(shared) => Secured::<WebSocket>::is_verbatim(shared),
            AnyShared::Tcp(shared) => TcpStream::is_verbatim(shared),
            AnyShared::SecureTcp(shared) => Secured::<TcpStream>::is_verbatim(shared),
            AnyShared::Udp(shared) => Udp::is_verbatim(shared),
        }
    }

    fn is_in_order(shared: &AnyShared) -> bool {
        match shared {
            AnyShared::Http1(memo) => Http1::is_in_order(memo),
            AnyShared::Https1(shared) => Secured::<Http1>::is_in_order(shared),
            AnyShared::Http2(shared) => Http2::is_in_order(shared),
            AnyShared::Https2(shared) => Secured::<Http2>::is_in_order(shared),
            AnyShared::WebSocket(shared) => WebSocket::is_in_order(shared),
            AnyShared::SecureWebSocket(shared) => Secured::<WebSocket>::is_in_order(shared),
            AnyShared::Tcp(shared) => TcpStream::is_in_order(shared),
            AnyShared::SecureTcp(shared) => Secured::<TcpStream>::is_in_order(shared),
            AnyShared::Udp(shared) => Udp::is_in_order(shared),
        }
    }

    fn awaits_sent(shared: &AnyShared) -> bool {
        match shared {
            AnyShared::WebSocket(shared) => WebSocket::awaits_sent(shared),
            AnyShared::SecureWebSocket(shared) => Secured::<WebSocket>::awaits_sent(shared),
            AnyShared::Tcp(shared) => TcpStream::awaits_sent(shared),
            AnyShared::SecureTcp(shared) => Secured::<TcpStream>::awaits_sent(shared),
            AnyShared::Udp(shared) => Udp::awaits_sent(shared),
            _ => false,
        }
    }

    fn sends_datagrams(shared: &AnyShared) -> bool {
        match shared {
            AnyShared::Udp(shared) => Udp::sends_datagrams(shared),
            _ => false,
        }
    }

    fn outbox_bytes(shared: &AnyShared, request_bytes: usize, requests: usize) -> usize {
        match shared {
            AnyShared::Http1(memo) => Http1::outbox_bytes(memo, request_bytes, requests),
            AnyShared::Https1(shared) => Secured::<Http1>::outbox_bytes(shared, request_bytes, requests),
            AnyShared::Http2(shared) => Http2::outbox_bytes(shared, request_bytes, requests),
            AnyShared::Https2(shared) => Secured::<Http2>::outbox_bytes(shared, request_bytes, requests),
            AnyShared::WebSocket(shared) => WebSocket::outbox_bytes(shared, request_bytes, requests),
            AnyShared::SecureWebSocket(shared) => {
                Secured::<WebSocket>::outbox_bytes(shared, request_bytes, requests)
            }
            AnyShared::Tcp(shared) => TcpStream::outbox_bytes(shared, request_bytes, requests),
            AnyShared::SecureTcp(shared) => {
                Secured::<TcpStream>::outbox_bytes(shared, request_bytes, requests)
            }
            AnyShared::Udp(shared) => Udp::outbox_bytes(shared, request_bytes, requests),
        }
    }

    fn new(shared: &AnyShared) -> AnyProtocol {
        match shared {
            AnyShared::Http1(memo) => AnyProtocol::Http1(Http1::new(memo)),
            AnyShared::Https1(shared) => AnyProtocol::Https1(Box::new(Secured::new(shared))),
            AnyShared::Http2(shared) => AnyProtocol::Http2(Box::new(Http2::new(shared))),
            AnyShared::Https2(shared) => AnyProtocol::Https2(Box::new(Secured::new(shared))),
            AnyShared::WebSocket(shared) => AnyProtocol::WebSocket(Box::new(WebSocket::new(shared))),
            AnyShared::SecureWebSocket(shared) => {
                AnyProtocol::SecureWebSocket(Box::new(Secured::new(shared)))
            }
            AnyShared::Tcp(shared) => AnyProtocol::Tcp(TcpStream::new(shared)),
            AnyShared::SecureTcp(shared) => AnyProtocol::SecureTcp(Box::new(Secured::new(shared))),
            AnyShared::Udp(shared) => AnyProtocol::Udp(Box::new(Udp::new(shared))),
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
    fn is_spent(&self) -> bool {
        each!(self, protocol => protocol.is_spent())
    }

    fn sent(&mut self, shared: &AnyShared, on: &mut impl Events) {
        each!(self, shared, (protocol, shared) => protocol.sent(shared, on));
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

    fn is_paced(shared: &AnyShared) -> bool {
        match shared {
            AnyShared::Http2(shared) => Http2::is_paced(shared),
            AnyShared::Https2(shared) => Secured::<Http2>::is_paced(shared),
            _ => false,
        }
    }

    fn due_ns(&self) -> u64 {
        each!(self, protocol => protocol.due_ns())
    }

    fn reach(&mut self, now_ns: u64) {
        each!(self, protocol => protocol.reach(now_ns));
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

    fn wants_ticks(shared: &AnyShared) -> bool {
        match shared {
            AnyShared::WebSocket(shared) => WebSocket::wants_ticks(shared),
            AnyShared::SecureWebSocket(shared) => Secured::<WebSocket>::wants_ticks(shared),
            AnyShared::Udp(shared) => Udp::wants_ticks(shared),
            _ => false,
        }
    }

    fn tick(&mut self, shared: &mut AnyShared, now_ns: u64, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        each!(self, shared, (protocol, shared) => protocol.tick(shared, now_ns, out))
    }

    fn leave(&mut self, shared: &mut AnyShared, out: &mut Outbox<'_>) {
        each!(self, shared, (protocol, shared) => protocol.leave(shared, out));
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
