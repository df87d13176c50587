//! `gate`: what a change must not make worse, held by what can be trusted on a shared machine: counts, and, where they
//! are asked for, ratios of interleaved runs.

use crate::Gate;
use crate::counters;
use clap::Args;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    counters: counters::Selection,
}

/// Counts, compares, and fails if anything is beyond its limit.
pub(crate) fn run(options: &Options) -> Result<Gate, String> {
    counters::compare(&options.counters)
}
