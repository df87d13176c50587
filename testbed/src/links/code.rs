//! What a short link is called: eight letters and digits, no two links the same.

use std::fmt;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 8;

/// How many codes there are: 62^8.
const CODES: u64 = 218_340_105_584_896;

/// Shares no factor with the number of codes, which is 2^8 × 31^8; so that numbers in turn lead to codes that are all different and do
/// not look it.
const STEP: u64 = 133_417_398_204_943;
const _: () = assert!(!STEP.is_multiple_of(2) && !STEP.is_multiple_of(31) && STEP < CODES);

/// The code of a short link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkCode([u8; LENGTH]);

impl LinkCode {
    /// The code of the link with this number, in an order that the seed decides.
    pub(crate) fn of(number: u64, seed: u64) -> LinkCode {
        let place = u128::from(number) * u128::from(STEP) + u128::from(seed);
        let mut rest = (place % u128::from(CODES)) as u64;
        let mut letters = [0; LENGTH];
        for letter in letters.iter_mut().rev() {
            *letter = LETTERS[(rest % 62) as usize];
            rest /= 62;
        }
        LinkCode(letters)
    }

    /// Reads a code; `None` if it cannot be one.
    pub(crate) fn parse(text: &str) -> Option<LinkCode> {
        let letters: [u8; LENGTH] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_alphanumeric).then_some(LinkCode(letters))
    }
}

impl fmt::Display for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_different_and_can_be_read() {
        let codes: BTreeSet<LinkCode> = (0..100_000).map(|number| LinkCode::of(number, 7)).collect();
        assert_eq!(codes.len(), 100_000);
        for code in codes.into_iter().take(100) {
            assert_eq!(LinkCode::parse(&code.to_string()), Some(code));
        }
        assert_eq!(LinkCode::of(CODES + 3, u64::MAX), LinkCode::of(3, u64::MAX), "they come round at last");
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in ["", "1234567", "123456789", "1234567/", "1234567é", "abc-defg"] {
            assert_eq!(LinkCode::parse(text), None, "{text}");
        }
    }
}
