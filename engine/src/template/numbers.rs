//! How numbers are written that are not known before a request is: in digits, and as the protocols have them.

use crate::outbox::Outbox;
use serde::{Deserialize, Serialize};

pub(super) const DIGITS_MAX: usize = 20;
pub(super) const UUID_BYTES: usize = 36;
/// Where the two digits of each of its bytes stand.
const UUID_PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
/// The two digits of each byte.
const HEX: [[u8; 2]; 256] = hex();
/// The longest integer of Protocol Buffers that is written in groups of seven bits.
const VARINT_BYTES_MAX: usize = 10;
/// What a prefix of 7 bits holds by itself is below this.
const HPACK7_PREFIX: u64 = 127;
/// A prefix of 7 bits, and seven bits of the rest in each further byte: enough for any length that fits 32 bits.
const HPACK7_BYTES_MAX: usize = 6;
/// The lengths that a byte of WebSocket's holds by itself are below this; the bit beside them says that the payload is masked.
const WEBSOCKET_SHORT_END: u64 = 126;
const WEBSOCKET_MASKED: u8 = 0x80;
/// Of the longest form: a byte, and eight.
const WEBSOCKET_BYTES_MAX: usize = 9;

/// How a length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthForm {
    /// In decimal digits.
    Decimal,
    /// In one byte, as DNS has those of labels (RFC 1035, section 3.1). No more than 255.
    Byte,
    /// In four bytes, the highest first.
    Be32,
    /// In groups of seven bits, the lowest first, as Protocol Buffers have it.
    Varint,
    /// As RFC 7541 (section 5.2) has it before a string that is not compressed: an integer with a prefix of 7 bits.
    Hpack7,
    /// As RFC 6455 (section 5.2) has that of a payload which is masked: in seven bits, or behind them in two bytes or eight.
    WebSocket,
}

/// A number that is not known before the request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawnNumber {
    /// That of the request's arrival.
    Seq,
    /// A random one.
    Rand {
        /// The smallest it may be.
        low: u64,
        /// The largest it may be.
        high: u64,
    },
}

/// How a number is written in bytes, as Protocol Buffers have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberForm {
    /// In groups of seven bits, the lowest first.
    Varint,
    /// The same of twice the number, which is how a positive one is written where negative ones are to be short.
    Zigzag,
    /// In four bytes, the lowest first.
    Fixed32,
    /// In eight bytes, the lowest first.
    Fixed64,
    /// As an IEEE 754 number of four bytes.
    Float,
    /// As one of eight.
    Double,
}

impl LengthForm {
    pub(super) fn bytes_max(self) -> usize {
        match self {
            LengthForm::Decimal => DIGITS_MAX,
            LengthForm::Byte => 1,
            LengthForm::Be32 => 4,
            LengthForm::Varint => VARINT_BYTES_MAX,
            LengthForm::Hpack7 => HPACK7_BYTES_MAX,
            LengthForm::WebSocket => WEBSOCKET_BYTES_MAX,
        }
    }

    /// How many bytes a length becomes.
    pub(super) fn bytes(self, length: u64) -> usize {
        match self {
            LengthForm::Decimal => decimal_bytes(length),
            LengthForm::Byte => 1,
            LengthForm::Be32 => 4,
            LengthForm::Varint => varint_bytes(length),
            LengthForm::Hpack7 if length < HPACK7_PREFIX => 1,
            LengthForm::Hpack7 => 2 + (length - HPACK7_PREFIX).checked_ilog2().unwrap_or(0) as usize / 7,
            LengthForm::WebSocket => match length {
                ..WEBSOCKET_SHORT_END => 1,
                WEBSOCKET_SHORT_END..=0xffff => 3,
                _ => WEBSOCKET_BYTES_MAX,
            },
        }
    }

    pub(super) fn write(self, length: u64, out: &mut Outbox<'_>) {
        match self {
            LengthForm::Decimal => write_decimal(length, out),
            LengthForm::Byte => out.push(&[length as u8]),
            LengthForm::Be32 => out.push(&(length as u32).to_be_bytes()),
            LengthForm::Varint => write_varint(length, out),
            LengthForm::WebSocket => match length {
                ..WEBSOCKET_SHORT_END => out.push(&[WEBSOCKET_MASKED | length as u8]),
                WEBSOCKET_SHORT_END..=0xffff => {
                    out.push(&[WEBSOCKET_MASKED | 126]);
                    out.push(&(length as u16).to_be_bytes());
                }
                _ => {
                    out.push(&[WEBSOCKET_MASKED | 127]);
                    out.push(&length.to_be_bytes());
                }
            },
            LengthForm::Hpack7 if length < HPACK7_PREFIX => out.push(&[length as u8]),
            LengthForm::Hpack7 => {
                out.push(&[HPACK7_PREFIX as u8]);
                write_varint(length - HPACK7_PREFIX, out);
            }
        }
    }
}

impl DrawnNumber {
    pub(super) fn max(self) -> u64 {
        match self {
            DrawnNumber::Seq => u64::MAX,
            DrawnNumber::Rand { high, .. } => high,
        }
    }
}

