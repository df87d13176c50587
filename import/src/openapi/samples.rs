//! Values that a schema allows: its examples if it has any, else one of its type, drawn anew for each request where that can be said.

use super::described::Described;
use crate::ordered::Ordered;

/// How deep a value is made.
const DEPTH_MAX: usize = 12;
/// The most holes of a value: a request has 32 of them at most, and its path may have some.
const HOLES_MAX: usize = 24;
/// The most values that one is made of: lists in lists in lists grow fast.
const VALUES_MAX: usize = 4_096;
/// The most items of a list that a schema asks for and gets.
const ITEMS_MAX: i64 = 16;
/// Numbers are drawn from here if nothing is said.
const NUMBERS: (i64, i64) = (1, 1_000);

/// A value of a schema. `None` where nothing can be said: it is nested too deep, or refers to another file.
pub(super) fn of_schema(described: &Described, schema: &Ordered) -> Option<Ordered> {
    Sampler { described, chain: Vec::new(), holes: 0, values: 0 }.sample(schema)
}

/// A value while it is made.
struct Sampler<'d> {
    described: &'d Described,
    /// The schemas that it is in, from the outermost on: one that holds itself is made once.
    chain: Vec<&'d Ordered>,
    /// How many holes there are so far, and how many values in all.
    holes: usize,
    values: usize,
}

/// The value of a parameter as text, before it is escaped, and whether it is holes alone.
pub(super) fn of_parameter(described: &Described, parameter: &Ordered) -> Option<(String, bool)> {
    let given = example(described, parameter);
    let media =
        parameter.get("content").and_then(|content| content.entries().first()).map(|(_, media)| media);
    let schema = described.part(parameter, "schema").or_else(|| described.part(media?, "schema"));
    let value = given.or_else(|| of_schema(described, schema?))?;
    // Of a list the first item stands for all: how items are put together depends on the style of the parameter.
    let value = if let Ordered::List(items) = value { items.into_iter().next()? } else { value };
    let text = value.scalar()?;
    let is_hole = text.starts_with("{{") && text.ends_with("}}");
    Some((text.replace(" | number}}", "}}"), is_hole))
}

/// The example of a parameter, a media type or a schema. One with what a plan takes for a hole is none.
pub(super) fn example(described: &Described, of: &Ordered) -> Option<Ordered> {
    let is_plain = |example: &&Ordered| !example.mentions("{{");
    if let Some(example) = of.get("example").filter(is_plain) {
        return Some(example.clone());
    }
    match of.get("examples")? {
        // Of a schema.
        Ordered::List(items) => items.first().filter(is_plain).cloned(),
        // Of a parameter or a media type: each has a name, and its value under `value`.
        Ordered::Object(entries) => {
            let (_, first) = entries.first()?;
            described.resolved(first)?.get("value").filter(is_plain).cloned()
        }
        _ => None,
    }
}

impl<'d> Sampler<'d> {
    fn sample(&mut self, schema: &'d Ordered) -> Option<Ordered> {
        let schema = self.described.resolved(schema)?;
        if self.chain.len() > DEPTH_MAX || self.chain.iter().any(|outer| std::ptr::eq(*outer, schema)) {
            return None;
        }
        self.values += 1;
        if self.values > VALUES_MAX {
            return None;
        }
        self.chain.push(schema);
        let made = self.made(schema);
        self.chain.pop();
        made
    }

    fn made(&mut self, schema: &'d Ordered) -> Option<Ordered> {
        let given = example(self.described, schema)
            .or_else(|| schema.get("default").cloned())
            .or_else(|| schema.get("const").cloned());
        if let Some(given) = given.filter(|given| *given != Ordered::Null && !given.mentions("{{")) {
            return Some(given);
        }
        if let Some(values) = schema.get("enum") {
            return self.one_of(values.items());
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(choices) = schema.get(key) {
                return choices.items().iter().find_map(|choice| self.sample(choice));
            }
        }
        if let Some(parts) = schema.get("allOf") {
            return Some(self.merged(schema, parts.items()));
        }
        match kind(schema) {
            "object" => Some(Ordered::Object(self.properties(schema))),
            "array" => Some(Ordered::List(self.items(schema))),
            "integer" | "number" => Some(self.drawn(schema)),
            "boolean" => Some(Ordered::Bool(true)),
            "null" => Some(Ordered::Null),
            _ => Some(self.text(schema)),
        }
    }

