//! Numbers in texts, compared as numbers: whole ones exactly, others as the nearest double.

use std::cmp::Ordering;

/// A number that was read from text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TextNumber {
    /// A whole number without a decimal point or an exponent.
    Whole(i128),
    /// Any other.
    Decimal(f64),
}

impl TextNumber {
    /// Reads a number as JSON and people write it; `None` where the text is anything else, such as `inf` or `0x10`.
    pub(super) fn read(text: &[u8]) -> Option<TextNumber> {
        let is_of_number =
            |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
        if !text.iter().any(u8::is_ascii_digit) || !text.iter().all(is_of_number) {
            return None;
        }
        let text = std::str::from_utf8(text).expect("digits and signs are ASCII");
        let decimal = || text.parse::<f64>().ok().filter(|number| number.is_finite());
        text.parse().ok().map(TextNumber::Whole).or_else(|| decimal().map(TextNumber::Decimal))
    }

    /// How one stands to another.
    pub(super) fn compare(self, other: TextNumber) -> Option<Ordering> {
        match (self, other) {
            (TextNumber::Whole(left), TextNumber::Whole(right)) => Some(left.cmp(&right)),
            (left, right) => left.as_double().partial_cmp(&right.as_double()),
        }
    }

    fn as_double(self) -> f64 {
        match self {
            TextNumber::Whole(number) => number as f64,
            TextNumber::Decimal(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(left: &str, right: &str) -> Option<Ordering> {
        TextNumber::read(left.as_bytes())?.compare(TextNumber::read(right.as_bytes())?)
    }

    #[test]
    fn whole_numbers_beyond_doubles_are_told_apart() {
        assert_eq!(compared("9007199254740993", "9007199254740992"), Some(Ordering::Greater));
        assert_eq!(compared("18446744073709551615", "18446744073709551615"), Some(Ordering::Equal));
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        assert_eq!(compared("1.50", "1.5"), Some(Ordering::Equal));
        assert_eq!(compared("1e3", "1000"), Some(Ordering::Equal));
        assert_eq!(compared("-0.5", "0"), Some(Ordering::Less));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", "e", "inf", "NaN", "0x10", "1 2", "1_000", "1,5", "1.2.3", "--1", "1e999", "५"]
        {
            assert_eq!(TextNumber::read(text.as_bytes()), None, "{text}");
        }
    }
}
