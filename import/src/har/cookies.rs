//! What is said of cookies: flows do not keep them yet.

use super::recorded::Recorded;
use super::slots::slots;
use crate::secrets::is_secret;

/// A note, where the server set cookies or the browser sent some: what is answered because of one fails without it.
pub(super) fn note(requests: &[Recorded<'_>], titles: &[String]) -> Option<String> {
    let set = requests.iter().find_map(first_set);
    let mut sending = requests.iter().zip(titles).filter(|(request, _)| sends_cookies(request)).peekable();
    let who = match set {
        Some(_) => "the server sets cookies",
        None => sending.peek().map(|_| "the browser sent cookies")?,
    };
    let alone: Vec<&str> = sending
        .filter(|(request, _)| !has_other_credential(request))
        .map(|(_, title)| title.as_str())
        .collect();
    let count = match alone.as_slice() {
        [] => String::new(),
        [one] => format!(" (1 was sent with a cookie and no other credential: {one})"),
        [first, ..] => {
            format!(
                " ({} were sent with a cookie and no other credential, the first is {first})",
                alone.len()
            )
        }
    };
    // What can be had today, where it is known what the cookie is called.
    let advice = set.map_or(String::new(), |name| {
        format!(
            "; one cookie can be taken along by hand: `extract = {{ kept = \"cookie {name}\" }}` where it is set, \
             `headers.Cookie = \"{name}={{{{kept}}}}\"` where it is sent"
        )
    });
    Some(format!(
        "{who}, and flows do not keep cookies yet: requests that are answered because of one will fail{count}{advice}"
    ))
}

/// The name of the first cookie that a response sets, if it is one that stands in a plan as it is.
fn first_set<'r>(request: &'r Recorded<'_>) -> Option<&'r str> {
    let headers = request.response.headers.iter();
    let mut values = headers.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let is_plain = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    values.find_map(|(_, value)| value.split('=').next().map(str::trim).filter(is_plain))
}

fn sends_cookies(request: &Recorded<'_>) -> bool {
    request.headers.iter().any(|header| header.name.eq_ignore_ascii_case("cookie"))
}

/// Whether a request says who asks by something else, too. What guards a form against other sites says nothing of that.
fn has_other_credential(request: &Recorded<'_>) -> bool {
    let is_guard = |word: &str| ["csrf", "xsrf"].iter().any(|part| word.to_ascii_lowercase().contains(part));
    slots(request).iter().any(|slot| is_secret(slot.place.word()) && !is_guard(slot.place.word()))
}
