//! What became of what was sent to collectors while a run went on.

use crate::breaker::BreakerCounts;
use serde::{Deserialize, Serialize};

/// What one exporter sent, in points: those offered are those sent, rejected, spooled and dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportReport {
    /// Where it was sent, without anything that may be a secret.
    pub to: String,
    /// What was sent: `metrics`.
    pub signal: String,
    /// Points that there were to send.
    pub offered: u64,
    /// Points that the collector took.
    pub sent: u64,
    /// Points that it rejected.
    pub rejected: u64,
    /// Points that wait on disk, and can be sent another time.
    #[serde(default)]
    pub spooled: u64,
    /// Points that did not reach it and are lost, or may not have reached it.
    pub dropped: u64,
    /// Points of requests with counts of a stretch of time that were sent again, or are to be, although the collector may have taken
    /// them: whoever adds them up may count them twice.
    #[serde(default, skip_serializing_if = "is_none")]
    pub ambiguous: u64,
    /// Points of earlier runs that went from the spool: they were too old, or these had to have room there.
    #[serde(default, skip_serializing_if = "is_none")]
    pub evicted: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// What the circuit breaker before the collector did.
    #[serde(default, skip_serializing_if = "BreakerCounts::is_nothing")]
    pub breaker: BreakerCounts,
    /// Why some were rejected, spooled or dropped, the last of them; nothing where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}
