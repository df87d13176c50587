//! Where a redirect leads: its `Location`, resolved against the request that it answers (RFC 3986, section 5).
//!
//! Nothing here asks for anything, and nothing allocates once the memory of an answer is as large as it has to be.

/// The longest path with its query that a redirect may lead to, as it is sent.
pub const LOCATION_BYTES_MAX: usize = 8 << 10;
/// The most redirects of one request: as many as curl follows where it is told nothing else.
pub const REDIRECTS_MAX: u32 = 50;

/// Headers that a request has no more once a redirect has made one of it that asks alone (RFC 9110, section 15.4): those that are of its body.
pub const OF_BODY: [&str; 6] =
    ["content-type", "content-encoding", "content-language", "content-location", "content-length", "expect"];

/// The target on which redirects are followed: a scheme, and the names by which it is known.
#[derive(Clone, Debug)]
pub struct RedirectTarget {
    is_tls: bool,
    /// Hosts in lower case, each with its port.
    names: Vec<(Vec<u8>, u16)>,
}

/// Why a redirect cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongLocation {
    /// It leads to another host or port, or by another scheme.
    Elsewhere,
    /// It is no reference, or its path is too long.
    Unusable,
}

impl RedirectTarget {
    /// The target that is known by this authority, in TLS or not.
    pub fn new(is_tls: bool, authority: &[u8]) -> RedirectTarget {
        let mut target = RedirectTarget { is_tls, names: Vec::new() };
        target.know_as(authority);
        target
    }

    /// It is known by this authority too, as a `Host` of its requests says.
    pub fn know_as(&mut self, authority: &[u8]) {
        if let Some((host, port)) = self.host_and_port(authority) {
            self.names.push((host.to_ascii_lowercase(), port));
        }
    }

    /// Writes the path that a redirect leads to, with its query and as it is sent, in the place of what is in `out`. `from` is that of the
    /// request before it.
    pub fn resolve(&self, location: &[u8], from: &[u8], out: &mut Vec<u8>) -> Result<(), WrongLocation> {
        out.clear();
        let location = location.trim_ascii();
        if location.iter().any(|byte| matches!(byte, 0..=31 | 127)) || location.len() > LOCATION_BYTES_MAX {
            return Err(WrongLocation::Unusable);
        }
        let location = before(location, b'#');
        let from = before(from, b'#');
        let of_target = self.without_target(location)?;
        let (path, query) = split(of_target.rest);
        let (from_path, from_query) = split(from);
        if of_target.has_authority || path.starts_with(b"/") {
            append_segments(path.strip_prefix(b"/").unwrap_or(path), out);
        } else if path.is_empty() {
            append_segments(from_path.strip_prefix(b"/").unwrap_or(b""), out);
        } else {
            let folder = from_path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            if folder > 0 {
                append_segments(&from_path[1..folder], out);
            }
            append_segments(path, out);
        }
        let query = if path.is_empty() && !of_target.has_authority { query.or(from_query) } else { query };
        if let Some(query) = query {
            out.push(b'?');
            query.iter().for_each(|&byte| append_byte(byte, is_of_query(byte), out));
        }
        if out.len() > LOCATION_BYTES_MAX { Err(WrongLocation::Unusable) } else { Ok(()) }
    }

