//! What a command works on: plans, and runs made before.

mod call_flags;
pub(crate) mod calls;
mod connection_flags;
pub(crate) mod diagnose;
pub(crate) mod document;
pub(crate) mod flags;
pub(crate) mod load;
pub(crate) mod store;
pub(crate) mod target_word;
pub(crate) mod telemetry_flags;
pub(crate) mod typed;
