//! Who asks, as typed under `bearer` and `basic`: other ways to write the header `Authorization`.

use super::PlanReader;
use super::requests::Headers;
use crate::config::{BasicConfig, Diagnostic, Text};
use crate::template::Piece;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The header that says who asks (RFC 9110, section 11.6.2).
const AUTHORIZATION: &str = "Authorization";
/// What stands before a token in it (RFC 6750).
const BEARER: &str = "Bearer ";
const BASIC_FIX: &str = "write `basic = { user = \"ann\", password = \"{{env PASSWORD}}\" }`";

impl PlanReader<'_> {
    /// Adds the header that is typed so in a table, whose other headers have been read. `key` is the key of one of its values.
    pub(super) fn authorization(
        &mut self,
        (bearer, basic): (&Option<Text>, &Option<BasicConfig>),
        key: &dyn Fn(&str) -> String,
        headers: &mut Headers,
    ) {
        let (word, value) = match (bearer, basic) {
            (Some(_), Some(_)) => {
                let problem = "`bearer` and `basic` both say who asks";
                return self.told_once(&key("basic"), problem, "leave one out");
            }
            (Some(Text(token)), None) => ("bearer", self.bearer(token, &key("bearer"))),
            (None, Some(basic)) => ("basic", self.basic(basic, key)),
            (None, None) => return self.refuse_second(headers),
        };
        // What cannot be read is told, and something stands in its place.
        headers.headers.push((AUTHORIZATION.to_owned(), value.unwrap_or_default()));
        headers.keys.push(key(word));
        self.refuse_second(headers);
    }

    /// Whoever asks is said once: of two such headers a server may take either.
    fn refuse_second(&mut self, headers: &Headers) {
        let is_meant = |(name, _): &&(String, Vec<Piece>)| name.eq_ignore_ascii_case(AUTHORIZATION);
        if headers.headers.iter().filter(is_meant).count() < 2 {
            return;
        }
        let named = headers.headers.iter().zip(&headers.keys);
        let keys: Vec<&String> = named.filter(|(header, _)| is_meant(header)).map(|(_, key)| key).collect();
        let is_word = |key: &str| matches!(key.rsplit('.').next(), Some("bearer" | "basic"));
        // The same header several times is the plan's own doing, where it is written as a header.
        if let [.., first, last] = keys[..]
            && keys.iter().any(|key| is_word(key))
        {
            let problem = format!("the header `Authorization` is given twice: `{first}` says it as well");
            self.told_once(last, &problem, "leave one out");
        }
    }

    fn bearer(&mut self, token: &str, path: &str) -> Option<Vec<Piece>> {
        if token.trim().is_empty() {
            self.told_once(path, "the token is empty", "write `bearer = \"{{env API_TOKEN}}\"`");
            return None;
        }
        if token.get(..BEARER.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEARER)) {
            self.told_once(path, "`Bearer` stands before the token by itself", "write the token alone");
            return None;
        }
        let pieces = self.secret_value("bearer", token, path)?;
        Some([Piece::Bytes(BEARER.into())].into_iter().chain(pieces).collect())
    }

    /// `user:password` in base64 (RFC 7617).
    fn basic(&mut self, basic: &BasicConfig, key: &dyn Fn(&str) -> String) -> Option<Vec<Piece>> {
        let mut read = |word: &str, text: &Option<Text>| {
            let path = format!("{}.{word}", key("basic"));
            let Some(Text(text)) = text else {
                self.told_once(&key("basic"), &format!("`basic` has no `{word}`"), BASIC_FIX);
                return None;
            };
            let pieces = self.secret_value(word, text, &path)?;
            let mut bytes = Vec::new();
            for piece in pieces {
                let Piece::Bytes(piece) = piece else {
                    let problem =
                        format!("`{word}` is the same for all requests, and has a value to fill in");
                    let fix = "write the header itself, with a value that holds both: `headers.Authorization = \"Basic {{login | base64}}\"`";
                    self.told_once(&path, &problem, fix);
                    return None;
                };
                bytes.extend(piece);
            }
            if bytes.iter().any(u8::is_ascii_control) {
                let problem = format!("`{word}` has a character that cannot be typed, such as a line's end");
                self.told_once(&path, &problem, "give it without");
                return None;
            }
            Some(bytes)
        };
        let (user, password) = (read("user", &basic.user), read("password", &basic.password));
        let (user, password) = (user?, password?);
        if user.contains(&b':') {
            let path = format!("{}.user", key("basic"));
            self.told_once(
                &path,
                "a user has no `:` in its name",
                "write what stands behind it as `password`",
            );
            return None;
        }
        let encoded = STANDARD.encode([&user[..], b":", &password].concat());
        Some(vec![Piece::Bytes(format!("Basic {encoded}").into_bytes())])
    }

    /// What stands once in the config may be read for several scenarios.
    fn told_once(&mut self, path: &str, problem: &str, fix: &str) {
        let wrong = Diagnostic::at(path, problem, fix);
        if !self.diagnostics.contains(&wrong) {
            self.diagnostics.push(wrong);
        }
    }
}
