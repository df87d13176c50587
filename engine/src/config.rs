//! A plan as typed: raw, layered, and with every value's place remembered.
//!
//! Precedence is flag > environment > file > default. The layers are merged as a TOML table before anything is read
//! from it, and the origin of each key is kept, so that a mistake can point at the flag, the variable, or the line and
//! column it came from. Nothing here judges values: that is [`crate::plan::Plan`]'s, which is valid by construction.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A plan, as written in a file, an environment or on a command line.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Vajra plan")]
pub struct Config {
    /// What to call the run.
    pub name: Option<Text>,
    /// The target: `http://host:port/path`, `unix:/path.sock:/path`, or `testbed:/path` for the built-in server.
    pub url: Option<Text>,
    /// Headers sent with every request: a name and a value, or several values.
    pub headers: BTreeMap<String, Texts>,
    /// How long, how wide, and on what.
    pub run: RunConfig,
    /// The offered load. Absent: closed loop.
    pub load: LoadConfig,
    /// The requests, drawn by weight. Absent: one GET of the URL.
    pub request: Vec<RequestConfig>,
    /// Targets by name, for scenarios to use.
    pub target: IndexMap<String, TargetConfig>,
    /// Streams of traffic by name, side by side. With them, `load` and `request` stand in each of them.
    pub scenario: IndexMap<String, ScenarioConfig>,
    /// Conditions on the result, by metric: `response = "p(99)<50ms"`, or by metric and scope:
    /// `"response{scenario=read}"`. One that is not met ends the run with exit code 99.
    pub thresholds: BTreeMap<String, Texts>,
}

/// Where requests go, by a name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TargetConfig {
    /// As the plan's `url`.
    pub url: Option<Text>,
    /// Headers sent with every request to it, after the plan's.
    pub headers: BTreeMap<String, Texts>,
    /// How long making one connection may take (default: the run's).
    pub connect_timeout: Option<Text>,
    /// Requests under way on one connection at a time (default: the run's).
    pub pipeline: Option<u32>,
}

/// One stream of traffic.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScenarioConfig {
    /// The name of a target of the plan (default: the plan's `url`).
    pub target: Option<Text>,
    /// A target of its own, as the plan's `url`.
    pub url: Option<Text>,
    /// Connections, over all shards (default: the run's).
    pub connections: Option<u32>,
    /// When it begins, from the start of the run (default 0s).
    pub starts: Option<Text>,
    /// The scenario at whose end it begins.
    pub after: Option<Text>,
    /// For how long it schedules (default: until the run's end, or what the load or `requests` need).
    pub duration: Option<Text>,
    /// Stop after this many requests, over all shards.
    pub requests: Option<Text>,
    /// How long one request may take from being sent (default: the run's).
    pub timeout: Option<Text>,
    /// Headers sent with every request of it, after the plan's.
    pub headers: BTreeMap<String, Texts>,
    /// The offered load. Absent: closed loop.
    pub load: LoadConfig,
    /// The requests, drawn by weight. Absent: one GET of the target's URL.
    pub request: Vec<RequestConfig>,
    /// Conditions on this scenario's result.
    pub thresholds: BTreeMap<String, Texts>,
}

/// How long, how wide, and on what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Pinned cores that send (default 1, or as many as `cores` names).
    pub shards: Option<u32>,
    /// Connections, over all shards (default 64).
    pub connections: Option<u32>,
    /// The cores to pin shards to, such as `1,3-5` (default: the last ones this process may use).
    pub cores: Option<Text>,
    /// Length of the run, warm-up included, such as `30s` (default 10s, or what the load or `requests` need).
    pub duration: Option<Text>,
    /// The first part of the run that is not measured (default none); `auto` ends it when response times are steady.
    pub warmup: Option<Text>,
    /// Run until a figure is known well enough, such as `p99 ± 2%`, and no longer than `duration`.
    pub until: Option<Text>,
    /// Stop after this many requests, over all shards.
    pub requests: Option<Text>,
    /// How long one request may take from being sent (default 10s).
    pub timeout: Option<Text>,
    /// How long making one connection may take (default 3s).
    pub connect_timeout: Option<Text>,
    /// Requests under way on one connection at a time (default 1).
    pub pipeline: Option<u32>,
    /// How a shard waits for the next moment: `spin`, `park` or `auto` (default auto).
    pub wait: Option<Text>,
    /// Seed of all random draws (default 1).
    pub seed: Option<u64>,
    /// Length of one interval of the time series (default 1s).
    pub interval: Option<Text>,
}

