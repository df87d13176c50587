//! A plan as it is written: requests or steps, and what stands around them, as TOML that people read and change.

use crate::names;
use crate::ordered::Ordered;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

/// Headers that a plan refuses, because whoever sends decides them.
const REFUSED: [&str; 3] = ["content-length", "transfer-encoding", "connection"];
/// Methods that have a key of their own.
const METHOD_KEYS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

/// The most kinds of request of a mix, and the most steps of a flow: a plan has no more.
pub(crate) const REQUESTS_MAX: usize = 64;
/// The most redirects that a plan follows.
pub(crate) const REDIRECTS_MAX: u32 = 50;
const JSON: &str = "application/json";

/// What is sent with a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum PlannedBody {
    #[default]
    Absent,
    /// A text, with holes or not.
    Text(String),
    /// A text that is sent as it is, whatever in it looks like a hole.
    Literal(String),
    /// A file, by its name.
    File(String),
    Json(Ordered),
    Form(Vec<(String, String)>),
    Multipart(Vec<(String, String)>),
}

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PlannedCredentials {
    Bearer(String),
    Basic { user: String, password: String },
}

/// A request of a mix, or a step of a flow.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlannedRequest {
    /// What it is called; the method and the path if nothing is said.
    pub(crate) name: Option<String>,
    /// The name of the target that it goes to, where that is another than the plan's.
    pub(crate) target: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) weight: Option<u64>,
    pub(crate) credentials: Option<PlannedCredentials>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: PlannedBody,
    pub(crate) check: Option<String>,
    /// How many redirects are followed, where some are.
    pub(crate) redirects: Option<u32>,
    /// Names, and what they are taken from.
    pub(crate) extract: Vec<(String, String)>,
    /// The most of the response's body that is looked at, where that is more than usual.
    pub(crate) body_max: Option<String>,
    pub(crate) think_ms: Option<u64>,
    /// Several checks, in place of `check`.
    pub(crate) checks: Vec<String>,
    /// When it is intended, from the beginning of its iteration.
    pub(crate) at_ms: Option<u64>,
    /// A think time that is drawn, in place of `think_ms`.
    pub(crate) think: Option<String>,
    pub(crate) repeat: Option<u32>,
    /// What has to hold for it to be sent.
    pub(crate) condition: Option<String>,
}

impl PlannedRequest {
    /// Sets a body of JSON: as a table if TOML can say it, else as text with its type.
    pub(crate) fn set_json(&mut self, document: Ordered) {
        let is_type = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
        let plain = |value: &str| {
            value.to_ascii_lowercase().replace("; charset=utf-8", "").replace(";charset=utf-8", "")
        };
        if document.to_toml().is_some() {
            self.headers.retain(|header| !is_type(header) || plain(&header.1) != JSON);
            self.body = PlannedBody::Json(document);
            return;
        }
        if !self.headers.iter().any(is_type) {
            self.headers.push(("Content-Type".to_owned(), JSON.to_owned()));
        }
        self.body = PlannedBody::Text(with_filters(&document.to_json()));
    }

    /// Leaves out headers that nobody can send, with a note of each.
    pub(crate) fn drop_unsendable(&mut self, place: &str, notes: &mut Vec<String>) {
        self.headers.retain(|(name, value)| {
            let why = match (names::is_header(name), value.contains(|c: char| c.is_control() && c != '\t')) {
                (true, false) => return true,
                (false, _) => "no header is called so",
                (true, true) => "it has a line break or another control character",
            };
            notes.push(format!("{place}: the header {name} is left out: {why}"));
            false
        });
    }

