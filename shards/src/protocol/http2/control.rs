//! Frames that are about the connection: SETTINGS, WINDOW_UPDATE and GOAWAY (RFC 9113, sections 6.5, 6.8 and 6.9).

use super::connection::{Http2, Http2Shared};
use super::error::{self, ConnectionError, ErrorCode, connection_error};
use super::frames::{FRAME_PAYLOAD_BYTES_MAX, FrameHeader, THIRTY_ONE_BITS, be32, flag, setting};
use super::owed::OwedFrame;
use super::streams::FoundStream;
use crate::protocol::Events;

/// The largest MAX_FRAME_SIZE there is.
const MAX_FRAME_SIZE_MAX: usize = (1 << 24) - 1;

impl Http2 {
    /// A SETTINGS frame.
    pub(super) fn settings(
        &mut self,
        shared: &Http2Shared,
        header: FrameHeader,
        payload: &[u8],
    ) -> Result<(), &'static ConnectionError> {
        if header.stream != 0 {
            return Err(connection_error!(PROTOCOL_ERROR, "a SETTINGS frame is on a stream"));
        }
        if header.has(flag::ACK) {
            return self.acknowledged(payload);
        }
        if !payload.len().is_multiple_of(6) {
            return Err(connection_error!(
                FRAME_SIZE_ERROR,
                "the length of a SETTINGS frame is no multiple of six"
            ));
        }
        for entry in payload.chunks_exact(6) {
            let identifier = u16::from_be_bytes([entry[0], entry[1]]);
            self.setting(shared, identifier, be32(&entry[2..]).unwrap_or(0))?;
        }
        self.owed.push(OwedFrame::SettingsAcknowledgement)?;
        self.is_ready = true;
        Ok(())
    }

    fn acknowledged(&mut self, payload: &[u8]) -> Result<(), &'static ConnectionError> {
        if !payload.is_empty() {
            return Err(connection_error!(FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS is not empty"));
        }
        if !std::mem::take(&mut self.awaits_acknowledgement) {
            return Err(connection_error!(PROTOCOL_ERROR, "SETTINGS are acknowledged that were not sent"));
        }
        Ok(())
    }

    fn setting(
        &mut self,
        shared: &Http2Shared,
        identifier: u16,
        value: u32,
    ) -> Result<(), &'static ConnectionError> {
        match identifier {
            setting::HEADER_TABLE_SIZE => {
                self.peer.header_table_bytes = value;
                self.table.limit(&shared.blocks, value as usize);
            }
            setting::ENABLE_PUSH if value != 0 => {
                return Err(connection_error!(
                    PROTOCOL_ERROR,
                    "the target's SETTINGS enable pushes to a server"
                ));
            }
            setting::MAX_CONCURRENT_STREAMS => self.peer.streams_max = value,
            setting::INITIAL_WINDOW_SIZE if value > THIRTY_ONE_BITS => {
                return Err(connection_error!(
                    FLOW_CONTROL_ERROR,
                    "SETTINGS make a window larger than 2^31 - 1"
                ));
            }
            setting::INITIAL_WINDOW_SIZE => self.change_windows(value)?,
            setting::MAX_FRAME_SIZE => {
                let is_allowed = (FRAME_PAYLOAD_BYTES_MAX..=MAX_FRAME_SIZE_MAX).contains(&(value as usize));
                if !is_allowed {
                    return Err(connection_error!(
                        PROTOCOL_ERROR,
                        "SETTINGS allow frames of a size that none may have"
                    ));
                }
                self.peer.frame_bytes_max = value as usize;
            }
            // How long our header lists may be is advice; what is not known is passed over.
            _ => {}
        }
        Ok(())
    }

    /// A WINDOW_UPDATE frame.
    pub(super) fn window_update(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        let (4, Some(increment)) = (payload.len(), be32(payload)) else {
            return Err(connection_error!(FRAME_SIZE_ERROR, "a WINDOW_UPDATE frame has not four bytes"));
        };
        let increment = increment & THIRTY_ONE_BITS;
        if header.stream == 0 {
            return self.raise_connection(increment);
        }
        match self.streams.find(header.stream) {
            FoundStream::Open(index) => {
                let code = match increment {
                    0 => ErrorCode::PROTOCOL_ERROR,
                    _ if self.streams.at(index).may_send.change(increment.into()) => return Ok(()),
                    _ => ErrorCode::FLOW_CONTROL_ERROR,
                };
                let why = match increment {
                    0 => "PROTOCOL_ERROR: a WINDOW_UPDATE frame of a stream adds nothing",
                    _ => "FLOW_CONTROL_ERROR: a WINDOW_UPDATE frame makes a window larger than 2^31 - 1",
                };
                self.fail_stream(index, code, why, on)
            }
            FoundStream::Idle => Err(connection_error!(
                PROTOCOL_ERROR,
                "a WINDOW_UPDATE frame came on a stream that we did not open"
            )),
            FoundStream::Ended | FoundStream::Cancelled => Ok(()),
        }
    }

    fn raise_connection(&mut self, increment: u32) -> Result<(), &'static ConnectionError> {
        if increment == 0 {
            return Err(connection_error!(
                PROTOCOL_ERROR,
                "a WINDOW_UPDATE frame of the connection adds nothing"
            ));
        }
        if self.may_send.change(increment.into()) {
            return Ok(());
        }
        Err(connection_error!(
            FLOW_CONTROL_ERROR,
            "a WINDOW_UPDATE frame makes a window larger than 2^31 - 1"
        ))
    }

    /// A GOAWAY frame: requests above its last stream were not looked at.
    pub(super) fn goaway(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        if header.stream != 0 {
            return Err(connection_error!(PROTOCOL_ERROR, "a GOAWAY frame is on a stream"));
        }
        let (Some(last), Some(code)) = (be32(payload), payload.get(4..).and_then(be32)) else {
            return Err(connection_error!(FRAME_SIZE_ERROR, "a GOAWAY frame has fewer than eight bytes"));
        };
        let (last, code) = (last & THIRTY_ONE_BITS, ErrorCode(code));
        if self.going_away.is_some_and(|(before, _)| last > before) {
            return Err(connection_error!(
                PROTOCOL_ERROR,
                "a GOAWAY frame takes back what the one before has said"
            ));
        }
        self.going_away = Some((last, code));
        while let Some(index) = self.streams.open_above(last) {
            self.fail_untouched(index, error::passed_over(code, last > 0), on);
        }
        Ok(())
    }
}
