//! WebSocket as the loop speaks protocols.

use super::owed::ANSWER_BYTES_MAX;
use super::socket::{SocketStage, WebSocket, WebSocketShared};
use crate::protocol::{Cancelled, Events, Place, Protocol, Readiness, Receive, Response, Sending, Unusable};
use engine::code;
use engine::outbox::Outbox;
use engine::seams::Source;

impl Protocol for WebSocket {
    type Shared = WebSocketShared;

    const IS_VERBATIM: bool = false;
    const IS_IN_ORDER: bool = false;
    const ANSWER_BYTES_MAX: usize = ANSWER_BYTES_MAX;

    fn is_verbatim(_shared: &WebSocketShared) -> bool {
        false
    }

    fn is_in_order(shared: &WebSocketShared) -> bool {
        shared.is_in_order()
    }

    /// A target that pings and does not read is told nothing more until it has read what was said before.
    fn awaits_sent(_shared: &WebSocketShared) -> bool {
        true
    }

    fn outbox_bytes(shared: &WebSocketShared, request_bytes: usize, requests: usize) -> usize {
        shared.outbox_bytes(request_bytes, requests)
    }

    fn new(shared: &WebSocketShared) -> WebSocket {
        WebSocket::unmade(shared)
    }

    fn opened(&mut self, shared: &mut WebSocketShared, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        self.begin(shared, out);
        Ok(())
    }

    fn readiness(&self) -> Readiness {
        match self.stage {
            SocketStage::Opening => Readiness::Greeting,
            SocketStage::Open | SocketStage::Closed => Readiness::Ready { is_resumed: false },
        }
    }

    #[inline]
    fn send<S: Source>(
        &mut self,
        shared: &mut WebSocketShared,
        source: &mut S,
        request: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        self.send_message(shared, source, request, out)
    }

    /// What nobody replies to is over.
    fn sent(&mut self, shared: &WebSocketShared, on: &mut impl Events) {
        if shared.has_replies() {
            return;
        }
        while let Some((place, _)) = on.oldest() {
            on.response(place, Response { code: code::SENT, is_ok: true, bytes: 0 });
        }
    }

    #[inline]
    fn has_unsent(&self) -> bool {
        self.stage != SocketStage::Closed && self.debts.is_any()
    }

    fn pump<S: Source>(
        &mut self,
        shared: &mut WebSocketShared,
        _source: &mut S,
        out: &mut Outbox<'_>,
    ) -> Result<(), Unusable> {
        self.pay(shared, out);
        Ok(())
    }

    fn cancel(
        &mut self,
        shared: &mut WebSocketShared,
        place: Place,
        _now_ns: u64,
        _out: &mut Outbox<'_>,
    ) -> Cancelled {
        self.give_up(shared, place)
    }

    fn wants_ticks(shared: &WebSocketShared) -> bool {
        shared.ping_ns.is_some()
    }

    fn tick(
        &mut self,
        shared: &mut WebSocketShared,
        now_ns: u64,
        out: &mut Outbox<'_>,
    ) -> Result<(), Unusable> {
        self.ping_if_due(shared, now_ns, out)
    }

    fn leave(&mut self, shared: &mut WebSocketShared, out: &mut Outbox<'_>) {
        self.say_goodbye(shared, out);
    }

    #[inline]
    fn receive(
        &mut self,
        shared: &mut WebSocketShared,
        bytes: &mut [u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        self.pinged_ns = 0;
        let taken = self.take_all(shared, bytes, out, on);
        self.pay(shared, out);
        taken
    }

    fn wish(&self) -> Receive {
        Receive::Stream
    }

    fn discarded(&mut self, _bytes: u64, _on: &mut impl Events) -> Result<(), Unusable> {
        Ok(())
    }

    fn ended(&mut self, _on: &mut impl Events) -> Unusable {
        self.gone()
    }

    fn begun(&self) -> Option<Response> {
        self.begun_reply()
    }
}
