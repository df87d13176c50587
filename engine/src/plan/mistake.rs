//! What is wrong with a part of a plan, wherever that was typed: the cause, and what to do.

/// What is wrong. Whoever finds it says at which key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) problem: String,
    pub(super) fix: String,
}

impl Mistake {
    pub(super) fn new(problem: impl Into<String>, fix: impl Into<String>) -> Mistake {
        Mistake { problem: problem.into(), fix: fix.into() }
    }
}
