//! Whether text is UTF-8, of whatever pieces it comes in: a character may be split, and is told as soon as it cannot become one.

use std::str::from_utf8;

/// The longest character.
const CHARACTER_BYTES_MAX: usize = 4;

/// What is known of a text so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8Check {
    /// The beginning of a character that was split.
    pending: [u8; CHARACTER_BYTES_MAX],
    filled: u8,
}

impl Utf8Check {
    /// Takes the next piece; false when the text is none.
    #[inline]
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        let rest = match self.filled {
            0 => bytes,
            _ => match self.complete(bytes) {
                Some(rest) => rest,
                None => return false,
            },
        };
        match from_utf8(rest) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                let begun = &rest[error.valid_up_to()..];
                self.pending[..begun.len()].copy_from_slice(begun);
                self.filled = begun.len() as u8;
                true
            }
        }
    }

    /// Goes on with the character that was split; returns what is behind it, or nothing when it is none.
    #[cold]
    fn complete<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        for (at, byte) in bytes.iter().enumerate() {
            self.pending[usize::from(self.filled)] = *byte;
            self.filled += 1;
            match from_utf8(&self.pending[..usize::from(self.filled)]) {
                Ok(_) => {
                    self.filled = 0;
                    return Some(&bytes[at + 1..]);
                }
                Err(error) if error.error_len().is_some() => return None,
                Err(_) => {}
            }
        }
        Some(&[])
    }

    /// Whether no character is left half-way.
    #[inline]
    pub(super) fn is_complete(&self) -> bool {
        self.filled == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_text<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let mut check = Utf8Check::default();
        pieces.into_iter().all(|piece| check.take(piece)) && check.is_complete()
    }

    #[test]
    fn what_cannot_become_a_character_is_told_at_its_first_wrong_byte() {
        for (begun, wrong) in [(&[0xf4][..], 0x90), (&[0xed], 0xa0), (&[0xe0], 0x80), (&[0xf0, 0x9f], 0x41)] {
            let mut check = Utf8Check::default();
            assert!(check.take(begun) && !check.is_complete(), "{begun:x?}");
            assert!(!check.take(&[wrong]), "{begun:x?} {wrong:x}");
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_are_judged_as_the_whole(
            bytes in prop_oneof![
                "\\PC{0,40}".prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..20),
                ("\\PC{0,9}", any::<u8>(), "\\PC{0,9}").prop_map(|(a, byte, b)| [a.as_bytes(), &[byte], b.as_bytes()].concat()),
            ],
            size in 1_usize..9,
        ) {
            prop_assert_eq!(is_text(bytes.chunks(size)), from_utf8(&bytes).is_ok());
        }
    }
}
