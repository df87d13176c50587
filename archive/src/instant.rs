//! Instants: as the archive writes them, and in an order.

use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An instant as reports and manifests have it: RFC 3339, UTC.
pub fn in_words(instant: SystemTime) -> String {
    OffsetDateTime::from(instant).format(&Rfc3339).unwrap_or_else(|_| "unknown".into())
}

/// Nanoseconds since 1970 of an instant in RFC 3339; none of anything else.
pub(crate) fn unix_ns(text: &str) -> Option<i64> {
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(instant.unix_timestamp_nanos()).ok()
}

/// The same of an instant of the system's clock.
pub(crate) fn unix_ns_of(instant: SystemTime) -> i64 {
    i64::try_from(OffsetDateTime::from(instant).unix_timestamp_nanos()).unwrap_or(i64::MAX)
}