/// The offered load: a shape and its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoadConfig {
    /// `constant`, `ramp`, `steps`, `spike`, `sine`, `stages` or `closed` (default: constant with a `rate`, else closed).
    pub shape: Option<Text>,
    /// Arrivals per second of `constant`, and the base of `spike`. A total over all shards.
    pub rate: Option<Text>,
    /// Where a `ramp` starts.
    pub from: Option<Text>,
    /// Where a `ramp` ends.
    pub to: Option<Text>,
    /// How long a `ramp` takes; it then holds (default: the whole run).
    pub over: Option<Text>,
    /// The rates of `steps`, in order.
    pub rates: Option<Texts>,
    /// How long each of `steps` lasts (default: equal parts), or how often a `spike` comes (default: once).
    pub every: Option<Text>,
    /// The rate at the top of a `spike`.
    pub peak: Option<Text>,
    /// When the first `spike` begins.
    pub at: Option<Text>,
    /// How long a `spike` lasts.
    pub length: Option<Text>,
    /// The middle rate of `sine`.
    pub mean: Option<Text>,
    /// How far `sine` swings either way.
    pub amplitude: Option<Text>,
    /// One swing of `sine`.
    pub period: Option<Text>,
    /// The parts of `stages`, one after the other, each a shape with a `duration`.
    pub stages: Vec<LoadConfig>,
    /// How long this stage lasts. Only inside `stages`.
    pub duration: Option<Text>,
    /// `uniform` or `poisson` (default uniform).
    pub arrivals: Option<Text>,
    /// What happens to an arrival that finds no free connection: `queue` or `shed` (default queue).
    pub overload: Option<Text>,
    /// How long an arrival may wait under `shed`.
    pub deadline: Option<Text>,
}

/// One request that may be sent.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestConfig {
    /// What to call it in the report (default: method and path).
    pub name: Option<Text>,
    /// How often it is drawn, relative to the others (default 1).
    pub weight: Option<u32>,
    /// The method (default GET, or POST with a body).
    pub method: Option<Text>,
    /// The path and query (default: the URL's). May hold `{{seq}}`, `{{rand LOW HIGH}}` and `{{uuid}}`.
    pub path: Option<Text>,
    /// Method GET, and this path.
    pub get: Option<Text>,
    /// Method HEAD, and this path.
    pub head: Option<Text>,
    /// Method POST, and this path.
    pub post: Option<Text>,
    /// Method PUT, and this path.
    pub put: Option<Text>,
    /// Method PATCH, and this path.
    pub patch: Option<Text>,
    /// Method DELETE, and this path.
    pub delete: Option<Text>,
    /// Headers of this request, after the plan's. Values may hold the same.
    pub headers: BTreeMap<String, Texts>,
    /// The body: text, which may hold the same, or `@file`, which is sent as it is.
    pub body: Option<Text>,
}

/// A value that may be typed as a string or as a bare number.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "TextSchema")]
pub struct Text(pub String);

/// How [`Text`] looks in the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum TextSchema {
    String(String),
    Number(f64),
}

/// One [`Text`] or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(with = "TextsSchema")]
pub struct Texts(pub Vec<String>);

