//! Rows that a script shares among its users, as data files of a plan.

use super::holes::{TAKEN, column_name, identifier};
use super::observed::ScriptFeed;
use crate::csv;
use serde_json::Value;

/// A data file of a plan.
#[derive(Debug)]
pub(super) struct PlannedFeed {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) is_random: bool,
    /// What is to be written into the file; nothing if it is there.
    pub(super) text: Option<String>,
}

/// What a script calls rows, as a name of a plan: `users` of `SharedArray('users', …)` and of `data/users.json`.
pub(super) fn name(feed: &ScriptFeed, known: &[String]) -> String {
    let file = feed.name.rsplit('/').next().unwrap_or(&feed.name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let plain = identifier(stem);
    let base = if TAKEN.contains(&plain.as_str()) { format!("{plain}_row") } else { plain };
    let mut numbered =
        std::iter::once(base.clone()).chain((2_u32..).map(|number| format!("{base}_{number}")));
    numbered.find(|name| !known.contains(name)).expect("there are more numbers than names")
}

/// The data file of rows; `folder` is where one that is written goes. `others` are the same rows in runs with other chances.
pub(super) fn planned(
    feed: &ScriptFeed,
    name: &str,
    folder: &str,
    others: [Option<&ScriptFeed>; 2],
) -> PlannedFeed {
    let is_drawn = others.iter().flatten().any(|other| other.indices != feed.indices);
    let own = feed.file.clone().filter(|file| is_whole(feed, file));
    let (file, text) = match own {
        Some(file) => (file, None),
        // Never in the place of what the script reads.
        None if feed.file.is_some() => (format!("{folder}{name}_rows.csv"), Some(rows_text(feed))),
        None => (format!("{folder}{name}.csv"), Some(rows_text(feed))),
    };
    PlannedFeed { name: name.to_owned(), file, is_random: feed.is_random || is_drawn, text }
}

/// Whether a file can be read as it is: rows of the same columns, whose names can stand in a plan.
fn is_whole(feed: &ScriptFeed, file: &str) -> bool {
    let columns = &feed.columns;
    let is_known = [".csv", ".json"].iter().any(|ending| file.to_ascii_lowercase().ends_with(ending));
    let has_all = |row: &Value| {
        let has = |row: &serde_json::Map<String, Value>| {
            row.len() == columns.len() && columns.iter().all(|column| row.contains_key(column))
        };
        !columns.is_empty() && row.as_object().is_some_and(has)
    };
    is_known && columns.iter().all(|column| column_name(column) == *column) && feed.rows.iter().all(has_all)
}

/// Rows as CSV (RFC 4180).
fn rows_text(feed: &ScriptFeed) -> String {
    let (rows, columns) = (&feed.rows, &feed.columns);
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.map(|cell| csv::cell(&cell).into_owned()).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    };
    if columns.is_empty() {
        line(&mut std::iter::once("value".to_owned()));
        rows.iter().for_each(|row| line(&mut std::iter::once(cell(row))));
        return text;
    }
    line(&mut columns.iter().map(|column| column_name(column)));
    for row in rows {
        line(&mut columns.iter().map(|column| row.get(column).map(cell).unwrap_or_default()));
    }
    text
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
