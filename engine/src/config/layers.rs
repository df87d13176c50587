//! The layers of a plan: the file, the environment, the flags; merged, each key with its origin.

use super::check::{Checked, check};
use super::diagnostic::{Diagnostic, Location, Origin, Spot};
use super::document::{Document, Format};
use super::draft::Moves;
use super::places::{FoundAt, Node};
use super::typed::Config;
use super::variables::{self, EnvironmentTexts, VariableUse};
use std::collections::BTreeMap;
use std::ops::Range;

/// The layers of a plan, merged, each key with its origin.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    table: toml::Table,
    document: Option<Document>,
    places: Option<Node>,
    /// The document is a report. Its keys are no keys of a plan, though some are called the same.
    is_beside: bool,
    origins: BTreeMap<String, Origin>,
    /// What is wrong with the file's syntax, and left a meaning.
    wrong: Vec<Diagnostic>,
    environment: EnvironmentTexts,
}

/// What was read of a plan, and all that is wrong with its keys and the kinds of their values.
#[derive(Clone, Debug, Default)]
pub struct ReadConfig {
    /// What is not wrong, and what was clearly meant by what is.
    pub config: Config,
    pub(crate) wrong: Vec<Diagnostic>,
    /// Paths of values that are not known, because they were wrong.
    pub(crate) doubtful: Vec<String>,
    pub(crate) moves: Moves,
    /// What holes such as `{{env NAME}}` are filled from.
    pub(crate) environment: EnvironmentTexts,
}

impl Layers {
    /// The lowest layer. Errors of syntax say where, all that the parser can tell apart.
    pub fn new(document: Option<Document>) -> Result<Layers, Box<(Vec<Diagnostic>, Document)>> {
        let Some(document) = document else { return Ok(Layers::default()) };
        match document.parse() {
            Ok(parsed) => Ok(Layers {
                table: parsed.table,
                places: Some(parsed.places),
                wrong: parsed.wrong,
                document: Some(document),
                is_beside: false,
                origins: BTreeMap::new(),
                environment: EnvironmentTexts::default(),
            }),
            Err(diagnostics) => Err(Box::new((diagnostics, document))),
        }
    }

    /// Layers beside a document that is none itself: a report, of which only places are shown.
    pub fn beside(document: Document) -> Layers {
        let places = document.parse().ok().map(|parsed| parsed.places);
        Layers { places, document: Some(document), is_beside: true, ..Layers::default() }
    }

    /// The file, if there is one.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// Puts a value above what the layers say so far. Tables on the way are made; a non-table there is replaced.
    pub fn set(&mut self, path: &str, value: toml::Value, origin: Origin) {
        self.set_at(&path.split('.').collect::<Vec<_>>(), value, origin);
    }

    /// The same for keys that may hold dots themselves, as names of headers may. Panics without a key.
    pub fn set_at(&mut self, keys: &[&str], value: toml::Value, origin: Origin) {
        let (key, parents) = keys.split_last().expect("a value has a key");
        let mut table = &mut self.table;
        for parent in parents.iter().copied() {
            let entry = table.entry(parent).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if !entry.is_table() {
                *entry = toml::Value::Table(toml::Table::new());
            }
            table = entry.as_table_mut().expect("made a table on the line above");
        }
        table.insert((*key).to_owned(), value);
        self.origins.insert(keys.join("."), origin);
    }

    /// Says where a part of a value came from that was put there as a whole.
    pub fn set_origin(&mut self, path: &str, origin: Origin) {
        self.origins.insert(path.to_owned(), origin);
    }

    /// Forgets a key and all below it: a flag that replaces a whole shape clears what the file said of it.
    pub fn remove(&mut self, path: &str) {
        self.remove_at(&path.split('.').collect::<Vec<_>>());
    }

    /// The same for keys that may hold dots themselves.
    pub fn remove_at(&mut self, keys: &[&str]) {
        let Some((key, parents)) = keys.split_last() else { return };
        let mut table = &mut self.table;
        for parent in parents.iter().copied() {
            match table.get_mut(parent).and_then(toml::Value::as_table_mut) {
                Some(next) => table = next,
                None => return,
            }
        }
        table.remove(*key);
    }

    /// The value at a dotted path.
    pub fn get(&self, path: &str) -> Option<&toml::Value> {
        self.get_at(&path.split('.').collect::<Vec<_>>())
    }

