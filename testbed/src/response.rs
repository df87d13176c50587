//! Responses with a body that is known: text, JSON, or nothing.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::payload::Payload;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Payload> {
    typed(status, TEXT, Payload::whole(text))
}

pub(crate) fn json(status: StatusCode, json: impl Into<Bytes>) -> Response<Payload> {
    typed(status, JSON, Payload::whole(json))
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
