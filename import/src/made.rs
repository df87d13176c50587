//! What an import gives: a plan, the data files that it needs, and what has to be known about it.

/// A plan that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The plan, as TOML.
    pub plan: String,
    /// What was left out or guessed, and what to do before a run; a sentence or two each.
    pub notes: Vec<String>,
    /// Data files that have to be written beside it.
    pub files: Vec<MadeFile>,
}

/// A data file that has to be written beside a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeFile {
    /// Its path, as the plan has it.
    pub path: String,
    /// What is in it.
    pub text: String,
}
