//! The dynamic table of a decoder (RFC 7541, sections 2.3.2 and 4): fields that header blocks may refer to, the newest first.
//!
//! Its size counts 32 bytes for each field beside its bytes. All memory is laid out at the start.

/// What an entry counts for beside its name and value (section 4.1).
pub(super) const ENTRY_BYTES: usize = 32;

/// Where an entry's name begins, and the lengths of name and value, which follow each other.
#[derive(Clone, Copy, Debug, Default)]
struct TableEntry {
    start: u32,
    name: u32,
    value: u32,
}

/// Fields that header blocks may refer to.
#[derive(Debug)]
pub(super) struct DynamicTable {
    /// Names and values, the oldest first, in twice as much memory as they can take: what is live moves to the front when the end is
    /// reached, once for many insertions.
    bytes: Box<[u8]>,
    end: usize,
    entries: Box<[TableEntry]>,
    /// The place of the oldest entry.
    oldest: usize,
    count: usize,
    size: usize,
    size_max: usize,
    /// What the other side may raise `size_max` to.
    limit: usize,
    /// Entries ever inserted, and changes of its size: equal numbers mean an equal table.
    generation: u64,
}

impl DynamicTable {
    /// An empty table, of at most so many bytes.
    pub(super) fn new(limit: usize) -> DynamicTable {
        DynamicTable {
            bytes: vec![0; 2 * limit].into(),
            end: 0,
            entries: vec![TableEntry::default(); limit / ENTRY_BYTES + 1].into(),
            oldest: 0,
            count: 0,
            size: 0,
            size_max: limit,
            limit,
            generation: 0,
        }
    }

    /// Empties it, for a new connection.
    pub(super) fn reset(&mut self) {
        self.evict_to(0);
        self.size_max = self.limit;
        self.generation += 1;
    }

    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    #[inline]
    pub(super) fn size_max(&self) -> usize {
        self.size_max
    }

    /// Name and value of the entry inserted last (0), the one before (1), and so on.
    pub(super) fn field(&self, age: usize) -> Option<(&[u8], &[u8])> {
        let place = self.count.checked_sub(age + 1)?;
        let entry = self.entries[(self.oldest + place) % self.entries.len()];
        let bytes = &self.bytes[entry.start as usize..][..(entry.name + entry.value) as usize];
        Some(bytes.split_at(entry.name as usize))
    }

    /// Inserts a field. One that is larger than the table empties it, which is no error (section 4.4).
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        self.generation += 1;
        let bytes = name.len() + value.len();
        let size = bytes + ENTRY_BYTES;
        let Some(left) = self.size_max.checked_sub(size) else { return self.evict_to(0) };
        self.evict_to(left);
        if self.end + bytes > self.bytes.len() {
            self.move_to_front();
        }
        let start = self.end;
        self.bytes[start..start + name.len()].copy_from_slice(name);
        self.bytes[start + name.len()..start + bytes].copy_from_slice(value);
        self.end += bytes;
        let place = (self.oldest + self.count) % self.entries.len();
        self.entries[place] =
            TableEntry { start: start as u32, name: name.len() as u32, value: value.len() as u32 };
        self.count += 1;
        self.size += size;
    }

    /// Changes its size as the other side says; false when that is more than it may have.
    #[must_use]
    pub(super) fn resize(&mut self, size_max: usize) -> bool {
        if size_max > self.limit {
            return false;
        }
        self.generation += 1;
        self.size_max = size_max;
        self.evict_to(size_max);
        true
    }

    /// Evicts the oldest entries until no more than this is left.
    fn evict_to(&mut self, size: usize) {
        while self.size > size {
            let entry = self.entries[self.oldest];
            self.size -= (entry.name + entry.value) as usize + ENTRY_BYTES;
            self.oldest = (self.oldest + 1) % self.entries.len();
            self.count -= 1;
        }
    }

    fn move_to_front(&mut self) {
        let start = if self.count == 0 { self.end } else { self.entries[self.oldest].start as usize };
        self.bytes.copy_within(start..self.end, 0);
        self.end -= start;
        for place in 0..self.count {
            let index = (self.oldest + place) % self.entries.len();
            self.entries[index].start -= start as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn an_entry_larger_than_the_table_empties_it() {
        let mut table = DynamicTable::new(64);
        table.insert(b"a", b"b");
        assert_eq!(table.field(0), Some((&b"a"[..], &b"b"[..])));
        table.insert(&[b'x'; 33], b"");
        assert_eq!(table.field(0), None);
        assert!(!table.resize(65) && table.resize(0) && table.resize(64));
    }

    proptest! {
        #[test]
        fn it_holds_what_a_queue_of_that_size_would(
            limit in 0_usize..300,
            fields in proptest::collection::vec((0_usize..40, 0_usize..60, 0_usize..9), 0..200),
        ) {
            let (mut table, mut queue) = (DynamicTable::new(limit), VecDeque::<(Vec<u8>, Vec<u8>)>::new());
            let mut size_max = limit;
            for (number, (name, value, part)) in fields.into_iter().enumerate() {
                if part == 0 {
                    size_max = (number * 7) % (limit + 1);
                    prop_assert!(table.resize(size_max));
                }
                let field = (vec![number as u8; name], vec![!(number as u8); value]);
                if part > 0 {
                    table.insert(&field.0, &field.1);
                    queue.push_front(field);
                }
                let mut left = size_max;
                let fits = |(name, value): &&(Vec<u8>, Vec<u8>)| {
                    let rest = left.checked_sub(name.len() + value.len() + ENTRY_BYTES);
                    rest.map(|rest| left = rest).is_some()
                };
                let kept = queue.iter().take_while(fits).count();
                queue.truncate(kept);
                for (age, (name, value)) in queue.iter().enumerate() {
                    prop_assert_eq!(table.field(age), Some((&name[..], &value[..])));
                }
                prop_assert_eq!(table.field(kept), None);
            }
        }
    }
}
