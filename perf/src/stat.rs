//! `stat`: what the processor and the kernel count per request, vajra and wrk side by side, as far as this machine has
//! counters. Shown, not judged: cycles and cache misses move with the neighbours.

use crate::cores::SERVER_CORE;
use crate::perf_stat::{self, Counts, EVENTS};
use crate::race::{Contender, RaceCell, Track};
use crate::statistics::median;
use crate::table::Table;
use crate::target::{ServedBody, ServedOver};
use crate::vajra::{self, Vajra};
use crate::wrk;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct StatOptions {
    /// Runs of each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Connections
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Body
    #[arg(long, value_enum, default_value = "small")]
    body: ServedBody,
    /// Length of each run
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// The binary [default: the workspace's target/release/vajra, built if absent]
    #[arg(long)]
    vajra: Option<PathBuf>,
}

/// Runs both by turns under `perf stat`, and prints the medians.
pub(crate) fn run(options: &StatOptions) -> Result<(), String> {
    wrk::require()?;
    let events = perf_stat::available()?;
    let vajra = Vajra::find(options.vajra.as_deref())?;
    let track = Track::on_nginx(ServedOver::Tcp, options.seconds)?;
    let cell = RaceCell::of(options.connections, options.body);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..options.runs {
        // A B, B A, and so on.
        for is_ours in [number % 2 == 0, number % 2 == 1] {
            match is_ours {
                true => ours.push(count_vajra(&track, &vajra, cell, &events)?),
                false => theirs.push(count_wrk(&track, cell, &events)?),
            }
        }
    }
    println!(
        "per request, medians of {} runs of {} s: {} connections, body {}, one nginx on core {SERVER_CORE}",
        options.runs,
        options.seconds,
        cell.connections,
        cell.body.name()
    );
    print!("{}", table(&events, &ours, &theirs).text());
    let absent = EVENTS.iter().filter(|(event, _)| !events.contains(event)).map(|(event, _)| *event);
    let absent: Vec<&str> = absent.collect();
    if !absent.is_empty() {
        println!("not on this machine: {}", absent.join(", "));
    }
    Ok(())
}

fn count_vajra(track: &Track, vajra: &Vajra, cell: RaceCell, events: &[&str]) -> Result<Counts, String> {
    let mut command = track.command(Contender::Vajra(vajra), cell)?;
    let (run, counts) = Vajra::run_counted(&mut command, events)?;
    Ok(per_request(counts, vajra::completed(&run.report)))
}

fn count_wrk(track: &Track, cell: RaceCell, events: &[&str]) -> Result<Counts, String> {
    let (counted, counts) = wrk::run_counted(&track.command(Contender::Wrk, cell)?, events)?;
    Ok(per_request(counts, counted.requests))
}

fn per_request(mut counts: Counts, requests: u64) -> Counts {
    counts.values_mut().for_each(|count| *count /= requests.max(1) as f64);
    counts
}

fn table(events: &[&str], ours: &[Counts], theirs: &[Counts]) -> Table {
    let mut table = Table::new(&["counter", "vajra", "wrk", "ratio", "event"]);
    for (event, name) in EVENTS.iter().filter(|(event, _)| events.contains(event)) {
        let middle = |runs: &[Counts]| {
            let values: Vec<f64> = runs.iter().filter_map(|counts| counts.get(*event).copied()).collect();
            if values.is_empty() { f64::NAN } else { median(&values) }
        };
        let (ours, theirs) = (middle(ours), middle(theirs));
        let figure = |value: f64| format!("{value:.4}");
        let ratio = format!("{:.3}", ours / theirs);
        table.push(vec![(*name).into(), figure(ours), figure(theirs), ratio, (*event).into()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_shared_among_requests_and_medians_compared() {
        let run = |calls: f64| per_request(Counts::from([("context-switches".into(), calls)]), 100);
        let (ours, theirs) = ([run(100.0), run(200.0), run(900.0)], [run(400.0)]);
        let text = table(&["context-switches"], &ours, &theirs).text();
        let row = text.lines().nth(1).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells, ["context", "switches", "2.0000", "4.0000", "0.500", "context-switches"]);
    }
}
