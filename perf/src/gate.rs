//! `gate`: what a change must not make worse, held by what can be trusted on a shared machine. Counts, and, where they
//! are asked for, ratios of interleaved runs.

use crate::budgets::Gate;
use crate::{against, counters};
use clap::Args;

#[derive(Args)]
pub(crate) struct GateOptions {
    #[command(flatten)]
    counters: counters::Selection,
    #[command(flatten)]
    against: against::Rounds,
}

/// Counts, compares, and fails if anything is beyond its limit.
pub(crate) fn run(options: &GateOptions) -> Result<Gate, String> {
    let counted = counters::compare(&options.counters)?;
    let raced = against::run(&options.against)?;
    Ok(Gate::when(counted == Gate::Passed && raced == Gate::Passed))
}
