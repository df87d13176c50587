//! The dates of cookies, as loosely as they are written (RFC 6265, section 5.1.1).

use time::{Date, Month, Time};

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// Seconds since 1970 of a date; nothing where it is none.
pub(super) fn unix_seconds(text: &[u8]) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(|byte| is_delimiter(*byte)).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = time_of(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(token, 2, 4)
        {
            year = Some(found);
        }
    }
    let year = match year? {
        year @ 0..=69 => year + 2_000,
        year @ 70..=99 => year + 1_900,
        year => year,
    };
    if year < 1_601 {
        return None;
    }
    let date = Date::from_calendar_date(year as i32, month?, u8::try_from(day?).ok()?).ok()?;
    Some(date.with_time(time?).assume_utc().unix_timestamp())
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// The number that a token begins with, of so many digits at the least and at the most. What is no digit ends it.
fn number(token: &[u8], digits_min: usize, digits_max: usize) -> Option<u32> {
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_right = (digits_min..=digits_max).contains(&digits);
    is_right.then(|| token[..digits].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

fn month_of(token: &[u8]) -> Option<Month> {
    let letters = token.get(..3)?;
    let index = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(letters))?;
    Month::try_from(index as u8 + 1).ok()
}

fn time_of(token: &[u8]) -> Option<Time> {
    let mut parts = token.splitn(3, |byte| *byte == b':');
    let mut whole = || {
        let part = parts.next()?;
        number(part, 1, 2).filter(|_| part.len() <= 2)
    };
    let (hour, minute) = (whole()?, whole()?);
    let second = number(parts.next()?, 1, 2)?;
    Time::from_hms(hour as u8, minute as u8, second as u8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_in_each_of_the_forms_it_is_written_in() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "6 nov 1994 8:49:37",
            "08:49:37 06-November-1994",
        ] {
            assert_eq!(unix_seconds(text.as_bytes()), Some(784_111_777), "{text}");
        }
        assert_eq!(unix_seconds(b"Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "Sun, 06 Nov 1994",
            "31 Feb 2020 00:00:00",
            "6 Nov 1994 24:00:00",
            "6 Nov 1600 1:1:1",
        ] {
            assert_eq!(unix_seconds(text.as_bytes()), None, "{text}");
        }
    }
}
