//! What a collector says to a request, and what that means for it: taken, to be sent again, or refused.
//!
//! OTLP specifies which statuses of HTTP and gRPC are worth another try, and where a collector says when.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use engine::code;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use percent_encoding::percent_decode_str;
use prost::Message;
use std::time::{Duration, SystemTime};

/// Statuses of gRPC after which it may be tried again: cancelled, deadline exceeded, aborted, out of range, unavailable, data loss.
const GRPC_PASSING: [u32; 6] = [1, 4, 10, 11, 14, 15];
/// The one after which it may be only if the collector says when: resource exhausted.
const GRPC_EXHAUSTED: u32 = 8;
/// Those of them that do not say that nothing was taken: cancelled, deadline exceeded, data loss.
const GRPC_AMBIGUOUS: [u32; 3] = [1, 4, 15];

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SendOutcome {
    /// It was taken, but for so many points.
    Taken { rejected: u64, why: String },
    /// It was not, and may be when it is tried again, not before so long. Or it was, and nobody said so.
    Passing { why: String, after: Option<Duration>, may_be_taken: bool },
    /// It was not, and will not be.
    Refused { why: String },
}

/// What came back, whole.
pub(super) struct CollectorReply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) trailers: HeaderMap,
    pub(super) body: Bytes,
}

impl CollectorReply {
    /// What it means over HTTP, at this moment.
    pub(super) fn of_http(&self, now: SystemTime) -> SendOutcome {
        let why = format!("status {}", self.status);
        match self.status.as_u16() {
            200..=299 => taken(&self.body),
            // A gateway that gave up on what is behind it does not know what became of it.
            code @ (429 | 502 | 503 | 504) => {
                let after = self.headers.get(RETRY_AFTER).and_then(|value| retry_after(value, now));
                SendOutcome::Passing { why, after, may_be_taken: matches!(code, 502 | 504) }
            }
            _ => SendOutcome::Refused { why },
        }
    }

    /// What it means over gRPC.
    pub(super) fn of_grpc(&self) -> SendOutcome {
        if self.status != StatusCode::OK {
            let why = format!("status {} in the place of gRPC", self.status);
            // As gRPC maps what a proxy says.
            return match self.status.as_u16() {
                code @ (429 | 502..=504) => {
                    SendOutcome::Passing { why, after: None, may_be_taken: matches!(code, 502 | 504) }
                }
                _ => SendOutcome::Refused { why },
            };
        }
        let Some(status) = self.text("grpc-status").and_then(|status| status.parse::<u32>().ok()) else {
            let why = "a response without a status of gRPC".to_owned();
            return SendOutcome::Passing { why, after: None, may_be_taken: true };
        };
        if status == 0 {
            return taken(self.body.get(5..).unwrap_or_default());
        }
        let code = code::of_grpc(u16::try_from(status).unwrap_or(u16::MAX));
        let name = code::grpc_name(code).unwrap_or("UNKNOWN");
        // It comes with percent signs for what may not stand in a header.
        let message =
            self.text("grpc-message").map(|message| percent_decode_str(message).decode_utf8_lossy());
        let why = message.map_or_else(|| name.to_owned(), |message| format!("{name}: {message}"));
        let after = self.text("grpc-status-details-bin").and_then(retry_delay);
        if GRPC_PASSING.contains(&status) || (status == GRPC_EXHAUSTED && after.is_some()) {
            return SendOutcome::Passing { why, after, may_be_taken: GRPC_AMBIGUOUS.contains(&status) };
        }
        SendOutcome::Refused { why }
    }

    /// A field of gRPC: in the trailers, or in the head where there is nothing between the two.
    fn text(&self, name: &str) -> Option<&str> {
        let field = self.trailers.get(name).or_else(|| self.headers.get(name));
        field.and_then(|value| HeaderValue::to_str(value).ok())
    }
}

