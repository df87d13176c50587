//! From what was typed to a [`Config`]: every unknown key and every value of a wrong kind in one go.

use super::document::Format;
use super::draft::{Moves, PlanDraft};
use super::form::Forms;
use super::typed::Config;
use super::{Diagnostic, kinds, unknown};
use serde::Deserialize;

/// A config, as far as it could be read.
pub(super) struct Checked {
    pub(super) config: Config,
    pub(super) wrong: Vec<Diagnostic>,
    pub(super) doubtful: Vec<String>,
    pub(super) moves: Moves,
}

/// Reads a table.
pub(super) fn check(table: toml::Table, format: Format) -> Checked {
    let forms = Forms::new();
    let mut draft = PlanDraft::new(table, format);
    // A list or a table where the other is meant hides the keys in it, so those are looked at once more.
    for _ in 0..2 {
        unknown::settle(&mut draft, &forms);
        kinds::settle(&mut draft, &forms, &[], forms.root());
    }
    unknown::settle(&mut draft, &forms);
    let (table, mut wrong, doubtful, moves) = draft.into_parts();
    // Every value is of its form now; what is left is what no form can say.
    let config = match Config::deserialize(toml::Value::Table(table)) {
        Ok(config) => config,
        Err(error) => {
            wrong.push(Diagnostic::at("", error.message().to_owned(), "give a value of that kind"));
            Config::default()
        }
    };
    Checked { config, wrong, doubtful, moves }
}
