//! What a line of an access log says, whatever its format: when which path was asked for, by which method.

use super::instant::Instant;
use crate::{names, urls};

/// The longest part of a line that a message shows.
pub(super) const SHOWN_LETTERS_MAX: usize = 120;

/// A line of no known form, or its beginning, for a message: without what stands in queries, which may be secrets, and without what
/// would steer a terminal.
pub(super) fn shown(line: &str) -> String {
    let mut is_query = false;
    let mut letters = String::new();
    for letter in line.chars() {
        let ends_query = letter.is_whitespace() || "\"'<>".contains(letter);
        is_query = is_query && !ends_query;
        if is_query {
            continue;
        }
        letters.push(if letter.is_control() { '\u{fffd}' } else { letter });
        if letter == '?' {
            is_query = true;
            letters.push('\u{2026}');
        }
    }
    letters.chars().take(SHOWN_LETTERS_MAX).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_line_is_shown_without_its_queries_and_not_to_its_end() {
        let line = "GET /a?token=s3cret&b=1 HTTP/1.1\t\"http://r/?key=s3cret\" 'x?s3cret' tail?s3cret";
        assert_eq!(
            shown(line),
            "GET /a?\u{2026} HTTP/1.1\u{fffd}\"http://r/?\u{2026}\" 'x?\u{2026}' tail?\u{2026}"
        );
        let long = format!("{}?{}", "a".repeat(119), "s3cret".repeat(100_000));
        assert_eq!(shown(&long), format!("{}?", "a".repeat(119)));
    }
}
