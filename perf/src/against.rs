//! `gate --against REVISION`: what a request costs now, against a build of another revision, and against wrk. Interleaved
//! runs on one nginx.
//!
//! The gate fails when even the lower end of the interval of the ratio is above the limit: a shared machine is too noisy to
//! fail for less, and counts hold what is smaller.

use crate::budgets::Gate;
use crate::race::{Contender, RaceCell, RaceSample, Track};
use crate::scratch::Scratch;
use crate::statistics::{MedianInterval, median, median_interval};
use crate::table::Table;
use crate::target::{ServedBody, ServedOver};
use crate::vajra::Vajra;
use crate::wrk;

/// How much more CPU time a request may take than in the baseline.
const LIMIT: f64 = 0.05;
const CELL: RaceCell = RaceCell { connections: 64, streams: 1, body: ServedBody::Small };

/// Against what, and how often.
#[derive(clap::Args, Debug)]
pub(crate) struct Rounds {
    /// Also run against a build of this revision, and wrk, interleaved: CPU time per request
    #[arg(long, value_name = "REVISION")]
    against: Option<String>,
    /// Rounds of these runs
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of each of these runs
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// Builds, runs, prints, and fails when a request has become dearer. Passes when nothing was asked for.
pub(crate) fn run(options: &Rounds) -> Result<Gate, String> {
    let Some(revision) = &options.against else { return Ok(Gate::Passed) };
    wrk::require()?;
    let now = Vajra::built_now()?;
    let scratch = Scratch::of_revision("against", revision)?;
    scratch.build(&["--bin", "vajra"])?;
    let before = Vajra::find(Some(&scratch.binary("vajra")))?;
    let track = Track::on_nginx(ServedOver::Tcp, options.seconds)?;
    let contenders = [Contender::Vajra(&now), Contender::Vajra(&before), Contender::Wrk];
    let rounds = (0..options.rounds as usize).map(|number| track.round(&contenders, CELL, number));
    let rounds = rounds.collect::<Result<Vec<_>, _>>()?;
    println!(
        "\nCPU time per request, {} connections, {} rounds of {} s",
        CELL.connections, options.rounds, options.seconds
    );
    let ratios = |other: usize| ratios(&rounds, other);
    let gate = judge(&ratios(1));
    let mut table = Table::new(&["against", "now, us", "other, us", "ratio", "interval", "verdict"]);
    table.push(row(revision, &rounds, 1, gate.word()));
    table.push(row("wrk", &rounds, 2, "shown"));
    print!("{}", table.text());
    println!("the lower end of the interval is at most {}: {}", 1.0 + LIMIT, gate.word());
    Ok(gate)
}

fn ratios(rounds: &[Vec<RaceSample>], other: usize) -> Vec<f64> {
    rounds.iter().map(|round| round[0].cpu_ns_per_request / round[other].cpu_ns_per_request).collect()
}

/// Fails when the ratio is above the limit with confidence.
fn judge(ratios: &[f64]) -> Gate {
    Gate::when(median_interval(ratios).low <= 1.0 + LIMIT)
}

fn row(name: &str, rounds: &[Vec<RaceSample>], other: usize, verdict: &str) -> Vec<String> {
    let cost_us = |index: usize| {
        let costs: Vec<f64> = rounds.iter().map(|round| round[index].cpu_ns_per_request / 1e3).collect();
        format!("{:.2}", median(&costs))
    };
    let ratios = ratios(rounds, other);
    let MedianInterval { low, high, confidence } = median_interval(&ratios);
    let interval = format!("{low:.3}-{high:.3} ({:.1} %)", confidence * 100.0);
    vec![name.into(), cost_us(0), cost_us(other), format!("{:.3}", median(&ratios)), interval, verdict.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noisy_machine_fails_nobody_and_a_dearer_request_is_caught() {
        let noisy = [0.9, 1.3, 0.95, 1.2, 1.1, 1.0, 1.15, 0.98, 1.4, 1.05];
        assert_eq!(judge(&noisy), Gate::Passed);
        let dearer = noisy.map(|ratio| 1.0 + ratio / 10.0);
        assert_eq!(judge(&dearer), Gate::Failed);
        assert_eq!(judge(&[1.04; 10]), Gate::Passed);
    }
}
