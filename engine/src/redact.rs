//! Secrets kept out of all that is written down: what a secret is, by its name, and what is written in its place.
//!
//! In place of a value stands `redacted:sha256:` and the first digits of its hash: two runs with the same secret still have the
//! same plan, two with different ones do not. The hash has no salt, or runs on different machines could not be compared; and
//! few digits, so that whoever guesses a weak secret finds many that fit. What is sent is not touched.
//!
//! Where the text is no header whose name is known, names are looked for: `name=value` of queries, forms and command lines,
//! `"name": value` of JSON, `user:password@` of URLs. Where a value ends cannot always be told; then too much is redacted, not too
//! little.

mod plans;

pub use plans::{plan, revision, threshold, written};
use sha2::{Digest, Sha256};
use std::ops::Range;

/// What stands in place of a value, before its hash.
pub const MARK: &str = "redacted:sha256:";
/// Hexadecimal digits of the hash: enough to tell two secrets apart, too few to prove a guess.
const DIGITS: usize = 8;
/// A name that holds one of these, in whatever case and with whatever marks between its letters, names a secret.
const PARTS: [&str; 15] = [
    "token",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "signature",
    "session",
    "sessid",
    "credential",
    "cookie",
    "jwt",
];
/// So does a name that is one of these as a whole.
const NAMES: [&str; 8] = ["key", "sig", "pass", "sid", "otp", "csrf", "xsrf", "bearer"];
/// The longest name that is looked at.
const NAME_BYTES_MAX: usize = 128;

/// Whether what is called so is a secret: a header, a parameter, a field, a variable.
pub fn is_secret(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric().then(|| c.to_ascii_lowercase());
    let plain: String = unescaped(name).chars().filter_map(letters).collect();
    let is_authorship =
        |rest: &str| rest.starts_with("or") && !["oriz", "oris"].iter().any(|s| rest.starts_with(s));
    let mut after_auth = plain.match_indices("auth").map(|(at, part)| &plain[at + part.len()..]);
    PARTS.iter().any(|part| plain.contains(part))
        || NAMES.contains(&plain.as_str())
        || after_auth.any(|rest| !is_authorship(rest))
}

/// A subprotocol with more letters is no name.
const SUBPROTOCOL_LETTERS_MAX: usize = 64;
/// The flag with one in the same word.
const SUBPROTOCOL: &str = "--subprotocol=";

/// What is written in place of a secret.
fn mark(secret: &[u8]) -> String {
    if is_mark(secret) {
        return String::from_utf8_lossy(secret).into_owned();
    }
    let hash = Sha256::digest(secret);
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{MARK}{}", &digits[..DIGITS])
}

