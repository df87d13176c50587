//! Plans in JSON: their values with the place of each, and what JSON can say that no plan means.

use super::diagnostic::{Diagnostic, Spot};
use super::places::{Member, Node, NodeKind};
use serde::de::IgnoredAny;

/// What a JSON document says.
pub(super) struct JsonPlan {
    pub(super) table: toml::Table,
    pub(super) places: Node,
    pub(super) wrong: Vec<Diagnostic>,
}

/// Reads a document. An error is one of syntax: the reader stops there.
pub(super) fn read(text: &str) -> Result<JsonPlan, Box<Diagnostic>> {
    // Read as a whole first: what follows relies on it, and on a limit to its depth.
    let whole: serde_json::Value =
        serde_json::from_str(text).map_err(|error| Box::new(syntax(text, &error)))?;
    if !whole.is_object() {
        let span = skip_space(text, 0)..text.trim_end().len();
        let wrong = Diagnostic::at("", "a plan is an object", "write `{\"url\": \"http://host:port/\"}`");
        return Err(Box::new(wrong.spotted(Spot::Span(span))));
    }
    let mut reader = JsonReader { text, wrong: Vec::new() };
    let (value, places, _) = reader.value(skip_space(text, 0), "");
    let table = match value {
        Some(toml::Value::Table(table)) => table,
        _ => toml::Table::new(),
    };
    Ok(JsonPlan { table, places, wrong: reader.wrong })
}

/// serde's words, in ours where they are known.
fn syntax(text: &str, error: &serde_json::Error) -> Diagnostic {
    let at = offset_of(text, error.line(), error.column());
    let message = error.to_string();
    let words = message.split(" at line ").next().unwrap_or_default();
    let before = text[..at].trim_end();
    let comma = before.ends_with(',').then(|| before.len() - 1);
    let is_comment = text[at..].starts_with('/') || text[at..].starts_with('#');
    let (problem, fix, from) = match (words, comma) {
        ("trailing comma", Some(comma)) => ("a comma with nothing after it", "leave this comma out", comma),
        _ if is_comment => ("JSON has no comments", "leave it out, or write the plan as TOML", at),
        ("key must be a string", _) => {
            ("a key stands in double quotes in JSON", "write `\"url\": \"http://host:port/\"`", at)
        }
        ("expected `,` or `}`" | "expected `,` or `]`", _) => {
            ("something is missing before this, or was not closed", "put a comma between values", at)
        }
        ("expected value" | "expected ident", _) => (
            "this is no value of JSON",
            "write a text in double quotes, a number, `true`, `false`, a list or an object",
            at,
        ),
        ("expected `:`", _) => {
            ("a colon is missing between key and value", "write `\"name\": \"value\"`", at)
        }
        ("trailing characters", _) => {
            ("the plan has ended before this", "leave out what comes after its last `}`", at)
        }
        _ if words.starts_with("EOF") => {
            ("the plan ends before it is complete", "close what is open: quotes, `]` and `}`", at)
        }
        _ => (words, "this is not valid JSON", at),
    };
    let end = text[from..].chars().next().map_or(from, |c| from + c.len_utf8());
    Diagnostic::at("", problem, fix).spotted(Spot::Span(from..end))
}

/// Byte offset of a line and column, both from 1.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (before + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Walks a text that is known to be JSON.
struct JsonReader<'a> {
    text: &'a str,
    wrong: Vec<Diagnostic>,
}

impl JsonReader<'_> {
    /// The value that begins at `at`, its places, and the offset just past it.
    fn value(&mut self, at: usize, path: &str) -> (Option<toml::Value>, Node, usize) {
        match self.text.as_bytes().get(at) {
            Some(b'{') => self.object(at, path),
            Some(b'[') => self.list(at, path),
            _ => self.scalar(at, path),
        }
    }

    fn object(&mut self, from: usize, path: &str) -> (Option<toml::Value>, Node, usize) {
        let (mut table, mut members) = (toml::Table::new(), Vec::new());
        let mut at = skip_space(self.text, from + 1);
        while self.text.as_bytes().get(at) == Some(&b'"') {
            let key_end = value_end(self.text, at);
            let key: String = serde_json::from_str(&self.text[at..key_end]).unwrap_or_default();
            let colon = skip_space(self.text, key_end);
            let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let begin = skip_space(self.text, colon + 1);
            let (value, node, end) = self.value(begin, &inner);
            if table.contains_key(&key) {
                let problem = format!("`{key}` stands here twice");
                let wrong = Diagnostic::at(inner, problem, "leave one out");
                self.wrong.push(wrong.spotted(Spot::Span(at..key_end)));
            } else {
                table.extend(value.map(|value| (key.clone(), value)));
                members.push(Member { key, key_span: at..key_end, value: node });
            }
            at = self.past_comma(end);
        }
        (Some(toml::Value::Table(table)), Node { span: from..at + 1, kind: NodeKind::Table(members) }, at + 1)
    }

    fn list(&mut self, from: usize, path: &str) -> (Option<toml::Value>, Node, usize) {
        let (mut values, mut elements) = (Vec::new(), Vec::new());
        let mut at = skip_space(self.text, from + 1);
        while self.text.as_bytes().get(at).is_some_and(|&byte| byte != b']') {
            let (value, node, end) = self.value(at, &format!("{path}.{}", elements.len()));
            values.extend(value);
            elements.push(node);
            at = self.past_comma(end);
        }
        (
            Some(toml::Value::Array(values)),
            Node { span: from..at + 1, kind: NodeKind::List(elements) },
            at + 1,
        )
    }

    fn scalar(&mut self, from: usize, path: &str) -> (Option<toml::Value>, Node, usize) {
        let end = value_end(self.text, from);
        let span = from..end;
        let value = match serde_json::from_str(&self.text[span.clone()]) {
            Ok(serde_json::Value::String(text)) => Some(toml::Value::String(text)),
            Ok(serde_json::Value::Bool(truth)) => Some(toml::Value::Boolean(truth)),
            Ok(serde_json::Value::Number(number)) => Some(match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => toml::Value::Integer(whole),
                (None, decimal) => toml::Value::Float(decimal.unwrap_or(f64::INFINITY)),
            }),
            _ => {
                let wrong = Diagnostic::at(path, "`null` is no value of a plan", "leave the key out");
                self.wrong.push(wrong.spotted(Spot::Span(span.clone())));
                None
            }
        };
        (value, Node { span, kind: NodeKind::Leaf }, end)
    }

    fn past_comma(&self, end: usize) -> usize {
        let at = skip_space(self.text, end);
        match self.text.as_bytes().get(at) {
            Some(b',') => skip_space(self.text, at + 1),
            _ => at,
        }
    }
}

fn skip_space(text: &str, from: usize) -> usize {
    let skipped = text[from..].find(|c: char| !c.is_ascii_whitespace());
    skipped.map_or(text.len(), |skipped| from + skipped)
}

/// The offset just past the JSON value that starts at `at`.
fn value_end(text: &str, at: usize) -> usize {
    let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<IgnoredAny>();
    values.next();
    at + values.byte_offset()
}
