//! Random messages: what is encoded from their JSON is, to prost-reflect, the message that the JSON was written of.

use crate::rig::{EVERY, call, compiled, message, rendered};
use engine::template::Piece;
use proptest::prelude::*;
use prost_reflect::prost::Message;
use prost_reflect::{
    Cardinality, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, SerializeOptions, Value,
};
use std::collections::HashMap;

/// A source of choices that is the same for the same seed.
struct Choices(u64);

impl Choices {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    /// Bits of any size: small numbers are as likely as large ones.
    fn bits(&mut self) -> u64 {
        let shift = self.below(64);
        self.next() >> shift
    }

    fn text(&mut self) -> String {
        const LETTERS: [&str; 8] = ["a", "\"", "\\", "é", "😀", "\n", "{", "0"];
        (0..self.below(40)).map(|_| LETTERS[self.below(8) as usize]).collect()
    }

    fn real(&mut self) -> f64 {
        match self.below(6) {
            0 => f64::INFINITY,
            1 => -0.0,
            2 => self.bits() as f64,
            _ => f64::from(self.bits() as i32) / 1_024.0,
        }
    }
}

fn scalar(kind: &Kind, choices: &mut Choices) -> Value {
    match kind {
        Kind::Double => Value::F64(choices.real()),
        Kind::Float => Value::F32(choices.real() as f32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(choices.bits() as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(choices.bits() as i64),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(choices.bits() as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(choices.bits()),
        Kind::Bool => Value::Bool(choices.below(2) == 1),
        Kind::String => Value::String(choices.text()),
        Kind::Bytes => Value::Bytes((0..choices.below(300)).map(|_| choices.next() as u8).collect()),
        Kind::Enum(_) => Value::EnumNumber([0, 1, 7, -3, 99][choices.below(5) as usize]),
        Kind::Message(_) => unreachable!("made where its depth is known"),
    }
}

fn value(kind: &Kind, choices: &mut Choices, depth: u64) -> Value {
    match kind {
        Kind::Message(descriptor) => Value::Message(random(descriptor, choices, depth + 1)),
        kind => scalar(kind, choices),
    }
}

fn field_value(field: &FieldDescriptor, choices: &mut Choices, depth: u64) -> Value {
    let kind = field.kind();
    match (&kind, field.cardinality()) {
        (Kind::Message(entry), _) if field.is_map() => {
            let (key, inner) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            let pair = |choices: &mut Choices| {
                let key = match scalar(&key, choices) {
                    Value::String(text) => MapKey::String(text),
                    Value::I32(number) => MapKey::I32(number),
                    Value::Bool(truth) => MapKey::Bool(truth),
                    other => panic!("{other:?}"),
                };
                (key, value(&inner, choices, depth))
            };
            Value::Map((0..choices.below(4)).map(|_| pair(choices)).collect::<HashMap<_, _>>())
        }
        (_, Cardinality::Repeated) => {
            Value::List((0..choices.below(4)).map(|_| value(&kind, choices, depth)).collect())
        }
        _ => value(&kind, choices, depth),
    }
}

/// Messages of the well-known types, which are not any message of their fields.
fn well_known(descriptor: &MessageDescriptor, choices: &mut Choices) -> Option<DynamicMessage> {
    let json = match descriptor.full_name() {
        "google.protobuf.Timestamp" => serde_json::json!("2026-11-28T12:00:00.5Z"),
        "google.protobuf.Duration" => serde_json::json!(format!("-{}.25s", choices.below(1_000))),
        "google.protobuf.FieldMask" => serde_json::json!("a.bC,d"),
        "google.protobuf.Struct" => {
            serde_json::json!({"a": [1, "x", null, {"b": true}], choices.text(): 0.5})
        }
        "google.protobuf.Value" => match choices.below(6) {
            0 => serde_json::json!(null),
            1 => serde_json::json!({"a": {"b": []}}),
            2 => serde_json::json!([choices.text(), 2]),
            3 => serde_json::json!(choices.text()),
            4 => serde_json::json!(false),
            _ => serde_json::json!(choices.bits() as u32),
        },
        // An infinity in a wrapper is written as null, which is no wrapper.
        "google.protobuf.DoubleValue" => serde_json::json!(choices.bits() as u32),
        "google.protobuf.ListValue" => serde_json::json!([null, [], {"a": 1}]),
        "google.protobuf.Any" => {
            serde_json::json!({"@type": "type.googleapis.com/test.All", "aString": choices.text()})
        }
        _ => return None,
    };
    Some(DynamicMessage::deserialize(descriptor.clone(), json).unwrap())
}

fn random(descriptor: &MessageDescriptor, choices: &mut Choices, depth: u64) -> DynamicMessage {
    if let Some(message) = well_known(descriptor, choices) {
        return message;
    }
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        // Fewer fields the deeper it is, so that it ends; of a oneof, the last that is set is kept.
        if choices.below(2 + 4 * depth) == 0 {
            let value = field_value(&field, choices, depth);
            message.set_field(&field, value);
        }
    }
    message
}

/// What is told of a reply, without what is packed in an `Any`: that stays packed.
fn without_any(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            members.remove("any");
            members.values_mut().for_each(without_any);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(without_any),
        _ => {}
    }
}

fn read(json: &[u8]) -> serde_json::Value {
    let mut value = serde_json::from_slice(json).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(json));
    });
    without_any(&mut value);
    value
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message_is_what_its_json_says(seed in any::<u64>()) {
        let descriptor = message(EVERY, "test.All");
        let expected = random(&descriptor, &mut Choices(seed), 0);
        let json = serde_json::to_string(&expected).unwrap();
        let mut typed = call("test.Every/Send", &["{}"]);
        typed.messages = vec![vec![Piece::Bytes(json.clone().into_bytes())]];
        let mut method = compiled(EVERY).describe(&typed).map_err(|wrong| TestCaseError::fail(format!("{wrong:?}: {json}")))?;
        let bytes = rendered(method.encoded.remove(0), 0);
        let decoded = DynamicMessage::decode(descriptor.clone(), bytes.as_slice()).unwrap();
        // As JSON, since no NaN is one.
        prop_assert_eq!(serde_json::to_value(&decoded).unwrap(), serde_json::to_value(&expected).unwrap());
        prop_assert_eq!(decoded.encoded_len(), expected.encoded_len(), "{}", json);
    }

    /// A reply is told as prost-reflect tells it; and whatever bytes come, what is told is JSON, of messages that prost-reflect reads too.
    #[test]
    fn a_reply_is_told_as_others_tell_it(seed in any::<u64>(), changes in prop::collection::vec((any::<u16>(), any::<u8>()), 0..4)) {
        let descriptor = message(EVERY, "test.All");
        let method = compiled(EVERY).describe(&call("test.Every/Look", &["{}"])).unwrap();
        let form = method.reply.expect("it is made of few types");
        prop_assert!(form.is_sound());
        let stored: engine::message_form::MessageForm =
            serde_json::from_str(&serde_json::to_string(&form).unwrap()).unwrap();
        prop_assert_eq!(&stored, &form);
        let mut bytes = random(&descriptor, &mut Choices(seed), 0).encode_to_vec();
        // Twice the same message is one whose parts are merged.
        if seed % 4 == 0 {
            bytes.extend(random(&descriptor, &mut Choices(!seed), 0).encode_to_vec());
        }
        let length = bytes.len().max(1);
        for (at, byte) in &changes {
            if let Some(changed) = bytes.get_mut(usize::from(*at) % length) {
                *changed = *byte;
            }
        }
        let mut told = Vec::new();
        let result = engine::message_form::tell(&form, &bytes, 64 << 20, &mut Vec::new(), &mut told);
        let theirs = DynamicMessage::decode(descriptor, bytes.as_slice());
        if changes.is_empty() {
            prop_assert!(result.is_ok(), "{result:?}");
            let (mut json, options) = (Vec::new(), SerializeOptions::new().skip_default_fields(false));
            theirs.unwrap().serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options).unwrap();
            prop_assert_eq!(read(&told), read(&json));
        } else if result.is_ok() {
            read(&told);
        }
    }
}
