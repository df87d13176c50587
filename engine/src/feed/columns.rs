//! What the columns of a data file are called, by its beginning.

use super::csv::{CsvRows, FoundCsv};
use super::definition::{COLUMNS_MAX, FEED_HEAD_BYTES, Feed, FeedFormat};
use super::json;
use super::names::shown;
use super::row::RowBuffer;
use super::rows::column_names;
use super::text;
use super::wrong::WrongFeed;

/// What delimiters there are, for files that have another than was said.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// The columns of a feed, by the beginning of its file, or the whole of it. Of a file that does not name them, those of the feed.
pub fn columns_of(feed: &Feed, head: &[u8], is_whole: bool) -> Result<Vec<String>, WrongFeed> {
    let start = text::start(head)?;
    let bytes = &head[start..];
    if is_whole && bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(WrongFeed::whole("the file is empty", "write rows into it, or name another"));
    }
    let (columns, line) = match feed.format {
        FeedFormat::Csv { has_header: false, .. } => return Ok(feed.columns.clone()),
        FeedFormat::Csv { delimiter, .. } => header(delimiter, bytes, is_whole)?,
        FeedFormat::Jsonl | FeedFormat::Json => keys(feed.format, bytes, is_whole)?,
    };
    match wrong_columns(&columns) {
        None => Ok(columns),
        Some((problem, fix)) => Err(WrongFeed::at(line, problem, fix)),
    }
}

/// What is wrong with the names of columns, and what to do.
pub(crate) fn wrong_columns(columns: &[String]) -> Option<(String, String)> {
    if columns.is_empty() || columns.len() > COLUMNS_MAX {
        let problem = format!("a feed of {} columns cannot be used", columns.len());
        return Some((problem, format!("give it 1 to {COLUMNS_MAX}")));
    }
    if let Some(index) = columns.iter().position(String::is_empty) {
        let fix = "name every column; where the file has no header, say so: `columns = [\"name\", \"pass\"]`";
        return Some((format!("column {} has no name", index + 1), fix.to_owned()));
    }
    if let Some(index) = columns.iter().position(|name| name.contains(['{', '}'])) {
        let problem = format!(
            "column {} is called `{}`, which cannot stand in `{{{{…}}}}`",
            index + 1,
            shown(&columns[index])
        );
        return Some((problem, "leave the braces out".to_owned()));
    }
    let is_twice = |(index, name): (usize, &String)| columns[..index].contains(name).then(|| name.clone());
    if let Some(name) = columns.iter().enumerate().find_map(is_twice) {
        return Some((
            format!("two columns are called `{}`", shown(&name)),
            "give each a name of its own".to_owned(),
        ));
    }
    let [only] = columns else { return None };
    let other = DELIMITERS.into_iter().find(|delimiter| only.contains(*delimiter))?;
    let other = if other == '\t' { "\\t".to_owned() } else { other.to_string() };
    let problem = format!("there is one column, `{}`, which looks like several", shown(only));
    Some((problem, format!("say what stands between them: `delimiter = \"{other}\"`")))
}

fn header(delimiter: char, bytes: &[u8], is_whole: bool) -> Result<(Vec<String>, u64), WrongFeed> {
    let mut row = RowBuffer::default();
    match CsvRows::new(delimiter).read(bytes, is_whole, &mut row)? {
        (_, FoundCsv::Row(line)) => Ok((column_names(&row), line)),
        (_, FoundCsv::More) => Err(too_long("header")),
        (_, FoundCsv::End) => {
            Err(WrongFeed::whole("the file is empty", "write rows into it, or name another"))
        }
    }
}

fn keys(format: FeedFormat, bytes: &[u8], is_whole: bool) -> Result<(Vec<String>, u64), WrongFeed> {
    // What is cut off may be cut within a letter.
    let whole_letters = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    };
    let bytes = if is_whole { bytes } else { &bytes[..whole_letters(bytes)] };
    let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let line = 1 + bytes[..blank].iter().filter(|byte| **byte == b'\n').count() as u64;
    let rest = &bytes[blank..];
    let end = rest.iter().position(|byte| *byte == b'\n').filter(|_| format == FeedFormat::Jsonl);
    let text = text::checked(&rest[..end.unwrap_or(rest.len())], line)?;
    match json::keys_of(text, line) {
        Err(_) if !is_whole && end.is_none() && head_is_cut(text) => Err(too_long("row")),
        Ok(keys) if keys.is_empty() => {
            let fix = "write rows like `{\"name\": \"ann\", \"pass\": \"x\"}` into it";
            Err(WrongFeed::at(line, "there is no row with keys at the beginning", fix))
        }
        found => found.map(|keys| (keys, line)),
    }
}

/// Whether a text that is no JSON may only be none because it was cut off.
fn head_is_cut(text: &str) -> bool {
    matches!(serde_json::from_str::<serde::de::IgnoredAny>(text), Err(error) if error.is_eof())
}

fn too_long(what: &str) -> WrongFeed {
    let problem = format!("the first {what} does not end within {} MiB", FEED_HEAD_BYTES >> 20);
    WrongFeed::at(1, problem, "look for a quote that is not closed, or name another file")
}
