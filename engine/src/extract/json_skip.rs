//! Values of JSON that are passed over: where one ends, found in one pass that takes no memory for what is in it.
//!
//! What serde_json takes is taken here, and nothing else; tests hold the two against each other. It is not read by
//! serde_json itself because that allocates for nested values that are passed over, and for escapes in them, with each
//! document anew. Depth has no bound here, since what is open stands in the caller's memory and not on the stack.
//!
//! Nearly all of a body that is looked at is passed over, so this is the costly part of looking at it: places are numbers that are
//! handed from function to function, which the compiler keeps in registers.

/// The text is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJson;

/// What is open around a value, innermost last: a bit for each, set for an object. The innermost 64 stand in a register, and what is
/// around them in memory that is used again.
struct OpenAround<'a> {
    innermost: u64,
    depth: usize,
    outer: &'a mut Vec<u64>,
}

impl OpenAround<'_> {
    #[inline(always)]
    fn push(&mut self, is_object: bool) {
        if self.depth != 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.innermost);
        }
        self.innermost = self.innermost << 1 | u64::from(is_object);
        self.depth += 1;
    }

    #[inline(always)]
    fn pop(&mut self) {
        self.depth -= 1;
        self.innermost >>= 1;
        if self.depth != 0 && self.depth.is_multiple_of(64) {
            self.innermost = self.outer.pop().expect("what is around 64 was kept");
        }
    }

    #[inline(always)]
    fn is_in_object(&self) -> bool {
        self.innermost & 1 == 1
    }
}

/// Where the value ends whose first byte stands at a place. `outer` is memory for what is open around values in it.
pub(super) fn value_end(text: &[u8], at: usize, outer: &mut Vec<u64>) -> Result<usize, NotJson> {
    outer.clear();
    let mut open = OpenAround { innermost: 0, depth: 0, outer };
    let (mut at, mut byte) = next(text, at)?;
    loop {
        match byte {
            b'"' => at = string_end(text, at + 1)?.0,
            b'{' => {
                (at, byte) = next(text, at + 1)?;
                if byte != b'}' {
                    open.push(true);
                    (at, byte) = behind_name(text, at)?;
                    continue;
                }
                at += 1;
            }
            b'[' => {
                (at, byte) = next(text, at + 1)?;
                if byte != b']' {
                    open.push(false);
                    continue;
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => at = number_end(text, at)?,
            _ => at = word_end(text, at)?,
        }
        loop {
            if open.depth == 0 {
                return Ok(at);
            }
            (at, byte) = next(text, at)?;
            let is_in_object = open.is_in_object();
            if byte == b',' {
                (at, byte) = next(text, at + 1)?;
                if is_in_object {
                    (at, byte) = behind_name(text, at)?;
                }
                break;
            }
            if byte != if is_in_object { b'}' } else { b']' } {
                return Err(NotJson);
            }
            at += 1;
            open.pop();
        }
    }
}

/// The first byte from a place on that is no blank, and where it stands.
#[inline(always)]
pub(super) fn next(text: &[u8], mut at: usize) -> Result<(usize, u8), NotJson> {
    loop {
        match text.get(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(&byte) => return Ok((at, byte)),
            None => return Err(NotJson),
        }
    }
}

/// Behind the name of a member, whose quotation mark is to stand here, and its colon: where its value begins, and with what.
#[inline(always)]
fn behind_name(text: &[u8], at: usize) -> Result<(usize, u8), NotJson> {
    if text[at] != b'"' {
        return Err(NotJson);
    }
    let (at, colon) = next(text, string_end(text, at + 1)?.0)?;
    if colon == b':' { next(text, at + 1) } else { Err(NotJson) }
}

/// Behind a string, of which the first quotation mark stands before this place: where that is, and whether it has escapes.
#[inline(always)]
pub(super) fn string_end(text: &[u8], mut at: usize) -> Result<(usize, bool), NotJson> {
    let mut has_escapes = false;
    loop {
        at += plain_length(&text[at..]);
        match text.get(at) {
            Some(b'"') => return Ok((at + 1, has_escapes)),
            Some(b'\\') => {
                has_escapes = true;
                at = escape_end(text, at + 1)?;
            }
            _ => return Err(NotJson),
        }
    }
}

/// Behind an escape, of which the backslash stands before this place.
fn escape_end(text: &[u8], at: usize) -> Result<usize, NotJson> {
    match text.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let digits = text.get(at + 1..at + 5).ok_or(NotJson)?;
            if digits.iter().all(u8::is_ascii_hexdigit) { Ok(at + 5) } else { Err(NotJson) }
        }
        _ => Err(NotJson),
    }
}

