//! A protocol inside TLS: what it sends is sealed, and what comes is opened before it hears of it.

use super::{Cancelled, Events, Place, Protocol, Readiness, Receive, Response, Sending, Unusable};
use crate::tls::{Tls, TlsClient, plaintext_room, sealing_bytes_max};
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::seams::Source;

/// One connection: its TLS, and what is spoken inside.
#[derive(Debug)]
pub struct Secured<P> {
    tls: Tls,
    inner: P,
    /// What is spoken inside has been told that the connection is made.
    has_begun: bool,
}

/// What the connections of a pool share.
#[derive(Debug)]
pub struct SecuredShared<S> {
    /// Of TLS.
    pub client: TlsClient,
    /// Of what is spoken inside.
    pub inner: S,
}

/// What TLS had to say has taken the room of the request.
const NO_ROOM: Unusable =
    Unusable { kind: Kind::Tls, why: "the target made TLS say more than there is room for beside a request" };

impl<P> Secured<P> {
    /// The TLS of the connection: what was agreed on, or why nothing was.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// The TLS of the connection, to be meddled with.
    #[cfg(test)]
    pub(crate) fn tls_mut(&mut self) -> &mut Tls {
        &mut self.tls
    }

    /// What is spoken inside.
    pub fn inner(&self) -> &P {
        &self.inner
    }
}

impl<P: Protocol> Protocol for Secured<P> {
    type Shared = SecuredShared<P::Shared>;

    const IS_VERBATIM: bool = false;
    const IS_IN_ORDER: bool = P::IS_IN_ORDER;
    const ANSWER_BYTES_MAX: usize = P::ANSWER_BYTES_MAX;

    fn is_verbatim(_shared: &Self::Shared) -> bool {
        false
    }

    fn is_in_order(shared: &Self::Shared) -> bool {
        P::is_in_order(&shared.inner)
    }

    fn awaits_sent(shared: &Self::Shared) -> bool {
        P::awaits_sent(&shared.inner)
    }

    fn outbox_bytes(shared: &Self::Shared, request_bytes: usize, requests: usize) -> usize {
        // The end of a handshake and the first requests go out together, and each request is sealed on its own.
        let inside = P::outbox_bytes(&shared.inner, request_bytes, requests);
        let sealing = requests * sealing_bytes_max(request_bytes) + sealing_bytes_max(inside);
        shared.client.handshake_bytes_max() + inside + sealing
    }

    fn new(shared: &Self::Shared) -> Secured<P> {
        Secured { tls: Tls::new(), inner: P::new(&shared.inner), has_begun: false }
    }

    fn opened(&mut self, shared: &mut Self::Shared, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        self.has_begun = false;
        self.tls.start(&shared.client, out)
    }

    fn readiness(&self) -> Readiness {
        match self.tls.agreed() {
            Some(agreed) if self.has_begun => match self.inner.readiness() {
                Readiness::Ready { .. } => Readiness::Ready { is_resumed: agreed.is_resumed },
                other => other,
            },
            _ => Readiness::Securing,
        }
    }

    #[inline]
    fn send<S: Source>(
        &mut self,
        shared: &mut Self::Shared,
        source: &mut S,
        request: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        let bytes_max = match P::IS_IN_ORDER {
            true => source.steps()[request.call.step as usize].bytes_max,
            // What does not fit waits for its turn.
            false => plaintext_room(out.room()),
        };
        if out.room() < bytes_max + sealing_bytes_max(bytes_max) {
            return Err(NO_ROOM);
        }
        let mark = self.tls.begin(bytes_max, out);
        let bytes = self.inner.send(&mut shared.inner, source, request, &mut out.limited(bytes_max))?;
        self.tls.seal(mark, out)?;
        Ok(bytes)
    }

    /// Nothing begins that a worn key would have to seal.
    #[inline]
    fn room(&self, depth: u32, under_way: u32) -> u32 {
        if self.is_spent() { 0 } else { self.inner.room(depth, under_way) }
    }

    #[inline]
    fn is_spent(&self) -> bool {
        self.tls.is_worn() || self.inner.is_spent()
    }

    fn sent(&mut self, shared: &Self::Shared, on: &mut impl Events) {
        self.inner.sent(&shared.inner, on);
    }

    fn has_unsent(&self) -> bool {
        self.inner.has_unsent()
    }

