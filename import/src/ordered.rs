//! Documents of JSON and YAML whose objects keep the order in which they were written.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::fmt::Write as _;
use toml_edit::{Array, InlineTable, Value};

/// The deepest document that is looked into: what is nested deeper is no body and no schema that people write.
const DEPTH_MAX: usize = 100;

/// Above this a number that is no whole one of 64 bits may have lost digits.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A document, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ordered {
    Null,
    Bool(bool),
    Whole(i64),
    Decimal(f64),
    Text(String),
    List(Vec<Ordered>),
    Object(Vec<(String, Ordered)>),
}

impl Ordered {
    /// The value of an object's key. Of two with one name it is the last, as most readers of JSON have it.
    pub(crate) fn get(&self, key: &str) -> Option<&Ordered> {
        let Ordered::Object(entries) = self else { return None };
        entries.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The entries of an object; none of anything else.
    pub(crate) fn entries(&self) -> &[(String, Ordered)] {
        if let Ordered::Object(entries) = self { entries } else { &[] }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Ordered] {
        if let Ordered::List(items) = self { items } else { &[] }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Ordered::Text(text) = self { Some(text) } else { None }
    }

    /// A text, number or truth value as text.
    pub(crate) fn scalar(&self) -> Option<String> {
        match self {
            Ordered::Bool(value) => Some(value.to_string()),
            Ordered::Whole(value) => Some(value.to_string()),
            Ordered::Decimal(value) => Some(decimal(*value)),
            Ordered::Text(text) => Some(text.clone()),
            Ordered::Null | Ordered::List(_) | Ordered::Object(_) => None,
        }
    }

    /// What a JSON pointer (RFC 6901) leads to.
    pub(crate) fn pointer(&self, pointer: &str) -> Option<&Ordered> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |value, token| match value {
            Ordered::List(items) => items.get(token.parse::<usize>().ok()?),
            Ordered::Object(_) => value.get(&token.replace("~1", "/").replace("~0", "~")),
            _ => None,
        })
    }

    /// Calls for every text, number and truth value, with its pointer, in order.
    pub(crate) fn each_scalar(&self, visit: &mut dyn FnMut(&str, &Ordered)) {
        self.walk(&mut String::new(), visit);
    }

    fn walk(&self, pointer: &mut String, visit: &mut dyn FnMut(&str, &Ordered)) {
        let length = pointer.len();
        match self {
            Ordered::Null => {}
            Ordered::Bool(_) | Ordered::Whole(_) | Ordered::Decimal(_) | Ordered::Text(_) => {
                visit(pointer, self);
            }
            Ordered::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let _ = write!(pointer, "/{index}");
                    item.walk(pointer, visit);
                    pointer.truncate(length);
                }
            }
            Ordered::Object(entries) => {
                for (key, value) in entries {
                    let _ = write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"));
                    value.walk(pointer, visit);
                    pointer.truncate(length);
                }
            }
        }
    }

    /// The same with other values where a function gives one for a pointer.
    pub(crate) fn replaced(&self, replace: &dyn Fn(&str) -> Option<Ordered>) -> Ordered {
        self.replaced_at("", replace)
    }

    fn replaced_at(&self, pointer: &str, replace: &dyn Fn(&str) -> Option<Ordered>) -> Ordered {
        if let Some(other) = replace(pointer) {
            return other;
        }
        match self {
            Ordered::List(items) => {
                let at = |(index, item): (usize, &Ordered)| {
                    item.replaced_at(&format!("{pointer}/{index}"), replace)
                };
                Ordered::List(items.iter().enumerate().map(at).collect())
            }
            Ordered::Object(entries) => {
                let at = |(key, value): &(String, Ordered)| {
                    let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    (key.clone(), value.replaced_at(&below, replace))
                };
                Ordered::Object(entries.iter().map(at).collect())
            }
            other => other.clone(),
        }
    }

    /// As a value of TOML; `None` for what TOML cannot say: null, and an object with two keys of one name.
    pub(crate) fn to_toml(&self) -> Option<Value> {
        Some(match self {
            Ordered::Null => return None,
            Ordered::Bool(value) => Value::from(*value),
            Ordered::Whole(value) => Value::from(*value),
            Ordered::Decimal(value) if value.is_finite() => Value::from(*value),
            Ordered::Decimal(_) => return None,
            Ordered::Text(text) => Value::from(text.as_str()),
            Ordered::List(items) => {
                Value::Array(items.iter().map(Ordered::to_toml).collect::<Option<Array>>()?)
            }
            Ordered::Object(entries) => {
                let mut table = InlineTable::new();
                for (key, value) in entries {
                    if table.insert(key, value.to_toml()?).is_some() {
                        return None;
                    }
                }
                Value::InlineTable(table)
            }
        })
    }

    /// As JSON, without spaces.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Ordered::Null => out.push_str("null"),
            Ordered::Text(text) => out.push_str(&quoted(text)),
            Ordered::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    item.write_json(out);
                }
                out.push(']');
            }
            Ordered::Object(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    let _ = write!(out, "{comma}{}:", quoted(key));
                    value.write_json(out);
                }
                out.push('}');
            }
            other => out.push_str(&other.scalar().unwrap_or_default()),
        }
    }

    /// Whether any text of it has this in it: a key, too.
    pub(crate) fn mentions(&self, part: &str) -> bool {
        match self {
            Ordered::Text(text) => text.contains(part),
            Ordered::List(items) => items.iter().any(|item| item.mentions(part)),
            Ordered::Object(entries) => {
                entries.iter().any(|(key, value)| key.contains(part) || value.mentions(part))
            }
            _ => false,
        }
    }
}

