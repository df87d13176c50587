//! One pass over a JSON text that finds the values of several paths.
//!
//! Values are where they stand in the text; nothing is copied. The whole text is looked at, because what is cut off or
//! otherwise wrong at its end is no JSON, and because of several members with one name the last one counts, as in most
//! readers of JSON.

use super::json_path::{Element, JsonPath};
use super::json_skip::{
    NotJson, behind_colon, behind_scalar_or_other, behind_string, is_plain, mark_and_next, next,
};
use super::json_text::unescape;
use std::ops::Range;

/// Paths that a pass can look for, a bit for each in a set.
const PATHS_MAX: usize = PathSet::BITS as usize;

/// Paths, by their indices.
type PathSet = u64;

/// Memory that is used again for each text.
#[derive(Debug, Default)]
pub(super) struct WalkMemory {
    /// What is open around values that are passed over, where that is deep.
    open: Vec<u64>,
    /// A name without its escapes.
    name: Vec<u8>,
}

/// Finds the value of each path: where it begins and ends, a string with its quotation marks. More paths than a pass can
/// look for take several.
pub(super) fn find(
    text: &[u8],
    paths: &[JsonPath],
    memory: &mut WalkMemory,
    found: &mut Vec<Option<Range<usize>>>,
) -> Result<(), NotJson> {
    found.clear();
    found.resize(paths.len(), None);
    // Many texts end in a line's end, which is no reason to look at each of their bytes for others.
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let text = &text[..text.iter().rposition(|byte| !is_blank(byte)).map_or(0, |last| last + 1)];
    let is_plain = is_plain(text);
    if !is_plain && std::str::from_utf8(text).is_err() {
        return Err(NotJson);
    }
    for (paths, found) in paths.chunks(PATHS_MAX).zip(found.chunks_mut(PATHS_MAX)) {
        match is_plain {
            true => JsonWalk::<true> { text, paths, memory, found }.whole()?,
            false => JsonWalk::<false> { text, paths, memory, found }.whole()?,
        }
    }
    Ok(())
}

/// One pass over a text, which is plain or may be anything. What is left of it is handed from one function to the next.
struct JsonWalk<'a, 'm, const PLAIN: bool> {
    text: &'a [u8],
    paths: &'m [JsonPath],
    memory: &'m mut WalkMemory,
    found: &'m mut [Option<Range<usize>>],
}

