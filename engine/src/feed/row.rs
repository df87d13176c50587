//! One row of a data file, in memory that is used again for the next.

/// A row as it was read.
#[derive(Clone, Debug, Default)]
pub struct RowBuffer {
    bytes: Vec<u8>,
    /// Where each value ends in `bytes`.
    ends: Vec<usize>,
}

impl RowBuffer {
    /// How many values it has.
    pub fn fields(&self) -> usize {
        self.ends.len()
    }

    /// The value of a column.
    pub fn field(&self, column: usize) -> &[u8] {
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[column]]
    }

    /// All values, one behind the other.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each value ends in them.
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(super) fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
    }

    /// Puts a whole row in.
    pub(super) fn set(&mut self, bytes: &[u8], ends: &[usize]) {
        self.clear();
        self.bytes.extend_from_slice(bytes);
        self.ends.extend_from_slice(ends);
    }
}
