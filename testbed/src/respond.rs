//! From a request to its response: read it, let it meet its behaviour, and respond or fail.
//!
//! Requests of one connection come one after the other with HTTP/1.1, and beside each other with HTTP/2. The wire itself is
//! `connection`'s.

use std::rc::Rc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode, Version};

use crate::Behaviour;
use crate::body::ResponseBody;
use crate::fate::Ending;
use crate::grpc;
use crate::payload::{BodyFraming, Payload};
use crate::route::Route;
use crate::session::{Hangup, ServerSession};
use crate::websocket_opening::Opening;

/// The largest body that `/echo` takes. It is answered once it has arrived whole, because a client that
/// writes all before it reads would block against a server that writes while it reads.
const ECHO_LIMIT_BYTES: usize = 16 * 1024 * 1024;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Responds to one request.
pub(crate) async fn respond(
    session: Rc<ServerSession>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Hangup> {
    if grpc::is_call(&request) {
        // In a box, so that requests that are no calls are not made larger by those that are.
        return Ok(Box::pin(grpc::answer(session, request)).await?.map(ResponseBody::Call));
    }
    let (route, behaviour) = understand(&session, &request);
    let asked = read(request, &route).await?;
    // Whoever looks at a misbehaving server wants to see it.
    if route == Route::Stats {
        return Ok(answer(&session, route, asked).map(ResponseBody::Payload));
    }
    let response = match session.meet(&behaviour).await {
        Ending::Reset => return Err(Hangup::Reset),
        Ending::Error => fail(&session, &route, asked.head.version),
        Ending::Answer => answer(&session, route, asked),
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        session.become_websocket(behaviour);
    }
    Ok(response.map(|payload| ResponseBody::Payload(payload.paced(&behaviour, &session.site))))
}

/// The route and the behaviour that apply. A malformed query is answered under the server's own
/// behaviour, as any other request is.
fn understand(session: &ServerSession, request: &Request<Incoming>) -> (Route, Behaviour) {
    let (uri, own) = (request.uri(), *session.own_behaviour());
    match uri.query().map_or(Ok(own), |query| own.with_query(query)) {
        Ok(behaviour) => (Route::parse(uri.path()), behaviour),
        Err(error) => (Route::Malformed(error.to_string()), own),
    }
}

/// What of a request outlives its reading.
struct ReadRequest {
    head: Parts,
    /// The body, if the route wants it; `None` when it was longer than the route takes.
    body: Option<Bytes>,
}

fn fail(session: &ServerSession, route: &Route, version: Version) -> Response<Payload> {
    session.site.tally.count(route, version);
    text(StatusCode::INTERNAL_SERVER_ERROR, "an error, as the behaviour asks\n")
}

/// Counts before it answers, so that `/stats` contains itself.
fn answer(session: &ServerSession, route: Route, asked: ReadRequest) -> Response<Payload> {
    let tally = &session.site.tally;
    tally.count(&route, asked.head.version);
    match route {
        Route::Root => text(StatusCode::OK, "ok\n"),
        Route::Bytes(length_bytes) => filler(length_bytes, BodyFraming::Length),
        Route::Chunked(length_bytes) => filler(length_bytes, BodyFraming::Chunked),
        Route::Status(status) => bare(status),
        Route::Echo => echo(asked),
        Route::WebSocket => open(Opening::of(&asked.head)),
        Route::Stats => typed(StatusCode::OK, JSON, Payload::whole(tally.json())),
        // Calls are answered elsewhere, and no path is parsed as one.
        Route::Call | Route::Unknown => {
            text(StatusCode::NOT_FOUND, "no such route; see /stats for those there are\n")
        }
        Route::Malformed(explanation) => text(StatusCode::BAD_REQUEST, explanation + "\n"),
    }
}

/// Reads a request to its end, even where nothing wants its body: hyper would close the connection over
/// what is left unread.
async fn read(request: Request<Incoming>, route: &Route) -> Result<ReadRequest, Hangup> {
    let (head, mut body) = request.into_parts();
    let body = match route {
        Route::Echo => collect(body).await?,
        _ => drain(&mut body).await?,
    };
    Ok(ReadRequest { head, body })
}

async fn collect(body: Incoming) -> Result<Option<Bytes>, Hangup> {
    // What is announced as too long is not waited for; what is only found to be is `Limited`'s.
    if body.size_hint().lower() > ECHO_LIMIT_BYTES as u64 {
        return Ok(None);
    }
    match Limited::new(body, ECHO_LIMIT_BYTES).collect().await {
        Ok(collected) => Ok(Some(collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(_) => Err(Hangup::Unread),
    }
}

async fn drain(body: &mut Incoming) -> Result<Option<Bytes>, Hangup> {
    while !body.is_end_stream()
        && let Some(frame) = body.frame().await
    {
        frame.map_err(|_| Hangup::Unread)?;
    }
    Ok(None)
}

fn echo(asked: ReadRequest) -> Response<Payload> {
    let Some(body) = asked.body else {
        let problem = format!("/echo takes at most {ECHO_LIMIT_BYTES} bytes\n");
        return text(StatusCode::PAYLOAD_TOO_LARGE, problem);
    };
    let content_type = asked.head.headers.get(CONTENT_TYPE).cloned();
    let mut response = typed(StatusCode::OK, content_type.unwrap_or(BINARY), Payload::whole(body));
    if let Ok(method) = HeaderValue::from_str(asked.head.method.as_str()) {
        response.headers_mut().insert("x-method", method);
    }
    response
}

fn open(opening: Opening) -> Response<Payload> {
    let mut response = match &opening {
        Opening::Accepted { .. } => bare(StatusCode::SWITCHING_PROTOCOLS),
        Opening::UpgradeRequired(explanation) => text(StatusCode::UPGRADE_REQUIRED, *explanation),
        Opening::Malformed(explanation) => text(StatusCode::BAD_REQUEST, *explanation),
    };
    response.headers_mut().extend(opening.headers());
    response
}

/// A status and its name. HTTP gives 101, 204, 205 and 304 no body.
fn bare(status: StatusCode) -> Response<Payload> {
    match status {
        StatusCode::SWITCHING_PROTOCOLS
        | StatusCode::NO_CONTENT
        | StatusCode::RESET_CONTENT
        | StatusCode::NOT_MODIFIED => {
            let mut response = Response::new(Payload::whole(""));
            *response.status_mut() = status;
            response
        }
        _ => text(status, format!("{}\n", status.as_str())),
    }
}

fn filler(length_bytes: u64, framing: BodyFraming) -> Response<Payload> {
    typed(StatusCode::OK, BINARY, Payload::filler(length_bytes, framing))
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Payload> {
    typed(status, TEXT, Payload::whole(text))
}

fn typed(status: StatusCode, content_type: HeaderValue, payload: Payload) -> Response<Payload> {
    let mut response = Response::new(payload);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
