//! Where a flow's rows of data files come from.

/// The rows of the feeds of a plan, as one shard has them.
pub trait RowSource {
    /// Hands the values of some columns of an arrival's row to `take`, each with its place among those columns.
    fn row(
        &mut self,
        feed: usize,
        number: u64,
        columns: &[usize],
        take: &mut dyn FnMut(usize, &[u8]),
    ) -> RowTaken;
}

/// What became of asking for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowTaken {
    /// Its values have been taken.
    Taken,
    /// It has not been read yet: ask again.
    Starved,
    /// There is none left, and no later arrival is wanted.
    Stop,
    /// There is none, and the arrival fails.
    Missing,
}

/// No rows: of plans without feeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRows;

impl RowSource for NoRows {
    fn row(&mut self, _: usize, _: u64, _: &[usize], _: &mut dyn FnMut(usize, &[u8])) -> RowTaken {
        unreachable!("a plan without feeds asks for no row")
    }
}