/// How [`Texts`] looks in the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum TextsSchema {
    One(TextSchema),
    Several(Vec<TextSchema>),
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        deserializer.deserialize_any(TextsVisitor).map(Texts)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a number, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        TextVisitor.visit_str(text).map(|text| vec![text])
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Vec<String>, E> {
        TextVisitor.visit_i64(number).map(|text| vec![text])
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Vec<String>, E> {
        TextVisitor.visit_u64(number).map(|text| vec![text])
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Vec<String>, E> {
        TextVisitor.visit_f64(number).map(|text| vec![text])
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(Text(text)) = sequence.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

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

/// The layer a value came from, if not the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A command-line flag, as typed.
    Flag(String),
    /// An environment variable.
    Environment(String),
}

/// Something wrong with a plan: which key, what about it, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The key, such as `run.connections` or `request.1.path`. Empty: the plan as a whole.
    pub path: String,
    /// What is wrong, as a sentence.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
    /// Where in the file, when it is known better than by the key.
    pub span: Option<Range<usize>>,
}

impl Diagnostic {
    /// A mistake at a key.
    pub fn at(path: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> Diagnostic {
        Diagnostic { path: path.into(), problem: problem.into(), fix: fix.into(), span: None }
    }
}

/// Where a mistake is, for showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the plan file, at these bytes.
    File(Range<usize>),
    /// In a flag or a variable.
    Origin(Origin),
    /// Nowhere in particular: something is missing, or a default is involved.
    Nowhere,
}

/// The layers of a plan, merged, each key with its origin.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    table: toml::Table,
    document: Option<Document>,
    origins: BTreeMap<String, Origin>,
}

