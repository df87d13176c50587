//! From the bytes of a message to its JSON, field by field.

use super::known;
use super::records::{NotMessage, Records, Stored};
use super::types::{EnumType, FieldShape, FieldType, KnownType, MessageForm, MessageType, ValueKind};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::io::Write;
use std::ops::Range;

/// The deepest that messages may stand in each other: as deep as common decoders go.
const DEPTH_MAX: usize = 100;

/// Where a record of a field stands in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordPlace {
    /// The field, or the first of its oneof: of all that have the same, one is told.
    slot: u32,
    at: u32,
    field: u32,
}

/// Messages that come in parts are put together as long as these are no more than so many times the whole.
const PARTS_TIMES_MAX: usize = 4;
/// As many bytes and fields are looked at for each byte that the JSON may have.
const STEPS_TIMES_MAX: usize = 4;

/// Appends the JSON of a message of the form's first type; what it is appended to has no more than so many bytes then. The places are
/// memory that is used again, and empty before and after.
pub fn tell(
    form: &MessageForm,
    message: &[u8],
    bytes_max: usize,
    places: &mut Vec<RecordPlace>,
    out: &mut Vec<u8>,
) -> Result<(), NotMessage> {
    let parts_left = message.len().saturating_mul(PARTS_TIMES_MAX);
    let steps_left = bytes_max.saturating_mul(STEPS_TIMES_MAX);
    places.clear();
    let told = JsonWriter { form, bytes_max, parts_left, steps_left, places, out }.message(0, message, 0);
    places.clear();
    told
}

struct JsonWriter<'f, 'o> {
    form: &'f MessageForm,
    bytes_max: usize,
    parts_left: usize,
    steps_left: usize,
    /// Those of the message that is told, behind those of the ones that it stands in.
    places: &'o mut Vec<RecordPlace>,
    out: &'o mut Vec<u8>,
}

