//! What a path asks for. Parsing only; `session` answers.

use hyper::StatusCode;

use crate::links::LinkPath;
use crate::logins::LoginPath;

/// The largest body that can be asked for: 1 GiB.
const BODY_LIMIT_BYTES: u64 = 1 << 30;

/// The longest chain of redirects that can be asked for.
const REDIRECTS_MAX: u8 = 20;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Root,
    /// A body of this many bytes, with `Content-Length`.
    Bytes(u64),
    /// A body of this many bytes, by chunked transfer.
    Chunked(u64),
    Status(StatusCode),
    Echo,
    WebSocket,
    Stats,
    /// The links service.
    Links(LinkPath),
    /// The logins service.
    Logins(LoginPath),
    /// So many redirects, one after the other.
    Redirect(u8),
    /// The description of all routes.
    OpenApi,
    /// A call of gRPC, which is told by its content type and not by its path.
    Call,
    /// No such route.
    Unknown,
    /// A known route with a wrong argument, or a malformed behaviour in the query; with an explanation.
    Malformed(String),
}

impl Route {
    pub(crate) fn parse(path: &str) -> Route {
        match path {
            "/" => Route::Root,
            "/echo" => Route::Echo,
            "/ws" => Route::WebSocket,
            "/stats" => Route::Stats,
            "/openapi.json" => Route::OpenApi,
            _ => Route::parse_with_argument(path),
        }
    }

    fn parse_with_argument(path: &str) -> Route {
        if let Some(text) = path.strip_prefix("/bytes/") {
            return length(text).map_or_else(|| not_a_length(text), Route::Bytes);
        }
        if let Some(text) = path.strip_prefix("/chunked/") {
            return length(text).map_or_else(|| not_a_length(text), Route::Chunked);
        }
        if let Some(text) = path.strip_prefix("/status/") {
            let not_a_status = || format!("`{text}` is not a status; write a number from 200 to 599");
            return status(text).map_or_else(|| Route::Malformed(not_a_status()), Route::Status);
        }
        if let Some(text) = path.strip_prefix("/redirect/") {
            let not_a_count =
                || format!("`{text}` is no number of redirects; write a number from 0 to {REDIRECTS_MAX}");
            let count = text.parse().ok().filter(|count| *count <= REDIRECTS_MAX);
            return count.map_or_else(|| Route::Malformed(not_a_count()), Route::Redirect);
        }
        let logins = LoginPath::parse(path).map(Route::Logins);
        logins.or_else(|| LinkPath::parse(path).map(Route::Links)).unwrap_or(Route::Unknown)
    }
}

fn length(text: &str) -> Option<u64> {
    text.parse().ok().filter(|length| *length <= BODY_LIMIT_BYTES)
}

fn not_a_length(text: &str) -> Route {
    Route::Malformed(format!(
        "`{text}` is not a length; write a number of bytes from 0 to {BODY_LIMIT_BYTES}"
    ))
}

/// Statuses below 200 are interim: a response that ends with one would never end for its client.
fn status(text: &str) -> Option<StatusCode> {
    let number = text.parse().ok().filter(|number| (200..=599).contains(number));
    number.and_then(|number| StatusCode::from_u16(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let cases = [
            ("/", Route::Root),
            ("/echo", Route::Echo),
            ("/ws", Route::WebSocket),
            ("/stats", Route::Stats),
            ("/bytes/0", Route::Bytes(0)),
            ("/bytes/1073741824", Route::Bytes(1 << 30)),
            ("/chunked/17", Route::Chunked(17)),
            ("/status/204", Route::Status(StatusCode::NO_CONTENT)),
            ("/status/599", Route::Status(StatusCode::from_u16(599).expect("a status"))),
            ("/links", Route::Links(LinkPath::Collection)),
            ("/session", Route::Logins(LoginPath::Session)),
            ("/ledger/7", Route::Logins(LoginPath::Entry("7".to_owned()))),
            ("/redirect/20", Route::Redirect(20)),
            ("/openapi.json", Route::OpenApi),
            ("/links/", Route::Unknown),
            ("/bytes", Route::Unknown),
            ("/echo/", Route::Unknown),
            ("*", Route::Unknown),
            ("", Route::Unknown),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(path), route, "{path}");
        }
    }

    #[test]
    fn an_argument_out_of_range_is_explained() {
        let lengths = ["/bytes/", "/bytes/-1", "/bytes/1073741825", "/chunked/1k", "/bytes/1/2"];
        let statuses = ["/status/199", "/status/600", "/status/ok", "/status/"];
        let redirects = ["/redirect/21", "/redirect/-1", "/redirect/", "/redirect/1/2"];
        for path in lengths.iter().chain(&statuses).chain(&redirects) {
            let Route::Malformed(explanation) = Route::parse(path) else { panic!("{path} was accepted") };
            assert!(explanation.contains("write a number"), "{path}: {explanation}");
        }
    }
}