    /// What follows scheme and authority, if these are the target's or are not there.
    fn without_target<'a>(&self, location: &'a [u8]) -> Result<OfTarget<'a>, WrongLocation> {
        let mut rest = location;
        if let Some((scheme, behind)) = scheme(location) {
            let is_own = scheme.eq_ignore_ascii_case(if self.is_tls { b"https" } else { b"http" });
            if !is_own {
                return Err(WrongLocation::Elsewhere);
            }
            // Without an authority it is no URL of HTTP (RFC 9110, section 4.2).
            rest = behind.starts_with(b"//").then_some(behind).ok_or(WrongLocation::Unusable)?;
        }
        let Some(behind) = rest.strip_prefix(b"//") else {
            return Ok(OfTarget { rest, has_authority: false });
        };
        let end = behind.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(behind.len());
        let (authority, rest) = behind.split_at(end);
        let (host, port) = self.host_and_port(authority).ok_or(WrongLocation::Unusable)?;
        let is_known = |(name, of_name): &(Vec<u8>, u16)| *of_name == port && name.eq_ignore_ascii_case(host);
        match self.names.iter().any(is_known) {
            true => Ok(OfTarget { rest, has_authority: true }),
            false => Err(WrongLocation::Elsewhere),
        }
    }

    /// Host and port of an authority, without who asks; the port of the scheme where there is none.
    fn host_and_port<'a>(&self, authority: &'a [u8]) -> Option<(&'a [u8], u16)> {
        let own_port = if self.is_tls { 443 } else { 80 };
        let at = authority.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at + 1);
        let named = &authority[at..];
        let in_brackets = named.iter().rposition(|byte| *byte == b']').unwrap_or(0);
        let colon = named[in_brackets..].iter().position(|byte| *byte == b':').map(|at| in_brackets + at);
        let (host, port) = colon.map_or((named, &b""[..]), |colon| (&named[..colon], &named[colon + 1..]));
        let port = match port {
            b"" => own_port,
            digits => std::str::from_utf8(digits).ok()?.parse().ok()?,
        };
        (!host.is_empty()).then_some((host, port))
    }
}

/// What of a location is left once the target is known.
#[derive(Clone, Copy)]
struct OfTarget<'a> {
    rest: &'a [u8],
    has_authority: bool,
}

/// What stands before a byte, or all of it.
fn before(text: &[u8], end: u8) -> &[u8] {
    &text[..text.iter().position(|byte| *byte == end).unwrap_or(text.len())]
}

/// A path, and its query if it has one.
fn split(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let path = before(text, b'?');
    (path, text.get(path.len() + 1..))
}

/// A scheme, and what stands behind its colon (RFC 3986, section 3.1).
fn scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let is_scheme = text[0].is_ascii_alphabetic()
        && text[..colon].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    is_scheme.then(|| (&text[..colon], &text[colon + 1..]))
}

/// Appends a path, segment by segment, each behind a slash; `.` and `..` are gone through (RFC 3986, section 5.2.4).
fn append_segments(path: &[u8], out: &mut Vec<u8>) {
    let mut segments = path.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    out.truncate(out.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
                }
                if is_last {
                    out.push(b'/');
                }
            }
            _ => {
                out.push(b'/');
                segment.iter().for_each(|&byte| append_byte(byte, is_of_path(byte), out));
            }
        }
    }
}

/// Whether a byte may stand in a path as it is; others are percent-encoded, as browsers do.
fn is_of_path(byte: u8) -> bool {
    is_of_query(byte) && !matches!(byte, b'`' | b'{' | b'}')
}

fn is_of_query(byte: u8) -> bool {
    (33..127).contains(&byte) && !matches!(byte, b'"' | b'<' | b'>')
}

