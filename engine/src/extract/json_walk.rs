//! One pass over a JSON text that finds the values of several paths.
//!
//! Values are where they stand in the text; nothing is copied. The whole text is looked at, because what is cut off or
//! otherwise wrong at its end is no JSON, and because of several members with one name the last one counts, as in most
//! readers of JSON.

use super::json_path::{Element, JsonPath, PathStep};
use super::json_skip::NotJson;
use super::json_text::{JsonScanner, unescape};
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
    text: &str,
    paths: &[JsonPath],
    memory: &mut WalkMemory,
    found: &mut Vec<Option<Range<usize>>>,
) -> Result<(), NotJson> {
    found.clear();
    found.resize(paths.len(), None);
    for (paths, found) in paths.chunks(PATHS_MAX).zip(found.chunks_mut(PATHS_MAX)) {
        let mut walk = JsonWalk { scanner: JsonScanner::new(text), paths, memory, found };
        let all = PathSet::MAX >> (PATHS_MAX - paths.len());
        walk.value(0, all)?;
        if walk.scanner.peek().is_some() {
            return Err(NotJson);
        }
    }
    Ok(())
}

struct JsonWalk<'a> {
    scanner: JsonScanner<'a>,
    paths: &'a [JsonPath],
    memory: &'a mut WalkMemory,
    found: &'a mut [Option<Range<usize>>],
}

impl JsonWalk<'_> {
    /// Passes over the value to which the first `depth` steps of some paths lead.
    fn value(&mut self, depth: usize, paths: PathSet) -> Result<(), NotJson> {
        let ending = self.those(paths, |path, _| path.steps.len() == depth);
        let further = paths & !ending;
        let first = self.scanner.peek();
        let start = self.scanner.at();
        match first {
            Some(b'{') if further != 0 => self.object(depth, further)?,
            Some(b'[') if further != 0 => self.array(depth, further)?,
            _ => self.scanner.skip_value(&mut self.memory.open)?,
        }
        let end = self.scanner.at();
        for path in indices(ending) {
            self.found[path] = Some(start..end);
        }
        Ok(())
    }

    fn object(&mut self, depth: usize, paths: PathSet) -> Result<(), NotJson> {
        self.scanner.take(b'{');
        if self.scanner.take(b'}') {
            return Ok(());
        }
        loop {
            let (name, has_escapes) = self.scanner.name()?;
            let name = self.scanner.bytes(name);
            let matching = if has_escapes {
                self.named_by_escapes(name, depth, paths)
            } else {
                self.named(name, depth, paths)
            };
            for path in indices(matching) {
                // Of several members with one name the last counts, and what was found in an earlier one does not.
                self.found[path] = None;
            }
            self.below(depth, matching)?;
            if !self.scanner.take_next_or(b'}')? {
                return Ok(());
            }
        }
    }

    fn array(&mut self, depth: usize, paths: PathSet) -> Result<(), NotJson> {
        self.scanner.take(b'[');
        if self.scanner.take(b']') {
            return Ok(());
        }
        for index in 0.. {
            let matching = self.those(paths, |path, found| match path.steps[depth].element {
                Some(Element::At(at)) => at == index,
                Some(Element::Any) => found.is_none(),
                None => false,
            });
            self.below(depth, matching)?;
            if !self.scanner.take_next_or(b']')? {
                break;
            }
        }
        Ok(())
    }

    /// Passes over a value one step below a depth, to which that step of some paths leads.
    fn below(&mut self, depth: usize, matching: PathSet) -> Result<(), NotJson> {
        match matching {
            0 => self.scanner.skip_value(&mut self.memory.open),
            _ => self.value(depth + 1, matching),
        }
    }

    fn named(&self, name: &[u8], depth: usize, paths: PathSet) -> PathSet {
        let is_named = |step: &PathStep| step.name.as_ref().is_some_and(|wanted| wanted.as_bytes() == name);
        self.those(paths, |path, _| is_named(&path.steps[depth]))
    }

    fn named_by_escapes(&mut self, name: &[u8], depth: usize, paths: PathSet) -> PathSet {
        let mut plain = std::mem::take(&mut self.memory.name);
        plain.clear();
        // A name with half a surrogate pair is no text, and no path can say it.
        let matching = unescape(name, &mut plain).map_or(0, |()| self.named(&plain, depth, paths));
        self.memory.name = plain;
        matching
    }

    /// Those of some paths of which something holds, given what was found for each.
    fn those(&self, paths: PathSet, holds: impl Fn(&JsonPath, &Option<Range<usize>>) -> bool) -> PathSet {
        let holding = indices(paths).filter(|path| holds(&self.paths[*path], &self.found[*path]));
        holding.fold(0, |set, path| set | 1 << path)
    }
}

/// The members of a set.
fn indices(mut paths: PathSet) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let first = paths.trailing_zeros() as usize;
        // Without its lowest bit.
        let is_some = paths != 0;
        paths &= paths.wrapping_sub(1);
        is_some.then_some(first)
    })
}

#[cfg(test)]
mod tests;
