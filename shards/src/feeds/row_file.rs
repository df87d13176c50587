//! A data file on its way to rows: as a whole, or piece by piece.

use engine::failure::{FailureKind, RunFailure};
use engine::feed::{FEED_BYTES_MAX, RowBuffer, RowFound, RowReader, WrongFeed};
use engine::plan::Feed;
use std::fs::{self, File};
use std::io::{self, Read, Seek};

/// How much is read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// What is wrong with a feed's file: the operator's to put right.
pub(super) fn failure_of(feed: &Feed, wrong: WrongFeed) -> RunFailure {
    let text = format!("feed `{}`: {}: {}", feed.name, wrong.place(&feed.file), wrong.problem);
    FailureKind::Plan.with_fix(text, wrong.fix)
}

fn unreadable(feed: &Feed, error: &io::Error) -> RunFailure {
    let text = format!("feed `{}`: {} cannot be read: {error}", feed.name, feed.file);
    FailureKind::Plan.with_fix(text, "name a file that can be read from where Vajra is started")
}

/// How large a feed's file is.
pub(super) fn size_of(feed: &Feed) -> Result<u64, RunFailure> {
    let about = fs::metadata(&feed.file).map_err(|error| unreadable(feed, &error))?;
    if about.is_file() {
        return Ok(about.len());
    }
    let text = format!("feed `{}`: {} is no regular file, and is read more than once", feed.name, feed.file);
    Err(FailureKind::Plan.with_fix(text, "write the rows into a file"))
}

/// All that is in it, and no more than may be: files can grow.
pub(super) fn read_whole(feed: &Feed) -> Result<Vec<u8>, RunFailure> {
    let mut bytes = Vec::new();
    let read = File::open(&feed.file).and_then(|file| file.take(FEED_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(feed, &error))?;
    Ok(bytes)
}

/// A file whose rows are read one after the other.
pub(super) struct RowFile {
    feed: Feed,
    file: File,
    rows: RowReader,
    /// What was read and is not a row yet: from `start` to `end`.
    piece: Vec<u8>,
    start: usize,
    end: usize,
    is_last: bool,
    /// How much was read, and how much there was when it was opened.
    bytes_read: u64,
    bytes_opened: u64,
}

impl RowFile {
    /// Opens a file whose format allows it.
    pub(super) fn open(feed: &Feed) -> Result<RowFile, RunFailure> {
        let file = File::open(&feed.file).map_err(|error| unreadable(feed, &error))?;
        let bytes_opened = file.metadata().map_err(|error| unreadable(feed, &error))?.len();
        Ok(RowFile {
            feed: feed.clone(),
            file,
            rows: reader_of(feed),
            piece: vec![0; PIECE_BYTES],
            start: 0,
            end: 0,
            is_last: false,
            bytes_read: 0,
            bytes_opened,
        })
    }

    /// The next row; false when there is none.
    pub(super) fn next(&mut self, row: &mut RowBuffer) -> Result<bool, RunFailure> {
        loop {
            let given = &self.piece[self.start..self.end];
            let read = self.rows.read(given, self.is_last, row);
            let (used, found) = read.map_err(|wrong| failure_of(&self.feed, wrong))?;
            self.start += used;
            match found {
                RowFound::Row => return Ok(true),
                RowFound::End => return Ok(false),
                RowFound::More => self.read_on()?,
            }
        }
    }

    fn read_on(&mut self) -> Result<(), RunFailure> {
        self.piece.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.piece.len() {
            // A row of JSON is taken as a whole, and refused before it is as long as this could become.
            self.piece.resize(self.piece.len() * 2, 0);
        }
        let read = loop {
            match self.file.read(&mut self.piece[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|error| unreadable(&self.feed, &error))?,
            }
        };
        self.end += read;
        self.bytes_read += read as u64;
        self.is_last = read == 0;
        if self.is_last && self.bytes_read < self.bytes_opened {
            return Err(self.shortened());
        }
        Ok(())
    }

    fn shortened(&self) -> RunFailure {
        let text = format!(
            "feed `{}`: {} was cut off while it was read: it had {} bytes, and ended after {}",
            self.feed.name, self.feed.file, self.bytes_opened, self.bytes_read
        );
        FailureKind::Plan.with_fix(text, "leave the file as it is while it is used")
    }

    /// Begins again at the first row.
    pub(super) fn rewind(&mut self) -> Result<(), RunFailure> {
        self.file.rewind().map_err(|error| unreadable(&self.feed, &error))?;
        (self.start, self.end, self.is_last, self.bytes_read) = (0, 0, false, 0);
        self.rows = reader_of(&self.feed);
        Ok(())
    }
}

fn reader_of(feed: &Feed) -> RowReader {
    RowReader::new(feed).expect("a file that is read piece by piece is of a format that allows it")
}
