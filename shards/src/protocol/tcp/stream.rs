//! One connection that carries a stream of bytes, as the loop speaks protocols.

use super::framing::{ComingResponse, StreamFraming};
use crate::protocol::{Events, Protocol, Readiness, Receive, Response, Sending, Unusable};
use engine::code;
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::plan::MessageEnd;
use engine::seams::Source;

/// What all connections of a pool share.
#[derive(Debug)]
pub struct TcpShared {
    framing: StreamFraming,
    greets: bool,
}

impl TcpShared {
    /// Of connections on which responses end so; on each of which the target speaks first, or does not.
    pub fn new(ends: &MessageEnd, greets: bool) -> TcpShared {
        TcpShared { framing: StreamFraming::new(ends), greets }
    }

    fn is_one_way(&self) -> bool {
        matches!(self.framing, StreamFraming::None)
    }
}

/// One connection.
#[derive(Debug)]
pub struct TcpStream {
    coming: ComingResponse,
    /// What the target says first has not come, or not all of it.
    is_greeting: bool,
    /// A response has come.
    has_answered: bool,
    /// A response is all that comes until the end.
    lasts_until_end: bool,
}

const CLOSED: Unusable = Unusable { kind: Kind::Eof, why: "the target closed the connection" };
const CLOSED_BEFORE_GREETING: Unusable =
    Unusable { kind: Kind::Eof, why: "the target closed the connection before it had greeted" };
const CUT_SHORT: Unusable =
    Unusable { kind: Kind::Eof, why: "the target closed the connection in the middle of a response" };
const NOTHING_CAME: Unusable =
    Unusable { kind: Kind::Eof, why: "the target closed the connection, and nothing had come" };
const SPOKE_FIRST: Unusable = Unusable {
    kind: Kind::Protocol,
    why: "the target spoke before it was asked: `greeting = true` under `[tcp]` waits for that",
};
const UNASKED: Unusable = Unusable {
    kind: Kind::Protocol,
    why: "more came than was asked for: does the target speak first, or do responses end by something else?",
};

impl TcpStream {
    fn response(bytes: u64) -> Response {
        Response { code: code::REPLIED, is_ok: true, bytes }
    }

    /// Takes what the target says first. How many of the bytes belong to it.
    #[cold]
    fn take_greeting(&mut self, shared: &TcpShared, bytes: &[u8]) -> Result<usize, Unusable> {
        let (used, is_whole) = self.coming.take(&shared.framing, bytes)?;
        if is_whole {
            self.coming.finish();
            self.is_greeting = false;
        }
        Ok(used)
    }

    #[cold]
    fn take_unasked(&mut self, greets: bool, bytes: &[u8], on: &mut impl Events) -> Unusable {
        on.unasked(bytes.len() as u64);
        if self.has_answered || greets { UNASKED } else { SPOKE_FIRST }
    }
}

impl Protocol for TcpStream {
    type Shared = TcpShared;

    const IS_VERBATIM: bool = false;
    const IS_IN_ORDER: bool = true;
    const ANSWER_BYTES_MAX: usize = 0;

    /// Whether a message is over once it is sent, and whether a greeting is waited for, has to be asked.
    fn is_verbatim(shared: &TcpShared) -> bool {
        !shared.is_one_way() && !shared.greets
    }

    fn is_in_order(_shared: &TcpShared) -> bool {
        true
    }

    fn awaits_sent(shared: &TcpShared) -> bool {
        shared.is_one_way()
    }

    fn outbox_bytes(_shared: &TcpShared, request_bytes: usize, requests: usize) -> usize {
        request_bytes * requests
    }

    fn new(shared: &TcpShared) -> TcpStream {
        TcpStream {
            coming: ComingResponse::unbegun(&shared.framing),
            is_greeting: shared.greets,
            has_answered: false,
            lasts_until_end: matches!(shared.framing, StreamFraming::Close),
        }
    }

    fn opened(&mut self, shared: &mut TcpShared, _out: &mut Outbox<'_>) -> Result<(), Unusable> {
        *self = TcpStream::new(shared);
        Ok(())
    }

    fn readiness(&self) -> Readiness {
        if self.is_greeting { Readiness::Greeting } else { Readiness::Ready { is_resumed: false } }
    }

    #[inline]
    fn send<S: Source>(
        &mut self,
        _shared: &mut TcpShared,
        source: &mut S,
        Sending { call, number, .. }: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        let before = out.filled();
        match &source.steps()[call.step as usize].constant {
            Some(constant) => out.push(constant),
            None => source.render(call, number, out),
        }
        Ok((out.filled() - before) as u64)
    }

    /// What nobody responds to is over.
    fn sent(&mut self, shared: &TcpShared, on: &mut impl Events) {
        if !shared.is_one_way() {
            return;
        }
        while let Some((place, _)) = on.oldest() {
            on.response(place, Response { code: code::SENT, is_ok: true, bytes: 0 });
        }
    }

    #[inline]
    fn receive(
        &mut self,
        shared: &mut TcpShared,
        bytes: &mut [u8],
        _out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        let mut rest = &bytes[..];
        if shared.is_one_way() {
            on.unasked(rest.len() as u64);
            return Ok(());
        }
        if self.is_greeting {
            let used = self.take_greeting(shared, rest)?;
            rest = &rest[used..];
        }
        while !rest.is_empty() {
            let Some((place, _)) = on.oldest() else {
                return Err(self.take_unasked(shared.greets, rest, on));
            };
            let (used, is_whole) = self.coming.take(&shared.framing, rest)?;
            rest = &rest[used..];
            if is_whole {
                self.has_answered = true;
                on.response(place, TcpStream::response(self.coming.finish()));
            }
        }
        Ok(())
    }

    /// What the target says first is looked at as it comes: only what is asked for can be thrown away.
    #[inline]
    fn wish(&self) -> Receive {
        if self.is_greeting { Receive::Stream } else { self.coming.wish() }
    }

    fn discarded(&mut self, bytes: u64, on: &mut impl Events) -> Result<(), Unusable> {
        if self.coming.discarded(bytes)
            && let Some((place, _)) = on.oldest()
        {
            self.has_answered = true;
            on.response(place, TcpStream::response(self.coming.finish()));
        }
        Ok(())
    }

    /// Completes a response that was to last until the end; anything else half-way is cut short.
    fn ended(&mut self, on: &mut impl Events) -> Unusable {
        if self.is_greeting {
            return CLOSED_BEFORE_GREETING;
        }
        let has_begun = self.coming.bytes > 0;
        match on.oldest() {
            Some((place, _)) if self.lasts_until_end && has_begun => {
                on.response(place, TcpStream::response(self.coming.finish()));
                CLOSED
            }
            Some(_) if self.lasts_until_end => NOTHING_CAME,
            Some(_) if has_begun => CUT_SHORT,
            _ => CLOSED,
        }
    }

    fn begun(&self) -> Option<Response> {
        (self.coming.bytes > 0).then(|| TcpStream::response(self.coming.bytes))
    }
}
