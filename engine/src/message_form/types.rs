//! Which types messages are made of, and which fields these have: what telling a message as JSON needs of its descriptor.

use serde::{Deserialize, Serialize};

/// The most types that a form has: those of the message and of all that may stand in it.
pub const MESSAGE_TYPES_MAX: usize = 1_024;

/// How a message is told, and all that may stand in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageForm {
    /// Types of messages; the first is its own. They name each other by their number.
    pub messages: Vec<MessageType>,
    /// Types of enums.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enums: Vec<EnumType>,
}

/// A type of messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageType {
    /// By their numbers, in which order they are told.
    pub fields: Vec<FieldType>,
    /// It has a form of its own in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownType>,
}

/// Types that JSON has a form of its own for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownType {
    /// It is its only field: a wrapper, an object of any values, a list of them.
    Bare,
    /// It is whichever of its fields is there: any value of JSON.
    Value,
    /// A moment: `"2026-11-28T12:00:00Z"`.
    Timestamp,
    /// A length of time: `"1.5s"`.
    Duration,
    /// Names of fields: `"user.name,photo"`.
    FieldMask,
}

/// A type of enums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnumType {
    /// Numbers, in their order, and names; of several names of a number, the first counts, and is here.
    pub names: Vec<(i32, String)>,
    /// Its only value is a null of JSON.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_null: bool,
}

/// A field of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldType {
    /// Its number in the bytes.
    pub number: u32,
    /// Its name in JSON.
    pub name: String,
    /// What its values are.
    pub kind: ValueKind,
    /// How many it has.
    #[serde(default, skip_serializing_if = "FieldShape::is_one")]
    pub shape: FieldShape,
    /// Of a field of a oneof of several: where the first of them stands among the fields of the message. Each takes the place of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oneof: Option<usize>,
    /// It is told where it is not there, as what it is then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_default: bool,
}

/// How many values a field has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldShape {
    /// One.
    #[default]
    One,
    /// Any number.
    List,
    /// Any number, each by its key: messages whose field 1 is the key, and 2 the value.
    Map,
}

/// What a value is, by its type in a `.proto` file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// `double`.
    Double,
    /// `float`.
    Float,
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// `uint32`.
    Uint32,
    /// `uint64`.
    Uint64,
    /// `sint32`.
    Sint32,
    /// `sint64`.
    Sint64,
    /// `fixed32`.
    Fixed32,
    /// `fixed64`.
    Fixed64,
    /// `sfixed32`.
    Sfixed32,
    /// `sfixed64`.
    Sfixed64,
    /// `bool`.
    Bool,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// The enum with this number.
    Enum(usize),
    /// The message with this number.
    Message(usize),
}

impl FieldShape {
    fn is_one(&self) -> bool {
        *self == FieldShape::One
    }
}

impl MessageForm {
    /// Whether all that it names is there, in order, and nothing in itself: a form that was read may not be one that was made.
    pub fn is_sound(&self) -> bool {
        let is_there = |kind: ValueKind| match kind {
            ValueKind::Enum(index) => index < self.enums.len(),
            ValueKind::Message(index) => index < self.messages.len(),
            _ => true,
        };
        // A key is no message.
        let is_entry = |field: &FieldType| match field.kind {
            ValueKind::Message(index) => self.messages.get(index).is_some_and(
                |entry| matches!(&entry.fields[..], [key, _] if !matches!(key.kind, ValueKind::Message(_))),
            ),
            _ => false,
        };
        // A message that is there by itself might be there in itself, without end.
        let is_endless = |field: &FieldType| {
            let is_message = matches!(field.kind, ValueKind::Message(_));
            is_message && field.shape == FieldShape::One && field.has_default
        };
        let is_sound = |field: &FieldType| {
            is_there(field.kind) && (field.shape != FieldShape::Map || is_entry(field)) && !is_endless(field)
        };
        let is_sound_message = |message: &MessageType| {
            let fields = &message.fields;
            fields.is_sorted_by(|one, next| one.number < next.number)
                && fields.iter().all(|field| field.oneof.is_none_or(|first| first < fields.len()))
                && fields.iter().all(is_sound)
        };
        let is_sound_enum = |of: &EnumType| of.names.is_sorted_by(|one, next| one.0 < next.0);
        (1..=MESSAGE_TYPES_MAX).contains(&self.messages.len())
            && self.messages.iter().all(is_sound_message)
            && self.enums.iter().all(is_sound_enum)
    }
}
