//! Data files whose rows feed iterations: what they hold, and which row an arrival has.
//!
//! Nothing here opens a file: rows are made of bytes that are given ([`FeedTable`] of a whole file, [`RowReader`] of one that is read
//! piece by piece), and which row belongs to an arrival is a function of its number ([`FeedOrder`]), so that shards and machines agree
//! without a word.
//!
//! Reading order: `definition.rs` (what is said of a feed) → `text.rs` (is it UTF-8?) → `csv.rs` and `json.rs` (one row) → `rows.rs`
//! (one after the other) → `columns.rs` and `table.rs` (the file) → `order.rs` and `permutation.rs` (which row is whose).

mod columns;
mod csv;
mod definition;
mod json;
mod names;
mod order;
mod permutation;
mod row;
mod rows;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod wrong;

pub use columns::columns_of;
pub(crate) use columns::wrong_columns;
pub use definition::{
    AtEnd, COLUMNS_MAX, FEED_BYTES_MAX, FEED_HEAD_BYTES, Feed, FeedFormat, ROW_BYTES_MAX, RowOrder,
};
pub use names::listed_columns;
pub use order::{FeedOrder, RowAt};
pub use row::RowBuffer;
pub use rows::{RowFound, RowReader};
pub use table::FeedTable;
pub use wrong::WrongFeed;
