//! What the machine refuses in several places, each in the same words.

use engine::failure::{FailureKind, RunFailure};
use std::fmt::Display;
use std::io;

/// A ring cannot be had.
pub(crate) fn no_ring(error: io::Error) -> RunFailure {
    FailureKind::Ring.failure(format!("io_uring cannot be set up: {error}"))
}

/// The kernel refused to take submissions, or to wait.
pub(crate) fn enter_failed(error: io::Error) -> RunFailure {
    FailureKind::Ring.failure(format!("io_uring_enter failed: {error}"))
}

/// A thread cannot be had. `what` is who should have run on it.
pub(crate) fn no_thread(what: impl Display, error: impl Display) -> RunFailure {
    FailureKind::Thread.failure(format!("no thread for {what}: {error}"))
}

/// A thread panicked.
pub(crate) fn died(what: &str) -> RunFailure {
    FailureKind::Panic.failure(format!("{what} died"))
}

/// Whoever asked for it said that it is to end.
pub(crate) fn stopped() -> RunFailure {
    FailureKind::Stopped.failure("stopped")
}
