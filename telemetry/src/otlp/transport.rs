//! Requests on their way to a collector: one at a time, on a connection that is kept.

use super::settings::{OtlpProtocol, OtlpSettings};
use engine::code;
use engine::plain::plain;
use engine::redact;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, TE, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use percent_encoding::percent_decode_str;
use prost::Message;
use std::error::Error;
use std::fmt;
use std::io::Write;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// The longest response that is read. A collector has a few words to say.
const RESPONSE_BYTES_MAX: usize = 64 << 10;
/// How long a collector may take to be looked at before a run.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// How much is shown of what it says.
const WORDS_LETTERS_MAX: usize = 300;
/// A shorter part of a header that was sent is no secret, but a word as any other.
const SECRET_BYTES_MIN: usize = 7;
const GRPC_PATH: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
/// Statuses of gRPC after which it may be tried again: cancelled, deadline exceeded, aborted, out of range, unavailable, data loss.
const GRPC_PASSING: [u32; 6] = [1, 4, 10, 11, 14, 15];

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SendOutcome {
    /// It was taken, but for so many points.
    Taken { rejected: u64, why: String },
    /// It was not, and may be when it is tried again, not before so long.
    Passing { why: String, after: Option<Duration> },
    /// It was not, and will not be.
    Refused { why: String },
}

/// Why a collector cannot be used, as far as can be seen before a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeFailure {
    /// What it said, or what was in the way.
    pub why: String,
    /// It is there, and does not take what it is sent.
    pub is_refusal: bool,
}

impl fmt::Display for ProbeFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl Error for ProbeFailure {}

/// Asks a collector whether it takes metrics, by a request without any.
pub fn probe(settings: &OtlpSettings) -> Result<(), ProbeFailure> {
    let failure = |why: String, is_refusal: bool| ProbeFailure { why, is_refusal };
    let runtime = Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| failure(error.to_string(), false))?;
    let mut settings = settings.clone();
    settings.timeout = settings.timeout.min(PROBE_TIMEOUT);
    let nothing = ExportMetricsServiceRequest::default().encode_to_vec().into();
    let outcome = runtime.block_on(CollectorTransport::new(settings).send(nothing));
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    match outcome {
        SendOutcome::Taken { .. } => Ok(()),
        SendOutcome::Passing { why, .. } => Err(failure(why, false)),
        SendOutcome::Refused { why } => Err(failure(why, true)),
    }
}

/// The way to one collector.
pub(super) struct CollectorTransport {
    settings: OtlpSettings,
    connection: Option<CollectorConnection>,
}

enum CollectorConnection {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// What came back, whole.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    trailers: HeaderMap,
    body: Bytes,
}

impl CollectorTransport {
    pub(super) fn new(settings: OtlpSettings) -> CollectorTransport {
        CollectorTransport { settings, connection: None }
    }

    /// Sends an encoded request. What a collector says of it can be shown as it is.
    pub(super) async fn send(&mut self, message: Bytes) -> SendOutcome {
        let outcome = self.outcome(message).await;
        let shown = |why: String| shown(&why, &self.settings.headers);
        match outcome {
            SendOutcome::Taken { rejected, why } => SendOutcome::Taken { rejected, why: shown(why) },
            SendOutcome::Passing { why, after } => SendOutcome::Passing { why: shown(why), after },
            SendOutcome::Refused { why } => SendOutcome::Refused { why: shown(why) },
        }
    }

