//! What each key of a plan may hold, read off the schema that `vajra schema` prints, so that both say the same.

use super::connection_count::PER_USER;
use super::typed::Config;
use crate::plan::bounds::CONNECTIONS_MAX;
use crate::quantity::group;
use serde_json::{Map, Value};

/// The forms of all keys.
pub(super) struct Forms {
    schema: Value,
}

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum ValueForm<'a> {
    /// A text or a number.
    Text,
    /// The same, or a list of them.
    Texts,
    Truth,
    Whole {
        min: i64,
        max: i64,
    },
    /// A number of connections, or a word for one for each user.
    Connections {
        max: i64,
    },
    /// A condition, or a list of them: each a text, or a table with these keys.
    Conditions(&'a Map<String, Value>),
    /// A table with these keys.
    Table(&'a Map<String, Value>),
    /// A table with any keys, all of one form.
    Names(&'a Value),
    /// A list of tables.
    Tables(&'a Value),
    /// Anything.
    Any,
}

impl Forms {
    pub(super) fn new() -> Forms {
        Forms { schema: schemars::schema_for!(Config).to_value() }
    }

    /// That of the whole plan.
    pub(super) fn root(&self) -> ValueForm<'_> {
        self.of(&self.schema)
    }

    /// The form that a part of the schema describes.
    pub(super) fn of<'a>(&'a self, part: &'a Value) -> ValueForm<'a> {
        let part = match part.get("anyOf").and_then(Value::as_array) {
            Some(choices) => choices.first().unwrap_or(part),
            None => part,
        };
        let name = part.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        match name {
            Some("Text") => return ValueForm::Text,
            Some("Texts") => return ValueForm::Texts,
            Some("JsonValue") => return ValueForm::Any,
            Some("ConnectionCount") => return ValueForm::Connections { max: CONNECTIONS_MAX.into() },
            Some("Conditions") => {
                let keys = self.schema["$defs"]["ConditionConfig"]["properties"].as_object();
                return keys.map_or(ValueForm::Texts, ValueForm::Conditions);
            }
            Some(name) => return self.of(&self.schema["$defs"][name]),
            None => {}
        }
        let is = |kind: &str| match &part["type"] {
            Value::Array(kinds) => kinds.iter().any(|one| one == kind),
            one => one == kind,
        };
        match (part.get("properties").and_then(Value::as_object), part.get("items")) {
            (Some(keys), _) => ValueForm::Table(keys),
            (None, Some(items)) => ValueForm::Tables(items),
            _ if is("boolean") => ValueForm::Truth,
            _ if is("integer") => {
                let bound = |key: &str, absent: i64| part[key].as_i64().unwrap_or(absent);
                ValueForm::Whole { min: bound("minimum", 0), max: bound("maximum", i64::MAX) }
            }
            _ => ValueForm::Names(&part["additionalProperties"]),
        }
    }

    /// The form of what is in a form, by its key; `None` for a key that it has not.
    pub(super) fn inner<'a>(&'a self, form: ValueForm<'a>, key: &str) -> Option<ValueForm<'a>> {
        match form {
            // An element of a list is of the form of the list, which may also be one condition alone.
            ValueForm::Conditions(_) if key.bytes().all(|byte| byte.is_ascii_digit()) => Some(form),
            ValueForm::Table(keys) | ValueForm::Conditions(keys) => keys.get(key).map(|part| self.of(part)),
            ValueForm::Names(part) | ValueForm::Tables(part) => Some(self.of(part)),
            ValueForm::Text
            | ValueForm::Texts
            | ValueForm::Truth
            | ValueForm::Whole { .. }
            | ValueForm::Connections { .. }
            | ValueForm::Any => None,
        }
    }

    /// The form at a path from the root.
    pub(super) fn at(&self, path: &[&str]) -> Option<ValueForm<'_>> {
        path.iter().try_fold(self.root(), |form, key| self.inner(form, key))
    }

    /// The keys that a table has in it, in the order of the alphabet.
    pub(super) fn keys<'a>(&'a self, form: ValueForm<'a>) -> Vec<&'a str> {
        match form {
            ValueForm::Table(keys) | ValueForm::Conditions(keys) => keys.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

impl ValueForm<'_> {
    /// In words, as in "`shards` is …".
    pub(super) fn words(self) -> String {
        match self {
            ValueForm::Text => "a text or a number".to_owned(),
            ValueForm::Texts => "a text or a number, or a list of them".to_owned(),
            ValueForm::Conditions(_) => "a condition, or a list of them".to_owned(),
            ValueForm::Truth => "true or false".to_owned(),
            ValueForm::Whole { min, max: i64::MAX } => format!("a whole number from {min} on"),
            ValueForm::Whole { min, max } => {
                format!("a whole number from {min} to {}", group(max.unsigned_abs()))
            }
            ValueForm::Connections { max } => {
                format!("{}, or `{PER_USER}`", ValueForm::Whole { min: 1, max }.words())
            }
            ValueForm::Table(_) | ValueForm::Names(_) => "a table".to_owned(),
            ValueForm::Tables(_) => "a list of tables".to_owned(),
            ValueForm::Any => "any value".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_those_of_the_schema() {
        let forms = Forms::new();
        for (path, words) in [
            (&["url"][..], "a text or a number"),
            (&["headers", "X-Any"], "a text or a number, or a list of them"),
            (&["run", "shards"], "a whole number from 1 to 1,024"),
            (&["run", "connections"], "a whole number from 1 to 1,000,000, or `per user`"),
            (&["target", "api", "connections"], "a whole number from 1 to 1,000,000"),
            (&["run", "seed"], "a whole number from 0 on"),
            (&["request", "0", "weight"], "a whole number from 0 to 4,294,967,295"),
            (&["request", "0", "template"], "true or false"),
            (&["request", "0", "json"], "any value"),
            (&["request", "0", "form", "any"], "a text or a number, or a list of them"),
            (&["request"], "a list of tables"),
            (&["scenario", "read", "load", "stages", "2", "rates"], "a text or a number, or a list of them"),
            (&["thresholds", "failed"], "a condition, or a list of them"),
            (&["thresholds", "failed", "over"], "a text or a number"),
            (&["scenario", "read", "thresholds", "failed", "0", "abort"], "true or false"),
            (&["scenario", "read"], "a table"),
        ] {
            assert_eq!(forms.at(path).unwrap().words(), words, "{path:?}");
        }
        assert!(forms.at(&["run", "conections"]).is_none());
        assert!(forms.keys(forms.root()).contains(&"thresholds"));
    }
}
