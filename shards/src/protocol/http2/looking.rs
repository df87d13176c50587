//! Responses of HTTP/2 that are looked at: their fields and their bodies are handed on as they come.
//!
//! Of a stream that is looked at, the header block of the response is decoded whatever is known of it, because what is remembered of blocks
//! is not their fields. Interim responses and trailers are passed over, as are responses on streams that nobody looks at.

use super::connection::Http2;
use super::error::ConnectionError;
use super::facts::BlockFacts;
use super::memo::BlockReader;
use super::streams::{FoundStream, StreamStage};
use crate::protocol::{Events, Place};

impl Http2 {
    /// Whose response begins with the header block that comes on a stream, where its fields are looked at.
    #[inline(always)]
    pub(super) fn looked_at_head<E: Events>(&mut self, found: FoundStream, on: &E) -> Option<Place> {
        let FoundStream::Open(index) = found else { return None };
        if !E::MAY_LOOK {
            return None;
        }
        let stream = self.streams.at(index);
        let is_head = stream.is_looked_at && stream.stage == StreamStage::Head;
        (is_head && on.wants_fields(stream.place)).then_some(stream.place)
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
        if stream.is_looked_at && body_bytes > 0 {
            on.body(stream.place, &bytes[..body_bytes]);
        }
    }
}

/// What a header block says. Where it is the head of a response that is looked at, its fields are handed on.
#[inline(always)]
pub(super) fn read_block<E: Events>(
    blocks: &mut BlockReader,
    looked_at: Option<Place>,
    block: &[u8],
    memory: &mut [u8],
    on: &mut E,
) -> Result<BlockFacts, &'static ConnectionError> {
    match looked_at {
        Some(place) if E::MAY_LOOK => read_fields(blocks, place, block, memory, on),
        _ => blocks.read(block, memory),
    }
}

#[inline(never)]
fn read_fields(
    blocks: &mut BlockReader,
    place: Place,
    block: &[u8],
    memory: &mut [u8],
    on: &mut impl Events,
) -> Result<BlockFacts, &'static ConnectionError> {
    // The status comes before all other fields; a block in which it does not is malformed, and nothing of it counts.
    let mut is_response = false;
    blocks.read_each(block, memory, |name, value| match name {
        b":status" => is_response = !value.starts_with(b"1"),
        _ if is_response => on.field(place, name, value),
        _ => {}
    })
}
