//! JSON read from the front (RFC 8259), a value at a time, without taking memory for what is passed over.
//!
//! What serde_json takes is taken here, and nothing else; tests hold the two against each other. It is not read by
//! serde_json itself because that allocates for nested values that are passed over, and for escapes in them, with each
//! document anew. Depth has no bound here, since what is open stands in the caller's memory and not on the stack.

use std::ops::Range;

/// The text is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJson;

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
    pub(super) fn peek(&mut self) -> Option<u8> {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        while self.text.get(self.at).is_some_and(is_blank) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Passes over a byte if it comes next but for blanks; whether it did.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over the comma before another element or member, or over the end of its array or object; whether there is
    /// another.
    pub(super) fn take_next_or(&mut self, close: u8) -> Result<bool, NotJson> {
        if self.take(b',') {
            return Ok(true);
        }
        if self.take(close) { Ok(false) } else { Err(NotJson) }
    }

    /// Passes over a member's name and its colon; where the name is, without its quotation marks, and whether it has
    /// escapes.
    pub(super) fn name(&mut self) -> Result<(Range<usize>, bool), NotJson> {
        if !self.take(b'"') {
            return Err(NotJson);
        }
        let start = self.at;
        let has_escapes = self.finish_string()?;
        let end = self.at - 1;
        if self.take(b':') { Ok((start..end, has_escapes)) } else { Err(NotJson) }
    }

    /// Passes over a value, whatever is in it. `open` is memory for what has to be closed.
    pub(super) fn skip_value(&mut self, open: &mut Vec<u8>) -> Result<(), NotJson> {
        open.clear();
        loop {
            match self.peek().ok_or(NotJson)? {
                b'{' => {
                    self.at += 1;
                    if !self.take(b'}') {
                        open.push(b'}');
                        self.name()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    if !self.take(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            if !self.close(open)? {
                return Ok(());
            }
        }
    }

    /// Behind a value: passes over what it closes; whether another is to come.
    fn close(&mut self, open: &mut Vec<u8>) -> Result<bool, NotJson> {
        while let Some(&close) = open.last() {
            if self.take_next_or(close)? {
                if close == b'}' {
                    self.name()?;
                }
                return Ok(true);
            }
            open.pop();
        }
        Ok(false)
    }

    /// Passes over a string, a number or a word.
    fn skip_scalar(&mut self) -> Result<(), NotJson> {
        let first = self.text[self.at];
        self.at += 1;
        match first {
            b'"' => self.finish_string().map(drop),
            b't' => self.finish_word(b"rue"),
            b'f' => self.finish_word(b"alse"),
            b'n' => self.finish_word(b"ull"),
            b'-' | b'0'..=b'9' => {
                self.at -= 1;
                self.skip_number()
            }
            _ => Err(NotJson),
        }
    }

    fn finish_word(&mut self, rest: &[u8]) -> Result<(), NotJson> {
        let is_word = self.text[self.at..].starts_with(rest);
        self.at += rest.len();
        if is_word { Ok(()) } else { Err(NotJson) }
    }

    fn skip_number(&mut self) -> Result<(), NotJson> {
        self.take_byte(|byte| byte == b'-');
        if !self.take_byte(|byte| byte == b'0') {
            self.take_digits()?;
        }
        if self.take_byte(|byte| byte == b'.') {
            self.take_digits()?;
        }
        if self.take_byte(|byte| matches!(byte, b'e' | b'E')) {
            self.take_byte(|byte| matches!(byte, b'+' | b'-'));
            self.take_digits()?;
        }
        // What follows a zero is a part of no number.
        let is_over = !self.text.get(self.at).is_some_and(u8::is_ascii_digit);
        if is_over { Ok(()) } else { Err(NotJson) }
    }

    fn take_byte(&mut self, is_wanted: impl Fn(u8) -> bool) -> bool {
        let is_next = self.text.get(self.at).is_some_and(|byte| is_wanted(*byte));
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over digits, of which there has to be one.
    fn take_digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while self.take_byte(|byte| byte.is_ascii_digit()) {}
        if self.at > start { Ok(()) } else { Err(NotJson) }
    }

    /// Passes over the rest of a string behind its first quotation mark, and over its last; whether it has escapes.
    fn finish_string(&mut self) -> Result<bool, NotJson> {
        let mut has_escapes = false;
        loop {
            self.at += plain_length(&self.text[self.at..]);
            let byte = *self.text.get(self.at).ok_or(NotJson)?;
            self.at += 1;
            match byte {
                b'"' => return Ok(has_escapes),
                b'\\' => {
                    has_escapes = true;
                    self.skip_escape()?;
                }
                _ => return Err(NotJson),
            }
        }
    }

    /// Passes over an escape behind its backslash.
    fn skip_escape(&mut self) -> Result<(), NotJson> {
        let letter = *self.text.get(self.at).ok_or(NotJson)?;
        self.at += 1;
        match letter {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4).ok_or(NotJson)?;
                self.at += 4;
                if digits.iter().all(u8::is_ascii_hexdigit) { Ok(()) } else { Err(NotJson) }
            }
            _ => Err(NotJson),
        }
    }
}

/// How many bytes stand before the first that ends a string, begins an escape or may not stand in a string. Eight are looked
/// at at once: most strings are short, and a call of a vectorised search costs more than it saves.
#[inline]
fn plain_length(text: &[u8]) -> usize {
    let mut length = 0;
    while let Some(word) = text[length..].first_chunk::<8>() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return length + special.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    text[length..].iter().position(is_special).map_or(text.len(), |rest| length + rest)
}

/// The highest bit of the lowest byte that is special is the lowest bit that is set: a subtraction borrows only from the bytes
/// above one that is special itself.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, b' ') | is(b'"') | is(b'\\')) & (ONES << 7)
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
    use serde::de::IgnoredAny;

    fn is_json(text: &str) -> bool {
        let mut scanner = JsonScanner::new(text);
        scanner.skip_value(&mut Vec::new()).is_ok() && scanner.peek().is_none()
    }

    fn is_json_to_serde(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn what_is_json_is_passed_over_and_nothing_else() {
        for text in [
            "",
            " ",
            "null",
            "nul",
            "nullx",
            "true ",
            "\t[]\r\n",
            "[ ]",
            "[,]",
            "[1,]",
            "[1 2]",
            "[1,2]",
            "{}",
            "{ }",
            "{,}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{\"a\" : [{}]}",
            "{a:1}",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "]",
            "[1]]",
            "0",
            "-0",
            "01",
            "-",
            "-a",
            "1.",
            ".5",
            "1.5e",
            "1.5e+",
            "1.5E-10",
            "1e5",
            "+1",
            "1.5.5",
            "\"\\u12\"",
            "\"\\u12aG\"",
            "\"\\x\"",
            "\"\\",
            "\"",
            "\"a\nb\"",
            "\"a\u{7f}b\"",
            "\"\\ud800\"",
            "\"\u{0}\"",
            "\u{feff}[]",
            "[[[[]]]]",
            "0x1",
        ] {
            assert_eq!(is_json(text), is_json_to_serde(text), "{text:?}");
        }
    }

    #[test]
    fn any_depth_is_passed_over() {
        let deep = |open: &str, close: &str| open.repeat(10_000) + "1" + &close.repeat(10_000);
        assert!(is_json(&deep("[", "]")) && is_json(&deep("{\"a\":", "}")));
        assert!(!is_json(&"[".repeat(10_000)));
    }

    /// Pieces of JSON, of which many sequences are JSON and most are nearly so.
    const PIECES: [&str; 26] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\n\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"ä\"",
        "0",
        "-1.5e3",
        "01",
        "true",
        "null",
        " ",
        "\n",
        "\"",
        "\\",
        "e",
        ".",
        "{\"a\":[1]}",
        "[{}]",
        "tru",
    ];

    /// Parts of strings, of which most sequences are strings.
    const PARTS: [&str; 11] =
        ["a", "é", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u0000", "\\ud83d", "\\ude00", "\\b\\f\\r\\t"];

    proptest! {
        #[test]
        fn strings_of_any_bytes_end_where_a_look_at_each_byte_ends(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), proptest::sample::select(&b"\"\\\x1f !#[]\x7f\x80\xa2\xdc\xff"[..])],
                0..40,
            ),
        ) {
            let is_special = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < b' ';
            let expected = bytes.iter().position(is_special).unwrap_or(bytes.len());
            prop_assert_eq!(plain_length(&bytes), expected);
        }

        #[test]
        fn what_serde_json_takes_is_taken(
            pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..8),
        ) {
            let text = pieces.concat();
            prop_assert_eq!(is_json(&text), is_json_to_serde(&text), "{}", text);
        }

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
