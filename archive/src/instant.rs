//! Instants: as the archive writes them, and in an order.

use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An instant as reports and manifests have it: RFC 3339, UTC.
pub fn in_words(instant: SystemTime) -> String {
    OffsetDateTime::from(instant).format(&Rfc3339).unwrap_or_else(|_| "unknown".into())
}

/// Nanoseconds since 1970 of an instant in RFC 3339; none of anything else.
pub fn unix_ns(text: &str) -> Option<i64> {
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(instant.unix_timestamp_nanos()).ok()
}

/// The same of an instant of the system's clock; of one too far away to be counted, the nearest there is.
pub(crate) fn unix_ns_of(instant: SystemTime) -> i64 {
    match instant.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_instant_too_far_away_stays_on_its_side_of_time() {
        let day = Duration::from_secs(86_400);
        for days in [1, 100_000, 200_000, 10_000_000] {
            let ns = (day * days).as_nanos();
            let before = i64::try_from(ns).map_or(i64::MIN, |ns| -ns);
            assert_eq!(unix_ns_of(SystemTime::UNIX_EPOCH - day * days), before, "{days}");
            assert_eq!(
                unix_ns_of(SystemTime::UNIX_EPOCH + day * days),
                i64::try_from(ns).unwrap_or(i64::MAX)
            );
        }
        assert_eq!(
            unix_ns(&in_words(SystemTime::UNIX_EPOCH + day)),
            Some(unix_ns_of(SystemTime::UNIX_EPOCH + day))
        );
    }
}
