//! What is made of a value before it is sent: encodings, digests, and what checks it.
//!
//! A filter works where the value lies, at the end of memory that is used again for the next one: nothing is allocated once that
//! memory has its size. A digest is bytes; where no encoding follows it, it is written in hexadecimal digits (`fill.rs`).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;

/// The filters, by the names that plans have for them.
pub const FILTERS: [&str; 12] = [
    "base64",
    "base64url",
    "hex",
    "url",
    "json",
    "number",
    "lower",
    "upper",
    "trim",
    "md5",
    "sha256",
    "hmac_sha256",
];

const MD5_BYTES: usize = 16;
const SHA256_BYTES: usize = 32;
/// The longest that JSON makes of one byte: `\u001f`.
const JSON_GROWTH: usize = 6;
/// The longest that a URL makes of one byte: `%1F`.
const URL_GROWTH: usize = 3;
/// The most that letters grow in another case: U+0390 has two bytes, and its capital is three letters of two each.
const CASE_GROWTH: usize = 3;
const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
const HEX_CAPITALS: &[u8; 16] = b"0123456789ABCDEF";

/// What is made of a value; `N` is what a value has for a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoleFilter<N> {
    /// RFC 4648, section 4, with padding.
    Base64,
    /// RFC 4648, section 5, without padding.
    Base64url,
    /// Two hexadecimal digits for each byte.
    Hex,
    /// Percent-encoding of all but the unreserved characters of RFC 3986, section 2.3.
    Url,
    /// As it stands between the quotes of a string of JSON (RFC 8259, section 7).
    Json,
    /// As it is, if it is a number of JSON (RFC 8259, section 6).
    Number,
    /// In small letters.
    Lower,
    /// In capitals.
    Upper,
    /// Without the white space around it.
    Trim,
    /// RFC 1321.
    Md5,
    /// FIPS 180-4.
    Sha256,
    /// RFC 2104 with SHA-256.
    HmacSha256 {
        /// The key.
        key: HmacKey<N>,
    },
}

/// What a message is authenticated by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HmacKey<N> {
    /// A text of the plan.
    Text(String),
    /// A value that is known by its name.
    Named(N),
}

/// Why a filter has nothing to make of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrongValue {
    /// It is no number.
    NotNumber,
    /// It is no text: not UTF-8.
    NotText,
}

impl<N> HoleFilter<N> {
    /// A filter without arguments by its name.
    pub(super) fn named(name: &str) -> Option<HoleFilter<N>> {
        Some(match name {
            "base64" => HoleFilter::Base64,
            "base64url" => HoleFilter::Base64url,
            "hex" => HoleFilter::Hex,
            "url" => HoleFilter::Url,
            "json" => HoleFilter::Json,
            "number" => HoleFilter::Number,
            "lower" => HoleFilter::Lower,
            "upper" => HoleFilter::Upper,
            "trim" => HoleFilter::Trim,
            "md5" => HoleFilter::Md5,
            "sha256" => HoleFilter::Sha256,
            _ => return None,
        })
    }

    /// The same with other names.
    pub(super) fn with_names<M, E>(
        &self,
        name: &mut impl FnMut(&N) -> Result<M, E>,
    ) -> Result<HoleFilter<M>, E> {
        Ok(match self {
            HoleFilter::Base64 => HoleFilter::Base64,
            HoleFilter::Base64url => HoleFilter::Base64url,
            HoleFilter::Hex => HoleFilter::Hex,
            HoleFilter::Url => HoleFilter::Url,
            HoleFilter::Json => HoleFilter::Json,
            HoleFilter::Number => HoleFilter::Number,
            HoleFilter::Lower => HoleFilter::Lower,
            HoleFilter::Upper => HoleFilter::Upper,
            HoleFilter::Trim => HoleFilter::Trim,
            HoleFilter::Md5 => HoleFilter::Md5,
            HoleFilter::Sha256 => HoleFilter::Sha256,
            HoleFilter::HmacSha256 { key } => {
                let key = match key {
                    HmacKey::Text(text) => HmacKey::Text(text.clone()),
                    HmacKey::Named(named) => HmacKey::Named(name(named)?),
                };
                HoleFilter::HmacSha256 { key }
            }
        })
    }

    /// Whether it makes bytes that are no text.
    pub(super) fn is_digest(&self) -> bool {
        matches!(self, HoleFilter::Md5 | HoleFilter::Sha256 | HoleFilter::HmacSha256 { .. })
    }

    /// Whether it makes text of any bytes.
    pub(super) fn is_encoding(&self) -> bool {
        matches!(self, HoleFilter::Base64 | HoleFilter::Base64url | HoleFilter::Hex)
    }

