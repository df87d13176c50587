//! Values found in a JSON text by what it has in common with an earlier one, of which they are known.
//!
//! The responses to a step mostly differ in scalars: in a token, an identifier, a count. Names, brackets and blanks are the same, and then
//! so are the ways to all values. Such a text is JSON if the earlier one is and the scalars in which it differs are some, so that it has to
//! be compared instead of being walked through. That costs a sixth where few scalars differ, and about as much where all do. Any other
//! text is walked through as ever: what is found is the same either way, and tests hold the two against each other.

use super::json_path::JsonPath;
use super::json_skip::{NotJson, behind_scalar};
use super::json_walk::{self, WalkMemory};
use std::ops::Range;

/// No longer text is remembered, in bytes: each step of each shard remembers one. With the room in which vectors grow, it takes 2 MiB at
/// the most, and 1.5 MiB more for where its scalars are and how they move.
const SHAPE_BYTES_MAX: usize = 1 << 20;
/// No text with more scalars is remembered: they would take up several times its own length.
const SHAPE_SCALARS_MAX: usize = 64 << 10;
/// As many texts in a row are not compared at most, where few have the shape of an earlier one.
const UNCOMPARED_MAX: u32 = 255;
/// As many texts of other shapes are put up with at most, where many have had the one that is remembered.
const OTHERS_MAX: u32 = 8;

/// An earlier text, and what was found in it.
#[derive(Clone, Debug, Default)]
pub(super) struct JsonShape {
    text: Vec<u8>,
    /// Where each scalar that is no name stands in it. None of them stands right behind another.
    scalars: Vec<Range<u32>>,
    found: Vec<Option<Range<usize>>>,
    /// How much further behind than in the earlier text the present one goes on behind a scalar of another length: from where on in the
    /// earlier one, and by how many bytes, which may be a negative number.
    moves: Vec<(u32, usize)>,
    policy: ComparisonPolicy,
}

/// When texts are compared, and when the earlier one is replaced: so that what never helps is hardly ever done.
#[derive(Clone, Debug, Default)]
struct ComparisonPolicy {
    /// So many texts are not compared.
    uncompared: u32,
    /// As many the next time.
    uncompared_next: u32,
    /// So many of other shapes are put up with.
    others: u32,
}

impl JsonShape {
    /// The same as [`json_walk::find`], whose paths are the same each time.
    pub(super) fn find(
        &mut self,
        text: &[u8],
        paths: &[JsonPath],
        memory: &mut WalkMemory,
        found: &mut Vec<Option<Range<usize>>>,
    ) -> Result<(), NotJson> {
        let is_compared = self.policy.is_compared();
        if is_compared && self.compare(text).is_some() {
            self.policy.had_shape();
            self.hand_over(found);
            return Ok(());
        }
        let walked = json_walk::find(text, paths, memory, found);
        // Texts that are never remembered were compared in vain as well.
        if is_compared && self.policy.replaces() && walked.is_ok() && text.len() <= SHAPE_BYTES_MAX {
            self.remember(text, found);
        }
        walked
    }

    /// Goes through a text beside the earlier one. Nothing where they differ in more than scalars.
    fn compare(&mut self, text: &[u8]) -> Option<()> {
        self.moves.clear();
        if self.text.is_empty() {
            return None;
        }
        // What is left of the earlier text, which begins there in it; of its scalars; and of the present text.
        let (mut known, mut at, mut scalars, mut rest) = (&self.text[..], 0, &self.scalars[..], text);
        let mut moved = 0;
        loop {
            let length = common_length(known, rest);
            if length == known.len() && length == rest.len() {
                return Some(());
            }
            // The byte behind a number may be the first that differs, where the other one has more digits.
            let differs_at = at + length as u32;
            let is_before = |scalar: &Range<u32>| scalar.end < differs_at;
            if is_before(scalars.first()?) {
                scalars = &scalars[scalars.partition_point(is_before)..];
            }
            let (scalar, behind) = scalars.split_first()?;
            scalars = behind;
            // Outside of scalars all bytes are those of the earlier text.
            let begins = rest.get((scalar.start - at) as usize..).filter(|_| scalar.start <= differs_at)?;
            if at == 0 && !begins.is_ascii() {
                std::str::from_utf8(begins).ok()?;
            }
            known = &known[(scalar.end - at) as usize..];
            (at, rest) = (scalar.end, behind_scalar(begins).ok()?);
            let moved_before =
                std::mem::replace(&mut moved, (text.len() - rest.len()).wrapping_sub(at as usize));
            if moved != moved_before {
                self.moves.push((at, moved));
            }
        }
    }

