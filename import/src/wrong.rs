//! What is wrong with something that was to be imported: where, what, and what to do.

use std::fmt;

/// Why nothing could be made of an input. Shown as its cause, its place and its fix, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongImport {
    /// What cannot be.
    pub problem: String,
    /// Where it stands: a line, an option, a pointer into a document. Empty where it is the whole input.
    pub place: String,
    /// What to do.
    pub fix: String,
}

impl WrongImport {
    /// A problem of the whole input.
    pub fn new(problem: impl Into<String>, fix: impl Into<String>) -> WrongImport {
        WrongImport { problem: problem.into(), place: String::new(), fix: fix.into() }
    }

    /// The same, with its place.
    pub fn at(self, place: impl Into<String>) -> WrongImport {
        WrongImport { place: place.into(), ..self }
    }
}

impl fmt::Display for WrongImport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.problem)?;
        if !self.place.is_empty() {
            write!(formatter, "\n  --> {}", self.place)?;
        }
        write!(formatter, "\n  help: {}", self.fix)
    }
}

impl std::error::Error for WrongImport {}
