//! What a command shows and writes.

pub(crate) mod chart;
pub(crate) mod comparison_text;
pub(crate) mod files;
pub(crate) mod plain;
pub(crate) mod progress;
pub(crate) mod text;