/// True for what was written in place of a secret before: it stays as it is.
fn is_mark(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(MARK.as_bytes());
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Whether something stands in these bytes in place of a secret.
pub(crate) fn holds_mark(bytes: &[u8]) -> bool {
    bytes.windows(MARK.len() + DIGITS).any(is_mark)
}

/// A text without the secrets in it.
pub fn text(text: &str) -> String {
    marked(text, secrets(text.as_bytes()))
}

/// What is said of something that was typed wrongly, without the secrets in it. A header may stand in it as one line,
/// `Name: value`, which no plan has.
pub fn told(text: &str) -> String {
    marked(text, secrets_and_headers(text.as_bytes()))
}

fn marked(text: &str, secrets: Vec<Range<usize>>) -> String {
    let bytes = text.as_bytes();
    let (mut shown, mut at) = (Vec::new(), 0);
    for secret in secrets {
        shown.extend_from_slice(&bytes[at..secret.start]);
        at = secret.end;
        shown.extend_from_slice(mark(&bytes[secret]).as_bytes());
    }
    shown.extend_from_slice(&bytes[at..]);
    String::from_utf8_lossy(&shown).into_owned()
}

/// The same with stars in place of the secrets, byte for byte: what has a place in it keeps it.
pub fn masked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for secret in secrets_and_headers(text.as_bytes()) {
        bytes[secret].iter_mut().filter(|byte| !b"\r\n".contains(byte)).for_each(|byte| *byte = b'*');
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value of something with a name, as it may be shown.
pub fn value(name: &str, value: &str) -> String {
    if is_secret(name) { mark(value.trim().as_bytes()) } else { text(value) }
}

/// A subprotocol of WebSocket: some targets take a token among them, since browsers can send no header with an opening.
pub fn subprotocol(name: &str) -> String {
    let is_name = !is_secret(name) && name.len() <= SUBPROTOCOL_LETTERS_MAX;
    if is_name { text(name) } else { mark(name.as_bytes()) }
}

/// The words of a command line, as they may be written down.
pub fn words(words: &[String]) -> Vec<String> {
    let (mut is_header, mut is_user, mut is_subprotocol) = (false, false, false);
    let mut shown = Vec::new();
    for word in words {
        let is_flag = word.starts_with('-');
        shown.push(match joined_user(word) {
            _ if is_subprotocol => subprotocol(word),
            None if word.starts_with(SUBPROTOCOL) => {
                format!("{SUBPROTOCOL}{}", subprotocol(&word[SUBPROTOCOL.len()..]))
            }
            Some((flag, user)) => format!("{flag}{}", user_line(user)),
            None if is_user => user_line(word),
            None if is_header || is_flag => header_line(word),
            None => text(word),
        });
        is_user = word == "--user" || joined_user(word).is_some_and(|(_, user)| user.is_empty());
        is_subprotocol = word == "--subprotocol";
        is_header = word == "--header" || (is_flag && !word.starts_with("--") && word.ends_with('H'));
    }
    shown
}

/// A user's name and password whose flag stands before them in the same word: `--user=`, or `-u`, after flags without a value.
fn joined_user(word: &str) -> Option<(&str, &str)> {
    let from = match word.strip_prefix("--user=") {
        Some(_) => "--user=".len(),
        None => {
            let flags = word.strip_prefix('-')?.trim_start_matches(['q', 'L']);
            word.len() - flags.strip_prefix('u')?.len()
        }
    };
    Some(word.split_at(from))
}

/// `name:password`, of which the name may be seen.
fn user_line(word: &str) -> String {
    match word.split_once(':') {
        Some((name, password)) => format!("{name}:{}", mark(password.as_bytes())),
        None => word.to_owned(),
    }
}

/// `Name: value`, with or without its flag before it.
fn header_line(word: &str) -> String {
    match word.split_once(':') {
        Some((name, value)) if is_secret(name) || is_secret(without_flag(name)) => {
            format!("{name}: {}", mark(value.trim().as_bytes()))
        }
        _ => text(word),
    }
}

/// The name of a header whose flag stands before it in the same word: `--header=`, or `-H`, to which others may be joined.
fn without_flag(name: &str) -> &str {
    let long = name.strip_prefix("--header=");
    let short = || name.strip_prefix('-').filter(|rest| !rest.starts_with('-'))?.split_once('H');
    long.or_else(|| Some(short()?.1)).unwrap_or(name)
}

/// Where the secrets in a text are, in order.
fn secrets(bytes: &[u8]) -> Vec<Range<usize>> {
    found(bytes, |bytes, at| named(bytes, at).or_else(|| of_part(bytes, at)))
}

/// The same where headers may stand as they are sent.
fn secrets_and_headers(bytes: &[u8]) -> Vec<Range<usize>> {
    found(bytes, |bytes, at| named(bytes, at).or_else(|| of_header(bytes, at)))
}

fn found(bytes: &[u8], named: impl Fn(&[u8], usize) -> Option<Range<usize>>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let secret = match bytes[at] {
            b':' if bytes[at..].starts_with(b"://") => credentials(bytes, at + 3),
            b'=' | b':' => named(bytes, at),
            _ => None,
        };
        at = match secret {
            Some(secret) if !secret.is_empty() => {
                found.push(secret.clone());
                secret.end
            }
            _ => at + 1,
        };
    }
    found
}

/// `user:password` of a URL whose host begins at `from`, or would without them.
fn credentials(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let ends = |byte: &u8| b"/?#\"'` \r\n".contains(byte);
    let host = &bytes[from..from + bytes[from..].iter().position(ends).unwrap_or(bytes.len() - from)];
    host.iter().rposition(|&byte| byte == b'@').map(|length| from..from + length)
}

/// The value behind the `=` or `:` at `at`, if the name before it is a secret's.
fn named(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let is_member = bytes[at] == b':';
    let (name, is_quoted) = name_before(bytes, at)?;
    if !is_secret(&name) || (is_member && !is_quoted) {
        return None;
    }
    let is_space = |byte: &&u8| b" \t".contains(byte) || (is_member && byte.is_ascii_whitespace());
    let from = at + 1 + bytes[at + 1..].iter().take_while(is_space).count();
    let enclosed = match bytes.get(from)? {
        quote @ (b'"' | b'\'') => {
            quoted(bytes, from, *quote).filter(|(range, _)| is_member || !range.is_empty())
        }
        // Of a parameter, which has an end of its own, only if they close.
        b'\\' => quoted_within(bytes, from).filter(|(_, closing)| is_member || *closing > 0),
        b'[' | b'{' => Some((from..balanced(bytes, from), 0)),
        _ => None,
    };
    if let Some((range, closing)) = enclosed
        && bytes.get(range.end + closing).is_none_or(|byte| {
            // Within another text that is quoted itself, its quote may come next.
            b" \t\r\n,}])&;>`".contains(byte) || (bytes[from] == b'\\' && b"\"'\\".contains(byte))
        })
    {
        return Some(range);
    }
    let ends = |byte: &u8| match is_member {
        true => b",}]".contains(byte) || byte.is_ascii_whitespace(),
        false => b"&\r\n".contains(byte),
    };
    let end = from + bytes[from..].iter().position(ends).unwrap_or(bytes.len() - from);
    // So many tokens are a limit, not a secret.
    let is_count = is_member && name.to_ascii_lowercase().ends_with("tokens");
    (!is_count).then_some(from..end)
}

/// The content of a part of a form (RFC 7578) whose name stands behind the `=` at `at`, if it is a secret's.
fn of_part(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    const BEFORE: &[u8] = b"Content-Disposition: form-data; name";
    let behind = bytes[..at].ends_with(BEFORE).then(|| bytes[at + 1..].strip_prefix(b"\""))??;
    let name_bytes = behind.iter().position(|&byte| byte == b'"')?;
    if !is_secret(&String::from_utf8_lossy(&behind[..name_bytes])) {
        return None;
    }
    let place = |from: usize, wanted: &[u8]| {
        let found = bytes[from..].windows(wanted.len()).position(|part| part == wanted);
        found.map(|place| from + place)
    };
    let from = place(at, b"\r\n\r\n")? + 4;
    Some(from..place(from, b"\r\n--").unwrap_or(bytes.len()))
}

/// The value of a header that stands as a line of its own, or in quotes as a whole, whose name ends before the `:` at `at`.
fn of_header(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let (name, is_quoted) = name_before(bytes, at)?;
    if bytes[at] != b':' || is_quoted || !is_secret(&name) {
        return None;
    }
    let begin = bytes[..at].trim_ascii_end().len() - name.len();
    let before = bytes[..begin].last();
    // What follows a slash is a host and its port.
    if before == Some(&b'/') {
        return None;
    }
    let quote = before.filter(|byte| b"\"'`".contains(byte));
    let from = at + 1 + bytes[at + 1..].iter().take_while(|byte| b" \t".contains(byte)).count();
    let mut end = from;
    while end < bytes.len() && !b"\r\n".contains(&bytes[end]) && Some(&bytes[end]) != quote {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    Some(from..end.min(bytes.len()))
}

/// The name that ends before `at`, and whether it stands in quotes.
fn name_before(bytes: &[u8], at: usize) -> Option<(String, bool)> {
    let before = &bytes[at.saturating_sub(NAME_BYTES_MAX)..at];
    let before = before.trim_ascii_end();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.%[]$".contains(byte);
    let (name, is_quoted) = match before.split_last()? {
        (quote @ (b'"' | b'\''), rest) => {
            let from = rest.iter().rposition(|byte| byte == quote).map_or(0, |place| place + 1);
            (&rest[from..], true)
        }
        _ => (&before[before.iter().rposition(|byte| !is_part(byte)).map_or(0, |place| place + 1)..], false),
    };
    Some((String::from_utf8_lossy(name).into_owned(), is_quoted))
}

/// What stands between quotes, and how long the closing ones are. A line's end closes what nothing else does.
fn quoted(bytes: &[u8], from: usize, quote: u8) -> Option<(Range<usize>, usize)> {
    let triple = [quote; 3];
    if bytes[from..].starts_with(&triple) {
        let from = from + triple.len();
        let length = bytes[from..].windows(triple.len()).position(|window| window == triple);
        return Some(length.map_or((from..bytes.len(), 0), |length| (from..from + length, triple.len())));
    }
    let mut at = from + 1;
    while at < bytes.len() && bytes[at] != quote && bytes[at] != b'\n' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    let end = at.min(bytes.len());
    Some((from + 1..end, usize::from(bytes.get(end) == Some(&quote))))
}

/// The same for quotes that are escaped, because the text is quoted itself: they close by as many backslashes as they open by.
fn quoted_within(bytes: &[u8], from: usize) -> Option<(Range<usize>, usize)> {
    let run = |at: usize| bytes[at..].iter().take_while(|&&byte| byte == b'\\').count();
    let depth = run(from);
    let quote = *bytes.get(from + depth).filter(|byte| b"\"'".contains(byte))?;
    let begin = from + depth + 1;
    let mut at = begin;
    while at < bytes.len() && bytes[at] != b'\n' {
        let escapes = run(at);
        if escapes == depth && bytes.get(at + depth) == Some(&quote) {
            return Some((begin..at, depth + 1));
        }
        at += escapes.max(1);
    }
    Some((begin..at.min(bytes.len()), 0))
}

/// Where what opens at `from` is closed again, quotes respected.
fn balanced(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth == 1 => return at + 1,
            b']' | b'}' => depth -= 1,
            quote @ (b'"' | b'\'') => {
                at = quoted(bytes, at, quote).map_or(at, |(range, closing)| range.end + closing.max(1) - 1);
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// A name without its percent-encoding.
fn unescaped(name: &str) -> String {
    let mut parts = name.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(&part[2..]);
            }
            None => plain.push_str(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_secrets_are_known_however_they_are_spelt() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "Cookie",
            "Set-Cookie",
            "X-API-Key",
            "api_key",
            "apikey",
            "api%5Fkey",
            "access_token",
            "X-Amz-Signature",
            "client_secret",
            "Password",
            "passwd",
            "session_id",
            "JSESSIONID",
            "PHPSESSID",
            "X-Auth-User",
            "oauth",
            "key",
            "sig",
            "VAJRA_HEADERS__AUTHORIZATION",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["Accept", "author", "authority", "id", "keyword", "Host", "page", "User-Agent", ""] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_in_texts_are_found_and_the_rest_stays() {
        let s3cret = mark(b"s3cret");
        assert_eq!(s3cret, "redacted:sha256:1ec1c26b", "`printf s3cret | sha256sum` begins so");
        for (text_in, out) in [
            ("http://h/?api_key=s3cret", format!("http://h/?api_key={s3cret}")),
            ("/a?x=1&token=s3cret&y=2", format!("/a?x=1&token={s3cret}&y=2")),
            ("/a;jsessionid=s3cret", format!("/a;jsessionid={s3cret}")),
            ("http://u:s3cret@h/p?q", format!("http://{}@h/p?q", mark(b"u:s3cret"))),
            ("user=me&password=s3cret", format!("user=me&password={s3cret}")),
            (r#"{"user":"me","password": "s3cret"}"#, format!(r#"{{"user":"me","password": "{s3cret}"}}"#)),
            (r#"{"token":12,"max_tokens":5}"#, format!(r#"{{"token":{},"max_tokens":5}}"#, mark(b"12"))),
            (
                r#"{"auth":{"u":"a]}","p":"s3cret"},"x":1}"#,
                format!(r#"{{"auth":{},"x":1}}"#, mark(br#"{"u":"a]}","p":"s3cret"}"#)),
            ),
            ("--password=s3cret", format!("--password={s3cret}")),
            ("http://auth:8080/session/1?author=me", "http://auth:8080/session/1?author=me".into()),
            ("GET /?token=", "GET /?token=".into()),
        ] {
            assert_eq!(text(text_in), out);
            assert_eq!(text(&out), out, "once is enough");
        }
        assert!(!text(r#"/?token="s3"cret&x"#).contains("cret"), "a quote in a value does not end it");
    }

    #[test]
    fn a_command_line_is_written_without_its_secrets() {
        let line = "vajra run http://h/?api_key=s3cret -H|Authorization: Bearer s3cret|-HCookie:a=s3cret|--header=X-Token: s3cret|-qH|key: s3cret|--header=Key: s3cret|-qHKey: s3cret|-Hsid: s3cret|-H=Bearer: s3cret|-H|Accept: */*|-b|password=s3cret|unix:/run/session.sock:/x";
        let given: Vec<String> = line
            .split('|')
            .flat_map(|part| {
                if part.starts_with("vajra") {
                    part.split(' ').map(String::from).collect::<Vec<_>>()
                } else {
                    vec![part.to_owned()]
                }
            })
            .collect();
        let shown = words(&given);
        assert!(!shown.join(" ").contains("s3cret"), "{shown:?}");
        assert_eq!(shown.len(), given.len());
        assert_eq!(shown.last(), given.last());
        assert!(shown.contains(&"Accept: */*".to_owned()), "{shown:?}");
        assert_eq!(shown[4], format!("Authorization: {}", mark(b"Bearer s3cret")));
        assert!(shown.contains(&format!("-qHKey: {}", mark(b"s3cret"))), "{shown:?}");
    }

    #[test]
    fn a_token_among_subprotocols_is_written_without_it() {
        let line = "vajra ws://h/ --subprotocol chat --subprotocol base64url.bearer.token.s3cret --subprotocol=auth-s3cret";
        let given: Vec<String> = line.split(' ').map(String::from).collect();
        let shown = words(&given).join(" ");
        assert!(shown.contains("--subprotocol chat ") && !shown.contains("s3cret"), "{shown}");
        assert_eq!(subprotocol(&"x".repeat(65)), mark("x".repeat(65).as_bytes()));
        assert_eq!(subprotocol("graphql-transport-ws"), "graphql-transport-ws");
    }

    #[test]
    fn a_password_beside_a_name_is_one_wherever_its_flag_stands() {
        let given = [
            "vajra",
            "-u",
            "joe:s3cret",
            "-ujoe:s3cret",
            "-qLu",
            "joe:s3cret",
            "--user=joe:s3cret",
            "--user",
        ];
        let given: Vec<String> =
            given.into_iter().chain(["joe:s3cret", "http://h:80/"]).map(String::from).collect();
        let (shown, secret) = (words(&given), mark(b"s3cret"));
        assert!(!shown.join(" ").contains("s3cret"), "{shown:?}");
        assert_eq!([&shown[2], &shown[3]], [&format!("joe:{secret}"), &format!("-ujoe:{secret}")]);
        assert_eq!([&shown[4], &shown[9]], ["-qLu", "http://h:80/"]);
    }

    #[test]
    fn a_mask_keeps_every_place() {
        let text = "url = 'h'\n[headers]\nAuthorization = \"Bearer s3cret\"\n\"x-api-key\" = ['s3cret', \"s3\\\"cret\"]\nAccept = 'x'\ntoken = s3cret";
        let shown = masked(text);
        assert_eq!(shown.len(), text.len());
        assert!(!shown.contains("cret"), "{shown}");
        assert_eq!(shown.lines().count(), text.lines().count());
        assert!(
            shown.contains("Authorization = \"*************\"\n") && shown.contains("Accept = 'x'"),
            "{shown}"
        );
    }

    #[test]
    fn a_header_that_stands_as_a_line_is_hidden_in_what_is_said_of_mistakes() {
        for given in [
            "invalid type: string \"Authorization: Bearer s3cret phrase\", expected a map",
            "headers = [\"Authorization: Bearer s3cret \\\" phrase\", 'X-Api-Key:s3cret phrase']\n",
            "\"headers\": \"Cookie: a=s3cret; b=phrase\"",
            "environment VAJRA_HEADERS=Authorization: Bearer s3cret phrase",
            "headers = \"\"\"\nAuthorization: Bearer s3cret phrase\nKey : s3cret\n\"\"\"",
        ] {
            for shown in [told(given), masked(given)] {
                assert!(!shown.contains("s3cret") && !shown.contains("phrase"), "{shown}");
            }
            assert_eq!(masked(given).len(), given.len());
        }
        assert!(told("string \"Key: s3cret\", expected a map").ends_with("\", expected a map"));
        let plain =
            "url = 'http://auth:8080/'\nX = 'Accept: text/html'\nunknown key `token`: did you mean it?";
        assert_eq!((told(plain).as_str(), masked(plain).as_str()), (plain, plain));
    }

    #[test]
    fn json_within_a_quoted_text_is_read_as_json() {
        for given in [
            r#"body = "{\"password\": \"my s3cret phrase\"}""#,
            r#"body = "{\"password\": \"my s3cret \\\" phrase\", \"n\": 1}""#,
            r#"body = "\"password\":\"my s3cret phrase\"""#,
            r#"body = "{\\\"password\\\": \\\"my s3cret phrase\\\"}""#,
            r#"body = "token=\"my s3cret phrase\"""#,
        ] {
            for shown in [text(given), masked(given)] {
                assert!(!shown.contains("s3cret") && !shown.contains("phrase"), "{shown}");
            }
        }
        let given = r#"{\"password\": \"s3cret\", \"n\": 1}"#;
        assert_eq!(text(given), given.replace("s3cret", &mark(b"s3cret")));
    }

    proptest! {
        #[test]
        fn any_value_of_a_secret_parameter_is_gone_from_the_path(value in "[!-%'-~]{6,40}") {
            let marked = text(&format!("/p?a=1&token={value}&b=2"));
            prop_assert!(!marked.contains(&value), "{}", marked);
            // What opens with a quote or a bracket may end elsewhere than at the next parameter.
            if !value.starts_with(['"', '\'', '[', '{', '\\']) {
                prop_assert_eq!(&marked, &format!("/p?a=1&token={}&b=2", mark(value.as_bytes())));
            }
        }

        #[test]
        fn any_bytes_can_be_looked_through(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for found in [secrets(&bytes), secrets_and_headers(&bytes)] {
                prop_assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start));
                prop_assert!(found.iter().all(|range| range.start < range.end && range.end <= bytes.len()));
            }
        }

        #[test]
        fn any_text_can_be_redacted_and_once_is_enough(given in "[tokensra=:&\"'{}\\[\\]\\\\/?@ ,\n]{0,60}") {
            let once = text(&given);
            prop_assert_eq!(masked(&given).len(), given.len());
            let again = text(&once);
            prop_assert!(again.len() < once.len() + 200);
        }
    }
}
