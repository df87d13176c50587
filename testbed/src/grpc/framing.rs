//! Messages of gRPC in a body: a byte that says whether it is compressed, four of its length, and the message. And how long a call may
//! take.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use prost::Message;

use crate::grpc::status::RpcStatus;
use crate::session::Hangup;

/// The longest message that is taken: what gRPC's own implementations take unless told otherwise.
const MESSAGE_LIMIT_BYTES: usize = 4 * 1024 * 1024;

const HEAD_BYTES: usize = 5;

/// Why a call ends before it is done.
#[derive(Debug)]
pub(crate) enum CallFailure {
    /// It is told so.
    Status(RpcStatus),
    /// Its stream ends by RST_STREAM, or has ended.
    Hangup(Hangup),
}

impl From<RpcStatus> for CallFailure {
    fn from(status: RpcStatus) -> CallFailure {
        CallFailure::Status(status)
    }
}

/// Reads the messages of a request's body.
pub(crate) struct RequestReader {
    body: Incoming,
    /// What has come and was not read yet.
    pending: Vec<u8>,
}

impl RequestReader {
    pub(crate) fn new(body: Incoming) -> RequestReader {
        RequestReader { body, pending: Vec::new() }
    }

    /// The next message; `None` at the end of the body.
    pub(crate) async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, CallFailure> {
        loop {
            if let Some(length) = self.length()? {
                let message = M::decode(&self.pending[HEAD_BYTES..HEAD_BYTES + length]);
                self.pending.drain(..HEAD_BYTES + length);
                let wrong = |_| RpcStatus::internal("the bytes are not the message they should be");
                return Ok(Some(message.map_err(wrong)?));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.pending.extend_from_slice(data);
                    }
                }
                Some(Err(_)) => return Err(CallFailure::Hangup(Hangup::Unread)),
                None if self.pending.is_empty() => return Ok(None),
                None => return Err(RpcStatus::internal("the body ends inside a message").into()),
            }
        }
    }

    /// The only message of a call whose requests are no stream.
    pub(crate) async fn only<M: Message + Default>(&mut self) -> Result<M, CallFailure> {
        let message = self.next().await?.ok_or(RpcStatus::internal("there is no message"))?;
        match self.next::<M>().await? {
            None => Ok(message),
            Some(_) => Err(RpcStatus::internal("there are several messages, and one is taken").into()),
        }
    }

    /// How long the message is that is there as a whole.
    fn length(&self) -> Result<Option<usize>, RpcStatus> {
        let Some((head, rest)) = self.pending.split_first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let [compressed, length @ ..] = *head;
        if compressed != 0 {
            return Err(RpcStatus::unimplemented("compressed messages are not taken"));
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > MESSAGE_LIMIT_BYTES {
            return Err(RpcStatus::resource_exhausted("a message has at most 4 MiB"));
        }
        Ok((rest.len() >= length).then_some(length))
    }
}

/// A message as it stands in a body.
pub(crate) fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = Vec::with_capacity(HEAD_BYTES + length);
    bytes.push(0);
    bytes.extend((length as u32).to_be_bytes());
    bytes.extend(message.encode_to_vec());
    bytes.into()
}

/// Reads `grpc-timeout`: at most eight digits and a unit.
pub(crate) fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = is_number.then(|| digits.parse().ok())??;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_digits_and_a_unit() {
        let cases = [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("4m", Duration::from_millis(4)),
            ("5u", Duration::from_micros(5)),
            ("99999999n", Duration::from_nanos(99_999_999)),
        ];
        for (text, timeout) in cases {
            assert_eq!(parse_timeout(text), Some(timeout), "{text}");
        }
        for text in ["", "1", "S", "-1S", "+1S", "1.5S", "1 S", "123456789S", "1s", "1é"] {
            assert_eq!(parse_timeout(text), None, "{text}");
        }
    }

    #[test]
    fn a_message_is_framed_with_its_length() {
        let message = crate::grpc::messages::EchoReply { number: 5, ..Default::default() };
        assert_eq!(framed(&message), [0, 0, 0, 0, 2, 0x18, 5][..]);
    }
}
