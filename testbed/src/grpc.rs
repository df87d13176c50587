//! gRPC: which requests are calls, which method they call, and how a call begins and ends.

mod call;
mod call_body;
mod descriptor;
mod framing;
mod messages;
mod reflection;
mod status;

use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, Version};
use tokio::task::spawn_local;

pub(crate) use self::call_body::CallBody;

use self::call::EchoCall;
use self::call_body::Replies;
use self::framing::{CallFailure, RequestReader, framed, parse_timeout};
use self::messages::EchoReply;
use self::status::RpcStatus;
use crate::alarm::Sleep;
use crate::route::Route;
use crate::session::{Hangup, ServerSession};
use crate::site::Site;
use crate::tally::{CallKind, ServerTally};
use crate::{Behaviour, BehaviourError};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// How a call is told to behave, as a query says it of a request.
const BEHAVIOUR_KEY: &str = "behaviour";
const TIMEOUT_KEY: &str = "grpc-timeout";
const ENCODING_KEY: &str = "grpc-encoding";

/// Longer deadlines than this are as good as none, and what is counted in hours could overflow a clock.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether a request is a call. gRPC is spoken over HTTP/2 alone.
pub(crate) fn is_call<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_2
        && request.headers().get(CONTENT_TYPE).is_some_and(|of| of.as_bytes().starts_with(GRPC.as_bytes()))
}

/// Answers a call. Whatever becomes of it, the response is one of status 200, and how it went stands in `grpc-status`.
pub(crate) async fn answer(
    session: Rc<ServerSession>,
    request: Request<Incoming>,
) -> Result<Response<CallBody>, Hangup> {
    let (head, body) = request.into_parts();
    let tally = session.tally();
    tally.count(&Route::Call, head.version);
    let (kind, terms) = match understand(&head, &session) {
        Ok(understood) => understood,
        Err(status) => return Ok(refusal(&status, &tally)),
    };
    tally.count_call(kind);
    let site = Rc::clone(&session.site);
    let call = EchoCall { session, behaviour: terms.behaviour, requests: RequestReader::new(body) };
    match kind {
        CallKind::Unary => single(within(terms.deadline, &site, call.unary()).await, &tally),
        CallKind::ClientStream => single(within(terms.deadline, &site, call.client_stream()).await, &tally),
        CallKind::ServerStream | CallKind::Bidi | CallKind::Reflection => {
            let (replies, body) = CallBody::stream();
            spawn_local(stream(kind, call, terms.deadline, site, replies));
            Ok(response(body))
        }
    }
}

/// On what terms a call is made.
struct Terms {
    behaviour: Behaviour,
    deadline: Option<Instant>,
}

fn understand(head: &Parts, session: &ServerSession) -> Result<(CallKind, Terms), RpcStatus> {
    let kind = kind(head.uri.path()).ok_or(RpcStatus::unimplemented(
        "no such method; vajra.testbed.Echo has Unary, ServerStream, ClientStream, Bidi",
    ))?;
    if head.headers.get(ENCODING_KEY).is_some_and(|encoding| encoding != "identity") {
        return Err(RpcStatus::unimplemented("compressed messages are not taken"));
    }
    let behaviour = behaviour(&head.headers, *session.own_behaviour())
        .map_err(|error| RpcStatus::malformed_behaviour(&error))?;
    let deadline = match head.headers.get(TIMEOUT_KEY) {
        None => None,
        Some(text) => {
            let timeout = text.to_str().ok().and_then(parse_timeout);
            let timeout = timeout
                .ok_or(RpcStatus::internal("grpc-timeout is at most eight digits and one of HMSmun"))?;
            Some(Instant::now() + timeout.min(TIMEOUT_MAX))
        }
    };
    Ok((kind, Terms { behaviour, deadline }))
}

fn kind(path: &str) -> Option<CallKind> {
    match path {
        "/vajra.testbed.Echo/Unary" => Some(CallKind::Unary),
        "/vajra.testbed.Echo/ServerStream" => Some(CallKind::ServerStream),
        "/vajra.testbed.Echo/ClientStream" => Some(CallKind::ClientStream),
        "/vajra.testbed.Echo/Bidi" => Some(CallKind::Bidi),
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => Some(CallKind::Reflection),
        _ => None,
    }
}

fn behaviour(headers: &HeaderMap, own: Behaviour) -> Result<Behaviour, BehaviourError> {
    match headers.get(BEHAVIOUR_KEY).and_then(|text| text.to_str().ok()) {
        Some(query) => own.with_query(query),
        None => Ok(own),
    }
}

/// Runs a call, and ends it at its deadline.
async fn within<T>(
    deadline: Option<Instant>,
    site: &Site,
    call: impl Future<Output = Result<T, CallFailure>>,
) -> Result<T, CallFailure> {
    let Some(deadline) = deadline else { return call.await };
    tokio::select! {
        biased;
        ended = call => ended,
        () = Sleep::until(&site.alarm, deadline) => Err(RpcStatus::deadline_exceeded().into()),
    }
}

/// The response to a call with a single reply, now that it is known.
fn single(ended: Result<EchoReply, CallFailure>, tally: &ServerTally) -> Result<Response<CallBody>, Hangup> {
    match ended {
        Ok(reply) => Ok(response(CallBody::One(Some(framed(&reply))))),
        Err(CallFailure::Status(status)) => Ok(refusal(&status, tally)),
        Err(CallFailure::Hangup(hangup)) => Err(hangup),
    }
}

/// Sends the replies of a call, and how it ended.
async fn stream(kind: CallKind, call: EchoCall, deadline: Option<Instant>, site: Rc<Site>, replies: Replies) {
    let tally = call.session.tally();
    let method = async {
        match kind {
            CallKind::ServerStream => call.server_stream(&replies).await,
            CallKind::Reflection => call.reflection(&replies).await,
            _ => call.bidi(&replies).await,
        }
    };
    let ended = tokio::select! {
        biased;
        ended = within(deadline, &site, method) => ended,
        () = replies.given_up() => return,
    };
    match ended {
        Ok(()) => replies.end(&RpcStatus::OK).await,
        Err(CallFailure::Status(status)) => {
            tally.count_failed_call();
            replies.end(&status).await;
        }
        Err(CallFailure::Hangup(Hangup::Reset)) => replies.reset().await,
        // There is nobody left to tell.
        Err(CallFailure::Hangup(Hangup::Unread)) => {}
    }
}

fn response(body: CallBody) -> Response<CallBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

/// The response to a call that has no reply: its status stands in the head, and nothing follows.
fn refusal(status: &RpcStatus, tally: &ServerTally) -> Response<CallBody> {
    tally.count_failed_call();
    let mut response = response(CallBody::Empty);
    response.headers_mut().extend(status.trailers());
    response
}
