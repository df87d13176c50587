//! `vajra-perf`: holds Vajra's promises about cost and fidelity against measurements.
//!
//! One subcommand for one question: [`peers`] (what does a request cost, beside the floor and wrk), [`drift`] (is an
//! open-loop rate exact over minutes), [`replay`] (does a log come again with its own gaps), [`telemetry`] (what does being heard cost), [`allocations`] (does the loop allocate). What each promise is stands in
//! [`budgets`]. It is no benchmark of wall-clock time: on a shared machine only counts and interleaved ratios are worth
//! a gate (micro-benchmarks to explore with are in `benches/`).
//!
//! Exit codes: 0 measured, and within budget where a budget was asked for; 1 beyond the budget; 2 could not measure.

#![deny(unsafe_code)]

mod against;
mod allocations;
mod baseline;
mod budgets;
mod builtin;
mod callgrind;
mod cases;
mod cores;
mod counter;
mod counters;
#[allow(unsafe_code, reason = "counts allocations; every block says why it is sound")]
mod counting;
mod drift;
mod drive;
mod driver;
mod floor;
mod gate;
mod gcannon;
mod grpcio;
mod h2load;
mod k6;
mod matrix;
mod nghttpd;
mod peers;
mod perf_stat;
mod plants;
mod power;
mod process;
mod prove;
mod race;
mod repeat;
mod replay;
mod report;
mod scenarios;
mod scratch;
mod stat;
mod statistics;
mod table;
mod target;
mod telemetry;
mod theory;
mod vajra;
mod witness;
mod wrk;

use budgets::Gate;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "vajra-perf", about = "Holds Vajra's promises about cost and fidelity against measurements")]
struct Arguments {
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand)]
enum Question {
    /// CPU time per request of vajra, the floor, wrk and gcannon, interleaved, against an nginx of our own
    Peers(peers::PeersOptions),
    /// Fidelity of an open-loop rate over a long run
    Drift(drift::DriftOptions),
    /// Whether an access log is repeated with its own gaps
    Replay(replay::ReplayOptions),
    /// What telemetry costs: CPU of shards and of its threads, slip, memory, each beside runs without it
    Telemetry(telemetry::TelemetryOptions),
    /// Allocations per request in the loop of a shard
    Allocs(allocations::AllocationsOptions),
    /// What every operation and every request of the real loop costs, in counts, beside their baselines
    Counters(counters::Saved),
    /// What a change must not make worse: the counters, and what CI can hold of the rest
    Gate(gate::GateOptions),
    /// Rates, service times and injected errors: whether the report says what the server was told to be
    Matrix(matrix::MatrixOptions),
    /// How often `vajra compare` finds a difference that is there, and one that is not
    Power(power::PowerOptions),
    /// Every budget, measured, in one table, which is written into README and docs
    Report(report::ReportOptions),
    /// What processor and kernel count per request, vajra and wrk side by side
    Stat(stat::StatOptions),
    /// That the gate catches planted regressions, and lets pass a change that changes nothing
    Prove(prove::ProveOptions),
    /// The floor alone: the least that a program on io_uring can do to fetch a URL so many times
    Floor(floor::FloorOptions),
    /// One operation, so many times: what `counters` runs under valgrind
    #[command(hide = true)]
    Operation(repeat::RepeatOptions),
    /// One case of the loop against a server: what `gate` runs pinned to a core
    #[command(hide = true)]
    Drive(driver::DriveOptions),
}

fn main() -> ExitCode {
    let measured = match Arguments::parse().question {
        Question::Peers(options) => peers::run(&options),
        Question::Drift(options) => drift::run(&options),
        Question::Replay(options) => replay::run(&options),
        Question::Telemetry(options) => telemetry::run(&options),
        Question::Allocs(options) => allocations::run(&options),
        Question::Counters(options) => counters::run(&options),
        Question::Gate(options) => gate::run(&options),
        Question::Matrix(options) => matrix::run(&options),
        Question::Power(options) => power::run(&options),
        Question::Report(options) => report::run(&options),
        Question::Stat(options) => stat::run(&options).map(|()| Gate::Passed),
        Question::Prove(options) => prove::run(&options),
        Question::Floor(options) => floor::run(&options).map(|()| Gate::Passed),
        Question::Operation(options) => repeat::run(&options).map(|()| Gate::Passed),
        Question::Drive(options) => driver::run(&options).map(|()| Gate::Passed),
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
