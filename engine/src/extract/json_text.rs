//! What a string of JSON stands for (RFC 8259, section 7).

/// Half of a surrogate pair: an escape that stands for no character.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LoneSurrogate;

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
