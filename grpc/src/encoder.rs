//! From a message in JSON to its bytes, by its descriptor: what a field is called, what it takes, and how that is put down.
//!
//! It is as protobuf.dev says under "ProtoJSON Format" and "Encoding". Fields are in the order of their numbers.

use crate::message_text::MessageText;
use crate::path::MessagePath;
use crate::pieces::{Encoded, WireForm};
use crate::scalars::{self, Wrong, what_is};
use crate::{message_text, well_known};
use engine::config::hint;
use engine::template::Piece;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The deepest that messages may stand in each other: as deep as common decoders go.
const DEPTH_MAX: usize = 100;

/// Encodes a message. Errors are what is wrong, with its place, and what to do.
pub(crate) fn encode(descriptor: &MessageDescriptor, typed: &[Piece]) -> Result<Vec<Piece>, Wrong> {
    let text = MessageText::read(typed)?;
    let encoder = Encoder { text: &text };
    Ok(encoder.message(descriptor, &text.value, &MessagePath::WHOLE, 0)?.into_pieces())
}

/// Encodes the parts of one message.
struct Encoder<'a> {
    text: &'a MessageText,
}

impl Encoder<'_> {
    /// A message, without a length before it.
    fn message(
        &self,
        descriptor: &MessageDescriptor,
        value: &Value,
        at: &MessagePath<'_>,
        depth: usize,
    ) -> Result<Encoded, Wrong> {
        if depth > DEPTH_MAX {
            let problem = format!("messages stand in each other more than {DEPTH_MAX} deep");
            return Err((at.problem(problem), "take some out".into()));
        }
        if let Some(encoded) = well_known::encode(self.text, descriptor, value, at) {
            return encoded;
        }
        match value {
            Value::Object(object) => self.fields(descriptor, object, at, depth),
            _ => {
                let problem = format!("is {}, and takes a {}", what_is(value), descriptor.full_name());
                Err((at.problem(problem), "write it as an object: `{…}`".into()))
            }
        }
    }

    fn fields(
        &self,
        descriptor: &MessageDescriptor,
        object: &Map<String, Value>,
        at: &MessagePath<'_>,
        depth: usize,
    ) -> Result<Encoded, Wrong> {
        let mut given: BTreeMap<u32, (FieldDescriptor, &str, &Value)> = BTreeMap::new();
        let mut chosen: BTreeMap<String, &str> = BTreeMap::new();
        for (name, value) in object {
            let field = field_named(descriptor, name, at)?;
            // A null is a field that is not there, but where a null is a value.
            if value.is_null() && !well_known::takes_null(&field) {
                continue;
            }
            if let Some(oneof) = field.containing_oneof()
                && let Some(other) = chosen.insert(oneof.full_name().to_owned(), name)
            {
                let problem = format!(
                    "`{other}` and `{name}` cannot both be there: they are of the oneof `{}`",
                    oneof.name()
                );
                return Err((at.problem(problem), "leave one out".into()));
            }
            if let Some((_, other, _)) = given.insert(field.number(), (field, name, value)) {
                let problem = format!("`{other}` and `{name}` are one field");
                return Err((at.problem(problem), "leave one out".into()));
            }
        }
        if let Some(missing) =
            descriptor.fields().find(|field| field.is_required() && !given.contains_key(&field.number()))
        {
            let problem =
                format!("{} needs `{}`, which is not there", descriptor.full_name(), missing.name());
            return Err((at.problem(problem), "write it".into()));
        }
        let mut out = Encoded::default();
        for (field, name, value) in given.into_values() {
            out.append(self.field(&field, value, &at.field(name), depth)?);
        }
        Ok(out)
    }

    /// A field with all its values, each behind its tag.
    fn field(
        &self,
        field: &FieldDescriptor,
        value: &Value,
        at: &MessagePath<'_>,
        depth: usize,
    ) -> Result<Encoded, Wrong> {
        if field.is_map() {
            return self.map(field, value, at, depth);
        }
        let mut out = Encoded::default();
        if !field.is_list() {
            let single = self.value(field, value, at, depth)?;
            if field.supports_presence() || !scalars::is_default(&field.kind(), &single) {
                scalars::put(&mut out, field, single);
            }
            return Ok(out);
        }
        let Value::Array(values) = value else {
            let problem = format!("is {}, and takes a list", what_is(value));
            return Err((at.problem(problem), "write `[…]`".into()));
        };
        let values = values.iter().enumerate();
        let mut all = values.map(|(index, value)| self.value(field, value, &at.index(index), depth));
        if field.is_packed() {
            let packed = all.try_fold(Encoded::default(), |mut packed, value| {
                packed.append(value?);
                Ok::<Encoded, Wrong>(packed)
            })?;
            if !packed.is_empty() {
                out.tag(field.number(), WireForm::Counted);
                out.counted(packed);
            }
            return Ok(out);
        }
        for value in all {
            scalars::put(&mut out, field, value?);
        }
        Ok(out)
    }

    /// A map is a list of messages, each with a key and a value.
    fn map(
        &self,
        field: &FieldDescriptor,
        value: &Value,
        at: &MessagePath<'_>,
        depth: usize,
    ) -> Result<Encoded, Wrong> {
        let (Kind::Message(entry), Value::Object(object)) = (field.kind(), value) else {
            let problem = format!("is {}, and takes an object of keys and values", what_is(value));
            return Err((at.problem(problem), "write `{\"key\": …}`".into()));
        };
        let (Some(key_field), Some(value_field)) = (entry.get_field(1), entry.get_field(2)) else {
            let problem = "is a map without keys or values, by the files that say so";
            return Err((at.problem(problem), "name `.proto` files that are right (`--proto`)".into()));
        };
        let mut out = Encoded::default();
        for (key, value) in object {
            let shown = message_text::shown(key);
            let at = at.key(&shown);
            // A key is a text in JSON whatever it is, and so is that of a truth.
            let typed = match (key_field.kind(), key.as_str()) {
                (Kind::Bool, "true" | "false") => Value::Bool(key == "true"),
                _ => Value::String(key.clone()),
            };
            let mut pair = Encoded::default();
            scalars::put(&mut pair, &key_field, scalars::encode(&key_field.kind(), &typed, self.text, &at)?);
            scalars::put(&mut pair, &value_field, self.value(&value_field, value, &at, depth)?);
            out.tag(field.number(), WireForm::Counted);
            out.counted(pair);
        }
        Ok(out)
    }

    /// One value of a field: as it stands behind the tag, but for a message, which has its length before it then.
    fn value(
        &self,
        field: &FieldDescriptor,
        value: &Value,
        at: &MessagePath<'_>,
        depth: usize,
    ) -> Result<Encoded, Wrong> {
        let kind = field.kind();
        match &kind {
            Kind::Message(descriptor) => self.message(descriptor, value, at, depth + 1),
            Kind::Enum(descriptor) if value.is_null() && descriptor.full_name() == well_known::NULL_VALUE => {
                scalars::encode(&kind, &Value::from(0), self.text, at)
            }
            _ => scalars::encode(&kind, value, self.text, at),
        }
    }
}

/// The field of a name, either that of JSON or that of the `.proto` file.
fn field_named(
    descriptor: &MessageDescriptor,
    name: &str,
    at: &MessagePath<'_>,
) -> Result<FieldDescriptor, Wrong> {
    let field = descriptor.get_field_by_json_name(name).or_else(|| descriptor.get_field_by_name(name));
    field.ok_or_else(|| {
        let names: Vec<String> = descriptor.fields().map(|field| field.name().to_owned()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let problem = format!("{} has no field `{}`", descriptor.full_name(), message_text::shown(name));
        let fix = if names.is_empty() { "it has none: write `{}`".to_owned() } else { hint(name, &names) };
        (at.problem(problem), fix)
    })
}
