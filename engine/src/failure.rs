//! Why a run could not be carried out: in words for people, and in kinds for programs.

use crate::outcome::Fault;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What stood in the way of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A name has no address.
    Name,
    /// There are fewer cores than shards.
    Cores,
    /// io_uring could not be set up, or refused a call.
    Ring,
    /// A thread could not be started.
    Thread,
    /// A thread panicked.
    Panic,
    /// A shard did not get ready in time.
    Unready,
    /// An address cannot be listened on.
    Listen,
    /// A file or another program cannot be used.
    System,
    /// The plan cannot be carried out as it is.
    Plan,
    /// It was stopped before it was done.
    Stopped,
    /// Not one request succeeded.
    Unanswered,
    /// What is to be done before the start cannot be done.
    Setup,
}

/// Why a run, or a part of one, could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFailure {
    /// Who has to act.
    pub fault: Fault,
    /// What stood in the way.
    pub kind: FailureKind,
    /// What happened, for people.
    pub text: String,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl FailureKind {
    /// Whose doing it is.
    pub fn fault(self) -> Fault {
        use FailureKind::*;
        match self {
            Cores | Plan | Stopped => Fault::Operator,
            Name | Ring | Thread | Panic | Unready | Listen | System => Fault::Generator,
            Unanswered | Setup => Fault::Target,
        }
    }

    /// A failure of this kind.
    pub fn failure(self, text: impl Into<String>) -> RunFailure {
        RunFailure { fault: self.fault(), kind: self, text: text.into(), fix: None }
    }

    /// A failure of this kind, and what to do about it.
    pub fn with_fix(self, text: impl Into<String>, fix: impl Into<String>) -> RunFailure {
        RunFailure { fix: Some(fix.into()), ..self.failure(text) }
    }
}

impl fmt::Display for RunFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)?;
        self.fix.as_ref().map_or(Ok(()), |fix| write!(formatter, "; {fix}"))
    }
}

impl std::error::Error for RunFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_happened_and_what_to_do() {
        let bare = FailureKind::Thread.failure("no thread for the collector");
        assert_eq!(
            (bare.to_string().as_str(), bare.fault),
            ("no thread for the collector", Fault::Generator)
        );
        let fixed = FailureKind::Cores.with_fix("2 shards and 1 core", "ask for fewer");
        assert_eq!(fixed.to_string(), "2 shards and 1 core; ask for fewer");
        let json = serde_json::to_string(&fixed).unwrap();
        assert_eq!(serde_json::from_str::<RunFailure>(&json).unwrap(), fixed);
    }
}