    /// Whether it leaves a number in digits as it is.
    pub(super) fn keeps_digits(&self) -> bool {
        matches!(self, HoleFilter::Upper | HoleFilter::Number) || self.keeps_small_letters()
    }

    /// Whether it leaves small letters, digits and hyphens as they are.
    pub(super) fn keeps_small_letters(&self) -> bool {
        matches!(self, HoleFilter::Url | HoleFilter::Json | HoleFilter::Lower | HoleFilter::Trim)
    }

    /// Whether a text that begins with a slash may still begin with it.
    pub(super) fn keeps_slash(&self) -> bool {
        matches!(self, HoleFilter::Json | HoleFilter::Lower | HoleFilter::Upper | HoleFilter::Trim)
    }

    /// The most bytes that it makes of so many.
    pub(super) fn bytes_max(&self, bytes: usize) -> usize {
        match self {
            HoleFilter::Base64 => bytes.div_ceil(3).saturating_mul(4),
            HoleFilter::Base64url => bytes.saturating_mul(4).div_ceil(3),
            HoleFilter::Hex => bytes.saturating_mul(2),
            HoleFilter::Url => bytes.saturating_mul(URL_GROWTH),
            HoleFilter::Json => bytes.saturating_mul(JSON_GROWTH),
            HoleFilter::Lower | HoleFilter::Upper => bytes.saturating_mul(CASE_GROWTH),
            HoleFilter::Number | HoleFilter::Trim => bytes,
            HoleFilter::Md5 => MD5_BYTES,
            HoleFilter::Sha256 | HoleFilter::HmacSha256 { .. } => SHA256_BYTES,
        }
    }

    /// What it makes of a text; of one that it refuses, nothing.
    pub(crate) fn of_text(&self, text: &str) -> String {
        let mut value = text.as_bytes().to_vec();
        let made = self.apply(&[], &mut value, 0).ok().and_then(|()| String::from_utf8(value).ok());
        made.unwrap_or_default()
    }

    /// Puts what it makes of the bytes from `start` on in their place. `key` is that of a code, and nothing to all others.
    pub(super) fn apply(&self, key: &[u8], value: &mut Vec<u8>, start: usize) -> Result<(), WrongValue> {
        match self {
            HoleFilter::Base64 => base64(&STANDARD, value, start),
            HoleFilter::Base64url => base64(&URL_SAFE_NO_PAD, value, start),
            HoleFilter::Hex => hex(value, start),
            HoleFilter::Url => url(value, start),
            HoleFilter::Json => return json(value, start),
            HoleFilter::Number if is_number(&value[start..]) => {}
            HoleFilter::Number => return Err(WrongValue::NotNumber),
            HoleFilter::Lower => in_case(value, start, <[u8]>::make_ascii_lowercase, char::to_lowercase),
            HoleFilter::Upper => in_case(value, start, <[u8]>::make_ascii_uppercase, char::to_uppercase),
            HoleFilter::Trim => trim(value, start),
            HoleFilter::Md5 => {
                let digest = Md5::digest(&value[start..]);
                put(value, start, &digest);
            }
            HoleFilter::Sha256 => {
                let digest = Sha256::digest(&value[start..]);
                put(value, start, &digest);
            }
            HoleFilter::HmacSha256 { .. } => {
                let mut code = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is one");
                code.update(&value[start..]);
                put(value, start, &code.finalize().into_bytes());
            }
        }
        Ok(())
    }
}

impl<N: fmt::Display> fmt::Display for HoleFilter<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            HoleFilter::Base64 => "base64",
            HoleFilter::Base64url => "base64url",
            HoleFilter::Hex => "hex",
            HoleFilter::Url => "url",
            HoleFilter::Json => "json",
            HoleFilter::Number => "number",
            HoleFilter::Lower => "lower",
            HoleFilter::Upper => "upper",
            HoleFilter::Trim => "trim",
            HoleFilter::Md5 => "md5",
            HoleFilter::Sha256 => "sha256",
            HoleFilter::HmacSha256 { key: HmacKey::Named(name) } => {
                return write!(formatter, "hmac_sha256 {name}");
            }
            HoleFilter::HmacSha256 { key: HmacKey::Text(text) } => {
                return write!(formatter, "hmac_sha256 {}", super::words::quoted(text));
            }
        };
        formatter.write_str(name)
    }
}

fn put(value: &mut Vec<u8>, start: usize, bytes: &[u8]) {
    value.truncate(start);
    value.extend_from_slice(bytes);
}

/// What was appended behind `end` takes the place of what is there from `start` on.
fn take_place(value: &mut Vec<u8>, start: usize, end: usize) {
    let made = value.len() - end;
    value.copy_within(end.., start);
    value.truncate(start + made);
}

