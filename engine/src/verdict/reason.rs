//! What the verdict says: its word, and each rule that was broken, with whose doing it was.

use serde::{Deserialize, Serialize};

/// The verdict's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The generator did what was asked; the numbers are the target's.
    #[default]
    Valid,
    /// The generator or the machine disturbed the numbers; read them with the reasons.
    Degraded,
    /// The numbers must not be used.
    Invalid,
}

impl Status {
    /// The word, as reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Valid => "VALID",
            Status::Degraded => "DEGRADED",
            Status::Invalid => "INVALID",
        }
    }
}

/// Whose doing it is that a rule was broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Vajra's: it had more to do than it could.
    #[default]
    Generator,
    /// The machine's: another process, the hypervisor, a quota or the clock was in the way.
    Machine,
    /// The target's: it let the generator wait, or did not let it connect.
    Target,
    /// The operator's: what was asked for cannot give the numbers that are wanted.
    Operator,
}

impl Cause {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Generator => "generator",
            Cause::Machine => "machine",
            Cause::Target => "target",
            Cause::Operator => "operator",
        }
    }
}

/// The names of the rules, as reports have them.
#[allow(missing_docs, reason = "docs/REPORT.md says what each means")]
pub mod rule {
    pub const RATE_SHORTFALL: &str = "rate_shortfall";
    pub const UNSENT: &str = "unsent";
    pub const WITHHELD: &str = "withheld";
    pub const GENERATOR_LAG_P50: &str = "generator_lag_p50";
    pub const GENERATOR_LAG_P99: &str = "generator_lag_p99";
    pub const LOST_CORE: &str = "lost_core";
    pub const HICCUPS: &str = "hiccups";
    pub const SHARD_BUSY: &str = "shard_busy";
    pub const GENERATOR_BOUND: &str = "generator_bound";
    pub const GENERATOR_QUEUE: &str = "generator_queue";
    pub const NEAR_CAPACITY: &str = "near_capacity";
    pub const STEAL: &str = "steal";
    pub const CGROUP_THROTTLED: &str = "cgroup_throttled";
    pub const CLOCK_STEP: &str = "clock_step";
    pub const CLOCK_DRIFT: &str = "clock_drift";
    pub const CQ_OVERFLOW: &str = "cq_overflow";
    pub const BUFFERS_STARVED: &str = "buffers_starved";
    pub const DROPPED_DATAGRAMS: &str = "dropped_datagrams";
    pub const STARVED_ROWS: &str = "starved_rows";
    pub const CONNECTIONS_SHORT: &str = "connections_short";
    pub const CONNECTIONS_REFUSED: &str = "connections_refused";
    pub const GENERATOR_ERRORS: &str = "generator_errors";
    pub const LOST_TELEMETRY: &str = "lost_telemetry";
    pub const UNACCOUNTED: &str = "unaccounted";
    pub const UNSTEADY: &str = "unsteady";
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's name.
    pub rule: String,
    /// Whose doing it is. Reports of versions before 0.2 do not say; their rules were all held against the generator.
    #[serde(default)]
    pub cause: Cause,
    /// How bad it is.
    pub status: Status,
    /// The limit that was passed.
    pub limit: f64,
    /// What was measured, in the unit of the limit.
    pub measured: f64,
    /// The same for people, with what to do.
    pub text: String,
    /// The scenario it is about, where there are several and it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
}
