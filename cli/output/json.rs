//! JSON as it is written everywhere: no figure with more digits than it has, and nothing that would steer a terminal.

use crate::output::plain;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// Significant digits of a number with a fraction: more are what arithmetic left behind.
const DIGITS: usize = 12;

/// A value in indented lines.
pub(crate) fn pretty(value: &impl Serialize) -> Result<String, serde_json::Error> {
    written(value, Rounded(PrettyFormatter::new()))
}

/// A value in one line.
pub(crate) fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    written(value, Rounded(CompactFormatter))
}

fn written(value: &impl Serialize, formatter: impl Formatter) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    Ok(plain::json(&String::from_utf8_lossy(&bytes)))
}

/// A number without the digits that arithmetic left behind: 0.12137800000000001 is 0.121378.
pub(crate) fn rounded(value: f64) -> f64 {
    match value.is_finite() {
        true => format!("{value:.digits$e}", digits = DIGITS - 1).parse().unwrap_or(value),
        false => value,
    }
}

/// Writes as another one does, but for numbers with a fraction.
struct Rounded<F>(F);

impl<F: Formatter> Formatter for Rounded<F> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        self.0.write_f64(writer, rounded(value))
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn no_number_has_digits_that_arithmetic_left_behind() {
        let value =
            json!({ "a": [0.1 + 0.2, 0.121_378_000_000_000_01, 1e-9, 1e21], "b": { "c": 3, "d": u64::MAX } });
        let expected = json!({ "a": [0.3, 0.121378, 1e-9, 1e21], "b": { "c": 3, "d": u64::MAX } });
        assert_eq!(line(&value).unwrap(), expected.to_string());
        assert_eq!(pretty(&value).unwrap(), format!("{expected:#}"));
        assert_eq!(serde_json::from_str::<Value>(&pretty(&json!({})).unwrap()).unwrap(), json!({}));
    }
}