    fn pump<S: Source>(
        &mut self,
        shared: &mut Self::Shared,
        source: &mut S,
        out: &mut Outbox<'_>,
    ) -> Result<(), Unusable> {
        let bytes_max = plaintext_room(out.room());
        if bytes_max == 0 {
            return Ok(());
        }
        let mark = self.tls.begin(bytes_max, out);
        self.inner.pump(&mut shared.inner, source, &mut out.limited(bytes_max))?;
        self.tls.seal(mark, out)
    }

    fn is_paced(shared: &Self::Shared) -> bool {
        P::is_paced(&shared.inner)
    }

    fn due_ns(&self) -> u64 {
        self.inner.due_ns()
    }

    fn reach(&mut self, now_ns: u64) {
        self.inner.reach(now_ns);
    }

    fn cancel(
        &mut self,
        shared: &mut Self::Shared,
        place: Place,
        now_ns: u64,
        out: &mut Outbox<'_>,
    ) -> Cancelled {
        let bytes_max = plaintext_room(out.room()).min(P::ANSWER_BYTES_MAX);
        if bytes_max < P::ANSWER_BYTES_MAX {
            return self.inner.cancel(&mut shared.inner, place, now_ns, &mut out.limited(0));
        }
        let mark = self.tls.begin(bytes_max, out);
        let cancelled = self.inner.cancel(&mut shared.inner, place, now_ns, &mut out.limited(bytes_max));
        match self.tls.seal(mark, out) {
            Ok(()) => cancelled,
            Err(_) => Cancelled::Connection,
        }
    }

    fn wants_ticks(shared: &Self::Shared) -> bool {
        P::wants_ticks(&shared.inner)
    }

    fn tick(&mut self, shared: &mut Self::Shared, now_ns: u64, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        let bytes_max = plaintext_room(out.room());
        if bytes_max == 0 {
            return Ok(());
        }
        let mark = self.tls.begin(bytes_max, out);
        self.inner.tick(&mut shared.inner, now_ns, &mut out.limited(bytes_max))?;
        self.tls.seal(mark, out)
    }

    fn leave(&mut self, shared: &mut Self::Shared, out: &mut Outbox<'_>) {
        if !self.tls.is_ready() {
            return;
        }
        // The announcement of the end needs room as well.
        let bytes_max = plaintext_room(out.room().saturating_sub(sealing_bytes_max(2)));
        if bytes_max > 0 {
            let mark = self.tls.begin(bytes_max, out);
            self.inner.leave(&mut shared.inner, &mut out.limited(bytes_max));
            // What cannot be sealed is not said.
            let _ = self.tls.seal(mark, out);
        }
        self.tls.close(out);
    }

    // A call is nothing beside a cipher, and would be in the way of what has none.
    #[inline(never)]
    fn receive(
        &mut self,
        shared: &mut Self::Shared,
        bytes: &mut [u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        let (inner, of_inner, has_begun) = (&mut self.inner, &mut shared.inner, &mut self.has_begun);
        self.tls.open(&shared.client, bytes, P::ANSWER_BYTES_MAX, out, |plaintext, out| {
            if !*has_begun {
                *has_begun = true;
                inner.opened(of_inner, out)?;
            }
            inner.receive(of_inner, plaintext, out, on)
        })?;
        if !self.has_begun && self.tls.is_ready() {
            self.has_begun = true;
            let bytes_max = plaintext_room(out.room());
            let mark = self.tls.begin(bytes_max, out);
            self.inner.opened(&mut shared.inner, &mut out.limited(bytes_max))?;
            self.tls.seal(mark, out)?;
        }
        // The announcement is the end. Some servers close only once the client has, and would be waited for.
        if self.tls.was_closed_properly() { Err(self.inner.ended(on)) } else { Ok(()) }
    }

    fn wish(&self) -> Receive {
        Receive::Stream
    }

    fn discarded(&mut self, _bytes: u64, _on: &mut impl Events) -> Result<(), Unusable> {
        Ok(())
    }

    /// An end that was not announced may be somebody else's doing: it completes nothing.
    fn ended(&mut self, on: &mut impl Events) -> Unusable {
        match self.tls.was_closed_properly() {
            true => self.inner.ended(on),
            false => self.tls.ended(),
        }
    }

    fn begun(&self) -> Option<Response> {
        self.inner.begun()
    }
}
