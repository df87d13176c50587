//! What a plan says of a data file. The file is named; what is in it is never in a plan.

use serde::{Deserialize, Serialize};

/// The largest file that is kept in memory. Larger ones are read ahead while the run goes on.
pub const FEED_BYTES_MAX: u64 = 256 << 20;
/// How much of a file is looked at for its columns.
pub const FEED_HEAD_BYTES: usize = 1 << 20;
/// The longest row. A longer one is a sign of a quote that is not closed.
pub const ROW_BYTES_MAX: usize = 1 << 20;
/// The most columns.
pub const COLUMNS_MAX: usize = 1_024;
const _: () = assert!(FEED_BYTES_MAX <= u32::MAX as u64, "where a value ends is kept in 32 bits");
const _: () = assert!(ROW_BYTES_MAX <= FEED_HEAD_BYTES, "the row that names the columns is seen as a whole");

/// A data file whose rows feed iterations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// What its values are called by: those of `user` are `{{user.COLUMN}}`.
    pub name: String,
    /// Where it is, as typed: from where Vajra is started.
    pub file: String,
    /// How it is written.
    pub format: FeedFormat,
    /// What its columns are called, in the order of the file.
    pub columns: Vec<String>,
    /// Which row an arrival has.
    pub rows: RowOrder,
    /// What happens to arrivals after the last row.
    pub at_end: AtEnd,
}

/// How a data file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedFormat {
    /// Values between delimiters (RFC 4180).
    Csv {
        /// What stands between two values: one character of ASCII.
        delimiter: char,
        /// Its first row names the columns.
        has_header: bool,
    },
    /// An object of JSON on each line.
    Jsonl,
    /// One array of JSON, of objects.
    Json,
}

/// Which row an arrival has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    /// The rows in their order.
    #[default]
    Sequential,
    /// The same, and no row twice.
    Unique,
    /// Each row once, in an order that is drawn; then again, in another.
    Shuffle,
    /// A row that is drawn for each arrival.
    Random,
}

/// What happens to arrivals after the last row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtEnd {
    /// The rows begin again.
    #[default]
    Repeat,
    /// There are no more arrivals.
    Stop,
    /// They fail.
    Fail,
}

impl FeedFormat {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            FeedFormat::Csv { .. } => "csv",
            FeedFormat::Jsonl => "jsonl",
            FeedFormat::Json => "json",
        }
    }

    /// Whether rows can be read one by one, without the whole file.
    pub fn is_streamed(self) -> bool {
        !matches!(self, FeedFormat::Json)
    }
}

impl RowOrder {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            RowOrder::Sequential => "sequential",
            RowOrder::Unique => "unique",
            RowOrder::Shuffle => "shuffle",
            RowOrder::Random => "random",
        }
    }

    /// What happens at the end where nothing is said.
    pub fn at_end_default(self) -> AtEnd {
        if self == RowOrder::Unique { AtEnd::Stop } else { AtEnd::Repeat }
    }

    /// Whether rows are taken in the order of the file.
    pub fn is_in_order(self) -> bool {
        matches!(self, RowOrder::Sequential | RowOrder::Unique)
    }
}

impl AtEnd {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            AtEnd::Repeat => "repeat",
            AtEnd::Stop => "stop",
            AtEnd::Fail => "fail",
        }
    }
}
