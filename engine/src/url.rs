//! Where requests go: a URL, read once and kept in the parts that connecting and asking need.

use crate::redact;
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

impl Url {
    /// Reads `http://host:port/path`, `host:port/path`, `unix:/path/to.sock:/path` or `testbed:/path`.
    pub fn parse(text: &str) -> Result<Url, String> {
        if let Some(rest) = text.strip_prefix("testbed:") {
            let path = path_or_root(rest)?;
            return Ok(Url { endpoint: Endpoint::Testbed, authority: "testbed".into(), path });
        }
        if let Some(rest) = text.strip_prefix("unix:") {
            return Url::parse_unix(rest);
        }
        let absolute = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        Url::parse_http(&absolute).map_err(|cause| {
            let shown = redact::text(&absolute);
            let shown = if text.contains("://") { &shown } else { &shown["http://".len()..] };
            format!("`{shown}` is not a target: {cause}")
        })
    }

    fn parse_unix(rest: &str) -> Result<Url, String> {
        let (socket, path) = rest.split_once(':').unwrap_or((rest, ""));
        if !socket.starts_with('/') {
            return Err(
                "a Unix target is `unix:/absolute/path.sock` or `unix:/absolute/path.sock:/request/path`"
                    .into(),
            );
        }
        let endpoint = Endpoint::Unix { socket: socket.to_owned() };
        Ok(Url { endpoint, authority: "localhost".into(), path: path_or_root(path)? })
    }

    fn parse_http(text: &str) -> Result<Url, String> {
        let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err("https is not supported yet; use an http:// address".into()),
            Some(other) => {
                return Err(format!("scheme `{other}` is not supported; use http://, unix: or testbed:"));
            }
            None => return Err("no scheme; use http://host:port/path".into()),
        }
        let authority = uri.authority().ok_or("no host")?;
        if authority.as_str().contains('@') {
            return Err("user:password@ is not supported; use -H 'Authorization: …'".into());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("no host".into());
        }
        let port =
            match authority.as_str().strip_prefix(authority.host()).and_then(|rest| rest.strip_prefix(':')) {
                None => 80,
                Some(port) => match port.parse() {
                    Ok(port) if port > 0 => port,
                    _ => return Err("the port must be between 1 and 65535".into()),
                },
            };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Url {
            endpoint: Endpoint::Tcp { host, port },
            authority: authority.as_str().to_owned(),
            path: path_or_root(path)?,
        })
    }
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
    if let Some(bad) = path.chars().find(|c| c.is_control() || *c == ' ') {
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
            ("http://u:p@x/", "Authorization"),
            ("unix:relative", "absolute"),
            ("", ""),
        ] {
            let error = Url::parse(text).unwrap_err();
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
            let error = Url::parse(text).unwrap_err();
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
