//! One connection's life on the wire: HTTP/1.1 by hyper, a graceful end when the server stops, a reset
//! when a request's fate was one.

use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::session::{Hangup, ServerSession};

/// Serves one connection until its client leaves, a request's fate resets it, or `alive` closes, which
/// lets a request under way be answered first.
pub(crate) async fn converse(
    stream: TcpStream,
    http: http1::Builder,
    session: ServerSession,
    mut alive: watch::Receiver<()>,
) {
    // Without it Nagle's algorithm would hold back the end of a response for the client's delayed
    // acknowledgement. Where it fails the connection is already gone, and serving it will say so.
    let _ = stream.set_nodelay(true);
    let session = Rc::new(session);
    let service = service_fn(move |request| {
        let session = Rc::clone(&session);
        async move { session.serve(request).await }
    });
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => Some(ended),
        _ = alive.changed() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    if ended.is_err_and(|error| is_reset(&error)) {
        reset(connection.into_parts().io.into_inner());
    }
}

/// How every connection of a server speaks.
///
/// No header timeout: a keep-alive connection may be idle for as long as its client likes.
///
/// And deliberately no `pipeline_flush`. It writes the responses of pipelined requests in batches, 428,000
/// a second instead of 165,000 at depth 32, by not writing while unparsed bytes are left (hyper 1.12). So
/// a response waits for the delays of the requests behind it, and is lost when one of them is malformed or
/// comes after `connection: close`. A target must not bend the latencies it is there to provide.
pub(crate) fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.header_read_timeout(None);
    http
}

fn is_reset(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref());
    matches!(cause, Some(Hangup::Reset))
}

/// Closes with RST instead of FIN: a lingering time of zero discards what is unsent and aborts.
fn reset(stream: TcpStream) {
    // A socket that cannot be told to is gone already.
    let _ = stream.set_zero_linger();
}
