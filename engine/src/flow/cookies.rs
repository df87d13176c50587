//! The cookies of a session (RFC 6265): kept as responses set them, and sent back with the requests that they are for.
//!
//! A flow speaks to one host, so what a jar has to know of hosts is whether a `Domain` is one of this host's own. Memory of a jar is used again by
//! the next session; nothing is allocated once it is as large as it has to be.

use super::cookie_date::unix_seconds;
use crate::template::{COOKIES_BYTES_MAX, CookieForm, Template};
use std::ops::Range;

/// The most cookies of a session (RFC 6265, section 6.1: what a browser has room for at the least).
pub const COOKIES_MAX: usize = 50;
/// The most bytes that names and values of all cookies of a session take together, as they are sent: the line that a request has room
/// for, which is as long as servers take (nginx: 8 KiB).
pub const JAR_BYTES_MAX: usize = COOKIES_BYTES_MAX - FIELD.len() - LINE_END.len();
/// The longest path or domain of a cookie; one that is longer is as good as none (RFC 6265bis, section 5.6).
const ATTRIBUTE_BYTES_MAX: usize = 1_024;
/// What stands between two cookies.
const SEPARATOR: &[u8] = b"; ";
const FIELD: &[u8] = b"Cookie: ";
const LINE_END: &[u8] = b"\r\n";
/// The name of the field in HTTP/2: one that no table takes in, by its number among those that all know (RFC 7541, section 6.2.2).
const LITERAL: [u8; 2] = [0x0f, 0x11];
/// The longest that a length is which stands behind that.
const LENGTH_BYTES_MAX: usize = 5;
const _: () = assert!(
    LITERAL.len() + LENGTH_BYTES_MAX <= FIELD.len() + LINE_END.len(),
    "there is room for either form"
);

/// What the cookies of a flow are kept by.
#[derive(Clone, Debug)]
pub struct CookieRules {
    /// The host that all requests go to, in lower case.
    pub host: String,
    /// They go over TLS: what is `Secure` is sent.
    pub is_secure: bool,
    /// The path of each step, with its query.
    pub paths: Vec<Template>,
}

/// A session has more cookies than are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JarFull;

/// The cookies of one session.
#[derive(Clone, Debug, Default)]
pub(super) struct CookieJar {
    /// Those that are kept come first, in the order in which they were first set. The others are memory.
    slots: Vec<KeptCookie>,
    kept: usize,
    /// Where the request under way goes, without its query.
    path: Vec<u8>,
    /// The order in which the cookies of a request are sent.
    order: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
struct KeptCookie {
    /// `name=value`.
    pair: Vec<u8>,
    name_bytes: usize,
    path: Vec<u8>,
    /// In lower case.
    domain: Vec<u8>,
    is_secure: bool,
    /// In seconds since 1970; the session ends first where it does not say.
    expires_s: i64,
}

/// What a header that sets a cookie says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SetCookie<'a> {
    name: &'a [u8],
    value: &'a [u8],
    path: Option<&'a [u8]>,
    domain: Option<&'a [u8]>,
    is_secure: bool,
    max_age_s: Option<i64>,
    expires_s: Option<i64>,
}

impl CookieRules {
    /// The longest path of a step.
    pub(super) fn path_bytes_max(&self) -> usize {
        self.paths.iter().map(Template::bytes_max).max().unwrap_or(0)
    }
}

impl CookieJar {
    /// A session begins: it has no cookies.
    pub(super) fn clear(&mut self) {
        self.kept = 0;
    }

    /// Where the next request goes.
    pub(super) fn set_path(&mut self, path: &[u8]) {
        let end = path.iter().position(|byte| matches!(byte, b'?' | b'#'));
        self.path.clear();
        self.path.extend_from_slice(&path[..end.unwrap_or(path.len())]);
    }

