//! From a request to its response: read it, let it meet its behaviour, and respond or fail.
//!
//! Requests of one connection come one after the other with HTTP/1.1, and beside each other with HTTP/2. The wire itself is
//! `connection`'s.

use std::rc::Rc;
use std::time::Instant;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};

use crate::Behaviour;
use crate::body::ResponseBody;
use crate::fate::Ending;
use crate::grpc;
use crate::links::{LinkRequest, mark, request_id};
use crate::logins::{BODY_BYTES_MAX, LoginRequest};
use crate::openapi;
use crate::payload::{BodyFraming, Payload};
use crate::response::{empty, json, text, typed};
use crate::route::Route;
use crate::session::{Hangup, ServerSession};
use crate::websocket_opening::Opening;

/// The largest body that `/echo` takes. It is answered once it has arrived whole, because a client that
/// writes all before it reads would block against a server that writes while it reads.
const ECHO_LIMIT_BYTES: usize = 16 * 1024 * 1024;

const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Responds to one request.
pub(crate) async fn respond(
    session: Rc<ServerSession>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Hangup> {
    let is_without_body = request.method() == Method::HEAD && request.version() == Version::HTTP_2;
    let mut response = whole_response(session, request).await?;
    if is_without_body {
        leave_body_out(&mut response);
    }
    Ok(response)
}

/// In response to HEAD. Where it is of HTTP/1.1, hyper does this itself.
fn leave_body_out(response: &mut Response<ResponseBody>) {
    if let Some(length_bytes) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(HeaderValue::from(length_bytes));
    }
    *response.body_mut() = ResponseBody::Payload(Payload::whole(""));
}

async fn whole_response(
    session: Rc<ServerSession>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Hangup> {
    if grpc::is_call(&request) {
        // In a box, so that requests that are no calls are not made larger by those that are.
        return Ok(Box::pin(grpc::answer(session, request)).await?.map(ResponseBody::Call));
    }
    let (route, behaviour) = understand(&session, &request);
    if matches!(route, Route::Links(_) | Route::Logins(_)) {
        return Box::pin(respond_with_service(session, route, behaviour, request)).await;
    }
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

/// A service that keeps something from one request to the next.
async fn respond_with_service(
    session: Rc<ServerSession>,
    route: Route,
    behaviour: Behaviour,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Hangup> {
    let (arrived, site) = (Instant::now(), &session.site);
    let (head, body) = request.into_parts();
    let (body_max_bytes, is_for_observers) = match &route {
        Route::Links(path) => (site.links.borrow().body_max_bytes(), path.is_for_operators()),
        Route::Logins(path) => (BODY_BYTES_MAX, path.is_for_observers(&head.method)),
        _ => (0, false),
    };
    let body = collect(body, body_max_bytes).await?;
    let ending = if is_for_observers { Ending::Answer } else { session.meet(&behaviour).await };
    let mut response = match ending {
        Ending::Reset => return Err(Hangup::Reset),
        Ending::Error => fail(&session, &route, head.version),
        Ending::Answer => answer_of_service(&session, &route, &head, body),
    };
    if matches!(route, Route::Links(_)) {
        mark(&mut response, request_id(&head.headers, site.tally.served()), arrived.elapsed());
    }
    Ok(response.map(|payload| ResponseBody::Payload(payload.paced(&behaviour, site))))
}

fn answer_of_service(
    session: &ServerSession,
    route: &Route,
    head: &Parts,
    body: Option<Bytes>,
) -> Response<Payload> {
    let site = &session.site;
    site.tally.count(route, head.version);
    match route {
        Route::Links(path) => {
            let (now, served) = (site.elapsed(), site.tally.served());
            let request = LinkRequest { path: *path, method: &head.method, body, now, served };
            site.links.borrow_mut().answer(request)
        }
        Route::Logins(path) => site.logins.borrow_mut().answer(LoginRequest { path, head, body }),
        _ => no_such_route(),
    }
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
        Route::Stats => json(StatusCode::OK, tally.json()),
        Route::Redirect(left) => redirect(left),
        Route::OpenApi => json(StatusCode::OK, openapi::DOCUMENT),
        // Calls and services are answered elsewhere.
        Route::Call | Route::Links(_) | Route::Logins(_) | Route::Unknown => no_such_route(),
        Route::Malformed(explanation) => text(StatusCode::BAD_REQUEST, explanation + "\n"),
    }
}

/// Reads a request to its end, even where nothing wants its body: hyper would close the connection over
/// what is left unread.
async fn read(request: Request<Incoming>, route: &Route) -> Result<ReadRequest, Hangup> {
    let (head, mut body) = request.into_parts();
    let body = match route {
        Route::Echo => collect(body, ECHO_LIMIT_BYTES).await?,
        _ => drain(&mut body).await?,
    };
    Ok(ReadRequest { head, body })
}

/// The whole body; `None` if it is longer than it may be.
async fn collect(body: Incoming, limit_bytes: usize) -> Result<Option<Bytes>, Hangup> {
    // What is announced as too long is not waited for; what is only found to be is `Limited`'s.
    if body.size_hint().lower() > limit_bytes as u64 {
        return Ok(None);
    }
    match Limited::new(body, limit_bytes).collect().await {
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

fn no_such_route() -> Response<Payload> {
    text(StatusCode::NOT_FOUND, "no such route; see /openapi.json for those there are\n")
}

/// To the path with one redirect less; at the end of the chain, a response.
fn redirect(left: u8) -> Response<Payload> {
    let Some(next) = left.checked_sub(1) else { return text(StatusCode::OK, "arrived\n") };
    let mut response = empty(StatusCode::FOUND);
    let location = HeaderValue::from_str(&format!("/redirect/{next}"));
    response.headers_mut().insert(LOCATION, location.expect("letters and digits"));
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
        | StatusCode::NOT_MODIFIED => empty(status),
        _ => text(status, format!("{}\n", status.as_str())),
    }
}

fn filler(length_bytes: u64, framing: BodyFraming) -> Response<Payload> {
    typed(StatusCode::OK, BINARY, Payload::filler(length_bytes, framing))
}