    async fn outcome(&mut self, message: Bytes) -> SendOutcome {
        let request = match self.request(&message) {
            Ok(request) => request,
            Err(error) => return SendOutcome::Refused { why: error.to_string() },
        };
        let within = self.settings.timeout;
        match timeout(within, self.exchange(request)).await {
            Ok(Ok(reply)) if self.settings.protocol == OtlpProtocol::Grpc => of_grpc(&reply),
            Ok(Ok(reply)) => of_http(&reply),
            Ok(Err(BrokenExchange(why))) => {
                self.connection = None;
                SendOutcome::Passing { why, after: None }
            }
            Err(_) => {
                self.connection = None;
                SendOutcome::Passing {
                    why: format!("no response within {} ms", within.as_millis()),
                    after: None,
                }
            }
        }
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, BrokenExchange> {
        let is_usable = match &self.connection {
            Some(CollectorConnection::Http1(connection)) => connection.is_ready(),
            Some(CollectorConnection::Http2(connection)) => connection.is_ready(),
            None => false,
        };
        if !is_usable {
            self.connection = Some(self.connect().await?);
        }
        let told = |error: hyper::Error| BrokenExchange(format!("the connection broke: {error}"));
        let response = match &mut self.connection {
            Some(CollectorConnection::Http1(connection)) => {
                connection.send_request(request).await.map_err(told)?
            }
            Some(CollectorConnection::Http2(connection)) => {
                connection.send_request(request).await.map_err(told)?
            }
            None => return Err(BrokenExchange("there is no connection".to_owned())),
        };
        read(response).await
    }

    async fn connect(&self) -> Result<CollectorConnection, BrokenExchange> {
        let stream = TcpStream::connect((self.settings.host.as_str(), self.settings.port)).await;
        let stream = stream.map_err(|error| BrokenExchange(format!("no connection: {error}")))?;
        // Small requests are not to wait for one another.
        let _ = stream.set_nodelay(true);
        let told = |error: hyper::Error| BrokenExchange(format!("no connection: {error}"));
        let io = TokioIo::new(stream);
        Ok(match self.settings.protocol {
            OtlpProtocol::Http => {
                let (sender, connection) = http1::handshake(io).await.map_err(told)?;
                // How it ends is seen by whoever sends on it.
                tokio::spawn(async { drop(connection.await) });
                CollectorConnection::Http1(sender)
            }
            OtlpProtocol::Grpc => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(told)?;
                tokio::spawn(async { drop(connection.await) });
                CollectorConnection::Http2(sender)
            }
        })
    }

    fn request(&self, message: &Bytes) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let settings = &self.settings;
        let authority = settings.authority();
        let payload = if settings.is_gzip { gzipped(message) } else { message.clone() };
        let mut request = Request::builder()
            .method(Method::POST)
            .header(USER_AGENT, concat!("vajra/", env!("CARGO_PKG_VERSION")));
        let body = match settings.protocol {
            OtlpProtocol::Http => {
                request = request.uri(&settings.path).header(HOST, authority);
                request = request.header(CONTENT_TYPE, "application/x-protobuf");
                if settings.is_gzip {
                    request = request.header(CONTENT_ENCODING, "gzip");
                }
                payload
            }
            OtlpProtocol::Grpc => {
                request = request.uri(format!("http://{authority}{GRPC_PATH}"));
                request = request.header(CONTENT_TYPE, "application/grpc").header(TE, "trailers");
                let timeout_ms = settings.timeout.as_millis().min(99_999_999);
                request = request.header("grpc-timeout", format!("{timeout_ms}m"));
                if settings.is_gzip {
                    request = request.header("grpc-encoding", "gzip");
                }
                framed(&payload, settings.is_gzip)
            }
        };
        for (name, value) in &settings.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(body))
    }
}

/// What broke on the way, in words: whatever it is, the request may be sent again.
struct BrokenExchange(String);

async fn read(response: Response<Incoming>) -> Result<Reply, BrokenExchange> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, RESPONSE_BYTES_MAX).collect().await;
    let body = body.map_err(|error| BrokenExchange(format!("the response broke off: {error}")))?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Ok(Reply { status: head.status, headers: head.headers, trailers, body: body.to_bytes() })
}

fn of_http(reply: &Reply) -> SendOutcome {
    let after = || {
        let seconds = reply.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    };
    match reply.status {
        status if status.is_success() => taken(&reply.body),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            SendOutcome::Passing { why: format!("status {}", reply.status), after: after() }
        }
        status => SendOutcome::Refused { why: format!("status {status}") },
    }
}

