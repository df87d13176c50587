//! Where requests go: a URL, read once and kept in the parts that connecting and asking need.

use crate::redact;
use crate::template::without_holes;
use http::Uri;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A URL, in its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// How it begins. Reports of versions that knew no other have none.
    #[serde(default, skip_serializing_if = "Scheme::is_http")]
    pub scheme: Scheme,
    /// What to connect to.
    pub endpoint: Endpoint,
    /// The value of the `Host` header.
    pub authority: String,
    /// The path and query of the URL, used by requests that name no path of their own. Starts with `/`.
    pub path: String,
}

/// How a URL begins: what is spoken, and on what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// HTTP on a connection as it is; Unix sockets and the built-in server as well.
    #[default]
    Http,
    /// HTTP within TLS.
    Https,
    /// WebSocket on a connection as it is.
    Ws,
    /// WebSocket within TLS.
    Wss,
    /// gRPC, by HTTP/2 on a connection as it is.
    Grpc,
    /// gRPC within TLS.
    Grpcs,
    /// A stream of bytes.
    Tcp,
    /// The same within TLS.
    Tls,
    /// Datagrams of UDP.
    Udp,
    /// DNS, by datagrams of UDP.
    Dns,
}

/// What a connection is made to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A TCP port of a host: a name, an IPv4 address, or an IPv6 address without brackets.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix stream socket.
    Unix {
        /// Its path in the file system.
        socket: String,
    },
    /// The built-in server, started with the run and stopped after it.
    Testbed,
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTarget {
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub fix: String,
    /// What to write instead, if that is clear.
    pub instead: Option<String>,
}

impl NoTarget {
    fn new(problem: impl Into<String>, fix: &str) -> NoTarget {
        NoTarget { problem: problem.into(), fix: fix.to_owned(), instead: None }
    }

    fn instead(self, text: impl Into<String>) -> NoTarget {
        NoTarget { instead: Some(text.into()), ..self }
    }
}

/// What a target looks like.
const FORM: &str = "a target is http://HOST:PORT/PATH, https://…, ws://…, wss://…, grpc://HOST:PORT, grpcs://…, \
                    tcp://HOST:PORT, tls://HOST:PORT, udp://HOST:PORT, dns://HOST/NAME?type=A, unix:/SOCKET:/PATH \
                    or testbed:/PATH";
/// Schemes of protocols that are not spoken yet.
const PLANNED: [&str; 1] = ["h2c"];

impl Scheme {
    /// The port where a URL names none; a stream of bytes and datagrams may be anything, and have none.
    pub fn default_port(self) -> Option<u16> {
        match self {
            Scheme::Http | Scheme::Ws | Scheme::Grpc => Some(80),
            Scheme::Https | Scheme::Wss | Scheme::Grpcs => Some(443),
            Scheme::Dns => Some(53),
            Scheme::Tcp | Scheme::Tls | Scheme::Udp => None,
        }
    }

    /// Whether a connection is one of TLS.
    pub fn is_tls(self) -> bool {
        matches!(self, Scheme::Https | Scheme::Wss | Scheme::Grpcs | Scheme::Tls)
    }

    /// Whether what is spoken is WebSocket.
    pub fn is_websocket(self) -> bool {
        matches!(self, Scheme::Ws | Scheme::Wss)
    }

    /// Whether gRPC is spoken.
    pub fn is_grpc(self) -> bool {
        matches!(self, Scheme::Grpc | Scheme::Grpcs)
    }

    /// Whether bytes are sent and received as they are.
    pub fn is_stream(self) -> bool {
        matches!(self, Scheme::Tcp | Scheme::Tls)
    }

    /// Whether what is sent are datagrams of UDP.
    pub fn is_udp(self) -> bool {
        matches!(self, Scheme::Udp | Scheme::Dns)
    }

    fn is_http(&self) -> bool {
        *self == Scheme::Http
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
            Scheme::Grpc => "grpc",
            Scheme::Grpcs => "grpcs",
            Scheme::Tcp => "tcp",
            Scheme::Tls => "tls",
            Scheme::Udp => "udp",
            Scheme::Dns => "dns",
        })
    }
}