    /// What was found in the earlier text, where it stands in the present one.
    fn hand_over(&self, found: &mut Vec<Option<Range<usize>>>) {
        let moved = |at: usize| {
            let behind = self.moves.partition_point(|(from, _)| *from as usize <= at);
            at.wrapping_add(behind.checked_sub(1).map_or(0, |last| self.moves[last].1))
        };
        let moved = |range: &Range<usize>| moved(range.start)..moved(range.end);
        found.clear();
        found.extend(self.found.iter().map(|range| range.as_ref().map(moved)));
    }

    /// Takes a text that is JSON in the place of the earlier one, or nothing where it has too many scalars.
    fn remember(&mut self, text: &[u8], found: &[Option<Range<usize>>]) {
        self.text.clear();
        self.text.extend_from_slice(text);
        self.found.clear();
        self.found.extend_from_slice(found);
        self.scalars.clear();
        let mut rest = text;
        while let Some((first, behind_first)) = rest.split_first() {
            let is_other =
                matches!(first, b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r');
            let Some(behind) = (if is_other { None } else { behind_scalar(rest).ok() }) else {
                rest = behind_first;
                continue;
            };
            let is_name = *first == b'"' && behind.trim_ascii_start().first() == Some(&b':');
            if !is_name && self.scalars.len() == SHAPE_SCALARS_MAX {
                return self.text.clear();
            }
            if !is_name {
                let place = |rest: &[u8]| (text.len() - rest.len()) as u32;
                self.scalars.push(place(rest)..place(behind));
            }
            rest = behind;
        }
    }
}

impl ComparisonPolicy {
    fn is_compared(&mut self) -> bool {
        let is_compared = self.uncompared == 0;
        self.uncompared = self.uncompared.saturating_sub(1);
        is_compared
    }

    /// A text had the shape of the earlier one.
    fn had_shape(&mut self) {
        self.others = (self.others + 1).min(OTHERS_MAX);
        self.uncompared_next /= 2;
    }

    /// A text had another shape: whether it takes the place of the earlier one.
    fn replaces(&mut self) -> bool {
        if self.others > 0 {
            self.others -= 1;
            return false;
        }
        self.uncompared = self.uncompared_next;
        self.uncompared_next = (self.uncompared_next * 2 + 1).min(UNCOMPARED_MAX);
        true
    }
}

/// How many bytes two texts begin with that are the same.
#[inline(always)]
fn common_length(one: &[u8], other: &[u8]) -> usize {
    const WORD: usize = size_of::<u64>();
    let (words, others) = (one.as_chunks::<WORD>().0, other.as_chunks::<WORD>().0);
    for (at, (word, other)) in words.iter().zip(others).enumerate() {
        let difference = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
        if difference != 0 {
            return at * WORD + difference.trailing_zeros() as usize / 8;
        }
    }
    common_length_of_ends(words.len().min(others.len()) * WORD, one, other)
}

/// The same where only the last few bytes may differ, those behind so many.
#[inline(never)]
fn common_length_of_ends(same: usize, one: &[u8], other: &[u8]) -> usize {
    same + one[same..].iter().zip(&other[same..]).take_while(|(byte, other)| byte == other).count()
}

#[cfg(test)]
mod tests;
