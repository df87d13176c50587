//! The limits of every plan, with their relations.

use crate::quantity::MILLISECOND_NS;

/// The most connections a plan may ask for, over all shards and pools: more than one machine has ports for.
pub const CONNECTIONS_MAX: u32 = 1_000_000;
/// The most shards: cores of the largest machines.
pub const SHARDS_MAX: u32 = 1_024;
/// The deepest pipeline. Deeper ones only fill socket buffers.
pub const PIPELINE_MAX: u32 = 1_024;
/// The largest window of HTTP/2 (RFC 9113, section 6.9.1).
pub(super) const WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;
/// The window that a target is given where nothing is said: responses then never wait for it.
pub(super) const WINDOW_BYTES_DEFAULT: u32 = 1 << 30;
/// The largest table of header fields that a target may have, and the one it has where nothing is said (RFC 9113, section 6.5.2).
pub(super) const HEADER_TABLE_BYTES_MAX: u32 = 64 << 10;
pub(super) const HEADER_TABLE_BYTES_DEFAULT: u32 = 4 << 10;
/// The shortest time between two pings on a connection of WebSocket: they are looked at a few connections at a time.
pub(super) const PING_NS_MIN: u64 = 100 * MILLISECOND_NS;
/// The longest delimiter of a stream of bytes.
pub(super) const DELIMITER_BYTES_MAX: usize = 256;
/// The longest response of a stream of bytes that ends by a delimiter, by its length or after some bytes. More is a sign that it ends
/// by something else.
pub const STREAM_RESPONSE_BYTES_MAX: u64 = 16 << 20;
/// The most scenarios, and the most targets.
pub const SCENARIOS_MAX: usize = 64;
/// The most data files.
pub(super) const FEEDS_MAX: usize = 64;
/// The most request templates of one scenario.
pub const REQUESTS_MAX: usize = 64;
/// The most request templates of all scenarios: each has histograms of its own on every shard.
pub const SERIES_MAX: usize = 256;
/// The most items of a flow, those of flows it runs included each time they are run.
pub(super) const ITEMS_MAX: usize = 4_096;
/// How deep flows may run each other.
pub(super) const FLOW_DEPTH_MAX: usize = 8;
/// How often something may be done again in one iteration, and all that is repeated within each other together.
pub(super) const REPEAT_MAX: u32 = 10_000;
pub(super) const REPEATS_MAX: u64 = 1_000_000;
/// The most bytes of requests that one connection can have under way.
pub const REQUEST_BYTES_MAX: usize = 16 << 20;
/// The most messages that a streaming call sends.
pub(crate) const MESSAGES_MAX: u32 = 100_000;
/// The shortest time from one message of a call to the next.
pub(super) const MESSAGE_PERIOD_NS_MIN: u64 = MILLISECOND_NS;
/// The shortest time from one refresh of the setup's values to the next.
pub(super) const REFRESH_NS_MIN: u64 = 100 * MILLISECOND_NS;
/// The shortest interval of the time series; shorter ones would cost more than they show.
pub const INTERVAL_NS_MIN: u64 = 100 * MILLISECOND_NS;
/// The shortest slice: handing over costs a shard some tens of microseconds.
pub const SLICE_NS_MIN: u64 = 100 * MILLISECOND_NS;
/// Slices that a measured window should have: enough for confidence intervals that know of autocorrelation.
pub const SLICES_WANTED: u64 = 100;
const _: () = assert!(SHARDS_MAX <= CONNECTIONS_MAX, "every shard can have a connection");
const _: () = assert!(CONNECTIONS_MAX.checked_mul(PIPELINE_MAX).is_some(), "a flight's number fits");
const _: () = assert!(SLICE_NS_MIN <= INTERVAL_NS_MIN, "an interval is made of slices");
const _: () = assert!(REQUESTS_MAX <= SERIES_MAX, "one scenario may have as many requests as it likes");

/// Of a run whose warm-up ends by itself, this part (1/n) is warm-up at the most.
const WARMUP_PART: u64 = 2;

/// Where a warm-up that ends by itself ends at the latest, in a run of this length.
pub(super) fn longest_warmup_ns(length_ns: u64) -> u64 {
    length_ns / WARMUP_PART / SLICE_NS_MIN * SLICE_NS_MIN
}
