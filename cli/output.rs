//! What is printed and written. [`screen`], [`layout`], [`table`] and [`figures`] decide how anything looks; the rest decides what is said.

pub(crate) mod archive_text;
pub(crate) mod calibration_text;
pub(crate) mod chart;
mod checks_text;
pub(crate) mod comparison_text;
pub(crate) mod destination;
pub(crate) mod figures;
pub(crate) mod files;
mod flows_text;
#[cfg(test)]
pub(crate) mod golden;
mod iteration_series;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod layout;
pub(crate) mod messages;
pub(crate) mod offered_now;
pub(crate) mod plain;
pub(crate) mod progress;
pub(crate) mod screen;
pub(crate) mod spool_text;
pub(crate) mod stdout;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod timeseries;
