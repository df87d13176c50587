//! Exit codes. Scripts rely on them; `docs/` and the help text list them.

use crate::output::messages::tell_error;
use engine::failure::{FailureKind, RunFailure};
use engine::outcome::Fault;
use std::process::ExitCode;

/// The run went wrong, or not one request succeeded.
pub(crate) const RUNTIME: u8 = 1;
/// The command line or the plan is wrong.
pub(crate) const USAGE: u8 = 2;
/// The run is INVALID: its numbers must not be used.
pub(crate) const INVALID: u8 = 3;
/// Preflight refused.
pub(crate) const PREFLIGHT: u8 = 4;
/// A regression against the baseline.
pub(crate) const REGRESSION: u8 = 98;
/// A threshold was breached, or the target did not do what was asked of it.
pub(crate) const THRESHOLD: u8 = 99;
/// Ended by a signal: this plus its number.
pub(crate) const SIGNAL: u8 = 128;

/// Why a command did not do what it was for, and the code that says so.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
    /// It begins with `error:` already.
    is_rendered: bool,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), is_rendered: false }
    }

    /// Something went wrong while running.
    pub(crate) fn runtime(message: impl Into<String>) -> Failure {
        Failure::new(RUNTIME, message)
    }

    /// What the command line or the plan has wrong, with place and help: already told as a mistake is.
    pub(crate) fn rendered(message: String) -> Failure {
        Failure { code: USAGE, message, is_rendered: true }
    }

    /// Says it on standard error, and gives the code to end with.
    pub(crate) fn tell(self) -> ExitCode {
        if self.is_rendered {
            eprintln!("{}", self.message.trim_end());
        } else {
            tell_error(&self.message);
        }
        ExitCode::from(self.code)
    }
}

impl From<RunFailure> for Failure {
    fn from(failure: RunFailure) -> Failure {
        if let (FailureKind::Setup, Some(fix)) = (failure.kind, &failure.fix) {
            return Failure::new(PREFLIGHT, format!("{}\n  help: {fix}", failure.text));
        }
        let code = match failure.fault {
            _ if failure.kind == FailureKind::Setup => PREFLIGHT,
            Fault::Operator => USAGE,
            Fault::Generator | Fault::Target => RUNTIME,
        };
        Failure::new(code, failure.to_string())
    }
}
