//! Rows of CSV (RFC 4180), from as many bytes as there are.

use super::definition::{COLUMNS_MAX, ROW_BYTES_MAX};
use super::row::RowBuffer;
use super::text;
use super::wrong::WrongFeed;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// What a row takes at first; it grows with the rows.
const ROW_BYTES: usize = 4 << 10;
const ROW_FIELDS: usize = 64;

/// What was found in the bytes that were given.
pub(super) enum FoundCsv {
    /// A row, and the line on which it begins.
    Row(u64),
    /// All bytes were used, and a row has not ended.
    More,
    /// There are no more rows.
    End,
}

/// Takes rows out of bytes. Lines that are empty are none.
pub(super) struct CsvRows {
    reader: Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// How much of the two is of the row that has begun.
    bytes_used: usize,
    ends_used: usize,
    has_begun: bool,
    /// The line that comes next, and the one on which the row began.
    line: u64,
    row_line: u64,
}

impl CsvRows {
    pub(super) fn new(delimiter: char) -> CsvRows {
        CsvRows {
            reader: ReaderBuilder::new().delimiter(delimiter as u8).build(),
            bytes: vec![0; ROW_BYTES],
            ends: vec![0; ROW_FIELDS],
            bytes_used: 0,
            ends_used: 0,
            has_begun: false,
            line: 1,
            row_line: 1,
        }
    }

    /// Reads on: how many bytes were used, and what was found. Nothing comes behind the last bytes.
    pub(super) fn read(
        &mut self,
        input: &[u8],
        is_last: bool,
        row: &mut RowBuffer,
    ) -> Result<(usize, FoundCsv), WrongFeed> {
        let mut used = 0;
        if !self.has_begun {
            used = self.skip_line_ends(input);
            if used == input.len() {
                return Ok((used, if is_last { FoundCsv::End } else { FoundCsv::More }));
            }
            (self.has_begun, self.row_line) = (true, self.line);
            (self.bytes_used, self.ends_used) = (0, 0);
        }
        loop {
            let is_over = used == input.len();
            if is_over && !is_last {
                return Ok((used, FoundCsv::More));
            }
            // A line end behind the last byte ends the row, unless it is within quotes.
            let given: &[u8] = if is_over { b"\n" } else { &input[used..] };
            let (result, taken, bytes, ends) = self.reader.read_record(
                given,
                &mut self.bytes[self.bytes_used..],
                &mut self.ends[self.ends_used..],
            );
            self.bytes_used += bytes;
            self.ends_used += ends;
            if !is_over {
                self.line += line_ends(&given[..taken]);
                used += taken;
            }
            match result {
                ReadRecordResult::Record => {
                    self.has_begun = false;
                    row.set(&self.bytes[..self.bytes_used], &self.ends[..self.ends_used]);
                    self.check_text(row)?;
                    return Ok((used, FoundCsv::Row(self.row_line)));
                }
                ReadRecordResult::InputEmpty if is_over => return Err(self.unclosed()),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.grow_bytes()?,
                ReadRecordResult::OutputEndsFull => self.grow_ends()?,
                ReadRecordResult::End => return Ok((used, FoundCsv::End)),
            }
        }
    }

    fn skip_line_ends(&mut self, input: &[u8]) -> usize {
        let count = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.line += line_ends(&input[..count]);
        count
    }

    fn unclosed(&self) -> WrongFeed {
        let problem = "the file ends within quotes that were opened in the row that begins here";
        WrongFeed::at(self.row_line, problem, "close them; a quote within quotes is written twice")
    }

    fn grow_bytes(&mut self) -> Result<(), WrongFeed> {
        if self.bytes.len() >= ROW_BYTES_MAX {
            let problem = format!("the row that begins here is longer than {} MiB", ROW_BYTES_MAX >> 20);
            let fix = "look for a quote that is not closed; a quote within quotes is written twice";
            return Err(WrongFeed::at(self.row_line, problem, fix));
        }
        self.bytes.resize((self.bytes.len() * 2).min(ROW_BYTES_MAX), 0);
        Ok(())
    }

    fn grow_ends(&mut self) -> Result<(), WrongFeed> {
        if self.ends.len() > COLUMNS_MAX {
            let problem = format!("the row has more than {COLUMNS_MAX} values");
            return Err(WrongFeed::at(self.row_line, problem, "leave out what no request uses"));
        }
        self.ends.resize((self.ends.len() * 2).min(COLUMNS_MAX + 1), 0);
        Ok(())
    }

    /// Values are text, each by itself.
    fn check_text(&self, row: &RowBuffer) -> Result<(), WrongFeed> {
        let bytes = row.bytes();
        let text = text::checked(bytes, self.row_line)?;
        match row.ends().iter().find(|end| !text.is_char_boundary(**end)) {
            Some(end) => Err(text::not_utf8(bytes, *end - 1, &|_| self.row_line)),
            None => Ok(()),
        }
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
