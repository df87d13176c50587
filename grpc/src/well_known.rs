//! The types of `google.protobuf` that JSON has forms of its own for: numbers and texts that may be absent, any JSON, times.

use crate::message_text::{MessageText, has_holes};
use crate::path::MessagePath;
use crate::pieces::{Encoded, WireForm};
use crate::scalars::{self, Wrong, what_is};
use engine::message_form::KnownType;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

/// The enum that is a null in JSON.
pub(crate) const NULL_VALUE: &str = "google.protobuf.NullValue";
/// The message that is any JSON.
const VALUE: &str = "google.protobuf.Value";
/// Of any JSON, the kinds that hold others.
const STRUCT_VALUE: u32 = 5;
const LIST_VALUE: u32 = 6;
/// And the others.
const NULL: u32 = 1;
const NUMBER: u32 = 2;
const STRING: u32 = 3;
const BOOL: u32 = 4;

/// Whether a null is a value of a field, and not that it is absent.
pub(crate) fn takes_null(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(descriptor) => descriptor.full_name() == VALUE && !field.is_list() && !field.is_map(),
        Kind::Enum(descriptor) => descriptor.full_name() == NULL_VALUE && !field.is_list(),
        _ => false,
    }
}

/// What a message is that is its one value.
fn wrapped_kind(name: &str) -> Option<Kind> {
    Some(match name {
        "DoubleValue" => Kind::Double,
        "FloatValue" => Kind::Float,
        "Int64Value" => Kind::Int64,
        "UInt64Value" => Kind::Uint64,
        "Int32Value" => Kind::Int32,
        "UInt32Value" => Kind::Uint32,
        "BoolValue" => Kind::Bool,
        "StringValue" => Kind::String,
        "BytesValue" => Kind::Bytes,
        _ => return None,
    })
}

/// How replies of one of these types are told; nothing of others, and of what is packed in an `Any`, which is not unpacked. A target tells
/// of its types itself, and may call by these names what is made otherwise: that is told field by field.
pub(crate) fn told_as(descriptor: &MessageDescriptor) -> Option<KnownType> {
    let mut fields = descriptor.fields();
    let only = fields.next().filter(|_| fields.next().is_none());
    let is_only = |is_right: &dyn Fn(&FieldDescriptor) -> bool| only.as_ref().is_some_and(is_right);
    let holds_values = |field: &FieldDescriptor| match field.kind() {
        Kind::Message(held) => held.full_name() == VALUE,
        _ => false,
    };
    Some(match descriptor.full_name().strip_prefix("google.protobuf.")? {
        "Timestamp" => KnownType::Timestamp,
        "Duration" => KnownType::Duration,
        "FieldMask" => KnownType::FieldMask,
        "Value" => KnownType::Value,
        "Struct" if is_only(&FieldDescriptor::is_map) => KnownType::Bare,
        "ListValue" if is_only(&|field| field.is_list() && holds_values(field)) => KnownType::Bare,
        wrapper => {
            let kind = wrapped_kind(wrapper)?;
            return is_only(&|field| !field.is_list() && field.kind() == kind).then_some(KnownType::Bare);
        }
    })
}

/// A message of one of these types; nothing of others.
pub(crate) fn encode(
    text: &MessageText,
    descriptor: &MessageDescriptor,
    value: &Value,
    at: &MessagePath<'_>,
) -> Option<Result<Encoded, Wrong>> {
    let name = descriptor.full_name().strip_prefix("google.protobuf.")?;
    match name {
        "Timestamp" | "Duration" | "FieldMask" | "Any" => Some(as_json_has_it(descriptor, value, at)),
        "Struct" => Some(object(text, value, at)),
        "ListValue" => Some(list(text, value, at)),
        "Value" => Some(any_json(text, value, at)),
        _ if wrapped_kind(name).is_some() => Some(wrapped(text, descriptor, value, at)),
        _ => None,
    }
}

