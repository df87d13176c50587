//! A mistake in a plan: where it is, what it is, and what to do about it.

use crate::quantity::Unreadable;
use std::ops::Range;

/// The layer a value came from, if not the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A command-line flag, as typed.
    Flag(String),
    /// An environment variable.
    Environment(String),
}

/// Something wrong with a plan: which key, what about it, and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// The key, such as `run.connections` or `request.1.path`. Empty: the plan as a whole.
    pub path: String,
    /// What is wrong, as a sentence.
    pub problem: String,
    /// What to do about it, in words. What is to be written instead may come before it.
    pub fix: String,
    /// What to write instead: keys beside the one that is wrong, with their values. Without a key: the value alone.
    pub instead: Vec<(String, toml::Value)>,
    /// Which part of what is at the key is wrong.
    pub spot: Spot,
}

/// Which part of what is at a key is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    /// The value.
    Value,
    /// The key itself.
    Key,
    /// The part of the value that reads so.
    Within(String),
    /// These bytes of the file, whatever key they belong to.
    Span(Range<usize>),
    /// A flag or a variable that never became a key.
    Origin(Origin),
}

/// Where a mistake is, for showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the plan file, at these bytes.
    File(Range<usize>),
    /// In a flag or a variable.
    Origin(Origin),
    /// Nowhere in particular: something is missing, or a default is involved.
    Nowhere,
}

impl Diagnostic {
    /// A mistake at a key.
    pub fn at(path: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> Diagnostic {
        Diagnostic {
            path: path.into(),
            problem: problem.into(),
            fix: fix.into(),
            instead: Vec::new(),
            spot: Spot::Value,
        }
    }

    /// A mistake in a flag that never became a key.
    pub fn of_flag(
        flag: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::at("", problem, fix).spotted(Spot::Origin(Origin::Flag(flag.into())))
    }

    /// A quantity that cannot be read.
    pub(crate) fn unreadable(path: impl Into<String>, cause: Unreadable) -> Diagnostic {
        let wrong = Diagnostic::at(path, cause.problem, "");
        match cause.instead {
            Some(instead) => wrong.with_value(instead),
            None => Diagnostic { fix: "or the like".to_owned(), ..wrong.with_value(cause.example) },
        }
    }

    /// The same, which part of it known.
    pub fn spotted(mut self, spot: Spot) -> Diagnostic {
        self.spot = spot;
        self
    }

    /// The same, with a value to be written in place of the wrong one.
    pub fn with_value(self, value: impl Into<toml::Value>) -> Diagnostic {
        let key = self.path.rsplit('.').next().unwrap_or_default();
        // An element of a list has no key of its own.
        let key = if key.bytes().all(|byte| byte.is_ascii_digit()) { "" } else { key };
        let key = key.to_owned();
        self.with_values([(key, value.into())])
    }

    /// The same, with keys and values to be written in place of the wrong one.
    pub fn with_values(
        mut self,
        values: impl IntoIterator<Item = (impl Into<String>, toml::Value)>,
    ) -> Diagnostic {
        self.instead = values.into_iter().map(|(key, value)| (key.into(), value)).collect();
        self
    }
}
