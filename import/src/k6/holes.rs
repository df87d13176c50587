//! The markers of a run, as holes of a plan: values of responses, columns of feeds, and what the plan knows itself.

use super::observed::{ResponsePart, ScriptValue, ScriptValueKind};
use super::parts;
use super::runtime::NOW_MS;
use crate::secrets;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a marker looks like: `qvj00012z`, in capitals where the script made capitals of it.
const MARKER_START: &str = "qvj";
pub(super) const MARKER_LENGTH: usize = 9;
/// Names that mean something in a hole already.
pub(super) const TAKEN: [&str; 9] =
    ["seq", "rand", "uuid", "env", "pick", "randstr", "now", "iteration", "user"];
/// What stands in a plan for a value that is not translated.
pub(super) const MISSING: &str = "not-translated";
/// A value of the environment that is shorter is found in texts by chance.
const VARIABLE_LETTERS_MIN: usize = 6;

/// A value that a step takes from its response.
#[derive(Clone, Debug)]
pub(super) struct ScriptExtract {
    pub(super) step: usize,
    pub(super) name: String,
    pub(super) expression: String,
}

/// All holes of a scenario.
#[derive(Default)]
pub(super) struct Holes {
    pub(super) values: Vec<ScriptValue>,
    /// What feeds are called in the plan, by their numbers.
    pub(super) feeds: Vec<String>,
    pub(super) extracts: Vec<ScriptExtract>,
    /// Requests that are not in the plan, by their numbers.
    pub(super) left_out: HashSet<usize>,
    /// Secret variables of the environment, by their values.
    pub(super) variables: BTreeMap<String, String>,
    pub(super) used_variables: Vec<String>,
    pub(super) used_feeds: Vec<(usize, String)>,
    pub(super) notes: Vec<String>,
    /// Requests that are made once before the start, and what stands before the names of their values where several scenarios know these.
    pub(super) setup: HashSet<usize>,
    pub(super) setup_prefix: &'static str,
    /// In which request each value that is drawn was sent first, by the number of the draw.
    pub(super) drawn: HashMap<u64, usize>,
}

/// A marker in a text: where it is, its number, and whether it is in capitals.
pub(super) fn markers(text: &str) -> Vec<(usize, usize, bool)> {
    let small = text.to_ascii_lowercase();
    let at = |(at, _): (usize, &str)| {
        let digits = small.get(at + MARKER_START.len()..at + MARKER_LENGTH - 1)?;
        let is_whole = small.get(at + MARKER_LENGTH - 1..at + MARKER_LENGTH) == Some("z");
        let number = digits.parse().ok().filter(|_| is_whole)?;
        Some((at, number, text[at..].starts_with('Q')))
    };
    small.match_indices(MARKER_START).filter_map(at).collect()
}

