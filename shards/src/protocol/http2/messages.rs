//! Responses, out of header blocks and DATA (RFC 9113, sections 6.1 and 8.1).

use super::connection::{Http2, Http2Shared, PassingPayload, response_of};
use super::error::{self, ConnectionError, ErrorCode, connection_error};
use super::facts::BlockFacts;
use super::frames::{FRAME_HEADER_BYTES, FrameHeader, flag};
use super::owed::OwedFrame;
use super::streams::{FoundStream, Http2Stream, LENGTH_UNKNOWN, StreamStage};
use crate::protocol::Events;

/// What a header block leads to.
enum HeadOutcome {
    /// More is to come.
    GoesOn,
    Complete,
    Malformed(&'static str),
}

impl Http2 {
    /// A header block of a stream: the response's, an interim one, or trailers.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    pub(super) fn message(
        &mut self,
        found: FoundStream,
        facts: BlockFacts,
        ends_stream: bool,
        wire_bytes: u64,
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        let FoundStream::Open(index) = found else {
            on.unasked(wire_bytes);
            return Ok(());
        };
        let is_grpc = self.is_grpc;
        let stream = self.streams.at(index);
        stream.wire_bytes += wire_bytes;
        if is_grpc {
            stream.grpc.note(facts);
        }
        match stream.head(facts, ends_stream) {
            HeadOutcome::GoesOn => Ok(()),
            HeadOutcome::Complete => self.complete(index, on),
            HeadOutcome::Malformed(why) => self.malformed(index, why, on),
        }
    }

    /// A DATA frame; returns how much of its payload was taken. What is in it is counted, and handed on where it is looked at.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    pub(super) fn data(
        &mut self,
        shared: &Http2Shared,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<usize, &'static ConnectionError> {
        if header.stream == 0 {
            return Err(connection_error!(PROTOCOL_ERROR, "a DATA frame is on stream 0"));
        }
        let (before, padding) = if header.has(flag::PADDED) { padding(header, payload)? } else { (0, 0) };
        self.count_received(shared, header.length)?;
        let ends_stream = header.has(flag::END_STREAM);
        let left = header.length - before;
        self.passing = PassingPayload { left, padding, stream: header.stream, ends_stream };
        let found = self.streams.find(header.stream);
        match found {
            FoundStream::Open(index) => {
                self.data_of(shared, index, header, header.length - before - padding, on)?;
            }
            FoundStream::Cancelled => on.unasked((FRAME_HEADER_BYTES + header.length) as u64),
            FoundStream::Ended => {
                return Err(connection_error!(STREAM_CLOSED, "a DATA frame came on a stream that had ended"));
            }
            FoundStream::Idle => {
                return Err(connection_error!(
                    PROTOCOL_ERROR,
                    "a DATA frame came on a stream that we did not open"
                ));
            }
        }
        let taken = self.passing.left.min(payload.len() - before);
        if self.is_grpc {
            self.take_messages(found, &payload[before..][..taken], on)?;
        }
        self.hand_on(&payload[before..][..taken], on);
        self.passing.left -= taken;
        if self.passing.left == 0 && ends_stream {
            self.end_of_data(found, on)?;
        }
        Ok(before + taken)
    }

    /// The connection's window, of which this much was used.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn count_received(&mut self, shared: &Http2Shared, bytes: usize) -> Result<(), &'static ConnectionError> {
        let size = shared.connection_window_bytes();
        if !self.received.take(bytes, size) {
            return Err(connection_error!(
                FLOW_CONTROL_ERROR,
                "the target sends more than the connection's window"
            ));
        }
        match self.received.give_back(size) {
            Some(increment) => self.owed.push(OwedFrame::WindowUpdate { stream: 0, increment }),
            None => Ok(()),
        }
    }

    /// The beginning of a DATA frame on an open stream, with this much of a body in it.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn data_of(
        &mut self,
        shared: &Http2Shared,
        index: usize,
        header: FrameHeader,
        body_bytes: usize,
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        let size = shared.options.window_bytes;
        let stream = self.streams.at(index);
        stream.wire_bytes += (FRAME_HEADER_BYTES + header.length) as u64;
        if !stream.received.take(header.length, size) {
            let why = "FLOW_CONTROL_ERROR: the target sends more than the stream's window";
            return self.fail_stream(index, ErrorCode::FLOW_CONTROL_ERROR, why, on);
        }
        if stream.stage == StreamStage::Head {
            return self.malformed(index, "PROTOCOL_ERROR: a body comes before the response's header", on);
        }
        if stream.left_bytes != LENGTH_UNKNOWN {
            let Some(left) = stream.left_bytes.checked_sub(body_bytes as u64) else {
                return self.malformed(index, "PROTOCOL_ERROR: a body is longer than the response says", on);
            };
            stream.left_bytes = left;
        }
        if body_bytes > 0 {
            self.idle_frames = 0;
        }
        if header.has(flag::END_STREAM) {
            return Ok(());
        }
        match self.streams.at(index).received.give_back(size) {
            Some(increment) => self.owed.push(OwedFrame::WindowUpdate { stream: header.stream, increment }),
            None => Ok(()),
        }
    }

    /// So much of a payload that need not be kept has passed.
    #[inline]
    pub(super) fn pass(
        &mut self,
        bytes: usize,
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        self.passing.left -= bytes;
        let PassingPayload { left, stream, ends_stream, .. } = self.passing;
        if left > 0 || !ends_stream {
            return Ok(());
        }
        self.end_of_data(self.streams.find(stream), on)
    }

    /// The end of a body, on a stream that may have been given up meanwhile.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn end_of_data(
        &mut self,
        found: FoundStream,
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        let FoundStream::Open(index) = found else { return Ok(()) };
        let stream = self.streams.at(index);
        match stream.left_bytes {
            _ if !stream.is_open() => Ok(()),
            0 | LENGTH_UNKNOWN => self.complete(index, on),
            _ => self.malformed(index, SHORT, on),
        }
    }

    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn complete(&mut self, index: usize, on: &mut impl Events) -> Result<(), &'static ConnectionError> {
        let stream = self.streams.at(index);
        let (place, id, is_unsent) = (stream.place, stream.id, stream.is_unsent);
        let (code, bytes) = (stream.status, stream.wire_bytes + self.beside_bytes);
        let response = match self.is_grpc {
            false => response_of(code, bytes),
            true => match self.call_response(index, bytes) {
                Ok(response) => response,
                Err(why) => return self.call_failed(index, why, on),
            },
        };
        (self.beside_bytes, self.idle_frames) = (0, 0);
        self.end_stream(index, StreamStage::Ended);
        on.response(place, response);
        if is_unsent {
            // The target has answered and does not need the rest of the request (section 8.1).
            return self.owed.push(OwedFrame::Reset { stream: id, code: ErrorCode::CANCEL });
        }
        Ok(())
    }

    /// The response to a call is complete, and says nothing that counts.
    #[cold]
    fn call_failed(
        &mut self,
        index: usize,
        why: &'static str,
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        let stream = self.streams.at(index);
        let (place, id, is_unsent) = (stream.place, stream.id, stream.is_unsent);
        self.end_stream(index, StreamStage::Ended);
        on.failed(place, error::malformed(why));
        if is_unsent {
            return self.owed.push(OwedFrame::Reset { stream: id, code: ErrorCode::CANCEL });
        }
        Ok(())
    }

    #[cold]
    fn malformed(
        &mut self,
        index: usize,
        why: &'static str,
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        self.fail_stream(index, ErrorCode::PROTOCOL_ERROR, why, on)
    }

    /// Gives a stream up that breaks the standard; the others of its connection go on (section 5.4.2).
    #[cold]
    pub(super) fn fail_stream(
        &mut self,
        index: usize,
        code: ErrorCode,
        why: &'static str,
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        let (place, stream) = (self.streams.at(index).place, self.streams.at(index).id);
        self.end_stream(index, StreamStage::Cancelled);
        on.failed(place, error::malformed(why));
        self.owed.push(OwedFrame::Reset { stream, code })
    }
}