impl Url {
    /// Reads `http://host:port/path`, the same with other schemes, `host:port/path`, `unix:/path/to.sock:/path` or `testbed:/path`. The path
    /// may have holes.
    pub fn parse(text: &str) -> Result<Url, NoTarget> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("testbed:") {
            return Ok(Url { path: path_of(rest)?, ..Url::testbed() });
        }
        if let Some(rest) = text.strip_prefix("unix:") {
            return Url::parse_unix(rest);
        }
        let absolute = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        Url::parse_http(&absolute, text).map_err(|cause| {
            let shown = redact::text(&absolute);
            let shown = if text.contains("://") { &shown } else { &shown["http://".len()..] };
            let encoded =
                (without_holes(text).contains(' ') && !text.contains("{{")).then(|| text.replace(' ', "%20"));
            let problem = format!("`{shown}` is not a target: {}", cause.problem);
            NoTarget { problem, instead: cause.instead.or(encoded), fix: cause.fix }
        })
    }

    /// The built-in server's root.
    pub(crate) fn testbed() -> Url {
        Url {
            scheme: Scheme::Http,
            endpoint: Endpoint::Testbed,
            authority: "testbed".into(),
            path: "/".into(),
        }
    }

    fn parse_unix(rest: &str) -> Result<Url, NoTarget> {
        let rest = rest.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(rest);
        let (socket, path) = rest.split_once(':').unwrap_or((rest, ""));
        if !socket.starts_with('/') {
            let fix = "write `unix:/absolute/path.sock:/request/path`";
            return Err(NoTarget::new("a Unix target needs the absolute path of its socket", fix));
        }
        let endpoint = Endpoint::Unix { socket: socket.to_owned() };
        let (scheme, authority) = (Scheme::Http, "localhost".into());
        Ok(Url { scheme, endpoint, authority, path: path_of(path)? })
    }

    fn parse_http(absolute: &str, typed: &str) -> Result<Url, NoTarget> {
        let (scheme, rest) = absolute.split_once("://").unwrap_or_default();
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "ws" => Scheme::Ws,
            "wss" => Scheme::Wss,
            "grpc" => Scheme::Grpc,
            "grpcs" => Scheme::Grpcs,
            "tcp" => Scheme::Tcp,
            "tls" => Scheme::Tls,
            "udp" => Scheme::Udp,
            "dns" => Scheme::Dns,
            planned if PLANNED.contains(&planned) => {
                let fix = "there are http://, https://, ws://, wss://, grpc://, grpcs://, tcp://, tls://, udp:// and dns:// addresses";
                return Err(NoTarget::new(format!("scheme `{planned}` is not supported yet"), fix));
            }
            other => {
                let problem = format!("scheme `{other}` is not supported");
                return Err(NoTarget::new(problem, FORM).instead(format!("http://{rest}")));
            }
        };
        if typed.is_empty() || rest.is_empty() {
            return Err(NoTarget::new("there is no host in it", FORM));
        }
        if let Some(path) = typed.strip_prefix('/') {
            let wrong = NoTarget::new("there is no host in it", FORM);
            return Err(wrong.instead(format!("{scheme}://HOST:PORT/{path}")));
        }
        // Holes may have blanks, which no URL has.
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let path = path.split('#').next().unwrap_or_default();
        if authority.contains('@') {
            let fix = "leave it out, and give `-H 'Authorization: …'` or the header in the plan";
            return Err(NoTarget::new("user:password@ is not supported", fix));
        }
        let endpoint = parse_authority(authority, scheme.default_port())?;
        if scheme.is_stream() && !matches!(path, "" | "/") {
            let wrong = NoTarget::new("a stream of bytes has no path", "write HOST:PORT alone");
            return Err(wrong.instead(format!("{scheme}://{authority}")));
        }
        let path = path_of(path)?;
        if scheme == Scheme::Udp && path != "/" {
            return Err(NoTarget::new(
                "a datagram goes to a host and a port, and to no path",
                "write udp://HOST:PORT",
            ));
        }
        Ok(Url { scheme, endpoint, authority: authority.to_owned(), path })
    }
}

impl Endpoint {
    /// Reads `host:port`, where an IPv6 address stands in brackets.
    pub fn parse(text: &str) -> Result<Endpoint, NoTarget> {
        parse_authority(text.trim(), None)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp { host, port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Endpoint::Tcp { host, port } => write!(formatter, "{host}:{port}"),
            Endpoint::Unix { socket } => write!(formatter, "unix:{socket}"),
            Endpoint::Testbed => write!(formatter, "testbed:"),
        }
    }
}

