//! `vajra-perf`: holds Vajra's promises about cost and fidelity against measurements.
//!
//! One subcommand for one question: [`peers`] (what does a request cost, against wrk, side by side), [`drift`] (is an
//! open-loop rate exact over minutes), [`allocations`] (does the loop allocate). What each promise is stands in
//! [`budgets`]. It is no benchmark of wall-clock time: on a shared machine only counts and interleaved ratios are worth
//! a gate (micro-benchmarks to explore with are in `benches/`).
//!
//! Exit codes: 0 measured, and within budget where a budget was asked for; 1 beyond the budget; 2 could not measure.

#![deny(unsafe_code)]

mod allocations;
mod budgets;
#[allow(unsafe_code, reason = "counts allocations; every block says why it is sound")]
mod counting;
mod drift;
mod drive;
mod peers;
mod process;
mod statistics;
mod target;
mod vajra;
mod wrk;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "vajra-perf", about = "Holds Vajra's promises about cost and fidelity against measurements")]
struct Arguments {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// CPU time per request of vajra and wrk, interleaved, against an nginx of our own
    Peers(peers::Options),
    /// Fidelity of an open-loop rate over a long run
    Drift(drift::Options),
    /// Allocations per request in the loop of a shard
    Allocs(allocations::Options),
}

/// Whether what was measured is what was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Passed,
    Failed,
}

impl Gate {
    fn when(is_passed: bool) -> Gate {
        if is_passed { Gate::Passed } else { Gate::Failed }
    }

    fn word(self) -> &'static str {
        match self {
            Gate::Passed => "pass",
            Gate::Failed => "FAIL",
        }
    }
}

fn main() -> ExitCode {
    let measured = match Arguments::parse().scenario {
        Scenario::Peers(options) => peers::run(&options),
        Scenario::Drift(options) => drift::run(&options),
        Scenario::Allocs(options) => allocations::run(&options),
    };
    match measured {
        Ok(Gate::Passed) => ExitCode::SUCCESS,
        Ok(Gate::Failed) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("vajra-perf: {problem}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
