//! `matrix`: rates × service times × injected errors, and whether the report says what the server was told to be.
//!
//! The testbed runs in a process of its own on one core, vajra on another; every cell is one run. The rules:
//!
//! - every arrival of the schedule is accounted for, and the achieved rate is within 0.1 % of the one asked for;
//! - as many requests failed as were drawn, within four standard deviations of the binomial distribution; none where none
//!   were asked for;
//! - the median and the 99th percentile of response time are those of the service time: above the lower bound of what so many
//!   draws can show, and below the upper bound by no more than what the way there and back may take.
//!
//! Counts have one attempt. Times have three, because another tenant of the machine can delay anything; a cell whose runs were
//! all disturbed fails.

use crate::budgets::Gate;
use crate::builtin::Builtin;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::process::shown;
use crate::table::Table;
use crate::theory::{ServiceLaw, binomial_bounds};
use crate::vajra::{self, Vajra};
use clap::Args;
use engine::report::Report;
use engine::verdict::Status;
use std::path::PathBuf;
use std::process::Command;

/// More than a rate of 10,000/s at these service times ever has under way.
const CONNECTIONS: u32 = 256;
const RATE_ERROR_MAX: f64 = 0.001;
/// What the way there and back may add: to the median, and to the 99th percentile, which has the machine's stalls in it.
const WAY_P50_MS: f64 = 0.5;
const WAY_P99_MS: f64 = 3.0;
/// The histogram's own precision, as a share.
const PRECISION: f64 = 0.001;
const ATTEMPTS: u32 = 3;

const SERVICES: [ServiceLaw; 3] = [
    ServiceLaw::Fixed { ms: 2.0 },
    ServiceLaw::Exponential { mean_ms: 2.0 },
    ServiceLaw::Lognormal { median_ms: 2.0, sigma: 0.5 },
];
const ERRORS: [Errors; 3] = [
    Errors { refused: 0.0, reset: 0.0 },
    Errors { refused: 0.05, reset: 0.0 },
    Errors { refused: 0.01, reset: 0.002 },
];

#[derive(Args)]
pub(crate) struct MatrixOptions {
    /// Rates, arrivals per second
    #[arg(long, value_delimiter = ',', default_value = "500,2000,10000")]
    rates: Vec<u32>,
    /// Length of each run
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// The binary [default: the workspace's target/release/vajra, built if absent]
    #[arg(long)]
    vajra: Option<PathBuf>,
}

/// Shares of requests that are answered with status 500, and of those whose connection is reset.
#[derive(Clone, Copy, Debug)]
struct Errors {
    refused: f64,
    reset: f64,
}

#[derive(Clone, Copy, Debug)]
struct MatrixCell {
    rate_rps: u32,
    service: ServiceLaw,
    errors: Errors,
}

/// What a cell's run has to show, and did.
struct Judged {
    /// What is wrong with the counts.
    counts: Vec<String>,
    /// What is wrong with the times.
    times: Vec<String>,
}

/// Runs every cell, and fails when one does not say what the server was told to be.
pub(crate) fn run(options: &MatrixOptions) -> Result<Gate, String> {
    let vajra = Vajra::find(options.vajra.as_deref())?;
    let testbed = Builtin::testbed(&vajra, SERVER_CORE)?;
    let cells = cells(&options.rates);
    println!("testbed on core {SERVER_CORE}, vajra on core {GENERATOR_CORE}, such as");
    println!("{}\n", shown(&command(&vajra, &testbed, cells[0], options.seconds)));
    let mut table = Table::new(&[
        "service", "rate/s", "500s", "resets", "achieved", "failed", "may", "p50 ms", "may", "p99 ms", "may",
        "run", "verdict",
    ]);
    let mut is_passed = true;
    for cell in cells {
        let (row, gate) = run_cell(&vajra, &testbed, cell, options.seconds)?;
        is_passed &= gate == Gate::Passed;
        table.push(row);
    }
    print!("{}", table.text());
    let gate = Gate::when(is_passed);
    println!("every cell says what the server was told to be: {}", gate.word());
    Ok(gate)
}

fn cells(rates: &[u32]) -> Vec<MatrixCell> {
    let cell = |service, rate_rps, errors| MatrixCell { rate_rps, service, errors };
    let of = |service| {
        rates.iter().flat_map(move |&rate| ERRORS.into_iter().map(move |errors| cell(service, rate, errors)))
    };
    SERVICES.into_iter().flat_map(of).collect()
}

fn command(vajra: &Vajra, testbed: &Builtin, cell: MatrixCell, seconds: u32) -> Command {
    let Errors { refused, reset } = cell.errors;
    let url = testbed.url(&format!("/?service={}&error={refused}&reset={reset}", cell.service.text()));
    let rate = cell.rate_rps.to_string();
    vajra.command(GENERATOR_CORE, CONNECTIONS, seconds, &url, &["-R", &rate, "--wait", "spin"])
}

