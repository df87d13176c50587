//! Whether a request opens a WebSocket, and what it is answered with (RFC 6455, 4.2).

use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Method, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The one version there is.
const VERSION: &str = "13";

/// A key is sixteen bytes in base64.
const KEY_LETTERS: usize = 24;

/// What a request for a WebSocket is answered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// The connection is one of WebSocket from here on.
    Accepted {
        accept: HeaderValue,
        /// The first that the client offered.
        subprotocol: Option<HeaderValue>,
    },
    /// It did not ask for one, or for one of another version.
    UpgradeRequired(&'static str),
    /// It asked for one in a way that is not allowed.
    Malformed(&'static str),
}

impl Opening {
    pub(crate) fn of(request: &Parts) -> Opening {
        let headers = &request.headers;
        if request.version == Version::HTTP_2 {
            return Opening::Malformed("a WebSocket is opened by HTTP/1.1; over HTTP/2 there is none here\n");
        }
        if !names(headers, CONNECTION, "upgrade") || !names(headers, UPGRADE, "websocket") {
            return Opening::UpgradeRequired("this is a WebSocket: ask for `Upgrade: websocket`\n");
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
            return Opening::UpgradeRequired("the version of WebSocket here is 13\n");
        }
        if request.method != Method::GET || request.version != Version::HTTP_11 {
            return Opening::Malformed("a WebSocket is opened by GET of HTTP/1.1\n");
        }
        match headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes())) {
            Some(key) => accepted(key.as_bytes(), headers),
            None => Opening::Malformed("`Sec-WebSocket-Key` is not sixteen bytes in base64\n"),
        }
    }
}

impl Opening {
    /// What of the answer stands in headers.
    pub(crate) fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let (is_switch, accept, subprotocol) = match self {
            Opening::Accepted { accept, subprotocol } => (true, Some(accept), subprotocol),
            Opening::UpgradeRequired(_) => (true, None, None),
            Opening::Malformed(_) => (false, None, None),
        };
        let version = (is_switch && accept.is_none()).then(|| HeaderValue::from_static(VERSION));
        let named = [
            (CONNECTION, is_switch.then(|| HeaderValue::from_static("upgrade"))),
            (UPGRADE, is_switch.then(|| HeaderValue::from_static("websocket"))),
            (SEC_WEBSOCKET_VERSION, version),
            (SEC_WEBSOCKET_ACCEPT, accept),
            (SEC_WEBSOCKET_PROTOCOL, subprotocol),
        ];
        named.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)))
    }
}

fn accepted(key: &[u8], headers: &HeaderMap) -> Opening {
    let accept = HeaderValue::from_str(&derive_accept_key(key));
    let first = tokens(headers, SEC_WEBSOCKET_PROTOCOL).next();
    Opening::Accepted {
        accept: accept.expect("base64 is a header's value"),
        subprotocol: first.and_then(|name| HeaderValue::from_str(name).ok()),
    }
}

fn is_key(key: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || [b'+', b'/'].contains(byte);
    key.len() == KEY_LETTERS && key.ends_with(b"==") && key[..KEY_LETTERS - 2].iter().all(is_base64)
}

fn names(headers: &HeaderMap, header: HeaderName, token: &str) -> bool {
    tokens(headers, header).any(|found| found.eq_ignore_ascii_case(token))
}

/// What a header lists, over all its lines.
fn tokens(headers: &HeaderMap, header: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    use hyper::Request;

    /// The request of RFC 6455, 1.3, with one header in another form; without it where the form is empty.
    fn opening(header: &str, value: &str) -> Opening {
        let given = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "chat, superchat"),
        ];
        let mut request = Request::get("/ws");
        for (name, usual) in given {
            let value = if name == header { value } else { usual };
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        Opening::of(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn the_key_of_the_standard_has_the_answer_of_the_standard() {
        let accept = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let subprotocol = Some(HeaderValue::from_static("chat"));
        assert_eq!(opening("", ""), Opening::Accepted { accept: accept.clone(), subprotocol });
        assert_eq!(opening("sec-websocket-protocol", ""), Opening::Accepted { accept, subprotocol: None });
    }

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        for (header, value) in
            [("connection", "close"), ("upgrade", "h2c"), ("upgrade", ""), ("sec-websocket-version", "8")]
        {
            assert!(matches!(opening(header, value), Opening::UpgradeRequired(_)), "{header}: {value}");
        }
        for key in ["", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=x", "dGhlIHNhbXBsZS!ub25jZQ=="] {
            assert!(matches!(opening("sec-websocket-key", key), Opening::Malformed(_)), "{key}");
        }
    }
}