fn base64(engine: &base64::engine::GeneralPurpose, value: &mut Vec<u8>, start: usize) {
    let end = value.len();
    let encoded_bytes_max = (end - start).div_ceil(3) * 4;
    value.resize(end + encoded_bytes_max, 0);
    let (plain, encoded) = value.split_at_mut(end);
    let written = engine.encode_slice(&plain[start..], encoded).expect("there is room for it with padding");
    value.truncate(end + written);
    take_place(value, start, end);
}

fn hex(value: &mut Vec<u8>, start: usize) {
    let end = value.len();
    for at in start..end {
        let byte = usize::from(value[at]);
        value.extend_from_slice(&[HEX_DIGITS[byte >> 4], HEX_DIGITS[byte & 0xf]]);
    }
    take_place(value, start, end);
}

fn url(value: &mut Vec<u8>, start: usize) {
    let is_unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let end = value.len();
    if value[start..].iter().all(is_unreserved) {
        return;
    }
    for at in start..end {
        let byte = value[at];
        match is_unreserved(&byte) {
            true => value.push(byte),
            false => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 0xf));
                value.extend_from_slice(&[b'%', HEX_CAPITALS[high], HEX_CAPITALS[low]]);
            }
        }
    }
    take_place(value, start, end);
}

fn json(value: &mut Vec<u8>, start: usize) -> Result<(), WrongValue> {
    let end = value.len();
    if std::str::from_utf8(&value[start..]).is_err() {
        return Err(WrongValue::NotText);
    }
    if !value[start..].iter().any(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')) {
        return Ok(());
    }
    for at in start..end {
        let byte = value[at];
        match byte {
            b'"' | b'\\' => value.extend_from_slice(&[b'\\', byte]),
            b'\n' => value.extend_from_slice(b"\\n"),
            b'\r' => value.extend_from_slice(b"\\r"),
            b'\t' => value.extend_from_slice(b"\\t"),
            ..=0x1f => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 0xf));
                value.extend_from_slice(b"\\u00");
                value.extend_from_slice(&[HEX_DIGITS[high], HEX_DIGITS[low]]);
            }
            _ => value.push(byte),
        }
    }
    take_place(value, start, end);
    Ok(())
}