impl Layers {
    /// The lowest layer. A syntax error says where.
    pub fn new(document: Option<Document>) -> Result<Layers, Box<(Diagnostic, Document)>> {
        let Some(document) = document else { return Ok(Layers::default()) };
        match parse_document(&document) {
            Ok(table) => Ok(Layers { table, document: Some(document), origins: BTreeMap::new() }),
            Err(diagnostic) => Err(Box::new((diagnostic, document))),
        }
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

    /// A variable `VAJRA_RUN__CONNECTIONS` sets `run.connections`: double underscores nest. The value is read as TOML
    /// where it is a number, a boolean or a list, and is a string otherwise.
    pub fn set_variable(&mut self, variable: &str, text: &str) {
        let Some(name) = variable.strip_prefix("VAJRA_") else { return };
        let path = name.to_lowercase().replace("__", ".");
        let as_toml = toml::from_str::<toml::Table>(&format!("value = {text}")).ok();
        let value = as_toml
            .and_then(|mut table| table.remove("value"))
            .filter(|value| !value.is_table() && !value.is_datetime())
            .unwrap_or_else(|| toml::Value::String(text.to_owned()));
        self.set(&path, value, Origin::Environment(variable.to_owned()));
    }

    /// Reads the merged layers. The first wrong type or unknown key is the mistake.
    pub fn config(&self) -> Result<Config, Diagnostic> {
        let merged = toml::Value::Table(self.table.clone());
        serde_path_to_error::deserialize(merged).map_err(|error| {
            let path: String = dotted(error.path());
            let mut diagnostic = diagnostic_of(path, &error.into_inner().to_string());
            if diagnostic.problem.starts_with(UNKNOWN_KEY) && !self.origins.contains_key(&diagnostic.path) {
                diagnostic.span =
                    self.document.as_ref().and_then(|document| key_span_of(document, &diagnostic.path));
            }
            diagnostic
        })
    }

    /// Where a mistake is. A key that is absent is looked for in its parents.
    pub fn place(&self, diagnostic: &Diagnostic) -> Location {
        if let Some(span) = &diagnostic.span {
            return Location::File(span.clone());
        }
        let mut path = diagnostic.path.as_str();
        while !path.is_empty() {
            if let Some(origin) = self.origins.get(path) {
                return Location::Origin(origin.clone());
            }
            if let Some(span) = self.document.as_ref().and_then(|document| span_of(document, path)) {
                return Location::File(span);
            }
            // A table that no file has may have been begun by a flag.
            let inner = format!("{path}.");
            if let Some((_, origin)) = self.origins.iter().find(|(key, _)| key.starts_with(&inner)) {
                return Location::Origin(origin.clone());
            }
            path = path.rsplit_once('.').map_or("", |(parent, _)| parent);
        }
        Location::Nowhere
    }
}

fn dotted(path: &serde_path_to_error::Path) -> String {
    let parts: Vec<String> =
        path.iter().map(|segment| segment.to_string().trim_matches(['[', ']']).to_owned()).collect();
    parts.join(".")
}

/// serde says "unknown field `x`, expected one of `a`, `b`": the candidates become a suggestion.
fn diagnostic_of(path: String, message: &str) -> Diagnostic {
    let message = message.lines().next().unwrap_or(message).trim();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((unknown, known)) = quoted.split_first().filter(|_| message.starts_with("unknown field")) else {
        return Diagnostic::at(path.clone(), format!("`{path}`: {message}"), "give a value of that kind");
    };
    let path = if path.rsplit('.').next() == Some(unknown) || path.is_empty() {
        if path.is_empty() { (*unknown).to_owned() } else { path }
    } else {
        format!("{path}.{unknown}")
    };
    let fix = match closest(unknown, known) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    Diagnostic::at(path, format!("{UNKNOWN_KEY} `{unknown}`"), fix)
}

const UNKNOWN_KEY: &str = "unknown key";

/// The known word most like the unknown one, if any is like it at all.
pub fn closest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    const LIKENESS_MIN: f64 = 0.75;
    let scored = known.iter().map(|word| (strsim::jaro_winkler(unknown, word), *word));
    scored
        .filter(|(score, _)| *score >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

fn parse_document(document: &Document) -> Result<toml::Table, Diagnostic> {
    let wrong = |problem: String, span: Option<Range<usize>>, language: &str| Diagnostic {
        path: String::new(),
        problem,
        fix: format!("this is not valid {language}"),
        span,
    };
    match document.format {
        Format::Toml => toml::from_str(&document.text)
            .map_err(|error| wrong(error.message().trim().to_owned(), error.span(), "TOML")),
        Format::Json => serde_json::from_str(&document.text).map_err(|error| {
            let at = offset_of(&document.text, error.line(), error.column());
            wrong(error.to_string(), Some(at..at + 1), "JSON")
        }),
    }
}

/// Byte offset of a line and column, both from 1.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len().saturating_sub(1))
}

/// The bytes of the value at a dotted path in a document.
fn span_of(document: &Document, path: &str) -> Option<Range<usize>> {
    match document.format {
        Format::Toml => span_in_toml(&document.text, path),
        Format::Json => span_in_json(&document.text, path),
    }
}

/// The bytes of the last key of a path, where the document is TOML; JSON's values stand beside their keys.
fn key_span_of(document: &Document, path: &str) -> Option<Range<usize>> {
    if document.format == Format::Json {
        return None;
    }
    let root = DeTable::parse(&document.text).ok()?;
    let (parents, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut table = root.get_ref();
    for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
        table = match table.get(parent)?.get_ref() {
            DeValue::Table(table) => table,
            _ => return None,
        };
    }
    Some(table.get_key_value(key)?.0.span())
}

fn span_in_toml(text: &str, path: &str) -> Option<Range<usize>> {
    let root = DeTable::parse(text).ok()?;
    let mut keys = path.split('.');
    let first = keys.next()?;
    let (key, mut value) = root.get_ref().get_key_value(first)?;
    let mut span = if value.get_ref().is_table() { key.span() } else { value.span() };
    for key in keys {
        value = match value.get_ref() {
            DeValue::Table(table) => table.get(key)?,
            DeValue::Array(array) => array.get(key.parse::<usize>().ok()?)?,
            _ => return None,
        };
        span = value.span();
    }
    Some(span)
}

/// Finds a value in JSON by walking its tokens; the text is known to be valid JSON.
fn span_in_json(text: &str, path: &str) -> Option<Range<usize>> {
    let mut at = skip_space(text, 0);
    for key in path.split('.') {
        at = match text.as_bytes().get(at)? {
            b'{' => member_of(text, at, key)?,
            b'[' => element_of(text, at, key.parse().ok()?)?,
            _ => return None,
        };
    }
    Some(at..value_end(text, at)?)
}

fn skip_space(text: &str, from: usize) -> usize {
    let skipped = text[from..].find(|c: char| !c.is_ascii_whitespace());
    skipped.map_or(text.len(), |skipped| from + skipped)
}

/// The offset just past the JSON value that starts at `at`.
fn value_end(text: &str, at: usize) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<de::IgnoredAny>();
    values.next()?.ok()?;
    Some(at + values.byte_offset())
}

