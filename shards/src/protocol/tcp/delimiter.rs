//! The bytes that end a response, found in whatever pieces they come.

use memchr::memmem::Finder;

/// The bytes that end a response.
#[derive(Clone, Debug)]
pub(super) struct Delimiter {
    finder: Finder<'static>,
    /// Of so many bytes that fit, less one: how many of the last of them fit as well, and are fewer (Knuth, Morris and Pratt 1977).
    shorter: Box<[u16]>,
}

impl Delimiter {
    /// Of at least one byte, and of no more than 65,535.
    pub(super) fn new(bytes: &[u8]) -> Delimiter {
        assert!((1..=usize::from(u16::MAX)).contains(&bytes.len()), "the plan's rules have seen to that");
        let mut shorter = vec![0_u16; bytes.len()];
        let mut fitting = 0;
        for index in 1..bytes.len() {
            while fitting > 0 && bytes[fitting] != bytes[index] {
                fitting = usize::from(shorter[fitting - 1]);
            }
            fitting += usize::from(bytes[fitting] == bytes[index]);
            shorter[index] = fitting as u16;
        }
        Delimiter { finder: Finder::new(bytes).into_owned(), shorter: shorter.into() }
    }

    /// Where the first one ends in bytes that follow others, of whose last so many fit already. Where there is none, `fitting` is how many
    /// fit now; where there is one, none.
    pub(super) fn end(&self, fitting: &mut u16, bytes: &[u8]) -> Option<usize> {
        let length = self.shorter.len();
        let (mut fits, mut at) = (usize::from(std::mem::take(fitting)), 0);
        // What has begun is followed byte by byte, until it is whole or comes to nothing.
        while fits > 0 {
            let Some(&byte) = bytes.get(at) else {
                *fitting = fits as u16;
                return None;
            };
            fits = self.after(fits, byte);
            at += 1;
            if fits == length {
                return Some(at);
            }
        }
        let rest = &bytes[at..];
        if let Some(found) = self.finder.find(rest) {
            return Some(at + found + length);
        }
        // The beginning of one may be the last that has come.
        for &byte in &rest[rest.len().saturating_sub(length - 1)..] {
            fits = self.after(fits, byte);
        }
        *fitting = fits as u16;
        None
    }

    /// How many bytes fit after one more, of fewer than all.
    fn after(&self, mut fits: usize, byte: u8) -> usize {
        let bytes = self.finder.needle();
        while fits > 0 && bytes[fits] != byte {
            fits = usize::from(self.shorter[fits - 1]);
        }
        fits + usize::from(bytes[fits] == byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Where each one ends, of bytes that come in these pieces.
    fn ends(delimiter: &Delimiter, pieces: &[&[u8]]) -> Vec<usize> {
        let (mut ends, mut before, mut fitting) = (Vec::new(), 0, 0);
        for piece in pieces {
            let mut at = 0;
            while let Some(end) = delimiter.end(&mut fitting, &piece[at..]) {
                at += end;
                ends.push(before + at);
            }
            before += piece.len();
        }
        ends
    }

    #[test]
    fn a_delimiter_that_repeats_itself_is_found_where_its_beginning_came_twice() {
        let delimiter = Delimiter::new(b"aab");
        assert_eq!(ends(&delimiter, &[b"aa", b"ab"]), [4]);
        assert_eq!(ends(&delimiter, &[b"a", b"a", b"a", b"a", b"b", b"aab"]), [5, 8]);
        assert_eq!(ends(&Delimiter::new(b"\r\n\r\n"), &[b"\r\n\r", b"\r\n\r\n"]), [7]);
    }

    proptest! {
        /// Few letters, so that beginnings of it are everywhere.
        #[test]
        fn wherever_bytes_are_cut_each_delimiter_ends_where_a_plain_search_says(
            bytes in proptest::collection::vec(0_u8..3, 0..120),
            sought in proptest::collection::vec(0_u8..3, 1..6),
            cuts in proptest::collection::vec(1_usize..9, 0..60),
        ) {
            let (mut expected, mut at) = (Vec::new(), 0);
            while let Some(found) = bytes[at..].windows(sought.len()).position(|part| part == sought) {
                at += found + sought.len();
                expected.push(at);
            }
            let (mut pieces, mut rest) = (Vec::new(), &bytes[..]);
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(ends(&Delimiter::new(&sought), &pieces), expected);
        }
    }
}