/// How many bytes stand before the first that ends a string, begins an escape or may not stand in a string. Eight are looked
/// at at once: most strings are short, and a call of a vectorised search costs more than it saves.
#[inline(always)]
fn plain_length(text: &[u8]) -> usize {
    let mut length = 0;
    while let Some(word) = text[length..].first_chunk::<8>() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return length + special.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + plain_length_of_few(&text[length..])
}

#[inline(never)]
fn plain_length_of_few(text: &[u8]) -> usize {
    text.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' ')).unwrap_or(text.len())
}

/// The highest bit of the lowest byte that is special is the lowest bit that is set: a subtraction borrows only from the bytes
/// above one that is special itself.
#[inline(always)]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    // With one bit turned over, the quotation mark stands right behind what is below a blank, and one bound tells of both.
    let turned = word ^ (ONES * 0x02);
    let below = turned.wrapping_sub(ONES * (u64::from(b'"' ^ 0x02) + 1));
    let is_backslash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    (below | is_backslash) & !word & (ONES << 7)
}

/// Behind a word.
#[inline(never)]
fn word_end(text: &[u8], at: usize) -> Result<usize, NotJson> {
    let rest = &text[at..];
    let is = |word: &[u8]| rest.starts_with(word);
    match () {
        () if is(b"true") || is(b"null") => Ok(at + 4),
        () if is(b"false") => Ok(at + 5),
        () => Err(NotJson),
    }
}

/// Behind a number. What follows a zero is a part of no number, and stands where none may.
#[inline(always)]
fn number_end(text: &[u8], at: usize) -> Result<usize, NotJson> {
    let at = at + usize::from(text[at] == b'-');
    let end = digits_end(text, at);
    let has_zero = end > at + 1 && text[at] == b'0';
    if end == at || has_zero {
        return Err(NotJson);
    }
    match text.get(end) {
        Some(b'.' | b'e' | b'E') => fraction_end(text, end),
        _ => Ok(end),
    }
}

/// Behind the fraction and the exponent of a number, of which one is there.
#[inline(never)]
fn fraction_end(text: &[u8], mut at: usize) -> Result<usize, NotJson> {
    let some_digits = |at: usize| match digits_end(text, at) {
        end if end > at => Ok(end),
        _ => Err(NotJson),
    };
    if text[at] == b'.' {
        at = some_digits(at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        at = some_digits(at)?;
    }
    Ok(at)
}

/// Behind the digits that stand at a place, which may be none.
#[inline(always)]
fn digits_end(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn is_json(text: &str) -> bool {
        let end = value_end(text.as_bytes(), 0, &mut Vec::new());
        end.is_ok_and(|end| next(text.as_bytes(), end).is_err())
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

    proptest! {
        #[test]
        fn what_is_closed_is_what_was_opened_however_deep(
            kinds in proptest::collection::vec(any::<bool>(), 1..300),
            wrong in proptest::option::of(any::<prop::sample::Index>()),
        ) {
            let open: String = kinds.iter().map(|is_object| if *is_object { "{\"a\":" } else { "[0, " }).collect();
            let wrong = wrong.map(|index| index.index(kinds.len()));
            let close = |(depth, is_object): (usize, &bool)| {
                if *is_object == (wrong != Some(depth)) { '}' } else { ']' }
            };
            let close: String = kinds.iter().enumerate().rev().map(close).collect();
            // Behind what is deep another value follows, which tells whether all of it is closed again.
            let text = format!("[{open}1{close}, {{\"b\": 2}}]");
            prop_assert_eq!(is_json(&text), wrong.is_none(), "{}", text);
        }
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
    }
}