impl Http2Stream {
    /// What a header block leads to.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn head(&mut self, facts: BlockFacts, ends_stream: bool) -> HeadOutcome {
        if let Some(why) = facts.wrong {
            return HeadOutcome::Malformed(why);
        }
        if self.stage == StreamStage::Body {
            return self.trailers(facts, ends_stream);
        }
        match facts.status {
            0 => return HeadOutcome::Malformed("PROTOCOL_ERROR: the response has no :status"),
            101 => {
                return HeadOutcome::Malformed(
                    "PROTOCOL_ERROR: the response has the status 101, which HTTP/2 does not have",
                );
            }
            100..200 if ends_stream => {
                return HeadOutcome::Malformed("PROTOCOL_ERROR: an interim response ends the stream");
            }
            100..200 => return HeadOutcome::GoesOn,
            status => self.status = status,
        }
        self.stage = StreamStage::Body;
        let is_bodyless = self.is_bodyless || facts.status == 204 || facts.status == 304;
        self.left_bytes = if is_bodyless { 0 } else { facts.content_length.unwrap_or(LENGTH_UNKNOWN) };
        match self.left_bytes {
            _ if !ends_stream => HeadOutcome::GoesOn,
            0 | LENGTH_UNKNOWN => HeadOutcome::Complete,
            _ => HeadOutcome::Malformed(SHORT),
        }
    }

    fn trailers(&self, facts: BlockFacts, ends_stream: bool) -> HeadOutcome {
        match self.left_bytes {
            _ if facts.status != 0 => HeadOutcome::Malformed("PROTOCOL_ERROR: trailers have a :status"),
            _ if !ends_stream => HeadOutcome::Malformed("PROTOCOL_ERROR: trailers do not end the stream"),
            0 | LENGTH_UNKNOWN => HeadOutcome::Complete,
            _ => HeadOutcome::Malformed(SHORT),
        }
    }
}

const SHORT: &str = "PROTOCOL_ERROR: a body is shorter than the response says";

/// The bytes before a body and behind it, which say how many are behind it (section 6.1).
#[cold]
fn padding(header: FrameHeader, payload: &[u8]) -> Result<(usize, usize), &'static ConnectionError> {
    let Some(&padding) = payload.first().filter(|_| header.length > 0) else {
        return Err(connection_error!(
            FRAME_SIZE_ERROR,
            "a padded DATA frame does not say how long its padding is"
        ));
    };
    if usize::from(padding) >= header.length {
        return Err(connection_error!(
            PROTOCOL_ERROR,
            "the padding of a DATA frame is longer than the frame"
        ));
    }
    Ok((1, padding.into()))
}
