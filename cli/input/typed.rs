//! Values as they are typed on the command line: targets, times, counts, credentials.
//!
//! What a plan would read anyway is left to the plan's reader, which has one set of rules for flags, variables and files. Here is what
//! is of the command line alone.

use crate::input::target_word;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command};
use engine::quantity::parse_count;
use std::convert::Infallible;
use std::ffi::OsStr;
use std::fmt;

/// Why a word cannot be what it stands for, in words.
#[derive(Clone, Debug)]
pub(crate) struct WrongWord(pub(crate) String);

impl fmt::Display for WrongWord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for WrongWord {}

/// A text of which some values are known: completion offers them, and whoever reads it says what else there is.
#[derive(Clone)]
pub(crate) struct Suggested {
    words: &'static [&'static str],
    read: fn(String) -> String,
}

impl Suggested {
    /// A text that is taken as it is.
    pub(crate) fn words(words: &'static [&'static str]) -> Suggested {
        Suggested { words, read: |text| text }
    }

    /// A time, or one of the words: a bare number is of seconds.
    pub(crate) fn time_or(words: &'static [&'static str]) -> Suggested {
        let read = |text: String| {
            let Ok(read) = time(&text);
            read
        };
        Suggested { words, read }
    }
}

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value).map(self.read)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.words.iter().map(PossibleValue::new)))
    }
}

/// A target that is looked up or opened only if it can be one.
pub(crate) fn target(word: &str) -> Result<String, WrongWord> {
    match target_word::problem(word) {
        Some(problem) => Err(WrongWord(problem)),
        None => Ok(word.to_owned()),
    }
}

/// A time. A bare number is of seconds, as in wrk, k6 and autocannon; a plan file, which others read, has to name the unit.
pub(crate) fn time(text: &str) -> Result<String, Infallible> {
    let is_number = text.contains(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_');
    Ok(if is_number { format!("{text}s") } else { text.to_owned() })
}

/// A whole number, `1k` included.
pub(crate) fn count(text: &str) -> Result<u32, WrongWord> {
    let count = parse_count(text).map_err(|cause| WrongWord(cause.to_string()))?;
    u32::try_from(count).map_err(|_| WrongWord(format!("`{text}` is more than {}", u32::MAX)))
}

/// The header that a name and a password are sent in.
pub(crate) fn user(text: &str) -> Result<String, WrongWord> {
    match text.split_once(':') {
        // The value is not repeated: it may be a password.
        None => Err(WrongWord("write `--user NAME:PASSWORD`".into())),
        Some(_) => Ok(format!("Authorization: Basic {}", STANDARD.encode(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_of_seconds_and_all_else_as_it_was() {
        for (typed, read) in
            [("30", "30s"), ("0.5", "0.5s"), ("30s", "30s"), ("-5s", "-5s"), (".", "."), ("x", "x")]
        {
            assert_eq!(time(typed).unwrap(), read);
        }
    }

    #[test]
    fn counts_may_have_a_magnitude() {
        assert_eq!((count("64").unwrap(), count("1k").unwrap()), (64, 1_000));
        assert!(count("ten").is_err() && count("5G").is_err());
    }

    #[test]
    fn credentials_become_a_header() {
        // RFC 7617, section 2.
        let header = user("Aladdin:open sesame").unwrap();
        assert_eq!(header, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!user("s3cret").unwrap_err().0.contains("s3cret"));
    }
}
