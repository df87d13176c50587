//! The beginning of what came from a target, for people: in one line, without secrets, and short.

use crate::flow::SetupValues;
use crate::redact;

/// The most bytes that are shown.
pub(crate) const EXCERPT_BYTES_MAX: usize = 200;
/// As many are looked at, so that a secret is known by its name, or as a value of the setup, even if it goes on behind what is shown.
const READ_BYTES_MAX: usize = 8 << 10;
/// What stands where something was left out.
const CUT: char = '…';

/// What is shown of some bytes, in which none of these values stands. What is no text, and what would steer a terminal, is escaped.
pub(crate) fn excerpt(bytes: &[u8], secrets: &SetupValues) -> String {
    let read = &bytes[..bytes.len().min(READ_BYTES_MAX)];
    let text = redact::text(&secrets.hidden_in(&String::from_utf8_lossy(read)));
    let mut shown = String::new();
    for character in text.chars() {
        let before = shown.len();
        match character.is_control() {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
        if shown.len() > EXCERPT_BYTES_MAX {
            shown.truncate(before);
            shown.push(CUT);
            return shown;
        }
    }
    if read.len() < bytes.len() {
        shown.push(CUT);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn excerpt_of(bytes: &[u8]) -> String {
        excerpt(bytes, &SetupValues::default())
    }

    #[test]
    fn a_value_of_the_setup_is_hidden_whatever_it_is_called() {
        let secrets = SetupValues::new([("ticket".to_owned(), Some(b"4711-abc".to_vec()))]);
        assert_eq!(excerpt(b"ticket 4711-abc has expired", &secrets), "ticket redacted has expired");
    }

    #[test]
    fn what_is_short_is_shown_as_it_is_but_for_secrets_and_lines() {
        assert_eq!(excerpt_of(br#"{"error":"no such user"}"#), r#"{"error":"no such user"}"#);
        assert_eq!(excerpt_of(b"one\r\ntwo\x1b[2J"), r"one\r\ntwo\u{1b}[2J");
        let shown = excerpt_of(br#"{"token":"4711-0815","id":5}"#);
        assert!(
            !shown.contains("4711") && shown.contains("redacted") && shown.contains("\"id\":5"),
            "{shown}"
        );
    }

    #[test]
    fn a_secret_that_is_cut_off_is_none_that_is_shown() {
        let body = format!("{{\"a\":\"{}\",\"token\":\"{}\"}}", "x".repeat(150), "s3cret".repeat(2_000));
        let shown = excerpt_of(body.as_bytes());
        assert!(!shown.contains("s3cret") && shown.ends_with('…'), "{shown}");
    }

    proptest! {
        #[test]
        fn it_is_one_short_line_whatever_came(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            let shown = excerpt_of(&bytes);
            prop_assert!(shown.len() <= EXCERPT_BYTES_MAX + CUT.len_utf8());
            prop_assert!(!shown.contains(char::is_control));
        }
    }
}
