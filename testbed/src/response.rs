//! Responses with a body that is known: text, JSON, or nothing.

use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json as value;

use crate::payload::Payload;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Payload> {
    typed(status, TEXT, Payload::whole(text))
}

pub(crate) fn json(status: StatusCode, json: impl Into<Bytes>) -> Response<Payload> {
    typed(status, JSON, Payload::whole(json))
}

/// What is wrong, as `{"error": …}`.
pub(crate) fn problem(status: StatusCode, message: &str) -> Response<Payload> {
    json(status, value!({ "error": message }).to_string() + "\n")
}

pub(crate) fn method_not_allowed(allowed: &'static str) -> Response<Payload> {
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, &format!("this takes {allowed}"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

pub(crate) fn empty(status: StatusCode) -> Response<Payload> {
    let mut response = Response::new(Payload::whole(""));
    *response.status_mut() = status;
    response
}

pub(crate) fn typed(status: StatusCode, content_type: HeaderValue, payload: Payload) -> Response<Payload> {
    let mut response = Response::new(payload);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
