//! Redirects that the browser followed: a request, and those to which its responses led, become one that follows as many.

use super::recorded::{EXACTNESS_MS, Recorded};
use crate::planned::REDIRECTS_MAX;
use crate::urls::{self, SplitUrl};

/// The requests with their redirects in them.
pub(super) fn collapsed(requests: Vec<Recorded<'_>>) -> Vec<Recorded<'_>> {
    let mut all: Vec<Option<Recorded<'_>>> = requests.into_iter().map(Some).collect();
    let mut kept = Vec::new();
    for at in 0..all.len() {
        let Some(mut request) = all[at].take() else { continue };
        let mut hop = Hop::of(&request);
        while let Some(next) =
            following(&request, &hop, &all[at + 1..]).filter(|_| request.redirects < REDIRECTS_MAX)
        {
            let next = all[at + 1 + next].take().expect("one that was found is there");
            hop = Hop::of(&next);
            request = led(request, next);
        }
        kept.push(request);
    }
    kept
}

/// The request that was sent last.
struct Hop {
    method: String,
    url: SplitUrl,
    has_body: bool,
}

impl Hop {
    fn of(request: &Recorded<'_>) -> Hop {
        Hop { method: request.method.clone(), url: request.url.clone(), has_body: request.body.is_some() }
    }
}

/// Which of the requests behind it a response led to, if the browser asked for nothing else when it had come.
fn following(request: &Recorded<'_>, hop: &Hop, behind: &[Option<Recorded<'_>>]) -> Option<usize> {
    let location = request.response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
    // A plan follows redirects on one server: what leads to another port or scheme stays a request of its own.
    let led_to = resolved(&hop.url, &location.1).filter(|led_to| led_to.base == hop.url.base)?;
    // As RFC 9110 has it in section 15.4, and browsers do.
    let is_asking = match request.status {
        303 => hop.method != "HEAD",
        301 | 302 => hop.method == "POST",
        307 | 308 => false,
        _ => return None,
    };
    let method = if is_asking { "GET" } else { &hop.method };
    // What was under way beside it began before it had ended.
    let begins_then = |other: &&Recorded<'_>| other.starts_ms + EXACTNESS_MS >= request.ends_ms;
    let (index, next) = behind
        .iter()
        .enumerate()
        .filter_map(|(index, other)| Some((index, other.as_ref()?)))
        .find(|(_, other)| begins_then(other))?;
    let has_body = !is_asking && hop.has_body;
    let is_it = next.method == method
        && next.body.is_some() == has_body
        && (&next.url.base, &next.url.path) == (&led_to.base, &led_to.path);
    is_it.then_some(index)
}

/// A request with where it led: what is sent is its own, and what came is the last response. Cookies are set on the way as well.
fn led<'a>(mut request: Recorded<'a>, next: Recorded<'a>) -> Recorded<'a> {
    let is_cookie = |(name, _): &(String, String)| name.eq_ignore_ascii_case("set-cookie");
    let mut response = next.response;
    response.headers.extend(request.response.headers.into_iter().filter(is_cookie));
    request.response = response;
    request.status = next.status;
    request.ends_ms = next.ends_ms;
    request.redirects += 1;
    request
}

/// Where a `Location` leads from a URL (RFC 3986, section 5.2), if to HTTP.
fn resolved(from: &SplitUrl, location: &str) -> Option<SplitUrl> {
    let location = location.trim();
    if location.contains("://") && !location.starts_with(['/', '?', '#', '.']) {
        return urls::split(location);
    }
    let (scheme, _) = from.base.split_once("://")?;
    if location.starts_with("//") {
        return urls::split(&format!("{scheme}:{location}"));
    }
    let path = from.path.split('?').next().unwrap_or("/");
    let whole = match location.chars().next() {
        None | Some('#') => from.path.clone(),
        Some('/') => location.to_owned(),
        Some('?') => format!("{path}{location}"),
        Some(_) => format!("{}{location}", &path[..path.rfind('/').map_or(0, |slash| slash + 1)]),
    };
    urls::split(&format!("{}{}", from.base, without_dots(&whole)))
}

/// A path without the segments `.` and `..`.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    let mut segments: Vec<&str> = Vec::new();
    let mut all = path.split('/').skip(1).peekable();
    while let Some(segment) = all.next() {
        let is_last = all.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            segment => segments.push(segment),
        }
    }
    format!("/{}{query}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_leads_from_where_its_request_went() {
        let from = urls::split("http://h:81/a/b/c?d=1").unwrap();
        for (location, to) in [
            ("http://h:81/x#y", "http://h:81/x"),
            ("//other/x", "http://other/x"),
            ("/x?q=http://y", "http://h:81/x?q=http://y"),
            ("x", "http://h:81/a/b/x"),
            ("../x?y=../z", "http://h:81/a/x?y=../z"),
            ("../../../x/.", "http://h:81/x/"),
            ("..", "http://h:81/a/"),
            ("?e=2", "http://h:81/a/b/c?e=2"),
            ("#top", "http://h:81/a/b/c?d=1"),
        ] {
            let led = resolved(&from, location).unwrap_or_else(|| panic!("{location}"));
            assert_eq!(format!("{}{}", led.base, led.path), to, "{location}");
        }
        assert_eq!(resolved(&from, "ftp://h/x"), None);
    }
}