fn of_grpc(reply: &Reply) -> SendOutcome {
    if reply.status != StatusCode::OK {
        let why = format!("status {} in the place of gRPC", reply.status);
        // As gRPC maps what a proxy says.
        return match reply.status.as_u16() {
            429 | 502..=504 => SendOutcome::Passing { why, after: None },
            _ => SendOutcome::Refused { why },
        };
    }
    let field = |name: &str| reply.trailers.get(name).or_else(|| reply.headers.get(name));
    let text = |name: &str| field(name).and_then(|value| HeaderValue::to_str(value).ok());
    let Some(status) = text("grpc-status").and_then(|status| status.parse::<u32>().ok()) else {
        return SendOutcome::Passing { why: "a response without a status of gRPC".to_owned(), after: None };
    };
    if status == 0 {
        return taken(reply.body.get(5..).unwrap_or_default());
    }
    let code = code::of_grpc(u16::try_from(status).unwrap_or(u16::MAX));
    let name = code::grpc_name(code).unwrap_or("UNKNOWN");
    // It comes with percent signs for what may not stand in a header.
    let message = text("grpc-message").map(|message| percent_decode_str(message).decode_utf8_lossy());
    let why = message.map_or_else(|| name.to_owned(), |message| format!("{name}: {message}"));
    match GRPC_PASSING.contains(&status) {
        true => SendOutcome::Passing { why, after: None },
        false => SendOutcome::Refused { why },
    }
}

/// A success may still be one in part. What cannot be read of it was taken.
fn taken(body: &[u8]) -> SendOutcome {
    let partial =
        ExportMetricsServiceResponse::decode(body).ok().and_then(|response| response.partial_success);
    let partial = partial.unwrap_or_default();
    let rejected = u64::try_from(partial.rejected_data_points).unwrap_or(0);
    SendOutcome::Taken { rejected, why: partial.error_message }
}

/// The words of a collector as they can be shown: in one line, not too long, and without secrets, those of our own requests among them.
fn shown(words: &str, sent: &[(HeaderName, HeaderValue)]) -> String {
    let mut shown = words.to_owned();
    for value in sent.iter().filter_map(|(_, value)| value.to_str().ok()) {
        let parts = value.split_ascii_whitespace().filter(|part| part.len() >= SECRET_BYTES_MIN);
        for part in parts {
            shown = shown.replace(part, "[secret]");
        }
    }
    let shown = plain(&redact::told(shown.trim()));
    match shown.char_indices().nth(WORDS_LETTERS_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None if shown.is_empty() => "no reason was given".to_owned(),
        None => shown,
    }
}

fn gzipped(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).expect("a vector takes what is written to it");
    encoder.finish().expect("a vector takes what is written to it").into()
}

/// A message of gRPC behind its prefix: whether it is compressed, and its length.
fn framed(message: &[u8], is_compressed: bool) -> Bytes {
    let mut framed = Vec::with_capacity(5 + message.len());
    framed.push(u8::from(is_compressed));
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    framed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_says_is_shown_in_one_line_cut_and_without_secrets() {
        let sent = [(HeaderName::from_static("authorization"), HeaderValue::from_static("Bearer hush-hush"))];
        let of = |words: &str| shown(words, &sent);
        assert_eq!(of("\u{1b}[2Jno\nline\r"), "\u{fffd}[2Jno\u{fffd}line");
        assert_eq!(of("not allowed: hush-hush"), "not allowed: [secret]");
        assert!(!of("see /a?api_key=hush").contains("hush"));
        let long = of(&"ü".repeat(64 << 10));
        assert_eq!((long.chars().count(), long.ends_with('…')), (WORDS_LETTERS_MAX + 1, true));
        assert_eq!((of(" \n").as_str(), of("as it is")), ("no reason was given", "as it is".to_owned()));
    }

    #[test]
    fn statuses_of_grpc_are_told_by_name_and_decoded_words() {
        let outcome = |status: &'static str, words: &'static str| {
            let trailers = [("grpc-status", status), ("grpc-message", words)];
            let trailers = trailers
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            of_grpc(&Reply {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                trailers: trailers.into_iter().collect(),
                body: Bytes::new(),
            })
        };
        let refused = |why: &str| SendOutcome::Refused { why: why.to_owned() };
        assert_eq!(outcome("16", "no%20token"), refused("UNAUTHENTICATED: no token"));
        assert_eq!(outcome("99999", "x"), refused("UNKNOWN: x"));
        let why = "UNAVAILABLE: later".to_owned();
        assert_eq!(outcome("14", "later"), SendOutcome::Passing { why, after: None });
    }
}
