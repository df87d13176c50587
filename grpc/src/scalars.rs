//! Single values: numbers, texts, bytes and names of an enum, each from JSON into the bytes of its kind, or into a hole.

use crate::message_text::{HoledText, MessageText, TextPart, has_holes};
use crate::numbers;
use crate::path::MessagePath;
use crate::pieces::{Encoded, WireForm};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use engine::config::hint;
use engine::template::{DrawnNumber, NumberForm, Piece};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind};
use serde_json::Value;

/// What is wrong, and what to do.
pub(crate) type Wrong = (String, String);

/// Base64 in both alphabets, with the marks at its end or without.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// How values of a kind are put down.
pub(crate) fn wire_form(kind: &Kind) -> WireForm {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => WireForm::Fixed64,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => WireForm::Fixed32,
        Kind::String | Kind::Bytes | Kind::Message(_) => WireForm::Counted,
        _ => WireForm::Varint,
    }
}

/// A value of a kind that is no message. Texts and bytes have their length before them.
pub(crate) fn encode(
    kind: &Kind,
    value: &Value,
    text: &MessageText,
    at: &MessagePath<'_>,
) -> Result<Encoded, Wrong> {
    let mut out = Encoded::default();
    match kind {
        Kind::String => out.counted(string(value, text).map_err(|(problem, fix)| wrong(at, &problem, fix))?),
        Kind::Bytes => out.counted(bytes(value, text).map_err(|(problem, fix)| wrong(at, &problem, fix))?),
        _ if has_holes(value) => out.hole(number_hole(kind, value, text, at)?),
        _ => number(kind, value, &mut out).map_err(|(problem, fix)| (at.problem(problem), fix))?,
    }
    Ok(out)
}

/// Whether a value is what a field has that is not sent.
pub(crate) fn is_default(kind: &Kind, value: &Encoded) -> bool {
    let Some(bytes) = value.constant() else { return false };
    match kind {
        Kind::Message(_) => false,
        _ => bytes.iter().all(|byte| *byte == 0),
    }
}

/// Puts a value down behind the tag of its field.
pub(crate) fn put(out: &mut Encoded, field: &FieldDescriptor, value: Encoded) {
    let number = field.number();
    match field.kind() {
        Kind::Message(_) if field.is_group() => {
            out.tag(number, WireForm::GroupStart);
            out.append(value);
            out.tag(number, WireForm::GroupEnd);
        }
        Kind::Message(_) => {
            out.tag(number, WireForm::Counted);
            out.counted(value);
        }
        kind => {
            out.tag(number, wire_form(&kind));
            out.append(value);
        }
    }
}

fn wrong(at: &MessagePath<'_>, problem: &str, fix: &str) -> Wrong {
    (at.problem(problem), fix.to_owned())
}

fn string(value: &Value, text: &MessageText) -> Result<Encoded, (String, &'static str)> {
    const FIX: &str = "write it in quotes";
    let Value::String(typed) = value else {
        return Err((format!("is {}, and takes a text", what_is(value)), FIX));
    };
    let holed = text.holed(typed);
    if holed.is_bare {
        return Err(("is a number, and takes a text".into(), FIX));
    }
    let mut out = Encoded::default();
    for part in holed.parts {
        match part {
            TextPart::Literal(literal) => out.bytes(literal.as_bytes()),
            TextPart::Hole(hole) => out.hole(hole.clone()),
        }
    }
    Ok(out)
}

/// Bytes stand in base64. What is filled in stands for itself, between parts each of which is base64 alone.
fn bytes(value: &Value, text: &MessageText) -> Result<Encoded, (String, &'static str)> {
    const FIX: &str = "write bytes in base64, as in `\"aGVsbG8=\"`";
    let Value::String(typed) = value else {
        return Err((format!("is {}, and takes bytes in base64", what_is(value)), FIX));
    };
    let mut out = Encoded::default();
    for part in text.holed(typed).parts {
        match part {
            TextPart::Literal(literal) => {
                let engine = if literal.contains(['-', '_']) { URL_SAFE } else { STANDARD };
                let decoded = engine.decode(literal);
                out.bytes(&decoded.map_err(|_| ("is not base64".to_owned(), FIX))?);
            }
            TextPart::Hole(hole) => out.hole(hole.clone()),
        }
    }
    Ok(out)
}