/// A number of seconds, or a date.
fn retry_after(value: &HeaderValue, now: SystemTime) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// What a detail is called that says when to try again.
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// `google.rpc.Status`, as far as its details go.
#[derive(Clone, PartialEq, Message)]
struct StatusDetails {
    #[prost(message, repeated, tag = "3")]
    details: Vec<RpcDetail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct RpcDetail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn retry_delay(details: &str) -> Option<Duration> {
    // Base64, padded or not.
    let bytes = STANDARD_NO_PAD.decode(details.trim().trim_end_matches('=')).ok()?;
    let status = StatusDetails::decode(bytes.as_slice()).ok()?;
    let info = status.details.iter().find(|detail| detail.type_url == RETRY_INFO)?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay.unwrap_or_default();
    let (seconds, nanos) = (u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?);
    Some(Duration::from_secs(seconds) + Duration::from_nanos(u64::from(nanos)))
}

/// A success may still be one in part. What cannot be read of it was taken.
fn taken(body: &[u8]) -> SendOutcome {
    let partial =
        ExportMetricsServiceResponse::decode(body).ok().and_then(|response| response.partial_success);
    let partial = partial.unwrap_or_default();
    let rejected = u64::try_from(partial.rejected_data_points).unwrap_or(0);
    SendOutcome::Taken { rejected, why: partial.error_message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderName;

    fn reply(status: u16, fields: &[(&str, &str)]) -> CollectorReply {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        CollectorReply { status, headers, trailers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Taken, refused, or to be sent again: when, and whether it may have been taken.
    #[derive(Debug, PartialEq, Eq)]
    enum Meaning {
        Taken,
        Refused,
        Again(Option<Duration>, bool),
    }

    fn meaning(outcome: SendOutcome) -> Meaning {
        match outcome {
            SendOutcome::Taken { .. } => Meaning::Taken,
            SendOutcome::Refused { .. } => Meaning::Refused,
            SendOutcome::Passing { after, may_be_taken, .. } => Meaning::Again(after, may_be_taken),
        }
    }

    #[test]
    fn every_status_of_http_means_what_otlp_specifies() {
        for code in 100..=999_u16 {
            let expected = match code {
                200..=299 => Meaning::Taken,
                429 | 503 => Meaning::Again(None, false),
                502 | 504 => Meaning::Again(None, true),
                _ => Meaning::Refused,
            };
            assert_eq!(meaning(reply(code, &[]).of_http(SystemTime::now())), expected, "{code}");
        }
    }

    #[test]
    fn every_status_of_grpc_means_what_otlp_specifies() {
        for code in 0..=20_u32 {
            let expected = match code {
                0 => Meaning::Taken,
                1 | 4 | 15 => Meaning::Again(None, true),
                10 | 11 | 14 => Meaning::Again(None, false),
                _ => Meaning::Refused,
            };
            let outcome = reply(200, &[("grpc-status", &code.to_string())]).of_grpc();
            assert_eq!(meaning(outcome), expected, "{code}");
        }
        assert_eq!(meaning(reply(200, &[]).of_grpc()), Meaning::Again(None, true));
        assert_eq!(meaning(reply(503, &[]).of_grpc()), Meaning::Again(None, false));
        assert_eq!(meaning(reply(504, &[]).of_grpc()), Meaning::Again(None, true));
        assert_eq!(meaning(reply(404, &[]).of_grpc()), Meaning::Refused);
    }

    #[test]
    fn statuses_of_grpc_are_told_by_name_and_decoded_words() {
        let outcome = |status: &str, words: &str| {
            reply(200, &[("grpc-status", status), ("grpc-message", words)]).of_grpc()
        };
        let refused = |why: &str| SendOutcome::Refused { why: why.to_owned() };
        assert_eq!(outcome("16", "no%20token"), refused("UNAUTHENTICATED: no token"));
        assert_eq!(outcome("99999", "x"), refused("UNKNOWN: x"));
        let why = "UNAVAILABLE: later".to_owned();
        assert_eq!(outcome("14", "later"), SendOutcome::Passing { why, after: None, may_be_taken: false });
    }

    #[test]
    fn a_collector_says_when_in_seconds_or_by_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let outcome = reply(503, &[("retry-after", text)]).of_http(now);
            let expected = Meaning::Again(seconds.map(Duration::from_secs), false);
            assert_eq!(meaning(outcome), expected, "{text}");
        }
    }

    #[test]
    fn what_is_exhausted_is_tried_again_only_when_it_says_when() {
        let details = |type_url: &str, delay: ProtoDuration| {
            let value = RetryInfo { retry_delay: Some(delay) }.encode_to_vec();
            let detail = RpcDetail { type_url: type_url.to_owned(), value };
            STANDARD_NO_PAD.encode(StatusDetails { details: vec![detail] }.encode_to_vec())
        };
        let delay = ProtoDuration { seconds: 2, nanos: 500_000_000 };
        let told = details(RETRY_INFO, delay);
        let outcome = |code: &str, details: &str| {
            meaning(reply(200, &[("grpc-status", code), ("grpc-status-details-bin", details)]).of_grpc())
        };
        let expected = || Meaning::Again(Some(Duration::from_millis(2_500)), false);
        assert_eq!(outcome("8", &told), expected());
        assert_eq!(outcome("8", &format!("{told}==")), expected(), "padded");
        assert_eq!(outcome("14", &told), expected());
        assert_eq!(outcome("3", &told), Meaning::Refused);
        let other = "type.googleapis.com/google.rpc.BadRequest";
        for useless in ["", "!!", "AAAA", &details(other, delay)] {
            assert_eq!(outcome("8", useless), Meaning::Refused, "{useless}");
        }
        assert_eq!(
            outcome("8", &details(RETRY_INFO, ProtoDuration { seconds: -1, nanos: 0 })),
            Meaning::Refused
        );
    }
}
