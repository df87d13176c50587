//! Where requests go: a URL, read once and kept in the parts that connecting and asking need.

use crate::redact;
use crate::template::without_holes;
use http::Uri;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A URL, in its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// What to connect to.
    pub endpoint: Endpoint,
    /// The value of the `Host` header.
    pub authority: String,
    /// The path and query of the URL, used by requests that name no path of their own. Starts with `/`.
    pub path: String,
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
const FORM: &str = "a target is http://HOST:PORT/PATH, unix:/SOCKET:/PATH or testbed:/PATH";

impl Url {
    /// Reads `http://host:port/path`, `host:port/path`, `unix:/path/to.sock:/path` or `testbed:/path`. The path may have holes.
    pub fn parse(text: &str) -> Result<Url, NoTarget> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("testbed:") {
            let path = path_of(rest)?;
            return Ok(Url { endpoint: Endpoint::Testbed, authority: "testbed".into(), path });
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

    /// The host to connect to: a name, an address, or for what is on this machine alone `localhost`.
    pub fn host(&self) -> &str {
        match &self.endpoint {
            Endpoint::Tcp { host, .. } => host,
            Endpoint::Unix { .. } | Endpoint::Testbed => "localhost",
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
        Ok(Url { endpoint, authority: "localhost".into(), path: path_of(path)? })
    }

    fn parse_http(absolute: &str, typed: &str) -> Result<Url, NoTarget> {
        let (scheme, rest) = absolute.split_once("://").unwrap_or_default();
        match scheme {
            "http" => {}
            "https" => {
                let wrong = NoTarget::new("https is not supported yet", "if the target speaks plain HTTP");
                return Err(wrong.instead(format!("http://{rest}")));
            }
            other => {
                let problem = format!("scheme `{other}` is not supported");
                return Err(NoTarget::new(problem, FORM).instead(format!("http://{rest}")));
            }
        }
        if typed.is_empty() || rest.is_empty() {
            return Err(NoTarget::new("there is no host in it", FORM));
        }
        if let Some(path) = typed.strip_prefix('/') {
            let wrong = NoTarget::new("there is no host in it", FORM);
            return Err(wrong.instead(format!("http://HOST:PORT/{path}")));
        }
        // Holes may have blanks, which no URL has.
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let path = path.split('#').next().unwrap_or_default();
        if authority.contains('@') {
            let fix = "leave it out, and give `-H 'Authorization: …'` or the header in the plan";
            return Err(NoTarget::new("user:password@ is not supported", fix));
        }
        let (host, port) = parse_authority(authority)?;
        let endpoint = Endpoint::Tcp { host, port };
        Ok(Url { endpoint, authority: authority.to_owned(), path: path_of(path)? })
    }
}

/// Host and port of what stands before the path.
fn parse_authority(authority: &str) -> Result<(String, u16), NoTarget> {
    let uri: Uri =
        format!("http://{authority}/").parse().map_err(|error| NoTarget::new(format!("{error}"), FORM))?;
    let authority = uri.authority().ok_or_else(|| NoTarget::new("there is no host in it", FORM))?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() {
        return Err(NoTarget::new("there is no host in it", FORM));
    }
    let port = authority.as_str().strip_prefix(authority.host()).and_then(|rest| rest.strip_prefix(':'));
    match port.map(str::parse) {
        None => Ok((host, 80)),
        Some(Ok(port)) if port > 0 => Ok((host, port)),
        Some(_) => Err(NoTarget::new("the port must be between 1 and 65535", FORM)),
    }
}

fn path_of(path: &str) -> Result<String, NoTarget> {
    path_or_root(path)
        .map_err(|problem| NoTarget::new(problem, "a path has no blanks and no control characters"))
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Endpoint::Tcp { .. } => write!(formatter, "http://{}{}", self.authority, self.path),
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
    fn what_cannot_be_a_target_is_refused_with_a_reason() {
        for (text, reason) in [
            ("https://x/", "https"),
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
            "https://x/?token=s3cret",
            "testbed:?api_key=s3 cret",
            "ftp://u:s3cret@x",
        ] {
            let error = Url::parse(text).unwrap_err().problem;
            assert!(!error.contains("cret") && error.contains("redacted:"), "{error}");
        }
    }

    #[test]
    fn a_target_shows_as_it_was_typed() {
        for text in ["http://[::1]:80/x", "unix:/a.sock:/b", "testbed:/bytes/10"] {
            assert_eq!(Url::parse(text).unwrap().to_string(), text);
        }
    }
}
