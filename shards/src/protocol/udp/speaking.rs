//! UDP as the loop speaks protocols.

use super::socket::{Udp, UdpShared};
use crate::protocol::{Cancelled, Events, Place, Protocol, Readiness, Receive, Response, Sending, Unusable};
use crate::wire::DATAGRAM_PREFIX_BYTES;
use engine::code;
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::seams::Source;

impl Protocol for Udp {
    type Shared = UdpShared;

    const IS_VERBATIM: bool = false;
    const IS_IN_ORDER: bool = false;
    const ANSWER_BYTES_MAX: usize = 0;

    fn is_verbatim(_shared: &UdpShared) -> bool {
        false
    }

    /// What nobody replies to is over in the order in which it was sent.
    fn is_in_order(shared: &UdpShared) -> bool {
        !shared.has_replies()
    }

    fn awaits_sent(shared: &UdpShared) -> bool {
        !shared.has_replies()
    }

    fn sends_datagrams(_shared: &UdpShared) -> bool {
        true
    }

    fn outbox_bytes(_shared: &UdpShared, request_bytes: usize, requests: usize) -> usize {
        (DATAGRAM_PREFIX_BYTES + request_bytes) * requests
    }

    fn new(shared: &UdpShared) -> Udp {
        Udp::unmade(shared)
    }

    fn opened(&mut self, _shared: &mut UdpShared, _out: &mut Outbox<'_>) -> Result<(), Unusable> {
        self.begin();
        Ok(())
    }

    /// Nothing is agreed on.
    fn readiness(&self) -> Readiness {
        Readiness::Ready { is_resumed: false }
    }

    #[inline]
    fn room(&self, depth: u32, under_way: u32) -> u32 {
        (depth - under_way).min(self.numbers_left())
    }

    #[inline]
    fn send<S: Source>(
        &mut self,
        shared: &mut UdpShared,
        source: &mut S,
        request: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        self.send_message(shared, source, request, out)
    }

    /// What nobody replies to is over.
    fn sent(&mut self, shared: &UdpShared, on: &mut impl Events) {
        if shared.has_replies() {
            return;
        }
        while let Some((place, _)) = on.oldest() {
            on.response(place, Response { code: code::SENT, is_ok: true, bytes: 0 });
        }
    }

    fn cancel(
        &mut self,
        _shared: &mut UdpShared,
        place: Place,
        _now_ns: u64,
        _out: &mut Outbox<'_>,
    ) -> Cancelled {
        self.give_up(place)
    }

    fn wants_ticks(shared: &UdpShared) -> bool {
        shared.has_rests()
    }

    fn tick(&mut self, _shared: &mut UdpShared, now_ns: u64, _out: &mut Outbox<'_>) -> Result<(), Unusable> {
        self.rest_until(now_ns);
        Ok(())
    }

    #[inline]
    fn receive(
        &mut self,
        shared: &mut UdpShared,
        bytes: &mut [u8],
        _out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        self.take(shared, bytes, on);
        Ok(())
    }

    fn wish(&self) -> Receive {
        Receive::Stream
    }

    fn discarded(&mut self, _bytes: u64, _on: &mut impl Events) -> Result<(), Unusable> {
        Ok(())
    }

    /// No datagram says that there will be no other.
    fn ended(&mut self, _on: &mut impl Events) -> Unusable {
        Unusable::of(Kind::Receive)
    }

    fn begun(&self) -> Option<Response> {
        None
    }
}
