//! Cookies of a recording: whether sessions are to keep some, and what is said of those that come from before it.

use super::recorded::Recorded;
use super::slots::slots;
use crate::secrets::is_secret;
use std::collections::BTreeSet;

/// Whether a response sets cookies, which sessions then keep and send as the browser did.
pub(super) fn are_kept(requests: &[Recorded<'_>]) -> bool {
    requests.iter().any(|request| set(request).next().is_some())
}

/// A note, where the browser sent cookies that no response before had set: they come from before the recording, and no session has them.
pub(super) fn note(requests: &[Recorded<'_>], titles: &[String]) -> Option<String> {
    let (mut known, mut unknown, mut alone) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (request, title) in requests.iter().zip(titles) {
        let foreign: Vec<&str> = sent(request).filter(|name| !known.contains(name)).collect();
        if !foreign.is_empty() && !has_other_credential(request) {
            alone.push(title.as_str());
        }
        unknown.extend(foreign);
        known.extend(set(request));
    }
    if unknown.is_empty() {
        return None;
    }
    let count = match alone.as_slice() {
        [] => String::new(),
        [one] => format!(" (1 was sent with one and no other credential: {one})"),
        [first, ..] => {
            format!(" ({} were sent with one and no other credential, the first is {first})", alone.len())
        }
    };
    let names: Vec<&str> = unknown.into_iter().collect();
    Some(format!(
        "the browser sent cookies that no response of the recording sets ({}): requests that are answered because of one will \
         fail{count}; record from the login on",
        names.join(", ")
    ))
}

/// The names of the cookies that a response sets.
fn set<'r>(request: &'r Recorded<'_>) -> impl Iterator<Item = &'r str> {
    let headers = request.response.headers.iter();
    let values = headers.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    // Some recorders write several fields of one name as lines of one.
    values.flat_map(|(_, value)| value.split('\n')).map(name_of).filter(|name| !name.is_empty())
}

/// The names of the cookies that a request was sent with.
fn sent<'r>(request: &'r Recorded<'_>) -> impl Iterator<Item = &'r str> {
    let headers = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("cookie"));
    headers.flat_map(|header| header.value.split(';')).map(name_of).filter(|name| !name.is_empty())
}

/// The name of a cookie. One without a name is all value, and values are secrets.
fn name_of(cookie: &str) -> &str {
    cookie.split_once('=').map_or("", |(name, _)| name.trim())
}

/// Whether a request says who asks by something else, too. What guards a form against other sites says nothing of that.
fn has_other_credential(request: &Recorded<'_>) -> bool {
    let is_guard = |word: &str| ["csrf", "xsrf"].iter().any(|part| word.to_ascii_lowercase().contains(part));
    slots(request).iter().any(|slot| is_secret(slot.place.word()) && !is_guard(slot.place.word()))
}
