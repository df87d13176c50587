//! What imports make of real recordings, logs and documents, read back as TOML and, where it says no more than plans say today, by the
//! reader of plans.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod curl;
mod har;
mod log;
mod openapi;

use engine::config::{Document, Format, Layers};
use engine::plan::{Plan, Purpose};
use toml::Table;
use vajra_import::Made;

/// A plan, read as what it is written in.
fn table(made: &Made) -> Table {
    made.plan.parse().unwrap_or_else(|error| panic!("{error}\n{}", made.plan))
}

/// A plan, read as it is before a run.
fn plan(made: &Made) -> Plan {
    let document = Document { name: "plan.toml".into(), text: made.plan.clone(), format: Format::Toml };
    let layers = Layers::new(Some(document)).unwrap_or_else(|wrong| panic!("{:?}\n{}", wrong.0, made.plan));
    let read_file = |path: &str| Ok(format!("what is in {path}").into_bytes());
    let read = Plan::read(&layers.read(), &read_file, Purpose::Run);
    read.unwrap_or_else(|wrong| panic!("{wrong:?}\n{}", made.plan)).0
}

/// Asserts that some note has all of these parts.
fn assert_noted(made: &Made, parts: &[&str]) {
    let is_noted = made.notes.iter().any(|note| parts.iter().all(|part| note.contains(part)));
    assert!(is_noted, "{parts:?} is in none of {:#?}", made.notes);
}
