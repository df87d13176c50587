//! What a line of an access log says, whatever its format: when which path was asked for, by which method.

use super::instant::Instant;
use crate::secrets::is_secret;
use crate::{names, urls};

/// The longest part of a line that a message shows.
pub(super) const SHOWN_LETTERS_MAX: usize = 120;

/// So much is looked at of a line, of which less is shown: what comes then may say what a part of it is.
const LOOKED_AT_LETTERS_MAX: usize = 4096;

/// A line of no known form, or its beginning, for a message: without what stands in queries and behind names of fields, which may be
/// secrets, without who asked, and without what would steer a terminal. Behind the name of a secret nothing is shown.
pub(super) fn shown(line: &str) -> String {
    let (mut is_hidden, mut word) = (false, 0);
    let mut letters = String::new();
    for letter in line.chars().take(LOOKED_AT_LETTERS_MAX) {
        let ends_word = letter.is_whitespace() || "\"'<>".contains(letter);
        is_hidden = is_hidden && !ends_word;
        if is_hidden {
            continue;
        }
        let names_secret = "=:".contains(letter) && may_be_secret(name_before(&letters));
        // Names and passwords stand before a server's name.
        let server = if letter == '@' { letters[word..].find("://") } else { None };
        if let Some(scheme) = server {
            letters.truncate(word + scheme + 3);
            letters.push('\u{2026}');
        }
        letters.push(if letter.is_control() { '\u{fffd}' } else { letter });
        if ends_word {
            word = letters.len();
        }
        is_hidden = "?=".contains(letter);
        if is_hidden || names_secret {
            letters.push('\u{2026}');
        }
        if names_secret {
            break;
        }
    }
    letters.chars().take(SHOWN_LETTERS_MAX).collect()
}

/// Whether what is called so is not shown: more than is taken out of plans, which have to work.
fn may_be_secret(name: &str) -> bool {
    const PARTS: [&str; 4] = ["auth", "signature", "sessid", "jwt"];
    const NAMES: [&str; 3] = ["key", "sig", "bearer"];
    let plain = name.to_ascii_lowercase();
    is_secret(name) || PARTS.iter().any(|part| plain.contains(part)) || NAMES.contains(&plain.as_str())
}

/// The name at the end, which may be in quotes.
fn name_before(text: &str) -> &str {
    let text = text.trim_end_matches(['"', '\'', ' ']);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    &text[text.trim_end_matches(is_of_name).len()..]
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
        for (line, expected) in [
            ("10:00:00 GET /a b=s3cret 443 c=\"7\"", "10:00:00 GET /a b=\u{2026} 443 c=\u{2026}\"7\""),
            ("GET /a token=s3cret 443 -", "GET /a token=\u{2026}"),
            (r#"{"uri":"/a","args":"token=s3cret&b=1"}"#, "{\"uri\":\"/a\",\"args\":\"token=\u{2026}"),
            (r#"{"uri":"/a","Api-Key" : "s3cret"}"#, "{\"uri\":\"/a\",\"Api-Key\" :\u{2026}"),
            (r#"{"x-auth":"s3cret","a":1}"#, "{\"x-auth\":\u{2026}"),
            ("jwt: eyJhbGciOi", "jwt:\u{2026}"),
            ("Authorization: Bearer s3cret", "Authorization:\u{2026}"),
            ("GET http://u:s3cret@h/ b@c", "GET http://\u{2026}@h/ b@c"),
        ] {
            assert_eq!(shown(line), expected);
        }
        let long = format!("{}?{}", "a".repeat(119), "s3cret".repeat(100_000));
        assert_eq!(shown(&long), format!("{}?", "a".repeat(119)));
    }
}
