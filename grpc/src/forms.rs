//! How messages of a type are told as JSON: its fields and those of all that may stand in it, without their descriptors.

use crate::well_known::{self, NULL_VALUE};
use engine::message_form::{
    EnumType, FieldShape, FieldType, MESSAGE_TYPES_MAX, MessageForm, MessageType, ValueKind,
};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

/// The form of a type; nothing where it is made of too many others.
pub(crate) fn of_message(descriptor: &MessageDescriptor) -> Option<MessageForm> {
    let mut gathered = Gathered { messages: vec![descriptor.clone()], enums: Vec::new() };
    let mut form = MessageForm::default();
    // What a type names is gathered behind it.
    while let Some(next) = gathered.messages.get(form.messages.len()).cloned() {
        if gathered.messages.len() > MESSAGE_TYPES_MAX {
            return None;
        }
        let mut fields: Vec<FieldDescriptor> = next.fields().collect();
        fields.sort_by_key(FieldDescriptor::number);
        let fields = fields.iter().map(|field| gathered.field(field, &fields)).collect();
        form.messages.push(MessageType { fields, known: well_known::told_as(&next) });
    }
    form.enums = gathered.enums.iter().map(of_enum).collect();
    Some(form)
}

/// Types that are named, each once.
struct Gathered {
    messages: Vec<MessageDescriptor>,
    enums: Vec<EnumDescriptor>,
}

impl Gathered {
    fn field(&mut self, field: &FieldDescriptor, all: &[FieldDescriptor]) -> FieldType {
        let shape = match () {
            () if field.is_map() => FieldShape::Map,
            () if field.is_list() => FieldShape::List,
            () => FieldShape::One,
        };
        let oneof = field.containing_oneof().filter(|oneof| oneof.fields().len() > 1).and_then(|oneof| {
            let first = oneof.fields().map(|rival| rival.number()).min()?;
            all.binary_search_by_key(&first, FieldDescriptor::number).ok()
        });
        let is_message = matches!(field.kind(), Kind::Message(_));
        FieldType {
            number: field.number(),
            name: field.json_name().to_owned(),
            kind: self.kind(&field.kind()),
            shape,
            oneof,
            // A message that is not there is never told as an empty one.
            has_default: !field.supports_presence() && (shape != FieldShape::One || !is_message),
        }
    }

    fn kind(&mut self, kind: &Kind) -> ValueKind {
        match kind {
            Kind::Double => ValueKind::Double,
            Kind::Float => ValueKind::Float,
            Kind::Int32 => ValueKind::Int32,
            Kind::Int64 => ValueKind::Int64,
            Kind::Uint32 => ValueKind::Uint32,
            Kind::Uint64 => ValueKind::Uint64,
            Kind::Sint32 => ValueKind::Sint32,
            Kind::Sint64 => ValueKind::Sint64,
            Kind::Fixed32 => ValueKind::Fixed32,
            Kind::Fixed64 => ValueKind::Fixed64,
            Kind::Sfixed32 => ValueKind::Sfixed32,
            Kind::Sfixed64 => ValueKind::Sfixed64,
            Kind::Bool => ValueKind::Bool,
            Kind::String => ValueKind::String,
            Kind::Bytes => ValueKind::Bytes,
            Kind::Message(descriptor) => ValueKind::Message(number_of(&mut self.messages, descriptor)),
            Kind::Enum(descriptor) => ValueKind::Enum(number_of(&mut self.enums, descriptor)),
        }
    }
}

fn number_of<T: Clone + PartialEq>(known: &mut Vec<T>, wanted: &T) -> usize {
    known.iter().position(|one| one == wanted).unwrap_or_else(|| {
        known.push(wanted.clone());
        known.len() - 1
    })
}

fn of_enum(descriptor: &EnumDescriptor) -> EnumType {
    let mut names: Vec<(i32, String)> =
        descriptor.values().map(|value| (value.number(), value.name().to_owned())).collect();
    // Of several names of a number the first stays.
    names.sort_by_key(|(number, _)| *number);
    names.dedup_by_key(|(number, _)| *number);
    EnumType { names, is_null: descriptor.full_name() == NULL_VALUE }
}
