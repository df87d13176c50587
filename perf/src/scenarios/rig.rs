//! What a scenario has to work with, and what it gives: figures, each for one budget.

use crate::vajra::Vajra;

/// What a scenario has to work with.
pub(crate) struct Rig {
    pub(crate) vajra: Vajra,
    pub(crate) length: Length,
}

/// How thorough to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Length {
    /// As the budgets are meant
    Full,
    /// To see that everything works, and roughly where it stands
    Short,
}

impl Length {
    /// One of two numbers.
    pub(super) fn pick<T>(self, full: T, short: T) -> T {
        if self == Length::Full { full } else { short }
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BudgetFigure {
    /// The budget's name.
    pub(crate) name: &'static str,
    /// `None` when it could not be measured, which the note explains.
    pub(crate) value: Option<f64>,
    /// How it came about.
    pub(crate) note: String,
}

impl BudgetFigure {
    pub(super) fn new(name: &'static str, value: f64, note: impl Into<String>) -> BudgetFigure {
        BudgetFigure { name, value: Some(value), note: note.into() }
    }

    pub(super) fn absent(name: &'static str, note: impl Into<String>) -> BudgetFigure {
        BudgetFigure { name, value: None, note: note.into() }
    }
}
