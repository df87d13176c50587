//! What is promised, in numbers: section 9 of the design, for the gates of this package. No measuring here.

/// CPU time per request against wrk's, closed loop, bodies of a few bytes.
pub(crate) const CPU_SHARE_SMALL_MAX: f64 = 0.80;
/// The same, bodies of 64 KiB.
pub(crate) const CPU_SHARE_64K_MAX: f64 = 0.55;
/// The same, bodies of 1 MiB.
pub(crate) const CPU_SHARE_1M_MAX: f64 = 0.25;

/// How far the achieved rate may be from the one asked for, as a share of it.
pub(crate) const RATE_ERROR_MAX: f64 = 0.0001;
/// Sent − intended at 10,000/s on one spinning shard, outside detected stalls.
pub(crate) const SLIP_P50_NS_MAX: u64 = 1_000;
/// The same, 99th percentile.
pub(crate) const SLIP_P99_NS_MAX: u64 = 20_000;

/// Allocations of a run on a shard's thread, once its connections are made and warm.
pub(crate) const ALLOCATIONS: u64 = 0;
