//! Numbers and histograms as SQLite holds them, and back.

use crate::error::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};

/// SQLite's integers have a sign; the bits stay the same.
pub(crate) fn stored(count: u64) -> i64 {
    count as i64
}

/// The count in a column.
pub(crate) fn count(row: &Row, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|count| count as u64)
}

/// A histogram: the bytes whose base64 it is, and the text itself where it is none.
pub(crate) fn packed(hdr: &str) -> Value {
    match STANDARD.decode(hdr) {
        Ok(bytes) if !bytes.is_empty() && STANDARD.encode(&bytes) == hdr => Value::Blob(bytes),
        _ => Value::Text(hdr.to_owned()),
    }
}

/// The histogram in a column.
pub(crate) fn unpacked(row: &Row, column: &str) -> Result<String, Problem> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(STANDARD.encode(bytes)),
        value => value.as_str().map(str::to_owned).map_err(|error| Problem::Damaged(error.to_string())),
    }
}
