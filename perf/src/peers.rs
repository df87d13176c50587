//! What a request costs, vajra against wrk, side by side.
//!
//! Both run by turns against one server process (A B, B A, A B …); what counts is the ratio within a pair.

use crate::budgets;
use crate::process::shown;
use crate::race::{Cell, Contender, Sample, Track};
use crate::statistics::{Interval, median, median_interval};
use crate::target::{Body, Nginx};
use crate::vajra::Vajra;
use crate::wrk;
use crate::{GENERATOR_CORE, Gate, SERVER_CORE};
use clap::Args;
use engine::verdict::Status;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Options {
    /// Pairs of runs per cell; at least six for an interval worth 95 %
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_value = "8,64,256")]
    connections: Vec<u32>,
    /// Bodies
    #[arg(long, value_delimiter = ',', value_enum, default_value = "small,64k,1m")]
    bodies: Vec<Body>,
    /// Length of each run
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Exit with 1 if the median ratio of a cell is above its budget
    #[arg(long)]
    limit: bool,
    /// The binary [default: the workspace's target/release/vajra, built if absent]
    #[arg(long)]
    vajra: Option<PathBuf>,
}

struct Pair {
    vajra: Sample,
    wrk: Sample,
}

/// Measures and prints every cell.
pub(crate) fn run(options: &Options) -> Result<Gate, String> {
    wrk::require()?;
    let vajra = Vajra::find(options.vajra.as_deref())?;
    let nginx = Nginx::start(SERVER_CORE)?;
    vajra.require_printed_verdict(GENERATOR_CORE, &nginx.url(Body::Small))?;
    let track = Track { nginx, seconds: options.seconds };
    let cells = options
        .bodies
        .iter()
        .flat_map(|&body| options.connections.iter().map(move |&connections| Cell { connections, body }));
    print_setup(&vajra, &track, options);
    let mut is_within = true;
    for cell in cells {
        let pairs = (0..options.pairs as usize).map(|number| Pair::run(&vajra, &track, cell, number));
        let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
        is_within &= print_row(cell, &pairs);
    }
    println!(
        "\nThe ratio is vajra over wrk, the median of pairs; the interval is of order statistics, for any distribution."
    );
    Ok(Gate::when(is_within || !options.limit))
}

impl Pair {
    /// Runs both, the order alternating from pair to pair.
    fn run(vajra: &Vajra, track: &Track, cell: Cell, number: usize) -> Result<Pair, String> {
        let samples = track.round(&[Contender::Vajra(vajra), Contender::Wrk], cell, number)?;
        Ok(Pair { vajra: samples[0], wrk: samples[1] })
    }
}

fn budget(body: Body) -> f64 {
    match body {
        Body::Small => budgets::CPU_SHARE_SMALL_MAX,
        Body::Kibibytes64 => budgets::CPU_SHARE_64K_MAX,
        Body::Mebibyte => budgets::CPU_SHARE_1M_MAX,
    }
}

fn print_setup(vajra: &Vajra, track: &Track, options: &Options) {
    let (Some(&connections), Some(&body)) = (options.connections.first(), options.bodies.first()) else {
        return;
    };
    let cell = Cell { connections, body };
    println!("server: nginx, one process on core {SERVER_CORE}; generators on core {GENERATOR_CORE}");
    println!("A: {} --quiet --json FILE", shown(&track.command(Contender::Vajra(vajra), cell)));
    println!("B: {}", shown(&track.command(Contender::Wrk, cell)));
    println!("{} pairs of {} s per cell, A B and B A by turns\n", options.pairs, options.seconds);
    println!(
        "{:>5} {:>6} {:>11} {:>11} {:>7} {:>22} {:>15} {:>10} {:>10}  verdicts",
        "conns", "body", "vajra us/rq", "wrk us/rq", "ratio", "interval", "budget", "vajra rq/s", "wrk rq/s"
    );
}

/// Prints a cell; true when it is within its budget.
fn print_row(cell: Cell, pairs: &[Pair]) -> bool {
    let of = |figure: fn(&Pair) -> f64| pairs.iter().map(figure).collect::<Vec<f64>>();
    let ratios = of(|pair| pair.vajra.cpu_ns_per_request / pair.wrk.cpu_ns_per_request);
    let (ratio, interval) = (median(&ratios), median_interval(&ratios));
    let gate = Gate::when(ratio <= budget(cell.body));
    println!(
        "{:>5} {:>6} {:>11.2} {:>11.2} {:>7.3} {:>22} {:>15} {:>10.0} {:>10.0}  {}",
        cell.connections,
        cell.body.name(),
        median(&of(|pair| pair.vajra.cpu_ns_per_request)) / 1e3,
        median(&of(|pair| pair.wrk.cpu_ns_per_request)) / 1e3,
        ratio,
        show_interval(interval),
        format!("<= {:.2} {}", budget(cell.body), gate.word()),
        median(&of(|pair| pair.vajra.rate_rps)),
        median(&of(|pair| pair.wrk.rate_rps)),
        verdicts(pairs),
    );
    warn_of_failures(pairs);
    gate == Gate::Passed
}

fn show_interval(interval: Interval) -> String {
    format!("{:.3}-{:.3} ({:.1} %)", interval.low, interval.high, interval.confidence * 100.0)
}

/// How often each verdict was given, the good ones first.
fn verdicts(pairs: &[Pair]) -> String {
    let given = |status| pairs.iter().filter(|pair| pair.vajra.verdict == Some(status)).count();
    let counts = [Status::Valid, Status::Degraded, Status::Invalid].map(|status| (given(status), status));
    let shown = counts.iter().filter(|(count, _)| *count > 0);
    shown.map(|&(count, status)| format!("{count} {}", status.name())).collect::<Vec<_>>().join(", ")
}

fn warn_of_failures(pairs: &[Pair]) {
    let vajra: u64 = pairs.iter().map(|pair| pair.vajra.failed).sum();
    let wrk: u64 = pairs.iter().map(|pair| pair.wrk.failed).sum();
    if vajra + wrk > 0 {
        println!(
            "      requests failed: vajra {vajra}, wrk {wrk}; a failure costs something else than an answer"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(status: Status) -> Pair {
        let sample = Sample { cpu_ns_per_request: 1.0, rate_rps: 1.0, failed: 0, verdict: None };
        Pair { vajra: Sample { verdict: Some(status), ..sample }, wrk: sample }
    }

    #[test]
    fn verdicts_are_counted() {
        let pairs = [pair(Status::Valid), pair(Status::Invalid), pair(Status::Valid)];
        assert_eq!(verdicts(&pairs), "2 VALID, 1 INVALID");
    }

    #[test]
    fn each_body_has_its_budget() {
        assert_eq!([Body::Small, Body::Kibibytes64, Body::Mebibyte].map(budget), [0.80, 0.55, 0.25]);
    }

    #[test]
    fn a_row_is_within_its_budget_up_to_the_budget_itself() {
        let cell = Cell { connections: 64, body: Body::Small };
        let at = |ratio: f64| {
            let mut pair = pair(Status::Valid);
            pair.vajra.cpu_ns_per_request = ratio;
            print_row(cell, &[pair])
        };
        assert!(at(0.80) && !at(0.81));
    }
}
