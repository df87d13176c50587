//! All rows of a data file in memory: one piece of it, and where each value ends.

use super::definition::{FEED_BYTES_MAX, Feed, FeedFormat};
use super::json::ObjectReader;
use super::row::RowBuffer;
use super::rows::{RowFound, RowReader};
use super::text;
use super::wrong::WrongFeed;

/// The rows of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedTable {
    columns: Vec<String>,
    bytes: Vec<u8>,
    /// Where each value ends in `bytes`, row after row.
    ends: Vec<u32>,
}

impl FeedTable {
    /// The rows of a whole file, or the first thing that is wrong with it.
    pub fn read(feed: &Feed, bytes: &[u8]) -> Result<FeedTable, WrongFeed> {
        if bytes.len() as u64 > FEED_BYTES_MAX {
            let problem = format!("the file is larger than {} MiB", FEED_BYTES_MAX >> 20);
            return Err(WrongFeed::whole(problem, "keep fewer rows in it"));
        }
        let mut table = FeedTable { columns: feed.columns.clone(), bytes: Vec::new(), ends: Vec::new() };
        match RowReader::new(feed) {
            Some(rows) => table.take_rows(rows, bytes)?,
            None => table.take_array(bytes)?,
        }
        if table.ends.is_empty() {
            return Err(no_rows(feed, bytes));
        }
        table.bytes.shrink_to_fit();
        table.ends.shrink_to_fit();
        Ok(table)
    }

    fn take_rows(&mut self, mut rows: RowReader, bytes: &[u8]) -> Result<(), WrongFeed> {
        let (mut used, mut row) = (0, RowBuffer::default());
        loop {
            let (taken, found) = rows.read(&bytes[used..], true, &mut row)?;
            used += taken;
            match found {
                RowFound::Row => self.push(&row),
                RowFound::More | RowFound::End => return Ok(()),
            }
        }
    }

    fn take_array(&mut self, bytes: &[u8]) -> Result<(), WrongFeed> {
        let text = text::checked(&bytes[text::start(bytes)?..], 1)?;
        let mut objects = ObjectReader::new(&self.columns);
        objects.read_array(text, &mut RowBuffer::default(), &mut |row| self.push(row))
    }

    fn push(&mut self, row: &RowBuffer) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(row.bytes());
        // No value is longer than what it was written as.
        let end = |end: &usize| u32::try_from(start + end).expect("a file has fewer bytes than that");
        self.ends.extend(row.ends().iter().map(end));
    }

    /// What the columns are called, in the order of the file.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are: at least one.
    pub fn rows(&self) -> u64 {
        (self.ends.len() / self.columns.len()) as u64
    }

    /// The value of a column in a row, both counted from 0.
    #[inline]
    pub fn field(&self, row: u64, column: usize) -> &[u8] {
        assert!(column < self.columns.len(), "a feed has no column {column}");
        let at = row as usize * self.columns.len() + column;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[at] as usize]
    }
}

fn no_rows(feed: &Feed, bytes: &[u8]) -> WrongFeed {
    let is_empty = bytes.iter().all(u8::is_ascii_whitespace);
    let problem = match feed.format {
        FeedFormat::Csv { has_header: true, .. } if !is_empty => "there is a header, and no row after it",
        _ if is_empty => "the file is empty",
        _ => "there are no rows",
    };
    WrongFeed::whole(problem, "write rows into it, or name another")
}