impl Holes {
    /// Keeps the variables of the environment whose names are those of secrets.
    pub(super) fn keep_variables<'v>(&mut self, variables: impl Iterator<Item = (&'v str, &'v str)>) {
        let is_kept =
            |(name, value): &(&str, &str)| secrets::is_secret(name) && value.len() >= VARIABLE_LETTERS_MIN;
        self.variables
            .extend(variables.filter(is_kept).map(|(name, value)| (value.to_owned(), name.to_owned())));
    }

    /// A text with holes where it has markers, times and secret variables.
    pub(super) fn fill(&mut self, text: &str, step: usize, place: &str) -> String {
        let mut filled = String::new();
        let mut done = 0;
        for (at, number, is_upper) in markers(text) {
            filled.push_str(&self.plain(&text[done..at]));
            filled.push_str(&self.hole(number, is_upper, step, place));
            done = at + MARKER_LENGTH;
        }
        filled.push_str(&self.plain(&text[done..]));
        if filled.contains("2030-01-01") {
            self.note(format!(
                "{place}: a date is in it, which has to be made by hand, from `{{{{now iso}}}}` for instance"
            ));
        }
        filled
    }

    /// A text that is one number that is known only in the run, as a hole of JSON; or with the holes that it has.
    pub(super) fn fill_json(&mut self, text: &str, step: usize, place: &str) -> String {
        let is_number = match markers(text).as_slice() {
            [(0, number, false)] if text.len() == MARKER_LENGTH => {
                self.values.get(*number).is_some_and(|value| {
                    matches!(&value.kind, ScriptValueKind::Hole { is_number: true, .. })
                        && value.filters.is_empty()
                })
            }
            _ => false,
        };
        let filled = self.fill(text, step, place);
        if is_number { format!("{} | number}}}}", filled.trim_end_matches("}}")) } else { filled }
    }

    /// A number of JSON that is the time.
    pub(super) fn time(number: i64) -> Option<String> {
        let now = i64::try_from(NOW_MS).expect("milliseconds have 41 bits");
        match number {
            number if number == now => Some("{{now ms | number}}".to_owned()),
            number if number == now / 1_000 => Some("{{now s | number}}".to_owned()),
            _ => None,
        }
    }

    fn plain(&mut self, text: &str) -> String {
        let mut plain = text.replace("{{", "\u{0}");
        for (value, name) in self.variables.clone() {
            if plain.contains(&value) {
                plain = plain.replace(&value, &format!("{{{{env {name}}}}}"));
                if !self.used_variables.contains(&name) {
                    self.used_variables.push(name);
                }
            }
        }
        let (ms, s) = (NOW_MS.to_string(), (NOW_MS / 1_000).to_string());
        plain
            .replace(&ms, "{{now ms}}")
            .replace(&s, "{{now s}}")
            .replace("2030-01-01T00:00:01.234Z", "{{now iso}}")
            .replace("2030-01-01T00%3A00%3A01.234Z", "{{now iso | url}}")
            .replace('\u{0}', "{{'{{'}}")
    }

    fn hole(&mut self, number: usize, is_upper: bool, step: usize, place: &str) -> String {
        let Some(value) = self.values.get(number).cloned() else { return MISSING.to_owned() };
        let source = match &value.kind {
            ScriptValueKind::Hole { hole, draw, .. } => {
                if *draw > 0 && step != usize::MAX && *self.drawn.entry(*draw).or_insert(step) != step {
                    self.note(format!("`{{{{{hole}}}}}` is drawn once by the script and sent in several requests: the plan draws it anew in each"));
                }
                hole.clone()
            }
            ScriptValueKind::Column { feed, column } => {
                let column_name = column_name(column);
                if !self.used_feeds.contains(&(*feed, column.clone())) {
                    self.used_feeds.push((*feed, column.clone()));
                }
                format!("{}.{column_name}", self.feeds.get(*feed).map_or("feed", String::as_str))
            }
            ScriptValueKind::Absent { name } => {
                self.note(format!(
                    "{place}: a value comes from `{name}`, which is not translated: `{MISSING}` stands for it"
                ));
                return MISSING.to_owned();
            }
            ScriptValueKind::Response(part) => {
                match self.extracted(part) {
                    Some(_) if part.step >= step || self.left_out.contains(&part.step) => {
                        self.note(format!("{place}: a value comes from a response that is not there: `{MISSING}` stands for it"));
                        return MISSING.to_owned();
                    }
                    Some(name) => name,
                    None => {
                        let what = part.source.as_deref().unwrap_or(&part.subject);
                        self.note(format!("{place}: a value comes from a response, by `{what}`, which no expression of a plan says: `{MISSING}` stands for it"));
                        return MISSING.to_owned();
                    }
                }
            }
        };
        let is_secret = |text: &str| self.variables.keys().any(|secret| text.contains(secret.as_str()));
        if is_secret(&source) || value.filters.iter().any(|filter| is_secret(filter)) {
            self.note(format!("{place}: a value is made with a secret, which would stand in the plan: `{MISSING}` stands for it; --keep-secrets writes it"));
            return MISSING.to_owned();
        }
        let filters: String = value.filters.iter().map(|filter| format!(" | {filter}")).collect();
        format!("{{{{{source}{filters}{}}}}}", if is_upper { " | upper" } else { "" })
    }

    /// The name of a value that a response brings.
    fn extracted(&mut self, part: &ResponsePart) -> Option<String> {
        let expression = parts::expression(part)?;
        if let Some(known) = self.extracts.iter().find(|e| e.step == part.step && e.expression == expression)
        {
            return Some(known.name.clone());
        }
        let word = match part.subject.as_str() {
            "json" => part
                .path
                .iter()
                .rev()
                .find(|name| name.parse::<u64>().is_err())
                .map_or("value", String::as_str),
            "header" | "cookie" => part.name.as_deref().unwrap_or("value"),
            "between" | "regex" => word_before(part),
            other => other,
        };
        let is_of_setup = self.setup.contains(&part.step);
        let prefix = if is_of_setup { self.setup_prefix } else { "" };
        let plain = format!("{prefix}{}", identifier(word));
        let base = if TAKEN.contains(&plain.as_str()) || self.feeds.contains(&plain) {
            format!("{plain}_value")
        } else {
            plain
        };
        let is_free = |name: &String| self.extracts.iter().all(|extract| extract.name != *name);
        let mut numbered =
            std::iter::once(base.clone()).chain((2_u32..).map(|number| format!("{base}_{number}")));
        let name = numbered.find(is_free).expect("there are more numbers than names");
        self.extracts.push(ScriptExtract { step: part.step, name: name.clone(), expression });
        Some(name)
    }

    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// The word that stands before a value, as `csrf` in `name="csrf" value="…"`.
fn word_before(part: &ResponsePart) -> &str {
    let before = part
        .source
        .as_deref()
        .map_or(part.left.as_str(), |source| source.split('(').next().unwrap_or_default());
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = before.split(|c: char| !is_letter(c)).filter(|word| word.len() > 1);
    words.rfind(|word| !["name", "value", "id", "input", "type", "hidden"].contains(word)).unwrap_or("value")
}

/// A name of small letters, digits and underscores.
pub(super) fn identifier(word: &str) -> String {
    let mut name = String::new();
    let mut is_behind_small = false;
    for c in word.chars() {
        if c.is_ascii_uppercase() && is_behind_small {
            name.push('_');
        }
        is_behind_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    let plain = name.trim_matches('_').to_owned();
    if plain.starts_with(|c: char| c.is_ascii_lowercase()) {
        plain
    } else {
        format!("value_{plain}").trim_matches('_').to_owned()
    }
}

/// What a column is called in a plan: letters, digits, `-` and `_`.
pub(super) fn column_name(column: &str) -> String {
    let plain: String =
        column.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("c_{plain}") }
}