/// A text as JSON has it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A number that is still one with a decimal point when it is read again.
fn decimal(value: f64) -> String {
    serde_json::Number::from_f64(value).map_or_else(|| "0.0".to_owned(), |number| number.to_string())
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ordered, D::Error> {
        deserializer.deserialize_any(OrderedVisitor)
    }
}

struct OrderedVisitor;

impl<'de> Visitor<'de> for OrderedVisitor {
    type Value = Ordered;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Ordered, E> {
        Ok(Ordered::Null)
    }

    fn visit_none<E>(self) -> Result<Ordered, E> {
        Ok(Ordered::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Ordered, D::Error> {
        Ordered::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
        Ok(Ordered::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
        Ok(Ordered::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
        Ok(i64::try_from(value).map_or(Ordered::Decimal(value as f64), Ordered::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
        Ok(Ordered::Decimal(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Ordered, E> {
        Ok(Ordered::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ordered, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Ordered::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut entries = Vec::new();
        // Keys of YAML may be numbers: responses of OpenAPI are called `200:` there.
        while let Some((key, value)) = map.next_entry::<Ordered, Ordered>()? {
            let key = key.scalar().ok_or_else(|| serde::de::Error::custom("a key is a text"))?;
            entries.push((key, value));
        }
        Ok(Ordered::Object(entries))
    }
}

/// A body that is a list or an object of JSON. Anything else may be JSON by chance, and one with whole numbers that are too large to
/// be written again as they were is better left alone.
pub(crate) fn json_body(text: &str) -> Option<Ordered> {
    let first = text.trim_start().bytes().next()?;
    if !matches!(first, b'{' | b'[') {
        return None;
    }
    let read: Ordered = serde_json::from_str(text).ok()?;
    let mut is_exact = true;
    read.each_scalar(&mut |_, value| {
        is_exact &=
            !matches!(value, Ordered::Decimal(number) if number.fract() == 0.0 && number.abs() > EXACT_MAX);
    });
    (is_exact && depth(&read) <= DEPTH_MAX).then_some(read)
}

fn depth(value: &Ordered) -> usize {
    match value {
        Ordered::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Ordered::Object(entries) => 1 + entries.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_document() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<f64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                prop::collection::btree_map("[a-z~/ \"]{0,4}", inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_and_written_is_the_same_document(document in any_document()) {
            let read: Ordered = serde_json::from_str(&document.to_string()).unwrap();
            let again: serde_json::Value = serde_json::from_str(&read.to_json()).unwrap();
            prop_assert_eq!(&again, &document);
            let mut wrong = None;
            read.each_scalar(&mut |pointer, value| {
                let same = document.pointer(pointer).map(ToString::to_string);
                if same.as_deref() != Some(&value.to_json()) || read.pointer(pointer) != Some(value) {
                    wrong = Some(pointer.to_owned());
                }
            });
            prop_assert_eq!(wrong, None);
        }
    }

    #[test]
    fn keys_keep_their_order_and_toml_says_what_it_can() {
        let read = json_body(r#"{"z": 1, "a": [true, "x"], "m": {"k": 1.5}}"#).unwrap();
        assert_eq!(read.to_toml().unwrap().to_string(), "{ z = 1, a = [true, \"x\"], m = { k = 1.5 } }");
        assert!(json_body(r#"{"z": null}"#).unwrap().to_toml().is_none());
        assert!(json_body(r#"{"z": 1, "z": 2}"#).unwrap().to_toml().is_none());
        assert_eq!(json_body("12"), None);
        assert_eq!(json_body("[18446744073709551615]"), None);
        assert!(
            json_body("[9223372036854775807, 1.5e300, 0.1]").is_none()
                && json_body("[9223372036854775807, 0.1]").is_some()
        );
        assert_eq!(json_body(&format!("{}{}", "[".repeat(101), "]".repeat(101))), None);
    }
}
