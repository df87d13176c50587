//! What an import gives: a plan, and what has to be known about it.

/// A plan that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The plan, as TOML.
    pub plan: String,
    /// What was left out or guessed, and what to do before a run; a sentence or two each.
    pub notes: Vec<String>,
}