    /// The same for keys that may hold dots themselves.
    pub fn get_at(&self, keys: &[&str]) -> Option<&toml::Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter().try_fold(self.table.get(*first)?, |value, key| value.get(*key))
    }

    /// Takes a variable for a key if it is named after one: `VAJRA_RUN__CONNECTIONS` sets `run.connections`. The value is read as
    /// TOML where it is a number, a truth value or a list, and is a text otherwise. Says what else became of it.
    pub fn set_variable(&mut self, variable: &str, text: &str) -> VariableUse {
        let usage = variables::usage(variable);
        if let VariableUse::Key(path) = &usage {
            self.set(path, variables::value(text), Origin::Environment(variable.to_owned()));
        }
        usage
    }

    /// Says which variables of the environment there are, all of them: a plan may name any in `{{env NAME}}`.
    pub fn set_environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        self.environment = EnvironmentTexts::new(variables);
    }

    /// Reads the merged layers: what is right of them, and all that is wrong with keys and kinds of values.
    pub fn read(&self) -> ReadConfig {
        let Checked { config, wrong, doubtful, moves } = check(self.table.clone(), self.format());
        let wrong = self.wrong.iter().cloned().chain(wrong).collect();
        ReadConfig { config, wrong, doubtful, moves, environment: self.environment.clone() }
    }

    /// The same where everything has to be right.
    pub fn config(&self) -> Result<Config, Vec<Diagnostic>> {
        let ReadConfig { config, wrong, .. } = self.read();
        if wrong.is_empty() { Ok(config) } else { Err(wrong) }
    }

    /// Where a mistake is. A key that is absent is looked for in its parents.
    pub fn place(&self, diagnostic: &Diagnostic) -> Location {
        match &diagnostic.spot {
            Spot::Span(span) => return Location::File(span.clone()),
            Spot::Origin(origin) => return Location::Origin(origin.clone()),
            Spot::Value | Spot::Key | Spot::Within(_) => {}
        }
        let mut path = diagnostic.path.as_str();
        let mut is_own = true;
        while !path.is_empty() {
            if let Some(origin) = self.origins.get(path) {
                return Location::Origin(origin.clone());
            }
            let places = self.places.as_ref().filter(|_| !self.is_beside || is_in_report_plan(path));
            if let Some(found) = places.and_then(|places| places.find(path)) {
                return Location::File(self.spot_in(found, &diagnostic.spot, is_own));
            }
            // A table that no file has may have been begun by a flag.
            let inner = format!("{path}.");
            if let Some((_, origin)) = self.origins.iter().find(|(key, _)| key.starts_with(&inner)) {
                return Location::Origin(origin.clone());
            }
            path = path.rsplit_once('.').map_or("", |(parent, _)| parent);
            is_own = false;
        }
        Location::Nowhere
    }

    /// The bytes of what was found that are meant.
    fn spot_in(&self, found: FoundAt, spot: &Spot, is_own: bool) -> Range<usize> {
        let FoundAt { value, key, is_table } = found;
        match (spot, key) {
            (Spot::Key, Some(key)) if is_own => key,
            // Of a table its name is pointed at, not all that is in it.
            (_, Some(key)) if is_table => key,
            (Spot::Within(part), _) => self.part_of(&value, part).unwrap_or(value),
            _ => value,
        }
    }

    fn part_of(&self, value: &Range<usize>, part: &str) -> Option<Range<usize>> {
        let text = self.document.as_ref()?.text.get(value.clone())?;
        let from = value.start + text.find(part)?;
        Some(from..from + part.len())
    }

    /// What to do about a mistake: what to write, in the words of where it is, and then the rest.
    pub fn fix(&self, diagnostic: &Diagnostic) -> String {
        let Diagnostic { fix, instead, .. } = diagnostic;
        if instead.is_empty() {
            return fix.clone();
        }
        let written = match (self.origins.get(&diagnostic.path), &instead[..]) {
            (Some(Origin::Flag(_)), [(key, toml::Value::Boolean(true))]) => format!("`--{key}`"),
            (Some(origin), [(_, value)]) => in_origin(origin, value),
            _ => {
                let assignment = |(key, value): &(String, toml::Value)| {
                    format!("`{}`", self.format().assignment(key, value))
                };
                instead.iter().map(assignment).collect::<Vec<_>>().join(", ")
            }
        };
        match fix.is_empty() {
            true => format!("write {written}"),
            false if ["or ", "to "].iter().any(|word| fix.starts_with(word)) => {
                format!("write {written} {fix}")
            }
            false => format!("write {written}; {fix}"),
        }
    }

    fn format(&self) -> Format {
        self.document.as_ref().map_or(Format::Toml, |document| document.format)
    }
}

/// Whether a path is one of the plan in a report.
fn is_in_report_plan(path: &str) -> bool {
    path == "plan" || path.starts_with("plan.")
}

/// A value as it would be typed behind a flag, or in a variable.
fn in_origin(origin: &Origin, value: &toml::Value) -> String {
    let plain = match value {
        // A shell would take backslashes for itself.
        toml::Value::String(text) if text.contains('\\') && !text.contains('\'') => format!("'{text}'"),
        toml::Value::String(text) => text.clone(),
        other => Format::Toml.value(other),
    };
    match origin {
        Origin::Environment(variable) => format!("`{variable}={plain}`"),
        Origin::Flag(flag) => match flag.split_once(' ') {
            Some((word, _)) if word.starts_with('-') => format!("`{word} {plain}`"),
            _ => format!("`{plain}`"),
        },
    }
}
