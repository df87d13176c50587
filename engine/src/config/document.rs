//! Plan files: TOML or JSON, read as far as they can be.

use super::diagnostic::{Diagnostic, Spot};
use super::json;
use super::places::Node;
use crate::quantity::{Rate, parse_duration_ns};
use crate::redact;
use serde::Deserialize;
use std::ops::Range;
use toml::de::{DeTable, Error};

/// A plan file's name and text.
#[derive(Clone, Debug)]
pub struct Document {
    /// As the user named it.
    pub name: String,
    /// All of it.
    pub text: String,
    /// How it is written.
    pub format: Format,
}

/// How a plan file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

/// What a document says.
pub(super) struct Parsed {
    pub(super) table: toml::Table,
    pub(super) places: Node,
    /// What is wrong with it, all of which left a meaning.
    pub(super) wrong: Vec<Diagnostic>,
}

impl Format {
    /// How a text is written whose name does not say it: a JSON document begins with a brace, which no TOML does.
    pub fn of_text(text: &str) -> Format {
        if text.trim_start().starts_with('{') { Format::Json } else { Format::Toml }
    }
}

impl Document {
    /// Reads it. Errors are of its syntax, after which nothing can be said of its keys.
    pub(super) fn parse(&self) -> Result<Parsed, Vec<Diagnostic>> {
        match self.format {
            Format::Toml => parse_toml(&self.text),
            Format::Json => match json::read(&self.text) {
                Ok(json::JsonPlan { table, places, wrong }) => Ok(Parsed { table, places, wrong }),
                Err(wrong) => Err(vec![*wrong]),
            },
        }
    }
}

fn parse_toml(text: &str) -> Result<Parsed, Vec<Diagnostic>> {
    if let Some(wrong) = other_language(text) {
        return Err(vec![wrong]);
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    let places = Node::of_toml(&root);
    let leave_a_meaning = errors.iter().all(|error| error.message().starts_with(UNQUOTED));
    let wrong = in_own_lines(text, &errors);
    let table = toml::Table::deserialize(toml::Deserializer::from(root));
    match table {
        Ok(table) if leave_a_meaning => Ok(Parsed { table, places, wrong }),
        Ok(_) => Err(wrong),
        Err(error) => Err(if wrong.is_empty() { vec![told(text, &error)] } else { wrong }),
    }
}

/// What the parser says of a text without quotes, which it can read all the same.
const UNQUOTED: &str = "string values must be quoted";

/// What it says of one that begins like a number.
const NUMBERS: [&str; 4] = ["invalid float", "invalid integer", "invalid decimal", "invalid number"];

/// The errors of a parser that goes on, without those that follow from another: the first one of each line, and none of a list
/// that an earlier line left open.
fn in_own_lines(text: &str, errors: &[Error]) -> Vec<Diagnostic> {
    let mut sorted: Vec<&Error> = errors.iter().collect();
    sorted.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for error in sorted {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        // What is missing at the beginning of a line is missing at the end of the one before.
        let line = text[..at].trim_end().matches('\n').count();
        let is_consequence = lines.contains(&line) || wrong.last().is_some_and(leaves_open);
        if !is_consequence {
            wrong.push(told(text, error));
        }
        lines.push(line);
    }
    wrong
}

fn leaves_open(earlier: &Diagnostic) -> bool {
    earlier.problem == OPEN_LIST
}

const OPEN_LIST: &str = "a list is not closed, or a comma is missing in it";

/// What the parser says, in our words where they are known.
fn told(text: &str, error: &Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let span = span.start.min(text.len())..span.end.min(text.len());
    let line = line_of(text, span.start);
    let message = error.message();
    let part = &text[span.clone()];
    let (key, value) = line.split_once('=').map_or((line.trim(), ""), |(key, value)| (key.trim(), value));
    let (problem, fix) = match message.split(", expected").next().unwrap_or_default() {
        UNQUOTED => unquoted(key, part),
        kind if NUMBERS.iter().any(|number| kind.starts_with(number)) && !value.is_empty() => {
            unquoted(key, value.split(['#', ',', ']', '}']).next().unwrap_or_default().trim())
        }
        "duplicate key" => twice(line, part),
        "key with no value" | "invalid unquoted key" | "invalid key-value pair" => {
            ("this is no `name = value`".to_owned(), written_with_an_equals_sign(line))
        }
        "missing assignment between key-value pairs" => {
            ("there is no `=` between key and value".to_owned(), "write `name = \"value\"`".to_owned())
        }
        "invalid literal string" | "invalid basic string" if !value.trim().is_empty() => {
            ("a text is not closed".to_owned(), format!("write {} at its end", quote_of(value)))
        }
        "invalid literal string" | "invalid basic string" => {
            (format!("`{key}` has no value"), "give it one, or leave it out".to_owned())
        }
        "unclosed table" | "unclosed array of tables" => {
            ("the name of a table is not closed".to_owned(), format!("write `{}`", closed_header(line)))
        }
        "missing comma between array elements" | "unclosed array" => {
            (OPEN_LIST.to_owned(), "put commas between its values, and `]` at its end".to_owned())
        }
        "invalid boolean" => {
            (format!("`{part}` is neither true nor false"), format!("write `{}`", part.to_lowercase()))
        }
        "missing escaped value" => {
            ("a backslash means something in double quotes".into(), "write `\\\\`, or single quotes".into())
        }
        "unexpected key or value" | "extra `=`" => ("the value has ended before this".into(), rest_of(line)),
        other => (other.to_owned(), "this is not valid TOML".to_owned()),
    };
    Diagnostic::at("", problem, fix).spotted(Spot::Span(pointed_at(text, span)))
}

fn unquoted(key: &str, value: &str) -> (String, String) {
    if redact::is_secret(key.trim_matches(['"', '\''])) {
        return ("this is a text, and texts stand in quotes".to_owned(), "put it in quotes".to_owned());
    }
    let bare = value.trim_matches(['“', '”', '„', '\'', '"']).trim();
    let number = Some(bare).filter(|bare| bare.starts_with(|c: char| c.is_ascii_digit()));
    let in_our_words = number.and_then(|number| {
        let as_duration = parse_duration_ns(number).err().and_then(|cause| cause.instead);
        as_duration.or_else(|| Rate::parse(number).err().and_then(|cause| cause.instead))
    });
    // What can be read as it is, of either kind, is only to be quoted.
    let is_read = parse_duration_ns(bare).is_ok() || Rate::parse(bare).is_ok();
    let bare = in_our_words.as_deref().filter(|_| !is_read).unwrap_or(bare);
    let key = if key.is_empty() || key.starts_with('[') { String::new() } else { format!("{key} = ") };
    let list_or_table = key.contains(['[', '{', ',']);
    let key = if list_or_table { "" } else { &key };
    (format!("`{value}` is a text, and texts stand in quotes"), format!("write `{key}\"{bare}\"`"))
}

fn twice(line: &str, key: &str) -> (String, String) {
    if line.trim_start().starts_with('[') {
        let fix = "write its keys under the first one, or give it another name";
        return (format!("there is a table `{}` already", line.trim()), fix.to_owned());
    }
    (format!("`{key}` stands here twice"), "leave one out".to_owned())
}

/// How a line that is `key: value` or `key value` would be written.
fn written_with_an_equals_sign(line: &str) -> String {
    if line.trim_start().starts_with("//") {
        return "a comment begins with `#`".to_owned();
    }
    let parts = line.split_once(':').or_else(|| line.trim().split_once(' '));
    match parts.map(|(key, value)| (key.trim(), value.trim())) {
        Some((key, value)) if !value.is_empty() && !key.is_empty() => {
            let is_plain = value.parse::<f64>().is_ok() || value.starts_with(['"', '\'', '[', '{']);
            let value = if is_plain { value.to_owned() } else { format!("\"{value}\"") };
            format!("write `{key} = {value}`")
        }
        _ => "write `name = \"value\"`, or `[table]`".to_owned(),
    }
}

fn quote_of(value: &str) -> &'static str {
    if value.trim_start().starts_with('\'') { "`'`" } else { "`\"`" }
}