impl<'a, const PLAIN: bool> JsonWalk<'a, '_, PLAIN> {
    fn whole(&mut self) -> Result<(), NotJson> {
        let all = PathSet::MAX >> (PATHS_MAX - self.paths.len());
        // No blank is behind it.
        let (first, rest) = next::<PLAIN>(self.text)?;
        if self.value(first, rest, 0, all)?.is_empty() { Ok(()) } else { Err(NotJson) }
    }

    /// Passes over a value, to which the first `depth` steps of some paths lead; what is behind it. Its first byte is given with what is
    /// behind that.
    fn value(
        &mut self,
        first: u8,
        rest: &'a [u8],
        depth: usize,
        paths: PathSet,
    ) -> Result<&'a [u8], NotJson> {
        let (mut ending, mut left) = (0, paths);
        while let Some(path) = take_first(&mut left) {
            ending |= PathSet::from(self.paths[path].steps.len() == depth) << path;
        }
        let further = paths & !ending;
        let start = self.place_of(rest) - 1;
        let rest = match first {
            b'{' if further != 0 => self.object(rest, depth, further)?,
            b'[' if further != 0 => self.array(rest, depth, further)?,
            _ => behind_scalar_or_other::<PLAIN>(first, rest, &mut self.memory.open)?,
        };
        let end = self.place_of(rest);
        while let Some(path) = take_first(&mut ending) {
            self.found[path] = Some(start..end);
        }
        Ok(rest)
    }

    /// Where what is left of the text begins in it.
    #[inline(always)]
    fn place_of(&self, rest: &[u8]) -> usize {
        self.text.len() - rest.len()
    }

    fn object(&mut self, rest: &'a [u8], depth: usize, paths: PathSet) -> Result<&'a [u8], NotJson> {
        let (mut byte, mut rest) = next::<PLAIN>(rest)?;
        if byte == b'}' {
            return Ok(rest);
        }
        loop {
            if byte != b'"' {
                return Err(NotJson);
            }
            let behind_name = behind_string::<PLAIN>(rest)?;
            let name = &rest[..rest.len() - behind_name.len() - 1];
            let first;
            (first, rest) = behind_colon::<PLAIN>(behind_name)?;
            let matching = match !PLAIN && memchr::memchr(b'\\', name).is_some() {
                true => self.named_by_escapes(name, depth, paths),
                false => self.named(name, depth, paths),
            };
            let mut left = matching;
            while let Some(path) = take_first(&mut left) {
                // Of several members with one name the last counts, and what was found in an earlier one does not.
                self.found[path] = None;
            }
            rest = self.below(first, rest, depth, matching)?;
            let mark;
            (mark, byte, rest) = mark_and_next::<PLAIN>(b',', rest)?;
            match mark {
                b',' => {}
                b'}' => return Ok(rest),
                _ => return Err(NotJson),
            }
        }
    }

    fn array(&mut self, rest: &'a [u8], depth: usize, paths: PathSet) -> Result<&'a [u8], NotJson> {
        let (mut first, mut rest) = next::<PLAIN>(rest)?;
        if first == b']' {
            return Ok(rest);
        }
        for index in 0.. {
            let (mut matching, mut left) = (0, paths);
            while let Some(path) = take_first(&mut left) {
                let is_meant = match self.paths[path].steps[depth].element {
                    Some(Element::At(at)) => at == index,
                    Some(Element::Any) => self.found[path].is_none(),
                    None => false,
                };
                matching |= PathSet::from(is_meant) << path;
            }
            let mark;
            (mark, first, rest) = mark_and_next::<PLAIN>(b',', self.below(first, rest, depth, matching)?)?;
            match mark {
                b',' => {}
                b']' => break,
                _ => return Err(NotJson),
            }
        }
        Ok(rest)
    }

    /// Passes over a value one step below a depth, to which that step of some paths leads.
    #[inline(always)]
    fn below(
        &mut self,
        first: u8,
        rest: &'a [u8],
        depth: usize,
        matching: PathSet,
    ) -> Result<&'a [u8], NotJson> {
        if matching != 0 {
            return self.value(first, rest, depth + 1, matching);
        }
        behind_scalar_or_other::<PLAIN>(first, rest, &mut self.memory.open)
    }

    #[inline(always)]
    fn named(&self, name: &[u8], depth: usize, paths: PathSet) -> PathSet {
        let (mut matching, mut left) = (0, paths);
        while let Some(path) = take_first(&mut left) {
            let wanted = self.paths[path].steps[depth].name.as_deref();
            matching |= PathSet::from(wanted.is_some_and(|wanted| wanted.as_bytes() == name)) << path;
        }
        matching
    }

    fn named_by_escapes(&mut self, name: &[u8], depth: usize, paths: PathSet) -> PathSet {
        let mut plain = std::mem::take(&mut self.memory.name);
        plain.clear();
        // A name with half a surrogate pair is no text, and no path can say it.
        let matching = unescape(name, &mut plain).map_or(0, |()| self.named(&plain, depth, paths));
        self.memory.name = plain;
        matching
    }
}

/// Takes the first path out of a set.
#[inline(always)]
fn take_first(paths: &mut PathSet) -> Option<usize> {
    let first = paths.trailing_zeros() as usize;
    let is_some = *paths != 0;
    // Without its lowest bit.
    *paths &= paths.wrapping_sub(1);
    is_some.then_some(first)
}

#[cfg(test)]
mod tests;
