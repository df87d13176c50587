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