fn closed_header(line: &str) -> String {
    let name = line.trim().trim_start_matches('[').trim_end_matches(']');
    if line.trim().starts_with("[[") { format!("[[{name}]]") } else { format!("[{name}]") }
}

fn rest_of(line: &str) -> String {
    match line.trim_end().ends_with(',') {
        true => "leave the comma out: a key a line needs none".to_owned(),
        false => "write one `name = value` a line, and texts in quotes".to_owned(),
    }
}

/// A plan written for something else as a whole.
fn other_language(text: &str) -> Option<Diagnostic> {
    let begins = |line: &str, words: &[&str]| words.iter().any(|word| line.starts_with(word));
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with(['#', '/']))?;
    let (problem, fix) = if begins(first, &["import ", "export ", "const ", "function "]) {
        ("this is a script, and not a plan", "write a plan in TOML; docs/PLANS.md says how")
    } else if begins(first, &["---", "config:", "scenarios:"]) {
        ("this is YAML, and a plan is TOML or JSON", "write `url = \"http://host:port/\"` and the like")
    } else if first.starts_with('<') {
        ("this is XML or HTML, and a plan is TOML or JSON", "write `url = \"http://host:port/\"`")
    } else if first.starts_with('{') {
        ("this is JSON, and its name says TOML", "let the file's name end in `.json`")
    } else {
        return None;
    };
    let from = text.find(first)?;
    Some(Diagnostic::at("", problem, fix).spotted(Spot::Span(from..from + first.trim_end().len())))
}

fn line_of(text: &str, at: usize) -> &str {
    let at = text[..at].trim_end_matches('\n').len().min(at);
    let from = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[from..].lines().next().unwrap_or_default()
}

/// Something to put a caret under: what ends a line is pointed at from within it.
fn pointed_at(text: &str, span: Range<usize>) -> Range<usize> {
    if !span.is_empty() {
        return span;
    }
    let before = text[..span.start].trim_end().len();
    match text[..before].chars().next_back() {
        Some(last) => before - last.len_utf8()..before,
        None => 0..text.chars().next().map_or(0, char::len_utf8),
    }
}