    /// A hole, or a value in its place where there are enough of them.
    fn hole(&mut self, hole: String, value: Ordered) -> Ordered {
        self.holes += 1;
        if self.holes > HOLES_MAX { value } else { Ordered::Text(hole) }
    }

    /// One of several values: words are drawn, and of anything else the first is taken.
    fn one_of(&mut self, values: &[Ordered]) -> Option<Ordered> {
        let is_word = |value: &Ordered| {
            let letters = |text: &str| {
                !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
            };
            value.text().is_some_and(letters)
        };
        let first = values.iter().find(|value| **value != Ordered::Null)?;
        if values.len() > 1 && values.iter().all(is_word) {
            let words: Vec<&str> = values.iter().filter_map(Ordered::text).collect();
            return Some(self.hole(format!("{{{{pick {}}}}}", words.join(" ")), first.clone()));
        }
        Some(first.clone())
    }

    /// A whole number between the bounds of a schema, as a hole; a number of them if there is no other.
    fn drawn(&mut self, schema: &Ordered) -> Ordered {
        let bound = |key: &str| match schema.get(key) {
            Some(Ordered::Whole(value)) => Some(*value),
            Some(Ordered::Decimal(value)) if value.abs() < 9e15 => Some(*value as i64),
            _ => None,
        };
        // In 3.0 an exclusive bound is a truth value beside the bound; in 3.1 it is the bound.
        let beside = |key: &str| i64::from(schema.get(key) == Some(&Ordered::Bool(true)));
        let low = bound("minimum")
            .map(|low| low.saturating_add(beside("exclusiveMinimum")))
            .or(bound("exclusiveMinimum").map(|low| low.saturating_add(1)));
        let high = bound("maximum")
            .map(|high| high.saturating_sub(beside("exclusiveMaximum")))
            .or(bound("exclusiveMaximum").map(|high| high.saturating_sub(1)));
        let (low, high) = match (low, high) {
            (None, None) => NUMBERS,
            (Some(low), None) => (low, low.saturating_add(NUMBERS.1 - 1)),
            (None, Some(high)) => (NUMBERS.0.min(high), high),
            (Some(low), Some(high)) => (low, high),
        };
        if low < 0 || low >= high {
            return Ordered::Whole(low.max(high.min(0)));
        }
        self.hole(format!("{{{{rand {low} {high} | number}}}}"), Ordered::Whole(low))
    }

    fn text(&mut self, schema: &Ordered) -> Ordered {
        let of_format = match schema.get("format").and_then(Ordered::text).unwrap_or_default() {
            "uuid" => {
                let uuid = Ordered::Text("67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned());
                return self.hole("{{uuid}}".to_owned(), uuid);
            }
            "date" => "2026-01-15",
            "date-time" => "2026-01-15T12:00:00Z",
            "time" => "12:00:00Z",
            "email" => "user@example.com",
            "uri" | "url" => "https://example.com/",
            "hostname" => "example.com",
            "ipv4" => "192.0.2.1",
            "ipv6" => "2001:db8::1",
            "byte" => "dGV4dA==",
            _ => "",
        };
        if !of_format.is_empty() {
            return Ordered::Text(of_format.to_owned());
        }
        let length = |key: &str| match schema.get(key) {
            Some(Ordered::Whole(value)) => usize::try_from(*value).ok(),
            _ => None,
        };
        let (least, most) =
            (length("minLength").unwrap_or(0).min(1_000), length("maxLength").unwrap_or(usize::MAX));
        Ordered::Text("text".chars().cycle().take(least.max(4.min(most))).collect())
    }

    fn properties(&mut self, schema: &'d Ordered) -> Vec<(String, Ordered)> {
        let properties = schema.get("properties").map(Ordered::entries).unwrap_or_default();
        let is_read = |property: &Ordered| property.get("readOnly") == Some(&Ordered::Bool(true));
        let described = self.described;
        // A plan takes `{{` in a name for a hole.
        let written = properties
            .iter()
            .filter(|(name, _)| !name.contains("{{"))
            .filter(|(_, property)| described.resolved(property).is_some_and(|property| !is_read(property)));
        written.filter_map(|(name, property)| Some((name.clone(), self.sample(property)?))).collect()
    }

    fn items(&mut self, schema: &'d Ordered) -> Vec<Ordered> {
        let count = match schema.get("minItems") {
            Some(Ordered::Whole(count)) => (*count).clamp(1, ITEMS_MAX),
            _ => 1,
        };
        let Some(item) = schema.get("items") else { return Vec::new() };
        (0..count).map_while(|_| self.sample(item)).collect()
    }

    /// All parts of a schema together: their properties, or the value of the first that has one.
    fn merged(&mut self, schema: &'d Ordered, parts: &'d [Ordered]) -> Ordered {
        let mut entries = Vec::new();
        let mut other = None;
        for part in parts {
            match self.sample(part) {
                Some(Ordered::Object(more)) => entries.extend(more),
                Some(value) => {
                    other.get_or_insert(value);
                }
                None => {}
            }
        }
        entries.extend(self.properties(schema));
        // A property that two parts describe is that of the later one.
        let mut unique: Vec<(String, Ordered)> = Vec::new();
        for (name, value) in entries {
            match unique.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => unique.push((name, value)),
            }
        }
        match other {
            Some(other) if unique.is_empty() => other,
            _ => Ordered::Object(unique),
        }
    }
}

