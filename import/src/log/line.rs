//! What a line of an access log says, whatever its format: when which path was asked for, by which method.

use super::instant::Instant;
use crate::{names, urls};

/// The longest part of a line that a message shows.
pub(super) const SHOWN_LETTERS_MAX: usize = 120;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LogLine {
    pub(super) at: Instant,
    pub(super) method: String,
    pub(super) path: String,
    /// The server, where the line says which: scheme and authority, or the authority alone.
    pub(super) host: Option<String>,
    /// The line was written when the response had ended, and what the request took has been taken off.
    pub(super) is_dated_back: bool,
}

impl LogLine {
    /// The same of a request that took so many seconds and whose line has the time of its end.
    pub(super) fn that_took(mut self, seconds: Option<f64>) -> LogLine {
        if let Some(seconds) = seconds {
            self.at = self.at.before(seconds);
            self.is_dated_back = true;
        }
        self
    }
}

/// `METHOD PATH PROTOCOL`; HTTP/0.9 has no protocol.
pub(super) fn request_line(request: &str, at: Instant, host: Option<String>) -> Option<LogLine> {
    let (method, rest) = request.split_once(' ')?;
    let path = rest.rsplit_once(" HTTP/").map_or(rest, |(path, _)| path);
    parts(method, path, at, host)
}

/// A line of its parts, if they can be sent.
pub(super) fn parts(method: &str, path: &str, at: Instant, host: Option<String>) -> Option<LogLine> {
    let is_method =
        method.len() <= 20 && method.bytes().all(|b| b.is_ascii_uppercase()) && names::is_method(method);
    let path = unescaped(path);
    let (path, host) = match urls::split(&path) {
        Some(split) => (split.path, Some(split.base)),
        None if path.starts_with('/') => (urls::on_the_wire(path.split('#').next().unwrap_or(&path)), host),
        None => return None,
    };
    let host = host.filter(|host| !matches!(host.as_str(), "" | "-" | "_"));
    is_method.then(|| LogLine { at, method: method.to_owned(), path, host, is_dated_back: false })
}

/// What servers escape in a log: `\xHH`, and a backslash before a quote or itself.
fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('\\') {
        plain.push_str(before);
        let hex = behind.strip_prefix('x').and_then(|behind| behind.get(..2));
        match hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())) {
            // It goes over the wire escaped, whatever byte it is.
            Some(hex) => {
                plain.push_str(&format!("%{}", hex.to_ascii_uppercase()));
                rest = &behind[3..];
            }
            None => {
                let first = behind.chars().next();
                plain.extend(first);
                rest = &behind[first.map_or(0, char::len_utf8)..];
            }
        }
    }
    plain + rest
}