    /// A response to the last request has a header that sets a cookie. What is none, or is of another host, is ignored, as browsers do.
    pub(super) fn set(&mut self, header: &[u8], rules: &CookieRules, now_s: i64) -> Result<(), JarFull> {
        let Some(cookie) = SetCookie::parse(header) else { return Ok(()) };
        self.forget_expired(now_s);
        let host = rules.host.as_bytes();
        let domain = cookie.domain.unwrap_or(host);
        if !is_of_domain(host, domain) {
            return Ok(());
        }
        let own_path = cookie.path.filter(|path| path.starts_with(b"/"));
        let path = own_path.unwrap_or(&self.path[default_path(&self.path)]);
        let path = if path.is_empty() { b"/" } else { path };
        let expires_s = match (cookie.max_age_s, cookie.expires_s) {
            (Some(age_s), _) if age_s <= 0 => i64::MIN,
            (Some(age_s), _) => now_s.saturating_add(age_s),
            (None, expires_s) => expires_s.unwrap_or(i64::MAX),
        };
        let is_same = |kept: &KeptCookie| {
            kept.name() == cookie.name && kept.path == path && kept.domain.eq_ignore_ascii_case(domain)
        };
        let known = self.slots[..self.kept].iter().position(is_same);
        if expires_s <= now_s {
            if let Some(index) = known {
                self.remove(index);
            }
            return Ok(());
        }
        let kept = self.slots[..self.kept].iter().enumerate();
        let others: usize =
            kept.filter(|(index, _)| Some(*index) != known).map(|(_, kept)| kept.sent_bytes()).sum();
        let sent_bytes = cookie.name.len() + 1 + cookie.value.len() + SEPARATOR.len();
        let is_full = known.is_none() && self.kept >= COOKIES_MAX;
        if is_full || others + sent_bytes > JAR_BYTES_MAX {
            return Err(JarFull);
        }
        let index = known.unwrap_or(self.kept);
        if index == self.slots.len() {
            self.slots.push(KeptCookie::default());
        }
        self.kept = self.kept.max(index + 1);
        // The path may be a part of the jar: its fields are borrowed one by one.
        let CookieJar { slots, path: own, .. } = self;
        let slot = &mut slots[index];
        slot.set_pair(cookie.name, cookie.value);
        slot.path.clear();
        match own_path {
            Some(path) => slot.path.extend_from_slice(path),
            None if default_path(own).is_empty() => slot.path.push(b'/'),
            None => slot.path.extend_from_slice(&own[default_path(own)]),
        }
        slot.domain.clear();
        slot.domain.extend(domain.iter().map(u8::to_ascii_lowercase));
        (slot.is_secure, slot.expires_s) = (cookie.is_secure, expires_s);
        Ok(())
    }

    fn forget_expired(&mut self, now_s: i64) {
        while let Some(index) = self.slots[..self.kept].iter().position(|kept| kept.expires_s <= now_s) {
            self.remove(index);
        }
    }

    /// Forgets a cookie; its memory is used for the next one.
    fn remove(&mut self, index: usize) {
        self.slots[index..self.kept].rotate_left(1);
        self.kept -= 1;
    }

    /// Appends the cookies of the next request: those with longer paths first, and of those the one that was set first (RFC 6265, section 5.4).
    /// Nothing where there are none.
    pub(super) fn write(&mut self, form: CookieForm, rules: &CookieRules, now_s: i64, out: &mut Vec<u8>) {
        let CookieJar { slots, kept, path, order } = self;
        let kept = &slots[..*kept];
        order.clear();
        let is_sent = |cookie: &KeptCookie| {
            cookie.expires_s > now_s && (rules.is_secure || !cookie.is_secure) && is_below(path, &cookie.path)
        };
        order.extend((0..kept.len()).filter(|&index| is_sent(&kept[index])));
        if order.is_empty() {
            return;
        }
        order.sort_unstable_by_key(|&index| (usize::MAX - kept[index].path.len(), index));
        match form {
            CookieForm::Line => out.extend_from_slice(FIELD),
            CookieForm::Continued => out.extend_from_slice(SEPARATOR),
            CookieForm::Literal => {
                let together: usize = order.iter().map(|&index| kept[index].sent_bytes()).sum();
                out.extend_from_slice(&LITERAL);
                append_length(together - SEPARATOR.len(), out);
            }
        }
        for (place, &index) in order.iter().enumerate() {
            out.extend_from_slice(if place == 0 { b"" } else { SEPARATOR });
            out.extend_from_slice(&kept[index].pair);
        }
        if form == CookieForm::Line {
            out.extend_from_slice(LINE_END);
        }
    }
}