/// The type of a schema, or what its keys let it be. In 3.1 it may be a list, of which null says little.
fn kind(schema: &Ordered) -> &str {
    let named = match schema.get("type") {
        Some(Ordered::Text(text)) => Some(text.as_str()),
        Some(Ordered::List(names)) => {
            names.iter().filter_map(Ordered::text).find(|name| *name != "null").or(Some("null"))
        }
        _ => None,
    };
    named.unwrap_or(match (schema.get("properties"), schema.get("items")) {
        (Some(_), _) => "object",
        (None, Some(_)) => "array",
        (None, None) => "string",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(schema: &str) -> String {
        let root = format!(
            r##"{{"openapi": "3.1.0", "schema": {schema},
            "loop": {{"properties": {{"next": {{"$ref": "#/loop"}}, "n": {{"type": "integer"}}}}}},
            "round": {{"$ref": "#/round"}}}}"##
        );
        let described = Described::read(&root, "x").unwrap();
        let schema = described.root.get("schema").unwrap();
        of_schema(&described, schema).map_or("nothing".to_owned(), |value| value.to_json())
    }

    #[test]
    fn a_value_is_of_its_schema() {
        for (schema, value) in [
            (r#"{"type": "integer"}"#, r#""{{rand 1 1000 | number}}""#),
            (r#"{"type": "integer", "minimum": 5, "exclusiveMaximum": 8}"#, r#""{{rand 5 7 | number}}""#),
            (r#"{"type": "integer", "minimum": -5, "maximum": -2}"#, "-2"),
            (r#"{"type": "integer", "minimum": 3, "maximum": 3}"#, "3"),
            (r#"{"type": ["null", "string"], "minLength": 6}"#, r#""textte""#),
            (r#"{"type": "string", "maxLength": 2}"#, r#""te""#),
            (r#"{"enum": ["a", "b"]}"#, r#""{{pick a b}}""#),
            (r#"{"enum": [3, 4]}"#, "3"),
            (r#"{"type": "string", "format": "uuid"}"#, r#""{{uuid}}""#),
            (
                r#"{"allOf": [{"properties": {"a": {"default": 1}}}, {"properties": {"b": {"example": "x"}}}]}"#,
                r#"{"a":1,"b":"x"}"#,
            ),
            (r#"{"oneOf": [{"$ref": "other.yaml"}, {"type": "boolean"}]}"#, "true"),
            (r#"{"type": "array", "items": {"const": 1}, "minItems": 2}"#, "[1,1]"),
            (r#"{"properties": {"id": {"readOnly": true}, "a": {"default": 1}}}"#, r#"{"a":1}"#),
            (r##"{"$ref": "#/round"}"##, "nothing"),
        ] {
            assert_eq!(sampled(schema), value, "{schema}");
        }
        assert_eq!(
            sampled(r##"{"$ref": "#/loop"}"##),
            r#"{"n":"{{rand 1 1000 | number}}"}"#,
            "what holds itself is made once"
        );
        let nested = (0..10).fold(r#"{"type": "boolean"}"#.to_owned(), |inner, _| {
            format!(r#"{{"type": "array", "minItems": 16, "items": {inner}}}"#)
        });
        assert!(sampled(&nested).matches("true").count() < VALUES_MAX);
        let many: Vec<String> = (0..40).map(|at| format!(r#""p{at}": {{"type": "integer"}}"#)).collect();
        let many = sampled(&format!(r#"{{"properties": {{{}}}}}"#, many.join(",")));
        assert_eq!(many.matches("{{").count(), HOLES_MAX, "{many}");
    }
}
