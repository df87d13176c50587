//! What comes on a connection: the response to its opening, then frames, and messages made of them.

use super::close::{self, CloseCode, SocketBreach};
use super::frames::{CONTROL_BYTES_MAX, Opcode, SocketFrameHeader};
use super::opening::{self, HEAD_BYTES_MAX, OpeningHead};
use super::replies::ReplyRule;
use super::socket::{ComingFrame, SocketStage, WebSocket, WebSocketShared};
use super::utf8::Utf8Check;
use crate::protocol::{Events, Response, Unusable};
use engine::code;
use engine::outbox::Outbox;

/// The longest message that is taken, in one frame or in many.
pub const MESSAGE_BYTES_MAX: u64 = 16 << 20;
/// Memory of a message in parts that is kept for the next one.
const KEPT_BYTES_MAX: usize = 64 << 10;
const _: () = assert!(HEAD_BYTES_MAX <= KEPT_BYTES_MAX, "both are kept in the same memory");

const INVALID_TEXT: SocketBreach =
    SocketBreach { code: CloseCode::INVALID_DATA, why: "a message of text is not UTF-8" };
const TOO_BIG: SocketBreach =
    SocketBreach { code: CloseCode::TOO_BIG, why: "a message is longer than 16 MiB" };

/// Why nothing more is taken from a connection.
enum ReceivingEnd {
    /// What came was against the protocol.
    Breach(SocketBreach),
    /// The target closed it, or did not open it.
    Unusable(Unusable),
}

impl From<SocketBreach> for ReceivingEnd {
    fn from(breach: SocketBreach) -> ReceivingEnd {
        ReceivingEnd::Breach(breach)
    }
}

impl WebSocket {
    /// Takes bytes that arrived; what has to be answered is owed afterwards.
    #[inline]
    pub(super) fn take_all(
        &mut self,
        shared: &WebSocketShared,
        bytes: &[u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        match self.take(shared, bytes, out, on) {
            Ok(()) => Ok(()),
            Err(end) => {
                self.stage = SocketStage::Closed;
                match end {
                    ReceivingEnd::Unusable(unusable) => Err(unusable),
                    ReceivingEnd::Breach(breach) => {
                        self.debts.close(breach.code);
                        Err(breach.into())
                    }
                }
            }
        }
    }

    #[inline]
    fn take(
        &mut self,
        shared: &WebSocketShared,
        bytes: &[u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), ReceivingEnd> {
        let mut rest = match self.stage {
            SocketStage::Open => bytes,
            SocketStage::Closed => return Ok(()),
            SocketStage::Opening => match self.take_head(shared, bytes).map_err(ReceivingEnd::Unusable)? {
                Some(used) => &bytes[used..],
                None => return Ok(()),
            },
        };
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None if rest.is_empty() => return Ok(()),
                None => {
                    let (used, header) = self.header.take(rest)?;
                    self.bytes += used as u64;
                    rest = &rest[used..];
                    let Some(header) = header else { return Ok(()) };
                    self.begin_frame(header)?
                }
            };
            let payload = &rest[..(frame.left.min(rest.len() as u64)) as usize];
            rest = &rest[payload.len()..];
            self.bytes += payload.len() as u64;
            let left = frame.left - payload.len() as u64;
            self.take_payload(shared, frame, payload, left)?;
            if left > 0 {
                self.frame = Some(ComingFrame { left, ..frame });
                return Ok(());
            }
            self.frame = None;
            self.end_frame(shared, frame, payload, out, on)?;
        }
    }

    /// Takes the response to the opening; says how many of the bytes belong to it, once it is whole.
    #[cold]
    fn take_head(&mut self, shared: &WebSocketShared, bytes: &[u8]) -> Result<Option<usize>, Unusable> {
        let before = self.partial.len();
        // Bytes behind the head need not be kept: where it ends is told by its own bytes.
        self.partial.extend_from_slice(&bytes[..bytes.len().min(HEAD_BYTES_MAX + 1 - before)]);
        let mut passed = 0;
        loop {
            match opening::read(&self.partial[passed..], &self.accept, &shared.offered) {
                // Of what is longer, the rest was not kept.
                Ok(OpeningHead::Unfinished) if self.partial.len() > HEAD_BYTES_MAX => {
                    return Err(opening::too_long());
                }
                Ok(OpeningHead::Unfinished) => {
                    self.partial.drain(..passed);
                    return Ok(None);
                }
                Ok(OpeningHead::Interim(length)) => passed += length,
                Ok(OpeningHead::Opened { bytes, subprotocol }) => {
                    let subprotocol = subprotocol.map(str::to_owned);
                    self.note_line(passed);
                    if let Some(greeting) = &mut self.greeting {
                        greeting.subprotocol = subprotocol;
                    }
                    self.stage = SocketStage::Open;
                    self.partial = Vec::new();
                    return Ok(Some(passed + bytes - before));
                }
                Err(unusable) => {
                    self.note_line(passed);
                    return Err(unusable);
                }
            }
        }
    }