/// Appends the length of a string that is not compressed (RFC 7541, sections 5.1 and 5.2).
fn append_length(length: usize, out: &mut Vec<u8>) {
    const PREFIX_MAX: usize = 127;
    if length < PREFIX_MAX {
        return out.push(length as u8);
    }
    out.push(PREFIX_MAX as u8);
    let mut rest = length - PREFIX_MAX;
    while rest >= 128 {
        out.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    out.push(rest as u8);
}

impl KeptCookie {
    fn name(&self) -> &[u8] {
        &self.pair[..self.name_bytes]
    }

    fn sent_bytes(&self) -> usize {
        self.pair.len() + SEPARATOR.len()
    }

    fn set_pair(&mut self, name: &[u8], value: &[u8]) {
        self.pair.clear();
        self.pair.extend_from_slice(name);
        self.pair.push(b'=');
        self.pair.extend_from_slice(value);
        self.name_bytes = name.len();
    }
}

impl<'a> SetCookie<'a> {
    /// Reads a header (RFC 6265, section 5.2); nothing where it sets no cookie.
    fn parse(header: &'a [u8]) -> Option<SetCookie<'a>> {
        // What would end a line of a request, or be refused in one, is in no cookie.
        if header.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 127)) {
            return None;
        }
        let mut parts = header.split(|byte| *byte == b';');
        let (name, value) = split_at_equals(parts.next()?)?;
        if name.is_empty() {
            return None;
        }
        let mut cookie = SetCookie { name, value, ..SetCookie::default() };
        for part in parts {
            let (name, value) = split_at_equals(part).unwrap_or((part.trim_ascii(), b""));
            cookie.set_attribute(name, value);
        }
        Some(cookie)
    }

    /// Of several attributes of one name the last counts.
    fn set_attribute(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        if is("path") && value.len() <= ATTRIBUTE_BYTES_MAX {
            self.path = Some(value);
        } else if is("domain") && value.len() <= ATTRIBUTE_BYTES_MAX {
            let value = value.strip_prefix(b".").unwrap_or(value);
            self.domain = (!value.is_empty()).then_some(value);
        } else if is("secure") {
            self.is_secure = true;
        } else if is("max-age") {
            self.max_age_s = seconds(value).or(self.max_age_s);
        } else if is("expires") {
            self.expires_s = unix_seconds(value).or(self.expires_s);
        }
    }
}

fn split_at_equals(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = part.iter().position(|byte| *byte == b'=')?;
    Some((part[..at].trim_ascii(), part[at + 1..].trim_ascii()))
}

/// A number of seconds; one that is too large is the largest (RFC 6265, section 5.2.2).
fn seconds(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: i64, digit: &u8| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    let number = digits.iter().fold(0, add);
    Some(if digits.len() < text.len() { -number } else { number })
}

/// Whether a host is a domain or within it (RFC 6265, section 5.1.3). An address is within none.
fn is_of_domain(host: &[u8], domain: &[u8]) -> bool {
    if host.eq_ignore_ascii_case(domain) {
        return true;
    }
    let is_address = host.contains(&b':') || host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let Some(at) = host.len().checked_sub(domain.len() + 1).filter(|_| !is_address) else { return false };
    host[at] == b'.' && host[at + 1..].eq_ignore_ascii_case(domain)
}

/// The path of a cookie that says none, as a part of that of its request (RFC 6265, section 5.1.4): empty where it is the root.
fn default_path(path: &[u8]) -> Range<usize> {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    0..end
}

/// Whether a path is one of a cookie's, or below it (RFC 6265, section 5.1.4).
fn is_below(path: &[u8], of_cookie: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(of_cookie) else { return false };
    rest.is_empty() || of_cookie.ends_with(b"/") || rest.starts_with(b"/")
}

#[cfg(test)]
mod tests;
