//! Responses of HTTP/2 that are looked at: their fields and their bodies are handed on as they come.
//!
//! Of a stream that is looked at, the header block of the response is decoded whatever is known of it, because what is remembered of blocks
//! is not their fields. Interim responses are passed over, as are responses on streams that nobody looks at, and trailers
//! but those of gRPC, whose messages are handed on in the place of the body.

use super::connection::Http2;
use super::error::ConnectionError;
use super::facts::BlockFacts;
use super::memo::BlockReader;
use super::streams::{FoundStream, StreamStage};
use crate::protocol::{Events, Place};

/// Whose header block comes, where its fields are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct LookedBlock {
    place: Place,
    are_trailers: bool,
}

impl Http2 {
    /// Whose response the header block that comes on a stream is of, where its fields are looked at.
    #[inline(always)]
    pub(super) fn looked_at_head<E: Events>(&mut self, found: FoundStream, on: &E) -> Option<LookedBlock> {
        let FoundStream::Open(index) = found else { return None };
        if !E::MAY_LOOK {
            return None;
        }
        let stream = self.streams.at(index);
        let are_trailers = stream.stage == StreamStage::Body && stream.grpc.is_of_call();
        let is_seen = stream.is_looked_at && (stream.stage == StreamStage::Head || are_trailers);
        let place = stream.place;
        (is_seen && on.wants_fields(place)).then_some(LookedBlock { place, are_trailers })
    }

    /// Hands a part of a DATA frame's payload on, where its stream is looked at: as much of it as is no padding.
    #[inline(always)]
    pub(super) fn hand_on<E: Events>(&mut self, bytes: &[u8], on: &mut E) {
        if E::MAY_LOOK && self.passing.stream > 0 {
            self.hand_on_body(bytes, on);
        }
    }

    #[inline(never)]
    fn hand_on_body(&mut self, bytes: &[u8], on: &mut impl Events) {
        // It may have been given up for what came before, or long ago.
        let FoundStream::Open(index) = self.streams.find(self.passing.stream) else { return };
        let stream = self.streams.at(index);
        let body_bytes = self.passing.left.saturating_sub(self.passing.padding).min(bytes.len());
        // Of a call messages are handed on, and not what frames them.
        if stream.is_looked_at && body_bytes > 0 && !stream.grpc.is_of_call() {
            on.body(stream.place, &bytes[..body_bytes]);
        }
    }
}

/// What a header block says. Where it is the head of a response that is looked at, its fields are handed on.
#[inline(always)]
pub(super) fn read_block<E: Events>(
    blocks: &mut BlockReader,
    looked_at: Option<LookedBlock>,
    block: &[u8],
    memory: &mut [u8],
    on: &mut E,
) -> Result<BlockFacts, &'static ConnectionError> {
    match looked_at {
        Some(seen) if E::MAY_LOOK => read_fields(blocks, seen, block, memory, on),
        _ => blocks.read(block, memory),
    }
}

#[inline(never)]
fn read_fields(
    blocks: &mut BlockReader,
    LookedBlock { place, are_trailers }: LookedBlock,
    block: &[u8],
    memory: &mut [u8],
    on: &mut impl Events,
) -> Result<BlockFacts, &'static ConnectionError> {
    // The status comes before all other fields; a block in which it does not is malformed, and nothing of it counts.
    let mut is_response = are_trailers;
    blocks.read_each(block, memory, |name, value| match name {
        b":status" => is_response = !value.starts_with(b"1"),
        _ if is_response => on.field(place, name, value),
        _ => {}
    })
}