fn member_of(text: &str, object: usize, wanted: &str) -> Option<usize> {
    let mut at = skip_space(text, object + 1);
    while text.as_bytes().get(at) == Some(&b'"') {
        let key_end = value_end(text, at)?;
        let key: String = serde_json::from_str(&text[at..key_end]).ok()?;
        let colon = skip_space(text, key_end);
        let value = skip_space(text, colon + 1);
        if key == wanted {
            return Some(value);
        }
        let comma = skip_space(text, value_end(text, value)?);
        at = skip_space(text, comma + 1);
    }
    None
}

fn element_of(text: &str, array: usize, index: usize) -> Option<usize> {
    let mut at = skip_space(text, array + 1);
    for _ in 0..index {
        let comma = skip_space(text, value_end(text, at)?);
        at = skip_space(text, comma + 1);
    }
    (text.as_bytes().get(at) != Some(&b']')).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str, format: Format) -> Document {
        Document { name: "plan".into(), text: text.into(), format }
    }

    fn layers(text: &str, format: Format) -> Layers {
        Layers::new(Some(document(text, format))).unwrap()
    }

    /// The bytes of the file that a wrong config points at.
    fn pointed_at(text: &str, format: Format) -> (Diagnostic, String) {
        let layers = layers(text, format);
        let diagnostic = layers.config().unwrap_err();
        match layers.place(&diagnostic) {
            Location::File(span) => (diagnostic, text[span].to_owned()),
            place => panic!("{diagnostic:?} at {place:?}"),
        }
    }

    #[test]
    fn an_unknown_key_is_pointed_at_with_a_guess() {
        let (diagnostic, place) = pointed_at("url = \"x\"\n[run]\nconections = 5\n", Format::Toml);
        assert_eq!((diagnostic.path.as_str(), place.as_str()), ("run.conections", "conections"));
        assert!(diagnostic.fix.contains("`connections`"), "{diagnostic:?}");
    }

    #[test]
    fn a_wrong_type_is_pointed_at_in_toml_and_json() {
        let (diagnostic, place) = pointed_at("[run]\nshards = \"two\"\n", Format::Toml);
        assert_eq!((diagnostic.path.as_str(), place.as_str()), ("run.shards", "\"two\""));
        let (diagnostic, place) = pointed_at("{\"request\": [{}, {\"weight\": -3}]}", Format::Json);
        assert_eq!((diagnostic.path.as_str(), place.as_str()), ("request.1.weight", "-3"));
    }

    #[test]
    fn syntax_errors_have_a_place() {
        for (text, format) in [("a = = 1", Format::Toml), ("{\"a\": }", Format::Json)] {
            let diagnostic = Layers::new(Some(document(text, format))).unwrap_err().0;
            assert!(diagnostic.span.is_some(), "{diagnostic:?}");
        }
    }

    #[test]
    fn flags_stand_above_the_environment_above_the_file() {
        let mut layers = layers("[run]\nconnections = 1\nshards = 1\npipeline = 1", Format::Toml);
        layers.set_variable("VAJRA_RUN__CONNECTIONS", "2");
        layers.set_variable("VAJRA_RUN__SHARDS", "2");
        layers.set("run.connections", toml::Value::Integer(3), Origin::Flag("-c 3".into()));
        let run = layers.config().unwrap().run;
        assert_eq!((run.connections, run.shards, run.pipeline), (Some(3), Some(2), Some(1)));
        let place = layers.place(&Diagnostic::at("run.shards", "", ""));
        assert_eq!(place, Location::Origin(Origin::Environment("VAJRA_RUN__SHARDS".into())));
    }

    #[test]
    fn numbers_may_stand_where_text_is_read() {
        let config = layers("[load]\nrate = 500\nrates = [1, \"2k\"]", Format::Toml).config().unwrap();
        assert_eq!(config.load.rate, Some(Text("500".into())));
        assert_eq!(config.load.rates, Some(Texts(vec!["1".into(), "2k".into()])));
    }

    #[test]
    fn an_absent_key_is_placed_at_its_parent() {
        let layers = layers("[load]\nshape = \"ramp\"", Format::Toml);
        let place = layers.place(&Diagnostic::at("load.from", "", ""));
        assert!(matches!(place, Location::File(_)), "{place:?}");
    }
}
