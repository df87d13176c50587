//! What ends a response on a stream of bytes, as a plan says it: `delimiter:\n`, `length:be32`, `bytes:512`, `close` or `none`.

use crate::config::closest;
use crate::quantity::parse_bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What ends a response on a stream of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MessageEnd {
    /// These bytes, which belong to it.
    Delimiter(Vec<u8>),
    /// Its length, which stands before it.
    Length(LengthPrefix),
    /// It has so many bytes.
    Bytes(u64),
    /// It is all that comes until the target closes the connection.
    Close,
    /// There is none: a message is over once it is sent.
    None,
}

/// A number before a message: how many bytes follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthPrefix {
    /// Two bytes, the first of which counts most.
    Be16,
    /// Four of them.
    Be32,
    /// Two bytes, the last of which counts most.
    Le16,
    /// Four of them.
    Le32,
}

/// Why a text does not say what ends a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEnd {
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead, where that is clear.
    pub instead: Option<String>,
}

/// What there is to write.
pub(super) const ENDS_FIX: &str = "there are `delimiter:\\n`, `length:be32`, `bytes:512`, `close` and `none`";

const PREFIXES: [(&str, LengthPrefix); 4] = [
    ("be16", LengthPrefix::Be16),
    ("be32", LengthPrefix::Be32),
    ("le16", LengthPrefix::Le16),
    ("le32", LengthPrefix::Le32),
];

impl fmt::Display for UnknownEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {ENDS_FIX}", self.problem)
    }
}

impl UnknownEnd {
    fn new(problem: impl Into<String>) -> UnknownEnd {
        UnknownEnd { problem: problem.into(), instead: None }
    }

    fn instead(self, text: impl Into<String>) -> UnknownEnd {
        UnknownEnd { instead: Some(text.into()), ..self }
    }
}

impl LengthPrefix {
    /// How many bytes it has.
    pub const fn bytes(self) -> usize {
        match self {
            LengthPrefix::Be16 | LengthPrefix::Le16 => 2,
            LengthPrefix::Be32 | LengthPrefix::Le32 => 4,
        }
    }

    /// Whether its first byte counts most.
    pub const fn is_big_endian(self) -> bool {
        matches!(self, LengthPrefix::Be16 | LengthPrefix::Be32)
    }

    /// The prefix of a message of so many bytes.
    pub(super) fn of(self, length: u32) -> Vec<u8> {
        let bytes = length.to_be_bytes();
        let mut bytes = bytes[bytes.len() - self.bytes()..].to_vec();
        if !self.is_big_endian() {
            bytes.reverse();
        }
        bytes
    }

    fn name(self) -> &'static str {
        PREFIXES.iter().find(|(_, prefix)| *prefix == self).map_or("", |(name, _)| name)
    }
}

impl MessageEnd {
    /// Reads what is typed.
    pub fn parse(text: &str) -> Result<MessageEnd, UnknownEnd> {
        // Blanks at the end may be those of a delimiter.
        let text = text.trim_start();
        if let Some(delimiter) = text.strip_prefix("delimiter:") {
            return unescape(delimiter).map(MessageEnd::Delimiter);
        }
        let text = text.trim_end();
        match text.split_once(':') {
            Some(("length", prefix)) => length(prefix),
            Some(("bytes", bytes)) => match parse_bytes(bytes) {
                Ok(bytes) => Ok(MessageEnd::Bytes(bytes)),
                Err(problem) => Err(UnknownEnd::new(problem).instead("bytes:512")),
            },
            _ => match text {
                "close" => Ok(MessageEnd::Close),
                "none" => Ok(MessageEnd::None),
                other => Err(unknown(other)),
            },
        }
    }
}

impl fmt::Display for MessageEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageEnd::Delimiter(delimiter) => write!(formatter, "delimiter:{}", escape(delimiter)),
            MessageEnd::Length(prefix) => write!(formatter, "length:{}", prefix.name()),
            MessageEnd::Bytes(bytes) => write!(formatter, "bytes:{bytes}"),
            MessageEnd::Close => formatter.write_str("close"),
            MessageEnd::None => formatter.write_str("none"),
        }
    }
}

impl TryFrom<String> for MessageEnd {
    type Error = UnknownEnd;

    fn try_from(text: String) -> Result<MessageEnd, UnknownEnd> {
        MessageEnd::parse(&text)
    }
}

impl From<MessageEnd> for String {
    fn from(end: MessageEnd) -> String {
        end.to_string()
    }
}

fn length(prefix: &str) -> Result<MessageEnd, UnknownEnd> {
    if let Some((_, prefix)) = PREFIXES.iter().find(|(name, _)| *name == prefix) {
        return Ok(MessageEnd::Length(*prefix));
    }
    let meant = match prefix.to_ascii_lowercase().as_str() {
        "u16" | "16" | "2" | "u16be" | "be2" => "be16",
        "u16le" | "le2" => "le16",
        "u32le" | "le4" => "le32",
        _ => "be32",
    };
    let problem = format!("`{prefix}` is not a form of lengths: there are `be16`, `be32`, `le16` and `le32`");
    Err(UnknownEnd::new(problem).instead(format!("length:{meant}")))
}

