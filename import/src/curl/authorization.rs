//! Who asks, as a command says it: `bearer` or `basic` of a plan, where these say all of it.

use crate::planned::PlannedCredentials;
use crate::secrets::{Secrets, is_key};
use crate::shell::{self, VARIABLE_CLOSE, VARIABLE_OPEN, with_variables};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const AUTHORIZATION: &str = "authorization";
const BEARER: &str = "bearer";

/// Takes the one header of that name out of the headers, or the user of `-u` where there is none. What a plan has no key for stays a header.
pub(super) fn taken(
    headers: &mut Vec<(String, String)>,
    user: Option<&str>,
    place: &str,
    secrets: &mut Secrets,
    notes: &mut Vec<String>,
) -> Option<PlannedCredentials> {
    let is_meant = |(name, _): &(String, String)| name.eq_ignore_ascii_case(AUTHORIZATION);
    let mut found = (0..headers.len()).filter(|&at| is_meant(&headers[at]));
    match (found.next(), found.next()) {
        (None, _) => {
            let user = user?;
            let is_of_shell = user.contains(VARIABLE_OPEN);
            if is_of_shell && (!user.contains(':') || !can_be_typed(user)) {
                headers.push(("Authorization".into(), of_shell(user, place, secrets, notes)));
                return None;
            }
            let whole = if user.contains(':') {
                user.to_owned()
            } else {
                notes.push(format!(
                    "{place}: its user has no password, which curl asks for: the plan has an empty one"
                ));
                format!("{user}:")
            };
            let taken = basic(&whole, place, secrets);
            if taken.is_none() {
                headers.push(("Authorization".into(), format!("Basic {}", STANDARD.encode(&whole))));
            }
            taken
        }
        (Some(at), None) => {
            let taken = of_header(&headers[at].1, place, secrets)?;
            headers.remove(at);
            Some(taken)
        }
        // Which of several counts is the server's to say.
        (Some(_), Some(_)) => None,
    }
}

/// The header of a user in which variables of the shell may bring the colon: known only when the plan runs.
fn of_shell(user: &str, place: &str, secrets: &mut Secrets, notes: &mut Vec<String>) -> String {
    let alone = user.strip_prefix(VARIABLE_OPEN).and_then(|user| user.strip_suffix(VARIABLE_CLOSE));
    if let Some(name) = alone.filter(|name| !name.contains([VARIABLE_OPEN, VARIABLE_CLOSE])) {
        notes.push(format!(
            "{place}: {} is sent in base64 as it is: it has to hold a name, a colon and a password",
            shell::shown(user)
        ));
        return format!("Basic {VARIABLE_OPEN}{name} | base64{VARIABLE_CLOSE}");
    }
    let variable = secrets.variable("authorization", user, place);
    notes.push(format!(
        "{place}: its user is put together of variables of the shell: set {variable} to it in base64"
    ));
    format!("Basic {VARIABLE_OPEN}{variable}{VARIABLE_CLOSE}")
}

fn of_header(value: &str, place: &str, secrets: &mut Secrets) -> Option<PlannedCredentials> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    match scheme.to_ascii_lowercase().as_str() {
        BEARER => bearer(rest, place, secrets),
        "basic" => {
            let user = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
            // What is decoded has no variables of the shell.
            let is_plain = user.contains(':') && !user.contains(VARIABLE_OPEN);
            is_plain.then(|| basic(&user, place, secrets))?
        }
        _ => None,
    }
}

fn bearer(token: &str, place: &str, secrets: &mut Secrets) -> Option<PlannedCredentials> {
    let is_again = token.get(..BEARER.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEARER));
    if token.is_empty() || is_again || !can_be_typed(token) {
        return None;
    }
    Some(PlannedCredentials::Bearer(hidden("bearer_token", token, place, secrets)))
}

/// `NAME:PASSWORD`. Where there is no password, or what stands there is none, the name is a key of an API, or may be one.
fn basic(user: &str, place: &str, secrets: &mut Secrets) -> Option<PlannedCredentials> {
    if !can_be_typed(user) {
        return None;
    }
    let (name, password) = user.split_once(':')?;
    let user = match is_key(name, password) {
        true => hidden("api_key", name, place, secrets),
        false => with_variables(name),
    };
    let password = hidden("password", password, place, secrets);
    Some(PlannedCredentials::Basic { user, password })
}

fn can_be_typed(text: &str) -> bool {
    !text.contains("{{") && !text.contains(char::is_control)
}

fn hidden(name: &str, value: &str, place: &str, secrets: &mut Secrets) -> String {
    match value.contains(VARIABLE_OPEN) {
        true => with_variables(value),
        false => secrets.hidden(name, value, place),
    }
}