fn number(kind: &Kind, value: &Value, out: &mut Encoded) -> Result<(), Wrong> {
    let whole = |low: i128, high: i128| {
        numbers::whole(value, low, high).ok_or_else(|| {
            let problem = format!("is {}, and takes a whole number from {low} to {high}", what_is(value));
            (problem, "write one".to_owned())
        })
    };
    let real = || {
        numbers::real(value).ok_or_else(|| {
            (format!("is {}, and takes a number", what_is(value)), "write one, or \"NaN\"".to_owned())
        })
    };
    match kind {
        Kind::Bool => match value {
            Value::Bool(truth) => out.varint((*truth).into()),
            _ => {
                let problem = format!("is {}, and takes true or false", what_is(value));
                return Err((problem, "write one of them, without quotes".into()));
            }
        },
        Kind::Int32 => out.varint(whole(i32::MIN.into(), i32::MAX.into())? as i64 as u64),
        Kind::Int64 => out.varint(whole(i64::MIN.into(), i64::MAX.into())? as i64 as u64),
        Kind::Uint32 => out.varint(whole(0, u32::MAX.into())? as u64),
        Kind::Uint64 => out.varint(whole(0, u64::MAX.into())? as u64),
        Kind::Sint32 => out.varint(zigzag(whole(i32::MIN.into(), i32::MAX.into())? as i64)),
        Kind::Sint64 => out.varint(zigzag(whole(i64::MIN.into(), i64::MAX.into())? as i64)),
        Kind::Fixed32 => out.bytes(&(whole(0, u32::MAX.into())? as u32).to_le_bytes()),
        Kind::Fixed64 => out.bytes(&(whole(0, u64::MAX.into())? as u64).to_le_bytes()),
        Kind::Sfixed32 => out.bytes(&(whole(i32::MIN.into(), i32::MAX.into())? as i32).to_le_bytes()),
        Kind::Sfixed64 => out.bytes(&(whole(i64::MIN.into(), i64::MAX.into())? as i64).to_le_bytes()),
        Kind::Double => out.bytes(&real()?.to_le_bytes()),
        Kind::Float => {
            let number = real()?;
            let narrow = number as f32;
            if number.is_finite() && !narrow.is_finite() {
                return Err(("is larger than a `float` can be".into(), "write a smaller number".into()));
            }
            out.bytes(&narrow.to_le_bytes());
        }
        Kind::Enum(descriptor) => out.varint(i64::from(of_enum(descriptor, value)?) as u64),
        Kind::String | Kind::Bytes | Kind::Message(_) => unreachable!("those are no numbers"),
    }
    Ok(())
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// The number of a value of an enum, by its name or by itself.
fn of_enum(descriptor: &EnumDescriptor, value: &Value) -> Result<i32, Wrong> {
    let names = || descriptor.values().map(|value| value.name().to_owned()).collect::<Vec<_>>();
    if let Value::String(name) = value {
        if let Some(value) = descriptor.get_value_by_name(name) {
            return Ok(value.number());
        }
        let names = names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let problem = format!("`{name}` is no value of {}", descriptor.full_name());
        return Err((problem, hint(name, &names)));
    }
    match numbers::whole(value, i32::MIN.into(), i32::MAX.into()) {
        Some(number) => Ok(number as i32),
        None => {
            let problem = format!("is {}, and takes a value of {}", what_is(value), descriptor.full_name());
            Err((problem, format!("write one of {}", names().join(", "))))
        }
    }
}

/// A number that is filled in: it has to be the whole value, and has to fit.
fn number_hole(kind: &Kind, value: &Value, text: &MessageText, at: &MessagePath<'_>) -> Result<Piece, Wrong> {
    let typed = value.as_str().unwrap_or_default();
    let holed: HoledText<'_> = text.holed(typed);
    let value = match holed.hole() {
        Some(Piece::Seq) => DrawnNumber::Seq,
        Some(Piece::Rand { low, high }) => DrawnNumber::Rand { low: *low, high: *high },
        Some(_) => {
            return Err(wrong(
                at,
                "takes a number, and is filled with a UUID",
                "use `{{seq}}` or `{{rand LOW HIGH}}`",
            ));
        }
        None => {
            return Err(wrong(
                at,
                "takes a number, and is filled with more",
                "let what is filled in stand alone",
            ));
        }
    };
    let (form, max) = match kind {
        Kind::Int32 | Kind::Enum(_) => (NumberForm::Varint, i32::MAX as u64),
        Kind::Int64 => (NumberForm::Varint, i64::MAX as u64),
        Kind::Uint32 => (NumberForm::Varint, u32::MAX.into()),
        Kind::Uint64 => (NumberForm::Varint, u64::MAX),
        Kind::Sint32 => (NumberForm::Zigzag, i32::MAX as u64),
        Kind::Sint64 => (NumberForm::Zigzag, i64::MAX as u64),
        Kind::Fixed32 => (NumberForm::Fixed32, u32::MAX.into()),
        Kind::Sfixed32 => (NumberForm::Fixed32, i32::MAX as u64),
        Kind::Fixed64 => (NumberForm::Fixed64, u64::MAX),
        Kind::Sfixed64 => (NumberForm::Fixed64, i64::MAX as u64),
        Kind::Float => (NumberForm::Float, u64::MAX),
        Kind::Double => (NumberForm::Double, u64::MAX),
        _ => return Err(wrong(at, "takes true or false, and is filled in", "write one of them")),
    };
    if matches!(value, DrawnNumber::Rand { high, .. } if high > max) {
        let problem = format!("takes whole numbers up to {max}, and is filled with larger ones");
        return Err(wrong(at, &problem, "give a smaller range"));
    }
    Ok(Piece::Binary { value, form })
}

/// What a value is, for telling that it is something else.
pub(crate) fn what_is(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "another number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
