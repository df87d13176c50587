//! Requests on their way to a collector: one at a time, on a connection that is kept.

use super::outcome::{CollectorReply, SendOutcome};
use super::settings::{OtlpProtocol, OtlpSettings};
use super::tls::is_disagreement;
use engine::plain::plain;
use engine::redact;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use std::error::Error;
use std::fmt;
use std::io::Write;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
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
    let mut transport = CollectorTransport::new(settings);
    let outcome = runtime.block_on(async {
        match transport.prepare().await {
            Ok(()) => transport.send(nothing).await,
            Err(outcome) => outcome,
        }
    });
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

impl CollectorTransport {
    pub(super) fn new(settings: OtlpSettings) -> CollectorTransport {
        CollectorTransport { settings, connection: None }
    }

    /// Connects; or says what would become of a request, for it would come no further.
    async fn prepare(&mut self) -> Result<(), SendOutcome> {
        let connected = timeout(self.settings.timeout, self.connect()).await;
        let late = |_| BrokenExchange::unsent("no connection in time".to_owned());
        match connected.map_err(late).flatten() {
            Ok(connection) => {
                self.connection = Some(connection);
                Ok(())
            }
            Err(broken) => {
                let why = shown(&broken.why, &self.settings.headers);
                Err(match broken.is_disagreement {
                    // Whom it does not trust it will not, however often it tries.
                    true => SendOutcome::Refused { why },
                    false => SendOutcome::Passing { why, after: None, may_be_taken: false },
                })
            }
        }
    }

    /// Whether there is a connection on which something may be under way.
    pub(super) fn has_connection(&self) -> bool {
        self.connection.is_some()
    }

    /// Sends an encoded request. What a collector says of it can be shown as it is.
    pub(super) async fn send(&mut self, message: Bytes) -> SendOutcome {
        let outcome = self.outcome(message).await;
        let shown = |why: String| shown(&why, &self.settings.headers);
        match outcome {
            SendOutcome::Taken { rejected, why } => SendOutcome::Taken { rejected, why: shown(why) },
            SendOutcome::Passing { why, after, may_be_taken } => {
                SendOutcome::Passing { why: shown(why), after, may_be_taken }
            }
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
            Ok(Ok(reply)) if self.settings.protocol == OtlpProtocol::Grpc => reply.of_grpc(),
            Ok(Ok(reply)) => reply.of_http(SystemTime::now()),
            Ok(Err(BrokenExchange { why, was_sent, .. })) => {
                self.connection = None;
                SendOutcome::Passing { why, after: None, may_be_taken: was_sent }
            }
            Err(_) => {
                // How far it came is not known; without a connection it came nowhere.
                let may_be_taken = self.connection.take().is_some();
                let why = format!("no response within {} ms", within.as_millis());
                SendOutcome::Passing { why, after: None, may_be_taken }
            }
        }
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<CollectorReply, BrokenExchange> {
        let is_usable = match &self.connection {
            Some(CollectorConnection::Http1(connection)) => connection.is_ready(),
            Some(CollectorConnection::Http2(connection)) => connection.is_ready(),
            None => false,
        };
        if !is_usable {
            // What is under way while there is none has not been sent.
            self.connection = None;
            self.connection = Some(self.connect().await?);
        }
        // hyper gives back what it has not begun to send, and says so; everything else may have arrived.
        let told = |error: hyper::Error| BrokenExchange {
            was_sent: !error.is_canceled(),
            why: format!("the connection broke: {error}"),
            is_disagreement: false,
        };
        let response = match &mut self.connection {
            Some(CollectorConnection::Http1(connection)) => {
                connection.send_request(request).await.map_err(told)?
            }
            Some(CollectorConnection::Http2(connection)) => {
                connection.send_request(request).await.map_err(told)?
            }
            None => return Err(BrokenExchange::unsent("there is no connection".to_owned())),
        };
        read(response).await
    }

    async fn connect(&self) -> Result<CollectorConnection, BrokenExchange> {
        let stream = TcpStream::connect((self.settings.host.as_str(), self.settings.port)).await;
        let stream = stream.map_err(|error| BrokenExchange::unsent(format!("no connection: {error}")))?;
        // Small requests are not to wait for one another.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.settings.tls else { return self.begin(stream).await };
        let secured = tls.connect(&self.settings.host, stream).await;
        let secured = secured.map_err(|error| BrokenExchange {
            is_disagreement: is_disagreement(&error),
            ..BrokenExchange::unsent(format!("no TLS: {error}"))
        })?;
        self.begin(secured).await
    }

    /// Begins to speak HTTP.
    async fn begin<S>(&self, stream: S) -> Result<CollectorConnection, BrokenExchange>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let told = |error: hyper::Error| BrokenExchange::unsent(format!("no connection: {error}"));
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
                let scheme = if settings.tls.is_some() { "https" } else { "http" };
                request = request.uri(format!("{scheme}://{authority}{GRPC_PATH}"));
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
struct BrokenExchange {
    why: String,
    /// The request may have arrived.
    was_sent: bool,
    /// The two do not trust or understand each other, which another try does not change.
    is_disagreement: bool,
}

impl BrokenExchange {
    fn unsent(why: String) -> BrokenExchange {
        BrokenExchange { why, was_sent: false, is_disagreement: false }
    }
}

async fn read(response: Response<Incoming>) -> Result<CollectorReply, BrokenExchange> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, RESPONSE_BYTES_MAX).collect().await;
    let body = body.map_err(|error| BrokenExchange {
        why: format!("the response broke off: {error}"),
        was_sent: true,
        is_disagreement: false,
    })?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Ok(CollectorReply { status: head.status, headers: head.headers, trailers, body: body.to_bytes() })
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

    /// Nobody accepts what is connected to it any more, and no more is let in.
    fn fill(port: u16) -> Vec<std::net::TcpStream> {
        let address = ([127, 0, 0, 1], port).into();
        let connect = |_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok();
        (0..4).filter_map(connect).collect()
    }

    /// What becomes of a request where no connection comes about, the one before having ended or not been there at all.
    async fn cut_off(had_connection: bool) -> (SendOutcome, bool) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let port = listener.local_addr().unwrap().port();
        let settings = OtlpSettings::read(Some(&format!("http://127.0.0.1:{port}")), &|_| None);
        let mut transport = CollectorTransport::new(settings.unwrap().unwrap());
        if had_connection {
            assert!(transport.prepare().await.is_ok());
            drop(listener.accept().await.unwrap());
            while matches!(&transport.connection, Some(CollectorConnection::Http1(sender)) if sender.is_ready())
            {
                tokio::task::yield_now().await;
            }
        }
        let _others = fill(port);
        transport.settings.timeout = Duration::from_millis(200);
        let outcome = transport.send("x".into()).await;
        (outcome, transport.has_connection())
    }

    #[test]
    fn what_found_no_connection_was_not_taken_whatever_was_there_before() {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build().unwrap();
        for had_connection in [false, true] {
            let (outcome, has_connection) = runtime.block_on(cut_off(had_connection));
            let why = "no response within 200 ms".to_owned();
            assert_eq!(outcome, SendOutcome::Passing { why, after: None, may_be_taken: false });
            assert!(!has_connection);
        }
    }
}
