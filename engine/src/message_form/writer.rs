//! From the bytes of a message to its JSON, field by field.

use super::known;
use super::records::{NotMessage, Records, Stored};
use super::types::{EnumType, FieldShape, FieldType, KnownType, MessageForm, ValueKind};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::io::Write;

/// The deepest that messages may stand in each other: as deep as common decoders go.
const DEPTH_MAX: usize = 100;

/// Appends the JSON of a message of the form's first type; what it is appended to has no more than so many bytes then.
pub fn tell(
    form: &MessageForm,
    message: &[u8],
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), NotMessage> {
    JsonWriter { form, bytes_max, out }.message(0, message, 0)
}

struct JsonWriter<'f, 'o> {
    form: &'f MessageForm,
    bytes_max: usize,
    out: &'o mut Vec<u8>,
}

/// The last of what is stored of a field, and how often it came since something else took its place.
struct Last<'a> {
    stored: Stored<'a>,
    times: usize,
}

impl<'f> JsonWriter<'f, '_> {
    fn message(&mut self, index: usize, bytes: &[u8], depth: usize) -> Result<(), NotMessage> {
        if depth > DEPTH_MAX {
            return Err(NotMessage::TooDeep);
        }
        let form = self.form;
        let message = &form.messages[index];
        match message.known {
            None => {}
            Some(KnownType::Timestamp) => return known::timestamp(bytes, self.out),
            Some(KnownType::Duration) => return known::duration(bytes, self.out),
            Some(KnownType::FieldMask) => return known::field_mask(bytes, self.out),
            Some(KnownType::Bare) => return self.bare(&message.fields, bytes, depth),
            Some(KnownType::Value) => return self.any_value(&message.fields, bytes, depth),
        }
        // Records that no field has are looked at as well: what is no message is none, whatever is asked of it.
        let mut records = Records::of(bytes);
        while records.next_record()?.is_some() {}
        self.out.push(b'{');
        let mut is_first = true;
        for field in &message.fields {
            self.named_field(field, bytes, depth, &mut is_first)?;
        }
        self.out.push(b'}');
        self.within()
    }

    /// A message that is its only field.
    fn bare(&mut self, fields: &'f [FieldType], bytes: &[u8], depth: usize) -> Result<(), NotMessage> {
        let [field] = fields else { return Err(NotMessage::Bytes) };
        match field.shape {
            FieldShape::List => self.list(field, bytes, depth),
            FieldShape::Map => self.map(field, bytes, depth),
            FieldShape::One => match last(field, bytes)? {
                Some(found) => self.found(field, found, bytes, depth),
                None => self.default(field.kind, depth),
            },
        }
    }

    /// A message that is whichever of its fields is there.
    fn any_value(&mut self, fields: &'f [FieldType], bytes: &[u8], depth: usize) -> Result<(), NotMessage> {
        for field in fields {
            if let Some(found) = last(field, bytes)? {
                return self.found(field, found, bytes, depth);
            }
        }
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    /// A field behind its name, if it is there or is told in any case.
    fn named_field(
        &mut self,
        field: &'f FieldType,
        bytes: &[u8],
        depth: usize,
        is_first: &mut bool,
    ) -> Result<(), NotMessage> {
        let found = if field.shape == FieldShape::One { last(field, bytes)? } else { None };
        if field.shape == FieldShape::One && found.is_none() && !field.has_default {
            return Ok(());
        }
        if !std::mem::replace(is_first, false) {
            self.out.push(b',');
        }
        self.text(&field.name)?;
        self.out.push(b':');
        match (field.shape, found) {
            (FieldShape::List, _) => self.list(field, bytes, depth),
            (FieldShape::Map, _) => self.map(field, bytes, depth),
            (FieldShape::One, Some(found)) => self.found(field, found, bytes, depth),
            (FieldShape::One, None) => self.default(field.kind, depth),
        }
    }

    fn found(
        &mut self,
        field: &'f FieldType,
        found: Last<'_>,
        bytes: &[u8],
        depth: usize,
    ) -> Result<(), NotMessage> {
        match (field.kind, found.times) {
            // A message that comes in parts is these one behind the other.
            (ValueKind::Message(index), 2..) => {
                let parts = parts(field, bytes)?;
                self.message(index, &parts, depth + 1)
            }
            _ => self.value(field.kind, found.stored, depth),
        }
    }

    fn list(&mut self, field: &'f FieldType, bytes: &[u8], depth: usize) -> Result<(), NotMessage> {
        self.out.push(b'[');
        let (mut records, mut is_first) = (Records::of(bytes), true);
        while let Some((number, stored)) = records.next_record()? {
            if number != field.number {
                continue;
            }
            match stored {
                // Numbers may stand together behind one tag.
                Stored::Counted(packed) if is_number(field.kind) => {
                    let mut packed = Records::of(packed);
                    while !packed.is_over() {
                        self.comma(&mut is_first);
                        let stored = unpacked(field.kind, &mut packed)?;
                        self.value(field.kind, stored, depth)?;
                    }
                }
                stored => {
                    self.comma(&mut is_first);
                    self.value(field.kind, stored, depth)?;
                }
            }
        }
        self.out.push(b']');
        self.within()
    }

    /// A key that comes twice is told twice.
    fn map(&mut self, field: &'f FieldType, bytes: &[u8], depth: usize) -> Result<(), NotMessage> {
        let form = self.form;
        let ValueKind::Message(entry) = field.kind else { return Err(NotMessage::Bytes) };
        let [key, value] = &form.messages[entry].fields[..] else { return Err(NotMessage::Bytes) };
        self.out.push(b'{');
        let (mut records, mut is_first) = (Records::of(bytes), true);
        while let Some((number, stored)) = records.next_record()? {
            if number != field.number {
                continue;
            }
            let Stored::Counted(pair) = stored else { return Err(NotMessage::Bytes) };
            self.comma(&mut is_first);
            self.key(key, pair, depth)?;
            self.out.push(b':');
            match (last(value, pair)?, value.kind) {
                (Some(found), _) => self.found(value, found, pair, depth)?,
                (None, ValueKind::Message(index)) => self.message(index, &[], depth + 1)?,
                (None, kind) => self.default(kind, depth)?,
            }
        }
        self.out.push(b'}');
        self.within()
    }

    /// A key is a text, whatever it is.
    fn key(&mut self, key: &'f FieldType, pair: &[u8], depth: usize) -> Result<(), NotMessage> {
        let from = self.out.len();
        match last(key, pair)? {
            Some(found) => self.value(key.kind, found.stored, depth)?,
            None => self.default(key.kind, depth)?,
        }
        if self.out[from] != b'"' {
            self.out.insert(from, b'"');
            self.out.push(b'"');
        }
        Ok(())
    }

    fn value(&mut self, kind: ValueKind, stored: Stored<'_>, depth: usize) -> Result<(), NotMessage> {
        match (kind, stored) {
            (ValueKind::Message(index), Stored::Counted(bytes)) => self.message(index, bytes, depth + 1)?,
            (ValueKind::String, Stored::Counted(bytes)) => {
                let text = std::str::from_utf8(bytes).map_err(|_| NotMessage::Bytes)?;
                self.text(text)?;
            }
            (ValueKind::Bytes, Stored::Counted(bytes)) => self.base64(bytes)?,
            (ValueKind::Enum(index), Stored::Varint(number)) => self.name(index, number as i32)?,
            (ValueKind::Bool, Stored::Varint(number)) => self.shown(number != 0),
            (ValueKind::Int32, Stored::Varint(number)) => self.shown(number as i32),
            (ValueKind::Uint32, Stored::Varint(number)) => self.shown(number as u32),
            (ValueKind::Sint32, Stored::Varint(number)) => self.shown(unfolded(number & 0xffff_ffff) as i32),
            (ValueKind::Int64, Stored::Varint(number)) => self.quoted(number as i64),
            (ValueKind::Uint64, Stored::Varint(number)) => self.quoted(number),
            (ValueKind::Sint64, Stored::Varint(number)) => self.quoted(unfolded(number)),
            (ValueKind::Fixed32, Stored::Fixed32(number)) => self.shown(number),
            (ValueKind::Sfixed32, Stored::Fixed32(number)) => self.shown(number as i32),
            (ValueKind::Fixed64, Stored::Fixed64(number)) => self.quoted(number),
            (ValueKind::Sfixed64, Stored::Fixed64(number)) => self.quoted(number as i64),
            (ValueKind::Double, Stored::Fixed64(bits)) => {
                let number = f64::from_bits(bits);
                self.real(number, |out| serde_json::to_writer(out, &number).is_ok())?;
            }
            (ValueKind::Float, Stored::Fixed32(bits)) => {
                let number = f32::from_bits(bits);
                self.real(number.into(), |out| serde_json::to_writer(out, &number).is_ok())?;
            }
            _ => return Err(NotMessage::Bytes),
        }
        self.within()
    }

    /// What a field is that is not there.
    fn default(&mut self, kind: ValueKind, depth: usize) -> Result<(), NotMessage> {
        let stored = match kind {
            ValueKind::String | ValueKind::Bytes | ValueKind::Message(_) => Stored::Counted(&[]),
            ValueKind::Double | ValueKind::Fixed64 | ValueKind::Sfixed64 => Stored::Fixed64(0),
            ValueKind::Float | ValueKind::Fixed32 | ValueKind::Sfixed32 => Stored::Fixed32(0),
            _ => Stored::Varint(0),
        };
        self.value(kind, stored, depth)
    }

    /// The name of a value of an enum, or its number where it has none.
    fn name(&mut self, index: usize, number: i32) -> Result<(), NotMessage> {
        let form = self.form;
        let EnumType { names, is_null } = &form.enums[index];
        if *is_null {
            self.out.extend_from_slice(b"null");
            return Ok(());
        }
        match names.iter().find(|(known, _)| *known == number) {
            Some((_, name)) => self.text(name),
            None => {
                self.shown(number);
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), NotMessage> {
        // Memory takes whatever is written to it.
        serde_json::to_writer(&mut *self.out, text).map_err(|_| NotMessage::Bytes)
    }

    fn base64(&mut self, bytes: &[u8]) -> Result<(), NotMessage> {
        self.out.push(b'"');
        let from = self.out.len();
        self.out.resize(from + bytes.len().div_ceil(3) * 4, 0);
        let written = BASE64_STANDARD.encode_slice(bytes, &mut self.out[from..]);
        written.map_err(|_| NotMessage::TooLong)?;
        self.out.push(b'"');
        Ok(())
    }

    /// Numbers that are none have names.
    fn real(&mut self, number: f64, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Result<(), NotMessage> {
        let name = match number {
            _ if number.is_nan() => "NaN",
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            _ => return if write(self.out) { Ok(()) } else { Err(NotMessage::Bytes) },
        };
        self.text(name)
    }

    fn shown(&mut self, value: impl std::fmt::Display) {
        // Memory takes whatever is written to it.
        let _ = write!(self.out, "{value}");
    }

    /// Numbers of 64 bits are texts: many readers of JSON have no room for them.
    fn quoted(&mut self, value: impl std::fmt::Display) {
        self.shown(format_args!("\"{value}\""));
    }

    fn comma(&mut self, is_first: &mut bool) {
        if !std::mem::replace(is_first, false) {
            self.out.push(b',');
        }
    }

    /// Few bytes may stand for a long text.
    fn within(&self) -> Result<(), NotMessage> {
        if self.out.len() > self.bytes_max { Err(NotMessage::TooLong) } else { Ok(()) }
    }
}

/// What counts of a field: the last of it, unless one of its rivals comes behind it.
fn last<'a>(field: &FieldType, bytes: &'a [u8]) -> Result<Option<Last<'a>>, NotMessage> {
    let (mut records, mut found) = (Records::of(bytes), None);
    while let Some((number, stored)) = records.next_record()? {
        if number == field.number {
            let times = found.map_or(0, |last: Last<'_>| last.times) + 1;
            found = Some(Last { stored, times });
        } else if field.rivals.contains(&number) {
            found = None;
        }
    }
    Ok(found)
}

/// The parts of a message that comes in several.
fn parts(field: &FieldType, bytes: &[u8]) -> Result<Vec<u8>, NotMessage> {
    let (mut records, mut parts) = (Records::of(bytes), Vec::new());
    while let Some((number, stored)) = records.next_record()? {
        match stored {
            Stored::Counted(part) if number == field.number => parts.extend_from_slice(part),
            _ if number == field.number => return Err(NotMessage::Bytes),
            _ if field.rivals.contains(&number) => parts.clear(),
            _ => {}
        }
    }
    Ok(parts)
}

fn is_number(kind: ValueKind) -> bool {
    !matches!(kind, ValueKind::String | ValueKind::Bytes | ValueKind::Message(_))
}

fn unpacked<'a>(kind: ValueKind, packed: &mut Records<'a>) -> Result<Stored<'a>, NotMessage> {
    Ok(match kind {
        ValueKind::Double | ValueKind::Fixed64 | ValueKind::Sfixed64 => Stored::Fixed64(packed.fixed64()?),
        ValueKind::Float | ValueKind::Fixed32 | ValueKind::Sfixed32 => Stored::Fixed32(packed.fixed32()?),
        _ => Stored::Varint(packed.varint()?),
    })
}

/// A number that is put down with its sign in the lowest bit.
fn unfolded(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}