/// Host and port of what stands before the path.
fn parse_authority(authority: &str, default_port: Option<u16>) -> Result<Endpoint, NoTarget> {
    let uri: Uri =
        format!("http://{authority}/").parse().map_err(|error| NoTarget::new(format!("{error}"), FORM))?;
    let authority = uri.authority().ok_or_else(|| NoTarget::new("there is no host in it", FORM))?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() {
        return Err(NoTarget::new("there is no host in it", FORM));
    }
    let port = authority.as_str().strip_prefix(authority.host()).and_then(|rest| rest.strip_prefix(':'));
    match (port.map(str::parse), default_port) {
        (None, Some(port)) => Ok(Endpoint::Tcp { host, port }),
        (None, None) => Err(NoTarget::new("there is no port in it", "write HOST:PORT")),
        (Some(Ok(port)), _) if port > 0 => Ok(Endpoint::Tcp { host, port }),
        (Some(_), _) => Err(NoTarget::new("the port must be between 1 and 65535", FORM)),
    }
}

fn path_of(path: &str) -> Result<String, NoTarget> {
    path_or_root(path)
        .map_err(|problem| NoTarget::new(problem, "a path has no blanks and no control characters"))
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Endpoint::Tcp { .. } if self.scheme.is_stream() || self.scheme == Scheme::Udp => {
                write!(formatter, "{}://{}", self.scheme, self.authority)
            }
            Endpoint::Tcp { .. } => {
                write!(formatter, "{}://{}{}", self.scheme, self.authority, self.path)
            }
            Endpoint::Unix { socket } => write!(formatter, "unix:{socket}:{}", self.path),
            Endpoint::Testbed => write!(formatter, "testbed:{}", self.path),
        }
    }
}

