//! Frames that answer what the other side has sent. They go out as soon as there is room; how many may wait is bounded.

use super::error::{ConnectionError, ErrorCode, connection_error};
use super::frames::{ANSWER_BYTES_MAX, flag, frame_type, push_frame, push_reset, push_window_update};
use engine::outbox::Outbox;
use std::collections::VecDeque;

/// The most that may wait beside one for each stream.
const OWED_MAX: usize = 64;

/// A frame that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwedFrame {
    SettingsAcknowledgement,
    Pong([u8; 8]),
    WindowUpdate { stream: u32, increment: u32 },
    Reset { stream: u32, code: ErrorCode },
}

/// Frames that are to be sent, oldest first.
#[derive(Debug)]
pub(super) struct Owed {
    frames: VecDeque<OwedFrame>,
    count_max: usize,
}

impl Owed {
    /// Of a connection with so many streams.
    pub(super) fn new(streams: u32) -> Owed {
        let count_max = OWED_MAX + 2 * streams as usize;
        Owed { frames: VecDeque::with_capacity(count_max), count_max }
    }

    pub(super) fn clear(&mut self) {
        self.frames.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Adds a frame. The other side that asks for more than it reads is told to enhance its calm.
    pub(super) fn push(&mut self, frame: OwedFrame) -> Result<(), ConnectionError> {
        if self.frames.len() == self.count_max {
            return Err(connection_error!(
                ENHANCE_YOUR_CALM,
                "the target asks for answers and does not read them"
            ));
        }
        self.frames.push_back(frame);
        Ok(())
    }

    /// Appends what there is room for.
    #[inline]
    pub(super) fn settle(&mut self, out: &mut Outbox<'_>) {
        while out.room() >= ANSWER_BYTES_MAX {
            let Some(frame) = self.frames.pop_front() else { return };
            match frame {
                OwedFrame::SettingsAcknowledgement => {
                    push_frame(out, frame_type::SETTINGS, flag::ACK, 0, &[])
                }
                OwedFrame::Pong(payload) => push_frame(out, frame_type::PING, flag::ACK, 0, &payload),
                OwedFrame::WindowUpdate { stream, increment } => push_window_update(out, stream, increment),
                OwedFrame::Reset { stream, code } => push_reset(out, stream, code),
            }
        }
    }
}
