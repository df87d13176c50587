//! What comes on a connection, frame by frame (RFC 9113, sections 4 and 6). Frames are read where they lie; only those that came in parts
//! are gathered first, and DATA never is.

use super::connection::{Http2, Http2Shared, OpenBlock, PassingPayload};
use super::error::{self, ConnectionError, ErrorCode, connection_error};
use super::frames::{
    ANSWER_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX, FrameHeader, be32, flag, frame_type,
    push_goaway,
};
use super::looking::read_block;
use super::owed::OwedFrame;
use super::streams::{FoundStream, StreamStage};
use crate::protocol::{Events, RequestFailure, Touched, Unusable};
use engine::outbox::Outbox;
use engine::outcome::Kind;

/// The longest header block, compressed, and the most frames it may come in.
const BLOCK_BYTES_MAX: usize = 64 << 10;
const BLOCK_FRAMES_MAX: u32 = 64;
/// Frames that may follow each other while nothing comes of any response. Whoever sends more keeps us busy with nothing.
pub const IDLE_FRAMES_MAX: u32 = 10_000;
const _: () = assert!(BLOCK_BYTES_MAX >= FRAME_PAYLOAD_BYTES_MAX, "a block of one frame is never too long");

impl Http2 {
    /// Takes bytes that arrived, and appends what is to be answered. An error says that the connection cannot be used any
    /// further; the target is told why.
    #[inline]
    pub(super) fn take_all(
        &mut self,
        shared: &mut Http2Shared,
        bytes: &[u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.take(shared, rest, on) {
                Ok(used) => rest = &rest[used..],
                Err(error) => return Err(self.give_up(error, out)),
            }
            if self.has_left() {
                self.owed.settle(0, out);
                return Err(self.gone());
            }
        }
        self.owed.settle(self.heads_bytes(shared.head_bytes_max), out);
        Ok(())
    }

    /// Why nothing more can come on a connection that was left or closed.
    pub(super) fn gone(&self) -> Unusable {
        let why = match self.going_away {
            Some((_, ErrorCode::NO_ERROR)) => "the target ended the connection by GOAWAY",
            Some((_, code)) => code.of_goaway(),
            None if self.is_leaving() => "the connection has used up its stream identifiers",
            None if !self.is_ready => "the connection was closed before the target said anything in HTTP/2",
            None => "the connection was closed",
        };
        Unusable { kind: Kind::Eof, why }
    }

    #[cold]
    fn give_up(&mut self, error: &ConnectionError, out: &mut Outbox<'_>) -> Unusable {
        self.owed.settle(0, out);
        if out.room() >= ANSWER_BYTES_MAX {
            push_goaway(out, error.code);
        }
        error.into()
    }