/// A request path: empty means `/`; spaces and control characters are refused because they would end the line early.
pub(crate) fn path_or_root(path: &str) -> Result<String, String> {
    if path.is_empty() {
        return Ok("/".into());
    }
    if !path.starts_with('/') && !path.starts_with('?') && path != "*" {
        return Err(format!("path `{}` must start with `/`", redact::text(path)));
    }
    // What holes become has no blanks, whatever they have themselves.
    if let Some(bad) = without_holes(path).chars().find(|c| c.is_control() || *c == ' ') {
        return Err(format!("path `{}` holds {bad:?}; write it percent-encoded", redact::text(path)));
    }
    Ok(if path.starts_with('?') { format!("/{path}") } else { path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.into(), port }
    }

    #[test]
    fn urls_are_read_into_their_parts() {
        let target = Url::parse("http://127.0.0.1:8081/a?b=1").unwrap();
        assert_eq!((target.endpoint, target.path.as_str()), (tcp("127.0.0.1", 8081), "/a?b=1"));
        let target = Url::parse("http://[::1]:80").unwrap();
        assert_eq!(
            (target.endpoint, target.authority.as_str(), target.path.as_str()),
            (tcp("::1", 80), "[::1]:80", "/")
        );
        assert_eq!(Url::parse("localhost:99/x").unwrap().endpoint, tcp("localhost", 99));
        assert_eq!(Url::parse("example.org").unwrap().endpoint, tcp("example.org", 80));
        let target = Url::parse("unix:/run/app.sock:/health").unwrap();
        assert_eq!(
            (target.endpoint, target.path.as_str()),
            (Endpoint::Unix { socket: "/run/app.sock".into() }, "/health")
        );
        let target = Url::parse("http://h/{{rand 1 9}}?q={{seq}}#part").unwrap();
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("h", "/{{rand 1 9}}?q={{seq}}"));
        assert_eq!(Url::parse("testbed:").unwrap().path, "/");
        assert_eq!(Url::parse("testbed:?stall=1s/2s").unwrap().path, "/?stall=1s/2s");
    }

    #[test]
    fn a_scheme_says_which_port_is_meant_and_whether_there_is_tls() {
        let target = Url::parse("https://example.org/a").unwrap();
        assert_eq!((target.scheme, &target.endpoint), (Scheme::Https, &tcp("example.org", 443)));
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("example.org", "/a"));
        assert_eq!(Url::parse("https://[::1]:8443").unwrap().endpoint, tcp("::1", 8443));
        let socket = Url::parse("ws://h/chat").unwrap();
        assert_eq!((socket.scheme, &socket.endpoint), (Scheme::Ws, &tcp("h", 80)));
        let socket = Url::parse("wss://h?room=1").unwrap();
        assert_eq!(
            (socket.scheme, &socket.endpoint, socket.path.as_str()),
            (Scheme::Wss, &tcp("h", 443), "/?room=1")
        );
        assert!(socket.scheme.is_tls() && socket.scheme.is_websocket() && !target.scheme.is_websocket());
        for plain in ["http://h/", "h:443", "unix:/a.sock:/", "testbed:"] {
            assert!(!Url::parse(plain).unwrap().scheme.is_tls(), "{plain}");
        }
    }

    #[test]
    fn grpc_has_two_schemes_of_which_one_is_of_tls() {
        let parsed = |text: &str| Url::parse(text).unwrap();
        assert_eq!(parsed("grpc://h:50051").endpoint, tcp("h", 50_051));
        assert_eq!(parsed("grpcs://h/a.B/C").endpoint, tcp("h", 443));
        assert_eq!(parsed("grpcs://h/a.B/C").to_string(), "grpcs://h/a.B/C");
        assert!(parsed("grpc://h").scheme.is_grpc() && !parsed("grpc://h").scheme.is_tls());
        assert!(parsed("grpcs://h").scheme.is_grpc() && parsed("grpcs://h").scheme.is_tls());
    }

    #[test]
    fn a_stream_of_bytes_has_a_host_and_a_port_and_one_of_two_schemes_is_of_tls() {
        let parsed = |text: &str| Url::parse(text).unwrap();
        assert_eq!(parsed("tcp://127.0.0.1:6379").endpoint, tcp("127.0.0.1", 6_379));
        assert_eq!(
            (parsed("tls://h:1/").endpoint, parsed("tls://h:1/").to_string()),
            (tcp("h", 1), "tls://h:1".into())
        );
        assert!(parsed("tcp://h:1").scheme.is_stream() && !parsed("tcp://h:1").scheme.is_tls());
        assert!(parsed("tls://h:1").scheme.is_stream() && parsed("tls://h:1").scheme.is_tls());
    }

    #[test]
    fn datagrams_go_to_a_port_that_is_named_and_queries_of_dns_to_53() {
        let parsed = |text: &str| Url::parse(text).unwrap();
        assert_eq!(parsed("udp://h:9000").endpoint, tcp("h", 9_000));
        assert_eq!(parsed("dns://h/example.org?type=AAAA").endpoint, tcp("h", 53));
        assert_eq!(parsed("dns://[::1]:5353/a.b").to_string(), "dns://[::1]:5353/a.b");
        assert!(parsed("udp://h:1").scheme.is_udp() && parsed("dns://h/a").scheme.is_udp());
        for (text, reason) in
            [("udp://h", "no port"), ("udp://h:9000/path", "no path"), ("udp://h:0", "port")]
        {
            let error = Url::parse(text).unwrap_err().problem;
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn urls_of_reports_that_knew_no_scheme_are_of_http() {
        let written = serde_json::to_string(&Url::parse("http://h/").unwrap()).unwrap();
        assert!(!written.contains("scheme"), "{written}");
        for text in ["http://h/", "https://h/", "ws://h/", "wss://h/"] {
            let url = Url::parse(text).unwrap();
            let json = serde_json::to_string(&url).unwrap();
            assert_eq!(serde_json::from_str::<Url>(&json).unwrap(), url);
        }
    }

    #[test]
    fn an_endpoint_has_a_host_and_a_port() {
        for text in ["h:1", "[::1]:443", "10.0.0.1:65535"] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
        for text in ["h", "h:0", ":80", "h:x", "http://h:1"] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_target_is_refused_with_a_reason() {
        for (text, reason) in [
            ("https://", "no host"),
            ("tcp://x/", "there is no port in it"),
            ("tls://x", "there is no port in it"),
            ("tcp://x:1/path", "a stream of bytes has no path"),
            ("tcp://x:1?q=1", "a stream of bytes has no path"),
            ("udp://x:1/path", "a datagram goes to a host and a port"),
            ("h2c://x/", "`h2c` is not supported yet"),
            ("ftp://x/", "scheme"),
            ("http://", ""),
            ("http://x:99999/", "port"),
            ("http://x:0/", "port"),
            ("http://u:p@x/", "password"),
            ("unix:relative", "absolute"),
            ("", ""),
        ] {
            let error = Url::parse(text).unwrap_err().problem;
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_refused_is_shown_without_its_secrets() {
        for text in [
            "http://u:s3cret@x/",
            "u:s3cret@x/",
            "tcp://x/?token=s3cret",
            "https://x y/?token=s3cret",
            "testbed:?api_key=s3 cret",
            "ftp://u:s3cret@x",
        ] {
            let error = Url::parse(text).unwrap_err().problem;
            assert!(!error.contains("cret") && error.contains("redacted:"), "{error}");
        }
    }

    #[test]
    fn a_target_shows_as_it_was_typed() {
        for text in [
            "http://[::1]:80/x",
            "https://h/",
            "https://h:8443/x",
            "unix:/a.sock:/b",
            "testbed:/bytes/10",
            "tcp://h:1",
            "tls://[::1]:2",
            "udp://h:9000",
            "dns://h/example.org?type=AAAA",
        ] {
            assert_eq!(Url::parse(text).unwrap().to_string(), text);
        }
    }
}
