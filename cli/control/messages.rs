//! What passes between `vajra control` and a run: a line of JSON each way.

use engine::revision::Revision;
use serde::{Deserialize, Serialize};

/// The longest line that is read, bytes.
pub(crate) const LINE_BYTES_MAX: usize = 64 << 10;

/// What is asked of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Ask {
    /// One rate from now on.
    Rate {
        /// Whose; it may be left out where there is one scenario.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scenario: Option<String>,
        /// As plans write rates: `2k`, `600/m`.
        rate: String,
    },
    /// One number of users from now on.
    Users {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scenario: Option<String>,
        users: u64,
    },
    /// So many times what the plan says.
    Scale {
        /// All that have a load, where none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scenario: Option<String>,
        factor: f64,
    },
    /// So many times the think times of the plan.
    Think {
        /// All that have some, where none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scenario: Option<String>,
        factor: f64,
    },
    /// Nothing, until it is resumed.
    Pause {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scenario: Option<String>,
    },
    /// What it was before the pause.
    Resume {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scenario: Option<String>,
    },
    /// The plan's file is read again.
    Reload,
    /// As the first Ctrl-C does.
    Stop,
    /// How the run fares.
    Status,
}

/// What comes of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ControlAnswer {
    /// Whether it was done.
    pub(crate) ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    /// What to do instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
    /// What has changed by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) revisions: Vec<Revision>,
    /// How the run fares, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<RunStatus>,
}

/// How a run fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunStatus {
    pub(crate) run_id: String,
    /// The process that runs it.
    pub(crate) pid: u32,
    /// Seconds since sending began; `null` before that.
    pub(crate) elapsed_s: Option<f64>,
    /// When it ends, in seconds from then.
    pub(crate) ends_s: f64,
    pub(crate) scenarios: Vec<ScenarioStatus>,
}

/// How one scenario fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScenarioStatus {
    pub(crate) name: String,
    /// What its load is now, in words.
    pub(crate) load: String,
    /// What its think times are now, in words, where they have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thinks: Option<String>,
    /// Arrivals per second that its schedule asks for at this moment; `null` without a schedule.
    pub(crate) target: Option<f64>,
    /// Arrivals per second that began in the last interval.
    pub(crate) achieved: Option<f64>,
    /// Requests that have ended well so far, and those that failed.
    pub(crate) ok: u64,
    pub(crate) failed: u64,
}

/// Why a change is not made, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusedChange {
    pub(crate) problem: String,
    pub(crate) fix: String,
}

impl RefusedChange {
    pub(crate) fn new(problem: impl Into<String>, fix: impl Into<String>) -> RefusedChange {
        RefusedChange { problem: problem.into(), fix: fix.into() }
    }
}

impl ControlAnswer {
    /// It was done, and this has changed.
    pub(crate) fn done(revisions: Vec<Revision>) -> ControlAnswer {
        ControlAnswer { ok: true, revisions, ..ControlAnswer::default() }
    }

    /// It was not.
    pub(crate) fn refused(refused: RefusedChange) -> ControlAnswer {
        ControlAnswer { problem: Some(refused.problem), fix: Some(refused.fix), ..ControlAnswer::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_to_be_done() {
        let read = |line: &str| serde_json::from_str::<Ask>(line);
        let rate = Ask::Rate { scenario: Some("read".into()), rate: "12k".into() };
        assert_eq!(read(r#"{"do":"rate","scenario":"read","rate":"12k"}"#).unwrap(), rate);
        assert_eq!(read(r#"{"do":"status"}"#).unwrap(), Ask::Status);
        assert_eq!(serde_json::to_string(&Ask::Pause { scenario: None }).unwrap(), r#"{"do":"pause"}"#);
        assert!(read(r#"{"do":"rate","speed":"12k"}"#).is_err() && read(r#"{"do":"explode"}"#).is_err());
    }
}
