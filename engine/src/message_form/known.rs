//! Moments, lengths of time and names of fields, which are texts in JSON.

use super::records::{NotMessage, Records, Stored};
use std::io::Write;
use time::OffsetDateTime;

const NANOS_MAX: i32 = 999_999_999;
/// As much as protobuf allows, some ten thousand years.
const DURATION_S_MAX: i64 = 315_576_000_000;

/// A moment: from the first year to the last one of four digits.
pub(super) fn timestamp(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), NotMessage> {
    let (seconds, nanos) = seconds_and_nanos(bytes)?;
    let moment = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| NotMessage::Bytes)?;
    if !(1..=9999).contains(&moment.year()) || !(0..=NANOS_MAX).contains(&nanos) {
        return Err(NotMessage::Bytes);
    }
    let (year, month, day) = (moment.year(), u8::from(moment.month()), moment.day());
    let (hour, minute, second) = moment.to_hms();
    // Memory takes whatever is written to it.
    let _ = write!(out, "\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    fraction(nanos.unsigned_abs(), out);
    out.extend_from_slice(b"Z\"");
    Ok(())
}

/// A length of time; both parts of it have the same sign.
pub(super) fn duration(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), NotMessage> {
    let (seconds, nanos) = seconds_and_nanos(bytes)?;
    let is_mixed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
    if is_mixed || !(-DURATION_S_MAX..=DURATION_S_MAX).contains(&seconds) || nanos.abs() > NANOS_MAX {
        return Err(NotMessage::Bytes);
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let _ = write!(out, "\"{sign}{}", seconds.unsigned_abs());
    fraction(nanos.unsigned_abs(), out);
    out.extend_from_slice(b"s\"");
    Ok(())
}

/// Names of fields, in the way of JSON.
pub(super) fn field_mask(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), NotMessage> {
    out.push(b'"');
    let (mut records, mut is_first) = (Records::of(bytes), true);
    while let Some((number, stored)) = records.next_record()? {
        let Stored::Counted(path) = stored else { continue };
        if number != 1 {
            continue;
        }
        if !std::mem::replace(&mut is_first, false) {
            out.push(b',');
        }
        let mut is_upper = false;
        for &byte in path {
            match byte {
                b'_' => is_upper = true,
                b'a'..=b'z' if std::mem::take(&mut is_upper) => out.push(byte.to_ascii_uppercase()),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' => out.push(byte),
                _ => return Err(NotMessage::Bytes),
            }
        }
    }
    out.push(b'"');
    Ok(())
}

/// Fields 1 and 2.
fn seconds_and_nanos(bytes: &[u8]) -> Result<(i64, i32), NotMessage> {
    let (mut records, mut seconds, mut nanos) = (Records::of(bytes), 0, 0);
    while let Some((number, stored)) = records.next_record()? {
        match (number, stored) {
            (1, Stored::Varint(value)) => seconds = value as i64,
            (2, Stored::Varint(value)) => nanos = value as i32,
            (1 | 2, _) => return Err(NotMessage::Bytes),
            _ => {}
        }
    }
    Ok((seconds, nanos))
}

/// What is left of a second, in three, six or nine digits.
fn fraction(nanos: u32, out: &mut Vec<u8>) {
    let _ = match nanos {
        0 => Ok(()),
        _ if nanos.is_multiple_of(1_000_000) => write!(out, ".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => write!(out, ".{:06}", nanos / 1_000),
        _ => write!(out, ".{nanos:09}"),
    };
}
