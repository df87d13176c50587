//! What comes on a connection whose requests are calls of gRPC: messages out of DATA, and what the end of a response says.

use super::connection::Http2;
use super::error::{ConnectionError, ErrorCode};
use super::streams::FoundStream;
use crate::protocol::{Events, Response};
use engine::code;

impl Http2 {
    /// Takes a part of a body in which there are messages. What is behind the body in its frame is not one.
    #[inline(never)]
    pub(super) fn take_messages(
        &mut self,
        found: FoundStream,
        bytes: &[u8],
        on: &mut impl Events,
    ) -> Result<(), &'static ConnectionError> {
        let FoundStream::Open(index) = found else { return Ok(()) };
        let body_bytes = self.passing.left.saturating_sub(self.passing.padding).min(bytes.len());
        let stream = self.streams.at(index);
        if !stream.is_open() || !stream.grpc.is_grpc {
            return Ok(());
        }
        let place = stream.place;
        match stream.grpc.take(place, &bytes[..body_bytes], on) {
            Ok(()) => {
                if let Some(turns) = stream.grpc.turns.as_mut().filter(|turns| turns.may_go_on()) {
                    turns.is_over = false;
                    self.unsent.push_back(index);
                }
                Ok(())
            }
            Err(why) => self.fail_stream(index, ErrorCode::CANCEL, why, on),
        }
    }

    /// The response to a call is complete; returns it, or fails the call.
    #[inline]
    pub(super) fn call_response(&mut self, index: usize, bytes: u64) -> Result<Response, &'static str> {
        let stream = self.streams.at(index);
        let code = code::of_grpc(stream.grpc.outcome(stream.status)?);
        Ok(Response { code, is_ok: code::is_success(code), bytes })
    }

    /// What the target said last beside a status, for people; `grpc-message` is percent-encoded.
    pub fn grpc_message(&self) -> Option<String> {
        let said = self.blocks.said();
        (!said.is_empty()).then(|| percent_decoded(said))
    }
}

/// Text of which some bytes are written as `%` and two digits. What is no such digit stays as it is.
fn percent_decoded(text: &[u8]) -> String {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut decoded, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_for_people_is_percent_decoded() {
        assert_eq!(percent_decoded(b"no%20such%20t%C3%A9st"), "no such tést");
        assert_eq!(percent_decoded(b"100% of %zz %4"), "100% of %zz %4");
        assert_eq!(percent_decoded(b"%ff"), "\u{fffd}");
    }
}
