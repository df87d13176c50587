//! Which request of one recording is which of another: the same method, a path of the same form, in the same order.

use super::recorded::Recorded;
use super::slots::segments;

/// The fewest letters of a word that may be made by a machine though it looks like none.
const LONG_LETTERS: usize = 16;

/// For each request of the first recording its partner in the second, so that the order of both is kept and as much as possible is
/// alike.
pub(super) fn partners(first: &[Recorded<'_>], second: &[Recorded<'_>]) -> Vec<Option<usize>> {
    let columns = second.len() + 1;
    // The best that can be had from a pair of rests on, row by row.
    let mut best = vec![0_u32; (first.len() + 1) * columns];
    for (row, one) in first.iter().enumerate().rev() {
        for (column, other) in second.iter().enumerate().rev() {
            let alone = best[(row + 1) * columns + column].max(best[row * columns + column + 1]);
            let likeness = likeness(one, other);
            let together = if likeness > 0 { likeness + best[(row + 1) * columns + column + 1] } else { 0 };
            best[row * columns + column] = alone.max(together);
        }
    }
    let (mut partners, mut row, mut column) = (vec![None; first.len()], 0, 0);
    while row < first.len() && column < second.len() {
        let here = best[row * columns + column];
        let likeness = likeness(&first[row], &second[column]);
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

/// How much two requests are alike; 0 if they cannot be the same one.
fn likeness(one: &Recorded<'_>, other: &Recorded<'_>) -> u32 {
    let (ones, others) = (segments(&one.url.path), segments(&other.url.path));
    if one.method != other.method || ones.len() != others.len() {
        return 0;
    }
    let mut likeness = 10;
    for (one, other) in ones.iter().zip(&others) {
        match one == other {
            true => likeness += 20 / u32::try_from(ones.len()).unwrap_or(u32::MAX),
            false if is_generated(one) && is_generated(other) => {}
            false => return 0,
        }
    }
    likeness + u32::from(one.status == other.status)
}

/// Whether a word looks as if a machine had made it: it has a digit, or small and capital letters within, or is long.
pub(super) fn is_generated(word: &str) -> bool {
    let has = |is: fn(&char) -> bool| word.chars().skip(1).any(|c| is(&c));
    word.chars().any(|c| c.is_ascii_digit())
        || (has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase))
        || word.chars().count() >= LONG_LETTERS
}
