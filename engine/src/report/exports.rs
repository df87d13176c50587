//! What became of what was sent to collectors while a run went on.

use serde::{Deserialize, Serialize};

/// What one exporter sent, in points: those offered are those sent, rejected and dropped.
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
    /// Points that did not reach it, or may not have.
    pub dropped: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// Why some were rejected or dropped: what was said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
