//! The rows of a file that is read piece by piece: CSV, or an object of JSON on each line.

use super::csv::{CsvRows, FoundCsv};
use super::definition::{Feed, FeedFormat, ROW_BYTES_MAX};
use super::json::ObjectReader;
use super::names::listed_columns;
use super::row::RowBuffer;
use super::text;
use super::wrong::WrongFeed;

/// What was found in the bytes that were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFound {
    /// A row.
    Row,
    /// Its end is not among them: those that were not used are to be given again, with more behind them.
    More,
    /// There are no more rows.
    End,
}

/// Takes rows out of the bytes of a file, which come in pieces.
pub struct RowReader {
    form: RowForm,
    columns: Vec<String>,
    has_started: bool,
    has_header: bool,
}

enum RowForm {
    Csv(Box<CsvRows>),
    Jsonl { objects: ObjectReader, line: u64 },
}

impl RowReader {
    /// Reads a feed's file from its beginning. Nothing where its rows cannot be read one by one.
    pub fn new(feed: &Feed) -> Option<RowReader> {
        let (form, has_header) = match feed.format {
            FeedFormat::Csv { delimiter, has_header } => {
                (RowForm::Csv(Box::new(CsvRows::new(delimiter))), has_header)
            }
            FeedFormat::Jsonl => {
                (RowForm::Jsonl { objects: ObjectReader::new(&feed.columns), line: 1 }, false)
            }
            FeedFormat::Json => return None,
        };
        Some(RowReader { form, columns: feed.columns.clone(), has_started: false, has_header })
    }

    /// Reads on: how many bytes were used, and what was found. Nothing comes behind the last bytes of a file.
    pub fn read(
        &mut self,
        input: &[u8],
        is_last: bool,
        row: &mut RowBuffer,
    ) -> Result<(usize, RowFound), WrongFeed> {
        let mut used = 0;
        if !self.has_started {
            if input.len() < text::START_BYTES && !is_last {
                return Ok((0, RowFound::More));
            }
            used = text::start(input)?;
            self.has_started = true;
        }
        loop {
            let (taken, found, line) = self.form.read(&input[used..], is_last, row)?;
            used += taken;
            if found != RowFound::Row {
                return Ok((used, found));
            }
            if self.has_header {
                self.check_header(row, line)?;
                self.has_header = false;
                continue;
            }
            self.check_width(row, line)?;
            return Ok((used, found));
        }
    }

    /// The columns are those of the plan: the file is the one that was looked at when the plan was read.
    fn check_header(&self, row: &RowBuffer, line: u64) -> Result<(), WrongFeed> {
        let names = column_names(row);
        if names == self.columns {
            return Ok(());
        }
        let problem = format!(
            "the columns are {}, and those of the plan are {}",
            listed_columns(&names),
            listed_columns(&self.columns)
        );
        Err(WrongFeed::at(line, problem, "use the file that the plan was made for, or the plan file"))
    }

    fn check_width(&self, row: &RowBuffer, line: u64) -> Result<(), WrongFeed> {
        let (fields, columns) = (row.fields(), self.columns.len());
        if fields == columns {
            return Ok(());
        }
        let values = if fields == 1 { "value" } else { "values" };
        let there_are = if columns == 1 { "is 1 column" } else { &format!("are {columns} columns") };
        let problem = format!("the row has {fields} {values}, and there {there_are}");
        let fix = "give each row a value for every column; one with a delimiter in it stands in quotes";
        Err(WrongFeed::at(line, problem, fix))
    }
}

impl RowForm {
    /// What was used, what was found, and the line on which it begins.
    fn read(
        &mut self,
        input: &[u8],
        is_last: bool,
        row: &mut RowBuffer,
    ) -> Result<(usize, RowFound, u64), WrongFeed> {
        match self {
            RowForm::Csv(rows) => rows.read(input, is_last, row).map(|(used, found)| match found {
                FoundCsv::Row(line) => (used, RowFound::Row, line),
                FoundCsv::More => (used, RowFound::More, 0),
                FoundCsv::End => (used, RowFound::End, 0),
            }),
            RowForm::Jsonl { objects, line } => read_line(objects, line, input, is_last, row),
        }
    }
}

/// The next line that is not empty, as a row.
fn read_line(
    objects: &mut ObjectReader,
    line: &mut u64,
    input: &[u8],
    is_last: bool,
    row: &mut RowBuffer,
) -> Result<(usize, RowFound, u64), WrongFeed> {
    let mut used = 0;
    loop {
        let rest = &input[used..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        if end.unwrap_or(rest.len()) > ROW_BYTES_MAX {
            let problem = format!("the line is longer than {} MiB", ROW_BYTES_MAX >> 20);
            return Err(WrongFeed::at(*line, problem, "write each object on a line of its own"));
        }
        let taken = match end {
            Some(end) => end + 1,
            None if is_last && !rest.is_empty() => rest.len(),
            None => return Ok((used, if is_last { RowFound::End } else { RowFound::More }, *line)),
        };
        let at = *line;
        used += taken;
        *line += 1;
        let text = text::checked(&rest[..taken], at)?.trim();
        if !text.is_empty() {
            objects.read_line(text, at, row)?;
            return Ok((used, RowFound::Row, at));
        }
    }
}

/// A row as the names of columns, without spaces around them.
pub(super) fn column_names(row: &RowBuffer) -> Vec<String> {
    let name = |column| String::from_utf8_lossy(row.field(column)).trim().to_owned();
    (0..row.fields()).map(name).collect()
}
