//! Secrets that stand in what is imported: a plan names variables of the environment in their place.

use crate::urls::form_decoded;
use std::fmt::Write as _;

/// What a name of a secret has in it, without its case and punctuation.
const PARTS: [&str; 13] = [
    "token",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "authorization",
    "session",
    "credential",
    "cookie",
];
/// What a name of a secret is.
const NAMES: [&str; 7] = ["pass", "sid", "otp", "pin", "csrf", "xsrf", "auth"];
/// The schemes of `Authorization` that are no secret themselves.
const SCHEMES: [&str; 5] = ["bearer", "basic", "token", "apikey", "digest"];

/// Passwords that are none: they stand behind a key of an API, which is the user's name then.
const NO_PASSWORDS: [&str; 14] = [
    "-",
    "_",
    "none",
    "null",
    "unused",
    "ignored",
    "anything",
    "dummy",
    "blank",
    "x-oauth-basic",
    "api_token",
    "api-token",
    "apikey",
    "api_key",
];
/// A name of a user that is this long, and of letters and digits, is a key.
const KEY_LETTERS_MIN: usize = 20;

/// Whether the name of a user is a secret as well: a key of an API, behind which stands no password, or what looks like nothing but a key.
pub(crate) fn is_key(user: &str, password: &str) -> bool {
    let lower = password.to_ascii_lowercase();
    let is_none = lower.chars().all(|c| c == 'x') || NO_PASSWORDS.contains(&lower.as_str());
    let is_of_letters = user.chars().all(|c| c.is_ascii_alphanumeric() || "-_+/=".contains(c));
    let (digits, letters) = (|c: char| c.is_ascii_digit(), |c: char| c.is_ascii_alphabetic());
    let looks_like_key =
        user.len() >= KEY_LETTERS_MIN && is_of_letters && user.contains(digits) && user.contains(letters);
    is_none || looks_like_key
}

/// The secrets of one import.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// Whether they are written as they are.
    is_kept: bool,
    /// The variables, each with what it stands for and where that was.
    variables: Vec<SecretVariable>,
}

#[derive(Debug)]
struct SecretVariable {
    name: String,
    value: String,
    place: String,
}

/// Whether what is called so is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric().then(|| c.to_ascii_lowercase());
    let plain: String = name.chars().filter_map(letters).collect();
    PARTS.iter().any(|part| plain.contains(part)) || NAMES.contains(&plain.as_str())
}

impl Secrets {
    pub(crate) fn new(is_kept: bool) -> Secrets {
        Secrets { is_kept, variables: Vec::new() }
    }

    /// What a plan has in the place of a value: the value, if its name is none of a secret. A scheme before it stays.
    pub(crate) fn hidden(&mut self, name: &str, value: &str, place: &str) -> String {
        if self.is_kept || value.is_empty() || value.contains("{{") || !is_secret(name) {
            return value.to_owned();
        }
        match value.split_once(' ') {
            Some((scheme, rest)) if SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) => {
                format!("{scheme} {{{{env {}}}}}", self.variable(name, rest.trim(), place))
            }
            _ => format!("{{{{env {}}}}}", self.variable(name, value, place)),
        }
    }

    /// The same of the values of a query or a form, each as it stands there, escaped.
    pub(crate) fn hidden_fields(&mut self, fields: &str, place: &str) -> String {
        let mut hidden = |field: &str| match field.split_once('=') {
            Some((name, value))
                if !self.is_kept && !value.is_empty() && !value.contains("{{") && is_secret(name) =>
            {
                let variable = self.variable(name, &form_decoded(value), place);
                format!("{name}={{{{env {variable} | url}}}}")
            }
            _ => field.to_owned(),
        };
        fields.split('&').map(&mut hidden).collect::<Vec<_>>().join("&")
    }

    /// The variable of a value: the same for the same value.
    pub(crate) fn variable(&mut self, name: &str, value: &str, place: &str) -> String {
        if let Some(known) = self.variables.iter().find(|known| known.value == value) {
            return known.name.clone();
        }
        let letters = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let plain: String = name.chars().map(letters).collect();
        let base = match plain.trim_matches('_') {
            "" => "SECRET".to_owned(),
            digits if digits.starts_with(|c: char| c.is_ascii_digit()) => format!("SECRET_{digits}"),
            plain => plain.to_owned(),
        };
        let is_free = |name: &String| self.variables.iter().all(|known| known.name != *name);
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(is_free).unwrap_or(base);
        let (value, place) = (value.to_owned(), place.to_owned());
        self.variables.push(SecretVariable { name: name.clone(), value, place });
        name
    }

    /// What has to be given before the plan runs.
    pub(crate) fn note(&self) -> Option<String> {
        let mut text = String::new();
        for SecretVariable { name, place, .. } in &self.variables {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{name} ({place})");
        }
        (!text.is_empty()).then(|| {
            format!(
                "secrets are not in the plan; set these variables before a run: {text}; --keep-secrets writes them as they are"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_becomes_a_variable_and_the_same_one_the_same() {
        let mut secrets = Secrets::new(false);
        let hidden = secrets.hidden("Authorization", "Bearer abc", "GET /a");
        assert_eq!(hidden, "Bearer {{env AUTHORIZATION}}");
        assert_eq!(secrets.hidden("X-Api-Key", "abc", "GET /b"), "{{env AUTHORIZATION}}");
        assert_eq!(secrets.hidden("authorization", "other", "GET /c"), "{{env AUTHORIZATION_2}}");
        assert_eq!(secrets.hidden("accept", "abc", "GET /d"), "abc");
        assert_eq!(secrets.hidden("token", "{{token}}", "GET /e"), "{{token}}");
        let note = secrets.note().unwrap();
        assert!(note.contains("AUTHORIZATION (GET /a), AUTHORIZATION_2 (GET /c)"), "{note}");
        assert!(!note.contains("abc") && !note.contains("other"), "{note}");
    }

    #[test]
    fn secrets_of_a_query_are_escaped_again() {
        let mut secrets = Secrets::new(false);
        assert_eq!(secrets.hidden_fields("a=1&token=x%20y&b", "x"), "a=1&token={{env TOKEN | url}}&b");
        assert_eq!(secrets.hidden("token", "x y", "x"), "{{env TOKEN}}");
        assert_eq!(Secrets::new(true).hidden_fields("token=x", "x"), "token=x");
    }

    #[test]
    fn a_key_of_an_api_is_known_by_what_stands_behind_it_or_by_its_look() {
        for (user, password, is_secret) in [
            ("key", "x", true),
            ("key", "X", true),
            ("key", "", true),
            ("key", "x-oauth-basic", true),
            ("key", "api_token", true),
            ("sk_live_4eC39HqLyjWDarjtT1zdP7dc", "whatever it is", true),
            ("me", "hunter2", false),
            ("me", "xyz", false),
            ("somebody-with-a-very-long-name", "hunter2", false),
            ("ann.of.the.second.shift.2024@example.org", "hunter2", false),
        ] {
            assert_eq!(is_key(user, password), is_secret, "{user}:{password}");
        }
    }

    #[test]
    fn secrets_that_are_kept_stay_as_they_are() {
        let mut secrets = Secrets::new(true);
        assert_eq!(secrets.hidden("password", "p", "x"), "p");
        assert_eq!(secrets.note(), None);
    }
}