    /// As a table of a plan.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        let mut set = |key: &str, value: Value| table.insert(key, Item::Value(value));
        if let Some(name) = &self.name {
            set("name", name.as_str().into());
        }
        if let Some(target) = &self.target {
            set("target", target.as_str().into());
        }
        let key = self.method.to_ascii_lowercase();
        if METHOD_KEYS.contains(&key.as_str()) && key.to_ascii_uppercase() == self.method {
            set(&key, self.path.as_str().into());
        } else {
            set("method", self.method.as_str().into());
            set("path", self.path.as_str().into());
        }
        if let Some(weight) = self.weight {
            set("weight", whole(weight));
        }
        if let Some(condition) = &self.condition {
            set("if", condition.as_str().into());
        }
        match &self.credentials {
            None => {}
            Some(PlannedCredentials::Bearer(token)) => drop(set("bearer", token.as_str().into())),
            Some(PlannedCredentials::Basic { user, password }) => {
                let fields = [("user", user), ("password", password)];
                let basic = fields.map(|(name, value)| (name, Value::from(value.as_str())));
                set("basic", Value::InlineTable(basic.into_iter().collect()));
            }
        }
        let headers = headers(&self.headers);
        if !headers.is_empty() {
            table.insert("headers", Item::Table(headers));
        }
        self.set_body(&mut table);
        let mut set = |key: &str, value: Value| table.insert(key, Item::Value(value));
        if let Some(redirects) = self.redirects {
            set("redirects", i64::from(redirects).into());
        }
        if let Some(check) = &self.check {
            set("check", check.as_str().into());
        }
        match self.checks.as_slice() {
            [] => {}
            [check] => drop(set("check", check.as_str().into())),
            several => drop(set("check", Value::Array(several.iter().map(String::as_str).collect()))),
        }
        if !self.extract.is_empty() {
            set("extract", Value::InlineTable(texts(&self.extract)));
        }
        if let Some(body_max) = &self.body_max {
            set("body_max", body_max.as_str().into());
        }
        if let Some(think_ms) = self.think_ms {
            set("think", milliseconds(think_ms).into());
        }
        if let Some(at_ms) = self.at_ms {
            set("at", milliseconds(at_ms).into());
        }
        if let Some(repeat) = self.repeat {
            set("repeat", whole(repeat.into()));
        }
        if let Some(think) = &self.think {
            set("think", think.as_str().into());
        }
        table
    }

    fn set_body(&self, table: &mut Table) {
        let mut set = |key: &str, value: Value| table.insert(key, Item::Value(value));
        match &self.body {
            PlannedBody::Absent => {}
            PlannedBody::Text(text) => {
                set("body", text.as_str().into());
            }
            PlannedBody::Literal(text) => {
                set("body", text.as_str().into());
                set("template", false.into());
            }
            PlannedBody::File(name) => {
                set("body", format!("@{name}").into());
            }
            PlannedBody::Json(document) => {
                set("json", document.to_toml().expect("only what TOML can say is set as one"));
            }
            PlannedBody::Form(fields) => {
                set("form", Value::InlineTable(texts(fields)));
            }
            PlannedBody::Multipart(fields) => {
                set("multipart", Value::InlineTable(texts(fields)));
            }
        }
    }
}

/// A text of JSON whose holes are values of it: those of texts are escaped, and numbers stand without quotes.
fn with_filters(json: &str) -> String {
    let (mut text, mut rest) = (String::new(), json);
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((hole, after)) = behind.split_once("}}") else { break };
        let is_number = hole.ends_with("| number");
        match (is_number, before.strip_suffix('"'), after.strip_prefix('"')) {
            (true, Some(before), Some(after)) => {
                text.push_str(&format!("{before}{{{{{hole}}}}}"));
                rest = after;
            }
            _ => {
                text.push_str(&format!("{before}{{{{{hole} | json}}}}"));
                rest = after;
            }
        }
    }
    text + rest
}

/// Headers as dotted keys; one that is sent several times has a list.
fn headers(headers: &[(String, String)]) -> Table {
    let mut table = Table::new();
    table.set_dotted(true);
    for (name, value) in headers {
        if REFUSED.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        let key = table.iter().map(|(key, _)| key.to_owned()).find(|key| key.eq_ignore_ascii_case(name));
        match key.and_then(|key| table.get_mut(&key)).and_then(Item::as_value_mut) {
            Some(Value::Array(values)) => values.push(value.as_str()),
            Some(first) => *first = Value::Array(Array::from_iter([first.clone(), value.as_str().into()])),
            None => {
                table.insert(name, Item::Value(value.as_str().into()));
            }
        }
    }
    table
}

fn texts(entries: &[(String, String)]) -> InlineTable {
    entries.iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str()))).collect()
}

fn whole(value: u64) -> Value {
    i64::try_from(value).unwrap_or(i64::MAX).into()
}

