//! The endpoint's server: one thread, as many connections as it has room for, and a deadline for each.

use super::published::{PageFormat, Published};
use crate::sink_parts::LeaveCores;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

/// Connections at a time; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 16;
/// How long a connection may take for all: its request, and the page.
const DEADLINE: Duration = Duration::from_secs(5);
/// The longest head of a request.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Fields of such a head.
const FIELDS_MAX: usize = 64;
/// How long nothing is accepted when the process has no descriptor left.
const BREATHER: Duration = Duration::from_millis(50);
/// How often it is asked whether the last page has been fetched.
const POLL: Duration = Duration::from_millis(20);

/// An endpoint that serves.
pub struct PrometheusServer {
    address: SocketAddr,
    published: Arc<Published>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl PrometheusServer {
    /// Serves what is published on this socket, from a thread of its own.
    pub fn start(
        listener: TcpListener,
        published: Arc<Published>,
        leave_cores: LeaveCores,
    ) -> io::Result<PrometheusServer> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let shared = published.clone();
        let serve = move || {
            leave_cores();
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("prometheus".into()).spawn(serve)?;
        Ok(PrometheusServer { address, published, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until somebody has fetched the last page, but no longer than this and not after it is given up. Returns whether somebody
    /// has.
    pub fn hold(&self, patience: Duration, is_given_up: impl Fn() -> bool) -> bool {
        let latest = Instant::now() + patience;
        while !self.published.is_scraped_at_end() {
            if Instant::now() >= latest || is_given_up() {
                return false;
            }
            std::thread::sleep(POLL);
        }
        true
    }
}

impl Drop for PrometheusServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It has ended by itself when nobody hears this.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // What a panic of it has said is on standard error already.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, published: Arc<Published>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let published = published.clone();
                tokio::spawn(async move {
                    let _place = place;
                    converse(stream, &published).await;
                });
            }
            Err(_) => sleep(BREATHER).await,
        }
    }
}

/// One request on a connection. Whoever takes too long for it is left.
async fn converse(stream: TcpStream, published: &Published) {
    let has_last = AtomicBool::new(false);
    let service = service_fn(|request| {
        let (response, is_last) = respond(&request, published);
        has_last.store(is_last, Ordering::Relaxed);
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(FIELDS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let ended = timeout(DEADLINE, connection).await;
    if matches!(ended, Ok(Ok(()))) && has_last.load(Ordering::Relaxed) {
        published.note_last_scrape();
    }
}

/// What is responded, and whether it is the last page that there will be.
fn respond(request: &Request<Incoming>, published: &Published) -> (Response<Full<Bytes>>, bool) {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "GET is all there is\n");
        refused.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return (refused, false);
    }
    let health = |is_well: bool, word: &'static str| match is_well {
        true => text(StatusCode::OK, word),
        false => text(StatusCode::SERVICE_UNAVAILABLE, "no\n"),
    };
    let response = match request.uri().path() {
        "/metrics" => {
            let format = format_of(request.headers());
            let (page, is_last) = published.page(format);
            let response = with_type(StatusCode::OK, format.content_type(), page);
            return (response, is_last && request.method() == Method::GET);
        }
        "/health/live" => health(published.is_live(), "live\n"),
        "/health/ready" => health(published.is_ready(), "ready\n"),
        "/run" => with_type(StatusCode::OK, "application/json", published.run()),
        _ => text(StatusCode::NOT_FOUND, "there are /metrics, /health/live, /health/ready and /run\n"),
    };
    (response, false)
}

/// The format that is asked for; several fields are as one with commas.
fn format_of(headers: &HeaderMap) -> PageFormat {
    let values: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    PageFormat::of_accept(&values.join(","))
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    with_type(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}
