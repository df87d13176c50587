//! What can be in the way of a comparison, in kinds and in words.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of obstacle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// A report of another version, whose keys may mean something else.
    Schema,
    /// A run that is INVALID.
    Invalid,
    /// Plans that differ in ways that matter.
    Plan,
    /// Machines or programs that differ.
    Environment,
    /// A closed loop against an open one.
    Loop,
    /// A window with fewer than [`SLICES_MIN`](super::refusal::SLICES_MIN) slices.
    Slices,
    /// Runs that cannot be paired as asked.
    Pairs,
    /// A run whose load was lowered, because its target did not keep up.
    Withheld,
    /// A report without a history, or with one that cannot be read.
    History,
    /// A run in which not one request succeeded.
    Completed,
}

impl Obstacle {
    /// Every kind, in the order of the enum.
    pub const ALL: [Obstacle; 10] = [
        Obstacle::Schema,
        Obstacle::Invalid,
        Obstacle::Plan,
        Obstacle::Environment,
        Obstacle::Loop,
        Obstacle::Slices,
        Obstacle::Pairs,
        Obstacle::Withheld,
        Obstacle::History,
        Obstacle::Completed,
    ];

    /// The word it is allowed by.
    pub fn name(self) -> &'static str {
        match self {
            Obstacle::Schema => "schema",
            Obstacle::Invalid => "invalid",
            Obstacle::Plan => "plan",
            Obstacle::Environment => "environment",
            Obstacle::Loop => "loop",
            Obstacle::Slices => "slices",
            Obstacle::Pairs => "pairs",
            Obstacle::Withheld => "withheld",
            Obstacle::History => "history",
            Obstacle::Completed => "completed",
        }
    }

    /// False for obstacles that leave nothing to compare, or nothing that means the same.
    pub fn can_be_allowed(self) -> bool {
        !matches!(self, Obstacle::Schema | Obstacle::History | Obstacle::Completed)
    }

    /// Reads the word of an obstacle that can be allowed. Errors name those that can.
    pub fn parse(word: &str) -> Result<Obstacle, NotAllowable> {
        let found = Obstacle::allowable().find(|obstacle| obstacle.name() == word);
        found.ok_or_else(|| NotAllowable(word.to_owned()))
    }

    fn allowable() -> impl Iterator<Item = Obstacle> {
        Obstacle::ALL.into_iter().filter(|obstacle| obstacle.can_be_allowed())
    }
}

/// The word of no obstacle that can be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAllowable(String);

impl fmt::Display for NotAllowable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Obstacle::allowable().map(Obstacle::name).collect();
        let guess = crate::config::closest(&self.0, &names)
            .map_or(String::new(), |guess| format!("did you mean `{guess}`? "));
        write!(formatter, "`{}` cannot be allowed; {guess}there are {}", self.0, names.join(", "))
    }
}

impl std::error::Error for NotAllowable {}

/// One obstacle that was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// Its kind.
    pub obstacle: Obstacle,
    /// What is in the way, for people.
    pub text: String,
    /// What to do about it.
    pub fix: String,
}

impl Objection {
    pub(super) fn new(obstacle: Obstacle, text: String, fix: &str) -> Objection {
        Objection { obstacle, text, fix: fix.to_owned() }
    }
}

/// Everything that is in the way of a comparison; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// In the order in which they should be looked at.
    pub objections: Vec<Objection>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines =
            self.objections.iter().map(|Objection { obstacle, text, fix }| match obstacle.can_be_allowed() {
                true => format!("{text}; {fix}, or allow `{}`", obstacle.name()),
                false => format!("{text}; {fix}"),
            });
        formatter.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Refusal {}
