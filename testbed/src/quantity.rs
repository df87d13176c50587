//! Durations and probabilities as people write them: `1.5ms`, `0.01`, `1%`.
//!
//! Only the numbers. What they mean, and which key they belong to, is said where they are used.

use std::fmt;
use std::time::Duration;

/// The longest duration that can be written, and the longest that is ever drawn: one day.
///
/// Nothing a load test waits for is longer, and arithmetic in nanoseconds stays far from overflow.
pub(crate) const DURATION_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Units with their length in nanoseconds. `ms` stands before `m` and `s` only for the reader: the
/// whole suffix is compared.
const UNITS: [(&str, f64); 5] = [("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// A value that could not be read. Displays as one line: what was wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError(String);

impl ValueError {
    pub(crate) fn new(problem: impl Into<String>) -> ValueError {
        ValueError(problem.into())
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ValueError {}

/// Reads a duration: a decimal number and one of `us ms s m h`, at most a day.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, ValueError> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number
        .parse()
        .map_err(|_| ValueError(format!("`{text}` is not a duration; write one as in 1.5ms")))?;
    let unit_ns = unit_ns(text, unit)?;
    let duration_ns = (number * unit_ns).round();
    if duration_ns > DURATION_LIMIT.as_nanos() as f64 {
        return Err(ValueError(format!("`{text}` is longer than the limit of 24h")));
    }
    Ok(Duration::from_nanos(duration_ns as u64))
}

fn unit_ns(text: &str, unit: &str) -> Result<f64, ValueError> {
    if unit.is_empty() {
        return Err(ValueError(format!("`{text}` has no unit; add us, ms, s, m or h, as in 1.5ms")));
    }
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    known.map(|(_, unit_ns)| *unit_ns).ok_or_else(|| {
        ValueError(format!("`{unit}` in `{text}` is not a unit; the units are us, ms, s, m and h"))
    })
}

/// Reads a probability: a number from 0 to 1, or a percentage from `0%` to `100%`.
///
/// # Errors
///
/// A [`ValueError`] that says what a rate looks like.
pub fn parse_rate(text: &str) -> Result<f64, ValueError> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(percentage) => (percentage, 100.0),
        None => (text, 1.0),
    };
    let rate = number.parse::<f64>().ok().map(|number| number / whole);
    rate.filter(|rate| (0.0..=1.0).contains(rate)).ok_or_else(|| {
        ValueError(format!("`{text}` is not a rate; write 0 to 1 or 0% to 100%, as in 0.01 or 1%"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_and_decimals_are_read() {
        let cases = [
            ("200us", Duration::from_micros(200)),
            ("1.5ms", Duration::from_micros(1500)),
            (".5s", Duration::from_millis(500)),
            ("2m", Duration::from_secs(120)),
            ("0.5h", Duration::from_secs(1800)),
            ("0ms", Duration::ZERO),
            ("24h", DURATION_LIMIT),
        ];
        for (text, duration) in cases {
            assert_eq!(parse_duration(text), Ok(duration), "{text}");
        }
    }

    #[test]
    fn a_bad_duration_is_told_what_is_wrong_with_it() {
        let cases = [
            ("5", "has no unit"),
            ("", "not a duration"),
            ("ms", "not a duration"),
            ("-5ms", "not a duration"),
            ("1.2.3ms", "not a duration"),
            ("5 ms", "not a unit"),
            ("5ns", "the units are us, ms, s, m and h"),
            ("25h", "limit of 24h"),
            ("99999999999999999999999h", "limit of 24h"),
        ];
        for (text, problem) in cases {
            let error = parse_duration(text).expect_err(text).to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn a_rate_is_a_fraction_or_a_percentage() {
        for (text, rate) in [("0", 0.0), ("0.01", 0.01), ("1%", 0.01), ("100%", 1.0), ("1", 1.0)] {
            assert_eq!(parse_rate(text), Ok(rate), "{text}");
        }
        for text in ["1.01", "-0.1", "101%", "nan", "inf", "", "%", "half"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }
}