impl<'f> JsonWriter<'f, '_> {
    fn message(&mut self, index: usize, bytes: &[u8], depth: usize) -> Result<(), NotMessage> {
        if depth > DEPTH_MAX {
            return Err(NotMessage::TooDeep);
        }
        let form = self.form;
        let MessageType { fields, known } = &form.messages[index];
        match known {
            Some(KnownType::Timestamp) => return known::timestamp(bytes, self.out),
            Some(KnownType::Duration) => return known::duration(bytes, self.out),
            Some(KnownType::FieldMask) => return known::field_mask(bytes, self.out),
            None | Some(KnownType::Bare | KnownType::Value) => {}
        }
        let places = self.gather(fields, bytes)?;
        let from = places.start;
        match (known, &fields[..]) {
            // A message that is its only field.
            (Some(KnownType::Bare), [field]) => self.field(field, places, bytes, depth)?,
            (Some(KnownType::Bare), _) => return Err(NotMessage::Bytes),
            // A message that is whichever of its fields is there.
            (Some(KnownType::Value), _) => match self.places.get(from).map(|first| first.slot) {
                Some(slot) => {
                    let (field, found) = self.counting(fields, self.run(places, slot));
                    self.one(field, found, bytes, depth)?;
                }
                None => self.out.extend_from_slice(b"null"),
            },
            _ => self.object(fields, places, bytes, depth)?,
        }
        self.places.truncate(from);
        self.within()
    }

    /// Finds all records of fields in one go, and puts those of each beside each other. Records that no field has are looked at as well:
    /// what is no message is none, whatever is asked of it.
    fn gather(&mut self, fields: &[FieldType], bytes: &[u8]) -> Result<Range<usize>, NotMessage> {
        let steps = bytes.len() + fields.len();
        self.steps_left = self.steps_left.checked_sub(steps).ok_or(NotMessage::TooLong)?;
        let narrow = |number: usize| u32::try_from(number).map_err(|_| NotMessage::TooLong);
        let from = self.places.len();
        let mut records = Records::of(bytes);
        loop {
            let at = bytes.len() - records.left();
            let Some((number, _)) = records.next_record()? else { break };
            if let Ok(field) = fields.binary_search_by_key(&number, |field| field.number) {
                let slot = narrow(fields[field].oneof.unwrap_or(field))?;
                self.places.push(RecordPlace { slot, at: narrow(at)?, field: narrow(field)? });
            }
        }
        self.places[from..].sort_unstable();
        Ok(from..self.places.len())
    }

    /// Those at the beginning of places that have a slot.
    fn run(&self, places: Range<usize>, slot: u32) -> Range<usize> {
        let from = places.start;
        let count = self.places[places].iter().take_while(|place| place.slot == slot).count();
        from..from + count
    }

    /// Of a slot that has some records: the field that came last, and its records since another took its place.
    fn counting(&self, fields: &'f [FieldType], run: Range<usize>) -> (&'f FieldType, Range<usize>) {
        let field = self.places[run.end - 1].field;
        let count = self.places[run.clone()].iter().rev().take_while(|place| place.field == field).count();
        (&fields[field as usize], run.end - count..run.end)
    }

    fn object(
        &mut self,
        fields: &'f [FieldType],
        mut places: Range<usize>,
        bytes: &[u8],
        depth: usize,
    ) -> Result<(), NotMessage> {
        self.out.push(b'{');
        let mut is_first = true;
        for (slot, field) in (0..).zip(fields) {
            let run = self.run(places.clone(), slot);
            places.start = run.end;
            let (field, found) = match run.is_empty() {
                false => self.counting(fields, run),
                true if field.shape != FieldShape::One || field.has_default => (field, run),
                true => continue,
            };
            self.comma(&mut is_first);
            self.text(&field.name)?;
            self.out.push(b':');
            self.field(field, found, bytes, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn field(
        &mut self,
        field: &'f FieldType,
        found: Range<usize>,
        bytes: &[u8],
        depth: usize,
    ) -> Result<(), NotMessage> {
        match field.shape {
            FieldShape::One => self.one(field, found, bytes, depth),
            FieldShape::List => self.list(field, found, bytes, depth),
            FieldShape::Map => self.map(field, found, bytes, depth),
        }
    }

    /// What is stored in a place of a message.
    fn stored<'a>(&self, place: usize, bytes: &'a [u8]) -> Result<Stored<'a>, NotMessage> {
        let record = Records::of(&bytes[self.places[place].at as usize..]).next_record()?;
        record.map(|(_, stored)| stored).ok_or(NotMessage::Bytes)
    }

    /// The last of a field counts.
    fn one(
        &mut self,
        field: &'f FieldType,
        found: Range<usize>,
        bytes: &[u8],
        depth: usize,
    ) -> Result<(), NotMessage> {
        match (field.kind, found.len()) {
            (kind, 0) => self.default(kind, depth),
            // A message that comes in parts is these one behind the other.
            (ValueKind::Message(index), 2..) => {
                let parts = self.parts(found, bytes)?;
                self.message(index, &parts, depth + 1)
            }
            (kind, _) => {
                let stored = self.stored(found.end - 1, bytes)?;
                self.value(kind, stored, depth)
            }
        }
    }

    /// The parts of a message that comes in several.
    fn parts(&mut self, found: Range<usize>, bytes: &[u8]) -> Result<Vec<u8>, NotMessage> {
        let mut parts = Vec::new();
        for place in found {
            let (Stored::Counted(part) | Stored::Group(part)) = self.stored(place, bytes)? else {
                return Err(NotMessage::Bytes);
            };
            self.parts_left = self.parts_left.checked_sub(part.len()).ok_or(NotMessage::TooLong)?;
            parts.extend_from_slice(part);
        }
        Ok(parts)
    }

    fn list(
        &mut self,
        field: &'f FieldType,
        found: Range<usize>,
        bytes: &[u8],
        depth: usize,
    ) -> Result<(), NotMessage> {
        self.out.push(b'[');
        let mut is_first = true;
        for place in found {
            match self.stored(place, bytes)? {
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
    fn map(
        &mut self,
        field: &'f FieldType,
        found: Range<usize>,
        bytes: &[u8],
        depth: usize,
    ) -> Result<(), NotMessage> {
        let form = self.form;
        let ValueKind::Message(entry) = field.kind else { return Err(NotMessage::Bytes) };
        let fields = &form.messages[entry].fields;
        let [key, value] = &fields[..] else { return Err(NotMessage::Bytes) };
        self.out.push(b'{');
        let mut is_first = true;
        for place in found {
            let Stored::Counted(pair) = self.stored(place, bytes)? else { return Err(NotMessage::Bytes) };
            let places = self.gather(fields, pair)?;
            let from = places.start;
            let keys = self.run(places.clone(), 0);
            let values = keys.end..places.end;
            self.comma(&mut is_first);
            self.key(key, keys, pair, depth)?;
            self.out.push(b':');
            self.one(value, values, pair, depth)?;
            self.places.truncate(from);
        }
        self.out.push(b'}');
        self.within()
    }

    /// A key is a text, whatever it is.
    fn key(
        &mut self,
        key: &'f FieldType,
        found: Range<usize>,
        pair: &[u8],
        depth: usize,
    ) -> Result<(), NotMessage> {
        let from = self.out.len();
        self.one(key, found, pair, depth)?;
        if self.out[from] != b'"' {
            self.out.insert(from, b'"');
            self.out.push(b'"');
        }
        Ok(())
    }

    fn value(&mut self, kind: ValueKind, stored: Stored<'_>, depth: usize) -> Result<(), NotMessage> {
        match (kind, stored) {
            (ValueKind::Message(index), Stored::Counted(bytes) | Stored::Group(bytes)) => {
                self.message(index, bytes, depth + 1)?;
            }
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
        match names.binary_search_by_key(&number, |(known, _)| *known) {
            Ok(index) => self.text(&names[index].1),
            Err(_) => {
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
