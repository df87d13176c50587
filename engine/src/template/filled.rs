//! What the values of one request became: texts in the order of its holes, in memory that is used again for the next one.

/// Texts one behind the other.
#[derive(Clone, Debug, Default)]
pub struct FilledValues {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl FilledValues {
    /// Memory for so many texts, of so many bytes together, so that none has to be taken later.
    pub fn with_capacity(texts: usize, bytes: usize) -> FilledValues {
        FilledValues { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(texts) }
    }

    /// Forgets all texts and keeps their memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Adds a text: all that is appended. Where that fails, nothing is added.
    pub fn push_with<E>(&mut self, append: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let start = self.bytes.len();
        let appended = append(&mut self.bytes);
        match appended {
            Ok(()) => self.ends.push(self.bytes.len()),
            Err(_) => self.bytes.truncate(start),
        }
        appended
    }

    /// Adds a text that cannot fail.
    pub fn push(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        append(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// The text with a number, if there is one.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_numbers_and_a_failed_one_leaves_nothing() {
        let mut filled = FilledValues::with_capacity(2, 16);
        for _ in 0..2 {
            let push = |filled: &mut FilledValues, text: &str, result: Result<(), ()>| {
                filled.push_with(|out| {
                    out.extend_from_slice(text.as_bytes());
                    result
                })
            };
            assert_eq!(push(&mut filled, "one", Ok(())), Ok(()));
            assert_eq!(push(&mut filled, "gone", Err(())), Err(()));
            assert_eq!(push(&mut filled, "", Ok(())), Ok(()));
            assert_eq!(push(&mut filled, "three", Ok(())), Ok(()));
            let texts: Vec<&[u8]> = (0..filled.len()).filter_map(|index| filled.get(index)).collect();
            assert_eq!(texts, [&b"one"[..], b"", b"three"]);
            assert_eq!(filled.get(3), None);
            filled.clear();
            assert!(filled.is_empty());
        }
    }
}
