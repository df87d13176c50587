//! What is to be written instead, in the language in which the plan is written.

use super::document::Format;
use toml::Value;

impl Format {
    /// A key and its value, such as `rate = "10k"`; without a key the value alone.
    pub(super) fn assignment(self, key: &str, value: &Value) -> String {
        let value = self.value(value);
        match (key, self) {
            ("", _) => value,
            (_, Format::Toml) => format!("{} = {value}", toml_key(key)),
            (_, Format::Json) => format!("{}: {value}", json(&Value::String(key.to_owned()))),
        }
    }

    /// A value, in one line.
    pub(super) fn value(self, value: &Value) -> String {
        match self {
            Format::Toml => in_toml(value),
            Format::Json => json(value),
        }
    }

    /// What a table is called: `[run]`, or `"run": {…}`.
    pub(super) fn table(self, keys: &[&str]) -> String {
        match (self, keys) {
            (Format::Toml, [.., list @ ("request" | "stages")]) => {
                format!("[[{}]]", [&keys[..keys.len() - 1], &[*list]].concat().join("."))
            }
            (Format::Toml, _) => format!("[{}]", keys.join(".")),
            (Format::Json, [.., "request" | "stages"]) => nested(keys, "[{…}]"),
            (Format::Json, _) => nested(keys, "{…}"),
        }
    }

    /// Where keys stand that are in no table.
    pub(super) fn top(self) -> &'static str {
        match self {
            Format::Toml => "write it above the first `[table]`",
            Format::Json => "write it beside `\"url\"`, in no table",
        }
    }
}

/// Objects in each other, the innermost with this in it.
fn nested(keys: &[&str], inner: &str) -> String {
    let (last, parents) = keys.split_last().expect("a table has a name");
    let open: String = parents.iter().map(|key| format!("\"{key}\": {{")).collect();
    format!("{open}\"{last}\": {inner}{}", "}".repeat(parents.len()))
}

fn toml_key(key: &str) -> String {
    let is_bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { key.to_owned() } else { quoted(key) }
}

fn in_toml(value: &Value) -> String {
    let all = |values: Vec<String>| values.join(", ");
    match value {
        Value::String(text) => quoted(text),
        Value::Array(values) => format!("[{}]", all(values.iter().map(in_toml).collect())),
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            let member = |(key, value): (&String, &Value)| format!("{} = {}", toml_key(key), in_toml(value));
            format!("{{ {} }}", all(table.iter().map(member).collect()))
        }
        other => other.to_string(),
    }
}

/// In single quotes where double ones would have to be escaped.
fn quoted(text: &str) -> String {
    let needs_escapes = text.contains(['"', '\\']) && !text.contains(['\'', '\n']);
    if needs_escapes { format!("'{text}'") } else { json(&Value::String(text.to_owned())) }
}

fn json(value: &Value) -> String {
    let all = |values: Vec<String>| values.join(", ");
    match value {
        Value::Array(values) => format!("[{}]", all(values.iter().map(json).collect())),
        Value::Table(table) => {
            let member = |(key, value): (&String, &Value)| format!("{}: {}", text(key), json(value));
            format!("{{{}}}", all(table.iter().map(member).collect()))
        }
        Value::String(value) => text(value),
        other => other.to_string(),
    }
}

fn text(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
