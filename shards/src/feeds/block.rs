//! Rows on their way to one shard: several at a time, in memory that goes round.

use engine::feed::RowBuffer;

/// Rows of one shard, one after the other. Their numbers are as far apart as there are shards.
#[derive(Debug)]
pub(super) struct RowBlock {
    bytes: Vec<u8>,
    /// Where each value ends in `bytes`, row after row.
    ends: Vec<u32>,
    columns: usize,
    /// The number of the first row, and how far the next is from each.
    first: u64,
    step: u64,
}

impl RowBlock {
    /// One that is empty, with room for so many bytes.
    pub(super) fn new(columns: usize, step: u64, bytes: usize) -> RowBlock {
        RowBlock { bytes: Vec::with_capacity(bytes), ends: Vec::new(), columns, first: 0, step }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Puts the row with a number in, which is the next one of the shard.
    pub(super) fn push(&mut self, number: u64, row: &RowBuffer) {
        if self.is_empty() {
            self.first = number;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(row.bytes());
        let end = |end: &usize| u32::try_from(start + end).expect("a block has a few rows");
        self.ends.extend(row.ends().iter().map(end));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// What it holds, in bytes: of the values, and of where they end.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + size_of_val(self.ends.as_slice())
    }

    /// Where in it the row with a number is; nothing where it is one of a later block.
    pub(super) fn place_of(&self, number: u64) -> Option<usize> {
        assert!(number >= self.first, "rows are taken in the order of their numbers");
        let ahead = number - self.first;
        assert!(ahead.is_multiple_of(self.step), "a shard takes its own rows");
        let place = usize::try_from(ahead / self.step).ok()?;
        (place < self.ends.len() / self.columns).then_some(place)
    }

    /// The value of a column in the row at a place.
    #[inline]
    pub(super) fn field(&self, place: usize, column: usize) -> &[u8] {
        assert!(column < self.columns, "a feed has no column {column}");
        let at = place * self.columns + column;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[at] as usize]
    }
}
