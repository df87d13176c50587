//! One connection's life on the wire: its handshake, HTTP by hyper, a graceful end when the server stops, a reset where one is due.

use std::error::Error;
use std::pin::{Pin, pin};
use std::rc::Rc;

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::respond::respond;
use crate::session::{Hangup, ServerSession};
use crate::stream::{WireStream, begin, reset};
use crate::tls::{Handshakes, is_http2};
use crate::websocket::echo;

/// How every connection of a server speaks.
pub(crate) struct Speech {
    http1: http1::Builder,
    http2: http2::Builder<ThisThread>,
    tls: Option<Handshakes>,
}

impl Speech {
    /// No header timeout: a keep-alive connection may be idle for as long as its client likes.
    ///
    /// And deliberately no `pipeline_flush`. It writes the responses of pipelined requests in batches, 428,000
    /// a second instead of 165,000 at depth 32, by not writing while unparsed bytes are left (hyper 1.12). So
    /// a response waits for the delays of the requests behind it, and is lost when one of them is malformed or
    /// comes after `connection: close`. A target must not bend the latencies it is there to provide.
    pub(crate) fn new(tls: Option<Handshakes>) -> Speech {
        let mut http1 = http1::Builder::new();
        http1.header_read_timeout(None);
        Speech { http1, http2: http2::Builder::new(ThisThread), tls }
    }
}

/// Serves one connection until its client leaves, a request's fate resets it, or `alive` closes, which
/// lets requests under way be answered first.
pub(crate) async fn converse(
    stream: TcpStream,
    speech: Rc<Speech>,
    session: ServerSession,
    mut alive: watch::Receiver<()>,
) {
    // Without it Nagle's algorithm would hold back the end of a response for the client's delayed
    // acknowledgement. Where it fails the connection is already gone, and serving it will say so.
    let _ = stream.set_nodelay(true);
    let tally = session.tally();
    match &speech.tls {
        Some(handshakes) => {
            let shaken = tokio::select! {
                shaken = handshakes.shake(stream, &tally) => shaken,
                _ = alive.changed() => None,
            };
            let Some(stream) = shaken else { return };
            let is_http2 = is_http2(&stream);
            speak(stream, is_http2, &speech, session, alive).await;
        }
        None => {
            let (stream, is_http2) = tokio::select! {
                begun = begin(stream) => begun,
                _ = alive.changed() => return,
            };
            speak(stream, is_http2, &speech, session, alive).await;
        }
    }
}

async fn speak<S: WireStream>(
    stream: S,
    is_http2: bool,
    speech: &Speech,
    session: ServerSession,
    alive: watch::Receiver<()>,
) {
    if is_http2 {
        speak_http2(stream, &speech.http2, session, alive).await;
    } else {
        speak_http1(stream, &speech.http1, session, alive).await;
    }
}

async fn speak_http1<S: WireStream>(
    stream: S,
    http1: &http1::Builder,
    session: ServerSession,
    alive: watch::Receiver<()>,
) {
    let session = Rc::new(session);
    let serving = Rc::clone(&session);
    let service = service_fn(move |request| respond(Rc::clone(&serving), request));
    let mut connection = http1.serve_connection(TokioIo::new(stream), service);
    let ended = drive(Pin::new(&mut connection), alive.clone(), http1::Connection::graceful_shutdown).await;
    let parts = connection.into_parts();
    let stream = parts.io.into_inner();
    let to_reset = match (ended, session.websocket()) {
        (Err(error), _) => is_reset(&error).then_some(stream),
        (Ok(()), Some(behaviour)) => echo(stream, parts.read_buf, behaviour, session, alive).await,
        (Ok(()), None) => None,
    };
    if let Some(stream) = to_reset {
        reset(&stream);
    }
}

/// Requests of one connection are served beside each other. One whose fate is a reset ends its stream by RST_STREAM, and the others
/// go on.
async fn speak_http2<S: WireStream>(
    stream: S,
    http2: &http2::Builder<ThisThread>,
    session: ServerSession,
    alive: watch::Receiver<()>,
) {
    let session = Rc::new(session);
    let service = service_fn(move |request| respond(Rc::clone(&session), request));
    let connection = pin!(http2.serve_connection(TokioIo::new(stream), service));
    // A client that left, or broke the rules and was told so by GOAWAY, concerns nobody else.
    let _ = drive(connection, alive, http2::Connection::graceful_shutdown).await;
}

/// Runs a connection to its end; once `alive` closes it is told to come to one.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    mut connection: Pin<&mut C>,
    mut alive: watch::Receiver<()>,
    shut_down: impl FnOnce(Pin<&mut C>),
) -> hyper::Result<()> {
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        _ = alive.changed() => {}
    }
    shut_down(connection.as_mut());
    connection.await
}

/// Runs what hyper wants to be run beside a connection, which is each of its streams, on the thread of the server.
#[derive(Clone)]
struct ThisThread;

impl<F: Future<Output = ()> + 'static> Executor<F> for ThisThread {
    fn execute(&self, stream: F) {
        tokio::task::spawn_local(stream);
    }
}

fn is_reset(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref());
    matches!(cause, Some(Hangup::Reset))
}
