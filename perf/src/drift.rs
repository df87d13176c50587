//! Whether a rate is carried exactly over minutes: one open-loop run, watched from outside.

use crate::budgets;
use crate::budgets::Gate;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::process::shown;
use crate::target::{Nginx, ServedBody};
use crate::vajra::{self, Vajra};
use clap::Args;
use engine::quantity::show_ns;
use engine::report::Report;
use std::path::PathBuf;

const CONNECTIONS: u32 = 64;

#[derive(Args)]
pub(crate) struct DriftOptions {
    /// Length of the run
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Arrivals per second
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// The binary [default: the workspace's target/release/vajra, built if absent]
    #[arg(long)]
    vajra: Option<PathBuf>,
}

/// Runs, prints the figures, and fails if the rate was not the one asked for. Slip has budgets too, which are shown but
/// do not fail: stalls of the machine are in it, and only the verdict tells them apart.
pub(crate) fn run(options: &DriftOptions) -> Result<Gate, String> {
    let vajra = Vajra::find(options.vajra.as_deref())?;
    let nginx = Nginx::start(SERVER_CORE)?;
    let rate = options.rate.to_string();
    let more = ["-R", rate.as_str(), "--wait", "spin"];
    let url = nginx.url(ServedBody::Small);
    let mut command = vajra.command(GENERATOR_CORE, CONNECTIONS, options.seconds, &url, &more);
    println!("server: nginx, one process on core {SERVER_CORE}\n{}\n", shown(&command));
    let vajra::Run { report, .. } = Vajra::run(&mut command)?;
    print_facts(&report);
    let gate = print_rate(&report)?;
    print_slip("slip p50", report.slip_ns.p50, budgets::SLIP_P50_NS_MAX);
    print_slip("slip p99", report.slip_ns.p99, budgets::SLIP_P99_NS_MAX);
    Ok(gate)
}

fn print_facts(report: &Report) {
    let requests = &report.requests;
    let scheduled = requests.ok + requests.failed + requests.dropped + requests.unsent + requests.withheld;
    let hiccups: u64 = report.cpu.shards.iter().map(|shard| shard.counted.hiccups).sum();
    let longest_ns = report.cpu.shards.iter().map(|shard| shard.counted.hiccup_ns_max).max().unwrap_or(0);
    println!("requests   {scheduled} scheduled, {} sent, {} failed", requests.sent, requests.failed);
    println!(
        "clock      {:+.3} ppm at the worst, {} steps",
        report.environment.clock_ppm, report.environment.clock_steps
    );
    println!(
        "stalls     {hiccups}, the longest {}; {:.2} s stolen",
        show_ns(longest_ns),
        report.environment.steal_s.unwrap_or(0.0)
    );
    println!("verdict    {}", report.verdict.status.name());
    for reason in &report.verdict.reasons {
        println!("           {}: {}", reason.rule, reason.text);
    }
}

fn print_rate(report: &Report) -> Result<Gate, String> {
    let ratio = report.rate.ratio.ok_or("the report of an open-loop run has no rate.ratio")?;
    let error = (ratio - 1.0).abs();
    let gate = Gate::when(error <= budgets::RATE_ERROR_MAX);
    println!(
        "rate       {:.3}/s of {:.3}/s: ratio {ratio:.7}, off by {error:.1e} of {:.1e} allowed: {}",
        report.rate.achieved,
        report.rate.target.unwrap_or(0.0),
        budgets::RATE_ERROR_MAX,
        gate.word()
    );
    Ok(gate)
}

fn print_slip(name: &str, measured_ns: u64, limit_ns: u64) {
    let word = if measured_ns <= limit_ns { "within" } else { "beyond" };
    println!("{name}   {} ({word} {})", show_ns(measured_ns), show_ns(limit_ns));
}
