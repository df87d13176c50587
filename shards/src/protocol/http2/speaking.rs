//! HTTP/2 as the loop speaks protocols.

use super::connection::{Http2, Http2Shared, OPENING_BYTES_MAX};
use crate::protocol::{Cancelled, Events, Place, Protocol, Readiness, Receive, Response, Sending, Unusable};
use engine::outbox::Outbox;
use engine::seams::Source;

impl Protocol for Http2 {
    type Shared = Http2Shared;

    const IS_VERBATIM: bool = false;
    const IS_IN_ORDER: bool = false;
    const ANSWER_BYTES_MAX: usize = 2 * OPENING_BYTES_MAX;

    fn is_verbatim(_shared: &Http2Shared) -> bool {
        false
    }

    fn is_in_order(_shared: &Http2Shared) -> bool {
        false
    }

    fn outbox_bytes(shared: &Http2Shared, _request_bytes: usize, _requests: usize) -> usize {
        shared.outbox_bytes()
    }

    fn new(shared: &Http2Shared) -> Http2 {
        Http2::unmade(shared)
    }

    fn opened(&mut self, shared: &mut Http2Shared, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        self.begin(shared, out);
        Ok(())
    }

    fn readiness(&self) -> Readiness {
        if self.is_ready { Readiness::Ready { is_resumed: false } } else { Readiness::Greeting }
    }

    #[inline]
    fn room(&self, _depth: u32, _under_way: u32) -> u32 {
        self.free_for_requests()
    }

    #[inline]
    fn send<S: Source>(
        &mut self,
        shared: &mut Http2Shared,
        source: &mut S,
        request: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        Ok(self.send_request(shared, source, request, out))
    }

    #[inline]
    fn has_unsent(&self) -> bool {
        self.has_waiting()
    }

    fn pump<S: Source>(
        &mut self,
        shared: &mut Http2Shared,
        source: &mut S,
        out: &mut Outbox<'_>,
    ) -> Result<(), Unusable> {
        self.send_waiting(shared, source, out);
        Ok(())
    }

    fn is_paced(shared: &Http2Shared) -> bool {
        shared.is_paced()
    }

    fn due_ns(&self) -> u64 {
        self.due_ns
    }

    fn reach(&mut self, now_ns: u64) {
        self.let_due_go_on(now_ns);
    }

    fn cancel(
        &mut self,
        _shared: &mut Http2Shared,
        place: Place,
        now_ns: u64,
        out: &mut Outbox<'_>,
    ) -> Cancelled {
        self.give_up_request(place, now_ns, out)
    }

    #[inline]
    fn receive(
        &mut self,
        shared: &mut Http2Shared,
        bytes: &mut [u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        self.take_all(shared, bytes, out, on)
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
        self.only_response()
    }
}
