//! What imports make of real recordings, logs and documents, read back by the reader of plans, and as TOML.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod curl;
mod har;
mod k6;
mod k6_groups;
mod log;
mod openapi;
mod replay;

use engine::config::{Diagnostic, Document, Format, Layers};
use engine::plan::{Plan, Purpose};
use toml::Table;
use vajra_import::Made;

/// A plan, read as what it is written in. Whatever is made, the reader of plans takes.
fn table(made: &Made) -> Table {
    plan(made);
    made.plan.parse().unwrap_or_else(|error| panic!("{error}\n{}", made.plan))
}

/// A plan, read as it is before a run.
fn plan(made: &Made) -> Plan {
    let read_file = |path: &str| match made.files.iter().find(|file| file.path == path) {
        Some(file) => Ok(file.text.clone().into_bytes()),
        None => Ok(format!("what is in {path}").into_bytes()),
    };
    read_with(&made.plan, &read_file).unwrap_or_else(|wrong| panic!("{wrong:#?}\n{}", made.plan))
}

/// The plan in a text, or all that is wrong with it. The variables that its holes name are set.
fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    read_with(text, &|path: &str| Ok(format!("what is in {path}").into_bytes()))
}

/// The same with these files.
fn read_with(
    text: &str,
    read_file: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<Plan, Vec<Diagnostic>> {
    let document = Document { name: "plan.toml".into(), text: text.to_owned(), format: Format::Toml };
    let mut layers = Layers::new(Some(document)).map_err(|wrong| wrong.0)?;
    let behind = text.split("{{env ").skip(1);
    let names = behind.filter_map(|hole| hole.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next());
    layers.set_environment(names.map(|name| (name.to_owned(), format!("value-of-{name}"))));
    Plan::read(&layers.read(), read_file, Purpose::Run).map(|(plan, _)| plan)
}

/// Asserts that some note has all of these parts.
fn assert_noted(made: &Made, parts: &[&str]) {
    let is_noted = made.notes.iter().any(|note| parts.iter().all(|part| note.contains(part)));
    assert!(is_noted, "{parts:?} is in none of {:#?}", made.notes);
}
