//! Requests on their way to a collector: one at a time, on a connection that is kept.

use super::settings::{OtlpProtocol, OtlpSettings};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER, TE, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
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
const GRPC_PATH: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
/// Statuses of gRPC after which it may be tried again: cancelled, deadline exceeded, aborted, out of range, unavailable, data loss.
const GRPC_PASSING: [u32; 6] = [1, 4, 10, 11, 14, 15];
const GRPC_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

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

    /// Sends an encoded request.
    pub(super) async fn send(&mut self, message: Bytes) -> SendOutcome {
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
        let host =
            if settings.host.contains(':') { format!("[{}]", settings.host) } else { settings.host.clone() };
        let authority = format!("{host}:{}", settings.port);
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
    let name = GRPC_NAMES.get(status as usize).copied().unwrap_or("an unknown status");
    let message = text("grpc-message").map_or_else(String::new, |message| format!(": {message}"));
    let why = format!("{name}{message}");
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
