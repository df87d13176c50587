//! Rows of JSON: objects whose keys are the columns, in whatever order.
//!
//! Texts are taken without their quotes and escapes, `null` as an empty value, and all else as it is written, so that no number loses a
//! digit, and an object within a row can be put into a body.

use super::names::{listed_columns, shown};
use super::row::RowBuffer;
use super::wrong::WrongFeed;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

const KEYS_FIX: &str = "give every row the same keys, and `null` where it has no value";

/// Reads objects that all have the same keys. Memory is used again from one to the next.
pub(super) struct ObjectReader {
    columns: Vec<String>,
    values: Vec<u8>,
    places: Vec<Option<Range<usize>>>,
}

/// What is wrong with a row, and what to do: the line is known where the error ends up.
struct WrongObject {
    problem: String,
    fix: &'static str,
}

impl ObjectReader {
    pub(super) fn new(columns: &[String]) -> ObjectReader {
        ObjectReader { columns: columns.to_vec(), values: Vec::new(), places: Vec::new() }
    }

    /// The row that the text on a line is.
    pub(super) fn read_line(&mut self, text: &str, line: u64, row: &mut RowBuffer) -> Result<(), WrongFeed> {
        let mut wrong = None;
        let mut json = serde_json::Deserializer::from_str(text);
        let seed = ObjectSeed { reader: self, row, wrong: &mut wrong };
        let read = seed.deserialize(&mut json).and_then(|()| json.end());
        read.map_err(|error| told(&error, wrong, |_| line))
    }

    /// The rows of a text that is one array, each handed on as it is read.
    pub(super) fn read_array(
        &mut self,
        text: &str,
        row: &mut RowBuffer,
        take: &mut dyn FnMut(&RowBuffer),
    ) -> Result<(), WrongFeed> {
        let mut wrong = None;
        let mut json = serde_json::Deserializer::from_str(text);
        let visitor = ArrayVisitor { reader: self, row, wrong: &mut wrong, take };
        let read = json.deserialize_any(visitor).and_then(|()| json.end());
        read.map_err(|error| told(&error, wrong, |line| line))
    }

    fn put(&mut self, key: &str, value: &RawValue) -> Result<(), WrongObject> {
        let Some(column) = self.columns.iter().position(|column| column == key) else {
            let problem = format!(
                "`{}` is not a key of the first row, which has {}",
                shown(key),
                listed_columns(&self.columns)
            );
            return Err(WrongObject { problem, fix: KEYS_FIX });
        };
        if self.places[column].is_some() {
            let problem = format!("the row has the key `{}` twice", shown(key));
            return Err(WrongObject { problem, fix: "leave one out" });
        }
        let start = self.values.len();
        match value.get() {
            "null" => {}
            text if text.starts_with('"') => {
                let text: Cow<'_, str> = serde_json::from_str(text).map_err(|error| WrongObject {
                    problem: format!("the value of `{}` is not a text: {}", shown(key), cause(&error)),
                    fix: "write it as JSON has it (RFC 8259)",
                })?;
                self.values.extend_from_slice(text.as_bytes());
            }
            written => self.values.extend_from_slice(written.as_bytes()),
        }
        self.places[column] = Some(start..self.values.len());
        Ok(())
    }

    fn finish(&self, row: &mut RowBuffer) -> Result<(), WrongObject> {
        row.clear();
        for (column, place) in self.columns.iter().zip(&self.places) {
            let Some(place) = place else {
                let problem = format!("the row has no `{}`, and the first one does", shown(column));
                return Err(WrongObject { problem, fix: KEYS_FIX });
            };
            row.push(&self.values[place.clone()]);
        }
        Ok(())
    }
}

/// The keys of the first object in a text, which may end after it: the first of an array, or the only one.
pub(super) fn keys_of(text: &str, line: u64) -> Result<Vec<String>, WrongFeed> {
    let mut keys = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_any(KeysVisitor { keys: &mut keys });
    match (keys, read) {
        // What comes behind the first object is looked at when the rows are read.
        (Some(keys), _) => Ok(keys),
        (None, Ok(())) => Ok(Vec::new()),
        (None, Err(error)) => Err(told(&error, None, |within| line + within.saturating_sub(1))),
    }
}

/// An error at its line, with what is known of it beside what serde says.
fn told(error: &serde_json::Error, wrong: Option<WrongObject>, line: impl Fn(u64) -> u64) -> WrongFeed {
    let line = line(error.line() as u64);
    match wrong {
        Some(WrongObject { problem, fix }) => WrongFeed::at(line, problem, fix),
        None => {
            let problem = format!("it is not JSON as it is wanted here: {}", cause(error));
            WrongFeed::at(line, problem, "rows look like `{\"name\": \"ann\", \"pass\": \"x\"}`")
        }
    }
}

/// What serde says, without the place in the text, which is told beside it.
fn cause(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(cause, _)| cause.to_owned())
}

struct ObjectSeed<'a> {
    reader: &'a mut ObjectReader,
    row: &'a mut RowBuffer,
    wrong: &'a mut Option<WrongObject>,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let ObjectSeed { reader, row, wrong } = self;
        let mut failed = |found: WrongObject| {
            let error = A::Error::custom(&found.problem);
            *wrong = Some(found);
            error
        };
        reader.values.clear();
        reader.places.clear();
        reader.places.resize(reader.columns.len(), None);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let value: &RawValue = map.next_value()?;
            reader.put(&key, value).map_err(&mut failed)?;
        }
        reader.finish(row).map_err(failed)
    }
}

struct ArrayVisitor<'a> {
    reader: &'a mut ObjectReader,
    row: &'a mut RowBuffer,
    wrong: &'a mut Option<WrongObject>,
    take: &'a mut dyn FnMut(&RowBuffer),
}

impl<'de> Visitor<'de> for ArrayVisitor<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let ArrayVisitor { reader, row, wrong, take } = self;
        let mut next = |row: &mut RowBuffer| {
            sequence.next_element_seed(ObjectSeed { reader: &mut *reader, row, wrong: &mut *wrong })
        };
        while next(row)?.is_some() {
            take(row);
        }
        Ok(())
    }
}

/// Takes the keys of one object, or of the first in an array.
struct KeysVisitor<'a> {
    keys: &'a mut Option<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for KeysVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for KeysVisitor<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<IgnoredAny>()?;
            // One that comes twice is found when the row is read.
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        *self.keys = Some(keys);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        sequence.next_element_seed(KeysVisitor { keys: &mut *self.keys }).map(drop)
    }
}