/// Letters in another case, each by itself; of what is no UTF-8, those of ASCII.
fn in_case<Letters: Iterator<Item = char>>(
    value: &mut Vec<u8>,
    start: usize,
    ascii: fn(&mut [u8]),
    other: fn(char) -> Letters,
) {
    let end = value.len();
    if value[start..].is_ascii() || std::str::from_utf8(&value[start..]).is_err() {
        return ascii(&mut value[start..]);
    }
    let mut at = start;
    while at < end {
        let bytes = utf8_bytes(value[at]);
        let letter = std::str::from_utf8(&value[at..at + bytes]).ok().and_then(|text| text.chars().next());
        let letter = letter.expect("the whole of it is UTF-8");
        for letter in other(letter) {
            value.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
        at += bytes;
    }
    take_place(value, start, end);
}

/// How many bytes the letter has that begins with this one.
fn utf8_bytes(first: u8) -> usize {
    match first {
        ..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

fn trim(value: &mut Vec<u8>, start: usize) {
    let end = value.len();
    let all = &value[start..];
    let (before, kept) = match std::str::from_utf8(all) {
        Ok(text) => (text.len() - text.trim_start().len(), text.trim().len()),
        Err(_) => (all.len() - all.trim_ascii_start().len(), all.trim_ascii().len()),
    };
    let from = (start + before).min(end);
    value.copy_within(from..from + kept, start);
    value.truncate(start + kept);
}

/// RFC 8259, section 6.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', digits @ ..] => digits,
            digits => digits,
        };
        let count = digits(exponent);
        if count == 0 {
            return false;
        }
        rest = &exponent[count..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode;
    use proptest::prelude::*;

    type Filter = HoleFilter<u16>;

    fn of(filter: &Filter, bytes: &[u8]) -> Result<Vec<u8>, WrongValue> {
        let mut value = b"before".to_vec();
        value.extend_from_slice(bytes);
        let applied = filter.apply(b"key", &mut value, 6);
        assert!(value.starts_with(b"before"));
        applied.map(|()| value.split_off(6))
    }

    fn text(filter: &Filter, text: &str) -> String {
        String::from_utf8(of(filter, text.as_bytes()).unwrap()).unwrap()
    }

    fn in_hex(bytes: &[u8]) -> String {
        String::from_utf8(of(&Filter::Hex, bytes).unwrap()).unwrap()
    }

    fn all() -> Vec<Filter> {
        let plain = FILTERS.iter().filter_map(|name| Filter::named(name));
        plain.chain([Filter::HmacSha256 { key: HmacKey::Text("key".into()) }]).collect()
    }

    #[test]
    fn digests_are_those_of_their_standards() {
        // RFC 1321, appendix A.5; FIPS 180-4's example; RFC 4231, section 4.3, whose key is "Jefe".
        let md5 = of(&Filter::Md5, b"message digest").unwrap();
        assert_eq!(in_hex(&md5), "f96b697d7cb7938d525a2f31aaf161d0");
        let sha = of(&Filter::Sha256, b"abc").unwrap();
        assert_eq!(in_hex(&sha), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let mut value = b"what do ya want for nothing?".to_vec();
        let hmac = Filter::HmacSha256 { key: HmacKey::Named(0) };
        hmac.apply(b"Jefe", &mut value, 0).unwrap();
        assert_eq!(in_hex(&value), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_number_is_one_of_json() {
        for number in ["0", "-0", "12", "1.5", "-1e9", "2E+3", "0.00", "10.25e-7"] {
            assert_eq!(text(&Filter::Number, number), number);
        }
        for other in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", " 1", "1 ", "NaN", "0x1", "1,5", "1}"] {
            assert_eq!(of(&Filter::Number, other.as_bytes()), Err(WrongValue::NotNumber), "{other}");
        }
    }

    #[test]
    fn no_letter_grows_more_in_another_case_than_is_laid_out_for() {
        for letter in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let typed = letter.to_string();
            for filter in [Filter::Lower, Filter::Upper] {
                assert!(text(&filter, &typed).len() <= filter.bytes_max(typed.len()), "{letter}");
            }
        }
    }

    #[test]
    fn every_name_of_a_filter_is_one() {
        let unknown: Vec<&&str> =
            FILTERS.iter().filter(|name| Filter::named(name).is_none() && **name != "hmac_sha256").collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        for (filter, name) in all().iter().zip(FILTERS) {
            assert_eq!(filter.to_string().split(' ').next(), Some(name));
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_again(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let decoded = STANDARD.decode(of(&Filter::Base64, &bytes).unwrap());
            prop_assert_eq!(decoded.unwrap(), bytes.clone());
            let decoded = URL_SAFE_NO_PAD.decode(of(&Filter::Base64url, &bytes).unwrap());
            prop_assert_eq!(decoded.unwrap(), bytes.clone());
            let encoded = of(&Filter::Url, &bytes).unwrap();
            prop_assert!(encoded.iter().all(u8::is_ascii_graphic));
            prop_assert_eq!(percent_decode(&encoded).collect::<Vec<u8>>(), bytes.clone());
            let digits = in_hex(&bytes);
            let read = (0..bytes.len()).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap());
            prop_assert_eq!(read.collect::<Vec<u8>>(), bytes);
        }

        #[test]
        fn any_text_is_the_same_in_json(typed in any::<String>()) {
            let json = format!("\"{}\"", text(&Filter::Json, &typed));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), typed);
        }

        #[test]
        fn what_is_no_text_is_none_of_json(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let is_text = std::str::from_utf8(&bytes).is_ok();
            prop_assert_eq!(of(&Filter::Json, &bytes).is_ok(), is_text);
        }

        #[test]
        fn letters_and_blanks_are_as_the_standard_library_has_them(typed in "[^Σ]{0,30}") {
            prop_assert_eq!(text(&Filter::Lower, &typed), typed.to_lowercase());
            prop_assert_eq!(text(&Filter::Upper, &typed), typed.to_uppercase());
            let spaced = format!(" \t\u{2003}{typed}\r\n ");
            prop_assert_eq!(text(&Filter::Trim, &spaced), typed.trim());
        }

        #[test]
        fn a_number_is_what_serde_json_reads_as_one(typed in "[-+0-9.eE ]{0,8}") {
            let is_trimmed = typed.trim() == typed;
            let is_one = is_trimmed && serde_json::from_str::<serde::de::IgnoredAny>(&typed).is_ok();
            prop_assert_eq!(of(&Filter::Number, typed.as_bytes()).is_ok(), is_one, "{}", typed);
        }

        #[test]
        fn nothing_is_longer_than_was_said(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            for filter in all() {
                if let Ok(made) = of(&filter, &bytes) {
                    prop_assert!(made.len() <= filter.bytes_max(bytes.len()), "{:?}", filter);
                }
            }
        }

        #[test]
        fn digests_are_those_of_their_crates(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(of(&Filter::Md5, &bytes).unwrap(), Md5::digest(&bytes).to_vec());
            prop_assert_eq!(of(&Filter::Sha256, &bytes).unwrap(), Sha256::digest(&bytes).to_vec());
        }
    }
}