fn append_byte(byte: u8, is_allowed: bool, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    match is_allowed {
        true => out.push(byte),
        false => {
            out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    fn resolved(location: &str, from: &str) -> Result<String, WrongLocation> {
        let target = RedirectTarget::new(false, b"h.example:8080");
        let mut out = b"what was there".to_vec();
        target.resolve(location.as_bytes(), from.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn references_are_resolved_as_the_standard_has_it() {
        // RFC 3986, section 5.4, as far as the references stay on the target; `/b/c/d;p?q` is asked for.
        for (location, path) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"),
            ("g#s", "/b/c/g"),
            (";x", "/b/c/;x"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../../g", "/g"),
            ("/../g", "/g"),
            ("g/./h", "/b/c/g/h"),
            ("g/../h", "/b/c/h"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("http://h.example:8080", "/"),
            ("HTTP://H.Example:8080?a=1", "/?a=1"),
            ("//h.example:8080/x/../y#z", "/y"),
            ("/a b/ä", "/a%20b/%C3%A4"),
        ] {
            assert_eq!(resolved(location, "/b/c/d;p?q").as_deref(), Ok(path), "{location}");
        }
    }

    #[test]
    fn what_leads_elsewhere_or_nowhere_is_told_apart() {
        for (location, wrong) in [
            ("https://h.example:8080/", WrongLocation::Elsewhere),
            ("http://h.example/", WrongLocation::Elsewhere),
            ("http://other.example:8080/", WrongLocation::Elsewhere),
            ("//other/", WrongLocation::Elsewhere),
            ("mailto:a@h.example", WrongLocation::Elsewhere),
            ("http:g", WrongLocation::Unusable),
            ("http://h.example:port/", WrongLocation::Unusable),
            ("http://", WrongLocation::Unusable),
            ("/a\u{1}b", WrongLocation::Unusable),
        ] {
            assert_eq!(resolved(location, "/a"), Err(wrong), "{location}");
        }
        let long = format!("/{}", "ä".repeat(LOCATION_BYTES_MAX / 4));
        assert_eq!(resolved(&long, "/a"), Err(WrongLocation::Unusable), "it is longer once it is encoded");
        assert_eq!(resolved(&"x".repeat(LOCATION_BYTES_MAX + 1), "/a"), Err(WrongLocation::Unusable));
    }

    #[test]
    fn the_port_of_the_scheme_need_not_be_said_and_a_target_may_have_two_names() {
        let mut target = RedirectTarget::new(true, b"[::1]:443");
        target.know_as(b"shop.example");
        let mut out = Vec::new();
        for location in [
            "https://[::1]/x",
            "https://[::1]:443/x",
            "https://u@shop.example/x",
            "https://shop.example:443/x",
        ] {
            assert_eq!(target.resolve(location.as_bytes(), b"/", &mut out), Ok(()), "{location}");
            assert_eq!(out, b"/x");
        }
        assert_eq!(target.resolve(b"http://[::1]/x", b"/", &mut out), Err(WrongLocation::Elsewhere));
    }

    proptest! {
        /// Browsers and we resolve the same references to the same.
        #[test]
        fn a_reference_leads_where_the_url_crate_says(
            from in "/([a-z~-]{0,3}/){0,4}[a-z]{0,3}(\\?[a-z=&/.]{0,4})?",
            location in "(http://h\\.example:8080|//h\\.example:8080|)(/?([a-zäö .%41<{-]{0,3}/){0,4}[a-z.]{0,3})(\\?[a-zä =&/.]{0,4})?(#[a-z/?]{0,3})?",
        ) {
            // What follows an authority is a path, a query or nothing; a path that begins with two slashes is an authority.
            let bare = location.trim().trim_start_matches("http:");
            let behind = bare.strip_prefix("//h.example:8080");
            prop_assume!(behind.is_none_or(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])));
            prop_assume!(behind.is_some() || !bare.starts_with("//"));
            prop_assume!(!from.starts_with("//"));
            let base = Url::parse(&format!("http://h.example:8080{from}")).unwrap();
            let expected = base.join(&location).unwrap();
            let expected = &expected[url::Position::BeforePath..url::Position::AfterQuery];
            prop_assert_eq!(resolved(&location, &from), Ok(expected.to_owned()), "{} from {}", location, from);
        }

        #[test]
        fn whatever_is_said_leads_to_nothing_that_could_not_be_sent(location: Vec<u8>, from in "/[a-z/.?]{0,9}") {
            let mut out = Vec::new();
            if RedirectTarget::new(false, b"h").resolve(&location, from.as_bytes(), &mut out).is_ok() {
                prop_assert!(out.starts_with(b"/") && out.len() <= LOCATION_BYTES_MAX);
                prop_assert!(out.iter().all(|byte| (33..127).contains(byte) && *byte != b'#'));
            }
        }
    }
}
