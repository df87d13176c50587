//! What a check found: how it went, in words, and what to do about it.

/// What a check of one request is called.
pub const REQUEST: &str = "request";

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Pass,
    /// Not looked at.
    Skip,
    /// The run can go on, and may be worse for it.
    Warn,
    /// The run cannot be what was asked for.
    Fail,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it went.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// What to do about it; empty when nothing has to be done.
    pub fix: String,
    /// Whether what failed is what the target does, such as refusing connections or not answering. What fails on this machine,
    /// or on the way, says nothing of it.
    pub is_of_target: bool,
}

impl Check {
    pub(super) fn pass(name: &'static str, found: impl Into<String>) -> Check {
        Check::new(name, Grade::Pass, found, "")
    }

    pub(super) fn warn(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, Grade::Warn, found, fix)
    }

    pub(super) fn fail(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, Grade::Fail, found, fix)
    }

    /// What the target does, and should not.
    pub(super) fn fail_of_target(
        name: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Check {
        Check { is_of_target: true, ..Check::fail(name, found, fix) }
    }

    pub(super) fn new(
        name: &'static str,
        grade: Grade,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Check {
        Check { name, grade, found: found.into(), fix: fix.into(), is_of_target: false }
    }
}
