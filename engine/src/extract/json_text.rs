//! A place in a JSON text (RFC 8259) that moves on from member to member, and what a string of JSON stands for.

use super::json_skip::{NotJson, next, string_end, value_end};
use std::ops::Range;

/// Half of a surrogate pair: an escape that stands for no character.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LoneSurrogate;

/// A place in a JSON text.
pub(super) struct JsonScanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> JsonScanner<'a> {
    /// At the beginning of a text.
    pub(super) fn new(text: &'a str) -> JsonScanner<'a> {
        JsonScanner { text: text.as_bytes(), at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn bytes(&self, range: Range<usize>) -> &'a [u8] {
        &self.text[range]
    }

    /// The next byte that is no blank, which is not passed over.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let (at, byte) = next(self.text, self.at).ok()?;
        self.at = at;
        Some(byte)
    }

    /// Passes over a byte if it comes next but for blanks; whether it did.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over the comma before another element or member, or over the end of its array or object; whether there is
    /// another.
    #[inline]
    pub(super) fn take_next_or(&mut self, close: u8) -> Result<bool, NotJson> {
        let (at, byte) = next(self.text, self.at)?;
        self.at = at + 1;
        if byte != b',' && byte != close { Err(NotJson) } else { Ok(byte == b',') }
    }

    /// Passes over a member's name and its colon; where the name is, without its quotation marks, and whether it has
    /// escapes.
    #[inline]
    pub(super) fn name(&mut self) -> Result<(Range<usize>, bool), NotJson> {
        if !self.take(b'"') {
            return Err(NotJson);
        }
        let start = self.at;
        let (behind, has_escapes) = string_end(self.text, start)?;
        self.at = behind;
        if self.take(b':') { Ok((start..behind - 1, has_escapes)) } else { Err(NotJson) }
    }

    /// Passes over a value, whatever is in it. `outer` is memory for what has to be closed.
    #[inline]
    pub(super) fn skip_value(&mut self, outer: &mut Vec<u64>) -> Result<(), NotJson> {
        self.at = value_end(self.text, self.at, outer)?;
        Ok(())
    }
}

/// Appends what a string of JSON stands for. It was passed over before, so its escapes are right but for surrogates.
pub(super) fn unescape(mut string: &[u8], into: &mut Vec<u8>) -> Result<(), LoneSurrogate> {
    while let Some(length) = memchr::memchr(b'\\', string) {
        into.extend_from_slice(&string[..length]);
        let letter = string[length + 1];
        string = &string[length + 2..];
        match letter {
            b'b' => into.push(0x08),
            b'f' => into.push(0x0c),
            b'n' => into.push(b'\n'),
            b'r' => into.push(b'\r'),
            b't' => into.push(b'\t'),
            b'u' => {
                let (character, rest) = unicode_escape(string).ok_or(LoneSurrogate)?;
                into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                string = rest;
            }
            other => into.push(other),
        }
    }
    into.extend_from_slice(string);
    Ok(())
}

/// The character of the escape whose digits a text begins with, and the text behind it.
fn unicode_escape(text: &[u8]) -> Option<(char, &[u8])> {
    let (first, rest) = (hexadecimal(text)?, &text[4..]);
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, rest));
    }
    let second = hexadecimal(rest.strip_prefix(b"\\u")?)?;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low)?, &rest[6..]))
}

fn hexadecimal(text: &[u8]) -> Option<u32> {
    let digits = text.get(..4)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Parts of strings, of which most sequences are strings.
    const PARTS: [&str; 11] =
        ["a", "é", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u0000", "\\ud83d", "\\ude00", "\\b\\f\\r\\t"];

    proptest! {
        #[test]
        fn strings_stand_for_what_they_stand_for_to_serde_json(
            pieces in proptest::collection::vec(proptest::sample::select(&PARTS[..]), 0..8),
        ) {
            let inner = pieces.concat();
            let mut ours = Vec::new();
            let ours = unescape(inner.as_bytes(), &mut ours).ok().map(|()| String::from_utf8(ours).unwrap());
            let theirs = serde_json::from_str::<String>(&format!("\"{inner}\"")).ok();
            prop_assert_eq!(ours, theirs, "{}", inner);
        }
    }
}
