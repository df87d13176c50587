//! What a connection has to send beside messages, and has had no room for: its opening, the pong to a ping, a close.

use super::close::CloseCode;
use super::frames::{CONTROL_BYTES_MAX, CONTROL_FRAME_BYTES_MAX, Opcode, push_control};
use super::opening::WebSocketOpening;
use engine::outbox::Outbox;
use engine::random::Random;

/// The most that is appended in answer to what comes at a time: a pong, and a close.
pub(super) const ANSWER_BYTES_MAX: usize = CONTROL_FRAME_BYTES_MAX + 2 + 4 + 2;

/// What is owed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SocketDebts {
    /// The opening with this number.
    opening: Option<u64>,
    /// A pong with so many bytes of the payload. Of several pings the last is answered, which section 5.5.3 allows.
    pong: Option<u8>,
    payload: [u8; CONTROL_BYTES_MAX],
    close: Option<CloseCode>,
}

impl SocketDebts {
    pub(super) fn new() -> SocketDebts {
        SocketDebts { opening: None, pong: None, payload: [0; CONTROL_BYTES_MAX], close: None }
    }

    pub(super) fn open(&mut self, number: u64) {
        (self.opening, self.pong, self.close) = (Some(number), None, None);
    }

    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.payload[..payload.len()].copy_from_slice(payload);
        self.pong = Some(payload.len() as u8);
    }

    /// Nothing is sent behind a close; without a code where there was none.
    pub(super) fn close(&mut self, code: CloseCode) {
        self.close = Some(code);
    }

    #[inline]
    pub(super) fn is_any(&self) -> bool {
        self.opening.is_some() || self.pong.is_some() || self.close.is_some()
    }

    /// Appends what there is room for, with `reserved` bytes left over for messages.
    pub(super) fn push(
        &mut self,
        opening: &WebSocketOpening,
        masks: &mut Random,
        reserved: usize,
        out: &mut Outbox<'_>,
    ) {
        if let Some(number) = self.opening {
            if out.room() < opening.bytes_max() {
                return;
            }
            opening.push(number, out);
            self.opening = None;
        }
        if let Some(length) = self.pong
            && out.room() >= 2 + 4 + usize::from(length) + if self.close.is_some() { 0 } else { reserved }
        {
            push_control(Opcode::Pong, &self.payload[..usize::from(length)], mask(masks), out);
            self.pong = None;
        }
        if let Some(code) = self.close
            && out.room() >= ANSWER_BYTES_MAX - CONTROL_FRAME_BYTES_MAX
        {
            let payload = code.0.to_be_bytes();
            let payload = if code == CloseCode::NONE_GIVEN { &[][..] } else { &payload };
            push_control(Opcode::Close, payload, mask(masks), out);
            (self.pong, self.close) = (None, None);
        }
    }
}

/// The next mask of a connection.
#[inline]
pub(super) fn mask(masks: &mut Random) -> [u8; 4] {
    (masks.bits() as u32).to_ne_bytes()
}