/// A time of a plan.
pub(crate) fn milliseconds(ms: u64) -> String {
    match ms {
        0 => "0s".to_owned(),
        whole if whole % 1_000 == 0 => format!("{}s", whole / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// A plan while it is put together.
pub(crate) struct PlanText {
    document: DocumentMut,
    head: Vec<String>,
}

impl PlanText {
    /// A plan that says where it came from.
    pub(crate) fn new(origin: &str) -> PlanText {
        PlanText { document: DocumentMut::new(), head: vec![format!("Made by `vajra import` {origin}.")] }
    }

    /// Says something at the head of the plan.
    pub(crate) fn say(&mut self, sentence: &str) {
        self.head.push(sentence.to_owned());
    }

    /// Sets a key of the top level.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.document.insert(key, Item::Value(value.into()));
    }

    /// Sets a key in a table.
    pub(crate) fn set_in(&mut self, table: &str, key: &str, value: impl Into<Value>) {
        if let Some(table) = self.document.entry(table).or_insert(Item::Table(Table::new())).as_table_mut() {
            table.insert(key, Item::Value(value.into()));
        }
    }

    /// Adds a target with a name.
    pub(crate) fn target(&mut self, name: &str, url: &str) {
        let mut all = Table::new();
        all.set_implicit(true);
        if let Some(all) = self.document.entry("target").or_insert(Item::Table(all)).as_table_mut() {
            let target = Table::from_iter([("url", Value::from(url))]);
            all.insert(name, Item::Table(target));
        }
    }

    /// Sets what is not a value: a table, or a list of tables.
    pub(crate) fn put(&mut self, key: &str, item: Item) {
        self.document.insert(key, item);
    }

    /// Adds the parts of a load that changes.
    pub(crate) fn stages(&mut self, stages: &[(String, String)]) {
        let mut tables = ArrayOfTables::new();
        for (rate, duration) in stages {
            let mut table = Table::new();
            table.insert("rate", Item::Value(rate.as_str().into()));
            table.insert("duration", Item::Value(duration.as_str().into()));
            tables.push(table);
        }
        if let Some(load) = self.document.entry("load").or_insert(Item::Table(Table::new())).as_table_mut() {
            load.insert("stages", Item::ArrayOfTables(tables));
        }
    }

    /// Adds a data file, with what is said of it.
    pub(crate) fn feed(&mut self, name: &str, keys: &[(&str, &str)]) {
        let mut all = Table::new();
        all.set_implicit(true);
        let feeds = self.document.entry("feed").or_insert(Item::Table(all));
        if let Some(feeds) = feeds.as_table_mut() {
            let values = keys.iter().map(|(key, value)| ((*key).to_owned(), Item::Value((*value).into())));
            feeds.insert(name, Item::Table(values.collect()));
        }
    }

    /// Adds the requests, as tables of this name.
    pub(crate) fn requests(&mut self, kind: &str, requests: &[PlannedRequest]) {
        let tables: ArrayOfTables = requests.iter().map(PlannedRequest::table).collect();
        self.document.insert(kind, Item::ArrayOfTables(tables));
    }

    /// The text of the plan.
    pub(crate) fn finish(self) -> String {
        let mut text = String::new();
        for sentence in &self.head {
            let plain: String = sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            text.push_str(&format!("# {plain}\n"));
        }
        text.push('\n');
        text.push_str(&self.document.to_string());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_those_of_plans() {
        assert_eq!(REQUESTS_MAX, engine::plan::REQUESTS_MAX);
        assert_eq!(REDIRECTS_MAX, engine::redirect::REDIRECTS_MAX);
    }

    #[test]
    fn json_that_toml_cannot_say_is_a_text_with_its_type() {
        let mut request = PlannedRequest { method: "POST".into(), path: "/".into(), ..Default::default() };
        let text = r#"{"a":null,"n":"{{n | number}}","s":"x {{s}}"}"#;
        request.set_json(crate::ordered::json_body(text).unwrap());
        assert_eq!(request.headers, [("Content-Type".to_owned(), JSON.to_owned())]);
        let body = r#"{"a":null,"n":{{n | number}},"s":"x {{s | json}}"}"#;
        assert_eq!(request.body, PlannedBody::Text(body.to_owned()));
    }

    #[test]
    fn a_plan_reads_as_one_that_was_written_by_hand() {
        let step = PlannedRequest {
            name: Some("login".into()),
            method: "POST".into(),
            path: "/login".into(),
            headers: vec![
                ("Accept".into(), "a".into()),
                ("accept".into(), "b".into()),
                ("Content-Length".into(), "7".into()),
            ],
            body: PlannedBody::Json(crate::ordered::json_body(r#"{"name":"x","n":1}"#).unwrap()),
            check: Some("status == 200".into()),
            extract: vec![("token".into(), "json /token".into())],
            think_ms: Some(1_500),
            ..Default::default()
        };
        let mut plan = PlanText::new("by hand");
        plan.say("Two\nlines.");
        plan.set("url", "http://h");
        plan.set_in("load", "rate", 1);
        plan.requests("step", &[step]);
        assert_eq!(
            plan.finish(),
            "# Made by `vajra import` by hand.\n# Two lines.\n\nurl = \"http://h\"\n\n[load]\nrate = 1\n\n\
             [[step]]\nname = \"login\"\npost = \"/login\"\n\
             headers.Accept = [\"a\", \"b\"]\njson = { name = \"x\", n = 1 }\ncheck = \"status == 200\"\n\
             extract = { token = \"json /token\" }\nthink = \"1500ms\"\n"
        );
    }
}