impl NumberForm {
    /// The most bytes that a number up to this one becomes.
    pub(super) fn bytes_max(self, number: u64) -> usize {
        match self {
            NumberForm::Zigzag => VARINT_BYTES_MAX,
            other => other.bytes(number),
        }
    }

    /// How many bytes a number becomes.
    pub(super) fn bytes(self, number: u64) -> usize {
        match self {
            NumberForm::Varint => varint_bytes(number),
            NumberForm::Zigzag => varint_bytes(number << 1),
            NumberForm::Fixed32 | NumberForm::Float => 4,
            NumberForm::Fixed64 | NumberForm::Double => 8,
        }
    }

    pub(super) fn write(self, number: u64, out: &mut Outbox<'_>) {
        match self {
            NumberForm::Varint => write_varint(number, out),
            NumberForm::Zigzag => write_varint(number << 1, out),
            NumberForm::Fixed32 => out.push(&(number as u32).to_le_bytes()),
            NumberForm::Fixed64 => out.push(&number.to_le_bytes()),
            NumberForm::Float => out.push(&(number as f32).to_le_bytes()),
            NumberForm::Double => out.push(&(number as f64).to_le_bytes()),
        }
    }
}

fn varint_bytes(value: u64) -> usize {
    value.checked_ilog2().unwrap_or(0) as usize / 7 + 1
}

fn write_varint(mut value: u64, out: &mut Outbox<'_>) {
    while value >= 0x80 {
        out.push(&[value as u8 | 0x80]);
        value >>= 7;
    }
    out.push(&[value as u8]);
}

pub(super) fn decimal_bytes(value: u64) -> usize {
    value.checked_ilog10().unwrap_or(0) as usize + 1
}

pub(super) fn write_decimal(mut value: u64, out: &mut Outbox<'_>) {
    let mut digits = [0_u8; DIGITS_MAX];
    let mut at = DIGITS_MAX;
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.push(&digits[at..]);
}

const fn hex() -> [[u8; 2]; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        hex[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0xf]];
        byte += 1;
    }
    hex
}

/// RFC 9562, version 4: 122 random bits in the form 8-4-4-4-12.
pub(super) fn write_uuid(bits: u128, out: &mut Outbox<'_>) {
    let bits = (bits & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let mut text = [b'-'; UUID_BYTES];
    for (byte, at) in bits.to_be_bytes().into_iter().zip(UUID_PLACES) {
        text[at..at + 2].copy_from_slice(&HEX[usize::from(byte)]);
    }
    out.push(&text);
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::collected;

    fn length(form: LengthForm, length: u64) -> Vec<u8> {
        let written = collected(form.bytes_max(), |out| form.write(length, out));
        assert_eq!(form.bytes(length), written.len());
        written
    }

    #[test]
    fn long_strings_have_the_lengths_of_rfc_7541() {
        for (bytes, expected) in [
            (126, &[126][..]),
            (127, &[127, 0]),
            (254, &[127, 127]),
            (255, &[127, 128, 1]),
            (1_337, &[127, 186, 9]),
            (16_510, &[127, 255, 127]),
            (16_511, &[127, 128, 128, 1]),
        ] {
            assert_eq!(length(LengthForm::Hpack7, bytes), expected);
        }
    }

    #[test]
    fn payloads_of_websocket_have_the_lengths_of_rfc_6455() {
        for (bytes, expected) in [
            (0, &[0x80][..]),
            (125, &[0xfd]),
            (126, &[0xfe, 0, 126]),
            (65_535, &[0xfe, 0xff, 0xff]),
            (65_536, &[0xff, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(length(LengthForm::WebSocket, bytes), expected);
        }
    }

    #[test]
    fn numbers_are_written_as_protocol_buffers_have_them() {
        let written = |form: NumberForm, number: u64| {
            let written = collected(form.bytes_max(number), |out| form.write(number, out));
            assert_eq!(form.bytes(number), written.len());
            written
        };
        assert_eq!(written(NumberForm::Varint, 300), [0xac, 0x02]);
        assert_eq!(written(NumberForm::Varint, u64::MAX).len(), 10);
        assert_eq!(written(NumberForm::Zigzag, 150), [0xac, 0x02]);
        assert_eq!(written(NumberForm::Fixed32, 258), [2, 1, 0, 0]);
        assert_eq!(written(NumberForm::Fixed64, 258), [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(written(NumberForm::Float, 3), 3_f32.to_le_bytes());
        assert_eq!(written(NumberForm::Double, 3), 3_f64.to_le_bytes());
        for (bytes, expected) in [(127, &[127][..]), (128, &[0x80, 1]), (16_384, &[0x80, 0x80, 1])] {
            assert_eq!(length(LengthForm::Varint, bytes), expected);
        }
    }

    #[test]
    fn a_uuid_has_all_its_digits() {
        let bits = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
        let text = collected(UUID_BYTES, |out| write_uuid(bits, out));
        assert_eq!(text, b"01234567-89ab-4def-8123-456789abcdef");
    }
}
