//! Which request of one recording is which of another: the same method, a path of the same form, in the same order.

use super::recorded::Recorded;
use super::slots::segments;

/// The fewest letters of a word that may be made by a machine though it looks like none.
const LONG_LETTERS: usize = 16;

/// What of a request is compared with others.
struct RequestForm<'r> {
    method: &'r str,
    status: i64,
    /// Segments of the path, and whether each looks as if a machine had made it.
    segments: Vec<(&'r str, bool)>,
}

impl<'r> RequestForm<'r> {
    fn of(request: &'r Recorded<'_>) -> RequestForm<'r> {
        let segments = segments(&request.url.path).into_iter();
        RequestForm {
            method: &request.method,
            status: request.status,
            segments: segments.map(|segment| (segment, is_generated(segment))).collect(),
        }
    }

    /// How much two requests are alike; 0 if they cannot be the same one.
    fn likeness(&self, other: &RequestForm<'_>) -> u32 {
        if self.method != other.method || self.segments.len() != other.segments.len() {
            return 0;
        }
        let each = 20 / u32::try_from(self.segments.len().max(1)).unwrap_or(u32::MAX);
        let mut likeness = 10 + u32::from(self.status == other.status);
        for ((one, is_generated), (other, is_other_generated)) in self.segments.iter().zip(&other.segments) {
            match one == other {
                true => likeness += each,
                false if *is_generated && *is_other_generated => {}
                false => return 0,
            }
        }
        likeness
    }
}

/// For each request of the first recording its partner in the second, so that the order of both is kept and as much as possible is
/// alike.
pub(super) fn partners(first: &[Recorded<'_>], second: &[Recorded<'_>]) -> Vec<Option<usize>> {
    let first: Vec<RequestForm<'_>> = first.iter().map(RequestForm::of).collect();
    let second: Vec<RequestForm<'_>> = second.iter().map(RequestForm::of).collect();
    let columns = second.len() + 1;
    // The best that can be had from a pair of rests on, row by row.
    let mut best = vec![0_u32; (first.len() + 1) * columns];
    for (row, one) in first.iter().enumerate().rev() {
        for (column, other) in second.iter().enumerate().rev() {
            let alone = best[(row + 1) * columns + column].max(best[row * columns + column + 1]);
            let likeness = one.likeness(other);
            let together = if likeness > 0 { likeness + best[(row + 1) * columns + column + 1] } else { 0 };
            best[row * columns + column] = alone.max(together);
        }
    }
    let (mut partners, mut row, mut column) = (vec![None; first.len()], 0, 0);
    while row < first.len() && column < second.len() {
        let here = best[row * columns + column];
        let likeness = first[row].likeness(&second[column]);
        if likeness > 0 && here == likeness + best[(row + 1) * columns + column + 1] {
            partners[row] = Some(column);
            (row, column) = (row + 1, column + 1);
        } else if here == best[(row + 1) * columns + column] {
            row += 1;
        } else {
            column += 1;
        }
    }
    partners
}

/// Whether a word looks as if a machine had made it: it has a digit, or small and capital letters within, or is long.
pub(super) fn is_generated(word: &str) -> bool {
    let has = |is: fn(&char) -> bool| word.chars().skip(1).any(|c| is(&c));
    word.chars().any(|c| c.is_ascii_digit())
        || (has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase))
        || word.chars().count() >= LONG_LETTERS
}
