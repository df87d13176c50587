//! Values of JSON that are passed over (RFC 8259): where one ends, found in one pass that takes no memory for what is in it.
//!
//! What serde_json takes is taken here, and nothing else; tests hold the two against each other. It is not read by
//! serde_json itself because that allocates for nested values that are passed over, and for escapes in them, with each
//! document anew. Depth has no bound here, since what is open stands in the caller's memory and not on the stack.
//!
//! Nearly all of a body that is looked at is passed over, so this is the costly part of looking at it. What is left of the text is
//! handed from one function to the next, in registers, and what comes next is matched, so that no place in a text is checked twice.
//! Most texts are plain: nothing in them is escaped or beyond ASCII, and no blank is other than the space. That is found out first,
//! many bytes at a time, and such a text is passed over by code that has nothing else in it: `PLAIN`.

/// The text is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJson;

/// Whether all bytes of a text are ASCII, and none is a control character or a backslash. Looks at each of them, without stopping in
/// between, so that many are looked at at once.
pub(super) fn is_plain(text: &[u8]) -> bool {
    // As a signed number, what is beyond ASCII is below all of it.
    let is_odd = |byte: &u8| (*byte as i8) < b' ' as i8 || *byte == b'\\';
    let Some(last) = text.last_chunk::<32>() else { return !text.iter().any(is_odd) };
    let mut odd = [0_u8; 32];
    let mut look = |chunk: &[u8; 32]| {
        for (odd, byte) in odd.iter_mut().zip(chunk) {
            *odd |= if is_odd(byte) { u8::MAX } else { 0 };
        }
    };
    text.as_chunks::<32>().0.iter().for_each(&mut look);
    // What is left over is looked at with some that has been.
    look(last);
    odd == [0; 32]
}

/// What is open around a value, innermost last: a bit for each, set for an object, above which a bit marks where they begin. The
/// innermost stand in a register, and what is around them in memory that is used again.
struct OpenAround<'a> {
    innermost: u64,
    outer: &'a mut Vec<u64>,
}

impl OpenAround<'_> {
    const NOTHING: u64 = 1;

    #[inline(always)]
    fn push(&mut self, is_object: bool) {
        if self.innermost >> 63 == 1 {
            self.outer.push(self.innermost);
            self.innermost = OpenAround::NOTHING;
        }
        self.innermost = self.innermost << 1 | u64::from(is_object);
    }

    #[inline(always)]
    fn pop(&mut self) {
        self.innermost >>= 1;
        if self.innermost == OpenAround::NOTHING {
            self.innermost = self.outer.pop().unwrap_or(OpenAround::NOTHING);
        }
    }

    #[inline(always)]
    fn is_in_object(&self) -> bool {
        self.innermost & 1 == 1
    }
}

/// Behind a value, whose first byte is given with what is behind that. `outer` is memory for what is open around values in it.
pub(super) fn behind_value<'a, const PLAIN: bool>(
    mut byte: u8,
    mut rest: &'a [u8],
    outer: &mut Vec<u64>,
) -> Result<&'a [u8], NotJson> {
    outer.clear();
    let mut open = OpenAround { innermost: OpenAround::NOTHING, outer };
    loop {
        match byte {
            b'"' => rest = behind_string::<PLAIN>(rest)?,
            b'{' => {
                (byte, rest) = next::<PLAIN>(rest)?;
                if byte != b'}' {
                    open.push(true);
                    (byte, rest) = behind_name::<PLAIN>(byte, rest)?;
                    continue;
                }
            }
            b'[' => {
                (byte, rest) = next::<PLAIN>(rest)?;
                if byte != b']' {
                    open.push(false);
                    continue;
                }
            }
            b'1'..=b'9' => rest = behind_digits_of_number(rest)?,
            _ => rest = behind_rare(byte, rest)?,
        }
        loop {
            if open.innermost == OpenAround::NOTHING {
                return Ok(rest);
            }
            let mark;
            (mark, byte, rest) = mark_and_next::<PLAIN>(b',', rest)?;
            if mark == b',' {
                if open.is_in_object() {
                    (byte, rest) = behind_name::<PLAIN>(byte, rest)?;
                }
                break;
            }
            if mark != if open.is_in_object() { b'}' } else { b']' } {
                return Err(NotJson);
            }
            open.pop();
        }
    }
}

/// The first byte of the value behind a name, and what is behind that. Of the name the first byte is given, which may be of none.
#[inline(always)]
fn behind_name<const PLAIN: bool>(byte: u8, rest: &[u8]) -> Result<(u8, &[u8]), NotJson> {
    if byte != b'"' {
        return Err(NotJson);
    }
    behind_colon::<PLAIN>(behind_string::<PLAIN>(rest)?)
}