    /// Takes a part of what came; returns how much.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn take(
        &mut self,
        shared: &mut Http2Shared,
        bytes: &[u8],
        on: &mut impl Events,
    ) -> Result<usize, &'static ConnectionError> {
        if self.passing.left > 0 {
            let taken = self.passing.left.min(bytes.len());
            if self.is_grpc && self.passing.stream > 0 {
                self.take_messages(self.streams.find(self.passing.stream), &bytes[..taken], on)?;
            }
            self.hand_on(&bytes[..taken], on);
            self.pass(taken, on)?;
            return Ok(taken);
        }
        if self.partial.is_empty()
            && let Some(header) = FrameHeader::read(bytes)
        {
            self.check(header)?;
            let payload = &bytes[FRAME_HEADER_BYTES..];
            if payload.len() >= gathered_bytes(header) {
                let used = self.frame(shared, header, payload, on)?;
                return Ok(FRAME_HEADER_BYTES + used);
            }
        }
        self.gather(shared, bytes, on)
    }

    /// Gathers a frame that comes in parts.
    #[cold]
    fn gather(
        &mut self,
        shared: &mut Http2Shared,
        bytes: &[u8],
        on: &mut impl Events,
    ) -> Result<usize, &'static ConnectionError> {
        let wanted =
            |partial: &[u8]| FRAME_HEADER_BYTES + FrameHeader::read(partial).map_or(0, gathered_bytes);
        let taken = (wanted(&self.partial) - self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..taken]);
        let Some(header) = FrameHeader::read(&self.partial) else { return Ok(taken) };
        self.check(header)?;
        if self.partial.len() == wanted(&self.partial) {
            let mut partial = std::mem::take(&mut self.partial);
            self.gathered(shared, header, &partial[FRAME_HEADER_BYTES..], on)?;
            partial.clear();
            self.partial = partial;
        }
        Ok(taken)
    }

    /// Takes a frame that came in parts.
    #[inline(never)]
    fn gathered(
        &mut self,
        shared: &mut Http2Shared,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<usize, &'static ConnectionError> {
        self.frame(shared, header, payload, on)
    }

    /// What can be said of a frame by its header alone.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn check(&self, header: FrameHeader) -> Result<(), &'static ConnectionError> {
        if !self.is_ready {
            check_first(header)?;
        }
        if header.length > FRAME_PAYLOAD_BYTES_MAX {
            return Err(connection_error!(
                FRAME_SIZE_ERROR,
                "a frame is longer than the 16384 bytes that we accept"
            ));
        }
        let is_continuation = header.frame_type == frame_type::CONTINUATION;
        match self.open_block {
            None if !is_continuation => Ok(()),
            Some(block) if is_continuation && block.stream == header.stream => Ok(()),
            None => Err(connection_error!(PROTOCOL_ERROR, "a CONTINUATION frame continues no header block")),
            Some(_) => {
                Err(connection_error!(PROTOCOL_ERROR, "a header block is interrupted by another frame"))
            }
        }
    }

    /// Takes a frame, of which as much has come as has to be gathered; returns how much of its payload it has taken.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn frame(
        &mut self,
        shared: &mut Http2Shared,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<usize, &'static ConnectionError> {
        self.idle_frames += 1;
        if self.idle_frames > IDLE_FRAMES_MAX {
            return Err(connection_error!(
                ENHANCE_YOUR_CALM,
                "the target sends frames without end and no response"
            ));
        }
        if header.frame_type == frame_type::DATA {
            return self.data(shared, header, payload, on);
        }
        let gathered = &payload[..gathered_bytes(header)];
        match header.frame_type {
            frame_type::HEADERS => self.headers(shared, header, gathered, on)?,
            frame_type::CONTINUATION => self.continuation(shared, header, gathered, on)?,
            _ => {
                self.beside_bytes += (FRAME_HEADER_BYTES + header.length) as u64;
                self.control(shared, header, gathered, on)?;
            }
        }
        Ok(gathered.len())
    }

    /// A frame that is no part of a response.
    #[inline(never)]
    fn control(
        &mut self,
        shared: &mut Http2Shared,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        match header.frame_type {
            frame_type::SETTINGS => self.settings(shared, header, payload),
            frame_type::PING => self.ping(header, payload),
            frame_type::WINDOW_UPDATE => self.window_update(header, payload, on),
            frame_type::RST_STREAM => self.reset(header, payload, on),
            frame_type::GOAWAY => self.goaway(header, payload, on),
            frame_type::PRIORITY => check_priority(header),
            frame_type::PUSH_PROMISE => Err(connection_error!(
                PROTOCOL_ERROR,
                "the target pushes a response, which our SETTINGS forbid"
            )),
            // Types that are not known are passed over (section 5.5).
            _ => {
                self.passing = PassingPayload { left: header.length, ..PassingPayload::default() };
                Ok(())
            }
        }
    }

    /// A HEADERS frame (section 6.2).
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn headers(
        &mut self,
        shared: &mut Http2Shared,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        if header.stream == 0 {
            return Err(connection_error!(PROTOCOL_ERROR, "a HEADERS frame is on stream 0"));
        }
        let found = self.streams.find(header.stream);
        match found {
            FoundStream::Open(_) | FoundStream::Cancelled => {}
            FoundStream::Ended => {
                return Err(connection_error!(
                    STREAM_CLOSED,
                    "a HEADERS frame came on a stream that had ended"
                ));
            }
            FoundStream::Idle => {
                return Err(connection_error!(
                    PROTOCOL_ERROR,
                    "a HEADERS frame came on a stream that we did not open"
                ));
            }
        }
        let fragment =
            if header.has(flag::PADDED | flag::PRIORITY) { fragment(header, payload)? } else { payload };
        let wire_bytes = (FRAME_HEADER_BYTES + header.length) as u64;
        let ends_stream = header.has(flag::END_STREAM);
        if header.has(flag::END_HEADERS) {
            let seen = self.looked_at_head(found, on);
            let facts = read_block(&mut self.blocks, seen, fragment, &mut shared.fields, on)?;
            self.message(found, facts, ends_stream, wire_bytes, on)
        } else {
            self.block_bytes.clear();
            self.block_bytes.extend_from_slice(fragment);
            self.open_block = Some(OpenBlock { stream: header.stream, ends_stream, frames: 1, wire_bytes });
            Ok(())
        }
    }

    /// A CONTINUATION frame (section 6.10). That it continues the block which is open was checked.
    #[cold]
    fn continuation(
        &mut self,
        shared: &mut Http2Shared,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        let Some(mut block) = self.open_block.take() else { return Ok(()) };
        block.frames += 1;
        block.wire_bytes += (FRAME_HEADER_BYTES + header.length) as u64;
        if self.block_bytes.len() + payload.len() > BLOCK_BYTES_MAX || block.frames > BLOCK_FRAMES_MAX {
            return Err(connection_error!(
                ENHANCE_YOUR_CALM,
                "a header block is longer than 64 KiB, or comes in more than 64 frames"
            ));
        }
        self.block_bytes.extend_from_slice(payload);
        if !header.has(flag::END_HEADERS) {
            self.open_block = Some(block);
            return Ok(());
        }
        let found = self.streams.find(block.stream);
        let seen = self.looked_at_head(found, on);
        let facts = read_block(&mut self.blocks, seen, &self.block_bytes, &mut shared.fields, on)?;
        self.message(found, facts, block.ends_stream, block.wire_bytes, on)
    }

    /// A RST_STREAM frame (section 6.4).
    fn reset(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        if header.stream == 0 {
            return Err(connection_error!(PROTOCOL_ERROR, "a RST_STREAM frame is on stream 0"));
        }
        let (4, Some(code)) = (payload.len(), be32(payload)) else {
            return Err(connection_error!(FRAME_SIZE_ERROR, "a RST_STREAM frame has not four bytes"));
        };
        match self.streams.find(header.stream) {
            FoundStream::Open(index) => {
                let failure = error::reset(ErrorCode(code));
                self.fail_untouched(index, failure, on);
                Ok(())
            }
            FoundStream::Idle => Err(connection_error!(
                PROTOCOL_ERROR,
                "a RST_STREAM frame came on a stream that we did not open"
            )),
            FoundStream::Ended | FoundStream::Cancelled => Ok(()),
        }
    }

    /// Ends a stream of which the target says that it has done nothing. Where its response has begun, that is not so.
    pub(super) fn fail_untouched(&mut self, index: usize, failure: RequestFailure, on: &mut impl Events) {
        let stream = self.streams.at(index);
        let place = stream.place;
        let touched = if stream.stage == StreamStage::Body { Touched::Perhaps } else { failure.touched };
        self.end_stream(index, StreamStage::Ended);
        on.failed(place, RequestFailure { touched, ..failure });
    }

    /// A PING frame (section 6.7).
    fn ping(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), &'static ConnectionError> {
        if header.stream != 0 {
            return Err(connection_error!(PROTOCOL_ERROR, "a PING frame is on a stream"));
        }
        match <[u8; 8]>::try_from(payload) {
            Ok(_) if header.has(flag::ACK) => Ok(()),
            Ok(payload) => self.owed.push(OwedFrame::Pong(payload)),
            Err(_) => Err(connection_error!(FRAME_SIZE_ERROR, "a PING frame has not eight bytes")),
        }
    }
}