/// What was meant by a text that says nothing.
fn unknown(text: &str) -> UnknownEnd {
    let meant = match text.to_ascii_lowercase().as_str() {
        "" | "\\n" | "\n" | "lf" | "newline" | "line" | "lines" | "delimiter" | "eol" => {
            Some("delimiter:\\n".to_owned())
        }
        "\\r\\n" | "\r\n" | "crlf" => Some("delimiter:\\r\\n".to_owned()),
        "\\0" | "\0" | "nul" | "null" => Some("delimiter:\\0".to_owned()),
        "eof" | "end" | "closed" | "fin" => Some("close".to_owned()),
        "no" | "off" | "false" | "one-way" | "oneway" | "never" | "nothing" => Some("none".to_owned()),
        "length" | "prefix" => Some("length:be32".to_owned()),
        "bytes" | "fixed" => Some("bytes:512".to_owned()),
        name if PREFIXES.iter().any(|(known, _)| *known == name) => Some(format!("length:{name}")),
        number if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(format!("bytes:{number}"))
        }
        other => closest(other, &["close", "none"]).map(str::to_owned),
    };
    let problem = UnknownEnd::new(format!("`{}` does not say what ends a response", escape(text.as_bytes())));
    match meant {
        Some(meant) => problem.instead(meant),
        None => problem,
    }
}

/// Bytes as they are typed: `\n`, `\r`, `\t`, `\0`, `\\` and `\x1F` stand for one byte each, all else for itself.
fn unescape(text: &str) -> Result<Vec<u8>, UnknownEnd> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let (byte, length) = match escape.bytes().next() {
            Some(b'n') => (b'\n', 1),
            Some(b'r') => (b'\r', 1),
            Some(b't') => (b'\t', 1),
            Some(b'0') => (0, 1),
            Some(b'\\') => (b'\\', 1),
            Some(b'x') => {
                let digits =
                    escape.get(1..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                (byte.ok_or_else(|| UnknownEnd::new("`\\x` stands before two hexadecimal digits"))?, 3)
            }
            _ => {
                let shown: String = escape.chars().take(1).collect();
                let problem = format!(
                    "`\\{shown}` stands for no byte; there are `\\n`, `\\r`, `\\t`, `\\0`, `\\xNN` and `\\\\`"
                );
                return Err(UnknownEnd::new(problem));
            }
        };
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Bytes as they can be typed.
pub(super) fn escape(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        0 => "\\0".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(*byte).to_string(),
        byte => format!("\\x{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> MessageEnd {
        MessageEnd::parse(text).unwrap()
    }

    #[test]
    fn every_way_in_which_a_response_ends_is_read() {
        for (text, end) in [
            ("delimiter:\\n", MessageEnd::Delimiter(b"\n".to_vec())),
            ("delimiter:\n", MessageEnd::Delimiter(b"\n".to_vec())),
            ("delimiter:\\r\\n", MessageEnd::Delimiter(b"\r\n".to_vec())),
            ("delimiter:\\0\\t\\\\n\\x1F\\xff", MessageEnd::Delimiter(b"\0\t\\n\x1f\xff".to_vec())),
            ("delimiter:END ", MessageEnd::Delimiter(b"END ".to_vec())),
            ("delimiter:", MessageEnd::Delimiter(Vec::new())),
            ("length:be16", MessageEnd::Length(LengthPrefix::Be16)),
            ("length:be32", MessageEnd::Length(LengthPrefix::Be32)),
            ("length:le16", MessageEnd::Length(LengthPrefix::Le16)),
            ("length:le32", MessageEnd::Length(LengthPrefix::Le32)),
            ("bytes:512", MessageEnd::Bytes(512)),
            ("bytes:4KiB", MessageEnd::Bytes(4_096)),
            (" close ", MessageEnd::Close),
            ("none", MessageEnd::None),
        ] {
            assert_eq!(parsed(text), end, "{text}");
        }
    }

    #[test]
    fn what_says_nothing_is_told_with_what_was_meant() {
        for (text, instead) in [
            ("\\n", "delimiter:\\n"),
            ("crlf", "delimiter:\\r\\n"),
            ("512", "bytes:512"),
            ("be32", "length:be32"),
            ("length:u16", "length:be16"),
            ("length:be64", "length:be32"),
            ("eof", "close"),
            ("clse", "close"),
            ("one-way", "none"),
            ("bytes:many", "bytes:512"),
        ] {
            let wrong = MessageEnd::parse(text).unwrap_err();
            assert_eq!(wrong.instead.as_deref(), Some(instead), "{text}: {wrong}");
            assert!(MessageEnd::parse(instead).is_ok());
        }
        for (text, words) in [
            ("delimiter:\\q", "`\\q` stands for no byte"),
            ("delimiter:\\", "`\\` stands for no byte"),
            ("delimiter:\\x1", "two hexadecimal digits"),
            ("delimiter:\\x+1", "two hexadecimal digits"),
            ("delimiter:\\xé1", "two hexadecimal digits"),
            ("regex:.*", "`regex:.*` does not say what ends a response"),
        ] {
            let wrong = MessageEnd::parse(text).unwrap_err();
            assert!(wrong.problem.contains(words) && wrong.instead.is_none(), "{text}: {wrong}");
        }
    }

    #[test]
    fn a_prefix_has_as_many_bytes_as_its_name_says_in_its_order() {
        assert_eq!(LengthPrefix::Be16.of(0x102), [1, 2]);
        assert_eq!(LengthPrefix::Le16.of(0x102), [2, 1]);
        assert_eq!(LengthPrefix::Be32.of(0x102), [0, 0, 1, 2]);
        assert_eq!(LengthPrefix::Le32.of(0x102), [2, 1, 0, 0]);
    }

    proptest! {
        #[test]
        fn any_delimiter_is_read_as_it_is_written(delimiter in proptest::collection::vec(any::<u8>(), 0..40)) {
            let end = MessageEnd::Delimiter(delimiter);
            let json = serde_json::to_string(&end).unwrap();
            prop_assert_eq!(serde_json::from_str::<MessageEnd>(&json).unwrap(), end);
        }
    }
}