fn run_cell(
    vajra: &Vajra,
    testbed: &Builtin,
    cell: MatrixCell,
    seconds: u32,
) -> Result<(Vec<String>, Gate), String> {
    let mut attempt = 1;
    loop {
        let vajra::Run { report, .. } = Vajra::run(&mut command(vajra, testbed, cell, seconds))?;
        let judged = judge(cell, &report, u64::from(seconds));
        let is_last = !judged.counts.is_empty() || attempt == ATTEMPTS;
        if judged.times.is_empty() || is_last {
            let gate = Gate::when(judged.counts.is_empty() && judged.times.is_empty());
            return Ok((row(cell, &report, &judged, attempt), gate));
        }
        attempt += 1;
    }
}

fn judge(cell: MatrixCell, report: &Report, seconds: u64) -> Judged {
    let requests = &report.requests;
    let ended = requests.ok + requests.failed;
    let scheduled = u64::from(cell.rate_rps) * seconds;
    let mut counts = Vec::new();
    if ended + requests.dropped + requests.unsent + requests.withheld != scheduled {
        counts.push(format!("{scheduled} scheduled, {ended} ended"));
    }
    let (low, high) = failures_may(cell, ended);
    if !(low..=high).contains(&requests.failed) {
        counts.push(format!("{} failed", requests.failed));
    }
    let mut times = Vec::new();
    if (ratio(report) - 1.0).abs() > RATE_ERROR_MAX {
        times.push(format!("rate {:.4}", ratio(report)));
    }
    if report.verdict.status == Status::Invalid {
        times.push("INVALID".into());
    }
    for (name, share, measured_ns, way_ms) in quantiles(report) {
        let (low_ms, high_ms) = times_may(cell.service, share, requests.ok, way_ms);
        let measured_ms = measured_ns as f64 / 1e6;
        if !(low_ms..=high_ms).contains(&measured_ms) {
            times.push(format!("{name} {measured_ms:.2}"));
        }
    }
    Judged { counts, times }
}

/// A request whose connection is reset never gets its status.
fn failures_may(cell: MatrixCell, ended: u64) -> (u64, u64) {
    let Errors { refused, reset } = cell.errors;
    binomial_bounds(reset + (1.0 - reset) * refused, ended)
}

fn quantiles(report: &Report) -> [(&'static str, f64, u64, f64); 2] {
    let response = &report.response_ns;
    [("p50", 0.5, response.p50, WAY_P50_MS), ("p99", 0.99, response.p99, WAY_P99_MS)]
}

fn times_may(service: ServiceLaw, share: f64, draws: u64, way_ms: f64) -> (f64, f64) {
    let (low_ms, high_ms) = service.quantile_bounds_ms(share, draws);
    (low_ms * (1.0 - PRECISION), high_ms * (1.0 + PRECISION) + way_ms)
}

fn ratio(report: &Report) -> f64 {
    report.rate.ratio.unwrap_or(0.0)
}

fn row(cell: MatrixCell, report: &Report, judged: &Judged, attempt: u32) -> Vec<String> {
    let requests = &report.requests;
    let (low, high) = failures_may(cell, requests.ok + requests.failed);
    let mut row = vec![
        cell.service.text(),
        cell.rate_rps.to_string(),
        format!("{} %", cell.errors.refused * 100.0),
        format!("{} %", cell.errors.reset * 100.0),
        format!("{:.5}", ratio(report)),
        requests.failed.to_string(),
        format!("{low}-{high}"),
    ];
    for (_, share, measured_ns, way_ms) in quantiles(report) {
        let (low_ms, high_ms) = times_may(cell.service, share, requests.ok, way_ms);
        row.push(format!("{:.2}", measured_ns as f64 / 1e6));
        row.push(format!("{low_ms:.2}-{high_ms:.2}"));
    }
    let wrong: Vec<String> = judged.counts.iter().chain(&judged.times).cloned().collect();
    row.push(format!("{attempt} of {ATTEMPTS}"));
    row.push(match wrong.as_slice() {
        [] => Gate::Passed.word().into(),
        _ => format!("{}: {}", Gate::Failed.word(), wrong.join(", ")),
    });
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_has_its_cell() {
        assert_eq!(cells(&[500, 2_000]).len(), 3 * 2 * 3);
    }

    #[test]
    fn failures_are_refusals_and_resets_together() {
        let cell = |refused, reset| MatrixCell {
            rate_rps: 1,
            service: SERVICES[0],
            errors: Errors { refused, reset },
        };
        assert_eq!(failures_may(cell(0.0, 0.0), 10_000), (0, 0));
        assert_eq!(failures_may(cell(0.5, 0.5), 4), (0, 6));
        let (low, high) = failures_may(cell(0.01, 0.0), 10_000);
        assert!(low < 100 && 100 < high);
    }

    #[test]
    fn a_median_below_the_service_time_is_as_wrong_as_one_far_above() {
        let (low_ms, high_ms) = times_may(ServiceLaw::Fixed { ms: 2.0 }, 0.5, 1_000, WAY_P50_MS);
        assert!(low_ms > 1.99 && low_ms <= 2.0 && high_ms > 2.4 && high_ms < 2.6);
    }
}
