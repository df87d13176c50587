//! What is wrong with a data file: the line, the cause, and what to do.

use std::fmt;

/// What is wrong with a data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongFeed {
    /// Where, from 1 on; nothing where it is of the file as a whole.
    pub line: Option<u64>,
    /// What is wrong, as a sentence.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

impl WrongFeed {
    pub(super) fn at(line: u64, problem: impl Into<String>, fix: impl Into<String>) -> WrongFeed {
        WrongFeed { line: Some(line), problem: problem.into(), fix: fix.into() }
    }

    pub(super) fn whole(problem: impl Into<String>, fix: impl Into<String>) -> WrongFeed {
        WrongFeed { line: None, problem: problem.into(), fix: fix.into() }
    }

    /// Where it is, given the name of the file.
    pub fn place(&self, file: &str) -> String {
        self.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
    }
}

impl fmt::Display for WrongFeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, "line {line}: ")?;
        }
        write!(formatter, "{}; {}", self.problem, self.fix)
    }
}

impl std::error::Error for WrongFeed {}