    /// Keeps the first line of a response, where words are kept.
    fn note_line(&mut self, from: usize) {
        if let Some(greeting) = &mut self.greeting {
            let line = self.partial[from..].split(|&byte| byte == b'\n').next().unwrap_or_default();
            greeting.line = String::from_utf8_lossy(line).trim_end().to_owned();
        }
    }

    #[inline]
    fn begin_frame(&mut self, header: SocketFrameHeader) -> Result<ComingFrame, SocketBreach> {
        let SocketFrameHeader { opcode, is_final, length } = header;
        match (opcode, self.message) {
            (Opcode::Text | Opcode::Binary, None) => {
                (self.message, self.message_bytes) = (Some(opcode), 0);
                self.utf8 = Utf8Check::default();
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(SocketBreach::of_protocol("a message begins before the one before it has ended"));
            }
            (Opcode::Continuation, None) => {
                return Err(SocketBreach::of_protocol("a message goes on that has not begun"));
            }
            _ => {}
        }
        match opcode.is_control() {
            true => self.control_filled = 0,
            false => {
                self.message_bytes = self.message_bytes.saturating_add(length);
                if self.message_bytes > MESSAGE_BYTES_MAX {
                    return Err(TOO_BIG);
                }
            }
        }
        Ok(ComingFrame { opcode, is_final, left: length })
    }

    #[inline]
    fn take_payload(
        &mut self,
        shared: &WebSocketShared,
        frame: ComingFrame,
        payload: &[u8],
        left: u64,
    ) -> Result<(), SocketBreach> {
        if frame.opcode.is_control() {
            let filled = usize::from(self.control_filled);
            self.control[filled..filled + payload.len()].copy_from_slice(payload);
            self.control_filled += payload.len() as u8;
            return Ok(());
        }
        if self.message == Some(Opcode::Text) && !self.utf8.take(payload) {
            return Err(INVALID_TEXT);
        }
        // What is there as a whole is looked into where it lies.
        let is_whole = left == 0 && self.message_bytes == payload.len() as u64 && frame.is_final;
        if matches!(shared.rule, ReplyRule::Json(_)) && !is_whole {
            self.partial.extend_from_slice(payload);
        }
        Ok(())
    }

    /// All of a frame is there; `payload` is the last of it.
    #[inline]
    fn end_frame(
        &mut self,
        shared: &WebSocketShared,
        frame: ComingFrame,
        payload: &[u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), ReceivingEnd> {
        match frame.opcode {
            Opcode::Text | Opcode::Binary | Opcode::Continuation if frame.is_final => {
                self.end_message(shared, payload, on)?;
            }
            Opcode::Text | Opcode::Binary | Opcode::Continuation => {}
            Opcode::Ping => {
                // The one before is answered first, while there is room.
                self.pay(shared, out);
                let filled = usize::from(self.control_filled);
                self.debts.pong(&self.control[..filled]);
                self.unasked_control(on);
            }
            Opcode::Pong => self.unasked_control(on),
            Opcode::Close => return Err(self.closed(on)?),
        }
        Ok(())
    }

    /// A frame that nobody asked for; a message that it stands in goes on.
    fn unasked_control(&mut self, on: &mut impl Events) {
        let bytes = 2 + u64::from(self.control_filled);
        self.bytes -= bytes;
        on.unasked(bytes);
    }

    #[inline]
    fn end_message(
        &mut self,
        shared: &WebSocketShared,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<(), SocketBreach> {
        if self.message == Some(Opcode::Text) && !self.utf8.is_complete() {
            return Err(INVALID_TEXT);
        }
        self.message = None;
        let bytes = std::mem::take(&mut self.bytes);
        let place = match &shared.rule {
            ReplyRule::Order => on.oldest().map(|(place, _)| place),
            ReplyRule::None => None,
            ReplyRule::Json(pointer) => {
                let value = match self.partial.is_empty() {
                    true => pointer.find(payload),
                    false => pointer.find(&self.partial),
                };
                self.forget_partial();
                value.and_then(|value| self.awaited.take(value))
            }
        };
        match place {
            Some(place) => on.response(place, Response { code: code::REPLIED, is_ok: true, bytes }),
            None => on.unasked(bytes),
        }
        Ok(())
    }

    fn forget_partial(&mut self) {
        self.partial.clear();
        if self.partial.capacity() > KEPT_BYTES_MAX {
            self.partial.shrink_to(KEPT_BYTES_MAX);
        }
    }

    /// The target closes the connection: whatever is under way has that for a reply.
    #[cold]
    fn closed(&mut self, on: &mut impl Events) -> Result<ReceivingEnd, SocketBreach> {
        let payload: [u8; CONTROL_BYTES_MAX] = self.control;
        let (code, reason) = close::read(&payload[..usize::from(self.control_filled)])?;
        self.debts.close(code);
        if let Some(greeting) = &mut self.greeting {
            greeting.farewell = Some((code.0, reason.to_owned()));
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        while let Some((place, _)) = on.oldest() {
            let response = Response { code: code.0, is_ok: false, bytes: std::mem::take(&mut bytes) };
            on.response(place, response);
        }
        self.awaited.clear();
        Ok(ReceivingEnd::Unusable(code.unusable()))
    }
}
