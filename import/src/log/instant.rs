//! Instants as logs write them: of the common log format, of ISO 8601, and seconds or milliseconds since 1970.

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, UtcOffset};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// A number of seconds since 1970 is smaller, and one of milliseconds larger.
const MILLISECONDS_MIN: f64 = 1e11;

/// When a request came, or was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant {
    pub(super) unix_us: i64,
}

impl Instant {
    /// Reads any of the forms.
    pub(super) fn read(text: &str) -> Option<Instant> {
        let text = text.trim();
        if let Ok(number) = text.parse::<f64>() {
            return Instant::of_number(number);
        }
        if text.as_bytes().get(2) == Some(&b'/') {
            return common(text).map(|unix_s| Instant { unix_us: unix_s * 1_000_000 });
        }
        // A space in place of the T is common; so is no zone, which is taken for UTC.
        let iso = text.replacen(' ', "T", 1);
        let read = OffsetDateTime::parse(&iso, &Rfc3339);
        let read = read.or_else(|_| OffsetDateTime::parse(&with_colon(&iso), &Rfc3339));
        let instant = read.or_else(|_| OffsetDateTime::parse(&format!("{iso}Z"), &Rfc3339)).ok()?;
        let unix_us = i64::try_from(instant.unix_timestamp_nanos() / 1_000).ok()?;
        Some(Instant { unix_us })
    }

    /// Seconds with decimals, or milliseconds.
    pub(super) fn of_number(number: f64) -> Option<Instant> {
        let ms = if number.abs() >= MILLISECONDS_MIN { number } else { number * 1e3 };
        (number > 0.0 && ms < 1e14).then(|| Instant { unix_us: (ms * 1e3).round() as i64 })
    }

    /// So many seconds before; the same for what is no time.
    pub(super) fn before(self, seconds: f64) -> Instant {
        let us = if (0.0..1e7).contains(&seconds) { (seconds * 1e6).round() as i64 } else { 0 };
        Instant { unix_us: self.unix_us - us }
    }
}

/// A zone as `+0200`, in the way of ISO 8601.
fn with_colon(text: &str) -> String {
    let at = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}:{}", &text[..at], &text[at..])
}

/// `10/Oct/2026:13:55:36 -0700`, in seconds since 1970.
fn common(text: &str) -> Option<i64> {
    let (stamp, zone) = text.split_once(' ').unwrap_or((text, "+0000"));
    let (date, clock) = stamp.split_once(':')?;
    let mut date = date.split('/');
    let (day, month, year) = (date.next()?, date.next()?, date.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let mut clock = clock.split(':').map(|part| part.parse::<u8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let (sign, digits) = zone.split_at_checked(1)?;
    let (hours, minutes) = (digits.get(..2)?.parse::<i8>().ok()?, digits.get(2..4)?.parse::<i8>().ok()?);
    let sign = if sign == "-" { -1 } else { 1 };
    let offset = UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?;
    // A leap second is the last of its minute.
    Some(date.with_hms(hour, minute, second.min(59)).ok()?.assume_offset(offset).unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_the_same_however_it_is_written() {
        for text in [
            "10/Oct/2026:13:55:36 -0700",
            "2026-10-10T20:55:36Z",
            "2026-10-10T22:55:36.000+02:00",
            "2026-10-10T22:55:36+0200",
            "2026-10-10 20:55:36",
            "1791665736",
            "1791665736.000",
            "1791665736000",
        ] {
            assert_eq!(Instant::read(text), Some(Instant { unix_us: 1_791_665_736_000_000 }), "{text}");
        }
        for text in ["1791665736.012345", "1791665736012.345", "2026-10-10T20:55:36.012345Z"] {
            assert_eq!(Instant::read(text), Some(Instant { unix_us: 1_791_665_736_012_345 }), "{text}");
        }
        for none in [
            "",
            "-",
            "10/Okt/2026:13:55:36 -0700",
            "é",
            "10/Oct/2026:25:55:36 -0700",
            "10/Oct/2026:13:55:36 é0",
        ] {
            assert_eq!(Instant::read(none), None, "{none}");
        }
    }
}
