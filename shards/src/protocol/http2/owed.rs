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
    pub(super) fn push(&mut self, frame: OwedFrame) -> Result<(), &'static ConnectionError> {
        if self.is_joined(frame) {
            return Ok(());
        }
        if self.frames.len() == self.count_max {
            return Err(connection_error!(
                ENHANCE_YOUR_CALM,
                "the target asks for answers and does not read them"
            ));
        }
        self.frames.push_back(frame);
        Ok(())
    }

    /// Adds to what is given back of a window, where something of it waits already: however small windows are, there is one frame for
    /// each.
    fn is_joined(&mut self, frame: OwedFrame) -> bool {
        let OwedFrame::WindowUpdate { stream: wanted, increment: more } = frame else { return false };
        let known = self.frames.iter_mut().find_map(|waiting| match waiting {
            OwedFrame::WindowUpdate { stream, increment } if *stream == wanted => Some(increment),
            _ => None,
        });
        known.map(|increment| *increment += more).is_some()
    }

    /// Appends what there is room for, beside so many bytes that others will need.
    #[inline]
    pub(super) fn settle(&mut self, kept_bytes: usize, out: &mut Outbox<'_>) {
        if !self.frames.is_empty() {
            self.settle_some(kept_bytes, out);
        }
    }

    #[inline(never)]
    fn settle_some(&mut self, kept_bytes: usize, out: &mut Outbox<'_>) {
        while out.room() >= kept_bytes + ANSWER_BYTES_MAX {
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

#[cfg(test)]
mod tests {
    use super::*;
    use engine::outbox::collected;

    #[test]
    fn what_is_given_back_of_one_window_is_one_frame() {
        let mut owed = Owed::new(1);
        for _ in 0..1_000 {
            owed.push(OwedFrame::WindowUpdate { stream: 1, increment: 3 }).unwrap();
            owed.push(OwedFrame::WindowUpdate { stream: 0, increment: 1 }).unwrap();
        }
        let frames = collected(100, |out| owed.settle(0, out));
        assert_eq!(frames[..13], [0, 0, 4, 8, 0, 0, 0, 0, 1, 0, 0, 11, 184]);
        assert_eq!(frames[13..], [0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 3, 232]);
        assert!(owed.is_empty());
    }
}