/// One that prost-reflect reads. Holes would have to be read by it.
fn as_json_has_it(
    descriptor: &MessageDescriptor,
    value: &Value,
    at: &MessagePath<'_>,
) -> Result<Encoded, Wrong> {
    let name = descriptor.full_name();
    if has_holes(value) {
        let problem = format!("is a {name}, in which nothing can be filled in");
        return Err((at.problem(problem), "write it out".into()));
    }
    let message = DynamicMessage::deserialize(descriptor.clone(), value).map_err(|error| {
        let told = error.to_string();
        let told = told.split(" at line ").next().unwrap_or_default();
        let fix = match name {
            "google.protobuf.Timestamp" => "times look like \"2026-11-28T12:00:00Z\"",
            "google.protobuf.Duration" => "durations look like \"1.5s\"",
            "google.protobuf.FieldMask" => "masks look like \"user.name,photo\"",
            _ => "write `{\"@type\": \"type.googleapis.com/package.Message\", …}`",
        };
        (at.problem(format!("is no {name}: {told}")), fix.to_owned())
    })?;
    let mut out = Encoded::default();
    out.bytes(&message.encode_to_vec());
    Ok(out)
}

/// A wrapper is its value.
fn wrapped(
    text: &MessageText,
    descriptor: &MessageDescriptor,
    value: &Value,
    at: &MessagePath<'_>,
) -> Result<Encoded, Wrong> {
    let mut out = Encoded::default();
    if let Some(field) = descriptor.get_field(1) {
        if matches!(field.kind(), Kind::Message(_)) {
            let problem = format!(
                "is of `{}`, which holds a message where it holds a value elsewhere",
                descriptor.full_name()
            );
            return Err((at.problem(problem), "name `.proto` files that are right (`--proto`)".into()));
        }
        let inner = scalars::encode(&field.kind(), value, text, at)?;
        if !scalars::is_default(&field.kind(), &inner) {
            scalars::put(&mut out, &field, inner);
        }
    }
    Ok(out)
}

fn object(text: &MessageText, value: &Value, at: &MessagePath<'_>) -> Result<Encoded, Wrong> {
    let Value::Object(object) = value else {
        let problem = format!("is {}, and takes an object", what_is(value));
        return Err((at.problem(problem), "write `{…}`".into()));
    };
    pairs(text, object, at)
}

fn pairs(text: &MessageText, object: &Map<String, Value>, at: &MessagePath<'_>) -> Result<Encoded, Wrong> {
    let mut out = Encoded::default();
    for (key, value) in object {
        let mut pair = Encoded::default();
        pair.tag(1, WireForm::Counted);
        pair.append(scalars::encode(&Kind::String, &Value::String(key.clone()), text, at)?);
        pair.tag(2, WireForm::Counted);
        pair.counted(any_json(text, value, &at.key(key))?);
        out.tag(1, WireForm::Counted);
        out.counted(pair);
    }
    Ok(out)
}

fn list(text: &MessageText, value: &Value, at: &MessagePath<'_>) -> Result<Encoded, Wrong> {
    let Value::Array(values) = value else {
        let problem = format!("is {}, and takes a list", what_is(value));
        return Err((at.problem(problem), "write `[…]`".into()));
    };
    let mut out = Encoded::default();
    for (index, value) in values.iter().enumerate() {
        out.tag(1, WireForm::Counted);
        out.counted(any_json(text, value, &at.index(index))?);
    }
    Ok(out)
}

/// Any JSON at all.
fn any_json(text: &MessageText, value: &Value, at: &MessagePath<'_>) -> Result<Encoded, Wrong> {
    let mut out = Encoded::default();
    let mut scalar = |number: u32, kind: Kind, value: &Value| {
        out.tag(number, scalars::wire_form(&kind));
        out.append(scalars::encode(&kind, value, text, at)?);
        Ok::<(), Wrong>(())
    };
    match value {
        Value::Null => scalar(NULL, Kind::Int32, &Value::from(0))?,
        Value::Bool(_) => scalar(BOOL, Kind::Bool, value)?,
        Value::Number(_) => scalar(NUMBER, Kind::Double, value)?,
        // What is filled in without quotes is a number.
        Value::String(typed) if text.holed(typed).is_bare => scalar(NUMBER, Kind::Double, value)?,
        Value::String(_) => scalar(STRING, Kind::String, value)?,
        Value::Object(object) => {
            out.tag(STRUCT_VALUE, WireForm::Counted);
            out.counted(pairs(text, object, at)?);
        }
        Value::Array(_) => {
            out.tag(LIST_VALUE, WireForm::Counted);
            out.counted(list(text, value, at)?);
        }
    }
    Ok(out)
}