/// The same where a name has been passed over.
#[inline(always)]
pub(super) fn behind_colon<const PLAIN: bool>(rest: &[u8]) -> Result<(u8, &[u8]), NotJson> {
    let (mark, byte, rest) = mark_and_next::<PLAIN>(b':', rest)?;
    if mark == b':' { Ok((byte, rest)) } else { Err(NotJson) }
}

/// The same where most values are no objects and no arrays.
#[inline(always)]
pub(super) fn behind_scalar_or_other<'a, const PLAIN: bool>(
    byte: u8,
    rest: &'a [u8],
    outer: &mut Vec<u64>,
) -> Result<&'a [u8], NotJson> {
    match byte {
        b'"' => behind_string::<PLAIN>(rest),
        b'1'..=b'9' => behind_digits_of_number(rest),
        _ => behind_value::<PLAIN>(byte, rest, outer),
    }
}

/// Behind the string, the number or the word that comes next, without any blanks; an object or an array is an error.
pub(super) fn behind_scalar(rest: &[u8]) -> Result<&[u8], NotJson> {
    match rest.split_first().ok_or(NotJson)? {
        (b'"', behind) => behind_string::<false>(behind),
        (b'1'..=b'9', behind) => behind_digits_of_number(behind),
        (first, behind) => behind_rare(*first, behind),
    }
}

/// The first byte that is no blank, and what is behind it.
#[inline(always)]
pub(super) fn next<const PLAIN: bool>(mut rest: &[u8]) -> Result<(u8, &[u8]), NotJson> {
    loop {
        let (byte, behind) = rest.split_first().ok_or(NotJson)?;
        match byte {
            b' ' => rest = behind,
            b'\t' | b'\n' | b'\r' if !PLAIN => rest = behind,
            _ => return Ok((*byte, behind)),
        }
    }
}

/// The first byte that is no blank; where it is the one that is expected, also the next one that is none. What is behind those.
#[inline(always)]
pub(super) fn mark_and_next<const PLAIN: bool>(
    expected: u8,
    rest: &[u8],
) -> Result<(u8, u8, &[u8]), NotJson> {
    // Most texts have no blank before it, and one or none behind it: one look at how much is left then serves for all of them.
    match rest {
        [mark, b' ', byte, behind @ ..] if *mark == expected && *byte > b' ' => Ok((expected, *byte, behind)),
        [mark, byte, _, ..] if *mark == expected && *byte > b' ' => Ok((expected, *byte, &rest[2..])),
        [mark, _, _, ..] if *mark != expected && *mark > b' ' => Ok((*mark, 0, &rest[1..])),
        _ => mark_and_next_anywhere::<PLAIN>(expected, rest),
    }
}

#[inline(never)]
fn mark_and_next_anywhere<const PLAIN: bool>(expected: u8, rest: &[u8]) -> Result<(u8, u8, &[u8]), NotJson> {
    let (mark, rest) = next::<PLAIN>(rest)?;
    if mark != expected {
        return Ok((mark, 0, rest));
    }
    let (byte, rest) = next::<PLAIN>(rest)?;
    Ok((mark, byte, rest))
}

/// Behind a string, of which the first quotation mark has been passed over.
#[inline(always)]
pub(super) fn behind_string<const PLAIN: bool>(mut rest: &[u8]) -> Result<&[u8], NotJson> {
    // Eight bytes are looked at at once: most strings are short, and a call of a vectorised search costs more than it saves.
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let special = if PLAIN { quotation_marks(word) } else { special_bytes(word) };
        if special != 0 {
            let is_quotation_mark = PLAIN || quotation_marks(word) & special & special.wrapping_neg() != 0;
            if !is_quotation_mark {
                break;
            }
            return Ok(&rest[special.trailing_zeros() as usize / 8 + 1..]);
        }
        rest = behind;
    }
    behind_unusual_string(rest)
}

/// The same from within a string on, where it has escapes or the text nearly ends.
#[inline(never)]
fn behind_unusual_string(mut rest: &[u8]) -> Result<&[u8], NotJson> {
    loop {
        rest = match &rest[plain_length(rest)..] {
            [b'"', behind @ ..] => return Ok(behind),
            [b'\\', behind @ ..] => behind_escape(behind)?,
            _ => return Err(NotJson),
        };
    }
}

/// Behind an escape, of which the backslash has been passed over.
fn behind_escape(rest: &[u8]) -> Result<&[u8], NotJson> {
    match rest {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', behind @ ..] => Ok(behind),
        [b'u', behind @ ..] => match behind.split_at_checked(4) {
            Some((digits, behind)) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(behind),
            _ => Err(NotJson),
        },
        _ => Err(NotJson),
    }
}

