//! What a target of HTTP/2 says of itself in its first frame, beside what is asked of it.

use super::check::Check;
use crate::protocol::http2::Http2;
use engine::quantity::counted;

const HTTP2: &str = "http/2";
/// Above so many streams nobody counts: a target without a limit of its own says nothing, or the largest number there is.
const UNLIMITED: u32 = 1 << 30;

/// The settings of a target, on each of whose connections so many requests are to be under way.
pub(super) fn check(connection: &Http2, streams: u32) -> Check {
    let settings = connection.peer_settings();
    let taken = match settings.streams_max {
        UNLIMITED.. => "as many streams as are asked for".to_owned(),
        streams => counted(streams.into(), "stream"),
    };
    let found = format!(
        "{taken} at a time, windows of {}, {} for header fields, frames of {}",
        counted(settings.window_bytes.into(), "byte"),
        counted(settings.header_table_bytes.into(), "byte"),
        counted(settings.frame_bytes_max as u64, "byte"),
    );
    if settings.streams_max >= streams {
        return Check::pass(HTTP2, found);
    }
    let fix = format!("{streams} are asked for: ask for fewer (--streams), or for more connections (-c)");
    Check::warn(HTTP2, found, fix)
}