/// How much of a frame's payload has to have come before anything is made of it.
#[inline]
fn gathered_bytes(header: FrameHeader) -> usize {
    match header.frame_type {
        // How long its padding is.
        frame_type::DATA => usize::from(header.has(flag::PADDED)).min(header.length),
        frame_type::HEADERS..=frame_type::CONTINUATION => header.length,
        _ => 0,
    }
}

/// The target's first frame has to be SETTINGS (section 3.4).
#[cold]
fn check_first(header: FrameHeader) -> Result<(), &'static ConnectionError> {
    match header.bytes() {
        [b'H', b'T', b'T', b'P', b'/', ..] => Err(connection_error!(
            PROTOCOL_ERROR,
            "the target answers in HTTP/1 and does not speak HTTP/2 here"
        )),
        [20..=23, 3, 0..=4, ..] => {
            Err(connection_error!(PROTOCOL_ERROR, "the target answers in TLS, and was not asked to"))
        }
        _ if header.frame_type != frame_type::SETTINGS || header.has(flag::ACK) => Err(connection_error!(
            PROTOCOL_ERROR,
            "the target does not begin with SETTINGS: it may not speak HTTP/2"
        )),
        _ => Ok(()),
    }
}

/// A PRIORITY frame, which says nothing to a client (section 6.3).
fn check_priority(header: FrameHeader) -> Result<(), &'static ConnectionError> {
    match (header.stream, header.length) {
        (0, _) => Err(connection_error!(PROTOCOL_ERROR, "a PRIORITY frame is on stream 0")),
        (_, 5) => Ok(()),
        _ => Err(connection_error!(FRAME_SIZE_ERROR, "a PRIORITY frame has not five bytes")),
    }
}

/// The part of a HEADERS frame that is a header block, without padding and priority.
#[cold]
fn fragment(header: FrameHeader, payload: &[u8]) -> Result<&[u8], &'static ConnectionError> {
    let mut rest = payload;
    let mut padding = 0;
    if header.has(flag::PADDED) {
        let (first, behind) = rest.split_first().ok_or(NO_FRAGMENT)?;
        (padding, rest) = (usize::from(*first), behind);
    }
    if header.has(flag::PRIORITY) {
        rest = rest.get(5..).ok_or(NO_FRAGMENT)?;
    }
    let length = rest.len().checked_sub(padding);
    let length = length.ok_or(connection_error!(
        PROTOCOL_ERROR,
        "the padding of a HEADERS frame is longer than the frame"
    ))?;
    Ok(&rest[..length])
}

const NO_FRAGMENT: &ConnectionError =
    connection_error!(FRAME_SIZE_ERROR, "a HEADERS frame is shorter than its flags say");