/// How many bytes stand before the first that ends a string, begins an escape or may not stand in a string.
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
    length + text[length..].iter().position(is_special).unwrap_or(text.len() - length)
}

const ONES: u64 = u64::MAX / 255;
const HIGHEST: u64 = ONES << 7;

/// In a word of ASCII, the highest bit of the lowest byte that is a quotation mark is the lowest bit that is set: a subtraction borrows
/// only from the bytes above one that is one itself. In any other word the bits of bytes beyond ASCII mean nothing.
#[inline(always)]
fn quotation_marks(word: u64) -> u64 {
    (word ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES) & HIGHEST
}

/// The same in any word, of bytes that end a string, begin an escape or may not stand in a string.
#[inline(always)]
fn special_bytes(word: u64) -> u64 {
    // With one bit turned over, the quotation mark stands right behind what is below a blank, and one bound tells of both.
    let turned = word ^ (ONES * 0x02);
    let below = turned.wrapping_sub(ONES * (u64::from(b'"' ^ 0x02) + 1));
    let is_backslash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    (below | is_backslash) & !word & HIGHEST
}

/// Behind a word, or a number that begins with a sign or a zero, of which the first byte has been passed over.
#[inline(never)]
fn behind_rare(first: u8, rest: &[u8]) -> Result<&[u8], NotJson> {
    let word = |letters: &[u8]| rest.strip_prefix(letters).ok_or(NotJson);
    match (first, rest) {
        (b't', _) => word(b"rue"),
        (b'f', _) => word(b"alse"),
        (b'n', _) => word(b"ull"),
        (b'0', _) => behind_zero(rest),
        (b'-', [b'0', behind @ ..]) => behind_zero(behind),
        (b'-', [b'1'..=b'9', behind @ ..]) => behind_digits_of_number(behind),
        _ => Err(NotJson),
    }
}

/// Behind a number that begins with a zero, which no digit follows.
fn behind_zero(rest: &[u8]) -> Result<&[u8], NotJson> {
    if rest.first().is_some_and(u8::is_ascii_digit) { Err(NotJson) } else { behind_digits_of_number(rest) }
}

/// Behind a number, of which a digit has been passed over.
#[inline(always)]
fn behind_digits_of_number(rest: &[u8]) -> Result<&[u8], NotJson> {
    match behind_digits(rest) {
        rest @ [b'.' | b'e' | b'E', ..] => behind_fraction(rest),
        rest => Ok(rest),
    }
}

/// Behind the fraction and the exponent of a number, of which one comes next.
#[inline(never)]
fn behind_fraction(mut rest: &[u8]) -> Result<&[u8], NotJson> {
    let some_digit = |rest: &[u8]| match rest.first() {
        Some(b'0'..=b'9') => Ok(()),
        _ => Err(NotJson),
    };
    if let [b'.', behind @ ..] = rest {
        some_digit(behind)?;
        rest = behind_digits(behind);
    }
    if let [b'e' | b'E', b'+' | b'-', behind @ ..] | [b'e' | b'E', behind @ ..] = rest {
        some_digit(behind)?;
        rest = behind_digits(behind);
    }
    Ok(rest)
}

/// Behind the digits that come next, which may be none.
#[inline(always)]
fn behind_digits(mut rest: &[u8]) -> &[u8] {
    while let [b'0'..=b'9', behind @ ..] = rest {
        rest = behind;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn is_json(text: &str) -> bool {
        let is_whole = |behind: Result<&[u8], NotJson>| behind.is_ok_and(|rest| next::<false>(rest).is_err());
        let mut outer = Vec::new();
        let mut walk = |(byte, rest)| is_whole(behind_value::<false>(byte, rest, &mut outer));
        let is_json = next::<false>(text.as_bytes()).is_ok_and(&mut walk);
        if is_plain(text.as_bytes()) {
            let mut outer = Vec::new();
            let mut walk = |(byte, rest)| is_whole(behind_value::<true>(byte, rest, &mut outer));
            assert_eq!(next::<true>(text.as_bytes()).is_ok_and(&mut walk), is_json, "{text:?}");
        }
        is_json
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
        fn a_text_is_plain_if_each_of_its_bytes_is(
            mut text in proptest::collection::vec(b' '..=b'[', 0..100),
            odd in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            if let Some((index, byte)) = odd.filter(|_| !text.is_empty()) {
                let index = index.index(text.len());
                text[index] = byte;
            }
            let is_odd = |byte: &u8| *byte < b' ' || *byte >= 0x80 || *byte == b'\\';
            prop_assert_eq!(is_plain(&text), !text.iter().any(is_odd));
        }

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
